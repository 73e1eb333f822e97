//! The command that scores forecasts: `backtest`.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use rustix::time::ClockId;

use super::Outcome;
use super::args::ReportFormat;
use super::backtest_exhaustion::{self, ExhaustionArgs};
use super::breaks::{Breaks, EventArgs};
use super::doubts::{Doubts, Pools, kept_max};
use super::forecast::whole_steps;
use super::inspect::Versioned;
use super::output::{Stop, json_to_stdout, to_stdout};
use super::reader;
use super::steps::ranged;
use super::taught::{AllLessons, Forecasters};
use crate::error::{Error, Result};
use crate::forecast::score::{Scorer, Scores};
use crate::forecast::{ForecastOptions, Forecaster, Outlook, Tier, is_alive};
use crate::ingest::{SeriesRow, read_series_rows};
use crate::model::{Frame, Selector, Span, Timestamp};
use crate::query::{Aggregate, Query};
use crate::report::scores_text;

/// Quantiles whose losses are averaged.
const LEVELS: [f64; 9] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    plimsoll backtest --store s 'cpu_usage_mhz' --step 5m --horizon 4h --windows 6\n  \
    plimsoll backtest --store s 'disk_used_gb' --exhaustion\n  \
    plimsoll backtest --store s '{__name__=~\"cpu.*|memory\"}' --exhaustion --origins 14..23 \
    --horizon-days 7\n  \
    plimsoll backtest --train Hourly-train.csv --test Hourly-test.csv --period 24 --horizon 48\n\
    Files have one series per line, below a header: a name, then its values.\n\
    RAYON_NUM_THREADS=1 makes it use one thread; the answers stay the same.")]
pub(super) struct BacktestArgs {
    /// The folder of the store whose series are forecast, from several points of their past.
    #[arg(long, value_name = "DIR", required_unless_present = "train", requires = "selector")]
    store: Option<PathBuf>,
    /// Which series of the store.
    selector: Option<Selector>,
    /// A file of pasts, instead of a store.
    #[arg(long, value_name = "FILE", requires = "test")]
    #[arg(conflicts_with_all = ["store", "selector", "windows", "agg", "from", "to"])]
    train: Option<PathBuf>,
    /// The file of their futures, line by line.
    #[arg(long, value_name = "FILE", requires = "train", conflicts_with = "store")]
    test: Option<PathBuf>,
    /// Steps that errors are scaled over. Default: those of a day, or 1.
    #[arg(long, value_name = "STEPS")]
    period: Option<usize>,
    /// The step of history and forecast. Default: 1h; of files a day over the period, or a day.
    #[arg(long, value_name = "SPAN")]
    step: Option<Span>,
    /// How far to look ahead, as a span (2d) or in steps (48).
    #[arg(long, value_name = "SPAN|STEPS", default_value = "48")]
    horizon: Horizon,
    /// Points of the past of a store that are forecast from, each a horizon before the next.
    #[arg(long, value_name = "N", default_value_t = 8)]
    windows: usize,
    /// How the samples of a step become one value.
    #[arg(long, value_name = "HOW", default_value = "mean")]
    agg: Aggregate,
    /// Only history at or after this time.
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// Only history before this time.
    #[arg(long, value_name = "TIME")]
    to: Option<Timestamp>,
    #[command(flatten)]
    breaks: EventArgs,
    /// The share of values that should fall inside the interval.
    #[arg(long, value_name = "SHARE", default_value_t = 0.95)]
    coverage: f64,
    /// Try a tenth of the models, for a tenth of the time.
    #[arg(long)]
    light: bool,
    /// Let a model that learns from all series of a metric add to the forecast of each. It is
    /// learnt anew for each window.
    #[arg(long, conflicts_with = "light")]
    global: bool,
    /// Score each model of the pool too.
    #[arg(long)]
    models: bool,
    #[command(flatten)]
    exhaustion: ExhaustionArgs,
    /// How to write the result.
    #[arg(long, value_enum, default_value = "table")]
    format: ReportFormat,
}

