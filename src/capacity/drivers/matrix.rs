//! Small symmetric matrices, as wide as a regression has coefficients.

/// Columns of which less than this share is left, once the others are taken out, are no columns of
/// their own.
const LEFT_MIN: f64 = 1e-10;
/// What pulls a coefficient up from 0 by less than this share of it all is rounding.
const PULL_MIN: f64 = 1e-12;

/// A symmetric matrix, row after row.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::capacity) struct Symmetric {
    size: usize,
    cells: Vec<f64>,
}

impl Symmetric {
    /// A matrix of zeros.
    pub(super) fn zero(size: usize) -> Self {
        Self { size, cells: vec![0.0; size * size] }
    }

    pub(super) fn at(&self, row: usize, column: usize) -> f64 {
        self.cells[row * self.size + column]
    }

    pub(super) fn set(&mut self, row: usize, column: usize, value: f64) {
        self.cells[row * self.size + column] = value;
    }

    /// Adds `weight` times the product of a vector with itself.
    pub(super) fn add_square(&mut self, vector: &[f64], weight: f64) {
        for (row, cells) in vector.iter().zip(self.cells.chunks_exact_mut(self.size)) {
            for (column, cell) in vector.iter().zip(cells) {
                *cell += weight * row * column;
            }
        }
    }

    /// `v' M v`.
    pub(in crate::capacity) fn square_form(&self, vector: &[f64]) -> f64 {
        self.product(vector, vector)
    }

    /// `u' M v`.
    pub(in crate::capacity) fn product(&self, left: &[f64], right: &[f64]) -> f64 {
        let times = |row: &[f64]| row.iter().zip(right).map(|(a, b)| a * b).sum::<f64>();
        left.iter().zip(self.cells.chunks_exact(self.size)).map(|(a, row)| a * times(row)).sum()
    }

    /// The rows and columns of `places`.
    pub(super) fn part(&self, places: &[usize]) -> Self {
        let cells =
            places.iter().flat_map(|row| places.iter().map(|column| self.at(*row, *column)));
        Self { size: places.len(), cells: cells.collect() }
    }

    /// `M N M`, for matrices of one size.
    pub(super) fn around(&self, inner: &Self) -> Self {
        let mut product = Self::zero(self.size);
        for row in 0..self.size {
            for column in row..self.size {
                let (left, right) = (self.row(row), self.row(column));
                let value = inner.product(left, right);
                product.set(row, column, value);
                product.set(column, row, value);
            }
        }
        product
    }

    fn row(&self, row: usize) -> &[f64] {
        &self.cells[row * self.size..(row + 1) * self.size]
    }

    /// The inverse of a positive definite matrix; `None` where a column follows from the others.
    /// Scaled to a diagonal of ones, then by Cholesky factors.
    pub(super) fn inverse(&self) -> Option<Self> {
        let size = self.size;
        let scale: Vec<f64> = (0..size).map(|at| self.at(at, at).sqrt()).collect();
        if scale.iter().any(|scale| scale.is_nan() || *scale <= 0.0) {
            return None;
        }
        let mut lower = Self::zero(size);
        for row in 0..size {
            for column in 0..=row {
                let done: f64 =
                    (0..column).map(|at| lower.at(row, at) * lower.at(column, at)).sum();
                let left = self.at(row, column) / (scale[row] * scale[column]) - done;
                if row != column {
                    lower.set(row, column, left / lower.at(column, column));
                } else if left > LEFT_MIN {
                    lower.set(row, row, left.sqrt());
                } else {
                    return None;
                }
            }
        }
        let mut inverse = Self::zero(size);
        for unit in 0..size {
            let mut solution = vec![0.0; size];
            for row in 0..size {
                let done: f64 = (0..row).map(|at| lower.at(row, at) * solution[at]).sum();
                let one = if row == unit { 1.0 } else { 0.0 };
                solution[row] = (one - done) / lower.at(row, row);
            }
            for row in (0..size).rev() {
                let done: f64 = (row + 1..size).map(|at| lower.at(at, row) * solution[at]).sum();
                solution[row] = (solution[row] - done) / lower.at(row, row);
            }
            for row in 0..size {
                inverse.set(row, unit, solution[row] / (scale[row] * scale[unit]));
            }
        }
        Some(inverse)
    }

    /// `M^-1 v` over some places, zero elsewhere.
    fn solve(&self, places: &[usize], target: &[f64]) -> Option<Vec<f64>> {
        let inverse = self.part(places).inverse()?;
        let wanted: Vec<f64> = places.iter().map(|place| target[*place]).collect();
        let mut solution = vec![0.0; self.size];
        for (row, place) in places.iter().enumerate() {
            solution[*place] = inverse.row(row).iter().zip(&wanted).map(|(a, b)| a * b).sum();
        }
        Some(solution)
    }

