//! Single questions of capacity, worked out from a few numbers or a small file, without a store.

mod budget;
mod demand;
mod demand_args;
mod drivers;
mod events;
mod exhaustion;
mod failover;
mod gap;
mod hardware;
mod knee;
mod network;
mod newsvendor;
mod order;
mod pack;
mod predict;
mod queue;
mod remaining;
mod rightsize;
mod savings;
mod series;
mod share;
mod staff;
mod table;
mod usl;

use clap::Subcommand;

use super::Outcome;
use super::args::OutputFormat;
use super::output::{Stop, sheet_to_stdout};
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
    /// What demand comes to in the cores of other hardware.
    Hardware(hardware::HardwareArgs),
    /// How many hosts a set of demands takes, and what of them nobody can use.
    Pack(pack::PackArgs),
    /// What loads need apart and together, what a host may promise, and who goes with whom.
    Share(share::ShareArgs),
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
    /// How throughput grows with load, and where it peaks: the Universal Scalability Law.
    Usl(usl::UslArgs),
    /// What was wanted where use was cut off at a capacity.
    Demand(demand::DemandArgs),
    /// A forecast as Prometheus or Zabbix makes it, number for number.
    Predict(predict::PredictArgs),
    /// How large a workload should be, by our rule and by those of others.
    Rightsize(rightsize::RightsizeArgs),
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
    /// What a unit of demand costs, and how much demand is carried.
    Drivers(drivers::DriversArgs),
    /// What deploys and other events did to the cost of a unit of demand.
    Events(events::EventsArgs),
}

/// Works out an answer and prints it.
pub(super) fn calc(args: &CalcArgs) -> Result<Outcome, Stop> {
    let sheet: Sheet = match &args.what {
        Calculation::Exhaustion(args) => exhaustion::exhaustion(args)?,
        Calculation::Hardware(args) => hardware::hardware(args)?,
        Calculation::Pack(args) => pack::pack(args)?,
        Calculation::Share(args) => share::share(args)?,
        Calculation::Queue(args) => queue::queue(args)?,
        Calculation::Network(args) => network::network(args)?,
        Calculation::Staff(args) => staff::staff(args)?,
        Calculation::Knee(args) => knee::knee(args)?,
        Calculation::Failover(args) => failover::failover(args)?,
        Calculation::Usl(args) => usl::usl(args)?,
        Calculation::Demand(args) => demand::demand(args)?,
        Calculation::Predict(args) => predict::predict(args)?,
        Calculation::Rightsize(args) => rightsize::rightsize(args)?,
        Calculation::Remaining(args) => remaining::remaining(args)?,
        Calculation::Order(args) => order::order(args)?,
        Calculation::Newsvendor(args) => newsvendor::newsvendor(args)?,
        Calculation::Gap(args) => gap::gap(args)?,
        Calculation::Savings(args) => savings::savings(args)?,
        Calculation::Budget(args) => budget::budget(args)?,
        Calculation::Drivers(args) => drivers::drivers(args)?,
        Calculation::Events(args) => events::events(args)?,
    };
    sheet_to_stdout(&sheet, args.format)?;
    Ok(Outcome::Done)
}
