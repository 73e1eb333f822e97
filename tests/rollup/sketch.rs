//! Promise: quantiles of a year need no samples. What was rolled up into buckets of a day or longer
//! answers within 1%, to the bit as its samples did before.

use plimsoll::kernel::Sketch;
use plimsoll::query::{Across, Aggregate, Query};
use plimsoll::store::{Retention, Store, StoreOptions};
use plimsoll::{Batch, Error, Group, Labels, Selector, Span, Timestamp, stale_marker};

use super::{answer, assert_whole, options, tiers};
use crate::support::prng::Prng;

const DAY: i64 = 86_400;
const DAYS: i64 = 28;
const WEEK: Span = Span::from_days(7);

fn day(day: i64) -> Timestamp {
    Timestamp::from_seconds(day * DAY)
}

/// A sample every ten minutes of three hosts: one of whatever a number may be, one that is never
/// negative, and one that is constant, with one sample on some days and none on others.
fn appended(store: &Store) {
    let mut prng = Prng(7);
    let any = |prng: &mut Prng| match prng.below(12) {
        0 => f64::NAN,
        1 => 0.0,
        2 => -0.0,
        3 => stale_marker(),
        4 if prng.chance(20) => f64::INFINITY,
        5 if prng.chance(20) => f64::NEG_INFINITY,
        6..=8 => -(prng.below(1_000_000) as f64) / 7.0,
        _ => prng.below(1 << 40) as f64 / 1024.0,
    };
    for host in 0..3 {
        let labels = Labels::new("cpu", [("host", format!("h{host}"))]).unwrap();
        let series = vec![store.series_id(&labels).unwrap()];
        for part in 0..DAYS {
            let times: Vec<i64> = (0..144)
                .filter(|at| host < 2 || (part % 3 == 0 || (part % 3 == 1 && *at == 77)))
                .map(|at| (part * DAY + at * 600) * 1_000_000_000)
                .collect();
            let value = |_: &i64| match host {
                0 => any(&mut prng),
                1 => prng.below(2_000) as f64 / 3.0,
                _ => 11_704.0,
            };
            let values: Vec<f64> = times.iter().map(value).collect();
            if !values.is_empty() {
                let group = Group { series: series.clone(), times, values };
                store.append(&Batch { groups: vec![group] }).unwrap();
            }
        }
    }
    store.seal().unwrap();
}

/// Questions in steps of whole days or weeks, from sketches and, of the same, exact ones.
fn questions(step: Span) -> Vec<(Query, Query)> {
    let mut all = Vec::new();
    for rank in [0.0, 0.05, 0.5, 0.95, 0.999, 1.0] {
        let query = Query::new(Selector::metric("cpu")).step(step).from(day(0)).to(day(DAYS));
        for grouped in [
            query.clone(),
            query.clone().by([] as [&str; 0]),
            query.clone().by([] as [&str; 0]).across(Across::Max),
        ] {
            let of = |aggregate| grouped.clone().aggregate(aggregate);
            all.push((of(Aggregate::SketchQuantile(rank)), of(Aggregate::Quantile(rank))));
        }
    }
    all
}

fn bits(store: &Store, query: &Query) -> Vec<u64> {
    let values = answer(store, query).unwrap();
    values.into_iter().map(f64::to_bits).collect()
}

