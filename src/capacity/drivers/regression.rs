//! Robust linear regression, whose intervals know that noise has a memory.

use super::matrix::Symmetric;
use super::memory::covariance_of_sum;
use crate::error::{Error, Result};
use crate::kernel::{median, student_factor, student_p};

/// Residuals beyond so many deviations count as if they were there (Huber 1964: 95% efficient where
/// noise is normal).
const HUBER: f64 = 1.345;
/// The median size of a normal number is 1 over this.
const NORMAL_BY_MEDIAN: f64 = 1.482_602_218_505_602;
/// Rounds of reweighting at most, and the change, in deviations, at which they end.
const ROUNDS_MAX: usize = 100;
const CHANGE_MIN: f64 = 1e-9;
/// Deviations are not taken for smaller than this share of what is explained: a fit may be exact.
pub(super) const DEVIATION_MIN: f64 = 1e-9;

/// Which coefficients are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::capacity) enum Bound {
    /// Any.
    Free,
    /// Those of 0 or more.
    Nonnegative,
}

/// What is explained, by which columns. All are of one length, and finite.
#[derive(Debug, Clone)]
pub(in crate::capacity) struct Design {
    pub(in crate::capacity) columns: Vec<Vec<f64>>,
    pub(in crate::capacity) target: Vec<f64>,
}

/// A fitted regression.
#[derive(Debug, Clone)]
pub(in crate::capacity) struct Regression {
    pub(in crate::capacity) coefficients: Vec<f64>,
    pub(in crate::capacity) residuals: Vec<f64>,
    /// Of the coefficients; 0 for those that are held at 0.
    pub(in crate::capacity) covariance: Symmetric,
    /// Degrees of freedom of t that go with the covariance.
    pub(in crate::capacity) freedom: f64,
}

impl Design {
    /// A constant, then the columns.
    pub(in crate::capacity) fn with_constant(columns: Vec<Vec<f64>>, target: Vec<f64>) -> Self {
        let mut all = vec![vec![1.0; target.len()]];
        all.extend(columns);
        Self { columns: all, target }
    }

    /// The rows for which `keep` holds.
    pub(super) fn rows(&self, keep: impl Fn(usize) -> bool) -> Self {
        let part = |column: &Vec<f64>| {
            let kept = column.iter().enumerate().filter(|(row, _)| keep(*row));
            kept.map(|(_, value)| *value).collect::<Vec<f64>>()
        };
        Self { columns: self.columns.iter().map(part).collect(), target: part(&self.target) }
    }

    /// What coefficients come to in a row.
    pub(super) fn fitted(&self, coefficients: &[f64], row: usize) -> f64 {
        self.columns.iter().zip(coefficients).map(|(column, b)| column[row] * b).sum()
    }

    fn row_into(&self, row: usize, out: &mut [f64]) {
        for (out, column) in out.iter_mut().zip(&self.columns) {
            *out = column[row];
        }
    }

    fn residuals(&self, coefficients: &[f64]) -> Vec<f64> {
        let rows = self.target.iter().enumerate();
        rows.map(|(row, target)| target - self.fitted(coefficients, row)).collect()
    }

    fn weighted(&self, weights: &[f64], bound: Bound) -> Option<Vec<f64>> {
        let size = self.columns.len();
        let mut gram = Symmetric::zero(size);
        let (mut products, mut squares) = (vec![0.0; size], 0.0);
        let mut cells = vec![0.0; size];
        for (row, (target, weight)) in self.target.iter().zip(weights).enumerate() {
            self.row_into(row, &mut cells);
            gram.add_square(&cells, *weight);
            products.iter_mut().zip(&cells).for_each(|(sum, cell)| *sum += weight * cell * target);
            squares += weight * target * target;
        }
        match bound {
            _ if squares == 0.0 => Some(vec![0.0; size]),
            Bound::Free => gram.least(&products),
            Bound::Nonnegative => gram.least_nonnegative(&products, squares),
        }
    }
}

impl Regression {
    /// Huber's estimate with the deviation of Hampel's (1974) median of residuals, reweighted until
    /// it stays; its covariance by White's (1980) sandwich, with noise that has a memory inside.
    pub(in crate::capacity) fn fit(design: &Design, bound: Bound) -> Result<Self> {
        let (rows, size) = (design.target.len(), design.columns.len());
        let follows =
            || Error::invalid("a driver does not vary, or follows from the others: leave it out");
        let squares: f64 = design.target.iter().map(|target| target * target).sum();
        let least = DEVIATION_MIN * (squares / rows.max(1) as f64).sqrt();
        let mut weights = vec![1.0; rows];
        let mut coefficients = design.weighted(&weights, bound).ok_or_else(follows)?;
        let mut residuals = design.residuals(&coefficients);
        let mut deviation = f64::NAN;
        for _ in 0..ROUNDS_MAX {
            deviation = spread(&residuals, size).max(least);
            let weight = |residual: &f64| (HUBER * deviation / residual.abs()).min(1.0);
            weights = residuals.iter().map(weight).collect();
            coefficients = design.weighted(&weights, bound).ok_or_else(follows)?;
            let next = design.residuals(&coefficients);
            let changes = residuals.iter().zip(&next).map(|(a, b)| (a - b).abs());
            let change = changes.fold(0.0, f64::max);
            residuals = next;
            if change <= CHANGE_MIN * deviation {
                break;
            }
        }
        let fit = Self { covariance: Symmetric::zero(size), freedom: 1.0, coefficients, residuals };
        fit.with_covariance(design, deviation, bound).ok_or_else(follows)
    }

