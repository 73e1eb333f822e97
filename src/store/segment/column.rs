//! One column as blocks of 1,024: the bytes of its blocks, their lengths and statistics. Each is
//! decoded again before it is handed on.

use crate::codec::{self, BlockStats, ColumnDecoder, Formula, ValueCache};
use crate::error::{Error, Result};
use crate::model::SeriesId;
use crate::model::limits::BLOCK_SAMPLES;

/// A column of values in encoded form, ready to be written.
#[derive(Debug, Default, Clone)]
pub(in crate::store) struct EncodedColumn {
    pub(super) column: codec::EncodedColumn,
    /// The series from which it is computed; mostly none.
    pub(super) sources: Vec<SeriesId>,
    pub(super) statistics: Vec<BlockStats>,
}

impl EncodedColumn {
    /// Packs values; `cache` carries codec parameters on from similar columns. Like the others, it
    /// fails where decoding does not give back every bit: that would be a fault of the codec, and
    /// what was to be encoded is kept where it is.
    pub(in crate::store) fn sealed(values: &[f64], cache: &mut ValueCache) -> Result<Self> {
        Self::of(values, codec::encode_sealed(values, cache))
    }

    /// Makes values as small as can be.
    pub(in crate::store) fn cold(values: &[f64], cache: &mut ValueCache) -> Result<Self> {
        Self::of(values, codec::encode_cold(values, cache))
    }

    /// Computes this column from others on the same time axis, where that is smaller.
    pub(in crate::store) fn or_derived(
        self,
        values: &[f64],
        formula: Formula,
        sources: &[(SeriesId, &[f64])],
        cache: &mut ValueCache,
    ) -> Result<Self> {
        let of = |at: usize| sources.get(at).map_or(&[][..], |(_, values)| *values);
        let column = codec::encode_derived(values, formula, of(0), of(1), cache);
        if column.bytes() >= self.column.bytes() {
            return Ok(self);
        }
        let mut from = 0;
        prove(values, &column, |bytes, count, found| {
            let [first, second] = [of(0), of(1)].map(|values| part(values, from, count));
            from += count;
            codec::decode_derived(bytes, formula, first, second, found)
        })?;
        let sources = sources.iter().map(|(id, _)| *id).collect();
        Ok(Self { column, sources, ..self })
    }

    fn of(values: &[f64], column: codec::EncodedColumn) -> Result<Self> {
        let mut decoder = ColumnDecoder::new(&column.header)?;
        prove(values, &column, |bytes, count, found| decoder.decode_block(bytes, count, found))?;
        let statistics = values.chunks(BLOCK_SAMPLES).map(BlockStats::of).collect();
        Ok(Self { column, sources: Vec::new(), statistics })
    }
}

/// Decodes every block and compares it with the values bit for bit.
fn prove(
    values: &[f64],
    column: &codec::EncodedColumn,
    mut decode: impl FnMut(&[u8], usize, &mut Vec<f64>) -> Result<()>,
) -> Result<()> {
    let mut found = Vec::with_capacity(values.len().min(BLOCK_SAMPLES));
    let all = 0..column.block_bytes.len();
    if all.len() != values.len().div_ceil(BLOCK_SAMPLES) {
        return Err(fault());
    }
    let decoded = blocks(&column.blocks, &column.block_bytes, values.len(), all);
    for ((bytes, count), block) in decoded.zip(values.chunks(BLOCK_SAMPLES)) {
        found.clear();
        decode(bytes, count, &mut found)?;
        let same = |(a, b): (&f64, &f64)| a.to_bits() == b.to_bits();
        if found.len() != block.len() || !found.iter().zip(block).all(same) {
            return Err(fault());
        }
    }
    Ok(())
}

fn fault() -> Error {
    Error::decode("what was encoded decodes to something else: this is a fault of Plimsoll")
}

/// `count` values from `from` on; none where there is no such column.
pub(super) fn part(values: &[f64], from: usize, count: usize) -> &[f64] {
    values.get(from..from + count).unwrap_or(&[])
}

/// A column of times in encoded form.
#[derive(Debug, Default)]
pub(super) struct EncodedAxis {
    pub(super) bytes: Vec<u8>,
    pub(super) block_bytes: Vec<u32>,
    /// First time of each block.
    pub(super) block_starts: Vec<i64>,
}

impl EncodedAxis {
    /// Fails as [`EncodedColumn::sealed`] does.
    pub(super) fn of(times: &[i64]) -> Result<Self> {
        let mut axis = Self::default();
        let mut found = Vec::new();
        for block in times.chunks(BLOCK_SAMPLES) {
            let before = axis.bytes.len();
            codec::encode_times(block, &mut axis.bytes);
            let bytes = axis.bytes.get(before..).unwrap_or(&[]);
            found.clear();
            codec::decode_times(bytes, block.len(), &mut found)?;
            if found != block {
                return Err(fault());
            }
            axis.block_bytes.push(bytes.len() as u32);
            axis.block_starts.extend(block.first());
        }
        Ok(axis)
    }
}

/// Samples in block `block` of a column of `samples`.
pub(super) fn samples_in_block(samples: usize, block: usize) -> usize {
    samples.saturating_sub(block * BLOCK_SAMPLES).min(BLOCK_SAMPLES)
}

/// The bytes of each block of a range, and its number of samples, given the bytes of a column.
pub(super) fn blocks<'a>(
    bytes: &'a [u8],
    block_bytes: &[u32],
    samples: usize,
    range: std::ops::Range<usize>,
) -> impl Iterator<Item = (&'a [u8], usize)> {
    let skipped: usize = block_bytes.iter().take(range.start).map(|b| *b as usize).sum();
    let mut rest = bytes.get(skipped..).unwrap_or(&[]);
    range.map(move |block| {
        let length = block_bytes.get(block).map_or(0, |b| *b as usize);
        let (body, tail) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        rest = tail;
        (body, samples_in_block(samples, block))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_that_decodes_to_other_values_is_not_handed_on() {
        let values: Vec<f64> = (0..1_500).map(|at| f64::from(at % 7)).collect();
        let column = codec::encode_sealed(&values, &mut ValueCache::default());
        EncodedColumn::of(&values, column.clone()).unwrap();
        for at in [0, 1_023, 1_024, 1_499] {
            let mut others = values.clone();
            others[at] = -0.0;
            assert!(EncodedColumn::of(&others, column.clone()).is_err(), "value {at}");
        }
        for more in [1, 1_024] {
            let longer = [values.clone(), vec![1.0; more]].concat();
            assert!(EncodedColumn::of(&longer, column.clone()).is_err(), "{more} more");
        }
    }
}
