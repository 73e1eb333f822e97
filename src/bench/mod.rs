//! The load of a public benchmark, made from a seed, so that what is measured here can be set
//! beside what others measured.
//!
//! In: a seed and a size. Out: rows of samples with the labels of their series, or the same rows as
//! line protocol. Never: a clock, a file, a random source besides the seed, or more than one scrape
//! of the fleet in memory.
//!
//! The load is that of the Time Series Benchmark Suite (TSBS), use case cpu-only: every host
//! reports ten whole numbers every ten seconds. Its random numbers are our own, so the samples are
//! not those of TSBS one by one; names, order, form and distributions are, which a test checks
//! against the output of its generator.

mod cpu_only;
mod host;
mod noise;

pub use cpu_only::{CpuOnly, CpuOnlyOptions, FIELDS, SCRAPE_INTERVAL, START, Scrape, Scrapes};
pub use host::Host;
pub use noise::Noise;
