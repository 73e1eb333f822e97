//! The fleet, its ten random walks a host, and the lines they are written as.

use super::host::Host;
use crate::error::{Error, Result};
use crate::kernel::Random;
use crate::model::{Span, Timestamp};

/// The fields of a row, in the order in which they are written.
pub const FIELDS: [&str; 10] = [
    "usage_user",
    "usage_system",
    "usage_idle",
    "usage_nice",
    "usage_iowait",
    "usage_irq",
    "usage_softirq",
    "usage_steal",
    "usage_guest",
    "usage_guest_nice",
];
/// The instant of the first scrape: 2016-01-01T00:00:00Z.
pub const START: Timestamp = Timestamp::from_seconds(1_451_606_400);
/// From one scrape to the next.
pub const SCRAPE_INTERVAL: Span = Span::from_seconds(10);

/// A walk never leaves 0 to 100.
const LEVEL_MAX: f64 = 100.0;
/// A million series; one scrape of them is 16 MB.
const HOSTS_MAX: usize = 100_000;
/// Ten years.
const HOURS_MAX: u32 = 87_600;

/// What to generate. The same options yield the same samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CpuOnlyOptions {
    /// Every draw comes from it. Default: 1.
    pub seed: u64,
    /// Hosts, 1 to 100,000. A larger fleet contains the smaller one of the same seed. Default: 100.
    pub hosts: usize,
    /// Hours from [`START`] on, 1 to 87,600; 3,600 samples of each host an hour. Default: 1.
    pub hours: u32,
}

impl Default for CpuOnlyOptions {
    fn default() -> Self {
        Self { seed: 1, hosts: 100, hours: 1 }
    }
}

/// A fleet of TSBS cpu-only.
///
/// ```
/// use plimsoll::bench::{CpuOnly, CpuOnlyOptions};
///
/// let fleet = CpuOnly::new(CpuOnlyOptions { hosts: 3, ..CpuOnlyOptions::default() })?;
/// let mut scrapes = fleet.scrapes();
/// let (mut count, mut text) = (0, Vec::new());
/// while let Some(scrape) = scrapes.next() {
///     fleet.write_lines(&scrape, &mut text);
///     count += scrape.rows.len();
/// }
/// assert_eq!(count, 3 * 360);
/// assert!(text.starts_with(b"cpu,hostname=host_0,region="));
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug)]
pub struct CpuOnly {
    options: CpuOnlyOptions,
    hosts: Vec<Host>,
}

impl CpuOnly {
    /// Draws the hosts. Options out of their ranges are errors.
    pub fn new(options: CpuOnlyOptions) -> Result<Self> {
        let CpuOnlyOptions { seed, hosts, hours } = options;
        if hosts == 0 || hosts > HOSTS_MAX {
            return Err(Error::invalid(format!("a fleet has 1 to {HOSTS_MAX} hosts, not {hosts}")));
        }
        if hours == 0 || hours > HOURS_MAX {
            return Err(Error::invalid(format!("a load has 1 to {HOURS_MAX} hours, not {hours}")));
        }
        // Each host has random numbers of its own, so that it does not depend on the others.
        let mut seeds = Random::new(seed);
        let hosts = (0..hosts).map(|at| Host::draw(at, Random::new(seeds.bits()))).collect();
        Ok(Self { options, hosts })
    }

    /// The options it was made with.
    pub fn options(&self) -> CpuOnlyOptions {
        self.options
    }

    /// The hosts, in the order of the rows of a scrape.
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// How many scrapes there are; each has one row a host.
    pub fn scrapes_count(&self) -> u64 {
        let in_an_hour = Span::HOUR.nanos() / SCRAPE_INTERVAL.nanos();
        u64::from(self.options.hours) * in_an_hour.unsigned_abs()
    }

    /// Samples of all scrapes together.
    pub fn samples(&self) -> u64 {
        self.scrapes_count() * (self.hosts.len() * FIELDS.len()) as u64
    }

