//! What could be given back, for people: idle hosts and over-provisioned resources.

use std::io::{self, Write};

use super::names::{TABLE_CHARS_MAX, cut, cut_apart};
use super::table::{Columns, amount, is_share, named, numbers, percent, prose, words};
use super::text::{TextOptions, more};
use super::zombies;
use crate::capacity::{Grade, IdleHost, IdleReport, OverprovisionedRow, Plan, Reclaimable, name};
use crate::model::{Labels, Unit};

/// Writes the idle hosts, or the zombies where the study asks for them.
pub(super) fn idle(plan: &Plan, options: TextOptions, out: &mut impl Write) -> io::Result<()> {
    if let Some(zombies) = &plan.zombies {
        return zombies::text(plan, zombies, options, out);
    }
    let report = &plan.idle;
    if report.rule.is_empty() {
        return writeln!(out, "\nIDLE HOSTS: not looked for; the study has no [idle] rule");
    }
    writeln!(out, "\nIDLE HOSTS: {} of {}", report.hosts.len(), plan.summary.hosts)?;
    prose(&format!("Rule: {}.", report.rule), out)?;
    if !report.hosts.is_empty() {
        idle_table(plan, options, out)?;
        prose(&freed(&report.hosts.iter().flat_map(|host| &host.frees).collect::<Vec<_>>()), out)?;
        if let Some(prices) = prices(report) {
            prose(&prices, out)?;
        }
    }
    if report.kept_for_bursts.is_empty() {
        return Ok(());
    }
    let few: Vec<_> =
        report.kept_for_bursts.iter().take(5).map(|labels| host_name(plan, labels)).collect();
    let names = cut_apart(few.iter().map(String::as_str), TABLE_CHARS_MAX);
    let dots = if report.kept_for_bursts.len() > names.len() { ", ..." } else { "" };
    let (count, names) = (report.kept_for_bursts.len(), names.join(", "));
    let text =
        format!("Kept, quiet but for bursts (monthly or standby jobs?): {count} ({names}{dots}).");
    prose(&text, out)
}

/// What the idle hosts cost, and of how many that is not known.
pub(super) fn prices(report: &IdleReport) -> Option<String> {
    let saved = report.saved_per_month?;
    let aside = match report.unpriced {
        0 => String::new(),
        unpriced => format!(", {unpriced} without a price aside"),
    };
    Some(format!("Their prices add up to {saved:.0} a month{aside}."))
}

fn idle_table(plan: &Plan, options: TextOptions, out: &mut impl Write) -> io::Result<()> {
    let hosts = &plan.idle.hosts;
    // One column for each resource of the rule, and for each limit that would be freed.
    let uses = unique(hosts.iter().flat_map(|h| &h.evidence).map(|e| e.resource.as_str()));
    let limits = unique(hosts.iter().flat_map(frees).map(|(resource, ..)| resource));
    let heading = |what: &str, resource: &str| format!("{what} {}", cut(resource).to_uppercase());
    let texts: Vec<String> = (uses.iter().map(|name| heading("MEAN", name)))
        .chain(limits.iter().map(|name| heading("FREES", name)))
        .collect();
    let mut headings = vec![named("HOST"), words("EVIDENCE")];
    headings.extend(texts.iter().map(|text| numbers(text)));
    let mut columns = Columns::new(&headings);
    let shown = options.part(2).min(hosts.len());
    for host in &hosts[..shown] {
        let mut cells = vec![host_name(plan, &host.labels), grade(host.grade).to_owned()];
        for resource in &uses {
            let found = host.evidence.iter().find(|evidence| evidence.resource == *resource);
            cells.push(amount(found.and_then(|e| e.unit.as_ref()), found.map(|e| e.mean)));
        }
        for resource in &limits {
            let found = frees(host).find(|(other, ..)| other == resource);
            cells.push(amount(found.and_then(|f| f.1), found.map(|f| f.2)));
        }
        columns.row(&cells);
    }
    columns.write(out)?;
    more(hosts.len() - shown, "hosts", out)
}

/// What a host would free of one resource: its name, its unit, and the limit.
pub(super) type Freed = (String, Option<Unit>, f64);

/// What an idle host would free, without shares.
pub(super) fn frees(host: &IdleHost) -> impl Iterator<Item = (&str, Option<&Unit>, f64)> {
    sums(&host.frees)
}

/// What would be freed, without shares, which do not add up.
pub(super) fn sums<'a>(
    frees: impl IntoIterator<Item = &'a Freed>,
) -> impl Iterator<Item = (&'a str, Option<&'a Unit>, f64)> {
    let all = frees.into_iter().map(|(name, unit, limit)| (name.as_str(), unit.as_ref(), *limit));
    all.filter(|(_, unit, _)| !is_share(*unit))
}

