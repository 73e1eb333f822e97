//! Laws of throughput by load as JSON: every number of the text, and the points behind it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::laws::no_peak;
use crate::capacity::laws::{LEVEL, LawReport, LawRow, Promise};
use crate::capacity::scalability::Interval;
use crate::model::{Labels, Span};

/// A law and its rows.
#[derive(Serialize)]
pub(super) struct LawView<'a> {
    name: &'a str,
    load: &'a str,
    throughput: &'a str,
    by: &'a [String],
    response_max_seconds: Option<f64>,
    interval_level: f64,
    rows: Vec<RowView<'a>>,
    unsaid: Vec<UnsaidView<'a>>,
}

#[derive(Serialize)]
struct RowView<'a> {
    labels: BTreeMap<&'a str, &'a str>,
    window: [String; 2],
    steps: usize,
    throughput_of_one: Range,
    contention: Range,
    coherency: Range,
    residual_error: f64,
    peak: Option<PeakView>,
    no_peak: Option<&'static str>,
    promise: Option<PromiseView>,
    highest_load: HighestView,
    usable_load: Option<f64>,
    used_share: Option<f64>,
    measured: Vec<[f64; 2]>,
}

/// A number with its interval, which what is held at a bound does not have.
#[derive(Serialize)]
struct Range {
    value: f64,
    low: Option<f64>,
    high: Option<f64>,
    held: bool,
}

#[derive(Serialize)]
struct PeakView {
    load: Range,
    throughput: Range,
    beyond_seen: bool,
}

#[derive(Serialize)]
struct PromiseView {
    kept: &'static str,
    load: Option<Range>,
    beyond_seen: Option<bool>,
}

#[derive(Serialize)]
struct HighestView {
    value: f64,
    at: String,
}

#[derive(Serialize)]
struct UnsaidView<'a> {
    labels: BTreeMap<&'a str, &'a str>,
    why: &'a str,
}

/// The view of a law.
pub(super) fn law(report: &LawReport) -> LawView<'_> {
    let rule = &report.rule;
    let unsaid = |(of, why)| UnsaidView { labels: labels(of), why };
    LawView {
        name: &rule.name,
        load: &rule.load.text,
        throughput: &rule.throughput.text,
        by: &rule.by,
        response_max_seconds: rule.response_max.map(Span::seconds),
        interval_level: LEVEL,
        rows: report.rows.iter().map(row).collect(),
        unsaid: report.unsaid.iter().map(|(of, why)| unsaid((of, why.as_str()))).collect(),
    }
}

fn row(row: &LawRow) -> RowView<'_> {
    let law = row.fit.law();
    let points = row.fit.samples().iter().map(|sample| [sample.load, sample.throughput]);
    RowView {
        labels: labels(&row.labels),
        window: [row.window.start.to_string(), row.window.end.to_string()],
        steps: row.steps,
        throughput_of_one: free(row.parameters.throughput_of_one),
        contention: range(row.parameters.contention, law.contention()),
        coherency: range(row.parameters.coherency, law.coherency()),
        residual_error: row.fit.residual_error(),
        peak: row.peak.map(|peak| PeakView {
            load: free(peak.load),
            throughput: free(peak.throughput),
            beyond_seen: row.is_beyond_seen(peak.load.value),
        }),
        no_peak: row.no_peak().map(no_peak),
        promise: row.promise.map(|promise| self::promise(row, promise)),
        highest_load: HighestView { value: row.highest.value, at: row.highest.at.to_string() },
        usable_load: row.usable(),
        used_share: row.used_share(),
        measured: points.collect(),
    }
}

fn promise(row: &LawRow, promise: Promise) -> PromiseView {
    let (kept, load) = match promise {
        Promise::Never => ("at no load", None),
        Promise::UpTo(load) => ("up to this load", Some(load)),
        Promise::InSight => ("at any load in sight", None),
    };
    let beyond_seen = load.map(|load| row.is_beyond_seen(load.value));
    PromiseView { kept, load: load.map(free), beyond_seen }
}

fn free(of: Interval) -> Range {
    Range { value: of.value, low: Some(of.low), high: Some(of.high), held: false }
}

fn range(of: Option<Interval>, value: f64) -> Range {
    of.map_or(Range { value, low: None, high: None, held: true }, free)
}

fn labels(labels: &Labels) -> BTreeMap<&str, &str> {
    labels.iter().collect()
}
