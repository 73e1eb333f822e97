//! What will be asked of a resource, as a distribution.

use std::f64::consts::TAU;

use crate::error::{Error, Result};
use crate::kernel::{normal_cdf, normal_quantile};

/// What will be asked of a resource: a distribution of amounts.
///
/// ```
/// use plimsoll::capacity::order::Demand;
/// let demand = Demand::normal(100.0, 20.0)?;
/// assert!((demand.quantile(0.9)? - 125.631).abs() < 5e-4);
/// assert!((demand.exceeds(125.631) - 0.1).abs() < 1e-5);
/// let week = Demand::samples(vec![3.0, 1.0, 2.0, 9.0])?;
/// assert_eq!((week.quantile(0.75)?, week.exceeds(3.0)), (3.0, 0.25));
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Demand(Shape);

#[derive(Debug, Clone, PartialEq)]
enum Shape {
    Normal {
        mean: f64,
        deviation: f64,
    },
    /// Sorted, at least one.
    Samples(Vec<f64>),
    /// Levels and values, both rising, at least two.
    Quantiles(Vec<(f64, f64)>),
}

impl Demand {
    /// The normal distribution. A deviation of 0 is an amount that is known.
    ///
    /// # Errors
    ///
    /// Unless both are finite and the deviation is 0 or more.
    pub fn normal(mean: f64, deviation: f64) -> Result<Self> {
        if !(mean.is_finite() && deviation.is_finite() && deviation >= 0.0) {
            return Err(Error::invalid(format!(
                "demand of mean {mean} and deviation {deviation}: give a finite mean and a \
                 deviation of 0 or more"
            )));
        }
        Ok(Self(Shape::Normal { mean, deviation }))
    }

    /// As often as it was in the samples: one per past interval, or per simulated future.
    ///
    /// # Errors
    ///
    /// Without samples, and where one is not finite.
    pub fn samples(mut samples: Vec<f64>) -> Result<Self> {
        if let Some(sample) = samples.iter().find(|sample| !sample.is_finite()) {
            let what = format!("a sample of demand is {sample}: leave out what is not known");
            return Err(Error::invalid(what));
        }
        if samples.is_empty() {
            return Err(Error::not_enough_data("demand has no sample"));
        }
        samples.sort_by(f64::total_cmp);
        Ok(Self(Shape::Samples(samples)))
    }

    /// A forecast's quantiles, pairs of level and value; straight between them. Beyond the
    /// outermost nothing is known: no quantile is made up, and shares are taken on the side that
    /// shows more shortage.
    ///
    /// # Errors
    ///
    /// With fewer than two; unless levels lie between 0 and 1 and rise, and values do not fall.
    pub fn quantiles(mut quantiles: Vec<(f64, f64)>) -> Result<Self> {
        quantiles.sort_by(|a, b| a.0.total_cmp(&b.0));
        let valid = |(level, value): &(f64, f64)| *level > 0.0 && *level < 1.0 && value.is_finite();
        let rising = |pair: &[(f64, f64)]| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1;
        let sound = quantiles.iter().all(valid) && quantiles.windows(2).all(rising);
        if quantiles.len() < 2 || !sound {
            return Err(Error::invalid(
                "quantiles of demand: give two or more, each level between 0 and 1 once, and no \
                 value below that of a lower level",
            ));
        }
        Ok(Self(Shape::Quantiles(quantiles)))
    }

    /// The least amount that is enough with probability `level`.
    ///
    /// # Errors
    ///
    /// Unless the level lies between 0 and 1; beyond the outermost of given quantiles.
    pub fn quantile(&self, level: f64) -> Result<f64> {
        if !(level > 0.0 && level < 1.0) {
            let what = format!("a level of {level}: give one between 0 and 1");
            return Err(Error::invalid(what));
        }
        match &self.0 {
            Shape::Normal { mean, deviation } => Ok(mean + deviation * normal_quantile(level)),
            Shape::Samples(samples) => {
                // The smallest sample that a share of `level` does not exceed: its rank is the
                // level's, rounded up but for what the multiplication itself left over.
                let rank = (level * samples.len() as f64 * (1.0 - 4.0 * f64::EPSILON)).ceil();
                Ok(samples[(rank as usize).clamp(1, samples.len()) - 1])
            }
            Shape::Quantiles(quantiles) => between(quantiles, level).ok_or_else(|| {
                let (low, high) = (quantiles[0].0, quantiles[quantiles.len() - 1].0);
                Error::not_enough_data(format!(
                    "level {level} of demand, of which quantiles are known from {low} to {high}; \
                     give one at or beyond it"
                ))
            }),
        }
    }

