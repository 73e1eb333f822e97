//! The plan as one page: a file that needs nothing else, to be mailed, printed and kept.
//!
//! In: a [`Plan`] with its [history](crate::capacity::Planner::with_history), and [`Parts`] that a
//! plan does not hold. Out: HTML with its charts as SVG, readable without JavaScript. Never: a
//! request for anything from anywhere, a script but the one that its policy names by its hash, or
//! text from outside that is markup.
//!
//! Charts (`fan`, `intervals`, `heatmap`, `timeline`, `curve`, `calibration`) take plain values and
//! give a `Figure`; sections (`summary`, `runs_out`, `orders`, `reclaimed`, `leaves`, `budgets`,
//! `what_if`, `laws`, `trust`, `notes`) choose what of the plan goes into them; `document` puts the
//! sections in their order.

mod budgets;
mod calibration;
mod curve;
mod document;
mod escape;
mod fan;
mod figure;
mod from_plan;
mod heatmap;
mod intervals;
mod lanes;
mod laws;
mod leaves;
mod notes;
mod orders;
mod palette;
mod parts;
mod reclaimed;
mod runs_out;
mod scale;
mod summary;
mod svg;
mod table;
mod timeline;
mod trust;
mod what_if;
mod zombies;

pub use document::page;
pub use parts::{Curve, Failover, Fitted, Measure, Order, Parts, Scenarios};

#[cfg(doc)]
use crate::capacity::Plan;

#[cfg(test)]
mod tests;
