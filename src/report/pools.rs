//! Pools for people: what to order, who could leave, what breaks, and what would be.

use std::io::{self, Write};

use super::names::{TABLE_CHARS_MAX, cut, cut_apart};
use super::table::{
    Columns, amount, named, numbers, percent, percent_of, prose, short_date, words,
};
use super::text::{TextOptions, more};
use crate::capacity::{
    FailureReport, InTime, NotAsked, Plan, PoolFailure, PoolLeave, PoolOrder, PoolReport,
    ScenarioOutcome, ScenarioRow, WhenFull,
};

/// Writes what to order for each pool.
pub(super) fn orders(plan: &Plan, options: TextOptions, out: &mut impl Write) -> io::Result<()> {
    let Some(pools) = &plan.pools else { return Ok(()) };
    let Some(rule) = &pools.order_rule else { return Ok(()) };
    let by = pool_name(plan);
    writeln!(out, "\nWHAT TO ORDER, the earliest first, for each {by}")?;
    if pools.orders.is_empty() {
        if pools.pools == 0 {
            return prose("Nothing, for there is no pool: see what could not be said.", out);
        }
        prose("Nothing: no resource that the shape brings runs out in time.", out)?;
        return without_failures(pools, out);
    }
    let mut columns = Columns::new(&[
        named(&by.to_uppercase()),
        named("RUNS OUT"),
        words("P50"),
        words("ORDER BY"),
        words("ARRIVES"),
        numbers("HOSTS"),
        named("SHAPE"),
        named("BECAUSE OF"),
        numbers("A MONTH"),
        numbers("TOO LATE"),
        numbers("SHORT THEN"),
    ]);
    let shown = options.part(1).min(pools.orders.len());
    for order in &pools.orders[..shown] {
        columns.row(&order_cells(plan, order));
    }
    columns.write(out)?;
    more(pools.orders.len() - shown, "orders", out)?;
    for order in pools.orders[..shown].iter().filter(|order| order.full_hosts > 0) {
        let what = format!(
            "Of {}, {} hosts are full already: what they would need beyond that is not seen.",
            cut(&order.name),
            order.full_hosts
        );
        prose(&what, out)?;
    }
    let ratio = rule.costs.critical_ratio();
    prose(
        &format!(
            "ORDER BY: with a probability of at most {} it runs out before the order is \
             there. HOSTS: what is enough, with a probability of {:.0}%, for the highest peak of \
             the week that ends a review ({}) after it arrived, a unit too few costing {:.1} \
             times one too many. TOO LATE: the probability that it runs out first. SHORT THEN: \
             that this peak is over the line all the same (at most, over the resources).",
            percent_of(rule.risk),
            ratio * 100.0,
            rule.review,
            ratio / (1.0 - ratio),
        ),
        out,
    )?;
    without_failures(pools, out)
}

/// What an order is not for, where the study asks for failures.
pub(super) const WITHOUT_FAILURES: &str = "\
    Orders are for the peaks while all hosts are there: what it takes to survive the failures of \
    the study is not in them.";

fn without_failures(pools: &PoolReport, out: &mut impl Write) -> io::Result<()> {
    if pools.failures.spare.is_empty() { Ok(()) } else { prose(WITHOUT_FAILURES, out) }
}

fn order_cells(plan: &Plan, order: &PoolOrder) -> [String; 11] {
    let as_of = plan.as_of;
    let by = if order.is_overdue { "now".to_owned() } else { order.order_by.date() };
    let half = order.needed_by.map_or_else(
        || format!(">{}", plan.horizon),
        |day| if day <= as_of { "full".to_owned() } else { short_date(day, as_of) },
    );
    let mut hosts = order.order.hosts.to_string();
    if order.order.is_capped {
        hosts = format!("{hosts} of {}", order.order.hosts_needed);
    }
    [
        order.name.clone(),
        order.first.clone(),
        half,
        by,
        short_date(order.arrives, as_of),
        hosts,
        order.shape.clone(),
        order.order.binding().unwrap_or("-").to_owned(),
        money(order.order.cost),
        percent(Some(order.risk)),
        percent(Some(order.order.shortage_bounds().1)),
    ]
}

/// An amount of money, whole.
fn money(amount: f64) -> String {
    format!("{:.0}", amount + 0.0)
}

