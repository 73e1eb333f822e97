//! How many bits the differences of a block's integers to a reference need, for one reference
//! after another.
//!
//! In: at most 1,024 integers. Out: counts of widths. Never: a look at each integer again where
//! all are near one another, as in most blocks: then it is counted once how often each comes.

#![warn(clippy::indexing_slicing)]

use super::pack::{WIDTH_MAX, bits_of};

/// Integers that are less apart than this are near; a count is kept of each.
const NEAR: usize = 128;
/// Counts of a width each; a power of two, so that no place is out of bounds.
const COUNTS: usize = 128;

/// Integers, looked at once.
pub(super) struct Counted {
    pub(super) least: i64,
    pub(super) count: usize,
    /// How often each integer from the least on comes, where all are near.
    near: Option<[u16; NEAR]>,
}

impl Counted {
    pub(super) fn of(stream: &[i64]) -> Self {
        let bounds = |(least, most): (i64, i64), value: &i64| (least.min(*value), most.max(*value));
        let (least, most) = stream.iter().fold((i64::MAX, i64::MIN), bounds);
        let least = if stream.is_empty() { 0 } else { least };
        let near = ((most.wrapping_sub(least) as u64) < NEAR as u64)
            .then(|| count(stream, |value| value.wrapping_sub(least) as usize));
        Self { least, count: stream.len(), near }
    }

    /// Whether the integers themselves need not be at hand any more.
    pub(super) fn is_near(&self) -> bool {
        self.near.is_some()
    }

    /// The widths for a reference. `stream` is what was counted, unless it is near.
    pub(super) fn widths(&self, stream: &[i64], reference: i64) -> Widths {
        let Some(near) = &self.near else { return Widths::count(stream, reference) };
        let mut widths = Widths::default();
        let first = self.least.wrapping_sub(reference);
        for (further, count) in near.iter().enumerate().filter(|(_, count)| **count > 0) {
            widths.add(first.wrapping_add(further as i64), *count);
        }
        widths
    }

    /// The integers above so many others, which ascend and are fewer than all. `stream` is what was
    /// counted, unless it is near; `room` is a buffer.
    pub(super) fn lowest(
        &self,
        stream: &[i64],
        skipped: [usize; 3],
        room: &mut Vec<i64>,
    ) -> [i64; 3] {
        let Some(near) = &self.near else {
            let [.., last] = skipped;
            room.clear();
            room.extend_from_slice(stream);
            room.select_nth_unstable(last);
            room.truncate(last + 1);
            room.sort_unstable();
            return skipped.map(|skipped| room.get(skipped).copied().unwrap_or(self.least));
        };
        skipped.map(|skipped| {
            let mut below = 0;
            let above = near.iter().position(|count| {
                below += usize::from(*count);
                below > skipped
            });
            self.least.wrapping_add(above.unwrap_or(0) as i64)
        })
    }
}

/// How many need how many bits.
pub(super) struct Widths {
    /// How many that are not negative need 0, 1, ... 63 bits; those below need all 64.
    above: [u16; COUNTS],
    above_bits: i64,
    /// The bits, without the sign, that any that is negative needs.
    below_bits: i64,
}

impl Default for Widths {
    fn default() -> Self {
        Self { above: [0; COUNTS], above_bits: 0, below_bits: 0 }
    }
}

impl Widths {
    fn count(stream: &[i64], reference: i64) -> Self {
        let mut widths = Self::default();
        widths.above = count(stream, |value| {
            let difference = value.wrapping_sub(reference);
            widths.take_bits(difference);
            bits_of(difference as u64) as usize
        });
        widths
    }

    #[inline]
    fn take_bits(&mut self, difference: i64) {
        let sign = difference >> 63;
        self.above_bits |= difference & !sign;
        self.below_bits |= !difference & sign;
    }

    fn add(&mut self, difference: i64, count: u16) {
        self.take_bits(difference);
        if let Some(slot) = self.above.get_mut(bits_of(difference as u64) as usize % COUNTS) {
            *slot += count;
        }
    }

    /// How many that are not negative need just `width` bits, which is below 64.
    pub(super) fn above(&self, width: u32) -> usize {
        self.above.get(width as usize).map_or(0, |count| usize::from(*count))
    }

    /// How many are negative.
    pub(super) fn below(&self) -> usize {
        self.above(WIDTH_MAX)
    }

    /// The bits that the widest of the negative ones needs beside its sign.
    pub(super) fn below_width(&self) -> u32 {
        bits_of(self.below_bits as u64)
    }

    /// The bits of the widest, without a sign.
    pub(super) fn widest(&self) -> u32 {
        bits_of((self.above_bits | self.below_bits) as u64)
    }
}

/// Counts places, each below 128. Four lists of counts take turns, so that none waits for the one
/// before.
#[inline]
fn count(stream: &[i64], mut place: impl FnMut(i64) -> usize) -> [u16; COUNTS] {
    let mut counts = [[0_u16; COUNTS]; 4];
    let mut add = |counts: &mut [u16; COUNTS], value: &i64| {
        if let Some(count) = counts.get_mut(place(*value) % COUNTS) {
            *count += 1;
        }
    };
    let (fours, rest) = stream.as_chunks::<4>();
    for four in fours {
        counts.iter_mut().zip(four).for_each(|(counts, value)| add(counts, value));
    }
    counts.iter_mut().zip(rest).for_each(|(counts, value)| add(counts, value));
    let [mut sums, others @ ..] = counts;
    for other in others {
        sums.iter_mut().zip(other).for_each(|(sum, count)| *sum += count);
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Near or not, widths and lowest integers are those of the definition.
        #[test]
        fn counts_are_those_of_the_integers(
            values in prop::collection::vec(any::<i64>(), 20..300),
            shift in 0_u32..64,
            base in prop_oneof![any::<i64>(), Just(i64::MAX - 40)],
            raised in 0..100_i64,
        ) {
            let values: Vec<i64> =
                values.iter().map(|value| base.wrapping_add(value >> shift)).collect();
            let counted = Counted::of(&values);
            let (least, most) = (values.iter().min().unwrap(), values.iter().max().unwrap());
            prop_assert_eq!(counted.is_near(), most.wrapping_sub(*least) as u64 <= 127);
            let stream = if counted.is_near() { &[][..] } else { &values };
            let reference = counted.least.wrapping_add(raised);
            let differences: Vec<i64> =
                values.iter().map(|value| value.wrapping_sub(reference)).collect();
            let widths = counted.widths(stream, reference);
            let need = |n: &&i64| **n >= 0;
            for width in 0..64 {
                let found = differences.iter().filter(need);
                let found = found.filter(|n| bits_of(**n as u64) == width).count();
                prop_assert_eq!(widths.above(width), found);
            }
            let below = || differences.iter().filter(|n| **n < 0);
            prop_assert_eq!(widths.below(), below().count());
            let below = below().map(|n| bits_of(!*n as u64)).max().unwrap_or(0);
            prop_assert_eq!(widths.below_width(), below);
            let above = differences.iter().filter(need).map(|n| bits_of(*n as u64)).max();
            prop_assert_eq!(widths.widest(), above.unwrap_or(0).max(below));
            let mut sorted = values.clone();
            sorted.sort_unstable();
            let lowest = counted.lowest(stream, [0, 3, 19], &mut Vec::new());
            prop_assert_eq!(lowest, [sorted[0], sorted[3], sorted[19]]);
        }
    }
}
