//! What several promises need to be checked.

pub(crate) mod clock;
pub(crate) mod data;
pub(crate) mod failure;
pub(crate) mod life;
pub(crate) mod prng;
pub(crate) mod sim;
pub(crate) mod small;

/// Whether the slow suites were asked for (`make test-slow`).
pub(crate) fn slow() -> bool {
    std::env::var_os("PLIMSOLL_SLOW").is_some()
}
