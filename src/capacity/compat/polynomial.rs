//! Polynomials of a small degree: least squares, values, areas, and real roots.

/// Halvings of an interval: more than an f64 can tell apart.
const HALVINGS: usize = 200;

/// A polynomial of `u = (t - middle) / half`, which keeps its numbers near 1.
#[derive(Debug, Clone)]
pub(super) struct Polynomial {
    /// From the constant up.
    coefficients: Vec<f64>,
    middle: f64,
    half: f64,
}

impl Polynomial {
    /// The polynomial of least squares, by polynomials that are orthogonal on the very times
    /// (Forsythe 1957): no equations are solved, so that degree 6 loses no digits. `None` where
    /// there are no more distinct times than `degree`.
    pub(super) fn fit(times: &[f64], values: &[f64], degree: usize) -> Option<Self> {
        let (first, last) = times
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), t| (low.min(*t), high.max(*t)));
        let (middle, half) = (0.5 * (first + last), 0.5 * (last - first));
        let mut distinct = times.to_vec();
        distinct.sort_unstable_by(f64::total_cmp);
        distinct.dedup();
        if distinct.len() <= degree {
            return None;
        }
        let half = if half > 0.0 { half } else { 1.0 };
        let scaled: Vec<f64> = times.iter().map(|t| (t - middle) / half).collect();
        let mut rest = values.to_vec();
        let mut coefficients = vec![0.0; degree + 1];
        // Each: its values at the times, and its coefficients.
        let (mut before, mut before_size) = ((vec![0.0; times.len()], vec![0.0]), 1.0);
        let mut now = (vec![1.0; times.len()], vec![1.0]);
        for at in 0..=degree {
            let size: f64 = now.0.iter().map(|value| value * value).sum();
            let share: f64 = now.0.iter().zip(&rest).map(|(p, y)| p * y).sum::<f64>() / size;
            rest.iter_mut().zip(&now.0).for_each(|(y, p)| *y -= share * p);
            coefficients.iter_mut().zip(&now.1).for_each(|(sum, own)| *sum += share * own);
            let shift = now.0.iter().zip(&scaled).map(|(p, u)| u * p * p).sum::<f64>() / size;
            let back = if at == 0 { 0.0 } else { size / before_size };
            let values = now.0.iter().zip(&before.0).zip(&scaled);
            let values = values.map(|((p, q), u)| (u - shift) * p - back * q).collect();
            let mut own = vec![0.0; now.1.len() + 1];
            for (power, coefficient) in now.1.iter().enumerate() {
                own[power + 1] += coefficient;
                own[power] -= shift * coefficient;
            }
            own.iter_mut().zip(&before.1).for_each(|(sum, q)| *sum -= back * q);
            (before, before_size, now) = (now, size, (values, own));
        }
        Some(Self { coefficients, middle, half })
    }

    pub(super) fn value(&self, time: f64) -> f64 {
        value(&self.coefficients, (time - self.middle) / self.half)
    }

    /// The mean between two times.
    pub(super) fn mean(&self, from: f64, to: f64) -> f64 {
        let area: Vec<f64> = std::iter::once(0.0)
            .chain((1..).zip(&self.coefficients).map(|(n, c)| c / f64::from(n)))
            .collect();
        let at = |time: f64| (time - self.middle) / self.half;
        (value(&area, at(to)) - value(&area, at(from))) / (at(to) - at(from))
    }

    /// The times between two at which the slope is 0, in order.
    pub(super) fn turns(&self, from: f64, to: f64) -> Vec<f64> {
        let at = |time: f64| (time - self.middle) / self.half;
        let roots = roots(&derivative(&self.coefficients), at(from), at(to));
        roots.into_iter().map(|u| self.middle + self.half * u).collect()
    }

    /// How long after `now` the polynomial first has a value; `None` where it never has again.
    pub(super) fn first_after(&self, now: f64, level: f64) -> Option<f64> {
        let mut shifted = self.coefficients.clone();
        shifted[0] -= level;
        let from = (now - self.middle) / self.half;
        // In `v = u - from` what is right of now is positive, and nothing is lost by subtraction.
        let ahead = moved(&shifted, from);
        let bound = bound(&ahead)?;
        let root = roots(&ahead, 0.0, bound).into_iter().find(|v| *v > 0.0);
        root.map(|v| v * self.half)
    }
}

/// By Horner's rule.
fn value(coefficients: &[f64], u: f64) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, coefficient| sum * u + coefficient)
}

fn derivative(coefficients: &[f64]) -> Vec<f64> {
    let terms = (0_u32..).zip(coefficients).skip(1);
    terms.map(|(power, coefficient)| f64::from(power) * coefficient).collect()
}

/// The coefficients of `p(from + v)`, by repeated synthetic division.
fn moved(coefficients: &[f64], from: f64) -> Vec<f64> {
    let mut moved = coefficients.to_vec();
    for done in 0..moved.len() {
        for at in (done..moved.len() - 1).rev() {
            moved[at] += from * moved[at + 1];
        }
    }
    moved
}

/// No root is larger than this (Fujiwara 1916). `None` for a constant.
fn bound(coefficients: &[f64]) -> Option<f64> {
    let degree = coefficients.iter().rposition(|coefficient| *coefficient != 0.0)?;
    let leading = coefficients[degree];
    let size =
        |power: usize| (coefficients[power] / leading).abs().powf(1.0 / (degree - power) as f64);
    let largest = (0..degree).map(size).fold(0.0, f64::max);
    (degree > 0 && largest.is_finite()).then_some(2.0 * largest)
}

