//! From the metrics of one host to the few numbers that the rules need of it.
//!
//! The rules are known before the data is read, so each condition is counted where it stands: no
//! threshold is met "about". What is kept of a host grows with the number of tests, and by a byte
//! per rule and day for its history.

use std::borrow::Cow;

use super::metric::resolve;
use super::pack::{Condition, Per, Rule, RulePack, Statistic, Test, WhenMissing};
use super::verdict::HostFacts;
use crate::error::{Error, Result};
use crate::model::{Span, Timestamp};

const HOURS: usize = 24;

/// Reads the metrics of one host, piece by piece.
#[derive(Debug)]
pub struct HostReducer<'a> {
    pack: &'a RulePack,
    step: Span,
    /// Where the next piece may begin.
    next: Timestamp,
    /// What the tests of the pack name.
    metrics: Vec<&'a str>,
    found: HostUse,
}

/// What the rules of a pack need of one host.
#[derive(Debug, Clone, PartialEq)]
pub struct HostUse {
    pub(super) now: Timestamp,
    pub(super) step: Span,
    pub(super) first: Option<Timestamp>,
    /// End of the last step with data.
    pub(super) last: Option<Timestamp>,
    /// One for each rule of the pack.
    pub(super) rules: Vec<RuleUse>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct RuleUse {
    pub(super) conditions: Vec<ConditionUse>,
    /// Of each UTC day since the first, the hours in which a test fails.
    pub(super) busy_hours: Vec<u8>,
}

/// How often a condition held in `[from, to)`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ConditionUse {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    /// Units of time in which all tests held, and in which one failed; the others are not known.
    pub(super) met: u32,
    pub(super) failed: u32,
    pub(super) tests: Vec<TestUse>,
}

/// What a test saw in the units of time (in steps, where the whole window is one).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct TestUse {
    /// Whether the host has the metric at all.
    pub(super) given: bool,
    pub(super) known: u32,
    pub(super) sum: f64,
    pub(super) max: f64,
}

/// The known steps of some time.
#[derive(Debug, Clone, Copy)]
struct Known {
    count: u32,
    sum: f64,
    max: f64,
}

impl<'a> HostReducer<'a> {
    /// A reducer for one host, whose metrics are means over steps of `step`, up to `now`.
    ///
    /// # Errors
    ///
    /// Unless an hour is a whole number of steps.
    pub fn new(pack: &'a RulePack, now: Timestamp, step: Span) -> Result<Self> {
        if step.is_zero() || Span::HOUR.nanos() % step.nanos() != 0 {
            let what = format!("rules need steps that divide an hour, and {step} does not");
            return Err(Error::invalid(what));
        }
        let now = now.floor(step);
        let rules = pack.rules.iter().map(|rule| RuleUse::new(rule, now, step)).collect();
        let tests = pack.rules.iter().flat_map(|rule| &rule.conditions).flat_map(|c| &c.tests);
        let mut metrics: Vec<&str> = tests.map(|test| test.metric.as_str()).collect();
        metrics.sort_unstable();
        metrics.dedup();
        let found = HostUse { now, step, first: None, last: None, rules };
        Ok(Self { pack, step, next: Timestamp::MIN, metrics, found })
    }

    /// Takes a piece of the host's metrics, all of one length: whole UTC days from `start` on, the
    /// last of which may be cut short. NaN is a gap. Metrics are named as in [`super::BUILT_IN`] or
    /// in the pack, in their unit there, or are what these follow from: `cpu` and `cpu_capacity`
    /// (in one unit), `cores`, `memory` and `memory_capacity` (in one unit), `network_capacity`
    /// (B/s). What the host does not have is left out.
    ///
    /// # Errors
    ///
    /// Where a piece begins within a day or before the one before it ended, or its rows differ in
    /// length. Nothing of it is taken.
    pub fn add(&mut self, start: Timestamp, given: &[(&str, &[f64])]) -> Result<()> {
        let Some((_, first)) = given.first() else { return Ok(()) };
        let steps = first.len();
        if let Some((name, row)) = given.iter().find(|(_, row)| row.len() != steps) {
            let (row, other) = (row.len(), given[0].0);
            let what = format!("{name} has {row} steps and {other} {steps}: give the same time");
            return Err(Error::invalid(what));
        }
        if start.floor(Span::DAY) != start || start < self.next {
            let what = format!("a piece begins with a UTC day, in order, and not at {start}");
            return Err(Error::invalid(what));
        }
        let past = self.found.now.since(start).whole(self.step) as usize;
        let steps = steps.min(past);
        let floors = &self.pack.floors;
        let rows: Vec<Option<Cow<'_, [f64]>>> =
            self.metrics.iter().map(|metric| resolve(metric, given, floors)).collect();
        let steps_per_day = (Span::DAY.nanos() / self.step.nanos()) as usize;
        for from in (0..steps).step_by(steps_per_day) {
            let range = from..steps.min(from + steps_per_day);
            let rows = rows.iter().map(|row| row.as_deref()?.get(range.clone())).collect();
            self.day(&Day::new(self.time(start, from), self.step, rows));
        }
        self.next = self.time(start, steps);
        Ok(())
    }

