//! An append batch as the bytes of one database value.
//!
//! Little endian: version byte 0, CRC32C of the rest (4 bytes), then per group the number of series
//! (u32), the number of rows (u32), the series ids (u32 each), the times (i64 each) and the values
//! (f64 bits, column after column). Uncompressed: it lives until the next seal.

use crate::error::{Error, Result};
use crate::fs::fault::planted;
use crate::model::limits::GROUP_SAMPLES_MAX;
use crate::model::{Group, SeriesId};

const WIRE_VERSION: u8 = 0;
const PREFIX_BYTES: usize = 5;

/// The groups of one batch as bytes.
pub(in crate::store) fn encode(groups: &[Group]) -> Vec<u8> {
    let size = |g: &Group| 8 + g.series.len() * 4 + g.times.len() * 8 + g.values.len() * 8;
    let mut out = Vec::with_capacity(PREFIX_BYTES + groups.iter().map(size).sum::<usize>());
    out.extend_from_slice(&[WIRE_VERSION, 0, 0, 0, 0]);
    for group in groups {
        out.extend_from_slice(&(group.series.len() as u32).to_le_bytes());
        out.extend_from_slice(&(group.times.len() as u32).to_le_bytes());
        extend(&mut out, group.series.iter().map(|id| id.0.to_le_bytes()));
        extend(&mut out, group.times.iter().map(|time| time.to_le_bytes()));
        extend(&mut out, group.values.iter().map(|value| value.to_bits().to_le_bytes()));
    }
    let crc = checksum(out.get(PREFIX_BYTES..).unwrap_or(&[]));
    if let Some(place) = out.get_mut(1..PREFIX_BYTES) {
        place.copy_from_slice(&crc.to_le_bytes());
    }
    out
}

/// Appends items of `N` bytes, all at once: item by item takes four times as long.
fn extend<const N: usize>(out: &mut Vec<u8>, items: impl ExactSizeIterator<Item = [u8; N]>) {
    let start = out.len();
    out.resize(start + items.len() * N, 0);
    let places = out.get_mut(start..).unwrap_or_default().as_chunks_mut().0;
    for (place, item) in places.iter_mut().zip(items) {
        *place = item;
    }
}

/// The groups in `bytes`; any change of any byte is an error.
pub(in crate::store) fn decode(bytes: &[u8]) -> Result<Vec<Group>> {
    let short = || Error::decode("an append batch that ends too early");
    let ([version, crc @ ..], mut rest) =
        bytes.split_first_chunk::<PREFIX_BYTES>().map(|(p, rest)| (*p, rest)).ok_or_else(short)?;
    if version != WIRE_VERSION {
        return Err(Error::decode(format!("an append batch of version {version}, not 0")));
    }
    if u32::from_le_bytes(crc) != checksum(rest) && !planted("batch-not-verified") {
        return Err(Error::decode("an append batch whose checksum does not fit"));
    }
    let mut groups = Vec::new();
    while !rest.is_empty() {
        let (counts, tail) = rest.split_first_chunk::<8>().ok_or_else(short)?;
        let [a, b, c, d, e, f, g, h] = *counts;
        let series = u32::from_le_bytes([a, b, c, d]) as usize;
        let rows = u32::from_le_bytes([e, f, g, h]) as usize;
        let samples = series.saturating_mul(rows);
        if samples > GROUP_SAMPLES_MAX {
            return Err(Error::decode(format!("a group of {samples} samples")));
        }
        let (ids, tail) = tail.split_at_checked(series * 4).ok_or_else(short)?;
        let (times, tail) = tail.split_at_checked(rows * 8).ok_or_else(short)?;
        let (values, tail) = tail.split_at_checked(samples * 8).ok_or_else(short)?;
        groups.push(Group {
            series: ids.as_chunks().0.iter().map(|b| SeriesId(u32::from_le_bytes(*b))).collect(),
            times: times.as_chunks().0.iter().map(|b| i64::from_le_bytes(*b)).collect(),
            values: values.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b)).collect(),
        });
        rest = tail;
    }
    Ok(groups)
}

fn checksum(body: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&[WIRE_VERSION]), body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_come_back_bit_for_bit_and_damage_is_seen() {
        let odd = f64::from_bits(0x7ff8_0000_dead_beef);
        let groups = vec![
            Group { series: vec![SeriesId(7)], times: vec![-1, 5], values: vec![odd, -0.0] },
            Group::row(&[SeriesId(1), SeriesId(2)], i64::MIN, &[1.5, f64::INFINITY]),
        ];
        let bytes = encode(&groups);
        let back = decode(&bytes).unwrap();
        assert_eq!(back[0].values[0].to_bits(), odd.to_bits());
        assert_eq!(format!("{back:?}"), format!("{groups:?}"));
        for at in 0..bytes.len() {
            assert!(decode(&bytes[..at]).is_err(), "cut at {at}");
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x10;
            assert!(decode(&damaged).is_err(), "byte {at}");
        }
    }
}
