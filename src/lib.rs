#![doc = "Plimsoll: an embedded time-series capacity store and forecaster."]
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

#[cfg(feature = "cli")]
pub mod cli;

#[cfg(feature = "store")]
pub use store::{Store, StoreOptions};

pub use error::{Error, Result};
pub use model::{
    Batch, Frame, Group, Labels, MatchOp, Matcher, Selector, SeriesId, Sink, Span, TimeRange,
    Timestamp, Unit,
};
