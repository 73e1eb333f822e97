//! Capacity remaining: what the most constrained of several resources leaves, and for how long.
//!
//! In: what each resource has, keeps back and is asked for; the days until each runs out; buffers.
//! Out: the share that is left and which resource says so, the breaches of a provisioning buffer,
//! and what each resource should have. Never: an average over resources, or a buffer that was not
//! asked for.
//!
//! `docs/method/remaining.md` has the definitions and their sources.

mod buffer;
mod days;
mod headroom;
mod left;
mod state;

pub use buffer::{Buffer, Buffers, CombinedBuffer, Component, Intent};
pub use days::{ResourceDays, TimeRemaining};
pub use headroom::{buffered_headroom, cpu_headroom_fit};
pub use left::{CapacityRemaining, ResourceLoad, ResourceRemaining};
pub use state::State;
