//! Over-provisioned rows: the need is far below the limit, so part of the limit can be reclaimed.

use std::collections::{BTreeMap, BTreeSet};

use super::idle::STALE;
use super::rows::{Outcome, PlanRow};
use super::study::{OverprovisionedRule, Study};
use crate::model::{Labels, Timestamp, Unit};

/// Over-provisioned rows and the rule that found them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OverprovisionedReport {
    /// The rule in words; empty where the study has none.
    pub rule: String,
    /// The rows, in the order of the study's resources; of each the largest amount first.
    pub rows: Vec<OverprovisionedRow>,
    /// What could be reclaimed of each resource, in the order of the study.
    pub totals: Vec<Reclaimable>,
}

/// A resource of a host that is much larger than its use.
#[derive(Debug, Clone, PartialEq)]
pub struct OverprovisionedRow {
    /// The labels that name the host.
    pub labels: Labels,
    /// The name of the resource.
    pub resource: String,
    /// Its unit.
    pub unit: Option<Unit>,
    /// The quantile of the step means: what it needs.
    pub need: f64,
    /// The limit.
    pub limit: f64,
    /// The limit that leaves the headroom of the rule above the need.
    pub target: f64,
}

/// What could be reclaimed of one resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Reclaimable {
    /// The name of the resource.
    pub resource: String,
    /// Its unit.
    pub unit: Option<Unit>,
    /// How many rows are over-provisioned, and how many were judged.
    pub rows: (usize, usize),
    /// What could be reclaimed, and the limits of all rows that were judged.
    pub amount: (f64, f64),
}

impl OverprovisionedRow {
    /// The limit less the target.
    pub fn reclaimable(&self) -> f64 {
        self.limit - self.target
    }
}

/// A row by host with what the rule needs of it.
pub(super) struct Candidate<'a> {
    pub(super) resource: usize,
    pub(super) row: &'a PlanRow,
    pub(super) need: Option<f64>,
}

/// Judges every candidate but those of idle hosts, which are counted as a whole already.
pub(super) fn judge(
    study: &Study,
    candidates: &[Candidate<'_>],
    idle: &BTreeSet<&Labels>,
    as_of: Timestamp,
) -> OverprovisionedReport {
    let rule = &study.overprovisioned;
    let mut report = OverprovisionedReport { rule: in_words(rule), ..Default::default() };
    let mut totals: BTreeMap<usize, Reclaimable> = BTreeMap::new();
    for candidate in candidates {
        let Some((need, limit)) = judgeable(rule, candidate, as_of) else { continue };
        let row = candidate.row;
        let total = totals.entry(candidate.resource).or_insert_with(|| Reclaimable {
            resource: row.resource.clone(),
            unit: row.unit.clone(),
            rows: (0, 0),
            amount: (0.0, 0.0),
        });
        total.rows.1 += 1;
        total.amount.1 += limit;
        let target = need.max(0.0) / (1.0 - rule.headroom);
        let full = matches!(row.outcome, Outcome::Within(_) | Outcome::Already { .. });
        if need >= rule.below * limit || target >= limit || full || idle.contains(&row.labels) {
            continue;
        }
        total.rows.0 += 1;
        total.amount.0 += limit - target;
        report.rows.push(OverprovisionedRow {
            labels: row.labels.clone(),
            resource: row.resource.clone(),
            unit: row.unit.clone(),
            need,
            limit,
            target,
        });
    }
    let place = |row: &OverprovisionedRow| study.resource(&row.resource);
    report.rows.sort_by(|a, b| {
        let by_amount = place(a).cmp(&place(b));
        let by_amount = by_amount.then_with(|| b.reclaimable().total_cmp(&a.reclaimable()));
        by_amount.then_with(|| a.labels.cmp(&b.labels))
    });
    report.totals = totals.into_values().collect();
    report
}

fn judgeable(
    rule: &OverprovisionedRule,
    candidate: &Candidate<'_>,
    as_of: Timestamp,
) -> Option<(f64, f64)> {
    let asked = rule.resources.contains(&candidate.resource);
    let old = as_of.since(candidate.row.first_seen?) >= rule.minimum_age;
    let gone = as_of.since(candidate.row.last_seen?) > STALE;
    let limit = candidate.row.limit?;
    candidate.need.filter(|_| asked && old && !gone).map(|need| (need, limit))
}

fn in_words(rule: &OverprovisionedRule) -> String {
    if rule.resources.is_empty() {
        return String::new();
    }
    let percent = |share: f64| (share * 1_000.0).round() / 10.0;
    let need = if rule.quantile >= 1.0 {
        "the maximum".to_owned()
    } else {
        format!("p{}", percent(rule.quantile))
    };
    let window = match rule.window {
        Some(window) => format!("the last {window}"),
        None => "all of the data".to_owned(),
    };
    format!(
        "{need} of the step means of {window} is below {}% of the limit; the new limit leaves \
         {}% of it free",
        percent(rule.below),
        percent(rule.headroom)
    )
}
