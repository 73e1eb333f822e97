//! One column as blocks of 1,024: the bytes of its blocks, their lengths and statistics.

use crate::codec::{self, BlockStats, Formula, ValueCache};
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
    /// Packs values; `cache` carries codec parameters on from similar columns.
    pub(in crate::store) fn sealed(values: &[f64], cache: &mut ValueCache) -> Self {
        Self::of(values, codec::encode_sealed(values, cache))
    }

    /// Makes values as small as can be.
    pub(in crate::store) fn cold(values: &[f64], cache: &mut ValueCache) -> Self {
        Self::of(values, codec::encode_cold(values, cache))
    }

    /// Computes this column from others on the same time axis, where that is smaller.
    pub(in crate::store) fn or_derived(
        self,
        values: &[f64],
        formula: Formula,
        sources: &[(SeriesId, &[f64])],
        cache: &mut ValueCache,
    ) -> Self {
        let of = |at: usize| sources.get(at).map_or(&[][..], |(_, values)| *values);
        let column = codec::encode_derived(values, formula, of(0), of(1), cache);
        if column.bytes() >= self.column.bytes() {
            return self;
        }
        let sources = sources.iter().map(|(id, _)| *id).collect();
        Self { column, sources, ..self }
    }

    fn of(values: &[f64], column: codec::EncodedColumn) -> Self {
        let statistics = values.chunks(BLOCK_SAMPLES).map(BlockStats::of).collect();
        Self { column, sources: Vec::new(), statistics }
    }
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
    pub(super) fn of(times: &[i64]) -> Self {
        let mut axis = Self::default();
        for block in times.chunks(BLOCK_SAMPLES) {
            let before = axis.bytes.len();
            codec::encode_times(block, &mut axis.bytes);
            axis.block_bytes.push((axis.bytes.len() - before) as u32);
            axis.block_starts.extend(block.first());
        }
        axis
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