/// A horizon in steps or as a length of time.
#[derive(Debug, Clone, Copy)]
enum Horizon {
    Steps(usize),
    Span(Span),
}

impl FromStr for Horizon {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        text.parse().map_or_else(|_| Ok(Self::Span(text.parse()?)), |steps| Ok(Self::Steps(steps)))
    }
}

impl Horizon {
    fn steps(self, step: Span) -> Result<usize> {
        let steps = match self {
            Self::Steps(steps) => steps,
            Self::Span(span) => whole_steps(span, step) as usize,
        };
        if steps == 0 {
            let what = format!("the horizon has no step of {step}; take a longer one");
            return Err(Error::invalid(what));
        }
        Ok(steps)
    }
}

#[derive(serde::Serialize)]
struct Document {
    #[serde(flatten)]
    scores: Scores,
    horizon: usize,
    ms_per_forecast: f64,
}

/// Scores forecasts of a store's series or of those in files.
pub(super) fn backtest(args: &BacktestArgs) -> Result<Outcome, Stop> {
    if args.breaks.events.is_some() && (args.exhaustion.exhaustion || args.train.is_some()) {
        let what = "--events is for forecasts of a store's series; leave it out";
        return Err(Error::invalid(what).into());
    }
    if args.exhaustion.exhaustion {
        return exhaustion(args);
    }
    if args.period == Some(0) {
        let what = "--period 0 scales nothing; 1 scales over neighbours, 24 over days of hours";
        return Err(Error::invalid(what).into());
    }
    let day = |step: Span| Span::DAY.nanos().checked_div(step.nanos()).unwrap_or(1).max(1);
    let of_files = args.period.filter(|_| args.train.is_some());
    let default = of_files.map_or(Span::HOUR, |p| Span::from_nanos(Span::DAY.nanos() / p as i64));
    let step = args.step.unwrap_or(default);
    let period = args.period.unwrap_or(day(step) as usize);
    let horizon = args.horizon.steps(step)?;
    let forecaster = Forecaster::new(step, options(args, horizon))?;
    let breaks = Breaks::read(&args.breaks, step)?;
    let mut round = Round::new(forecaster, breaks, Scorer::new(period, args.coverage));
    round.is_global = args.global;
    match (&args.train, &args.test) {
        (Some(train), Some(test)) => of_rows(&read(train)?, &read(test)?, horizon, &mut round)?,
        _ => of_store(args, step, horizon, &mut round)?,
    }
    let (scores, ms_per_forecast) = round.finish();
    if scores.forecasts == 0 {
        let what = "no forecast could be scored: the series are too short, or never change";
        return Err(Error::not_enough_data(what).into());
    }
    match args.format {
        ReportFormat::Json => {
            json_to_stdout(&Versioned::new(Document { scores, horizon, ms_per_forecast }))?;
        }
        ReportFormat::Table => to_stdout(|out| {
            use std::io::Write;
            scores_text(&scores, out)?;
            writeln!(out, "processor time {ms_per_forecast:.2} ms per forecast of {horizon} steps")
        })?,
    }
    Ok(Outcome::Done)
}

fn options(args: &BacktestArgs, horizon: usize) -> ForecastOptions {
    ForecastOptions {
        horizon,
        coverage: args.coverage,
        levels: LEVELS.to_vec(),
        tier: if args.light { Tier::Light } else { Tier::Full },
        keep_models: args.models,
        ..ForecastOptions::default()
    }
}

/// Of all threads, since the process began.
fn processor_time() -> Duration {
    let clock = rustix::time::clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(clock).unwrap_or_default()
}

/// Pasts to forecast from, and what came; rows of one file or frame.
struct Cases<'a> {
    /// The metric of each.
    metrics: Vec<&'a str>,
    pasts: Vec<&'a [f64]>,
    /// The parts of the pasts that are learnt from.
    learnt: Vec<&'a [f64]>,
    futures: Vec<&'a [f64]>,
}

