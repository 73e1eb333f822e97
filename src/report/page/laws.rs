//! How far throughput grows with load: the laws of a plan as a table and as curves.

use super::curve::curve;
use super::document::Body;
use super::figure::Figure;
use super::parts::{Curve, Fitted, Parts};
use super::table::{Cell, Table, numbers, words};
use crate::capacity::laws::{LEVEL, LawReport, LawRow, Promise};
use crate::capacity::scalability::LoadSample;
use crate::capacity::{Plan, name};
use crate::model::Span;
use crate::report::Explanation;
use crate::report::laws::{METHOD, explanation, kept, number, parameters, peak, used};
use crate::report::names::cut_to;

/// Rows that are drawn, each as two charts.
const DRAWN_MAX: usize = 6;
/// Rows of the table.
const ROWS_MAX: usize = 200;
/// Points of a curve.
const POINTS: usize = 48;
/// A curve goes on beyond the highest load as far as its knee, up to so many times.
const BEYOND_MAX: f64 = 3.0;
/// A band is drawn up to so many times the highest point.
const BAND_MAX: f64 = 3.0;
/// Characters of a metric beside an axis.
const AXIS_CHARS_MAX: usize = 48;

/// Writes the fitted laws, the plan's and those that a caller has.
pub(super) fn section(plan: &Plan, parts: &Parts, body: &mut Body) {
    let rows: Vec<(&LawReport, &LawRow)> = rows(plan);
    if parts.curves.is_empty() && rows.is_empty() {
        return;
    }
    body.section("curves", "How throughput and latency scale");
    if !rows.is_empty() {
        table(&rows, body);
    }
    body.figures(&parts.curves.iter().map(curve).collect::<Vec<Figure>>());
}

/// The rows of all laws, those of which the most is used first.
fn rows(plan: &Plan) -> Vec<(&LawReport, &LawRow)> {
    let each = |report| {
        let report: &LawReport = report;
        report.rows.iter().map(move |row| (report, row))
    };
    let mut rows: Vec<(&LawReport, &LawRow)> = plan.laws.iter().flat_map(each).collect();
    let used = |row: &LawRow| row.used_share().unwrap_or(f64::NEG_INFINITY);
    // Within a law they are in order, and a stable sort leaves laws in theirs.
    rows.sort_by(|a, b| used(b.1).total_cmp(&used(a.1)));
    rows
}

fn table(rows: &[(&LawReport, &LawRow)], body: &mut Body) {
    let over = rows.iter().filter(|(_, row)| row.used_share().is_some_and(|share| share > 1.0));
    body.say(&match over.count() {
        0 => format!("No highest load is over what its law allows, of {} rows.", rows.len()),
        over => format!("Of {} rows {over} had a load over what their law allows.", rows.len()),
    });
    let mut table = Table::sortable(vec![
        words("Row"),
        words("Law"),
        numbers("Used"),
        numbers("Highest load"),
        words("On"),
        words("Promise"),
        numbers("Kept up to load"),
        numbers("Peak at load"),
        numbers("Peak, a second"),
        numbers("Of one"),
        numbers("Contention"),
        numbers("Coherency"),
    ]);
    for (report, row) in rows.iter().take(ROWS_MAX) {
        table.row(cells(report, row));
    }
    body.table(&table, rows.len());
    body.explain(METHOD);
    body.explain(
        "Used: the highest mean load of a step, of the load up to the peak or as far as the \
         promise is kept, whichever is less. The points of the charts are the medians of the bins.",
    );
}

fn cells(report: &LawReport, row: &LawRow) -> Vec<Cell> {
    let law = row.fit.law();
    let share = row.used_share();
    let class = share.map_or("", |share| if share > 1.0 { "bad" } else { "good" });
    let [of_one, contention, coherency] = parameters(row);
    let [peak_load, peak_throughput] = peak(row);
    let at_peak = |of: fn(&crate::capacity::scalability::PeakIntervals) -> f64| {
        row.peak.as_ref().map_or(f64::NAN, of)
    };
    let promised = report.rule.response_max.map_or_else(|| "-".to_owned(), |most| most.to_string());
    let kept_to = match row.promise {
        Some(Promise::Never) => 0.0,
        Some(Promise::UpTo(load)) => load.value,
        Some(Promise::InSight) | None => f64::NAN,
    };
    let promise = row.promise.map_or_else(|| "-".to_owned(), |promise| kept(row, promise));
    vec![
        Cell::name(name(&row.labels, &report.rule.by)),
        Cell::name(&report.rule.name),
        Cell::number(used(row), share.unwrap_or(f64::NAN)).class(class),
        Cell::number(number(row.highest.value), row.highest.value),
        Cell::words(row.highest.at.date()),
        Cell::words(promised).sorted_by(report.rule.response_max.map_or(f64::NAN, Span::seconds)),
        Cell::number(promise, kept_to),
        Cell::number(peak_load, at_peak(|peak| peak.load.value)),
        Cell::number(peak_throughput, at_peak(|peak| peak.throughput.value)),
        Cell::number(of_one, law.throughput_of_one()),
        Cell::number(contention, law.contention()),
        Cell::number(coherency, law.coherency()),
    ]
}

