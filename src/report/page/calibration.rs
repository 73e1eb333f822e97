//! What was said against what came: whether of the cases of which 30% was said, 30% came.

use super::figure::{Figure, Frame, Reading};
use super::scale::Linear;
use super::svg::{Anchor, Marks};
use super::table::{Cell, Table, numbers, words};
use crate::capacity::exhaustion::score::HorizonScore;

const SIZE: (f64, f64) = (540.0, 316.0);
const FRAME: Frame = Frame { left: 52.0, top: 12.0, width: 472.0, height: 262.0 };
/// Of a normal distribution, 95% lie within so many deviations.
const DEVIATIONS: f64 = 1.959_964;

/// Cases of which about the same was said.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Said {
    /// The mean probability that was said.
    pub(super) forecast: f64,
    /// The share that came.
    pub(super) observed: f64,
    /// Between which what came lies in 95% of the draws of the hosts.
    pub(super) between: (f64, f64),
    pub(super) cases: usize,
}

/// The points of one horizon; none where nothing was scored.
pub(super) fn points(score: &HorizonScore) -> Vec<Said> {
    let deciles = score.all.iter().flat_map(|all| &all.deciles);
    let said = deciles.map(|decile| Said {
        forecast: decile.forecast,
        observed: decile.observed,
        between: (decile.forecast + decile.off.low, decile.forecast + decile.off.high),
        cases: decile.cases,
    });
    said.collect()
}

/// The chart: `days` ahead, on `hosts` hosts.
pub(super) fn calibration(points: &[Said], days: usize, hosts: usize) -> Figure {
    let x = Linear::exact(0.0, 1.0, (0.0, FRAME.width));
    let y = Linear::exact(0.0, 1.0, (FRAME.height, 0.0));
    let percent = |value: f64| format!("{:.0}%", value * 100.0);
    let mut marks = Marks::new();
    FRAME.amounts(&mut marks, &y, 5, percent);
    FRAME.amounts_across(&mut marks, &x, 5, percent);
    marks.add(&FRAME.plot(&draw(points, &x, &y), None));
    let middle = FRAME.left + FRAME.width / 2.0;
    marks.text("", (middle, SIZE.1 - 8.0), Anchor::Middle, "probability that was said");
    marks.text("", (FRAME.left + 8.0, FRAME.top + 12.0), Anchor::Start, "share that came");
    let cases: usize = points.iter().map(|point| point.cases).sum();
    Figure {
        title: format!("Full within {days} days"),
        subtitle: format!(
            "{cases} statements of the past on {hosts} hosts, each checked against what came. On \
             the diagonal, what was said was right."
        ),
        description: describe(points, days),
        key: vec![
            ("measured", "what came; whisker: 95% of draws of the hosts"),
            ("even", "chance, were all cases independent (95%)"),
        ],
        size: SIZE,
        marks: marks.finish(),
        reading: Reading::Across,
        table: table(points, &x),
    }
}

fn draw(points: &[Said], x: &Linear, y: &Linear) -> String {
    let mut marks = Marks::new();
    let band = points.iter().map(|point| {
        let (low, high) = chance(point);
        (x.place(point.forecast), y.place(low), y.place(high))
    });
    marks.area("chance", band);
    marks.line("even", (x.place(0.0), y.place(0.0)), (x.place(1.0), y.place(1.0)));
    for point in points {
        let (low, high) = point.between;
        let at = x.place(point.forecast);
        marks
            .polyline("whisker", [low, high].map(|v| (at, y.place(v.clamp(0.0, 1.0)))).into_iter());
    }
    let came = points.iter().map(|point| (x.place(point.forecast), y.place(point.observed)));
    marks.dots("dot-measured", came);
    marks.finish()
}

/// Between which the share lies with 95% where what was said is right: Wilson's interval (1927).
fn chance(point: &Said) -> (f64, f64) {
    let (n, p) = (point.cases.max(1) as f64, point.forecast);
    let square = DEVIATIONS * DEVIATIONS;
    let middle = (p + square / (2.0 * n)) / (1.0 + square / n);
    let half = DEVIATIONS / (1.0 + square / n)
        * (p * (1.0 - p) / n + square / (4.0 * n * n)).max(0.0).sqrt();
    (middle - half, middle + half)
}

fn describe(points: &[Said], days: usize) -> String {
    let inside = points.iter().filter(|point| {
        let (low, high) = point.between;
        (low..=high).contains(&point.forecast)
    });
    format!(
        "Of {} classes of probability that a line is reached within {days} days, {} came as often \
         as was said, within the draws of the hosts. The shares are in the table below.",
        points.len(),
        inside.count()
    )
}

fn table(points: &[Said], x: &Linear) -> Table {
    let mut table =
        Table::new(vec![numbers("Said"), numbers("Came"), words("95% of draws"), numbers("Cases")]);
    for point in points {
        let percent = |value: f64| format!("{:.1}%", value * 100.0);
        let (low, high) = point.between;
        table.row_at(
            x.place(point.forecast),
            vec![
                Cell::number(percent(point.forecast), point.forecast),
                Cell::number(percent(point.observed), point.observed),
                Cell::words(format!("{} to {}", percent(low), percent(high))),
                Cell::number(point.cases.to_string(), point.cases as f64),
            ],
        );
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_are_wilsons() {
        // Wilson's interval of 15 in 20: 0.5313 to 0.8881 (as R's prop.test without correction).
        let point = Said { forecast: 0.75, observed: 0.75, between: (0.6, 0.9), cases: 20 };
        let (low, high) = chance(&point);
        assert!((low - 0.5313).abs() < 5e-5 && (high - 0.8881).abs() < 5e-5, "{low} {high}");
        let sure = Said { forecast: 1.0, cases: 0, ..point };
        assert!(chance(&sure).1 <= 1.0 + 1e-12);
    }

    #[test]
    fn what_came_stands_over_what_was_said() {
        let points = [
            Said { forecast: 0.1, observed: 0.2, between: (0.15, 0.25), cases: 100 },
            Said { forecast: 0.5, observed: 0.5, between: (0.4, 0.6), cases: 200 },
        ];
        let figure = calibration(&points, 7, 30);
        assert!(figure.marks.contains("class=\"dot-measured\" d=\"M47.2 209.6h0M236 131h0\""));
        assert!(figure.description.contains("Of 2 classes"));
        assert!(figure.description.contains("1 came as often"));
        assert!(figure.subtitle.starts_with("300 statements"));
    }
}
