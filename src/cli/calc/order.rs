//! `calc order`: by when to order, and how many hosts.

use std::path::PathBuf;

use super::table::{Row, Table};
use crate::capacity::exhaustion::{FirstPassage, days_to_line};
use crate::capacity::order::{
    Demand, ExhaustionTime, LeadTime, Order, OrderDate, OrderTerms, ResourceOrder, ShortageCosts,
};
use crate::error::{Error, Result};
use crate::report::{Column, Sheet};

#[derive(Debug, clap::Args)]
pub(super) struct OrderArgs {
    /// A CSV file, one resource a row: `resource`, `used` now, `limit` (what may be used),
    /// `growth_per_day`, `per_host` (what a further host brings); and where known
    /// `deviation_per_day`, the standard deviation of a day's growth.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// From the order to the capacity in use.
    #[arg(long, value_name = "DAYS")]
    lead_days: f64,
    /// From one chance to order to the next, the first being today; 0: any day.
    #[arg(long, value_name = "DAYS", default_value_t = 0.0)]
    review_days: f64,
    /// How likely it may be that a resource runs out before what is ordered is there.
    #[arg(long, value_name = "PROBABILITY", default_value_t = 0.05)]
    risk: f64,
    /// What a unit too few costs. Only the ratio to --surplus-cost counts.
    #[arg(long, value_name = "MONEY")]
    shortage_cost: f64,
    /// What a unit too many costs, over the same time.
    #[arg(long, value_name = "MONEY")]
    surplus_cost: f64,
    /// What a host costs.
    #[arg(long, value_name = "MONEY")]
    price: f64,
    /// Hosts come in multiples of this.
    #[arg(long, value_name = "HOSTS", default_value_t = 1)]
    lot: u64,
    /// What may be spent at the most.
    #[arg(long, value_name = "MONEY")]
    budget: Option<f64>,
}

/// When and how much to order, for several resources of one kind of host.
pub(super) fn order(args: &OrderArgs) -> Result<Sheet> {
    let lead = LeadTime { lead_days: args.lead_days, review_days: args.review_days };
    lead.check()?;
    let terms = OrderTerms {
        costs: ShortageCosts::new(args.shortage_cost, args.surplus_cost)?,
        price_per_host: args.price,
        lot_hosts: args.lot,
        budget: args.budget,
    };
    let required = ["resource", "used", "limit", "growth_per_day", "per_host"];
    let table = Table::read_exact(&args.file, &required, &["deviation_per_day"])?;
    let (mut uses, mut dates) = (Vec::new(), Vec::new());
    for row in table.rows() {
        let (usage, time) = row.at(usage(row))?;
        if uses.iter().any(|known: &Usage| known.name == usage.name) {
            let what = format!("{} is there twice: give each resource once", usage.name);
            return Err(row.error(what));
        }
        uses.push(usage);
        dates.push(OrderDate::of(&time, lead, args.risk)?);
    }
    // All are bought in one order, on the day of the first: it is to last from then on.
    let first = earliest(&dates);
    let order_on = first.and_then(|at| dates[at].order_on_days).unwrap_or(0.0);
    let horizon_days = order_on + lead.horizon_days();
    let resources: Vec<ResourceOrder> =
        uses.iter().map(|usage| usage.at(horizon_days)).collect::<Result<_>>()?;
    let order = Order::of(&resources, &terms)?;
    let mut sheet = Sheet::new("Order");
    when(&mut sheet, first.map(|at| (uses[at].name.as_str(), &dates[at])), &dates);
    how_many(&mut sheet, &order, args);
    rows(&mut sheet, &order, &dates);
    sheet.note(format!(
        "Demand is that of day {horizon_days}: the order, lead time and review period. Growth is a \
         random walk with drift: the date its first passage, the demand normal."
    ));
    sheet.note("How the resources go together is not known: hence bounds on any falling short.");
    Ok(sheet)
}

/// A resource as a row tells it.
struct Usage {
    name: String,
    used: f64,
    limit: f64,
    growth_per_day: f64,
    /// Standard deviation of a day's growth.
    deviation_per_day: f64,
    per_host: f64,
}

