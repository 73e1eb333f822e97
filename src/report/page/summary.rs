//! The top of the page: what it is, the finding in two sentences, and the counts.

use std::fmt::Write;

use super::escape::{Text, cut};
use super::scale::long_date;
use crate::capacity::{Outcome, Plan, PlanRow};
use crate::model::Span;
use crate::report::reclaim;

/// Writes the header, without its end.
pub(super) fn write(plan: &Plan, out: &mut String) {
    let as_of = plan.as_of.floor(Span::SECOND);
    let _ = write!(
        out,
        "<header><div class=\"bar\"><div><h1>{}</h1>\n<p class=\"quiet\">As of {} · {:.0} days of \
         data since {}, in steps of {} · dates up to {} ahead · lead time {}</p></div>\n{THEMES}\
         </div>\n",
        Text(&format!("Capacity plan: {}", plan.study)),
        as_of.to_string().replace('T', " ").replace('Z', " UTC"),
        plan.window.span().days(),
        plan.window.start.date(),
        plan.step,
        plan.horizon,
        plan.lead_time,
    );
    let _ = writeln!(out, "<p class=\"lead\">{}</p>", Text(&finding(plan)));
    out.push_str("<ul class=\"tiles\">\n");
    for (count, what, class) in tiles(plan) {
        let _ = writeln!(out, "<li{class}><b>{count}</b><span>{}</span></li>", Text(&what));
    }
    out.push_str("</ul>\n");
}

/// The switch needs no script and is remembered nowhere.
const THEMES: &str = "<fieldset><legend>Theme</legend>\
    <label><input type=\"radio\" name=\"theme\" id=\"theme-auto\" autocomplete=\"off\" checked> \
    as the system</label>\
    <label><input type=\"radio\" name=\"theme\" id=\"theme-light\" autocomplete=\"off\"> \
    light</label>\
    <label><input type=\"radio\" name=\"theme\" id=\"theme-dark\" autocomplete=\"off\"> \
    dark</label></fieldset>";

/// What is most pressing, in words.
fn finding(plan: &Plan) -> String {
    let s = &plan.summary;
    let mut text = match (s.already, s.within_horizon) {
        (0, 0) => format!("Nothing is likely to run out within {}.", plan.horizon),
        (0, within) => format!("{} likely to run out within {}.", are(within), plan.horizon),
        (full, 0) => format!("{} full already; no other has a likely date.", are(full)),
        (full, within) => format!(
            "{} full already, and {within} more likely to run out within {}.",
            are(full),
            plan.horizon
        ),
    };
    if let Some((row, day, range)) = plan.hosts.rows.iter().find_map(first) {
        let name = format!("{} {}", cut(&row.name(&plan.hosts.by)), cut(&row.resource));
        let first = if s.already > 0 { "Next is" } else { "First is" };
        let _ = write!(text, " {first} {name}, on {day}{range}.");
    }
    if s.order_overdue > 0 {
        let orders = if s.order_overdue == 1 { "One order" } else { "Orders" };
        let count =
            if s.order_overdue == 1 { String::new() } else { format!(" for {}", s.order_overdue) };
        let verb = if s.order_overdue == 1 { "is" } else { "are" };
        let _ = write!(text, " {orders}{count} {verb} due now.");
    }
    text
}

fn are(count: usize) -> String {
    let noun = if count == 1 { "resource of a host is" } else { "resources of hosts are" };
    format!("{count} {noun}")
}

/// The first row with a date, its median, and its interval in words.
fn first(row: &PlanRow) -> Option<(&PlanRow, String, String)> {
    let Outcome::Within(forecast) = &row.outcome else { return None };
    let (p10, p50) = (forecast.p10?, forecast.p50?);
    let range = match forecast.p90 {
        Some(p90) => format!(" (with 80% probability {} to {})", long_date(p10), long_date(p90)),
        None => format!(" (with 90% probability not before {})", long_date(p10)),
    };
    Some((row, long_date(p50), range))
}

/// Counts with their words and, where they are bad news, a class.
fn tiles(plan: &Plan) -> Vec<(String, String, &'static str)> {
    let s = &plan.summary;
    let bad = |count: usize| if count > 0 { " class=\"bad\"" } else { "" };
    let horizon = plan.horizon;
    let mut tiles = vec![
        (s.hosts.to_string(), format!("hosts, {} rows (host × resource)", s.rows), ""),
        (s.already.to_string(), "rows full already".to_owned(), bad(s.already)),
        (s.within_horizon.to_string(), format!("rows likely full within {horizon}"), ""),
        (s.order_overdue.to_string(), "rows to be ordered now".to_owned(), bad(s.order_overdue)),
    ];
    if let Some(zombies) = &plan.zombies {
        tiles.push((zombies.hosts.len().to_string(), "zombies".to_owned(), ""));
    } else if !plan.idle.rule.is_empty() {
        tiles.push((plan.idle.hosts.len().to_string(), "idle hosts".to_owned(), ""));
    }
    let most = plan.overprovisioned.totals.iter().filter(|total| total.amount.1 > 0.0);
    for total in most.take(2) {
        let share = format!("{:.0}%", 100.0 * total.amount.0 / total.amount.1);
        let words = reclaim::in_words(total);
        let (resource, rest) = words.split_once(": ").unwrap_or_default();
        let hosts = rest.split(',').next().unwrap_or_default();
        tiles.push((share, format!("of {resource} can be reclaimed, on {hosts}"), ""));
    }
    if s.not_enough_data > 0 {
        let what = "rows of which nothing can be said".to_owned();
        tiles.push((s.not_enough_data.to_string(), what, ""));
    }
    tiles
}
