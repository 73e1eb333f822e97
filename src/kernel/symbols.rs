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
use crate::model::limits::BLOCK_SAMPLES;

/// Bits of a state.
pub(crate) const STATE_BITS: u32 = 10;
/// States of a table.
pub(crate) const STATES: usize = 1 << STATE_BITS;
/// States that take turns in one stream.
pub(crate) const TURNS: usize = 4;
/// The widest offset, in bits.
pub(crate) const OFFSET_BITS_MAX: u32 = 32;
/// Where the base is in a state.
const BASE_SHIFT: u32 = 8;
/// Bytes of the offsets of a block.
const OFFSETS_BYTES_MAX: usize = BLOCK_SAMPLES * OFFSET_BITS_MAX as usize / 8;

/// What decoding does in a state: it gives the meaning of a symbol, and goes to `base` plus the
/// next `bits` bits.
///
/// One word, of which a vector machine's shifts take `bits` without a mask:
///
/// ```text
///  63 ... 32   31 ... 24    23 .. 8   7 .. 0
/// +----------+-------------+--------+--------+
/// |   low    | offset bits |  base  |  bits  |
/// +----------+-------------+--------+--------+
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct State(u64);

/// What a symbol stands for: numbers from `low` on, told apart by an offset of some bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Meaning {
    /// At most [`OFFSET_BITS_MAX`].
    pub(crate) offset_bits: u8,
    pub(crate) low: u32,
}

/// A stream of symbols: where it is read, and its states.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stream<'a> {
    bytes: &'a [u8],
    bit: usize,
    turns: [u16; TURNS],
}

impl State {
    /// The first state of a symbol that has `weight` of all [`STATES`].
    pub(crate) fn first(weight: u16, meaning: Meaning) -> Self {
        let bits = STATE_BITS.saturating_sub(weight.max(1).ilog2());
        let base = (u64::from(weight) << bits) & (STATES as u64 - 1);
        let Meaning { offset_bits, low } = meaning;
        let meant = u64::from(low) << 32 | u64::from(offset_bits) << 24;
        Self(meant | base << BASE_SHIFT | u64::from(bits))
    }

    /// The next state of the same symbol. What one leads to begins where that of the one before
    /// ended; from the last of all states it goes on at the first, with a bit less each. In the end
    /// it is every state, once.
    #[inline]
    pub(crate) fn sibling(self) -> Self {
        let next = self.0.wrapping_add(1 << (BASE_SHIFT + u32::from(self.bits() & 63)));
        let passed = next >> (BASE_SHIFT + STATE_BITS) & 1;
        Self(next.wrapping_sub(passed << (BASE_SHIFT + STATE_BITS)).wrapping_sub(passed))
    }

    /// What its symbol stands for.
    #[cfg(test)]
    pub(crate) fn meaning(self) -> Meaning {
        Meaning { offset_bits: self.offset_bits(), low: self.low() }
    }

    #[inline(always)]
    fn low(self) -> u32 {
        (self.0 >> 32) as u32
    }

    #[inline(always)]
    fn offset_bits(self) -> u8 {
        (self.0 >> 24) as u8
    }

    #[inline(always)]
    fn bits(self) -> u8 {
        self.0 as u8
    }

    /// The state after this one, given the next bits.
    #[inline(always)]
    fn next(self, word: u64) -> u16 {
        ((self.0 >> BASE_SHIFT) as u16).wrapping_add((word & low_bits(self.bits())) as u16)
    }
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
}

/// Fills `found` with the states that a stream goes through; returns what is left of it.
#[inline(always)]
pub(super) fn decode<'a>(
    states: &[State; STATES],
    stream: Stream<'a>,
    found: &mut [State],
) -> Stream<'a> {
    let Stream { bytes, mut bit, mut turns } = stream;
    // Up to four symbols, one from each state: at most 44 bits, and a load gives 57 or more.
    let mut step = |found: &mut [State]| {
        let mut word = load(bytes, bit >> 3) >> (bit & 7);
        for (slot, turn) in found.iter_mut().zip(&mut turns) {
            let state = states.get(usize::from(*turn) & (STATES - 1)).copied().unwrap_or_default();
            *slot = state;
            *turn = state.next(word);
            word >>= state.0 & 63;
            bit += usize::from(state.bits());
        }
    };
    let (quads, rest) = found.as_chunks_mut::<TURNS>();
    for quad in quads {
        step(quad);
    }
    step(rest);
    Stream { bytes, bit, turns }
}

/// Writes the numbers that are meant to a block of lanes, without offsets.
#[inline(always)]
pub(super) fn place_meanings(found: &[State], block: &mut Block) {
    each_number(found, block, |_, state| state.low());
}

