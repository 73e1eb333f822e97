//! Where the samples of a series are in a segment: found once, then times and values are decoded
//! apart, so that series which share times can share the decoding of them.

use std::ops::Range;

use super::axes::Axis;
use super::column::samples_in_block;
use super::columns::Column;
use super::reader::Segment;
use crate::codec::{ColumnDecoder, Made};
use crate::error::{Error, Result};
use crate::kernel::{self, Arithmetic};
use crate::model::{SeriesId, TimeRange};

/// Some blocks; they are used before they have left the cache nearest but one.
const PREFETCH_BYTES: usize = 2_048;

/// Where samples of a series are in a segment.
#[derive(Debug, Clone)]
pub(in crate::store) struct Place {
    column: usize,
    axis: u32,
    pub(in crate::store) blocks: Range<usize>,
    /// The number of the column's first block among all of the segment's.
    first_block: usize,
    /// Of the whole axis.
    samples: usize,
    pub(in crate::store) first_time: i64,
    pub(in crate::store) last_time: i64,
}

/// Reads the blocks of a column one after another, each by itself.
#[derive(Debug)]
pub(in crate::store) struct ColumnReader<'a> {
    segment: &'a Segment,
    /// Where its region begins.
    offset: u64,
    block_bytes: &'a [u32],
    samples: usize,
    decoder: ColumnDecoder,
    /// The block that comes next, and where it begins.
    next: usize,
    rest: &'a [u8],
    /// All blocks.
    bytes: &'a [u8],
}

impl Place {
    /// Its blocks, each by itself.
    pub(in crate::store) fn single_blocks(&self) -> impl DoubleEndedIterator<Item = Self> + '_ {
        self.blocks.clone().map(|block| Self { blocks: block..block + 1, ..self.clone() })
    }

    /// Samples of a block.
    pub(in crate::store) fn samples_in(&self, block: usize) -> usize {
        samples_in_block(self.samples, block)
    }

    /// The number of a block among all of the segment's, as statistics count them.
    pub(in crate::store) fn statistics_row(&self, block: usize) -> usize {
        self.first_block + block
    }

    /// Whether the samples at another place of the same segment have the same times.
    pub(in crate::store) fn has_the_times_of(&self, other: &Self) -> bool {
        (self.axis, &self.blocks) == (other.axis, &other.blocks)
    }
}

impl Segment {
    /// Where the samples of a series in a range are; `None` where there are none here. `before` is
    /// the column of the series that was asked for before, and then of this one.
    #[inline]
    pub(in crate::store) fn place(
        &self,
        id: SeriesId,
        range: TimeRange,
        before: &mut usize,
    ) -> Option<Place> {
        let beside = |at: usize| self.column_at(at).filter(|c| c.id == id).map(|c| (at, c));
        let (column_at, column) = beside(*before + 1).or_else(|| self.column(id))?;
        *before = column_at;
        let axis = self.axis(&column)?;
        let blocks = axis.blocks_in(range.start.nanos(), range.end.nanos());
        let (first_time, last_time) = (axis.first_time(), axis.last_time);
        (!blocks.is_empty()).then_some(Place {
            column: column_at,
            axis: column.axis,
            blocks,
            first_block: column.first_block,
            samples: axis.samples,
            first_time,
            last_time,
        })
    }

    /// Appends the times of the blocks of a place.
    pub(in crate::store) fn append_times(&self, place: &Place, out: &mut Vec<i64>) -> Result<()> {
        let Some((_, axis)) = self.at(place) else { return Ok(()) };
        self.decode_axis(place.axis as usize, axis, place.blocks.clone(), out)
    }

    /// Appends the values of the blocks of a place.
    pub(in crate::store) fn append_values(&self, place: &Place, out: &mut Vec<f64>) -> Result<()> {
        let Some((column, axis)) = self.at(place) else { return Ok(()) };
        self.decode_column(place.column, column, axis, place.blocks.clone(), out)
    }

