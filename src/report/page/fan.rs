//! Demand against its limit: the daily peaks, the fan of what is ahead, and the forecasts that were
//! made before, drawn over what came.

use std::fmt::Write;

use super::figure::{Figure, Frame, Key, Reading};
use super::scale::{Days, Linear, day_number};
use super::svg::{Anchor, Marks};
use super::table::{Cell, Table, numbers, words};
use crate::capacity::exhaustion::PeakInterval;
use crate::capacity::{Outcome, PlanRow, RowHistory};
use crate::model::{Span, Timestamp};
use crate::report::table::amount;

const SIZE: (f64, f64) = (540.0, 264.0);
const FRAME: Frame = Frame { left: 76.0, top: 14.0, width: 452.0, height: 222.0 };
const TICKS: usize = 5;
/// How far over the limit, as a share of it, a fan is followed.
const OVER_LIMIT: f64 = 0.12;

/// What the colours of all these charts mean.
pub(super) const KEY: [Key; 4] = [
    ("measured", "daily peak"),
    ("limit", "counts as full; the limit itself is dashed"),
    ("forecast", "forecast: P50, with P10 to P90 around it"),
    ("band", "forecasts of a week, made before"),
];

/// One row of the plan with its past and future.
#[derive(Debug, Clone, Copy)]
pub(super) struct FanInput<'a> {
    pub(super) name: &'a str,
    /// When it is full, in words.
    pub(super) full: &'a str,
    pub(super) row: &'a PlanRow,
    pub(super) history: &'a RowHistory,
}

/// The chart.
pub(super) fn fan(input: &FanInput<'_>) -> Figure {
    let FanInput { row, history, .. } = *input;
    let unit = row.unit.as_ref();
    let end = day(history, history.peaks.len() + history.fan.ahead.len());
    let days = Days::new(history.first_day, end, (0.0, FRAME.width));
    let axis = amounts(row, history);
    let mut marks = Marks::new();
    FRAME.amounts(&mut marks, &axis, TICKS, |value| amount(unit, Some(value)));
    FRAME.days(&mut marks, &days);
    marks.add(&FRAME.plot(&draw(row, history, &days, &axis), Some(&days)));
    name_lines(&mut marks, row, &axis);
    Figure {
        title: input.name.to_owned(),
        subtitle: input.full.to_owned(),
        description: describe(input),
        key: Vec::new(),
        size: SIZE,
        marks: marks.finish(),
        reading: Reading::Across,
        table: table(row, history, &days),
    }
}

fn day(history: &RowHistory, index: usize) -> Timestamp {
    history.first_day.plus(Span::from_days(index as i64))
}

/// Holds the past, the line and the limit, and of the fan what is not far beyond the limit. From 0
/// on, unless all of it is well above.
fn amounts(row: &PlanRow, history: &RowHistory) -> Linear {
    let past = history.peaks.iter().copied();
    let highest = past.clone().filter(|peak| peak.is_finite()).fold(f64::NAN, f64::max);
    let top = row.limit.map_or(highest, |limit| highest.max(limit * (1.0 + OVER_LIMIT)));
    let ahead = history.fan.ahead.iter().flat_map(|ahead| [ahead.p10, ahead.p90.min(top)]);
    let values: Vec<f64> =
        past.chain(ahead.map(|value| value.min(top))).chain(row.line).chain(row.limit).collect();
    let finite = || values.iter().copied().filter(|value| value.is_finite());
    let (low, high) = finite()
        .fold((f64::INFINITY, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)));
    Linear::nice(values.into_iter(), low < high / 2.0, TICKS, (FRAME.height, 0.0))
}

