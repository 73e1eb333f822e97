//! Samples to one value per step: accumulators that are filled series by series and merged in a
//! fixed order, so that the answer does not depend on who filled them.

use std::collections::BTreeMap;
use std::ops::Range;

use super::{Across, Aggregate, Grid};
use crate::kernel::{self, Sketch, growth};
use crate::model::is_stale_marker;
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
    /// The latest sample per step, and its instant.
    Last { times: Vec<i64>, values: Vec<f64> },
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
            Aggregate::Last => Self::Last { times: vec![i64::MIN; steps], values: gaps() },
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
            // Quantiles are not made of buckets, but of their sketches.
            Self::Values { .. } | Self::Sketches(_) => {}
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
            Self::Last { times, values } => {
                if values[step].is_nan() || times[step] <= time {
                    times[step] = time;
                    values[step] = value;
                }
            }
            Self::Values { .. } | Self::Growth { .. } | Self::Sketches(_) => {}
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
            (Self::Last { times, values }, Self::Last { times: new_times, values: new }) => {
                for (step, (time, value)) in new_times.into_iter().zip(new).enumerate() {
                    if !value.is_nan() && (values[step].is_nan() || times[step] <= time) {
                        times[step] = time;
                        values[step] = value;
                    }
                }
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
            Self::Min(values) | Self::Max(values) | Self::Last { values, .. } => values,
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

fn zero_if_gap(value: f64) -> f64 {
    if value.is_nan() { 0.0 } else { value }
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
        of_step.iter().for_each(|(_, run)| together.extend_from_slice(&values[run.clone()]));
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

/// The steps that have samples, ascending, and where in ascending `times` theirs are.
fn runs<'a>(
    times: &'a [i64],
    grid: &Grid,
) -> impl Iterator<Item = (usize, Range<usize>)> + use<'a> {
    let mut cursor = Cursor::new(grid);
    let mut at = times.partition_point(|time| *time < grid.start.nanos());
    std::iter::from_fn(move || {
        let (from, step) = (at, cursor.step_of(*times.get(at)?)?);
        // All before it are of this step, but for those after the end of the grid.
        let next = cursor.next.min(cursor.end);
        at += run_length(times.get(at..).unwrap_or(&[]), next);
        Some((step, from..at))
    })
}

/// How many of the first times are before `end`: looked for in steps that double, since runs are
/// of about equal length and there may be many of them.
fn run_length(times: &[i64], end: i64) -> usize {
    let mut reach = 16;
    while times.get(reach).is_some_and(|time| *time < end) {
        reach *= 2;
    }
    let near = times.get(..reach).unwrap_or(times);
    near.partition_point(|time| *time < end)
}

/// Finds the step of ascending instants; a division only where a step is skipped.
#[derive(Debug)]
struct Cursor {
    start: i64,
    end: i64,
    step_nanos: i64,
    step: usize,
    /// Start of the step after `step`.
    next: i64,
}

impl Cursor {
    fn new(grid: &Grid) -> Self {
        let (start, step_nanos) = (grid.start.nanos(), grid.step.nanos());
        let end = grid.end.nanos();
        Self { start, end, step_nanos, step: 0, next: start.saturating_add(step_nanos) }
    }

    /// The step of an instant, at or after the one before; `None` outside the grid.
    #[inline]
    fn step_of(&mut self, time: i64) -> Option<usize> {
        if time < self.start || time >= self.end {
            return None;
        }
        if time >= self.next {
            // The difference fits: a grid has at most `QUERY_STEPS_MAX` steps of positive length.
            self.step = (time.wrapping_sub(self.start) as u64 / self.step_nanos as u64) as usize;
            let passed = (self.step as i64 + 1).saturating_mul(self.step_nanos);
            self.next = self.start.saturating_add(passed);
        }
        Some(self.step)
    }
}

/// The steps whose last sample is a stale marker, ascending.
pub(super) fn ended_steps(times: &[i64], values: &[f64], grid: &Grid) -> Vec<usize> {
    let mut ended = Vec::new();
    let mut cursor = Cursor::new(grid);
    for (time, value) in times.iter().zip(values) {
        let Some(step) = cursor.step_of(*time) else { continue };
        ended.pop_if(|last| *last == step);
        if is_stale_marker(*value) {
            ended.push(step);
        }
    }
    ended
}

/// Carries values over gaps of at most `steps_max` steps, but not past a step in which the series
/// ended.
pub(super) fn fill_gaps(row: &mut [f64], steps_max: usize, ended: &[usize]) {
    let (mut last, mut gap) = (f64::NAN, 0);
    let mut ended = ended.iter().peekable();
    for (step, value) in row.iter_mut().enumerate() {
        let ends = ended.next_if_eq(&&step).is_some();
        if !value.is_nan() {
            (last, gap) = (*value, 0);
        } else if !ends {
            gap += 1;
            if gap <= steps_max {
                *value = last;
            }
        }
        if ends {
            last = f64::NAN;
        }
    }
}

