//! Integers packed one after another, the lowest bits of the first byte first.
//!
//! In: bytes and a width. Out: integers. Never: bytes read outside of the slice, whatever width and
//! count say. The loops are written for compilers that turn them into vectors; `simd.rs` has them
//! compiled for more than one kind of machine.

/// The widest integer, in bits.
pub(crate) const WIDTH_MAX: u32 = 64;
/// Integers that begin and end with whole bytes.
pub(crate) const GROUP: usize = 8;
/// Integers unpacked at a time; they begin and end with whole bytes.
const STRIDE: usize = 64;
/// Bytes of one stride and what a load of eight bytes may reach beyond.
const STRIDE_BYTES: usize = STRIDE / 8 * WIDTH_MAX as usize + 16;

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
    if width == 0 {
        out.fill(0);
        return;
    }
    let (strides, rest) = out.as_chunks_mut::<STRIDE>();
    let mut left = bytes;
    let step = packed_bytes(STRIDE, width);
    for stride in strides {
        if left.len() < step + 16 {
            unpack_end(left, width, stride);
        } else {
            unpack_stride(left, width, stride);
        }
        left = left.get(step..).unwrap_or_default();
    }
    if !rest.is_empty() {
        let mut stride = [0; STRIDE];
        unpack_end(left, width, &mut stride);
        rest.copy_from_slice(&stride[..rest.len()]);
    }
}

/// A stride whose bytes may be too few, or the last ones.
#[inline(always)]
fn unpack_end(bytes: &[u8], width: u32, out: &mut [i64; STRIDE]) {
    let mut padded = [0; STRIDE_BYTES];
    let length = bytes.len().min(packed_bytes(STRIDE, width));
    padded[..length].copy_from_slice(&bytes[..length]);
    unpack_stride(&padded, width, out);
}

#[inline(always)]
fn unpack_stride(bytes: &[u8], width: u32, out: &mut [i64; STRIDE]) {
    match width {
        0..=8 => unpack_groups::<8>(bytes, width, out),
        9..=15 => unpack_groups::<4>(bytes, width, out),
        16..=28 => unpack_groups::<2>(bytes, width, out),
        29..=57 => unpack_groups::<1>(bytes, width, out),
        _ => unpack_wide(bytes, width, out),
    }
}

/// Unpacks `N` integers from one load of eight bytes. They fit, with the bits of the byte in which
/// they start: up to 8 bits, eight integers start at a byte; up to 15, four start at half a byte or
/// a byte; up to 28, two leave eight bits; up to 57, one leaves seven.
#[inline(always)]
fn unpack_groups<const N: usize>(bytes: &[u8], width: u32, out: &mut [i64; STRIDE]) {
    let keep = mask(width);
    for (index, group) in out.as_chunks_mut::<N>().0.iter_mut().enumerate() {
        let bit = index * N * width as usize;
        let word = load(bytes, bit >> 3) >> (bit & 7);
        for (slot, index) in group.iter_mut().zip(0..) {
            *slot = ((word >> ((width * index) & 63)) & keep) as i64;
        }
    }
}

#[inline(always)]
fn unpack_wide(bytes: &[u8], width: u32, out: &mut [i64; STRIDE]) {
    for (index, slot) in out.iter_mut().enumerate() {
        *slot = (load_wide(bytes, index * width as usize) & mask(width)) as i64;
    }
}

/// The group of eight integers at `index`. Bits that are missing read as zero.
#[inline(always)]
pub(crate) fn unpack_group(bytes: &[u8], width: u32, index: usize) -> [u64; GROUP] {
    let keep = mask(width);
    if width <= 8 {
        let word = load(bytes, index * width as usize);
        return std::array::from_fn(|index| (word >> ((width as usize * index) & 63)) & keep);
    }
    let bit = |lane| (index * GROUP + lane) * width as usize;
    if width <= 57 {
        return std::array::from_fn(|lane| (load(bytes, bit(lane) / 8) >> (bit(lane) % 8)) & keep);
    }
    std::array::from_fn(|lane| load_wide(bytes, bit(lane)) & keep)
}

/// Up to 64 bits from `bit` on.
#[inline(always)]
fn load_wide(bytes: &[u8], bit: usize) -> u64 {
    let low = u128::from(load(bytes, bit >> 3));
    let high = u128::from(load(bytes, (bit >> 3) + 8));
    ((low | (high << 64)) >> (bit & 7)) as u64
}

/// Eight bytes from `at`, zeros where the slice ends.
#[inline(always)]
fn load(bytes: &[u8], at: usize) -> u64 {
    let rest = bytes.get(at..).unwrap_or_default();
    rest.first_chunk().map_or_else(|| load_end(rest), |word| u64::from_le_bytes(*word))
}

#[cold]
fn load_end(rest: &[u8]) -> u64 {
    rest.iter().rev().fold(0, |word, byte| (word << 8) | u64::from(*byte))
}
