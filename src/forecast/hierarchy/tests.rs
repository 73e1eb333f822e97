//! Against the formula with dense matrices, and what follows from it.

use ndarray::array;
use proptest::prelude::*;

use super::*;
use crate::kernel::Random;

/// `S (S' W^-1 S)^-1 S' W^-1 y` as it is written, by elimination.
fn dense(tree: &Tree, forecasts: &Array2<f64>, variances: &[f64]) -> Array2<f64> {
    let leaves: Vec<usize> = tree.leaves().collect();
    let mut sums = Array2::<f64>::zeros((tree.len(), leaves.len()));
    for (column, leaf) in leaves.iter().enumerate() {
        let mut node = Some(*leaf);
        while let Some(at) = node {
            sums[[at, column]] = 1.0;
            node = tree.parent(at);
        }
    }
    let weighted =
        Array2::from_shape_fn(sums.dim(), |(node, column)| sums[[node, column]] / variances[node]);
    let left = weighted.t().dot(&sums);
    let right = weighted.t().dot(forecasts);
    sums.dot(&solved(left, right))
}

/// The solution of `left x = right`, by Gauss and Jordan.
fn solved(mut left: Array2<f64>, mut right: Array2<f64>) -> Array2<f64> {
    let count = left.nrows();
    for at in 0..count {
        let best = (at..count).max_by(|a, b| left[[*a, at]].abs().total_cmp(&left[[*b, at]].abs()));
        let best = best.unwrap();
        for matrix in [&mut left, &mut right] {
            for column in 0..matrix.ncols() {
                matrix.swap([at, column], [best, column]);
            }
        }
        for other in (0..count).filter(|other| *other != at) {
            let factor = left[[other, at]] / left[[at, at]];
            for matrix in [&mut left, &mut right] {
                for column in 0..matrix.ncols() {
                    let above = matrix[[at, column]];
                    matrix[[other, column]] -= factor * above;
                }
            }
        }
    }
    Array2::from_shape_fn(right.dim(), |(row, column)| right[[row, column]] / left[[row, row]])
}

/// A tree of `count` nodes in random order, deep or flat, with one root or a few.
fn random_tree(count: usize, random: &mut Random) -> Tree {
    let reach = 1 + random.below(count);
    let mut names: Vec<usize> = (0..count).collect();
    for at in (1..count).rev() {
        names.swap(at, random.below(at + 1));
    }
    let mut parents = vec![None; count];
    for at in 1..count {
        if random.uniform() < 0.95 {
            let parent = at - 1 - random.below(reach.min(at));
            parents[names[at]] = Some(names[parent]);
        }
    }
    Tree::new(&parents).unwrap()
}

fn random_rows(tree: &Tree, steps: usize, random: &mut Random) -> Array2<f64> {
    Array2::from_shape_simple_fn((tree.len(), steps), || 100.0 * random.normal())
}

fn assert_close(found: &Array2<f64>, expected: &Array2<f64>) {
    let size = expected.iter().fold(1.0, |size: f64, value| size.max(value.abs()));
    for ((place, found), expected) in found.indexed_iter().zip(expected) {
        assert!((found - expected).abs() < 1e-9 * size, "{place:?}: {found}, not {expected}");
    }
}

