//! Queries on a sealed store, warm: samples per second, beside a naive loop over plain vectors of
//! the same samples in the same run. Rates by which statistics answer are of samples not looked at.
#![expect(clippy::unwrap_used, reason = "a benchmark that fails has nothing to measure")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use plimsoll::query::{Across, Aggregate, Query};
use plimsoll::store::{Durability, Samples, Store, StoreOptions};
use plimsoll::{Batch, Group, Labels, Selector, Span, TimeRange};

const HOSTS: usize = 100;
const ROWS: usize = 8_640;
const HOUR_ROWS: usize = 360;
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

/// The same answer by a loop over plain vectors, one thread.
type Naive = fn(&[Vec<f64>]) -> Vec<f64>;

fn max_by_hour_and_host(columns: &[Vec<f64>]) -> Vec<f64> {
    let max = |hour: &[f64]| hour.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    columns.iter().flat_map(|column| column.chunks(HOUR_ROWS).map(max)).collect()
}

/// Sum, maximum and number, step by step.
fn three(columns: &[Vec<f64>], rows: usize) -> Vec<f64> {
    let mut steps = vec![[0.0, f64::NEG_INFINITY, 0.0]; ROWS.div_ceil(rows)];
    for column in columns {
        for (step, values) in steps.iter_mut().zip(column.chunks(rows)) {
            for value in values {
                *step = [step[0] + value, step[1].max(*value), step[2] + 1.0];
            }
        }
    }
    steps.into_flattened()
}

fn p95_by_host(columns: &[Vec<f64>]) -> Vec<f64> {
    let place = 0.95 * (ROWS - 1) as f64;
    let quantile = |column: &Vec<f64>| {
        let mut column = column.clone();
        let (_, low, above) = column.select_nth_unstable_by(place as usize, f64::total_cmp);
        let high = above.iter().copied().fold(f64::INFINITY, f64::min);
        *low + (high - *low) * place.fract()
    };
    columns.iter().map(quantile).collect()
}

fn queries(criterion: &mut Criterion) {
    let data = data();
    let pooled = Query::new(Selector::all()).by([""; 0]);
    let three_at_once = [Aggregate::Sum, Aggregate::Max, Aggregate::Count];
    let beside: [(&str, Naive, Query); 4] = [
        (
            "max by hour and host",
            max_by_hour_and_host,
            Query::new(Selector::all()).step(Span::HOUR).aggregate(Aggregate::Max),
        ),
        (
            "sum, max and count by hour over all hosts",
            |columns| three(columns, HOUR_ROWS),
            pooled.clone().step(Span::HOUR).aggregates(three_at_once),
        ),
        (
            "sum, max and count by day over all hosts",
            |columns| three(columns, ROWS),
            pooled.clone().step(Span::DAY).aggregates(three_at_once),
        ),
        (
            "exact p95 by host",
            p95_by_host,
            Query::new(Selector::all()).aggregate(Aggregate::Quantile(0.95)),
        ),
    ];
    for (name, naive, query) in beside {
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Elements((HOSTS * ROWS) as u64));
        group.bench_function("naive loop", |bencher| {
            bencher.iter(|| black_box(naive(black_box(&data.columns))));
        });
        for (form, may_answer) in [("all decoded", false), ("with statistics", true)] {
            let query = query.clone().statistics(may_answer);
            group.bench_function(form, |bencher| bencher.iter(|| run(&query, &data.store)));
        }
        group.finish();
    }
    let hourly = pooled.step(Span::HOUR);
    let mut group = criterion.benchmark_group("more queries");
    group.throughput(Throughput::Elements((HOSTS * ROWS) as u64));
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
    for (name, query) in [
        ("mean by hour over all hosts", hourly.clone()),
        ("sum over hosts of the mean by hour", hourly.across(Across::Sum)),
    ] {
        group.bench_function(name, |bencher| bencher.iter(|| run(&query, &data.store)));
    }
    group.finish();
    let one = Query::new(r#"cpu{host="h042"}"#.parse().unwrap()).step(Span::HOUR);
    criterion.bench_function("mean by hour of one host", |bencher| {
        bencher.iter(|| run(&one, &data.store));
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .measurement_time(std::time::Duration::from_secs(2));
    targets = queries
}
criterion_main!(benches);
