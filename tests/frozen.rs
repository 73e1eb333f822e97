//! Promise: what was written in format version 1 is read for ever. The files beside this test were
//! written once, by the build that fixed the format; every later build has to read the same samples
//! from them.
//!
//! `tests/golden/format-1` is a backup, which has every kind of file and record: a segment as it
//! was sealed, a compacted one with columns that are computed from others, rollups of two lengths,
//! one with sketches, labels, the catalog, the manifest, and a head. The samples are computed here.
//! `PLIMSOLL_WRITE_GOLDEN=1` writes the folder where there is none; a change of the format never
//! writes it again, but gets a version, a folder and a test of its own.

use std::path::{Path, PathBuf};

use plimsoll::kernel::Sketch;
use plimsoll::query::{Aggregate, Query};
use plimsoll::store::{Bucket, Retention, Samples, Store};
use plimsoll::{Batch, Group, Labels, Selector, SeriesId, Span, TimeRange, Timestamp, Unit};

use crate::support::prng::Prng;
use crate::support::small::open;

const MINUTE: i64 = 60_000_000_000;
const DAY: i64 = 1_440 * MINUTE;
/// Raw samples of the first days were rolled up.
const ROLLED_UP_DAYS: i64 = 2;
const SEALED_DAYS: i64 = 5;
/// Samples of the head, of the day after.
const HEAD_ROWS: usize = 40;
const KINDS: usize = 15;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/format-1")
}

fn labels(kind: usize) -> Labels {
    let metric = format!("kind_{kind:02}");
    Labels::new(&metric, [("host", "web-1"), ("Zone", "é \"b\"")]).unwrap()
}

/// All samples of a series, of every way that a column is encoded in.
fn samples(kind: usize) -> Samples {
    let rows = (SEALED_DAYS * DAY / MINUTE) as usize / 2 + HEAD_ROWS;
    let mut prng = Prng(100 + kind as u64);
    let mut level = 400.0;
    let mut value = |row: usize| {
        level += prng.below(9) as f64 - 4.0;
        match kind {
            1 => level / 100.0,
            2 => level / 15.0,
            3 => level * 0.37,
            4 => (level / 60.0).round() / 60.0 * 2_926.0 / 100.0,
            5 => [0.1, -3.75, 1e300][prng.below(3) as usize],
            6 => prng.below(1 << 52) as f64 / 7e9,
            7 => f64::from_bits(prng.next()),
            8 => (row * row / 50) as f64,
            9 => (row % 1_000) as f64 * 1e6,
            10 => 12.5,
            11 if prng.chance(40) => {
                [f64::NAN, -0.0, f64::INFINITY, plimsoll::stale_marker()][prng.below(4) as usize]
            }
            0 | 11 => level,
            _ => 1e15 + level,
        }
    };
    let values: Vec<f64> = match kind {
        // Computed from others of the host.
        12 => samples(0).values.iter().map(|of| of * 3.0).collect(),
        13 => {
            let (more, less) = (samples(0).values, samples(8).values);
            more.iter().zip(&less).map(|(more, less)| more - less).collect()
        }
        _ => (0..rows).map(&mut value).collect(),
    };
    // Every two minutes, and some a little late.
    let late = |row: usize| if kind == 6 { (row as i64 * 7_919 % 1_000) * 1_000 } else { 0 };
    let times = (0..rows).map(|row| row as i64 * 2 * MINUTE + late(row)).collect();
    Samples { times, values }
}

fn append(store: &Store, from: i64, to: i64) {
    let group = |kind: usize| {
        let Samples { times, values } = samples(kind);
        let rows = times.partition_point(|t| *t < from)..times.partition_point(|t| *t < to);
        Group {
            series: vec![store.series_id(&labels(kind)).unwrap()],
            times: times[rows.clone()].to_vec(),
            values: values[rows].to_vec(),
        }
    };
    store.append(&Batch { groups: (0..KINDS).map(group).collect() }).unwrap();
}

fn write(target: &Path) {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.set_unit("kind_00", &"percent".parse::<Unit>().unwrap()).unwrap();
    for (from, to) in [(0, 2 * DAY), (2 * DAY, 4 * DAY)] {
        append(&store, from, to);
        store.seal().unwrap();
    }
    store.compact(true).unwrap();
    let before = Timestamp::from_nanos(ROLLED_UP_DAYS * DAY);
    let tiers = Retention::new(before).rollup(Span::HOUR, None).rollup(Span::DAY, None);
    store.retain_with(&tiers).unwrap();
    append(&store, 4 * DAY, SEALED_DAYS * DAY);
    store.seal().unwrap();
    append(&store, SEALED_DAYS * DAY, i64::MAX);
    store.backup(target).unwrap();
}

