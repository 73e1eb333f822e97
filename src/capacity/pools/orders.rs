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
    /// Until when the order lasts: a review later, or later still where what is due after a time
    /// that is tight takes more.
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

/// What is bought, and by which rule.
struct Buying<'a> {
    rule: &'a OrderRule,
    shape: &'a Shape,
    lead_time: Span,
}

/// One resource of the pool that the shape brings.
struct Candidate<'a> {
    one: &'a PoolResource<'a>,
    course: Course,
    /// The same without the changes that end.
    lasting: &'a Course,
    /// What may be used of it on a new host.
    per_host: f64,
}

/// When a resource runs out, and by when to order.
struct Due {
    /// Which of the candidates.
    candidate: usize,
    resource: usize,
    date: OrderDate,
    /// The probability that it runs out on a day before an order of that day arrives.
    late: f64,
    half: Option<f64>,
    last_day: Timestamp,
}

/// What is missing of each candidate in the time that an order has to last.
struct Need {
    resources: Vec<ResourceOrder>,
    lasts_until: Timestamp,
}

impl Due {
    /// Of the resources the one by which to order first; `None` where none runs out with the
    /// probability that counts.
    fn first(view: &View, buying: &Buying<'_>, of: &[Candidate<'_>]) -> Checked<Option<Self>> {
        let lead = LeadTime { lead_days: buying.lead_time.days(), review_days: 0.0 };
        let options = view.options();
        let mut due: Option<Self> = None;
        for (candidate, Candidate { one, course, .. }) in of.iter().enumerate() {
            let days = one.outlook(&options).passage_days(&course.line());
            let time = ExhaustionTime::futures(days)?;
            let date = OrderDate::of(&time, lead, buying.rule.risk)?;
            let Some(by) = date.order_by_days else { continue };
            let earlier = |due: &Self| due.date.order_by_days.is_none_or(|other| by < other);
            if due.as_ref().is_none_or(earlier) {
                let half = time.quantile_days(0.5);
                // Days are whole: the one on which it arrives is in time.
                let late = time.within(date.order_on_days.unwrap_or(0.0) + lead.lead_days - 0.5);
                let (resource, last_day) = (one.resource, one.last_day());
                due = Some(Self { candidate, resource, date, late, half, last_day });
            }
        }
        Ok(due)
    }

    /// So many days after the last known one; today at the earliest.
    fn day(&self, days: f64, today: Timestamp) -> Timestamp {
        let after = Span::from_nanos((days.max(0.0) * Span::DAY.nanos() as f64) as i64);
        self.last_day.plus(after).floor(Span::DAY).max(today)
    }

    /// The day to order on.
    fn order_by(&self, today: Timestamp) -> Timestamp {
        self.day(self.date.order_on_days.unwrap_or(0.0), today)
    }

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
/// those of the pool's resources, lasting ones the same without the changes that end.
pub(super) fn order(
    view: &View,
    pool: &Pool<'_>,
    courses: &[Course],
    lasting: &[Course],
) -> Result<Option<PoolOrder>, (String, String)> {
    let Some(rule) = &view.study.order else { return Ok(None) };
    found(view, rule, pool, courses.iter().zip(lasting))
        .map_err(|why| (why.to_string(), pool.name.clone()))
}

