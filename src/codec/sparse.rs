//! A sparse list: a few numbers at ascending positions of a block. Exceptions of packed integers
//! and corrections of values are such lists, so that an outlier costs bits itself and never makes
//! its neighbours wider.
//!
//! In: positions below the block's length, one number each. Out: count, positions (as packed gaps,
//! or as a bitmap where that is shorter), packed numbers. Never: a list without entries, a position
//! outside of the block, room for more entries than the block has.

#![warn(clippy::indexing_slicing)]

use super::pack::{WIDTH_MAX, bits_of, pack, packed_bytes, unpack};
use super::varint;
use crate::error::{Error, Result};

/// In place of a gap width: the positions are a bitmap.
const BITMAP: u8 = 0xff;
/// In a width byte: a list of the numbers' high bits follows.
const HIGH_BITS: u8 = 0x80;
/// Bits of the widest gap.
const GAP_WIDTH_MAX: u32 = 10;

/// Entries that are decoded at a time: they start at whole bytes, whatever their width.
const STRIDE: usize = 64;

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

/// Takes a list off the front of `bytes` and calls `apply` with each position, all of them below
/// `samples` and ascending, and its number. On an error it may have been called for some.
#[inline]
pub(super) fn decode(
    bytes: &mut &[u8],
    samples: usize,
    mut apply: impl FnMut(usize, u64),
) -> Result<()> {
    let mut positions = Positions::read(bytes, samples)?;
    let count = positions.count;
    let form = take_byte(bytes)?;
    let width = u32::from(form & !HIGH_BITS);
    let mut numbers = Packed::read(bytes, count, width)?;
    let mut high = if form & HIGH_BITS == 0 { None } else { Some(High::read(bytes, count)?) };
    let (mut places, mut block) = ([0; STRIDE], [0; STRIDE]);
    for start in (0..count).step_by(STRIDE) {
        let length = STRIDE.min(count - start);
        let places = places.get_mut(..length).unwrap_or_default();
        let block = block.get_mut(..length).unwrap_or_default();
        positions.next(places)?;
        numbers.next(block);
        if let Some(high) = &mut high {
            high.merge(start, width, block)?;
        }
        for (place, number) in places.iter().zip(block) {
            apply(*place as usize, *number as u64);
        }
    }
    positions.end()
}

/// Packed integers of which some at a time are taken.
#[derive(Debug)]
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
        Ok(Self { bytes: take(bytes, packed_bytes(count, width))?, width })
    }

    /// The next ones; [`STRIDE`] of them, but for the last time.
    #[inline]
    fn next(&mut self, integers: &mut [i64]) {
        unpack(self.bytes, self.width, integers);
        self.bytes = self.bytes.get(packed_bytes(STRIDE, self.width)..).unwrap_or_default();
    }
}

/// Ascending positions.
#[derive(Debug)]
struct Positions<'a> {
    count: usize,
    samples: usize,
    /// The lowest that the next one can have.
    next: i64,
    form: Form<'a>,
}

#[derive(Debug)]
enum Form<'a> {
    Gaps(Packed<'a>),
    Bitmap {
        words: &'a [u8],
        /// What is left of the word before `words`.
        word: u64,
    },
}

impl<'a> Positions<'a> {
    /// Takes positions below `samples`, at least one, off the front of `bytes`.
    fn read(bytes: &mut &'a [u8], samples: usize) -> Result<Self> {
        let count = varint::read_u64(bytes)?;
        if count == 0 || count > samples as u64 {
            return Err(Error::decode(format!("a list of {count} entries for {samples} values")));
        }
        let count = count as usize;
        let form = take_byte(bytes)?;
        let form = if form == BITMAP {
            Form::Bitmap { words: take(bytes, samples.div_ceil(8))?, word: 0 }
        } else if u32::from(form) > GAP_WIDTH_MAX {
            return Err(Error::decode(format!("gaps of {form} bits")));
        } else {
            Form::Gaps(Packed::read(bytes, count, u32::from(form))?)
        };
        Ok(Self { count, samples, next: 0, form })
    }

