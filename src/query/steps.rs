//! The steps of ascending instants: which step each is in, and which lie together.

use std::ops::Range;

use super::Grid;

/// The steps that have samples, ascending, and where in ascending `times` theirs are.
pub(super) fn runs<'a>(
    times: &'a [i64],
    grid: &'a Grid,
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

/// Finds the step of ascending instants; a division, or a search where steps are those of a
/// calendar, only where a step begins.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    start: i64,
    end: i64,
    step_nanos: u64,
    /// The starts of a calendar's steps, and the end of the last.
    edges: Option<&'a [i64]>,
    step: usize,
    /// Start of the step after `step`.
    next: i64,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(grid: &'a Grid) -> Self {
        let (start, step_nanos) = (grid.start.nanos(), grid.step.nanos_unsigned());
        let (end, edges) = (grid.end.nanos(), grid.edges());
        let next = edges.and_then(|edges| edges.get(1).copied());
        let next = next.unwrap_or(start.saturating_add_unsigned(step_nanos));
        Self { start, end, step_nanos, edges, step: 0, next }
    }

    /// The step of an instant, at or after the one before; `None` outside the grid.
    #[inline]
    pub(super) fn step_of(&mut self, time: i64) -> Option<usize> {
        if time < self.start || time >= self.end {
            return None;
        }
        if time >= self.next {
            match self.edges {
                None => self.divide(time),
                Some(edges) => self.search(time, edges),
            }
        }
        Some(self.step)
    }

    #[inline]
    fn divide(&mut self, time: i64) {
        // A grid has at most `QUERY_STEPS_MAX` steps of positive length.
        self.step = (time.abs_diff(self.start) / self.step_nanos) as usize;
        // Exact whatever wraps on the way: a step's start is at or before the instant.
        let start =
            self.start.wrapping_add((self.step as i64).wrapping_mul(self.step_nanos as i64));
        self.next = start.saturating_add_unsigned(self.step_nanos);
    }

    fn search(&mut self, time: i64, edges: &[i64]) {
        let later = edges.get(self.step + 1..).unwrap_or(&[]);
        // Edges at or before the instant: it is before the end of the grid, which is the last edge.
        self.step += run_length(later, time.saturating_add(1));
        self.next = edges.get(self.step + 1).copied().unwrap_or(self.end);
    }
}

/// Steps of equal length, in nanoseconds, for tests.
#[cfg(test)]
pub(super) fn grid(start: i64, step: i64, steps: usize) -> Grid {
    use crate::model::{Span, Timestamp};
    let nanos = Timestamp::from_nanos;
    let end = nanos(start + step * steps as i64);
    Grid { start: nanos(start), end, step: Span::from_nanos(step), steps, calendar: None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{Calendar, Span, TimeRange, Timestamp};

    fn by_calendar(calendar: &str, start: i64, end: i64) -> Grid {
        let calendar: Calendar = calendar.parse().unwrap();
        let (start, end) = (Timestamp::from_seconds(start), Timestamp::from_seconds(end));
        let steps = calendar.steps(TimeRange { start, end }).unwrap();
        let (step, count) = (steps.longest(), steps.count());
        Grid { start, end, step, steps: count, calendar: Some(steps) }
    }

    #[test]
    fn an_edge_is_of_the_step_that_it_begins() {
        // 2013-03-30 to 2013-04-01 in UTC, from ten seconds before midnight on.
        let midnight = 1_364_601_600;
        let grid = by_calendar("day", midnight - 10, midnight + 86_400 + 1);
        let mut cursor = Cursor::new(&grid);
        let mut step_of = |seconds: i64, nanos| cursor.step_of(seconds * 1_000_000_000 + nanos);
        assert_eq!(step_of(midnight - 10, -1), None);
        assert_eq!(step_of(midnight - 10, 0), Some(0));
        assert_eq!(step_of(midnight, -1), Some(0));
        assert_eq!(step_of(midnight, 0), Some(1));
        assert_eq!(step_of(midnight + 86_400, -1), Some(1));
        assert_eq!(step_of(midnight + 86_400, 0), Some(2));
        assert_eq!(step_of(midnight + 86_400, 999_999_999), Some(2));
        assert_eq!(step_of(midnight + 86_401, 0), None);
    }

    #[test]
    fn the_last_of_a_few_long_steps_ends_where_it_does() {
        // From 1700 to 2013 in steps of 250 years: more nanoseconds than 63 bits tell.
        let year = 31_557_600_000_000_000;
        let grid = Grid {
            start: Timestamp::from_nanos(-270 * year),
            end: Timestamp::from_nanos(50 * year),
            step: Span::from_nanos(250 * year),
            steps: 2,
            calendar: None,
        };
        let times = [-270 * year, -20 * year - 1, -20 * year, 43 * year];
        let found: Vec<_> = runs(&times, &grid).take(9).collect();
        assert_eq!(found, [(0, 0..2), (1, 2..4)]);
    }

    proptest! {
        #[test]
        fn steps_are_found_as_by_looking_at_each(
            offsets in prop::collection::btree_set(-9_000_000_i64..40_000_000, 0..300),
            length in 1_i64..32_000_000,
            calendar in proptest::sample::select(vec![
                "day in Europe/Berlin", "week in America/Sao_Paulo", "month", "year in +05:30",
            ]),
        ) {
            let (first, hundredth) = (1_364_000_000, length * 10_000_000);
            let times: Vec<i64> = offsets.iter().map(|at| (first + at) * 1_000_000_000).collect();
            let start = first * 1_000_000_000;
            for grid in [
                by_calendar(calendar, first, first + length),
                grid(start, hundredth, 100),
            ] {
                let equal = || (0..=100).map(|step| start + step * hundredth).collect();
                let edges: Vec<i64> = grid.edges().map_or_else(equal, <[i64]>::to_vec);
                let holds = |time, edges: &[i64]| edges[0] <= time && time < edges[1];
                let step_of = |time| edges.windows(2).position(|edges| holds(time, edges));
                let mut cursor = Cursor::new(&grid);
                let in_runs = runs(&times, &grid);
                let mut in_runs = in_runs.flat_map(|(step, run)| run.map(move |at| (step, at)));
                for (at, time) in times.iter().enumerate() {
                    let step = step_of(*time);
                    prop_assert_eq!(cursor.step_of(*time), step);
                    if let Some(step) = step {
                        prop_assert_eq!(in_runs.next(), Some((step, at)));
                    }
                }
                prop_assert_eq!(in_runs.next(), None);
            }
        }
    }
}
