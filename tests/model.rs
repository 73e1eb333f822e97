//! Promise: a store holds exactly what was appended, whatever was sealed, merged, dropped or
//! reopened in between. Random operations run against a store and against a map from series and
//! instant to value; after each few steps every sample of both is compared, bit for bit.

use std::collections::BTreeMap;
use std::path::Path;

use plimsoll::store::{Conflict, Durability, Samples, Snapshot, Store, StoreOptions};
use plimsoll::{Batch, Group, Labels, Selector, SeriesId, TimeRange, Timestamp};

use crate::support::prng::Prng;

/// What the store should hold.
#[derive(Default, Clone)]
struct Oracle {
    /// By the place of the series among `names`: a series that was forgotten comes back under
    /// another number.
    samples: BTreeMap<(u32, i64), u64>,
    retain_from: i64,
}

const HOSTS: u64 = 5;
const METRICS: u64 = 3;

fn options(rule: Conflict) -> StoreOptions {
    StoreOptions {
        durability: Durability::Buffered,
        conflict: rule,
        head_samples_max: 5_000,
        ..StoreOptions::default()
    }
}

fn names() -> Vec<Labels> {
    let all = (0..HOSTS).flat_map(|h| (0..METRICS).map(move |m| (h, m)));
    let name = |(host, metric)| {
        Labels::new(&format!("m{metric}"), [("host", format!("h{host}"))]).unwrap()
    };
    all.map(name).collect()
}

fn series(store: &Store) -> Vec<SeriesId> {
    names().iter().map(|labels| store.series_id(labels).unwrap()).collect()
}

/// A value that a careless codec would change: special ones, decimals, counters, noise.
fn value(prng: &mut Prng) -> f64 {
    match prng.below(8) {
        0 => f64::from_bits(prng.next()),
        1 => [f64::NAN, -0.0, f64::INFINITY, f64::NEG_INFINITY, 0.0][prng.below(5) as usize],
        2 => prng.below(10_000) as f64 / 100.0,
        3 => prng.below(10_000) as f64 / 15.0,
        _ => prng.below(100) as f64,
    }
}

fn group(prng: &mut Prng, ids: &[SeriesId]) -> Group {
    let host = prng.below(HOSTS) as usize;
    let mut series: Vec<_> = ids[host * METRICS as usize..][..METRICS as usize].to_vec();
    if prng.chance(4) {
        series.remove(prng.below(METRICS) as usize);
    }
    let rows = 1 + prng.below(300) as i64;
    let start = prng.below(40) as i64 * 100_000;
    let step = 1 + prng.below(400) as i64;
    let jitter = prng.chance(3);
    let mut times: Vec<i64> = (0..rows)
        .map(|row| start + row * step + if jitter { prng.below(50) as i64 } else { 0 })
        .collect();
    if prng.chance(5) {
        times.reverse();
    }
    let values = (0..rows * series.len() as i64).map(|_| value(prng)).collect();
    Group { series, times, values }
}

impl Oracle {
    fn append(&mut self, ids: &[SeriesId], group: &Group, rule: Conflict) {
        for (column, id) in group.series.iter().enumerate() {
            let of = ids.iter().position(|one| one == id).unwrap() as u32;
            for (time, value) in group.times.iter().zip(group.column(column)) {
                let place = self.samples.entry((of, *time));
                match rule {
                    Conflict::LastWins => *place.or_default() = value.to_bits(),
                    Conflict::FirstWins => drop(place.or_insert(value.to_bits())),
                }
            }
        }
    }

    fn retain(&mut self, before: i64) {
        self.retain_from = self.retain_from.max(before);
    }

    fn forget_old(&mut self) {
        let from = self.retain_from;
        self.samples.retain(|(_, time), _| *time >= from);
    }

    fn compare(&self, snapshot: &Snapshot, range: TimeRange) {
        let (names, mut found) = (names(), Samples::default());
        for id in snapshot.select(&Selector::all()) {
            let labels = snapshot.labels(id).unwrap();
            let of = names.iter().position(|one| *one == labels).unwrap() as u32;
            snapshot.scan(id, range, &mut found).unwrap();
            let expected: Vec<(i64, u64)> = self
                .samples
                .range((of, range.start.nanos())..(of, range.end.nanos()))
                .filter(|((_, time), _)| *time >= self.retain_from)
                .map(|((_, time), bits)| (*time, *bits))
                .collect();
            let found: Vec<(i64, u64)> =
                found.times.iter().copied().zip(found.values.iter().map(|v| v.to_bits())).collect();
            assert_eq!(found, expected, "series {id:?} in {range:?}");
        }
    }
}

