//! Student's t distribution: how likely a slope as steep as this is where there is none.

/// The probability that the size of a t-distributed number with `freedom` degrees exceeds that of
/// `t`; 1 where either is NaN.
///
/// `P(|T| > |t|) = I(x; freedom / 2, 1 / 2)` at `x = freedom / (freedom + t^2)`, with the
/// regularised incomplete beta function I (Abramowitz and Stegun 26.5.27).
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
    incomplete_beta(freedom / (freedom + t * t), freedom / 2.0, 0.5)
}

/// The regularised incomplete beta function by its continued fraction (Abramowitz and Stegun
/// 26.5.8), evaluated by Lentz' method.
fn incomplete_beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return x.clamp(0.0, 1.0);
    }
    // The fraction converges fast left of the mean; right of it the mirror image does.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - incomplete_beta(1.0 - x, b, a);
    }
    let front = ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (1.0 - x).ln();
    let tiny = 1e-300;
    let (mut c, mut d) = (1.0, 1.0 / nonzero(1.0 - (a + b) * x / (a + 1.0), tiny));
    let mut fraction = d;
    for m in 1..300 {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut change = 1.0;
        for term in [even, odd] {
            d = 1.0 / nonzero(1.0 + term * d, tiny);
            c = nonzero(1.0 + term / c, tiny);
            change = c * d;
            fraction *= change;
        }
        if (change - 1.0).abs() < 1e-15 {
            break;
        }
    }
    (front.exp() * fraction / a).clamp(0.0, 1.0)
}

fn nonzero(value: f64, tiny: f64) -> f64 {
    if value.abs() < tiny { tiny } else { value }
}

/// The logarithm of the gamma function for positive arguments: Stirling's series (Abramowitz and
/// Stegun 6.1.41) after the argument is raised above 10.
fn ln_gamma(mut x: f64) -> f64 {
    let mut shift = 0.0;
    while x < 10.0 {
        shift += x.ln();
        x += 1.0;
    }
    let square = 1.0 / (x * x);
    let series =
        (1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1_260.0 - square / 1_680.0))) / x;
    (x - 0.5) * x.ln() - x + 0.5 * std::f64::consts::TAU.ln() + series - shift
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
        }
        // Closed forms: one degree is Cauchy, two are algebraic.
        for t in [0.0, 0.1, 1.0, 5.0, 1e3] {
            let cauchy = 1.0 - 2.0 / std::f64::consts::PI * f64::atan(t);
            assert!((student_p(t, 1.0) - cauchy).abs() < 1e-12);
            let two = 1.0 - t / (2.0 + t * t).sqrt();
            assert!((student_p(-t, 2.0) - two).abs() < 1e-12);
        }
        assert_eq!((student_p(f64::NAN, 3.0), student_p(f64::INFINITY, 3.0)), (1.0, 0.0));
    }
}