    /// The scrapes, from the first on.
    pub fn scrapes(&self) -> Scrapes {
        Scrapes {
            walks: self.hosts.iter().map(|host| Walks::new(host.random())).collect(),
            rows: vec![[0.0; FIELDS.len()]; self.hosts.len()],
            taken: 0,
            count: self.scrapes_count(),
        }
    }

    /// Appends a scrape as line protocol, a line for each host.
    pub fn write_lines(&self, scrape: &Scrape<'_>, out: &mut Vec<u8>) {
        let time = scrape.time.nanos().to_string();
        for (host, row) in self.hosts.iter().zip(scrape.rows) {
            out.extend_from_slice(host.line_start());
            let mut separator: &[u8] = b"";
            for (field, value) in FIELDS.iter().zip(row) {
                out.extend_from_slice(separator);
                out.extend_from_slice(field.as_bytes());
                out.push(b'=');
                push_number(*value as u8, out);
                out.push(b'i');
                separator = b",";
            }
            out.push(b' ');
            out.extend_from_slice(time.as_bytes());
            out.push(b'\n');
        }
    }
}

/// The decimal digits of a number: formatting is most of the work of writing a line.
fn push_number(number: u8, out: &mut Vec<u8>) {
    if number >= 100 {
        out.push(b'0' + number / 100);
    }
    if number >= 10 {
        out.push(b'0' + number / 10 % 10);
    }
    out.push(b'0' + number % 10);
}

/// What all hosts report at one instant.
#[derive(Debug, Clone, Copy)]
pub struct Scrape<'a> {
    /// The instant.
    pub time: Timestamp,
    /// A row for each host, with a whole number from 0 to 100 for each of [`FIELDS`].
    pub rows: &'a [[f64; FIELDS.len()]],
}

/// The scrapes of a fleet, one after the other; only the current one is in memory.
#[derive(Debug, Clone)]
pub struct Scrapes {
    walks: Vec<Walks>,
    rows: Vec<[f64; FIELDS.len()]>,
    taken: u64,
    count: u64,
}

impl Scrapes {
    /// The next scrape; `None` behind the last one. (No `Iterator`: a scrape lends its rows.)
    #[expect(clippy::should_implement_trait, reason = "an `Iterator` could not lend its rows")]
    pub fn next(&mut self) -> Option<Scrape<'_>> {
        if self.taken == self.count {
            return None;
        }
        for (walks, row) in self.walks.iter_mut().zip(&mut self.rows) {
            if self.taken > 0 {
                walks.step();
            }
            *row = walks.levels.map(f64::floor);
        }
        let nanos = SCRAPE_INTERVAL.nanos().saturating_mul(self.taken as i64);
        self.taken += 1;
        Some(Scrape { time: START.plus(Span::from_nanos(nanos)), rows: &self.rows })
    }
}

/// The random walks of one host.
#[derive(Debug, Clone)]
struct Walks {
    random: Random,
    levels: [f64; FIELDS.len()],
}

impl Walks {
    /// Each walk starts anywhere in `[0, 100)`.
    fn new(mut random: Random) -> Self {
        let levels = FIELDS.map(|_| LEVEL_MAX * random.uniform());
        Self { random, levels }
    }

