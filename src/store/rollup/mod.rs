//! Rollups: retention that keeps what the dropped samples came to.
//!
//! In: a retention, and the samples that it ends. Out: segments of buckets, one file for each tier,
//! which are merged as they gather; buckets of a day or longer have a sketch each. Never: a sample
//! in two buckets of a tier, or in none of them and not among the raw ones either: one batch of the
//! manifest adds the buckets and ends the samples. It also takes out the buckets that are too old,
//! so that a tier never has a hole behind them, where buckets as old are not made any more. Buckets
//! of a tier never overlap, since the end of what is rolled up only rises, by whole buckets.

mod bucket;
mod merge;
mod parts;
mod tiers;

use std::sync::Arc;

pub use bucket::Bucket;
pub(crate) use bucket::BucketFields;
use parts::{Part, expire, parts};
pub use tiers::Tier;

use super::manifest::{Edit, SegmentRecord};
use super::samples::Samples;
use super::seal::{SegmentJob, tiles};
use super::segment::{BUCKET_FIELDS, RollupNote, Segment, SketchColumns};
use super::{Snapshot, Store, View, Writer, read};
use crate::error::{Error, Result};
use crate::fs::fault::{planted, unless};
use crate::model::limits::ROLLUP_TIERS_MAX;
use crate::model::{Selector, SeriesId, Span, TimeRange, Timestamp};

/// A series is rolled up this much of what may be merged at a time: a bucket takes ten numbers and
/// one for its sketch, a sample two, and there may be a bucket for each sample. What a sketch takes
/// besides is at most what the samples took of which it is made.
const SLICE_PARTS: u64 = 8;

/// Buckets of this length or longer have sketches: of shorter ones there are too many.
const SKETCHED_SPAN_MIN: Span = Span::DAY;

/// What to drop, and what to keep of it.
///
/// ```
/// use plimsoll::store::{Retention, Store, StoreOptions};
/// use plimsoll::{Span, Timestamp};
///
/// let folder = tempfile::tempdir().unwrap();
/// let store = Store::open(folder.path(), StoreOptions::default())?;
/// let before: Timestamp = "2024-03-01".parse()?;
/// store.retain_with(&Retention::rolled_up(before))?;
/// // Or: buckets of an hour, but only from this year on.
/// let from: Timestamp = "2024-01-01".parse()?;
/// store.retain_with(&Retention::new(before).rollup(Span::HOUR, Some(from)))?;
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// Samples before it are dropped. It is rounded down to a whole bucket of the coarsest tier.
    pub before: Timestamp,
    /// The tiers into which they are rolled up first.
    pub rollups: Vec<Rollup>,
}

/// A tier of rollups that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rollup {
    /// The length of a bucket. Each tier's is a whole multiple of the next finer one's. Buckets of
    /// a day or longer have a sketch each, from which quantiles are answered.
    pub span: Span,
    /// Its own buckets before this instant are dropped, rounded down to a whole bucket; it is not
    /// later than [`Retention::before`]. `None` keeps all. Samples before that of every tier are
    /// dropped and in no bucket.
    pub before: Option<Timestamp>,
}

/// What a retention did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct RetainReport {
    /// Samples before it are gone.
    pub before: Option<Timestamp>,
    /// Buckets that were made, of all tiers and series.
    pub buckets: u64,
}

impl Retention {
    /// The tiers of [`Retention::rolled_up`].
    pub const SPANS: [Span; 3] = [Span::from_seconds(300), Span::HOUR, Span::DAY];

    /// Drops samples before an instant and keeps nothing of them; add tiers with
    /// [`Retention::rollup`].
    pub fn new(before: Timestamp) -> Self {
        Self { before, rollups: Vec::new() }
    }

    /// Keeps rollups of 5 minutes, an hour and a day for ever.
    pub fn rolled_up(before: Timestamp) -> Self {
        Self::SPANS.iter().fold(Self::new(before), |all, span| all.rollup(*span, None))
    }

    /// Adds a tier, and what is to be dropped of its own buckets.
    #[must_use]
    pub fn rollup(mut self, span: Span, before: Option<Timestamp>) -> Self {
        self.rollups.push(Rollup { span, before });
        self
    }

    /// The spans of its tiers and of those that are there must divide each other, and each tier
    /// must be kept for longer than samples are.
    fn check(&self, there: &[Span]) -> Result<()> {
        for Rollup { span, before } in &self.rollups {
            if let Some(before) = before.filter(|before| *before > self.before) {
                return Err(Error::invalid(format!(
                    "rollups of {span} before {before} are to be dropped, and only samples before \
                     {} are rolled up: the tier would never hold a bucket; keep it for longer",
                    self.before
                )));
            }
        }
        let mut spans: Vec<Span> = self.rollups.iter().map(|rollup| rollup.span).collect();
        spans.sort_unstable();
        if let Some([twice, _]) = spans.array_windows().find(|[one, next]| one == next) {
            return Err(Error::invalid(format!("rollups of {twice} are asked for twice")));
        }
        spans.extend(there);
        spans.sort_unstable();
        spans.dedup();
        if spans.len() > ROLLUP_TIERS_MAX {
            return Err(Error::Limit {
                what: "the number of tiers of rollups",
                value: spans.len() as u64,
                limit: ROLLUP_TIERS_MAX as u64,
                remedy: "ask for fewer",
            });
        }
        if spans.first().is_some_and(|span| span.is_zero()) {
            return Err(Error::invalid("a rollup of no length; write 5m or 1h"));
        }
        for (fine, coarse) in spans.iter().zip(spans.iter().skip(1)) {
            if coarse.nanos() % fine.nanos() != 0 {
                return Err(Error::invalid(format!(
                    "rollups of {coarse} are not whole multiples of those of {fine}; take lengths \
                     that divide each other, as 5m, 1h and 1d do"
                )));
            }
        }
        Ok(())
    }
}

