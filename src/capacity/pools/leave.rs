//! Which hosts of a pool could leave, and what that saves.

use super::budget::objectives;
use super::choice::Choice;
use super::failures::Exposed;
use super::pool::{Host, Pool, PoolResource};
use crate::capacity::assess::View;
use crate::capacity::cost::{HostResource, HostUse, LeaveRules, WholeHosts};
use crate::capacity::rows::{Outcome, name, printable};
use crate::model::{Labels, Unit};

/// What a host without a price is worth of the cheapest that has one, when those who leave are
/// chosen: what is known to be saved goes first.
const UNPRICED_WORTH: f64 = 1e-3;

/// The hosts of a pool that could leave.
#[derive(Debug, Clone, PartialEq)]
pub struct PoolLeave {
    /// The labels of the pool.
    pub labels: Labels,
    /// Its name.
    pub name: String,
    /// How many hosts it has.
    pub hosts: usize,
    /// Those that could leave, by name.
    pub leaving: Vec<String>,
    /// What each of them costs in a month, where it is known.
    pub prices_per_month: Vec<Option<f64>>,
    /// What that saves in a month, by the prices that are known; `None` where none is.
    pub saved_per_month: Option<f64>,
    /// What those who stay must carry, and may: of each resource of the pool.
    pub stays: Vec<Stays>,
}

impl PoolLeave {
    /// Of how many that could leave no price is known.
    pub fn unpriced(&self) -> usize {
        self.prices_per_month.iter().filter(|price| price.is_none()).count()
    }
}

/// A pool that is not asked who could leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotAsked {
    /// Its name.
    pub pool: String,
    /// The resource that is why, if one is.
    pub resource: Option<String>,
    /// Why, as in "cpu is full".
    pub why: String,
}

/// One resource of the hosts that stay.
#[derive(Debug, Clone, PartialEq)]
pub struct Stays {
    /// Its name.
    pub resource: String,
    /// Its unit.
    pub unit: Option<Unit>,
    /// The peak of the pool.
    pub peak: f64,
    /// What may be used of it on them: their limits less the safety margin.
    pub line: f64,
}

