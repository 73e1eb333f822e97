//! M/M/c: arrivals at random, exponential service times, several servers, one queue.

use super::{LongRun, Means, Saturation, amount, erlang, level, positive, server_count, turn};
use crate::error::Result;

/// A queue in front of `servers` equal servers (M/M/c; M/M/1 with one). In telephony: Erlang C.
///
/// ```
/// use plimsoll::capacity::queueing::{LongRun, OpenQueue};
/// // capacity.md, 2.6: 75 per second arrive, 100 per second can be served.
/// let LongRun::Steady(queue) = OpenQueue::new(75.0, 0.01, 1)?.long_run() else { panic!() };
/// assert!((queue.means.response_mean_s - 0.04).abs() < 1e-12);
/// assert!((queue.means.present_mean - 3.0).abs() < 1e-12);
/// let LongRun::Saturated(limit) = OpenQueue::new(100.0, 0.01, 1)?.long_run() else { panic!() };
/// assert_eq!(limit.arrival_rate_max_per_s, 100.0);
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OpenQueue {
    arrival_rate_per_s: f64,
    service_s: f64,
    servers: usize,
}

/// The steady state of an [`OpenQueue`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SteadyQueue {
    /// Averages.
    pub means: Means,
    service_s: f64,
    /// Servers less offered load: how many are free on average, 0 excluded.
    free_servers: f64,
}

impl OpenQueue {
    /// A queue at which `arrival_rate_per_s` arrive, each to be served for `service_s` on average.
    ///
    /// # Errors
    ///
    /// Unless the rate is 0 or more, the service time above 0, and there is a server.
    pub fn new(arrival_rate_per_s: f64, service_s: f64, servers: usize) -> Result<Self> {
        Ok(Self {
            arrival_rate_per_s: amount("the arrival rate", arrival_rate_per_s)?,
            service_s: positive("the service time", service_s)?,
            servers: server_count(servers)?,
        })
    }

    /// The offered load: how many servers are busy on average, if all are served.
    pub fn offered(&self) -> f64 {
        self.arrival_rate_per_s * self.service_s
    }

    /// Arrivals per second.
    pub fn arrival_rate_per_s(&self) -> f64 {
        self.arrival_rate_per_s
    }

    /// The mean service time.
    pub fn service_s(&self) -> f64 {
        self.service_s
    }

    /// Its steady state, if it settles.
    ///
    /// The mean wait is `C S / (c - a)` (Erlang 1917; Kleinrock 1975, 3.8).
    pub fn long_run(&self) -> LongRun<SteadyQueue> {
        let (offered, servers) = (self.offered(), self.servers as f64);
        if offered >= servers {
            return LongRun::Saturated(Saturation {
                utilisation: offered / servers,
                arrival_rate_max_per_s: servers / self.service_s,
            });
        }
        let probability = erlang::delay(self.servers, offered);
        let free_servers = servers - offered;
        let wait = (probability, probability * self.service_s / free_servers);
        let means = Means::of(self.arrival_rate_per_s, self.service_s, servers, wait);
        LongRun::Steady(SteadyQueue { means, service_s: self.service_s, free_servers })
    }
}

impl SteadyQueue {
    /// The probability that an arrival waits longer than `time_s`: `C exp(-(c - a) t / S)`.
    pub fn wait_over(&self, time_s: f64) -> f64 {
        let probability = self.means.wait_probability;
        if time_s < 0.0 { 1.0 } else { probability * (-self.drained(time_s)).exp() }
    }

    /// The wait that a share `level` of arrivals does not pass; 0 where that many do not wait.
    ///
    /// # Errors
    ///
    /// Unless the level is between 0 and 1.
    pub fn wait_quantile_s(&self, level: f64) -> Result<f64> {
        let over = 1.0 - super::level("the level", level)?;
        let factor = (self.means.wait_probability / over).ln().max(0.0);
        Ok(factor * self.service_s / self.free_servers)
    }

    /// The probability that a response takes longer than `time_s` (Gross and Harris 1998, 2.3).
    ///
    /// With `x = t / S` and `y = c - a - 1`: `exp(-x) (1 + C (1 - exp(-x y)) / y)`.
    pub fn response_over(&self, time_s: f64) -> f64 {
        if time_s <= 0.0 {
            return 1.0;
        }
        let served = time_s / self.service_s;
        let rest = self.free_servers - 1.0;
        let exponent = served * rest;
        // The time in queue and service beyond that in service alone, over C.
        let beyond = if exponent.abs() < 1e-8 {
            served * (-served).exp()
        } else if exponent.abs() < 1.0 {
            (-served).exp() * -(-exponent).exp_m1() / rest
        } else {
            ((-served).exp() - (-self.drained(time_s)).exp()) / rest
        };
        ((-served).exp() + self.means.wait_probability * beyond).min(1.0)
    }

    /// The response time that a share `level` does not pass.
    ///
    /// # Errors
    ///
    /// Unless the level is between 0 and 1.
    pub fn response_quantile_s(&self, level: f64) -> Result<f64> {
        let over = 1.0 - self::level("the level", level)?;
        let mut high = self.means.response_mean_s;
        while self.response_over(high) > over {
            high *= 2.0;
        }
        Ok(turn(0.0, high, |time_s| self.response_over(time_s) > over))
    }

    /// How many are served in `time_s` beyond those that arrive, while all servers are busy.
    fn drained(&self, time_s: f64) -> f64 {
        self.free_servers * (time_s / self.service_s)
    }
}
