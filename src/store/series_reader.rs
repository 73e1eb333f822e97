//! Reads one series after another: times that several of them share are decoded once.
//!
//! In: a snapshot, series and ranges. Out: what [`Snapshot::scan`] gives. Never: times of another
//! range, or of other segments, than the values beside them.

use std::ops::Range;

use super::samples::Samples;
use super::segment::{Place, Segment};
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
    samples: Samples,
    /// Where the first times in `samples` are from, and how many these are.
    parts: Vec<Part<'a>>,
    shared: usize,
    range: TimeRange,
    /// What a head has of a series.
    recent: Samples,
    /// Parts of the series that is read.
    next: Vec<Part<'a>>,
}

/// The blocks of one segment, one after the other.
#[derive(Debug, Clone)]
struct Part<'a> {
    segment: &'a Segment,
    place: Place,
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
            recent: Samples::default(),
            next: Vec::new(),
        }
    }
}

impl SeriesReader<'_> {
    /// The raw samples of one series in a range, as [`Snapshot::scan`] gives them.
    pub fn read(&mut self, id: SeriesId, range: TimeRange) -> Result<&Samples> {
        let start = range.start.max(self.snapshot.raw_from());
        let range = TimeRange { start, end: range.end.max(start) };
        let simple = self.find_parts(id, range);
        let read = if simple { self.read_parts(id, range) } else { Ok(false) };
        if !matches!(read, Ok(true)) {
            self.parts.clear();
            self.shared = 0;
            self.samples.clear();
        }
        if !read? {
            self.snapshot.scan(id, range, &mut self.samples)?;
        }
        Ok(&self.samples)
    }

    /// The last raw sample of a series in a range that is a number: of its segments only the last
    /// blocks are decoded.
    pub fn last(&mut self, id: SeriesId, range: TimeRange) -> Result<Option<(i64, f64)>> {
        let start = range.start.max(self.snapshot.raw_from());
        let range = TimeRange { start, end: range.end.max(start) };
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

    /// Reads what was found; `false` where a head overlaps it.
    fn read_parts(&mut self, id: SeriesId, range: TimeRange) -> Result<bool> {
        let same = range == self.range
            && self.next.len() == self.parts.len()
            && self.next.iter().zip(&self.parts).all(|(next, part)| next.has_the_times_of(part));
        if same {
            self.keep_times();
        } else {
            self.read_times(range)?;
        }
        self.read_values()?;
        Ok(self.read_heads(id, range))
    }

    /// Finds the segments of a series; `false` where they are not simply one after another.
    fn find_parts(&mut self, id: SeriesId, range: TimeRange) -> bool {
        self.next.clear();
        let snapshot = self.snapshot;
        for segment in &snapshot.view.segments {
            if segment.footer().range.overlaps(range)
                && let Some(place) = segment.place(id, range)
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
        self.samples.times.truncate(self.shared);
        for (part, next) in self.parts.iter_mut().zip(&self.next) {
            part.place = next.place.clone();
        }
    }

    fn read_times(&mut self, range: TimeRange) -> Result<()> {
        let times = &mut self.samples.times;
        times.clear();
        self.range = range;
        std::mem::swap(&mut self.parts, &mut self.next);
        for part in &mut self.parts {
            let first = times.len();
            part.segment.append_times(&part.place, times)?;
            let own = times.get(first..).unwrap_or(&[]);
            let from = own.partition_point(|t| *t < range.start.nanos());
            let to = own.partition_point(|t| *t < range.end.nanos()).max(from);
            part.cut = from..to;
            cut_tail(times, first, &part.cut);
        }
        self.shared = times.len();
        Ok(())
    }

    fn read_values(&mut self) -> Result<()> {
        let values = &mut self.samples.values;
        values.clear();
        for part in &self.parts {
            let first = values.len();
            part.segment.append_values(&part.place, values)?;
            cut_tail(values, first, &part.cut);
        }
        Ok(())
    }

    /// Appends what heads have; `false` where that is not simply what comes next.
    fn read_heads(&mut self, id: SeriesId, range: TimeRange) -> bool {
        for (head, seen) in self.snapshot.heads() {
            read(head).gather(id, range, Some(seen), &mut self.recent);
            if self.samples.times.last() >= self.recent.times.first() && !self.recent.is_empty() {
                return false;
            }
            self.samples.times.extend_from_slice(&self.recent.times);
            self.samples.values.extend_from_slice(&self.recent.values);
        }
        true
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
