//! Blocks of up to 1,024 small integers, packed in eight lanes, and the values that they become.
//!
//! In: packed bytes and their width; a block of integers, how they add up, and the arithmetic that
//! makes values of them. Out: integers; values. Never: a result that depends on the machine. The
//! portable loops of this file define every bit; `simd.rs` chooses between them and those for a
//! machine's vectors.
//!
//! Sixteen neighbours stand in two rows of eight lanes: those at even places in the first row,
//! those at odd places in the second, pairs in the lanes 0, 4, 1, 5, 2, 6, 3, 7. So a vector adds
//! eight pairs at once, and neighbours come back together by shuffles within halves of vectors.
//! A lane's bits follow one another in 32-bit words of its own, and the words of the eight lanes
//! take turns: a load of 32 bytes serves eight numbers, which all need the same shifts. 256
//! numbers fill whole words at any width. A shorter block is filled up to sixteen neighbours, and
//! of the last words only the bytes that have bits are kept.
#![expect(
    clippy::inline_always,
    reason = "compiled with the caller, for the machine that the caller is for"
)]

use std::mem::MaybeUninit;

use crate::model::limits::BLOCK_SAMPLES;

/// Numbers that are unpacked side by side.
pub(crate) const LANES: usize = 8;
/// The widest packed number, in bits.
pub(crate) const WIDTH_MAX: u32 = 31;
/// The largest magnitude of a [`Sequence::base`].
pub(crate) const BASE_MAX: u64 = 1 << 50;
/// Rows that start and end with whole words, whatever the width.
pub(super) const ROWS: usize = 32;
/// Neighbours in two rows.
pub(super) const TILE: usize = 2 * LANES;
/// Bytes of one word of each lane.
const WORD_BYTES: usize = 4 * LANES;
/// Where each of sixteen neighbours stands.
pub(super) const PLACES: [usize; TILE] = [0, 8, 4, 12, 1, 9, 5, 13, 2, 10, 6, 14, 3, 11, 7, 15];

/// Room for numbers in the order of lanes, each known modulo 2^32.
pub(crate) type Block = [u32; BLOCK_SAMPLES];
/// A block before it is written.
pub(super) type Unwritten = [MaybeUninit<u32>; BLOCK_SAMPLES];
/// One number of each lane.
pub(super) type Row = [u32; LANES];
/// One word of each lane, little endian.
pub(super) type Words = [u8; WORD_BYTES];

/// Numbers that were packed for the integers of a block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Packed<'a> {
    /// [`packed_bytes`] of them, if they are whole.
    pub(crate) bytes: &'a [u8],
    /// Bits of a number, at most [`WIDTH_MAX`].
    pub(crate) width: u32,
    /// How many integers they are for, at most as many as a block has.
    pub(crate) count: usize,
    /// What every number lacks.
    pub(crate) reference: u32,
}

impl Packed<'_> {
    /// Whether there are exactly the bytes that there should be.
    pub(super) fn is_whole(&self) -> bool {
        self.count <= BLOCK_SAMPLES && self.bytes.len() == packed_bytes(self.count, self.width)
    }
}

/// How the integers of a block are told by the numbers that were packed for them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sequence {
    /// Where integers are sums of all numbers up to their own: the sum before the first one.
    pub(crate) summed_from: Option<u32>,
    /// What every integer, then within [-2^31, 2^31), lacks: at most [`BASE_MAX`].
    pub(crate) base: i64,
}

/// What makes a value of an integer `k`, in the order in which it is written, each step rounded.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Arithmetic {
    /// `k`.
    Whole,
    /// `k / divisor`, which is a whole number, at least 1.
    Quotient {
        /// The divisor.
        divisor: f64,
    },
    /// `k * base`.
    Multiple {
        /// The factor.
        base: f64,
    },
    /// `k / divisor * whole / 100`; the divisor is a whole number, at least 1.
    Share {
        /// The divisor.
        divisor: f64,
        /// What a hundred percent are.
        whole: f64,
    },
}

