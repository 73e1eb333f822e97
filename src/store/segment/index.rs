//! The index of a segment: which time axes and which series it holds, and where.
//!
//! Bytes (all varints): the number of axes, then per axis its region's offset (as the distance
//! from the end of the region before it), bytes, samples, its last time (zigzag), and per block its
//! first time (zigzag of the difference to the one before) and its bytes; then the number of
//! series, then per series its id, axis, region's offset and bytes in the same way, the bytes of
//! its header, the number of series it is computed from and their ids, and per block its bytes.
//! Series are in metric-major order. Where their buckets have sketches, the number of series
//! follows, and per series its sketches' region and the number of bins that are stored.

use std::collections::HashMap;

use super::format::{Region, padded_bytes};
use crate::codec::varint::{read_i64, read_u64, write_i64, write_u64};
use crate::error::{Error, Result};
use crate::model::SeriesId;
use crate::model::limits::BLOCK_SAMPLES;

/// Series from which one is computed, at most.
const SOURCES_MAX: u64 = 2;

#[derive(Debug, Default, PartialEq)]
pub(super) struct Index {
    pub(super) axes: Vec<Axis>,
    pub(super) series: Vec<Column>,
    /// Bytes of every block of all series, series after series.
    pub(super) block_bytes: Vec<u32>,
    /// The sketches of each series' buckets, or none of any.
    pub(super) sketches: Vec<Sketches>,
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

/// A column of values of one series. There is one for each series of each segment in memory, so it
/// is kept small.
#[derive(Debug, PartialEq)]
pub(super) struct Column {
    pub(super) id: SeriesId,
    pub(super) axis: u32,
    /// The header, then the blocks.
    pub(super) region: Region,
    /// The series from which it is computed, on the same axis and not computed themselves; mostly
    /// none.
    pub(super) sources: Box<[SeriesId]>,
    pub(super) header_bytes: u32,
    /// Its blocks' numbers, counted over all series; derived.
    pub(super) first_block: u32,
    pub(super) blocks: u32,
}

/// The sketches of the buckets of one series.
#[derive(Debug, PartialEq)]
pub(super) struct Sketches {
    pub(super) region: Region,
    /// Bins of all sketches but the last of each.
    pub(super) pairs: u64,
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
            write_u64(&mut out, u64::from(column.axis));
            write_region(&mut out, &mut at, column.region);
            write_u64(&mut out, u64::from(column.header_bytes));
            write_u64(&mut out, column.sources.len() as u64);
            for source in &*column.sources {
                write_u64(&mut out, u64::from(source.0));
            }
            for bytes in self.blocks_of(column) {
                write_u64(&mut out, u64::from(*bytes));
            }
        }
        if !self.sketches.is_empty() {
            write_u64(&mut out, self.sketches.len() as u64);
            let mut at = 0;
            for Sketches { region, pairs } in &self.sketches {
                write_region(&mut out, &mut at, *region);
                write_u64(&mut out, *pairs);
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
        let mut at = 0;
        for _ in 0..read_u64(input)? {
            let column = read_column(input, &index.axes, &mut at, &mut index.block_bytes)?;
            index.series.push(column);
        }
        index.sketches = read_sketches(input)?;
        if !input.is_empty() {
            return Err(Error::decode(format!("{} bytes after the index", input.len())));
        }
        index.check_sources()?;
        // It stays in memory as long as its segment.
        index.series.shrink_to_fit();
        index.block_bytes.shrink_to_fit();
        index.sketches.shrink_to_fit();
        Ok(index)
    }

    /// Every source is here, on the axis of what is computed from it, and not computed itself.
    fn check_sources(&self) -> Result<()> {
        let derived = || self.series.iter().filter(|column| !column.sources.is_empty());
        if derived().next().is_none() {
            return Ok(());
        }
        let stored = self.series.iter().filter(|column| column.sources.is_empty());
        let axes: HashMap<SeriesId, u32> = stored.map(|column| (column.id, column.axis)).collect();
        let fits = |column: &Column| {
            column.sources.iter().all(|source| axes.get(source) == Some(&column.axis))
        };
        match derived().find(|column| !fits(column)) {
            None => Ok(()),
            Some(column) => {
                let id = column.id.0;
                Err(Error::decode(format!("series {id} is computed from what is not there")))
            }
        }
    }

    /// Blocks of all series together.
    pub(super) fn blocks(&self) -> usize {
        self.block_bytes.len()
    }

    /// The bytes of each block of a column of this index.
    pub(super) fn blocks_of(&self, column: &Column) -> &[u32] {
        let first = column.first_block as usize;
        self.block_bytes.get(first..first + column.blocks as usize).unwrap_or(&[])
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
    check_region(region, 0, &block_bytes)?;
    Ok(Axis { region, samples, last_time, block_starts, block_bytes })
}

fn read_column(
    input: &mut &[u8],
    axes: &[Axis],
    at: &mut u64,
    block_bytes: &mut Vec<u32>,
) -> Result<Column> {
    let id = read_id(input)?;
    let axis = u32::try_from(read_u64(input)?).unwrap_or(u32::MAX);
    let blocks = axes.get(axis as usize).ok_or_else(|| Error::decode("a series without axis"))?;
    let blocks = blocks.block_bytes.len();
    let region = read_region(input, at)?;
    let header_bytes = read_block_bytes(input)?;
    let sources = match read_u64(input)? {
        count @ 0..=SOURCES_MAX => (0..count).map(|_| read_id(input)).collect::<Result<_>>()?,
        count => return Err(Error::decode(format!("a series computed from {count} others"))),
    };
    let first = block_bytes.len();
    for _ in 0..blocks {
        block_bytes.push(read_block_bytes(input)?);
    }
    check_region(region, header_bytes, block_bytes.get(first..).unwrap_or(&[]))?;
    let too_many = |_| Error::decode("over 4 billion blocks");
    let first_block = u32::try_from(first).map_err(too_many)?;
    let blocks = u32::try_from(blocks).map_err(too_many)?;
    Ok(Column { id, axis, region, sources, header_bytes, first_block, blocks })
}

/// None where nothing is left.
fn read_sketches(input: &mut &[u8]) -> Result<Vec<Sketches>> {
    let mut all = Vec::new();
    if input.is_empty() {
        return Ok(all);
    }
    let count = read_u64(input)?;
    if count == 0 {
        return Err(Error::decode("sketches of no series"));
    }
    let mut at = 0;
    for _ in 0..count {
        let region = read_region(input, &mut at)?;
        all.push(Sketches { region, pairs: read_u64(input)? });
    }
    Ok(all)
}

fn read_id(input: &mut &[u8]) -> Result<SeriesId> {
    let id = u32::try_from(read_u64(input)?);
    Ok(SeriesId(id.map_err(|_| Error::decode("a series id over 32 bits"))?))
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

fn check_region(region: Region, header_bytes: u32, block_bytes: &[u32]) -> Result<()> {
    let blocks: u64 = block_bytes.iter().map(|b| u64::from(*b)).sum();
    let sum = blocks + u64::from(header_bytes);
    if sum == region.bytes {
        return Ok(());
    }
    Err(Error::decode(format!("blocks of {sum} bytes in a region of {}", region.bytes)))
}
