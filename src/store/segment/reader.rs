//! Reads one segment. Everything is checked before it is trusted: lengths before they are used,
//! checksums before bytes are decoded.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use super::axes::Axis;
use super::column;
use super::columns::Column;
use super::format::padded_bytes;
use super::format::{
    ALIGN_BYTES, BUCKET_FIELDS, Footer, HEADER_BYTES, Region, SegmentIdentity, TRAILER_BYTES,
};
use super::index::{self, Index};
use super::sketches::{self, SketchColumns};
use super::statistics::{self, Directory};
use super::whole::number;
use crate::codec::{self, BlockStats, Formula};
use crate::db::record;
use crate::error::{Error, Result};
use crate::fs::Map;
use crate::model::limits::BLOCK_SAMPLES;
use crate::model::{SeriesId, TimeRange};
use crate::store::pieces::Amount;
use crate::store::samples::Samples;

/// An open segment. Its bytes stay readable as long as this value lives, even after the file was
/// superseded and unlinked.
#[derive(Debug)]
pub struct Segment {
    map: Map,
    path: PathBuf,
    identity: SegmentIdentity,
    footer: Footer,
    pub(super) index: Index,
    /// Places of the series in the file, sorted by id.
    by_id: Vec<u32>,
    axes_verified: Vec<AtomicBool>,
    columns_verified: Vec<AtomicBool>,
    sketches_verified: Vec<AtomicBool>,
    pub(super) statistics_verified: AtomicBool,
    /// Read when it is first asked for.
    pub(super) statistics_directory: OnceLock<Directory>,
}

impl Segment {
    /// Reads header, trailer, footer and index of a mapped segment. Columns are verified when they
    /// are first read.
    pub fn open(map: Map, path: &Path) -> Result<Self> {
        let identity = SegmentIdentity::from_header(path, &map)?;
        let region = identity.footer_region(path, &map)?;
        let bytes = identity.region(path, &map, region)?;
        let footer: Footer = record::decode(bytes).map_err(|e| e.at(path, region.offset))?;
        let end = region.offset + padded_bytes(region.bytes) + TRAILER_BYTES as u64;
        if footer.segment_id != identity.segment_id || end != map.len() as u64 {
            return Err(Error::corrupt(path, region.offset, "footer and header disagree"));
        }
        let bytes = identity.region(path, &map, footer.index)?;
        let index = Index::decode(bytes, footer.rollup.is_some());
        let index = index.map_err(|e| e.at(path, footer.index.offset))?;
        check_footer(&footer, &index).map_err(|e| e.at(path, region.offset))?;
        let mut by_id: Vec<u32> = (0..index.columns.series().len() as u32).collect();
        by_id.sort_by_key(|series| index.columns.id(*series as usize));
        let flags = |count| std::iter::repeat_with(|| AtomicBool::new(false)).take(count).collect();
        let (axes_verified, columns_verified) =
            (flags(index.axes.len()), flags(index.columns.len()));
        let sketches_verified = flags(index.sketches.len());
        Ok(Self {
            map,
            path: path.to_owned(),
            identity,
            footer,
            index,
            by_id,
            axes_verified,
            columns_verified,
            sketches_verified,
            statistics_verified: AtomicBool::new(false),
            statistics_directory: OnceLock::new(),
        })
    }

    pub(in crate::store) fn identity(&self) -> SegmentIdentity {
        self.identity
    }

    pub(in crate::store) fn footer(&self) -> &Footer {
        &self.footer
    }

    /// Whether it holds rollups instead of samples.
    pub(in crate::store) fn is_rollup(&self) -> bool {
        self.footer.rollup.is_some()
    }

    /// The file's length in bytes.
    pub fn bytes(&self) -> u64 {
        self.map.len() as u64
    }

