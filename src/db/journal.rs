//! RocksDB's logs and lists of tables, looked through before RocksDB reads them.
//!
//! In: the folder of a database. Out: nothing, where RocksDB comes to an end with each of its
//! files. Never: a record's meaning. RocksDB 11.8 never ends reading a file in which a record that
//! is whole is followed by one that claims to be of a file used a second time: it looks at that
//! claim before the checksum, and does not go on (`log::Reader::ReadPhysicalRecord`). One flipped
//! bit makes such a claim, and so may what a power cut leaves at the end of a log. No file is used
//! a second time here.

use std::path::Path;

use super::rocks::has_extension;
use crate::error::{Error, Result};
use crate::fs::{DiskFs, Fs};

/// Records are in blocks of so many bytes; none is in two.
const BLOCK_BYTES: usize = 32 << 10;
/// A masked checksum of kind and content, the content's length, and the kind.
const HEADER_BYTES: usize = 7;
const KIND_AT: u64 = 6;

/// Kinds of records: a whole one, its first and its last part.
const WHOLE: u8 = 1;
const FIRST: u8 = 2;
const LAST: u8 = 4;
/// Those of files that are used a second time.
const AGAIN: [u8; 6] = [5, 6, 7, 8, 11, 131];
/// A kind that there is not: RocksDB finds the checksum wrong, and takes the record for damaged.
const NONE: u8 = 127;

/// Leaves no file in the folder that RocksDB never ends reading. In a log the kind of such a record
/// is replaced, where the caller may write: RocksDB then finds the record damaged, and takes what
/// is before it. Of a list of tables nothing can be left out.
///
/// # Errors
/// [`Error::Corrupt`] with the place in a file that RocksDB would not get past.
pub(super) fn look_through(folder: &Path, may_write: bool) -> Result<()> {
    for entry in DiskFs.list(folder)? {
        let path = folder.join(&entry.name);
        let is_log = has_extension(&entry, "log");
        if !is_log && !is_list_of_tables(folder, &entry.name)? {
            continue;
        }
        for at in endless(&path)? {
            if !(is_log && may_write) {
                return Err(refused(&path, at, is_log));
            }
            DiskFs::replace_byte(&path, at + KIND_AT, NONE)?;
        }
    }
    Ok(())
}

fn refused(path: &Path, at: u64, is_log: bool) -> Error {
    let remedy = if is_log {
        "a command that writes opens the store without what follows there"
    } else {
        "restore a backup, or move the folder of the database away and run `plimsoll repair`"
    };
    Error::corrupt(path, at, format!("a record of a kind that is never written; {remedy}"))
}

/// Whether a file is the list of tables that counts.
fn is_list_of_tables(folder: &Path, name: &str) -> Result<bool> {
    if !name.starts_with("MANIFEST") {
        return Ok(false);
    }
    let (current, mut counts) = (folder.join("CURRENT"), false);
    DiskFs::each_part(&current, BLOCK_BYTES, |text| {
        counts = text.trim_ascii_end() == name.as_bytes();
        false
    })?;
    Ok(counts)
}

/// Where records begin that RocksDB does not get past.
fn endless(path: &Path) -> Result<Vec<u64>> {
    let (mut reader, mut start, mut found) = (Reader::default(), 0, Vec::new());
    DiskFs::each_part(path, BLOCK_BYTES, |block| {
        found.extend(reader.endless(block).map(|at| start + at as u64));
        start += block.len() as u64;
        !reader.is_again
    })?;
    Ok(found)
}

/// What RocksDB's reader knows of the records before.
#[derive(Debug, Default)]
struct Reader {
    /// Whether it was given a record.
    has_record: bool,
    /// Whether the first part of one was the last.
    in_record: bool,
    /// Whether the file began as one that is used a second time: then it reads such records.
    is_again: bool,
}

