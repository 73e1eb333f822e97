//! Sketches of buckets as columns of numbers, and these as the bytes of a region.
//!
//! The first bin of a sketch is that of the bucket's smallest number, and the last one has what the
//! others leave of its count. So what is stored is, for every bin but the last, its count and how
//! far on the next one is; a bucket of equal numbers has none of either.

use std::ops::Range;

use super::column::{self, EncodedColumn};
use super::whole::{number, whole};
use crate::codec::{ColumnDecoder, ValueCache, varint};
use crate::error::{Error, Result};
use crate::kernel::{Bin, Sketch};
use crate::model::limits::BLOCK_SAMPLES;

/// The sketches of buckets that follow each other.
#[derive(Debug, Default, Clone)]
pub(in crate::store) struct SketchColumns {
    /// Of each sketch: how many bins it has after its first.
    steps: Vec<f64>,
    /// Of each bin but the last of a sketch: the distance to the next one's key.
    gaps: Vec<f64>,
    /// Of each bin but the last of a sketch: its count.
    counts: Vec<f64>,
}

impl SketchColumns {
    /// Adds the sketch of the next bucket.
    pub(in crate::store) fn push(&mut self, sketch: &Sketch) {
        let bins = sketch.bins();
        self.steps.push(bins.len().saturating_sub(1) as f64);
        for [bin, next] in bins.array_windows() {
            self.gaps.push(f64::from(next.key - bin.key));
            self.counts.push(whole(bin.count as i64));
        }
    }

    pub(in crate::store) fn clear(&mut self) {
        [&mut self.steps, &mut self.gaps, &mut self.counts].into_iter().for_each(Vec::clear);
    }

    /// The sketches one after the other. Each is asked for with the count, the smallest and the
    /// largest number of its bucket, and is an error where these cannot be its own.
    pub(in crate::store) fn read(&self) -> impl FnMut(u64, f64, f64) -> Result<Sketch> {
        let mut steps = self.steps.iter();
        let mut pairs = self.gaps.iter().zip(&self.counts);
        move |count, min, max| {
            let steps = steps.next().and_then(|steps| exact(*steps)).ok_or_else(damage)?;
            let (mut bins, mut left) = (Vec::new(), count);
            let mut key = i64::from(Bin::key_of(min));
            for (gap, count) in pairs.by_ref().take(steps as usize) {
                let (gap, count) = exact(*gap).zip(exact(*count)).ok_or_else(damage)?;
                bins.push(Bin { key: in_range(key)?, count });
                left = left.checked_sub(count).ok_or_else(damage)?;
                key = key.saturating_add_unsigned(gap);
            }
            let complete = bins.len() as u64 == steps;
            bins.push(Bin { key: in_range(key)?, count: left });
            Sketch::from_bins(bins, min, max).filter(|_| complete).ok_or_else(damage)
        }
    }
}

/// The sketches of one series, ready to be written.
#[derive(Debug, Default)]
pub(in crate::store) struct EncodedSketches {
    pub(super) bytes: Vec<u8>,
    /// Bins of all of them but the last of each.
    pub(super) pairs: u64,
}

impl EncodedSketches {
    /// Fails as [`EncodedColumn::sealed`] does.
    pub(in crate::store) fn of(
        columns: &SketchColumns,
        cold: bool,
        cache: &mut ValueCache,
    ) -> Result<Self> {
        let mut bytes = Vec::new();
        for values in [&columns.steps, &columns.gaps, &columns.counts] {
            let encoded = if cold {
                EncodedColumn::cold(values, cache)?
            } else {
                EncodedColumn::sealed(values, cache)?
            };
            let column = encoded.column;
            varint::write_u64(&mut bytes, column.header.len() as u64);
            for length in &column.block_bytes {
                varint::write_u64(&mut bytes, u64::from(*length));
            }
            bytes.extend_from_slice(&column.header);
            bytes.extend_from_slice(&column.blocks);
        }
        Ok(Self { bytes, pairs: columns.gaps.len() as u64 })
    }
}

/// Adds to `out` the sketches at some places of a series of `buckets` buckets.
pub(super) fn decode(
    mut bytes: &[u8],
    buckets: usize,
    pairs: u64,
    places: Range<usize>,
    out: &mut SketchColumns,
) -> Result<()> {
    let pairs = usize::try_from(pairs).map_err(|_| damage())?;
    let mut steps = Vec::new();
    Stored::take(&mut bytes, buckets)?.decode(0..buckets, &mut steps)?;
    let gaps = Stored::take(&mut bytes, pairs)?;
    let counts = Stored::take(&mut bytes, pairs)?;
    if !bytes.is_empty() {
        return Err(Error::decode(format!("{} bytes after the sketches", bytes.len())));
    }
    let sum = |steps: &[f64]| {
        steps.iter().try_fold(0_usize, |sum, steps| sum.checked_add(exact(*steps)? as usize))
    };
    let part = |places: Range<usize>| steps.get(places).and_then(sum).ok_or_else(damage);
    let (before, wanted) = (part(0..places.start)?, part(places.clone())?);
    if part(0..buckets)? != pairs {
        return Err(damage());
    }
    out.steps.extend_from_slice(steps.get(places).unwrap_or(&[]));
    gaps.decode(before..before + wanted, &mut out.gaps)?;
    counts.decode(before..before + wanted, &mut out.counts)
}

