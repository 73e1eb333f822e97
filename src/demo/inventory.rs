//! The inventory of the fleet: who answers for each host, where it stands, what it costs.

use std::fmt::Write;

use super::Fleet;
use super::resource::{CPU, MEMORY};

/// What a host costs in a month, by its processors and its memory.
const PRICE_PER_CORE: f64 = 9.0;
const PRICE_PER_GIB: f64 = 1.2;
/// What owners ask for, as a share of what they get.
const ASKED_SHARE: f64 = 0.75;
/// Hosts of a rack.
const PER_RACK: usize = 8;

const GIB: f64 = 1_073_741_824.0;

impl Fleet {
    /// The text of a `hosts.csv` for the fleet: a row for each host, as `docs/inventory.md` has it.
    ///
    /// ```
    /// use plimsoll::demo::{Fleet, FleetOptions};
    /// let fleet = Fleet::new(FleetOptions { hosts: 30, days: 7, ..FleetOptions::default() })?;
    /// assert_eq!(fleet.inventory().lines().count(), 31);
    /// # Ok::<(), plimsoll::Error>(())
    /// ```
    pub fn inventory(&self) -> String {
        let mut text =
            "host,owner,rack,price,requested_cpu_cores,requested_memory_gib\n".to_owned();
        for (at, host) in self.hosts().iter().enumerate() {
            let (cores, memory) = (host.limits()[CPU], host.limits()[MEMORY] / GIB);
            // Writing to a String does not fail.
            let _ = writeln!(
                text,
                "{},team-{},r{},{:.0},{:.0},{:.0}",
                host.name,
                host.service,
                at / PER_RACK + 1,
                cores * PRICE_PER_CORE + memory * PRICE_PER_GIB,
                cores * ASKED_SHARE,
                memory * ASKED_SHARE,
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::FleetOptions;

    #[test]
    fn every_host_has_a_row_of_its_own() {
        let fleet = Fleet::new(FleetOptions { hosts: 40, days: 7, ..FleetOptions::default() });
        let fleet = fleet.unwrap();
        let text = fleet.inventory();
        for (host, row) in fleet.hosts().iter().zip(text.lines().skip(1)) {
            let cells: Vec<&str> = row.split(',').collect();
            let [name, owner, _, price, cores, _] = cells[..] else { panic!("{row}") };
            assert_eq!(
                (name, owner),
                (host.name.as_str(), format!("team-{}", host.service).as_str())
            );
            let (price, cores): (f64, f64) = (price.parse().unwrap(), cores.parse().unwrap());
            assert!(cores > 0.0 && cores < host.limits()[CPU], "{row}");
            assert!(price >= 9.0 * host.limits()[CPU], "{row}");
        }
    }
}
