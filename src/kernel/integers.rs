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
use super::simd::{self, Loop};

/// Partial results side by side.
const LANES: usize = 16;
/// Bins that integers are counted in.
const BINS: usize = 1 << BIN_BITS;
const BIN_BITS: u32 = 10;
/// Bytes that are compared side by side.
const BYTES: usize = 64;
/// Neighbours are often equal: they are counted in turns, since counting one waits for the other.
const TURNS: usize = 4;

/// Values as the integers that they are made of: each is the arithmetic's value of `base` and a
/// number.
///
/// ```
/// use plimsoll::kernel::{Arithmetic, Integers};
/// let arithmetic = Arithmetic::Quotient { divisor: 10.0 };
/// let tenths = Integers { arithmetic, base: 500, numbers: &[3, -2, 7] };
/// assert_eq!(tenths.values(), [50.3, 49.8, 50.7]);
/// assert_eq!((tenths.least(), tenths.greatest()), (49.8, 50.7));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Integers<'a> {
    /// What makes values of integers.
    pub arithmetic: Arithmetic,
    /// What all integers have in common: at most 2^50, of either sign.
    pub base: i64,
    /// What each has beside it.
    pub numbers: &'a [i32],
}

impl Integers<'_> {
    /// The value of a number.
    #[inline]
    pub fn value(&self, number: i32) -> f64 {
        self.arithmetic.value(self.base.wrapping_add(i64::from(number)) as f64)
    }

    /// The values.
    pub fn values(&self) -> Vec<f64> {
        let mut values = Vec::with_capacity(self.numbers.len());
        self.append_values(&mut values);
        values
    }

    /// Appends the values.
    pub fn append_values(&self, out: &mut Vec<f64>) {
        out.extend(self.numbers.iter().map(|number| self.value(*number)));
    }

    /// Appends the integers, and returns the least and the greatest; `None`, and nothing appended,
    /// of none, and where one is beyond 32 bits.
    ///
    /// ```
    /// use plimsoll::kernel::{Arithmetic, Integers};
    /// let hundreds = Integers { arithmetic: Arithmetic::Whole, base: 100, numbers: &[3, -2] };
    /// let mut all = vec![7];
    /// assert_eq!(hundreds.append_integers(&mut all), Some((98, 103)));
    /// assert_eq!(all, [7, 103, 98]);
    /// assert_eq!(Integers { base: 1 << 40, ..hundreds }.append_integers(&mut all), None);
    /// assert_eq!(all, [7, 103, 98]);
    /// ```
    pub fn append_integers(&self, out: &mut Vec<i32>) -> Option<(i32, i32)> {
        let (base, start) = (i32::try_from(self.base).ok()?, out.len());
        out.resize(start + self.numbers.len(), 0);
        let raised = Raised { numbers: self.numbers, base, out: &mut out[start..] };
        let (least, greatest) = simd::widest(raised);
        let range = base.checked_add(least).zip(base.checked_add(greatest));
        let range = range.filter(|_| !self.numbers.is_empty());
        if range.is_none() {
            out.truncate(start);
        }
        range
    }

    /// The least value, where the arithmetic [is ordered](Arithmetic::is_ordered); NaN of none.
    pub fn least(&self) -> f64 {
        if self.numbers.is_empty() { f64::NAN } else { self.value(simd::smallest(self.numbers)) }
    }

    /// The greatest value, where the arithmetic [is ordered](Arithmetic::is_ordered); NaN of none.
    pub fn greatest(&self) -> f64 {
        if self.numbers.is_empty() { f64::NAN } else { self.value(simd::largest(self.numbers)) }
    }

    /// The sum of the integers, where it is exact as a number.
    pub fn sum(&self) -> f64 {
        let bases = self.base.wrapping_mul(self.numbers.len() as i64);
        bases.wrapping_add(simd::sum(self.numbers)) as f64
    }
}

impl Arithmetic {
    /// Whether a greater integer never has a smaller value.
    pub fn is_ordered(self) -> bool {
        match self {
            Self::Whole | Self::Quotient { .. } => true,
            Self::Multiple { base } => base > 0.0 && base.is_finite(),
            Self::Share { whole, .. } => whole > 0.0 && whole.is_finite(),
        }
    }
}

/// Numbers to be written, each more by `base`.
struct Raised<'a> {
    numbers: &'a [i32],
    base: i32,
    out: &'a mut [i32],
}

