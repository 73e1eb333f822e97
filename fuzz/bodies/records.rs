//! Records of manifest, catalog and head are replaced as the input says, with checksums that fit:
//! the store opens or says what is wrong, and can be read, checked, written and sealed without a
//! panic.
//!
//! Input: per record one byte that chooses it, one that says how many bytes follow, and these.

use std::sync::LazyLock;

use crate::support::sim::{Machine, World};
use crate::support::small::{append, content, options};

/// A store with two segments and a head.
static WORLD: LazyLock<World> = LazyLock::new(|| {
    let machine = Machine::start(World::default());
    let store = machine.open(options()).unwrap();
    for host in 0..2 {
        append(&store, host, 0, 5).unwrap();
        store.seal().unwrap();
    }
    append(&store, 0, 5, 3).unwrap();
    store.close().unwrap();
    machine.world()
});

pub(crate) fn run(mut input: &[u8]) {
    let mut world = WORLD.clone();
    let records = WORLD.records();
    while let Some(([which, length], rest)) = input.split_first_chunk::<2>() {
        let (body, rest) = rest.split_at(rest.len().min(usize::from(*length)));
        input = rest;
        let (family, key, value) = &records[usize::from(*which) % records.len()];
        // A patch of the record, whose first byte says where, or all of it.
        let mut changed = value[5..].to_vec();
        match body.split_first() {
            Some((at, patch)) if usize::from(*at) + patch.len() <= changed.len() => {
                changed[usize::from(*at)..][..patch.len()].copy_from_slice(patch);
            }
            _ => changed = body.to_vec(),
        }
        // The version byte, 0, is part of the sum.
        let sum = crc32c::crc32c_append(crc32c::crc32c(&[0]), &changed);
        let value = [&[0][..], &sum.to_le_bytes(), &changed].concat();
        world.put_record(family, key, Some(value));
    }
    let Ok(store) = Machine::start(world).open(options()) else { return };
    drop(content(&store));
    drop(store.check());
    drop(store.stat());
    drop(append(&store, 3, 9, 2));
    drop(store.seal());
    drop(store.compact(true));
    drop(content(&store));
}
