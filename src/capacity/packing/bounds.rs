//! What no packing can beat.

use super::{Problem, ROUNDING, ratio};

/// Shares are made this much smaller: a sum of them that is at most 1 for every bin stays so after
/// rounding, and so does what follows from it.
const SHRINK: f64 = 1.0 / (1.0 + 2.0 * ROUNDING);
/// Sums that are rounded up are made smaller by this share first, which is more than they are off.
const SUMS_OFF: f64 = 1e-10;
/// Dual feasible functions u(k) that are tried, from k = 1 on.
const FUNCTIONS: u32 = 20;
/// Parts in which two resources are weighed against each other.
const PARTS: u32 = 10;

/// A cost and a number of bins that no packing is below, and where they come from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LowerBound {
    /// In the unit of prices.
    pub cost: f64,
    /// Bins.
    pub bins: usize,
    /// What the cost follows from.
    pub reason: BoundReason,
}

/// What a lower bound follows from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BoundReason {
    /// The sum of the demands of one resource, by its place.
    Sum(usize),
    /// Items of one resource, by its place, of which no two go together, and what is left beside
    /// them (L2 of Martello and Toth, 1990).
    Large(usize),
    /// A dual feasible function of one resource, by its place: u(k) of Fekete and Schepers (2001),
    /// by which items just over a half, a third and so on count as more.
    Dual(usize),
    /// Items of which no two go together, in whichever resource, or since they are replicas.
    Apart,
    /// The cheapest shape for each item, by shares of its resources.
    Price,
}

/// The best bound of all.
pub(super) fn lower_bound(problem: &Problem) -> LowerBound {
    let (bins, reason) = bins_at_least(problem);
    let prices = problem.shapes().iter().map(|shape| shape.price);
    let cheapest = prices.fold(f64::INFINITY, f64::min);
    let mut bound = LowerBound { cost: bins as f64 * cheapest, bins, reason };
    if problem.shapes().len() > 1 {
        let cost = cost_at_least(problem);
        if cost > bound.cost {
            (bound.cost, bound.reason) = (cost, BoundReason::Price);
        }
    }
    bound
}

/// Bins of a shape that has of each resource the most that any has.
fn bins_at_least(problem: &Problem) -> (usize, BoundReason) {
    let largest = problem.largest();
    let mut best = (0, BoundReason::Sum(0));
    let mut offer = |bins: f64, reason| {
        if bins as usize > best.0 {
            best = (bins as usize, reason);
        }
    };
    for (resource, most) in largest.iter().enumerate() {
        let items = problem.items().iter();
        let mut shares: Vec<f64> =
            items.map(|item| ratio(item.demand[resource], *most) * SHRINK).collect();
        shares.sort_by(f64::total_cmp);
        offer(rounded_up(shares.iter().sum()), BoundReason::Sum(resource));
        offer(large(&shares), BoundReason::Large(resource));
        for k in 1..=FUNCTIONS {
            let sum = shares.iter().map(|share| dual(*share, f64::from(k))).sum();
            offer(rounded_up(sum), BoundReason::Dual(resource));
        }
    }
    let replicas = problem.replicas().iter().copied().max().unwrap_or(0);
    offer(replicas.max(apart(problem).len()) as f64, BoundReason::Apart);
    best
}

/// L2: for each threshold `a` up to a half, items over `1 - a` have no neighbour of `a` or more,
/// items over a half have none of their own kind, and those of `a` to a half fill up what these
/// leave. `shares` ascend.
fn large(shares: &[f64]) -> f64 {
    let mut sums = vec![0.0];
    for share in shares {
        sums.push(sums[sums.len() - 1] + share);
    }
    let count = shares.len();
    let over_half = shares.partition_point(|share| *share <= 0.5);
    let mut best: f64 = 0.0;
    for (at, threshold) in shares[..over_half].iter().enumerate() {
        if at > 0 && shares[at - 1] == *threshold {
            continue;
        }
        let alone = shares.partition_point(|share| *share <= 1.0 - threshold).max(over_half);
        let beside = (alone - over_half) as f64 - (sums[alone] - sums[over_half]);
        let rest = sums[over_half] - sums[at] - beside;
        best = best.max((count - over_half) as f64 + rounded_up(rest.max(0.0)));
    }
    best.max((count - over_half) as f64)
}

