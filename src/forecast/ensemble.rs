//! From many models to one forecast: the median of those that did best on the series' own past.

use super::Tile;
use super::quantile_pool::Spread;
use super::rehearsal::{Origins, Rehearsal};
use crate::kernel::Wide;

/// Models whose median is taken.
const BEST: usize = 5;
/// The ensemble gives way to a naive model whose error is below this share of its own. At 1 chance
/// decides: on rolling origins inside the training parts of M4 that cost 1 to 2%.
const FLOOR_MARGIN: f64 = 0.8;
/// What an origin's errors count, against those of the next later one.
const AGE_DECAY: f64 = 0.93;

/// What one series' models came to.
#[derive(Debug)]
pub(super) struct Verdict {
    /// The forecast of each step ahead.
    pub(super) point: Vec<f64>,
    /// Per past origin, actual value less forecast, of ensembles that were chosen without that
    /// origin; NaN where there is no value.
    pub(super) errors: Vec<Vec<f64>>,
    /// Per past origin, and last for the present, how far below and above the forecast values were
    /// spread lately.
    pub(super) widths: Vec<Vec<Widths>>,
    /// Per block of steps ahead, the models whose median the forecast is.
    pub(super) chosen: Vec<Vec<usize>>,
    /// The mean absolute error of each model.
    pub(super) model_errors: Vec<f64>,
}

/// How far the tenth percentile lies below a forecast, and the ninetieth above; at least 0.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Widths {
    pub(super) below: f64,
    pub(super) above: f64,
}

/// Blocks of steps ahead, as first step and first step after: up to a quarter, one and two periods,
/// and the rest. The best model for the next minutes is seldom the best for tomorrow.
pub(super) fn blocks(period: usize, steps: usize) -> Vec<(usize, usize)> {
    let ends = [period / 4, period, 2 * period, steps];
    let mut start = 0;
    let mut blocks = Vec::new();
    for end in ends.map(|end| end.min(steps)) {
        if end > start {
            blocks.push((start, end));
            start = end;
        }
    }
    blocks
}

/// One lane of a rehearsal.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lane<'a> {
    pub(super) tile: &'a Tile,
    pub(super) origins: &'a Origins,
    pub(super) rehearsal: &'a Rehearsal,
    pub(super) at: usize,
    /// Models, the first of all, that the ensemble must not do worse than.
    pub(super) floors: usize,
}

impl Lane<'_> {
    /// Ranks the models block by block and takes the median of the best.
    pub(super) fn verdict(&self, period: usize, horizon: usize) -> Verdict {
        let (origins, models) = (&self.origins.past, self.rehearsal.past.len());
        let mut verdict = Verdict {
            point: vec![0.0; horizon],
            errors: vec![vec![f64::NAN; self.origins.ahead]; origins.len()],
            widths: Vec::new(),
            chosen: Vec::new(),
            model_errors: vec![0.0; models],
        };
        let mut known = 0.0;
        let blocks = blocks(period, self.origins.ahead);
        for (at, &(start, end)) in blocks.iter().enumerate() {
            let ranks = Ranks::of(self, start, end);
            for (sum, errors) in verdict.model_errors.iter_mut().zip(&ranks.errors) {
                *sum += errors.iter().flatten().map(|(error, count)| error * count).sum::<f64>();
            }
            known += ranks.counts();
            for origin in 0..origins.len() {
                let errors = &mut verdict.errors[origin][start..end];
                self.errors_of(&ranks.best(Some(origin)), origin, start, errors);
            }
            let mut chosen = ranks.best(None);
            if let Some(floor) = ranks.better_floor(self.floors, self.score(&chosen, start, end)) {
                chosen = vec![floor];
                for origin in 0..origins.len() {
                    self.errors_of(&chosen, origin, start, &mut verdict.errors[origin][start..end]);
                }
            }
            let last = at + 1 == blocks.len();
            let end = if last { horizon } else { end };
            for (step, value) in verdict.point[start..end].iter_mut().enumerate() {
                *value = self.median(&chosen, &self.rehearsal.present, start + step);
            }
            verdict.chosen.push(chosen);
        }
        for sum in &mut verdict.model_errors {
            *sum /= f64::max(known, 1.0);
        }
        let widths = |spread: &Spread, forecast: &dyn Fn(usize) -> f64| -> Vec<Widths> {
            let ends = spread.low.iter().zip(&spread.high).enumerate();
            ends.map(|(step, (low, high))| Widths {
                below: (forecast(step) - low.0[self.at]).max(0.0),
                above: (high.0[self.at] - forecast(step)).max(0.0),
            })
            .collect()
        };
        let spreads = self.rehearsal.spreads.iter().enumerate();
        verdict.widths = spreads
            .map(|(at, spread)| match verdict.errors.get(at) {
                Some(errors) => widths(spread, &|step| self.actual(at, step) - errors[step]),
                None => widths(spread, &|step| verdict.point[step]),
            })
            .collect();
        verdict
    }

    /// The decayed mean error of the median of some models in a block.
    fn score(&self, models: &[usize], start: usize, end: usize) -> f64 {
        let origins = self.origins.past.len();
        let mut score = Decayed::default();
        let mut errors = vec![0.0; end - start];
        for origin in 0..origins {
            self.errors_of(models, origin, start, &mut errors);
            score.add(origins - 1 - origin, mean_size(&errors));
        }
        score.mean()
    }

    /// What the median of some models was off at an origin.
    fn errors_of(&self, models: &[usize], origin: usize, start: usize, errors: &mut [f64]) {
        for (step, error) in errors.iter_mut().enumerate() {
            let of_model =
                |model: &usize| self.rehearsal.past[*model][origin][start + step].0[self.at];
            *error = self.actual(origin, start + step) - median(models.iter().map(of_model));
        }
    }

    fn median(&self, models: &[usize], forecasts: &[Vec<Wide>], step: usize) -> f64 {
        median(models.iter().map(|model| forecasts[*model][step].0[self.at]))
    }

    /// The value of a step after an origin; NaN where there is none.
    fn actual(&self, origin: usize, step: usize) -> f64 {
        let at = self.origins.past[origin] + step;
        let value = self.tile.rows()[at].0[self.at];
        if self.tile.known(at).0[self.at] > 0.0 { value } else { f64::NAN }
    }
}

