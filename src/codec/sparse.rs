//! A sparse list: a few numbers at ascending positions of a block. Exceptions of packed integers
//! and corrections of values are such lists, so that an outlier costs bits itself and never makes
//! its neighbours wider.
//!
//! In: positions below the block's length, one number each. Out: count, positions (as packed gaps,
//! or as a bitmap where that is shorter), packed numbers. Never: a list without entries, a position
//! outside of the block, room for more entries than the block has.

#![warn(clippy::indexing_slicing)]

use super::pack::{GROUP, WIDTH_MAX, bits_of, pack, packed_bytes, unpack_group};
use super::varint;
use crate::error::{Error, Result};
use crate::model::limits::BLOCK_SAMPLES;

/// In place of a gap width: the positions are a bitmap.
const BITMAP: u8 = 0xff;
/// In a width byte: a list of the numbers' high bits follows.
const HIGH_BITS: u8 = 0x80;
/// Bits of the widest gap.
const GAP_WIDTH_MAX: u32 = 10;

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

/// Bytes of `count` positions: the widest of many random gaps is some four times the mean one.
fn positions_bytes(samples: usize, count: usize) -> usize {
    let gap_width = bits_of(4 * (samples / count.max(1)) as u64).min(bits_of(samples as u64));
    packed_bytes(count, gap_width).min(samples.div_ceil(8))
}

/// Takes a list off the front of `bytes` and calls `apply` with each position and its number, in
/// the order of the positions. On an error it may have been called for some, of which the last may
/// be beyond `samples`.
#[inline]
pub(super) fn decode(
    bytes: &mut &[u8],
    samples: usize,
    mut apply: impl FnMut(usize, u64),
) -> Result<()> {
    let (mut bitmap, mut high_bitmap) = (None, None);
    let mut positions = Positions::read(bytes, samples, &mut bitmap)?;
    let count = positions.count;
    let form = take_byte(bytes)?;
    let width = u32::from(form & !HIGH_BITS);
    let numbers = Packed::read(bytes, count, width)?;
    if form & HIGH_BITS == 0 {
        for index in 0..count.div_ceil(GROUP) {
            let (places, numbers) = (positions.next(index), numbers.group(index));
            for (place, number) in places.into_iter().zip(numbers).take(count - index * GROUP) {
                apply(place, number);
            }
        }
    } else {
        let mut high = High::read(bytes, count, &mut high_bitmap)?;
        for index in 0..count.div_ceil(GROUP) {
            let (places, mut numbers) = (positions.next(index), numbers.group(index));
            high.merge(index, width, &mut numbers);
            for (place, number) in places.into_iter().zip(numbers).take(count - index * GROUP) {
                apply(place, number);
            }
        }
        high.positions.end()?;
    }
    positions.end()
}

/// Packed integers, read in groups, which begin and end with whole bytes.
#[derive(Debug, Clone, Copy)]
struct Packed<'a> {
    bytes: &'a [u8],
    width: u32,
}

impl<'a> Packed<'a> {
    /// Takes `count` integers of `width` bits off the front of `bytes`.
    fn read(bytes: &mut &'a [u8], count: usize, width: u32) -> Result<Self> {
        if width > WIDTH_MAX {
            return Err(Error::decode(format!("integers of {width} bits")));
        }
        // What follows may be loaded too, and is not looked at.
        let packed = Self { bytes, width };
        take(bytes, packed_bytes(count, width))?;
        Ok(packed)
    }

    #[inline(always)]
    fn group(&self, index: usize) -> [u64; GROUP] {
        unpack_group(self.bytes, self.width, index)
    }
}

/// Ascending positions.
#[derive(Debug)]
struct Positions<'a> {
    count: usize,
    samples: usize,
    form: Form<'a>,
    /// The lowest that the next one can have.
    next: usize,
}

