//! Samples to one value per step: accumulators that are filled series by series and merged in a
//! fixed order, so that the answer does not depend on who filled them.

use std::collections::BTreeMap;
use std::ops::Range;

use super::combine::zero_if_gap;
use super::steps::{Cursor, runs};
use super::{Aggregate, Grid};
use crate::kernel::{self, Sketch, Spread, growth};
use crate::store::Bucket;

/// A sketch takes the memory of this many bins besides its own.
const SKETCH_BINS: usize = 6;

/// Partial results of one or several series, one place per step.
#[derive(Debug)]
pub(super) enum Accumulator {
    /// Sums and how many samples they hold: for sum, mean and count.
    Sums { sums: Vec<f64>, counts: Vec<u64> },
    /// The least value per step, NaN without one.
    Min(Vec<f64>),
    /// The greatest value per step, NaN without one.
    Max(Vec<f64>),
    /// The earliest sample per step, and its instant.
    First { times: Vec<i64>, values: Vec<f64> },
    /// The latest sample per step, and its instant.
    Last { times: Vec<i64>, values: Vec<f64> },
    /// How numbers lie around their mean, per step.
    Spread(Vec<Spread>),
    /// The numbers of runs, one run after another, and each run's step and length.
    Values { values: Vec<f64>, runs: Vec<(u32, u32)> },
    /// A sketch per step that has numbers.
    Sketches(BTreeMap<usize, Sketch>),
    /// Growth of counters, NaN without one, and the nanoseconds it took.
    Growth { increases: Vec<f64>, nanos: Vec<i64> },
}

impl Accumulator {
    pub(super) fn new(aggregate: Aggregate, steps: usize) -> Self {
        let gaps = || vec![f64::NAN; steps];
        match aggregate {
            Aggregate::Sum | Aggregate::Mean | Aggregate::Count => {
                // -0.0 is what adding leaves every number as it is, its sign included.
                Self::Sums { sums: vec![-0.0; steps], counts: vec![0; steps] }
            }
            Aggregate::Min => Self::Min(gaps()),
            Aggregate::Max => Self::Max(gaps()),
            Aggregate::First => Self::First { times: vec![i64::MAX; steps], values: gaps() },
            Aggregate::Last => Self::Last { times: vec![i64::MIN; steps], values: gaps() },
            Aggregate::StdDev => Self::Spread(vec![Spread::default(); steps]),
            Aggregate::Quantile(_) => Self::Values { values: Vec::new(), runs: Vec::new() },
            Aggregate::SketchQuantile(_) => Self::Sketches(BTreeMap::new()),
            Aggregate::Increase | Aggregate::Rate => {
                Self::Growth { increases: gaps(), nanos: vec![0; steps] }
            }
        }
    }

    /// Adds the samples of one series, in order of time. Samples before the grid only serve as the
    /// "sample before" of a counter. `before` is the number before them, and then their last.
    pub(super) fn add(
        &mut self,
        times: &[i64],
        values: &[f64],
        grid: &Grid,
        before: &mut Option<(i64, f64)>,
    ) {
        if let Self::Growth { increases, nanos } = self {
            return add_growth(increases, nanos, times, values, grid, before);
        }
        if let Self::Sketches(sketches) = self {
            return add_sketched(sketches, times, values, grid);
        }
        for (step, run) in runs(times, grid) {
            self.add_run(
                step,
                times.get(run.clone()).unwrap_or(&[]),
                values.get(run).unwrap_or(&[]),
            );
        }
    }

    /// Adds all samples of one step.
    fn add_run(&mut self, step: usize, times: &[i64], run: &[f64]) {
        match self {
            Self::Sums { sums, counts } => {
                let total = kernel::total(run);
                sums[step] += total.sum;
                counts[step] += total.count;
            }
            Self::Min(least) => least[step] = lesser(kernel::least(run), least[step]),
            Self::Max(greatest) => greatest[step] = greater(kernel::greatest(run), greatest[step]),
            Self::First { .. } => {
                let first = times.iter().zip(run).find(|(_, value)| !value.is_nan());
                if let Some((time, value)) = first {
                    self.add_one(step, *time, *value);
                }
            }
            Self::Spread(spreads) => spreads[step].merge(&kernel::spread(run)),
            Self::Last { .. } => {
                let last = times.iter().zip(run).rfind(|(_, value)| !value.is_nan());
                if let Some((time, value)) = last {
                    self.add_one(step, *time, *value);
                }
            }
            Self::Values { values, runs } => {
                let before = values.len();
                values.extend_from_slice(run);
                if run.iter().fold(false, |any, value| any | value.is_nan()) {
                    values.truncate(before);
                    values.extend(run.iter().filter(|value| !value.is_nan()));
                }
                runs.push((step as u32, (values.len() - before) as u32));
            }
            Self::Growth { .. } | Self::Sketches(_) => {}
        }
    }

