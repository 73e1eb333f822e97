//! Forecasts: rows of numbers in, forecasts with quantiles and the back-test that earns them out.
//!
//! In: values on a regular grid, NaN where there is none. Out: a [`Forecast`]. Never: a label, a
//! file, a clock, or a forecast by a model that was not fitted: [`Fit`] yields the only thing that
//! has a `predict`.
//!
//! ```text
//! rows ─► season ─► tiles of 16 ─► rehearsal: every model, from past origins and from now
//!                                      │
//!                        ensemble: the median of the best five, per block of steps ahead
//!                                      │
//!                  rehearsed series ─► doubt: errors pooled over the fleet ─► quantiles
//! ```
//!
//! `docs/method/forecast.md` has the formulas.

pub mod accuracy;
mod adaptive;
mod decompose;
mod double_season;
mod doubt;
mod ensemble;
mod fleet;
mod global;
mod groups;
mod hierarchy;
mod lookback;
mod moments;
mod naive;
mod past;
mod peak_trend;
mod period;
mod pool;
mod quantile_pool;
mod rehearsal;
mod rehearsed;
mod ridge;
pub mod score;
mod scratch;
mod search;
mod seasons;
mod smoothing;
#[cfg(test)]
mod tests;
mod theta;
mod tile;
mod trees;

pub use adaptive::AdaptiveLevel;
pub use decompose::{
    DecomposeOptions, Decomposition, LeftOut, Sampling, Season, WhyLeftOut, decompose,
};
pub use double_season::DoubleSeason;
pub use doubt::{Doubt, ErrorPool};
pub use fleet::Forecaster;
pub use global::Lessons;
pub use groups::{MemberSum, add_up, is_alive};
pub use hierarchy::{
    Tree, Weights, bottom_up, raised_to_zero, reconcile, reconciled_variances, top_down,
};
pub use naive::{CYCLES_MAX, Drift, Persistence, SamePhaseMedian, SeasonalNaive};
pub use past::{Past, Scale, Scaled};
pub use peak_trend::PeakTrend;
pub use period::detect_periods;
pub use pool::Tier;
pub use quantile_pool::QuantilePool;
pub use rehearsed::{Outlook, Rehearsed};
pub use ridge::Ridge;
pub use scratch::Scratch;
pub use seasons::Seasons;
pub use smoothing::Smoothing;
pub use theta::DynamicTheta;
pub use tile::Tile;

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::kernel::Wide;
use crate::model::Span;
use crate::model::limits::HORIZON_STEPS_MAX;

/// A model that has not seen any data.
pub trait Fit: std::fmt::Debug + Send + Sync {
    /// Its name, with its parameters.
    fn name(&self) -> String;

    /// Steps before the first origin that it takes.
    fn values_min(&self) -> usize;

    /// Learns from the steps before each of some ascending origins; the last one is the end of the
    /// past. No origin may lie before [`Fit::values_min`]. What `scratch` held before says nothing.
    fn fit<'a>(
        &self,
        past: &'a Past,
        origins: &[usize],
        scratch: &mut Scratch,
    ) -> Vec<Box<dyn Predict + 'a>>;
}

/// A model fitted to sixteen series.
pub trait Predict: std::fmt::Debug + Send + Sync {
    /// Fills `out` with the values of the steps from the origin on.
    fn predict(&self, out: &mut [Wide]);
}

/// What is asked of a forecast.
#[derive(Debug, Clone, PartialEq)]
pub struct ForecastOptions {
    /// Steps to look ahead.
    pub horizon: usize,
    /// The share of values that should lie between [`Forecast::lower`] and [`Forecast::upper`],
    /// between 0 and 1.
    pub coverage: f64,
    /// Further quantiles to forecast, each between 0 and 1.
    pub levels: Vec<f64>,
    /// No forecast goes below it, where no value did: 0 for usage.
    pub floor: Option<f64>,
    /// No forecast goes above it, where no value did: 100 for per cent.
    pub ceiling: Option<f64>,
    /// The seasons; `None` to look for it in each series.
    pub seasons: Option<Seasons>,
    /// How much is tried.
    pub tier: Tier,
    /// Whether each model's own forecast is kept, in [`Forecast::models`].
    pub keep_models: bool,
}

