//! `calc failover`: whether what is left carries everything when hosts are lost.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::knee::target;
use super::table::Table;
use crate::capacity::failover::{Failover, Fleet, Host, Loss, Place, Spread};
use crate::capacity::queueing::OpenQueue;
use crate::error::{Error, Result};
use crate::model::limits::is_amount;
use crate::report::{Column, Sheet, SheetTable, Value};

#[derive(Debug, clap::Args)]
pub(super) struct FailoverArgs {
    /// How many equal hosts there are.
    #[arg(long, value_name = "COUNT", required_unless_present = "fleet")]
    hosts: Option<usize>,
    /// How full they are, as a share.
    #[arg(long, value_name = "SHARE", conflicts_with = "fleet")]
    used: Option<f64>,
    /// How many hosts may be lost.
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    lose: usize,
    /// How full survivors may get, as a share of their capacity.
    #[arg(long, value_name = "SHARE", default_value_t = 1.0)]
    line: f64,
    /// What a response may take, in service times: how busy may all be for survivors to keep to it?
    #[arg(long, value_name = "TIMES", conflicts_with = "fleet")]
    response: Option<f64>,
    /// It is this percentile of responses that may take so long, as in 0.95; else their mean.
    #[arg(long, value_name = "LEVEL", requires = "response", conflicts_with = "fleet")]
    percentile: Option<f64>,
    /// How many servers each host is, for --response: its processors.
    #[arg(long, value_name = "COUNT", requires = "response", default_value_t = 1)]
    #[arg(conflicts_with = "fleet")]
    servers_per_host: usize,
    /// Hosts of different size: a CSV file with the columns host, capacity and used, and zone and
    /// rack where there are any.
    #[arg(long, value_name = "FILE", conflicts_with = "hosts")]
    fleet: Option<PathBuf>,
    /// Where the work of lost hosts goes.
    #[arg(long, value_enum, default_value = "free", requires = "fleet")]
    #[arg(conflicts_with = "hosts")]
    spread: SpreadWord,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum SpreadWord {
    /// Anywhere there is room; survivors are one pool.
    Free,
    /// Anywhere in its own zone.
    #[value(name = "within_zone", alias = "zone")]
    WithinZone,
    /// To all survivors in proportion to their capacity; the fullest host counts.
    #[value(name = "by_capacity", alias = "capacity")]
    ByCapacity,
}

/// Equal hosts by arithmetic and by latency, or a fleet of unequal ones.
pub(super) fn failover(args: &FailoverArgs) -> Result<Sheet> {
    if !(args.line > 0.0 && args.line <= 1.0) {
        return Err(Error::invalid(format!(
            "--line is {}: give a share above 0 and up to 1, as in 0.9",
            args.line
        )));
    }
    match (&args.fleet, args.hosts) {
        (Some(path), _) => fleet(args, &read(path, args.spread)?),
        (None, hosts) => equal(args, Failover::new(hosts.unwrap_or(0), args.lose)?),
    }
}

fn equal(args: &FailoverArgs, failover: Failover) -> Result<Sheet> {
    let mut sheet = Sheet::new("Failover");
    sheet.fact("survivors", "hosts left", failover.survivors(), "");
    let highest = failover.highest_used_share(args.line);
    sheet.fact("highest_used_share", "all may be full to", highest, "");
    if let Some(used) = args.used {
        if !(used >= 0.0 && is_amount(used)) {
            let what = format!("--used is {used:?}: give a share of 0 or more, as in 0.8");
            return Err(Error::invalid(what));
        }
        let after = failover.used_share_after(used);
        let holds = failover.holds(used, args.line);
        sheet.fact("used_share_after", "survivors are full to", after, "");
        sheet.fact("holds", "they carry it", if holds { "yes" } else { "no" }, "");
        let most = failover.most_lost(used, args.line);
        sheet.fact("most_lost", "hosts that may be lost", most, "");
    }
    if let Some(times) = args.response {
        let target = target(times, args.percentile);
        let in_time = failover.highest_utilisation(target, args.servers_per_host)?;
        sheet.fact("highest_utilisation", "all may be full to, to answer in time", in_time, "");
        if let Some(used) = args.used {
            let hosts = failover.survivors() + args.lose;
            let now = response(hosts, hosts as f64 * used, args)?;
            let after = response(failover.survivors(), hosts as f64 * used, args)?;
            sheet.fact("response_now_times", "response now", now, "service times");
            sheet.fact("response_after_times", "response of survivors", after, "service times");
            let answers = if used <= in_time { "yes" } else { "no" };
            sheet.fact("in_time", "they answer in time", answers, "");
            if after.is_none() {
                sheet.note("Survivors are saturated: their queue grows for as long as that lasts.");
            }
        }
        sheet.note("By latency: one queue for all hosts, at random, exponential (M/M/c).");
    }
    Ok(sheet)
}

/// What a response takes, in service times; nothing if it grows without end.
fn response(hosts: usize, busy_hosts: f64, args: &FailoverArgs) -> Result<Option<f64>> {
    let each = args.servers_per_host;
    let queue = OpenQueue::new(busy_hosts * each as f64, 1.0, hosts.saturating_mul(each))?;
    let Some(state) = queue.long_run().steady() else { return Ok(None) };
    match args.percentile {
        Some(level) => state.response_quantile_s(level).map(Some),
        None => Ok(Some(state.means.response_mean_s)),
    }
}

fn read(path: &std::path::Path, spread: SpreadWord) -> Result<Fleet> {
    let mut required = vec!["host", "capacity", "used"];
    if matches!(spread, SpreadWord::WithinZone) {
        required.push("zone");
    }
    let table = Table::read(path, &required)?;
    let (mut hosts, mut names) = (Vec::new(), BTreeSet::new());
    for row in table.rows() {
        let host = Host {
            name: row.text("host").to_owned(),
            capacity: row.number("capacity")?,
            used: row.number("used")?,
            zone: row.text("zone").to_owned(),
            rack: row.text("rack").to_owned(),
        };
        // The line is known here, so that what is wrong with a host is said with it.
        Fleet::new(vec![host.clone()]).map_err(|why| row.error(why.to_string()))?;
        if !names.insert(host.name.clone()) {
            let what = format!("{} is there twice: give each host once", host.name);
            return Err(row.error(what));
        }
        if host.zone.is_empty() && matches!(spread, SpreadWord::WithinZone) {
            let what = format!("{} has no zone: --spread within_zone takes one of each", host.name);
            return Err(row.error(what));
        }
        hosts.push(host);
    }
    Fleet::new(hosts)
}

fn fleet(args: &FailoverArgs, fleet: &Fleet) -> Result<Sheet> {
    let spread = match args.spread {
        SpreadWord::Free => Spread::Free,
        SpreadWord::WithinZone => Spread::WithinZone,
        SpreadWord::ByCapacity => Spread::ByCapacity,
    };
    let worst = fleet.worst_loss(args.lose, spread)?;
    let mut sheet = Sheet::new("Failover of a fleet");
    sheet.fact("hosts", "hosts", fleet.hosts().len(), "");
    sheet.fact("used_share", "full to", fleet.used_share(), "");
    let names: Vec<&str> =
        worst.loss.hosts.iter().map(|index| fleet.hosts()[*index].name.as_str()).collect();
    sheet.fact("worst_hosts", format!("worst loss of {}", args.lose), names.join(", "), "");
    let share = worst.loss.used_share;
    sheet.fact("used_share_after", "survivors are full to", share, "");
    sheet.fact("fullest", "the fullest", worst.loss.fullest.clone(), "");
    sheet.fact("holds", "they carry it", held(&worst.loss, args.line), "");
    sheet.fact("sets_tried", "sets of hosts tried", worst.sets_tried, "");
    let has = |of: fn(&Host) -> &str| fleet.hosts().iter().any(|host| !of(host).is_empty());
    if has(|host| &host.zone) {
        let columns = [
            Column::new("zone", "zone lost"),
            Column::new("used_share_after", "survivors full to"),
            Column::new("holds", "carried"),
        ];
        let table = sheet.table("zones", &columns);
        groups(table, fleet, Place::Zone, spread, args.line);
    }
    if has(|host| &host.rack) {
        let columns = [
            Column::new("zone", "zone"),
            Column::new("rack", "rack lost"),
            Column::new("used_share_after", "survivors full to"),
            Column::new("holds", "carried"),
        ];
        let table = sheet.table("racks", &columns);
        groups(table, fleet, Place::Rack, spread, args.line);
    }
    if worst.sets_tried.is_none() {
        sheet.note("Too many sets of hosts to try each: found by the rule, which is exact.");
    }
    if share.is_none() {
        sheet.note("There is work that no host is left for.");
    }
    Ok(sheet)
}

fn groups(table: &mut SheetTable, fleet: &Fleet, place: Place, spread: Spread, line: f64) {
    for group in fleet.group_losses(place, spread) {
        let mut cells: Vec<Value> = vec![group.zone.into()];
        cells.extend(group.rack.map(Value::from));
        cells.push(group.loss.used_share.into());
        cells.push(held(&group.loss, line).into());
        table.row(cells);
    }
}

fn held(loss: &Loss, line: f64) -> &'static str {
    if loss.holds(line) { "yes" } else { "no" }
}
