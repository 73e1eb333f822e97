//! Rows of single series to one row of a group, and what carries a series' value over its gaps.

use super::steps::Cursor;
use super::{Across, Grid};
use crate::model::is_stale_marker;

/// The steps whose last sample is a stale marker, ascending.
pub(super) fn ended_steps(times: &[i64], values: &[f64], grid: &Grid) -> Vec<usize> {
    let mut ended = Vec::new();
    let mut cursor = Cursor::new(grid);
    for (time, value) in times.iter().zip(values) {
        let Some(step) = cursor.step_of(*time) else { continue };
        ended.pop_if(|last| *last == step);
        if is_stale_marker(*value) {
            ended.push(step);
        }
    }
    ended
}

/// Carries values over gaps of at most `steps_max` steps, but not past a step in which the series
/// ended.
pub(super) fn fill_gaps(row: &mut [f64], steps_max: usize, ended: &[usize]) {
    let (mut last, mut gap) = (f64::NAN, 0);
    let mut ended = ended.iter().peekable();
    for (step, value) in row.iter_mut().enumerate() {
        let ends = ended.next_if_eq(&&step).is_some();
        if !value.is_nan() {
            (last, gap) = (*value, 0);
        } else if !ends {
            gap += 1;
            if gap <= steps_max {
                *value = last;
            }
        }
        if ends {
            last = f64::NAN;
        }
    }
}

/// How many steps lie from one value to the next, typically (the median); 0 with fewer than two.
pub(super) fn typical_spacing(row: &[f64]) -> f64 {
    let known = || row.iter().enumerate().filter(|(_, v)| !v.is_nan()).map(|(step, _)| step);
    let neighbours = row.windows(2).filter(|pair| !pair[0].is_nan() && !pair[1].is_nan()).count();
    // Mostly one step, which needs no search.
    if 2 * neighbours > known().count() {
        return 1.0;
    }
    let mut spacings: Vec<usize> =
        known().zip(known().skip(1)).map(|(one, next)| next - one).collect();
    let middle = spacings.len() / 2;
    if spacings.is_empty() { 0.0 } else { *spacings.select_nth_unstable(middle).1 as f64 }
}

/// Combines rows of single series, added one after the other.
#[derive(Debug)]
pub(super) struct Combiner {
    across: Across,
    /// What a step came to, where a series has a value; a sum may be NaN, and stays it.
    values: Vec<f64>,
    /// How many series have a value.
    counts: Vec<u32>,
}

impl Combiner {
    /// Memory that it takes for each step: a value and a count.
    pub(super) const BYTES_PER_STEP: usize = 8 + 4;

    pub(super) fn new(across: Across, steps: usize) -> Self {
        Self { across, values: vec![0.0; steps], counts: vec![0; steps] }
    }

    pub(super) fn add(&mut self, row: &[f64]) {
        for (step, value) in row.iter().enumerate().filter(|(_, value)| !value.is_nan()) {
            self.take(step, *value, 1);
        }
    }

    /// Adds what was combined of other rows.
    pub(super) fn merge(&mut self, other: &Self) {
        let combined = other.values.iter().zip(&other.counts).enumerate();
        for (step, (value, count)) in combined.filter(|(_, (_, count))| **count > 0) {
            self.take(step, *value, *count);
        }
    }

    fn take(&mut self, step: usize, value: f64, count: u32) {
        let is_first = self.counts[step] == 0;
        self.counts[step] += count;
        let place = &mut self.values[step];
        *place = match self.across {
            Across::Sum | Across::Mean | Across::Count => *place + value,
            Across::Min | Across::Max if is_first => value,
            Across::Min => value.min(*place),
            Across::Max => value.max(*place),
        };
    }

    pub(super) fn finish(mut self) -> Vec<f64> {
        for (value, count) in self.values.iter_mut().zip(self.counts) {
            match self.across {
                Across::Count => *value = f64::from(count),
                _ if count == 0 => *value = f64::NAN,
                Across::Mean => *value /= f64::from(count),
                _ => {}
            }
        }
        self.values
    }
}

