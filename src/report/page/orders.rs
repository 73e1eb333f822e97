//! What to order, and by when.

use super::document::Body;
use super::parts::{Order, Parts};
use super::runs_out::title;
use super::timeline::timeline;
use crate::capacity::{Outcome, Plan, PlanRow};

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
    body.explain(
        "An order by the first day of a bar arrives before the row is full with a probability \
         of 90%.",
    );
    let hidden = orders.len().saturating_sub(ORDERS_MAX);
    orders.truncate(ORDERS_MAX);
    body.figure(&timeline(&orders, hidden, plan.as_of));
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