    /// A standard normal step of each walk, which stops at 0 and at 100.
    fn step(&mut self) {
        for level in &mut self.levels {
            *level = (*level + self.random.normal()).clamp(0.0, LEVEL_MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fleet(seed: u64, hosts: usize, hours: u32) -> CpuOnly {
        CpuOnly::new(CpuOnlyOptions { seed, hosts, hours }).unwrap()
    }

    fn rows(fleet: &CpuOnly) -> Vec<Vec<[f64; 10]>> {
        let mut scrapes = fleet.scrapes();
        let mut all = Vec::new();
        while let Some(scrape) = scrapes.next() {
            all.push(scrape.rows.to_vec());
        }
        all
    }

    #[test]
    fn the_seed_decides_and_a_larger_fleet_contains_the_smaller_one() {
        let small = fleet(7, 3, 1);
        assert_eq!(rows(&small), rows(&fleet(7, 3, 1)));
        assert_ne!(rows(&small), rows(&fleet(8, 3, 1)));
        let large = fleet(7, 20, 2);
        for (small, large) in rows(&small).iter().zip(rows(&large)) {
            assert_eq!(small[..], large[..3]);
        }
        for (small, large) in small.hosts().iter().zip(large.hosts()) {
            assert!(small.tags().eq(large.tags()));
        }
        assert_eq!((rows(&large).len(), large.samples()), (720, 720 * 20 * 10));
    }

    #[test]
    fn a_line_is_what_tsbs_writes() {
        let fleet = fleet(1, 2, 1);
        let mut scrapes = fleet.scrapes();
        let mut text = Vec::new();
        scrapes.next();
        let scrape = scrapes.next().unwrap();
        fleet.write_lines(&scrape, &mut text);
        let text = String::from_utf8(text).unwrap();
        let second = text.lines().nth(1).unwrap();
        let tags: Vec<String> =
            fleet.hosts()[1].tags().map(|(name, value)| format!(",{name}={value}")).collect();
        let fields: Vec<String> = FIELDS
            .iter()
            .zip(scrape.rows[1])
            .map(|(field, value)| format!("{field}={value}i"))
            .collect();
        let expected = format!("cpu{} {} 1451606410000000000", tags.concat(), fields.join(","));
        assert_eq!(second, expected);
        assert_eq!(text.lines().count(), 2);
        assert!(text.ends_with('\n'));
    }

    #[test]
    fn numbers_are_written_in_full() {
        for number in 0..=u8::MAX {
            let mut out = Vec::new();
            push_number(number, &mut out);
            assert_eq!(out, number.to_string().into_bytes());
        }
    }

    #[test]
    fn metrics_are_named_as_the_importer_names_them() {
        let fleet = fleet(1, 1, 1);
        let labels = fleet.hosts()[0].labels(FIELDS[0]).unwrap();
        assert_eq!((labels.metric(), labels.get("hostname")), ("cpu_usage_user", Some("host_0")));
        assert_eq!(labels.iter().len(), 11);
    }

    #[test]
    fn the_first_scrape_is_where_the_walks_start() {
        // After a step, 1 in 250 walks would stand at 100.
        let fleet = fleet(1, 1_000, 1);
        let mut scrapes = fleet.scrapes();
        let first = scrapes.next().unwrap();
        assert_eq!(first.time, START);
        let starts: Vec<f64> = first.rows.iter().flatten().copied().collect();
        assert!(starts.iter().all(|start| *start < 100.0));
        let after = scrapes.next().unwrap();
        assert_eq!(after.time, START.plus(SCRAPE_INTERVAL));
        assert!(after.rows.iter().flatten().any(|value| *value == 100.0));
        let changed = after.rows.iter().flatten().zip(&starts).filter(|(v, w)| *v != *w).count();
        assert!(changed > 5_000, "{changed}");
    }

    #[test]
    fn values_are_whole_and_stay_between_0_and_100_and_meet_both() {
        let values: Vec<f64> = rows(&fleet(1, 20, 6)).into_iter().flatten().flatten().collect();
        assert!(values.iter().all(|v| v.fract() == 0.0 && (0.0..=100.0).contains(v)));
        assert!(values.contains(&0.0) && values.contains(&100.0));
    }

    #[test]
    fn sizes_out_of_range_are_refused() {
        for (hosts, hours, message) in [
            (0, 1, "a fleet has 1 to 100000 hosts, not 0"),
            (100_001, 1, "a fleet has 1 to 100000 hosts, not 100001"),
            (1, 0, "a load has 1 to 87600 hours, not 0"),
            (1, 87_601, "a load has 1 to 87600 hours, not 87601"),
        ] {
            let options = CpuOnlyOptions { hosts, hours, ..CpuOnlyOptions::default() };
            assert_eq!(CpuOnly::new(options).unwrap_err().to_string(), message);
        }
    }
}
