//! Sealing: a head becomes a segment. Every step may be the last before a crash:
//!
//! 1. Freeze: a new epoch begins (manifest, synced); appends go there.
//! 2. Write the labels and the segment under temporary names; sync; rename; sync the folder.
//! 3. Reopen the file and verify every byte. Each block was decoded and compared with its samples
//!    when it was encoded.
//! 4. Commit: one synced manifest batch adds the segment and forgets the epoch.
//! 5. Publish the new view; write manifest and catalog from the log to tables; drop the epoch's
//!    column family.
//!
//! Before 4 the samples are in the head, after it in the segment, never in both or neither. The
//! tables come before the drop, so that damage to the log cannot undo 4 once the head is gone.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::head::Head;
use super::layout::Layout;
use super::manifest::{self, Edit, EpochRecord, SegmentRecord};
use super::options::Conflict;
use super::samples::Samples;
use super::segment::{
    EncodedColumn, EncodedSketches, Footer, RollupNote, Segment, SegmentIdentity, SegmentWriter,
    StoreNotes, label_file,
};
use super::snapshot::{FrozenHead, scan_segments};
use super::space::segment_bytes;
use super::{Store, View, Writer, catalog, parallel, read};
use crate::codec::ValueCache;
use crate::error::{Error, Result};
use crate::fs::Turn;
use crate::fs::fault::{in_order, planted, unless};
use crate::model::{METRIC_LABEL, SeriesId, TimeRange, Timestamp};

/// Series that are encoded at the same time, before they are written in order, if they have
/// `TILE_SAMPLES` together; four times as many where they have fewer, since threads are started for
/// each tile.
const TILE_SERIES: usize = 64;
const TILE_SERIES_MAX: usize = 4 * TILE_SERIES;
const TILE_SAMPLES: usize = 1 << 16;
/// Series that are one task: neighbours, mostly of one metric, so that what the codec learnt of one
/// serves the next. Not a matter of how many threads there are: equal data gives equal bytes.
const RUN_SERIES: usize = 8;

/// Bytes of all units that a segment notes, some 10,000: a footer is one record of 1 MiB at most.
/// What is left out is in the database as ever.
const UNIT_NOTES_BYTES_MAX: usize = 1 << 19;
/// Bytes of a note beside its texts: their lengths.
const UNIT_NOTE_BYTES: usize = 16;

/// One series ready to be written.
pub(super) struct Encoded {
    pub(super) id: SeriesId,
    pub(super) times: Vec<i64>,
    /// Its values, or the fields of its buckets.
    pub(super) columns: Vec<EncodedColumn>,
    /// The sketches of its buckets, of all series or of none.
    pub(super) sketches: Option<EncodedSketches>,
}

impl Encoded {
    /// A series of a head.
    pub(super) fn sealed(id: SeriesId, samples: Samples, cache: &mut ValueCache) -> Result<Self> {
        let column = EncodedColumn::sealed(&samples.values, cache)?;
        Ok(Self { id, times: samples.times, columns: vec![column], sketches: None })
    }
}

impl Store {
    /// Turns the head into a segment. Samples that the store holds already with the same value
    /// take no room again. Nothing happens where nothing was appended.
    pub fn seal(&self) -> Result<()> {
        let mut writer = self.writer_for_change()?;
        self.seal_with(&mut writer)
    }

    pub(super) fn seal_with(&self, writer: &mut Writer) -> Result<()> {
        // What a seal that failed left frozen comes first: a disk that stays full must not make
        // one epoch after another.
        self.seal_frozen(writer)?;
        let current = self.view().heads.last().map_or(0, |head| read(head).samples());
        if current > 0 {
            self.start_epoch(writer)?;
            self.seal_frozen(writer)?;
        }
        if self.options.compact_after_seal {
            self.compact_with(writer, false)?;
        }
        Ok(())
    }

    fn seal_frozen(&self, writer: &mut Writer) -> Result<()> {
        loop {
            let view = self.view();
            let [frozen, _current, ..] = view.heads.as_slice() else { return Ok(()) };
            self.seal_head(writer, &view, frozen)?;
        }
    }

    /// Begins a new epoch; the head before it is frozen.
    pub(super) fn start_epoch(&self, writer: &mut Writer) -> Result<()> {
        let epoch = writer.counters.next_epoch;
        let conflict = self.options.conflict;
        let turn = self.fs.take_turn(self.layout.root(), Turn::Change);
        self.guarded(writer, |store| store.db.create_family(&Layout::head_family(epoch)))?;
        writer.counters.next_epoch += 1;
        writer.counters.last_sequence = writer.next_sequence - 1;
        let mut edit = Edit::default();
        edit.put_epoch(epoch, &EpochRecord { conflict })?;
        unless("numbers-not-kept", || edit.put_counters(&writer.counters))?;
        self.commit(writer, &edit)?;
        drop(turn);
        writer.all_durable();
        let mut view = View::clone(&self.view());
        let before = view.heads.last();
        let head = before
            .map_or_else(|| Head::new(epoch, conflict), |head| read(head).next(epoch, conflict));
        view.heads.push(Arc::new(std::sync::RwLock::new(head)));
        self.publish(view);
        Ok(())
    }

