//! Two rows of numbers, step by step: one added to the other, and how high both come together.
//!
//! In: slices of the same length. Out: sums in the caller's slice; the highest sum. Each step is
//! added by itself, so that a sum of rows depends on the order of the rows and on nothing else.
#![expect(
    clippy::inline_always,
    reason = "compiled with the caller, for the machine that the caller is for"
)]

use super::reduce::{LANES, folded};
use super::simd::{Loop, widest};

/// Adds a row to sums, step by step; NaN makes the step's sum NaN.
///
/// ```
/// let mut sums = [1.0, 2.0];
/// plimsoll::kernel::add_row(&mut sums, &[0.5, -2.0]);
/// assert_eq!(sums, [1.5, 0.0]);
/// ```
pub fn add_row(sums: &mut [f64], row: &[f64]) {
    widest(AddRow { sums, row });
}

/// The greatest sum of two rows, step by step; steps at which it is NaN are skipped, and without
/// any other it is NaN.
///
/// ```
/// let greatest = plimsoll::kernel::greatest_sum(&[1.0, 3.0, f64::NAN], &[4.0, 1.0, 9.0]);
/// assert_eq!(greatest, 5.0);
/// ```
pub fn greatest_sum(a: &[f64], b: &[f64]) -> f64 {
    widest(GreatestSum { a, b })
}

struct AddRow<'a> {
    sums: &'a mut [f64],
    row: &'a [f64],
}

impl Loop for AddRow<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (sum, value) in self.sums.iter_mut().zip(self.row) {
            *sum += *value;
        }
    }
}

struct GreatestSum<'a> {
    a: &'a [f64],
    b: &'a [f64],
}

impl Loop for GreatestSum<'_> {
    type Output = f64;

    #[inline(always)]
    fn run(self) -> f64 {
        let mut lanes = [f64::NEG_INFINITY; LANES];
        let (a_chunks, a_rest) = self.a.as_chunks::<LANES>();
        let (b_chunks, b_rest) = self.b.as_chunks::<LANES>();
        for (a, b) in a_chunks.iter().zip(b_chunks) {
            for lane in 0..LANES {
                let sum = a[lane] + b[lane];
                lanes[lane] = if sum > lanes[lane] { sum } else { lanes[lane] };
            }
        }
        for (lane, (a, b)) in a_rest.iter().zip(b_rest).enumerate() {
            let sum = a + b;
            lanes[lane] = if sum > lanes[lane] { sum } else { lanes[lane] };
        }
        let greatest = folded(lanes, f64::max);
        if greatest == f64::NEG_INFINITY { f64::NAN } else { greatest }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn row() -> impl Strategy<Value = Vec<(f64, f64)>> {
        let value = || prop_oneof![8 => -1e9..1e9_f64, 1 => Just(f64::NAN)];
        prop::collection::vec((value(), value()), 0..100)
    }

    proptest! {
        #[test]
        fn fast_loops_equal_plain_ones(pairs in row()) {
            let (a, b): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
            let plain: Vec<f64> = pairs.iter().map(|(a, b)| a + b).collect();
            let mut sums = a.clone();
            add_row(&mut sums, &b);
            let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            prop_assert_eq!(bits(&sums), bits(&plain));
            let numbers = plain.iter().copied().filter(|sum| !sum.is_nan());
            let greatest = numbers.reduce(f64::max).unwrap_or(f64::NAN);
            prop_assert_eq!(greatest_sum(&a, &b).to_bits(), greatest.to_bits());
        }
    }
}
