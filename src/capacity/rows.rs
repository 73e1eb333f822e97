//! The plan and its rows: what the planner hands to reports.

use super::exhaustion::Probabilities;
use super::laws::LawReport;
use super::zombie::ZombieReport;
use super::{DesignReport, History, IdleReport, OverprovisionedReport, PoolReport};
use crate::model::{Labels, Span, TimeRange, Timestamp, Unit};

/// The model behind every date.
pub const MODEL: &str = "robust trend of the daily peak";

/// What a study of a fleet found, worst first.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The name of the study.
    pub study: String,
    /// The instant the plan speaks from.
    pub as_of: Timestamp,
    /// From the first to the end of the last step with data.
    pub window: TimeRange,
    /// Length of one step of usage.
    pub step: Span,
    /// How far ahead dates were asked for.
    pub horizon: Span,
    /// From ordering capacity to having it.
    pub lead_time: Span,
    /// The share of false dates that was accepted among all dates.
    pub false_discovery_rate: f64,
    /// Counts over the rows by host.
    pub summary: Summary,
    /// By host, worst first.
    pub hosts: TablePlan,
    /// By the labels of each group of the study, in its order; each worst first.
    pub groups: Vec<TablePlan>,
    /// Hosts that hardly do anything; empty where `zombies` tells them.
    pub idle: IdleReport,
    /// Hosts that work for nobody, where the study has a section `[zombie]`.
    pub zombies: Option<ZombieReport>,
    /// Resources that are much larger than their use.
    pub overprovisioned: OverprovisionedReport,
    /// What was designed against what is, where there is an inventory.
    pub design: Option<DesignReport>,
    /// What to order, what breaks and what would be, where a group of the study is a pool.
    pub pools: Option<PoolReport>,
    /// How far throughput grows with load, where the study has a `[[law]]`; in its order.
    pub laws: Vec<LawReport>,
    /// What could not be said, and why; most frequent first.
    pub notes: Vec<Note>,
    /// What holds for every answer of the plan, such as that samples were lost to damage.
    pub caveats: Vec<String>,
    /// The days behind the plan, where the planner was [asked](super::Planner::with_history) for
    /// them.
    pub history: Option<History>,
}

/// The rows of one table.
#[derive(Debug, Clone)]
pub struct TablePlan {
    /// `host` or the name of the group.
    pub name: String,
    /// The labels that tell its rows apart.
    pub by: Vec<String>,
    /// The rows, worst first.
    pub rows: Vec<PlanRow>,
}

/// One resource of one host or group.
#[derive(Debug, Clone)]
pub struct PlanRow {
    /// The labels that name the row.
    pub labels: Labels,
    /// The name of the resource.
    pub resource: String,
    /// The unit of every amount of the row.
    pub unit: Option<Unit>,
    /// Mean over the last hour with data; NaN where there is none.
    pub used_now: f64,
    /// The first step with data.
    pub first_seen: Option<Timestamp>,
    /// The last step with data.
    pub last_seen: Option<Timestamp>,
    /// The highest step mean of the window; where the limit changed in it, since then, though at
    /// least of the last seven days.
    pub peak: Option<Peak>,
    /// The highest step mean of the last seven days.
    pub peak_7_days: Option<Peak>,
    /// The latest known limit.
    pub limit: Option<f64>,
    /// The level that counts as full: the limit less the safety margin.
    pub line: Option<f64>,
    /// The latest change of the limit, by more than 1%, inside the window.
    pub limit_change: Option<LimitChange>,
    /// When it will be full.
    pub outcome: Outcome,
    /// Growth of the daily peak per day, where it could be measured.
    pub slope_per_day: Option<f64>,
    /// How likely so strong a trend is where there is none.
    pub p_value: Option<f64>,
    /// The start of the days from which the trend is taken (after the last change of regime).
    pub trend_since: Option<Timestamp>,
    /// How the model did on the row's own past.
    pub backtest: Option<Backtest>,
    /// How likely a daily peak reaches the line, trend or not, weighed as the fleet's own past
    /// says; where seven days are known.
    pub probabilities: Option<Probabilities>,
    /// Days whose peak is known.
    pub days: usize,
    /// Days between the first and the last whose peak is not known.
    pub gap_days: usize,
}

/// A highest value and when it was.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Peak {
    /// The value.
    pub value: f64,
    /// Start of its step.
    pub at: Timestamp,
}

/// A limit that changed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LimitChange {
    /// The limit before.
    pub from: f64,
    /// Start of the first step with the new one.
    pub at: Timestamp,
}

