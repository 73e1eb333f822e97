//! What plans said against what happened: every row by host, by the line of its own plan.

mod figures;

use std::collections::{BTreeMap, HashMap};

pub use figures::{DateIntervals, OnePlan, PlanScores, SaidDecile, SaidScore, WithinScore};

use super::{KeptPlan, days_between};
use crate::capacity::exhaustion::reached;
use crate::capacity::reduce::{SeenDays, seen_days};
use crate::capacity::rows::{Outcome, PlanRow};
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
    /// Their step is another one than the study's, and so are the peaks of their days: plans.
    pub other_step: usize,
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

/// Takes plans, then the usage of every table by host of a study, and scores what the plans said
/// against what happened. Of a plan it keeps some 100 bytes for each row.
///
/// A line is reached within so many days where a daily peak of one of the days after the last
/// day that the plan knew is at or over it; at most a fifth of them may be unknown, as where
/// [exhaustion](crate::capacity::exhaustion::score) is scored.
#[derive(Debug)]
pub struct PlanScorer<'a> {
    study: &'a Study,
    /// The end of the last day that is over in the data.
    end: Timestamp,
    /// The instants of the plans.
    plans: Vec<Timestamp>,
    rows: HashMap<(Labels, String), Vec<SaidRow>>,
    cases: Vec<Case>,
    intervals: Vec<Interval>,
    left_out: LeftOut,
    missed: BTreeMap<(Labels, String), MissedRow>,
}

/// What one plan said of one row.
#[derive(Debug, Clone, Copy)]
struct SaidRow {
    plan: usize,
    line: f64,
    /// How likely the line is reached within each of the horizons.
    said: Option<[f64; 3]>,
    was_full: bool,
    /// P10 and P90, where it has a date.
    dates: Option<(Timestamp, Option<Timestamp>)>,
}

impl SaidRow {
    /// `None` of a row without a line, of which nothing was said.
    fn of(plan: usize, row: &PlanRow) -> Option<Self> {
        let said = row.probabilities.map(|said| [said.within_7, said.within_30, said.within_90]);
        let dates = match &row.outcome {
            Outcome::Within(forecast) => forecast.p10.map(|p10| (p10, forecast.p90)),
            _ => None,
        };
        let was_full = matches!(row.outcome, Outcome::Already { .. });
        Some(Self { plan, line: row.line?, said, was_full, dates })
    }
}

impl<'a> PlanScorer<'a> {
    /// A scorer of plans of a study. `known_until` is where the data ends: 1 ns after the last
    /// sample.
    pub fn new(study: &'a Study, known_until: Timestamp) -> Self {
        Self {
            study,
            // A day is over once there is a sample in its last step.
            end: known_until.plus(study.step).floor(Span::DAY),
            plans: Vec::new(),
            rows: HashMap::new(),
            cases: Vec::new(),
            intervals: Vec::new(),
            left_out: LeftOut::default(),
            missed: BTreeMap::new(),
        }
    }

    /// Takes a plan, in any order. All plans come before the usage. One of another step than the
    /// study's is left out: it spoke of other peaks.
    pub fn add_plan(&mut self, plan: &KeptPlan) {
        if plan.step != self.study.step {
            self.left_out.other_step += 1;
            return;
        }
        let at = self.plans.len();
        self.plans.push(plan.as_of);
        let resources = &self.study.resources;
        for row in &plan.hosts.rows {
            let Some(said) = SaidRow::of(at, row) else { continue };
            if resources.iter().any(|known| known.name == row.resource && known.unit == row.unit) {
                let key = (row.labels.clone(), row.resource.clone());
                self.rows.entry(key).or_default().push(said);
            } else {
                self.left_out.without_usage += 1;
            }
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
            let series = RowSeries::new(usage.start(), step, values);
            let Some(seen) = seen_days(series) else { continue };
            let key = (labels.project(&self.study.by), resource.name.clone());
            for said in self.rows.remove(&key).unwrap_or_default() {
                self.judge(&said, &key, series, &seen);
            }
        }
        Ok(())
    }

