//! Append, seal and scan of the store, in samples per second, beside the naive loop that only keeps
//! or copies the same numbers in memory.
//!
//! `cargo bench --features store --bench store`
#![expect(clippy::expect_used, reason = "a benchmark that cannot run has nothing to report")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use plimsoll::store::{Durability, Samples, Store, StoreOptions};
use plimsoll::{Batch, Group, Labels, SeriesId, TimeRange};

const HOSTS: usize = 100;
const METRICS: usize = 10;
/// Rows of one host in one group of an import.
const IMPORT_ROWS: usize = 1_000;

fn options() -> StoreOptions {
    StoreOptions {
        durability: Durability::Interval(Duration::from_secs(1)),
        compact_after_seal: false,
        ..StoreOptions::default()
    }
}

/// The series of each host.
fn fleet(store: &Store) -> Vec<Vec<SeriesId>> {
    let id = |host: usize, metric: usize| {
        let labels = Labels::new(&format!("m{metric}"), [("host", format!("h{host}"))]);
        store.series_id(&labels.expect("valid labels")).expect("a new series")
    };
    (0..HOSTS).map(|host| (0..METRICS).map(|metric| id(host, metric)).collect()).collect()
}

fn value(row: i64, column: usize) -> f64 {
    ((row * 31 + column as i64 * 17) % 1_000) as f64 / 10.0
}

fn row(series: &[SeriesId], row: i64) -> Group {
    let values: Vec<f64> = (0..series.len()).map(|column| value(row, column)).collect();
    Group::row(series, row * 10_000_000_000, &values)
}

fn block(series: &[SeriesId], first: i64) -> Group {
    let rows = first..first + IMPORT_ROWS as i64;
    let columns = 0..series.len();
    Group {
        series: series.to_vec(),
        times: rows.clone().map(|row| row * 10_000_000_000).collect(),
        values: columns.flat_map(|c| rows.clone().map(move |row| value(row, c))).collect(),
    }
}

fn append(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("append");
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(folder.path(), options()).expect("a store");
    let fleet = fleet(&store);
    let mut at = 0;
    // An agent: one batch holds the scrape of every host.
    group.throughput(Throughput::Elements((HOSTS * METRICS) as u64));
    group.bench_function("fleet_scrape", |bench| {
        bench.iter_batched(
            || {
                at += 1;
                Batch { groups: fleet.iter().map(|series| row(series, at)).collect() }
            },
            |batch| store.append(&batch).expect("appended"),
            BatchSize::SmallInput,
        );
    });
    // An agent: one batch is one host's scrape.
    group.throughput(Throughput::Elements(METRICS as u64));
    group.bench_function("host_scrape", |bench| {
        bench.iter_batched(
            || {
                at += 1;
                Batch { groups: vec![row(&fleet[at as usize % HOSTS], at)] }
            },
            |batch| store.append(&batch).expect("appended"),
            BatchSize::SmallInput,
        );
    });
    group.throughput(Throughput::Elements((IMPORT_ROWS * METRICS) as u64));
    group.bench_function("import_block", |bench| {
        bench.iter_batched(
            || {
                at += IMPORT_ROWS as i64;
                Batch { groups: vec![block(&fleet[at as usize / IMPORT_ROWS % HOSTS], at)] }
            },
            |batch| store.append(&batch).expect("appended"),
            BatchSize::SmallInput,
        );
    });
    let mut columns = vec![Vec::new(); HOSTS * METRICS];
    group.throughput(Throughput::Elements((HOSTS * METRICS) as u64));
    group.bench_function("naive_push", |bench| {
        bench.iter(|| {
            at += 1;
            for (column, values) in columns.iter_mut().enumerate() {
                if values.len() == 1 << 12 {
                    values.clear();
                }
                values.push((at, value(at, column)));
            }
        });
    });
    group.finish();
}

fn seal(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("seal");
    group.sample_size(10);
    let samples = HOSTS * METRICS * IMPORT_ROWS;
    group.throughput(Throughput::Elements(samples as u64));
    group.bench_function("a_million_samples", |bench| {
        bench.iter_batched(
            || {
                let folder = tempfile::tempdir().expect("a folder");
                let store = Store::open(folder.path(), options()).expect("a store");
                let groups = fleet(&store).iter().map(|series| block(series, 0)).collect();
                store.append(&Batch { groups }).expect("appended");
                (folder, store)
            },
            |(folder, store)| {
                store.seal().expect("sealed");
                (folder, store)
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

fn scan(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("scan");
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(folder.path(), options()).expect("a store");
    let fleet = fleet(&store);
    let groups: Vec<Group> = fleet.iter().map(|series| block(series, 0)).collect();
    let naive: Vec<(Vec<i64>, Vec<f64>)> = groups
        .iter()
        .flat_map(|group| {
            (0..METRICS).map(|column| (group.times.clone(), group.column(column).to_vec()))
        })
        .collect();
    store.append(&Batch { groups }).expect("appended");
    let series = fleet.concat();
    let samples = (series.len() * IMPORT_ROWS) as u64;
    group.throughput(Throughput::Elements(samples));
    let mut found = Samples::default();
    for place in ["head", "segment"] {
        let snapshot = store.snapshot().expect("a snapshot");
        group.bench_function(place, |bench| {
            bench.iter(|| {
                for id in &series {
                    snapshot.scan(*id, TimeRange::ALL, &mut found).expect("scanned");
                    black_box(&found);
                }
            });
        });
        store.seal().expect("sealed");
    }
    group.bench_function("naive_copy", |bench| {
        bench.iter(|| {
            for (times, values) in &naive {
                found.clear();
                found.times.extend_from_slice(times);
                found.values.extend_from_slice(values);
                black_box(&found);
            }
        });
    });
    group.finish();
}

criterion_group!(benches, append, seal, scan);
criterion_main!(benches);
