//! What plans said against what happened: every row by host, by the line of its own plan.

mod figures;

use std::collections::{BTreeMap, HashMap};

pub use figures::{DateIntervals, OnePlan, PlanScores, SaidDecile, SaidScore, WithinScore};

use super::{KeptPlan, days_between};
use crate::capacity::exhaustion::reached;
use crate::capacity::reduce::{SeenDays, seen_days};
use crate::capacity::rows::{Forecast, Outcome, PlanRow};
use crate::capacity::series::RowSeries;
use crate::capacity::study::{Study, Table};
use crate::error::{Error, Result};
use crate::model::{Frame, Labels, Span, Timestamp};
use figures::{Case, Interval};

/// Within how many days a line is reached: those of which a plan says how likely it is.
pub(super) const HORIZONS_DAYS: [usize; 3] = [7, 30, 90];

/// Rows of plans that could not be scored, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LeftOut {
    /// Too many of the days ahead have no data: rows times horizons.
    pub unknown_days: usize,
    /// The days are not over in the data: rows times horizons.
    pub not_over: usize,
    /// No usage of that name and unit came for them: rows.
    pub without_usage: usize,
}

/// A row of which something else came than was said.
#[derive(Debug, Clone, PartialEq)]
pub struct MissedRow {
    /// The instant of the plan that said it.
    pub as_of: Timestamp,
    /// Within how many days.
    pub within_days: usize,
    /// The labels of the row.
    pub labels: Labels,
    /// The name of the resource.
    pub resource: String,
    /// The probability that was said.
    pub said: f64,
    /// Whether the line was reached.
    pub reached: bool,
    /// The line, in the row's unit.
    pub line: f64,
    /// The highest daily peak of these days.
    pub peak: f64,
    /// The day of that peak.
    pub peak_day: Timestamp,
}

/// Takes the usage of every table by host of a study, and scores plans that were kept.
///
/// A line is reached within so many days where a daily peak of one of the days after the last
/// day that the plan knew is at or over it; at most a fifth of them may be unknown, as where
/// [exhaustion](crate::capacity::exhaustion::score) is scored.
#[derive(Debug)]
pub struct PlanScorer<'a> {
    study: &'a Study,
    plans: &'a [KeptPlan],
    /// The end of the last day that is over in the data.
    end: Timestamp,
    rows: HashMap<(Labels, String), Vec<(usize, &'a PlanRow)>>,
    unmet: usize,
    cases: Vec<Case>,
    intervals: Vec<Interval>,
    left_out: LeftOut,
    missed: BTreeMap<(Labels, String), MissedRow>,
}

impl<'a> PlanScorer<'a> {
    /// A scorer of plans. `known_until` is where the data ends: 1 ns after the last sample.
    pub fn new(study: &'a Study, plans: &'a [KeptPlan], known_until: Timestamp) -> Self {
        let mut rows: HashMap<_, Vec<_>> = HashMap::new();
        for (at, plan) in plans.iter().enumerate() {
            for row in plan.hosts.rows.iter().filter(|row| row.line.is_some()) {
                let key = (row.labels.clone(), row.resource.clone());
                rows.entry(key).or_default().push((at, row));
            }
        }
        Self {
            study,
            plans,
            // A day is over once there is a sample in its last step.
            end: known_until.plus(study.step).floor(Span::DAY),
            unmet: rows.values().map(Vec::len).sum(),
            rows,
            cases: Vec::new(),
            intervals: Vec::new(),
            left_out: LeftOut::default(),
            missed: BTreeMap::new(),
        }
    }

    /// Takes some rows of one table by host, each whole in time; tables of groups are passed over.
    ///
    /// # Errors
    ///
    /// Where the frame's steps are not those of the study.
    pub fn add(&mut self, table: Table, usage: &Frame) -> Result<()> {
        let resource = self.study.resources.get(table.resource);
        let Some(resource) = resource.filter(|_| table.group.is_none()) else { return Ok(()) };
        let step = usage.step().filter(|step| *step == self.study.step).ok_or_else(|| {
            Error::invalid("the usage has other steps than the study; query it at the study's step")
        })?;
        for (labels, values) in usage.rows() {
            let labels = labels.project(&self.study.by);
            let series = RowSeries::new(usage.start(), step, values);
            let key = (labels, resource.name.clone());
            let Some(said) = self.rows.remove(&key) else { continue };
            let Some(seen) = seen_days(series) else { continue };
            for (plan, row) in said {
                if row.unit == resource.unit {
                    self.unmet -= 1;
                    self.judge(plan, row, series, &seen);
                }
            }
        }
        Ok(())
    }

