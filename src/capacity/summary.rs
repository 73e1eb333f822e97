//! From rows that were looked at alone to the plan: what depends on the whole fleet.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::assess::{Assessed, View};
use super::exhaustion::{Calibration, PeakSeries, benjamini_hochberg};
use super::history::Days;
use super::idle::{self, IdleReport, IdleRow};
use super::laws::LawReport;
use super::overprovisioned::{self, Candidate, OverprovisionedReport};
use super::pools::{self, PoolReport};
use super::rows::{Note, Outcome, Plan, PlanRow, Summary, TablePlan, name, printable};
use super::zombie::ZombieReport;
use crate::model::{Labels, TimeRange, Timestamp};

/// Rows that are learnt from: many times what the weights take.
const LEARNT_SERIES_MAX: usize = 400;
/// How many examples a note carries.
const EXAMPLES: usize = 3;

/// The plan. `rows` are sorted by table and labels, so that every sum has one order.
pub(super) fn plan(
    view: &View,
    mut rows: Vec<Assessed>,
    mut zombies: Option<ZombieReport>,
    laws: Vec<LawReport>,
) -> Plan {
    keep_discoveries(&mut rows, view);
    let study = &view.study;
    let window = window(view, &rows);
    let unasked = unasked(view, &rows);
    let (idle, overprovisioned) = rules(view, &rows, zombies.as_mut());
    weigh(&mut rows);
    let pools = pools::report(view, &rows);
    let days = view.with_history.then(|| Days::of(&mut rows));
    let mut tables: Vec<TablePlan> = (0..study.groups.len())
        .map(|group| {
            let group = &study.groups[group];
            TablePlan { name: group.name.clone(), by: group.by.clone(), rows: Vec::new() }
        })
        .collect();
    let mut hosts = TablePlan { name: "host".into(), by: study.by.clone(), rows: Vec::new() };
    for assessed in rows {
        let limited = study.resources[assessed.table.resource].limit.is_some();
        let table = match assessed.table.group {
            None => Some(&mut hosts),
            Some(group) => tables.get_mut(group),
        };
        if let Some(table) = table.filter(|_| limited) {
            table.rows.push(assessed.row);
        }
    }
    for table in tables.iter_mut().chain([&mut hosts]) {
        table.rows.sort_by(worst_first);
    }
    Plan {
        study: study.name.clone(),
        as_of: view.as_of,
        window,
        step: study.step,
        horizon: study.horizon,
        lead_time: study.lead_time,
        false_discovery_rate: study.false_discovery_rate,
        summary: counts(&hosts.rows, view.as_of),
        notes: notes(
            unasked,
            &hosts,
            &tables,
            (&idle, &overprovisioned),
            zombies.as_ref(),
            pools.as_ref(),
            &laws,
        ),
        caveats: Vec::new(),
        pools,
        design: None,
        history: days.map(|days| days.history(view, &hosts)),
        hosts,
        groups: tables,
        idle,
        zombies,
        overprovisioned,
        laws,
    }
}

/// Weighs what speaks for each line being reached as the hosts' own past says. Groups say nothing
/// new of it, being made of hosts, and a host's odds must not depend on which groups are looked at.
/// What is learnt from is spread over the rows, which are in order, so that it is the same for any
/// tiles.
fn weigh(rows: &mut [Assessed]) {
    let is_judged = |row: &&Assessed| row.table.group.is_none() && row.odds.is_some();
    let judged = || rows.iter().filter(is_judged);
    let stride = judged().count().div_ceil(LEARNT_SERIES_MAX).max(1);
    let series = judged().step_by(stride).filter_map(|assessed| {
        let peaks = assessed.days.as_ref()?.peaks.clone();
        Some(PeakSeries { host: String::new(), peaks })
    });
    let calibration = Calibration::learn(&series.collect::<Vec<_>>());
    for assessed in rows {
        assessed.row.probabilities = assessed.odds.map(|odds| odds.probabilities(&calibration));
    }
}

