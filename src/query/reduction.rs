//! What a query keeps of a row while it goes through the row's series: an accumulator for each kind
//! of result, however many aggregates are asked for.

use super::accumulator::{Accumulator, Kind, Known};
use super::{Aggregate, Grid};
use crate::kernel::Arithmetic;
use crate::kernel::Sketch;
use crate::store::{Bucket, BucketFields, Values};

/// Which accumulators answer which aggregates.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    kinds: Vec<Kind>,
    /// The aggregates asked for, and the place of the accumulator of each.
    outputs: Vec<(Aggregate, usize)>,
}

/// Partial results of one or several series for all aggregates of a query.
#[derive(Debug)]
pub(super) struct Reduction {
    accumulators: Vec<Accumulator>,
    /// The step whose run is not at its end yet.
    open_step: Option<usize>,
}

impl Plan {
    pub(super) fn new(aggregates: &[Aggregate]) -> Self {
        let adds = aggregates.iter().any(|a| matches!(a, Aggregate::Sum | Aggregate::Mean));
        let (mut kinds, mut outputs) = (Vec::new(), Vec::new());
        for aggregate in aggregates {
            let kind = match Kind::of(*aggregate) {
                Kind::Sums { .. } => Kind::Sums { adds },
                other => other,
            };
            let known = kinds.iter().position(|known| *known == kind);
            let place = known.unwrap_or(kinds.len());
            if known.is_none() {
                kinds.push(kind);
            }
            outputs.push((*aggregate, place));
        }
        Self { kinds, outputs }
    }

    /// Whether the statistics of a block say all that is needed of its samples.
    pub(super) fn takes_statistics(&self) -> bool {
        self.kinds.iter().all(|kind| kind.takes_statistics())
    }

    /// Memory that a reduction takes for each step.
    pub(super) fn bytes_per_step(&self) -> usize {
        self.kinds.iter().map(|kind| kind.bytes_per_step()).sum()
    }

    /// Whether anything is added up that may be rounded.
    pub(super) fn adds(&self) -> bool {
        self.kinds.iter().any(|kind| kind.adds())
    }

    /// Whether rolled-up time is answered from sketches, beside or in place of buckets.
    pub(super) fn takes_sketches(&self) -> bool {
        self.kinds.contains(&Kind::Sketches)
    }

    /// Whether anything is answered from buckets.
    pub(super) fn takes_buckets(&self) -> bool {
        self.kinds.iter().any(|kind| *kind != Kind::Sketches)
    }

    /// What is needed of buckets.
    pub(super) fn bucket_fields(&self) -> BucketFields {
        let fields = self.kinds.iter().map(|kind| kind.bucket_fields());
        fields.fold(BucketFields::NONE, BucketFields::and)
    }

    /// Whether counters are looked at.
    pub(super) fn has_growth(&self) -> bool {
        self.kinds.contains(&Kind::Growth)
    }

    /// The arithmetic whose integers serve as well as values; `None` where only values do.
    pub(super) fn wanted(&self) -> Option<impl Fn(Arithmetic) -> bool + use<>> {
        let whole = self.kinds.contains(&Kind::Sums { adds: true });
        let floats = self.kinds.iter().any(|kind| kind.needs_floats());
        (!floats).then_some(move |arithmetic: Arithmetic| {
            if whole { arithmetic == Arithmetic::Whole } else { arithmetic.is_ordered() }
        })
    }
}

impl Reduction {
    pub(super) fn new(plan: &Plan, steps: usize) -> Self {
        let accumulators = plan.kinds.iter().map(|kind| Accumulator::new(*kind, steps)).collect();
        Self { accumulators, open_step: None }
    }

    /// Forgets all results and keeps their memory.
    pub(super) fn clear(&mut self) {
        self.accumulators.iter_mut().for_each(Accumulator::clear);
    }

    /// Adds the next samples of a step of one series. Where `exact`, all samples of the step are
    /// whole numbers, and no sum of them is rounded.
    pub(super) fn add_run(&mut self, step: usize, times: &[i64], run: Values<'_>, exact: bool) {
        self.open(step);
        for accumulator in &mut self.accumulators {
            accumulator.add_run(step, times, run, exact);
        }
    }