#[derive(Debug)]
enum Form<'a> {
    Gaps(Packed<'a>),
    Listed(&'a Bitmap),
}

impl<'a> Positions<'a> {
    /// Takes positions below `samples`, at least one, off the front of `bytes`.
    fn read<'b: 'a>(
        bytes: &mut &'b [u8],
        samples: usize,
        bitmap: &'a mut Option<Bitmap>,
    ) -> Result<Self> {
        let count = varint::read_u64(bytes)?;
        if count == 0 || count > samples as u64 {
            return Err(Error::decode(format!("a list of {count} entries for {samples} values")));
        }
        let count = count as usize;
        let form = take_byte(bytes)?;
        let form = if form == BITMAP {
            Form::Listed(bitmap.insert(Bitmap::read(take(bytes, samples.div_ceil(8))?, count)?))
        } else if u32::from(form) > GAP_WIDTH_MAX {
            return Err(Error::decode(format!("gaps of {form} bits")));
        } else {
            Form::Gaps(Packed::read(bytes, count, u32::from(form))?)
        };
        Ok(Self { count, samples, form, next: 0 })
    }

    /// Those of the group `index`, the one after the last; what follows the last one is no matter.
    #[inline(always)]
    fn next(&mut self, index: usize) -> [usize; GROUP] {
        match self.form {
            Form::Gaps(gaps) => {
                let left = self.count - index * GROUP;
                let mut next = self.next;
                let places = gaps.group(index).map(|gap| {
                    let place = next + gap as usize;
                    next = place + 1;
                    place
                });
                let last = places.get(left.min(GROUP) - 1);
                self.next = last.map_or(0, |last| last + 1);
                places
            }
            Form::Listed(bitmap) => {
                let places = bitmap.places.as_chunks().0.get(index).copied().unwrap_or_default();
                self.next = usize::from(bitmap.last) + 1;
                places.map(usize::from)
            }
        }
    }

    /// Whether the last one was a right one.
    fn end(&self) -> Result<()> {
        if self.next > self.samples {
            return Err(Error::decode(format!("a list reaches beyond {} values", self.samples)));
        }
        Ok(())
    }
}

/// Positions that were a bitmap's set bits.
#[derive(Debug)]
struct Bitmap {
    /// Ascending up to the last one; eight are written at a time.
    places: [u16; BLOCK_SAMPLES + 8],
    last: u16,
}

impl Bitmap {
    /// The positions of exactly `count` > 0 set bits.
    fn read(bytes: &[u8], count: usize) -> Result<Self> {
        let mut bitmap = Self { places: [0; BLOCK_SAMPLES + 8], last: 0 };
        let mut filled = 0;
        for (byte, first) in bytes.iter().zip((0..).step_by(8)) {
            let Some((bits, set)) = SET_BITS.get(usize::from(*byte)) else { continue };
            let slots = bitmap.places.get_mut(filled..).and_then(<[u16]>::first_chunk_mut);
            let Some(slots) = slots else { break };
            *slots = bits.map(|bit| first + u16::from(bit));
            filled += usize::from(*set);
        }
        if filled != count {
            let wrong = format!("a bitmap of {filled} entries for a list of {count}");
            return Err(Error::decode(wrong));
        }
        bitmap.last = bitmap.places.get(count - 1).copied().unwrap_or_default();
        Ok(bitmap)
    }
}

/// Of each byte, the places of the bits that are set, and how many there are.
static SET_BITS: [([u8; 8], u8); 256] = set_bits();

#[expect(clippy::indexing_slicing, reason = "computed by the compiler, which checks it")]
const fn set_bits() -> [([u8; 8], u8); 256] {
    let mut table = [([0; 8], 0); 256];
    let mut byte = 0;
    while byte < 256 {
        let (mut bit, mut set) = (0, 0);
        while bit < 8 {
            if byte >> bit & 1 == 1 {
                table[byte].0[set] = bit;
                set += 1;
            }
            bit += 1;
        }
        table[byte].1 = set as u8;
        byte += 1;
    }
    table
}

/// The high bits of some of a list's numbers, a list themselves.
#[derive(Debug)]
struct High<'a> {
    positions: Positions<'a>,
    numbers: Packed<'a>,
    /// The group that is met next, and which of it.
    group: usize,
    at: usize,
    places: [usize; GROUP],
    bits: [u64; GROUP],
}

impl<'a> High<'a> {
    fn read<'b: 'a>(
        bytes: &mut &'b [u8],
        samples: usize,
        bitmap: &'a mut Option<Bitmap>,
    ) -> Result<Self> {
        let positions = Positions::read(bytes, samples, bitmap)?;
        let width = u32::from(take_byte(bytes)?);
        let numbers = Packed::read(bytes, positions.count, width)?;
        let (places, bits) = ([0; GROUP], [0; GROUP]);
        Ok(Self { positions, numbers, group: 0, at: GROUP, places, bits })
    }

    /// Adds what lies above `width` to the list's numbers of a group; groups come in order.
    #[inline]
    fn merge(&mut self, group: usize, width: u32, numbers: &mut [u64; GROUP]) {
        loop {
            if self.at == GROUP {
                if self.group * GROUP >= self.positions.count {
                    return;
                }
                self.places = self.positions.next(self.group);
                self.bits = self.numbers.group(self.group);
                self.at = 0;
                self.group += 1;
            }
            let entry = self.places.get(self.at).zip(self.bits.get(self.at));
            let Some((place, bits)) = entry else { return };
            let done = (self.group - 1) * GROUP + self.at >= self.positions.count;
            let number = numbers.get_mut(place.wrapping_sub(group * GROUP));
            let Some(number) = number.filter(|_| !done) else { return };
            *number |= bits.checked_shl(width).unwrap_or(0);
            self.at += 1;
        }
    }
}

/// Takes `count` bytes off the front.
pub(super) fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Result<&'a [u8]> {
    let Some((taken, rest)) = bytes.split_at_checked(count) else {
        return Err(Error::decode(format!("{count} bytes expected, {} left", bytes.len())));
    };
    *bytes = rest;
    Ok(taken)
}

/// Takes one byte off the front.
pub(super) fn take_byte(bytes: &mut &[u8]) -> Result<u8> {
    take(bytes, 1).map(|byte| byte.first().copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
            let mut found = Vec::new();
            let mut rest = bytes.as_slice();
            decode(&mut rest, samples, |at, number| found.push((at, number))).unwrap();
            prop_assert!(rest.is_empty());
            prop_assert_eq!(found, entries);
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
        let none = |_: usize, _: u64| ();
        for (bytes, why) in [
            (&[0, 0, 0][..], "no entries"),
            (&[9, 0, 0], "more entries than values"),
            (&[1, 11, 0, 0, 0], "gap width"),
            (&[1, 4, 8, 0], "position outside"),
            (&[1, 3, 7, 65, 0], "number width"),
            (&[1, BITMAP, 3, 0], "bitmap with more"),
            (&[2, BITMAP, 1, 0], "bitmap with fewer"),
            (&[1, 3, 7, 64, 0], "cut off"),
        ] {
            assert!(decode(&mut &bytes[..], 8, none).is_err(), "{why}");
        }
    }
}
