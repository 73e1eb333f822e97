//! Time to exhaustion: when a daily peak first reaches a line, as a distribution.
//!
//! In: one peak per day and the line. Out: an [`Exhaustion`]. Never: a date without a significant
//! trend, or a number that stands for a word ("never", "already").
//!
//! The steps: find the last regime (a deploy step is no trend); fit a robust line, or a line
//! through logarithms; test its slope against noise with memory; then let many paths run on from
//! the last days, each with a slope of its own, and note when each first reaches the line.
//! `docs/method/exhaustion.md` has the formulas and their sources.

mod backtest;
mod calibration;
mod cases;
mod discovery;
mod evidence;
mod fan;
mod first_passage;
mod fit;
mod growth;
mod line;
mod odds;
mod outlook;
mod past;
mod paths;
mod regime;
pub mod score;

pub use backtest::{PastForecast, PeakBacktest};
pub use calibration::Calibration;
pub use cases::PeakSeries;
pub(super) use cases::reached;
pub use discovery::benjamini_hochberg;
pub use evidence::Probabilities;
pub use fan::{Fan, PeakInterval, fan};
pub use first_passage::FirstPassage;
pub use line::LinePath;
pub use odds::Odds;
pub use outlook::Outlook;

use std::cell::OnceCell;

use evidence::Evidence;
use past::Past;

use crate::model::limits::VALUE_SIZE_MAX;

/// Fewer days of one regime say nothing about a trend.
const DAYS_MIN: usize = 14;

/// Futures at most: with more of them no probability has another digit that is true.
const PATHS_MAX: usize = 100_000;

/// How the time to exhaustion is found.
#[derive(Debug, Clone, PartialEq)]
pub struct ExhaustionOptions {
    /// How far ahead is looked, in days, a finite number of 0 or more; what lies beyond counts as
    /// never. At most [`PEAK_DAYS_AHEAD_MAX`](crate::model::limits::PEAK_DAYS_AHEAD_MAX) are drawn.
    pub horizon_days: f64,
    /// A trend that noise alone would yield more often than this is no trend; a number.
    pub significance: f64,
    /// How many futures are drawn: from 1 to 100,000; what is outside counts as the nearer of them.
    pub paths: usize,
    /// Seed of the draws.
    pub seed: u64,
    /// What the fleet's past says of our probabilities; as they are, if nothing was learnt.
    pub calibration: Calibration,
}

/// What is known of the time to exhaustion.
#[derive(Debug, Clone, PartialEq)]
pub struct Exhaustion {
    /// The trend, where there are enough days to measure one.
    pub trend: Option<Trend>,
    /// When the line is reached.
    pub outcome: Outcome,
    /// How likely the line is reached, trend or not, where 7 days are known. Peaks without a trend
    /// fluctuate too, so these stand beside every outcome; those in [`Quantiles`] are of futures
    /// in which the trend goes on.
    pub probabilities: Option<Probabilities>,
    /// What these come from, to be weighed again once a whole fleet's past is known.
    pub odds: Option<Odds>,
    /// How the same method did on the series' own past.
    pub backtest: Option<PeakBacktest>,
}

/// The trend of the daily peak in its last regime.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trend {
    /// Growth per day at the last day, in the unit of the peaks.
    pub slope_per_day: f64,
    /// The probability of so steep a slope, up or down, where there is none.
    pub p_value: f64,
    /// The first day of the regime, as an index into the peaks.
    pub regime_start_day: usize,
}

/// When the line is reached.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Nothing can be said.
    NotEnoughData {
        /// What is missing.
        what: String,
    },
    /// The peaks are at or over the line.
    Already {
        /// Since this day, as an index into the peaks.
        since_day: usize,
    },
    /// No trend that could not be chance.
    NoTrend,
    /// The trend leads away from the line.
    Never,
    /// The trend leads to the line; it may be reached only beyond the horizon.
    Within(Quantiles),
}

/// The distribution of the time to exhaustion, in days after the last day of the peaks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quantiles {
    /// Reached by then with probability 10%; `None` beyond the horizon, as below.
    pub p10_days: Option<f64>,
    /// ... 50%.
    pub p50_days: Option<f64>,
    /// ... 90%.
    pub p90_days: Option<f64>,
    /// The probability that it is reached within 7 days.
    pub within_7: f64,
    /// ... within 30 days.
    pub within_30: f64,
    /// ... within 90 days.
    pub within_90: f64,
    /// The probability that it is not reached within the horizon.
    pub never: f64,
}

impl Exhaustion {
    /// An outcome without evidence.
    fn word(outcome: Outcome) -> Self {
        Self { trend: None, outcome, probabilities: None, odds: None, backtest: None }
    }
}

impl ExhaustionOptions {
    /// Whether a trend of this p-value is one.
    fn is_trend(&self, p_value: f64) -> bool {
        p_value <= self.significance
    }

    /// How many futures are drawn.
    fn paths(&self) -> usize {
        self.paths.clamp(1, PATHS_MAX)
    }
}

impl Default for ExhaustionOptions {
    fn default() -> Self {
        Self {
            horizon_days: 365.0,
            significance: 0.05,
            paths: 500,
            seed: 1,
            calibration: Calibration::default(),
        }
    }
}

