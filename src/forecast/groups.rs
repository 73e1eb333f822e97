//! Groups and totals: pasts that are sums of their members', and outlooks that add up.

use ndarray::Array2;

use super::{Outlook, Tree, Weights, bottom_up, reconcile};
use crate::error::{Error, Result};

/// The past of a group: step by step the sum of its members'.
///
/// A member counts from its first value on. A gap in its life is bridged by the value before: a host
/// that was not heard of for an hour did not give its memory back. After its last value it counts
/// on, by that value, if it is alive, and no longer if it is gone.
///
/// ```
/// use plimsoll::forecast::MemberSum;
/// let mut sum = MemberSum::default();
/// sum.add(&[1.0, f64::NAN, 3.0, f64::NAN], true);
/// sum.add(&[f64::NAN, 10.0, 20.0, f64::NAN], false);
/// assert_eq!(sum.finish()[1..], [11.0, 23.0, 3.0]);
/// ```
#[derive(Debug, Clone, Default)]
pub struct MemberSum {
    sums: Vec<f64>,
}

impl MemberSum {
    /// Adds a member's past, NaN where there is no value. All have the same steps.
    pub fn add(&mut self, row: &[f64], is_alive: bool) {
        if self.sums.len() < row.len() {
            self.sums.resize(row.len(), f64::NAN);
        }
        let end = if is_alive { Some(row.len()) } else { last_known(row).map(|last| last + 1) };
        let mut before = f64::NAN;
        for (sum, value) in self.sums.iter_mut().zip(&row[..end.unwrap_or(0)]) {
            if value.is_finite() {
                before = *value;
            }
            if before.is_finite() {
                *sum = if sum.is_finite() { *sum + before } else { before };
            }
        }
    }

    /// The sums; NaN before the first member's first value, and where all were gone.
    pub fn finish(self) -> Vec<f64> {
        self.sums
    }
}

fn last_known(row: &[f64]) -> Option<usize> {
    row.iter().rposition(|value| value.is_finite())
}

/// Whether a series still lives at the end of its row, of which the next `horizon` steps are
/// forecast: its last value is no more than a horizon old.
pub fn is_alive(row: &[f64], horizon: usize) -> bool {
    last_known(row).is_some_and(|last| row.len() - 1 - last <= horizon)
}

/// Changes the outlooks of a tree's nodes, one per node and each made on its own, so that every
/// group's is the sum of its members': the closest that add up, weighed by how large the nodes' own
/// errors were one step ahead (see [`reconcile`]). Where that would take a series below its floor
/// or above its ceiling it is held there, and the sums follow. Errors, and so the widths of
/// intervals, stay those of the node's own back-test.
///
/// # Errors
///
/// [`Error::Invalid`] where there is not one outlook per node, or their horizons differ.
pub fn add_up(tree: &Tree, outlooks: &mut [Outlook]) -> Result<()> {
    let horizon = outlooks.first().map_or(0, |one| one.options.horizon);
    if outlooks.len() != tree.len() || outlooks.iter().any(|one| one.options.horizon != horizon) {
        let what = format!("{} nodes take as many outlooks of one horizon", tree.len());
        return Err(Error::invalid(what));
    }
    let own = Array2::from_shape_fn((tree.len(), horizon), |(node, step)| {
        let outlook = &outlooks[node];
        outlook.point[outlook.unknown + step]
    });
    let variances: Vec<f64> =
        outlooks.iter().map(|one| one.sizes.first().map_or(0.0, |size| size * size)).collect();
    let mut found = reconcile(tree, &own.view(), Weights::Variance(&variances))?;
    for leaf in tree.leaves() {
        for value in found.row_mut(leaf) {
            *value = outlooks[leaf].held(*value);
        }
    }
    let found = bottom_up(tree, &found.view())?;
    for (node, outlook) in outlooks.iter_mut().enumerate() {
        let points = found.row(node);
        // A sum that was never below its floor, but whose members may go there, has none.
        outlook.floor = outlook.floor.filter(|floor| points.iter().all(|point| point >= floor));
        outlook.ceiling = outlook.ceiling.filter(|most| points.iter().all(|point| point <= most));
        let from = outlook.unknown;
        for (point, value) in outlook.point[from..].iter_mut().zip(points) {
            *point = *value;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::tests::noise;
    use crate::forecast::{Doubt, ErrorPool, ForecastOptions, Forecaster};
    use crate::model::Span;

    const HORIZON: usize = 12;

    /// A total of two members, one of which falls towards nothing, forecast on their own.
    fn outlooks() -> (Tree, Vec<Outlook>, Doubt) {
        let day = |t: usize| if t % 24 < 8 { 0.0 } else { 20.0 };
        let member = |seed: u64, level: fn(usize) -> f64| -> Vec<f64> {
            let noise = noise(seed, 24 * 20);
            noise.iter().enumerate().map(|(t, z)| (level(t) + day(t) + z).max(0.0)).collect()
        };
        let falling = member(1, |t| 40.0 - t as f64 / 12.0);
        let mut steady = member(2, |_| 50.0);
        let end = steady.len();
        steady[end - 3..].fill(f64::NAN);
        let mut sum = MemberSum::default();
        sum.add(&falling, true);
        sum.add(&steady, true);
        let total = sum.finish();
        let options = ForecastOptions { horizon: HORIZON, ..ForecastOptions::default() };
        let forecaster = Forecaster::new(Span::HOUR, options).unwrap();
        let mut pool = ErrorPool::default();
        let rows = [total.as_slice(), &falling, &steady];
        let outlooks =
            forecaster.rehearse(&rows).into_iter().map(|one| pool.add(one.unwrap())).collect();
        (Tree::new(&[None, Some(0), Some(0)]).unwrap(), outlooks, pool.finish())
    }

    #[test]
    fn forecasts_of_members_add_up_to_their_group() {
        let (tree, mut outlooks, doubt) = outlooks();
        let before: Vec<f64> = outlooks[0].forecast(&doubt).point;
        add_up(&tree, &mut outlooks).unwrap();
        let forecasts: Vec<_> = outlooks.iter().map(|one| one.forecast(&doubt)).collect();
        let [total, first, second] = &forecasts[..] else { panic!("three nodes") };
        assert_eq!(total.point.len(), HORIZON);
        for (step, (sum, alone)) in total.point.iter().zip(&before).enumerate() {
            assert_eq!(*sum, first.point[step] + second.point[step]);
            assert!(first.point[step] >= 0.0);
            assert!((total.lower[step]..=total.upper[step]).contains(sum));
            assert!((sum - alone).abs() < 10.0);
        }
        assert_ne!(total.point, before);
    }

    #[test]
    fn a_node_without_an_outlook_is_an_error() {
        let (_, mut outlooks, _) = outlooks();
        let tree = Tree::new(&[None, Some(0)]).unwrap();
        assert!(add_up(&tree, &mut outlooks).is_err());
    }

    #[test]
    fn members_come_go_and_are_bridged() {
        let nan = f64::NAN;
        let mut sum = MemberSum::default();
        sum.add(&[nan, nan, 1.0, nan, 2.0, nan], true);
        sum.add(&[nan, 4.0, nan, nan, nan, nan], false);
        sum.add(&[nan; 6], true);
        let found = sum.finish();
        assert!(found[0].is_nan());
        assert_eq!(found[1..], [4.0, 1.0, 1.0, 2.0, 2.0]);
        assert!(is_alive(&[1.0, nan, nan], 2) && !is_alive(&[1.0, nan, nan], 1));
        assert!(!is_alive(&[nan], 9) && !is_alive(&[], 9));
    }
}
