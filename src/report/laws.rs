//! How far load may go by the laws of a study, as text and in sentences.

use std::io::{self, Write};

use super::Explanation;
use super::sheet::rounded;
use super::table::{Columns, named, numbers, percent, prose, short_date, words};
use super::text::{TextOptions, more};
use crate::capacity::laws::{LEVEL, LawReport, LawRow, NoPeak, Promise, SIGHT, STRETCHES};
use crate::capacity::scalability::Interval;
use crate::capacity::study::LawSource;
use crate::capacity::{Plan, name, printable};

/// Digits of a number that has an interval.
const DIGITS: usize = 4;
/// Smaller parts of a number are rounding.
const EXACT: f64 = 1e-9;

/// What every number rests on, for readers.
pub(super) const METHOD: &str = "\
    Throughput X at a load N is g N / (1 + a (N - 1) + b N (N - 1)) (Gunther's Universal \
    Scalability Law): g is that of one, a the contention, b the coherency. It is fitted to the \
    medians of bins of steps by load; ± is the interval of 95%. A response takes load / \
    throughput on average (Little's law). *: beyond the highest load seen, drawn on from the law.";

/// Writes how far load may go, law by law.
pub(super) fn text(plan: &Plan, options: TextOptions, out: &mut impl Write) -> io::Result<()> {
    for report in &plan.laws {
        writeln!(out, "\nHOW FAR LOAD MAY GO: {}", printable(&report.rule.name))?;
        if report.rows.is_empty() {
            writeln!(out, " (no rows: the reasons are at the end)")?;
            continue;
        }
        table(plan, report, options, out)?;
    }
    if plan.laws.iter().all(|report| report.rows.is_empty()) {
        return Ok(());
    }
    prose(METHOD, out)?;
    prose(
        "PEAK AT: the load at which throughput is highest, and PEAK that throughput, a second. \
         IN ... TO: the load up to which the mean response takes no longer. HIGHEST: the highest \
         mean load of a step, and its day. USED: the highest load, of the load up to the peak or \
         as far as the promise is kept, whichever is less. A peak is not shown where the interval \
         of coherency, by which alone there is one, holds 0.",
        out,
    )
}

fn table(
    plan: &Plan,
    report: &LawReport,
    options: TextOptions,
    out: &mut impl Write,
) -> io::Result<()> {
    let by = by(report).to_uppercase();
    let mut headings = vec![
        named(&by),
        numbers("OF ONE"),
        numbers("CONTENTION"),
        numbers("COHERENCY"),
        numbers("PEAK AT"),
        numbers("PEAK"),
    ];
    let promised = report.rule.response_max.map(|most| format!("IN {most} TO"));
    headings.extend(promised.as_deref().map(numbers));
    headings.extend([numbers("HIGHEST"), words("ON"), numbers("USED")]);
    let mut columns = Columns::new(&headings);
    let shown = options.part(2).min(report.rows.len());
    for row in &report.rows[..shown] {
        let mut cells = vec![name(&row.labels, &report.rule.by)];
        cells.extend(parameters(row));
        cells.extend(peak(row));
        cells.extend(row.promise.map(|promise| kept(row, promise)));
        let on = short_date(row.highest.at, plan.as_of);
        cells.extend([number(row.highest.value), on, used(row)]);
        columns.row(&cells);
    }
    columns.write(out)?;
    more(report.rows.len() - shown, "rows", out)
}

/// The labels that tell the rows of a law apart, for a heading.
pub(super) fn by(report: &LawReport) -> String {
    if report.rule.by.is_empty() {
        return "all".to_owned();
    }
    printable(&report.rule.by.join(" / "))
}

/// Throughput of one, contention and coherency.
pub(super) fn parameters(row: &LawRow) -> [String; 3] {
    let law = row.fit.law();
    let held = |value: f64| format!("{} (held)", number(value));
    let or_held =
        |interval: Option<Interval>, value: f64| interval.map_or_else(|| held(value), within);
    [
        within(row.parameters.throughput_of_one),
        or_held(row.parameters.contention, law.contention()),
        or_held(row.parameters.coherency, law.coherency()),
    ]
}

/// Where throughput is highest, and how high it is.
pub(super) fn peak(row: &LawRow) -> [String; 2] {
    match row.peak {
        Some(peak) => [reached(row, peak.load), number(peak.throughput.value)],
        None => [row.no_peak().map_or("-", no_peak).to_owned(), "-".to_owned()],
    }
}

