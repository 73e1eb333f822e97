//! Over-provisioned rows: the need is far below the limit, so part of the limit can be reclaimed.
//!
//! In: what each row needs, and its line of the plan. Out: those whose limit could be smaller, and
//! by how much. Never: a new limit below a peak that the plan shows.

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
    /// Rows that would be among them, but for a limit that changed too lately to be judged: the
    /// labels of the host, and the name of the resource.
    pub changed_lately: Vec<(Labels, String)>,
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
    /// What it needs: the quantile of the step means, or the daily peak that is to be expected
    /// again, whichever is larger.
    pub need: f64,
    /// The peak that the plan shows.
    pub peak: f64,
    /// The limit.
    pub limit: f64,
    /// The limit that leaves the headroom of the rule above the need, and is no less than the peak.
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

/// Judges every candidate but those of hosts aside: idle ones are counted as a whole already, and
/// what others are kept for is not asked of a quantile.
pub(super) fn judge(
    study: &Study,
    candidates: &[Candidate<'_>],
    aside: &BTreeSet<&Labels>,
    as_of: Timestamp,
) -> OverprovisionedReport {
    let rule = &study.overprovisioned;
    let mut report = OverprovisionedReport { rule: in_words(rule), ..Default::default() };
    let mut totals: BTreeMap<usize, Reclaimable> = BTreeMap::new();
    for candidate in candidates {
        let Some((need, limit)) = judgeable(rule, candidate, as_of) else { continue };
        let row = candidate.row;
        let peak = row.peak.map_or(need, |peak| peak.value);
        let target = (need.max(0.0) / (1.0 - rule.headroom)).max(peak);
        let full = matches!(row.outcome, Outcome::Within(_) | Outcome::Already { .. });
        // The peak must leave as much to reclaim as the need does at least.
        let most = (rule.below / (1.0 - rule.headroom)).min(1.0) * limit;
        let fits = need >= rule.below * limit || target >= most;
        let large = !(fits || full || aside.contains(&row.labels));
        // What was used under another limit says little of what this one is used for.
        if row.limit_change.is_some_and(|change| as_of.since(change.at) < rule.minimum_age) {
            if large {
                report.changed_lately.push((row.labels.clone(), row.resource.clone()));
            }
            continue;
        }
        let total = totals.entry(candidate.resource).or_insert_with(|| Reclaimable {
            resource: row.resource.clone(),
            unit: row.unit.clone(),
            rows: (0, 0),
            amount: (0.0, 0.0),
        });
        total.rows.1 += 1;
        total.amount.1 += limit;
        if !large {
            continue;
        }
        total.rows.0 += 1;
        total.amount.0 += limit - target;
        report.rows.push(OverprovisionedRow {
            labels: row.labels.clone(),
            resource: row.resource.clone(),
            unit: row.unit.clone(),
            need,
            peak,
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
        "{need} of the step means of {window}, and the daily peak to be expected again, are below \
         {}% of the limit; the new limit leaves {}% of it free, and is no less than the peak",
        percent(rule.below),
        percent(rule.headroom)
    )
}

#[cfg(test)]
mod tests {
    use super::super::testing::{self, labels};
    use super::super::{Plan, Planner, Table};
    use super::*;
    use crate::model::{Frame, Span};

    const DAYS: usize = 60;
    const HOURS: usize = 24;

    /// The plan of one host with hourly rows, and its limits by day.
    fn plan_of(rule: &str, used: Vec<f64>, limits: Vec<f64>) -> Plan {
        let text = "[study]\nstep = \"1h\"\n\
                    [[resource]]\nname = \"cpu\"\nusage = \"c\"\nlimit = \"l\"\n";
        let study = Study::parse(&format!("{text}{rule}"), "study.toml").unwrap();
        let names = || vec![labels("host", "a")];
        let frame = |step, values: Vec<f64>| {
            Frame::new(testing::start(), step, values.len(), names(), values).unwrap()
        };
        let as_of = testing::start().plus(Span::from_days(DAYS as i64));
        let mut planner = Planner::new(&study, as_of).unwrap();
        let table = Table { resource: 0, group: None };
        planner.add(table, &frame(Span::HOUR, used), Some(&frame(Span::DAY, limits))).unwrap();
        planner.finish()
    }

    /// A core of work, and so much in an hour of some days.
    fn used(busy: f64, is_busy: impl Fn(usize) -> bool) -> Vec<f64> {
        let hour = |at: usize| if at % HOURS == 3 && is_busy(at / HOURS) { busy } else { 1.0 };
        (0..DAYS * HOURS).map(hour).collect()
    }

    fn target(plan: &Plan) -> Option<f64> {
        plan.overprovisioned.rows.first().map(|row| row.target)
    }

    #[test]
    fn a_need_that_comes_back_is_a_need() {
        let limits = || vec![16.0; DAYS];
        // An hour a week is 0.6% of the time, and in no 99th percentile of the steps.
        let weekly = |day: usize| day % 7 == 2;
        let rule = "[overprovisioned]\nquantile = 0.99\n";
        assert_eq!(target(&plan_of(rule, used(12.0, weekly), limits())), None);
        assert_eq!(target(&plan_of(rule, used(6.0, weekly), limits())), Some(7.5));
        // So is what comes once a month.
        let monthly = |day: usize| day == 15 || day == 45;
        assert_eq!(target(&plan_of(rule, used(12.0, monthly), limits())), None);
        assert_eq!(target(&plan_of(rule, used(1.0, monthly), limits())), Some(1.25));
    }

    #[test]
    fn no_new_limit_is_below_a_peak_of_the_plan() {
        // One hour, too long ago to be expected again: no need, but it was seen.
        let plan = plan_of("", used(9.0, |day| day == 5), vec![16.0; DAYS]);
        let row = &plan.overprovisioned.rows[0];
        assert_eq!((row.need, row.peak, row.target, row.reclaimable()), (1.0, 9.0, 9.0, 7.0));
        assert_eq!(plan.overprovisioned.totals[0].amount, (7.0, 16.0));
        // From 0.5 / 0.8 of the limit on the peak leaves too little.
        let once = |peak| plan_of("", used(peak, |day| day == 5), vec![16.0; DAYS]);
        assert_eq!((target(&once(9.9)), target(&once(10.0))), (Some(9.9), None));
    }

    #[test]
    fn a_host_that_is_kept_for_its_bursts_is_not_made_smaller() {
        // Quiet but for bursts that are under half of the limit.
        let quiet =
            used(7.0, |day| day % 30 == 12).into_iter().map(|v| if v > 1.0 { v } else { 0.1 });
        let plan = plan_of("", quiet.collect(), vec![16.0; DAYS]);
        assert_eq!(plan.idle.kept_for_bursts.len(), 1);
        assert_eq!((target(&plan), plan.overprovisioned.totals[0].rows), (None, (0, 1)));
    }

    #[test]
    fn a_limit_that_changed_lately_is_not_judged() {
        let grown = |days_ago: usize| {
            let mut limits = vec![4.0; DAYS];
            limits[DAYS - days_ago..].fill(64.0);
            plan_of("", vec![3.05; DAYS * HOURS], limits)
        };
        for (days_ago, large) in [(1, false), (13, false), (14, true)] {
            let plan = grown(days_ago);
            assert_eq!(target(&plan).is_some(), large, "{days_ago}");
            let said = |note: &&super::super::Note| note.what.contains("limit changed lately");
            let note = plan.notes.iter().find(said).map(|note| note.examples.clone());
            assert_eq!(note, (!large).then(|| vec!["a: cpu".to_owned()]));
            assert_eq!(plan.overprovisioned.totals.len(), usize::from(large), "not judged");
        }
        assert!(grown(1).idle.hosts.is_empty(), "it works");
    }
}
