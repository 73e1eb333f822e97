//! Integers taken back from their packed form, see `integers.rs`: into integers, or straight into
//! values where the block is in lanes.
//!
//! In: bytes. Out: as many integers or values as were asked for. Never: arithmetic that can
//! overflow, or bytes read beyond the end.

#![warn(clippy::indexing_slicing)]

use super::pack::{WIDTH_MAX, packed_bytes, unpack};
use super::sparse::{self, take, take_byte};
use super::tag::Model;
use super::varint;
use crate::error::{Error, Result};
use crate::kernel::lanes::{self, Arithmetic, Packed, Sequence};
use crate::kernel::lists::Meaning;
use crate::kernel::simd;
use crate::model::limits::BLOCK_SAMPLES;

/// In a width byte: exceptions follow the packed bits.
pub(super) const EXCEPTIONS: u8 = 0x80;
/// In a width byte, both bits: the block is in lanes, and the width is in the five bits below.
pub(super) const NARROW: u8 = 0x60;

/// What stands before the packed bits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stream {
    model: Model,
    /// The first integer; 0 where the model has none.
    first: i64,
    /// The second integer less the first; 0 where the model has none.
    delta: i64,
    reference: i64,
    width: u32,
    exceptions: bool,
    narrow: bool,
    count: usize,
}

impl Stream {
    /// Takes the header of `count` > 0 integers off the front of `bytes`.
    #[inline]
    pub(super) fn read(bytes: &mut &[u8], model: Model, count: usize) -> Result<Self> {
        let first = if model == Model::Reference { 0 } else { varint::read_i64(bytes)? };
        let has_delta = model == Model::DeltaOfDelta && count > 1;
        let delta = if has_delta { varint::read_i64(bytes)? } else { 0 };
        let reference = varint::read_i64(bytes)?;
        let form = take_byte(bytes)?;
        let narrow = form & NARROW == NARROW;
        let width = u32::from(form & !EXCEPTIONS & if narrow { !NARROW } else { u8::MAX });
        let exceptions = form & EXCEPTIONS != 0;
        let stream = Self { model, first, delta, reference, width, exceptions, narrow, count };
        if width > WIDTH_MAX {
            return Err(Error::decode(format!("integers of {width} bits")));
        }
        let fits = (1..=BLOCK_SAMPLES).contains(&count);
        if narrow && (!fits || stream.base().unsigned_abs() > lanes::BASE_MAX) {
            let base = stream.base();
            return Err(Error::decode(format!("lanes for {count} integers from {base} on")));
        }
        Ok(stream)
    }

    /// Whether [`Self::append_values`] can be called.
    pub(super) fn is_narrow(&self) -> bool {
        self.narrow
    }

    /// Which magnitude no integer exceeds, where that is told by what stands before the bits.
    pub(super) fn magnitude_max(&self) -> Option<u64> {
        let base = self.base().unsigned_abs();
        if self.narrow {
            return Some(base + u64::from(i32::MIN.unsigned_abs()));
        }
        // Differences of up to `step`, one after another.
        let step = self.reference.unsigned_abs().checked_add(1_u64.checked_shl(self.width)?)?;
        let steps = match self.model {
            Model::Reference => 1,
            Model::Delta => self.count as u64,
            Model::DeltaOfDelta => return None,
        };
        let more = if self.exceptions { None } else { step.checked_mul(steps) };
        base.checked_add(more?)
    }

    /// What the number of an exception means.
    fn exception(&self) -> Meaning {
        Meaning { is_folded: true, more: 0, shift: self.width }
    }

    /// Whether packed numbers are used as they are.
    fn tells_alone(&self) -> bool {
        !self.exceptions && self.model != Model::DeltaOfDelta
    }

    fn is_constant(&self) -> bool {
        self.model == Model::Reference && self.width == 0 && !self.exceptions
    }

    /// What the integers of a block in lanes differ little from.
    pub(super) fn base(&self) -> i64 {
        if self.model == Model::Reference { self.reference } else { self.first }
    }

    /// Appends the values of a block in lanes.
    #[inline]
    pub(super) fn append_values(
        &self,
        bytes: &mut &[u8],
        arithmetic: Arithmetic,
        out: &mut Vec<f64>,
    ) -> Result<()> {
        if self.is_constant() {
            out.resize(out.len() + self.count, arithmetic.value(self.reference as f64));
            return Ok(());
        }
        if self.tells_alone() {
            let packed = self.take_packed(bytes)?;
            simd::append_packed_values(packed, self.sequence(), arithmetic, out);
            return Ok(());
        }
        self.read_lanes(bytes, |block, sequence| {
            simd::append_values(block, self.count, sequence, arithmetic, out);
        })
    }

