//! Promise: hosts that come and go cost nothing once their last sample is gone: their series are
//! forgotten, in memory and on disk, what is left stays as it was, and no number is given twice.

use std::path::Path;

use plimsoll::db::{Db, RocksDb, record};
use plimsoll::store::{Retention, Store};
use plimsoll::{Batch, Group, Labels, Selector, SeriesId, Span, Timestamp};

use crate::support::small::{
    Content, content, copy_folder, files, labels, open, replace, series_content,
};

const DAY: i64 = Span::DAY.nanos();

/// One sample an hour of a host, on one day.
fn live(store: &Store, host: u32, day: i64) -> SeriesId {
    let id = store.series_id(&labels("cpu", host)).unwrap();
    let rows = (0..24).map(|hour| day * DAY + hour * Span::HOUR.nanos());
    let group = Group {
        series: vec![id],
        times: rows.collect(),
        values: (0..24).map(|hour| f64::from(host) + f64::from(hour) / 32.0).collect(),
    };
    store.append(&Batch { groups: vec![group] }).unwrap();
    id
}

fn day(day: i64) -> Timestamp {
    Timestamp::from_nanos(day * DAY)
}

/// The hosts that can be selected.
fn hosts(store: &Store) -> Vec<Labels> {
    let snapshot = store.snapshot().unwrap();
    snapshot.select(&Selector::all()).into_iter().map(|id| snapshot.labels(id).unwrap()).collect()
}

fn all_of(hosts: impl Iterator<Item = u32>) -> Vec<Labels> {
    let mut all: Vec<Labels> = hosts.map(|host| labels("cpu", host)).collect();
    all.sort();
    all
}

/// The version of the store as its database notes it.
fn version(path: &Path) -> u32 {
    let copy = tempfile::tempdir().unwrap();
    copy_folder(&path.join("db"), copy.path());
    let noted = RocksDb::open(copy.path()).unwrap().get("manifest", b"store").unwrap().unwrap();
    record::decode::<(u32, u128)>(&noted).unwrap().0
}

/// A host of each day, of which the last three are kept, and one host that stays.
fn churned(path: &Path, days: i64) -> Store {
    let store = open(path);
    for today in 0..days {
        live(&store, 0, today);
        live(&store, 1 + today as u32, today);
        store.seal().unwrap();
        store.retain(day(today - 2)).unwrap();
    }
    store
}

#[test]
fn hosts_that_are_gone_are_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let store = churned(folder.path(), 20);
    // Who was asked for since files were last removed is not forgotten yet.
    let expected = all_of([0].into_iter().chain(18..=20));
    assert_eq!(hosts(&store), expected);
    assert_eq!(store.stat().unwrap().series, 4);
    let before = content(&store).unwrap();
    assert_eq!(before.len(), 24 * 6);
    assert!(store.check().unwrap().findings.is_empty());
    let beside = Store::open_read_only(folder.path()).unwrap();
    assert_eq!((hosts(&beside), content(&beside).unwrap()), (expected.clone(), before.clone()));
    // A host that comes back has another number, and its labels.
    let again = live(&store, 1, 20);
    assert_eq!(again, SeriesId(21));
    store.close().unwrap();
    let store = open(folder.path());
    assert_eq!(store.series_id(&labels("cpu", 1)).unwrap(), again);
    assert_eq!(series_content(&store.snapshot().unwrap(), again).unwrap().len(), 24);
    assert_eq!(store.series_id(&labels("cpu", 500)).unwrap(), SeriesId(22));
    assert_eq!(version(folder.path()), 2);
}

#[test]
fn no_number_is_given_twice_where_the_last_ones_are_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let store = churned(folder.path(), 5);
    live(&store, 0, 30);
    store.seal().unwrap();
    // All but the host that stays.
    store.retain(day(30)).unwrap();
    store.close().unwrap();
    let store = open(folder.path());
    store.retain(day(31)).unwrap();
    assert_eq!(hosts(&store), []);
    assert_eq!(store.series_id(&labels("cpu", 77)).unwrap(), SeriesId(6));
    store.close().unwrap();
    let store = open(folder.path());
    assert_eq!(hosts(&store), all_of([77].into_iter()));
    assert_eq!(store.series_id(&labels("cpu", 0)).unwrap(), SeriesId(7));
}

