//! Cores of one kind in cores of another: a core is worth what it does.
//!
//! In: kinds of hosts with their cores' speed, by clock or by a measured score. Out: demand in the
//! cores of another kind, and hosts of it. Never: a comparison of a clock with a score.
//!
//! `docs/method/packing.md` has the formulas and their sources.

use crate::error::{Error, Result};

/// How far rounding may take a number over a whole one, as a share of it.
const ROUNDING: f64 = 1e-9;
/// Above this `f64` leaves out whole numbers.
const COUNT_MAX: f64 = 9_007_199_254_740_992.0;

/// How fast one core is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum CoreSpeed {
    /// By its clock in GHz, and the instructions that it does in a cycle: absolute, or relative to
    /// one kind of core that is the same in all comparisons.
    Clock {
        /// Clock in GHz, as it runs under load.
        ghz: f64,
        /// Instructions per cycle.
        instructions_per_cycle: f64,
    },
    /// By a measured score of one core: a benchmark's, or requests a second of one's own service.
    /// Two scores are compared as they are, so they must be of one benchmark.
    Score(f64),
}

/// A kind of host.
#[derive(Debug, Clone, PartialEq)]
pub struct Hardware {
    /// Its name, for people.
    pub name: String,
    /// How fast one core is.
    pub speed: CoreSpeed,
    /// What one core that the system shows is worth of a core that runs alone: 1 without
    /// simultaneous multithreading; about 0.6 where each shown core is one of two threads (Netflix
    /// `service-capacity-modeling`).
    pub thread_share: f64,
    /// The cores of one host, as the system shows them; where hosts are asked for.
    pub cores: Option<f64>,
}

impl CoreSpeed {
    /// # Errors
    ///
    /// Unless its numbers are finite and above 0.
    fn checked(self) -> Result<Self> {
        let numbers = match self {
            Self::Clock { ghz, instructions_per_cycle } => [ghz, instructions_per_cycle],
            Self::Score(score) => [score, score],
        };
        if numbers.iter().all(|number| number.is_finite() && *number > 0.0) {
            return Ok(self);
        }
        Err(Error::invalid("a core's clock, instructions per cycle and score are above 0"))
    }

    fn number(self) -> f64 {
        match self {
            Self::Clock { ghz, instructions_per_cycle } => ghz * instructions_per_cycle,
            Self::Score(score) => score,
        }
    }
}

/// What demand comes to on other hardware.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Converted {
    /// What one core of the old kind is worth in cores of the new kind.
    pub factor: f64,
    /// Cores of the new kind.
    pub cores: f64,
    /// The same in whole cores, rounded up.
    pub whole_cores: f64,
}

impl Hardware {
    /// A kind of host whose cores run alone.
    ///
    /// # Errors
    ///
    /// Unless the speed's numbers are finite and above 0.
    pub fn new(name: impl Into<String>, speed: CoreSpeed) -> Result<Self> {
        let speed = speed.checked()?;
        Ok(Self { name: name.into(), speed, thread_share: 1.0, cores: None })
    }

    /// What so many cores of this kind come to in cores of another.
    ///
    /// ```
    /// use plimsoll::capacity::hardware::{CoreSpeed, Hardware};
    /// // capacity.md, feature 22.
    /// let clock = |ghz, instructions_per_cycle| CoreSpeed::Clock { ghz, instructions_per_cycle };
    /// let i3 = Hardware::new("i3", clock(2.3, 1.0))?;
    /// let i4i = Hardware::new("i4i", clock(3.5, 1.15))?;
    /// let converted = i3.convert(16.0, &i4i)?;
    /// assert!((converted.cores - 9.143).abs() < 5e-4);
    /// assert_eq!(converted.whole_cores, 10.0);
    /// # Ok::<(), plimsoll::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Where one is measured by a clock and the other by a score, a speed is not above 0, a share
    /// of a thread not above 0 and up to 1, or the cores are negative, not finite, or too many.
    pub fn convert(&self, cores: f64, other: &Self) -> Result<Converted> {
        if !(cores >= 0.0 && cores.is_finite()) {
            return Err(Error::invalid(format!("cores are a number of 0 or more, not {cores}")));
        }
        let (ours, theirs) = (self.speed.checked()?, other.speed.checked()?);
        if std::mem::discriminant(&ours) != std::mem::discriminant(&theirs) {
            return Err(Error::invalid(format!(
                "{} and {} are not measured alike: give both a clock, or both a score of one \
                 benchmark",
                self.name, other.name
            )));
        }
        let factor = self.worth()? / other.worth()?;
        let cores = cores * factor;
        if !cores.is_finite() {
            return Err(too_many("cores", other));
        }
        Ok(Converted { factor, cores, whole_cores: rounded_up(cores) })
    }

