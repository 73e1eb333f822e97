//! The plan of a fleet: 200 hosts, 90 days of steps of 5 minutes, from frames in memory to the
//! finished plan; beside it the daily maxima of the same frame with a straight line by least
//! squares through each, which is the least that could be called a plan.
//!
//! `cargo bench --no-default-features --bench plan`.

#![expect(clippy::unwrap_used, reason = "a benchmark stops where its input is wrong")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use plimsoll::capacity::{Plan, Planner, Study, Table};
use plimsoll::kernel::Random;
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
        labels.push(Labels::from_pairs([("host".into(), format!("h{host:03}").into())]).unwrap());
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

/// The least-squares slope of each row's daily maxima.
fn slopes(usage: &Frame) -> Vec<f64> {
    let middle = (DAYS as f64 - 1.0) / 2.0;
    let slope = |row: &[f64]| {
        let (mut product, mut square) = (0.0, 0.0);
        for (day, steps) in row.chunks(PER_DAY).enumerate() {
            let peak = steps.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            product += (day as f64 - middle) * peak;
            square += (day as f64 - middle).powi(2);
        }
        product / square
    };
    usage.rows().map(|(_, row)| slope(row)).collect()
}

fn plans(criterion: &mut Criterion) {
    let study = Study::parse(STUDY, "study.toml").unwrap();
    let start: Timestamp = "2026-01-01".parse().unwrap();
    let as_of = start.plus(Span::from_days(DAYS as i64));
    let usage = usage(start);
    let found = plan(&study, as_of, &usage);
    assert_eq!(found.hosts.rows.len(), HOSTS);
    let growing = slopes(&usage).into_iter().filter(|slope| *slope > 0.1).count();
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
        bencher.iter(|| slopes(black_box(&usage)));
    });
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

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).measurement_time(Duration::from_secs(5));
    targets = plans
}
criterion_main!(benches);