/// Every pool that could do with fewer hosts, of those that are asked.
pub(super) fn report(view: &View, pools: &[Pool<'_>]) -> Vec<PoolLeave> {
    let mut found: Vec<PoolLeave> = pools.iter().filter_map(|pool| leave(view, pool)).collect();
    found.sort_by(|a, b| {
        let saved = |one: &PoolLeave| one.saved_per_month.unwrap_or(0.0);
        let size = b.leaving.len().cmp(&a.leaving.len());
        saved(b).total_cmp(&saved(a)).then(size).then_with(|| a.name.cmp(&b.name))
    });
    found
}

/// Why a pool is not asked: the first resource that is full, grows or is not known; else what is
/// not known of its hosts, or that there is but one.
pub(super) fn not_asked(view: &View, pool: &Pool<'_>) -> Option<NotAsked> {
    let name = |one: &PoolResource<'_>| &view.study.resources[one.resource].name;
    let because = |resource: Option<&String>, why: String| {
        let resource = resource.cloned();
        Some(NotAsked { pool: pool.name.clone(), resource, why })
    };
    if let Some((one, why)) = pool.resources.iter().find_map(|one| Some((one, unsettled(one)?))) {
        return because(Some(name(one)), format!("{} {why}", printable(name(one))));
    }
    let hosts = pool.hosts();
    for (at, one) in pool.resources.iter().enumerate() {
        let unknown = hosts.iter().filter(|host| host.parts[at].line <= 0.0).count();
        if unknown > 0 {
            let (count, name) = (hosts.len(), name(one));
            let why = format!(
                "the {} limit of {unknown} of its {count} hosts is not known",
                printable(name)
            );
            return because(Some(name), why);
        }
    }
    match hosts.len() {
        0 => because(None, "none of its hosts is known".to_owned()),
        1 => because(None, "it has one host".to_owned()),
        // Without knowing what the error budget takes, nobody leaves.
        _ if objectives(view, pool).is_none() => {
            because(None, "what its error budget takes is not known".to_owned())
        }
        _ => None,
    }
}

/// Why a resource may need the hosts that there are.
fn unsettled(one: &PoolResource<'_>) -> Option<&'static str> {
    match &one.row.outcome {
        Outcome::NoTrend | Outcome::Never => None,
        Outcome::Already { .. } => Some("is full"),
        Outcome::Within(forecast) if forecast.p10.is_some() => Some("has a date"),
        Outcome::Within(_) => Some("grows, though not up to its line within the horizon"),
        Outcome::NotEnoughData { .. } => Some("is not known"),
    }
}

fn leave(view: &View, pool: &Pool<'_>) -> Option<PoolLeave> {
    if not_asked(view, pool).is_some() {
        return None;
    }
    let (hosts, objectives) = (pool.hosts(), objectives(view, pool)?);
    let uses = uses(pool);
    let choice = Choice {
        worth: uses.iter().map(|host| host.price_per_month).collect(),
        sizes: sizes(&uses),
        survive: |leaving: &[usize]| {
            let stays = |at: &usize| leaving.binary_search(at).is_err();
            let left = (0..hosts.len()).filter(stays).map(|at| &hosts[at]);
            let left: Vec<&Host<'_>> = left.collect();
            survives(view, pool, &left) && objectives.iter().all(|one| one.keeps(&left))
        },
    };
    let leaving = choice.leaving(|stay| leaving(&uses, stay));
    if leaving.is_empty() {
        return None;
    }
    let by = &view.study.by;
    let names = leaving.iter().map(|at| name(&hosts[*at].labels.project(by), by));
    let each: Vec<Option<f64>> = leaving.iter().map(|at| hosts[*at].price_per_month).collect();
    let prices = each.iter().copied().flatten();
    let saved = prices.clone().sum();
    Some(PoolLeave {
        labels: pool.labels.clone(),
        name: pool.name.clone(),
        hosts: hosts.len(),
        leaving: names.collect(),
        saved_per_month: (prices.count() > 0).then_some(saved),
        prices_per_month: each,
        stays: stays(view, pool, &leaving),
    })
}

/// What those who stay must carry, and may.
fn stays(view: &View, pool: &Pool<'_>, leaving: &[usize]) -> Vec<Stays> {
    let left = || {
        let hosts = pool.hosts().iter().enumerate();
        hosts.filter(|(at, _)| leaving.binary_search(at).is_err()).map(|(_, host)| host)
    };
    let of = |(at, one): (usize, &PoolResource<'_>)| {
        let resource = &view.study.resources[one.resource];
        Stays {
            resource: resource.name.clone(),
            unit: resource.unit.clone(),
            peak: one.peak,
            line: left().map(|host| host.parts[at].line).sum(),
        }
    };
    pool.resources.iter().enumerate().map(of).collect()
}

/// The hosts of a pool at its peaks, as what leaves is chosen from.
fn uses(pool: &Pool<'_>) -> Vec<HostUse> {
    let prices = pool.hosts().iter().filter_map(|host| host.price_per_month);
    let least = prices.filter(|price| *price > 0.0).min_by(f64::total_cmp);
    // Without prices all hosts are worth the same; beside prices, what is not known is worth least.
    let unknown = least.map_or(1.0, |least| least * UNPRICED_WORTH);
    let use_of = |(at, host): (usize, &Host<'_>)| {
        let parts = host.parts.iter().zip(&pool.resources).map(|(part, one)| {
            let used = (part.share * one.peak).max(0.0);
            // A host that is busier than it may be is full: no more of it can be told apart.
            HostResource { capacity: part.line, used: used.min(part.line), reclaimable: 0.0 }
        });
        HostUse {
            id: at.to_string(),
            price_per_month: host.price_per_month.unwrap_or(unknown),
            resources: parts.collect(),
        }
    };
    pool.hosts().iter().enumerate().map(use_of).collect()
}

/// How large each host is: the shares of all lines that are its own, added up.
fn sizes(uses: &[HostUse]) -> Vec<f64> {
    let capacity = |host: &HostUse, at: usize| host.resources[at].capacity;
    let resources = uses.first().map_or(0, |host| host.resources.len());
    let all = |at| uses.iter().map(|host| capacity(host, at)).sum::<f64>();
    let totals: Vec<f64> = (0..resources).map(all).collect();
    let share = |host: &HostUse| (0..resources).map(|at| capacity(host, at) / totals[at]).sum();
    uses.iter().map(share).collect()
}

/// Who leaves, where so many have to stay: those whose leaving saves the most, while the peaks
/// still fit under the lines of the others. In the order of the hosts.
fn leaving(uses: &[HostUse], stay: usize) -> Option<Vec<usize>> {
    let rules = LeaveRules { utilization_max: 1.0, hosts_min: stay };
    WholeHosts::of(uses, rules).ok().map(|whole| whole.leaving)
}

/// Whether those who stay carry the peaks, and every failure of the study.
fn survives(view: &View, pool: &Pool<'_>, left: &[&Host<'_>]) -> bool {
    let fits = pool
        .resources
        .iter()
        .enumerate()
        .all(|(at, one)| one.peak <= left.iter().map(|host| host.parts[at].line).sum::<f64>());
    let Some(rule) = &view.study.failover else { return fits };
    let mut hosts: Vec<Host<'_>> = left.iter().map(|host| (*host).clone()).collect();
    for at in 0..pool.resources.len() {
        // Who stays takes over in proportion to what it may carry.
        let own: f64 = hosts.iter().map(|host| host.parts[at].share).sum();
        let lines: f64 = hosts.iter().map(|host| host.parts[at].line).sum();
        for host in &mut hosts {
            host.parts[at].share += (1.0 - own) * host.parts[at].line / lines;
        }
    }
    let peaks: Vec<f64> = pool.resources.iter().map(|one| one.peak).collect();
    fits && Exposed::of(view, rule, pool, &hosts, &peaks).survives(rule)
}
