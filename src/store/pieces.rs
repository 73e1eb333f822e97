//! The pieces of an open series: blocks, and what is in memory already. A query takes each as it
//! needs it: by its statistics, as integers, or as values.

use std::ops::Range;

use super::samples::Samples;
use super::segment::Segment;
use super::series_reader::{Part, SeriesReader};
use crate::codec::{BlockStats, Made};
use crate::error::{Error, Result};
use crate::kernel::{self, Arithmetic, Integers};
use crate::model::limits::BLOCK_SAMPLES;

/// Samples of a series that follow each other.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    /// Which of the series' samples these are.
    pub(super) range: Range<usize>,
    pub(super) source: Source,
}

/// Where values are.
#[derive(Debug, Clone, Copy)]
pub(super) enum Source {
    /// In a block of `samples`, behind so many of them.
    Block { part: usize, block: usize, skip: usize, samples: usize },
    /// In [`SeriesReader::here`], from a place on.
    Here { at: usize },
}

/// The values of a piece.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Values<'r> {
    /// As they are.
    Floats(&'r [f64]),
    /// As the integers that they are made of.
    Integers(Integers<'r>),
}

impl Values<'_> {
    /// Some of them.
    pub(crate) fn slice(self, range: Range<usize>) -> Self {
        match self {
            Self::Floats(values) => Self::Floats(values.get(range).unwrap_or(&[])),
            Self::Integers(all) => {
                let numbers = all.numbers.get(range).unwrap_or(&[]);
                Self::Integers(Integers { numbers, ..all })
            }
        }
    }

    /// The least; NaN without a number. Integers are ordered as their values are.
    pub(crate) fn least(self) -> f64 {
        match self {
            Self::Floats(values) => kernel::least(values),
            Self::Integers(all) => all.least(),
        }
    }

    /// The greatest; NaN without a number. Integers are ordered as their values are.
    pub(crate) fn greatest(self) -> f64 {
        match self {
            Self::Floats(values) => kernel::greatest(values),
            Self::Integers(all) => all.greatest(),
        }
    }

    /// The first number, given the instants of all.
    pub(crate) fn first(self, times: &[i64]) -> Option<(i64, f64)> {
        match self {
            Self::Floats(values) => {
                let found = times.iter().zip(values).find(|(_, value)| !value.is_nan());
                found.map(|(time, value)| (*time, *value))
            }
            Self::Integers(all) => Some((*times.first()?, all.value(*all.numbers.first()?))),
        }
    }

    /// The last number, given the instants of all.
    pub(crate) fn last(self, times: &[i64]) -> Option<(i64, f64)> {
        match self {
            Self::Floats(values) => {
                let found = times.iter().zip(values).rfind(|(_, value)| !value.is_nan());
                found.map(|(time, value)| (*time, *value))
            }
            Self::Integers(all) => Some((*times.last()?, all.value(*all.numbers.last()?))),
        }
    }
}

/// What is wanted of a piece where only values will do.
pub(crate) const FLOATS: Option<fn(Arithmetic) -> bool> = None;

/// Samples, and the bytes and blocks that hold them.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Amount {
    /// Blocks of up to 1,024 samples; 0 for samples in memory.
    pub blocks: u64,
    /// Samples.
    pub samples: u64,
    /// Encoded bytes, of times too where they were decoded.
    pub bytes: u64,
}

/// What a reader has done.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Work {
    /// Decoded, or read from memory.
    pub(crate) decoded: Amount,
    /// Answered from statistics.
    pub(crate) statistics: Amount,
    /// Left out, since statistics say that no sample counts.
    pub(crate) pruned: Amount,
    /// Buckets that were read.
    pub(crate) buckets: u64,
}

/// Up to 1,024 statistics of one segment, those that were asked for last.
#[derive(Debug)]
pub(super) struct Chunk<'a> {
    segment: &'a Segment,
    at: usize,
    rows: Vec<BlockStats>,
}

