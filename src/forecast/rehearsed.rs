//! A series that was forecast, and whose own past was forecast to see how well.

use std::sync::Arc;

use super::{Backtest, Doubt, Forecast, ForecastOptions, Quantile};

/// Steps on either side whose errors tell how large errors at a step are.
const NEIGHBOURS: usize = 3;
/// The share of a step's scale that comes from all steps together.
const SHARED: f64 = 0.1;

/// A point forecast with the errors that the same method made from past origins. Errors belong into
/// an [`super::ErrorPool`]; the [`Outlook`] is what is left.
#[derive(Debug, Clone)]
pub struct Rehearsed {
    pub(super) outlook: Outlook,
    /// Steps before each past origin.
    pub(super) origins: Vec<usize>,
    /// Per past origin and step ahead, actual value less forecast.
    pub(super) errors: Vec<Vec<f64>>,
}

/// A point forecast, and how large its errors are; with a fleet's [`Doubt`] it is a [`Forecast`].
#[derive(Debug, Clone)]
pub struct Outlook {
    pub(super) options: Arc<ForecastOptions>,
    /// Steps ahead that lie before the end of the row, where values were missing.
    pub(super) unknown: usize,
    pub(super) periods: Vec<usize>,
    pub(super) point: Vec<f64>,
    /// How large errors at each step ahead are, on average; the last one goes on.
    pub(super) scale: Vec<f64>,
    pub(super) floor: Option<f64>,
    pub(super) ceiling: Option<f64>,
    pub(super) backtest: Backtest,
}

impl Rehearsed {
    /// Each past origin's errors over the size of those at the origins that forecast other values;
    /// those that forecast in part the same values are no witnesses.
    pub(super) fn normalised(&self) -> impl Iterator<Item = Vec<f64>> + '_ {
        let ahead = self.errors.first().map_or(0, Vec::len);
        let apart = move |a: usize, b: usize| self.origins[a].abs_diff(self.origins[b]) >= ahead;
        let count = self.errors.len();
        let witnessed = (0..count).any(|a| (0..count).any(|b| apart(a, b)));
        (0..count).map(move |at| {
            let witness = |other: &usize| if witnessed { apart(at, *other) } else { *other != at };
            let others = (0..count).filter(witness).map(|other| &self.errors[other]);
            let scale = smoothed(&sums(others, ahead));
            let over =
                |(error, scale): (&f64, &f64)| if *error == 0.0 { 0.0 } else { error / scale };
            self.errors[at].iter().zip(&scale).map(over).collect()
        })
    }

    /// How large errors at each step ahead are, on average.
    pub(super) fn scale(errors: &[Vec<f64>]) -> Vec<f64> {
        smoothed(&sums(errors.iter(), errors.first().map_or(0, Vec::len)))
    }
}

impl Outlook {
    /// The forecast, as doubtful as the errors of a fleet say.
    pub fn forecast(&self, doubt: &Doubt) -> Forecast {
        let tail = (1.0 - self.options.coverage) / 2.0;
        let quantile = |level: f64| {
            let mut values = self.quantile(doubt, level);
            values.drain(..self.unknown);
            values
        };
        let mut point: Vec<f64> = self.point.iter().map(|value| self.held(*value)).collect();
        point.drain(..self.unknown);
        let level = |level: &f64| Quantile { level: *level, values: quantile(*level) };
        let coverage = doubt.coverage(tail, 1.0 - tail);
        Forecast {
            periods: self.periods.clone(),
            point,
            lower: quantile(tail),
            upper: quantile(1.0 - tail),
            quantiles: self.options.levels.iter().map(level).collect(),
            backtest: Backtest { coverage, ..self.backtest.clone() },
        }
    }

    /// The `level` quantile of the value at each step ahead.
    fn quantile(&self, doubt: &Doubt, level: f64) -> Vec<f64> {
        let of_fleet = doubt.quantiles(level, self.point.len());
        let last = self.scale.last().copied().unwrap_or(0.0);
        let scale = self.scale.iter().copied().chain(std::iter::repeat(last));
        let ends = self.point.iter().zip(scale).zip(of_fleet);
        ends.map(|((point, scale), error)| self.held(point + scale * error)).collect()
    }

    fn held(&self, value: f64) -> f64 {
        let value = self.floor.map_or(value, |floor| value.max(floor));
        self.ceiling.map_or(value, |ceiling| value.min(ceiling))
    }
}

/// Sum and number of the sizes of errors at each step.
fn sums<'a>(origins: impl Iterator<Item = &'a Vec<f64>>, ahead: usize) -> Vec<(f64, f64)> {
    let mut sums = vec![(0.0, 0.0); ahead];
    for errors in origins {
        for (sum, error) in sums.iter_mut().zip(errors).filter(|(_, error)| !error.is_nan()) {
            sum.0 += error.abs();
            sum.1 += 1.0;
        }
    }
    sums
}

/// Mean sizes around each step, drawn a little towards the mean of all.
fn smoothed(sums: &[(f64, f64)]) -> Vec<f64> {
    let total = |part: &[(f64, f64)]| {
        let (sum, count) = part.iter().fold((0.0, 0.0), |(s, c), (sum, n)| (s + sum, c + n));
        if count > 0.5 { Some(f64::max(sum, 0.0) / count) } else { None }
    };
    let all = total(sums).unwrap_or(0.0);
    let near = |step: usize| {
        let around = step.saturating_sub(NEIGHBOURS)..(step + NEIGHBOURS + 1).min(sums.len());
        total(&sums[around]).unwrap_or(all)
    };
    (0..sums.len()).map(|step| (1.0 - SHARED) * near(step) + SHARED * all).collect()
}
