//! Bit packing: numbers of one width, one behind the other, low bits first, in little-endian bytes.
//!
//! Groups of 64 numbers fill a whole number of 64-bit words, so that a width is a constant of the
//! loop that unpacks it. The last group is cut after its last used byte.

#![warn(clippy::indexing_slicing)]

/// Numbers that are packed together.
const GROUP: usize = 64;

/// Bytes that `count` numbers of `width` bits take.
pub(super) const fn packed_bytes(count: usize, width: u32) -> usize {
    (count * width as usize).div_ceil(8)
}

/// Appends the low `width` bits of each number.
pub(super) fn pack(numbers: &[u64], width: u32, out: &mut Vec<u8>) {
    let end = out.len() + packed_bytes(numbers.len(), width);
    let mask = low_bits(width);
    let (mut word, mut filled) = (0_u64, 0);
    for number in numbers.iter().map(|number| number & mask) {
        word |= number << filled;
        filled += width;
        if filled >= 64 {
            out.extend_from_slice(&word.to_le_bytes());
            filled -= 64;
            // What did not fit; a shift by all 64 bits would be no shift.
            word = if filled == 0 { 0 } else { number >> (width - filled) };
        }
    }
    out.extend_from_slice(&word.to_le_bytes());
    out.truncate(end);
}

/// Reads `out.len()` numbers of `width` <= 64 bits from exactly their packed bytes; numbers whose
/// bytes are missing are 0.
pub(super) fn unpack(bytes: &[u8], width: u32, out: &mut [u64]) {
    macro_rules! by_width {
        ($($width:literal)*) => {
            match width {
                $($width => unpack_width::<$width>(bytes, out),)*
                _ => out.fill(0),
            }
        };
    }
    by_width!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32
        33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63
        64);
}

fn unpack_width<const WIDTH: usize>(bytes: &[u8], out: &mut [u64]) {
    let mut groups = bytes.chunks(WIDTH * 8);
    for numbers in out.chunks_mut(GROUP) {
        let mut words = [[0_u8; 8]; 64];
        let group = groups.next().unwrap_or(&[]);
        if let Some(place) = words.as_flattened_mut().get_mut(..group.len()) {
            place.copy_from_slice(group);
        }
        match <&mut [u64; GROUP]>::try_from(&mut *numbers) {
            Ok(whole) => unpack_group::<WIDTH>(&words, whole),
            Err(_) => {
                let mut whole = [0; GROUP];
                unpack_group::<WIDTH>(&words, &mut whole);
                numbers.iter_mut().zip(whole).for_each(|(number, value)| *number = value);
            }
        }
    }
}

#[expect(clippy::indexing_slicing, reason = "a group's last bit is bit 64 * WIDTH - 1 of 64 words")]
#[inline]
fn unpack_group<const WIDTH: usize>(words: &[[u8; 8]; 64], out: &mut [u64; GROUP]) {
    let mask = low_bits(WIDTH as u32);
    for (at, number) in out.iter_mut().enumerate() {
        let (word, shift) = (at * WIDTH / 64, at * WIDTH % 64);
        let mut value = u64::from_le_bytes(words[word]) >> shift;
        if shift + WIDTH > 64 {
            value |= u64::from_le_bytes(words[word + 1]) << (64 - shift);
        }
        *number = value & mask;
    }
}

/// A number with its `width` low bits set.
pub(super) const fn low_bits(width: u32) -> u64 {
    if width == 0 { 0 } else { u64::MAX >> (64 - width) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_layout_is_low_bits_first() {
        let mut bytes = Vec::new();
        pack(&[0b101, 0b011, 0b111], 3, &mut bytes);
        assert_eq!(bytes, [0b1101_1101, 0b1]);
    }

    proptest! {
        #[test]
        fn every_width_comes_back(numbers in prop::collection::vec(any::<u64>(), 0..300), width in 0_u32..=64) {
            let numbers: Vec<u64> = numbers.iter().map(|n| n & low_bits(width)).collect();
            let mut bytes = vec![7];
            pack(&numbers, width, &mut bytes);
            prop_assert_eq!(bytes.len(), 1 + packed_bytes(numbers.len(), width));
            let mut back = vec![1; numbers.len()];
            unpack(&bytes[1..], width, &mut back);
            prop_assert_eq!(back, numbers);
        }
    }
}
