//! A store that rolls up, and one that keeps everything, side by side under random operations.

use std::path::PathBuf;

use plimsoll::kernel::Sketch;
use plimsoll::query::{Across, Aggregate, Query};
use plimsoll::store::{Retention, Samples, Store};
use plimsoll::{Batch, Error, Group, Labels, Selector, Span, TimeRange, Timestamp};

use super::{answer, assert_whole, options, segments};
use crate::support::prng::Prng;

const MINUTE: i64 = 60_000_000_000;
const SPANS: [i64; 3] = [5 * MINUTE, 60 * MINUTE, 1_440 * MINUTE];
/// 20 days.
const MINUTES: i64 = 28_800;
const AGGREGATES: [Aggregate; 9] = [
    Aggregate::Sum,
    Aggregate::Mean,
    Aggregate::Min,
    Aggregate::Max,
    Aggregate::Count,
    Aggregate::First,
    Aggregate::Last,
    Aggregate::Increase,
    Aggregate::Rate,
];

fn at(nanos: i64) -> Timestamp {
    Timestamp::from_nanos(nanos)
}

fn span(nanos: i64) -> Span {
    Span::from_nanos(nanos)
}

/// A store that rolls up, and its twin that does not.
struct World {
    folder: tempfile::TempDir,
    store: Option<Store>,
    twin: Store,
    prng: Prng,
    /// Samples before are ignored.
    raw_from: i64,
    now: i64,
    counters: [i64; 4],
}

