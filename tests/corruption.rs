//! Promise: damage to any file gives an error or the true value, never another value and never a
//! panic; what is damaged is named and set aside, and everything else is served.

use std::fs;
use std::path::{Path, PathBuf};

use plimsoll::db::{Db, RocksDb, WriteSet, record};
use plimsoll::fs::Map;
use plimsoll::store::{Samples, Segment, Store};
use plimsoll::{Error, TimeRange};

use crate::support::prng::Prng;
use crate::support::small::{self, Content, append, content, copy_folder, files, open, replace};

/// Three segments of one host each, and their content.
fn three_segments(path: &Path) -> Vec<Content> {
    let store = open(path);
    let contents = (0..3).map(|host| {
        let content = append(&store, host, i64::from(host), 50).unwrap();
        store.seal().unwrap();
        content
    });
    let contents = contents.collect();
    store.close().unwrap();
    contents
}

#[test]
fn a_damaged_cut_or_deleted_segment_is_set_aside_and_the_rest_is_served() {
    type Damage = fn(&mut Vec<u8>);
    let damages: [Option<Damage>; 5] = [
        Some(|bytes| bytes[0] ^= 1),
        Some(|bytes| *bytes.iter_mut().rev().nth(100).unwrap() ^= 1),
        Some(|bytes| bytes.truncate(bytes.len() / 2)),
        Some(Vec::clear),
        None,
    ];
    for (which, damage) in damages.into_iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        let contents = three_segments(folder.path());
        let victim = files(&folder.path().join("segments")).remove(1);
        if let Some(damage) = damage {
            let mut bytes = fs::read(&victim).unwrap();
            damage(&mut bytes);
            replace(&victim, &bytes);
        } else {
            fs::remove_file(&victim).unwrap();
        }
        let mut expected = contents[0].clone();
        expected.extend(contents[2].clone());
        let reader = Store::open_read_only(folder.path()).unwrap();
        let loss = reader.snapshot().unwrap().loss();
        assert_eq!((loss.segments, loss.samples), (1, 100), "damage {which}");
        assert_eq!(content(&reader).unwrap(), expected, "damage {which}");
        assert_eq!(reader.check().unwrap().findings.len(), 1, "damage {which}");
        for opening in 0..2 {
            let store = open(folder.path());
            assert_eq!(content(&store).unwrap(), expected, "damage {which}, opening {opening}");
            let findings = store.check().unwrap().findings;
            assert_eq!(findings.len(), 1, "{findings:?}");
            assert!(findings[0].what.contains("100 samples"), "{findings:?}");
            assert_eq!(store.stat().unwrap().quarantined, 1);
        }
        let kept = files(&folder.path().join("quarantine"));
        assert_eq!(kept.len(), usize::from(damage.is_some()), "damage {which}");
    }
}

#[test]
fn damage_inside_a_column_costs_its_series_only() {
    let folder = tempfile::tempdir().unwrap();
    let contents = three_segments(folder.path());
    let victim = files(&folder.path().join("segments")).remove(1);
    let mut bytes = fs::read(&victim).unwrap();
    let at = (0..bytes.len()).find(|at| costs_one_series(&bytes, *at));
    bytes[at.expect("a column of its own")] ^= 1;
    replace(&victim, &bytes);
    let store = open(folder.path());
    let snapshot = store.snapshot().unwrap();
    let mut found = Content::new();
    let mut failed = 0;
    for id in snapshot.select(&plimsoll::Selector::all()) {
        match small::series_content(&snapshot, id) {
            Ok(content) => found.extend(content),
            Err(Error::Corrupt { path, .. }) => {
                assert_eq!(path, victim);
                failed += 1;
            }
            Err(why) => panic!("{why}"),
        }
    }
    assert_eq!(failed, 1);
    let all: Content = contents.into_iter().flatten().collect();
    assert!(found.iter().all(|(key, value)| all.get(key) == Some(value)));
    assert_eq!(found.len(), all.len() - 50);
    assert_eq!(store.check().unwrap().findings.len(), 1);
    // The damaged series is written, sealed and merged around; who asks for one segment is told.
    let live = plimsoll::StoreOptions { compact_after_seal: true, ..small::options() };
    drop((snapshot, store));
    let store = Store::open(folder.path(), live).unwrap();
    for seal in 0..20 {
        append(&store, 1, seal * 3, 3).unwrap();
        store.seal().unwrap();
    }
    assert!(store.stat().unwrap().segments < 15);
    assert!(matches!(store.compact(true), Err(Error::Corrupt { .. })));
}

