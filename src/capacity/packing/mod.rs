//! How many hosts a set of demands takes, and what of them nobody can use.
//!
//! In: items with a demand of each resource, shapes of hosts with a price. Out: a [`Packing`]:
//! which item goes where, at what cost, and the [`LowerBound`] that no packing can beat
//! ([`pack`]); what of a host is [`Stranded`], because another of its resources is used up.
//! Never: a bin over its capacity, an item left out, or a claim to be best without a proof.
//!
//! `docs/method/packing.md` has the formulas and their sources.

mod bins;
mod bounds;
mod exact;
mod greedy;
mod packed;
mod problem;
mod stranded;

pub use bounds::{BoundReason, LowerBound};
pub use packed::{PackOptions, PackedBin, Packing, pack};
pub use problem::{Item, Problem, Rules, Shape};
pub use stranded::{Stranded, Stranding, mean_demand};

/// How far rounding may take a bin over its capacity, as a share of it: three items of a third
/// each fill a bin.
const ROUNDING: f64 = 1e-9;

/// A demand as a share of a capacity; nothing of nothing is nothing.
fn ratio(demand: f64, capacity: f64) -> f64 {
    if demand == 0.0 { 0.0 } else { demand / capacity }
}

#[cfg(test)]
mod tests;
