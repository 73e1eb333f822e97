//! An embedded time-series capacity store and forecaster: it keeps what every host of a fleet used,
//! and says how full the fleet may get, when it will be full, and what to do about it.
//!
//! ```text
//! text ─► ingest ─► store ─► query ─► Frame ─► forecast ─► capacity ─► report
//! ```
//!
//! Two arms meet at one type. The storage arm turns bytes into [`Frame`]s: one time axis, one row
//! of numbers per series, gaps are NaN. The reasoning arm turns frames into a plan. Each room's
//! page says what goes in, what comes out, and what never happens inside.
//!
//! Start with [`Store`] (open, append, snapshot), [`query::Query`] (to a [`Frame`]),
//! [`forecast::forecast`], [`capacity::exhaustion::time_to_exhaustion`], and
//! [`capacity::Planner`] for a whole fleet; each has a running example. The README's example is
//! compiled and run as a test, too.

// The rooms, in the order in which data flows through them.

mod error;

pub mod model;

pub mod kernel;

pub mod codec;

#[cfg(feature = "store")]
pub mod fs;

#[cfg(feature = "store")]
pub mod db;

pub mod ingest;

#[cfg(feature = "store")]
pub mod store;

#[cfg(feature = "store")]
pub mod query;

pub mod forecast;

pub mod capacity;

pub mod report;

pub mod demo;

pub mod bench;

pub mod record;

#[cfg(feature = "cli")]
pub mod cli;

#[cfg(feature = "store")]
pub use store::{Store, StoreOptions};

/// The README, whose example is a test.
#[cfg(all(doctest, feature = "store"))]
#[doc = include_str!("../README.md")]
mod readme {}

pub use error::{Error, Result};
pub use model::{
    Batch, Calendar, CalendarSteps, CalendarUnit, Frame, Group, Labels, MatchOp, Matcher, Selector,
    SeriesId, Sink, Span, TimeRange, Timestamp, Unit, Zone, is_stale_marker, stale_marker,
};
