//! Demand drivers: what a resource costs per unit of demand, and how much demand it carries.
//!
//! In: the use of a resource and one to a few drivers (requests, users, orders) on one time axis,
//! NaN where unknown; a line; a growth of demand. Out: a [`DemandModel`], that is the idle use and
//! the cost per unit of each driver, with intervals; the demand at which use reaches the line, as a
//! distribution; hosts for that growth. Never: a cost below zero, an interval that takes noise with
//! memory for independent, or a demand beyond the largest seen that is not called so.
//!
//! `docs/method/drivers.md` has the formulas and their sources.

mod line;
mod matrix;
mod memory;
mod model;
mod observations;
mod regression;
mod season;
mod shape;
mod validation;

pub use line::{AtLine, HostsNeeded, LineDemand};
pub use model::{Coefficient, DemandModel};
pub use observations::{Driver, Observations};
pub use season::DayDifferences;
pub use shape::{Shape, Verdict};
pub use validation::UnseenDays;

pub(super) use regression::{Bound, Design, Regression};

/// Intervals contain the truth with this probability, if the assumptions hold.
pub const COVERAGE: f64 = 0.95;
/// Fewer rows than this, and two more for each driver, say nothing about a cost.
pub(super) const ROWS_MIN: usize = 16;

#[cfg(test)]
pub(super) mod tests;