    /// The probability that more than `amount` is asked for.
    pub fn exceeds(&self, amount: f64) -> f64 {
        match &self.0 {
            Shape::Normal { mean, deviation } if *deviation == 0.0 => {
                if amount < *mean {
                    1.0
                } else {
                    0.0
                }
            }
            Shape::Normal { mean, deviation } => normal_cdf((mean - amount) / deviation),
            Shape::Samples(samples) => {
                let beyond = samples.len() - samples.partition_point(|sample| *sample <= amount);
                beyond as f64 / samples.len() as f64
            }
            Shape::Quantiles(quantiles) => {
                let above = quantiles.partition_point(|(_, value)| *value <= amount);
                let Some(low) = above.checked_sub(1) else { return 1.0 };
                let (level, value) = quantiles[low];
                let Some(next) = quantiles.get(above) else { return 1.0 - level };
                let share = (amount - value) / (next.1 - value);
                1.0 - (level + share * (next.0 - level))
            }
        }
    }

    /// How many samples it is known by; `None` where it is a law or a forecast's quantiles.
    pub fn sample_count(&self) -> Option<usize> {
        match &self.0 {
            Shape::Samples(samples) => Some(samples.len()),
            _ => None,
        }
    }

    /// The mean. Of quantiles: what lies beyond the outermost is taken to stand at them.
    pub fn mean(&self) -> f64 {
        match &self.0 {
            Shape::Normal { mean, .. } => *mean,
            Shape::Samples(samples) => samples.iter().sum::<f64>() / samples.len() as f64,
            Shape::Quantiles(quantiles) => {
                let (first, last) = (quantiles[0], quantiles[quantiles.len() - 1]);
                let inner =
                    |pair: &[(f64, f64)]| (pair[1].0 - pair[0].0) * 0.5 * (pair[0].1 + pair[1].1);
                let inner: f64 = quantiles.windows(2).map(inner).sum();
                first.0 * first.1 + inner + (1.0 - last.0) * last.1
            }
        }
    }

    /// The mean amount that is asked for beyond `amount`. Of quantiles as [`mean`](Self::mean), so
    /// that it is at least that much.
    pub fn expected_shortage(&self, amount: f64) -> f64 {
        match &self.0 {
            Shape::Normal { mean, deviation } if *deviation == 0.0 => (mean - amount).max(0.0),
            Shape::Normal { mean, deviation } => {
                let z = (amount - mean) / deviation;
                let density = (-0.5 * z * z).exp() / TAU.sqrt();
                (deviation * (density - z * normal_cdf(-z))).max(0.0)
            }
            Shape::Samples(samples) => {
                let above = samples.partition_point(|sample| *sample <= amount);
                let beyond = samples[above..].iter().map(|sample| sample - amount);
                beyond.sum::<f64>() / samples.len() as f64
            }
            Shape::Quantiles(quantiles) => {
                let (first, last) = (quantiles[0], quantiles[quantiles.len() - 1]);
                let over = |value: f64| (value - amount).max(0.0);
                let inner = |pair: &[(f64, f64)]| {
                    (pair[1].0 - pair[0].0) * mean_over(pair[0].1, pair[1].1, amount)
                };
                let inner: f64 = quantiles.windows(2).map(inner).sum();
                first.0 * over(first.1) + inner + (1.0 - last.0) * over(last.1)
            }
        }
    }
}

/// The mean of what lies beyond `amount`, where all between `low` and `high` is equally likely.
fn mean_over(low: f64, high: f64, amount: f64) -> f64 {
    let (from, to) = ((low - amount).max(0.0), (high - amount).max(0.0));
    let share = if low < amount && amount < high { (high - amount) / (high - low) } else { 1.0 };
    share * 0.5 * (from + to)
}

