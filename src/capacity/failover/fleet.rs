//! Unequal hosts: what is lost with some of them, and what the rest comes to.

use std::collections::BTreeMap;

use super::within;
use crate::error::{Error, Result};

/// A host of a [`Fleet`].
#[derive(Debug, Clone, PartialEq)]
pub struct Host {
    /// Its name.
    pub name: String,
    /// What it can carry; above 0, in the unit of `used`.
    pub capacity: f64,
    /// What it carries now; 0 or more.
    pub used: f64,
    /// Where it stands: what shares a power feed, a network, a building.
    pub zone: String,
    /// Where in the zone it stands; racks of the same name in different zones are different.
    pub rack: String,
}

/// Where the work of lost hosts goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spread {
    /// Anywhere there is room, and what survivors carry may be moved too: a scheduler, live
    /// migration. Survivors are one pool.
    Free,
    /// Anywhere in its own zone: each zone is a pool.
    WithinZone,
    /// Every survivor keeps what it carries, and takes over in proportion to its capacity: a
    /// weighted load balancer. It is full when its fullest host is.
    ByCapacity,
}

/// Hosts that may be lost together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// All of a zone.
    Zone,
    /// All of a rack.
    Rack,
}

/// What the loss of some hosts comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct Loss {
    /// The hosts that are lost, as indices, in order.
    pub hosts: Vec<usize>,
    /// How full the fullest pool, or host, of the survivors gets; above 1 it cannot carry that.
    /// `None` where there is work that no host is left for.
    pub used_share: Option<f64>,
    /// Which zone or host that is; `None` where survivors are one pool.
    pub fullest: Option<String>,
    /// The capacity of all survivors.
    pub capacity_left: f64,
}

/// What the loss of a whole zone or rack comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupLoss {
    /// The zone.
    pub zone: String,
    /// The rack, if racks were asked for.
    pub rack: Option<String>,
    /// What comes of it.
    pub loss: Loss,
}

/// Hosts of different size, zone and rack.
///
/// ```
/// use plimsoll::capacity::failover::{Fleet, Host, Place, Spread};
/// let host = |name: &str, capacity, used, zone: &str| Host {
///     name: name.into(), capacity, used, zone: zone.into(), rack: "1".into(),
/// };
/// let fleet = Fleet::new(vec![
///     host("a", 32.0, 16.0, "east"), host("b", 16.0, 8.0, "east"), host("c", 16.0, 8.0, "west"),
/// ])?;
/// // The large host is the one to fear: 32 units of work are left with 32 of capacity.
/// let worst = fleet.worst_loss(1, Spread::Free)?;
/// assert_eq!((worst.loss.hosts, worst.loss.used_share), (vec![0], Some(1.0)));
/// let zones = fleet.group_losses(Place::Zone, Spread::Free);
/// assert_eq!(zones[0].loss.used_share, Some(2.0));
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Fleet {
    hosts: Vec<Host>,
}

impl Fleet {
    /// A fleet.
    ///
    /// # Errors
    ///
    /// Without hosts, or unless capacities are above 0 and finite, and what is used 0 or more and
    /// finite.
    pub fn new(hosts: Vec<Host>) -> Result<Self> {
        if hosts.is_empty() {
            return Err(Error::invalid("a fleet has at least 1 host"));
        }
        for host in &hosts {
            let sound = host.capacity > 0.0
                && host.used >= 0.0
                && host.capacity.is_finite()
                && host.used.is_finite();
            if !sound {
                return Err(Error::invalid(format!(
                    "host {} has capacity {} and uses {}: give a capacity above 0 and a use of 0 \
                     or more",
                    host.name, host.capacity, host.used
                )));
            }
        }
        Ok(Self { hosts })
    }

    /// Its hosts.
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// How full the whole fleet is.
    pub fn used_share(&self) -> f64 {
        self.hosts.iter().map(|host| host.used).sum::<f64>() / self.capacity()
    }

    pub(super) fn capacity(&self) -> f64 {
        self.hosts.iter().map(|host| host.capacity).sum()
    }

