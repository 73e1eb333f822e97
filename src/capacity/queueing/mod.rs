//! Queueing: how long work waits for servers, how many servers it takes, and how full they may be.
//!
//! In: a rate of arrivals or a population, service times, a number of servers; for networks,
//! stations and classes of work. Out: utilisation, waits, responses and queue lengths in the long
//! run, and percentiles of the wait; the least number of servers; the utilisation at which response
//! times bend. Never: an approximation where the exact answer can be had, or a number for a system
//! that has no long run. Such a system is [`Saturated`](LongRun::Saturated), and says what it would
//! bear.
//!
//! Arrivals are Poisson, service times exponential, queues first come first served, unless a type
//! says otherwise. `docs/method/queueing.md` has the formulas and their sources.

mod erlang;
mod finite;
mod fixed;
mod general;
mod knee;
mod network;
mod open;
mod split;
mod staffing;
mod weights;

pub use erlang::{erlang_b, erlang_c};
pub use finite::{FinitePopulation, FiniteSteady};
pub use fixed::{FixedService, FixedSteady};
pub use general::GeneralService;
pub use knee::{ResponseTarget, highest_utilisation, highest_utilisation_by_wait};
pub use network::{
    ClassSolution, ClosedClass, NetworkSaturation, NetworkSolution, OpenClass, Station,
    StationKind, StationSolution, Visit, Work, solve_closed, solve_open, visits,
};
pub use open::{OpenQueue, SteadyQueue};
pub use split::{Split, TwoServers};
pub use staffing::{
    Staffing, WaitTarget, least_servers, square_root_factor, square_root_wait_probability,
};

use crate::error::{Error, Result};
use crate::model::limits::QUEUE_SERVERS_MAX;

/// What a system comes to in the long run: a steady state, or none.
#[derive(Debug, Clone, PartialEq)]
pub enum LongRun<T, S = Saturation> {
    /// It settles.
    Steady(T),
    /// More arrives than can be served: the queue grows for as long as that lasts.
    Saturated(S),
}

/// Why a queue does not settle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Saturation {
    /// The share of the servers' time that is asked for: 1 or more.
    pub utilisation: f64,
    /// The rate below which the queue would settle, per second.
    pub arrival_rate_max_per_s: f64,
}

/// What a queue is like on average, in its steady state.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Means {
    /// Completions per second.
    pub throughput_per_s: f64,
    /// The share of the servers' time in use.
    pub utilisation: f64,
    /// The probability that an arrival has to wait.
    pub wait_probability: f64,
    /// The mean time between arrival and start of service, over all arrivals.
    pub wait_mean_s: f64,
    /// The mean time between arrival and end of service.
    pub response_mean_s: f64,
    /// The mean number that wait.
    pub waiting_mean: f64,
    /// The mean number that wait or are served.
    pub present_mean: f64,
}

impl<T, S> LongRun<T, S> {
    /// The steady state, if there is one.
    pub fn steady(self) -> Option<T> {
        match self {
            Self::Steady(state) => Some(state),
            Self::Saturated(_) => None,
        }
    }
}

impl Means {
    /// From the mean wait, by Little's law.
    fn of(throughput_per_s: f64, service_s: f64, servers: f64, wait: (f64, f64)) -> Self {
        let (wait_probability, wait_mean_s) = wait;
        let response_mean_s = wait_mean_s + service_s;
        Self {
            throughput_per_s,
            utilisation: throughput_per_s * service_s / servers,
            wait_probability,
            wait_mean_s,
            response_mean_s,
            waiting_mean: throughput_per_s * wait_mean_s,
            present_mean: throughput_per_s * response_mean_s,
        }
    }
}

/// Rates and times beyond this are mistakes; below it no product of two overflows.
const AMOUNT_MAX: f64 = 1e15;

/// An amount of 0 or more.
fn amount(what: &str, value: f64) -> Result<f64> {
    if (0.0..=AMOUNT_MAX).contains(&value) {
        return Ok(value);
    }
    Err(Error::invalid(format!("{what} is {value}: give a number from 0 to {AMOUNT_MAX:e}")))
}

/// An amount above 0, and not so small that its inverse is beyond all numbers.
fn positive(what: &str, value: f64) -> Result<f64> {
    if (1.0 / AMOUNT_MAX..=AMOUNT_MAX).contains(&value) {
        return Ok(value);
    }
    Err(Error::invalid(format!(
        "{what} is {value}: give a number from {:e} to {AMOUNT_MAX:e}",
        1.0 / AMOUNT_MAX
    )))
}

/// A number of servers.
fn server_count(servers: usize) -> Result<usize> {
    if servers == 0 {
        return Err(Error::invalid("a queue has at least 1 server"));
    }
    if servers > QUEUE_SERVERS_MAX {
        return Err(Error::Limit {
            what: "the number of servers of a queue",
            value: servers as u64,
            limit: QUEUE_SERVERS_MAX as u64,
            remedy: "ask about a part of them",
        });
    }
    Ok(servers)
}

/// A level of a percentile, or a probability that something is to stay under.
fn level(what: &str, value: f64) -> Result<f64> {
    if value > 0.0 && value < 1.0 {
        return Ok(value);
    }
    Err(Error::invalid(format!("{what} is {value}: give a number between 0 and 1, as in 0.95")))
}

/// The point at which `held` turns false, between `low`, where it holds, and `high`.
fn turn(mut low: f64, mut high: f64, held: impl Fn(f64) -> bool) -> f64 {
    loop {
        let middle = low + 0.5 * (high - low);
        if middle <= low || middle >= high {
            return low;
        }
        if held(middle) { low = middle } else { high = middle }
    }
}

#[cfg(test)]
mod tests;