    /// Adds buckets of one series, in order of time, each of which lies whole in one step, in none,
    /// or before the grid.
    pub(super) fn add_buckets(
        &mut self,
        buckets: &[Bucket],
        grid: &Grid,
        before: &mut Option<(i64, f64)>,
    ) {
        let mut cursor = Cursor::new(grid);
        for bucket in buckets {
            if let Some(step) = cursor.step_of(bucket.start) {
                self.add_bucket(step, bucket, *before);
            }
            *before = Some((bucket.last_time, bucket.last));
        }
    }

    fn add_bucket(&mut self, step: usize, bucket: &Bucket, before: Option<(i64, f64)>) {
        match self {
            Self::Sums { sums, counts } => {
                sums[step] += bucket.sum;
                counts[step] += bucket.count;
            }
            Self::Min(_) => self.add_one(step, bucket.first_time, bucket.min),
            Self::Max(_) => self.add_one(step, bucket.first_time, bucket.max),
            Self::First { .. } => self.add_one(step, bucket.first_time, bucket.first),
            Self::Last { .. } => self.add_one(step, bucket.last_time, bucket.last),
            Self::Growth { increases, nanos } => {
                let mut add = |growth: f64, time: i64| {
                    increases[step] = growth + zero_if_gap(increases[step]);
                    nanos[step] = nanos[step].saturating_add(time);
                };
                if let Some((time, value)) = before {
                    let time = bucket.first_time.saturating_sub(time);
                    add(growth(value, bucket.first), time);
                }
                if bucket.count > 1 {
                    add(bucket.increase, bucket.last_time.saturating_sub(bucket.first_time));
                }
            }
            // Quantiles are not made of buckets, but of their sketches, and deviations of neither.
            Self::Values { .. } | Self::Sketches(_) | Self::Spread(_) => {}
        }
    }

    #[inline]
    fn add_one(&mut self, step: usize, time: i64, value: f64) {
        match self {
            Self::Sums { sums, counts } => {
                sums[step] += value;
                counts[step] += 1;
            }
            Self::Min(least) => least[step] = lesser(value, least[step]),
            Self::Max(greatest) => greatest[step] = greater(value, greatest[step]),
            Self::First { times, values } => {
                if values[step].is_nan() || time < times[step] {
                    (times[step], values[step]) = (time, value);
                }
            }
            Self::Last { times, values } => {
                if values[step].is_nan() || times[step] <= time {
                    (times[step], values[step]) = (time, value);
                }
            }
            Self::Values { .. } | Self::Growth { .. } | Self::Sketches(_) | Self::Spread(_) => {}
        }
    }

    /// Adds the sketch of a bucket that starts at an instant. It lies whole in one step or in none.
    pub(super) fn add_sketch(&mut self, start: i64, sketch: &Sketch, grid: &Grid) {
        if let Self::Sketches(sketches) = self
            && let Some(step) = Cursor::new(grid).step_of(start)
        {
            sketches.entry(step).or_default().merge(sketch);
        }
    }