    /// The sandwich over the coefficients that are not held at 0.
    fn with_covariance(mut self, design: &Design, deviation: f64, bound: Bound) -> Option<Self> {
        let size = self.coefficients.len();
        let is_free = |at: &usize| bound == Bound::Free || self.coefficients[*at] > 0.0;
        let free: Vec<usize> = (0..size).filter(is_free).collect();
        if free.is_empty() {
            return Some(self);
        }
        let limit = HUBER * deviation;
        let mut inside = Symmetric::zero(size);
        let mut cells = vec![0.0; size];
        for (row, residual) in self.residuals.iter().enumerate() {
            if residual.abs() <= limit {
                design.row_into(row, &mut cells);
                inside.add_square(&cells, 1.0);
            }
        }
        let score = |at: &usize| {
            let pairs = design.columns[*at].iter().zip(&self.residuals);
            pairs.map(|(cell, residual)| cell * residual.clamp(-limit, limit)).collect()
        };
        let scores: Vec<Vec<f64>> = free.iter().map(score).collect();
        let (middle, freedom) = covariance_of_sum(&scores);
        self.freedom = freedom;
        let around = inside.part(&free).inverse()?.around(&middle);
        for (row, at) in free.iter().enumerate() {
            for (column, beside) in free.iter().enumerate() {
                self.covariance.set(*at, *beside, around.at(row, column));
            }
        }
        Some(self)
    }

    /// A weighted sum of the coefficients, and its standard error.
    pub(in crate::capacity) fn sum(&self, weights: &[f64]) -> (f64, f64) {
        let sum = self.coefficients.iter().zip(weights).map(|(b, weight)| b * weight).sum();
        (sum, self.covariance.square_form(weights).max(0.0).sqrt())
    }

    /// The standard error of a coefficient.
    pub(super) fn error(&self, at: usize) -> f64 {
        self.covariance.at(at, at).max(0.0).sqrt()
    }

    /// How likely so large a coefficient is by chance, where there is none.
    pub(super) fn p_value(&self, at: usize) -> f64 {
        let (coefficient, error) = (self.coefficients[at], self.error(at));
        if coefficient == 0.0 { 1.0 } else { student_p(coefficient / error, self.freedom) }
    }

    /// Half the width of an interval, in standard errors.
    pub(in crate::capacity) fn factor(&self) -> f64 {
        student_factor(1.0 - super::COVERAGE, self.freedom)
    }
}

/// The deviation of residuals around 0, from their median size.
fn spread(residuals: &[f64], coefficients: usize) -> f64 {
    let mut sizes: Vec<f64> = residuals.iter().map(|residual| residual.abs()).collect();
    let rows = residuals.len() as f64;
    let more = (rows / (rows - coefficients as f64).max(1.0)).sqrt();
    NORMAL_BY_MEDIAN * more * median(&mut sizes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_by_hand() {
        // x = 0, 1, 2, 3 and y = 1, 3, 4, 6, four times over: slope 8/5, intercept 11/10, and no
        // residual is beyond Huber's limit.
        let rows = |of: [f64; 4]| -> Vec<f64> { (0..16).map(|row| of[row % 4]).collect() };
        let x = rows([0.0, 1.0, 2.0, 3.0]);
        let design = Design::with_constant(vec![x], rows([1.0, 3.0, 4.0, 6.0]));
        for bound in [Bound::Free, Bound::Nonnegative] {
            let fit = Regression::fit(&design, bound).unwrap();
            assert!((fit.coefficients[0] - 1.1).abs() < 1e-9, "{fit:?}");
            assert!((fit.coefficients[1] - 1.6).abs() < 1e-9, "{fit:?}");
            for (residual, expected) in fit.residuals.iter().zip([-0.1, 0.3, -0.3, 0.1]) {
                assert!((residual - expected).abs() < 1e-9);
            }
        }
        // Below 0 at 0: the line then goes through the origin, sum xy / sum xx = (3 + 16) / 14.
        let target = rows([-1.0, 0.0, 2.0, 5.0]);
        let design = Design { target, ..design };
        let fit = Regression { ..Regression::fit(&design, Bound::Nonnegative).unwrap() };
        assert_eq!(fit.coefficients[0], 0.0);
        assert_eq!(fit.p_value(0), 1.0);
        assert!(fit.coefficients[1] > 1.0 && fit.coefficients[1] <= 19.0 / 14.0 + 1e-9, "{fit:?}");
    }

    #[test]
    fn bursts_pull_least_squares_and_not_this() {
        let x: Vec<f64> = (0..400).map(|row| f64::from(row % 40)).collect();
        let wave = |row: usize| ((row * 7919) % 101) as f64 / 50.0 - 1.0;
        let burst = |row: usize| if row % 40 == 39 { 200.0 } else { 0.0 };
        let target = x.iter().enumerate().map(|(row, x)| 10.0 + 2.0 * x + wave(row) + burst(row));
        let design = Design::with_constant(vec![x.clone()], target.collect());
        let squares = design.weighted(&[1.0; 400], Bound::Free).unwrap();
        let fit = Regression::fit(&design, Bound::Free).unwrap();
        assert!((squares[1] - 2.0).abs() > 0.5, "{squares:?}");
        assert!((fit.coefficients[1] - 2.0).abs() < 0.02, "{:?}", fit.coefficients);
        let same = vec![vec![1.0; 400], x.clone(), x];
        let design = Design { columns: same, target: design.target };
        assert!(Regression::fit(&design, Bound::Free).is_err());
    }
}
