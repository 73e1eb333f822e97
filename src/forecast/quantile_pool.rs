//! The weighted quantile pool: what comes next is drawn from what was lately, and from what was at
//! this time of day.
#![expect(clippy::inline_always, reason = "a loop is vectors only where all of it is in one place")]

use std::ops::Range;

use super::past::{Scaled, ToValues};
use super::{Fit, Past, Predict, Scale, Scratch, Tile};
use crate::kernel::{Loop, Wide, widest};

/// Periods that are looked back for values of the same phase.
const CYCLES: usize = 10;
/// What a period's values weigh, against those of the next later one.
const CYCLE_DECAY: f64 = 0.85;
/// What the period one week ago weighs, against its neighbours.
const WEEK_WEIGHT: f64 = 2.0;
/// Periods of a week, where a period is a day.
const WEEK: usize = 7;
/// Memories of age that the pool of recent values reaches back.
const MEMORIES: usize = 6;
/// The halvings that find a quantile between the least and the greatest value of the pool.
const HALVINGS: usize = 14;
/// The quantiles whose distance from the middle is a spread.
const SPREAD_LOW: f64 = 0.1;
const SPREAD_HIGH: f64 = 0.9;
/// Slots that a period is cut into: values as near in phase as a slot are of one phase.
const SLOTS: usize = 96;

/// The median of a pool of past values with weights: the latest ones, whose weight halves with
/// every `memory` steps of age and, as a whole, with every `fade` steps ahead; and those of the
/// same phase in the last ten periods. Bursts move it no further than a rank, unless they are
/// thousands of times as large as all else differs.
#[derive(Debug, Clone, PartialEq)]
pub struct QuantilePool {
    /// Steps of a period; 1 for no season.
    pub period: usize,
    /// Steps of age that halve the weight of a recent value.
    pub memory: usize,
    /// Steps ahead that halve the weight of all recent values together.
    pub fade: usize,
}

/// Values with their weights, in lanes.
#[derive(Debug, Default)]
struct Weighted {
    values: Vec<Wide>,
    weights: Vec<Wide>,
}

#[derive(Debug)]
struct Fitted<'a> {
    tile: &'a Tile,
    origin: usize,
    /// What the latest values weigh, the latest first: 1 in all, where all are known.
    recent: Vec<f64>,
    /// Steps before the origin that values of one phase are looked for in.
    reach: usize,
    period: usize,
    fade: usize,
    to_values: ToValues,
}

impl Fit for QuantilePool {
    fn name(&self) -> String {
        let Self { period, memory, fade } = self;
        if *period > 1 {
            format!("quantile pool({period}, {memory}, {fade})")
        } else {
            format!("quantile pool({memory})")
        }
    }

    fn values_min(&self) -> usize {
        self.period.saturating_mul(3).max(self.memory.saturating_mul(2))
    }

    fn fit<'a>(
        &self,
        past: &'a Past,
        origins: &[usize],
        _: &mut Scratch,
    ) -> Vec<Box<dyn Predict + 'a>> {
        let level = past.in_scale(Scale::Level);
        let fitted = origins
            .iter()
            .map(|origin| Box::new(self.fitted(level, *origin)) as Box<dyn Predict + 'a>);
        fitted.collect()
    }
}

impl QuantilePool {
    fn fitted<'a>(&self, scaled: &'a Scaled, origin: usize) -> Fitted<'a> {
        let reach = if self.period > 1 { (CYCLES + 1) * self.period } else { 0 };
        Fitted {
            tile: &scaled.tile,
            origin,
            recent: self.recent(origin),
            reach: reach.min(origin),
            period: self.period.max(1),
            fade: self.fade.max(1),
            to_values: scaled.to_values(),
        }
    }

    fn recent(&self, origin: usize) -> Vec<f64> {
        let memory = self.memory.max(1);
        let ages = 0..(MEMORIES * memory).min(origin);
        let weight = |age: usize| (-(age as f64) / memory as f64).exp2();
        let total: f64 = ages.clone().map(weight).sum();
        ages.map(|age| weight(age) / total).collect()
    }
}