/// A share is a share of a hundred.
pub(super) const PERCENT: f64 = 100.0;

impl Arithmetic {
    /// The value of `k`, a whole number.
    #[inline]
    pub fn value(self, k: f64) -> f64 {
        match self {
            Self::Whole => k,
            Self::Quotient { divisor } => k / divisor,
            Self::Multiple { base } => k * base,
            Self::Share { divisor, whole } => k / divisor * whole / PERCENT,
        }
    }
}

/// How many numbers there are in lanes for this many integers: whole tiles of sixteen.
pub(crate) const fn padded(count: usize) -> usize {
    count.next_multiple_of(TILE)
}

/// Bytes of a packed block of `count` integers.
pub(crate) const fn packed_bytes(count: usize, width: u32) -> usize {
    let lane_bits = padded(count) / LANES * width as usize;
    lane_bits / 32 * WORD_BYTES + last_bytes(lane_bits) * LANES
}

/// Bytes that are kept of the last, not full word of a lane.
const fn last_bytes(lane_bits: usize) -> usize {
    (lane_bits % 32).div_ceil(8)
}

/// Where the number at `index` stands in a block.
pub(crate) const fn place(index: usize) -> usize {
    index / TILE * TILE + PLACES[index % TILE]
}

/// Appends the lowest `width` bits, at most [`WIDTH_MAX`], of each number; `block` is whole tiles.
pub(crate) fn pack(block: &[u32], width: u32, out: &mut Vec<u8>) {
    let start = out.len();
    let rows = block.as_chunks::<LANES>().0;
    let lane_bits = rows.len() * width as usize;
    out.resize(start + lane_bits.div_ceil(32) * WORD_BYTES, 0);
    let words = out[start..].as_chunks_mut::<WORD_BYTES>().0;
    for (index, row) in rows.iter().enumerate() {
        let bit = index * width as usize;
        let (word, shift) = (bit / 32, bit % 32);
        for (lane, number) in row.iter().enumerate() {
            let bits = u64::from(number & mask(width)) << shift;
            // The word in which a number begins, and the next, in which it may end.
            for (words, bits) in words[word..].iter_mut().zip([bits as u32, (bits >> 32) as u32]) {
                let slot = &mut words.as_chunks_mut().0[lane];
                *slot = (u32::from_le_bytes(*slot) | bits).to_le_bytes();
            }
        }
    }
    let kept = last_bytes(lane_bits);
    if kept > 0 {
        let last = out.len() - WORD_BYTES;
        for at in 0..LANES * kept {
            out[last + at] = out[last + at / kept * 4 + at % kept];
        }
        out.truncate(last + LANES * kept);
    }
}

pub(super) const fn mask(width: u32) -> u32 {
    (1 << width) - 1
}

/// A group of rows, and its words; there are `width` of them.
pub(super) type Rows = [[MaybeUninit<u32>; LANES]; ROWS];
pub(super) type GroupWords = [Words; WIDTH_MAX as usize];

/// Writes at least the [`padded`] numbers of the integers, if a block has so many: what was packed,
/// each more by the reference, if that is whole; else the reference alone.
pub(super) fn unpack(packed: Packed, block: &mut Unwritten) {
    each_group(packed, block, |words, rows| {
        for (index, row) in rows.iter_mut().enumerate() {
            *row = unpack_row(words, index, packed.width as usize, packed.reference);
        }
    });
}

/// Does the work of [`unpack`]: calls `write` with the words of each group, `width` of them, and
/// the rows to be written.
#[inline(always)]
pub(super) fn each_group(
    packed: Packed,
    block: &mut Unwritten,
    mut write: impl FnMut(&[Words], &mut Rows),
) {
    let Packed { bytes, width, count, reference } = packed;
    if width == 0 || !packed.is_whole() {
        let end = padded(count).min(block.len());
        block[..end].fill(MaybeUninit::new(reference));
        return;
    }
    // As many groups as the bytes have in full, and one more where bytes are left: no row of the
    // count is missed, since a row has bits.
    let (groups, _) = block.as_chunks_mut().0.as_chunks_mut::<ROWS>();
    let mut groups = groups.iter_mut();
    let group_bytes = width as usize * WORD_BYTES;
    let whole = bytes.chunks_exact(group_bytes);
    let rest = whole.remainder();
    for (bytes, rows) in whole.zip(groups.by_ref()) {
        write(bytes.as_chunks().0, rows);
    }
    if let (false, Some(rows)) = (rest.is_empty(), groups.next()) {
        let words: GroupWords = last_words(rest);
        write(&words[..width as usize], rows);
    }
}