    /// What was found; the reducer is done.
    pub fn finish(self) -> HostUse {
        self.found
    }

    fn time(&self, start: Timestamp, step: usize) -> Timestamp {
        start.plus(self.step.times(step))
    }

    fn day(&mut self, day: &Day<'_>) {
        let Some((first, last)) = day.extent() else { return };
        let begins = *self.found.first.get_or_insert(day.time(first));
        self.found.last = Some(day.time(last + 1));
        let index = day.start.since(begins.floor(Span::DAY)).whole(Span::DAY) as usize;
        let (coverage, metrics) = (self.pack.policy.coverage, &self.metrics);
        let at = |test: &Test| metrics.binary_search(&test.metric.as_str()).unwrap_or(0);
        for (rule, found) in self.pack.rules.iter().zip(&mut self.found.rules) {
            for (condition, found) in rule.conditions.iter().zip(&mut found.conditions) {
                let rows: Vec<usize> = condition.tests.iter().map(at).collect();
                let reading = Reading { rule, condition, rows: &rows, coverage, day };
                reading.count(found);
            }
            let busy = (0..HOURS).filter(|hour| {
                let mut tests =
                    rule.conditions.iter().flat_map(|c| c.tests.iter().map(move |t| (c.per, t)));
                tests.any(|(per, test)| day.is_busy(rule, per, test, at(test), *hour))
            });
            found.busy_hours.resize(index + 1, 0);
            found.busy_hours[index] = busy.count() as u8;
        }
    }
}

impl HostUse {
    /// The first instant with data, if there is any.
    pub fn first(&self) -> Option<Timestamp> {
        self.first
    }

    /// Whether its history begins with its life: no more than a day after it came.
    pub(super) fn is_whole_life(&self, facts: &HostFacts) -> bool {
        match (facts.born, self.first) {
            (Some(born), Some(first)) => first.since(born) <= Span::DAY,
            _ => false,
        }
    }

    /// The end of the last step with data, if there is any.
    pub fn last(&self) -> Option<Timestamp> {
        self.last
    }
}

impl RuleUse {
    fn new(rule: &Rule, now: Timestamp, step: Span) -> Self {
        let condition = |condition: &Condition| {
            let to = match condition.per {
                Per::Sample | Per::Window => now,
                per => now.floor(per.span(rule.window, step)),
            };
            let none = TestUse { given: false, known: 0, sum: 0.0, max: f64::NEG_INFINITY };
            let tests = vec![none; condition.tests.len()];
            ConditionUse { from: to.minus(rule.window), to, met: 0, failed: 0, tests }
        };
        Self { conditions: rule.conditions.iter().map(condition).collect(), busy_hours: Vec::new() }
    }
}

impl Known {
    const NONE: Self = Self { count: 0, sum: 0.0, max: f64::NEG_INFINITY };

    fn of(values: &[f64]) -> Self {
        values.iter().filter(|value| value.is_finite()).fold(Self::NONE, |known, value| Self {
            count: known.count + 1,
            sum: known.sum + value,
            max: known.max.max(*value),
        })
    }

    fn and(self, other: Self) -> Self {
        Self {
            count: self.count + other.count,
            sum: self.sum + other.sum,
            max: self.max.max(other.max),
        }
    }

    /// The statistic over `seconds`, gaps counted as the mean; NaN without data.
    fn statistic(self, statistic: Statistic, seconds: f64) -> f64 {
        let mean = self.sum / f64::from(self.count);
        match statistic {
            Statistic::Mean => mean,
            Statistic::Sum => mean * seconds,
            Statistic::Max if self.count == 0 => f64::NAN,
            Statistic::Max => self.max,
        }
    }
}

/// How far apart the samples of a row of steps typically lie: the median; `None` of fewer than two.
///
/// ```
/// use plimsoll::capacity::zombie::typical_spacing;
/// use plimsoll::Span;
/// // Each hour a sample, in steps of 20 minutes; one hour is missing.
/// let (x, gap) = (1.0, f64::NAN);
/// let row = [x, gap, gap, x, gap, gap, gap, gap, gap, x, gap, gap, x];
/// assert_eq!(typical_spacing(&row, Span::from_seconds(1200)), Some(Span::HOUR));
/// ```
pub fn typical_spacing(row: &[f64], step: Span) -> Option<Span> {
    let known = row.iter().enumerate().filter(|(_, value)| value.is_finite());
    let known: Vec<usize> = known.map(|(at, _)| at).collect();
    let mut apart: Vec<usize> = known.windows(2).map(|pair| pair[1] - pair[0]).collect();
    apart.sort_unstable();
    apart.get(apart.len() / 2).map(|steps| step.times(*steps))
}

/// One day of the metrics that are tested, and their hours.
struct Day<'d> {
    start: Timestamp,
    step: Span,
    rows: Vec<Option<&'d [f64]>>,
    hours: Vec<[Known; HOURS]>,
}

