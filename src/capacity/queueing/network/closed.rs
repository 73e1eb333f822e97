//! Closed networks: a fixed number of jobs of each class goes round, by exact mean value analysis.

use super::{NetworkSolution, Station, Work, check, solution};
use crate::capacity::queueing::amount;
use crate::error::{Error, Result};
use crate::model::limits::{NETWORK_NUMBERS_MAX, NETWORK_STEPS_MAX};

/// A class of jobs that go round: as many as there are users, or slots of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct ClosedClass {
    /// Its name, for messages.
    pub name: String,
    /// How many jobs there are.
    pub population: usize,
    /// The mean time between the end of a job and the start of the next; 0 for a batch.
    pub think_s: f64,
    /// What a job does at each station, in their order.
    pub work: Vec<Work>,
}

/// What a closed network of several classes comes to, exactly (mean value analysis, Reiser and
/// Lavenberg 1980): from no job at all, one more at a time, a job that arrives at a station finds
/// what there would be without it.
///
/// A station of several servers takes the probabilities of few jobs there as well. The usual way to
/// them subtracts, and loses all digits when the station is busy; here they come from networks
/// without that station, which only multiplies (Reiser 1981): twice the work for each such station.
///
/// ```
/// use plimsoll::capacity::queueing::{ClosedClass, Station, StationKind, Work, solve_closed};
/// // capacity.md, 2.6.
/// let kind = StationKind::Queue { servers: 1 };
/// let stations = [Station { name: "server".into(), kind }];
/// let work = vec![Work { visits: 1.0, service_s: 0.63 }];
/// let class = ClosedClass { name: "user".into(), population: 100, think_s: 300.0, work };
/// let solved = solve_closed(&stations, &[class])?;
/// assert!((solved.classes[0].response_mean_s - 0.794_260).abs() < 5e-7);
/// # Ok::<(), plimsoll::Error>(())
/// ```
///
/// # Errors
///
/// Unless every class has work at every station, of amounts of 0 or more and not 0 in all, stations
/// have servers, and the numbers to be kept stay within [`NETWORK_NUMBERS_MAX`]: a set of them for
/// each combination of populations.
pub fn solve_closed(stations: &[Station], classes: &[ClosedClass]) -> Result<NetworkSolution> {
    check(stations, classes.iter().map(|class| (class.name.as_str(), class.work.as_slice())))?;
    for class in classes {
        amount(&format!("the think time of class {}", class.name), class.think_s)?;
        let demand: f64 = class.work.iter().map(Work::demand_s).sum();
        if class.population > 0 && class.think_s + demand == 0.0 {
            let name = &class.name;
            return Err(Error::invalid(format!("class {name} takes no time at all: give it work")));
        }
    }
    let network = Network::new(stations, classes)?;
    // Networks without some of the stations of several servers come before those with them.
    let all = (1_usize << network.several.len()) - 1;
    let mut throughputs: Vec<Vec<f64>> = Vec::with_capacity(all + 1);
    let mut residences = Vec::new();
    for with in 0..=all {
        let (throughput, last) = network.walk(with, &throughputs);
        throughputs.push(throughput);
        residences = last;
    }
    let last = network.states - 1;
    let solved = classes.iter().enumerate().map(|(index, class)| {
        let throughput = throughputs[all][last * classes.len() + index];
        let from = index * stations.len();
        let residences = residences[from..from + stations.len()].to_vec();
        (throughput, class.work.clone(), residences)
    });
    Ok(solution(stations, solved))
}

/// A closed network, with the combinations of populations numbered.
struct Network<'a> {
    classes: &'a [ClosedClass],
    places: Vec<Place>,
    /// The indices of the places of several servers.
    several: Vec<usize>,
    states: usize,
    /// By how much a state's number grows with one more job of a class.
    strides: Vec<usize>,
}

/// What a station is to this many jobs.
#[derive(Clone, Copy)]
enum Place {
    /// Nobody waits, as there are as many servers as jobs.
    Delay,
    Single,
    /// Several servers; the index among those, and where its probabilities begin.
    Several {
        index: usize,
        servers: usize,
        first: usize,
    },
}

