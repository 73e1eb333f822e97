//! What to order for a pool, and by when.

use super::course::Course;
use super::pool::{Pool, PoolResource};
use crate::capacity::assess::View;
use crate::capacity::exhaustion::ExhaustionOptions;
use crate::capacity::order::{
    Demand, ExhaustionTime, LeadTime, Order, OrderDate, OrderTerms, ResourceOrder,
};
use crate::capacity::study::{OrderRule, Shape};
use crate::error::Result as Checked;
use crate::model::{Labels, Span, Timestamp};

/// What to order for one pool.
#[derive(Debug, Clone, PartialEq)]
pub struct PoolOrder {
    /// The labels of the pool.
    pub labels: Labels,
    /// Its name.
    pub name: String,
    /// The shape that is ordered.
    pub shape: String,
    /// The resource that runs out first.
    pub first: String,
    /// The last day on which an order keeps the risk; today where it has passed.
    pub order_by: Timestamp,
    /// Whether that day has passed.
    pub is_overdue: bool,
    /// When an order of that day arrives.
    pub arrives: Timestamp,
    /// Until when the order lasts: a review later.
    pub lasts_until: Timestamp,
    /// The day by which it is needed with even odds, within the horizon.
    pub needed_by: Option<Timestamp>,
    /// Hosts of the pool that are full already in a resource that is ordered for: what they would
    /// need beyond it is not seen.
    pub full_hosts: usize,
    /// The probability that the resource runs out on a day before an order of that day arrives.
    pub risk: f64,
    /// How many hosts, for which resources, and what that leaves of a shortage; its cost is a
    /// month's.
    pub order: Order,
}

/// One resource of the pool that the shape brings.
struct Candidate<'a> {
    one: &'a PoolResource<'a>,
    course: &'a Course,
    /// What may be used of it on a new host.
    per_host: f64,
}

/// When a resource runs out, and by when to order.
struct Due {
    resource: usize,
    date: OrderDate,
    /// The probability that it runs out on a day before an order of that day arrives.
    late: f64,
    half: Option<f64>,
    last_day: Timestamp,
}

impl Due {
    /// Whether the last day to order is not after today.
    fn is_overdue(&self, today: Timestamp) -> bool {
        let by = |days: f64| {
            let nanos = Span::from_nanos((days * Span::DAY.nanos() as f64) as i64);
            self.last_day.plus(nanos).floor(Span::DAY)
        };
        self.date.order_by_days.is_some_and(|days| by(days) <= today)
    }
}

/// The order of a pool; `None` where the study orders nothing or nothing runs out. Courses are
/// those of the pool's resources.
pub(super) fn order(
    view: &View,
    pool: &Pool<'_>,
    courses: &[Course],
) -> Result<Option<PoolOrder>, (String, String)> {
    let Some(rule) = &view.study.order else { return Ok(None) };
    found(view, rule, pool, courses).map_err(|why| (why.to_string(), pool.name.clone()))
}

