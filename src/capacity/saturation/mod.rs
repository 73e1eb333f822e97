//! What was wanted where no more could be had: demand, cut off at the capacity.
//!
//! In: what was used, in equal intervals; the capacity; and what else was measured beside it:
//! throughput and response time, what waited, or pressure. Out: the demand of each interval or a
//! lower bound of it, its quantiles, on what each rests, and what speaks against it. Never: a model
//! where the quantile was measured, or a clock, a file, or a random number.
//!
//! A high percentile of use near saturation is the capacity, whatever was wanted (Gilgur and
//! others, CMG 2015). `docs/method/saturation.md` has the formulas.

mod censored;
mod estimate;
mod evidence;

pub use censored::Shape;
pub use estimate::{Basis, DemandEstimate, DemandQuantile, Doubt};
pub use evidence::{Demand, Evidence, SaturationOptions};

#[cfg(test)]
mod tests;
