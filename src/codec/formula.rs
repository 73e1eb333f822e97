//! Finds how a column follows from others, from a sample of their rows.
//!
//! In: rows of columns that were read at the same instants. Out: the formula that gives the most
//! rows bit for bit, nearly all of them. Never: a formula of a column that hardly moves; it
//! costs nothing as it is.

#![warn(clippy::indexing_slicing)]

use super::Formula;

/// Rows looked at, spread over the sample.
const ROWS: usize = 32;
/// Rows that a formula may miss.
const MISSED_MAX: usize = 3;
/// Distinct values that a column has at least to be worth a formula.
const DISTINCT_MIN: usize = 6;
/// How far a constant may be from a whole number to be taken for it, relative.
const ROUNDING: f64 = 1e-9;

/// How `target` follows from one or two of `columns`, and from which; all have the same rows.
/// The columns that it may follow from are those that are `Some`.
///
/// ```
/// use plimsoll::codec::{Formula, find_formula};
/// let percent: Vec<f64> = (0..64).map(|i| f64::from(i * i % 97) / 1.5).collect();
/// let capacity = [vec![10_399.997_184; 40], vec![5_200.0; 24]].concat();
/// let used: Vec<f64> = capacity.iter().zip(&percent).map(|(c, p)| c * p / 100.0).collect();
/// let found = find_formula(&used, &[Some(&percent), Some(&capacity)]);
/// assert_eq!(found, Some((Formula::Product(100.0), vec![0, 1])));
/// ```
pub fn find_formula(target: &[f64], columns: &[Option<&[f64]>]) -> Option<(Formula, Vec<usize>)> {
    let rows = Rows::of(target)?;
    let columns: Vec<(usize, Vec<f64>)> = columns
        .iter()
        .enumerate()
        .filter_map(|(at, column)| Some((at, rows.pick((*column)?))))
        .collect();
    let mut best = Best { missed: MISSED_MAX + 1, found: None };
    for (at, a) in &columns {
        for formula in rows.of_one(a) {
            best.offer(rows.missed(formula, a, a), formula, &[*at]);
        }
    }
    for (a_at, a) in &columns {
        for (b_at, b) in columns.iter().filter(|(b_at, _)| a_at != b_at) {
            if best.missed == 0 {
                return best.found;
            }
            for formula in rows.of_two(a, b) {
                best.offer(rows.missed(formula, a, b), formula, &[*a_at, *b_at]);
            }
        }
    }
    best.found
}

/// The formula that misses the fewest rows so far; the first of equals.
struct Best {
    missed: usize,
    found: Option<(Formula, Vec<usize>)>,
}

impl Best {
    fn offer(&mut self, missed: usize, formula: Formula, sources: &[usize]) {
        if missed < self.missed {
            (self.missed, self.found) = (missed, Some((formula, sources.to_vec())));
        }
    }
}

/// The target's sampled rows.
struct Rows {
    places: Vec<usize>,
    values: Vec<f64>,
}

impl Rows {
    /// Rows of a target that moves. Zeros follow from too much to tell anything.
    fn of(target: &[f64]) -> Option<Self> {
        let telling = |(_, value): &(usize, &f64)| value.is_finite() && **value != 0.0;
        let mut places: Vec<usize> =
            target.iter().enumerate().filter(telling).map(|(place, _)| place).collect();
        let stride = (places.len() / ROWS).max(1);
        places = places.into_iter().step_by(stride).take(ROWS).collect();
        let values: Vec<f64> = places.iter().filter_map(|at| target.get(*at).copied()).collect();
        let mut bits: Vec<u64> = values.iter().map(|value| value.to_bits()).collect();
        bits.sort_unstable();
        bits.dedup();
        (bits.len() >= DISTINCT_MIN && values.len() > 4 * MISSED_MAX)
            .then_some(Self { places, values })
    }

    fn pick(&self, column: &[f64]) -> Vec<f64> {
        self.places.iter().map(|at| column.get(*at).copied().unwrap_or(f64::NAN)).collect()
    }