/// The errors of all models in one block of steps.
#[derive(Debug)]
struct Ranks {
    /// Per model and origin: mean absolute error and number of values; `None` without values.
    errors: Vec<Vec<Option<(f64, f64)>>>,
}

impl Ranks {
    fn of(lane: &Lane<'_>, start: usize, end: usize) -> Self {
        let of_origin = |(origin, forecasts): (usize, &Vec<Wide>)| {
            let off = (start..end)
                .map(|step| (lane.actual(origin, step) - forecasts[step].0[lane.at]).abs());
            let (sum, count) = off
                .filter(|off| !off.is_nan())
                .fold((0.0, 0.0), |(sum, count), off| (sum + off, count + 1.0));
            (count > 0.0).then_some((sum / count, count))
        };
        let of_model = |model: &Vec<Vec<Wide>>| model.iter().enumerate().map(of_origin).collect();
        Self { errors: lane.rehearsal.past.iter().map(of_model).collect() }
    }

    fn counts(&self) -> f64 {
        let first = self.errors.first().into_iter().flatten();
        first.flatten().map(|(_, count)| count).sum()
    }

    /// The decayed mean error of a model over all origins but one.
    fn score(&self, model: usize, without: Option<usize>) -> f64 {
        let errors = &self.errors[model];
        let mut score = Decayed::default();
        for (origin, error) in errors.iter().enumerate().filter(|(at, _)| Some(*at) != without) {
            score.add(errors.len() - 1 - origin, error.map_or(f64::NAN, |(mean, _)| mean));
        }
        score.mean()
    }

    /// The best models, the best first; the simpler of equal ones.
    fn best(&self, without: Option<usize>) -> Vec<usize> {
        let scores: Vec<f64> =
            (0..self.errors.len()).map(|model| self.score(model, without)).collect();
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]));
        order.truncate(BEST);
        order
    }

    /// The naive model that did better than the ensemble.
    fn better_floor(&self, floors: usize, ensemble: f64) -> Option<usize> {
        let floors =
            (0..floors.min(self.errors.len())).map(|model| (model, self.score(model, None)));
        let best = floors.min_by(|a, b| a.1.total_cmp(&b.1))?;
        (best.1 < FLOOR_MARGIN * ensemble).then_some(best.0)
    }
}

/// A mean in which older numbers count less.
#[derive(Debug, Default)]
struct Decayed {
    sum: f64,
    weights: f64,
}

impl Decayed {
    fn add(&mut self, age: usize, value: f64) {
        if !value.is_nan() {
            let weight = AGE_DECAY.powi(age as i32);
            self.sum += weight * value;
            self.weights += weight;
        }
    }

    fn mean(&self) -> f64 {
        self.sum / self.weights
    }
}

fn mean_size(errors: &[f64]) -> f64 {
    let known = errors.iter().filter(|error| !error.is_nan());
    let (sum, count) = known.fold((0.0, 0.0), |(sum, count), e| (sum + e.abs(), count + 1.0));
    sum / count
}

/// The median of up to five numbers.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted = [0.0; BEST];
    let mut count = 0;
    for value in values.take(BEST) {
        let mut at = count;
        while at > 0 && sorted[at - 1] > value {
            sorted[at] = sorted[at - 1];
            at -= 1;
        }
        sorted[at] = value;
        count += 1;
    }
    match count {
        0 => f64::NAN,
        odd if odd % 2 == 1 => sorted[odd / 2],
        even => f64::midpoint(sorted[even / 2 - 1], sorted[even / 2]),
    }
}
