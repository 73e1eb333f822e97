//! Batches: samples in columns on their way into a store.

use super::{Labels, Unit};
use crate::error::{Error, Result};

/// The number of a series inside one store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesId(pub u32);

/// A dense block of samples: every row (an instant) has one value for every series. What a scrape
/// of one host yields, or a run of rows of an import. Rows that miss a value go into a group of
/// their own, with fewer series.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Group {
    /// The series of the columns; no series twice.
    pub series: Vec<SeriesId>,
    /// The instants of the rows, nanoseconds since the epoch, in any order.
    pub times: Vec<i64>,
    /// Values, column after column: row `r` of column `c` is at `c * times.len() + r`.
    pub values: Vec<f64>,
}

/// Groups that are taken by the store whole or not at all.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Batch {
    /// The groups, taken in this order: on equal series and instant the later sample wins.
    pub groups: Vec<Group>,
}

impl Group {
    /// A group of one row: what one scrape of one host yields.
    pub fn row(series: &[SeriesId], time_nanos: i64, values: &[f64]) -> Self {
        Self { series: series.to_vec(), times: vec![time_nanos], values: values.to_vec() }
    }

    /// Samples inside.
    pub fn samples(&self) -> usize {
        self.values.len()
    }

    /// The values of column `c`; empty where there is no such column.
    pub fn column(&self, c: usize) -> &[f64] {
        if c >= self.series.len() {
            return &[];
        }
        let rows = self.times.len();
        self.values.get(c * rows..(c + 1) * rows).unwrap_or(&[])
    }

    /// Checks that the shape fits and that it is within limits.
    pub fn check(&self) -> Result<()> {
        if self.series.len() * self.times.len() != self.values.len() {
            return Err(Error::invalid(format!(
                "a group of {} series and {} rows needs {} values, not {}",
                self.series.len(),
                self.times.len(),
                self.series.len() * self.times.len(),
                self.values.len()
            )));
        }
        let limit = super::limits::GROUP_SAMPLES_MAX;
        if self.values.len() > limit {
            return Err(Error::Limit {
                what: "the number of samples in one group",
                value: self.values.len() as u64,
                limit: limit as u64,
                remedy: "append it in smaller groups",
            });
        }
        Ok(())
    }
}

/// Where an importer puts what it reads: names series, then sends groups of their samples.
pub trait Sink {
    /// The number of a series, made if it is new. Called once per series and file.
    /// A metric that has another unit already keeps it, and the call is refused.
    fn series(&mut self, labels: &Labels, unit: Option<&Unit>) -> Result<SeriesId>;

    /// The unit that a metric has already, so that a file in another one can be refused before its
    /// first sample. A sink that keeps no units has none.
    fn unit(&self, _metric: &str) -> Option<Unit> {
        None
    }

    /// Takes one group. The importer reuses the group's memory afterwards.
    fn group(&mut self, group: &Group) -> Result<()>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_that_is_not_there_is_empty() {
        let series = vec![SeriesId(1), SeriesId(2)];
        let group = Group { series, times: vec![1, 2], values: vec![1.0, 2.0, 3.0, 4.0] };
        assert_eq!((group.column(1), group.column(2)), (&[3.0, 4.0][..], &[][..]));
        assert!(group.column(usize::MAX).is_empty() && group.column(usize::MAX / 2 + 1).is_empty());
    }
}
