//! Promise: a backup is the store at one moment, whatever its writer does beside; stopped anywhere,
//! it leaves the backup before it, or one that is refused; a restore gives back every series,
//! sample, unit and number, and refuses a backup of which any byte is not as it was written.

mod lost;
mod simulated;

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use plimsoll::db::RocksDb;
use plimsoll::fs::{AppendFile, DiskFs, Entry, Fs, Lock, Map};
use plimsoll::store::{Durability, Retention, Samples, Store, StoreOptions, SystemClock};
use plimsoll::{Batch, Group, Result, Span, TimeRange, Timestamp, Unit};

use crate::support::StopAtEnd;
use crate::support::small::{self, append, content, files, labels, open, options};

/// Segments that override each other, and a head.
fn some_life(store: &Store) {
    store.set_unit("cpu", &"percent".parse::<Unit>().unwrap()).unwrap();
    append(store, 0, 0, 40).unwrap();
    append(store, 1, 0, 40).unwrap();
    store.seal().unwrap();
    let (group, _) = small::group(store, 0, 20, 40, 0.5).unwrap();
    store.append(&Batch { groups: vec![group] }).unwrap();
    store.seal().unwrap();
    append(store, 2, 90, 5).unwrap();
}

/// What comes after: old segments merge, samples end and are rolled up, a new segment and a new
/// head.
fn more_life(store: &Store) {
    store.seal().unwrap();
    store.compact(true).unwrap();
    append(store, 1, 100, 30).unwrap();
    store.seal().unwrap();
    let rolled = [10, 40].iter().fold(Retention::new(Timestamp::from_nanos(45)), |all, span| {
        all.rollup(Span::from_nanos(*span), None)
    });
    assert!(store.retain_with(&rolled).unwrap().buckets > 10);
    append(store, 3, 120, 5).unwrap();
}

/// Every thing of a store that a backup promises.
fn assert_equal(found: &Store, expected: &Store) {
    assert_eq!(content(found).unwrap(), content(expected).unwrap());
    let (found_at, expected_at) = (found.snapshot().unwrap(), expected.snapshot().unwrap());
    for metric in ["cpu", "mem"] {
        assert_eq!(found_at.unit(metric), expected_at.unit(metric));
    }
    let (found, expected) = (found.stat().unwrap(), expected.stat().unwrap());
    assert_eq!((found.series, found.samples), (expected.series, expected.samples));
    assert_eq!(found.head_samples, expected.head_samples);
    assert_eq!(found.sequence, expected.sequence);
    assert_eq!(found.range, expected.range);
}

fn inode(path: &Path) -> u64 {
    std::fs::metadata(path).unwrap().ino()
}

#[test]
fn a_restored_store_equals_its_source_and_lives_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let store = open(&path("store"));
    some_life(&store);
    more_life(&store);
    // From within, and from beside, where the catalog's unsynced tail is seen as well.
    store.backup(&path("inside")).unwrap();
    Store::open_read_only(&path("store")).unwrap().backup(&path("beside")).unwrap();
    for backup in ["inside", "beside"] {
        let again = path(&format!("again-{backup}"));
        Store::restore(&path(backup), &again).unwrap();
        assert_equal(&Store::open_read_only(&again).unwrap(), &store);
        let restored = open(&again);
        assert_equal(&restored, &store);
        assert_eq!(restored.check().unwrap().findings, []);
        assert_eq!(files(&again.join("quarantine")), [] as [PathBuf; 0]);
        // What retention has ended does not come back, and numbers are not given twice.
        let late = append(&restored, 0, 0, 5).unwrap();
        assert!(late.keys().all(|key| !content(&restored).unwrap().contains_key(key)));
        let mut expected = content(&store).unwrap();
        expected.extend(append(&restored, 4, 130, 5).unwrap());
        restored.seal().unwrap();
        restored.compact(true).unwrap();
        assert_eq!(content(&restored).unwrap(), expected);
        restored.close().unwrap();
        assert_eq!(content(&open(&again)).unwrap(), expected);
    }
}

#[test]
fn segments_are_linked_once_and_kept_from_then_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let store = open(&path("store"));
    some_life(&store);
    let report = store.backup(&path("backup")).unwrap();
    assert_eq!((report.kept, report.linked, report.copied), (0, 2, 3), "{report:?}");
    let segments = |name: &str| files(&path(name).join("segments"));
    for (there, here) in segments("backup").iter().zip(segments("store")) {
        assert_eq!(inode(there), inode(&here));
    }
    let before: Vec<u64> = segments("backup").iter().map(|path| inode(path)).collect();
    store.seal().unwrap();
    let report = store.backup(&path("backup")).unwrap();
    assert_eq!((report.kept, report.linked, report.copied), (4, 1, 2), "{report:?}");
    let after: BTreeSet<u64> = segments("backup").iter().map(|path| inode(path)).collect();
    assert!(before.iter().all(|inode| after.contains(inode)), "kept as they were");
    // What the store has merged leaves the backup with the next run.
    store.compact(true).unwrap();
    let report = store.backup(&path("backup")).unwrap();
    assert_eq!((report.linked, segments("backup").len()), (1, 1), "{report:?}");
}

