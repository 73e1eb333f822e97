//! An append batch as the bytes of one database value.
//!
//! Little endian: version byte 1, CRC32C of the rest (4 bytes), then per group that has samples:
//! four times the number of rows, plus 0 to 3 for values of 1, 2, 4 or 8 bytes, the number of runs
//! of consecutive series ids, per run its distance from the end of the run before (zigzag) and its
//! length, per row the distance of its time from the one before (zigzag), all varints, and the
//! values, series after series: signed whole numbers where all of the group are such, else f64
//! bits. Distances go on from group to group, so that the scrape of a fleet takes little beside its
//! values. More is not done to those: a batch lives until the next seal.

use crate::codec::varint::{read_i64, read_u64, write_i64, write_u64};
use crate::error::{Error, Result};
use crate::fs::fault::planted;
use crate::model::limits::GROUP_SAMPLES_MAX;
use crate::model::{Group, SeriesId};

const WIRE_VERSION: u8 = 1;
const PREFIX_BYTES: usize = 5;

/// What the next distances are measured from.
#[derive(Debug, Default)]
struct Cursor {
    /// The id after the last one.
    next_id: i64,
    time: i64,
}

/// The groups of one batch as bytes.
pub(in crate::store) fn encode(groups: &[Group]) -> Vec<u8> {
    // Mostly two bytes for each row and run, and some for the counts.
    let size = |g: &Group| 16 + g.times.len() * 2 + g.values.len() * 8;
    let mut out = Vec::with_capacity(PREFIX_BYTES + groups.iter().map(size).sum::<usize>());
    out.extend_from_slice(&[WIRE_VERSION, 0, 0, 0, 0]);
    let mut cursor = Cursor::default();
    for group in groups.iter().filter(|group| group.samples() > 0) {
        let width = width_bytes(&group.values);
        write_u64(&mut out, (group.times.len() as u64) << 2 | u64::from(width.ilog2()));
        cursor.write_ids(&group.series, &mut out);
        for time in &group.times {
            write_i64(&mut out, time.wrapping_sub(cursor.time));
            cursor.time = *time;
        }
        write_values(&group.values, width, &mut out);
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
        let text = format!("an append batch of version {version}, not {WIRE_VERSION}");
        return Err(Error::decode(text));
    }
    if u32::from_le_bytes(crc) != checksum(rest) && !planted("batch-not-verified") {
        return Err(Error::decode("an append batch whose checksum does not fit"));
    }
    let mut groups = Vec::new();
    let mut cursor = Cursor::default();
    while !rest.is_empty() {
        let rows_and_width = read_u64(&mut rest)?;
        let (rows, width) = (count(rows_and_width >> 2)?, 1 << (rows_and_width & 3));
        // A value takes a byte at least, so this many ids and times fit into memory.
        let most = rest.len().checked_div(rows).unwrap_or(0).min(GROUP_SAMPLES_MAX / rows);
        let series = cursor.read_ids(&mut rest, most)?;
        let mut times = Vec::new();
        for _ in 0..rows {
            cursor.time = cursor.time.wrapping_add(read_i64(&mut rest)?);
            times.push(cursor.time);
        }
        let values = read_values(&mut rest, series.len() * rows, width)?;
        groups.push(Group { series, times, values });
    }
    Ok(groups)
}

fn write_values(values: &[f64], width: u8, out: &mut Vec<u8>) {
    match width {
        1 => extend(out, values.iter().map(|value| (*value as i8).to_le_bytes())),
        2 => extend(out, values.iter().map(|value| (*value as i16).to_le_bytes())),
        4 => extend(out, values.iter().map(|value| (*value as i32).to_le_bytes())),
        _ => extend(out, values.iter().map(|value| value.to_bits().to_le_bytes())),
    }
}

/// Bytes of each value: 8 unless all are whole numbers of fewer, bit for bit.
fn width_bytes(values: &[f64]) -> u8 {
    let (mut whole, mut bits) = (true, 0);
    for value in values {
        let number = *value as i32;
        whole &= f64::from(number).to_bits() == value.to_bits();
        // Of a negative number all but the bits that its sign says.
        bits |= number ^ (number >> 31);
    }
    match bits {
        _ if !whole => 8,
        0..=0x7f => 1,
        0x80..=0x7fff => 2,
        _ => 4,
    }
}

/// Takes values of 1, 2, 4 or 8 bytes off the front of `bytes`.
fn read_values(bytes: &mut &[u8], count: usize, width: usize) -> Result<Vec<f64>> {
    let short = || Error::decode("an append batch that ends too early");
    let (values, rest) = bytes.split_at_checked(count * width).ok_or_else(short)?;
    *bytes = rest;
    Ok(match width {
        1 => numbers(values, |bytes| f64::from(i8::from_le_bytes(bytes))),
        2 => numbers(values, |bytes| f64::from(i16::from_le_bytes(bytes))),
        4 => numbers(values, |bytes| f64::from(i32::from_le_bytes(bytes))),
        _ => numbers(values, f64::from_le_bytes),
    })
}

fn numbers<const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> f64) -> Vec<f64> {
    bytes.as_chunks().0.iter().map(|bytes| number(*bytes)).collect()
}

/// A number of things of which there is one at least.
fn count(number: u64) -> Result<usize> {
    match usize::try_from(number) {
        Ok(count @ 1..=GROUP_SAMPLES_MAX) => Ok(count),
        _ => Err(Error::decode(format!("a group of {number} rows or runs"))),
    }
}

