//! Files: the only room that touches the file system (RocksDB's own folder apart).
//!
//! In: paths and bytes. Out: sealed files as byte slices, and errors that name the path. Never: a
//! format, a retry of a failed sync, or a write through a map.
//!
//! The trait is public so that a test can put a failing or forgetting disk under a store. What is
//! assumed of the disk: a file that was synced, renamed and whose folder was synced survives a
//! power cut with these bytes under this name; of anything else any part may be lost.

mod disk;
pub(crate) mod fault;
mod map;

use std::fmt::Debug;
use std::path::{Path, PathBuf};

pub use disk::DiskFs;
pub use map::Map;

use crate::error::{Error, Result};

/// The file operations a store needs.
pub trait Fs: Send + Sync + Debug {
    /// Makes a new file for appending; an existing one is an error. Mode 0600.
    fn create(&self, path: &Path) -> Result<Box<dyn AppendFile>>;

    /// Maps a sealed file for reading. The file must not change while mapped: stores map only
    /// files that were sealed by a rename and are never written again.
    fn map(&self, path: &Path) -> Result<Map>;

    /// Renames a file inside one file system, replacing nothing: the target must not exist.
    fn rename(&self, from: &Path, to: &Path) -> Result<()>;

    /// Gives a sealed file another name on the same file system; the target must not exist. A disk
    /// that cannot do that refuses, as this default does: the file is then to be copied.
    fn link(&self, from: &Path, to: &Path) -> Result<()> {
        let _ = from;
        Err(Error::io("link", to, std::io::ErrorKind::Unsupported.into()))
    }

    /// Removes a file; one that is not there is no error, so that a clean-up can be repeated.
    fn remove(&self, path: &Path) -> Result<()>;

    /// Makes the names inside a folder (created, renamed, removed) survive a power cut.
    fn sync_folder(&self, path: &Path) -> Result<()>;

    /// Makes a folder, with its parents, unless it is there. Mode 0700. Its name survives a power
    /// cut on return.
    fn create_folder(&self, path: &Path) -> Result<()>;

    /// The entries of a folder, sorted by name; none where the folder is missing.
    fn list(&self, path: &Path) -> Result<Vec<Entry>>;

    /// The whole path, with symbolic links followed as far as there are files. A disk without
    /// links has none to follow, as in this default.
    fn resolve(&self, path: &Path) -> Result<PathBuf> {
        std::path::absolute(path).map_err(|why| Error::io("find", path, why))
    }

    /// Takes an exclusive lock that lasts as long as the returned guard, or until the process ends.
    /// `Error::Locked` where another process or handle holds it.
    fn lock(&self, path: &Path) -> Result<Box<dyn Lock>>;

    /// Waits for the other side at a folder, a second at most: who looks at its files one after
    /// another, for those who change which there are, and the other way round. Many may look at a
    /// time. `None` where the wait was too long, or nobody else can be there: both sides then go on
    /// as if they had waited, and a look may have to be tried again.
    fn take_turn(&self, folder: &Path, turn: Turn) -> Option<Box<dyn Lock>> {
        let _ = (folder, turn);
        None
    }
}

/// What someone does at a folder that others use as well, see [`Fs::take_turn`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Look at one file after another.
    Look,
    /// Change which files there are.
    Change,
}

/// A file being written from front to back.
pub trait AppendFile: Send + Debug {
    /// Adds bytes at the end.
    fn append(&mut self, bytes: &[u8]) -> Result<()>;

    /// Waits until all bytes are on the disk. After an error the file's state is not known: it
    /// must be thrown away, not synced again, since the system may have marked lost pages clean.
    fn sync(&mut self) -> Result<()>;
}

/// A held lock; dropping it releases it.
pub trait Lock: Send + Sync + Debug {}

/// One entry of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name inside the folder.
    pub name: String,
    /// Length in bytes; 0 for a folder.
    pub bytes: u64,
    /// Whether it is a folder.
    pub folder: bool,
}
