//! Forecasts of groups that add up: a fleet's is the sum of its groups', theirs of their hosts'.
//!
//! Forecasts made one by one do not add up. They are reconciled: of all that add up, those are
//! taken that lie closest to what was forecast, by generalised least squares (Hyndman, Ahmed,
//! Athanasopoulos and Shang 2011). In a tree that takes one pass up and one down, not a matrix.
//! `docs/method/hierarchy.md` has the formulas.

use std::ops::Range;

use ndarray::{Array2, ArrayView2};

use crate::error::{Error, Result};

/// Which node is part of which. There may be several roots; each is reconciled on its own.
///
/// ```
/// use plimsoll::forecast::Tree;
/// // 0 is the fleet, 1 and 2 are its groups, 3 and 4 are hosts of group 1.
/// let tree = Tree::new(&[None, Some(0), Some(0), Some(1), Some(1)])?;
/// assert_eq!(tree.leaves().collect::<Vec<_>>(), [2, 3, 4]);
/// assert!(Tree::new(&[Some(1), Some(0)]).is_err(), "a cycle");
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    parents: Vec<Option<usize>>,
    /// All nodes, each after its parent, those of one parent together and ascending.
    order: Vec<usize>,
    /// Where each node stands in `order`.
    places: Vec<usize>,
    /// The children of the node at place `p` stand at places `firsts[p]` up to `firsts[p + 1]`.
    firsts: Vec<usize>,
}

/// How far each node's forecast is to be trusted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Weights<'a> {
    /// The variance of a node's errors is the number of its leaves: all that is needed is the tree
    /// (WLS-struct; Athanasopoulos and others 2017).
    Structural,
    /// The variances of the nodes' one-step errors, one per node, in the square of the values'
    /// unit (WLS-var; Hyndman, Lee and Wang 2016). A node of variance 0 keeps its forecast, unless
    /// those of all its children are certain too; an infinite variance has no say.
    Variance(&'a [f64]),
}

impl Tree {
    /// A tree (or several) by the parent of each node, `None` for a root. Nodes are in any order.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for no node, for a parent that is no node, and for a cycle.
    pub fn new(parents: &[Option<usize>]) -> Result<Self> {
        let count = parents.len();
        if count == 0 {
            return Err(Error::invalid("a hierarchy of no node; give at least one"));
        }
        let mut starts = vec![0; count + 1];
        for (node, parent) in parents.iter().enumerate() {
            let Some(parent) = *parent else { continue };
            if parent >= count {
                return Err(Error::invalid(format!(
                    "node {node} is part of node {parent}, but the {count} nodes count from 0"
                )));
            }
            starts[parent + 1] += 1;
        }
        for node in 0..count {
            starts[node + 1] += starts[node];
        }
        let mut next = starts.clone();
        let mut children = vec![0; starts[count]];
        let mut order = Vec::with_capacity(count);
        for (node, parent) in parents.iter().enumerate() {
            if let Some(parent) = *parent {
                children[next[parent]] = node;
                next[parent] += 1;
            } else {
                order.push(node);
            }
        }
        let mut firsts = vec![order.len()];
        while let Some(node) = order.get(firsts.len() - 1).copied() {
            order.extend(&children[starts[node]..starts[node + 1]]);
            firsts.push(order.len());
        }
        let mut places = vec![usize::MAX; count];
        for (place, node) in order.iter().enumerate() {
            places[*node] = place;
        }
        if let Some(node) = places.iter().position(|place| *place == usize::MAX) {
            return Err(Error::invalid(format!(
                "node {node} is below no root: its parents go round in a circle"
            )));
        }
        Ok(Self { parents: parents.to_vec(), order, places, firsts })
    }

    /// The number of nodes, at least 1.
    #[expect(clippy::len_without_is_empty, reason = "a tree is never empty")]
    pub fn len(&self) -> usize {
        self.parents.len()
    }

    /// The node that `node` is part of; `None` for a root, and for what is no node.
    pub fn parent(&self, node: usize) -> Option<usize> {
        self.parents.get(node).copied().flatten()
    }

    /// The nodes that are part of `node`, ascending; none of what is no node.
    pub fn children(&self, node: usize) -> &[usize] {
        self.places.get(node).map_or(&[], |place| &self.order[self.below(*place)])
    }

