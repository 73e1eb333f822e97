//! The cheapest number of hosts that keeps the budget.

use super::failure::check_hosts;
use super::predict::{DemandProfile, HostShape};
use super::slo::Slo;
use crate::error::{Error, Result};
use crate::model::limits::BUDGET_HOSTS_MAX;

/// What rounding may add to a share: 1 - 0.99 is a little more than 0.01.
const ROUNDING: f64 = 1e-9;

/// A number of hosts, what it costs, and what is expected to go wrong.
#[derive(Debug, Clone, PartialEq)]
pub struct BudgetPlan {
    /// The kind of host.
    pub shape: String,
    /// How many of them.
    pub hosts: u64,
    /// What they cost a month.
    pub cost_per_month: f64,
    /// The expected minutes of the period in which they are too few.
    pub bad_minutes: f64,
    /// The error budget, in minutes of the period.
    pub budget_minutes: f64,
}

impl BudgetPlan {
    /// What is expected of so many hosts.
    ///
    /// # Errors
    ///
    /// Where the host's capacity or price is none; beyond [`BUDGET_HOSTS_MAX`].
    pub fn of(hosts: u64, shape: &HostShape, profile: &DemandProfile, slo: &Slo) -> Result<Self> {
        shape.check()?;
        check_hosts(hosts)?;
        Ok(Self {
            shape: shape.name.clone(),
            hosts,
            cost_per_month: hosts as f64 * shape.price_per_month,
            bad_minutes: profile.bad_share(hosts, shape) * slo.period_minutes(),
            budget_minutes: slo.budget_minutes(),
        })
    }

    /// Whether the expected minutes are within the budget.
    pub fn keeps(&self) -> bool {
        self.bad_minutes <= self.budget_minutes * (1.0 + ROUNDING)
    }

    /// The burn rate that is to be expected: 1 spends the budget evenly.
    pub fn burn_rate(&self) -> f64 {
        self.bad_minutes / self.budget_minutes
    }
}

/// The cheapest plan that keeps the budget, over all kinds of host; of equally cheap ones the one
/// with the fewest bad minutes.
///
/// Of one kind it is the smallest number, for each further host costs, and makes no minute bad.
///
/// # Errors
///
/// Without a kind of host, or where one is none; where no number up to [`BUDGET_HOSTS_MAX`] keeps
/// it.
///
/// ```
/// use plimsoll::capacity::budget::{Availability, DemandProfile, HostShape, Slo, cheapest};
/// use plimsoll::capacity::order::Demand;
/// let profile = DemandProfile::constant(Demand::normal(100.0, 20.0)?);
/// let shape = HostShape {
///     name: "8 cores".to_owned(),
///     capacity: 8.0,
///     price_per_month: 250.0,
///     availability: Availability::new(2_000.0, 10.0)?,
/// };
/// let plan = cheapest(&[shape], &profile, &Slo::new(0.999, 30.0)?)?;
/// assert_eq!((plan.hosts, plan.cost_per_month), (21, 5_250.0));
/// assert!(plan.bad_minutes <= 43.2);
/// # Ok::<(), plimsoll::Error>(())
/// ```
pub fn cheapest(shapes: &[HostShape], profile: &DemandProfile, slo: &Slo) -> Result<BudgetPlan> {
    if shapes.is_empty() {
        return Err(Error::invalid("the cheapest plan is asked of no kind of host: give one"));
    }
    let mut plans = Vec::with_capacity(shapes.len());
    for shape in shapes {
        if let Some(hosts) = fewest(shape, profile, slo.error_ratio())? {
            plans.push(BudgetPlan::of(hosts, shape, profile, slo)?);
        }
    }
    let by_cost = |a: &BudgetPlan, b: &BudgetPlan| {
        let cost = a.cost_per_month.total_cmp(&b.cost_per_month);
        cost.then(a.bad_minutes.total_cmp(&b.bad_minutes))
    };
    plans.into_iter().min_by(by_cost).ok_or_else(|| {
        let why = if profile.share_unknown() > slo.error_ratio() {
            "the demand's outermost quantile may lie too low"
        } else {
            "so much demand takes larger hosts, or hosts that fail less"
        };
        Error::not_enough_data(format!(
            "no number of hosts up to {BUDGET_HOSTS_MAX} is known to keep {} bad minutes; {why}",
            slo.budget_minutes()
        ))
    })
}

