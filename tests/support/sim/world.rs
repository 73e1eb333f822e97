//! What lasts: names, files and database, and what a stop leaves of them. Everything is shared
//! until it changes, so a copy costs three counters.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use plimsoll::db::WriteSet;

use super::super::prng::Prng;

/// How a machine stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The process ends. What it wrote is still in the system's memory, and not yet durable.
    Kill,
    /// The power fails before the system wrote anything by itself.
    PowerLoss,
    /// The power fails when it had written any part, in any order, as this seed decides.
    PowerCut(u64),
}

/// The unit in which a disk writes.
const SECTOR_BYTES: usize = 512;

pub(super) type Inode = u64;
pub(super) type Family = Arc<BTreeMap<Vec<u8>, Arc<[u8]>>>;

#[derive(Debug, Clone, Default)]
pub(crate) struct World {
    pub(super) folders: Arc<BTreeMap<PathBuf, Folder>>,
    pub(super) files: Arc<BTreeMap<Inode, File>>,
    pub(super) database: Arc<Database>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Folder {
    pub(super) now: BTreeMap<String, Inode>,
    pub(super) synced: BTreeMap<String, Inode>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct File {
    pub(super) bytes: Arc<Vec<u8>>,
    /// How many of its bytes are durable; `None` before the first sync.
    pub(super) synced: Option<usize>,
    /// After a failed sync the system believes lost pages to be clean.
    pub(super) sync_failed: bool,
}

/// Families now and those that are durable, and the batches between the two.
#[derive(Debug, Clone, Default)]
pub(super) struct Database {
    pub(super) now: BTreeMap<String, Family>,
    pub(super) durable: BTreeMap<String, Family>,
    pub(super) pending: Vec<Arc<WriteSet>>,
    pub(super) sync_failed: bool,
}

impl World {
    /// What the next start of the machine finds.
    pub(crate) fn after(&self, stop: Stop) -> Self {
        let mut world = self.clone();
        if stop == Stop::Kill {
            return world;
        }
        let mut prng = match stop {
            Stop::PowerCut(seed) => Some(Prng(seed)),
            _ => None,
        };
        let mut kept = BTreeSet::new();
        for folder in Arc::make_mut(&mut world.folders).values_mut() {
            folder.lose(prng.as_mut());
            kept.extend(folder.synced.values().copied());
        }
        let files = self.files.iter().filter(|(inode, _)| kept.contains(inode));
        let files = files.map(|(inode, file)| (*inode, file.surviving(prng.as_mut())));
        world.files = Arc::new(files.collect());
        Arc::make_mut(&mut world.database).lose(prng.as_mut());
        world
    }

    /// All that a power cut may leave of the database.
    pub(crate) fn databases_after_power_cut(&self) -> impl Iterator<Item = Self> {
        (0..=self.database.pending.len()).map(|batches| {
            let mut world = self.clone();
            Arc::make_mut(&mut world.database).keep(batches);
            world
        })
    }

    /// RocksDB writes what it finds in its log to tables when it is opened: durable from then on.
    pub(super) fn open_database(&mut self) {
        if !self.database.pending.is_empty() || self.database.sync_failed {
            let database = Arc::make_mut(&mut self.database);
            database.sync_failed = false;
            database.make_durable();
        }
    }

    /// The files of a folder, by name.
    pub(crate) fn files(&self, folder: &Path) -> Vec<PathBuf> {
        let names = self.folders.get(folder).into_iter().flat_map(|folder| folder.now.keys());
        names.map(|name| folder.join(name)).collect()
    }

    pub(crate) fn bytes(&self, path: &Path) -> Option<Arc<Vec<u8>>> {
        let folder = self.folders.get(path.parent()?)?;
        let inode = folder.now.get(&name_of(path))?;
        Some(self.files.get(inode)?.bytes.clone())
    }

    /// Puts a file there, whole and durable, in place of any other; `None` removes it.
    pub(crate) fn put(&mut self, path: &Path, bytes: Option<Vec<u8>>) {
        let folders = Arc::make_mut(&mut self.folders);
        let folder = folders.entry(path.parent().unwrap().to_owned()).or_default();
        folder.now.remove(&name_of(path));
        if let Some(bytes) = bytes {
            let synced = Some(bytes.len());
            let file = File { bytes: Arc::new(bytes), synced, sync_failed: false };
            let inode = self.add(file);
            let folders = Arc::make_mut(&mut self.folders);
            let folder = folders.entry(path.parent().unwrap().to_owned()).or_default();
            folder.now.insert(name_of(path), inode);
            folder.synced.clone_from(&folder.now);
        } else {
            folder.synced.clone_from(&folder.now);
        }
    }

    /// A new file without a name.
    pub(super) fn add(&mut self, file: File) -> Inode {
        let inode = self.files.last_key_value().map_or(0, |(last, _)| last + 1);
        Arc::make_mut(&mut self.files).insert(inode, file);
        inode
    }

    /// The records of the database: family, key and value.
    pub(crate) fn records(&self) -> Vec<(String, Vec<u8>, Vec<u8>)> {
        let families = self.database.now.iter();
        let records = families.flat_map(|(name, family)| {
            family.iter().map(|(key, value)| (name.clone(), key.clone(), value.to_vec()))
        });
        records.collect()
    }

    pub(crate) fn families(&self) -> Vec<String> {
        self.database.now.keys().cloned().collect()
    }

    /// Changes a record of the database, durably; `None` removes it.
    pub(crate) fn put_record(&mut self, family: &str, key: &[u8], value: Option<Vec<u8>>) {
        let database = Arc::make_mut(&mut self.database);
        let mut set = WriteSet::default();
        match value {
            Some(value) => set.put(family, key, value),
            None => set.delete(family, key),
        }
        database.write(Arc::new(set));
        database.make_durable();
    }
}

pub(super) fn name_of(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

impl Folder {
    /// Each name that was not synced comes or goes by itself.
    fn lose(&mut self, prng: Option<&mut Prng>) {
        if let Some(prng) = prng {
            let names: BTreeSet<String> =
                self.now.keys().chain(self.synced.keys()).cloned().collect();
            for name in names {
                if self.now.get(&name) != self.synced.get(&name) && prng.chance(2) {
                    match self.now.get(&name) {
                        Some(inode) => drop(self.synced.insert(name, *inode)),
                        None => drop(self.synced.remove(&name)),
                    }
                }
            }
        }
        self.now.clone_from(&self.synced);
    }
}

impl File {
    fn surviving(&self, prng: Option<&mut Prng>) -> Self {
        let synced = self.synced.unwrap_or(0);
        let mut bytes = self.bytes.clone();
        if let Some(prng) = prng
            && synced < bytes.len()
        {
            tear(Arc::make_mut(&mut bytes), synced, prng);
        } else if synced < bytes.len() {
            Arc::make_mut(&mut bytes).truncate(synced);
        }
        let synced = Some(bytes.len());
        Self { bytes, synced, sync_failed: false }
    }
}

/// What is left of bytes of which the first `synced` are durable: the length may be on the disk and
/// the bytes not, and each sector of them by itself.
fn tear(bytes: &mut Vec<u8>, synced: usize, prng: &mut Prng) {
    let unsynced = bytes.len() - synced;
    match prng.below(4) {
        0 => {}
        1 => bytes.truncate(synced),
        _ => bytes.truncate(synced + 1 + prng.below(unsynced as u64) as usize),
    }
    let filler = if prng.chance(4) { 0xa5 } else { 0 };
    let lost_one_in = 1 + prng.below(4);
    for sector in bytes[synced..].chunks_mut(SECTOR_BYTES) {
        if lost_one_in > 1 && prng.chance(lost_one_in) {
            sector.fill(filler);
        }
    }
}

impl Database {
    /// Of the batches that were not synced a prefix stays.
    fn lose(&mut self, prng: Option<&mut Prng>) {
        self.keep(prng.map_or(0, |prng| prng.below(self.pending.len() as u64 + 1) as usize));
    }

    fn keep(&mut self, batches: usize) {
        self.pending.truncate(batches);
        self.sync_failed = false;
        self.now.clone_from(&self.durable);
        for set in std::mem::take(&mut self.pending) {
            apply(&mut self.now, &set);
        }
        self.durable.clone_from(&self.now);
    }

    pub(super) fn write(&mut self, set: Arc<WriteSet>) {
        apply(&mut self.now, &set);
        self.pending.push(set);
    }

    /// Everything up to now becomes durable, unless a sync has failed before.
    pub(super) fn make_durable(&mut self) {
        if !self.sync_failed {
            self.pending.clear();
            self.durable.clone_from(&self.now);
        }
    }

    /// A family comes or goes durably, and with it what batches say of it.
    pub(super) fn drop_family(&mut self, name: &str) {
        self.now.remove(name);
        self.durable.remove(name);
        for set in &mut self.pending {
            if set.changes().iter().any(|change| change.family == name) {
                let mut rest = WriteSet::default();
                let others = set.changes().iter().filter(|change| change.family != name);
                others.for_each(|change| copy_into(&mut rest, change));
                *set = Arc::new(rest);
            }
        }
    }
}

fn apply(families: &mut BTreeMap<String, Family>, set: &WriteSet) {
    for change in set.changes() {
        let Some(family) = families.get_mut(&change.family) else { continue };
        let family = Arc::make_mut(family);
        match &change.value {
            Some(value) => drop(family.insert(change.key.clone(), value.as_slice().into())),
            None => drop(family.remove(&change.key)),
        }
    }
}

pub(super) fn copy_into(set: &mut WriteSet, change: &plimsoll::db::Change) {
    match &change.value {
        Some(value) => set.put(&change.family, &change.key, value.clone()),
        None => set.delete(&change.family, &change.key),
    }
}