    /// Gives the current epoch, which is empty, the conflict rule of the options.
    pub(super) fn change_rule(&self, writer: &mut Writer, view: &View, epoch: u64) -> Result<()> {
        let conflict = self.options.conflict;
        let mut edit = Edit::default();
        edit.put_epoch(epoch, &EpochRecord { conflict })?;
        self.commit(writer, &edit)?;
        let mut next = View::clone(view);
        next.heads.pop();
        next.heads.push(Arc::new(std::sync::RwLock::new(Head::new(epoch, conflict))));
        self.publish(next);
        Ok(())
    }

    fn seal_head(&self, writer: &mut Writer, view: &View, frozen: &FrozenHead) -> Result<()> {
        let head = read(frozen);
        self.reserve(writer, segment_bytes(&head))?;
        let mut series: Vec<SeriesId> = head.series().collect();
        let catalog = read(&view.catalog);
        catalog.sort_metric_major(&mut series);
        catalog.note_used(&series);
        drop(catalog);
        let job =
            SegmentJob { order: head.epoch, epochs: vec![head.epoch], ..SegmentJob::default() };
        let conflicts = AtomicU64::new(0);
        let tiles = tiles(&series, self.budget.tile_samples(), |id| head.series_rows(id));
        let made = self.make_segment(writer, job, &tiles, |id, cache| {
            Encoded::sealed(id, fresh(&head, view, id, &conflicts)?, cache)
        })?;
        let mut edit = Edit::default();
        edit.delete_epoch(head.epoch);
        if let Some((segment, record)) = &made {
            edit.put_segment(segment.identity().segment_id, record)?;
        }
        edit.put_counters(&writer.counters)?;
        if planted("head-dropped-before-commit") {
            self.db.drop_family(&Layout::head_family(head.epoch))?;
        }
        self.commit(writer, &edit)?;
        self.conflicts.fetch_add(conflicts.into_inner(), Ordering::Relaxed);
        let mut next = View::clone(view);
        next.heads.retain(|other| !Arc::ptr_eq(other, frozen));
        next.add(made.map(|(segment, _)| segment));
        self.publish(next);
        let _turn = self.fs.take_turn(self.layout.root(), Turn::Change);
        self.guarded(writer, |store| {
            unless("log-needed-after-head-is-gone", || {
                store.db.flush(&[catalog::FAMILY, manifest::FAMILY])
            })?;
            unless("head-dropped-before-commit", || {
                store.db.drop_family(&Layout::head_family(head.epoch))
            })
        })
    }

    /// Writes a segment from what `encode` yields for each series, verifies it and makes its name
    /// durable. It does not count until it is committed. `None` where there was no sample.
    pub(super) fn make_segment(
        &self,
        writer: &mut Writer,
        job: SegmentJob,
        tiles: &[&[SeriesId]],
        encode: impl Fn(SeriesId, &mut ValueCache) -> Result<Encoded> + Sync,
    ) -> Result<Option<(Segment, SegmentRecord)>> {
        // A new number for every attempt: a file that failed is never written again.
        let segment_id = writer.counters.next_segment;
        writer.counters.next_segment += 1;
        let made = self.write_segment(writer, segment_id, job, tiles, encode);
        if !matches!(made, Ok(Some(_))) {
            // Best effort: what cannot be removed now is removed when the store is next opened.
            drop(self.fs.remove(&self.layout.segment_temporary(segment_id)));
            drop(self.fs.remove(&self.layout.segment(segment_id)));
        }
        made
    }

