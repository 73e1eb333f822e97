//! Reconciling files with the manifest after any kind of stop. The manifest is the only truth.
//! Deleted is only what is provably ours and superseded; everything else is set aside with a
//! reason, and what is lost is remembered.

use super::layout::{Layout, SegmentFile};
use super::manifest::{Edit, Manifest, QuarantineRecord, SegmentRecord};
use super::segment::Segment;
use crate::db::Db;
use crate::error::{Error, Result};
use crate::fs::Fs;

/// Brings folder and manifest together. Idempotent: a crash inside it repeats it.
pub(super) fn reconcile(
    layout: &Layout,
    fs: &dyn Fs,
    db: &dyn Db,
    manifest: &mut Manifest,
    store_id: u128,
) -> Result<()> {
    drop_stray_families(db, manifest)?;
    remove_leftovers(layout, fs, manifest, store_id)?;
    quarantine_damaged(layout, fs, db, manifest, store_id)?;
    remove_unused_labels(layout, fs, manifest)?;
    forget_drops(db, manifest)
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
        && footer.label_file == record.label_file;
    if !fits {
        return Err(Error::corrupt(&path, 0, "it is not the segment that the manifest names"));
    }
    Ok(segment)
}

/// What the loss of a segment costs.
pub(super) fn lost(record: &SegmentRecord, why: &Error) -> QuarantineRecord {
    QuarantineRecord { why: why.to_string(), samples: record.samples, range: record.range }
}

/// Families of epochs that were sealed, or were never committed and so are empty.
fn drop_stray_families(db: &dyn Db, manifest: &Manifest) -> Result<()> {
    for family in db.families() {
        let Some(epoch) = Layout::epoch_of(&family) else { continue };
        if !manifest.epochs.iter().any(|(live, _)| *live == epoch) {
            db.drop_family(&family)?;
        }
    }
    Ok(())
}

fn remove_leftovers(
    layout: &Layout,
    fs: &dyn Fs,
    manifest: &Manifest,
    store_id: u128,
) -> Result<()> {
    for entry in fs.list(&layout.segments())? {
        let path = layout.segments().join(&entry.name);
        match Layout::segment_file(&entry.name) {
            SegmentFile::Temporary => fs.remove(&path)?,
            SegmentFile::Sealed(id) => {
                let live = manifest.segments.iter().any(|(segment, _)| *segment == id);
                if manifest.drops.contains(&id) {
                    fs.remove(&path)?;
                } else if !live && is_orphan(layout, fs, manifest, store_id, id) {
                    fs.remove(&path)?;
                } else if !live {
                    set_aside(layout, fs, &entry.name)?;
                }
            }
            SegmentFile::Foreign => set_aside(layout, fs, &entry.name)?,
        }
    }
    fs.sync_folder(&layout.segments())
}

/// Whether an unnamed segment is the product of a seal or compaction that never committed: all its
/// samples are still where they came from.
fn is_orphan(layout: &Layout, fs: &dyn Fs, manifest: &Manifest, store_id: u128, id: u64) -> bool {
    let path = layout.segment(id);
    let opened = fs.map(&path).and_then(|map| Segment::open(map, &path));
    let Ok(segment) = opened else { return false };
    let footer = segment.footer();
    let epoch_lives = |epoch: &u64| manifest.epochs.iter().any(|(live, _)| live == epoch);
    let segment_lives = |id: &u64| manifest.segments.iter().any(|(live, _)| live == id);
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
) -> Result<()> {
    let mut kept = Vec::new();
    for (id, record) in std::mem::take(&mut manifest.segments) {
        let why = match open_segment(layout, fs, id, &record, store_id) {
            Ok(_) => {
                kept.push((id, record));
                continue;
            }
            Err(why @ (Error::Corrupt { .. } | Error::Version { .. })) => why,
            Err(Error::Io { source, path, action })
                if source.kind() == std::io::ErrorKind::NotFound =>
            {
                Error::Io { source, path, action }
            }
            // The disk answers badly: that says nothing about the file.
            Err(why) => return Err(why),
        };
        if matches!(why, Error::Version { .. }) {
            return Err(why);
        }
        let lost = lost(&record, &why);
        let name = layout.segment(id);
        if fs.list(&layout.segments())?.iter().any(|e| name.ends_with(&e.name)) {
            set_aside(layout, fs, &format!("{id:016x}.seg"))?;
        }
        let mut edit = Edit::default();
        edit.quarantine(id, &lost)?;
        db.write(&edit.batch)?;
        db.sync()?;
        manifest.quarantined.push((id, lost));
    }
    manifest.segments = kept;
    Ok(())
}

/// Moves a file from `segments/` into `quarantine/`, beside earlier ones of the same name.
fn set_aside(layout: &Layout, fs: &dyn Fs, name: &str) -> Result<()> {
    let taken: Vec<String> =
        fs.list(&layout.quarantine())?.into_iter().map(|entry| entry.name).collect();
    let candidates = std::iter::once(name.to_owned()).chain((1..).map(|n| format!("{name}.{n}")));
    let free = candidates.into_iter().find(|candidate| !taken.contains(candidate));
    let target = layout.quarantine().join(free.unwrap_or_default());
    fs.rename(&layout.segments().join(name), &target)?;
    fs.sync_folder(&layout.quarantine())?;
    fs.sync_folder(&layout.segments())
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