impl<'a> Cases<'a> {
    /// Every row of a frame, from the step `back` before its last whole one. Events after that step
    /// are not known.
    fn of_frame(frame: &'a Frame, breaks: &Breaks, back: usize, horizon: usize) -> Self {
        let rows = 0..frame.len();
        let known = |step: &usize| rows.clone().any(|row| frame.row(row)[*step].is_finite());
        // The last step with values may have only begun.
        let whole = (0..frame.steps()).rfind(known).unwrap_or(0);
        let Some(origin) = whole.checked_sub(back) else {
            let (pasts, learnt, futures) = (Vec::new(), Vec::new(), Vec::new());
            return Self { metrics: Vec::new(), pasts, learnt, futures };
        };
        let past = |row: usize| &frame.row(row)[..origin];
        // As in `forecast`, what had ended by then is learnt nothing from.
        let learnt = |row: usize| {
            let counted = breaks.cut(frame.labels(row), frame.start(), past(row)).0;
            if is_alive(past(row), horizon) { counted } else { &[] }
        };
        Self {
            metrics: rows.clone().map(|row| frame.labels(row).metric()).collect(),
            pasts: rows.clone().map(past).collect(),
            learnt: rows.clone().map(learnt).collect(),
            futures: rows.map(|row| &frame.row(row)[origin..origin + horizon]).collect(),
        }
    }
}

/// A forecast that waits for the fleet's errors.
struct Waiting {
    metric: String,
    past: Vec<f64>,
    future: Vec<f64>,
    outlook: Outlook,
}

/// Forecasts whose errors are pooled together, and then scored.
struct Round {
    forecasters: Forecasters,
    /// Whether it is taught before each window.
    is_global: bool,
    breaks: Breaks,
    scorer: Scorer,
    pools: Pools,
    waiting: Vec<Waiting>,
    /// How many may wait, of so many values and steps each.
    kept_max: fn(usize, usize) -> usize,
    spent: Duration,
    /// Series that were looked at, once for each window.
    selected: usize,
    forecasts: u32,
    refused: usize,
}

impl Round {
    fn new(forecaster: Forecaster, breaks: Breaks, scorer: Scorer) -> Self {
        Self {
            forecasters: forecaster.into(),
            is_global: false,
            breaks,
            scorer,
            pools: Pools::default(),
            waiting: Vec::new(),
            kept_max,
            spent: Duration::ZERO,
            selected: 0,
            forecasts: 0,
            refused: 0,
        }
    }

    /// Forecasts every row of the frames from `back` steps before its end, in two passes. Says
    /// whether any has so many steps.
    fn window<I: Iterator<Item = Result<Frame>>>(
        &mut self,
        back: usize,
        horizon: usize,
        mut frames: impl FnMut() -> Result<I>,
    ) -> Result<bool> {
        let (mut is_whole, mut kept_frames, mut has_cases) = (true, 0, false);
        self.teach(|breaks, lessons| {
            frames()?.try_for_each(|frame| {
                let frame = frame?;
                let cases = Cases::of_frame(&frame, breaks, back, horizon);
                lessons.add(&cases.metrics, &cases.learnt);
                Ok(())
            })
        })?;
        for frame in frames()? {
            let frame = frame?;
            self.selected += frame.len();
            let cases = Cases::of_frame(&frame, &self.breaks, back, horizon);
            has_cases |= !cases.pasts.is_empty();
            is_whole = self.pool(&cases, is_whole);
            kept_frames += usize::from(is_whole);
        }
        let doubts = self.score_kept();
        if is_whole {
            return Ok(has_cases);
        }
        for frame in frames()?.skip(kept_frames) {
            let frame = frame?;
            let cases = Cases::of_frame(&frame, &self.breaks, back, horizon);
            self.score_again(&cases, &doubts);
        }
        Ok(has_cases)
    }

