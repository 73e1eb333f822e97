//! A service level objective and its error budget.

use crate::error::{Error, Result};

/// The share of time, over a period, in which all is to be well. The rest is the error budget.
///
/// ```
/// use plimsoll::capacity::budget::Slo;
/// // capacity.md, 2.12: 99.9% of 30 days leave 43.2 minutes.
/// let slo = Slo::new(0.999, 30.0)?;
/// assert!((slo.budget_minutes() - 43.2).abs() < 1e-9);
/// // 14.4 times as fast for an hour spends 2% of it.
/// assert!((slo.spent(14.4, 1.0) - 0.02).abs() < 1e-12);
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slo {
    /// The share that may be bad: kept, since `1 - objective` loses digits of many nines.
    bad: f64,
    period_days: f64,
}

impl Slo {
    /// An objective such as 0.999, over a period in days.
    ///
    /// # Errors
    ///
    /// Unless the objective lies between 0 and 1, and the period is above 0.
    pub fn new(objective: f64, period_days: f64) -> Result<Self> {
        // A share of few digits stays one: 1 - 0.999 is 0.0010000000000000009.
        let bad = ((1.0 - objective) * 1e15).round() / 1e15;
        if !(objective < 1.0 && bad < 1.0) {
            return Err(Error::invalid(format!(
                "an objective of {objective}: give a share between 0 and 1, as 0.999; 1 leaves no \
                 budget, and no plan keeps it"
            )));
        }
        Self::of_bad(bad, period_days)
    }

    /// So many nines: 3 are 99.9%.
    ///
    /// # Errors
    ///
    /// Unless there are 1 to 15, and the period is above 0.
    pub fn nines(nines: u32, period_days: f64) -> Result<Self> {
        if !(1..=15).contains(&nines) {
            return Err(Error::invalid(format!("{nines} nines: give 1 to 15")));
        }
        Self::of_bad(1.0 / 10_f64.powi(nines as i32), period_days)
    }

    fn of_bad(bad: f64, period_days: f64) -> Result<Self> {
        if !(bad > 0.0 && period_days.is_finite() && period_days > 0.0) {
            let what = format!("a budget of {bad} of {period_days} days: both are above 0");
            return Err(Error::invalid(what));
        }
        Ok(Self { bad, period_days })
    }

    /// The share of time that is to be good.
    pub fn objective(&self) -> f64 {
        1.0 - self.bad
    }

    /// The share of time that may be bad.
    pub fn error_ratio(&self) -> f64 {
        self.bad
    }

    /// The period, in days.
    pub fn period_days(&self) -> f64 {
        self.period_days
    }

    /// The period, in minutes.
    pub fn period_minutes(&self) -> f64 {
        self.period_days * 1_440.0
    }

    /// The error budget: the minutes of the period that may be bad.
    pub fn budget_minutes(&self) -> f64 {
        self.bad * self.period_minutes()
    }

    /// How much faster than evenly the budget is spent, at a share of bad time (or bad requests).
    pub fn burn_rate(&self, bad_share: f64) -> f64 {
        bad_share / self.bad
    }

    /// The share of the budget that a burn rate spends in so many hours.
    pub fn spent(&self, burn_rate: f64, hours: f64) -> f64 {
        burn_rate * hours / (self.period_days * 24.0)
    }

    /// The burn rate that spends a share of the budget in so many hours.
    pub fn burn_for(&self, spent: f64, hours: f64) -> f64 {
        spent * (self.period_days * 24.0) / hours
    }

    /// The hours until a burn rate has spent a whole budget; `None` at 0.
    pub fn hours_to_spend(&self, burn_rate: f64) -> Option<f64> {
        (burn_rate > 0.0).then(|| self.period_days * 24.0 / burn_rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_arithmetic() {
        // capacity.md, 2.12 (SRE workbook).
        let slo = Slo::new(0.999, 30.0).unwrap();
        assert!((slo.budget_minutes() / 43.2 - 1.0).abs() < 1e-12);
        for (burn, hours, share) in [(14.4, 1.0, 0.02), (6.0, 6.0, 0.05), (1.0, 72.0, 0.1)] {
            assert!((slo.spent(burn, hours) / share - 1.0).abs() < 1e-12, "{burn}");
            assert!((slo.burn_for(share, hours) / burn - 1.0).abs() < 1e-12, "{burn}");
        }
        assert_eq!(slo.hours_to_spend(1.0), Some(720.0));
        assert_eq!(slo.hours_to_spend(0.0), None);
        assert!((slo.burn_rate(1.0) - 1_000.0).abs() < 1e-9, "all is down");
    }

    #[test]
    fn nines_keep_their_digits() {
        for (nines, objective) in
            [(1, 0.9), (2, 0.99), (3, 0.999), (5, 0.999_99), (9, 0.999_999_999)]
        {
            let (named, counted) = (Slo::new(objective, 30.0), Slo::nines(nines, 30.0));
            let (named, counted) = (named.unwrap(), counted.unwrap());
            assert!((named.error_ratio() / counted.error_ratio() - 1.0).abs() < 1e-6, "{nines}");
            assert_eq!(named.objective(), objective);
        }
        assert_eq!(Slo::new(0.999, 30.0).unwrap(), Slo::nines(3, 30.0).unwrap());
    }

    #[test]
    fn what_is_no_objective_is_refused() {
        for objective in [0.0, 1.0, -0.1, 1.1, 99.9, f64::NAN, 1.0 - f64::EPSILON / 2.0] {
            assert!(Slo::new(objective, 30.0).is_err(), "{objective}");
        }
        assert!(Slo::new(0.9, 0.0).is_err() && Slo::new(0.9, f64::INFINITY).is_err());
        assert!(Slo::nines(0, 30.0).is_err() && Slo::nines(16, 30.0).is_err());
    }
}
