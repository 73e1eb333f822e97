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
/// Set in a base that is beyond the last state.
const PASSED: u64 = (STATES as u64) << BASE_SHIFT;
/// Where the number of an offset's bits is.
const OFFSET_SHIFT: u32 = 24;
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
#[repr(transparent)]
pub(crate) struct State(u64);

/// The states of a symbol, in order. What one leads to begins where that of the one before ended;
/// from the last of all states it goes on at the first, with a bit less each. In the end it is
/// every state, once.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Siblings {
    next: u64,
    step: u64,
}

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
    /// What its symbol stands for.
    #[cfg(test)]
    pub(crate) fn meaning(self) -> Meaning {
        Meaning { offset_bits: self.offset_bits(), low: self.low() }
    }

    #[inline(always)]
    fn low(self) -> u32 {
        (self.0 >> 32) as u32
    }

    #[cfg(test)]
    fn offset_bits(self) -> u8 {
        (self.0 >> OFFSET_SHIFT) as u8
    }

    #[cfg(test)]
    fn bits(self) -> u8 {
        self.0 as u8
    }
}

impl Siblings {
    /// Those of a symbol that has `weight` of all [`STATES`].
    pub(crate) fn new(weight: u16, meaning: Meaning) -> Self {
        let bits = STATE_BITS.saturating_sub(weight.max(1).ilog2());
        let base = (u64::from(weight) << bits) & (STATES as u64 - 1);
        let Meaning { offset_bits, low } = meaning;
        let meant = u64::from(low) << 32 | u64::from(offset_bits) << OFFSET_SHIFT;
        Self { next: meant | base << BASE_SHIFT | u64::from(bits), step: 1 << (BASE_SHIFT + bits) }
    }

    /// The next one.
    #[inline]
    pub(crate) fn next(&mut self) -> State {
        let state = State(self.next);
        self.next = self.next.wrapping_add(self.step);
        // Once for each symbol, which is guessed right but then.
        if self.next & PASSED != 0 {
            self.next = self.next.wrapping_sub(PASSED + 1);
            self.step >>= 1;
        }
        state
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

/// Bits that were loaded and are not read yet, the next one lowest.
struct Loaded<'a> {
    bytes: &'a [u8],
    /// The byte that is loaded next.
    at: usize,
    word: u64,
    /// How many bits of `word` there are, in the lowest six bits of this.
    count: u64,
}

impl<'a> Loaded<'a> {
    #[inline(always)]
    fn new(bytes: &'a [u8], bit: usize) -> Self {
        let mut loaded = Self { bytes, at: bit >> 3, word: 0, count: 0 };
        loaded.fill();
        loaded.skip((bit & 7) as u64);
        loaded
    }

    /// Fills the word up to 56 bits or more. Which bytes are loaded does not depend on what was
    /// read since the time before: a load does not wait for symbols.
    #[inline(always)]
    fn fill(&mut self) {
        self.word |= load(self.bytes, self.at) << (self.count & 63);
        self.at += (!self.count >> 3 & 7) as usize;
        self.count |= 0b11_1000;
    }

    /// Skips as many bits as the lowest six bits of `count` say.
    #[inline(always)]
    fn skip(&mut self, count: u64) {
        self.word >>= count & 63;
        self.count = self.count.wrapping_sub(count);
    }

    /// The bit that is read next.
    #[inline(always)]
    fn bit(&self) -> usize {
        8 * self.at - (self.count & 63) as usize
    }
}

/// Fills `found` with the states that a stream goes through; returns what is left of it. `keep`
/// keeps as many of a word's lowest bits as the lowest byte of a state says, as [`keep_bits`] does.
#[inline(always)]
pub(super) fn decode<'a>(
    states: &[State; STATES],
    stream: Stream<'a>,
    found: &mut [State],
    keep: impl Fn(u64, u64) -> u64,
) -> Stream<'a> {
    let Stream { bytes, bit, mut turns } = stream;
    let mut loaded = Loaded::new(bytes, bit);
    let state = |turn: u16| states[usize::from(turn) & (STATES - 1)];
    let after =
        |state: State, word| (state.0 >> BASE_SHIFT).wrapping_add(keep(word, state.0)) as u16;
    let (quads, rest) = found.as_chunks_mut::<TURNS>();
    for quad in quads {
        // A symbol from each state: at most 40 bits. The lowest byte of a state is its number of
        // bits, and that of a sum the sum of theirs: no shift waits for the one before it.
        loaded.fill();
        let [a, b, c, d] = turns.map(state);
        let ab = a.0.wrapping_add(b.0);
        let abc = ab.wrapping_add(c.0);
        let shifted = |bits: u64| loaded.word >> (bits & 63);
        turns = [
            after(a, loaded.word),
            after(b, shifted(a.0)),
            after(c, shifted(ab)),
            after(d, shifted(abc)),
        ];
        *quad = [a, b, c, d];
        loaded.skip(abc.wrapping_add(d.0));
    }
    loaded.fill();
    for (slot, turn) in rest.iter_mut().zip(&mut turns) {
        *slot = state(*turn);
        *turn = after(*slot, loaded.word);
        loaded.skip(slot.0);
    }
    Stream { bytes, bit: loaded.bit(), turns }
}