impl Default for ForecastOptions {
    fn default() -> Self {
        Self {
            horizon: 24,
            coverage: 0.8,
            levels: Vec::new(),
            floor: Some(0.0),
            ceiling: None,
            seasons: None,
            tier: Tier::Full,
            keep_models: false,
        }
    }
}

impl ForecastOptions {
    fn check(&self) -> Result<()> {
        if self.horizon == 0 {
            return Err(Error::invalid("a forecast needs a horizon of at least one step"));
        }
        if self.horizon > HORIZON_STEPS_MAX {
            return Err(Error::Limit {
                what: "the number of steps ahead of a forecast",
                value: self.horizon as u64,
                limit: HORIZON_STEPS_MAX as u64,
                remedy: "take a longer step or a shorter horizon",
            });
        }
        let wrong = |share: &f64| !(*share > 0.0 && *share < 1.0);
        if wrong(&self.coverage) {
            let coverage = self.coverage;
            let what =
                format!("a coverage of {coverage} is not between 0 and 1; 0.8 is four of five");
            return Err(Error::invalid(what));
        }
        if let Some(level) = self.levels.iter().find(|level| wrong(level)) {
            let what = format!("a quantile of {level} is not between 0 and 1; 0.5 is the median");
            return Err(Error::invalid(what));
        }
        Ok(())
    }
}

/// A forecast, one value per step after the last one, and where it comes from.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Forecast {
    /// Periods that were found, in steps, the stronger first.
    pub periods: Vec<usize>,
    /// The middle of the forecast.
    pub point: Vec<f64>,
    /// The lower end of the interval.
    pub lower: Vec<f64>,
    /// The upper end of the interval.
    pub upper: Vec<f64>,
    /// The quantiles that were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub quantiles: Vec<Quantile>,
    /// What each model forecast, where that was to be kept.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<ModelForecast>,
    /// How the method and its models did on the series' own past.
    pub backtest: Backtest,
}

/// One quantile of the future.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Quantile {
    /// The share of futures below, between 0 and 1.
    pub level: f64,
    /// The value at each step ahead.
    pub values: Vec<f64>,
}

/// What one model forecast.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct ModelForecast {
    /// The model.
    #[serde(serialize_with = "text")]
    pub model: Arc<str>,
    /// The value at each step ahead.
    pub point: Vec<f64>,
}

/// How the forecast did on the past of a series.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Backtest {
    /// Origins that were forecast from.
    pub origins: usize,
    /// The mean absolute scaled error of ensembles chosen without the origin they are scored on, or
    /// of the naive model that was taken in their place:
    /// the mean absolute error over that of taking the value one period (or one step) before,
    /// inside the values before the first origin.
    pub mase: f64,
    /// The share of values between ends that did not know their origin, over the fleet whose errors
    /// made the ends; NaN where there are too few origins.
    pub coverage: f64,
    /// All models, the one with the smallest error first.
    pub scores: Vec<ModelScore>,
}

/// The score of one model.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct ModelScore {
    /// The model.
    #[serde(serialize_with = "text")]
    pub model: Arc<str>,
    /// Its mean absolute scaled error.
    pub mase: f64,
    /// Its share in the forecast, over all steps ahead.
    pub share: f64,
}

fn text<S: serde::Serializer>(text: &str, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

/// Forecasts one series, `values` one per `step`, NaN where there is none. Many series are forecast
/// sixteen at a time by [`Forecaster`], in the time of one.
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
    let forecaster = Forecaster::new(step, options.clone())?;
    let mut rehearsed = forecaster.rehearse(&[values]);
    let one = rehearsed.pop().unwrap_or_else(|| Err(Error::not_enough_data("no model fits")))?;
    let mut pool = ErrorPool::default();
    let outlook = pool.add(one);
    Ok(outlook.forecast(&pool.finish()))
}
