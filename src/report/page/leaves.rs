//! Which hosts could leave, and what was designed against what is.

use super::document::Body;
use super::escape::{NAME_CHARS_MAX, cut};
use super::table::{Cell, Table, numbers, words};
use crate::capacity::inventory::{By, DesignRow};
use crate::capacity::{DesignReport, Plan, PoolLeave, PoolReport};
use crate::report::names::cut_apart;
use crate::report::pools::{kept_in_words, saved};
use crate::report::table::{amount, percent};

/// Rows of each table.
const ROWS_MAX: usize = 100;
/// Names of a cell.
const NAMES: usize = 4;

/// Writes which hosts of each pool could leave.
pub(super) fn leaves(plan: &Plan, body: &mut Body) {
    let said = |pools: &&PoolReport| !pools.leaves.is_empty() || !pools.kept.is_empty();
    let Some(pools) = plan.pools.as_ref().filter(said) else { return };
    let hosts: usize = pools.leaves.iter().map(|leave| leave.leaving.len()).sum();
    body.heading(&format!("Hosts that could leave: {hosts}"));
    let has_budgets = !pools.budgets.is_empty();
    let budgets = if has_budgets { ", and no error budget burns faster than it may" } else { "" };
    body.explain(&format!(
        "The peak of all hosts of a pool together fits under the lines of those who stay, and what \
         failures the study names are survived{budgets}.",
    ));
    if !pools.kept.is_empty() {
        body.explain(&kept_in_words(&pools.kept));
    }
    if pools.leaves.is_empty() {
        return;
    }
    let mut table = Table::sortable(vec![
        words(&cut(&pools.group)),
        numbers("Hosts"),
        numbers("Could leave"),
        numbers("Saves a month"),
        words("For instance"),
    ]);
    for leave in pools.leaves.iter().take(ROWS_MAX) {
        table.row(leave_cells(leave));
    }
    body.table(&table, pools.leaves.len());
}

fn leave_cells(leave: &PoolLeave) -> Vec<Cell> {
    let count = |count: usize| Cell::number(count.to_string(), count as f64);
    let few = leave.leaving.iter().take(NAMES);
    let names = cut_apart(few.map(String::as_str), NAME_CHARS_MAX);
    let dots = if leave.leaving.len() > names.len() { ", …" } else { "" };
    vec![
        Cell::name(&leave.name),
        count(leave.hosts),
        count(leave.leaving.len()),
        Cell::number(saved(leave), leave.saved_per_month.unwrap_or(f64::NAN)),
        Cell::words(format!("{}{dots}", names.join(", "))).class("wrap"),
    ]
}

/// Writes what the owners asked for beside what there is and what is used.
pub(super) fn designs(plan: &Plan, body: &mut Body) {
    let Some(design) = &plan.design else { return };
    for (by, heading) in [(By::Owner, "Owner"), (By::Service, "Service")] {
        let rows: Vec<&DesignRow> =
            design.rows.iter().filter(|(of, _)| *of == by).map(|(_, row)| row).collect();
        if rows.is_empty() {
            continue;
        }
        body.heading(&format!("Designed against actual, by {}", heading.to_lowercase()));
        let mut table = Table::sortable(vec![
            words(heading),
            words("Resource"),
            numbers("Hosts"),
            numbers("Asked for"),
            numbers("There is"),
            numbers("Used"),
            numbers("Used of asked"),
            numbers("Used of there"),
        ]);
        for row in rows.iter().take(ROWS_MAX) {
            table.row(design_cells(row));
        }
        body.table(&table, rows.len());
    }
    mismatch(design, body);
}

fn design_cells(row: &DesignRow) -> Vec<Cell> {
    let shown = |value: Option<f64>| {
        Cell::number(amount(Some(&row.unit), value), value.unwrap_or(f64::NAN))
    };
    let share = |share: Option<f64>| Cell::number(percent(share), share.unwrap_or(f64::NAN));
    vec![
        Cell::name(row.group.as_deref().unwrap_or("(none)")),
        Cell::name(&row.resource),
        Cell::number(row.hosts.to_string(), row.hosts as f64),
        shown(row.requested),
        shown(row.provisioned),
        shown(row.used),
        share(row.used_of_requested),
        share(row.used_of_provisioned),
    ]
}

fn mismatch(design: &DesignReport, body: &mut Body) {
    let sets = [
        (&design.mismatch.without_row, "Hosts with data that the inventory does not have"),
        (&design.mismatch.without_data, "Hosts of the inventory that have no data"),
    ];
    for (names, what) in sets.into_iter().filter(|(names, _)| !names.is_empty()) {
        let few = names.iter().take(NAMES);
        let few = cut_apart(few.map(String::as_str), NAME_CHARS_MAX);
        let dots = if names.len() > few.len() { ", …" } else { "" };
        body.explain(&format!("{what}: {} ({}{dots}).", names.len(), few.join(", ")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capacity::testing::{plan_with_inventory, pooled_plan};
    use crate::report::page::{Parts, page};

    fn html(plan: &Plan) -> String {
        let mut out = Vec::new();
        page(plan, &Parts::of(plan), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_the_plan_holds_is_on_the_page() {
        let plan = pooled_plan("[failover]\nlose = [\"1 host\"]\nresources = [\"cpu\"]\n");
        let page = html(&plan);
        let leaves = &plan.pools.as_ref().unwrap().leaves;
        let count: usize = leaves.iter().map(|leave| leave.leaving.len()).sum();
        let heading = format!("Hosts that could leave: {count}<");
        for part in [&*heading, "What breaks under which failure", "1 of 12 hosts"] {
            assert!(page.contains(part), "{part}");
        }
        assert!(leaves.iter().any(|leave| leave.name == "web"));
        for leave in leaves {
            let (count, saved) = (leave.leaving.len(), leave.saved_per_month.unwrap());
            let row = page.split("<tr").find(|row| {
                row.contains(&format!(">{}<", leave.name)) && row.contains(&leave.leaving[0])
            });
            let row = row.unwrap_or_else(|| panic!("{} has no row", leave.name));
            for part in [format!(">{}<", leave.hosts), format!(">{count}<"), format!(">{saved}<")] {
                assert!(row.contains(&part), "{part} in {row}");
            }
        }
        let mut none = plan.clone();
        let pools = none.pools.as_mut().unwrap();
        pools.leaves.clear();
        assert!(!pools.kept.is_empty());
        let none = html(&none);
        assert!(none.contains("Hosts that could leave: 0<"));
        assert!(!none.contains(">Could leave</th>") && page.contains(">Could leave</th>"));
        let owned = "host,owner,requested_memory_gb\nweb-01,<b>ann</b>,32\nghost,x,1\n";
        let page = html(&plan_with_inventory(owned));
        assert!(page.contains("Designed against actual, by owner"));
        assert!(page.contains("&lt;b&gt;ann") && !page.contains("<b>ann"));
        assert!(page.contains("have no data: 1 (ghost)"));
    }
}