impl Store {
    /// Drops samples before an instant, as [`Store::retain`] does, but rolls them up first: what
    /// they came to is kept in buckets, and queries are answered from them. Also drops the tiers'
    /// own buckets that are too old.
    ///
    /// A tier that was not there before begins with the first whole bucket after all rollups that
    /// there are. What lies before the first of the tiers that are asked for goes into the finest
    /// tier that is there, asked for or not, so that no sample is dropped into no bucket.
    ///
    /// Where there is much to be rolled up this happens in several steps, each of which counts by
    /// itself. An error leaves the steps before it. Errors are tiers that do not fit together or
    /// would never hold a bucket, an instant after the newest sample and after now, and
    /// [`Error::Limit`] where the buckets do not fit into `disk_bytes_max` beside the samples. A
    /// damaged segment is an error: what cannot be read cannot be rolled up.
    pub fn retain_with(&self, retention: &Retention) -> Result<RetainReport> {
        let mut report = RetainReport::default();
        let Some(coarsest) = retention.rollups.iter().map(|rollup| rollup.span).max() else {
            self.retain(retention.before)?;
            report.before = self.view().retain_from;
            return Ok(report);
        };
        let mut writer = self.writer_for_change()?;
        retention.check(&self.view().spans())?;
        let until = retention.before.floor(coarsest);
        self.check_instant(&mut writer, until)?;
        self.check_first(coarsest)?;
        let before = self.file_ids();
        let gap = parts::gap(&self.view(), until, &retention.rollups)?;
        if let Some((end, tier)) = gap {
            report.buckets += self.roll_up_until(&mut writer, end, &[tier])?;
        }
        report.buckets += self.roll_up_until(&mut writer, until, &retention.rollups)?;
        self.end_retention(&mut writer, until, &retention.rollups)?;
        self.merge_rollups(&mut writer, false)?;
        if self.file_ids() != before {
            self.forget_unused(&mut writer)?;
        }
        report.before = self.view().retain_from;
        Ok(report)
    }

    /// An error where there are samples before the earliest bucket that an instant can name.
    fn check_first(&self, coarsest: Span) -> Result<()> {
        let first = Timestamp::MIN.ceil(coarsest);
        let Some(range) = self.snapshot()?.raw_range() else { return Ok(()) };
        if range.start >= first {
            return Ok(());
        }
        Err(Error::invalid(format!(
            "there are samples before {first}, and no bucket of {coarsest} begins so early; drop \
             them first: retain from {first} on, without rollups"
        )))
    }

    /// Rolls all samples before an instant up into every tier. Returns the number of buckets.
    fn roll_up_until(
        &self,
        writer: &mut Writer,
        until: Timestamp,
        tiers: &[Rollup],
    ) -> Result<u64> {
        let coarsest = tiers.iter().map(|tier| tier.span).max().unwrap_or_default();
        let mut buckets = 0;
        while let Some(slice) = self.slice(until, coarsest)? {
            buckets += self.roll_up(writer, slice, tiers)?;
        }
        Ok(buckets)
    }

    /// What is rolled up next: from the first raw sample on, as much as the memory budget allows.
    fn slice(&self, until: Timestamp, coarsest: Span) -> Result<Option<TimeRange>> {
        let snapshot = self.snapshot()?;
        let Some(start) = snapshot.raw_range().map(|range| range.start) else { return Ok(None) };
        let most = self.budget.series_samples_max() / SLICE_PARTS;
        let view = self.view();
        let mut slice = TimeRange { start, end: until };
        loop {
            if slice.start >= slice.end {
                return Ok(None);
            }
            let longest: u64 = view.segments.iter().map(|s| s.longest_in(slice)).sum();
            // Over 292 years it is less than half.
            let half = Span::from_nanos(slice.span().nanos() / 2);
            let shorter =
                start.plus(half).floor(coarsest).max(start.floor(coarsest).plus(coarsest));
            if longest <= most || shorter >= slice.end {
                return Ok(Some(slice));
            }
            slice.end = shorter;
        }
    }

