//! Compaction: several segments become one. A pure function chooses, another carries it out.
//!
//! What is merged by the way stays packed, since it will be merged again. The cold form is written
//! where a whole compaction was asked for, and kept where it is met.

use std::ops::Range;
use std::sync::Arc;

use super::derive;
use super::manifest::Edit;
use super::samples::Samples;
use super::seal::{Encoded, SegmentJob, tiles};
use super::segment::{Footer, Segment};
use super::snapshot::scan_segments;
use super::{Store, View, Writer, read};
use crate::error::{Error, Result};
use crate::fs::Turn;
use crate::fs::fault::{in_order, planted};
use crate::model::{SeriesId, TimeRange, Timestamp};

/// The fewest segments that are merged when small ones have gathered.
const FAN_IN: usize = 8;
/// How many times larger than its largest segment a merge must be: in simulations with equal,
/// alternating and heavy-tailed sizes 3 rewrites each sample 5 times and leaves some 20 segments;
/// 2 rewrites 8 times, 4 leaves hundreds.
const GROWTH: u64 = 3;

/// What a compaction did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct CompactReport {
    /// Segments before, those of rollups included.
    pub segments_before: u64,
    /// Segments after.
    pub segments_after: u64,
    /// Bytes of all segments before.
    pub bytes_before: u64,
    /// Bytes of all segments after.
    pub bytes_after: u64,
}

impl Store {
    /// Merges segments: all of them into one if `whole`, or into as few as the memory budget
    /// allows, for a series is held in memory as it is merged; else those that the policy picks, if
    /// any. Samples that a later one overrides, or that retention has ended, take no room
    /// afterwards.
    pub fn compact(&self, whole: bool) -> Result<CompactReport> {
        let mut writer = self.writer_for_change()?;
        let before = self.file_ids();
        let report = self.compact_with(&mut writer, whole)?;
        if self.file_ids() != before {
            self.forget_unused(&mut writer)?;
        }
        Ok(report)
    }

    pub(super) fn compact_with(&self, writer: &mut Writer, whole: bool) -> Result<CompactReport> {
        let mut report = CompactReport::default();
        (report.segments_before, report.bytes_before) = totals(&self.view());
        loop {
            let view = self.view();
            let sizes: Vec<Size> = view.segments.iter().map(|s| Size::of(s, writer)).collect();
            let most = Most {
                samples: self.budget.merged_samples_max(),
                longest: self.budget.series_samples_max(),
            };
            let chosen = if whole { choose_all(&sizes, most) } else { choose(&sizes, most) };
            let chosen = chosen.or_else(|| choose_rewrite(&view, whole));
            let Some(chosen) = chosen else { break };
            // A merge that nobody asked for waits until there is space.
            match self.reserve_for_merge(writer, view.segments.get(chosen.clone()).unwrap_or(&[])) {
                Err(Error::Limit { .. }) if !whole => break,
                reserved => reserved?,
            }
            match self.merge(writer, &view, chosen, whole) {
                // A damaged segment stays as it is, and everything else goes on: `check` names it.
                // Who asked for one segment is told why there cannot be one.
                Err(Error::Corrupt { path, .. }) if !whole => {
                    let damaged = view.segments.iter().find(|s| s.path() == path);
                    let Some(damaged) = damaged else { break };
                    writer.damaged.insert(damaged.identity().segment_id);
                }
                merged => merged?,
            }
        }
        self.merge_rollups(writer, whole)?;
        (report.segments_after, report.bytes_after) = totals(&self.view());
        Ok(report)
    }

