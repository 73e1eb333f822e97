//! What runs out first and when: ranked dates, every row, demand against its limit, and headroom.

use super::document::Body;
use super::fan::{self, FanInput, fan};
use super::figure::Figure;
use super::heatmap::heatmap;
use super::intervals::{Ahead, Full, Interval, intervals};
use super::scale::day_number;
use super::table::{Cell, Table, numbers, words};
use crate::capacity::{Forecast, MODEL, Outcome, Plan, PlanRow, TablePlan, name};
use crate::model::Timestamp;
use crate::report::table::{amount, percent, scaled_error, short_date};
use crate::report::text::words_of;

/// Rows of the chart of dates, and of these rows that are full already: one is like the other.
const LANES_MAX: usize = 24;
const FULL_LANES_MAX: usize = 8;
/// Rows of the table by host, and of the table of each group.
const ROWS_MAX: usize = 200;
const GROUP_ROWS_MAX: usize = 40;

/// Writes the section.
pub(super) fn section(plan: &Plan, body: &mut Body) {
    body.section("runs-out", "What runs out first, and when");
    let (lanes, hidden) = lanes(plan);
    if lanes.is_empty() {
        body.say(&format!("No row is full, and none has a date within {}.", plan.horizon));
    } else {
        let ahead = Ahead { as_of: plan.as_of, lead_time: plan.lead_time, horizon: plan.horizon };
        body.figure(&intervals(&lanes, hidden, &ahead));
    }
    rows(plan, &plan.hosts, ROWS_MAX, body);
    body.explain(&format!(
        "Now: mean of the last hour. Peak: the highest mean of {}. Headroom: the line (limit less \
         safety margin) less the peak, as a share of the limit. Full on: the day by which it is \
         full with even odds. Order by: P10 less {}. MASE: error of the {MODEL} on the row's own \
         past; below 1 it beats \"as it is now\".",
        plan.step, plan.lead_time
    ));
    fans(plan, body);
    for group in &plan.groups {
        body.heading(&format!("By {}, hosts added up", group.name));
        rows(plan, group, GROUP_ROWS_MAX, body);
    }
    if let Some(history) = plan.history.as_ref().filter(|history| history.headroom.days > 0) {
        let map = &history.headroom;
        if !map.hosts.is_empty() {
            body.section("headroom", "Headroom by host and day");
            let names: Vec<String> =
                map.hosts.iter().map(|host| name(&host.labels, &plan.hosts.by)).collect();
            body.figure(&heatmap(map, &names));
        }
    }
}

/// The rows of the chart of dates, and how many are not in it.
fn lanes(plan: &Plan) -> (Vec<Interval>, usize) {
    let all: Vec<Interval> = plan.hosts.rows.iter().filter_map(|row| interval(plan, row)).collect();
    let count = all.len();
    let (mut lanes, dated): (Vec<Interval>, Vec<Interval>) =
        all.into_iter().partition(|lane| matches!(lane.full, Full::Since(_)));
    lanes.truncate(FULL_LANES_MAX);
    let left = LANES_MAX.saturating_sub(lanes.len());
    lanes.extend(dated.into_iter().take(left));
    let hidden = count - lanes.len();
    (lanes, hidden)
}

fn interval(plan: &Plan, row: &PlanRow) -> Option<Interval> {
    let full = match &row.outcome {
        Outcome::Already { since } => Full::Since(*since),
        Outcome::Within(Forecast { p10: Some(p10), p50, p90, .. }) => {
            Full::By { p10: *p10, p50: *p50, p90: *p90 }
        }
        _ => return None,
    };
    Some(Interval { name: title(plan, row), full })
}

/// `db-1 · disk`, whole.
pub(super) fn title(plan: &Plan, row: &PlanRow) -> String {
    format!("{} · {}", row.name(&plan.hosts.by), row.resource)
}

fn rows(plan: &Plan, of: &TablePlan, most: usize, body: &mut Body) {
    if of.rows.is_empty() {
        body.say("There are no rows: no series of any usage was selected.");
        return;
    }
    let mut table = Table::sortable(vec![
        words(&capitalised(&of.name)),
        words("Resource"),
        numbers("Now"),
        numbers("Peak"),
        numbers("Limit"),
        numbers("Headroom"),
        words("Full on"),
        words("P10 to P90"),
        words("Order by"),
        numbers("Growth a day"),
        numbers("MASE"),
    ]);
    for row in of.rows.iter().take(most) {
        table.row(cells(plan, of, row));
    }
    body.table_of_rows(&table, of.rows.len());
}

