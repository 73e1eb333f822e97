//! Merging of rollups: files of one tier that follow each other become one, by the same policy and
//! the same protocol as segments of samples.

use std::sync::Arc;

use super::bucket::{self, BucketFields};
use super::tiers::scan;
use crate::error::{Error, Result};
use crate::model::{SeriesId, Span, TimeRange, Timestamp};
use crate::store::compact::{Most, Size, choose, choose_all};
use crate::store::manifest::Edit;
use crate::store::seal::{SegmentJob, tiles};
use crate::store::segment::{RollupNote, Segment, SketchColumns};
use crate::store::{Store, View, Writer, read};

/// A bucket takes this many times the memory of a sample, nearly; a bin of a sketch as much as one.
const BUCKET_SAMPLES: usize = 8;

impl Store {
    /// Merges the files of each tier: all that the memory budget allows if `whole`, else those that
    /// the policy picks. Buckets that are gone take no room afterwards.
    pub(in crate::store) fn merge_rollups(&self, writer: &mut Writer, whole: bool) -> Result<()> {
        for span in self.view().spans() {
            loop {
                let view = self.view();
                let Some(inputs) = self.choose_rollups(writer, &view, span, whole) else { break };
                match self.reserve_for_merge(writer, &inputs) {
                    Err(Error::Limit { .. }) if !whole => break,
                    reserved => reserved?,
                }
                match self.merge_tier(writer, &view, &inputs, span, whole) {
                    // As with samples: what is damaged stays, and everything else goes on.
                    Err(Error::Corrupt { path, .. }) if !whole => {
                        let damaged = view.tier(span).find(|s| s.path() == path);
                        let Some(damaged) = damaged else { break };
                        writer.damaged.insert(damaged.identity().segment_id);
                    }
                    merged => merged?,
                }
            }
        }
        Ok(())
    }

    /// The files of a tier that are merged next.
    fn choose_rollups(
        &self,
        writer: &Writer,
        view: &View,
        span: Span,
        whole: bool,
    ) -> Option<Vec<Arc<Segment>>> {
        let most = Most {
            samples: self.budget.merged_samples_max(),
            longest: self.budget.series_samples_max() / BUCKET_SAMPLES as u64,
        };
        let files: Vec<Arc<Segment>> = view.tier(span).cloned().collect();
        // A hole between two may be time that only other tiers have.
        // And a file has the sketches of all its buckets or of none.
        let together = |a: &Arc<Segment>, b: &Arc<Segment>| {
            end_of(a) == start_of(b) && a.has_sketches() == b.has_sketches()
        };
        for run in files.chunk_by(together) {
            let sizes: Vec<Size> = run.iter().map(|file| size_of(file, writer)).collect();
            let chosen = if whole { choose_all(&sizes, most) } else { choose(&sizes, most) };
            if let Some(chosen) = chosen {
                return run.get(chosen).map(<[_]>::to_vec);
            }
        }
        let from = view.expired(span);
        let to_rewrite = |s: &&Arc<Segment>| !s.footer().cold || s.footer().range.start < from;
        files.iter().find(|s| whole && to_rewrite(s)).map(|segment| vec![segment.clone()])
    }

    fn merge_tier(
        &self,
        writer: &mut Writer,
        view: &View,
        inputs: &[Arc<Segment>],
        span: Span,
        whole: bool,
    ) -> Result<()> {
        let (Some(first), Some(last)) = (inputs.first(), inputs.last()) else { return Ok(()) };
        let (Some(start), Some(end)) = (start_of(first), end_of(last)) else { return Ok(()) };
        let start = start.max(view.expired(span));
        let covers = TimeRange { start, end: end.max(start) };
        let cold = whole || inputs.iter().any(|segment| segment.footer().cold);
        let job = SegmentJob {
            order: inputs.iter().map(|s| s.footer().order).max().unwrap_or(0),
            supersedes: inputs.iter().map(|s| s.identity().segment_id).collect(),
            cold,
            rollup: Some(RollupNote { span_nanos: span.nanos(), covers }),
            ..SegmentJob::default()
        };
        let mut series: Vec<SeriesId> = inputs.iter().flat_map(|s| s.series()).collect();
        series.sort_unstable();
        series.dedup();
        read(&self.catalog()).sort_metric_major(&mut series);
        let samples = |id| inputs.iter().map(|s| samples_of(s, id)).sum::<usize>();
        let tiles = tiles(&series, self.budget.tile_samples(), samples);
        let made = self.make_segment(writer, job, &tiles, |id, cache| {
            let range = TimeRange { start, end: Timestamp::MAX };
            let (mut buckets, mut sketches) = (Vec::new(), SketchColumns::default());
            scan(inputs, id, range, BucketFields::ALL, &mut buckets)?;
            for segment in inputs {
                segment.scan_sketches(id, range, &mut sketches)?;
            }
            let sketches = first.has_sketches().then_some(&sketches);
            bucket::encode(id, &buckets, sketches, cold, cache)
        })?;
        let mut edit = Edit::default();
        if let Some((segment, record)) = &made {
            edit.put_segment(segment.identity().segment_id, record)?;
        }
        edit.put_counters(&writer.counters)?;
        self.replace(writer, view.clone(), inputs, made.map(|(segment, _)| segment), edit)
    }
}

/// As many samples as take the memory of the buckets of a series.
fn samples_of(segment: &Segment, id: SeriesId) -> usize {
    segment.series_samples(id) * BUCKET_SAMPLES + segment.series_bins(id) as usize
}

/// What a merge of a file would take; its longest series in buckets, bins included.
fn size_of(segment: &Segment, writer: &Writer) -> Size {
    let mut size = Size::of(segment, writer);
    if segment.has_sketches() {
        let longest = segment.series().map(|id| samples_of(segment, id)).max().unwrap_or(0);
        size.longest = longest.div_ceil(BUCKET_SAMPLES) as u64;
    }
    size
}

fn start_of(segment: &Arc<Segment>) -> Option<Timestamp> {
    segment.footer().rollup.map(|note| note.covers.start)
}

fn end_of(segment: &Arc<Segment>) -> Option<Timestamp> {
    segment.footer().rollup.map(|note| note.covers.end)
}