    /// Appends the integers of a block in lanes, each without [`Self::base`].
    #[inline]
    pub(super) fn append_integers(&self, bytes: &mut &[u8], out: &mut Vec<i32>) -> Result<()> {
        if self.is_constant() {
            out.resize(out.len() + self.count, 0);
            return Ok(());
        }
        if self.tells_alone() {
            let packed = self.take_packed(bytes)?;
            simd::append_packed_integers(packed, self.sequence().summed_from, out);
            return Ok(());
        }
        self.read_lanes(bytes, |block, sequence| {
            simd::append_integers(block, self.count, sequence.summed_from, out);
        })
    }

    /// Calls `then` with the integers, as many as the header was read for.
    #[inline]
    pub(super) fn decode<R>(&self, bytes: &mut &[u8], then: impl FnOnce(&[i64]) -> R) -> Result<R> {
        let mut integers = [0; BLOCK_SAMPLES];
        let integers = super::block_of(&mut integers, self.count)?;
        self.fill(bytes, integers)?;
        Ok(then(integers))
    }

    fn fill(&self, bytes: &mut &[u8], integers: &mut [i64]) -> Result<()> {
        if self.narrow {
            return self.read_lanes(bytes, |block, sequence| {
                lanes::each_integer(block, sequence, integers, |slot, k| *slot = k);
            });
        }
        let firsts = match self.model {
            Model::Reference => 0,
            Model::Delta => 1,
            Model::DeltaOfDelta => 2.min(integers.len()),
        };
        let Some((firsts, stream)) = integers.split_at_mut_checked(firsts) else {
            return Err(Error::decode("a block without values"));
        };
        self.fill_packed(bytes, stream)?;
        let (mut value, mut delta) = (self.first, self.delta);
        if let [first, ..] = firsts {
            *first = value;
        }
        if let [_, second] = firsts {
            value = value.wrapping_add(delta);
            *second = value;
        }
        match self.model {
            Model::Reference => {}
            Model::Delta => {
                for slot in stream {
                    value = value.wrapping_add(*slot);
                    *slot = value;
                }
            }
            Model::DeltaOfDelta => {
                for slot in stream {
                    delta = delta.wrapping_add(*slot);
                    value = value.wrapping_add(delta);
                    *slot = value;
                }
            }
        }
        Ok(())
    }

    /// Integers packed one after another, without the model.
    fn fill_packed(&self, bytes: &mut &[u8], stream: &mut [i64]) -> Result<()> {
        let packed = take(bytes, packed_bytes(stream.len(), self.width))?;
        unpack(packed, self.width, stream);
        for slot in stream.iter_mut() {
            *slot = slot.wrapping_add(self.reference);
        }
        if self.exceptions {
            sparse::add_to(bytes, self.exception(), stream, simd::add_to_integers)?;
        }
        Ok(())
    }

    /// Numbers packed in lanes, and how they tell the block's integers, for `then` to use.
    #[inline]
    fn read_lanes(&self, bytes: &mut &[u8], then: impl FnOnce(&[u32], Sequence)) -> Result<()> {
        let packed = self.take_packed(bytes)?;
        let read = |block: &mut [u32]| {
            if self.exceptions {
                sparse::add_to(bytes, self.exception(), block, simd::add_to_words)?;
            }
            let mut sequence = self.sequence();
            if self.model == Model::DeltaOfDelta {
                // The first two numbers stand for no difference and are the reference.
                let (delta, reference) = (self.delta as u32, self.reference as u32);
                lanes::sum_up(block, delta.wrapping_sub(reference.wrapping_mul(2)));
                sequence.summed_from = Some(reference.wrapping_sub(delta));
            }
            then(block, sequence);
            Ok(())
        };
        simd::with_lanes(packed, read)
    }

    fn take_packed<'a>(&self, bytes: &mut &'a [u8]) -> Result<Packed<'a>> {
        let Self { width, count, .. } = *self;
        let reference = if self.model == Model::Reference { 0 } else { self.reference as u32 };
        let bytes = take(bytes, lanes::packed_bytes(count, width))?;
        Ok(Packed { bytes, width, count, reference })
    }

    /// How packed numbers, or what was made of them, tell the integers.
    fn sequence(&self) -> Sequence {
        // The first number stands for no difference and is the reference.
        let start = (self.reference as u32).wrapping_neg();
        let summed_from = (self.model != Model::Reference).then_some(start);
        Sequence { summed_from, base: self.base() }
    }
}
