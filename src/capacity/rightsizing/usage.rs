//! What one workload used of one resource, and where it was held back.

use super::{MIB, Number, Operation, StepKind};
use crate::error::{Error, Result};
use crate::model::{Span, Timestamp};

/// A resource that a size is advised for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resource {
    /// Processor time, in cores.
    Cpu,
    /// Memory, in bytes.
    Memory,
}

/// The unit of amounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Cores of a processor, bytes of memory: what floors, roundings and shapes are made for.
    Native,
    /// Any other unit, as MHz or a share. Floors, roundings and shapes do not apply, and
    /// histograms have their buckets from a hundred-thousandth of the largest amount to it.
    Other,
}

/// A resource's amount over one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UsageSample {
    /// The start of the step.
    pub time: Timestamp,
    /// What was used: cores, bytes, or the unit of [`Measure::Other`].
    pub amount: f64,
    /// The share of the step in which it was held back, throttled or waiting under pressure (the
    /// kernel's PSI `some`): 0 if it never was, or nothing is known. Below 1.
    pub held_back: f64,
}

/// Memory ran out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OutOfMemory {
    /// When.
    pub time: Timestamp,
    /// Which pod, as an index into those of the usage.
    pub pod: usize,
    /// What it was allowed, in bytes: request or limit, whichever it ran into.
    pub allowed: f64,
}

/// What the pods (containers, hosts) of one workload used of one resource. All of them are to be of
/// one size.
///
/// ```
/// use plimsoll::capacity::rightsizing::{Measure, Resource, Usage, UsageSample};
/// use plimsoll::Timestamp;
/// let at = |minute: i64, amount| {
///     let time = Timestamp::from_seconds(60 * minute);
///     UsageSample { time, amount, held_back: 0.0 }
/// };
/// let pod: Vec<_> = (0..30).map(|minute| at(minute, 0.5)).collect();
/// let usage = Usage::new(Resource::Cpu, Measure::Native, vec![pod], vec![])?;
/// assert_eq!((usage.samples(), usage.peak()), (30, 0.5));
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Usage {
    resource: Resource,
    measure: Measure,
    pods: Vec<Vec<UsageSample>>,
    ooms: Vec<OutOfMemory>,
    first: Timestamp,
    last: Timestamp,
}

impl Resource {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
        }
    }

    /// One of two numbers.
    pub(super) fn pick<T>(self, cpu: T, memory: T) -> T {
        match self {
            Self::Cpu => cpu,
            Self::Memory => memory,
        }
    }
}

impl Usage {
    /// The usage of some pods, each of which is put into order of time. Pods without a sample are
    /// left out of nothing: their index stays.
    ///
    /// # Errors
    ///
    /// Where there is no sample; an amount is negative or no number; a sample was held back for all
    /// of its step or more, or less than none; memory ran out of an unknown pod, or of nothing; or
    /// a processor's usage comes with events of memory.
    pub fn new(
        resource: Resource,
        measure: Measure,
        mut pods: Vec<Vec<UsageSample>>,
        mut ooms: Vec<OutOfMemory>,
    ) -> Result<Self> {
        let name = resource.name();
        for (pod, sample) in
            pods.iter().enumerate().flat_map(|(at, pod)| pod.iter().map(move |s| (at, s)))
        {
            let UsageSample { time, amount, held_back } = sample;
            if !(amount.is_finite() && *amount >= 0.0) {
                let what = format!("{name} of pod {pod} at {time} is {amount}; give 0 or more");
                return Err(Error::invalid(what));
            }
            if !(0.0..1.0).contains(held_back) {
                return Err(Error::invalid(format!(
                    "{name} of pod {pod} at {time} was held back for {held_back} of the step; \
                     give a share from 0 to below 1"
                )));
            }
        }
        let ends = |sample: &UsageSample| sample.time;
        let (first, last) =
            (pods.iter().flatten().map(ends).min(), pods.iter().flatten().map(ends).max());
        let (Some(first), Some(last)) = (first, last) else {
            return Err(Error::not_enough_data(format!("no sample of {name}")));
        };
        for oom in &ooms {
            let known = oom.pod < pods.len() && oom.allowed.is_finite() && oom.allowed > 0.0;
            if !known || resource == Resource::Cpu {
                return Err(Error::invalid(format!(
                    "memory ran out at {}: give it to the usage of memory, with one of its pods \
                     and what that was allowed, above 0",
                    oom.time
                )));
            }
        }
        for pod in &mut pods {
            pod.sort_by_key(|sample| sample.time);
        }
        ooms.sort_by_key(|oom| oom.time);
        Ok(Self { resource, measure, pods, ooms, first, last })
    }

    /// Which resource it is.
    pub fn resource(&self) -> Resource {
        self.resource
    }

    /// What unit amounts have.
    pub fn measure(&self) -> Measure {
        self.measure
    }