    /// Rolls a slice up into every tier, and ends its samples. Returns the number of buckets.
    fn roll_up(&self, writer: &mut Writer, slice: TimeRange, tiers: &[Rollup]) -> Result<u64> {
        let snapshot = self.snapshot()?;
        let mut view = View::clone(&self.view());
        let series = snapshot.select(&Selector::all());
        let samples = |id| {
            let held = view.segments.iter().map(|segment| segment.series_samples(id));
            held.sum::<usize>() + view.heads.iter().map(|h| read(h).series_rows(id)).sum::<usize>()
        };
        let tiles = tiles(&series, self.budget.tile_samples(), samples);
        let mut made: Vec<(Segment, SegmentRecord)> = Vec::new();
        for part in parts(&view, slice, tiers) {
            match self.make_rollup(writer, &snapshot, part, slice, &tiles) {
                Ok(one) => made.extend(one),
                Err(why) => {
                    // Best effort: what cannot be removed now goes when the store is next opened.
                    for (segment, _) in &made {
                        drop(self.fs.remove(segment.path()));
                    }
                    return Err(why);
                }
            }
        }
        let values: u64 = made.iter().map(|(segment, _)| segment.footer().samples).sum();
        // In the same batch: what is too old already is not among the new buckets.
        if !planted("old-buckets-outlive-younger-ones") {
            expire(&mut view, slice.end, tiers);
        }
        self.publish_retention(writer, view, slice.end, made)?;
        Ok(values / BUCKET_FIELDS as u64)
    }

    /// Writes the buckets of one tier.
    fn make_rollup(
        &self,
        writer: &mut Writer,
        snapshot: &Snapshot,
        part: Part,
        slice: TimeRange,
        tiles: &[&[SeriesId]],
    ) -> Result<Option<(Segment, SegmentRecord)>> {
        let range = TimeRange { start: slice.start.max(part.from), end: slice.end };
        // Measured for each: how well buckets compress is known once they are written.
        let bytes_max = self.room_for_rollup(writer)?;
        let job = SegmentJob {
            bytes_max,
            order: writer.counters.next_epoch.saturating_sub(1),
            rollup: Some(RollupNote { span_nanos: part.span.nanos(), covers: part.covers }),
            retain_from: part.kept,
            ..SegmentJob::default()
        };
        self.make_segment(writer, job, tiles, |id, cache| {
            let (mut samples, mut buckets) = (Samples::default(), Vec::new());
            snapshot.scan(id, range, &mut samples)?;
            bucket::roll_up(&samples, part.span, &mut buckets);
            let mut sketches = SketchColumns::default();
            let is_sketched = part.span >= SKETCHED_SPAN_MIN;
            if is_sketched {
                bucket::sketch(&samples, &buckets, &mut sketches);
            }
            bucket::encode(id, &buckets, is_sketched.then_some(&sketches), false, cache)
        })
    }

    /// What is left once all samples are rolled up: the instant itself, where there were none
    /// before it, and the tiers' own buckets that are too old.
    fn end_retention(&self, writer: &mut Writer, until: Timestamp, tiers: &[Rollup]) -> Result<()> {
        let mut view = View::clone(&self.view());
        let before = (view.retain_from, view.expired.clone());
        let until = view.retain_from.map_or(until, |from| from.max(until));
        expire(&mut view, until, tiers);
        if before != (Some(until), view.expired.clone()) {
            self.publish_retention(writer, view, until, Vec::new())?;
        }
        Ok(())
    }

    /// Commits in one batch that samples end and that their buckets are there, then drops the
    /// segments that hold nothing else.
    fn publish_retention(
        &self,
        writer: &mut Writer,
        mut view: View,
        until: Timestamp,
        made: Vec<(Segment, SegmentRecord)>,
    ) -> Result<()> {
        let mut edit = Edit::default();
        view.retain_from = Some(until);
        unless("retention-not-kept", || edit.put_retain(until))?;
        for (span, before) in &view.expired {
            edit.put_expired(*span, *before)?;
        }
        for (segment, record) in &made {
            let id = segment.identity().segment_id;
            unless("rollup-not-published", || edit.put_segment(id, record))?;
        }
        edit.put_counters(&writer.counters)?;
        let is_gone = |segment: &&Arc<Segment>| match &segment.footer().rollup {
            Some(note) => note.covers.end <= view.expired(Span::from_nanos(note.span_nanos)),
            None => segment.footer().range.end <= until,
        };
        let gone: Vec<Arc<Segment>> = view.files().filter(is_gone).cloned().collect();
        self.replace(writer, view, &gone, made.into_iter().map(|(segment, _)| segment), edit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_divide_each_other_those_that_are_there_included() {
        let asked = |spans: &[i64], there: &[i64]| {
            let span = |nanos: &i64| Span::from_nanos(*nanos);
            let all = spans
                .iter()
                .fold(Retention::new(Timestamp::MAX), |all, nanos| all.rollup(span(nanos), None));
            all.check(&there.iter().map(span).collect::<Vec<_>>()).is_ok()
        };
        assert!(asked(&[20, 5, 60], &[5, 10]));
        assert!(!asked(&[20, 50], &[]));
        assert!(!asked(&[20, 60], &[50]));
        assert!(!asked(&[20, 20], &[]));
        assert!(!asked(&[0, 20], &[]));
        assert!(!asked(&[1, 2, 4, 8, 16], &[32, 64, 128, 256]));
    }
}