/// One column in a region of sketches.
struct Stored<'a> {
    values: usize,
    block_bytes: Vec<u32>,
    header: &'a [u8],
    blocks: &'a [u8],
}

impl<'a> Stored<'a> {
    /// Takes a column of `values` values off the front. Each of its blocks has cost a byte before
    /// there is memory for it.
    fn take(bytes: &mut &'a [u8], values: usize) -> Result<Self> {
        let header = varint::read_u64(bytes)?;
        let (mut block_bytes, mut sum) = (Vec::new(), 0_u64);
        for _ in 0..values.div_ceil(BLOCK_SAMPLES) {
            let length = u32::try_from(varint::read_u64(bytes)?).map_err(|_| damage())?;
            sum = sum.saturating_add(u64::from(length));
            block_bytes.push(length);
        }
        let header = split(bytes, header)?;
        let blocks = split(bytes, sum)?;
        Ok(Self { values, block_bytes, header, blocks })
    }

    /// Adds the values at some places.
    fn decode(&self, places: Range<usize>, out: &mut Vec<f64>) -> Result<()> {
        if places.is_empty() {
            return Ok(());
        }
        let first = places.start / BLOCK_SAMPLES;
        let blocks = first..places.end.div_ceil(BLOCK_SAMPLES);
        let mut decoder = ColumnDecoder::new(self.header)?;
        let mut found = Vec::new();
        let mut at = first * BLOCK_SAMPLES;
        for (bytes, count) in column::blocks(self.blocks, &self.block_bytes, self.values, blocks) {
            found.clear();
            decoder.decode_block(bytes, count, &mut found)?;
            let from = places.start.saturating_sub(at);
            let to = (places.end - at).min(count);
            out.extend_from_slice(found.get(from..to).unwrap_or(&[]));
            at += count;
        }
        Ok(())
    }
}

fn split<'a>(bytes: &mut &'a [u8], length: u64) -> Result<&'a [u8]> {
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let (part, rest) = bytes
        .split_at_checked(length)
        .ok_or_else(|| Error::decode("sketches that end too early"))?;
    *bytes = rest;
    Ok(part)
}

/// The whole number that a value stands for; `None` where it stands for none.
fn exact(value: f64) -> Option<u64> {
    let found = number(value);
    let is_whole = found >= 0 && whole(found).to_bits() == value.to_bits();
    is_whole.then_some(found as u64)
}

fn in_range(key: i64) -> Result<i32> {
    i32::try_from(key).map_err(|_| damage())
}

