//! The top of the page: what it is, the finding in two sentences, and the counts.

use std::fmt::Write;

use super::escape::{Text, cut};
use super::scale::long_date;
use crate::capacity::{Outcome, Plan, PlanRow};
use crate::model::Span;

/// As likely as not.
const EVEN: f64 = 0.5;

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
    for caveat in &plan.caveats {
        let _ = writeln!(out, "<p class=\"caveat\">Note: {}.</p>", Text(caveat));
    }
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
        (0, 0) => none_is_dated(plan),
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

/// What can be said where no row is full or has a likely date: an all-clear only of what was looked
/// at, and only where it came near no line.
fn none_is_dated(plan: &Plan) -> String {
    let s = &plan.summary;
    if s.rows == 0 {
        return "Nothing can be said: there are no rows.".to_owned();
    }
    if s.rows == s.not_enough_data {
        let of =
            if s.rows == 1 { "the only row".to_owned() } else { format!("all {} rows", s.rows) };
        return format!("Nothing can be said: of {of} there is not enough data.");
    }
    let unknown = match s.not_enough_data {
        0 => String::new(),
        unknown => format!(" Of {unknown} of {} rows nothing can be said.", s.rows),
    };
    let count =
        |is: &dyn Fn(&PlanRow) -> bool| plan.hosts.rows.iter().filter(|row| is(row)).count();
    let over = count(&|row| row.headroom().is_some_and(|left| left < 0.0));
    let likely = |row: &PlanRow| row.probabilities.is_some_and(|odds| odds.within_90 > EVEN);
    let likely = count(&likely);
    if (over, likely) == (0, 0) {
        return format!("Nothing is likely to run out within {}.{unknown}", plan.horizon);
    }
    let mut parts = Vec::new();
    if over > 0 {
        parts.push(format!("{} had a peak over the line", rows(over)));
    }
    if likely > 0 {
        let is = if likely == 1 { "is" } else { "are" };
        parts
            .push(format!("{} {is} more likely than not to reach it within 90 days", rows(likely)));
    }
    format!(
        "No resource of a host has a date within {}, but {}.{unknown}",
        plan.horizon,
        parts.join(", and ")
    )
}

fn rows(count: usize) -> String {
    if count == 1 { "1 row".to_owned() } else { format!("{count} rows") }
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
        let (resource, (over, judged)) = (cut(&total.resource), total.rows);
        let what = format!("of {resource} can be reclaimed, on {over} of {judged} hosts");
        tiles.push((share, what, ""));
    }
    if s.not_enough_data > 0 {
        let what = "rows of which nothing can be said".to_owned();
        tiles.push((s.not_enough_data.to_string(), what, ""));
    }
    tiles
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capacity::Summary;
    use crate::capacity::exhaustion::Probabilities;
    use crate::report::testing::plan as small_plan;

    #[test]
    fn what_the_data_lack_stands_above_all_numbers() {
        let mut plan = small_plan();
        plan.caveats = vec!["every answer lacks <3> samples".into()];
        let mut out = String::new();
        write(&plan, &mut out);
        let (above, _) = out.split_once("<ul class=\"tiles\">").unwrap();
        assert!(above.contains("Note: every answer lacks &lt;3&gt; samples."), "{above}");
    }

    /// A plan of rows without a date, of the last so many of which nothing can be said.
    fn undated(rows: usize, unknown: usize, change: impl Fn(&mut PlanRow)) -> Plan {
        let mut plan = small_plan();
        let quiet = plan.hosts.rows.iter().find(|row| row.outcome == Outcome::NoTrend).unwrap();
        let mut row = PlanRow { probabilities: None, ..quiet.clone() };
        change(&mut row);
        plan.hosts.rows = vec![row; rows];
        plan.summary = Summary { rows, not_enough_data: unknown, ..Summary::default() };
        plan
    }

    #[test]
    fn all_is_clear_only_where_something_was_looked_at() {
        let said = |rows, unknown| finding(&undated(rows, unknown, |_| ()));
        assert_eq!(said(0, 0), "Nothing can be said: there are no rows.");
        assert_eq!(said(1, 1), "Nothing can be said: of the only row there is not enough data.");
        assert_eq!(said(3, 3), "Nothing can be said: of all 3 rows there is not enough data.");
        assert_eq!(said(3, 0), "Nothing is likely to run out within 90d.");
        assert_eq!(
            said(3, 2),
            "Nothing is likely to run out within 90d. Of 2 of 3 rows nothing can be said."
        );
    }

    #[test]
    fn all_is_not_clear_where_a_line_was_or_will_be_reached() {
        let over = |row: &mut PlanRow| row.line = row.peak.map(|peak| peak.value - 1.0);
        let odds = |within_90| Probabilities {
            within_7: 0.1,
            within_30: 0.2,
            within_90,
            never: 1.0 - within_90,
        };
        assert_eq!(
            finding(&undated(2, 0, over)),
            "No resource of a host has a date within 90d, but 2 rows had a peak over the line."
        );
        let likely = |row: &mut PlanRow| row.probabilities = Some(odds(0.995));
        assert_eq!(
            finding(&undated(1, 0, likely)),
            "No resource of a host has a date within 90d, but 1 row is more likely than not to \
             reach it within 90 days."
        );
        let both = |row: &mut PlanRow| {
            over(row);
            likely(row);
        };
        let said = finding(&undated(2, 1, both));
        assert!(said.contains("2 rows had a peak over the line, and 2 rows are more"), "{said}");
        let even = finding(&undated(2, 0, |row| row.probabilities = Some(odds(0.5))));
        assert_eq!(even, "Nothing is likely to run out within 90d.");
    }

    #[test]
    fn a_tile_names_its_resource_whole() {
        let mut plan = small_plan();
        let of = |plan: &Plan| tiles(plan).into_iter().find(|tile| tile.1.contains("reclaimed"));
        plan.overprovisioned.totals[0].resource = "disk: /var, fast".to_owned();
        let (over, judged) = plan.overprovisioned.totals[0].rows;
        let wanted = format!("of disk: /var, fast can be reclaimed, on {over} of {judged} hosts");
        assert_eq!(of(&plan).unwrap().1, wanted);
    }
}
