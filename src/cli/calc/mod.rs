//! Single questions of capacity, worked out from a few numbers or a small file, without a store.

mod budget;
mod demand;
mod exhaustion;
mod gap;
mod newsvendor;
mod order;
mod remaining;
mod savings;
mod table;

use clap::Subcommand;

use super::Outcome;
use super::args::OutputFormat;
use super::output::{Stop, to_stdout};
use crate::report::Sheet;

#[derive(Debug, clap::Args)]
pub(super) struct CalcArgs {
    #[command(subcommand)]
    what: Calculation,
    /// How to write the result.
    #[arg(long, value_enum, default_value = "table", global = true)]
    format: OutputFormat,
}

#[derive(Debug, Subcommand)]
enum Calculation {
    /// When what grows reaches its limit.
    Exhaustion(exhaustion::ExhaustionArgs),
    /// What the most constrained of several resources leaves, for how long, and what buffers ask
    /// for.
    Remaining(remaining::RemainingArgs),
    /// By when to order, how many hosts, and at what risk.
    Order(order::OrderArgs),
    /// How much to have, between the cost of too little and that of too much.
    Newsvendor(newsvendor::NewsvendorArgs),
    /// What the gap between designed and actual costs a month, in capital and operating cost.
    Gap(gap::GapArgs),
    /// Which hosts can leave, and what that saves: what is reclaimed on others is idle, not saved.
    Savings(savings::SavingsArgs),
    /// An error budget: what burns it, the cheapest plan that keeps it, the price of each nine.
    Budget(Box<budget::BudgetArgs>),
}

/// Works out an answer and prints it.
pub(super) fn calc(args: &CalcArgs) -> Result<Outcome, Stop> {
    let sheet: Sheet = match &args.what {
        Calculation::Exhaustion(args) => exhaustion::exhaustion(args)?,
        Calculation::Remaining(args) => remaining::remaining(args)?,
        Calculation::Order(args) => order::order(args)?,
        Calculation::Newsvendor(args) => newsvendor::newsvendor(args)?,
        Calculation::Gap(args) => gap::gap(args)?,
        Calculation::Savings(args) => savings::savings(args)?,
        Calculation::Budget(args) => budget::budget(args)?,
    };
    to_stdout(|out| match args.format {
        OutputFormat::Table => sheet.text(out),
        OutputFormat::Json => sheet.json(out),
        OutputFormat::Csv => sheet.csv(out),
    })?;
    Ok(Outcome::Done)
}
