//! What to order, and by when.

use super::document::Body;
use super::parts::{Order, Parts};
use super::runs_out::title;
use super::timeline::timeline;
use crate::capacity::{Outcome, Plan, PlanRow};
use crate::report::pools::WITHOUT_FAILURES;
use crate::report::table::percent_of;

/// The plan's own dates to order are the lead time before the day of 10%.
const DATES_RISK: f64 = 0.1;
/// Orders of the chart.
const ORDERS_MAX: usize = 24;

/// Writes the section: the orders that were worked out or, without any, the plan's dates.
pub(super) fn section(plan: &Plan, parts: &Parts, body: &mut Body) {
    let mut orders = if parts.orders.is_empty() { of_plan(plan) } else { parts.orders.clone() };
    orders.sort_by(|a, b| (a.order_by, &a.name).cmp(&(b.order_by, &b.name)));
    let full = plan.summary.already;
    if orders.is_empty() && full == 0 {
        return;
    }
    body.section("order", "What to order, and by when");
    if full > 0 && parts.orders.is_empty() {
        let rows = if full == 1 { "One row is" } else { "Rows that are" };
        body.say(&format!(
            "{rows} full already ({full}): whatever is ordered for them comes too late. They are \
             not in the chart."
        ));
    }
    if orders.is_empty() {
        return;
    }
    body.explain(&in_time(plan, parts, &orders));
    if plan.pools.as_ref().is_some_and(|pools| !pools.failures.spare.is_empty()) {
        body.explain(WITHOUT_FAILURES);
    }
    let hidden = orders.len().saturating_sub(ORDERS_MAX);
    orders.truncate(ORDERS_MAX);
    body.figure(&timeline(&orders, hidden, plan.as_of));
}

/// How likely an order comes in time; of what is overdue nothing can be promised.
fn in_time(plan: &Plan, parts: &Parts, orders: &[Order]) -> String {
    if orders.iter().all(|order| order.order_by <= plan.as_of) {
        return "All of them are due today or overdue: an order of today may come too late more \
                often than the study accepts."
            .to_owned();
    }
    let rule = plan.pools.as_ref().and_then(|pools| pools.order_rule.as_ref());
    let risk = rule.filter(|_| !parts.orders.is_empty()).map_or(DATES_RISK, |rule| rule.risk);
    format!(
        "An order by the first day of a bar that begins after today arrives before the row is full \
         with a probability of {} or more.",
        percent_of(1.0 - risk)
    )
}

fn of_plan(plan: &Plan) -> Vec<Order> {
    let order = |row: &PlanRow| {
        let Outcome::Within(forecast) = &row.outcome else { return None };
        let order_by = forecast.order_by?;
        Some(Order {
            name: title(plan, row),
            quantity: String::new(),
            order_by,
            arrives: order_by.plus(plan.lead_time),
            needed_by: forecast.p50,
        })
    };
    plan.hosts.rows.iter().filter_map(order).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capacity::testing::pooled_plan;
    use crate::model::Span;

    #[test]
    fn the_probability_is_that_of_the_rule_and_of_orders_that_can_wait() {
        let plan = pooled_plan(
            "[[shape]]\nname = \"large\"\nprovides = { disk = \"1 TB\" }\n\
             [order]\nrisk = 0.025\n",
        );
        let order = |days: i64| Order {
            name: "web".into(),
            quantity: "1 × large".into(),
            order_by: plan.as_of.plus(Span::from_days(days)),
            arrives: plan.as_of.plus(Span::from_days(days + 30)),
            needed_by: None,
        };
        let of_pools = Parts { orders: vec![order(0), order(5)], ..Parts::default() };
        let said = in_time(&plan, &of_pools, &of_pools.orders);
        assert!(said.contains("begins after today") && said.contains("97.5% or more"), "{said}");
        // The dates of the plan's own rows are those of 10%.
        let said = in_time(&plan, &Parts::default(), &of_pools.orders);
        assert!(said.contains("90% or more"), "{said}");
        let said = in_time(&plan, &of_pools, &of_pools.orders[..1]);
        assert!(said.starts_with("All of them are due today") && !said.contains('%'), "{said}");
    }
}
