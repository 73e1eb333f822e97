//! Bins as they are being filled.

use super::{PackedBin, Problem, ROUNDING};

/// Bins, what is in them, and which replicas are in which zone.
#[derive(Debug, Clone)]
pub(super) struct Bins<'a> {
    problem: &'a Problem,
    open: Vec<PackedBin>,
    /// Of each group, of each zone: replicas.
    in_zone: Vec<usize>,
    cost: f64,
}

impl<'a> Bins<'a> {
    pub(super) fn new(problem: &'a Problem) -> Self {
        let in_zone = vec![0; problem.replicas().len() * problem.rules().zones];
        Self { problem, open: Vec::new(), in_zone, cost: 0.0 }
    }

    pub(super) fn all(&self) -> &[PackedBin] {
        &self.open
    }

    pub(super) fn into_bins(self) -> Vec<PackedBin> {
        self.open
    }

    pub(super) fn cost(&self) -> f64 {
        self.cost
    }

    /// Whether an item may go into a bin.
    pub(super) fn fits(&self, bin: usize, item: usize) -> bool {
        let PackedBin { shape, zone, items, load } = &self.open[bin];
        let usable = self.problem.usable(*shape);
        let demand = self.problem.demand(item);
        let mut each = usable.iter().zip(load).zip(demand);
        each.all(|((usable, load), demand)| load + demand <= usable * (1.0 + ROUNDING))
            && self.problem.group(item).is_none_or(|group| {
                let same = |other: &usize| self.problem.group(*other) == Some(group);
                self.zone_takes(*zone, group) && !items.iter().any(same)
            })
    }

    /// Whether an item may go into an empty bin of a shape in a zone.
    pub(super) fn fits_new(&self, shape: usize, zone: usize, item: usize) -> bool {
        let group = self.problem.group(item);
        self.problem.holds(shape, self.problem.demand(item))
            && group.is_none_or(|group| self.zone_takes(zone, group))
    }

    fn zone_takes(&self, zone: usize, group: usize) -> bool {
        self.in_zone[group * self.problem.rules().zones + zone] < self.problem.zone_max(group)
    }

    /// The zone for a new bin with an item: the one with the fewest bins of those that take it.
    pub(super) fn zone_for(&self, item: usize) -> usize {
        let bins_in = |zone: &usize| self.open.iter().filter(|bin| bin.zone == *zone).count();
        let zones = 0..self.problem.rules().zones;
        let group = self.problem.group(item);
        let open = zones.filter(|zone| group.is_none_or(|group| self.zone_takes(*zone, group)));
        // Some zone takes it: there are places for all replicas.
        if self.problem.rules().zones == 1 { 0 } else { open.min_by_key(bins_in).unwrap_or(0) }
    }

    /// Whether a zone has no bin yet.
    pub(super) fn is_untouched(&self, zone: usize) -> bool {
        !self.open.iter().any(|bin| bin.zone == zone)
    }

    /// Opens a bin, and returns its place.
    pub(super) fn open(&mut self, shape: usize, zone: usize) -> usize {
        let load = vec![0.0; self.problem.resources().len()];
        self.open.push(PackedBin { shape, zone, items: Vec::new(), load });
        self.cost += self.problem.shapes()[shape].price;
        self.open.len() - 1
    }

    /// Puts an item into a bin into which it fits.
    pub(super) fn put(&mut self, bin: usize, item: usize) {
        let bin = &mut self.open[bin];
        for (load, demand) in bin.load.iter_mut().zip(self.problem.demand(item)) {
            *load += demand;
        }
        bin.items.push(item);
        if let Some(group) = self.problem.group(item) {
            self.in_zone[group * self.problem.rules().zones + bin.zone] += 1;
        }
    }

    /// Takes the last item of a bin out again, which had this load before.
    pub(super) fn take(&mut self, bin: usize, load_before: &[f64]) {
        let bin = &mut self.open[bin];
        bin.load.copy_from_slice(load_before);
        let group = bin.items.pop().and_then(|item| self.problem.group(item));
        if let Some(group) = group {
            self.in_zone[group * self.problem.rules().zones + bin.zone] -= 1;
        }
    }

    /// Takes the last bin away again, which is empty, to the cost before.
    pub(super) fn close(&mut self, cost_before: f64) {
        self.open.pop();
        self.cost = cost_before;
    }

    /// Makes each bin the cheapest shape that holds what is in it.
    pub(super) fn downsize(&mut self) {
        for bin in &mut self.open {
            let price = |shape: usize| self.problem.shapes()[shape].price;
            for shape in 0..self.problem.shapes().len() {
                if price(shape) < price(bin.shape) && self.problem.holds(shape, &bin.load) {
                    bin.shape = shape;
                }
            }
        }
        self.cost = self.open.iter().map(|bin| self.problem.shapes()[bin.shape].price).sum();
    }
}