fn found<'a>(
    view: &View,
    rule: &OrderRule,
    pool: &'a Pool<'_>,
    courses: impl Iterator<Item = (&'a Course, &'a Course)>,
) -> Checked<Option<PoolOrder>> {
    let study = &view.study;
    let shape = &study.shapes[rule.shape];
    let buying = Buying { rule, shape, lead_time: shape.lead_time.unwrap_or(study.lead_time) };
    let today = view.as_of.floor(Span::DAY);
    let candidates = pool.resources.iter().zip(courses).filter_map(|(one, (course, lasting))| {
        let per_host = usable(view, shape, one.resource)?;
        let arrives = one.days_ahead(today.plus(buying.lead_time), view.as_of);
        let course = course.eased_until(course.on(arrives).day);
        Some(Candidate { one, course, lasting, per_host })
    });
    let Some((due, need)) = buying.first_and_most(view, candidates.collect())? else {
        return Ok(None);
    };
    let order_by = due.order_by(today);
    Ok(Some(PoolOrder {
        labels: pool.labels.clone(),
        name: pool.name.clone(),
        shape: shape.name.clone(),
        first: study.resources[due.resource].name.clone(),
        order_by,
        is_overdue: due.is_overdue(today),
        arrives: order_by.plus(buying.lead_time),
        lasts_until: need.lasts_until,
        needed_by: due.half.map(|days| due.day(days, today)),
        full_hosts: pool.full_hosts(|resource| usable(view, shape, resource).is_some()),
        risk: due.late,
        order: buying.order(&need)?,
    }))
}

impl Buying<'_> {
    /// When to order first, and what is missing then. Where the line is reached in a time that only
    /// changes that end make so tight, what would be due without that time counts too, if it is
    /// more: work for a time makes no order smaller. A time that takes no host dates nothing where
    /// a later one takes some.
    fn first_and_most(
        &self,
        view: &View,
        mut candidates: Vec<Candidate<'_>>,
    ) -> Checked<Option<(Due, Need)>> {
        let mut first: Option<(Due, Need)> = None;
        while let Some(due) = Due::first(view, self, &candidates)? {
            let need = self.need(view, &candidates, &due)?;
            let candidate = &mut candidates[due.candidate];
            // Days are whole, what is subtracted and added again may not be.
            let reached = (due.date.order_by_days.unwrap_or(0.0) + self.lead_time.days()).round();
            let tight = candidate.course.tighter_until(candidate.lasting, reached as usize);
            first = Some(match first {
                None => (due, need),
                Some(before) if self.order(&need)?.hosts_needed == 0 => before,
                Some((_, before)) if self.order(&before)?.hosts_needed == 0 => (due, need),
                Some((earlier, before)) => (earlier, before.or_more(need, self.rule)?),
            });
            let Some(until) = tight else { break };
            candidate.course = candidate.course.eased_to(candidate.lasting, until);
        }
        Ok(first)
    }

    /// What is missing from the day on which an order arrives until a review later.
    fn need(&self, view: &View, candidates: &[Candidate<'_>], due: &Due) -> Checked<Need> {
        let arrives = due.order_by(view.as_of.floor(Span::DAY)).plus(self.lead_time);
        let lasts_until = arrives.plus(self.rule.review);
        let most = |one: &Candidate<'_>| one.most(view, self.rule, arrives, lasts_until);
        let resources = candidates.iter().map(most).collect::<Checked<_>>()?;
        Ok(Need { resources, lasts_until })
    }

    /// The hosts that bring what is missing.
    fn order(&self, need: &Need) -> Checked<Order> {
        let terms = OrderTerms {
            costs: self.rule.costs,
            price_per_host: self.shape.price_per_month,
            lot_hosts: self.rule.lot_hosts,
            budget: self.rule.budget_per_month,
        };
        Order::of(&need.resources, &terms)
    }
}

impl Need {
    /// Of each resource the time in which more of it is missing, the earlier one of equals.
    fn or_more(mut self, later: Self, rule: &OrderRule) -> Checked<Self> {
        for (own, other) in self.resources.iter_mut().zip(later.resources) {
            if missing(&other, rule)? > missing(own, rule)? {
                *own = other;
                self.lasts_until = self.lasts_until.max(later.lasts_until);
            }
        }
        Ok(self)
    }
}

/// How much more should be there than there is without an order; below 0 where there is more.
fn missing(of: &ResourceOrder, rule: &OrderRule) -> Checked<f64> {
    Ok(rule.costs.best_amount(&of.demand)? - of.capacity)
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
        let mut most = self.on(view, ahead(lasts_until), &options)?;
        for day in self.course.days_before_changes(ahead(arrives), ahead(lasts_until)) {
            let found = self.on(view, day, &options)?;
            if missing(&found, rule)? > missing(&most, rule)? {
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
