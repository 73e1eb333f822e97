//! Many series at once: those of one season and length lie side by side in a tile, and tiles are
//! shared out over the threads.

use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;

use super::accuracy::seasonal_scale;
use super::ensemble::{Lane, Verdict};
use super::global::{GlobalModel, Joined, Lesson, Lessons};
use super::period::{PERIODS_MAX, day_steps};
use super::pool::{floors, pool, spread};
use super::rehearsal::{Origins, Reach, Rehearsal};
use super::scratch::Shared;
use super::{
    Backtest, ForecastOptions, ModelForecast, ModelScore, Outlook, Rehearsed, Scratch, Seasons,
    Tier, Tile,
};
use crate::error::{Error, Result};
use crate::kernel::LANES;
use crate::model::Span;
use crate::model::limits::{HORIZON_STEPS_MAX, VALUE_SIZE_MAX};

/// Values that must be known before anything is forecast.
const VALUES_MIN: usize = 16;
/// Of a series' oldest values, at most one in so many is left out, so that series of nearly one
/// length share a tile.
const LENGTH_SHARE: usize = 32;

/// What the model of the whole fleet is called.
const GLOBAL: &str = "global trees";

/// Forecasts series of one step length.
///
/// ```
/// use plimsoll::Span;
/// use plimsoll::forecast::{ErrorPool, ForecastOptions, Forecaster};
/// // Three hosts, four weeks of hours: busy days and quiet nights.
/// let host = |level: f64| -> Vec<f64> {
///     let noise = |hour: usize| (hour * hour % 7) as f64;
///     (0..24 * 28).map(|h| level + noise(h) + if h % 24 < 8 { 10.0 } else { 50.0 }).collect()
/// };
/// let fleet = [host(0.0), host(5.0), host(30.0)];
/// let rows: Vec<&[f64]> = fleet.iter().map(Vec::as_slice).collect();
/// let forecaster = Forecaster::new(Span::HOUR, ForecastOptions::default())?;
/// // What all three were off tells how far each may be.
/// let mut pool = ErrorPool::default();
/// let mut outlooks = Vec::new();
/// for rehearsed in forecaster.rehearse(&rows) {
///     outlooks.push(pool.add(rehearsed?));
/// }
/// let forecast = outlooks[2].forecast(&pool.finish());
/// assert!(forecast.lower[12] <= forecast.point[12] && forecast.point[12] <= forecast.upper[12]);
/// assert!((80.0..90.0).contains(&forecast.point[12]));
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Forecaster {
    step: Span,
    options: Arc<ForecastOptions>,
    shared: Arc<Shared>,
    global: Option<Arc<GlobalModel>>,
}

/// The part of a row that is learnt from, and what its tile must have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Task {
    row: usize,
    seasons: Seasons,
    /// Steps that are learnt from.
    steps: Range<usize>,
    /// Steps after the last value, part of what is forecast.
    unknown: usize,
    periods: Vec<usize>,
}

impl Task {
    fn key(&self) -> (Seasons, usize, usize) {
        (self.seasons, self.steps.len(), self.unknown)
    }
}

impl Forecaster {
    /// A forecaster of series with one value per `step`. A horizon of 0, a step of no length, and a
    /// coverage or level that is not between 0 and 1 are errors.
    pub fn new(step: Span, options: ForecastOptions) -> Result<Self> {
        options.check()?;
        if step.is_zero() {
            return Err(Error::invalid("a forecast needs a step of some length"));
        }
        Ok(Self { step, options: Arc::new(options), shared: Arc::default(), global: None })
    }

    /// Draws from rows what a model of the whole fleet learns from: [`Self::taught`] makes it. Rows
    /// that cannot be forecast teach nothing. All lessons are of one step and horizon, and of rows
    /// that end at one time and have one meaning, as those of a metric.
    pub fn learn_from(&self, rows: &[&[f64]], lessons: &mut Lessons) {
        let lesson = |(row, values): (usize, &&[f64])| {
            let task = self.task(row, values).ok()?;
            let values = &rows[row][task.steps.clone()];
            let (period, horizon) = (task.seasons.short, self.options.horizon);
            let origins = Origins::new(values.len(), period, horizon, self.options.tier);
            Some(Lesson { values, seasons: task.seasons, origins, unknown: task.unknown })
        };
        let found: Vec<Lesson<'_>> = rows.par_iter().enumerate().filter_map(lesson).collect();
        lessons.add(&found);
    }

    /// The same forecaster, to whose forecasts a model of the whole fleet adds its own; `None`
    /// where there is too little to learn from.
    #[must_use]
    pub fn taught(&self, lessons: &Lessons) -> Option<Self> {
        lessons.learn().map(|global| self.with(global))
    }

    pub(super) fn with(&self, global: GlobalModel) -> Self {
        Self { global: Some(Arc::new(global)), ..self.clone() }
    }

    /// What it was made with.
    pub fn options(&self) -> &ForecastOptions {
        &self.options
    }

