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
    /// The row set of the list that came last with this series as its first: nearly always the
    /// right one, and found without hashing the list.
    by_first: HashMap<SeriesId, usize>,
    /// Where each series has columns.
    columns: HashMap<SeriesId, Vec<ColumnPlace>>,
    rows: u32,
    samples: usize,
    /// Bytes of values, times and arrivals.
    content_bytes: usize,
    range: Option<(i64, i64)>,
    expected: Expected,
}

/// What a head may expect from the one before: room is then made once, and not moved as it fills.
#[derive(Debug, Clone, Copy, Default)]
struct Expected {
    /// Rows of a row set.
    rows: usize,
    /// Bytes that may still be set aside for rows to come.
    bytes: usize,
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
            by_first: HashMap::new(),
            columns: HashMap::new(),
            rows: 0,
            samples: 0,
            content_bytes: 0,
            range: None,
            expected: Expected::default(),
        }
    }

    /// A head after this one.
    pub(super) fn next(&self, epoch: u64, conflict: Conflict) -> Self {
        let rows = (self.rows as usize).checked_div(self.row_sets.len()).unwrap_or(0);
        let expected = Expected { rows, bytes: self.content_bytes };
        Self { expected, ..Self::new(epoch, conflict) }
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
        self.content_bytes += group.times.len() * row_bytes(group.series.len());
        let (start, end) = self.range.unwrap_or((*first, *last));
        self.range = Some((start.min(*first), end.max(*last)));
    }

    /// The row set of these series, made if it is new.
    fn row_set_of(&mut self, series: &[SeriesId]) -> usize {
        let Some(first) = series.first() else { return self.add_row_set(series) };
        let is_of = |at: usize| self.row_sets.get(at).is_some_and(|set| *set.series == *series);
        if let Some(at) = self.by_first.get(first).copied().filter(|at| is_of(*at)) {
            return at;
        }
        let at = match self.by_series.get(series) {
            Some(at) => *at,
            None => self.add_row_set(series),
        };
        self.by_first.insert(*first, at);
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
        let rows = self.expected.take(row_bytes(series.len()));
        self.row_sets.push(RowSet {
            times: Vec::with_capacity(rows),
            arrivals: Vec::with_capacity(rows),
            values: Vec::with_capacity(rows * series.len()),
            series,
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
    /// them resolved. `seen` limits it to what was there when a snapshot was taken. Under
    /// `FirstWins` says how many were left out that differ from the one that counts.
    pub(super) fn gather(
        &self,
        id: SeriesId,
        range: TimeRange,
        seen: Option<&Seen>,
        out: &mut Samples,
    ) -> u64 {
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
            return 0;
        }
        self.gather_unordered(places, range, seen, out)
    }

    /// The slow path: rows out of order, repeated, or in several row sets.
    fn gather_unordered(
        &self,
        places: &[ColumnPlace],
        range: TimeRange,
        seen: Option<&Seen>,
        out: &mut Samples,
    ) -> u64 {
        let mut rows: Vec<(i64, u32, f64)> = Vec::new();
        for place in places {
            let Some((set, count)) = self.rows(*place, seen) else { continue };
            let values = set.column(place.column, 0..count);
            let all = set.times.iter().zip(&set.arrivals).zip(values);
            let inside = all.filter(|((t, _), _)| range.contains(Timestamp::from_nanos(**t)));
            rows.extend(inside.map(|((time, arrival), value)| (*time, *arrival, value)));
        }
        rows.sort_unstable_by_key(|(time, arrival, _)| (*time, *arrival));
        let mut left_out = 0;
        for (time, _, value) in rows {
            let last = out.values.last_mut().filter(|_| out.times.last() == Some(&time));
            match last {
                None => out.push(time, value),
                Some(last) if self.conflict == Conflict::LastWins => *last = value,
                Some(last) => left_out += u64::from(last.to_bits() != value.to_bits()),
            }
        }
        left_out
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

/// Bytes of a row of so many series: values, time, arrival.
fn row_bytes(series: usize) -> usize {
    series * 8 + 12
}

impl Expected {
    /// The rows to make room for in a new row set.
    fn take(&mut self, row_bytes: usize) -> usize {
        let rows = self.rows.min(self.bytes / row_bytes);
        self.bytes -= rows * row_bytes;
        rows
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
    fn what_the_first_keeps_out_is_counted_where_it_differs() {
        for (rule, left_out) in [(Conflict::LastWins, 0), (Conflict::FirstWins, 2)] {
            let mut head = Head::new(0, rule);
            for value in [1.0, 1.0, 2.0, 1.0, 3.0] {
                head.append(&Group::row(&[A], 5, &[value]));
            }
            let mut out = Samples::default();
            assert_eq!(head.gather(A, TimeRange::ALL, None, &mut out), left_out);
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
    fn a_high_number_takes_no_more_room_than_a_low_one() {
        let mut head = Head::new(0, Conflict::LastWins);
        head.append(&Group::row(&[SeriesId(u32::MAX - 1)], 1, &[1.0]));
        assert!(head.memory_bytes() < 10_000);
        assert!(head.by_first.capacity() < 100);
    }

    #[test]
    fn a_head_after_another_expects_as_many_rows_and_sets_no_more_aside() {
        let mut head = Head::new(0, Conflict::LastWins);
        for row in 0..100 {
            head.append(&Group::row(&[A, B], row, &[1.0; 2]));
        }
        let mut next = head.next(1, Conflict::LastWins);
        for host in 0..10 {
            next.append(&Group::row(&[SeriesId(2 * host), SeriesId(2 * host + 1)], 0, &[1.0; 2]));
        }
        let room = |set: &RowSet| set.values.capacity() / 2;
        assert_eq!(room(&next.row_sets[0]), 100);
        assert!(next.row_sets.iter().skip(1).all(|set| room(set) == ROWS_MIN / 2));
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
