//! How far forecasts were off, pooled over a fleet: conformal intervals (Vovk, Gammerman and
//! Shafer, 2005), with no assumption on the shape of errors, lower and upper end apart.
//!
//! An error is first divided by how large the series' own errors at that distance were at its other
//! origins. What is left is alike from series to series, so that a fleet of a thousand tells the
//! 97.5th percentile where one series with eight origins cannot.

use super::rehearsed::{Outlook, Rehearsed};

/// Steps of the first block, and by how much each is longer than the one before.
const BLOCK_FIRST: usize = 3;
const BLOCK_GROWTH: f64 = 1.5;
/// Errors that a block keeps, at most; beyond it every second one is dropped.
const KEPT_MAX: usize = 1 << 16;
/// Below so many origins their errors, which resemble each other, are widened by what would have
/// held them out of sample.
const ORIGINS_ENOUGH: usize = 50;
/// Quantiles within this of the median are not widened.
const MIDDLE: f64 = 0.05;
/// Ends are widened so far at most.
const WIDEN_MAX: f64 = 3.0;

/// Larger normalised errors are cut: where nothing ever changed any change is infinitely large.
const ERROR_MAX: f64 = 1e3;

/// Collects the normalised errors of a fleet, series by series, in bounded memory.
#[derive(Debug, Clone, Default)]
pub struct ErrorPool {
    blocks: Vec<Block>,
    origins: usize,
}

/// Quantiles of the normalised errors of a fleet, by distance.
#[derive(Debug, Clone)]
pub struct Doubt {
    blocks: Vec<Block>,
    origins: usize,
}

/// A normalised error.
#[derive(Debug, Clone, Copy)]
struct Normalised {
    error: f64,
    /// The origin that it is of.
    origin: u32,
}

#[derive(Debug, Clone)]
struct Block {
    start: usize,
    end: usize,
    errors: Vec<Normalised>,
    /// One of so many errors is kept.
    stride: usize,
    seen: usize,
}

impl ErrorPool {
    /// Takes one series' errors, and gives back what is left.
    pub fn add(&mut self, one: Rehearsed) -> Outlook {
        let share = one.outlook.spread_share;
        for witnesses in one.witnesses() {
            let origin = self.origins as u32;
            self.origins += 1;
            for (step, witness) in witnesses.iter().enumerate().filter(|(_, w)| !w.error.is_nan()) {
                let error =
                    if witness.error == 0.0 { 0.0 } else { witness.error / witness.scale(share) };
                let error = error.clamp(-ERROR_MAX, ERROR_MAX);
                block(&mut self.blocks, step).add(Normalised { error, origin });
            }
        }
        one.outlook
    }

    /// The quantiles of what was added.
    pub fn finish(mut self) -> Doubt {
        for block in &mut self.blocks {
            block.errors.sort_unstable_by(|a, b| a.error.total_cmp(&b.error));
        }
        Doubt { blocks: self.blocks, origins: self.origins }
    }
}

/// The block of a step; blocks up to it are made.
fn block(blocks: &mut Vec<Block>, step: usize) -> &mut Block {
    while blocks.last().is_none_or(|last| last.end <= step) {
        let start = blocks.last().map_or(0, |last| last.end);
        let length = BLOCK_FIRST as f64 * BLOCK_GROWTH.powi(blocks.len() as i32);
        let end = start + length as usize;
        blocks.push(Block { start, end, errors: Vec::new(), stride: 1, seen: 0 });
    }
    let at = blocks.partition_point(|block| block.end <= step);
    &mut blocks[at]
}

impl Doubt {
    /// Origins whose errors are known.
    pub fn origins(&self) -> usize {
        self.origins
    }

    /// The `level` quantile of the normalised errors at each of some steps ahead: between the
    /// middles of blocks it runs straight.
    pub fn quantiles(&self, level: f64, steps: usize) -> Vec<f64> {
        let widen = self.widening(level);
        let knots: Vec<(f64, f64)> = self
            .blocks
            .iter()
            .filter(|block| !block.errors.is_empty())
            .map(|block| {
                let middle = (block.start + block.end - 1) as f64 / 2.0;
                (middle, ranked(&block.errors, level) * widen)
            })
            .collect();
        (0..steps).map(|step| between(&knots, step as f64)).collect()
    }