#[test]
fn an_append_under_a_forgotten_number_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let store = churned(folder.path(), 6);
    let row = Group::row(&[SeriesId(1)], 6 * DAY, &[1.0]);
    let why = store.append(&Batch { groups: vec![row] }).unwrap_err().to_string();
    assert!(why.contains("forgotten") && why.contains("series_id"), "{why}");
}

#[test]
fn a_number_that_is_in_use_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    live(&store, 0, 0);
    store.seal().unwrap();
    let waiting = store.series_id(&labels("cpu", 9)).unwrap();
    live(&store, 1, 5);
    store.seal().unwrap();
    store.retain(day(1)).unwrap();
    // It has no sample yet; host 0 was asked for, too.
    assert_eq!(hosts(&store), all_of([0, 1, 9].into_iter()));
    let row = Group::row(&[waiting], 6 * DAY, &[1.0]);
    store.append(&Batch { groups: vec![row] }).unwrap();
    live(&store, 2, 7);
    store.seal().unwrap();
    store.retain(day(6)).unwrap();
    assert_eq!(hosts(&store), all_of([2, 9].into_iter()));
    // All is dropped, and the same numbers go on: host 9 had no sample since, host 2 has one.
    let row = |id, at: i64| Batch { groups: vec![Group::row(&[id], at * DAY, &[1.0])] };
    let two = store.series_id(&labels("cpu", 2)).unwrap();
    for today in [8, 10, 12] {
        store.append(&row(two, today)).unwrap();
        store.seal().unwrap();
        store.retain(day(today + 1)).unwrap();
        assert_eq!(content(&store).unwrap(), Content::new());
    }
    assert!(store.append(&row(waiting, 20)).is_err());
    store.append(&row(two, 20)).unwrap();
}

#[test]
fn what_is_in_the_head_or_in_rollups_is_not_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    for host in 0..3 {
        live(&store, host, i64::from(host));
        store.seal().unwrap();
    }
    live(&store, 3, 9);
    store.close().unwrap();
    let store = open(folder.path());
    let retention = Retention::new(day(1)).rollup(Span::DAY, None);
    store.retain_with(&retention).unwrap();
    store.retain(day(2)).unwrap();
    store.retain(day(3)).unwrap();
    // Of host 0 there is a bucket, of host 3 a head.
    assert_eq!(hosts(&store), all_of([0, 3].into_iter()));
    assert!(store.check().unwrap().findings.is_empty());
    // Its tier ends as well.
    store.retain_with(&Retention::new(day(3)).rollup(Span::DAY, Some(day(3)))).unwrap();
    assert_eq!(hosts(&store), all_of([3].into_iter()));
}

#[test]
fn a_snapshot_from_before_reads_what_it_saw() {
    let folder = tempfile::tempdir().unwrap();
    let store = churned(folder.path(), 4);
    let (snapshot, seen) = (store.snapshot().unwrap(), hosts(&store));
    for today in 20..24 {
        live(&store, 50, today);
        store.seal().unwrap();
        store.retain(day(today)).unwrap();
    }
    assert_eq!(hosts(&store), all_of([50].into_iter()));
    let ids = snapshot.select(&Selector::all());
    let labels: Vec<Labels> = ids.iter().map(|id| snapshot.labels(*id).unwrap()).collect();
    // Host 50 came while the series of both were still the same.
    assert!(labels.starts_with(&seen), "{labels:?}");
    let held: Content = ids.iter().flat_map(|id| series_content(&snapshot, *id).unwrap()).collect();
    assert_eq!(held.len(), 24 * 6);
    assert_eq!(snapshot.raw_range().unwrap().start, day(1));
}

#[test]
fn a_whole_compaction_forgets_what_retention_has_ended() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    live(&store, 0, 0);
    live(&store, 1, 5);
    store.seal().unwrap();
    store.close().unwrap();
    let store = open(folder.path());
    // One file has both, so it stays.
    store.retain(day(1)).unwrap();
    assert_eq!(hosts(&store), all_of([0, 1].into_iter()));
    store.compact(true).unwrap();
    assert_eq!(hosts(&store), all_of([1].into_iter()));
}

