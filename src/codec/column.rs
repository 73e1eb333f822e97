//! A column of values: what its blocks share, and the blocks.
//!
//! In: the values of a series in order of time. Out: a header, empty for the sealed form, and
//! blocks of at most 1,024 values, each of which can be read alone with the header. Never: a cold
//! column that is longer than the sealed one.

#![warn(clippy::indexing_slicing)]

use super::cold::{self, Coding};
use super::front::{Front, Mapped};
use super::tag::{FrontTag, Tag};
use super::values::{Made, decode_block, decode_integers, whole_max};
use super::{ValueCache, encode_values};
use crate::error::Result;
use crate::kernel::lanes::Arithmetic;
use crate::model::limits::BLOCK_SAMPLES;

/// Fewer values are not entropy coded: it saves a few bytes, and making the decoder's table takes
/// longer than all else.
const CODED_MIN: usize = 256;

/// What entropy coding must save of a column, as one part in this many: it takes two to five times
/// as long to decode as packed integers, and a table for each column.
const SAVED_SHARE: usize = 6;

/// A column in encoded form.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct EncodedColumn {
    /// What [`ColumnDecoder::new`] needs; often empty.
    pub header: Vec<u8>,
    /// The blocks, one after another.
    pub blocks: Vec<u8>,
    /// Bytes of each block.
    pub block_bytes: Vec<u32>,
}

/// The sealed form: quick to write and to read. `cache` carries parameters on from similar columns.
pub fn encode_sealed(values: &[f64], cache: &mut ValueCache) -> EncodedColumn {
    let mut column = EncodedColumn::default();
    for block in values.chunks(BLOCK_SAMPLES) {
        column.push(|out| encode_values(block, cache, out));
    }
    column
}

/// The cold form, for data that is kept for long: entropy coded where that saves a sixth or more,
/// else sealed.
///
/// ```
/// use plimsoll::codec::{ColumnDecoder, ValueCache, encode_cold, encode_sealed};
/// // A walk: entropy coding takes fractions of a bit.
/// let step = |i: u32| f64::from(i.wrapping_mul(2_654_435_769) >> 24) / 64.0 - 2.0;
/// let mut level = 50.0;
/// let values: Vec<f64> = (0..4096)
///     .map(|i| {
///         level += step(i);
///         f64::floor(level)
///     })
///     .collect();
/// let cold = encode_cold(&values, &mut ValueCache::default());
/// let sealed = encode_sealed(&values, &mut ValueCache::default());
/// assert!(cold.bytes() < sealed.bytes());
/// let mut decoder = ColumnDecoder::new(&cold.header)?;
/// let mut found = Vec::new();
/// decoder.decode_block(cold.block(2), 1024, &mut found)?;
/// assert_eq!(found, values[2048..3072]);
/// # Ok::<(), plimsoll::Error>(())
/// ```
pub fn encode_cold(values: &[f64], cache: &mut ValueCache) -> EncodedColumn {
    let (sealed, front) = sealed_with_front(values, cache);
    let front = front.filter(|_| values.len() >= CODED_MIN);
    let coded = front.and_then(|front| coded(values, front, &sealed));
    coded.filter(|coded| is_worth_coding(coded.bytes(), sealed.bytes())).unwrap_or(sealed)
}

impl EncodedColumn {
    /// Bytes of header and blocks.
    pub fn bytes(&self) -> usize {
        self.header.len() + self.blocks.len()
    }

    /// The bytes of a block; none beyond the last.
    pub fn block(&self, block: usize) -> &[u8] {
        let lengths = self.block_bytes.iter();
        let start: usize = lengths.take(block).map(|bytes| *bytes as usize).sum();
        let length = self.block_bytes.get(block).map_or(0, |bytes| *bytes as usize);
        self.blocks.get(start..start + length).unwrap_or(&[])
    }

