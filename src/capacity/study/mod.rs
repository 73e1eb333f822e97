//! The study: what is watched, against which limits, and by which rules.
//!
//! In: the text of a `study.toml`. Out: a checked [`Study`], and the [queries](TableQuery) whose
//! answers the planner takes. Never: a file, or a default that is not written in `docs/study.md`.

mod checked;
mod fleet;
mod in_time;
mod init;
mod law;
pub(in crate::capacity) mod parse;
mod scenario;
mod slo;
mod tables;
mod threshold;
mod zombie;

pub use fleet::{FailoverRule, InventoryFile, Lost, OrderRule, Shape};
pub use in_time::{HostServers, InTimeRule};
pub use init::{MetricSummary, init};
pub use law::{LawRule, LawSource};
pub use scenario::{Change, ChangeKind, Scenario};
pub use slo::SloRule;
pub use tables::{Across, LimitQuery, Table, TableQuery, Within};
pub use threshold::Threshold;
pub use zombie::ZombieRule;

use crate::error::Result;
use crate::model::{Selector, Span, Timestamp, Unit};

/// A capacity study, as read from `study.toml`. Every field has been checked: selectors parse,
/// units convert, margins lie in `[0, 1)`, names are unique.
///
/// ```
/// use plimsoll::capacity::Study;
/// let study = Study::parse(
///     r#"
///     [[resource]]
///     name = "memory"
///     usage = "memory_usage"
///     limit = "memory_capacity_provisioned"
///     unit = "KB"
///     "#,
///     "study.toml",
/// )?;
/// assert_eq!(study.resources[0].name, "memory");
/// let mistake = Study::parse("[[resource]]\nnam = 'memory'", "study.toml").unwrap_err();
/// assert!(mistake.to_string().starts_with("study.toml:2: unknown field `nam`"));
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Study {
    /// What the study is called, for headings.
    pub name: String,
    /// The instant the plan speaks from; data at or after it is not looked at. `None`: just after
    /// the last sample.
    pub as_of: Option<Timestamp>,
    /// How far ahead dates are given.
    pub horizon: Span,
    /// From ordering capacity to having it.
    pub lead_time: Span,
    /// Usage is averaged over steps of this length before anything else; divides a day.
    pub step: Span,
    /// The labels that tell rows (hosts) apart.
    pub by: Vec<String>,
    /// Data before this instant is not looked at: a migration, a launch.
    pub ignore_before: Option<Timestamp>,
    /// The share of false dates that is accepted among all dates reported.
    pub false_discovery_rate: f64,
    /// Seed of every random draw.
    pub seed: u64,
    /// What is watched, in the order of the file.
    pub resources: Vec<Resource>,
    /// Further tables, whose rows add up hosts.
    pub groups: Vec<Grouping>,
    /// What the owners say of the hosts.
    pub inventory: Option<InventoryFile>,
    /// The sizes that hosts are bought in.
    pub shapes: Vec<Shape>,
    /// How hosts are ordered; `None`: only dates are told.
    pub order: Option<OrderRule>,
    /// Which failures the fleet is to survive.
    pub failover: Option<FailoverRule>,
    /// What would be, were things changed.
    pub scenarios: Vec<Scenario>,
    /// How much of the time hosts may be too few.
    pub slos: Vec<SloRule>,
    /// How throughput grows with load.
    pub laws: Vec<LawRule>,
    /// When a host counts as idle.
    pub idle: IdleRule,
    /// When a resource of a host counts as over-provisioned.
    pub overprovisioned: OverprovisionedRule,
    /// By which rules a host counts as a zombie, in place of `idle`.
    pub zombie: Option<ZombieRule>,
}

/// One resource: a usage and what limits it.
#[derive(Debug, Clone)]
pub struct Resource {
    /// Its name in every table.
    pub name: String,
    /// The series of its usage.
    pub usage: Selector,
    /// How samples of the usage are read.
    pub kind: Kind,
    /// What limits it; `None` for mere evidence of use (network, disk throughput).
    pub limit: Option<Limit>,
    /// The unit of the usage (of its rate, for a counter).
    pub unit: Option<Unit>,
    /// What a value of the limit is multiplied by to be in the usage's unit.
    pub limit_factor: f64,
    /// The share of the limit that is kept free: full is `limit * (1 - safety_margin)`.
    pub safety_margin: f64,
}

