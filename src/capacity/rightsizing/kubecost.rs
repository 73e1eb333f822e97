//! Kubecost: the peak over a target utilisation.

use super::{Advice, Number, Operation, Preset, StepKind, Usage};
use crate::error::{Error, Result};
use crate::kernel::quantile;

/// Kubecost's options. The defaults are its own.
#[derive(Debug, Clone, PartialEq)]
pub struct KubecostOptions {
    /// The share of the request that is to be used. Default: 0.7.
    pub utilisation: f64,
    /// The quantile over time of each pod; 1 is the maximum. Default: 1.
    pub quantile: f64,
    /// The least, in cores. Default: 0.01.
    pub floor_cores: f64,
    /// The least, in bytes. Default: 20 MiB.
    pub floor_bytes: f64,
}

/// How careful Kubecost is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KubecostProfile {
    /// 80% used, one node or more.
    Development,
    /// 65% used, two nodes or more.
    Production,
    /// 50% used, three nodes or more.
    HighAvailability,
}

impl Default for KubecostOptions {
    fn default() -> Self {
        Self { utilisation: 0.7, quantile: 1.0, floor_cores: 0.01, floor_bytes: 20.0 * super::MIB }
    }
}

impl KubecostProfile {
    /// The share that is to be used.
    pub fn utilisation(self) -> f64 {
        match self {
            Self::Development => 0.8,
            Self::Production => 0.65,
            Self::HighAvailability => 0.5,
        }
    }

    /// The fewest nodes of a cluster.
    pub fn nodes_min(self) -> u32 {
        match self {
            Self::Development => 1,
            Self::Production => 2,
            Self::HighAvailability => 3,
        }
    }
}

impl KubecostOptions {
    /// What Kubecost advises: of each resource the highest pod's.
    ///
    /// # Errors
    ///
    /// Unless the utilisation is above 0 and at most 1, and the quantile from 0 to 1.
    pub fn advise(&self, usage: &Usage) -> Result<Advice> {
        self.check()?;
        let of_pod = |pod: &Vec<super::UsageSample>| {
            let mut amounts: Vec<f64> = pod.iter().map(|sample| sample.amount).collect();
            quantile(&mut amounts, self.quantile)
        };
        let highest = usage.pods().iter().map(of_pod).fold(0.0, f64::max);
        let what = if self.quantile >= 1.0 {
            "the maximum of all pods".to_owned()
        } else {
            format!("the largest p{} of a pod", self.quantile * 100.0)
        };
        let detail = format!("{}% of it used", self.utilisation * 100.0);
        let number = Number::new(what, highest);
        let number =
            number.then(StepKind::Utilisation, detail, Operation::Divide(self.utilisation));
        let floor = usage.resource().pick(self.floor_cores, self.floor_bytes);
        Ok(Advice::new(Preset::Kubecost, usage, usage.floored(number, floor)))
    }

    pub(super) fn check(&self) -> Result<()> {
        let floors = [self.floor_cores, self.floor_bytes];
        super::check_options("Kubecost", &[self.quantile], &floors)?;
        if self.utilisation > 0.0 && self.utilisation <= 1.0 {
            return Ok(());
        }
        let what = format!(
            "Kubecost takes a utilisation above 0 and up to 1, as 0.7, not {}",
            self.utilisation
        );
        Err(Error::invalid(what))
    }
}

/// The size of a volume or a disk with so much of its peak left free, as Kubecost has it.
///
/// ```
/// use plimsoll::capacity::rightsizing::with_headroom;
/// // Kubecost's documentation: a volume of 2 GiB, a disk of 12, 50% each.
/// assert_eq!((with_headroom(2.0, 0.5), with_headroom(12.0, 0.5)), (3.0, 18.0));
/// ```
pub fn with_headroom(used_peak: f64, headroom: f64) -> f64 {
    used_peak + used_peak * headroom
}

/// The share of the money for requests that buys something used: `(cpu used * price + memory used *
/// price) / (cpu requested * price + memory requested * price)`. `None` where nothing is requested.
///
/// ```
/// use plimsoll::capacity::rightsizing::cost_efficiency;
/// // Kubecost's documentation: 2 cores and 1 GB, a half of one used each, at 10 and 1.
/// let share = cost_efficiency(&[(0.5, 2.0, 10.0), (0.5, 1.0, 1.0)]).unwrap();
/// assert!((share - 5.5 / 21.0).abs() < 1e-12);
/// ```
pub fn cost_efficiency(used_requested_price: &[(f64, f64, f64)]) -> Option<f64> {
    let used: f64 = used_requested_price.iter().map(|(used, _, price)| used * price).sum();
    let requested: f64 = used_requested_price.iter().map(|(_, asked, price)| asked * price).sum();
    (requested > 0.0).then(|| used / requested)
}
