//! Which hosts can leave: the only savings that are real.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Error, Result};

/// Choices looked through at most; beyond, hosts are taken greedily.
const CHOICES_MAX: usize = 1 << 20;

/// What rounding may have left over in a sum of amounts.
const ROUNDING: f64 = 1e-9;

/// One resource of a host, in one unit on all hosts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HostResource {
    /// What there is; above 0.
    pub capacity: f64,
    /// What of it is taken.
    pub used: f64,
    /// What of that nobody would miss: idle workloads, requests that are too large.
    pub reclaimable: f64,
}

/// A host, what it costs and what is taken of it.
#[derive(Debug, Clone, PartialEq)]
pub struct HostUse {
    /// Its name.
    pub id: String,
    /// What it costs a month.
    pub price_per_month: f64,
    /// Its resources, the same in the same order on all hosts.
    pub resources: Vec<HostResource>,
}

/// How full the others may become.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LeaveRules {
    /// The share of each resource that may be taken afterwards, of all hosts together.
    pub utilization_max: f64,
    /// No fewer hosts than this may stay, for failover.
    pub hosts_min: usize,
}

/// The hosts that can leave, and what the rest then costs.
///
/// They are chosen so that they save the most, while each resource's sum over those that stay still
/// holds, at [`utilization_max`](LeaveRules::utilization_max), what is taken in all. It is a bound:
/// sums say nothing of pieces too large for any one host, which packing does.
///
/// ```
/// use plimsoll::capacity::cost::{HostResource, HostUse, LeaveRules, WholeHosts};
/// let host = |id: &str| HostUse {
///     id: id.to_owned(),
///     price_per_month: 300.0,
///     resources: vec![HostResource { capacity: 32.0, used: 20.0, reclaimable: 6.0 }],
/// };
/// // 14 of 32 are left to each of four hosts: 56 in all, for which two are enough.
/// let hosts = ["a", "b", "c", "d"].map(host);
/// let rules = LeaveRules { utilization_max: 1.0, hosts_min: 1 };
/// let whole = WholeHosts::of(&hosts, rules)?;
/// assert_eq!((whole.leaving.len(), whole.savings_per_month), (2, 600.0));
/// // On paper 24 of 128 were reclaimed, 225 a month; one host could leave without any of it.
/// assert_eq!((whole.reclaimed_per_month, whole.savings_without_reclaim), (225.0, 300.0));
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct WholeHosts {
    /// The places of the hosts that can leave, rising.
    pub leaving: Vec<usize>,
    /// What they cost a month: the saving.
    pub savings_per_month: f64,
    /// What could be saved a month without reclaiming anything: was idle before.
    pub savings_without_reclaim: f64,
    /// What is reclaimed, as a saving on paper: each host's price times the mean share, over its
    /// resources, that is reclaimed.
    pub reclaimed_per_month: f64,
    /// What is idle on the hosts that stay, by resource.
    pub idle: Vec<f64>,
    /// What that costs a month: the price of those hosts times the mean idle share over resources.
    pub idle_per_month: f64,
    /// Whether no other choice saves more; else hosts were taken greedily.
    pub is_best: bool,
}

/// Hosts of one price and one capacity, the emptiest first.
struct Shape {
    price: f64,
    capacity: Vec<f64>,
    members: Vec<usize>,
}

