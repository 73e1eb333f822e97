//! Least squares on many columns, of sixteen series at once.
#![expect(clippy::inline_always, reason = "a loop is vectors only where all of it is in one place")]

use crate::kernel::{LANES, Loop, Wide, widest};

/// A pivot is at least this share of the largest sum of squares: columns that are all alike stay
/// solvable.
const PIVOT_MIN: f64 = 1e-10;

/// Sums of products of columns with each other and with the values that they explain, over the
/// steps learnt so far; the last column is the constant.
#[derive(Debug)]
pub(super) struct Moments {
    columns: usize,
    /// Lower triangle, row by row.
    products: Vec<Wide>,
    targets: Vec<Wide>,
}

/// A part of the columns: as many steps of each.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part<'a> {
    /// The explaining columns, without the constant.
    pub(super) columns: &'a [&'a [Wide]],
    /// Further ones, which are the same in all lanes.
    pub(super) waves: &'a [&'a [f64]],
    /// What they explain.
    pub(super) targets: &'a [Wide],
    /// What each step counts in each lane.
    pub(super) weights: &'a [Wide],
}

fn place(row: usize, column: usize) -> usize {
    row * (row + 1) / 2 + column
}

impl Moments {
    /// No steps yet.
    pub(super) fn new(columns: usize) -> Self {
        let columns = columns + 1;
        let products = vec![Wide::ZERO; place(columns, 0)];
        Self { columns, products, targets: vec![Wide::ZERO; columns] }
    }

    /// Adds steps. `scratch` holds one column with its weights.
    pub(super) fn learn(&mut self, part: Part<'_>, scratch: &mut Vec<Wide>) {
        widest(Learn { moments: self, part, scratch });
    }

    /// The weights of the columns, and the constant, with the least squared errors plus
    /// `penalty * variance(column) * weight^2` of every column but the constant: a Cholesky
    /// decomposition and two substitutions.
    pub(super) fn solve(&self, penalty: f64) -> (Vec<Wide>, Wide) {
        widest(Solve { moments: self, penalty })
    }

    /// The lower triangle, with the inverses of the pivots on the diagonal.
    #[inline(always)]
    fn decomposed(&self, penalty: f64) -> Vec<Wide> {
        let last = self.columns - 1;
        let mut factor = self.products.clone();
        let count = self.products[place(last, last)].max(Wide::splat(f64::MIN_POSITIVE));
        let mut largest = Wide::splat(f64::MIN_POSITIVE);
        for row in 0..last {
            let sum = self.products[place(last, row)];
            let square = self.products[place(row, row)];
            largest = largest.max(square);
            factor[place(row, row)] += (square - sum * sum / count).max(Wide::ZERO) * penalty;
        }
        let least = largest * PIVOT_MIN;
        for row in 0..self.columns {
            for column in 0..=row {
                let mut rest = factor[place(row, column)];
                for k in 0..column {
                    rest -= factor[place(row, k)] * factor[place(column, k)];
                }
                factor[place(row, column)] = if row == column {
                    rest.max(least).map(|pivot| 1.0 / pivot.sqrt())
                } else {
                    rest * factor[place(column, column)]
                };
            }
        }
        factor
    }
}

struct Learn<'a> {
    moments: &'a mut Moments,
    part: Part<'a>,
    scratch: &'a mut Vec<Wide>,
}

impl Loop for Learn<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { moments, part, scratch } = self;
        let (last, lagged) = (moments.columns - 1, part.columns.len());
        for row in 0..last {
            match part.columns.get(row) {
                Some(column) => weigh(column, part.weights, scratch),
                None => weigh_wave(part.waves[row - lagged], part.weights, scratch),
            }
            for (at, other) in part.columns.iter().take(row + 1).enumerate() {
                moments.products[place(row, at)] += product(scratch, other);
            }
            for (at, other) in (lagged..=row).zip(part.waves) {
                moments.products[place(row, at)] += product_wave(scratch, other);
            }
            moments.targets[row] += product(scratch, part.targets);
            moments.products[place(last, row)] += sum(scratch);
        }
        moments.targets[last] += product(part.weights, part.targets);
        moments.products[place(last, last)] += sum(part.weights);
    }
}

struct Solve<'a> {
    moments: &'a Moments,
    penalty: f64,
}

impl Loop for Solve<'_> {
    type Output = (Vec<Wide>, Wide);

    #[inline(always)]
    fn run(self) -> Self::Output {
        let Self { moments, penalty } = self;
        let factor = moments.decomposed(penalty);
        let mut weights = moments.targets.clone();
        for row in 0..moments.columns {
            let mut rest = weights[row];
            for k in 0..row {
                rest -= factor[place(row, k)] * weights[k];
            }
            weights[row] = rest * factor[place(row, row)];
        }
        for row in (0..moments.columns).rev() {
            let mut rest = weights[row];
            for k in row + 1..moments.columns {
                rest -= factor[place(k, row)] * weights[k];
            }
            weights[row] = rest * factor[place(row, row)];
        }
        let constant = weights.pop().unwrap_or(Wide::ZERO);
        (weights, constant)
    }
}

