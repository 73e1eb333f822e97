//! `calc savings`: which hosts can leave, and what is saved by that.

use std::path::PathBuf;

use super::table::{Row, Table};
use crate::capacity::cost::{HostResource, HostUse, LeaveRules, WholeHosts};
use crate::error::{Error, Result};
use crate::report::{Column, Sheet, Value};

#[derive(Debug, clap::Args)]
pub(super) struct SavingsArgs {
    /// A CSV file, one resource of one host a row: `host`, `price_per_month` (of the host, the same
    /// in all its rows), `resource`, `capacity`, `used`; and where known `reclaimable`, what of the
    /// use nobody would miss.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// How full the hosts that stay may become, as a share of each resource.
    #[arg(long, value_name = "SHARE", default_value_t = 0.8)]
    utilization_max: f64,
    /// No fewer hosts may stay.
    #[arg(long, value_name = "HOSTS", default_value_t = 1)]
    hosts_min: usize,
}

/// The hosts that can leave; what is reclaimed on others is idle, not saved.
pub(super) fn savings(args: &SavingsArgs) -> Result<Sheet> {
    let required = ["host", "price_per_month", "resource", "capacity", "used"];
    let table = Table::read_exact(&args.file, &required, &["reclaimable"])?;
    let mut fleet = Fleet::default();
    table.rows().try_for_each(|row| fleet.add(row))?;
    let (hosts, resources) = fleet.finish()?;
    let rules = LeaveRules { utilization_max: args.utilization_max, hosts_min: args.hosts_min };
    let whole = WholeHosts::of(&hosts, rules)?;
    let mut sheet = Sheet::new("Savings, per month");
    sheet.fact("hosts", "hosts", hosts.len(), "");
    sheet.fact("hosts_leaving", "hosts that can leave", whole.leaving.len(), "");
    sheet.fact("savings", "saved", whole.savings_per_month, "");
    let without = whole.savings_without_reclaim;
    sheet.fact("savings_without_reclaim", "of it without reclaiming anything", without, "");
    sheet.fact("reclaimed", "reclaimed, on paper", whole.reclaimed_per_month, "");
    sheet.fact("idle", "idle on the hosts that stay", whole.idle_per_month, "");
    let columns = [Column::new("host", "host"), Column::new("price_per_month", "leaves, saving")];
    let leaving = sheet.table("leaving", &columns);
    for at in &whole.leaving {
        leaving.row([hosts[*at].id.as_str().into(), hosts[*at].price_per_month.into()]);
    }
    let columns = [
        Column::new("resource", "resource"),
        Column::new("capacity", "capacity that stays"),
        Column::new("used", "used"),
        Column::new("idle", "idle"),
    ];
    let table = sheet.table("resources", &columns);
    for (at, name) in resources.iter().enumerate() {
        let stays = |host: &usize| whole.leaving.binary_search(host).is_err();
        let capacity: f64 =
            (0..hosts.len()).filter(stays).map(|host| hosts[host].resources[at].capacity).sum();
        let idle = whole.idle[at];
        let cells: [Value; 4] =
            [name.as_str().into(), capacity.into(), (capacity - idle).into(), idle.into()];
        table.row(cells);
    }
    sheet.note(
        "Hosts are counted by sums of each resource; whether the pieces fit is for packing to say.",
    );
    if !whole.is_best {
        sheet.note("There are too many kinds of host to try all choices: others may save more.");
    }
    Ok(sheet)
}

/// Hosts as they are read, a resource at a time.
#[derive(Debug, Default)]
struct Fleet {
    hosts: Vec<(String, f64, Vec<Option<HostResource>>)>,
    resources: Vec<String>,
}

impl Fleet {
    fn add(&mut self, row: Row<'_>) -> Result<()> {
        let (id, resource) = (row.text("host"), row.text("resource"));
        let price = row.number("price_per_month")?;
        let amounts = HostResource {
            capacity: row.number("capacity")?,
            used: row.number("used")?,
            reclaimable: row.number_if_any("reclaimable")?.unwrap_or(0.0),
        };
        let place = self.resources.iter().position(|name| name == resource);
        let place = place.unwrap_or_else(|| {
            self.resources.push(resource.to_owned());
            self.resources.len() - 1
        });
        // Rows of one host usually follow each other.
        let known = self.hosts.iter().rposition(|(name, ..)| name == id);
        let at = known.unwrap_or_else(|| {
            self.hosts.push((id.to_owned(), price, Vec::new()));
            self.hosts.len() - 1
        });
        let (_, known_price, amounts_of) = &mut self.hosts[at];
        if *known_price != price {
            let what = format!("{id} costs {price} here and {known_price} above: give one price");
            return Err(row.error(what));
        }
        if amounts_of.len() <= place {
            amounts_of.resize(place + 1, None);
        }
        match amounts_of[place].replace(amounts) {
            None => Ok(()),
            Some(_) => Err(row.error(format!("{resource} of {id} is there twice: count it once"))),
        }
    }

    fn finish(self) -> Result<(Vec<HostUse>, Vec<String>)> {
        let Self { hosts, resources } = self;
        let whole = |(id, price_per_month, mut amounts): (String, f64, Vec<_>)| {
            amounts.resize(resources.len(), None);
            if let Some(missing) = amounts.iter().position(Option::is_none) {
                let what = format!("host {id} has no row for {}: add one", resources[missing]);
                return Err(Error::invalid(what));
            }
            Ok(HostUse { id, price_per_month, resources: amounts.into_iter().flatten().collect() })
        };
        let hosts = hosts.into_iter().map(whole).collect::<Result<_>>()?;
        Ok((hosts, resources))
    }
}
