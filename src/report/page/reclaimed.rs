//! What to reclaim, with the evidence, and what that frees.

use super::document::Body;
use super::escape::{NAME_CHARS_MAX, cut};
use super::leaves;
use super::table::{Cell, Table, numbers, words};
use super::zombies::zombies;
use crate::capacity::{Grade, IdleHost, OverprovisionedRow, Plan, name};
use crate::model::{Labels, Unit};
use crate::report::names::cut_apart;
use crate::report::reclaim::{self, frees, unique};
use crate::report::table::{amount, percent};

/// Rows of each table.
const ROWS_MAX: usize = 100;

/// Writes the section.
pub(super) fn section(plan: &Plan, body: &mut Body) {
    let looks_for_idle = !plan.idle.rule.is_empty() || plan.zombies.is_some();
    let can_leave = plan.pools.as_ref().is_some_and(|pools| !pools.leaves.is_empty());
    let others = can_leave || plan.design.is_some();
    if !looks_for_idle && !others && plan.overprovisioned.rule.is_empty() {
        return;
    }
    body.section("reclaim", "What to reclaim, and what that frees");
    match &plan.zombies {
        Some(report) => zombies(plan, report, body),
        None if looks_for_idle => idle(plan, body),
        None => {}
    }
    if !plan.overprovisioned.rule.is_empty() {
        overprovisioned(plan, body);
    }
    leaves::leaves(plan, body);
    leaves::designs(plan, body);
}

fn idle(plan: &Plan, body: &mut Body) {
    let report = &plan.idle;
    body.heading(&format!("Idle hosts: {} of {}", report.hosts.len(), plan.summary.hosts));
    body.explain(&format!("Rule: {}.", report.rule));
    if !report.hosts.is_empty() {
        let freed: Vec<_> = report.hosts.iter().flat_map(|host| &host.frees).collect();
        body.say(&reclaim::freed(&freed));
        if let Some(prices) = reclaim::prices(report) {
            body.say(&prices);
        }
        body.table(&idle_table(plan), report.hosts.len());
    }
    if !report.kept_for_bursts.is_empty() {
        let few: Vec<String> =
            report.kept_for_bursts.iter().take(10).map(|of| host(plan, of)).collect();
        let names = cut_apart(few.iter().map(String::as_str), NAME_CHARS_MAX);
        let dots = if report.kept_for_bursts.len() > names.len() { ", …" } else { "" };
        body.explain(&format!(
            "Kept, quiet but for bursts (monthly or standby jobs?): {} ({}{dots}).",
            report.kept_for_bursts.len(),
            names.join(", ")
        ));
    }
}

fn idle_table(plan: &Plan) -> Table {
    let hosts = &plan.idle.hosts;
    let uses = unique(hosts.iter().flat_map(|h| &h.evidence).map(|e| e.resource.as_str()));
    let limits = unique(hosts.iter().flat_map(frees).map(|(resource, ..)| resource));
    let mut headings = vec![words("Host"), words("Evidence")];
    for resource in &uses {
        let resource = cut(resource);
        headings.push(numbers(&format!("Mean {resource}")));
        headings.push(numbers(&format!("Peak {resource}")));
    }
    headings.extend(limits.iter().map(|resource| numbers(&format!("Frees {}", cut(resource)))));
    let mut table = Table::sortable(headings);
    for idle in hosts.iter().take(ROWS_MAX) {
        table.row(idle_cells(plan, idle, &uses, &limits));
    }
    table
}

fn idle_cells(plan: &Plan, idle: &IdleHost, uses: &[&str], limits: &[&str]) -> Vec<Cell> {
    let shown = |unit: Option<&Unit>, value: Option<f64>| {
        Cell::number(amount(unit, value), value.unwrap_or(f64::NAN))
    };
    let strong = if idle.grade == Grade::Strong { "good" } else { "" };
    let mut cells = vec![
        Cell::name(host(plan, &idle.labels)),
        Cell::words(reclaim::grade(idle.grade)).class(strong),
    ];
    for resource in uses {
        let found = idle.evidence.iter().find(|evidence| evidence.resource == *resource);
        let unit = found.and_then(|evidence| evidence.unit.as_ref());
        cells.push(shown(unit, found.map(|evidence| evidence.mean)));
        cells.push(shown(unit, found.map(|evidence| evidence.peak)));
    }
    for resource in limits {
        let found = frees(idle).find(|(other, ..)| other == resource);
        cells.push(shown(found.and_then(|found| found.1), found.map(|found| found.2)));
    }
    cells
}

fn overprovisioned(plan: &Plan, body: &mut Body) {
    let report = &plan.overprovisioned;
    body.heading(&format!("Over-provisioned, {} aside", reclaim::aside(plan)));
    body.explain(&format!("Rule: {}.", report.rule));
    let totals: Vec<String> = report.totals.iter().map(reclaim::in_words).collect();
    if !totals.is_empty() {
        body.list(&totals);
    }
    if report.rows.is_empty() {
        return;
    }
    let mut table = Table::sortable(vec![
        words("Host"),
        words("Resource"),
        numbers("Need"),
        numbers("Peak"),
        numbers("Limit"),
        numbers("New limit"),
        numbers("Reclaim"),
        numbers("Of limit"),
    ]);
    for row in report.rows.iter().take(ROWS_MAX) {
        table.row(large_cells(plan, row));
    }
    body.table(&table, report.rows.len());
}

fn large_cells(plan: &Plan, row: &OverprovisionedRow) -> Vec<Cell> {
    let shown = |value: f64| Cell::number(amount(row.unit.as_ref(), Some(value)), value);
    let share = row.reclaimable() / row.limit;
    vec![
        Cell::name(host(plan, &row.labels)),
        Cell::name(&row.resource),
        shown(row.need),
        shown(row.peak),
        shown(row.limit),
        shown(row.target),
        shown(row.reclaimable()),
        Cell::number(percent(Some(share)), share),
    ]
}

fn host(plan: &Plan, labels: &Labels) -> String {
    name(labels, &plan.hosts.by)
}
