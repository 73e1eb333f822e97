//! The load of a public benchmark, made from a seed, so that what is measured here can be set
//! beside what others measured; and its queries.
//!
//! In: a seed and a size; a snapshot of a store that was loaded. Out: rows of samples with the
//! labels of their series, or the same rows as line protocol; answers. Never: a clock, a file, a
//! random source besides the seed, or more than one scrape of the fleet in memory.
//!
//! The load is that of the Time Series Benchmark Suite (TSBS), use case cpu-only: every host
//! reports ten whole numbers every ten seconds. Its random numbers are our own, so the samples are
//! not those of TSBS one by one; names, order, form and distributions are, which a test checks
//! against the output of its generator.
//!
//! The queries are those of cpu-only and four over the whole fleet ([`Question`]). They are asked
//! as anybody would who uses the library, and no answer is kept for the next.

#[cfg(feature = "store")]
mod answer;
mod cpu_only;
mod draw;
mod host;
mod latency;
#[cfg(feature = "store")]
mod loaded;
mod noise;
mod queries;
#[cfg(feature = "store")]
mod readings;

#[cfg(feature = "store")]
pub use answer::{Answer, Table};
pub use cpu_only::{CpuOnly, CpuOnlyOptions, FIELDS, SCRAPE_INTERVAL, START, Scrape, Scrapes};
pub use draw::Ask;
pub use host::Host;
pub use latency::Latency;
#[cfg(feature = "store")]
pub use loaded::refuse_other;
pub use noise::Noise;
pub use queries::{QUESTIONS, Question};
#[cfg(feature = "store")]
pub use readings::Readings;
