//! Opening a store: lock, database, manifest, files, catalog, heads, in this order. The lock comes
//! before anything is touched; files are reconciled with the manifest before anything is served.
//! A reader takes no lock and changes nothing.

use std::collections::BTreeSet;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, RwLock};

use super::budget::Budget;
use super::catalog::{self, Catalog};
use super::clock::{Clock, SystemClock};
use super::layout::{Layout, SegmentFile};
use super::manifest::{self, Edit, Manifest, StoreRecord};
use super::options::StoreOptions;
use super::recover::{self, LoadedHeads};
use super::segment::Segment;
use super::space::Space;
use super::stats::Counts;
use super::window::WallClock;
use super::{Store, View, Writer};
use crate::db::{Db, ReopenDb, RocksDb};
use crate::error::{Error, Result};
use crate::fs::fault::planted;
use crate::fs::{DiskFs, Fs, Lock, Turn};

/// How often a reader tries to open a store that its writer is changing.
const READ_ONLY_ATTEMPTS: u32 = 20;

impl Store {
    /// Opens a store for writing; an absent or empty folder becomes a new store. Another writer
    /// makes it fail with [`Error::Locked`].
    pub fn open(path: &Path, options: StoreOptions) -> Result<Self> {
        let fs: Arc<dyn Fs> = Arc::new(DiskFs);
        let layout = Layout::new(path);
        refuse_foreign_folder(&*fs, &layout)?;
        fs.create_folder(path)?;
        let lock = fs.lock(&layout.lock())?;
        let memory = Budget::new(options.memory_bytes_max)?.database_bytes();
        let mut db = ReopenDb::open(&layout.database(), memory);
        if db.as_ref().is_err_and(Error::is_out_of_space) {
            // This is what it is kept for; it is made again when there is space.
            fs.remove(&layout.reserve())?;
            db = ReopenDb::open(&layout.database(), memory);
        }
        let db = Arc::new(db?);
        Self::open_on(path, options, fs, db, Arc::new(SystemClock::default()), lock)
    }

    /// Opens a store for writing that must be there already.
    pub fn open_existing(path: &Path, options: StoreOptions) -> Result<Self> {
        refuse_missing(&Layout::new(path))?;
        Self::open(path, options)
    }

    /// Opens a store for writing on a given disk, database and clock: for tests that fail them.
    /// `lock` is what keeps other writers out; it is held as long as the store is open.
    pub fn open_on(
        path: &Path,
        options: StoreOptions,
        fs: Arc<dyn Fs>,
        db: Arc<dyn Db>,
        clock: Arc<dyn Clock>,
        lock: Box<dyn Lock>,
    ) -> Result<Self> {
        let layout = Layout::new(path);
        for folder in [layout.segments(), layout.labels(), layout.quarantine()] {
            fs.create_folder(&folder)?;
        }
        fs.sync_folder(layout.root())?;
        db.create_family(catalog::FAMILY)?;
        db.create_family(manifest::FAMILY)?;
        let mut manifest = Manifest::load(&*db, &layout.database())?;
        let store_id = identify(&layout, &*fs, &*db, &mut manifest)?;
        let segments = recover::reconcile(&layout, &*fs, &*db, &mut manifest, store_id)?;
        let (store, heads) =
            Self::assemble(layout, options, (fs, db, clock), manifest, segments, Some(lock))?;
        store.check_quota()?;
        store.keep_lost_batches(&heads.lost)?;
        store.restore_labels()?;
        store.start_epoch_if_needed()?;
        store.sync()?;
        Ok(store)
    }