fn found(
    view: &View,
    rule: &OrderRule,
    pool: &Pool<'_>,
    courses: &[Course],
) -> Checked<Option<PoolOrder>> {
    let study = &view.study;
    let shape = &study.shapes[rule.shape];
    let candidates: Vec<Candidate<'_>> = pool
        .resources
        .iter()
        .zip(courses)
        .filter_map(|(one, course)| {
            let per_host = usable(view, shape, one.resource)?;
            Some(Candidate { one, course, per_host })
        })
        .collect();
    let lead_time = shape.lead_time.unwrap_or(study.lead_time);
    let lead = LeadTime { lead_days: lead_time.days(), review_days: 0.0 };
    let options = view.options();
    let mut due: Option<Due> = None;
    for Candidate { one, course, .. } in &candidates {
        let time = ExhaustionTime::futures(one.outlook(&options).passage_days(&course.line()))?;
        let date = OrderDate::of(&time, lead, rule.risk)?;
        let Some(by) = date.order_by_days else { continue };
        let earlier = |due: &Due| due.date.order_by_days.is_none_or(|other| by < other);
        if due.as_ref().is_none_or(earlier) {
            let half = time.quantile_days(0.5);
            // Days are whole: the one on which it arrives is in time.
            let late = time.within(date.order_on_days.unwrap_or(0.0) + lead.lead_days - 0.5);
            let (resource, last_day) = (one.resource, one.last_day());
            due = Some(Due { resource, date, late, half, last_day });
        }
    }
    let Some(due) = due else { return Ok(None) };
    let on = due.date.order_on_days.unwrap_or(0.0);
    let today = view.as_of.floor(Span::DAY);
    let day = |days: f64| {
        let after = Span::from_nanos((days.max(0.0) * Span::DAY.nanos() as f64) as i64);
        due.last_day.plus(after).floor(Span::DAY).max(today)
    };
    let order_by = day(on);
    let arrives = order_by.plus(lead_time);
    let lasts_until = arrives.plus(rule.review);
    let resources: Vec<ResourceOrder> = candidates
        .iter()
        .map(|candidate| candidate.most(view, rule, arrives, lasts_until))
        .collect::<Checked<_>>()?;
    let terms = OrderTerms {
        costs: rule.costs,
        price_per_host: shape.price_per_month,
        lot_hosts: rule.lot_hosts,
        budget: rule.budget_per_month,
    };
    Ok(Some(PoolOrder {
        labels: pool.labels.clone(),
        name: pool.name.clone(),
        shape: shape.name.clone(),
        first: study.resources[due.resource].name.clone(),
        order_by,
        is_overdue: due.is_overdue(today),
        arrives,
        lasts_until,
        needed_by: due.half.map(day),
        full_hosts: pool.full_hosts(|resource| usable(view, shape, resource).is_some()),
        risk: due.late,
        order: Order::of(&resources, &terms)?,
    }))
}

/// What may be used of a resource on a host of a shape; `None` where it brings none.
pub(super) fn usable(view: &View, shape: &Shape, resource: usize) -> Option<f64> {
    let (_, amount) = shape.provides.iter().find(|(index, _)| *index == resource)?;
    Some(amount * (1.0 - view.study.resources[resource].safety_margin))
}

impl Candidate<'_> {
    /// What is asked of the resource, and what there is of it without an order, on the day of an
    /// order's time on which the most is missing: what is asked for may end before the order does.
    fn most(
        &self,
        view: &View,
        rule: &OrderRule,
        arrives: Timestamp,
        lasts_until: Timestamp,
    ) -> Checked<ResourceOrder> {
        let options = view.options();
        let ahead = |at| self.one.days_ahead(at, view.as_of);
        let missing = |of: &ResourceOrder| -> Checked<f64> {
            Ok(rule.costs.best_amount(&of.demand)? - of.capacity)
        };
        let mut most = self.on(view, ahead(lasts_until), &options)?;
        for day in self.course.days_before_changes(ahead(arrives), ahead(lasts_until)) {
            let found = self.on(view, day, &options)?;
            if missing(&found)? > missing(&most)? {
                most = found;
            }
        }
        Ok(most)
    }

    /// What is asked of the resource on a day ahead, and what there is of it without an order.
    fn on(&self, view: &View, days: usize, options: &ExhaustionOptions) -> Checked<ResourceOrder> {
        let stretch = self.course.on(days);
        let peaks = self.one.outlook(options).weekly_peaks_on(days, &self.course.line());
        let demand = peaks.into_iter().map(|peak| peak.max(0.0) * stretch.demand_factor);
        Ok(ResourceOrder {
            name: view.study.resources[self.one.resource].name.clone(),
            demand: Demand::samples(demand.collect())?,
            capacity: stretch.line.max(0.0),
            per_host: self.per_host,
        })
    }
}
