//! One row of usage against its limit: every number of its line in the plan.

use std::collections::BTreeMap;

use super::exhaustion::{
    Exhaustion, ExhaustionOptions, Odds, Outcome as Exhausted, Outlook, Quantiles,
    time_to_exhaustion,
};
use super::idle::{self, IdleFacts};
use super::known::KnownHost;
use super::reduce::{self, DailyPeaks, LimitFacts};
use super::rightsizing::{DailyDemand, Recurrence};
use super::rows::{Backtest, Forecast, Outcome, PlanRow};
use super::series::RowSeries;
use super::steps::{StepDemand, WINDOW};
use super::study::{Study, Table};
use crate::kernel;
use crate::model::{Labels, Span, Timestamp};

/// A row that has been looked at alone; what depends on the other rows is still open.
#[derive(Debug, Clone)]
pub(super) struct Assessed {
    pub(super) table: Table,
    pub(super) row: PlanRow,
    /// What the over-provisioned rule holds against the limit.
    pub(super) need: Option<f64>,
    pub(super) idle: Option<IdleFacts>,
    /// What speaks for the line being reached, not weighed yet.
    pub(super) odds: Option<Odds>,
    /// The mean of the last seven days; NaN where there are no samples.
    pub(super) mean_week: f64,
    /// The daily peaks, where there are samples.
    pub(super) days: Option<DailyPeaks>,
    /// How much was asked for, where an objective of the study is of this row.
    pub(super) steps: Option<StepDemand>,
    /// The same, each step brought to the last day by the trend, should it stand.
    pub(super) grown_steps: Option<StepDemand>,
    /// Steps at which its use was given below 0, which are gaps.
    pub(super) below_zero: usize,
}

/// The study and the instant from which it is seen.
#[derive(Debug, Clone)]
pub(super) struct View {
    pub(super) study: Study,
    pub(super) as_of: Timestamp,
    /// Whether the days behind the plan are told, for charts.
    pub(super) with_history: bool,
    /// What is known of the hosts, by the labels of their rows.
    pub(super) hosts: BTreeMap<Labels, KnownHost>,
    /// What is used without a limit, in rows that have one: the row and the member.
    pub(super) unlimited: Vec<(Table, Labels, Labels)>,
}

impl View {
    /// Looks at one row.
    pub(super) fn assess(
        &self,
        table: Table,
        labels: Labels,
        usage: RowSeries<'_>,
        limit: Result<LimitFacts, String>,
    ) -> Assessed {
        let from = self.study.ignore_before.unwrap_or(Timestamp::MIN);
        let usage = usage.cut(from, self.as_of);
        let by_host = table.group.is_none();
        let rule = &self.study.idle;
        let idle = by_host
            .then(|| idle::measure(rule, table.resource, usage, limit.as_ref().ok(), self.as_of))
            .flatten();
        let line = limit.as_ref().ok().map(|limit| self.line(table, limit.value));
        let days = reduce::daily_peaks(usage, line);
        let is_asked = self.has_objective(table, &labels);
        let steps = is_asked.then(|| StepDemand::of(usage, self.as_of)).flatten();
        let grown = days.as_ref().filter(|_| is_asked);
        let grown_steps = grown.and_then(|days| self.grown_steps(usage, days));
        let (row, odds) = self.row(table, labels, usage, limit, days.as_ref());
        let need = by_host.then(|| self.need(usage)).flatten();
        let mean_week = reduce::mean(usage.cut(self.as_of.minus(Span::WEEK), self.as_of));
        let below_zero = 0;
        Assessed { table, row, need, idle, odds, mean_week, days, steps, grown_steps, below_zero }
    }

    /// The steps of the last weeks, each brought to the last day by the trend, if it stands.
    fn grown_steps(&self, usage: RowSeries<'_>, days: &DailyPeaks) -> Option<StepDemand> {
        let last = days.day(days.peaks.len().checked_sub(1)?);
        let options = self.options();
        let outlook = Outlook::new(&days.peaks, true, &options);
        let window = WINDOW.days() as usize;
        let before: Vec<f64> =
            (0..=window).map(|days| 1.0 / outlook.level_ratio(-(days as f64))).collect();
        StepDemand::scaled(usage, self.as_of, |at| {
            let days = last.since(at.floor(Span::DAY)).nanos() / Span::DAY.nanos();
            before[usize::try_from(days).unwrap_or(0).min(window)]
        })
    }

    /// Whether a row is a pool of which an objective of the study asks for this resource.
    fn has_objective(&self, table: Table, labels: &Labels) -> bool {
        let group = table.group.and_then(|group| self.study.groups.get(group));
        let mut of = self.study.slos.iter().filter(|slo| slo.resource == table.resource);
        group.is_some_and(|group| group.pool) && of.any(|slo| slo.pools.matches(labels))
    }

    /// Whether a row whose last sample is of then has gone.
    pub(super) fn is_stale(&self, last: Timestamp) -> bool {
        self.as_of.since(last) > idle::STALE
    }

    /// What counts as full.
    fn line(&self, table: Table, limit: f64) -> f64 {
        limit * (1.0 - self.study.resources[table.resource].safety_margin)
    }

    /// How the time to exhaustion of a row is found.
    pub(super) fn options(&self) -> ExhaustionOptions {
        ExhaustionOptions {
            horizon_days: self.study.horizon.days(),
            significance: self.study.false_discovery_rate,
            seed: self.study.seed,
            ..ExhaustionOptions::default()
        }
    }

