//! Networks of queues: work that visits several stations, from outside or round and round.
//!
//! In: stations, and classes of work with their visits and service times. Out: what each class and
//! each station comes to, exactly. Never: a fixed point that is only near the answer.
//!
//! Where classes differ in their service times at a station, its servers are shared in equal parts
//! (processor sharing); where they do not, first come first served comes to the same (Baskett,
//! Chandy, Muntz and Palacios 1975).

mod closed;
mod open;
mod routing;

pub use closed::{ClosedClass, solve_closed};
pub use open::{NetworkSaturation, OpenClass, solve_open};
pub use routing::visits;

use super::{amount, server_count};
use crate::error::{Error, Result};

/// A place where work is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Station {
    /// Its name, for messages.
    pub name: String,
    /// What it is.
    pub kind: StationKind,
}

/// Whether work waits at a station.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StationKind {
    /// So many servers and a queue.
    Queue {
        /// How many; at least 1.
        servers: usize,
    },
    /// Nobody waits: a network's latency, a time of thought.
    Delay,
}

/// What one job of a class does at one station.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Work {
    /// How often a job comes by; need not be whole.
    pub visits: f64,
    /// The mean service time of one visit.
    pub service_s: f64,
}

/// What a network comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkSolution {
    /// A solution per class, in their order.
    pub classes: Vec<ClassSolution>,
    /// A solution per station, in their order.
    pub stations: Vec<StationSolution>,
}

/// What a class comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassSolution {
    /// Jobs per second.
    pub throughput_per_s: f64,
    /// The mean time a job is in the network, time to think not counted.
    pub response_mean_s: f64,
    /// The mean number of its jobs in the network.
    pub present_mean: f64,
    /// What it does at each station, in their order.
    pub visits: Vec<Visit>,
}

/// A class at a station.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Visit {
    /// Visits per second.
    pub throughput_per_s: f64,
    /// The share of the servers' time that the class uses; of a delay, `None`.
    pub utilisation: Option<f64>,
    /// The mean time at the station of one visit; `None` where a class never comes by.
    pub response_mean_s: Option<f64>,
    /// The mean time at the station of all visits of a job.
    pub residence_s: f64,
    /// The mean number of jobs of the class there.
    pub present_mean: f64,
}

/// All classes at a station.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StationSolution {
    /// The share of the servers' time in use; of a delay, `None`.
    pub utilisation: Option<f64>,
    /// The mean number of jobs there.
    pub present_mean: f64,
}

impl Work {
    /// The demand of a job: visits times service time.
    pub fn demand_s(&self) -> f64 {
        self.visits * self.service_s
    }
}

impl Station {
    /// How many servers; `None` for a delay.
    fn servers(&self) -> Option<usize> {
        match self.kind {
            StationKind::Queue { servers } => Some(servers),
            StationKind::Delay => None,
        }
    }
}

/// Stations and the work at each of them, looked at before any calculation.
fn check<'a>(
    stations: &[Station],
    classes: impl Iterator<Item = (&'a str, &'a [Work])>,
) -> Result<()> {
    for station in stations {
        if let Some(servers) = station.servers() {
            server_count(servers)?;
        }
    }
    let mut count = 0;
    for (name, work) in classes {
        count += 1;
        if work.len() != stations.len() {
            return Err(Error::invalid(format!(
                "class {name} has work at {} stations; there are {}",
                work.len(),
                stations.len()
            )));
        }
        for (station, work) in stations.iter().zip(work) {
            let station = &station.name;
            amount(&format!("the number of visits of class {name} to {station}"), work.visits)?;
            let what = format!("the service time of class {name} at {station}");
            amount(&what, work.service_s)?;
            amount(&format!("the demand of class {name} at {station}"), work.demand_s())?;
        }
    }
    if stations.is_empty() || count == 0 {
        return Err(Error::invalid("a network has at least 1 station and 1 class of work"));
    }
    Ok(())
}

/// Puts classes and stations together from throughputs and residence times.
fn solution(
    stations: &[Station],
    classes: impl Iterator<Item = (f64, Vec<Work>, Vec<f64>)>,
) -> NetworkSolution {
    let visit = |station: &Station, throughput_per_s: f64, work: Work, residence_s: f64| {
        let busy = throughput_per_s * work.demand_s();
        Visit {
            throughput_per_s: throughput_per_s * work.visits,
            utilisation: station.servers().map(|servers| busy / servers as f64),
            response_mean_s: (work.visits > 0.0).then(|| residence_s / work.visits),
            residence_s,
            present_mean: throughput_per_s * residence_s,
        }
    };
    let classes: Vec<ClassSolution> = classes
        .map(|(throughput_per_s, work, residences)| {
            let response_mean_s = residences.iter().sum();
            let places = stations.iter().zip(work.into_iter().zip(residences));
            let visits = places
                .map(|(station, (work, residence))| {
                    visit(station, throughput_per_s, work, residence)
                })
                .collect();
            let present_mean = throughput_per_s * response_mean_s;
            ClassSolution { throughput_per_s, response_mean_s, present_mean, visits }
        })
        .collect();
    let total = |index: usize| StationSolution {
        utilisation: classes.iter().map(|class| class.visits[index].utilisation).sum(),
        present_mean: classes.iter().map(|class| class.visits[index].present_mean).sum(),
    };
    let stations = (0..stations.len()).map(total).collect();
    NetworkSolution { classes, stations }
}
