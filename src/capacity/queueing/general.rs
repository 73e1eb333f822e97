//! M/G/1: one server, service times of any law whose mean and variation are known.

use super::{LongRun, Means, Saturation, amount, positive};
use crate::error::Result;

/// One server and a queue, with service times of any law (M/G/1).
///
/// ```
/// use plimsoll::capacity::queueing::GeneralService;
/// let exponential = GeneralService::new(75.0, 0.01, 1.0)?.long_run().steady().unwrap();
/// let fixed = GeneralService::new(75.0, 0.01, 0.0)?.long_run().steady().unwrap();
/// assert_eq!(fixed.wait_mean_s, exponential.wait_mean_s / 2.0);
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GeneralService {
    arrival_rate_per_s: f64,
    service_s: f64,
    variation: f64,
}

impl GeneralService {
    /// A queue at which `arrival_rate_per_s` arrive, each to be served for `service_s` on average.
    /// The variation is the standard deviation of service times over their mean: 0 if all take as
    /// long, 1 if they are exponential, more if a few are very long.
    ///
    /// # Errors
    ///
    /// Unless rate and variation are 0 or more, and the service time is above 0.
    pub fn new(arrival_rate_per_s: f64, service_s: f64, variation: f64) -> Result<Self> {
        Ok(Self {
            arrival_rate_per_s: amount("the arrival rate", arrival_rate_per_s)?,
            service_s: positive("the service time", service_s)?,
            variation: amount("the variation", variation)?,
        })
    }

    /// Its averages, if it settles. The mean wait is `u S (1 + v^2) / (2 (1 - u))` (Pollaczek 1930,
    /// Khinchine 1932); percentiles would take the whole law of the service times.
    pub fn long_run(&self) -> LongRun<Means> {
        let utilisation = self.arrival_rate_per_s * self.service_s;
        if utilisation >= 1.0 {
            let arrival_rate_max_per_s = 1.0 / self.service_s;
            return LongRun::Saturated(Saturation { utilisation, arrival_rate_max_per_s });
        }
        let spread = 0.5 * (1.0 + self.variation * self.variation);
        let wait_mean_s = utilisation * self.service_s * spread / (1.0 - utilisation);
        let wait = (utilisation, wait_mean_s);
        LongRun::Steady(Means::of(self.arrival_rate_per_s, self.service_s, 1.0, wait))
    }
}