    pub(super) fn push(&mut self, encode: impl FnOnce(&mut Vec<u8>)) {
        let before = self.blocks.len();
        encode(&mut self.blocks);
        self.block_bytes.push((self.blocks.len() - before) as u32);
    }
}

/// The sealed form, and the front end that has most of its bytes, if entropy coding may help it.
fn sealed_with_front(values: &[f64], cache: &mut ValueCache) -> (EncodedColumn, Option<Front>) {
    let mut column = EncodedColumn::default();
    let mut fronts: Vec<(Front, usize)> = Vec::new();
    for block in values.chunks(BLOCK_SAMPLES) {
        column.push(|out| encode_values(block, cache, out));
        let bytes = column.block_bytes.last().map_or(0, |bytes| *bytes as usize);
        let Some(front) = cache.usual.map(|usual| usual.front) else { continue };
        match fronts.iter_mut().find(|(known, _)| *known == front) {
            Some((_, sum)) => *sum += bytes,
            None => fronts.push((front, bytes)),
        }
    }
    let most = fronts.into_iter().max_by_key(|(_, bytes)| *bytes);
    (column, most.map(|(front, _)| front))
}

/// Whether a column of so many bytes when coded is kept in place of a sealed one.
fn is_worth_coding(coded: usize, sealed: usize) -> bool {
    SAVED_SHARE * coded <= (SAVED_SHARE - 1) * sealed
}

/// The blocks by one coding, where that makes them shorter.
fn coded(values: &[f64], front: Front, sealed: &EncodedColumn) -> Option<EncodedColumn> {
    let map = |block: &[f64]| {
        let mut mapped = Mapped::default();
        front.map(block, &mut mapped);
        mapped
    };
    let mapped: Vec<Mapped> = values.chunks(BLOCK_SAMPLES).map(map).collect();
    let coding = Coding::choose(front, &mapped)?;
    let mut encoder = cold::Encoder::new(&coding);
    let mut column = EncodedColumn::default();
    coding.write(&mut column.header);
    let mut coded = Vec::new();
    for (at, mapped) in mapped.iter().enumerate() {
        coded.clear();
        let fits = encoder.encode(mapped, &mut coded).is_some();
        let packed = sealed.block(at);
        let shorter = fits && coded.len() < packed.len();
        column.push(|out| out.extend_from_slice(if shorter { &coded } else { packed }));
    }
    Some(column)
}

/// Decodes the blocks of a column.
#[derive(Debug, Clone)]
pub struct ColumnDecoder {
    cold: Option<Box<cold::Decoder>>,
}

impl ColumnDecoder {
    /// A decoder for blocks that came with this header.
    pub fn new(header: &[u8]) -> Result<Self> {
        let cold = if header.is_empty() { None } else { Some(cold::Decoder::new(header)?.into()) };
        Ok(Self { cold })
    }

    /// Appends exactly `count` values to `out`, from exactly all of `bytes`, or fails and appends
    /// none.
    pub fn decode_block(&mut self, bytes: &[u8], count: usize, out: &mut Vec<f64>) -> Result<()> {
        if count == 0 && bytes.is_empty() {
            return Ok(());
        }
        let start = out.len();
        let decoded = match &mut self.cold {
            Some(cold) if is_coded(bytes) => cold.decode(bytes, count, out),
            _ => decode_block(bytes, count, out),
        };
        if decoded.is_err() {
            out.truncate(start);
        }
        decoded
    }
}

impl ColumnDecoder {
    /// Which magnitude no value of a block exceeds, where it is made of whole numbers alone.
    pub fn whole_max(&self, bytes: &[u8], count: usize) -> Result<Option<u64>> {
        match &self.cold {
            Some(cold) if is_coded(bytes) => cold.whole_max(bytes),
            _ => whole_max(bytes, count),
        }
    }

