//! Backups on a simulated machine: stopped at any operation, failing at any, changed in any byte.

use std::path::{Path, PathBuf};

use plimsoll::db::Db;
use plimsoll::store::Store;
use plimsoll::{Error, Result};

use super::{more_life, some_life};
use crate::support::sim::{Failure, Machine, Plan, ROOT, Stop, World};
use crate::support::small::{append, fingerprint, options};

/// Where a simulated machine has its backup.
const BACKUP: &str = "/backup";

/// A machine that has nothing but the backup of another.
fn elsewhere(world: &World) -> World {
    let mut other = World::default();
    for path in backup_files(world) {
        other.put(&path, Some(world.bytes(&path).unwrap().to_vec()));
    }
    other
}

fn backup_files(world: &World) -> Vec<PathBuf> {
    let folders = ["", "segments", "labels"].map(|name| Path::new(BACKUP).join(name));
    let root = Path::new(BACKUP).to_owned();
    let [_, segments, labels] = folders;
    [root, segments, labels].iter().flat_map(|folder| world.files(folder)).collect()
}

/// Restores the backup on a machine; the file stands for the folder of its database.
fn restore(machine: &Machine) -> Result<()> {
    let open = |path: &Path| {
        machine.put(path, Vec::new());
        Ok(Box::new(machine.clone()) as Box<dyn Db>)
    };
    Store::restore_on(machine, &open, Path::new(BACKUP), Path::new(ROOT)).map(drop)
}

/// What a restored store shows; `Err` where the backup is refused.
fn restored(world: &World) -> Result<u64> {
    let machine = Machine::start(elsewhere(world));
    restore(&machine)?;
    let store = machine.open(options()).unwrap();
    assert_eq!(store.check().unwrap().findings, []);
    fingerprint(&store)
}

fn stops(seed: u64) -> impl Iterator<Item = Stop> {
    let cuts = if crate::support::slow() { 200 } else { 20 };
    [Stop::Kill, Stop::PowerLoss]
        .into_iter()
        .chain((0..cuts).map(move |n| Stop::PowerCut(seed * cuts + n)))
}

#[test]
fn a_backup_that_is_stopped_anywhere_leaves_the_one_before_or_is_refused() {
    let machine = Machine::start_recording(World::default());
    let store = machine.open(options()).unwrap();
    let target = Path::new(BACKUP);
    some_life(&store);
    let (begun, first) = (machine.moments(), fingerprint(&store).unwrap());
    let report = store.backup(target).unwrap();
    assert_eq!((report.kept, report.linked, report.samples), (0, 2, 250), "{report:?}");
    let between = machine.moments();
    more_life(&store);
    let (again, second) = (machine.moments(), fingerprint(&store).unwrap());
    let report = store.backup(target).unwrap();
    // Two segments of samples and two of buckets, whose labels were there.
    assert_eq!((report.kept, report.linked), (1, 4), "{report:?}");
    let done = machine.moments();
    let report = store.backup(target).unwrap();
    assert_eq!((report.kept, report.linked, report.copied), (7, 0, 1), "{report:?}");
    assert_ne!(first, second);
    let mut moments = machine.take_moments();
    moments.push(machine.world());
    let (mut images, mut refused) = (0, 0);
    for (at, moment) in moments.iter().enumerate().skip(begun) {
        for stop in stops(at as u64) {
            let what = || format!("{stop:?} at operation {at}");
            images += 1;
            let found = match restored(&moment.after(stop)) {
                Ok(found) => found,
                Err(why) => {
                    let text = why.to_string();
                    let clear = text.contains("never finished") || text.contains("is no backup");
                    assert!(clear, "{}: {why}", what());
                    assert!(at < between, "{}: {why}", what());
                    refused += 1;
                    continue;
                }
            };
            let allowed = match at {
                _ if at <= again => vec![first],
                _ if at < done => vec![first, second],
                _ => vec![second],
            };
            assert!(allowed.contains(&found), "{}: another state", what());
        }
    }
    println!("{images} images, {refused} refused");
    assert!(images > 1_000 && refused > 100 && refused < images / 2, "{images}, {refused}");
}

#[test]
fn a_backup_after_one_that_was_stopped_is_whole_again() {
    let machine = Machine::start_recording(World::default());
    let store = machine.open(options()).unwrap();
    some_life(&store);
    store.backup(Path::new(BACKUP)).unwrap();
    more_life(&store);
    let begun = machine.moments();
    store.backup(Path::new(BACKUP)).unwrap();
    let expected = fingerprint(&store).unwrap();
    for (at, moment) in machine.take_moments().iter().enumerate().skip(begun) {
        for stop in [Stop::Kill, Stop::PowerLoss, Stop::PowerCut(at as u64)] {
            let machine = Machine::start(moment.after(stop));
            let store = machine.open(options()).unwrap();
            store.backup(Path::new(BACKUP)).unwrap();
            let world = machine.world();
            assert_eq!(restored(&world).unwrap(), expected, "{stop:?} at operation {at}");
            // The marker, the database, and what the store has: nothing is left over.
            let names = backup_files(&world).len() as u64;
            let rolled: u64 = store.snapshot().unwrap().tiers().iter().map(|t| t.files).sum();
            let parts = 2 + store.stat().unwrap().segments + rolled + labels_of(&world);
            assert_eq!(names, parts, "{stop:?} at operation {at}: {:?}", backup_files(&world));
        }
    }
}

fn labels_of(world: &World) -> u64 {
    world.files(&Path::new(ROOT).join("labels")).len() as u64
}

