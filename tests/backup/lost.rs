//! Segments that the store has lost and its backup has not: no run into the same folder costs them.

use std::path::{Path, PathBuf};

use plimsoll::Timestamp;
use plimsoll::store::Store;

use super::{refused, some_life};
use crate::support::small::{Content, content, files, open, replace};

/// What is done to a segment's file.
const DAMAGES: [fn(&Path); 2] = [
    |path| replace(path, &std::fs::read(path).unwrap()[..100]),
    |path| std::fs::remove_file(path).unwrap(),
];

/// A store and its backup, of which the store has lost a segment; and what it held.
fn damaged(folder: &Path, damage: fn(&Path)) -> Content {
    let store = open(&folder.join("store"));
    some_life(&store);
    store.backup(&folder.join("backup")).unwrap();
    let expected = content(&store).unwrap();
    store.close().unwrap();
    damage(&files(&folder.join("store/segments")).remove(0));
    expected
}

/// All files of a backup, with their bytes.
fn bytes_of(backup: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let folders = ["", "segments", "labels"].map(|name| backup.join(name));
    let all = folders.iter().flat_map(|folder| files(folder));
    all.filter(|path| path.is_file())
        .map(|path| (path.clone(), std::fs::read(path).unwrap()))
        .collect()
}

#[test]
fn what_a_reader_cannot_open_is_kept_and_restored() {
    for (which, damage) in DAMAGES.into_iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let expected = damaged(folder.path(), damage);
        for run in 0..2 {
            let store = Store::open_read_only(&path("store")).unwrap();
            let report = store.backup(&path("backup")).unwrap();
            assert_eq!((report.kept, report.damaged), (4, vec![]), "damage {which}, run {run}");
            assert_eq!(report.samples, 250);
        }
        let report = Store::restore(&path("backup"), &path("again")).unwrap();
        assert_eq!(report.samples, 250);
        let restored = open(&path("again"));
        assert_eq!(content(&restored).unwrap(), expected, "damage {which}");
        assert_eq!(restored.check().unwrap().findings, []);
    }
}

#[test]
fn what_is_whole_nowhere_is_named_and_the_rest_is_restored() {
    for (which, damage) in DAMAGES.into_iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        damaged(folder.path(), damage);
        let store = Store::open_read_only(&path("store")).unwrap();
        let rest = content(&store).unwrap();
        for run in 0..2 {
            let report = store.backup(&path("late")).unwrap();
            assert_eq!(report.damaged.len(), 1, "damage {which}, run {run}: {report:?}");
            assert!(report.damaged[0].file.contains("store/segments/"), "{report:?}");
            assert_eq!(report.samples, store.stat().unwrap().samples);
        }
        Store::restore(&path("late"), &path("again")).unwrap();
        for restored in [Store::open_read_only(&path("again")).unwrap(), open(&path("again"))] {
            assert_eq!(content(&restored).unwrap(), rest, "damage {which}");
            assert_eq!(restored.snapshot().unwrap().loss(), store.snapshot().unwrap().loss());
        }
    }
}

#[test]
fn what_a_writer_has_set_aside_is_not_removed_from_its_backup() {
    for (which, damage) in DAMAGES.into_iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let expected = damaged(folder.path(), damage);
        let before = bytes_of(&path("backup"));
        let store = open(&path("store"));
        assert_eq!(store.stat().unwrap().quarantined, 1);
        let victim = files(&path("backup/segments")).remove(0);
        let said = format!("the backup has {} whole, which the store has lost", victim.display());
        let reader = Store::open_read_only(&path("store")).unwrap();
        for store in [&store, &reader] {
            refused(store.backup(&path("backup")), &said);
            assert_eq!(bytes_of(&path("backup")), before, "damage {which}");
            let report = store.backup(&path("late")).unwrap();
            assert_eq!(report.damaged.len(), 1, "damage {which}: {report:?}");
        }
        Store::restore(&path("backup"), &path("again")).unwrap();
        assert_eq!(content(&open(&path("again"))).unwrap(), expected, "damage {which}");
        // Samples that retention has ended are no loss.
        store.retain(Timestamp::from_nanos(60)).unwrap();
        store.backup(&path("backup")).unwrap();
        assert!(!victim.exists());
    }
}

#[test]
fn a_copy_that_is_damaged_itself_stops_no_backup() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    damaged(folder.path(), DAMAGES[0]);
    let victim = files(&path("backup/segments")).remove(0);
    let mut bytes = std::fs::read(&victim).unwrap();
    bytes[70] ^= 1;
    replace(&victim, &bytes);
    // A reader takes what can be opened: most of its series can still be read.
    let report = Store::open_read_only(&path("store")).unwrap().backup(&path("backup")).unwrap();
    assert_eq!((report.kept, report.damaged.len()), (4, 1), "{report:?}");
    assert!(report.damaged[0].what.contains("; in the backup "), "{report:?}");
    assert_eq!(std::fs::read(&victim).unwrap(), bytes);
    let store = open(&path("store"));
    assert_eq!(store.backup(&path("backup")).unwrap().damaged.len(), 1);
}
