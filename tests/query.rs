//! Promise: a query answers what its definition says, whatever was sealed, and the same bits at
//! one thread and at many. Random stores are asked random questions, and a naive evaluator, which
//! knows only the list of all samples, is asked the same.

use std::collections::BTreeMap;

use plimsoll::query::{Across, Aggregate, Condition, Query};
use plimsoll::store::{Durability, Samples, Store, StoreOptions};
use plimsoll::{Batch, Frame, Group, Labels, Selector, Span, TimeRange, Timestamp};

use crate::support::prng::Prng;

type Series = BTreeMap<i64, f64>;

struct World {
    store: Store,
    series: Vec<(Labels, Series)>,
    _folder: tempfile::TempDir,
}

fn world(prng: &mut Prng) -> World {
    let folder = tempfile::tempdir().unwrap();
    let options = StoreOptions { durability: Durability::Buffered, ..StoreOptions::default() };
    let store = Store::open(folder.path(), options).unwrap();
    let mut series = Vec::new();
    for host in 0..12 {
        let zone = ["a", "b", "c"][host % 3];
        let labels = Labels::new("m", [("host", format!("h{host}").as_str()), ("zone", zone)]);
        series.push((labels.unwrap(), Series::new()));
    }
    for _ in 0..30 {
        let (labels, samples) = &mut series[prng.below(12) as usize];
        let id = store.series_id(labels).unwrap();
        let start = prng.below(2_000_000) as i64;
        let times: Vec<i64> = (0..500).map(|i| start + i * 400 + prng.below(300) as i64).collect();
        let values: Vec<f64> = times.iter().map(|_| value(prng)).collect();
        samples.extend(times.iter().copied().zip(values.iter().copied()));
        store.append(&Batch { groups: vec![Group { series: vec![id], times, values }] }).unwrap();
        if prng.chance(8) {
            store.seal().unwrap();
        }
    }
    World { store, series, _folder: folder }
}

/// Multiples of 1/8, so that sums are exact in any order.
fn value(prng: &mut Prng) -> f64 {
    if prng.chance(50) { f64::NAN } else { prng.below(800) as f64 / 8.0 }
}

fn quantile(values: &[f64], rank: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = rank * (sorted.len() - 1) as f64;
    let (low, part) = (place as usize, place.fract());
    if part == 0.0 { sorted[low] } else { sorted[low] + (sorted[low + 1] - sorted[low]) * part }
}

/// Straight from the definition of each aggregate: samples of one step, in order of time.
pub(crate) fn naive(aggregate: Aggregate, samples: &[(i64, f64)]) -> f64 {
    let values: Vec<f64> = samples.iter().map(|s| s.1).filter(|v| !v.is_nan()).collect();
    match aggregate {
        Aggregate::Count => values.len() as f64,
        _ if values.is_empty() => f64::NAN,
        Aggregate::Sum => values.iter().sum(),
        Aggregate::Mean => values.iter().sum::<f64>() / values.len() as f64,
        Aggregate::Min => values.iter().copied().fold(f64::INFINITY, f64::min),
        Aggregate::Max => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        Aggregate::First => values[0],
        Aggregate::Last => *values.last().unwrap(),
        Aggregate::StdDev => {
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt()
        }
        Aggregate::Quantile(rank) => quantile(&values, rank),
        _ => panic!("not compared here"),
    }
}

fn pooled(series: &[Series], from: i64, to: i64) -> Vec<(i64, f64)> {
    let mut all: Vec<(i64, f64)> =
        series.iter().flat_map(|s| s.range(from..to).map(|(t, v)| (*t, *v))).collect();
    // Stable: at equal times the later series stays later.
    all.sort_by_key(|(time, _)| *time);
    all
}

fn frames(world: &World, query: &Query) -> Vec<Frame> {
    query.run(&world.store.snapshot().unwrap()).unwrap().map(Result::unwrap).collect()
}

const AGGREGATES: [Aggregate; 9] = [
    Aggregate::Sum,
    Aggregate::Mean,
    Aggregate::Min,
    Aggregate::Max,
    Aggregate::Count,
    Aggregate::Last,
    Aggregate::Quantile(0.9),
    Aggregate::First,
    Aggregate::StdDev,
];

#[test]
fn a_query_answers_its_definition() {
    for seed in 0..if crate::support::slow() { 100 } else { 8 } {
        println!("seed {seed}");
        let mut prng = Prng(seed);
        let world = world(&mut prng);
        for _ in 0..40 {
            ask(&world, &mut prng);
        }
    }
}

/// Multiples of 1/8: all but roots are exact.
fn equals(aggregate: Aggregate, value: f64, expected: f64) -> bool {
    let rounding = if aggregate == Aggregate::StdDev { 1e-12 * expected } else { 0.0 };
    let equal = value == expected || (value - expected).abs() <= rounding;
    equal || (value.is_nan() && expected.is_nan())
}

