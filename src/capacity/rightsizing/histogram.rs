//! A histogram of weighted values whose old ones fade: what the Kubernetes VPA recommender keeps.
//!
//! Weights halve with each half-life of age. In place of making all old ones smaller, new ones are
//! made larger, by `2^((t - reference) / half-life)`, and the reference is moved on before that
//! number leaves what an `f64` can hold.

use std::collections::BTreeMap;

use super::Buckets;
use crate::error::{Error, Result};
use crate::model::{Span, Timestamp};

/// Buckets with less weight count as empty where the first and the last full one are looked for.
const WEIGHT_MIN: f64 = 1e-4;
/// Half-lives after the reference at which it is moved.
const EXPONENT_MAX: f64 = 100.0;
/// The weight of the fullest bucket in a checkpoint.
const CHECKPOINT_MAX: f64 = 10_000.0;

/// Weighted values in buckets; with a half-life, old ones weigh less. Two add up.
///
/// It stands for what others do. Its percentile forgets: a busy day a week is gone from the 90th
/// after 2.3 days. [`DailyDemand`](super::DailyDemand) is what Plimsoll's own advice rests on.
///
/// ```
/// use plimsoll::capacity::rightsizing::{Buckets, Histogram};
/// use plimsoll::{Span, Timestamp};
/// // The unit tests of the Kubernetes VPA recommender: samples one half-life apart.
/// let mut histogram = Histogram::decaying(Buckets::linear(10.0, 1.0)?, Span::HOUR)?;
/// let hour = |at| Timestamp::from_seconds(1_234_567_890 + 3_600 * at);
/// for value in 1..=4 {
///     histogram.add(f64::from(value), f64::from(value), hour(i64::from(value)));
/// }
/// let percentile = |p| histogram.percentile(p).unwrap().value;
/// assert_eq!([0.02, 0.1, 0.34, 1.0].map(percentile), [2.0, 3.0, 4.0, 5.0]);
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    buckets: Buckets,
    weights: Vec<f64>,
    half_life: Option<Span>,
    /// The instant whose samples keep the weight that they came with.
    reference: Option<Timestamp>,
}

/// A percentile of a [`Histogram`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Percentile {
    /// The end of the bucket; the start of the last one, which has no end.
    pub value: f64,
    /// The bucket.
    pub bucket: usize,
    /// Whether it is the last bucket: the value may lie anywhere above.
    pub last_bucket: bool,
}

/// A histogram as it is kept on disk: whole weights, of which the largest is 10,000.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Checkpoint {
    /// The instant that weights refer to.
    pub reference: Option<Timestamp>,
    /// All weight, as it was before it was made whole.
    pub total_weight: f64,
    /// The weight of each bucket that has any.
    pub weights: BTreeMap<usize, u32>,
}

impl Histogram {
    /// An empty histogram that forgets nothing.
    pub fn new(buckets: Buckets) -> Self {
        let weights = vec![0.0; buckets.count()];
        Self { buckets, weights, half_life: None, reference: None }
    }

    /// An empty histogram in which weights halve with each `half_life`.
    ///
    /// # Errors
    ///
    /// Where the half-life is zero.
    pub fn decaying(buckets: Buckets, half_life: Span) -> Result<Self> {
        if half_life.is_zero() {
            return Err(Error::invalid("a half-life of zero keeps nothing; take a longer one"));
        }
        Ok(Self { half_life: Some(half_life), ..Self::new(buckets) })
    }

    /// Adds a value. What is no number, and a weight that is not above 0, is left out.
    pub fn add(&mut self, value: f64, weight: f64, at: Timestamp) {
        if value.is_nan() || weight.is_nan() || weight <= 0.0 {
            return;
        }
        let weight = weight * self.factor(at);
        self.weights[self.buckets.find(value)] += weight;
    }

    /// Takes a value out that was added with this weight at this time.
    pub fn subtract(&mut self, value: f64, weight: f64, at: Timestamp) {
        if value.is_nan() || weight.is_nan() || weight <= 0.0 {
            return;
        }
        let weight = weight * self.factor(at);
        let bucket = &mut self.weights[self.buckets.find(value)];
        *bucket = (*bucket - weight).max(0.0);
    }

