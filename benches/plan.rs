//! The plan of a fleet: 200 hosts, 90 days of steps of 5 minutes, from a frame in memory to the
//! finished plan, beside the daily maxima of the same frame with a line by least squares through
//! each, which is the least that could be called a plan. And the time to exhaustion of 90 peaks
//! alone, beside the date that such a line gives.
//!
//! `cargo bench --no-default-features --bench plan`.

#![expect(clippy::unwrap_used, reason = "a benchmark stops where its input is wrong")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use plimsoll::capacity::exhaustion::{ExhaustionOptions, Outcome, time_to_exhaustion};
use plimsoll::capacity::{Plan, Planner, Study, Table};
use plimsoll::kernel::{Line, Random, theil_sen};
use plimsoll::{Frame, Labels, Span, Timestamp};

const HOSTS: usize = 200;
const DAYS: usize = 90;
const PER_DAY: usize = 288;

const STUDY: &str = r#"
[study]
name = "bench"
step = "5m"
horizon = "90d"
lead_time = "30d"

[[resource]]
name = "disk"
usage = "disk_used"
limit = 100
unit = "GB"
safety_margin = 0.1
"#;

/// Busy days, quiet nights, quieter weekends; every tenth host grows into its line.
fn usage(start: Timestamp) -> Frame {
    let mut random = Random::new(1);
    let mut values = Vec::with_capacity(HOSTS * DAYS * PER_DAY);
    let mut labels = Vec::with_capacity(HOSTS);
    for host in 0..HOSTS {
        labels.push(Labels::from_pairs([("host", &*format!("h{host:03}"))]).unwrap());
        let slope = if host % 10 == 0 { 0.2 } else { 0.0 };
        let level = 20.0 + 20.0 * random.uniform();
        for step in 0..DAYS * PER_DAY {
            let day = step as f64 / PER_DAY as f64;
            let weekday = if step / PER_DAY % 7 < 5 { 8.0 } else { 0.0 };
            let hours = 10.0 * (std::f64::consts::TAU * day).sin();
            values.push(level + slope * day + weekday + hours + random.normal());
        }
    }
    Frame::new(start, Span::from_seconds(300), DAYS * PER_DAY, labels, values).unwrap()
}

fn plan(study: &Study, as_of: Timestamp, usage: &Frame) -> Plan {
    let mut planner = Planner::new(study, as_of).unwrap();
    planner.add(Table { resource: 0, group: None }, usage, None).unwrap();
    planner.finish()
}

/// The straight line by least squares through values at 0, 1, 2, ...
fn least_squares(values: impl ExactSizeIterator<Item = f64>) -> Line {
    let n = values.len() as f64;
    let middle = (n - 1.0) / 2.0;
    let (mut sum, mut product, mut square) = (0.0, 0.0, 0.0);
    for (at, value) in values.enumerate() {
        let off = at as f64 - middle;
        sum += value;
        product += off * value;
        square += off * off;
    }
    let slope = product / square;
    Line { intercept: sum / n - slope * middle, slope }
}

/// The least-squares line of each row's daily maxima.
fn lines(usage: &Frame) -> Vec<Line> {
    let peak = |day: &[f64]| day.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    usage.rows().map(|(_, row)| least_squares(row.chunks(PER_DAY).map(peak))).collect()
}

fn plans(criterion: &mut Criterion) {
    let study = Study::parse(STUDY, "study.toml").unwrap();
    let start: Timestamp = "2026-01-01".parse().unwrap();
    let as_of = start.plus(Span::from_days(DAYS as i64));
    let usage = usage(start);
    let found = plan(&study, as_of, &usage);
    assert_eq!(found.hosts.rows.len(), HOSTS);
    let growing = lines(&usage).into_iter().filter(|line| line.slope > 0.1).count();
    assert_eq!(growing, HOSTS / 10, "the naive line sees who grows as well");

    let mut group = criterion.benchmark_group("plan of 200 hosts, 90 days by 5 minutes");
    group.throughput(Throughput::Elements((HOSTS * DAYS * PER_DAY) as u64));
    group.bench_function("frame to plan", |bencher| {
        bencher.iter(|| plan(&study, as_of, black_box(&usage)));
    });
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    group.bench_function("frame to plan, one thread", |bencher| {
        bencher.iter(|| one.install(|| plan(&study, as_of, black_box(&usage))));
    });
    group.bench_function("naive: daily maxima and a line by least squares", |bencher| {
        bencher.iter(|| lines(black_box(&usage)));
    });
    group.finish();
    let mut group = criterion.benchmark_group("plan of 200 hosts");
    group.bench_function("the fleet's part alone: discoveries, order, totals", |bencher| {
        let ready = || {
            let mut planner = Planner::new(&study, as_of).unwrap();
            planner.add(Table { resource: 0, group: None }, &usage, None).unwrap();
            planner
        };
        bencher.iter_batched(ready, Planner::finish, BatchSize::LargeInput);
    });
    group.finish();
}

fn exhaustion(criterion: &mut Criterion) {
    let mut random = Random::new(2);
    let grown = |day: usize| 30.0 + 0.3 * day as f64;
    let growing: Vec<f64> = (0..DAYS).map(|day| grown(day) + 1.5 * random.normal()).collect();
    let flat: Vec<f64> = (0..DAYS).map(|_| 50.0 + 2.0 * random.normal()).collect();
    let (line, options) = (grown(DAYS + 40), ExhaustionOptions::default());
    let found = time_to_exhaustion(&growing, line, &options).outcome;
    assert!(matches!(found, Outcome::Within(_)), "the growing series has a date: {found:?}");

    let mut group = criterion.benchmark_group("time to exhaustion of 90 peaks");
    group.bench_function("growing: 500 futures and the back-test", |bencher| {
        bencher.iter(|| time_to_exhaustion(black_box(&growing), line, &options));
    });
    group.bench_function("no trend: fit and back-test", |bencher| {
        bencher.iter(|| time_to_exhaustion(black_box(&flat), line, &options));
    });
    group.bench_function("the robust line alone", |bencher| {
        bencher.iter(|| theil_sen(black_box(&growing)));
    });
    group.bench_function("naive: a line by least squares, one date, no interval", |bencher| {
        bencher.iter(|| {
            let fitted = least_squares(black_box(&growing).iter().copied());
            (line - fitted.intercept) / fitted.slope
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).measurement_time(Duration::from_secs(5));
    targets = plans, exhaustion
}
criterion_main!(benches);
