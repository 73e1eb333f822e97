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
        let (origins, models) = (&self.origins.past, self.rehearsal.models());
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
            if ranks.are_equal(&chosen) && self.has_settled(period) {
                chosen.truncate(1);
            }
            if let Some(floor) = ranks.better_floor(self.floors, self.score(&chosen, start, end)) {
                chosen = vec![floor];
                for origin in 0..origins.len() {
                    self.errors_of(&chosen, origin, start, &mut verdict.errors[origin][start..end]);
                }
            }
            let last = at + 1 == blocks.len();
            let end = if last { horizon } else { end };
            for (step, value) in verdict.point[start..end].iter_mut().enumerate() {
                *value = self.present(&chosen, start + step);
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

    /// Whether the last value is nearer to the one before it than to the one a period before: a
    /// level that was left, and not for a moment.
    fn has_settled(&self, period: usize) -> bool {
        let back = |steps: usize| {
            let at = self.tile.len().checked_sub(1 + steps)?;
            Some(self.tile.rows()[at].0[self.at])
        };
        let (Some(last), Some(before), Some(cycle)) = (back(0), back(1), back(period)) else {
            return false;
        };
        (last - before).abs() < (last - cycle).abs()
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
                |model: &usize| self.rehearsal.past(*model, origin)[start + step].0[self.at];
            *error = self.actual(origin, start + step) - median(models.iter().map(of_model));
        }
    }

    /// The median of some models, from the present.
    fn present(&self, models: &[usize], step: usize) -> f64 {
        median(models.iter().map(|model| self.rehearsal.present(*model)[step].0[self.at]))
    }

    /// The value of a step after an origin; NaN where there is none.
    pub(super) fn actual(&self, origin: usize, step: usize) -> f64 {
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
        let of_origin = |origin: usize, forecasts: &[Wide]| {
            let off = (start..end)
                .map(|step| (lane.actual(origin, step) - forecasts[step].0[lane.at]).abs());
            let (sum, count) = off
                .filter(|off| !off.is_nan())
                .fold((0.0, 0.0), |(sum, count), off| (sum + off, count + 1.0));
            (count > 0.0).then_some((sum / count, count))
        };
        let origins = 0..lane.origins.past.len();
        let of_model = |model: usize| {
            let forecasts = |origin: usize| lane.rehearsal.past(model, origin);
            origins.clone().map(|origin| of_origin(origin, forecasts(origin))).collect()
        };
        Self { errors: (0..lane.rehearsal.models()).map(of_model).collect() }
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

    /// Whether the past cannot tell these models apart, as where nothing ever changed.
    fn are_equal(&self, models: &[usize]) -> bool {
        let mut scores = models.iter().map(|model| self.score(*model, None));
        let first = scores.next();
        scores.all(|score| Some(score) == first)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Random;

    const ORIGINS: [usize; 2] = [20, 30];
    const AHEAD: usize = 10;

    /// The verdict on models for a series of zeros, by what each forecasts at an origin and a step;
    /// origin 2 is the present.
    fn verdict(models: usize, floors: usize, says: impl Fn(usize, usize, usize) -> f64) -> Verdict {
        on(&[0.0; 40], models, floors, says)
    }

    fn on(
        values: &[f64],
        models: usize,
        floors: usize,
        says: impl Fn(usize, usize, usize) -> f64,
    ) -> Verdict {
        let rows = |model: usize, origin: usize, steps: usize| -> Vec<Wide> {
            (0..steps).map(|step| Wide::splat(says(model, origin, step))).collect()
        };
        let spread = |steps: usize| Spread {
            low: vec![Wide::splat(-2.0); steps],
            high: vec![Wide::splat(3.0); steps],
        };
        let of_model = |m: usize| vec![rows(m, 0, AHEAD), rows(m, 1, AHEAD), rows(m, 2, 14)];
        let forecasts: Vec<Vec<Vec<Wide>>> = (0..models).map(of_model).collect();
        let rehearsal = Rehearsal::of(&forecasts, [AHEAD, AHEAD, 14].map(spread).to_vec());
        let tile = Tile::new(&[values], 1);
        let origins = Origins { past: ORIGINS.to_vec(), ahead: AHEAD };
        let (tile, origins, rehearsal) = (&tile, &origins, &rehearsal);
        Lane { tile, origins, rehearsal, at: 0, floors }.verdict(8, 14)
    }

    #[test]
    fn blocks_end_at_a_quarter_one_and_two_periods() {
        assert_eq!(blocks(24, 60), [(0, 6), (6, 24), (24, 48), (48, 60)]);
        assert_eq!(blocks(24, 48), [(0, 6), (6, 24), (24, 48)]);
        assert_eq!(blocks(24, 4), [(0, 4)]);
        assert_eq!(blocks(1, 10), [(0, 1), (1, 2), (2, 10)]);
        assert!(blocks(24, 0).is_empty());
    }

    #[test]
    fn the_best_five_in_each_block_make_the_forecast() {
        // Errors of 1 to 7 in the first block, and of 7 to 1 in all others.
        let says = |model: usize, _: usize, step: usize| {
            let size = if step < 2 { 1 + model } else { 7 - model };
            if model.is_multiple_of(2) { size as f64 } else { -(size as f64) }
        };
        let found = verdict(7, 0, says);
        assert_eq!(found.chosen, [[0, 1, 2, 3, 4], [6, 5, 4, 3, 2], [6, 5, 4, 3, 2]]);
        // The medians of 1 -2 3 -4 5 and of 1 -2 3 -4 5.
        assert_eq!(found.point, [1.0; 14]);
        assert_eq!(found.errors, [[-1.0; AHEAD], [-1.0; AHEAD]]);
        assert_eq!(found.model_errors[0], (2.0 * 1.0 + 8.0 * 7.0) / 10.0);
    }

    #[test]
    fn the_simpler_of_equal_models_comes_first_and_late_origins_count_more() {
        assert_eq!(verdict(7, 0, |_, _, _| 1.0).chosen, [[0, 1, 2, 3, 4]; 3]);
        let says = |model: usize, origin: usize, _: usize| match (model, origin) {
            (0, 0) | (1, 1) => 1.0,
            _ => 2.0,
        };
        assert_eq!(verdict(2, 0, says).chosen[0], [1, 0]);
    }

    #[test]
    fn a_new_level_is_held_where_the_past_cannot_choose() {
        // All models said 0, and since then two say the new level and four the old one.
        let says = |model: usize, origin: usize, _: usize| match (origin, model) {
            (2, 0..2) => 8.0,
            _ => 0.0,
        };
        let mut values = [0.0; 40];
        values[37..].fill(8.0);
        let found = on(&values, 6, 1, says);
        assert_eq!((&found.chosen[0], found.point[0]), (&vec![0], 8.0));
        // One burst is no new level.
        values[37..39].fill(0.0);
        let burst = on(&values, 6, 1, says);
        assert_eq!((burst.chosen[0].len(), burst.point[0]), (5, 0.0));
    }

    #[test]
    fn an_origin_is_scored_on_an_ensemble_that_was_chosen_without_it() {
        // Five models are off by 1 at both origins; five by 1.5 at the first and 0 at the second,
        // which is the better on average, but not known before the second.
        let says = |model: usize, origin: usize, _: usize| match (model < 5, origin) {
            (true, _) => 1.0,
            (false, 0) => 1.5,
            (false, _) => 0.0,
        };
        let found = verdict(10, 0, says);
        assert_eq!(found.chosen, [[5, 6, 7, 8, 9]; 3]);
        assert_eq!(found.point, [0.0; 14]);
        assert_eq!(found.errors, [[-1.5; AHEAD], [-1.0; AHEAD]]);
    }

    #[test]
    fn a_naive_model_that_is_clearly_better_is_taken_alone() {
        let off =
            |size: f64| move |model: usize, _: usize, _: usize| if model == 0 { size } else { 1.0 };
        let clearly = verdict(8, 1, off(0.99 * FLOOR_MARGIN));
        assert_eq!(clearly.chosen, [[0], [0], [0]]);
        assert_eq!(clearly.point, [0.99 * FLOOR_MARGIN; 14]);
        assert_eq!(clearly.errors[1], [-0.99 * FLOOR_MARGIN; AHEAD]);
        let hardly = verdict(8, 1, off(1.01 * FLOOR_MARGIN));
        assert_eq!((hardly.chosen[0].len(), hardly.point[0]), (5, 1.0));
        // Of several the best.
        let two = verdict(8, 2, |model, _, _| [0.7, 0.5].get(model).copied().unwrap_or(1.0));
        assert_eq!(two.chosen, [[1], [1], [1]]);
        // A model that is no floor is never taken alone.
        assert_eq!(verdict(8, 0, off(0.1)).chosen[0].len(), 5);
    }

    #[test]
    fn what_was_not_measured_is_not_scored() {
        let mut values = [0.0; 40];
        values[25..30].fill(f64::NAN);
        values[32] = f64::NAN;
        let found = on(&values, 6, 0, |model, _, _| 1.0 + model as f64);
        assert!(found.errors[0][5..].iter().all(|error| error.is_nan()));
        assert!(found.errors[1][2].is_nan());
        assert_eq!((found.errors[0][4], found.errors[1][3]), (-3.0, -3.0));
        assert_eq!(found.model_errors, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        // Nothing measured at all: the simplest five, and no errors.
        let mut values = [f64::NAN; 40];
        values[0] = 0.0;
        let none = on(&values, 7, 2, |model, _, _| model as f64);
        assert_eq!((none.chosen[0].as_slice(), none.point[0]), ([0, 1, 2, 3, 4].as_slice(), 2.0));
        assert_eq!(none.model_errors, [0.0; 7]);
    }

    #[test]
    fn widths_are_distances_from_the_forecast() {
        let found = verdict(5, 0, |_, origin, _| [0.0, 1.0, 5.0][origin]);
        assert_eq!(found.widths.len(), 3);
        assert_eq!((found.widths[0][0].below, found.widths[0][0].above), (2.0, 3.0));
        assert_eq!((found.widths[1][3].below, found.widths[1][3].above), (3.0, 2.0));
        // Above the spread nothing is left on that side.
        assert_eq!((found.widths[2][13].below, found.widths[2][13].above), (7.0, 0.0));
    }

    #[test]
    fn the_median_of_up_to_five() {
        let mut random = Random::new(1);
        for count in 1..=BEST {
            for _ in 0..100 {
                let values: Vec<f64> = (0..count).map(|_| random.below(7) as f64).collect();
                let expected = crate::kernel::median(&mut values.clone());
                assert_eq!(median(values.into_iter()), expected);
            }
        }
        assert!(median(std::iter::empty()).is_nan());
        assert_eq!(median([1.0, 2.0, 3.0, 4.0, 5.0, 99.0].into_iter()), 3.0);
    }

    #[test]
    fn older_numbers_count_less_and_those_that_are_none_not_at_all() {
        let mut mean = Decayed::default();
        assert!(mean.mean().is_nan());
        for (age, value) in [(0, 1.0), (1, f64::NAN), (2, 3.0)] {
            mean.add(age, value);
        }
        let weight = AGE_DECAY * AGE_DECAY;
        assert!((mean.mean() - (1.0 + 3.0 * weight) / (1.0 + weight)).abs() < 1e-12);
    }
}
