//! The plan as JSON: complete, and of a stable shape.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use super::zombies_json::{Zombies, zombies};
use super::{design, laws_json, pools_json};
use crate::capacity::{
    Backtest, Grade, IdleHost, LimitChange, MODEL, Note, Outcome, OverprovisionedRow, Peak, Plan,
    PlanRow, Reclaimable, Summary, TablePlan,
};
use crate::model::{Labels, Span, Timestamp, Unit};

/// Rises when a field goes or changes its meaning; a new field does not raise it.
pub const SCHEMA_VERSION: u32 = 1;

/// Writes the plan as one JSON object. Instants are RFC 3339, days are dates, both in UTC; amounts
/// are numbers in the unit beside them; what is not known is null.
pub fn json(plan: &Plan, out: &mut impl Write) -> io::Result<()> {
    let document = Document {
        schema_version: SCHEMA_VERSION,
        study: &plan.study,
        as_of: plan.as_of.to_string(),
        window: [plan.window.start.to_string(), plan.window.end.to_string()],
        step: plan.step,
        horizon: plan.horizon,
        lead_time: plan.lead_time,
        false_discovery_rate: plan.false_discovery_rate,
        model: MODEL,
        summary: plan.summary,
        hosts: table(&plan.hosts, plan.as_of),
        groups: plan.groups.iter().map(|group| table(group, plan.as_of)).collect(),
        idle: idle(plan),
        zombies: plan.zombies.as_ref().map(zombies),
        overprovisioned: Overprovisioned {
            rule: &plan.overprovisioned.rule,
            totals: plan.overprovisioned.totals.iter().map(total).collect(),
            rows: plan.overprovisioned.rows.iter().map(overprovisioned).collect(),
        },
        design: plan.design.as_ref().map(design::json),
        pools: plan.pools.as_ref().map(pools_json::pools),
        laws: plan.laws.iter().map(laws_json::law).collect(),
        notes: &plan.notes,
        caveats: &plan.caveats,
    };
    serde_json::to_writer_pretty(&mut *out, &document).map_err(io::Error::from)?;
    writeln!(out)
}

#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    study: &'a str,
    as_of: String,
    window: [String; 2],
    step: Span,
    horizon: Span,
    lead_time: Span,
    false_discovery_rate: f64,
    model: &'static str,
    summary: Summary,
    hosts: TableView<'a>,
    groups: Vec<TableView<'a>>,
    idle: Idle<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    zombies: Option<Zombies<'a>>,
    overprovisioned: Overprovisioned<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    design: Option<design::DesignView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pools: Option<pools_json::Pools<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    laws: Vec<laws_json::LawView<'a>>,
    notes: &'a [Note],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    caveats: &'a [String],
}

#[derive(Serialize)]
struct TableView<'a> {
    name: &'a str,
    by: &'a [String],
    rows: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    labels: BTreeMap<&'a str, &'a str>,
    resource: &'a str,
    unit: Option<&'a str>,
    used_now: f64,
    first_seen: Option<String>,
    last_seen: Option<String>,
    peak: Option<At>,
    peak_7_days: Option<At>,
    limit: Option<f64>,
    line: Option<f64>,
    headroom: Option<f64>,
    headroom_share: Option<f64>,
    limit_change: Option<Change>,
    outcome: &'static str,
    why: Option<&'a str>,
    full_since: Option<String>,
    full: Option<Full>,
    order_by: Option<String>,
    slope_per_day: Option<f64>,
    p_value: Option<f64>,
    trend_since: Option<String>,
    backtest: Option<BacktestView>,
    reached: Option<Reached>,
    days: usize,
    gap_days: usize,
}

#[derive(Serialize)]
struct At {
    value: f64,
    at: String,
}

#[derive(Serialize)]
struct Change {
    from: f64,
    at: String,
}

#[derive(Serialize)]
struct Full {
    p10: Option<String>,
    p50: Option<String>,
    p90: Option<String>,
    within_7_days: f64,
    within_30_days: f64,
    within_90_days: f64,
    never: f64,
}

