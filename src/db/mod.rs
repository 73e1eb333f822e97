//! The embedded database: the only room that names RocksDB, and the encoding of its records.
//!
//! In: small records and append batches under byte keys, in column families. Out: the same, after
//! any crash a prefix of what was written. Never: a sample's meaning, or a key per sample.
//!
//! The trait is narrow on purpose (families, an atomic batch, a sync, a scan): a simulated database
//! can stand under a store in tests.

mod journal;
pub mod record;
mod reopen;
mod rocks;

use std::fmt::Debug;

pub use reopen::ReopenDb;
pub use rocks::RocksDb;

use crate::error::{Error, Result};

/// What a store needs of its database.
pub trait Db: Send + Sync + Debug {
    /// The column families there are.
    fn families(&self) -> Vec<String>;

    /// Makes a column family unless it is there. Durable on return.
    fn create_family(&self, name: &str) -> Result<()>;

    /// Drops a column family with all its keys, in constant time.
    fn drop_family(&self, name: &str) -> Result<()>;

    /// The value of a key.
    fn get(&self, family: &str, key: &[u8]) -> Result<Option<Vec<u8>>>;

    /// Applies a batch whole or not at all. It survives the end of the process on return, and a
    /// power cut once [`Db::sync`] has returned. After a crash what survives is a prefix of the
    /// batches in the order in which they were written.
    fn write(&self, batch: &WriteSet) -> Result<()>;

    /// Waits until all batches written so far survive a power cut.
    fn sync(&self) -> Result<()>;

    /// Visits the keys of a family in order, with their values.
    fn scan(&self, family: &str, visit: &mut Visit<'_>) -> Result<()>;

    /// Writes the families' memory to tables, so that log files with only old data can go.
    fn flush(&self, families: &[&str]) -> Result<()>;

    /// Writes the tables of a family anew, without what was deleted or replaced, so that its space
    /// is free. What is in the family stays the same.
    fn shrink(&self, _family: &str) -> Result<()> {
        Ok(())
    }

    /// Closes the database and opens it again: the way on after [`Error::DiskFull`]. It then holds
    /// every batch that was acknowledged, and none or all of one that was not.
    fn reopen(&self) -> Result<()> {
        Err(Error::invalid("this database cannot be opened again; close and reopen the store"))
    }
}

/// Called with each key and value of a scan.
pub type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> Result<()> + 'a;

/// Changes that are applied together.
#[derive(Debug, Default)]
pub struct WriteSet {
    changes: Vec<Change>,
}

/// One change to one key.
#[derive(Debug)]
pub struct Change {
    /// The column family.
    pub family: String,
    /// The key.
    pub key: Vec<u8>,
    /// The new value; `None` deletes the key.
    pub value: Option<Vec<u8>>,
}

impl WriteSet {
    /// Sets a key.
    pub fn put(&mut self, family: &str, key: &[u8], value: Vec<u8>) {
        let (family, key) = (family.to_owned(), key.to_owned());
        self.changes.push(Change { family, key, value: Some(value) });
    }

    /// Deletes a key; an absent one is no error.
    pub fn delete(&mut self, family: &str, key: &[u8]) {
        let (family, key) = (family.to_owned(), key.to_owned());
        self.changes.push(Change { family, key, value: None });
    }

    /// The changes, in order.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }
}