    /// Merges the partial results of series that come after those in here.
    pub(super) fn merge(&mut self, later: Self) {
        match (self, later) {
            (Self::Sums { sums, counts }, Self::Sums { sums: more, counts: number }) => {
                sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
                counts.iter_mut().zip(number).for_each(|(count, more)| *count += more);
            }
            (Self::Min(least), Self::Min(other)) => {
                least.iter_mut().zip(other).for_each(|(a, b)| *a = lesser(b, *a));
            }
            (Self::Max(greatest), Self::Max(other)) => {
                greatest.iter_mut().zip(other).for_each(|(a, b)| *a = greater(b, *a));
            }
            (this @ (Self::First { .. } | Self::Last { .. }), later) => {
                let (Self::First { times, values } | Self::Last { times, values }) = later else {
                    return;
                };
                for (step, (time, value)) in times.into_iter().zip(values).enumerate() {
                    if !value.is_nan() {
                        this.add_one(step, time, value);
                    }
                }
            }
            (Self::Spread(all), Self::Spread(more)) => {
                all.iter_mut().zip(more).for_each(|(spread, more)| spread.merge(&more));
            }
            (Self::Values { values, runs }, Self::Values { values: more, runs: more_runs }) => {
                values.extend(more);
                runs.extend(more_runs);
            }
            (Self::Sketches(all), Self::Sketches(more)) => {
                for (step, more) in more {
                    all.entry(step).or_default().merge(&more);
                }
            }
            (
                Self::Growth { increases, nanos },
                Self::Growth { increases: more, nanos: more_nanos },
            ) => {
                for (step, (more, time)) in more.into_iter().zip(more_nanos).enumerate() {
                    if !more.is_nan() {
                        increases[step] = more + zero_if_gap(increases[step]);
                        nanos[step] = nanos[step].saturating_add(time);
                    }
                }
            }
            // Accumulators of one query are of one kind.
            _ => {}
        }
    }

    /// Samples held one by one, or bins of sketches, for the memory limit.
    pub(super) fn held(&self) -> usize {
        match self {
            Self::Values { values, .. } => values.len(),
            Self::Sketches(all) => {
                all.values().map(|sketch| sketch.bins().len() + SKETCH_BINS).sum()
            }
            _ => 0,
        }
    }

    /// One value per step.
    pub(super) fn finish(self, aggregate: Aggregate, steps: usize) -> Vec<f64> {
        match self {
            Self::Sums { sums, counts } => {
                let of = |(sum, count): (f64, u64)| match (aggregate, count) {
                    (Aggregate::Count, _) => count as f64,
                    (_, 0) => f64::NAN,
                    (Aggregate::Mean, _) => sum / count as f64,
                    _ => sum,
                };
                sums.into_iter().zip(counts).map(of).collect()
            }
            Self::Min(values)
            | Self::Max(values)
            | Self::First { values, .. }
            | Self::Last { values, .. } => values,
            Self::Spread(all) => all.iter().map(Spread::deviation).collect(),
            Self::Values { values, runs } => quantiles(values, &runs, aggregate, steps),
            Self::Sketches(all) => sketch_quantiles(&all, aggregate, steps),
            Self::Growth { increases, nanos } => {
                let rate = aggregate == Aggregate::Rate;
                let of = |(increase, nanos): (f64, i64)| match rate {
                    true if nanos > 0 => increase / (nanos as f64 / 1e9),
                    true => f64::NAN,
                    false => increase,
                };
                increases.into_iter().zip(nanos).map(of).collect()
            }
        }
    }
}

fn add_growth(
    increases: &mut [f64],
    nanos: &mut [i64],
    times: &[i64],
    values: &[f64],
    grid: &Grid,
    before: &mut Option<(i64, f64)>,
) {
    let mut cursor = Cursor::new(grid);
    for (time, value) in times.iter().zip(values) {
        if value.is_nan() {
            continue;
        }
        let step = cursor.step_of(*time);
        if let (Some(step), Some((time_before, value_before))) = (step, *before) {
            increases[step] = growth(value_before, *value) + zero_if_gap(increases[step]);
            nanos[step] = nanos[step].saturating_add(time.saturating_sub(time_before));
        }
        *before = Some((*time, *value));
    }
}

fn add_sketched(
    sketches: &mut BTreeMap<usize, Sketch>,
    times: &[i64],
    values: &[f64],
    grid: &Grid,
) {
    for (step, run) in runs(times, grid) {
        let run = values.get(run).unwrap_or(&[]);
        sketches.entry(step).or_default().merge(&Sketch::of(run));
    }
}

fn sketch_quantiles(all: &BTreeMap<usize, Sketch>, aggregate: Aggregate, steps: usize) -> Vec<f64> {
    let mut out = vec![f64::NAN; steps];
    let Aggregate::SketchQuantile(rank) = aggregate else { return out };
    for (step, sketch) in all {
        out[*step] = sketch.quantile(rank);
    }
    out
}