/// Lets stand only what survives the control of false discoveries. The hosts are one family, the
/// rows of each group another. Dates are controlled among dates: a true trend that leads nowhere,
/// such as that of a disk that fills in ten years, must not pay for an alarm that is chance.
fn keep_discoveries(rows: &mut [Assessed], view: &View) {
    let mut families: BTreeMap<Option<usize>, Vec<usize>> = BTreeMap::new();
    for (at, assessed) in rows.iter().enumerate() {
        if assessed.row.p_value.is_some() {
            families.entry(assessed.table.group).or_default().push(at);
        }
    }
    for family in families.into_values() {
        let p_values: Vec<f64> = family.iter().filter_map(|at| rows[*at].row.p_value).collect();
        let is_date = |at: &usize| shows_a_date(&rows[*at].row.outcome);
        let dated = family.iter().zip(&p_values);
        let of_dates: Vec<f64> = dated.map(|(at, p)| if is_date(at) { *p } else { 1.0 }).collect();
        let trends = benjamini_hochberg(&p_values, view.study.false_discovery_rate);
        let dates = benjamini_hochberg(&of_dates, view.study.false_discovery_rate);
        for ((at, trend), date) in family.into_iter().zip(trends).zip(dates) {
            let outcome = &mut rows[at].row.outcome;
            let stands = if shows_a_date(outcome) { date } else { trend };
            if !stands && matches!(outcome, Outcome::Within(_) | Outcome::Never) {
                *outcome = Outcome::NoTrend;
            }
        }
    }
}

/// Whether there is a date at all: with less than one chance in ten within the horizon there is
/// none.
fn shows_a_date(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Within(forecast) if forecast.p10.is_some())
}

fn window(view: &View, rows: &[Assessed]) -> TimeRange {
    let start = rows.iter().filter_map(|assessed| assessed.row.first_seen).min();
    let last = rows.iter().filter_map(|assessed| assessed.row.last_seen).max();
    let end = last.map_or(view.as_of, |last| last.plus(view.study.step));
    TimeRange { start: start.unwrap_or(end), end }
}

/// Who could go, and what is too large. Where zombies are told, they are what is idle.
fn rules(
    view: &View,
    rows: &[Assessed],
    zombies: Option<&mut ZombieReport>,
) -> (IdleReport, OverprovisionedReport) {
    let by_host = || rows.iter().filter(|assessed| assessed.table.group.is_none());
    let idle_rows: Vec<IdleRow<'_>> = by_host()
        .map(|assessed| IdleRow {
            labels: &assessed.row.labels,
            resource: assessed.table.resource,
            limit: assessed.row.limit,
            facts: assessed.idle,
        })
        .collect();
    let mut idle = match &zombies {
        Some(_) => IdleReport::default(),
        None => idle::judge(&view.study.idle, &view.study.resources, &idle_rows, view.as_of),
    };
    let price = |host: &idle::IdleHost| view.hosts.get(&host.labels)?.price_per_month;
    let prices: Vec<f64> = idle.hosts.iter().filter_map(price).collect();
    idle.unpriced = idle.hosts.len() - prices.len();
    idle.saved_per_month = (!prices.is_empty()).then(|| prices.iter().sum());
    let candidates: Vec<Candidate<'_>> = by_host()
        .map(|assessed| Candidate {
            resource: assessed.table.resource,
            row: &assessed.row,
            need: assessed.need,
        })
        .collect();
    let idle_hosts = idle.hosts.iter().map(|host| &host.labels);
    let mut aside: BTreeSet<&Labels> = idle_hosts.chain(&idle.kept_for_bursts).collect();
    if let Some(zombies) = zombies {
        aside = zombies.free(by_host().map(|assessed| &assessed.row));
    }
    let over = overprovisioned::judge(&view.study, &candidates, &aside, view.as_of);
    (idle, over)
}

/// Already full first, then the earliest median date, then the least headroom; rows of which
/// nothing can be said last.
fn worst_first(a: &PlanRow, b: &PlanRow) -> Ordering {
    let rank = |row: &PlanRow| match &row.outcome {
        Outcome::Already { .. } => 0,
        Outcome::Within(forecast) if forecast.p50.is_some() => 1,
        Outcome::Within(forecast) if forecast.p10.is_some() => 2,
        Outcome::Within(_) | Outcome::NoTrend | Outcome::Never => 3,
        Outcome::NotEnoughData { .. } => 4,
    };
    let date = |row: &PlanRow| match &row.outcome {
        Outcome::Within(f) => f.p50.or(f.p10).unwrap_or(Timestamp::MAX),
        _ => Timestamp::MAX,
    };
    let headroom = |row: &PlanRow| row.headroom_share().unwrap_or(f64::INFINITY);
    rank(a)
        .cmp(&rank(b))
        .then_with(|| date(a).cmp(&date(b)))
        .then_with(|| headroom(a).total_cmp(&headroom(b)))
        .then_with(|| a.labels.cmp(&b.labels))
        .then_with(|| a.resource.cmp(&b.resource))
}

