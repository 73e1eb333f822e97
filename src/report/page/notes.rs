//! What could not be said and why; and how what was said came about.

use super::document::Body;
use super::escape::NAME_CHARS_MAX;
use super::parts::Parts;
use super::runs_out::title;
use super::table::{Cell, Table, numbers, words};
use crate::capacity::Plan;
use crate::report::explain::{Explanation, reasons};
use crate::report::names::cut_apart;

/// Reasons that are listed.
const NOTES_MAX: usize = 40;

/// Writes what could not be said.
pub(super) fn unsaid(plan: &Plan, body: &mut Body) {
    if plan.notes.is_empty() {
        return;
    }
    body.section("unsaid", "What could not be said, and why");
    let mut table = Table::sortable(vec![words("What"), numbers("Rows"), words("For example")]);
    for note in plan.notes.iter().take(NOTES_MAX) {
        let names = cut_apart(note.examples.iter().map(String::as_str), NAME_CHARS_MAX);
        let dots = if note.hosts > names.len() { "; …" } else { "" };
        table.row(vec![
            Cell::words(&note.what).class("wrap"),
            Cell::number(note.count.to_string(), note.count as f64),
            Cell::words(format!("{}{dots}", names.join("; "))).class("wrap"),
        ]);
    }
    body.table(&table, plan.notes.len());
}

/// Writes how the findings about the charted rows came about, then what else is explained.
pub(super) fn explained(plan: &Plan, parts: &Parts, body: &mut Body) {
    let charted = plan.history.iter().flat_map(|history| &history.rows);
    let of_plan = charted.filter_map(|past| {
        let row = plan.hosts.rows.get(past.row)?;
        Some(Explanation { subject: title(plan, row), sentences: reasons(plan, row) })
    });
    let explanations: Vec<Explanation> =
        parts.explanations.iter().cloned().chain(of_plan).collect();
    if explanations.is_empty() {
        return;
    }
    body.section("why", "How these findings came about");
    let rate = plan.false_discovery_rate * 100.0;
    body.explain(&format!(
        "A date needs a trend that noise would hardly yield; over the fleet, of the dates at most \
         {rate}% may be chance. The formulas and their sources are in docs/method/exhaustion.md."
    ));
    for explanation in &explanations {
        body.heading(&explanation.subject);
        body.list(&explanation.sentences);
    }
}
