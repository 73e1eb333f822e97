//! The knee, as a target: how full servers may be before response times pass a multiple of the
//! service time.

use super::{LongRun, OpenQueue, SteadyQueue, erlang, level, server_count, turn};
use crate::error::{Error, Result};

/// What a response may take, in service times.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ResponseTarget {
    /// The mean response is to be at most `times` service times.
    Mean {
        /// How many service times; above 1.
        times: f64,
    },
    /// A percentile of responses is to be at most `times` service times.
    Quantile {
        /// The level, as in 0.95.
        level: f64,
        /// How many service times; above what one service alone takes at that level.
        times: f64,
    },
}

/// The utilisation of `servers` servers (M/M/c) at which responses just meet a target: below it
/// they do, above they do not. There is no knee to be seen in the curve without such a target:
/// where it seems to bend is a matter of how it is drawn.
///
/// ```
/// use plimsoll::capacity::queueing::{ResponseTarget, highest_utilisation};
/// // capacity.md, 2.6.
/// let half_more = ResponseTarget::Mean { times: 1.5 };
/// assert!((highest_utilisation(1, half_more)? - 0.333_33).abs() < 5e-6);
/// assert!((highest_utilisation(64, half_more)? - 0.975_60).abs() < 5e-6);
/// # Ok::<(), plimsoll::Error>(())
/// ```
///
/// # Errors
///
/// Without servers, or where an empty queue already misses the target.
pub fn highest_utilisation(servers: usize, target: ResponseTarget) -> Result<f64> {
    let servers = server_count(servers)?;
    target.check()?;
    Ok(highest(servers, |queue| target.is_met(queue)))
}

/// The utilisation of `servers` servers (M/M/c) at which the probability of a wait just is
/// `wait_probability`. What is left to 1 is their headroom.
///
/// ```
/// use plimsoll::capacity::queueing::highest_utilisation_by_wait;
/// // capacity.md, feature 12.
/// assert!((1.0 - highest_utilisation_by_wait(8, 0.3)? - 0.282_0).abs() < 5e-5);
/// # Ok::<(), plimsoll::Error>(())
/// ```
///
/// # Errors
///
/// Without servers, or unless the probability is between 0 and 1.
pub fn highest_utilisation_by_wait(servers: usize, wait_probability: f64) -> Result<f64> {
    let servers = server_count(servers)?;
    let most = level("the wait probability", wait_probability)?;
    let count = servers as f64;
    Ok(turn(0.0, 1.0, |utilisation| erlang::delay(servers, utilisation * count) <= most))
}

/// The highest utilisation at which a queue with a service time of 1 s is as wanted.
fn highest(servers: usize, held: impl Fn(&SteadyQueue) -> bool) -> f64 {
    turn(0.0, 1.0, |utilisation| {
        let queue = OpenQueue::new(utilisation * servers as f64, 1.0, servers);
        match queue.map(|queue| queue.long_run()) {
            Ok(LongRun::Steady(state)) => held(&state),
            _ => false,
        }
    })
}

impl ResponseTarget {
    /// What is asked for must be more than an empty queue takes.
    fn check(self) -> Result<()> {
        let (least, times) = match self {
            Self::Mean { times } => (1.0, times),
            Self::Quantile { level, times } => {
                (-(-super::level("the level", level)?).ln_1p(), times)
            }
        };
        if times > least && times.is_finite() {
            return Ok(());
        }
        Err(Error::invalid(format!(
            "a response of {times} service times is out of reach: idle servers take {least:.6}; \
             ask for more"
        )))
    }

    fn is_met(self, queue: &SteadyQueue) -> bool {
        match self {
            Self::Mean { times } => queue.means.response_mean_s <= times,
            Self::Quantile { level, times } => queue.response_over(times) <= 1.0 - level,
        }
    }
}
