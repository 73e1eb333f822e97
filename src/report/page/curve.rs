//! A law fitted to measurements: the points, the curve, its band, and the knee.

use super::figure::{Figure, Frame, Reading};
use super::parts::Curve;
use super::scale::Linear;
use super::svg::{Anchor, Marks};
use super::table::{Cell, Table, numbers};
use crate::report::sheet::significant;

const SIZE: (f64, f64) = (540.0, 272.0);
const FRAME: Frame = Frame { left: 76.0, top: 22.0, width: 440.0, height: 208.0 };
const TICKS: usize = 5;

/// The chart.
pub(super) fn curve(curve: &Curve) -> Figure {
    let xs = curve.measured.iter().map(|point| point.0).chain(curve.fitted.iter().map(|f| f.x));
    let x =
        Linear::nice(xs.chain(curve.knee.as_ref().map(|knee| knee.0)), true, 7, (0.0, FRAME.width));
    let ys = curve.measured.iter().map(|point| point.1);
    let ys = ys.chain(curve.fitted.iter().flat_map(|f| [f.low, f.y, f.high]));
    let ys = ys.chain(curve.level.as_ref().map(|level| level.0));
    let y = Linear::nice(ys, true, TICKS, (FRAME.height, 0.0));
    let mut marks = Marks::new();
    FRAME.amounts(&mut marks, &y, TICKS, significant);
    FRAME.amounts_across(&mut marks, &x, 7, significant);
    marks.add(&FRAME.plot(&draw(curve, &x, &y), None));
    let bottom = SIZE.1 - 14.0;
    let middle = FRAME.left + FRAME.width / 2.0;
    marks.text("", (middle, bottom + 6.0), Anchor::Middle, &curve.x);
    marks.text("", (8.0, FRAME.top - 10.0), Anchor::Start, &curve.y);
    if let Some((at, words)) = &curve.knee {
        let place = FRAME.left + x.place(*at);
        let right = place > middle;
        let (anchor, off) = if right { (Anchor::End, -5.0) } else { (Anchor::Start, 5.0) };
        marks.text("bad", (place + off, FRAME.top + 10.0), anchor, words);
    }
    if let Some((at, words)) = &curve.level {
        let left = (FRAME.left + 5.0, FRAME.top + y.place(*at) - 5.0);
        marks.text("bad", left, Anchor::Start, words);
    }
    Figure {
        title: curve.name.clone(),
        subtitle: curve.note.clone(),
        description: describe(curve),
        key: vec![("measured", "measured"), ("forecast", "fitted"), ("band", "its interval")],
        size: SIZE,
        marks: marks.finish(),
        reading: Reading::Across,
        table: table(curve, &x),
    }
}

fn draw(curve: &Curve, x: &Linear, y: &Linear) -> String {
    let mut marks = Marks::new();
    let band = curve.fitted.iter().map(|f| (x.place(f.x), y.place(f.low), y.place(f.high)));
    marks.area("band", band);
    marks.polyline("forecast", curve.fitted.iter().map(|f| (x.place(f.x), y.place(f.y))));
    let measured = curve.measured.iter().map(|point| (x.place(point.0), y.place(point.1)));
    marks.dots("dot-measured", measured);
    if let Some((at, _)) = &curve.knee {
        marks.line("limit", (x.place(*at), 0.0), (x.place(*at), FRAME.height));
    }
    if let Some((at, _)) = &curve.level {
        marks.line("hard", (0.0, y.place(*at)), (FRAME.width, y.place(*at)));
    }
    marks.finish()
}

fn describe(curve: &Curve) -> String {
    let knee = curve
        .knee
        .as_ref()
        .map_or_else(String::new, |(at, words)| format!(" {words}: at {}.", significant(*at)));
    let level = curve
        .level
        .as_ref()
        .map_or_else(String::new, |(at, words)| format!(" {}: {words}.", significant(*at)));
    format!(
        "{} over {}: {} measured points and a fitted curve.{knee}{level} The values are in the \
         table below.",
        curve.y,
        curve.x,
        curve.measured.len()
    )
}

fn table(curve: &Curve, x: &Linear) -> Table {
    let mut table = Table::new(vec![
        numbers(&curve.x),
        numbers("Measured"),
        numbers("Fitted"),
        numbers("Low"),
        numbers("High"),
    ]);
    let shown = |value: f64| {
        if value.is_finite() { Cell::number(significant(value), value) } else { Cell::words("") }
    };
    let nothing = f64::NAN;
    let measured = curve.measured.iter().map(|(x, y)| [*x, *y, nothing, nothing, nothing]);
    let fitted = curve.fitted.iter().map(|f| [f.x, nothing, f.y, f.low, f.high]);
    let mut rows: Vec<[f64; 5]> = measured.chain(fitted).collect();
    rows.sort_by(|a, b| a[0].total_cmp(&b[0]));
    for row in rows {
        table.row_at(x.place(row[0]), row.map(shown).to_vec());
    }
    table
}

#[cfg(test)]
mod tests {
    use super::super::parts::Fitted;
    use super::*;

    #[test]
    fn points_curve_band_and_knee_are_drawn() {
        // Gunther's law, X(N) = N / (1 + 0.05 (N - 1) + 0.001 N (N - 1)), peaks at sqrt(950).
        let law = |n: f64| n / (1.0 + 0.05 * (n - 1.0) + 0.001 * n * (n - 1.0));
        let points = (1..=40).map(f64::from);
        let found = curve(&Curve {
            name: "<web>".into(),
            note: "fitted to 3 points".into(),
            x: "load generators".into(),
            y: "requests per second".into(),
            measured: vec![(1.0, 1.0), (8.0, law(8.0)), (32.0, f64::NAN)],
            fitted: points
                .map(|n| Fitted { x: n, y: law(n), low: 0.9 * law(n), high: 1.1 * law(n) })
                .collect(),
            knee: Some((950.0_f64.sqrt(), "throughput falls from here".into())),
            level: Some((12.0, "promised".into())),
        });
        let count = |class: &str| found.marks.matches(&format!("class=\"{class}\"")).count();
        assert_eq!(["band", "forecast", "dot-measured", "limit", "hard"].map(count), [1; 5]);
        assert_eq!(found.marks.matches("h0M").count(), 1, "two of three points are known");
        assert!(
            found.description.contains("throughput falls from here: at 30.82207. 12: promised.")
        );
        assert_eq!(found.table.len(), 43);
    }
}