    /// The whole file.
    pub(in crate::store) fn file(&self) -> &[u8] {
        &self.map
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The series inside, in metric-major order.
    pub fn series(&self) -> impl ExactSizeIterator<Item = SeriesId> {
        self.index.columns.series()
    }

    /// From the first sample of a series to 1 ns after its last; `None` where it is not here.
    pub fn series_range(&self, id: SeriesId) -> Option<TimeRange> {
        let (_, column) = self.column(id)?;
        let axis = self.axis(&column)?;
        let nanos = crate::model::Timestamp::from_nanos;
        let end = nanos(axis.last_time.saturating_add(1));
        Some(TimeRange { start: nanos(axis.first_time()), end })
    }

    /// Samples of a series here.
    pub(in crate::store) fn series_samples(&self, id: SeriesId) -> usize {
        let axis = self.column(id).and_then(|(_, column)| self.axis(&column));
        axis.map_or(0, |axis| axis.samples)
    }

    /// Samples of a series here, their blocks, and the bytes of their values.
    pub(in crate::store) fn amount(&self, id: SeriesId) -> Amount {
        let Some((_, column)) = self.column(id) else { return Amount::default() };
        let samples = self.axis(&column).map_or(0, |axis| axis.samples as u64);
        let (blocks, bytes) = (column.block_bytes.len() as u64, column.region().bytes);
        Amount { blocks, samples, bytes }
    }

    /// The axis of a series and the bytes that its values take here.
    pub(in crate::store) fn cost(&self, id: SeriesId) -> Option<(usize, u64)> {
        self.column(id).map(|(_, column)| (column.axis as usize, column.region().bytes))
    }

    /// The values of a block from the middle of a series; none where it is not here.
    pub(in crate::store) fn sample(&self, id: SeriesId) -> Result<Vec<f64>> {
        let mut values = Vec::new();
        if let Some((at, column)) = self.column(id)
            && let Some(axis) = self.axis(&column)
        {
            let middle = column.block_bytes.len().saturating_sub(1) / 2;
            self.decode_column(at, column, axis, middle..middle + 1, &mut values)?;
        }
        Ok(values)
    }

    /// Replaces `out` with the samples of one series in a range; with none where it is not here.
    pub fn scan(&self, id: SeriesId, range: TimeRange, out: &mut Samples) -> Result<()> {
        let values = std::slice::from_mut(&mut out.values);
        self.scan_fields(id, range, &mut out.times, values, |_| true)
    }

    /// Replaces `times` and `values` with the first columns of one series in a range, as many as
    /// are asked for: of rollups, the starts of its buckets and their fields. Those that are not
    /// `wanted` stay empty.
    pub(in crate::store) fn scan_fields(
        &self,
        id: SeriesId,
        range: TimeRange,
        times: &mut Vec<i64>,
        fields: &mut [Vec<f64>],
        wanted: impl Fn(usize) -> bool,
    ) -> Result<()> {
        times.clear();
        fields.iter_mut().for_each(Vec::clear);
        let Some((first, column)) = self.column(id) else { return Ok(()) };
        let Some(axis) = self.axis(&column) else { return Ok(()) };
        let blocks = axis.blocks_in(range.start.nanos(), range.end.nanos());
        if blocks.is_empty() {
            return Ok(());
        }
        self.decode_axis(column.axis as usize, axis, blocks.clone(), times)?;
        let from = times.partition_point(|t| *t < range.start.nanos());
        let to = times.partition_point(|t| *t < range.end.nanos());
        cut(times, from..to);
        for (at, values) in (first..).zip(fields).filter(|(at, _)| wanted(at - first)) {
            let Some(column) = self.column_at(at) else { continue };
            self.decode_column(at, column, axis, blocks.clone(), values)?;
            cut(values, from..to);
        }
        Ok(())
    }

    /// Whether its buckets have sketches.
    pub(in crate::store) fn has_sketches(&self) -> bool {
        !self.index.sketches.is_empty()
    }

    /// Adds to `out` the sketches of the buckets of one series that start in a range.
    pub(in crate::store) fn scan_sketches(
        &self,
        id: SeriesId,
        range: TimeRange,
        out: &mut SketchColumns,
    ) -> Result<()> {
        let Some((at, column)) = self.column(id) else { return Ok(()) };
        let Some(axis) = self.axis(&column) else { return Ok(()) };
        let blocks = axis.blocks_in(range.start.nanos(), range.end.nanos());
        let (first, mut starts) = (blocks.start * BLOCK_SAMPLES, Vec::new());
        self.decode_axis(column.axis as usize, axis, blocks, &mut starts)?;
        let from = first + starts.partition_point(|start| *start < range.start.nanos());
        let to = first + starts.partition_point(|start| *start < range.end.nanos());
        self.decode_sketches(at / BUCKET_FIELDS, axis, from..to.max(from), out)
    }

    fn decode_sketches(
        &self,
        series: usize,
        axis: Axis<'_>,
        places: Range<usize>,
        out: &mut SketchColumns,
    ) -> Result<()> {
        let Some(index::Sketches { region, pairs }) = self.index.sketches.get(series) else {
            return Ok(());
        };
        let bytes = self.verified(*region, self.sketches_verified.get(series))?;
        let decoded = sketches::decode(bytes, axis.samples, *pairs, places, out);
        decoded.map_err(|e| e.at(&self.path, region.offset))
    }

    /// Bins of the sketches of a series that are stored here.
    pub(in crate::store) fn series_bins(&self, id: SeriesId) -> u64 {
        let series = self.column(id).map(|(at, _)| at / BUCKET_FIELDS);
        let sketches = series.and_then(|series| self.index.sketches.get(series));
        sketches.map_or(0, |sketches| sketches.pairs)
    }

    /// Samples that the longest series may have in a range: whole blocks are counted.
    pub(in crate::store) fn longest_in(&self, range: TimeRange) -> u64 {
        let (start, end) = (range.start.nanos(), range.end.nanos());
        let of =
            |axis: Axis<'_>| (axis.blocks_in(start, end).len() * BLOCK_SAMPLES).min(axis.samples);
        self.index.axes.iter().map(of).max().unwrap_or(0) as u64
    }

    /// The first column of a series, and its place.
    pub(super) fn column(&self, id: SeriesId) -> Option<(usize, Column<'_>)> {
        let of = |series: &u32| self.index.columns.id(*series as usize);
        let found = self.by_id.partition_point(|series| of(series) < Some(id));
        let at = self.index.columns.first_of(*self.by_id.get(found)? as usize);
        Some((at, self.column_at(at).filter(|column| column.id == id)?))
    }

    #[inline]
    pub(super) fn column_at(&self, at: usize) -> Option<Column<'_>> {
        self.index.columns.get(at)
    }

