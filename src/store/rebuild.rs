//! Rebuilding the database of a store from its segments: the way back after the folder `db` is
//! lost.
//!
//! Segments carry their order, and what the store said when they were made: units, retention, the
//! number of the last batch. Label files carry the names of the series. What only the database had
//! is lost, and said to be: samples that were not sealed, and what was noted after the last
//! segment.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::Store;
use super::catalog::{self, Catalog};
use super::layout::{Layout, SegmentFile};
use super::manifest::{self, Counters, Edit, Manifest, SegmentRecord, StoreRecord};
use super::recover::set_aside;
use super::segment::{Segment, label_file};
use crate::db::{Db, RocksDb};
use crate::error::{Error, Result};
use crate::fs::fault::planted;
use crate::fs::{DiskFs, Fs};
use crate::model::{Labels, SeriesId, Timestamp};

/// What a rebuild found.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct RebuildReport {
    /// Segments that are part of the store again.
    pub segments: u64,
    /// Their samples.
    pub samples: u64,
    /// Segments of rollups that are part of it again.
    pub rollups: u64,
    /// Series that have their labels again.
    pub series: u64,
    /// Metrics that have their unit again.
    pub units: u64,
    /// Samples before this instant are gone, as they were when the last segment was made.
    pub retain_from: Option<Timestamp>,
    /// The number of the last batch then; the next one follows it.
    pub sequence: u64,
    /// Files that are not part of the store, and why; they are in the folder `quarantine`.
    pub set_aside: Vec<(String, String)>,
    /// What only the database had and no file of the store can tell, if there was any.
    pub lost: Vec<String>,
}

impl Store {
    /// Makes the database of a store anew from its segments and label files. A database that can
    /// be opened and knows its store is refused: there is nothing to rebuild. One that cannot be
    /// opened is to be moved away by hand first; nothing is deleted here.
    ///
    /// Lost is what only the database had: samples that were not sealed, and units that were set,
    /// retention and sequence numbers that moved on after the last segment was made.
    pub fn rebuild(path: &Path) -> Result<RebuildReport> {
        let layout = Layout::new(path);
        let fs = DiskFs;
        if layout.restoring().exists() {
            let what = format!("a restore into {} was stopped", path.display());
            return Err(Error::invalid(format!("{what}; remove the folder, and restore again")));
        }
        if fs.list(&layout.segments())?.is_empty() {
            let what = format!("{} holds no segment to rebuild a store from", path.display());
            return Err(Error::not_enough_data(what));
        }
        let _lock = fs.lock(&layout.lock())?;
        fs.create_folder(&layout.quarantine())?;
        let db = RocksDb::open(&layout.database()).map_err(|why| match why {
            Error::Database { message, .. } => {
                let folder = layout.database();
                let what = format!("the database cannot be opened ({message})");
                Error::corrupt(&folder, 0, format!("{what}; move it away, and repair again"))
            }
            why => why,
        })?;
        fs.sync_folder(layout.root())?;
        db.create_family(catalog::FAMILY)?;
        db.create_family(manifest::FAMILY)?;
        if Manifest::load(&db, &layout.database())?.store.is_some() {
            let what = format!("the database of {} is there; nothing to rebuild", path.display());
            return Err(Error::invalid(what));
        }
        let mut found = Found::default();
        found.read_labels(&layout, &fs)?;
        found.read_segments(&layout, &fs)?;
        found.commit(&db)
    }
}

/// What the files of a store say together.
#[derive(Debug, Default)]
struct Found {
    labels: BTreeMap<SeriesId, Labels>,
    segments: Vec<Segment>,
    counters: Counters,
    report: RebuildReport,
}

impl Found {
    fn read_labels(&mut self, layout: &Layout, fs: &dyn Fs) -> Result<()> {
        for entry in fs.list(&layout.labels())? {
            let Some(address) = Layout::label_address(&entry.name) else { continue };
            let path = layout.labels().join(&entry.name);
            match label_file::decode(&path, &fs.map(&path)?, address) {
                Ok(named) => self.labels.extend(named),
                Err(why @ Error::Corrupt { .. }) => self.set_aside(layout, fs, &path, &why)?,
                Err(why) => return Err(why),
            }
        }
        Ok(())
    }

    fn read_segments(&mut self, layout: &Layout, fs: &dyn Fs) -> Result<()> {
        for entry in fs.list(&layout.segments())? {
            let SegmentFile::Sealed(id) = Layout::segment_file(&entry.name) else { continue };
            self.counters.next_segment = self.counters.next_segment.max(id + 1);
            let path = layout.segments().join(&entry.name);
            match self.accept(Segment::open(fs.map(&path)?, &path), id, &path) {
                Ok(segment) => self.segments.push(segment),
                Err(why @ Error::Corrupt { .. }) => self.set_aside(layout, fs, &path, &why)?,
                Err(why) => return Err(why),
            }
        }
        self.leave_unfinished(layout, fs)?;
        // A segment whose samples are in a later one as well is not needed; without the database
        // that it was merged shows in the later one only.
        let superseded: BTreeSet<u64> =
            self.segments.iter().flat_map(|s| s.footer().supersedes.iter().copied()).collect();
        let (gone, live): (Vec<Segment>, _) = std::mem::take(&mut self.segments)
            .into_iter()
            .partition(|segment| superseded.contains(&segment.identity().segment_id));
        self.segments = live;
        for segment in gone {
            let why = Error::corrupt(segment.path(), 0, "its samples were merged into another");
            self.set_aside(layout, fs, segment.path(), &why)?;
        }
        Ok(())
    }