    /// Rows that a formula misses, up to one more than may be.
    fn missed(&self, formula: Formula, a: &[f64], b: &[f64]) -> usize {
        let rows = self.values.iter().zip(a.iter().zip(b));
        let misses = |(value, (a, b)): &(&f64, (&f64, &f64))| {
            formula.apply(**a, **b).to_bits() != value.to_bits()
        };
        rows.filter(misses).take(MISSED_MAX + 1).count()
    }

    /// Formulas of one column whose constant fits the first rows.
    fn of_one(&self, a: &[f64]) -> Vec<Formula> {
        let mut found = Vec::new();
        if let Some(ratio) = self.constant(a, |value, a| value / a) {
            found.push(Formula::Scaled(ratio));
        }
        if let Some(ratio) = self.constant(a, |value, a| a / value) {
            found.push(Formula::Divided(ratio));
        }
        found
    }

    fn of_two(&self, a: &[f64], b: &[f64]) -> Vec<Formula> {
        let mut found = vec![Formula::Sum, Formula::Difference];
        let pairs: Vec<(f64, f64)> = a.iter().copied().zip(b.iter().copied()).collect();
        if let Some(constant) = self.constant(&pairs, |value, (a, b)| a * b / value) {
            found.push(Formula::Product(constant));
        }
        if let Some(constant) = self.constant(&pairs, |value, (a, b)| value / (a / b)) {
            found.extend([Formula::Ratio(constant), Formula::Share(constant)]);
        }
        found
    }

    /// What is the same in two of three rows, within rounding; whole where it is nearly whole.
    fn constant<T: Copy>(&self, sources: &[T], of: impl Fn(f64, T) -> f64) -> Option<f64> {
        let row = |at: usize| Some(of(*self.values.get(at)?, *sources.get(at)?));
        let last = self.values.len() - 1;
        let (first, middle, last) = (row(0)?, row(last / 2)?, row(last)?);
        let close = |a: f64, b: f64| (a - b).abs() <= ROUNDING * a.abs();
        let constant = if close(first, middle) || close(first, last) {
            first
        } else if close(middle, last) {
            middle
        } else {
            return None;
        };
        let whole = constant.round();
        let constant = if close(constant, whole) { whole } else { constant };
        (constant.is_finite() && constant != 0.0).then_some(constant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Random;

    fn columns() -> [Vec<f64>; 4] {
        let mut random = Random::new(1);
        let mut draw = |scale: f64| -> Vec<f64> {
            (0..1_024).map(|_| (random.uniform() * scale).round() / 15.0).collect()
        };
        let (a, b, other) = (draw(9e6), draw(3e3), draw(1e4));
        [a, b, other, vec![8.0; 1_024]]
    }

    #[test]
    fn each_formula_is_found_and_noise_has_none() {
        let columns = columns();
        let given: Vec<Option<&[f64]>> = columns.iter().map(|c| Some(c.as_slice())).collect();
        for formula in Formula::EACH {
            let rows = columns[0].iter().zip(&columns[1]);
            let mut target: Vec<f64> = rows.map(|(a, b)| formula.apply(*a, *b)).collect();
            let (found, sources) = find_formula(&target, &given).unwrap();
            let exact = target.iter().enumerate().all(|(row, value)| {
                let of = |source: usize| columns[sources[source]][row];
                let b = if sources.len() > 1 { of(1) } else { 0.0 };
                found.apply(of(0), b).to_bits() == value.to_bits()
            });
            assert!(exact, "{formula:?} {found:?} {sources:?}");
            // A stranger in the sample does no harm, and without its columns there is none.
            target[0] = 7.5;
            assert!(find_formula(&target, &given).is_some(), "{formula:?}");
            assert_eq!(find_formula(&target, &given[2..]), None, "{formula:?}");
        }
        let noise: Vec<f64> = columns[2].iter().rev().copied().collect();
        assert_eq!(find_formula(&noise, &given[..2]), None);
        assert_eq!(find_formula(&[5.0; 1_024], &given), None);
        assert_eq!(find_formula(&[], &[]), None);
    }
}