    /// The samples of each pod, in order of time.
    pub fn pods(&self) -> &[Vec<UsageSample>] {
        &self.pods
    }

    /// When memory ran out, in order of time.
    pub fn ooms(&self) -> &[OutOfMemory] {
        &self.ooms
    }

    /// How many samples there are.
    pub fn samples(&self) -> usize {
        self.pods.iter().map(Vec::len).sum()
    }

    /// The highest amount.
    pub fn peak(&self) -> f64 {
        self.all().map(|sample| sample.amount).fold(0.0, f64::max)
    }

    /// The times of the first and of the last sample.
    pub fn window(&self) -> (Timestamp, Timestamp) {
        (self.first, self.last)
    }

    /// The samples of all pods, pod after pod.
    pub fn all(&self) -> impl Iterator<Item = &UsageSample> {
        self.pods.iter().flatten()
    }

    /// An amount in words.
    pub(super) fn say(&self, amount: f64) -> String {
        match (self.measure, self.resource) {
            (Measure::Native, Resource::Cpu) => format!("{} cores", short(amount)),
            (Measure::Native, Resource::Memory) => format!("{} MiB", short(amount / MIB)),
            (Measure::Other, _) => short(amount),
        }
    }

    /// A number that is at least this much, where amounts are in cores or bytes.
    pub(super) fn floored(&self, number: Number, floor: f64) -> Number {
        if self.measure == Measure::Other {
            return number;
        }
        let detail = format!("at least {}", self.say(floor));
        number.then(StepKind::Floor, detail, Operation::AtLeast(floor))
    }

    /// A number rounded up to a thousandth of a core or to a mebibyte.
    pub(super) fn rounded_up(&self, number: Number) -> Number {
        if self.measure == Measure::Other {
            return number;
        }
        let (parts, detail) = self
            .resource
            .pick((1_000.0, "up to a thousandth of a core"), (1.0 / MIB, "up to a MiB"));
        number.then(StepKind::Rounding, detail, Operation::RoundUp(parts))
    }

    /// The part that lies no longer than `span` before the last sample.
    #[must_use]
    pub fn last(&self, span: Span) -> Self {
        let start = self.last.minus(span);
        let keep = |pod: &Vec<UsageSample>| -> Vec<UsageSample> {
            pod.iter().filter(|sample| sample.time >= start).copied().collect()
        };
        let ooms = self.ooms.iter().filter(|oom| oom.time >= start).copied().collect();
        let pods = self.pods.iter().map(keep).collect();
        Self { pods, ooms, first: self.first.max(start), ..*self }
    }
}

/// Up to four decimals, and no zeros at the end.
fn short(amount: f64) -> String {
    let text = format!("{amount:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(second: i64, amount: f64, held_back: f64) -> UsageSample {
        UsageSample { time: Timestamp::from_seconds(second), amount, held_back }
    }

    #[test]
    fn what_is_no_usage_is_refused() {
        let made = |samples: Vec<UsageSample>, ooms| {
            Usage::new(Resource::Memory, Measure::Native, vec![samples], ooms)
        };
        assert!(made(vec![], vec![]).is_err());
        for bad in [(-1.0, 0.0), (f64::NAN, 0.0), (f64::INFINITY, 0.0), (1.0, 1.0), (1.0, -0.1)] {
            assert!(made(vec![sample(0, bad.0, bad.1)], vec![]).is_err(), "{bad:?}");
        }
        let time = Timestamp::from_seconds(0);
        for (pod, allowed) in [(1, 1.0), (0, 0.0), (0, f64::NAN)] {
            let oom = OutOfMemory { time, pod, allowed };
            assert!(made(vec![sample(0, 1.0, 0.0)], vec![oom]).is_err());
        }
        let oom = OutOfMemory { time, pod: 0, allowed: 1.0 };
        let cpu = vec![vec![sample(0, 1.0, 0.0)]];
        assert!(Usage::new(Resource::Cpu, Measure::Native, cpu, vec![oom]).is_err());
    }

    #[test]
    fn samples_are_put_in_order_and_cut_to_a_window() {
        let pods =
            vec![vec![sample(90, 3.0, 0.0), sample(0, 9.0, 0.0)], vec![sample(60, 4.0, 0.0)]];
        let usage = Usage::new(Resource::Cpu, Measure::Native, pods, vec![]).unwrap();
        let seconds = |usage: &Usage| {
            let (first, last) = usage.window();
            (first.nanos() / 1_000_000_000, last.nanos() / 1_000_000_000)
        };
        assert_eq!((usage.samples(), usage.peak(), seconds(&usage)), (3, 9.0, (0, 90)));
        assert!(usage.pods()[0].is_sorted_by_key(|sample| sample.time));
        let late = usage.last(Span::from_seconds(30));
        assert_eq!((late.samples(), late.peak(), seconds(&late)), (2, 4.0, (60, 90)));
    }
}
