//! The clock a store measures its sync interval with: injected, so that tests own the time.

use std::fmt::Debug;
use std::time::{Duration, Instant};

/// Elapsed time that never goes back.
pub trait Clock: Send + Sync + Debug {
    /// Time since some fixed moment.
    fn elapsed(&self) -> Duration;
}

/// The system's monotonic clock. A change of the wall clock does not touch it.
#[derive(Debug)]
pub struct SystemClock(Instant);

impl Default for SystemClock {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Clock for SystemClock {
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
