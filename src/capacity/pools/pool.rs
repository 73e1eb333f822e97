//! A pool: its resources as the plan's rows have them, and what each host has and does of them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::course::Course;
use crate::capacity::assess::{Assessed, View};
use crate::capacity::exhaustion::Outlook;
use crate::capacity::known::KnownHost;
use crate::capacity::reduce::DailyPeaks;
use crate::capacity::rows::{Outcome, PlanRow, name};
use crate::capacity::steps::StepDemand;
use crate::capacity::study::Table;
use crate::model::{Labels, Span, Timestamp};

/// Hosts that can take over each other's work.
#[derive(Debug)]
pub(super) struct Pool<'a> {
    pub(super) name: String,
    pub(super) labels: &'a Labels,
    /// The resources with a limit, in the order of the study.
    pub(super) resources: Vec<PoolResource<'a>>,
    hosts: Vec<Host<'a>>,
}

/// A resource of a pool.
#[derive(Debug, Clone, Copy)]
pub(super) struct PoolResource<'a> {
    /// Its index in the study.
    pub(super) resource: usize,
    pub(super) row: &'a PlanRow,
    pub(super) days: &'a DailyPeaks,
    /// How much was asked for, where an objective asks.
    pub(super) steps: Option<&'a StepDemand>,
    /// The same, each step brought to the last day by the trend, should it stand.
    pub(super) grown_steps: Option<&'a StepDemand>,
    /// What counts as full.
    pub(super) line: f64,
    /// The highest use.
    pub(super) peak: f64,
}

/// A host of a pool.
#[derive(Debug, Clone)]
pub(super) struct Host<'a> {
    pub(super) labels: Cow<'a, Labels>,
    pub(super) price_per_month: Option<f64>,
    /// Of each resource of the pool.
    pub(super) parts: Vec<Part>,
}

/// What a host has and does of a resource.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Part {
    /// What may be used of it: its limit less the margin; 0 where it is not known.
    pub(super) line: f64,
    /// The share of the pool's use.
    pub(super) share: f64,
    /// Whether it is full: what more would be asked of it is not seen.
    pub(super) is_full: bool,
}

impl<'a> Pool<'a> {
    /// Every row of a group, with the hosts that have its labels and samples in the last day; and
    /// the rows that lack a label of the group, with that label and their names: hosts that have
    /// nothing in common are no pool.
    pub(super) fn all(
        view: &'a View,
        group: usize,
        rows: &'a [Assessed],
    ) -> (Vec<Self>, Vec<(&'a str, String)>) {
        let mut pools: BTreeMap<&Labels, Vec<PoolResource<'a>>> = BTreeMap::new();
        let mut by_host: BTreeMap<(&Labels, usize), &Assessed> = BTreeMap::new();
        for assessed in rows {
            let Table { resource, group: table } = assessed.table;
            match table {
                None => {
                    by_host.insert((&assessed.row.labels, resource), assessed);
                }
                Some(table) if table == group => {
                    let resources = pools.entry(&assessed.row.labels).or_default();
                    resources.extend(PoolResource::of(assessed));
                }
                Some(_) => {}
            }
        }
        let by = &view.study.groups[group].by;
        let mut members: BTreeMap<Labels, Vec<(&Labels, &KnownHost)>> = BTreeMap::new();
        for (key, known) in &view.hosts {
            members.entry(known.labels.project(by)).or_default().push((key, known));
        }
        let pool = |(labels, mut resources): (&'a Labels, Vec<PoolResource<'a>>)| {
            resources.sort_by_key(|one| one.resource);
            let members = members.get(labels).map_or(&[][..], Vec::as_slice);
            let hosts = hosts(view, &resources, members, &by_host);
            Self { name: name(labels, by), labels, resources, hosts }
        };
        pools.retain(|_, resources| !resources.is_empty());
        let missing = |labels: &Labels| by.iter().find(|label| labels.get(label).is_none());
        let unnamed = pools.keys().filter_map(|labels| Some((missing(labels)?, *labels)));
        let unnamed = unnamed.map(|(label, labels)| (label.as_str(), name(labels, by))).collect();
        pools.retain(|labels, _| missing(labels).is_none());
        (pools.into_iter().map(pool).collect(), unnamed)
    }

    /// The hosts; none where none is known.
    pub(super) fn hosts(&self) -> &[Host<'a>] {
        &self.hosts
    }

    /// The hosts, or the pool as one where none is known: what happens to all happens to it.
    pub(super) fn hosts_or_whole(&self) -> Vec<Host<'a>> {
        if !self.hosts.is_empty() {
            return self.hosts.clone();
        }
        let parts =
            self.resources.iter().map(|one| Part { line: one.line, share: 1.0, is_full: false });
        let labels = Cow::Borrowed(self.labels);
        vec![Host { labels, price_per_month: None, parts: parts.collect() }]
    }

