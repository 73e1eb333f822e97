//! The zombies of a plan as JSON.

use serde::Serialize;

use crate::capacity::zombie::{Stage, ZombieHost, ZombieReport};
use crate::model::Unit;

#[derive(Serialize)]
pub(super) struct Zombies<'a> {
    host_label: &'a str,
    agreement: f64,
    rules: &'a [String],
    silent_rules: &'a [String],
    hosts: Vec<ZombieView<'a>>,
    kept: Vec<Named<'a>>,
    undetermined: Vec<Named<'a>>,
    in_use: usize,
    stages: Vec<StageView<'a>>,
    has_ledger: bool,
    savings: Option<Savings>,
}

#[derive(Serialize)]
struct ZombieView<'a> {
    host: &'a str,
    class: &'static str,
    grade: &'static str,
    judged_rules: usize,
    said_by: Vec<Said<'a>>,
    reasons: &'a [String],
    owner: Option<&'a str>,
    price_per_month: Option<f64>,
    since: String,
    stage: Option<&'a str>,
    held: bool,
    stages: Vec<Day<'a>>,
    frees: Vec<Amount<'a>>,
}

#[derive(Serialize)]
struct Said<'a> {
    rule: &'a str,
    why: &'a str,
}

#[derive(Serialize)]
struct Day<'a> {
    stage: &'a str,
    on: String,
}

#[derive(Serialize)]
struct Amount<'a> {
    resource: &'a str,
    unit: Option<&'a str>,
    limit: f64,
}

#[derive(Serialize)]
struct Named<'a> {
    host: &'a str,
    why: &'a str,
}

#[derive(Serialize)]
struct StageView<'a> {
    name: &'a str,
    day: u32,
    grade: &'static str,
    does: &'a str,
    undo: &'a str,
}

#[derive(Serialize)]
struct Savings {
    price_per_month: f64,
    unpriced_hosts: usize,
}

/// The zombies, of which every text is as it came and every day a date in UTC.
pub(super) fn zombies(report: &ZombieReport) -> Zombies<'_> {
    let named = |(host, why)| Named { host, why };
    Zombies {
        host_label: &report.host_label,
        agreement: report.agreement,
        rules: &report.rules,
        silent_rules: &report.silent_rules,
        hosts: report.hosts.iter().map(|host| self::host(report, host)).collect(),
        kept: report.kept.iter().map(pair).map(named).collect(),
        undetermined: report.undetermined.iter().map(pair).map(named).collect(),
        in_use: report.in_use,
        stages: report.stages.iter().map(stage).collect(),
        has_ledger: report.has_ledger,
        savings: report.savings.map(|savings| Savings {
            price_per_month: savings.price_per_month,
            unpriced_hosts: savings.unpriced,
        }),
    }
}

fn stage(stage: &Stage) -> StageView<'_> {
    let Stage { name, day, grade, does, undo } = stage;
    StageView { name, day: *day, grade: grade.name(), does, undo }
}

fn pair((host, why): &(String, String)) -> (&str, &str) {
    (host, why)
}

fn host<'a>(report: &'a ZombieReport, host: &'a ZombieHost) -> ZombieView<'a> {
    let days = report.stages.iter();
    ZombieView {
        host: &host.host,
        class: host.class.name(),
        grade: host.grade.name(),
        judged_rules: host.judged,
        said_by: host.said_by.iter().map(|(rule, why)| Said { rule, why }).collect(),
        reasons: &host.reasons,
        owner: host.owner.as_deref(),
        price_per_month: host.price_per_month,
        since: host.since.date(),
        stage: host.stage.as_deref(),
        held: host.held,
        stages: days
            .map(|stage| Day { stage: &stage.name, on: host.day_of(stage).date() })
            .collect(),
        frees: host
            .frees
            .iter()
            .map(|(resource, unit, limit)| Amount {
                resource,
                unit: unit.as_ref().map(Unit::as_str),
                limit: *limit,
            })
            .collect(),
    }
}
