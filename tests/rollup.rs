//! Promise: what was rolled up answers as its samples did, whatever was sealed, merged, dropped,
//! reopened or repaired in between. A store that rolls up, and one that keeps everything, are
//! given the same samples and asked the same questions.
//!
//! Equal bit for bit: the smallest, the largest, the count, the latest; all sums of whole numbers,
//! so the increase and the rate of counters too; everything, where a step is one bucket. Else sums
//! of `n` numbers differ by at most `n` roundings, since buckets are added up first.

mod gaps;
mod sketch;
mod twin;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use plimsoll::fs::Map;
use plimsoll::query::{Aggregate, Condition, Query, answered_from};
use plimsoll::store::{Durability, Retention, Segment, Store, StoreOptions, Tier};
use plimsoll::{Batch, Error, Group, Labels, Selector, Span, Timestamp};

use crate::support::small;

fn options() -> StoreOptions {
    StoreOptions {
        durability: Durability::Buffered,
        compact_after_seal: false,
        ..StoreOptions::default()
    }
}

/// All values of an answer, row after row. Rows of nothing are left out: a repair forgets the
/// labels of series of which nothing was ever sealed.
fn answer(store: &Store, query: &Query) -> Result<Vec<f64>, Error> {
    let mut all = BTreeMap::new();
    for frame in query.run(&store.snapshot()?)? {
        let frame = frame?;
        let rows = frame.rows().map(|(labels, row)| (labels.clone(), row.to_vec()));
        all.extend(rows.filter(|(_, row)| row.iter().any(|v| !v.is_nan() && *v != 0.0)));
    }
    Ok(all.into_values().flatten().collect())
}

/// Whether no file of a store is needless or damaged, and all tiers are as they say.
fn assert_whole(store: &Store, path: &Path) {
    let report = store.check().unwrap();
    assert_eq!(report.findings, []);
    let stat = store.stat().unwrap();
    let rolled: u64 = stat.rollups.iter().map(|tier| tier.buckets).sum();
    assert_eq!(report.buckets, rolled);
    let files: u64 = stat.rollups.iter().map(|tier| tier.files).sum();
    assert_eq!(segments(path).len() as u64, stat.segments + files);
}

/// One series of 70,000 samples, one a second, and a store of the least memory.
fn long_series(path: &Path) -> Store {
    let store = Store::open(
        path,
        StoreOptions { memory_bytes_max: 8 << 20, durability: Durability::Buffered, ..options() },
    )
    .unwrap();
    let id = store.series_id(&Labels::new("cpu", [("host", "a")]).unwrap()).unwrap();
    for chunk in 0..7 {
        let times: Vec<i64> = (chunk * 10_000..(chunk + 1) * 10_000).collect();
        let values = times.iter().map(|second| (second % 977) as f64).collect();
        let times = times.iter().map(|second| second * 1_000_000_000).collect();
        store.append(&Batch { groups: vec![Group { series: vec![id], times, values }] }).unwrap();
    }
    store
}

fn tiers(store: &Store) -> Vec<Tier> {
    store.stat().unwrap().rollups
}

#[test]
fn a_long_series_is_rolled_up_in_steps_and_the_files_stay_few() {
    let folder = tempfile::tempdir().unwrap();
    let store = long_series(folder.path());
    store.seal().unwrap();
    let query = Query::new(Selector::metric("cpu")).step(Span::HOUR).aggregate(Aggregate::Mean);
    let before = answer(&store, &query).unwrap();
    let retention = Retention::new(Timestamp::from_seconds(70_000))
        .rollup(Span::MINUTE, None)
        .rollup(Span::HOUR, None);
    let report = store.retain_with(&retention).unwrap();
    assert_eq!(report.before, Some(Timestamp::from_seconds(19 * 3_600)));
    assert_eq!(report.buckets, 19 * 60 + 19);
    assert!(tiers(&store)[0].files > 1, "it took several steps");
    assert_eq!(answer(&store, &query).unwrap(), before);
    store.compact(true).unwrap();
    assert_eq!(tiers(&store).iter().map(|tier| tier.files).collect::<Vec<_>>(), [1, 1]);
    assert_eq!(answer(&store, &query).unwrap(), before);
    // A day in steps of an hour each: what gathers is merged by the way.
    let folder = tempfile::tempdir().unwrap();
    let store = long_series(folder.path());
    for hour in 1..=19 {
        let before = Timestamp::from_seconds(hour * 3_600);
        store.retain_with(&Retention::new(before).rollup(Span::MINUTE, None)).unwrap();
        assert!(tiers(&store)[0].files < 12, "{:?}", tiers(&store));
    }
    assert_eq!(tiers(&store)[0].buckets, 19 * 60);
    assert_whole(&store, folder.path());
}

