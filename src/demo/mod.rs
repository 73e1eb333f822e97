//! A simulated fleet whose future is known, so that a plan can be marked against it.
//!
//! In: a seed, and how many hosts and days. Out: samples into any sink, and the truth: which disks
//! fill on which day, which hosts are zombies or too large, which are healthy. Never: a clock, a
//! random source of its own, or more memory than one group of samples per writer.
//!
//! Every host has five resources, and web servers count the requests that they answer. Each
//! resource follows a course (load by day and week, growth, a leak, a sawtooth …) plus noise, as a
//! share of its limit; requests follow a law of the connections. The same course runs on beyond the
//! last sample that is written, which is how the day on which a limit is really met is known.

mod course;
mod host;
mod inventory;
mod outage;
mod prng;
mod resource;
mod served;
mod study;
mod truth;

use course::Signal;
use outage::Outages;
use prng::Prng;
use resource::CONNECTIONS;
use served::Served;

pub use host::{Host, Role};
pub use resource::{RESOURCES, Resource};
pub use served::{PlantedLaw, REQUESTS};
pub use study::{study_toml, study_toml_in_steps};
pub use truth::{FUTURE_DAYS, PlantedExhaustion, Truth};

use crate::error::{Error, Result};
use crate::model::{Group, SeriesId, Sink, Span, Timestamp};

/// Rows of one group: 14 days of 5 minutes, 160 KiB of values.
const ROWS_PER_GROUP: usize = 4_096;
/// A host more costs nothing until it is written.
const HOSTS_MAX: usize = 100_000;
const DAYS_MAX: u32 = 3_650;
const STEP_MIN: Span = Span::from_seconds(10);

/// What to simulate. The same options yield the same fleet, sample for sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FleetOptions {
    /// Every draw comes from it. Default: 1.
    pub seed: u64,
    /// Hosts, 1 to 100,000, shared out among the services. Default: 200.
    pub hosts: usize,
    /// Days of history before `end`, 7 to 3,650. Default: 90.
    pub days: u32,
    /// Time between scrapes; a day is a multiple of it. Default: 5 minutes.
    pub step: Span,
    /// Time between samples of the capacities, which hardly ever change; a multiple of `step`.
    /// Default: 1 hour.
    pub capacity_step: Span,
    /// The first instant after the history, midnight UTC. Default: 2026-09-07.
    pub end: Timestamp,
}

impl Default for FleetOptions {
    fn default() -> Self {
        Self {
            seed: 1,
            hosts: 200,
            days: 90,
            step: Span::from_seconds(300),
            capacity_step: Span::HOUR,
            end: Timestamp::from_seconds(1_788_739_200),
        }
    }
}

impl FleetOptions {
    fn check(&self) -> Result<()> {
        let refuse = |what: String| Err(Error::invalid(what));
        if self.hosts == 0 || self.hosts > HOSTS_MAX {
            return refuse(format!("a fleet has 1 to {HOSTS_MAX} hosts, not {}", self.hosts));
        }
        if self.days < 7 || self.days > DAYS_MAX {
            return refuse(format!("a history has 7 to {DAYS_MAX} days, not {}", self.days));
        }
        let step = self.step;
        if step < STEP_MIN || Span::DAY.nanos() % step.nanos() != 0 {
            return refuse(format!("a day is no multiple of the step {step}; write 10s to 1d"));
        }
        let capacity = self.capacity_step.nanos();
        if capacity == 0 || capacity % step.nanos() != 0 {
            let what = "the step of capacities must be a multiple of the step";
            return refuse(format!("{what} {step}, not {}", self.capacity_step));
        }
        let span = Span::from_days(i64::from(self.days) + i64::from(FUTURE_DAYS));
        let fits = self.end.minus(span) > Timestamp::MIN && self.end.plus(span) < Timestamp::MAX;
        if !fits || self.end.floor(Span::DAY) != self.end {
            return refuse(format!("the history must end at midnight UTC, not at {}", self.end));
        }
        Ok(())
    }
}

/// The instants of a fleet's scrapes, past and future, by number.
#[derive(Debug, Clone, Copy)]
struct Calendar {
    start: Timestamp,
    step_nanos: i64,
    ticks_per_day: usize,
    /// Days that are written.
    days: usize,
}

/// One scrape.
#[derive(Debug, Clone, Copy)]
struct Tick {
    index: usize,
    /// Days since the start, the fraction of a day included.
    day: f64,
    /// Whole days since the start.
    day_index: usize,
    /// Scrapes since midnight.
    slot: usize,
}

