//! Entropy-coded symbols and packed offsets back to numbers.
//!
//! In: a table of states, bytes, and room for as many numbers as there are symbols. Out: numbers,
//! in the order of lanes.
//! Never: a state outside of the table or a byte outside of the slice, whatever they hold: missing
//! bytes read as zero, and who calls checks where the bits end.

#![expect(
    clippy::inline_always,
    reason = "compiled with the caller, for the machine that the caller is for"
)]

use super::bits::load;
use super::lanes::{Block, PLACES, TILE};

/// Bits of a state.
pub(crate) const STATE_BITS: u32 = 10;
/// States of a table.
pub(crate) const STATES: usize = 1 << STATE_BITS;
/// States that take turns in one stream.
pub(crate) const TURNS: usize = 4;

/// What decoding does in a state: it gives the meaning of a symbol, and goes to `base` plus the
/// next `bits` bits.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct State {
    pub(crate) base: u16,
    /// At most [`STATE_BITS`].
    pub(crate) bits: u8,
    pub(crate) offset_bits: u8,
    pub(crate) low: u32,
}

/// What a symbol stands for: numbers from `low` on, told apart by an offset of some bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Meaning {
    /// At most 32.
    pub(crate) offset_bits: u8,
    pub(crate) low: u32,
}

/// A stream of symbols: where it is read, and its states.
#[derive(Debug)]
pub(crate) struct Stream<'a> {
    bytes: &'a [u8],
    bit: usize,
    turns: [u16; TURNS],
}

impl<'a> Stream<'a> {
    /// Reads the first states.
    pub(crate) fn begin(bytes: &'a [u8]) -> Self {
        let mut stream = Self { bytes, bit: 0, turns: [0; TURNS] };
        for state in &mut stream.turns {
            let word = load(bytes, stream.bit >> 3) >> (stream.bit & 7);
            *state = (word & low_bits(STATE_BITS as u8)) as u16;
            stream.bit += STATE_BITS as usize;
        }
        stream
    }

    /// What follows the stream; `None` if it did not end as it began when it was written.
    pub(crate) fn end(self) -> Option<&'a [u8]> {
        self.bytes.get(self.bit.div_ceil(8)..).filter(|_| self.turns == [0; TURNS])
    }

    /// Up to four symbols, one from each state: at most 44 bits, and a load gives 57 or more.
    #[inline(always)]
    fn step(&mut self, states: &[State; STATES], found: &mut [Meaning]) {
        let mut word = load(self.bytes, self.bit >> 3) >> (self.bit & 7);
        for (slot, turn) in found.iter_mut().zip(&mut self.turns) {
            let state = states.get(usize::from(*turn) & (STATES - 1)).copied().unwrap_or_default();
            *slot = Meaning { offset_bits: state.offset_bits, low: state.low };
            *turn = state.base.wrapping_add((word & low_bits(state.bits)) as u16);
            word >>= state.bits & 63;
            self.bit += usize::from(state.bits);
        }
    }
}

/// Fills `found` from a stream; returns what is left of it.
#[inline(always)]
pub(super) fn decode<'a>(
    states: &[State; STATES],
    mut stream: Stream<'a>,
    found: &mut [Meaning],
) -> Stream<'a> {
    let (quads, rest) = found.as_chunks_mut::<TURNS>();
    for quad in quads {
        stream.step(states, quad);
    }
    stream.step(states, rest);
    stream
}

/// Writes the numbers that are meant to a block of lanes, without offsets.
#[inline(always)]
pub(super) fn place_meanings(found: &[Meaning], block: &mut Block) {
    each_place(found, block, |meaning| meaning.low);
}

/// Writes the numbers that are meant to a block of lanes, each with its offset from `bytes`;
/// returns the bits that were read.
#[inline(always)]
pub(super) fn add_offsets(bytes: &[u8], found: &[Meaning], block: &mut Block) -> usize {
    let mut bit = 0_usize;
    each_place(found, block, |meaning| {
        let word = load(bytes, bit >> 3) >> (bit & 7);
        bit += usize::from(meaning.offset_bits);
        meaning.low.wrapping_add((word & low_bits(meaning.offset_bits)) as u32)
    });
    bit
}

/// Writes what `number` makes of each meaning to its place in a block of lanes.
#[inline(always)]
fn each_place(found: &[Meaning], block: &mut Block, mut number: impl FnMut(&Meaning) -> u32) {
    let (tiles, rest) = found.as_chunks::<TILE>();
    let (places, _) = block.as_chunks_mut::<TILE>();
    for (tile, places) in tiles.iter().zip(places.iter_mut()) {
        for (meaning, place) in tile.iter().zip(PLACES) {
            places[place] = number(meaning);
        }
    }
    if let Some(places) = places.get_mut(tiles.len()) {
        for (meaning, place) in rest.iter().zip(PLACES) {
            places[place] = number(meaning);
        }
    }
}

/// The lowest `count` bits, fewer than 64.
#[inline(always)]
const fn low_bits(count: u8) -> u64 {
    (1 << (count & 63)) - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::lanes::place;

    #[test]
    fn offsets_are_added_in_order() {
        let meaning = |at: u32| Meaning { offset_bits: (at % 5) as u8, low: at * 100 };
        for count in [0, 1, 15, 16, 17, 1_000, 1_024] {
            let found: Vec<Meaning> = (0..count).map(meaning).collect();
            let mut block = [7; 1_024];
            let bits = add_offsets(&[0xff; 400], &found, &mut block);
            assert_eq!(bits, (0..count).map(|at| at as usize % 5).sum::<usize>());
            for at in 0..count {
                let number = at * 100 + (1 << (at % 5)) - 1;
                assert_eq!(block[place(at as usize)], number, "{count} {at}");
            }
            place_meanings(&found, &mut block);
            assert!((0..count).all(|at| block[place(at as usize)] == at * 100));
        }
    }
}
