//! A simulated disk: files in memory, of which a power cut keeps what was synced and any part of
//! the rest; and a database in front of the real one that loses unsynced batches in the same way.
//! Both count their operations together and can fail at the n-th.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use plimsoll::db::{Db, RocksDb, Visit, WriteSet};
use plimsoll::fs::{AppendFile, Entry, Fs, Lock, Map};
use plimsoll::{Error, Result};

use super::prng::Prng;

/// What happens at the n-th operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It and all after it fail: the machine has stopped.
    Crash,
    /// It fails, later ones do not.
    Error(io::ErrorKind),
}

/// What a power cut leaves of what was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    /// Everything: only the process ended.
    Nothing,
    /// Nothing.
    Everything,
    /// Any part: each name, each file and a suffix of the batches by itself.
    Some(u64),
}

/// The operations of disk and database, counted together.
#[derive(Debug)]
pub(crate) struct Faults {
    done: AtomicU64,
    at: u64,
    fault: Fault,
    /// Whether the operation that failed was a sync, or a write of the database.
    pub(crate) fatal: AtomicBool,
}

impl Faults {
    pub(crate) fn new(at: u64, fault: Fault) -> Arc<Self> {
        let (done, fatal) = (AtomicU64::new(0), AtomicBool::new(false));
        Arc::new(Self { done, at, fault, fatal })
    }

    /// Whether the n-th operation was reached.
    pub(crate) fn reached(&self) -> bool {
        self.done.load(Ordering::SeqCst) >= self.at
    }

    fn step(&self, fatal: bool) -> io::Result<()> {
        let number = self.done.fetch_add(1, Ordering::SeqCst) + 1;
        let kind = match self.fault {
            Fault::Crash if number >= self.at => io::ErrorKind::BrokenPipe,
            Fault::Error(kind) if number == self.at => kind,
            _ => return Ok(()),
        };
        self.fatal.fetch_or(fatal, Ordering::SeqCst);
        Err(kind.into())
    }

    fn fs(&self, action: &'static str, path: &Path, fatal: bool) -> Result<()> {
        self.step(fatal).map_err(|why| Error::io(action, path, why))
    }

    fn db(&self, action: &'static str) -> Result<()> {
        self.step(true).map_err(|why| Error::Database { action, message: why.to_string() })
    }
}

type Inode = Arc<Mutex<Content>>;

#[derive(Debug, Default)]
struct Content {
    bytes: Vec<u8>,
    synced: Option<Vec<u8>>,
    /// After a failed sync the system believes lost pages to be clean.
    sync_failed: bool,
}

#[derive(Debug, Default)]
struct Folder {
    now: BTreeMap<String, Inode>,
    synced: BTreeMap<String, Inode>,
}

/// A disk in memory.
#[derive(Debug)]
pub(crate) struct SimFs {
    folders: Mutex<BTreeMap<PathBuf, Folder>>,
    faults: Arc<Faults>,
}

impl SimFs {
    /// A disk that holds what the real folders hold now, all of it synced.
    pub(crate) fn load(root: &Path, faults: Arc<Faults>) -> Arc<Self> {
        let mut folders = BTreeMap::new();
        for path in FOLDERS.map(|name| root.join(name)).into_iter().filter(|path| path.exists()) {
            let mut folder = Folder::default();
            for file in super::small::files(&path) {
                let bytes = std::fs::read(&file).unwrap();
                let content = Content { synced: Some(bytes.clone()), bytes, sync_failed: false };
                folder.now.insert(name_of(&file), Arc::new(Mutex::new(content)));
            }
            folder.synced.clone_from(&folder.now);
            folders.insert(path, folder);
        }
        Arc::new(Self { folders: Mutex::new(folders), faults })
    }

    /// Cuts the power: what the disk keeps replaces the real folders.
    pub(crate) fn cut_power(&self, loss: Loss) {
        let mut prng = Prng(if let Loss::Some(seed) = loss { seed } else { 0 });
        for (path, folder) in &*self.folders.lock().unwrap() {
            drop(std::fs::remove_dir_all(path));
            std::fs::create_dir_all(path).unwrap();
            let names: Vec<&String> = folder.now.keys().chain(folder.synced.keys()).collect();
            for name in names {
                let synced = match loss {
                    Loss::Nothing => false,
                    Loss::Everything => true,
                    Loss::Some(_) => prng.chance(2),
                };
                let names = if synced { &folder.synced } else { &folder.now };
                if let Some(inode) = names.get(name) {
                    let bytes = inode.lock().unwrap().surviving(loss, &mut prng);
                    std::fs::write(path.join(name), bytes).unwrap();
                }
            }
        }
    }

