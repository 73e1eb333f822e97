//! The marker of a backup: which files make it whole. It is written last, so that a folder without
//! one is no backup yet.

use std::collections::BTreeSet;
use std::path::Path;

use super::folder::Part;
use crate::db::record;
use crate::error::{Error, Result};

/// First bytes of a marker.
const MAGIC: [u8; 8] = *b"PLIMBAK\0";
/// The version of a backup with plans, all its files included: the highest there is.
const VERSION: u32 = 2;
/// The version of a backup without plans, which every build reads.
const VERSION_WITHOUT_PLANS: u32 = 1;
/// Magic, version and checksum.
const PREFIX_BYTES: usize = 16;

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Marker {
    pub(super) summary: Summary,
    pub(super) parts: Vec<PartRecord>,
}

/// A backup in a few numbers.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Summary {
    /// Which backup into its folder it is, counted from 1.
    pub(super) number: u64,
    /// The version of the store.
    pub(super) store_version: u32,
    pub(super) store_id: u128,
    /// The last batch.
    pub(super) sequence: u64,
    pub(super) samples: u64,
    pub(super) series: u64,
}

/// A file of a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct PartRecord {
    pub(super) part: Part,
    pub(super) bytes: u64,
    /// CRC32C of all its bytes.
    pub(super) checksum: u32,
}

impl PartRecord {
    pub(super) fn of(part: Part, bytes: &[u8]) -> Self {
        Self { part, bytes: bytes.len() as u64, checksum: crc32c::crc32c(bytes) }
    }
}

impl Marker {
    pub(super) fn encode(&self) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        push(&mut body, &record::encode(&self.summary)?);
        for part in &self.parts {
            push(&mut body, &record::encode(part)?);
        }
        let has_plans = self.parts.iter().any(|record| matches!(record.part, Part::Plan(_)));
        let version = if has_plans { VERSION } else { VERSION_WITHOUT_PLANS };
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&version.to_le_bytes());
        bytes.extend_from_slice(&checksum(version, &body).to_le_bytes());
        bytes.extend_from_slice(&body);
        Ok(bytes)
    }

    /// Reads a marker; `path` is where it stands, for errors.
    pub(super) fn decode(path: &Path, bytes: &[u8]) -> Result<Self> {
        let damaged = |what: &str| Error::corrupt(path, 0, what);
        let Some((prefix, body)) = bytes.split_first_chunk::<PREFIX_BYTES>() else {
            return Err(damaged("too few bytes for the marker of a backup"));
        };
        let [m0, m1, m2, m3, m4, m5, m6, m7, v0, v1, v2, v3, crc @ ..] = *prefix;
        if [m0, m1, m2, m3, m4, m5, m6, m7] != MAGIC {
            return Err(damaged("it does not start as the marker of a backup does"));
        }
        // The checksum comes first, and at this place in every version: a flipped bit in the
        // version is damage.
        let found = u32::from_le_bytes([v0, v1, v2, v3]);
        if u32::from_le_bytes(crc) != checksum(found, body) {
            return Err(damaged("the checksum does not fit"));
        }
        Error::expect_version(path, found, VERSION)?;
        Self::decode_body(body).map_err(|why| why.at(path, PREFIX_BYTES as u64))
    }

    fn decode_body(mut body: &[u8]) -> Result<Self> {
        let summary = record::decode(pull(&mut body)?)?;
        let (mut parts, mut named) = (Vec::new(), BTreeSet::new());
        while !body.is_empty() {
            let record: PartRecord = record::decode(pull(&mut body)?)?;
            if !named.insert(record.part) {
                return Err(Error::decode("it names a file twice"));
            }
            parts.push(record);
        }
        Ok(Self { summary, parts })
    }
}

fn checksum(version: u32, body: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&version.to_le_bytes()), body)
}

/// Adds a record behind its length.
fn push(body: &mut Vec<u8>, record: &[u8]) {
    body.extend_from_slice(&(record.len() as u32).to_le_bytes());
    body.extend_from_slice(record);
}

/// Takes a record from the front.
fn pull<'a>(body: &mut &'a [u8]) -> Result<&'a [u8]> {
    let short = || Error::decode("it ends inside a record");
    let (length, rest) = body.split_first_chunk::<4>().ok_or_else(short)?;
    let length = u32::from_le_bytes(*length) as usize;
    let (record, rest) = rest.split_at_checked(length).ok_or_else(short)?;
    *body = rest;
    Ok(record)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::layout::PlanName;

    fn marker() -> Marker {
        let (store_version, store_id, sequence) = (0, 7 << 100, 9);
        let summary =
            Summary { number: 3, store_version, store_id, sequence, samples: 100, series: 4 };
        let part = |part| PartRecord::of(part, b"abc");
        let parts = vec![part(Part::Database(3)), part(Part::Segment(1)), part(Part::Labels(2))];
        Marker { summary, parts }
    }

    #[test]
    fn a_marker_comes_back_and_damage_is_seen() {
        let (path, bytes) = (Path::new("m"), marker().encode().unwrap());
        assert_eq!(Marker::decode(path, &bytes).unwrap(), marker());
        for at in 0..bytes.len() {
            assert!(Marker::decode(path, &bytes[..at]).is_err(), "cut at {at}");
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[at] ^= 1 << bit;
                let refused = Marker::decode(path, &damaged);
                assert!(matches!(refused, Err(Error::Corrupt { .. })), "bit {bit} of byte {at}");
            }
        }
    }

    #[test]
    fn a_marker_that_names_a_file_twice_is_damaged() {
        let mut marker = marker();
        marker.parts.push(marker.parts[1]);
        let why = Marker::decode(Path::new("m"), &marker.encode().unwrap()).unwrap_err();
        assert!(why.to_string().contains("names a file twice"), "{why}");
    }

    #[test]
    fn a_backup_without_plans_is_one_that_every_build_reads() {
        let version = |marker: &Marker| marker.encode().unwrap()[8];
        let mut marker = marker();
        assert_eq!(version(&marker), 1);
        let name = PlanName { as_of: -1, number: 2, checksum: 3 };
        marker.parts.push(PartRecord::of(Part::Plan(name), b"{}"));
        assert_eq!(version(&marker), 2);
        let bytes = marker.encode().unwrap();
        assert_eq!(Marker::decode(Path::new("m"), &bytes).unwrap(), marker);
    }

    #[test]
    fn a_marker_of_another_version_is_refused_as_that() {
        for (version, remedy) in [(3, "use a newer plimsoll"), (0, "import its data again")] {
            let mut bytes = marker().encode().unwrap();
            bytes[8] = version;
            let crc = checksum(version.into(), &bytes[PREFIX_BYTES..]);
            bytes[12..PREFIX_BYTES].copy_from_slice(&crc.to_le_bytes());
            let refused = Marker::decode(Path::new("m"), &bytes).unwrap_err();
            assert!(matches!(refused, Error::Version { supported: 2, .. }), "{refused}");
            assert!(refused.to_string().contains(remedy), "{refused}");
        }
    }
}
