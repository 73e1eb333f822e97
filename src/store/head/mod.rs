//! The head: what was appended since the last seal, in memory and, as the same batches, in the
//! database.
//!
//! In: groups, in the order in which they were appended. Out: the samples of one series, in order
//! of time. Never: a file, a database, or labels.
//!
//! Series that are always appended together (the metrics of one host) share one column of times: a
//! row set. It costs 8 bytes per sample and 12 bytes per row, an eighth more on average for rows to
//! come, and some 150 bytes per series.

pub(super) mod wire;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use super::options::Conflict;
use super::samples::Samples;
use crate::model::{Group, SeriesId, TimeRange, Timestamp};

/// The samples of one seal epoch.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) epoch: u64,
    pub(super) conflict: Conflict,
    row_sets: Vec<RowSet>,
    /// The row set of each list of series.
    by_series: HashMap<Arc<[SeriesId]>, usize>,
    /// The row set, plus 1, of the list that came last with this series as its first: nearly always
    /// the right one, and found without hashing the list.
    by_first: Vec<u32>,
    /// Where each series has columns.
    columns: HashMap<SeriesId, Vec<ColumnPlace>>,
    rows: u32,
    samples: usize,
    /// Bytes of values, times and arrivals.
    content_bytes: usize,
    range: Option<(i64, i64)>,
}

/// What a series takes before it has a row: its columns' places and headers.
const SERIES_BYTES: usize = 150;
/// The fewest rows that room is made for.
const ROWS_MIN: usize = 8;

#[derive(Debug)]
struct RowSet {
    series: Arc<[SeriesId]>,
    times: Vec<i64>,
    /// The head's row count when the row came: the order of arrival across row sets.
    arrivals: Vec<u32>,
    /// Values, row after row: to add a row touches one place, not one for each series.
    values: Vec<f64>,
    /// Whether `times` is strictly ascending, as it nearly always is.
    ordered: bool,
}

#[derive(Debug, Clone, Copy)]
struct ColumnPlace {
    row_set: u32,
    column: u32,
}

/// What a snapshot sees of a head.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// Rows of each row set.
    rows: Vec<u32>,
    range: Option<TimeRange>,
}

impl Seen {
    /// From the first sample that is seen to 1 ns after the last.
    pub(super) fn range(&self) -> Option<TimeRange> {
        self.range
    }
}

impl Head {
    pub(super) fn new(epoch: u64, conflict: Conflict) -> Self {
        Self {
            epoch,
            conflict,
            row_sets: Vec::new(),
            by_series: HashMap::new(),
            by_first: Vec::new(),
            columns: HashMap::new(),
            rows: 0,
            samples: 0,
            content_bytes: 0,
            range: None,
        }
    }

    /// Takes a group that passed `Group::check`.
    pub(super) fn append(&mut self, group: &Group) {
        let (Some(first), Some(last)) = (group.times.iter().min(), group.times.iter().max()) else {
            return;
        };
        let at = self.row_set_of(&group.series);
        let Some(set) = self.row_sets.get_mut(at) else { return };
        make_room(&mut set.times, group.times.len());
        make_room(&mut set.arrivals, group.times.len());
        let mut previous = set.times.last().copied();
        for time in &group.times {
            set.ordered &= previous.is_none_or(|previous| previous < *time);
            previous = Some(*time);
            set.arrivals.push(self.rows);
            self.rows = self.rows.saturating_add(1);
        }
        set.times.extend_from_slice(&group.times);
        set.push_rows(group);
        self.samples += group.samples();
        self.content_bytes += group.samples() * 8 + group.times.len() * 12;
        let (start, end) = self.range.unwrap_or((*first, *last));
        self.range = Some((start.min(*first), end.max(*last)));
    }

    /// The row set of these series, made if it is new.
    fn row_set_of(&mut self, series: &[SeriesId]) -> usize {
        let first = series.first().map_or(0, |id| id.0 as usize);
        let guess = self.by_first.get(first).and_then(|set| (*set as usize).checked_sub(1));
        let is_of = |at: usize| self.row_sets.get(at).is_some_and(|set| *set.series == *series);
        if let Some(at) = guess.filter(|at| is_of(*at)) {
            return at;
        }
        let at = match self.by_series.get(series) {
            Some(at) => *at,
            None => self.add_row_set(series),
        };
        if self.by_first.len() <= first {
            self.by_first.resize(first + 1, 0);
        }
        if let Some(place) = self.by_first.get_mut(first) {
            *place = at as u32 + 1;
        }
        at
    }

