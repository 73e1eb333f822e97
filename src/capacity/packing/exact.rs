//! The best packing of few items: branch and bound.

use super::bins::Bins;
use super::{PackedBin, Problem, ratio};

/// Costs that differ by less are equal: sums of prices round.
const EQUAL: f64 = 1e-9;

/// What a search came to.
#[derive(Debug)]
pub(super) struct Found {
    /// The cheapest bins, if they are cheaper than what was known.
    pub(super) bins: Option<Vec<PackedBin>>,
    /// Whether no other packing can be cheaper.
    pub(super) proven: bool,
    /// Nodes that were looked at.
    pub(super) nodes: u64,
}

/// Looks for packings cheaper than `known`, one of which ends the search where it costs no more
/// than `bound`.
///
/// Items are placed one after another, the largest first: into each open bin that takes it, then
/// into a new one of each shape. Left out is what cannot be cheaper, since what is left does not
/// fit into the room of the open bins and takes more; and what is the same but for names: bins
/// with equal loads, equal items in another order, zones that no bin is in yet.
pub(super) fn search(problem: &Problem, known: f64, bound: f64, nodes_max: u64) -> Found {
    let order = order(problem);
    let mut search = Search {
        problem,
        left: left(problem, &order),
        shapes: by_price(problem),
        rates: rates(problem),
        order,
        bins: Bins::new(problem),
        best: known,
        found: None,
        bound,
        nodes: 0,
        nodes_max,
    };
    search.place(0, 0);
    let proven = search.nodes < nodes_max || search.best <= bound * (1.0 + EQUAL);
    Found { bins: search.found, proven, nodes: search.nodes }
}

struct Search<'a> {
    problem: &'a Problem,
    /// Items in the order in which they are placed.
    order: Vec<usize>,
    /// Of each place in the order: the demand of its item and all later ones.
    left: Vec<Vec<f64>>,
    /// Shapes, the cheapest first.
    shapes: Vec<usize>,
    /// Of each resource: the least price of one of it.
    rates: Vec<f64>,
    bins: Bins<'a>,
    best: f64,
    found: Option<Vec<PackedBin>>,
    bound: f64,
    nodes: u64,
    nodes_max: u64,
}

impl Search<'_> {
    /// Places the item at `at` and all later ones in every way that may be cheaper; equal items
    /// after their equals go into bins from `from` on.
    fn place(&mut self, at: usize, from: usize) {
        if self.is_over() {
            return;
        }
        self.nodes += 1;
        let Some(item) = self.order.get(at).copied() else {
            // Only what is cheaper comes this far.
            self.best = self.bins.cost();
            self.found = Some(self.bins.all().to_vec());
            return;
        };
        if !self.may_be_cheaper(self.bins.cost() + self.cost_of_rest(at)) {
            return;
        }
        for bin in from..self.bins.all().len() {
            if self.bins.fits(bin, item) && !self.has_twin(from, bin) {
                let load = self.bins.all()[bin].load.clone();
                self.bins.put(bin, item);
                self.place(at + 1, self.next_from(at, bin));
                self.bins.take(bin, &load);
            }
        }
        let cost = self.bins.cost();
        for shape in self.shapes.clone() {
            let dearer = cost + self.problem.shapes()[shape].price;
            if !self.may_be_cheaper(dearer) {
                break;
            }
            let mut untouched = false;
            for zone in 0..self.problem.rules().zones {
                let is_untouched = self.bins.is_untouched(zone);
                if (is_untouched && untouched) || !self.bins.fits_new(shape, zone, item) {
                    continue;
                }
                untouched |= is_untouched;
                let bin = self.bins.open(shape, zone);
                let load = self.bins.all()[bin].load.clone();
                self.bins.put(bin, item);
                self.place(at + 1, self.next_from(at, bin));
                self.bins.take(bin, &load);
                self.bins.close(cost);
            }
        }
    }

    fn is_over(&self) -> bool {
        self.nodes >= self.nodes_max || self.best <= self.bound * (1.0 + EQUAL)
    }

    fn may_be_cheaper(&self, cost: f64) -> bool {
        cost < self.best * (1.0 - EQUAL)
    }

    /// From which bin on the item after `at` may go, where that went into `bin`.
    fn next_from(&self, at: usize, bin: usize) -> usize {
        let equal = |next: &usize| {
            let (a, b) = (self.order[at], *next);
            self.problem.demand(a) == self.problem.demand(b)
                && self.problem.group(a) == self.problem.group(b)
        };
        if self.order.get(at + 1).is_some_and(equal) { bin } else { 0 }
    }

    /// Whether a bin from `from` on, before this one, is the same but for its name.
    fn has_twin(&self, from: usize, bin: usize) -> bool {
        let all = self.bins.all();
        let this = &all[bin];
        let has_group =
            |bin: &PackedBin| bin.items.iter().any(|item| self.problem.group(*item).is_some());
        let same = |other: &PackedBin| {
            other.shape == this.shape
                && other.zone == this.zone
                && other.load == this.load
                && !has_group(other)
        };
        !has_group(this) && all[from..bin].iter().any(same)
    }

    /// What the items from `at` on cost at least, beside the open bins: of each resource what they
    /// need over the room of these, at its least price.
    fn cost_of_rest(&self, at: usize) -> f64 {
        let mut most: f64 = 0.0;
        for (resource, rate) in self.rates.iter().enumerate() {
            let room = self.bins.all().iter().map(|bin| {
                (self.problem.usable(bin.shape)[resource] - bin.load[resource]).max(0.0)
            });
            let over = self.left[at][resource] - room.sum::<f64>();
            if over > 0.0 {
                most = most.max(over * rate);
            }
        }
        // Of one shape only whole bins are bought.
        if let [shape] = self.problem.shapes() {
            // Each open bin may be filled a little over its room.
            let rounding = EQUAL * (1.0 + self.bins.all().len() as f64);
            most = (most / shape.price - rounding).ceil().max(0.0) * shape.price;
        }
        most
    }
}