    /// Adds the next samples of one series, of any steps and before the grid, to what counters
    /// grew.
    pub(super) fn add_growth(&mut self, times: &[i64], values: &[f64], grid: &Grid) {
        for accumulator in &mut self.accumulators {
            accumulator.add_growth(times, values, grid);
        }
    }

    /// Adds samples of one step of one series, or before the grid, by what is known of them.
    pub(super) fn add_known(&mut self, step: Option<usize>, known: Known<'_>) {
        if let Some(step) = step {
            self.open(step);
        }
        for accumulator in &mut self.accumulators {
            accumulator.add_known(step, known);
        }
    }

    pub(super) fn add_buckets(&mut self, buckets: &[Bucket], grid: &Grid) {
        for accumulator in &mut self.accumulators {
            accumulator.add_buckets(buckets, grid);
        }
    }

    pub(super) fn add_sketch(&mut self, start: i64, sketch: &Sketch, grid: &Grid) {
        for accumulator in &mut self.accumulators {
            accumulator.add_sketch(start, sketch, grid);
        }
    }

    /// Notes that all samples of a series were added.
    pub(super) fn end_series(&mut self) {
        self.end_run();
        self.accumulators.iter_mut().for_each(Accumulator::end_series);
    }

    /// Merges the partial results of series that come after those in here.
    pub(super) fn merge(&mut self, later: Self) {
        for (accumulator, later) in self.accumulators.iter_mut().zip(later.accumulators) {
            accumulator.merge(later);
        }
    }

    /// Samples held one by one, or bins of sketches, for the memory limit.
    pub(super) fn held(&self) -> usize {
        self.accumulators.iter().map(Accumulator::held).sum()
    }

    /// Writes one row of values for each aggregate, one after another.
    pub(super) fn write(&mut self, plan: &Plan, out: &mut [f64]) {
        let rows = out.chunks_mut((out.len() / plan.outputs.len().max(1)).max(1));
        for ((aggregate, place), row) in plan.outputs.iter().zip(rows) {
            if let Some(accumulator) = self.accumulators.get_mut(*place) {
                accumulator.write(*aggregate, row);
            }
        }
    }

    fn open(&mut self, step: usize) {
        if self.open_step != Some(step) {
            self.end_run();
            self.open_step = Some(step);
        }
    }

