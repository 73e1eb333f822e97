//! The Kubernetes vertical pod autoscaler's recommender.
//!
//! Percentiles of a fading histogram: of all samples of the processor, of a peak a day of memory;
//! then a margin, then bounds that close in with the length of the history, then a floor.
//! Capacities are whole thousandths of a core, or bytes, after each step.

use super::peaks::PeakWindow;
use super::{
    Advice, Buckets, Histogram, Measure, Number, OomBump, Operation, Percentile, Preset, Resource,
    StepKind, Usage,
};
use crate::error::{Error, Result};
use crate::model::{Span, Timestamp};

/// The weight of a sample of the processor.
const CPU_WEIGHT: f64 = 0.1;
/// What the recommender's amounts are capped at, in thousandths of a core or in bytes: where there
/// is no history, the upper bound is this ("100T").
const AMOUNT_MAX: f64 = 1e14;
/// Each bucket is wider than the one before by this factor.
pub(super) const BUCKET_RATIO: f64 = 1.05;

/// The recommender's options. The defaults are its own.
#[derive(Debug, Clone, PartialEq)]
pub struct VpaOptions {
    /// The share of the weight below the request. Default: 0.9.
    pub percentile: f64,
    /// The share of the weight below the lower bound. Default: 0.5.
    pub percentile_low: f64,
    /// The share of the weight below the upper bound. Default: 0.95.
    pub percentile_high: f64,
    /// The share that is added. Default: 0.15.
    pub margin: f64,
    /// Age at which a sample counts half. Default: 24 h.
    pub half_life: Span,
    /// Memory has one peak of each such interval. Default: 24 h.
    pub memory_interval: Span,
    /// How far back is looked. Default: 8 days.
    pub history: Span,
    /// The history that counts as one unit of confidence. Default: 24 h.
    pub confidence_interval: Span,
    /// The least of a whole pod, in cores. Default: 0.025.
    pub floor_cores: f64,
    /// The least of a whole pod, in bytes. Default: 250 MiB.
    pub floor_bytes: f64,
    /// Containers that share the floor. Default: 1.
    pub containers: usize,
    /// What is needed where memory ran out. Default: 1.2 times, at least 100 MiB more.
    pub oom: OomBump,
}

impl Default for VpaOptions {
    fn default() -> Self {
        Self {
            percentile: 0.9,
            percentile_low: 0.5,
            percentile_high: 0.95,
            margin: 0.15,
            half_life: Span::DAY,
            memory_interval: Span::DAY,
            history: Span::from_days(8),
            confidence_interval: Span::DAY,
            floor_cores: 0.025,
            floor_bytes: 250.0 * super::MIB,
            containers: 1,
            oom: OomBump::default(),
        }
    }
}

impl VpaOptions {
    /// What the recommender advises.
    ///
    /// # Errors
    ///
    /// Where an option is out of its range, or what memory held ends up empty.
    pub fn advise(&self, usage: &Usage) -> Result<Advice> {
        self.check()?;
        let usage = &usage.last(self.history);
        let known = self.histogram(usage, true)?;
        let plain =
            if usage.ooms().is_empty() { None } else { Some(self.histogram(usage, false)?) };
        let confidence = self.confidence(usage.window(), usage.samples());
        let number = |share: f64| self.number(usage, &known, plain.as_ref(), share);
        let bound = |number: Number, factor: f64, what: &str| {
            let detail = format!("{what} with a confidence of {confidence:.5}");
            let cap = AMOUNT_MAX / parts(usage).max(1.0);
            let number = number.then(StepKind::Confidence, detail, Operation::Multiply(factor));
            let detail = "the most that the recommender can say";
            self.floored(usage, number.then(StepKind::Clamp, detail, Operation::AtMost(cap)))
        };
        let mut notes = vec![
            "A sample's weight halves with each day: what is busy once a week is forgotten 2.33 \
             days later."
                .to_owned(),
        ];
        if usage.resource() == Resource::Memory {
            let what = "VPA counts the samples of the processor for both confidences; here each \
                        resource counts its own.";
            notes.push(what.to_owned());
        }
        let request = self.floored(usage, number(self.percentile)?);
        Ok(Advice {
            low: Some(bound(number(self.percentile_low)?, low_factor(confidence), "lower bound")),
            high: Some(bound(
                number(self.percentile_high)?,
                high_factor(confidence),
                "upper bound",
            )),
            notes,
            ..Advice::new(Preset::Vpa, usage, request)
        })
    }

