//! How many hosts: every resource's shortfall, in whole hosts, whole lots and within the budget.

use super::demand::Demand;
use super::newsvendor::ShortageCosts;
use crate::error::{Error, Result};

/// More hosts than this in one order are a slip in the units.
pub const HOSTS_MAX: u64 = 10_000_000;

/// What rounding may have left over in a number of hosts: so little more is no further host.
const ROUNDING: f64 = 1e-9;

/// A resource, what will be asked of it, and how much of it a host brings.
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceOrder {
    /// Its name.
    pub name: String,
    /// What will be asked of it when the order after this one could be there.
    pub demand: Demand,
    /// What may be used of it now: the limit less the margin.
    pub capacity: f64,
    /// What may be used of it on one more host; above 0.
    pub per_host: f64,
}

/// At what costs and in what numbers hosts are bought.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OrderTerms {
    /// What a unit too few and a unit too many cost. Only their ratio counts, so one pair serves
    /// all resources.
    pub costs: ShortageCosts,
    /// What a host costs.
    pub price_per_host: f64,
    /// Hosts come in multiples of this; at least 1.
    pub lot_hosts: u64,
    /// What may be spent; `None`: as much as is needed.
    pub budget: Option<f64>,
}

/// What one resource asks of the order.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderLine {
    /// Its name.
    pub name: String,
    /// What there should be: the demand's quantile at the critical ratio.
    pub target: f64,
    /// What is missing.
    pub shortfall: f64,
    /// Hosts that bring it.
    pub hosts_needed: u64,
    /// The probability that more is asked for than there is, without an order.
    pub shortage_before: f64,
    /// The same with the hosts that are ordered.
    pub shortage_after: f64,
}

/// An order of hosts of one shape.
///
/// ```
/// use plimsoll::capacity::order::{Demand, Order, OrderTerms, ResourceOrder, ShortageCosts};
/// let terms = OrderTerms {
///     costs: ShortageCosts::new(9.0, 1.0)?,
///     price_per_host: 8_000.0,
///     lot_hosts: 4,
///     budget: None,
/// };
/// let resource = |name: &str, mean, per_host| -> plimsoll::Result<ResourceOrder> {
///     let demand = Demand::normal(mean, 20.0)?;
///     Ok(ResourceOrder { name: name.to_owned(), demand, capacity: 80.0, per_host })
/// };
/// // 125.631 processors are wanted, 45.631 are missing: 2 hosts; of memory 6 hosts: 2 lots.
/// let resources = [resource("cpu", 100.0, 32.0)?, resource("memory", 90.0, 6.0)?];
/// let order = Order::of(&resources, &terms)?;
/// assert_eq!(order.lines.iter().map(|line| line.hosts_needed).collect::<Vec<_>>(), [2, 6]);
/// assert_eq!((order.binding(), order.hosts, order.cost), (Some("memory"), 8, 64_000.0));
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// Each resource, in the order given.
    pub lines: Vec<OrderLine>,
    /// The hosts that the binding resource needs.
    pub hosts_needed: u64,
    /// The hosts to order: whole lots, within the budget.
    pub hosts: u64,
    /// What they cost.
    pub cost: f64,
    /// Whether the budget allows fewer than are needed.
    pub is_capped: bool,
    /// Which of the lines needs the most hosts.
    binding: Option<usize>,
}

