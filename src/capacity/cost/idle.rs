//! Idle capacity, and who pays for it.

use crate::error::{Error, Result};

/// A node and its workloads, all in one unit or in money.
#[derive(Debug, Clone, PartialEq)]
pub struct SharedNode {
    /// What it has.
    pub capacity: f64,
    /// What each of its workloads takes: the greater of request and use.
    pub workloads: Vec<f64>,
}

/// Over whom idle capacity is shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdleScope {
    /// Over all workloads.
    Fleet,
    /// Over the workloads of the node that it is on. Of an empty node it stays unshared.
    Node,
}

/// What each node has idle.
///
/// # Errors
///
/// Where an amount is negative or no number, and where workloads take more than the node has.
///
/// ```
/// use plimsoll::capacity::cost::{SharedNode, idle_of};
/// let node = |workloads| SharedNode { capacity: 6.0, workloads: vec![1.0; workloads] };
/// // Kubecost's example: four workloads on one node of six slots, one on the other.
/// assert_eq!(idle_of(&[node(4), node(1)])?, [2.0, 5.0]);
/// # Ok::<(), plimsoll::Error>(())
/// ```
pub fn idle_of(nodes: &[SharedNode]) -> Result<Vec<f64>> {
    let idle = |(at, node): (usize, &SharedNode)| {
        let amounts = || std::iter::once(&node.capacity).chain(&node.workloads);
        if !amounts().all(|amount| amount.is_finite() && *amount >= 0.0) {
            let what = format!("node number {}: amounts are 0 or more", at + 1);
            return Err(Error::invalid(what));
        }
        let taken: f64 = node.workloads.iter().sum();
        // A sum of many workloads may be off by its last digits.
        if taken > node.capacity * (1.0 + 1e-9) {
            return Err(Error::invalid(format!(
                "node number {}: its workloads take {taken} of {}; there is nothing idle to share",
                at + 1,
                node.capacity
            )));
        }
        Ok((node.capacity - taken).max(0.0))
    };
    nodes.iter().enumerate().map(idle).collect()
}

/// What of the idle capacity each workload pays for, in proportion to what it takes; by nodes.
///
/// # Errors
///
/// Those of [`idle_of`].
pub fn share_idle(nodes: &[SharedNode], scope: IdleScope) -> Result<Vec<Vec<f64>>> {
    let idle = idle_of(nodes)?;
    let taken: Vec<f64> = nodes.iter().map(|node| node.workloads.iter().sum()).collect();
    let fleet = (idle.iter().sum::<f64>(), taken.iter().sum::<f64>());
    let share = |(at, node): (usize, &SharedNode)| -> Vec<f64> {
        let (idle, taken) = match scope {
            IdleScope::Fleet => fleet,
            IdleScope::Node => (idle[at], taken[at]),
        };
        let part = |workload: &f64| if taken > 0.0 { idle * workload / taken } else { 0.0 };
        node.workloads.iter().map(part).collect()
    };
    Ok(nodes.iter().enumerate().map(share).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn node(capacity: f64, workloads: &[f64]) -> SharedNode {
        SharedNode { capacity, workloads: workloads.to_vec() }
    }

    #[test]
    fn the_published_split() {
        // capacity.md, 2.10: 7 of 12 slots are idle, by node 2 and 5.
        let nodes = [node(6.0, &[1.0; 4]), node(6.0, &[1.0])];
        let idle = idle_of(&nodes).unwrap();
        assert_eq!((idle.as_slice(), idle.iter().sum::<f64>()), (&[2.0, 5.0][..], 7.0));
        let by_node = share_idle(&nodes, IdleScope::Node).unwrap();
        assert_eq!(by_node, [vec![0.5; 4], vec![5.0]]);
        let by_fleet = share_idle(&nodes, IdleScope::Fleet).unwrap();
        assert!(by_fleet.iter().flatten().all(|share| (share - 1.4).abs() < 1e-12));
    }

    #[test]
    fn nobody_pays_for_an_empty_node_of_its_own() {
        let nodes = [node(4.0, &[]), node(4.0, &[3.0])];
        assert_eq!(share_idle(&nodes, IdleScope::Node).unwrap(), [vec![], vec![1.0]]);
        assert_eq!(share_idle(&nodes, IdleScope::Fleet).unwrap(), [vec![], vec![5.0]]);
        assert_eq!(idle_of(&[]).unwrap(), [0.0; 0]);
    }

    #[test]
    fn what_is_no_node_is_refused() {
        for bad in [node(1.0, &[0.6, 0.6]), node(1.0, &[-0.1]), node(f64::NAN, &[])] {
            assert!(idle_of(&[bad]).is_err());
        }
    }

    proptest! {
        #[test]
        fn shares_add_up_to_what_is_idle(
            takes in prop::collection::vec(prop::collection::vec(0.1_f64..1.0, 1..5), 1..6),
        ) {
            let nodes: Vec<_> = takes.iter().map(|takes| node(6.0, takes)).collect();
            let idle: f64 = idle_of(&nodes).unwrap().iter().sum();
            for scope in [IdleScope::Fleet, IdleScope::Node] {
                let shared: f64 = share_idle(&nodes, scope).unwrap().iter().flatten().sum();
                prop_assert!((shared - idle).abs() < 1e-9);
            }
        }
    }
}
