//! How much of a host is free to be promised again: predictors of its peak, and the oracle.

use super::coincidence::quantile_of;
use super::expect_level;
use crate::error::{Error, Result};
use crate::kernel::total;

/// Samples that the standard deviation of a machine takes at least.
const SAMPLES_MIN: usize = 2;

/// A task: what it was promised and what it used, a value per step, in one unit; a gap is NaN.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Task<'a> {
    /// Its name, for errors.
    pub name: &'a str,
    /// What it was promised.
    pub limit: f64,
    /// What it used.
    pub usage: &'a [f64],
}

/// The predictors of a machine's peak that Borg's simulator compares (Bashir and others 2021,
/// `cluster-resource-forecast`), and their settings.
///
/// ```
/// use plimsoll::capacity::sharing::{Overcommit, Task};
/// // capacity.md, 2.11.
/// let tasks = [
///     Task { name: "A", limit: 4.0, usage: &[1.0, 2.0, 3.0, 2.0, 1.0, 0.0] },
///     Task { name: "B", limit: 4.0, usage: &[3.0, 2.0, 1.0, 0.0, 1.0, 2.0] },
/// ];
/// let settings = Overcommit { percentile: 0.8, sigmas: 2.0, ..Overcommit::default() };
/// let predicted = settings.predict(&tasks)?;
/// assert_eq!((predicted.limits, predicted.rc_like), (8.0, 4.0));
/// assert!((predicted.n_sigma / 5.190_890 - 1.0).abs() < 1e-6);
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Overcommit {
    /// The share of all limits that `borg-default` takes for the peak. Default: 0.9.
    pub phi: f64,
    /// The quantile of each task's use that the RC-like predictor adds up. Default: 0.99.
    pub percentile: f64,
    /// The standard deviations above the mean that N-sigma takes. Default: 5.
    pub sigmas: f64,
    /// Samples below which a task is cold: it counts its limit. Default, and at least: 2.
    pub warm_samples: usize,
}

impl Default for Overcommit {
    fn default() -> Self {
        Self { phi: 0.9, percentile: 0.99, sigmas: 5.0, warm_samples: SAMPLES_MIN }
    }
}

/// What each predictor says that a machine will need at its peak, in the unit of its tasks.
#[derive(Debug, Clone, PartialEq)]
pub struct Predicted {
    /// The sum of all limits: no overcommitment.
    pub limits: f64,
    /// `phi` of that.
    pub borg_default: f64,
    /// The sum of the warm tasks' own percentiles, and the limits of the cold ones.
    pub rc_like: f64,
    /// Mean and deviations of the share of the warm tasks' limits that they use together, at most
    /// all of it; and the limits of the cold ones. All limits, where fewer than two steps are
    /// complete.
    pub n_sigma: f64,
    /// The greatest of the three.
    pub max: f64,
    /// The places of the tasks that are cold.
    pub cold: Vec<usize>,
}

