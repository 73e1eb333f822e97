//! The demand at which use reaches a line, and hosts for a growth of demand.

use super::model::DemandModel;
use super::shape::Verdict;
use crate::error::{Error, Result};
use crate::kernel::{student_factor, student_p};

/// More hosts have no count that is sure to the last one.
const HOSTS_COUNTED_MAX: f64 = 1e15;

/// Where use meets a line.
#[derive(Debug, Clone)]
pub enum AtLine {
    /// Idle use alone is at or over the line.
    IdleOver,
    /// Use does not grow with demand, as far as the rows show.
    NoCost,
    /// Use stops growing at its top: what was wanted beyond is not seen, and the straight line is
    /// that of neither.
    CutOff,
    /// At this demand.
    Demand(LineDemand),
}

/// The demand at which mean use reaches a line, as a distribution.
///
/// That demand is a ratio of two uncertain numbers, `(line - idle) / cost`, so that an interval by
/// its standard error would be wrong where the cost is uncertain. Fieller's (1954) is exact for
/// normal errors: a demand `d` is above it with the probability that `idle + cost d` is above the
/// line. Of several drivers it is a multiple of their means.
#[derive(Debug, Clone)]
pub struct LineDemand {
    line: f64,
    idle: f64,
    cost: f64,
    idle_variance: f64,
    covariance: f64,
    cost_variance: f64,
    freedom: f64,
    residual_p95: f64,
    seen_max: f64,
    mix: Vec<f64>,
    bends_down: bool,
}

/// Hosts that a demand takes, rounded up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostsNeeded {
    /// Enough with probability 2.5%.
    pub low: u64,
    /// Enough with probability 50%.
    pub middle: u64,
    /// Enough with probability 97.5%; `None` where the cost is too uncertain to say, and where use
    /// bends down, for that may be a ceiling.
    pub high: Option<u64>,
}

impl AtLine {
    pub(super) fn of(model: &DemandModel, line: f64) -> Result<Self> {
        if !line.is_finite() {
            return Err(Error::invalid(format!("the line is {line}: give a finite number")));
        }
        if model.shape.is_cut_off {
            return Ok(Self::CutOff);
        }
        let constant = unit(model.mix.len() + 1);
        let demand: Vec<f64> = std::iter::once(0.0).chain(model.mix.iter().copied()).collect();
        let (idle, _) = model.fit.sum(&constant);
        let (cost, _) = model.fit.sum(&demand);
        if idle >= line {
            return Ok(Self::IdleOver);
        }
        if cost <= 0.0 {
            return Ok(Self::NoCost);
        }
        let covariance = &model.fit.covariance;
        Ok(Self::Demand(LineDemand {
            line,
            idle,
            cost,
            idle_variance: covariance.square_form(&constant),
            covariance: covariance.product(&constant, &demand),
            cost_variance: covariance.square_form(&demand),
            freedom: model.fit.freedom,
            residual_p95: model.residual_p95,
            seen_max: model.seen_max,
            mix: model.mix.clone(),
            bends_down: model.shape.verdict == Verdict::BendsDown,
        }))
    }
}

impl LineDemand {
    /// The probability that a driver's demand `demand` brings mean use to the line; NaN for a
    /// driver that there is not, or that has no part in the demand.
    pub fn reached_by(&self, driver: usize, demand: f64) -> f64 {
        let multiple = demand / self.part(driver);
        let over = self.idle + self.cost * multiple - self.line;
        let variance = self.idle_variance
            + 2.0 * multiple * self.covariance
            + multiple * multiple * self.cost_variance;
        if over.is_nan() {
            return f64::NAN;
        }
        if variance <= 0.0 {
            return if over >= 0.0 { 1.0 } else { 0.0 };
        }
        let beyond = student_p(over / variance.sqrt(), self.freedom) / 2.0;
        if over > 0.0 { 1.0 - beyond } else { beyond }
    }

    /// The demand of a driver below which use reaches the line with probability `level`; `None`
    /// where the cost is too uncertain to bound it, or the level is not inside (0, 1).
    pub fn demand(&self, driver: usize, level: f64) -> Option<f64> {
        let part = self.part(driver);
        self.multiple(level).map(|multiple| multiple * part).filter(|demand| !demand.is_nan())
    }

    /// The demand at which one step in 20 is over the line, noise and bursts included.
    pub fn demand_step_p95(&self, driver: usize) -> f64 {
        let room = self.line - self.idle - self.residual_p95;
        (room / self.cost).max(0.0) * self.part(driver)
    }

    /// The largest demand seen: of several drivers, what the costliest row would be at their mean
    /// proportion.
    pub fn seen_max(&self, driver: usize) -> f64 {
        self.seen_max * self.part(driver)
    }

    /// Whether the line lies beyond the largest demand seen, so that the straight line is carried
    /// on to where nothing was measured.
    pub fn is_beyond_seen(&self) -> bool {
        self.multiple(0.5).is_none_or(|multiple| multiple > self.seen_max)
    }