    fn end_run(&mut self) {
        if let Some(step) = self.open_step.take() {
            self.accumulators.iter_mut().for_each(|accumulator| accumulator.end_run(step));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::steps::{grid, runs};
    use super::*;
    use crate::codec::BlockStats;
    use crate::kernel;
    use crate::kernel::Integers;
    use crate::model::{Span, Timestamp};
    use proptest::prelude::*;

    /// Reduces one series, which is given in pieces of `piece` samples, as integers where that is
    /// asked for and they are whole.
    fn reduced(
        aggregates: &[Aggregate],
        (times, values): (&[i64], &[f64]),
        grid: &Grid,
        (piece, as_integers): (usize, bool),
    ) -> Vec<Vec<f64>> {
        let plan = Plan::new(aggregates);
        let mut reduction = Reduction::new(&plan, grid.steps);
        let all_whole = values.iter().all(|value| *value == f64::from(*value as i32));
        for (times, values) in times.chunks(piece).zip(values.chunks(piece)) {
            let numbers: Vec<i32> = values.iter().map(|value| *value as i32).collect();
            let is_whole = values.iter().zip(&numbers).all(|(v, n)| *v == f64::from(*n));
            let wanted = plan.wanted().is_some_and(|wanted| wanted(Arithmetic::Whole));
            let arithmetic = Arithmetic::Whole;
            let values = if as_integers && is_whole && wanted {
                Values::Integers(Integers { arithmetic, base: 0, numbers: &numbers })
            } else {
                Values::Floats(values)
            };
            for (step, run) in runs(times, grid) {
                reduction.add_run(step, &times[run.clone()], values.slice(run), all_whole);
            }
            if let Values::Floats(values) = values {
                reduction.add_growth(times, values, grid);
            }
        }
        reduction.end_series();
        let mut out = vec![7.0; grid.steps * aggregates.len()];
        reduction.write(&plan, &mut out);
        out.chunks(grid.steps).map(<[f64]>::to_vec).collect()
    }

    #[test]
    fn a_counter_grows_over_steps_and_resets() {
        let grid = grid(100, 100, 3);
        // 10 before the grid; reset to 3 at 210.
        let (times, values) = ([90, 110, 190, 210, 250], [10.0, 14.0, 20.0, 3.0, 5.0]);
        let asked = [Aggregate::Increase, Aggregate::Rate];
        for piece in 1..6 {
            let found = reduced(&asked, (&times, &values), &grid, (piece, false));
            assert_eq!(found[0].get(..2), Some(&[10.0, 5.0][..]));
            assert!(found[0][2].is_nan());
            assert_eq!(found[1].get(..2), Some(&[10.0 / 100e-9, 5.0 / 60e-9][..]));
        }
    }

    #[test]
    fn a_counter_over_all_of_time_and_many_of_them_grow_at_their_true_rate() {
        let (first, last) = (i64::MIN, i64::MAX - 1);
        let step = Span::from_nanos(i64::MAX);
        let (start, end) = (Timestamp::MIN, Timestamp::MAX);
        let grid = Grid { start, end, step, steps: 3, calendar: None };
        let all = [Aggregate::Increase, Aggregate::Rate];
        let plan = Plan::new(&all);
        let one = || {
            let mut one = Reduction::new(&plan, 3);
            one.add_growth(&[first, last], &[0.0, 10.0], &grid);
            one.end_series();
            one
        };
        let mut whole = one();
        (1..1_000).for_each(|_| whole.merge(one()));
        let mut found = [7.0; 6];
        whole.write(&plan, &mut found);
        let seconds = last.abs_diff(first) as f64 / 1e9;
        // The last sample is in the third step; the whole growth is there.
        assert!(found[0].is_nan() && found[1].is_nan() && found[3].is_nan());
        assert_eq!((found[2], found[5]), (10_000.0, 10.0 / seconds));
        let mut known = Reduction::new(&plan, 3);
        let stats = BlockStats::of(&[0.0, 10.0]);
        known.add_known(Some(2), Known { stats: &stats, first_time: first, last_time: last });
        known.end_series();
        known.write(&plan, &mut found);
        assert_eq!((found[2], found[5]), (10.0, 10.0 / seconds));
    }

    #[test]
    fn growth_that_is_no_number_stays_it() {
        let grid = grid(0, 100, 2);
        // A fall to less than nothing, and a rise from there.
        let (times, values) = ([1, 2, 3, 4, 101], [1.0, f64::NEG_INFINITY, 4.0, 5.0, 7.0]);
        let asked = [Aggregate::Increase, Aggregate::Rate];
        let found = reduced(&asked, (&times, &values), &grid, (9, false));
        assert!(found[0][0].is_nan() && found[1][0].is_nan(), "{found:?}");
        assert_eq!(found[0][1], 2.0);
        let plan = Plan::new(&asked);
        let of = |values: &[f64]| {
            let mut one = Reduction::new(&plan, 2);
            one.add_growth(&times[..values.len()], values, &grid);
            one.end_series();
            one
        };
        let mut whole = of(&values);
        whole.merge(of(&[1.0, 4.0]));
        let mut found = [7.0; 4];
        whole.write(&plan, &mut found);
        assert!(found[0].is_nan() && found[2].is_nan(), "{found:?}");
    }

    #[test]
    fn a_counter_that_stands_at_infinity_gains_nothing() {
        let grid = grid(0, 100, 1);
        let (times, values) = ([1, 2, 3, 4], [1.0, f64::INFINITY, f64::INFINITY, 5.0]);
        let found = reduced(&[Aggregate::Increase], (&times, &values), &grid, (9, false));
        assert_eq!(found[0][0], f64::INFINITY);
        assert_eq!(found[0][0], BlockStats::of(&values).increase);
    }

    #[test]
    fn what_is_known_of_samples_is_as_good_as_the_samples() {
        let grid = grid(100, 100, 2);
        let (times, values) = ([50, 110, 120, 130, 140, 210], [3.0, 5.0, 9.0, 2.0, 4.0, 6.0]);
        let asked = [
            Aggregate::Sum,
            Aggregate::Min,
            Aggregate::Max,
            Aggregate::First,
            Aggregate::Last,
            Aggregate::Increase,
            Aggregate::Rate,
            Aggregate::Count,
        ];
        let expected = reduced(&asked, (&times, &values), &grid, (9, false));
        let plan = Plan::new(&asked);
        assert!(plan.takes_statistics() && plan.adds() && plan.has_growth());
        let mut reduction = Reduction::new(&plan, 2);
        for (step, part) in [(None, 0..1), (Some(0), 1..3), (Some(0), 3..5), (Some(1), 5..6)] {
            let stats = BlockStats::of(&values[part.clone()]);
            let (first_time, last_time) = (times[part.start], times[part.end - 1]);
            reduction.add_known(step, Known { stats: &stats, first_time, last_time });
        }
        reduction.end_series();
        let mut found = vec![7.0; 2 * asked.len()];
        reduction.write(&plan, &mut found);
        assert_eq!(found, expected.concat());
    }

    /// One step after the other, straight from the definition.
    fn naive(aggregate: Aggregate, samples: &[(i64, f64)], grid: &Grid) -> Vec<f64> {
        (0..grid.steps as i64)
            .map(|step| {
                let start = grid.start.nanos() + step * grid.step.nanos();
                let inside = |t: i64| start <= t && t < start + grid.step.nanos();
                let mut values: Vec<f64> =
                    samples.iter().filter(|s| inside(s.0) && !s.1.is_nan()).map(|s| s.1).collect();
                match aggregate {
                    Aggregate::Count => values.len() as f64,
                    _ if values.is_empty() => f64::NAN,
                    Aggregate::Sum => values.iter().sum(),
                    Aggregate::Mean => values.iter().sum::<f64>() / values.len() as f64,
                    Aggregate::Min => values.iter().copied().min_by(f64::total_cmp).unwrap(),
                    Aggregate::Max => values.iter().copied().max_by(f64::total_cmp).unwrap(),
                    Aggregate::First => values[0],
                    Aggregate::Last => *values.last().unwrap(),
                    Aggregate::StdDev => {
                        let mean = values.iter().sum::<f64>() / values.len() as f64;
                        let squares = values.iter().map(|v| (v - mean) * (v - mean));
                        (squares.sum::<f64>() / values.len() as f64).sqrt()
                    }
                    Aggregate::Quantile(rank) => kernel::quantile(&mut values, rank),
                    Aggregate::SketchQuantile(rank) => Sketch::of(&values).quantile(rank),
                    _ => f64::NAN,
                }
            })
            .collect()
    }

    proptest! {
        #[test]
        fn reducing_equals_the_definition(
            times in prop::collection::btree_set(-500_i64..1_500, 0..200),
            seed: u64, step in 1_i64..300, steps in 1_usize..20,
            piece in 1_usize..100,
            as_integers: bool,
        ) {
            let value = |at: usize| match (seed >> (at % 60)) % 5 {
                0 if !as_integers => f64::NAN,
                n => (n as f64 - 2.0) * at as f64,
            };
            let samples: Vec<(i64, f64)> =
                times.iter().enumerate().map(|(at, time)| (*time, value(at))).collect();
            let (times, values): (Vec<i64>, Vec<f64>) = samples.iter().copied().unzip();
            let grid = grid(0, step, steps);
            let asked = [
                Aggregate::Sum, Aggregate::Mean, Aggregate::Min, Aggregate::Max,
                Aggregate::Count, Aggregate::First, Aggregate::Last, Aggregate::Quantile(0.3),
                Aggregate::Quantile(0.9), Aggregate::SketchQuantile(0.3), Aggregate::StdDev,
            ];
            let samples_of = (&times[..], &values[..]);
            let expect = |found: &[f64], aggregate: Aggregate| {
                let expected = naive(aggregate, &samples, &grid);
                let near = if aggregate == Aggregate::StdDev { 1e-12 } else { 0.0 };
                let same = |(a, b): (&f64, &f64)| {
                    a.to_bits() == b.to_bits() || (a - b).abs() <= near * b.abs()
                };
                prop_assert!(found.iter().zip(&expected).all(same), "{:?}", aggregate);
                prop_assert_eq!(found.len(), expected.len());
                Ok(())
            };
            for (found, aggregate) in
                reduced(&asked, samples_of, &grid, (piece, as_integers)).iter().zip(asked)
            {
                expect(found, aggregate)?;
                // By itself, and with those that take integers.
                for with in [&[][..], &[Aggregate::Max], &[Aggregate::Sum]] {
                    let asked = [&[aggregate], with].concat();
                    let alone = reduced(&asked, samples_of, &grid, (piece, as_integers));
                    expect(&alone[0], aggregate)?;
                }
            }
        }
    }
}
