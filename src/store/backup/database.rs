//! The records of a database in one file: what a restore makes the database from. Lengths and bytes
//! one after another; the marker has the checksum of the whole.

use std::path::Path;

use crate::db::{Db, WriteSet};
use crate::error::{Error, Result};
use crate::fs::{AppendFile, Fs};
use crate::store::catalog;
use crate::store::layout::Layout;
use crate::store::manifest::{self, Manifest, QuarantineRecord};

/// First bytes of the file.
const MAGIC: [u8; 8] = *b"PLIMDBR\0";
/// Three lengths before each record.
const PREFIX_BYTES: usize = 12;
/// Bytes gathered before they are handed to the file.
const BUFFER_BYTES: usize = 1 << 20;
/// Bytes of keys and values that are written to a database together.
const BATCH_BYTES: usize = 1 << 20;

/// A copy in the making.
#[derive(Debug)]
pub(super) struct Copy {
    file: Box<dyn AppendFile>,
    buffer: Vec<u8>,
    bytes: u64,
    checksum: u32,
}

impl Copy {
    pub(super) fn create(fs: &dyn Fs, path: &Path) -> Result<Self> {
        let file = fs.create(path)?;
        Ok(Self { file, buffer: MAGIC.to_vec(), bytes: 0, checksum: 0 })
    }

    /// Adds all records of a family.
    pub(super) fn add(&mut self, db: &dyn Db, family: &str) -> Result<()> {
        db.scan(family, &mut |key, value| self.put(family, key, value))
    }

    /// Adds the manifest. The segments `gone`, of which the backup has no bytes at all, are noted
    /// as lost in it.
    pub(super) fn add_manifest(
        &mut self,
        db: &dyn Db,
        gone: &[(u64, QuarantineRecord)],
    ) -> Result<()> {
        let is_gone = |key: &[u8]| {
            let id = manifest::segment_of(key);
            gone.iter().any(|(gone, _)| Some(*gone) == id)
        };
        db.scan(manifest::FAMILY, &mut |key, value| {
            if is_gone(key) { Ok(()) } else { self.put(manifest::FAMILY, key, value) }
        })?;
        for (id, record) in gone {
            let (key, value) = manifest::quarantine_entry(*id, record)?;
            self.put(manifest::FAMILY, &key, &value)?;
        }
        Ok(())
    }

    fn put(&mut self, family: &str, key: &[u8], value: &[u8]) -> Result<()> {
        for part in [family.as_bytes(), key, value] {
            let length = u32::try_from(part.len());
            let length = length.map_err(|_| Error::decode("a record of over 4 GiB"))?;
            self.buffer.extend_from_slice(&length.to_le_bytes());
        }
        for part in [family.as_bytes(), key, value] {
            self.buffer.extend_from_slice(part);
        }
        if self.buffer.len() < BUFFER_BYTES { Ok(()) } else { self.flush() }
    }

    fn flush(&mut self) -> Result<()> {
        self.file.append(&self.buffer)?;
        self.bytes += self.buffer.len() as u64;
        self.checksum = crc32c::crc32c_append(self.checksum, &self.buffer);
        self.buffer.clear();
        Ok(())
    }

    /// Syncs it, and returns its length and checksum.
    pub(super) fn finish(mut self) -> Result<(u64, u32)> {
        self.flush()?;
        self.file.sync()?;
        Ok((self.bytes, self.checksum))
    }
}

/// Writes the records of a copy to an empty database, and waits until they are durable in tables.
pub(super) fn restore(db: &dyn Db, path: &Path, bytes: &[u8]) -> Result<()> {
    let mut families = vec![manifest::FAMILY.to_owned(), catalog::FAMILY.to_owned()];
    families.iter().try_for_each(|family| db.create_family(family))?;
    let (mut batch, mut batch_bytes) = (WriteSet::default(), 0);
    read(path, bytes, &mut |family, key, value| {
        if !families.iter().any(|known| known == family) {
            db.create_family(family)?;
            families.push(family.to_owned());
        }
        batch.put(family, key, value.to_vec());
        batch_bytes += key.len() + value.len();
        if batch_bytes >= BATCH_BYTES {
            db.write(&std::mem::take(&mut batch))?;
            batch_bytes = 0;
        }
        Ok(())
    })?;
    db.write(&batch)?;
    db.sync()?;
    // A head without a batch has left no record of its own.
    for (epoch, _) in Manifest::load(db, path)?.epochs {
        db.create_family(&Layout::head_family(epoch))?;
    }
    db.flush(&families.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The numbers of the segments that the manifest in a copy names.
pub(super) fn segments(path: &Path, bytes: &[u8]) -> Result<Vec<u64>> {
    let mut segments = Vec::new();
    read(path, bytes, &mut |family, key, _| {
        if family == manifest::FAMILY {
            segments.extend(manifest::segment_of(key));
        }
        Ok(())
    })?;
    Ok(segments)
}

/// Called with family, key and value of each record.
type Visit<'a> = dyn FnMut(&str, &[u8], &[u8]) -> Result<()> + 'a;

fn read(path: &Path, bytes: &[u8], visit: &mut Visit<'_>) -> Result<()> {
    let Some(mut rest) = bytes.strip_prefix(&MAGIC) else {
        return Err(Error::corrupt(path, 0, "it does not start as a copy of a database does"));
    };
    while !rest.is_empty() {
        let offset = (bytes.len() - rest.len()) as u64;
        let short = || Error::corrupt(path, offset, "it ends inside a record");
        let (lengths, tail) = rest.split_first_chunk::<PREFIX_BYTES>().ok_or_else(short)?;
        let [family, key, value] = lengths.as_chunks::<4>().0 else { return Err(short()) };
        let mut tail = tail;
        let mut part = |length: &[u8; 4]| {
            let length = u32::from_le_bytes(*length) as usize;
            let (part, after) = tail.split_at_checked(length).ok_or_else(short)?;
            tail = after;
            Ok::<&[u8], Error>(part)
        };
        let (family, key, value) = (part(family)?, part(key)?, part(value)?);
        let family = std::str::from_utf8(family)
            .map_err(|_| Error::corrupt(path, offset, "a family's name not in UTF-8"))?;
        visit(family, key, value)?;
        rest = tail;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_bytes_are_an_error() {
        let mut bytes = MAGIC.to_vec();
        for part in ["manifest", "key", "value"] {
            bytes.extend_from_slice(&(part.len() as u32).to_le_bytes());
        }
        bytes.extend_from_slice(b"manifestkeyvalue");
        let read = |bytes: &[u8]| {
            let mut seen = Vec::new();
            read(Path::new("d"), bytes, &mut |family, key, value| {
                seen.push((family.to_owned(), key.to_vec(), value.to_vec()));
                Ok(())
            })
            .map(|()| seen)
        };
        let expected = vec![("manifest".to_owned(), b"key".to_vec(), b"value".to_vec())];
        assert_eq!(read(&bytes).unwrap(), expected);
        assert_eq!(read(&MAGIC).unwrap(), []);
        for at in (0..MAGIC.len()).chain(MAGIC.len() + 1..bytes.len()) {
            assert!(read(&bytes[..at]).is_err(), "cut at {at}");
        }
        for at in 0..MAGIC.len() + PREFIX_BYTES {
            let mut damaged = bytes.clone();
            damaged[at] = 0xff;
            assert!(read(&damaged).is_err(), "byte {at}");
        }
    }
}
