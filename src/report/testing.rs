//! A small plan by hand: every outcome once, and hostile names.

use super::explain::Explanation;
use crate::capacity::exhaustion::Probabilities;
use crate::capacity::{
    Backtest, Evidence, Forecast, Grade, IdleHost, IdleReport, LimitChange, Note, Outcome,
    OverprovisionedReport, OverprovisionedRow, Peak, Plan, PlanRow, Reclaimable, Summary,
    TablePlan,
};
use crate::model::{Labels, Span, TimeRange, Timestamp};

fn day(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn labels(host: &str) -> Labels {
    Labels::from_pairs([("host", host)]).unwrap()
}

fn row(host: &str, peak: f64, outcome: Outcome) -> PlanRow {
    let at = day("2025-12-30T12:00:00Z");
    PlanRow {
        probabilities: Some(Probabilities {
            within_7: 0.25,
            within_30: 0.5,
            within_90: 0.75,
            never: 0.125,
        }),
        labels: labels(host),
        resource: "disk".into(),
        unit: "GB".parse().ok(),
        used_now: peak - 1.0,
        first_seen: Some(day("2025-10-01")),
        last_seen: Some(day("2025-12-31T23:55:00Z")),
        peak: Some(Peak { value: peak, at }),
        peak_7_days: Some(Peak { value: peak, at }),
        limit: Some(500.0),
        line: Some(450.0),
        limit_change: None,
        outcome,
        slope_per_day: Some(2.5),
        p_value: Some(0.001),
        trend_since: Some(day("2025-11-01")),
        backtest: Some(Backtest { origins: 12, mase: 0.625, coverage: 0.75 }),
        days: 92,
        gap_days: 1,
    }
}

fn forecast() -> Forecast {
    Forecast {
        p10: Some(day("2026-02-03")),
        p50: Some(day("2026-02-11")),
        p90: None,
        order_by: Some(day("2026-01-04")),
        within_7_days: 0.0,
        within_30_days: 0.05,
        within_90_days: 0.75,
        never: 0.25,
    }
}

fn rows() -> Vec<PlanRow> {
    let within = |p10, p50| Forecast { p10, p50, order_by: None, ..forecast() };
    let soon = Forecast {
        p10: Some(day("2026-01-10")),
        p50: Some(day("2026-01-20")),
        p90: Some(day("2026-02-01")),
        order_by: Some(day("2025-12-11")),
        ..forecast()
    };
    let mut grown = row("-grown", 300.0, Outcome::NoTrend);
    grown.limit_change = Some(LimitChange { from: 250.0, at: day("2025-12-01") });
    let mut gone = row("@gone", 20.0, Outcome::NotEnoughData { what: "no samples".into() });
    gone.used_now = f64::NAN;
    gone.peak = None;
    gone.limit = None;
    gone.line = None;
    vec![
        row("db-1", 480.0, Outcome::Already { since: day("2025-12-20") }),
        row("db-2", 440.0, Outcome::Within(soon)),
        row("=cmd|' /C calc'!A0", 400.0, Outcome::Within(forecast())),
        row("\u{1b}[31mred\nline", 380.0, Outcome::Within(within(None, None))),
        grown,
        row("a-name-that-is-much-too-long-for-a-column-of-a-table", 200.0, Outcome::Never),
        gone,
    ]
}

fn idle() -> IdleReport {
    IdleReport {
        rule: "cpu below 5% of its limit for 95% of the last 14d".into(),
        hosts: vec![IdleHost {
            labels: labels("old-1"),
            grade: Grade::Strong,
            evidence: vec![Evidence {
                resource: "cpu".into(),
                unit: "MHz".parse().ok(),
                below: 400.0,
                mean: 12.5,
                peak: 90.0,
                share_low: 1.0,
            }],
            frees: vec![
                ("disk".into(), "GB".parse().ok(), 500.0),
                ("load".into(), "%".parse().ok(), 100.0),
            ],
        }],
        kept_for_bursts: vec![labels("batch-1")],
        undetermined: vec![(labels("@gone"), "cpu: no data".into())],
        in_use: 4,
        saved_per_month: None,
        unpriced: 1,
    }
}

pub(super) fn plan() -> Plan {
    let unit = || "GB".parse().ok();
    Plan {
        pools: None,
        design: None,
        study: "small".into(),
        as_of: day("2026-01-01"),
        window: TimeRange { start: day("2025-10-01"), end: day("2026-01-01") },
        step: Span::from_seconds(300),
        horizon: Span::from_days(90),
        lead_time: Span::from_days(30),
        false_discovery_rate: 0.05,
        summary: Summary {
            hosts: 7,
            rows: 7,
            already: 1,
            within_horizon: 2,
            beyond_horizon: 1,
            order_overdue: 2,
            never: 1,
            no_trend: 1,
            not_enough_data: 1,
        },
        hosts: TablePlan { name: "host".into(), by: vec!["host".into()], rows: rows() },
        groups: vec![TablePlan {
            name: "fleet".into(),
            by: vec![],
            rows: vec![row("x", 9.0, Outcome::NoTrend)],
        }],
        idle: idle(),
        zombies: None,
        overprovisioned: OverprovisionedReport {
            rule: "p99.5 is below 50% of the limit".into(),
            rows: vec![OverprovisionedRow {
                labels: labels("big-1"),
                resource: "disk".into(),
                unit: unit(),
                need: 40.0,
                peak: 44.0,
                limit: 500.0,
                target: 50.0,
            }],
            totals: vec![Reclaimable {
                resource: "disk".into(),
                unit: unit(),
                rows: (1, 6),
                amount: (450.0, 3_000.0),
            }],
            changed_lately: vec![],
        },
        laws: vec![],
        notes: vec![Note {
            what: "when it is full: no samples".into(),
            count: 1,
            hosts: 1,
            examples: vec!["@gone: disk".into()],
        }],
        caveats: vec![],
        history: None,
    }
}

/// All sentences, one a line.
pub(super) fn sentences(found: &[Explanation]) -> String {
    found.iter().flat_map(|one| &one.sentences).map(String::as_str).collect::<Vec<_>>().join("\n")
}

/// Expects a text to have a part.
#[track_caller]
pub(super) fn has(text: &str, part: &str) {
    assert!(text.contains(part), "{part:?} is not in\n{text}");
}

/// What a report wrote.
pub(super) fn written(report: impl FnOnce(&Plan, &mut Vec<u8>) -> std::io::Result<()>) -> String {
    let mut out = Vec::new();
    report(&plan(), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Compares with a golden file beside this one; `UPDATE_GOLDEN=1` rewrites it.
pub(super) fn check_golden(name: &str, found: &str) {
    let path =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/report/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, found).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap();
    let mut lines = found.lines().zip(expected.lines()).enumerate();
    let differs = lines.find(|(_, (found, expected))| found != expected);
    let differs = differs
        .map(|(at, (found, expected))| format!("line {}\n{found:.300}\n{expected:.300}", at + 1));
    assert!(found == expected, "{name} differs (UPDATE_GOLDEN=1 rewrites it): {differs:?}");
}
