//! `calc drivers`: what a unit of demand costs, and how much demand is carried.

use std::path::PathBuf;

use super::series::{SeriesColumns, SeriesTable};
use crate::capacity::drivers::{AtLine, Coefficient, DemandModel, LineDemand, Verdict};
use crate::error::{Error, Result};
use crate::report::{Column, Sheet};

#[derive(Debug, clap::Args)]
pub(super) struct DriversArgs {
    /// A CSV file with a header: a column of times, one of the resource's use, and one for each
    /// driver. Empty cells are not known.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The column of the resource's use.
    #[arg(long, value_name = "COLUMN")]
    resource: String,
    /// A column of demand: requests, users, orders. Several may be given.
    #[arg(long, value_name = "COLUMN", required = true)]
    driver: Vec<String>,
    /// The column of times: RFC 3339, or seconds since 1970.
    #[arg(long, value_name = "COLUMN", default_value = "time")]
    time: String,
    /// How much of the resource there is: its size, or the use at which waits grow too long.
    #[arg(long, value_name = "AMOUNT")]
    limit: f64,
    /// The share of the limit that is kept free.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    margin: f64,
    /// How many hosts share the demand now.
    #[arg(long, value_name = "COUNT")]
    hosts: Option<u64>,
    /// How much all demand grows, in percent, as in 30%: how many hosts does that take?
    #[arg(long, value_name = "PERCENT%", requires = "hosts", allow_hyphen_values = true)]
    growth: Option<String>,
}

/// The costs, the demand at the line, and the hosts for a growth.
pub(super) fn drivers(args: &DriversArgs) -> Result<Sheet> {
    if !(0.0..1.0).contains(&args.margin) {
        return Err(Error::invalid("--margin is a share of 0 or more, below 1"));
    }
    let growth = args.growth.as_deref().map_or(Ok(0.0), percent)?;
    let columns = SeriesColumns {
        time: &args.time,
        resource: &args.resource,
        drivers: &args.driver,
        by: None,
    };
    let tables = SeriesTable::read(&args.file, &columns)?;
    let Some((_, table)) = tables.first() else {
        return Err(Error::not_enough_data("no rows"));
    };
    let model = DemandModel::fit(&table.observations(&args.driver)?)?;
    let line = args.limit * (1.0 - args.margin);
    let mut sheet = Sheet::new(format!("{} by demand", args.resource));
    sheet.fact("line", "the line: limit less margin", line, "");
    fit(&mut sheet, &model);
    match model.at_line(line)? {
        AtLine::IdleOver => sheet.note("Idle use alone is at or over the line."),
        AtLine::NoCost => {
            sheet.note("Use does not grow with this demand, as far as the rows show.");
        }
        // The note on the bend says why.
        AtLine::CutOff => {}
        AtLine::Demand(demand) => {
            at_line(&mut sheet, &model, &demand);
            if let Some(hosts) = args.hosts {
                growth_hosts(&mut sheet, &demand, hosts, growth)?;
            }
        }
    }
    notes(&mut sheet, &model);
    Ok(sheet)
}

fn fit(sheet: &mut Sheet, model: &DemandModel) {
    sheet.fact("rows", "rows of which all is known", model.rows, "");
    sheet.fact("r_squared", "share of variance explained", model.r_squared, "");
    sheet.fact("error_rms", "error of the fit (RMS)", model.error_rms, "");
    let unseen = model.unseen_days.map(|unseen| unseen.error_rms);
    sheet.fact("unseen_error_rms", "error on days left out (RMS)", unseen, "");
    sheet.fact("idle_share", "idle share of mean use", model.idle_share, "");
    let ratio = Some(model.shape.cost_ratio).filter(|ratio| ratio.is_finite());
    sheet.fact("bend_ratio", "cost of the last units over the first", ratio, "");
    sheet.fact("bend_p_value", "probability of such a bend by chance", model.shape.p_value, "");
    let columns = [
        Column::new("what", "use"),
        Column::new("estimate", "estimate"),
        Column::new("low", "low"),
        Column::new("high", "high"),
        Column::new("p_value", "p"),
        Column::new("variance_inflation", "VIF"),
        Column::new("day_difference", "by day differences"),
    ];
    let table = sheet.table("costs", &columns);
    let mut row = |name: String, one: Coefficient, inflation: Option<f64>, other: Option<f64>| {
        table.row([
            name.into(),
            one.estimate.into(),
            one.low.into(),
            one.high.into(),
            one.p_value.into(),
            inflation.into(),
            other.into(),
        ]);
    };
    row("idle".to_owned(), model.idle, None, None);
    for (at, (name, cost)) in model.drivers.iter().zip(&model.costs).enumerate() {
        let inflation = model.variance_inflation.get(at).copied();
        let other = model.day_differences.as_ref().and_then(|other| other.costs.get(at).copied());
        row(format!("per unit of {name}"), *cost, inflation, other);
    }
}

