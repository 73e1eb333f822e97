//! How a fit does on days that it did not see.

use super::ROWS_MIN;
use super::regression::{Bound, Design, Regression};
use crate::model::{Span, Timestamp};

/// Parts at most: a fit for each.
const PARTS_MAX: usize = 20;

/// Errors on days that were left out of the fit, each in turn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UnseenDays {
    /// Parts that were left out: days, or runs of days where there are more than 20.
    pub parts: usize,
    /// The root of the mean square of the errors. Well above
    /// [`error_rms`](super::DemandModel::error_rms), a cost changes from day to day.
    pub error_rms: f64,
}

/// Leaves out each day of UTC in turn; `None` of fewer than three days.
pub(super) fn unseen_days(design: &Design, times: &[Timestamp]) -> Option<UnseenDays> {
    let mut days: Vec<Timestamp> = times.iter().map(|time| time.floor(Span::DAY)).collect();
    let day_of_row = days.clone();
    days.dedup();
    if days.len() < 3 {
        return None;
    }
    let parts = days.len().min(PARTS_MAX);
    let part_of_row: Vec<usize> = day_of_row
        .iter()
        .map(|day| days.binary_search(day).unwrap_or(0) * parts / days.len())
        .collect();
    let mut squares = 0.0;
    for part in 0..parts {
        let seen = design.rows(|row| part_of_row[row] != part);
        if seen.target.len() < ROWS_MIN {
            return None;
        }
        let fit = Regression::fit(&seen, Bound::Nonnegative).ok()?;
        let unseen = (0..times.len()).filter(|row| part_of_row[*row] == part);
        let error = |row| design.target[row] - design.fitted(&fit.coefficients, row);
        squares += unseen.map(|row| error(row).powi(2)).sum::<f64>();
    }
    Some(UnseenDays { parts, error_rms: (squares / times.len() as f64).sqrt() })
}
