//! What could not be said and why; and how what was said came about.

use super::document::Body;
use super::escape::cut;
use super::parts::{Explanation, Parts};
use super::runs_out::title;
use super::table::{Cell, Table, numbers, words};
use crate::capacity::{Outcome, Plan, PlanRow};
use crate::report::table::amount;

/// Reasons that are listed.
const NOTES_MAX: usize = 40;

/// Smaller probabilities are not told apart.
const CHANCE_MIN: f64 = 1e-4;

/// Writes what could not be said.
pub(super) fn unsaid(plan: &Plan, body: &mut Body) {
    if plan.notes.is_empty() {
        return;
    }
    body.section("unsaid", "What could not be said, and why");
    let mut table = Table::sortable(vec![words("What"), numbers("Rows"), words("For example")]);
    for note in plan.notes.iter().take(NOTES_MAX) {
        let names: Vec<String> = note.examples.iter().map(|name| cut(name)).collect();
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

/// The evidence behind a row, in sentences.
fn reasons(plan: &Plan, row: &PlanRow) -> Vec<String> {
    let unit = row.unit.as_ref();
    let shown = |value: f64| amount(unit, Some(value));
    let mut said = Vec::new();
    if let (Some(limit), Some(line), Some(peak)) = (row.limit, row.line, row.peak) {
        let left = line - peak.value;
        let word = if left < 0.0 { "over" } else { "left" };
        said.push(format!(
            "It counts as full at {}; the limit is {}. The highest peak, {}, was on {}: {} {word}.",
            shown(line),
            shown(limit),
            shown(peak.value),
            peak.at.date(),
            shown(left.abs())
        ));
    }
    if let Some(change) = row.limit_change {
        let (from, at) = (shown(change.from), change.at.date());
        said.push(format!("The limit changed on {at}; it was {from}."));
    }
    if let Some(slope) = row.slope_per_day {
        let since = row.trend_since.map_or_else(String::new, |at| format!(" since {}", at.date()));
        let p = row.p_value.map_or_else(String::new, chance);
        let verb = if slope < 0.0 { "shrinks" } else { "grows" };
        said.push(format!("Its daily peak {verb} by {} a day{since}{p}.", shown(slope.abs())));
    }
    if let Outcome::Within(forecast) = &row.outcome {
        let percent = |share: f64| format!("{:.0}%", share * 100.0);
        said.push(format!(
            "Full within 7 days: {}; 30 days: {}; 90 days: {}; not within {}: {}.",
            percent(forecast.within_7_days),
            percent(forecast.within_30_days),
            percent(forecast.within_90_days),
            plan.horizon,
            percent(forecast.never)
        ));
    }
    if let Some(backtest) = row.backtest {
        said.push(format!(
            "Forecast from {} days of its own past, the error was {:.2} of that of \"as it is \
             now\" (MASE), and {:.0}% of the peaks fell inside the 80% interval.",
            backtest.origins,
            backtest.mase,
            backtest.coverage * 100.0
        ));
    }
    let gaps = match row.gap_days {
        0 => String::new(),
        gaps => format!("; of {gaps} more the peak is not known"),
    };
    said.push(format!("It rests on {} days of peaks{gaps}.", row.days));
    said
}

/// How likely so steep a trend is by chance.
fn chance(p: f64) -> String {
    let share = if p < CHANCE_MIN {
        format!("less than {:.2}%", CHANCE_MIN * 100.0)
    } else {
        format!("{:.2}%", p * 100.0)
    };
    format!("; where there is no trend, one so steep is seen in {share} of cases")
}
