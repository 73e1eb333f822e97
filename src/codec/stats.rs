//! What is kept of a block beside its bytes, so that queries need not decode it.

use crate::kernel::growth;

/// Sums run in as many lanes: the numbers take turns.
const LANES: usize = 4;

/// Statistics of a block. NaN is "no number" and is skipped by all of them. Number `i` of the rest
/// is added up in lane `i % 4`, and the sum is `(lane 0 + lane 1) + (lane 2 + lane 3)`: equal
/// blocks have equal statistics, bit for bit, on every machine.
#[derive(Debug, Clone, Copy)]
pub struct BlockStats {
    /// Values that are numbers.
    pub count: u32,
    /// The smallest number, -0.0 before 0.0; NaN without numbers.
    pub min: f64,
    /// The largest number, 0.0 before -0.0; NaN without numbers.
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
        if values.iter().any(|value| value.is_nan()) {
            let numbers: Vec<f64> = values.iter().copied().filter(|v| !v.is_nan()).collect();
            return Self::of_numbers(&numbers);
        }
        Self::of_numbers(values)
    }

    fn of_numbers(numbers: &[f64]) -> Self {
        let (Some(first), Some(last)) = (numbers.first(), numbers.last()) else {
            return Self::EMPTY;
        };
        let mut lanes = [Lane { min: *first, max: *first, sum: 0.0, increase: 0.0 }; LANES];
        let before = std::iter::once(first).chain(numbers);
        let (chunks, rest) = numbers.as_chunks::<LANES>();
        let mut last_before = *first;
        for chunk in chunks {
            let [a, b, c, d] = *chunk;
            let before = [last_before, a, b, c];
            for (lane, (number, before)) in lanes.iter_mut().zip(chunk.iter().zip(before)) {
                lane.take(*number, before);
            }
            last_before = d;
        }
        let before = before.skip(chunks.len() * LANES);
        for (lane, (number, before)) in lanes.iter_mut().zip(rest.iter().zip(before)) {
            lane.take(*number, *before);
        }
        let [a, b, c, d] = lanes;
        let [min, max] =
            [a.min.min(b.min).min(c.min.min(d.min)), a.max.max(b.max).max(c.max.max(d.max))];
        let has = |zero: f64| numbers.iter().any(|number| number.to_bits() == zero.to_bits());
        Self {
            count: numbers.len() as u32,
            min: if min == 0.0 { if has(-0.0) { -0.0 } else { 0.0 } } else { min },
            max: if max == 0.0 { if has(0.0) { 0.0 } else { -0.0 } } else { max },
            sum: (a.sum + b.sum) + (c.sum + d.sum),
            first: *first,
            last: *last,
            increase: (a.increase + b.increase) + (c.increase + d.increase),
        }
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

/// What is known of every fourth number.
#[derive(Debug, Clone, Copy)]
struct Lane {
    min: f64,
    max: f64,
    sum: f64,
    increase: f64,
}

impl Lane {
    #[inline]
    fn take(&mut self, number: f64, before: f64) {
        self.min = if number < self.min { number } else { self.min };
        self.max = if number > self.max { number } else { self.max };
        self.sum += number;
        self.increase += growth(before, number);
    }
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
    fn lanes_add_up_to_what_one_by_one_does() {
        let mut random = crate::kernel::Random::new(7);
        for count in [1, 2, 3, 4, 5, 7, 8, 1_023, 1_024] {
            let mut values: Vec<f64> = (0..count).map(|_| random.normal()).collect();
            values.iter_mut().skip(1).step_by(9).for_each(|value| *value = f64::NAN);
            let stats = BlockStats::of(&values);
            let numbers: Vec<f64> = values.iter().copied().filter(|v| !v.is_nan()).collect();
            let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-10, "{count}: {a} {b}");
            near(stats.sum, numbers.iter().sum());
            let gain = |two: &[f64]| if two[1] < two[0] { two[1] } else { two[1] - two[0] };
            near(stats.increase, numbers.windows(2).map(gain).sum());
            let ends = numbers
                .iter()
                .copied()
                .fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)));
            assert_eq!((stats.min, stats.max), ends);
            assert_eq!((stats.first, stats.last), (numbers[0], numbers[numbers.len() - 1]));
        }
        let zeros = BlockStats::of(&[0.0, -0.0, 0.0]);
        assert!(zeros.min.is_sign_negative() && zeros.max.is_sign_positive());
        let zeros = BlockStats::of(&[1.0, -0.0]);
        assert!(zeros.min.is_sign_negative());
    }

    #[test]
    fn infinities_and_gaps() {
        let stats = BlockStats::of(&[f64::NAN, 1.0, f64::INFINITY, f64::INFINITY, f64::NAN]);
        assert_eq!((stats.count, stats.first, stats.last), (3, 1.0, f64::INFINITY));
        assert_eq!((stats.min, stats.max), (1.0, f64::INFINITY));
        assert_eq!((stats.sum, stats.increase), (f64::INFINITY, f64::INFINITY));
    }
}
