//! A stream that is dealt out over a fast and a slow server, each with a queue of its own.

use super::{LongRun, OpenQueue, Saturation, amount, positive};
use crate::error::{Error, Result};

/// Two servers of different speed, each with its own queue (M/M/1), and one stream that is dealt
/// out over them at random: not by who is free, which would be one queue, and better.
///
/// ```
/// use plimsoll::capacity::queueing::TwoServers;
/// // capacity.md, 2.6: two disks of 5 and 15 ms, a request every 6 ms.
/// let disks = TwoServers::new(1.0 / 0.006, 0.005, 0.015)?;
/// let split = disks.split(0.82)?.steady().unwrap();
/// assert!((split.response_mean_s - 0.017_856_5).abs() < 5e-8);
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TwoServers {
    arrival_rate_per_s: f64,
    /// Service times, in seconds.
    fast: f64,
    slow: f64,
}

/// How a stream fares that is split.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Split {
    /// The share that goes to the fast server.
    pub fast_share: f64,
    /// The mean response time of all.
    pub response_mean_s: f64,
    /// How busy the fast server is.
    pub fast_utilisation: f64,
    /// How busy the slow server is.
    pub slow_utilisation: f64,
}

impl TwoServers {
    /// Two servers that take `fast_s` and `slow_s` on average, and a stream for both.
    ///
    /// # Errors
    ///
    /// Unless the rate is 0 or more, the service times are above 0, and the fast one is not slower.
    pub fn new(arrival_rate_per_s: f64, fast_s: f64, slow_s: f64) -> Result<Self> {
        let fast_s = positive("the fast server's service time", fast_s)?;
        let slow_s = positive("the slow server's service time", slow_s)?;
        if fast_s > slow_s {
            return Err(Error::invalid(format!(
                "the fast server takes {fast_s} s and the slow one {slow_s} s: swap them"
            )));
        }
        let arrival_rate_per_s = amount("the arrival rate", arrival_rate_per_s)?;
        Ok(Self { arrival_rate_per_s, fast: fast_s, slow: slow_s })
    }

    /// What comes of a split, if both servers settle. If one does not, the limit is the rate that
    /// this split would bear.
    ///
    /// # Errors
    ///
    /// Unless the share is within 0 and 1.
    pub fn split(&self, fast_share: f64) -> Result<LongRun<Split>> {
        if !(0.0..=1.0).contains(&fast_share) {
            return Err(Error::invalid(format!(
                "the fast server's share is {fast_share}: give a number from 0 to 1"
            )));
        }
        let slow_share = 1.0 - fast_share;
        let fast_utilisation = self.arrival_rate_per_s * fast_share * self.fast;
        let slow_utilisation = self.arrival_rate_per_s * slow_share * self.slow;
        let utilisation = fast_utilisation.max(slow_utilisation);
        if utilisation >= 1.0 {
            let arrival_rate_max_per_s = self.arrival_rate_per_s / utilisation;
            return Ok(LongRun::Saturated(Saturation { utilisation, arrival_rate_max_per_s }));
        }
        let response_mean_s = fast_share * self.fast / (1.0 - fast_utilisation)
            + slow_share * self.slow / (1.0 - slow_utilisation);
        let split = Split { fast_share, response_mean_s, fast_utilisation, slow_utilisation };
        Ok(LongRun::Steady(split))
    }

    /// The split with the shortest mean response, if both servers together bear the stream.
    ///
    /// The spare rates are as the roots of the servers' rates: `(m1 - l1) / (m2 - l2) =
    /// sqrt(m1 / m2)`; a slow server that would then get less than nothing gets nothing (Buzen and
    /// Chen 1974).
    ///
    /// # Errors
    ///
    /// None for servers that could be made; it is that of [`Self::split`].
    pub fn best(&self) -> Result<LongRun<Split>> {
        let (fast, slow) = (1.0 / self.fast, 1.0 / self.slow);
        let spare = fast + slow - self.arrival_rate_per_s;
        if spare <= 0.0 {
            return Ok(LongRun::Saturated(Saturation {
                utilisation: self.arrival_rate_per_s / (fast + slow),
                arrival_rate_max_per_s: fast + slow,
            }));
        }
        let to_fast = fast - spare * fast.sqrt() / (fast.sqrt() + slow.sqrt());
        if to_fast >= self.arrival_rate_per_s {
            return self.split(1.0);
        }
        self.split((to_fast / self.arrival_rate_per_s).clamp(0.0, 1.0))
    }

    /// The same stream in one queue before two servers of the mean speed: what a shared queue would
    /// give.
    ///
    /// # Errors
    ///
    /// None for servers that could be made; it is that of [`OpenQueue::new`].
    pub fn shared(&self) -> Result<OpenQueue> {
        let service_s = 2.0 / (1.0 / self.fast + 1.0 / self.slow);
        OpenQueue::new(self.arrival_rate_per_s, service_s, 2)
    }
}
