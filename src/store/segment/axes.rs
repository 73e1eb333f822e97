//! Where the time axes of a segment are, packed like its [columns](super::columns).

use super::columns::Offset;
use super::format::Region;
use crate::error::{Error, Result};

#[derive(Debug, Default, PartialEq)]
pub(super) struct Axes {
    entries: Vec<Entry>,
    /// First time of every block of all axes, axis after axis; and the bytes of each.
    block_starts: Vec<i64>,
    block_bytes: Vec<u32>,
}

#[derive(Debug, PartialEq)]
struct Entry {
    last_time: i64,
    samples: usize,
    offset: Offset,
    /// The number of its first block among all.
    first_block: u32,
}

/// A column of times, shared by the series that have it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Axis<'a> {
    offset: Offset,
    pub(super) samples: usize,
    pub(super) last_time: i64,
    pub(super) block_starts: &'a [i64],
    pub(super) block_bytes: &'a [u32],
}

impl Axes {
    /// Adds an axis. First times and lengths of its blocks come as pairs.
    pub(super) fn push(
        &mut self,
        region: Region,
        (samples, last_time): (usize, i64),
        blocks: impl IntoIterator<Item = Result<(i64, u32)>>,
    ) -> Result<()> {
        let first_block = self.block_bytes.len();
        let first_block =
            u32::try_from(first_block).map_err(|_| Error::decode("over 4 billion blocks"))?;
        let mut length = 0;
        for block in blocks {
            let (start, bytes) = block?;
            length += u64::from(bytes);
            self.block_starts.push(start);
            self.block_bytes.push(bytes);
        }
        region.check_length(length)?;
        let offset = Offset::new(region.offset)?;
        self.entries.push(Entry { last_time, samples, offset, first_block });
        Ok(())
    }

    /// It stays in memory as long as its segment.
    pub(super) fn end(&mut self) {
        self.entries.shrink_to_fit();
        self.block_starts.shrink_to_fit();
        self.block_bytes.shrink_to_fit();
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    #[inline]
    pub(super) fn get(&self, at: usize) -> Option<Axis<'_>> {
        let Entry { last_time, samples, offset, first_block } = self.entries.get(at)?;
        let next = self.entries.get(at + 1).map(|next| next.first_block as usize);
        let blocks = *first_block as usize..next.unwrap_or(self.block_bytes.len());
        Some(Axis {
            offset: *offset,
            samples: *samples,
            last_time: *last_time,
            block_starts: self.block_starts.get(blocks.clone())?,
            block_bytes: self.block_bytes.get(blocks)?,
        })
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Axis<'_>> {
        (0..self.len()).filter_map(|at| self.get(at))
    }
}

impl Axis<'_> {
    #[inline]
    pub(super) fn region(&self) -> Region {
        let bytes = self.block_bytes.iter().map(|bytes| u64::from(*bytes)).sum();
        Region { offset: self.offset.bytes(), bytes }
    }

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
