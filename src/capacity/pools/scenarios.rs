//! What would be: every scenario of a study beside what is.

use std::collections::BTreeSet;

use super::change::Changed;
use super::course::{Course, Stretch};
use super::failures::{Exposed, PoolFailure};
use super::orders::{self, PoolOrder};
use super::pool::{Host, Part, Pool, PoolResource};
use crate::capacity::assess::View;
use crate::capacity::rows::Outcome;
use crate::capacity::study::{Change, ChangeKind, FailoverRule, Scenario};
use crate::model::{Labels, Span, Timestamp, Unit};

/// What sums of the same hosts in another order may differ by.
const ROUNDING: f64 = 1e-12;

/// What a scenario comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct ScenarioOutcome {
    /// Its name.
    pub name: String,
    /// The resources of all pools, in the order of their names.
    pub rows: Vec<ScenarioRow>,
    /// The hosts of all pools at the horizon.
    pub hosts: f64,
    /// How many rows are full by the horizon, more likely than not.
    pub full_rows: usize,
    /// The hosts to be ordered; `None` where the study orders none.
    pub ordered_hosts: Option<u64>,
    /// What these cost in a month.
    pub ordered_per_month: Option<f64>,
    /// What is ordered for each pool, in the order of their names.
    pub orders: Vec<PoolOrder>,
    /// Failures that are not survived at the horizon; `None` where the study names none.
    pub failures_lost: Option<usize>,
    /// How full the fullest survivors of any failure get then, 1 being what they may.
    pub worst_used_share: Option<f64>,
    /// Every failure of every pool at the horizon, in the order of the pools' names.
    pub failures: Vec<PoolFailure>,
    /// Changes that change nothing, in their order.
    pub unmet: Vec<UnmetChange>,
}

/// A change that changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnmetChange {
    /// Its place in the scenario, the first being 1.
    pub change: usize,
    /// Why it does not.
    pub why: String,
}

/// A resource of a pool in a scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct ScenarioRow {
    /// The labels of the pool.
    pub labels: Labels,
    /// Its name.
    pub pool: String,
    /// The name of the resource.
    pub resource: String,
    /// Its unit.
    pub unit: Option<Unit>,
    /// When it is full.
    pub full: WhenFull,
    /// The day that `peak` and `line` are of: the first of those on which the changes leave the
    /// least room, where that is less than there is as it is; else the horizon's end.
    pub day: Timestamp,
    /// What the peak as it is comes to on that day, growth beside the scenario's not counted.
    pub peak: f64,
    /// What counts as full on that day.
    pub line: f64,
}

/// When a row is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenFull {
    /// It is, today.
    Already,
    /// By these days with 10, 50 and 90% probability; `None` beyond the horizon.
    Within {
        /// 10%.
        p10: Option<Timestamp>,
        /// 50%.
        p50: Option<Timestamp>,
        /// 90%.
        p90: Option<Timestamp>,
    },
    /// Not within the horizon, as far as can be said.
    Not,
}

impl WhenFull {
    /// The day by which it is full, more likely than not; `as_of` where it is.
    pub fn day(self, as_of: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Already => Some(as_of),
            Self::Within { p50, .. } => p50,
            Self::Not => None,
        }
    }
}

