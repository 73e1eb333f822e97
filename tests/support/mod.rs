//! What several promises need to be checked.

pub(crate) mod clock;
pub(crate) mod data;
pub(crate) mod failure;
pub(crate) mod life;
pub(crate) mod prng;
pub(crate) mod sim;
pub(crate) mod small;

use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the slow suites were asked for (`make test-slow`).
pub(crate) fn slow() -> bool {
    std::env::var_os("PLIMSOLL_SLOW").is_some()
}

/// Tells a writer to stop, also where a look at what it wrote has failed.
pub(crate) struct StopAtEnd<'a>(pub(crate) &'a AtomicBool);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}
