//! Numbers at some of a block's places, added to what stands there: exceptions and corrections.
//!
//! In: packed numbers, the places that they belong to, and what they mean. Out: a block that was
//! changed at those places. Never: a place outside of the block, bytes read beyond the slice, or a
//! result that depends on the machine. The portable loops of this file define every bit; `simd.rs`
//! chooses between them and those of `avx512_lists.rs`.

use super::simd::Machine;

/// Integers packed one after another, as in `bits.rs`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bits<'a> {
    /// The integers, and what follows them, which may be loaded but is not looked at. Bits that
    /// are missing read as zero.
    pub(crate) bytes: &'a [u8],
    /// Bits of an integer, at most [`WIDTH_MAX`](super::bits::WIDTH_MAX).
    pub(crate) width: u32,
    /// How many integers there are, at most as many as a block has.
    pub(crate) count: usize,
}

/// Ascending places in a block.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Places<'a> {
    /// How many places lie between each and the one before it, in at most [`GAP_WIDTH_MAX`] bits.
    Gaps(Bits<'a>),
    /// A bit for each place, the lowest of the first byte first: as many bytes as the block's
    /// places need.
    Bitmap(&'a [u8]),
}

/// Bits of the widest gap.
pub(crate) const GAP_WIDTH_MAX: u32 = 10;

/// A number for each of some places.
#[derive(Debug, Clone, Copy)]
pub(crate) struct List<'a> {
    pub(crate) places: Places<'a>,
    pub(crate) numbers: Bits<'a>,
}

/// What a packed number adds: `unfold(number + more) << shift`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Meaning {
    /// Whether it is a signed number that was folded: 0, 1, 2, 3 are 0, -1, 1, -2.
    pub(crate) is_folded: bool,
    /// Added before.
    pub(crate) more: u64,
    /// By how much its lowest bit stands above that of a place; from 64 on nothing is left of it.
    pub(crate) shift: u32,
}

impl Meaning {
    /// That of high bits, for numbers that have `width` without them.
    pub(super) const fn above(width: u32) -> Self {
        Self { is_folded: false, more: 0, shift: width }
    }

    /// What `number` adds.
    #[inline]
    pub(crate) fn of(self, number: u64) -> u64 {
        let number = number.wrapping_add(self.more);
        let unfolded =
            if self.is_folded { (number >> 1) ^ (number & 1).wrapping_neg() } else { number };
        unfolded.checked_shl(self.shift).unwrap_or(0)
    }
}

/// What numbers are added to, modulo its size: four or eight bytes.
pub(crate) trait Slot: Copy {
    fn add(&mut self, number: u64);
}

impl Slot for u32 {
    #[inline]
    fn add(&mut self, number: u64) {
        *self = self.wrapping_add(number as Self);
    }
}

impl Slot for u64 {
    #[inline]
    fn add(&mut self, number: u64) {
        *self = self.wrapping_add(number);
    }
}

impl Slot for i64 {
    #[inline]
    fn add(&mut self, number: u64) {
        *self = self.wrapping_add(number as Self);
    }
}

/// To its pattern of bits.
impl Slot for f64 {
    #[inline]
    fn add(&mut self, number: u64) {
        *self = Self::from_bits(self.to_bits().wrapping_add(number));
    }
}

/// Adds the numbers of a list, each with its high bits, where `high` has some for its place in the
/// list, to what stands at their places; `false`, and any change of the block, where there are
/// other places than numbers, or where one is outside.
pub(super) fn add<S: Slot>(
    machine: Machine,
    list: &List,
    high: Option<&List>,
    meaning: Meaning,
    slots: &mut [S],
) -> bool {
    let Bits { bytes, width, count } = list.numbers;
    machine.with_bits(bytes, width, count, |numbers| {
        let above = Meaning::above(width);
        if high.is_some_and(|high| !add_alone(machine, high, above, numbers)) {
            return false;
        }
        add_meant(machine, list.places, meaning, numbers, slots)
    })
}

/// As [`add`], without high bits. A function of its own, for what calls itself is not inlined.
#[inline]
fn add_alone<S: Slot>(machine: Machine, list: &List, meaning: Meaning, slots: &mut [S]) -> bool {
    let Bits { bytes, width, count } = list.numbers;
    machine.with_bits(bytes, width, count, |numbers| {
        add_meant(machine, list.places, meaning, numbers, slots)
    })
}

