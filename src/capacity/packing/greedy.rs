//! Quick packings: several rules, of which the best answer counts.

use super::bins::Bins;
use super::{Problem, ratio};

/// How large an item is, for the order in which items are placed, from its demands as shares of
/// the largest shape.
#[derive(Debug, Clone, Copy)]
enum Size {
    /// The greatest share.
    Greatest,
    /// The sum of the shares.
    Sum,
    /// The sum of shares, each weighed by how much of the resource is asked for on average
    /// (Panigrahy and others, 2011).
    Weighted,
    /// The sum of the squares of the shares.
    Squares,
}

/// How a place is found.
#[derive(Debug, Clone, Copy)]
enum Rule {
    /// Item by item, the largest first, into the first bin that it fits.
    FirstFit(Size),
    /// Item by item, the largest first, into the bin of which it leaves least.
    BestFit(Size),
    /// Bin by bin: next the item whose demand points most where the bin has room (Panigrahy and
    /// others, 2011: dot product).
    DotProduct,
    /// Bin by bin: next the item that leaves the shortest vector of room (the same: L2 norm).
    LeastRoom,
}

/// The rules in the order in which they are tried: of equal answers the first counts.
const RULES: [(&str, Rule); 8] = [
    ("first fit, by greatest share", Rule::FirstFit(Size::Greatest)),
    ("first fit, by sum of shares", Rule::FirstFit(Size::Sum)),
    ("first fit, by weighted shares", Rule::FirstFit(Size::Weighted)),
    ("first fit, by squares of shares", Rule::FirstFit(Size::Squares)),
    ("best fit, by greatest share", Rule::BestFit(Size::Greatest)),
    ("best fit, by weighted shares", Rule::BestFit(Size::Weighted)),
    ("dot product", Rule::DotProduct),
    ("least room", Rule::LeastRoom),
];

/// Demands as shares of the largest shape, row after row, and the resources' weights.
struct Scaled {
    shares: Vec<f64>,
    width: usize,
    largest: Vec<f64>,
    weights: Vec<f64>,
}

impl Scaled {
    fn new(problem: &Problem) -> Self {
        let largest = problem.largest();
        let width = largest.len();
        let items = problem.items();
        let rows = items.iter().flat_map(|item| item.demand.iter().zip(&largest));
        let shares: Vec<f64> = rows.map(|(demand, most)| ratio(*demand, *most)).collect();
        let mut weights = vec![0.0; width];
        for row in shares.chunks_exact(width) {
            weights.iter_mut().zip(row).for_each(|(weight, share)| *weight += share);
        }
        for weight in &mut weights {
            *weight /= items.len().max(1) as f64;
        }
        Self { shares, width, largest, weights }
    }

    fn row(&self, item: usize) -> &[f64] {
        &self.shares[item * self.width..(item + 1) * self.width]
    }

    fn size(&self, item: usize, size: Size) -> f64 {
        let row = self.row(item);
        match size {
            Size::Greatest => row.iter().copied().fold(0.0, f64::max),
            Size::Sum => row.iter().sum(),
            Size::Weighted => row.iter().zip(&self.weights).map(|(share, w)| share * w).sum(),
            Size::Squares => row.iter().map(|share| share * share).sum(),
        }
    }

    /// All items, the largest first; equal ones in their own order.
    fn order(&self, items: usize, size: Size) -> Vec<usize> {
        let sizes: Vec<f64> = (0..items).map(|item| self.size(item, size)).collect();
        let mut order: Vec<usize> = (0..items).collect();
        order.sort_by(|a, b| sizes[*b].total_cmp(&sizes[*a]));
        order
    }

    /// What a bin has left of each resource, as shares of the largest shape.
    fn room(&self, problem: &Problem, bins: &Bins<'_>, bin: usize, out: &mut [f64]) {
        let bin = &bins.all()[bin];
        let each = problem.usable(bin.shape).iter().zip(&bin.load).zip(&self.largest);
        for (out, ((usable, load), most)) in out.iter_mut().zip(each) {
            *out = ratio((usable - load).max(0.0), *most);
        }
    }
}