/// Segments whose statistics a reader keeps while it goes from series to series: where there are
/// more, each series would have them decoded anew.
pub(crate) const CHUNKS_MAX: usize = 64;

impl Amount {
    /// Adds a block.
    pub(super) fn add(&mut self, samples: usize, bytes: u64) {
        self.blocks += samples.div_ceil(BLOCK_SAMPLES) as u64;
        self.samples += samples as u64;
        self.bytes += bytes;
    }

    /// Adds all of another amount.
    pub(crate) fn merge(&mut self, other: Self) {
        self.blocks += other.blocks;
        self.samples += other.samples;
        self.bytes += other.bytes;
    }
}

impl Work {
    /// Adds all of another's work.
    pub(crate) fn merge(&mut self, other: Self) {
        self.decoded.merge(other.decoded);
        self.statistics.merge(other.statistics);
        self.pruned.merge(other.pruned);
        self.buckets += other.buckets;
    }
}

impl<'a> SeriesReader<'a> {
    /// Pieces of the open series.
    pub(crate) fn pieces(&self) -> usize {
        self.pieces.len()
    }

    /// Which of the open series' samples a piece has.
    pub(crate) fn piece_range(&self, piece: usize) -> Range<usize> {
        self.pieces.get(piece).map_or(0..0, |piece| piece.range.clone())
    }

    /// Whether a piece is not a whole block.
    pub(crate) fn is_cut(&self, piece: usize) -> bool {
        self.pieces.get(piece).is_none_or(|piece| match piece.source {
            Source::Block { samples, .. } => piece.range.len() < samples,
            Source::Here { .. } => true,
        })
    }

    /// What was done since this was asked for last.
    pub(crate) fn take_work(&mut self) -> Work {
        std::mem::take(&mut self.work)
    }

    /// The times of a piece and its values: as integers, where `wanted` arithmetic makes values of
    /// them.
    pub(crate) fn values(
        &mut self,
        piece: usize,
        wanted: Option<impl Fn(Arithmetic) -> bool>,
    ) -> Result<(&[i64], Values<'_>)> {
        let Piece { range, source } = self.piece(piece)?;
        let count = range.len();
        let (part, block, skip) = match source {
            Source::Block { part, block, skip, .. } => (part, block, skip),
            Source::Here { at } => {
                self.work.decoded.samples += count as u64;
                let values = self.here.get(at..at + count).unwrap_or(&[]);
                return Ok((times_of(&self.samples, range), Values::Floats(values)));
            }
        };
        self.decode_from(part, block, count)?;
        let Some((_, column)) = &mut self.column else { return Err(fault()) };
        if let Some(wanted) = wanted {
            self.integers.clear();
            let made = column.append_integers(block, wanted, &mut self.integers)?;
            if let Some(Made { arithmetic, base }) = made {
                let numbers = self.integers.get(skip..skip + count).unwrap_or(&[]);
                let integers = Integers { arithmetic, base, numbers };
                return Ok((times_of(&self.samples, range), Values::Integers(integers)));
            }
        }
        self.floats.clear();
        column.append_values(block, &mut self.floats)?;
        let values = self.floats.get(skip..skip + count).unwrap_or(&[]);
        Ok((times_of(&self.samples, range), Values::Floats(values)))
    }

    /// Appends the values of a piece.
    pub(super) fn append_piece(&mut self, piece: usize, out: &mut Vec<f64>) -> Result<()> {
        let Piece { range, source } = self.piece(piece)?;
        let count = range.len();
        match source {
            Source::Block { part, block, skip, .. } => {
                self.decode_from(part, block, count)?;
                let start = out.len();
                let Some((_, column)) = &mut self.column else { return Err(fault()) };
                column.append_values(block, out)?;
                out.drain(start..start + skip);
                out.truncate(start + count);
            }
            Source::Here { at } => {
                self.work.decoded.samples += count as u64;
                out.extend_from_slice(self.here.get(at..at + count).unwrap_or(&[]));
            }
        }
        Ok(())
    }

