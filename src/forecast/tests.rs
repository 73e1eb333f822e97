//! The pipeline against processes whose future is known.

use super::*;
use crate::kernel::Random;

fn hours(days: usize, seed: u64, level: impl Fn(usize) -> f64) -> Vec<f64> {
    let mut random = Random::new(seed);
    (0..24 * days).map(|hour| level(hour) + random.normal()).collect()
}

fn of(values: &[f64], horizon: usize) -> Forecast {
    forecast(values, Span::HOUR, &ForecastOptions { horizon, ..ForecastOptions::default() })
        .unwrap()
}

#[test]
fn the_model_fits_the_process() {
    let day = |hour: usize| 50.0 + 20.0 * (hour as f64 * std::f64::consts::TAU / 24.0).sin();
    let steady = of(&hours(40, 1, day), 48).backtest;
    let naive = steady.scores.iter().find(|s| s.model == "seasonal naive(24)").unwrap().mase;
    assert!(steady.mase < 0.85 * naive, "averaging beats repeating one noisy day: {steady:?}");
    let growing = of(&hours(60, 2, |hour| day(hour) + 1.0 * hour as f64), 168);
    assert_eq!(growing.model, "trend of the daily peak", "{:?}", growing.backtest);
    let mut level = 500.0;
    let mut random = Random::new(3);
    let walk: Vec<f64> = (0..1_000)
        .map(|_| {
            level += random.normal();
            level
        })
        .collect();
    assert_eq!(of(&walk, 12).model, "persistence");
}

#[test]
fn intervals_cover_the_future_as_often_as_they_say() {
    let day = |hour: usize| 50.0 + 20.0 * (hour as f64 * std::f64::consts::TAU / 24.0).sin();
    let (mut inside, mut all, mut claimed) = (0, 0, 0.0);
    for seed in 0..40 {
        let values = hours(42, 100 + seed, day);
        let (past, future) = values.split_at(24 * 40);
        let found = of(past, 48);
        claimed += found.backtest.coverage / 40.0;
        for (step, actual) in future.iter().enumerate() {
            inside += u32::from((found.lower[step]..=found.upper[step]).contains(actual));
            all += 1;
        }
    }
    let share = f64::from(inside) / f64::from(all);
    assert!((0.75..=0.86).contains(&share), "{share} of the future inside 80% intervals");
    assert!((share - claimed).abs() < 0.06, "the back-test claimed {claimed}, it was {share}");
}

#[test]
fn gaps_floors_and_odd_input() {
    let mut values = hours(30, 5, |hour| if hour % 24 < 12 { 0.5 } else { 20.0 });
    values[300..340].fill(f64::NAN);
    let cut = values.len() - 6;
    values[cut..].fill(f64::NAN);
    let found = of(&values, 24);
    assert_eq!(found.point.len(), 24);
    assert!(found.lower.iter().all(|value| *value >= 0.0));
    // The forecast begins after the last step, not after the last value.
    assert!(found.point[2] < 5.0 && found.point[14] > 15.0, "{:?}", found.point);
    let constant = of(&[7.0; 200], 10);
    assert_eq!((constant.point[9], constant.lower[9], constant.upper[9]), (7.0, 7.0, 7.0));
    assert_eq!(constant.backtest.mase, 0.0);
    let refused = |values: &[f64], options: &ForecastOptions| {
        forecast(values, Span::HOUR, options).unwrap_err().to_string()
    };
    assert!(refused(&[1.0; 3], &ForecastOptions::default()).contains("3 values"));
    let none = ForecastOptions { horizon: 0, ..ForecastOptions::default() };
    assert!(refused(&[1.0; 99], &none).contains("horizon"));
    let all = ForecastOptions { coverage: 1.0, ..ForecastOptions::default() };
    assert!(refused(&[1.0; 99], &all).contains("coverage"));
}

#[test]
fn the_example_of_the_docs() {
    // docs/method/forecast.md: four weeks of hours, 10 at night and 50 by day, plus 0 to 4.
    let values: Vec<f64> = (0..24 * 28)
        .map(|hour| if hour % 24 < 8 { 10.0 } else { 50.0 } + f64::from(hour * 7 % 5))
        .collect();
    let found = of(&values, 24);
    assert_eq!((found.model.as_str(), found.periods), ("same-phase median(24, 5)", vec![24]));
    assert_eq!((found.lower[3], found.point[3], found.upper[3]), (10.0, 12.0, 14.0));
    assert_eq!((found.lower[12], found.point[12], found.upper[12]), (50.0, 52.0, 54.0));
    assert_eq!(found.backtest.origins, 8);
    let mase =
        |model: &str| found.backtest.scores.iter().find(|score| score.model == model).unwrap().mase;
    for (model, expected) in
        [("same-phase median(24, 5)", 0.50), ("seasonal naive(24)", 1.00), ("persistence", 6.05)]
    {
        assert!((mase(model) - expected).abs() < 5e-3, "{model}: {}", mase(model));
    }
}