    /// How many hosts of another kind carry so many cores of this one, each used up to a share of
    /// its cores.
    ///
    /// # Errors
    ///
    /// Those of [`Self::convert`]; where the other's cores are not known, the share is not above 0,
    /// up to 1, or there are more hosts than can be counted.
    pub fn hosts(&self, cores: f64, other: &Self, utilisation_max: f64) -> Result<u64> {
        let converted = self.convert(cores, other)?;
        let cores_of_host = other.cores.filter(|cores| cores.is_finite() && *cores > 0.0);
        let Some(cores_of_host) = cores_of_host else {
            let name = &other.name;
            return Err(Error::invalid(format!("how many cores has a host of {name}?")));
        };
        if !(utilisation_max > 0.0 && utilisation_max <= 1.0) {
            return Err(Error::invalid(format!(
                "hosts are used up to a share above 0, up to 1, not {utilisation_max}"
            )));
        }
        let hosts = rounded_up(converted.cores / (cores_of_host * utilisation_max));
        if hosts > COUNT_MAX { Err(too_many("hosts", other)) } else { Ok(hosts as u64) }
    }

    /// What one core does.
    fn worth(&self) -> Result<f64> {
        let share = self.thread_share;
        if share > 0.0 && share <= 1.0 {
            return Ok(self.speed.number() * share);
        }
        let name = &self.name;
        Err(Error::invalid(format!(
            "{name}: a thread is worth a share of a core above 0, up to 1, not {share}"
        )))
    }
}

fn too_many(what: &str, of: &Hardware) -> Error {
    let name = &of.name;
    Error::invalid(format!(
        "this comes to more {what} of {name} than can be counted: check the cores and the speeds"
    ))
}

/// The whole number at or above, but for rounding.
fn rounded_up(number: f64) -> f64 {
    (number * (1.0 - ROUNDING)).ceil()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(ghz: f64, instructions_per_cycle: f64) -> Hardware {
        Hardware::new("clock", CoreSpeed::Clock { ghz, instructions_per_cycle }).unwrap()
    }

    fn score(score: f64) -> Hardware {
        Hardware::new("score", CoreSpeed::Score(score)).unwrap()
    }

    #[test]
    fn cores_are_worth_what_they_do() {
        // capacity.md, 2.4 and feature 22: i3 to i4i, 16 cores to 9.143, 10 whole ones.
        let converted = clock(2.3, 1.0).convert(16.0, &clock(3.5, 1.15)).unwrap();
        assert!((converted.cores / (16.0 * 2.3 / (3.5 * 1.15)) - 1.0).abs() < 1e-12);
        assert!((converted.cores - 9.143).abs() < 5e-4);
        assert_eq!(converted.whole_cores, 10.0);
        // Back again.
        let back = clock(3.5, 1.15).convert(converted.cores, &clock(2.3, 1.0)).unwrap();
        assert!((back.cores - 16.0).abs() < 1e-12);
        assert_eq!(back.whole_cores, 16.0);
        assert_eq!(score(50.0).convert(6.0, &score(75.0)).unwrap().cores, 4.0);
    }

    #[test]
    fn a_thread_is_less_than_a_core() {
        // capacity.md, 2.4: without multithreading a core is worth 1 / 0.6 threads.
        let threads = Hardware { thread_share: 0.6, ..score(10.0) };
        let converted = score(10.0).convert(3.0, &threads).unwrap();
        assert!((converted.cores - 5.0).abs() < 1e-12);
        assert_eq!(converted.whole_cores, 5.0);
    }

    #[test]
    fn hosts_are_filled_up_to_a_share() {
        let host = Hardware { cores: Some(32.0), ..score(20.0) };
        // 640 cores of 10 are 320 of 20: 10 hosts of 32, or 20 that are half full.
        assert_eq!(score(10.0).hosts(640.0, &host, 1.0).unwrap(), 10);
        assert_eq!(score(10.0).hosts(640.0, &host, 0.5).unwrap(), 20);
        assert_eq!(score(10.0).hosts(640.1, &host, 0.5).unwrap(), 21);
        assert!(score(10.0).hosts(1.0, &score(1.0), 1.0).is_err());
        assert!(score(10.0).hosts(1.0, &host, 0.0).is_err());
    }

    #[test]
    fn what_cannot_be_compared_is_refused() {
        let why = score(1.0).convert(1.0, &clock(1.0, 1.0)).unwrap_err().to_string();
        assert!(why.contains("score and clock are not measured alike"), "{why}");
        assert!(Hardware::new("none", CoreSpeed::Score(0.0)).is_err());
        assert!(score(1.0).convert(-1.0, &score(1.0)).is_err());
        let host = Hardware { cores: Some(100.0), ..score(100.0) };
        for (cores, speed, what) in [(1e308, 10.0, "hosts"), (1e308, 1e20, "cores")] {
            let why = score(speed).hosts(cores, &host, 1.0).unwrap_err().to_string();
            assert!(why.contains(&format!("more {what} of score than can be counted")), "{why}");
        }
        assert!(score(100.0).hosts(1e17, &host, 1.0).is_ok());
        let bad = Hardware { thread_share: 1.2, ..score(1.0) };
        assert!(bad.convert(1.0, &score(1.0)).is_err());
    }
}
