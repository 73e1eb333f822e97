//! Promise: a query answers the same bits in whatever form the samples are: values in memory,
//! blocks of integers or of values, in one segment or in several, sealed or compacted; and whether
//! their statistics answer or each sample is looked at; for one aggregate or for many at once.

use plimsoll::query::{
    Across, Aggregate, Condition, Explain, Limits, Query, RowReader, last_points,
};
use plimsoll::store::{Durability, Samples, Snapshot, Store, StoreOptions};
use plimsoll::{Batch, Error, Group, Labels, Selector, SeriesId, Span, TimeRange, Timestamp};

use crate::support::prng::Prng;

const SERIES: usize = 80;
const ROWS: usize = 5_000;
const STEP_NANOS: i64 = 100;
const AGGREGATES: [Aggregate; 13] = [
    Aggregate::Sum,
    Aggregate::Mean,
    Aggregate::Min,
    Aggregate::Max,
    Aggregate::Count,
    Aggregate::First,
    Aggregate::Last,
    Aggregate::StdDev,
    Aggregate::Increase,
    Aggregate::Rate,
    Aggregate::Quantile(0.9),
    Aggregate::Quantile(0.25),
    Aggregate::SketchQuantile(0.9),
];

/// A column of one of several kinds, by its number.
fn column(kind: usize, prng: &mut Prng) -> Vec<f64> {
    let mut level = 500.0;
    let mut walk = |prng: &mut Prng| {
        level += prng.below(7) as f64 - 3.0;
        level
    };
    let mut value = |at: usize, prng: &mut Prng| match kind % 10 {
        0 | 1 => walk(prng),
        2 => walk(prng) / 100.0,
        3 => walk(prng) / 15.0,
        4 => walk(prng) * 0.37,
        5 => prng.below(1 << 50) as f64 / 3e5,
        6 => (at % 777) as f64 * 1e3,
        7 => 4.0,
        // Whole numbers whose sums are rounded.
        8 => 1e15 + prng.below(1 << 30) as f64,
        // Whole in some blocks and not in others.
        _ => walk(prng) / if (at / 1_500).is_multiple_of(2) { 1.0 } else { 8.0 },
    };
    let mut column: Vec<f64> = (0..ROWS).map(|at| value(at, prng)).collect();
    if kind % 3 == 1 {
        let strangers = [f64::NAN, -0.0, f64::INFINITY, -7.5, plimsoll::stale_marker()];
        for _ in 0..3 {
            column[prng.below(ROWS as u64) as usize] = strangers[prng.below(5) as usize];
        }
    }
    column
}

