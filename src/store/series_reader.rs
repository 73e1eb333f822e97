//! Reads one series after another: times that several of them share are decoded once.
//!
//! In: a snapshot, series and ranges. Out: what [`Snapshot::scan`] gives, whole or in pieces.
//! Never: times of another range, or of other segments, than the values beside them.

use std::ops::Range;

use super::pieces::{Chunk, Piece, Source, Work};
use super::samples::Samples;
use super::segment::{ColumnReader, Place, Segment};
use super::{Snapshot, read};
use crate::error::Result;
use crate::model::{SeriesId, TimeRange};

/// A reader of the series of a snapshot. Hosts that are scraped at the same instants, and the
/// metrics of one host, share a column of times; where one series follows another of the same
/// times, only its values are decoded.
///
/// ```
/// use plimsoll::store::{Store, StoreOptions};
/// use plimsoll::{Batch, Group, Labels, TimeRange};
///
/// let folder = tempfile::tempdir().unwrap();
/// let store = Store::open(folder.path(), StoreOptions::default())?;
/// let labels = |host: &str| Labels::new("cpu", [("host", host)]);
/// let hosts = [store.series_id(&labels("a")?)?, store.series_id(&labels("b")?)?];
/// store.append(&Batch { groups: vec![Group::row(&hosts, 1_000, &[3.0, 4.0])] })?;
/// store.seal()?;
///
/// let snapshot = store.snapshot()?;
/// let mut reader = snapshot.reader();
/// for (id, value) in hosts.into_iter().zip([3.0, 4.0]) {
///     let samples = reader.read(id, TimeRange::ALL)?;
///     assert_eq!((&samples.times[..], &samples.values[..]), (&[1_000][..], &[value][..]));
/// }
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug)]
pub struct SeriesReader<'a> {
    snapshot: &'a Snapshot,
    /// The times of the open series, and its values where they were asked for whole.
    pub(super) samples: Samples,
    /// Where the first times in `samples` are from, and how many these are.
    pub(super) parts: Vec<Part<'a>>,
    shared: usize,
    range: TimeRange,
    /// Counts up when the times in `samples` change.
    times_version: u64,
    pub(super) pieces: Vec<Piece>,
    /// Values of pieces that are no blocks.
    pub(super) here: Vec<f64>,
    /// The column of the part that is decoded.
    pub(super) column: Option<(usize, ColumnReader<'a>)>,
    pub(super) floats: Vec<f64>,
    pub(super) integers: Vec<i32>,
    pub(super) statistics: Vec<Chunk<'a>>,
    pub(super) work: Work,
    /// The column of the series before in each segment: the next one is often beside it.
    columns: Vec<usize>,
    /// What a head has of a series.
    recent: Samples,
    /// Parts of the series that is opened.
    next: Vec<Part<'a>>,
}

/// The blocks of one segment, one after the other.
#[derive(Debug, Clone)]
pub(super) struct Part<'a> {
    pub(super) segment: &'a Segment,
    pub(super) place: Place,
    /// Samples of these blocks that are in the range.
    cut: Range<usize>,
}

impl Part<'_> {
    fn has_the_times_of(&self, other: &Self) -> bool {
        std::ptr::eq(self.segment, other.segment) && self.place.has_the_times_of(&other.place)
    }
}

impl Snapshot {
    /// A reader of series, one after another.
    pub fn reader(&self) -> SeriesReader<'_> {
        SeriesReader {
            snapshot: self,
            samples: Samples::default(),
            parts: Vec::new(),
            shared: 0,
            range: TimeRange::ALL,
            times_version: 0,
            pieces: Vec::new(),
            here: Vec::new(),
            column: None,
            floats: Vec::new(),
            integers: Vec::new(),
            statistics: Vec::new(),
            work: Work::default(),
            columns: Vec::new(),
            recent: Samples::default(),
            next: Vec::new(),
        }
    }
}

