//! Bit packing: every integer in the same number of bits, the lowest bits of the first byte first.
//!
//! In: integers and a width of 0 to 64 bits. Out: `ceil(count * width / 8)` bytes, the last one
//! filled up with zeros. Never: bytes read outside of the slice, whatever width and count say.

#![warn(clippy::indexing_slicing)]

pub(super) use crate::kernel::bits::{WIDTH_MAX, mask, packed_bytes};
pub(super) use crate::kernel::simd::unpack_bits as unpack;

/// Bits that `value` needs: 0 to 64.
#[inline]
pub(super) const fn bits_of(value: u64) -> u32 {
    u64::BITS - value.leading_zeros()
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
