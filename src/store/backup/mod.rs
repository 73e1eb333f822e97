//! Backups: a store as it is at one moment, in a folder of its own, made beside a working writer.
//!
//! In: a store, open for writing or read-only. Out: its segments, label files and plans,
//! hard-linked or copied, the records of its database in one file, and a marker, written last, that
//! names all of them with lengths and checksums. Never: a change to the store, or to the backup
//! that was there before the new one is whole. The bytes are described in `docs/format/backup.md`.
//!
//! What is copied under the writer's lock are the database's records, heads included; segments are
//! pinned by the view, so they stay readable when a compaction unlinks them meanwhile.

mod database;
mod folder;
mod lost;
mod marker;
mod restore;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

pub use restore::RestoreReport;

use super::check::Finding;
use super::layout::Layout;
use super::manifest::{Manifest, StoreRecord};
use super::plans::KeptPlanFile;
use super::segment::{Segment, label_file};
use super::{Store, View, catalog, read};
use crate::error::{Error, Result};
use crate::fs::fault::{in_order, unless};
use crate::fs::{Fs, Lock, Map};
use folder::{Backup, Folder, Part, is_inside};
use lost::Lost;
use marker::{Marker, PartRecord, Summary};

/// What a backup did.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct BackupReport {
    /// Files of the backup, its marker apart.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Of the files, those that were there already with the same content.
    pub kept: u64,
    /// Those that were hard-linked: they take no room, and share their fate with the store's disk.
    pub linked: u64,
    /// Those that were written.
    pub copied: u64,
    /// Samples in the backup, those of heads included.
    pub samples: u64,
    /// Series in the backup.
    pub series: u64,
    /// Sequence number of the last batch in the backup.
    pub sequence: u64,
    /// What is damaged in the store itself and so, as it is, in the backup; and what the store has
    /// lost and the backup has not.
    pub damaged: Vec<Finding>,
}

impl Store {
    /// Copies the store as it is now into a folder: a new or empty one, or an earlier backup of the
    /// same store, of which what has not changed is kept. Appends wait only while the database's
    /// records are written. Segments are hard-linked where that is possible, else copied, and
    /// everything is synced. A backup that was there stays whole until the new one is; one that was
    /// stopped in between is refused by [`Store::restore`], or gives the earlier one.
    ///
    /// Of a store that is open read-only the backup holds what was there when it was opened. What
    /// such a store cannot open of its own is taken from the earlier backup. A segment that a
    /// writer has set aside is not: where the backup has it whole, this is refused, for it would be
    /// removed there.
    ///
    /// ```
    /// use plimsoll::store::{Store, StoreOptions};
    ///
    /// let folder = tempfile::tempdir().unwrap();
    /// let path = |name: &str| folder.path().join(name);
    /// let store = Store::open(&path("store"), StoreOptions::default())?;
    /// store.backup(&path("backup"))?;
    /// Store::restore(&path("backup"), &path("again"))?;
    /// Store::open(&path("again"), StoreOptions::default())?.close()?;
    /// # Ok::<(), plimsoll::Error>(())
    /// ```
    pub fn backup(&self, target: &Path) -> Result<BackupReport> {
        if is_inside(&*self.fs, target, self.layout.root())? {
            let what = format!("{} is inside the store; name a folder outside", target.display());
            return Err(Error::invalid(what));
        }
        let manifest = Manifest::load(&*self.db, &self.layout.database())?;
        let mut run = Run::begin(&*self.fs, target, self.store_id, &manifest)?;
        let lost = self.lost_segments(&run, &manifest)?;
        let (view, summary) = self.copy_database(&mut run, &lost)?;
        for segment in view.files() {
            run.add_segment(segment)?;
        }
        for one in &lost {
            run.add_lost(one)?;
        }
        let kept = lost.iter().filter_map(Lost::segment);
        let mut named = BTreeSet::new();
        for segment in view.files().map(|segment| &**segment).chain(kept) {
            if named.insert(segment.footer().label_file) {
                self.add_labels(&mut run, &view, segment)?;
            }
        }
        self.add_plans(&mut run)?;
        for (id, lost) in &manifest.quarantined {
            let file = self.layout.segment(*id).display().to_string();
            run.report.damaged.push(Finding { file, what: lost.why.clone() });
        }
        run.finish(summary)
    }