/// The smallest number of hosts whose share of bad time is at most `bad`.
pub(super) fn fewest(shape: &HostShape, profile: &DemandProfile, bad: f64) -> Result<Option<u64>> {
    shape.check()?;
    let keeps = |hosts: u64| profile.bad_share(hosts, shape) <= bad * (1.0 + ROUNDING);
    let mut high = 1;
    while !keeps(high) {
        if high == BUDGET_HOSTS_MAX {
            return Ok(None);
        }
        high = (high * 2).min(BUDGET_HOSTS_MAX);
    }
    // What keeps it is kept with more: the share falls with the number.
    let (mut low, mut enough) = (0, high);
    while low < enough {
        let middle = u64::midpoint(low, enough);
        if keeps(middle) { enough = middle } else { low = middle + 1 }
    }
    Ok(Some(enough))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::capacity::budget::Availability;
    use crate::capacity::order::Demand;

    fn shape(capacity: f64, price_per_month: f64, mttr_hours: f64) -> HostShape {
        let availability = Availability::new(1_000.0, mttr_hours).unwrap();
        HostShape { name: format!("{capacity}"), capacity, price_per_month, availability }
    }

    fn normal(mean: f64, deviation: f64) -> DemandProfile {
        DemandProfile::constant(Demand::normal(mean, deviation).unwrap())
    }

    #[test]
    fn without_failures_it_is_the_quantile_of_demand() {
        // P99.9 of N(100, 20) is 161.8046: 21 hosts of 8.
        let slo = Slo::new(0.999, 30.0).unwrap();
        let plan = cheapest(&[shape(8.0, 250.0, 0.0)], &normal(100.0, 20.0), &slo).unwrap();
        assert_eq!((plan.hosts, plan.keeps()), (21, true));
        let one_less = BudgetPlan::of(20, &shape(8.0, 250.0, 0.0), &normal(100.0, 20.0), &slo);
        let one_less = one_less.unwrap();
        // P(D > 160) = 0.00134990: 58.3 minutes, burn rate 1.3499.
        assert!(!one_less.keeps() && (one_less.burn_rate() - 1.349_898).abs() < 1e-5);
        assert!((one_less.bad_minutes - 58.315_6).abs() < 1e-3);
    }

    #[test]
    fn the_cheapest_kind_wins_and_ties_go_to_the_safer() {
        let slo = Slo::new(0.999, 30.0).unwrap();
        let (small, large) = (shape(8.0, 250.0, 1.0), shape(64.0, 2_500.0, 20.0));
        let demand = normal(100.0, 20.0);
        let plan = cheapest(&[large.clone(), small], &demand, &slo).unwrap();
        assert_eq!(plan.shape, "8");
        let mut safer = large.clone();
        (safer.name, safer.availability) = ("safer".to_owned(), Availability::always());
        // With failures four are needed, without three; at the same price for all.
        safer.price_per_month = 2_500.0 * 4.0 / 3.0;
        let plans = [&large, &safer].map(|one| cheapest(std::slice::from_ref(one), &demand, &slo));
        let [a, b] = plans.map(Result::unwrap);
        assert_eq!((a.hosts, b.hosts, a.cost_per_month), (4, 3, b.cost_per_month));
        assert_eq!(cheapest(&[large, safer], &demand, &slo).unwrap().shape, "safer");
    }

    #[test]
    fn what_cannot_be_kept_is_told() {
        let quantiles = Demand::quantiles(vec![(0.1, 1.0), (0.9, 2.0)]).unwrap();
        let slo = Slo::new(0.999, 30.0).unwrap();
        let profile = DemandProfile::constant(quantiles);
        let why = cheapest(&[shape(1.0, 1.0, 0.0)], &profile, &slo).unwrap_err().to_string();
        assert!(why.contains("outermost quantile"), "{why}");
        let why = cheapest(&[shape(1.0, 1.0, 0.0)], &normal(1e9, 1.0), &slo).unwrap_err();
        let why = why.to_string();
        assert!(why.contains("larger hosts") && !why.contains("quantile"), "{why}");
        assert!(cheapest(&[], &profile, &slo).is_err());
        assert!(cheapest(&[shape(0.0, 1.0, 0.0)], &profile, &slo).is_err());
        let many = BudgetPlan::of(BUDGET_HOSTS_MAX + 1, &shape(1.0, 1.0, 0.0), &profile, &slo);
        assert!(many.is_err());
        let none = cheapest(&[shape(1.0, 1.0, 0.0)], &normal(-5.0, 0.1), &slo).unwrap();
        assert_eq!(none.hosts, 0, "nothing is asked for");
    }

    proptest! {
        /// Against trying one number after the other; a host more is never worse.
        #[test]
        fn the_fewest_hosts_are_those_of_a_count(
            mean in 10.0_f64..60.0,
            deviation in 0.0_f64..15.0,
            mttr in 0.0_f64..200.0,
            nines in 1_u32..5,
        ) {
            let (shape, profile) = (shape(7.0, 1.0, mttr), normal(mean, deviation));
            let slo = Slo::nines(nines, 30.0).unwrap();
            let share = |hosts: u64| profile.bad_share(hosts, &shape);
            let naive = (0..1_000).find(|hosts| share(*hosts) <= slo.error_ratio()).unwrap();
            prop_assert_eq!(fewest(&shape, &profile, slo.error_ratio()).unwrap(), Some(naive));
            for hosts in 0..naive {
                prop_assert!(share(hosts + 1) <= share(hosts) + 1e-12);
            }
        }
    }
}
