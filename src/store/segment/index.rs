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

use super::axes::Axes;
use super::columns::{Column, Columns};
use super::format::{Region, padded_bytes};
use crate::codec::varint::{read_i64, read_u64, write_i64, write_u64};
use crate::error::{Error, Result};
use crate::model::SeriesId;
use crate::model::limits::BLOCK_SAMPLES;

/// Series from which one is computed, at most.
const SOURCES_MAX: u64 = 2;
/// Bytes of a column in an index, at least.
const COLUMN_BYTES_MIN: usize = 7;

#[derive(Debug, Default, PartialEq)]
pub(super) struct Index {
    pub(super) axes: Axes,
    pub(super) columns: Columns,
    /// The sketches of each series' buckets, or none of any.
    pub(super) sketches: Vec<Sketches>,
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
        for axis in self.axes.iter() {
            write_region(&mut out, &mut at, axis.region());
            write_u64(&mut out, axis.samples as u64);
            write_i64(&mut out, axis.last_time);
            let mut before = 0_i64;
            for (start, bytes) in axis.block_starts.iter().zip(axis.block_bytes) {
                write_i64(&mut out, start.wrapping_sub(before));
                write_u64(&mut out, u64::from(*bytes));
                before = *start;
            }
        }
        write_u64(&mut out, self.columns.len() as u64);
        let mut at = 0;
        for column in self.columns.iter() {
            write_u64(&mut out, u64::from(column.id.0));
            write_u64(&mut out, u64::from(column.axis));
            write_region(&mut out, &mut at, column.region());
            write_u64(&mut out, u64::from(column.header_bytes));
            write_u64(&mut out, column.sources.len() as u64);
            for source in column.sources {
                write_u64(&mut out, u64::from(source.0));
            }
            for bytes in column.block_bytes {
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

    /// Reads an index, of samples or of the fields of buckets; numbers that contradict each other
    /// are errors.
    pub(super) fn decode(mut bytes: &[u8], are_fields: bool) -> Result<Self> {
        let input = &mut bytes;
        let axes = read_axes(input)?;
        let columns = read_columns(input, &axes, are_fields)?;
        let sketches = read_sketches(input)?;
        if !input.is_empty() {
            return Err(Error::decode(format!("{} bytes after the index", input.len())));
        }
        let index = Self { axes, columns, sketches };
        index.check_sources()?;
        Ok(index)
    }

    /// Every source is here, on the axis of what is computed from it, and not computed itself.
    fn check_sources(&self) -> Result<()> {
        let derived = || self.columns.iter().filter(|column| !column.sources.is_empty());
        if derived().next().is_none() {
            return Ok(());
        }
        let stored = self.columns.iter().filter(|column| column.sources.is_empty());
        let axes: HashMap<SeriesId, u32> = stored.map(|column| (column.id, column.axis)).collect();
        let fits = |column: &Column<'_>| {
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

fn read_axes(input: &mut &[u8]) -> Result<Axes> {
    let mut axes = Axes::default();
    let mut at = 0;
    for _ in 0..read_u64(input)? {
        let region = read_region(input, &mut at)?;
        let samples = read_count(input)?;
        let last_time = read_i64(input)?;
        let mut before = None;
        let blocks = (0..samples.div_ceil(BLOCK_SAMPLES)).map(|_| {
            let start = before.unwrap_or(0_i64).wrapping_add(read_i64(input)?);
            if before.is_some_and(|before| start <= before) || start > last_time {
                return Err(Error::decode("an axis whose blocks are not in order of time"));
            }
            before = Some(start);
            Ok((start, read_block_bytes(input)?))
        });
        axes.push(region, (samples, last_time), blocks)?;
    }
    axes.end();
    Ok(axes)
}

fn read_columns(input: &mut &[u8], axes: &Axes, are_fields: bool) -> Result<Columns> {
    let count = read_u64(input)?;
    // No number of the file sizes what its own bytes could not fill.
    let room = usize::try_from(count).unwrap_or(usize::MAX).min(input.len() / COLUMN_BYTES_MIN);
    let mut columns = Columns::with_capacity(are_fields, room);
    let mut at = 0;
    for _ in 0..count {
        let id = read_id(input)?;
        let axis = u32::try_from(read_u64(input)?).unwrap_or(u32::MAX);
        let on = axes.get(axis as usize).ok_or_else(|| Error::decode("a series without axis"))?;
        let region = read_region(input, &mut at)?;
        let header_bytes = read_block_bytes(input)?;
        let sources: Vec<SeriesId> = match read_u64(input)? {
            count @ 0..=SOURCES_MAX => (0..count).map(|_| read_id(input)).collect::<Result<_>>()?,
            count => return Err(Error::decode(format!("a series computed from {count} others"))),
        };
        let blocks = on.block_bytes.iter().map(|_| read_block_bytes(input));
        columns.push((id, axis), (region, header_bytes), blocks, &sources)?;
    }
    columns.end()?;
    Ok(columns)
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::format::BUCKET_FIELDS;
    use super::*;

    /// Two series on an axis of three blocks and one on another, of samples or of buckets.
    fn index(are_fields: bool) -> Index {
        let mut at = 64;
        let mut region = |bytes| {
            let region = Region { offset: at, bytes };
            at += padded_bytes(bytes);
            region
        };
        let mut axes = Axes::default();
        axes.push(region(60), (2_500, 90), [Ok((-7, 10)), Ok((3, 20)), Ok((80, 30))]).unwrap();
        axes.push(region(5), (1, 4), [Ok((4, 5))]).unwrap();
        let mut columns = Columns::with_capacity(are_fields, 0);
        let mut sketches = Vec::new();
        for (id, axis, blocks) in [(9, 0, vec![4, 5, 6]), (2, 0, vec![1, 0, 300]), (3, 1, vec![7])]
        {
            for _ in 0..if are_fields { BUCKET_FIELDS } else { 1 } {
                let is_computed = id == 2 && !are_fields;
                let sources = if is_computed { vec![SeriesId(9)] } else { Vec::new() };
                let region = region(11 + blocks.iter().map(|bytes| u64::from(*bytes)).sum::<u64>());
                let blocks = blocks.iter().map(|bytes| Ok(*bytes));
                columns.push((SeriesId(id), axis), (region, 11), blocks, &sources).unwrap();
            }
            if are_fields {
                sketches.push(Sketches { region: region(40), pairs: 12 });
            }
        }
        Index { axes, columns, sketches }
    }

    #[test]
    fn an_index_comes_back_and_one_that_is_cut_does_not() {
        for are_fields in [false, true] {
            let bytes = index(are_fields).encode();
            assert_eq!(Index::decode(&bytes, are_fields).unwrap(), index(are_fields));
            assert!(are_fields || Index::decode(&bytes, true).is_err());
            for end in 0..bytes.len() {
                // Sketches may be left out whole.
                let is_whole = Index::decode(&bytes[..end], are_fields)
                    .is_ok_and(|found| !(are_fields && found.sketches.is_empty()));
                assert!(!is_whole, "{end} bytes of {}", bytes.len());
            }
        }
    }

    proptest! {
        #[test]
        fn hostile_bytes_are_an_error_or_the_index_that_they_are_of(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            flips in prop::collection::vec((any::<u16>(), 0_u8..8), 1..4),
            are_fields in any::<bool>(),
        ) {
            let mut flipped = index(are_fields).encode();
            for (at, bit) in flips {
                let at = usize::from(at) % flipped.len();
                flipped[at] ^= 1 << bit;
            }
            for bytes in [bytes, flipped] {
                if let Ok(found) = Index::decode(&bytes, are_fields) {
                    prop_assert_eq!(found.encode(), bytes);
                    prop_assert_eq!(found.columns.iter().count(), found.columns.len());
                }
            }
        }
    }
}