/// Writes which hosts could leave.
pub(super) fn leaves(plan: &Plan, options: TextOptions, out: &mut impl Write) -> io::Result<()> {
    let Some(PoolReport { leaves, kept, .. }) = &plan.pools else { return Ok(()) };
    if leaves.is_empty() && kept.is_empty() {
        return Ok(());
    }
    let by = pool_name(plan);
    writeln!(out, "\nHOSTS THAT COULD LEAVE, for each {by}")?;
    if leaves.is_empty() {
        prose("None, of the pools that can be asked.", out)?;
        return not_asked(kept, out);
    }
    let mut columns = Columns::new(&[
        named(&by.to_uppercase()),
        numbers("HOSTS"),
        numbers("COULD LEAVE"),
        numbers("SAVES A MONTH"),
        words("FOR INSTANCE"),
    ]);
    let shown = options.part(2).min(leaves.len());
    for leave in &leaves[..shown] {
        columns.row(&leave_cells(leave));
    }
    columns.write(out)?;
    more(leaves.len() - shown, "pools", out)?;
    let failures = if plan.pools.as_ref().is_some_and(|pools| pools.failures.spare.is_empty()) {
        "no failure is looked at, for the study names none"
    } else {
        "and every failure of the study is survived"
    };
    let objectives = plan.pools.as_ref().is_some_and(|pools| !pools.budgets.is_empty());
    let budgets = if objectives { ", and no error budget burns faster than it may" } else { "" };
    prose(
        &format!(
            "The peak of all of them together fits under the lines of those who stay, {failures}\
             {budgets}. Whole hosts only: a smaller host saves nothing until one leaves."
        ),
        out,
    )?;
    not_asked(kept, out)
}

/// Names the pools that are not asked who could leave.
fn not_asked(kept: &[NotAsked], out: &mut impl Write) -> io::Result<()> {
    if kept.is_empty() { Ok(()) } else { prose(&kept_in_words(kept), out) }
}

/// Which pools are not asked who could leave, and why.
pub(super) fn kept_in_words(kept: &[NotAsked]) -> String {
    let each = |one: &NotAsked| format!("{} ({})", cut(&one.pool), one.why);
    let few: Vec<String> = kept.iter().take(8).map(each).collect();
    let left = kept.len() - few.len();
    let more = if left > 0 { format!(", and {left} more") } else { String::new() };
    format!("Not asked: {}{more}.", few.join(", "))
}

/// What is saved in a month, and of how many hosts that is not known.
pub(super) fn saved(leave: &PoolLeave) -> String {
    match (leave.saved_per_month, leave.unpriced()) {
        (None, _) => "-".to_owned(),
        (Some(saved), 0) => money(saved),
        (Some(saved), unpriced) => format!("{}, {unpriced} unpriced", money(saved)),
    }
}

fn leave_cells(leave: &PoolLeave) -> [String; 5] {
    let few = leave.leaving.iter().take(3);
    let names = cut_apart(few.map(String::as_str), TABLE_CHARS_MAX);
    let dots = if leave.leaving.len() > names.len() { ", ..." } else { "" };
    [
        leave.name.clone(),
        leave.hosts.to_string(),
        leave.leaving.len().to_string(),
        saved(leave),
        format!("{}{dots}", names.join(", ")),
    ]
}

/// Writes what breaks under which failure.
pub(super) fn failures(plan: &Plan, options: TextOptions, out: &mut impl Write) -> io::Result<()> {
    let Some(PoolReport { failures: report, .. }) = &plan.pools else { return Ok(()) };
    if report.failures.is_empty() {
        return Ok(());
    }
    let by = pool_name(plan);
    let lost = report.failures.iter().filter(|failure| !failure.is_survived()).count();
    writeln!(
        out,
        "\nWHAT BREAKS UNDER WHICH FAILURE: {lost} of {} are not survived",
        report.failures.len()
    )?;
    let by = by.to_uppercase();
    let asked = report.failures.iter().find_map(|failure| failure.in_time);
    let mut headings = vec![
        named(&by),
        named("FAILURE"),
        named("TIGHTEST"),
        numbers("PEAK"),
        numbers("LEFT"),
        numbers("USED THEN"),
        words("HOLDS"),
    ];
    headings.extend(asked.map(|_| words("IN TIME")));
    headings.push(words("WORST LOST"));
    let mut columns = Columns::new(&headings);
    let shown = options.part(1).min(report.failures.len());
    for failure in &report.failures[..shown] {
        columns.row(&failure_cells(failure, asked.is_some()));
    }
    columns.write(out)?;
    more(report.failures.len() - shown, "failures", out)?;
    prose(&spare(report), out)?;
    asked.map_or(Ok(()), |asked| prose(&answers(asked), out))
}

/// What is said of answers in time.
pub(super) fn answers(asked: InTime) -> String {
    format!(
        "IN TIME: whether those who are left answer within {} service times on average (M/M/c), \
         and how busy they get, of their limits, against how busy they could be for that. What is \
         lost and what is counted as a spare host takes both: room, and answers in time.",
        asked.response_times_max
    )
}