    /// The next ones; [`STRIDE`] of them, but for the last time.
    #[inline]
    fn next(&mut self, places: &mut [i64]) -> Result<()> {
        match &mut self.form {
            Form::Gaps(gaps) => {
                gaps.next(places);
                for place in places.iter_mut() {
                    *place += self.next;
                    self.next = *place + 1;
                }
            }
            Form::Bitmap { words, word } => {
                for place in places.iter_mut() {
                    while *word == 0 {
                        let Some((next, rest)) = next_word(words) else {
                            return Err(Error::decode("a bitmap has fewer entries than its list"));
                        };
                        (*word, *words) = (next, rest);
                        self.next += i64::from(u64::BITS);
                    }
                    let in_word = i64::from(word.trailing_zeros()) - i64::from(u64::BITS);
                    *place = self.next + in_word;
                    *word &= *word - 1;
                }
            }
        }
        // They ascend: the last one is below the number of samples, or one of them is not.
        if places.last().is_some_and(|last| *last >= self.samples as i64) {
            return Err(Error::decode(format!("a list reaches beyond {} values", self.samples)));
        }
        Ok(())
    }

    /// Whether all have been taken.
    fn end(&self) -> Result<()> {
        match self.form {
            Form::Bitmap { words, word } if word != 0 || words.iter().any(|byte| *byte != 0) => {
                Err(Error::decode("a bitmap has more entries than its list"))
            }
            _ => Ok(()),
        }
    }
}

/// The first eight bytes, or what there is of them, and the rest.
fn next_word(bytes: &[u8]) -> Option<(u64, &[u8])> {
    if let Some((word, rest)) = bytes.split_first_chunk() {
        return Some((u64::from_le_bytes(*word), rest));
    }
    let word = bytes.iter().rev().fold(0, |word, byte| (word << 8) | u64::from(*byte));
    (!bytes.is_empty()).then_some((word, &[]))
}

/// The high bits of some of a list's numbers, a list themselves.
#[derive(Debug)]
struct High<'a> {
    positions: Positions<'a>,
    numbers: Packed<'a>,
    /// Entries that were not taken from the bytes yet.
    left: usize,
    /// Entries that were; those from `merged` to `taken` have not met their number yet.
    places: [i64; STRIDE],
    bits: [i64; STRIDE],
    merged: usize,
    taken: usize,
}

impl<'a> High<'a> {
    fn read(bytes: &mut &'a [u8], samples: usize) -> Result<Self> {
        let positions = Positions::read(bytes, samples)?;
        let width = u32::from(take_byte(bytes)?);
        let numbers = Packed::read(bytes, positions.count, width)?;
        let (left, places, bits) = (positions.count, [0; STRIDE], [0; STRIDE]);
        Ok(Self { positions, numbers, left, places, bits, merged: 0, taken: 0 })
    }

    /// Adds what lies above `width` to the list's numbers from the place `start` on.
    fn merge(&mut self, start: usize, width: u32, numbers: &mut [i64]) -> Result<()> {
        loop {
            if self.merged == self.taken {
                self.taken = self.left.min(STRIDE);
                self.left -= self.taken;
                self.merged = 0;
                self.positions.next(self.places.get_mut(..self.taken).unwrap_or_default())?;
                self.numbers.next(self.bits.get_mut(..self.taken).unwrap_or_default());
            }
            let entry = self.places.get(self.merged).zip(self.bits.get(self.merged));
            let Some((place, bits)) = entry.filter(|_| self.merged < self.taken) else {
                return self.positions.end();
            };
            let Some(number) = numbers.get_mut(*place as usize - start) else { return Ok(()) };
            *number |= bits.checked_shl(width).unwrap_or(0);
            self.merged += 1;
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
