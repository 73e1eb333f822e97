//! Peaks of sums by group and of all groups together, from tiles of rows.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::Coincidence;
use crate::error::{Error, Result};
use crate::model::limits::SHARING_SUMS_MAX;

/// A [`Coincidence`] for each group of rows, and one for all rows.
///
/// Rows come one by one, as tiles of them are read; those of a group need not follow each other.
/// That of all rows is added up row by row too, so it does not depend on the groups.
///
/// ```
/// use plimsoll::capacity::sharing::FleetCoincidence;
/// let mut fleet = FleetCoincidence::new(2, &[1.0])?;
/// fleet.add(Some("day"), &[3.0, 1.0])?;
/// fleet.add(Some("night"), &[0.0, 2.0])?;
/// fleet.add(Some("day"), &[2.0, 1.0])?;
/// assert_eq!(fleet.all().peaks()[0].peak_of_sum, Some(5.0));
/// let (group, load) = fleet.groups().next().unwrap();
/// assert_eq!((group, load.peaks()[0].sum_of_peaks), ("day", 5.0));
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct FleetCoincidence {
    all: Coincidence,
    groups: BTreeMap<String, Coincidence>,
    empty: Coincidence,
}

impl FleetCoincidence {
    /// Of no rows yet, over so many steps, at these quantiles.
    ///
    /// # Errors
    ///
    /// Those of [`Coincidence::new`].
    pub fn new(steps: usize, levels: &[f64]) -> Result<Self> {
        let empty = Coincidence::new(steps, levels)?;
        Ok(Self { all: empty.clone(), groups: BTreeMap::new(), empty })
    }

    /// Takes in the next row, of a group or of none.
    ///
    /// # Errors
    ///
    /// Those of [`Coincidence::add`], with the group's name; and where sums of all groups would
    /// take more memory than [`SHARING_SUMS_MAX`] allows.
    pub fn add(&mut self, group: Option<&str>, row: &[f64]) -> Result<()> {
        if let Some(group) = group {
            let named = |why: Error| Error::invalid(format!("{group}: {why}"));
            self.load_of(group)?.add(row).map_err(named)?;
        }
        self.all.add(row)
    }

    /// What was added up of a group so far.
    fn load_of(&mut self, group: &str) -> Result<&mut Coincidence> {
        let sums = (self.groups.len() + 2).saturating_mul(self.empty.steps());
        match self.groups.entry(group.to_owned()) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(_) if sums > SHARING_SUMS_MAX => Err(Error::Limit {
                what: "the number of groups times steps",
                value: sums as u64,
                limit: SHARING_SUMS_MAX as u64,
                remedy: "take a longer step, a shorter range, or a label with fewer values",
            }),
            Entry::Vacant(entry) => Ok(entry.insert(self.empty.clone())),
        }
    }

    /// All rows together.
    pub fn all(&self) -> &Coincidence {
        &self.all
    }

    /// Each group, in the order of their names.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = (&str, &Coincidence)> {
        self.groups.iter().map(|(name, load)| (name.as_str(), load))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_need_not_follow_each_other_and_leave_the_whole_as_it_is() {
        let rows = [[0.1, 0.7], [0.2, 0.1], [0.3, 0.9], [0.7, f64::NAN]];
        let (mut apart, mut mixed) =
            (FleetCoincidence::new(2, &[1.0]).unwrap(), FleetCoincidence::new(2, &[1.0]).unwrap());
        for (at, row) in rows.iter().enumerate() {
            apart.add(Some(&at.to_string()), row).unwrap();
            mixed.add(Some(["a", "b"][at % 2]), row).unwrap();
        }
        assert_eq!(apart.all().peaks(), mixed.all().peaks());
        assert_eq!((apart.groups().len(), mixed.groups().len()), (4, 2));
        let series: u64 = mixed.groups().map(|(_, load)| load.series()).sum();
        assert_eq!(series, mixed.all().series());
    }

    #[test]
    fn too_many_groups_are_an_error_that_says_what_to_do() {
        let steps = SHARING_SUMS_MAX / 2;
        let mut fleet = FleetCoincidence::new(steps, &[1.0]).unwrap();
        fleet.groups.insert("a".to_owned(), Coincidence::new(1, &[1.0]).unwrap());
        let why = fleet.add(Some("b"), &[]).unwrap_err().to_string();
        assert!(why.contains("the number of groups times steps") && why.contains("longer step"));
    }

    #[test]
    fn a_bad_row_names_its_group_and_is_in_no_sum() {
        let mut fleet = FleetCoincidence::new(1, &[1.0]).unwrap();
        let why = fleet.add(Some("web"), &[f64::INFINITY]).unwrap_err().to_string();
        assert!(why.starts_with("web: the value at step 0 is infinite"), "{why}");
        assert_eq!(fleet.all().series(), 0);
        fleet.add(None, &[2.0]).unwrap();
        assert_eq!((fleet.all().series(), fleet.groups().len()), (1, 1));
    }
}