    fn write_segment(
        &self,
        writer: &mut Writer,
        segment_id: u64,
        job: SegmentJob,
        tiles: &[&[SeriesId]],
        encode: impl Fn(SeriesId, &mut ValueCache) -> Result<Encoded> + Sync,
    ) -> Result<Option<(Segment, SegmentRecord)>> {
        let identity = SegmentIdentity { store_id: self.store_id, segment_id };
        let temporary = self.layout.segment_temporary(segment_id);
        let mut file = SegmentWriter::create(&*self.fs, &temporary, identity, job.bytes_max)?;
        let mut written = Vec::new();
        for tile in tiles {
            let encode_run = |run: &&[SeriesId]| {
                let mut cache = ValueCache::default();
                run.iter().map(|id| encode(*id, &mut cache)).collect::<Result<Vec<Encoded>>>()
            };
            let runs: Vec<&[SeriesId]> = tile.chunks(RUN_SERIES).collect();
            for Encoded { id, times, columns, sketches } in
                parallel::map(&runs, encode_run)?.into_iter().flatten()
            {
                if !times.is_empty() {
                    file.push(id, &times, &columns, sketches.as_ref())?;
                    written.push(id);
                }
            }
        }
        if file.samples() == 0 {
            return Ok(None);
        }
        let label_file = self.write_labels(writer, &written)?;
        let notes = self.notes(writer, &written, job.retain_from);
        let SegmentJob { order, epochs, supersedes, cold, rollup, .. } = job;
        let footer = Footer::new(order, label_file, epochs, supersedes, cold, rollup, notes);
        let (footer, mut file) = file.finish(footer)?;
        let path = self.layout.segment(segment_id);
        in_order(
            "segment-renamed-before-sync",
            || self.guarded(writer, |_| unless("segment-not-synced", || file.sync())),
            || self.fs.rename(&temporary, &path),
        )?;
        self.guarded(writer, |store| {
            unless("segment-name-not-synced", || store.fs.sync_folder(&store.layout.segments()))
        })?;
        let segment = Segment::open(self.fs.map(&path)?, &path)?;
        segment.verify_bytes()?;
        if *segment.footer() != footer {
            return Err(Error::corrupt(&path, 0, "its footer is not the one that was written"));
        }
        let record = SegmentRecord::of(&segment);
        Ok(Some((segment, record)))
    }

    /// Writes the label file of these series unless it is there; returns its content address.
    pub(super) fn write_labels(&self, writer: &mut Writer, series: &[SeriesId]) -> Result<u128> {
        let entries = self.fs.list(&self.layout.labels())?;
        let is_there = |address, bytes| {
            let path = self.layout.label_file(address);
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            entries.iter().any(|entry| entry.name == name && entry.bytes == bytes)
        };
        if let Some(last) = &writer.last_labels
            && last.series == series
            && is_there(last.address, last.bytes)
        {
            return Ok(last.address);
        }
        let (address, bytes) = self.view().encode_labels(series);
        let named = LabelsWritten { series: series.to_vec(), address, bytes: bytes.len() as u64 };
        if is_there(address, named.bytes) {
            writer.last_labels = Some(named);
            return Ok(address);
        }
        let (path, temporary) =
            (self.layout.label_file(address), self.layout.label_temporary(address));
        for entry in entries.iter().filter(|e| Layout::is_label_temporary(&e.name)) {
            self.fs.remove(&self.layout.labels().join(&entry.name))?;
        }
        let mut file = self.fs.create(&temporary)?;
        file.append(&bytes)?;
        self.guarded(writer, |_| file.sync())?;
        self.fs.rename(&temporary, &path)?;
        self.guarded(writer, |store| store.fs.sync_folder(&store.layout.labels()))?;
        writer.last_labels = Some(named);
        Ok(address)
    }

    /// What a segment of these series says of the store.
    fn notes(
        &self,
        writer: &Writer,
        series: &[SeriesId],
        retain_from: Option<Timestamp>,
    ) -> StoreNotes {
        if planted("store-not-noted-in-segments") {
            return StoreNotes::default();
        }
        let view = self.view();
        let catalog = read(&view.catalog);
        let pairs = series.iter().flat_map(|id| catalog.pairs(*id));
        let metrics: BTreeSet<&str> =
            pairs.filter(|(name, _)| *name == METRIC_LABEL).map(|(_, metric)| metric).collect();
        let units = metrics.into_iter().filter_map(|metric| {
            let unit = catalog.unit(metric)?;
            Some((metric.to_owned(), unit.as_str().to_owned()))
        });
        let mut bytes = 0;
        let units = units.take_while(|(metric, unit)| {
            bytes += metric.len() + unit.len() + UNIT_NOTE_BYTES;
            bytes <= UNIT_NOTES_BYTES_MAX
        });
        StoreNotes {
            units: units.collect(),
            retain_from: view.retain_from.max(retain_from),
            last_sequence: writer.next_sequence - 1,
        }
    }
}

impl View {
    /// The content address and the bytes of the label file of these series.
    pub(super) fn encode_labels(&self, series: &[SeriesId]) -> (u128, Vec<u8>) {
        let catalog = read(&self.catalog);
        label_file::encode(series, |id| catalog.pairs(id))
    }
}

