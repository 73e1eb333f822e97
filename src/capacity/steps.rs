//! The step means of a row's last weeks as a distribution of bounded size: how often how much was
//! asked for.
//!
//! In: a row. Out: its highest steps, each of them, and of the others the greatest of each block of
//! neighbours in order of size, so that a share of time is never told smaller than it was. Never:
//! more than [`HIGHEST`] + [`BLOCKS`] + 1 numbers, whatever the step.

use super::budget::DemandProfile;
use super::order::Demand;
use super::series::RowSeries;
use crate::error::Result;
use crate::model::{Span, Timestamp};

/// How far back steps count: whole weeks, so that every hour of the week counts as often.
pub(super) const WINDOW: Span = Span::from_days(28);
/// So many of the highest steps are kept one by one.
const HIGHEST: usize = 1_024;
/// The others are kept as so many blocks.
const BLOCKS: usize = 1_024;

/// How much was asked for in the steps of the last weeks.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct StepDemand {
    /// Amounts, with how many steps they stand for in all.
    parts: Vec<(Vec<f64>, usize)>,
    /// How long all steps are together.
    pub(super) covered: Span,
    /// How many steps there are.
    pub(super) steps: usize,
}

impl StepDemand {
    /// The steps of the last weeks before an instant; `None` where there are none.
    pub(super) fn of(usage: RowSeries<'_>, as_of: Timestamp) -> Option<Self> {
        Self::scaled(usage, as_of, |_| 1.0)
    }

    /// The same, each step multiplied by what belongs to its time.
    pub(super) fn scaled(
        usage: RowSeries<'_>,
        as_of: Timestamp,
        factor: impl Fn(Timestamp) -> f64,
    ) -> Option<Self> {
        let recent = usage.cut(as_of.minus(WINDOW), as_of);
        let scaled = recent.samples().map(|(at, value)| value.max(0.0) * factor(at));
        let mut values: Vec<f64> = scaled.collect();
        let steps = values.len();
        if steps == 0 {
            return None;
        }
        values.sort_unstable_by(f64::total_cmp);
        let highest = values.split_off(steps.saturating_sub(HIGHEST));
        let each = values.len().div_ceil(BLOCKS).max(1);
        // Blocks are counted from the top; what is left over is the lowest.
        let lowest = values.len() % each;
        let top = |block: &[f64]| block.last().copied();
        let blocks: Vec<f64> = values[lowest..].chunks(each).filter_map(top).collect();
        let count = blocks.len() * each;
        let low: Vec<f64> = values.get(..lowest).and_then(top).into_iter().collect();
        let mut parts = vec![(low, lowest), (blocks, count)];
        parts.push((highest, steps.min(HIGHEST)));
        parts.retain(|(values, _)| !values.is_empty());
        let covered = recent.step().times(steps);
        Some(Self { parts, covered, steps })
    }

    /// The distribution, every amount multiplied by each factor as often.
    ///
    /// # Errors
    ///
    /// Without a factor, and where an amount is not finite then.
    pub(super) fn profile(&self, factors: &[f64]) -> Result<DemandProfile> {
        let demand = |(values, steps): &(Vec<f64>, usize), factor: f64| {
            let grown = values.iter().map(|value| value * factor).collect();
            Ok((Demand::samples(grown)?, *steps as f64))
        };
        let parts = |factor: &f64| {
            let factor = *factor;
            self.parts.iter().map(move |part| demand(part, factor))
        };
        DemandProfile::new(factors.iter().flat_map(parts).collect::<Result<_>>()?)
    }

    /// The greatest amount.
    pub(super) fn greatest(&self) -> f64 {
        let all = self.parts.iter().flat_map(|(values, _)| values);
        all.copied().fold(0.0, f64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[f64], step: Span) -> StepDemand {
        let start = Timestamp::from_seconds(0);
        let end = start.plus(Span::from_nanos(step.nanos() * values.len() as i64));
        StepDemand::of(RowSeries::new(start, step, values), end).unwrap()
    }

    /// The share of steps over a line, counted.
    fn over(values: &[f64], line: f64) -> f64 {
        values.iter().filter(|value| **value > line).count() as f64 / values.len() as f64
    }

    #[test]
    fn few_steps_are_kept_one_by_one() {
        let values: Vec<f64> = (0..1_500).map(|at| f64::from(at * 7 % 1_500)).collect();
        let found = of(&values, Span::from_seconds(900));
        let profile = found.profile(&[1.0]).unwrap();
        for line in [-1.0, 0.0, 10.5, 475.0, 476.0, 1_000.0, 1_498.0, 1_499.0] {
            assert!((profile.exceeds(line) - over(&values, line)).abs() < 1e-12, "{line}");
        }
        assert_eq!((found.steps, found.greatest()), (1_500, 1_499.0));
        assert_eq!(found.covered, Span::from_seconds(900 * 1_500));
        let doubled = found.profile(&[2.0]).unwrap();
        assert!((doubled.exceeds(2_000.0) - over(&values, 1_000.0)).abs() < 1e-12);
        let both = found.profile(&[1.0, 2.0]).unwrap();
        let by_hand = f64::midpoint(over(&values, 1_200.0), over(&values, 600.0));
        assert!((both.exceeds(1_200.0) - by_hand).abs() < 1e-12);
    }

    #[test]
    fn many_steps_take_no_more_room_and_no_share_is_told_smaller() {
        // A day of seconds: the step repeats, and does not fall into whole blocks.
        let values: Vec<f64> = (0..86_400).map(|at| f64::from(at * 7_919 % 86_399)).collect();
        let found = of(&values, Span::SECOND);
        let kept: usize = found.parts.iter().map(|(values, _)| values.len()).sum();
        assert!(kept <= HIGHEST + BLOCKS + 1, "{kept}");
        assert_eq!(found.parts.iter().map(|(_, steps)| steps).sum::<usize>(), 86_400);
        let profile = found.profile(&[1.0]).unwrap();
        let block = 84.0 / 86_400.0;
        for line in [0.0, 41.5, 40_000.0, 85_000.0, 85_376.0] {
            let (told, counted) = (profile.exceeds(line), over(&values, line));
            assert!(told >= counted - 1e-12 && told <= counted + block, "{line}: {told} {counted}");
        }
        for line in [85_377.0, 86_000.0, 86_398.0] {
            assert!((profile.exceeds(line) - over(&values, line)).abs() < 1e-12, "{line}");
        }
    }

    #[test]
    fn only_the_last_weeks_count_and_gaps_do_not() {
        let mut values = vec![1.0; 24 * 40];
        values[..24 * 12].fill(100.0);
        values[24 * 39..].fill(f64::NAN);
        let found = of(&values, Span::HOUR);
        assert_eq!((found.steps, found.greatest()), (24 * 27, 1.0));
        let start = Timestamp::from_seconds(0);
        let nothing = RowSeries::new(start, Span::HOUR, &[f64::NAN]);
        assert_eq!(StepDemand::of(nothing, start.plus(Span::HOUR)), None);
    }
}
