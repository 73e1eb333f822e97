//! Forecasts of one series of 90 days, by hours and by 5 minutes: finding its periods, taking it
//! apart, and fitting and back-testing the whole pool; beside them the repetition of the last week.
//! And forecasts of 100,000 nodes that are made to add up, beside adding the leaves alone.
//!
//! `cargo bench --no-default-features --bench forecast`.

#![expect(clippy::unwrap_used, reason = "a benchmark stops where its input is wrong")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ndarray::Array2;
use plimsoll::Span;
use plimsoll::forecast::{
    DecomposeOptions, ForecastOptions, Tree, Weights, bottom_up, decompose, detect_periods,
    forecast, reconcile,
};
use plimsoll::kernel::Random;

/// Days of history.
const DAYS: usize = 90;

/// A slope under a daily and a weekly pattern, with noise: one value per step.
fn usage(per_day: usize) -> Vec<f64> {
    let mut random = Random::new(1);
    let value = |step: usize, random: &mut Random| {
        let day = step as f64 / per_day as f64;
        let weekday = if step / per_day % 7 < 5 { 10.0 } else { 0.0 };
        let hours = 20.0 * (std::f64::consts::TAU * day).sin();
        40.0 + 0.2 * day + weekday + hours + random.normal()
    };
    (0..DAYS * per_day).map(|step| value(step, &mut random)).collect()
}

fn forecasts(criterion: &mut Criterion) {
    for (name, per_day, step) in
        [("hours", 24, Span::HOUR), ("5 minutes", 288, Span::from_seconds(300))]
    {
        let values = usage(per_day);
        let mut group = criterion.benchmark_group(format!("forecast of 90 days by {name}"));
        group.throughput(Throughput::Elements(values.len() as u64));
        group.bench_function("periods", |bencher| {
            bencher.iter(|| detect_periods(black_box(&values), step));
        });
        for robust in [false, true] {
            let options = DecomposeOptions { robust, ..DecomposeOptions::default() };
            let name = if robust { "trend, day and week, robust" } else { "trend, day and week" };
            group.bench_function(name, |bencher| {
                bencher.iter(|| {
                    decompose(black_box(&values), &[per_day, 7 * per_day], &options).unwrap()
                });
            });
        }
        let options = ForecastOptions { horizon: 7 * per_day, ..ForecastOptions::default() };
        group.bench_function("a week ahead, all models, back-test", |bencher| {
            bencher.iter(|| forecast(black_box(&values), step, &options).unwrap());
        });
        group.bench_function("naive: repeat the last week", |bencher| {
            bencher.iter(|| black_box(&values)[values.len() - 7 * per_day..].to_vec());
        });
        group.finish();
    }
}

/// A fleet of 100,000 nodes, 20 in each group, one step ahead.
fn groups(criterion: &mut Criterion) {
    let nodes = 100_000;
    let parents: Vec<Option<usize>> =
        (0..nodes).map(|node: usize| node.checked_sub(1).map(|before| before / 20)).collect();
    let tree = Tree::new(&parents).unwrap();
    let mut random = Random::new(2);
    let rows = Array2::from_shape_simple_fn((nodes, 1), || 100.0 + random.normal());
    let mut group = criterion.benchmark_group("100,000 nodes that add up");
    group.throughput(Throughput::Elements(nodes as u64));
    group.bench_function("the closest", |bencher| {
        bencher.iter(|| reconcile(&tree, &black_box(&rows).view(), Weights::Structural).unwrap());
    });
    group.bench_function("naive: the leaves' sums", |bencher| {
        bencher.iter(|| bottom_up(&tree, &black_box(&rows).view()).unwrap());
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(2));
    targets = forecasts, groups
}
criterion_main!(benches);
