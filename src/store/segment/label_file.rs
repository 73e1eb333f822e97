//! Label files: the labels of the series of segments, so that the segments alone are enough to
//! rebuild a store. Content-addressed: segments with the same series share one.
//!
//! Bytes: magic `PLIMLBL\0`, version (u32, 0), CRC32C of what follows (u32), then varints: the
//! number of distinct texts, each as length and bytes; the number of distinct pairs, each as the
//! numbers of its name and value among the texts; the number of series, ascending, each as its
//! distance from the one before, and how many and which pairs it has that the one before has not,
//! or the other way round. The name of the file is the xxh3-128 of all its bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use xxhash_rust::xxh3::xxh3_128;

use crate::codec::varint::{read_u64, write_u64};
use crate::error::{Error, Result};
use crate::model::limits::SERIES_MAX;
use crate::model::{Labels, SeriesId};

const MAGIC: [u8; 8] = *b"PLIMLBL\0";
const VERSION: u32 = 1;
const PREFIX_BYTES: usize = 16;

/// The bytes of a label file of these series and their content address, given the names and values
/// of each. They are asked for twice rather than held in memory.
pub(in crate::store) fn encode<'a, L>(
    series: &[SeriesId],
    labels_of: impl Fn(SeriesId) -> L,
) -> (u128, Vec<u8>)
where
    L: IntoIterator<Item = (&'a str, &'a str)>,
{
    let mut series = series.to_vec();
    series.sort_unstable();
    let mut pairs: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for pair in series.iter().flat_map(|id| labels_of(*id)) {
        pairs.insert(pair, 0);
    }
    let mut body = Vec::new();
    write_texts(&mut pairs, &mut body);
    write_u64(&mut body, series.len() as u64);
    let mut next_id = 0;
    let mut before = BTreeSet::new();
    for id in &series {
        write_u64(&mut body, u64::from(id.0) - next_id);
        next_id = u64::from(id.0) + 1;
        let numbers: BTreeSet<u64> =
            labels_of(*id).into_iter().filter_map(|pair| pairs.get(&pair).copied()).collect();
        write_u64(&mut body, before.symmetric_difference(&numbers).count() as u64);
        for number in before.symmetric_difference(&numbers) {
            write_u64(&mut body, *number);
        }
        before = numbers;
    }
    let mut bytes = Vec::with_capacity(PREFIX_BYTES + body.len());
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&crc32c::crc32c(&body).to_le_bytes());
    bytes.extend_from_slice(&body);
    (xxh3_128(&bytes), bytes)
}

/// Writes the distinct texts of pairs and the pairs, and numbers the latter.
fn write_texts(pairs: &mut BTreeMap<(&str, &str), u64>, body: &mut Vec<u8>) {
    let mut texts: BTreeMap<&str, u64> =
        pairs.keys().flat_map(|(name, value)| [*name, *value]).map(|text| (text, 0)).collect();
    write_u64(body, texts.len() as u64);
    for (number, (text, place)) in texts.iter_mut().enumerate() {
        write_u64(body, text.len() as u64);
        body.extend_from_slice(text.as_bytes());
        *place = number as u64;
    }
    write_u64(body, pairs.len() as u64);
    for (number, ((name, value), place)) in pairs.iter_mut().enumerate() {
        for text in [name, value] {
            write_u64(body, texts.get(text).copied().unwrap_or_default());
        }
        *place = number as u64;
    }
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
    Error::expect_version(path, found, VERSION)?;
    decode_body(body).map_err(|e| e.at(path, PREFIX_BYTES as u64))
}

fn decode_body(mut input: &[u8]) -> Result<Vec<(SeriesId, Labels)>> {
    let short = || Error::decode("it ends too early");
    let mut texts: Vec<&str> = Vec::new();
    for _ in 0..read_u64(&mut input)? {
        let length = usize::try_from(read_u64(&mut input)?).unwrap_or(usize::MAX);
        let (text, rest) = input.split_at_checked(length).ok_or_else(short)?;
        let text = std::str::from_utf8(text).map_err(|_| Error::decode("a text not in UTF-8"))?;
        texts.push(text);
        input = rest;
    }
    let text = |input: &mut &[u8]| {
        let number = usize::try_from(read_u64(input)?).unwrap_or(usize::MAX);
        texts.get(number).copied().ok_or_else(|| Error::decode("a text that is not there"))
    };
    let mut pairs = Vec::new();
    for _ in 0..read_u64(&mut input)? {
        pairs.push((text(&mut input)?, text(&mut input)?));
    }
    let mut series = Vec::new();
    let mut next_id = 0_u64;
    let mut numbers = BTreeSet::new();
    for _ in 0..read_u64(&mut input)? {
        let id = next_id.checked_add(read_u64(&mut input)?);
        let id = id.and_then(|id| u32::try_from(id).ok()).filter(|id| (*id as usize) < SERIES_MAX);
        let id = id.ok_or_else(|| Error::decode("a series id over the limit"))?;
        next_id = u64::from(id) + 1;
        for _ in 0..read_u64(&mut input)? {
            let number = read_u64(&mut input)?;
            if !numbers.remove(&number) {
                numbers.insert(number);
            }
        }
        let pair = |number: &u64| {
            let pair = usize::try_from(*number).ok().and_then(|number| pairs.get(number));
            pair.copied().ok_or_else(|| Error::decode("a label that is not there"))
        };
        let labels = numbers.iter().map(pair).collect::<Result<Vec<_>>>()?;
        series.push((SeriesId(id), Labels::from_pairs(labels)?));
    }
    if input.is_empty() { Ok(series) } else { Err(Error::decode("bytes after the last series")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_come_back_and_damage_is_seen() {
        let labels = |host| Labels::new("cpu", [("host", host), ("zone", "a")]).unwrap();
        let alone = Labels::new("memory", [("host", "y")]).unwrap();
        let series =
            vec![(SeriesId(1), labels("y")), (SeriesId(2), alone), (SeriesId(7), labels("x"))];
        let ids = [SeriesId(7), SeriesId(1), SeriesId(2)];
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
