//! The command that looks ahead: `forecast`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::Outcome;
use super::args::OutputFormat;
use super::breaks::{Breaks, EventArgs, counts_from, reason};
use super::doubts::{Doubts, Pools, kept_max};
use super::output::{Stop, note, to_stdout};
use super::reader;
use super::steps::ranged;
use super::sums::Sums;
use super::taught::Forecasters;
use crate::capacity::events::Event;
use crate::error::Error;
use crate::forecast::{ForecastOptions, Forecaster, Outlook, Rehearsed, is_alive};
use crate::model::{Frame, Labels, Selector, Span, Timestamp};
use crate::query::{Aggregate, Query};
use crate::report::{CountsFrom, SeriesForecast, forecasts_csv, forecasts_json, forecasts_text};
use crate::store::Snapshot;

/// Reasons that are told beside a table that has no room for them.
const REASONS_MAX: usize = 20;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    plimsoll forecast --store s cpu_usage_mhz --step 5m --horizon 4h\n  \
    plimsoll forecast --store s memory_used_gb --sum-by zone\n  \
    plimsoll forecast --store s cpu_usage_mhz --events events.csv\n  \
    plimsoll forecast --store s cpu_usage_mhz --step 5m --horizon 4h --global\n\
    An events file is CSV: time,name,kind,service,host, as docs/method/forecast.md says.")]
pub(super) struct ForecastArgs {
    /// The store's folder.
    #[arg(long, value_name = "DIR")]
    store: PathBuf,
    /// Which series.
    selector: Selector,
    /// How far to look ahead.
    #[arg(long, value_name = "SPAN", default_value = "7d")]
    horizon: Span,
    /// The step of history and forecast.
    #[arg(long, value_name = "SPAN", default_value = "1h")]
    step: Span,
    /// How the samples of a step become one value.
    #[arg(long, value_name = "HOW", default_value = "mean")]
    agg: Aggregate,
    /// The share of values that should fall inside the interval.
    #[arg(long, value_name = "SHARE", default_value_t = 0.8)]
    coverage: f64,
    /// Forecast the total of each metric as well; it is the sum of its series' forecasts.
    #[arg(long)]
    total: bool,
    /// Forecast the total and the groups of these labels as well, each inside the one before: all
    /// add up.
    #[arg(long, value_name = "LABEL,...", value_delimiter = ',')]
    sum_by: Vec<String>,
    /// Only history at or after this time.
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// Only history before this time.
    #[arg(long, value_name = "TIME")]
    to: Option<Timestamp>,
    #[command(flatten)]
    breaks: EventArgs,
    /// Let a model that learns from all selected series of a metric add to the forecast of each:
    /// more accurate, and slower.
    #[arg(long)]
    global: bool,
    /// How to write the result.
    #[arg(long, value_enum, default_value = "table")]
    format: OutputFormat,
}