    /// Adds all that another one holds.
    ///
    /// # Errors
    ///
    /// Unless both have the same buckets and half-life.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        if (&self.buckets, self.half_life) != (&other.buckets, other.half_life) {
            let what = "histograms of other buckets or half-lives do not add up";
            return Err(Error::invalid(what));
        }
        let reference = self.reference.max(other.reference);
        let shift =
            |from: Option<Timestamp>| from.map_or(1.0, |from| self.between(from, reference));
        let (ours, theirs) = (shift(self.reference), shift(other.reference));
        for (weight, more) in self.weights.iter_mut().zip(&other.weights) {
            *weight = *weight * ours + more * theirs;
        }
        self.reference = reference;
        Ok(())
    }

    /// Whether no bucket holds as much as counts.
    pub fn is_empty(&self) -> bool {
        self.full().is_none()
    }

    /// The bucket in which `share` of the weight is reached; `None` where there is none.
    pub fn percentile(&self, share: f64) -> Option<Percentile> {
        let (first, last) = self.full()?;
        let wanted = share * self.total();
        let mut below = 0.0;
        let reaches = |bucket: &usize| {
            below += self.weights[*bucket];
            below >= wanted
        };
        let bucket = (first..last).find(reaches).unwrap_or(last);
        let end = self.buckets.end(bucket);
        let value = end.unwrap_or_else(|| self.buckets.start(bucket));
        Some(Percentile { value, bucket, last_bucket: end.is_none() })
    }

    /// What is kept on disk. Buckets of less than 1/20,000 of the fullest are not.
    pub fn checkpoint(&self) -> Checkpoint {
        let fullest = self.weights.iter().copied().fold(0.0, f64::max);
        let whole = |weight: f64| (weight * (CHECKPOINT_MAX / fullest)).round() as u32;
        let weights = self.weights.iter().map(|weight| whole(*weight)).enumerate();
        Checkpoint {
            reference: self.reference,
            total_weight: self.total(),
            weights: weights.filter(|(_, weight)| *weight > 0).collect(),
        }
    }

    /// Adds what a checkpoint holds to an empty histogram.
    ///
    /// # Errors
    ///
    /// Where the histogram is not empty, a bucket is not one of its own, or the total is no weight.
    pub fn restore(&mut self, checkpoint: &Checkpoint) -> Result<()> {
        if self.weights.iter().any(|weight| *weight > 0.0) {
            return Err(Error::invalid("a checkpoint is restored into an empty histogram"));
        }
        let total = checkpoint.total_weight;
        if !total.is_finite() || total < 0.0 {
            return Err(Error::invalid(format!("a checkpoint's total weight is {total}")));
        }
        let sum: f64 = checkpoint.weights.values().map(|weight| f64::from(*weight)).sum();
        if sum == 0.0 && total > 0.0 {
            let what = format!("a checkpoint's total weight is {total}, and no bucket has any");
            return Err(Error::invalid(what));
        }
        let buckets = self.weights.len();
        if let Some(bucket) = checkpoint.weights.keys().find(|bucket| **bucket >= buckets) {
            let what = format!("a checkpoint has bucket {bucket} of {buckets}, counted from 0");
            return Err(Error::invalid(what));
        }
        for (bucket, weight) in &checkpoint.weights {
            self.weights[*bucket] = f64::from(*weight) * (total / sum);
        }
        self.reference = checkpoint.reference;
        Ok(())
    }

    /// Its buckets.
    pub fn buckets(&self) -> &Buckets {
        &self.buckets
    }

    fn total(&self) -> f64 {
        self.weights.iter().sum()
    }

    /// The first and the last bucket that count as full.
    fn full(&self) -> Option<(usize, usize)> {
        let full = |weight: &f64| *weight >= WEIGHT_MIN;
        Some((self.weights.iter().position(full)?, self.weights.iter().rposition(full)?))
    }

    /// What a weight of this time is multiplied with; moves the reference where it is too far back.
    fn factor(&mut self, at: Timestamp) -> f64 {
        let Some(half_life) = self.half_life else { return 1.0 };
        let rounded = at.plus(Span::from_nanos(half_life.nanos() / 2)).floor(half_life);
        let reference = *self.reference.get_or_insert(rounded);
        if half_lives(reference, at, half_life) > EXPONENT_MAX {
            let shift = self.between(reference, Some(rounded));
            for weight in &mut self.weights {
                *weight *= shift;
            }
            self.reference = Some(rounded);
        }
        let reference = self.reference.unwrap_or(rounded);
        half_lives(reference, at, half_life).exp2()
    }

    /// What weights of one reference are multiplied with to be those of another.
    fn between(&self, from: Timestamp, to: Option<Timestamp>) -> f64 {
        match (self.half_life, to) {
            // References are whole half-lives apart, so this is a power of two.
            (Some(half_life), Some(to)) => half_lives(to, from, half_life).round().exp2(),
            _ => 1.0,
        }
    }
}

