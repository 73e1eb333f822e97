//! The pipeline against processes whose future is known, and what the rooms' own tests share.

use std::f64::consts::TAU;

use super::pool::pool;
use super::*;
use crate::kernel::{LANES, Random};
use crate::model::limits::{HORIZON_STEPS_MAX, VALUE_SIZE_MAX};

/// Series of their own.
pub(super) fn lanes(series: &[&[f64]]) -> Vec<Vec<f64>> {
    series.iter().map(|one| one.to_vec()).collect()
}

/// One lane of rows.
pub(super) fn of_lane(rows: &[Wide], lane: usize) -> Vec<f64> {
    rows.iter().map(|row| row.0[lane]).collect()
}

/// Standard normal numbers.
pub(super) fn noise(seed: u64, count: usize) -> Vec<f64> {
    let mut random = Random::new(seed);
    (0..count).map(|_| random.normal()).collect()
}

/// The forecasts of a model from some origins, sixteen series at a time.
pub(super) fn wide_forecasts(
    model: &dyn Fit,
    past: &Past,
    origins: &[usize],
    horizon: usize,
) -> Vec<Vec<Wide>> {
    let fitted = model.fit(past, origins, &mut Scratch::default());
    assert_eq!(fitted.len(), origins.len(), "{}", model.name());
    let mut forecasts = vec![vec![Wide::ZERO; horizon]; origins.len()];
    for (fitted, rows) in fitted.iter().zip(&mut forecasts) {
        fitted.predict(rows);
    }
    forecasts
}

/// The forecasts of a model for one series, from some origins.
pub(super) fn predicted_from(
    model: &dyn Fit,
    values: &[f64],
    period: usize,
    origins: &[usize],
    horizon: usize,
) -> Vec<Vec<f64>> {
    let past = Past::new(&Tile::new(&[values], period), period, origins[0]);
    let rows = wide_forecasts(model, &past, origins, horizon);
    rows.iter().map(|rows| of_lane(rows, 0)).collect()
}

/// The forecast of a model for one series without gaps.
pub(super) fn predicted(model: &dyn Fit, values: &[f64], horizon: usize) -> Vec<f64> {
    predicted_from(model, values, 1, &[values.len()], horizon).remove(0)
}

/// No number is further from the other than `tolerance`.
pub(super) fn assert_near(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (step, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= tolerance, "step {step}: {a} is not {b}\n{found:?}\n{expected:?}");
    }
}

/// Every model that 120 values are enough for: with a day and a week of few steps, with none, and
/// with a year alone.
fn models() -> Vec<Box<dyn Fit>> {
    let seasons = [Seasons { short: 6, long: 42 }, Seasons::NONE, Seasons { short: 1, long: 12 }];
    let mut names = std::collections::HashSet::new();
    let all = seasons.into_iter().flat_map(|s| pool(s, Some(6), 120, Tier::Full));
    all.filter(|model| names.insert(model.name())).collect()
}

/// Series with a day of six steps, a slope and noise, each of its own.
fn many(series: usize, steps: usize) -> Vec<Vec<f64>> {
    let value = |lane: usize, (t, z): (usize, f64)| {
        50.0 + (lane + 1) as f64 * (t % 6) as f64 + 0.01 * (lane * t) as f64 + z
    };
    let of = |lane: usize| {
        noise(lane as u64, steps).into_iter().enumerate().map(move |tz| value(lane, tz))
    };
    (0..series).map(|lane| of(lane).collect()).collect()
}