    /// The statistics of the block that a piece is, or is cut from; `None` of any other piece.
    pub(crate) fn statistics(&mut self, piece: usize) -> Result<Option<BlockStats>> {
        let Source::Block { part, block, .. } = self.piece(piece)?.source else {
            return Ok(None);
        };
        let Some(Part { segment, place, .. }) = self.parts.get(part) else { return Err(fault()) };
        self.statistics_of(segment, place.statistics_row(block))
    }

    /// The statistics of a block, counted over all of its segment.
    pub(super) fn statistics_of(
        &mut self,
        segment: &'a Segment,
        row: usize,
    ) -> Result<Option<BlockStats>> {
        let known = self.statistics.iter().position(|chunk| std::ptr::eq(chunk.segment, segment));
        let mut chunk = match known {
            Some(known) => self.statistics.swap_remove(known),
            None => Chunk { segment, at: usize::MAX, rows: Vec::new() },
        };
        if chunk.at != row / BLOCK_SAMPLES {
            chunk.at = row / BLOCK_SAMPLES;
            segment.statistics(chunk.at, &mut chunk.rows)?;
        }
        let found = chunk.rows.get(row % BLOCK_SAMPLES).copied();
        if self.statistics.len() == CHUNKS_MAX {
            self.statistics.pop();
        }
        self.statistics.push(chunk);
        Ok(found)
    }

    /// What the values of a piece add up to at most, without their signs, where all are known to be
    /// whole numbers.
    pub(crate) fn magnitude(&mut self, piece: usize) -> Result<Option<u64>> {
        let Piece { range, source } = self.piece(piece)?;
        let Source::Block { part, block, .. } = source else { return Ok(None) };
        self.open_column(part)?;
        let Some((_, column)) = &mut self.column else { return Err(fault()) };
        Ok(column.whole_max(block)?.and_then(|max| max.checked_mul(range.len() as u64)))
    }

    /// Notes that statistics answered for a piece.
    pub(crate) fn note_statistics(&mut self, piece: usize) {
        let (samples, bytes) = self.size_of(piece);
        self.work.statistics.add(samples, bytes);
    }

    /// Notes that a piece was left out.
    pub(crate) fn note_pruned(&mut self, piece: usize) {
        let (samples, bytes) = self.size_of(piece);
        self.work.pruned.add(samples, bytes);
    }

    /// Notes that buckets were read in place of samples.
    pub(crate) fn note_buckets(&mut self, buckets: usize) {
        self.work.buckets += buckets as u64;
    }

    fn size_of(&self, piece: usize) -> (usize, u64) {
        let Some(Piece { range, source }) = self.pieces.get(piece) else { return (0, 0) };
        let bytes = match source {
            Source::Block { part, block, .. } => self
                .parts
                .get(*part)
                .map_or(0, |part| part.segment.block_bytes(&part.place, *block)),
            Source::Here { .. } => 0,
        };
        (range.len(), bytes)
    }

    /// Makes ready to decode a block.
    fn decode_from(&mut self, part: usize, block: usize, count: usize) -> Result<()> {
        self.open_column(part)?;
        let bytes = self.column.as_ref().map_or(0, |(_, column)| column.bytes_of(block));
        self.work.decoded.add(count, bytes as u64);
        Ok(())
    }

    fn open_column(&mut self, part: usize) -> Result<()> {
        if self.column.as_ref().is_some_and(|(open, _)| *open == part) {
            return Ok(());
        }
        let Some(Part { segment, place, .. }) = self.parts.get(part) else { return Err(fault()) };
        let column = segment.column_reader(place)?.ok_or_else(fault)?;
        self.column = Some((part, column));
        Ok(())
    }

    fn piece(&self, piece: usize) -> Result<Piece> {
        self.pieces.get(piece).cloned().ok_or_else(fault)
    }
}

fn times_of(samples: &Samples, range: Range<usize>) -> &[i64] {
    samples.times.get(range).unwrap_or(&[])
}

fn fault() -> Error {
    Error::invalid("a piece of no open series: this is a fault of Plimsoll")
}
