//! M/M/c//N: a finite population that thinks, asks, waits and is served.

use super::weights::{poisson, probabilities};
use super::{Means, level, positive, server_count};
use crate::error::{Error, Result};
use crate::model::limits::QUEUE_POPULATION_MAX;

/// Where so many times as many services are to be expected as anybody waits for, and these more
/// besides, no wait is that long: so few end with a probability below 1e-60 (Chernoff 1952:
/// `exp(n - m) (m / n)^n` for `n` of a mean of `m`).
const ENDED_SHARE_MAX: f64 = 4.0;
const ENDED_MORE: usize = 100;

/// `population` customers, each of whom thinks, then asks for service, and waits for the answer
/// before thinking again (M/M/c//N; the machine repair model). It always settles: who waits does
/// not ask.
///
/// ```
/// use plimsoll::capacity::queueing::FinitePopulation;
/// // capacity.md, 2.6.
/// let state = FinitePopulation::new(100, 300.0, 0.63, 1)?.steady();
/// assert!((state.means.throughput_per_s - 0.332_453).abs() < 5e-7);
/// assert!((state.means.response_mean_s - 0.794_260).abs() < 5e-7);
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FinitePopulation {
    population: usize,
    think_s: f64,
    service_s: f64,
    servers: usize,
}

/// The steady state of a [`FinitePopulation`].
#[derive(Debug, Clone, PartialEq)]
pub struct FiniteSteady {
    /// Averages. The wait is of all that ask.
    pub means: Means,
    /// The population at which the servers would be just busy if nobody ever met:
    /// `c (S + Z) / S` (Denning and Buzen 1978). Beyond it, all that is added waits.
    pub population_saturating: f64,
    /// How likely it is that one who asks finds so many there.
    found: Vec<f64>,
    service_s: f64,
    servers: usize,
}

impl FinitePopulation {
    /// A population that thinks for `think_s` and is served for `service_s` on average.
    ///
    /// # Errors
    ///
    /// Unless there is a customer and a server, the service time is above 0 and the time to think
    /// 0 or more.
    pub fn new(population: usize, think_s: f64, service_s: f64, servers: usize) -> Result<Self> {
        if population == 0 {
            return Err(Error::invalid("a population has at least 1 customer"));
        }
        if population > QUEUE_POPULATION_MAX {
            return Err(Error::Limit {
                what: "the population of a queue",
                value: population as u64,
                limit: QUEUE_POPULATION_MAX as u64,
                remedy: "take arrivals at a fixed rate: so many customers are as good as endless",
            });
        }
        Ok(Self {
            population,
            think_s: super::amount("the think time", think_s)?,
            service_s: positive("the service time", service_s)?,
            servers: server_count(servers)?,
        })
    }

    /// Its steady state. One who asks finds what there would be without him (Sevcik and Mitrani
    /// 1981).
    pub fn steady(&self) -> FiniteSteady {
        let servers = self.servers as f64;
        let present = self.probabilities(self.population);
        let mean = |of: &dyn Fn(f64) -> f64| -> f64 {
            present.iter().enumerate().map(|(count, p)| p * of(count as f64)).sum()
        };
        let busy = mean(&|count| count.min(servers));
        let waiting_mean = mean(&|count| (count - servers).max(0.0));
        let throughput_per_s = busy / self.service_s;
        let wait_mean_s = waiting_mean / throughput_per_s;
        let found = self.probabilities(self.population - 1);
        let wait_probability = found.iter().skip(self.servers).sum();
        let means = Means {
            throughput_per_s,
            utilisation: busy / servers,
            wait_probability,
            wait_mean_s,
            response_mean_s: wait_mean_s + self.service_s,
            waiting_mean,
            present_mean: waiting_mean + busy,
        };
        FiniteSteady {
            means,
            population_saturating: servers * (self.service_s + self.think_s) / self.service_s,
            found,
            service_s: self.service_s,
            servers: self.servers,
        }
    }

    /// How likely `0 ..= population` of them wait or are served.
    fn probabilities(&self, population: usize) -> Vec<f64> {
        probabilities(population, |count| {
            let thinking = (population - count) as f64;
            let served = (count + 1).min(self.servers) as f64;
            // Without thought nobody is ever away: the ratio is infinite, and the weight 0.
            thinking * self.service_s / (self.think_s * served)
        })
    }
}

impl FiniteSteady {
    /// The probability that one who asks waits longer than `time_s`: behind `n` others, until
    /// `n - c + 1` services have ended, which end at the rate of all servers.
    pub fn wait_over(&self, time_s: f64) -> f64 {
        if time_s < 0.0 {
            return 1.0;
        }
        let ended_mean = self.servers as f64 * time_s / self.service_s;
        if ended_mean.is_nan() {
            return f64::NAN;
        }
        let beyond_most = self.found.len().saturating_sub(self.servers);
        if ended_mean > ENDED_SHARE_MAX * (beyond_most + ENDED_MORE) as f64 {
            return 0.0;
        }
        let ended = poisson(ended_mean);
        // Those found beyond the servers, and the chance that so few services or fewer have ended.
        let mut few = 0.0;
        let mut sum = 0.0;
        for (beyond, p) in self.found.iter().skip(self.servers).enumerate() {
            few += ended.get(beyond).copied().unwrap_or(0.0);
            sum += p * few;
        }
        sum.min(1.0)
    }

    /// The wait that a share `level` of all that ask does not pass.
    ///
    /// # Errors
    ///
    /// Unless the level is between 0 and 1.
    pub fn wait_quantile_s(&self, level: f64) -> Result<f64> {
        let over = 1.0 - self::level("the level", level)?;
        if self.means.wait_probability <= over {
            return Ok(0.0);
        }
        let mut high = self.service_s;
        while self.wait_over(high) > over {
            high *= 2.0;
        }
        // As many digits as anybody reads: every look costs a walk over the population.
        let (mut low, mut top) = (0.0, high);
        while top - low > 1e-12 * top {
            let middle = 0.5 * (low + top);
            if self.wait_over(middle) > over { low = middle } else { top = middle }
        }
        Ok(top)
    }
}
