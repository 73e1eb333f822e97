//! The integers that the values of a block are made of, reduced before they become values.
//!
//! In: integers and their arithmetic. Out: what the values would give, bit for bit. Never: a sum of
//! values that are not whole numbers, whose rounding depends on the order of additions.
#![expect(
    clippy::inline_always,
    reason = "compiled with the caller, for the machine that the caller is for"
)]

use super::lanes::Arithmetic;
use super::quantile::{interpolate, rank_of};
use super::simd;

/// Partial results side by side.
const LANES: usize = 16;
/// Bins that integers are counted in.
const BINS: usize = 1 << BIN_BITS;
const BIN_BITS: u32 = 10;
/// Neighbours are often equal: they are counted in turns, since counting one waits for the other.
const TURNS: usize = 4;

/// Values as integers: each is the arithmetic's value of `base` and a number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Integers<'a> {
    pub(crate) arithmetic: Arithmetic,
    pub(crate) base: i64,
    pub(crate) numbers: &'a [i32],
}

impl Integers<'_> {
    /// The value of a number.
    #[inline]
    pub(crate) fn value(&self, number: i32) -> f64 {
        self.arithmetic.value((self.base + i64::from(number)) as f64)
    }

    /// The values.
    pub(crate) fn values(&self) -> Vec<f64> {
        let mut values = Vec::with_capacity(self.numbers.len());
        self.append_values(&mut values);
        values
    }

    /// Appends the values.
    pub(crate) fn append_values(&self, out: &mut Vec<f64>) {
        out.extend(self.numbers.iter().map(|number| self.value(*number)));
    }
}

impl Arithmetic {
    /// Whether a greater integer never has a smaller value.
    pub(crate) fn is_ordered(self) -> bool {
        match self {
            Self::Whole | Self::Quotient { .. } => true,
            Self::Multiple { base } => base > 0.0 && base.is_finite(),
            Self::Share { whole, .. } => whole > 0.0 && whole.is_finite(),
        }
    }
}

/// The least and the greatest; of none, what none is less or greater than.
#[inline(always)]
pub(super) fn extremes(numbers: &[i32]) -> (i32, i32) {
    let (mut least, mut greatest) = ([i32::MAX; LANES], [i32::MIN; LANES]);
    let (chunks, rest) = numbers.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, number) in chunk.iter().enumerate() {
            least[lane] = least[lane].min(*number);
            greatest[lane] = greatest[lane].max(*number);
        }
    }
    for (lane, number) in rest.iter().enumerate() {
        least[lane] = least[lane].min(*number);
        greatest[lane] = greatest[lane].max(*number);
    }
    let least = least.into_iter().min().unwrap_or(i32::MAX);
    (least, greatest.into_iter().max().unwrap_or(i32::MIN))
}

/// The sum of the numbers of each lane, where the first is in lane `phase`.
#[inline(always)]
pub(super) fn lane_sums(numbers: &[i32], phase: usize) -> [i64; LANES] {
    let mut sums = [0; LANES];
    let head = numbers.len().min((LANES - phase) % LANES);
    let (head, rest) = numbers.split_at(head);
    for (sum, number) in sums[phase..].iter_mut().zip(head) {
        *sum += i64::from(*number);
    }
    let (chunks, rest) = rest.as_chunks::<LANES>();
    for chunk in chunks {
        for (sum, number) in sums.iter_mut().zip(chunk) {
            *sum += i64::from(*number);
        }
    }
    for (sum, number) in sums.iter_mut().zip(rest) {
        *sum += i64::from(*number);
    }
    sums
}

/// The quantile of the values of integers, as [`quantile`](super::quantile()) has it of the values
/// themselves: `value` is ordered as the integers are. NaN where there is none. In linear time: the
/// integers are counted in bins, and only those of the quantile's own bins are sorted.
pub(crate) fn quantile(integers: &[i32], q: f64, value: impl Fn(i32) -> f64) -> f64 {
    let Some((rank, fraction)) = rank_of(integers.len(), q) else { return f64::NAN };
    let (least, greatest) = simd::extremes(integers);
    let range = (i64::from(greatest) - i64::from(least)) as u32;
    let shift = (u32::BITS - range.leading_zeros()).saturating_sub(BIN_BITS);
    let bin_of = |integer: i32| (integer.wrapping_sub(least) as u32 >> shift) as usize % BINS;
    let counts = counted(integers, bin_of);
    let (low_bin, before) = bin_with(&counts, rank);
    // Where the last one is asked for, there is no next.
    let next = (rank + 1).min(integers.len() - 1);
    let (high_bin, _) = bin_with(&counts, next);
    if shift == 0 {
        let integer = |bin: usize| value(least.wrapping_add(bin as i32));
        return interpolate(integer(low_bin), integer(high_bin), fraction);
    }
    let near = |integer: &i32| (low_bin..=high_bin).contains(&bin_of(*integer));
    let mut near: Vec<i32> = integers.iter().copied().filter(near).collect();
    near.sort_unstable();
    interpolate(value(near[rank - before]), value(near[next - before]), fraction)
}

