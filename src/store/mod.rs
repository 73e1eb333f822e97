//! The store: samples in, snapshots out. It owns the life of a sample:
//!
//! ```text
//! append ─► head (database + memory) ─► seal ─► segment ─► compact ─► segment ─► retain: gone,
//!                                                                      or rolled up into buckets
//! ```
//!
//! In: batches of samples under labels. Out: snapshots, which queries read. Never: a thread of its
//! own, or an aggregate but the fixed ones of rollups. The sub-rooms `head`, `segment` and
//! `catalog` never see each other; only the files beside this one join them.

mod append;
mod backup;
mod budget;
mod catalog;
mod check;
mod clock;
mod compact;
mod derive;
mod forget;
mod head;
mod layout;
mod manifest;
mod open;
mod options;
mod parallel;
mod pieces;
mod plans;
mod rebuild;
mod recover;
mod retain;
mod rollup;
mod samples;
mod seal;
mod segment;
mod series_reader;
mod snapshot;
mod space;
mod stat;
mod stats;
mod window;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

pub use append::Appender;
pub use backup::{BackupReport, RestoreReport};
pub use check::{CheckReport, Finding};
pub use clock::{Clock, SystemClock};
pub use compact::CompactReport;
pub use options::{Conflict, Durability, StoreOptions};
pub use pieces::Amount;
pub(crate) use pieces::{CHUNKS_MAX, FLOATS, Values, Work};
#[cfg(feature = "cli")]
pub(crate) use plans::check_size as check_plan_size;
pub use plans::{KeptPlanFile, Plans};
pub use rebuild::RebuildReport;
pub(crate) use rollup::BucketFields;
pub use rollup::{Bucket, RetainReport, Retention, Rollup, Tier};
pub use samples::Samples;
pub use segment::Segment;
pub use series_reader::SeriesReader;
pub use snapshot::Snapshot;
pub use stat::{Loss, StoreStat};
pub use stats::Stats;
pub use window::{Appended, Refused};

use crate::db::Db;
use crate::error::{Error, Result};
use crate::fs::fault::{planted, unless};
use crate::fs::{Fs, Lock};
use crate::model::Timestamp;
use budget::Budget;
use catalog::Catalog;
use head::Head;
use layout::Layout;
use manifest::{Edit, QuarantineRecord};

/// A time-series store in a folder. One process may hold it for writing; others may open it
/// read-only beside. All methods take `&self` and may be called from several threads.
///
/// ```
/// use plimsoll::store::{Samples, Store, StoreOptions};
/// use plimsoll::{Batch, Group, Labels, TimeRange};
///
/// let folder = tempfile::tempdir().unwrap();
/// let store = Store::open(folder.path(), StoreOptions::default())?;
/// let cpu = store.series_id(&Labels::new("cpu", [("host", "web-1")])?)?;
/// for minute in 0..3 {
///     let row = Group::row(&[cpu], minute * 60_000_000_000, &[0.5 + minute as f64]);
///     store.append(&Batch { groups: vec![row] })?;
/// }
/// store.seal()?;
///
/// let mut samples = Samples::default();
/// store.snapshot()?.scan(cpu, TimeRange::ALL, &mut samples)?;
/// assert_eq!(samples.values, [0.5, 1.5, 2.5]);
/// store.close()?;
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug)]
#[expect(clippy::struct_field_names, reason = "`store_id` is the id's name in every file format")]
pub struct Store {
    layout: Layout,
    fs: Arc<dyn Fs>,
    db: Arc<dyn Db>,
    clock: Arc<dyn Clock>,
    options: StoreOptions,
    budget: Budget,
    store_id: u128,
    /// Held for life by a writer; a reader has none.
    lock: Option<Box<dyn Lock>>,
    view: RwLock<Arc<View>>,
    writer: Mutex<Writer>,
    conflicts: AtomicU64,
}

/// What a query may see. Replaced whole, never changed.
#[derive(Debug, Clone, Default)]
struct View {
    /// Series come into it; where some are forgotten, another takes its place.
    catalog: Arc<RwLock<Catalog>>,
    /// Live segments; where two have a sample of one instant, the later in this list counts.
    segments: Vec<Arc<Segment>>,
    /// Heads by epoch; the last is the one that is written.
    heads: Vec<Arc<RwLock<Head>>>,
    /// Samples before this instant are gone.
    retain_from: Option<Timestamp>,
    /// Live segments of rollups, by tier and time.
    rollups: Vec<Arc<Segment>>,
    /// Buckets of the tier of a span (in nanoseconds) before this instant are gone.
    expired: BTreeMap<i64, Timestamp>,
    quarantined: Vec<(u64, QuarantineRecord)>,
    /// Head batches that were found damaged, by sequence number, and why.
    lost_batches: Vec<(u64, String)>,
}