fn draw(row: &PlanRow, history: &RowHistory, days: &Days, axis: &Linear) -> String {
    let mut marks = Marks::new();
    // A peak is somewhere in its day: marks stand at noon.
    let x = |index: usize| days.place_of(day_number(day(history, index)) + 0.5);
    let y = |value: f64| axis.place(value);
    let band = |from: usize, said: &[PeakInterval]| -> Vec<(f64, f64, f64)> {
        let days = said.iter().enumerate();
        days.map(|(at, said)| (x(from + at), y(said.p10), y(said.p90))).collect()
    };
    for past in &history.fan.past {
        marks.area("past", band(past.origin, &past.days).into_iter());
        let middle = past.days.iter().enumerate();
        marks.polyline("past-line", middle.map(|(at, said)| (x(past.origin + at), y(said.p50))));
    }
    let first = history.peaks.len();
    marks.area("band", band(first, &history.fan.ahead).into_iter());
    let ahead = history.fan.ahead.iter().enumerate();
    marks.polyline("forecast", ahead.map(|(at, said)| (x(first + at), y(said.p50))));
    let peaks = history.peaks.iter().enumerate();
    marks.polyline("measured", peaks.clone().map(|(at, peak)| (x(at), y(*peak))));
    marks.dots("measured", lone(&history.peaks).map(|at| (x(at), y(history.peaks[at]))));
    for (class, level) in [("hard", row.limit), ("limit", row.line)] {
        if let Some(level) = level {
            marks.line(class, (0.0, y(level)), (FRAME.width, y(level)));
        }
    }
    let today = days.place(day(history, first));
    marks.line("now", (today, 0.0), (today, FRAME.height));
    if let (Outcome::Within(forecast), Some(line)) = (&row.outcome, row.line) {
        if let Some(p10) = forecast.p10 {
            let p90 = forecast.p90.map_or(FRAME.width, |p90| days.place(p90));
            marks.line("on-line", (days.place(p10), y(line)), (p90, y(line)));
        }
        if let Some(p50) = forecast.p50 {
            marks.dot("dot-late", (days.place(p50), y(line)));
        }
    }
    marks.finish()
}

/// Days whose neighbours are not known: a line through them has no length.
fn lone(peaks: &[f64]) -> impl Iterator<Item = usize> {
    let known =
        |at: Option<usize>| at.and_then(|at| peaks.get(at)).is_some_and(|peak| peak.is_finite());
    (0..peaks.len())
        .filter(move |at| known(Some(*at)) && !known(at.checked_sub(1)) && !known(Some(at + 1)))
}

fn name_lines(marks: &mut Marks, row: &PlanRow, axis: &Linear) {
    let unit = row.unit.as_ref();
    let place = |level: f64| FRAME.top + axis.place(level);
    if let Some(line) = row.line.filter(|line| line.is_finite()) {
        let text = format!("full at {}", amount(unit, Some(line)));
        // Above its line, unless the limit's words stand there.
        let near = row.limit.is_some_and(|limit| (place(limit) - place(line)).abs() < 15.0);
        let below = near && row.limit > Some(line);
        let y = place(line) + if below { 13.0 } else { -5.0 };
        marks.text("bad", (FRAME.left + 6.0, y), Anchor::Start, &text);
    }
    let limit = row.limit.filter(|limit| limit.is_finite() && Some(*limit) != row.line);
    if let Some(limit) = limit {
        let text = format!("limit {}", amount(unit, Some(limit)));
        marks.text("", (FRAME.left + 6.0, place(limit) - 5.0), Anchor::Start, &text);
    }
}

fn describe(input: &FanInput<'_>) -> String {
    let FanInput { row, history, .. } = *input;
    let unit = row.unit.as_ref();
    let known = || history.peaks.iter().copied().filter(|peak| peak.is_finite());
    let mut text = format!(
        "{} daily peaks from {}, first {} and last {}; full at {}.",
        known().count(),
        history.first_day.date(),
        amount(unit, known().next()),
        amount(unit, known().next_back()),
        amount(unit, row.line)
    );
    if let Some(last) = history.fan.ahead.last() {
        let _ = write!(
            text,
            " {} days ahead the median is {}, P10 to P90 {} to {}.",
            history.fan.ahead.len(),
            amount(unit, Some(last.p50)),
            amount(unit, Some(last.p10)),
            amount(unit, Some(last.p90))
        );
    }
    text + " The values are in the table below."
}