#[test]
fn quantiles_of_raw_rolled_and_mixed_time_are_the_same_bits_and_near_the_exact_ones() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(folder.path(), options()).unwrap();
    appended(&store);
    let mut expected = Vec::new();
    for (sketch, exact) in [questions(Span::DAY), questions(WEEK)].concat() {
        let (found, exact) = (answer(&store, &sketch).unwrap(), answer(&store, &exact).unwrap());
        assert_eq!(found.len(), exact.len());
        for (found, exact) in found.iter().zip(&exact) {
            // Between a negative and a positive number the exact one may be anything.
            let near = (found - exact).abs() <= Sketch::RELATIVE_ERROR * exact.abs();
            let same = found == exact || (found.is_nan() && exact.is_nan());
            assert!(near || same, "{found} for {exact}: {sketch:?}");
        }
        expected.push((bits(&store, &sketch), sketch));
    }
    let assert_same = |store: &Store, what: &str| {
        for (expected, query) in &expected {
            assert_eq!(bits(store, query), *expected, "{what}: {query:?}");
        }
    };
    // Day by day: the files of days are merged by the way, and there is raw time left.
    for days in 1..=20 {
        let retention = Retention::new(day(days)).rollup(Span::HOUR, None);
        store.retain_with(&retention.rollup(Span::DAY, None)).unwrap();
    }
    assert!(tiers(&store)[1].files < 12, "{:?}", tiers(&store));
    assert_same(&store, "20 days are rolled up");
    store.compact(true).unwrap();
    assert_eq!(tiers(&store)[1].files, 1);
    assert_same(&store, "all in one file");
    assert_together(&store);
    drop(store);
    store = Store::open(folder.path(), options()).unwrap();
    assert_same(&store, "opened again");
    assert_whole(&store, folder.path());
    // Without its database.
    store.close().unwrap();
    std::fs::remove_dir_all(folder.path().join("db")).unwrap();
    Store::rebuild(folder.path()).unwrap();
    store = Store::open(folder.path(), options()).unwrap();
    assert_same(&store, "repaired");
    // From a backup.
    let copies = tempfile::tempdir().unwrap();
    let paths = ["backup", "restored"].map(|name| copies.path().join(name));
    store.backup(&paths[0]).unwrap();
    Store::restore(&paths[0], &paths[1]).unwrap();
    assert_same(&Store::open(&paths[1], options()).unwrap(), "restored");
}

/// Sketches and the buckets beside them answer one query as they answer two.
fn assert_together(store: &Store) {
    let query = Query::new(Selector::metric("cpu")).step(Span::DAY).from(day(0)).to(day(DAYS));
    let asked = [Aggregate::Mean, Aggregate::SketchQuantile(0.95), Aggregate::Max];
    let rows = |query: &Query| -> Vec<Vec<u64>> {
        let frames = query.run(&store.snapshot().unwrap()).unwrap();
        let frames: Vec<_> = frames.map(Result::unwrap).collect();
        let rows = frames.iter().flat_map(|frame| frame.rows().map(|(_, row)| row));
        rows.map(|row| row.iter().map(|value| value.to_bits()).collect()).collect()
    };
    let together = rows(&query.clone().aggregates(asked));
    for (at, aggregate) in asked.into_iter().enumerate() {
        let alone = rows(&query.clone().aggregate(aggregate));
        assert!(together.iter().skip(at).step_by(asked.len()).eq(&alone), "{aggregate:?}");
    }
}

#[test]
fn weeks_answer_for_the_days_that_are_gone() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), options()).unwrap();
    appended(&store);
    let weeks = questions(WEEK);
    let days = questions(Span::DAY);
    let before: Vec<Vec<u64>> = weeks.iter().map(|(query, _)| bits(&store, query)).collect();
    let days_from = |store: &Store, from: i64| -> Vec<Vec<u64>> {
        days.iter().map(|(query, _)| bits(store, &query.clone().from(day(from)))).collect()
    };
    let days_before = [14, 21].map(|from| days_from(&store, from));
    // Days are gone before there are files of them, and then in the middle of one.
    for (from, before_days) in [14, 21].into_iter().zip(&days_before) {
        let kept = Retention::new(day(DAYS)).rollup(Span::DAY, Some(day(from)));
        store.retain_with(&kept.rollup(WEEK, None)).unwrap();
        for compacted in [false, true] {
            if compacted {
                store.compact(true).unwrap();
            }
            for ((query, _), before) in weeks.iter().zip(&before) {
                assert_eq!(bits(&store, query), *before, "{query:?}");
            }
            assert_eq!(days_from(&store, from), *before_days, "from {from}, {compacted}");
            assert!(matches!(answer(&store, &days[0].0), Err(Error::Invalid { .. })));
        }
    }
    let spans = |tier: &plimsoll::store::Tier| (tier.span, tier.sketches == tier.covers);
    assert_eq!(
        tiers(&store).iter().map(spans).collect::<Vec<_>>(),
        [(Span::DAY, true), (WEEK, true)]
    );
    assert_whole(&store, folder.path());
}