    /// Sets aside rollups of a retention that never counted: of its files the last alone notes
    /// that the samples are gone, and all that is written later does. The samples are still there.
    fn leave_unfinished(&mut self, layout: &Layout, fs: &dyn Fs) -> Result<()> {
        let ended = self.segments.iter().filter_map(|s| s.footer().notes.retain_from).max();
        let is_early = |segment: &Segment| {
            let until = segment.footer().rollup.map(|note| note.covers.end);
            until > ended && !planted("stopped-retention-counted")
        };
        let all = std::mem::take(&mut self.segments);
        let (early, live): (Vec<Segment>, _) = all.into_iter().partition(is_early);
        self.segments = live;
        for segment in early {
            let what = "its retention was never finished; the samples are there";
            let why = Error::corrupt(segment.path(), 0, what);
            self.set_aside(layout, fs, segment.path(), &why)?;
        }
        Ok(())
    }

    /// A segment of this store whose bytes are whole and whose series are named.
    fn accept(&mut self, opened: Result<Segment>, id: u64, path: &Path) -> Result<Segment> {
        let segment = opened?;
        let refuse = |what: &str| Err(Error::corrupt(path, 0, what));
        if segment.identity().segment_id != id {
            return refuse("its name is not its number");
        }
        let store_id = segment.identity().store_id;
        if self.segments.iter().any(|other| other.identity().store_id != store_id) {
            return refuse("it belongs to another store");
        }
        if !segment.series().all(|series| self.labels.contains_key(&series)) {
            return refuse("the label file that names its series is lost");
        }
        segment.verify()?;
        Ok(segment)
    }

    fn set_aside(&mut self, layout: &Layout, fs: &dyn Fs, path: &Path, why: &Error) -> Result<()> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.report.set_aside.push((name, why.to_string()));
        set_aside(layout, fs, path)
    }

    /// Writes catalog and manifest in one batch: a crash leaves either no store record, so that
    /// the rebuild is asked for again, or all of it.
    fn commit(mut self, db: &dyn Db) -> Result<RebuildReport> {
        let Some(store_id) = self.segments.first().map(|s| s.identity().store_id) else {
            return Err(Error::not_enough_data(
                "no segment is whole: there is nothing to rebuild a store from",
            ));
        };
        let mut edit = Edit::default();
        self.put_notes(&mut edit)?;
        // Label files that were kept may name others, forgotten since, whose labels may be those of
        // later series. Their numbers, and those of which nothing was sealed, stay taken.
        let next = self.labels.last_key_value().map_or(0, |(id, _)| id.0.saturating_add(1));
        let held: BTreeSet<SeriesId> = self.segments.iter().flat_map(Segment::series).collect();
        self.labels.retain(|id, _| held.contains(id));
        let mut catalog = Catalog::default();
        for (id, labels) in &self.labels {
            catalog.put(*id, labels, &mut edit.batch)?;
        }
        catalog.put_kept(next, &mut edit.batch)?;
        for segment in &self.segments {
            let (footer, id) = (segment.footer(), segment.identity().segment_id);
            let epoch = footer.order.max(footer.epochs.iter().copied().max().unwrap_or(0));
            let next_epoch = epoch.saturating_add(1);
            self.counters.next_epoch = self.counters.next_epoch.max(next_epoch);
            if segment.is_rollup() {
                self.report.rollups += 1;
            } else {
                self.report.samples += footer.samples;
            }
            edit.put_segment(id, &SegmentRecord::of(segment))?;
        }
        edit.put_counters(&self.counters)?;
        edit.put_store(&StoreRecord::new(store_id, catalog.has_forgotten()))?;
        db.write(&edit.batch)?;
        db.sync()?;
        self.report.segments = self.segments.len() as u64 - self.report.rollups;
        self.report.series = self.labels.len() as u64;
        self.report.lost = lost(self.report.sequence);
        Ok(self.report)
    }

    /// What segments noted of the store; a later one knows better.
    fn put_notes(&mut self, edit: &mut Edit) -> Result<()> {
        self.segments.sort_by_key(|segment| segment.identity().segment_id);
        let notes = || self.segments.iter().map(|segment| &segment.footer().notes);
        let units: BTreeMap<&str, &str> = notes()
            .flat_map(|notes| &notes.units)
            .map(|(metric, unit)| (metric.as_str(), unit.as_str()))
            .collect();
        for (metric, unit) in &units {
            catalog::put_unit(&mut edit.batch, metric, &unit.parse()?)?;
        }
        self.report.units = units.len() as u64;
        self.report.retain_from = notes().filter_map(|notes| notes.retain_from).max();
        if let Some(from) = self.report.retain_from {
            edit.put_retain(from)?;
        }
        self.counters.last_sequence = notes().map(|notes| notes.last_sequence).max().unwrap_or(0);
        self.report.sequence = self.counters.last_sequence;
        Ok(())
    }
}

/// What no file of a store can tell, in words.
fn lost(sequence: u64) -> Vec<String> {
    vec![
        format!(
            "samples that were not sealed, in batches after number {sequence}; their numbers are \
             given again"
        ),
        "series of which nothing was sealed".to_owned(),
        "units and retention that were set after the last segment was made; set them again"
            .to_owned(),
        "notes on damage that was found before; its files are in the folder quarantine".to_owned(),
    ]
}
