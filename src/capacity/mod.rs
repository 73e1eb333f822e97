//! What the fleet needs and when.

pub mod exhaustion;
