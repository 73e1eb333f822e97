//! Pools as JSON: every number of the text, and those behind it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::budgets::{self, BudgetView};
use crate::capacity::order::OrderLine;
use crate::capacity::{
    InTime, PoolFailure, PoolLeave, PoolOrder, PoolReport, ScenarioOutcome, ScenarioRow, WhenFull,
};
use crate::model::{Labels, Timestamp, Unit};

/// The pools of a plan.
#[derive(Serialize)]
pub(super) struct Pools<'a> {
    group: &'a str,
    orders: Vec<OrderView<'a>>,
    could_leave: Vec<LeaveView<'a>>,
    not_asked_who_could_leave: Vec<KeptView<'a>>,
    failures: Vec<FailureView<'a>>,
    may_be_lost: Vec<SpareView<'a>>,
    error_budgets: Vec<BudgetView<'a>>,
    scenarios: Vec<ScenarioView<'a>>,
}

#[derive(Serialize)]
struct OrderView<'a> {
    labels: BTreeMap<&'a str, &'a str>,
    runs_out_first: &'a str,
    needed_by: Option<String>,
    order_by: String,
    overdue: bool,
    arrives: String,
    lasts_until: String,
    risk_too_late: f64,
    full_hosts: usize,
    shape: &'a str,
    hosts: u64,
    hosts_needed: u64,
    capped_by_budget: bool,
    cost_per_month: f64,
    binding: Option<&'a str>,
    resources: Vec<LineView<'a>>,
}

#[derive(Serialize)]
struct LineView<'a> {
    resource: &'a str,
    target: f64,
    shortfall: f64,
    hosts_needed: u64,
    shortage_before: f64,
    shortage_after: f64,
}

#[derive(Serialize)]
struct KeptView<'a> {
    pool: &'a str,
    resource: Option<&'a str>,
    why: &'a str,
}

#[derive(Serialize)]
struct LeaveView<'a> {
    labels: BTreeMap<&'a str, &'a str>,
    hosts: usize,
    leaving: &'a [String],
    saved_per_month: Option<f64>,
    unpriced_hosts: usize,
}

#[derive(Serialize)]
struct FailureView<'a> {
    labels: BTreeMap<&'a str, &'a str>,
    failure: &'a str,
    lost: &'a [String],
    lost_hosts: usize,
    resource: &'a str,
    unit: Option<&'a str>,
    demand: f64,
    capacity: f64,
    used_share: Option<f64>,
    holds: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_time: Option<InTimeView>,
    survived: bool,
}

#[derive(Serialize)]
struct InTimeView {
    holds: bool,
    utilisation: Option<f64>,
    utilisation_max: Option<f64>,
    utilisation_before_max: Option<f64>,
    servers: usize,
    response_times_max: f64,
}

#[derive(Serialize)]
struct SpareView<'a> {
    pool: &'a str,
    hosts_lost: usize,
    hosts: usize,
}

#[derive(Serialize)]
struct ScenarioView<'a> {
    name: &'a str,
    hosts: f64,
    full_rows: usize,
    ordered_hosts: Option<u64>,
    ordered_per_month: Option<f64>,
    failures_lost: Option<usize>,
    worst_used_share: Option<f64>,
    nobody_left: bool,
    changes_without_effect: Vec<UnmetView<'a>>,
    rows: Vec<ScenarioRowView<'a>>,
}

#[derive(Serialize)]
struct UnmetView<'a> {
    change: usize,
    why: &'a str,
}

#[derive(Serialize)]
struct ScenarioRowView<'a> {
    labels: BTreeMap<&'a str, &'a str>,
    resource: &'a str,
    unit: Option<&'a str>,
    full_already: bool,
    p10: Option<String>,
    p50: Option<String>,
    p90: Option<String>,
    day: String,
    peak: f64,
    line: f64,
}

