//! The gap between what was designed and what is used, in money per month.

use std::collections::BTreeMap;
use std::iter::Sum;
use std::ops::Add;

use crate::error::{Error, Result};

/// One resource of one asset: how much of it there is, is asked for and is used, in one unit, and
/// what it costs a month.
#[derive(Debug, Clone, PartialEq)]
pub struct Asset {
    /// The asset's name: a host, a volume, a workload.
    pub id: String,
    /// The resource.
    pub resource: String,
    /// What was bought; above 0.
    pub provisioned: f64,
    /// What is promised to somebody. May be more than there is.
    pub requested: f64,
    /// What is used.
    pub used: f64,
    /// Capital cost a month: depreciation of what was bought.
    pub capex: f64,
    /// Operating cost a month that is paid used or not: rent, support, the idle host's power.
    pub opex: f64,
    /// Operating cost a month that only use brings: power above idle. No part of the gap.
    pub opex_of_use: f64,
}

/// What something costs a month, and what for. `total` is `used + slack + idle - overcommitted`,
/// and the gap is `slack + idle - overcommitted`, which is `gap_capex + gap_opex`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct GapCosts {
    /// All of it.
    pub total: f64,
    /// What is used, at the unit's price, and what use brings.
    pub used: f64,
    /// Requested and not used.
    pub slack: f64,
    /// Neither requested nor used (`OpenCost`'s idle: the asset less the workload, which costs the
    /// greater of request and use).
    pub idle: f64,
    /// Requested beyond what there is, at the unit's price.
    pub overcommitted: f64,
    /// The capital part of provisioned and not used.
    pub gap_capex: f64,
    /// The operating part of provisioned and not used.
    pub gap_opex: f64,
    /// What is requested, at the unit's price: the denominator of the efficiency.
    requested: f64,
    /// What is used, at the unit's price alone: its numerator.
    used_units: f64,
}

/// The gap of many assets.
///
/// ```
/// use plimsoll::capacity::cost::{Asset, Gap};
/// let asset = |resource: &str, requested, used, opex| Asset {
///     id: "pod".to_owned(),
///     resource: resource.to_owned(),
///     provisioned: requested,
///     requested,
///     used,
///     capex: 0.0,
///     opex,
///     opex_of_use: 0.0,
/// };
/// // Kubecost's example: 2 processors at 10 and 1 GB at 1 are requested, half of one each is used.
/// let gap = Gap::of(&[asset("cpu", 2.0, 0.5, 20.0), asset("memory", 1.0, 0.5, 1.0)])?;
/// assert_eq!(gap.total.efficiency(), Some(5.5 / 21.0));
/// assert_eq!(gap.total.gap(), 15.5);
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Gap {
    /// One for each asset, in the order given.
    pub rows: Vec<GapCosts>,
    /// All together.
    pub total: GapCosts,
}

impl Gap {
    /// # Errors
    ///
    /// Where an amount or a cost is none, more is used than there is, or a resource of an asset
    /// is listed twice.
    pub fn of(assets: &[Asset]) -> Result<Self> {
        if let Some((first, again)) = repeated(assets) {
            let Asset { id, resource, .. } = &assets[first];
            return Err(Error::invalid(format!(
                "asset {id} has its {resource} twice, as numbers {} and {}: count each asset once",
                first + 1,
                again + 1
            )));
        }
        let rows = assets.iter().map(Asset::costs).collect::<Result<Vec<_>>>()?;
        let total = rows.iter().copied().sum();
        Ok(Self { rows, total })
    }
}

/// The first asset whose resource was listed before: the places of both.
pub fn repeated(assets: &[Asset]) -> Option<(usize, usize)> {
    let mut seen = BTreeMap::new();
    assets.iter().enumerate().find_map(|(at, asset)| {
        let first = seen.insert((asset.id.as_str(), asset.resource.as_str()), at);
        first.map(|first| (first, at))
    })
}

impl Asset {
    /// # Errors
    ///
    /// Where an amount or a cost is none, or more is used than there is.
    pub fn costs(&self) -> Result<GapCosts> {
        let Self { id, resource, provisioned, requested, used, capex, opex, opex_of_use } = self;
        let others = [requested, used, capex, opex, opex_of_use];
        let amounts = others.iter().all(|amount| amount.is_finite() && **amount >= 0.0);
        if !(amounts && provisioned.is_finite() && *provisioned > 0.0) {
            return Err(Error::invalid(format!(
                "{id}, {resource}: give more than 0 provisioned, and amounts and costs of 0 or more"
            )));
        }
        if used > provisioned {
            return Err(Error::invalid(format!(
                "{id}, {resource}: {used} are used of {provisioned} provisioned; check the units"
            )));
        }
        let unit = (capex + opex) / provisioned;
        let allocated = requested.max(*used);
        let unused = (provisioned - used) / provisioned;
        Ok(GapCosts {
            total: capex + opex + opex_of_use,
            used: unit * used + opex_of_use,
            slack: unit * (allocated - used),
            idle: unit * (provisioned - allocated).max(0.0),
            overcommitted: unit * (allocated - provisioned).max(0.0),
            gap_capex: capex * unused,
            gap_opex: opex * unused,
            requested: unit * requested,
            used_units: unit * used,
        })
    }
}

