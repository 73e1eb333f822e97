//! Promise: whole files of a store that are emptied, cut, deleted, exchanged, doubled or brought
//! from another store, and records of the database whose bytes are changed, cost what they held and
//! nothing else: what is lost is set aside and reported with its number of samples, the rest is
//! served, and nothing is served that was not written.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use plimsoll::db::record;
use plimsoll::store::Store;
use plimsoll::{Error, Result};

use crate::support::sim::{Machine, ROOT, World};
use crate::support::small::{self, Content, append, content};

const SEGMENTS: usize = 3;
/// Samples of each segment.
const SAMPLES: usize = 80;

/// Segments of one host each, two batches in the head, and their contents.
fn built() -> (World, Vec<Content>) {
    let machine = Machine::start(World::default());
    let store = machine.open(small::options()).unwrap();
    let mut contents = Vec::new();
    for host in 0..SEGMENTS as u32 {
        contents.push(append(&store, host, i64::from(host), SAMPLES as i64 / 2).unwrap());
        store.seal().unwrap();
    }
    contents.push(append(&store, 0, 1_000, 3).unwrap());
    contents.push(append(&store, 5, 1_000, 3).unwrap());
    store.close().unwrap();
    (machine.world(), contents)
}

fn files(world: &World, folder: &str) -> Vec<PathBuf> {
    world.files(&Path::new(ROOT).join(folder))
}

fn opened(world: World) -> Result<(Machine, Store)> {
    let machine = Machine::start(world);
    let store = machine.open(small::options())?;
    Ok((machine, store))
}

/// Opens a store whose segments `lost` are damaged, twice; it sets `aside` files aside.
fn assert_lost(world: World, contents: &[Content], lost: &[usize], aside: usize, what: &str) {
    let kept = contents.iter().enumerate().filter(|(at, _)| !lost.contains(at));
    let kept: Content = kept.flat_map(|(_, content)| content.clone()).collect();
    let mut world = world;
    let mut first = None;
    for opening in 0..2 {
        let (machine, store) = opened(world).unwrap_or_else(|why| panic!("{what}: {why}"));
        assert_eq!(content(&store).unwrap(), kept, "{what}, opening {opening}");
        let findings = store.check().unwrap().findings;
        assert_eq!(findings.len(), lost.len(), "{what}, opening {opening}: {findings:?}");
        let counted =
            |f: &plimsoll::store::Finding| f.what.contains(&format!(" {SAMPLES} samples"));
        assert!(findings.iter().all(counted), "{what}: {findings:?}");
        // What was found is remembered with its reason.
        assert_eq!(*first.get_or_insert_with(|| findings.clone()), findings, "{what}");
        let stat = store.stat().unwrap();
        assert_eq!(stat.quarantined, lost.len() as u64, "{what}");
        assert_eq!(stat.segments as usize, SEGMENTS - lost.len(), "{what}");
        // Life goes on.
        if opening == 1 {
            append(&store, 1, 2_000, 3).unwrap();
            store.seal().unwrap();
            store.compact(true).unwrap();
            assert_eq!(content(&store).unwrap().len(), kept.len() + 6, "{what}");
        }
        drop(store);
        world = machine.world();
        assert_eq!(files(&world, "quarantine").len(), aside, "{what}, opening {opening}");
    }
}

#[test]
fn segments_that_are_exchanged_emptied_deleted_or_doubled_cost_themselves() {
    let (world, contents) = built();
    let paths = files(&world, "segments");
    let all = |world: &World| -> Vec<Vec<u8>> {
        paths.iter().map(|path| world.bytes(path).unwrap().to_vec()).collect()
    };
    let (bytes, other) = (all(&world), all(&built().0));
    let damaged = |changes: &[(&Path, Option<Vec<u8>>)]| {
        let mut world = world.clone();
        for (path, bytes) in changes {
            world.put(path, bytes.clone());
        }
        world
    };
    for (at, here) in paths.iter().map(PathBuf::as_path).enumerate() {
        assert_lost(damaged(&[(here, None)]), &contents, &[at], 0, &format!("{at} deleted"));
        for length in [0, 1, 64, bytes[at].len() / 2, bytes[at].len() - 1] {
            let cut = damaged(&[(here, Some(bytes[at][..length].to_vec()))]);
            assert_lost(cut, &contents, &[at], 1, &format!("{at} cut to {length}"));
        }
        let foreign = damaged(&[(here, Some(other[at].clone()))]);
        assert_lost(foreign, &contents, &[at], 1, &format!("{at} of another store"));
        let double = PathBuf::from(format!("{ROOT}/segments/00000000000000{at}a.seg"));
        let doubled = damaged(&[(&double, Some(bytes[at].clone()))]);
        assert_lost(doubled, &contents, &[], 1, &format!("{at} twice"));
        for with in (0..SEGMENTS).filter(|with| *with != at) {
            let there = paths[with].as_path();
            let copied = damaged(&[(there, Some(bytes[at].clone()))]);
            assert_lost(copied, &contents, &[with], 1, &format!("{at} over {with}"));
            let both = [(here, Some(bytes[with].clone())), (there, Some(bytes[at].clone()))];
            let lost = [at, with];
            assert_lost(damaged(&both), &contents, &lost, 2, &format!("{at} and {with} swapped"));
        }
    }
}