impl WholeHosts {
    /// # Errors
    ///
    /// Where a host is listed twice or has other resources than the first; where amounts are none,
    /// more is taken than there is or reclaimed than is taken; unless the share lies within (0, 1].
    pub fn of(hosts: &[HostUse], rules: LeaveRules) -> Result<Self> {
        check(hosts, rules)?;
        let resources = hosts.first().map_or(0, |host| host.resources.len());
        let sum = |of: &dyn Fn(&HostResource) -> f64| -> Vec<f64> {
            let over = |at: usize| hosts.iter().map(|host| of(&host.resources[at])).sum();
            (0..resources).map(over).collect()
        };
        let capacity = sum(&|one| one.capacity);
        let taken = sum(&|one| one.used - one.reclaimable);
        let before = sum(&|one| one.used);
        // What of each resource may leave.
        let spare = |taken: &[f64]| -> Vec<f64> {
            let pairs = capacity.iter().zip(taken);
            let spare = pairs.map(|(capacity, taken)| capacity - taken / rules.utilization_max);
            spare.zip(&capacity).map(|(spare, capacity)| spare + ROUNDING * capacity).collect()
        };
        let shapes = shapes(hosts);
        let most = hosts.len().saturating_sub(rules.hosts_min);
        let (mut counts, mut is_best) = choose(&shapes, &spare(&taken), most);
        let savings = |counts: &[usize]| -> f64 {
            shapes.iter().zip(counts).map(|(shape, count)| shape.price * *count as f64).sum()
        };
        let without = choose(&shapes, &spare(&before), most).0;
        // What fits before fits after; where not all choices were looked at it may save more.
        if savings(&without) > savings(&counts) {
            (counts, is_best) = (without.clone(), false);
        }
        let pairs = shapes.iter().zip(&counts);
        let mut leaving: Vec<usize> =
            pairs.flat_map(|(shape, count)| shape.members[..*count].iter().copied()).collect();
        leaving.sort_unstable();
        let stays = |at: &usize| leaving.binary_search(at).is_err();
        let staying = || (0..hosts.len()).filter(stays).map(|at| &hosts[at]);
        let mut idle: Vec<f64> = taken.iter().map(|taken| -taken).collect();
        let mut stay_capacity = vec![0.0; resources];
        for host in staying() {
            for (at, one) in host.resources.iter().enumerate() {
                idle[at] += one.capacity;
                stay_capacity[at] += one.capacity;
            }
        }
        let idle: Vec<f64> = idle.into_iter().map(|idle| idle.max(0.0)).collect();
        let shares = idle.iter().zip(&stay_capacity).map(|(idle, capacity)| idle / capacity);
        let price: f64 = staying().map(|host| host.price_per_month).sum();
        let idle_share = if price > 0.0 { mean(shares) } else { 0.0 };
        let on_paper = |host: &HostUse| {
            host.price_per_month * mean(host.resources.iter().map(|r| r.reclaimable / r.capacity))
        };
        Ok(Self {
            savings_per_month: savings(&counts),
            savings_without_reclaim: savings(&without),
            reclaimed_per_month: hosts.iter().map(on_paper).sum(),
            idle,
            idle_per_month: price * idle_share,
            is_best,
            leaving,
        })
    }
}

fn mean(numbers: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = numbers.len();
    if count == 0 { 0.0 } else { numbers.sum::<f64>() / count as f64 }
}

fn shapes(hosts: &[HostUse]) -> Vec<Shape> {
    let mut groups: BTreeMap<Vec<u64>, Vec<usize>> = BTreeMap::new();
    for (at, host) in hosts.iter().enumerate() {
        let numbers = host.resources.iter().map(|one| one.capacity);
        let key = std::iter::once(host.price_per_month).chain(numbers).map(f64::to_bits);
        groups.entry(key.collect()).or_default().push(at);
    }
    let fullness = |at: usize| {
        let shares =
            hosts[at].resources.iter().map(|one| (one.used - one.reclaimable) / one.capacity);
        shares.fold(0.0, f64::max)
    };
    let shape = |mut members: Vec<usize>| {
        members.sort_by(|a, b| fullness(*a).total_cmp(&fullness(*b)).then(a.cmp(b)));
        let first = &hosts[members[0]];
        let capacity = first.resources.iter().map(|one| one.capacity).collect();
        Shape { price: first.price_per_month, capacity, members }
    };
    groups.into_values().map(shape).collect()
}