fn ask(world: &World, prng: &mut Prng) {
    let from = prng.below(2_000_000) as i64;
    let to = from + 1 + prng.below(500_000) as i64;
    let step = 1 + (prng.below(50_000) + 500) as i64;
    let aggregate = AGGREGATES[prng.below(9) as usize];
    let by: Option<Vec<&str>> = match prng.below(4) {
        0 => None,
        1 => Some(vec![]),
        2 => Some(vec!["zone"]),
        _ => Some(vec!["zone", "host"]),
    };
    let across = if by.is_some() && prng.chance(3) { Some(Across::Max) } else { None };
    let text = [r#"m{host=~"h[0-7]"}"#, "m", r#"{zone!="b"}"#][prng.below(3) as usize];
    let selector: Selector = text.parse().unwrap();
    let mut query = Query::new(selector.clone())
        .from(Timestamp::from_nanos(from))
        .to(Timestamp::from_nanos(to))
        .step(Span::from_nanos(step))
        .aggregate(aggregate);
    if let Some(by) = &by {
        query = query.by(by.iter().copied());
    }
    if let Some(across) = across {
        query = query.across(across);
    }

    let keep =
        [None, Some(Condition::Above(60.0)), Some(Condition::AtMost(25.0))][prng.below(3) as usize];
    if let Some(keep) = keep {
        query = query.keep(keep);
    }

    let mut groups: BTreeMap<Labels, Vec<Series>> = BTreeMap::new();
    for (labels, samples) in &world.series {
        // A series without any sample was never made.
        if selector.matches(labels) && !samples.is_empty() {
            let key = by.as_ref().map_or_else(|| labels.clone(), |by| labels.project(by));
            let mut samples = samples.clone();
            samples.retain(|_, value| keep.is_none_or(|keep| keep.holds(*value)));
            groups.entry(key).or_default().push(samples);
        }
    }
    let mut found = BTreeMap::new();
    for frame in frames(world, &query) {
        for (labels, row) in frame.rows() {
            found.insert(labels.clone(), row.to_vec());
        }
    }
    assert_eq!(found.keys().collect::<Vec<_>>(), groups.keys().collect::<Vec<_>>());
    for (labels, series) in groups {
        for (at, value) in found[&labels].iter().enumerate() {
            let start = from + at as i64 * step;
            let end = (start + step).min(to);
            let expected = match across {
                None => naive(aggregate, &pooled(&series, start, end)),
                Some(_) => series
                    .iter()
                    .map(|one| naive(aggregate, &pooled(std::slice::from_ref(one), start, end)))
                    .filter(|v| !v.is_nan())
                    .reduce(f64::max)
                    .unwrap_or(f64::NAN),
            };
            assert!(
                equals(aggregate, *value, expected),
                "{labels} {aggregate:?} step {at}: {value}, expected {expected}"
            );
        }
    }
}

#[test]
fn answers_are_the_same_bits_at_any_number_of_threads() {
    let mut prng = Prng(99);
    let world = world(&mut prng);
    let query = Query::new(Selector::all())
        .by(["zone"])
        .aggregate(Aggregate::Mean)
        .step(Span::from_nanos(10_000));
    let answer = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let rows = frames(&world, &query);
            let bits = |f: &Frame| f.values().iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            rows.iter().flat_map(bits).collect::<Vec<u64>>()
        })
    };
    let one = answer(1);
    assert!(one.len() > 100);
    assert_eq!(one, answer(2));
    assert_eq!(one, answer(7));
}

/// 600 series of a fleet: most are scraped at the same instants, some at their own, some joined
/// late; sealed in parts, and a head at the end, which some have no samples in.
fn fleet(prng: &mut Prng) -> World {
    let folder = tempfile::tempdir().unwrap();
    let options = StoreOptions { durability: Durability::Buffered, ..StoreOptions::default() };
    let store = Store::open(folder.path(), options).unwrap();
    let mut series: Vec<(Labels, Series)> = Vec::new();
    for host in 0..600 {
        let labels = Labels::new("m", [("host", format!("h{host}")), ("zone", "a".to_owned())]);
        series.push((labels.unwrap(), Series::new()));
    }
    for part in 0..4_i64 {
        let rows = 100 + prng.below(600) as i64;
        for (host, (labels, samples)) in series.iter_mut().enumerate() {
            if (host % 7 == 3 && part < 2) || (host % 5 == 2 && part == 3) {
                continue;
            }
            let own = if host % 11 == 5 { prng.below(90) as i64 } else { 0 };
            let times: Vec<i64> = (0..rows).map(|row| part * 100_000 + row * 100 + own).collect();
            let real = |_: &i64| prng.below(1 << 40) as f64 / 3e5;
            let values: Vec<f64> = times.iter().map(real).collect();
            samples.extend(times.iter().copied().zip(values.iter().copied()));
            let group = Group { series: vec![store.series_id(labels).unwrap()], times, values };
            store.append(&Batch { groups: vec![group] }).unwrap();
        }
        if part < 3 {
            store.seal().unwrap();
        }
    }
    World { store, series, _folder: folder }
}

