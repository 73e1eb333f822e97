//! Blocks of 1,024 small integers, packed in eight lanes, and the values that they become.
//!
//! In: packed bytes and their width; a block of integers, how they add up, and the arithmetic that
//! makes values of them. Out: integers; values at the end of a vector. Never: a result that depends
//! on the machine. The portable loops of this file define every bit; `simd.rs` chooses between
//! them and those for a machine's vectors.
//!
//! Number `i` stands in lane `i % 8`, row `i / 8`. A lane's bits follow one another in 32-bit words
//! of its own, and the words of the eight lanes take turns, so one load of 32 bytes serves eight
//! neighbours, which all need the same shifts. 1,024 numbers fill whole words at any width.

use std::mem::MaybeUninit;

use crate::model::limits::BLOCK_SAMPLES;

/// Numbers that are unpacked side by side.
pub(crate) const LANES: usize = 8;
/// The widest packed number, in bits.
pub(crate) const WIDTH_MAX: u32 = 31;
/// Rows of values that start and end with whole words, whatever the width.
const ROWS: usize = 32;
/// Bytes of one word of each lane.
const WORD_BYTES: usize = 4 * LANES;

/// A block of integers, each known modulo 2^32.
pub(crate) type Block = [u32; BLOCK_SAMPLES];
/// Neighbours, one in each lane.
pub(super) type Row = [u32; LANES];
/// One word of each lane, little endian.
pub(super) type Words = [u8; WORD_BYTES];

/// How the integers of a block are told by the numbers that were packed for them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sequence {
    /// What every packed number lacks.
    pub(crate) reference: u32,
    /// Where integers are sums of all numbers up to their own: the sum before the first one.
    pub(crate) summed_from: Option<u32>,
    /// What every integer, then within [-2^31, 2^31), lacks: whole, at most 2^53.
    pub(crate) base: f64,
}

/// What makes a value of an integer `k`, in the order in which it is written, each step rounded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Arithmetic {
    /// `k`.
    Whole,
    /// `k / divisor`, which is a whole number, at least 1.
    Quotient { divisor: f64 },
    /// `k * base`.
    Multiple { base: f64 },
    /// `k / divisor * whole / 100`; the divisor is a whole number, at least 1.
    Share { divisor: f64, whole: f64 },
}

/// A share is a share of a hundred.
pub(super) const PERCENT: f64 = 100.0;

impl Arithmetic {
    /// The value of `k`, a whole number.
    #[inline]
    pub(crate) fn value(self, k: f64) -> f64 {
        match self {
            Self::Whole => k,
            Self::Quotient { divisor } => k / divisor,
            Self::Multiple { base } => k * base,
            Self::Share { divisor, whole } => k / divisor * whole / PERCENT,
        }
    }
}

/// Bytes of a packed block.
pub(crate) const fn packed_bytes(width: u32) -> usize {
    BLOCK_SAMPLES / 8 * width as usize
}

/// Appends the lowest `width` bits, at most [`WIDTH_MAX`], of each number.
pub(crate) fn pack(block: &Block, width: u32, out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + packed_bytes(width), 0);
    let words = out.get_mut(start..).unwrap_or_default().as_chunks_mut::<WORD_BYTES>().0;
    let keep = mask(width);
    for (row, numbers) in block.as_chunks::<LANES>().0.iter().enumerate() {
        let bit = row * width as usize;
        let (word, shift) = (bit / 32, bit as u32 % 32);
        let places = words.iter_mut().skip(word).take(2).flat_map(|words| words.as_chunks_mut().0);
        // The word in which a number begins, and the next, in which it may end.
        let halves = numbers.iter().map(|number| u64::from(number & keep) << shift);
        let halves = halves.clone().map(|wide| wide as u32).chain(halves.map(|w| (w >> 32) as u32));
        for (place, half) in places.zip(halves) {
            *place = (u32::from_le_bytes(*place) | half).to_le_bytes();
        }
    }
}

