//! Small systems of linear equations whose matrix is symmetric and positive definite: those of
//! least squares and of Newton's method.

/// What a pivot may shrink to, of its own diagonal, before the matrix counts as singular.
const PIVOT_MIN: f64 = 1e-14;

/// The factor `L` of a matrix `L L'` (Cholesky), row after row.
///
/// ```
/// use plimsoll::kernel::Cholesky;
/// let factor = Cholesky::new(2, vec![4.0, 2.0, 2.0, 5.0]).unwrap();
/// let mut right = [8.0, 12.0];
/// factor.solve(&mut right);
/// assert_eq!(right, [1.0, 2.0]);
/// ```
#[derive(Debug, Clone)]
pub struct Cholesky {
    size: usize,
    factor: Vec<f64>,
}

impl Cholesky {
    /// Factors a matrix of `size` rows, given row after row; of those above the diagonal nothing is
    /// read. `None` where it is not positive definite, to 14 digits.
    ///
    /// # Panics
    ///
    /// Unless there are `size * size` entries.
    pub fn new(size: usize, mut matrix: Vec<f64>) -> Option<Self> {
        assert_eq!(matrix.len(), size * size, "a square matrix of {size} rows");
        for row in 0..size {
            for column in 0..=row {
                let above: f64 = (0..column)
                    .map(|at| matrix[row * size + at] * matrix[column * size + at])
                    .sum();
                let whole = matrix[row * size + column];
                let rest = whole - above;
                matrix[row * size + column] = if column < row {
                    rest / matrix[column * size + column]
                } else if rest > whole * PIVOT_MIN && rest.is_finite() {
                    rest.sqrt()
                } else {
                    return None;
                };
            }
        }
        Some(Self { size, factor: matrix })
    }

    /// Turns the right side of the equations into their solution.
    ///
    /// # Panics
    ///
    /// Unless there are as many numbers as the matrix has rows.
    pub fn solve(&self, right: &mut [f64]) {
        assert_eq!(right.len(), self.size, "a right side for {} equations", self.size);
        let (size, factor) = (self.size, &self.factor);
        for row in 0..size {
            let known: f64 = (0..row).map(|at| factor[row * size + at] * right[at]).sum();
            right[row] = (right[row] - known) / factor[row * size + row];
        }
        for row in (0..size).rev() {
            let known: f64 = (row + 1..size).map(|at| factor[at * size + row] * right[at]).sum();
            right[row] = (right[row] - known) / factor[row * size + row];
        }
    }

    /// The inverse of the matrix, row after row.
    pub fn inverse(&self) -> Vec<f64> {
        let mut inverse = vec![0.0; self.size * self.size];
        for (row, values) in inverse.chunks_exact_mut(self.size.max(1)).enumerate() {
            values[row] = 1.0;
            self.solve(values);
        }
        inverse
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Random;

    #[test]
    fn solutions_solve_and_inverses_invert() {
        let mut random = Random::new(3);
        for size in 1..9 {
            let root: Vec<f64> = (0..size * size).map(|_| random.normal()).collect();
            let entry = |row: usize, column: usize| -> f64 {
                let dot: f64 =
                    (0..size).map(|at| root[row * size + at] * root[column * size + at]).sum();
                dot + f64::from(u8::from(row == column))
            };
            let matrix: Vec<f64> = (0..size * size).map(|at| entry(at / size, at % size)).collect();
            let factor = Cholesky::new(size, matrix.clone()).unwrap();
            let wanted: Vec<f64> = (0..size).map(|_| random.normal()).collect();
            let times = |row: usize, values: &[f64]| -> f64 {
                (0..size).map(|at| matrix[row * size + at] * values[at]).sum()
            };
            let mut found: Vec<f64> = (0..size).map(|row| times(row, &wanted)).collect();
            factor.solve(&mut found);
            let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
            assert!(found.iter().zip(&wanted).all(|(a, b)| near(*a, *b)), "{size}");
            let inverse = factor.inverse();
            for (row, column) in (0..size * size).map(|at| (at / size, at % size)) {
                let unit = times(row, &inverse[column * size..(column + 1) * size]);
                assert!(near(unit, f64::from(u8::from(row == column))), "{size} {row} {column}");
            }
        }
    }

    #[test]
    fn singular_and_indefinite_matrices_are_refused() {
        for matrix in [[1.0, 1.0, 1.0, 1.0], [1.0, 2.0, 2.0, 1.0], [f64::NAN, 0.0, 0.0, 1.0]] {
            assert!(Cholesky::new(2, matrix.to_vec()).is_none(), "{matrix:?}");
        }
        assert!(Cholesky::new(0, Vec::new()).unwrap().inverse().is_empty());
    }
}