    /// Forecasts each row from its last step and from past origins, NaN where there is no value.
    /// Rows with too few values, with a value over [`VALUE_SIZE_MAX`], and those whose horizon ends
    /// over [`HORIZON_STEPS_MAX`] after their last value give an error each. The same rows give the
    /// same bits whatever the number of threads, and whatever the other rows.
    pub fn rehearse(&self, rows: &[&[f64]]) -> Vec<Result<Rehearsed>> {
        let tasks: Vec<Result<Task>> =
            rows.par_iter().enumerate().map(|(row, values)| self.task(row, values)).collect();
        let mut all: Vec<Option<Result<Rehearsed>>> = rows.iter().map(|_| None).collect();
        let mut ready = Vec::with_capacity(tasks.len());
        for (row, task) in tasks.into_iter().enumerate() {
            match task {
                Ok(task) => ready.push(task),
                Err(why) => all[row] = Some(Err(why)),
            }
        }
        ready.sort_by_key(Task::key);
        let alike = ready.chunk_by(|a, b| a.key() == b.key());
        let tiles: Vec<&[Task]> = alike.flat_map(|tasks| tasks.chunks(LANES)).collect();
        let done: Vec<Vec<(usize, Rehearsed)>> =
            tiles.par_iter().map(|tasks| self.rehearse_tile(tasks, rows)).collect();
        for (row, rehearsed) in done.into_iter().flatten() {
            all[row] = Some(Ok(rehearsed));
        }
        let missing = || {
            Err(Error::not_enough_data("too few values lately to see how good a forecast would be"))
        };
        all.into_iter().map(|one| one.unwrap_or_else(missing)).collect()
    }

    fn task(&self, row: usize, values: &[f64]) -> Result<Task> {
        enough(values)?;
        let first = values.iter().position(|value| value.is_finite()).unwrap_or(0);
        let last = values.iter().rposition(|value| value.is_finite()).unwrap_or(0);
        let unknown = values.len() - last - 1;
        self.check(values, unknown)?;
        let length = kept(last + 1 - first);
        let mut start = last + 1 - length;
        // The first value of a tile is a number.
        while !values[start].is_finite() {
            start += 1;
        }
        enough(&values[start..=last])?;
        let steps = start..last + 1;
        let (seasons, periods) = if let Some(seasons) = self.options.seasons {
            (seasons.fitting(steps.len()), Vec::new())
        } else {
            let most = if self.options.tier == Tier::Light { 1 } else { PERIODS_MAX };
            Seasons::of_first(&values[steps.clone()], self.step, most)
        };
        Ok(Task { row, seasons, steps, unknown, periods })
    }

    /// Refuses a row that ended so long ago that what lies between would not end, and values that
    /// are too large to be squared.
    fn check(&self, values: &[f64], unknown: usize) -> Result<()> {
        let ahead = self.options.horizon.saturating_add(unknown);
        if ahead > HORIZON_STEPS_MAX {
            return Err(Error::Limit {
                what: "the number of steps from a series' last value to the end of its forecast",
                value: ahead as u64,
                limit: HORIZON_STEPS_MAX as u64,
                remedy: "leave out what has ended, or end the row at its last value",
            });
        }
        let too_large = |value: &&f64| value.is_finite() && value.abs() > VALUE_SIZE_MAX;
        values.iter().find(too_large).map_or(Ok(()), |value| {
            let what = format!("a value of {value:e} is over {VALUE_SIZE_MAX:e}; scale the values");
            Err(Error::invalid(what))
        })
    }

    fn rehearse_tile(&self, tasks: &[Task], rows: &[&[f64]]) -> Vec<(usize, Rehearsed)> {
        self.shared.lend(|scratch| self.rehearse_in(tasks, rows, scratch))
    }

    fn rehearse_in(
        &self,
        tasks: &[Task],
        rows: &[&[f64]],
        scratch: &mut Scratch,
    ) -> Vec<(usize, Rehearsed)> {
        let Some(first) = tasks.first() else { return Vec::new() };
        let series: Vec<&[f64]> =
            tasks.iter().map(|task| &rows[task.row][task.steps.clone()]).collect();
        let (seasons, period) = (first.seasons, first.seasons.short);
        let tile = Tile::made_in(&series, period, scratch);
        let horizon = self.options.horizon + first.unknown;
        let origins = Origins::new(tile.len(), period, horizon, self.options.tier);
        let before = origins.past.first().copied().unwrap_or(tile.len());
        let pool = pool(seasons, day_steps(self.step), before, self.options.tier);
        let spread = spread(seasons);
        let rehearsal = Rehearsal::run(&tile, &pool, &spread, period, &origins, horizon, scratch);
        let names: Vec<Arc<str>> =
            pool.iter().map(|model| self.shared.name(&model.name())).collect();
        let of_lane = |(at, task): (usize, &Task)| {
            let (tile, origins, rehearsal) = (&tile, &origins, &rehearsal);
            let lane = Lane { tile, origins, rehearsal, at, floors: floors(seasons) };
            let mut verdict = lane.verdict(period, horizon);
            if verdict.errors.iter().flatten().all(|error| error.is_nan()) {
                return None;
            }
            let naive = naive_error(&series[at][..before], period);
            let clock = (seasons, task.unknown);
            let joined = self.global.as_ref().and_then(|g| g.join(&lane, clock, &mut verdict));
            let mut backtest = backtest(&verdict, &names, naive);
            if let Some(joined) = &joined {
                let model = self.shared.name(GLOBAL);
                let mase = scaled(joined.error, naive);
                backtest.add(ModelScore { model, mase, share: joined.share });
            }
            let mut rehearsed = self.rehearsed(task, series[at], &origins.past, verdict, backtest);
            if self.options.keep_models {
                let models = names.iter().enumerate();
                rehearsed.outlook.models = models
                    .map(|(of_model, model)| ModelForecast {
                        model: Arc::clone(model),
                        point: rehearsal.present(of_model).iter().map(|row| row.0[at]).collect(),
                    })
                    .collect();
                if let Some(Joined { point, .. }) = joined {
                    let model = self.shared.name(GLOBAL);
                    rehearsed.outlook.models.push(ModelForecast { model, point });
                }
            }
            Some((task.row, rehearsed))
        };
        let found = tasks.iter().enumerate().filter_map(of_lane).collect();
        rehearsal.give_back(scratch);
        tile.give_back(scratch);
        found
    }

