//! What a series is made of: a trend, seasons, and what remains. It explains and does not forecast.
//!
//! Seasons of several lengths are taken out one after the other by STL, each freed of the others,
//! twice (MSTL; Bandara, Hyndman and Bergmeir 2021). `docs/method/decompose.md` has the formulas.

mod loess;
mod sampling;
mod stl;

pub use sampling::{LeftOut, Sampling, WhyLeftOut};

use loess::{Loess, Weighted};
use stl::Stl;

use crate::error::{Error, Result};
use crate::model::limits::SMOOTHING_WINDOW_MAX;

/// Values that must be known.
const VALUES_MIN: usize = 4;
/// A season's window: 7 cycles and 4 more for each season, the shortest first: 11, 15, 19, ...
const WINDOW_FIRST: usize = 11;
const WINDOW_MORE: usize = 4;
/// The trend of a series without seasons is smoothed over the series by this.
const TREND_SHARE: usize = 4;
/// A fit is made at ten places of each window.
const PLACES_PER_WINDOW: usize = 10;
/// Variance below this share of the values' mean square is rounding.
const ROUNDING: f64 = 1e-20;

/// What is asked of a decomposition.
#[derive(Debug, Clone, PartialEq)]
pub struct DecomposeOptions {
    /// Whether values that do not fit count less, so that bursts stay in the remainder. Off by
    /// default: it costs eight times the work (16 times one round in place of 2).
    pub robust: bool,
    /// Values of one phase that its season is smoothed over, one odd number of at least 3 for each
    /// period: more let seasons change less. By default (empty) 11, 15, 19, ... in the order of the
    /// periods' lengths.
    pub season_windows: Vec<usize>,
    /// Values that the trend is smoothed over, odd and at least 3. By default the next odd number
    /// from `1.5 m / (1 - 1.5 / w)` on, `m` the longest period and `w` its season's window; a
    /// quarter of a series without periods.
    pub trend_window: Option<usize>,
    /// How often each season is found anew once the others are known: 2 by default. A single one is
    /// found once.
    pub iterations: usize,
    /// Whether every value has a fit of its own; otherwise (by default) a tenth of each window
    /// shares one, straight between, which makes the work independent of the windows' lengths.
    pub exact: bool,
}

impl Default for DecomposeOptions {
    fn default() -> Self {
        Self {
            robust: false,
            season_windows: Vec::new(),
            trend_window: None,
            iterations: 2,
            exact: false,
        }
    }
}

/// One season of a decomposition.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Season {
    /// Steps after which it comes again, about.
    pub period: usize,
    /// One number per step, known also in gaps; in the unit of the values, around 0.
    pub values: Vec<f64>,
    /// How much of what is neither trend nor another season it makes, from 0 to 1:
    /// `max(0, 1 - Var(R) / Var(S + R))` (Wang, Smith and Hyndman 2006).
    pub strength: f64,
}

/// A series in parts. Their sum is the series.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Decomposition {
    /// One number per step, known also in gaps.
    pub trend: Vec<f64>,
    /// How much of what is no season the trend makes, from 0 to 1:
    /// `max(0, 1 - Var(R) / Var(T + R))`.
    pub trend_strength: f64,
    /// The seasons, the shortest first.
    pub seasons: Vec<Season>,
    /// The value less the trend and all seasons; NaN where there is no value.
    pub remainder: Vec<f64>,
    /// At which steps there are values.
    pub sampling: Sampling,
    /// Periods that were given and have no season, since too little of them is known; the shortest
    /// first.
    #[serde(skip)]
    pub left_out: Vec<LeftOut>,
}