#[inline(always)]
fn weigh(column: &[Wide], weights: &[Wide], out: &mut Vec<Wide>) {
    out.clear();
    out.extend(column.iter().zip(weights).map(|(value, weight)| *value * *weight));
}

#[inline(always)]
fn weigh_wave(wave: &[f64], weights: &[Wide], out: &mut Vec<Wide>) {
    out.clear();
    out.extend(wave.iter().zip(weights).map(|(value, weight)| Wide::splat(*value) * *weight));
}

#[inline(always)]
fn product_wave(first: &[Wide], wave: &[f64]) -> Wide {
    let mut total = Wide::ZERO;
    for (a, b) in first.iter().zip(wave) {
        for lane in 0..LANES {
            total.0[lane] += a.0[lane] * *b;
        }
    }
    total
}

#[inline(always)]
fn product(first: &[Wide], second: &[Wide]) -> Wide {
    let mut total = Wide::ZERO;
    for (a, b) in first.iter().zip(second) {
        for lane in 0..LANES {
            total.0[lane] += a.0[lane] * b.0[lane];
        }
    }
    total
}

#[inline(always)]
fn sum(values: &[Wide]) -> Wide {
    values.iter().fold(Wide::ZERO, |total, value| total + *value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::tests::noise;
    use crate::kernel::Random;

    #[test]
    fn planted_weights_are_found_in_every_lane_and_unknown_steps_are_not_learnt() {
        let mut random = Random::new(1);
        let mut column =
            || -> Vec<Wide> { (0..60).map(|_| Wide::from_fn(|_| random.normal())).collect() };
        let (a, b) = (column(), column());
        let lane_weight = Wide::from_fn(|lane| lane as f64);
        let mut targets: Vec<Wide> =
            a.iter().zip(&b).map(|(a, b)| *a * lane_weight - *b * 0.5 + Wide::splat(3.0)).collect();
        let mut weights = vec![Wide::ONE; 60];
        (targets[7], weights[7]) = (Wide::splat(1e6), Wide::ZERO);
        let mut moments = Moments::new(2);
        let mut scratch = Vec::new();
        for steps in [0..20, 20..60] {
            let columns = [&a[steps.clone()], &b[steps.clone()]];
            let part = Part {
                waves: &[],
                columns: &columns,
                targets: &targets[steps.clone()],
                weights: &weights[steps],
            };
            moments.learn(part, &mut scratch);
        }
        let (found, constant) = moments.solve(0.0);
        for lane in 0..LANES {
            assert!((found[0].0[lane] - lane as f64).abs() < 1e-9);
            assert!((found[1].0[lane] + 0.5).abs() < 1e-9);
            assert!((constant.0[lane] - 3.0).abs() < 1e-9);
        }
        let (shrunk, _) = moments.solve(1.0);
        assert!(shrunk[0].0[9] < 0.7 * 9.0 && shrunk[0].0[9] > 0.3 * 9.0);
    }

    #[test]
    fn a_wave_is_a_column_that_is_the_same_in_all_lanes() {
        let row = |seed: u64| -> Vec<Wide> {
            noise(seed, 40).iter().map(|z| Wide::from_fn(|lane| z * (lane + 1) as f64)).collect()
        };
        let (lagged, targets, weights) = (row(1), row(2), vec![Wide::splat(0.5); 40]);
        let waves = [noise(3, 40), noise(4, 40)];
        let wide = waves.clone().map(|wave| wave.into_iter().map(Wide::splat).collect::<Vec<_>>());
        let solved = |columns: &[&[Wide]], waves: &[&[f64]]| {
            let mut moments = Moments::new(3);
            let part = Part { columns, waves, targets: &targets, weights: &weights };
            moments.learn(part, &mut Vec::new());
            (moments.solve(1e-5), moments.products)
        };
        let as_waves = solved(&[&lagged], &[&waves[0], &waves[1]]);
        assert_eq!(as_waves, solved(&[&lagged, &wide[0], &wide[1]], &[]));
        assert_eq!(solved(&[], &[&waves[1], &waves[0], &waves[0]]).1[0], as_waves.1[5]);
    }

    #[test]
    fn columns_that_are_alike_or_nothing_leave_finite_weights() {
        let ones = vec![Wide::ONE; 30];
        let none = vec![Wide::ZERO; 30];
        let mut moments = Moments::new(3);
        let part =
            Part { columns: &[&ones, &ones, &none], waves: &[], targets: &ones, weights: &ones };
        moments.learn(part, &mut Vec::new());
        let (weights, constant) = moments.solve(1e-5);
        let sum = weights[0] + weights[1] + constant;
        assert!((sum.0[0] - 1.0).abs() < 1e-6 && weights[2].0[3].is_finite(), "{sum:?}");
    }
}
