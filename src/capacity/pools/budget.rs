//! Whether the hosts of a pool keep an error budget, how many would, and how far they may shrink.

use super::pool::{Host, Pool, PoolResource};
use crate::capacity::assess::View;
use crate::capacity::budget::{
    BudgetPlan, DemandProfile, HostShape, ShrinkAdvice, ShrinkPolicy, Slo, cheapest,
};
use crate::capacity::steps::StepDemand;
use crate::capacity::study::SloRule;
use crate::error::{Error, Result as Checked};
use crate::model::{Labels, Span, Timestamp, Unit};

/// With less than a week nobody knows what the hours of a week ask for.
const COVERED_MIN: Span = Span::WEEK;
/// A period is looked at in no more parts.
const PERIOD_PARTS_MAX: i64 = 31;
/// What rounding may add to a burn rate.
const ROUNDING: f64 = 1e-9;

/// What an objective of the study asks of the hosts of one pool.
#[derive(Debug, Clone, PartialEq)]
pub struct PoolBudget {
    /// The labels of the pool.
    pub labels: Labels,
    /// Its name.
    pub pool: String,
    /// The name of the objective.
    pub name: String,
    /// The resource that must suffice.
    pub resource: String,
    /// Its unit.
    pub unit: Option<Unit>,
    /// The objective and its budget.
    pub slo: Slo,
    /// Its period, from the plan's instant on.
    pub period: Span,
    /// By what demand grows from the last day to the period's end; 1 where no trend stands.
    pub growth_factor: f64,
    /// The highest step of the last weeks, grown to the period's end.
    pub highest_demand: f64,
    /// How many steps the demand is known by: a share of time below one of them is not known.
    pub steps: usize,
    /// What its hosts carry, each by its limit less the margin, on average.
    pub host_capacity: f64,
    /// As many hosts as there are, each like their mean.
    pub now: BudgetPlan,
    /// What all of them cost in a month; `None` unless the price of each is known.
    pub cost_per_month: Option<f64>,
    /// The fewest hosts that keep the budget; `None` where no number is known to.
    pub fewest: Option<BudgetPlan>,
    /// Whether the price of a host of the fewest is known.
    pub is_priced: bool,
    /// What the fewest cost more than the hosts that there are, in a month; less where negative.
    pub change_per_month: Option<f64>,
    /// The fewest that keep a tenth of the budget; `None` where no number is known to.
    pub next_nine: Option<BudgetPlan>,
    /// What the next nine costs more than the fewest, in a month.
    pub next_nine_per_month: Option<f64>,
    /// How far the hosts that there are may shrink.
    pub shrink: ShrinkAdvice,
    /// The burn rate at which shrinking stops.
    pub burn_rate_max: f64,
}

impl PoolBudget {
    /// Whether the budget is a smaller share of time than a single step of what is known: then the
    /// fewest hosts are those that carry the highest step.
    pub fn is_coarse(&self) -> bool {
        self.slo.error_ratio() * (self.steps as f64) < 1.0
    }
}

/// An objective as it is for one pool.
pub(super) struct Objective<'a> {
    rule: &'a SloRule,
    /// The place of its resource among the pool's.
    at: usize,
    steps: &'a StepDemand,
    growth_factor: f64,
    profile: DemandProfile,
}

/// What could not be said: what, and of which pool.
type Unsaid = (String, String);