/// The same samples in several stores, and what each did with them.
struct Worlds {
    stores: Vec<(&'static str, Store)>,
    _folders: Vec<tempfile::TempDir>,
}

fn worlds(prng: &mut Prng) -> Worlds {
    let columns: Vec<Vec<f64>> = (0..SERIES).map(|kind| column(kind, prng)).collect();
    let (mut stores, mut folders) = (Vec::new(), Vec::new());
    for form in ["in memory", "sealed once", "sealed in parts", "compacted"] {
        let folder = tempfile::tempdir().unwrap();
        let options = StoreOptions { durability: Durability::Buffered, ..StoreOptions::default() };
        let store = Store::open(folder.path(), options).unwrap();
        let parts = if form == "sealed in parts" || form == "compacted" { 3 } else { 1 };
        for part in 0..parts {
            let rows = part * ROWS / parts..(part + 1) * ROWS / parts;
            let group = |(at, column): (usize, &Vec<f64>)| {
                let host = format!("h{:02}", at / 2);
                let metric = ["cpu", "load"][at % 2];
                let labels =
                    Labels::new(metric, [("host", &*host), ("zone", ["a", "b"][at / 2 % 2])]);
                // Most are sampled at the same instants.
                let own = if at % 13 == 7 { 31 } else { 0 };
                let times = rows.clone().map(|row| row as i64 * STEP_NANOS + own).collect();
                let series = vec![store.series_id(&labels.unwrap()).unwrap()];
                Group { series, times, values: column[rows.clone()].to_vec() }
            };
            let groups = columns.iter().enumerate().map(group).collect();
            store.append(&Batch { groups }).unwrap();
            if form != "in memory" {
                store.seal().unwrap();
            }
        }
        if form == "compacted" {
            store.compact(true).unwrap();
        }
        stores.push((form, store));
        folders.push(folder);
    }
    Worlds { stores, _folders: folders }
}

fn some_query(prng: &mut Prng) -> Query {
    let span = ROWS as u64 * STEP_NANOS as u64;
    let from = prng.below(span / 2) as i64;
    let to = from + 1 + prng.below(span) as i64;
    let text = ["cpu", "load", r#"{host=~"h.*"}"#, r#"{host="h07"}"#, "{zone=\"a\"}"];
    let selector: Selector = text[prng.below(5) as usize].parse().unwrap();
    let mut query = Query::new(selector);
    if prng.chance(2) {
        query = query.from(Timestamp::from_nanos(from)).to(Timestamp::from_nanos(to));
    }
    match prng.below(4) {
        0 => {}
        1 => query = query.step(Span::from_nanos(10_000 + prng.below(5_000) as i64)),
        _ => query = query.step(Span::from_nanos(150_000 + prng.below(90_000) as i64)),
    }
    if prng.chance(3) {
        let keep = [Condition::Above(520.0), Condition::Below(3.0), Condition::AtLeast(490.0)];
        query = query.keep(keep[prng.below(3) as usize]);
    }
    if prng.chance(2) {
        query = query.by([["zone"], ["host"], ["__name__"]][prng.below(3) as usize]);
        if prng.chance(2) {
            query = query.across([Across::Sum, Across::Max][prng.below(2) as usize]);
        }
    }
    query
}

/// The labels and the bits of every row, and what it took. Which bits a NaN has is no promise.
fn answer(query: &Query, snapshot: &Snapshot) -> (Vec<(Labels, Vec<u64>)>, Explain) {
    let mut frames = query.run(snapshot).unwrap();
    let mut rows = Vec::new();
    for frame in frames.by_ref() {
        let frame = frame.unwrap();
        let bits = |value: &f64| if value.is_nan() { 0 } else { value.to_bits() };
        rows.extend(
            frame.rows().map(|(labels, row)| (labels.clone(), row.iter().map(bits).collect())),
        );
    }
    (rows, frames.explain())
}

#[test]
fn the_form_of_the_samples_does_not_show_in_the_answer() {
    let (mut by_statistics, mut pruned) = (0, 0);
    for seed in 0..if crate::support::slow() { 40 } else { 3 } {
        println!("seed {seed}");
        let mut prng = Prng(seed);
        let worlds = worlds(&mut prng);
        let snapshots: Vec<(&str, Snapshot)> =
            worlds.stores.iter().map(|(form, s)| (*form, s.snapshot().unwrap())).collect();
        for round in 0..40 {
            let first = prng.below(13) as usize;
            let mut asked = vec![AGGREGATES[first]];
            while prng.chance(2) {
                asked.push(AGGREGATES[prng.below(13) as usize]);
            }
            asked.dedup();
            let query = some_query(&mut prng);
            let plain = query.clone().statistics(false).aggregate(asked[0]);
            let (expected, explain) = answer(&plain, &snapshots[0].1);
            assert_eq!(explain.statistics.samples + explain.pruned.samples, 0);
            for (form, snapshot) in &snapshots {
                let several = query.clone().aggregates(asked.clone());
                let (found, explain) = answer(&several, snapshot);
                let of_first: Vec<_> = found.iter().step_by(asked.len()).collect();
                assert_eq!(of_first.len(), expected.len(), "{form} round {round}");
                for (found, expected) in of_first.iter().zip(&expected) {
                    let name = &expected.0;
                    assert_eq!(
                        found.1, expected.1,
                        "{form} round {round} {asked:?} {name}: {query:?}"
                    );
                }
                by_statistics += explain.statistics.samples;
                pruned += explain.pruned.samples;
                let all = explain.outside.samples
                    + explain.pruned.samples
                    + explain.statistics.samples
                    + explain.decoded.samples;
                assert_eq!(all, explain.stored.samples, "{form} round {round}");
                assert_eq!(explain.series, explain.series_done);
            }
        }
    }
    assert!(by_statistics > 100_000 && pruned > 100_000, "{by_statistics} {pruned}");
}

#[test]
fn rows_and_last_points_are_those_of_a_scan() {
    let mut prng = Prng(17);
    let worlds = worlds(&mut prng);
    for (form, store) in &worlds.stores {
        let snapshot = store.snapshot().unwrap();
        let ids = snapshot.select(&Selector::all());
        let mut samples = Samples::default();
        let mut of = |id: SeriesId, range| {
            snapshot.scan(id, range, &mut samples).unwrap();
            let all = samples.times.iter().copied().zip(samples.values.iter().copied());
            all.collect::<Vec<(i64, f64)>>()
        };
        let hosts = snapshot.siblings(&ids);
        assert_eq!(hosts.len(), SERIES / 2);
        let mut reader = RowReader::new(&snapshot);
        for round in 0..60 {
            let start = prng.below(ROWS as u64 * 80) as i64;
            let end = start + prng.below(ROWS as u64 * 60) as i64;
            let nanos = Timestamp::from_nanos;
            let range = TimeRange { start: nanos(start), end: nanos(end) };
            let host = &hosts[round % hosts.len()];
            let keep = [None, Some(Condition::Above(515.0))][prng.below(2) as usize];
            let rows = reader.read(host, range, keep).unwrap();
            let second = of(host[1], range);
            let mut expected: Vec<(i64, [f64; 2])> = Vec::new();
            for (time, value) in of(host[0], range) {
                if keep.map_or(!value.is_nan(), |keep| keep.holds(value)) {
                    let other = second.iter().find(|(at, _)| *at == time);
                    expected.push((time, [value, other.map_or(f64::NAN, |(_, value)| *value)]));
                }
            }
            let found = rows.times.iter().copied().zip(rows.values.chunks(2));
            assert_eq!(rows.times.len(), expected.len(), "{form} round {round}");
            for ((time, row), (expected_time, expected)) in found.zip(expected) {
                assert_eq!(time, expected_time);
                let same = |(a, b): (&f64, &f64)| a == b || (a.is_nan() && b.is_nan());
                assert!(row.iter().zip(&expected).all(same), "{form} {time}: {row:?} {expected:?}");
            }
            let points = last_points(&snapshot, &ids, range).unwrap();
            for (id, point) in ids.iter().zip(points) {
                let last = of(*id, range).into_iter().rfind(|(_, value)| !value.is_nan());
                assert_eq!(point, last, "{form} round {round}");
            }
        }
    }
}

#[test]
fn top_rows_are_the_first_of_all_rows_in_their_order() {
    let worlds = worlds(&mut Prng(23));
    let snapshot = worlds.stores[2].1.snapshot().unwrap();
    let query = Query::new(Selector::all()).step(Span::from_nanos(90_000));
    let query = query.aggregates([Aggregate::Mean, Aggregate::Count]).by(["host"]);
    let rows = |query: &Query| {
        let frames = query.run(&snapshot).unwrap();
        let left = frames.rows_left();
        let mut rows = Vec::new();
        for frame in frames {
            let frame = frame.unwrap();
            rows.extend(frame.rows().map(|(labels, row)| (labels.clone(), row.to_vec())));
        }
        assert_eq!(rows.len(), left);
        rows
    };
    let all = rows(&query);
    let mut means: Vec<&[(Labels, Vec<f64>)]> = all.chunks(2).collect();
    let extreme = |rows: &[(Labels, Vec<f64>)], of: fn(f64, f64) -> f64| {
        rows[0].1.iter().copied().reduce(of).unwrap()
    };
    let names = |rows: &[&[(Labels, Vec<f64>)]]| -> Vec<Labels> {
        rows[..5].iter().flat_map(|rows| rows.iter().map(|(labels, _)| labels.clone())).collect()
    };
    let found =
        |query: &Query| -> Vec<Labels> { rows(query).into_iter().map(|(l, _)| l).collect() };
    means.sort_by(|a, b| extreme(b, f64::max).total_cmp(&extreme(a, f64::max)));
    assert_eq!(found(&query.clone().top(5)), names(&means));
    means.sort_by(|a, b| extreme(a, f64::min).total_cmp(&extreme(b, f64::min)));
    assert_eq!(found(&query.bottom(5)), names(&means));
}

#[test]
fn a_query_that_costs_too_much_is_given_up_and_says_how_to_go_on() {
    let worlds = worlds(&mut Prng(29));
    let snapshot = worlds.stores[2].1.snapshot().unwrap();
    let query = Query::new("cpu".parse().unwrap()).aggregate(Aggregate::StdDev);
    let run = |limits: Limits| -> Result<usize, Error> {
        let frames = query.clone().limits(limits).run(&snapshot)?;
        frames.map(|frame| Ok(frame?.len())).sum()
    };
    let none = Limits::default();
    let samples = (SERIES / 2 * ROWS) as u64;
    for (limits, enough, flag) in [
        (Limits { series: Some(39), ..none }, Limits { series: Some(40), ..none }, "--max-series"),
        (
            Limits { samples: Some(samples - 1), ..none },
            Limits { samples: Some(samples), ..none },
            "--max-samples",
        ),
        (
            Limits { bytes: Some(1_000), ..none },
            Limits { bytes: Some(1 << 30), ..none },
            "--max-bytes",
        ),
        (
            Limits { wall: Some(std::time::Duration::ZERO), ..none },
            Limits { wall: Some(std::time::Duration::from_hours(1)), ..none },
            "--timeout",
        ),
    ] {
        let why = run(limits).unwrap_err();
        assert!(matches!(why, Error::Limit { .. }) && why.to_string().contains(flag), "{why}");
        assert_eq!(run(enough).unwrap(), SERIES / 2, "{flag}");
    }
}

#[test]
fn statistics_of_a_block_do_not_answer_for_a_part_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), StoreOptions::default()).unwrap();
    // As many samples are cut off, among them the greatest, as there are NaN in the rest, also at
    // the end.
    let mut values: Vec<f64> = (0..1_024).map(f64::from).collect();
    values[..14].fill(1e9);
    values[500..510].fill(f64::NAN);
    values[1_020..].fill(f64::NAN);
    let series = (0..100).map(|host| {
        let labels = Labels::new("cpu", [("host", format!("h{host}"))]).unwrap();
        store.series_id(&labels).unwrap()
    });
    let series: Vec<SeriesId> = series.collect();
    let times = (0..1_024).collect();
    let values = values.repeat(series.len());
    let group = Group { series: series.clone(), times, values };
    store.append(&Batch { groups: vec![group] }).unwrap();
    store.seal().unwrap();
    let query = Query::new("cpu".parse().unwrap()).aggregate(Aggregate::Max);
    let query = query.from(Timestamp::from_nanos(14));
    let snapshot = store.snapshot().unwrap();
    for frame in query.run(&snapshot).unwrap() {
        for (labels, row) in frame.unwrap().rows() {
            assert_eq!(row, [1_019.0], "{labels}");
        }
    }
    let last = last_points(&snapshot, &series, TimeRange::ALL).unwrap();
    assert_eq!(last, vec![Some((1_019, 1_019.0)); series.len()]);
}

