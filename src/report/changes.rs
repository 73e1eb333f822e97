//! What changed between two plans, as a sheet: counts, then the changes, worst first.

use super::sheet::{Column, Sheet, Value};
use crate::capacity::kept::{ChangeKind, PlanChanges, Reason, RowChange, Standing};
use crate::capacity::{Outcome, PlanRow, TablePlan};
use crate::model::{Timestamp, Unit};

/// For whom the changes are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangesFor {
    /// For people: the worst changes, at most so many of them.
    People {
        /// `None` for all, those within noise among them.
        rows: Option<usize>,
    },
    /// For programs: every row that changed at all, and every number.
    Programs,
}

/// The changes between two plans.
pub fn changes_sheet(changes: &PlanChanges<'_>, wanted: ChangesFor) -> Sheet {
    let (before, after) = (changes.before, changes.after);
    let mut sheet = Sheet::new(format!("What changed in the plan of {}", after.study));
    sheet.fact("as_of_before", "before, as of", before.as_of.to_string(), "");
    sheet.fact("as_of", "now, as of", after.as_of.to_string(), "");
    let rows = |table: &TablePlan| table.rows.len();
    sheet.fact("rows_before", "rows before", before.tables().map(rows).sum::<usize>(), "");
    sheet.fact("rows", "rows now", after.tables().map(rows).sum::<usize>(), "");
    for kind in ChangeKind::ALL {
        let count = changes.count(kind);
        if count > 0 || wanted == ChangesFor::Programs || kind == ChangeKind::Unchanged {
            sheet.fact(kind.word(), words(kind), count, "");
        }
    }
    let due = changes.rows.iter().filter(|row| row.order_due).count();
    sheet.fact("to_order", "of all these, newly to be ordered", due, "");
    match wanted {
        ChangesFor::People { rows } => people(changes, rows, &mut sheet),
        ChangesFor::Programs => programs(changes, &mut sheet),
    }
    plan_notes(changes, &mut sheet);
    sheet
}

/// A kind of change for people.
fn words(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::NewlyFull => "newly full",
        ChangeKind::NewlyDated => "newly with a date",
        ChangeKind::Earlier => "full earlier than was said",
        ChangeKind::OrderDue => "to be ordered now",
        ChangeKind::Unknown => "no longer enough data",
        ChangeKind::Gone => "gone",
        ChangeKind::Tighter => "without a date, less room",
        ChangeKind::New => "new",
        ChangeKind::Later => "full later than was said",
        ChangeKind::NoLongerDated => "no longer with a date",
        ChangeKind::NoLongerFull => "no longer full",
        ChangeKind::Looser => "without a date, more room",
        ChangeKind::Known => "enough data again",
        ChangeKind::Trend => "without a date, a trend came or went",
        ChangeKind::Noise => "the date moved within noise",
        ChangeKind::Unchanged => "unchanged",
    }
}

fn people(changes: &PlanChanges<'_>, limit: Option<usize>, sheet: &mut Sheet) {
    let wanted = |row: &&RowChange<'_>| match limit {
        Some(_) => row.kind.is_told(),
        None => row.kind != ChangeKind::Unchanged,
    };
    let all = changes.rows.iter().filter(wanted).count();
    let shown = limit.unwrap_or(all).min(all);
    if shown == 0 {
        return;
    }
    let headings = ["change", "row", "resource", "before", "now", "moved", "order by", "why"];
    let table = sheet.table("changes", &headings.map(|name| Column::new(name, name)));
    for row in changes.rows.iter().filter(wanted).take(shown) {
        table.row([
            words(row.kind).into(),
            name(row, changes).into(),
            resource(row).into(),
            standing(row.before).into(),
            standing(row.after).into(),
            row.moved_days.map_or("-".to_owned(), |days| format!("{days:+}d")).into(),
            order_by(row, changes.after.as_of).into(),
            why(row).into(),
        ]);
    }
    if shown < all {
        sheet.note(format!("{} more changes; --all shows them.", all - shown));
    }
}

/// The row's name; where it is of a group, the group's name first.
fn name(row: &RowChange<'_>, changes: &PlanChanges<'_>) -> String {
    let Some(any) = row.after.or(row.before) else { return String::new() };
    let own = any.name(&row.table.by);
    let by_host = row.table.name == changes.after.hosts.name;
    if by_host { own } else { format!("{} {own}", row.table.name) }
}

fn resource(row: &RowChange<'_>) -> String {
    row.after.or(row.before).map_or(String::new(), |row| row.resource.clone())
}