    /// Hosts that carry the largest demand seen, grown by `growth` (0.3 for 30%), at the line;
    /// `hosts` share it now. Idle use stays with each host. Costs per unit are taken to stay as
    /// they are.
    ///
    /// # Errors
    ///
    /// Unless `hosts` is a count above 0 and `growth` is above -1, and where more hosts are needed
    /// than can be counted.
    pub fn hosts_needed(&self, hosts: u64, growth: f64) -> Result<HostsNeeded> {
        if hosts == 0 || !growth.is_finite() || growth <= -1.0 {
            let what = format!(
                "{hosts} hosts and a growth of {growth}: give 1 host or more, and a growth above -1"
            );
            return Err(Error::invalid(what));
        }
        let demand = hosts as f64 * self.seen_max * (1.0 + growth);
        // What is a whole number but for rounding is that number.
        let count = |multiple: f64| {
            let hosts = (demand / multiple - 1e-9).ceil().max(1.0);
            let too_many = || {
                Error::invalid(
                    "this comes to more hosts than can be counted: check the limit, the hosts and \
                     the growth",
                )
            };
            if hosts <= HOSTS_COUNTED_MAX { Ok(hosts as u64) } else { Err(too_many()) }
        };
        let tail = (1.0 - super::COVERAGE) / 2.0;
        let high = self.multiple(tail).filter(|multiple| *multiple > 0.0 && !self.bends_down);
        Ok(HostsNeeded {
            low: self.multiple(1.0 - tail).map_or(Ok(1), count)?,
            middle: count((self.line - self.idle) / self.cost)?,
            high: high.map(count).transpose()?,
        })
    }

    fn part(&self, driver: usize) -> f64 {
        self.mix.get(driver).copied().unwrap_or(f64::NAN)
    }

    /// The multiple of the mix below which the line is reached with probability `level`: a root of
    /// `(idle + cost m - line)^2 = t^2 variance(m)`.
    fn multiple(&self, level: f64) -> Option<f64> {
        if !(level > 0.0 && level < 1.0) {
            return None;
        }
        let room = self.line - self.idle;
        if level == 0.5 {
            return Some(room / self.cost);
        }
        let squared = student_factor(2.0 * level.min(1.0 - level), self.freedom).powi(2);
        let a = self.cost * self.cost - squared * self.cost_variance;
        let b = -room * self.cost - squared * self.covariance;
        let c = room * room - squared * self.idle_variance;
        let root = (b * b - a * c).max(0.0).sqrt();
        if level > 0.5 {
            // Where the cost may be 0, the upper end is open.
            return (a > 0.0).then(|| ((root - b) / a).max(0.0));
        }
        // The lower root, in the form that does not divide by what may be 0.
        let low = c / (root - b);
        low.is_finite().then_some(low.max(0.0))
    }
}

fn unit(size: usize) -> Vec<f64> {
    (0..size).map(|at| if at == 0 { 1.0 } else { 0.0 }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn demand(cost_variance: f64, covariance: f64) -> LineDemand {
        LineDemand {
            line: 50.0,
            idle: 10.0,
            cost: 2.0,
            idle_variance: 1.0,
            covariance,
            cost_variance,
            freedom: 1e9,
            residual_p95: 4.0,
            seen_max: 15.0,
            mix: vec![1.0],
            bends_down: false,
        }
    }

    #[test]
    fn the_interval_of_fieller_by_hand() {
        // t = 1.95996: (4 - 0.0384146) d^2 - 160 d + (1600 - 3.84146) = 0.
        let at = demand(0.01, 0.0);
        assert!((at.demand(0, 0.025).unwrap() / 17.983_506_4 - 1.0).abs() < 1e-6);
        assert!((at.demand(0, 0.975).unwrap() / 22.404_364_5 - 1.0).abs() < 1e-6);
        assert_eq!(at.demand(0, 0.5), Some(20.0));
        // (50 - 10 - 4) / 2.
        assert_eq!(at.demand_step_p95(0), 18.0);
        // 10 hosts at 15 * 1.2 are 9 at 20, 8.03 at 22.4 and 10.01 at 17.98.
        let hosts = at.hosts_needed(10, 0.2).unwrap();
        assert_eq!((hosts.low, hosts.middle, hosts.high), (9, 9, Some(11)));
        assert!(at.demand(1, 0.5).is_none() && at.demand(0, 1.0).is_none());
        let bent = LineDemand { bends_down: true, ..at };
        let hosts = bent.hosts_needed(10, 0.2).unwrap();
        assert_eq!((hosts.low, hosts.middle, hosts.high), (9, 9, None));
    }

    #[test]
    fn a_level_is_the_probability_of_its_demand() {
        for covariance in [-0.05, 0.0, 0.05] {
            let at = demand(0.01, covariance);
            let mut last = 0.0;
            for level in [0.001, 0.1, 0.5, 0.9, 0.999] {
                let found = at.demand(0, level).unwrap();
                assert!(found > last);
                assert!((at.reached_by(0, found) - level).abs() < 1e-6, "{level}");
                last = found;
            }
        }
    }

    #[test]
    fn an_uncertain_cost_has_no_upper_end() {
        // The cost is 2 give or take 2.
        let at = demand(4.0, 0.0);
        assert_eq!(at.demand(0, 0.975), None);
        let low = at.demand(0, 0.025).unwrap();
        assert!(low > 0.0 && low < 20.0 && (at.reached_by(0, low) - 0.025).abs() < 1e-6);
        assert_eq!(at.hosts_needed(10, 0.2).unwrap().low, 1);
        let exact = LineDemand { idle_variance: 0.0, ..demand(0.0, 0.0) };
        assert_eq!([19.9, 20.0].map(|demand| exact.reached_by(0, demand)), [0.0, 1.0]);
    }
}