#[test]
fn computed_and_overlapping_samples_are_accounted_for_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), StoreOptions::default()).unwrap();
    let id =
        |metric: &str| store.series_id(&Labels::new(metric, [("host", "a")]).unwrap()).unwrap();
    let series = vec![id("cpu"), id("load")];
    let mut prng = Prng(3);
    let cpu: Vec<f64> = (0..ROWS).map(|_| prng.below(1 << 20) as f64).collect();
    let load = cpu.iter().map(|value| value * 3.0);
    let values = cpu.iter().copied().chain(load).collect();
    let times = (0..ROWS as i64).collect();
    store.append(&Batch { groups: vec![Group { series: series.clone(), times, values }] }).unwrap();
    store.seal().unwrap();
    store.compact(true).unwrap();
    let explain = |metric: &str| {
        let query = Query::new(metric.parse().unwrap()).aggregate(Aggregate::StdDev);
        answer(&query, &store.snapshot().unwrap()).1
    };
    let (stored, computed) = (explain("cpu"), explain("load"));
    assert!(computed.stored.bytes < stored.stored.bytes / 10, "{computed:?} is not computed");
    assert_eq!(computed.decoded.samples, ROWS as u64);
    // A newer segment overrides some of them.
    let times = (100..200).collect();
    let group = Group { series: series[..1].to_vec(), times, values: vec![1.0; 100] };
    store.append(&Batch { groups: vec![group] }).unwrap();
    store.seal().unwrap();
    let merged = explain("cpu");
    assert_eq!((merged.decoded.samples, merged.stored.samples), (ROWS as u64, ROWS as u64 + 100));
    assert!(merged.decoded.bytes > stored.stored.bytes && merged.decoded.blocks == 6, "{merged:?}");
}
