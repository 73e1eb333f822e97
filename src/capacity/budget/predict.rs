//! The minutes that a number of hosts is expected to be too few.

use super::failure::Availability;
use crate::capacity::order::Demand;
use crate::error::{Error, Result};

/// What will be asked for over a period: for each of its parts (the hours of a week, or the whole)
/// the distribution of demand, and the part's weight.
#[derive(Debug, Clone, PartialEq)]
pub struct DemandProfile {
    /// Parts and their shares, which add up to 1.
    parts: Vec<(Demand, f64)>,
}

/// A kind of host: what of it may be used, what it costs, and how it fails.
#[derive(Debug, Clone, PartialEq)]
pub struct HostShape {
    /// Its name.
    pub name: String,
    /// What may be used of it, in the demand's unit: its limit less the margin.
    pub capacity: f64,
    /// What it costs a month.
    pub price_per_month: f64,
    /// How it fails.
    pub availability: Availability,
}

impl DemandProfile {
    /// The same all the time.
    pub fn constant(demand: Demand) -> Self {
        Self { parts: vec![(demand, 1.0)] }
    }

    /// Parts with their lengths, in any unit.
    ///
    /// # Errors
    ///
    /// Without parts, and unless every length is above 0.
    pub fn new(parts: Vec<(Demand, f64)>) -> Result<Self> {
        let all: f64 = parts.iter().map(|(_, length)| length).sum();
        let valid = parts.iter().all(|(_, length)| length.is_finite() && *length > 0.0);
        if parts.is_empty() || !valid || !all.is_finite() {
            return Err(Error::invalid("a profile of demand: give parts, each longer than 0"));
        }
        let shared = parts.into_iter().map(|(demand, length)| (demand, length / all));
        Ok(Self { parts: shared.collect() })
    }

    /// The share of time in which more than `line` is asked for.
    ///
    /// ```
    /// use plimsoll::capacity::budget::DemandProfile;
    /// use plimsoll::capacity::order::Demand;
    /// let (day, night) = (Demand::normal(80.0, 10.0)?, Demand::normal(20.0, 5.0)?);
    /// let profile = DemandProfile::new(vec![(day, 12.0), (night, 12.0)])?;
    /// // 90 is one deviation above the day's mean: 15.87% of half the time.
    /// assert!((profile.exceeds(90.0) - 0.079_327_627).abs() < 1e-9);
    /// # Ok::<(), plimsoll::Error>(())
    /// ```
    pub fn exceeds(&self, line: f64) -> f64 {
        self.parts.iter().map(|(demand, share)| share * demand.exceeds(line)).sum()
    }

    /// The share of time in which nothing is known of how much is asked for, at most: that beyond
    /// the outermost quantiles, where demand is given by these.
    pub(super) fn share_unknown(&self) -> f64 {
        self.exceeds(f64::MAX)
    }

    /// The share of time in which more is asked for than the hosts that are up can carry.
    pub(super) fn bad_share(&self, hosts: u64, shape: &HostShape) -> f64 {
        let of = |up: u64| self.exceeds(up as f64 * shape.capacity);
        shape.availability.mean_over_up(hosts, of)
    }
}

impl HostShape {
    pub(super) fn check(&self) -> Result<()> {
        let Self { name, capacity, price_per_month, .. } = self;
        let positive = capacity.is_finite() && *capacity > 0.0;
        if !(positive && price_per_month.is_finite() && *price_per_month >= 0.0) {
            return Err(Error::invalid(format!(
                "host {name} carries {capacity} for {price_per_month} a month: give more than 0, \
                 and 0 or more"
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(availability: Availability) -> HostShape {
        HostShape { name: "h".to_owned(), capacity: 10.0, price_per_month: 1.0, availability }
    }

    #[test]
    fn demand_and_failures_are_bad_together() {
        let profile = DemandProfile::constant(Demand::normal(20.0, 0.0).unwrap());
        let host = Availability::new(9.0, 1.0).unwrap();
        // Two hosts' worth is asked for: of three, fewer than two are up in 2.8% of the time.
        assert!((profile.bad_share(3, &shape(host)) - 0.028).abs() < 1e-12);
        assert_eq!(profile.bad_share(2, &shape(Availability::always())), 0.0);
        assert_eq!(profile.bad_share(1, &shape(Availability::always())), 1.0);
        // By hand: 0.81 * P(D > 20) + 0.18 * P(D > 10) + 0.01, D = N(15, 5).
        let profile = DemandProfile::constant(Demand::normal(15.0, 5.0).unwrap());
        let by_hand = 0.81 * 0.158_655_254 + 0.18 * 0.841_344_746 + 0.01 * 0.998_650_102;
        assert!((profile.bad_share(2, &shape(host)) - by_hand).abs() < 1e-9);
    }

    #[test]
    fn a_simulation_agrees() {
        let mut random = crate::kernel::Random::new(7);
        let profile = DemandProfile::constant(Demand::normal(60.0, 12.0).unwrap());
        let host = shape(Availability::new(19.0, 1.0).unwrap());
        let draws = 200_000;
        let bad = (0..draws).filter(|_| {
            let up = (0..8).filter(|_| random.uniform() < 0.95).count() as f64;
            60.0 + 12.0 * random.normal() > 10.0 * up
        });
        let simulated = bad.count() as f64 / f64::from(draws);
        let found = profile.bad_share(8, &host);
        // Four standard errors of a share near 0.1.
        assert!((simulated - found).abs() < 4.0 * (0.09 / f64::from(draws)).sqrt(), "{found}");
    }

    #[test]
    fn what_is_no_profile_is_refused() {
        assert!(DemandProfile::new(Vec::new()).is_err());
        let demand = Demand::normal(1.0, 1.0).unwrap();
        assert!(DemandProfile::new(vec![(demand, 0.0)]).is_err());
    }
}