    /// Learns from the cases that `add_all` adds, where that is asked for.
    fn teach(
        &mut self,
        add_all: impl FnOnce(&Breaks, &mut AllLessons<'_>) -> Result<()>,
    ) -> Result<()> {
        if self.is_global {
            let before = processor_time();
            self.forecasters.teach(|lessons| add_all(&self.breaks, lessons))?;
            self.spent += processor_time().saturating_sub(before);
        }
        Ok(())
    }

    /// The first pass: pools the errors of these cases. Says whether their outlooks are kept as
    /// well: they are if asked for and not too many.
    fn pool(&mut self, cases: &Cases<'_>, keep: bool) -> bool {
        let before = processor_time();
        let values = cases.pasts.first().map_or(0, |past| past.len());
        let room = (self.kept_max)(values, self.forecasters.options().horizon);
        let keep = keep && self.waiting.len() + cases.pasts.len() <= room;
        let made = self.forecasters.rehearse(&cases.metrics, &cases.learnt);
        for (at, one) in made.into_iter().enumerate() {
            let Ok(one) = one else {
                self.refused += 1;
                continue;
            };
            let metric = cases.metrics[at];
            let outlook = self.pools.add(metric, one);
            if keep {
                self.waiting.push(Waiting {
                    metric: metric.to_owned(),
                    past: cases.pasts[at].to_vec(),
                    future: cases.futures[at].to_vec(),
                    // Copied, as in `forecast`: what is kept lies together.
                    outlook: outlook.clone(),
                });
            }
        }
        self.spent += processor_time().saturating_sub(before);
        keep
    }

    /// Scores what was kept, and gives what the errors came to.
    fn score_kept(&mut self) -> Doubts {
        let before = processor_time();
        let doubts = std::mem::take(&mut self.pools).finish();
        self.spent += processor_time().saturating_sub(before);
        for one in std::mem::take(&mut self.waiting) {
            self.score(&doubts, &one.metric, &one.outlook, &one.past, &one.future);
        }
        doubts
    }

    /// The second pass over cases that were not kept; its time is no part of a forecast's.
    fn score_again(&mut self, cases: &Cases<'_>, doubts: &Doubts) {
        let made = self.forecasters.rehearse(&cases.metrics, &cases.learnt);
        for (at, one) in made.into_iter().enumerate() {
            let Ok(one) = one else { continue };
            let outlook = one.into_outlook();
            let (past, future) = (cases.pasts[at], cases.futures[at]);
            self.score(doubts, cases.metrics[at], &outlook, past, future);
        }
    }

    fn score(
        &mut self,
        doubts: &Doubts,
        metric: &str,
        outlook: &Outlook,
        past: &[f64],
        future: &[f64],
    ) {
        let Some(doubt) = doubts.of(metric) else { return };
        let before = processor_time();
        let forecast = outlook.forecast(doubt);
        self.spent += processor_time().saturating_sub(before);
        self.forecasts += 1;
        self.scorer.add(past, future, &forecast);
    }

    fn finish(self) -> (Scores, f64) {
        let mut scores = self.scorer.finish();
        scores.left_out += self.refused;
        let ms = self.spent.as_secs_f64() * 1e3 / f64::from(self.forecasts.max(1));
        (scores, ms)
    }
}

fn read(path: &Path) -> Result<Vec<SeriesRow>> {
    let file = File::open(path).map_err(|why| Error::io("open", path, why))?;
    read_series_rows(&mut BufReader::new(file), &path.display().to_string())
}

fn of_rows(
    train: &[SeriesRow],
    test: &[SeriesRow],
    horizon: usize,
    round: &mut Round,
) -> Result<()> {
    if train.len() != test.len() {
        let (a, b) = (train.len(), test.len());
        let what =
            format!("{a} pasts and {b} futures; both files need the same series, line by line");
        return Err(Error::invalid(what));
    }
    let mut names = train.iter().zip(test).map(|(past, future)| (&past.name, &future.name));
    if let Some(at) = names.position(|(past, future)| past != future) {
        let what = format!(
            "series {} is {:?} in the file of pasts and {:?} in that of futures; both files need \
             the same series, line by line",
            at + 1,
            train[at].name,
            test[at].name
        );
        return Err(Error::invalid(what));
    }
    if let Some(short) = test.iter().find(|row| row.values.len() < horizon) {
        let (name, count) = (&short.name, short.values.len());
        let what =
            format!("{name} has {count} values of the future; --horizon {horizon} takes more");
        return Err(Error::invalid(what));
    }
    let pasts: Vec<&[f64]> = train.iter().map(|row| row.values.as_slice()).collect();
    let futures: Vec<&[f64]> = test.iter().map(|row| &row.values[..horizon]).collect();
    let learnt = pasts.clone();
    let cases = Cases { metrics: vec![""; pasts.len()], pasts, learnt, futures };
    round.teach(|_, lessons| {
        lessons.add(&cases.metrics, &cases.learnt);
        Ok(())
    })?;
    let kept = round.pool(&cases, true);
    let doubts = round.score_kept();
    if !kept {
        round.score_again(&cases, &doubts);
    }
    Ok(())
}

fn of_store(args: &BacktestArgs, step: Span, horizon: usize, round: &mut Round) -> Result<()> {
    let (folder, selector) = store_and_selector(args)?;
    let store = reader::open(folder)?;
    let snapshot = store.snapshot()?;
    let query = Query::new(selector.clone()).aggregate(args.agg).step(step);
    let query = ranged(query, args.from, args.to);
    if args.windows == 0 {
        return Err(Error::invalid("--windows 0 scores nothing; 1 scores the last horizon"));
    }
    let mut back = horizon;
    for _ in 0..args.windows {
        let is_over = !round.window(back, horizon, || query.run(&snapshot))?;
        if round.selected == 0 {
            let what = format!("no series of {selector} has samples in this range");
            return Err(Error::not_enough_data(what));
        }
        if is_over {
            break;
        }
        back += horizon;
    }
    Ok(())
}

fn store_and_selector(args: &BacktestArgs) -> Result<(&Path, &Selector)> {
    let missing = || Error::invalid("give --store and a selector, or --train and --test");
    let folder = args.store.as_deref();
    folder.zip(args.selector.as_ref()).ok_or_else(missing)
}

/// Scores probabilities of exhaustion by the daily peaks of a store's series.
fn exhaustion(args: &BacktestArgs) -> Result<Outcome, Stop> {
    let (folder, selector) = store_and_selector(args)?;
    let peaks = Query::new(selector.clone()).aggregate(Aggregate::Max).step(Span::HOUR);
    let peaks = ranged(peaks, args.from, args.to);
    backtest_exhaustion::score(&args.exhaustion, folder, (selector, &peaks), args.format)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Labels;

    /// Three frames of two series each, of two metrics.
    fn frames() -> impl Iterator<Item = Result<Frame>> {
        let frame = |at: usize| {
            let value = |row: usize, step: usize| {
                (20 * (at + row) + 10 * (step % 24 / 8) + step * step % (13 + 2 * at)) as f64
            };
            let labels: Result<Vec<Labels>> = ["cpu", "disk"]
                .map(|metric| Labels::new(metric, [("host", format!("h{at}"))]))
                .into_iter()
                .collect();
            let values = (0..2).flat_map(|row| (0..200).map(move |step| value(row, step)));
            let start = Timestamp::from_seconds(0);
            Frame::new(start, Span::HOUR, 200, labels?, values.collect())
        };
        (0..3).map(frame)
    }

    #[test]
    fn what_is_not_kept_is_scored_alike() {
        let scores = |kept_max: fn(usize, usize) -> usize| {
            let options = ForecastOptions { horizon: 12, tier: Tier::Light, ..Default::default() };
            let forecaster = Forecaster::new(Span::HOUR, options).unwrap();
            // The last of three hosts moved after 100 hours of 200.
            let breaks = Breaks::of("time,name,host\n360000,move,h2\n");
            let mut round = Round::new(forecaster, breaks, Scorer::new(24, 0.8));
            round.kept_max = kept_max;
            round.window(24, 12, || Ok(frames())).unwrap();
            round.finish().0
        };
        let all_kept = scores(|_, _| 100);
        assert_eq!(all_kept.forecasts, 6);
        for few in [scores(|_, _| 0), scores(|_, _| 2), scores(|_, _| 5)] {
            assert_eq!(few, all_kept);
        }
    }
}