/// Combines rows of single series, added one after the other.
#[derive(Debug)]
pub(super) struct Combiner {
    across: Across,
    values: Vec<f64>,
    counts: Vec<u32>,
}

impl Combiner {
    pub(super) fn new(across: Across, steps: usize) -> Self {
        Self { across, values: vec![f64::NAN; steps], counts: vec![0; steps] }
    }

    pub(super) fn add(&mut self, row: &[f64]) {
        for (step, value) in row.iter().enumerate().filter(|(_, value)| !value.is_nan()) {
            self.take(step, *value, 1);
        }
    }

    /// Adds what was combined of other rows.
    pub(super) fn merge(&mut self, other: &Self) {
        let combined = other.values.iter().zip(&other.counts).enumerate();
        for (step, (value, count)) in combined.filter(|(_, (_, count))| **count > 0) {
            self.take(step, *value, *count);
        }
    }

    fn take(&mut self, step: usize, value: f64, count: u32) {
        self.counts[step] += count;
        let place = &mut self.values[step];
        *place = match self.across {
            Across::Sum | Across::Mean | Across::Count => zero_if_gap(*place) + value,
            Across::Min => value.min(*place),
            Across::Max => value.max(*place),
        };
    }

    pub(super) fn finish(mut self) -> Vec<f64> {
        for (value, count) in self.values.iter_mut().zip(self.counts) {
            match self.across {
                Across::Mean if count > 0 => *value /= f64::from(count),
                Across::Count => *value = f64::from(count),
                _ => {}
            }
        }
        self.values
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Span, Timestamp, stale_marker};
    use proptest::prelude::*;

    fn grid(start: i64, step: i64, steps: usize) -> Grid {
        let nanos = Timestamp::from_nanos;
        let end = nanos(start + step * steps as i64);
        Grid { start: nanos(start), end, step: Span::from_nanos(step), steps }
    }

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

    #[test]
    fn gaps_are_filled_for_so_long_and_no_longer() {
        let nan = f64::NAN;
        let mut row = [nan, 1.0, nan, nan, nan, 2.0];
        fill_gaps(&mut row, 2, &[]);
        assert!(row[0].is_nan() && row[4].is_nan());
        assert_eq!((row[2], row[3], row[5]), (1.0, 1.0, 2.0));
    }

    #[test]
    fn a_series_that_ended_is_not_carried_on() {
        let (nan, stale) = (f64::NAN, stale_marker());
        let grid = grid(0, 10, 6);
        let times = [1, 11, 12, 31, 41, 45];
        // Ended in step 1 after its value, begun again in 3, ended in 4 and begun again in it.
        let ended = ended_steps(&times, &[1.0, 2.0, stale, 3.0, stale, 4.0], &grid);
        assert_eq!(ended, [1]);
        let mut row = [1.0, 2.0, nan, 3.0, 4.0, nan];
        fill_gaps(&mut row, 2, &ended);
        assert!(row[2].is_nan());
        assert_eq!((row[1], row[3], row[5]), (2.0, 3.0, 4.0));
        // A marker alone in its step; any other NaN is only a gap.
        let ended = ended_steps(&[1, 11, 21], &[1.0, nan, stale], &grid);
        assert_eq!(ended, [2]);
        let mut row = [1.0, nan, nan, nan, 5.0, nan];
        fill_gaps(&mut row, 3, &ended);
        assert_eq!((row[1], row[4], row[5]), (1.0, 5.0, 5.0));
        assert!(row[2].is_nan() && row[3].is_nan());
    }

    #[test]
    fn rows_are_combined_without_their_gaps() {
        let rows = [[1.0, f64::NAN, 5.0], [3.0, f64::NAN, f64::NAN]];
        for (across, expected) in [
            (Across::Sum, [4.0, f64::NAN, 5.0]),
            (Across::Mean, [2.0, f64::NAN, 5.0]),
            (Across::Min, [1.0, f64::NAN, 5.0]),
            (Across::Max, [3.0, f64::NAN, 5.0]),
            (Across::Count, [2.0, 0.0, 1.0]),
        ] {
            let mut combiner = Combiner::new(across, 3);
            for row in &rows {
                combiner.add(row);
            }
            let found = combiner.finish();
            for (found, expected) in found.iter().zip(expected) {
                assert!(*found == expected || (found.is_nan() && expected.is_nan()), "{across:?}");
            }
        }
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
                    Aggregate::Last => *values.last().unwrap(),
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
                Aggregate::Count, Aggregate::Last, Aggregate::Quantile(0.3),
                Aggregate::SketchQuantile(0.3),
            ] {
                let found = reduced(aggregate, &times, &values, &grid);
                let expected = naive(aggregate, &samples, &grid);
                let bits = |row: &[f64]| row.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
                prop_assert_eq!(bits(&found), bits(&expected), "{:?}", aggregate);
            }
        }
    }
}