/// The samples of a frozen head that the segments do not hold yet.
fn fresh(head: &Head, view: &View, id: SeriesId, conflicts: &AtomicU64) -> Result<Samples> {
    let start = view.retain_from.unwrap_or(Timestamp::MIN);
    let mut found = Samples::default();
    let among = head.gather(id, TimeRange { start, end: Timestamp::MAX }, None, &mut found);
    conflicts.fetch_add(among, Ordering::Relaxed);
    let (Some(first), Some(last)) = (found.times.first(), found.times.last()) else {
        return Ok(found);
    };
    let range = TimeRange {
        start: Timestamp::from_nanos(*first),
        end: Timestamp::from_nanos(last.saturating_add(1)),
    };
    let overlapping: Vec<Arc<Segment>> = view
        .segments
        .iter()
        // Mostly the head is later than all of a segment: then no series is looked for in it.
        .filter(|s| s.footer().range.overlaps(range))
        .filter(|s| s.series_range(id).is_some_and(|held| held.overlaps(range)))
        .cloned()
        .collect();
    if overlapping.is_empty() {
        return Ok(found);
    }
    let mut held = Samples::default();
    match scan_segments(&overlapping, id, range, &mut held, &mut Default::default()) {
        // What cannot be read is not held; it must not keep the head from being sealed.
        Err(Error::Corrupt { .. }) => return Ok(found),
        scanned => scanned?,
    }
    let (fresh, differing) = not_held(&found, &held, head.conflict);
    conflicts.fetch_add(differing, Ordering::Relaxed);
    Ok(fresh)
}

/// A label file: mostly that of the next segment, too.
#[derive(Debug)]
pub(super) struct LabelsWritten {
    series: Vec<SeriesId>,
    address: u128,
    bytes: u64,
}

/// What a new segment replaces.
#[derive(Debug, Default)]
pub(super) struct SegmentJob {
    pub(super) order: u64,
    pub(super) epochs: Vec<u64>,
    pub(super) supersedes: Vec<u64>,
    /// Whether columns are in the cold form.
    pub(super) cold: bool,
    /// Where they are fields of buckets.
    pub(super) rollup: Option<RollupNote>,
    /// The retention that takes effect with it.
    pub(super) retain_from: Option<Timestamp>,
    /// Bytes that it may have, where that is bounded.
    pub(super) bytes_max: Option<u64>,
}

/// Splits series into runs that are decoded and encoded together, given the samples of each: at
/// most `samples_max` in one run, unless a single series has more.
pub(super) fn tiles(
    series: &[SeriesId],
    samples_max: usize,
    samples: impl Fn(SeriesId) -> usize,
) -> Vec<&[SeriesId]> {
    let (mut tiles, mut start, mut sum) = (Vec::new(), 0, 0);
    for (at, id) in series.iter().enumerate() {
        let more = samples(*id);
        let count = at - start;
        let enough = count >= TILE_SERIES && sum + more > TILE_SAMPLES;
        if count > 0 && (enough || count == TILE_SERIES_MAX || sum + more > samples_max) {
            tiles.extend(series.get(start..at));
            (start, sum) = (at, 0);
        }
        sum += more;
    }
    tiles.extend(series.get(start..).filter(|rest| !rest.is_empty()));
    tiles
}

/// The samples of `found` that `held` lacks, and under `FirstWins` how many differ from a held one
/// and were left out; under `LastWins` those are kept.
fn not_held(found: &Samples, held: &Samples, rule: Conflict) -> (Samples, u64) {
    let mut fresh = Samples::default();
    let mut conflicts = 0;
    let mut at = 0;
    for (time, value) in found.times.iter().zip(&found.values) {
        while held.times.get(at).is_some_and(|held| held < time) {
            at += 1;
        }
        let held_value = held.values.get(at).filter(|_| held.times.get(at) == Some(time));
        match held_value {
            None => fresh.push(*time, *value),
            Some(held_value) if held_value.to_bits() == value.to_bits() => {}
            Some(_) if rule == Conflict::LastWins => fresh.push(*time, *value),
            Some(_) => conflicts += 1,
        }
    }
    (fresh, conflicts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_hold_all_series_once_and_stay_small() {
        let series: Vec<SeriesId> = (0..1_000).map(SeriesId).collect();
        let samples_max = 1 << 20;
        for weight in [0, 100, 1_000, samples_max / 2, samples_max * 2] {
            let tiles = tiles(&series, samples_max, |_| weight);
            assert_eq!(tiles.concat(), series);
            for tile in tiles {
                assert!(tile.len() <= TILE_SERIES || tile.len() * weight <= TILE_SAMPLES);
                assert!(tile.len() <= TILE_SERIES_MAX);
                assert!(tile.len() == 1 || tile.len() * weight <= samples_max);
            }
        }
        assert!(tiles(&[], samples_max, |_| 1).is_empty());
    }
}