/// Adds what numbers mean, which are made of them in place.
#[inline]
fn add_meant<S: Slot>(
    machine: Machine,
    places: Places,
    meaning: Meaning,
    numbers: &mut [u64],
    slots: &mut [S],
) -> bool {
    for number in numbers.iter_mut() {
        *number = meaning.of(*number);
    }
    match places {
        Places::Gaps(gaps) => {
            gaps.width <= GAP_WIDTH_MAX
                && machine.with_bits(gaps.bytes, gaps.width, gaps.count, |gaps| {
                    add_at_gaps(gaps, numbers, slots)
                })
        }
        Places::Bitmap(bytes) => {
            bytes.len() == slots.len().div_ceil(8)
                && machine.with_bitmap(bytes, |places| add_at(places, numbers, slots))
        }
    }
}

fn add_at_gaps<S: Slot>(gaps: &[u64], numbers: &[u64], slots: &mut [S]) -> bool {
    let beyond = gaps.iter().sum::<u64>() + gaps.len() as u64;
    if gaps.len() != numbers.len() || beyond > slots.len() as u64 {
        return false;
    }
    let mut next = 0;
    for (gap, number) in gaps.iter().zip(numbers) {
        next += *gap as usize + 1;
        slots[next - 1].add(*number);
    }
    true
}

