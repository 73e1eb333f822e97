//! Trend and one season by local regression (STL; Cleveland and others 1990).

use super::loess::{Loess, Weighted, straight};
use crate::kernel;

/// The smoothers of one decomposition.
#[derive(Debug, Clone)]
pub(super) struct Stl {
    pub(super) period: usize,
    /// Over the values of one phase: degree 0.
    pub(super) season: Loess,
    /// Over all values, seasons taken out: degree 1.
    pub(super) trend: Loess,
    /// Takes what is trend out of the season: degree 1.
    pub(super) low_pass: Loess,
    /// Rounds, and how often they begin anew with the weights that the last ones' remainders earn.
    pub(super) inner: usize,
    pub(super) outer: usize,
}

/// Trend and season of a row.
#[derive(Debug, Clone, Default)]
pub(super) struct Parts {
    pub(super) trend: Vec<f64>,
    pub(super) season: Vec<f64>,
}

impl Stl {
    /// Decomposes `values`, which are 0 where `known` is 0.
    pub(super) fn fit(&self, values: &[f64], known: &[f64]) -> Parts {
        let len = values.len();
        let mut parts = Parts { trend: vec![0.0; len], season: vec![0.0; len] };
        let mut weights = known.to_vec();
        for round in 0..=self.outer {
            for _ in 0..self.inner {
                self.inner_round(values, &weights, &mut parts);
            }
            if round < self.outer {
                let rest = values.iter().zip(&parts.trend).zip(&parts.season);
                let rest = rest.map(|((value, trend), season)| value - trend - season);
                weigh(rest.collect(), known, &mut weights);
            }
        }
        parts
    }

    fn inner_round(&self, values: &[f64], weights: &[f64], parts: &mut Parts) {
        let (len, period) = (values.len(), self.period);
        let rest: Vec<f64> = values.iter().zip(&parts.trend).map(|(v, trend)| v - trend).collect();
        let cycles = self.cycles(Weighted { values: &rest, weights });
        let thrice = moving_mean(&moving_mean(&moving_mean(&cycles, period), period), 3);
        let mut level = vec![0.0; len];
        let all = vec![1.0; len];
        self.low_pass.smooth(Weighted { values: &thrice, weights: &all }, &mut level);
        for (at, season) in parts.season.iter_mut().enumerate() {
            *season = cycles[at + period] - level[at];
        }
        let rest: Vec<f64> = values.iter().zip(&parts.season).map(|(v, s)| v - s).collect();
        self.trend.smooth(Weighted { values: &rest, weights }, &mut parts.trend);
    }

    /// Every phase smoothed on its own, one period longer at either end.
    fn cycles(&self, row: Weighted<'_>) -> Vec<f64> {
        let (len, period) = (row.values.len(), self.period);
        let mut cycles = vec![f64::NAN; len + 2 * period];
        let (mut values, mut weights, mut out) = (Vec::new(), Vec::new(), Vec::new());
        for phase in 0..period {
            values.clear();
            weights.clear();
            values.extend(row.values.iter().skip(phase).step_by(period));
            weights.extend(row.weights.iter().skip(phase).step_by(period));
            let own = Weighted { values: &values, weights: &weights };
            let count = values.len();
            out.resize(count, 0.0);
            if !self.season.smooth(own, &mut out) {
                continue;
            }
            let window = self.season.window.min(count);
            let before = self.season.at(-1.0, own, 0, window);
            let after = self.season.at(count as f64, own, count - window, count);
            let ends = (before.unwrap_or(out[0]), after.unwrap_or(out[count - 1]));
            let places = cycles.iter_mut().skip(phase).step_by(period);
            let smoothed = std::iter::once(ends.0).chain(out.iter().copied());
            for (place, value) in places.zip(smoothed.chain(std::iter::once(ends.1))) {
                *place = value;
            }
        }
        fill(&mut cycles);
        cycles
    }
}

/// Beside the largest remainder so small a share of it is rounding.
const ROUNDING: f64 = 1e-12;

/// Bisquare weights: 1 where nothing remains, 0 from six median remainders on, and 0 in gaps. Where
/// most values fit exactly, so that the median is 0, whatever does not fit has the weight 0.
pub(super) fn weigh(rest: Vec<f64>, known: &[f64], weights: &mut [f64]) {
    let remains = rest.iter().zip(known).filter(|(_, known)| **known > 0.0);
    let mut sizes: Vec<f64> = remains.map(|(rest, _)| rest.abs()).collect();
    let largest = sizes.iter().copied().fold(0.0, f64::max);
    let limit = (6.0 * kernel::median(&mut sizes)).max(ROUNDING * largest);
    for ((weight, rest), known) in weights.iter_mut().zip(rest).zip(known) {
        let share = rest.abs() / limit;
        let bisquare = (1.0 - share * share).powi(2);
        *weight = match share {
            share if share <= 0.001 || limit <= 0.0 => *known,
            share if share > 0.999 => 0.0,
            _ => bisquare * known,
        };
    }
}

/// Means of `window` neighbours: shorter than the row by `window - 1`.
fn moving_mean(row: &[f64], window: usize) -> Vec<f64> {
    let (head, tail) = row.split_at(window.min(row.len()));
    let mut sum: f64 = head.iter().sum();
    let mut means = Vec::with_capacity(tail.len() + 1);
    means.push(sum / window as f64);
    for (new, old) in tail.iter().zip(row) {
        sum += new - old;
        means.push(sum / window as f64);
    }
    means
}

/// Numbers in place of NaN: straight between neighbours, the next one at the ends; 0 if there is
/// none at all.
fn fill(row: &mut [f64]) {
    let mut before: Option<usize> = None;
    for at in 0..row.len() {
        if row[at].is_nan() {
            continue;
        }
        let here = row[at];
        match before {
            None => row[..at].fill(here),
            Some(from) => {
                let there = row[from];
                straight(&mut row[from..=at], there, here);
            }
        }
        before = Some(at);
    }
    match before {
        None => row.fill(0.0),
        Some(from) => {
            let there = row[from];
            row[from..].fill(there);
        }
    }
}