    fn row(
        &self,
        table: Table,
        labels: Labels,
        usage: RowSeries<'_>,
        limit: Result<LimitFacts, String>,
        days: Option<&DailyPeaks>,
    ) -> (PlanRow, Option<Odds>) {
        let resource = &self.study.resources[table.resource];
        let known = limit.as_ref().ok();
        let line = known.map(|limit| self.line(table, limit.value));
        // A peak under another limit says little about this one; a week always counts.
        let week = self.as_of.minus(Span::WEEK);
        let change = known.and_then(|limit| limit.change);
        let since = change.map_or(Timestamp::MIN, |change| change.at.min(week));
        let mut row = PlanRow {
            labels,
            resource: resource.name.clone(),
            unit: resource.unit.clone(),
            used_now: reduce::used_now(usage),
            first_seen: usage.samples().next().map(|(at, _)| at),
            last_seen: usage.samples().next_back().map(|(at, _)| at),
            peak: reduce::peak(usage.cut(since, self.as_of)),
            peak_7_days: reduce::peak(usage.cut(week, self.as_of)),
            limit: known.map(|limit| limit.value),
            line,
            limit_change: change,
            outcome: Outcome::NoTrend,
            slope_per_day: None,
            p_value: None,
            trend_since: None,
            backtest: None,
            probabilities: None,
            days: days.map_or(0, DailyPeaks::known),
            gap_days: days.map_or(0, |days| days.peaks.len() - days.known()),
        };
        let missing = |what: String| Outcome::NotEnoughData { what };
        let mut odds = None;
        row.outcome = match (row.last_seen, limit, line, days) {
            (None, ..) | (_, _, _, None) => missing("no samples of the usage".to_owned()),
            (Some(last), ..) if self.is_stale(last) => {
                missing("no samples in the last day".to_owned())
            }
            (_, Err(why), ..) => missing(why),
            (_, Ok(_), Some(line), Some(days)) => self.forecast(&mut row, &mut odds, days, line),
            (_, Ok(_), None, _) => missing("no limit is known".to_owned()),
        };
        (row, odds)
    }

    /// The time to exhaustion, with the evidence written into the row.
    fn forecast(
        &self,
        row: &mut PlanRow,
        odds: &mut Option<Odds>,
        days: &DailyPeaks,
        line: f64,
    ) -> Outcome {
        let found = time_to_exhaustion(&days.peaks, line, &self.options());
        let Exhaustion { trend, outcome, backtest, .. } = found;
        *odds = found.odds;
        if let Some(trend) = trend {
            row.slope_per_day = Some(trend.slope_per_day);
            row.p_value = Some(trend.p_value).filter(|p| !p.is_nan());
            row.trend_since = Some(days.day(trend.regime_start_day));
        }
        row.backtest = backtest.map(|found| Backtest {
            origins: found.origins,
            mase: found.mase,
            coverage: found.coverage,
        });
        match outcome {
            Exhausted::NotEnoughData { what } => Outcome::NotEnoughData { what },
            Exhausted::Already { since_day } => Outcome::Already { since: days.day(since_day) },
            Exhausted::NoTrend => Outcome::NoTrend,
            Exhausted::Never => Outcome::Never,
            Exhausted::Within(quantiles) => {
                Outcome::Within(self.dates(&quantiles, days.day(days.peaks.len() - 1)))
            }
        }
    }

    /// Days from the last known day on, as dates. A fraction of a day is within that day; what was
    /// due before `as_of`, and did not show in the data, is due on its day.
    pub(super) fn dates(&self, quantiles: &Quantiles, last_day: Timestamp) -> Forecast {
        let (today, end) = (self.as_of.floor(Span::DAY), self.as_of.plus(self.study.horizon));
        let date = |days: Option<f64>| {
            let nanos = days.filter(|days| days.is_finite())?.max(0.0) * Span::DAY.nanos() as f64;
            let day = last_day.plus(Span::from_nanos(nanos as i64)).floor(Span::DAY).max(today);
            Some(day).filter(|day| *day <= end)
        };
        let p10 = date(quantiles.p10_days);
        Forecast {
            p10,
            p50: date(quantiles.p50_days),
            p90: date(quantiles.p90_days),
            order_by: p10.map(|day| day.minus(self.study.lead_time).floor(Span::DAY)),
            within_7_days: quantiles.within_7,
            within_30_days: quantiles.within_30,
            within_90_days: quantiles.within_90,
            never: quantiles.never,
        }
    }

    /// What a row needs: a quantile of its steps, but no less than the daily peak that is to be
    /// expected again, which may take less of the time than any quantile sees.
    fn need(&self, usage: RowSeries<'_>) -> Option<f64> {
        let rule = &self.study.overprovisioned;
        let from = rule.window.map_or(Timestamp::MIN, |window| self.as_of.minus(window));
        let usage = usage.cut(from, self.as_of);
        let mut steps: Vec<f64> = usage.samples().map(|(_, value)| value).collect();
        let quantile = kernel::quantile(&mut steps, rule.quantile);
        Some(quantile.max(expected_peak(usage)?)).filter(|need| !need.is_nan())
    }
}

/// The highest daily peak that is still to be expected again; `None` without data.
fn expected_peak(usage: RowSeries<'_>) -> Option<f64> {
    let seen = reduce::seen_days(usage)?;
    let mut demand = DailyDemand::default();
    demand.add((0..).zip(&seen.days).map(|(at, day)| (seen.day(at), day.peak)));
    demand.level(1.0, &Recurrence::default()).map(|level| level.amount)
}