fn add_at<S: Slot>(places: &[u16], numbers: &[u64], slots: &mut [S]) -> bool {
    let is_outside = |last: &u16| usize::from(*last) >= slots.len();
    if places.len() != numbers.len() || places.last().is_some_and(is_outside) {
        return false;
    }
    for (place, number) in places.iter().zip(numbers) {
        slots[usize::from(*place)].add(*number);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::bits::packed_bytes;
    use crate::kernel::simd;
    use crate::model::limits::BLOCK_SAMPLES;
    use proptest::prelude::*;

    /// Bytes for a list of `count` numbers; damaged ones are among them.
    #[derive(Debug, Clone)]
    struct Given {
        bytes: Vec<u8>,
        width: u32,
        /// `None`: a bitmap.
        gap_width: Option<u32>,
        count: usize,
    }

    impl Given {
        fn list(&self, slots: usize) -> List<'_> {
            let Self { bytes, width, gap_width, count } = self;
            let taken = gap_width.map_or(slots.div_ceil(8), |width| packed_bytes(*count, width));
            let (places, numbers) = bytes.split_at(taken.min(bytes.len()));
            let bits = |bytes, width| Bits { bytes, width, count: *count };
            List {
                places: gap_width
                    .map_or(Places::Bitmap(places), |width| Places::Gaps(bits(bytes, width))),
                numbers: bits(numbers, *width),
            }
        }

        /// The same with as many numbers as the bitmap has places, if it is one, of which some may
        /// be beyond the slots.
        fn counted(mut self, slots: usize, spills: bool) -> Self {
            if self.gap_width.is_none() {
                self.bytes.resize(self.bytes.len().max(slots.div_ceil(8)), 0);
                let (last, left) = (slots.div_ceil(8) - 1, slots.wrapping_neg() % 8);
                self.bytes[last] &= u8::MAX >> if spills { 0 } else { left };
                let set = self.bytes[..=last].iter().map(|byte| byte.count_ones());
                self.count = set.sum::<u32>() as usize;
            }
            self
        }
    }

    fn given() -> impl Strategy<Value = Given> {
        // Few bits, about half of them, and nearly all.
        let byte = |keep, set| any::<u8>().prop_map(move |byte| byte & keep | set);
        let bytes = |byte, most| prop::collection::vec(byte, 0..most);
        let bytes = prop_oneof![
            bytes(byte(0x11, 0), 900),
            bytes(byte(0xff, 0), 900),
            bytes(byte(0xff, 0), 9_000),
            bytes(byte(0xff, 0xfe), 9_000),
            bytes(byte(0xff, 0xff), 9_000),
        ];
        let gap_width =
            prop_oneof![Just(None), (0..4_u32).prop_map(Some), (0..=10_u32).prop_map(Some)];
        let count = prop_oneof![0..40_usize, 0..=BLOCK_SAMPLES];
        (bytes, 0..=64_u32, gap_width, count).prop_map(|(bytes, width, gap_width, count)| Given {
            bytes,
            width,
            gap_width,
            count,
        })
    }

    fn meaning() -> impl Strategy<Value = Meaning> {
        (any::<bool>(), 0..2_u64, prop_oneof![Just(0), 0..=70_u32])
            .prop_map(|(is_folded, more, shift)| Meaning { is_folded, more, shift })
    }

    /// One bit after another, straight from the definition; `None` where the list is refused.
    fn expected(
        list: &List,
        high: Option<&List>,
        meaning: Meaning,
        slots: &[u64],
    ) -> Option<Vec<u64>> {
        let bit = |bytes: &[u8], at: usize| {
            bytes.get(at / 8).map_or(0, |byte| u64::from(byte >> (at % 8) & 1))
        };
        let integers = |bits: Bits| -> Vec<u64> {
            let width = bits.width as usize;
            let integer = |index| {
                (0..width)
                    .map(|b| bit(bits.bytes, index * width + b) << b)
                    .fold(0, |all, b| all | b)
            };
            (0..bits.count).map(integer).collect()
        };
        let mut numbers = integers(list.numbers);
        if let Some(high) = high {
            numbers = expected(high, None, Meaning::above(list.numbers.width), &numbers)?;
        }
        let places: Vec<usize> = match list.places {
            Places::Bitmap(bytes) => {
                if bytes.len() != slots.len().div_ceil(8) {
                    return None;
                }
                (0..8 * bytes.len()).filter(|at| bit(bytes, *at) == 1).collect()
            }
            Places::Gaps(gaps) => {
                let place = |next: &mut usize, gap: u64| {
                    *next += gap as usize + 1;
                    Some(*next - 1)
                };
                integers(gaps).into_iter().scan(0, place).collect()
            }
        };
        let mut slots = slots.to_vec();
        if places.len() != numbers.len() {
            return None;
        }
        for (place, number) in places.into_iter().zip(numbers) {
            let slot = slots.get_mut(place)?;
            *slot = slot.wrapping_add(meaning.of(number));
        }
        Some(slots)
    }

    /// Whether a loop makes of slots what is expected, and refuses what is.
    fn agrees<S: Slot>(
        add: impl Fn(&mut [S]) -> bool,
        before: &[S],
        expected: Option<&[u64]>,
        bits: impl Fn(S) -> u64,
    ) -> bool {
        let mut found = before.to_vec();
        let is_right = add(&mut found);
        // After a list that is refused any slot may have changed.
        is_right == expected.is_some()
            && expected.is_none_or(|all| found.into_iter().map(bits).eq(all.iter().copied()))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 8 } else { 2048 }))]

        #[test]
        fn numbers_are_added_where_a_plain_loop_adds_them(
            list in given(),
            high in prop::option::of(given()),
            is_counted: bool,
            spills in prop::bool::weighted(0.2),
            slots in prop_oneof![Just(BLOCK_SAMPLES), 1..=BLOCK_SAMPLES],
            before: u64,
            meaning in meaning(),
        ) {
            let list = if is_counted { list.counted(slots, spills) } else { list };
            let count = list.count;
            let counted = |high: Given| if is_counted { high.counted(count, spills) } else { high };
            let high = high.filter(|_| count > 0).map(counted);
            let (list, high) = (list.list(slots), high.as_ref().map(|high| high.list(count)));
            let (list, high) = (&list, high.as_ref());
            let before: Vec<u64> = (0..slots as u64).map(|at| before ^ at).collect();
            let expected = expected(list, high, meaning, &before);
            let expected = expected.as_deref();

            let patterns: Vec<f64> = before.iter().copied().map(f64::from_bits).collect();
            let portable = |slots: &mut [f64]| add(Machine::Portable, list, high, meaning, slots);
            let here = |slots: &mut [f64]| simd::add_to_patterns(list, high, meaning, slots);
            prop_assert!(agrees(portable, &patterns, expected, f64::to_bits));
            prop_assert!(agrees(here, &patterns, expected, f64::to_bits));

            let words: Vec<u32> = before.iter().map(|slot| *slot as u32).collect();
            let low: Option<Vec<u64>> =
                expected.map(|all| all.iter().map(|slot| u64::from(*slot as u32)).collect());
            let portable = |slots: &mut [u32]| add(Machine::Portable, list, high, meaning, slots);
            let here = |slots: &mut [u32]| simd::add_to_words(list, high, meaning, slots);
            prop_assert!(agrees(portable, &words, low.as_deref(), u64::from));
            prop_assert!(agrees(here, &words, low.as_deref(), u64::from));
        }
    }
}
