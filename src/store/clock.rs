//! The clocks of a store: injected, so that tests own the time.

use std::fmt::Debug;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::model::Timestamp;

/// What a store asks of time. Sync intervals go by [`Clock::elapsed`]; the wall clock only says
/// which samples are of the future (`StoreOptions::ahead_max`).
pub trait Clock: Send + Sync + Debug {
    /// Time since some fixed moment, which never goes back.
    fn elapsed(&self) -> Duration;

    /// What the wall clock says, which may be anything.
    fn now(&self) -> Timestamp;
}

/// The system's clocks: the monotonic one, which a change of the wall clock does not touch, and the
/// wall clock.
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

    fn now(&self) -> Timestamp {
        let nanos = |span: Duration| i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
        Timestamp::from_nanos(match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(after) => nanos(after),
            Err(before) => -nanos(before.duration()),
        })
    }
}
