//! Whole readings: what several series say at the same instants.

use std::ops::Range;

use rayon::prelude::*;

use super::Condition;
use super::condition::Met;
use crate::error::Result;
use crate::model::{SeriesId, TimeRange};
use crate::store::{FLOATS, SeriesReader, Snapshot, Values};

/// Statistics are decoded for up to 1,024 blocks together: not for the first few series.
const READS_BEFORE_STATISTICS: usize = 16;
/// Series that one thread looks at, one after another.
const SERIES_IN_TURN: usize = 256;

/// Values of several series at the same instants.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rows {
    /// The instants, in nanoseconds since the epoch, ascending.
    pub times: Vec<i64>,
    /// One value for each series, row after row; NaN where a series has no sample at the instant.
    pub values: Vec<f64>,
}

/// Reads rows of one host after another.
///
/// ```
/// use plimsoll::query::{Condition, RowReader};
/// use plimsoll::store::{Store, StoreOptions};
/// use plimsoll::{Batch, Group, Labels, TimeRange};
///
/// let folder = tempfile::tempdir().unwrap();
/// let store = Store::open(folder.path(), StoreOptions::default())?;
/// let id = |metric: &str| store.series_id(&Labels::new(metric, [("host", "a")])?);
/// let host = [id("cpu")?, id("load")?];
/// for (time, row) in [(10, [95.0, 7.5]), (20, [40.0, 1.0]), (30, [99.0, 8.0])] {
///     store.append(&Batch { groups: vec![Group::row(&host, time, &row)] })?;
/// }
///
/// let snapshot = store.snapshot()?;
/// let busy = RowReader::new(&snapshot).read(&host, TimeRange::ALL, Some(Condition::Above(90.0)))?;
/// assert_eq!((busy.times, busy.values), (vec![10, 30], vec![95.0, 7.5, 99.0, 8.0]));
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug)]
pub struct RowReader<'a> {
    reader: SeriesReader<'a>,
    reads: usize,
    /// The samples of the first series that count: their places among all, if others have the same
    /// times.
    places: Vec<usize>,
    /// What is to be in the rows, series after series.
    columns: Vec<f64>,
}

impl<'a> RowReader<'a> {
    /// A reader of a snapshot.
    pub fn new(snapshot: &'a Snapshot) -> Self {
        Self { reader: snapshot.reader(), reads: 0, places: Vec::new(), columns: Vec::new() }
    }

    /// The rows of a range at whose instants the first series has a number that meets the
    /// condition, or any number without one.
    pub fn read(
        &mut self,
        series: &[SeriesId],
        range: TimeRange,
        keep: Option<Condition>,
    ) -> Result<Rows> {
        let mut rows = Rows::default();
        let Some((first, others)) = series.split_first() else { return Ok(rows) };
        self.reader.open(*first, range)?;
        let version = self.reader.times_version();
        self.find(keep, &mut rows.times)?;
        self.reads += 1;
        let count = rows.times.len();
        if count == 0 {
            return Ok(rows);
        }
        self.columns.resize(count * series.len(), f64::NAN);
        for (column, id) in (1..).zip(others) {
            self.reader.open(*id, range)?;
            let own = column * count..(column + 1) * count;
            if self.reader.times_version() == version {
                self.put_at_places(own)?;
            } else {
                self.put_at_times(&rows.times, own)?;
            }
        }
        rows.values = in_rows(&self.columns, count);
        Ok(rows)
    }

    /// Makes the numbers of the open series that meet a condition the first column; notes their
    /// places and instants.
    fn find(&mut self, keep: Option<Condition>, found_times: &mut Vec<i64>) -> Result<()> {
        self.columns.clear();
        self.places.clear();
        for piece in 0..self.reader.pieces() {
            if let Some(keep) = keep
                && self.reads >= READS_BEFORE_STATISTICS
                && let Some(stats) = self.reader.statistics(piece)?
                && keep.met_by(&stats) == Met::None
            {
                continue;
            }
            let first = self.reader.piece_range(piece).start;
            let (times, Values::Floats(values)) = self.reader.values(piece, FLOATS)? else {
                continue;
            };
            let mut note = |at: usize| {
                let (Some(time), Some(value)) = (times.get(at), values.get(at)) else { return };
                self.places.push(first + at);
                found_times.push(*time);
                self.columns.push(*value);
            };
            match keep {
                Some(keep) => keep.each_met(values, note),
                None => (0..).zip(values).filter(|(_, v)| !v.is_nan()).for_each(|(at, _)| note(at)),
            }
        }
        Ok(())
    }

