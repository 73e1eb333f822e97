//! Which hosts of a pool could leave, and what that saves.

use super::budget::objectives;
use super::failures::Exposed;
use super::pool::{Host, Pool, PoolResource};
use crate::capacity::assess::View;
use crate::capacity::cost::{HostResource, HostUse, LeaveRules, WholeHosts};
use crate::capacity::rows::{Outcome, name};
use crate::model::{Labels, Unit};

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
    /// What that saves in a month; `None` where no price is known of any of them.
    pub saved_per_month: Option<f64>,
    /// What those who stay must carry, and may: of each resource of the pool.
    pub stays: Vec<Stays>,
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

/// Every pool that could do with fewer hosts. A pool of which a resource is full or has a date is
/// not asked.
pub(super) fn report(view: &View, pools: &[Pool<'_>]) -> Vec<PoolLeave> {
    let mut found: Vec<PoolLeave> = pools.iter().filter_map(|pool| leave(view, pool)).collect();
    found.sort_by(|a, b| {
        let saved = |one: &PoolLeave| one.saved_per_month.unwrap_or(0.0);
        let size = b.leaving.len().cmp(&a.leaving.len());
        saved(b).total_cmp(&saved(a)).then(size).then_with(|| a.name.cmp(&b.name))
    });
    found
}

/// Why a pool is not asked: the first resource that is full, has a date or is not known.
pub(super) fn kept(view: &View, pool: &Pool<'_>) -> Option<(String, String)> {
    let settled = |outcome: &Outcome| matches!(outcome, Outcome::NoTrend | Outcome::Never);
    let why = pool.resources.iter().find(|one| !settled(&one.row.outcome))?;
    Some((pool.name.clone(), view.study.resources[why.resource].name.clone()))
}

fn leave(view: &View, pool: &Pool<'_>) -> Option<PoolLeave> {
    let settled = |outcome: &Outcome| matches!(outcome, Outcome::NoTrend | Outcome::Never);
    let hosts = pool.hosts();
    let known = hosts.iter().all(|host| host.parts.iter().all(|part| part.line > 0.0));
    if hosts.len() < 2 || !known || !pool.resources.iter().all(|one| settled(&one.row.outcome)) {
        return None;
    }
    // Without knowing what the error budget takes, nobody leaves.
    let objectives = objectives(view, pool)?;
    let uses = uses(pool);
    let leaving = fewest_stay(hosts.len(), |stay| {
        let leaving = leaving(&uses, stay)?;
        let stays = |at: &usize| leaving.binary_search(at).is_err();
        let left: Vec<&Host<'_>> = (0..hosts.len()).filter(stays).map(|at| &hosts[at]).collect();
        let keeps = || objectives.iter().all(|one| one.keeps(&left));
        let survives = leaving.is_empty() || (survives(view, pool, &left) && keeps());
        Some((leaving, survives))
    })?;
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

/// Who leaves where the fewest stay that survive. `leaving` says who leaves where at least so many
/// stay, and whether the others survive that. A large pool is not asked for every number: steps are
/// doubled until one survives, and then halved. What survives with fewer is taken to do so with
/// more.
fn fewest_stay(
    hosts: usize,
    leaving: impl Fn(usize) -> Option<(Vec<usize>, bool)>,
) -> Option<Vec<usize>> {
    let (mut found, survives) = leaving(1)?;
    if survives {
        return Some(found);
    }
    // So many stay and do not survive; with all of them nobody leaves.
    let (mut failed, mut step) = (hosts - found.len(), 1);
    let mut enough = hosts;
    found.clear();
    while enough - failed > 1 {
        let doubled = failed.saturating_add(step);
        let stay = if doubled < enough { doubled } else { usize::midpoint(failed, enough) };
        let (leaves, survives) = leaving(stay)?;
        let stayed = hosts - leaves.len();
        if survives {
            // From here on steps are halved.
            (found, enough, step) = (leaves, stay, hosts);
        } else {
            (failed, step) = (stayed.max(stay), step.saturating_mul(2));
        }
    }
    Some(found)
}

/// The hosts of a pool at its peaks, as what leaves is chosen from.
fn uses(pool: &Pool<'_>) -> Vec<HostUse> {
    let use_of = |(at, host): (usize, &Host<'_>)| {
        let parts = host.parts.iter().zip(&pool.resources).map(|(part, one)| {
            let used = (part.share * one.peak).max(0.0);
            // A host that is busier than it may be is full: no more of it can be told apart.
            HostResource { capacity: part.line, used: used.min(part.line), reclaimable: 0.0 }
        });
        HostUse {
            id: at.to_string(),
            // Without prices all hosts are worth the same.
            price_per_month: host.price_per_month.unwrap_or(1.0),
            resources: parts.collect(),
        }
    };
    pool.hosts().iter().enumerate().map(use_of).collect()
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

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn the_fewest_that_survive_are_found_in_few_steps() {
        for hosts in [2, 3, 10, 4_000] {
            // What fits lets `fit` stay; of those, `enough` survive.
            for (fit, enough) in [(1, 1), (1, 2), (1, hosts / 2 + 1), (hosts / 3 + 1, hosts - 1)] {
                let asked = Cell::new(0_u32);
                let found = fewest_stay(hosts, |stay| {
                    asked.set(asked.get() + 1);
                    let stay = stay.max(fit);
                    Some(((0..hosts - stay).collect(), stay >= enough || stay == hosts))
                });
                let expected = hosts - enough.max(fit);
                assert_eq!(found.unwrap().len(), expected, "{hosts} hosts, {fit}, {enough}");
                assert!(asked.get() <= 2 * hosts.ilog2() + 2, "{} of {hosts}", asked.get());
            }
            // With nobody left to lose, nobody leaves.
            let never = fewest_stay(hosts, |stay| Some(((stay..hosts).collect(), stay == hosts)));
            assert_eq!(never, Some(Vec::new()));
        }
        assert_eq!(fewest_stay(5, |_| None), None);
    }
}
