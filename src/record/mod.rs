//! What a machine says of itself, as samples: the reference for how an agent feeds a store.
//!
//! In: the texts of files under `/proc` and `/sys`, through a [`Machine`], and the moment at which
//! they are read. Out: one group of samples per scrape, into any sink; and what could not be read,
//! said once. Never: a file, a clock or a thread of its own, or a panic on odd text.
//!
//! Totals are recorded as they stand, so that any step can be asked for later; what a capacity plan
//! needs as a level (`cpu_usage`, `network_receive_usage` …) is worked out between two scrapes.
//! `docs/record.md` lists the metrics and says which devices are left out.

mod collect;
mod cpu;
mod disk;
mod memory;
mod metric;
mod mount;
mod network;
mod schedule;
mod scrape;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

pub use metric::{Metric, metrics};
pub use schedule::{Due, INTERVAL_MIN, Schedule};

use crate::error::{Error, Result};
use crate::model::{Labels, Sink, Timestamp};
use collect::{Collector, Samples};
use cpu::{CpuTimes, STATES};
use scrape::Scrape;

/// Troubles that are told of. A broken machine has one per file; more would only fill logs.
const TROUBLES_MAX: usize = 64;
/// Where a recorder reads: the running system, or a made-up one in tests.
pub trait Machine {
    /// Reads a whole file and adds it to `text`.
    fn read(&mut self, path: &str, text: &mut String) -> io::Result<()>;

    /// Whether there is such a file or folder.
    fn exists(&mut self, path: &str) -> bool;

    /// The space of the file system that is mounted at `point`.
    fn space(&mut self, point: &str) -> io::Result<Space>;
}

/// The space of a file system, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Space {
    /// All of it.
    pub size: u64,
    /// What nothing is stored in.
    pub free: u64,
    /// Of that, what programs without privileges may use.
    pub available: u64,
}

/// One reading of both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The wall clock's: what samples are stamped with.
    pub at: Timestamp,
    /// The monotonic clock's, from any origin: what rates are worked out with.
    pub elapsed: Duration,
}

/// What one scrape came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scraped {
    /// Samples handed to the sink.
    pub samples: usize,
    /// What could not be read and was not told of before, one sentence each.
    pub troubles: Vec<String>,
}

/// Turns what a machine says into samples, scrape after scrape. Its memory is bounded by what the
/// machine has at one time.
///
/// ```
/// # use plimsoll::{Group, Labels, SeriesId, Sink, Timestamp, Unit};
/// use plimsoll::record::{Machine, Moment, Recorder, Space};
/// # use std::{io, time::Duration};
/// // A machine that only knows its memory; `Store::appender` is the sink of an agent.
/// struct Small;
/// impl Machine for Small {
///     fn read(&mut self, path: &str, text: &mut String) -> io::Result<()> {
///         match path {
///             "/proc/meminfo" => text.push_str("MemTotal: 100 kB\nMemAvailable: 60 kB\n"),
///             _ => return Err(io::ErrorKind::NotFound.into()),
///         }
///         Ok(())
///     }
///     fn exists(&mut self, _: &str) -> bool { false }
///     fn space(&mut self, _: &str) -> io::Result<Space> { Err(io::ErrorKind::NotFound.into()) }
/// }
/// # #[derive(Default)]
/// # struct Memory(Vec<String>, Vec<f64>);
/// # impl Sink for Memory {
/// #     fn series(&mut self, l: &Labels, _: Option<&Unit>) -> plimsoll::Result<SeriesId> {
/// #         self.0.push(l.to_string());
/// #         Ok(SeriesId(self.0.len() as u32 - 1))
/// #     }
/// #     fn group(&mut self, group: &Group) -> plimsoll::Result<()> {
/// #         self.1 = group.values.clone();
/// #         Ok(())
/// #     }
/// # }
/// # let mut sink = Memory::default();
/// let mut recorder = Recorder::new("web-1", 100)?;
/// let moment = Moment { at: Timestamp::from_seconds(60), elapsed: Duration::ZERO };
/// let scraped = recorder.scrape(&mut Small, moment, &mut sink)?;
/// assert_eq!(scraped.samples, 2);
/// assert!(scraped.troubles[0].starts_with("/proc/stat: cannot read it"));
/// # assert_eq!(sink.0[0], "memory_used_bytes{host=\"web-1\"}");
/// # assert_eq!(sink.1, [40_960.0, 102_400.0]);
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug)]
pub struct Recorder {
    ticks_per_second: u64,
    collector: Collector,
    troubles: Troubles,
    cpu: Option<CpuTimes>,
    /// Ticks as recorded: those of the file, but a small fall is held.
    held_ticks: [u64; STATES.len()],
    /// Texts of the files, kept for their memory.
    text: String,
    small: String,
}

