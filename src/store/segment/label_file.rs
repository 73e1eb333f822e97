//! Label files: the labels of the series of segments, so that the segments alone are enough to
//! rebuild a store. Content-addressed: segments with the same series share one.
//!
//! Bytes: magic `PLIMLBL\0`, version (u32, 0), CRC32C of what follows (u32), then varints: the
//! number of distinct texts, each as length and bytes; the number of series, each as id, number of
//! labels, and per label the numbers of its name and value among the texts. The name of the file is
//! the xxh3-128 of all its bytes.

use std::collections::BTreeMap;
use std::path::Path;

use xxhash_rust::xxh3::xxh3_128;

use crate::codec::varint::{read_u64, write_u64};
use crate::error::{Error, Result};
use crate::model::limits::SERIES_MAX;
use crate::model::{Labels, SeriesId};

const MAGIC: [u8; 8] = *b"PLIMLBL\0";
const VERSION: u32 = 0;
const PREFIX_BYTES: usize = 16;

/// The bytes of a label file of these series and their content address, given the names and values
/// of each. They are asked for three times rather than held in memory.
pub(in crate::store) fn encode<'a, L>(
    series: &[SeriesId],
    labels_of: impl Fn(SeriesId) -> L,
) -> (u128, Vec<u8>)
where
    L: IntoIterator<Item = (&'a str, &'a str)>,
{
    let mut numbers: BTreeMap<&str, u64> = BTreeMap::new();
    for (name, value) in series.iter().flat_map(|id| labels_of(*id)) {
        numbers.insert(name, 0);
        numbers.insert(value, 0);
    }
    let mut body = Vec::new();
    write_u64(&mut body, numbers.len() as u64);
    for (number, (text, place)) in numbers.iter_mut().enumerate() {
        write_u64(&mut body, text.len() as u64);
        body.extend_from_slice(text.as_bytes());
        *place = number as u64;
    }
    write_u64(&mut body, series.len() as u64);
    for id in series {
        write_u64(&mut body, u64::from(id.0));
        write_u64(&mut body, labels_of(*id).into_iter().count() as u64);
        for text in labels_of(*id).into_iter().flat_map(|(name, value)| [name, value]) {
            write_u64(&mut body, numbers.get(text).copied().unwrap_or_default());
        }
    }
    let mut bytes = Vec::with_capacity(PREFIX_BYTES + body.len());
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&crc32c::crc32c(&body).to_le_bytes());
    bytes.extend_from_slice(&body);
    (xxh3_128(&bytes), bytes)
}

/// Whether bytes are those of the label file with this content address.
pub(in crate::store) fn is_intact(bytes: &[u8], address: u128) -> bool {
    xxh3_128(bytes) == address
}

/// The series in a label file whose content address is `expected`.
pub(in crate::store) fn decode(
    path: &Path,
    bytes: &[u8],
    expected: u128,
) -> Result<Vec<(SeriesId, Labels)>> {
    let damaged = |what: &str| Error::corrupt(path, 0, what);
    let Some((prefix, body)) = bytes.split_first_chunk::<PREFIX_BYTES>() else {
        return Err(damaged("too few bytes for a label file"));
    };
    let [m0, m1, m2, m3, m4, m5, m6, m7, v0, v1, v2, v3, crc @ ..] = *prefix;
    if [m0, m1, m2, m3, m4, m5, m6, m7] != MAGIC {
        return Err(damaged("it does not start as a label file does"));
    }
    if u32::from_le_bytes(crc) != crc32c::crc32c(body) || !is_intact(bytes, expected) {
        return Err(damaged("the checksum does not fit"));
    }
    let found = u32::from_le_bytes([v0, v1, v2, v3]);
    if found > VERSION {
        return Err(Error::Version { path: path.to_owned(), found, supported: VERSION });
    }
    decode_body(body).map_err(|e| e.at(path, PREFIX_BYTES as u64))
}

fn decode_body(mut input: &[u8]) -> Result<Vec<(SeriesId, Labels)>> {
    let short = || Error::decode("it ends too early");
    let mut texts: Vec<Box<str>> = Vec::new();
    for _ in 0..read_u64(&mut input)? {
        let length = usize::try_from(read_u64(&mut input)?).unwrap_or(usize::MAX);
        let (text, rest) = input.split_at_checked(length).ok_or_else(short)?;
        let text = std::str::from_utf8(text).map_err(|_| Error::decode("a text not in UTF-8"))?;
        texts.push(text.into());
        input = rest;
    }
    let text = |input: &mut &[u8]| {
        let number = usize::try_from(read_u64(input)?).unwrap_or(usize::MAX);
        texts.get(number).cloned().ok_or_else(|| Error::decode("a text that is not there"))
    };
    let mut series = Vec::new();
    for _ in 0..read_u64(&mut input)? {
        let id = u32::try_from(read_u64(&mut input)?).ok();
        let id = id.filter(|id| (*id as usize) < SERIES_MAX);
        let id = id.ok_or_else(|| Error::decode("a series id over the limit"))?;
        let mut pairs = Vec::new();
        for _ in 0..read_u64(&mut input)? {
            pairs.push((text(&mut input)?, text(&mut input)?));
        }
        series.push((SeriesId(id), Labels::from_pairs(pairs)?));
    }
    if input.is_empty() { Ok(series) } else { Err(Error::decode("bytes after the last series")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_come_back_and_damage_is_seen() {
        let labels = |host| Labels::new("cpu", [("host", host), ("zone", "a")]).unwrap();
        let series = vec![(SeriesId(7), labels("x")), (SeriesId(1), labels("y"))];
        let ids: Vec<SeriesId> = series.iter().map(|(id, _)| *id).collect();
        let of = |id| series.iter().find(|(other, _)| *other == id).unwrap().1.iter();
        let (name, bytes) = encode(&ids, of);
        let path = Path::new("l");
        assert_eq!(decode(path, &bytes, name).unwrap(), series);
        assert!(decode(path, &bytes, name ^ 1).is_err(), "under another name");
        for at in 0..bytes.len() {
            assert!(decode(path, &bytes[..at], name).is_err(), "cut at {at}");
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert!(decode(path, &damaged, name).is_err(), "byte {at}");
        }
    }
}
