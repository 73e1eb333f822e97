//! The steps of ascending instants: which step each is in, and which lie together.

use std::ops::Range;

use super::Grid;

/// The steps that have samples, ascending, and where in ascending `times` theirs are.
pub(super) fn runs<'a>(
    times: &'a [i64],
    grid: &Grid,
) -> impl Iterator<Item = (usize, Range<usize>)> + use<'a> {
    let mut cursor = Cursor::new(grid);
    let mut at = times.partition_point(|time| *time < grid.start.nanos());
    std::iter::from_fn(move || {
        let (from, step) = (at, cursor.step_of(*times.get(at)?)?);
        // All before it are of this step, but for those after the end of the grid.
        let next = cursor.next.min(cursor.end);
        at += run_length(times.get(at..).unwrap_or(&[]), next);
        Some((step, from..at))
    })
}

/// How many of the first times are before `end`: looked for in steps that double, since runs are
/// of about equal length and there may be many of them.
fn run_length(times: &[i64], end: i64) -> usize {
    let mut reach = 16;
    while times.get(reach).is_some_and(|time| *time < end) {
        reach *= 2;
    }
    let near = times.get(..reach).unwrap_or(times);
    near.partition_point(|time| *time < end)
}

/// Finds the step of ascending instants; a division only where a step is skipped.
#[derive(Debug)]
pub(super) struct Cursor {
    start: i64,
    end: i64,
    step_nanos: i64,
    step: usize,
    /// Start of the step after `step`.
    next: i64,
}

impl Cursor {
    pub(super) fn new(grid: &Grid) -> Self {
        let (start, step_nanos) = (grid.start.nanos(), grid.step.nanos());
        let end = grid.end.nanos();
        Self { start, end, step_nanos, step: 0, next: start.saturating_add(step_nanos) }
    }

    /// The step of an instant, at or after the one before; `None` outside the grid.
    #[inline]
    pub(super) fn step_of(&mut self, time: i64) -> Option<usize> {
        if time < self.start || time >= self.end {
            return None;
        }
        if time >= self.next {
            // The difference fits: a grid has at most `QUERY_STEPS_MAX` steps of positive length.
            self.step = (time.wrapping_sub(self.start) as u64 / self.step_nanos as u64) as usize;
            let passed = (self.step as i64 + 1).saturating_mul(self.step_nanos);
            self.next = self.start.saturating_add(passed);
        }
        Some(self.step)
    }
}

/// Steps of equal length, in nanoseconds, for tests.
#[cfg(test)]
pub(super) fn grid(start: i64, step: i64, steps: usize) -> Grid {
    use crate::model::{Span, Timestamp};
    let nanos = Timestamp::from_nanos;
    let end = nanos(start + step * steps as i64);
    Grid { start: nanos(start), end, step: Span::from_nanos(step), steps }
}