fn damage() -> Error {
    Error::decode("a sketch that is not its bucket's")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Numbers = (u64, f64, f64);

    /// Columns of sketches, and of each its bucket's count, smallest and largest.
    fn columns(buckets: &[Vec<f64>]) -> (SketchColumns, Vec<Sketch>, Vec<Numbers>) {
        let mut columns = SketchColumns::default();
        let sketches: Vec<Sketch> = buckets.iter().map(|values| Sketch::of(values)).collect();
        for sketch in &sketches {
            columns.push(sketch);
        }
        let min = |values: &[f64]| values.iter().copied().fold(f64::INFINITY, f64::min);
        let max = |values: &[f64]| values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let numbers = |values: &Vec<f64>| (values.len() as u64, min(values), max(values));
        (columns, sketches, buckets.iter().map(numbers).collect())
    }

    fn read(columns: &SketchColumns, numbers: &[Numbers]) -> Result<Vec<Sketch>> {
        let mut next = columns.read();
        numbers.iter().map(|(count, min, max)| next(*count, *min, *max)).collect()
    }

    fn encoded(columns: &SketchColumns, cold: bool) -> EncodedSketches {
        EncodedSketches::of(columns, cold, &mut ValueCache::default()).unwrap()
    }

    /// Some 2,000 buckets, so that every column has several blocks.
    fn long() -> Vec<Vec<f64>> {
        let value = |at: u32| f64::from(at.wrapping_mul(2_654_435_769) >> 16) - 9_000.0;
        (0..2_100_u32).map(|at| (0..=at % 7).map(|n| value(at * 8 + n)).collect()).collect()
    }

    #[test]
    fn sketches_of_a_part_are_those_of_the_whole() {
        let (columns, sketches, numbers) = columns(&long());
        for cold in [false, true] {
            let EncodedSketches { bytes, pairs } = encoded(&columns, cold);
            for places in [0..0, 0..1, 5..6, 0..2_100, 1_000..1_030, 2_099..2_100, 1_024..2_048] {
                let mut part = SketchColumns::default();
                decode(&bytes, 2_100, pairs, places.clone(), &mut part).unwrap();
                let found = read(&part, &numbers[places.clone()]).unwrap();
                assert_eq!(found, sketches[places]);
            }
        }
    }

    #[test]
    fn what_is_cut_or_does_not_fit_is_an_error() {
        let (columns, _, _) = columns(&long());
        let EncodedSketches { bytes, pairs } = encoded(&columns, true);
        let decode = |bytes: &[u8], buckets: usize, pairs: u64| {
            decode(bytes, buckets, pairs, 0..buckets, &mut SketchColumns::default())
        };
        decode(&bytes, 2_100, pairs).unwrap();
        for cut in 0..bytes.len() {
            assert!(decode(&bytes[..cut], 2_100, pairs).is_err(), "cut at {cut}");
        }
        assert!(decode(&[bytes.clone(), vec![0]].concat(), 2_100, pairs).is_err());
        for wrong in [0, pairs - 1, pairs + 1, pairs + 1_024, 1 << 40, u64::MAX] {
            assert!(decode(&bytes, 2_100, wrong).is_err(), "{wrong} pairs");
        }
        for wrong in [1, 2_099, 2_101, 1 << 40] {
            assert!(decode(&bytes, wrong, pairs).is_err(), "{wrong} buckets");
        }
    }

    #[test]
    fn sketches_of_other_buckets_are_an_error() {
        let (columns, sketches, numbers) =
            columns(&[vec![1.0, 2.0, 2.0, -7.0], vec![3.0, 30.0], vec![4.0, 9.0]]);
        assert_eq!(read(&columns, &numbers).unwrap(), sketches);
        for at in 0..3 {
            for wrong in [(9, 0.0, 0.0), (0, 1.0, 9.0), (1, f64::NAN, 9.0), (u64::MAX, 8.0, 4.0)] {
                let mut others = numbers.clone();
                others[at] = wrong;
                assert!(read(&columns, &others).is_err(), "bucket {at}: {wrong:?}");
            }
        }
        for value in [-1.0, -0.0, 0.0, 0.5, 3e9, 1e300, f64::NAN, f64::INFINITY] {
            for edit in [
                |columns: &mut SketchColumns, value| columns.steps[0] = value,
                |columns: &mut SketchColumns, value| columns.gaps[0] = value,
                |columns: &mut SketchColumns, value| columns.counts[0] = value,
            ] {
                let mut others = columns.clone();
                edit(&mut others, value);
                assert!(read(&others, &numbers).is_err(), "{value}");
            }
        }
    }

    proptest! {
        #[test]
        fn sketches_come_back(
            buckets in prop::collection::vec(
                prop::collection::vec(
                    any::<f64>().prop_filter("a number", |value| !value.is_nan()), 1..40),
                1..40),
            cold: bool,
        ) {
            let (columns, sketches, numbers) = columns(&buckets);
            let EncodedSketches { bytes, pairs } = encoded(&columns, cold);
            let mut found = SketchColumns::default();
            decode(&bytes, buckets.len(), pairs, 0..buckets.len(), &mut found).unwrap();
            prop_assert_eq!(read(&found, &numbers).unwrap(), sketches);
        }

        #[test]
        fn hostile_bytes_are_an_error_or_whole_sketches(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            flips in prop::collection::vec((any::<u16>(), 0_u8..8), 1..4),
            buckets in 0_usize..3_000, pairs in 0_u64..5_000,
        ) {
            let mut out = SketchColumns::default();
            drop(decode(&bytes, buckets, pairs, 0..buckets, &mut out));
            // And those that were whole but for some bits.
            let (columns, _, numbers) = columns(&long()[..300]);
            let EncodedSketches { mut bytes, pairs } = encoded(&columns, false);
            for (at, bit) in flips {
                let at = usize::from(at) % bytes.len();
                bytes[at] ^= 1 << bit;
            }
            out.clear();
            if decode(&bytes, 300, pairs, 0..300, &mut out).is_ok()
                && let Ok(found) = read(&out, &numbers)
            {
                let same = |(sketch, numbers): (&Sketch, &Numbers)| sketch.count() == numbers.0;
                prop_assert!(found.iter().zip(&numbers).all(same));
            }
        }
    }
}