impl Loop for Raised<'_> {
    type Output = (i32, i32);

    /// The least and the greatest of the numbers as they were; of none, as [`extremes`] has it.
    #[inline(always)]
    fn run(self) -> (i32, i32) {
        let (mut least, mut greatest) = (i32::MAX, i32::MIN);
        for (out, number) in self.out.iter_mut().zip(self.numbers) {
            *out = number.wrapping_add(self.base);
            least = least.min(*number);
            greatest = greatest.max(*number);
        }
        (least, greatest)
    }
}

/// The least and the greatest; of none, what none is less or greater than.
#[inline(always)]
pub(super) fn extremes(numbers: &[i32]) -> (i32, i32) {
    let none = (i32::MAX, i32::MIN);
    numbers
        .iter()
        .fold(none, |(least, greatest), number| (least.min(*number), greatest.max(*number)))
}

/// The least of the numbers; the greatest there could be of none.
#[inline(always)]
pub(super) fn smallest(numbers: &[i32]) -> i32 {
    numbers.iter().copied().fold(i32::MAX, i32::min)
}

/// The greatest of the numbers; the least there could be of none.
#[inline(always)]
pub(super) fn largest(numbers: &[i32]) -> i32 {
    numbers.iter().copied().fold(i32::MIN, i32::max)
}

/// The sum of the numbers.
#[inline(always)]
pub(super) fn sum(numbers: &[i32]) -> i64 {
    numbers.iter().map(|number| i64::from(*number)).sum()
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
/// themselves: `value` is ordered as the integers are. NaN where there is none. In linear time:
/// integers that are near each other are compared as bytes, ten times at most; others are counted
/// in bins, and only those of the quantile's own bins are sorted.
///
/// ```
/// let tenths = |integer| f64::from(integer) / 10.0;
/// assert_eq!(plimsoll::kernel::integer_quantile(&[3, 9, 5, 7], 0.5, tenths), 0.6);
/// ```
pub fn integer_quantile(integers: &[i32], q: f64, value: impl Fn(i32) -> f64) -> f64 {
    integer_quantile_within(integers, simd::extremes(integers), q, value)
}

/// The [quantile of integers](integer_quantile()) of which the least and the greatest are known.
///
/// ```
/// let found = plimsoll::kernel::integer_quantile_within(&[3, 9, 5, 7], (3, 9), 0.5, f64::from);
/// assert_eq!(found, 6.0);
/// ```
pub fn integer_quantile_within(
    integers: &[i32],
    (least, greatest): (i32, i32),
    q: f64,
    value: impl Fn(i32) -> f64,
) -> f64 {
    let Some((rank, fraction)) = rank_of(integers.len(), q) else { return f64::NAN };
    let range = (i64::from(greatest) - i64::from(least)) as u32;
    // Where the last one is asked for, there is no next.
    let next = (rank + 1).min(integers.len() - 1);
    if let Ok(greatest) = u8::try_from(range) {
        let near = Near { integers, least, greatest, ranks: [rank, next] };
        let [low, high] = simd::widest(near);
        return interpolate(value(low), value(high), fraction);
    }
    let shift = (u32::BITS - range.leading_zeros()).saturating_sub(BIN_BITS);
    let [low, high] = bins_of(integers, least, shift, [rank, next]);
    if shift == 0 {
        let integer = |bin: usize| value(least.wrapping_add(bin as i32));
        return interpolate(integer(low.bin), integer(high.bin), fraction);
    }
    let is_near = |integer: &i32| (low.bin..=high.bin).contains(&bin_of(*integer, least, shift));
    let mut near: Vec<i32> = integers.iter().copied().filter(is_near).collect();
    near.sort_unstable();
    interpolate(value(near[rank - low.before]), value(near[next - low.before]), fraction)
}

/// Integers from `least` on, none more than a byte above it, of which two ranks are asked for.
struct Near<'a> {
    integers: &'a [i32],
    least: i32,
    /// The greatest less the least.
    greatest: u8,
    ranks: [usize; 2],
}

impl Loop for Near<'_> {
    type Output = [i32; 2];

    #[inline(always)]
    fn run(self) -> [i32; 2] {
        let Self { integers, least, greatest, ranks: [rank, next] } = self;
        let bytes: Vec<u8> = integers.iter().map(|n| n.wrapping_sub(least) as u8).collect();
        let low = byte_of_rank(&bytes, (0, greatest), rank);
        let high = byte_of_rank(&bytes, (low, greatest), next);
        [low, high].map(|byte| least.wrapping_add(i32::from(byte)))
    }
}