    fn with<T>(&self, path: &Path, change: impl FnOnce(&mut Folder, String) -> T) -> T {
        let parent = path.parent().unwrap();
        change(self.folders.lock().unwrap().entry(parent.to_owned()).or_default(), name_of(path))
    }
}

const FOLDERS: [&str; 3] = ["segments", "labels", "quarantine"];

fn name_of(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

fn absent(action: &'static str, path: &Path) -> Error {
    Error::io(action, path, io::ErrorKind::NotFound.into())
}

impl Content {
    fn surviving(&self, loss: Loss, prng: &mut Prng) -> Vec<u8> {
        let synced = self.synced.clone().unwrap_or_default();
        match (loss, prng.below(4)) {
            (Loss::Nothing, _) => self.bytes.clone(),
            (Loss::Everything, _) => synced,
            _ if synced.len() == self.bytes.len() => synced,
            (_, 0) => self.bytes.clone(),
            (_, 1) => self.bytes[..prng.below(self.bytes.len() as u64) as usize].to_vec(),
            // The length reached the disk, the bytes did not.
            (_, 2) => vec![0; self.bytes.len()],
            _ => synced,
        }
    }
}

impl Fs for SimFs {
    fn create(&self, path: &Path) -> Result<Box<dyn AppendFile>> {
        self.faults.fs("create", path, false)?;
        let inode = self.with(path, |folder, name| {
            assert!(!folder.now.contains_key(&name), "{name} is created twice");
            folder.now.entry(name).or_default().clone()
        });
        Ok(Box::new(SimFile { inode, path: path.to_owned(), faults: self.faults.clone() }))
    }

    fn map(&self, path: &Path) -> Result<Map> {
        self.faults.fs("open", path, false)?;
        let inode = self.with(path, |folder, name| folder.now.get(&name).cloned());
        let inode = inode.ok_or_else(|| absent("open", path))?;
        let bytes = inode.lock().unwrap().bytes.clone();
        Ok(Map::owned(bytes))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        self.faults.fs("rename", from, false)?;
        let inode = self.with(from, |folder, name| folder.now.remove(&name));
        let inode = inode.ok_or_else(|| absent("rename", from))?;
        let replaced = self.with(to, |folder, name| folder.now.insert(name, inode));
        assert!(replaced.is_none(), "{} is replaced", to.display());
        Ok(())
    }

    fn remove(&self, path: &Path) -> Result<()> {
        self.faults.fs("remove", path, false)?;
        self.with(path, |folder, name| folder.now.remove(&name));
        Ok(())
    }

    fn sync_folder(&self, path: &Path) -> Result<()> {
        self.faults.fs("sync", path, true)?;
        if let Some(folder) = self.folders.lock().unwrap().get_mut(path) {
            folder.synced.clone_from(&folder.now);
        }
        Ok(())
    }

    fn create_folder(&self, path: &Path) -> Result<()> {
        self.faults.fs("create the folder", path, false)?;
        self.folders.lock().unwrap().entry(path.to_owned()).or_default();
        Ok(())
    }

    fn list(&self, path: &Path) -> Result<Vec<Entry>> {
        self.faults.fs("list", path, false)?;
        let folders = self.folders.lock().unwrap();
        let files = folders.get(path).into_iter().flat_map(|folder| &folder.now);
        let entry = |(name, inode): (&String, &Inode)| {
            let bytes = inode.lock().unwrap().bytes.len() as u64;
            Entry { name: name.clone(), bytes, folder: false }
        };
        Ok(files.map(entry).collect())
    }

    fn lock(&self, _: &Path) -> Result<Box<dyn Lock>> {
        Ok(Box::new(NoLock))
    }
}

/// One process has the simulated disk by itself.
#[derive(Debug)]
pub(crate) struct NoLock;

impl Lock for NoLock {}

#[derive(Debug)]
struct SimFile {
    inode: Inode,
    path: PathBuf,
    faults: Arc<Faults>,
}

impl AppendFile for SimFile {
    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        let done = self.faults.fs("write", &self.path, false);
        // A failed write may have written a part.
        let written = if done.is_ok() { bytes.len() } else { bytes.len() / 2 };
        self.inode.lock().unwrap().bytes.extend_from_slice(&bytes[..written]);
        done
    }

    fn sync(&mut self) -> Result<()> {
        let done = self.faults.fs("sync", &self.path, true);
        let mut content = self.inode.lock().unwrap();
        content.sync_failed |= done.is_err();
        if !content.sync_failed {
            content.synced = Some(content.bytes.clone());
        }
        done
    }
}

