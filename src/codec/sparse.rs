//! A sparse list: a few numbers at ascending positions of a block. Exceptions of packed integers
//! and corrections of values are such lists, so that an outlier costs bits itself and never makes
//! its neighbours wider.
//!
//! In: positions below the block's length, one number each. Out: count, positions (as packed gaps,
//! or as a bitmap where that is shorter), packed numbers; and a block that such bytes have changed,
//! by a loop of the kernel. Never: a list without entries, a position outside of the block, room
//! for more entries than the block has.

#![warn(clippy::indexing_slicing)]

use super::pack::{WIDTH_MAX, bits_of, pack, packed_bytes};
use super::varint;
use crate::error::{Error, Result};
use crate::kernel::lists::{Bits, GAP_WIDTH_MAX, List, Meaning, Places};
use crate::model::limits::BLOCK_SAMPLES;

/// In place of a gap width: the positions are a bitmap.
const BITMAP: u8 = 0xff;
/// In a width byte: a list of the numbers' high bits follows.
const HIGH_BITS: u8 = 0x80;

/// Numbers at positions, both in the order of the positions.
#[derive(Debug, Clone, Default)]
pub(super) struct Sparse {
    positions: Vec<u16>,
    numbers: Vec<u64>,
}

impl Sparse {
    pub(super) fn clear(&mut self) {
        self.positions.clear();
        self.numbers.clear();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.positions.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.positions.len()
    }

    /// Adds a number; positions ascend and are below the block's length.
    pub(super) fn push(&mut self, position: usize, number: u64) {
        self.positions.push(position as u16);
        self.numbers.push(number);
    }

    /// Bytes of the encoded list, exact to a few bytes; 0 for none.
    pub(super) fn estimate_bytes(&self, samples: usize) -> usize {
        if self.is_empty() {
            return 0;
        }
        3 + positions_bytes(samples, self.len()) + self.width().1
    }

    /// Appends the list; it has entries, all below `samples`.
    pub(super) fn encode(&self, samples: usize, out: &mut Vec<u8>) {
        self.encode_positions(samples, out);
        let (width, _) = self.width();
        let mut high = Self::default();
        for (index, number) in self.numbers.iter().enumerate() {
            let bits = number.checked_shr(width).unwrap_or(0);
            if bits != 0 {
                high.push(index, bits);
            }
        }
        out.push(width as u8 | if high.is_empty() { 0 } else { HIGH_BITS });
        pack(self.numbers.iter().copied(), width, out);
        if !high.is_empty() {
            high.encode_positions(self.len(), out);
            let width = high.widest();
            out.push(width as u8);
            pack(high.numbers.iter().copied(), width, out);
        }
    }

    /// Bits of the widest number.
    fn widest(&self) -> u32 {
        bits_of(self.numbers.iter().fold(0, |all, number| all | number))
    }

    /// The width with the fewest bytes for the numbers, and how many; what does not fit becomes a
    /// list of its own.
    fn width(&self) -> (u32, usize) {
        let mut needing = [0_usize; WIDTH_MAX as usize + 1];
        for number in &self.numbers {
            if let Some(slot) = needing.get_mut(bits_of(*number) as usize) {
                *slot += 1;
            }
        }
        let widest = self.widest();
        let mut fitting = 0;
        let bytes = |(width, count): (u32, usize)| {
            fitting += count;
            let high = match self.len() - fitting {
                0 => 0,
                high => estimate_bytes(self.len(), high, widest - width),
            };
            (width, packed_bytes(self.len(), width) + high)
        };
        let choices = (0..=widest).zip(needing).map(bytes);
        choices.min_by_key(|(_, bytes)| *bytes).unwrap_or((widest, 0))
    }

    fn encode_positions(&self, samples: usize, out: &mut Vec<u8>) {
        varint::write_u64(out, self.len() as u64);
        let gap_width = bits_of(self.gaps().fold(0, |all, gap| all | gap));
        if packed_bytes(self.len(), gap_width) <= samples.div_ceil(8) {
            out.push(gap_width as u8);
            pack(self.gaps(), gap_width, out);
        } else {
            out.push(BITMAP);
            self.push_bitmap(samples, out);
        }
    }

