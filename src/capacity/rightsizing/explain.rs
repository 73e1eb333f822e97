//! A number that says how it came about: each step, and what it would be without that step.

use super::{Preset, Resource, Usage};
use crate::model::Timestamp;

/// What a step is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepKind {
    /// A quantile, or the maximum, of what was used: the first step.
    Percentile,
    /// Steps in which the workload was held back count for what they would have used.
    HeldBack,
    /// Room above the usage.
    Margin,
    /// The usage is to be only this share of the request.
    Utilisation,
    /// The total over pods is dealt out to the pods that an autoscaler should run.
    Autoscaler,
    /// Wider while little is known.
    Confidence,
    /// Memory ran out.
    OutOfMemory,
    /// The end of what can be said: the last bucket, or so many times the observed peak.
    Clamp,
    /// The least that is ever advised.
    Floor,
    /// Rounded to whole units.
    Rounding,
    /// The next larger shape of a ladder.
    Shape,
}

/// What a step does to a number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Operation {
    /// The number itself: the first step.
    Start(f64),
    /// Adds this share of it.
    Add(f64),
    /// Multiplies it.
    Multiply(f64),
    /// Divides it.
    Divide(f64),
    /// Raises it to this, if it is lower.
    AtLeast(f64),
    /// Lowers it to this, if it is higher.
    AtMost(f64),
    /// Puts this in its place.
    Replace(f64),
    /// Rounds it up to the next of so many parts of a unit.
    RoundUp(f64),
}

/// One step on the way to a [`Number`].
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What it is for.
    pub kind: StepKind,
    /// What it does, in words.
    pub detail: String,
    /// What it does.
    pub operation: Operation,
    /// The number after it.
    pub value: f64,
}

/// A number with the steps that led to it. In cores or bytes, or the unit of the usage.
///
/// ```
/// use plimsoll::capacity::rightsizing::{Number, Operation, StepKind};
/// let number = Number::new("p95 of 14 days", 0.4)
///     .then(StepKind::Margin, "25% more", Operation::Add(0.25))
///     .then(StepKind::Floor, "at least 0.6 cores", Operation::AtLeast(0.6));
/// assert_eq!(number.value(), 0.6);
/// // Without the margin it would be the floor, without the floor 0.5.
/// assert_eq!((number.without(1), number.without(2)), (Some(0.6), Some(0.5)));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Number {
    steps: Vec<Step>,
    value: f64,
    /// Whole parts of a unit to which every step's result is cut off; 0 for none.
    parts: f64,
}

/// What one preset advises for one resource of a workload.
#[derive(Debug, Clone, PartialEq)]
pub struct Advice {
    /// Who advises it.
    pub preset: Preset,
    /// For which resource.
    pub resource: Resource,
    /// The request: the size that is advised.
    pub request: Number,
    /// The least that may do, where the preset gives a range.
    pub low: Option<Number>,
    /// The most that may be needed, where the preset gives a range.
    pub high: Option<Number>,
    /// The limit, where the preset sets one.
    pub limit: Option<Number>,
    /// The times of the first and of the last sample that were looked at.
    pub window: (Timestamp, Timestamp),
    /// How many samples were looked at.
    pub samples: usize,
    /// How many pods they are of.
    pub pods: usize,
    /// What the reader should know.
    pub notes: Vec<String>,
}

impl Operation {
    fn apply(self, value: f64) -> f64 {
        match self {
            Self::Start(start) | Self::Replace(start) => start,
            Self::Add(share) => value + value * share,
            Self::Multiply(factor) => value * factor,
            Self::Divide(divisor) => value / divisor,
            Self::AtLeast(floor) => value.max(floor),
            // An infinite multiple of nothing is no number, and is lowered too.
            Self::AtMost(ceiling) => value.min(ceiling),
            // A hair of slack: 0.29 of a thousandth part is 290 parts, whatever the product says.
            Self::RoundUp(parts) => (value * parts * (1.0 - 1e-12)).ceil() / parts,
        }
    }
}

impl Number {
    /// A number, and what it is in words.
    pub fn new(detail: impl Into<String>, start: f64) -> Self {
        Self::cut(detail, start, 0.0)
    }

    /// A number that is cut off to whole parts of a unit, of which there are `parts` in one, after
    /// every step: integers all along.
    pub fn cut(detail: impl Into<String>, start: f64, parts: f64) -> Self {
        let number = Self { steps: Vec::new(), value: start, parts };
        number.then(StepKind::Percentile, detail, Operation::Start(start))
    }

