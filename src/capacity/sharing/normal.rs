//! What equal, normally distributed loads need together: the closed form.

use super::CoincidentPeak;
use crate::error::{Error, Result};
use crate::kernel::normal_quantile;

/// Equal loads, each normally distributed, any two of them correlated alike.
///
/// Together they are normal again, with a variance of `n s^2 (1 + (n - 1) r)`: where loads are
/// independent what is kept free for their peaks grows with the root of their number only.
///
/// ```
/// use plimsoll::capacity::sharing::NormalPool;
/// // capacity.md, feature 20.
/// let pool = NormalPool::new(100, 1.0, 0.3, 0.0)?;
/// let peak = pool.peak(0.99)?;
/// assert!((peak.sum_of_peaks - 169.79).abs() < 0.005);
/// assert!((peak.peak_of_sum.unwrap() - 106.98).abs() < 0.005);
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NormalPool {
    loads: f64,
    mean: f64,
    deviation: f64,
    correlation: f64,
}

impl NormalPool {
    /// So many loads, with the mean, the standard deviation, and the correlation of any two.
    ///
    /// # Errors
    ///
    /// Without a load; unless mean and deviation are finite, and the deviation is not negative; and
    /// unless the correlation lies between `-1 / (loads - 1)`, the lowest that so many can have to
    /// each other, and 1.
    pub fn new(loads: u64, mean: f64, deviation: f64, correlation: f64) -> Result<Self> {
        let sound = mean.is_finite() && deviation.is_finite() && deviation >= 0.0;
        if loads == 0 || !sound {
            return Err(Error::invalid(
                "a pool of loads takes at least one, a finite mean, and a deviation of 0 or more",
            ));
        }
        let loads = loads as f64;
        let lowest = if loads > 1.0 { -1.0 / (loads - 1.0) } else { -1.0 };
        if !(lowest..=1.0).contains(&correlation) {
            return Err(Error::invalid(format!(
                "{loads} loads cannot all be correlated by {correlation}; take {lowest} to 1"
            )));
        }
        Ok(Self { loads, mean, deviation, correlation })
    }

    /// What the loads need apart and together at a quantile.
    ///
    /// # Errors
    ///
    /// Unless the quantile is above 0 and below 1: a normal load has no peak.
    pub fn peak(&self, level: f64) -> Result<CoincidentPeak> {
        if !(level > 0.0 && level < 1.0) {
            return Err(Error::invalid(format!(
                "{level} is no quantile of a normal load: take one between 0 and 1, as in 0.99"
            )));
        }
        let z = normal_quantile(level);
        let n = self.loads;
        // Not below 0 at the lowest correlation, where rounding may have it.
        let variance = (n * (1.0 + (n - 1.0) * self.correlation)).max(0.0);
        let together = n * self.mean + z * self.deviation * variance.sqrt();
        Ok(CoincidentPeak {
            level,
            sum_of_peaks: n * (self.mean + z * self.deviation),
            peak_of_sum: Some(together),
            at_least: together,
            at_most: together,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn independent_and_alike_are_the_two_ends() {
        // By hand with z = 2.326347874040841: 100 (1 + 0.3 z) and 100 + 3 z.
        let z = 2.326_347_874_040_841;
        let peak = NormalPool::new(100, 1.0, 0.3, 0.0).unwrap().peak(0.99).unwrap();
        assert!((peak.sum_of_peaks / (100.0 + 30.0 * z) - 1.0).abs() < 1e-12);
        assert!((peak.peak_of_sum.unwrap() / (100.0 + 3.0 * z) - 1.0).abs() < 1e-12);
        // Alike, nothing is saved; opposed, two loads cancel out.
        let alike = NormalPool::new(100, 1.0, 0.3, 1.0).unwrap().peak(0.99).unwrap();
        assert!((alike.factor().unwrap() - 1.0).abs() < 1e-12);
        let opposed = NormalPool::new(2, 1.0, 0.3, -1.0).unwrap().peak(0.99).unwrap();
        assert_eq!(opposed.peak_of_sum, Some(2.0));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        assert!(NormalPool::new(0, 1.0, 0.3, 0.0).is_err());
        assert!(NormalPool::new(2, f64::NAN, 0.3, 0.0).is_err());
        assert!(NormalPool::new(2, 1.0, -0.3, 0.0).is_err());
        let why = NormalPool::new(3, 1.0, 0.3, -0.6).unwrap_err().to_string();
        assert!(why.contains("-0.5 to 1"), "{why}");
        let pool = NormalPool::new(3, 1.0, 0.3, 0.5).unwrap();
        assert!(pool.peak(1.0).is_err() && pool.peak(0.0).is_err());
    }
}
