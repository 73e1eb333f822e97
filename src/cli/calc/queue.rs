//! `calc queue`: how long work waits for servers.

use crate::capacity::queueing::{
    FinitePopulation, FixedService, GeneralService, LongRun, Means, OpenQueue, Saturation,
    SteadyQueue, TwoServers,
};
use crate::error::{Error, Result};
use crate::report::{Column, Sheet, Value};

#[derive(Debug, clap::Args)]
pub(super) struct QueueArgs {
    /// How many arrive per second, at random times.
    #[arg(long, value_name = "PER_SECOND", required_unless_present = "population")]
    rate: Option<f64>,
    /// The mean time to serve one, in seconds. Service times are exponential, if not said
    /// otherwise.
    #[arg(long, value_name = "SECONDS")]
    service: f64,
    /// How many servers work off the queue.
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    servers: usize,
    /// All service times are the same (M/D/1); one server.
    #[arg(long, conflicts_with_all = ["variation", "population", "slow_service"])]
    deterministic: bool,
    /// Service times of any law (M/G/1): their standard deviation over their mean; one server.
    #[arg(long, value_name = "RATIO", conflicts_with_all = ["population", "slow_service"])]
    variation: Option<f64>,
    /// So many customers in all, who each wait for an answer before they ask again (M/M/c//N).
    #[arg(long, value_name = "COUNT", conflicts_with_all = ["rate", "slow_service"])]
    population: Option<usize>,
    /// The mean time a customer of the population thinks before asking, in seconds.
    #[arg(long, value_name = "SECONDS", requires = "population", default_value_t = 0.0)]
    #[arg(conflicts_with = "rate")]
    think: f64,
    /// A second, slower server with a queue of its own: how is the stream best split?
    #[arg(long, value_name = "SECONDS")]
    slow_service: Option<f64>,
    /// Percentiles to be worked out, as in 0.95. Of service times of any law only means are known.
    #[arg(
        long,
        value_name = "LEVEL",
        value_delimiter = ',',
        conflicts_with_all = ["variation", "slow_service"],
        default_values_t = [0.5, 0.9, 0.95, 0.99]
    )]
    percentile: Vec<f64>,
    /// How likely is a wait longer than so many seconds? Several may be given.
    #[arg(long, value_name = "SECONDS", value_delimiter = ',')]
    #[arg(conflicts_with_all = ["variation", "slow_service"])]
    over: Vec<f64>,
}

/// The steady state of the queue that the arguments describe.
pub(super) fn queue(args: &QueueArgs) -> Result<Sheet> {
    let one_server = args.deterministic || args.variation.is_some() || args.slow_service.is_some();
    if one_server && args.servers != 1 {
        return Err(Error::invalid(
            "--deterministic, --variation and --slow-service take one server: leave --servers out",
        ));
    }
    if let Some(population) = args.population {
        return finite(args, population);
    }
    let rate = args.rate.unwrap_or(0.0);
    if let Some(slow_s) = args.slow_service {
        return split(&TwoServers::new(rate, args.service, slow_s)?);
    }
    if args.deterministic {
        return fixed(args, rate);
    }
    if let Some(variation) = args.variation {
        let mut sheet = Sheet::new("Queue M/G/1");
        match GeneralService::new(rate, args.service, variation)?.long_run() {
            LongRun::Steady(state) => means(&mut sheet, &state),
            LongRun::Saturated(limit) => saturated(&mut sheet, limit),
        }
        sheet.note("Means by Pollaczek and Khinchine; percentiles take the whole law.");
        return Ok(sheet);
    }
    let mut sheet = Sheet::new(format!("Queue M/M/{}", args.servers));
    match OpenQueue::new(rate, args.service, args.servers)?.long_run() {
        LongRun::Steady(state) => open(&mut sheet, args, &state)?,
        LongRun::Saturated(limit) => saturated(&mut sheet, limit),
    }
    Ok(sheet)
}

fn open(sheet: &mut Sheet, args: &QueueArgs, state: &SteadyQueue) -> Result<()> {
    means(sheet, &state.means);
    percentiles(sheet, args, |level| {
        Ok((state.wait_quantile_s(level)?, Some(state.response_quantile_s(level)?)))
    })?;
    over(sheet, args, |time_s| Ok(state.wait_over(time_s)))?;
    sheet.note("Arrivals at random, exponential service times, first come first served.");
    Ok(())
}

