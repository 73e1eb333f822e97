//! Maximum likelihood where some values are known only to be so much or more (Tobin 1958).

use std::f64::consts::{PI, TAU};

use super::evidence::Demand;
use crate::kernel::{Cholesky, normal_cdf, normal_ln_cdf};

/// Sines per season at most.
const WAVES_MAX: usize = 3;
/// Newton's steps. The likelihood has one top (Olsen 1978); most fits need fewer than 10.
const STEPS_MAX: usize = 100;
const HALVINGS_MAX: usize = 40;
/// The gain of likelihood at which the top is reached.
const GAIN_MIN: f64 = 1e-10;
/// Known values per parameter that a fit takes.
const KNOWN_PER_PARAMETER: usize = 5;

/// How demand is spread about its mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Normally.
    Normal,
    /// Its logarithm is normal: spread grows with the mean, and the upper tail is long.
    Lognormal,
}

/// A fitted model of demands, which stand at places in time.
#[derive(Debug, Clone)]
pub(super) struct CensoredFit {
    pub(super) shape: Shape,
    /// Of the mean at each place (of the logarithm, where that is normal).
    means: Vec<f64>,
    deviation: f64,
    parameters: usize,
    pub(super) ln_likelihood: f64,
    /// The greatest difference between the spread that was seen and the shape's.
    pub(super) distance: f64,
}

impl CensoredFit {
    /// Every shape, with every number of sines that the season allows.
    pub(super) fn candidates(
        places: &[usize],
        demands: &[Demand],
        period: Option<usize>,
    ) -> Vec<Self> {
        let waves_max = period.map_or(0, |period| WAVES_MAX.min((period - 1) / 2));
        let of_shape = |shape: Shape| {
            (0..=waves_max).filter_map(move |waves| {
                let season = period.map(|period| (period, waves));
                Self::fit(shape, places, demands, season)
            })
        };
        of_shape(Shape::Normal).chain(of_shape(Shape::Lognormal)).collect()
    }

    /// Fits a shape to demands at `places` (numbers of intervals), with a season of so many
    /// intervals that so many sines follow. `None` where there are too few
    /// known ones, none that differ, or not all are positive and a logarithm is needed.
    pub(super) fn fit(
        shape: Shape,
        places: &[usize],
        demands: &[Demand],
        season: Option<(usize, usize)>,
    ) -> Option<Self> {
        let values: Vec<f64> = demands.iter().map(|demand| shape.scaled(demand.value())).collect();
        let known: Vec<bool> =
            demands.iter().map(|demand| matches!(demand, Demand::Known(_))).collect();
        let rows = design(places, season);
        let parameters = rows.first()?.len() + 1;
        let count = known.iter().filter(|known| **known).count();
        if count < parameters * KNOWN_PER_PARAMETER || values.iter().any(|v| !v.is_finite()) {
            return None;
        }
        // Near 0 with a spread near 1, whatever the unit.
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let spread = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt();
        if spread.is_nan() || spread <= mean.abs() * 1e-12 {
            return None;
        }
        let scaled: Vec<f64> = values.iter().map(|value| (value - mean) / spread).collect();
        let problem = Problem { rows: &rows, values: &scaled, known: &known };
        let (at, top) = problem.top()?;
        let (factors, precision) = at.split_at(parameters - 1);
        let deviation = spread / precision[0];
        let means: Vec<f64> = rows.iter().map(|row| mean + deviation * dot(factors, row)).collect();
        // In the unit of demand: what scaling and logarithms did to the density of known values.
        let jacobian: f64 = values
            .iter()
            .zip(&known)
            .filter(|(_, known)| **known)
            .map(|(v, _)| spread.ln() + if shape == Shape::Lognormal { *v } else { 0.0 })
            .sum();
        let ln_likelihood = top - jacobian - 0.5 * count as f64 * (2.0 * PI).ln();
        let residuals = values.iter().zip(&means).map(|(value, mean)| (value - mean) / deviation);
        let distance = distance(residuals.zip(known.iter().copied()).collect());
        Some(Self { shape, means, deviation, parameters, ln_likelihood, distance })
    }

    /// The likelihood less what a parameter costs each: half the logarithm of the number of demands
    /// to choose a model (Schwarz 1978), 1 to say what the data does not rule out (Akaike 1974).
    pub(super) fn merit(&self, cost: f64) -> f64 {
        self.ln_likelihood - cost * self.parameters as f64
    }

    /// The probability that the demand at a row exceeds `value`, given that it exceeds `bound`.
    pub(super) fn beyond(&self, row: usize, value: f64, bound: f64) -> f64 {
        if value <= bound {
            return 1.0;
        }
        let tail = |value: f64| {
            normal_ln_cdf((self.means[row] - self.shape.scaled(value)) / self.deviation)
        };
        (tail(value) - tail(bound)).exp()
    }
}

