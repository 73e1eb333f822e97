//! The error budget as the objective: what may go wrong, what a plan lets go wrong, and what less
//! of it costs.
//!
//! In: a service level objective, demand as distributions, hosts with their price and their
//! failures. Out: the budget in minutes, burn rates, the minutes that a number of hosts is expected
//! to be too few, the cheapest number that keeps the budget, how far it may shrink, and the price
//! of each further nine. Never: a plan whose minutes are not stated, or minutes that claim to count
//! failures of several hosts at once.
//!
//! `docs/method/budget.md` has the formulas and their sources.

mod burn;
mod failure;
mod nines;
mod plan;
mod predict;
mod shrink;
mod slo;

pub use burn::{BurnAlert, Severity};
pub use failure::{Availability, minutes_below};
pub use nines::{NineCost, cost_of_nines};
pub use plan::{BudgetPlan, cheapest};
pub use predict::{DemandProfile, HostShape};
pub use shrink::{ShrinkAdvice, ShrinkPolicy, ShrinkStep};
pub use slo::Slo;