    /// How sure the recommender is: days of history, or of samples where there are fewer than one a
    /// minute.
    pub fn confidence(&self, window: (Timestamp, Timestamp), samples: usize) -> f64 {
        let interval = self.confidence_interval;
        let span = window.1.since(window.0).seconds() / interval.seconds();
        span.min(samples as f64 / (interval.seconds() / 60.0))
    }

    pub(super) fn check(&self) -> Result<()> {
        let shares = [self.percentile, self.percentile_low, self.percentile_high];
        let amounts = [self.margin, self.floor_cores, self.floor_bytes];
        super::check_options("VPA", &shares, &amounts)?;
        let spans = [self.half_life, self.memory_interval, self.history, self.confidence_interval];
        if self.containers == 0 || spans.iter().any(|span| span.is_zero()) {
            let what = "VPA takes a half-life, intervals and a history above 0, and a container or \
                        more";
            return Err(Error::invalid(what));
        }
        Ok(())
    }

    /// The histogram of all pods, with what memory ran out of or without.
    fn histogram(&self, usage: &Usage, ooms: bool) -> Result<Histogram> {
        let mut histogram =
            Histogram::decaying(buckets(usage, (1_000.0, 0.01), (1e12, 1e7))?, self.half_life)?;
        for (at, pod) in usage.pods().iter().enumerate() {
            if usage.resource() == Resource::Cpu {
                for sample in pod {
                    histogram.add(sample.amount, CPU_WEIGHT, sample.time);
                }
                continue;
            }
            let mut peaks = PeakWindow::new(self.memory_interval);
            let mut events = usage.ooms().iter().filter(|oom| ooms && oom.pod == at).peekable();
            for sample in pod {
                while let Some(oom) = events.next_if(|oom| oom.time < sample.time) {
                    peaks.out_of_memory(&mut histogram, oom.time, oom.allowed, &self.oom);
                }
                peaks.record(&mut histogram, sample.time, sample.amount);
            }
            for oom in events {
                peaks.out_of_memory(&mut histogram, oom.time, oom.allowed, &self.oom);
            }
        }
        Ok(histogram)
    }

    fn number(
        &self,
        usage: &Usage,
        known: &Histogram,
        plain: Option<&Histogram>,
        share: f64,
    ) -> Result<Number> {
        let what = match usage.resource() {
            Resource::Cpu => "of all samples",
            Resource::Memory => "of a peak a day",
        };
        let half_life = self.half_life;
        let detail =
            format!("p{} {what}, half-life {half_life}: the end of a bucket", share * 100.0);
        let mut number = bucket_end(plain.unwrap_or(known), share, detail, parts(usage))?;
        if plain.is_some() {
            let with = known.percentile(share).map_or(0.0, |percentile| percentile.value);
            let times = match usage.ooms().len() {
                1 => "once".to_owned(),
                times => format!("{times} times"),
            };
            let detail = format!("the same, with memory that ran out {times}");
            number = number.then(StepKind::OutOfMemory, detail, Operation::Replace(with));
        }
        let detail = format!("{}% more", self.margin * 100.0);
        Ok(number.then(StepKind::Margin, detail, Operation::Add(self.margin)))
    }

    fn floored(&self, usage: &Usage, number: Number) -> Number {
        let pod = usage.resource().pick(self.floor_cores, self.floor_bytes);
        usage.floored(number, pod / self.containers as f64)
    }
}