fn live(seed: u64, rule: Conflict) {
    println!("seed {seed}, {rule:?}");
    let folder = tempfile::tempdir().unwrap();
    let mut prng = Prng(seed);
    let mut store = Store::open(folder.path(), options(rule)).unwrap();
    let mut oracle = Oracle::default();
    let mut kept: Option<(Snapshot, Oracle)> = None;
    for step in 0..120 {
        match prng.below(20) {
            0..=13 => {
                let ids = series(&store);
                let groups: Vec<Group> =
                    (0..=prng.below(3)).map(|_| group(&mut prng, &ids)).collect();
                for group in &groups {
                    oracle.append(&ids, group, rule);
                }
                store.append(&Batch { groups }).unwrap();
            }
            14 => store.seal().unwrap(),
            15 => drop(store.compact(prng.chance(2)).unwrap()),
            16 => {
                drop(store);
                store = Store::open(folder.path(), options(rule)).unwrap();
            }
            17 if prng.chance(4) => {
                let before = prng.below(20) as i64 * 10_000;
                store.retain(Timestamp::from_nanos(before)).unwrap();
                oracle.retain(before);
            }
            18 => kept = Some((store.snapshot().unwrap(), oracle.clone())),
            _ => read_only_agrees(folder.path(), &oracle),
        }
        if step % 10 == 9 {
            let start = prng.below(3_000_000) as i64;
            let range = TimeRange {
                start: Timestamp::from_nanos(start),
                end: Timestamp::from_nanos(start + prng.below(1_000_000) as i64),
            };
            oracle.compare(&store.snapshot().unwrap(), range);
            // An earlier snapshot still sees what it saw, retention and compaction or not.
            if let Some((snapshot, then)) = &kept {
                then.compare(snapshot, TimeRange::ALL);
            }
        }
    }
    store.seal().unwrap();
    store.compact(true).unwrap();
    oracle.forget_old();
    oracle.compare(&store.snapshot().unwrap(), TimeRange::ALL);
    let report = store.check().unwrap();
    assert_eq!(report.findings, []);
    assert_eq!(store.stat().unwrap().segments, 1);
}

fn read_only_agrees(path: &Path, oracle: &Oracle) {
    let reader = Store::open_read_only(path).unwrap();
    oracle.compare(&reader.snapshot().unwrap(), TimeRange::ALL);
}

#[test]
fn a_store_holds_what_was_appended() {
    let seeds = if crate::support::slow() { 0..200 } else { 0..6 };
    for seed in seeds {
        live(seed, Conflict::LastWins);
        live(seed + 1_000, Conflict::FirstWins);
    }
}

#[test]
fn importing_again_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), options(Conflict::FirstWins)).unwrap();
    let ids = series(&store);
    let mut prng = Prng(7);
    let groups: Vec<Group> = (0..20).map(|_| group(&mut prng, &ids)).collect();
    for group in &groups {
        store.append(&Batch { groups: vec![group.clone()] }).unwrap();
    }
    store.seal().unwrap();
    let before = store.stat().unwrap();
    for mut group in groups.into_iter().rev() {
        let order: Vec<usize> = (0..group.times.len()).rev().collect();
        let (times, columns) = (group.times.clone(), group.clone());
        group.times = order.iter().map(|row| times[*row]).collect();
        group.values = (0..group.series.len())
            .flat_map(|c| order.iter().map(move |row| (c, *row)))
            .map(|(c, row)| columns.column(c)[row])
            .collect();
        store.append(&Batch { groups: vec![group] }).unwrap();
    }
    store.seal().unwrap();
    let after = store.stat().unwrap();
    assert_eq!((before.samples, before.segments), (after.samples, after.segments));
    assert_eq!(before.segment_bytes, after.segment_bytes);
}
