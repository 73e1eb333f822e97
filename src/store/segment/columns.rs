//! Where the columns of a segment are, packed: each open segment keeps an entry for each of its
//! columns in memory, and there are many.
//!
//! In: series and their columns, in the order of the file. Out: a [`Column`], made of its entry
//! when it is asked for. Never: a number that follows from others: columns of one series follow
//! each other and have as many blocks, and a region is as long as what is in it.

use super::format::{ALIGN_BYTES, BUCKET_FIELDS, Region};
use crate::error::{Error, Result};
use crate::model::SeriesId;

#[derive(Debug, Default, PartialEq)]
pub(super) struct Columns {
    /// Whether each series has the fields of its buckets, and not one column of samples.
    are_fields: bool,
    series: Vec<Series>,
    starts: Vec<Start>,
    /// Bytes of every block of all columns, column after column.
    block_bytes: Vec<u32>,
    /// The columns that are computed, in their order, and from which series each is.
    computed: Vec<(u32, Box<[SeriesId]>)>,
}

#[derive(Debug, PartialEq)]
struct Series {
    id: SeriesId,
    axis: u32,
    /// The number of its first block among all.
    first_block: u32,
}

#[derive(Debug, PartialEq)]
struct Start {
    offset: Offset,
    header_bytes: u32,
}

/// Where a region begins, in steps of [`ALIGN_BYTES`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Offset(u32);

/// A column of values of one series.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column<'a> {
    pub(super) id: SeriesId,
    pub(super) axis: u32,
    offset: Offset,
    /// Of what stands before the blocks.
    pub(super) header_bytes: u32,
    /// The series from which it is computed, on the same axis and not computed themselves; mostly
    /// none.
    pub(super) sources: &'a [SeriesId],
    /// The number of its first block among all.
    pub(super) first_block: usize,
    pub(super) block_bytes: &'a [u32],
}

impl Offset {
    /// Fails where a region begins beyond 256 GiB, or where none may.
    pub(super) fn new(bytes: u64) -> Result<Self> {
        let align = ALIGN_BYTES as u64;
        if bytes.is_multiple_of(align)
            && let Ok(steps) = u32::try_from(bytes / align)
        {
            return Ok(Self(steps));
        }
        Err(Error::decode(format!("a region at byte {bytes}: none begins there")))
    }

    pub(super) fn bytes(self) -> u64 {
        u64::from(self.0) * ALIGN_BYTES as u64
    }
}

impl Column<'_> {
    /// The header, then the blocks.
    #[inline]
    pub(super) fn region(&self) -> Region {
        let blocks: u64 = self.block_bytes.iter().map(|bytes| u64::from(*bytes)).sum();
        Region { offset: self.offset.bytes(), bytes: u64::from(self.header_bytes) + blocks }
    }
}

impl Columns {
    /// None yet; room for so many, of samples or of the fields of buckets.
    pub(super) fn with_capacity(are_fields: bool, columns: usize) -> Self {
        let fields = if are_fields { BUCKET_FIELDS } else { 1 };
        Self {
            are_fields,
            series: Vec::with_capacity(columns.div_ceil(fields)),
            starts: Vec::with_capacity(columns),
            block_bytes: Vec::with_capacity(columns),
            computed: Vec::new(),
        }
    }

    /// Adds a column, behind the others of its series, with which it has as many blocks.
    pub(super) fn push(
        &mut self,
        (id, axis): (SeriesId, u32),
        (region, header_bytes): (Region, u32),
        block_bytes: impl IntoIterator<Item = Result<u32>>,
        sources: &[SeriesId],
    ) -> Result<()> {
        let too_many = |_| Error::decode("over 4 billion blocks");
        let first_block = self.block_bytes.len();
        let mut length = u64::from(header_bytes);
        for bytes in block_bytes {
            let bytes = bytes?;
            length += u64::from(bytes);
            self.block_bytes.push(bytes);
        }
        region.check_length(length)?;
        let (_, field) = self.place(self.starts.len());
        if field == 0 {
            let first_block = u32::try_from(first_block).map_err(too_many)?;
            self.series.push(Series { id, axis, first_block });
        }
        let of = self.series.last().map(|series| (series.id, series.axis));
        if of != Some((id, axis)) || (self.are_fields && !sources.is_empty()) {
            return Err(Error::decode("a series of rollups that lacks fields"));
        }
        if !sources.is_empty() {
            let at = u32::try_from(self.starts.len()).map_err(too_many)?;
            self.computed.push((at, sources.into()));
        }
        self.starts.push(Start { offset: Offset::new(region.offset)?, header_bytes });
        Ok(())
    }

    /// Fails where the last series lacks fields. What is left stays in memory as long as its
    /// segment.
    pub(super) fn end(&mut self) -> Result<()> {
        self.series.shrink_to_fit();
        self.starts.shrink_to_fit();
        self.block_bytes.shrink_to_fit();
        self.computed.shrink_to_fit();
        match self.place(self.starts.len()) {
            (_, 0) => Ok(()),
            _ => Err(Error::decode("a series of rollups that lacks fields")),
        }
    }

    /// Columns of all series.
    pub(super) fn len(&self) -> usize {
        self.starts.len()
    }

    /// Blocks of all columns.
    pub(super) fn blocks(&self) -> usize {
        self.block_bytes.len()
    }

    /// The series, in the order of the file.
    pub(super) fn series(&self) -> impl ExactSizeIterator<Item = SeriesId> {
        self.series.iter().map(|series| series.id)
    }

    /// The series at a place among them.
    #[inline]
    pub(super) fn id(&self, series: usize) -> Option<SeriesId> {
        self.series.get(series).map(|series| series.id)
    }

