//! What each further nine costs.

use super::plan::{BudgetPlan, cheapest};
use super::predict::{DemandProfile, HostShape};
use super::slo::Slo;
use crate::error::{Error, Result};

/// The cheapest plan for a number of nines.
#[derive(Debug, Clone, PartialEq)]
pub struct NineCost {
    /// How many nines: 3 are 99.9%.
    pub nines: u32,
    /// The plan; `None` where no number of hosts is known to keep it.
    pub plan: Option<BudgetPlan>,
    /// What this nine costs more a month than the one before; `None` for the first.
    pub extra_per_month: Option<f64>,
}

/// The cheapest plans for one nine up to `nines_max`, and what each further one costs.
///
/// ```
/// use plimsoll::capacity::budget::{Availability, DemandProfile, HostShape, cost_of_nines};
/// use plimsoll::capacity::order::Demand;
/// let profile = DemandProfile::constant(Demand::normal(100.0, 20.0)?);
/// let shape = HostShape {
///     name: "8 cores".to_owned(),
///     capacity: 8.0,
///     price_per_month: 250.0,
///     availability: Availability::always(),
/// };
/// let costs = cost_of_nines(&[shape], &profile, 30.0, 3)?;
/// let hosts: Vec<u64> = costs.iter().map(|cost| cost.plan.as_ref().unwrap().hosts).collect();
/// // 125.63, 146.53 and 161.80 in hosts of 8.
/// assert_eq!(hosts, [16, 19, 21]);
/// assert_eq!(costs[2].extra_per_month, Some(500.0));
/// # Ok::<(), plimsoll::Error>(())
/// ```
///
/// # Errors
///
/// Unless there are 1 to 15 nines and the period is above 0; where a kind of host is none.
pub fn cost_of_nines(
    shapes: &[HostShape],
    profile: &DemandProfile,
    period_days: f64,
    nines_max: u32,
) -> Result<Vec<NineCost>> {
    // Refuses a number that is out of range, before any is looked for.
    Slo::nines(nines_max, period_days)?;
    let mut costs: Vec<NineCost> = Vec::new();
    for nines in 1..=nines_max {
        let plan = match cheapest(shapes, profile, &Slo::nines(nines, period_days)?) {
            Ok(plan) => Some(plan),
            Err(Error::NotEnoughData { .. }) => None,
            Err(why) => return Err(why),
        };
        let cost = |plan: &Option<BudgetPlan>| plan.as_ref().map(|plan| plan.cost_per_month);
        let before = costs.last().and_then(|before| cost(&before.plan));
        let extra_per_month = cost(&plan).zip(before).map(|(now, before)| now - before);
        costs.push(NineCost { nines, plan, extra_per_month });
    }
    Ok(costs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capacity::budget::Availability;
    use crate::capacity::order::Demand;

    fn shape(availability: Availability) -> HostShape {
        HostShape { name: "h".to_owned(), capacity: 8.0, price_per_month: 250.0, availability }
    }

    #[test]
    fn nines_get_dearer_and_the_unknown_stays_unknown() {
        let profile = DemandProfile::constant(Demand::normal(100.0, 20.0).unwrap());
        let shapes = [shape(Availability::new(500.0, 20.0).unwrap())];
        let costs = cost_of_nines(&shapes, &profile, 30.0, 6).unwrap();
        assert!(costs.iter().skip(1).all(|cost| cost.extra_per_month.unwrap() >= 0.0));
        assert_eq!(costs[0].extra_per_month, None);
        assert!(costs.iter().all(|cost| cost.plan.as_ref().unwrap().keeps()));

        let quantiles = Demand::quantiles(vec![(0.5, 80.0), (0.9, 100.0), (0.99, 120.0)]).unwrap();
        let profile = DemandProfile::constant(quantiles);
        let costs = cost_of_nines(&[shape(Availability::always())], &profile, 30.0, 4).unwrap();
        let known: Vec<bool> = costs.iter().map(|cost| cost.plan.is_some()).collect();
        assert_eq!(known, [true, true, false, false]);
        assert_eq!(costs[2].extra_per_month, None);
    }

    #[test]
    fn faults_are_no_missing_plans() {
        let profile = DemandProfile::constant(Demand::normal(100.0, 20.0).unwrap());
        assert!(cost_of_nines(&[], &profile, 30.0, 3).is_err());
        for (days, nines) in [(30.0, 0), (30.0, 16), (0.0, 3)] {
            let costs = cost_of_nines(&[shape(Availability::always())], &profile, days, nines);
            assert!(costs.is_err(), "{days} {nines}");
        }
    }
}