/// Whether a flipped bit there leaves a segment that opens, with one series that cannot be read.
fn costs_one_series(bytes: &[u8], at: usize) -> bool {
    let mut damaged = bytes.to_vec();
    damaged[at] ^= 1;
    let Ok(segment) = Segment::open(Map::owned(damaged), Path::new("s")) else { return false };
    let scan = |id| segment.scan(id, TimeRange::ALL, &mut Samples::default());
    segment.series().filter(|id| scan(*id).is_err()).count() == 1
}

#[test]
fn a_label_file_that_is_lost_or_damaged_is_seen_and_restored() {
    let folder = tempfile::tempdir().unwrap();
    let contents = three_segments(folder.path());
    let store = open(folder.path());
    let path = files(&folder.path().join("labels")).remove(0);
    let bytes = fs::read(&path).unwrap();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << bit;
            replace(&path, &damaged);
            assert!(!store.check().unwrap().findings.is_empty(), "bit {bit} of byte {at}");
        }
        replace(&path, &bytes[..at]);
        assert!(!store.check().unwrap().findings.is_empty(), "cut to {at} bytes");
    }
    drop(store);
    for damage in [false, true] {
        if damage {
            replace(&path, &bytes[1..]);
        } else {
            fs::remove_file(&path).unwrap();
        }
        let store = open(folder.path());
        assert_eq!(store.check().unwrap().findings, []);
        assert_eq!(content(&store).unwrap(), contents.iter().flatten().map(own).collect());
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }
}

fn own((key, value): (&(String, i64), &u64)) -> ((String, i64), u64) {
    (key.clone(), *value)
}

#[test]
fn foreign_files_are_set_aside_and_never_deleted_or_served() {
    let folder = tempfile::tempdir().unwrap();
    let contents = three_segments(folder.path());
    let foreign = tempfile::tempdir().unwrap();
    three_segments(foreign.path());
    let other = fs::read(&files(&foreign.path().join("segments"))[0]).unwrap();
    let segments = folder.path().join("segments");
    let own_bytes = fs::read(&files(&segments)[0]).unwrap();
    fs::write(segments.join("notes.txt"), "mine").unwrap();
    fs::write(segments.join("00000000000000aa.seg"), &other).unwrap();
    // A copy of a segment under another number.
    fs::write(segments.join("00000000000000ab.seg"), &own_bytes).unwrap();
    let store = open(folder.path());
    assert_eq!(content(&store).unwrap(), contents.iter().flatten().map(own).collect());
    let aside = folder.path().join("quarantine");
    assert_eq!(fs::read(aside.join("notes.txt")).unwrap(), b"mine");
    assert_eq!(fs::read(aside.join("00000000000000aa.seg")).unwrap(), other);
    assert_eq!(fs::read(aside.join("00000000000000ab.seg")).unwrap(), own_bytes);
    assert_eq!(files(&segments).len(), 3);
}

#[test]
fn a_damaged_head_batch_costs_itself_and_stays_reported() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let contents: Vec<Content> = (0..3).map(|host| append(&store, host, 0, 4).unwrap()).collect();
    store.close().unwrap();
    damage_head_batch(folder.path(), 1);
    for opening in 0..2 {
        let store = open(folder.path());
        let kept = contents[0].iter().chain(&contents[2]).map(own).collect();
        assert_eq!(content(&store).unwrap(), kept, "opening {opening}");
        let findings = store.check().unwrap().findings;
        assert!(findings.len() == 1 && findings[0].file.contains("batch 2"), "{findings:?}");
        store.seal().unwrap();
        assert_eq!(files(&folder.path().join("quarantine")).len(), 1);
    }
}

fn damage_head_batch(path: &Path, which: usize) {
    let db = RocksDb::open(&path.join("db")).unwrap();
    let family = db.families().into_iter().find(|name| name.starts_with("head-")).unwrap();
    let mut batches = Vec::new();
    db.scan(&family, &mut |key, value| {
        batches.push((key.to_vec(), value.to_vec()));
        Ok(())
    })
    .unwrap();
    let (key, mut value) = batches.swap_remove(which);
    *value.last_mut().unwrap() ^= 1;
    let mut set = WriteSet::default();
    set.put(&family, &key, value);
    db.write(&set).unwrap();
}

