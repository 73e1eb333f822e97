//! Restoring: a whole backup becomes a store in a new folder. Nothing is written before every byte
//! of the backup was read and found good; the database comes last, under another name, and is
//! renamed once it is durable. Before that the folder holds no store.

use std::path::Path;

use super::database;
use super::folder::{Backup, Part, is_inside};
use super::marker::PartRecord;
use crate::db::{Db, RocksDb};
use crate::error::{Error, Result};
use crate::fs::fault::{in_order, unless};
use crate::fs::{DiskFs, Fs};
use crate::store::Store;
use crate::store::layout::Layout;

/// What a restore brought back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct RestoreReport {
    /// Files that were read and verified.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Samples in the store, those of heads included.
    pub samples: u64,
    /// Series in the store.
    pub series: u64,
    /// Sequence number of the last batch.
    pub sequence: u64,
    /// Files in the backup's folder that a later backup, which was stopped, has left.
    pub passed_over: u64,
}

impl Store {
    /// Makes a store from a backup, in a folder that is new or empty: the same series, samples,
    /// units, retention and numbers as when the backup was made. A backup that is not finished,
    /// from a newer version, that lacks a segment, or in which any byte of any file is not as it
    /// was written is refused with the file's name before anything is made. The backup is only
    /// read.
    pub fn restore(backup: &Path, target: &Path) -> Result<RestoreReport> {
        let open = |path: &Path| Ok(Box::new(RocksDb::open(path)?) as Box<dyn Db>);
        Self::restore_on(&DiskFs, &open, backup, target)
    }

    /// [`Store::restore`] on a given disk, and with a database that `open` makes in a folder: for
    /// tests that stop it.
    pub fn restore_on(
        fs: &dyn Fs,
        open: &dyn Fn(&Path) -> Result<Box<dyn Db>>,
        backup: &Path,
        target: &Path,
    ) -> Result<RestoreReport> {
        if is_inside(fs, target, backup)? {
            let what = format!("{} is inside the backup; name a folder outside", target.display());
            return Err(Error::invalid(what));
        }
        if let Some(entry) = fs.list(target)?.first() {
            let (path, name) = (target.display(), &entry.name);
            let what = format!("{path} is not empty (it holds {name:?})");
            return Err(Error::invalid(format!("{what}; restore into a new or empty folder")));
        }
        let backup = Backup::open(fs, backup)?;
        let layout = Layout::new(target);
        for folder in [layout.root(), &layout.segments(), &layout.labels()] {
            fs.create_folder(folder)?;
        }
        let _lock = fs.lock(&layout.lock())?;
        // From here on, and until the end, the folder is neither a store nor taken for a new one.
        let db = open(&layout.restoring())?;
        write_files(fs, &backup, &layout)?;
        write_database(fs, db, &backup, &layout)?;
        let (parts, summary) = (&backup.marker.parts, &backup.marker.summary);
        Ok(RestoreReport {
            files: parts.len() as u64,
            bytes: parts.iter().map(|record| record.bytes).sum(),
            samples: summary.samples,
            series: summary.series,
            sequence: summary.sequence,
            passed_over: backup.passed_over,
        })
    }
}

/// Copies segments, label files and plans; a link would tie the store's fate to the backup's.
fn write_files(fs: &dyn Fs, backup: &Backup, layout: &Layout) -> Result<()> {
    let is_plan = |record: &PartRecord| matches!(record.part, Part::Plan(_));
    let has_plans = backup.marker.parts.iter().any(is_plan);
    if has_plans {
        fs.create_folder(&layout.plans())?;
    }
    for record in &backup.marker.parts {
        let path = match record.part {
            Part::Segment(id) => layout.segment(id),
            Part::Labels(address) => layout.label_file(address),
            Part::Plan(name) => layout.plan(name),
            Part::Database(_) => continue,
        };
        let mut file = fs.create(&path)?;
        file.append(&backup.part(fs, record)?)?;
        unless("restore-not-synced", || file.sync())?;
    }
    if has_plans {
        fs.sync_folder(&layout.plans())?;
    }
    fs.sync_folder(&layout.segments())?;
    fs.sync_folder(&layout.labels())
}

fn write_database(fs: &dyn Fs, db: Box<dyn Db>, backup: &Backup, layout: &Layout) -> Result<()> {
    let record = backup.database()?;
    let (path, bytes) = (backup.folder.path(record.part), backup.part(fs, record)?);
    in_order(
        "restored-database-named-early",
        || {
            database::restore(&*db, &path, &bytes)?;
            drop(db);
            fs.sync_folder(&layout.restoring())
        },
        || fs.rename(&layout.restoring(), &layout.database()),
    )?;
    fs.sync_folder(layout.root())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Batch, Group, Labels};
    use crate::store::StoreOptions;
    use crate::store::backup::folder::Folder;

    #[test]
    fn a_backup_without_a_segment_that_its_database_names_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let store = Store::open(&path("store"), StoreOptions::default()).unwrap();
        let labels = Labels::new("cpu", [("host", "a")]).unwrap();
        let series = store.series_id(&labels).unwrap();
        store.append(&Batch { groups: vec![Group::row(&[series], 1, &[1.0])] }).unwrap();
        store.seal().unwrap();
        store.backup(&path("backup")).unwrap();
        let folder = Folder::new(&path("backup"));
        let mut marker = Backup::read_marker(&DiskFs, &folder, 1).unwrap();
        let is_segment = |part| matches!(part, Part::Segment(_));
        let at = marker.parts.iter().position(|record| is_segment(record.part)).unwrap();
        let lacking = folder.path(marker.parts.remove(at).part);
        DiskFs.remove(&lacking).unwrap();
        DiskFs.remove(&folder.marker(1)).unwrap();
        let mut file = DiskFs.create(&folder.marker(1)).unwrap();
        file.append(&marker.encode().unwrap()).unwrap();
        let why = Store::restore(&path("backup"), &path("again")).unwrap_err().to_string();
        let expected = format!("the backup is not whole: {} is missing", lacking.display());
        assert!(why.contains(&expected), "{why}");
        assert!(DiskFs.list(&path("again")).unwrap().is_empty());
    }
}
