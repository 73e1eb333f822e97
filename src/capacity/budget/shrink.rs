//! How far a fleet may shrink: until the budget that is left would burn too fast.

use super::failure::check_hosts;
use super::plan::fewest;
use super::predict::{DemandProfile, HostShape};
use super::slo::Slo;
use crate::error::{Error, Result};

/// When advice to shrink stops.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ShrinkPolicy {
    /// The burn rate of what is left of the budget that may be expected: 1 spends all of it by the
    /// end of the period, 0.5 leaves half.
    pub burn_rate_max: f64,
    /// How much of the period has passed, in days.
    pub elapsed_days: f64,
    /// What of the budget is spent, in minutes.
    pub spent_minutes: f64,
}

/// What is expected of a number of hosts for the rest of the period.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ShrinkStep {
    /// How many hosts.
    pub hosts: u64,
    /// The bad minutes that are expected in what is left of the period.
    pub bad_minutes: f64,
    /// The same by what is left of the budget; infinite where nothing is.
    pub burn_rate: f64,
}

/// How far a fleet may shrink, and why no further.
///
/// ```
/// use plimsoll::capacity::budget::{
///     Availability, DemandProfile, HostShape, ShrinkAdvice, ShrinkPolicy, Slo,
/// };
/// use plimsoll::capacity::order::Demand;
/// let profile = DemandProfile::constant(Demand::normal(100.0, 20.0)?);
/// let shape = HostShape {
///     name: "8 cores".to_owned(),
///     capacity: 8.0,
///     price_per_month: 250.0,
///     availability: Availability::always(),
/// };
/// let policy = ShrinkPolicy { burn_rate_max: 1.0, elapsed_days: 0.0, spent_minutes: 0.0 };
/// let advice = ShrinkAdvice::of(30, &shape, &profile, &Slo::new(0.999, 30.0)?, policy)?;
/// assert_eq!((advice.advised.hosts, advice.refused.unwrap().hosts), (21, 20));
/// assert!(advice.refused.unwrap().burn_rate > 1.0);
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ShrinkAdvice {
    /// As it is.
    pub now: ShrinkStep,
    /// As small as the policy allows; as it is, where even that burns too fast.
    pub advised: ShrinkStep,
    /// One host fewer, which the policy refuses; `None` at no hosts at all.
    pub refused: Option<ShrinkStep>,
}

impl ShrinkAdvice {
    /// How far `hosts` may shrink.
    ///
    /// # Errors
    ///
    /// Unless the policy's rate is above 0, days have passed of the period but not all, and the
    /// minutes are 0 or more; where the host's capacity or price is none; beyond
    /// [`BUDGET_HOSTS_MAX`](crate::model::limits::BUDGET_HOSTS_MAX) hosts.
    pub fn of(
        hosts: u64,
        shape: &HostShape,
        profile: &DemandProfile,
        slo: &Slo,
        policy: ShrinkPolicy,
    ) -> Result<Self> {
        policy.check(slo)?;
        check_hosts(hosts)?;
        let minutes_left = (slo.period_days() - policy.elapsed_days) * 1_440.0;
        let budget_left = (slo.budget_minutes() - policy.spent_minutes).max(0.0);
        let step = |hosts: u64| {
            let bad_minutes = profile.bad_share(hosts, shape) * minutes_left;
            let burn_rate =
                if budget_left > 0.0 { bad_minutes / budget_left } else { f64::INFINITY };
            ShrinkStep { hosts, bad_minutes, burn_rate }
        };
        // A budget that is gone allows no fewer hosts, however safe they look.
        let allowed = policy.burn_rate_max * budget_left / minutes_left;
        let fewest = if budget_left > 0.0 { fewest(shape, profile, allowed)? } else { None };
        let advised = fewest.map_or(hosts, |fewest| fewest.min(hosts));
        let refused = advised.checked_sub(1).map(step);
        Ok(Self { now: step(hosts), advised: step(advised), refused })
    }

    /// How many hosts may leave.
    pub fn leaving(&self) -> u64 {
        self.now.hosts - self.advised.hosts
    }
}