impl<'a> Network<'a> {
    fn new(stations: &[Station], classes: &'a [ClosedClass]) -> Result<Self> {
        let jobs = classes.iter().fold(0_usize, |sum, class| sum.saturating_add(class.population));
        let mut several = Vec::new();
        let mut places = Vec::with_capacity(stations.len());
        let mut probabilities: usize = 0;
        for (index, station) in stations.iter().enumerate() {
            places.push(match station.servers() {
                Some(1) => Place::Single,
                Some(servers) if servers < jobs => {
                    several.push(index);
                    let first = probabilities;
                    probabilities += servers;
                    Place::Several { index: several.len() - 1, servers, first }
                }
                _ => Place::Delay,
            });
        }
        let states = classes.iter().try_fold(1_usize, |states, class| {
            states.checked_mul(class.population.checked_add(1)?)
        });
        let networks = 1_usize.checked_shl(several.len() as u32);
        let numbers = states.zip(networks).and_then(|(states, networks)| {
            let each = classes.len().checked_mul(networks)?;
            states.checked_mul(each.checked_add(stations.len())?.checked_add(probabilities)?)
        });
        let (Some(states), Some(networks), Some(numbers)) = (states, networks, numbers) else {
            return Err(too_large(u64::MAX));
        };
        if numbers > NETWORK_NUMBERS_MAX {
            return Err(too_large(numbers as u64));
        }
        // Each network is walked through all states, class by class, station by station.
        let each = classes.len().saturating_mul(stations.len() + probabilities);
        let steps = states.saturating_mul(networks).saturating_mul(each);
        if steps > NETWORK_STEPS_MAX {
            return Err(too_long(steps as u64));
        }
        let mut stride = 1;
        let mut strides = Vec::with_capacity(classes.len());
        for class in classes {
            strides.push(stride);
            stride *= class.population + 1;
        }
        Ok(Self { classes, places, several, states, strides })
    }

    /// Whether a network has this place: all have those of one server and the delays.
    fn has(&self, with: usize, station: usize) -> bool {
        match self.places[station] {
            Place::Several { index, .. } => with >> index & 1 == 1,
            _ => true,
        }
    }

    /// Walks up all states of the network with some of the stations of several servers. Returns the
    /// throughput of each class in each state, infinite where the network has no work for it, and
    /// the residence times in the last state, class by class.
    fn walk(&self, with: usize, before: &[Vec<f64>]) -> (Vec<f64>, Vec<f64>) {
        let (classes, stations) = (self.classes.len(), self.places.len());
        let idle = self.classes.iter().map(|class| {
            let demand = |station: usize| class.work[station].demand_s();
            class.think_s == 0.0 && (0..stations).all(|at| !self.has(with, at) || demand(at) == 0.0)
        });
        let idle: Vec<bool> = idle.collect();
        let mut throughput = vec![0.0; self.states * classes];
        let mut present = vec![0.0; self.states * stations];
        let mut few = Few::new(&self.places, self.states);
        let mut residence = vec![0.0; classes * stations];
        for state in 1..self.states {
            let jobs = self.jobs(state);
            let there = jobs.iter().zip(&idle).any(|(jobs, idle)| *jobs > 0 && *idle);
            if there {
                // Nothing here is looked at: with that station, it would hold all those jobs.
                let cells = &mut throughput[state * classes..][..classes];
                cells.iter_mut().zip(&jobs).for_each(|(cell, jobs)| {
                    *cell = if *jobs > 0 { f64::INFINITY } else { 0.0 };
                });
                continue;
            }
            residence.fill(0.0);
            for (class, jobs) in jobs.iter().enumerate().filter(|(_, jobs)| **jobs > 0) {
                let found = state - self.strides[class];
                let times = &mut residence[class * stations..][..stations];
                for (station, time) in times.iter_mut().enumerate() {
                    if self.has(with, station) {
                        let others = present[found * stations + station];
                        let demand = self.classes[class].work[station].demand_s();
                        *time = demand * self.stretch(station, others, &few, found);
                    }
                }
                let cycle = self.classes[class].think_s + times.iter().sum::<f64>();
                throughput[state * classes + class] = *jobs as f64 / cycle;
            }
            let rates = &throughput[state * classes..][..classes];
            for station in 0..stations {
                let each = rates.iter().enumerate();
                present[state * stations + station] =
                    each.map(|(class, rate)| rate * residence[class * stations + station]).sum();
            }
            self.note_few(with, state, &jobs, &throughput, before, &mut few);
        }
        (throughput, residence)
    }

