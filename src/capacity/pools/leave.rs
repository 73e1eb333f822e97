//! Which hosts of a pool could leave, and what that saves.

use super::budget::objectives;
use super::failures::Exposed;
use super::pool::{Host, Pool};
use crate::capacity::assess::View;
use crate::capacity::cost::{HostResource, HostUse, LeaveRules, WholeHosts};
use crate::capacity::rows::{Outcome, name};
use crate::model::Labels;

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
    /// What that saves in a month; `None` where no price is known of any of them.
    pub saved_per_month: Option<f64>,
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

fn leave(view: &View, pool: &Pool<'_>) -> Option<PoolLeave> {
    let settled = |outcome: &Outcome| matches!(outcome, Outcome::NoTrend | Outcome::Never);
    let hosts = pool.hosts();
    let known = hosts.iter().all(|host| host.parts.iter().all(|part| part.line > 0.0));
    if hosts.len() < 2 || !known || !pool.resources.iter().all(|one| settled(&one.row.outcome)) {
        return None;
    }
    // Without knowing what the error budget takes, nobody leaves.
    let objectives = objectives(view, pool)?;
    let mut stay = 1;
    loop {
        let leaving = leaving(pool, stay)?;
        if leaving.is_empty() {
            return None;
        }
        let stays = |at: &usize| !leaving.contains(at);
        let left: Vec<&Host<'_>> = (0..hosts.len()).filter(stays).map(|at| &hosts[at]).collect();
        if survives(view, pool, &left) && objectives.iter().all(|one| one.keeps(&left)) {
            let by = &view.study.by;
            let names = leaving.iter().map(|at| name(&hosts[*at].labels.project(by), by));
            let prices = leaving.iter().filter_map(|at| hosts[*at].price_per_month);
            let saved = prices.clone().sum();
            return Some(PoolLeave {
                labels: pool.labels.clone(),
                name: pool.name.clone(),
                hosts: hosts.len(),
                leaving: names.collect(),
                saved_per_month: (prices.count() > 0).then_some(saved),
            });
        }
        // One more stays than were left.
        stay = left.len() + 1;
    }
}

/// Who leaves, where so many have to stay: those whose leaving saves the most, while the peaks
/// still fit under the lines of the others.
fn leaving(pool: &Pool<'_>, stay: usize) -> Option<Vec<usize>> {
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
    let uses: Vec<HostUse> = pool.hosts().iter().enumerate().map(use_of).collect();
    let rules = LeaveRules { utilization_max: 1.0, hosts_min: stay };
    WholeHosts::of(&uses, rules).ok().map(|whole| whole.leaving)
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
    let failures = Exposed::of(view, rule, pool, &hosts, &peaks).failures(view, rule);
    fits && failures.iter().all(super::failures::PoolFailure::is_survived)
}
