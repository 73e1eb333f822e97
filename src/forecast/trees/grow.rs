//! One tree: questions about features, and a number at each leaf.

use std::ops::Range;

use super::Binned;
use super::bins::BINS;
use crate::kernel::quantile;

/// Leaves of a tree, at most.
const LEAVES: usize = 31;
/// Examples on either side of a question, at least.
const SIDE_MIN: u64 = 60;

/// A tree that was grown.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RegressionTree {
    nodes: Vec<Node>,
}

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Leaf {
        value: f64,
    },
    /// Whether a feature is greater than a number; one that is not known is not. The node of "no"
    /// stands at `no`, that of "yes" behind it.
    Question {
        feature: u32,
        threshold: f32,
        no: u32,
    },
}

impl RegressionTree {
    /// What the tree says of a row.
    pub(super) fn value(&self, row: &[f32]) -> f64 {
        let mut at = 0;
        loop {
            match &self.nodes[at] {
                Node::Leaf { value } => return *value,
                Node::Question { feature, threshold, no } => {
                    let yes = row[*feature as usize] > *threshold;
                    at = *no as usize + usize::from(yes);
                }
            }
        }
    }
}

/// What a tree grows on.
#[derive(Debug)]
pub(super) struct Ground<'a> {
    pub(super) binned: &'a Binned<'a>,
    /// Per example, target less what the trees before said.
    pub(super) residuals: &'a [f64],
    /// Features that may be asked for.
    pub(super) features: &'a [u32],
    /// The quantile that is learnt.
    pub(super) level: f64,
}

/// Examples in the high half, those above the guess in the low half: both are summed by one
/// addition.
type Counts = u64;

fn of_counts(counts: Counts) -> (u64, u64) {
    (counts >> 32, counts & u64::from(u32::MAX))
}

/// A leaf that may still be parted.
#[derive(Debug)]
struct Leaf {
    node: usize,
    /// Its examples, in the order of the tree.
    range: Range<usize>,
    /// Per feature that may be asked for, and bin.
    histogram: Vec<Counts>,
    best: Option<Split>,
}

#[derive(Debug, Clone, Copy)]
struct Split {
    gain: f64,
    /// Its place among the features that may be asked for.
    place: usize,
    /// The last bin of "no".
    bin: usize,
}

impl Ground<'_> {
    /// Grows a tree from some examples, parting the leaf that gains most, and multiplies what it
    /// says by `rate`.
    pub(super) fn grow(&self, mut examples: Vec<u32>, rate: f64) -> RegressionTree {
        let all = 0..examples.len();
        let mut nodes = vec![Node::Leaf { value: 0.0 }];
        let histogram = self.histogram(&examples);
        let mut leaves = vec![self.leaf(0, all, histogram)];
        while leaves.len() < LEAVES {
            let gain = |leaf: &Leaf| leaf.best.map_or(0.0, |best| best.gain);
            let best =
                (0..leaves.len()).max_by(|a, b| gain(&leaves[*a]).total_cmp(&gain(&leaves[*b])));
            let Some(at) = best.filter(|at| leaves[*at].best.is_some()) else { break };
            let leaf = leaves.swap_remove(at);
            self.part(leaf, &mut examples, &mut nodes, &mut leaves);
        }
        for leaf in &leaves {
            let own = examples[leaf.range.clone()].iter();
            let mut residuals: Vec<f64> = own.map(|at| self.residuals[*at as usize]).collect();
            let value = quantile(&mut residuals, self.level);
            nodes[leaf.node] =
                Node::Leaf { value: if value.is_nan() { 0.0 } else { rate * value } };
        }
        RegressionTree { nodes }
    }

    /// Asks the best question of a leaf, and puts two in its place.
    fn part(
        &self,
        leaf: Leaf,
        examples: &mut [u32],
        nodes: &mut Vec<Node>,
        leaves: &mut Vec<Leaf>,
    ) {
        let Some(Split { place, bin, .. }) = leaf.best else { return };
        let feature = self.features[place] as usize;
        let is_no = |at: u32| usize::from(self.binned.row(at as usize)[feature]) <= bin;
        let own = &mut examples[leaf.range.clone()];
        let middle = leaf.range.start + no_first(own, is_no);
        let (no, yes) = (leaf.range.start..middle, middle..leaf.range.end);
        let at = nodes.len();
        let threshold = self.binned.borders.greatest(feature, bin);
        nodes[leaf.node] = Node::Question { feature: feature as u32, threshold, no: at as u32 };
        nodes.extend([Node::Leaf { value: 0.0 }, Node::Leaf { value: 0.0 }]);
        // Only the smaller side is counted; the other is what is left.
        let (few, many) = if no.len() <= yes.len() { (&no, &yes) } else { (&yes, &no) };
        let counted = self.histogram(&examples[few.clone()]);
        let mut rest = leaf.histogram;
        for (rest, counted) in rest.iter_mut().zip(&counted) {
            *rest -= counted;
        }
        let (of_no, of_yes) = if few == &no { (counted, rest) } else { (rest, counted) };
        debug_assert_eq!(few.len() + many.len(), leaf.range.len());
        leaves.push(self.leaf(at, no, of_no));
        leaves.push(self.leaf(at + 1, yes, of_yes));
    }

    fn leaf(&self, node: usize, range: Range<usize>, histogram: Vec<Counts>) -> Leaf {
        let best = self.best_split(&histogram);
        Leaf { node, range, histogram, best }
    }

    fn histogram(&self, examples: &[u32]) -> Vec<Counts> {
        let mut counts = vec![0; self.features.len() * BINS];
        for at in examples {
            let one = (1 << 32) | u64::from(self.residuals[*at as usize] > 0.0);
            let row = self.binned.row(*at as usize);
            for (feature, bins) in self.features.iter().zip(counts.chunks_exact_mut(BINS)) {
                bins[usize::from(row[*feature as usize])] += one;
            }
        }
        counts
    }

    /// The question that lessens the squares of the gradients most.
    fn best_split(&self, histogram: &[Counts]) -> Option<Split> {
        let mut best: Option<Split> = None;
        let all: Counts = histogram.iter().take(BINS).sum();
        let whole = self.strength(all);
        for (place, bins) in histogram.chunks_exact(BINS).enumerate() {
            let last = self.binned.borders.bins(self.features[place] as usize) - 1;
            let mut no: Counts = 0;
            for (bin, counts) in bins[..last].iter().enumerate() {
                no += counts;
                let yes = all - no;
                if of_counts(no).0 < SIDE_MIN {
                    continue;
                }
                if of_counts(yes).0 < SIDE_MIN {
                    break;
                }
                let gain = self.strength(no) + self.strength(yes) - whole;
                if *counts > 0 && gain > best.map_or(0.0, |best| best.gain) {
                    best = Some(Split { gain, place, bin });
                }
            }
        }
        best
    }

    /// The square of the sum of gradients over their number.
    fn strength(&self, counts: Counts) -> f64 {
        let (count, above) = of_counts(counts);
        let sum = above as f64 - (1.0 - self.level) * count as f64;
        sum * sum / f64::max(count as f64, 1.0)
    }
}

/// Puts those of "no" first, and says how many there are. Both keep their order.
fn no_first(examples: &mut [u32], is_no: impl Fn(u32) -> bool) -> usize {
    let yes: Vec<u32> = examples.iter().copied().filter(|at| !is_no(*at)).collect();
    let mut count = 0;
    for from in 0..examples.len() {
        if is_no(examples[from]) {
            examples[count] = examples[from];
            count += 1;
        }
    }
    examples[count..].copy_from_slice(&yes);
    count
}
