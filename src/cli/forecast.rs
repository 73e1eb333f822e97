//! The command that looks ahead: `forecast`.

use std::collections::BTreeMap;

use super::Outcome;
use super::args::{ForecastArgs, OutputFormat};
use super::breaks::{Breaks, counts_from, reason};
use super::doubts::{Doubts, Pools, kept_max};
use super::output::{Stop, note, to_stdout};
use super::reader;
use super::sums::Sums;
use crate::error::Error;
use crate::forecast::{ForecastOptions, Forecaster, Outlook, Rehearsed};
use crate::model::{Frame, Labels, Timestamp};
use crate::query::Query;
use crate::report::{CountsFrom, SeriesForecast, forecasts_csv, forecasts_json, forecasts_text};
use crate::store::Snapshot;

/// Prints the forecast of each selected series.
pub(super) fn forecast(args: &ForecastArgs) -> Result<Outcome, Stop> {
    let horizon = args.horizon.nanos().checked_div(args.step.nanos()).unwrap_or(0);
    if horizon == 0 {
        let (horizon, step) = (args.horizon, args.step);
        let what = format!("a horizon of {horizon} has no step of {step}; take a longer one");
        return Err(Error::invalid(what).into());
    }
    let options = ForecastOptions {
        horizon: horizon as usize,
        coverage: args.coverage,
        ..ForecastOptions::default()
    };
    let store = reader::open(&args.store)?;
    let snapshot = store.snapshot()?;
    let mut query = Query::new(args.selector.clone()).aggregate(args.agg).step(args.step);
    if let Some(start) = args.from {
        query = query.from(start);
    }
    if let Some(end) = args.to {
        query = query.to(end);
    }
    let forecaster = Forecaster::new(args.step, options)?;
    let breaks = Breaks::read(&args.breaks, args.step)?;
    let finish = |doubts: &Doubts, one: SeriesOutlook| {
        let SeriesOutlook { labels, start, counts_from, outlook } = one;
        SeriesForecast {
            unit: snapshot.unit(labels.metric()),
            start,
            step: args.step,
            counts_from,
            forecast: outlook.and_then(|outlook| {
                let doubt = doubts.of(labels.metric()).ok_or("no series was back-tested")?;
                Ok(outlook.forecast(doubt))
            }),
            labels,
        }
    };
    let nothing = || {
        let what = format!("no series of {} has samples in this range", args.selector);
        Stop::from(Error::not_enough_data(what))
    };
    let kept_max = kept_max(0, horizon as usize);
    let whole = WholeUntil::of(&snapshot, args.to);
    if args.total || !args.sum_by.is_empty() {
        let mut sums = Sums::new(&forecaster, &breaks, &args.sum_by, whole, kept_max);
        query.run(&snapshot)?.try_for_each(|frame| sums.add(&frame?))?;
        let (doubts, all) = sums.finish()?;
        if all.is_empty() {
            return Err(nothing());
        }
        return print(args.format, all.into_iter().map(|one| Ok(finish(&doubts, one))));
    }
    let mut fleet = Fleet::new(forecaster, &breaks, whole, kept_max);
    let doubts = fleet.pool(query.run(&snapshot)?)?;
    breaks.tell(fleet.cut);
    if fleet.is_whole && fleet.kept.is_empty() {
        return Err(nothing());
    }
    let outlooks = fleet.outlooks(|| query.run(&snapshot))?;
    print(args.format, outlooks.map(|one| Ok(finish(&doubts, one?))))
}

fn print(
    format: OutputFormat,
    forecasts: impl Iterator<Item = Result<SeriesForecast, Error>>,
) -> Result<Outcome, Stop> {
    to_stdout(|out| match format {
        OutputFormat::Table => forecasts_text(forecasts, out),
        OutputFormat::Csv => {
            // A table of numbers has no room for reasons.
            let mut without: BTreeMap<String, usize> = BTreeMap::new();
            let counted = forecasts.inspect(|one| {
                if let Ok(SeriesForecast { forecast: Err(why), .. }) = one {
                    *without.entry(why.clone()).or_default() += 1;
                }
            });
            forecasts_csv(counted, out)?;
            for (why, count) in without {
                note(&format!("{count} series without a forecast: {why}"));
            }
            Ok(())
        }
        OutputFormat::Json => forecasts_json(forecasts, out),
    })?;
    Ok(Outcome::Done)
}