/// How many hosts of each shape leave, and whether none saves more.
fn choose(shapes: &[Shape], spare: &[f64], most: usize) -> (Vec<usize>, bool) {
    let limit = |shape: &Shape| {
        let fits = shape.capacity.iter().zip(spare);
        let fits = fits.map(|(capacity, spare)| (spare / capacity).max(0.0).floor());
        let fits = fits.fold(f64::INFINITY, f64::min).min(most as f64);
        // A host that costs nothing saves nothing.
        if shape.price > 0.0 { (fits as usize).min(shape.members.len()) } else { 0 }
    };
    let limits: Vec<usize> = shapes.iter().map(limit).collect();
    let choices = limits.iter().try_fold(1_usize, |all, limit| all.checked_mul(limit + 1));
    match choices.filter(|choices| *choices <= CHOICES_MAX) {
        Some(choices) => (best(shapes, &limits, choices, spare, most), true),
        None => (greedy(shapes, &limits, spare, most), false),
    }
}

fn fits(shapes: &[Shape], counts: &[usize], spare: &[f64], most: usize) -> bool {
    let leaves = |at: usize| -> f64 {
        shapes.iter().zip(counts).map(|(shape, count)| shape.capacity[at] * *count as f64).sum()
    };
    counts.iter().sum::<usize>() <= most && (0..spare.len()).all(|at| leaves(at) <= spare[at])
}

/// All choices, one after the other.
fn best(
    shapes: &[Shape],
    limits: &[usize],
    choices: usize,
    spare: &[f64],
    most: usize,
) -> Vec<usize> {
    let mut counts = vec![0; shapes.len()];
    let mut found = (0.0, counts.clone());
    for _ in 1..choices {
        // The next choice: counts as the digits of a number.
        for (count, limit) in counts.iter_mut().zip(limits) {
            if *count < *limit {
                *count += 1;
                break;
            }
            *count = 0;
        }
        let saved: f64 =
            shapes.iter().zip(&counts).map(|(shape, count)| shape.price * *count as f64).sum();
        if saved > found.0 && fits(shapes, &counts, spare, most) {
            found = (saved, counts.clone());
        }
    }
    found.1
}

/// The shapes that save the most for what they take of the scarcest spare, as many as fit.
fn greedy(shapes: &[Shape], limits: &[usize], spare: &[f64], most: usize) -> Vec<usize> {
    let worth = |at: &usize| {
        let shares =
            shapes[*at].capacity.iter().zip(spare).map(|(capacity, spare)| capacity / spare);
        // One of those that may leave is scarce, too.
        shapes[*at].price / shares.fold(1.0 / most.max(1) as f64, f64::max)
    };
    let mut order: Vec<usize> = (0..shapes.len()).filter(|at| limits[*at] > 0).collect();
    order.sort_by(|a, b| worth(b).total_cmp(&worth(a)));
    let mut counts = vec![0; shapes.len()];
    for at in order {
        // The most that fits, by halving: what fits with more fits with fewer.
        let (mut low, mut high) = (0, limits[at]);
        while low < high {
            counts[at] = (low + high).div_ceil(2);
            if fits(shapes, &counts, spare, most) {
                low = counts[at];
            } else {
                high = counts[at] - 1;
            }
        }
        counts[at] = low;
    }
    counts
}

