//! Faults that are planted on purpose, to see that the tests find them (`make test-faults`). A
//! build has them only with `--cfg plimsoll_faults`; in any other `planted` is a constant, and what
//! it guards compiles to the step itself.

use crate::error::Result;

/// Whether this build commits the fault of that name: the environment names one at most.
#[cfg(plimsoll_faults)]
pub(crate) fn planted(name: &str) -> bool {
    static NAME: std::sync::LazyLock<Option<String>> =
        std::sync::LazyLock::new(|| std::env::var("PLIMSOLL_FAULT").ok());
    NAME.as_deref() == Some(name)
}

/// Whether this build commits the fault of that name: never.
#[cfg(not(plimsoll_faults))]
pub(crate) const fn planted(_name: &str) -> bool {
    false
}

/// A step that the fault leaves out.
pub(crate) fn unless(name: &str, step: impl FnOnce() -> Result<()>) -> Result<()> {
    if planted(name) { Ok(()) } else { step() }
}

/// Two steps that the fault takes in the wrong order.
pub(crate) fn in_order(
    name: &str,
    first: impl FnOnce() -> Result<()>,
    second: impl FnOnce() -> Result<()>,
) -> Result<()> {
    if planted(name) {
        second()?;
        return first();
    }
    first()?;
    second()
}
