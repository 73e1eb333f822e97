//! Where the samples of a series are in a segment: found once, then times and values are decoded
//! apart, so that series which share times can share the decoding of them.

use std::ops::Range;

use super::index::{Axis, Column};
use super::reader::Segment;
use crate::error::Result;
use crate::model::{SeriesId, TimeRange};

/// Where samples of a series are in a segment.
#[derive(Debug, Clone)]
pub(in crate::store) struct Place {
    column: usize,
    axis: u32,
    blocks: Range<usize>,
    /// Of the whole axis.
    pub(in crate::store) first_time: i64,
    pub(in crate::store) last_time: i64,
}

impl Place {
    /// Its blocks, each by itself.
    pub(in crate::store) fn single_blocks(&self) -> impl DoubleEndedIterator<Item = Self> + '_ {
        self.blocks.clone().map(|block| Self { blocks: block..block + 1, ..self.clone() })
    }

    /// Whether the samples at another place of the same segment have the same times.
    pub(in crate::store) fn has_the_times_of(&self, other: &Self) -> bool {
        (self.axis, &self.blocks) == (other.axis, &other.blocks)
    }
}

impl Segment {
    /// Where the samples of a series in a range are; `None` where there are none here.
    pub(in crate::store) fn place(&self, id: SeriesId, range: TimeRange) -> Option<Place> {
        let (column_at, column) = self.column(id)?;
        let axis = self.axis(column)?;
        let blocks = axis.blocks_in(range.start.nanos(), range.end.nanos());
        let (first_time, last_time) = (axis.first_time(), axis.last_time);
        (!blocks.is_empty()).then_some(Place {
            column: column_at,
            axis: column.axis,
            blocks,
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

    fn at(&self, place: &Place) -> Option<(&Column, &Axis)> {
        let column = self.column_at(place.column)?;
        Some((column, self.axis(column)?))
    }
}
