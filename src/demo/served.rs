//! What web servers do for their connections: requests, which follow a law that is known.

use super::course::NOISE_KEPT;
use super::host::{Host, Role};
use super::prng::Prng;
use crate::error::Result;
use crate::model::Unit;

/// The running total of requests that a web server has answered since it was started.
pub const REQUESTS: &str = "http_requests_total";
/// The service whose servers count them.
pub(super) const SERVICE: &str = "web";
/// Up to which a mean response is promised.
pub(super) const RESPONSE_MAX: &str = "200ms";

/// Noise of the rate, relative: what lasts, as that of every course, and what is of one scrape.
const LASTING: f64 = 0.01;
const PASSING: f64 = 0.02;

/// How many requests a second a host answers for its open connections: Gunther's Universal
/// Scalability Law.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlantedLaw {
    /// Of one connection.
    pub throughput_of_one: f64,
    /// The share of work that is done one after the other.
    pub contention: f64,
    /// What it costs to keep each pair of connections in step.
    pub coherency: f64,
}

impl PlantedLaw {
    /// The law of a host; `None` where none is served: of other services, and of zombies.
    pub(super) fn draw(host: &Host, mut prng: Prng) -> Option<Self> {
        if host.service != SERVICE || host.role == Role::Zombie {
            return None;
        }
        Some(Self {
            throughput_of_one: prng.between(10.5, 11.5),
            contention: prng.between(0.8e-4, 1.2e-4),
            coherency: prng.between(0.8e-8, 1.2e-8),
        })
    }

    /// Requests a second at so many connections.
    pub fn throughput(&self, connections: f64) -> f64 {
        let others = connections - 1.0;
        let stretch = 1.0 + others * (self.contention + self.coherency * connections);
        self.throughput_of_one * connections / stretch
    }

    /// The unit of [`REQUESTS`].
    pub(super) fn unit() -> Result<Unit> {
        "requests".parse()
    }
}

/// A server under way.
#[derive(Debug)]
pub(super) struct Served {
    law: PlantedLaw,
    prng: Prng,
    noise_kept: f64,
    noise: f64,
    /// Requests since the last boot.
    total: f64,
}

impl Served {
    pub(super) fn new(law: PlantedLaw, prng: Prng, days_per_tick: f64) -> Self {
        let noise_kept = NOISE_KEPT.powf(days_per_tick * 288.0);
        Self { law, prng, noise_kept, noise: 0.0, total: 0.0 }
    }

    /// Forgets what was counted: the host was started anew.
    pub(super) fn boot(&mut self) {
        self.total = 0.0;
    }

    /// The total after so many more seconds with so many connections; nothing is added while the
    /// host is down.
    pub(super) fn next(&mut self, connections: f64, seconds: f64, down: bool) -> f64 {
        let fresh = (1.0 - self.noise_kept * self.noise_kept).sqrt();
        self.noise = self.noise_kept * self.noise + fresh * self.prng.normal();
        let noise = 1.0 + LASTING * self.noise + PASSING * self.prng.normal();
        if !down && connections > 0.0 {
            self.total += (self.law.throughput(connections) * noise * seconds).round();
        }
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_grow_by_the_law_and_begin_anew() {
        let law = PlantedLaw { throughput_of_one: 10.0, contention: 1e-4, coherency: 1e-8 };
        // 10 * 5,000 / (1 + 4,999 * 1.5e-4).
        assert!((law.throughput(5_000.0) - 28_573.88).abs() < 0.01, "{}", law.throughput(5_000.0));
        let mut served = Served::new(law, Prng::stream(1, 2, 3), 1.0 / 288.0);
        let mut last = 0.0;
        for _ in 0..1_000 {
            last = served.next(5_000.0, 300.0, false);
        }
        let mean = last / 300_000.0;
        // Lasting noise of 1% over some 50 forgettings, passing noise of 2% over 1,000 scrapes.
        assert!((mean / 28_573.88 - 1.0).abs() < 0.006, "{mean}");
        assert_eq!(served.next(5_000.0, 300.0, true), last, "down");
        served.boot();
        assert!(served.next(5_000.0, 300.0, false) < last / 500.0);
    }
}