    /// Writes the records of the database, and returns the view that they are those of. The
    /// writer's lock is held meanwhile; a reader's database does not change by itself.
    fn copy_database(&self, run: &mut Run<'_>, lost: &[Lost]) -> Result<(View, Summary)> {
        let writer = if self.lock.is_some() { self.writer_for_change()? } else { self.writer() };
        let view = View::clone(&self.view());
        let mut families = vec![catalog::FAMILY.to_owned()];
        families.extend(view.heads.iter().map(|head| Layout::head_family(read(head).epoch)));
        let part = Part::Database(run.number);
        let path = run.folder.path(part);
        let mut copy = database::Copy::create(run.fs, &path)?;
        copy.add_manifest(&*self.db, &lost.iter().filter_map(Lost::gone).collect::<Vec<_>>())?;
        for family in &families {
            copy.add(&*self.db, family)?;
        }
        let has_forgotten = read(&view.catalog).has_forgotten();
        let in_heads: u64 = view.heads.iter().map(|head| read(head).samples() as u64).sum();
        let kept = lost.iter().filter_map(Lost::segment).filter(|s| !s.is_rollup());
        let segments = view.segments.iter().map(|segment| &**segment).chain(kept);
        let in_segments: u64 = segments.map(|segment| segment.footer().samples).sum();
        let summary = Summary {
            number: run.number,
            store_version: StoreRecord::new(self.store_id, has_forgotten).version,
            store_id: self.store_id,
            sequence: writer.next_sequence - 1,
            samples: in_heads + in_segments,
            series: read(&view.catalog).len() as u64,
        };
        drop(writer);
        let (bytes, checksum) = copy.finish()?;
        run.note(PartRecord { part, bytes, checksum }, Origin::Copied);
        Ok((view, summary))
    }

    /// The label file of a segment. It is written from the catalog: the store's own may be gone by
    /// now, and content has one name.
    fn add_labels(&self, run: &mut Run<'_>, view: &View, segment: &Segment) -> Result<()> {
        let address = segment.footer().label_file;
        let part = Part::Labels(address);
        let path = run.folder.path(part);
        if run.there.contains(&part) {
            let bytes = run.fs.map(&path)?;
            if label_file::is_intact(&bytes, address) {
                run.note(PartRecord::of(part, &bytes), Origin::Kept);
                return Ok(());
            }
            run.fs.remove(&path)?;
        }
        let series: Vec<_> = segment.series().collect();
        let (found, bytes) = view.encode_labels(&series);
        if found != address {
            let path = self.layout.label_file(address);
            return Err(Error::corrupt(&path, 0, "the catalog has other labels for its series"));
        }
        run.write(&run.folder.layout.label_temporary(address), &path, &bytes)?;
        run.note(PartRecord::of(part, &bytes), Origin::Copied);
        Ok(())
    }

    /// The plans that are kept now. One that is replaced meanwhile is passed over: the one in its
    /// place is kept a moment later than this backup.
    fn add_plans(&self, run: &mut Run<'_>) -> Result<()> {
        let plans = self.plans();
        let kept = plans.list()?;
        if !kept.is_empty() {
            run.has_plans = true;
            run.fs.create_folder(&run.folder.layout.plans())?;
        }
        for plan in kept {
            match run.add_plan(&plan) {
                Err(_) if !plans.list()?.contains(&plan) => {}
                added => added?,
            }
        }
        Ok(())
    }
}

/// How a file came into a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    Kept,
    Linked,
    Copied,
}

/// A backup in the making.
struct Run<'a> {
    fs: &'a dyn Fs,
    folder: Folder,
    number: u64,
    /// Files that were there when it began.
    there: BTreeSet<Part>,
    /// What is in the way once it is whole: earlier markers and temporary files.
    leftovers: Vec<PathBuf>,
    parts: Vec<PartRecord>,
    /// Whether there is a folder of plans: one of the store, or of the backup before.
    has_plans: bool,
    report: BackupReport,
    _lock: Box<dyn Lock>,
}

