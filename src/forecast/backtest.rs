//! The back-test: every model forecasts from several origins of the past, and is scored.

use super::Fit;
use super::interval::{Errors, OriginErrors};

/// Origins at most, the latest ones.
const ORIGINS_MAX: usize = 8;
/// Origins that there should be even where they forecast in part the same values.
const ORIGINS_WANTED: usize = 4;
/// Values before the first origin, at least.
const TRAINING_MIN: usize = 8;

/// How the models did on the past of a series.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Backtest {
    /// Origins that were forecast from.
    pub origins: usize,
    /// The chosen model's mean absolute scaled error: its mean absolute error over that of taking
    /// the value one period (or one step) before, inside the values before the origin.
    pub mase: f64,
    /// The share of values inside intervals made from the other origins; NaN with fewer than two.
    pub coverage: f64,
    /// All models, the best first.
    pub scores: Vec<ModelScore>,
}

/// The score of one model.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct ModelScore {
    /// The model.
    pub model: String,
    /// Its mean absolute scaled error.
    pub mase: f64,
}

/// A back-test in progress: errors of every model, origin by origin.
#[derive(Debug)]
pub(super) struct Run {
    names: Vec<String>,
    /// Per model: mean absolute scaled error; infinite where it could not be fitted everywhere.
    mase: Vec<f64>,
    errors: Vec<Vec<OriginErrors>>,
    origins: usize,
    between: usize,
}

/// Forecasts from rolling origins, each a period or half the horizon before the next, `horizon`
/// steps ahead or as far as there are values.
pub(super) fn run(values: &[f64], pool: &[Box<dyn Fit>], period: usize, horizon: usize) -> Run {
    // A horizon as long as the history leaves no past to learn from.
    let ahead = horizon.min(values.len() / 3).max(1);
    let first_possible = TRAINING_MIN.max(2 * period).max(values.len() / 3);
    let last = values.len().saturating_sub(ahead);
    // Far enough apart to forecast different values, yet several of them.
    let room = last.saturating_sub(first_possible) / (ORIGINS_WANTED - 1);
    let between = (ahead / 2).min(room).max(period).max(1);
    let origins: Vec<usize> = (0..ORIGINS_MAX)
        .map_while(|at| last.checked_sub(at * between))
        .filter(|origin| *origin >= first_possible)
        .collect();
    let mut run = Run {
        names: pool.iter().map(|model| model.name()).collect(),
        mase: vec![0.0; pool.len()],
        errors: vec![Vec::new(); pool.len()],
        origins: origins.len(),
        between,
    };
    for origin in origins {
        let (past, future) = values.split_at(origin);
        let future = future.get(..ahead).unwrap_or(future);
        let scale = naive_error(past, period);
        for (at, model) in pool.iter().enumerate() {
            run.score(at, model.as_ref(), past, future, scale);
        }
    }
    run
}

impl Run {
    fn score(&mut self, at: usize, model: &dyn Fit, past: &[f64], future: &[f64], scale: f64) {
        let Some(fitted) = model.fit(past) else {
            self.mase[at] = f64::INFINITY;
            return;
        };
        let mut errors = vec![0.0; future.len()];
        fitted.predict(&mut errors);
        errors.iter_mut().zip(future).for_each(|(error, actual)| *error = actual - *error);
        let known = errors.iter().filter(|error| error.is_finite());
        let (sum, count) = known.fold((0.0, 0_u32), |(sum, n), error| (sum + error.abs(), n + 1));
        if count > 0 {
            let error = sum / f64::from(count);
            // Values that never changed and still do not: no error is no error at any scale.
            let scaled = if error == 0.0 { 0.0 } else { error / scale };
            self.mase[at] += scaled / self.origins as f64;
        }
        self.errors[at].push(errors);
    }

    /// The model with the smallest error, the first of equal ones.
    pub(super) fn chosen(&self) -> usize {
        let scored = self.mase.iter().enumerate().filter(|(_, mase)| !mase.is_nan());
        scored.min_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(at, _)| at)
    }

    pub(super) fn errors_of(&self, model: usize) -> Errors<'_> {
        Errors { origins: &self.errors[model], between: self.between }
    }

    pub(super) fn reason(&self, chosen: usize) -> String {
        match (self.origins, self.mase.first()) {
            (0, _) => "too few values for a back-test; the simplest model".to_owned(),
            (origins, Some(persistence)) => format!(
                "smallest error over {origins} origins: MASE {:.2}, persistence {persistence:.2}",
                self.mase[chosen]
            ),
            (_, None) => String::new(),
        }
    }

    pub(super) fn finish(self, chosen: usize, coverage: f64) -> Backtest {
        let mase = if self.origins == 0 { f64::NAN } else { self.mase[chosen] };
        let mut scores: Vec<ModelScore> = self
            .names
            .into_iter()
            .zip(self.mase)
            .map(|(model, mase)| ModelScore { model, mase })
            .collect();
        scores.sort_by(|a, b| a.mase.total_cmp(&b.mase));
        Backtest { origins: self.origins, mase, coverage, scores }
    }
}

/// The mean absolute difference of values one period apart; of neighbours where that is 0.
fn naive_error(values: &[f64], period: usize) -> f64 {
    let at_lag = |lag: usize| {
        let pairs = values.iter().zip(values.iter().skip(lag)).map(|(a, b)| (b - a).abs());
        let known = pairs.filter(|difference| difference.is_finite());
        let (sum, count) = known.fold((0.0, 0_u32), |(sum, n), d| (sum + d, n + 1));
        if count > 0 { sum / f64::from(count) } else { 0.0 }
    };
    let seasonal = at_lag(period);
    if seasonal > 0.0 { seasonal } else { at_lag(1) }
}
