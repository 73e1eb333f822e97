//! Robust lines through points.

use super::median;

/// Pairs that are looked at, at most: beyond it every n-th partner is taken.
const PAIRS_MAX: usize = 100_000;

/// A straight line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// The value at 0.
    pub intercept: f64,
    /// The change per unit.
    pub slope: f64,
}

impl Line {
    /// The value at `x`.
    pub fn at(&self, x: f64) -> f64 {
        self.intercept + self.slope * x
    }
}

/// The line of Theil (1950) and Sen (1968) through `values` at 0, 1, 2, ...: the median of the
/// slopes of all pairs, and the median of what is left. NaN are skipped; up to 29% of the points
/// may be anything. `None` for fewer than two numbers.
///
/// ```
/// let line = plimsoll::kernel::theil_sen(&[1.0, 3.0, f64::NAN, 7.0, 100.0, 11.0]).unwrap();
/// assert_eq!((line.intercept, line.slope), (1.0, 2.0));
/// ```
pub fn theil_sen(values: &[f64]) -> Option<Line> {
    let points: Vec<(f64, f64)> = values
        .iter()
        .enumerate()
        .filter(|(_, value)| !value.is_nan())
        .map(|(at, value)| (at as f64, *value))
        .collect();
    let stride = (points.len() * points.len() / 2).div_ceil(PAIRS_MAX).max(1);
    let mut slopes = Vec::with_capacity(PAIRS_MAX.min(points.len() * points.len() / 2));
    for (at, first) in points.iter().enumerate() {
        // Partners start at another place for each point, so that all distances are seen.
        let partners = points.iter().skip(at + 1 + at % stride).step_by(stride);
        slopes.extend(partners.map(|second| (second.1 - first.1) / (second.0 - first.0)));
    }
    if slopes.is_empty() {
        return None;
    }
    let slope = median(&mut slopes);
    let mut rest: Vec<f64> = points.iter().map(|(x, y)| y - slope * x).collect();
    Some(Line { intercept: median(&mut rest), slope })
}

/// The median distance from the median, times 1.4826: for normal numbers the standard deviation.
/// Reorders `values`.
pub fn robust_deviation(values: &mut [f64]) -> f64 {
    let middle = median(values);
    for value in values.iter_mut() {
        *value = (*value - middle).abs();
    }
    1.482_602_218_505_602 * median(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_of_nonsense_does_not_move_the_line() {
        let mut values: Vec<f64> = (0..100).map(|day| 5.0 + 0.5 * f64::from(day)).collect();
        for at in (0..100).step_by(4) {
            values[at] = -1e6;
        }
        let line = theil_sen(&values).unwrap();
        assert!((line.slope - 0.5).abs() < 1e-9 && (line.intercept - 5.0).abs() < 1e-6);
        assert_eq!(theil_sen(&[1.0, f64::NAN]), None);
    }

    #[test]
    fn long_series_take_bounded_work_and_find_the_same_line() {
        let values: Vec<f64> = (0..5_000).map(|x| 3.0 - 0.25 * f64::from(x)).collect();
        let line = theil_sen(&values).unwrap();
        assert!((line.slope + 0.25).abs() < 1e-12);
    }
}
