//! Which seasons a series' models are given.

use super::period::{calendar_steps, detect_periods};
use crate::model::Span;

/// A short and a long season, in steps; 1 where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Seasons {
    /// Steps of the short period.
    pub short: usize,
    /// Steps of the long period, longer than the short one.
    pub long: usize,
}

/// Periods that must have been seen for a season to be tried.
const CYCLES_MIN: usize = 3;

impl Seasons {
    /// No season.
    pub const NONE: Self = Self { short: 1, long: 1 };

    /// The season of a series: its first period, and the week (or its longest other period) above
    /// it. A day and a week are tried even where no test finds them: the back-test has the last
    /// word.
    pub fn of(values: &[f64], step: Span) -> (Self, Vec<usize>) {
        let periods = detect_periods(values, step);
        let calendar = calendar_steps(step);
        let fits = |period: &usize| *period > 1 && values.len() >= CYCLES_MIN * period;
        let candidates: Vec<usize> =
            periods.iter().chain(&calendar).copied().filter(fits).collect();
        let short = candidates.iter().copied().find(|p| !is_long(*p, &candidates)).unwrap_or(1);
        let long =
            candidates.iter().copied().filter(|p| *p > short && p.is_multiple_of(short)).max();
        (Self { short, long: long.unwrap_or(1) }.fitting(values.len()), periods)
    }

    /// The seasons that `values` steps have seen often enough.
    #[must_use]
    pub fn fitting(self, values: usize) -> Self {
        let keep = |period: usize| if values >= CYCLES_MIN * period { period } else { 1 };
        Self { short: keep(self.short), long: keep(self.long) }
    }
}

/// Whether a period is the multiple of another one of the candidates.
fn is_long(period: usize, candidates: &[usize]) -> bool {
    candidates.iter().any(|other| *other < period && period.is_multiple_of(*other))
}
