//! Scales: what turns a column of doubles into integers and back.
//!
//! Exported numbers are seldom arbitrary doubles. They are counts (`k`), short decimals (`k / 10`,
//! `k / 100`), counts per interval (`k / 15`, `k / 60`), or steps of some unit (`k * 0.975`). Each
//! is an integer under a scale. Where the arithmetic of the exporter differs from ours by a few units
//! in the last place, that difference is stored beside; a value that fits no integer is kept whole,
//! as an exception.

#![warn(clippy::indexing_slicing)]

/// Integers beyond this are not exact in a double and are not tried.
const INTEGER_MAX: f64 = (1_u64 << 51) as f64;
/// Adding and subtracting it rounds a double of less than 2^51 to the nearest integer.
const ROUNDING: f64 = 1.5 * (1_u64 << 52) as f64;
/// The largest difference in units in the last place that is stored as such.
const ULPS_MAX: i64 = 64;
/// Divisors tried in this order: counts, decimals, and counts per usual interval.
const DIVISORS: [f64; 16] =
    [1.0, 10.0, 100.0, 1e3, 1e4, 1e6, 15.0, 60.0, 300.0, 30.0, 3.0, 600.0, 3_600.0, 7.0, 1e9, 1e12];
/// Of this many values one may fit no integer before a scale is given up.
const EXCEPTIONS_ONE_IN: usize = 8;
/// The sizes of steps are found from this many values; the whole block then proves them.
const STEP_SAMPLES: usize = 24;

/// What an integer `k` stands for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Scale {
    /// `k / divisor`, rounded once.
    Quotient(f64),
    /// `k * step`, rounded once.
    Product(f64),
}

impl Scale {
    /// The integer whose value is nearest, as far as rounding errors let one see.
    #[inline]
    fn nearest(self, value: f64) -> f64 {
        match self {
            Self::Quotient(divisor) => (value * divisor + ROUNDING) - ROUNDING,
            Self::Product(step) => (value / step + ROUNDING) - ROUNDING,
        }
    }

    #[inline]
    fn value(self, integer: f64) -> f64 {
        match self {
            Self::Quotient(divisor) => integer / divisor,
            Self::Product(step) => integer * step,
        }
    }

    /// Turns integers into values.
    pub(super) fn values(self, integers: &[i64], out: &mut Vec<f64>) {
        match self {
            Self::Quotient(1.0) => out.extend(integers.iter().map(|k| double(*k))),
            Self::Quotient(divisor) => out.extend(integers.iter().map(|k| double(*k) / divisor)),
            Self::Product(step) => out.extend(integers.iter().map(|k| double(*k) * step)),
        }
    }
}

/// An integer of less than 2^51 as a double, in two steps that every vector unit has.
#[inline]
fn double(integer: i64) -> f64 {
    f64::from_bits(integer.wrapping_add(ROUNDING.to_bits() as i64) as u64) - ROUNDING
}

/// A column of doubles as integers under a scale.
#[derive(Debug, Clone, Default)]
pub(super) struct Scaled {
    pub(super) integers: Vec<i64>,
    /// By how many units in the last place each value lies above `scale.value(integer)`.
    pub(super) ulps: Vec<i64>,
    /// Values that fit no integer, with their places; there the integer repeats its neighbour.
    pub(super) exceptions: Vec<(usize, f64)>,
    /// Whether any of `ulps` is not 0.
    pub(super) off: bool,
}

impl Scaled {
    /// Fills in the column of `values`; false, with a column of no use, where too many fit no
    /// integer.
    pub(super) fn fill(&mut self, values: &[f64], scale: Scale) -> bool {
        self.integers.clear();
        self.ulps.clear();
        self.exceptions.clear();
        let mut any = 0;
        let exceptions_max = values.len() / EXCEPTIONS_ONE_IN;
        let mut last = 0;
        for (at, value) in values.iter().enumerate() {
            let nearest = scale.nearest(*value);
            let bits = scale.value(nearest).to_bits() as i64;
            let ulps = (value.to_bits() as i64).wrapping_sub(bits);
            let exact = nearest.abs() < INTEGER_MAX && ulps.unsigned_abs() <= ULPS_MAX as u64;
            if exact {
                last = nearest as i64;
                any |= ulps;
                self.ulps.push(ulps);
            } else {
                if self.exceptions.len() >= exceptions_max {
                    return false;
                }
                self.exceptions.push((at, *value));
                self.ulps.push(0);
            }
            self.integers.push(last);
        }
        self.off = any != 0;
        true
    }
}

