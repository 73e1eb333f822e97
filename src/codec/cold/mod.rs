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
use super::values::correct;
use super::varint;
use crate::error::{Error, Result};
use crate::kernel::lanes::{Arithmetic, BASE_MAX, Block, Sequence};
use crate::kernel::simd;
use crate::kernel::symbols::Meaning;
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
    /// Room for the symbols of two blocks, and for the integers of one.
    found: [Vec<Meaning>; 2],
    block: Box<Block>,
}

/// A coded block: what follows its tag and its first integer.
struct Body<'a> {
    tag: Tag,
    bytes: &'a [u8],
    count: usize,
    /// Integers that have no symbol: 1 for a delta model, which has the first one apart.
    firsts: usize,
    base: i64,
}

impl Body<'_> {
    /// A block of nothing, beside which another is decoded.
    const NONE: Self = Self { tag: Tag::RAW, bytes: &[], count: 0, firsts: 0, base: 0 };
}

/// The four states of a stream without symbols.
const NO_SYMBOLS: [u8; 6] = [0; 6];

/// Room for the symbols of two blocks. What has none of its own is left to mean 0: the first number
/// of a delta model stands for no difference.
fn sized<'a>(found: &'a mut [Vec<Meaning>; 2], bodies: [&Body<'_>; 2]) -> [&'a mut [Meaning]; 2] {
    let mut bodies = bodies.into_iter();
    found.each_mut().map(|found| {
        let (count, firsts) = bodies.next().map_or((0, 0), |body| (body.count, body.firsts));
        found.resize(count, Meaning::default());
        let (firsts, rest) = found.split_at_mut_checked(firsts).unwrap_or_default();
        firsts.fill(Meaning::default());
        rest
    })
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
        let found = [Vec::new(), Vec::new()];
        let block = Box::new([0; BLOCK_SAMPLES]);
        Ok(Self { model: tag.model, arithmetic, bins, tans, found, block })
    }

    /// Appends the values of a coded block.
    pub(super) fn decode(&mut self, bytes: &[u8], count: usize, out: &mut Vec<f64>) -> Result<()> {
        let mut body = self.body(bytes, count)?;
        let found = sized(&mut self.found, [&body, &Body::NONE]);
        self.tans.decode([&mut body.bytes, &mut NO_SYMBOLS.as_slice()], found)?;
        self.finish(0, body, out)
    }

    /// Appends the values of two coded blocks of the full length, in less time than one by one.
    pub(super) fn decode_two(&mut self, blocks: [&[u8]; 2], out: &mut Vec<f64>) -> Result<()> {
        let [first, second] = blocks;
        let mut first = self.body(first, BLOCK_SAMPLES)?;
        let mut second = self.body(second, BLOCK_SAMPLES)?;
        let found = sized(&mut self.found, [&first, &second]);
        self.tans.decode([&mut first.bytes, &mut second.bytes], found)?;
        self.finish(0, first, out)?;
        self.finish(1, second, out)
    }

    fn body<'a>(&self, mut bytes: &'a [u8], count: usize) -> Result<Body<'a>> {
        let tag = Tag::read(&mut bytes)?;
        if tag.model != self.model || count == 0 || count > BLOCK_SAMPLES {
            return Err(Error::decode("a coded block that its column's header does not fit"));
        }
        let (firsts, base) = match self.model {
            Model::Delta => (1, varint::read_i64(&mut bytes)?),
            _ => (0, self.bins.lowest()),
        };
        if base.unsigned_abs() > BASE_MAX {
            return Err(Error::decode(format!("coded integers from {base} on")));
        }
        Ok(Body { tag, bytes, count, firsts, base })
    }

    /// Appends the values of a block whose symbols were found.
    fn finish(&mut self, which: usize, mut body: Body<'_>, out: &mut Vec<f64>) -> Result<()> {
        let found = self.found.get(which).map_or(&[][..], Vec::as_slice);
        self.bins.read_offsets(&mut body.bytes, found, &mut self.block)?;
        let summed_from = (body.firsts > 0).then_some(0);
        let start = out.len();
        let sequence = Sequence { summed_from, base: body.base };
        simd::append_values(&self.block, sequence, self.arithmetic, out);
        out.truncate(start + body.count);
        correct(body.tag, body.bytes, out.get_mut(start..).unwrap_or_default())
    }
}