/// Prints the forecast of each selected series.
pub(super) fn forecast(args: &ForecastArgs) -> Result<Outcome, Stop> {
    let horizon = whole_steps(args.horizon, args.step);
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
    let query = Query::new(args.selector.clone()).aggregate(args.agg).step(args.step);
    let query = ranged(query, args.from, args.to);
    let mut forecasters = Forecasters::from(Forecaster::new(args.step, options)?);
    let breaks = Breaks::read(&args.breaks, args.step)?;
    let finish = |doubts: &Doubts, one: SeriesOutlook| {
        let SeriesOutlook { labels, start, counts_from, outlook } = one;
        SeriesForecast {
            unit: args.agg.unit(snapshot.unit(labels.metric())),
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
    if args.global {
        let horizon = horizon as usize;
        forecasters.teach(|lessons| {
            query.run(&snapshot)?.try_for_each(|frame| {
                let frame = frame?;
                let rows = Rows::of(&frame, whole.steps(&frame), &breaks, horizon);
                lessons.add(&rows.metrics, &rows.alive);
                Ok(())
            })
        })?;
    }
    if args.total || !args.sum_by.is_empty() {
        let mut sums = Sums::new(&forecasters, &breaks, &args.sum_by, whole, kept_max);
        query.run(&snapshot)?.try_for_each(|frame| sums.add(&frame?))?;
        let (doubts, all) = sums.finish()?;
        if all.is_empty() {
            return Err(nothing());
        }
        return print(args.format, all.into_iter().map(|one| Ok(finish(&doubts, one))));
    }
    let mut fleet = Fleet::new(forecasters, &breaks, whole, kept_max);
    let doubts = fleet.pool(query.run(&snapshot)?)?;
    breaks.tell(fleet.cut);
    if fleet.is_whole && fleet.kept.is_empty() {
        return Err(nothing());
    }
    let outlooks = fleet.outlooks(|| query.run(&snapshot))?;
    print(args.format, outlooks.map(|one| Ok(finish(&doubts, one?))))
}

/// The steps of a horizon; where they come to less than it, that is said.
pub(super) fn whole_steps(horizon: Span, step: Span) -> u64 {
    let steps = horizon.whole(step);
    let forecast = step.times(steps as usize);
    if steps > 0 && forecast < horizon {
        note(&format!(
            "a horizon of {horizon} is no whole number of steps of {step}: {forecast} of it is \
             forecast"
        ));
    }
    steps
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
            for (why, count) in without.iter().take(REASONS_MAX) {
                note(&format!("{count} series without a forecast: {why}"));
            }
            let rest: usize = without.values().skip(REASONS_MAX).sum();
            if rest > 0 {
                note(&format!("{rest} more without a forecast; --format json says why"));
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
    pub(super) fn of(snapshot: &Snapshot, to: Option<Timestamp>) -> Self {
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
    forecasters: Forecasters,
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
    fn new(
        forecasters: Forecasters,
        breaks: &'a Breaks,
        whole: WholeUntil,
        kept_max: usize,
    ) -> Self {
        let (kept, kept_frames) = (Vec::new(), 0);
        Self { forecasters, breaks, whole, kept_max, kept, kept_frames, is_whole: true, cut: 0 }
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
            let (outlooks, cut) = rehearsed(&frame, whole, &self.forecasters, self.breaks, pooled);
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
                rehearsed(&frame, whole, &self.forecasters, self.breaks, left).0
            };
            match frame.map(again) {
                Ok(outlooks) => outlooks.into_iter().map(Ok).collect(),
                Err(why) => vec![Err(why)],
            }
        })))
    }
}

/// The rows of a frame after its first steps, each from where its past counts.
struct Rows<'a> {
    /// Of each row, why it has no future.
    gone: Vec<Option<String>>,
    /// Of each row, the event that cut its past.
    events: Vec<Option<&'a Event>>,
    /// What has a future, and its metrics.
    alive: Vec<&'a [f64]>,
    metrics: Vec<&'a str>,
}

impl<'a> Rows<'a> {
    fn of(frame: &'a Frame, whole: usize, breaks: &'a Breaks, horizon: usize) -> Self {
        let gone: Vec<Option<String>> = (0..frame.len())
            .map(|row| gone_since(frame, frame.row(row).get(..whole)?, horizon))
            .collect();
        let counted = |row: usize| {
            let values = frame.row(row).get(..whole).unwrap_or(&[]);
            breaks.cut(frame.labels(row), frame.start(), values)
        };
        let (rows, events): (Vec<&[f64]>, Vec<_>) = (0..frame.len()).map(counted).unzip();
        let alive = || (0..frame.len()).filter(|row| gone[*row].is_none());
        let metrics = alive().map(|row| frame.labels(row).metric()).collect();
        let alive = alive().map(|row| rows[row]).collect();
        Self { gone, events, alive, metrics }
    }
}