#[test]
fn old_buckets_go_and_do_not_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let store = long_series(folder.path());
    let hours = |hours: i64| Timestamp::from_seconds(hours * 3_600);
    let retain = |store: &Store, before: i64, minutes: i64| {
        let retention = Retention::new(hours(before))
            .rollup(Span::MINUTE, Some(hours(minutes)))
            .rollup(Span::HOUR, None);
        store.retain_with(&retention).unwrap()
    };
    assert_eq!(retain(&store, 10, 4).buckets, 6 * 60 + 10);
    assert_eq!(retain(&store, 12, 8).buckets, 2 * 60 + 2);
    let starts = |store: &Store| -> Vec<i64> {
        let starts = tiers(store).into_iter().map(|tier| tier.range.start.nanos());
        starts.map(|nanos| nanos / 3_600_000_000_000).collect()
    };
    assert_eq!(starts(&store), [8, 0]);
    // An earlier instant changes nothing.
    assert_eq!(retain(&store, 5, 2).buckets, 0);
    drop(store);
    let store = Store::open(folder.path(), options()).unwrap();
    assert_eq!(starts(&store), [8, 0]);
    let minutes = Query::new(Selector::metric("cpu")).step(Span::MINUTE);
    assert!(matches!(answer(&store, &minutes), Err(Error::Invalid { .. })));
    assert_eq!(answer(&store, &minutes.from(hours(8))).unwrap().len(), 70_000 / 60 + 1 - 8 * 60);
    store.compact(true).unwrap();
    assert_eq!(tiers(&store)[0].buckets, 4 * 60);
    // A file of which nothing is left goes at once.
    retain(&store, 13, 13);
    assert_eq!(tiers(&store).len(), 1);
    assert_whole(&store, folder.path());
}

#[test]
fn a_tier_that_is_asked_for_later_begins_with_a_whole_bucket() {
    let folder = tempfile::tempdir().unwrap();
    let store = long_series(folder.path());
    let query = Query::new(Selector::metric("cpu")).step(Span::HOUR).aggregate(Aggregate::Count);
    let before = answer(&store, &query).unwrap();
    let retain = |seconds: i64| Retention::new(Timestamp::from_seconds(seconds));
    let ten_minutes = Span::from_seconds(600);
    // Rolled up to 2:20, which is in the middle of an hour.
    store.retain_with(&retain(8_400).rollup(ten_minutes, None)).unwrap();
    let both = retain(40_000).rollup(ten_minutes, None).rollup(Span::HOUR, None);
    store.retain_with(&both).unwrap();
    assert_eq!(answer(&store, &query).unwrap(), before);
    assert_eq!(tiers(&store)[1].range.start, Timestamp::from_seconds(3 * 3_600));
    // And a retention that keeps nothing leaves a hole, in which there is nothing to miss.
    store.retain(Timestamp::from_seconds(45_000)).unwrap();
    store.retain_with(&retain(60_000).rollup(Span::HOUR, None)).unwrap();
    let after = answer(&store, &query).unwrap();
    let kept = |hour: usize| !(11..=12).contains(&hour);
    let same = after.iter().zip(&before).enumerate().filter(|(hour, _)| kept(*hour));
    assert!(same.into_iter().all(|(_, (after, before))| after == before), "{after:?}");
    assert_eq!(after.get(11..13), Some(&[0.0, 1_800.0][..]));
}

/// A store of one series of these instants, in seconds, each with a value of its own.
fn short_series(path: &Path, seconds: &[i64]) -> Store {
    let store = Store::open(path, options()).unwrap();
    let id = store.series_id(&Labels::new("cpu", [("host", "a")]).unwrap()).unwrap();
    let times: Vec<i64> = seconds.iter().map(|second| second * 1_000_000_000).collect();
    let values = seconds.iter().map(|second| 1.0 + *second as f64).collect();
    store.append(&Batch { groups: vec![Group { series: vec![id], times, values }] }).unwrap();
    store.seal().unwrap();
    store
}