/// The real disk, on which a file has one name only.
#[derive(Debug)]
struct NoLinks;

impl Fs for NoLinks {
    fn create(&self, path: &Path) -> Result<Box<dyn AppendFile>> {
        DiskFs.create(path)
    }
    fn map(&self, path: &Path) -> Result<Map> {
        DiskFs.map(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        DiskFs.rename(from, to)
    }
    fn remove(&self, path: &Path) -> Result<()> {
        DiskFs.remove(path)
    }
    fn sync_folder(&self, path: &Path) -> Result<()> {
        DiskFs.sync_folder(path)
    }
    fn create_folder(&self, path: &Path) -> Result<()> {
        DiskFs.create_folder(path)
    }
    fn list(&self, path: &Path) -> Result<Vec<Entry>> {
        DiskFs.list(path)
    }
    fn lock(&self, path: &Path) -> Result<Box<dyn Lock>> {
        DiskFs.lock(path)
    }
}

#[test]
fn segments_are_copied_where_they_cannot_be_linked() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::create_dir(path("store")).unwrap();
    let db = Arc::new(RocksDb::open(&path("store").join("db")).unwrap());
    let lock = DiskFs.lock(&path("store").join("LOCK")).unwrap();
    let clock = Arc::new(SystemClock::default());
    let store =
        Store::open_on(&path("store"), options(), Arc::new(NoLinks), db, clock, lock).unwrap();
    some_life(&store);
    let report = store.backup(&path("backup")).unwrap();
    assert_eq!((report.kept, report.linked, report.copied), (0, 0, 5), "{report:?}");
    let report = store.backup(&path("backup")).unwrap();
    assert_eq!((report.kept, report.linked, report.copied), (4, 0, 1), "{report:?}");
    Store::restore(&path("backup"), &path("again")).unwrap();
    assert_equal(&open(&path("again")), &store);
}

#[test]
fn damage_in_the_store_is_said_and_does_not_replace_what_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let store = open(&path("store"));
    some_life(&store);
    store.backup(&path("backup")).unwrap();
    let expected = content(&store).unwrap();
    store.close().unwrap();
    let victim = files(&path("store").join("segments")).remove(0);
    let mut bytes = std::fs::read(&victim).unwrap();
    bytes[70] ^= 1;
    small::replace(&victim, &bytes);

    let store = Store::open_read_only(&path("store")).unwrap();
    let report = store.backup(&path("backup")).unwrap();
    assert_eq!((report.kept, report.damaged), (4, vec![]), "the backup has it whole");
    Store::restore(&path("backup"), &path("whole")).unwrap();
    assert_eq!(content(&open(&path("whole"))).unwrap(), expected);

    let report = store.backup(&path("late")).unwrap();
    assert_eq!(report.damaged.len(), 1, "{report:?}");
    assert_eq!(report.damaged[0].file, victim.display().to_string());
    // The damaged one is restored as it is: what can be read of it is not lost.
    Store::restore(&path("late"), &path("damaged")).unwrap();
    assert_eq!(open(&path("damaged")).check().unwrap().findings.len(), 1);
}

/// An operation that must be refused, with this in the message.
#[track_caller]
fn refused<T: std::fmt::Debug>(done: Result<T>, text: &str) {
    let why = done.unwrap_err().to_string();
    assert!(why.contains(text), "{why}");
}

#[test]
fn folders_that_hold_other_things_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (store, other) = (open(&path("store")), open(&path("other")));
    some_life(&store);
    some_life(&other);
    other.backup(&path("backup-of-other")).unwrap();
    std::fs::create_dir_all(path("home/segments")).unwrap();
    std::fs::write(path("home/letter"), "dear").unwrap();
    let before = files(folder.path());
    refused(store.backup(&path("backup-of-other")), "a backup of another store");
    refused(store.backup(&path("home")), "holds \"letter\", which is no part of a backup");
    refused(store.backup(&path("other")), "holds \"db\", which is no part of a backup");
    refused(store.backup(&path("store/backup")), "inside the store");
    refused(store.backup(&path("store")), "inside the store");
    let link = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(folder.path(), link.path().join("link")).unwrap();
    refused(store.backup(&link.path().join("link/store/new/backup")), "inside the store");
    let there = link.path().join("link/backup-of-other/new");
    refused(Store::restore(&path("backup-of-other"), &there), "inside the backup");
    refused(Store::restore(&path("backup-of-other"), &path("home")), "is not empty");
    refused(Store::restore(&path("backup-of-other"), &path("other")), "is not empty");
    refused(Store::restore(&path("nowhere"), &path("new")), "there is no backup in");
    refused(Store::restore(&path("store"), &path("new")), "there is no backup in");
    assert_eq!(files(folder.path()), before);
    let lock = DiskFs.lock(&path("backup-of-other/LOCK")).unwrap();
    refused(other.backup(&path("backup-of-other")), "another backup into");
    drop(lock);
    other.backup(&path("backup-of-other")).unwrap();
}

