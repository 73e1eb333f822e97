//! Read-only memory maps of sealed files: the one place with `unsafe`.
#![expect(unsafe_code, reason = "a file map is unsafe by nature; the proof is at the one call")]

use std::fs::File;
use std::ops::Deref;

/// The bytes of a sealed file.
#[derive(Debug)]
pub struct Map(Bytes);

#[derive(Debug)]
enum Bytes {
    Mapped(memmap2::Mmap),
    Owned(Vec<u8>),
}

impl Map {
    /// Bytes that are in memory already: an empty file, or a simulated one.
    pub fn owned(bytes: Vec<u8>) -> Self {
        Self(Bytes::Owned(bytes))
    }

    /// Maps a whole file of `bytes` > 0.
    pub(super) fn of_file(file: &File) -> std::io::Result<Self> {
        // SAFETY: the map is undefined behaviour only if the file changes while mapped. Callers map
        // files of a store that were sealed: written under another name, synced, renamed, with mode
        // 0400 and never opened for writing again by a store, whose writer holds the folder's
        // lock. They are removed by unlink, which leaves maps whole. A foreign process that
        // truncates a store's files is outside what the store promises (docs/DESIGN.md).
        let map = unsafe { memmap2::Mmap::map(file) }?;
        Ok(Self(Bytes::Mapped(map)))
    }
}

impl Deref for Map {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Bytes::Mapped(map) => map,
            Bytes::Owned(bytes) => bytes,
        }
    }
}
