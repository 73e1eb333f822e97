//! The numbers of series: ascending, and with gaps where series were forgotten.

use std::ops::Range;

/// Which numbers series have. Each has a place, without gaps, under which lists keep what belongs
/// to it.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    /// Where stretches without gaps begin.
    stretches: Vec<Stretch>,
    count: u32,
    next: u32,
}

#[derive(Debug, Clone, Copy)]
struct Stretch {
    first: u32,
    /// The place of the first.
    place: u32,
}

impl Numbers {
    /// Numbers here.
    pub(super) fn count(&self) -> usize {
        self.count as usize
    }

    /// The number that is given next: it was never given before.
    pub(super) fn next(&self) -> u32 {
        self.next
    }

    /// Takes a number in that is not below the next one; false where it is, or is the last of all.
    pub(super) fn push(&mut self, number: u32) -> bool {
        let Some(next) = number.checked_add(1).filter(|_| number >= self.next) else {
            return false;
        };
        if self.ranges().next_back().is_none_or(|stretch| stretch.end != number) {
            self.stretches.push(Stretch { first: number, place: self.count });
        }
        self.count += 1;
        self.next = next;
        true
    }

    /// Leaves out all numbers that are not given yet and below `next`.
    pub(super) fn skip_to(&mut self, next: u32) {
        self.next = self.next.max(next);
    }

    /// The place of a number; `None` where it was never given, or its series is forgotten.
    pub(super) fn place(&self, number: u32) -> Option<usize> {
        let after = self.stretches.partition_point(|stretch| stretch.first <= number);
        let stretch = self.stretches.get(after.checked_sub(1)?)?;
        let end = self.stretches.get(after).map_or(self.count, |next| next.place);
        let place = stretch.place + (number - stretch.first);
        (place < end).then_some(place as usize)
    }

    /// Stretches without gaps.
    pub(super) fn ranges(&self) -> impl DoubleEndedIterator<Item = Range<u32>> {
        self.stretches.iter().enumerate().map(|(at, Stretch { first, place })| {
            let end = self.stretches.get(at + 1).map_or(self.count, |next| next.place);
            *first..*first + (end - place)
        })
    }

    /// Numbers here that are below one.
    pub(super) fn count_below(&self, number: u32) -> u32 {
        self.ranges().map(|range| range.end.min(number).saturating_sub(range.start)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_have_no_gaps() {
        let mut numbers = Numbers::default();
        assert_eq!((numbers.place(0), numbers.next()), (None, 0));
        let given = [0, 1, 2, 7, 9, 10];
        assert!(given.iter().all(|number| numbers.push(*number)));
        assert!(!numbers.push(10) && !numbers.push(4) && !numbers.push(u32::MAX));
        assert_eq!(numbers.ranges().collect::<Vec<_>>(), [0..3, 7..8, 9..11]);
        let places = (0..13).filter_map(|number| Some((number, numbers.place(number)?)));
        assert!(places.eq(given.into_iter().zip(0..)));
        assert_eq!([0, 2, 8, 10, 11, 50].map(|n| numbers.count_below(n)), [0, 2, 4, 5, 6, 6]);
        // What is skipped is a gap from then on.
        numbers.skip_to(5);
        assert_eq!(numbers.next(), 11);
        numbers.skip_to(20);
        assert!(!numbers.push(19) && numbers.push(20));
        assert_eq!((numbers.place(11), numbers.place(20)), (None, Some(6)));
        assert_eq!(numbers.count(), 7);
    }
}
