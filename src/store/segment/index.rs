//! The index of a segment: which time axes and which series it holds, and where.
//!
//! Bytes (all varints): the number of axes, then per axis its region's offset (as the distance
//! from the end of the region before it), bytes, samples, its last time (zigzag), and per block its
//! first time (zigzag of the difference to the one before) and its bytes; then the number of
//! series, then per series its id, axis, region's offset and bytes in the same way, and per block
//! its bytes. Series are in metric-major order.

use super::format::{Region, padded_bytes};
use crate::codec::varint::{read_i64, read_u64, write_i64, write_u64};
use crate::error::{Error, Result};
use crate::model::SeriesId;
use crate::model::limits::BLOCK_SAMPLES;

#[derive(Debug, Default, PartialEq)]
pub(super) struct Index {
    pub(super) axes: Vec<Axis>,
    pub(super) series: Vec<Column>,
}

/// A column of times, shared by the series that have it.
#[derive(Debug, PartialEq)]
pub(super) struct Axis {
    pub(super) region: Region,
    pub(super) samples: usize,
    pub(super) last_time: i64,
    pub(super) block_starts: Vec<i64>,
    pub(super) block_bytes: Vec<u32>,
}

/// A column of values of one series.
#[derive(Debug, PartialEq)]
pub(super) struct Column {
    pub(super) id: SeriesId,
    pub(super) axis: usize,
    pub(super) region: Region,
    pub(super) block_bytes: Vec<u32>,
    /// Number of its first block, counted over all series before it; derived.
    pub(super) first_block: usize,
}

impl Index {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut at = 0;
        write_u64(&mut out, self.axes.len() as u64);
        for axis in &self.axes {
            write_region(&mut out, &mut at, axis.region);
            write_u64(&mut out, axis.samples as u64);
            write_i64(&mut out, axis.last_time);
            let mut before = 0_i64;
            for (start, bytes) in axis.block_starts.iter().zip(&axis.block_bytes) {
                write_i64(&mut out, start.wrapping_sub(before));
                write_u64(&mut out, u64::from(*bytes));
                before = *start;
            }
        }
        write_u64(&mut out, self.series.len() as u64);
        let mut at = 0;
        for column in &self.series {
            write_u64(&mut out, u64::from(column.id.0));
            write_u64(&mut out, column.axis as u64);
            write_region(&mut out, &mut at, column.region);
            for bytes in &column.block_bytes {
                write_u64(&mut out, u64::from(*bytes));
            }
        }
        out
    }

    /// Reads an index; numbers that contradict each other are errors.
    pub(super) fn decode(mut bytes: &[u8]) -> Result<Self> {
        let input = &mut bytes;
        let mut index = Self::default();
        let mut at = 0;
        for _ in 0..read_u64(input)? {
            index.axes.push(read_axis(input, &mut at)?);
        }
        let (mut at, mut first_block) = (0, 0);
        for _ in 0..read_u64(input)? {
            let column = read_column(input, &index.axes, &mut at, first_block)?;
            first_block += column.block_bytes.len();
            index.series.push(column);
        }
        if !input.is_empty() {
            return Err(Error::decode(format!("{} bytes after the index", input.len())));
        }
        Ok(index)
    }

    /// Blocks of all series together.
    pub(super) fn blocks(&self) -> usize {
        self.series.last().map_or(0, |c| c.first_block + c.block_bytes.len())
    }
}

impl Axis {
    /// The blocks that may hold times in `[start, end)`.
    pub(super) fn blocks_in(&self, start: i64, end: i64) -> std::ops::Range<usize> {
        let from = self.block_starts.partition_point(|first| *first <= start).saturating_sub(1);
        let to = self.block_starts.partition_point(|first| *first < end);
        if self.last_time < start { 0..0 } else { from..to.max(from) }
    }

    pub(super) fn first_time(&self) -> i64 {
        self.block_starts.first().copied().unwrap_or(self.last_time)
    }
}

fn write_region(out: &mut Vec<u8>, at: &mut u64, region: Region) {
    write_u64(out, region.offset.wrapping_sub(*at));
    write_u64(out, region.bytes);
    *at = region.offset + padded_bytes(region.bytes);
}

fn read_region(input: &mut &[u8], at: &mut u64) -> Result<Region> {
    let distance = read_u64(input)?;
    let bytes = read_u64(input)?;
    let offset = at.checked_add(distance);
    let end = offset.and_then(|offset| offset.checked_add(bytes.checked_add(128)?));
    let (Some(offset), Some(_)) = (offset, end) else {
        return Err(Error::decode("a region beyond the end of all files"));
    };
    *at = offset + padded_bytes(bytes);
    Ok(Region { offset, bytes })
}

fn read_axis(input: &mut &[u8], at: &mut u64) -> Result<Axis> {
    let region = read_region(input, at)?;
    let samples = read_count(input)?;
    let last_time = read_i64(input)?;
    let (mut block_starts, mut block_bytes) = (Vec::new(), Vec::new());
    let mut before = 0_i64;
    for block in 0..samples.div_ceil(BLOCK_SAMPLES) {
        let start = before.wrapping_add(read_i64(input)?);
        if (block > 0 && start <= before) || start > last_time {
            return Err(Error::decode("an axis whose blocks are not in order of time"));
        }
        before = start;
        block_starts.push(start);
        block_bytes.push(read_block_bytes(input)?);
    }
    check_region(region, &block_bytes)?;
    Ok(Axis { region, samples, last_time, block_starts, block_bytes })
}

fn read_column(
    input: &mut &[u8],
    axes: &[Axis],
    at: &mut u64,
    first_block: usize,
) -> Result<Column> {
    let id = u32::try_from(read_u64(input)?);
    let id = SeriesId(id.map_err(|_| Error::decode("a series id over 32 bits"))?);
    let axis = usize::try_from(read_u64(input)?).unwrap_or(usize::MAX);
    let blocks = axes.get(axis).ok_or_else(|| Error::decode("a series without axis"))?;
    let region = read_region(input, at)?;
    let mut block_bytes = Vec::with_capacity(blocks.block_bytes.len());
    for _ in 0..blocks.block_bytes.len() {
        block_bytes.push(read_block_bytes(input)?);
    }
    check_region(region, &block_bytes)?;
    Ok(Column { id, axis, region, block_bytes, first_block })
}

fn read_count(input: &mut &[u8]) -> Result<usize> {
    match usize::try_from(read_u64(input)?) {
        // Each block costs at least two bytes of index, so a larger number is damage.
        Ok(count) if count > 0 && count / BLOCK_SAMPLES <= input.len() => Ok(count),
        _ => Err(Error::decode("an axis with an impossible number of samples")),
    }
}

fn read_block_bytes(input: &mut &[u8]) -> Result<u32> {
    u32::try_from(read_u64(input)?).map_err(|_| Error::decode("a block over 4 GiB"))
}

fn check_region(region: Region, block_bytes: &[u32]) -> Result<()> {
    let sum: u64 = block_bytes.iter().map(|b| u64::from(*b)).sum();
    if sum == region.bytes {
        return Ok(());
    }
    Err(Error::decode(format!("blocks of {sum} bytes in a region of {}", region.bytes)))
}
