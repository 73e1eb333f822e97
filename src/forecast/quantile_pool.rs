//! The weighted quantile pool: what comes next is drawn from what was lately, and from what was at
//! this time of day.
#![expect(clippy::inline_always, reason = "a loop is vectors only where all of it is in one place")]

use std::ops::Range;

use super::past::{Scaled, ToValues};
use super::{Fit, Past, Predict, Scale, Tile};
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

/// The median of a pool of past values with weights: the latest ones, whose weight halves with every
/// `memory` steps of age and, as a whole, with every `fade` steps ahead; and those of the same
/// phase in the last ten periods. Bursts move it no further than a rank.
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
struct Fitted {
    /// The latest values first; their weights add up to 1 where all are known.
    recent: Weighted,
    /// The last periods, the latest value last, with 1 where a value is known.
    cycles: Weighted,
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
        (3 * self.period).max(2 * self.memory)
    }

    fn fit(&self, past: &Past, origins: &[usize]) -> Vec<Box<dyn Predict>> {
        let level = past.in_scale(Scale::Level);
        let fitted =
            origins.iter().map(|origin| Box::new(self.fitted(level, *origin)) as Box<dyn Predict>);
        fitted.collect()
    }
}

impl QuantilePool {
    fn fitted(&self, scaled: &Scaled, origin: usize) -> Fitted {
        Fitted {
            recent: self.recent(&scaled.tile, origin),
            cycles: self.cycles(&scaled.tile, origin),
            period: self.period.max(1),
            fade: self.fade.max(1),
            to_values: scaled.to_values(),
        }
    }

    fn recent(&self, tile: &Tile, origin: usize) -> Weighted {
        let memory = self.memory.max(1);
        let ages = 0..(MEMORIES * memory).min(origin);
        let weight = |age: usize| (-(age as f64) / memory as f64).exp2();
        let total: f64 = ages.clone().map(weight).sum();
        let at = |age: usize| origin - 1 - age;
        Weighted {
            values: ages.clone().map(|age| tile.rows()[at(age)]).collect(),
            weights: ages.map(|age| tile.known(at(age)) * (weight(age) / total)).collect(),
        }
    }

    fn cycles(&self, tile: &Tile, origin: usize) -> Weighted {
        let reach = if self.period > 1 { (CYCLES + 1) * self.period } else { 0 };
        let steps = origin - reach.min(origin)..origin;
        Weighted {
            values: tile.rows()[steps.clone()].to_vec(),
            weights: steps.map(|step| tile.known(step)).collect(),
        }
    }
}

impl Fitted {
    /// What the steps `[step, step + width)` ahead are drawn from.
    fn pool(&self, step: usize, width: usize, pool: &mut Weighted) {
        let seasonal = self.cycles.values.len() > self.period;
        let middle = step as f64 + width as f64 / 2.0;
        let mass = if seasonal { (-middle / self.fade as f64).exp2() } else { 1.0 };
        pool.values.clear();
        pool.weights.clear();
        pool.values.extend_from_slice(&self.recent.values);
        pool.weights.extend(self.recent.weights.iter().map(|weight| *weight * mass));
        if seasonal {
            self.same_phase(step % self.period, width, 1.0 - mass, pool);
        }
    }

    /// Adds the values of a phase and of half a slot on either side, `mass` in all.
    fn same_phase(&self, phase: usize, width: usize, mass: f64, pool: &mut Weighted) {
        let slot = self.period / SLOTS;
        let first = pool.values.len();
        let mut total = 0.0;
        for cycle in 1..=CYCLES {
            let weight = CYCLE_DECAY.powi(cycle as i32 - 1);
            let weight = if cycle == WEEK { WEEK_WEIGHT * weight } else { weight };
            for near in 0..width + 2 * slot {
                // The step one period back may still lie ahead; then two are taken.
                let back = (cycle * self.period + slot).saturating_sub(phase + near);
                let back = if back == 0 { self.period } else { back };
                if let Some(at) = self.cycles.values.len().checked_sub(back) {
                    pool.values.push(self.cycles.values[at]);
                    pool.weights.push(self.cycles.weights[at] * weight);
                    total += weight;
                }
            }
        }
        for weight in &mut pool.weights[first..] {
            *weight *= Wide::splat(mass / total);
        }
    }
}

impl Fitted {
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

impl Predict for Fitted {
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
    /// The least value of each lane up to which at least the share `level` of all weight lies.
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