impl Fitted<'_> {
    /// What the steps `[step, step + width)` ahead are drawn from.
    fn pool(&self, step: usize, width: usize, pool: &mut Weighted) {
        let seasonal = self.reach > self.period;
        let middle = step as f64 + width as f64 / 2.0;
        let mass = if seasonal { (-middle / self.fade as f64).exp2() } else { 1.0 };
        pool.values.clear();
        pool.weights.clear();
        let steps = self.origin - self.recent.len()..self.origin;
        pool.values.extend(self.tile.rows()[steps.clone()].iter().rev());
        let weights = steps.rev().zip(&self.recent);
        pool.weights.extend(weights.map(|(step, weight)| self.tile.known(step) * *weight * mass));
        if seasonal {
            self.same_phase(step % self.period, width, 1.0 - mass, pool);
        }
    }

    /// Adds the values of a phase and of a slot on either side, `mass` in all.
    fn same_phase(&self, phase: usize, width: usize, mass: f64, pool: &mut Weighted) {
        let slot = self.period / SLOTS;
        let first = pool.values.len();
        let mut total = 0.0;
        for cycle in 1..=CYCLES {
            let weight = CYCLE_DECAY.powi(cycle as i32 - 1);
            let weight = if cycle == WEEK { WEEK_WEIGHT * weight } else { weight };
            for near in 0..width + 2 * slot {
                // The step one period back may still lie ahead; then two are taken.
                let (first, ahead) = (cycle * self.period + slot, phase + near);
                let back = if first > ahead { first } else { first + self.period } - ahead;
                if back <= self.reach {
                    let step = self.origin - back;
                    pool.values.push(self.tile.rows()[step]);
                    pool.weights.push(self.tile.known(step) * weight);
                    total += weight;
                }
            }
        }
        for weight in &mut pool.weights[first..] {
            *weight *= Wide::splat(mass / total);
        }
    }
}

impl Fitted<'_> {
    /// Calls `then` with each slot of steps and what it is drawn from.
    fn slots(&self, steps: usize, mut then: impl FnMut(Range<usize>, &Weighted)) {
        let width = (self.period / SLOTS).max(1);
        let mut pool = Weighted::default();
        for step in (0..steps).step_by(width) {
            self.pool(step, width, &mut pool);
            then(step..(step + width).min(steps), &pool);
        }
    }
}

impl Predict for Fitted<'_> {
    fn predict(&self, out: &mut [Wide]) {
        self.slots(out.len(), |steps, pool| out[steps].fill(pool.quantile(0.5)));
        self.to_values.apply(out);
    }
}

/// Where the tenth and the ninetieth percentile of a pool lie at each step ahead.
#[derive(Debug, Clone)]
pub(super) struct Spread {
    pub(super) low: Vec<Wide>,
    pub(super) high: Vec<Wide>,
}

impl QuantilePool {
    /// The spread of the steps after an origin.
    pub(super) fn spread(&self, past: &Past, origin: usize, steps: usize) -> Spread {
        let level = past.in_scale(Scale::Level);
        let fitted = self.fitted(level, origin);
        let none = || vec![Wide::ZERO; steps];
        let mut found = Spread { low: none(), high: none() };
        fitted.slots(steps, |steps, pool| {
            found.low[steps.clone()].fill(pool.quantile(SPREAD_LOW));
            found.high[steps].fill(pool.quantile(SPREAD_HIGH));
        });
        fitted.to_values.apply(&mut found.low);
        fitted.to_values.apply(&mut found.high);
        found
    }
}

impl Weighted {
    /// The least value of each lane up to which at least the share `level` of all weight lies; of
    /// values as near to each other as 2^-14 of the pool's range, the greatest.
    fn quantile(&self, level: f64) -> Wide {
        widest(QuantileOf { pool: self, level })
    }
}

/// A quantile of a pool.
struct QuantileOf<'a> {
    pool: &'a Weighted,
    level: f64,
}

