//! `calc knee`: how busy servers may be before responses pass a multiple of the service time.

use crate::capacity::queueing::{ResponseTarget, highest_utilisation};
use crate::error::Result;
use crate::report::{Column, Sheet, Value};

#[derive(Debug, clap::Args)]
pub(super) struct KneeArgs {
    /// Numbers of servers.
    #[arg(
        long,
        value_name = "COUNT",
        value_delimiter = ',',
        default_values_t = [1, 2, 4, 8, 16, 32, 64]
    )]
    servers: Vec<usize>,
    /// What a response may take, in service times.
    #[arg(long, value_name = "TIMES", value_delimiter = ',', default_values_t = [1.5, 2.0])]
    times: Vec<f64>,
    /// It is this percentile of responses that may take so long, as in 0.95; else their mean.
    #[arg(long, value_name = "LEVEL")]
    percentile: Option<f64>,
}

/// A row per number of servers and target.
pub(super) fn knee(args: &KneeArgs) -> Result<Sheet> {
    let title = match args.percentile {
        Some(level) => format!("Utilisation at which a share of {level} responds in time"),
        None => "Utilisation at which the mean response is in time".to_owned(),
    };
    let mut sheet = Sheet::new(title);
    let columns = [
        Column::new("servers", "servers"),
        Column::new("times", "service times"),
        Column::new("utilisation", "utilisation"),
        Column::new("headroom", "headroom"),
    ];
    let table = sheet.table("knees", &columns);
    for servers in &args.servers {
        for times in &args.times {
            let utilisation = highest_utilisation(*servers, target(*times, args.percentile))?;
            let servers: Value = (*servers).into();
            table.row([servers, (*times).into(), utilisation.into(), (1.0 - utilisation).into()]);
        }
    }
    sheet.note("Arrivals at random, exponential service times, one queue (M/M/c).");
    Ok(sheet)
}

/// A target for the mean, or for a percentile.
pub(super) fn target(times: f64, percentile: Option<f64>) -> ResponseTarget {
    match percentile {
        Some(level) => ResponseTarget::Quantile { level, times },
        None => ResponseTarget::Mean { times },
    }
}