impl Calendar {
    fn tick(&self, index: usize) -> Tick {
        let day = index as f64 / self.ticks_per_day as f64;
        let (day_index, slot) = (index / self.ticks_per_day, index % self.ticks_per_day);
        Tick { index, day, day_index, slot }
    }

    fn at(&self, index: usize) -> Timestamp {
        let nanos = self.step_nanos.saturating_mul(index as i64);
        self.start.plus(Span::from_nanos(nanos))
    }

    /// Scrapes that are written.
    fn past(&self) -> usize {
        self.days * self.ticks_per_day
    }

    /// Scrapes that are simulated in all.
    fn all(&self) -> usize {
        self.all_days() * self.ticks_per_day
    }

    fn all_days(&self) -> usize {
        self.days + FUTURE_DAYS as usize
    }
}

/// A simulated fleet.
///
/// ```
/// use plimsoll::demo::{Fleet, FleetOptions};
///
/// let fleet = Fleet::new(FleetOptions { hosts: 40, ..FleetOptions::default() })?;
/// let truth = fleet.truth();
/// assert!(truth.exhaustion.iter().all(|planted| planted.date >= fleet.options().end));
/// assert_eq!(fleet.scrapes(), 90 * 288);
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug)]
pub struct Fleet {
    options: FleetOptions,
    calendar: Calendar,
    hosts: Vec<Host>,
    loads: Vec<host::ServiceLoad>,
}

impl Fleet {
    /// Draws the hosts and their courses. Options out of their ranges are errors.
    pub fn new(options: FleetOptions) -> Result<Self> {
        options.check()?;
        let start = options.end.minus(Span::from_days(i64::from(options.days)));
        let calendar = Calendar {
            start,
            step_nanos: options.step.nanos(),
            ticks_per_day: (Span::DAY.nanos() / options.step.nanos()) as usize,
            days: options.days as usize,
        };
        let hosts = host::draw(options.seed, options.hosts, &calendar);
        let loads = host::loads(options.seed, &calendar);
        Ok(Self { options, calendar, hosts, loads })
    }

    /// The options it was made with.
    pub fn options(&self) -> &FleetOptions {
        &self.options
    }

    /// The hosts, in the order of [`Fleet::write_host`].
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// What was planted, and when it comes true: simulates the future of every host with a planted
    /// exhaustion.
    pub fn truth(&self) -> Truth {
        Truth::of(self)
    }

    /// Scrapes that a host has if none is lost; every scrape has one sample per resource.
    pub fn scrapes(&self) -> usize {
        self.calendar.past()
    }

    /// Writes the history of every host, one after the other.
    pub fn write(&self, sink: &mut dyn Sink) -> Result<()> {
        (0..self.hosts.len()).try_for_each(|at| self.write_host(at, sink))
    }

    /// Writes the history of one host. Hosts are independent of each other, so several threads may
    /// each write some.
    pub fn write_host(&self, at: usize, sink: &mut dyn Sink) -> Result<()> {
        let Some(host) = self.hosts.get(at) else {
            let count = self.hosts.len();
            return Err(Error::invalid(format!("host {at} of a fleet of {count} hosts")));
        };
        self.write_until(host, self.calendar.past(), sink)
    }

    fn write_until(&self, host: &Host, ticks: usize, sink: &mut dyn Sink) -> Result<()> {
        let mut series = Vec::with_capacity(RESOURCES.len());
        for resource in &RESOURCES {
            series.push(sink.series(&host.labels(resource.usage)?, Some(&resource.usage_unit()?))?);
        }
        if self.law(host).is_some() {
            series.push(sink.series(&host.labels(REQUESTS)?, Some(&PlantedLaw::unit()?))?);
        }
        let mut run = self.run(host);
        let mut rows = Rows::new(series);
        for index in 0..ticks {
            let values = run.next(self.calendar.tick(index));
            if let Some(delay) = values.delay {
                rows.push(self.calendar.at(index).plus(delay), &values.readings);
                rows.values.extend(values.requests);
            }
            if rows.times.len() == ROWS_PER_GROUP || index + 1 == ticks {
                rows.send(sink)?;
            }
        }
        self.write_capacities(host, ticks, sink)
    }