#[test]
fn label_files_that_are_exchanged_emptied_or_deleted_are_written_again() {
    let (world, contents) = built();
    let all: Content = contents.into_iter().flatten().collect();
    let paths = files(&world, "labels");
    assert_eq!(paths.len(), SEGMENTS);
    let bytes = |at: usize| world.bytes(&paths[at]).unwrap().to_vec();
    for (at, path) in paths.iter().enumerate() {
        let mut damages = vec![None, Some(Vec::new()), Some(bytes(at)[1..].to_vec())];
        damages.extend((0..SEGMENTS).filter(|with| *with != at).map(|with| Some(bytes(with))));
        for damage in damages {
            let aside = usize::from(damage.is_some());
            let mut damaged = world.clone();
            damaged.put(path, damage);
            let (machine, store) = opened(damaged).unwrap();
            assert_eq!(content(&store).unwrap(), all);
            assert_eq!(store.check().unwrap().findings, []);
            assert_eq!(*machine.world().bytes(path).unwrap(), bytes(at));
            assert_eq!(files(&machine.world(), "quarantine").len(), aside);
        }
    }
}

#[test]
fn counters_that_cannot_be_are_refused() {
    let (world, _) = built();
    for which in 0..3 {
        let mut counters = [9_u64; 3];
        counters[which] = u64::MAX;
        let record = record::encode(&(counters[0], counters[1], counters[2])).unwrap();
        let mut damaged = world.clone();
        damaged.put_record("manifest", b"counters", Some(record));
        assert!(matches!(opened(damaged), Err(Error::Corrupt { .. })), "counter {which}");
    }
    let mut damaged = world.clone();
    let (family, _, batch) =
        world.records().into_iter().find(|(family, ..)| family.starts_with("head-")).unwrap();
    damaged.put_record(&family, &[0xff; 8], Some(batch));
    assert!(matches!(opened(damaged), Err(Error::Corrupt { .. })));
}

#[test]
fn a_record_of_the_database_with_a_changed_byte_is_an_error_or_a_reported_loss() {
    let (world, contents) = built();
    let all: Content = contents.iter().flatten().map(|(key, bits)| (key.clone(), *bits)).collect();
    let head: BTreeSet<usize> = [SEGMENTS, SEGMENTS + 1].into();
    let (mut refused, mut lost) = (0, 0);
    for (family, key, value) in world.records() {
        for at in 0..value.len() {
            let others = (1..=u8::MAX).step_by(if crate::support::slow() { 1 } else { 50 });
            for change in others {
                let what = format!("{family}, {key:?}, byte {at}, {change}");
                let mut damaged = value.clone();
                damaged[at] ^= change;
                let mut world = world.clone();
                world.put_record(&family, &key, Some(damaged));
                match opened(world) {
                    Err(Error::Corrupt { path, .. }) => {
                        assert_eq!(path, Path::new(ROOT).join("db"), "{what}");
                        assert!(!family.starts_with("head-"), "{what}: a batch costs itself only");
                        refused += 1;
                    }
                    Err(why) => panic!("{what}: {why}"),
                    Ok((_, store)) => {
                        assert!(family.starts_with("head-"), "{what}: not seen");
                        let found = content(&store).unwrap();
                        let expected = |without: &usize| -> Content {
                            let rest =
                                all.iter().filter(|(k, _)| !contents[*without].contains_key(*k));
                            rest.map(|(k, bits)| (k.clone(), *bits)).collect()
                        };
                        assert!(head.iter().any(|batch| expected(batch) == found), "{what}");
                        assert_eq!(store.check().unwrap().findings.len(), 1, "{what}");
                        lost += 1;
                    }
                }
            }
        }
    }
    println!("{refused} refused, {lost} lost");
    assert!(refused > 1_000 && lost > 100);
}