/// The JSON of what was found of pools.
pub(super) fn pools(report: &PoolReport) -> Pools<'_> {
    let failures = &report.failures;
    let spare = failures.spare.iter();
    Pools {
        group: &report.group,
        orders: report.orders.iter().map(order).collect(),
        could_leave: report.leaves.iter().map(leave).collect(),
        not_asked_who_could_leave: report
            .kept
            .iter()
            .map(|one| KeptView {
                pool: &one.pool,
                resource: one.resource.as_deref(),
                why: &one.why,
            })
            .collect(),
        failures: failures.failures.iter().map(failure).collect(),
        may_be_lost: spare
            .map(|(pool, hosts_lost, hosts)| SpareView {
                pool,
                hosts_lost: *hosts_lost,
                hosts: *hosts,
            })
            .collect(),
        error_budgets: report.budgets.iter().map(budgets::json).collect(),
        scenarios: report.scenarios.iter().map(scenario).collect(),
    }
}

fn order(of: &PoolOrder) -> OrderView<'_> {
    OrderView {
        labels: labels(&of.labels),
        runs_out_first: &of.first,
        needed_by: of.needed_by.map(Timestamp::date),
        order_by: of.order_by.date(),
        overdue: of.is_overdue,
        arrives: of.arrives.date(),
        lasts_until: of.lasts_until.date(),
        risk_too_late: of.risk,
        full_hosts: of.full_hosts,
        shape: &of.shape,
        hosts: of.order.hosts,
        hosts_needed: of.order.hosts_needed,
        capped_by_budget: of.order.is_capped,
        cost_per_month: of.order.cost,
        binding: of.order.binding(),
        resources: of.order.lines.iter().map(line).collect(),
    }
}

fn line(of: &OrderLine) -> LineView<'_> {
    LineView {
        resource: &of.name,
        target: of.target,
        shortfall: of.shortfall,
        hosts_needed: of.hosts_needed,
        shortage_before: of.shortage_before,
        shortage_after: of.shortage_after,
    }
}

fn leave(of: &PoolLeave) -> LeaveView<'_> {
    LeaveView {
        labels: labels(&of.labels),
        hosts: of.hosts,
        leaving: &of.leaving,
        saved_per_month: of.saved_per_month,
        unpriced_hosts: of.unpriced(),
    }
}

fn failure(of: &PoolFailure) -> FailureView<'_> {
    FailureView {
        labels: labels(&of.labels),
        failure: &of.failure,
        lost: &of.lost,
        lost_hosts: of.lost_hosts,
        resource: &of.resource,
        unit: of.unit.as_ref().map(Unit::as_str),
        demand: of.demand,
        capacity: of.capacity,
        used_share: of.used_share,
        holds: of.holds(),
        in_time: of.in_time.map(in_time),
        survived: of.is_survived(),
    }
}

fn in_time(of: InTime) -> InTimeView {
    InTimeView {
        holds: of.holds(),
        utilisation: of.utilisation,
        utilisation_max: of.utilisation_max,
        utilisation_before_max: of.utilisation_before_max,
        servers: of.servers,
        response_times_max: of.response_times_max,
    }
}

fn scenario(of: &ScenarioOutcome) -> ScenarioView<'_> {
    ScenarioView {
        name: &of.name,
        hosts: of.hosts,
        full_rows: of.full_rows,
        ordered_hosts: of.ordered_hosts,
        ordered_per_month: of.ordered_per_month,
        failures_lost: of.failures_lost,
        worst_used_share: of.worst_used_share.filter(|share| share.is_finite()),
        nobody_left: of.worst_used_share == Some(f64::INFINITY),
        changes_without_effect: of
            .unmet
            .iter()
            .map(|unmet| UnmetView { change: unmet.change, why: &unmet.why })
            .collect(),
        rows: of.rows.iter().map(row).collect(),
    }
}

fn row(of: &ScenarioRow) -> ScenarioRowView<'_> {
    let [p10, p50, p90] = match of.full {
        WhenFull::Within { p10, p50, p90 } => [p10, p50, p90],
        WhenFull::Already | WhenFull::Not => [None; 3],
    };
    ScenarioRowView {
        labels: labels(&of.labels),
        resource: &of.resource,
        unit: of.unit.as_ref().map(Unit::as_str),
        full_already: of.full == WhenFull::Already,
        p10: p10.map(Timestamp::date),
        p50: p50.map(Timestamp::date),
        p90: p90.map(Timestamp::date),
        day: of.day.date(),
        peak: of.peak,
        line: of.line,
    }
}

fn labels(labels: &Labels) -> BTreeMap<&str, &str> {
    labels.iter().collect()
}
