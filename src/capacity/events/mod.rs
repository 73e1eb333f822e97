//! Events: what each deploy, migration or change of hardware did to what a service costs.
//!
//! In: the use of a resource, with its demand drivers or without, and a list of events. Out: of
//! each event, the cost per unit of demand and the use at the same demand before and after, with an
//! interval and a p-value; which of many are no chance, ranked; the times from which on a
//! forecaster should use history. Never: a change of demand taken for one of cost, or a window that
//! reaches across another event.
//!
//! `docs/method/drivers.md` has the formulas and their sources.

mod effect;
mod list;
mod pattern;
mod report;

pub use effect::{Change, Estimate, EventEffect, EventOptions, event_effects};
pub use list::{Event, parse_events, parse_time};
pub use report::{EventReport, Finding, Judgement, RegimeBreak, ServiceEffects};

#[cfg(test)]
mod tests;