    /// What the loss of these hosts comes to. Indices beyond the fleet, and second mentions, are
    /// nothing more to lose.
    pub fn loss(&self, lost: &[usize], spread: Spread) -> Loss {
        let mut hosts: Vec<usize> = lost.to_vec();
        hosts.retain(|index| *index < self.hosts.len());
        hosts.sort_unstable();
        hosts.dedup();
        let mut gone = vec![false; self.hosts.len()];
        for index in &hosts {
            gone[*index] = true;
        }
        let left = self.hosts.iter().zip(&gone).filter(|(_, gone)| !**gone);
        // Adding zero: nothing at all adds up to -0.
        let capacity_left = left.map(|(host, _)| host.capacity).sum::<f64>() + 0.0;
        let (used_share, fullest) = match spread {
            Spread::Free => {
                let used = self.hosts.iter().map(|host| host.used).sum();
                (share(used, capacity_left), None)
            }
            Spread::WithinZone => self.fullest_zone(&gone),
            Spread::ByCapacity => self.fullest_host(&gone, capacity_left),
        };
        Loss { hosts, used_share, fullest, capacity_left }
    }

    /// What the loss of each zone or rack comes to, the worst first.
    pub fn group_losses(&self, place: Place, spread: Spread) -> Vec<GroupLoss> {
        let mut groups: BTreeMap<(&str, Option<&str>), Vec<usize>> = BTreeMap::new();
        for (index, host) in self.hosts.iter().enumerate() {
            let rack = (place == Place::Rack).then_some(host.rack.as_str());
            groups.entry((&host.zone, rack)).or_default().push(index);
        }
        let mut losses: Vec<GroupLoss> = groups
            .into_iter()
            .map(|((zone, rack), hosts)| GroupLoss {
                zone: zone.to_owned(),
                rack: rack.map(str::to_owned),
                loss: self.loss(&hosts, spread),
            })
            .collect();
        losses.sort_by(|a, b| b.loss.badness().total_cmp(&a.loss.badness()));
        losses
    }

    /// The zone that gets fullest, where work stays in its zone.
    fn fullest_zone(&self, gone: &[bool]) -> (Option<f64>, Option<String>) {
        let mut zones: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
        for (host, gone) in self.hosts.iter().zip(gone) {
            let zone = zones.entry(&host.zone).or_default();
            zone.0 += host.used;
            zone.1 += if *gone { 0.0 } else { host.capacity };
        }
        let shares = zones.into_iter().map(|(zone, (used, left))| (share(used, left), zone));
        let fullest = shares.max_by(|a, b| badness(a.0).total_cmp(&badness(b.0)));
        fullest.map_or((None, None), |(share, zone)| (share, Some(zone.to_owned())))
    }

    /// The host that gets fullest, where each takes over in proportion to its capacity.
    fn fullest_host(&self, gone: &[bool], capacity_left: f64) -> (Option<f64>, Option<String>) {
        let lost = self.hosts.iter().zip(gone).filter(|(_, gone)| **gone);
        let lost: f64 = lost.map(|(host, _)| host.used).sum();
        let left = self.hosts.iter().zip(gone).filter(|(_, gone)| !**gone).map(|(host, _)| host);
        let own = |host: &Host| host.used / host.capacity;
        match left.max_by(|a, b| own(a).total_cmp(&own(b))) {
            Some(host) => (Some(own(host) + lost / capacity_left), Some(host.name.clone())),
            None => (share(lost, 0.0), None),
        }
    }
}

impl Loss {
    /// Whether survivors stay at or under `line`, a share of their capacity.
    pub fn holds(&self, line: f64) -> bool {
        self.used_share.is_some_and(|share| within(share, line))
    }

    /// A number that is larger the worse it is.
    pub(super) fn badness(&self) -> f64 {
        badness(self.used_share)
    }
}

/// How full what is left gets: nothing to carry needs nobody, and something needs somebody.
fn share(used: f64, capacity: f64) -> Option<f64> {
    match (used > 0.0, capacity > 0.0) {
        (_, true) => Some(used / capacity),
        (false, false) => Some(0.0),
        (true, false) => None,
    }
}

fn badness(share: Option<f64>) -> f64 {
    share.unwrap_or(f64::INFINITY)
}
