//! What is kept of a block beside its bytes, so that queries need not decode it.

/// Statistics of a block. NaN is "no number" and is skipped by all of them; everything is computed
/// in the order of the slice, so equal blocks have equal statistics, bit for bit.
#[derive(Debug, Clone, Copy)]
pub struct BlockStats {
    /// Values that are numbers.
    pub count: u32,
    /// The smallest number, the first one met of equal ones (0.0 and -0.0); NaN without numbers.
    pub min: f64,
    /// The largest number, the first one met of equal ones; NaN without numbers.
    pub max: f64,
    /// The sum of the numbers; 0 without numbers, so that blocks add up.
    pub sum: f64,
    /// The first number; NaN without numbers.
    pub first: f64,
    /// The last number; NaN without numbers.
    pub last: f64,
    /// What a counter gained from `first` to `last`: the sum of its steps, where a fall is a reset
    /// and counts as a rise from 0. A step between blocks is the caller's to add.
    pub increase: f64,
}

impl BlockStats {
    /// The statistics of `values`.
    ///
    /// ```
    /// let stats = plimsoll::codec::BlockStats::of(&[5.0, f64::NAN, 9.0, 2.0, 3.0]);
    /// assert_eq!((stats.count, stats.min, stats.max, stats.sum), (4, 2.0, 9.0, 19.0));
    /// // 5 to 9, a reset to 0 that has come to 2, 2 to 3.
    /// assert_eq!((stats.first, stats.last, stats.increase), (5.0, 3.0, 4.0 + 2.0 + 1.0));
    /// ```
    pub fn of(values: &[f64]) -> Self {
        let mut numbers = values.iter().copied().filter(|value| !value.is_nan());
        let Some(first) = numbers.next() else { return Self::EMPTY };
        let (min, max, last) = (first, first, first);
        let mut stats = Self { count: 1, min, max, sum: first, first, last, increase: 0.0 };
        for value in numbers {
            stats.count += 1;
            stats.sum += value;
            if value < stats.min {
                stats.min = value;
            }
            if value > stats.max {
                stats.max = value;
            }
            // A counter that stands still gains nothing, at infinity too.
            if value < stats.last {
                stats.increase += value;
            } else if value > stats.last {
                stats.increase += value - stats.last;
            }
            stats.last = value;
        }
        stats
    }

    /// The statistics of no numbers.
    const EMPTY: Self = Self {
        count: 0,
        min: f64::NAN,
        max: f64::NAN,
        sum: 0.0,
        first: f64::NAN,
        last: f64::NAN,
        increase: 0.0,
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_without_numbers() {
        for values in [&[][..], &[f64::NAN; 3]] {
            let stats = BlockStats::of(values);
            assert_eq!((stats.count, stats.sum, stats.increase), (0, 0.0, 0.0));
            for none in [stats.min, stats.max, stats.first, stats.last] {
                assert!(none.is_nan());
            }
        }
    }

    #[test]
    fn infinities_and_gaps() {
        let stats = BlockStats::of(&[f64::NAN, 1.0, f64::INFINITY, f64::INFINITY, f64::NAN]);
        assert_eq!((stats.count, stats.first, stats.last), (3, 1.0, f64::INFINITY));
        assert_eq!((stats.min, stats.max), (1.0, f64::INFINITY));
        assert_eq!((stats.sum, stats.increase), (f64::INFINITY, f64::INFINITY));
    }
}