    /// Where the columns of a series begin.
    pub(super) fn first_of(&self, series: usize) -> usize {
        if self.are_fields { series * BUCKET_FIELDS } else { series }
    }

    #[inline]
    pub(super) fn get(&self, at: usize) -> Option<Column<'_>> {
        let (series, field) = self.place(at);
        let Start { offset, header_bytes } = self.starts.get(at)?;
        let next = self.series.get(series + 1).map(|next| next.first_block as usize);
        let Series { id, axis, first_block } = self.series.get(series)?;
        let all = next.unwrap_or(self.block_bytes.len()) - *first_block as usize;
        let blocks = if self.are_fields { all / BUCKET_FIELDS } else { all };
        let first_block = *first_block as usize + field * blocks;
        Some(Column {
            id: *id,
            axis: *axis,
            offset: *offset,
            header_bytes: *header_bytes,
            sources: self.sources(at),
            first_block,
            block_bytes: self.block_bytes.get(first_block..first_block + blocks)?,
        })
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Column<'_>> {
        (0..self.len()).filter_map(|at| self.get(at))
    }

    /// The series of a column, and which of its columns it is.
    #[inline]
    fn place(&self, at: usize) -> (usize, usize) {
        if self.are_fields { (at / BUCKET_FIELDS, at % BUCKET_FIELDS) } else { (at, 0) }
    }

    #[inline]
    fn sources(&self, at: usize) -> &[SeriesId] {
        if self.computed.is_empty() {
            return &[];
        }
        let found = self.computed.binary_search_by_key(&at, |(column, _)| *column as usize);
        found.ok().and_then(|found| self.computed.get(found)).map_or(&[], |(_, sources)| sources)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One column after another: id, axis, offset, bytes of its header, of its blocks, sources.
    type Plain = (u32, u32, u64, u32, Vec<u32>, Vec<SeriesId>);

    fn packed(are_fields: bool, all: &[Plain]) -> Result<Columns> {
        let mut columns = Columns::with_capacity(are_fields, all.len());
        for (id, axis, offset, header, blocks, sources) in all {
            let bytes = u64::from(header + blocks.iter().sum::<u32>());
            let region = Region { offset: *offset, bytes };
            let blocks = blocks.iter().map(|bytes| Ok(*bytes));
            columns.push((SeriesId(*id), *axis), (region, *header), blocks, sources)?;
        }
        columns.end()?;
        Ok(columns)
    }

    fn unpacked(columns: &Columns) -> Vec<Plain> {
        let mut first_block = 0;
        let plain = |column: Column<'_>| {
            assert_eq!(column.first_block, first_block);
            first_block += column.block_bytes.len();
            let Region { offset, bytes } = column.region();
            let blocks = column.block_bytes.to_vec();
            assert_eq!(bytes, u64::from(column.header_bytes + blocks.iter().sum::<u32>()));
            let Column { id, axis, header_bytes, sources, .. } = column;
            (id.0, axis, offset, header_bytes, blocks, sources.to_vec())
        };
        columns.iter().map(plain).collect()
    }

    /// The fields of two series, of three buckets' blocks and of one.
    fn fields() -> Vec<Plain> {
        let of = |id: u32, blocks: u32| {
            (0..BUCKET_FIELDS as u32).map(move |at| {
                let lengths = (0..blocks).map(|block| 10 * at + block).collect();
                (id, id + 1, u64::from(id * 100 + at) * 64, at % 3, lengths, Vec::new())
            })
        };
        of(9, 3).chain(of(3, 1)).collect()
    }

    #[test]
    fn columns_come_back_as_they_went_in() {
        // The last begins at the last place that is told.
        let last = u64::from(u32::MAX) * ALIGN_BYTES as u64;
        let samples: Vec<Plain> = vec![
            (7, 0, 64, 0, vec![5, 6], vec![]),
            (2, 1, 192, 12, vec![9], vec![SeriesId(7), SeriesId(4)]),
            (4, 2, 256, 3, vec![1, 0, 2], vec![]),
            (5, 1, last, 1, vec![8], vec![SeriesId(4)]),
        ];
        let columns = packed(false, &samples).unwrap();
        assert_eq!(unpacked(&columns), samples);
        assert_eq!((columns.blocks(), columns.first_of(3)), (7, 3));
        assert_eq!(columns.series().map(|id| id.0).collect::<Vec<_>>(), [7, 2, 4, 5]);
        let columns = packed(true, &fields()).unwrap();
        assert_eq!(unpacked(&columns), fields());
        assert_eq!((columns.blocks(), columns.first_of(1)), (36, 9));
        assert_eq!(columns.series().map(|id| id.0).collect::<Vec<_>>(), [9, 3]);
        assert!(columns.get(18).is_none());
    }

    #[test]
    fn a_series_without_all_its_fields_is_damage_and_so_is_a_place_where_none_begins() {
        let wrong = |change: fn(&mut Vec<Plain>)| {
            let mut all = fields();
            change(&mut all);
            packed(true, &all).unwrap_err().to_string()
        };
        let lacks = "cannot decode: a series of rollups that lacks fields";
        assert_eq!(wrong(|all| all.truncate(17)), lacks);
        assert_eq!(wrong(|all| drop(all.remove(4))), lacks);
        assert_eq!(wrong(|all| all[12].0 = 8), lacks);
        assert_eq!(wrong(|all| all[12].1 = 8), lacks);
        assert_eq!(wrong(|all| all[12].5.push(SeriesId(9))), lacks);
        assert!(wrong(|all| all[12].2 = 65).contains("at byte 65"));
        assert!(wrong(|all| all[12].2 = 1 << 38).contains("none begins there"));
    }
}