#[test]
fn a_counter_looks_back_as_far_as_among_samples_and_no_further() {
    // An hour before the query is in the middle of a bucket, between these two.
    for (first, is_far) in [(3_000, true), (3_450, false)] {
        let folder = tempfile::tempdir().unwrap();
        let store = short_series(folder.path(), &[first, 7_500, 9_000]);
        let query = Query::new(Selector::metric("cpu")).aggregate(Aggregate::Increase);
        let query = query.from(Timestamp::from_seconds(7_000)).step(Span::from_seconds(700));
        let bits = || {
            let values = answer(&store, &query).unwrap();
            values.into_iter().map(f64::to_bits).collect::<Vec<_>>()
        };
        let before = bits();
        assert_eq!(f64::from_bits(before[0]).is_nan(), is_far);
        for seconds in [7_000, 7_700, 9_800] {
            let retention = Retention::new(Timestamp::from_seconds(seconds));
            store.retain_with(&retention.rollup(Span::from_seconds(700), None)).unwrap();
            assert_eq!(bits(), before, "rolled up to {seconds}");
        }
    }
}

#[test]
fn a_retention_is_noted_though_the_coarsest_tier_has_no_bucket() {
    let folder = tempfile::tempdir().unwrap();
    let store = short_series(folder.path(), &[60, 8_500, 10_000, 20_000]);
    let ten_minutes = Span::from_seconds(600);
    let retain =
        |seconds: i64| Retention::new(Timestamp::from_seconds(seconds)).rollup(ten_minutes, None);
    store.retain_with(&retain(8_400)).unwrap();
    // The first whole hour is that of 10,800, and there is nothing in it.
    store.retain_with(&retain(14_400).rollup(Span::HOUR, None)).unwrap();
    let query = Query::new(Selector::metric("cpu")).step(ten_minutes).aggregate(Aggregate::Count);
    let before = answer(&store, &query).unwrap();
    store.close().unwrap();
    std::fs::remove_dir_all(folder.path().join("db")).unwrap();
    let report = Store::rebuild(folder.path()).unwrap();
    assert_eq!((report.rollups, report.retain_from), (2, Some(Timestamp::from_seconds(14_400))));
    assert_eq!(report.set_aside, []);
    let store = Store::open(folder.path(), options()).unwrap();
    assert_eq!(answer(&store, &query).unwrap(), before);
}

#[test]
fn what_cannot_be_answered_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let store = long_series(folder.path());
    let retention = Retention::new(Timestamp::from_seconds(40_000));
    store.retain_with(&retention.rollup(Span::from_seconds(300), None)).unwrap();
    let query = Query::new(Selector::metric("cpu"));
    let refused = |query: Query| match answer(&store, &query) {
        Err(Error::Invalid { what }) => what,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        refused(query.clone().step(Span::MINUTE)),
        "samples before 1970-01-01T11:05:00Z are rolled up into buckets of 5m from \
         1970-01-01T00:00:00Z on, and a step must hold whole ones: let start, end and step be \
         multiples of such a length, or start at 1970-01-01T11:05:00Z"
    );
    let median = query.clone().aggregate(Aggregate::Quantile(0.5)).step(Span::HOUR);
    assert!(refused(median.clone()).starts_with("quantiles need raw samples"));
    let from: Timestamp = "1970-01-01T11:05:00Z".parse().unwrap();
    assert_eq!(answer(&store, &median.from(from)).unwrap().len(), 9);
    assert_eq!(answer(&store, &query.clone().step(Span::MINUTE).from(from)).unwrap().len(), 502);
    let high = query.clone().aggregate(Aggregate::Count).keep(Condition::AtLeast(976.0));
    assert_eq!(
        refused(high.clone()),
        "the condition >= 976 needs raw samples, and those before 1970-01-01T11:05:00Z are \
         rolled up; start at 1970-01-01T11:05:00Z, or ask without it"
    );
    assert_eq!(answer(&store, &high.clone().from(from)).unwrap(), [31.0]);
    // A counter's sample before the first step is looked for among rolled-up ones.
    refused(high.from(from).aggregate(Aggregate::Increase));
    // What a plan begins with: the end of buckets that are too coarse for its step, if any are.
    let first =
        |step: i64| answered_from(&store.snapshot().unwrap(), Span::from_seconds(step)).unwrap();
    assert_eq!(first(60), from);
    assert_eq!(first(420), Timestamp::from_seconds(95 * 420));
    assert_eq!(first(600), Timestamp::from_seconds(0));
    // The whole of time in one step, however long.
    let all = answer(&store, &query.aggregate(Aggregate::Count)).unwrap();
    assert_eq!(all, [70_000.0]);
    let twice = Retention::new(from).rollup(Span::HOUR, None).rollup(Span::from_seconds(420), None);
    assert!(matches!(store.retain_with(&twice), Err(Error::Invalid { .. })));
}

