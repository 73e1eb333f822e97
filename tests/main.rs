//! One binary for all integration tests: each further one would link RocksDB again.

mod beside;
mod corruption;
mod crash;
#[cfg(feature = "cli")]
mod demo;
mod kill;
mod model;
mod query;
mod realdata;
mod support;
