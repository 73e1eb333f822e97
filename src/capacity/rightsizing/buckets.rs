//! The buckets of a histogram: where each starts, and which one holds a value.

use crate::error::{Error, Result};

/// More buckets than this are a slip in the options; 5% wider ones pass 18 decades in 700.
const BUCKETS_MAX: usize = 100_000;

/// Buckets of equal or of growing width, from 0 on. Bucket `b` holds `[start(b), start(b + 1))`;
/// the first one what is negative too, and the last one all that is larger.
///
/// ```
/// use plimsoll::capacity::rightsizing::Buckets;
/// // The unit tests of the Kubernetes VPA recommender.
/// let buckets = Buckets::exponential(500.0, 40.0, 1.5)?;
/// assert_eq!(buckets.starts(), [0.0, 40.0, 100.0, 190.0, 325.0, 527.5]);
/// assert_eq!((buckets.find(39.99), buckets.find(100.0), buckets.find(900.0)), (0, 2, 5));
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Buckets {
    starts: Vec<f64>,
}

impl Buckets {
    /// Buckets of one `width`, the last of which starts at `max` or above, in the unit of values.
    ///
    /// # Errors
    ///
    /// Unless both are finite and positive, and there are at most 100,000 buckets.
    pub fn linear(max: f64, width: f64) -> Result<Self> {
        positive(&[max, width], "a width and a maximum above 0")?;
        Self::until(max, |bucket| bucket as f64 * width)
    }

    /// Buckets of which the first is `first` wide and each one `ratio` times as wide as the one
    /// before, `start(b) = first (ratio^b - 1) / (ratio - 1)`. The last starts at `max` or above.
    ///
    /// # Errors
    ///
    /// Unless all are finite, `max` and `first` positive and `ratio` above 1, and there are at most
    /// 100,000 buckets.
    pub fn exponential(max: f64, first: f64, ratio: f64) -> Result<Self> {
        positive(&[max, first, ratio - 1.0], "a first width, a maximum above 0, a ratio above 1")?;
        Self::until(max, |bucket| first * (power(ratio, bucket) - 1.0) / (ratio - 1.0))
    }

    fn until(max: f64, start: impl Fn(usize) -> f64) -> Result<Self> {
        let mut starts = Vec::new();
        loop {
            let next = start(starts.len());
            starts.push(next);
            if next >= max {
                return Ok(Self { starts });
            }
            if starts.len() >= BUCKETS_MAX {
                let what = format!("over {BUCKETS_MAX} buckets up to {max}; take wider ones");
                return Err(Error::invalid(what));
            }
        }
    }

    /// Where each bucket starts, ascending from 0, in the unit of values.
    pub fn starts(&self) -> &[f64] {
        &self.starts
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.starts.len()
    }

    /// The bucket that holds a value.
    pub fn find(&self, value: f64) -> usize {
        self.starts.partition_point(|start| *start <= value).saturating_sub(1)
    }

    /// Where a bucket ends, which is where the next one starts; `None` for the last, which has no
    /// end.
    pub fn end(&self, bucket: usize) -> Option<f64> {
        self.starts.get(bucket.saturating_add(1)).copied()
    }

    /// Where a bucket starts; the last one from there on.
    pub fn start(&self, bucket: usize) -> f64 {
        let last = self.starts.len() - 1;
        self.starts[bucket.min(last)]
    }
}

fn positive(numbers: &[f64], what: &str) -> Result<()> {
    if numbers.iter().all(|number| number.is_finite() && *number > 0.0) {
        return Ok(());
    }
    Err(Error::invalid(format!("buckets take {what}, all of them finite")))
}

/// By squares: the same on every machine, which the library's power need not be.
fn power(mut base: f64, mut exponent: usize) -> f64 {
    let mut product = 1.0;
    while exponent > 0 {
        if exponent % 2 == 1 {
            product *= base;
        }
        base *= base;
        exponent /= 2;
    }
    product
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of the VPA recommender's own unit tests (capacity.md, 2.1).
    #[test]
    fn buckets_are_those_of_vpa() {
        let exponential = Buckets::exponential(500.0, 40.0, 1.5).unwrap();
        assert_eq!(exponential.starts(), [0.0, 40.0, 100.0, 190.0, 325.0, 527.5]);
        let found = [-1.0, 39.99, 40.0, 100.0, 900.0].map(|value| exponential.find(value));
        assert_eq!(found, [0, 0, 1, 2, 5]);
        let linear = Buckets::linear(5.0, 0.3).unwrap();
        assert_eq!((linear.count(), linear.find(1.3)), (18, 4));
        assert!((linear.start(17) - 5.1).abs() < 1e-12);
        for (max, first) in [(1_000.0, 0.01), (1e12, 1e7)] {
            assert_eq!(Buckets::exponential(max, first, 1.05).unwrap().count(), 176);
        }
    }

    #[test]
    fn every_start_lies_in_its_own_bucket() {
        for buckets in
            [Buckets::exponential(1e12, 1e7, 1.05).unwrap(), Buckets::linear(100.0, 0.1).unwrap()]
        {
            for (bucket, start) in buckets.starts().iter().enumerate() {
                assert_eq!(buckets.find(*start), bucket);
                let before = buckets.find(start.next_down());
                assert_eq!(before, bucket.saturating_sub(1));
            }
            assert_eq!(buckets.end(buckets.count() - 1), None);
        }
    }

    #[test]
    fn options_that_make_no_buckets_are_refused() {
        for made in [
            Buckets::linear(0.0, 1.0),
            Buckets::linear(1.0, f64::NAN),
            Buckets::linear(1e9, 1.0),
            Buckets::exponential(1.0, 0.1, 1.0),
            Buckets::exponential(f64::INFINITY, 0.1, 1.5),
        ] {
            assert!(made.is_err());
        }
    }
}
