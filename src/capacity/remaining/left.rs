//! What is left of the most constrained resource.

use super::state::State;
use crate::error::{Error, Result};

/// What a resource has, and what is asked of it. All in one unit.
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceLoad {
    /// Its name.
    pub name: String,
    /// What there is; above 0.
    pub capacity: f64,
    /// What is kept back: for failover, for growth in a hurry.
    pub reserve: f64,
    /// What is asked for.
    pub demand: f64,
}

/// What is left of one resource.
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceRemaining {
    /// Its name.
    pub name: String,
    /// What is left, in the resource's unit; negative where more is asked for than there is.
    pub remaining: f64,
    /// The same in percent of its capacity.
    pub remaining_percent: f64,
    /// Its colour.
    pub state: State,
}

/// What is left of several resources: as much as of the most constrained one.
///
/// `100 - (reserve + demand)` percent, the least of the resources (Aria Operations).
///
/// ```
/// use plimsoll::capacity::remaining::{CapacityRemaining, ResourceLoad};
/// let load = |name: &str, demand| {
///     ResourceLoad { name: name.to_owned(), capacity: 100.0, reserve: 10.0, demand }
/// };
/// // capacity.md, 2.8: by the average 42%, by the peak 30%.
/// let left = CapacityRemaining::of(&[load("average", 48.0), load("peak", 60.0)])?;
/// assert_eq!(left.resources()[0].remaining_percent, 42.0);
/// assert_eq!(left.most_constrained().name, "peak");
/// assert_eq!(left.most_constrained().remaining_percent, 30.0);
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct CapacityRemaining {
    resources: Vec<ResourceRemaining>,
    most_constrained: usize,
}

impl CapacityRemaining {
    /// Of equally constrained resources the first is named.
    ///
    /// # Errors
    ///
    /// Without resources; where a capacity is not above 0, or a reserve or demand negative or no
    /// number.
    pub fn of(loads: &[ResourceLoad]) -> Result<Self> {
        let resources = loads.iter().map(ResourceLoad::remaining).collect::<Result<Vec<_>>>()?;
        let percent = |at: &usize| resources[*at].remaining_percent;
        let least = (0..resources.len()).min_by(|a, b| percent(a).total_cmp(&percent(b)));
        let Some(most_constrained) = least else {
            return Err(Error::invalid("capacity remaining is asked of no resource: give one"));
        };
        Ok(Self { resources, most_constrained })
    }

    /// The resources, in their order.
    pub fn resources(&self) -> &[ResourceRemaining] {
        &self.resources
    }

    /// The one of which the least is left.
    pub fn most_constrained(&self) -> &ResourceRemaining {
        &self.resources[self.most_constrained]
    }
}

impl ResourceLoad {
    fn remaining(&self) -> Result<ResourceRemaining> {
        let Self { name, capacity, reserve, demand } = self;
        let amounts = [reserve, demand].iter().all(|amount| amount.is_finite() && **amount >= 0.0);
        if !(amounts && capacity.is_finite() && *capacity > 0.0) {
            return Err(Error::invalid(format!(
                "{name}: capacity {capacity}, reserve {reserve}, demand {demand}: give a capacity \
                 above 0, and a reserve and a demand of 0 or more"
            )));
        }
        let remaining = capacity - (reserve + demand);
        let remaining_percent = 100.0 * remaining / capacity;
        let state = State::of_percent(remaining_percent);
        Ok(ResourceRemaining { name: name.clone(), remaining, remaining_percent, state })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(name: &str, capacity: f64, reserve: f64, demand: f64) -> ResourceLoad {
        ResourceLoad { name: name.to_owned(), capacity, reserve, demand }
    }

    #[test]
    fn the_most_constrained_resource_is_named_whatever_the_units() {
        let loads = [
            load("cpu", 64.0, 6.4, 20.0),
            load("memory", 256.0, 25.6, 220.0),
            load("disk", 4e4, 0.0, 1e4),
        ];
        let left = CapacityRemaining::of(&loads).unwrap();
        let memory = left.most_constrained();
        assert_eq!((memory.name.as_str(), memory.state), ("memory", State::Orange));
        assert!((memory.remaining - 10.4).abs() < 1e-9);
        assert!((memory.remaining_percent - 4.0625).abs() < 1e-9);
    }

    #[test]
    fn more_asked_than_there_is_stays_a_negative_number() {
        let left = CapacityRemaining::of(&[load("cpu", 10.0, 1.0, 12.0)]).unwrap();
        assert_eq!(left.most_constrained().remaining, -3.0);
        assert_eq!(left.most_constrained().state, State::Red);
    }

    #[test]
    fn what_is_no_amount_is_refused_by_name() {
        assert!(CapacityRemaining::of(&[]).is_err());
        for bad in [(0.0, 0.0, 1.0), (1.0, -1.0, 0.0), (1.0, 0.0, f64::NAN), (-1.0, 0.0, 0.0)] {
            let why = CapacityRemaining::of(&[load("disk", bad.0, bad.1, bad.2)]).unwrap_err();
            assert!(why.to_string().starts_with("disk: capacity"), "{why}");
        }
    }
}
