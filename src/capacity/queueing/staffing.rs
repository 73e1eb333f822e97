//! Staffing: the least number of servers with which waits stay as short as wanted.

use std::f64::consts::PI;

use super::{OpenQueue, SteadyQueue, amount, erlang, level, positive, turn};
use crate::error::{Error, Result};
use crate::kernel::normal_cdf;
use crate::model::limits::QUEUE_SERVERS_MAX;

/// What waits are to be like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum WaitTarget {
    /// At most this share of arrivals waits at all.
    Probability(f64),
    /// The mean wait is at most so long.
    MeanS(f64),
    /// At most a share of arrivals waits longer than a time.
    Over {
        /// The time.
        time_s: f64,
        /// The share.
        probability: f64,
    },
}

/// The least number of servers, and what the square-root rule says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Staffing {
    /// The least number of servers that meets the target.
    pub servers: usize,
    /// The queue before them.
    pub queue: SteadyQueue,
    /// The number of servers by the rule, `ceil(a + b sqrt(a))`.
    pub rule_servers: usize,
    /// The rule's factor `b`.
    pub rule_factor: f64,
    /// The queue before the rule's servers; `None` where they are too few to ever settle.
    pub rule_queue: Option<SteadyQueue>,
}

/// The least number of servers (M/M/c) for a stream and a target, found exactly: Erlang's recursion
/// is walked up from one server, and waits only get shorter on the way.
///
/// ```
/// use plimsoll::capacity::queueing::{WaitTarget, least_servers};
/// // capacity.md, feature 12.
/// let staffing = least_servers(100.0, 1.0, WaitTarget::Probability(0.2))?;
/// assert_eq!(staffing.servers, 111);
/// # Ok::<(), plimsoll::Error>(())
/// ```
///
/// # Errors
///
/// Unless rate and times are amounts and probabilities between 0 and 1; and where it takes more
/// than [`QUEUE_SERVERS_MAX`] servers.
pub fn least_servers(
    arrival_rate_per_s: f64,
    service_s: f64,
    target: WaitTarget,
) -> Result<Staffing> {
    let rate = amount("the arrival rate", arrival_rate_per_s)?;
    let service_s = positive("the service time", service_s)?;
    target.check()?;
    let offered = rate * service_s;
    let mut loss = 1.0;
    for servers in 1..=QUEUE_SERVERS_MAX {
        let count = servers as f64;
        loss = erlang::next_loss(count, offered, loss);
        if count <= offered {
            continue;
        }
        let wait_probability = erlang::of_loss(count, offered, loss);
        if target.is_met(wait_probability, (count - offered) / service_s) {
            return staffed(OpenQueue::new(rate, service_s, servers)?, servers, target);
        }
    }
    Err(Error::Limit {
        what: "the number of servers that it takes",
        value: QUEUE_SERVERS_MAX as u64 + 1,
        limit: QUEUE_SERVERS_MAX as u64,
        remedy: "split the stream, or ask for less",
    })
}

/// The answer for a number of servers that was found, with the rule beside it.
fn staffed(queue: OpenQueue, servers: usize, target: WaitTarget) -> Result<Staffing> {
    let offered = queue.offered();
    let (rate, service_s) = (queue.arrival_rate_per_s(), queue.service_s());
    let rule_factor = target.rule_factor(offered, service_s);
    let rule_servers = (offered + rule_factor * offered.sqrt()).ceil().max(1.0) as usize;
    let steady = |servers: usize| -> Result<Option<SteadyQueue>> {
        Ok(OpenQueue::new(rate, service_s, servers)?.long_run().steady())
    };
    let Some(queue) = steady(servers)? else {
        return Err(Error::invalid("the servers found do not bear the stream"));
    };
    let rule_queue = steady(rule_servers.min(QUEUE_SERVERS_MAX))?;
    Ok(Staffing { servers, queue, rule_servers, rule_factor, rule_queue })
}

/// The wait probability that the square-root rule `a + b sqrt(a)` aims at (Halfin and Whitt 1981):
/// `1 / (1 + b Phi(b) / phi(b))`. It is the limit for ever larger loads.
///
/// ```
/// use plimsoll::capacity::queueing::square_root_wait_probability;
/// // capacity.md, 2.4: of the four factors of Netflix's capacity model, 1.16 is said to mean 0.2.
/// assert!((square_root_wait_probability(1.16) - 0.166_7).abs() < 5e-5);
/// ```
pub fn square_root_wait_probability(factor: f64) -> f64 {
    let density = (-0.5 * factor * factor).exp() / (2.0 * PI).sqrt();
    density / (density + factor * normal_cdf(factor))
}

/// The factor `b` of the square-root rule for a wait probability: the inverse of
/// [`square_root_wait_probability`].
///
/// # Errors
///
/// Unless the probability is between 0 and 1.
pub fn square_root_factor(wait_probability: f64) -> Result<f64> {
    let most = level("the wait probability", wait_probability)?;
    Ok(factor(|factor| square_root_wait_probability(factor) > most))
}

/// The factor at which `short` turns false; beyond 40 all waits have vanished.
fn factor(short: impl Fn(f64) -> bool) -> f64 {
    turn(0.0, 40.0, short)
}

impl WaitTarget {
    fn check(self) -> Result<()> {
        match self {
            Self::Probability(most) => level("the wait probability", most).map(drop),
            Self::MeanS(most) => positive("the mean wait", most).map(drop),
            Self::Over { time_s, probability } => {
                amount("the wait", time_s)?;
                level("the probability", probability).map(drop)
            }
        }
    }

    /// With this probability of a wait, and servers that gain on their queue at this rate.
    fn is_met(self, wait_probability: f64, gain_per_s: f64) -> bool {
        match self {
            Self::Probability(most) => wait_probability <= most,
            Self::MeanS(most) => wait_probability / gain_per_s <= most,
            Self::Over { time_s, probability } => {
                wait_probability * (-gain_per_s * time_s).exp() <= probability
            }
        }
    }

    /// The rule's factor, where waits are as Halfin and Whitt's limit has them.
    fn rule_factor(self, offered: f64, service_s: f64) -> f64 {
        let gain_per_s = |factor: f64| factor * offered.sqrt() / service_s;
        factor(|factor| !self.is_met(square_root_wait_probability(factor), gain_per_s(factor)))
    }
}