/// Takes `values`, one per step and NaN where there is none, apart into a trend, a season for each
/// of `periods` (in steps, in any order) and a remainder.
///
/// Periods of which the series has not two, or whose phases have values too seldom to be told from
/// noise, are left out and named in [`Decomposition::left_out`]; one that comes twice counts once.
/// Gaps count for nothing and are no gaps in trend and seasons. Infinite values are gaps. Work
/// grows with the number of values, whatever the periods.
///
/// # Errors
///
/// [`Error::Invalid`] for a period below 2, for a window that is even, below 3 or missing for a
/// period, and for no iteration; [`Error::Limit`] for a window over [`SMOOTHING_WINDOW_MAX`];
/// [`Error::NotEnoughData`] for fewer than 4 values.
///
/// ```
/// use plimsoll::forecast::{DecomposeOptions, decompose};
/// // Six weeks of hours: a slope, busy days, quiet weekends.
/// let value = |hour: usize| {
///     let day = if hour % 24 < 8 { -10.0 } else { 5.0 };
///     let week = if hour / 24 % 7 < 5 { 2.0 } else { -5.0 };
///     100.0 + 0.1 * hour as f64 + day + week
/// };
/// let values: Vec<f64> = (0..24 * 42).map(value).collect();
/// let found = decompose(&values, &[24, 168], &DecomposeOptions::default())?;
/// assert!((found.trend[500] - 150.0).abs() < 1.0);
/// assert!((found.seasons[0].values[500 - 500 % 24] + 10.0).abs() < 0.5, "the quiet hours");
/// let sum = found.trend[7] + found.seasons[0].values[7] + found.seasons[1].values[7];
/// assert!((sum + found.remainder[7] - values[7]).abs() < 1e-9);
/// assert!(found.seasons[0].strength > 0.95 && found.trend_strength > 0.95);
/// # Ok::<(), plimsoll::Error>(())
/// ```
pub fn decompose(
    values: &[f64],
    periods: &[usize],
    options: &DecomposeOptions,
) -> Result<Decomposition> {
    let is_known: Vec<bool> = values.iter().map(|value| value.is_finite()).collect();
    let sampling = Sampling::of(&is_known);
    let mut periods = checked(sampling, periods, options)?;
    let left_out: Vec<LeftOut> =
        periods.iter().filter_map(|(period, _)| sampling.left_out(&is_known, *period)).collect();
    periods.retain(|(period, _)| left_out.iter().all(|left| left.period != *period));
    let periods = with_windows(periods);
    let known: Vec<f64> = is_known.iter().map(|known| f64::from(u8::from(*known))).collect();
    let filled: Vec<f64> =
        values.iter().map(|value| if value.is_finite() { *value } else { 0.0 }).collect();
    let mut seasons: Vec<Vec<f64>> = vec![vec![0.0; values.len()]; periods.len()];
    let mut trend = vec![0.0; values.len()];
    if periods.is_empty() {
        trend = plain_trend(&filled, &known, options);
    }
    // What is left once all seasons found so far are taken out; 0 in gaps.
    let mut rest = filled.clone();
    let iterations = if periods.len() == 1 { 1 } else { options.iterations };
    for _ in 0..iterations {
        for (season, (period, window)) in seasons.iter_mut().zip(&periods) {
            add(&mut rest, season, &known, 1.0);
            let parts = stl(*period, *window, options).fit(&rest, &known);
            *season = parts.season;
            trend = parts.trend;
            add(&mut rest, season, &known, -1.0);
        }
    }
    let remainder: Vec<f64> = values
        .iter()
        .enumerate()
        .map(|(at, value)| {
            let parts = seasons.iter().fold(trend[at], |sum, season| sum + season[at]);
            if value.is_finite() { value - parts } else { f64::NAN }
        })
        .collect();
    let scale = filled.iter().map(|value| value * value).sum::<f64>() / filled.len() as f64;
    let strength = |part: &[f64]| strength(part, &remainder, scale * ROUNDING);
    let seasons = periods.iter().zip(seasons).map(|((period, _), values)| Season {
        period: *period,
        strength: strength(&values),
        values,
    });
    let seasons = seasons.collect();
    let trend_strength = strength(&trend);
    Ok(Decomposition { trend, trend_strength, seasons, remainder, sampling, left_out })
}