impl Overcommit {
    /// What the predictors say of a machine with these tasks.
    ///
    /// # Errors
    ///
    /// Without a task; where a limit is not positive, tasks have other time axes, a value is
    /// infinite, or a setting makes no sense.
    pub fn predict(&self, tasks: &[Task<'_>]) -> Result<Predicted> {
        self.check()?;
        let Some(steps) = tasks.first().map(|task| task.usage.len()) else {
            return Err(Error::invalid("a machine without tasks has no peak to predict"));
        };
        tasks.iter().try_for_each(|task| task.check(steps))?;
        let warm_samples = self.warm_samples.max(SAMPLES_MIN) as u64;
        let is_cold = |task: &Task<'_>| total(task.usage).count < warm_samples;
        let (mut warm, mut cold) = (Vec::new(), Vec::new());
        for (at, task) in tasks.iter().enumerate() {
            if is_cold(task) { cold.push(at) } else { warm.push(*task) }
        }
        let limits: f64 = tasks.iter().map(|task| task.limit).sum();
        let cold_limits: f64 = cold.iter().map(|at| tasks[*at].limit).sum();
        let borg_default = self.phi * limits;
        let mut scratch = Vec::new();
        let own = |task: &Task<'_>| quantile_of(task.usage, self.percentile, &mut scratch);
        let rc_like = warm.iter().map(own).sum::<f64>() + cold_limits;
        let n_sigma = self.n_sigma(&warm, steps) + cold_limits;
        let max = borg_default.max(rc_like).max(n_sigma);
        Ok(Predicted { limits, borg_default, rc_like, n_sigma, max, cold })
    }

    fn n_sigma(&self, warm: &[Task<'_>], steps: usize) -> f64 {
        let limits: f64 = warm.iter().map(|task| task.limit).sum();
        let use_at = |step: usize| warm.iter().map(|task| task.usage[step]).sum::<f64>() / limits;
        let shares: Vec<f64> = (0..steps).map(use_at).filter(|share| !share.is_nan()).collect();
        if shares.len() < SAMPLES_MIN {
            return limits;
        }
        let count = shares.len() as f64;
        let mean = shares.iter().sum::<f64>() / count;
        let squares: f64 = shares.iter().map(|share| (share - mean).powi(2)).sum();
        let deviation = (squares / (count - 1.0)).sqrt();
        (mean + self.sigmas * deviation).min(1.0) * limits
    }

    fn check(&self) -> Result<()> {
        expect_level(self.percentile)?;
        let is_share = self.phi > 0.0 && self.phi <= 1.0;
        if !(is_share && self.sigmas >= 0.0 && self.sigmas.is_finite()) {
            return Err(Error::invalid(format!(
                "phi is a share above 0, up to 1, and sigmas are 0 or more; not {} and {}",
                self.phi, self.sigmas
            )));
        }
        Ok(())
    }
}

impl Task<'_> {
    fn check(&self, steps: usize) -> Result<()> {
        let name = self.name;
        if !(self.limit > 0.0 && self.limit.is_finite()) {
            let limit = self.limit;
            return Err(Error::invalid(format!("{name}: a limit is above 0, not {limit}")));
        }
        if self.usage.len() != steps {
            let found = self.usage.len();
            return Err(Error::invalid(format!(
                "{name} has {found} steps beside tasks of {steps}: all take the same time axis"
            )));
        }
        if self.usage.iter().any(|value| value.is_infinite()) {
            return Err(Error::invalid(format!("{name} has an infinite value: leave it out")));
        }
        Ok(())
    }
}

/// The oracle: at each step the quantile of the machine's total over the next `horizon` steps, its
/// own among them, which no predictor can know and each should reach. Cut short at the end; NaN
/// where no total is known.
///
/// ```
/// use plimsoll::capacity::sharing::future_peaks;
/// assert_eq!(future_peaks(&[4.0, 1.0, 3.0], 2, 1.0)?, [4.0, 3.0, 3.0]);
/// # Ok::<(), plimsoll::Error>(())
/// ```
///
/// # Errors
///
/// Without a step to look ahead, and unless the quantile is above 0, up to 1.
pub fn future_peaks(totals: &[f64], horizon: usize, level: f64) -> Result<Vec<f64>> {
    expect_level(level)?;
    if horizon == 0 {
        return Err(Error::invalid("the oracle looks at least one step ahead"));
    }
    let mut scratch = Vec::new();
    let ahead = |step: usize| {
        let end = step.saturating_add(horizon).min(totals.len());
        quantile_of(&totals[step..end], level, &mut scratch)
    };
    Ok((0..totals.len()).map(ahead).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: [f64; 6] = [1.0, 2.0, 3.0, 2.0, 1.0, 0.0];
    const B: [f64; 6] = [3.0, 2.0, 1.0, 0.0, 1.0, 2.0];

    fn task<'a>(name: &'a str, limit: f64, usage: &'a [f64]) -> Task<'a> {
        Task { name, limit, usage }
    }

    #[test]
    fn the_worked_example() {
        // capacity.md, 2.11: limits 4 and 4, N-sigma(2), RC p80; the oracle's peak is 4.
        let settings = Overcommit { percentile: 0.8, sigmas: 2.0, ..Overcommit::default() };
        let found = settings.predict(&[task("A", 4.0, &A), task("B", 4.0, &B)]).unwrap();
        assert_eq!((found.limits, found.rc_like, found.cold.len()), (8.0, 4.0, 0));
        assert!((found.borg_default - 7.2).abs() < 1e-12);
        assert!((found.n_sigma / 5.190_890 - 1.0).abs() < 1e-6, "{}", found.n_sigma);
        assert_eq!(found.max, found.borg_default);
        let totals: Vec<f64> = A.iter().zip(B).map(|(a, b)| a + b).collect();
        assert_eq!(future_peaks(&totals, 6, 1.0).unwrap()[0], 4.0);
        assert_eq!(future_peaks(&totals, 2, 1.0).unwrap(), [4.0, 4.0, 4.0, 2.0, 2.0, 2.0]);
    }

    #[test]
    fn a_cold_task_counts_its_limit() {
        let settings = Overcommit { percentile: 1.0, sigmas: 0.0, ..Overcommit::default() };
        let cold = [f64::NAN, f64::NAN, f64::NAN, f64::NAN, f64::NAN, 9.0];
        let found = settings.predict(&[task("A", 4.0, &A), task("C", 10.0, &cold)]).unwrap();
        assert_eq!(found.cold, [1]);
        assert_eq!((found.rc_like, found.n_sigma), (3.0 + 10.0, 1.5 + 10.0));
        // All of them cold, and warm ones of which no two steps are known together.
        let alone = settings.predict(&[task("C", 10.0, &cold)]).unwrap();
        assert_eq!((alone.rc_like, alone.n_sigma), (10.0, 10.0));
        let (even, odd) = ([1.0, f64::NAN, 1.0, f64::NAN], [f64::NAN, 1.0, f64::NAN, 1.0]);
        let apart = settings.predict(&[task("E", 2.0, &even), task("O", 3.0, &odd)]).unwrap();
        assert_eq!((apart.n_sigma, apart.rc_like), (5.0, 2.0));
    }

    #[test]
    fn n_sigma_promises_at_most_all_limits() {
        let settings = Overcommit { sigmas: 100.0, ..Overcommit::default() };
        assert_eq!(settings.predict(&[task("A", 4.0, &A)]).unwrap().n_sigma, 4.0);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let ok = Overcommit::default();
        assert!(ok.predict(&[]).is_err());
        for tasks in [
            [task("A", 0.0, &A), task("B", 1.0, &B)],
            [task("A", 1.0, &A), task("B", 1.0, &B[1..])],
            [task("A", 1.0, &[f64::INFINITY]), task("B", 1.0, &[1.0])],
        ] {
            assert!(ok.predict(&tasks).is_err());
        }
        for bad in [
            Overcommit { phi: 1.5, ..ok },
            Overcommit { sigmas: f64::NAN, ..ok },
            Overcommit { percentile: 0.0, ..ok },
        ] {
            assert!(bad.predict(&[task("A", 4.0, &A)]).is_err());
        }
        assert!(future_peaks(&[1.0], 0, 1.0).is_err() && future_peaks(&[1.0], 1, 2.0).is_err());
    }
}
