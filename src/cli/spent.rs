//! Time that a part of a benchmark took: by the clock, and of the processors.

use std::time::Duration;

use rustix::time::ClockId;

/// Time that something took.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Spent {
    /// By the clock.
    pub(super) wall: Duration,
    /// Of all threads, in their code and in the system's.
    pub(super) processor: Duration,
}

impl Spent {
    /// Since some moment in the past; the processor's since the process began.
    pub(super) fn so_far() -> Self {
        let read = |clock| Duration::try_from(rustix::time::clock_gettime(clock));
        let [wall, processor] = [ClockId::Monotonic, ClockId::ProcessCPUTime].map(read);
        Self { wall: wall.unwrap_or_default(), processor: processor.unwrap_or_default() }
    }

    /// What was taken since then.
    pub(super) fn since(self, before: Self) -> Self {
        Self {
            wall: self.wall.saturating_sub(before.wall),
            processor: self.processor.saturating_sub(before.processor),
        }
    }

    /// Counts more to it.
    pub(super) fn add(&mut self, more: Self) {
        self.wall += more.wall;
        self.processor += more.processor;
    }
}
