//! How throughput grows with load, and where it stops growing: the Universal Scalability Law.
//!
//! In: measured pairs of load and throughput, or the law's three parameters. Out: the parameters
//! with their intervals, the peak, the throughput and the response time at any load with bands, and
//! the load that a promise allows. Never: a negative contention or coherency, a clock, a file, or
//! a random start.
//!
//! `docs/method/scalability.md` has the formulas and their sources.

mod fit;
mod law;
mod solve;

pub use fit::{Interval, ParameterIntervals, PeakIntervals, ScalabilityFit};
pub use law::{Branches, LoadLimit, Overhead, Peak, ScalabilityLaw};
pub use solve::LoadSample;

#[cfg(test)]
mod differences;
#[cfg(test)]
mod tests;
