//! RocksDB behind the [`Db`] trait.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Change, Db, Visit, WriteSet, journal};
use crate::error::{Error, Result};
use crate::fs::{DiskFs, Entry, Fs};
use rocksdb::{
    BlockBasedOptions, BoundColumnFamily, Cache, ColumnFamilyDescriptor, DB, DBRecoveryMode,
    ErrorKind, InfoLogger, IteratorMode, Options, WriteBatch, WriteOptions,
};

/// Memory of a database that is opened without a word on it, in bytes.
const MEMORY_BYTES: usize = 8 << 20;
/// Gathered before it is handed to a file, in bytes; a database has some files open for writing.
const FILE_BUFFER_BYTES: u64 = 256 << 10;
/// Log bytes at which families that hold old log files back are written to tables.
const LOG_BYTES_MAX: u64 = 128 << 20;

/// How often a write is tried while RocksDB has its hands full with tables, and the pause between:
/// 10 s in all.
const WRITE_ATTEMPTS: u32 = 100_000;
const WRITE_PAUSE: Duration = Duration::from_micros(100);

/// The length at which RocksDB begins its list of tables anew, in bytes.
const MANIFEST_BYTES_MAX: usize = 1 << 20;
/// How the names of families begin that are written, read in order once, and dropped whole.
const SHORT_LIVED: &str = "head-";

/// The key, in the default family, of the name of the family that was dropped last.
const LAST_DROPPED: &[u8] = b"last dropped";

/// Bytes before the first change of a batch, and the most that a change takes beside key and value.
const BATCH_BYTES: usize = 12;
const CHANGE_BYTES: usize = 16;

/// A RocksDB database in a folder of its own.
pub struct RocksDb {
    db: DB,
    memory: Memory,
    families: Mutex<BTreeSet<String>>,
}

impl std::fmt::Debug for RocksDb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RocksDb({})", self.db.path().display())
    }
}

/// What memory a database may take, and the one block cache for all its families, those made later
/// included.
struct Memory {
    /// For what was written and is in no table yet.
    write_bytes: usize,
    /// Mostly idle: tables are read when a store is opened.
    cache: Cache,
}

impl Memory {
    fn new(bytes: usize) -> Self {
        Self { write_bytes: bytes, cache: Cache::new_lru_cache(bytes / 8) }
    }
}

impl RocksDb {
    /// Opens a database for writing, made if absent, that takes little memory.
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_within(path, MEMORY_BYTES)
    }

    /// Opens a database for writing, made if absent. What was written and is in no table yet takes
    /// at most `memory_bytes`; more makes fewer and larger tables.
    pub fn open_within(path: &Path, memory_bytes: usize) -> Result<Self> {
        journal::look_through(path, true)?;
        let memory = Memory::new(memory_bytes);
        let (mut options, names) = setup(path, &memory);
        // Data without the file that names its tables is a damaged database, not a new one: making
        // one there would delete it.
        let is_data = |entry: &Entry| {
            let is = |extension| has_extension(entry, extension);
            entry.name == "CURRENT" || is("sst") || (is("log") && entry.bytes > 0)
        };
        options.create_if_missing(!DiskFs.list(path)?.iter().any(is_data));
        let families = descriptors(&names, &memory);
        let db = DB::open_cf_descriptors(&options, path, families).map_err(failed("open"))?;
        Ok(Self { db, memory, families: Mutex::new(names) })
    }

    /// Opens a database for reading, as it is now, beside a possible writer.
    pub fn open_read_only(path: &Path) -> Result<Self> {
        journal::look_through(path, false)?;
        let memory = Memory::new(MEMORY_BYTES);
        let (mut options, names) = setup(path, &memory);
        // A logger of its own would take the place of the writer's log file.
        options
            .set_info_logger(InfoLogger::new_callback_logger(rocksdb::LogLevel::Fatal, |_, _| {}));
        // All files are opened now: a writer may delete them later.
        options.set_max_open_files(-1);
        let before = generation(path)?;
        let families = descriptors(&names, &memory);
        let db = DB::open_cf_descriptors_read_only(&options, path, families, false)
            .map_err(failed("open read-only"))?;
        // The list of tables is read before the logs. A flush between the two moves data from a
        // log that is then gone into a table that is not in the list yet: it would be missed.
        if generation(path)? != before {
            let message = "a writer was writing tables meanwhile; try again".to_owned();
            return Err(Error::Database { action: "open read-only", message });
        }
        Ok(Self { db, memory, families: Mutex::new(names) })
    }

    /// Writes a batch, and waits for room in the database's memory. RocksDB's own waiting stops for
    /// ever where its attempt to go on after a full disk waits for the write, so it is not used.
    fn write_patiently(&self, batch: impl Fn() -> Result<WriteBatch>) -> Result<()> {
        let mut options = WriteOptions::default();
        options.set_no_slowdown(true);
        for _ in 0..WRITE_ATTEMPTS {
            match self.db.write_opt(batch()?, &options) {
                Err(why) if why.kind() == ErrorKind::Incomplete => std::thread::sleep(WRITE_PAUSE),
                written => return written.map_err(failed("write")),
            }
        }
        let message = "its tables could not be written for a while".to_owned();
        Err(Error::DiskFull { action: "write", message })
    }

    fn names(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.families.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn family(&self, name: &str) -> Result<Arc<BoundColumnFamily<'_>>> {
        self.db.cf_handle(name).ok_or_else(|| Error::Database {
            action: "find a column family",
            message: format!("there is no {name:?}"),
        })
    }
}