/// How likely a peak reaches the line, trend or not.
#[derive(Serialize)]
struct Reached {
    within_7_days: f64,
    within_30_days: f64,
    within_90_days: f64,
    never: f64,
}

#[derive(Serialize)]
struct BacktestView {
    origins: usize,
    mase: f64,
    coverage: f64,
}

#[derive(Serialize)]
struct Idle<'a> {
    rule: &'a str,
    hosts: Vec<IdleView<'a>>,
    kept_for_bursts: Vec<BTreeMap<&'a str, &'a str>>,
    undetermined: Vec<Undetermined<'a>>,
    in_use: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    saved_per_month: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unpriced_hosts: Option<usize>,
}

#[derive(Serialize)]
struct IdleView<'a> {
    labels: BTreeMap<&'a str, &'a str>,
    grade: &'static str,
    evidence: Vec<EvidenceView<'a>>,
    frees: Vec<Amount<'a>>,
}

#[derive(Serialize)]
struct EvidenceView<'a> {
    resource: &'a str,
    unit: Option<&'a str>,
    below: f64,
    mean: f64,
    peak: f64,
    share_low: f64,
}

#[derive(Serialize)]
struct Amount<'a> {
    resource: &'a str,
    unit: Option<&'a str>,
    limit: f64,
}

#[derive(Serialize)]
struct Undetermined<'a> {
    labels: BTreeMap<&'a str, &'a str>,
    why: &'a str,
}

#[derive(Serialize)]
struct Overprovisioned<'a> {
    rule: &'a str,
    totals: Vec<Total<'a>>,
    rows: Vec<OverView<'a>>,
}

#[derive(Serialize)]
struct Total<'a> {
    resource: &'a str,
    unit: Option<&'a str>,
    overprovisioned_rows: usize,
    judged_rows: usize,
    reclaimable: f64,
    limits: f64,
}

#[derive(Serialize)]
struct OverView<'a> {
    labels: BTreeMap<&'a str, &'a str>,
    resource: &'a str,
    unit: Option<&'a str>,
    need: f64,
    peak: f64,
    limit: f64,
    target: f64,
    reclaimable: f64,
}

fn table(table: &TablePlan, as_of: Timestamp) -> TableView<'_> {
    let rows = table.rows.iter().map(|one| row(one, as_of));
    TableView { name: &table.name, by: &table.by, rows: rows.collect() }
}

fn row(row: &PlanRow, as_of: Timestamp) -> Row<'_> {
    let date = |day: Option<Timestamp>| day.map(Timestamp::date);
    let (mut why, mut full_since, mut full) = (None, None, None);
    match &row.outcome {
        Outcome::Already { since } => full_since = Some(since.date()),
        Outcome::NotEnoughData { what } => why = Some(what.as_str()),
        Outcome::Within(f) => {
            full = Some(Full {
                p10: date(f.p10),
                p50: date(f.p50),
                p90: date(f.p90),
                within_7_days: f.within_7_days,
                within_30_days: f.within_30_days,
                within_90_days: f.within_90_days,
                never: f.never,
            });
        }
        Outcome::Never | Outcome::NoTrend => {}
    }
    let peak = |peak: Peak| At { value: peak.value, at: peak.at.to_string() };
    let backtest = |b: Backtest| {
        let Backtest { origins, mase, coverage } = b;
        BacktestView { origins, mase, coverage }
    };
    Row {
        labels: labels(&row.labels),
        resource: &row.resource,
        unit: unit(row.unit.as_ref()),
        used_now: row.used_now,
        first_seen: row.first_seen.map(|at| at.to_string()),
        last_seen: row.last_seen.map(|at| at.to_string()),
        peak: row.peak.map(peak),
        peak_7_days: row.peak_7_days.map(peak),
        limit: row.limit,
        line: row.line,
        headroom: row.headroom(),
        headroom_share: row.headroom_share(),
        limit_change: row
            .limit_change
            .map(|LimitChange { from, at }| Change { from, at: at.to_string() }),
        outcome: row.outcome.word(),
        why,
        full_since,
        full,
        order_by: date(row.order_by(as_of)),
        slope_per_day: row.slope_per_day,
        p_value: row.p_value,
        trend_since: date(row.trend_since),
        backtest: row.backtest.map(backtest),
        reached: row.probabilities.map(|p| Reached {
            within_7_days: p.within_7,
            within_30_days: p.within_30,
            within_90_days: p.within_90,
            never: p.never,
        }),
        days: row.days,
        gap_days: row.gap_days,
    }
}