    /// What lies between each position and the one before it.
    fn gaps(&self) -> impl Iterator<Item = u64> {
        let mut next = 0;
        self.positions.iter().map(move |&position| {
            let gap = u64::from(position.wrapping_sub(next));
            next = position.wrapping_add(1);
            gap
        })
    }

    fn push_bitmap(&self, samples: usize, out: &mut Vec<u8>) {
        let start = out.len();
        out.resize(start + samples.div_ceil(8), 0);
        for &position in &self.positions {
            if let Some(byte) = out.get_mut(start + usize::from(position >> 3)) {
                *byte |= 1 << (position & 7);
            }
        }
    }
}

/// Bytes of a list of `count` numbers of `width` bits in a block of `samples`.
pub(super) fn estimate_bytes(samples: usize, count: usize, width: u32) -> usize {
    3 + positions_bytes(samples, count) + packed_bytes(count, width)
}

/// No list of `count` numbers is estimated at less, whatever their width, if it is not 0: a quick
/// look before the estimate.
#[inline]
pub(super) fn least_bytes(samples: usize, count: usize) -> usize {
    3 + (3 * count).min(samples) / 8 + count / 8
}

/// Bytes of `count` positions: the widest of many random gaps is some four times the mean one.
fn positions_bytes(samples: usize, count: usize) -> usize {
    let gap_width = bits_of(4 * (samples / count.max(1)) as u64).min(bits_of(samples as u64));
    packed_bytes(count, gap_width).min(samples.div_ceil(8))
}

/// What a list's numbers are added to, by the kernel's loop for it.
pub(super) type Add<S> = fn(&List, Option<&List>, Meaning, &mut [S]) -> bool;

/// Takes a list off the front of `bytes` and adds what its numbers mean to what stands at their
/// places; after an error any of these may have changed.
#[inline]
pub(super) fn add_to<S>(
    bytes: &mut &[u8],
    meaning: Meaning,
    slots: &mut [S],
    add: Add<S>,
) -> Result<()> {
    let samples = slots.len();
    let (count, places) = read_places(bytes, samples)?;
    let form = take_byte(bytes)?;
    let numbers = read_packed(bytes, count, u32::from(form & !HIGH_BITS))?;
    let list = List { places, numbers };
    let right = if form & HIGH_BITS == 0 {
        add(&list, None, meaning, slots)
    } else {
        let (high_count, places) = read_places(bytes, count)?;
        let width = u32::from(take_byte(bytes)?);
        let high = List { places, numbers: read_packed(bytes, high_count, width)? };
        add(&list, Some(&high), meaning, slots)
    };
    if right {
        return Ok(());
    }
    let what = format!("a list of {count} entries for {samples} values");
    Err(Error::decode(format!("{what} names other places, or its high bits do")))
}

/// Takes `count` integers of `width` bits off the front.
fn read_packed<'a>(bytes: &mut &'a [u8], count: usize, width: u32) -> Result<Bits<'a>> {
    if width > WIDTH_MAX {
        return Err(Error::decode(format!("integers of {width} bits")));
    }
    let packed = Bits { bytes, width, count };
    take(bytes, packed_bytes(count, width))?;
    Ok(packed)
}

/// Takes places below `samples`, at least one, off the front, and how many there should be.
fn read_places<'a>(bytes: &mut &'a [u8], samples: usize) -> Result<(usize, Places<'a>)> {
    let count = varint::read_u64(bytes)?;
    if count == 0 || count > samples as u64 || samples > BLOCK_SAMPLES {
        return Err(Error::decode(format!("a list of {count} entries for {samples} values")));
    }
    let count = count as usize;
    let form = take_byte(bytes)?;
    let places = if form == BITMAP {
        Places::Bitmap(take(bytes, samples.div_ceil(8))?)
    } else if u32::from(form) > GAP_WIDTH_MAX {
        return Err(Error::decode(format!("gaps of {form} bits")));
    } else {
        Places::Gaps(read_packed(bytes, count, u32::from(form))?)
    };
    Ok((count, places))
}

/// Takes `count` bytes off the front.
#[inline]
pub(super) fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Result<&'a [u8]> {
    let Some((taken, rest)) = bytes.split_at_checked(count) else {
        return Err(Error::decode(format!("{count} bytes expected, {} left", bytes.len())));
    };
    *bytes = rest;
    Ok(taken)
}

