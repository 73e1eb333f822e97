//! How many hosts are up: failures that come and are mended, each host on its own.

use crate::error::{Error, Result};
use crate::model::limits::BUDGET_HOSTS_MAX;

/// Terms this much smaller than the greatest make no difference to a sum in an f64.
const NEGLIGIBLE: f64 = 1e-30;

/// How long a host runs and how long it then is away.
///
/// ```
/// use plimsoll::capacity::budget::{Availability, minutes_below};
/// let host = Availability::new(990.0, 10.0)?;
/// assert_eq!(host.up(), 0.99);
/// // Two of two are needed: one or both are down in 1 - 0.99^2 of the time.
/// let minutes = minutes_below(2, 2, host, 43_200.0)?;
/// assert!((minutes - 43_200.0 * 0.0199).abs() < 1e-6);
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Availability {
    up: f64,
    down: f64,
}

impl Availability {
    /// From the mean time between failures (from mended to the next) and the mean time to repair.
    ///
    /// # Errors
    ///
    /// Unless the first is above 0 and the second 0 or more, both finite.
    pub fn new(mtbf_hours: f64, mttr_hours: f64) -> Result<Self> {
        let finite = mtbf_hours.is_finite() && mttr_hours.is_finite();
        if !(finite && mtbf_hours > 0.0 && mttr_hours >= 0.0) {
            return Err(Error::invalid(format!(
                "{mtbf_hours} hours between failures, {mttr_hours} to repair: give more than 0, \
                 and 0 or more"
            )));
        }
        let both = mtbf_hours + mttr_hours;
        Ok(Self { up: mtbf_hours / both, down: mttr_hours / both })
    }

    /// A host that never fails.
    pub fn always() -> Self {
        Self { up: 1.0, down: 0.0 }
    }

    /// The share of time that a host is up.
    pub fn up(&self) -> f64 {
        self.up
    }

    /// The mean of `of`, a number of 0 or more, over how many of `hosts` are up (binomial).
    ///
    /// Each probability follows from its neighbour, from the likeliest outwards, and the sum of all
    /// makes them 1: no factorial overflows, and small ones keep their digits.
    pub(super) fn mean_over_up(&self, hosts: u64, of: impl Fn(u64) -> f64) -> f64 {
        if self.down == 0.0 {
            return of(hosts);
        }
        let likeliest = (((hosts + 1) as f64 * self.up) as u64).min(hosts);
        let odds = self.up / self.down;
        let (mut weights, mut sum) = (1.0, of(likeliest));
        let (mut weight, mut up) = (1.0, likeliest);
        while up < hosts && weight > NEGLIGIBLE {
            weight *= (hosts - up) as f64 / (up + 1) as f64 * odds;
            up += 1;
            weights += weight;
            sum += weight * of(up);
        }
        (weight, up) = (1.0, likeliest);
        while up > 0 && weight > NEGLIGIBLE {
            weight *= up as f64 / (hosts - up + 1) as f64 / odds;
            up -= 1;
            weights += weight;
            sum += weight * of(up);
        }
        sum / weights
    }
}

/// Refuses more hosts than are summed over.
pub(super) fn check_hosts(hosts: u64) -> Result<()> {
    if hosts > BUDGET_HOSTS_MAX {
        return Err(Error::Limit {
            what: "the number of hosts of a budget's plan",
            value: hosts,
            limit: BUDGET_HOSTS_MAX,
            remedy: "plan for a part of the fleet",
        });
    }
    Ok(())
}

/// The minutes, of `minutes`, in which fewer than `needed` of `hosts` are expected to be up.
///
/// Hosts fail on their own here: a rack, a power feed or a bad release that takes several is not in
/// this number.
///
/// # Errors
///
/// Beyond [`BUDGET_HOSTS_MAX`] hosts.
pub fn minutes_below(hosts: u64, needed: u64, host: Availability, minutes: f64) -> Result<f64> {
    check_hosts(hosts)?;
    Ok(minutes * host.mean_over_up(hosts, |up| if up < needed { 1.0 } else { 0.0 }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn below(hosts: u64, needed: u64, host: Availability, minutes: f64) -> f64 {
        minutes_below(hosts, needed, host, minutes).unwrap()
    }

    #[test]
    fn two_of_three_and_k_of_n_by_hand() {
        // Two of three at 0.9: 1 - (0.9^3 + 3 * 0.9^2 * 0.1) = 0.028 (textbook reliability).
        let host = Availability::new(9.0, 1.0).unwrap();
        assert!((below(3, 2, host, 1.0) - 0.028).abs() < 1e-12);
        assert!((below(3, 1, host, 1.0) - 0.001).abs() < 1e-15, "all three are down");
        assert_eq!(below(3, 0, host, 1.0), 0.0);
        assert_eq!(below(3, 4, host, 1.0), 1.0);
        assert_eq!(below(0, 1, host, 60.0), 60.0);
        assert_eq!(below(5, 5, Availability::always(), 60.0), 0.0);
    }

    #[test]
    fn large_fleets_neither_overflow_nor_lose_small_chances() {
        let host = Availability::new(999.0, 1.0).unwrap();
        let most = below(100_000, 99_900, host, 1.0);
        // 100 are down on average, by the normal law (with the half step) 0.4801.
        assert!((most - 0.48).abs() < 0.01, "{most}");
        let rare = below(10, 5, host, 1.0);
        // Six or more of ten are down: C(10, 6) 1e-18, nearly.
        assert!((rare / (210.0e-18 * 0.999_f64.powi(4)) - 1.0).abs() < 1e-3, "{rare}");
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for (mtbf, mttr) in [(0.0, 1.0), (-1.0, 1.0), (1.0, -1.0), (f64::INFINITY, 1.0)] {
            assert!(Availability::new(mtbf, mttr).is_err());
        }
    }

    proptest! {
        /// Against the sum over all patterns of hosts that are up.
        #[test]
        fn the_binomial_is_that_of_all_patterns(
            hosts in 0_u32..11,
            needed in 0_u32..12,
            mttr in 0.01_f64..20.0,
        ) {
            let host = Availability::new(10.0, mttr).unwrap();
            let naive: f64 = (0_u32..1 << hosts).filter(|up| up.count_ones() < needed).map(|up| {
                let up = up.count_ones() as i32;
                host.up.powi(up) * host.down.powi(hosts as i32 - up)
            }).sum();
            let found = below(hosts.into(), needed.into(), host, 1.0);
            prop_assert!((found - naive).abs() < 1e-12, "{} {}", found, naive);
        }
    }

    #[test]
    fn more_hosts_than_anybody_has_are_refused() {
        let host = Availability::new(999.0, 1.0).unwrap();
        for hosts in [u64::MAX, 10_000_000_000_000_000, BUDGET_HOSTS_MAX + 1] {
            assert!(minutes_below(hosts, 1, host, 1.0).is_err(), "{hosts}");
        }
        assert!(minutes_below(BUDGET_HOSTS_MAX, 1, host, 1.0).is_ok());
    }
}
