//! The days behind a plan: what a chart draws and a table does not say. Bounded in size, however
//! large the fleet is.

use std::collections::BTreeMap;

use super::assess::{Assessed, View};
use super::exhaustion::score::{ExhaustionScore, ScoreOptions, score_exhaustion};
use super::exhaustion::{Fan, PeakSeries, fan};
use super::reduce::DailyPeaks;
use super::rows::{Outcome, PlanRow, TablePlan};
use crate::model::{Labels, Span, Timestamp};

/// Rows with a history: as many as a page shows well.
const ROWS_MAX: usize = 12;
/// Of these, rows that are full already, as long as others have a date.
const FULL_ROWS_MAX: usize = 4;
/// Days of the past of one row.
const PAST_DAYS_MAX: usize = 184;
/// Days ahead of one row.
const AHEAD_DAYS_MAX: f64 = 184.0;
/// Hosts of the map of headroom.
const HOSTS_MAX: usize = 200;
/// Days of the map: a quarter.
const MAP_DAYS_MAX: usize = 92;
/// Series on which probabilities are scored, spread over the fleet.
const SCORED_SERIES_MAX: usize = 400;
/// Days from one scored origin to the next. Not a multiple of a week, so that all weekdays count.
const SCORED_STEP_DAYS: usize = 5;

/// The days behind a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    /// The worst rows by host, at most 12: those with a date, and some that are full already. In
    /// the order of the plan.
    pub rows: Vec<RowHistory>,
    /// The headroom of hosts, day by day.
    pub headroom: HeadroomMap,
    /// What the probabilities of being full were worth on the fleet's own past, on at most 400 of
    /// its rows.
    pub score: ExhaustionScore,
}

/// The past of one row, what was forecast of it, and what is ahead.
#[derive(Debug, Clone, PartialEq)]
pub struct RowHistory {
    /// Which row of the plan's hosts.
    pub row: usize,
    /// The first day of the peaks.
    pub first_day: Timestamp,
    /// The daily peaks, at most of the last 184 days; NaN where one is not known.
    pub peaks: Vec<f64>,
    /// What follows the last of them, at most 184 days, and what was forecast before.
    pub fan: Fan,
}

/// Headroom by host and day.
#[derive(Debug, Clone, PartialEq)]
pub struct HeadroomMap {
    /// The first day.
    pub first_day: Timestamp,
    /// How many days: 92 at most, up to the last known one.
    pub days: usize,
    /// Hosts with a limit: the first 200 in the order of the plan.
    pub hosts: Vec<HostDays>,
    /// How many hosts with a limit there are.
    pub of: usize,
}

/// The headroom of one host, day by day.
#[derive(Debug, Clone, PartialEq)]
pub struct HostDays {
    /// The labels that name it.
    pub labels: Labels,
    /// Of its resources the least headroom of each day, as a share of today's limit; NaN where no
    /// peak is known.
    pub shares: Vec<f64>,
}

/// The daily peaks of every row by host.
pub(super) struct Days(BTreeMap<(Labels, String), DailyPeaks>);

impl Days {
    /// Takes them from the rows.
    pub(super) fn of(rows: &mut [Assessed]) -> Self {
        let by_host = rows.iter_mut().filter(|assessed| assessed.table.group.is_none());
        let taken = by_host.filter_map(|assessed| {
            let days = assessed.days.take()?;
            Some(((assessed.row.labels.clone(), assessed.row.resource.clone()), days))
        });
        Self(taken.collect())
    }

    /// The history of the rows by host.
    pub(super) fn history(&self, view: &View, hosts: &TablePlan) -> History {
        let rows = shown(&hosts.rows).into_iter();
        History {
            rows: rows.filter_map(|row| self.row(view, row, &hosts.rows[row])).collect(),
            headroom: self.map(view, &hosts.rows),
            score: self.score(view, &hosts.rows),
        }
    }

    fn get(&self, row: &PlanRow) -> Option<&DailyPeaks> {
        self.0.get(&(row.labels.clone(), row.resource.clone()))
    }