    fn add_row_set(&mut self, series: &[SeriesId]) -> usize {
        let at = self.row_sets.len();
        for (column, id) in series.iter().enumerate() {
            let place = ColumnPlace { row_set: at as u32, column: column as u32 };
            self.columns.entry(*id).or_default().push(place);
        }
        let series: Arc<[SeriesId]> = series.into();
        self.by_series.insert(series.clone(), at);
        self.row_sets.push(RowSet {
            series,
            times: Vec::new(),
            arrivals: Vec::new(),
            values: Vec::new(),
            ordered: true,
        });
        at
    }

    pub(super) fn samples(&self) -> usize {
        self.samples
    }

    /// From the first sample to 1 ns after the last.
    fn range(&self) -> Option<TimeRange> {
        let (first, last) = self.range?;
        let end = Timestamp::from_nanos(last.saturating_add(1));
        Some(TimeRange { start: Timestamp::from_nanos(first), end })
    }

    /// All series with samples here.
    pub(super) fn series(&self) -> impl Iterator<Item = SeriesId> {
        self.columns.keys().copied()
    }

    /// Rows of all columns of a series, which is no less than its samples.
    pub(super) fn series_rows(&self, id: SeriesId) -> usize {
        let places = self.columns.get(&id).map_or(&[][..], Vec::as_slice);
        let sets = places.iter().filter_map(|place| self.row_sets.get(place.row_set as usize));
        sets.map(|set| set.times.len()).sum()
    }

    /// Marks what is here now, for a snapshot.
    pub(super) fn seen(&self) -> Seen {
        let rows = self.row_sets.iter().map(|set| set.times.len() as u32).collect();
        Seen { rows, range: self.range() }
    }

    /// Replaces `out` with the samples of one series in a range, in order of time, conflicts among
    /// them resolved. `seen` limits it to what was there when a snapshot was taken.
    pub(super) fn gather(
        &self,
        id: SeriesId,
        range: TimeRange,
        seen: Option<&Seen>,
        out: &mut Samples,
    ) {
        out.clear();
        let places = self.columns.get(&id).map_or(&[][..], Vec::as_slice);
        if let [place] = places
            && let Some((set, rows)) = self.rows(*place, seen)
            && set.ordered
        {
            let times = set.times.get(..rows).unwrap_or(&[]);
            let from = times.partition_point(|t| *t < range.start.nanos());
            let to = times.partition_point(|t| *t < range.end.nanos()).max(from);
            out.times.extend_from_slice(times.get(from..to).unwrap_or(&[]));
            out.values.extend(set.column(place.column, from..to));
            return;
        }
        self.gather_unordered(places, range, seen, out);
    }

    /// The slow path: rows out of order, repeated, or in several row sets.
    fn gather_unordered(
        &self,
        places: &[ColumnPlace],
        range: TimeRange,
        seen: Option<&Seen>,
        out: &mut Samples,
    ) {
        let mut rows: Vec<(i64, u32, f64)> = Vec::new();
        for place in places {
            let Some((set, count)) = self.rows(*place, seen) else { continue };
            let values = set.column(place.column, 0..count);
            let all = set.times.iter().zip(&set.arrivals).zip(values);
            let inside = all.filter(|((t, _), _)| range.contains(Timestamp::from_nanos(**t)));
            rows.extend(inside.map(|((time, arrival), value)| (*time, *arrival, value)));
        }
        rows.sort_unstable_by_key(|(time, arrival, _)| (*time, *arrival));
        for (time, _, value) in rows {
            if out.times.last() != Some(&time) {
                out.push(time, value);
            } else if self.conflict == Conflict::LastWins
                && let Some(last) = out.values.last_mut()
            {
                *last = value;
            }
        }
    }

