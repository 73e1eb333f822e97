//! Clocks that the test moves.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use plimsoll::Timestamp;
use plimsoll::store::Clock;

/// Both clocks stand still until they are set.
#[derive(Debug, Default)]
pub(crate) struct ManualClock {
    elapsed_ms: AtomicU64,
    wall_seconds: AtomicI64,
}

impl ManualClock {
    /// A second goes by, and the wall clock says so or something else.
    pub(crate) fn tick(&self, wall_seconds: i64) {
        self.elapsed_ms.fetch_add(1_000, Ordering::SeqCst);
        self.wall_seconds.store(wall_seconds, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.elapsed_ms.load(Ordering::SeqCst))
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(self.wall_seconds.load(Ordering::SeqCst))
    }
}
