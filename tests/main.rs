//! One binary for all integration tests: each further one would link RocksDB again.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::panic,
    reason = "tests fail by panicking and print their seeds, in helpers as well"
)]

mod backup;
mod beside;
mod bytes;
mod calendar;
#[cfg(feature = "cli")]
mod cli;
mod cold;
mod corruption;
mod crash;
#[cfg(feature = "cli")]
mod demo;
mod failing;
mod faults;
mod forgotten;
mod forms;
mod frozen;
mod kill;
mod life;
#[cfg(unix)]
mod limits;
mod model;
mod plans;
mod query;
mod realdata;
#[cfg(all(feature = "cli", target_os = "linux"))]
mod record;
mod replay;
mod rollup;
mod sim_db;
#[cfg(all(feature = "cli", target_os = "linux"))]
mod soak;
mod space;
mod support;
mod swaps;
mod tsbs;
