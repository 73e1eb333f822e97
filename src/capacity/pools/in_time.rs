//! Whether those who are left after a failure answer in time.
//!
//! In: the hosts of a pool as a fleet, and how many servers each is. Out: how busy survivors get,
//! and how busy they could be for a mean response (M/M/c). Never: arithmetic in place of a queue:
//! having room is not answering.

use std::collections::BTreeMap;

use crate::capacity::assess::View;
use crate::capacity::failover::{Fleet, Spread};
use crate::capacity::queueing::{ResponseTarget, highest_utilisation};
use crate::capacity::study::{HostServers, InTimeRule};

/// More servers than this behind one queue count as so many: they wait a little less than is told.
const SERVERS_MAX: usize = 4_096;
/// What a division may have left off a whole number of cores.
const ROUNDING: f64 = 1e-9;

/// How survivors of a failure answer: of several queues, the one that is busiest for what it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InTime {
    /// How busy they get, of their limits; `None`: there is work, and nobody is left.
    pub utilisation: Option<f64>,
    /// How busy they could be to answer in time; `None`: nobody is left.
    pub utilisation_max: Option<f64>,
    /// How busy all hosts together could be before the failure; `None` where there is no work, or
    /// nobody left.
    pub utilisation_before_max: Option<f64>,
    /// How many servers one queue feeds then.
    pub servers: usize,
    /// The mean response that is allowed, in service times.
    pub response_times_max: f64,
}

impl InTime {
    /// Whether they answer in time.
    pub fn holds(&self) -> bool {
        match (self.utilisation, self.utilisation_max) {
            (Some(utilisation), Some(most)) => utilisation <= most,
            (utilisation, _) => utilisation == Some(0.0),
        }
    }

    /// How far beyond what it could be; 1 is just in time.
    fn badness(&self) -> f64 {
        match (self.utilisation, self.utilisation_max) {
            (Some(utilisation), Some(most)) => utilisation / most,
            _ if self.holds() => 0.0,
            _ => f64::INFINITY,
        }
    }
}

/// The queues of a fleet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Queues {
    target: f64,
    servers_per_host: usize,
    /// What of a limit may be used: the fleet knows only that.
    used_of_limit: f64,
}

impl Queues {
    /// `smallest` is the least that a host has of a resource by index, less its margin.
    pub(super) fn of(
        view: &View,
        rule: &InTimeRule,
        smallest: impl Fn(usize) -> Option<f64>,
    ) -> Self {
        let used_of_limit = |resource: usize| 1.0 - view.study.resources[resource].safety_margin;
        let servers_per_host = match rule.servers {
            HostServers::Number(number) => number,
            HostServers::Cores(resource) => {
                let limit = smallest(resource).map(|line| line / used_of_limit(resource));
                limit.map_or(1, |cores| (cores + ROUNDING) as usize).max(1)
            }
        };
        Self {
            target: rule.response_times_max,
            servers_per_host,
            used_of_limit: used_of_limit(rule.resource),
        }
    }

    /// The worst loss of so many hosts, for answers. All hosts are as many servers, so of a queue
    /// the largest are the worst to lose; where zones keep their work, each zone is tried.
    pub(super) fn worst(&self, fleet: &Fleet, count: usize, spread: Spread) -> Option<InTime> {
        let found: Vec<InTime> = match spread {
            Spread::Free | Spread::ByCapacity => {
                let worst = fleet.worst_by_rule(count, spread).ok()?;
                vec![self.after(fleet, &worst.hosts, spread)]
            }
            Spread::WithinZone => {
                let mut by_size: Vec<usize> = (0..fleet.hosts().len()).collect();
                let size = |at: &usize| fleet.hosts()[*at].capacity;
                by_size.sort_by(|a, b| size(b).total_cmp(&size(a)));
                let mut zones: Vec<&str> =
                    fleet.hosts().iter().map(|host| host.zone.as_str()).collect();
                zones.sort_unstable();
                zones.dedup();
                let of_zone = |zone: &str| {
                    let inside = |at: &&usize| fleet.hosts()[**at].zone == zone;
                    let others = by_size.iter().filter(|at| !inside(at));
                    let lost = by_size.iter().filter(inside).chain(others).take(count);
                    self.after(fleet, &lost.copied().collect::<Vec<_>>(), spread)
                };
                zones.into_iter().map(of_zone).collect()
            }
        };
        found.into_iter().max_by(|a, b| a.badness().total_cmp(&b.badness()))
    }

    /// How survivors answer when these hosts are lost.
    pub(super) fn after(&self, fleet: &Fleet, lost: &[usize], spread: Spread) -> InTime {
        let hosts = fleet.hosts();
        let mut gone = vec![false; hosts.len()];
        for at in lost {
            gone[*at] = true;
        }
        let left = |at: &usize| !gone[*at];
        match spread {
            Spread::Free => {
                let count = (0..hosts.len()).filter(left).count();
                self.queue(fleet, fleet.loss(lost, spread).used_share, count)
            }
            // Each survivor has its own work, and its own queue.
            Spread::ByCapacity => {
                let count = usize::from((0..hosts.len()).any(|at| left(&at)));
                self.queue(fleet, fleet.loss(lost, spread).used_share, count)
            }
            Spread::WithinZone => {
                let mut zones: BTreeMap<&str, (f64, f64, usize)> = BTreeMap::new();
                for (at, host) in hosts.iter().enumerate() {
                    let zone = zones.entry(&host.zone).or_default();
                    zone.0 += host.used;
                    if left(&at) {
                        zone.1 += host.capacity;
                        zone.2 += 1;
                    }
                }
                let queues = zones.into_values().map(|(used, capacity, count)| {
                    let share = match count {
                        0 => Some(0.0).filter(|_| used <= 0.0),
                        _ => Some(used / capacity),
                    };
                    self.queue(fleet, share, count)
                });
                let worst = queues.max_by(|a, b| a.badness().total_cmp(&b.badness()));
                worst.unwrap_or_else(|| self.queue(fleet, Some(0.0), 0))
            }
        }
    }

    /// So many hosts behind one queue, full to a share of what they may.
    fn queue(&self, fleet: &Fleet, used_share: Option<f64>, hosts: usize) -> InTime {
        let servers = hosts.saturating_mul(self.servers_per_host);
        let target = ResponseTarget::Mean { times: self.target };
        let utilisation = used_share.map(|share| share * self.used_of_limit);
        let utilisation_max = highest_utilisation(servers.min(SERVERS_MAX), target).ok();
        let before = fleet.used_share() * self.used_of_limit;
        // Were all asked for more by a factor, so would be those who are left.
        let room = |(busy, most): (f64, f64)| (busy > 0.0).then(|| before * most / busy);
        InTime {
            utilisation,
            utilisation_max,
            utilisation_before_max: utilisation.zip(utilisation_max).and_then(room),
            servers,
            response_times_max: self.target,
        }
    }
}