    /// Makes the values of the open series at the noted places a column.
    fn put_at_places(&mut self, column: Range<usize>) -> Result<()> {
        let column = self.columns.get_mut(column).unwrap_or_default();
        let mut next = 0;
        for piece in 0..self.reader.pieces() {
            let range = self.reader.piece_range(piece);
            let rest = self.places.get(next..).unwrap_or(&[]);
            let count = rest.partition_point(|place| *place < range.end);
            if count == 0 {
                continue;
            }
            let (_, Values::Floats(values)) = self.reader.values(piece, FLOATS)? else { continue };
            for (slot, place) in column.iter_mut().skip(next).zip(&rest[..count]) {
                *slot = values.get(place - range.start).copied().unwrap_or(f64::NAN);
            }
            next += count;
        }
        Ok(())
    }

    /// Makes the values that the open series has at these instants a column.
    fn put_at_times(&mut self, wanted: &[i64], column: Range<usize>) -> Result<()> {
        let column = self.columns.get_mut(column).unwrap_or_default();
        let mut next = 0;
        for piece in 0..self.reader.pieces() {
            let own = self.reader.times().get(self.reader.piece_range(piece)).unwrap_or(&[]);
            let (Some(first), Some(last)) = (own.first(), own.last()) else { continue };
            let rest = wanted.get(next..).unwrap_or(&[]);
            next += rest.partition_point(|time| time < first);
            let rest = wanted.get(next..).unwrap_or(&[]);
            let count = rest.partition_point(|time| time <= last);
            if count == 0 {
                continue;
            }
            let (times, Values::Floats(values)) = self.reader.values(piece, FLOATS)? else {
                continue;
            };
            for (slot, time) in column.iter_mut().skip(next).zip(&rest[..count]) {
                if let Some(value) = times.binary_search(time).ok().and_then(|at| values.get(at)) {
                    *slot = *value;
                }
            }
            next += count;
        }
        Ok(())
    }
}

/// Columns of `count` values each, row after row.
fn in_rows(columns: &[f64], count: usize) -> Vec<f64> {
    let mut rows = vec![0.0; columns.len()];
    let width = columns.len() / count;
    for (at, column) in columns.chunks_exact(count).enumerate() {
        for (slot, value) in rows.iter_mut().skip(at).step_by(width).zip(column) {
            *slot = *value;
        }
    }
    rows
}

/// The last raw sample of each series in a range that is a number, in the order of the series: its
/// instant in nanoseconds since the epoch, and its value.
///
/// ```
/// use plimsoll::query::last_points;
/// use plimsoll::store::{Store, StoreOptions};
/// use plimsoll::{Batch, Group, Labels, TimeRange};
///
/// let folder = tempfile::tempdir().unwrap();
/// let store = Store::open(folder.path(), StoreOptions::default())?;
/// let cpu = store.series_id(&Labels::new("cpu", [("host", "a")])?)?;
/// store.append(&Batch { groups: vec![Group::row(&[cpu], 10, &[95.0])] })?;
/// store.append(&Batch { groups: vec![Group::row(&[cpu], 20, &[40.0])] })?;
/// assert_eq!(last_points(&store.snapshot()?, &[cpu], TimeRange::ALL)?, [Some((20, 40.0))]);
/// # Ok::<(), plimsoll::Error>(())
/// ```
pub fn last_points(
    snapshot: &Snapshot,
    series: &[SeriesId],
    range: TimeRange,
) -> Result<Vec<Option<(i64, f64)>>> {
    let turns = series.par_chunks(SERIES_IN_TURN).map(|ids| {
        let mut reader = snapshot.reader();
        let many = ids.len() > READS_BEFORE_STATISTICS;
        let last = |id: &SeriesId| {
            if many { reader.last_of_many(*id, range) } else { reader.last(*id, range) }
        };
        ids.iter().map(last).collect::<Result<Vec<_>>>()
    });
    let turns: Vec<Vec<_>> = turns.collect::<Result<_>>()?;
    Ok(turns.concat())
}
