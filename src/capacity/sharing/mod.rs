//! What sharing a pool saves: loads that peak at different times need less together than apart.
//!
//! In: rows of use over one time axis, gaps are NaN. Out: the peak of the sum beside the sum of the
//! peaks, at any quantile ([`Coincidence`], [`FleetCoincidence`]); what independent loads would
//! save ([`NormalPool`]); how much of a host may be promised twice ([`Overcommit`]); and which
//! loads go well together ([`Partners`], [`share_hosts`]). Never: a gap that counts as zero, or as
//! a number that nobody measured.
//!
//! `docs/method/sharing.md` has the formulas, the rule on gaps, and their sources.

mod coincidence;
mod fleet;
mod hosts;
mod normal;
mod overcommit;
mod partners;

pub use coincidence::{Coincidence, CoincidentPeak};
pub use fleet::FleetCoincidence;
pub use hosts::{SharedHost, share_hosts};
pub use normal::NormalPool;
pub use overcommit::{Overcommit, Predicted, Task, future_peaks};
pub use partners::{Pair, Pairing, Partners, daily_windows};

use crate::error::{Error, Result};

/// # Errors
///
/// Unless a quantile is a share above 0, up to 1.
fn expect_level(level: f64) -> Result<()> {
    if level > 0.0 && level <= 1.0 {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "{level} is no quantile of a peak: take a share above 0, up to 1, as in 0.99; 1 is the peak"
    )))
}
