//! Every model forecasts from several origins of the past, and from the present.

use super::quantile_pool::Spread;
use super::{Fit, Past, QuantilePool, Scratch, Tier, Tile};
use crate::kernel::Wide;

/// Origins that are scored, at most, the latest ones.
const ORIGINS_MAX: usize = 8;
/// The same, where time is short.
const ORIGINS_LIGHT: usize = 4;
/// Values before the first origin, at least.
const TRAINING_MIN: usize = 8;

/// Where forecasts start, and how far they go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origins {
    /// Steps before each past origin, the earliest first.
    pub(super) past: Vec<usize>,
    /// Steps ahead that are scored.
    pub(super) ahead: usize,
}

impl Origins {
    /// Up to eight origins, a period (or half the horizon, where there is none) apart.
    pub(super) fn new(values: usize, period: usize, horizon: usize, tier: Tier) -> Self {
        let most = if tier == Tier::Light { ORIGINS_LIGHT } else { ORIGINS_MAX };
        // A horizon as long as the history leaves no past to learn from.
        let ahead = horizon.min(values / 3).max(1);
        let first_possible = TRAINING_MIN.max(2 * period).max(values / 3);
        let last = values.saturating_sub(ahead);
        let room = last.saturating_sub(first_possible);
        // Periods of which the horizon is a part are seen at several of their phases.
        let between = if period > 1 { period.min(2 * ahead) } else { (ahead / 2).max(1) };
        let between = between.min((room / (ORIGINS_MAX / 2 - 1)).max(1));
        let mut past: Vec<usize> = (0..most)
            .map_while(|at| last.checked_sub(at * between))
            .filter(|origin| *origin >= first_possible)
            .collect();
        past.reverse();
        Self { past, ahead }
    }
}

/// What all models forecast.
#[derive(Debug)]
pub(super) struct Rehearsal {
    /// Per model and past origin, the forecasts of the steps ahead, one after another.
    past: Vec<Wide>,
    /// Per model, the forecast from the present.
    present: Vec<Wide>,
    /// Models, past origins, steps ahead of those, and of the present.
    models: usize,
    origins: usize,
    ahead: usize,
    horizon: usize,
    /// Per past origin, and last for the present, how far values were spread lately.
    pub(super) spreads: Vec<Spread>,
}

impl Rehearsal {
    /// Fits all models at all origins; the models must have values enough at the first.
    pub(super) fn run(
        tile: &Tile,
        pool: &[Box<dyn Fit>],
        spread: &QuantilePool,
        period: usize,
        origins: &Origins,
        horizon: usize,
        scratch: &mut Scratch,
    ) -> Self {
        let first = origins.past.first().copied().unwrap_or(tile.len());
        let past = Past::made_in(tile, period, first, scratch);
        let mut all = origins.past.clone();
        all.push(tile.len());
        let steps = |at: usize| if at == origins.past.len() { horizon } else { origins.ahead };
        let spreads = all.iter().enumerate().map(|(at, o)| spread.spread(&past, *o, steps(at)));
        let spreads = spreads.collect();
        let bounds: Vec<Bounds> = all.iter().map(|origin| Bounds::of(tile, *origin)).collect();
        let (models, count, ahead) = (pool.len(), origins.past.len(), origins.ahead);
        let mut forecasts = |steps: usize| {
            let mut rows = scratch.take(steps);
            rows.resize(steps, Wide::ZERO);
            rows
        };
        let mut found = Self {
            past: forecasts(models * count * ahead),
            present: forecasts(models * horizon),
            models,
            origins: count,
            ahead,
            horizon,
            spreads,
        };
        for (at_model, model) in pool.iter().enumerate() {
            for (at, fitted) in model.fit(&past, &all, scratch).iter().enumerate() {
                let rows = found.rows_mut(at_model, at);
                fitted.predict(rows);
                bounds[at].hold(rows);
            }
        }
        past.give_back(scratch);
        found
    }

    /// How many models there are.
    pub(super) fn models(&self) -> usize {
        self.models
    }

    /// What a model forecast from a past origin.
    pub(super) fn past(&self, model: usize, origin: usize) -> &[Wide] {
        let first = (model * self.origins + origin) * self.ahead;
        &self.past[first..first + self.ahead]
    }

    /// What a model forecasts from the present.
    pub(super) fn present(&self, model: usize) -> &[Wide] {
        &self.present[model * self.horizon..(model + 1) * self.horizon]
    }

    /// A model's forecast from an origin, of which the one after the past ones is the present.
    fn rows_mut(&mut self, model: usize, origin: usize) -> &mut [Wide] {
        if origin == self.origins {
            return &mut self.present[model * self.horizon..(model + 1) * self.horizon];
        }
        let first = (model * self.origins + origin) * self.ahead;
        &mut self.past[first..first + self.ahead]
    }

