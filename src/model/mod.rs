//! The words every room shares: times, labels, units, batches, frames, selectors, limits.
//!
//! In: plain values. Out: validated ones. Never: input or output, a clock, or loops over a fleet's
//! samples.

pub mod limits;

mod batch;
mod calendar;
mod frame;
mod labels;
mod selector;
mod stale;
mod time;
mod unit;
mod zone;

pub use batch::{Batch, Group, SeriesId, Sink};
pub use calendar::{Calendar, CalendarSteps, CalendarUnit};
pub use frame::Frame;
pub use labels::{Labels, METRIC_LABEL};
pub use selector::{MatchOp, Matcher, Selector};
pub use stale::{is_stale_marker, stale_marker};
pub use time::{Span, TimeRange, Timestamp};
pub use unit::Unit;
pub use zone::Zone;
