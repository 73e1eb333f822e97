//! Integers packed one after another, the lowest bits of the first byte first.
//!
//! In: bytes and a width. Out: integers. Never: bytes read outside of the slice, whatever width and
//! count say. The loops are written for compilers that turn them into vectors; `simd.rs` has them
//! compiled for more than one kind of machine.
#![expect(
    clippy::inline_always,
    reason = "compiled with the caller, for the machine that the caller is for"
)]

use std::mem::MaybeUninit;

use crate::model::limits::BLOCK_SAMPLES;

/// The widest integer, in bits.
pub(crate) const WIDTH_MAX: u32 = 64;
/// Integers that are unpacked at a time; they begin and end with whole bytes.
pub(super) const GROUP: usize = 8;

/// Up to as many integers as a block has, some of them not written.
pub(super) type Integers = [[MaybeUninit<u64>; GROUP]; BLOCK_SAMPLES / GROUP];
/// Positions of set bits, some of them not written; the last ones may be too many.
pub(super) type Positions = [MaybeUninit<u16>; BLOCK_SAMPLES + GROUP];

/// The lowest `width` bits.
#[inline]
pub(crate) const fn mask(width: u32) -> u64 {
    if width >= WIDTH_MAX { u64::MAX } else { (1 << width) - 1 }
}

/// Bytes of `count` integers of `width` bits.
#[inline]
pub(crate) const fn packed_bytes(count: usize, width: u32) -> usize {
    (count * width as usize).div_ceil(8)
}

/// Fills `out` from packed `bytes`. Bits that are missing read as zero: callers check the length.
#[inline(always)]
pub(super) fn unpack(bytes: &[u8], width: u32, out: &mut [i64]) {
    let (groups, rest) = out.as_chunks_mut::<GROUP>();
    let end = groups.len();
    each_group(bytes, width, groups, |slots, group| *slots = group.map(|n| n as i64));
    if !rest.is_empty() {
        let mut last = [[0; GROUP]];
        let skipped = bytes.get(end * width as usize..).unwrap_or_default();
        each_group(skipped, width, &mut last, |slots, group| *slots = group.map(|n| n as i64));
        rest.copy_from_slice(&last[0][..rest.len()]);
    }
}

/// Writes the first `count` of `out`, and the rest of a group, or all of them.
#[inline(always)]
pub(super) fn unpack_some(bytes: &[u8], width: u32, count: usize, out: &mut Integers) {
    let groups = count.div_ceil(GROUP).min(out.len());
    each_group(bytes, width, &mut out[..groups], |slots, group| {
        *slots = group.map(MaybeUninit::new);
    });
}

/// Calls `write` with each of `slots` and the group that belongs there. Groups of up to 8 bits an
/// integer are one load of eight bytes; up to 15 bits, a load has four, which start at half a byte
/// or a byte; up to 28, two, which leave eight bits; up to 57, one, which leaves seven.
#[inline(always)]
fn each_group<T>(
    bytes: &[u8],
    width: u32,
    slots: &mut [T],
    mut write: impl FnMut(&mut T, [u64; GROUP]),
) {
    for (index, slot) in slots.iter_mut().enumerate() {
        let bit = index * GROUP * width as usize;
        let group = match width {
            0..=8 => group::<8>(bytes, bit, width),
            9..=15 => group::<4>(bytes, bit, width),
            16..=28 => group::<2>(bytes, bit, width),
            29..=57 => group::<1>(bytes, bit, width),
            _ => wide_group(bytes, bit, width),
        };
        write(slot, group);
    }
}

/// A group that starts at `bit`, of which each load has `N`.
#[inline(always)]
fn group<const N: usize>(bytes: &[u8], bit: usize, width: u32) -> [u64; GROUP] {
    let keep = mask(width);
    let mut group = [0; GROUP];
    for (index, some) in group.as_chunks_mut::<N>().0.iter_mut().enumerate() {
        let bit = bit + index * N * width as usize;
        let word = load(bytes, bit / 8) >> (bit % 8);
        for (integer, index) in some.iter_mut().zip(0..) {
            *integer = (word >> ((width * index) % u64::BITS)) & keep;
        }
    }
    group
}

#[inline(always)]
fn wide_group(bytes: &[u8], bit: usize, width: u32) -> [u64; GROUP] {
    std::array::from_fn(|index| load_wide(bytes, bit + index * width as usize) & mask(width))
}

/// 64 bits from `bit` on.
#[inline(always)]
fn load_wide(bytes: &[u8], bit: usize) -> u64 {
    let low = u128::from(load(bytes, bit / 8));
    let high = u128::from(load(bytes, bit / 8 + 8));
    ((low | (high << 64)) >> (bit % 8)) as u64
}

/// Eight bytes from `at`, zeros where the slice ends.
#[inline(always)]
pub(crate) fn load(bytes: &[u8], at: usize) -> u64 {
    let word = bytes.get(at..).and_then(<[u8]>::first_chunk);
    word.map_or_else(|| load_end(bytes, at), |word| u64::from_le_bytes(*word))
}

#[cold]
fn load_end(bytes: &[u8], at: usize) -> u64 {
    if let Some(last) = bytes.last_chunk() {
        let beyond = 8 * (at + 8 - bytes.len());
        return u64::from_le_bytes(*last).checked_shr(beyond as u32).unwrap_or(0);
    }
    let rest = bytes.get(at..).unwrap_or_default();
    rest.iter().rev().fold(0, |word, byte| (word << 8) | u64::from(*byte))
}

/// Writes the positions of the bits that are set in the first bytes, as many as a block has
/// samples; returns how many there are.
#[inline(always)]
pub(super) fn list_bits(bytes: &[u8], out: &mut Positions) -> usize {
    let mut count = 0;
    for (byte, first) in bytes.iter().take(BLOCK_SAMPLES / 8).zip((0..).step_by(8)) {
        let (bits, set) = &SET_BITS[usize::from(*byte)];
        // Eight are written, those that are too many are written again.
        if let Some(slots) = out[count..].first_chunk_mut() {
            *slots = bits.map(|bit| MaybeUninit::new(first + bit));
        }
        count += usize::from(*set);
    }
    count
}

/// Of each byte, the places of the bits that are set, and how many there are.
static SET_BITS: [([u16; 8], u16); 256] = set_bits();

const fn set_bits() -> [([u16; 8], u16); 256] {
    let mut table = [([0; 8], 0); 256];
    let mut byte = 0;
    while byte < 256 {
        let (mut bit, mut set) = (0, 0);
        while bit < 8 {
            if (byte >> bit) & 1 == 1 {
                table[byte].0[set] = bit;
                set += 1;
            }
            bit += 1;
        }
        table[byte].1 = set as u16;
        byte += 1;
    }
    table
}
