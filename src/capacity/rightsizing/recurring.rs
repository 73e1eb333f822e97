//! Plimsoll's own advice: the highest level that is still to be expected, and room above it.
//!
//! It rests on what was used and on where it was held back, never on what was requested, so that
//! advice that is followed does not change the next one.

use std::collections::BTreeMap;

use super::{
    Advice, DailyDemand, Level, Number, OomBump, Operation, Preset, Recurrence, Resource, StepKind,
    Usage, UsageSample,
};
use crate::error::{Error, Result};
use crate::kernel::{median, student_factor};
use crate::model::{Span, Timestamp};

/// The share of futures above the upper bound.
const ABOVE_HIGH: f64 = 0.05;
/// An event of memory counts for so many days.
const OOM_DAYS: i64 = 35;
/// Fewer whole weeks say less of how they differ than their days do.
const WEEKS_MIN: usize = 3;
const WEEK_DAYS: i64 = 7;

/// How Plimsoll sizes a workload.
#[derive(Debug, Clone, PartialEq)]
pub struct RecurringOptions {
    /// The quantile of a day that is the day's demand for the processor. Default: 0.99, which no
    /// more than 14 minutes of a day exceed.
    pub cpu_quantile: f64,
    /// The quantile of a day that is the day's demand for memory. Default: 1, the maximum.
    pub memory_quantile: f64,
    /// How long a level is expected to return.
    pub recurrence: Recurrence,
    /// The share that is added. Default: 0.15.
    pub margin: f64,
    /// What is needed where memory ran out; no margin is added to it. Default: 1.2 times, at least
    /// 100 MiB more.
    pub oom: OomBump,
    /// Advice is never above so many times the observed peak, or, where memory ran out, that plus
    /// the least that a bump adds. Default: 2.
    pub peaks_max: f64,
    /// The least, in cores. Default: 0.01.
    pub floor_cores: f64,
    /// The least, in bytes. Default: 20 MiB.
    pub floor_bytes: f64,
    /// What scales the number of pods, if anything does. Default: nothing.
    pub autoscaler: Option<Autoscaler>,
}

/// What changes the number of pods so that each uses a set share of its request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Autoscaler {
    /// The share of the request that it aims at.
    pub target: f64,
    /// How many pods it should need at the level that is expected.
    pub replicas: f64,
}

impl Default for RecurringOptions {
    fn default() -> Self {
        Self {
            cpu_quantile: 0.99,
            memory_quantile: 1.0,
            recurrence: Recurrence::default(),
            margin: 0.15,
            oom: OomBump::default(),
            peaks_max: 2.0,
            floor_cores: 0.01,
            floor_bytes: 20.0 * super::MIB,
            autoscaler: None,
        }
    }
}

/// The demand of one pod, or of all of them together.
struct Demand {
    used: Level,
    /// The same with what would have been used where it was held back.
    wanted: Level,
    /// What would have been used, by days since the epoch.
    days: Vec<(i64, f64)>,
    peak: f64,
}

impl RecurringOptions {
    /// What we advise.
    ///
    /// # Errors
    ///
    /// Where an option is out of its range, or a total does not fit a number.
    pub fn advise(&self, usage: &Usage) -> Result<Advice> {
        self.check()?;
        let totals = self.autoscaler.map(|_| total(usage));
        let pods: &[Vec<UsageSample>] = totals.as_ref().map_or(usage.pods(), std::slice::from_ref);
        let demands = pods.iter().filter_map(|pod| self.demand(pod, usage.resource()));
        let highest = demands.reduce(|a, b| if b.wanted.amount > a.wanted.amount { b } else { a });
        let Some(demand) = highest else {
            let what = format!("no sample of {}", usage.resource().name());
            return Err(Error::not_enough_data(what));
        };
        let oom = self.memory_needed(usage);
        let ceiling = self.ceiling(&demand, oom.is_some(), usage);
        let finish = |number: Number| self.finish(number, usage, oom, ceiling);
        let request = finish(start(&demand));
        let mut amounts: Vec<f64> = demand.days.iter().map(|day| day.1).collect();
        let middle = median(&mut amounts);
        let low = finish(Number::new("the median of days", middle));
        let detail = "not above the request";
        let low = low.then(StepKind::Clamp, detail, Operation::AtMost(request.value()));
        let (factor, detail) = self.spread(&demand);
        let high = start(&demand).then(StepKind::Confidence, detail, Operation::Multiply(factor));
        let mut notes = vec![risk(&demand)];
        if let Some(needed) = oom.filter(|needed| *needed > ceiling) {
            notes.push(format!(
                "Memory ran out where {} would be needed, far above any sample ({} at most): \
                 sample more often, or see whether the host ran out and not this workload.",
                usage.say(needed),
                usage.say(demand.peak)
            ));
        }
        let (low, high) = (Some(low), Some(finish(high)));
        Ok(Advice { low, high, notes, ..Advice::new(Preset::Plimsoll, usage, request) })
    }

