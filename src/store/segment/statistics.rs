//! The statistics of all blocks of a segment, as its footer points to them: column after column,
//! each in blocks of 1,024 with its length before it. So those of one series can be read alone.

use std::ops::Range;

use super::column::samples_in_block;
use super::reader::Segment;
use crate::codec::{self, BlockStats, ValueCache};
use crate::error::{Error, Result};
use crate::model::limits::BLOCK_SAMPLES;

/// Numbers that are kept of a block.
const COLUMNS: usize = 7;

/// The statistics of a block, in the order of their storage.
fn row_of(block: &BlockStats) -> [f64; COLUMNS] {
    let count = f64::from(block.count);
    [count, block.min, block.max, block.sum, block.first, block.last, block.increase]
}

/// Whether two are the same bits. Of NaN they are the processor's that added the numbers up.
pub(super) fn are_equal(a: &BlockStats, b: &BlockStats) -> bool {
    let same = |(a, b): (f64, f64)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
    row_of(a).into_iter().zip(row_of(b)).all(same)
}

/// The statistics of the blocks so far: of 1,024 at a time they are encoded, since there are many.
#[derive(Debug, Default)]
pub(super) struct EncodedStatistics {
    columns: [EncodedNumbers; COLUMNS],
}

/// One column of them.
#[derive(Debug, Default)]
struct EncodedNumbers {
    encoded: Vec<u8>,
    cache: ValueCache,
    /// Fewer than 1,024.
    rest: Vec<f64>,
}

impl EncodedStatistics {
    pub(super) fn push(&mut self, block: &BlockStats) {
        for (column, number) in self.columns.iter_mut().zip(row_of(block)) {
            column.rest.push(number);
            if column.rest.len() == BLOCK_SAMPLES {
                column.encode_rest();
            }
        }
    }

    /// The columns, to be written one after the other.
    pub(super) fn finish(self) -> [Vec<u8>; COLUMNS] {
        self.columns.map(|mut column| {
            column.encode_rest();
            column.encoded
        })
    }
}

impl EncodedNumbers {
    fn encode_rest(&mut self) {
        if self.rest.is_empty() {
            return;
        }
        let mut block = Vec::new();
        codec::encode_values(&self.rest, &mut self.cache, &mut block);
        codec::varint::write_u64(&mut self.encoded, block.len() as u64);
        self.encoded.extend_from_slice(&block);
        self.rest.clear();
    }
}

/// Where the statistics of so many blocks are in their region.
#[derive(Debug)]
pub(super) struct Directory {
    blocks: usize,
    /// Bytes of each 1,024 of each column, column after column.
    parts: Vec<Range<usize>>,
}

impl Directory {
    pub(super) fn read(bytes: &[u8], blocks: usize) -> Result<Self> {
        let short = || Error::decode("statistics that end too early");
        let mut rest = bytes;
        let mut parts = Vec::new();
        for _ in 0..COLUMNS * blocks.div_ceil(BLOCK_SAMPLES) {
            let length = codec::varint::read_u64(&mut rest)?;
            let length = usize::try_from(length).map_err(|_| short())?;
            let start = bytes.len() - rest.len();
            rest = rest.get(length..).ok_or_else(short)?;
            parts.push(start..start + length);
        }
        if rest.is_empty() {
            return Ok(Self { blocks, parts });
        }
        Err(Error::decode("bytes after the statistics"))
    }

    /// How many times 1,024 blocks there are.
    pub(super) fn chunks(&self) -> usize {
        self.blocks.div_ceil(BLOCK_SAMPLES)
    }