/// Why no peak is told.
pub(super) fn no_peak(why: NoPeak) -> &'static str {
    match why {
        NoPeak::NotShown => "not shown",
        NoPeak::OnlyFalls => "only falls",
        NoPeak::NotInSight => "not in sight",
    }
}

/// How far a promise is kept.
pub(super) fn kept(row: &LawRow, promise: Promise) -> String {
    match promise {
        Promise::Never => "no load".to_owned(),
        Promise::UpTo(load) => reached(row, load),
        Promise::InSight => "any in sight".to_owned(),
    }
}

/// The highest load, of the usable one.
pub(super) fn used(row: &LawRow) -> String {
    match row.used_share() {
        Some(share) if share.is_infinite() => "all".to_owned(),
        share => percent(share),
    }
}

/// A load with its interval, marked where it was not seen.
fn reached(row: &LawRow, load: Interval) -> String {
    let mark = if row.is_beyond_seen(load.value) { "*" } else { "" };
    format!("{}{mark} {}", number(load.value), doubt(load))
}

/// A number with its interval: `10.02 ±1%`.
fn within(of: Interval) -> String {
    format!("{} {}", number(of.value), doubt(of))
}

/// Half the width of an interval, of its number.
fn doubt(of: Interval) -> String {
    let percent = 100.0 * of.half_width() / of.value.abs();
    match percent {
        some if some < 0.05 => "±0%".to_owned(),
        few if few < 0.95 => format!("±{few:.1}%"),
        some if some < 999.5 => format!("±{some:.0}%"),
        _ => "±>999%".to_owned(),
    }
}

/// A number with few digits.
pub(super) fn number(value: f64) -> String {
    // Digits before the point are all told.
    let whole = value.abs().max(1.0).log10().floor() as usize + 1;
    rounded(value, DIGITS.max(whole))
}

/// The names of all rows with a law, and of the laws.
pub(super) fn names(plan: &Plan) -> impl Iterator<Item = String> {
    plan.laws.iter().flat_map(|report| {
        let rows = report.rows.iter().map(|row| name(&row.labels, &report.rule.by));
        rows.chain([printable(&report.rule.name)])
    })
}

/// Explains the laws of the rows of this name, or all rows of the law of this name; with
/// `resource`, those of the law of that name.
pub(super) fn explained(plan: &Plan, subject: &str, resource: Option<&str>) -> Vec<Explanation> {
    let mut found = Vec::new();
    for report in &plan.laws {
        let law = &report.rule.name;
        let is_meant =
            |row: &&LawRow| *law == subject || name(&row.labels, &report.rule.by) == subject;
        if resource.is_none_or(|resource| resource == law) {
            let rows = report.rows.iter().filter(is_meant);
            found.extend(rows.map(|row| explanation(plan, report, row)));
        }
    }
    found
}

/// How the law of one row came about.
pub(super) fn explanation(plan: &Plan, report: &LawReport, row: &LawRow) -> Explanation {
    let row_name = name(&row.labels, &report.rule.by);
    let mut sentences = vec![inputs(plan, report), points(row), fitted(row)];
    sentences.extend(held(row));
    sentences.push(turn(row));
    sentences.extend(promised(report, row));
    sentences.push(share(row));
    let subject = format!("{row_name}: law {}", printable(&report.rule.name));
    Explanation { subject, sentences }
}

fn inputs(plan: &Plan, report: &LawReport) -> String {
    let read = |source: &LawSource| {
        let how = if source.metric.is_counter { "the increase a second" } else { "the mean" };
        let text = source.text.as_str();
        let inner = text.strip_prefix("rate(").and_then(|text| text.strip_suffix(')'));
        format!("{how} of each step of {} of {}", plan.step, printable(inner.unwrap_or(text)))
    };
    let by = match report.rule.by.as_slice() {
        [] => "over all of them".to_owned(),
        by => format!("by {}", printable(&by.join(", "))),
    };
    format!(
        "Load: {}; throughput: {}; the series of a row added up ({by}).",
        read(&report.rule.load),
        read(&report.rule.throughput)
    )
}

