//! The cold form: the integers of a whole column share one front end, one model and one table of
//! bins, and are entropy coded by it. Denser than packing, and slower to read; for data that was
//! compacted.
//!
//! In: a column of values. Out: a header, and blocks that need it; each block can be read alone.
//! Never: a block that is longer so than packed.

#![warn(clippy::indexing_slicing)]

mod bins;
mod tans;

use super::block_of;
use super::front::{Front, Mapped};
use super::integers;
use super::tag::{FrontTag, Model, Tag};
use super::values::unmap;
use crate::error::{Error, Result};
use crate::model::limits::BLOCK_SAMPLES;
use bins::Bins;
use tans::Meaning;

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
    coding: Coding,
    tans: tans::Decoder,
}

impl Coding {
    /// The coding with the fewest bytes for a column's blocks, which `front` has mapped; none where
    /// there are no integers or some are too far apart.
    pub(super) fn choose(front: Front, blocks: &[Mapped]) -> Option<Self> {
        let (mut stream, mut all) = (Vec::new(), Vec::new());
        let mut best: Option<(f64, Self)> = None;
        for model in [Model::Reference, Model::Delta, Model::DeltaOfDelta] {
            if model == Model::DeltaOfDelta && best.as_ref()?.1.model != Model::Delta {
                // Where differences do not help, their differences do even less.
                break;
            }
            all.clear();
            let mut first_bits = 0.0;
            for block in blocks {
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

    fn read(mut bytes: &[u8]) -> Result<Self> {
        let tag = Tag::read(&mut bytes)?;
        if tag.near
            || tag.far
            || matches!(tag.front, FrontTag::Raw | FrontTag::Coded | FrontTag::Derived)
        {
            return Err(Error::decode("a column's header of no known kind"));
        }
        let front = Front::read(tag.front, &mut bytes)?;
        let bins = Bins::read(&mut bytes)?;
        super::expect_end(bytes)?;
        Ok(Self { front, model: tag.model, bins })
    }
}

impl<'a> Encoder<'a> {
    pub(super) fn new(coding: &'a Coding) -> Self {
        let tans = tans::Encoder::new(&coding.bins.weights);
        Self { coding, tans, stream: Vec::new(), symbols: Vec::new(), steps: Vec::new() }
    }

    /// Appends a block as the coding's front end has mapped it; `None`, and perhaps some bytes,
    /// where an integer has no bin.
    pub(super) fn encode(&mut self, mapped: &Mapped, out: &mut Vec<u8>) -> Option<()> {
        let Coding { model, bins, .. } = self.coding;
        integers::differences(*model, &mapped.latents, &mut self.stream);
        bins.symbols(&self.stream, &mut self.symbols)?;
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
    pub(super) fn new(header: &[u8]) -> Result<Self> {
        let coding = Coding::read(header)?;
        let tans = tans::Decoder::new(&coding.bins.weights, &coding.bins.meanings());
        Ok(Self { coding, tans })
    }

    /// Appends the values of a coded block, whose tag was read.
    pub(super) fn decode(
        &self,
        tag: Tag,
        mut bytes: &[u8],
        count: usize,
        out: &mut Vec<f64>,
    ) -> Result<()> {
        let Coding { front, model, bins } = &self.coding;
        if tag.model != *model {
            return Err(Error::decode("a coded block of another model than its column"));
        }
        let mut latents = [0_i64; BLOCK_SAMPLES];
        let mut found = [Meaning::default(); BLOCK_SAMPLES];
        let latents = block_of(&mut latents, count)?;
        integers::decode_by(&mut bytes, *model, latents, |bytes, stream| {
            let found = found.get_mut(..stream.len()).unwrap_or_default();
            self.tans.decode(bytes, found)?;
            bins.read_offsets(bytes, found, stream)
        })?;
        unmap(*front, tag, latents, bytes, out)
    }
}