/// Takes one byte off the front.
#[inline]
pub(super) fn take_byte(bytes: &mut &[u8]) -> Result<u8> {
    take(bytes, 1).map(|byte| byte.first().copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::simd;
    use proptest::prelude::*;

    const AS_IT_IS: Meaning = Meaning { is_folded: false, more: 0, shift: 0 };

    #[test]
    fn the_least_is_no_more_than_an_estimate() {
        for samples in 1..=1_024 {
            for count in 1..=samples {
                assert!(least_bytes(samples, count) <= estimate_bytes(samples, count, 1));
            }
        }
    }

    fn list(entries: &[(usize, u64)]) -> Sparse {
        let mut list = Sparse::default();
        for &(position, number) in entries {
            list.push(position, number);
        }
        list
    }

    proptest! {
        #[test]
        fn every_list_comes_back(
            entries in prop::collection::btree_map(0..1024_usize, any::<u64>(), 1..1024),
            samples in 0..=1024_usize,
            shift in 0_u32..64,
        ) {
            // A few numbers stay wide, so that lists of high bits are met too.
            let narrow = |at: usize, n: u64| if at % 16 == 5 { n } else { n >> shift };
            let mut entries: Vec<(usize, u64)> =
                entries.into_iter().map(|(at, number)| (at, narrow(at, number))).collect();
            entries.retain(|(at, _)| *at < samples);
            prop_assume!(!entries.is_empty());
            let mut bytes = Vec::new();
            list(&entries).encode(samples, &mut bytes);
            let mut found = vec![0.0; samples];
            let mut rest = bytes.as_slice();
            add_to(&mut rest, AS_IT_IS, &mut found, simd::add_to_patterns).unwrap();
            prop_assert!(rest.is_empty());
            let mut expected = vec![0; samples];
            for (at, number) in entries {
                expected[at] = number;
            }
            prop_assert!(found.into_iter().map(f64::to_bits).eq(expected));
        }
    }

    #[test]
    fn one_wide_number_does_not_widen_the_others() {
        let mut entries: Vec<(usize, u64)> = (0..100).map(|at| (at * 10, 7)).collect();
        let encoded = |entries: &[(usize, u64)]| {
            let mut bytes = Vec::new();
            list(entries).encode(1024, &mut bytes);
            bytes.len()
        };
        let narrow = encoded(&entries);
        entries[50].1 = u64::MAX;
        assert!(encoded(&entries) < narrow + 15);
    }

    #[test]
    fn dense_lists_are_bitmaps() {
        let entries: Vec<(usize, u64)> =
            (0..1024).filter(|at| at % 3 != 1 || *at == 400).map(|at| (at, 1)).collect();
        let mut bytes = Vec::new();
        list(&entries).encode(1024, &mut bytes);
        assert_eq!(bytes[2], 1, "gaps of one bit are shorter than a bitmap here");
        let mut clustered: Vec<(usize, u64)> = (0..300).map(|at| (at, 1)).collect();
        clustered.push((1000, 1));
        bytes.clear();
        list(&clustered).encode(1024, &mut bytes);
        assert_eq!(bytes[2], BITMAP);
    }

    #[test]
    fn violations_are_refused() {
        for (bytes, why) in [
            (&[0, 0, 0][..], "no entries"),
            (&[9, 0, 0], "more entries than values"),
            (&[1, 11, 0, 0, 0], "gap width"),
            (&[1, 4, 8, 0], "position outside"),
            (&[1, 3, 7, 65, 0], "number width"),
            (&[1, BITMAP, 3, 0], "bitmap with more"),
            (&[2, BITMAP, 1, 0], "bitmap with fewer"),
            (&[1, 3, 7, 64, 0], "cut off"),
            (&[1, 0, HIGH_BITS, 1, 1, 1, 0], "high bits of a second entry"),
        ] {
            let mut slots = [0.0; 8];
            let found = add_to(&mut &bytes[..], AS_IT_IS, &mut slots, simd::add_to_patterns);
            assert!(found.is_err(), "{why}");
            let too_many = &mut [0.0; BLOCK_SAMPLES + 1];
            let found = add_to(&mut &[1, 0, 0][..], AS_IT_IS, too_many, simd::add_to_patterns);
            assert!(found.is_err());
        }
    }
}