/// Every node with children is their sum in their order, to the last bit.
fn assert_adds_up(tree: &Tree, rows: &Array2<f64>) {
    for node in 0..tree.len() {
        let children = tree.children(node);
        for step in 0..if children.is_empty() { 0 } else { rows.ncols() } {
            let sum = children.iter().fold(0.0, |sum, child| sum + rows[[*child, step]]);
            assert_eq!(rows[[node, step]], sum, "{node} {step}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn one_pass_up_and_one_down_are_the_matrix_formula(seed in any::<u64>(), count in 1_usize..30) {
        let mut random = Random::new(seed);
        let tree = random_tree(count, &mut random);
        let forecasts = random_rows(&tree, 3, &mut random);
        let variances: Vec<f64> =
            (0..count).map(|_| 10.0_f64.powf(4.0 * random.uniform() - 2.0)).collect();
        let found = reconcile(&tree, &forecasts.view(), Weights::Variance(&variances)).unwrap();
        assert_close(&found, &dense(&tree, &forecasts, &variances));
        assert_adds_up(&tree, &found);
        // Structural variances are leaf counts.
        let counts = |node: usize| {
            let is_below = |leaf: &usize| {
                std::iter::successors(Some(*leaf), |at| tree.parent(*at)).any(|at| at == node)
            };
            tree.leaves().filter(is_below).count() as f64
        };
        let counts: Vec<f64> = (0..count).map(counts).collect();
        let structural = reconcile(&tree, &forecasts.view(), Weights::Structural).unwrap();
        assert_close(&structural, &dense(&tree, &forecasts, &counts));
        // What adds up stays as it is.
        let again = reconcile(&tree, &found.view(), Weights::Structural).unwrap();
        assert_close(&again, &found);
        // The map is linear: its columns are what it makes of single forecasts, and their squares
        // times the variances are the reconciled variance.
        let unit = Array2::from_diag_elem(count, 1.0);
        let map = reconcile(&tree, &unit.view(), Weights::Variance(&variances)).unwrap();
        assert_close(&map.dot(&forecasts), &found);
        let after = reconciled_variances(&tree, Weights::Variance(&variances)).unwrap();
        for node in 0..count {
            let row = map.row(node);
            let expected: f64 = row.iter().zip(&variances).map(|(m, v)| m * m * v).sum();
            prop_assert!((after[node] - expected).abs() <= 1e-9 * expected.max(1e-6));
            prop_assert!(after[node] <= variances[node] * (1.0 + 1e-9));
        }
    }
}

#[test]
fn variances_of_nothing_break_nothing() {
    // A fleet of two groups of two; all forecasts 10 but the fleet's.
    let tree = Tree::new(&[None, Some(0), Some(0), Some(1), Some(1), Some(2), Some(2)]).unwrap();
    let forecasts = array![[100.0], [10.0], [10.0], [10.0], [10.0], [10.0], [10.0]];
    let of = |variances: &[f64]| {
        let found = reconcile(&tree, &forecasts.view(), Weights::Variance(variances)).unwrap();
        assert_adds_up(&tree, &found);
        found.column(0).to_vec()
    };
    assert_eq!(of(&[0.0; 7]), [40.0, 20.0, 20.0, 10.0, 10.0, 10.0, 10.0]);
    // A certain fleet; a certain leaf; a certain group.
    assert_eq!(of(&[0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0])[0], 100.0);
    let leaf = of(&[1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0]);
    assert!(leaf[3] == 10.0 && leaf[4] > 10.0, "{leaf:?}");
    let group = of(&[1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0]);
    assert_eq!((group[1], group[3], group[4]), (10.0, 5.0, 5.0));
    // Close to 0 is close to that.
    let near = of(&[1.0, 1e-12, 1.0, 1.0, 1.0, 1.0, 1.0]);
    assert!(near.iter().zip(&group).all(|(a, b)| (a - b).abs() < 1e-6), "{near:?}");
    // No say: by an infinite variance, or because a forecast is missing.
    let up = bottom_up(&tree, &forecasts.view()).unwrap();
    let inf = f64::INFINITY;
    assert_eq!(of(&[inf, inf, inf, 1.0, 1.0, 1.0, 1.0]), up.column(0).to_vec());
    let mut missing = forecasts.clone();
    for node in 0..3 {
        missing[[node, 0]] = f64::NAN;
    }
    assert_eq!(reconcile(&tree, &missing.view(), Weights::Structural).unwrap(), up);
    let after = reconciled_variances(&tree, Weights::Variance(&[0.0; 7])).unwrap();
    assert_eq!(after, [0.0; 7]);
}

#[test]
fn shares_deal_a_root_out_and_usage_is_not_negative() {
    let tree = Tree::new(&[Some(1), None, Some(1), Some(2), Some(2), None]).unwrap();
    assert_eq!((tree.children(1), tree.children(2)), (&[0, 2][..], &[3, 4][..]));
    let nan = f64::NAN;
    let forecasts = array![[nan], [80.0], [nan], [nan], [nan], [7.0]];
    let found = top_down(&tree, &forecasts.view(), &[1.0, 9.0, 3.0, 0.0, 0.0, 0.0]).unwrap();
    assert_eq!(found, array![[20.0], [80.0], [60.0], [30.0], [30.0], [7.0]]);
    let below = array![[-5.0], [0.0], [0.0], [4.0], [-1.0], [-2.0]];
    let raised = raised_to_zero(&tree, &below.view()).unwrap();
    assert_eq!(raised, array![[0.0], [4.0], [4.0], [4.0], [0.0], [0.0]]);
}

#[test]
fn what_is_no_hierarchy_is_said() {
    let refused = |parents: &[Option<usize>]| Tree::new(parents).unwrap_err().to_string();
    assert!(refused(&[]).contains("no node"));
    assert!(refused(&[None, Some(2)]).contains("node 1 is part of node 2"));
    assert!(refused(&[None, Some(1)]).contains("node 1 is below no root"));
    assert!(refused(&[None, Some(2), Some(3), Some(1)]).contains("circle"));
    let tree = Tree::new(&[None, Some(0), Some(0)]).unwrap();
    let rows = array![[3.0], [1.0], [1.0]];
    let of = |rows: &Array2<f64>, variances: &[f64]| {
        reconcile(&tree, &rows.view(), Weights::Variance(variances)).unwrap_err().to_string()
    };
    assert!(of(&array![[3.0]], &[1.0; 3]).contains("1 rows for 3 nodes"));
    assert!(of(&rows, &[1.0; 2]).contains("2 variances for 3 nodes"));
    assert!(of(&rows, &[1.0, -1.0, 1.0]).contains("variance of node 1 is -1"));
    assert!(of(&rows, &[1.0, 1.0, f64::INFINITY]).contains("variance of node 2"));
    assert!(of(&rows, &[f64::NAN, 1.0, 1.0]).contains("variance of node 0"));
    let gap = array![[3.0, 3.0], [1.0, 1.0], [1.0, f64::NAN]];
    assert!(of(&gap, &[1.0; 3]).contains("node 2 at step 1 is NaN"));
    let shares = |shares: &[f64]| top_down(&tree, &rows.view(), shares).unwrap_err().to_string();
    assert!(shares(&[1.0, 1.0]).contains("2 shares"));
    assert!(shares(&[1.0, 1.0, -0.5]).contains("share of node 2 is -0.5"));
    let gap = array![[f64::NAN], [1.0], [1.0]];
    let root = top_down(&tree, &gap.view(), &[1.0; 3]).unwrap_err().to_string();
    assert!(root.contains("node 0 at step 0"), "{root}");
}

#[test]
fn deep_and_wide_fleets_are_no_trouble() {
    // A chain of 100,000 nodes, and as many children of one.
    let count = 100_000;
    let chain: Vec<Option<usize>> = (0..count).map(|node: usize| node.checked_sub(1)).collect();
    let star: Vec<Option<usize>> = (0..count).map(|node| (node > 0).then_some(0)).collect();
    for parents in [chain, star] {
        let tree = Tree::new(&parents).unwrap();
        let forecasts = random_rows(&tree, 2, &mut Random::new(9));
        let found = reconcile(&tree, &forecasts.view(), Weights::Structural).unwrap();
        assert_adds_up(&tree, &found);
    }
}

#[test]
fn the_example_of_the_docs() {
    // docs/method/hierarchy.md: a fleet, two groups, two hosts in the first and one in the second.
    let tree = Tree::new(&[None, Some(0), Some(0), Some(1), Some(1), Some(2)]).unwrap();
    let forecasts = array![[100.0], [70.0], [26.0], [40.0], [22.0], [25.0]];
    let assert_rounded = |found: Vec<f64>, expected: [f64; 6]| {
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 5e-3, "{found}, not {expected}");
        }
    };
    let of = |weights| reconcile(&tree, &forecasts.view(), weights).unwrap().column(0).to_vec();
    let variances = Weights::Variance(&[4.0, 4.0, 1.0, 9.0, 1.0, 1.0]);
    let up = bottom_up(&tree, &forecasts.view()).unwrap();
    assert_rounded(up.column(0).to_vec(), [87.0, 62.0, 25.0, 40.0, 22.0, 25.0]);
    assert_rounded(of(Weights::Structural), [94.33, 67.89, 26.44, 42.94, 24.94, 26.44]);
    assert_rounded(of(variances), [96.31, 70.35, 25.96, 47.51, 22.83, 25.96]);
    let after = reconciled_variances(&tree, variances).unwrap();
    assert_rounded(after, [1.825, 1.748, 0.466, 2.316, 0.917, 0.466]);
}

#[test]
fn reconciled_errors_are_errors_of_reconciled_forecasts() {
    let mut random = Random::new(7);
    let tree = random_tree(40, &mut random);
    let actual = bottom_up(&tree, &random_rows(&tree, 5, &mut random).view()).unwrap();
    let forecasts = random_rows(&tree, 5, &mut random);
    let of = |rows: &Array2<f64>| reconcile(&tree, &rows.view(), Weights::Structural).unwrap();
    assert_close(&of(&(&actual - &forecasts)), &(&actual - &of(&forecasts)));
}
