//! Variable-length integers: seven bits per byte, low bits first, the high bit says "more follows".
//!
//! In: `u64` and `i64`. Out: 1 to 10 bytes. Never: a second spelling of the same number; an
//! overlong form is refused, so that equal blocks are equal bytes.

#![warn(clippy::indexing_slicing)]

use crate::error::{Error, Result};

/// The most bytes that one number takes.
pub const BYTES_MAX: usize = 10;

/// Appends `value`.
///
/// ```
/// use plimsoll::codec::varint;
/// let mut bytes = Vec::new();
/// varint::write_u64(&mut bytes, 300);
/// assert_eq!(bytes, [0xac, 0x02]);
/// assert_eq!(varint::read_u64(&mut bytes.as_slice()).unwrap(), 300);
/// ```
pub fn write_u64(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value as u8) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Takes one number off the front of `bytes`; `bytes` is left untouched on an error.
#[inline]
pub fn read_u64(bytes: &mut &[u8]) -> Result<u64> {
    let mut value = 0_u64;
    for (index, &byte) in bytes.iter().take(BYTES_MAX).enumerate() {
        if index == BYTES_MAX - 1 && byte > 1 {
            return Err(Error::decode("variable-length integer over 64 bits"));
        }
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte < 0x80 {
            if byte == 0 && index > 0 {
                return Err(Error::decode("variable-length integer with needless bytes"));
            }
            *bytes = bytes.get(index + 1..).unwrap_or_default();
            return Ok(value);
        }
    }
    Err(Error::decode("variable-length integer is cut off"))
}

/// Appends a signed number: small magnitudes are short, whatever their sign.
pub fn write_i64(out: &mut Vec<u8>, value: i64) {
    write_u64(out, zigzag(value));
}

/// Takes one signed number off the front of `bytes`.
#[inline]
pub fn read_i64(bytes: &mut &[u8]) -> Result<i64> {
    read_u64(bytes).map(unzigzag)
}

/// Folds the sign into the lowest bit: 0, -1, 1, -2 become 0, 1, 2, 3.
#[inline]
pub const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// The inverse of [`zigzag`].
#[inline]
pub const fn unzigzag(value: u64) -> i64 {
    ((value >> 1) as i64) ^ -((value & 1) as i64)
}

/// Bytes that [`write_u64`] takes for `value`: 1 to 10.
pub const fn len_u64(value: u64) -> usize {
    ((70 - (value | 1).leading_zeros()) / 7) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn overlong_and_cut_forms_are_refused() {
        for bytes in [&[][..], &[0x80], &[0x80, 0x00], &[0xff; 10], &[0xff; 11]] {
            assert!(read_u64(&mut &bytes[..]).is_err(), "{bytes:?}");
        }
        let mut tenth_byte_too_large = [0xff_u8; 10];
        tenth_byte_too_large[9] = 2;
        assert!(read_u64(&mut tenth_byte_too_large.as_slice()).is_err());
    }

    #[test]
    fn zigzag_orders_by_magnitude() {
        let folded: Vec<u64> = [0, -1, 1, -2, i64::MAX, i64::MIN].map(zigzag).to_vec();
        assert_eq!(folded, [0, 1, 2, 3, u64::MAX - 1, u64::MAX]);
    }

    proptest! {
        #[test]
        fn every_number_comes_back(value: u64, shift in 0_u32..64) {
            let value = value >> shift;
            let mut bytes = Vec::new();
            write_u64(&mut bytes, value);
            prop_assert_eq!(bytes.len(), len_u64(value));
            let mut rest = bytes.as_slice();
            prop_assert_eq!(read_u64(&mut rest).unwrap(), value);
            prop_assert!(rest.is_empty());
            prop_assert_eq!(zigzag(unzigzag(value)), value);
        }
    }
}