    /// Judges what one plan said of one row.
    fn judge(&mut self, plan: usize, row: &PlanRow, series: RowSeries<'_>, seen: &SeenDays) {
        let Some(line) = row.line else { return };
        let from = first_day_ahead(series, seen, line, self.plans[plan].as_of);
        let day = |at: i64| {
            let index = usize::try_from(at).ok()?;
            seen.days.get(index).map(|day| seen.peak(*day, Some(line)))
        };
        let over = usize::try_from(days_between(from, self.end)).unwrap_or(0);
        let first = days_between(seen.first_day, from);
        let ahead: Vec<f64> =
            (0..over as i64).map(|at| day(first + at).unwrap_or(f64::NAN)).collect();
        let was_full = matches!(row.outcome, Outcome::Already { .. });
        for (horizon, days) in HORIZONS_DAYS.into_iter().enumerate() {
            let Some(said) = said(row, days) else { continue };
            let Some(ahead) = ahead.get(..days) else {
                self.left_out.not_over += 1;
                continue;
            };
            let Some(came) = reached(ahead, line) else {
                self.left_out.unknown_days += 1;
                continue;
            };
            self.cases.push(Case { plan, horizon, said, reached: came, was_full });
            self.note_missed(plan, row, (days, said, came), line, (from, ahead));
        }
        if let Outcome::Within(forecast) = &row.outcome {
            self.intervals.extend(interval(forecast, line, from, &ahead));
        }
    }

    /// Keeps the worst of each row, where it is on the wrong side of even odds.
    fn note_missed(
        &mut self,
        plan: usize,
        row: &PlanRow,
        (within_days, said, reached): (usize, f64, bool),
        line: f64,
        (from, ahead): (Timestamp, &[f64]),
    ) {
        if (said >= 0.5) == reached {
            return;
        }
        let highest = ahead.iter().enumerate().filter(|(_, peak)| !peak.is_nan());
        let Some((day, peak)) = highest.max_by(|a, b| a.1.total_cmp(b.1)) else { return };
        let one = MissedRow {
            as_of: self.plans[plan].as_of,
            within_days,
            labels: row.labels.clone(),
            resource: row.resource.clone(),
            said,
            reached,
            line,
            peak: *peak,
            peak_day: from.plus(Span::from_days(day as i64)),
        };
        let key = (one.labels.clone(), one.resource.clone());
        let worse = |known: &MissedRow| one.error() > known.error();
        if self.missed.get(&key).is_none_or(worse) {
            self.missed.insert(key, one);
        }
    }

    /// The scores of all plans, once every table was added.
    pub fn finish(mut self) -> PlanScores {
        // What was given without a line cannot be reached, and is no row that waits for usage.
        self.left_out.without_usage = self.unmet;
        let as_of: Vec<Timestamp> = self.plans.iter().map(|plan| plan.as_of).collect();
        let mut missed: Vec<MissedRow> = self.missed.into_values().collect();
        // Stable: rows that were missed alike stay in the order of their labels.
        missed.sort_by(|a, b| b.error().total_cmp(&a.error()));
        PlanScores {
            end: self.end,
            within: figures::within(&self.cases),
            intervals: figures::intervals(&self.intervals),
            plans: figures::by_plan(&self.cases, &as_of),
            missed,
            left_out: self.left_out,
        }
    }
}

impl MissedRow {
    /// How far what was said is from what came, between 0 and 1.
    pub fn error(&self) -> f64 {
        (self.said - f64::from(u8::from(self.reached))).abs()
    }
}

/// The day after the last one that the plan knew: the day of `as_of` is known where half of a
/// typical day's hours had come by then, or the line was reached already.
fn first_day_ahead(
    series: RowSeries<'_>,
    seen: &SeenDays,
    line: f64,
    as_of: Timestamp,
) -> Timestamp {
    let today = as_of.floor(Span::DAY);
    let part = seen_days(series.cut(today, as_of)).and_then(|part| part.days.first().copied());
    match part {
        Some(part) if !seen.peak(part, Some(line)).is_nan() => today.plus(Span::DAY),
        _ => today,
    }
}

/// What a plan said of a row's line being reached within so many days.
fn said(row: &PlanRow, days: usize) -> Option<f64> {
    let said = row.probabilities?;
    match days {
        7 => Some(said.within_7),
        30 => Some(said.within_30),
        90 => Some(said.within_90),
        _ => None,
    }
}

/// What became of the dates of a row: `None` where the days up to P90 are over, and too many of
/// them unknown.
fn interval(forecast: &Forecast, line: f64, from: Timestamp, ahead: &[f64]) -> Option<Interval> {
    let p10 = forecast.p10?;
    let Some(p90) = forecast.p90 else { return Some(Interval::Open) };
    // P90 itself is one of the days; it is today at least.
    let days = usize::try_from(days_between(from, p90) + 1).unwrap_or(0).max(1);
    let Some(until_p90) = ahead.get(..days) else { return Some(Interval::Open) };
    if !reached(until_p90, line)? {
        return Some(Interval::Late);
    }
    let first = until_p90.iter().position(|peak| *peak >= line)?;
    let day = from.plus(Span::from_days(first as i64));
    Some(if day < p10 { Interval::Early } else { Interval::Held })
}