#[test]
fn a_store_of_another_version_is_refused_and_left_alone() {
    refuse_version(7, "use a newer plimsoll");
    refuse_version(0, "import its data again");
}

fn refuse_version(version: u32, remedy: &str) {
    let folder = tempfile::tempdir().unwrap();
    three_segments(folder.path());
    let db = RocksDb::open(&folder.path().join("db")).unwrap();
    let mut set = WriteSet::default();
    set.put("manifest", b"store", record::encode(&(version, 1_u128)).unwrap());
    set.put("manifest", b"a key of the future", vec![1, 2, 3]);
    db.write(&set).unwrap();
    drop(db);
    let before = files(&folder.path().join("segments"));
    for opened in
        [Store::open(folder.path(), small::options()), Store::open_read_only(folder.path())]
    {
        let why = opened.unwrap_err();
        assert!(matches!(why, Error::Version { found, .. } if found == version), "{why}");
        assert!(why.to_string().contains(remedy), "{why}");
    }
    assert_eq!(files(&folder.path().join("segments")), before);
}

#[test]
fn a_store_without_its_database_is_rebuilt_from_its_segments() {
    let folder = tempfile::tempdir().unwrap();
    let contents = three_segments(folder.path());
    let segments = folder.path().join("segments");
    let old: Vec<_> = files(&segments).iter().map(|f| (f.clone(), fs::read(f).unwrap())).collect();
    let store = open(folder.path());
    store.compact(true).unwrap();
    append(&store, 9, 0, 1).unwrap();
    store.close().unwrap();
    fs::remove_dir_all(folder.path().join("db")).unwrap();
    // Files that the merge superseded are back, as if their removal had been lost: they hold
    // nothing that the merged one does not, and must not count twice.
    for (path, bytes) in &old {
        fs::write(path, bytes).unwrap();
    }
    for _ in 0..2 {
        let refused = Store::open(folder.path(), small::options()).unwrap_err();
        assert!(refused.to_string().contains("repair"), "{refused}");
    }
    for refused in [
        Store::open_existing(folder.path(), small::options()),
        Store::open_read_only(folder.path()),
    ] {
        assert!(refused.unwrap_err().to_string().contains("`plimsoll repair`"));
    }
    let report = Store::rebuild(folder.path()).unwrap();
    assert_eq!((report.segments, report.samples, report.series), (1, 300, 6), "{report:?}");
    assert_eq!(report.set_aside.len(), 3);
    assert!(Store::rebuild(folder.path()).is_err(), "there is nothing to rebuild any more");
    let store = open(folder.path());
    let mut expected: Content = contents.iter().flatten().map(own).collect();
    assert_eq!(content(&store).unwrap(), expected);
    assert_eq!(store.check().unwrap().findings, []);
    expected.extend(append(&store, 1, 7, 5).unwrap());
    expected.extend(append(&store, 9, 7, 5).unwrap());
    store.seal().unwrap();
    store.close().unwrap();
    assert_eq!(content(&open(folder.path())).unwrap(), expected);
}

#[test]
fn a_folder_with_another_database_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("db")).unwrap();
    fs::write(folder.path().join("db/schema.sql"), "mine").unwrap();
    fs::write(folder.path().join("letter"), "dear").unwrap();
    let refused = Store::open(folder.path(), small::options()).unwrap_err().to_string();
    assert!(refused.contains("is no store and is not empty (it holds \"letter\")"), "{refused}");
    assert_eq!(files(folder.path()).len(), 2);
    assert_eq!(files(&folder.path().join("db")).len(), 1);
    // A store in which someone has left a letter is still one.
    let folder = tempfile::tempdir().unwrap();
    three_segments(folder.path());
    fs::write(folder.path().join("letter"), "dear").unwrap();
    open(folder.path()).close().unwrap();
}

#[test]
fn a_database_without_its_list_of_tables_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    three_segments(folder.path());
    let db = folder.path().join("db");
    fs::remove_file(db.join("CURRENT")).unwrap();
    let before = files(&db);
    let refused = Store::open(folder.path(), small::options());
    assert!(matches!(refused, Err(Error::Database { .. })), "{refused:?}");
    let tables =
        |all: &[PathBuf]| all.iter().filter(|f| f.extension() == Some("sst".as_ref())).count();
    assert_eq!(tables(&files(&db)), tables(&before));
    assert!(tables(&before) > 0);
    assert!(!db.join("CURRENT").exists(), "a new database was begun over the old one");
}