const fn mask(width: u32) -> u32 {
    (1 << width) - 1
}

/// Calls `$unpack::<W>($($argument),*)` for the constant `W` that `$width` is.
macro_rules! for_width {
    ($width:expr, $unpack:ident ( $($argument:expr),* )) => {
        for_width!(@ $width, $unpack, ($($argument),*),
            1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31)
    };
    (@ $width:expr, $unpack:ident, $arguments:tt, $($constant:literal)*) => {
        match $width {
            $($constant => for_width!(@call $unpack, $constant, $arguments),)*
            _ => {}
        }
    };
    (@call $unpack:ident, $constant:literal, ($($argument:expr),*)) => {
        $unpack::<$constant>($($argument),*)
    };
}

/// Fills `block` from [`packed_bytes`] of `width` bits each; what is missing leaves it as it is.
#[inline(always)]
pub(super) fn unpack(bytes: &[u8], width: u32, block: &mut Block) {
    if width == 0 {
        block.fill(0);
    }
    let words = bytes.as_chunks().0;
    for_width!(width, unpack_rows(words, block));
}

#[inline(always)]
fn unpack_rows<const WIDTH: usize>(words: &[Words], block: &mut Block) {
    let rows = block.as_chunks_mut::<LANES>().0.as_chunks_mut::<ROWS>().0;
    for (words, rows) in words.as_chunks::<WIDTH>().0.iter().zip(rows) {
        unpack_group(words, rows);
    }
}

/// `ROWS` rows, which take `WIDTH` words. Spelled out, so that each row's shifts are constants.
#[inline(always)]
fn unpack_group<const WIDTH: usize>(words: &[Words; WIDTH], rows: &mut [Row; ROWS]) {
    macro_rules! rows {
        ($($index:literal)*) => { $(rows[$index] = unpack_row::<WIDTH, $index>(words);)* };
    }
    rows!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31);
}

#[inline(always)]
fn unpack_row<const WIDTH: usize, const INDEX: usize>(words: &[Words; WIDTH]) -> Row {
    let (word, shift) = (INDEX * WIDTH / 32, INDEX * WIDTH % 32);
    let mut row = lanes_of(&words[word]);
    for lane in &mut row {
        *lane >>= shift;
    }
    if shift + WIDTH > 32 {
        for (lane, high) in row.iter_mut().zip(lanes_of(&words[word + 1])) {
            *lane |= high << (32 - shift);
        }
    }
    for lane in &mut row {
        *lane &= mask(WIDTH as u32);
    }
    row
}

#[inline(always)]
fn lanes_of(words: &Words) -> Row {
    let mut row = [0; LANES];
    for (lane, bytes) in row.iter_mut().zip(words.as_chunks().0) {
        *lane = u32::from_le_bytes(*bytes);
    }
    row
}

/// Writes the values of all of `block`.
#[inline(always)]
pub(super) fn write_values(
    block: &Block,
    sequence: Sequence,
    arithmetic: Arithmetic,
    out: &mut [MaybeUninit<f64>; BLOCK_SAMPLES],
) {
    let value = |k: u32| arithmetic.value(sequence.base + f64::from(k as i32));
    each_integer(block, sequence, out, |slot, k| {
        slot.write(value(k));
    });
}

/// Calls `write` with each place of `out` and the integer of the block that belongs to it.
#[inline(always)]
pub(crate) fn each_integer<T>(
    block: &Block,
    sequence: Sequence,
    out: &mut [T; BLOCK_SAMPLES],
    mut write: impl FnMut(&mut T, u32),
) {
    let pairs = out.iter_mut().zip(block);
    match sequence.summed_from {
        None => {
            pairs.for_each(|(slot, number)| write(slot, number.wrapping_add(sequence.reference)));
        }
        Some(mut sum) => {
            for (slot, number) in pairs {
                sum = sum.wrapping_add(*number).wrapping_add(sequence.reference);
                write(slot, sum);
            }
        }
    }
}
