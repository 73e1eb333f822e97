//! The cold form: the integers of a whole column share one front end, one model and one table of
//! bins, and are entropy coded by it. Denser than packing, and slower to read; for data that was
//! compacted.
//!
//! In: a column of values. Out: a header, and blocks that need it; each block can be read alone.
//! Never: a block that is longer so than packed, or one whose integers, less the first or the
//! lowest of them, do not fit 32 bits.

#![warn(clippy::indexing_slicing)]

mod bins;
mod tans;

use super::front::{self, Front, Mapped};
use super::integers;
use super::tag::{FrontTag, Model, Tag};
use super::values::{Made, correct};
use super::varint;
use crate::error::{Error, Result};
use crate::kernel::lanes::{Arithmetic, BASE_MAX, Block, Sequence};
use crate::kernel::simd;
use crate::kernel::symbols::State;
use crate::model::limits::BLOCK_SAMPLES;
use bins::Bins;

/// What the coded blocks of a column share.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Coding {
    front: Front,
    model: Model,
    bins: Bins,
}

/// Encodes blocks by a coding.
#[derive(Debug)]
pub(super) struct Encoder<'a> {
    coding: &'a Coding,
    tans: tans::Encoder,
    stream: Vec<i64>,
    symbols: Vec<u8>,
    steps: Vec<(u16, u8)>,
}

/// Decodes blocks by a coding.
#[derive(Debug, Clone)]
pub(super) struct Decoder {
    model: Model,
    arithmetic: Arithmetic,
    bins: Bins,
    tans: tans::Decoder,
    /// Room for the states that a block's symbols are of, and for its integers.
    found: Vec<State>,
    block: Box<Block>,
}

impl Coding {
    /// The coding with the fewest bytes for a column's blocks, which `front` has mapped; none where
    /// there are no integers, or some are too far apart.
    pub(super) fn choose(front: Front, blocks: &[Mapped]) -> Option<Self> {
        if !front.computes() {
            return None;
        }
        let (mut stream, mut all) = (Vec::new(), Vec::new());
        let mut best: Option<(f64, Self)> = None;
        for model in [Model::Reference, Model::Delta] {
            all.clear();
            let mut first_bits = 0.0;
            for block in blocks.iter().filter(|block| fits_32_bits(&block.latents)) {
                first_bits +=
                    8.0 * integers::differences(model, &block.latents, &mut stream) as f64;
                all.extend_from_slice(&stream);
            }
            let Some((bins, bits)) = Bins::choose(&mut all) else { continue };
            let bits = bits + first_bits;
            if best.as_ref().is_none_or(|(fewest, _)| bits < *fewest) {
                best = Some((bits, Self { front, model, bins }));
            }
        }
        best.map(|(_, coding)| coding)
    }

    /// Appends the coding: tag of front end and model, parameters, bins.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.push(Tag::plain(self.front.tag(), self.model).to_byte());
        self.front.write(out);
        self.bins.write(out);
    }

    /// Whether a block's integers, less its base, fit 32 bits.
    fn is_narrow(&self, latents: &[i64]) -> bool {
        let first = latents.first().copied().unwrap_or(0);
        near(latents, if self.model == Model::Delta { first } else { self.bins.lowest() })
    }
}

/// Whether a block may be coded; one that is not has no say in the choice of the coding.
fn fits_32_bits(latents: &[i64]) -> bool {
    near(latents, latents.first().copied().unwrap_or(0))
}

/// Whether all integers are within 32 bits of a base that is exact as f64.
fn near(latents: &[i64], base: i64) -> bool {
    let fits = |latent: &i64| i32::try_from(latent.wrapping_sub(base)).is_ok();
    base.unsigned_abs() <= BASE_MAX && latents.iter().all(fits)
}

impl<'a> Encoder<'a> {
    pub(super) fn new(coding: &'a Coding) -> Self {
        let tans = tans::Encoder::new(&coding.bins.weights);
        Self { coding, tans, stream: Vec::new(), symbols: Vec::new(), steps: Vec::new() }
    }

    /// Appends a block as the coding's front end has mapped it; `None`, and no bytes, where an
    /// integer has no place in it.
    pub(super) fn encode(&mut self, mapped: &Mapped, out: &mut Vec<u8>) -> Option<()> {
        let Coding { model, bins, .. } = self.coding;
        integers::differences(*model, &mapped.latents, &mut self.stream);
        bins.symbols(&self.stream, &mut self.symbols)?;
        if !self.coding.is_narrow(&mapped.latents) {
            return None;
        }
        let near = !mapped.near.is_empty();
        let far = !mapped.far.is_empty();
        out.push(Tag { near, far, ..Tag::plain(FrontTag::Coded, *model) }.to_byte());
        integers::write_firsts(*model, &mapped.latents, out);
        self.tans.encode(&self.symbols, &mut self.steps, out);
        bins.write_offsets(&self.stream, &self.symbols, out);
        mapped.write_corrections(out);
        Some(())
    }
}

