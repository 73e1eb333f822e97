//! Segments that a store has lost. What its backup has of them may be all that is left, so no run
//! gives it up.

use std::collections::BTreeSet;

use super::folder::{Folder, Part};
use super::marker::PartRecord;
use super::{Finding, Origin, Run};
use crate::error::{Error, Result};
use crate::fs::{Fs, Map};
use crate::store::Store;
use crate::store::manifest::{Manifest, QuarantineRecord, SegmentRecord};
use crate::store::recover;
use crate::store::segment::Segment;

/// A segment that the manifest names and the store cannot open.
pub(super) struct Lost {
    id: u64,
    /// The store's file, as errors name it.
    file: String,
    record: QuarantineRecord,
    left: Left,
}

/// What is left of it.
enum Left {
    /// The earlier backup's, which can be opened.
    Segment(Box<Segment>),
    /// Bytes that cannot be opened: the store's, or where it has none the earlier backup's.
    Bytes(Map),
    Nothing,
}

impl Lost {
    /// The segment, where the earlier backup has it.
    pub(super) fn segment(&self) -> Option<&Segment> {
        if let Left::Segment(segment) = &self.left { Some(segment) } else { None }
    }

    /// What is to be noted of the segment where nothing is left of it.
    pub(super) fn gone(&self) -> Option<(u64, QuarantineRecord)> {
        matches!(self.left, Left::Nothing).then(|| (self.id, self.record.clone()))
    }
}

impl Store {
    /// The segments that a reader has found damaged or missing, and what is left of each. What a
    /// writer cannot open is in its manifest no more.
    pub(super) fn lost_segments(&self, run: &Run<'_>, manifest: &Manifest) -> Result<Vec<Lost>> {
        if self.lock.is_some() {
            return Ok(Vec::new());
        }
        let view = self.view();
        let opened: BTreeSet<u64> = view.files().map(|s| s.identity().segment_id).collect();
        let lost = manifest.segments.iter().filter(|(id, _)| !opened.contains(id));
        let known = |id| view.quarantined.iter().find(|(lost, _)| *lost == id);
        lost.filter_map(|(id, record)| {
            let (_, why) = known(*id)?;
            let file = self.layout.segment(*id).display().to_string();
            let left = self.left_of(run, *id, record);
            Some(left.map(|left| Lost { id: *id, file, record: why.clone(), left }))
        })
        .collect()
    }

    fn left_of(&self, run: &Run<'_>, id: u64, record: &SegmentRecord) -> Result<Left> {
        let there = run.there.contains(&Part::Segment(id));
        if there {
            let layout = &run.folder.layout;
            match recover::open_segment(layout, run.fs, id, record, self.store_id) {
                Ok(segment) => return Ok(Left::Segment(Box::new(segment))),
                Err(Error::Corrupt { .. }) => {}
                Err(why) => return Err(why),
            }
        }
        match run.fs.map(&self.layout.segment(id)) {
            Ok(bytes) => Ok(Left::Bytes(bytes)),
            Err(why) if !recover::is_absent(&why) => Err(why),
            Err(_) if there => run.fs.map(&run.folder.path(Part::Segment(id))).map(Left::Bytes),
            Err(_) => Ok(Left::Nothing),
        }
    }
}

impl Run<'_> {
    /// Adds what is left of a lost segment, and reports it unless that is whole.
    pub(super) fn add_lost(&mut self, lost: &Lost) -> Result<()> {
        let part = Part::Segment(lost.id);
        let mut what = lost.record.why.clone();
        match &lost.left {
            Left::Segment(segment) => {
                self.note(PartRecord::of(part, segment.file()), Origin::Kept);
                match segment.verify_bytes() {
                    Ok(()) => return Ok(()),
                    Err(why) => what = format!("{what}; in the backup {why}"),
                }
            }
            Left::Bytes(bytes) => {
                let origin = self.put_bytes(lost.id, bytes)?;
                self.note(PartRecord::of(part, bytes), origin);
            }
            Left::Nothing => {}
        }
        self.report.damaged.push(Finding { file: lost.file.clone(), what });
        Ok(())
    }

    fn put_bytes(&self, id: u64, bytes: &[u8]) -> Result<Origin> {
        let path = self.folder.path(Part::Segment(id));
        if self.there.contains(&Part::Segment(id)) {
            if *self.fs.map(&path)? == *bytes {
                return Ok(Origin::Kept);
            }
            self.fs.remove(&path)?;
        }
        self.write(&self.folder.layout.segment_temporary(id), &path, bytes)?;
        Ok(Origin::Copied)
    }
}

/// Refuses to go on over a backup that has a segment whole which the store's writer has set aside:
/// the manifest names it no more, so a new backup could not give it back, and would remove it.
pub(super) fn refuse(
    fs: &dyn Fs,
    folder: &Folder,
    there: &BTreeSet<Part>,
    store_id: u128,
    manifest: &Manifest,
) -> Result<()> {
    for (id, lost) in &manifest.quarantined {
        let part = Part::Segment(*id);
        let ended = manifest.retain_from.is_some_and(|from| lost.range.end <= from);
        if !there.contains(&part) || (ended && !lost.rollup) {
            continue;
        }
        let path = folder.path(part);
        let Ok(segment) = Segment::open(fs.map(&path)?, &path) else { continue };
        let identity = segment.identity();
        let same = identity.store_id == store_id && identity.segment_id == *id;
        if same && segment.verify_bytes().is_ok() {
            let root = folder.layout.root().display();
            return Err(Error::invalid(format!(
                "the backup has {} whole, which the store has lost, and would lose it, too; \
                 restore {root} into a new folder, or name another folder for this backup",
                path.display(),
            )));
        }
    }
    Ok(())
}
