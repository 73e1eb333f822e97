//! An order plan over time: what is to be ordered by which day, when it arrives, when it is needed.

use super::figure::{Figure, Reading};
use super::lanes::{LaneWords, Lanes};
use super::parts::Order;
use super::scale::long_date;
use super::svg::Marks;
use super::table::{Cell, Table, words};
use crate::model::{Span, Timestamp};

/// The chart, as seen from `as_of`; `hidden` orders are not in it.
pub(super) fn timeline(orders: &[Order], hidden: usize, as_of: Timestamp) -> Figure {
    let days = orders.iter().flat_map(|o| [Some(o.order_by), Some(o.arrives), o.needed_by]);
    let last = days.flatten().max().unwrap_or(as_of).max(as_of);
    // Those that are overdue begin today: an order cannot be placed before.
    let lanes = Lanes::new(orders.len(), as_of.floor(Span::DAY), last.plus(Span::from_days(3)));
    let mut marks = Marks::new();
    for (lane, order) in orders.iter().enumerate() {
        let y = lanes.middle(lane);
        let place = |at: Timestamp| lanes.days.place(at);
        let late = order.order_by <= as_of;
        let class = if late { "span-late" } else { "lead" };
        let delay = as_of.since(order.order_by);
        let (from, to) = (order.order_by.max(as_of), order.arrives.plus(delay));
        marks.line(class, (place(from), y), (place(to).max(place(from) + 2.0), y));
        if let Some(needed) = order.needed_by {
            marks.dot(if late { "dot-late" } else { "dot" }, (place(needed), y));
        }
    }
    let more = if hidden > 0 { format!(" {hidden} more follow later.") } else { String::new() };
    Figure {
        title: "Orders, earliest first".to_owned(),
        subtitle: format!(
            "Bar: from the last day to order to the day of arrival. Dot: when it is needed, with \
             even odds.{more}"
        ),
        description: describe(orders, as_of),
        key: vec![
            ("limit", "to be ordered now; it arrives as early as it can"),
            ("lead", "can wait until the bar begins"),
        ],
        size: lanes.size(),
        marks: lanes.draw(orders.iter().map(|o| lane_words(o, as_of)), &[], &marks.finish()),
        reading: Reading::Down,
        table: table(orders, &lanes),
    }
}

fn lane_words(order: &Order, as_of: Timestamp) -> LaneWords {
    let late = order.order_by <= as_of;
    let when = if late { "now".to_owned() } else { format!("by {}", long_date(order.order_by)) };
    let end = [when, order.quantity.clone()].join("  ");
    LaneWords { name: order.name.clone(), end: end.trim_end().to_owned(), late }
}

fn describe(orders: &[Order], as_of: Timestamp) -> String {
    let late = orders.iter().filter(|order| order.order_by <= as_of).count();
    format!(
        "A bar for each of {} orders; {late} are to be placed now. The dates are in the table \
         below.",
        orders.len()
    )
}

fn table(orders: &[Order], lanes: &Lanes) -> Table {
    let mut table = Table::new(vec![
        words("Order"),
        words("Quantity"),
        words("Order by"),
        words("Then it arrives"),
        words("Needed by (P50)"),
    ]);
    for (lane, order) in orders.iter().enumerate() {
        table.row_at(
            lanes.middle(lane),
            vec![
                Cell::name(&order.name),
                Cell::words(&order.quantity),
                Cell::words(order.order_by.date()),
                Cell::words(order.arrives.date()),
                Cell::words(order.needed_by.map_or_else(String::new, Timestamp::date)),
            ],
        );
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_overdue_begins_today() {
        let day = |text: &str| -> Timestamp { text.parse().unwrap() };
        let order = |name: &str, by: &str, arrives: &str| Order {
            name: name.into(),
            quantity: "2 × 4 TB".into(),
            order_by: day(by),
            arrives: day(arrives),
            needed_by: Some(day("2026-02-20")),
        };
        let orders =
            [order("late", "2025-12-22", "2026-01-21"), order("later", "2026-01-15", "2026-02-14")];
        let figure = timeline(&orders, 0, day("2026-01-01"));
        // From 1 January to 23 February, in 53 days: ordered today, it arrives after 30.
        let width = 1_080.0 - 216.0 - 168.0;
        let thirty = (30.0 / 53.0 * width * 10.0_f64).round() / 10.0;
        let late = format!("class=\"span-late\" d=\"M0 11.5l{thirty} 0\"");
        assert!(figure.marks.contains(&late), "{}", figure.marks);
        assert!(figure.marks.contains("class=\"lead\" d=\"M183.8 34.5l"), "{}", figure.marks);
        assert!(figure.marks.contains("now  2 × 4 TB"));
        assert!(figure.description.contains("1 are to be placed now"));
    }
}
