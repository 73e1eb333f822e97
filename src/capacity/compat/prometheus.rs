//! Prometheus: `predict_linear` and `deriv`.

use super::TimedValue;
use crate::error::{Error, Result};

/// A range selector: the samples after `end_s - length_s`, up to and with `end_s`. Half open, as
/// since Prometheus 3.0: before, both ends belonged to it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// Its end, in seconds.
    pub end_s: f64,
    /// Its length, in seconds.
    pub length_s: f64,
}

impl Window {
    /// Whether a time belongs to the window.
    pub fn contains(&self, time_s: f64) -> bool {
        self.end_s - self.length_s < time_s && time_s <= self.end_s
    }

    fn check(&self) -> Result<()> {
        if self.end_s.is_finite() && self.length_s.is_finite() && self.length_s > 0.0 {
            return Ok(());
        }
        Err(Error::invalid(format!(
            "a window of {} s that ends at {} s; give a finite end and a length above 0",
            self.length_s, self.end_s
        )))
    }
}

/// `predict_linear(v[length], ahead)`, evaluated at `at_s`: the straight line of least squares
/// through the window's samples, `ahead_s` after `at_s`. The line starts at `at_s`, not at the last
/// sample. `None` with fewer than two samples in the window, where Prometheus returns no element.
/// An infinite value or a NaN makes NaN, as there.
///
/// `at_s` is the end of the window, unless that was moved by `@` or `offset`.
///
/// ```
/// use plimsoll::capacity::compat::TimedValue;
/// use plimsoll::capacity::compat::prometheus::{Window, predict_linear};
/// // Prometheus's own test: a counter that is reset once, 5 minutes apart.
/// let values = [0.0, 10.0, 20.0, 30.0, 40.0, 0.0, 10.0, 20.0, 30.0, 40.0, 50.0];
/// let samples: Vec<TimedValue> = (0..)
///     .zip(values)
///     .map(|(at, value)| TimedValue { time_s: 300.0 * f64::from(at), value })
///     .collect();
/// let (hundred, fifty) = (6000.0, 3000.0);
/// let window = |length_s| Window { end_s: 3000.0, length_s };
/// let whole = predict_linear(&samples, window(hundred), 3000.0, 3600.0)?.unwrap();
/// assert!((whole - 76.818_181_8).abs() < 1e-7);
/// // The first sample, 50 minutes old, is not in a window of 50 minutes.
/// let later = predict_linear(&samples, window(fifty), 3000.0, 3600.0)?.unwrap();
/// assert!((later - 70.0).abs() < 1e-9);
/// # Ok::<(), plimsoll::Error>(())
/// ```
///
/// # Errors
///
/// A window without a finite end and a length above 0; times that are not finite.
pub fn predict_linear(
    samples: &[TimedValue],
    window: Window,
    at_s: f64,
    ahead_s: f64,
) -> Result<Option<f64>> {
    if !(at_s.is_finite() && ahead_s.is_finite()) {
        let found = format!("evaluated at {at_s} s, {ahead_s} s ahead");
        return Err(Error::invalid(format!("{found}; give finite times")));
    }
    let line = line(samples, window, at_s)?;
    Ok(line.map(|(slope, level)| slope * ahead_s + level))
}

/// `deriv(v[length])`: the slope of that line, per second. `None` with fewer than two samples.
///
/// # Errors
///
/// As [`predict_linear`].
pub fn deriv(samples: &[TimedValue], window: Window) -> Result<Option<f64>> {
    let first = samples.iter().find(|sample| window.contains(sample.time_s));
    let Some(first) = first else {
        return window.check().map(|()| None);
    };
    Ok(line(samples, window, first.time_s)?.map(|(slope, _)| slope))
}

/// Slope per second, and level at `origin_s`.
fn line(samples: &[TimedValue], window: Window, origin_s: f64) -> Result<Option<(f64, f64)>> {
    window.check()?;
    let inside = || samples.iter().filter(|sample| window.contains(sample.time_s));
    let Some(first) = inside().next() else { return Ok(None) };
    let count = inside().count();
    if count < 2 {
        return Ok(None);
    }
    // A constant is itself: no rounding, and no line through infinity.
    if inside().all(|sample| sample.value == first.value) {
        let constant = if first.value.is_infinite() { f64::NAN } else { first.value };
        let slope = if constant.is_nan() { f64::NAN } else { 0.0 };
        return Ok(Some((slope, constant)));
    }
    let mut sums = [Sum::default(); 4];
    for sample in inside() {
        let (x, y) = (sample.time_s - origin_s, sample.value);
        for (sum, term) in sums.iter_mut().zip([x, y, x * y, x * x]) {
            sum.add(term);
        }
    }
    let [x, y, xy, xx] = sums.map(Sum::total);
    let n = count as f64;
    let slope = (xy - x * y / n) / (xx - x * x / n);
    Ok(Some((slope, y / n - slope * x / n)))
}

