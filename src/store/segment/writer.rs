//! Writes one segment, front to back: columns as they come, then statistics, index, footer,
//! trailer.

use std::collections::HashMap;
use std::path::Path;

use xxhash_rust::xxh3::xxh3_128;

use super::column::{EncodedAxis, EncodedColumn};
use super::columns::Columns;
use super::format::{
    BUCKET_FIELDS, CRC_BYTES, Footer, HEADER_BYTES, Region, SegmentIdentity, TRAILER_BYTES,
    padded_bytes, padding_bytes,
};
use super::index::{Index, Sketches};
use super::sketches::EncodedSketches;
use super::statistics::EncodedStatistics;
use crate::db::record;
use crate::error::{Error, Result};
use crate::fs::{AppendFile, Fs};
use crate::model::{SeriesId, TimeRange, Timestamp};

/// Bytes gathered before they are handed to the file.
const BUFFER_BYTES: usize = 1 << 20;

/// A segment being written under a temporary name.
#[derive(Debug)]
pub(in crate::store) struct SegmentWriter {
    file: Box<dyn AppendFile>,
    identity: SegmentIdentity,
    buffer: Vec<u8>,
    /// Where the next region starts.
    offset: u64,
    index: Index,
    /// The axes written so far, by their content.
    axes: HashMap<u128, u32>,
    statistics: EncodedStatistics,
    samples: u64,
    series: u64,
    range: Option<(i64, i64)>,
    /// No more than this is written.
    bytes_max: Option<u64>,
}

impl SegmentWriter {
    /// An error of what follows is [`Error::Limit`] where it would have more than `bytes_max`.
    pub(in crate::store) fn create(
        fs: &dyn Fs,
        path: &Path,
        identity: SegmentIdentity,
        bytes_max: Option<u64>,
    ) -> Result<Self> {
        Ok(Self {
            file: fs.create(path)?,
            identity,
            buffer: identity.header().to_vec(),
            offset: HEADER_BYTES as u64,
            index: Index::default(),
            axes: HashMap::new(),
            statistics: EncodedStatistics::default(),
            samples: 0,
            series: 0,
            range: None,
            bytes_max,
        })
    }

    /// Adds a series: its times, strictly ascending and not empty, and its encoded values, or the
    /// fields of its buckets and perhaps their sketches. Series come in metric-major order, each
    /// once.
    pub(in crate::store) fn push(
        &mut self,
        id: SeriesId,
        times: &[i64],
        columns: &[EncodedColumn],
        sketches: Option<&EncodedSketches>,
    ) -> Result<()> {
        let (Some(first), Some(last)) = (times.first(), times.last()) else { return Ok(()) };
        let axis = self.axis(times, *last)?;
        if self.series == 0 {
            self.index.columns = Columns::with_capacity(columns.len() == BUCKET_FIELDS, 0);
        }
        for column in columns {
            self.push_column(id, axis, column)?;
        }
        if let Some(EncodedSketches { bytes, pairs }) = sketches {
            let region = self.region(&[bytes])?;
            self.index.sketches.push(Sketches { region, pairs: *pairs });
        }
        self.series += 1;
        self.samples += times.len() as u64 * columns.len() as u64;
        let (start, end) = self.range.unwrap_or((*first, *last));
        self.range = Some((start.min(*first), end.max(*last)));
        Ok(())
    }

    fn push_column(&mut self, id: SeriesId, axis: u32, column: &EncodedColumn) -> Result<()> {
        let EncodedColumn { column, sources, statistics } = column;
        let region = self.region(&[&column.header, &column.blocks])?;
        let blocks = column.block_bytes.iter().map(|bytes| Ok(*bytes));
        let header = (region, column.header.len() as u32);
        self.index.columns.push((id, axis), header, blocks, sources)?;
        for block in statistics {
            self.statistics.push(block);
        }
        Ok(())
    }

    /// Samples written so far; of rollups, the values of all columns.
    pub(in crate::store) fn samples(&self) -> u64 {
        self.samples
    }

    /// Writes the rest and hands back the file, which is yet to be synced, and the footer with the
    /// parts that only the writer knows.
    pub(in crate::store) fn finish(
        mut self,
        mut footer: Footer,
    ) -> Result<(Footer, Box<dyn AppendFile>)> {
        let (first, last) = self.range.unwrap_or((0, 0));
        footer.range = TimeRange {
            start: Timestamp::from_nanos(first),
            end: Timestamp::from_nanos(last.saturating_add(1)),
        };
        footer.segment_id = self.identity.segment_id;
        footer.samples = self.samples;
        footer.series = self.series;
        let columns = std::mem::take(&mut self.statistics).finish();
        footer.statistics = self.region(&columns.each_ref().map(Vec::as_slice))?;
        footer.index = self.region(&[&self.index.encode()])?;
        let footer_region = self.region(&[&record::encode(&footer)?])?;
        let file_bytes = self.offset + TRAILER_BYTES as u64;
        let trailer = self.identity.trailer(footer_region, file_bytes);
        self.buffer.extend_from_slice(&trailer);
        self.file.append(&self.buffer)?;
        Ok((footer, self.file))
    }

    /// The axis with these times, written now if it is new.
    fn axis(&mut self, times: &[i64], last_time: i64) -> Result<u32> {
        let mut bytes = Vec::with_capacity(times.len() * 8);
        for time in times {
            bytes.extend_from_slice(&time.to_le_bytes());
        }
        let content = xxh3_128(&bytes);
        if let Some(at) = self.axes.get(&content) {
            return Ok(*at);
        }
        let EncodedAxis { bytes, block_bytes, block_starts } = EncodedAxis::of(times)?;
        let region = self.region(&[&bytes])?;
        let at = self.index.axes.len() as u32;
        let blocks = block_starts.into_iter().zip(block_bytes).map(Ok);
        self.index.axes.push(region, (times.len(), last_time), blocks)?;
        self.axes.insert(content, at);
        Ok(at)
    }

    /// Writes the parts of a region, its checksum and padding.
    fn region(&mut self, parts: &[&[u8]]) -> Result<Region> {
        let start = self.buffer.len();
        for part in parts {
            self.buffer.extend_from_slice(part);
        }
        let bytes = self.buffer.get(start..).unwrap_or(&[]);
        let region = Region { offset: self.offset, bytes: bytes.len() as u64 };
        let crc = self.identity.checksum(self.offset, bytes);
        self.buffer.extend_from_slice(&crc.to_le_bytes());
        let padding = padding_bytes(region.bytes as usize + CRC_BYTES);
        self.buffer.resize(self.buffer.len() + padding, 0);
        self.offset += padded_bytes(region.bytes);
        if let Some(limit) = self.bytes_max.filter(|max| self.offset > *max) {
            return Err(Error::Limit {
                what: "the disk space in bytes that a file of rollups would need",
                value: self.offset,
                limit,
                remedy: "retain without rollups or with fewer tiers, or raise `disk_bytes_max`",
            });
        }
        if self.buffer.len() >= BUFFER_BYTES {
            self.file.append(&self.buffer)?;
            self.buffer.clear();
        }
        Ok(region)
    }
}