    /// Opens a store for reading, as it is now, beside a possible writer. Nothing is changed on
    /// disk; what the writer appends later is not seen. A segment that is damaged or missing costs
    /// what it holds: [`Snapshot::loss`](super::Snapshot::loss) tells how much that is.
    pub fn open_read_only(path: &Path) -> Result<Self> {
        let layout = Layout::new(path);
        refuse_missing(&layout)?;
        // A writer that had no patience, or whose database wrote tables by itself, may have changed
        // the files between our reading of a list of them and of the files it names; then what is
        // named next time is there.
        let (mut attempts, mut missing) = (READ_ONLY_ATTEMPTS, BTreeSet::new());
        loop {
            match Self::try_open_read_only(&layout, &mut missing) {
                Err(why) if attempts > 1 && may_pass(&why) => attempts -= 1,
                opened => return opened,
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }

    fn try_open_read_only(layout: &Layout, missing: &mut BTreeSet<u64>) -> Result<Self> {
        let fs: Arc<dyn Fs> = Arc::new(DiskFs);
        let _turn = fs.take_turn(layout.root(), Turn::Look);
        let db: Arc<dyn Db> = Arc::new(RocksDb::open_read_only(&layout.database())?);
        let mut manifest = Manifest::load(&*db, &layout.database())?;
        let Some(StoreRecord { store_id, .. }) = manifest.store else {
            if has_segments(&*fs, layout)? {
                return Err(database_is_lost(layout));
            }
            return Err(Error::invalid("the store was never finished; open it for writing"));
        };
        let segments = open_segments(layout, &*fs, &mut manifest, store_id, missing)?;
        let clock = Arc::new(SystemClock::default());
        let options = StoreOptions::default();
        let layout = layout.clone();
        let (store, _) =
            Self::assemble(layout, options, (fs, db, clock), manifest, segments, None)?;
        Ok(store)
    }

    fn assemble(
        layout: Layout,
        options: StoreOptions,
        (fs, db, clock): (Arc<dyn Fs>, Arc<dyn Db>, Arc<dyn Clock>),
        manifest: Manifest,
        segments: Vec<Segment>,
        lock: Option<Box<dyn Lock>>,
    ) -> Result<(Self, LoadedHeads)> {
        let store_id = manifest.store.as_ref().map_or(0, |store| store.store_id);
        let database = layout.database();
        let catalog = Catalog::load(&*db).map_err(|e| e.at(&database, 0))?;
        let mut heads =
            recover::load_heads(&*db, &manifest.epochs).map_err(|e| e.at(&database, 0))?;
        let mut lost_batches = manifest.lost_batches;
        heads.lost.retain(|batch| lost_batches.iter().all(|(known, _)| *known != batch.sequence));
        lost_batches.extend(heads.lost.iter().map(|batch| (batch.sequence, batch.why.clone())));
        let mut view = View {
            catalog: Arc::new(RwLock::new(catalog)),
            segments: Vec::new(),
            rollups: Vec::new(),
            expired: manifest.expired,
            heads: heads.heads.drain(..).map(|head| Arc::new(RwLock::new(head))).collect(),
            retain_from: manifest.retain_from,
            quarantined: manifest.quarantined,
            lost_batches,
        };
        view.add(segments);
        let last_sequence = manifest.counters.last_sequence.max(heads.last_sequence);
        let writer = Writer {
            next_sequence: last_sequence + u64::from(!planted("sequence-used-twice")),
            durable_sequence: last_sequence,
            synced_at: clock.elapsed(),
            counters: manifest.counters,
            damaged: BTreeSet::new(),
            wall: WallClock::default(),
            last_labels: None,
            counts: Counts::default(),
            space: Space::default(),
            poison: None,
        };
        let store = Self {
            layout,
            fs,
            db,
            clock,
            budget: Budget::new(options.memory_bytes_max)?,
            options,
            store_id,
            lock,
            view: RwLock::new(Arc::new(view)),
            writer: Mutex::new(writer),
            conflicts: AtomicU64::new(0),
        };
        Ok((store, heads))
    }

    /// A store without an epoch, or whose epoch obeys another conflict rule, gets a new one.
    fn start_epoch_if_needed(&self) -> Result<()> {
        let mut writer = self.writer_for_change()?;
        let view = self.view();
        let current = view.heads.last().map(|head| {
            let head = super::read(head);
            (head.epoch, head.conflict, head.samples())
        });
        match current {
            Some((_, conflict, _)) if conflict == self.options.conflict => Ok(()),
            // Nothing was appended under the other rule: the epoch is free to change it.
            Some((epoch, _, 0)) => self.change_rule(&mut writer, &view, epoch),
            _ => self.start_epoch(&mut writer),
        }
    }
}

/// Opens the segments that the manifest names. A writer would set a damaged one aside; a reader
/// says what it misses. A file that is absent may have been replaced by a writer, which takes the
/// name out of the manifest first: one that was `missing` at the look before and is named still is
/// lost. Others make this fail, and are `missing` from then on.
fn open_segments(
    layout: &Layout,
    fs: &dyn Fs,
    manifest: &mut Manifest,
    store_id: u128,
    missing: &mut BTreeSet<u64>,
) -> Result<Vec<Segment>> {
    let before = std::mem::take(missing);
    let (mut segments, mut absent) = (Vec::new(), None);
    for (id, record) in &manifest.segments {
        let why = match recover::open_segment(layout, fs, *id, record, store_id) {
            Ok(segment) => {
                segments.push(segment);
                continue;
            }
            Err(why) if recover::is_absent(&why) => {
                missing.insert(*id);
                if !before.contains(id) {
                    absent.get_or_insert(why);
                    continue;
                }
                why
            }
            Err(why @ Error::Corrupt { .. }) => why,
            Err(why) => return Err(why),
        };
        manifest.quarantined.push((*id, recover::lost(record, &why)));
    }
    absent.map_or(Ok(segments), Err)
}

/// Whether a failure to open for reading may be the doing of a writer at work.
fn may_pass(why: &Error) -> bool {
    match why {
        Error::Database { .. } => true,
        why => recover::is_absent(why),
    }
}

pub(super) fn refuse_missing(layout: &Layout) -> Result<()> {
    if layout.database().exists() {
        return Ok(());
    }
    // A restore that was stopped has left segments, too, and no store yet.
    if !layout.restoring().exists() && has_segments(&DiskFs, layout)? {
        return Err(database_is_lost(layout));
    }
    let folder = layout.root().display();
    Err(Error::invalid(format!("there is no store in {folder}; `plimsoll import` makes one")))
}

/// A folder that holds other things is not made a store: `--store ~` would litter it.
fn refuse_foreign_folder(fs: &dyn Fs, layout: &Layout) -> Result<()> {
    let entries = fs.list(layout.root())?;
    let ours = |name: &str| {
        ["LOCK", "RESERVE", "db", "segments", "labels", "plans", "quarantine"].contains(&name)
    };
    let Some(other) = entries.iter().find(|entry| !ours(&entry.name)) else { return Ok(()) };
    // Others have a folder of that name, too; every database of ours has this file.
    if fs.list(&layout.database())?.iter().any(|entry| entry.name == "CURRENT") {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "{} is no store and is not empty (it holds {:?}); name a new or empty folder",
        layout.root().display(),
        other.name
    )))
}

fn has_segments(fs: &dyn Fs, layout: &Layout) -> Result<bool> {
    let sealed = |name: &str| matches!(Layout::segment_file(name), SegmentFile::Sealed(_));
    Ok(fs.list(&layout.segments())?.iter().any(|entry| sealed(&entry.name)))
}

fn database_is_lost(layout: &Layout) -> Error {
    let what = "there are segments but the database that names them is lost; \
                `plimsoll repair` makes it anew from the segments";
    Error::corrupt(&layout.database(), 0, what)
}

/// The store's id, made now if the store is new.
fn identify(layout: &Layout, fs: &dyn Fs, db: &dyn Db, manifest: &mut Manifest) -> Result<u128> {
    if let Some(store) = &manifest.store {
        return Ok(store.store_id);
    }
    if has_segments(fs, layout)? {
        return Err(database_is_lost(layout));
    }
    // The standard library's hash keys are the system's randomness.
    let random = || u128::from(RandomState::new().build_hasher().finish());
    let store = StoreRecord::new((random() << 64) | random(), false);
    let store_id = store.store_id;
    let mut edit = Edit::default();
    edit.put_store(&store)?;
    db.write(&edit.batch)?;
    db.sync()?;
    manifest.store = Some(store);
    Ok(store_id)
}