/// Writes the numbers that are meant to a block of lanes, without offsets.
#[inline(always)]
pub(super) fn place_meanings(found: &[State], block: &mut Block) {
    each_number(found, block, |_, state| state.low());
}

/// Writes the numbers that are meant to a block of lanes, each with its offset from `bytes`, none
/// of them wider than `widest` bits; returns the bits that were read. `keep` is as for [`decode`].
#[inline(always)]
pub(super) fn add_offsets(
    bytes: &[u8],
    widest: u32,
    found: &[State],
    block: &mut Block,
    keep: impl Fn(u64, u64) -> u64,
) -> usize {
    // Few offsets are all at the end of the bytes, where a load is slow: zeros are put behind them.
    let mut padded = [0; OFFSETS_BYTES_MAX + 8];
    let length = bytes.len().min(OFFSETS_BYTES_MAX);
    padded[..length].copy_from_slice(&bytes[..length]);
    // A load gives 57 bits or more.
    match widest {
        0..=14 => add_offsets_by::<4>(&padded, found, block, keep),
        15..=28 => add_offsets_by::<2>(&padded, found, block, keep),
        _ => add_offsets_by::<1>(&padded, found, block, keep),
    }
}

/// Does the work of [`add_offsets`], of which a load serves so many.
#[inline(always)]
fn add_offsets_by<const N: usize>(
    bytes: &[u8],
    found: &[State],
    block: &mut Block,
    keep: impl Fn(u64, u64) -> u64,
) -> usize {
    let (mut bit, mut word) = (0_usize, 0);
    each_number(found, block, |at, state| {
        if at.is_multiple_of(N) {
            word = load(bytes, bit >> 3) >> (bit & 7);
        }
        let bits = state.0 >> OFFSET_SHIFT;
        let offset = keep(word, bits) as u32;
        word >>= bits & 63;
        bit += (bits & 0xff) as usize;
        state.low().wrapping_add(offset)
    });
    bit
}

/// Writes what `number` makes of each state, given its place among four, to its place in a block of
/// lanes.
#[inline(always)]
fn each_number(found: &[State], block: &mut Block, mut number: impl FnMut(usize, State) -> u32) {
    each_tile(found, block, |tile, places| {
        // Each four neighbours stand beside the four before them.
        for (quad, states) in tile.as_chunks::<4>().0.iter().enumerate() {
            for (at, state) in states.iter().enumerate() {
                places[PLACES[at] + quad] = number(at, *state);
            }
        }
    });
}

/// Calls `write` with the states of each tile, and its places in a block of lanes. Of a tile that
/// is not full, the places behind the last number are written as well.
#[inline(always)]
pub(super) fn each_tile(
    found: &[State],
    block: &mut Block,
    mut write: impl FnMut(&[State; TILE], &mut [u32; TILE]),
) {
    let (tiles, rest) = found.as_chunks::<TILE>();
    let mut last = [State::default(); TILE];
    last[..rest.len()].copy_from_slice(rest);
    let last = (!rest.is_empty()).then_some(&last);
    for (tile, places) in tiles.iter().chain(last).zip(block.as_chunks_mut::<TILE>().0) {
        write(tile, places);
    }
}

