//! The zombies of a plan: who says so, what is done about each and when, what it frees and saves.

use super::document::Body;
use super::escape::cut;
use super::table::{Cell, Table, numbers, words};
use crate::capacity::zombie::{Grade, ZombieHost, ZombieReport};
use crate::capacity::{Plan, printable};
use crate::report::reclaim::sums;
use crate::report::table::amount;
use crate::report::zombies::{
    NO_LEDGER, Shows, agree, gain, kept, next, owner, price, resources, rule, stage, stage_in_words,
};

/// Rows of the table.
const ROWS_MAX: usize = 100;
/// Hosts named in a sentence.
const NAMES: usize = 10;

/// Writes what stands in the section of what to reclaim.
pub(super) fn zombies(plan: &Plan, report: &ZombieReport, body: &mut Body) {
    body.heading(&format!("Zombies: {} of {} hosts", report.hosts.len(), plan.summary.hosts));
    body.explain(&rule(report));
    if !report.hosts.is_empty() {
        body.say(&gain(report));
        body.table(&table(plan, report), report.hosts.len());
        body.explain("What is done about a zombie, by the days since it was first called one:");
        let stages = report.stages.iter();
        let stages: Vec<String> = stages.map(|one| stage_in_words(plan, report, one)).collect();
        body.list(&stages);
        if !report.has_ledger {
            body.explain(NO_LEDGER);
        }
    }
    if let Some(text) = kept(report, NAMES) {
        body.explain(&text);
    }
}

fn table(plan: &Plan, report: &ZombieReport) -> Table {
    let shows = Shows::of(report);
    let mut headings = vec![words("Host")];
    headings.extend(shows.class.then(|| words("Is")));
    headings.extend([words("Evidence"), words("Agree"), words("Said by"), words("Why")]);
    headings.extend(report.has_ledger.then(|| words("Since")));
    headings.extend([words("Stage"), words("Next")]);
    headings.extend(shows.owner.then(|| words("Owner")));
    headings.extend(report.savings.map(|_| numbers("Saves per month")));
    let limits = resources(report);
    headings.extend(limits.iter().map(|resource| numbers(&format!("Frees {}", cut(resource)))));
    let mut table = Table::sortable(headings);
    for host in report.hosts.iter().take(ROWS_MAX) {
        table.row(cells(plan, report, host, &shows, &limits));
    }
    table
}

fn cells(
    plan: &Plan,
    report: &ZombieReport,
    host: &ZombieHost,
    shows: &Shows,
    limits: &[&str],
) -> Vec<Cell> {
    let strong = if host.grade == Grade::High { "good" } else { "" };
    let rules = host.said_by.iter().map(|(rule, _)| printable(rule));
    let mut cells = vec![Cell::name(printable(&host.host))];
    cells.extend(shows.class.then(|| Cell::words(host.class.name())));
    cells.push(Cell::words(host.grade.name()).class(strong));
    cells.push(Cell::words(agree(host)));
    cells.push(Cell::words(rules.collect::<Vec<_>>().join(", ")));
    cells.push(Cell::words(printable(&host.reasons.join("; "))));
    cells.extend(report.has_ledger.then(|| Cell::words(host.since.date())));
    let day = host.next.as_ref().filter(|_| !host.held).map(|(_, day)| day.nanos() as f64);
    let next = Cell::words(next(plan, host)).sorted_by(day.unwrap_or(f64::NAN));
    cells.extend([Cell::words(stage(host)), next]);
    cells.extend(shows.owner.then(|| Cell::name(owner(host))));
    let saves = host.price_per_month;
    cells.extend(report.savings.map(|_| Cell::number(price(saves), saves.unwrap_or(f64::NAN))));
    cells.extend(limits.iter().map(|resource| {
        let found = sums(&host.frees).find(|(other, ..)| other == resource);
        let (unit, limit) = (found.and_then(|found| found.1), found.map(|found| found.2));
        Cell::number(amount(unit, limit), limit.unwrap_or(f64::NAN))
    }));
    cells
}
