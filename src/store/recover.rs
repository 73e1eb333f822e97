//! Reconciling files with the manifest after any kind of stop. The manifest is the only truth.
//! Deleted is only what is provably ours and superseded; everything else is set aside with a
//! reason, and what is lost is remembered.

use std::path::Path;

use super::Store;
use super::head::{Head, wire};
use super::layout::{Layout, SegmentFile};
use super::manifest::{Edit, EpochRecord, Manifest, QuarantineRecord, SegmentRecord};
use super::segment::{Segment, label_file};
use crate::db::Db;
use crate::error::{Error, Result};
use crate::fs::Fs;
use crate::fs::fault::{planted, unless};
use crate::model::limits::NUMBER_MAX;

/// What the database holds of the heads.
#[derive(Debug, Default)]
pub(super) struct LoadedHeads {
    pub(super) heads: Vec<Head>,
    /// The highest sequence number; 0 without batches.
    pub(super) last_sequence: u64,
    pub(super) lost: Vec<LostBatch>,
}

/// A batch whose bytes are not what was written.
#[derive(Debug)]
pub(super) struct LostBatch {
    pub(super) sequence: u64,
    pub(super) why: String,
    bytes: Vec<u8>,
}

/// Brings folder and manifest together and returns the live segments. Idempotent: a crash inside it
/// repeats it.
pub(super) fn reconcile(
    layout: &Layout,
    fs: &dyn Fs,
    db: &dyn Db,
    manifest: &mut Manifest,
    store_id: u128,
) -> Result<Vec<Segment>> {
    drop_stray_families(layout, db, manifest)?;
    // Damage first: the product of a merge that was not committed may be deleted only while all it
    // was made from is whole.
    let segments = quarantine_damaged(layout, fs, db, manifest, store_id)?;
    remove_leftovers(layout, fs, db, manifest, store_id)?;
    remove_unused_labels(layout, fs, manifest)?;
    forget_drops(db, manifest)?;
    Ok(segments)
}

/// Replays the batches of all epochs. A damaged batch costs itself.
pub(super) fn load_heads(db: &dyn Db, epochs: &[(u64, EpochRecord)]) -> Result<LoadedHeads> {
    let mut loaded = LoadedHeads::default();
    for (epoch, record) in epochs {
        let mut head = Head::new(*epoch, record.conflict);
        db.scan(&Layout::head_family(*epoch), &mut |key, value| {
            let key = key.try_into().map_err(|_| Error::decode("a head key that is no number"))?;
            let sequence = u64::from_be_bytes(key);
            if sequence > NUMBER_MAX {
                return Err(Error::decode(format!("a batch with the number {sequence}")));
            }
            loaded.last_sequence = loaded.last_sequence.max(sequence);
            match wire::decode(value) {
                Ok(groups) => groups.iter().for_each(|group| head.append(group)),
                Err(why) => {
                    let (why, bytes) = (why.to_string(), value.to_vec());
                    loaded.lost.push(LostBatch { sequence, why, bytes });
                }
            }
            Ok(())
        })?;
        loaded.heads.push(head);
    }
    Ok(loaded)
}

impl Store {
    /// Keeps the bytes of damaged batches, and the fact, before a seal drops them.
    pub(super) fn keep_lost_batches(&self, lost: &[LostBatch]) -> Result<()> {
        let mut edit = Edit::default();
        for LostBatch { sequence, why, bytes } in lost {
            let name = free_name(&self.layout, &*self.fs, &format!("{sequence:016x}.batch"))?;
            let mut file = self.fs.create(&self.layout.quarantine().join(name))?;
            file.append(bytes)?;
            file.sync()?;
            edit.lose_batch(*sequence, why)?;
        }
        if lost.is_empty() {
            return Ok(());
        }
        self.fs.sync_folder(&self.layout.quarantine())?;
        unless("damaged-batch-not-reported", || self.commit(&mut *self.writer_for_change()?, &edit))
    }

