//! A database that can be closed and opened again under the same handle: the way on after the disk
//! was full. RocksDB writes nothing more after a failed write, and its own attempts to go on by
//! itself have open faults of their own.

use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use super::{Db, RocksDb, Visit, WriteSet};
use crate::error::{Error, Result};

/// A RocksDB database in a folder of its own that can be opened again.
#[derive(Debug)]
pub struct ReopenDb {
    path: PathBuf,
    memory_bytes: usize,
    /// `None` after it could not be opened again.
    db: RwLock<Option<RocksDb>>,
}

/// The database while it is used; it is not closed meanwhile.
type Open<'a> = RwLockReadGuard<'a, Option<RocksDb>>;

impl ReopenDb {
    /// As [`RocksDb::open_within`].
    pub fn open(path: &Path, memory_bytes: usize) -> Result<Self> {
        let db = RocksDb::open_within(path, memory_bytes)?;
        Ok(Self { path: path.to_owned(), memory_bytes, db: RwLock::new(Some(db)) })
    }

    fn using<T>(&self, work: impl FnOnce(&RocksDb) -> Result<T>) -> Result<T> {
        let open: Open<'_> = self.db.read().unwrap_or_else(PoisonError::into_inner);
        match open.as_ref() {
            Some(db) => work(db),
            None => Err(Error::Database {
                action: "use the database",
                message: "it is closed, for it could not be opened again".to_owned(),
            }),
        }
    }
}

impl Db for ReopenDb {
    fn families(&self) -> Vec<String> {
        self.using(|db| Ok(db.families())).unwrap_or_default()
    }

    fn create_family(&self, name: &str) -> Result<()> {
        self.using(|db| db.create_family(name))
    }

    fn drop_family(&self, name: &str) -> Result<()> {
        self.using(|db| db.drop_family(name))
    }

    fn get(&self, family: &str, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.using(|db| db.get(family, key))
    }

    fn write(&self, batch: &WriteSet) -> Result<()> {
        self.using(|db| db.write(batch))
    }

    fn sync(&self) -> Result<()> {
        self.using(RocksDb::sync)
    }

    fn scan(&self, family: &str, visit: &mut Visit<'_>) -> Result<()> {
        self.using(|db| db.scan(family, visit))
    }

    fn flush(&self, families: &[&str]) -> Result<()> {
        self.using(|db| db.flush(families))
    }

    fn shrink(&self, family: &str) -> Result<()> {
        self.using(|db| db.shrink(family))
    }

    fn reopen(&self) -> Result<()> {
        let mut place = self.db.write().unwrap_or_else(PoisonError::into_inner);
        // Closed first: two handles of one database would fight over its lock.
        drop(place.take());
        *place = Some(RocksDb::open_within(&self.path, self.memory_bytes)?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_there_after_it_was_opened_again() {
        let folder = tempfile::tempdir().unwrap();
        let db = ReopenDb::open(folder.path(), 1 << 20).unwrap();
        db.create_family("a").unwrap();
        for key in [b"1", b"2"] {
            let mut batch = WriteSet::default();
            batch.put("a", key, b"one".to_vec());
            db.write(&batch).unwrap();
            db.reopen().unwrap();
            assert_eq!(db.get("a", key).unwrap(), Some(b"one".to_vec()));
        }
        assert_eq!(db.families(), ["a", "default"]);
    }
}