    fn row(&self, view: &View, row: usize, of: &PlanRow) -> Option<RowHistory> {
        let days = self.get(of)?;
        let ahead = view.study.horizon.days().min(AHEAD_DAYS_MAX) as usize;
        let mut fan = fan(&days.peaks, ahead, &view.options());
        let skipped = days.peaks.len().saturating_sub(PAST_DAYS_MAX);
        fan.past.retain(|past| past.origin >= skipped);
        fan.past.iter_mut().for_each(|past| past.origin -= skipped);
        let peaks = days.peaks.get(skipped..).unwrap_or(&[]).to_vec();
        Some(RowHistory { row, first_day: days.day(skipped), peaks, fan })
    }

    fn map(&self, view: &View, rows: &[PlanRow]) -> HeadroomMap {
        let limited = || rows.iter().filter(|row| row.line.is_some());
        let days = limited().filter_map(|row| self.get(row));
        let last = days.clone().map(|days| days.day(days.peaks.len())).max();
        let first = days.map(|days| days.first_day).min();
        let end = last.unwrap_or(view.as_of.floor(Span::DAY));
        let first_day = first.unwrap_or(end).max(end.minus(Span::from_days(MAP_DAYS_MAX as i64)));
        let days = day_index(first_day, end);
        let mut hosts: Vec<HostDays> = Vec::new();
        let mut places: BTreeMap<&Labels, usize> = BTreeMap::new();
        for row in limited() {
            let place = *places.entry(&row.labels).or_insert_with(|| {
                hosts.push(HostDays { labels: row.labels.clone(), shares: vec![f64::NAN; days] });
                hosts.len() - 1
            });
            self.lower(row, first_day, &mut hosts[place].shares);
        }
        let of = hosts.len();
        hosts.truncate(HOSTS_MAX);
        HeadroomMap { first_day, days, hosts, of }
    }

    /// Lowers a host's headroom to that of one of its rows.
    fn lower(&self, row: &PlanRow, first_day: Timestamp, shares: &mut [f64]) {
        let (Some(days), Some(line), Some(limit)) = (self.get(row), row.line, row.limit) else {
            return;
        };
        let skipped = day_index(days.first_day, first_day);
        let later = day_index(first_day, days.first_day);
        let peaks = days.peaks.iter().skip(skipped);
        for (share, peak) in shares.iter_mut().skip(later).zip(peaks) {
            // The lesser of both; a NaN gives way.
            *share = share.min((line - peak) / limit);
        }
    }

    fn score(&self, view: &View, rows: &[PlanRow]) -> ExhaustionScore {
        let first = self.0.values().map(|days| days.first_day).min().unwrap_or(view.as_of);
        let judged: Vec<(&PlanRow, &DailyPeaks)> =
            rows.iter().filter_map(|row| Some((row, self.get(row)?))).collect();
        let stride = judged.len().div_ceil(SCORED_SERIES_MAX).max(1);
        let series = judged.into_iter().step_by(stride).map(|(row, days)| {
            let mut peaks = vec![f64::NAN; day_index(first, days.first_day)];
            peaks.extend(&days.peaks);
            PeakSeries { host: format!("{:?}", row.labels), peaks }
        });
        let options = ScoreOptions {
            origin_step: SCORED_STEP_DAYS,
            method: view.options(),
            ..ScoreOptions::default()
        };
        score_exhaustion(&series.collect::<Vec<_>>(), &options)
    }
}

/// Whole days from one day to a later one; 0 where it is earlier.
fn day_index(from: Timestamp, to: Timestamp) -> usize {
    to.since(from).whole(Span::DAY) as usize
}