/// The last words of a block, of which the very last may not be kept in full; zeros for what lacks.
#[cold]
pub(super) fn last_words<const N: usize>(bytes: &[u8]) -> [Words; N] {
    let mut words = [[0; WORD_BYTES]; N];
    let (whole, last) = bytes.as_chunks::<WORD_BYTES>();
    words[..whole.len()].copy_from_slice(whole);
    let kept = (last.len() / LANES).max(1);
    for (at, byte) in last.iter().enumerate() {
        words[whole.len()][at / kept * 4 + at % kept] = *byte;
    }
    words
}

/// Row `index` of a group of [`ROWS`], which has `width` words.
#[inline(always)]
pub(super) fn unpack_row(
    words: &[Words],
    index: usize,
    width: usize,
    reference: u32,
) -> [MaybeUninit<u32>; LANES] {
    let (word, shift) = (index * width / 32, index * width % 32);
    let mut row = lanes_of(&words[word]);
    for lane in &mut row {
        *lane >>= shift;
    }
    if shift + width > 32 {
        for (lane, high) in row.iter_mut().zip(lanes_of(&words[word + 1])) {
            *lane |= high << (32 - shift);
        }
    }
    row.map(|lane| MaybeUninit::new((lane & mask(width as u32)).wrapping_add(reference)))
}

#[inline(always)]
fn lanes_of(words: &Words) -> Row {
    let mut row = [0; LANES];
    for (lane, bytes) in row.iter_mut().zip(words.as_chunks().0) {
        *lane = u32::from_le_bytes(*bytes);
    }
    row
}

/// Writes the values of a block to all of `out`, for which the block has numbers.
pub(super) fn write_values(
    block: &[u32],
    sequence: Sequence,
    arithmetic: Arithmetic,
    out: &mut [MaybeUninit<f64>],
) {
    each_integer(block, sequence, out, |slot, k| {
        slot.write(arithmetic.value(k as f64));
    });
}

/// Writes the integers of a block, each without the base, to all of `out`, for which the block has
/// numbers.
pub(super) fn write_integers(
    block: &[u32],
    summed_from: Option<u32>,
    out: &mut [MaybeUninit<i32>],
) {
    each_integer(block, Sequence { summed_from, base: 0 }, out, |slot, k| {
        slot.write(k as i32);
    });
}

/// Calls `write` with each place of `out` and the integer that belongs there.
#[inline]
pub(crate) fn each_integer<T>(
    block: &[u32],
    sequence: Sequence,
    out: &mut [T],
    mut write: impl FnMut(&mut T, i64),
) {
    let Sequence { summed_from, base } = sequence;
    let mut sum = summed_from.unwrap_or(0);
    for (tile, out) in block.as_chunks::<TILE>().0.iter().zip(out.chunks_mut(TILE)) {
        for (slot, place) in out.iter_mut().zip(PLACES) {
            let integer = sum.wrapping_add(tile[place]);
            if summed_from.is_some() {
                sum = integer;
            }
            write(slot, base.wrapping_add(i64::from(integer as i32)));
        }
    }
}

/// Replaces the numbers of a block by their sums, from `start` on.
pub(crate) fn sum_up(block: &mut [u32], start: u32) {
    let mut sum = start;
    for tile in block.as_chunks_mut::<TILE>().0 {
        for place in PLACES {
            sum = sum.wrapping_add(tile[place]);
            tile[place] = sum;
        }
    }
}
