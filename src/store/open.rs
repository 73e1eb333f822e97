//! Opening a store: lock, database, manifest, files, catalog, heads, in this order. The lock comes
//! before anything is touched; files are reconciled with the manifest before anything is served.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, RwLock};

use super::catalog::{self, Catalog};
use super::clock::{Clock, SystemClock};
use super::head::{Head, wire};
use super::layout::Layout;
use super::manifest::{self, Edit, EpochRecord, Manifest, STORE_VERSION, StoreRecord};
use super::options::StoreOptions;
use super::{Store, View, Writer, recover};
use crate::db::{Db, RocksDb};
use crate::error::{Error, Result};
use crate::fs::{DiskFs, Fs, Lock};

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
        let db = Arc::new(RocksDb::open(&layout.database())?);
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
        let mut manifest = Manifest::load(&*db)?;
        let store_id = identify(path, &*db, &mut manifest)?;
        recover::reconcile(&layout, &*fs, &*db, &mut manifest, store_id)?;
        let store = Self::assemble(layout, options, (fs, db, clock), manifest, store_id, lock)?;
        store.start_epoch_if_needed()?;
        store.sync()?;
        Ok(store)
    }

    /// Opens a store for reading, as it is now, beside a possible writer. Nothing is changed on
    /// disk; what the writer appends later is not seen.
    pub fn open_read_only(path: &Path) -> Result<Self> {
        let layout = Layout::new(path);
        refuse_missing(&layout)?;
        // A writer may seal or compact between our reading of a list of files and of the files it
        // names; then what is named next time is there.
        let mut attempts = READ_ONLY_ATTEMPTS;
        loop {
            match Self::try_open_read_only(&layout) {
                Err(why) if attempts > 1 && may_pass(&why) => attempts -= 1,
                opened => return opened,
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }

    fn try_open_read_only(layout: &Layout) -> Result<Self> {
        let fs: Arc<dyn Fs> = Arc::new(DiskFs);
        let db: Arc<dyn Db> = Arc::new(RocksDb::open_read_only(&layout.database())?);
        let manifest = Manifest::load(&*db)?;
        let store_id = match &manifest.store {
            Some(store) => checked_version(layout.root(), store)?,
            None => return Err(Error::invalid("the store was never finished; open it to write")),
        };
        let clock = Arc::new(SystemClock::default());
        let options = StoreOptions::default();
        Self::assemble(layout.clone(), options, (fs, db, clock), manifest, store_id, None)
    }

    fn assemble(
        layout: Layout,
        options: StoreOptions,
        (fs, db, clock): (Arc<dyn Fs>, Arc<dyn Db>, Arc<dyn Clock>),
        manifest: Manifest,
        store_id: u128,
        lock: impl Into<Option<Box<dyn Lock>>>,
    ) -> Result<Self> {
        let catalog = Arc::new(RwLock::new(Catalog::load(&*db)?));
        let mut view = View {
            retain_from: manifest.retain_from,
            quarantined: manifest.quarantined.clone(),
            ..View::default()
        };
        let lock = lock.into();
        for (id, record) in &manifest.segments {
            let opened = recover::open_segment(&layout, &*fs, *id, record, store_id);
            match opened {
                Ok(segment) => view.segments.push(Arc::new(segment)),
                // A writer has set damaged segments aside already; a reader says what it misses.
                Err(Error::Io { source, path, action })
                    if source.kind() == std::io::ErrorKind::NotFound =>
                {
                    return Err(Error::Io { source, path, action });
                }
                Err(why) => view.quarantined.push((*id, recover::lost(record, &why))),
            }
        }
        let mut last_sequence = manifest.counters.last_sequence;
        for (epoch, record) in &manifest.epochs {
            let (head, last) = load_head(&*db, *epoch, record)?;
            last_sequence = last_sequence.max(last.unwrap_or(0));
            view.heads.push(Arc::new(RwLock::new(head)));
        }
        let writer = Writer {
            next_sequence: last_sequence + 1,
            durable_sequence: last_sequence,
            synced_at: clock.elapsed(),
            counters: manifest.counters,
            poison: None,
        };
        Ok(Self {
            layout,
            fs,
            db,
            clock,
            options,
            store_id,
            lock,
            catalog,
            view: RwLock::new(Arc::new(view)),
            writer: Mutex::new(writer),
            conflicts: AtomicU64::new(0),
        })
    }

    /// A store without an epoch, or whose epoch obeys another conflict rule, gets a new one.
    fn start_epoch_if_needed(&self) -> Result<()> {
        let mut writer = self.writer_for_change()?;
        let view = self.view();
        let current = view.heads.last().map(|head| super::read(head).conflict);
        if current != Some(self.options.conflict) {
            self.start_epoch(&mut writer)?;
        }
        Ok(())
    }
}

/// Whether a failure to open for reading may be the doing of a writer at work.
fn may_pass(why: &Error) -> bool {
    match why {
        Error::Io { source, .. } => source.kind() == std::io::ErrorKind::NotFound,
        Error::Database { .. } => true,
        _ => false,
    }
}

fn refuse_missing(layout: &Layout) -> Result<()> {
    if layout.database().exists() {
        return Ok(());
    }
    let folder = layout.root().display();
    Err(Error::invalid(format!("there is no store in {folder}; `plimsoll import` makes one")))
}

/// A folder that holds other things is not made a store: `--store ~` would litter it.
fn refuse_foreign_folder(fs: &dyn Fs, layout: &Layout) -> Result<()> {
    let entries = fs.list(layout.root())?;
    let ours = |name: &str| ["LOCK", "db", "segments", "labels", "quarantine"].contains(&name);
    match entries.iter().find(|entry| !ours(&entry.name)) {
        Some(entry) if !entries.iter().any(|entry| entry.name == "db") => {
            Err(Error::invalid(format!(
                "{} is no store and is not empty (it holds {:?}); name a new or empty folder",
                layout.root().display(),
                entry.name
            )))
        }
        _ => Ok(()),
    }
}

/// The store's id, made now if the store is new.
fn identify(path: &Path, db: &dyn Db, manifest: &mut Manifest) -> Result<u128> {
    if let Some(store) = &manifest.store {
        return checked_version(path, store);
    }
    // The standard library's hash keys are the system's randomness.
    let random = || u128::from(RandomState::new().build_hasher().finish());
    let store = StoreRecord { version: STORE_VERSION, store_id: (random() << 64) | random() };
    let store_id = store.store_id;
    let mut edit = Edit::default();
    edit.put_store(&store)?;
    db.write(&edit.batch)?;
    db.sync()?;
    manifest.store = Some(store);
    Ok(store_id)
}

fn checked_version(path: &Path, store: &StoreRecord) -> Result<u128> {
    if store.version > STORE_VERSION {
        let (found, supported) = (store.version, STORE_VERSION);
        return Err(Error::Version { path: path.to_owned(), found, supported });
    }
    Ok(store.store_id)
}

/// Replays the batches of an epoch; also the last sequence number, if there is one.
fn load_head(db: &dyn Db, epoch: u64, record: &EpochRecord) -> Result<(Head, Option<u64>)> {
    let mut head = Head::new(epoch, record.conflict);
    let mut last = None;
    db.scan(&Layout::head_family(epoch), &mut |key, value| {
        let key = key.try_into().map_err(|_| Error::decode("a head key that is no number"))?;
        last = Some(u64::from_be_bytes(key));
        for group in wire::decode(value)? {
            head.append(&group);
        }
        Ok(())
    })?;
    Ok((head, last))
}
