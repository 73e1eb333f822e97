//! The closed form: when a random walk with drift first reaches a line.

use std::f64::consts::TAU;

use crate::error::{Error, Result};
use crate::kernel::{normal_cdf, normal_ln_cdf};

/// Halvings in the search for a quantile: more than an f64 can tell apart.
const HALVINGS: usize = 200;
/// From so many deviations on a tail is told by its ratio to the density.
const FAR: f64 = 30.0;
/// Levels of the fraction of that ratio: there more change no digit.
const FRACTION_LEVELS: u8 = 16;

/// When a level that grows by `drift_per_day`, give or take `deviation` per square root of a day,
/// first reaches a line that lies `distance` above it (inverse Gaussian distribution; Folks and
/// Chhikara, 1978). Continuous in time: what is looked at once a day sees a line that lies 0.5826
/// deviations higher (Siegmund, 1985).
///
/// ```
/// use plimsoll::capacity::exhaustion::FirstPassage;
/// // capacity.md, feature 2.
/// let passage = FirstPassage::new(100.0, 1.0, 2.0)?;
/// assert_eq!(passage.mean_days(), Some(100.0));
/// assert!((passage.quantile_days(0.05).unwrap() / 70.800_2 - 1.0).abs() < 1e-6);
/// assert!((passage.within(60.0) / 0.006_277 - 1.0).abs() < 1e-4);
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FirstPassage {
    distance: f64,
    drift_per_day: f64,
    deviation: f64,
}

impl FirstPassage {
    /// # Errors
    ///
    /// Unless all are finite, the deviation is positive, and the distance less than about 1e154
    /// deviations. A distance of 0 or less is reached now.
    pub fn new(distance: f64, drift_per_day: f64, deviation: f64) -> Result<Self> {
        let finite = [distance, drift_per_day, deviation].iter().all(|number| number.is_finite());
        if !finite || deviation <= 0.0 {
            let what = "a first passage takes a finite distance and drift, and a deviation above 0";
            return Err(Error::invalid(what));
        }
        if !(distance / deviation).powi(2).is_finite() {
            let what = "a first passage takes a line that is nearer: its distance in deviations, \
                        squared, is no finite number";
            return Err(Error::invalid(what));
        }
        Ok(Self { distance: distance.max(0.0), drift_per_day, deviation })
    }

    /// The probability that the line is reached within `days`; NaN for NaN.
    pub fn within(&self, days: f64) -> f64 {
        if days.is_nan() {
            return f64::NAN;
        }
        if self.distance == 0.0 {
            return 1.0;
        }
        if days <= 0.0 {
            return 0.0;
        }
        if days == f64::INFINITY {
            return 1.0 - self.never();
        }
        let spread = self.deviation * days.sqrt();
        let gone = self.drift_per_day * days;
        let (over, mirrored) = ((gone - self.distance) / spread, (self.distance + gone) / spread);
        // Of far paths both factors are beyond all numbers; their product is not.
        let mirrored = if mirrored > FAR {
            (-0.5 * over * over).exp() / TAU.sqrt() * tail_ratio(mirrored)
        } else {
            (self.mirror() + normal_ln_cdf(-mirrored)).exp()
        };
        (normal_cdf(over) + mirrored).min(1.0)
    }

    /// The probability that the line is never reached: none, unless the drift leads away from it.
    pub fn never(&self) -> f64 {
        let leads_there = self.drift_per_day >= 0.0 || self.distance == 0.0;
        if leads_there { 0.0 } else { -self.mirror().exp_m1() }
    }

    /// The mean time; `None` without a drift to the line.
    pub fn mean_days(&self) -> Option<f64> {
        (self.drift_per_day > 0.0).then(|| self.distance / self.drift_per_day)
    }

    /// The standard deviation of the time; `None` without a drift to the line.
    pub fn deviation_days(&self) -> Option<f64> {
        let drift = self.drift_per_day;
        (drift > 0.0).then(|| (self.distance / drift).sqrt() * self.deviation / drift)
    }

    /// The time within which the line is reached with probability `level`; `None` where it is
    /// reached with less than that, ever.
    pub fn quantile_days(&self, level: f64) -> Option<f64> {
        if !(level > 0.0 && level < 1.0) || level >= 1.0 - self.never() {
            return None;
        }
        if self.distance == 0.0 {
            return Some(0.0);
        }
        // Without drift the time is of the order of this; from there the bounds are doubled apart.
        let scale = (self.distance / self.deviation).powi(2).max(f64::MIN_POSITIVE);
        let (mut low, mut high) = (scale, scale);
        while self.within(low) > level && low > f64::MIN_POSITIVE {
            high = low;
            low /= 2.0;
        }
        while self.within(high) < level && high < f64::MAX / 2.0 {
            low = high;
            high *= 2.0;
        }
        for _ in 0..HALVINGS {
            let middle = low + 0.5 * (high - low);
            if self.within(middle) < level { low = middle } else { high = middle }
        }
        Some(high)
    }

    /// The logarithm of the weight of mirrored paths.
    fn mirror(&self) -> f64 {
        let at_once = 2.0 * self.drift_per_day * self.distance / (self.deviation * self.deviation);
        if at_once.is_finite() {
            return at_once;
        }
        2.0 * (self.drift_per_day / self.deviation) * (self.distance / self.deviation)
    }
}

