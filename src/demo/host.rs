//! The hosts: services with the shape of their day, and the part each host plays.

use super::course::{Course, Leak, Sawtooth};
use super::prng::Prng;
use super::resource::{CONNECTIONS_MAX, CPU, DISK, MEMORY, RESOURCES, Resource};
use super::{Calendar, Tick};
use crate::error::Result;
use crate::model::{Labels, Span};

/// Digits of the number in a host's name; a fleet whose size has more has as many.
const NAME_DIGITS_MIN: usize = 4;

/// What is special about a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Nothing: it will not be full within [`super::FUTURE_DAYS`].
    Healthy,
    /// Its disk fills.
    LeakingDisk,
    /// Its memory fills; it is never rebooted.
    LeakingMemory,
    /// Its service grows until the processors are full.
    Growing,
    /// It burns a machine for nobody.
    Zombie,
    /// It is at least three times as large as its work.
    OverProvisioned,
    /// Log rotation lets its disk rise and fall; it does not fill.
    RotatingDisk,
    /// It works hard at the first hours of each month only.
    MonthlyBatch,
}

/// One simulated host.
#[derive(Debug, Clone)]
pub struct Host {
    pub(super) index: usize,
    pub(super) service_index: usize,
    /// Its name, such as `web-0012`.
    pub name: String,
    /// Its service.
    pub service: &'static str,
    /// Its zone: `a`, `b` or `c`.
    pub zone: &'static str,
    /// The part it plays.
    pub role: Role,
    courses: [Course; RESOURCES.len()],
    limits: [f64; RESOURCES.len()],
}

impl Host {
    /// The labels of one of its series.
    pub fn labels(&self, metric: &str) -> Result<Labels> {
        let (name, service, zone) = (self.name.as_str(), self.service, self.zone);
        Labels::new(metric, [("host", name), ("service", service), ("zone", zone)])
    }

    /// Which of [`RESOURCES`] will be full.
    pub fn exhausts(&self) -> Option<usize> {
        match self.role {
            Role::LeakingDisk => Some(DISK),
            Role::LeakingMemory => Some(MEMORY),
            Role::Growing => Some(CPU),
            _ => None,
        }
    }

    /// Its limits, in the order of [`RESOURCES`].
    pub fn limits(&self) -> &[f64; RESOURCES.len()] {
        &self.limits
    }

    pub(super) fn course(&self, which: usize) -> Option<&Course> {
        self.courses.get(which)
    }
}

/// A service: its share of 200 hosts, its day, and what one of its hosts has.
struct Service {
    name: &'static str,
    of_200: usize,
    /// The hour of the day with the most load (UTC), and how wide the peak is, in hours.
    peak_hour: f64,
    peak_width: f64,
    /// Load at the quietest hour, and on Saturday and Sunday, as shares of the peak.
    night: f64,
    weekend: f64,
    cores: f64,
    memory_gib: f64,
    disk_gib: f64,
    network_gbit: f64,
    /// The part of the `n`th host of the service.
    role: fn(usize) -> Role,
}

#[rustfmt::skip]
const SERVICES: [Service; 7] = [
    Service { name: "web", of_200: 60, peak_hour: 19.0, peak_width: 5.0,
        night: 0.25, weekend: 0.85, cores: 16.0, memory_gib: 32.0,
        disk_gib: 200.0, network_gbit: 10.0, role: web },
    Service { name: "api", of_200: 40, peak_hour: 14.0, peak_width: 4.5,
        night: 0.20, weekend: 0.45, cores: 16.0, memory_gib: 64.0,
        disk_gib: 200.0, network_gbit: 10.0, role: api },
    Service { name: "db", of_200: 30, peak_hour: 15.0, peak_width: 5.0,
        night: 0.35, weekend: 0.60, cores: 32.0, memory_gib: 256.0,
        disk_gib: 4_000.0, network_gbit: 25.0, role: db },
    Service { name: "cache", of_200: 24, peak_hour: 18.0, peak_width: 5.0,
        night: 0.30, weekend: 0.85, cores: 8.0, memory_gib: 128.0,
        disk_gib: 100.0, network_gbit: 25.0, role: cache },
    Service { name: "batch", of_200: 20, peak_hour: 3.0, peak_width: 2.0,
        night: 0.15, weekend: 1.0, cores: 64.0, memory_gib: 256.0,
        disk_gib: 2_000.0, network_gbit: 10.0, role: batch },
    Service { name: "search", of_200: 14, peak_hour: 16.0, peak_width: 4.5,
        night: 0.25, weekend: 0.55, cores: 32.0, memory_gib: 128.0,
        disk_gib: 1_000.0, network_gbit: 10.0, role: search },
    Service { name: "archive", of_200: 12, peak_hour: 12.0, peak_width: 4.0,
        night: 0.50, weekend: 0.70, cores: 8.0, memory_gib: 32.0,
        disk_gib: 8_000.0, network_gbit: 1.0, role: archive },
];