    /// The nodes without children, ascending.
    pub fn leaves(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.len()).filter(|node| self.children(*node).is_empty())
    }

    /// The places of the children of the node at `place`.
    fn below(&self, place: usize) -> Range<usize> {
        self.firsts[place]..self.firsts[place + 1]
    }
}

/// The forecasts that add up and lie closest to `forecasts`: one row per node, one column per step.
///
/// The closest are those with the smallest sum of squared changes over variances, the variances by
/// `weights`; with them all nodes inform each other. Each node with children is their sum in the
/// result, added in their order, to the last bit. A row of a node with children that has a NaN or
/// an infinite number in it has no say. Work: linear in the number of nodes.
///
/// What adds up already stays as it is, and the result is linear in `forecasts`. So reconciling
/// what the back-test's forecasts were off by gives what reconciled forecasts would have been off
/// by, and quantiles of that are intervals of the reconciled forecasts, also of a group.
///
/// # Errors
///
/// [`Error::Invalid`] where there is not one row, or one variance, per node, where a variance is
/// negative or no number (or infinite, of a leaf), and where a leaf's forecast is no finite number.
///
/// ```
/// use ndarray::array;
/// use plimsoll::forecast::{Tree, Weights, reconcile};
/// // A group of two hosts, each forecast on its own: 60 + 30 is not 100.
/// let tree = Tree::new(&[None, Some(0), Some(0)])?;
/// let forecasts = array![[100.0], [60.0], [30.0]];
/// let found = reconcile(&tree, &forecasts.view(), Weights::Structural)?;
/// assert_eq!(found, array![[95.0], [62.5], [32.5]]);
/// # Ok::<(), plimsoll::Error>(())
/// ```
pub fn reconcile(
    tree: &Tree,
    forecasts: &ArrayView2<'_, f64>,
    weights: Weights<'_>,
) -> Result<Array2<f64>> {
    let mut rows = Rows::gathered(tree, forecasts)?;
    rows.check_leaves()?;
    let mut own = own_variances(tree, weights)?;
    for (place, own) in own.iter_mut().enumerate() {
        if !rows.of(place).iter().all(|value| value.is_finite()) {
            *own = f64::INFINITY;
        }
    }
    let trust = Trust::of(tree, &own);
    rows.up(&trust);
    rows.down(&trust);
    rows.sum_up();
    Ok(rows.scattered())
}

/// Forecasts that add up by the leaves' alone: the rows of other nodes are not looked at.
///
/// # Errors
///
/// [`Error::Invalid`] where there is not one row per node, and where a leaf's forecast is no finite
/// number.
pub fn bottom_up(tree: &Tree, forecasts: &ArrayView2<'_, f64>) -> Result<Array2<f64>> {
    let mut rows = Rows::gathered(tree, forecasts)?;
    rows.check_leaves()?;
    rows.sum_up();
    Ok(rows.scattered())
}

/// Forecasts that add up by the roots' alone: each node's is dealt out to its children as their
/// `shares` are to each other (one per node, 0 or more, in any unit; equally where all are 0).
///
/// # Errors
///
/// [`Error::Invalid`] where there is not one row and one share per node, where a share is negative
/// or no finite number, and where a root's forecast is no finite number.
pub fn top_down(
    tree: &Tree,
    forecasts: &ArrayView2<'_, f64>,
    shares: &[f64],
) -> Result<Array2<f64>> {
    let mut rows = Rows::gathered(tree, forecasts)?;
    one_per_node(tree, shares.len(), "shares")?;
    if let Some(node) = shares.iter().position(|share| !(share.is_finite() && *share >= 0.0)) {
        let share = shares[node];
        return Err(Error::invalid(format!("the share of node {node} is {share}; give 0 or more")));
    }
    for place in 0..tree.firsts[0] {
        rows.check(place)?;
    }
    for place in 0..tree.len() {
        let below = tree.below(place);
        let all: f64 = tree.order[below.clone()].iter().map(|node| shares[*node]).sum();
        let even = 1.0 / below.len().max(1) as f64;
        for child in below {
            let share = shares[tree.order[child]];
            let (parent, own) = rows.two(place, child);
            let share = if all > 0.0 { share / all } else { even };
            for (own, parent) in own.iter_mut().zip(parent) {
                *own = share * *parent;
            }
        }
    }
    rows.sum_up();
    Ok(rows.scattered())
}