fn at_line(sheet: &mut Sheet, model: &DemandModel, demand: &LineDemand) {
    let columns = [
        Column::new("driver", "demand at the line"),
        Column::new("p2_5", "P2.5"),
        Column::new("p50", "P50"),
        Column::new("p97_5", "P97.5"),
        Column::new("step_p95", "1 step in 20 over"),
        Column::new("seen_max", "largest seen"),
    ];
    let table = sheet.table("at_line", &columns);
    for (at, name) in model.drivers.iter().enumerate() {
        table.row([
            name.clone().into(),
            demand.demand(at, 0.025).into(),
            demand.demand(at, 0.5).into(),
            demand.demand(at, 0.975).into(),
            demand.demand_step_p95(at).into(),
            demand.seen_max(at).into(),
        ]);
    }
    if model.drivers.len() > 1 {
        sheet.note("All drivers grow together, in the proportion of their means.");
    }
    if demand.is_beyond_seen() {
        sheet.note("The line lies beyond the largest demand seen: there the line is extrapolated.");
    }
}

fn growth_hosts(sheet: &mut Sheet, demand: &LineDemand, hosts: u64, growth: f64) -> Result<()> {
    let needed = demand.hosts_needed(hosts, growth)?;
    sheet.fact("growth", "growth of demand", growth, "");
    sheet.fact("hosts_needed", "hosts needed at the largest demand", needed.middle, "");
    sheet.fact("hosts_needed_low", "with probability 2.5%, no more than", needed.low, "");
    sheet.fact("hosts_needed_high", "with probability 97.5%, no more than", needed.high, "");
    Ok(())
}

fn notes(sheet: &mut Sheet, model: &DemandModel) {
    if model.r_squared.is_none() {
        sheet.note("Use never changed: there is no variance of which a share could be explained.");
    }
    if model.shape.cost_ratio.is_infinite() {
        sheet.note(
            "Of a line with a bend the first units cost nothing: what the last cost is no multiple \
             of that.",
        );
    }
    match model.shape.verdict {
        Verdict::Straight => {}
        Verdict::BendsUp => sheet.note(format!(
            "Use bends upward from {:.6} on: the straight line must not be carried beyond the \
             largest demand seen, and promises too much near it.",
            model.shape.knot_use
        )),
        Verdict::BendsDown if model.shape.is_cut_off => sheet.note(format!(
            "Use stops growing from {:.6} on, while demand grows: a ceiling, and not a cheaper \
             unit. What was wanted beyond it is not in these rows, so that no demand at the line \
             and no hosts are told. plimsoll calc demand estimates what was wanted.",
            model.shape.knot_use
        )),
        Verdict::BendsDown => sheet.note(format!(
            "Use bends downward from {:.6} on: the last units cost less than the line says, or \
             not all that was wanted was served, so that no number of hosts is surely enough.",
            model.shape.knot_use
        )),
    }
    if model.is_collinear() {
        sheet
            .note("Drivers move together (VIF above 10): their sum is known, their parts are not.");
    }
    if model.day_differences.as_ref().is_some_and(|other| other.disagree) {
        sheet.note(
            "Costs by differences to the day before disagree: a pattern of the day that demand and \
             use share may pass for a cost.",
        );
    }
    sheet.note("Robust regression (Huber); intervals know that noise has a memory.");
}

/// A growth in percent, as a share.
fn percent(text: &str) -> Result<f64> {
    let number = text.trim().strip_suffix('%').and_then(|number| number.trim().parse().ok());
    let number = number.filter(|number: &f64| number.is_finite() && *number > -100.0);
    number.map(|number| number / 100.0).ok_or_else(|| {
        Error::invalid(format!("--growth {text} is no growth: give a percentage, as in 30%"))
    })
}
