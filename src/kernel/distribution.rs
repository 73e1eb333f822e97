//! Distribution functions and their inverses: normal, Student's t. `statrs` computes them, but for
//! erfc, of which it knows 10 digits and `libm` all.

use std::f64::consts::{PI, SQRT_2};

use libm::erfc;
use statrs::function::beta::beta_reg;
use statrs::function::erf::erfc_inv;

/// From so many degrees of freedom on Student's t is the normal law, to nine digits; the ratio that
/// the beta function is given has no more there.
const NORMAL_FREEDOM: f64 = 1e9;
/// Halvings in a search: as many as bits in an f64.
const HALVINGS: usize = 64;

/// The probability that a standard normal number is at most `z`; NaN for NaN.
///
/// ```
/// let p = plimsoll::kernel::normal_cdf(1.959_963_984_540_054);
/// assert!((p - 0.975).abs() < 1e-12);
/// ```
pub fn normal_cdf(z: f64) -> f64 {
    0.5 * erfc(-z / SQRT_2)
}

/// The logarithm of [`normal_cdf`], also where that is too small for a number.
///
/// Left of -30 by the series `ln phi(z) - ln |z| + ln(1 - 1 / z^2 + 3 / z^4)` (Abramowitz and
/// Stegun 26.2.12), whose error there is below 1e-8.
pub fn normal_ln_cdf(z: f64) -> f64 {
    if z > -30.0 {
        return normal_cdf(z).ln();
    }
    let square = 1.0 / (z * z);
    let series = (-square * (1.0 - 3.0 * square)).ln_1p();
    -0.5 * z * z - 0.5 * (2.0 * PI).ln() - (-z).ln() + series
}

/// The number that a standard normal one stays at or below with probability `p`; infinite at 0 and
/// 1, NaN outside.
///
/// ```
/// let z = plimsoll::kernel::normal_quantile(0.9);
/// assert!((z - 1.281_551_565_544_600).abs() < 1e-12);
/// ```
pub fn normal_quantile(p: f64) -> f64 {
    if (0.0..=1.0).contains(&p) { -SQRT_2 * erfc_inv(2.0 * p) } else { f64::NAN }
}

/// The probability that the size of a t-distributed number with `freedom` degrees exceeds that of
/// `t`; 1 where either is NaN.
///
/// `P(|T| > |t|) = I(x; freedom / 2, 1 / 2)` at `x = freedom / (freedom + t^2)`, with the
/// regularised incomplete beta function I (Abramowitz and Stegun 26.5.27); by the normal law from a
/// billion degrees on.
///
/// ```
/// let p = plimsoll::kernel::student_p(2.228_138_852, 10.0);
/// assert!((p - 0.05).abs() < 1e-9);
/// ```
pub fn student_p(t: f64, freedom: f64) -> f64 {
    if t.is_nan() || freedom.is_nan() || freedom <= 0.0 {
        return 1.0;
    }
    if t.is_infinite() {
        return 0.0;
    }
    if freedom >= NORMAL_FREEDOM {
        return erfc(t.abs() / SQRT_2);
    }
    beta_reg(freedom / 2.0, 0.5, freedom / (freedom + t * t))
}

/// The size that a t-distributed number with `freedom` degrees exceeds with probability `p`, up or
/// down: the factor of a standard error in an interval of coverage `1 - p`. NaN unless `p` is
/// within (0, 1] and `freedom` is positive.
///
/// ```
/// let factor = plimsoll::kernel::student_factor(0.05, 3.0);
/// assert!((factor - 3.182_446_305).abs() < 1e-8);
/// ```
pub fn student_factor(p: f64, freedom: f64) -> f64 {
    if !(p > 0.0 && p <= 1.0 && freedom > 0.0) {
        return f64::NAN;
    }
    // By halving: the inverse in `statrs` is off in the fourth digit for a million degrees.
    let mut high = 1.0;
    while student_p(high, freedom) > p && high < f64::MAX {
        high *= 2.0;
    }
    let mut low = 0.0;
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        if student_p(middle, freedom) > p { low = middle } else { high = middle }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn critical_values_of_the_tables() {
        // Two-sided critical values, e.g. NIST/SEMATECH e-Handbook 1.3.6.7.2, printed to 3 digits.
        for (t, freedom, p) in [
            (12.706, 1.0, 0.05),
            (4.303, 2.0, 0.05),
            (2.228, 10.0, 0.05),
            (3.169, 10.0, 0.01),
            (1.984, 100.0, 0.05),
        ] {
            assert!((student_p(t, freedom) - p).abs() < p * 2e-3, "{t} {freedom}");
            assert!((student_factor(p, freedom) - t).abs() < 6e-4, "{t} {freedom}");
        }
        // Closed forms: one degree is Cauchy, two are algebraic.
        for t in [0.0, 0.1, 1.0, 5.0, 1e3] {
            let cauchy = 1.0 - 2.0 / PI * f64::atan(t);
            assert!((student_p(t, 1.0) - cauchy).abs() < 1e-12);
            let two = 1.0 - t / (2.0 + t * t).sqrt();
            assert!((student_p(-t, 2.0) - two).abs() < 1e-12);
        }
        assert_eq!((student_p(f64::NAN, 3.0), student_p(f64::INFINITY, 3.0)), (1.0, 0.0));
    }

    #[test]
    fn with_many_degrees_the_law_is_normal() {
        let factor = student_factor(0.05, 1e6);
        assert!((factor - 1.959_963_985).abs() < 1e-5, "{factor}");
        assert!(student_factor(1.0, 5.0) < 1e-15);
        assert!(student_factor(0.0, 5.0).is_nan());
    }

    #[test]
    fn the_normal_law_and_its_inverse() {
        // Abramowitz and Stegun, table 26.1.
        for (z, p) in [(0.0, 0.5), (1.0, 0.841_344_746_068_543), (2.0, 0.977_249_868_051_821)] {
            assert!((normal_cdf(z) - p).abs() < 1e-14, "{z}");
            assert!((normal_cdf(-z) - (1.0 - p)).abs() < 1e-14, "{z}");
            let found = normal_quantile(p);
            assert!((found - z).abs() < 1e-12, "{z}: {found}");
        }
        assert_eq!(normal_quantile(0.0), f64::NEG_INFINITY);
        assert!(normal_quantile(1.1).is_nan());
        // The series meets the function where both can be told.
        for z in [-30.1, -33.0, -36.0] {
            assert!((normal_ln_cdf(z) / normal_cdf(z).ln() - 1.0).abs() < 1e-9, "{z}");
        }
        assert!(normal_ln_cdf(-1e3) < -5e5);
    }

    #[test]
    fn endless_degrees_of_freedom_are_the_normal_law() {
        for freedom in [f64::INFINITY, 1e300, 1e12, 1e9] {
            let (p, factor) = (student_p(-2.0, freedom), student_factor(0.05, freedom));
            assert!((p / (2.0 * normal_cdf(-2.0)) - 1.0).abs() < 1e-8, "{freedom}: {p}");
            assert!((factor - 1.959_963_984_540_054).abs() < 1e-8, "{freedom}: {factor}");
        }
    }
}