    pub(super) fn check(&self) -> Result<()> {
        let Recurrence { same_level, overdue, .. } = self.recurrence;
        let shares = [self.cpu_quantile, self.memory_quantile, same_level];
        let OomBump { factor, added_bytes_min } = self.oom;
        let amounts =
            [self.margin, self.floor_cores, self.floor_bytes, overdue, factor, added_bytes_min];
        super::check_options("Plimsoll", &shares, &amounts)?;
        if !(self.peaks_max.is_finite() && self.peaks_max >= 1.0) {
            let peaks = self.peaks_max;
            let what = format!("advice of up to {peaks} observed peaks; allow 1 or more");
            return Err(Error::invalid(what));
        }
        let fits = |scaler: Autoscaler| {
            let Autoscaler { target, replicas } = scaler;
            target > 0.0 && target <= 1.0 && replicas.is_finite() && replicas > 0.0
        };
        if self.autoscaler.is_none_or(fits) {
            return Ok(());
        }
        Err(Error::invalid("an autoscaler has a target above 0 and up to 1, and replicas above 0"))
    }

    fn demand(&self, pod: &[UsageSample], resource: Resource) -> Option<Demand> {
        let quantile = resource.pick(self.cpu_quantile, self.memory_quantile);
        let mut used = DailyDemand::default();
        used.add(pod.iter().map(|sample| (sample.time, sample.amount)));
        let mut wanted = DailyDemand::default();
        wanted.add(pod.iter().map(|sample| (sample.time, self.wanted(sample))));
        Some(Demand {
            used: used.level(quantile, &self.recurrence)?,
            wanted: wanted.level(quantile, &self.recurrence)?,
            days: wanted.by_day(quantile),
            peak: pod.iter().map(|sample| sample.amount).fold(0.0, f64::max),
        })
    }

    /// What would have been used: held back for a share of the time, it did its work in the rest.
    fn wanted(&self, sample: &UsageSample) -> f64 {
        (sample.amount / (1.0 - sample.held_back)).min(sample.amount * self.peaks_max)
    }

    fn finish(&self, number: Number, usage: &Usage, oom: Option<f64>, ceiling: f64) -> Number {
        let mut number = match self.autoscaler {
            None => {
                let detail = format!("{}% more", self.margin * 100.0);
                number.then(StepKind::Margin, detail, Operation::Add(self.margin))
            }
            Some(Autoscaler { target, replicas }) => {
                let share = format!("{}% of it used", target * 100.0);
                let dealt = format!("dealt out to {replicas} pods");
                number.then(StepKind::Utilisation, share, Operation::Divide(target)).then(
                    StepKind::Autoscaler,
                    dealt,
                    Operation::Divide(replicas),
                )
            }
        };
        if let Some(needed) = oom {
            let detail = format!("memory ran out: {} needed", usage.say(needed));
            number = number.then(StepKind::OutOfMemory, detail, Operation::AtLeast(needed));
        }
        let detail = format!("at most {}: {}", usage.say(ceiling), self.ceiling_in_words(oom));
        number = number.then(StepKind::Clamp, detail, Operation::AtMost(ceiling));
        usage.floored(number, usage.resource().pick(self.floor_cores, self.floor_bytes))
    }

    /// The largest need of an event that is not too old.
    fn memory_needed(&self, usage: &Usage) -> Option<f64> {
        let start = usage.window().1.minus(Span::from_days(OOM_DAYS));
        let recent = usage.ooms().iter().filter(|oom| oom.time >= start);
        recent.map(|oom| self.oom.needed(oom.allowed)).reduce(f64::max)
    }