    /// Writes label files of live segments that are missing or damaged anew, from the catalog.
    pub(super) fn restore_labels(&self) -> Result<()> {
        for segment in self.view().files() {
            let address = segment.footer().label_file;
            let path = self.layout.label_file(address);
            match self.fs.map(&path) {
                Ok(bytes)
                    if label_file::is_intact(&bytes, address)
                        || planted("label-file-taken-on-trust") =>
                {
                    continue;
                }
                Ok(_) => set_aside(&self.layout, &*self.fs, &path)?,
                Err(why) if is_absent(&why) => {}
                Err(why) => return Err(why),
            }
            let series: Vec<_> = segment.series().collect();
            self.write_labels(&mut *self.writer_for_change()?, &series)?;
        }
        Ok(())
    }
}

/// Opens a live segment and checks that it is the one the manifest means.
pub(super) fn open_segment(
    layout: &Layout,
    fs: &dyn Fs,
    id: u64,
    record: &SegmentRecord,
    store_id: u128,
) -> Result<Segment> {
    let path = layout.segment(id);
    let segment = Segment::open(fs.map(&path)?, &path)?;
    let identity = segment.identity();
    let footer = segment.footer();
    let fits = identity.store_id == store_id
        && identity.segment_id == id
        && segment.bytes() == record.file_bytes
        && footer.order == record.order
        && footer.samples == record.samples
        && footer.range == record.range
        && footer.label_file == record.label_file
        && segment.is_rollup() == record.rollup;
    if !fits && !planted("any-segment-for-another") {
        return Err(Error::corrupt(&path, 0, "it is not the segment that the manifest names"));
    }
    Ok(segment)
}

/// What the loss of a segment costs.
pub(super) fn lost(record: &SegmentRecord, why: &Error) -> QuarantineRecord {
    let SegmentRecord { samples, range, rollup, .. } = *record;
    QuarantineRecord { why: why.to_string(), samples, range, rollup }
}

/// Families of epochs that were sealed, or were never committed and so are empty.
fn drop_stray_families(layout: &Layout, db: &dyn Db, manifest: &Manifest) -> Result<()> {
    for family in db.families() {
        let Some(epoch) = Layout::epoch_of(&family) else { continue };
        if manifest.epochs.iter().any(|(live, _)| *live == epoch) {
            continue;
        }
        if epoch >= manifest.counters.next_epoch {
            db.scan(&family, &mut |_, _| {
                let what = format!("{family} holds batches that the manifest does not know of");
                Err(Error::corrupt(&layout.database(), 0, what))
            })?;
        }
        db.drop_family(&family)?;
    }
    Ok(())
}

fn remove_leftovers(
    layout: &Layout,
    fs: &dyn Fs,
    db: &dyn Db,
    manifest: &Manifest,
    store_id: u128,
) -> Result<()> {
    for entry in fs.list(&layout.segments())? {
        let path = layout.segments().join(&entry.name);
        match Layout::segment_file(&entry.name) {
            SegmentFile::Temporary => fs.remove(&path)?,
            SegmentFile::Sealed(id) => {
                let live = manifest.segments.iter().any(|(segment, _)| *segment == id);
                // While a segment is missing, what was merged may be all that is left of it.
                let superseded = (manifest.drops.contains(&id) && manifest.quarantined.is_empty())
                    || (!live && is_orphan(&path, fs, db, manifest, store_id))
                    || (!live && planted("unnamed-deleted-without-proof"));
                if superseded {
                    fs.remove(&path)?;
                } else if !live {
                    set_aside(layout, fs, &path)?;
                }
            }
            SegmentFile::Foreign => set_aside(layout, fs, &path)?,
        }
    }
    fs.sync_folder(&layout.segments())
}