    /// Gives the buffers back.
    pub(super) fn give_back(self, scratch: &mut Scratch) {
        scratch.give(self.past);
        scratch.give(self.present);
    }
}

#[cfg(test)]
impl Rehearsal {
    /// One of forecasts that are given, per model and origin, the present last.
    pub(super) fn of(forecasts: &[Vec<Vec<Wide>>], spreads: Vec<Spread>) -> Self {
        let (past, present): (Vec<&[Vec<Wide>]>, Vec<&Vec<Wide>>) = forecasts
            .iter()
            .filter_map(|of_model| of_model.split_last())
            .map(|(present, past)| (past, present))
            .unzip();
        Self {
            past: past.concat().concat(),
            present: present.iter().flat_map(|rows| rows.iter().copied()).collect(),
            models: forecasts.len(),
            origins: past[0].len(),
            ahead: past[0][0].len(),
            horizon: present[0].len(),
            spreads,
        }
    }
}

/// No forecast leaves the range of the past by more than its share of it per length of the past.
#[derive(Debug)]
struct Bounds {
    least: Wide,
    greatest: Wide,
    steps: usize,
}

/// Forecasts may leave the range of the past by this share of it at once, and by as much again as
/// the range in every further length of the past.
const LEAVE_SHARE: f64 = 0.5;

impl Bounds {
    /// Those of the steps before an origin.
    fn of(tile: &Tile, origin: usize) -> Self {
        let (mut least, mut greatest) =
            (Wide::splat(f64::INFINITY), Wide::splat(f64::NEG_INFINITY));
        for row in &tile.rows()[..origin] {
            least = least.min(*row);
            greatest = greatest.max(*row);
        }
        Self { least, greatest, steps: origin }
    }

    fn hold(&self, rows: &mut [Wide]) {
        let range = self.greatest - self.least;
        for (step, row) in rows.iter_mut().enumerate() {
            let leave = range * leave_share(step, self.steps);
            let (low, high) = (self.least - leave, self.greatest + leave);
            // NaN fails every comparison and is held as well.
            *row = row.max(low).min(high);
        }
    }
}

/// How far a step ahead may leave the range of so many steps, as a share of it.
fn leave_share(step: usize, steps: usize) -> f64 {
    LEAVE_SHARE + (step + 1) as f64 / steps.max(1) as f64
}

/// The same bounds for what one series may come to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reach {
    least: f64,
    greatest: f64,
    steps: usize,
}