impl ShrinkPolicy {
    fn check(&self, slo: &Slo) -> Result<()> {
        let Self { burn_rate_max, elapsed_days, spent_minutes } = self;
        let rate = burn_rate_max.is_finite() && *burn_rate_max > 0.0;
        let spent = spent_minutes.is_finite() && *spent_minutes >= 0.0;
        if !(rate && spent && (0.0..slo.period_days()).contains(elapsed_days)) {
            return Err(Error::invalid(format!(
                "a burn rate of {burn_rate_max} at most, {elapsed_days} of {} days passed, \
                 {spent_minutes} minutes spent: give a rate above 0, fewer days than the period \
                 has, and no negative minutes",
                slo.period_days()
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capacity::budget::Availability;
    use crate::capacity::order::Demand;

    fn advice(hosts: u64, policy: ShrinkPolicy) -> ShrinkAdvice {
        let profile = DemandProfile::constant(Demand::normal(100.0, 20.0).unwrap());
        let shape = HostShape {
            name: "h".to_owned(),
            capacity: 8.0,
            price_per_month: 250.0,
            availability: Availability::always(),
        };
        ShrinkAdvice::of(hosts, &shape, &profile, &Slo::new(0.999, 30.0).unwrap(), policy).unwrap()
    }

    const FRESH: ShrinkPolicy =
        ShrinkPolicy { burn_rate_max: 1.0, elapsed_days: 0.0, spent_minutes: 0.0 };

    #[test]
    fn shrinking_stops_where_the_burn_would_pass_the_policy() {
        let found = advice(30, FRESH);
        assert_eq!((found.advised.hosts, found.leaving()), (21, 9));
        // 20 hosts: P(D > 160) = 0.00134990, burn rate 1.35 (see the plan's test).
        assert!((found.refused.unwrap().burn_rate - 1.349_898).abs() < 1e-5);
        assert!(found.advised.burn_rate <= 1.0 && found.now.burn_rate < found.advised.burn_rate);
        let careful = advice(30, ShrinkPolicy { burn_rate_max: 0.3, ..FRESH });
        assert_eq!(careful.advised.hosts, 22);
    }

    #[test]
    fn what_is_spent_is_no_longer_there() {
        // Half the period is left; of 43.2 minutes 40 are gone.
        let spent = ShrinkPolicy { elapsed_days: 15.0, spent_minutes: 40.0, ..FRESH };
        let found = advice(30, spent);
        assert!(found.advised.hosts > 21, "{found:?}");
        assert!(found.advised.bad_minutes <= 3.2 && found.refused.unwrap().bad_minutes > 3.2);
        // Little spent, and half the period gone: more may be risked for the rest of it.
        let saved = ShrinkPolicy { elapsed_days: 15.0, ..FRESH };
        assert!(advice(30, saved).advised.hosts < 21);
    }

    #[test]
    fn an_empty_budget_freezes_the_fleet() {
        let gone = ShrinkPolicy { elapsed_days: 10.0, spent_minutes: 50.0, ..FRESH };
        let found = advice(30, gone);
        assert_eq!((found.advised.hosts, found.leaving()), (30, 0));
        assert_eq!(found.now.burn_rate, f64::INFINITY);
    }

    #[test]
    fn too_few_already_are_kept() {
        let found = advice(15, FRESH);
        assert_eq!((found.advised.hosts, found.leaving()), (15, 0));
        assert!(found.now.burn_rate > 1.0);
        assert_eq!(advice(0, FRESH).refused, None);
    }

    #[test]
    fn what_is_no_policy_is_refused() {
        let slo = Slo::new(0.999, 30.0).unwrap();
        for policy in [
            ShrinkPolicy { burn_rate_max: 0.0, ..FRESH },
            ShrinkPolicy { elapsed_days: 30.0, ..FRESH },
            ShrinkPolicy { elapsed_days: -1.0, ..FRESH },
            ShrinkPolicy { spent_minutes: f64::NAN, ..FRESH },
        ] {
            assert!(policy.check(&slo).is_err(), "{policy:?}");
        }
    }
}
