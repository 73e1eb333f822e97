//! Statistics of one block: what queries can answer without decoding it.

/// Statistics of the values of one block. NaN is "no number": it is skipped everywhere, and a block
/// of nothing else has the count 0 and NaN for the rest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BlockStats {
    /// How many numbers there are.
    pub count: u32,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
    /// Their sum, added in order.
    pub sum: f64,
    /// The first.
    pub first: f64,
    /// The last.
    pub last: f64,
    /// By how much a counter grew from the first to the last: the sum of all differences, where
    /// after a fall (a reset) it started from 0.
    pub increase: f64,
}

impl BlockStats {
    /// The statistics of `values`.
    ///
    /// ```
    /// use plimsoll::codec::BlockStats;
    /// let block = BlockStats::of(&[f64::NAN, 7.0, 9.0, 2.0, 3.0]);
    /// assert_eq!((block.count, block.min, block.max, block.sum), (4, 2.0, 9.0, 21.0));
    /// assert_eq!((block.first, block.last, block.increase), (7.0, 3.0, 5.0));
    /// ```
    pub fn of(values: &[f64]) -> Self {
        let nan = f64::NAN;
        let mut block =
            Self { count: 0, min: nan, max: nan, sum: nan, first: nan, last: nan, increase: nan };
        for value in values.iter().copied().filter(|value| !value.is_nan()) {
            if block.count == 0 {
                (block.min, block.max, block.sum, block.first) = (value, value, value, value);
                block.increase = 0.0;
            } else {
                // Comparisons, since the order of 0.0 and -0.0 in `f64::min` is not laid down.
                if value < block.min {
                    block.min = value;
                }
                if value > block.max {
                    block.max = value;
                }
                block.sum += value;
                block.increase += if value < block.last { value } else { value - block.last };
            }
            block.last = value;
            block.count += 1;
        }
        block
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_without_numbers_has_none() {
        let block = BlockStats::of(&[f64::NAN]);
        assert_eq!(block.count, 0);
        assert!(block.min.is_nan() && block.sum.is_nan() && block.increase.is_nan());
        assert_eq!(BlockStats::of(&[]).count, 0);
    }
}