    /// The limits that are metrics themselves, on their own slower schedule.
    fn write_capacities(&self, host: &Host, ticks: usize, sink: &mut dyn Sink) -> Result<()> {
        let (mut series, mut limits) = (Vec::new(), Vec::new());
        for (resource, limit) in RESOURCES.iter().zip(host.limits()) {
            if let Some(metric) = resource.capacity {
                series.push(sink.series(&host.labels(metric)?, Some(&resource.unit()?))?);
                limits.push(*limit);
            }
        }
        let stride = (self.options.capacity_step.nanos() / self.options.step.nanos()) as usize;
        let mut rows = Rows::new(series);
        let outages = self.outages(host);
        for index in (0..ticks).step_by(stride) {
            if !outages.misses(index) {
                rows.push(self.calendar.at(index), &limits);
            }
            if rows.times.len() == ROWS_PER_GROUP {
                rows.send(sink)?;
            }
        }
        rows.send(sink)
    }

    fn outages(&self, host: &Host) -> Outages {
        Outages::draw(host, self.stream(host, RESOURCES.len()), &self.calendar)
    }

    /// The random numbers of one resource of one host, independent of all others.
    fn stream(&self, host: &Host, which: usize) -> Prng {
        Prng::stream(self.options.seed, 1 + host.index as u64, which as u64)
    }

    fn signal(&self, host: &Host, which: usize) -> Option<Signal<'_>> {
        let load = self.loads.get(host.service_index)?;
        Some(Signal::new(*host.course(which)?, load, self.stream(host, which), &self.calendar))
    }

    /// By which law a host answers requests; `None` where it answers none.
    pub fn law(&self, host: &Host) -> Option<PlantedLaw> {
        PlantedLaw::draw(host, self.stream(host, RESOURCES.len() + 2))
    }

    fn run(&self, host: &Host) -> Run<'_> {
        let prng = self.stream(host, RESOURCES.len() + 3);
        let days_per_tick = 1.0 / self.calendar.ticks_per_day as f64;
        let signals = (0..RESOURCES.len()).filter_map(|which| self.signal(host, which)).collect();
        let step_seconds = self.options.step.seconds();
        Run {
            signals,
            outages: self.outages(host),
            limits: *host.limits(),
            counter: 0.0,
            served: self.law(host).map(|law| Served::new(law, prng, days_per_tick)),
            step_seconds,
        }
    }
}

/// A host as its exporter sees it, scrape by scrape.
#[derive(Debug)]
struct Run<'a> {
    signals: Vec<Signal<'a>>,
    outages: Outages,
    limits: [f64; RESOURCES.len()],
    /// Bytes since the last boot.
    counter: f64,
    served: Option<Served>,
    step_seconds: f64,
}

/// One scrape's outcome.
#[derive(Debug)]
struct Scrape {
    /// How late the scrape was; `None` where it was lost.
    delay: Option<Span>,
    readings: [f64; RESOURCES.len()],
    /// Requests answered since the last boot, where they are counted.
    requests: Option<f64>,
}

impl Run<'_> {
    fn next(&mut self, tick: Tick) -> Scrape {
        let state = self.outages.next(tick.index);
        if state.booted {
            self.counter = 0.0;
            self.served.iter_mut().for_each(Served::boot);
        }
        let mut readings = [0.0; RESOURCES.len()];
        let each =
            readings.iter_mut().zip(&mut self.signals).zip(RESOURCES.iter().zip(self.limits));
        for ((reading, signal), (resource, limit)) in each {
            let share = signal.next(tick, state.ticks_since_boot);
            *reading = resource.reading(share * limit);
            if resource.is_counter {
                if !state.down {
                    self.counter += resource.reading(share * limit * self.step_seconds);
                }
                *reading = self.counter;
            }
        }
        let connections = readings[CONNECTIONS];
        let served = self.served.as_mut();
        let requests = served.map(|served| served.next(connections, self.step_seconds, state.down));
        Scrape { delay: state.delay, readings, requests }
    }
}

/// Rows on their way into a group.
#[derive(Debug)]
struct Rows {
    series: Vec<SeriesId>,
    times: Vec<i64>,
    /// Row after row.
    values: Vec<f64>,
    group: Group,
}

impl Rows {
    fn new(series: Vec<SeriesId>) -> Self {
        Self { series, times: Vec::new(), values: Vec::new(), group: Group::default() }
    }

    fn push(&mut self, at: Timestamp, values: &[f64]) {
        self.times.push(at.nanos());
        self.values.extend_from_slice(values);
    }

    fn send(&mut self, sink: &mut dyn Sink) -> Result<()> {
        if self.times.is_empty() {
            return Ok(());
        }
        self.group.series.clone_from(&self.series);
        self.group.times.clone_from(&self.times);
        self.group.values.clear();
        let columns = self.series.len();
        for column in 0..columns {
            self.group.values.extend(self.values.iter().skip(column).step_by(columns));
        }
        self.times.clear();
        self.values.clear();
        sink.group(&self.group)
    }
}

#[cfg(test)]
mod tests;
