//! Intervals from the errors of the back-test (split conformal prediction; Vovk, Gammerman and
//! Shafer, 2005): no assumption on their shape, lower and upper end apart.
//!
//! There are few origins, so errors of neighbouring steps ahead are pooled, in blocks that grow
//! with the distance, and between the middles of blocks the ends run straight. The rank
//! `ceil((n + 1) q)` allows for the finite number of errors. Errors of one origin resemble each
//! other, and the future is a new origin: each origin is therefore held against ends made from the
//! others, and all ends are widened by the factor that these would have needed.

/// Errors (actual less forecast) of one origin, one per step ahead; NaN where there was no value.
pub(super) type OriginErrors = Vec<f64>;

/// Steps of the first block, and by how much each is longer than the one before.
const BLOCK_FIRST: usize = 3;
const BLOCK_GROWTH: f64 = 1.5;
/// Ends are widened so far at most.
const WIDEN_MAX: f64 = 3.0;

/// The errors of a back-test.
#[derive(Debug, Clone, Copy)]
pub(super) struct Errors<'a> {
    /// One row per origin, the latest first.
    pub(super) origins: &'a [OriginErrors],
    /// Steps from one origin to the next.
    pub(super) between: usize,
}

/// Lower and upper error of every step ahead, the lower at most and the upper at least 0.
#[derive(Debug, Clone)]
struct Ends {
    lower: Vec<f64>,
    upper: Vec<f64>,
}

/// What is added to a forecast on either side, and the share of the past that such ends would have
/// held.
#[derive(Debug, Clone)]
pub(super) struct Interval {
    ends: Ends,
    /// The share of the back-test's values between ends made, and widened, from those other origins
    /// that did not forecast the same values; NaN where there is none.
    pub(super) coverage: f64,
}

impl Interval {
    /// Ends for `horizon` steps ahead that should hold the share `coverage`.
    pub(super) fn of(errors: Errors<'_>, horizon: usize, coverage: f64) -> Self {
        let count = errors.origins.len();
        let ends = Ends::of(errors.origins.iter(), horizon, coverage);
        // How many times its ends each error is out, from ends that do not know it.
        let held: Vec<Vec<f64>> = (0..count).map(|at| errors.ratios(at, coverage)).collect();
        let all = held.iter().flatten().copied();
        let widen = widening(all, coverage);
        let (mut inside, mut known) = (0_usize, 0_usize);
        for (at, own) in held.iter().enumerate() {
            let others = held.iter().enumerate().filter(|(other, _)| *other != at);
            let widen = widening(others.flat_map(|(_, ratios)| ratios).copied(), coverage);
            inside += own.iter().filter(|ratio| **ratio <= widen).count();
            known += own.len();
        }
        let measured = if known > 0 { inside as f64 / known as f64 } else { f64::NAN };
        Self { ends: ends.widened(widen), coverage: measured }
    }

    /// Lower and upper ends around a forecast.
    pub(super) fn around(&self, point: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let add = |ends: &[f64]| point.iter().zip(ends).map(|(value, end)| value + end).collect();
        (add(&self.ends.lower), add(&self.ends.upper))
    }
}

impl Errors<'_> {
    /// The errors of origin `at` over ends made from the origins whose values are all others; none
    /// where there is no such origin.
    fn ratios(self, at: usize, coverage: f64) -> Vec<f64> {
        let own = self.origins.get(at).map_or(&[][..], Vec::as_slice);
        let apart = own.len().div_ceil(self.between.max(1));
        let others =
            self.origins.iter().enumerate().filter(|(o, _)| o.abs_diff(at) >= apart.max(1));
        let mut others = others.map(|(_, errors)| errors).peekable();
        if others.peek().is_none() {
            return Vec::new();
        }
        let ends = Ends::of(others, own.len(), coverage);
        let ratio = |(error, (lower, upper)): (&f64, (&f64, &f64))| {
            let end = if *error < 0.0 { *lower } else { *upper };
            if *error == 0.0 { 0.0 } else { error / end }
        };
        let ratios = own.iter().zip(ends.lower.iter().zip(&ends.upper)).map(ratio);
        ratios.filter(|ratio| !ratio.is_nan()).map(f64::abs).collect()
    }
}

/// The factor that holds the share `coverage` of errors; at least 1.
fn widening(ratios: impl Iterator<Item = f64>, coverage: f64) -> f64 {
    let mut ratios: Vec<f64> = ratios.collect();
    ranked(&mut ratios, coverage).clamp(1.0, WIDEN_MAX)
}