fn counts(rows: &[PlanRow], as_of: Timestamp) -> Summary {
    let hosts: BTreeSet<&Labels> = rows.iter().map(|row| &row.labels).collect();
    let mut summary = Summary { hosts: hosts.len(), rows: rows.len(), ..Summary::default() };
    for row in rows {
        let counter = match &row.outcome {
            Outcome::Already { .. } => &mut summary.already,
            Outcome::Within(forecast) if forecast.p50.is_some() => &mut summary.within_horizon,
            Outcome::Within(_) => &mut summary.beyond_horizon,
            Outcome::Never => &mut summary.never,
            Outcome::NoTrend => &mut summary.no_trend,
            Outcome::NotEnoughData { .. } => &mut summary.not_enough_data,
        };
        *counter += 1;
        summary.order_overdue += usize::from(row.is_overdue(as_of));
    }
    summary
}

/// What could not be said, then of whom, then of which resources.
type Unsaid<'a> = BTreeMap<String, BTreeMap<String, Vec<&'a str>>>;

/// What no row tells: the resources of which there is none, and what is used without a limit in
/// rows whose other members have one.
fn unasked<'a>(view: &'a View, rows: &[Assessed]) -> Unsaid<'a> {
    let mut found = Unsaid::new();
    let study = &view.study;
    for (at, resource) in study.resources.iter().enumerate() {
        let of_resource = |assessed: &Assessed| assessed.table.resource == at;
        if !rows.iter().any(of_resource) {
            let what = "anything of a resource: no series of its usage was selected";
            found.entry(what.to_owned()).or_default().entry(printable(&resource.name)).or_default();
        }
    }
    for assessed in rows.iter().filter(|assessed| assessed.below_zero > 0) {
        let what = "what was used where its use is given below 0: that is no reading, and a gap";
        let who = assessed.row.name(study.labels_of(assessed.table));
        let resource = &study.resources[assessed.table.resource].name;
        found.entry(what.to_owned()).or_default().entry(who).or_default().push(resource);
    }
    for (table, row, member) in &view.unlimited {
        let by = study.labels_of(*table);
        let own: Vec<String> = member.iter().map(|(name, _)| name.to_owned()).collect();
        let own: Vec<String> = own.into_iter().filter(|name| !by.contains(name)).collect();
        let what = "the headroom of a row: this is in its usage, and has no limit";
        let who = format!("{} of {}", name(member, &own), name(row, by));
        let names = found.entry(what.to_owned()).or_default();
        names.entry(who).or_default().push(&study.resources[table.resource].name);
    }
    found
}

/// What could not be said, most frequent first.
fn notes<'a>(
    unasked: Unsaid<'a>,
    hosts: &'a TablePlan,
    groups: &'a [TablePlan],
    (idle, over): (&IdleReport, &'a OverprovisionedReport),
    zombies: Option<&ZombieReport>,
    pools: Option<&PoolReport>,
    laws: &[LawReport],
) -> Vec<Note> {
    let mut found: Unsaid<'a> = unasked;
    for table in [hosts].into_iter().chain(groups) {
        for label in table.absent_labels() {
            let what = format!("which {} is which: no series has this label of its by", table.name);
            found.entry(what).or_default().entry(printable(label)).or_default();
        }
        for row in &table.rows {
            if let Outcome::NotEnoughData { what } = &row.outcome {
                let names = found.entry(format!("when it is full: {what}")).or_default();
                names.entry(row.name(&table.by)).or_default().push(&row.resource);
            }
        }
    }
    for (labels, why) in &idle.undetermined {
        let names = found.entry(format!("whether it is idle: {why}")).or_default();
        names.entry(name(labels, &hosts.by)).or_default();
    }
    for (labels, resource) in &over.changed_lately {
        let what = "whether it is over-provisioned: its limit changed lately".to_owned();
        let names = found.entry(what).or_default();
        names.entry(name(labels, &hosts.by)).or_default().push(resource);
    }
    for (what, name) in pools.iter().flat_map(|pools| &pools.unsaid) {
        let names = found.entry(format!("of a pool, {what}")).or_default();
        names.entry(name.clone()).or_default();
    }
    for scenario in pools.iter().flat_map(|pools| &pools.scenarios) {
        for unmet in &scenario.unmet {
            let what = format!("what change {} of a scenario does: {}", unmet.change, unmet.why);
            found.entry(what).or_default().entry(printable(&scenario.name)).or_default();
        }
    }
    for law in laws {
        for (labels, why) in &law.unsaid {
            let what = format!("how far load may go ({}): {why}", law.rule.name);
            found.entry(what).or_default().entry(name(labels, &law.rule.by)).or_default();
        }
    }
    for (host, why) in zombies.iter().flat_map(|zombies| &zombies.undetermined) {
        let names = found.entry(format!("whether it is a zombie: {why}")).or_default();
        names.entry(printable(host)).or_default();
    }
    let mut notes: Vec<Note> = found.into_iter().map(|(what, names)| note(what, names)).collect();
    notes.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.what.cmp(&b.what)));
    notes
}