/// The cheapest packing that any rule finds, and the rule: with bins of each shape, and with the
/// shape that costs least for what it has.
pub(super) fn greedy(problem: &Problem) -> (Bins<'_>, &'static str) {
    let scaled = Scaled::new(problem);
    let shapes = problem.shapes().len();
    let preferred = (0..shapes).map(Some).chain((shapes > 1).then_some(None));
    let mut best: Option<(Bins<'_>, &str)> = None;
    for preferred in preferred {
        let opener = Opener { problem, scaled: &scaled, preferred };
        for (name, rule) in RULES {
            let mut bins = match rule {
                Rule::FirstFit(size) | Rule::BestFit(size) => {
                    by_item(&opener, size, matches!(rule, Rule::BestFit(_)))
                }
                Rule::DotProduct | Rule::LeastRoom => {
                    by_bin(&opener, matches!(rule, Rule::DotProduct))
                }
            };
            bins.downsize();
            let key = |bins: &Bins<'_>| (bins.cost(), bins.all().len());
            if best.as_ref().is_none_or(|(best, _)| key(&bins) < key(best)) {
                best = Some((bins, name));
            }
        }
    }
    best.unwrap_or_else(|| (Bins::new(problem), RULES[0].0))
}

/// Opens bins.
struct Opener<'a, 'b> {
    problem: &'a Problem,
    scaled: &'b Scaled,
    /// The shape that is taken wherever it holds the item.
    preferred: Option<usize>,
}

impl Opener<'_, '_> {
    /// Opens a bin for an item, and puts it there.
    fn open(&self, bins: &mut Bins<'_>, item: usize) -> usize {
        let zone = bins.zone_for(item);
        let demand = self.problem.demand(item);
        let holds = |shape: &usize| self.problem.holds(*shape, demand);
        let preferred = self.preferred.filter(holds);
        let fitting = (0..self.problem.shapes().len()).filter(holds);
        let cheapest = fitting.min_by(|a, b| self.dearness(*a).total_cmp(&self.dearness(*b)));
        // Every item fits into some shape.
        let bin = bins.open(preferred.or(cheapest).unwrap_or(0), zone);
        bins.put(bin, item);
        bin
    }

    /// The price of what a shape has, each resource weighed by how much of it is asked for.
    fn dearness(&self, shape: usize) -> f64 {
        let usable = self.problem.usable(shape);
        let weights = self.scaled.weights.iter().zip(&self.scaled.largest);
        let each = usable.iter().zip(weights);
        let worth: f64 = each.map(|(usable, (weight, most))| weight * ratio(*usable, *most)).sum();
        self.problem.shapes()[shape].price / worth
    }
}

fn by_item<'a>(opener: &Opener<'a, '_>, size: Size, best_fit: bool) -> Bins<'a> {
    let (problem, scaled) = (opener.problem, opener.scaled);
    let mut bins = Bins::new(problem);
    let mut room = vec![0.0; scaled.width];
    for item in scaled.order(problem.items().len(), size) {
        let mut place: Option<(usize, f64)> = None;
        for bin in 0..bins.all().len() {
            if !bins.fits(bin, item) {
                continue;
            }
            if !best_fit {
                place = Some((bin, 0.0));
                break;
            }
            scaled.room(problem, &bins, bin, &mut room);
            let left: f64 = room.iter().sum();
            if place.is_none_or(|(_, least)| left < least) {
                place = Some((bin, left));
            }
        }
        if let Some((bin, _)) = place {
            bins.put(bin, item);
        } else {
            opener.open(&mut bins, item);
        }
    }
    bins
}

fn by_bin<'a>(opener: &Opener<'a, '_>, dot_product: bool) -> Bins<'a> {
    let (problem, scaled) = (opener.problem, opener.scaled);
    let mut bins = Bins::new(problem);
    let mut room = vec![0.0; scaled.width];
    // The largest first: a bin is opened for the largest item that is left.
    let mut left = scaled.order(problem.items().len(), Size::Weighted);
    while !left.is_empty() {
        let bin = opener.open(&mut bins, left.remove(0));
        loop {
            scaled.room(problem, &bins, bin, &mut room);
            let value = |item: usize| -> f64 {
                let each = scaled.row(item).iter().zip(&room).zip(&scaled.weights);
                if dot_product {
                    each.map(|((share, room), weight)| weight * share * room).sum()
                } else {
                    -each
                        .map(|((share, room), weight)| weight * (room - share).powi(2))
                        .sum::<f64>()
                }
            };
            let mut next: Option<(usize, f64)> = None;
            for (at, item) in left.iter().enumerate() {
                if bins.fits(bin, *item) {
                    let value = value(*item);
                    if next.is_none_or(|(_, best)| value > best) {
                        next = Some((at, value));
                    }
                }
            }
            let Some((at, _)) = next else { break };
            bins.put(bin, left.remove(at));
        }
    }
    bins
}
