//! Finds what all values are multiples of: Euclid's algorithm on floats. The base comes from the
//! data, so counts over any interval, shares of any capacity and pages of any size are found.

use super::front::{Front, Mapped};

/// How far a value may be from its multiple, relative: a few roundings of 2^-53.
const ROUNDING: f64 = 1.0 / (1_u64 << 50) as f64;
/// The same for multiples of a base that itself moves a little, such as a measured frequency. They
/// are all missed, but by so little that the corrections are short.
const ROUNDING_LOOSE: f64 = 1.0 / (1_u64 << 28) as f64;
/// A divisor has to stand out from its error by this, or reals would seem to have one.
const DIVISOR_OVER_ERROR: f64 = 256.0;
/// How far a ratio may be from a whole number to count as one, relative.
const RATIO_TOLERANCE: f64 = 1e-11;
/// Factors tried to turn a base into a whole divisor: 2/15 is 2 of 1/15.
const FACTORS: u32 = 30;
/// A divisor above this is no longer a simple one.
const DIVISOR_LIMIT: f64 = 1e7;
/// Divisors tried for shares of a capacity: means of as many readings.
const SHARE_DIVISORS: [f64; 12] =
    [60.0, 15.0, 1.0, 10.0, 30.0, 12.0, 20.0, 300.0, 6.0, 5.0, 3.0, 100.0];
/// Seconds between reports, and readings in a mean; 1 first, so that integers are left alone.
const USUAL_DIVISORS: [f64; 14] =
    [1.0, 3.0, 7.0, 9.0, 14.0, 15.0, 28.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 3600.0];
/// How many roundings a value may be from a multiple to have a say in the base.
const REFINING_TOLERANCE: f64 = 16.0;
/// Prime, so that partners are spread over the sample.
const PARTNER_STRIDE: usize = 37;
/// How far two bases may be apart and count as the same, relative.
const AGREEMENT: f64 = 1e-3;
/// Pairs that have to agree on a base.
const VOTES_MIN: usize = 4;
/// How far a capacity may be from a short decimal to count as one, relative.
const WHOLE_TOLERANCE: f64 = 2e-14;

/// Appends candidates for an ascending `sample` of distinct positive values.
pub(super) fn candidates(sample: &[f64], mapped: &mut Mapped, candidates: &mut Vec<Front>) {
    let base = common_base(sample, ROUNDING).or_else(|| common_base(sample, ROUNDING_LOOSE));
    if base == Some(1.0) || sample.is_empty() {
        return;
    }
    let divisors = [base.and_then(whole_divisor), usual_divisor(sample)];
    for divisor in divisors.into_iter().flatten() {
        let quotient = Front::Quotient { divisor };
        candidates.push(quotient);
        if misses(quotient, sample, mapped) == 0 {
            return;
        }
    }
    let Some(base) = base else { return };
    // The base is known but for its last bit; a product with a short decimal has that one exactly.
    let spellings = [short_decimal(base), Some(base), Some(base.next_down()), Some(base.next_up())];
    let spellings = spellings.into_iter().flatten();
    let spellings = spellings.map(|base| Front::Multiple { base });
    let best = spellings.map(|multiple| (misses(multiple, sample, mapped), multiple));
    if let Some((misses, multiple)) = best.min_by_key(|(misses, _)| *misses) {
        candidates.push(multiple);
        if misses == 0 {
            return;
        }
    }
    let shares = SHARE_DIVISORS.iter().filter_map(|&divisor| {
        let whole = short_decimal(base * 100.0 * divisor)?;
        Some(Front::Share { divisor, whole })
    });
    let best = shares.min_by_key(|share| misses(*share, sample, mapped));
    candidates.extend(best);
}

/// The divisor among the usual ones that fits most of the sample. Euclid's algorithm cannot tell
/// the divisor of multiples beyond some 2^25, as memory in bytes has them; trying can.
fn usual_divisor(sample: &[f64]) -> Option<f64> {
    let allowed = sample.len() / 4;
    let missed = |divisor: f64| {
        let misses = |value: &&f64| (**value * divisor + 0.5).floor() / divisor != **value;
        sample.iter().filter(misses).take(allowed + 1).count()
    };
    let tried = USUAL_DIVISORS.iter().map(|divisor| (missed(*divisor), *divisor));
    let (missed, divisor) = tried.min_by_key(|(missed, _)| *missed)?;
    (missed <= allowed && divisor > 1.0).then_some(divisor)
}

/// Sample values that a front end does not hit exactly.
fn misses(front: Front, sample: &[f64], mapped: &mut Mapped) -> usize {
    front.map(sample, mapped);
    mapped.near.len() + mapped.far.len()
}

/// The base that most pairs of the sample agree on, refined over the whole sample.
fn common_base(sample: &[f64], rounding: f64) -> Option<f64> {
    if let [only] = sample {
        return Some(*only);
    }
    // Partners far apart and in no order: neighbours' differences would share factors.
    let partner = |index: usize| sample.get((index * PARTNER_STRIDE + 1) % sample.len());
    let pairs = sample.iter().enumerate().step_by(2);
    let mut bases: Vec<f64> =
        pairs.filter_map(|(index, one)| real_divisor(*one, *partner(index)?, rounding)).collect();
    bases.sort_unstable_by(f64::total_cmp);
    let agree = |base: f64, other: f64| (other / base - 1.0).abs() < AGREEMENT;
    let votes = |base: f64| bases.iter().filter(|other| agree(base, **other)).count();
    // The most votes; of equally many the smaller base, of which the larger are multiples.
    let voted = bases.iter().map(|base| (votes(*base), *base));
    let (most, base) = voted.max_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)))?;
    (most >= (sample.len() / 2).min(VOTES_MIN)).then(|| refined(sample, base, rounding))
}

