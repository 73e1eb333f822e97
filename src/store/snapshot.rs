//! Snapshots: what a query sees. Appends, seals and compactions that come later do not change it.

use std::sync::{Arc, RwLock};
use std::time::Duration;

use super::clock::Clock;
use super::head::{Head, Seen};
use super::options::Conflict;
use super::pieces::Amount;
use super::samples::Samples;
use super::segment::Segment;
use super::{Store, View, read};
use crate::error::{Error, Result};
use crate::fs::fault::planted;
use crate::model::{Labels, Selector, SeriesId, TimeRange, Unit};

/// A fixed view of a store. Cheap to clone and to send between threads. It keeps superseded
/// segments readable, so hold it no longer than a query lasts.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub(super) view: Arc<View>,
    /// What of each head is seen.
    seen: Arc<[Seen]>,
    clock: Arc<dyn Clock>,
}

impl Store {
    /// What a query may see now.
    pub fn snapshot(&self) -> Result<Snapshot> {
        let view = self.view();
        let seen = view.heads.iter().map(|head| read(head).seen()).collect();
        Ok(Snapshot { view, seen, clock: self.clock.clone() })
    }
}

impl Snapshot {
    /// The selected series, metric-major: the series of one metric lie side by side.
    pub fn select(&self, selector: &Selector) -> Vec<SeriesId> {
        read(&self.view.catalog).select(selector)
    }

    /// Puts series together that share all labels but the metric: the metrics of one host. They
    /// keep their order, and the host of the first series comes first.
    pub fn siblings(&self, series: &[SeriesId]) -> Vec<Vec<SeriesId>> {
        read(&self.view.catalog).siblings(series)
    }

    /// The labels of a series; `None` for a number that this store never gave, or
    /// whose series it has forgotten.
    pub fn labels(&self, id: SeriesId) -> Option<Labels> {
        read(&self.view.catalog).labels(id)
    }

    /// The value of one label of a series; `None` where it has none. Cheaper than all labels.
    pub fn label(&self, id: SeriesId, name: &str) -> Option<String> {
        read(&self.view.catalog).label(id, name).map(ToOwned::to_owned)
    }

    /// The labels of each series.
    pub(crate) fn labels_of(&self, series: &[SeriesId]) -> Result<Vec<Labels>> {
        let catalog = read(&self.view.catalog);
        let labels = series.iter().map(|id| catalog.labels(*id));
        labels.collect::<Option<_>>().ok_or_else(|| Error::invalid("a series without labels"))
    }

    /// Series by the labels of these names, in the order of these labels.
    pub(crate) fn group(
        &self,
        series: &[SeriesId],
        names: &[String],
    ) -> Vec<(Labels, Vec<SeriesId>)> {
        read(&self.view.catalog).group(series, names)
    }

    /// The unit of a metric, where one was set.
    pub fn unit(&self, metric: &str) -> Option<Unit> {
        read(&self.view.catalog).unit(metric).cloned()
    }

    /// From the first sample of all series, or the first bucket of rollups, to 1 ns after the last
    /// sample, or the end of the last bucket; `None` without any.
    pub fn range(&self) -> Option<TimeRange> {
        let tiers = self.tiers().into_iter().map(|tier| tier.range);
        tiers.chain(self.raw_range()).reduce(around)
    }

    /// From the first raw sample of all series to 1 ns after the last; `None` without samples.
    pub fn raw_range(&self) -> Option<TimeRange> {
        let segments = self.view.segments.iter().map(|segment| segment.footer().range);
        let heads = self.seen.iter().filter_map(Seen::range);
        let whole = segments.chain(heads).reduce(around)?;
        let start = whole.start.max(self.raw_from());
        (start < whole.end).then_some(TimeRange { start, end: whole.end })
    }

    /// Replaces `out` with the raw samples of one series in a range, in order of time, each instant
    /// once; what was rolled up is not among them. `out` is reused from call to call: where one
    /// segment or head has all of them, as in a compacted store, nothing is allocated.
    pub fn scan(&self, id: SeriesId, range: TimeRange, out: &mut Samples) -> Result<()> {
        let mut scratch = (Samples::default(), Samples::default());
        let start = range.start.max(self.raw_from());
        let range = TimeRange { start, end: range.end.max(start) };
        scan_segments(&self.view.segments, id, range, out, &mut scratch)?;
        for (head, seen) in self.heads() {
            let head = read(head);
            if out.is_empty() {
                head.gather(id, range, Some(seen), out);
                continue;
            }
            head.gather(id, range, Some(seen), &mut scratch.0);
            if !scratch.0.is_empty() {
                let newer_wins = head.conflict == Conflict::LastWins;
                out.merge(&scratch.0, newer_wins, &mut scratch.1);
            }
        }
        Ok(())
    }
}

impl Snapshot {
    /// Time since some fixed moment.
    pub(crate) fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    /// Segments that have samples in a range.
    pub(crate) fn segments_in(&self, range: TimeRange) -> usize {
        let segments = self.view.segments.iter();
        segments.filter(|segment| segment.footer().range.overlaps(range)).count()
    }

    /// Samples that a series may have in a range.
    pub(crate) fn longest_in(&self, range: TimeRange) -> u64 {
        let segments = self.view.segments.iter();
        let segments = segments.filter(|segment| segment.footer().range.overlaps(range));
        let sealed: u64 = segments.map(|segment| segment.longest_in(range)).sum();
        let heads = self.heads().map(|(head, _)| read(head).samples() as u64);
        sealed + heads.sum::<u64>()
    }

    /// What segments and heads hold of a series. A sample that a later segment overrides counts
    /// until the two are merged.
    pub(crate) fn stored(&self, id: SeriesId) -> Amount {
        let mut all = Amount::default();
        for segment in &self.view.segments {
            all.merge(segment.amount(id));
        }
        let mut samples = Samples::default();
        for (head, seen) in self.heads() {
            read(head).gather(id, TimeRange::ALL, Some(seen), &mut samples);
            all.samples += samples.len() as u64;
        }
        all
    }

    /// The heads, and what of each is seen.
    pub(super) fn heads(&self) -> impl Iterator<Item = (&FrozenHead, &Seen)> {
        self.view.heads.iter().zip(self.seen.iter())
    }
}

/// The shortest range around two.
pub(super) fn around(a: TimeRange, b: TimeRange) -> TimeRange {
    TimeRange { start: a.start.min(b.start), end: a.end.max(b.end) }
}

/// Replaces `out` with the samples that segments hold of one series; later segments win.
pub(super) fn scan_segments(
    segments: &[Arc<Segment>],
    id: SeriesId,
    range: TimeRange,
    out: &mut Samples,
    (run, scratch): &mut (Samples, Samples),
) -> Result<()> {
    out.clear();
    for segment in segments {
        if !segment.footer().range.overlaps(range) {
            continue;
        }
        if out.is_empty() {
            segment.scan(id, range, out)?;
        } else {
            segment.scan(id, range, run)?;
            out.merge(run, !planted("earlier-segment-wins"), scratch);
        }
    }
    Ok(())
}

/// A head that is no longer written, for the sealer.
pub(super) type FrozenHead = Arc<RwLock<Head>>;