impl Loop for QuantileOf<'_> {
    type Output = Wide;

    #[inline(always)]
    fn run(self) -> Wide {
        let Self { pool, level } = self;
        let (mut low, mut high) = (Wide::splat(f64::INFINITY), Wide::splat(f64::NEG_INFINITY));
        let mut total = Wide::ZERO;
        for (value, weight) in pool.values.iter().zip(&pool.weights) {
            low = low.min(*value);
            high = high.max(*value);
            total += *weight;
        }
        let wanted = total * level;
        // Up to `high` enough weight lies.
        for _ in 0..HALVINGS {
            let middle = (low + high) * 0.5;
            let mut below = Wide::ZERO;
            for (value, weight) in pool.values.iter().zip(&pool.weights) {
                below += Wide::ZERO.where_less(middle, *value, *weight);
            }
            let next_low = middle.where_less(below, wanted, low);
            high = high.where_less(below, wanted, middle);
            low = next_low;
        }
        // The greatest value of the pool up to there.
        let mut found = Wide::splat(f64::NEG_INFINITY);
        for value in &pool.values {
            found = found.where_less(high, *value, found.max(*value));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::tests::{noise, of_lane, predicted};
    use crate::kernel::Random;

    /// Value and weight of what a step ahead is drawn from, and how wide all of it is.
    fn naive_pool(model: &QuantilePool, values: &[f64], ahead: usize) -> (Vec<(f64, f64)>, f64) {
        let guessed = Tile::new(&[values], model.period);
        let value = |at: usize| guessed.rows()[at].0[0];
        let known = |at: usize| f64::from(u8::from(values[at].is_finite()));
        let (n, m) = (values.len(), model.period);
        let slot = m / SLOTS;
        let width = slot.max(1);
        let start = ahead / width * width;
        let middle = start as f64 + width as f64 / 2.0;
        let share = if m > 1 { 0.5_f64.powf(middle / model.fade as f64) } else { 1.0 };
        let of_age = |age: usize| 0.5_f64.powf(age as f64 / model.memory as f64);
        let ages = 0..n.min(6 * model.memory);
        let all: f64 = ages.clone().map(of_age).sum();
        let mut pool: Vec<(f64, f64)> = ages
            .map(|age| (n - 1 - age, of_age(age) / all * share))
            .map(|(at, weight)| (value(at), weight * known(at)))
            .collect();
        if m > 1 {
            // Steps of the slot and of one on either side of it, whole periods ago.
            let first = (n + start % m) as i64 - slot as i64;
            let mut alike = Vec::new();
            for cycle in 1..=10_i32 {
                let of_week = if cycle == 7 { 2.0 } else { 1.0 };
                let weight = of_week * 0.85_f64.powi(cycle - 1);
                for step in first..first + (width + 2 * slot) as i64 {
                    let at = step - i64::from(cycle) * m as i64;
                    let at = if at >= n as i64 { at - m as i64 } else { at };
                    if at >= (n - n.min(11 * m)) as i64 {
                        alike.push((at as usize, weight));
                    }
                }
            }
            let all: f64 = alike.iter().map(|(_, weight)| weight).sum();
            let weigh =
                |(at, weight): (usize, f64)| (value(at), weight / all * (1.0 - share) * known(at));
            pool.extend(alike.into_iter().map(weigh));
        }
        let least = pool.iter().map(|one| one.0).fold(f64::INFINITY, f64::min);
        let greatest = pool.iter().map(|one| one.0).fold(f64::NEG_INFINITY, f64::max);
        (pool, greatest - least)
    }

    /// Sorts, and adds weights up.
    fn naive_quantile(mut pool: Vec<(f64, f64)>, level: f64) -> f64 {
        pool.sort_by(|a, b| a.0.total_cmp(&b.0));
        let total: f64 = pool.iter().map(|one| one.1).sum();
        let mut below = 0.0;
        for (value, weight) in &pool {
            below += weight;
            if below >= total * level {
                return *value;
            }
        }
        pool.last().unwrap().0
    }

    #[test]
    fn quantiles_are_those_of_sorted_values_with_weights() {
        let mut series: Vec<Vec<f64>> = (0..4)
            .map(|lane| noise(lane, 2_200).into_iter().enumerate())
            .map(|numbers| numbers.map(|(t, z)| (t % 24) as f64 + 3.0 * z).collect())
            .collect();
        let mut random = Random::new(7);
        for value in &mut series[2] {
            if random.uniform() < 0.3 {
                *value = f64::NAN;
            }
        }
        series[2][0] = 1.0;
        series[2][2_190..].fill(f64::NAN);
        for (period, memory, fade) in [(1, 6, 1), (24, 3, 8), (24, 1, 2), (200, 8, 70)] {
            let model = QuantilePool { period, memory, fade };
            for steps in [model.values_min().max(60), 2_200] {
                let rows: Vec<&[f64]> = series.iter().map(|one| &one[..steps]).collect();
                let past = Past::new(&Tile::new(&rows, period), period, steps);
                // Past the end of a period, where slots look back over it.
                let ahead = if period > 100 { period + 10 } else { 30.min(2 * period) };
                let mut middle = vec![Wide::ZERO; ahead];
                model.fit(&past, &[steps], &mut Scratch::default())[0].predict(&mut middle);
                let spread = model.spread(&past, steps, ahead);
                for (lane, values) in rows.iter().enumerate() {
                    for step in ahead.saturating_sub(30)..ahead {
                        let (pool, range) = naive_pool(&model, values, step);
                        let all = [(0.1, &spread.low), (0.5, &middle), (0.9, &spread.high)];
                        for (level, found) in all {
                            // The halvings end at this share of the range.
                            let above = found[step].0[lane] - naive_quantile(pool.clone(), level);
                            let within = -1e-9..=range / f64::from(1 << HALVINGS) + 1e-9;
                            assert!(
                                within.contains(&above),
                                "{model:?} {steps} {lane} {step} {level}: {above}"
                            );
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_forecast_goes_from_the_latest_values_to_those_of_the_phase() {
        // A clean square day that is stuck at 100 lately.
        let mut values: Vec<f64> =
            (0..24 * 14).map(|hour| if hour % 24 < 12 { 0.0 } else { 50.0 }).collect();
        let end = values.len();
        values[end - 6..].fill(100.0);
        let found = predicted(&QuantilePool { period: 24, memory: 2, fade: 4 }, &values, 48);
        assert_eq!((found[0], found[1]), (100.0, 100.0));
        assert_eq!((found[11], found[14], found[30], found[40]), (0.0, 50.0, 0.0, 50.0));
    }

    #[test]
    fn bursts_move_it_no_further_than_a_rank() {
        let mut values: Vec<f64> = (0..60).map(|step| f64::from(step % 5)).collect();
        let model = QuantilePool { period: 1, memory: 6, fade: 1 };
        let before = predicted(&model, &values, 3);
        for burst in [100.0, 10_000.0, -10_000.0] {
            values[57] = burst;
            let after = predicted(&model, &values, 3);
            assert!((after[2] - before[2]).abs() <= 1.0, "{burst}: {after:?}");
        }
        // Beside a value that is larger than 2^14 of them, all others are one.
        values[57] = 1e9;
        assert_eq!(predicted(&model, &values, 1), [4.0]);
    }

    #[test]
    fn a_pool_of_guesses_alone_is_still_a_number() {
        let mut values = vec![f64::NAN; 50];
        values[0] = 3.0;
        let rows = Tile::new(&[&values], 5);
        let past = Past::new(&rows, 5, 50);
        let model = QuantilePool { period: 5, memory: 1, fade: 1 };
        let mut found = vec![Wide::ZERO; 4];
        model.fit(&past, &[50], &mut Scratch::default())[0].predict(&mut found);
        assert_eq!(of_lane(&found, 0), [3.0; 4]);
    }
}
