//! A packing: which item goes where, what it costs, and how good it is.

use super::bounds::lower_bound;
use super::{LowerBound, Problem, Stranding, exact, greedy};
use crate::error::{Error, Result};
use crate::model::limits::PACKING_EXACT_ITEMS_MAX;

/// How hard to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackOptions {
    /// Whether a search follows that proves what is best, of up to [`PACKING_EXACT_ITEMS_MAX`]
    /// items. Default: no.
    pub exact: bool,
    /// Nodes after which the search gives up and the best so far counts. Default: 2,000,000, some
    /// seconds.
    pub nodes_max: u64,
}

impl Default for PackOptions {
    fn default() -> Self {
        Self { exact: false, nodes_max: 2_000_000 }
    }
}

/// A host and what is on it.
#[derive(Debug, Clone, PartialEq)]
pub struct PackedBin {
    /// Its shape, by its place.
    pub shape: usize,
    /// Its zone, from 0.
    pub zone: usize,
    /// Its items, by their places, in the order in which they were put there.
    pub items: Vec<usize>,
    /// What they need of each resource.
    pub load: Vec<f64>,
}

/// Every item in a bin.
#[derive(Debug, Clone, PartialEq)]
pub struct Packing {
    /// The bins.
    pub bins: Vec<PackedBin>,
    /// The sum of their prices.
    pub cost: f64,
    /// What no packing is below.
    pub lower_bound: LowerBound,
    /// What found it.
    pub method: &'static str,
    /// Whether no packing is cheaper: it costs what the lower bound says, or a search was complete.
    pub proven: bool,
    /// Nodes of the search; 0 without one.
    pub nodes: u64,
}

impl Packing {
    /// How much less another packing could cost at most; nothing where this one is proven best.
    pub fn gap(&self) -> f64 {
        if self.proven { 0.0 } else { (self.cost - self.lower_bound.cost).max(0.0) }
    }

    /// The gap as a share of the lower bound.
    pub fn gap_share(&self) -> f64 {
        if self.gap() == 0.0 { 0.0 } else { self.gap() / self.lower_bound.cost }
    }

    /// The share of what may be used of all bins that is used, of each resource; `None` where no
    /// bin has any.
    pub fn used_shares(&self, problem: &Problem) -> Vec<Option<f64>> {
        let share = |resource: usize| {
            let used: f64 = self.bins.iter().map(|bin| bin.load[resource]).sum();
            let usable = self.bins.iter().map(|bin| problem.usable(bin.shape)[resource]);
            let usable: f64 = usable.sum();
            (usable > 0.0).then(|| used / usable)
        };
        (0..problem.resources().len()).map(share).collect()
    }

    /// What of the bins is stranded for more items of a demand.
    ///
    /// # Errors
    ///
    /// Those of [`Stranding::of`].
    pub fn stranded(&self, problem: &Problem, wanted: &[f64]) -> Result<Stranding> {
        let hosts = self.bins.iter();
        Stranding::of(hosts.map(|bin| (problem.usable(bin.shape), &bin.load[..])), wanted)
    }
}

/// Packs items into bins that cost little together.
///
/// Several quick rules are tried (first fit and best fit decreasing with several sizes, dot
/// product, least room), with bins of each shape and of the shape that is worth most; then bins
/// become the cheapest shape that holds them, and the cheapest answer counts. With
/// [`PackOptions::exact`], branch and bound follows where that is not proven best.
///
/// ```
/// use plimsoll::capacity::packing::{Item, PackOptions, Problem, Rules, Shape, pack};
/// // capacity.md, feature 21.
/// let item = |cpu, memory| Item { name: "i".to_owned(), demand: vec![cpu, memory], group: None };
/// let kinds = [item(0.6, 0.1), item(0.1, 0.6), item(0.3, 0.3)];
/// let items = kinds.map(|kind| vec![kind; 4]);
/// let host = Shape { name: "host".to_owned(), capacity: vec![1.0, 1.0], price: 1.0 };
/// let resources = vec!["cpu".to_owned(), "memory".to_owned()];
/// let problem = Problem::new(resources, items.concat(), vec![host], Rules::default())?;
/// let packing = pack(&problem, PackOptions { exact: true, ..PackOptions::default() })?;
/// assert_eq!((packing.bins.len(), packing.lower_bound.bins, packing.proven), (4, 4, true));
/// # Ok::<(), plimsoll::Error>(())
/// ```
///
/// # Errors
///
/// Where a search is asked for and there are too many items for one.
pub fn pack(problem: &Problem, how: PackOptions) -> Result<Packing> {
    let items = problem.items().len();
    if how.exact && items > PACKING_EXACT_ITEMS_MAX {
        return Err(Error::Limit {
            what: "the number of items for an exact packing",
            value: items as u64,
            limit: PACKING_EXACT_ITEMS_MAX as u64,
            remedy: "pack without it: the gap to the lower bound says how good that is",
        });
    }
    let lower_bound = lower_bound(problem);
    let (bins, method) = greedy::greedy(problem);
    let cost = bins.cost();
    let mut packing = Packing {
        bins: bins.into_bins(),
        cost,
        lower_bound,
        method,
        proven: cost <= lower_bound.cost * (1.0 + super::ROUNDING),
        nodes: 0,
    };
    if how.exact && !packing.proven {
        let found = exact::search(problem, cost, lower_bound.cost, how.nodes_max);
        if let Some(bins) = found.bins {
            packing.cost = bins.iter().map(|bin| problem.shapes()[bin.shape].price).sum();
            packing.bins = bins;
            packing.method = "branch and bound";
        }
        (packing.proven, packing.nodes) = (found.proven, found.nodes);
    }
    Ok(packing)
}
