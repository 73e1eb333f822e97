//! Blocks of times: the first one, the greatest common divisor of the distances, and the times in
//! that unit as a column of integers. A regular grid takes a dozen bytes; a jitter of whole seconds
//! costs as many bits as it has seconds.

#![warn(clippy::indexing_slicing)]

use super::integers;
use super::varint::{read_i64, read_u64, write_i64, write_u64};
use crate::error::{Error, Result};
use crate::model::limits::BLOCK_SAMPLES;

/// Appends a block of at most 1,024 times, in nanoseconds, in any order.
///
/// ```
/// use plimsoll::codec::{decode_times, encode_times};
/// let times: Vec<i64> = (0..1_024).map(|row| 1_375_308_000_000_000_000 + row * 300_000_000_000).collect();
/// let (mut bytes, mut back) = (Vec::new(), Vec::new());
/// encode_times(&times, &mut bytes);
/// assert!(bytes.len() < 30);
/// decode_times(&bytes, times.len(), &mut back)?;
/// assert_eq!(back, times);
/// # Ok::<(), plimsoll::Error>(())
/// ```
pub fn encode_times(times: &[i64], out: &mut Vec<u8>) {
    let Some(first) = times.first() else { return };
    let distances = || times.iter().zip(times.iter().skip(1)).map(|(a, b)| b.wrapping_sub(*a));
    // 2^63 and more, as from a wrapped distance, has no divisor worth having.
    let unit = distances().fold(0, |unit, d| common_divisor(unit, d.unsigned_abs()));
    let unit = i64::try_from(unit).unwrap_or(1).max(1);
    let mut sum = 0_i64;
    let mut units = vec![0];
    units.extend(distances().map(|distance| {
        sum = sum.wrapping_add(distance / unit);
        sum
    }));
    write_i64(out, *first);
    write_u64(out, unit as u64);
    integers::encode(&units, integers::choose(&units), out);
}

/// Appends the `count` times of a block to `out`; bytes that are no such block are an error.
pub fn decode_times(bytes: &[u8], count: usize, out: &mut Vec<i64>) -> Result<()> {
    if count > BLOCK_SAMPLES {
        return Err(Error::decode(format!("a block of {count} times")));
    }
    let mut rest = bytes;
    if count > 0 {
        let first = read_i64(&mut rest)?;
        let unit = read_u64(&mut rest)? as i64;
        let mut buffer = [0; BLOCK_SAMPLES];
        let units = buffer.get_mut(..count).unwrap_or(&mut []);
        integers::decode(&mut rest, units)?;
        out.extend(units.iter().map(|units| first.wrapping_add(units.wrapping_mul(unit))));
    }
    if rest.is_empty() {
        Ok(())
    } else {
        Err(Error::decode(format!("{} bytes after a block of times", rest.len())))
    }
}

fn common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encoded(times: &[i64]) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode_times(times, &mut bytes);
        bytes
    }

    fn decoded(bytes: &[u8], count: usize) -> Result<Vec<i64>> {
        let mut out = Vec::new();
        decode_times(bytes, count, &mut out).map(|()| out)
    }

    #[test]
    fn jitter_of_a_second_costs_two_bits() {
        let jitter = |row: i64| [0, 0, 1, 0, -1][(row * 31 % 5) as usize];
        let times: Vec<i64> =
            (0..1_024).map(|row| (row * 300 + jitter(row)) * 1_000_000_000).collect();
        let bytes = encoded(&times);
        assert!(bytes.len() < 1_024 * 3 / 8 + 24, "{} bytes", bytes.len());
        assert_eq!(decoded(&bytes, 1_024).unwrap(), times);
    }

    #[test]
    fn damage_never_panics() {
        let bytes = encoded(&[i64::MIN, 0, 5, i64::MAX, 7]);
        assert_eq!(decoded(&bytes, 5).unwrap(), [i64::MIN, 0, 5, i64::MAX, 7]);
        for cut in 0..bytes.len() {
            assert!(decoded(&bytes[..cut], 5).is_err());
        }
        assert!(decoded(&[], 0).unwrap().is_empty());
        assert!(decoded(&bytes, 2_000).is_err());
    }

    proptest! {
        #[test]
        fn all_times_come_back(times in prop::collection::vec(any::<i64>(), 0..300)) {
            prop_assert_eq!(decoded(&encoded(&times), times.len()).unwrap(), times);
        }

        #[test]
        fn any_bytes_are_an_error_or_times(bytes in prop::collection::vec(any::<u8>(), 0..200), count in 0_usize..1_100) {
            if let Ok(times) = decoded(&bytes, count) {
                prop_assert_eq!(times.len(), count);
            }
        }
    }
}