    #[inline]
    pub(super) fn axis(&self, column: &Column<'_>) -> Option<Axis<'_>> {
        self.index.axes.get(column.axis as usize)
    }

    /// Samples of the longest series.
    pub(in crate::store) fn series_samples_max(&self) -> u64 {
        self.index.axes.iter().map(|axis| axis.samples as u64).max().unwrap_or(0)
    }

    pub(super) fn decode_axis(
        &self,
        at: usize,
        axis: Axis<'_>,
        blocks: Range<usize>,
        out: &mut Vec<i64>,
    ) -> Result<()> {
        let bytes = self.verified(axis.region(), self.axes_verified.get(at))?;
        let mut blocks = column::blocks(bytes, axis.block_bytes, axis.samples, blocks);
        let decoded = blocks.try_for_each(|(b, count)| codec::decode_times(b, count, out));
        decoded.map_err(|e| e.at(&self.path, axis.region().offset))
    }

    pub(super) fn decode_column(
        &self,
        at: usize,
        column: Column<'_>,
        axis: Axis<'_>,
        blocks: Range<usize>,
        out: &mut Vec<f64>,
    ) -> Result<()> {
        if !column.sources.is_empty() {
            return self.decode_derived(at, column, axis, blocks, out);
        }
        let (header, bytes) = self.column_bytes(at, column)?;
        let mut blocks = column::blocks(bytes, column.block_bytes, axis.samples, blocks);
        let decoded = codec::ColumnDecoder::new(header).and_then(|mut decoder| {
            blocks.try_for_each(|(b, count)| decoder.decode_block(b, count, out))
        });
        decoded.map_err(|e| e.at(&self.path, column.region().offset))
    }

    /// Decodes a column that is computed from others, which are decoded first.
    fn decode_derived(
        &self,
        at: usize,
        column: Column<'_>,
        axis: Axis<'_>,
        blocks: Range<usize>,
        out: &mut Vec<f64>,
    ) -> Result<()> {
        let mut sources = [Vec::new(), Vec::new()];
        for (source, values) in column.sources.iter().zip(&mut sources) {
            let Some((at, column)) = self.column(*source) else { continue };
            self.decode_column(at, column, axis, blocks.clone(), values)?;
        }
        let (header, bytes) = self.column_bytes(at, column)?;
        let mut blocks = column::blocks(bytes, column.block_bytes, axis.samples, blocks);
        let mut from = 0;
        let decoded = Formula::from_header(header).and_then(|formula| {
            blocks.try_for_each(|(b, count)| {
                let [first, second] =
                    sources.each_ref().map(|values| column::part(values, from, count));
                from += count;
                codec::decode_derived(b, formula, first, second, out)
            })
        });
        decoded.map_err(|e| e.at(&self.path, column.region().offset))
    }

    /// A column's header and the bytes of its blocks, verified.
    fn column_bytes(&self, at: usize, column: Column<'_>) -> Result<(&[u8], &[u8])> {
        self.region_bytes(at, column.region(), column.header_bytes)
    }

    /// The same of the region that is the column's.
    #[inline]
    pub(super) fn region_bytes(
        &self,
        at: usize,
        region: Region,
        header_bytes: u32,
    ) -> Result<(&[u8], &[u8])> {
        let bytes = self.verified(region, self.columns_verified.get(at))?;
        Ok(bytes.split_at_checked(header_bytes as usize).unwrap_or((&[], bytes)))
    }

    /// A region's bytes; its checksum is verified the first time.
    pub(super) fn verified(&self, region: Region, flag: Option<&AtomicBool>) -> Result<&[u8]> {
        if flag.is_some_and(|flag| flag.load(Ordering::Relaxed)) {
            let start = region.offset as usize;
            return Ok(self.map.get(start..start + region.bytes as usize).unwrap_or(&[]));
        }
        let bytes = self.identity.region(&self.path, &self.map, region)?;
        if let Some(flag) = flag {
            flag.store(true, Ordering::Relaxed);
        }
        Ok(bytes)
    }

    /// Verifies every byte and every block, and that the statistics are those of the samples.
    /// Returns the number of samples; of rollups, of the values of all columns.
    pub fn verify(&self) -> Result<u64> {
        self.verify_bytes()?;
        let statistics = self.all_statistics()?;
        let mut times = Vec::new();
        for (at, axis) in self.index.axes.iter().enumerate() {
            times.clear();
            self.decode_axis(at, axis, 0..axis.block_bytes.len(), &mut times)?;
            self.verify_axis(axis, &times)?;
        }
        let (mut values, mut samples) = (Vec::new(), 0);
        for (at, column) in self.index.columns.iter().enumerate() {
            let Some(axis) = self.axis(&column) else { continue };
            values.clear();
            let blocks = 0..column.block_bytes.len();
            self.decode_column(at, column, axis, blocks, &mut values)?;
            samples += values.len() as u64;
            for (block, values) in values.chunks(BLOCK_SAMPLES).enumerate() {
                let found = BlockStats::of(values);
                let kept = statistics.get(column.first_block + block);
                if !kept.is_some_and(|kept| statistics::are_equal(kept, &found)) {
                    return Err(self.damage(column.region(), "statistics that are not the block's"));
                }
            }
        }
        self.verify_sketches()?;
        if samples != self.footer.samples {
            let what = format!("{samples} samples, the footer says {}", self.footer.samples);
            return Err(self.damage(self.footer.index, &what));
        }
        Ok(samples)
    }

    /// Each sketch must be one of its bucket's count, smallest and largest.
    fn verify_sketches(&self) -> Result<()> {
        let mut numbers = [Vec::new(), Vec::new(), Vec::new()];
        let mut columns = SketchColumns::default();
        for (series, sketches) in self.index.sketches.iter().enumerate() {
            let first = series * BUCKET_FIELDS;
            columns.clear();
            for (at, values) in (first..).zip(&mut numbers) {
                let Some(column) = self.column_at(at) else { continue };
                let Some(axis) = self.axis(&column) else { continue };
                values.clear();
                self.decode_column(at, column, axis, 0..column.block_bytes.len(), values)?;
                if at == first {
                    self.decode_sketches(series, axis, 0..axis.samples, &mut columns)?;
                }
            }
            let [counts, least, greatest] = &numbers;
            let mut next = columns.read();
            for ((count, min), max) in counts.iter().zip(least).zip(greatest) {
                let sketch = next(number(*count) as u64, *min, *max);
                sketch.map_err(|e| e.at(&self.path, sketches.region.offset))?;
            }
        }
        Ok(())
    }

    fn verify_axis(&self, axis: Axis<'_>, times: &[i64]) -> Result<()> {
        let ordered = times.is_sorted_by(|a, b| a < b);
        let starts = times.iter().step_by(BLOCK_SAMPLES).eq(axis.block_starts);
        if !ordered || !starts || times.last() != Some(&axis.last_time) {
            return Err(
                self.damage(axis.region(), "times that are not in order or not the index's")
            );
        }
        if self.footer.rollup.is_some_and(|note| times.iter().any(|time| !note.is_start(*time))) {
            return Err(self.damage(axis.region(), "a bucket that does not start where it should"));
        }
        Ok(())
    }

    /// Verifies every byte, without decoding: each lies in exactly one region, regions follow each
    /// other without gaps, and their checksums fit.
    pub(in crate::store) fn verify_bytes(&self) -> Result<()> {
        let footer = self.identity.footer_region(&self.path, &self.map)?;
        let mut regions: Vec<Region> = self.index.axes.iter().map(|axis| axis.region()).collect();
        regions.extend(self.index.columns.iter().map(|column| column.region()));
        regions.extend(self.index.sketches.iter().map(|sketches| sketches.region));
        regions.extend([self.footer.statistics, self.footer.index, footer]);
        regions.sort_by_key(|region| region.offset);
        let mut at = HEADER_BYTES as u64;
        for region in &regions {
            if region.offset != at || region.offset % ALIGN_BYTES as u64 != 0 {
                return Err(self.damage(*region, "a region that does not follow the one before"));
            }
            self.identity.region(&self.path, &self.map, *region)?;
            at += padded_bytes(region.bytes);
        }
        Ok(())
    }

    fn damage(&self, region: Region, what: &str) -> Error {
        Error::corrupt(&self.path, region.offset, what)
    }
}

/// Removes what lies outside a range of places.
fn cut<T>(values: &mut Vec<T>, range: Range<usize>) {
    values.truncate(range.end);
    if range.start > 0 {
        values.drain(..range.start.min(values.len()));
    }
}

/// What the footer says of times and series is what the index says of them.
fn check_footer(footer: &Footer, index: &Index) -> Result<()> {
    let first = index.axes.iter().map(|axis| axis.first_time()).min().unwrap_or(0);
    let last = index.axes.iter().map(|axis| axis.last_time).max().unwrap_or(0);
    let (start, end) = (footer.range.start.nanos(), footer.range.end.nanos());
    if (start, end) != (first, last.saturating_add(1)) {
        return Err(Error::decode("a footer that tells another time than the index"));
    }
    if footer.series != index.columns.series().len() as u64 {
        return Err(Error::decode("a footer that tells other series than the index"));
    }
    check_rollup(footer, index)
}

/// Rollups: buckets are those of the footer, and every series has sketches, if any has.
fn check_rollup(footer: &Footer, index: &Index) -> Result<()> {
    let Some(note) = &footer.rollup else {
        return match index.sketches.len() {
            0 => Ok(()),
            _ => Err(Error::decode("sketches of what is not rolled up")),
        };
    };
    if !note.fits(footer.range) {
        return Err(Error::decode("rollups of another time than the footer says"));
    }
    let sketches = index.sketches.len();
    if sketches != 0 && sketches != index.columns.series().len() {
        return Err(Error::decode("sketches of some series only"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::ValueCache;
    use crate::fs::DiskFs;
    use crate::kernel::Sketch;
    use crate::model::Timestamp;
    use crate::store::segment::{
        EncodedColumn, EncodedSketches, RollupNote, SegmentWriter, StoreNotes,
    };

    /// A file of one bucket of two numbers for each of some series, with these as their sketches.
    fn rollups(rollup: bool, sketches: &[Option<Sketch>]) -> Result<u64> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("segment");
        let identity = SegmentIdentity { store_id: 7, segment_id: 1 };
        let mut writer = SegmentWriter::create(&DiskFs, &path, identity, None).unwrap();
        for (id, sketch) in (0..).zip(sketches) {
            let cache = &mut ValueCache::default();
            let fields = [2.0, 1.0, 5.0, 6.0, 1.0, 0.0, 5.0, 9.0, 4.0];
            let columns = fields.map(|value| EncodedColumn::sealed(&[value], cache).unwrap());
            let columns = if rollup { &columns } else { &columns[..1] };
            let encoded = sketch.as_ref().map(|sketch| {
                let mut all = SketchColumns::default();
                all.push(sketch);
                EncodedSketches::of(&all, false, cache).unwrap()
            });
            writer.push(SeriesId(id), &[0], columns, encoded.as_ref()).unwrap();
        }
        let nanos = Timestamp::from_nanos;
        let covers = TimeRange { start: nanos(0), end: nanos(10) };
        let note = rollup.then_some(RollupNote { span_nanos: 10, covers });
        let notes = StoreNotes::default();
        let footer = Footer::new(1, 0, Vec::new(), Vec::new(), false, note, notes);
        let (_, mut file) = writer.finish(footer).unwrap();
        file.sync().unwrap();
        let bytes = std::fs::read(&path).unwrap();
        Segment::open(Map::owned(bytes), &path)?.verify()
    }

    #[test]
    fn a_footer_that_tells_other_times_or_series_than_the_index_is_damage() {
        let mut index = Index::default();
        for (offset, first, last) in [(64, -5, 90), (128, 3, 99)] {
            let region = Region { offset, bytes: 7 };
            index.axes.push(region, (2, last), [Ok((first, 7))]).unwrap();
        }
        let region = Region { offset: 192, bytes: 4 };
        index.columns.push((SeriesId(1), 0), (region, 0), [Ok(4)], &[]).unwrap();
        let notes = StoreNotes::default();
        let mut footer = Footer::new(1, 0, Vec::new(), Vec::new(), false, None, notes);
        let told = |footer: &mut Footer, start, end, series| {
            let [start, end] = [start, end].map(Timestamp::from_nanos);
            footer.range = TimeRange { start, end };
            footer.series = series;
            check_footer(footer, &index).map_err(|why| why.to_string())
        };
        assert_eq!(told(&mut footer, -5, 100, 1), Ok(()));
        for (start, end) in [(-4, 100), (-5, 99), (-5, 101), (-6, 100)] {
            assert!(told(&mut footer, start, end, 1).unwrap_err().contains("another time"));
        }
        assert!(told(&mut footer, -5, 100, 2).unwrap_err().contains("other series"));
    }

    #[test]
    fn a_sketch_that_is_not_its_buckets_is_damage_though_every_checksum_fits() {
        let right = || Some(Sketch::of(&[1.0, 5.0]));
        assert_eq!(rollups(true, &[right()]).unwrap(), 9);
        assert_eq!(rollups(true, &[right(), right()]).unwrap(), 18);
        assert_eq!(rollups(true, &[None, None]).unwrap(), 18);
        for wrong in [&[1.0, 5.5][..], &[1.0, 4.0, 5.0], &[1.0, 1.0, 5.0], &[5.0]] {
            let wrong = Some(Sketch::of(wrong));
            for all in [vec![wrong.clone()], vec![right(), wrong]] {
                let why = rollups(true, &all).unwrap_err().to_string();
                assert!(why.contains("a sketch that is not its bucket's"), "{why}");
            }
        }
    }

    #[test]
    fn all_series_have_sketches_or_none_has_and_samples_have_none() {
        let one = || Some(Sketch::of(&[1.0, 5.0]));
        let why = rollups(true, &[one(), None]).unwrap_err().to_string();
        assert!(why.contains("sketches of some series only"), "{why}");
        let why = rollups(false, &[one()]).unwrap_err().to_string();
        assert!(why.contains("sketches of what is not rolled up"), "{why}");
        assert_eq!(rollups(false, &[None]).unwrap(), 1);
    }
}