    /// A reader of the blocks of a place; `None` where they are computed from other columns, which
    /// are to be decoded once for all blocks.
    pub(in crate::store) fn column_reader(
        &self,
        place: &Place,
    ) -> Result<Option<ColumnReader<'_>>> {
        let Some(column) = self.column_at(place.column) else { return Ok(None) };
        if !column.sources.is_empty() {
            return Ok(None);
        }
        let region = column.region();
        let (header, bytes) = self.region_bytes(place.column, region, column.header_bytes)?;
        self.prefetch_column(place.column + 1);
        let decoder = ColumnDecoder::new(header).map_err(|e| e.at(self.path(), region.offset))?;
        Ok(Some(ColumnReader {
            segment: self,
            offset: region.offset,
            block_bytes: column.block_bytes,
            samples: place.samples,
            decoder,
            next: 0,
            rest: bytes,
            bytes,
        }))
    }

    /// Asks for the beginning of a column: whoever reads one mostly goes on to the one beside it,
    /// and would wait for its bytes once for every block.
    fn prefetch_column(&self, at: usize) {
        let Some(column) = self.column_at(at) else { return };
        let region = column.region();
        let start = region.offset as usize;
        let end = start + (region.bytes as usize).min(PREFETCH_BYTES);
        kernel::prefetch(self.file().get(start..end).unwrap_or(&[]));
    }

    /// Whether the values of a place are computed from other columns.
    pub(in crate::store) fn is_computed(&self, place: &Place) -> bool {
        self.column_at(place.column).is_some_and(|column| !column.sources.is_empty())
    }

    /// Encoded bytes of the times of a place.
    pub(in crate::store) fn time_bytes(&self, place: &Place) -> u64 {
        let blocks =
            self.at(place).and_then(|(_, axis)| axis.block_bytes.get(place.blocks.clone()));
        blocks.unwrap_or(&[]).iter().map(|bytes| u64::from(*bytes)).sum()
    }

    /// Encoded bytes of the values of a place.
    pub(in crate::store) fn value_bytes(&self, place: &Place) -> u64 {
        let lengths = self.column_at(place.column).map_or(&[][..], |column| column.block_bytes);
        let blocks = lengths.get(place.blocks.clone()).unwrap_or(&[]);
        blocks.iter().map(|bytes| u64::from(*bytes)).sum()
    }

    /// Encoded bytes of a block of values of a place.
    pub(in crate::store) fn block_bytes(&self, place: &Place, block: usize) -> u64 {
        let lengths = self.column_at(place.column).map_or(&[][..], |column| column.block_bytes);
        lengths.get(block).map_or(0, |bytes| u64::from(*bytes))
    }

    #[inline]
    fn at(&self, place: &Place) -> Option<(Column<'_>, Axis<'_>)> {
        let column = self.column_at(place.column)?;
        Some((column, self.axis(&column)?))
    }
}

impl<'a> ColumnReader<'a> {
    /// The bytes of a block, and its number of samples.
    fn block(&mut self, block: usize) -> Result<(&'a [u8], usize)> {
        let fault = || Error::decode("a block that is not there");
        if block < self.next {
            (self.next, self.rest) = (0, self.bytes);
        }
        let lengths = self.block_bytes.get(self.next..block).ok_or_else(fault)?;
        let skipped: usize = lengths.iter().map(|bytes| *bytes as usize).sum();
        let rest = self.rest.get(skipped..).ok_or_else(fault)?;
        (self.next, self.rest) = (block, rest);
        let bytes = rest.get(..self.bytes_of(block)).ok_or_else(fault)?;
        Ok((bytes, samples_in_block(self.samples, block)))
    }

    /// Bytes of a block.
    pub(in crate::store) fn bytes_of(&self, block: usize) -> usize {
        self.block_bytes.get(block).map_or(0, |bytes| *bytes as usize)
    }

    /// Which magnitude no value of a block exceeds, where it is made of whole numbers alone.
    pub(in crate::store) fn whole_max(&mut self, block: usize) -> Result<Option<u64>> {
        let (bytes, count) = self.block(block).map_err(|e| self.at(e))?;
        self.decoder.whole_max(bytes, count).map_err(|e| self.at(e))
    }

    /// Appends the values of a block.
    pub(in crate::store) fn append_values(
        &mut self,
        block: usize,
        out: &mut Vec<f64>,
    ) -> Result<()> {
        let (bytes, count) = self.block(block).map_err(|e| self.at(e))?;
        self.decoder.decode_block(bytes, count, out).map_err(|e| self.at(e))
    }

    /// Appends the integers of a block, if `wanted` arithmetic makes values of them.
    pub(in crate::store) fn append_integers(
        &mut self,
        block: usize,
        wanted: impl Fn(Arithmetic) -> bool,
        out: &mut Vec<i32>,
    ) -> Result<Option<Made>> {
        let (bytes, count) = self.block(block).map_err(|e| self.at(e))?;
        self.decoder.decode_integers(bytes, count, wanted, out).map_err(|e| self.at(e))
    }

    fn at(&self, error: Error) -> Error {
        error.at(self.segment.path(), self.offset)
    }
}