impl<'a> Run<'a> {
    /// Looks at the folder, locks it, and says in it that a backup is at work, before anything else
    /// is written.
    fn begin(fs: &'a dyn Fs, target: &Path, store_id: u128, manifest: &Manifest) -> Result<Self> {
        let folder = Folder::new(target);
        refuse_other(fs, &folder, store_id)?;
        for path in [folder.layout.root(), &folder.layout.segments(), &folder.layout.labels()] {
            fs.create_folder(path)?;
        }
        let lock = fs.lock(&folder.layout.lock()).map_err(|why| match why {
            Error::Locked { .. } => {
                let folder = target.display();
                Error::invalid(format!("another backup into {folder} is at work; wait for it"))
            }
            why => why,
        })?;
        let found = refuse_other(fs, &folder, store_id)?;
        lost::refuse(fs, &folder, &found.parts, store_id, manifest)?;
        if !found.unfinished {
            unless("backup-not-called-unfinished", || fs.create(&folder.unfinished())?.sync())?;
        }
        fs.sync_folder(target)?;
        let number = found.last_number.map_or(1, |number| number + 1);
        let earlier = found.markers.iter().map(|number| folder.marker(*number));
        let leftovers = found.temporaries.iter().cloned().chain(earlier).collect();
        let (parts, report) = (Vec::new(), BackupReport::default());
        let there = found.parts;
        let has_plans = there.iter().any(|part| matches!(part, Part::Plan(_)));
        Ok(Self { fs, folder, number, there, leftovers, parts, has_plans, report, _lock: lock })
    }

    /// Adds a segment. What is kept or taken is compared with what the store's file is mapped as.
    fn add_segment(&mut self, segment: &Segment) -> Result<()> {
        let id = segment.identity().segment_id;
        let part = Part::Segment(id);
        let path = self.folder.path(part);
        let mut origin = None;
        if self.there.contains(&part) {
            let there = self.fs.map(&path)?;
            // Where they differ, either may be damaged: the whole one counts.
            let same = *there == *segment.file();
            if same || (segment.verify_bytes().is_err() && is_whole(segment, there, &path)) {
                origin = Some(Origin::Kept);
            } else {
                self.fs.remove(&path)?;
            }
        }
        let origin = match origin {
            Some(origin) => origin,
            None if self.fs.link(segment.path(), &path).is_ok() => Origin::Linked,
            None => {
                let temporary = self.folder.layout.segment_temporary(id);
                self.write(&temporary, &path, segment.file())?;
                Origin::Copied
            }
        };
        let bytes = self.fs.map(&path)?;
        self.note(PartRecord::of(part, &bytes), origin);
        let same = *bytes == *segment.file();
        if !is_whole(segment, bytes, &path) {
            if !same {
                return Err(Error::corrupt(&path, 0, "it is not what was copied"));
            }
            let file = segment.path().display().to_string();
            let why = segment.verify_bytes().err();
            let what = why.map_or_else(|| "it is damaged".to_owned(), |why| why.to_string());
            self.report.damaged.push(Finding { file, what });
        }
        Ok(())
    }

    /// Adds a plan. Its name has its checksum, so a whole one that is there is the same.
    fn add_plan(&mut self, plan: &KeptPlanFile) -> Result<()> {
        let part = Part::Plan(plan.name);
        let path = self.folder.path(part);
        let is_whole = |bytes: &[u8]| crc32c::crc32c(bytes) == plan.name.checksum;
        if self.there.contains(&part) {
            let bytes = self.fs.map(&path)?;
            if is_whole(&bytes) {
                self.note(PartRecord::of(part, &bytes), Origin::Kept);
                return Ok(());
            }
            self.fs.remove(&path)?;
        }
        let origin = if self.fs.link(&plan.path, &path).is_ok() {
            Origin::Linked
        } else {
            let temporary = self.folder.layout.plan_temporary(plan.name);
            self.write(&temporary, &path, &self.fs.map(&plan.path)?)?;
            Origin::Copied
        };
        let bytes = self.fs.map(&path)?;
        self.note(PartRecord::of(part, &bytes), origin);
        if !is_whole(&bytes) {
            let what = "the plan's bytes are not those that were kept".to_owned();
            self.report.damaged.push(Finding { file: plan.path.display().to_string(), what });
        }
        Ok(())
    }

