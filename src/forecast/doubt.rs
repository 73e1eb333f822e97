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
                (middle, widened(ranked(&block.errors, level), level, widen))
            })
            .collect();
        (0..steps).map(|step| between(&knots, step as f64)).collect()
    }

    /// The share of errors between two quantiles, which hold the forecast between them and do not
    /// know the errors' origin; NaN of too few origins.
    pub fn coverage(&self, lower: f64, upper: f64) -> f64 {
        let (low, high) = (self.widening(lower), self.widening(upper));
        let (mut inside, mut all) = (0_usize, 0_usize);
        for block in &self.blocks {
            block.hold_out(self.is_large(), &[lower, upper], |own, ends| {
                let low = widened(ends[0], lower, low).min(0.0);
                let high = widened(ends[1], upper, high).max(0.0);
                // The errors are sorted.
                let below = own.partition_point(|e| e.error < low);
                inside += own.partition_point(|e| e.error <= high) - below;
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

/// An end further from the forecast by a factor; where it is on the other side, as it is: the
/// factor would move it away from its own.
fn widened(end: f64, level: f64, factor: f64) -> f64 {
    if (level < 0.5) == (end < 0.0) { end * factor } else { end }
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
    if level.is_nan() {
        return f64::NAN;
    }
    let level = level.clamp(0.0, 1.0);
    let count = (sorted.len() + 1) as f64;
    let rank = if level > 0.5 {
        (count * level).ceil() as usize
    } else {
        sorted.len() + 1 - (count * (1.0 - level)).ceil() as usize
    };
    sorted[rank.saturating_sub(1).min(last)].error
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::rehearsed::tests::with_errors;
    use crate::kernel::Random;

    /// Errors with a long tail above: squares of normal numbers.
    fn skewed(random: &mut Random, origins: usize, steps: usize) -> Vec<Vec<f64>> {
        let mut error = || random.normal().powi(2) - 0.5;
        (0..origins).map(|_| (0..steps).map(|_| error()).collect()).collect()
    }

    fn doubt_of(series: Vec<Vec<Vec<f64>>>, between: usize) -> (Doubt, Vec<Outlook>) {
        let mut pool = ErrorPool::default();
        let outlooks =
            series.into_iter().map(|errors| pool.add(with_errors(errors, between))).collect();
        (pool.finish(), outlooks)
    }

    fn share_inside(outlook: &Outlook, doubt: &Doubt, errors: &[Vec<f64>]) -> f64 {
        let found = outlook.forecast(doubt);
        let steps = errors.iter().flat_map(|errors| errors.iter().enumerate());
        let inside = steps.filter(|(step, error)| {
            (found.lower[*step]..=found.upper[*step]).contains(&(10.0 + *error))
        });
        inside.count() as f64 / errors.iter().map(Vec::len).sum::<usize>() as f64
    }

    fn numbers(errors: &[f64]) -> Vec<Normalised> {
        errors.iter().map(|error| Normalised { error: *error, origin: 0 }).collect()
    }

    #[test]
    fn a_fleet_covers_as_often_as_it_says_even_where_errors_lean() {
        let mut random = Random::new(1);
        let series = (0..40).map(|_| skewed(&mut random, 8, 24)).collect();
        let (doubt, outlooks) = doubt_of(series, 24);
        assert_eq!(doubt.origins(), 320);
        let claimed = doubt.coverage(0.1, 0.9);
        assert!((claimed - 0.8).abs() < 0.02, "{claimed}");
        let shares = outlooks.iter().map(|one| {
            let future = skewed(&mut random, 4, 24);
            share_inside(one, &doubt, &future)
        });
        let share = shares.sum::<f64>() / 40.0;
        assert!((share - 0.8).abs() < 0.03, "{share}");
        let found = outlooks[0].forecast(&doubt);
        assert!(10.0 - found.lower[9] < 0.5 * (found.upper[9] - 10.0), "the tail is above");
    }

    #[test]
    fn one_series_covers_as_often_as_it_says() {
        let mut random = Random::new(2);
        let (mut share, mut claimed) = (0.0, 0.0);
        for _ in 0..50 {
            let (doubt, outlooks) = doubt_of(vec![skewed(&mut random, 8, 48)], 48);
            claimed += doubt.coverage(0.1, 0.9) / 50.0;
            share += share_inside(&outlooks[0], &doubt, &skewed(&mut random, 10, 48)) / 50.0;
        }
        assert!((0.75..0.88).contains(&share), "{share}");
        assert!((share - claimed).abs() < 0.05, "{share} {claimed}");
    }

    #[test]
    fn errors_that_whole_origins_share_widen_the_ends() {
        let of_origin = [0.1, -0.1, 0.1, -0.1, 3.0, -0.1, 0.1, -4.0];
        let errors: Vec<Vec<f64>> = of_origin.iter().map(|error| vec![*error; 10]).collect();
        let (few, _) = doubt_of(vec![errors.clone()], 10);
        let (many, _) = doubt_of(vec![errors; 8], 10);
        let width = |doubt: &Doubt| doubt.quantiles(0.9, 1)[0] - doubt.quantiles(0.1, 1)[0];
        assert!(width(&few) > 1.2 * width(&many), "{} {}", width(&few), width(&many));
        assert!((1.0..=WIDEN_MAX).contains(&few.widening(0.9)) && few.widening(0.9) > 1.0);
        assert_eq!((few.widening(0.5), many.widening(0.9)), (1.0, 1.0));
        let (one, _) = doubt_of(vec![vec![vec![1.0; 10]]], 10);
        assert_eq!(one.widening(0.9), 1.0);
        assert!(one.coverage(0.1, 0.9).is_nan(), "one origin is no witness of itself");
    }

    #[test]
    fn origins_that_share_values_do_not_blow_the_ends_up() {
        // Four origins of which only the outer two forecast different values, and a lone one.
        for (origins, between) in [(4, 10), (1, 30)] {
            let mut random = Random::new(3);
            let errors: Vec<Vec<f64>> =
                (0..origins).map(|_| (0..30).map(|_| random.normal()).collect()).collect();
            let (doubt, _) = doubt_of(vec![errors], between);
            let end = doubt.quantiles(0.9, 30);
            assert!(end.iter().all(|end| (0.3..10.0).contains(end)), "{end:?}");
        }
    }

    #[test]
    fn gaps_and_forecasts_without_error_leave_finite_ends() {
        let mut errors = vec![vec![0.0; 5]; 4];
        errors[1][2] = f64::NAN;
        let (doubt, outlooks) = doubt_of(vec![errors.clone()], 5);
        assert_eq!(doubt.quantiles(0.9, 5), [0.0; 5]);
        assert_eq!(outlooks[0].forecast(&doubt).upper, [10.0; 5]);
        // What never changed and then does.
        errors[3][4] = 1.0;
        let (doubt, outlooks) = doubt_of(vec![errors], 5);
        let found = outlooks[0].forecast(&doubt);
        assert!(found.upper.iter().chain(&found.lower).all(|end| end.is_finite()), "{found:?}");
        let none = ErrorPool::default().finish();
        assert_eq!((none.origins(), none.quantiles(0.9, 3)), (0, vec![0.0; 3]));
        assert!(none.coverage(0.1, 0.9).is_nan());
        let without = ErrorPool::default().add(with_errors(vec![vec![f64::NAN; 3]; 2], 3));
        assert_eq!(without.forecast(&none).lower, [10.0; 3]);
    }

    #[test]
    fn blocks_grow_by_half() {
        let mut blocks = Vec::new();
        assert_eq!(block(&mut blocks, 40).start, 38);
        let ends: Vec<(usize, usize)> =
            blocks.iter().map(|block| (block.start, block.end)).collect();
        assert_eq!(ends, [(0, 3), (3, 7), (7, 13), (13, 23), (23, 38), (38, 60)]);
        for (step, start) in [(0, 0), (2, 0), (3, 3), (12, 7), (37, 23), (38, 38)] {
            assert_eq!(block(&mut blocks, step).start, start);
        }
        assert_eq!(blocks.len(), 6);
    }

    #[test]
    fn ends_run_straight_between_the_middles_of_blocks() {
        let knots = [(1.0, 10.0), (4.0, 40.0), (5.0, 0.0)];
        let found = [0.0, 1.0, 2.0, 4.0, 4.5, 5.0, 99.0].map(|step| between(&knots, step));
        assert_eq!(found, [10.0, 10.0, 20.0, 40.0, 20.0, 0.0, 0.0]);
        assert_eq!(between(&[], 3.0), 0.0);
    }

    #[test]
    fn ranks_leave_room_for_one_more_error() {
        let nine: Vec<f64> = (1..=9).map(f64::from).collect();
        let nine = numbers(&nine);
        // Nine errors make ten gaps of equal probability (Vovk, Gammerman and Shafer, 2005).
        for (level, expected) in [(0.1, 1.0), (0.25, 2.0), (0.5, 5.0), (0.75, 8.0), (0.9, 9.0)] {
            assert_eq!(ranked(&nine, level), expected, "{level}");
        }
        assert_eq!((ranked(&nine, 0.999), ranked(&nine, 0.001)), (9.0, 1.0));
        assert_eq!(ranked(&[], 0.9), 0.0);
    }

    #[test]
    fn a_block_thins_out_and_keeps_its_quantiles() {
        let mut random = Random::new(5);
        let mut blocks = Vec::new();
        for at in 0..5 * KEPT_MAX as u32 {
            // Errors that grow: every age must be kept alike.
            let error = random.uniform() + f64::from(at) / (5 * KEPT_MAX) as f64;
            block(&mut blocks, 0).add(Normalised { error, origin: at });
        }
        assert!(blocks[0].errors.len() < KEPT_MAX, "{}", blocks[0].errors.len());
        assert!(blocks[0].errors.len() > KEPT_MAX / 4);
        let doubt = ErrorPool { blocks, origins: 5 * KEPT_MAX }.finish();
        // The sum of two uniform numbers has the quantile sqrt(2 p) up to the middle.
        for (level, expected) in [(0.1, 0.2_f64.sqrt()), (0.5, 1.0), (0.9, 2.0 - 0.2_f64.sqrt())] {
            let found = doubt.quantiles(level, 1)[0];
            assert!((found - expected).abs() < 0.01, "{level}: {found}");
        }
    }

    #[test]
    fn levels_outside_of_nothing_and_all_are_those() {
        let mut random = Random::new(5);
        let (doubt, outlooks) = doubt_of((0..9).map(|_| skewed(&mut random, 8, 6)).collect(), 6);
        let of = |level: f64| outlooks[0].quantile(&doubt, level);
        assert_eq!(of(-1.0), of(0.0));
        assert_eq!(of(f64::NEG_INFINITY), of(0.0));
        assert_eq!(of(2.0), of(1.0));
        assert!(of(0.0)[3] < of(0.5)[3] && of(0.5)[3] < of(1.0)[3]);
        assert!(doubt.quantiles(f64::NAN, 6).iter().all(|quantile| quantile.is_nan()));
        assert_eq!(doubt.coverage(-1.0, 2.0), 1.0);
    }
}