/// u(k): a share that is a whole number of parts of `k + 1` stays; any other counts as so many
/// whole parts of `k`.
fn dual(share: f64, k: f64) -> f64 {
    let parts = share * (k + 1.0);
    if parts == parts.floor() { share } else { parts.floor() / k }
}

/// Items of which no two go together, found greedily, the largest first.
fn apart(problem: &Problem) -> Vec<usize> {
    let largest = problem.largest();
    let size = |item: usize| {
        let each = problem.demand(item).iter().zip(&largest);
        each.map(|(demand, most)| ratio(*demand, *most)).fold(0.0, f64::max)
    };
    let sizes: Vec<f64> = (0..problem.items().len()).map(size).collect();
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by(|a, b| sizes[*b].total_cmp(&sizes[*a]));
    let mut chosen: Vec<usize> = Vec::new();
    for item in order {
        if chosen.iter().all(|other| never_together(problem, item, *other)) {
            chosen.push(item);
        }
    }
    chosen
}

fn never_together(problem: &Problem, one: usize, other: usize) -> bool {
    let groups = problem.groups();
    if groups[one].is_some() && groups[one] == groups[other] {
        return true;
    }
    let over = |shape: usize| {
        let both = problem.demand(one).iter().zip(problem.demand(other));
        let mut each = both.zip(problem.usable(shape));
        each.any(|((a, b), usable)| (a + b) * SHRINK > *usable)
    };
    (0..problem.shapes().len()).all(over)
}

/// For any weights of the resources that add up to 1, a bin's items are at most 1 of it; so each
/// pays at least the price of that share, of the shape for which that is least.
fn cost_at_least(problem: &Problem) -> f64 {
    let resources = problem.resources().len();
    let mut weights = vec![0.0; resources];
    let mut best: f64 = 0.0;
    let mut tried = |weights: &[f64]| best = best.max(weighed_cost(problem, weights));
    tried(&vec![1.0 / resources as f64; resources]);
    for one in 0..resources {
        weights[one] = 1.0;
        tried(&weights);
        for other in 0..one {
            for part in 1..PARTS {
                let share = f64::from(part) / f64::from(PARTS);
                (weights[one], weights[other]) = (share, 1.0 - share);
                tried(&weights);
            }
            weights[other] = 0.0;
            weights[one] = 1.0;
        }
        weights[one] = 0.0;
    }
    let alone = apart(problem).into_iter().map(|item| cheapest(problem, item, |_| 1.0)).sum();
    best.max(alone)
}

fn weighed_cost(problem: &Problem, weights: &[f64]) -> f64 {
    let share = |item: usize, shape: usize| -> f64 {
        let each = problem.demand(item).iter().zip(problem.usable(shape)).zip(weights);
        each.map(|((demand, usable), weight)| weight * ratio(*demand, *usable)).sum()
    };
    let items = 0..problem.items().len();
    let each = items.map(|item| cheapest(problem, item, |shape| share(item, shape)));
    each.sum::<f64>() * SHRINK
}

/// The least price of a share of a shape that holds an item.
fn cheapest(problem: &Problem, item: usize, share: impl Fn(usize) -> f64) -> f64 {
    let shapes = 0..problem.shapes().len();
    let fitting = shapes.filter(|shape| problem.holds(*shape, problem.demand(item)));
    fitting.map(|shape| problem.shapes()[shape].price * share(shape)).fold(f64::INFINITY, f64::min)
}

fn rounded_up(sum: f64) -> f64 {
    (sum * (1.0 - SUMS_OFF)).ceil()
}
