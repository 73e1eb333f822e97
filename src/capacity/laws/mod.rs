//! How far throughput grows with load, for each row of a study's `[[law]]`.
//!
//! In: steps of a load and of a throughput, row after row. Out: the Universal Scalability Law of
//! each row with its intervals, its peak, the load up to which a promised response holds, and how
//! much of that was needed; or why there is none. Never: a store, a clock, or a law where the load
//! hardly varies.
//!
//! `docs/method/scalability.md` has the formulas, and what is done in a study.

mod bins;
mod report;
mod row;

pub use bins::STRETCHES;
pub use report::{LawFitter, LawReport};
pub use row::{LEVEL, LawRow, NoPeak, Promise, SIGHT};

#[cfg(test)]
mod tests;
