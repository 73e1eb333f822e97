//! The metrics that are recorded: name, unit, and the label that tells the series of a host apart.
//! `docs/record.md` shows the same table to people, and a test compares the two.

/// One metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// Its name. A use and its limit differ in one word, so that a study finds the pair.
    pub name: &'static str,
    /// Its unit; of a counter, the unit of its total.
    pub unit: &'static str,
    /// The label beside `host`; empty where a host has one series.
    pub label: &'static str,
}

const fn metric(name: &'static str, unit: &'static str, label: &'static str) -> Metric {
    Metric { name, unit, label }
}

/// How the names of counters end.
pub(super) const TOTAL: &str = "_total";

pub(super) const CPU_USAGE: Metric = metric("cpu_usage", "cores", "");
pub(super) const CPU_CAPACITY: Metric = metric("cpu_capacity", "cores", "");
pub(super) const CPU_SECONDS: Metric = metric("cpu_seconds_total", "s", "state");

pub(super) const MEMORY_USED: Metric = metric("memory_used_bytes", "B", "");
pub(super) const MEMORY_SIZE: Metric = metric("memory_size_bytes", "B", "");
pub(super) const MEMORY_FREE: Metric = metric("memory_free_bytes", "B", "");
pub(super) const MEMORY_BUFFERS: Metric = metric("memory_buffers_bytes", "B", "");
pub(super) const MEMORY_CACHED: Metric = metric("memory_cached_bytes", "B", "");
pub(super) const SWAP_USED: Metric = metric("swap_used_bytes", "B", "");
pub(super) const SWAP_SIZE: Metric = metric("swap_size_bytes", "B", "");

pub(super) const DISK_USED: Metric = metric("disk_used_bytes", "B", "mountpoint");
pub(super) const DISK_SIZE: Metric = metric("disk_size_bytes", "B", "mountpoint");
pub(super) const DISK_DEVICE_SIZE: Metric = metric("disk_device_size_bytes", "B", "device");

/// The counters of a disk, in the order of [`Disk::counters`](super::disk::Disk).
pub(super) const DISK_COUNTERS: [Metric; 7] = [
    metric("disk_reads_completed_total", "reads", "device"),
    metric("disk_read_bytes_total", "B", "device"),
    metric("disk_read_time_seconds_total", "s", "device"),
    metric("disk_writes_completed_total", "writes", "device"),
    metric("disk_written_bytes_total", "B", "device"),
    metric("disk_write_time_seconds_total", "s", "device"),
    metric("disk_io_time_seconds_total", "s", "device"),
];

/// One direction of a link: its counters in the order of the file, then its use and its capacity.
pub(super) struct Direction {
    pub(super) counters: [Metric; 4],
    pub(super) usage: Metric,
    pub(super) capacity: Metric,
}

pub(super) const DIRECTIONS: [Direction; 2] = [
    Direction {
        counters: [
            metric("network_receive_bytes_total", "B", "device"),
            metric("network_receive_packets_total", "packets", "device"),
            metric("network_receive_errors_total", "packets", "device"),
            metric("network_receive_drops_total", "packets", "device"),
        ],
        usage: metric("network_receive_usage", "B/s", "device"),
        capacity: metric("network_receive_capacity", "B/s", "device"),
    },
    Direction {
        counters: [
            metric("network_transmit_bytes_total", "B", "device"),
            metric("network_transmit_packets_total", "packets", "device"),
            metric("network_transmit_errors_total", "packets", "device"),
            metric("network_transmit_drops_total", "packets", "device"),
        ],
        usage: metric("network_transmit_usage", "B/s", "device"),
        capacity: metric("network_transmit_capacity", "B/s", "device"),
    },
];

/// Every metric, in the order of a scrape.
pub fn metrics() -> Vec<Metric> {
    let mut all = vec![CPU_USAGE, CPU_CAPACITY, CPU_SECONDS, MEMORY_USED, MEMORY_SIZE];
    all.extend([MEMORY_FREE, MEMORY_BUFFERS, MEMORY_CACHED, SWAP_USED, SWAP_SIZE]);
    all.extend([DISK_USED, DISK_SIZE, DISK_DEVICE_SIZE]);
    all.extend(DISK_COUNTERS);
    for Direction { counters, usage, capacity } in DIRECTIONS {
        all.extend([usage, capacity]);
        all.extend(counters);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Unit;

    #[test]
    fn the_page_for_people_shows_the_same_metrics() {
        let page = include_str!("../../docs/record.md");
        let (_, page) = page.split_once("## Metrics").unwrap();
        let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
        let shown: Vec<String> = metrics()
            .iter()
            .map(|m| {
                let label =
                    if m.label.is_empty() { String::new() } else { format!("`{}`", m.label) };
                format!("| `{}` | {} | {label} |", m.name, m.unit)
            })
            .collect();
        assert_eq!(rows.len(), shown.len(), "rows of docs/record.md");
        for (row, begins) in rows.iter().zip(&shown) {
            assert!(row.starts_with(begins), "docs/record.md: {row:?} should begin {begins:?}");
        }
    }

    #[test]
    fn counters_and_nothing_else_are_called_totals() {
        let directions = DIRECTIONS.iter().flat_map(|direction| direction.counters);
        let mut counters: Vec<Metric> = DISK_COUNTERS.into_iter().chain(directions).collect();
        counters.push(CPU_SECONDS);
        assert!(metrics().iter().all(|m| m.name.ends_with(TOTAL) == counters.contains(m)));
    }

    #[test]
    fn names_are_unique_and_units_valid() {
        let mut names: Vec<&str> = metrics().iter().map(|m| m.name).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|two| two[0] != two[1]), "{names:?}");
        assert!(metrics().iter().all(|m| m.unit.parse::<Unit>().is_ok()));
    }
}
