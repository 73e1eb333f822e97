//! Forecasts as other systems make them, number for number, so that their alerts can be checked
//! and moved.
//!
//! In: times in seconds, values, and what the other system's function takes. Out: what that
//! function answers; where it has no answer there is none. Never: a sentinel number, a clock, or a
//! repair of what the other system does: these are its answers, not ours.
//!
//! `docs/method/compat.md` has the definitions.

mod polynomial;
pub mod prometheus;
pub mod zabbix;

/// A value at a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TimedValue {
    /// The time, in seconds from any origin.
    pub time_s: f64,
    /// The value.
    pub value: f64,
}