impl Reader {
    /// Where in a block the record begins that it does not get past; what is behind it is left out,
    /// as behind damage.
    fn endless(&mut self, block: &[u8]) -> Option<usize> {
        let mut rest = block;
        while let Some((header, after)) = rest.split_first_chunk::<HEADER_BYTES>() {
            let [a, b, c, d, low, high, kind] = *header;
            if AGAIN.contains(&kind) {
                self.is_again = !self.has_record;
                self.in_record = false;
                return self.has_record.then_some(block.len() - rest.len());
            }
            let length = usize::from(u16::from_le_bytes([low, high]));
            let content = after.get(..length).filter(|_| kind != 0 || length > 0);
            let checksum = u32::from_le_bytes([a, b, c, d]);
            // After damage RocksDB goes on with the next block, if at all.
            let Some(content) = content.filter(|content| masked(kind, content) == checksum) else {
                self.in_record = false;
                return None;
            };
            self.has_record |= kind == WHOLE || (kind == LAST && self.in_record);
            self.in_record = kind == FIRST || (self.in_record && kind != WHOLE && kind != LAST);
            rest = &after[content.len()..];
        }
        None
    }
}

/// The checksum of a record as it is written: turned and moved, so that a record within a record
/// is not taken for one.
fn masked(kind: u8, content: &[u8]) -> u32 {
    let checksum = crc32c::crc32c_append(crc32c::crc32c(&[kind]), content);
    checksum.rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u8, content: &[u8]) -> Vec<u8> {
        let mut bytes = masked(kind, content).to_le_bytes().to_vec();
        bytes.extend((content.len() as u16).to_le_bytes());
        bytes.push(kind);
        bytes.extend(content);
        bytes
    }

    fn found(records: &[(u8, &[u8])]) -> Option<usize> {
        let bytes: Vec<u8> = records.iter().flat_map(|(kind, c)| record(*kind, c)).collect();
        Reader::default().endless(&bytes)
    }

    #[test]
    fn records_of_files_used_again_are_endless_behind_a_record() {
        for kind in AGAIN {
            assert_eq!(found(&[(WHOLE, b"ab"), (kind, b"c")]), Some(9));
            assert_eq!(found(&[(FIRST, b""), (3, b"b"), (LAST, b"c"), (kind, b"")]), Some(23));
            // As the first: RocksDB sees another log's record, and is done.
            assert_eq!(found(&[(kind, b"c"), (WHOLE, b"ab"), (kind, b"c")]), None);
            assert_eq!(found(&[(LAST, b"no first part"), (kind, b"c")]), None);
        }
        assert_eq!(found(&[(WHOLE, b"ab"), (NONE, b"c"), (130, b"d"), (10, b"")]), None);
    }

    #[test]
    fn nothing_behind_damage_is_looked_at_in_its_block() {
        let mut bytes = [record(WHOLE, b"ab"), record(WHOLE, b"cd"), record(5, b"")].concat();
        assert_eq!(Reader::default().endless(&bytes), Some(18));
        bytes[10] ^= 1;
        assert_eq!(Reader::default().endless(&bytes), None);
        let zeros = [record(WHOLE, b"ab"), vec![0; 8], record(5, b"")].concat();
        assert_eq!(Reader::default().endless(&zeros), None);
        assert_eq!(Reader::default().endless(&[1; HEADER_BYTES - 1]), None);
    }

    #[test]
    fn a_log_is_cut_and_a_list_of_tables_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes);
        let mut blocks = record(WHOLE, b"ab");
        blocks.resize(BLOCK_BYTES, 0);
        blocks.extend(record(7, b"c"));
        blocks.resize(2 * BLOCK_BYTES, 1);
        blocks.extend(record(5, b"d"));
        write("CURRENT", b"MANIFEST-000002\n").unwrap();
        write("MANIFEST-000001", &blocks).unwrap();
        write("000003.log", &blocks).unwrap();
        let why = look_through(folder.path(), false).unwrap_err().to_string();
        assert!(why.contains("000003.log is damaged at byte 32768"), "{why}");
        look_through(folder.path(), true).unwrap();
        look_through(folder.path(), false).unwrap();
        write("MANIFEST-000002", &blocks).unwrap();
        let why = look_through(folder.path(), true).unwrap_err().to_string();
        assert!(why.contains("MANIFEST-000002 is damaged at byte 32768"), "{why}");
        assert!(why.contains("plimsoll repair"), "{why}");
    }
}
