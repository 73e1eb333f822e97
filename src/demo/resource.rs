//! The five resources every host has: their metrics, units, margins, and how finely an exporter
//! reads them.

use crate::error::Result;
use crate::model::Unit;

/// One resource of a host.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Resource {
    /// Its name in the study.
    pub name: &'static str,
    /// The metric of its use.
    pub usage: &'static str,
    /// Whether that metric counts up since the last boot, and its use is the rate.
    pub is_counter: bool,
    /// The metric of its limit; `None` where the limit is [`CONNECTIONS_MAX`] on every host.
    pub capacity: Option<&'static str>,
    /// Unit of use and limit.
    pub(super) unit: &'static str,
    /// Share of the limit that the study keeps free.
    pub safety_margin: f64,
    /// Readings are whole multiples of this.
    granule: Granule,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Granule {
    /// A hundredth, as exporters print shares of time.
    Hundredth,
    Whole(f64),
}

/// Connections a host may have open: a setting of the system, the same everywhere.
pub(super) const CONNECTIONS_MAX: f64 = 10_000.0;

/// The resources, in the order of a host's series.
pub const RESOURCES: [Resource; 5] = [
    Resource {
        name: "cpu",
        usage: "cpu_usage",
        is_counter: false,
        capacity: Some("cpu_capacity"),
        unit: "cores",
        safety_margin: 0.2,
        granule: Granule::Hundredth,
    },
    Resource {
        name: "memory",
        usage: "memory_used_bytes",
        is_counter: false,
        capacity: Some("memory_size_bytes"),
        unit: "B",
        safety_margin: 0.1,
        // Allocators take and return memory in such pieces.
        granule: Granule::Whole(1_048_576.0),
    },
    Resource {
        name: "disk",
        usage: "disk_used_bytes",
        is_counter: false,
        capacity: Some("disk_size_bytes"),
        unit: "B",
        safety_margin: 0.1,
        // An extent of the file system, 256 pages of 4 KiB.
        granule: Granule::Whole(1_048_576.0),
    },
    Resource {
        name: "network",
        usage: "network_transmit_bytes_total",
        is_counter: true,
        capacity: Some("network_capacity"),
        unit: "B/s",
        safety_margin: 0.3,
        // The card cuts packets itself and is handed 64 KiB at a time.
        granule: Granule::Whole(65_536.0),
    },
    Resource {
        name: "connections",
        usage: "connections_open",
        is_counter: false,
        capacity: None,
        unit: "connections",
        safety_margin: 0.2,
        granule: Granule::Whole(1.0),
    },
];

pub(super) const CPU: usize = 0;
pub(super) const MEMORY: usize = 1;
pub(super) const DISK: usize = 2;
pub(super) const CONNECTIONS: usize = 4;

impl Resource {
    /// Unit of use and limit.
    pub fn unit(&self) -> Result<Unit> {
        self.unit.parse()
    }

    /// Unit of the metric of its use: of a counter, without the "per second".
    pub fn usage_unit(&self) -> Result<Unit> {
        self.unit.strip_suffix("/s").filter(|_| self.is_counter).unwrap_or(self.unit).parse()
    }

    /// The share of the limit at which it counts as full.
    pub(super) fn threshold(&self) -> f64 {
        1.0 - self.safety_margin
    }

    /// What an exporter reads for an amount.
    pub(super) fn reading(&self, amount: f64) -> f64 {
        match self.granule {
            Granule::Hundredth => (amount * 100.0).round() / 100.0,
            Granule::Whole(size) => (amount / size).round() * size,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_are_whole_granules_and_units_fit() {
        let read = |at: usize, amount: f64| RESOURCES[at].reading(amount);
        assert_eq!(read(CPU, 1.234_9), 1.23);
        assert_eq!(read(MEMORY, 1_600_000.0), 2.0 * 1_048_576.0);
        assert_eq!(read(4, 7.4), 7.0);
        let network = RESOURCES[3].usage_unit().unwrap();
        assert_eq!(network.as_str(), "B");
        assert_eq!(RESOURCES[3].unit().unwrap().as_str(), "B/s");
        for resource in &RESOURCES {
            assert_eq!(resource.capacity.is_none(), resource.name == "connections");
        }
    }
}