fn points(row: &LawRow) -> String {
    let bins = row.fit.samples();
    let load = |at: Option<&crate::capacity::scalability::LoadSample>| {
        at.map_or_else(|| "-".to_owned(), |sample| number(sample.load))
    };
    format!(
        "From {} to {}, {} steps have both above 0. In the order of their loads they make {} bins \
         of as many steps each; the law is fitted to the bins' medians, at loads from {} to {}.",
        row.window.start.date(),
        row.window.end.date(),
        row.steps,
        bins.len(),
        load(bins.first()),
        load(bins.last())
    )
}

fn fitted(row: &LawRow) -> String {
    let level = LEVEL * 100.0;
    let shown = |name: &str, of: Interval| {
        let [value, low, high] = [of.value, of.low, of.high].map(number);
        format!("{name} {value} ({level}%: {low} to {high})")
    };
    let parameters = [
        ("throughput of one", Some(row.parameters.throughput_of_one)),
        ("contention", row.parameters.contention),
        ("coherency", row.parameters.coherency),
    ];
    let error = row.fit.residual_error();
    // What rounding leaves of a law that holds exactly is no scatter.
    let scatter = if error < EXACT * row.fit.law().throughput_of_one() { 0.0 } else { error };
    let free = parameters.iter().filter_map(|(name, of)| Some(shown(name, (*of)?)));
    format!(
        "Least squares: {}; the medians scatter about it by {} a second. The intervals are widened \
         by what the medians would be without each of {STRETCHES} stretches of time, since noise \
         lasts.",
        free.collect::<Vec<_>>().join(", "),
        number(scatter)
    )
}

/// What the data would have had beyond its bound, or does not show.
fn held(row: &LawRow) -> Vec<String> {
    let mut said = Vec::new();
    if row.fit.coherency_is_held() {
        said.push("Coherency is held at 0, for the data would have it below.".to_owned());
    }
    if row.fit.contention_is_held() {
        let at = number(row.fit.law().contention());
        said.push(format!("Contention is held at {at}, for the data would have it beyond."));
    }
    let parameters = &row.parameters;
    for (name, of) in [("contention", parameters.contention), ("coherency", parameters.coherency)] {
        if of.is_some_and(|of| of.low <= 0.0) {
            said.push(format!(
                "The interval of {name} holds 0: the data does not show that there is any."
            ));
        }
    }
    said
}

fn turn(row: &LawRow) -> String {
    let Some(peak) = row.peak else {
        return match row.no_peak() {
            Some(NoPeak::NotShown) => "Peak: none is told. Without coherency throughput has none, \
                                       and the data does not show that there is any."
                .to_owned(),
            Some(NoPeak::OnlyFalls) => format!(
                "Peak: none. Throughput only falls, from the least load on, {}.",
                number(row.least())
            ),
            _ => {
                format!("Peak: none in sight, which is up to {SIGHT} times the highest load seen.")
            }
        };
    };
    let [load, low, high] = [peak.load.value, peak.load.low, peak.load.high].map(number);
    let seen = if row.is_beyond_seen(peak.load.value) {
        ", which was never seen: it is drawn on from the law"
    } else {
        ""
    };
    format!(
        "Peak: throughput is highest, {} a second, at a load of {load} ({low} to {high}){seen}.",
        number(peak.throughput.value)
    )
}

fn promised(report: &LawReport, row: &LawRow) -> Option<String> {
    let (most, promise) = (report.rule.response_max?, row.promise?);
    Some(match promise {
        Promise::Never => format!("Promise: no load has a mean response of {most}."),
        Promise::InSight => {
            format!("Promise: a mean response of {most} is kept at any load in sight.")
        }
        Promise::UpTo(load) => {
            let [load, low, high] = [load.value, load.low, load.high].map(number);
            format!(
                "Promise: a mean response, load / throughput, of {most} is kept up to a load of \
                 {load} ({low} to {high})."
            )
        }
    })
}

