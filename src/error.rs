//! The one error type. It names no room: finer types do not compose, and every caller wants the
//! same three things, namely what failed, where, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

/// Everything that can go wrong in Plimsoll, worded for the person who has to act on it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused a file operation.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb ("open", "sync").
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's own answer.
        source: io::Error,
    },
    /// Bytes on disk are not what was written. Nothing else in the store is affected.
    #[error("{} is damaged at byte {offset}: {what}", path.display())]
    Corrupt {
        /// The damaged file.
        path: PathBuf,
        /// Where in the file, in bytes from its start.
        offset: u64,
        /// What was expected and what was found.
        what: String,
    },
    /// Encoded bytes cannot be decoded. Rooms that know the file turn this into `Corrupt`.
    #[error("cannot decode: {what}")]
    Decode {
        /// What was expected and what was found.
        what: String,
    },
    /// An argument, label, selector or option is not valid.
    #[error("{what}")]
    Invalid {
        /// What is wrong and what to do instead.
        what: String,
    },
    /// Text in a file is not valid.
    #[error("{origin}:{line}: {what}")]
    Parse {
        /// File name, or a name for the text.
        origin: String,
        /// Line, from 1.
        line: u64,
        /// What is wrong and what to do instead.
        what: String,
    },
    /// A hard limit was met. Nothing of the refused call was taken.
    #[error("{what} is {value}, over the limit of {limit}; {remedy}")]
    Limit {
        /// The quantity that is limited.
        what: &'static str,
        /// Its value.
        value: u64,
        /// The limit.
        limit: u64,
        /// How to go on.
        remedy: &'static str,
    },
    /// Another process has the store open for writing.
    #[error("{} is in use by another writer; stop it, or open the store read-only", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// The store or file has a format that this build does not know: a newer one, or one of before
    /// the format was fixed as version 1.
    #[error(
        "{} has format version {found}; this build reads 1 to {supported}: {}",
        path.display(),
        version_remedy(*found)
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// The version found.
        found: u32,
        /// The newest version this build can read.
        supported: u32,
    },
    /// An earlier write or sync failed, so what reached the disk is not known. Reads still work.
    #[error("the store refuses writes since an earlier failure ({reason}); close and reopen it")]
    Poisoned {
        /// The first failure.
        reason: String,
    },
    /// The embedded database failed.
    #[error("database: cannot {action}: {message}")]
    Database {
        /// What was tried, as a verb.
        action: &'static str,
        /// The database's own answer.
        message: String,
    },
    /// The disk is full. What was acknowledged is kept, reads work, and the store goes on by itself
    /// at a call after there is space again.
    #[error("the disk is full, cannot {action}: {message}; free some space, then go on")]
    DiskFull {
        /// What was tried, as a verb.
        action: &'static str,
        /// The database's own answer.
        message: String,
    },
    /// Whoever asked said that the answer is no longer needed.
    #[error("the query was cancelled")]
    Cancelled,
    /// Too few or unusable samples for what was asked.
    #[error("not enough data: {what}")]
    NotEnoughData {
        /// What is missing.
        what: String,
    },
}

/// `std::result::Result` with Plimsoll's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What to do about a file of a version that cannot be read.
fn version_remedy(found: u32) -> &'static str {
    match found {
        0 => "it is of before the format was fixed; import its data again",
        _ => "use a newer plimsoll",
    }
}

impl Error {
    /// An invalid argument, label, selector or option: say what is wrong and what to do instead.
    pub fn invalid(what: impl Into<String>) -> Self {
        Self::Invalid { what: what.into() }
    }

    /// Bytes that cannot be decoded: say what was expected and found.
    pub fn decode(what: impl Into<String>) -> Self {
        Self::Decode { what: what.into() }
    }

    /// An error where a format's version is none that can be read.
    pub fn expect_version(path: &Path, found: u32, supported: u32) -> Result<()> {
        if (1..=supported).contains(&found) {
            return Ok(());
        }
        Err(Self::Version { path: path.to_owned(), found, supported })
    }

    /// A file operation that the system refused.
    pub fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), source }
    }

    /// Damage in a file.
    pub fn corrupt(path: &Path, offset: u64, what: impl Into<String>) -> Self {
        Self::Corrupt { path: path.to_owned(), offset, what: what.into() }
    }

    /// Too few or unusable samples.
    pub fn not_enough_data(what: impl Into<String>) -> Self {
        Self::NotEnoughData { what: what.into() }
    }

    /// Whether it is space on the disk that was wanting.
    pub fn is_out_of_space(&self) -> bool {
        use io::ErrorKind::{QuotaExceeded, StorageFull};
        match self {
            Self::DiskFull { .. } => true,
            Self::Io { source, .. } => matches!(source.kind(), StorageFull | QuotaExceeded),
            _ => false,
        }
    }

    /// Turns a [`Error::Decode`] into damage at a place; other errors pass unchanged.
    #[must_use]
    pub fn at(self, path: &Path, offset: u64) -> Self {
        match self {
            Self::Decode { what } => Self::Corrupt { path: path.to_owned(), offset, what },
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_say_what_where_and_what_to_do() {
        let locked = Error::Locked { path: "s/LOCK".into() };
        assert_eq!(
            locked.to_string(),
            "s/LOCK is in use by another writer; stop it, or open the store read-only"
        );
        let damaged = Error::decode("width 70").at(Path::new("a.seg"), 64);
        assert_eq!(damaged.to_string(), "a.seg is damaged at byte 64: width 70");
    }
}
