//! Pools: hosts that can take over each other's work, as one.
//!
//! In: the rows of a plan that were looked at alone, what is known of the hosts, and the study's
//! rules for orders, failures, error budgets and scenarios. Out: what to order for each pool and by
//! when, what breaks under which failure, what keeps the error budget, which hosts could leave, and
//! what would be otherwise. Never: a pool's number without its hosts: where none of them is known,
//! that is said.
//!
//! `docs/method/pools.md` has the definitions.

mod budget;
mod change;
mod choice;
mod course;
mod failures;
mod in_time;
mod leave;
mod orders;
mod places;
mod pool;
mod scenarios;

#[cfg(test)]
mod budget_tests;
#[cfg(test)]
mod in_time_tests;
#[cfg(test)]
mod leave_tests;
#[cfg(test)]
mod scenario_tests;
#[cfg(test)]
mod tests;

pub use budget::PoolBudget;
pub use failures::{FailureReport, Fullest, PoolFailure};
pub use in_time::InTime;
pub use leave::{NotAsked, PoolLeave, Stays};
pub use orders::PoolOrder;
pub use scenarios::{ScenarioOutcome, ScenarioRow, UnmetChange, WhenFull};

use super::assess::{Assessed, View};
use super::rows::printable;
use super::study::OrderRule;
use pool::Pool;

/// What was found of the pools.
#[derive(Debug, Clone, Default)]
pub struct PoolReport {
    /// The name of the group whose rows are the pools.
    pub group: String,
    /// How many pools there are.
    pub pools: usize,
    /// How hosts are ordered.
    pub order_rule: Option<OrderRule>,
    /// What to order, the earliest first.
    pub orders: Vec<PoolOrder>,
    /// What breaks under which failure, the worst first.
    pub failures: FailureReport,
    /// Whether the hosts keep the error budgets of the study, the one that burns fastest first.
    pub budgets: Vec<PoolBudget>,
    /// The hosts that could leave, the pool that saves the most first.
    pub leaves: Vec<PoolLeave>,
    /// What would be, were things changed; first what is.
    pub scenarios: Vec<ScenarioOutcome>,
    /// Pools that are not asked who could leave, those first of which a resource is why.
    pub kept: Vec<NotAsked>,
    /// What could not be said: what, and of which pool.
    pub unsaid: Vec<(String, String)>,
}

/// Looks at the pools of a study; `None` where no group is one. `rows` are sorted by table and
/// labels, and of their trends only those that stand are left.
pub(super) fn report(view: &View, rows: &[Assessed]) -> Option<PoolReport> {
    let group = view.study.groups.iter().position(|group| group.pool)?;
    let (pools, unnamed) = Pool::all(view, group, rows);
    let mut report = PoolReport {
        group: view.study.groups[group].name.clone(),
        pools: pools.len(),
        order_rule: view.study.order.clone(),
        ..PoolReport::default()
    };
    report
        .unsaid
        .extend(unnamed.into_iter().map(|(label, name)| (unnamed_pool(view, label), name)));
    for pool in &pools {
        if pool.hosts().is_empty() {
            let what = "what its hosts are: none of those that are known has its labels";
            report.unsaid.push((what.to_owned(), pool.name.clone()));
        }
    }
    let (orders, failed): (Vec<_>, Vec<_>) = pools
        .iter()
        .filter_map(|pool| {
            let courses = pool.courses();
            orders::order(view, pool, &courses, &courses).transpose()
        })
        .partition(Result::is_ok);
    report.orders = orders.into_iter().filter_map(Result::ok).collect();
    report.orders.sort_by(|a, b| a.order_by.cmp(&b.order_by).then_with(|| a.name.cmp(&b.name)));
    let unsaid = failed.into_iter().filter_map(Result::err);
    report.unsaid.extend(unsaid.map(|(what, name)| (format!("what to order: {what}"), name)));
    report.failures = failures::report(view, &pools);
    let (budgets, unsaid) = budget::report(view, &pools);
    report.budgets = budgets;
    report.unsaid.extend(unsaid);
    report.leaves = leave::report(view, &pools);
    report.kept = pools.iter().filter_map(|pool| leave::not_asked(view, pool)).collect();
    report.kept.sort_by_key(|one| one.resource.is_none());
    report.unsaid.extend(failures::unsaid(view, &pools));
    report.scenarios = scenarios::report(view, &pools);
    Some(report)
}

/// Why a row without a label of its group is no pool, and what to do.
fn unnamed_pool(view: &View, label: &str) -> String {
    let in_inventory = view.hosts.values().any(|host| host.labels.get(label).is_some());
    let remedy = if in_inventory {
        "the inventory has it, but only labels of series make pools: give it to the series when \
         they are imported"
    } else {
        "give it to the series when they are imported, or name another label in by"
    };
    let label = printable(label);
    format!("anything: hosts without the label \"{label}\" are no pool; {remedy}")
}
