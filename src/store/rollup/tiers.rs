//! The tiers of a snapshot: which rollups there are, of which time, and their buckets.

use std::sync::Arc;

use super::bucket::{Bucket, BucketFields, Columns};
use crate::error::Result;
use crate::fs::fault::planted;
use crate::kernel::Sketch;
use crate::model::{SeriesId, Span, TimeRange, Timestamp};
use crate::store::segment::{BUCKET_FIELDS, Segment, SketchColumns, number};
use crate::store::{Snapshot, View};

/// One tier of rollups.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Tier {
    /// The length of its buckets, which start at multiples of it since the epoch.
    pub span: Span,
    /// From the first bucket to the end of the last.
    pub range: TimeRange,
    /// Where all that was rolled up is in its buckets: ranges in order, apart from each other.
    pub covers: Vec<TimeRange>,
    /// Where these buckets have sketches: all of it in a tier of a day or longer, but for buckets
    /// that were made when there were no sketches yet.
    pub sketches: Vec<TimeRange>,
    /// Buckets of all series, those included that are gone and leave with the next merge.
    pub buckets: u64,
    /// Its files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl View {
    /// Segments of the tier of a span, in order of time.
    pub(in crate::store) fn tier(&self, span: Span) -> impl Iterator<Item = &Arc<Segment>> {
        let is_of = move |s: &&Arc<Segment>| span_of(s) == Some(span);
        self.rollups.iter().filter(is_of)
    }

    /// Buckets of a tier before this instant are gone.
    pub(in crate::store) fn expired(&self, span: Span) -> Timestamp {
        let expired = self.expired.get(&span.nanos()).copied();
        expired.filter(|_| !planted("old-buckets-not-hidden")).unwrap_or(Timestamp::MIN)
    }

    /// The spans of all tiers, the finest first.
    pub(in crate::store) fn spans(&self) -> Vec<Span> {
        let mut spans: Vec<Span> = self.rollups.iter().filter_map(|s| span_of(s)).collect();
        spans.dedup();
        spans
    }
}

fn span_of(segment: &Segment) -> Option<Span> {
    segment.footer().rollup.map(|note| Span::from_nanos(note.span_nanos))
}

impl Snapshot {
    /// The tiers of rollups, the finest first. A tier whose buckets are all gone is none.
    pub fn tiers(&self) -> Vec<Tier> {
        self.view.spans().into_iter().filter_map(|span| self.tier(span)).collect()
    }

    fn tier(&self, span: Span) -> Option<Tier> {
        let from = self.view.expired(span);
        let mut tier: Option<Tier> = None;
        for segment in self.view.tier(span) {
            let footer = segment.footer();
            let Some(note) = footer.rollup.filter(|note| note.covers.end > from) else { continue };
            let covers = TimeRange { start: note.covers.start.max(from), end: note.covers.end };
            let end = Timestamp::from_nanos(footer.range.end.nanos().saturating_sub(1)).plus(span);
            let tier = tier.get_or_insert_with(|| Tier {
                span,
                range: TimeRange { start: footer.range.start.max(from), end },
                covers: Vec::new(),
                sketches: Vec::new(),
                buckets: 0,
                files: 0,
                bytes: 0,
            });
            tier.range.end = end;
            tier.buckets += footer.samples / BUCKET_FIELDS as u64;
            tier.files += 1;
            tier.bytes += segment.bytes();
            add_range(&mut tier.covers, covers);
            if segment.has_sketches() {
                add_range(&mut tier.sketches, covers);
            }
        }
        tier
    }

    /// Replaces `out` with the buckets of one series that start in a range, in order of time, of
    /// the tier of a span; with none where there is no such tier.
    pub fn scan_buckets(
        &self,
        id: SeriesId,
        span: Span,
        range: TimeRange,
        out: &mut Vec<Bucket>,
    ) -> Result<()> {
        self.scan_fields(id, span, range, BucketFields::ALL, out)
    }

    /// [`Self::scan_buckets`], with some fields only: the others are 0 or NaN.
    pub(crate) fn scan_fields(
        &self,
        id: SeriesId,
        span: Span,
        range: TimeRange,
        fields: BucketFields,
        out: &mut Vec<Bucket>,
    ) -> Result<()> {
        let start = range.start.max(self.view.expired(span));
        let range = TimeRange { start, end: range.end.max(start) };
        out.clear();
        scan(self.view.tier(span), id, range, fields, out)
    }

    /// Calls `each` with the start and the sketch of every bucket of one series that starts in a
    /// range and has one, in order of time, of the tier of a span.
    pub fn scan_sketches(
        &self,
        id: SeriesId,
        span: Span,
        range: TimeRange,
        mut each: impl FnMut(i64, &Sketch),
    ) -> Result<()> {
        let start = range.start.max(self.view.expired(span));
        let range = TimeRange { start, end: range.end.max(start) };
        let mut starts = Vec::new();
        let mut fields = [Vec::new(), Vec::new(), Vec::new()];
        let mut columns = SketchColumns::default();
        for segment in self.view.tier(span) {
            if !segment.has_sketches() || !segment.footer().range.overlaps(range) {
                continue;
            }
            columns.clear();
            segment.scan_fields(id, range, &mut starts, &mut fields, |_| true)?;
            segment.scan_sketches(id, range, &mut columns)?;
            let [counts, least, greatest] = &fields;
            let mut next = columns.read();
            for (((start, count), min), max) in starts.iter().zip(counts).zip(least).zip(greatest) {
                let sketch = next(number(*count) as u64, *min, *max);
                each(*start, &sketch.map_err(|why| why.at(segment.path(), 0))?);
            }
        }
        Ok(())
    }

    /// From where on there are raw samples; those before are gone or rolled up.
    pub fn raw_from(&self) -> Timestamp {
        self.view.retain_from.unwrap_or(Timestamp::MIN)
    }
}

/// Adds a range behind others, or to the last of them where it follows.
fn add_range(ranges: &mut Vec<TimeRange>, range: TimeRange) {
    match ranges.last_mut().filter(|before| before.end == range.start) {
        Some(before) => before.end = range.end,
        None => ranges.push(range),
    }
}

/// Adds to `out` the buckets of one series in segments that are in order of time.
pub(super) fn scan<'a>(
    segments: impl IntoIterator<Item = &'a Arc<Segment>>,
    id: SeriesId,
    range: TimeRange,
    fields: BucketFields,
    out: &mut Vec<Bucket>,
) -> Result<()> {
    let mut columns = Columns::default();
    for segment in segments {
        if segment.footer().range.overlaps(range) {
            let Columns { starts, fields: columns_of } = &mut columns;
            segment.scan_fields(id, range, starts, columns_of, |at| fields.has(at))?;
            columns.append_to(out);
        }
    }
    Ok(())
}
