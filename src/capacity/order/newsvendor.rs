//! How much to have: the cost of a unit too few against that of a unit too many.

use super::demand::Demand;
use crate::error::{Error, Result};

/// What a unit too few and a unit too many cost, over the same time and in the same money.
///
/// The amount that costs least on average is the quantile of the demand at the critical ratio
/// `Cu / (Cu + Co)` (Arrow, Harris and Marschak 1951; the "newsvendor").
///
/// ```
/// use plimsoll::capacity::order::{Demand, ShortageCosts};
/// // capacity.md, feature 24.
/// let costs = ShortageCosts::new(9.0, 1.0)?;
/// assert_eq!(costs.critical_ratio(), 0.9);
/// let amount = costs.best_amount(&Demand::normal(100.0, 20.0)?)?;
/// assert!((amount - 125.631).abs() < 5e-4);
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ShortageCosts {
    under: f64,
    over: f64,
}

impl ShortageCosts {
    /// `under` is what a unit too few costs, `over` what a unit too many does.
    ///
    /// # Errors
    ///
    /// Unless both are finite and above 0.
    pub fn new(under: f64, over: f64) -> Result<Self> {
        let valid = |cost: f64| cost.is_finite() && cost > 0.0;
        if !(valid(under) && valid(over)) {
            return Err(Error::invalid(format!(
                "a unit too few costs {under}, one too many {over}: give two amounts above 0"
            )));
        }
        Ok(Self { under, over })
    }

    /// The probability with which there should be enough: `Cu / (Cu + Co)`.
    pub fn critical_ratio(&self) -> f64 {
        self.under / (self.under + self.over)
    }

    /// The amount, of 0 or more, whose expected cost is the least: where the demand's quantile is
    /// below 0, cost only rises from 0 on.
    ///
    /// # Errors
    ///
    /// Where the demand is not known at the critical ratio.
    pub fn best_amount(&self, demand: &Demand) -> Result<f64> {
        let quantile = demand.quantile(self.critical_ratio())?;
        Ok(if quantile > 0.0 { quantile } else { 0.0 })
    }

    /// What `amount` is expected to cost: too few units and too many, each at its price.
    pub fn expected_cost(&self, demand: &Demand, amount: f64) -> f64 {
        let short = demand.expected_shortage(amount);
        let left_over = (amount - demand.mean() + short).max(0.0);
        self.under * short + self.over * left_over
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn published_amounts() {
        // capacity.md, feature 24: N(100, 20), printed to three decimals.
        let demand = Demand::normal(100.0, 20.0).unwrap();
        for (under, over, ratio, amount) in
            [(9.0, 1.0, 0.9, 125.631), (99.0, 1.0, 0.99, 146.527), (3.0, 1.0, 0.75, 113.490)]
        {
            let costs = ShortageCosts::new(under, over).unwrap();
            assert_eq!(costs.critical_ratio(), ratio);
            let found = costs.best_amount(&demand).unwrap();
            assert!((found - amount).abs() < 5e-4, "{under}:{over}: {found}");
        }
    }

    #[test]
    fn the_best_amount_costs_least_and_as_the_closed_form_says() {
        let demand = Demand::normal(100.0, 20.0).unwrap();
        let costs = ShortageCosts::new(9.0, 1.0).unwrap();
        let best = costs.best_amount(&demand).unwrap();
        let cost = costs.expected_cost(&demand, best);
        // (Cu + Co) sigma phi(z) at the optimum (Porteus 2002); phi(1.28155157) = 0.17549833.
        assert!((cost - 10.0 * 20.0 * 0.175_498_33).abs() < 1e-5, "{cost}");
        for other in [best - 1.0, best + 1.0, 100.0, 200.0] {
            assert!(costs.expected_cost(&demand, other) > cost, "{other}");
        }
    }

    #[test]
    fn nobody_orders_less_than_nothing() {
        // P10 of N(10, 20) is -15.6.
        let demand = Demand::normal(10.0, 20.0).unwrap();
        let costs = ShortageCosts::new(1.0, 9.0).unwrap();
        assert_eq!(costs.best_amount(&demand).unwrap(), 0.0);
        let cost = |amount| costs.expected_cost(&demand, amount);
        assert!(cost(0.0) < cost(1.0) && cost(1.0) < cost(2.0));
    }

    #[test]
    fn costs_that_are_none_are_refused() {
        for (under, over) in [(0.0, 1.0), (1.0, 0.0), (-1.0, 1.0), (f64::INFINITY, 1.0)] {
            assert!(ShortageCosts::new(under, over).is_err(), "{under} {over}");
        }
    }

    proptest! {
        /// Of an empirical demand the cheapest amount is found by trying all.
        #[test]
        fn no_sample_costs_less_than_the_quantile(
            samples in prop::collection::vec(0_u32..100, 1..30),
            under in 1_u32..20,
            over in 1_u32..20,
        ) {
            let samples: Vec<f64> = samples.into_iter().map(f64::from).collect();
            let (under, over) = (f64::from(under), f64::from(over));
            let costs = ShortageCosts::new(under, over).unwrap();
            let demand = Demand::samples(samples.clone()).unwrap();
            let naive = |amount: f64| -> f64 {
                let one = |demand: &f64| {
                    under * (demand - amount).max(0.0) + over * (amount - demand).max(0.0)
                };
                samples.iter().map(one).sum::<f64>() / samples.len() as f64
            };
            let best = costs.best_amount(&demand).unwrap();
            prop_assert!((costs.expected_cost(&demand, best) - naive(best)).abs() < 1e-9);
            for other in &samples {
                prop_assert!(naive(best) <= naive(*other) + 1e-9, "{} {}", best, other);
            }
        }
    }
}
