//! How large a workload should be, by our rule and by those of others, and why.
//!
//! In: what the pods of a workload used of one resource ([`Usage`]), with where they were
//! throttled, under pressure or out of memory. Out: [`Advice`], each number of which says its steps
//! and what it would be without each. Never: what is requested today as evidence of what is needed,
//! a clock, or a number above a stated multiple of the observed peak.
//!
//! [`RecurringOptions`] is our own rule, on [`DailyDemand`]: no peak that returns is forgotten. The
//! others are as their makers have them, faults included, to be put beside it; [`Histogram`], whose
//! old weights fade, is for those alone. `docs/method/rightsizing.md` has formulas and sources.

mod buckets;
mod compute_optimizer;
mod crane;
mod demand;
mod explain;
mod histogram;
mod krr;
mod kubecost;
mod oom;
mod peaks;
mod recurring;
mod usage;
mod vpa;

use std::str::FromStr;

pub use buckets::Buckets;
pub use compute_optimizer::ComputeOptimizerOptions;
pub use crane::{CRANE_SHAPES, CraneOptions, crane_replicas, crane_shape, fit_shape};
pub use demand::{DailyDemand, Level, Recurrence};
pub use explain::{Advice, Number, Operation, Step, StepKind};
pub use histogram::{Checkpoint, Histogram, Percentile};
pub use krr::{KrrOptions, Severity, krr_score};
pub use kubecost::{KubecostOptions, KubecostProfile, cost_efficiency, with_headroom};
pub use oom::OomBump;
pub use peaks::PeakWindow;
pub use recurring::{Autoscaler, RecurringOptions};
pub use usage::{Measure, OutOfMemory, Resource, Usage, UsageSample};
pub use vpa::{VpaOptions, confidence_factor};

use crate::error::{Error, Result};

/// Bytes of a mebibyte.
pub(crate) const MIB: f64 = 1_048_576.0;

/// Whose rule it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Preset {
    /// Ours.
    Plimsoll,
    /// The Kubernetes vertical pod autoscaler's recommender.
    Vpa,
    /// Robusta KRR: the largest of each pod's p95.
    Krr,
    /// Robusta KRR: the p95 of all pods' samples.
    KrrMerged,
    /// Robusta KRR with a limit: p66 and p96 of all pods' samples.
    KrrLimit,
    /// Crane.
    Crane,
    /// Kubecost.
    Kubecost,
    /// AWS Compute Optimizer.
    ComputeOptimizer,
}

/// The options of every preset.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PresetOptions {
    /// Ours.
    pub recurring: RecurringOptions,
    /// The Kubernetes vertical pod autoscaler's recommender.
    pub vpa: VpaOptions,
    /// Robusta KRR, in all three forms.
    pub krr: KrrOptions,
    /// Crane.
    pub crane: CraneOptions,
    /// Kubecost.
    pub kubecost: KubecostOptions,
    /// AWS Compute Optimizer.
    pub compute_optimizer: ComputeOptimizerOptions,
}

impl Preset {
    /// All of them, ours first.
    pub const ALL: [Self; 8] = [
        Self::Plimsoll,
        Self::Vpa,
        Self::Krr,
        Self::KrrMerged,
        Self::KrrLimit,
        Self::Crane,
        Self::Kubecost,
        Self::ComputeOptimizer,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plimsoll => "plimsoll",
            Self::Vpa => "vpa",
            Self::Krr => "krr",
            Self::KrrMerged => "krr-merged",
            Self::KrrLimit => "krr-limit",
            Self::Crane => "crane",
            Self::Kubecost => "kubecost",
            Self::ComputeOptimizer => "compute-optimizer",
        }
    }

    /// Whether its options are in their ranges.
    ///
    /// # Errors
    ///
    /// Where one is not: what it may be.
    pub fn check(self, options: &PresetOptions) -> Result<()> {
        match self {
            Self::Plimsoll => options.recurring.check(),
            Self::Vpa => options.vpa.check(),
            Self::Krr | Self::KrrMerged | Self::KrrLimit => options.krr.check(),
            Self::Crane => options.crane.check(),
            Self::Kubecost => options.kubecost.check(),
            Self::ComputeOptimizer => options.compute_optimizer.check(),
        }
    }

    /// What it advises for one resource. Crane's shapes take both resources: see [`fit_shape`].
    ///
    /// ```
    /// use plimsoll::capacity::rightsizing::*;
    /// use plimsoll::Timestamp;
    /// // Two pods for two days, a sample each minute; one of them is busier.
    /// let pod = |amount: f64| -> Vec<UsageSample> {
    ///     let time = |minute: i64| Timestamp::from_seconds(60 * minute);
    ///     let sample = |minute| UsageSample { time: time(minute), amount, held_back: 0.0 };
    ///     (0..2 * 1_440).map(sample).collect()
    /// };
    /// let pods = vec![pod(0.8), pod(0.2)];
    /// let usage = Usage::new(Resource::Cpu, Measure::Native, pods, vec![])?;
    /// let request = |preset: Preset| -> plimsoll::Result<f64> {
    ///     Ok(preset.advise(&usage, &PresetOptions::default())?.request.value())
    /// };
    /// assert!((request(Preset::Plimsoll)? - 0.92).abs() < 1e-12);
    /// assert_eq!(request(Preset::Krr)?, 0.8);
    /// assert!((request(Preset::Kubecost)? - 0.8 / 0.7).abs() < 1e-12);
    /// # Ok::<(), plimsoll::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Where the preset takes more data than there are, or an option is out of its range.
    pub fn advise(self, usage: &Usage, options: &PresetOptions) -> Result<Advice> {
        self.check(options)?;
        match self {
            Self::Plimsoll => options.recurring.advise(usage),
            Self::Vpa => options.vpa.advise(usage),
            Self::Krr | Self::KrrMerged | Self::KrrLimit => options.krr.advise(usage, self),
            Self::Crane => options.crane.advise(usage),
            Self::Kubecost => options.kubecost.advise(usage),
            Self::ComputeOptimizer => options.compute_optimizer.advise(usage),
        }
    }
}

impl FromStr for Preset {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|preset| preset.name() == text).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            Error::invalid(format!("{text:?} is no preset; write one of {names}"))
        })
    }
}

/// Percentiles from 0 to 1, and other numbers of 0 or more, all of them finite.
fn check_options(who: &str, shares: &[f64], amounts: &[f64]) -> Result<()> {
    if let Some(share) = shares.iter().find(|share| !(0.0..=1.0).contains(*share)) {
        let what = format!("{who} takes a percentile from 0 to 1, as 0.95, not {share}");
        return Err(Error::invalid(what));
    }
    let fits = |amount: &&f64| amount.is_finite() && **amount >= 0.0;
    if let Some(amount) = amounts.iter().find(|amount| !fits(amount)) {
        let what = format!("{who} takes margins, factors and floors of 0 or more, not {amount}");
        return Err(Error::invalid(what));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
