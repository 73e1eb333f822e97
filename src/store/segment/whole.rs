//! Whole numbers as the values of a column.

/// The first whole number that `f64` cannot tell from the next.
const WHOLE_MAX: i64 = 1 << 53;

/// A whole number as a column's value: itself where that is exact, else its bits under a set sign.
pub(in crate::store) fn whole(number: i64) -> f64 {
    match number {
        0..=WHOLE_MAX => number as f64,
        _ => f64::from_bits(number as u64 | 1 << 63),
    }
}

/// The whole number that such a value stands for.
pub(in crate::store) fn number(value: f64) -> i64 {
    match value.to_bits() {
        bits if bits >> 63 == 1 => (bits << 1 >> 1) as i64,
        _ => value as i64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_come_back() {
        for bits in 0..63 {
            for near in [-1, 0, 1] {
                let n = (1_i64 << bits) + near;
                assert_eq!(number(whole(n)), n);
            }
        }
        assert_eq!(number(whole(i64::MAX)), i64::MAX);
    }
}