#[cfg(test)]
mod tests {
    use super::super::steps::grid;
    use super::*;
    use crate::model::stale_marker;

    #[test]
    fn gaps_are_filled_for_so_long_and_no_longer() {
        let nan = f64::NAN;
        let mut row = [nan, 1.0, nan, nan, nan, 2.0];
        fill_gaps(&mut row, 2, &[]);
        assert!(row[0].is_nan() && row[4].is_nan());
        assert_eq!((row[2], row[3], row[5]), (1.0, 1.0, 2.0));
    }

    #[test]
    fn the_typical_spacing_is_the_median() {
        let nan = f64::NAN;
        assert_eq!(typical_spacing(&[nan, 1.0, nan, nan, nan]), 0.0);
        assert_eq!(typical_spacing(&[1.0, nan, 1.0, nan, 1.0, nan, nan, nan, nan, 1.0]), 2.0);
        assert_eq!(typical_spacing(&[1.0; 5]), 1.0);
    }

    #[test]
    fn a_series_that_ended_is_not_carried_on() {
        let (nan, stale) = (f64::NAN, stale_marker());
        let grid = grid(0, 10, 6);
        let times = [1, 11, 12, 31, 41, 45];
        // Ended in step 1 after its value, begun again in 3, ended in 4 and begun again in it.
        let ended = ended_steps(&times, &[1.0, 2.0, stale, 3.0, stale, 4.0], &grid);
        assert_eq!(ended, [1]);
        let mut row = [1.0, 2.0, nan, 3.0, 4.0, nan];
        fill_gaps(&mut row, 2, &ended);
        assert!(row[2].is_nan());
        assert_eq!((row[1], row[3], row[5]), (2.0, 3.0, 4.0));
        // A marker alone in its step; any other NaN is only a gap.
        let ended = ended_steps(&[1, 11, 21], &[1.0, nan, stale], &grid);
        assert_eq!(ended, [2]);
        let mut row = [1.0, nan, nan, nan, 5.0, nan];
        fill_gaps(&mut row, 3, &ended);
        assert_eq!((row[1], row[4], row[5]), (1.0, 5.0, 5.0));
        assert!(row[2].is_nan() && row[3].is_nan());
    }

    #[test]
    fn a_sum_that_is_no_number_stays_it_in_any_order_and_however_merged() {
        let (inf, nan) = (f64::INFINITY, f64::NAN);
        let rows = [[inf, 1.0, -0.0], [-inf, nan, nan], [5.0, 2.0, nan]];
        for across in [Across::Sum, Across::Mean] {
            for order in [[0, 1, 2], [0, 2, 1], [2, 1, 0], [1, 2, 0]] {
                for parts in 1..=3 {
                    let mut whole = Combiner::new(across, 3);
                    for some in order.chunks(parts) {
                        let mut part = Combiner::new(across, 3);
                        for row in some {
                            part.add(&rows[*row]);
                        }
                        whole.merge(&part);
                    }
                    let found = whole.finish();
                    let expected = if across == Across::Sum { 3.0 } else { 1.5 };
                    assert!(found[0].is_nan(), "{across:?} {order:?} {parts}: {found:?}");
                    assert_eq!(found[1..], [expected, 0.0]);
                }
            }
        }
    }

    #[test]
    fn rows_are_combined_without_their_gaps() {
        let rows = [[1.0, f64::NAN, 5.0], [3.0, f64::NAN, f64::NAN]];
        for (across, expected) in [
            (Across::Sum, [4.0, f64::NAN, 5.0]),
            (Across::Mean, [2.0, f64::NAN, 5.0]),
            (Across::Min, [1.0, f64::NAN, 5.0]),
            (Across::Max, [3.0, f64::NAN, 5.0]),
            (Across::Count, [2.0, 0.0, 1.0]),
        ] {
            let mut combiner = Combiner::new(across, 3);
            for row in &rows {
                combiner.add(row);
            }
            let found = combiner.finish();
            for (found, expected) in found.iter().zip(expected) {
                assert!(*found == expected || (found.is_nan() && expected.is_nan()), "{across:?}");
            }
        }
    }
}
