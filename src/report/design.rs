//! What was designed against what is, for people and as JSON.

use std::io::{self, Write};

use serde::Serialize;

use super::names::{TABLE_CHARS_MAX, cut_apart};
use super::table::{Columns, amount, named, numbers, percent, prose};
use super::text::{TextOptions, more};
use crate::capacity::inventory::{By, DesignRow};
use crate::capacity::{DesignReport, Plan};

/// Writes what the owners asked for beside what there is and what is used.
pub(super) fn text(plan: &Plan, options: TextOptions, out: &mut impl Write) -> io::Result<()> {
    let Some(design) = &plan.design else { return Ok(()) };
    for (by, heading) in [(By::Owner, "OWNER"), (By::Service, "SERVICE")] {
        let rows: Vec<&DesignRow> =
            design.rows.iter().filter(|(of, _)| *of == by).map(|(_, row)| row).collect();
        if rows.is_empty() {
            continue;
        }
        writeln!(out, "\nDESIGNED AGAINST ACTUAL, by {}", heading.to_lowercase())?;
        let mut columns = Columns::new(&[
            named(heading),
            named("RESOURCE"),
            numbers("HOSTS"),
            numbers("ASKED FOR"),
            numbers("THERE IS"),
            numbers("USED"),
            numbers("USED OF ASKED"),
            numbers("USED OF THERE"),
        ]);
        let shown = options.part(1).min(rows.len());
        for row in &rows[..shown] {
            columns.row(&cells(row));
        }
        columns.write(out)?;
        more(rows.len() - shown, "rows", out)?;
    }
    if !design.rows.is_empty() {
        prose(
            "USED: the mean of the last seven days. Shares are over hosts of which both are \
               known.",
            out,
        )?;
    }
    mismatch(design, out)
}

fn cells(row: &DesignRow) -> [String; 8] {
    let unit = Some(&row.unit);
    [
        row.group
            .as_deref()
            .map_or_else(|| "(none)".to_owned(), |name| name.escape_debug().to_string()),
        row.resource.clone(),
        row.hosts.to_string(),
        amount(unit, row.requested),
        amount(unit, row.provisioned),
        amount(unit, row.used),
        percent(row.used_of_requested),
        percent(row.used_of_provisioned),
    ]
}

fn mismatch(design: &DesignReport, out: &mut impl Write) -> io::Result<()> {
    for why in &design.unsaid {
        prose(&format!("Not added up: {}.", why.escape_debug()), out)?;
    }
    let sets = [
        (&design.mismatch.without_row, "Hosts with data that the inventory does not have"),
        (&design.mismatch.without_data, "Hosts of the inventory that have no data"),
    ];
    for (names, what) in sets {
        if names.is_empty() {
            continue;
        }
        let few: Vec<String> =
            names.iter().take(5).map(|name| name.escape_debug().to_string()).collect();
        let few = cut_apart(few.iter().map(String::as_str), TABLE_CHARS_MAX);
        let dots = if names.len() > few.len() { ", ..." } else { "" };
        prose(&format!("{what}: {} ({}{dots}).", names.len(), few.join(", ")), out)?;
    }
    Ok(())
}

/// The same as JSON.
#[derive(Serialize)]
pub(super) struct DesignView<'a> {
    rows: Vec<RowView<'a>>,
    without_row: &'a [String],
    without_data: &'a [String],
    unsaid: &'a [String],
}

#[derive(Serialize)]
struct RowView<'a> {
    by: &'static str,
    name: Option<&'a str>,
    resource: &'a str,
    unit: &'a str,
    hosts: usize,
    requested: Option<f64>,
    provisioned: Option<f64>,
    used: Option<f64>,
    used_of_requested: Option<f64>,
    used_of_provisioned: Option<f64>,
}

/// The JSON of what was designed against what is.
pub(super) fn json(design: &DesignReport) -> DesignView<'_> {
    let rows = design.rows.iter().map(|(by, row)| RowView {
        by: match by {
            By::Owner => "owner",
            By::Service => "service",
        },
        name: row.group.as_deref(),
        resource: &row.resource,
        unit: row.unit.as_str(),
        hosts: row.hosts,
        requested: row.requested,
        provisioned: row.provisioned,
        used: row.used,
        used_of_requested: row.used_of_requested,
        used_of_provisioned: row.used_of_provisioned,
    });
    DesignView {
        rows: rows.collect(),
        without_row: &design.mismatch.without_row,
        without_data: &design.mismatch.without_data,
        unsaid: &design.unsaid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capacity::testing::plan_with_inventory;

    #[test]
    fn owners_and_hosts_of_one_side_only_are_told() {
        let plan = plan_with_inventory(
            "host,owner,requested_memory_gb\nweb-01,ann,32\nweb-02,ann,32\nnobody,ann,\n",
        );
        let mut out = Vec::new();
        text(&plan, TextOptions::default(), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("DESIGNED AGAINST ACTUAL, by owner"), "{text}");
        let mut rows = text.lines().map(|line| line.split_whitespace().collect::<Vec<&str>>());
        let cells = rows.find(|cells| cells.starts_with(&["ann", "memory"])).unwrap();
        // Twice 9,000 MB, and 6% of it: the season's mean and half of the noise.
        assert_eq!(cells[..8], ["ann", "memory", "2", "64.0", "GB", "32.0", "GB", "19.1"]);
        assert!(text.contains("the inventory does not have: 28 (batch-01,"), "{text}");
        assert!(text.contains("have no data: 1 (nobody)."), "{text}");
        let json = serde_json::to_value(json(plan.design.as_ref().unwrap())).unwrap();
        let row = json["rows"]
            .as_array()
            .unwrap()
            .iter()
            .find(|row| row["name"] == "ann" && row["resource"] == "memory");
        assert_eq!((&row.unwrap()["by"], &row.unwrap()["hosts"]), (&"owner".into(), &2.into()));
    }
}
