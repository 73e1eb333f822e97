//! Whether a pattern of the day, which demand and use share, passes for a cost.

use super::ROWS_MIN;
use super::model::design;
use super::observations::Observations;
use super::regression::{Bound, Design, Regression};
use crate::model::Span;

/// Costs that differ by less than this share are alike.
const DIFFERENCE_MIN: f64 = 0.1;

/// Costs by the differences between each row and the one of the same time a day before. What comes
/// back every day, as a nightly backup does, is not in them; demand that itself differs from day to
/// day is.
#[derive(Debug, Clone, PartialEq)]
pub struct DayDifferences {
    /// What a unit of each driver costs by these.
    pub costs: Vec<f64>,
    /// The standard error of each.
    pub standard_errors: Vec<f64>,
    /// Whether a cost differs from the plain one by 10% of it, and by more than both their errors
    /// allow.
    pub disagree: bool,
}

/// The costs by differences, where enough rows have one a day before.
pub(super) fn day_differences(
    observations: &Observations<'_>,
    fit: &Regression,
) -> Option<DayDifferences> {
    let (times, known) = (observations.times(), observations.known());
    let before = |row: &usize| {
        let time = times[*row].minus(Span::DAY);
        let at = known.binary_search_by(|other| times[*other].cmp(&time)).ok()?;
        Some((*row, known[at]))
    };
    let pairs: Vec<(usize, usize)> = known.iter().filter_map(before).collect();
    let drivers = observations.drivers().len();
    if pairs.len() < ROWS_MIN + 2 * drivers {
        return None;
    }
    let rows = |of: fn(&(usize, usize)) -> usize| pairs.iter().map(of).collect::<Vec<_>>();
    let (now, then) =
        (design(observations, &rows(|pair| pair.0)), design(observations, &rows(|pair| pair.1)));
    let less = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<f64>>();
    let columns = now.columns.iter().zip(&then.columns).skip(1).map(|(a, b)| less(a, b));
    let differences = Design::with_constant(columns.collect(), less(&now.target, &then.target));
    // Demand that is the same every day says nothing here.
    let found = Regression::fit(&differences, Bound::Free).ok()?;
    let standard_errors: Vec<f64> = (1..=drivers).map(|at| found.error(at)).collect();
    let differs = |at: usize| {
        let (plain, other) = (fit.coefficients[at], found.coefficients[at]);
        let error = fit.error(at).hypot(found.error(at));
        let allowed = fit.factor().max(found.factor()) * error;
        (plain - other).abs() > allowed.max(DIFFERENCE_MIN * plain)
    };
    Some(DayDifferences {
        disagree: (1..=drivers).any(differs),
        costs: found.coefficients[1..].to_vec(),
        standard_errors,
    })
}
