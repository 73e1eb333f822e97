//! Times: integers over their greatest common divisor, so that a clock that ticks in whole seconds
//! costs what seconds cost, not nanoseconds, and one second of jitter is a bit or two.

#![warn(clippy::indexing_slicing)]

use super::integers::{self, Scratch};
use super::stream::Stream;
use super::tag::{FrontTag, Tag};
use super::varint;
use crate::error::{Error, Result};
use crate::model::limits::BLOCK_SAMPLES;

/// Appends a block of at most 1,024 times, in any order and of any size: all arithmetic wraps.
/// A longer slice is written as eight bytes each.
///
/// ```
/// use plimsoll::codec;
/// let times: Vec<i64> = (0..1024).map(|i| 1_700_000_000_000_000_000 + i *
/// 10_000_000_000).collect(); let mut bytes = Vec::new();
/// codec::encode_times(&times, &mut bytes);
/// assert!(bytes.len() < 20);
/// let mut found = Vec::new();
/// codec::decode_times(&bytes, 1024, &mut found)?;
/// assert_eq!(found, times);
/// # Ok::<(), plimsoll::Error>(())
/// ```
pub fn encode_times(times: &[i64], out: &mut Vec<u8>) {
    let Some(&first) = times.first() else { return };
    if times.len() > BLOCK_SAMPLES {
        encode_raw(times, out);
        return;
    }
    let from_first = |time: &i64| time.wrapping_sub(first);
    let divisor = times.iter().map(|t| from_first(t).unsigned_abs()).fold(0, common_divisor);
    // A divisor beyond i64 can only be that of the one difference i64::MIN.
    let divisor = i64::try_from(divisor).unwrap_or(1).max(1);
    let latents: Vec<i64> = times.iter().map(|time| from_first(time) / divisor).collect();
    let mut scratch = Scratch::default();
    let plan = integers::plan(&latents, &mut scratch);
    let start = out.len();
    let tag = Tag::plain(FrontTag::Ticks, plan.model);
    out.push(tag.to_byte());
    varint::write_u64(out, divisor as u64);
    varint::write_i64(out, first);
    integers::encode(&plan, &latents, &mut scratch, out);
    if out.len() - start > 8 * times.len() {
        out.truncate(start);
        encode_raw(times, out);
    }
}

/// Appends exactly `count` times to `out`, from exactly all of `bytes`, or fails and appends none.
pub fn decode_times(bytes: &[u8], count: usize, out: &mut Vec<i64>) -> Result<()> {
    if count == 0 && bytes.is_empty() {
        return Ok(());
    }
    let mut rest = bytes;
    let tag = Tag::read(&mut rest)?;
    if tag == Tag::RAW {
        out.extend(super::raw_words(rest, count)?.iter().map(|word| i64::from_le_bytes(*word)));
        return Ok(());
    }
    if tag.front != FrontTag::Ticks {
        return Err(Error::decode("a block of values where times are expected"));
    }
    let divisor = varint::read_u64(&mut rest)? as i64;
    let first = varint::read_i64(&mut rest)?;
    let time = |latent: &i64| first.wrapping_add(latent.wrapping_mul(divisor));
    let stream = Stream::read(&mut rest, tag.model, count)?;
    let start = out.len();
    stream.decode(&mut rest, |latents| out.extend(latents.iter().map(time)))?;
    let end = super::expect_end(rest);
    if end.is_err() {
        out.truncate(start);
    }
    end
}

fn encode_raw(times: &[i64], out: &mut Vec<u8>) {
    out.push(Tag::RAW.to_byte());
    for time in times {
        out.extend_from_slice(&time.to_le_bytes());
    }
}

/// Euclid's algorithm; 0 divides nothing and is divided by everything.
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

    fn round_trip(times: &[i64]) -> usize {
        let mut bytes = Vec::new();
        encode_times(times, &mut bytes);
        let mut found = vec![42];
        decode_times(&bytes, times.len(), &mut found).unwrap();
        assert_eq!(found[1..], *times);
        bytes.len()
    }

    #[test]
    fn a_steady_clock_costs_nothing_and_jitter_a_bit_or_two() {
        let second = 1_000_000_000_i64;
        let steady: Vec<i64> = (0..1024).map(|i| (1_375_337_578 + 300 * i) * second).collect();
        assert!(round_trip(&steady) < 24);
        let jitter = |i: i64| (i.wrapping_mul(0x1e37_79b9_7f4a_7c15) >> 40) % 2;
        let shaky: Vec<i64> =
            (0..1024).map(|i| (1_375_337_578 + 300 * i + jitter(i)) * second).collect();
        assert!(round_trip(&shaky) < 24 + 3 * 128, "{}", round_trip(&shaky));
        let mut gap = steady.clone();
        gap.iter_mut().skip(500).for_each(|time| *time += 86_400 * second);
        assert!(round_trip(&gap) < 40, "{}", round_trip(&gap));
    }

    #[test]
    fn ends_of_the_range() {
        for times in [
            &[][..],
            &[i64::MIN],
            &[i64::MIN, i64::MAX],
            &[i64::MIN, 0],
            &[0, i64::MIN],
            &[i64::MAX, -1],
            &[5; 1025],
        ] {
            round_trip(times);
        }
    }

    proptest! {
        #[test]
        fn every_time_comes_back(
            times in prop::collection::vec(any::<i64>(), 1..200),
            shift in 0_u32..64,
            scale in prop_oneof![Just(1_i64), Just(1_000_000_000), any::<i64>()],
        ) {
            let times: Vec<i64> =
                times.into_iter().map(|time| (time >> shift).wrapping_mul(scale)).collect();
            prop_assert!(round_trip(&times) <= 1 + 8 * times.len());
        }
    }
}