#[test]
fn a_store_of_little_memory_rolls_sketches_up_in_steps() {
    let folder = tempfile::tempdir().unwrap();
    let small = StoreOptions { memory_bytes_max: 8 << 20, ..options() };
    let store = Store::open(folder.path(), small).unwrap();
    let labels = Labels::new("cpu", [("host", "a")]).unwrap();
    let series = vec![store.series_id(&labels).unwrap()];
    // As many bins as there are samples.
    let value = |at: i64| 1.02_f64.powi((at % 8_640 - 4_320) as i32);
    for part in 0..20 {
        let rows = part * 8_640..(part + 1) * 8_640;
        let values = rows.clone().map(value).collect();
        let times = rows.map(|at| at * 10_000_000_000).collect();
        let group = Group { series: series.clone(), times, values };
        store.append(&Batch { groups: vec![group] }).unwrap();
    }
    store.seal().unwrap();
    let query = Query::new(Selector::metric("cpu")).step(Span::DAY).from(day(0));
    let query = query.aggregate(Aggregate::SketchQuantile(0.9));
    let before = bits(&store, &query);
    assert_eq!(before.len(), 20);
    store.retain_with(&Retention::new(day(20)).rollup(Span::DAY, None)).unwrap();
    assert!(tiers(&store)[0].files > 1, "{:?}", tiers(&store));
    assert_eq!(bits(&store, &query), before);
    // A merge holds the bins of what it merges: not all of these fit.
    store.compact(true).unwrap();
    assert!(tiers(&store)[0].files > 1, "{:?}", tiers(&store));
    assert_eq!(bits(&store, &query), before);
    assert_whole(&store, folder.path());
}

#[test]
fn what_sketches_cannot_answer_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), options()).unwrap();
    appended(&store);
    store.retain_with(&Retention::new(day(3)).rollup(Span::HOUR, None)).unwrap();
    let query = Query::new(Selector::metric("cpu")).step(Span::DAY).from(day(0));
    let query = query.aggregate(Aggregate::SketchQuantile(0.95));
    let refused = |query: &Query| match answer(&store, query) {
        Err(Error::Invalid { what }) => what,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        refused(&query),
        "samples before 1970-01-04T00:00:00Z are rolled up into buckets of 1h from \
         1970-01-01T00:00:00Z on, and only buckets of a day or longer have sketches; start at \
         1970-01-04T00:00:00Z, or ask for mean, min or max"
    );
    let exact = query.clone().aggregate(Aggregate::Quantile(0.95));
    assert_eq!(
        refused(&exact),
        "quantiles need raw samples, and those before 1970-01-04T00:00:00Z are rolled up; start \
         there, or ask for mean, min or max"
    );
    let both = Retention::new(day(9)).rollup(Span::HOUR, None).rollup(Span::DAY, None);
    store.retain_with(&both).unwrap();
    for cut in [&query, &query.clone().step(Span::HOUR).from(day(3))] {
        assert_eq!(
            refused(cut),
            "samples before 1970-01-10T00:00:00Z are rolled up; their sketches are in buckets of \
             1d from 1970-01-04T00:00:00Z on, and a step must hold whole ones: let start, end and \
             step be multiples of such a length, or start at 1970-01-10T00:00:00Z"
        );
    }
    assert_eq!(
        refused(&exact),
        "quantiles need raw samples, and those before 1970-01-10T00:00:00Z are rolled up; start \
         there, or ask for one from sketches, as sketch-p95, which are in buckets of 1d from \
         1970-01-04T00:00:00Z on"
    );
    assert_eq!(answer(&store, &query.clone().from(day(3)).by([] as [&str; 0])).unwrap().len(), 25);
    let wrong = query.aggregate(Aggregate::SketchQuantile(95.0));
    assert!(refused(&wrong).contains("outside 0 to 1"));
}