/// Every pool that an objective is of, and what could not be said.
pub(super) fn report(view: &View, pools: &[Pool<'_>]) -> (Vec<PoolBudget>, Vec<Unsaid>) {
    let (mut found, mut unsaid) = (Vec::new(), Vec::new());
    let failed =
        |why: &str, name: &str| (format!("what keeps its error budget: {why}"), name.into());
    for rule in &view.study.slos {
        let mut of = pools.iter().filter(|pool| rule.pools.matches(pool.labels)).peekable();
        if of.peek().is_none() {
            let why = if pools.is_empty() {
                "there is no pool"
            } else {
                "no pool has the labels that its where asks for"
            };
            unsaid.push(failed(why, &rule.name));
        }
        for pool in of {
            let budget = Objective::of(view, rule, pool).and_then(|one| one.budget(view, pool));
            match budget {
                Ok(budget) => found.push(budget),
                Err(why) => unsaid.push(failed(&reason(why), &pool.name)),
            }
        }
    }
    found.sort_by(|a: &PoolBudget, b: &PoolBudget| {
        let burn = b.now.burn_rate().total_cmp(&a.now.burn_rate());
        burn.then_with(|| (&a.pool, &a.name).cmp(&(&b.pool, &b.name)))
    });
    (found, unsaid)
}

/// The objectives of a pool; `None` where what one of them takes is not known.
pub(super) fn objectives<'a>(view: &'a View, pool: &'a Pool<'_>) -> Option<Vec<Objective<'a>>> {
    let of_pool = view.study.slos.iter().filter(|rule| rule.pools.matches(pool.labels));
    of_pool.map(|rule| Objective::of(view, rule, pool).ok()).collect()
}

/// What is missing, without the words around it.
fn reason(why: Error) -> String {
    match why {
        Error::NotEnoughData { what } => what,
        other => other.to_string(),
    }
}

impl<'a> Objective<'a> {
    fn of(view: &View, rule: &'a SloRule, pool: &'a Pool<'_>) -> Checked<Self> {
        let missing = |what: &str| Err(Error::not_enough_data(what));
        let name = &view.study.resources[rule.resource].name;
        if pool.hosts().is_empty() {
            return missing("none of its hosts is known");
        }
        let mut resources = pool.resources.iter().enumerate();
        let Some((at, one)) = resources.find(|(_, one)| one.resource == rule.resource) else {
            return missing(&format!("no {name} of it is known, or no limit"));
        };
        let Some(steps) = one.steps else { return missing("no samples in the last four weeks") };
        if steps.covered < COVERED_MIN {
            return missing("less than a week of samples in the last four");
        }
        let Growing { steps, factors, at_end } = Growing::of(view, one, steps, rule.period);
        let profile = steps.profile(&factors)?;
        Ok(Self { rule, at, steps, growth_factor: at_end, profile })
    }