/// Whether survivors answer in time, and how busy they get against how busy they could be.
pub(super) fn in_time(of: Option<InTime>) -> String {
    let Some(of) = of else { return "-".to_owned() };
    let share = |share| percent(Some(share));
    match (of.utilisation, of.utilisation_max) {
        (Some(busy), Some(most)) if of.holds() => {
            format!("yes: {} of {}", share(busy), share(most))
        }
        (Some(busy), Some(most)) => format!("NO: {} of {}", share(busy), share(most)),
        _ if of.holds() => "yes".to_owned(),
        _ => "NO".to_owned(),
    }
}

fn failure_cells(failure: &PoolFailure, answers: bool) -> Vec<String> {
    let unit = failure.unit.as_ref();
    let names = cut_apart(failure.lost.iter().map(String::as_str), TABLE_CHARS_MAX);
    let dots = if failure.lost_hosts > names.len() { ", ..." } else { "" };
    let mut cells = vec![
        failure.pool.clone(),
        failure.failure.clone(),
        failure.resource.clone(),
        amount(unit, Some(failure.demand)),
        amount(unit, Some(failure.capacity)),
        failure.used_share.map_or_else(|| "nobody left".to_owned(), |share| percent(Some(share))),
        if failure.holds() { "yes".to_owned() } else { "NO".to_owned() },
    ];
    cells.extend(answers.then(|| in_time(failure.in_time)));
    cells.push(format!("{}{dots}", names.join(", ")));
    cells
}

fn spare(report: &FailureReport) -> String {
    let each =
        |(pool, lost, hosts): &(String, usize, usize)| format!("{} {lost} of {hosts}", cut(pool));
    let few: Vec<String> = report.spare.iter().take(8).map(each).collect();
    let dots = if report.spare.len() > few.len() { ", ..." } else { "" };
    format!(
        "USED THEN: of what those who are left may carry, their limits less the safety margin. \
         Hosts that each can lose, whichever they are: {}{dots}.",
        few.join(", ")
    )
}

/// Writes the scenarios side by side, and what becomes of each row that they change.
pub(super) fn scenarios(plan: &Plan, options: TextOptions, out: &mut impl Write) -> io::Result<()> {
    let Some(PoolReport { scenarios, .. }) = &plan.pools else { return Ok(()) };
    let Some((as_is, others)) = scenarios.split_first() else { return Ok(()) };
    writeln!(out, "\nWHAT IF, by {}", plan.horizon)?;
    let mut columns = Columns::new(&[
        named("SCENARIO"),
        numbers("HOSTS"),
        numbers("ROWS FULL"),
        words("FIRST FULL"),
        numbers("TO ORDER"),
        numbers("A MONTH"),
        numbers("FAILURES LOST"),
        numbers("USED THEN"),
    ]);
    for scenario in scenarios {
        columns.row(&scenario_cells(plan, scenario));
    }
    columns.write(out)?;
    for scenario in others {
        changes(plan, as_is, scenario, options, out)?;
    }
    Ok(())
}

fn scenario_cells(plan: &Plan, scenario: &ScenarioOutcome) -> [String; 8] {
    let first = scenario.rows.iter().filter_map(|row| Some((row.full.day(plan.as_of)?, row)));
    let first = first.min_by(|a, b| a.0.cmp(&b.0));
    let number = |count: Option<String>| count.unwrap_or_else(|| "-".to_owned());
    [
        scenario.name.clone(),
        hosts(scenario.hosts),
        scenario.full_rows.to_string(),
        first.map_or_else(
            || "-".to_owned(),
            |(_, row)| {
                format!("{} {}: {}", cut(&row.pool), cut(&row.resource), when(plan, row.full))
            },
        ),
        number(scenario.ordered_hosts.map(|hosts| hosts.to_string())),
        number(scenario.ordered_per_month.map(money)),
        number(scenario.failures_lost.map(|lost| lost.to_string())),
        match scenario.worst_used_share {
            Some(share) if share.is_infinite() => "nobody left".to_owned(),
            share => percent(share),
        },
    ]
}

/// A number of hosts, which migrations may leave broken.
pub(super) fn hosts(count: f64) -> String {
    if count.fract() == 0.0 { format!("{count:.0}") } else { format!("{count:.1}") }
}

