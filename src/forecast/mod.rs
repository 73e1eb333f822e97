//! Forecasts: rows of numbers in, forecasts with intervals and the back-test that earns them out.
//!
//! In: values on a regular grid, NaN where there is none. Out: a [`Forecast`]. Never: a label, a
//! file, a clock, or a forecast by a model that was not fitted: [`Fit`] yields the only thing that
//! has a `predict`.
//!
//! Every model of the pool forecasts from several origins of the series' own past; the one with the
//! smallest error is taken, the simpler one where two are equal. The naive models are in the pool,
//! so the choice is never worse than they were. `docs/method/forecast.md` has the formulas.

mod backtest;
mod decompose;
mod hierarchy;
mod interval;
mod models;
mod period;
mod trend;

pub use backtest::{Backtest, ModelScore};
pub use decompose::{DecomposeOptions, Decomposition, Season, decompose};
pub use hierarchy::{
    Tree, Weights, bottom_up, raised_to_zero, reconcile, reconciled_variances, top_down,
};
pub use models::{Persistence, SamePhaseMedian, SeasonalNaive};
pub use period::detect_periods;
pub use trend::PeakTrend;

use interval::Interval;

use crate::error::{Error, Result};
use crate::model::Span;

/// Values that must be known before anything is forecast.
const VALUES_MIN: usize = 16;

/// A model that has not seen any data.
pub trait Fit: std::fmt::Debug + Send + Sync {
    /// Its name, with its parameters.
    fn name(&self) -> String;

    /// Learns from `values`; `None` where they are too few for it.
    fn fit(&self, values: &[f64]) -> Option<Box<dyn Predict>>;
}

/// A fitted model.
pub trait Predict: std::fmt::Debug + Send + Sync {
    /// Fills `out` with the values of the steps after the last one that was learnt from.
    fn predict(&self, out: &mut [f64]);
}

/// What is asked of a forecast.
#[derive(Debug, Clone, PartialEq)]
pub struct ForecastOptions {
    /// Steps to look ahead.
    pub horizon: usize,
    /// The share of values that should lie inside the interval, between 0 and 1.
    pub coverage: f64,
    /// No forecast goes below it: 0 for usage.
    pub floor: Option<f64>,
}

impl Default for ForecastOptions {
    fn default() -> Self {
        Self { horizon: 24, coverage: 0.8, floor: Some(0.0) }
    }
}

/// A forecast, one value per step after the last known one, and where it comes from.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Forecast {
    /// The model that was chosen.
    pub model: String,
    /// Why, in words.
    pub reason: String,
    /// Periods that were found, in steps, the stronger first.
    pub periods: Vec<usize>,
    /// The middle of the forecast.
    pub point: Vec<f64>,
    /// The lower end of the interval.
    pub lower: Vec<f64>,
    /// The upper end of the interval.
    pub upper: Vec<f64>,
    /// How the models did on the series' own past.
    pub backtest: Backtest,
}

/// Forecasts `values`, one per `step`, NaN where there is none.
///
/// ```
/// use plimsoll::Span;
/// use plimsoll::forecast::{ForecastOptions, forecast};
/// // Four weeks of hours: busy days, quiet nights, and some noise.
/// let values: Vec<f64> = (0..24 * 28)
///     .map(|hour| if hour % 24 < 8 { 10.0 } else { 50.0 } + (hour * 7 % 5) as f64)
///     .collect();
/// let found = forecast(&values, Span::HOUR, &ForecastOptions::default())?;
/// assert_eq!(found.periods[0], 24);
/// assert!(found.point[3] < 20.0 && found.point[12] > 40.0);
/// assert!(found.lower[12] <= found.point[12] && found.point[12] <= found.upper[12]);
/// # Ok::<(), plimsoll::Error>(())
/// ```
pub fn forecast(values: &[f64], step: Span, options: &ForecastOptions) -> Result<Forecast> {
    check(values, step, options)?;
    let last = values.iter().rposition(|value| value.is_finite()).unwrap_or(0);
    // Steps after the last value are part of what is forecast.
    let known = values.get(..=last).unwrap_or(values);
    let unknown = values.len() - known.len();
    let horizon = options.horizon + unknown;
    let periods = detect_periods(known, step);
    let pool = pool(&periods, step, known.len());
    let run = backtest::run(known, &pool, periods.first().copied().unwrap_or(1), horizon);
    let chosen = run.chosen();
    let model = pool.get(chosen).ok_or_else(|| Error::not_enough_data("no model fits"))?;
    let fitted = model.fit(known).ok_or_else(|| {
        Error::not_enough_data(format!("{} values are too few for {}", known.len(), model.name()))
    })?;
    let mut point = vec![0.0; horizon];
    fitted.predict(&mut point);
    let interval = Interval::of(run.errors_of(chosen), horizon, options.coverage);
    let (mut lower, mut upper) = interval.around(&point);
    for row in [&mut point, &mut lower, &mut upper] {
        row.drain(..unknown);
        if let Some(floor) = options.floor {
            for value in row {
                *value = value.max(floor);
            }
        }
    }
    let reason = run.reason(chosen);
    let backtest = run.finish(chosen, interval.coverage);
    Ok(Forecast { model: model.name(), reason, periods, point, lower, upper, backtest })
}

fn check(values: &[f64], step: Span, options: &ForecastOptions) -> Result<()> {
    if options.horizon == 0 || step.is_zero() {
        return Err(Error::invalid(
            "a forecast needs a horizon of at least one step of some length",
        ));
    }
    if !(options.coverage > 0.0 && options.coverage < 1.0) {
        return Err(Error::invalid(format!(
            "a coverage of {} is not between 0 and 1; 0.8 is four of five",
            options.coverage
        )));
    }
    let known = values.iter().filter(|value| value.is_finite()).count();
    if known < VALUES_MIN {
        return Err(Error::not_enough_data(format!(
            "{known} values; a forecast takes {VALUES_MIN}"
        )));
    }
    Ok(())
}

/// The models worth trying, the simplest first.
fn pool(periods: &[usize], step: Span, values: usize) -> Vec<Box<dyn Fit>> {
    let mut pool: Vec<Box<dyn Fit>> = vec![Box::new(Persistence)];
    // Day and week are tried even where no test finds them: the back-test has the last word.
    let mut seasons = periods.to_vec();
    seasons.extend(period::calendar_steps(step));
    let mut tried = Vec::new();
    for period in seasons {
        if period < 2 || tried.contains(&period) || values < 2 * period {
            continue;
        }
        tried.push(period);
        pool.push(Box::new(SeasonalNaive { period }));
        pool.push(Box::new(SamePhaseMedian { period, cycles: 3 }));
        pool.push(Box::new(SamePhaseMedian { period, cycles: 5 }));
    }
    if let Some(day) = period::day_steps(step) {
        pool.push(Box::new(PeakTrend { day }));
    }
    pool
}

#[cfg(test)]
mod tests;
