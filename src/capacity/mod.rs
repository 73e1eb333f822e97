//! What the fleet needs and when: forecasts in, decisions out.
//!
//! In: a [`Study`] (what is watched, against which limits) and tiles of
//! [`Frame`](crate::Frame)s that the caller has queried for it. Out: a [`Plan`]: when each resource
//! of each host runs out and with what certainty, which hosts are idle, which are over-provisioned,
//! and what could not be said. Never: a file, a store, a clock, a random source, or a number
//! without the evidence beside it.
//!
//! The words: *used* is a mean over one step; a *peak* is the highest such mean; the *line* is the
//! limit less the safety margin, and what counts as full; *headroom* is the line less the peak.
//! `docs/method/plan.md` has the definitions and their sources.

mod assess;
pub mod budget;
pub mod compat;
pub mod cost;
pub mod drivers;
pub mod events;
pub mod exhaustion;
pub mod failover;
pub mod hardware;
mod history;
mod idle;
pub mod inventory;
pub mod kept;
mod known;
pub mod laws;
mod members;
pub mod order;
mod overprovisioned;
pub mod packing;
mod plan;
mod pools;
pub mod queueing;
mod reduce;
pub mod remaining;
pub mod rightsizing;
mod rows;
pub mod saturation;
pub mod scalability;
mod series;
pub mod sharing;
mod steps;
pub mod study;
mod summary;
pub mod zombie;

pub use history::{HeadroomMap, History, HostDays, RowHistory};
pub use idle::{Evidence, Grade, IdleHost, IdleReport};
pub use known::{DesignReport, KnownHost};
pub use members::{LimitsByDay, MemberLimits};
pub use overprovisioned::{OverprovisionedReport, OverprovisionedRow, Reclaimable};
pub use plan::Planner;
pub use pools::{
    FailureReport, Fullest, InTime, NotAsked, PoolBudget, PoolFailure, PoolLeave, PoolOrder,
    PoolReport, ScenarioOutcome, ScenarioRow, Stays, UnmetChange, WhenFull,
};
pub use reduce::peaks_by_day;
pub use rows::{
    Backtest, Forecast, LimitChange, MODEL, Note, Outcome, Peak, Plan, PlanRow, Summary, TablePlan,
};
pub(crate) use rows::{name, printable};
pub use study::{MetricSummary, Study, Table, TableQuery};

#[cfg(test)]
pub(crate) mod testing;