/// A sum that keeps what rounding takes from it (Neumaier 1974), as Prometheus does.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    sum: f64,
    lost: f64,
}

impl Sum {
    fn add(&mut self, term: f64) {
        let next = self.sum + term;
        self.lost = if next.is_infinite() {
            0.0
        } else if self.sum.abs() >= term.abs() {
            self.lost + ((self.sum - next) + term)
        } else {
            self.lost + ((term - next) + self.sum)
        };
        self.sum = next;
    }

    fn total(self) -> f64 {
        self.sum + self.lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A value every 300 s from 0 on.
    fn every_300_s(values: &[f64]) -> Vec<TimedValue> {
        let at =
            |(at, value): (usize, &f64)| TimedValue { time_s: 300.0 * at as f64, value: *value };
        values.iter().enumerate().map(at).collect()
    }

    fn reset_in_the_middle() -> Vec<TimedValue> {
        every_300_s(&[0.0, 10.0, 20.0, 30.0, 40.0, 0.0, 10.0, 20.0, 30.0, 40.0, 50.0])
    }

    const WHOLE: Window = Window { end_s: 3000.0, length_s: 6000.0 };

    #[test]
    fn the_published_vectors() {
        // capacity.md 2.7, from Prometheus's own tests, in 7 decimals.
        let samples = reset_in_the_middle();
        let ahead = |at_s: f64, ahead_s: f64| {
            predict_linear(&samples, WHOLE, at_s, ahead_s).unwrap().unwrap()
        };
        let slope = deriv(&samples, WHOLE).unwrap().unwrap();
        assert!((slope - 0.010_606_060_6).abs() < 5e-11);
        for (at_s, ahead_s, expected) in [
            (0.0, 0.0, 6.818_181_8),
            (3000.0, 0.0, 38.636_363_6),
            (3000.0, 3600.0, 76.818_181_8),
            // With the window pinned by `@ 3000`: the line starts where it is evaluated.
            (600.0, 3600.0, 51.363_636_4),
            (4200.0, 3600.0, 89.545_454_5),
        ] {
            let found = ahead(at_s, ahead_s);
            assert!((found - expected).abs() < 5.1e-8, "{at_s} {ahead_s}: {found}");
        }
        let fifty_minutes = Window { end_s: 3000.0, length_s: 3000.0 };
        let found = predict_linear(&samples, fifty_minutes, 3000.0, 3600.0).unwrap().unwrap();
        assert!((found - 70.0).abs() < 1e-9, "{found}");
    }

    #[test]
    fn infinity_and_nan_make_nan() {
        let mut samples = reset_in_the_middle();
        for bad in [f64::INFINITY, f64::NEG_INFINITY, f64::NAN] {
            samples[4].value = bad;
            assert!(predict_linear(&samples, WHOLE, 3000.0, 3600.0).unwrap().unwrap().is_nan());
            assert!(deriv(&samples, WHOLE).unwrap().unwrap().is_nan());
        }
        let infinite = every_300_s(&[f64::INFINITY; 3]);
        assert!(predict_linear(&infinite, WHOLE, 3000.0, 0.0).unwrap().unwrap().is_nan());
    }

    #[test]
    fn constants_are_exact_and_too_few_samples_have_no_line() {
        let constant = every_300_s(&[0.1; 9]);
        assert_eq!(predict_linear(&constant, WHOLE, 3000.0, 1e9).unwrap(), Some(0.1));
        assert_eq!(deriv(&constant, WHOLE).unwrap(), Some(0.0));
        for count in 0..2 {
            let few = every_300_s(&[1.0, 2.0][..count]);
            assert_eq!(predict_linear(&few, WHOLE, 3000.0, 0.0).unwrap(), None);
            assert_eq!(deriv(&few, WHOLE).unwrap(), None);
        }
        let past = Window { end_s: 9000.0, length_s: 300.0 };
        assert_eq!(deriv(&constant, past).unwrap(), None, "no sample in the window");
        let empty = Window { end_s: 3000.0, length_s: 0.0 };
        assert!(predict_linear(&constant, empty, 3000.0, 0.0).is_err());
        assert!(deriv(&[], empty).is_err());
        assert!(predict_linear(&constant, WHOLE, f64::NAN, 0.0).is_err());
    }

    #[test]
    fn times_of_this_century_lose_no_digits() {
        let mut samples = reset_in_the_middle();
        for sample in &mut samples {
            sample.time_s += 1.8e9;
        }
        let window = Window { end_s: 1.8e9 + 3000.0, length_s: 6000.0 };
        let found = predict_linear(&samples, window, window.end_s, 3600.0).unwrap().unwrap();
        assert!((found - 76.818_181_818).abs() < 1e-8, "{found}");
    }
}