#[test]
fn a_flipped_bit_in_the_database_is_an_error_or_loses_the_end_of_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let mut truth: Content = three_segments(folder.path()).into_iter().flatten().collect();
    let store = open(folder.path());
    for row in 0..20 {
        truth.extend(append(&store, 4, row, 1).unwrap());
    }
    store.close().unwrap();
    let mut prng = Prng(11);
    println!("seed {}", prng.0);
    let trials = if crate::support::slow() { 3_000 } else { 60 };
    let mut opened = 0;
    for trial in 0..trials {
        let copy = tempfile::tempdir().unwrap();
        copy_folder(folder.path(), copy.path());
        let files: Vec<_> =
            files(&copy.path().join("db")).into_iter().filter(|f| is_database_file(f)).collect();
        let victim = &files[trial % files.len()];
        let mut bytes = fs::read(victim).unwrap();
        let at = prng.below(bytes.len() as u64) as usize;
        bytes[at] ^= 1 << prng.below(8);
        fs::write(victim, &bytes).unwrap();
        let Ok(store) = Store::open(copy.path(), small::options()) else { continue };
        opened += 1;
        let Ok(found) = content(&store) else { continue };
        for (key, value) in &found {
            let what = || format!("trial {trial}, byte {at} of {}", victim.display());
            assert_eq!(truth.get(key), Some(value), "{}: {key:?}", what());
        }
    }
    assert!(opened > 0, "every flip was refused: the log was not among the files");
}

/// RocksDB looks at some kinds before the checksum, and never ends where one of them is wrong.
#[test]
fn every_kind_that_a_record_of_the_database_may_claim_to_be_ends_opening() {
    let folder = tempfile::tempdir().unwrap();
    let mut truth: Content = three_segments(folder.path()).into_iter().flatten().collect();
    let store = open(folder.path());
    for row in 0..4 {
        truth.extend(append(&store, 4, row, 1).unwrap());
    }
    store.close().unwrap();
    let database = files(&folder.path().join("db"));
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    let is_read =
        |path: &PathBuf| name(path).starts_with("MANIFEST") || name(path).ends_with("log");
    let (mut refused, mut opened) = (0, 0);
    for victim in database.iter().filter(|path| is_read(path)) {
        let bytes = fs::read(victim).unwrap();
        let ends: Vec<usize> = records(&bytes);
        for at in [ends[0], ends[1], ends[ends.len() / 2], ends[ends.len() - 1]] {
            for kind in [0, 5, 6, 7, 8, 9, 10, 11, 127, 130, 131, 255] {
                let copy = tempfile::tempdir().unwrap();
                copy_folder(folder.path(), copy.path());
                let mut bytes = bytes.clone();
                bytes[at + 6] = kind;
                fs::write(copy.path().join("db").join(name(victim)), bytes).unwrap();
                let what = || format!("byte {at} of {} says {kind}", name(victim));
                if let Ok(reader) = Store::open_read_only(copy.path()) {
                    let found = content(&reader).unwrap();
                    assert!(found.iter().all(|(k, v)| truth.get(k) == Some(v)), "{}", what());
                }
                let Ok(store) = Store::open(copy.path(), small::options()) else {
                    refused += 1;
                    continue;
                };
                opened += 1;
                let found = content(&store).unwrap();
                assert!(found.iter().all(|(k, v)| truth.get(k) == Some(v)), "{}", what());
            }
        }
    }
    assert!(refused > 0 && opened > 0, "{refused} refused, {opened} opened");
}

/// Where the records of a file of the database begin; it is shorter than a block.
fn records(bytes: &[u8]) -> Vec<usize> {
    let mut found = vec![0];
    while let [.., last] = found[..]
        && let Some(header) = bytes.get(last..last + 7)
    {
        found.push(last + 7 + usize::from(u16::from_le_bytes([header[4], header[5]])));
    }
    found.pop();
    found
}

fn is_database_file(path: &Path) -> bool {
    let name = path.file_name().unwrap().to_string_lossy();
    let data = name.ends_with(".sst") || name.ends_with(".log") || name.starts_with("MANIFEST");
    data && fs::metadata(path).unwrap().len() > 0
}