fn note(what: String, names: BTreeMap<String, Vec<&str>>) -> Note {
    let count = names.values().map(|resources| resources.len().max(1)).sum();
    let hosts = names.len();
    let example = |(name, mut resources): (String, Vec<&str>)| {
        resources.sort_unstable();
        if resources.is_empty() { name } else { format!("{name}: {}", resources.join(", ")) }
    };
    let examples = names.into_iter().take(EXAMPLES).map(example).collect();
    Note { what, count, hosts, examples }
}

#[cfg(test)]
mod tests {
    use super::super::rows::Forecast;
    use super::super::series::RowSeries;
    use super::super::study::{Study, Table};
    use super::super::testing;
    use super::*;
    use crate::model::Span;

    fn view() -> View {
        let study = Study::parse(testing::STUDY, "study.toml").unwrap();
        let hosts = BTreeMap::new();
        View { study, as_of: testing::start(), with_history: false, hosts, unlimited: Vec::new() }
    }

    fn row(view: &View, group: Option<usize>, p_value: Option<f64>, outcome: Outcome) -> Assessed {
        let table = Table { resource: 0, group };
        let nothing = RowSeries::new(view.as_of, Span::HOUR, &[]);
        let labels = testing::labels("host", "a");
        let mut assessed = view.assess(table, labels, nothing, Err("no limit".into()));
        assessed.row.p_value = p_value;
        assessed.row.outcome = outcome;
        assessed
    }

    #[test]
    fn only_trends_that_survive_the_control_of_false_discoveries_stand() {
        let view = view();
        let within = |p10: Option<Timestamp>| {
            let none = None::<Timestamp>;
            let (p50, p90, order_by) = (none, none, none);
            let (within_7_days, within_30_days, within_90_days, never) = (0.0, 0.0, 0.0, 1.0);
            Outcome::Within(Forecast {
                p10,
                p50,
                p90,
                order_by,
                within_7_days,
                within_30_days,
                within_90_days,
                never,
            })
        };
        // Alone, 0.03 is significant; of twenty such, Benjamini and Hochberg let none stand: the
        // largest k with p(k) <= 0.05 k / 21 is 1.
        let date = Some(view.as_of);
        let weak = |_| row(&view, None, Some(0.049), within(date));
        let mut rows: Vec<_> = (0..20).map(weak).collect();
        rows[19].row.outcome = Outcome::Never;
        rows.push(row(&view, None, Some(1e-6), within(date)));
        rows.push(row(&view, None, Some(0.9), Outcome::Already { since: view.as_of }));
        // A family of its own.
        rows.push(row(&view, Some(0), Some(0.049), Outcome::Never));
        // Twenty disks that fill in ten years, each sure, make no date of 0.02 surer; they stand.
        let disks = 23..43;
        rows.extend(disks.clone().map(|_| row(&view, Some(1), Some(1e-9), within(None))));
        rows.push(row(&view, Some(1), Some(0.02), within(date)));
        keep_discoveries(&mut rows, &view);
        assert!(rows[disks].iter().all(|assessed| assessed.row.outcome == within(None)));
        assert_eq!(rows[43].row.outcome, Outcome::NoTrend);
        assert!(rows[..20].iter().all(|assessed| assessed.row.outcome == Outcome::NoTrend));
        assert!(matches!(rows[20].row.outcome, Outcome::Within(_)));
        assert!(matches!(rows[21].row.outcome, Outcome::Already { .. }));
        assert_eq!(rows[22].row.outcome, Outcome::Never);
    }

    #[test]
    fn reasons_are_counted_with_their_resources() {
        let names = BTreeMap::from([
            ("a".to_owned(), vec!["disk", "cpu"]),
            ("b".to_owned(), vec![]),
            ("c".to_owned(), vec!["cpu"]),
            ("d".to_owned(), vec!["cpu"]),
        ]);
        let found = note("why".into(), names);
        assert_eq!((found.count, found.hosts), (5, 4));
        assert_eq!(found.examples, ["a: cpu, disk", "b", "c: cpu"]);
    }
}