/// What a bound is multiplied with: `(1 + multiplier / confidence)^exponent`.
///
/// ```
/// use plimsoll::capacity::rightsizing::confidence_factor;
/// // The unit tests of the Kubernetes VPA recommender.
/// assert!((3.14 * confidence_factor(0.1, 2, 0.006_25) - 907.46).abs() < 1e-9);
/// ```
pub fn confidence_factor(multiplier: f64, exponent: i32, confidence: f64) -> f64 {
    (1.0 + multiplier / confidence).powi(exponent)
}

/// What the upper bound is multiplied with: infinite without history.
fn high_factor(confidence: f64) -> f64 {
    confidence_factor(1.0, 1, confidence)
}

/// What the lower bound is multiplied with: 0 without history.
fn low_factor(confidence: f64) -> f64 {
    confidence_factor(0.001, -2, confidence)
}

/// Whole parts that amounts are cut off to: none in a unit of which nothing is known.
fn parts(usage: &Usage) -> f64 {
    match usage.measure() {
        Measure::Native => usage.resource().pick(1_000.0, 1.0),
        Measure::Other => 0.0,
    }
}

/// Buckets for cores or bytes, (max, first); in other units, of the same number of decades below
/// the largest amount.
pub(super) fn buckets(usage: &Usage, cores: (f64, f64), bytes: (f64, f64)) -> Result<Buckets> {
    let (max, first) = match usage.measure() {
        Measure::Native => usage.resource().pick(cores, bytes),
        Measure::Other => {
            let peak = usage.peak();
            let peak = if peak > 0.0 { peak } else { 1.0 };
            (peak, peak * 1e-5)
        }
    };
    Buckets::exponential(max, first, BUCKET_RATIO)
}