impl Order {
    /// The hosts that bring every resource to its target.
    ///
    /// # Errors
    ///
    /// Without resources; where an amount, a price or a lot is none; where a demand is not known at
    /// the critical ratio; beyond [`HOSTS_MAX`].
    pub fn of(resources: &[ResourceOrder], terms: &OrderTerms) -> Result<Self> {
        terms.check()?;
        if resources.is_empty() {
            return Err(Error::invalid("an order is asked for no resource: give one"));
        }
        let lines = resources.iter().map(|resource| resource.line(terms));
        let mut lines = lines.collect::<Result<Vec<_>>>()?;
        // Of several the first: `max_by_key` gives the last.
        let binding = (0..lines.len()).rev().max_by_key(|at| lines[*at].hosts_needed);
        let binding = binding.filter(|at| lines[*at].hosts_needed > 0);
        let hosts_needed = binding.map_or(0, |at| lines[at].hosts_needed);
        let lots_needed = hosts_needed.div_ceil(terms.lot_hosts);
        let lots = terms.lots_affordable().map_or(lots_needed, |lots| lots.min(lots_needed));
        let hosts = lots * terms.lot_hosts;
        for (line, resource) in lines.iter_mut().zip(resources) {
            let capacity = resource.capacity + hosts as f64 * resource.per_host;
            line.shortage_after = resource.demand.exceeds(capacity);
        }
        let cost = hosts as f64 * terms.price_per_host;
        Ok(Self { lines, hosts_needed, hosts, cost, is_capped: hosts < hosts_needed, binding })
    }

    /// The resource that needs the most hosts, the first of several; `None` where none needs any.
    pub fn binding(&self) -> Option<&str> {
        self.binding.map(|at| self.lines[at].name.as_str())
    }

    /// The probability that any resource falls short of what is ordered: at least and at most, for
    /// how the resources go together is not known.
    pub fn shortage_bounds(&self) -> (f64, f64) {
        let shares = self.lines.iter().map(|line| line.shortage_after);
        (shares.clone().fold(0.0, f64::max), shares.sum::<f64>().min(1.0))
    }
}

impl ResourceOrder {
    fn line(&self, terms: &OrderTerms) -> Result<OrderLine> {
        let Self { name, demand, capacity, per_host } = self;
        let sound = capacity.is_finite() && *capacity >= 0.0;
        if !(sound && per_host.is_finite() && *per_host > 0.0) {
            return Err(Error::invalid(format!(
                "{name}: capacity {capacity}, {per_host} per host: give a capacity of 0 or more, \
                 and more than 0 per host"
            )));
        }
        let target = terms.costs.best_amount(demand)?;
        let shortfall = (target - capacity).max(0.0);
        let hosts = (shortfall / per_host * (1.0 - ROUNDING)).ceil();
        if hosts > HOSTS_MAX as f64 {
            return Err(Error::invalid(format!(
                "{name}: {shortfall} at {per_host} per host are over {HOSTS_MAX} hosts; check the \
                 units"
            )));
        }
        Ok(OrderLine {
            name: name.clone(),
            target,
            shortfall,
            hosts_needed: hosts as u64,
            shortage_before: demand.exceeds(*capacity),
            shortage_after: demand.exceeds(*capacity),
        })
    }
}

impl OrderTerms {
    fn check(&self) -> Result<()> {
        let money = |amount: f64| amount.is_finite() && amount >= 0.0;
        let sound = money(self.price_per_host) && self.budget.is_none_or(money);
        if !(sound && (1..=HOSTS_MAX).contains(&self.lot_hosts)) {
            return Err(Error::invalid(format!(
                "hosts at {} in lots of {}: give a price and a budget of 0 or more, and a lot of 1 \
                 to {HOSTS_MAX}",
                self.price_per_host, self.lot_hosts
            )));
        }
        Ok(())
    }