fn check(hosts: &[HostUse], rules: LeaveRules) -> Result<()> {
    let share = rules.utilization_max;
    if !(share > 0.0 && share <= 1.0) {
        let what = format!("hosts may become {share} full: give a share above 0 and up to 1");
        return Err(Error::invalid(what));
    }
    let mut seen = BTreeSet::new();
    for host in hosts {
        let HostUse { id, price_per_month, resources } = host;
        if !seen.insert(id) {
            let what = format!("host {id} is listed twice: count each host once");
            return Err(Error::invalid(what));
        }
        if resources.len() != hosts[0].resources.len() || resources.is_empty() {
            let what = format!("host {id} has not the resources of {}: give all", hosts[0].id);
            return Err(Error::invalid(what));
        }
        let valid = |one: &HostResource| {
            let HostResource { capacity, used, reclaimable } = *one;
            let finite = capacity.is_finite() && capacity > 0.0;
            finite && (0.0..=used).contains(&reclaimable) && used <= capacity
        };
        let priced = price_per_month.is_finite() && *price_per_month >= 0.0;
        if !(priced && resources.iter().all(valid)) {
            return Err(Error::invalid(format!(
                "host {id}: give no negative price, capacities above 0, no more used than there \
                 is, and no more reclaimable than used"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn host(id: usize, price_per_month: f64, resources: &[(f64, f64, f64)]) -> HostUse {
        let resources = resources.iter().map(|(capacity, used, reclaimable)| HostResource {
            capacity: *capacity,
            used: *used,
            reclaimable: *reclaimable,
        });
        HostUse { id: id.to_string(), price_per_month, resources: resources.collect() }
    }

    const RULES: LeaveRules = LeaveRules { utilization_max: 1.0, hosts_min: 0 };

    #[test]
    fn what_frees_no_whole_host_saves_nothing() {
        // Kubecost's caveat (capacity.md, section 3, 15): 25% reclaimed on paper, nobody leaves.
        let hosts: Vec<_> = (0..3).map(|at| host(at, 100.0, &[(8.0, 8.0, 2.0)])).collect();
        let whole = WholeHosts::of(&hosts, RULES).unwrap();
        assert_eq!((whole.leaving.len(), whole.savings_per_month), (0, 0.0));
        assert_eq!((whole.reclaimed_per_month, whole.idle_per_month), (75.0, 75.0));
        assert_eq!(whole.idle, [6.0]);
        // A fourth host makes 8 that are free: one leaves.
        let hosts: Vec<_> = (0..4).map(|at| host(at, 100.0, &[(8.0, 8.0, 2.0)])).collect();
        let whole = WholeHosts::of(&hosts, RULES).unwrap();
        assert_eq!((whole.leaving.as_slice(), whole.savings_per_month), (&[0][..], 100.0));
        assert_eq!((whole.savings_without_reclaim, whole.idle_per_month), (0.0, 0.0));
    }

    #[test]
    fn the_scarcest_resource_decides_and_the_emptiest_host_leaves() {
        let hosts = [
            host(0, 100.0, &[(8.0, 1.0, 0.0), (64.0, 40.0, 0.0)]),
            host(1, 100.0, &[(8.0, 1.0, 0.0), (64.0, 20.0, 0.0)]),
            host(2, 100.0, &[(8.0, 1.0, 0.0), (64.0, 44.0, 0.0)]),
        ];
        // Processors would do on one host, memory takes two.
        let whole = WholeHosts::of(&hosts, RULES).unwrap();
        assert_eq!(whole.leaving, [1]);
        assert_eq!(whole.idle, [13.0, 24.0]);
        let tight = LeaveRules { utilization_max: 0.8, ..RULES };
        assert!(WholeHosts::of(&hosts, tight).unwrap().leaving.is_empty());
        let failover = LeaveRules { hosts_min: 3, ..RULES };
        assert!(WholeHosts::of(&hosts, failover).unwrap().leaving.is_empty());
    }

    #[test]
    fn the_dearest_choice_is_found_and_not_the_first() {
        // 10 are spare: one host of 10 at 90, or one of 6 and one of 4 at 50 each.
        let hosts = [
            host(0, 90.0, &[(10.0, 10.0, 0.0)]),
            host(1, 50.0, &[(6.0, 0.0, 0.0)]),
            host(2, 50.0, &[(4.0, 0.0, 0.0)]),
        ];
        let whole = WholeHosts::of(&hosts, RULES).unwrap();
        assert_eq!((whole.leaving.as_slice(), whole.is_best), (&[1, 2][..], true));
    }

    #[test]
    fn many_shapes_are_taken_greedily_and_it_says_so() {
        let hosts: Vec<_> =
            (0..40).map(|at| host(at, 100.0 + at as f64, &[(8.0 + at as f64, 2.0, 0.0)])).collect();
        let whole = WholeHosts::of(&hosts, RULES).unwrap();
        assert!(!whole.is_best && whole.leaving.len() > 20, "{whole:?}");
        let stay: f64 = (0..40)
            .filter(|at| !whole.leaving.contains(at))
            .map(|at| hosts[at].resources[0].capacity)
            .sum();
        assert!(stay >= 80.0 - 1e-6 && (whole.idle[0] - (stay - 80.0)).abs() < 1e-6);
    }

    #[test]
    fn an_empty_fleet_may_leave_whole_and_what_is_none_is_refused() {
        let hosts = [host(0, 100.0, &[(8.0, 2.0, 2.0)])];
        let whole = WholeHosts::of(&hosts, RULES).unwrap();
        assert_eq!((whole.leaving.as_slice(), whole.idle_per_month), (&[0][..], 0.0));
        assert!(WholeHosts::of(&[], RULES).unwrap().leaving.is_empty());
        let good = host(0, 1.0, &[(8.0, 2.0, 1.0)]);
        let twice = WholeHosts::of(&[good.clone(), good.clone()], RULES).unwrap_err();
        assert!(twice.to_string().starts_with("host 0 is listed twice"), "{twice}");
        for bad in [
            host(1, -1.0, &[(8.0, 2.0, 1.0)]),
            host(1, 1.0, &[(8.0, 9.0, 1.0)]),
            host(1, 1.0, &[(8.0, 2.0, 3.0)]),
            host(1, 1.0, &[(0.0, 0.0, 0.0)]),
            host(1, 1.0, &[(8.0, f64::NAN, 0.0)]),
            host(1, 1.0, &[]),
        ] {
            assert!(WholeHosts::of(&[good.clone(), bad], RULES).is_err());
        }
        for share in [0.0, 1.1, f64::NAN] {
            assert!(WholeHosts::of(&[], LeaveRules { utilization_max: share, ..RULES }).is_err());
        }
    }

    proptest! {
        /// Against every subset of the hosts.
        #[test]
        fn no_subset_saves_more(
            hosts in prop::collection::vec((1_u32..4, 1_u32..4, 0.0_f64..=1.0, 1_u32..4), 1..8),
            hosts_min in 0_usize..3,
        ) {
            let hosts: Vec<HostUse> = hosts.into_iter().enumerate().map(|(at, host_of)| {
                let (size, memory, share, price) = host_of;
                let (size, memory) = (f64::from(size), f64::from(memory));
                let resources = [(size, share * size, 0.0), (memory, share * memory * 0.5, 0.0)];
                host(at, f64::from(price), &resources)
            }).collect();
            let rules = LeaveRules { utilization_max: 0.9, hosts_min };
            let naive = (0_u32..1 << hosts.len()).filter(|subset| {
                let stays = |at: usize| subset & (1 << at) == 0;
                let count = (0..hosts.len()).filter(|at| stays(*at)).count();
                let holds = |resource: usize| {
                    let one = |at: usize| hosts[at].resources[resource];
                    let used: f64 = (0..hosts.len()).map(|at| one(at).used).sum();
                    let left = (0..hosts.len()).filter(|at| stays(*at));
                    used <= left.map(|at| one(at).capacity).sum::<f64>() * 0.9 + 1e-9
                };
                count >= hosts_min.min(hosts.len()) && (0..2).all(holds)
            }).map(|subset| {
                let leaves = (0..hosts.len()).filter(|at| subset & (1 << at) != 0);
                leaves.map(|at| hosts[at].price_per_month).sum::<f64>()
            }).fold(0.0, f64::max);
            let whole = WholeHosts::of(&hosts, rules).unwrap();
            prop_assert!(whole.is_best);
            let found = whole.savings_per_month;
            prop_assert!((found - naive).abs() < 1e-6, "{} {}", naive, found);
        }
    }
}