/// What changes whenever tables come or logs go: the names of logs, and the lengths of the lists of
/// tables.
fn generation(path: &Path) -> Result<Vec<Entry>> {
    let mut entries = DiskFs.list(path)?;
    entries.retain(|entry| has_extension(entry, "log") || entry.name.starts_with("MANIFEST"));
    for entry in entries.iter_mut().filter(|entry| has_extension(entry, "log")) {
        // Logs grow with every write, which does no harm.
        entry.bytes = 0;
    }
    Ok(entries)
}

pub(super) fn has_extension(entry: &Entry, extension: &str) -> bool {
    Path::new(&entry.name).extension().is_some_and(|found| found == extension)
}

/// Options for the whole database, and the names of the families found in it.
fn setup(path: &Path, memory: &Memory) -> (Options, BTreeSet<String>) {
    let mut options = Options::default();
    // After a crash: everything up to the first record that did not reach the disk whole, nothing
    // after it. This is the prefix rule that stores promise.
    options.set_wal_recovery_mode(DBRecoveryMode::PointInTime);
    options.set_track_and_verify_wals_in_manifest(true);
    options.set_max_total_wal_size(LOG_BYTES_MAX);
    options.set_recycle_log_file_num(0);
    options.set_max_open_files(64);
    options.set_max_background_jobs(1);
    options.set_max_manifest_file_size(MANIFEST_BYTES_MAX);
    options.set_keep_log_file_num(1);
    options.set_max_log_file_size(1 << 20);
    options.set_stats_dump_period_sec(0);
    options.set_log_level(rocksdb::LogLevel::Warn);
    options.set_db_write_buffer_size(memory.write_bytes);
    options.set_writable_file_max_buffer_size(FILE_BUFFER_BYTES);
    // A new database has no list of families yet; `default` is always there.
    let mut names: BTreeSet<_> =
        DB::list_cf(&options, path).unwrap_or_default().into_iter().collect();
    names.insert(rocksdb::DEFAULT_COLUMN_FAMILY_NAME.to_owned());
    (options, names)
}

fn descriptors(names: &BTreeSet<String>, memory: &Memory) -> Vec<ColumnFamilyDescriptor> {
    let describe = |name: &String| ColumnFamilyDescriptor::new(name, family_options(name, memory));
    names.iter().map(describe).collect()
}

fn family_options(name: &str, memory: &Memory) -> Options {
    let mut table = BlockBasedOptions::default();
    table.set_block_cache(&memory.cache);
    table.set_cache_index_and_filter_blocks(true);
    let mut options = Options::default();
    options.set_block_based_table_factory(&table);
    // Two at a time: one that is written, and one on its way into a table.
    options.set_write_buffer_size(memory.write_bytes / 2);
    options.set_max_write_buffer_number(2);
    // A family that is dropped whole after some tables is not worth merging them.
    options.set_disable_auto_compactions(name.starts_with(SHORT_LIVED));
    options
}

fn failed(action: &'static str) -> impl Fn(rocksdb::Error) -> Error {
    move |why| {
        let message = why.into_string();
        // The crate does not hand on which error of the system it was; RocksDB's text says it.
        if ["No space left on device", "Disk quota exceeded"].iter().any(|s| message.contains(s)) {
            return Error::DiskFull { action, message };
        }
        Error::Database { action, message }
    }
}

impl Db for RocksDb {
    fn families(&self) -> Vec<String> {
        self.names().iter().cloned().collect()
    }

    fn create_family(&self, name: &str) -> Result<()> {
        if self.db.cf_handle(name).is_some() {
            return Ok(());
        }
        let options = family_options(name, &self.memory);
        self.db.create_cf(name, &options).map_err(failed("create a column family"))?;
        self.names().insert(name.to_owned());
        Ok(())
    }