fn half_lives(from: Timestamp, to: Timestamp, half_life: Span) -> f64 {
    let nanos = i128::from(to.nanos()) - i128::from(from.nanos());
    nanos as f64 / half_life.nanos() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const START: Timestamp = Timestamp::from_seconds(1_234_567_890);

    fn hours(count: i64) -> Timestamp {
        START.plus(Span::from_seconds(3_600 * count))
    }

    fn linear() -> Buckets {
        Buckets::linear(10.0, 1.0).unwrap()
    }

    fn values(histogram: &Histogram, shares: &[f64]) -> Vec<f64> {
        shares.iter().map(|share| histogram.percentile(*share).unwrap().value).collect()
    }

    /// VPA's own unit tests (capacity.md, 2.1).
    #[test]
    fn percentiles_are_those_of_vpa() {
        let mut histogram = Histogram::new(linear());
        assert_eq!(histogram.percentile(0.5), None);
        for value in 1..=4 {
            histogram.add(f64::from(value), f64::from(value), START);
        }
        let shares = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0];
        let found = values(&histogram, &shares);
        assert_eq!(found, [2.0, 2.0, 3.0, 3.0, 4.0, 4.0, 4.0, 5.0, 5.0, 5.0, 5.0]);
    }

    #[test]
    fn weights_halve_with_a_half_life() {
        // VPA's own unit tests: .125, .5, 1.5 and 4 at the last sample.
        let mut histogram = Histogram::decaying(linear(), Span::HOUR).unwrap();
        for value in 1..=4 {
            histogram.add(f64::from(value), f64::from(value), hours(i64::from(value)));
        }
        let found = values(&histogram, &[0.02, 0.03, 0.1, 0.11, 0.34, 0.35, 1.0]);
        assert_eq!(found, [2.0, 3.0, 3.0, 4.0, 4.0, 5.0, 5.0]);

        let mut histogram = Histogram::decaying(linear(), Span::HOUR).unwrap();
        histogram.add(2.0, 1_000.0, START);
        histogram.add(1.0, 1.0, hours(20));
        assert_eq!(values(&histogram, &[0.999, 1.0]), [2.0, 3.0]);
    }

    #[test]
    fn the_reference_moves_and_nothing_overflows() {
        let mut histogram = Histogram::decaying(linear(), Span::HOUR).unwrap();
        for hour in 0..5_000 {
            histogram.add(if hour % 7 == 0 { 5.0 } else { 1.0 }, 1.0, hours(hour));
        }
        assert!(histogram.total().is_finite());
        // Of the latest, hour 4,999 - 4,998 = 1: the sevenfold one is one hour old, 1/4 in all.
        assert_eq!(values(&histogram, &[0.7, 0.8]), [2.0, 6.0]);
        // One that is later by far leaves nothing of them.
        histogram.add(9.0, 1.0, hours(1_000_000));
        assert_eq!(values(&histogram, &[0.0, 1.0]), [10.0, 10.0]);
    }

    #[test]
    fn subtracting_and_merging_undo_and_add() {
        let mut histogram = Histogram::decaying(linear(), Span::HOUR).unwrap();
        histogram.add(3.0, 1.0, hours(1));
        histogram.add(8.0, 2.0, hours(300));
        histogram.subtract(8.0, 2.0, hours(300));
        assert!(histogram.is_empty());
        let mut other = Histogram::decaying(linear(), Span::DAY).unwrap();
        assert!(other.merge(&histogram).is_err());
        assert!(Histogram::decaying(linear(), Span::default()).is_err());
        // An empty one changes nothing, either way.
        let mut full = Histogram::decaying(linear(), Span::HOUR).unwrap();
        full.add(2.0, 1.0, START);
        let mut empty = Histogram::decaying(linear(), Span::HOUR).unwrap();
        empty.merge(&full).unwrap();
        assert_eq!(empty, full);
        full.merge(&Histogram::decaying(linear(), Span::HOUR).unwrap()).unwrap();
        assert_eq!(empty, full);
    }

    #[test]
    fn checkpoints_keep_what_weighs_enough() {
        // VPA's own unit tests.
        let saved = |weights: &[f64]| -> Vec<u32> {
            let mut histogram = Histogram::new(linear());
            for (value, weight) in weights.iter().enumerate() {
                histogram.add(value as f64, *weight, START);
            }
            histogram.checkpoint().weights.into_values().collect()
        };
        assert_eq!(saved(&[1.0, 10_000.0, 50.0]), [1, 10_000, 50]);
        assert_eq!(saved(&[1.0, 100_000.0]), [10_000]);
        assert!(saved(&[]).is_empty());

        let mut histogram = Histogram::decaying(linear(), Span::HOUR).unwrap();
        for value in 1..=4 {
            histogram.add(f64::from(value), 1.0, hours(i64::from(value)));
        }
        let checkpoint = histogram.checkpoint();
        let mut again = Histogram::decaying(linear(), Span::HOUR).unwrap();
        again.restore(&checkpoint).unwrap();
        assert!((again.total() / histogram.total() - 1.0).abs() < 1e-12);
        assert_eq!(values(&again, &[0.1, 0.5]), values(&histogram, &[0.1, 0.5]));
        assert!(again.restore(&checkpoint).is_err());
        for (weights, total_weight) in [(vec![(11, 1)], 1.0), (vec![], 1.0), (vec![(0, 1)], -1.0)] {
            let weights = weights.into_iter().collect();
            let bad = Checkpoint { reference: None, total_weight, weights };
            assert!(Histogram::new(linear()).restore(&bad).is_err());
        }
    }

    proptest! {
        /// Against all samples, weighed one by one.
        #[test]
        fn decay_is_that_of_the_formula(
            samples in prop::collection::vec((0.0..10.0_f64, 0.1..5.0_f64, 0..400_i64), 1..40),
            share in 0.0..=1.0_f64,
            cut in 0..40_usize,
        ) {
            let mut parts = [(); 2].map(|()| Histogram::decaying(linear(), Span::HOUR).unwrap());
            for (at, (value, weight, hour)) in samples.iter().enumerate() {
                parts[usize::from(at >= cut)].add(*value, *weight, hours(*hour));
            }
            let [mut merged, second] = parts;
            merged.merge(&second).unwrap();
            let last = samples.iter().map(|sample| sample.2).max().unwrap();
            let mut naive = [0.0; 11];
            for (value, weight, hour) in &samples {
                naive[*value as usize] += weight * ((hour - last) as f64).exp2();
            }
            let total: f64 = naive.iter().sum();
            let Some(found) = merged.percentile(share) else { return Ok(()) };
            let below: f64 = naive[..found.bucket].iter().sum();
            let upto = below + naive[found.bucket];
            prop_assert!(below <= share * total * (1.0 + 1e-9) + 1e-3, "{below} of {total}");
            prop_assert!(upto >= share * total * (1.0 - 1e-9) - 1e-3, "{upto} of {total}");
        }
    }
}