#[test]
fn a_backup_that_fails_costs_the_store_nothing() {
    let prepared = Machine::start(World::default());
    some_life(&prepared.open(options()).unwrap());
    let world = prepared.world().after(Stop::PowerLoss);
    let opened = Machine::start(world.clone());
    drop(opened.open(options()).unwrap());
    let (mut at, failures) = (
        opened.operations() + 1,
        [Failure::InputOutput, Failure::NoSpace, Failure::TooManyFiles, Failure::Short],
    );
    let mut failed = 0;
    loop {
        let failure = failures[at as usize % failures.len()];
        let plan = Plan { at, failure, for_ever: false };
        let machine = Machine::start_failing(world.clone(), plan);
        let store = machine.open(options()).unwrap();
        let done = store.backup(Path::new(BACKUP));
        if machine.operations() < at {
            break;
        }
        if let Err(why) = done {
            assert!(matches!(why, Error::Io { .. } | Error::Database { .. }), "{plan:?}: {why}");
            failed += 1;
        }
        append(&store, 5, 0, 3).unwrap();
        store.seal().unwrap();
        store.backup(Path::new(BACKUP)).unwrap();
        let expected = fingerprint(&store).unwrap();
        assert_eq!(restored(&machine.world()).unwrap(), expected, "{plan:?}");
        at += 1;
    }
    println!("{failed} backups failed");
    assert!(failed > 30, "only {failed} failures");
}

#[test]
fn a_restore_that_is_stopped_is_no_store_or_the_whole_one() {
    let machine = Machine::start(World::default());
    let store = machine.open(options()).unwrap();
    some_life(&store);
    store.backup(Path::new(BACKUP)).unwrap();
    let expected = fingerprint(&store).unwrap();
    let machine = Machine::start_recording(elsewhere(&machine.world()));
    restore(&machine).unwrap();
    let mut moments = machine.take_moments();
    moments.push(machine.world());
    let mut stores = 0;
    for (at, moment) in moments.iter().enumerate() {
        for stop in stops(at as u64) {
            let left = moment.after(stop);
            let database = left.bytes(&Path::new(ROOT).join("db")).is_some();
            assert!(database || at + 1 < moments.len(), "{stop:?} at operation {at}: no store");
            if database {
                let store = Machine::start(left).open(options()).unwrap();
                assert_eq!(fingerprint(&store).unwrap(), expected, "{stop:?} at operation {at}");
                stores += 1;
            }
        }
    }
    assert!(stores > 20, "only {stores} stores");
}

/// A backup on a simulated machine, and its files.
fn a_backup() -> (World, Vec<PathBuf>) {
    let machine = Machine::start(World::default());
    let store = machine.open(options()).unwrap();
    some_life(&store);
    store.backup(Path::new(BACKUP)).unwrap();
    let world = elsewhere(&machine.world());
    let paths = backup_files(&world);
    assert_eq!(paths.len(), 6, "{paths:?}");
    (world, paths)
}

/// A backup that was changed is refused before anything is made, and one of these files is named.
fn assert_refused(world: &World, names: &[&Path], what: &str) {
    let machine = Machine::start(world.clone());
    let refused = restore(&machine).err().unwrap_or_else(|| panic!("{what}: restored"));
    let text = refused.to_string();
    let named = names.iter().any(|path| text.contains(path.to_str().unwrap()));
    assert!(named, "{what}: {text}");
    let made = machine.world().files(Path::new(ROOT));
    assert_eq!(made, [] as [PathBuf; 0], "{what}");
}

#[test]
fn no_change_of_any_byte_of_a_backup_goes_unseen() {
    let (world, paths) = a_backup();
    for path in &paths {
        let bytes = world.bytes(path).unwrap().to_vec();
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << (at % 8);
            let mut world = world.clone();
            world.put(path, Some(damaged));
            assert_refused(&world, &[path], &format!("byte {at} of {}", path.display()));
        }
        for length in (0..bytes.len()).step_by(7) {
            let mut world = world.clone();
            world.put(path, Some(bytes[..length].to_vec()));
            assert_refused(&world, &[path], &format!("{} cut at {length}", path.display()));
        }
        let mut world = world.clone();
        world.put(path, Some([bytes.as_slice(), &[0]].concat()));
        assert_refused(&world, &[path], &format!("{} and a byte", path.display()));
    }
}

#[test]
fn a_file_that_is_missing_exchanged_or_added_to_a_backup_is_named() {
    let (world, paths) = a_backup();
    for path in &paths {
        let mut without = world.clone();
        without.put(path, None);
        // Without its marker a backup is none.
        let named =
            if path.extension() == Some("backup".as_ref()) { Path::new(BACKUP) } else { path };
        assert_refused(&without, &[named], &format!("{} is missing", path.display()));
        for other in paths.iter().filter(|other| *other != path) {
            let mut swapped = world.clone();
            swapped.put(path, Some(world.bytes(other).unwrap().to_vec()));
            swapped.put(other, Some(world.bytes(path).unwrap().to_vec()));
            let what = format!("{} for {}", path.display(), other.display());
            assert_refused(&swapped, &[path, other], &what);
        }
    }
    let bytes = world.bytes(&paths[0]).unwrap().to_vec();
    for name in [
        "notes.txt",
        "0000000000000000.backup",
        "0000000000000002.database",
        "0000000000000002.tmp",
        "segments/00000000000000ff.seg",
        "segments/00000000000000ff.tmp",
        "segments/notes.txt",
        "labels/00000000000000000000000000000001.lbl",
        "labels/notes.txt",
    ] {
        let (extra, mut more) = (Path::new(BACKUP).join(name), world.clone());
        more.put(&extra, Some(bytes.clone()));
        assert_refused(&more, &[&extra], name);
    }
}
