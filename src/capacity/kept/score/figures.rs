//! The figures of a score: how often, how well, and how often what was said came.

use std::collections::BTreeMap;

use super::{HORIZONS_DAYS, LeftOut, MissedRow};
use crate::model::Timestamp;

const DECILES: usize = 10;

/// One row of one plan, and one horizon: what was said, and what came.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Case {
    pub(super) plan: usize,
    /// Which of the horizons.
    pub(super) horizon: usize,
    /// The probability that was said.
    pub(super) said: f64,
    pub(super) reached: bool,
    /// Whether the row was full already when the plan was made.
    pub(super) was_full: bool,
}

/// What became of one interval of dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Interval {
    /// Reached from P10 to P90.
    Held,
    /// Reached before P10.
    Early,
    /// Not reached by P90.
    Late,
    /// P90 has not passed, or lies beyond the horizon.
    Open,
    /// P90 has passed, and too many of the days until then are unknown.
    Unknown,
}

/// What plans said against what happened.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanScores {
    /// The name of the study.
    pub study: String,
    /// The labels that tell its rows apart.
    pub by: Vec<String>,
    /// How many plans there are that could be scored.
    pub plans: usize,
    /// The end of the last day that is over in the data.
    pub end: Timestamp,
    /// By horizon, where there are cases: 7, 30, 90 days.
    pub within: Vec<WithinScore>,
    /// The dates.
    pub intervals: DateIntervals,
    /// Each plan and horizon with cases, the earliest plan first.
    pub by_plan: Vec<OnePlan>,
    /// Of each row that was missed its worst case, worst first: said to be unlikely and reached, or
    /// said to be likely and not.
    pub missed: Vec<MissedRow>,
    /// What could not be scored.
    pub left_out: LeftOut,
}

/// The scores of one horizon.
#[derive(Debug, Clone, PartialEq)]
pub struct WithinScore {
    /// Within how many days.
    pub within_days: usize,
    /// How many plans have cases.
    pub plans: usize,
    /// Of rows that were not full when the plan was made.
    pub not_full: Option<SaidScore>,
    /// Of all rows: that a full one stays full is easily said.
    pub all: Option<SaidScore>,
    /// What was said from 0 to 10%, from 10 to 20% ..., and what came, of rows that were not full;
    /// only those with cases.
    pub deciles: Vec<SaidDecile>,
}

/// How good probabilities are. The Brier score (1950) is the mean of `(said - came)^2`, where what
/// came is 0 or 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SaidScore {
    /// Rows times plans.
    pub cases: usize,
    /// Cases in which the line was reached.
    pub reached: usize,
    /// The mean of what was said.
    pub said: f64,
    /// The share that was reached.
    pub base_rate: f64,
    /// The Brier score.
    pub brier: f64,
    /// `1 - brier / (base_rate (1 - base_rate))`: over always saying the base rate, which nobody
    /// knows before. `None` where all cases came out alike.
    pub skill: Option<f64>,
}

/// The cases of which about the same was said.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SaidDecile {
    /// From this probability on, to a tenth more.
    pub from: f64,
    /// Cases.
    pub cases: usize,
    /// The mean of what was said.
    pub said: f64,
    /// The share that was reached.
    pub came: f64,
}

/// What became of the dates from P10 to P90. Only those whose P90 has passed are judged, since of
/// the others only the early ones would be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DateIntervals {
    /// First reached from P10 to P90.
    pub held: usize,
    /// First reached before P10.
    pub early: usize,
    /// Not reached by P90.
    pub late: usize,
    /// P90 has not passed yet, or lies beyond the horizon.
    pub open: usize,
    /// P90 has passed, and too many of the days until then are unknown.
    pub unknown: usize,
}

/// The score of one plan at one horizon, over all of its rows that were not full.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OnePlan {
    /// The instant of the plan.
    pub as_of: Timestamp,
    /// Within how many days.
    pub within_days: usize,
    /// The score.
    pub score: SaidScore,
}

impl DateIntervals {
    /// How many are judged.
    pub fn judged(&self) -> usize {
        self.held + self.early + self.late
    }

    /// The share of those judged that held; 0.8 is right.
    pub fn share_held(&self) -> Option<f64> {
        (self.judged() > 0).then(|| self.held as f64 / self.judged() as f64)
    }
}

/// Scores cases; `None` where there are none.
fn score<'a>(cases: impl Iterator<Item = &'a Case>) -> Option<SaidScore> {
    let (mut count, mut reached, mut said, mut squares) = (0_usize, 0_usize, 0.0, 0.0);
    for case in cases {
        count += 1;
        reached += usize::from(case.reached);
        said += case.said;
        squares += (case.said - f64::from(u8::from(case.reached))).powi(2);
    }
    if count == 0 {
        return None;
    }
    let of = |sum: f64| sum / count as f64;
    let (base_rate, brier) = (of(reached as f64), of(squares));
    let of_base_rate = base_rate * (1.0 - base_rate);
    Some(SaidScore {
        cases: count,
        reached,
        said: of(said),
        base_rate,
        brier,
        skill: (of_base_rate > 0.0).then(|| 1.0 - brier / of_base_rate),
    })
}

pub(super) fn within(cases: &[Case]) -> Vec<WithinScore> {
    let one = |(horizon, within_days): (usize, usize)| {
        let own = || cases.iter().filter(move |case| case.horizon == horizon);
        let not_full = || own().filter(|case| !case.was_full);
        let mut plans: Vec<usize> = own().map(|case| case.plan).collect();
        plans.sort_unstable();
        plans.dedup();
        let decile = |at: usize| {
            let inside = |case: &&Case| decile_of(case.said) == at;
            let found = score(not_full().filter(inside))?;
            let from = at as f64 / DECILES as f64;
            Some(SaidDecile { from, cases: found.cases, said: found.said, came: found.base_rate })
        };
        (!plans.is_empty()).then(|| WithinScore {
            within_days,
            plans: plans.len(),
            not_full: score(not_full()),
            all: score(own()),
            deciles: (0..DECILES).filter_map(decile).collect(),
        })
    };
    HORIZONS_DAYS.into_iter().enumerate().filter_map(one).collect()
}

fn decile_of(said: f64) -> usize {
    ((said * DECILES as f64) as usize).min(DECILES - 1)
}

pub(super) fn by_plan(cases: &[Case], as_of: &[Timestamp]) -> Vec<OnePlan> {
    let mut own: BTreeMap<(usize, usize), Vec<Case>> = BTreeMap::new();
    for case in cases.iter().filter(|case| !case.was_full) {
        own.entry((case.plan, case.horizon)).or_default().push(*case);
    }
    let one = |((plan, horizon), cases): ((usize, usize), Vec<Case>)| {
        let (as_of, within_days) = (*as_of.get(plan)?, *HORIZONS_DAYS.get(horizon)?);
        Some(OnePlan { as_of, within_days, score: score(cases.iter())? })
    };
    own.into_iter().filter_map(one).collect()
}

pub(super) fn intervals(intervals: &[Interval]) -> DateIntervals {
    let count = |kind| intervals.iter().filter(|one| **one == kind).count();
    DateIntervals {
        held: count(Interval::Held),
        early: count(Interval::Early),
        late: count(Interval::Late),
        open: count(Interval::Open),
        unknown: count(Interval::Unknown),
    }
}
