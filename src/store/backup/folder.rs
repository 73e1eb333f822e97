//! The folder of a backup: names inside it, what is there, and whether it is whole.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::database;
use super::marker::{Marker, PartRecord};
use crate::error::{Error, Result};
use crate::fs::fault::planted;
use crate::fs::{Fs, Map};
use crate::store::layout::{Layout, PlanFile, PlanName, SegmentFile};
use crate::store::manifest::STORE_VERSION;

/// Segments, labels and plans lie in a backup as they do in a store; beside them are its own files.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    pub(super) layout: Layout,
}

/// A file that a backup is made of.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub(super) enum Part {
    /// The records of the database, by the number of the backup.
    Database(u64),
    /// A segment, by its number.
    Segment(u64),
    /// A label file, by its content address.
    Labels(u128),
    /// A plan that was kept, by its name.
    Plan(PlanName),
}

/// What is in a folder.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Whether a backup is at work in it, or was stopped.
    pub(super) unfinished: bool,
    /// The numbers of markers, ascending.
    pub(super) markers: Vec<u64>,
    pub(super) parts: BTreeSet<Part>,
    pub(super) temporaries: Vec<PathBuf>,
    /// Names that are not ours.
    pub(super) foreign: Vec<String>,
    /// The highest number in use.
    pub(super) last_number: Option<u64>,
    /// Lengths of the files.
    lengths: Vec<(Part, u64)>,
}

impl Folder {
    pub(super) fn new(root: &Path) -> Self {
        Self { layout: Layout::new(root) }
    }

    fn numbered(&self, number: u64, extension: &str) -> PathBuf {
        self.layout.root().join(format!("{number:016x}.{extension}"))
    }

    pub(super) fn marker(&self, number: u64) -> PathBuf {
        self.numbered(number, "backup")
    }

    pub(super) fn temporary(&self, number: u64) -> PathBuf {
        self.numbered(number, "tmp")
    }

    /// There while a backup is at work; what is left of it says that one was stopped.
    pub(super) fn unfinished(&self) -> PathBuf {
        self.layout.root().join("UNFINISHED")
    }

    pub(super) fn path(&self, part: Part) -> PathBuf {
        match part {
            Part::Database(number) => self.numbered(number, "database"),
            Part::Segment(id) => self.layout.segment(id),
            Part::Labels(address) => self.layout.label_file(address),
            Part::Plan(name) => self.layout.plan(name),
        }
    }

    pub(super) fn survey(&self, fs: &dyn Fs) -> Result<Found> {
        let mut found = Found::default();
        let layout = &self.layout;
        for entry in fs.list(layout.root())? {
            match entry.name.as_str() {
                "UNFINISHED" => found.unfinished = true,
                "LOCK" => {}
                "segments" | "labels" | "plans" if entry.folder => {}
                name => {
                    let number = Layout::numbered(name);
                    found.last_number = found.last_number.max(number.map(|(number, _)| number));
                    match number {
                        Some((number, "backup")) => found.markers.push(number),
                        Some((number, "database")) => {
                            found.add(Part::Database(number), entry.bytes);
                        }
                        Some((_, "tmp")) => found.temporaries.push(layout.root().join(name)),
                        _ => found.foreign.push(entry.name),
                    }
                }
            }
        }
        for entry in fs.list(&layout.segments())? {
            match Layout::segment_file(&entry.name) {
                SegmentFile::Sealed(id) => found.add(Part::Segment(id), entry.bytes),
                SegmentFile::Temporary => {
                    found.temporaries.push(layout.segments().join(&entry.name));
                }
                SegmentFile::Foreign => found.foreign.push(format!("segments/{}", entry.name)),
            }
        }
        for entry in fs.list(&layout.labels())? {
            match Layout::label_address(&entry.name) {
                Some(address) => found.add(Part::Labels(address), entry.bytes),
                None if Layout::is_label_temporary(&entry.name) => {
                    found.temporaries.push(layout.labels().join(&entry.name));
                }
                None => found.foreign.push(format!("labels/{}", entry.name)),
            }
        }
        for entry in fs.list(&layout.plans())? {
            match Layout::plan_file(&entry.name) {
                PlanFile::Kept(name) => found.add(Part::Plan(name), entry.bytes),
                PlanFile::Temporary => found.temporaries.push(layout.plans().join(&entry.name)),
                _ => found.foreign.push(format!("plans/{}", entry.name)),
            }
        }
        Ok(found)
    }
}

impl Found {
    fn add(&mut self, part: Part, bytes: u64) {
        self.parts.insert(part);
        self.lengths.push((part, bytes));
    }
}