impl Usage {
    /// What is asked for in so many days, and what there is.
    fn at(&self, days: f64) -> Result<ResourceOrder> {
        let mean = self.used + self.growth_per_day * days;
        Ok(ResourceOrder {
            name: self.name.clone(),
            demand: Demand::normal(mean, self.deviation_per_day * days.sqrt())?,
            capacity: self.limit,
            per_host: self.per_host,
        })
    }
}

/// What a row says of a resource, and when it runs out.
fn usage(row: Row<'_>) -> Result<(Usage, ExhaustionTime)> {
    let usage = Usage {
        name: row.text("resource").to_owned(),
        used: row.number("used")?,
        limit: row.number("limit")?,
        growth_per_day: row.number("growth_per_day")?,
        deviation_per_day: row.number_if_any("deviation_per_day")?.unwrap_or(0.0),
        per_host: row.number("per_host")?,
    };
    let Usage { used, limit, growth_per_day, deviation_per_day, .. } = usage;
    if deviation_per_day < 0.0 {
        return Err(Error::invalid("deviation_per_day is negative: give 0 or more"));
    }
    let time = if deviation_per_day > 0.0 {
        FirstPassage::new(limit - used, growth_per_day, deviation_per_day)?.into()
    } else {
        ExhaustionTime::known(days_to_line(used, growth_per_day, limit))?
    };
    // What is no demand today is one on no day: it is said with the row.
    usage.at(0.0)?;
    Ok((usage, time))
}

/// The place of the earliest of the dates, if there is one.
fn earliest(dates: &[OrderDate]) -> Option<usize> {
    let days = dates.iter().enumerate().filter_map(|(at, date)| Some((at, date.order_by_days?)));
    days.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(at, _)| at)
}

/// The earliest of the dates, and whose it is.
fn when(sheet: &mut Sheet, first: Option<(&str, &OrderDate)>, dates: &[OrderDate]) {
    let name = first.map(|(name, _)| name);
    let date = first.map(|(_, date)| *date);
    sheet.fact("first_resource", "runs out first", name, "");
    let days = date.and_then(|date| date.order_by_days);
    sheet.fact("order_by_days", "order by, from today", days, "days");
    let days = date.and_then(|date| date.order_on_days);
    sheet.fact("order_on_days", "order on, the last review before", days, "days");
    let risk = date.and_then(|date| date.risk);
    sheet.fact("risk", "runs out before it is there, then", risk, "");
    let today = dates.iter().map(|date| date.risk_today).fold(0.0, f64::max);
    sheet.fact("risk_today", "the same, ordered today", today, "");
    match date {
        None => sheet.note("No resource runs out with that probability: no order is due."),
        Some(date) if date.is_overdue() => {
            sheet.note("That day has passed: order today, and mind the risk that is left.");
        }
        Some(_) => {}
    }
}

fn how_many(sheet: &mut Sheet, order: &Order, args: &OrderArgs) {
    sheet.fact("binding_resource", "binding for the quantity", order.binding(), "");
    sheet.fact("hosts_needed", "hosts needed", order.hosts_needed, "");
    sheet.fact("hosts", "hosts to order", order.hosts, "");
    sheet.fact("cost", "what they cost", order.cost, "");
    let (least, most) = order.shortage_bounds();
    sheet.fact("shortage_min", "any resource short by then, at least", least, "");
    sheet.fact("shortage_max", "any resource short by then, at most", most, "");
    if let (true, Some(budget)) = (order.is_capped, args.budget) {
        sheet.note(format!(
            "The budget of {budget} pays {} of the {} hosts that are needed.",
            order.hosts, order.hosts_needed
        ));
    }
}

fn rows(sheet: &mut Sheet, order: &Order, dates: &[OrderDate]) {
    let columns = [
        Column::new("resource", "resource"),
        Column::new("order_by_days", "order by day"),
        Column::new("risk_today", "risk today"),
        Column::new("target", "target"),
        Column::new("shortfall", "shortfall"),
        Column::new("hosts_needed", "hosts"),
        Column::new("shortage_before", "short without"),
        Column::new("shortage_after", "short with"),
    ];
    let table = sheet.table("resources", &columns);
    for (line, date) in order.lines.iter().zip(dates) {
        table.row([
            line.name.as_str().into(),
            date.order_by_days.into(),
            date.risk_today.into(),
            line.target.into(),
            line.shortfall.into(),
            line.hosts_needed.into(),
            line.shortage_before.into(),
            line.shortage_after.into(),
        ]);
    }
}