/// The probability that a standard normal number is over `z`, in densities at `z`, from 30 on: the
/// fraction `1 / (z + 1 / (z + 2 / (z + 3 / ...)))` (Laplace; Abramowitz and Stegun 26.2.14).
fn tail_ratio(z: f64) -> f64 {
    (1..=FRACTION_LEVELS).rev().fold(z, |below, level| z + f64::from(level) / below).recip()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worked_examples() {
        // capacity.md, feature 2: P5, P50, P95 and P(T <= 60).
        for (deviation, quantiles, within_60) in [
            (2.0, [70.800_2, 98.045_3, 135.867], 0.006_277),
            (5.0, [41.266, 89.049_7, 196.059_6], 0.204_642),
        ] {
            let passage = FirstPassage::new(100.0, 1.0, deviation).unwrap();
            assert_eq!(passage.mean_days(), Some(100.0));
            assert!((passage.deviation_days().unwrap() - 10.0 * deviation).abs() < 1e-12);
            for (level, days) in [0.05, 0.5, 0.95].into_iter().zip(quantiles) {
                // The digits that the source prints.
                let found = passage.quantile_days(level).unwrap();
                assert!((found / days - 1.0).abs() < 1e-6, "{deviation} {level}: {found}");
            }
            assert!((passage.within(60.0) - within_60).abs() < 5e-7);
        }
    }

    #[test]
    fn a_drift_away_may_never_arrive() {
        let passage = FirstPassage::new(2.0, -0.5, 1.0).unwrap();
        assert!((passage.never() - (1.0 - (-2.0_f64).exp())).abs() < 1e-12);
        assert!((passage.within(1e9) + passage.never() - 1.0).abs() < 1e-9);
        assert_eq!(passage.quantile_days(0.2), None);
        assert!(passage.quantile_days(0.1).is_some());
        assert_eq!(passage.mean_days(), None);
    }

    #[test]
    fn far_lines_and_small_deviations_overflow_nothing() {
        let passage = FirstPassage::new(1e6, 1.0, 1e-3).unwrap();
        assert!((passage.quantile_days(0.5).unwrap() / 1e6 - 1.0).abs() < 1e-6);
        assert_eq!((passage.within(9e5), passage.within(1.1e6)), (0.0, 1.0));
        assert_eq!(FirstPassage::new(-1.0, 1.0, 1.0).unwrap().quantile_days(0.5), Some(0.0));
        for (distance, drift, deviation) in
            [(1.0, 1.0, 0.0), (f64::NAN, 1.0, 1.0), (1e200, 1.0, 1.0), (1.0, 1.0, 1e-200)]
        {
            assert!(FirstPassage::new(distance, drift, deviation).is_err());
        }
        // So near that its square is no number, either: soon, but not never found.
        let near = FirstPassage::new(1e-200, 1.0, 1.0).unwrap();
        assert!(near.quantile_days(0.5).is_some_and(|days| days < 1e-300));
    }

    #[test]
    fn small_deviations_keep_their_digits() {
        let within = |distance, drift, deviation, days| {
            FirstPassage::new(distance, drift, deviation).unwrap().within(days)
        };
        // The level is as good as normal on the day: half at its mean, and 0.00135 at three
        // deviations under it.
        assert!((within(1e6, 1.0, 1e-6, 1e6) - 0.5).abs() < 1e-9);
        assert!((within(1e6, 1.0, 1e-7, 1e6 - 3e-4) - 0.001_349_898).abs() < 1e-8);
        assert_eq!(within(1e10, 1e300, 1.0, 1e-295), 0.0);
        assert_eq!(within(1e-100, 1.0, 1e-200, 1e-150), 0.0);
        assert_eq!(within(1.0, -1.0, 1e-100, 1e9), 0.0);
        // Away from the line by so little that no product of the two is a number.
        assert_eq!(FirstPassage::new(1e-170, -1e-170, 1e-200).unwrap().never(), 1.0);
        for (distance, drift, deviation, days) in
            [(1.0, 1.0, 1e-100, 1.0), (1e-9, 1e9, 1e-9, 1e-18)]
        {
            let passage = FirstPassage::new(distance, drift, deviation).unwrap();
            assert!((passage.quantile_days(0.5).unwrap() / days - 1.0).abs() < 1e-9, "{passage:?}");
        }
    }

    #[test]
    fn far_tails_go_on_where_near_ones_end() {
        // 29.9 and 30.1 deviations from the mirrored line, three from the line.
        for mirrored in [29.9, 30.1] {
            let (distance, drift) = (0.5 * (mirrored + 3.0), 0.5 * (mirrored - 3.0));
            let passage = FirstPassage::new(distance, drift, 1.0).unwrap();
            let weighed = 2.0 * drift * distance + normal_ln_cdf(-mirrored);
            let by_logarithms = normal_cdf(-3.0) + weighed.exp();
            let off = passage.within(1.0) / by_logarithms - 1.0;
            assert!(off.abs() < 1e-8, "{mirrored}: {off:e}");
        }
    }

    #[test]
    fn no_time_is_no_probability_and_all_of_time_is_the_rest() {
        let towards = FirstPassage::new(2.0, 0.5, 1.0).unwrap();
        let away = FirstPassage::new(2.0, -0.5, 1.0).unwrap();
        assert!(towards.within(f64::NAN).is_nan() && away.within(f64::NAN).is_nan());
        assert_eq!(towards.within(f64::INFINITY), 1.0);
        assert_eq!(away.within(f64::INFINITY), 1.0 - away.never());
        assert_eq!(FirstPassage::new(2.0, 0.0, 1.0).unwrap().within(f64::INFINITY), 1.0);
    }
}
