//! Crane: the 99th percentile of a week, then the next larger shape.

use super::vpa::{bucket_end, buckets};
use super::{Advice, Histogram, Measure, Operation, Preset, StepKind, Usage};
use crate::error::{Error, Result};
use crate::model::Span;

const GIB: f64 = 1_073_741_824.0;

/// Shapes that a pod may have, smallest first: cores, and GiB of memory.
pub const CRANE_SHAPES: [(f64, f64); 29] = [
    (0.25, 0.25),
    (0.25, 0.5),
    (0.25, 1.0),
    (0.5, 0.5),
    (0.5, 1.0),
    (1.0, 1.0),
    (1.0, 2.0),
    (1.0, 4.0),
    (1.0, 8.0),
    (2.0, 2.0),
    (2.0, 4.0),
    (2.0, 8.0),
    (2.0, 16.0),
    (4.0, 4.0),
    (4.0, 8.0),
    (4.0, 16.0),
    (4.0, 32.0),
    (8.0, 8.0),
    (8.0, 16.0),
    (8.0, 32.0),
    (8.0, 64.0),
    (16.0, 32.0),
    (16.0, 64.0),
    (16.0, 128.0),
    (32.0, 64.0),
    (32.0, 128.0),
    (32.0, 256.0),
    (64.0, 128.0),
    (64.0, 256.0),
];

/// Crane's options. The defaults are its own.
#[derive(Debug, Clone, PartialEq)]
pub struct CraneOptions {
    /// The share of the weight below the request. Default: 0.99.
    pub percentile: f64,
    /// The share that is added. Default: 0.15.
    pub margin: f64,
    /// The factor where memory ran out. Default: 1.2.
    pub oom_factor: f64,
    /// Age at which a sample of the processor counts half. Default: 24 h.
    pub cpu_half_life: Span,
    /// Age at which a sample of memory counts half. Default: 48 h.
    pub memory_half_life: Span,
    /// How far back is looked. Default: 7 days.
    pub history: Span,
}

impl Default for CraneOptions {
    fn default() -> Self {
        Self {
            percentile: 0.99,
            margin: 0.15,
            oom_factor: 1.2,
            cpu_half_life: Span::DAY,
            memory_half_life: Span::from_days(2),
            history: Span::WEEK,
        }
    }
}

impl CraneOptions {
    /// What Crane advises for one resource, before shapes: those take both ([`fit_shape`]).
    ///
    /// # Errors
    ///
    /// Where an option is out of its range.
    pub fn advise(&self, usage: &Usage) -> Result<Advice> {
        self.check()?;
        let usage = &usage.last(self.history);
        let half_life = usage.resource().pick(self.cpu_half_life, self.memory_half_life);
        let mebibytes = 100.0 * super::MIB;
        let buckets = buckets(usage, (100.0, 0.1), (1_000.0 * mebibytes, mebibytes))?;
        let mut histogram = Histogram::decaying(buckets, half_life)?;
        for sample in usage.all() {
            histogram.add(sample.amount, 1.0, sample.time);
        }
        let share = self.percentile * 100.0;
        let detail = format!("p{share} of all samples, half-life {half_life}: the end of a bucket");
        let detail_margin = format!("{}% more", self.margin * 100.0);
        let mut number = bucket_end(&histogram, self.percentile, detail, 0.0)?;
        number = number.then(StepKind::Margin, detail_margin, Operation::Add(self.margin));
        if let Some(allowed) = usage.ooms().iter().map(|oom| oom.allowed).reduce(f64::max) {
            let (factor, said) = (self.oom_factor, usage.say(allowed));
            let detail = format!("{factor} times {said}, which did not do");
            let needed = Operation::AtLeast(allowed * factor);
            number = number.then(StepKind::OutOfMemory, detail, needed);
        }
        Ok(Advice {
            notes: match usage.measure() {
                Measure::Native => Vec::new(),
                Measure::Other => vec!["No shape: they are in cores and GiB.".to_owned()],
            },
            ..Advice::new(Preset::Crane, usage, number)
        })
    }

    pub(super) fn check(&self) -> Result<()> {
        let amounts = [self.margin, self.oom_factor];
        super::check_options("Crane", &[self.percentile], &amounts)
    }
}

/// The smallest shape of [`CRANE_SHAPES`] that holds so much, in cores and bytes; `None` beyond the
/// largest.
///
/// ```
/// use plimsoll::capacity::rightsizing::crane_shape;
/// let mib = f64::from(1 << 20);
/// // Crane's own test.
/// assert_eq!(crane_shape(0.1, 325.0 * mib), Some((0.25, 512.0 * mib)));
/// assert_eq!(crane_shape(0.5, 1_625.0 * mib), Some((1.0, 2_048.0 * mib)));
/// ```
pub fn crane_shape(cores: f64, bytes: f64) -> Option<(f64, f64)> {
    let holds = |shape: &(f64, f64)| shape.0 >= cores && shape.1 * GIB >= bytes;
    CRANE_SHAPES.into_iter().find(holds).map(|(cores, gib)| (cores, gib * GIB))
}

/// Rounds Crane's two advices, in cores and bytes, up to the next shape that holds both. Beyond
/// the largest shape they stay, with a note.
pub fn fit_shape(cpu: &mut Advice, memory: &mut Advice) {
    let Some((cores, bytes)) = crane_shape(cpu.request.value(), memory.request.value()) else {
        cpu.notes.push("No shape holds so much; it stays as it is.".to_owned());
        return;
    };
    let detail = format!("the shape of {cores} cores and {} GiB", bytes / GIB);
    for (advice, size) in [(cpu, cores), (memory, bytes)] {
        let number = advice.request.clone();
        advice.request = number.then(StepKind::Shape, detail.clone(), Operation::AtLeast(size));
    }
}

/// How many replicas Crane advises: `ceil(usage / (target * request))`, at least 1.
///
/// ```
/// // Crane's own example: 10 cores at 50% of pods of 5 cores.
/// let replicas = plimsoll::capacity::rightsizing::crane_replicas(10.0, 0.5, 5.0)?;
/// assert_eq!(replicas, 4);
/// # Ok::<(), plimsoll::Error>(())
/// ```
///
/// # Errors
///
/// Unless the usage is 0 or more, and target and request are above 0, all of them finite.
pub fn crane_replicas(usage: f64, target: f64, request: f64) -> Result<u64> {
    let per_pod = target * request;
    if !(usage.is_finite() && usage >= 0.0 && target > 0.0 && request > 0.0 && per_pod.is_finite())
    {
        let what = "replicas take a usage of 0 or more, and a target and a request above 0";
        return Err(Error::invalid(what));
    }
    Ok((usage / per_pod * (1.0 - 1e-12)).ceil().max(1.0) as u64)
}