impl GapCosts {
    /// What is paid for and not used.
    pub fn gap(&self) -> f64 {
        self.gap_capex + self.gap_opex
    }

    /// Cost of use by cost of requests, as Kubecost has it; `None` where nothing costly is
    /// requested. Above 1 where more is used than requested.
    pub fn efficiency(&self) -> Option<f64> {
        (self.requested > 0.0).then(|| self.used_units / self.requested)
    }
}

impl Add for GapCosts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            total: self.total + other.total,
            used: self.used + other.used,
            slack: self.slack + other.slack,
            idle: self.idle + other.idle,
            overcommitted: self.overcommitted + other.overcommitted,
            gap_capex: self.gap_capex + other.gap_capex,
            gap_opex: self.gap_opex + other.gap_opex,
            requested: self.requested + other.requested,
            used_units: self.used_units + other.used_units,
        }
    }
}

impl Sum for GapCosts {
    fn sum<I: Iterator<Item = Self>>(costs: I) -> Self {
        costs.fold(Self::default(), Self::add)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn asset(id: &str, provisioned: f64, requested: f64, used: f64) -> Asset {
        Asset {
            id: id.to_owned(),
            resource: "cpu".to_owned(),
            provisioned,
            requested,
            used,
            capex: 60.0,
            opex: 40.0,
            opex_of_use: 5.0,
        }
    }

    #[test]
    fn the_published_efficiency() {
        // capacity.md, 2.10: 5.5 / 21 = 0.261905, "26.19%".
        let one = |resource: &str, requested, used, opex| Asset {
            resource: resource.to_owned(),
            capex: 0.0,
            opex,
            opex_of_use: 0.0,
            ..asset("pod", requested, requested, used)
        };
        let gap = Gap::of(&[one("cpu", 2.0, 0.5, 20.0), one("memory", 1.0, 0.5, 1.0)]).unwrap();
        let efficiency = gap.total.efficiency().unwrap();
        assert!((efficiency - 0.261_905).abs() < 5e-7, "{efficiency}");
        assert_eq!((gap.total.used, gap.total.slack, gap.total.idle), (5.5, 15.5, 0.0));
    }

    #[test]
    fn idle_is_what_nobody_asked_for_and_slack_what_nobody_uses() {
        let costs = asset("a", 10.0, 6.0, 2.0).costs().unwrap();
        assert_eq!((costs.total, costs.used, costs.slack, costs.idle), (105.0, 25.0, 40.0, 40.0));
        assert_eq!((costs.gap_capex, costs.gap_opex, costs.gap()), (48.0, 32.0, 80.0));
        // A workload costs the greater of request and use.
        let burst = asset("a", 10.0, 1.0, 4.0).costs().unwrap();
        assert_eq!((burst.slack, burst.idle, burst.efficiency()), (0.0, 60.0, Some(4.0)));
        let over = asset("a", 10.0, 15.0, 5.0).costs().unwrap();
        assert_eq!((over.slack, over.idle, over.overcommitted), (100.0, 0.0, 50.0));
        assert_eq!(asset("a", 10.0, 0.0, 0.0).costs().unwrap().efficiency(), None);
    }

    #[test]
    fn each_asset_is_counted_once() {
        let assets =
            [asset("a", 1.0, 1.0, 1.0), asset("b", 1.0, 1.0, 1.0), asset("a", 2.0, 1., 1.)];
        assert_eq!(repeated(&assets), Some((0, 2)));
        let why = Gap::of(&assets).unwrap_err().to_string();
        assert!(why.starts_with("asset a has its cpu twice, as numbers 1 and 3"), "{why}");
        let mut other = asset("a", 2.0, 1.0, 1.0);
        other.resource = "memory".to_owned();
        assert!(Gap::of(&[asset("a", 1.0, 1.0, 1.0), other]).is_ok());
    }

    #[test]
    fn what_is_no_asset_is_refused() {
        for (provisioned, requested, used) in
            [(0.0, 0.0, 0.0), (1.0, -1.0, 0.0), (1.0, 0.0, 2.0), (1.0, f64::NAN, 0.0)]
        {
            assert!(asset("a", provisioned, requested, used).costs().is_err(), "{provisioned}");
        }
        assert_eq!(Gap::of(&[]).unwrap().total, GapCosts::default());
    }

    proptest! {
        /// Whatever is paid for is somewhere, once.
        #[test]
        fn the_parts_make_the_whole(
            provisioned in 0.1_f64..1e3,
            requested in 0.0_f64..2e3,
            share in 0.0_f64..=1.0,
        ) {
            let costs = asset("a", provisioned, requested, share * provisioned).costs().unwrap();
            let gap = costs.slack + costs.idle - costs.overcommitted;
            prop_assert!((costs.used + gap - costs.total).abs() < 1e-9 * (1.0 + costs.slack));
            prop_assert!((gap - costs.gap()).abs() < 1e-9 * (1.0 + costs.slack));
        }
    }
}