fn web(n: usize) -> Role {
    match n % 30 {
        4 | 14 | 24 => Role::OverProvisioned,
        9 => Role::LeakingMemory,
        17 => Role::Zombie,
        _ => Role::Healthy,
    }
}

fn api(n: usize) -> Role {
    match n % 20 {
        3 | 13 => Role::OverProvisioned,
        7 => Role::LeakingMemory,
        16 => Role::Zombie,
        _ => Role::Healthy,
    }
}

fn db(n: usize) -> Role {
    match n % 15 {
        2 | 7 | 12 => Role::LeakingDisk,
        9 => Role::OverProvisioned,
        _ => Role::Healthy,
    }
}

fn cache(_: usize) -> Role {
    Role::RotatingDisk
}

fn batch(n: usize) -> Role {
    match n % 20 {
        0 => Role::MonthlyBatch,
        5 | 15 => Role::LeakingDisk,
        _ => Role::Healthy,
    }
}

fn search(_: usize) -> Role {
    Role::Growing
}

fn archive(n: usize) -> Role {
    if n.is_multiple_of(3) { Role::Zombie } else { Role::Healthy }
}

/// The load of a service at every scrape, 1 at an ordinary peak.
#[derive(Debug)]
pub(super) struct ServiceLoad {
    by_slot: Vec<f64>,
    by_day: Vec<f64>,
    first_of_month: Vec<bool>,
    /// Scrapes of a month's first day that its closing takes.
    closing_slots: usize,
}

impl ServiceLoad {
    fn draw(service: &Service, mut prng: Prng, calendar: &Calendar) -> Self {
        let slots = calendar.ticks_per_day;
        let by_slot = (0..slots).map(|slot| {
            let hour = 24.0 * slot as f64 / slots as f64;
            let apart = (hour - service.peak_hour).abs();
            let apart = apart.min(24.0 - apart) / service.peak_width;
            service.night + (1.0 - service.night) * (-0.5 * apart * apart).exp()
        });
        let by_slot = by_slot.collect();
        let mut mood = 0.0;
        let (mut by_day, mut first_of_month) = (Vec::new(), Vec::new());
        for day in 0..calendar.all_days() {
            let date = calendar.at(day * slots);
            // 1970-01-01, day 0, was a Thursday.
            let weekday = (date.nanos().div_euclid(Span::DAY.nanos()) + 3).rem_euclid(7);
            mood = 0.6 * mood + 0.8 * prng.normal();
            let week = if weekday >= 5 { service.weekend } else { 1.0 };
            by_day.push(week * (1.0 + 0.01 * mood));
            first_of_month.push(date.date().ends_with("-01"));
        }
        Self { by_slot, by_day, first_of_month, closing_slots: slots / 3 }
    }

    pub(super) fn at(&self, tick: Tick) -> f64 {
        let of = |values: &[f64], at: usize| values.get(at).copied().unwrap_or(0.0);
        of(&self.by_slot, tick.slot) * of(&self.by_day, tick.day_index)
    }

    pub(super) fn is_month_closing(&self, tick: Tick) -> bool {
        let first = self.first_of_month.get(tick.day_index).copied().unwrap_or(false);
        first && tick.slot < self.closing_slots
    }
}

/// The loads of all services, in their order.
pub(super) fn loads(seed: u64, calendar: &Calendar) -> Vec<ServiceLoad> {
    let draw =
        |(at, service)| ServiceLoad::draw(service, Prng::stream(seed, 0, at as u64), calendar);
    SERVICES.iter().enumerate().map(draw).collect()
}

/// The hosts of a fleet, service by service in proportion to [`Service::of_200`].
pub(super) fn draw(seed: u64, count: usize, calendar: &Calendar) -> Vec<Host> {
    let mut hosts: Vec<Host> = Vec::with_capacity(count);
    let digits = count.to_string().len().max(NAME_DIGITS_MIN);
    let mut before = 0;
    for (service_index, service) in SERVICES.iter().enumerate() {
        before += service.of_200;
        let until = (before * count).div_ceil(200).min(count);
        for nth in 0..until - hosts.len() {
            let index = hosts.len();
            let role = (service.role)(nth);
            let mut prng = Prng::stream(seed, 1 + index as u64, RESOURCES.len() as u64 + 1);
            hosts.push(Host {
                index,
                service_index,
                name: format!("{}-{:0digits$}", service.name, nth + 1),
                service: service.name,
                zone: ["a", "b", "c"].get(nth % 3).copied().unwrap_or("a"),
                role,
                courses: courses(role, service, &mut prng, calendar.days as f64),
                limits: limits(service),
            });
        }
    }
    hosts
}

fn limits(service: &Service) -> [f64; RESOURCES.len()] {
    const GIB: f64 = 1_073_741_824.0;
    [
        service.cores,
        service.memory_gib * GIB,
        service.disk_gib * GIB,
        service.network_gbit * 125e6,
        CONNECTIONS_MAX,
    ]
}