/// When a row of a scenario is full, in words.
pub(super) fn when(plan: &Plan, full: WhenFull) -> String {
    match full {
        WhenFull::Already => "full today".to_owned(),
        WhenFull::Not => "no date".to_owned(),
        WhenFull::Within { p10, p50, p90 } => {
            let date = |day: Option<_>| {
                day.map_or_else(|| format!(">{}", plan.horizon), |day| short_date(day, plan.as_of))
            };
            [p10, p50, p90].map(date).join(" / ")
        }
    }
}

/// The rows that a scenario changes.
fn changes(
    plan: &Plan,
    as_is: &ScenarioOutcome,
    scenario: &ScenarioOutcome,
    options: TextOptions,
    out: &mut impl Write,
) -> io::Result<()> {
    let pairs = as_is.rows.iter().zip(&scenario.rows);
    let mut changed: Vec<(&ScenarioRow, &ScenarioRow)> =
        pairs.filter(|(before, after)| before != after).collect();
    // Rows of which the date changes, then the fullest.
    changed.sort_by(|a, b| {
        let same = |(before, after): &(&ScenarioRow, &ScenarioRow)| before.full == after.full;
        let full = |(_, after): &(&ScenarioRow, &ScenarioRow)| after.peak / after.line;
        same(a).cmp(&same(b)).then_with(|| full(b).total_cmp(&full(a)))
    });
    writeln!(out, "\nWHAT IF {:?}: {}", cut(&scenario.name), rows_change(changed.len()))?;
    if changed.is_empty() {
        return Ok(());
    }
    let mut columns = Columns::new(&[
        named(&pool_name(plan).to_uppercase()),
        named("RESOURCE"),
        numbers("PEAK"),
        numbers("THEN"),
        numbers("LINE"),
        numbers("THEN"),
        words("FULL"),
        words("THEN"),
    ]);
    let shown = options.part(2).min(changed.len());
    for (before, after) in &changed[..shown] {
        let unit = before.unit.as_ref();
        columns.row(&[
            before.pool.clone(),
            before.resource.clone(),
            amount(unit, Some(before.peak)),
            amount(unit, Some(after.peak)),
            amount(unit, Some(before.line)),
            amount(unit, Some(after.line)),
            when(plan, before.full),
            when(plan, after.full),
        ]);
    }
    columns.write(out)?;
    more(changed.len() - shown, "rows", out)
}

/// How many rows change, in words.
fn rows_change(count: usize) -> String {
    if count == 1 { "1 row changes".to_owned() } else { format!("{count} rows change") }
}

/// What a pool is called: the name of its group.
fn pool_name(plan: &Plan) -> String {
    let name = plan.pools.as_ref().map_or("pool", |pools| pools.group.as_str());
    name.escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capacity::testing::pooled_plan;

    const STUDY: &str = r#"
[[shape]]
name = "large"
price = 250
provides = { cpu = "16 GHz", memory = "32 GB", disk = "1 TB" }
[order]
[failover]
lose = ["1 host"]
resources = ["cpu", "memory"]
[[scenario]]
name = "half the web"
[[scenario.change]]
kind = "lose"
where = '{zone="b",service="web"}'
"#;

    #[test]
    fn the_sections_say_what_was_found() {
        let plan = pooled_plan(STUDY);
        let mut out = Vec::new();
        let options = TextOptions { rows: None };
        orders(&plan, options, &mut out).unwrap();
        leaves(&plan, options, &mut out).unwrap();
        failures(&plan, options, &mut out).unwrap();
        scenarios(&plan, options, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        if std::env::var_os("SHOW_TEXT").is_some() {
            eprintln!("{text}");
        }
        for part in [
            "WHAT TO ORDER, the earliest first, for each service",
            "WHAT BREAKS UNDER WHICH FAILURE: ",
            "HOSTS THAT COULD LEAVE, for each service",
            "WHAT IF, by 90d",
            "WHAT IF \"half the web\": 3 rows change",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        assert!(text.lines().all(|line| line.chars().count() <= 140), "{text}");
        // Rows of which the date changes come first, of these the fullest.
        let rows = text.split("3 rows change").nth(1).unwrap().lines().skip(2);
        let resources: Vec<&str> =
            rows.filter_map(|row| row.split_whitespace().nth(1)).take(3).collect();
        assert_eq!(resources, ["cpu", "memory", "disk"]);
    }

    #[test]
    fn a_study_without_pools_has_no_such_section() {
        let plan = crate::capacity::testing::plan(100, |_| ());
        let mut out = Vec::new();
        orders(&plan, TextOptions::default(), &mut out).unwrap();
        leaves(&plan, TextOptions::default(), &mut out).unwrap();
        failures(&plan, TextOptions::default(), &mut out).unwrap();
        scenarios(&plan, TextOptions::default(), &mut out).unwrap();
        assert!(out.is_empty());
    }
}