/// A backup that is whole: every file is there, and its bytes are those that were written.
#[derive(Debug)]
pub(super) struct Backup {
    pub(super) folder: Folder,
    pub(super) marker: Marker,
    /// Files that a later backup, which was stopped, has left.
    pub(super) passed_over: u64,
}

impl Backup {
    /// Reads every byte of the last whole backup in a folder, and refuses what is not as it was
    /// written.
    pub(super) fn open(fs: &dyn Fs, path: &Path) -> Result<Self> {
        let folder = Folder::new(path);
        let found = folder.survey(fs)?;
        let Some(number) = found.markers.last() else {
            let path = path.display();
            return Err(Error::invalid(if found.unfinished {
                format!("the backup in {path} was never finished; run `plimsoll backup` again")
            } else {
                format!("there is no backup in {path}; `plimsoll backup` makes one")
            }));
        };
        let marker = Self::read_marker(fs, &folder, *number)?;
        let named: BTreeSet<Part> = marker.parts.iter().map(|record| record.part).collect();
        let others = found.parts.difference(&named).map(|part| folder.path(*part));
        let earlier = found.markers.iter().filter(|other| *other != number);
        let earlier = earlier.map(|number| folder.marker(*number));
        let extra: Vec<PathBuf> = others.chain(earlier).chain(found.temporaries.clone()).collect();
        // A backup that was stopped leaves files behind; nothing else does.
        let refused = extra.first().filter(|_| !found.unfinished).cloned();
        let foreign = found.foreign.first().map(|name| path.join(name));
        if let Some(extra) = refused.or(foreign) {
            let what = format!("{} is no part of the backup; move it away", extra.display());
            return Err(Error::invalid(what));
        }
        let backup = Self { folder, marker, passed_over: extra.len() as u64 };
        for record in &backup.marker.parts {
            let there = found.lengths.iter().find(|(part, _)| *part == record.part);
            let Some((_, bytes)) = there else {
                let path = backup.folder.path(record.part);
                let what = format!("the backup is not whole: {} is missing", path.display());
                return Err(Error::invalid(what));
            };
            if *bytes != record.bytes {
                let path = backup.folder.path(record.part);
                let what = format!("it has {bytes} bytes, and had {} when written", record.bytes);
                return Err(Error::corrupt(&path, record.bytes.min(*bytes), what));
            }
            backup.part(fs, record)?;
        }
        backup.refuse_missing_segments(fs)?;
        Ok(backup)
    }

    /// The record of the database's copy.
    pub(super) fn database(&self) -> Result<&PartRecord> {
        let is_database = |record: &&PartRecord| matches!(record.part, Part::Database(_));
        self.marker.parts.iter().find(is_database).ok_or_else(|| {
            let path = self.folder.marker(self.marker.summary.number);
            Error::corrupt(&path, 0, "it names no copy of the database")
        })
    }

    /// Every segment that the copied manifest names must be here: of a store without it nothing
    /// would say what it lacks.
    fn refuse_missing_segments(&self, fs: &dyn Fs) -> Result<()> {
        let record = self.database()?;
        let path = self.folder.path(record.part);
        for id in database::segments(&path, &self.part(fs, record)?)? {
            let part = Part::Segment(id);
            if !self.marker.parts.iter().any(|record| record.part == part) {
                let path = self.folder.path(part);
                let what = format!("the backup is not whole: {} is missing", path.display());
                let what = format!("{what} and was when it was made; run `plimsoll backup` again");
                return Err(Error::invalid(what));
            }
        }
        Ok(())
    }

    /// The verified bytes of a file.
    pub(super) fn part(&self, fs: &dyn Fs, record: &PartRecord) -> Result<Map> {
        let path = self.folder.path(record.part);
        let bytes = fs.map(&path)?;
        let same = PartRecord::of(record.part, &bytes) == *record;
        if !same && !planted("backup-not-verified") {
            return Err(Error::corrupt(&path, 0, "its bytes are not those that were written"));
        }
        Ok(bytes)
    }

    pub(super) fn read_marker(fs: &dyn Fs, folder: &Folder, number: u64) -> Result<Marker> {
        let path = folder.marker(number);
        let marker = Marker::decode(&path, &fs.map(&path)?)?;
        if marker.summary.number != number {
            return Err(Error::corrupt(&path, 0, "it is the marker of another backup"));
        }
        Error::expect_version(&path, marker.summary.store_version, STORE_VERSION)?;
        Ok(marker)
    }
}

/// Whether one folder is, or lies in, another.
pub(super) fn is_inside(fs: &dyn Fs, path: &Path, folder: &Path) -> Result<bool> {
    Ok(fs.resolve(path)?.starts_with(fs.resolve(folder)?))
}