    /// A column's row set, and how many of its rows are seen.
    fn rows(&self, place: ColumnPlace, seen: Option<&Seen>) -> Option<(&RowSet, usize)> {
        let set = self.row_sets.get(place.row_set as usize)?;
        let rows = match seen {
            Some(Seen { rows, .. }) => *rows.get(place.row_set as usize)? as usize,
            None => set.times.len(),
        };
        Some((set, rows))
    }

    /// Series with columns here.
    pub(super) fn series_count(&self) -> usize {
        self.columns.len()
    }

    /// Bytes of memory that this head takes. Counted, not measured: it is asked for at each append.
    pub(super) fn memory_bytes(&self) -> usize {
        self.content_bytes + self.content_bytes / 8 + self.columns.len() * SERIES_BYTES
    }
}

/// Room for `more` items, and for a quarter of what is there: doubling would leave a third of a
/// head empty.
fn make_room<T>(column: &mut Vec<T>, more: usize) {
    if column.capacity() - column.len() < more {
        column.reserve_exact(more.max(column.len() / 4).max(ROWS_MIN));
    }
}

impl RowSet {
    /// Adds the values of a group, whose columns become rows.
    fn push_rows(&mut self, group: &Group) {
        let (width, rows) = (self.series.len(), group.times.len());
        make_room(&mut self.values, width * rows);
        if rows == 1 {
            self.values.extend_from_slice(&group.values);
            return;
        }
        let start = self.values.len();
        self.values.resize(start + width * rows, 0.0);
        for column in 0..width {
            let places = self.values.iter_mut().skip(start + column).step_by(width);
            places.zip(group.column(column)).for_each(|(place, value)| *place = *value);
        }
    }

    /// The values of a column in a range of rows.
    fn column(&self, column: u32, rows: Range<usize>) -> impl Iterator<Item = f64> {
        let width = self.series.len().max(1);
        let values = self.values.get(rows.start * width..).unwrap_or(&[]);
        let column = values.iter().skip(column as usize).step_by(width);
        column.take(rows.len()).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: SeriesId = SeriesId(1);
    const B: SeriesId = SeriesId(2);

    fn gathered(head: &Head, id: SeriesId, seen: Option<&Seen>) -> Vec<(i64, f64)> {
        let mut out = Samples::default();
        head.gather(id, TimeRange::ALL, seen, &mut out);
        out.times.into_iter().zip(out.values).collect()
    }

    #[test]
    fn rows_in_any_order_come_out_in_order() {
        for (rule, at_two) in [(Conflict::LastWins, 22.0), (Conflict::FirstWins, 2.0)] {
            let mut head = Head::new(0, rule);
            head.append(&Group::row(&[A, B], 3, &[3.0, 30.0]));
            head.append(&Group::row(&[A], 2, &[2.0]));
            head.append(&Group::row(&[A, B], 2, &[22.0, 20.0]));
            assert_eq!(gathered(&head, A, None), [(2, at_two), (3, 3.0)]);
            assert_eq!(gathered(&head, B, None), [(2, 20.0), (3, 30.0)]);
            assert_eq!(head.samples(), 5);
            assert_eq!(head.range().unwrap().start.nanos(), 2);
        }
    }

    #[test]
    fn a_snapshot_does_not_see_what_came_later() {
        let mut head = Head::new(0, Conflict::LastWins);
        head.append(&Group::row(&[A], 1, &[1.0]));
        let seen = head.seen();
        head.append(&Group::row(&[A], 2, &[2.0]));
        head.append(&Group::row(&[B], 1, &[1.0]));
        assert_eq!(gathered(&head, A, Some(&seen)), [(1, 1.0)]);
        assert_eq!(gathered(&head, B, Some(&seen)), []);
    }

    #[test]
    fn memory_is_counted_as_it_is_taken() {
        let mut head = Head::new(0, Conflict::LastWins);
        let series: Vec<SeriesId> = (0..10).map(SeriesId).collect();
        for row in 0..10_000 {
            head.append(&Group::row(&series, row, &[1.0; 10]));
        }
        let set = &head.row_sets[0];
        let taken =
            set.values.capacity() * 8 + set.times.capacity() * 8 + set.arrivals.capacity() * 4;
        let counted = head.memory_bytes();
        assert!(taken * 8 < counted * 10 && counted * 8 < taken * 10, "{taken} {counted}");
        assert_eq!(head.series_rows(A), 10_000);
    }
}