    /// The `b` with the least `b' M b - 2 b' v`.
    pub(super) fn least(&self, target: &[f64]) -> Option<Vec<f64>> {
        self.solve(&(0..self.size).collect::<Vec<_>>(), target)
    }

    /// The same among those of 0 or more: by the active set of Lawson and Hanson (1974), on the
    /// normal equations. `squares` is the sum of squares of what is explained.
    pub(super) fn least_nonnegative(&self, target: &[f64], squares: f64) -> Option<Vec<f64>> {
        let mut free: Vec<usize> = Vec::new();
        let mut solution = vec![0.0; self.size];
        // Each set of free coefficients is met once at most; rounding is what the bound is for.
        for _ in 0..8 * self.size {
            let now = solution.clone();
            let pull = |place: &usize| {
                let row = self.row(*place);
                let reached: f64 = row.iter().zip(&now).map(|(a, b)| a * b).sum();
                (target[*place] - reached) / (self.at(*place, *place) * squares).sqrt()
            };
            let bound = (0..self.size).filter(|place| !free.contains(place));
            let best =
                bound.map(|place| (place, pull(&place))).filter(|(_, pull)| *pull > PULL_MIN);
            let Some((place, _)) = best.max_by(|a, b| a.1.total_cmp(&b.1)) else { break };
            free.push(place);
            solution = self.step_back(&mut free, solution, target)?;
        }
        Some(solution)
    }

    /// Goes from a solution of 0 or more towards the one over `free`, and binds what meets 0.
    fn step_back(
        &self,
        free: &mut Vec<usize>,
        mut from: Vec<f64>,
        target: &[f64],
    ) -> Option<Vec<f64>> {
        loop {
            let wanted = self.solve(free, target)?;
            let falling = free.iter().filter(|place| wanted[**place] <= 0.0);
            let steps =
                falling.map(|place| (*place, from[*place] / (from[*place] - wanted[*place])));
            let first = steps.filter(|(_, step)| !step.is_nan());
            let Some((bound, step)) = first.min_by(|a, b| a.1.total_cmp(&b.1)) else {
                return Some(wanted);
            };
            for place in free.iter() {
                from[*place] += step * (wanted[*place] - from[*place]);
            }
            free.retain(|place| *place != bound && (wanted[*place] > 0.0 || from[*place] > 0.0));
            (0..self.size).filter(|place| !free.contains(place)).for_each(|at| from[at] = 0.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_inverse_by_hand() {
        // [[2, 1], [1, 3]]: determinant 5.
        let mut matrix = Symmetric::zero(2);
        for (row, column, value) in [(0, 0, 2.0), (0, 1, 1.0), (1, 0, 1.0), (1, 1, 3.0)] {
            matrix.set(row, column, value);
        }
        let inverse = matrix.inverse().unwrap();
        for (row, column, value) in [(0, 0, 0.6), (0, 1, -0.2), (1, 1, 0.4)] {
            assert!((inverse.at(row, column) - value).abs() < 1e-12);
        }
        matrix.set(1, 1, 0.5);
        assert_eq!(matrix.inverse(), None);
    }

    proptest! {
        #[test]
        fn the_least_of_zero_or_more_is_that_of_every_set(
            rows in prop::collection::vec(prop::collection::vec(-3.0..3.0_f64, 4), 8..20),
        ) {
            // The last number of each row is what is explained.
            let mut gram = Symmetric::zero(3);
            let mut target = vec![0.0; 3];
            let mut squares = 0.0;
            for row in &rows {
                gram.add_square(&row[..3], 1.0);
                (0..3).for_each(|at| target[at] += row[at] * row[3]);
                squares += row[3] * row[3];
            }
            let loss = |b: &[f64]| {
                let gain: f64 = b.iter().zip(&target).map(|(b, v)| b * v).sum();
                gram.square_form(b) - 2.0 * gain
            };
            // Naively: of all sets of free ones, the best solution without a number below 0.
            let sets = (0..8_usize).filter_map(|set| {
                let places: Vec<usize> = (0..3).filter(|at| set >> at & 1 == 1).collect();
                gram.solve(&places, &target)
            });
            let allowed = sets.filter(|b| b.iter().all(|b| *b >= 0.0));
            let naive = allowed.map(|b| loss(&b)).fold(f64::INFINITY, f64::min);
            let found = gram.least_nonnegative(&target, squares).unwrap();
            prop_assert!(found.iter().all(|b| *b >= 0.0), "{found:?}");
            prop_assert!((loss(&found) - naive).abs() <= 1e-9 * squares, "{found:?} {naive}");
        }
    }
}