    /// What advice never exceeds. Under an autoscaler a pod's own peak follows its request, so it
    /// is the total's, as it is dealt out to pods that are used to their target.
    fn ceiling(&self, demand: &Demand, oom: bool, usage: &Usage) -> f64 {
        let dealt = |scaler: Autoscaler| scaler.target * scaler.replicas;
        let peak = demand.peak / self.autoscaler.map_or(1.0, dealt);
        let added = if oom && usage.resource() == Resource::Memory {
            peak + self.oom.added_bytes_min
        } else {
            0.0
        };
        (self.peaks_max * peak).max(added)
    }

    fn ceiling_in_words(&self, oom: Option<f64>) -> String {
        let peaks = format!("{} times the observed peak", self.peaks_max);
        match oom {
            None => peaks,
            Some(_) => format!("{peaks}, or the least step above it"),
        }
    }

    /// By how much what is to come may exceed the level: Student's t of the logarithms of the
    /// busiest days of weeks, or of days, where there are fewer than three weeks.
    fn spread(&self, demand: &Demand) -> (f64, String) {
        let (peaks, of) = match weeks(&demand.days) {
            weeks if weeks.len() >= WEEKS_MIN => (weeks, "weeks"),
            _ => (demand.days.iter().map(|day| day.1).collect(), "days"),
        };
        let peaks: Vec<f64> = peaks.into_iter().filter(|peak| *peak > 0.0).map(f64::ln).collect();
        if peaks.len() < 2 {
            return (self.peaks_max, "of a single day: as much as is ever advised".to_owned());
        }
        let number = peaks.len() as f64;
        let mean = peaks.iter().sum::<f64>() / number;
        let square = peaks.iter().map(|peak| (peak - mean).powi(2)).sum::<f64>() / (number - 1.0);
        let factor = student_factor(2.0 * ABOVE_HIGH, number - 1.0);
        let width = factor * (square * (1.0 + 1.0 / number)).sqrt();
        let detail = format!("{} {of} differ by {:.1}%", peaks.len(), square.sqrt() * 100.0);
        (width.exp().min(self.peaks_max), detail)
    }
}

/// The level that was used, and the one that would have been.
fn start(demand: &Demand) -> Number {
    let number = Number::new(in_words(&demand.used), demand.used.amount);
    if demand.wanted == demand.used {
        return number;
    }
    let detail = format!("what would have been used: {}", in_words(&demand.wanted));
    number.then(StepKind::HeldBack, detail, Operation::Replace(demand.wanted.amount))
}

/// The busiest day of each seven, back from the last; what is left over at the start is none.
fn weeks(days: &[(i64, f64)]) -> Vec<f64> {
    let (Some((first, _)), Some((last, _))) = (days.first(), days.last()) else {
        return Vec::new();
    };
    let whole = (last - first + 1) / WEEK_DAYS;
    let mut busiest = BTreeMap::new();
    for (day, amount) in days {
        let ago = (last - day) / WEEK_DAYS;
        if ago < whole {
            let peak: &mut f64 = busiest.entry(ago).or_insert(*amount);
            *peak = peak.max(*amount);
        }
    }
    busiest.into_values().collect()
}

/// The pods' sum at each instant, as one pod.
fn total(usage: &Usage) -> Vec<UsageSample> {
    let mut sums: BTreeMap<Timestamp, (f64, f64)> = BTreeMap::new();
    for sample in usage.all() {
        let sum = sums.entry(sample.time).or_default();
        sum.0 += sample.amount;
        sum.1 += sample.amount / (1.0 - sample.held_back);
    }
    let sample = |(time, (amount, wanted)): (Timestamp, (f64, f64))| {
        let held_back = if wanted > amount { 1.0 - amount / wanted } else { 0.0 };
        UsageSample { time, amount, held_back }
    };
    sums.into_iter().map(sample).collect()
}

fn in_words(level: &Level) -> String {
    let day = level.day.date();
    if level.days == 1 {
        let kept = level.kept_days;
        return format!(
            "the demand of {day}, a level of one day, expected for {kept} days after it"
        );
    }
    format!(
        "the demand of {day}, a level of {} days at most {} apart, expected for {} days after the \
         last",
        level.days, level.gap_days, level.kept_days
    )
}

/// How likely a day asks for more, if days are alike: one rank in one more than there are.
fn risk(demand: &Demand) -> String {
    let level = &demand.wanted;
    let share = (level.days_above + 1) as f64 / (level.days_known + 1) as f64;
    format!(
        "{} of {} days asked for more than this level; if days are alike, the next one does with a \
         probability of {:.1}% before the margin.",
        level.days_above,
        level.days_known,
        share * 100.0
    )
}