    fn rehearsed(
        &self,
        task: &Task,
        values: &[f64],
        origins: &[usize],
        mut verdict: Verdict,
        backtest: Backtest,
    ) -> Rehearsed {
        let held = |limit: Option<f64>, broken: fn(f64, f64) -> bool| {
            let known = values.iter().filter(|value| value.is_finite());
            limit.filter(|limit| !known.clone().any(|value| broken(*value, *limit)))
        };
        let outlook = Outlook {
            options: Arc::clone(&self.options),
            unknown: task.unknown,
            periods: task.periods.clone(),
            point: verdict.point,
            sizes: Rehearsed::sizes(&verdict.errors),
            widths: verdict.widths.pop().unwrap_or_default(),
            spread_share: 0.0,
            reach: Reach::of(values),
            floor: held(self.options.floor, |value, limit| value < limit),
            ceiling: held(self.options.ceiling, |value, limit| value > limit),
            models: Vec::new(),
            backtest,
        };
        let (errors, widths) = (verdict.errors, verdict.widths);
        let mut rehearsed = Rehearsed { outlook, origins: origins.to_vec(), errors, widths };
        rehearsed.outlook.spread_share = rehearsed.best_share();
        rehearsed
    }
}

impl Backtest {
    /// Takes one more model, whose share the others have less.
    fn add(&mut self, score: ModelScore) {
        for other in &mut self.scores {
            other.share *= 1.0 - score.share;
        }
        self.scores.push(score);
        self.scores.sort_by(|a, b| a.mase.total_cmp(&b.mase));
    }
}

/// How the ensemble and its models did, errors over those of the naive forecast.
fn backtest(verdict: &Verdict, names: &[Arc<str>], naive: f64) -> Backtest {
    let mut shares = vec![0.0; names.len()];
    for chosen in &verdict.chosen {
        for model in chosen {
            shares[*model] += 1.0 / (chosen.len() * verdict.chosen.len()) as f64;
        }
    }
    let models = names.iter().zip(verdict.model_errors.iter().zip(shares));
    let mut scores: Vec<ModelScore> = models
        .map(|(model, (error, share))| ModelScore {
            model: Arc::clone(model),
            mase: scaled(*error, naive),
            share,
        })
        .collect();
    scores.sort_by(|a, b| a.mase.total_cmp(&b.mase));
    let errors = verdict.errors.iter().flatten().filter(|error| !error.is_nan());
    let (sum, count) = errors.fold((0.0, 0.0), |(sum, n), error| (sum + error.abs(), n + 1.0));
    let origins = verdict.errors.len();
    Backtest { origins, mase: scaled(sum / count, naive), coverage: f64::NAN, scores }
}

/// An error where too few values are known.
fn enough(values: &[f64]) -> Result<()> {
    let known = values.iter().filter(|value| value.is_finite()).count();
    if known >= VALUES_MIN {
        return Ok(());
    }
    Err(Error::not_enough_data(format!("{known} values; a forecast takes {VALUES_MIN}")))
}

/// Steps that are learnt from: all, less so many that lengths which are nearly alike are alike.
fn kept(steps: usize) -> usize {
    let share = (steps / LENGTH_SHARE).max(1);
    let unit = 1_usize << share.ilog2();
    steps / unit * unit
}

/// No error is no error at any scale: values that never changed and still do not.
fn scaled(error: f64, naive: f64) -> f64 {
    if error == 0.0 { 0.0 } else { error / naive }
}

/// The mean absolute difference of values one period apart; of neighbours where that is 0.
fn naive_error(values: &[f64], period: usize) -> f64 {
    let at_lag = |lag: usize| {
        let scale = seasonal_scale(values, lag);
        if scale.is_nan() { 0.0 } else { scale }
    };
    let seasonal = at_lag(period);
    if seasonal > 0.0 { seasonal } else { at_lag(1) }
}
