//! `calc newsvendor`: how much to have, between too little and too much.

use super::demand_args::DemandArgs;
use crate::capacity::order::ShortageCosts;
use crate::error::{Error, Result};
use crate::report::{Column, Sheet};

#[derive(Debug, clap::Args)]
pub(super) struct NewsvendorArgs {
    #[command(flatten)]
    demand: DemandArgs,
    /// What a unit too few costs.
    #[arg(long, value_name = "MONEY")]
    shortage_cost: f64,
    /// What a unit too many costs, over the same time.
    #[arg(long, value_name = "MONEY")]
    surplus_cost: f64,
    /// An amount to compare with the best one. Several may be given.
    #[arg(long, value_name = "AMOUNT", allow_negative_numbers = true)]
    amount: Vec<f64>,
}

/// The amount that costs least on average, and what others would cost.
pub(super) fn newsvendor(args: &NewsvendorArgs) -> Result<Sheet> {
    let Some(demand) = args.demand.demand()? else {
        return Err(Error::invalid("give the demand: --mean and --deviation, or --samples"));
    };
    if let Some(bad) = args.amount.iter().find(|amount| **amount < 0.0) {
        return Err(Error::invalid(format!("--amount {bad} is no amount: give 0 or more")));
    }
    let costs = ShortageCosts::new(args.shortage_cost, args.surplus_cost)?;
    let best = costs.best_amount(&demand)?;
    let mut sheet = Sheet::new("Newsvendor");
    sheet.fact("critical_ratio", "enough with probability", costs.critical_ratio(), "");
    sheet.fact("amount", "the amount that costs least", best, "");
    sheet.fact("expected_cost", "its expected cost", costs.expected_cost(&demand, best), "");
    let columns = [
        Column::new("what", "what"),
        Column::new("amount", "amount"),
        Column::new("shortage_probability", "too little, likely"),
        Column::new("expected_shortage", "short on average"),
        Column::new("expected_cost", "expected cost"),
    ];
    let table = sheet.table("amounts", &columns);
    let given = args.amount.iter().map(|amount| ("given", *amount));
    for (what, amount) in [("best", best), ("mean", demand.mean())].into_iter().chain(given) {
        table.row([
            what.into(),
            amount.into(),
            demand.exceeds(amount).into(),
            demand.expected_shortage(amount).into(),
            costs.expected_cost(&demand, amount).into(),
        ]);
    }
    if best == 0.0 && demand.exceeds(0.0) < 1.0 - costs.critical_ratio() {
        sheet.note(
            "The demand's quantile at the ratio is below 0, and nobody has less than nothing: the \
             best is to have none.",
        );
    }
    sheet.note(args.demand.source());
    Ok(sheet)
}