impl Shape {
    fn scaled(self, value: f64) -> f64 {
        match self {
            Self::Normal => value,
            Self::Lognormal => value.ln(),
        }
    }
}

/// A row per place: 1, and sines and cosines of the season.
fn design(places: &[usize], season: Option<(usize, usize)>) -> Vec<Vec<f64>> {
    let (period, waves) = season.unwrap_or((1, 0));
    let row = |place: &usize| {
        let turn = TAU * (place % period) as f64 / period as f64;
        let waves = (1..=waves).flat_map(|wave| {
            let angle = turn * wave as f64;
            [angle.sin(), angle.cos()]
        });
        std::iter::once(1.0).chain(waves).collect()
    };
    places.iter().map(row).collect()
}

/// The likelihood in Olsen's parameters: of `g = mean / deviation` by column, and of
/// `h = 1 / deviation`, in which it is concave.
struct Problem<'a> {
    rows: &'a [Vec<f64>],
    values: &'a [f64],
    known: &'a [bool],
}

impl Problem<'_> {
    /// Where it is greatest, and its logarithm there (without constants); `None` where it has no
    /// top.
    fn top(&self) -> Option<(Vec<f64>, f64)> {
        let size = self.rows[0].len() + 1;
        let mut at = vec![0.0; size];
        at[size - 1] = 1.0;
        let mut likelihood = self.ln_likelihood(&at);
        for _ in 0..STEPS_MAX {
            let (slope, bend) = self.derivatives(&at);
            let mut step = slope.clone();
            Cholesky::new(size, bend)?.solve(&mut step);
            let gain = dot(&slope, &step);
            if gain < GAIN_MIN {
                return likelihood.is_finite().then_some((at, likelihood));
            }
            let mut length = 1.0;
            let mut moved = None;
            for _ in 0..HALVINGS_MAX {
                let next: Vec<f64> =
                    at.iter().zip(&step).map(|(from, step)| from + length * step).collect();
                let found = self.ln_likelihood(&next);
                if next[size - 1] > 0.0 && found > likelihood {
                    moved = Some((next, found));
                    break;
                }
                length *= 0.5;
            }
            // No step up that rounding does not hide: this is the top.
            let Some((next, found)) = moved else { return Some((at, likelihood)) };
            (at, likelihood) = (next, found);
        }
        None
    }

    /// The residual of a row in deviations.
    fn residual(&self, at: &[f64], row: usize) -> f64 {
        let (factors, precision) = at.split_at(at.len() - 1);
        precision[0] * self.values[row] - dot(factors, &self.rows[row])
    }

    fn ln_likelihood(&self, at: &[f64]) -> f64 {
        let precision = at[at.len() - 1];
        if precision <= 0.0 {
            return f64::NEG_INFINITY;
        }
        let of_row = |row: usize| {
            let residual = self.residual(at, row);
            if self.known[row] {
                precision.ln() - 0.5 * residual * residual
            } else {
                normal_ln_cdf(-residual)
            }
        };
        (0..self.values.len()).map(of_row).sum()
    }

    /// The gradient, and the negative of the second derivatives, row after row.
    fn derivatives(&self, at: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let size = at.len();
        let (mut slope, mut bend) = (vec![0.0; size], vec![0.0; size * size]);
        let precision = at[size - 1];
        let mut direction = vec![0.0; size];
        for row in 0..self.values.len() {
            let residual = self.residual(at, row);
            let (pull, weight) = if self.known[row] {
                slope[size - 1] += 1.0 / precision;
                bend[size * size - 1] += 1.0 / (precision * precision);
                (residual, 1.0)
            } else {
                let ln_density = -0.5 * residual * residual - 0.5 * TAU.ln();
                let hazard = (ln_density - normal_ln_cdf(-residual)).exp();
                (hazard, (hazard * (hazard - residual)).max(0.0))
            };
            direction[..size - 1].copy_from_slice(&self.rows[row]);
            direction[size - 1] = -self.values[row];
            for (at, along) in direction.iter().enumerate() {
                slope[at] += pull * along;
                for (other, across) in direction.iter().enumerate() {
                    bend[at * size + other] += weight * along * across;
                }
            }
        }
        (slope, bend)
    }
}

/// The greatest difference between the normal law and the residuals' own, by the product-limit
/// estimate (Kaplan and Meier 1958), which knows what is cut off.
fn distance(mut residuals: Vec<(f64, bool)>) -> f64 {
    // Of equal ones the known come first.
    residuals.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
    let (mut above, mut farthest) = (1.0_f64, 0.0_f64);
    for (at, (residual, known)) in residuals.iter().enumerate() {
        if !known {
            continue;
        }
        let law = 1.0 - normal_cdf(*residual);
        farthest = farthest.max((above - law).abs());
        above *= 1.0 - 1.0 / (residuals.len() - at) as f64;
        farthest = farthest.max((above - law).abs());
    }
    farthest
}