impl Ends {
    fn of<'a>(
        origins: impl Iterator<Item = &'a OriginErrors>,
        horizon: usize,
        coverage: f64,
    ) -> Self {
        let origins: Vec<&OriginErrors> = origins.collect();
        let share = f64::midpoint(1.0, coverage);
        let known = origins.iter().map(|errors| errors.len()).max().unwrap_or(0);
        let mut knots: Vec<(f64, f64, f64)> = Vec::new();
        for (start, end) in blocks(known) {
            let pooled = origins.iter().flat_map(|errors| errors.get(start..end).unwrap_or(&[]));
            let mut pooled: Vec<f64> = pooled.copied().filter(|error| !error.is_nan()).collect();
            if pooled.is_empty() {
                continue;
            }
            let upper = ranked(&mut pooled, share).max(0.0);
            for error in &mut pooled {
                *error = -*error;
            }
            let lower = -ranked(&mut pooled, share).max(0.0);
            knots.push(((start + end - 1) as f64 / 2.0, lower, upper));
        }
        let mut ends = Self { lower: Vec::new(), upper: Vec::new() };
        let mut next = 0;
        for step in 0..horizon {
            while knots.get(next).is_some_and(|knot| knot.0 < step as f64) {
                next += 1;
            }
            let (lower, upper) = between(&knots, next, step as f64);
            ends.lower.push(lower);
            ends.upper.push(upper);
        }
        ends
    }

    fn widened(mut self, factor: f64) -> Self {
        let ends = self.lower.iter_mut().chain(&mut self.upper);
        for end in ends {
            *end *= factor;
        }
        self
    }
}

/// Blocks of steps ahead, as first step and first step after.
fn blocks(steps: usize) -> impl Iterator<Item = (usize, usize)> {
    let mut start = 0;
    let mut length = BLOCK_FIRST as f64;
    std::iter::from_fn(move || {
        let block = (start, (start + length as usize).min(steps));
        length *= BLOCK_GROWTH;
        start = block.1;
        (block.0 < block.1).then_some(block)
    })
}

/// Lower and upper end at `step`, where knot `next` is the first at or after it.
fn between(knots: &[(f64, f64, f64)], next: usize, step: f64) -> (f64, f64) {
    let before = next.checked_sub(1).and_then(|at| knots.get(at));
    match (before, knots.get(next)) {
        (Some(a), Some(b)) => {
            let share = (step - a.0) / (b.0 - a.0);
            (a.1 + share * (b.1 - a.1), a.2 + share * (b.2 - a.2))
        }
        (Some(one), None) | (None, Some(one)) => (one.1, one.2),
        (None, None) => (0.0, 0.0),
    }
}

/// The value of rank `ceil((n + 1) share)`, the largest where there is no such rank; 0 of none.
fn ranked(values: &mut [f64], share: f64) -> f64 {
    let Some(last) = values.len().checked_sub(1) else { return 0.0 };
    let rank = ((values.len() + 1) as f64 * share).ceil() as usize;
    *values.select_nth_unstable_by(rank.saturating_sub(1).min(last), f64::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Random;

    #[test]
    fn coverage_is_near_what_was_asked_for_even_where_errors_lean() {
        let mut random = Random::new(4);
        let mut origin = || (0..48).map(|_| random.normal().abs().powi(2) - 0.3).collect();
        let origins: Vec<OriginErrors> = (0..8).map(|_| origin()).collect();
        let found = Interval::of(Errors { origins: &origins, between: 24 }, 60, 0.8);
        assert!((found.coverage - 0.8).abs() < 0.07, "{}", found.coverage);
        let (lower, upper) = found.around(&[10.0; 60]);
        assert!(10.0 - lower[20] < upper[20] - 10.0, "the longer tail is above");
        assert_eq!((lower.len(), upper[59]), (60, upper[58]), "the last end goes on");
    }

    #[test]
    fn errors_that_a_whole_origin_shares_widen_the_ends() {
        let origins: Vec<OriginErrors> =
            [0.1, -0.1, 0.1, -0.1, 3.0, -0.1, 0.1, -4.0].map(|error| vec![error; 10]).to_vec();
        let errors = Errors { origins: &origins, between: 10 };
        let plain = Ends::of(origins.iter(), 10, 0.8);
        let (_, upper) = Interval::of(errors, 10, 0.8).around(&[0.0; 10]);
        assert!(upper[5] >= plain.upper[5]);
        // Origins that forecast the same values are no witnesses of each other.
        let overlapping = Errors { origins: &origins, between: 1 };
        assert!(Interval::of(overlapping, 10, 0.8).coverage.is_nan());
        let none = Interval::of(Errors { origins: &[], between: 1 }, 1, 0.8);
        assert_eq!(none.around(&[1.0]), (vec![1.0], vec![1.0]));
    }

    #[test]
    fn blocks_grow_and_end_with_the_horizon() {
        assert_eq!(blocks(12).collect::<Vec<_>>(), [(0, 3), (3, 7), (7, 12)]);
        assert_eq!(blocks(0).count(), 0);
    }
}