/// The courses of a host's resources: those of its service, then what its role changes.
fn courses(role: Role, service: &Service, prng: &mut Prng, days: f64) -> [Course; 5] {
    let ceiling = |which: usize| RESOURCES.get(which).map_or(1.0, |r| r.threshold() - 0.05);
    let busy = |base: f64, peak: f64, noise: f64, which: usize| Course {
        base,
        swing: peak - base,
        noise,
        ceiling: ceiling(which),
        ..Course::default()
    };
    let cpu = Course { bursts_per_day: 0.3, ..busy(0.02, prng.between(0.48, 0.62), 0.05, CPU) };
    let base = prng.between(0.48, 0.60);
    let memory = Course { warms_up: true, ..busy(base, base + 0.12, 0.005, MEMORY) };
    let disk = Course {
        drift_per_day: prng.between(0.0, 0.000_2),
        ..busy(prng.between(0.25, 0.55), 0.0, 0.001, DISK)
    };
    let disk = Course { swing: 0.0, ..disk };
    let network = busy(0.005, prng.between(0.2, 0.45), 0.08, 3);
    let connections = busy(0.03, prng.between(0.25, 0.5), 0.04, 4);
    let mut courses = [cpu, memory, disk, network, connections];
    if service.name == "api" {
        // Dearer by a quarter since a deployment: a step, no trend.
        let day = days - prng.between(20.0, 45.0).min(days / 2.0);
        courses[CPU].deploy = Some((day, 1.25));
        courses[CPU].swing *= 0.8;
    }
    let [cpu, memory, disk, network, connections] = &mut courses;
    match role {
        Role::Healthy => {}
        Role::LeakingDisk => *disk = leaking(DISK, prng.between(0.25, 0.45), prng, days),
        Role::LeakingMemory => {
            let leak = leaking(MEMORY, prng.between(0.30, 0.40), prng, days);
            *memory = Course { swing: 0.04, noise: 0.005, ..leak };
        }
        Role::Growing => *cpu = growing(prng, days),
        Role::Zombie => {
            for course in [&mut *cpu, &mut *network, &mut *connections] {
                *course = Course { base: 0.003, swing: 0.002, noise: 0.3, ..*course };
                course.bursts_per_day = 0.0;
                course.deploy = None;
            }
            *memory = Course { base: 0.06, swing: 0.0, ..*memory };
        }
        Role::OverProvisioned => {
            for course in [&mut *cpu, &mut *network, &mut *connections] {
                course.swing = prng.between(0.12, 0.20);
                course.bursts_per_day = 0.05;
            }
            *memory = Course { base: prng.between(0.12, 0.2), swing: 0.04, ..*memory };
        }
        Role::RotatingDisk => {
            let height = prng.between(0.3, 0.45);
            let per_day = height / prng.between(5.0, 12.0);
            disk.base = prng.between(0.2, 0.3);
            disk.sawtooth = Some(Sawtooth { per_day, height });
            disk.drift_per_day = 0.0;
        }
        Role::MonthlyBatch => {
            *cpu = Course { swing: 0.12, month_closing: 0.5, bursts_per_day: 0.0, ..*cpu };
        }
    }
    courses
}

/// A leak that began some weeks ago, or before the history, and fills the resource 10 to 80 days
/// after its end.
fn leaking(which: usize, base: f64, prng: &mut Prng, days: f64) -> Course {
    let from = (days - prng.between(35.0, 100.0)).max(0.0);
    let full_on = days + prng.between(10.0, 80.0);
    let threshold = RESOURCES.get(which).map_or(1.0, Resource::threshold);
    Course {
        base,
        noise: 0.002,
        leak: Some(Leak { from, per_day: (threshold - base) / (full_on - from) }),
        ceiling: 1.0,
        ..Course::default()
    }
}

/// Growth by the same amount every day, until an ordinary daily peak is too much 20 to 80 days
/// after the history. It begins half a year before the end of a longer history: slower growth would
/// let noise alone be too much long before.
fn growing(prng: &mut Prng, days: f64) -> Course {
    /// The highest of a day's noise, in its standard deviations.
    const DAILY_MAXIMUM: f64 = 2.0;
    const GROWING_DAYS_MAX: f64 = 180.0;
    let (base, noise) = (0.02, 0.02);
    let swing = prng.between(0.34, 0.44);
    let full_on = days + prng.between(20.0, 80.0);
    let threshold = RESOURCES.get(CPU).map_or(1.0, Resource::threshold);
    let swing_then = threshold / (1.0 + DAILY_MAXIMUM * noise) - base;
    let growth_from = (days - GROWING_DAYS_MAX).max(0.0);
    let growth_per_day = (swing_then / swing - 1.0) / (full_on - growth_from);
    Course { base, swing, growth_per_day, growth_from, noise, ceiling: 1.0, ..Course::default() }
}
