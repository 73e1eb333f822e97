//! Bit packing: every integer in the same number of bits, the lowest bits of the first byte first.
//!
//! In: integers and a width of 0 to 64 bits. Out: `ceil(count * width / 8)` bytes, the last one
//! filled up with zeros. Never: bytes read outside of the slice, whatever width and count say.

#![warn(clippy::indexing_slicing)]

use crate::kernel::symbols::load;

/// The widest integer, in bits.
pub(super) const WIDTH_MAX: u32 = 64;

/// Bits that `value` needs: 0 to 64.
#[inline]
pub(super) const fn bits_of(value: u64) -> u32 {
    u64::BITS - value.leading_zeros()
}

/// The lowest `width` bits.
#[inline]
pub(super) const fn mask(width: u32) -> u64 {
    if width >= WIDTH_MAX { u64::MAX } else { (1 << width) - 1 }
}

/// Bytes of `count` integers of `width` bits.
pub(super) const fn packed_bytes(count: usize, width: u32) -> usize {
    (count * width as usize).div_ceil(8)
}

/// Appends the lowest `width` bits of each value.
pub(super) fn pack(values: impl Iterator<Item = u64>, width: u32, out: &mut Vec<u8>) {
    if width == 0 {
        return;
    }
    let keep = mask(width);
    // Bits that wait for a word to be full; `used` is always below 64.
    let (mut waiting, mut used) = (0_u64, 0_u32);
    for value in values {
        let value = value & keep;
        waiting |= value << used;
        used += width;
        if used >= u64::BITS {
            out.extend_from_slice(&waiting.to_le_bytes());
            used -= u64::BITS;
            waiting = if used == 0 { 0 } else { value >> (width - used) };
        }
    }
    out.extend(waiting.to_le_bytes().iter().take(used.div_ceil(8) as usize));
}

/// Fills `out` from packed `bytes`. Bits that are missing read as zero: callers check the length.
pub(super) fn unpack(bytes: &[u8], width: u32, out: &mut [i64]) {
    match width {
        0 => out.fill(0),
        1..=8 => unpack_groups::<8>(bytes, width, out),
        9..=15 => unpack_groups::<4>(bytes, width, out),
        16..=28 => unpack_groups::<2>(bytes, width, out),
        29..=57 => unpack_groups::<1>(bytes, width, out),
        _ => unpack_wide(bytes, width, out),
    }
}

/// Unpacks `N` integers from one load of eight bytes. They fit, with the bits of the byte in which
/// they start: up to 8 bits, eight integers start at a byte; up to 15, four start at half a byte or
/// a byte; up to 28, two leave eight bits; up to 57, one leaves seven.
#[inline]
fn unpack_groups<const N: usize>(bytes: &[u8], width: u32, out: &mut [i64]) {
    let keep = mask(width);
    for (group, slots) in out.chunks_mut(N).enumerate() {
        let bit = group * N * width as usize;
        let mut word = load(bytes, bit >> 3) >> (bit & 7);
        for slot in slots {
            *slot = (word & keep) as i64;
            word >>= width;
        }
    }
}

fn unpack_wide(bytes: &[u8], width: u32, out: &mut [i64]) {
    let keep = mask(width);
    for (index, slot) in out.iter_mut().enumerate() {
        let bit = index * width as usize;
        let low = u128::from(load(bytes, bit >> 3));
        let high = u128::from(load(bytes, (bit >> 3) + 8));
        *slot = (((low | (high << 64)) >> (bit & 7)) as u64 & keep) as i64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_width_comes_back(
            values in prop::collection::vec(any::<u64>(), 0..200),
            width in 0_u32..=64,
        ) {
            let mut bytes = vec![7];
            pack(values.iter().copied(), width, &mut bytes);
            prop_assert_eq!(bytes.len() - 1, packed_bytes(values.len(), width));
            let mut found = vec![-1; values.len()];
            unpack(&bytes[1..], width, &mut found);
            for (value, found) in values.iter().zip(found) {
                prop_assert_eq!(value & mask(width), found as u64);
            }
        }
    }

    #[test]
    fn missing_bytes_read_as_zero() {
        let mut found = [-1; 9];
        unpack(&[0xff], 3, &mut found);
        assert_eq!(found, [7, 7, 3, 0, 0, 0, 0, 0, 0]);
        assert_eq!((bits_of(0), bits_of(1), bits_of(u64::MAX)), (0, 1, 64));
    }
}
