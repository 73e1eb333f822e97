//! Boosted regression trees that learn one quantile of a number from others (Friedman 2001; grown
//! leaf by leaf over binned features, as `LightGBM` does: Ke et al. 2017).
//!
//! In: examples, each a row of as many features, with its target. Out: a [`Boosted`], which tells
//! the quantile of the target of any row. Never: what a feature means.
//!
//! The gradient of a quantile's loss has two values, by the side of the guess on which a target
//! lies. A node's histogram is therefore two counts per bin, whole numbers whose sums do not depend
//! on their order: the same examples grow the same trees.

mod bins;
mod grow;

use self::bins::Borders;
use self::grow::{Ground, RegressionTree};
use crate::kernel::{Random, quantile};

/// What each tree adds is multiplied by it.
const RATE: f64 = 0.08;
/// The share of examples that one tree is grown from.
const EXAMPLE_SHARE: f64 = 0.7;
/// The share of features that one tree may ask for.
const FEATURE_SHARE: f64 = 0.6;
const SEED: u64 = 0x7472_6565;

/// Rows of features, one after another, and what came of each.
#[derive(Debug, Clone)]
pub(super) struct Examples {
    /// Features of a row.
    width: usize,
    rows: Vec<f32>,
    pub(super) targets: Vec<f64>,
}

impl Examples {
    /// None yet, of rows of `width` features.
    pub(super) fn new(width: usize) -> Self {
        Self { width, rows: Vec::new(), targets: Vec::new() }
    }

    /// Takes one more. A feature that is NaN is not known.
    pub(super) fn push(&mut self, row: &[f32], target: f64) {
        debug_assert_eq!(row.len(), self.width);
        self.rows.extend_from_slice(row);
        self.targets.push(target);
    }

    /// Takes those of another.
    pub(super) fn append(&mut self, mut other: Self) {
        self.rows.append(&mut other.rows);
        self.targets.append(&mut other.targets);
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.targets.len()
    }

    /// Lets every second one go.
    pub(super) fn halve(&mut self) {
        let kept = self.len() / 2;
        for at in 0..kept {
            let from = 2 * at * self.width;
            self.rows.copy_within(from..from + self.width, at * self.width);
            self.targets[at] = self.targets[2 * at];
        }
        self.rows.truncate(kept * self.width);
        self.targets.truncate(kept);
    }

    fn row(&self, at: usize) -> &[f32] {
        &self.rows[at * self.width..(at + 1) * self.width]
    }
}

/// The features of examples, each as the number of its bin.
#[derive(Debug)]
pub(super) struct Binned<'a> {
    examples: &'a Examples,
    borders: Borders,
    bins: Vec<u8>,
}

impl<'a> Binned<'a> {
    pub(super) fn new(examples: &'a Examples) -> Self {
        let borders = Borders::of(examples);
        let places = examples.rows.iter().enumerate();
        let bins = places.map(|(at, value)| borders.bin(at % examples.width, *value)).collect();
        Self { examples, borders, bins }
    }

    fn row(&self, at: usize) -> &[u8] {
        let width = self.examples.width;
        &self.bins[at * width..(at + 1) * width]
    }
}

/// What tells a quantile of the target of a row.
#[derive(Debug, Clone)]
pub(super) struct Boosted {
    first: f64,
    trees: Vec<RegressionTree>,
}

impl Boosted {
    /// Learns the `level` quantile of the targets, between 0 and 1, by so many trees.
    pub(super) fn learn(binned: &Binned<'_>, level: f64, trees: usize) -> Self {
        let examples = binned.examples;
        let first = quantile(&mut examples.targets.clone(), level);
        let mut guesses = vec![first; examples.len()];
        let mut random = Random::new(SEED);
        let mut grown = Vec::with_capacity(trees);
        for _ in 0..trees {
            let residuals: Vec<f64> = examples
                .targets
                .iter()
                .zip(&guesses)
                .map(|(target, guess)| target - guess)
                .collect();
            let taken = some_of(examples.len(), EXAMPLE_SHARE, &mut random);
            let features = some_of(examples.width, FEATURE_SHARE, &mut random);
            let ground = Ground { binned, residuals: &residuals, features: &features, level };
            let tree = ground.grow(taken, RATE);
            for (at, guess) in guesses.iter_mut().enumerate() {
                *guess += tree.value(examples.row(at));
            }
            grown.push(tree);
        }
        Self { first, trees: grown }
    }

    /// The quantile of the target of a row.
    pub(super) fn value(&self, row: &[f32]) -> f64 {
        self.first + self.trees.iter().map(|tree| tree.value(row)).sum::<f64>()
    }
}

/// A share of the numbers below `count`, in ascending order, drawn without replacement by taking or
/// leaving each; never none.
fn some_of(count: usize, share: f64, random: &mut Random) -> Vec<u32> {
    let taken: Vec<u32> = (0..count as u32).filter(|_| random.uniform() < share).collect();
    if taken.is_empty() { (0..count as u32).collect() } else { taken }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The target is uniform in [0, 4], and 10 higher where the second feature is over 1/2 or not
    /// known, which is so of every eleventh. The others say nothing.
    fn examples(count: usize) -> Examples {
        let mut random = Random::new(3);
        let mut examples = Examples::new(3);
        for at in 0..count {
            let feature = random.uniform() as f32;
            let known = at % 11 != 0;
            let is_higher = !known || feature > 0.5;
            let row = [random.uniform() as f32, if known { feature } else { f32::NAN }, 1.0];
            examples.push(&row, 4.0 * random.uniform() + if is_higher { 10.0 } else { 0.0 });
        }
        examples
    }

    #[test]
    fn a_quantile_is_learnt_where_it_depends_on_a_feature() {
        let examples = examples(6_000);
        let binned = Binned::new(&examples);
        for level in [0.1, 0.5, 0.9] {
            let model = Boosted::learn(&binned, level, 60);
            for (feature, base) in [(0.2, 0.0), (0.45, 0.0), (0.55, 10.0), (f32::NAN, 10.0)] {
                let found = model.value(&[0.5, feature, 1.0]);
                let expected = base + 4.0 * level;
                assert!((found - expected).abs() < 0.8, "{level} {feature}: {found} {expected}");
            }
        }
    }

    #[test]
    fn what_says_nothing_is_not_asked_for() {
        let mut same = Examples::new(2);
        for at in 0..2_000 {
            same.push(&[1.0, f32::NAN], f64::from(at % 5));
        }
        let model = Boosted::learn(&Binned::new(&same), 0.5, 3);
        assert_eq!(model.value(&[7.0, 7.0]), 2.0);
        // As few as no question parts.
        let mut few = Examples::new(1);
        for at in 0..100_u8 {
            few.push(&[f32::from(at)], f64::from(at));
        }
        let model = Boosted::learn(&Binned::new(&few), 0.5, 3);
        assert_eq!(model.value(&[0.0]), model.value(&[99.0]));
    }

    #[test]
    fn every_second_example_is_let_go() {
        let mut few = Examples::new(2);
        for at in 0..5_u8 {
            few.push(&[f32::from(at), f32::from(10 + at)], f64::from(at));
        }
        few.halve();
        assert_eq!(
            (few.len(), few.row(0), few.row(1)),
            (2, [0.0, 10.0].as_slice(), [2.0, 12.0].as_slice())
        );
        assert_eq!(few.targets, [0.0, 2.0]);
    }
}