/// Scales worth trying on a column, the likeliest first.
pub(super) fn candidates(values: &[f64]) -> impl Iterator<Item = Scale> + '_ {
    let divisors = DIVISORS.iter().map(|divisor| Scale::Quotient(*divisor));
    // The search for a step comes last: it is only made when it is reached.
    divisors.chain(std::iter::once_with(|| common_step(values)).flatten().map(Scale::Product))
}

/// The greatest step of which all values are near multiples: Euclid's algorithm on doubles, where
/// what is smaller than the rounding errors counts as nothing.
fn common_step(values: &[f64]) -> Option<f64> {
    let stride = (values.len() / STEP_SAMPLES).max(1);
    let sizes = values.iter().step_by(stride).map(|v| v.abs());
    let sizes: Vec<f64> = sizes.filter(|v| v.is_normal() && *v < 1e300).collect();
    let largest = sizes.iter().copied().fold(0.0, f64::max);
    let noise = largest * 1e-11;
    let mut step = largest;
    for size in &sizes {
        let (mut a, mut b) = (*size, step);
        while b > noise {
            (a, b) = (b, (a - b * (a / b).round()).abs());
        }
        step = a;
    }
    let multiples = (largest / step).round();
    // Few multiples are no evidence, and too many are noise.
    if sizes.len() < 3 || step <= noise * 100.0 || multiples < 2.0 {
        return None;
    }
    // The largest value tells the step to the most digits.
    Some(largest / multiples)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(values: &[f64], scale: Scale) -> bool {
        let mut scaled = Scaled::default();
        scaled.fill(values, scale) && scaled.exceptions.is_empty() && !scaled.off
    }

    #[test]
    fn parsed_decimals_and_counts_per_interval_are_exact_quotients() {
        let decimals: Vec<f64> =
            (0..999).map(|k| format!("{}.{:02}", k, k % 100).parse().unwrap()).collect();
        assert!(exact(&decimals, Scale::Quotient(100.0)));
        let rates: Vec<f64> = (0..999).map(|k| f64::from(k * k) / 15.0).collect();
        assert!(exact(&rates, Scale::Quotient(15.0)));
        assert!(!exact(&rates, Scale::Quotient(10.0)));
    }

    #[test]
    fn a_step_is_found_and_roundings_are_ulps() {
        // MHz = capacity * percent / 100, evaluated from left to right, percent in sixtieths.
        let values: Vec<f64> =
            (1..1_000).map(|k| 5_851.998_9 * (f64::from(k * 7 % 997) / 60.0) / 100.0).collect();
        let step = common_step(&values).unwrap();
        assert!((step / (5_851.998_9 / 6_000.0) - 1.0).abs() < 1e-12, "{step}");
        let mut scaled = Scaled::default();
        assert!(scaled.fill(&values, Scale::Product(step)));
        assert_eq!(scaled.exceptions, []);
        assert!(scaled.ulps.iter().all(|ulps| ulps.abs() <= 3) && scaled.off);
    }

    #[test]
    fn what_is_no_integer_is_an_exception() {
        let mut values = vec![2.0; 32];
        values[3] = f64::NAN;
        values[9] = -0.0;
        values[20] = f64::NEG_INFINITY;
        let mut scaled = Scaled::default();
        assert!(scaled.fill(&values, Scale::Quotient(1.0)));
        let places: Vec<usize> = scaled.exceptions.iter().map(|(at, _)| *at).collect();
        assert_eq!((places, scaled.integers), (vec![3, 9, 20], vec![2; 32]));
        assert!(common_step(&[f64::NAN, 0.0, f64::INFINITY]).is_none());
    }
}