/// The periods, each once, ascending, with the window that is given for its season.
fn checked(
    sampling: Sampling,
    periods: &[usize],
    options: &DecomposeOptions,
) -> Result<Vec<(usize, Option<usize>)>> {
    let known = sampling.values;
    if known < VALUES_MIN {
        return Err(Error::not_enough_data(format!(
            "{known} values; a decomposition takes {VALUES_MIN}"
        )));
    }
    if let Some(period) = periods.iter().find(|period| **period < 2) {
        return Err(Error::invalid(format!("a period of {period} steps; it takes at least 2")));
    }
    let windows = options.season_windows.iter().chain(&options.trend_window);
    if let Some(window) = windows.copied().find(|window| *window < 3 || window % 2 == 0) {
        return Err(Error::invalid(format!(
            "a window of {window} values; give an odd number of at least 3"
        )));
    }
    let windows = options.season_windows.iter().chain(&options.trend_window);
    if let Some(window) = windows.copied().find(|window| *window > SMOOTHING_WINDOW_MAX) {
        return Err(Error::Limit {
            what: "the number of values that a season or a trend is smoothed over",
            value: window as u64,
            limit: SMOOTHING_WINDOW_MAX as u64,
            remedy: "take a shorter window: one as long as the series weighs nearly alike",
        });
    }
    if options.iterations == 0 {
        return Err(Error::invalid("a decomposition takes at least one iteration"));
    }
    let given = &options.season_windows;
    if !given.is_empty() && given.len() != periods.len() {
        return Err(Error::invalid(format!(
            "{} windows for {} periods; give one for each, or none",
            given.len(),
            periods.len()
        )));
    }
    let mut own: Vec<(usize, Option<usize>)> =
        periods.iter().enumerate().map(|(at, period)| (*period, given.get(at).copied())).collect();
    own.sort_by_key(|(period, _)| *period);
    own.dedup_by_key(|(period, _)| *period);
    Ok(own)
}

/// The periods with their seasons' windows: those that are given, or the default.
fn with_windows(periods: Vec<(usize, Option<usize>)>) -> Vec<(usize, usize)> {
    let default = |at: usize| WINDOW_FIRST + WINDOW_MORE * at;
    let all = periods.into_iter().enumerate();
    all.map(|(at, (period, given))| (period, given.unwrap_or(default(at)))).collect()
}

fn loess(window: usize, linear: bool, options: &DecomposeOptions) -> Loess {
    let jump = if options.exact { 1 } else { window.div_ceil(PLACES_PER_WINDOW) };
    Loess::new(window, linear, jump)
}

fn stl(period: usize, window: usize, options: &DecomposeOptions) -> Stl {
    let by_period = 1.5 * period as f64 / (1.0 - 1.5 / window as f64);
    let trend = options.trend_window.unwrap_or(odd_from(by_period.ceil() as usize));
    Stl {
        period,
        season: loess(window, false, options),
        trend: loess(trend, true, options),
        low_pass: loess(odd_from(period), true, options),
        inner: if options.robust { 1 } else { 2 },
        outer: if options.robust { 15 } else { 0 },
    }
}

/// `number`, or the next one if it is even.
fn odd_from(number: usize) -> usize {
    number | 1
}

/// The trend of a series without seasons.
fn plain_trend(filled: &[f64], known: &[f64], options: &DecomposeOptions) -> Vec<f64> {
    let window = options.trend_window.unwrap_or(odd_from(filled.len() / TREND_SHARE).max(7));
    let mut trend = vec![0.0; filled.len()];
    let loess = loess(window, true, options);
    let mut weights = known.to_vec();
    for round in 0..=if options.robust { 15 } else { 0 } {
        if round > 0 {
            let rest = filled.iter().zip(&trend).map(|(value, trend)| value - trend);
            stl::weigh(rest.collect(), known, &mut weights);
        }
        loess.smooth(Weighted { values: filled, weights: &weights }, &mut trend);
    }
    trend
}

/// Adds `factor` times `part` where there is a value.
fn add(rest: &mut [f64], part: &[f64], known: &[f64], factor: f64) {
    for (rest, (part, known)) in rest.iter_mut().zip(part.iter().zip(known)) {
        *rest += factor * part * known;
    }
}

/// `max(0, 1 - Var(R) / Var(P + R))` over the values that are known; 0 where nothing varies.
fn strength(part: &[f64], remainder: &[f64], rounding: f64) -> f64 {
    let known: Vec<(f64, f64)> = part
        .iter()
        .zip(remainder)
        .filter(|(_, rest)| !rest.is_nan())
        .map(|(part, rest)| (*rest, part + rest))
        .collect();
    let both = variance(known.iter().map(|(_, both)| *both));
    let rest = variance(known.iter().map(|(rest, _)| *rest));
    if both > rounding { (1.0 - rest / both).max(0.0) } else { 0.0 }
}

fn variance(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let (sum, count) = values.clone().fold((0.0, 0.0), |(sum, n), value| (sum + value, n + 1.0));
    let mean = sum / f64::max(count, 1.0);
    values.map(|value| (value - mean).powi(2)).sum::<f64>() / f64::max(count, 1.0)
}

#[cfg(test)]
mod tests;
