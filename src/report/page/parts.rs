//! What a page shows beside the plan: plain values, each section left out where it has none.

use crate::capacity::InTime;
use crate::model::{Timestamp, Unit};
use crate::report::explain::Explanation;

/// What a page shows beside the plan.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Parts {
    /// What is to be ordered, earliest first. Without any, the plan's own dates to order are shown.
    pub orders: Vec<Order>,
    /// What breaks under which failure, worst first.
    pub failovers: Vec<Failover>,
    /// What-if scenarios side by side.
    pub scenarios: Option<Scenarios>,
    /// Laws fitted to measurements: throughput over load, response over load.
    pub curves: Vec<Curve>,
    /// How single findings came about, beside those that follow from the plan.
    pub explanations: Vec<Explanation>,
}

/// Something to be ordered.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// What it is for.
    pub name: String,
    /// How much of what; empty where only the date is known.
    pub quantity: String,
    /// The last day on which an order comes in time.
    pub order_by: Timestamp,
    /// When it arrives if it is ordered on that day.
    pub arrives: Timestamp,
    /// The day by which it is needed with even odds, where that is within the horizon.
    pub needed_by: Option<Timestamp>,
}

/// What one failure does to one group.
#[derive(Debug, Clone, PartialEq)]
pub struct Failover {
    /// What is looked at: a service, a cluster.
    pub group: String,
    /// What fails: "1 of 4 hosts", "zone a".
    pub failure: String,
    /// The resource that is tightest then.
    pub resource: String,
    /// Its unit.
    pub unit: Option<Unit>,
    /// The peak demand that those who are left must carry.
    pub demand: f64,
    /// What they may carry: their limits less the safety margin.
    pub capacity: f64,
    /// How full the fullest of them gets, 1 being what it may; `None`: nobody is left.
    pub used_share: Option<f64>,
    /// Whether they answer in time; `None` where that was not asked.
    pub in_time: Option<InTime>,
}

impl Failover {
    /// Whether those who are left carry the demand.
    pub fn holds(&self) -> bool {
        self.used_share.is_some_and(|share| share <= 1.0)
    }

    /// Whether those who are left carry the demand and, where that was asked, answer in time.
    pub fn is_survived(&self) -> bool {
        self.holds() && self.in_time.is_none_or(|in_time| in_time.holds())
    }
}

/// Scenarios side by side: a row for each measure, a column for each scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenarios {
    /// Names of the scenarios; the first is what the others are compared with.
    pub names: Vec<String>,
    /// What is compared.
    pub measures: Vec<Measure>,
}

/// A measure of scenarios.
#[derive(Debug, Clone, PartialEq)]
pub struct Measure {
    /// Its name.
    pub name: String,
    /// Its unit.
    pub unit: Option<Unit>,
    /// One value for each scenario; NaN where it has none.
    pub values: Vec<f64>,
}

/// A law fitted to measurements.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// Its name.
    pub name: String,
    /// What was found, in a sentence.
    pub note: String,
    /// The name of what is varied, with its unit.
    pub x: String,
    /// The name of what follows, with its unit.
    pub y: String,
    /// What was measured: pairs of both.
    pub measured: Vec<(f64, f64)>,
    /// The curve, from left to right.
    pub fitted: Vec<Fitted>,
    /// Where it turns, and what that means.
    pub knee: Option<(f64, String)>,
    /// A level that it is not to go beyond, and what that is.
    pub level: Option<(f64, String)>,
}

/// A point of a fitted curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fitted {
    /// What is varied.
    pub x: f64,
    /// What follows.
    pub y: f64,
    /// The lower end of its interval; NaN where there is none.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}