    /// How many hosts have one of these resources of the pool full.
    pub(super) fn full_hosts(&self, of: impl Fn(usize) -> bool) -> usize {
        let full = |host: &&Host<'_>| {
            let parts = host.parts.iter().zip(&self.resources);
            parts.into_iter().any(|(part, one)| part.is_full && of(one.resource))
        };
        self.hosts.iter().filter(full).count()
    }

    /// Whether any of these resources is known of it.
    pub(super) fn has_any(&self, resources: &[usize]) -> bool {
        self.resources.iter().any(|one| resources.contains(&one.resource))
    }

    /// What lies ahead of each resource if nothing is changed.
    pub(super) fn courses(&self) -> Vec<Course> {
        self.resources.iter().map(|one| Course::new(one.line)).collect()
    }
}

impl<'a> PoolResource<'a> {
    /// `None` where nothing can be said of it.
    fn of(assessed: &'a Assessed) -> Option<Self> {
        let row = &assessed.row;
        let silent = matches!(&row.outcome, Outcome::NotEnoughData { .. }) && row.limit.is_none();
        Some(Self {
            resource: assessed.table.resource,
            row,
            days: assessed.days.as_ref().filter(|_| !silent)?,
            steps: assessed.steps.as_ref(),
            grown_steps: assessed.grown_steps.as_ref(),
            line: row.line?,
            peak: row.peak?.value,
        })
    }

    /// What lies ahead. The trend of a row that is full was not judged among others.
    pub(super) fn outlook<'o>(
        &'o self,
        options: &'o crate::capacity::exhaustion::ExhaustionOptions,
    ) -> Outlook<'o> {
        let stands = matches!(self.row.outcome, Outcome::Within(_) | Outcome::Already { .. });
        Outlook::new(&self.days.peaks, stands, options)
    }

    /// The last day of which the peak is known.
    pub(super) fn last_day(&self) -> Timestamp {
        self.days.day(self.days.peaks.len().saturating_sub(1))
    }

    /// How many days after the last known one an instant lies; 0 where it is not after the plan's.
    pub(super) fn days_ahead(&self, at: Timestamp, as_of: Timestamp) -> usize {
        if at <= as_of {
            return 0;
        }
        let days = at.floor(Span::DAY).since(self.last_day()).whole(Span::DAY);
        usize::try_from(days).unwrap_or(0).max(1)
    }
}

fn hosts<'a>(
    view: &View,
    resources: &[PoolResource<'a>],
    members: &[(&'a Labels, &'a KnownHost)],
    by_host: &BTreeMap<(&'a Labels, usize), &'a Assessed>,
) -> Vec<Host<'a>> {
    let row = |key: &'a Labels, resource: usize| {
        let found = by_host.get(&(key, resource)).copied();
        found.filter(|found| found.row.last_seen.is_some_and(|last| !view.is_stale(last)))
    };
    let mut hosts: Vec<Host<'a>> = Vec::with_capacity(members.len());
    for (key, known) in members {
        let rows: Vec<Option<&Assessed>> =
            resources.iter().map(|one| row(key, one.resource)).collect();
        if rows.iter().all(Option::is_none) {
            continue;
        }
        let part = |row: Option<&Assessed>| Part {
            line: row.and_then(|row| row.row.line).filter(|line| *line > 0.0).unwrap_or(0.0),
            share: row.map_or(0.0, |row| row.mean_week).max(0.0),
            is_full: row.is_some_and(|row| matches!(row.row.outcome, Outcome::Already { .. })),
        };
        let parts = rows.into_iter().map(part).collect();
        let price_per_month = known.price_per_month;
        let labels = Cow::Borrowed(&known.labels);
        hosts.push(Host { labels, price_per_month, parts });
    }
    for at in 0..resources.len() {
        let sum: f64 = hosts.iter().map(|host| host.parts[at].share).sum();
        let equal = 1.0 / hosts.len().max(1) as f64;
        for host in &mut hosts {
            let share = &mut host.parts[at].share;
            *share = if sum > 0.0 { *share / sum } else { equal };
        }
    }
    hosts
}