/// The real roots between two places, in order: between two neighbouring roots of the derivative a
/// polynomial is monotone, so that a change of sign there is one root, found by halving. A root
/// that only touches 0 is a root of both, and is taken where the value there is 0 to rounding.
fn roots(coefficients: &[f64], from: f64, to: f64) -> Vec<f64> {
    let degree = coefficients.iter().rposition(|coefficient| *coefficient != 0.0).unwrap_or(0);
    if degree == 0 || from >= to {
        return Vec::new();
    }
    let coefficients = &coefficients[..=degree];
    let mut places = vec![from];
    places.extend(roots(&derivative(coefficients), from, to));
    places.push(to);
    places.dedup();
    let signed = |u: f64| {
        let found = value(coefficients, u);
        // The size of what was added up says what rounding is.
        let size = (0_i32..).zip(coefficients).map(|(n, c)| (c * u.powi(n)).abs()).sum::<f64>();
        if found.abs() <= size * 4.0 * f64::EPSILON { 0.0 } else { found }
    };
    let mut found: Vec<f64> = Vec::new();
    for pair in places.windows(2) {
        let (low, high) = (pair[0], pair[1]);
        let (at_low, at_high) = (signed(low), signed(high));
        if at_low == 0.0 && found.last() != Some(&low) {
            found.push(low);
        }
        if at_low * at_high < 0.0 {
            found.push(crossing(coefficients, low, high));
        } else if at_high == 0.0 && high == to {
            found.push(high);
        }
    }
    found
}

/// Where the sign changes.
fn crossing(coefficients: &[f64], mut low: f64, mut high: f64) -> f64 {
    let rises = value(coefficients, low) < 0.0;
    for _ in 0..HALVINGS {
        let middle = low + 0.5 * (high - low);
        if middle <= low || middle >= high {
            break;
        }
        let below = value(coefficients, middle) < 0.0;
        if below == rises { low = middle } else { high = middle }
    }
    high
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The coefficients of `(u - r1) (u - r2) ...`.
    fn of_roots(wanted: &[f64]) -> Vec<f64> {
        wanted.iter().fold(vec![1.0], |product, root| {
            let mut next = vec![0.0; product.len() + 1];
            for (power, coefficient) in product.iter().enumerate() {
                next[power + 1] += coefficient;
                next[power] -= root * coefficient;
            }
            next
        })
    }

    #[test]
    fn double_roots_and_roots_at_the_ends_are_found() {
        let near = |found: Vec<f64>, wanted: &[f64]| {
            assert_eq!(found.len(), wanted.len(), "{found:?} {wanted:?}");
            assert!(found.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?}");
        };
        near(roots(&of_roots(&[1.0, 1.0]), -3.0, 3.0), &[1.0]);
        near(roots(&of_roots(&[-3.0, 0.5, 3.0]), -3.0, 3.0), &[-3.0, 0.5, 3.0]);
        near(roots(&[1.0, 0.0, 1.0], -9.0, 9.0), &[]);
        near(roots(&[5.0], -1.0, 1.0), &[]);
        near(roots(&[0.0, 0.0, 0.0], -1.0, 1.0), &[]);
        assert_eq!((bound(&[3.0]), bound(&[])), (None, None));
    }

    #[test]
    fn a_fit_of_degree_six_gives_back_its_polynomial() {
        let truth = |t: f64| 3.0 - 2.0 * t + 0.5 * t.powi(3) - 0.01 * t.powi(6);
        let times: Vec<f64> = (0..40).map(|at| f64::from(at) * 0.1).collect();
        let values: Vec<f64> = times.iter().map(|t| truth(*t)).collect();
        let fit = Polynomial::fit(&times, &values, 6).unwrap();
        for t in [-1.0, 0.0, 2.22, 4.0, 6.0] {
            assert!((fit.value(t) - truth(t)).abs() < 1e-9 * truth(t).abs().max(1.0), "{t}");
        }
        let area = |t: f64| 3.0 * t - t * t + 0.125 * t.powi(4) - 0.01 / 7.0 * t.powi(7);
        let mean = (area(5.0) - area(1.0)) / 4.0;
        assert!((fit.mean(1.0, 5.0) - mean).abs() < 1e-9);
        for turn in fit.turns(0.0, 5.0) {
            assert!((-2.0 + 1.5 * turn * turn - 0.06 * turn.powi(5)).abs() < 1e-6);
        }
        assert!(Polynomial::fit(&times[..6], &values[..6], 6).is_none());
        assert!(Polynomial::fit(&[1.0; 9], &[1.0; 9], 1).is_none());
    }

    proptest! {
        #[test]
        fn planted_roots_are_found(
            mut wanted in prop::collection::vec(-10.0..10.0_f64, 1..7),
            scale in 0.01..100.0_f64,
        ) {
            wanted.sort_unstable_by(f64::total_cmp);
            prop_assume!(wanted.windows(2).all(|pair| pair[1] - pair[0] > 0.2));
            let coefficients: Vec<f64> = of_roots(&wanted).iter().map(|c| c * scale).collect();
            let bound = bound(&coefficients).unwrap();
            prop_assert!(wanted.iter().all(|root| root.abs() <= bound));
            let found = roots(&coefficients, -bound, bound);
            prop_assert_eq!(found.len(), wanted.len());
            for (found, wanted) in found.iter().zip(&wanted) {
                prop_assert!((found - wanted).abs() < 1e-5, "{found} {wanted}");
            }
            let ahead = moved(&coefficients, 2.5);
            for v in [-1.0, 0.0, 3.0] {
                let (a, b) = (value(&ahead, v), value(&coefficients, v + 2.5));
                let size: f64 = coefficients.iter().map(|c| c.abs() * 6.0_f64.powi(6)).sum();
                prop_assert!((a - b).abs() <= 1e-12 * size);
            }
        }
    }
}
