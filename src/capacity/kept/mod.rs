//! Plans that were kept: what changed since one, and what became of it.
//!
//! In: plans as they were written, today's plan, and tiles of usage from after a plan. Out: the
//! [changes](PlanChanges) between two plans, worst first, each with its reasons; and the
//! [score](PlanScorer) of plans against what happened. Never: a file, a store, or a row that is
//! judged by a line other than its own plan's.
//!
//! `docs/method/plans.md` has the definitions.

mod change;
mod reason;
mod score;

pub use change::{ChangeKind, PlanChanges, RowChange, Standing};
pub use reason::Reason;
pub use score::{
    DateIntervals, LeftOut, MissedRow, OnePlan, PlanScorer, PlanScores, SaidDecile, SaidScore,
    WithinScore,
};

use super::rows::{Outcome, Plan, TablePlan};
use crate::model::{Span, Timestamp};

/// A plan as it was kept: the part of a [`Plan`] that is compared and scored.
#[derive(Debug, Clone)]
pub struct KeptPlan {
    /// The name of the study.
    pub study: String,
    /// The instant the plan speaks from.
    pub as_of: Timestamp,
    /// Length of one step of usage: peaks are the highest step means of days.
    pub step: Span,
    /// How far ahead dates were asked for.
    pub horizon: Span,
    /// From ordering capacity to having it.
    pub lead_time: Span,
    /// The rows by host.
    pub hosts: TablePlan,
    /// The rows by the labels of each group.
    pub groups: Vec<TablePlan>,
}

/// Counts over the rows by host, as in the plan's own summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptCounts {
    /// Rows: hosts times the resources each has.
    pub rows: usize,
    /// At or over the line.
    pub full: usize,
    /// With a date whose median lies within the horizon.
    pub within_horizon: usize,
}

impl From<&Plan> for KeptPlan {
    fn from(plan: &Plan) -> Self {
        Self {
            study: plan.study.clone(),
            as_of: plan.as_of,
            step: plan.step,
            horizon: plan.horizon,
            lead_time: plan.lead_time,
            hosts: plan.hosts.clone(),
            groups: plan.groups.clone(),
        }
    }
}

impl KeptPlan {
    /// The tables: by host, then each group.
    pub fn tables(&self) -> impl Iterator<Item = &TablePlan> {
        std::iter::once(&self.hosts).chain(&self.groups)
    }

    /// Counts over the rows by host.
    pub fn counts(&self) -> KeptCounts {
        let rows = || self.hosts.rows.iter().map(|row| &row.outcome);
        let within = |outcome: &&Outcome| matches!(outcome, Outcome::Within(f) if f.p50.is_some());
        KeptCounts {
            rows: rows().count(),
            full: rows().filter(|outcome| matches!(outcome, Outcome::Already { .. })).count(),
            within_horizon: rows().filter(within).count(),
        }
    }

    /// Beyond it no date was given.
    fn end_of_horizon(&self) -> Timestamp {
        self.as_of.plus(self.horizon)
    }
}

/// Whole days from one day to another; below zero where that is earlier.
fn days_between(from: Timestamp, to: Timestamp) -> i64 {
    let day = |at: Timestamp| at.nanos().div_euclid(Span::DAY.nanos());
    day(to) - day(from)
}

#[cfg(test)]
mod tests;