    /// Whether so many of the hosts keep the budget, as fast as it may burn.
    pub(super) fn keeps(&self, hosts: &[&Host<'_>]) -> bool {
        let plan = self
            .own(hosts)
            .and_then(|(count, own)| BudgetPlan::of(count, &own, &self.profile, &self.rule.slo));
        let most = self.rule.burn_rate_max * (1.0 + ROUNDING);
        plan.is_ok_and(|plan| plan.burn_rate() <= most)
    }

    /// The hosts as so many equal ones.
    fn own(&self, hosts: &[&Host<'_>]) -> Checked<(u64, HostShape)> {
        let known = hosts.iter().filter(|host| host.parts[self.at].line > 0.0);
        let (count, sum) = known
            .fold((0_u64, 0.0), |(count, sum), host| (count + 1, sum + host.parts[self.at].line));
        if count == 0 {
            return Err(Error::not_enough_data("the limit of none of its hosts is known"));
        }
        let prices: Option<Vec<f64>> = hosts.iter().map(|host| host.price_per_month).collect();
        let price = prices.map(|all| all.iter().sum::<f64>() / all.len() as f64);
        let shape = HostShape {
            name: "its own".to_owned(),
            capacity: sum / count as f64,
            price_per_month: price.unwrap_or(0.0),
            availability: self.rule.availability,
        };
        Ok((count, shape))
    }

    fn budget(&self, view: &View, pool: &Pool<'_>) -> Checked<PoolBudget> {
        let Self { rule, profile, .. } = self;
        let hosts: Vec<&Host<'_>> = pool.hosts().iter().collect();
        let (count, own) = self.own(&hosts)?;
        let costs: Option<Vec<f64>> = hosts.iter().map(|host| host.price_per_month).collect();
        let cost_per_month = costs.map(|costs| costs.iter().sum::<f64>());
        let ordered = rule.shape.map(|shape| &view.study.shapes[shape]);
        let brings = |shape| super::orders::usable(view, shape, rule.resource);
        let (shape, is_priced) = match ordered.and_then(|shape| Some((shape, brings(shape)?))) {
            Some((shape, capacity)) => (
                HostShape {
                    name: shape.name.clone(),
                    capacity,
                    price_per_month: shape.price_per_month,
                    availability: rule.availability,
                },
                true,
            ),
            None => (own.clone(), cost_per_month.is_some()),
        };
        let fewest = known(cheapest(std::slice::from_ref(&shape), profile, &rule.slo))?;
        let next_nine = self.next_nine(&shape)?;
        let more = |of: &Option<BudgetPlan>, than: Option<f64>| {
            let of = of.as_ref().filter(|_| is_priced)?;
            Some(of.cost_per_month - than?)
        };
        let policy = ShrinkPolicy {
            burn_rate_max: rule.burn_rate_max,
            elapsed_days: 0.0,
            spent_minutes: 0.0,
        };
        let resource = &view.study.resources[rule.resource];
        Ok(PoolBudget {
            labels: pool.labels.clone(),
            pool: pool.name.clone(),
            name: rule.name.clone(),
            resource: resource.name.clone(),
            unit: resource.unit.clone(),
            slo: rule.slo,
            period: rule.period,
            growth_factor: self.growth_factor,
            highest_demand: self.steps.greatest() * self.growth_factor,
            steps: self.steps.steps,
            host_capacity: own.capacity,
            now: BudgetPlan::of(count, &own, profile, &rule.slo)?,
            cost_per_month,
            change_per_month: more(&fewest, cost_per_month),
            next_nine_per_month: more(&next_nine, fewest.as_ref().map(|one| one.cost_per_month)),
            fewest,
            is_priced,
            next_nine,
            shrink: ShrinkAdvice::of(count, &own, profile, &rule.slo, policy)?,
            burn_rate_max: rule.burn_rate_max,
        })
    }

    /// The fewest hosts that keep a tenth of the budget, where the steps tell so small a share.
    fn next_nine(&self, shape: &HostShape) -> Checked<Option<BudgetPlan>> {
        let bad = self.rule.slo.error_ratio() / 10.0;
        let slo = Slo::new(1.0 - bad, self.rule.slo.period_days());
        let Some(slo) = slo.ok().filter(|_| bad * (self.steps.steps as f64) >= 1.0) else {
            return Ok(None);
        };
        known(cheapest(std::slice::from_ref(shape), &self.profile, &slo))
    }
}

/// A plan, or `None` where no number of hosts is known to keep the budget.
fn known(plan: Checked<BudgetPlan>) -> Checked<Option<BudgetPlan>> {
    match plan {
        Ok(plan) => Ok(Some(plan)),
        Err(Error::NotEnoughData { .. }) => Ok(None),
        Err(why) => Err(why),
    }
}

/// How demand grows over a period.
struct Growing<'a> {
    /// The steps that are known, each brought to the last day where a trend stands.
    steps: &'a StepDemand,
    /// By what they are multiplied on each day of the period, or in each of as many parts of it.
    factors: Vec<f64>,
    /// By what at its end.
    at_end: f64,
}

impl<'a> Growing<'a> {
    /// Demand does not shrink here: a trend downwards is none.
    fn of(view: &View, one: &'a PoolResource<'_>, steps: &'a StepDemand, period: Span) -> Self {
        let options = view.options();
        let outlook = one.outlook(&options);
        let Some(grown) = one.grown_steps.filter(|_| outlook.climbs_to(one.line)) else {
            return Self { steps, factors: vec![1.0], at_end: 1.0 };
        };
        let factor = |at: Timestamp| {
            let days = one.days_ahead(at, view.as_of);
            outlook.level_ratio(days as f64).max(1.0)
        };
        let parts = (period.days().round() as i64).clamp(1, PERIOD_PARTS_MAX);
        let half = period.nanos() / (2 * parts);
        let middle = |part: i64| view.as_of.plus(Span::from_nanos(half * (2 * part + 1)));
        Self {
            steps: grown,
            factors: (0..parts).map(|part| factor(middle(part))).collect(),
            at_end: factor(view.as_of.plus(period)),
        }
    }
}
