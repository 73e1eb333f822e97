//! Equal hosts that share all work: N of them, of which k may be lost.

use super::within;
use crate::capacity::queueing::{ResponseTarget, highest_utilisation};
use crate::error::{Error, Result};
use crate::model::limits::QUEUE_SERVERS_MAX;

/// Equal hosts, some of which may be lost at once; the rest take over all work in equal parts.
///
/// ```
/// use plimsoll::capacity::failover::Failover;
/// use plimsoll::capacity::queueing::ResponseTarget;
/// // capacity.md, feature 10: 4 hosts, of which 1 may be lost.
/// let failover = Failover::new(4, 1)?;
/// assert!((failover.used_share_after(0.8) - 1.066_667).abs() < 5e-7);
/// assert_eq!(failover.highest_used_share(1.0), 0.75);
/// // To have room is not enough: to answer within 1.45 service times takes more of it.
/// let in_time = failover.highest_utilisation(ResponseTarget::Mean { times: 1.45 }, 1)?;
/// assert!((in_time - 0.501_51).abs() < 5e-6);
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failover {
    hosts: usize,
    lost: usize,
}

impl Failover {
    /// `hosts` hosts, of which `lost` are lost.
    ///
    /// # Errors
    ///
    /// Unless at least one host is left, of at most [`QUEUE_SERVERS_MAX`].
    pub fn new(hosts: usize, lost: usize) -> Result<Self> {
        if lost >= hosts {
            return Err(Error::invalid(format!(
                "of {hosts} hosts, {lost} cannot be lost: at least 1 must be left"
            )));
        }
        if hosts > QUEUE_SERVERS_MAX {
            return Err(Error::Limit {
                what: "the number of hosts",
                value: hosts as u64,
                limit: QUEUE_SERVERS_MAX as u64,
                remedy: "ask about a part of them",
            });
        }
        Ok(Self { hosts, lost })
    }

    /// How many are left.
    pub fn survivors(&self) -> usize {
        self.hosts - self.lost
    }

    /// How full the survivors get, where all are full to `used_share` now. Above 1 they cannot
    /// carry it.
    pub fn used_share_after(&self, used_share: f64) -> f64 {
        used_share * self.hosts as f64 / self.survivors() as f64
    }

    /// Whether the survivors stay at or under `line`, a share of their capacity, where all are full
    /// to `used_share` now.
    pub fn holds(&self, used_share: f64, line: f64) -> bool {
        within(self.used_share_after(used_share), line)
    }

    /// How full all may be for the survivors to stay at or under `line`, a share of their capacity.
    pub fn highest_used_share(&self, line: f64) -> f64 {
        line * self.survivors() as f64 / self.hosts as f64
    }

    /// How many of the hosts may be lost, where all are full to `used_share`, for the rest to stay
    /// at or under `line`; `None` where they are over it already.
    pub fn most_lost(&self, used_share: f64, line: f64) -> Option<usize> {
        let held = |lost: usize| Self { lost, ..*self }.holds(used_share, line);
        // The quotient may be off by its rounding; what is asked is whether they hold.
        let near = ((1.0 - used_share / line) * self.hosts as f64).floor();
        let near = near.clamp(0.0, (self.hosts - 1) as f64) as usize;
        (near.saturating_sub(1)..=near + 1).rev().find(|lost| *lost < self.hosts && held(*lost))
    }

    /// How busy all may be for the survivors to meet a target for their responses, where each host
    /// is `servers_per_host` servers that one queue feeds (M/M/c).
    ///
    /// # Errors
    ///
    /// Where idle hosts already miss the target, or there are more than [`QUEUE_SERVERS_MAX`]
    /// servers, or none.
    pub fn highest_utilisation(
        &self,
        target: ResponseTarget,
        servers_per_host: usize,
    ) -> Result<f64> {
        let servers = self.survivors().saturating_mul(servers_per_host);
        Ok(self.highest_used_share(highest_utilisation(servers, target)?))
    }
}

/// The mean response of `servers` servers by the heuristic `1 / (1 - u^m)`, in service times
/// (Gunther 2005). It is exact for one and two servers and too low for more: for 4 at 75% it says
/// 1.46286, which is 1.50943. Here for comparison; nothing is calculated with it.
pub fn heuristic_response_times(servers: usize, utilisation: f64) -> f64 {
    1.0 / (1.0 - utilisation.powf(servers as f64))
}
