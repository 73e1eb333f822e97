//! From thousands of steps to the few points that a law is fitted to.
//!
//! Bins of equal counts take steps from all over the time; their medians do not move with a burst
//! or an outage. Neighbouring steps of a day share their noise, though, and load passes from bin to
//! bin within that, so that the points stray together: how far is learnt from what they would be
//! without each stretch of time.

use crate::capacity::scalability::{LoadSample, ScalabilityLaw};
use crate::kernel::median;

/// Bins that steps are put into.
const BINS: usize = 24;
/// Fewer tell no bend.
const BINS_MIN: usize = 8;
/// A median of fewer is no better than one of them.
const BIN_STEPS_MIN: usize = 8;
/// The highest bin over the lowest, by load: over less of it any law is a straight line.
const RATIO_MIN: f64 = 1.5;
/// Stretches of time, each of as many steps, without each of which the points are looked at.
pub const STRETCHES: usize = 20;

/// Steps by load, in bins.
#[derive(Debug)]
pub(super) struct Bins {
    steps: Vec<Step>,
    count: usize,
}

#[derive(Debug, Clone, Copy)]
struct Step {
    load: f64,
    throughput: f64,
    stretch: usize,
}

impl Bins {
    /// Puts pairs of load and throughput, in the order of time, into bins; or says why not.
    pub(super) fn of(pairs: impl ExactSizeIterator<Item = (f64, f64)>) -> Result<Self, String> {
        let all = pairs.len();
        let count = BINS.min(all / BIN_STEPS_MIN);
        if count < BINS_MIN {
            let least = BINS_MIN * BIN_STEPS_MIN;
            return Err(format!(
                "fewer than {least} steps have both a load and a throughput above 0"
            ));
        }
        let step =
            |(at, (load, throughput))| Step { load, throughput, stretch: at * STRETCHES / all };
        let mut steps: Vec<Step> = pairs.enumerate().map(step).collect();
        // Steps of one load stay in the order of time: by throughput, the low ones would all go
        // into the one bin and the high ones into the next.
        steps.sort_by(|a, b| a.load.total_cmp(&b.load));
        let bins = Self { steps, count };
        let (first, last) = (bins.load(0), bins.load(count - 1));
        if last >= RATIO_MIN * first {
            return Ok(bins);
        }
        Err(format!(
            "its load varies too little: the busiest of {count} bins has less than {RATIO_MIN} \
             times the load of the quietest"
        ))
    }

    /// The median load and the median throughput of each bin.
    pub(super) fn medians(&self) -> Vec<LoadSample> {
        let point = |bin| LoadSample {
            load: self.load(bin),
            throughput: median_of(self.bin(bin).iter().map(|step| step.throughput)),
        };
        (0..self.count).map(point).collect()
    }

    /// For each stretch of time, by how much the throughput of each bin, held beside a law, changes
    /// where that stretch is left out.
    pub(super) fn without_stretches(&self, law: &ScalabilityLaw) -> Vec<Vec<f64>> {
        let mut changes = vec![vec![0.0; self.count]; STRETCHES];
        for bin in 0..self.count {
            let off = |step: &Step| (step.throughput - law.throughput(step.load), step.stretch);
            let off: Vec<(f64, usize)> = self.bin(bin).iter().map(off).collect();
            let whole = median_of(off.iter().map(|(value, _)| *value));
            for (stretch, changes) in changes.iter_mut().enumerate() {
                let left = off.iter().filter(|(_, at)| *at != stretch).map(|(value, _)| *value);
                let median = median_of(left);
                // A bin that is all of one stretch says nothing without it.
                changes[bin] = if median.is_finite() { median - whole } else { 0.0 };
            }
        }
        changes
    }

    fn bin(&self, bin: usize) -> &[Step] {
        let edge = |bin: usize| bin * self.steps.len() / self.count;
        &self.steps[edge(bin)..edge(bin + 1)]
    }

    fn load(&self, bin: usize) -> f64 {
        median_of(self.bin(bin).iter().map(|step| step.load))
    }
}

fn median_of(values: impl Iterator<Item = f64>) -> f64 {
    median(&mut values.collect::<Vec<f64>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn medians(pairs: impl Iterator<Item = (f64, f64)>) -> Vec<LoadSample> {
        Bins::of(pairs.collect::<Vec<_>>().into_iter()).unwrap().medians()
    }

    #[test]
    fn bins_hold_equal_counts_in_the_order_of_load() {
        // Loads 1 to 240 from high to low; throughput is ten times the load.
        let found = medians((1..=240).rev().map(|load| (f64::from(load), 10.0 * f64::from(load))));
        assert_eq!(found.len(), 24);
        for (bin, point) in (0..).zip(&found) {
            let middle = 10.0 * f64::from(bin) + 5.5;
            assert_eq!((point.load, point.throughput), (middle, 10.0 * middle));
        }
        assert_eq!(medians((1..=100).map(|load| (f64::from(load), 1.0))).len(), 12);
    }

    #[test]
    fn bursts_move_no_median() {
        let step = |at: u32| {
            let load = f64::from(1 + at % 50);
            // One in ten steps is an outage.
            (load, if at % 10 == 3 { 0.01 } else { load })
        };
        for point in medians((0..5_000).map(step)) {
            assert!((point.throughput - point.load).abs() <= 1.0, "{point:?}");
        }
    }

    #[test]
    fn steps_of_one_load_are_parted_by_time_and_not_by_throughput() {
        // Two loads; throughput goes round 4 to 10 with time.
        let step = |at: u32| (if at < 240 { 1.0 } else { 2.0 }, f64::from(4 + (at * 5) % 7));
        for point in medians((0..480).map(step)) {
            assert!((6.0..=8.0).contains(&point.throughput), "{point:?}");
        }
    }

    #[test]
    fn a_stretch_that_is_left_out_moves_the_bins_that_it_is_in() {
        // Throughput is the load, evenly scattered; in the third stretch, of 50 steps, 5 more.
        let step = |at: usize| {
            let load = (1 + at % 25) as f64;
            let off = ((at * 37) % 101) as f64 / 100.0 - 0.5;
            (load, load + if (100..150).contains(&at) { 5.0 } else { off })
        };
        let pairs: Vec<(f64, f64)> = (0..1_000).map(step).collect();
        let law = ScalabilityLaw::new(1.0, 0.0, 0.0).unwrap();
        let changes = Bins::of(pairs.into_iter()).unwrap().without_stretches(&law);
        assert_eq!((changes.len(), changes[0].len()), (STRETCHES, 24));
        let sum = |stretch: usize| changes[stretch].iter().sum::<f64>();
        let least = (0..STRETCHES).min_by(|a, b| sum(*a).total_cmp(&sum(*b)));
        assert!(least == Some(2) && sum(2) < -0.5, "{least:?} {}", sum(2));
        assert!(changes[2].iter().all(|change| *change <= 0.0), "{:?}", changes[2]);
    }

    #[test]
    fn too_few_steps_and_too_even_loads_are_told() {
        let few = Bins::of(vec![(1.0, 1.0); 63].into_iter()).unwrap_err();
        assert_eq!(few, "fewer than 64 steps have both a load and a throughput above 0");
        let even =
            |most: f64| Bins::of((0..640).map(|at| (if at < 320 { 1.0 } else { most }, 1.0)));
        assert!(even(1.49).unwrap_err().contains("less than 1.5 times the load"));
        assert!(even(1.5).is_ok());
    }
}