/// The rows to be shown: rows with a date, and rows that are full already, of which no more than a
/// third while there are enough with a date.
fn shown(rows: &[PlanRow]) -> Vec<usize> {
    let of = |wanted: fn(&Outcome) -> bool| -> Vec<usize> {
        (0..rows.len()).filter(|row| wanted(&rows[*row].outcome)).collect()
    };
    let mut full = of(|outcome| matches!(outcome, Outcome::Already { .. }));
    let mut dated =
        of(|outcome| matches!(outcome, Outcome::Within(forecast) if forecast.p10.is_some()));
    full.truncate(FULL_ROWS_MAX.max(ROWS_MAX.saturating_sub(dated.len())));
    dated.truncate(ROWS_MAX.saturating_sub(full.len()));
    full.append(&mut dated);
    full.sort_unstable();
    full
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    fn history() -> (super::super::Plan, History) {
        let plan = testing::plan_with_history();
        let history = plan.history.clone().unwrap();
        (plan, history)
    }

    #[test]
    fn the_worst_rows_bring_their_days() {
        let (plan, history) = history();
        let rows = &plan.hosts.rows;
        assert!((2..=ROWS_MAX).contains(&history.rows.len()));
        for past in &history.rows {
            let row = &rows[past.row];
            let of_row = past.peaks.iter().filter(|peak| peak.is_finite()).count();
            assert_eq!(of_row, row.days, "{:?}", row.labels);
            let highest = past.peaks.iter().copied().fold(f64::NAN, f64::max);
            assert_eq!(Some(highest), row.peak.map(|peak| peak.value));
            let dated = matches!(row.outcome, Outcome::Within(_));
            assert!(!dated || past.fan.ahead.len() == 90, "{:?}", row.labels);
        }
        let names: Vec<_> =
            history.rows.iter().map(|past| rows[past.row].labels.get("host").unwrap()).collect();
        assert!(names.contains(&"db-01") && names.contains(&"db-02"), "{names:?}");
        assert!(testing::plan(7, |_| ()).history.is_none());
    }

    #[test]
    fn a_host_has_the_headroom_of_its_tightest_resource() {
        let (plan, history) = history();
        let map = &history.headroom;
        assert_eq!((map.days, map.first_day), (testing::DAYS, testing::start()));
        assert_eq!((map.hosts.len(), map.of), (30, 30));
        for host in &map.hosts {
            let least = host.shares.iter().copied().fold(f64::NAN, f64::min);
            let rows = plan.hosts.rows.iter().filter(|row| row.labels == host.labels);
            let of_rows = rows.filter_map(PlanRow::headroom_share).fold(f64::NAN, f64::min);
            assert!((least - of_rows).abs() < 1e-12, "{:?}: {least} {of_rows}", host.labels);
        }
        let days = |name: &str| {
            let host = map.hosts.iter().find(|host| host.labels.get("host") == Some(name));
            host.unwrap().shares.iter().map(|share| share.is_finite()).collect::<Vec<_>>()
        };
        // One came five days before the end, one went after 40 days.
        assert_eq!(days("new-01").iter().position(|known| *known), Some(testing::DAYS - 5));
        assert_eq!(days("gone-01").iter().rposition(|known| *known), Some(39));
    }

    #[test]
    fn what_is_full_leaves_room_for_what_has_a_date() {
        let (plan, _) = history();
        let with = |outcomes: [usize; 2]| {
            let dated = plan.hosts.rows.iter().find(
                |row| matches!(&row.outcome, Outcome::Within(forecast) if forecast.p10.is_some()),
            );
            let full = plan.hosts.rows.iter().find(|row| row.outcome.word() == "already");
            let mut rows = vec![full.unwrap().clone(); outcomes[0]];
            rows.extend(vec![dated.unwrap().clone(); outcomes[1]]);
            shown(&rows)
        };
        let rows = |full: usize, dated: std::ops::Range<usize>| -> Vec<usize> {
            (0..full).chain(dated).collect()
        };
        assert_eq!(with([40, 40]), rows(4, 40..48));
        assert_eq!(with([40, 2]), rows(10, 40..42));
        assert_eq!(with([1, 40]), rows(1, 1..12));
        assert!(with([0, 0]).is_empty());
    }

    #[test]
    fn probabilities_are_scored_on_the_rows_own_past() {
        let (_, history) = history();
        let week = &history.score.horizons[0];
        assert_eq!(week.horizon_days, 7);
        assert!(week.all.as_ref().is_some_and(|score| score.cases > 1_000));
    }
}
