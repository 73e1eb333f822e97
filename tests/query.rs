//! Promise: a query answers what its definition says, whatever was sealed, and the same bits at
//! one thread and at many. Random stores are asked random questions, and a naive evaluator, which
//! knows only the list of all samples, is asked the same.

use std::collections::BTreeMap;

use plimsoll::query::{Across, Aggregate, Condition, Query};
use plimsoll::store::{Durability, Store, StoreOptions};
use plimsoll::{Batch, Frame, Group, Labels, Selector, Span, Timestamp};

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
fn naive(aggregate: Aggregate, samples: &[(i64, f64)]) -> f64 {
    let values: Vec<f64> = samples.iter().map(|s| s.1).filter(|v| !v.is_nan()).collect();
    match aggregate {
        Aggregate::Count => values.len() as f64,
        _ if values.is_empty() => f64::NAN,
        Aggregate::Sum => values.iter().sum(),
        Aggregate::Mean => values.iter().sum::<f64>() / values.len() as f64,
        Aggregate::Min => values.iter().copied().fold(f64::INFINITY, f64::min),
        Aggregate::Max => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        Aggregate::Last => *values.last().unwrap(),
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

const AGGREGATES: [Aggregate; 7] = [
    Aggregate::Sum,
    Aggregate::Mean,
    Aggregate::Min,
    Aggregate::Max,
    Aggregate::Count,
    Aggregate::Last,
    Aggregate::Quantile(0.9),
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

fn ask(world: &World, prng: &mut Prng) {
    let from = prng.below(2_000_000) as i64;
    let to = from + 1 + prng.below(500_000) as i64;
    let step = 1 + (prng.below(50_000) + 500) as i64;
    let aggregate = AGGREGATES[prng.below(7) as usize];
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
            let equal = *value == expected || (value.is_nan() && expected.is_nan());
            assert!(equal, "{labels} {aggregate:?} step {at}: {value}, expected {expected}");
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
