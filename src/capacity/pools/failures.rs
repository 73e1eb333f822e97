//! What breaks under which failure.

use super::in_time::{InTime, Queues};
use super::pool::{Host, Pool};
use crate::capacity::assess::View;
use crate::capacity::failover::{Fleet, Host as FleetHost, Loss, Place, Spread};
use crate::capacity::rows::name;
use crate::capacity::study::{FailoverRule, InTimeRule, Lost, Resource};
use crate::error::Result;
use crate::model::{Labels, Unit};

/// Names of lost hosts that are told.
const NAMES: usize = 3;

/// What the failures of a study come to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FailureReport {
    /// Every failure of every pool, the worst first.
    pub failures: Vec<PoolFailure>,
    /// Pools with how many of their hosts may be lost, whichever they are, and how many they have.
    pub spare: Vec<(String, usize, usize)>,
}

/// What one failure does to one pool.
#[derive(Debug, Clone, PartialEq)]
pub struct PoolFailure {
    /// The labels of the pool.
    pub labels: Labels,
    /// Its name.
    pub pool: String,
    /// What fails: "1 of 4 hosts", "zone a".
    pub failure: String,
    /// Who is lost, the first few.
    pub lost: Vec<String>,
    /// How many are.
    pub lost_hosts: usize,
    /// The resource that is tightest then.
    pub resource: String,
    /// Its unit.
    pub unit: Option<Unit>,
    /// The pool's peak, which those who are left must carry.
    pub demand: f64,
    /// What they may carry in all: their limits less the safety margin.
    pub capacity: f64,
    /// What all hosts together may, before the failure.
    pub capacity_before: f64,
    /// How full the fullest of them gets, 1 being what it may; `None`: nobody is left.
    pub used_share: Option<f64>,
    /// Who that is, where survivors are not one pool.
    pub fullest: Option<Fullest>,
    /// Whether they answer in time; `None` where the study does not ask.
    pub in_time: Option<InTime>,
}

/// The zone, or the host, that a failure leaves the fullest.
#[derive(Debug, Clone, PartialEq)]
pub struct Fullest {
    /// Its name.
    pub name: String,
    /// What those of it who are left were asked for before.
    pub own: f64,
    /// What they take over.
    pub taken: f64,
    /// What they may carry.
    pub capacity: f64,
}

impl PoolFailure {
    /// Whether those who are left carry the work.
    pub fn holds(&self) -> bool {
        self.used_share.is_some_and(|share| share <= 1.0)
    }

    /// Whether those who are left carry the work and, where the study asks, answer in time.
    pub fn is_survived(&self) -> bool {
        self.holds() && self.in_time.is_none_or(|in_time| in_time.holds())
    }

    /// The same failure of a pool in which nobody carries a resource before it.
    pub(super) fn with_nobody(self, resource: &Resource, demand: f64) -> Self {
        let in_time = self.in_time.map(|in_time| InTime {
            utilisation: None,
            utilisation_max: None,
            utilisation_before_max: None,
            ..in_time
        });
        Self {
            lost: Vec::new(),
            lost_hosts: 0,
            resource: resource.name.clone(),
            unit: resource.unit.clone(),
            demand,
            capacity: 0.0,
            capacity_before: 0.0,
            used_share: None,
            fullest: None,
            in_time,
            ..self
        }
    }

    fn badness(&self) -> f64 {
        self.used_share.unwrap_or(f64::INFINITY)
    }
}

/// A pool whose hosts may fail: for each resource of the rule its hosts as a fleet.
pub(super) struct Exposed<'a> {
    pool: &'a Pool<'a>,
    /// With the place of the resource among the pool's.
    fleets: Vec<(usize, Fleet)>,
    /// How the hosts answer, by their use of which resource.
    queues: Option<(usize, Queues)>,
    names: Vec<String>,
}