/// The largest number that both are multiples of, if there is a plausible one. The error of each
/// remainder is known from its cofactors: it is a sum of so many of the one and of the other.
fn real_divisor(one: f64, other: f64, rounding: f64) -> Option<f64> {
    let mut a = Remainder { value: one, ones: 1.0, others: 0.0 };
    let mut b = Remainder { value: other, ones: 0.0, others: 1.0 };
    while b.value > b.error(one, other, rounding) * DIVISOR_OVER_ERROR {
        let times = (a.value / b.value + 0.5).floor();
        let rest = a.minus(times, &b);
        if rest.value <= rest.error(one, other, rounding) {
            // The multiple is known now, and with it the divisor to full precision.
            return Some(one / (one / b.value + 0.5).floor());
        }
        (a, b) = (b, rest);
    }
    None
}

/// A step of Euclid's algorithm: `value` is `ones` of the one number plus `others` of the other.
struct Remainder {
    value: f64,
    ones: f64,
    others: f64,
}

impl Remainder {
    fn minus(&self, times: f64, divisor: &Self) -> Self {
        let value = self.value - times * divisor.value;
        let sign = 1.0_f64.copysign(value);
        Self {
            value: value.abs(),
            ones: sign * (self.ones - times * divisor.ones),
            others: sign * (self.others - times * divisor.others),
        }
    }

    /// How far rounding may have moved `value`.
    fn error(&self, one: f64, other: f64, rounding: f64) -> f64 {
        ((self.ones * one).abs() + (self.others * other).abs()) * rounding
    }
}

/// The base that fits the multiples best in the sense of least squares, from small to large: each
/// larger value knows the base better, once it is known well enough to tell its multiple.
fn refined(sample: &[f64], base: f64, rounding: f64) -> f64 {
    let mut base = base;
    let (mut products, mut squares) = (0.0, 0.0);
    for &value in sample {
        let ratio = value / base;
        let multiple = (ratio + 0.5).floor();
        if multiple >= 1.0 && (ratio - multiple).abs() <= multiple * rounding * REFINING_TOLERANCE {
            products += value * multiple;
            squares += multiple * multiple;
            base = products / squares;
        }
    }
    base
}

/// The whole number that `factor / base` is, for the smallest factor that makes it one.
fn whole_divisor(base: f64) -> Option<f64> {
    (1..=FACTORS).find_map(|factor| {
        let divisor = f64::from(factor) / base;
        let whole = (divisor + 0.5).floor();
        let near = (divisor - whole).abs() <= whole * RATIO_TOLERANCE;
        (near && whole > 1.0 && whole <= DIVISOR_LIMIT).then_some(whole)
    })
}

/// The shortest decimal, of at most 13 digits, that `value` is but for rounding.
fn short_decimal(value: f64) -> Option<f64> {
    let mut power = 1.0;
    while value * power < 1e13 && power < 1e16 {
        let decimal = (value * power + 0.5).floor() / power;
        if (decimal - value).abs() <= value * WHOLE_TOLERANCE {
            return Some(decimal);
        }
        power *= 10.0;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 64 values of pseudo-random multiples, ascending.
    fn sample(of: impl Fn(f64) -> f64) -> Vec<f64> {
        let multiple = |i: u64| (i * i * 7919 + i * 104_729) % 100_003 + 1;
        let mut sample: Vec<f64> = (1..=64).map(|i| of(multiple(i) as f64)).collect();
        sample.sort_unstable_by(f64::total_cmp);
        sample.dedup();
        sample
    }

    fn found(sample: &[f64]) -> Vec<Front> {
        let mut found = Vec::new();
        candidates(sample, &mut Mapped::default(), &mut found);
        found
    }

    #[test]
    fn bases_are_found_in_the_data() {
        for divisor in [3.0, 7.0, 14.0, 15.0, 56.0, 60.0, 300.0, 3600.0] {
            assert_eq!(found(&sample(|k| k / divisor)), [Front::Quotient { divisor }]);
        }
        assert_eq!(found(&sample(|k| k * 4096.0)), [Front::Multiple { base: 4096.0 }]);
        assert_eq!(found(&sample(|k| k)), []);
        // Even multiples only: still quotients by 15.
        let even = sample(|k| 2.0 * k / 15.0);
        assert_eq!(found(&even), [Front::Quotient { divisor: 15.0 }]);
    }

    #[test]
    fn a_share_of_a_capacity_is_found() {
        let whole = 10_399.997_184;
        let shares = sample(|k| (k % 6000.0) / 60.0 * whole / 100.0);
        let shares: Vec<f64> = shares.into_iter().filter(|share| *share > 0.0).collect();
        assert!(found(&shares).contains(&Front::Share { divisor: 60.0, whole }));
    }

    #[test]
    fn reals_have_no_base() {
        let reals = sample(f64::sqrt);
        assert_eq!(found(&reals), []);
        assert_eq!(found(&[]), []);
    }

    #[test]
    fn some_strangers_do_not_hide_a_base() {
        let mut mixed = sample(|k| k / 15.0);
        for value in mixed.iter_mut().step_by(12) {
            *value += 1.0 / 14.0;
        }
        mixed.sort_unstable_by(f64::total_cmp);
        assert_eq!(found(&mixed)[0], Front::Quotient { divisor: 15.0 });
    }
}
