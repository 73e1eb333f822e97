//! Failover: whether what is left can carry everything when hosts are lost.
//!
//! In: a number of equal hosts and how full they are, or a list of unequal ones with their zones
//! and racks; how many may be lost. Out: how full the survivors get, how full all may be before,
//! and which loss is the worst. Never: a worst case that is only likely to be one.
//!
//! By arithmetic, survivors must have room; by latency, they must answer in time as well, which is
//! the harder test. `docs/method/failover.md` has the rules and why they are exact.

mod fleet;
mod uniform;
mod worst;

pub use fleet::{Fleet, GroupLoss, Host, Loss, Place, Spread};
pub use uniform::{Failover, heuristic_response_times};
pub use worst::WorstLoss;

/// What rounding may put a share beyond a line that it is on.
const ROUNDING: f64 = 1e-9;

/// Whether survivors that are full to `share` stay at or under a line.
fn within(share: f64, line: f64) -> bool {
    share <= line * (1.0 + ROUNDING)
}

#[cfg(test)]
mod tests;