fn standing(row: Option<&PlanRow>) -> String {
    let Some(row) = row else { return "-".to_owned() };
    match (&row.outcome, Standing::of(Some(row))) {
        (Outcome::Already { since }, _) => format!("full since {}", since.date()),
        (Outcome::Within(forecast), Standing::Dated) => match (forecast.p50, forecast.p10) {
            (Some(p50), _) => p50.date(),
            (None, p10) => format!("P10 {}", p10.map_or(String::new(), Timestamp::date)),
        },
        (_, Standing::NoTrend) => "no trend".to_owned(),
        (_, Standing::Unknown) => "not known".to_owned(),
        _ => "no date".to_owned(),
    }
}

fn order_by(row: &RowChange<'_>, as_of: Timestamp) -> String {
    let Some(after) = row.after else { return "-".to_owned() };
    if after.is_overdue(as_of) {
        return "now".to_owned();
    }
    date(order_day(after)).unwrap_or_else(|| "-".to_owned())
}

fn order_day(row: &PlanRow) -> Option<Timestamp> {
    match &row.outcome {
        Outcome::Within(forecast) => forecast.order_by,
        _ => None,
    }
}

fn median_day(row: &PlanRow) -> Option<Timestamp> {
    match &row.outcome {
        Outcome::Within(forecast) => forecast.p50,
        _ => None,
    }
}

fn date(day: Option<Timestamp>) -> Option<String> {
    day.map(Timestamp::date)
}

/// The reasons; of rows without any nothing.
fn why(row: &RowChange<'_>) -> String {
    let unit = row.after.or(row.before).and_then(|row| row.unit.as_ref());
    let sentences: Vec<String> = row.reasons.iter().map(|one| one.sentence(unit)).collect();
    sentences.join("; ")
}

fn programs(changes: &PlanChanges<'_>, sheet: &mut Sheet) {
    let keys = [
        "change",
        "table",
        "row",
        "labels",
        "resource",
        "unit",
        "outcome_before",
        "outcome",
        "p50_before",
        "p50",
        "moved_days",
        "order_by_before",
        "order_by",
        "order_by_moved_days",
        "order_due",
        "limit_before",
        "limit",
        "line_before",
        "line",
        "peak_7_days_before",
        "peak_7_days",
        "slope_per_day_before",
        "slope_per_day",
        "reasons",
        "why",
    ];
    let table = sheet.table("changes", &keys.map(|key| Column::new(key, key)));
    for row in changes.rows.iter().filter(|row| row.kind != ChangeKind::Unchanged) {
        table.row(cells(row));
    }
}

fn cells(row: &RowChange<'_>) -> Vec<Value> {
    let any = row.after.or(row.before);
    let both = |of: &dyn Fn(&PlanRow) -> Value| {
        [row.before, row.after].map(|row| row.map_or(Value::None, of))
    };
    let days = |days: Option<i64>| Value::from(days.map(|days| days as f64));
    let reasons: Vec<&str> = row.reasons.iter().map(Reason::word).collect();
    let mut cells: Vec<Value> = vec![
        row.kind.word().into(),
        row.table.name.as_str().into(),
        any.map(|any| any.name(&row.table.by)).into(),
        any.map(|any| any.labels.to_string()).into(),
        resource(row).into(),
        any.and_then(|any| any.unit.as_ref()).map(Unit::as_str).into(),
    ];
    cells.extend(both(&|row| row.outcome.word().into()));
    cells.extend(both(&|row| date(median_day(row)).into()));
    cells.push(days(row.moved_days));
    cells.extend(both(&|row| date(order_day(row)).into()));
    cells.push(days(row.order_moved_days));
    cells.push(if row.order_due { "yes" } else { "no" }.into());
    cells.extend(both(&|row| row.limit.into()));
    cells.extend(both(&|row| row.line.into()));
    cells.extend(both(&|row| row.peak_7_days.map(|peak| peak.value).into()));
    cells.extend(both(&|row| row.slope_per_day.into()));
    cells.push(reasons.join(" ").into());
    cells.push(why(row).into());
    cells
}

/// What is another one for the plan as a whole.
fn plan_notes(changes: &PlanChanges<'_>, sheet: &mut Sheet) {
    let (before, after) = (changes.before, changes.after);
    if before.study != after.study {
        sheet.note(format!("The earlier plan is of another study: {}.", before.study));
    }
    for (what, from, to) in [
        ("step", before.step, after.step),
        ("horizon", before.horizon, after.horizon),
        ("lead time", before.lead_time, after.lead_time),
    ] {
        if from != to {
            sheet.note(format!("The {what} changed from {from} to {to}."));
        }
    }
    sheet.note(
        "A date moved within noise where the median of each plan lies in the other's interval from \
         P10 to P90.",
    );
}