fn share(row: &LawRow) -> String {
    let highest = format!(
        "The highest load of a step was {}, at {}",
        number(row.highest.value),
        row.highest.at
    );
    match row.usable() {
        None if row.no_peak() == Some(NoPeak::NotShown) => {
            format!("{highest}; how much may be used is not known.")
        }
        None => format!("{highest}; how much may be used is not in sight."),
        Some(usable) if usable > 0.0 => {
            format!("{highest}: {} of the {} that may be used.", used(row), number(usable))
        }
        Some(_) => format!("{highest}; none may be used."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capacity::Study;
    use crate::capacity::testing::{STUDY, laws, plan};
    use crate::report::{explain, json, names_like};

    const PROMISE: &str = "response_max = \"40ms\"\n";

    fn with(laws: Vec<LawReport>) -> Plan {
        Plan { laws, ..plan(100, |_| ()) }
    }

    fn said(plan: &Plan) -> String {
        let mut out = Vec::new();
        text(plan, TextOptions::default(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    /// The words of the line that begins with a name.
    fn line(text: &str, name: &str) -> Vec<String> {
        let line = text.lines().find(|line| line.trim_start().starts_with(name));
        line.unwrap_or_else(|| panic!("{text}")).split_whitespace().map(ToOwned::to_owned).collect()
    }

    #[test]
    fn exact_laws_are_printed_as_they_are() {
        let said = said(&with(laws(PROMISE, 0.0)));
        println!("{said}");
        assert!(said.contains("\nHOW FAR LOAD MAY GO: web serves\n"));
        // 40 ms are kept up to 0.0004 N^2 + 0.0196 N = 1.02: a load of 31.63.
        let web_1 = "web-1 50 ±0% 0.02 ±0% 0.0004 ±0% 49.5* ±0% 844.6 31.63 ±0% 48 02-01 152%";
        assert_eq!(line(&said, "web-1").join(" "), web_1);
        assert_eq!(
            line(&said, "web-2")[7..].join(" "),
            "49.5* ±0% 844.6 31.63* ±0% 24.5 02-01 77%"
        );
        let web_3 = "50 ±0% 0 (held) 0 (held) not in sight - any in sight 48 02-01 -";
        assert_eq!(line(&said, "web-3")[1..].join(" "), web_3);
        assert!(!said.contains("web-4"), "it has no law");
        assert!(said.lines().all(|line| line.chars().count() <= 120), "{said}");
        assert!(self::said(&plan(100, |_| ())).is_empty());
    }

    #[test]
    fn a_law_without_rows_points_to_the_reasons() {
        let mut laws = laws("", 0.0);
        laws[0].rows.clear();
        let said = said(&with(laws));
        assert!(said.ends_with("web serves\n (no rows: the reasons are at the end)\n"), "{said}");
    }

    #[test]
    fn promises_that_no_load_keeps_are_told() {
        let said = said(&with(laws("response_max = \"10ms\"\n", 0.0)));
        assert_eq!(line(&said, "web-1")[10..].join(" "), "no load 48 02-01 all");
    }

    #[test]
    fn programs_get_what_people_get() {
        let mut out = Vec::new();
        json(&with(laws(PROMISE, 0.0)), &mut out).unwrap();
        let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
        let law = &value["laws"][0];
        assert_eq!(
            (&law["name"], &law["response_max_seconds"]),
            (&"web serves".into(), &0.04.into())
        );
        let row = &law["rows"][0];
        let near = |found: &serde_json::Value, expected: f64| {
            assert!((found.as_f64().unwrap() / expected - 1.0).abs() < 1e-9, "{found} {expected}");
        };
        near(&row["contention"]["value"], 0.02);
        near(&row["peak"]["load"]["value"], 2_450.0_f64.sqrt());
        near(&row["promise"]["load"]["high"], row["usable_load"].as_f64().unwrap());
        near(&row["used_share"], 48.0 / row["usable_load"].as_f64().unwrap());
        assert_eq!((&row["peak"]["beyond_seen"], &row["steps"]), (&true.into(), &720.into()));
        assert_eq!(row["measured"].as_array().unwrap().len(), 24);
        let straight = &law["rows"][2];
        assert_eq!((&straight["coherency"]["held"], &straight["peak"]), (&true.into(), &().into()));
        assert_eq!(straight["promise"]["kept"], "at any load in sight");
        assert_eq!(law["unsaid"][0]["labels"]["host"], "web-4");
        out.clear();
        json(&plan(100, |_| ()), &mut out).unwrap();
        assert!(!String::from_utf8(out).unwrap().contains("\"laws\""));
    }

    #[test]
    fn rows_and_laws_are_explained_by_name() {
        let study = Study::parse(STUDY, "study.toml").unwrap();
        let plan = with(laws(PROMISE, 0.1));
        let found = explain(&plan, &study, "web-1", None);
        assert_eq!(found[0].subject, "web-1: law web serves");
        let said = found[0].sentences.join("\n");
        println!("{said}");
        for part in [
            "Load: the mean of each step of 15m of connections{service=\"web\"}; throughput: the \
             increase a second of each step of 15m of requests_total{service=\"web\"}; the \
             series of a row added up (by host).",
            "From 2026-02-01 to 2026-03-03, 720 steps have both above 0.",
            "they make 24 bins",
            "at loads from 2 to 48.",
            "Least squares: throughput of one ",
            " (95%: ",
            "Peak: throughput is highest, ",
            "which was never seen",
            "Promise: a mean response, load / throughput, of 40ms is kept up to a load of ",
            "The highest load of a step was 48, at 2026-02-01T23:00:00Z: 15",
        ] {
            assert!(said.contains(part), "{part}\n{said}");
        }
        let of_law = explain(&plan, &study, "web serves", None);
        assert_eq!(of_law.len(), 3);
        assert_eq!(explain(&plan, &study, "web-1", Some("web serves")).len(), 1);
        assert!(explain(&plan, &study, "web-1", Some("other")).is_empty());
        assert!(names_like(&plan, "serves").contains(&"web serves".to_owned()));
        let straight = explain(&plan, &study, "web-3", None)[0].sentences.join("\n");
        assert!(straight.contains("Peak: none in sight, which is up to 10 times"), "{straight}");
    }

    #[test]
    fn a_peak_that_is_not_told_has_its_reason() {
        use crate::capacity::laws::LawFitter;
        use crate::capacity::testing::start;
        let rule = laws("", 0.0).remove(0).rule;
        let loads: Vec<f64> = (0..960).map(|step| f64::from(2 + step % 24)).collect();
        let row = |throughput: &dyn Fn(usize, f64) -> f64| {
            let pairs = loads.iter().enumerate();
            let done: Vec<f64> = pairs.map(|(at, load)| throughput(at, *load)).collect();
            let mut fitter = LawFitter::new(&rule);
            let host = crate::capacity::testing::labels("host", "a");
            fitter.add(host, start(), crate::model::Span::HOUR, &loads, &done).unwrap();
            with(vec![fitter.finish()])
        };
        let falls = row(&|_, load| 1_000.0 / load);
        let flat = row(&|at, _| 1_000.0 + (at * at % 97) as f64);
        assert!(line(&said(&falls), "a ").join(" ").contains(" only falls - 25 "));
        assert!(line(&said(&falls), "a ").ends_with(&["1250%".to_owned()]));
        let table = line(&said(&flat), "a ").join(" ");
        assert!(table.contains(" not shown - 25 ") && table.ends_with(" -"), "{table}");
        let study = Study::parse(STUDY, "study.toml").unwrap();
        let why = |plan: &Plan| explain(plan, &study, "a", None)[0].sentences.join("\n");
        assert!(why(&falls).contains("only falls, from the least load on"), "{}", why(&falls));
        let flat = why(&flat);
        assert!(flat.contains("the data does not show that there is any.\nPeak: none"), "{flat}");
        assert!(flat.ends_with("; how much may be used is not known."), "{flat}");
    }

    #[test]
    fn no_name_steers_the_terminal() {
        let mut laws = laws("", 0.0);
        let hostile = "\u{1b}[31m\n\u{202e}";
        laws[0].rule.name = hostile.into();
        laws[0].rule.by = vec!["host".into(), hostile.into()];
        laws[0].rule.load.text = hostile.into();
        laws[0].rows[0].labels = crate::model::Labels::from_pairs([("host", hostile)]).unwrap();
        let plan = with(laws);
        let mut all = said(&plan);
        for row in &plan.laws[0].rows {
            let explanation = explanation(&plan, &plan.laws[0], row);
            all += &(explanation.subject + &explanation.sentences.join("\n"));
        }
        assert!(all.chars().all(|c| c == '\n' || !c.is_control()), "{all:?}");
    }

    #[test]
    fn numbers_are_short_and_doubts_are_shares() {
        let shown = [0.000_123_456, 9.876_54, 31.651, 9_876.6, 123_456.7, 0.0].map(number);
        assert_eq!(shown, ["0.0001235", "9.877", "31.65", "9877", "123457", "0"]);
        let interval = |half: f64| Interval { value: 2.0, low: 2.0 - half, high: 2.0 + half };
        let shown = [0.0, 0.004, 0.1, 19.0, 30.0, f64::NAN].map(|half| doubt(interval(half)));
        assert_eq!(shown, ["±0%", "±0.2%", "±5%", "±950%", "±>999%", "±>999%"]);
    }
}
