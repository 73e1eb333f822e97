//! What breaks under which failure, and scenarios side by side.

use std::fmt::Write;

use super::document::Body;
use super::escape::cut;
use super::parts::{Failover, Measure, Parts};
use super::table::{Cell, Table, numbers, words};
use crate::capacity::InTime;
use crate::model::Unit;
use crate::report::pools::{answers, in_time};
use crate::report::table::{amount, percent};

/// Rows of the table of failures.
const FAILOVERS_MAX: usize = 100;

/// Writes what each failure does.
pub(super) fn failovers(parts: &Parts, body: &mut Body) {
    if parts.failovers.is_empty() {
        return;
    }
    body.section("failover", "What breaks under which failure");
    let broken = parts.failovers.iter().filter(|failover| !failover.is_survived()).count();
    let count = parts.failovers.len();
    let asked = parts.failovers.iter().find_map(|failover| failover.in_time);
    let (all, some) = match asked {
        None => ("can be carried", "cannot be carried"),
        Some(_) => ("are carried, and answered in time,", "are not carried, or not in time,"),
    };
    body.say(&match broken {
        0 => format!("All {count} failures that were looked at {all} by those who are left."),
        _ => format!("{broken} of {count} failures {some} by those who are left."),
    });
    let mut headings = vec![
        words("Group"),
        words("Failure"),
        words("Tightest"),
        numbers("Peak demand"),
        numbers("What is left carries"),
        numbers("Used then"),
        words("Holds"),
    ];
    headings.extend(asked.map(|_| words("In time")));
    let mut table = Table::sortable(headings);
    for failover in parts.failovers.iter().take(FAILOVERS_MAX) {
        let mut row = cells(failover);
        row.extend(asked.map(|_| in_time_cell(failover.in_time)));
        table.row(row);
    }
    body.table(&table, count);
    if let Some(asked) = asked {
        body.explain(&answers(asked));
    }
}

fn in_time_cell(of: Option<InTime>) -> Cell {
    let class = of.map_or("", |of| if of.holds() { "good" } else { "bad" });
    Cell::words(in_time(of)).class(class)
}

fn cells(failover: &Failover) -> Vec<Cell> {
    let shown = |value: f64| Cell::number(amount(failover.unit.as_ref(), Some(value)), value);
    let share = failover.used_share.unwrap_or(f64::INFINITY);
    let (holds, class) = if failover.holds() { ("yes", "good") } else { ("no", "bad") };
    vec![
        Cell::name(&failover.group),
        Cell::name(&failover.failure),
        Cell::name(&failover.resource),
        shown(failover.demand),
        shown(failover.capacity),
        Cell::number(
            if share.is_finite() { percent(Some(share)) } else { "nobody left".into() },
            share,
        )
        .class(class),
        Cell::words(holds).class(class),
    ]
}

/// Writes the scenarios side by side; under each value, how it differs from the first scenario's.
pub(super) fn scenarios(parts: &Parts, body: &mut Body) {
    let Some(scenarios) = parts.scenarios.as_ref().filter(|s| !s.measures.is_empty()) else {
        return;
    };
    body.section("scenarios", "Scenarios side by side");
    let mut headings = vec![words("Measure")];
    headings.extend(scenarios.names.iter().map(|name| numbers(&cut(name))));
    let mut table = Table::new(headings);
    for measure in &scenarios.measures {
        table.row(measure_cells(measure, scenarios.names.len()));
    }
    body.table(&table, scenarios.measures.len());
    if let Some(first) = scenarios.names.first() {
        body.explain(&format!("In brackets: the difference from \"{}\".", cut(first)));
    }
}

fn measure_cells(measure: &Measure, scenarios: usize) -> Vec<Cell> {
    let unit = measure.unit.as_ref();
    let base = measure.values.first().copied().unwrap_or(f64::NAN);
    let mut cells = vec![Cell::name(&measure.name)];
    for at in 0..scenarios {
        let value = measure.values.get(at).copied().unwrap_or(f64::NAN);
        let off = value - base;
        let mut text = counted(unit, value);
        if at > 0 && off.is_finite() && off != 0.0 {
            let sign = if off > 0.0 { "+" } else { "−" };
            let _ = write!(text, " ({sign}{})", counted(unit, off.abs()));
        }
        cells.push(Cell::number(text, value));
    }
    cells
}

/// An amount; what has no unit and is whole is a count.
fn counted(unit: Option<&Unit>, value: f64) -> String {
    if unit.is_none() && value.fract() == 0.0 {
        return format!("{value:.0}");
    }
    amount(unit, Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_from_the_first_scenario() {
        let measure = Measure {
            name: "hosts".into(),
            unit: None,
            values: vec![100.0, 112.0, 88.0, 100.0, f64::NAN],
        };
        let mut table = Table::new((0..7).map(|_| words("")).collect());
        table.row(measure_cells(&measure, 6));
        let mut out = String::new();
        table.write(&mut out);
        let row = out.lines().find(|line| line.contains("hosts")).unwrap();
        assert!(row.ends_with("<td>100<td>112 (+12)<td>88 (−12)<td>100<td>-<td>-"), "{row}");
    }

    #[test]
    fn who_is_left_carries_the_demand_or_does_not() {
        let failover = |demand, capacity| Failover {
            group: "web".into(),
            failure: "1 of 4 hosts".into(),
            resource: "cpu".into(),
            unit: "%".parse().ok(),
            demand,
            capacity,
            used_share: Some(demand / capacity),
            in_time: None,
        };
        assert!(failover(225.0, 225.0).holds());
        assert!(!failover(300.0, 225.0).holds() && !failover(1.0, 0.0).holds());
        let found = cells(&failover(300.0, 225.0));
        let wanted =
            [Cell::number("133%", 300.0 / 225.0).class("bad"), Cell::words("no").class("bad")];
        assert_eq!(found[5..], wanted);
    }
}
