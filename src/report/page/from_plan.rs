//! The parts of a page that a plan with pools or laws holds.

use std::fmt::Write;

use super::laws;
use super::parts::{Failover, Measure, Order, Parts, Scenarios};
use crate::capacity::{Plan, PoolFailure, PoolOrder, PoolReport, ScenarioOutcome};
use crate::model::Timestamp;

/// What is compared over scenarios at the most.
const MEASURES_MAX: usize = 40;

impl Parts {
    /// What the plan knows of its pools (orders with quantities, failures, scenarios) and of its
    /// laws (curves). Empty where its study has neither.
    pub fn of(plan: &Plan) -> Self {
        let (curves, explanations) = (laws::curves(plan), laws::explanations(plan));
        let Some(pools) = &plan.pools else {
            return Self { curves, explanations, ..Self::default() };
        };
        Self {
            orders: pools.orders.iter().map(order).collect(),
            failovers: pools.failures.failures.iter().map(failover).collect(),
            scenarios: scenarios(plan, pools),
            curves,
            explanations,
        }
    }
}

fn order(of: &PoolOrder) -> Order {
    let mut quantity = format!("{} × {}", of.order.hosts, of.shape);
    if of.order.is_capped {
        let _ = write!(quantity, " of {}", of.order.hosts_needed);
    }
    Order {
        name: format!("{} · {}", of.name, of.first),
        quantity,
        order_by: of.order_by,
        arrives: of.arrives,
        needed_by: of.needed_by,
    }
}

fn failover(of: &PoolFailure) -> Failover {
    Failover {
        group: of.pool.clone(),
        failure: of.failure.clone(),
        resource: of.resource.clone(),
        unit: of.unit.clone(),
        demand: of.demand,
        capacity: of.capacity,
        used_share: of.used_share,
        in_time: of.in_time,
    }
}

/// Scenarios side by side: what they come to in all, then each row that any of them changes.
fn scenarios(plan: &Plan, pools: &PoolReport) -> Option<Scenarios> {
    let all = &pools.scenarios;
    let as_is = all.first()?;
    let measure = |name: &str, of: &dyn Fn(&ScenarioOutcome) -> f64| Measure {
        name: name.to_owned(),
        unit: None,
        values: all.iter().map(of).collect(),
    };
    let count = |count: Option<usize>| count.map_or(f64::NAN, |count| count as f64);
    let mut measures = vec![
        measure("hosts", &|of| of.hosts),
        measure("rows full by the horizon", &|of| of.full_rows as f64),
        measure("hosts to order", &|of| of.ordered_hosts.map_or(f64::NAN, |hosts| hosts as f64)),
        measure("their price a month", &|of| of.ordered_per_month.unwrap_or(f64::NAN)),
        measure("failures that are not survived", &|of| count(of.failures_lost)),
    ];
    measures.retain(|measure| measure.values.iter().any(|value| value.is_finite()));
    let changed = |at: &usize| all.iter().any(|of| of.rows.get(*at) != as_is.rows.get(*at));
    for at in (0..as_is.rows.len()).filter(changed) {
        let row = &as_is.rows[at];
        let values: Vec<f64> = all.iter().map(|of| days_until_full(plan, of, at)).collect();
        // A row without a date in any of them has nothing to compare.
        if values.iter().any(|days| days.is_finite()) {
            let name = format!("days until {} · {} is full", row.pool, row.resource);
            measures.push(Measure { name, unit: None, values });
        }
    }
    measures.truncate(MEASURES_MAX);
    let names = all.iter().map(|of| of.name.clone()).collect();
    Some(Scenarios { names, measures })
}

/// Days from the plan's instant until a row is full with even odds; NaN where it has no such date.
fn days_until_full(plan: &Plan, of: &ScenarioOutcome, row: usize) -> f64 {
    let day: Option<Timestamp> = of.rows.get(row).and_then(|row| row.full.day(plan.as_of));
    day.map_or(f64::NAN, |day| day.since(plan.as_of).days().max(0.0).round())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capacity::testing::{plan, pooled_plan};

    #[test]
    fn a_plan_with_pools_has_parts_and_another_has_none() {
        assert_eq!(Parts::of(&plan(100, |_| ())), Parts::default());
        let study = "[failover]\nlose = [\"zone\"]\nresources = [\"cpu\"]\n\
                     [[scenario]]\nname = \"half\"\n[[scenario.change]]\nkind = \"lose\"\n\
                     where = '{zone=\"b\",service=\"web\"}'\n";
        let parts = Parts::of(&pooled_plan(study));
        assert!(parts.failovers.iter().any(|one| one.failure == "zone a" && !one.holds()));
        let scenarios = parts.scenarios.unwrap();
        assert_eq!(scenarios.names, ["as it is", "half"]);
        let names: Vec<&str> = scenarios.measures.iter().map(|one| one.name.as_str()).collect();
        // Nothing is ordered, so there is no such row.
        assert_eq!(
            names[..3],
            ["hosts", "rows full by the horizon", "failures that are not survived"]
        );
        let web = scenarios.measures.iter().find(|one| one.name.contains("web · cpu")).unwrap();
        assert!(web.values[0].is_nan() && web.values[1] == 0.0);
        // Disks have no date in either.
        assert!(scenarios.measures.iter().all(|one| !one.name.contains("web · disk")));
    }
}