fn counted(integers: &[i32], bin_of: impl Fn(i32) -> usize) -> [u32; BINS] {
    let mut counts = [[0_u32; BINS]; TURNS];
    let (chunks, rest) = integers.as_chunks::<TURNS>();
    for chunk in chunks {
        for (counts, integer) in counts.iter_mut().zip(chunk) {
            counts[bin_of(*integer)] += 1;
        }
    }
    for integer in rest {
        counts[0][bin_of(*integer)] += 1;
    }
    let [mut all, rest @ ..] = counts;
    for (bin, count) in all.iter_mut().enumerate() {
        *count += rest.iter().map(|turn| turn[bin]).sum::<u32>();
    }
    all
}

/// The bin that has the integer of a rank, and how many are in the bins before it.
fn bin_with(counts: &[u32; BINS], rank: usize) -> (usize, usize) {
    let mut before = 0;
    for (bin, count) in counts.iter().enumerate() {
        let after = before + *count as usize;
        if rank < after {
            return (bin, before);
        }
        before = after;
    }
    (BINS - 1, before)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel;
    use proptest::prelude::*;

    fn arithmetic() -> impl Strategy<Value = Arithmetic> {
        prop_oneof![
            Just(Arithmetic::Whole),
            (1..1000_u32).prop_map(|d| Arithmetic::Quotient { divisor: f64::from(d) }),
            (1e-9..1e3).prop_map(|base| Arithmetic::Multiple { base }),
            (1..99_u32, 1e-3..1e6)
                .prop_map(|(d, whole)| Arithmetic::Share { divisor: f64::from(d), whole }),
        ]
    }

    proptest! {
        #[test]
        fn integers_are_reduced_as_their_values_are(
            mut numbers in prop::collection::vec(any::<i32>(), 0..300),
            shift in 0..32_u32,
            base in prop_oneof![Just(0), -1000..1000_i64, -(1_i64 << 40)..1 << 40],
            arithmetic in arithmetic(),
            q in prop_oneof![0.0..=1.0, Just(0.0), Just(1.0)],
            phase in 0..LANES,
        ) {
            numbers.iter_mut().for_each(|number| *number >>= shift);
            let integers = Integers { arithmetic, base, numbers: &numbers };
            let mut values = Vec::new();
            integers.append_values(&mut values);
            prop_assert!(arithmetic.is_ordered());
            let (least, greatest) = kernel::simd::extremes(&numbers);
            prop_assert_eq!((least, greatest), extremes(&numbers));
            if !numbers.is_empty() {
                let found = [least, greatest].map(|number| integers.value(number).to_bits());
                let expected = [kernel::least(&values), kernel::greatest(&values)];
                prop_assert_eq!(found, expected.map(f64::to_bits));
            }
            let mut sums = [0; LANES];
            for (at, number) in numbers.iter().enumerate() {
                sums[(at + phase) % LANES] += i64::from(*number);
            }
            prop_assert_eq!(kernel::simd::lane_sums(&numbers, phase), sums);
            prop_assert_eq!(lane_sums(&numbers, phase), sums);
            let found = quantile(&numbers, q, |number| integers.value(number));
            prop_assert_eq!(found.to_bits(), kernel::quantile(&mut values, q).to_bits());
        }
    }

    #[test]
    fn extreme_integers_have_quantiles() {
        for (integers, q, expected) in [
            (&[i32::MIN, i32::MAX][..], 1.0, f64::from(i32::MAX)),
            (&[i32::MIN, i32::MAX], 0.5, -0.5),
            (&[i32::MAX; 3], 0.25, f64::from(i32::MAX)),
            (&[7], 0.5, 7.0),
        ] {
            assert_eq!(quantile(integers, q, f64::from), expected, "{integers:?}");
        }
        assert!(quantile(&[], 0.5, f64::from).is_nan());
        assert!(quantile(&[1, 2], f64::NAN, f64::from).is_nan());
    }
}