    /// How many lots the budget pays; `None` where it sets no limit.
    fn lots_affordable(&self) -> Option<u64> {
        let lot = self.price_per_host * self.lot_hosts as f64;
        let lots = self.budget? / lot * (1.0 + ROUNDING);
        // A lot that costs nothing is no matter of budgets.
        lots.is_finite().then(|| lots.floor() as u64)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn terms(lot_hosts: u64, budget: Option<f64>) -> OrderTerms {
        let costs = ShortageCosts::new(9.0, 1.0).unwrap();
        OrderTerms { costs, price_per_host: 1_000.0, lot_hosts, budget }
    }

    fn resource(name: &str, mean: f64, deviation: f64, per_host: f64) -> ResourceOrder {
        let demand = Demand::normal(mean, deviation).unwrap();
        ResourceOrder { name: name.to_owned(), demand, capacity: 80.0, per_host }
    }

    #[test]
    fn every_resource_is_served_and_the_binding_one_named() {
        let resources = [resource("cpu", 100.0, 20.0, 32.0), resource("memory", 90.0, 20.0, 6.0)];
        let order = Order::of(&resources, &terms(1, None)).unwrap();
        // 125.631 - 80 = 45.631: 2 hosts of 32; 115.631 - 80 = 35.631: 6 hosts of 6.
        assert!((order.lines[0].shortfall - 45.631).abs() < 5e-4);
        assert_eq!((order.hosts, order.binding()), (6, Some("memory")));
        assert!(order.lines.iter().all(|line| line.shortage_after <= 0.1));
        assert!(order.lines.iter().all(|line| line.shortage_before > 0.5));
        let (least, most) = order.shortage_bounds();
        assert!(least <= most && most <= 0.2, "{least} {most}");
    }

    #[test]
    fn hosts_come_in_lots_and_lots_within_the_budget() {
        let resources = [resource("cpu", 100.0, 20.0, 10.0)];
        let order = Order::of(&resources, &terms(4, None)).unwrap();
        assert_eq!((order.hosts_needed, order.hosts, order.cost), (5, 8, 8_000.0));
        assert!(!order.is_capped);
        let order = Order::of(&resources, &terms(4, Some(7_999.0))).unwrap();
        assert_eq!((order.hosts, order.is_capped), (4, true));
        assert!(order.lines[0].shortage_after > 0.1, "what is not bought is told");
        assert_eq!(Order::of(&resources, &terms(4, Some(8_000.0))).unwrap().hosts, 8);
        assert_eq!(Order::of(&resources, &terms(4, Some(0.0))).unwrap().hosts, 0);
        let free = OrderTerms { price_per_host: 0.0, ..terms(4, Some(0.0)) };
        assert_eq!(Order::of(&resources, &free).unwrap().hosts, 8);
    }

    #[test]
    fn what_is_enough_asks_for_nothing() {
        let order = Order::of(&[resource("cpu", 10.0, 1.0, 10.0)], &terms(4, None)).unwrap();
        assert_eq!((order.hosts, order.binding(), order.cost), (0, None, 0.0));
    }

    #[test]
    fn rounding_buys_no_further_host() {
        // (1.1 - 0.8) / 0.1 is 3.0000000000000004 in floating point.
        let demand = Demand::normal(1.1, 0.0).unwrap();
        let one = ResourceOrder { name: "cpu".to_owned(), demand, capacity: 0.8, per_host: 0.1 };
        assert_eq!(Order::of(&[one], &terms(1, None)).unwrap().hosts, 3);
    }

    #[test]
    fn what_is_no_order_is_refused() {
        assert!(Order::of(&[], &terms(1, None)).is_err());
        let good = [resource("cpu", 100.0, 20.0, 10.0)];
        assert!(Order::of(&good, &terms(0, None)).is_err());
        assert!(Order::of(&good, &terms(1, Some(f64::NAN))).is_err());
        assert!(Order::of(&[resource("cpu", 100.0, 20.0, 0.0)], &terms(1, None)).is_err());
        let why = Order::of(&[resource("cpu", 1e12, 1.0, 1e-3)], &terms(1, None)).unwrap_err();
        assert!(why.to_string().contains("check the units"), "{why}");
    }

    proptest! {
        /// One host fewer leaves a resource below its target; as many leave none.
        #[test]
        fn no_smaller_order_serves(
            means in prop::collection::vec(0.0_f64..400.0, 1..4),
            per_host in 1.0_f64..40.0,
        ) {
            let named = means.iter().enumerate();
            let resources: Vec<_> =
                named.map(|(at, mean)| resource(&at.to_string(), *mean, 15.0, per_host)).collect();
            let order = Order::of(&resources, &terms(1, None)).unwrap();
            let served = |hosts: u64| {
                let capacity = 80.0 + hosts as f64 * per_host;
                order.lines.iter().all(|line| line.target <= capacity + 1e-6)
            };
            prop_assert!(served(order.hosts));
            prop_assert!(order.hosts == 0 || !served(order.hosts - 1));
        }
    }
}