impl Cursor {
    fn write_ids(&mut self, ids: &[SeriesId], out: &mut Vec<u8>) {
        let follows = |two: &[SeriesId]| matches!(two, [a, b] if b.0.checked_sub(1) == Some(a.0));
        let breaks = ids.windows(2).filter(|two| !follows(two)).count();
        write_u64(out, breaks as u64 + 1);
        let mut rest = ids;
        while let Some(first) = rest.first() {
            let length = 1 + rest.windows(2).take_while(|two| follows(two)).count();
            write_i64(out, i64::from(first.0) - self.next_id);
            write_u64(out, length as u64);
            self.next_id = i64::from(first.0) + length as i64;
            rest = rest.get(length..).unwrap_or(&[]);
        }
    }

    /// At most `most` ids.
    fn read_ids(&mut self, input: &mut &[u8], most: usize) -> Result<Vec<SeriesId>> {
        let mut ids = Vec::new();
        for _ in 0..count(read_u64(input)?)? {
            let first = self.next_id.checked_add(read_i64(input)?);
            let first = first.and_then(|first| u32::try_from(first).ok());
            let length = count(read_u64(input)?)?;
            let last = first.and_then(|first| first.checked_add(length as u32 - 1));
            let (Some(first), Some(last)) = (first, last) else {
                return Err(Error::decode("a series id over 32 bits"));
            };
            if ids.len() + length > most {
                return Err(Error::decode("an append batch of more series than values"));
            }
            ids.extend((first..=last).map(SeriesId));
            self.next_id = i64::from(last) + 1;
        }
        Ok(ids)
    }
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
        let ids = |ids: &[u32]| ids.iter().copied().map(SeriesId).collect::<Vec<_>>();
        let groups = vec![
            Group { series: ids(&[7]), times: vec![-1, 5], values: vec![odd, -0.0] },
            Group::row(
                &ids(&[1, 2, 3, 9, 8, 10]),
                i64::MIN,
                &[1.5, f64::INFINITY, 0.0, 1., 2., 3.],
            ),
            Group::row(&ids(&[u32::MAX - 1, u32::MAX, 0]), i64::MAX, &[1.0; 3]),
            Group::row(&ids(&[4, 5]), 7, &[-32_768.0, 32_767.0]),
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

    #[test]
    fn a_scrape_of_a_fleet_takes_little_beside_its_values() {
        let host = |host: u32| {
            let ids: Vec<SeriesId> = (host * 10..host * 10 + 10).map(SeriesId).collect();
            Group::row(&ids, 1_768_608_000_000_000_000, &[0.5; 10])
        };
        let groups: Vec<Group> = (0..1_000).map(host).collect();
        let bytes = encode(&groups).len();
        assert!(bytes < 1_000 * (80 + 5) + 100, "{bytes}");
    }

    #[test]
    fn whole_numbers_take_as_many_bytes_as_the_widest_of_them() {
        let width = |value: f64| {
            let groups = [Group::row(&[SeriesId(1), SeriesId(2)], 0, &[1.0, value])];
            let back = decode(&encode(&groups)).unwrap();
            assert_eq!(back[0].values[1].to_bits(), value.to_bits());
            width_bytes(&groups[0].values)
        };
        for (values, bytes) in [
            (&[0.0, 127.0, -128.0][..], 1),
            (&[128.0, -129.0, 32_767.0, -32_768.0], 2),
            (&[32_768.0, -32_769.0, 2_147_483_647.0, -2_147_483_648.0], 4),
            (&[-0.0, 0.5, f64::NAN, f64::INFINITY, 2_147_483_648.0, -2_147_483_649.0, 1e300], 8),
        ] {
            for value in values {
                assert_eq!(width(*value), bytes, "{value}");
            }
        }
    }

    #[test]
    fn groups_without_samples_are_left_out_and_numbers_that_lie_are_refused() {
        let empty = Group { series: vec![SeriesId(1)], ..Group::default() };
        assert_eq!(decode(&encode(&[empty])).unwrap(), []);
        let forged = |body: &[u8]| {
            let mut bytes = vec![WIRE_VERSION];
            bytes.extend_from_slice(&checksum(body).to_le_bytes());
            bytes.extend_from_slice(body);
            decode(&bytes)
        };
        // One row of values of eight bytes.
        let (value, row) = ([0; 8], 1 << 2 | 3);
        assert!(forged(&[&[row, 1, 0, 1, 0][..], &value].concat()).is_ok());
        for head in [
            &[3, 1, 0, 1, 0][..],
            &[row, 0, 0],
            &[row, 1, 0, 0, 0],
            &[row, 1, 1, 1, 0],
            &[row, 1, 0, 2, 0],
        ] {
            assert!(forged(&[head, &value].concat()).is_err(), "{head:?}");
        }
        // Of one, two and four bytes, and one too many or too few.
        for (code, bytes) in [(0, 1), (1, 2), (2, 4)] {
            let of = |bytes: usize| [&[1 << 2 | code, 1, 0, 1, 0][..], &vec![7; bytes]].concat();
            assert!(forged(&of(bytes)).is_ok());
            assert!(forged(&of(bytes + 1)).is_err() && forged(&of(bytes - 1)).is_err());
        }
        // A billion series for eight bytes.
        assert!(
            forged(&[&[row, 1, 0, 0x80, 0x80, 0x80, 0x80, 4, 0][..], &value].concat()).is_err()
        );
    }
}