#[test]
fn what_was_written_in_format_1_is_read() {
    if std::env::var_os("PLIMSOLL_WRITE_GOLDEN").is_some() && !folder().exists() {
        write(&folder());
    }
    let restored = tempfile::tempdir().unwrap();
    let path = restored.path().join("store");
    Store::restore(&folder(), &path).unwrap();
    let store = Store::open_read_only(&path).unwrap();
    expect_contents(&store);
    assert_eq!(store.check().unwrap().findings.len(), 0);
    drop(store);
    // It lives on: what was written then is merged with what is written now.
    let store = open(&path);
    store.seal().unwrap();
    store.compact(true).unwrap();
    expect_contents(&store);
}

#[test]
fn what_is_written_now_has_the_same_contents() {
    let folder = tempfile::tempdir().unwrap();
    let (backup, path) = (folder.path().join("backup"), folder.path().join("store"));
    write(&backup);
    Store::restore(&backup, &path).unwrap();
    expect_contents(&Store::open_read_only(&path).unwrap());
}

fn expect_contents(store: &Store) {
    let snapshot = store.snapshot().unwrap();
    assert_eq!(snapshot.unit("kind_00"), Some("percent".parse().unwrap()));
    let ids = snapshot.select(&Selector::all());
    assert_eq!(ids.len(), KINDS);
    for (kind, id) in ids.iter().enumerate() {
        assert_eq!(snapshot.labels(*id), Some(labels(kind)));
        let all = samples(kind);
        let raw_from = ROLLED_UP_DAYS * DAY;
        let first = all.times.partition_point(|time| *time < raw_from);
        let mut found = Samples::default();
        snapshot.scan(*id, TimeRange::ALL, &mut found).unwrap();
        assert_eq!(found.times, all.times[first..], "kind {kind}");
        let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&found.values), bits(&all.values[first..]), "kind {kind}");
        for span in [Span::HOUR, Span::DAY] {
            expect_buckets(&snapshot, *id, &all, span);
        }
    }
    expect_sketches(&snapshot);
}

/// Counts, extremes, ends and, of whole numbers, sums of every bucket.
fn expect_buckets(snapshot: &plimsoll::store::Snapshot, id: SeriesId, all: &Samples, span: Span) {
    let end = Timestamp::from_nanos(ROLLED_UP_DAYS * DAY);
    let range = TimeRange { start: Timestamp::from_nanos(0), end };
    let mut found: Vec<Bucket> = Vec::new();
    snapshot.scan_buckets(id, span, range, &mut found).unwrap();
    let mut next = found.iter();
    for start in (0..end.nanos()).step_by(span.nanos() as usize) {
        let inside = |(time, value): &(&i64, &f64)| {
            (start..start + span.nanos()).contains(*time) && !value.is_nan()
        };
        let samples: Vec<(i64, f64)> =
            all.times.iter().zip(&all.values).filter(inside).map(|(t, v)| (*t, *v)).collect();
        let (Some(first), Some(last)) = (samples.first(), samples.last()) else { continue };
        let bucket = next.next().unwrap();
        let values = || samples.iter().map(|(_, value)| *value);
        assert_eq!((bucket.start, bucket.count), (start, samples.len() as u64));
        assert_eq!((bucket.first_time, bucket.last_time), (first.0, last.0));
        let least = values().min_by(f64::total_cmp).unwrap();
        let greatest = values().max_by(f64::total_cmp).unwrap();
        let kept = [bucket.first, bucket.last, bucket.min, bucket.max].map(f64::to_bits);
        assert_eq!(kept, [first.1, last.1, least, greatest].map(f64::to_bits));
        let sum: f64 = values().sum();
        let size: f64 = values().map(f64::abs).sum();
        let close = (bucket.sum - sum).abs() <= 1e-12 * size;
        assert!(close || !size.is_finite(), "{} {sum}", bucket.sum);
    }
    assert_eq!(next.next(), None);
}

/// The rolled-up days' quantiles, which are within the error of a sketch.
fn expect_sketches(snapshot: &plimsoll::store::Snapshot) {
    let query = Query::new("kind_00".parse().unwrap()).step(Span::DAY);
    let query = query.aggregate(Aggregate::SketchQuantile(0.9));
    let end = Timestamp::from_nanos(ROLLED_UP_DAYS * DAY);
    let all = samples(0);
    for frame in query.from(Timestamp::from_nanos(0)).to(end).run(snapshot).unwrap() {
        for (day, found) in frame.unwrap().row(0).iter().enumerate() {
            let rows = day * 720..(day + 1) * 720;
            let expected = plimsoll::kernel::quantile(&mut all.values[rows].to_vec(), 0.9);
            assert!((found / expected - 1.0).abs() <= Sketch::RELATIVE_ERROR, "{found} {expected}");
        }
    }
}