    /// Replaces `out` with the statistics of the blocks from `1,024 * chunk` on, up to 1,024.
    pub(super) fn decode(
        &self,
        bytes: &[u8],
        chunk: usize,
        out: &mut Vec<BlockStats>,
    ) -> Result<()> {
        let count = samples_in_block(self.blocks, chunk);
        let mut columns: [Vec<f64>; COLUMNS] = Default::default();
        for (which, column) in columns.iter_mut().enumerate() {
            let part = self.parts.get(which * self.chunks() + chunk).cloned();
            let body = part.and_then(|part| bytes.get(part));
            let body = body.ok_or_else(|| Error::decode("statistics that are not there"))?;
            codec::decode_values(body, count, column)?;
        }
        let [counts, min, max, sum, first, last, increase] = columns;
        out.clear();
        let whole = |number: f64| if number >= 0.0 { number as u32 } else { 0 };
        for at in 0..count {
            let of = |column: &[f64]| column.get(at).copied().unwrap_or(f64::NAN);
            out.push(BlockStats {
                count: whole(of(&counts)),
                min: of(&min),
                max: of(&max),
                sum: of(&sum),
                first: of(&first),
                last: of(&last),
                increase: of(&increase),
            });
        }
        Ok(())
    }
}

impl Segment {
    /// Replaces `out` with the statistics of up to 1,024 blocks, counted over all series, from
    /// `1,024 * chunk` on.
    pub(in crate::store) fn statistics(
        &self,
        chunk: usize,
        out: &mut Vec<BlockStats>,
    ) -> Result<()> {
        let region = self.footer().statistics;
        let bytes = self.verified(region, Some(&self.statistics_verified))?;
        let decoded = self.statistics_directory(bytes).and_then(|d| d.decode(bytes, chunk, out));
        decoded.map_err(|e| e.at(self.path(), region.offset))
    }

    fn statistics_directory(&self, bytes: &[u8]) -> Result<&Directory> {
        if let Some(directory) = self.statistics_directory.get() {
            return Ok(directory);
        }
        let directory = Directory::read(bytes, self.index.columns.blocks())?;
        Ok(self.statistics_directory.get_or_init(|| directory))
    }

    /// The statistics of every block of every series, series after series.
    pub(super) fn all_statistics(&self) -> Result<Vec<BlockStats>> {
        let (mut all, mut chunk) = (Vec::new(), Vec::new());
        for at in 0..self.index.columns.blocks().div_ceil(BLOCK_SAMPLES) {
            self.statistics(at, &mut chunk)?;
            all.append(&mut chunk);
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_are_equal_bit_for_bit_but_for_those_of_nan() {
        let of = |sum: f64| BlockStats { sum, ..BlockStats::of(&[1.0, 2.0]) };
        assert!(are_equal(&of(f64::NAN), &of(-f64::NAN)));
        assert!(!are_equal(&of(0.0), &of(-0.0)));
        assert!(!are_equal(&of(f64::NAN), &of(3.0)));
    }

    #[test]
    fn statistics_come_back_chunk_by_chunk_and_damage_is_seen() {
        let of = |at: i32| BlockStats::of(&[f64::from(at), 2.5, f64::NAN, f64::from(-at)]);
        let all: Vec<BlockStats> = (0..2_500).map(of).collect();
        let mut encoded = EncodedStatistics::default();
        for block in &all {
            encoded.push(block);
        }
        let bytes = encoded.finish().concat();
        let directory = Directory::read(&bytes, all.len()).unwrap();
        assert_eq!(directory.chunks(), 3);
        let mut found = Vec::new();
        for (chunk, expected) in all.chunks(BLOCK_SAMPLES).enumerate() {
            directory.decode(&bytes, chunk, &mut found).unwrap();
            assert_eq!(found.len(), expected.len());
            assert!(found.iter().zip(expected).all(|(a, b)| are_equal(a, b)));
        }
        assert!(directory.decode(&bytes, 3, &mut found).is_err());
        assert!(Directory::read(&bytes, 3_500).is_err());
        assert!(Directory::read(&bytes, 1_000).is_err());
        assert!(Directory::read(&bytes[..bytes.len() - 1], all.len()).is_err());
    }
}