impl<'d> Day<'d> {
    fn new(start: Timestamp, step: Span, rows: Vec<Option<&'d [f64]>>) -> Self {
        let steps_per_hour = (Span::HOUR.nanos() / step.nanos()) as usize;
        let hours = |row: Option<&[f64]>| {
            let mut hours = [Known::NONE; HOURS];
            let chunks = row.unwrap_or_default().chunks(steps_per_hour);
            for (hour, steps) in hours.iter_mut().zip(chunks) {
                *hour = Known::of(steps);
            }
            hours
        };
        Self { hours: rows.iter().copied().map(hours).collect(), start, step, rows }
    }

    fn time(&self, step: usize) -> Timestamp {
        self.start.plus(Span::from_nanos(step as i64 * self.step.nanos()))
    }

    /// The first and the last step with data of any metric.
    fn extent(&self) -> Option<(usize, usize)> {
        let rows = || self.rows.iter().flatten();
        let known = |value: &f64| value.is_finite();
        let first = rows().filter_map(|row| row.iter().position(known)).min()?;
        let last = rows().filter_map(|row| row.iter().rposition(known)).max()?;
        Some((first, last))
    }

    /// Whether a test of a rule, asked of one hour, fails.
    fn is_busy(&self, rule: &Rule, per: Per, test: &Test, row: usize, hour: usize) -> bool {
        let hour = self.hours[row][hour];
        let found = match test.statistic {
            // What the unit of time would come to if it went on like this hour.
            Statistic::Sum => {
                hour.statistic(Statistic::Sum, per.span(rule.window, self.step).seconds())
            }
            statistic => hour.statistic(statistic, 0.0),
        };
        !found.is_nan() && !test.level.holds(found)
    }
}

/// One day, as one condition reads it.
struct Reading<'r> {
    rule: &'r Rule,
    condition: &'r Condition,
    /// The row of each test.
    rows: &'r [usize],
    coverage: f64,
    day: &'r Day<'r>,
}

impl Reading<'_> {
    fn count(&self, found: &mut ConditionUse) {
        let day = self.day;
        for (test, row) in found.tests.iter_mut().zip(self.rows) {
            test.given |= day.rows[*row].is_some();
        }
        let steps = (Span::DAY.nanos() / day.step.nanos()) as usize;
        let (per_unit, units) = match self.condition.per {
            Per::Sample => (1, steps),
            Per::Hour => (steps / HOURS, HOURS),
            Per::Day => (steps, 1),
            Per::Window => return self.add_window(found, steps),
        };
        for unit in 0..units {
            if day.time(unit * per_unit) < found.from || day.time((unit + 1) * per_unit) > found.to
            {
                continue;
            }
            self.judge_unit(found, unit, per_unit);
        }
    }

    /// A unit fails where a test fails, else it is known where all are.
    fn judge_unit(&self, found: &mut ConditionUse, unit: usize, per_unit: usize) {
        let seconds = self.day.step.seconds() * per_unit as f64;
        let (mut failed, mut unknown) = (false, false);
        for ((test, row), seen) in self.condition.tests.iter().zip(self.rows).zip(&mut found.tests)
        {
            if !seen.given && self.rule.missing == WhenMissing::Skip {
                continue;
            }
            let known = self.known(*row, unit);
            let value = known.statistic(test.statistic, seconds);
            let enough = f64::from(known.count) / per_unit as f64 >= self.coverage;
            // What was seen of a unit can only be topped by what was not.
            let over = test.statistic == Statistic::Max && !test.level.holds(value);
            if value.is_nan() || !(enough || over) {
                unknown = true;
                continue;
            }
            failed |= !test.level.holds(value);
            seen.known += 1;
            seen.sum += value;
            seen.max = seen.max.max(value);
        }
        found.failed += u32::from(failed);
        found.met += u32::from(!failed && !unknown);
    }

    fn known(&self, row: usize, unit: usize) -> Known {
        let hours = &self.day.hours[row];
        match self.condition.per {
            Per::Sample => {
                let value = self.day.rows[row].and_then(|row| row.get(unit));
                value.map_or(Known::NONE, |value| Known::of(std::slice::from_ref(value)))
            }
            Per::Hour => hours[unit],
            Per::Day | Per::Window => hours.iter().fold(Known::NONE, |all, hour| all.and(*hour)),
        }
    }

    fn add_window(&self, found: &mut ConditionUse, steps: usize) {
        let day = self.day;
        let inside =
            |step: &usize| day.time(*step) >= found.from && day.time(*step + 1) <= found.to;
        let Some(first) = (0..steps).find(inside) else { return };
        let end = (first..steps).take_while(inside).count() + first;
        for (seen, row) in found.tests.iter_mut().zip(self.rows) {
            let row = day.rows[*row].unwrap_or_default();
            let known = Known::of(&row[first.min(row.len())..end.min(row.len())]);
            seen.known += known.count;
            seen.sum += known.sum;
            seen.max = seen.max.max(known.max);
        }
    }
}