/// Whether an unnamed segment is the product of a seal, compaction or retention that never
/// committed: all its samples are still where they came from.
fn is_orphan(path: &Path, fs: &dyn Fs, db: &dyn Db, manifest: &Manifest, store_id: u128) -> bool {
    let opened = fs.map(path).and_then(|map| Segment::open(map, path));
    let Ok(segment) = opened else { return false };
    let footer = segment.footer();
    let families = db.families();
    let epoch_lives = |epoch: &u64| {
        manifest.epochs.iter().any(|(live, _)| live == epoch)
            && families.contains(&Layout::head_family(*epoch))
    };
    let segment_lives = |id: &u64| manifest.segments.iter().any(|(live, _)| live == id);
    // The retention that would have made these rollups count has not dropped what is in them.
    let is_early = |until| {
        manifest.retain_from < Some(until)
            && manifest.quarantined.is_empty()
            && !planted("rollup-left-over")
    };
    if footer.supersedes.is_empty()
        && let Some(note) = &footer.rollup
    {
        return segment.identity().store_id == store_id && is_early(note.covers.end);
    }
    segment.identity().store_id == store_id
        && (!footer.epochs.is_empty() || !footer.supersedes.is_empty())
        && footer.epochs.iter().all(epoch_lives)
        && footer.supersedes.iter().all(segment_lives)
}

/// Live segments that cannot be opened leave the manifest; their files are kept.
fn quarantine_damaged(
    layout: &Layout,
    fs: &dyn Fs,
    db: &dyn Db,
    manifest: &mut Manifest,
    store_id: u128,
) -> Result<Vec<Segment>> {
    let (mut kept, mut segments) = (Vec::new(), Vec::new());
    for (id, record) in std::mem::take(&mut manifest.segments) {
        let why = match open_segment(layout, fs, id, &record, store_id) {
            Ok(segment) => {
                kept.push((id, record));
                segments.push(segment);
                continue;
            }
            Err(why) if is_absent(&why) => why,
            Err(why @ Error::Corrupt { .. }) => {
                set_aside(layout, fs, &layout.segment(id))?;
                why
            }
            // A disk that answers badly, or a newer version, says nothing against the file.
            Err(why) => return Err(why),
        };
        let lost = lost(&record, &why);
        let mut edit = Edit::default();
        edit.quarantine(id, &lost)?;
        unless("damage-not-reported", || db.write(&edit.batch))?;
        db.sync()?;
        manifest.quarantined.push((id, lost));
    }
    manifest.segments = kept;
    Ok(segments)
}

/// Whether a file is not there.
pub(super) fn is_absent(why: &Error) -> bool {
    matches!(why, Error::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound)
}

/// Moves a file into `quarantine/`, beside earlier ones of the same name.
pub(super) fn set_aside(layout: &Layout, fs: &dyn Fs, path: &Path) -> Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let target = layout.quarantine().join(free_name(layout, fs, &name)?);
    fs.rename(path, &target)?;
    fs.sync_folder(&layout.quarantine())?;
    path.parent().map_or(Ok(()), |folder| fs.sync_folder(folder))
}

/// `name`, or with a number after it where that is taken in `quarantine/`.
fn free_name(layout: &Layout, fs: &dyn Fs, name: &str) -> Result<String> {
    let taken: Vec<String> =
        fs.list(&layout.quarantine())?.into_iter().map(|entry| entry.name).collect();
    let mut candidates =
        std::iter::once(name.to_owned()).chain((1_u64..).map(|n| format!("{name}.{n}")));
    Ok(candidates.find(|candidate| !taken.contains(candidate)).unwrap_or_default())
}

/// Label files that no live segment names; their content is in the catalog as well.
fn remove_unused_labels(layout: &Layout, fs: &dyn Fs, manifest: &Manifest) -> Result<()> {
    for entry in fs.list(&layout.labels())? {
        let used = |address| manifest.segments.iter().any(|(_, s)| s.label_file == address);
        let unused = match Layout::label_address(&entry.name) {
            // A quarantined segment may still need its labels to be read by hand.
            Some(address) => !used(address) && manifest.quarantined.is_empty(),
            None => Layout::is_label_temporary(&entry.name),
        };
        if unused {
            fs.remove(&layout.labels().join(&entry.name))?;
        }
    }
    fs.sync_folder(&layout.labels())
}

fn forget_drops(db: &dyn Db, manifest: &mut Manifest) -> Result<()> {
    if manifest.drops.is_empty() {
        return Ok(());
    }
    let mut edit = Edit::default();
    for id in manifest.drops.drain(..) {
        edit.forget_drop(id);
    }
    db.write(&edit.batch)?;
    db.sync()
}
