//! Robusta KRR: the 95th percentile of the processor, the maximum of memory.
//!
//! Its own two strategies disagree on what the percentile is of (KRR issues 157 and 413): the
//! largest of each pod's percentiles, or the percentile of all pods' samples. Here each has a name.

use super::{Advice, Number, Operation, Preset, Resource, StepKind, Usage};
use crate::error::{Error, Result};
use crate::kernel::quantile;
use crate::model::Span;

/// KRR's options. The defaults are its own.
#[derive(Debug, Clone, PartialEq)]
pub struct KrrOptions {
    /// The percentile of the processor. Default: 0.95.
    pub percentile: f64,
    /// The percentile of the request where there is a limit too. Default: 0.66.
    pub percentile_request: f64,
    /// The percentile of the limit. Default: 0.96.
    pub percentile_limit: f64,
    /// The share that is added to memory. Default: 0.15.
    pub memory_margin: f64,
    /// The factor where memory ran out; `None` for not looking at it. Default: 1.25.
    pub oom_factor: Option<f64>,
    /// How far back is looked. Default: 336 h.
    pub history: Span,
    /// Fewer samples say nothing. Default: 100.
    pub samples_min: usize,
    /// A shorter history says nothing. Default: 3 h.
    pub history_min: Span,
    /// The least, in cores. Default: 0.01.
    pub floor_cores: f64,
    /// The least, in bytes. Default: 100 MiB.
    pub floor_bytes: f64,
}

/// How far what is given is from what is advised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Within 0.1 cores, or 100 MiB.
    Good,
    /// From there on.
    Ok,
    /// From 0.25 cores, or 250 MiB, on.
    Warning,
    /// From 0.5 cores, or 500 MiB, on.
    Critical,
}

impl Default for KrrOptions {
    fn default() -> Self {
        Self {
            percentile: 0.95,
            percentile_request: 0.66,
            percentile_limit: 0.96,
            memory_margin: 0.15,
            oom_factor: Some(1.25),
            history: Span::from_seconds(336 * 3_600),
            samples_min: 100,
            history_min: Span::from_seconds(3 * 3_600),
            floor_cores: 0.01,
            floor_bytes: 100.0 * super::MIB,
        }
    }
}

impl KrrOptions {
    /// What KRR advises, in one of its three forms ([`Preset::Krr`], [`Preset::KrrMerged`],
    /// [`Preset::KrrLimit`]).
    ///
    /// # Errors
    ///
    /// Where there are too few samples or hours, or an option is out of its range.
    pub fn advise(&self, usage: &Usage, form: Preset) -> Result<Advice> {
        let usage = &usage.last(self.history);
        let (first, last) = usage.window();
        if usage.samples() < self.samples_min || last.since(first) < self.history_min {
            return Err(Error::not_enough_data(format!(
                "KRR takes {} samples over {}, and there are {} over {}",
                self.samples_min,
                self.history_min,
                usage.samples(),
                last.since(first)
            )));
        }
        let (request, limit) = match usage.resource() {
            Resource::Memory => (self.memory(usage), Some(self.memory(usage))),
            Resource::Cpu => match form {
                Preset::KrrMerged => (merged(usage, self.percentile), None),
                Preset::KrrLimit => {
                    let limit = merged(usage, self.percentile_limit);
                    (merged(usage, self.percentile_request), Some(limit))
                }
                _ => (highest(usage, self.percentile), None),
            },
        };
        let request = self.rounded(usage, request);
        Ok(Advice {
            limit: limit.map(|limit| self.rounded(usage, limit)),
            notes: vec![
                "Under a horizontal autoscaler this never settles: usage follows the request, and \
                 the advice the usage."
                    .to_owned(),
            ],
            ..Advice::new(form, usage, request)
        })
    }

    pub(super) fn check(&self) -> Result<()> {
        let shares = [self.percentile, self.percentile_request, self.percentile_limit];
        let factor = self.oom_factor.unwrap_or_default();
        let amounts = [self.memory_margin, factor, self.floor_cores, self.floor_bytes];
        super::check_options("KRR", &shares, &amounts)
    }

    fn memory(&self, usage: &Usage) -> Number {
        let detail = format!("{}% more", self.memory_margin * 100.0);
        let number = Number::new("the maximum", usage.peak());
        let number = number.then(StepKind::Margin, detail, Operation::Add(self.memory_margin));
        let allowed = usage.ooms().iter().map(|oom| oom.allowed).reduce(f64::max);
        match (allowed, self.oom_factor) {
            (Some(allowed), Some(factor)) => {
                let detail = format!("{factor} times {}, which did not do", usage.say(allowed));
                let needed = Operation::AtLeast(allowed * factor);
                number.then(StepKind::OutOfMemory, detail, needed)
            }
            _ => number,
        }
    }

    fn rounded(&self, usage: &Usage, number: Number) -> Number {
        let number = usage.rounded_up(number);
        usage.floored(number, usage.resource().pick(self.floor_cores, self.floor_bytes))
    }
}

impl Severity {
    /// How far a current size is from an advised one, in cores or bytes.
    pub fn of(resource: Resource, current: f64, advised: f64) -> Self {
        let unit = resource.pick(0.1, 100.0 * super::MIB);
        // In parts of the smallest step: 1, 2.5, 5. A hair of slack for what is not binary.
        let distance = (current - advised).abs() / unit * (1.0 + 1e-12);
        match distance {
            distance if distance >= 5.0 => Self::Critical,
            distance if distance >= 2.5 => Self::Warning,
            distance if distance >= 1.0 => Self::Ok,
            _ => Self::Good,
        }
    }

    /// Its name, as KRR writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Good => "GOOD",
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
        }
    }
}

/// KRR's score of a cluster: 100 less a point in a hundred for each critical, and 0.7 for each
/// warning; and its letter. `None` of nothing.
///
/// ```
/// use plimsoll::capacity::rightsizing::{Severity, krr_score};
/// let all = [Severity::Critical, Severity::Good, Severity::Good, Severity::Ok];
/// assert_eq!(krr_score(&all), Some((75.0, 'B')));
/// ```
pub fn krr_score(all: &[Severity]) -> Option<(f64, char)> {
    if all.is_empty() {
        return None;
    }
    let count = |severity| all.iter().filter(|one| **one == severity).count() as f64;
    let lost = count(Severity::Critical) + 0.7 * count(Severity::Warning);
    let number = all.len() as f64;
    let score = (number - lost) / number * 100.0;
    let letters = [(30.0, 'F'), (55.0, 'D'), (70.0, 'C'), (90.0, 'B')];
    let letter = letters.into_iter().find(|(below, _)| score < *below);
    Some((score, letter.map_or('A', |(_, letter)| letter)))
}

/// The percentile of all pods' samples.
fn merged(usage: &Usage, share: f64) -> Number {
    let mut amounts: Vec<f64> = usage.all().map(|sample| sample.amount).collect();
    let detail = format!("p{} of the samples of all pods", share * 100.0);
    Number::new(detail, quantile(&mut amounts, share))
}

/// The largest of each pod's percentile.
fn highest(usage: &Usage, share: f64) -> Number {
    let of_pod = |pod: &Vec<_>| {
        let mut amounts: Vec<f64> =
            pod.iter().map(|sample: &super::UsageSample| sample.amount).collect();
        quantile(&mut amounts, share)
    };
    let largest = usage.pods().iter().map(of_pod).fold(0.0, f64::max);
    let detail = format!("the largest p{} of a pod", share * 100.0);
    Number::new(detail, largest)
}
