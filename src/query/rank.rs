//! The rows that go highest, or lowest: what a query shows of a fleet that is too long to read.

use super::Grid;
use crate::error::Result;
use crate::model::limits::TILE_VALUES_MAX;
use crate::model::{Frame, Labels};

/// Which rows are shown, and in which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rank {
    /// So many rows with the greatest values, the greatest first.
    Top(usize),
    /// So many rows with the least values, the least first.
    Bottom(usize),
}

/// The best rows so far.
#[derive(Debug)]
pub(super) struct Ranking {
    rank: Rank,
    /// Rows of one group: one for each aggregate.
    rows_of_group: usize,
    groups: Vec<Group>,
}

/// The rows of one group, by the extreme of the first of them.
#[derive(Debug)]
struct Group {
    extreme: f64,
    labels: Vec<Labels>,
    values: Vec<f64>,
}

impl Rank {
    /// How many rows are shown at most, of each aggregate.
    pub(super) fn rows(self) -> usize {
        match self {
            Self::Top(rows) | Self::Bottom(rows) => rows,
        }
    }

    /// What a row is ranked by: its greatest value, or its least; NaN where it has none.
    fn extreme(self, row: &[f64]) -> f64 {
        match self {
            Self::Top(_) => row.iter().copied().fold(f64::NAN, f64::max),
            Self::Bottom(_) => row.iter().copied().fold(f64::NAN, f64::min),
        }
    }
}

impl Ranking {
    pub(super) fn new(rank: Rank, rows_of_group: usize) -> Self {
        Self { rank, rows_of_group: rows_of_group.max(1), groups: Vec::new() }
    }

    /// Adds the rows of a frame; those without a value have no rank and are left out.
    pub(super) fn add(&mut self, frame: &Frame) {
        for first in (0..frame.len()).step_by(self.rows_of_group) {
            let extreme = self.rank.extreme(frame.row(first));
            if extreme.is_nan() {
                continue;
            }
            let rows = || first..first + self.rows_of_group;
            let labels = rows().map(|row| frame.labels(row).clone()).collect();
            let values = rows().flat_map(|row| frame.row(row)).copied().collect();
            self.groups.push(Group { extreme, labels, values });
            // Not at every row, and yet with little memory.
            if self.groups.len() >= 1_024.max(4 * self.rank.rows()) {
                self.cut();
            }
        }
    }

    /// Sorts the rows and leaves only the best. Of equal ones the first stay first.
    fn cut(&mut self) {
        match self.rank {
            Rank::Top(_) => self.groups.sort_by(|a, b| b.extreme.total_cmp(&a.extreme)),
            Rank::Bottom(_) => self.groups.sort_by(|a, b| a.extreme.total_cmp(&b.extreme)),
        }
        self.groups.truncate(self.rank.rows());
    }

    /// The best rows.
    pub(super) fn frames(mut self, grid: Option<&Grid>) -> Result<Vec<Frame>> {
        self.cut();
        let Some(grid) = grid else { return Ok(Vec::new()) };
        let groups_max = (TILE_VALUES_MAX / (grid.steps * self.rows_of_group).max(1)).max(1);
        let frame = |groups: &[Group]| {
            let labels = groups.iter().flat_map(|group| group.labels.iter().cloned()).collect();
            let values = groups.iter().flat_map(|group| group.values.iter().copied()).collect();
            grid.frame(labels, values)
        };
        self.groups.chunks(groups_max).map(frame).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::steps::grid;
    use super::*;

    fn ranked(rank: Rank, rows: &[(&str, [f64; 2])]) -> Vec<String> {
        let grid = grid(0, 10, 2);
        let mut ranking = Ranking::new(rank, 1);
        for some in rows.chunks(2) {
            let label = |(host, _): &(&str, _)| Labels::from_pairs([("host", *host)]).unwrap();
            let labels = some.iter().map(label).collect();
            let values = some.iter().flat_map(|(_, values)| *values).collect();
            ranking.add(&grid.frame(labels, values).unwrap());
        }
        let frames = ranking.frames(Some(&grid)).unwrap();
        let names = |frame: &Frame| -> Vec<String> {
            frame.rows().filter_map(|(labels, _)| labels.get("host").map(str::to_owned)).collect()
        };
        frames.iter().flat_map(names).collect()
    }

    #[test]
    fn rows_are_ranked_by_their_extremes_and_empty_ones_not_at_all() {
        let nan = f64::NAN;
        let rows = [
            ("a", [1.0, 5.0]),
            ("b", [nan, 7.0]),
            ("c", [nan, nan]),
            ("d", [7.0, 2.0]),
            ("e", [0.0, 3.0]),
        ];
        assert_eq!(ranked(Rank::Top(3), &rows), ["b", "d", "a"]);
        assert_eq!(ranked(Rank::Bottom(2), &rows), ["e", "a"]);
        assert_eq!(ranked(Rank::Top(9), &rows), ["b", "d", "a", "e"]);
        assert!(ranked(Rank::Top(0), &rows).is_empty());
        let many: Vec<(String, f64)> =
            (0..3_000_u32).map(|at| (format!("h{at}"), f64::from(at * 7_919 % 3_001))).collect();
        let rows: Vec<(&str, [f64; 2])> =
            many.iter().map(|(host, value)| (host.as_str(), [*value, 0.0])).collect();
        let mut sorted: Vec<&(String, f64)> = many.iter().collect();
        sorted.sort_by(|a, b| b.1.total_cmp(&a.1));
        let expected: Vec<&str> = sorted[..5].iter().map(|(host, _)| host.as_str()).collect();
        assert_eq!(ranked(Rank::Top(5), &rows), expected);
    }
}