fn quantiles(
    mut values: Vec<f64>,
    runs: &[(u32, u32)],
    aggregate: Aggregate,
    steps: usize,
) -> Vec<f64> {
    let mut out = vec![f64::NAN; steps];
    let Aggregate::Quantile(rank) = aggregate else { return out };
    if runs.is_sorted_by(|before, after| before.0 < after.0) {
        let mut rest = values.as_mut_slice();
        for (step, length) in runs {
            let (run, behind) = rest.split_at_mut(*length as usize);
            out[*step as usize] = kernel::quantile(run, rank);
            rest = behind;
        }
        return out;
    }
    // Runs of several series: those of one step are brought together.
    let mut start = 0;
    let mut placed: Vec<(u32, Range<usize>)> = Vec::with_capacity(runs.len());
    for (step, length) in runs {
        placed.push((*step, start..start + *length as usize));
        start += *length as usize;
    }
    placed.sort_by_key(|(step, _)| *step);
    let mut together = Vec::new();
    for of_step in placed.chunk_by(|a, b| a.0 == b.0) {
        together.clear();
        for (_, run) in of_step {
            together.extend_from_slice(&values[run.clone()]);
        }
        if let Some((step, _)) = of_step.first() {
            out[*step as usize] = kernel::quantile(&mut together, rank);
        }
    }
    out
}

/// The lesser number, -0.0 before 0.0; one that is NaN gives the other.
#[inline]
fn lesser(a: f64, b: f64) -> f64 {
    if b.is_nan() || a.total_cmp(&b).is_lt() && !a.is_nan() { a } else { b }
}

/// The greater number, 0.0 after -0.0; one that is NaN gives the other.
#[inline]
fn greater(a: f64, b: f64) -> f64 {
    if b.is_nan() || a.total_cmp(&b).is_gt() && !a.is_nan() { a } else { b }
}

#[cfg(test)]
mod tests {
    use super::super::steps::grid;
    use super::*;
    use proptest::prelude::*;

    fn reduced(aggregate: Aggregate, times: &[i64], values: &[f64], grid: &Grid) -> Vec<f64> {
        let mut accumulator = Accumulator::new(aggregate, grid.steps);
        accumulator.add(times, values, grid, &mut None);
        accumulator.finish(aggregate, grid.steps)
    }

    #[test]
    fn a_counter_grows_over_steps_and_resets() {
        let grid = grid(100, 100, 3);
        // 10 before the grid; reset to 3 at 210.
        let (times, values) = ([90, 110, 190, 210, 250], [10.0, 14.0, 20.0, 3.0, 5.0]);
        let increases = reduced(Aggregate::Increase, &times, &values, &grid);
        assert_eq!(increases.get(..2), Some(&[10.0, 5.0][..]));
        assert!(increases[2].is_nan());
        let rates = reduced(Aggregate::Rate, &times, &values, &grid);
        assert_eq!(rates.get(..2), Some(&[10.0 / 100e-9, 5.0 / 60e-9][..]));
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
        ) {
            let value = |at: usize| match (seed >> (at % 60)) % 5 {
                0 => f64::NAN,
                n => (n as f64 - 2.0) * at as f64,
            };
            let samples: Vec<(i64, f64)> =
                times.iter().enumerate().map(|(at, time)| (*time, value(at))).collect();
            let (times, values): (Vec<i64>, Vec<f64>) = samples.iter().copied().unzip();
            let grid = grid(0, step, steps);
            for aggregate in [
                Aggregate::Sum, Aggregate::Mean, Aggregate::Min, Aggregate::Max,
                Aggregate::Count, Aggregate::First, Aggregate::Last, Aggregate::Quantile(0.3),
                Aggregate::SketchQuantile(0.3),
            ] {
                let found = reduced(aggregate, &times, &values, &grid);
                let expected = naive(aggregate, &samples, &grid);
                let bits = |row: &[f64]| row.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
                prop_assert_eq!(bits(&found), bits(&expected), "{:?}", aggregate);
            }
            let found = reduced(Aggregate::StdDev, &times, &values, &grid);
            let expected = naive(Aggregate::StdDev, &samples, &grid);
            for (found, expected) in found.iter().zip(&expected) {
                let close = (found - expected).abs() <= 1e-12 * expected;
                prop_assert!(close || (found.is_nan() && expected.is_nan()), "{found} {expected}");
            }
        }
    }
}