/// The byte that so many are before, in order; it is known to be in a range.
#[inline(always)]
fn byte_of_rank(bytes: &[u8], (mut low, mut high): (u8, u8), rank: usize) -> u8 {
    // The next rank mostly has the same byte.
    let mut tried = low;
    while low < high {
        if at_most(bytes, tried) > rank {
            high = tried;
        } else {
            low = tried + 1;
        }
        tried = low + (high - low) / 2;
    }
    low
}

/// How many bytes are not greater.
#[inline(always)]
fn at_most(bytes: &[u8], greatest: u8) -> usize {
    let mut found = 0;
    // A count of a byte holds 255 rows.
    for chunk in bytes.chunks(BYTES * usize::from(u8::MAX)) {
        let (rows, rest) = chunk.as_chunks::<BYTES>();
        let mut counts = [0_u8; BYTES];
        for row in rows {
            for (count, byte) in counts.iter_mut().zip(row) {
                *count += u8::from(*byte <= greatest);
            }
        }
        for count in counts {
            found += usize::from(count);
        }
        for byte in rest {
            found += usize::from(*byte <= greatest);
        }
    }
    found
}

/// A bin, and how many integers are in the bins before it.
struct Place {
    bin: usize,
    before: usize,
}

fn bin_of(integer: i32, least: i32, shift: u32) -> usize {
    (integer.wrapping_sub(least) as u32 >> shift) as usize % BINS
}

/// The bins that have the integers of two ranks.
fn bins_of(integers: &[i32], least: i32, shift: u32, ranks: [usize; 2]) -> [Place; 2] {
    let mut counts = [[0_u32; BINS]; TURNS];
    let (chunks, rest) = integers.as_chunks::<TURNS>();
    for chunk in chunks {
        for (counts, integer) in counts.iter_mut().zip(chunk) {
            counts[bin_of(*integer, least, shift)] += 1;
        }
    }
    for integer in rest {
        counts[0][bin_of(*integer, least, shift)] += 1;
    }
    ranks.map(|rank| {
        let mut before = 0;
        for bin in 0..BINS {
            let after = before + counts.iter().map(|turn| turn[bin] as usize).sum::<usize>();
            if rank < after {
                return Place { bin, before };
            }
            before = after;
        }
        Place { bin: BINS - 1, before }
    })
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
            for number in &mut numbers {
                *number >>= shift;
            }
            let integers = Integers { arithmetic, base, numbers: &numbers };
            let mut values = Vec::new();
            integers.append_values(&mut values);
            prop_assert!(arithmetic.is_ordered());
            let (least, greatest) = kernel::simd::extremes(&numbers);
            prop_assert_eq!((least, greatest), extremes(&numbers));
            prop_assert_eq!((least, greatest), (smallest(&numbers), largest(&numbers)));
            if !numbers.is_empty() {
                let found = [integers.least(), integers.greatest()].map(f64::to_bits);
                let expected = [kernel::least(&values), kernel::greatest(&values)];
                prop_assert_eq!(found, expected.map(f64::to_bits));
            }
            let sum: i64 = numbers.iter().map(|number| i64::from(*number)).sum();
            prop_assert_eq!(simd::sum(&numbers), sum);
            let mut sums = [0; LANES];
            for (at, number) in numbers.iter().enumerate() {
                sums[(at + phase) % LANES] += i64::from(*number);
            }
            prop_assert_eq!(kernel::simd::lane_sums(&numbers, phase), sums);
            prop_assert_eq!(lane_sums(&numbers, phase), sums);
            let found = integer_quantile(&numbers, q, |number| integers.value(number));
            prop_assert_eq!(found.to_bits(), kernel::quantile(&mut values, q).to_bits());
        }
    }

    #[test]
    fn long_runs_of_near_integers_have_quantiles() {
        // More than the counts of bytes hold, within a byte and just beyond it.
        for range in [1, 2, 255, 256, 257] {
            let spread = |at: u32| (u64::from(at.wrapping_mul(2_654_435_769)) * range) >> 32;
            let mut numbers: Vec<i32> = (0..50_000).map(|at| spread(at) as i32 - 7).collect();
            numbers.push(range as i32 - 7);
            let mut values: Vec<f64> = numbers.iter().copied().map(f64::from).collect();
            for q in [0.0, 0.001, 0.5, 0.95, 0.99999, 1.0] {
                let expected = kernel::quantile(&mut values, q);
                assert_eq!(integer_quantile(&numbers, q, f64::from), expected, "{range} {q}");
            }
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
            assert_eq!(integer_quantile(integers, q, f64::from), expected, "{integers:?}");
        }
        assert!(integer_quantile(&[], 0.5, f64::from).is_nan());
        assert!(integer_quantile(&[1, 2], f64::NAN, f64::from).is_nan());
    }
}