impl SeriesReader<'_> {
    /// The raw samples of one series in a range, as [`Snapshot::scan`] gives them.
    pub fn read(&mut self, id: SeriesId, range: TimeRange) -> Result<&Samples> {
        self.open(id, range)?;
        let mut values = std::mem::take(&mut self.samples.values);
        values.clear();
        let read = (0..self.pieces.len()).try_for_each(|at| self.append_piece(at, &mut values));
        self.samples.values = values;
        read?;
        Ok(&self.samples)
    }

    /// The last raw sample of a series in a range that is a number: of its segments only the last
    /// blocks are decoded.
    pub fn last(&mut self, id: SeriesId, range: TimeRange) -> Result<Option<(i64, f64)>> {
        self.find_last(id, range, false)
    }

    /// [`Self::last`], by the statistics of the last block where these say it: for many series, one
    /// after another, since statistics are decoded for up to 1,024 blocks together.
    pub(crate) fn last_of_many(
        &mut self,
        id: SeriesId,
        range: TimeRange,
    ) -> Result<Option<(i64, f64)>> {
        self.find_last(id, range, true)
    }

    fn find_last(
        &mut self,
        id: SeriesId,
        range: TimeRange,
        by_statistics: bool,
    ) -> Result<Option<(i64, f64)>> {
        let range = self.raw_part(range);
        let mut simple = self.find_parts(id, range);
        let mut end = self.next.last().map_or(i64::MIN, |part| part.place.last_time);
        let mut recent = None;
        for (head, seen) in self.snapshot.heads() {
            read(head).gather(id, range, Some(seen), &mut self.recent);
            simple &= self.recent.times.first().is_none_or(|first| *first > end);
            end = self.recent.times.last().copied().unwrap_or(end);
            recent = last_number(&self.recent).or(recent);
        }
        if !simple {
            return Ok(last_number(self.read(id, range)?));
        }
        if recent.is_some() {
            return Ok(recent);
        }
        if by_statistics && let Some(known) = self.known_last(range)? {
            return Ok(Some(known));
        }
        for part in self.next.iter().rev() {
            for block in part.place.single_blocks().rev() {
                self.recent.clear();
                part.segment.append_times(&block, &mut self.recent.times)?;
                part.segment.append_values(&block, &mut self.recent.values)?;
                cut_to(&mut self.recent, range);
                if let Some(found) = last_number(&self.recent) {
                    return Ok(Some(found));
                }
            }
        }
        Ok(None)
    }

    /// The last sample that was found, where it is the last of a block without NaN.
    fn known_last(&mut self, range: TimeRange) -> Result<Option<(i64, f64)>> {
        let Some(Part { segment, place, .. }) = self.next.last() else { return Ok(None) };
        let (segment, last_time) = (*segment, place.last_time);
        let Some(block) = place.blocks.clone().next_back() else { return Ok(None) };
        // Before the end of the range, as is the axis whose last block this is.
        if last_time >= range.end.nanos() || last_time < range.start.nanos() {
            return Ok(None);
        }
        let samples = place.samples_in(block);
        let row = place.statistics_row(block);
        let stats = self.statistics_of(segment, row)?;
        let whole = stats.filter(|stats| stats.count as usize == samples);
        Ok(whole.map(|stats| (last_time, stats.last)))
    }

    /// Finds the samples of a series in a range and their times: [`Self::pieces`] says where its
    /// values are, in order of time.
    pub(crate) fn open(&mut self, id: SeriesId, range: TimeRange) -> Result<()> {
        let range = self.raw_part(range);
        self.column = None;
        self.pieces.clear();
        self.here.clear();
        let simple = self.find_parts(id, range);
        let opened = if simple { self.open_parts(id, range) } else { Ok(false) };
        if matches!(opened, Ok(true)) {
            return Ok(());
        }
        (self.shared, self.times_version) = (0, self.times_version + 1);
        self.parts.clear();
        self.pieces.clear();
        self.here.clear();
        self.samples.clear();
        opened?;
        self.find_parts(id, range);
        for Part { segment, place, .. } in &self.next {
            self.work.decoded.bytes += segment.value_bytes(place) + segment.time_bytes(place);
            self.work.decoded.blocks += place.blocks.len() as u64;
        }
        self.snapshot.scan(id, range, &mut self.samples)?;
        std::mem::swap(&mut self.samples.values, &mut self.here);
        self.push_here(0..self.samples.times.len(), 0);
        Ok(())
    }

    /// The times of the open series.
    pub(crate) fn times(&self) -> &[i64] {
        &self.samples.times
    }

    /// A number that differs where the times of the open series do.
    pub(crate) fn times_version(&self) -> u64 {
        self.times_version
    }

    /// The part of a range that is not rolled up.
    fn raw_part(&self, range: TimeRange) -> TimeRange {
        let start = range.start.max(self.snapshot.raw_from());
        TimeRange { start, end: range.end.max(start) }
    }

    /// Opens what was found; `false` where a head overlaps it.
    fn open_parts(&mut self, id: SeriesId, range: TimeRange) -> Result<bool> {
        let same = range == self.range
            && self.next.len() == self.parts.len()
            && self.next.iter().zip(&self.parts).all(|(next, part)| next.has_the_times_of(part));
        if same {
            self.keep_times();
        } else {
            self.read_times(range)?;
        }
        let mut first = 0;
        for at in 0..self.parts.len() {
            first = self.push_part(at, first)?;
        }
        Ok(self.open_heads(id, range))
    }

    /// Finds the segments of a series; `false` where they are not simply one after another.
    fn find_parts(&mut self, id: SeriesId, range: TimeRange) -> bool {
        self.next.clear();
        let snapshot = self.snapshot;
        self.columns.resize(snapshot.view.segments.len(), 0);
        for (segment, column) in snapshot.view.segments.iter().zip(&mut self.columns) {
            if segment.footer().range.overlaps(range)
                && let Some(place) = segment.place(id, range, column)
            {
                self.next.push(Part { segment, place, cut: 0..0 });
            }
        }
        self.next.windows(2).all(|pair| match pair {
            [before, after] => before.place.last_time < after.place.first_time,
            _ => true,
        })
    }

    /// The times that are here are those of the next series.
    fn keep_times(&mut self) {
        for (part, next) in self.parts.iter_mut().zip(&self.next) {
            part.place = next.place.clone();
        }
    }

    fn read_times(&mut self, range: TimeRange) -> Result<()> {
        let times = &mut self.samples.times;
        times.clear();
        self.range = range;
        self.times_version += 1;
        std::mem::swap(&mut self.parts, &mut self.next);
        for part in &mut self.parts {
            let first = times.len();
            part.segment.append_times(&part.place, times)?;
            self.work.decoded.bytes += part.segment.time_bytes(&part.place);
            let own = times.get(first..).unwrap_or(&[]);
            let from = own.partition_point(|t| *t < range.start.nanos());
            let to = own.partition_point(|t| *t < range.end.nanos()).max(from);
            part.cut = from..to;
            cut_tail(times, first, &part.cut);
        }
        self.shared = times.len();
        Ok(())
    }

    /// Lists the blocks of a part, whose first sample is the one at `first`; returns where the next
    /// part begins. A column that is computed from others is decoded whole.
    fn push_part(&mut self, at: usize, first: usize) -> Result<usize> {
        let Some(Part { segment, place, cut }) = self.parts.get(at) else { return Ok(first) };
        let end = first + cut.len();
        if segment.is_computed(place) {
            let start = self.here.len();
            segment.append_values(place, &mut self.here)?;
            cut_tail(&mut self.here, start, cut);
            // Its samples are counted when they are taken.
            self.work.decoded.bytes += segment.value_bytes(place);
            self.work.decoded.blocks += place.blocks.len() as u64;
            self.push_here(first..end, start);
            return Ok(end);
        }
        let mut start = 0;
        for block in place.blocks.clone() {
            let samples = place.samples_in(block);
            let (from, to) = (cut.start.max(start), cut.end.min(start + samples));
            if from < to {
                let range = first + from - cut.start..first + to - cut.start;
                let source = Source::Block { part: at, block, skip: from - start, samples };
                self.pieces.push(Piece { range, source });
            }
            start += samples;
        }
        Ok(end)
    }

    /// Adds what heads have; `false` where that is not simply what comes next.
    fn open_heads(&mut self, id: SeriesId, range: TimeRange) -> bool {
        let mut end = self.shared;
        for (head, seen) in self.snapshot.heads() {
            read(head).gather(id, range, Some(seen), &mut self.recent);
            if self.recent.is_empty() {
                continue;
            }
            let times = &mut self.samples.times;
            let before = end.checked_sub(1).and_then(|last| times.get(last));
            if before >= self.recent.times.first() {
                return false;
            }
            let start = end;
            end += self.recent.times.len();
            // Series of one batch have the same times.
            if times.get(start..end) != Some(&*self.recent.times) {
                times.truncate(start);
                times.extend_from_slice(&self.recent.times);
                self.times_version += 1;
            }
            let at = self.here.len();
            self.here.extend_from_slice(&self.recent.values);
            self.push_here(start..end, at);
        }
        if self.samples.times.len() > end {
            self.samples.times.truncate(end);
            self.times_version += 1;
        }
        true
    }

    fn push_here(&mut self, range: Range<usize>, at: usize) {
        if !range.is_empty() {
            self.pieces.push(Piece { range, source: Source::Here { at } });
        }
    }
}

fn last_number(samples: &Samples) -> Option<(i64, f64)> {
    let all = samples.times.iter().zip(&samples.values);
    all.rev().find(|(_, value)| !value.is_nan()).map(|(time, value)| (*time, *value))
}

/// Leaves only the samples of a range.
fn cut_to(samples: &mut Samples, range: TimeRange) {
    let from = samples.times.partition_point(|time| *time < range.start.nanos());
    let to = samples.times.partition_point(|time| *time < range.end.nanos()).max(from);
    cut_tail(&mut samples.times, 0, &(from..to));
    cut_tail(&mut samples.values, 0, &(from..to));
}

/// Leaves of what is behind `first` only a range.
fn cut_tail<T>(all: &mut Vec<T>, first: usize, range: &Range<usize>) {
    all.truncate(first + range.end);
    all.drain(first..first + range.start);
}