/// What is, and what every scenario of the study comes to; nothing where it has none.
pub(super) fn report(view: &View, pools: &[Pool<'_>]) -> Vec<ScenarioOutcome> {
    let scenarios = &view.study.scenarios;
    if scenarios.is_empty() {
        return Vec::new();
    }
    let as_is = Scenario { name: "as it is".to_owned(), changes: Vec::new() };
    std::iter::once(&as_is)
        .chain(scenarios)
        .map(|scenario| outcome(view, pools, scenario))
        .collect()
}

fn outcome(view: &View, pools: &[Pool<'_>], scenario: &Scenario) -> ScenarioOutcome {
    let end = view.as_of.plus(view.study.horizon);
    let mut found = ScenarioOutcome {
        name: scenario.name.clone(),
        rows: Vec::new(),
        hosts: 0.0,
        full_rows: 0,
        ordered_hosts: view.study.order.as_ref().map(|_| 0),
        ordered_per_month: view.study.order.as_ref().map(|_| 0.0),
        orders: Vec::new(),
        failures_lost: view.study.failover.as_ref().map(|_| 0),
        worst_used_share: None,
        failures: Vec::new(),
        unmet: Vec::new(),
    };
    let mut met = vec![false; scenario.changes.len()];
    let ends = |change: &Change| change.until.is_some_and(|until| until <= end);
    let lasting: Vec<Change> =
        scenario.changes.iter().filter(|change| !ends(change)).cloned().collect();
    for pool in pools {
        let changed = Changed::at(view, pool, &scenario.changes, end);
        let (courses, met_here) = courses(view, pool, &scenario.changes);
        met.iter_mut().zip(met_here).for_each(|(met, here)| *met |= here);
        found.hosts += changed.count();
        for (one, course) in pool.resources.iter().zip(&courses) {
            let row = row(view, pool, one, course);
            found.full_rows += usize::from(row.full.day(view.as_of).is_some());
            found.rows.push(row);
        }
        let lasting = if lasting.len() == scenario.changes.len() {
            courses.clone()
        } else {
            self::courses(view, pool, &lasting).0
        };
        if let Ok(Some(order)) = orders::order(view, pool, &courses, &lasting) {
            found.ordered_hosts = found.ordered_hosts.map(|hosts| hosts + order.order.hosts);
            found.ordered_per_month = found.ordered_per_month.map(|cost| cost + order.order.cost);
            found.orders.push(order);
        }
        if let Some(rule) = &view.study.failover {
            let failures = failures(view, rule, pool, &changed);
            let lost = failures.iter().filter(|failure| !failure.is_survived()).count();
            found.failures_lost = found.failures_lost.map(|count| count + lost);
            for failure in &failures {
                let share = failure.used_share.unwrap_or(f64::INFINITY);
                let worst = found.worst_used_share.map_or(share, |worst| worst.max(share));
                found.worst_used_share = Some(worst);
            }
            found.failures.extend(failures);
        }
    }
    let changes = scenario.changes.iter().enumerate().zip(met);
    let unmet = changes.filter(|(_, met)| !met).map(|((at, change), _)| UnmetChange {
        change: at + 1,
        why: why_unmet(view, pools, change),
    });
    found.unmet = unmet.collect();
    found
}

/// What the failures of the study come to after changes. Where there is work of a resource that
/// nobody is left to carry, none of those that the pool had is survived.
fn failures(
    view: &View,
    rule: &FailoverRule,
    pool: &Pool<'_>,
    changed: &Changed<'_>,
) -> Vec<PoolFailure> {
    let peaks: Vec<f64> = pool.resources.iter().map(|one| one.peak).collect();
    let of = |hosts: &[Host<'_>]| Exposed::of(view, rule, pool, hosts, &peaks).failures(view, rule);
    if pool.hosts().is_empty() {
        return Vec::new();
    }
    let sum = |part: &dyn Fn(&Part) -> f64, at: usize| -> f64 {
        changed.hosts.iter().map(|host| part(&host.parts[at])).sum()
    };
    let deserted = (0..pool.resources.len()).find_map(|at| {
        let one = &pool.resources[at];
        let demand = sum(&|part| part.share, at) * peaks[at];
        let carried = sum(&|part| part.line, at);
        let is_asked = rule.resources.contains(&one.resource);
        (is_asked && demand > 0.0 && carried <= 0.0).then_some((one, demand))
    });
    let Some((one, demand)) = deserted else {
        return of(&changed.hosts);
    };
    let had = of(pool.hosts()).into_iter();
    let resource = &view.study.resources[one.resource];
    had.map(|failure| failure.with_nobody(resource, demand)).collect()
}

/// Why a change meets nothing.
fn why_unmet(view: &View, pools: &[Pool<'_>], change: &Change) -> String {
    let end = view.as_of.plus(view.study.horizon);
    let is_past = change.until.is_some_and(|until| until <= view.as_of);
    if is_past || change.from.is_some_and(|from| from > end) {
        return "it does not hold on any day up to the horizon".to_owned();
    }
    match &change.kind {
        _ if pools.is_empty() => "there is no pool".to_owned(),
        ChangeKind::Add { .. } => format!("no pool has the labels {}", change.hosts),
        ChangeKind::Demand { resources, .. } if pools.iter().any(|one| !one.has_any(resources)) => {
            let names = resources.iter().map(|at| view.study.resources[*at].name.as_str());
            let names = names.collect::<Vec<_>>().join(" or ");
            let hosts = &change.hosts;
            format!("no host of a pool whose {names} is known has the labels {hosts}")
        }
        _ => format!("no host of a pool has the labels {}", change.hosts),
    }
}

/// The days ahead of each resource of a pool with changes, and which of them meet the pool.
fn courses(view: &View, pool: &Pool<'_>, changes: &[Change]) -> (Vec<Course>, Vec<bool>) {
    let mut met = vec![false; changes.len()];
    let instants = changes.iter().flat_map(|change| [change.from, change.until]);
    let end = view.as_of.plus(view.study.horizon);
    let ahead = |at: &Timestamp| *at > view.as_of && *at <= end;
    let instants: BTreeSet<Timestamp> = instants.flatten().filter(ahead).collect();
    let mut courses = pool.courses();
    for at in std::iter::once(view.as_of).chain(instants) {
        let changed = Changed::at(view, pool, changes, at);
        let before = pool.hosts_or_whole();
        met.iter_mut().zip(&changed.met).for_each(|(met, one)| *met |= one);
        for (index, course) in courses.iter_mut().enumerate() {
            let one = &pool.resources[index];
            let stretch = Stretch {
                day: one.days_ahead(at, view.as_of),
                demand_factor: ratio(&changed, &before, index, |part| part.share),
                line: one.line * ratio(&changed, &before, index, |part| part.line),
            };
            if stretch != course.on(stretch.day) {
                *course = course.clone().then(stretch);
            }
        }
    }
    (courses, met)
}

/// What the hosts have after changes, as a multiple of what they had; 1 where nothing was changed.
fn ratio(
    changed: &Changed<'_>,
    before: &[Host<'_>],
    resource: usize,
    of: impl Fn(&Part) -> f64,
) -> f64 {
    if !changed.was_met() {
        return 1.0;
    }
    let sum =
        |hosts: &[Host<'_>]| -> f64 { hosts.iter().map(|host| of(&host.parts[resource])).sum() };
    let (after, before) = (sum(&changed.hosts), sum(before));
    let ratio = if before > 0.0 { after / before } else { 1.0 };
    if (ratio - 1.0).abs() < ROUNDING { 1.0 } else { ratio }
}

fn row(view: &View, pool: &Pool<'_>, one: &PoolResource<'_>, course: &Course) -> ScenarioRow {
    let resource = &view.study.resources[one.resource];
    let end = view.as_of.plus(view.study.horizon);
    let last = one.days_ahead(end, view.as_of);
    let (day, at) = match course.tightest(one.line) {
        Some(at) if at.day == 0 => (view.as_of, at),
        Some(at) => (one.last_day().plus(Span::from_days(at.day as i64)), at),
        None => (end, course.on(last)),
    };
    ScenarioRow {
        labels: pool.labels.clone(),
        pool: pool.name.clone(),
        resource: resource.name.clone(),
        unit: resource.unit.clone(),
        full: if *course == Course::new(one.line) {
            as_it_is(one)
        } else {
            when(view, one, course)
        },
        day: day.floor(Span::DAY),
        peak: one.peak * at.demand_factor,
        line: at.line,
    }
}

/// What the plan says already.
fn as_it_is(one: &PoolResource<'_>) -> WhenFull {
    match &one.row.outcome {
        Outcome::Already { .. } => WhenFull::Already,
        Outcome::Within(forecast) if forecast.p10.is_some() => {
            let (p10, p50, p90) = (forecast.p10, forecast.p50, forecast.p90);
            WhenFull::Within { p10, p50, p90 }
        }
        _ => WhenFull::Not,
    }
}

fn when(view: &View, one: &PoolResource<'_>, course: &Course) -> WhenFull {
    let options = view.options();
    let found = one.outlook(&options).quantiles(&course.line());
    if found.p10_days == Some(0.0) {
        return WhenFull::Already;
    }
    let forecast = view.dates(&found, one.last_day());
    match forecast.p10 {
        Some(_) => WhenFull::Within { p10: forecast.p10, p50: forecast.p50, p90: forecast.p90 },
        None => WhenFull::Not,
    }
}