/// The curves of the rows of which the most is used: throughput, and response, over load.
pub(super) fn curves(plan: &Plan) -> Vec<Curve> {
    let drawn = rows(plan).into_iter().take(DRAWN_MAX);
    drawn.flat_map(|(report, row)| [throughput(report, row), response(report, row)]).collect()
}

/// How the curves came about.
pub(super) fn explanations(plan: &Plan) -> Vec<Explanation> {
    let drawn = rows(plan).into_iter().take(DRAWN_MAX);
    drawn.map(|(report, row)| explanation(plan, report, row)).collect()
}

fn title(report: &LawReport, row: &LawRow, what: &str) -> String {
    format!("{} · {}: {what}", name(&row.labels, &report.rule.by), report.rule.name)
}

/// A load at which a curve turns, where it is near enough to be drawn.
fn near(row: &LawRow, load: Option<f64>) -> Option<f64> {
    load.filter(|load| *load <= BEYOND_MAX * row.highest.value)
}

/// The loads of a curve, from near none to some more than was seen, or than where it turns.
fn loads(row: &LawRow, knee: Option<f64>) -> impl Iterator<Item = f64> {
    let end = 1.1 * knee.map_or(row.highest.value, |knee| knee.max(row.highest.value));
    (1..=POINTS).map(move |point| end * point as f64 / POINTS as f64)
}

fn throughput(report: &LawReport, row: &LawRow) -> Curve {
    let [of_one, contention, coherency] = parameters(row);
    let peak = near(row, row.peak.map(|peak| peak.load.value));
    Curve {
        name: title(report, row, "throughput"),
        note: format!("of one {of_one}, contention {contention}, coherency {coherency}"),
        x: axis("load", &report.rule.load.text),
        y: axis("a second", &report.rule.throughput.text),
        measured: row.fit.samples().iter().map(|at| (at.load, at.throughput)).collect(),
        fitted: band(row, peak, |fitted| fitted),
        knee: peak.map(|load| (load, "throughput falls from here".to_owned())),
        level: None,
    }
}

fn response(report: &LawReport, row: &LawRow) -> Curve {
    let (factor, unit) =
        if row.fit.law().response(row.highest.value) < 1.0 { (1_000.0, "ms") } else { (1.0, "s") };
    let of = |load: f64, throughput: f64| factor * load / throughput;
    let most = report.rule.response_max;
    let kept = match row.promise {
        Some(Promise::UpTo(load)) => near(row, Some(load.value)),
        _ => None,
    };
    let slower = |most: Span| format!("slower than {most} from here");
    Curve {
        name: title(report, row, "response"),
        note: note(row, most),
        x: axis("load", &report.rule.load.text),
        y: format!("mean response, {unit}"),
        measured: row
            .fit
            .samples()
            .iter()
            .map(|at: &LoadSample| (at.load, of(at.load, at.throughput)))
            .collect(),
        fitted: band(row, kept, |fitted| {
            // What throughput may be at the least is what a response may take at the most.
            let high = if fitted.low > 0.0 { of(fitted.x, fitted.low) } else { f64::NAN };
            Fitted { y: of(fitted.x, fitted.y), low: of(fitted.x, fitted.high), high, ..fitted }
        }),
        knee: kept.zip(most).map(|(load, most)| (load, slower(most))),
        level: most.map(|most| (factor * most.seconds(), "promised".to_owned())),
    }
}

/// What of a promise is kept, in words.
fn note(row: &LawRow, most: Option<Span>) -> String {
    match (row.promise, most) {
        (Some(Promise::Never), Some(most)) => format!("no load has a mean response of {most}"),
        (Some(Promise::InSight), Some(most)) => format!("{most} is kept at any load in sight"),
        (Some(promise), Some(most)) => {
            format!("{most} is kept up to a load of {}", kept(row, promise))
        }
        _ => "load / throughput (Little's law)".to_owned(),
    }
}

/// The curve and its band, as `shown` makes them of throughput.
fn band(row: &LawRow, knee: Option<f64>, shown: impl Fn(Fitted) -> Fitted) -> Vec<Fitted> {
    let fitted = |load: f64| {
        let band = row.fit.throughput_interval(load, LEVEL).ok();
        let (low, high) = band.map_or((f64::NAN, f64::NAN), |band| (band.low, band.high));
        shown(Fitted { x: load, y: row.fit.law().throughput(load), low, high })
    };
    let mut points: Vec<Fitted> = loads(row, knee).map(fitted).collect();
    let top = BAND_MAX * points.iter().map(|at| at.y).filter(|y| y.is_finite()).fold(0.0, f64::max);
    for point in &mut points {
        if point.high > top {
            point.high = f64::NAN;
        }
    }
    points
}