/// The value at a level between two given ones.
fn between(quantiles: &[(f64, f64)], level: f64) -> Option<f64> {
    let at = quantiles.partition_point(|(known, _)| *known < level);
    let high = quantiles.get(at)?;
    if high.0 == level {
        return Some(high.1);
    }
    let low = quantiles[at.checked_sub(1)?];
    Some(low.1 + (high.1 - low.1) * (level - low.0) / (high.0 - low.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_normal_law_of_the_tables() {
        let demand = Demand::normal(100.0, 20.0).unwrap();
        // The unit normal loss: 0.3989 at 0, 0.0833 at 1 (tables of operations management).
        for (z, loss) in [(0.0, 0.3989), (1.0, 0.0833), (-1.0, 1.0833), (2.0, 0.0085)] {
            let found = demand.expected_shortage(100.0 + 20.0 * z) / 20.0;
            assert!((found - loss).abs() < 5e-5, "{z}: {found}");
        }
        assert!((demand.exceeds(140.0) - 0.022_750_131_948).abs() < 1e-12);
        assert_eq!(demand.mean(), 100.0);
    }

    #[test]
    fn a_known_amount_is_a_step() {
        let demand = Demand::normal(50.0, 0.0).unwrap();
        assert_eq!((demand.exceeds(49.9), demand.exceeds(50.0)), (1.0, 0.0));
        assert_eq!((demand.quantile(0.01).unwrap(), demand.expected_shortage(45.0)), (50.0, 5.0));
    }

    #[test]
    fn quantiles_are_straight_between_and_unknown_beyond() {
        let demand = Demand::quantiles(vec![(0.9, 200.0), (0.1, 100.0), (0.5, 140.0)]).unwrap();
        assert_eq!(demand.quantile(0.5).unwrap(), 140.0);
        assert!((demand.quantile(0.3).unwrap() - 120.0).abs() < 1e-12);
        let why = demand.quantile(0.95).unwrap_err().to_string();
        assert!(why.contains("known from 0.1 to 0.9"), "{why}");
        assert!((demand.exceeds(170.0) - 0.3).abs() < 1e-12);
        assert_eq!((demand.exceeds(99.0), demand.exceeds(200.0)), (1.0, 1.0 - 0.9));
        // By hand: tails at 100 and 200, 0.4 between 100 and 140, 0.4 between 140 and 200.
        assert!((demand.mean() - (10.0 + 48.0 + 68.0 + 20.0)).abs() < 1e-9);
        assert!((demand.expected_shortage(0.0) - demand.mean()).abs() < 1e-9);
        // 0.4 (half of it beyond 170, 15 on average) and the tail.
        assert!((demand.expected_shortage(170.0) - (0.2 * 15.0 + 3.0)).abs() < 1e-9);
    }

    #[test]
    fn what_is_no_distribution_is_refused() {
        assert!(Demand::normal(1.0, -1.0).is_err() && Demand::normal(f64::NAN, 1.0).is_err());
        assert!(Demand::samples(Vec::new()).is_err());
        assert!(Demand::samples(vec![1.0, f64::INFINITY]).is_err());
        for bad in [
            vec![(0.5, 1.0)],
            vec![(0.0, 1.0), (0.5, 2.0)],
            vec![(0.1, 2.0), (0.9, 1.0)],
            vec![(0.5, 1.0), (0.5, 2.0)],
            vec![(0.1, 1.0), (0.9, f64::NAN)],
        ] {
            assert!(Demand::quantiles(bad.clone()).is_err(), "{bad:?}");
        }
        for level in [0.0, 1.0, -0.5, f64::NAN] {
            assert!(Demand::normal(1.0, 1.0).unwrap().quantile(level).is_err());
        }
    }

    proptest! {
        #[test]
        fn samples_agree_with_counting(
            samples in prop::collection::vec(0_u32..50, 1..40),
            amount in 0_u32..60,
            level in 0.001_f64..0.999,
        ) {
            let samples: Vec<f64> = samples.into_iter().map(f64::from).collect();
            let (amount, count) = (f64::from(amount), samples.len() as f64);
            let demand = Demand::samples(samples.clone()).unwrap();
            let beyond = samples.iter().filter(|sample| **sample > amount).count() as f64;
            prop_assert!((demand.exceeds(amount) - beyond / count).abs() < 1e-12);
            let shortage: f64 = samples.iter().map(|sample| (sample - amount).max(0.0)).sum();
            prop_assert!((demand.expected_shortage(amount) - shortage / count).abs() < 1e-9);
            let found = demand.quantile(level).unwrap();
            let enough = |x: f64| samples.iter().filter(|sample| **sample <= x).count() as f64;
            prop_assert!(enough(found) / count >= level - 1e-12);
            prop_assert!(enough(found - 0.5) / count < level);
        }
    }
}