/// The real database, with the batches that were not synced held back in memory.
#[derive(Debug)]
pub(crate) struct SimDb {
    real: RocksDb,
    pending: Mutex<Vec<WriteSet>>,
    sync_failed: AtomicBool,
    faults: Arc<Faults>,
}

impl SimDb {
    pub(crate) fn open(path: &Path, faults: Arc<Faults>) -> Arc<Self> {
        let real = RocksDb::open(path).unwrap();
        let (pending, sync_failed) = (Mutex::default(), AtomicBool::new(false));
        Arc::new(Self { real, pending, sync_failed, faults })
    }

    /// Cuts the power: of the batches that were not synced a prefix stays.
    pub(crate) fn cut_power(&self, loss: Loss) {
        let pending = self.pending.lock().unwrap();
        let kept = match loss {
            Loss::Nothing => pending.len(),
            Loss::Everything => 0,
            Loss::Some(seed) => Prng(seed).below(pending.len() as u64 + 1) as usize,
        };
        pending[..kept].iter().for_each(|set| self.apply(set));
    }

    fn apply(&self, set: &WriteSet) {
        let families = self.real.families();
        let mut known = WriteSet::default();
        for change in set.changes().iter().filter(|change| families.contains(&change.family)) {
            copy_into(&mut known, change);
        }
        self.real.write(&known).unwrap();
    }

    fn make_durable(&self) {
        if !self.sync_failed.load(Ordering::SeqCst) {
            self.pending.lock().unwrap().drain(..).for_each(|set| self.apply(&set));
        }
    }
}

fn copy_into(set: &mut WriteSet, change: &plimsoll::db::Change) {
    match &change.value {
        Some(value) => set.put(&change.family, &change.key, value.clone()),
        None => set.delete(&change.family, &change.key),
    }
}

impl Db for SimDb {
    fn families(&self) -> Vec<String> {
        self.real.families()
    }

    fn create_family(&self, name: &str) -> Result<()> {
        self.faults.db("create a column family")?;
        self.real.create_family(name)
    }

    fn drop_family(&self, name: &str) -> Result<()> {
        self.faults.db("drop a column family")?;
        self.real.drop_family(name)
    }

    fn get(&self, family: &str, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.real.get(family, key)
    }

    fn write(&self, batch: &WriteSet) -> Result<()> {
        self.faults.db("write")?;
        let mut copy = WriteSet::default();
        batch.changes().iter().for_each(|change| copy_into(&mut copy, change));
        self.pending.lock().unwrap().push(copy);
        Ok(())
    }

    fn sync(&self) -> Result<()> {
        let done = self.faults.db("sync");
        self.sync_failed.fetch_or(done.is_err(), Ordering::SeqCst);
        self.make_durable();
        done
    }

    fn scan(&self, family: &str, visit: &mut Visit<'_>) -> Result<()> {
        let mut entries = BTreeMap::new();
        self.real.scan(family, &mut |key, value| {
            entries.insert(key.to_vec(), Some(value.to_vec()));
            Ok(())
        })?;
        for change in self.pending.lock().unwrap().iter().flat_map(WriteSet::changes) {
            if change.family == family {
                entries.insert(change.key.clone(), change.value.clone());
            }
        }
        let mut present = entries.iter().filter_map(|(key, value)| Some((key, value.as_ref()?)));
        present.try_for_each(|(key, value)| visit(key, value))
    }

    fn flush(&self, families: &[&str]) -> Result<()> {
        self.faults.db("flush")?;
        // The log is synced before a table is made of what stands in it.
        self.make_durable();
        self.real.flush(families)
    }
}