/// When a resource will be full. Never a number that stands for one of these words.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It is at or over the line.
    Already {
        /// Start of the day since which its daily peak is.
        since: Timestamp,
    },
    /// It grows towards the line.
    Within(Forecast),
    /// It has a trend, and that leads away from the line. One that leads to it however slowly is
    /// `Within`, without a date where that lies beyond the horizon.
    Never,
    /// No trend that could not be chance, given how many rows were looked at.
    NoTrend,
    /// Nothing can be said.
    NotEnoughData {
        /// What is missing.
        what: String,
    },
}

/// The date of exhaustion as a distribution. A quantile is `None` where it lies beyond the horizon.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Forecast {
    /// It is full before this day with a probability of 10%.
    pub p10: Option<Timestamp>,
    /// ... of 50%.
    pub p50: Option<Timestamp>,
    /// ... of 90%.
    pub p90: Option<Timestamp>,
    /// The day on which to order: `p10` less the lead time.
    pub order_by: Option<Timestamp>,
    /// The probability that it is full within 7 days.
    pub within_7_days: f64,
    /// ... within 30 days.
    pub within_30_days: f64,
    /// ... within 90 days.
    pub within_90_days: f64,
    /// The probability that it is not full within the horizon.
    pub never: f64,
}

/// How the model did on the row's own past.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Backtest {
    /// From how many past days a forecast was made.
    pub origins: usize,
    /// Mean absolute scaled error: 1 is as good as repeating the last day.
    pub mase: f64,
    /// The share of days inside the 80% interval; 0.8 is right.
    pub coverage: f64,
}

/// Counts over the rows by host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Summary {
    /// Different hosts.
    pub hosts: usize,
    /// Rows: hosts times the resources each has.
    pub rows: usize,
    /// At or over the line.
    pub already: usize,
    /// With a date; the median date lies within the horizon.
    pub within_horizon: usize,
    /// With a trend towards the line whose median date lies beyond the horizon.
    pub beyond_horizon: usize,
    /// Whose day to order has come or passed.
    pub order_overdue: usize,
    /// With a trend away from the line.
    pub never: usize,
    /// Without a significant trend.
    pub no_trend: usize,
    /// Of which nothing can be said.
    pub not_enough_data: usize,
}

/// Something that could not be said, and of how many rows.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Note {
    /// What could not be said, and why.
    pub what: String,
    /// How many rows it holds for; hosts, where it is about a host as a whole.
    pub count: usize,
    /// Of how many hosts and groups these are.
    pub hosts: usize,
    /// Some of them, with the resources.
    pub examples: Vec<String>,
}

impl Outcome {
    /// The word for it in JSON and CSV.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Already { .. } => "already",
            Self::Within(_) => "within",
            Self::Never => "never",
            Self::NoTrend => "no_trend",
            Self::NotEnoughData { .. } => "not_enough_data",
        }
    }
}

impl TablePlan {
    /// The labels of `by` that no row has: they tell none apart, and may be misspelt. None where
    /// there are no rows.
    pub fn absent_labels(&self) -> impl Iterator<Item = &str> {
        let absent = |label: &&String| {
            !self.rows.is_empty() && self.rows.iter().all(|row| row.labels.get(label).is_none())
        };
        self.by.iter().filter(absent).map(String::as_str)
    }
}

impl PlanRow {
    /// The line less the peak of the window, in the row's unit; below zero where it was over.
    pub fn headroom(&self) -> Option<f64> {
        Some(self.line? - self.peak?.value)
    }

    /// The headroom as a share of the limit.
    pub fn headroom_share(&self) -> Option<f64> {
        Some(self.headroom()? / self.limit?)
    }

    /// The day to order: of a row that is full that of the plan, `as_of`; it may have passed.
    pub fn order_by(&self, as_of: Timestamp) -> Option<Timestamp> {
        match &self.outcome {
            Outcome::Within(forecast) => forecast.order_by,
            Outcome::Already { .. } => Some(as_of.floor(Span::DAY)),
            _ => None,
        }
    }

    /// Whether the day to order is `as_of` or before.
    pub fn is_overdue(&self, as_of: Timestamp) -> bool {
        self.order_by(as_of).is_some_and(|day| day <= as_of)
    }

    /// The row's name for people.
    pub fn name(&self, by: &[String]) -> String {
        name(&self.labels, by)
    }
}

/// A text without control characters, which are escaped.
pub(crate) fn printable(text: &str) -> String {
    text.escape_debug().to_string().replace("\\'", "'").replace("\\\"", "\"")
}

/// The values of the labels `by`, as in `web-1 / zone-a`; control characters are escaped.
pub(crate) fn name(labels: &Labels, by: &[String]) -> String {
    if by.is_empty() {
        return "all".to_owned();
    }
    let value = |label: &String| match labels.get(label) {
        Some(value) => printable(value),
        None => format!("(no {})", label.escape_debug()),
    };
    by.iter().map(value).collect::<Vec<_>>().join(" / ")
}
