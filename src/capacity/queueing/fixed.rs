//! M/D/1: one server, and service times that are all the same.

use super::{GeneralService, LongRun, Means, level, turn};
use crate::error::{Error, Result};
use crate::model::limits::QUEUE_POPULATION_MAX;

/// Arrivals during one service beyond this number are too rare for a number.
const BURST: usize = 32;

/// One server and a queue, with service times that are all the same (M/D/1).
///
/// ```
/// use plimsoll::capacity::queueing::FixedService;
/// let state = FixedService::new(75.0, 0.01)?.long_run().steady().unwrap();
/// assert!((state.means.wait_mean_s - 0.015).abs() < 1e-12); // half of that of M/M/1
/// assert!(state.wait_quantile_s(0.99)? < 0.1);
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FixedService {
    queue: GeneralService,
    arrival_rate_per_s: f64,
    service_s: f64,
}

/// The steady state of a [`FixedService`] queue.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FixedSteady {
    /// Averages.
    pub means: Means,
    service_s: f64,
}

impl FixedService {
    /// A queue at which `arrival_rate_per_s` arrive, each to be served for `service_s`.
    ///
    /// # Errors
    ///
    /// Unless the rate is 0 or more and the service time above 0.
    pub fn new(arrival_rate_per_s: f64, service_s: f64) -> Result<Self> {
        let queue = GeneralService::new(arrival_rate_per_s, service_s, 0.0)?;
        Ok(Self { queue, arrival_rate_per_s, service_s })
    }

    /// Its steady state, if it settles.
    pub fn long_run(&self) -> LongRun<FixedSteady> {
        match self.queue.long_run() {
            LongRun::Steady(means) => {
                LongRun::Steady(FixedSteady { means, service_s: self.service_s })
            }
            LongRun::Saturated(saturation) => LongRun::Saturated(saturation),
        }
    }
}

impl FixedSteady {
    /// The probability that an arrival waits longer than `time_s`, to about 1e-12.
    ///
    /// # Errors
    ///
    /// Where that takes a walk over more states than [`QUEUE_POPULATION_MAX`]: a long wait at a
    /// utilisation very close to 1.
    pub fn wait_over(&self, time_s: f64) -> Result<f64> {
        if time_s < 0.0 {
            return Ok(1.0);
        }
        let services = time_s / self.service_s;
        let mut walk = Walk::new(self.means.utilisation);
        while walk.services <= services {
            if walk.at_most() >= 1.0 - f64::EPSILON {
                return Ok(0.0);
            }
            walk.step()?;
        }
        Ok((1.0 - walk.within(services)).clamp(0.0, 1.0))
    }

    /// The wait that a share `level` of arrivals does not pass.
    ///
    /// # Errors
    ///
    /// Unless the level is between 0 and 1; or as [`Self::wait_over`].
    pub fn wait_quantile_s(&self, level: f64) -> Result<f64> {
        let level = self::level("the level", level)?;
        if level <= 1.0 - self.means.utilisation {
            return Ok(0.0);
        }
        let mut walk = Walk::new(self.means.utilisation);
        while walk.at_most() < level {
            walk.step()?;
        }
        let (low, high) = (walk.services - 1.0, walk.services);
        Ok(turn(low, high, |services| walk.within(services) < level) * self.service_s)
    }
}

/// A walk over waits of 1, 2, 3 and more services.
///
/// The number that a departure leaves behind crosses `j` upwards as often as downwards, so
/// `p(j + 1) a(0) = p(0) A(j) + sum_{i = 1 .. j} p(i) A(j + 1 - i)`, with `a(n)` the probability of
/// `n` arrivals during a service and `A(n)` that of more than `n`. All terms are positive. From
/// `Q(i)`, the probability that at most `i` wait, the wait follows for `k - 1 <= x < k` services:
/// `P(W <= x) = sum_{j < k} Q(k - 1 - j) Poisson(j; u (k - x))` (Franx 2001).
struct Walk {
    utilisation: f64,
    /// `k`, the end of the stretch of waits that is looked at, in services.
    services: f64,
    /// `A(n)`.
    more: Vec<f64>,
    /// The last `p`, newest last.
    left: Vec<f64>,
    /// The last `Q`, newest last.
    waiting: Vec<f64>,
}

impl Walk {
    fn new(utilisation: f64) -> Self {
        let arrivals = Self::poisson(utilisation);
        let mut more = vec![0.0; BURST];
        for count in (0..BURST - 1).rev() {
            more[count] = more[count + 1] + arrivals[count + 1];
        }
        let none = 1.0 - utilisation;
        let one = none * utilisation.exp_m1();
        Self { utilisation, services: 1.0, more, left: vec![one], waiting: vec![none + one] }
    }

    /// Poisson probabilities of a mean below 1.
    fn poisson(mean: f64) -> Vec<f64> {
        let mut term = (-mean).exp();
        let mut terms = Vec::with_capacity(BURST);
        for count in 0..BURST {
            terms.push(term);
            term *= mean / (count + 1) as f64;
        }
        terms
    }

    /// The probability of a wait below `services`.
    fn at_most(&self) -> f64 {
        self.waiting.last().copied().unwrap_or(0.0)
    }

    fn step(&mut self) -> Result<()> {
        if self.services >= QUEUE_POPULATION_MAX as f64 {
            return Err(Error::Limit {
                what: "the wait, in services,",
                value: self.services as u64,
                limit: QUEUE_POPULATION_MAX as u64,
                remedy: "ask for a lower percentile, or for a lower utilisation",
            });
        }
        // From p(j), the newest, to p(j + 1).
        let first = self.more.get(self.services as usize).copied().unwrap_or(0.0);
        let others = self.left.iter().rev().zip(&self.more[1..]);
        let crossing: f64 = others.map(|(p, more)| p * more).sum();
        let next = ((1.0 - self.utilisation) * first + crossing) * self.utilisation.exp();
        push(&mut self.left, next);
        let sum = self.at_most() + next;
        push(&mut self.waiting, sum);
        self.services += 1.0;
        Ok(())
    }

    /// The probability of a wait of at most `services`, which lie in the last stretch.
    fn within(&self, services: f64) -> f64 {
        let arrivals = Self::poisson(self.utilisation * (self.services - services));
        self.waiting.iter().rev().zip(arrivals).map(|(waiting, arrivals)| waiting * arrivals).sum()
    }
}

/// Keeps the newest numbers, as many as anything looks back.
fn push(numbers: &mut Vec<f64>, number: f64) {
    if numbers.len() == BURST {
        numbers.remove(0);
    }
    numbers.push(number);
}