impl Decoder {
    /// A decoder for the blocks of a column, from the column's header.
    pub(super) fn new(mut header: &[u8]) -> Result<Self> {
        let unknown = || Error::decode("a column's header of no known kind");
        let tag = Tag::read(&mut header)?;
        if tag.near || tag.far || tag.model == Model::DeltaOfDelta || tag.front == FrontTag::Raw {
            return Err(unknown());
        }
        let arithmetic = front::read_arithmetic(tag.front, &mut header)?.ok_or_else(unknown)?;
        let bins = Bins::read(&mut header)?;
        super::expect_end(header)?;
        let tans = tans::Decoder::new(&bins.weights, &bins.meanings(tag.model));
        let block = Box::new([0; BLOCK_SAMPLES]);
        Ok(Self { model: tag.model, arithmetic, bins, tans, found: Vec::new(), block })
    }

    /// Appends the values of a coded block.
    pub(super) fn decode(
        &mut self,
        mut bytes: &[u8],
        count: usize,
        out: &mut Vec<f64>,
    ) -> Result<()> {
        let (tag, sequence) = self.read_lanes(&mut bytes, count)?;
        let start = out.len();
        simd::append_values(self.block.as_slice(), count, sequence, self.arithmetic, out);
        correct(tag, bytes, out.get_mut(start..).unwrap_or_default())
    }

    /// What makes the values of a coded block of integers; `None` where some are corrected.
    fn made_by(&self, mut bytes: &[u8]) -> Result<Option<Arithmetic>> {
        let tag = Tag::read(&mut bytes)?;
        Ok((!tag.near && !tag.far).then_some(self.arithmetic))
    }

    /// Which magnitude no integer of a coded block exceeds, where all are whole numbers.
    pub(super) fn whole_max(&self, mut bytes: &[u8]) -> Result<Option<u64>> {
        if self.made_by(bytes)? != Some(Arithmetic::Whole) {
            return Ok(None);
        }
        let tag = Tag::read(&mut bytes)?;
        let base = self.read_base(tag, &mut bytes)?;
        Ok(Some(base.unsigned_abs() + u64::from(i32::MIN.unsigned_abs())))
    }

    /// Appends the integers of a coded block that `wanted` arithmetic makes values of; `None`, and
    /// nothing appended, of any other block.
    pub(super) fn decode_integers(
        &mut self,
        mut bytes: &[u8],
        count: usize,
        wanted: impl Fn(Arithmetic) -> bool,
        out: &mut Vec<i32>,
    ) -> Result<Option<Made>> {
        if !self.made_by(bytes)?.is_some_and(wanted) {
            return Ok(None);
        }
        let (_, Sequence { summed_from, base }) = self.read_lanes(&mut bytes, count)?;
        super::expect_end(bytes)?;
        simd::append_integers(self.block.as_slice(), count, summed_from, out);
        Ok(Some(Made { arithmetic: self.arithmetic, base }))
    }

    fn read_base(&self, tag: Tag, bytes: &mut &[u8]) -> Result<i64> {
        if tag.model != self.model {
            return Err(Error::decode("a coded block that its column's header does not fit"));
        }
        let delta = self.model == Model::Delta;
        let base = if delta { varint::read_i64(bytes)? } else { self.bins.lowest() };
        if base.unsigned_abs() > BASE_MAX {
            return Err(Error::decode(format!("coded integers from {base} on")));
        }
        Ok(base)
    }

    /// Fills the block with the numbers of a coded block.
    fn read_lanes(&mut self, bytes: &mut &[u8], count: usize) -> Result<(Tag, Sequence)> {
        let tag = Tag::read(bytes)?;
        let base = self.read_base(tag, bytes)?;
        let delta = self.model == Model::Delta;
        if count == 0 || count > BLOCK_SAMPLES {
            return Err(Error::decode(format!("a coded block of {count} values")));
        }
        // A delta model has its first integer apart: its number stands for no difference.
        self.found.resize(count, State::default());
        let (first, symbols) = self.found.split_at_mut(usize::from(delta));
        first.fill(State::default());
        self.tans.decode(bytes, symbols)?;
        self.bins.read_offsets(bytes, &self.found, &mut self.block)?;
        Ok((tag, Sequence { summed_from: delta.then_some(0), base }))
    }
}