#[test]
fn a_reader_gives_what_a_scan_gives_whatever_it_read_before() {
    let mut prng = Prng(5);
    let world = fleet(&mut prng);
    let snapshot = world.store.snapshot().unwrap();
    let ids = snapshot.select(&Selector::all());
    let mut reader = snapshot.reader();
    let mut ranges = vec![TimeRange::ALL; 3];
    let range = |start, end| TimeRange {
        start: Timestamp::from_nanos(start),
        end: Timestamp::from_nanos(end),
    };
    for _ in 0..3 {
        let start = prng.below(350_000) as i64;
        let end = start + 5_000 + prng.below(200_000) as i64;
        // The second has other samples of the same blocks.
        ranges.extend([range(start, end), range(start + 1_500, end - 1_500)]);
    }
    let mut expected = Samples::default();
    for round in 0..3_000 {
        // Mostly the next series over the same range.
        let id = if prng.chance(4) { prng.below(600) as usize } else { round % 600 };
        let range = ranges[if prng.chance(10) { prng.below(9) as usize } else { round / 400 }];
        snapshot.scan(ids[id], range, &mut expected).unwrap();
        let numbers = || expected.times.iter().zip(&expected.values).filter(|(_, v)| !v.is_nan());
        let last = numbers().next_back().map(|(time, value)| (*time, *value));
        assert_eq!(reader.last(ids[id], range).unwrap(), last, "round {round}");
        assert_eq!(reader.read(ids[id], range).unwrap(), &expected, "round {round}");
    }
}

#[test]
fn a_fleet_is_summed_up_in_one_order_at_any_number_of_threads() {
    let world = fleet(&mut Prng(6));
    for aggregate in [Aggregate::Sum, Aggregate::Mean, Aggregate::StdDev, Aggregate::Quantile(0.9)]
    {
        for across in [None, Some(Across::Sum), Some(Across::Mean)] {
            let query = Query::new(Selector::all()).by([] as [&str; 0]).aggregate(aggregate);
            let mut query = query.from(Timestamp::from_nanos(0)).step(Span::from_nanos(90_000));
            if let Some(across) = across {
                query = query.across(across);
            }
            let answer = |threads: usize| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                let rows = pool.install(|| frames(&world, &query));
                rows.iter()
                    .flat_map(|frame| frame.values().iter().copied().collect::<Vec<f64>>())
                    .collect::<Vec<f64>>()
            };
            let bits = |row: &[f64]| row.iter().map(|value| value.to_bits()).collect::<Vec<u64>>();
            let one = answer(1);
            for threads in [2, 3, 7] {
                assert_eq!(bits(&one), bits(&answer(threads)), "{aggregate:?} {across:?}");
            }
            let series: Vec<Series> = world.series.iter().map(|(_, s)| s.clone()).collect();
            for (step, found) in one.iter().enumerate() {
                let (start, end) = (step as i64 * 90_000, (step as i64 + 1) * 90_000);
                let of = |series: &[Series]| naive(aggregate, &pooled(series, start, end));
                let rows = || series.chunks(1).map(of).filter(|v| !v.is_nan());
                let expected = match across {
                    None => of(&series),
                    Some(Across::Mean) => rows().sum::<f64>() / rows().count() as f64,
                    Some(_) => rows().sum::<f64>(),
                };
                let close = (found - expected).abs() <= 1e-12 * expected.abs();
                let gap = found.is_nan() && (expected.is_nan() || expected == 0.0);
                assert!(close || gap, "{aggregate:?} {across:?} {step}: {found}, {expected}");
            }
        }
    }
}

#[test]
fn a_sum_that_is_no_number_is_a_gap_however_it_is_added_up() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), StoreOptions::default()).unwrap();
    // In the first step infinities of both signs, in the second of one.
    let inf = f64::INFINITY;
    for (host, values) in [("a", [inf, inf]), ("b", [-inf, 7.0]), ("c", [5.0, 5.0])] {
        let series = vec![store.series_id(&Labels::new("m", [("host", host)]).unwrap()).unwrap()];
        let group = Group { series, times: vec![10, 110], values: values.to_vec() };
        store.append(&Batch { groups: vec![group] }).unwrap();
    }
    for sealed in [false, true] {
        let all = || Query::new("m".parse().unwrap()).step(Span::from_nanos(100));
        let asked = |query: Query| -> Vec<f64> {
            let all: Vec<&str> = vec![];
            let frames = query.by(all).run(&store.snapshot().unwrap()).unwrap();
            frames.map(|frame| frame.unwrap().row(0).to_vec()).next().unwrap()
        };
        for how in [Aggregate::Sum, Aggregate::Mean] {
            let found = asked(all().aggregate(how));
            assert!(found[0].is_nan() && found[1] == inf, "{sealed} {how}: {found:?}");
        }
        for across in [Across::Sum, Across::Mean] {
            let found = asked(all().aggregate(Aggregate::Max).across(across));
            assert!(found[0].is_nan() && found[1] == inf, "{sealed} {across:?}: {found:?}");
        }
        let count = asked(all().aggregate(Aggregate::Max).across(Across::Count));
        assert_eq!(count, [3.0, 3.0]);
        let least = asked(all().aggregate(Aggregate::Max).across(Across::Min));
        assert_eq!(least, [-inf, 5.0]);
        store.seal().unwrap();
    }
}