/// Up to when steps are whole: none is that `--to` cuts, or in which the newest sample lies, since
/// it has only begun and would look like a fall of sums and counts.
#[derive(Debug, Clone, Copy)]
pub(super) struct WholeUntil(pub(super) Timestamp);

impl WholeUntil {
    fn of(snapshot: &Snapshot, to: Option<Timestamp>) -> Self {
        let past = snapshot.range().map_or(Timestamp::MAX, |range| range.end);
        let newest = Timestamp::from_nanos(past.nanos().saturating_sub(1));
        Self(to.map_or(newest, |to| to.min(newest)))
    }

    /// How many steps of a frame are whole, from its first on.
    pub(super) fn steps(self, frame: &Frame) -> usize {
        (0..=frame.steps()).rev().find(|step| frame.time(*step) <= self.0).unwrap_or(0)
    }
}

/// A series, and what is known of it before errors are pooled.
#[derive(Debug, Clone)]
pub(super) struct SeriesOutlook {
    pub(super) labels: Labels,
    /// The start of its forecast.
    pub(super) start: Timestamp,
    /// The event that cut its past.
    pub(super) counts_from: Option<CountsFrom>,
    pub(super) outlook: Result<Outlook, String>,
}

/// A fleet that is forecast in bounded memory, however many series it has.
struct Fleet<'a> {
    forecaster: Forecaster,
    breaks: &'a Breaks,
    whole: WholeUntil,
    kept_max: usize,
    /// Outlooks of the first frames.
    kept: Vec<SeriesOutlook>,
    kept_frames: usize,
    /// Whether those of all frames are kept.
    is_whole: bool,
    /// Series of which a part of the past does not count.
    cut: usize,
}

impl<'a> Fleet<'a> {
    fn new(forecaster: Forecaster, breaks: &'a Breaks, whole: WholeUntil, kept_max: usize) -> Self {
        let (kept, kept_frames) = (Vec::new(), 0);
        Self { forecaster, breaks, whole, kept_max, kept, kept_frames, is_whole: true, cut: 0 }
    }

    /// The first pass: the errors of all series.
    fn pool(
        &mut self,
        frames: impl Iterator<Item = Result<Frame, Error>>,
    ) -> Result<Doubts, Error> {
        let mut pools = Pools::default();
        for frame in frames {
            let pooled = |metric: &str, one| pools.add(metric, one);
            let frame = frame?;
            let whole = self.whole.steps(&frame);
            let (outlooks, cut) = rehearsed(&frame, whole, &self.forecaster, self.breaks, pooled);
            self.cut += cut;
            self.is_whole &= self.kept.len() + outlooks.len() <= self.kept_max;
            if self.is_whole {
                // Copied, so that what is kept lies together and not between what the threads that
                // made it will free: the allocator could give nothing of that back.
                self.kept.extend(outlooks.iter().cloned());
                self.kept_frames += 1;
            }
        }
        Ok(pools.finish())
    }

    /// The second pass: what was kept, and of the same frames again the rest.
    fn outlooks<I: Iterator<Item = Result<Frame, Error>>>(
        mut self,
        frames: impl FnOnce() -> Result<I, Error>,
    ) -> Result<impl Iterator<Item = Result<SeriesOutlook, Error>>, Error> {
        let kept = std::mem::take(&mut self.kept).into_iter().map(Ok);
        let frames = if self.is_whole { None } else { Some(frames()?) };
        let rest = frames.into_iter().flatten().skip(self.kept_frames);
        Ok(kept.chain(rest.flat_map(move |frame| {
            let again = |frame| {
                let left = |_: &str, one: Rehearsed| one.into_outlook();
                let whole = self.whole.steps(&frame);
                rehearsed(&frame, whole, &self.forecaster, self.breaks, left).0
            };
            match frame.map(again) {
                Ok(outlooks) => outlooks.into_iter().map(Ok).collect(),
                Err(why) => vec![Err(why)],
            }
        })))
    }
}

