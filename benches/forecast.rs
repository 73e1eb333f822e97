//! Forecasts of one series: finding its periods, fitting and back-testing the whole pool, and the
//! time to exhaustion of 90 daily peaks; beside them a straight line by least squares, which is
//! what a spreadsheet does.
//!
//! `cargo bench --no-default-features --bench forecast`.

#![expect(clippy::unwrap_used, reason = "a benchmark stops where its input is wrong")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use plimsoll::Span;
use plimsoll::capacity::exhaustion::{ExhaustionOptions, Outcome, time_to_exhaustion};
use plimsoll::forecast::{ForecastOptions, detect_periods, forecast};
use plimsoll::kernel::{Random, theil_sen};

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

/// The day on which the least-squares line through the peaks reaches `line`.
fn straight_line(peaks: &[f64], line: f64) -> f64 {
    let n = peaks.len() as f64;
    let middle = (n - 1.0) / 2.0;
    let mean = peaks.iter().sum::<f64>() / n;
    let (mut product, mut square) = (0.0, 0.0);
    for (day, peak) in peaks.iter().enumerate() {
        let off = day as f64 - middle;
        product += off * (peak - mean);
        square += off * off;
    }
    middle + (line - mean) * square / product
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
        bencher.iter(|| straight_line(black_box(&growing), line));
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(2));
    targets = forecasts, exhaustion
}
criterion_main!(benches);
