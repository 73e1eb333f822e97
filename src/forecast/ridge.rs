//! Autoregressions by least squares, with a penalty that keeps lags which are alike apart.
#![expect(clippy::inline_always, reason = "a loop is vectors only where all of it is in one place")]

use super::moments::{Moments, Part};
use super::past::{Scaled, ToValues};
use super::{Fit, Past, Predict, Scale};
use crate::kernel::{Loop, Wide, widest};

/// Forecasts leave the range of the past by this share of it, at most.
const LEAVE_MAX: f64 = 0.3;
/// The penalty, as a share of each column's variance: enough to solve by, too little to bend. On
/// rolling origins inside the training part of M4 Hourly larger ones did worse.
const PENALTY: f64 = 1e-5;

/// `y(t) = c + sum b(k) y(t - lag(k)) + sum of waves`, by least squares in which a step counts half
/// as much as one `half_life` later, with a penalty on the `b` (Hoerl and Kennard, 1970). Further
/// steps ahead take forecasts for values, held inside 1.3 times the range of the past.
///
/// One pass over the values serves all origins: their sums of products are prefixes of each other.
/// Costs `columns^2 / 2` multiplications per value.
#[derive(Debug, Clone, PartialEq)]
pub struct Ridge {
    /// A word for the columns.
    pub kind: &'static str,
    /// Lags, in steps, ascending.
    pub lags: Vec<usize>,
    /// Lengths of waves, in steps; each is regressed on by its sine and cosine.
    pub waves: Vec<f64>,
    /// The scale.
    pub scale: Scale,
    /// Steps.
    pub half_life: usize,
}

#[derive(Debug)]
struct Fitted {
    lags: Vec<usize>,
    waves: Vec<f64>,
    weights: Vec<Wide>,
    constant: Wide,
    /// The step after the last one learnt.
    next: usize,
    /// The last values, as many as the longest lag.
    tail: Vec<Wide>,
    least: Wide,
    greatest: Wide,
    to_values: ToValues,
}

impl Ridge {
    fn columns(&self) -> usize {
        self.lags.len() + 2 * self.waves.len()
    }

    fn longest(&self) -> usize {
        self.lags.last().copied().unwrap_or(0)
    }

    /// What each step counts.
    fn weights(&self, scaled: &Scaled) -> Vec<Wide> {
        let tile = &scaled.tile;
        let age = |step: usize| (tile.len() - step) as f64 / self.half_life.max(1) as f64;
        (0..tile.len()).map(|step| tile.known(step) * (-age(step)).exp2()).collect()
    }
}

impl Fit for Ridge {
    fn name(&self) -> String {
        format!("{}ridge({})", self.scale.prefix(), self.kind)
    }

    fn values_min(&self) -> usize {
        self.longest() + 2 * self.columns() + 4
    }

    fn fit(&self, past: &Past, origins: &[usize]) -> Vec<Box<dyn Predict>> {
        let scaled = past.in_scale(self.scale);
        let rows = scaled.tile.rows();
        let weights = self.weights(scaled);
        let all_waves: Vec<Vec<Wide>> = (0..2 * self.waves.len())
            .map(|at| (0..rows.len()).map(|t| Wide::splat(wave(&self.waves, at, t))).collect())
            .collect();
        let mut moments = Moments::new(self.columns());
        let mut scratch = Vec::new();
        let (mut learnt, mut range) = (self.longest(), Range::default());
        let fitted = origins.iter().map(|&origin| {
            let steps = learnt.min(origin)..origin;
            let lagged = self.lags.iter().map(|lag| &rows[steps.start - lag..steps.end - lag]);
            let waves = all_waves.iter().map(|wave| &wave[steps.clone()]);
            let columns: Vec<&[Wide]> = lagged.chain(waves).collect();
            let part =
                Part { columns: &columns, targets: &rows[steps.clone()], weights: &weights[steps] };
            moments.learn(part, &mut scratch);
            learnt = learnt.max(origin);
            range.widen(rows, origin);
            let (weights, constant) = moments.solve(PENALTY);
            let leave = (range.greatest - range.least) * LEAVE_MAX;
            Box::new(Fitted {
                lags: self.lags.clone(),
                waves: self.waves.clone(),
                weights,
                constant,
                next: origin,
                tail: rows[origin - self.longest()..origin].to_vec(),
                least: range.least - leave,
                greatest: range.greatest + leave,
                to_values: scaled.to_values(),
            }) as Box<dyn Predict>
        });
        fitted.collect()
    }
}

impl Predict for Fitted {
    fn predict(&self, out: &mut [Wide]) {
        widest(Iterate { model: self, out });
        self.to_values.apply(out);
    }
}

/// Steps ahead, each from those before.
struct Iterate<'a> {
    model: &'a Fitted,
    out: &'a mut [Wide],
}

impl Loop for Iterate<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { model, out } = self;
        for step in 0..out.len() {
            let mut value = model.constant;
            for (lag, weight) in model.lags.iter().zip(&model.weights) {
                let before = match step.checked_sub(*lag) {
                    Some(at) => out[at],
                    None => model.tail[model.tail.len() + step - lag],
                };
                value += before * *weight;
            }
            for (column, weight) in model.weights[model.lags.len()..].iter().enumerate() {
                value += *weight * wave(&model.waves, column, model.next + step);
            }
            out[step] = value.max(model.least).min(model.greatest);
        }
    }
}

/// Sine and cosine of each wave, in turn.
fn wave(lengths: &[f64], column: usize, step: usize) -> f64 {
    let angle = std::f64::consts::TAU * (step as f64 / lengths[column / 2]).fract();
    if column.is_multiple_of(2) { angle.sin() } else { angle.cos() }
}

/// The least and the greatest value so far.
#[derive(Debug)]
struct Range {
    least: Wide,
    greatest: Wide,
    steps: usize,
}

impl Default for Range {
    fn default() -> Self {
        let (least, greatest) = (Wide::splat(f64::INFINITY), Wide::splat(f64::NEG_INFINITY));
        Self { least, greatest, steps: 0 }
    }
}

impl Range {
    fn widen(&mut self, rows: &[Wide], to: usize) {
        for row in &rows[self.steps..to] {
            self.least = self.least.min(*row);
            self.greatest = self.greatest.max(*row);
        }
        self.steps = to;
    }
}