fn table(row: &PlanRow, history: &RowHistory, days: &Days) -> Table {
    let mut table = Table::new(vec![
        words("Day"),
        numbers("Peak"),
        numbers("P10"),
        numbers("P50"),
        numbers("P90"),
        words("Forecast on"),
    ]);
    let shown = |value: f64| {
        if value.is_finite() {
            Cell::number(amount(row.unit.as_ref(), Some(value)), value)
        } else {
            Cell::words("")
        }
    };
    let mut add = |index: usize, peak: f64, said: Option<(&PeakInterval, usize)>| {
        let at = day(history, index);
        let mut cells = vec![Cell::words(at.date()), shown(peak)];
        let levels = said.map_or([f64::NAN; 3], |(said, _)| [said.p10, said.p50, said.p90]);
        cells.extend(levels.map(shown));
        let origin = said.map(|(_, origin)| day(history, origin).date());
        cells.push(Cell::words(origin.unwrap_or_default()));
        table.row_at(days.place_of(day_number(at) + 0.5), cells);
    };
    for (index, peak) in history.peaks.iter().enumerate() {
        // Of forecasts that overlap, the later one.
        let past = history.fan.past.iter().rev().find_map(|past| {
            let said = past.days.get(index.checked_sub(past.origin)?)?;
            Some((said, past.origin))
        });
        add(index, *peak, past);
    }
    let first = history.peaks.len();
    for (at, said) in history.fan.ahead.iter().enumerate() {
        add(first + at, f64::NAN, Some((said, first)));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capacity::testing;

    fn figures() -> Vec<(PlanRow, RowHistory, Figure)> {
        let plan = testing::plan_with_history();
        let history = plan.history.clone().unwrap();
        let of = |past: &RowHistory| {
            let row = plan.hosts.rows[past.row].clone();
            let input = FanInput { name: "<n>", full: "soon", row: &row, history: past };
            let figure = fan(&input);
            (row.clone(), past.clone(), figure)
        };
        history.rows.iter().map(of).collect()
    }

    #[test]
    fn past_future_and_what_was_said_before_are_drawn() {
        for (row, history, figure) in figures() {
            let count = |class: &str| figure.marks.matches(&format!("class=\"{class}\"")).count();
            assert_eq!(count("past"), history.fan.past.len());
            assert_eq!(count("band"), usize::from(!history.fan.ahead.is_empty()));
            assert!(count("measured") >= 1 && count("hard") == 1 && count("now") == 1);
            let dated = matches!(&row.outcome, Outcome::Within(forecast) if forecast.p10.is_some());
            assert_eq!(count("on-line"), usize::from(dated));
            let days = history.peaks.len() + history.fan.ahead.len();
            assert_eq!(figure.table.len(), days);
            assert!(figure.description.contains("daily peaks from 2026-02-01"));
        }
    }

    #[test]
    fn no_value_is_too_wild_to_draw() {
        let (row, history, _) = figures().remove(0);
        for wild in [f64::MAX, f64::MIN, f64::INFINITY, f64::NAN, 1e-300, 0.0] {
            let mut history = history.clone();
            let interval = PeakInterval { p10: -wild, p50: wild, p90: wild };
            history.fan.ahead = vec![interval; 3];
            history.peaks = vec![wild, f64::NAN, wild];
            history.fan.past.clear();
            for limit in [Some(wild), None] {
                let row = PlanRow { limit, line: limit, ..row.clone() };
                let input = FanInput { name: "", full: "", row: &row, history: &history };
                let figure = fan(&input);
                let paths = figure.marks.split(" d=\"").skip(1);
                let paths = paths.filter_map(|rest| rest.split('"').next());
                let letter = |c: char| c.is_ascii_digit() || "Mlhvz -.".contains(c);
                paths.for_each(|path| assert!(path.chars().all(letter), "{wild}: {path}"));
                assert!(figure.marks.len() < 8_000, "{wild}: {}", figure.marks.len());
            }
        }
    }
}