    /// The number after one more step.
    #[must_use]
    pub fn then(mut self, kind: StepKind, detail: impl Into<String>, operation: Operation) -> Self {
        self.value = self.after(self.value, operation);
        self.steps.push(Step { kind, detail: detail.into(), operation, value: self.value });
        self
    }

    /// The number.
    pub fn value(&self) -> f64 {
        self.value
    }

    /// The steps, the first of which is a quantile or a maximum.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// What the number would be without a step; `None` for the first, without which there is none.
    pub fn without(&self, step: usize) -> Option<f64> {
        if step == 0 || step >= self.steps.len() {
            return None;
        }
        let others = self.steps.iter().enumerate().filter(|(at, _)| *at != step);
        Some(others.fold(0.0, |value, (_, step)| self.after(value, step.operation)))
    }

    fn after(&self, value: f64, operation: Operation) -> f64 {
        if self.parts == 0.0 {
            return operation.apply(value);
        }
        // Counted in parts, so that shares are of whole numbers.
        let scaled = match operation {
            Operation::Start(to) => Operation::Start(to * self.parts),
            Operation::Replace(to) => Operation::Replace(to * self.parts),
            Operation::AtLeast(floor) => Operation::AtLeast(floor * self.parts),
            Operation::AtMost(ceiling) => Operation::AtMost(ceiling * self.parts),
            Operation::RoundUp(parts) => Operation::RoundUp(parts / self.parts),
            other => other,
        };
        scaled.apply((value * self.parts).round()).floor() / self.parts
    }
}

impl Advice {
    /// A request that a preset makes of all the samples of a usage; nothing else is advised.
    pub(super) fn new(preset: Preset, usage: &Usage, request: Number) -> Self {
        Self {
            preset,
            resource: usage.resource(),
            request,
            low: None,
            high: None,
            limit: None,
            window: usage.window(),
            samples: usage.samples(),
            pods: usage.pods().len(),
            notes: Vec::new(),
        }
    }

    /// The numbers that there are, by name.
    pub fn numbers(&self) -> impl Iterator<Item = (&'static str, &Number)> {
        let numbers = [
            ("request", Some(&self.request)),
            ("low", self.low.as_ref()),
            ("high", self.high.as_ref()),
            ("limit", self.limit.as_ref()),
        ];
        numbers.into_iter().filter_map(|(name, number)| Some((name, number?)))
    }

    /// Drops the steps of every number, and the notes: for many hosts, where nobody asks.
    pub fn forget_steps(&mut self) {
        self.notes = Vec::new();
        self.request.steps = Vec::new();
        let others = [&mut self.low, &mut self.high, &mut self.limit];
        others.into_iter().flatten().for_each(|number| number.steps = Vec::new());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_parts_are_kept_all_along() {
        // VPA issue 1182: the last bucket's start, cut off, and 15% more, cut off again.
        let number = Number::cut("p90", 1_021_109_408_904.87, 1.0).then(
            StepKind::Margin,
            "15% more",
            Operation::Add(0.15),
        );
        assert_eq!(number.value(), 1_174_275_820_239.0);
        let whole = Number::new("p90", 1_021_109_408_904.87).then(
            StepKind::Margin,
            "15% more",
            Operation::Add(0.15),
        );
        assert!((whole.value() - 1_174_275_820_240.6).abs() < 0.05);
        // Thousandths: 100 and 15% are 115, not 114.
        let cores = Number::cut("p90", 0.1, 1_000.0).then(
            StepKind::Margin,
            "15% more",
            Operation::Add(0.15),
        );
        assert_eq!(cores.value(), 0.115);
    }

    #[test]
    fn rounding_up_takes_no_hair_for_a_part() {
        for (value, rounded) in [(0.29, 0.29), (0.290_000_1, 0.291), (0.0, 0.0)] {
            let number = Number::new("max", value).then(
                StepKind::Rounding,
                "up",
                Operation::RoundUp(1_000.0),
            );
            assert_eq!(number.value(), rounded);
        }
    }

    #[test]
    fn a_step_left_out_changes_what_follows_it() {
        let number = Number::new("max", 1_000.0)
            .then(StepKind::Margin, "15% more", Operation::Add(0.15))
            .then(StepKind::OutOfMemory, "at least 1250", Operation::AtLeast(1_250.0))
            .then(StepKind::Utilisation, "80%", Operation::Divide(0.8));
        assert_eq!(number.value(), 1_562.5);
        let without: Vec<_> = (0..4).map(|step| number.without(step)).collect();
        assert_eq!(without, [None, Some(1_562.5), Some(1_437.5), Some(1_250.0)]);
        assert_eq!(number.without(4), None);
    }
}