impl Reach {
    /// That of all values, NaN where there is none.
    pub(super) fn of(values: &[f64]) -> Self {
        let known = values.iter().filter(|value| value.is_finite());
        let (least, greatest) = known.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), value| {
            (f64::min(a, *value), f64::max(b, *value))
        });
        Self { least, greatest, steps: values.len() }
    }

    /// A value of a step ahead, inside the bounds.
    pub(super) fn hold(&self, step: usize, value: f64) -> f64 {
        let leave = (self.greatest - self.least) * leave_share(step, self.steps);
        value.max(self.least - leave).min(self.greatest + leave)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::tests::of_lane;
    use crate::forecast::{Persistence, Predict};

    fn origins(values: usize, period: usize, horizon: usize) -> (Vec<usize>, usize) {
        let found = Origins::new(values, period, horizon, Tier::Full);
        (found.past, found.ahead)
    }

    #[test]
    fn origins_by_hand() {
        // A day apart, the last one a horizon before the end.
        let days = [480, 504, 528, 552, 576, 600, 624, 648].to_vec();
        assert_eq!(origins(672, 24, 24), (days.clone(), 24));
        assert_eq!(Origins::new(672, 24, 24, Tier::Light).past, days[4..]);
        // A horizon of a few steps is seen at several phases of the day.
        assert_eq!(origins(672, 24, 3), ((0..8).map(|at| 669 - 6 * (7 - at)).collect(), 3));
        // Half a horizon where there is no period.
        assert_eq!(origins(300, 1, 20), ((0..8).map(|at| 280 - 10 * (7 - at)).collect(), 20));
        // As short as can be: a third is forecast, and two periods are learnt from.
        assert_eq!(origins(16, 1, 24), (vec![8, 9, 10, 11], 5));
        assert_eq!(origins(72, 24, 24), (vec![48], 24));
        assert_eq!(origins(90, 1, 30), (vec![30, 40, 50, 60], 30));
        // A horizon longer than the history.
        assert_eq!(origins(120, 1, 1_000), (vec![41, 54, 67, 80], 40));
    }

    #[test]
    fn origins_leave_a_past_and_a_future() {
        for values in 16..400 {
            for period in [1, 2, 5, 7, 24, 52] {
                for horizon in [1, 2, 7, 24, 48, 500] {
                    if values < 3 * period {
                        continue;
                    }
                    let (past, ahead) = origins(values, period, horizon);
                    let what = format!("{values} {period} {horizon}: {past:?} {ahead}");
                    assert!((1..=ORIGINS_MAX).contains(&past.len()), "{what}");
                    assert!(past.is_sorted_by(|a, b| a < b), "{what}");
                    assert!((1..=horizon).contains(&ahead), "{what}");
                    assert_eq!(past[past.len() - 1] + ahead, values, "{what}");
                    assert!(past[0] >= TRAINING_MIN.max(2 * period), "{what}");
                }
            }
        }
    }

    /// Forecasts powers of its base.
    #[derive(Debug)]
    struct Wild(f64);

    impl Fit for Wild {
        fn name(&self) -> String {
            "wild".to_owned()
        }

        fn values_min(&self) -> usize {
            1
        }

        fn fit<'a>(
            &self,
            _: &'a Past,
            origins: &[usize],
            _: &mut Scratch,
        ) -> Vec<Box<dyn Predict + 'a>> {
            origins.iter().map(|_| Box::new(Self(self.0)) as Box<dyn Predict>).collect()
        }
    }

    impl Predict for Wild {
        fn predict(&self, out: &mut [Wide]) {
            for (step, value) in out.iter_mut().enumerate() {
                *value = Wide::splat(self.0.powi(step as i32 + 1));
            }
        }
    }

    #[test]
    fn no_forecast_explodes_whatever_a_model_says() {
        let values: Vec<f64> = (0..60).map(|step| f64::from(step % 11)).collect();
        let tile = Tile::new(&[&values], 1);
        let bases = [10.0, -10.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
        let pool: Vec<Box<dyn Fit>> =
            bases.iter().map(|base| Box::new(Wild(*base)) as Box<dyn Fit>).collect();
        let origins = Origins { past: vec![30, 40], ahead: 20 };
        let spread = QuantilePool { period: 1, memory: 3, fade: 1 };
        // What the buffers held before does not matter.
        let mut scratch = Scratch::default();
        scratch.give(vec![Wide::splat(1e9); 500]);
        let found = Rehearsal::run(&tile, &pool, &spread, 1, &origins, 50, &mut scratch);
        assert_eq!((found.models(), found.spreads.len()), (5, 3));
        for model in 0..5 {
            let (first, second) = (found.past(model, 0), found.past(model, 1));
            let present = found.present(model);
            assert_eq!((first.len(), second.len(), present.len()), (20, 20, 50));
            for (rows, past) in [first, second, present].into_iter().zip([30.0, 40.0, 60.0]) {
                for (step, value) in of_lane(rows, 0).into_iter().enumerate() {
                    let leave = 10.0 * (LEAVE_SHARE + (step + 1) as f64 / past);
                    assert!((-leave..=10.0 + leave).contains(&value), "{step}: {value}");
                }
            }
        }
        // Forecasts inside are left alone.
        assert_eq!(found.present(0)[0].0[0], 10.0);
        // All of it can be given back and used again.
        found.give_back(&mut scratch);
        let again = Rehearsal::run(&tile, &pool, &spread, 1, &origins, 50, &mut scratch);
        assert_eq!((again.past(0, 1)[19].0[0], again.present(0)[0].0[0]), (20.0, 10.0));
    }

    #[test]
    fn one_series_is_held_in_the_same_bounds() {
        let values = [3.0, f64::NAN, 1.0, 5.0];
        let reach = Reach::of(&values);
        let bounds = Bounds { least: Wide::splat(1.0), greatest: Wide::splat(5.0), steps: 4 };
        for wild in [-1e9, 2.5, 1e9, f64::INFINITY] {
            let mut rows = [Wide::splat(wild); 6];
            bounds.hold(&mut rows);
            let held: Vec<f64> = (0..6).map(|step| reach.hold(step, wild)).collect();
            assert_eq!(held, of_lane(&rows, 0));
        }
    }

    #[test]
    fn bounds_at_an_origin_do_not_know_what_comes_after() {
        let mut values = vec![1.0; 60];
        values[..40].iter_mut().step_by(2).for_each(|value| *value = 0.0);
        values[50] = 1e6;
        let tile = Tile::new(&[&values], 1);
        let pool: Vec<Box<dyn Fit>> = vec![Box::new(Wild(10.0)), Box::new(Persistence)];
        let origins = Origins { past: vec![40], ahead: 20 };
        let spread = QuantilePool { period: 1, memory: 3, fade: 1 };
        let scratch = &mut Scratch::default();
        let found = Rehearsal::run(&tile, &pool, &spread, 1, &origins, 20, scratch);
        assert!(found.past(0, 0)[19].0[0] < 3.0);
        assert!(found.present(0)[19].0[0] > 1e6);
        assert_eq!((found.past(1, 0)[5].0[0], found.present(1)[5].0[0]), (1.0, 1.0));
    }
}
