//! What was planted, and on which day it comes true.

use super::Fleet;
use super::host::{Host, Role};
use super::resource::RESOURCES;
use super::served::PlantedLaw;
use crate::model::{Span, Timestamp};

/// Days that are simulated beyond the history.
pub const FUTURE_DAYS: u32 = 180;

/// A resource of one host that will be full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlantedExhaustion {
    /// The host's name.
    pub host: String,
    /// The resource's name, as in the study.
    pub resource: &'static str,
    /// The first day (its midnight, UTC) on which a scrape reads the limit less the study's safety
    /// margin, or more, when the same course goes on.
    pub date: Timestamp,
}

/// All that a good plan should find, by names of hosts. Every host is in `healthy`, or is a zombie,
/// or is over-provisioned, or has a planted exhaustion.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Truth {
    /// What will be full, in the order of the hosts. Nothing else will within [`FUTURE_DAYS`].
    pub exhaustion: Vec<PlantedExhaustion>,
    /// Hosts that work for nobody. By their use alone they are over-provisioned too.
    pub zombies: Vec<String>,
    /// Hosts at least three times as large as their work, the zombies not counted.
    pub over_provisioned: Vec<String>,
    /// Hosts with nothing to report, traps among them: steps, sawteeth, monthly work.
    pub healthy: Vec<String>,
    /// By which laws web servers answer requests, by their names in the order of the hosts.
    pub laws: Vec<(String, PlantedLaw)>,
}

impl Truth {
    pub(super) fn of(fleet: &Fleet) -> Self {
        let mut truth = Self::default();
        for host in &fleet.hosts {
            let name = host.name.clone();
            truth.laws.extend(fleet.law(host).map(|law| (name.clone(), law)));
            match host.role {
                Role::Zombie => truth.zombies.push(name),
                Role::OverProvisioned => truth.over_provisioned.push(name),
                Role::Healthy | Role::RotatingDisk | Role::MonthlyBatch => truth.healthy.push(name),
                Role::LeakingDisk | Role::LeakingMemory | Role::Growing => {
                    truth.exhaustion.extend(planted(fleet, host));
                }
            }
        }
        truth
    }
}

fn planted(fleet: &Fleet, host: &Host) -> Option<PlantedExhaustion> {
    let which = host.exhausts()?;
    let resource = RESOURCES.get(which)?;
    let date = fleet.first_crossing(host, which, resource.safety_margin)?;
    Some(PlantedExhaustion { host: host.name.clone(), resource: resource.name, date })
}

impl Fleet {
    /// The first day, in the history or up to [`FUTURE_DAYS`] after it, on which a scrape of this
    /// host reads a use of `1 - safety_margin` of the limit or more; `None` where there is none.
    /// `which` counts in [`RESOURCES`]; of a counter, its rate is meant.
    pub fn first_crossing(
        &self,
        host: &Host,
        which: usize,
        safety_margin: f64,
    ) -> Option<Timestamp> {
        let (resource, limit) = (RESOURCES.get(which)?, *host.limits().get(which)?);
        let threshold = limit * (1.0 - safety_margin);
        let mut signal = self.signal(host, which)?;
        let mut outages = self.outages(host);
        for index in 0..self.calendar.all() {
            let state = outages.next(index);
            let share = signal.next(self.calendar.tick(index), state.ticks_since_boot);
            if state.delay.is_some() && resource.reading(share * limit) >= threshold {
                return Some(self.calendar.at(index).floor(Span::DAY));
            }
        }
        None
    }
}