/// Writes the numbers that are meant to a block of lanes, each with its offset from `bytes`, none
/// of them wider than `widest` bits; returns the bits that were read.
#[inline(always)]
pub(super) fn add_offsets(bytes: &[u8], widest: u32, found: &[State], block: &mut Block) -> usize {
    // Few offsets are all at the end of the bytes, where a load is slow: zeros are put behind them.
    let mut padded = [0; OFFSETS_BYTES_MAX + 8];
    let length = bytes.len().min(OFFSETS_BYTES_MAX);
    padded[..length].copy_from_slice(&bytes[..length]);
    // A load gives 57 bits or more.
    match widest {
        0..=14 => add_offsets_by::<4>(&padded, found, block),
        15..=28 => add_offsets_by::<2>(&padded, found, block),
        _ => add_offsets_by::<1>(&padded, found, block),
    }
}

/// Does the work of [`add_offsets`], of which a load serves so many.
#[inline(always)]
fn add_offsets_by<const N: usize>(bytes: &[u8], found: &[State], block: &mut Block) -> usize {
    let (mut bit, mut word) = (0_usize, 0);
    each_number(found, block, |at, state| {
        if at.is_multiple_of(N) {
            word = load(bytes, bit >> 3) >> (bit & 7);
        }
        let offset = (word & low_bits(state.offset_bits())) as u32;
        word >>= state.offset_bits() & 63;
        bit += usize::from(state.offset_bits());
        state.low().wrapping_add(offset)
    });
    bit
}

/// Writes what `number` makes of each state, given its place among four, to its place in a block of
/// lanes.
#[inline(always)]
fn each_number(found: &[State], block: &mut Block, mut number: impl FnMut(usize, State) -> u32) {
    let (tiles, rest) = found.as_chunks::<TILE>();
    // The places behind the last number, of a tile that is not full, are written as well.
    let mut last = [State::default(); TILE];
    last[..rest.len()].copy_from_slice(rest);
    let last = (!rest.is_empty()).then_some(&last);
    for (tile, places) in tiles.iter().chain(last).zip(block.as_chunks_mut::<TILE>().0) {
        // Each four neighbours stand beside the four before them.
        for (quad, states) in tile.as_chunks::<4>().0.iter().enumerate() {
            for (at, state) in states.iter().enumerate() {
                places[PLACES[at] + quad] = number(at, *state);
            }
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
        for (count, widest) in [0, 1, 15, 16, 17, 1_000, 1_024]
            .into_iter()
            .flat_map(|count| [0, 1, 4, 14, 15, 28, 29, 32].map(|widest| (count, widest)))
        {
            // Four of the widest, then four that leave the next ones at any bit of a byte.
            let is_wide = |at: u32| (at / 4).is_multiple_of(2);
            let bits = |at| if is_wide(at) { widest } else { at * at % 7 % (widest + 1) };
            let state = |at| State::first(1, Meaning { offset_bits: bits(at) as u8, low: at });
            let found: Vec<State> = (0..count).map(state).collect();
            let mut block = [7; 1_024];
            let read = add_offsets(&[0xff; 5_000], widest, &found, &mut block);
            assert_eq!(read, (0..count).map(|at| bits(at) as usize).sum::<usize>());
            for at in 0..count {
                let offset = low_bits(bits(at) as u8) as u32;
                assert_eq!(block[place(at as usize)], at.wrapping_add(offset), "{count} {widest}");
            }
            // Missing bytes read as zero.
            assert_eq!(add_offsets(&[], widest, &found, &mut block), read);
            assert!((0..count).all(|at| block[place(at as usize)] == at));
            place_meanings(&found, &mut block);
            assert!((0..count).all(|at| block[place(at as usize)] == at));
        }
    }

    #[test]
    fn the_states_of_a_symbol_lead_to_each_state_once() {
        let meaning = Meaning { offset_bits: 32, low: u32::MAX - 1 };
        for weight in 1..=STATES as u16 {
            let states = std::iter::successors(Some(State::first(weight, meaning)), |state| {
                Some(state.sibling())
            });
            let mut reached = Vec::new();
            for state in states.take(weight.into()) {
                assert_eq!(state.meaning(), meaning);
                // At least as many bits as the share of the symbol is worth, less one.
                let bits = u32::from(state.bits());
                assert!(bits == 10 - weight.ilog2() || bits == 9 - weight.ilog2());
                reached.extend((0..1 << bits).map(|word| state.next(word)));
            }
            let from = reached[0];
            let round = (0..STATES as u16).map(|after| (from + after) % STATES as u16);
            assert!(reached.into_iter().eq(round), "{weight}");
        }
    }
}