    /// Judges what one plan said of one row.
    fn judge(
        &mut self,
        row: &SaidRow,
        key: &(Labels, String),
        series: RowSeries<'_>,
        seen: &SeenDays,
    ) {
        let SaidRow { plan, line, was_full, .. } = *row;
        let from = first_day_ahead(series, seen, line, self.plans[plan]);
        let day = |at: i64| {
            let index = usize::try_from(at).ok()?;
            seen.days.get(index).map(|day| seen.peak(*day, Some(line)))
        };
        let over = usize::try_from(days_between(from, self.end)).unwrap_or(0);
        let first = days_between(seen.first_day, from);
        let ahead: Vec<f64> =
            (0..over as i64).map(|at| day(first + at).unwrap_or(f64::NAN)).collect();
        for (horizon, said) in row.said.into_iter().flatten().enumerate() {
            let days = HORIZONS_DAYS[horizon];
            let Some(ahead) = ahead.get(..days) else {
                self.left_out.not_over += 1;
                continue;
            };
            let Some(came) = reached(ahead, line) else {
                self.left_out.unknown_days += 1;
                continue;
            };
            self.cases.push(Case { plan, horizon, said, reached: came, was_full });
            // On the wrong side of even odds.
            if (said >= 0.5) != came {
                self.note_missed(row, key, (days, said, came), (from, ahead));
            }
        }
        if let Some((p10, p90)) = row.dates {
            self.intervals.push(interval((p10, p90), line, from, &ahead));
        }
    }

    /// Keeps the worst of each row.
    fn note_missed(
        &mut self,
        row: &SaidRow,
        key: &(Labels, String),
        (within_days, said, reached): (usize, f64, bool),
        (from, ahead): (Timestamp, &[f64]),
    ) {
        let highest = ahead.iter().enumerate().filter(|(_, peak)| !peak.is_nan());
        let Some((day, peak)) = highest.max_by(|a, b| a.1.total_cmp(b.1)) else { return };
        let one = MissedRow {
            as_of: self.plans[row.plan],
            within_days,
            labels: key.0.clone(),
            resource: key.1.clone(),
            said,
            reached,
            line: row.line,
            peak: *peak,
            peak_day: from.plus(Span::from_days(day as i64)),
        };
        let worse = |known: &MissedRow| one.error() > known.error();
        if self.missed.get(key).is_none_or(worse) {
            self.missed.insert(key.clone(), one);
        }
    }

    /// The scores of all plans, once every table was added.
    pub fn finish(mut self) -> PlanScores {
        self.left_out.without_usage += self.rows.values().map(Vec::len).sum::<usize>();
        let mut missed: Vec<MissedRow> = self.missed.into_values().collect();
        // Stable: rows that were missed alike stay in the order of their labels.
        missed.sort_by(|a, b| b.error().total_cmp(&a.error()));
        let mut by_plan = figures::by_plan(&self.cases, &self.plans);
        by_plan.sort_by_key(|one| (one.as_of, one.within_days));
        PlanScores {
            study: self.study.name.clone(),
            by: self.study.by.clone(),
            plans: self.plans.len(),
            end: self.end,
            within: figures::within(&self.cases),
            intervals: figures::intervals(&self.intervals),
            by_plan,
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

/// What became of the dates of a row.
fn interval(
    (p10, p90): (Timestamp, Option<Timestamp>),
    line: f64,
    from: Timestamp,
    ahead: &[f64],
) -> Interval {
    let Some(p90) = p90 else { return Interval::Open };
    // P90 itself is one of the days; it is today at least.
    let days = usize::try_from(days_between(from, p90) + 1).unwrap_or(0).max(1);
    let Some(until_p90) = ahead.get(..days) else { return Interval::Open };
    match reached(until_p90, line) {
        None => return Interval::Unknown,
        Some(false) => return Interval::Late,
        Some(true) => {}
    }
    let first = until_p90.iter().position(|peak| *peak >= line).unwrap_or(0);
    let day = from.plus(Span::from_days(first as i64));
    if day < p10 { Interval::Early } else { Interval::Held }
}
