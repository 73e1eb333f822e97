//! One column as blocks of 1,024: the bytes of its blocks, their lengths and statistics.

use crate::codec::{self, BlockStats, ValueCache};
use crate::error::Result;
use crate::model::limits::BLOCK_SAMPLES;

/// A column of values in encoded form, ready to be written.
#[derive(Debug, Default, Clone)]
pub(in crate::store) struct EncodedColumn {
    pub(super) bytes: Vec<u8>,
    /// Encoded length of each block.
    pub(super) block_bytes: Vec<u32>,
    pub(super) statistics: Vec<BlockStats>,
}

impl EncodedColumn {
    /// Encodes values; `cache` carries codec parameters on from similar columns.
    pub(in crate::store) fn of(values: &[f64], cache: &mut ValueCache) -> Self {
        let mut column = Self::default();
        for block in values.chunks(BLOCK_SAMPLES) {
            let before = column.bytes.len();
            codec::encode_values(block, cache, &mut column.bytes);
            column.block_bytes.push((column.bytes.len() - before) as u32);
            column.statistics.push(BlockStats::of(block));
        }
        column
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

/// Decodes blocks `from..to` of a column's bytes, each with `decode`, which is given the block's
/// bytes and number of samples.
pub(super) fn decode_blocks(
    bytes: &[u8],
    block_bytes: &[u32],
    samples: usize,
    blocks: std::ops::Range<usize>,
    mut decode: impl FnMut(&[u8], usize) -> Result<()>,
) -> Result<()> {
    let skipped: usize = block_bytes.iter().take(blocks.start).map(|b| *b as usize).sum();
    let mut rest = bytes.get(skipped..).unwrap_or(&[]);
    for block in blocks {
        let length = block_bytes.get(block).map_or(0, |b| *b as usize);
        let (body, tail) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        decode(body, samples_in_block(samples, block))?;
        rest = tail;
    }
    Ok(())
}