fn cells(plan: &Plan, of: &TablePlan, row: &PlanRow) -> Vec<Cell> {
    let unit = row.unit.as_ref();
    let shown = |value: Option<f64>| Cell::number(amount(unit, value), value.unwrap_or(f64::NAN));
    let share = row.headroom_share();
    let headroom = Cell::number(percent(share), share.unwrap_or(f64::NAN));
    let over = share.is_some_and(|share| share < 0.0);
    let [full, range, order] = dates(plan, row);
    let speaks = matches!(row.outcome, Outcome::Within(_) | Outcome::Already { .. });
    let mase = row.backtest.filter(|_| speaks).map_or(f64::NAN, |backtest| backtest.mase);
    let dated = row.slope_per_day.filter(|_| speaks || row.outcome == Outcome::Never);
    vec![
        Cell::name(row.name(&of.by)),
        Cell::name(&row.resource),
        shown(Some(row.used_now)),
        shown(row.peak.map(|peak| peak.value)),
        shown(row.limit),
        headroom.class(if over { "bad" } else { "" }),
        full,
        range,
        order,
        Cell::number(
            dated.map_or_else(String::new, |slope| amount(unit, Some(slope))),
            dated.unwrap_or(f64::NAN),
        ),
        Cell::number(if mase.is_nan() { String::new() } else { scaled_error(mase) }, mase),
    ]
}

/// When it is full, between which days, and when to order; sorted by the day.
fn dates(plan: &Plan, row: &PlanRow) -> [Cell; 3] {
    let late = if row.is_overdue(plan.as_of) { "bad" } else { "" };
    let (words, order) = words_of(plan, row);
    match &row.outcome {
        Outcome::Already { since } => [
            Cell::number(words, day_number(*since)).class("bad fold"),
            Cell::words(""),
            Cell::number(order, f64::MIN).class(late),
        ],
        Outcome::Within(forecast) => {
            let beyond = || format!("> {}", plan.horizon);
            let range = forecast.p10.map(|p10| {
                let p90 = forecast.p90.map_or_else(beyond, |p90| short_date(p90, p10));
                format!("{} to {p90}", p10.date())
            });
            let from = forecast.p10.map_or(f64::NAN, day_number);
            let by = forecast.order_by.map_or(f64::NAN, day_number);
            let day = forecast.p50.map_or(f64::MAX, day_number);
            [
                Cell::number(forecast.p50.map_or_else(beyond, Timestamp::date), day),
                Cell::number(range.unwrap_or_default(), from).class("fold"),
                Cell::number(order, by).class(late),
            ]
        }
        _ => [
            Cell::number(words, f64::NAN).class("quiet fold"),
            Cell::words(""),
            Cell::number("", f64::NAN),
        ],
    }
}

fn fans(plan: &Plan, body: &mut Body) {
    let Some(history) = plan.history.as_ref().filter(|history| !history.rows.is_empty()) else {
        return;
    };
    body.heading("Demand against its limit");
    body.explain(
        "Daily peaks of the worst rows, and what is forecast of them. Behind the past lie the \
         forecasts that the same method made then, a week ahead each: where the peaks left them, \
         the dates are doubtful. On the line: P10 to P90 of the first day on which it is reached, \
         and P50 as a dot.",
    );
    body.key(&fan::KEY);
    let figures = history.rows.iter().filter_map(|past| {
        let row = plan.hosts.rows.get(past.row)?;
        let name = title(plan, row);
        let full = full_in_words(plan, row);
        Some(fan(&FanInput { name: &name, full: &full, row, history: past }))
    });
    body.figures(&figures.collect::<Vec<Figure>>());
}

fn full_in_words(plan: &Plan, row: &PlanRow) -> String {
    let (full, order) = words_of(plan, row);
    let order = match order.as_str() {
        "" => String::new(),
        "now" => " · order now".to_owned(),
        day => format!(" · order by {day}"),
    };
    let full = match &row.outcome {
        Outcome::Within(_) => format!("full on {full} (P10 / P50 / P90)"),
        _ => format!("full {full}"),
    };
    full + &order
}

fn capitalised(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::page::{Parts, page};
    use crate::report::testing::plan;

    #[test]
    fn a_range_sorts_by_its_first_day_and_what_has_none_stands_last() {
        let plan = plan();
        let mut out = Vec::new();
        page(&plan, &Parts::default(), &mut out).unwrap();
        let html = String::from_utf8(out).unwrap();
        let table = html.split("<table class=\"sort\">").nth(1).unwrap();
        let ranges: Vec<&str> = table
            .split("</table>")
            .next()
            .unwrap()
            .lines()
            .filter(|line| line.starts_with("<tr><th scope=\"row\""))
            .filter_map(|line| line.split("<td").nth(7))
            .collect();
        assert_eq!(ranges.len(), plan.hosts.rows.len());
        for (range, row) in ranges.iter().zip(&plan.hosts.rows) {
            let day = match &row.outcome {
                Outcome::Within(forecast) => forecast.p10.map(day_number),
                _ => None,
            };
            let value = day.map_or_else(String::new, |day| day.to_string());
            assert!(range.contains(&format!(" data-v=\"{value}\"")), "{range}");
        }
    }
}
