//! What the gap between designed and actual costs, and which savings are real.
//!
//! In: assets with what is provisioned, requested and used of them, and what they cost a month;
//! hosts, and what of their use could be reclaimed. Out: the gap in capital and operating cost, and
//! the hosts that can leave. Never: an asset counted twice, or a saving where no host leaves.
//!
//! `docs/method/cost.md` has the definitions and their sources.

mod depreciation;
mod gap;
mod idle;
mod leave;
mod power;
mod resize;

pub use depreciation::StraightLine;
pub use gap::{Asset, Gap, GapCosts, repeated};
pub use idle::{IdleScope, SharedNode, idle_of, share_idle};
pub use leave::{HostResource, HostUse, LeaveRules, WholeHosts};
pub use power::{HOURS_PER_MONTH, Power};
pub use resize::{ContainerRun, resize_savings_per_month};