/// What all hosts together would free.
pub(super) fn freed(frees: &[&Freed]) -> String {
    let mut sums: Vec<(&str, Option<&Unit>, f64)> = Vec::new();
    for (name, unit, limit) in self::sums(frees.iter().copied()) {
        match sums.iter_mut().find(|(other, ..)| *other == name) {
            Some(sum) => sum.2 += limit,
            None => sums.push((name, unit, limit)),
        }
    }
    if sums.is_empty() {
        return "They have no limits that add up.".to_owned();
    }
    let shown = |(name, unit, sum): &(&str, Option<&Unit>, f64)| {
        format!("{} {}", cut(name), amount(*unit, Some(*sum)))
    };
    format!("Together they would free {}.", sums.iter().map(shown).collect::<Vec<_>>().join(", "))
}

/// Writes the over-provisioned resources: the total of each, then its largest rows.
pub(super) fn overprovisioned(
    plan: &Plan,
    options: TextOptions,
    out: &mut impl Write,
) -> io::Result<()> {
    let report = &plan.overprovisioned;
    if report.rule.is_empty() {
        return writeln!(out, "\nOVER-PROVISIONED: not looked for; the study names no resources");
    }
    writeln!(out, "\nOVER-PROVISIONED, {} aside", aside(plan))?;
    prose(&format!("Rule: {}.", report.rule), out)?;
    for total in &report.totals {
        writeln!(out, "\n {}", in_words(total))?;
        let rows = report.rows.iter().filter(|row| row.resource == total.resource);
        let rows: Vec<_> = rows.collect();
        if rows.is_empty() {
            continue;
        }
        let shown = options.part(4).min(rows.len());
        overprovisioned_table(plan, &rows[..shown]).write(out)?;
        more(rows.len() - shown, "rows", out)?;
    }
    Ok(())
}

/// The hosts that are left out of what is over-provisioned: they are counted whole, or kept for
/// work that comes too seldom for a quantile.
pub(super) fn aside(plan: &Plan) -> &'static str {
    if plan.zombies.is_some() { "zombies and kept hosts" } else { "idle and kept hosts" }
}

fn overprovisioned_table(plan: &Plan, rows: &[&OverprovisionedRow]) -> Columns {
    let mut columns = Columns::new(&[
        named("HOST"),
        numbers("NEED"),
        numbers("PEAK"),
        numbers("LIMIT"),
        numbers("NEW LIMIT"),
        numbers("RECLAIM"),
        numbers("OF LIMIT"),
    ]);
    for row in rows {
        let shown = |value| amount(row.unit.as_ref(), Some(value));
        columns.row(&[
            host_name(plan, &row.labels),
            shown(row.need),
            shown(row.peak),
            shown(row.limit),
            shown(row.target),
            shown(row.reclaimable()),
            percent(Some(row.reclaimable() / row.limit)),
        ]);
    }
    columns
}

pub(super) fn in_words(total: &Reclaimable) -> String {
    let ((over, judged), (reclaimed, all)) = (total.rows, total.amount);
    let share = percent(Some(reclaimed / all));
    let unit = total.unit.as_ref();
    let sums = if is_share(unit) {
        format!("{share} of all limits")
    } else {
        let (reclaimed, all) = (amount(unit, Some(reclaimed)), amount(unit, Some(all)));
        format!("{reclaimed} of {all} ({share})")
    };
    format!("{}: {over} of {judged} hosts, {sums} could be reclaimed.", cut(&total.resource))
}

pub(super) fn grade(grade: Grade) -> &'static str {
    match grade {
        Grade::Strong => "strong",
        Grade::Fair => "fair",
        Grade::Weak => "weak",
    }
}

fn host_name(plan: &Plan, labels: &Labels) -> String {
    name(labels, &plan.hosts.by)
}

/// Each name once, in the order of its first appearance.
pub(super) fn unique<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut found = Vec::new();
    for name in names {
        if !found.contains(&name) {
            found.push(name);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_of_prices_says_how_many_are_missing() {
        let of = |saved_per_month, unpriced| {
            prices(&IdleReport { saved_per_month, unpriced, ..IdleReport::default() })
        };
        assert_eq!(of(None, 20), None);
        assert_eq!(of(Some(100.0), 0).unwrap(), "Their prices add up to 100 a month.");
        assert_eq!(
            of(Some(100.0), 19).unwrap(),
            "Their prices add up to 100 a month, 19 without a price aside."
        );
    }
}