    /// Merges neighbouring segments. Neighbours in order of precedence, so that what overrides what
    /// stays as it was.
    fn merge(
        &self,
        writer: &mut Writer,
        view: &View,
        chosen: Range<usize>,
        whole: bool,
    ) -> Result<()> {
        let inputs = view.segments.get(chosen).unwrap_or(&[]).to_vec();
        let cold = whole || inputs.iter().any(|segment| segment.footer().cold);
        let mut series: Vec<SeriesId> = inputs.iter().flat_map(|s| s.series()).collect();
        series.sort_unstable();
        series.dedup();
        read(&view.catalog).sort_metric_major(&mut series);
        let range =
            TimeRange { start: view.retain_from.unwrap_or(Timestamp::MIN), end: Timestamp::MAX };
        let job = SegmentJob {
            order: inputs.iter().map(|s| s.footer().order).max().unwrap_or(0),
            epochs: Vec::new(),
            supersedes: inputs.iter().map(|s| s.identity().segment_id).collect(),
            cold,
            ..SegmentJob::default()
        };
        let samples = |id| inputs.iter().map(|segment| segment.series_samples(id)).sum();
        let derivations = cold.then(|| derive::find(&read(&view.catalog), &inputs, &series));
        let gather = |id| {
            let mut out = Samples::default();
            scan_segments(&inputs, id, range, &mut out, &mut Default::default())?;
            Ok(out)
        };
        let tiles = tiles(&series, self.budget.tile_samples(), samples);
        let made = self.make_segment(writer, job, &tiles, |id, cache| match &derivations {
            Some(derivations) => derivations.encode(id, gather, cache),
            None => Encoded::sealed(id, gather(id)?, cache),
        })?;
        let mut edit = Edit::default();
        if let Some((segment, record)) = &made {
            edit.put_segment(segment.identity().segment_id, record)?;
        }
        edit.put_counters(&writer.counters)?;
        self.replace(writer, view.clone(), &inputs, made.map(|(segment, _)| segment), edit)
    }

    /// Commits that `gone` leave (and `made` come), publishes it, and unlinks the files.
    pub(super) fn replace(
        &self,
        writer: &mut Writer,
        mut view: View,
        gone: &[Arc<Segment>],
        made: impl IntoIterator<Item = Segment>,
        mut edit: Edit,
    ) -> Result<()> {
        for segment in gone {
            edit.drop_segment(segment.identity().segment_id)?;
            if planted("superseded-unlinked-before-commit") {
                self.fs.remove(segment.path())?;
            }
        }
        self.commit(writer, &edit)?;
        view.remove(gone);
        view.add(made);
        self.publish(view);
        writer.space.forget();
        self.unlink(writer, gone)
    }

    /// Unlinks dropped segments and label files that nobody names any more. Snapshots that still
    /// read a segment keep its bytes. What cannot be unlinked now is in the manifest's list and
    /// goes when the store is next opened.
    fn unlink(&self, writer: &mut Writer, gone: &[Arc<Segment>]) -> Result<()> {
        let mut edit = Edit::default();
        let _turn = self.fs.take_turn(self.layout.root(), Turn::Change);
        for segment in gone {
            self.fs.remove(segment.path())?;
            edit.forget_drop(segment.identity().segment_id);
        }
        self.guarded(writer, |store| {
            in_order(
                "unlink-forgotten-before-sync",
                || store.fs.sync_folder(&store.layout.segments()),
                || store.db.write(&edit.batch),
            )
        })?;
        let view = self.view();
        // A segment that was set aside may still need its labels to be read by hand.
        if !view.quarantined.is_empty() {
            return Ok(());
        }
        let mut unused: Vec<u128> = gone.iter().map(|s| s.footer().label_file).collect();
        unused.sort_unstable();
        unused.dedup();
        unused.retain(|file| !view.files().any(|s| s.footer().label_file == *file));
        for address in unused {
            self.fs.remove(&self.layout.label_file(address))?;
        }
        self.guarded(writer, |store| store.fs.sync_folder(&store.layout.labels()))
    }
}

fn totals(view: &View) -> (u64, u64) {
    (view.files().count() as u64, view.files().map(|s| s.bytes()).sum())
}

/// What a merge of a segment would take.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Size {
    samples: u64,
    /// Samples of its longest series.
    pub(super) longest: u64,
    damaged: bool,
}

impl Size {
    pub(super) fn of(segment: &Segment, writer: &Writer) -> Self {
        Self {
            samples: segment.footer().samples,
            longest: segment.series_samples_max(),
            damaged: writer.damaged.contains(&segment.identity().segment_id),
        }
    }
}

/// What a merge may make at most.
#[derive(Debug, Clone, Copy)]
pub(super) struct Most {
    pub(super) samples: u64,
    pub(super) longest: u64,
}

/// Which neighbours to merge, in order of precedence: the newest eight or more, as few as will do,
/// of which the largest is at most a third of all, so that each sample is rewritten a few times in
/// its life and no more.
pub(super) fn choose(sizes: &[Size], most: Most) -> Option<Range<usize>> {
    let starts = (0..=sizes.len().checked_sub(FAN_IN)?).rev();
    starts.map(|start| start..sizes.len()).find(|range| {
        let run = sizes.get(range.clone()).unwrap_or(&[]);
        let sum: u64 = run.iter().map(|size| size.samples).sum();
        let largest = run.iter().map(|size| size.samples).max().unwrap_or(0);
        let longest: u64 = run.iter().map(|size| size.longest).sum();
        !run.iter().any(|size| size.damaged)
            && sum <= most.samples
            && longest <= most.longest
            && largest * GROWTH <= sum
    })
}

