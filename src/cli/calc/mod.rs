//! Single questions of capacity, worked out from a few numbers or a small file, without a store.

mod drivers;
mod events;
mod exhaustion;
mod failover;
mod knee;
mod network;
mod queue;
mod series;
mod staff;
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
    /// How long work waits for servers.
    Queue(queue::QueueArgs),
    /// What a network of queues comes to: stations, and classes of work that visit them.
    Network(network::NetworkArgs),
    /// How many servers it takes for waits to stay short.
    Staff(staff::StaffArgs),
    /// How busy servers may be before responses take too long.
    Knee(knee::KneeArgs),
    /// Whether what is left carries everything when hosts are lost.
    Failover(failover::FailoverArgs),
    /// What a unit of demand costs, and how much demand is carried.
    Drivers(drivers::DriversArgs),
    /// What deploys and other events did to the cost of a unit of demand.
    Events(events::EventsArgs),
}

/// Works out an answer and prints it.
pub(super) fn calc(args: &CalcArgs) -> Result<Outcome, Stop> {
    let sheet: Sheet = match &args.what {
        Calculation::Exhaustion(args) => exhaustion::exhaustion(args)?,
        Calculation::Queue(args) => queue::queue(args)?,
        Calculation::Network(args) => network::network(args)?,
        Calculation::Staff(args) => staff::staff(args)?,
        Calculation::Knee(args) => knee::knee(args)?,
        Calculation::Failover(args) => failover::failover(args)?,
        Calculation::Drivers(args) => drivers::drivers(args)?,
        Calculation::Events(args) => events::events(args)?,
    };
    to_stdout(|out| match args.format {
        OutputFormat::Table => sheet.text(out),
        OutputFormat::Json => sheet.json(out),
        OutputFormat::Csv => sheet.csv(out),
    })?;
    Ok(Outcome::Done)
}