    /// How much longer than its demand a job stays that finds so many others.
    fn stretch(&self, station: usize, others: f64, few: &Few, found: usize) -> f64 {
        match self.places[station] {
            Place::Delay => 1.0,
            Place::Single => 1.0 + others,
            Place::Several { servers, first, .. } => {
                let few = few.at(found, first, servers - 1);
                let free = few.iter().enumerate();
                let free: f64 = free.map(|(jobs, p)| p * (servers - 1 - jobs) as f64).sum();
                (1.0 + others + free) / servers as f64
            }
        }
    }

    /// The probabilities of `0 .. servers` jobs at each station of several servers, in a state.
    fn note_few(
        &self,
        with: usize,
        state: usize,
        jobs: &[usize],
        throughput: &[f64],
        before: &[Vec<f64>],
        few: &mut Few,
    ) {
        let classes = self.classes.len();
        for (index, station) in self.several.iter().enumerate() {
            let Place::Several { servers, first, .. } = self.places[*station] else { continue };
            if with >> index & 1 == 0 {
                continue;
            }
            let without = &before[with & !(1 << index)][state * classes..][..classes];
            let rates = &throughput[state * classes..][..classes];
            let none = match jobs.iter().position(|jobs| *jobs > 0) {
                Some(class) if without.iter().all(|rate| rate.is_finite()) => {
                    few.at(state - self.strides[class], first, 1)[0] * rates[class] / without[class]
                }
                _ => 0.0,
            };
            few.set(state, first, none);
            for count in 1..servers {
                let each = jobs.iter().enumerate().filter(|(_, jobs)| **jobs > 0);
                let sum: f64 = each
                    .map(|(class, _)| {
                        let found = few.at(state - self.strides[class], first + count - 1, 1)[0];
                        self.classes[class].work[*station].demand_s() * rates[class] * found
                    })
                    .sum();
                few.set(state, first + count, sum / count as f64);
            }
        }
    }

    /// How many jobs of each class a state has.
    fn jobs(&self, state: usize) -> Vec<usize> {
        let each = self.classes.iter().zip(&self.strides);
        each.map(|(class, stride)| state / stride % (class.population + 1)).collect()
    }
}

/// Probabilities of few jobs at the stations of several servers, for every state.
struct Few {
    numbers: Vec<f64>,
    width: usize,
}

impl Few {
    fn new(places: &[Place], states: usize) -> Self {
        let mut few = Self { numbers: Vec::new(), width: 0 };
        for place in places {
            if let Place::Several { servers, .. } = place {
                few.width += servers;
            }
        }
        few.numbers = vec![0.0; few.width * states];
        for place in places {
            if let Place::Several { first, .. } = place {
                few.set(0, *first, 1.0);
            }
        }
        few
    }

    fn at(&self, state: usize, first: usize, count: usize) -> &[f64] {
        &self.numbers[state * self.width + first..][..count]
    }

    fn set(&mut self, state: usize, at: usize, number: f64) {
        self.numbers[state * self.width + at] = number;
    }
}

fn too_long(steps: u64) -> Error {
    Error::Limit {
        what: "the count of numbers that exact mean value analysis looks at",
        value: steps,
        limit: NETWORK_STEPS_MAX as u64,
        remedy: "take fewer stations of several servers, each of which doubles it, or fewer jobs",
    }
}

fn too_large(numbers: u64) -> Error {
    Error::Limit {
        what: "the count of numbers that exact mean value analysis keeps",
        value: numbers,
        limit: NETWORK_NUMBERS_MAX as u64,
        remedy: "join classes that are alike, or take fewer jobs: it grows with the product of \
                 the populations",
    }
}