impl Recorder {
    /// A recorder whose samples carry the label `host`. `ticks_per_second` is the system's unit of
    /// processor time: 100 on every common Linux.
    pub fn new(host: &str, ticks_per_second: u64) -> Result<Self> {
        if host.trim().is_empty() {
            return Err(Error::invalid("the host has no name; give it one with --host"));
        }
        Labels::new("host", [("host", host)])?;
        Ok(Self {
            ticks_per_second: ticks_per_second.max(1),
            collector: Collector::new(host),
            troubles: Troubles::default(),
            cpu: None,
            held_ticks: [0; STATES.len()],
            text: String::new(),
            small: String::new(),
        })
    }

    /// Reads everything once and hands one group of samples, all of instant `moment.at`, to the
    /// sink. What cannot be read is left out. An error is the sink's.
    pub fn scrape(
        &mut self,
        machine: &mut dyn Machine,
        moment: Moment,
        sink: &mut dyn Sink,
    ) -> Result<Scraped> {
        self.collector.begin(moment);
        let mut text = std::mem::take(&mut self.text);
        let read = self.scrape_all(machine, moment.elapsed, sink, &mut text);
        self.text = text;
        read?;
        let group = self.collector.end();
        let samples = group.samples();
        if samples > 0 {
            sink.group(group)?;
        }
        Ok(Scraped { samples, troubles: std::mem::take(&mut self.troubles.new) })
    }

    /// Says of every total of the last scrape that its readings at these instants, which ascend, do
    /// not count: a stale marker takes their place, which an increase skips. Where the clock was
    /// set back they are older than those of the instants before, and would read as a counter that
    /// began anew. Returns how many markers were handed to the sink; an error is the sink's.
    pub fn end_totals(&self, instants: &[Timestamp], sink: &mut dyn Sink) -> Result<usize> {
        let instants: Vec<i64> = instants.iter().map(|at| at.nanos()).collect();
        self.collector.end_totals(&instants, sink)
    }

    fn scrape_all(
        &mut self,
        machine: &mut dyn Machine,
        elapsed: Duration,
        sink: &mut dyn Sink,
        text: &mut String,
    ) -> Result<()> {
        let Self { ticks_per_second, collector, troubles, cpu, held_ticks, small, .. } = self;
        let mut scrape =
            Scrape { machine, small, samples: Samples { collector, sink, troubles, elapsed } };
        let before = cpu.take();
        if scrape.read("/proc/stat", text) {
            *cpu = scrape.cpu(text, before.as_ref(), held_ticks, *ticks_per_second)?;
        }
        if scrape.read("/proc/meminfo", text) {
            scrape.memory(text)?;
        }
        if scrape.read("/proc/mounts", text) {
            scrape.file_systems(text)?;
        }
        if scrape.read("/proc/diskstats", text) {
            scrape.disks(text)?;
        }
        if scrape.read("/proc/net/dev", text) {
            scrape.network(text)?;
        }
        Ok(())
    }
}

/// What could not be read: of each file or mount point, the first trouble only.
#[derive(Debug, Default)]
struct Troubles {
    places: BTreeSet<Box<str>>,
    new: Vec<String>,
}

impl Troubles {
    fn add(&mut self, place: &str, what: &str) {
        if self.places.len() < TROUBLES_MAX && self.places.insert(place.into()) {
            self.new.push(format!("{place}: {what}"));
        }
    }
}