fn dot(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Random;

    fn normals(seed: u64, count: usize) -> Vec<f64> {
        let mut random = Random::new(seed);
        (0..count).map(|_| 50.0 + 10.0 * random.normal()).collect()
    }

    fn clipped(values: &[f64], limit: f64) -> Vec<Demand> {
        let clip = |value: &f64| {
            if *value >= limit { Demand::AtLeast(limit) } else { Demand::Known(*value) }
        };
        values.iter().map(clip).collect()
    }

    #[test]
    fn without_censoring_it_is_mean_and_deviation() {
        let values = normals(1, 500);
        let demands = clipped(&values, f64::INFINITY);
        let places: Vec<usize> = (0..500).collect();
        let fit = CensoredFit::fit(Shape::Normal, &places, &demands, None).unwrap();
        let mean = values.iter().sum::<f64>() / 500.0;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / 500.0;
        assert!(
            (fit.means[7] - mean).abs() < 1e-6 && (fit.deviation - variance.sqrt()).abs() < 1e-6
        );
        let closed = -250.0 * ((2.0 * PI * variance).ln() + 1.0);
        assert!((fit.ln_likelihood - closed).abs() < 1e-6, "{} {closed}", fit.ln_likelihood);
        assert!(fit.distance < 0.05, "{}", fit.distance);
        // The logarithms' own likelihood, in the same unit.
        let fit = CensoredFit::fit(Shape::Lognormal, &places, &demands, None).unwrap();
        let logs: Vec<f64> = values.iter().map(|value| value.ln()).collect();
        let mean = logs.iter().sum::<f64>() / 500.0;
        let variance = logs.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / 500.0;
        let closed = -250.0 * ((2.0 * PI * variance).ln() + 1.0) - 500.0 * mean;
        assert!((fit.ln_likelihood - closed).abs() < 1e-6, "{} {closed}", fit.ln_likelihood);
    }

    #[test]
    fn no_neighbour_is_likelier() {
        let demands = clipped(&normals(2, 400), 55.0);
        let places: Vec<usize> = (0..400).collect();
        let fit = CensoredFit::fit(Shape::Normal, &places, &demands, None).unwrap();
        let likelihood = |mean: f64, deviation: f64| -> f64 {
            let of = |demand: &Demand| match demand {
                Demand::Known(value) => {
                    -0.5 * ((value - mean) / deviation).powi(2) - (deviation * TAU.sqrt()).ln()
                }
                Demand::AtLeast(bound) => normal_cdf((mean - bound) / deviation).ln(),
            };
            demands.iter().map(of).sum()
        };
        let (mean, deviation) = (fit.means[0], fit.deviation);
        let top = likelihood(mean, deviation);
        assert!((top - fit.ln_likelihood).abs() < 1e-6);
        for (by_mean, by_deviation) in [(0.01, 0.0), (-0.01, 0.0), (0.0, 0.01), (0.0, -0.01)] {
            assert!(likelihood(mean + by_mean, deviation + by_deviation) < top);
        }
        assert!((mean - 50.0).abs() < 1.5 && (deviation - 10.0).abs() < 1.5, "{mean} {deviation}");
    }

    #[test]
    fn what_cannot_be_fitted_is_not() {
        let places: Vec<usize> = (0..40).collect();
        let constant = vec![Demand::Known(5.0); 40];
        assert!(CensoredFit::fit(Shape::Normal, &places, &constant, None).is_none());
        let full = vec![Demand::AtLeast(5.0); 40];
        assert!(CensoredFit::fit(Shape::Normal, &places, &full, None).is_none());
        let idle: Vec<Demand> = (0..40).map(|at| Demand::Known(f64::from(at))).collect();
        assert!(CensoredFit::fit(Shape::Lognormal, &places, &idle, None).is_none(), "a value of 0");
        assert!(CensoredFit::fit(Shape::Normal, &[], &[], None).is_none());
    }

    #[test]
    fn tails_are_conditional_on_their_bound() {
        let places: Vec<usize> = (0..500).collect();
        let demands = clipped(&normals(3, 500), 60.0);
        let fit = CensoredFit::fit(Shape::Normal, &places, &demands, None).unwrap();
        assert_eq!(fit.beyond(0, 60.0, 60.0), 1.0);
        let tail = |value: f64| 1.0 - normal_cdf((value - fit.means[0]) / fit.deviation);
        assert!((fit.beyond(0, 70.0, 60.0) - tail(70.0) / tail(60.0)).abs() < 1e-9);
        assert!(fit.beyond(0, 1e6, 60.0) < 1e-300);
    }
}