fn fixed(args: &QueueArgs, rate: f64) -> Result<Sheet> {
    let mut sheet = Sheet::new("Queue M/D/1");
    match FixedService::new(rate, args.service)?.long_run() {
        LongRun::Steady(state) => {
            means(&mut sheet, &state.means);
            percentiles(&mut sheet, args, |level| {
                let wait_s = state.wait_quantile_s(level)?;
                Ok((wait_s, Some(wait_s + args.service)))
            })?;
            over(&mut sheet, args, |time_s| state.wait_over(time_s))?;
            sheet.note("Arrivals at random, service times all the same, first come first served.");
        }
        LongRun::Saturated(limit) => saturated(&mut sheet, limit),
    }
    Ok(sheet)
}

fn finite(args: &QueueArgs, population: usize) -> Result<Sheet> {
    let queue = FinitePopulation::new(population, args.think, args.service, args.servers)?;
    let state = queue.steady();
    let mut sheet = Sheet::new(format!("Queue M/M/{}//{population}", args.servers));
    means(&mut sheet, &state.means);
    let saturating = state.population_saturating;
    sheet.fact("population_saturating", "busy if nobody ever met", saturating, "customers");
    percentiles(&mut sheet, args, |level| Ok((state.wait_quantile_s(level)?, None)))?;
    over(&mut sheet, args, |time_s| Ok(state.wait_over(time_s)))?;
    sheet.note("Times of thought and of service are exponential, first come first served.");
    Ok(sheet)
}

fn split(servers: &TwoServers) -> Result<Sheet> {
    let mut sheet = Sheet::new("A stream over a fast and a slow server");
    match servers.best()? {
        LongRun::Steady(split) => {
            sheet.fact("state", "state", "steady", "");
            sheet.fact("fast_share", "best share for the fast server", split.fast_share, "");
            sheet.fact("response_mean_s", "mean response", split.response_mean_s, "s");
            let (fast, slow) = (split.fast_utilisation, split.slow_utilisation);
            sheet.fact("fast_utilisation", "utilisation of the fast server", fast, "");
            sheet.fact("slow_utilisation", "utilisation of the slow server", slow, "");
            sheet.note("Dealt out at random, each server with a queue of its own (M/M/1).");
        }
        LongRun::Saturated(limit) => saturated(&mut sheet, limit),
    }
    Ok(sheet)
}

fn means(sheet: &mut Sheet, means: &Means) {
    sheet.fact("state", "state", "steady", "");
    sheet.fact("throughput_per_s", "throughput", means.throughput_per_s, "per second");
    sheet.fact("utilisation", "utilisation", means.utilisation, "");
    sheet.fact("wait_probability", "has to wait", means.wait_probability, "");
    sheet.fact("wait_mean_s", "mean wait", means.wait_mean_s, "s");
    sheet.fact("response_mean_s", "mean response", means.response_mean_s, "s");
    sheet.fact("waiting_mean", "mean number waiting", means.waiting_mean, "");
    sheet.fact("present_mean", "mean number waiting or served", means.present_mean, "");
}

fn saturated(sheet: &mut Sheet, limit: Saturation) {
    sheet.fact("state", "state", "saturated", "");
    sheet.fact("utilisation", "utilisation asked for", limit.utilisation, "");
    let rate = limit.arrival_rate_max_per_s;
    sheet.fact("arrival_rate_max_per_s", "it bears less than", rate, "per second");
    sheet.note("More arrives than can be served: the queue grows for as long as that lasts.");
}

fn percentiles(
    sheet: &mut Sheet,
    args: &QueueArgs,
    of: impl Fn(f64) -> Result<(f64, Option<f64>)>,
) -> Result<()> {
    let columns = [
        Column::new("level", "percentile"),
        Column::new("wait_s", "wait, s"),
        Column::new("response_s", "response, s"),
    ];
    let table = sheet.table("percentiles", &columns);
    for level in &args.percentile {
        let (wait_s, response_s) = of(*level)?;
        table.row([(*level).into(), wait_s.into(), response_s.into()]);
    }
    Ok(())
}

fn over(
    sheet: &mut Sheet,
    args: &QueueArgs,
    probability: impl Fn(f64) -> Result<f64>,
) -> Result<()> {
    if args.over.is_empty() {
        return Ok(());
    }
    let columns = [Column::new("time_s", "wait over, s"), Column::new("probability", "likely")];
    let table = sheet.table("over", &columns);
    for time_s in &args.over {
        let likely: Value = probability(*time_s)?.into();
        table.row([(*time_s).into(), likely]);
    }
    Ok(())
}
