//! `calc staff`: how many servers it takes for waits to stay short.

use crate::capacity::queueing::{
    WaitTarget, highest_utilisation_by_wait, least_servers, square_root_factor,
};
use crate::error::{Error, Result};
use crate::report::Sheet;

#[derive(Debug, clap::Args)]
pub(super) struct StaffArgs {
    /// How many arrive per second, at random times.
    #[arg(long, value_name = "PER_SECOND", required_unless_present = "servers")]
    rate: Option<f64>,
    /// The mean time to serve one, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0, conflicts_with = "servers")]
    service: f64,
    /// So many servers are there: how busy may they be? Takes --wait-probability.
    #[arg(long, value_name = "COUNT", conflicts_with = "rate", requires = "wait_probability")]
    servers: Option<usize>,
    /// At most this share has to wait.
    #[arg(long, value_name = "SHARE", group = "target")]
    wait_probability: Option<f64>,
    /// The mean wait is at most so many seconds.
    #[arg(long, value_name = "SECONDS", group = "target")]
    wait_mean: Option<f64>,
    /// At most a share, given by --share, waits longer than so many seconds.
    #[arg(long, value_name = "SECONDS", group = "target", requires = "share")]
    wait_over: Option<f64>,
    /// The share that may wait longer than --wait-over.
    #[arg(long, value_name = "SHARE", requires = "wait_over")]
    #[arg(conflicts_with_all = ["wait_probability", "wait_mean"])]
    share: Option<f64>,
}

/// The least number of servers, with the square-root rule beside it; or the highest load.
pub(super) fn staff(args: &StaffArgs) -> Result<Sheet> {
    if let (Some(servers), Some(most)) = (args.servers, args.wait_probability) {
        return headroom(servers, most);
    }
    let target = match (args.wait_probability, args.wait_mean, args.wait_over) {
        (Some(most), _, _) => WaitTarget::Probability(most),
        (_, Some(most_s), _) => WaitTarget::MeanS(most_s),
        (_, _, Some(time_s)) => WaitTarget::Over { time_s, probability: args.share.unwrap_or(0.0) },
        _ => {
            return Err(Error::invalid(
                "say how long work may wait: --wait-probability, --wait-mean or --wait-over",
            ));
        }
    };
    let rate = args.rate.unwrap_or(0.0);
    let staffing = least_servers(rate, args.service, target)?;
    let mut sheet = Sheet::new("Servers for short waits");
    sheet.fact("offered", "offered load", rate * args.service, "servers");
    sheet.fact("servers", "least number of servers", staffing.servers, "");
    let means = staffing.queue.means;
    sheet.fact("utilisation", "their utilisation", means.utilisation, "");
    sheet.fact("wait_probability", "has to wait", means.wait_probability, "");
    sheet.fact("wait_mean_s", "mean wait", means.wait_mean_s, "s");
    let p95_s = staffing.queue.wait_quantile_s(0.95)?;
    sheet.fact("wait_p95_s", "95% wait at most", p95_s, "s");
    sheet.fact("rule_servers", "by the square-root rule", staffing.rule_servers, "servers");
    sheet.fact("rule_factor", "its factor", staffing.rule_factor, "");
    let ruled = staffing.rule_queue.map(|queue| queue.means);
    let probability = ruled.map(|means| means.wait_probability);
    sheet.fact("rule_wait_probability", "has to wait with those", probability, "");
    sheet.note(match (staffing.rule_servers, staffing.servers) {
        (rule, exact) if rule < exact => format!("The rule is short by {}.", exact - rule),
        (rule, exact) if rule > exact => format!("The rule has {} too many.", rule - exact),
        _ => "The rule says the same.".to_owned(),
    });
    Ok(sheet)
}

fn headroom(servers: usize, most: f64) -> Result<Sheet> {
    let utilisation = highest_utilisation_by_wait(servers, most)?;
    let factor = square_root_factor(most)?;
    let mut sheet = Sheet::new("Headroom for short waits");
    sheet.fact("utilisation", "highest utilisation", utilisation, "");
    sheet.fact("headroom", "headroom", 1.0 - utilisation, "");
    sheet.fact("offered", "offered load", utilisation * servers as f64, "servers");
    // c = a + b sqrt(a), solved for a.
    let root = 0.5 * ((factor * factor + 4.0 * servers as f64).sqrt() - factor);
    let ruled = 1.0 - root * root / servers as f64;
    sheet.fact("rule_headroom", "headroom by the square-root rule", ruled, "");
    Ok(sheet)
}
