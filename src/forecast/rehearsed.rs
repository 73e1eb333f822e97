//! A series that was forecast, and whose own past was forecast to see how well.

use std::sync::Arc;

use super::ensemble::Widths;
use super::{Backtest, Doubt, Forecast, ForecastOptions, ModelForecast, Quantile};

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
    /// The same for the widths of the spread.
    pub(super) widths: Vec<Vec<Widths>>,
}

/// One error of one origin, and what it may be measured by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Witness {
    pub(super) error: f64,
    /// How large errors at other origins were.
    pub(super) size: f64,
    /// How far values on its side were spread at its own origin.
    pub(super) width: f64,
}

/// Shares of the spread in what errors are divided by, of which each series chooses one: what is
/// left are the sizes of errors at other origins.
const SHARES: [f64; 4] = [0.0, 0.25, 0.5, 0.75];
/// Scales below this share of the mean error are no scales.
const SCALE_MIN: f64 = 1e-3;
/// The distance of the tenth percentile from the middle, over the mean absolute deviation, of an
/// exponential law on either side (Laplace, 1774): ln 5.
const WIDTH_OVER_SIZE: f64 = 1.609;

impl Witness {
    /// What the error is divided by.
    pub(super) fn scale(&self, share: f64) -> f64 {
        blend(self.size, self.width, share)
    }
}

fn blend(size: f64, width: f64, share: f64) -> f64 {
    (1.0 - share) * size + share * width / WIDTH_OVER_SIZE
}

/// A point forecast, and how large its errors are; with a fleet's [`Doubt`] it is a [`Forecast`].
#[derive(Debug, Clone)]
pub struct Outlook {
    pub(super) options: Arc<ForecastOptions>,
    /// Steps ahead that lie before the end of the row, where values were missing.
    pub(super) unknown: usize,
    pub(super) periods: Vec<usize>,
    pub(super) point: Vec<f64>,
    /// How large errors at each step ahead were, on average; the last one goes on.
    pub(super) sizes: Vec<f64>,
    pub(super) widths: Vec<Widths>,
    /// How much the spread counts against the sizes.
    pub(super) spread_share: f64,
    pub(super) floor: Option<f64>,
    pub(super) ceiling: Option<f64>,
    pub(super) models: Vec<ModelForecast>,
    pub(super) backtest: Backtest,
}

impl Rehearsed {
    /// Each past origin's errors, with their sizes at the origins that forecast other values; those
    /// that forecast in part the same values are no witnesses.
    pub(super) fn witnesses(&self) -> impl Iterator<Item = Vec<Witness>> + '_ {
        let ahead = self.errors.first().map_or(0, Vec::len);
        let apart = move |a: usize, b: usize| self.origins[a].abs_diff(self.origins[b]) >= ahead;
        let count = self.errors.len();
        let witnessed = (0..count).any(|a| (0..count).any(|b| apart(a, b)));
        (0..count).map(move |at| {
            let witness = |other: &usize| if witnessed { apart(at, *other) } else { *other != at };
            let others = (0..count).filter(witness).map(|other| &self.errors[other]);
            let sizes = smoothed(&sums(others, ahead));
            let own = self.errors[at].iter().zip(&self.widths[at]).zip(sizes);
            own.map(|((error, widths), size)| {
                let width = if *error < 0.0 { widths.below } else { widths.above };
                Witness { error: *error, size, width }
            })
            .collect()
        })
    }

    /// The share of the spread under which the series' errors are the likeliest, were their law
    /// exponential on either side: the least `mean ln s + ln mean |e| / s`.
    pub(super) fn best_share(&self) -> f64 {
        let witnesses: Vec<Witness> =
            self.witnesses().flatten().filter(|witness| !witness.error.is_nan()).collect();
        let count = witnesses.len() as f64;
        let mean = witnesses.iter().map(|witness| witness.error.abs()).sum::<f64>() / count;
        let surprise = |share: f64| {
            let (mut logs, mut ratios) = (0.0, 0.0);
            for witness in &witnesses {
                let scale = witness.scale(share).max(SCALE_MIN * mean);
                logs += scale.ln();
                ratios += witness.error.abs() / scale;
            }
            logs / count + (ratios / count).ln()
        };
        if mean > 0.0 {
            let shares = SHARES.into_iter().map(|share| (share, surprise(share)));
            shares.min_by(|a, b| a.1.total_cmp(&b.1)).map_or(0.0, |best| best.0)
        } else {
            0.0
        }
    }

    /// How large errors at each step ahead were, on average.
    pub(super) fn sizes(errors: &[Vec<f64>]) -> Vec<f64> {
        smoothed(&sums(errors.iter(), errors.first().map_or(0, Vec::len)))
    }
}

impl Outlook {
    /// The forecast, as doubtful as the errors of a fleet say.
    pub fn forecast(&self, doubt: &Doubt) -> Forecast {
        let tail = (1.0 - self.options.coverage) / 2.0;
        let quantile = |level: f64| self.quantile(doubt, level);
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
            models: self.models.iter().map(|model| self.of_model(model)).collect(),
            backtest: Backtest { coverage, ..self.backtest.clone() },
        }
    }

    /// The `level` quantile of the value at each step ahead, `level` between 0 and 1.
    pub fn quantile(&self, doubt: &Doubt, level: f64) -> Vec<f64> {
        let of_fleet = doubt.quantiles(level, self.point.len());
        let last = self.sizes.last().copied().unwrap_or(0.0);
        let sizes = self.sizes.iter().copied().chain(std::iter::repeat(last));
        let steps = self.point.iter().zip(sizes).zip(&self.widths).zip(of_fleet);
        steps
            .map(|(((point, size), widths), error)| {
                let width = if error < 0.0 { widths.below } else { widths.above };
                self.held(point + error * blend(size, width, self.spread_share))
            })
            .skip(self.unknown)
            .collect()
    }

    fn of_model(&self, model: &ModelForecast) -> ModelForecast {
        let point = model.point.iter().skip(self.unknown).map(|value| self.held(*value));
        ModelForecast { model: Arc::clone(&model.model), point: point.collect() }
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