/// The outlooks of a frame's series after its first `whole` steps, and of how many a part of the
/// past does not count; `without_errors` takes the errors of a metric's series away.
pub(super) fn rehearsed(
    frame: &Frame,
    whole: usize,
    forecaster: &Forecaster,
    breaks: &Breaks,
    mut without_errors: impl FnMut(&str, Rehearsed) -> Outlook,
) -> (Vec<SeriesOutlook>, usize) {
    let counted = |row: usize| {
        let values = frame.row(row).get(..whole).unwrap_or(&[]);
        breaks.cut(frame.labels(row), frame.start(), values)
    };
    let (rows, events): (Vec<&[f64]>, Vec<_>) = (0..frame.len()).map(counted).unzip();
    let outlook = |(row, one): (usize, Result<Rehearsed, Error>)| {
        let labels = frame.labels(row).clone();
        let outlook = one
            .map_err(|why| reason(&why, events[row]))
            .map(|one| without_errors(labels.metric(), one));
        let counts_from = events[row].map(counts_from);
        SeriesOutlook { labels, start: frame.time(whole), counts_from, outlook }
    };
    let outlooks = forecaster.rehearse(&rows).into_iter().enumerate().map(outlook).collect();
    (outlooks, events.iter().flatten().count())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::Tier;
    use crate::model::Span;

    /// Three frames of two series each.
    fn frames() -> impl Iterator<Item = Result<Frame, Error>> {
        let frame = |at: usize| {
            let value = |row: usize, step: usize| {
                (20 * (at + row) + 10 * (step % 24 / 8) + step * step % 11) as f64
            };
            let name = |row: usize| format!("h{at}{row}");
            let labels = (0..2).map(|row| Labels::new("cpu", [("host", &*name(row))])).collect();
            let values = (0..2).flat_map(|row| (0..200).map(move |step| value(row, step)));
            let labels: Result<Vec<Labels>, Error> = labels;
            let start = Timestamp::from_seconds(0);
            Frame::new(start, Span::HOUR, 200, labels?, values.collect())
        };
        (0..3).map(frame)
    }

    #[test]
    fn a_step_is_whole_where_time_has_passed_its_end() {
        // Steps of an hour from the epoch on; the frames have 200.
        let frame = frames().next().unwrap().unwrap();
        let whole = |seconds: i64| WholeUntil(Timestamp::from_seconds(seconds)).steps(&frame);
        assert_eq!([-1, 0, 3_599, 3_600, 3_601].map(whole), [0, 0, 0, 1, 1]);
        assert_eq!([200 * 3_600 - 1, 200 * 3_600, 1 << 30].map(whole), [199, 200, 200]);
    }

    #[test]
    fn a_fleet_that_is_not_kept_is_forecast_alike() {
        let options = ForecastOptions { horizon: 12, tier: Tier::Light, ..Default::default() };
        let forecaster = Forecaster::new(Span::HOUR, options).unwrap();
        // The last of them moved after 100 hours of 199.
        let breaks = Breaks::of("time,name,host\n360000,move,h21\n");
        let forecasts = |kept_max: usize| -> Vec<_> {
            let whole = WholeUntil(Timestamp::from_seconds(199 * 3_600 + 1));
            let mut fleet = Fleet::new(forecaster.clone(), &breaks, whole, kept_max);
            let doubts = fleet.pool(frames()).unwrap();
            let kept = fleet.kept.len();
            assert_eq!((kept, fleet.cut), (kept_max.min(6) / 2 * 2, 1));
            let finish = |one: Result<SeriesOutlook, Error>| {
                let SeriesOutlook { labels, start, counts_from, outlook } = one.unwrap();
                assert_eq!(counts_from.is_some(), labels.get("host") == Some("h21"));
                let forecast = outlook.unwrap().forecast(doubts.of("cpu").unwrap());
                (labels.to_string(), start, forecast.lower, forecast.point, forecast.upper)
            };
            fleet.outlooks(|| Ok(frames())).unwrap().map(finish).collect()
        };
        let all_kept = forecasts(100);
        assert_eq!(all_kept.len(), 6);
        for kept_max in [0, 1, 3, 5] {
            assert_eq!(forecasts(kept_max), all_kept, "{kept_max}");
        }
    }
}