fn axis(what: &str, metric: &str) -> String {
    format!("{what}: {}", cut_to(metric, AXIS_CHARS_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capacity::testing::{laws, plan};
    use crate::report::page::page;

    fn written(plan: &Plan) -> String {
        let mut out = Vec::new();
        page(plan, &Parts::of(plan), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_row_has_two_curves_and_all_are_in_the_table() {
        let plan = Plan { laws: laws("response_max = \"40ms\"", 0.1), ..plan(100, |_| ()) };
        let found = curves(&plan);
        let names: Vec<&str> = found.iter().map(|curve| curve.name.as_str()).collect();
        assert_eq!(
            names[..3],
            [
                "web-1 · web serves: throughput",
                "web-1 · web serves: response",
                "web-2 · web serves: throughput"
            ]
        );
        let (done, answer) = (&found[0], &found[1]);
        assert_eq!((done.measured.len(), done.fitted.len()), (24, POINTS));
        let law = *plan.laws[0].rows[0].fit.law();
        for (done, answer) in done.fitted.iter().zip(&answer.fitted) {
            assert!((done.y / law.throughput(done.x) - 1.0).abs() < 1e-12);
            // Little's law, in ms; the band turns upside down.
            assert!((answer.y / (1_000.0 * law.response(answer.x)) - 1.0).abs() < 1e-12);
            let band = plan.laws[0].rows[0].fit.throughput_interval(answer.x, LEVEL).unwrap();
            assert!((answer.low * band.high / (1_000.0 * answer.x) - 1.0).abs() < 1e-12);
            assert!(answer.low <= answer.y && done.low <= done.y && done.y <= done.high);
        }
        // The one goes on to the peak at 49.5; the promise of 40 ms is kept up to 31.63.
        assert!((done.knee.as_ref().unwrap().0 / 49.5 - 1.0).abs() < 0.1);
        let (load, words) = answer.knee.as_ref().unwrap();
        assert!((load / 31.63 - 1.0).abs() < 0.05 && words == "slower than 40ms from here");
        assert_eq!(answer.level, Some((40.0, "promised".to_owned())));
        let html = written(&plan);
        assert!(html.contains("Of 3 rows 1 had a load over what their law allows."));
        assert_eq!(html.matches("web serves: response</b>").count(), 3);
        assert!(html.contains("<td data-v=\"0.04\">40ms<"), "{html}");
        assert!(html.contains("<td>web serves") && html.contains("web-1: law web serves</h3>"));
        assert!(!html.contains("NaN"));
    }

    #[test]
    fn only_the_rows_with_the_least_left_are_drawn() {
        let mut all = laws("", 0.1);
        let row = all[0].rows[0].clone();
        all[0].rows = vec![row; 9];
        let plan = Plan { laws: all, ..plan(100, |_| ()) };
        assert_eq!((curves(&plan).len(), explanations(&plan).len()), (12, 6));
        assert!(curves(&plan)[1].level.is_none() && curves(&plan)[1].knee.is_none());
    }

    #[test]
    fn hostile_names_stay_words() {
        let hostile = "</script><img src=x onerror=alert(1)>'\"\u{2028}";
        let mut all = laws("", 0.1);
        all[0].rule.name = hostile.into();
        all[0].rule.load.text = hostile.into();
        all[0].rule.throughput.text = hostile.into();
        all[0].rows[0].labels = crate::model::Labels::from_pairs([("host", hostile)]).unwrap();
        let html = written(&Plan { laws: all, ..plan(100, |_| ()) });
        assert_eq!(html.matches("<script").count(), 1);
        assert!(!html.contains("<img") && !html.contains('\u{2028}'));
    }

    #[test]
    fn a_band_without_bounds_leaves_the_axis_alone() {
        let mut all = laws("response_max = \"40ms\"", 0.1);
        let row = &mut all[0].rows[0];
        // Two halves of the time that differ by more than there is: nothing is known.
        row.fit = row.fit.clone().with_parts(&[vec![400.0; 24], vec![-400.0; 24]]);
        let plan = Plan { laws: all, ..plan(100, |_| ()) };
        for curve in &curves(&plan)[..2] {
            let top = curve.fitted.iter().map(|at| at.y).fold(0.0, f64::max);
            let high = |at: &Fitted| at.high.is_nan() || at.high <= BAND_MAX * top;
            assert!(curve.fitted.iter().all(high), "{}", curve.name);
            assert!(curve.fitted.iter().any(|at| at.high.is_nan()), "{}", curve.name);
        }
        assert!(!written(&plan).contains("NaN"));
    }
}