/// Raises forecasts of leaves below 0 to 0, and makes every other node the sum of its children
/// anew: what adds up is no longer the closest, but usage is never negative.
///
/// # Errors
///
/// [`Error::Invalid`] where there is not one row per node, and where a leaf's forecast is no finite
/// number.
pub fn raised_to_zero(tree: &Tree, forecasts: &ArrayView2<'_, f64>) -> Result<Array2<f64>> {
    let mut rows = Rows::gathered(tree, forecasts)?;
    rows.check_leaves()?;
    for value in &mut rows.values {
        *value = value.max(0.0);
    }
    rows.sum_up();
    Ok(rows.scattered())
}

/// The variance of each node's reconciled forecast, in the square of the values' unit, if those of
/// `weights` are right and errors of different nodes independent. Then it is never more than the
/// node's own, and an interval shrinks by the root of their ratio. Errors seldom are independent:
/// where there is a back-test, take quantiles of its reconciled errors instead (see [`reconcile`]).
///
/// # Errors
///
/// [`Error::Invalid`] as [`reconcile`] for variances.
pub fn reconciled_variances(tree: &Tree, weights: Weights<'_>) -> Result<Vec<f64>> {
    let trust = Trust::of(tree, &own_variances(tree, weights)?);
    let mut after = trust.variance.clone();
    for place in 0..tree.len() {
        let gain = after[place] - trust.pooled[place];
        for child in tree.below(place) {
            let share = trust.share(place, child);
            after[child] = (trust.variance[child] + share * share * gain).max(0.0);
        }
    }
    Ok(tree.places.iter().map(|place| after[*place]).collect())
}

/// The variance of the nodes' own forecasts, by place.
fn own_variances(tree: &Tree, weights: Weights<'_>) -> Result<Vec<f64>> {
    match weights {
        Weights::Structural => {
            let mut counts = vec![0.0; tree.len()];
            for place in (0..tree.len()).rev() {
                let below = &counts[tree.below(place)];
                counts[place] = if below.is_empty() { 1.0 } else { below.iter().sum() };
            }
            Ok(counts)
        }
        Weights::Variance(given) => {
            one_per_node(tree, given.len(), "variances")?;
            for (node, variance) in given.iter().enumerate() {
                let is_leaf = tree.children(node).is_empty();
                if variance.is_nan() || *variance < 0.0 || is_leaf && variance.is_infinite() {
                    return Err(Error::invalid(format!(
                        "the variance of node {node} is {variance}; give 0 or more (infinite for a \
                         node with children that is to have no say)"
                    )));
                }
            }
            Ok(tree.order.iter().map(|node| given[*node]).collect())
        }
    }
}

fn one_per_node(tree: &Tree, given: usize, what: &str) -> Result<()> {
    if given == tree.len() {
        return Ok(());
    }
    Err(Error::invalid(format!("{given} {what} for {} nodes; give one for each", tree.len())))
}

/// How estimates of a node are put together, by place. Of each node there are two: the sum of its
/// children's, and its own forecast.
struct Trust {
    /// The variance of the two together; a leaf's own.
    variance: Vec<f64>,
    /// That of the children's sum; 0 of a leaf.
    pooled: Vec<f64>,
    /// How far the two together go from the children's sum to the own forecast.
    gain: Vec<f64>,
}

impl Trust {
    fn of(tree: &Tree, own: &[f64]) -> Self {
        let (mut pooled, mut gain) = (vec![0.0; own.len()], vec![0.0; own.len()]);
        let mut variance = own.to_vec();
        for place in (0..own.len()).rev() {
            let below = tree.below(place);
            if below.is_empty() {
                continue;
            }
            let sum: f64 = variance[below].iter().sum();
            pooled[place] = sum;
            // Children that are certain, and a node that is certain: the children are believed.
            gain[place] = if sum > 0.0 { sum / (sum + own[place]) } else { 0.0 };
            variance[place] = sum * (1.0 - gain[place]);
        }
        Self { variance, pooled, gain }
    }