/// The files of a store's segments, by name.
fn segments(store: &Path) -> Vec<PathBuf> {
    small::files(&store.join("segments"))
}

#[test]
fn a_repair_tells_finished_retentions_from_those_that_were_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let store = long_series(&path("store"));
    store.seal().unwrap();
    let query = Query::new(Selector::metric("cpu")).step(Span::HOUR).aggregate(Aggregate::Count);
    let before = answer(&store, &query).unwrap();
    let sealed = segments(&path("store"));
    // Raw segments, labels, and the first so many files of the retention: all is as a crash leaves
    // it, with a database that is lost as well.
    for name in ["none", "one", "two", "all"] {
        std::fs::create_dir_all(path(name).join("segments")).unwrap();
        for file in &sealed {
            let copy = path(name).join("segments").join(file.file_name().unwrap());
            std::fs::copy(file, copy).unwrap();
        }
    }
    let retention = Retention::new(Timestamp::from_seconds(12_000));
    let retention = retention.rollup(Span::from_seconds(600), None);
    let retention = retention.rollup(Span::from_seconds(1_200), None);
    store.retain_with(&retention.rollup(Span::from_seconds(6_000), None)).unwrap();
    let made: Vec<PathBuf> =
        segments(&path("store")).into_iter().filter(|file| !sealed.contains(file)).collect();
    assert_eq!(made.len(), 3);
    for (count, name) in ["none", "one", "two", "all"].into_iter().enumerate() {
        for file in &made[..count] {
            let copy = path(name).join("segments").join(file.file_name().unwrap());
            std::fs::copy(file, copy).unwrap();
        }
        std::fs::create_dir(path(name).join("labels")).unwrap();
        small::copy_folder(&path("store").join("labels"), &path(name).join("labels"));
        let report = Store::rebuild(&path(name)).unwrap();
        let rolled = if name == "all" { 3 } else { 0 };
        assert_eq!(report.rollups, rolled, "{name}: {:?}", report.set_aside);
        assert_eq!(report.set_aside.len() as u64 + rolled, count as u64, "{name}");
        assert_eq!(report.retain_from.is_some(), name == "all", "{name}");
        let again = Store::open(&path(name), options()).unwrap();
        assert_eq!(answer(&again, &query).unwrap(), before, "{name}");
        assert_eq!(again.check().unwrap().findings, []);
    }
}

#[test]
fn no_change_of_any_byte_of_a_file_of_rollups_goes_unseen() {
    for (span, values) in [(Span::from_seconds(2_500), 20 * 9), (Span::DAY, 9)] {
        let folder = tempfile::tempdir().unwrap();
        let store = long_series(folder.path());
        let before = Timestamp::from_seconds(50_000).ceil(span);
        store.retain_with(&Retention::new(before).rollup(span, None)).unwrap();
        assert_eq!(tiers(&store)[0].sketches.is_empty(), span < Span::DAY);
        let whole = std::fs::read(&segments(folder.path())[0]).unwrap();
        no_change_goes_unseen(&whole, values);
    }
}

fn no_change_goes_unseen(whole: &[u8], values: u64) {
    let verify = |bytes: &[u8]| {
        Segment::open(Map::owned(bytes.to_vec()), Path::new("s")).and_then(|s| s.verify())
    };
    assert_eq!(verify(whole).unwrap(), values);
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut bytes = whole.to_vec();
            bytes[at] ^= 1 << bit;
            assert!(verify(&bytes).is_err(), "bit {bit} of byte {at}");
        }
    }
}

#[test]
fn a_file_of_rollups_that_is_damaged_is_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    let store = long_series(folder.path());
    store.retain_with(&Retention::rolled_up(Timestamp::from_seconds(86_400))).unwrap();
    store.seal().unwrap();
    let rollup = segments(folder.path()).remove(0);
    store.close().unwrap();
    let mut bytes = std::fs::read(&rollup).unwrap();
    let last = bytes.len() - 10;
    bytes[last] ^= 1;
    small::replace(&rollup, &bytes);
    let store = Store::open(folder.path(), options()).unwrap();
    let findings = store.check().unwrap().findings;
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert!(findings[0].what.contains("2106 values of rollups"), "{findings:?}");
    let left: Vec<Span> = tiers(&store).iter().map(|tier| tier.span).collect();
    assert_eq!(left, [Span::HOUR, Span::DAY], "the others answer on");
}