#[test]
fn backups_and_repairs_keep_the_gaps() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let store = churned(&path("store"), 8);
    let (seen, held) = (hosts(&store), content(&store).unwrap());
    store.backup(&path("backup")).unwrap();
    store.close().unwrap();
    Store::restore(&path("backup"), &path("restored")).unwrap();
    std::fs::rename(path("store").join("db"), path("db-away")).unwrap();
    let report = Store::rebuild(&path("store")).unwrap();
    assert_eq!(report.series, 4);
    for name in ["restored", "store"] {
        let store = open(&path(name));
        assert_eq!((hosts(&store), content(&store).unwrap()), (seen.clone(), held.clone()));
        assert!(store.check().unwrap().findings.is_empty());
        assert_eq!(store.series_id(&labels("cpu", 400)).unwrap(), SeriesId(9));
    }
}

#[test]
fn a_store_that_forgot_nothing_is_read_by_the_first_builds() {
    let folder = tempfile::tempdir().unwrap();
    let store = churned(folder.path(), 3);
    store.close().unwrap();
    assert_eq!(version(folder.path()), 1);
}

/// A backup in format 2, written once by the build that fixed it, as `frozen` says of format 1.
#[test]
fn what_was_written_in_format_2_is_read() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/format-2");
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let store = churned(&path("now"), 8);
    let (seen, held) = (hosts(&store), content(&store).unwrap());
    if std::env::var_os("PLIMSOLL_WRITE_GOLDEN").is_some() && !golden.exists() {
        store.backup(&golden).unwrap();
    }
    Store::restore(&golden, &path("then")).unwrap();
    assert_eq!(version(&path("then")), 2);
    let store = open(&path("then"));
    assert_eq!((hosts(&store), content(&store).unwrap()), (seen, held));
    assert!(store.check().unwrap().findings.is_empty());
    assert_eq!(store.series_id(&labels("cpu", 400)).unwrap(), SeriesId(9));
}

/// Where a segment was set aside all label files stay, those of series forgotten since, too.
#[test]
fn a_repair_takes_back_no_series_that_was_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let store = open(&path);
    for (host, today) in [(1, 0), (2, 0)] {
        live(&store, host, today);
        store.seal().unwrap();
    }
    store.close().unwrap();
    let damaged = files(&path.join("segments")).remove(0);
    let mut bytes = std::fs::read(&damaged).unwrap();
    bytes[..4].fill(0);
    replace(&damaged, &bytes);
    let store = open(&path);
    store.retain(day(5)).unwrap();
    live(&store, 2, 6);
    store.seal().unwrap();
    store.close().unwrap();
    std::fs::remove_dir_all(path.join("db")).unwrap();
    assert_eq!(Store::rebuild(&path).unwrap().series, 1);
    let store = open(&path);
    live(&store, 2, 7);
    assert_eq!(hosts(&store), all_of([2].into_iter()));
    assert_eq!(content(&store).unwrap().len(), 48);
    assert_eq!(store.series_id(&labels("cpu", 1)).unwrap(), SeriesId(3));
}

#[test]
fn a_retention_that_removes_nothing_forgets_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    live(&store, 0, 5);
    store.seal().unwrap();
    let waiting = store.series_id(&labels("cpu", 9)).unwrap();
    let retention = Retention::new(day(1)).rollup(Span::DAY, None);
    for _ in 0..3 {
        store.retain_with(&retention).unwrap();
        store.retain(day(1)).unwrap();
        store.compact(true).unwrap();
    }
    let row = Group::row(&[waiting], 6 * DAY, &[1.0]);
    store.append(&Batch { groups: vec![row] }).unwrap();
}

#[test]
fn a_metric_that_is_gone_may_come_again_in_another_unit() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    for (metric, unit, today) in [("cpu", "percent", 0), ("mem", "KB", 9)] {
        let id = store.series_id(&labels(metric, 0)).unwrap();
        store.set_unit(metric, &unit.parse().unwrap()).unwrap();
        store.append(&Batch { groups: vec![Group::row(&[id], today * DAY, &[1.0])] }).unwrap();
        store.seal().unwrap();
    }
    store.close().unwrap();
    let store = open(folder.path());
    store.retain(day(5)).unwrap();
    let units = |store: &Store| ["cpu", "mem"].map(|metric| store.snapshot().unwrap().unit(metric));
    let expected = [None, Some("KB".parse().unwrap())];
    assert_eq!(units(&store), expected);
    store.close().unwrap();
    assert_eq!(units(&open(folder.path())), expected);
}