    /// The part of what its parent gains that a child takes.
    fn share(&self, parent: usize, child: usize) -> f64 {
        if self.pooled[parent] > 0.0 { self.variance[child] / self.pooled[parent] } else { 0.0 }
    }
}

/// One row of numbers per node, by place.
struct Rows<'a> {
    tree: &'a Tree,
    steps: usize,
    values: Vec<f64>,
}

impl<'a> Rows<'a> {
    fn gathered(tree: &'a Tree, from: &ArrayView2<'_, f64>) -> Result<Self> {
        one_per_node(tree, from.nrows(), "rows")?;
        let mut values = Vec::with_capacity(from.len());
        for node in &tree.order {
            values.extend(from.row(*node));
        }
        Ok(Self { tree, steps: from.ncols(), values })
    }

    fn scattered(&self) -> Array2<f64> {
        let mut all = Array2::zeros((self.tree.len(), self.steps));
        for (place, node) in self.tree.order.iter().enumerate() {
            for (to, from) in all.row_mut(*node).iter_mut().zip(self.of(place)) {
                *to = *from;
            }
        }
        all
    }

    fn of(&self, place: usize) -> &[f64] {
        &self.values[place * self.steps..(place + 1) * self.steps]
    }

    /// The rows of a node and of one that stands after it.
    fn two(&mut self, place: usize, later: usize) -> (&mut [f64], &mut [f64]) {
        let (head, tail) = self.values.split_at_mut(later * self.steps);
        let (start, end) = (place * self.steps, (place + 1) * self.steps);
        (&mut head[start..end], &mut tail[..self.steps])
    }

    fn check(&self, place: usize) -> Result<()> {
        let Some(step) = self.of(place).iter().position(|value| !value.is_finite()) else {
            return Ok(());
        };
        let (node, value) = (self.tree.order[place], self.of(place)[step]);
        Err(Error::invalid(format!(
            "the forecast of node {node} at step {step} is {value}; give a finite number"
        )))
    }

    fn check_leaves(&self) -> Result<()> {
        let mut leaves = (0..self.tree.len()).filter(|place| self.tree.below(*place).is_empty());
        leaves.try_for_each(|place| self.check(place))
    }

    /// Sums the children of a node into `sum`; whether there are any.
    fn sum_below(&self, place: usize, sum: &mut [f64]) -> bool {
        let below = self.tree.below(place);
        sum.fill(0.0);
        for child in below.clone() {
            for (sum, value) in sum.iter_mut().zip(self.of(child)) {
                *sum += value;
            }
        }
        !below.is_empty()
    }

    /// Each node's row becomes its estimate by all that is below it and itself.
    fn up(&mut self, trust: &Trust) {
        let mut sum = vec![0.0; self.steps];
        for place in (0..self.tree.len()).rev() {
            if !self.sum_below(place, &mut sum) {
                continue;
            }
            let gain = trust.gain[place];
            let own = &mut self.values[place * self.steps..(place + 1) * self.steps];
            for (own, sum) in own.iter_mut().zip(&sum) {
                *own = if gain > 0.0 { sum + gain * (*own - sum) } else { *sum };
            }
        }
    }

    /// What each node knows more than its children is dealt out to them.
    fn down(&mut self, trust: &Trust) {
        let mut sum = vec![0.0; self.steps];
        for place in 0..self.tree.len() {
            if !self.sum_below(place, &mut sum) {
                continue;
            }
            for child in self.tree.below(place) {
                let share = trust.share(place, child);
                let (parent, own) = self.two(place, child);
                for (own, (parent, sum)) in own.iter_mut().zip(parent.iter().zip(&sum)) {
                    *own += share * (*parent - sum);
                }
            }
        }
    }

    /// Every node with children becomes their sum, added in their order.
    fn sum_up(&mut self) {
        let mut sum = vec![0.0; self.steps];
        for place in (0..self.tree.len()).rev() {
            if self.sum_below(place, &mut sum) {
                self.values[place * self.steps..(place + 1) * self.steps].copy_from_slice(&sum);
            }
        }
    }
}

#[cfg(test)]
mod tests;