impl World {
    fn new(seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let open = |name: &str| Store::open(&folder.path().join(name), options()).unwrap();
        let (store, twin) = (Some(open("store")), open("twin"));
        let (raw_from, counters) = (i64::MIN, [0; 4]);
        Self { folder, store, twin, prng: Prng(seed), raw_from, now: 0, counters }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    /// Appends some samples of one series, mostly in order, sometimes late.
    fn append(&mut self) {
        let host = self.prng.below(4) as usize;
        let counter = self.prng.chance(2);
        let metric = if counter { "counter" } else { "gauge" };
        let labels = Labels::new(metric, [("host", format!("h{host}"))]).unwrap();
        let late = if self.prng.chance(4) { self.prng.below(3_000) as i64 } else { 0 };
        let mut time = (self.now - late).max(0);
        let (mut times, mut values) = (Vec::new(), Vec::new());
        let pace = 1 + self.prng.below(20);
        for _ in 0..40 {
            // A gap now and then: longer than an hour, longer than a day.
            time += match self.prng.below(60) {
                0 => self.prng.below(600) as i64,
                1 if self.prng.chance(6) => self.prng.below(3_000) as i64,
                _ => 1 + self.prng.below(pace) as i64,
            };
            times.push(time * MINUTE + self.prng.below(1_000) as i64);
            values.push(if counter { self.counter(host) } else { self.gauge() });
        }
        self.now = self.now.max(time - 600);
        let group = |store: &Store, times: &[i64], values: &[f64]| {
            let series = vec![store.series_id(&labels).unwrap()];
            let group = Group { series, times: times.to_vec(), values: values.to_vec() };
            store.append(&Batch { groups: vec![group] }).unwrap();
        };
        group(self.store(), &times, &values);
        let from = times.partition_point(|time| *time < self.raw_from);
        self.twin.series_id(&labels).unwrap();
        if from < times.len() {
            group(&self.twin, &times[from..], &values[from..]);
        }
    }

    fn counter(&mut self, host: usize) -> f64 {
        let grown = self.counters[host] + self.prng.below(100) as i64;
        self.counters[host] = if self.prng.chance(50) { 3 } else { grown };
        if self.prng.chance(40) { f64::NAN } else { self.counters[host] as f64 }
    }

    fn gauge(&mut self) -> f64 {
        if self.prng.chance(30) { f64::NAN } else { self.prng.below(10_000) as f64 / 15.0 }
    }

    /// Rolls up into the coarsest tier and, unless `all`, into some of the others.
    fn roll_up(&mut self, all: bool) {
        let before = (self.now - self.prng.below(3_000) as i64) * MINUTE + 17;
        let mut retention = Retention::new(at(before));
        for nanos in SPANS {
            let is_last = nanos == SPANS[2];
            let dropped = before.min((before - self.prng.below(10_000) as i64 * MINUTE).max(0));
            let keep_all = all || is_last || self.prng.chance(2);
            if all || is_last || !self.prng.chance(4) {
                retention =
                    retention.rollup(span(nanos), if keep_all { None } else { Some(at(dropped)) });
            }
        }
        let report = self.store().retain_with(&retention).unwrap();
        let from = before.div_euclid(SPANS[2]) * SPANS[2];
        self.raw_from = self.raw_from.max(from);
        assert_eq!(report.before.unwrap().nanos(), self.raw_from);
    }

    fn reopen(&mut self) {
        self.store = None;
        self.store = Some(Store::open(&self.path(), options()).unwrap());
    }

    /// Loses the database and makes it anew from the segments.
    fn repair(&mut self) {
        self.store().seal().unwrap();
        if segments(&self.path()).is_empty() {
            return;
        }
        self.store.take().unwrap().close().unwrap();
        std::fs::remove_dir_all(self.path().join("db")).unwrap();
        let report = Store::rebuild(&self.path()).unwrap();
        let never = |why: &&(String, String)| why.1.contains("never finished");
        assert_eq!(report.set_aside.iter().find(never), None);
        self.store = Some(Store::open(&self.path(), options()).unwrap());
        // A retention that found nothing to roll up wrote no file that could note it.
        let from = self.store().snapshot().unwrap().raw_from().nanos();
        assert!(from <= self.raw_from, "{:?}", report.retain_from);
        self.raw_from = from;
    }

    /// Asks both stores a random question whose steps are made of buckets of `span`. Returns
    /// whether there was an answer.
    fn ask(&mut self, nanos: i64, always: bool) -> bool {
        let mut aggregate = AGGREGATES[self.prng.below(9) as usize];
        // Finer buckets have no sketches.
        let is_sketch = nanos == SPANS[2] && self.prng.chance(3);
        let rank = self.prng.below(101) as f64 / 100.0;
        if is_sketch {
            aggregate = Aggregate::SketchQuantile(rank);
        }
        let metric = ["counter", "gauge"][self.prng.below(2) as usize];
        let step = nanos * [1, 1, 2, 3, 12][self.prng.below(5) as usize];
        let buckets = MINUTES * MINUTE / nanos;
        let start = self.prng.below(buckets as u64) as i64 * nanos;
        let length = (1 + self.prng.below(buckets as u64) as i64) * nanos;
        let mut query = Query::new(Selector::metric(metric))
            .from(at(start))
            .to(at(start + length))
            .step(span(step))
            .aggregate(aggregate);
        let across = self.prng.below(3);
        query = match across {
            0 => query,
            1 => query.by([] as [&str; 0]),
            _ => query.by(["host"]).across(Across::Sum),
        };
        let count = query.clone().aggregate(Aggregate::Count).by([] as [&str; 0]);
        let most = answer(&self.twin, &count).unwrap().into_iter().fold(0.0, f64::max);
        let expected = answer(&self.twin, &query).unwrap();
        let found = match answer(self.store(), &query) {
            Err(Error::Invalid { .. }) if !always => return false,
            found => found.unwrap(),
        };
        if is_sketch {
            let exact = answer(&self.twin, &query.clone().aggregate(Aggregate::Quantile(rank)));
            let near = |(a, b): (&f64, &f64)| (a - b).abs() <= Sketch::RELATIVE_ERROR * b.abs();
            // What is combined of several series is a sum of such: none is negative here.
            let both_gaps = |(a, b): (&f64, &f64)| a.is_nan() && b.is_nan();
            assert!(found.iter().zip(&exact.unwrap()).all(|pair| near(pair) || both_gaps(pair)));
        }
        let sums = matches!(
            aggregate,
            Aggregate::Sum | Aggregate::Mean | Aggregate::Increase | Aggregate::Rate
        );
        let one_bucket = always && step == nanos && SPANS.contains(&nanos);
        let growth = matches!(aggregate, Aggregate::Increase | Aggregate::Rate);
        let roundings = if !sums || metric == "counter" || (one_bucket && !growth) {
            0.0
        } else {
            most.max(1.0)
        };
        assert_eq!(found.len(), expected.len(), "{query:?}");
        for (place, (found, expected)) in found.iter().zip(&expected).enumerate() {
            // The number before the start may be in buckets of another length, which reach past it.
            let first_growth = growth && place as i64 % ((length + step - 1) / step) == 0;
            let unknown = !always && first_growth;
            let close = (found - expected).abs() <= roundings * f64::EPSILON * expected.abs();
            assert!(
                found.to_bits() == expected.to_bits() || close || unknown,
                "{query:?}, value {place}: {found:?}, expected {expected:?}"
            );
        }
        true
    }
}

fn live(seed: u64) {
    // Half of the worlds have all tiers all the time: then every whole step has an answer.
    let all = seed.is_multiple_of(2);
    println!("seed {seed}, all tiers: {all}");
    let mut world = World::new(seed);
    if seed.is_multiple_of(3) {
        world.append();
        let from = world.prng.below(500) as i64 * MINUTE + 7;
        world.store().retain(at(from)).unwrap();
        world.twin.retain(at(from)).unwrap();
        world.raw_from = from;
    }
    let (mut asked, mut answered) = (0, 0);
    while world.now < MINUTES {
        match world.prng.below(40) {
            0..=24 => world.append(),
            25..=27 => world.store().seal().unwrap(),
            28 => drop(world.store().compact(false).unwrap()),
            29 => drop(world.store().compact(true).unwrap()),
            30..=32 => world.roll_up(all),
            33 => world.reopen(),
            34 => world.repair(),
            _ => {
                let nanos = SPANS[world.prng.below(3) as usize];
                asked += 1;
                answered += u32::from(world.ask(nanos, all));
            }
        }
    }
    for _ in 0..60 {
        let nanos = SPANS[world.prng.below(3) as usize];
        asked += 1;
        answered += u32::from(world.ask(nanos, all));
    }
    assert!(answered * 4 > asked, "only {answered} of {asked} were answered");
    let reader = Store::open_read_only(&world.path()).unwrap();
    let query = Query::new(Selector::metric("counter"))
        .from(at(0))
        .step(Span::DAY)
        .aggregate(Aggregate::Max);
    let expected = answer(&world.twin, &query).unwrap();
    let bits = |values: Vec<f64>| values.into_iter().map(f64::to_bits).collect::<Vec<_>>();
    assert_eq!(bits(answer(&reader, &query).unwrap()), bits(expected));
    assert_whole(world.store(), &world.path());
    raw_scans_are_raw(world.store());
}

/// A scan gives samples, never what became of others.
fn raw_scans_are_raw(store: &Store) {
    let snapshot = store.snapshot().unwrap();
    let mut samples = Samples::default();
    for id in snapshot.select(&Selector::all()) {
        snapshot.scan(id, TimeRange::ALL, &mut samples).unwrap();
        assert!(samples.times.first().is_none_or(|time| *time >= snapshot.raw_from().nanos()));
    }
}

#[test]
fn rollups_answer_as_their_samples_did() {
    for seed in 0..if crate::support::slow() { 60 } else { 6 } {
        live(seed);
    }
}