/// How samples are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A level: steps are averaged.
    Gauge,
    /// A running total that resets at restarts: steps are increases per second.
    Counter,
}

/// What limits a usage.
#[derive(Debug, Clone)]
pub enum Limit {
    /// The same number for every series; a row that adds up several series has it as many times.
    Number(f64),
    /// Another metric, matched to the usage by the row's labels.
    Metric(Selector),
}

/// A further table, whose rows add up hosts.
#[derive(Debug, Clone)]
pub struct Grouping {
    /// Its name in headings.
    pub name: String,
    /// The labels that tell its rows apart; none at all adds up the fleet.
    pub by: Vec<String>,
    /// Whether the hosts of each of its rows can take over each other's work: they are ordered
    /// for, fail and are changed in scenarios together. At most one group of a study is.
    pub pool: bool,
}

/// When a host counts as idle: each resource named in `below` is under its threshold for `share` of
/// the steps of `window` and in its mean, and none had a burst in all of the data.
#[derive(Debug, Clone)]
pub struct IdleRule {
    /// The resources (indices) that must be low, and how low. None: no rule, no list.
    pub below: Vec<(usize, Threshold)>,
    /// The resources (indices) of which one hour above the threshold, anywhere in the data, speaks
    /// for a monthly or standby job.
    pub burst: Vec<(usize, Threshold)>,
    /// The share of the steps with data that must be low.
    pub share: f64,
    /// How far back from `as_of` the rule looks; `None` for all of the data.
    pub window: Option<Span>,
    /// Younger hosts are not judged.
    pub minimum_age: Span,
    /// The share of the window's days that must have data; below it a host is not judged.
    pub minimum_coverage: f64,
}

/// When a resource of a host counts as over-provisioned: the quantile of its step means is under
/// `below` of the limit.
#[derive(Debug, Clone)]
pub struct OverprovisionedRule {
    /// The resources (indices) that are judged. None: no rule, no list.
    pub resources: Vec<usize>,
    /// Which quantile of the step means is the need; 1 for their maximum.
    pub quantile: f64,
    /// The share of the limit under which the need must lie.
    pub below: f64,
    /// The share of the new limit that is left free above the need.
    pub headroom: f64,
    /// How far back from `as_of` the rule looks; `None` for all of the data.
    pub window: Option<Span>,
    /// Younger rows are not judged.
    pub minimum_age: Span,
}

impl Study {
    /// Reads a study; `origin` names the text in errors, which carry the line and the remedy.
    pub fn parse(text: &str, origin: &str) -> Result<Self> {
        let file = parse::file(text, origin)?;
        checked::study(file, &parse::Place { text, origin })
    }

    /// The label whose values are the hosts of the inventory.
    pub fn host_label(&self) -> &str {
        let named = self.inventory.as_ref().and_then(|inventory| inventory.host_label.as_deref());
        named.or(self.by.first().map(String::as_str)).unwrap_or("host")
    }

    /// The index of a resource.
    pub fn resource(&self, name: &str) -> Option<usize> {
        self.resources.iter().position(|r| r.name == name)
    }
}

impl Resource {
    /// A value in the resource's unit, for people.
    pub fn show(&self, value: f64) -> String {
        show(self.unit.as_ref(), value)
    }
}

/// A value with its unit for people, or the bare number.
pub(crate) fn show(unit: Option<&Unit>, value: f64) -> String {
    match unit {
        Some(unit) => unit.show(value),
        None if (1e15..f64::INFINITY).contains(&value.abs()) => format!("{value:.2e}"),
        None if value.abs() >= 99.95 || value == 0.0 => format!("{value:.0}"),
        None if value.abs() >= 0.9995 => format!("{value:.2}"),
        None if value > 0.0 && value < 0.0005 => "<0.001".to_owned(),
        None => format!("{value:.3}"),
    }
}