/// The lowest bits of a word, as many as the lowest byte of `count` says, fewer than 64.
#[inline(always)]
pub(super) fn keep_bits(word: u64, count: u64) -> u64 {
    word & low_bits(count as u8)
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
    use crate::kernel::{Random, simd};

    /// Whether offsets of up to `widest` bits come to the meanings of `count` states, in order.
    fn expect_offsets(
        add_offsets: impl Fn(&[u8], u32, &[State], &mut Block) -> usize,
        count: u32,
        widest: u32,
    ) {
        // Four of the widest, then four that leave the next ones at any bit of a byte.
        let is_wide = |at: u32| (at / 4).is_multiple_of(2);
        let bits = |at| if is_wide(at) { widest } else { at * at % 7 % (widest + 1) };
        let low = |at: u32| at.wrapping_mul(0x9e37_79b9);
        let meaning = |at| Meaning { offset_bits: bits(at) as u8, low: low(at) };
        let found: Vec<State> = (0..count).map(|at| Siblings::new(1, meaning(at)).next()).collect();
        let mut block = [7; BLOCK_SAMPLES];
        let read = add_offsets(&[0xff; 5_000], widest, &found, &mut block);
        assert_eq!(read, (0..count).map(|at| bits(at) as usize).sum::<usize>());
        for at in 0..count {
            let offset = low_bits(bits(at) as u8) as u32;
            assert_eq!(block[place(at as usize)], low(at).wrapping_add(offset), "{count} {widest}");
        }
        // Missing bytes read as zero.
        assert_eq!(add_offsets(&[], widest, &found, &mut block), read);
        assert!((0..count).all(|at| block[place(at as usize)] == low(at)));
        for place_meanings in [place_meanings, simd::place_meanings] {
            block.fill(7);
            place_meanings(&found, &mut block);
            assert!((0..count).all(|at| block[place(at as usize)] == low(at)));
        }
    }

    #[test]
    fn offsets_are_added_in_order() {
        for count in [0, 1, 15, 16, 17, 1_000, 1_024] {
            for widest in [0, 1, 4, 14, 15, 28, 29, 32] {
                let plain = |bytes: &[u8], widest, found: &[State], block: &mut Block| {
                    add_offsets(bytes, widest, found, block, keep_bits)
                };
                expect_offsets(plain, count, widest);
                expect_offsets(simd::add_offsets, count, widest);
            }
        }
    }

    #[test]
    fn streams_of_any_bytes_are_read_alike_by_every_machine() {
        let mut random = Random::new(4);
        let mut states = [State::default(); STATES];
        for round in 0..if cfg!(miri) { 2 } else { 300 } {
            // Symbols of any weight, one after another; only streams that were written end in turn.
            let mut begin = 0;
            while begin < STATES {
                let weight = 1 + random.below(STATES - begin).min(random.below(200));
                let meaning = Meaning { offset_bits: 3, low: begin as u32 };
                let mut siblings = Siblings::new(weight as u16, meaning);
                states[begin..begin + weight].fill_with(|| siblings.next());
                begin += weight;
            }
            let bytes: Vec<u8> =
                (0..random.below(1_500)).map(|_| random.below(256) as u8).collect();
            let count = random.below(BLOCK_SAMPLES + 1);
            let (mut plain, mut fast) = (vec![State::default(); count], vec![State(7); count]);
            let end = decode(&states, Stream::begin(&bytes), &mut plain, keep_bits);
            let fast_end = simd::decode_symbols(&states, Stream::begin(&bytes), &mut fast);
            assert_eq!((end.bit, end.turns), (fast_end.bit, fast_end.turns), "{round}");
            assert_eq!(plain, fast);
            let bits: usize = plain.iter().map(|state| usize::from(state.bits())).sum();
            assert_eq!(end.bit, TURNS * STATE_BITS as usize + bits);
        }
    }

    #[test]
    fn the_states_of_a_symbol_lead_to_each_state_once() {
        let meaning = Meaning { offset_bits: 32, low: u32::MAX - 1 };
        for weight in 1..=STATES as u16 {
            let mut siblings = Siblings::new(weight, meaning);
            let mut reached = Vec::new();
            for state in (0..weight).map(|_| siblings.next()) {
                assert_eq!(state.meaning(), meaning);
                // At least as many bits as the share of the symbol is worth, less one.
                let bits = u32::from(state.bits());
                assert!(bits == 10 - weight.ilog2() || bits == 9 - weight.ilog2());
                let base = (state.0 >> BASE_SHIFT) as u16;
                reached.extend(base..base + (1 << bits));
            }
            let from = reached[0];
            let round = (0..STATES as u16).map(|after| (from + after) % STATES as u16);
            assert!(reached.into_iter().eq(round), "{weight}");
        }
    }
}