/// Days until a level that grows by `slope_per_day` reaches `line`: 0 at or over it, `None` where
/// it does not grow, or one of the three is not known.
///
/// ```
/// use plimsoll::capacity::exhaustion::days_to_line;
/// assert_eq!(days_to_line(400.0, 2.5, 1_000.0), Some(240.0));
/// assert_eq!(days_to_line(400.0, 2.5, 900.0), Some(200.0));
/// assert_eq!(days_to_line(400.0, -2.5, 900.0), None);
/// ```
pub fn days_to_line(level: f64, slope_per_day: f64, line: f64) -> Option<f64> {
    if level >= line {
        return Some(0.0);
    }
    (slope_per_day > 0.0).then(|| (line - level) / slope_per_day).filter(|days| !days.is_nan())
}

/// Periods until a level that grows by the factor `1 + growth` per period reaches `line`.
///
/// ```
/// use plimsoll::capacity::exhaustion::periods_to_line;
/// let months = periods_to_line(0.60, 0.05, 0.90).unwrap();
/// assert!((months / 8.310386 - 1.0).abs() < 1e-6);
/// ```
pub fn periods_to_line(level: f64, growth: f64, line: f64) -> Option<f64> {
    if level >= line {
        return Some(0.0);
    }
    (level > 0.0 && growth > 0.0)
        .then(|| (line / level).ln() / growth.ln_1p())
        .filter(|periods| !periods.is_nan())
}

/// When the daily peaks first reach `line`. `daily_peaks` has one value per day in order, NaN where
/// a day is not known; its last day is the one from which days are counted.
///
/// ```
/// use plimsoll::capacity::exhaustion::{ExhaustionOptions, Outcome, time_to_exhaustion};
/// // A disk that fills by 2 GB a day, give or take, 100 GB under the line.
/// let noise = [0.1, -0.2, 0.0, 0.15, -0.1, 0.05];
/// let peaks: Vec<f64> = (0..60).map(|day| 2.0 * day as f64 + noise[day % 6]).collect();
/// let found = time_to_exhaustion(&peaks, 218.0, &ExhaustionOptions::default());
/// let Outcome::Within(days) = found.outcome else { panic!("{found:?}") };
/// assert!((days.p50_days.unwrap() - 50.0).abs() <= 1.0);
/// assert!(days.p10_days <= days.p50_days && days.p50_days <= days.p90_days);
/// ```
pub fn time_to_exhaustion(
    daily_peaks: &[f64],
    line: f64,
    options: &ExhaustionOptions,
) -> Exhaustion {
    let past = OnceCell::new();
    let mut found = look(daily_peaks, line, options, &past);
    if let Some(trend) = found.trend {
        let last_regime = daily_peaks.get(trend.regime_start_day..).unwrap_or(&[]);
        found.backtest = backtest::backtest(last_regime, options.seed);
    }
    found
}

/// All but the back-test. What does not depend on the line is kept in `past`, for the next line.
fn look(
    daily_peaks: &[f64],
    line: f64,
    options: &ExhaustionOptions,
    past: &OnceCell<Past>,
) -> Exhaustion {
    if let Some(what) = unusable(daily_peaks, line, options) {
        return past::not_enough(what);
    }
    let Some(since_day) = reached_since(daily_peaks, line) else {
        return past.get_or_init(|| Past::of(daily_peaks)).until(line, options);
    };
    let odds = Evidence::of(daily_peaks).map(|evidence| Odds {
        evidence: evidence.of_week(line),
        trend: None,
        horizon_days: options.horizon_days,
    });
    Exhaustion {
        probabilities: odds.map(|odds| odds.probabilities(&options.calibration)),
        odds,
        ..Exhaustion::word(Outcome::Already { since_day })
    }
}

/// What cannot be reckoned with, if anything.
fn unusable(daily_peaks: &[f64], line: f64, options: &ExhaustionOptions) -> Option<String> {
    if line.is_nan() {
        return Some("the line is not known".to_owned());
    }
    if options.horizon_days.is_nan() {
        return Some("the horizon is not known".to_owned());
    }
    if !options.horizon_days.is_finite() || options.horizon_days < 0.0 {
        return Some(format!("a horizon of {} days", options.horizon_days));
    }
    if options.significance.is_nan() {
        return Some("the significance of a trend is not known".to_owned());
    }
    let peak = daily_peaks.iter().copied().find(|peak| is_too_large(*peak))?;
    Some(format!("a peak of {peak:e} is over {VALUE_SIZE_MAX:e}; scale the peaks"))
}

fn is_too_large(peak: f64) -> bool {
    peak.is_finite() && peak.abs() > VALUE_SIZE_MAX
}

/// The first day of the time since which the peaks are at or over the line: most of the last seven
/// known days are, or two of the last three with the last one. A single burst is not enough.
fn reached_since(peaks: &[f64], line: f64) -> Option<usize> {
    let known: Vec<(usize, bool)> = peaks
        .iter()
        .enumerate()
        .filter(|(_, peak)| peak.is_finite())
        .map(|(day, peak)| (day, *peak >= line))
        .collect();
    let over = |window: &[(usize, bool)]| window.iter().filter(|(_, over)| *over).count();
    let reached = |end: usize| {
        let last = known.get(end.saturating_sub(7)..end).unwrap_or(&[]);
        let three = last.get(last.len().saturating_sub(3)..).unwrap_or(&[]);
        let at_end = last.last().is_some_and(|(_, over)| *over);
        over(last) >= 4 || (at_end && over(three) >= 2)
    };
    if !reached(known.len()) {
        return None;
    }
    let mut end = known.len();
    while end > 1 && reached(end - 1) {
        end -= 1;
    }
    // The window ends where the state began; it began with the first day over the line in it.
    let window = known.get(end.saturating_sub(7)..end).unwrap_or(&[]);
    window.iter().find(|(_, over)| *over).map(|(day, _)| *day)
}

#[cfg(test)]
mod tests;