fn idle(plan: &Plan) -> Idle<'_> {
    let report = &plan.idle;
    let undetermined = report.undetermined.iter();
    Idle {
        rule: &report.rule,
        hosts: report.hosts.iter().map(idle_host).collect(),
        kept_for_bursts: report.kept_for_bursts.iter().map(labels).collect(),
        undetermined: undetermined
            .map(|(of, why)| Undetermined { labels: labels(of), why })
            .collect(),
        in_use: report.in_use,
        saved_per_month: report.saved_per_month,
        unpriced_hosts: report.saved_per_month.map(|_| report.unpriced),
    }
}

fn idle_host(host: &IdleHost) -> IdleView<'_> {
    let evidence = host.evidence.iter().map(|e| EvidenceView {
        resource: &e.resource,
        unit: unit(e.unit.as_ref()),
        below: e.below,
        mean: e.mean,
        peak: e.peak,
        share_low: e.share_low,
    });
    let frees = host.frees.iter().map(|(resource, of, limit)| Amount {
        resource,
        unit: unit(of.as_ref()),
        limit: *limit,
    });
    IdleView {
        labels: labels(&host.labels),
        grade: match host.grade {
            Grade::Strong => "strong",
            Grade::Fair => "fair",
            Grade::Weak => "weak",
        },
        evidence: evidence.collect(),
        frees: frees.collect(),
    }
}

fn overprovisioned(row: &OverprovisionedRow) -> OverView<'_> {
    OverView {
        labels: labels(&row.labels),
        resource: &row.resource,
        unit: unit(row.unit.as_ref()),
        need: row.need,
        peak: row.peak,
        limit: row.limit,
        target: row.target,
        reclaimable: row.reclaimable(),
    }
}

fn total(total: &Reclaimable) -> Total<'_> {
    Total {
        resource: &total.resource,
        unit: unit(total.unit.as_ref()),
        overprovisioned_rows: total.rows.0,
        judged_rows: total.rows.1,
        reclaimable: total.amount.0,
        limits: total.amount.1,
    }
}

fn labels(labels: &Labels) -> BTreeMap<&str, &str> {
    labels.iter().collect()
}

fn unit(unit: Option<&Unit>) -> Option<&str> {
    unit.map(Unit::as_str)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check_golden, written};
    use super::*;

    #[test]
    fn golden() {
        check_golden("plan.json", &written(json));
    }

    #[test]
    fn it_reads_back_and_says_what_is_not_known() {
        let value: serde_json::Value = serde_json::from_str(&written(json)).unwrap();
        assert_eq!(value["schema_version"], SCHEMA_VERSION);
        let rows = value["hosts"]["rows"].as_array().unwrap();
        assert_eq!(rows[2]["labels"]["host"], "=cmd|' /C calc'!A0");
        assert_eq!(rows[3]["labels"]["host"], "\u{1b}[31mred\nline");
        assert_eq!(rows[2]["full"]["p50"], "2026-02-11");
        // A row that is full already is due on the day of the plan.
        assert_eq!(
            (&rows[0]["order_by"], &rows[4]["order_by"]),
            (&"2026-01-01".into(), &().into())
        );
        assert!(rows[2]["full"]["p90"].is_null());
        assert!(rows[6]["used_now"].is_null() && rows[6]["headroom"].is_null());
    }
}