/// The outlooks of a frame's series after its first `whole` steps, and of how many a part of the
/// past does not count; `without_errors` takes the errors of a metric's series away. What is gone
/// has no outlook, and no part in the errors that widen the others'.
pub(super) fn rehearsed(
    frame: &Frame,
    whole: usize,
    forecasters: &Forecasters,
    breaks: &Breaks,
    mut without_errors: impl FnMut(&str, Rehearsed) -> Outlook,
) -> (Vec<SeriesOutlook>, usize) {
    let Rows { gone, events, alive, metrics } =
        Rows::of(frame, whole, breaks, forecasters.options().horizon);
    let mut made = forecasters.rehearse(&metrics, &alive).into_iter();
    let outlook = |(row, gone): (usize, Option<String>)| {
        let labels = frame.labels(row).clone();
        let outlook = match gone {
            Some(why) => Err(why),
            None => made
                .next()
                .unwrap_or_else(|| Err(Error::not_enough_data("no model fits")))
                .map_err(|why| reason(&why, events[row]))
                .map(|one| without_errors(labels.metric(), one)),
        };
        let counts_from = events[row].map(counts_from);
        SeriesOutlook { labels, start: frame.time(whole), counts_from, outlook }
    };
    let outlooks = gone.into_iter().enumerate().map(outlook).collect();
    (outlooks, events.iter().flatten().count())
}

/// Why a series whose last value is more than a horizon old is not forecast: what has ended has no
/// future. One that never had a value is left to what a forecast takes.
fn gone_since(frame: &Frame, values: &[f64], horizon: usize) -> Option<String> {
    let last = values.iter().rposition(|value| value.is_finite())?;
    let since = frame.time(last + 1);
    let why = || format!("no sample since {since}, which is longer ago than the horizon");
    (!is_alive(values, horizon)).then(why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::Tier;

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
        let forecasters = Forecasters::from(Forecaster::new(Span::HOUR, options).unwrap());
        // The last of them moved after 100 hours of 199.
        let breaks = Breaks::of("time,name,host\n360000,move,h21\n");
        let forecasts = |kept_max: usize| -> Vec<_> {
            let whole = WholeUntil(Timestamp::from_seconds(199 * 3_600 + 1));
            let mut fleet = Fleet::new(forecasters.clone(), &breaks, whole, kept_max);
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

    #[test]
    fn what_has_ended_is_not_forecast_and_widens_nobody() {
        let options = ForecastOptions { horizon: 12, tier: Tier::Light, ..Default::default() };
        let forecasters = Forecasters::from(Forecaster::new(Span::HOUR, options).unwrap());
        let value = |step: usize| (10 * (step % 24 / 8) + step * step % 11) as f64;
        let frame = |known: &[usize]| {
            let labels = |at: &usize| Labels::new("cpu", [("host", format!("h{at}"))]).unwrap();
            let row = |known: usize| {
                (0..200).map(move |step| if step < known { value(step) } else { f64::NAN })
            };
            let values = known.iter().flat_map(|known| row(*known)).collect();
            let start = Timestamp::from_seconds(0);
            Frame::new(start, Span::HOUR, 200, known.iter().map(labels).collect(), values).unwrap()
        };
        let breaks = Breaks::of("time,name\n");
        let forecasts = |known: &[usize]| -> Vec<_> {
            let mut pools = Pools::default();
            let pooled = |metric: &str, one| pools.add(metric, one);
            let (found, _) = rehearsed(&frame(known), 200, &forecasters, &breaks, pooled);
            let doubts = pools.finish();
            let finish = |one: SeriesOutlook| {
                one.outlook.map(|outlook| {
                    let forecast = outlook.forecast(doubts.of("cpu").unwrap());
                    (forecast.lower, forecast.point, forecast.upper)
                })
            };
            found.into_iter().map(finish).collect()
        };
        // The last value of the second one is a horizon old, those of the others are older.
        let found = forecasts(&[200, 188, 187, 60, 0]);
        assert_eq!(found[..2], forecasts(&[200, 188]));
        let why = "no sample since 1970-01-08T19:00:00Z, which is longer ago than the horizon";
        assert_eq!(found[2], Err(why.to_owned()));
        assert!(found[3].as_ref().is_err_and(|why| why.contains("since 1970-01-03T12:00:00Z")));
        assert!(found[4].as_ref().is_err_and(|why| why.contains("0 values")));
    }
}