    /// The share of errors between two quantiles that do not know their origin; NaN of too few
    /// origins.
    pub fn coverage(&self, lower: f64, upper: f64) -> f64 {
        let (low, high) = (self.widening(lower), self.widening(upper));
        let (mut inside, mut all) = (0_usize, 0_usize);
        for block in &self.blocks {
            block.hold_out(self.is_large(), &[lower, upper], |own, ends| {
                // The errors are sorted.
                let below = own.partition_point(|e| e.error < ends[0] * low);
                inside += own.partition_point(|e| e.error <= ends[1] * high).max(below) - below;
                all += own.len();
            });
        }
        if all > 0 { inside as f64 / all as f64 } else { f64::NAN }
    }

    /// Whether one origin more or less makes no difference.
    fn is_large(&self) -> bool {
        self.origins >= ORIGINS_ENOUGH
    }

    /// The factor that an end at `level` needs to hold its share of origins that it does not know.
    fn widening(&self, level: f64) -> f64 {
        if self.is_large() || (level - 0.5).abs() < MIDDLE {
            return 1.0;
        }
        let toward = if level < 0.5 { -1.0 } else { 1.0 };
        let mut ratios = Vec::new();
        for block in &self.blocks {
            block.hold_out(false, &[level], |own, ends| {
                // An end on the wrong side of the forecast cannot be widened into the right one.
                let end = (ends[0] * toward).max(f64::MIN_POSITIVE);
                ratios
                    .extend(own.iter().map(|e| Normalised { error: e.error * toward / end, ..*e }));
            });
        }
        if ratios.is_empty() {
            return 1.0;
        }
        ratios.sort_unstable_by(|a: &Normalised, b| a.error.total_cmp(&b.error));
        ranked(&ratios, level.max(1.0 - level)).clamp(1.0, WIDEN_MAX)
    }
}

impl Block {
    fn add(&mut self, error: Normalised) {
        self.seen += 1;
        if self.seen.is_multiple_of(self.stride) {
            self.errors.push(error);
        }
        if self.errors.len() >= KEPT_MAX {
            let mut odd = false;
            self.errors.retain(|_| {
                odd = !odd;
                odd
            });
            self.stride *= 2;
        }
    }

    /// Calls `then` with the errors of each origin, and quantiles of those of all others; with all
    /// errors and their own quantiles where there are many origins.
    fn hold_out(&self, large: bool, levels: &[f64], mut then: impl FnMut(&[Normalised], &[f64])) {
        let ends = |errors: &[Normalised]| -> Vec<f64> {
            levels.iter().map(|level| ranked(errors, *level)).collect()
        };
        if large {
            then(&self.errors, &ends(&self.errors));
            return;
        }
        let last = self.errors.iter().map(|error| error.origin).max().unwrap_or(0);
        for origin in 0..=last {
            let (own, others): (Vec<_>, Vec<_>) =
                self.errors.iter().partition(|error| error.origin == origin);
            if !own.is_empty() && !others.is_empty() {
                then(&own, &ends(&others));
            }
        }
    }
}

/// Where the line through the knots is at `step`; level before the first and after the last.
fn between(knots: &[(f64, f64)], step: f64) -> f64 {
    let next = knots.partition_point(|knot| knot.0 < step);
    let before = next.checked_sub(1).and_then(|at| knots.get(at));
    match (before, knots.get(next)) {
        (Some(a), Some(b)) => a.1 + (step - a.0) / (b.0 - a.0) * (b.1 - a.1),
        (Some(one), None) | (None, Some(one)) => one.1,
        (None, None) => 0.0,
    }
}

/// The error of rank `ceil((n + 1) level)` above the middle, and its mirror below: as many ranks
/// from the end as a new error needs to lie inside with that probability.
fn ranked(sorted: &[Normalised], level: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    let count = (sorted.len() + 1) as f64;
    let rank = if level > 0.5 {
        (count * level).ceil() as usize
    } else {
        sorted.len() + 1 - (count * (1.0 - level)).ceil() as usize
    };
    sorted[rank.saturating_sub(1).min(last)].error
}
