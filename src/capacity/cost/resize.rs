//! What smaller requests would save a month, if the window they were seen in is like the month.

use super::power::HOURS_PER_MONTH;
use crate::error::{Error, Result};

/// A container's run within the window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ContainerRun {
    /// What it requested, in units.
    pub requested: f64,
    /// The most it used, in units.
    pub peak_used: f64,
    /// How long it ran, in hours.
    pub hours: f64,
}

/// What each controller would save a month, where all its containers request what its greatest used
/// by the target utilisation; negative where they ask for too little today.
///
/// Unit-hours saved in the window, times `730 / window_hours` (Kubecost). It is a saving on paper:
/// the capacity becomes idle unless a host leaves, which [`WholeHosts`](super::WholeHosts) says.
///
/// # Errors
///
/// Unless price and amounts are 0 or more, the window above 0, the target within (0, 1], and no run
/// longer than the window.
///
/// ```
/// use plimsoll::capacity::cost::{ContainerRun, resize_savings_per_month};
/// let run = |peak_used| ContainerRun { requested: 3.0, peak_used, hours: 0.25 };
/// // Kubecost's example: 7 a core-hour, seen for 45 minutes. Apart, and with one controller.
/// let apart = resize_savings_per_month(&[vec![run(1.0)], vec![run(2.0)]], 7.0, 0.75, 1.0)?;
/// assert!((apart[0] - 3_406.67).abs() < 5e-3 && (apart[1] - 1_703.33).abs() < 5e-3);
/// let shared = resize_savings_per_month(&[vec![run(1.0), run(2.0)]], 7.0, 0.75, 1.0)?;
/// assert!((shared[0] - 3_406.67).abs() < 5e-3);
/// # Ok::<(), plimsoll::Error>(())
/// ```
pub fn resize_savings_per_month(
    controllers: &[Vec<ContainerRun>],
    price_per_unit_hour: f64,
    window_hours: f64,
    target_utilization: f64,
) -> Result<Vec<f64>> {
    let positive = |number: f64| number.is_finite() && number > 0.0;
    let target = positive(target_utilization) && target_utilization <= 1.0;
    let price = price_per_unit_hour.is_finite() && price_per_unit_hour >= 0.0;
    if !(price && positive(window_hours) && target) {
        return Err(Error::invalid(format!(
            "{price_per_unit_hour} per unit-hour, a window of {window_hours} hours, a target of \
             {target_utilization}: give no negative price, a window above 0, a target up to 1"
        )));
    }
    let valid = |run: &ContainerRun| {
        let amounts = [run.requested, run.peak_used, run.hours];
        let amounts = amounts.iter().all(|amount| amount.is_finite() && *amount >= 0.0);
        amounts && run.hours <= window_hours
    };
    if let Some(bad) = controllers.iter().flatten().find(|run| !valid(run)) {
        return Err(Error::invalid(format!(
            "a run of {} hours in a window of {window_hours}: amounts are 0 or more, and no run is \
             longer than the window",
            bad.hours
        )));
    }
    let saved = |runs: &Vec<ContainerRun>| {
        let most = runs.iter().map(|run| run.peak_used).fold(0.0, f64::max);
        let advised = most / target_utilization;
        let unit_hours = runs.iter().map(|run| (run.requested - advised) * run.hours);
        unit_hours.sum::<f64>() * price_per_unit_hour * HOURS_PER_MONTH / window_hours
    };
    Ok(controllers.iter().map(saved).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(requested: f64, peak_used: f64, hours: f64) -> ContainerRun {
        ContainerRun { requested, peak_used, hours }
    }

    #[test]
    fn the_published_savings() {
        // capacity.md, 2.10: two pods of 15 minutes in a window of 45.
        let (one, two) = (run(3.0, 1.0, 0.25), run(3.0, 2.0, 0.25));
        let apart = resize_savings_per_month(&[vec![one], vec![two]], 7.0, 0.75, 1.0).unwrap();
        for (found, printed) in apart.iter().zip([3_406.67, 1_703.33]) {
            assert!((found - printed).abs() < 5e-3, "{found}");
        }
        assert!((apart.iter().sum::<f64>() - 5_110.00).abs() < 5e-3);
        let shared = resize_savings_per_month(&[vec![one, two]], 7.0, 0.75, 1.0).unwrap();
        assert!((shared[0] - 3_406.67).abs() < 5e-3);
    }

    #[test]
    fn a_request_that_is_too_small_costs() {
        let savings = resize_savings_per_month(&[vec![run(1.0, 1.6, 730.0)]], 1.0, 730.0, 0.8);
        assert!((savings.unwrap()[0] + 730.0).abs() < 1e-9, "2 - 1 units, a month long");
        assert_eq!(resize_savings_per_month(&[vec![]], 1.0, 1.0, 1.0).unwrap(), [0.0]);
    }

    #[test]
    fn what_is_no_run_is_refused() {
        let good = [vec![run(1.0, 1.0, 1.0)]];
        for (price, window, target) in [(-1.0, 1.0, 1.0), (1.0, 0.0, 1.0), (1.0, 1.0, 1.1)] {
            assert!(resize_savings_per_month(&good, price, window, target).is_err());
        }
        for bad in [run(-1.0, 0.0, 0.0), run(1.0, 1.0, 2.0), run(1.0, f64::NAN, 0.5)] {
            assert!(resize_savings_per_month(&[vec![bad]], 1.0, 1.0, 1.0).is_err());
        }
    }
}
