//! How long answers took.

use crate::kernel::{median, quantile};

/// The times of several runs in short, in their unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Latency {
    /// Half of the runs took no longer.
    pub median: f64,
    /// All but one run of twenty took no longer, interpolated.
    pub p95: f64,
}

impl Latency {
    /// NaN where there was no run.
    pub fn of(runs: &[f64]) -> Self {
        let mut runs = runs.to_vec();
        Self { median: median(&mut runs), p95: quantile(&mut runs, 0.95) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_and_the_slow_end() {
        let runs: Vec<f64> = (0..=20).rev().map(f64::from).collect();
        assert_eq!(Latency::of(&runs), Latency { median: 10.0, p95: 19.0 });
        assert!(Latency::of(&[]).median.is_nan());
    }
}