    fn drop_family(&self, name: &str) -> Result<()> {
        self.db.drop_cf(name).map_err(failed("drop a column family"))?;
        self.names().remove(name);
        // Log files that only the dropped family needed are let go by the next flush of anything,
        // which may never come; so something is written and flushed.
        self.write_patiently(|| {
            let mut batch = WriteBatch::default();
            batch.put(LAST_DROPPED, name);
            Ok(batch)
        })?;
        self.db.flush().map_err(failed("flush"))
    }

    fn get(&self, family: &str, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.db.get_cf(&self.family(family)?, key).map_err(failed("read"))
    }

    fn write(&self, batch: &WriteSet) -> Result<()> {
        // Room for all, so that a large batch is not moved as it grows.
        let bytes = |change: &Change| {
            CHANGE_BYTES + change.key.len() + change.value.as_ref().map_or(0, Vec::len)
        };
        let bytes = BATCH_BYTES + batch.changes().iter().map(bytes).sum::<usize>();
        self.write_patiently(|| {
            let mut changes = WriteBatch::with_capacity_bytes(bytes);
            for change in batch.changes() {
                let family = self.family(&change.family)?;
                match &change.value {
                    Some(value) => changes.put_cf(&family, &change.key, value),
                    None => changes.delete_cf(&family, &change.key),
                }
            }
            Ok(changes)
        })
    }

    fn sync(&self) -> Result<()> {
        self.db.flush_wal(true).map_err(failed("sync"))
    }

    fn scan(&self, family: &str, visit: &mut Visit<'_>) -> Result<()> {
        let family = self.family(family)?;
        for entry in self.db.iterator_cf(&family, IteratorMode::Start) {
            let (key, value) = entry.map_err(failed("scan"))?;
            visit(&key, &value)?;
        }
        Ok(())
    }

    fn flush(&self, families: &[&str]) -> Result<()> {
        for name in families {
            self.db.flush_cf(&self.family(name)?).map_err(failed("flush"))?;
        }
        Ok(())
    }

    fn shrink(&self, family: &str) -> Result<()> {
        // Its errors are not told; they leave the tables that were there.
        self.db.compact_range_cf(&self.family(family)?, None::<&[u8]>, None::<&[u8]>);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_there_after_reopening_and_for_a_reader_beside_the_writer() {
        let folder = tempfile::tempdir().unwrap();
        let db = RocksDb::open(folder.path()).unwrap();
        db.create_family("a").unwrap();
        db.create_family("b").unwrap();
        let mut batch = WriteSet::default();
        batch.put("a", b"2", b"two".to_vec());
        batch.put("a", b"1", b"one".to_vec());
        batch.put("b", b"x", b"y".to_vec());
        batch.delete("b", b"x");
        db.write(&batch).unwrap();
        db.sync().unwrap();
        for reader in [RocksDb::open_read_only(folder.path()).unwrap(), {
            drop(db);
            RocksDb::open(folder.path()).unwrap()
        }] {
            let mut seen = Vec::new();
            let mut visit = |key: &[u8], value: &[u8]| {
                seen.push((key.to_vec(), value.to_vec()));
                Ok(())
            };
            reader.scan("a", &mut visit).unwrap();
            assert_eq!(seen, [(b"1".to_vec(), b"one".to_vec()), (b"2".to_vec(), b"two".to_vec())]);
            assert_eq!(reader.get("b", b"x").unwrap(), None);
        }
    }

    #[test]
    fn the_log_of_a_dropped_family_goes_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let db = RocksDb::open(folder.path()).unwrap();
        db.create_family("a").unwrap();
        let mut batch = WriteSet::default();
        batch.put("a", b"1", vec![7; 1 << 20]);
        db.write(&batch).unwrap();
        db.drop_family("a").unwrap();
        let entries = DiskFs.list(folder.path()).unwrap();
        let logs: u64 = entries.iter().filter(|e| has_extension(e, "log")).map(|e| e.bytes).sum();
        assert!(logs < 1 << 10, "{logs} bytes");
    }

    #[test]
    fn a_reader_sees_tables_come_and_logs_go_but_not_writes() {
        let folder = tempfile::tempdir().unwrap();
        let db = RocksDb::open(folder.path()).unwrap();
        db.create_family("a").unwrap();
        let generations = || generation(folder.path()).unwrap();
        let before = generations();
        let mut batch = WriteSet::default();
        batch.put("a", b"1", b"one".to_vec());
        db.write(&batch).unwrap();
        assert_eq!(generations(), before, "a write moves nothing");
        db.flush(&["a"]).unwrap();
        let flushed = generations();
        assert_ne!(flushed, before, "a flush makes a table");
        db.create_family("b").unwrap();
        assert_ne!(generations(), flushed, "a family changes the list");
    }
}