/// What the failures of the study come to; nothing where it names none.
pub(super) fn report(view: &View, pools: &[Pool<'_>]) -> FailureReport {
    let Some(rule) = &view.study.failover else { return FailureReport::default() };
    let mut report = FailureReport::default();
    for pool in pools {
        let peaks: Vec<f64> = pool.resources.iter().map(|one| one.peak).collect();
        let exposed = Exposed::of(view, rule, pool, pool.hosts(), &peaks);
        report.failures.extend(exposed.failures(view, rule));
        report.spare.extend(exposed.spare(rule));
    }
    report.failures.sort_by(|a, b| {
        a.is_survived()
            .cmp(&b.is_survived())
            .then_with(|| b.badness().total_cmp(&a.badness()))
            .then_with(|| (&a.pool, &a.failure).cmp(&(&b.pool, &b.failure)))
    });
    report.spare.sort_by(|a, b| a.1.cmp(&b.1).then_with(|| a.0.cmp(&b.0)));
    report
}

/// Pools of whose hosts no place is known that the study lets fail.
pub(super) fn unsaid(view: &View, pools: &[Pool<'_>]) -> Vec<(String, String)> {
    let Some(rule) = &view.study.failover else { return Vec::new() };
    let places = [(Lost::Zone, "zone", &rule.zone_label), (Lost::Rack, "rack", &rule.rack_label)];
    let asked = places.into_iter().filter(|(lost, ..)| rule.lose.contains(lost));
    let unknown = asked.flat_map(|(_, place, label)| {
        let unplaced = |pool: &&Pool<'_>| {
            let placed = |host: &Host<'_>| host.labels.get(label).is_some_and(|at| !at.is_empty());
            !pool.hosts().is_empty() && !pool.hosts().iter().any(placed)
        };
        let what = format!("which {place} its hosts are in: none has the label \"{label}\"");
        pools.iter().filter(unplaced).map(move |pool| (what.clone(), pool.name.clone()))
    });
    unknown.collect()
}

impl<'a> Exposed<'a> {
    /// `peaks` are what the pool's resources must carry.
    pub(super) fn of(
        view: &View,
        rule: &FailoverRule,
        pool: &'a Pool<'a>,
        hosts: &[Host<'_>],
        peaks: &[f64],
    ) -> Self {
        let label =
            |host: &Host<'_>, label: &String| host.labels.get(label).unwrap_or_default().to_owned();
        let fleet = |at: usize| {
            let hosts = hosts.iter().filter(|host| host.parts[at].line > 0.0);
            let hosts = hosts.map(|host| FleetHost {
                name: name(&host.labels.project(&view.study.by), &view.study.by),
                capacity: host.parts[at].line,
                used: (host.parts[at].share * peaks[at]).max(0.0),
                zone: label(host, &rule.zone_label),
                rack: label(host, &rule.rack_label),
            });
            Some((at, Fleet::new(hosts.collect()).ok()?))
        };
        let resources = pool.resources.iter().enumerate();
        let moved = resources.filter(|(_, one)| rule.resources.contains(&one.resource));
        let names = hosts.iter().map(|host| name(&host.labels, &view.study.by)).collect();
        let smallest = |resource: usize| {
            let at = pool.resources.iter().position(|one| one.resource == resource)?;
            let lines = hosts.iter().map(|host| host.parts[at].line).filter(|line| *line > 0.0);
            lines.min_by(f64::total_cmp)
        };
        let queues = |rule: &InTimeRule| (rule.resource, Queues::of(view, rule, smallest));
        Self {
            pool,
            fleets: moved.filter_map(|(at, _)| fleet(at)).collect(),
            queues: rule.in_time.as_ref().map(queues),
            names,
        }
    }

    /// Each failure, by the resource that is tightest then.
    pub(super) fn failures(&self, view: &View, rule: &FailoverRule) -> Vec<PoolFailure> {
        let mut found: Vec<PoolFailure> = Vec::new();
        for (at, fleet) in &self.fleets {
            for lost in &rule.lose {
                for (failure, loss) in losses(fleet, *lost, rule.spread) {
                    let mut one = self.failure(view, *at, fleet, failure, &loss);
                    one.fullest = fullest(fleet, &loss, rule.spread);
                    one.in_time = self.queues_of(*at).and_then(|queues| match lost {
                        Lost::Hosts(_) => queues.worst(fleet, loss.hosts.len(), rule.spread),
                        _ => Some(queues.after(fleet, &loss.hosts, rule.spread)),
                    });
                    match found.iter_mut().find(|other| other.failure == one.failure) {
                        Some(other) if one.badness() > other.badness() => {
                            one.in_time = one.in_time.or(other.in_time);
                            *other = one;
                        }
                        Some(other) => other.in_time = other.in_time.or(one.in_time),
                        None => found.push(one),
                    }
                }
            }
        }
        found
    }

    /// How the hosts answer, where that is by this resource of the pool.
    fn queues_of(&self, at: usize) -> Option<&Queues> {
        let resource = self.pool.resources[at].resource;
        self.queues.as_ref().filter(|(of, _)| *of == resource).map(|(_, queues)| queues)
    }

    fn failure(
        &self,
        view: &View,
        at: usize,
        fleet: &Fleet,
        failure: String,
        loss: &Loss,
    ) -> PoolFailure {
        let resource = &view.study.resources[self.pool.resources[at].resource];
        let lost = loss.hosts.iter().take(NAMES).map(|host| fleet.hosts()[*host].name.clone());
        PoolFailure {
            labels: self.pool.labels.clone(),
            pool: self.pool.name.clone(),
            failure,
            lost: lost.collect(),
            lost_hosts: loss.hosts.len(),
            resource: resource.name.clone(),
            unit: resource.unit.clone(),
            demand: fleet.hosts().iter().map(|host| host.used).sum(),
            capacity: loss.capacity_left,
            capacity_before: fleet.hosts().iter().map(|host| host.capacity).sum(),
            fullest: None,
            used_share: loss.used_share,
            in_time: None,
        }
    }

    /// Whether those who are left carry the work, and in time, whatever of the study fails. Told
    /// apart from the [failures](Self::failures) in that a rule finds the worst hosts at once,
    /// without a look at each.
    pub(super) fn survives(&self, rule: &FailoverRule) -> bool {
        self.fleets.iter().all(|(at, fleet)| {
            rule.lose.iter().all(|lost| match lost {
                Lost::Hosts(count) => {
                    self.survives_loss_of((*count).min(fleet.hosts().len()), *at, fleet, rule)
                }
                Lost::Rack | Lost::Zone => {
                    losses(fleet, *lost, rule.spread).iter().all(|(_, loss)| {
                        let queues = self.queues_of(*at);
                        let late = queues.is_some_and(|queues| {
                            !queues.after(fleet, &loss.hosts, rule.spread).holds()
                        });
                        loss.holds(1.0) && !late
                    })
                }
            })
        })
    }

    /// Whether the worst loss of so many hosts is carried by the others, and in time.
    fn survives_loss_of(&self, lost: usize, at: usize, fleet: &Fleet, rule: &FailoverRule) -> bool {
        let worst = fleet.worst_by_rule(lost, rule.spread);
        let in_time = self.queues_of(at).map(|queues| {
            queues.worst(fleet, lost, rule.spread).is_some_and(|found| found.holds())
        });
        worst.is_ok_and(|loss| loss.holds(1.0)) && in_time != Some(false)
    }

    /// How many hosts may be lost, whichever they are, and how many there are.
    fn spare(&self, rule: &FailoverRule) -> Option<(String, usize, usize)> {
        let holds = |lost: usize| {
            self.fleets.iter().all(|(at, fleet)| self.survives_loss_of(lost, *at, fleet, rule))
        };
        let hosts = self.fleets.iter().map(|(_, fleet)| fleet.hosts().len()).min()?;
        // What cannot be carried with fewer lost cannot be with more.
        let (mut low, mut high) = (0, hosts);
        while low < high {
            let middle = usize::midpoint(low, high) + 1;
            if holds(middle) { low = middle } else { high = middle - 1 }
        }
        Some((self.pool.name.clone(), low, self.names.len()))
    }
}

/// The zone or host that is fullest then, with what its share is made of.
fn fullest(fleet: &Fleet, loss: &Loss, spread: Spread) -> Option<Fullest> {
    let fullest = loss.fullest.as_ref()?;
    let hosts = || fleet.hosts().iter().enumerate();
    let is_lost = |at: usize| loss.hosts.binary_search(&at).is_ok();
    let (mut own, mut taken, mut capacity) = (0.0, 0.0, 0.0);
    match spread {
        Spread::Free => return None,
        Spread::WithinZone => {
            for (at, host) in hosts().filter(|(_, host)| host.zone == *fullest) {
                if is_lost(at) {
                    taken += host.used;
                } else {
                    own += host.used;
                    capacity += host.capacity;
                }
            }
        }
        Spread::ByCapacity => {
            let lost: f64 = hosts().filter(|(at, _)| is_lost(*at)).map(|(_, host)| host.used).sum();
            let left = hosts().filter(|(at, host)| !is_lost(*at) && host.name == *fullest);
            let full = |host: &FleetHost| host.used / host.capacity;
            let (_, host) = left.max_by(|a, b| full(a.1).total_cmp(&full(b.1)))?;
            (own, capacity) = (host.used, host.capacity);
            taken = lost * host.capacity / loss.capacity_left;
        }
    }
    Some(Fullest { name: fullest.clone(), own, taken, capacity })
}

/// What a failure comes to, once for each zone or rack.
fn losses(fleet: &Fleet, lost: Lost, spread: Spread) -> Vec<(String, Loss)> {
    let hosts = fleet.hosts().len();
    let place = match lost {
        Lost::Hosts(count) => {
            let count = count.min(hosts);
            let worst: Result<Loss> = fleet.worst_loss(count, spread).map(|worst| worst.loss);
            let noun = if hosts == 1 { "host" } else { "hosts" };
            let named = |loss| (format!("{count} of {hosts} {noun}"), loss);
            return worst.into_iter().map(named).collect();
        }
        Lost::Rack => Place::Rack,
        Lost::Zone => Place::Zone,
    };
    let known = |zone: &str, rack: Option<&String>| match (rack, zone) {
        (Some(rack), "") => Some(format!("rack {rack}")).filter(|_| !rack.is_empty()),
        (Some(rack), zone) => Some(format!("rack {zone} / {rack}")).filter(|_| !rack.is_empty()),
        (None, zone) => Some(format!("zone {zone}")).filter(|_| !zone.is_empty()),
    };
    let groups = fleet.group_losses(place, spread).into_iter();
    groups
        .filter_map(|group| Some((known(&group.zone, group.rack.as_ref())?, group.loss)))
        .collect()
}