#[test]
fn a_store_without_its_database_is_repaired_as_its_segments_knew_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let store = open(&path("store"));
    some_life(&store);
    more_life(&store);
    store.seal().unwrap();
    store.backup(&path("backup")).unwrap();
    Store::restore(&path("backup"), &path("as-it-was")).unwrap();
    let before = open(&path("as-it-was"));
    let lost = append(&store, 6, 200, 4).unwrap();
    store.close().unwrap();
    std::fs::remove_dir_all(path("store/db")).unwrap();
    let report = Store::rebuild(&path("store")).unwrap();
    assert_eq!((report.segments, report.units, report.sequence), (3, 1, 6), "{report:?}");
    assert_eq!(report.retain_from, Some(Timestamp::from_nanos(40)));
    assert!(report.lost[0].contains("batches after number 6"), "{report:?}");
    let repaired = open(&path("store"));
    assert_equal(&repaired, &before);
    assert!(lost.keys().all(|key| !content(&repaired).unwrap().contains_key(key)));
    assert_eq!(repaired.check().unwrap().findings, []);
}

#[test]
fn a_restore_that_was_stopped_is_not_taken_for_a_store() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let store = open(&path("store"));
    some_life(&store);
    store.backup(&path("backup")).unwrap();
    let again = path("again");
    Store::restore(&path("backup"), &again).unwrap();
    // As it was just before the last step.
    std::fs::rename(again.join("db"), again.join("db.restoring")).unwrap();
    refused(Store::open(&again, options()), "is no store and is not empty");
    refused(Store::open_read_only(&again), "there is no store in");
    refused(Store::rebuild(&again), "was stopped; remove the folder, and restore again");
    refused(Store::restore(&path("backup"), &again), "is not empty");
    refused(Store::restore(&path("backup"), &path("backup/again")), "inside the backup");
}

#[test]
fn backups_beside_a_busy_writer_are_moments_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let live = StoreOptions {
        durability: Durability::Buffered,
        head_samples_max: 40,
        compact_after_seal: true,
        ..options()
    };
    let store = Store::open(&path("store"), live).unwrap();
    let id = store.series_id(&labels("cpu", 0)).unwrap();
    let (written, stop) = (AtomicI64::new(-1), AtomicBool::new(false));
    let rounds = if crate::support::slow() { 100 } else { 8 };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for counter in 0.. {
                let row = Group::row(&[id], counter, &[counter as f64]);
                store.append(&Batch { groups: vec![row] }).unwrap();
                written.store(counter, Ordering::SeqCst);
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                if counter % 7 == 0 {
                    std::thread::sleep(std::time::Duration::from_micros(300));
                }
            }
        });
        let _stop = StopAtEnd(&stop);
        let taken = (0..rounds).map(|round| {
            while written.load(Ordering::SeqCst) < round * 20 {
                std::thread::yield_now();
            }
            let before = written.load(Ordering::SeqCst);
            let target = if round % 2 == 0 {
                store.backup(&path("inside")).unwrap();
                path("inside")
            } else {
                // A writer at full speed may keep a reader out for a while.
                let reader = (0..100).find_map(|_| Store::open_read_only(&path("store")).ok());
                reader.unwrap().backup(&path("beside")).unwrap();
                path("beside")
            };
            (round, before, target)
        });
        for (round, before, target) in taken {
            let again = path(&format!("again-{round}"));
            let report = Store::restore(&target, &again).unwrap();
            let restored = Store::open_read_only(&again).unwrap();
            let mut found = Samples::default();
            restored.snapshot().unwrap().scan(id, TimeRange::ALL, &mut found).unwrap();
            let whole = found.times.iter().copied().eq(0..found.len() as i64);
            assert!(whole, "round {round}: a hole in {} samples", found.len());
            assert!(found.values.iter().zip(&found.times).all(|(v, t)| *v == *t as f64));
            assert!(found.len() as i64 > before, "round {round}: {} of {before}", found.len());
            assert_eq!(report.samples, restored.stat().unwrap().samples);
            assert_eq!(restored.check().unwrap().findings, [], "round {round}");
        }
    });
    println!("{rounds} backups of {} samples", written.load(Ordering::SeqCst));
}