    /// Appends exactly `count` integers that `wanted` arithmetic makes the values of, from exactly
    /// all of `bytes`. `None`, or an error, and nothing appended, where it does not.
    pub fn decode_integers(
        &mut self,
        bytes: &[u8],
        count: usize,
        wanted: impl Fn(Arithmetic) -> bool,
        out: &mut Vec<i32>,
    ) -> Result<Option<Made>> {
        let start = out.len();
        let decoded = match &mut self.cold {
            Some(cold) if is_coded(bytes) => cold.decode_integers(bytes, count, wanted, out),
            _ => decode_integers(bytes, count, wanted, out),
        };
        if decoded.is_err() {
            out.truncate(start);
        }
        decoded
    }
}

fn is_coded(mut bytes: &[u8]) -> bool {
    Tag::read(&mut bytes).is_ok_and(|tag| tag.front == FrontTag::Coded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Integers;
    use crate::kernel::Random;
    use proptest::prelude::*;

    /// The column as coding makes it, whether that is worth its time or not.
    fn coded_anyway(values: &[f64]) -> Option<EncodedColumn> {
        let (sealed, front) = sealed_with_front(values, &mut ValueCache::default());
        coded(values, front?, &sealed)
    }

    /// Encodes in both forms, checks that both come back and that cold is never longer; the bytes.
    fn round_trip(values: &[f64]) -> (usize, usize) {
        let cold = encode_cold(values, &mut ValueCache::default());
        let sealed = encode_sealed(values, &mut ValueCache::default());
        let coded = coded_anyway(values);
        for column in [&cold, &sealed].into_iter().chain(&coded) {
            let mut decoder = ColumnDecoder::new(&column.header).unwrap();
            let mut found = vec![7.0];
            let blocks = values.chunks(BLOCK_SAMPLES).enumerate();
            let blocks: Vec<_> = blocks.map(|(at, b)| (column.block(at), b.len())).collect();
            for (bytes, count) in &blocks {
                decoder.decode_block(bytes, *count, &mut found).unwrap();
                expect_integers(&mut decoder, bytes, &found[found.len() - count..]);
            }
            let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&found[1..]), bits(values));
        }
        assert!(cold.bytes() <= sealed.bytes());
        (sealed.bytes(), cold.bytes())
    }

    /// The integers of a block, where it has any, make its values.
    fn expect_integers(decoder: &mut ColumnDecoder, bytes: &[u8], values: &[f64]) {
        let mut numbers = vec![3];
        let count = values.len();
        let made = decoder.decode_integers(bytes, count, |_| true, &mut numbers).unwrap();
        let Some(Made { arithmetic, base }) = made else {
            return assert_eq!(numbers, [3]);
        };
        let greatest = values.iter().map(|value| value.abs()).fold(0.0, f64::max);
        match decoder.whole_max(bytes, count).unwrap() {
            Some(max) => assert!(arithmetic == Arithmetic::Whole && greatest <= max as f64),
            None => assert!(arithmetic != Arithmetic::Whole || count < 300, "{count} whole"),
        }
        let integers = Integers { arithmetic, base, numbers: &numbers[1..] };
        let mut found = Vec::new();
        integers.append_values(&mut found);
        assert_eq!(found.len(), values.len());
        assert!(found.iter().zip(values).all(|(a, b)| a.to_bits() == b.to_bits()));
        let none = decoder.decode_integers(bytes, count, |_| false, &mut numbers).unwrap();
        assert!(none.is_none() && numbers.len() == 1 + count);
    }

    /// 5,000 values: four full blocks and a tail.
    fn column(mut of: impl FnMut(&mut Random, usize) -> f64) -> Vec<f64> {
        let mut random = Random::new(11);
        (0..5_000).map(|at| of(&mut random, at)).collect()
    }

    /// A walk by normal steps, rounded down.
    fn walk(deviation: f64) -> Vec<f64> {
        let mut level = 500.0;
        column(|random, _| {
            level += deviation * random.normal();
            f64::floor(level)
        })
    }

    #[test]
    fn coding_takes_little_more_than_the_entropy() {
        // A normal walk has log2(sqrt(2 pi e)) = 2.047 bits a step; rounding down adds some 0.1.
        let (sealed, cold) = round_trip(&walk(1.0));
        assert!(cold < 5_000 * 23 / 80 && cold < sealed * 9 / 10, "{sealed} {cold}");
        // Nine of ten are the same value, at random places: 0.47 bits, and 7 for each other one.
        let rare = |random: &mut Random, _| {
            if random.below(10) == 0 { random.below(128) as f64 / 15.0 } else { 4.0 }
        };
        let (sealed, cold) = round_trip(&column(rare));
        assert!(cold < 5_000 * 13 / 80 && cold < sealed * 9 / 10, "{sealed} {cold}");
    }

    #[test]
    fn columns_are_coded_where_that_saves_a_sixth() {
        let of_deviation = |deviation: f64| {
            let values = walk(deviation);
            let sealed = encode_sealed(&values, &mut ValueCache::default()).bytes();
            let coded = coded_anyway(&values).unwrap().bytes();
            let cold = encode_cold(&values, &mut ValueCache::default()).bytes();
            (sealed, coded, cold)
        };
        // Six bits a step, which would be seven, are not worth it; two, which would be three, are.
        let (sealed, coded, cold) = of_deviation(15.0);
        assert!(cold == sealed && (5 * sealed..6 * sealed).contains(&(6 * coded)), "{coded}");
        let (sealed, coded, cold) = of_deviation(1.0);
        assert!(cold == coded && 6 * coded < 5 * sealed, "{coded} of {sealed}");
    }

    #[test]
    fn strangers_tails_and_changes_of_kind_come_back() {
        let mut values = column(|random, at| match at / 1_200 {
            0 => random.below(50) as f64 / 60.0,
            1 => random.uniform(),
            2 => 5.0,
            _ => (random.normal() * 30.0).round(),
        });
        round_trip(&values);
        let strangers =
            [f64::NAN, -0.0, f64::INFINITY, 1e300, f64::from_bits(0x7ff0_0000_0000_0002)];
        for (at, stranger) in strangers.into_iter().enumerate() {
            values[at * 700] = stranger;
        }
        round_trip(&values);
        for count in [0, 1, 2, 3, 1_023, 1_024, 1_025] {
            round_trip(&values[..count]);
        }
    }

    #[test]
    fn damage_never_panics() {
        let values: Vec<f64> = walk(1.0).into_iter().map(|value| value / 15.0).collect();
        let cold = encode_cold(&values, &mut ValueCache::default());
        assert!(!cold.header.is_empty());
        let mut random = Random::new(2);
        for round in 0..3_000 {
            let mut column = cold.clone();
            let bytes = if round % 2 == 0 { &mut column.header } else { &mut column.blocks };
            let at = random.below(bytes.len());
            bytes[at] ^= 1 << random.below(8);
            let mut found = Vec::new();
            if let Ok(mut decoder) = ColumnDecoder::new(&column.header) {
                let decoded = decoder.decode_block(column.block(0), 1_024, &mut found);
                assert_eq!(found.len(), if decoded.is_ok() { 1_024 } else { 0 });
            }
        }
        let mut found = Vec::new();
        let mut plain = ColumnDecoder::new(&[]).unwrap();
        assert!(plain.decode_block(cold.block(0), 1_024, &mut found).is_err(), "no header");
        assert!(ColumnDecoder::new(&cold.header[..cold.header.len() - 1]).is_err());
        assert!(crate::codec::decode_values(cold.block(0), 1_024, &mut found).is_err());
    }

    proptest! {
        #[test]
        fn every_bit_pattern_comes_back(
            bits in prop::collection::vec(any::<u64>(), 0..2_100),
            shift in 0_u32..64,
        ) {
            let values: Vec<f64> = bits.iter().map(|bits| f64::from_bits(bits >> shift)).collect();
            round_trip(&values);
            let whole: Vec<f64> = bits.iter().map(|bits| (bits >> shift) as f64 / 15.0).collect();
            round_trip(&whole);
        }
    }
}