fn slices(series: &[Vec<f64>]) -> Vec<&[f64]> {
    series.iter().map(Vec::as_slice).collect()
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn no_model_knows_what_comes_after_its_origin() {
    let mut before = many(3, 160);
    before[1][90..100].fill(f64::NAN);
    let origins = [130, 140, 160];
    let of = |series: &[Vec<f64>], model: &dyn Fit| {
        let past = Past::new(&Tile::new(&slices(series), 6), 6, 130);
        wide_forecasts(model, &past, &origins, 20)
    };
    // Higher, lower, below zero, and missing from an origin on.
    let changed = [0, 1].map(|at: usize| {
        let mut after = before.clone();
        for (lane, change) in [(0, 1e6), (1, -1e6), (2, f64::NAN)] {
            after[lane][origins[at]..].fill(change);
        }
        after
    });
    for model in models() {
        let known = of(&before, &*model);
        for (at, changed) in changed.iter().enumerate() {
            let found = of(changed, &*model);
            assert_eq!(known[at], found[at], "{} at {}", model.name(), origins[at]);
        }
    }
}

#[test]
fn a_lane_does_not_know_its_neighbours_nor_its_place() {
    let mut series = many(LANES, 150);
    for lane in [3, 9] {
        series[lane][110..125].fill(f64::NAN);
    }
    let of = |series: &[Vec<f64>], model: &dyn Fit| {
        let past = Past::new(&Tile::new(&slices(series), 6), 6, 120);
        wide_forecasts(model, &past, &[120, 131, 150], 14)
    };
    let mut turned = series.clone();
    turned.rotate_left(5);
    for model in models() {
        let turned = of(&turned, &*model);
        for lane in [3, 8] {
            let alone = of(&series[lane..=lane], &*model);
            for origin in 0..3 {
                let expected = bits(&of_lane(&alone[origin], 0));
                let place = (lane + LANES - 5) % LANES;
                assert_eq!(bits(&of_lane(&turned[origin], place)), expected, "{}", model.name());
            }
        }
    }
}

#[test]
fn odd_series_leave_finite_forecasts() {
    let day = |size: f64| -> Vec<f64> { (0..160).map(|t| size * f64::from(t % 6)).collect() };
    let mut step = vec![0.0; 160];
    step[150..].fill(1.0);
    let mut gaps = vec![f64::NAN; 160];
    (gaps[0], gaps[159]) = (1.0, 2.0);
    let series = vec![
        vec![0.0; 160],
        vec![7.0; 160],
        vec![-7.0; 160],
        day(1e-200),
        day(1e-12),
        day(1e12),
        day(1e100),
        day(-1e100),
        day(1e200),
        step,
        gaps,
    ];
    let past = Past::new(&Tile::new(&slices(&series), 6), 6, 120);
    for model in models() {
        for rows in wide_forecasts(&*model, &past, &[120, 140, 160], 30) {
            for lane in 0..series.len() {
                let found = of_lane(&rows, lane);
                assert!(found.iter().all(|v| v.is_finite()), "{} {lane}: {found:?}", model.name());
            }
            for (lane, constant) in [(0, 0.0), (1, 7.0), (2, -7.0)] {
                assert_near(&of_lane(&rows, lane), &[constant; 30], 1e-6);
            }
        }
    }
}

/// The pipeline's days have six steps, so that tests are fast.
const STEP: Span = Span::from_seconds(4 * 60 * 60);
const DAY: usize = 6;

/// Days of a level with noise of deviation 1.
fn days(days: usize, seed: u64, level: impl Fn(usize) -> f64) -> Vec<f64> {
    noise(seed, DAY * days).iter().enumerate().map(|(step, z)| level(step) + z).collect()
}

fn day(step: usize) -> f64 {
    50.0 + 20.0 * (step as f64 * TAU / DAY as f64).sin()
}

fn ahead(horizon: usize) -> ForecastOptions {
    ForecastOptions { horizon, ..ForecastOptions::default() }
}

fn of(values: &[f64], horizon: usize) -> Forecast {
    forecast(values, STEP, &ahead(horizon)).unwrap()
}

/// Forecasts of a fleet: with the errors of all, and each with its own alone.
fn of_fleet(rows: &[&[f64]], options: &ForecastOptions) -> (Vec<Forecast>, Vec<Forecast>) {
    let forecaster = Forecaster::new(STEP, options.clone()).unwrap();
    let mut fleet = ErrorPool::default();
    let mut alone = Vec::new();
    let mut outlooks = Vec::new();
    for one in forecaster.rehearse(rows) {
        let one = one.unwrap();
        let mut own = ErrorPool::default();
        let outlook = own.add(one.clone());
        alone.push(outlook.forecast(&own.finish()));
        outlooks.push(fleet.add(one));
    }
    let doubt = fleet.finish();
    (outlooks.iter().map(|outlook| outlook.forecast(&doubt)).collect(), alone)
}

/// All numbers of a forecast.
fn all_bits(found: &Forecast) -> Vec<u64> {
    let ends = [&found.point, &found.lower, &found.upper];
    let mut all: Vec<u64> = ends.into_iter().flat_map(|values| bits(values)).collect();
    all.extend(found.backtest.scores.iter().map(|score| score.mase.to_bits()));
    all.push(found.backtest.mase.to_bits());
    all
}

#[test]
fn the_same_row_gives_the_same_bits_whatever_its_neighbours_and_the_threads() {
    // More than a tile of one season and length, and some of others.
    let mut rows: Vec<Vec<f64>> = (0..17).map(|seed| days(16, seed, day)).collect();
    rows[4][70..80].fill(f64::NAN);
    rows[7][93..].fill(f64::NAN);
    rows.push(noise(90, 70));
    rows.push(days(15, 91, |step| day(step) - 60.0));
    let rows = slices(&rows);
    let with_threads = |threads: usize, rows: &[&[f64]]| {
        let threads = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let found = threads.install(|| of_fleet(rows, &ahead(12)));
        let bits = |all: &[Forecast]| all.iter().map(all_bits).collect::<Vec<_>>();
        (bits(&found.0), bits(&found.1))
    };
    let (fleet, alone) = with_threads(1, &rows);
    assert_eq!((fleet.clone(), alone.clone()), with_threads(2, &rows));
    let mut turned = rows.clone();
    turned.rotate_left(7);
    let (_, mut elsewhere) = with_threads(3, &turned);
    elsewhere.rotate_right(7);
    assert_eq!(alone, elsewhere);
    for at in [4, 7, 18] {
        assert_eq!(all_bits(&of(rows[at], 12)), alone[at], "row {at}");
    }
}

/// How often the future of some series lies inside their intervals, and how often they say it does.
fn coverage(found: &[Forecast], futures: &[&[f64]]) -> (f64, f64) {
    let (mut inside, mut all) = (0, 0);
    for (found, future) in found.iter().zip(futures) {
        let (held, of) = accuracy::inside(future, &found.lower, &found.upper);
        (inside, all) = (inside + held, all + of);
    }
    let claimed = found.iter().map(|found| found.backtest.coverage).sum::<f64>();
    (inside as f64 / all as f64, claimed / found.len() as f64)
}

/// A day with noise that keeps a share of itself from hour to hour.
fn kept_noise(seed: u64, share: f64) -> Vec<f64> {
    let mut rest = 0.0;
    let keep = |(step, z): (usize, f64)| {
        rest = share * rest + z;
        day(step) + rest
    };
    noise(seed, 32 * DAY).into_iter().enumerate().map(keep).collect()
}

#[test]
fn intervals_cover_the_future_as_often_as_they_say() {
    for (kind, share) in [("white", 0.0), ("kept", 0.7)] {
        let series: Vec<Vec<f64>> = (0..32).map(|seed| kept_noise(100 + seed, share)).collect();
        let past: Vec<&[f64]> = series.iter().map(|one| &one[..30 * DAY]).collect();
        let future: Vec<&[f64]> = series.iter().map(|one| &one[30 * DAY..]).collect();
        let (fleet, alone) = of_fleet(&past, &ahead(12));
        for (who, found) in [("fleet", &fleet), ("alone", &alone)] {
            let (share, claimed) = coverage(found, &future);
            assert!((0.75..=0.86).contains(&share), "{kind} {who}: {share} inside");
            assert!((share - claimed).abs() < 0.06, "{kind} {who}: {share}, claimed {claimed}");
        }
        let ours: f64 = alone.iter().map(|found| found.backtest.mase).sum();
        let naive: f64 = alone.iter().map(|found| score(found, "seasonal naive(6)")).sum();
        assert!(ours < 0.85 * naive, "{kind}: averaging beats repeating one noisy day");
    }
}

fn score(found: &Forecast, model: &str) -> f64 {
    found.backtest.scores.iter().find(|score| &*score.model == model).unwrap().mase
}

#[test]
fn the_ensemble_beats_the_naive_models_on_planted_processes() {
    type Process = fn(u64) -> Vec<f64>;
    let growing: Process = |seed| days(29, seed, |step| day(step) + 0.5 * step as f64);
    let weekly: Process =
        |seed| days(74, seed, |step| if step / DAY % 7 < 5 { day(step) } else { 30.0 });
    let returning: Process = |seed| {
        let mut level = 0.0;
        let next = |z: f64| {
            level = 0.6 * level + z;
            20.0 + level
        };
        noise(seed, 44 * DAY).into_iter().map(next).collect()
    };
    for (kind, process) in [("growing", growing), ("weekly", weekly), ("returning", returning)] {
        let series: Vec<Vec<f64>> = (0..16).map(process).collect();
        let past: Vec<&[f64]> = series.iter().map(|one| &one[..one.len() - 4 * DAY]).collect();
        let (found, _) = of_fleet(&past, &ahead(24));
        let mut ours = 0.0;
        let mut naive = [0.0; 3];
        for (one, found) in series.iter().zip(&found) {
            let (past, future) = one.split_at(one.len() - 4 * DAY);
            ours += accuracy::mae(future, &found.point);
            naive[0] += accuracy::mae(future, &[past[past.len() - 1]; 24]);
            naive[1] += accuracy::mae(future, &past[past.len() - DAY..].repeat(4));
            naive[2] += accuracy::mae(future, &past[past.len() - 42..][..24]);
        }
        assert!(naive.iter().all(|naive| ours < 0.85 * naive), "{kind}: {ours} {naive:?}");
    }
}

#[test]
fn gaps_floors_and_ceilings() {
    let mut values = days(20, 5, |step| if step % 6 < 3 { 0.5 } else { 20.0 });
    for value in &mut values {
        *value = value.max(0.0);
    }
    values[70..78].fill(f64::NAN);
    let cut = values.len() - 3;
    values[cut..].fill(f64::NAN);
    let found = of(&values, 12);
    assert_eq!((found.point.len(), found.lower.len(), found.upper.len()), (12, 12, 12));
    assert!(found.lower.iter().all(|value| *value >= 0.0));
    // The forecast begins after the last step, not after the last value.
    assert!(found.point[1] < 5.0 && found.point[4] > 15.0, "{:?}", found.point);
    // What a forecast may not pass it may where values did.
    let low: Vec<f64> = values.iter().map(|value| value - 1.0).collect();
    assert!(of(&low, 12).lower.iter().any(|value| *value < 0.0));
    let limited = |ceiling: f64| {
        let options = ForecastOptions { ceiling: Some(ceiling), levels: vec![0.999], ..ahead(12) };
        forecast(&values, STEP, &options).unwrap()
    };
    let greatest = values.iter().copied().fold(0.0, f64::max);
    let held = limited(greatest);
    assert!(held.quantiles[0].values.iter().all(|value| *value <= greatest));
    assert!(limited(10.0).point.iter().any(|value| *value > 10.0));
    // An infinite value is none, and breaks no limit.
    let mut infinite = values.clone();
    infinite[cut..].fill(f64::INFINITY);
    infinite[75] = f64::NEG_INFINITY;
    assert_eq!(all_bits(&of(&infinite, 12)), all_bits(&found));
}

#[test]
fn constants_stay_what_they_are() {
    for level in [0.0, 7.0, 1e9] {
        let constant = of(&[level; 60], 10);
        assert_eq!(
            (constant.point[9], constant.lower[9], constant.upper[9]),
            (level, level, level)
        );
        assert_eq!(constant.backtest.mase, 0.0);
    }
}

#[test]
fn what_cannot_be_forecast_is_said() {
    let refused = |values: &[f64], options: &ForecastOptions| {
        forecast(values, STEP, options).unwrap_err().to_string()
    };
    let options = ForecastOptions::default();
    assert!(refused(&[1.0; 3], &options).contains("3 values; a forecast takes 16"));
    assert!(refused(&[], &options).contains("0 values"));
    let mut gaps = vec![f64::NAN; 100];
    gaps[..15].fill(1.0);
    assert!(refused(&gaps, &options).contains("15 values"));
    let enough = [1.0; 99];
    assert!(refused(&enough, &ahead(0)).contains("a horizon of at least one step"));
    for coverage in [0.0, 1.0, -0.1, f64::NAN] {
        let options = ForecastOptions { coverage, ..options.clone() };
        let why = refused(&enough, &options);
        assert!(why.contains(&format!("a coverage of {coverage} is not between 0 and 1")), "{why}");
    }
    for level in [0.0, 1.0, 1.5, f64::NAN] {
        let options = ForecastOptions { levels: vec![0.5, level], ..options.clone() };
        let why = refused(&enough, &options);
        assert!(why.contains(&format!("a quantile of {level} is not between 0 and 1")), "{why}");
    }
    let why = forecast(&enough, Span::from_seconds(0), &options).unwrap_err().to_string();
    assert!(why.contains("a step of some length"), "{why}");
    // One bad row spoils no other.
    let forecaster = Forecaster::new(STEP, ahead(5)).unwrap();
    let found = forecaster.rehearse(&[&enough, &enough[..2], &enough]);
    assert_eq!(found.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
    assert!(forecaster.rehearse(&[]).is_empty());
}

#[test]
fn short_series_have_intervals_of_a_reasonable_width() {
    // One origin; four that share values with their neighbours; and as few values as can be.
    for (steps, horizon, level) in [(18, 6, 1.0), (90, 30, 0.0), (16, 24, 0.0), (40, 100, 0.0)] {
        for seed in 0..2 {
            let values: Vec<f64> = noise(seed, steps)
                .iter()
                .enumerate()
                .map(|(step, z)| 50.0 + level * day(step) + z)
                .collect();
            let found = of(&values, horizon);
            for (low, high) in found.lower.iter().zip(&found.upper) {
                assert!(
                    high - low > 0.2 && high - low < 25.0,
                    "{steps} {horizon}: {low} to {high}"
                );
            }
        }
    }
}

#[test]
fn forecasts_of_what_explodes_stay_near_its_range() {
    let growth: Vec<f64> = (0..100).map(|step| 1.1_f64.powi(step)).collect();
    let swings: Vec<f64> = (0..100).map(|step| (-1.1_f64).powi(step)).collect();
    for values in [growth, swings] {
        let size = values[99].abs();
        let found = of(&values, 200);
        let ends = found.point.iter().chain(&found.lower).chain(&found.upper);
        assert!(ends.clone().all(|value| value.is_finite()));
        // The range is twice the size where signs alternate; half of it and two lengths are left.
        assert!(found.point.iter().all(|value| value.abs() <= 6.5 * size), "{:?}", found.point);
    }
}

#[test]
fn the_light_tier_tries_less_and_still_knows_the_day() {
    let values = days(30, 8, day);
    let options = ForecastOptions { tier: Tier::Light, ..ahead(12) };
    let light = forecast(&values, STEP, &options).unwrap();
    let full = of(&values, 12);
    assert_eq!((light.backtest.origins, full.backtest.origins), (4, 8));
    assert!(light.backtest.scores.len() < full.backtest.scores.len() / 2);
    let truth: Vec<f64> = (0..12).map(day).collect();
    assert!(accuracy::mae(&truth, &light.point) < 1.0, "{:?}", light.point);
}

#[test]
fn the_light_tier_looks_for_one_period_and_the_calendar() {
    let wave = |t: usize, m: usize| 6.0 * (std::f64::consts::TAU * t as f64 / m as f64).sin();
    let values: Vec<f64> =
        noise(3, 900).iter().enumerate().map(|(t, z)| wave(t, 24) + wave(t, 60) + z).collect();
    let periods = |tier| {
        let options = ForecastOptions { tier, ..ahead(12) };
        forecast(&values, STEP, &options).unwrap().periods
    };
    let (light, full) = (periods(Tier::Light), periods(Tier::Full));
    assert_eq!((light.len(), full.len()), (1, 2), "{light:?} {full:?}");
    assert!(full.contains(&light[0]));
}

#[test]
fn seasons_that_are_given_are_taken() {
    let values: Vec<f64> =
        noise(9, 150).iter().enumerate().map(|(t, z)| (t % 10) as f64 + 0.1 * z).collect();
    let options = ForecastOptions { seasons: Some(Seasons { short: 10, long: 1 }), ..ahead(10) };
    let found = forecast(&values, STEP, &options).unwrap();
    assert!(found.periods.is_empty());
    assert_near(&found.point, &(0..10).map(f64::from).collect::<Vec<_>>(), 0.5);
    // A season that was not seen three times is none.
    let options = ForecastOptions { seasons: Some(Seasons { short: 60, long: 1 }), ..ahead(10) };
    let found = forecast(&values, STEP, &options).unwrap();
    assert!(found.backtest.scores.iter().all(|score| !score.model.contains("60")));
}

#[test]
fn scores_are_sorted_and_shares_add_up() {
    let found = of(&days(20, 3, day), 12);
    let scores = &found.backtest.scores;
    assert!(scores.is_sorted_by(|a, b| a.mase <= b.mase));
    assert!((scores.iter().map(|score| score.share).sum::<f64>() - 1.0).abs() < 1e-12);
    assert!(found.lower.iter().zip(&found.point).all(|(low, point)| low <= point));
    assert!(found.upper.iter().zip(&found.point).all(|(high, point)| high >= point));
}

#[test]
fn the_example_of_the_docs() {
    // docs/method/forecast.md: four weeks of hours, 10 at night and 50 by day, plus 0 to 4.
    let values: Vec<f64> = (0..24 * 28)
        .map(|hour| if hour % 24 < 8 { 10.0 } else { 50.0 } + f64::from(hour * 7 % 5))
        .collect();
    let found = forecast(&values, Span::HOUR, &ahead(24)).unwrap();
    assert_eq!((found.periods.as_slice(), found.backtest.origins), ([24].as_slice(), 8));
    for model in
        ["ridge(long)", "log ridge(long)", "ridge(neighbours)", "ridge(dense)", "ridge(short)"]
    {
        let score = found.backtest.scores.iter().find(|score| &*score.model == model).unwrap();
        assert_eq!(score.share, 0.2, "{model}");
    }
    for (model, expected) in
        [("same-phase median(24, 5)", 0.50), ("seasonal naive(24)", 1.00), ("persistence", 6.05)]
    {
        assert!(
            (score(&found, model) - expected).abs() < 5e-3,
            "{model}: {}",
            score(&found, model)
        );
    }
    assert!(found.backtest.mase < 2e-3 && (found.backtest.coverage - 0.82).abs() < 5e-3);
    for (hour, value) in [(3, 10.0), (12, 53.0)] {
        let ends = [found.lower[hour], found.point[hour], found.upper[hour]];
        assert!(ends.iter().all(|end| (end - value).abs() < 0.01), "{hour}: {ends:?}");
    }
}

#[test]
fn a_series_that_ended_long_ago_is_refused_and_not_run_on() {
    let mut values = days(10, 1, day);
    values.resize(values.len() + HORIZON_STEPS_MAX - 24, f64::NAN);
    let forecaster = |horizon| Forecaster::new(STEP, ahead(horizon)).unwrap();
    let refused = forecaster(25).rehearse(&[&values]).remove(0).unwrap_err();
    assert!(matches!(refused, Error::Limit { value: 65_537, limit: 65_536, .. }), "{refused:?}");
    assert!(refused.to_string().contains("last value"), "{refused}");
}

#[test]
fn values_whose_squares_are_no_numbers_are_refused() {
    let mut values = days(10, 1, day);
    values[7] = -2e306;
    let refused = forecast(&values, STEP, &ahead(5)).unwrap_err().to_string();
    assert!(refused.contains("scale"), "{refused}");
    // What is no number at all is a gap.
    values[7] = f64::INFINITY;
    assert!(forecast(&values, STEP, &ahead(5)).is_ok());
    values[7] = VALUE_SIZE_MAX;
    let found = forecast(&values, STEP, &ahead(5)).unwrap();
    assert!(found.point.iter().all(|value| value.is_finite()), "{:?}", found.point);
}

#[test]
fn seasons_that_are_none_are_left_out() {
    let values = days(10, 1, day);
    for (short, long) in [
        (0, 0),
        (0, 5),
        (5, 0),
        (10, 5),
        (10, 10),
        (1, 10),
        (usize::MAX / 3 + 1, 1),
        (24, usize::MAX),
    ] {
        let options = ForecastOptions { seasons: Some(Seasons { short, long }), ..ahead(5) };
        let found = forecast(&values, STEP, &options).unwrap();
        assert!(found.point.iter().all(|value| value.is_finite()), "{short} {long}");
    }
    assert_eq!(Tile::new(&[&[1.0, f64::NAN, 3.0]], 0).rows()[1].0[0], 1.0);
}

#[test]
fn models_that_are_made_by_hand_take_any_number() {
    let values: Vec<f64> = noise(3, 200).iter().map(|z| 20.0 + z).collect();
    let (scale, kind) = (Scale::Level, "made");
    let ridge = |lags: &[usize], waves: &[f64]| -> Box<dyn Fit> {
        let (lags, waves) = (lags.to_vec(), waves.to_vec());
        Box::new(Ridge { kind, lags, waves, scale, half_life: 100 })
    };
    // What makes no sense, and the nearest that does.
    let alike: Vec<(Box<dyn Fit>, Box<dyn Fit>)> = vec![
        (Box::new(SeasonalNaive { period: 0 }), Box::new(SeasonalNaive { period: 1 })),
        (
            Box::new(SamePhaseMedian { period: 0, cycles: 3 }),
            Box::new(SamePhaseMedian { period: 1, cycles: 3 }),
        ),
        (Box::new(Smoothing { period: 0, scale }), Box::new(Smoothing { period: 1, scale })),
        (
            Box::new(DoubleSeason { short: 0, long: 7, scale }),
            Box::new(DoubleSeason { short: 1, long: 7, scale }),
        ),
        (
            Box::new(DoubleSeason { short: 7, long: 0, scale }),
            Box::new(DoubleSeason { short: 7, long: 1, scale }),
        ),
        (Box::new(PeakTrend { day: 0 }), Box::new(PeakTrend { day: 1 })),
        (ridge(&[5, 0, 1, 5], &[f64::NAN, 0.0, 24.0]), ridge(&[1, 5], &[24.0])),
    ];
    for (odd, plain) in &alike {
        assert_eq!(predicted(&**odd, &values, 12), predicted(&**plain, &values, 12), "{odd:?}");
    }
    let most = usize::MAX;
    let too_long: Vec<Box<dyn Fit>> = vec![
        Box::new(SamePhaseMedian { period: most, cycles: most }),
        Box::new(Smoothing { period: most, scale }),
        Box::new(DoubleSeason { short: most, long: most, scale }),
        Box::new(PeakTrend { day: most }),
        Box::new(DynamicTheta { period: most }),
        Box::new(QuantilePool { period: most, memory: most, fade: most }),
        ridge(&[most], &[]),
    ];
    // They ask for more values than there can be.
    assert!(too_long.iter().all(|model| model.values_min() == most));
}

#[test]
fn what_cannot_be_judged_is_not_forecast() {
    let forecaster = Forecaster::new(Span::HOUR, ForecastOptions::default()).unwrap();
    let row = |first: usize, gap: usize, last: usize| -> Vec<f64> {
        let known = noise(9, first + last).into_iter();
        let (early, late): (Vec<_>, Vec<_>) = known.enumerate().partition(|(at, _)| *at < first);
        let unknown = std::iter::repeat_n(f64::NAN, gap);
        let values = |part: Vec<(usize, f64)>| part.into_iter().map(|(_, z)| 20.0 + z);
        values(early).chain(unknown).chain(values(late)).collect()
    };
    // Of the oldest values some are left out, and no past forecast meets one of the rest.
    for (first, gap, last) in [(15, 511, 1), (60, 2_049, 2), (60, 2_041, 10)] {
        let row = row(first, gap, last);
        let why = forecaster.rehearse(&[&row]).remove(0).unwrap_err().to_string();
        assert!(why.contains("few values") || why.contains("a forecast takes 16"), "{why}");
    }
    let row = row(60, 60, 60);
    assert!(forecaster.rehearse(&[&row]).remove(0).is_ok());
}

#[test]
fn doubt_grows_on_beyond_what_was_scored_where_it_grew() {
    let (past, horizon) = (60, 240);
    let options = ForecastOptions { horizon, coverage: 0.8, ..ForecastOptions::default() };
    let forecaster = Forecaster::new(Span::HOUR, options).unwrap();
    let last_inside = |rows: &[Vec<f64>]| {
        let pasts: Vec<&[f64]> = rows.iter().map(|row| &row[..past]).collect();
        let mut errors = ErrorPool::default();
        let rehearsed = forecaster.rehearse(&pasts).into_iter();
        let outlooks: Vec<Outlook> = rehearsed.map(|one| errors.add(one.unwrap())).collect();
        let doubt = errors.finish();
        let inside = outlooks.iter().zip(rows).filter(|(outlook, row)| {
            let found = outlook.forecast(&doubt);
            let held = found.lower[horizon - 1]..=found.upper[horizon - 1];
            held.contains(&row[past + horizon - 1])
        });
        inside.count() as f64 / rows.len() as f64
    };
    let white: Vec<Vec<f64>> = (0..80).map(|seed| noise(seed, past + horizon)).collect();
    let walk = |steps: &Vec<f64>| -> Vec<f64> {
        let mut at = 0.0;
        let added = |step: &f64| {
            at += step;
            at
        };
        steps.iter().map(added).collect()
    };
    let walks: Vec<Vec<f64>> = white.iter().map(walk).collect();
    // As good as constant width where errors do not grow; with it a quarter of walks is inside.
    let (of_white, of_walks) = (last_inside(&white), last_inside(&walks));
    assert!((0.7..0.92).contains(&of_white), "{of_white}");
    assert!((0.45..0.9).contains(&of_walks), "{of_walks}");
}
