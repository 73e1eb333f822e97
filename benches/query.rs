//! Queries on a sealed store, warm: samples per second, against a loop over plain vectors of the
//! same samples in the same run.
#![expect(clippy::unwrap_used, reason = "a benchmark that fails has nothing to measure")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use plimsoll::query::{Across, Aggregate, Query};
use plimsoll::store::{Durability, Samples, Store, StoreOptions};
use plimsoll::{Batch, Group, Labels, Selector, Span, TimeRange};

const HOSTS: usize = 100;
const ROWS: usize = 8_640;
const STEP_NANOS: i64 = 10_000_000_000;

struct Data {
    store: Store,
    columns: Vec<Vec<f64>>,
    _folder: tempfile::TempDir,
}

/// A day of a random walk in whole numbers, every 10 seconds, on 100 hosts.
fn data() -> Data {
    let folder = tempfile::tempdir().unwrap();
    let options = StoreOptions { durability: Durability::Buffered, ..StoreOptions::default() };
    let store = Store::open(folder.path(), options).unwrap();
    let mut columns = Vec::new();
    let mut state = 1_u64;
    for host in 0..HOSTS {
        let mut level = 50_i64;
        let values: Vec<f64> = (0..ROWS)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                level = (level + (state >> 33) as i64 % 3 - 1).clamp(0, 100);
                level as f64
            })
            .collect();
        let labels = Labels::new("cpu", [("host", format!("h{host:03}"))]).unwrap();
        let series = vec![store.series_id(&labels).unwrap()];
        let times = (0..ROWS as i64).map(|row| row * STEP_NANOS).collect();
        let group = Group { series, times, values: values.clone() };
        store.append(&Batch { groups: vec![group] }).unwrap();
        columns.push(values);
    }
    store.seal().unwrap();
    Data { store, columns, _folder: folder }
}

fn run(query: &Query, store: &Store) -> usize {
    let frames = query.run(&store.snapshot().unwrap()).unwrap();
    frames.map(|frame| black_box(frame.unwrap()).len()).sum()
}

fn queries(criterion: &mut Criterion) {
    let data = data();
    let samples = (HOSTS * ROWS) as u64;
    let mut group = criterion.benchmark_group("query");
    group.throughput(Throughput::Elements(samples));
    group.bench_function("naive loop: max by hour over plain vectors", |bencher| {
        bencher.iter(|| {
            let max = |hour: &[f64]| hour.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let rows: Vec<Vec<f64>> =
                data.columns.iter().map(|c| c.chunks(360).map(max).collect()).collect();
            black_box(rows).len()
        });
    });
    group.bench_function("scan every series", |bencher| {
        let snapshot = data.store.snapshot().unwrap();
        let mut out = Samples::default();
        bencher.iter(|| {
            for id in snapshot.select(&Selector::all()) {
                snapshot.scan(id, TimeRange::ALL, &mut out).unwrap();
                black_box(&out);
            }
        });
    });
    let hourly = Query::new("cpu".parse().unwrap()).step(Span::HOUR);
    for (name, query) in [
        ("max by hour and host", hourly.clone().aggregate(Aggregate::Max)),
        ("mean by hour over all hosts", hourly.clone().by(Vec::<String>::new())),
        (
            "sum over hosts of the mean by hour",
            hourly.clone().by(Vec::<String>::new()).across(Across::Sum),
        ),
        ("exact p95 per host", Query::new(Selector::all()).aggregate(Aggregate::Quantile(0.95))),
    ] {
        group.bench_function(name, |bencher| bencher.iter(|| run(&query, &data.store)));
    }
    group.finish();
    let mut group = criterion.benchmark_group("query of one host");
    let one = Query::new(r#"cpu{host="h042"}"#.parse().unwrap()).step(Span::HOUR);
    group.bench_function("mean by hour", |bencher| bencher.iter(|| run(&one, &data.store)));
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .measurement_time(std::time::Duration::from_secs(2));
    targets = queries
}
criterion_main!(benches);
