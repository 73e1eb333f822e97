//! What runs out, ranked: the median day as a dot, P10 to P90 as a bar, and the lead time, within
//! which an order comes too late.

use super::figure::{Figure, Reading};
use super::lanes::{LaneWords, Lanes};
use super::scale::long_date;
use super::svg::Marks;
use super::table::{Cell, Table, words};
use crate::model::{Span, Timestamp};

/// When one row is full.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Interval {
    pub(super) name: String,
    pub(super) full: Full,
}

/// Already, or by days with probabilities; `None` lies beyond the horizon.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Full {
    Since(Timestamp),
    By { p10: Timestamp, p50: Option<Timestamp>, p90: Option<Timestamp> },
}

/// What the chart is drawn against.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ahead {
    pub(super) as_of: Timestamp,
    pub(super) lead_time: Span,
    pub(super) horizon: Span,
}

impl Ahead {
    fn arrives(&self) -> Timestamp {
        self.as_of.plus(self.lead_time)
    }

    fn end(&self) -> Timestamp {
        self.as_of.plus(self.horizon)
    }
}

/// The chart; `hidden` rows are not in it.
pub(super) fn intervals(rows: &[Interval], hidden: usize, ahead: &Ahead) -> Figure {
    let lanes = Lanes::new(rows.len(), ahead.as_of, ahead.end());
    let mut marks = Marks::new();
    let lead = lanes.days.place(ahead.arrives());
    marks.rect("late", (0.0, 0.0), (lead, lanes.frame.height));
    marks.line("limit", (lead, 0.0), (lead, lanes.frame.height));
    for (lane, row) in rows.iter().enumerate() {
        draw(&mut marks, &lanes, lanes.middle(lane), row, ahead);
    }
    let heads = [(ahead.as_of, "ordered now, it comes too late for these")];
    let heads = if lead > 230.0 { &heads[..] } else { &[] };
    let more = if hidden > 0 { format!(" {hidden} more are in the table.") } else { String::new() };
    Figure {
        title: "When each is full".to_owned(),
        subtitle: format!(
            "Dot: as likely before as after. Bar: with 80% probability. Shaded: the lead time of \
             {}.{more}",
            ahead.lead_time
        ),
        description: describe(rows, ahead),
        key: vec![
            ("limit", "full already, or P10 within the lead time"),
            ("forecast", "there is time to order"),
        ],
        size: lanes.size(),
        marks: lanes.draw(rows.iter().map(|row| lane_words(row, ahead)), heads, &marks.finish()),
        reading: Reading::Down,
        table: table(rows, &lanes),
    }
}

fn draw(marks: &mut Marks, lanes: &Lanes, y: f64, row: &Interval, ahead: &Ahead) {
    let place = |at: Timestamp| lanes.days.place(at);
    match row.full {
        Full::Since(_) => {
            marks.dot("dot-late", (6.0, y));
        }
        Full::By { p10, p50, p90 } => {
            let late = p10 <= ahead.arrives();
            let (span, dot) = if late { ("span-late", "dot-late") } else { ("span", "dot") };
            let end = p90.unwrap_or(ahead.end());
            // A bar of one day is still to be seen.
            let (from, to) = (place(p10), place(end).max(place(p10) + 2.0));
            marks.line(span, (from, y), (to, y));
            if let Some(p50) = p50 {
                marks.dot(dot, (place(p50), y));
            }
        }
    }
}

fn lane_words(row: &Interval, ahead: &Ahead) -> LaneWords {
    let (end, late) = match row.full {
        Full::Since(since) => (format!("full since {}", long_date(since)), true),
        Full::By { p10, p50, .. } => {
            let end = match p50 {
                Some(p50) => long_date(p50),
                None => format!("from {} on", long_date(p10)),
            };
            (end, p10 <= ahead.arrives())
        }
    };
    LaneWords { name: row.name.clone(), end, late }
}

fn describe(rows: &[Interval], ahead: &Ahead) -> String {
    let full = rows.iter().filter(|row| matches!(row.full, Full::Since(_))).count();
    let late = rows.iter().filter(|row| lane_words(row, ahead).late).count() - full;
    format!(
        "A bar for each of {} rows, from {} to {}: {full} are full already, {late} may be full \
         within the lead time. The dates are in the table below.",
        rows.len(),
        ahead.as_of.date(),
        ahead.end().date()
    )
}

fn table(rows: &[Interval], lanes: &Lanes) -> Table {
    let mut table = Table::new(vec![
        words("Row"),
        words("Full since"),
        words("P10"),
        words("P50"),
        words("P90"),
    ]);
    for (lane, row) in rows.iter().enumerate() {
        let date = |day: Option<Timestamp>| match (row.full, day) {
            (_, Some(day)) => day.date(),
            (Full::Since(_), None) => String::new(),
            (Full::By { .. }, None) => "beyond the horizon".to_owned(),
        };
        let (since, [p10, p50, p90]) = match row.full {
            Full::Since(since) => (since.date(), [None; 3]),
            Full::By { p10, p50, p90 } => (String::new(), [Some(p10), p50, p90]),
        };
        let mut cells = vec![Cell::name(&row.name), Cell::words(since)];
        cells.extend([p10, p50, p90].map(|day| Cell::words(date(day))));
        table.row_at(lanes.middle(lane), cells);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn what_an_order_cannot_reach_in_time_is_told_apart() {
        let ahead = Ahead {
            as_of: day("2026-01-01"),
            lead_time: Span::from_days(30),
            horizon: Span::from_days(90),
        };
        let by = |name: &str, p10, p50, p90| Interval {
            name: name.into(),
            full: Full::By { p10: day(p10), p50, p90 },
        };
        let rows = [
            Interval { name: "<full>".into(), full: Full::Since(day("2025-12-20")) },
            by("soon", "2026-01-10", Some(day("2026-01-20")), Some(day("2026-02-01"))),
            by("later", "2026-03-01", Some(day("2026-03-11")), None),
            by("open", "2026-03-20", None, None),
        ];
        let figure = intervals(&rows, 3, &ahead);
        let count = |class: &str| figure.marks.matches(&format!("class=\"{class}\"")).count();
        assert_eq!([count("span-late"), count("span")], [1, 2]);
        assert_eq!([count("dot-late"), count("dot")], [2, 1]);
        assert!(figure.marks.contains("&lt;full&gt;") && !figure.marks.contains("<full>"));
        assert!(figure.marks.contains("full since 20 Dec 2025"));
        assert!(figure.marks.contains("from 20 Mar 2026 on"));
        assert!(figure.subtitle.contains("3 more are in the table"));
        assert!(figure.description.contains("1 are full already, 1 may be full"));
        assert_eq!(figure.table.len(), 4);
    }
}