/// A percentile, and a clamp where it lies in the last bucket, which has no end.
pub(super) fn bucket_end(
    histogram: &Histogram,
    share: f64,
    detail: String,
    parts: f64,
) -> Result<Number> {
    let Some(Percentile { value, last_bucket, .. }) = histogram.percentile(share) else {
        return Err(Error::not_enough_data("no sample weighs enough to count"));
    };
    if !last_bucket {
        return Ok(Number::cut(detail, value, parts));
    }
    // Where it would end, were there one more.
    let starts = histogram.buckets().starts();
    let before = starts.get(starts.len().wrapping_sub(2)).copied().unwrap_or(0.0);
    let end = value + (value - before) * BUCKET_RATIO;
    let clamp = "last bucket: its start, for it has no end";
    let number = Number::cut(detail, end, parts);
    Ok(number.then(StepKind::Clamp, clamp, Operation::AtMost(value)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capacity::rightsizing::UsageSample;

    const START: Timestamp = Timestamp::from_seconds(1_500_000_000);

    fn usage(resource: Resource, step: Span, amounts: &[f64]) -> Usage {
        let sample = |(at, amount): (usize, &f64)| {
            let after = Span::from_nanos(step.nanos() * at as i64);
            UsageSample { time: START.plus(after), amount: *amount, held_back: 0.0 }
        };
        let pod = amounts.iter().enumerate().map(sample).collect();
        Usage::new(resource, Measure::Native, vec![pod], vec![]).unwrap()
    }

    /// capacity.md, 2.1: what the recommender's test, which allows 5%, yields exactly.
    #[test]
    fn percentiles_end_in_the_buckets_of_vpa() {
        let options = VpaOptions::default();
        let exact = |resource, amounts: &[f64], share: f64| {
            let usage = usage(resource, Span::DAY, amounts);
            let buckets = buckets(&usage, (1_000.0, 0.01), (1e12, 1e7)).unwrap();
            let mut histogram = Histogram::new(buckets);
            for sample in usage.all() {
                histogram.add(sample.amount, 1.0, sample.time);
            }
            histogram.percentile(share).unwrap().value
        };
        let cores = exact(Resource::Cpu, &[1.0, 2.0, 3.0], 0.2);
        assert!((cores / 1.016_281_388_554_092 - 1.0).abs() < 1e-12, "{cores}");
        let bytes = [1e9, 2e9, 3e9];
        for (share, expected) in [(0.5, 2_093_479_957.15), (0.9, 3_027_156_617.06)] {
            let found = exact(Resource::Memory, &bytes, share);
            assert!((found - expected).abs() < 0.005, "{found}");
        }
        let last = buckets(&usage(Resource::Memory, Span::DAY, &bytes), (1e3, 0.01), (1e12, 1e7));
        let starts = last.unwrap();
        assert!((starts.start(175) / 1_021_109_408_904.87 - 1.0).abs() < 1e-13);
        assert_eq!(options.percentile, 0.9);
    }

    #[test]
    fn confidence_grows_with_history_and_samples() {
        let options = VpaOptions::default();
        let nine = usage(Resource::Cpu, Span::from_seconds(120), &[1.0; 9]);
        let found = options.confidence(nine.window(), nine.samples());
        assert!((found - 0.006_25).abs() < 1e-15);
        let minutes = Span::from_seconds(18 * 60);
        let options = VpaOptions { confidence_interval: minutes, ..options };
        let found = options.confidence(nine.window(), nine.samples());
        assert!((found - 0.5).abs() < 1e-15);
        // VPA's test has 3.14 cores.
        let cores = 314.0 / 100.0;
        let number = Number::cut("p90", cores, 1_000.0);
        let factor = Operation::Multiply(confidence_factor(0.1, 2, found));
        assert_eq!(number.then(StepKind::Confidence, "", factor).value(), 4.521);
        assert!((cores * confidence_factor(0.1, 2, found) - 4.521_6).abs() < 1e-12);
        for (days, high) in [(0.5, 3.0), (1.0, 2.0), (7.0, 1.142_857)] {
            assert!((high_factor(days) - high).abs() < 5e-7);
        }
        for (minutes, low) in [(5.0, 0.602_793), (30.0, 0.910_495), (60.0, 0.953_674)] {
            assert!((low_factor(minutes / 1_440.0) - low).abs() < 5e-7);
        }
    }

    /// Issues 1182 and 5569 of kubernetes/autoscaler.
    #[test]
    fn the_last_bucket_and_the_cap_are_reproduced_and_named() {
        let huge = usage(Resource::Memory, Span::HOUR, &[2e12; 48]);
        let advice = VpaOptions::default().advise(&huge).unwrap();
        assert_eq!(advice.request.value(), 1_174_275_820_239.0);
        let clamp = &advice.request.steps()[1];
        assert_eq!(clamp.kind, StepKind::Clamp);
        assert!(clamp.detail.starts_with("last bucket"), "{clamp:?}");
        assert!(advice.request.without(1).unwrap() > advice.request.value());

        for (resource, cap) in [(Resource::Cpu, 1e11), (Resource::Memory, 1e14)] {
            let one = usage(resource, Span::HOUR, &[1.0]);
            let advice = VpaOptions::default().advise(&one).unwrap();
            assert_eq!(advice.high.unwrap().value(), cap);
        }
    }

    #[test]
    fn floors_are_shared_by_containers() {
        let idle = usage(Resource::Cpu, Span::MINUTE, &[0.0; 2_000]);
        let request = |containers| {
            let options = VpaOptions { containers, ..VpaOptions::default() };
            options.advise(&idle).unwrap().request.value()
        };
        // The first bucket ends at 0.01 cores; with the margin, cut off, 0.011.
        assert_eq!([request(1), request(2), request(5)], [0.025, 0.012, 0.011]);
        let none = VpaOptions { containers: 0, ..VpaOptions::default() };
        assert!(none.advise(&idle).is_err());
    }
}