/// The first neighbours that can be merged, as many as go together. Damaged ones are among them:
/// who asks for one segment is told why there cannot be one.
pub(super) fn choose_all(sizes: &[Size], most: Most) -> Option<Range<usize>> {
    let mut start = 0;
    while start < sizes.len() {
        let mut longest = 0;
        let fits = |size: &&Size| {
            longest += size.longest;
            longest <= most.longest
        };
        let count = sizes.iter().skip(start).take_while(fits).count();
        if count > 1 {
            return Some(start..start + count);
        }
        start += 1;
    }
    None
}

/// A segment by itself holds nothing to merge, but may be packed still, or hold samples that
/// retention has ended.
fn choose_rewrite(view: &View, whole: bool) -> Option<Range<usize>> {
    let expired = |footer: &Footer| view.retain_from.is_some_and(|from| footer.range.start < from);
    let mut footers = view.segments.iter().map(|segment| segment.footer());
    let at = footers.position(|footer| whole && (!footer.cold || expired(footer)))?;
    Some(at..at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: Most = Most { samples: 1 << 28, longest: 1 << 20 };

    fn sizes(samples: &[u64]) -> Vec<Size> {
        samples.iter().map(|samples| Size { samples: *samples, ..Size::default() }).collect()
    }

    #[test]
    fn small_neighbours_are_merged_and_large_ones_are_left() {
        let choose = |samples: &[u64]| choose(&sizes(samples), MOST);
        assert_eq!(choose(&[10; 7]), None);
        assert_eq!(choose(&[10; 8]), Some(0..8));
        assert_eq!(choose(&[80, 10, 10, 10, 10, 10, 10, 10]), None);
        assert_eq!(choose(&[80, 10, 10, 10, 10, 10, 10, 10, 10]), Some(1..9));
        assert_eq!(choose(&[MOST.samples / 4; 9]), None);
    }

    #[test]
    fn what_is_damaged_or_over_the_memory_budget_is_not_merged() {
        let mut nine = sizes(&[10; 9]);
        nine[8].damaged = true;
        assert_eq!(choose(&nine, MOST), None);
        nine[8] = Size { samples: 10, longest: MOST.longest, damaged: false };
        nine[0].longest = 1;
        assert_eq!(choose(&nine, MOST), Some(1..9));
        nine[1].longest = 1;
        assert_eq!(choose(&nine, MOST), None);
    }

    #[test]
    fn all_become_as_few_as_the_memory_budget_allows() {
        let of = |longest: &[u64]| {
            let size = |longest: &u64| Size { longest: *longest, ..Size::default() };
            choose_all(&longest.iter().map(size).collect::<Vec<_>>(), MOST)
        };
        let half = MOST.longest / 2;
        assert_eq!(of(&[5, 1]), Some(0..2));
        assert_eq!(of(&[5]), None);
        assert_eq!(of(&[half, half, half]), Some(0..2));
        assert_eq!(of(&[MOST.longest, half, half]), Some(1..3));
        assert_eq!(of(&[MOST.longest, half, half + 1]), None);
    }

    #[test]
    fn each_sample_is_rewritten_a_few_times_only() {
        // 4,096 seals, all equal or every third a hundred times larger: the work of all merges
        // against the samples there are.
        for large in [1_u64, 100] {
            let (mut segments, mut rewritten, mut appended) = (Vec::<u64>::new(), 0_u64, 0_u64);
            for seal in 0..4_096 {
                segments.push(if seal % 3 == 0 { large } else { 1 });
                appended += segments.last().copied().unwrap_or(0);
                while let Some(range) = choose(&sizes(&segments), MOST) {
                    let merged: u64 = segments.drain(range.clone()).sum();
                    rewritten += merged;
                    segments.insert(range.start, merged);
                }
                assert!(segments.len() <= 20, "{} segments", segments.len());
            }
            assert!(rewritten <= appended * 11 / 2, "{rewritten} of {appended} rewritten");
        }
    }
}