    /// Writes a file under a temporary name, syncs it, and gives it its own.
    fn write(&self, temporary: &Path, path: &Path, bytes: &[u8]) -> Result<()> {
        self.fs.remove(temporary)?;
        let mut file = self.fs.create(temporary)?;
        file.append(bytes)?;
        unless("backup-not-synced", || file.sync())?;
        self.fs.rename(temporary, path)
    }

    fn note(&mut self, record: PartRecord, origin: Origin) {
        self.report.files += 1;
        self.report.bytes += record.bytes;
        match origin {
            Origin::Kept => self.report.kept += 1,
            Origin::Linked => self.report.linked += 1,
            Origin::Copied => self.report.copied += 1,
        }
        self.parts.push(record);
    }

    /// Makes all names durable, then the marker, and only then removes what it does not name.
    fn finish(mut self, summary: Summary) -> Result<BackupReport> {
        unless("backup-names-not-synced", || self.sync_folders())?;
        self.report.samples = summary.samples;
        self.report.series = summary.series;
        self.report.sequence = summary.sequence;
        let marker = Marker { summary, parts: std::mem::take(&mut self.parts) };
        let (path, temporary) =
            (self.folder.marker(self.number), self.folder.temporary(self.number));
        in_order(
            "earlier-backup-removed-first",
            || {
                self.write(&temporary, &path, &marker.encode()?)?;
                self.fs.sync_folder(self.folder.layout.root())
            },
            || self.remove_others(&marker),
        )?;
        self.fs.remove(&self.folder.unfinished())?;
        self.fs.sync_folder(self.folder.layout.root())?;
        Ok(self.report)
    }

    fn remove_others(&self, marker: &Marker) -> Result<()> {
        let named: BTreeSet<Part> = marker.parts.iter().map(|record| record.part).collect();
        let others = self.there.difference(&named).map(|part| self.folder.path(*part));
        for path in others.chain(self.leftovers.iter().cloned()) {
            self.fs.remove(&path)?;
        }
        self.sync_folders()
    }

    fn sync_folders(&self) -> Result<()> {
        let layout = &self.folder.layout;
        if self.has_plans {
            self.fs.sync_folder(&layout.plans())?;
        }
        for folder in [&layout.segments(), &layout.labels(), layout.root()] {
            self.fs.sync_folder(folder)?;
        }
        Ok(())
    }
}

/// Whether bytes are those of a segment, with no damage anywhere.
fn is_whole(segment: &Segment, bytes: Map, path: &Path) -> bool {
    Segment::open(bytes, path).is_ok_and(|copy| {
        let same = copy.identity() == segment.identity() && copy.footer() == segment.footer();
        same && copy.verify_bytes().is_ok()
    })
}

/// A folder that holds anything but backups of this store is left alone.
fn refuse_other(fs: &dyn Fs, folder: &Folder, store_id: u128) -> Result<folder::Found> {
    let found = folder.survey(fs)?;
    let path = folder.layout.root().display();
    if let Some(foreign) = found.foreign.first() {
        let what = format!("{path} holds {foreign:?}, which is no part of a backup");
        return Err(Error::invalid(format!("{what}; name a new or empty folder")));
    }
    if let Some(number) = found.markers.last() {
        let marker = Backup::read_marker(fs, folder, *number)?;
        if marker.summary.store_id != store_id {
            let what = format!("{path} holds a backup of another store; name another folder");
            return Err(Error::invalid(what));
        }
    } else if !found.unfinished && !found.parts.is_empty() {
        let what = format!("{path} is not empty and no backup; name a new or empty folder");
        return Err(Error::invalid(what));
    }
    Ok(found)
}