/// The largest first, equal ones together.
fn order(problem: &Problem) -> Vec<usize> {
    let largest = problem.largest();
    let key = |item: usize| -> (f64, f64) {
        let each = problem.demand(item).iter().zip(&largest);
        let shares = each.map(|(demand, most)| ratio(*demand, *most));
        shares.fold((0.0, 0.0), |(most, sum), share| (share.max(most), sum + share))
    };
    let compare = |a: &usize, b: &usize| {
        let ((a_most, a_sum), (b_most, b_sum)) = (key(*a), key(*b));
        let sizes = b_most.total_cmp(&a_most).then(b_sum.total_cmp(&a_sum));
        let demands = problem.demand(*a).iter().zip(problem.demand(*b));
        let demands = demands.map(|(a, b)| a.total_cmp(b)).find(|order| order.is_ne());
        sizes
            .then(demands.unwrap_or(std::cmp::Ordering::Equal))
            .then(problem.group(*a).cmp(&problem.group(*b)))
    };
    let mut order: Vec<usize> = (0..problem.items().len()).collect();
    order.sort_by(compare);
    order
}

fn left(problem: &Problem, order: &[usize]) -> Vec<Vec<f64>> {
    let mut sums = vec![0.0; problem.resources().len()];
    let mut left = vec![sums.clone()];
    for item in order.iter().rev() {
        sums.iter_mut().zip(problem.demand(*item)).for_each(|(sum, demand)| *sum += demand);
        left.push(sums.clone());
    }
    left.reverse();
    left
}

fn by_price(problem: &Problem) -> Vec<usize> {
    let price = |shape: &usize| problem.shapes()[*shape].price;
    let mut shapes: Vec<usize> = (0..problem.shapes().len()).collect();
    shapes.sort_by(|a, b| price(a).total_cmp(&price(b)));
    shapes
}

fn rates(problem: &Problem) -> Vec<f64> {
    let rate = |resource: usize| {
        let shapes = problem.shapes().iter().enumerate();
        let usable = shapes.map(|(at, shape)| (shape.price, problem.usable(at)[resource]));
        let rates =
            usable.filter(|(_, usable)| *usable > 0.0).map(|(price, usable)| price / usable);
        let least = rates.fold(f64::INFINITY, f64::min);
        // Nobody has any of it, so nobody needs any.
        if least.is_finite() { least } else { 0.0 }
    };
    (0..problem.resources().len()).map(rate).collect()
}