/// What only the writing thread may touch.
#[derive(Debug)]
struct Writer {
    next_sequence: u64,
    durable_sequence: u64,
    synced_at: Duration,
    counters: manifest::Counters,
    /// Segments that a compaction found damaged: it leaves them as they are.
    damaged: BTreeSet<u64>,
    wall: window::WallClock,
    counts: stats::Counts,
    /// The label file that was written or found last.
    last_labels: Option<seal::LabelsWritten>,
    space: space::Space,
    /// The first failure after which it is not known what reached the disk.
    poison: Option<String>,
}

impl View {
    /// All live segments, rollups included.
    fn files(&self) -> impl Iterator<Item = &Arc<Segment>> {
        self.segments.iter().chain(&self.rollups)
    }

    /// Whether a segment is live, or was and is damaged.
    fn names(&self, id: u64) -> bool {
        self.files().any(|segment| segment.identity().segment_id == id)
            || self.quarantined.iter().any(|(damaged, _)| *damaged == id)
    }

    /// Takes segments in, each in its place.
    fn add(&mut self, made: impl IntoIterator<Item = Segment>) {
        for segment in made {
            let list = if segment.is_rollup() { &mut self.rollups } else { &mut self.segments };
            list.push(Arc::new(segment));
        }
        self.segments.sort_by_key(|segment| segment.footer().order);
        let place = |segment: &Arc<Segment>| segment.footer().rollup.map(|note| note.place());
        self.rollups.sort_by_key(place);
    }

    /// Takes segments out.
    fn remove(&mut self, gone: &[Arc<Segment>]) {
        let stays = |one: &Arc<Segment>| !gone.iter().any(|other| Arc::ptr_eq(one, other));
        self.segments.retain(stays);
        self.rollups.retain(stays);
    }
}

impl Store {
    /// Syncs what was appended and closes the store. Dropping it closes it without a sync: what was
    /// appended since the last one outlives the process, and may not outlive a power cut.
    pub fn close(self) -> Result<()> {
        if self.lock.is_some() { self.sync() } else { Ok(()) }
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The writer's state, if the store may be written.
    fn writer_for_change(&self) -> Result<MutexGuard<'_, Writer>> {
        if self.lock.is_none() {
            return Err(Error::invalid("the store is open read-only; open it for writing"));
        }
        let mut writer = self.writer();
        if let Some(reason) = &writer.poison {
            return Err(Error::Poisoned { reason: reason.clone() });
        }
        if writer.space.is_stalled() {
            self.resume(&mut writer)?;
        }
        Ok(writer)
    }

    fn view(&self) -> Arc<View> {
        read(&self.view).clone()
    }

    fn catalog(&self) -> Arc<RwLock<Catalog>> {
        read(&self.view).catalog.clone()
    }

    fn publish(&self, view: View) {
        *write(&self.view) = Arc::new(view);
    }

    /// Commits a change of the manifest: written, synced, or the writer is poisoned.
    fn commit(&self, writer: &mut Writer, edit: &Edit) -> Result<()> {
        self.guarded(writer, |store| store.db.write(&edit.batch))?;
        self.sync_log(writer, |store| unless("commit-not-synced", || store.db.sync()))
    }

    /// Syncs the database's log by `sync`, and counts how long it took.
    fn sync_log(&self, writer: &mut Writer, sync: impl FnOnce(&Self) -> Result<()>) -> Result<()> {
        let started = self.clock.elapsed();
        let synced = sync(self);
        if let Err(why) = &synced
            && !planted("failed-sync-tried-again")
        {
            // For want of space or not: what the system has dropped is not known.
            writer.poison.get_or_insert_with(|| why.to_string());
        }
        writer.counts.syncs.add(self.clock.elapsed().saturating_sub(started));
        synced
    }

    /// Runs a step after whose failure the state of the disk is not known. One failure is an
    /// exception: where the database had no space to write, all that it acknowledged is in its log,
    /// and the store may go on from there (`Store::resume`).
    fn guarded<T>(&self, writer: &mut Writer, step: impl FnOnce(&Self) -> Result<T>) -> Result<T> {
        let done = step(self);
        match &done {
            Err(Error::DiskFull { .. }) => writer.space.stall(),
            // A refused argument changed nothing; a refusal by disk or database may have.
            Err(why @ (Error::Io { .. } | Error::Database { .. }))
                if !planted("failed-sync-tried-again") =>
            {
                writer.poison.get_or_insert_with(|| why.to_string());
            }
            _ => {}
        }
        done
    }
}

/// A lock whose holder panicked is still good: values behind these locks are replaced whole.
fn read<T: ?Sized>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T: ?Sized>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
