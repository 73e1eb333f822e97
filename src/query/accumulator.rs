//! Runs of samples to one value per step: accumulators that are filled series by series and merged
//! in a fixed order, so that the answer does not depend on who filled them.

use std::collections::BTreeMap;

use super::gathered::Gathered;
use super::steps::Cursor;
use super::{Aggregate, Grid};
use crate::codec::BlockStats;
use crate::kernel::{self, RunningTotal, Sketch, Spread, growth};
use crate::store::{Bucket, BucketFields, Values};

/// A sketch takes the memory of this many bins besides its own.
const SKETCH_BINS: usize = 6;

/// What is kept of the samples of a step. Several aggregates may come from one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Sums, where `adds`, and how many samples they hold.
    Sums {
        adds: bool,
    },
    Min,
    Max,
    First,
    Last,
    Spread,
    Values,
    Sketches,
    Growth,
}

/// Partial results of one or several series, one place per step.
#[derive(Debug)]
pub(super) enum Accumulator {
    /// Sums, where they are wanted, and how many samples they hold: for sum, mean and count.
    Sums { sums: Vec<f64>, counts: Vec<u64>, open: RunningTotal, adds: bool },
    /// The least value per step, NaN without one.
    Min(Vec<f64>),
    /// The greatest value per step, NaN without one.
    Max(Vec<f64>),
    /// The earliest sample per step, and its instant.
    First { times: Vec<i64>, values: Vec<f64> },
    /// The latest sample per step, and its instant.
    Last { times: Vec<i64>, values: Vec<f64> },
    /// How numbers lie around their mean, per step.
    Spread { spreads: Vec<Spread>, open: Vec<f64> },
    /// The numbers themselves.
    Values(Gathered),
    /// A sketch per step that has numbers.
    Sketches(BTreeMap<usize, Sketch>),
    /// Growth of counters, and the nanoseconds it took, of all series together; none without one.
    Growth { increases: Vec<f64>, nanos: Vec<u128>, before: Option<(i64, f64)> },
}

/// What is known of samples that follow each other in one step, all of them numbers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) stats: &'a BlockStats,
    pub(super) first_time: i64,
    pub(super) last_time: i64,
}

impl Kind {
    pub(super) fn of(aggregate: Aggregate) -> Self {
        match aggregate {
            Aggregate::Sum | Aggregate::Mean => Self::Sums { adds: true },
            Aggregate::Count => Self::Sums { adds: false },
            Aggregate::Min => Self::Min,
            Aggregate::Max => Self::Max,
            Aggregate::First => Self::First,
            Aggregate::Last => Self::Last,
            Aggregate::StdDev => Self::Spread,
            Aggregate::Quantile(_) => Self::Values,
            Aggregate::SketchQuantile(_) => Self::Sketches,
            Aggregate::Increase | Aggregate::Rate => Self::Growth,
        }
    }

    /// Whether values have to be there as they are, and not as integers.
    pub(super) fn needs_floats(self) -> bool {
        matches!(self, Self::Spread | Self::Sketches | Self::Growth)
    }

    /// Whether the statistics of a block say all that is needed of its samples.
    pub(super) fn takes_statistics(self) -> bool {
        !matches!(self, Self::Spread | Self::Sketches | Self::Values)
    }

    /// What it takes of buckets of rolled-up time.
    pub(super) fn bucket_fields(self) -> BucketFields {
        match self {
            Self::Sums { adds: true } => BucketFields::COUNT.and(BucketFields::SUM),
            Self::Sums { adds: false } => BucketFields::COUNT,
            Self::Min => BucketFields::MIN,
            Self::Max => BucketFields::MAX,
            Self::First => BucketFields::FIRST,
            Self::Last => BucketFields::LAST,
            Self::Growth => BucketFields::ALL,
            Self::Spread | Self::Values | Self::Sketches => BucketFields::NONE,
        }
    }

    /// Memory that it takes for each step; what is kept sample by sample has its own limit.
    pub(super) fn bytes_per_step(self) -> usize {
        match self {
            Self::Sums { .. } | Self::First | Self::Last => 16,
            Self::Min | Self::Max => 8,
            Self::Spread => size_of::<Spread>(),
            Self::Growth => 8 + size_of::<u128>(),
            Self::Values | Self::Sketches => 0,
        }
    }

    /// Whether what it adds up may be rounded, so that the order matters.
    pub(super) fn adds(self) -> bool {
        matches!(self, Self::Sums { adds: true } | Self::Growth)
    }
}

impl Accumulator {
    pub(super) fn new(kind: Kind, steps: usize) -> Self {
        let gaps = || vec![f64::NAN; steps];
        match kind {
            Kind::Sums { adds } => {
                // -0.0 is what adding leaves every number as it is, its sign included.
                let (sums, counts) = (vec![-0.0; steps], vec![0; steps]);
                Self::Sums { sums, counts, open: RunningTotal::default(), adds }
            }
            Kind::Min => Self::Min(gaps()),
            Kind::Max => Self::Max(gaps()),
            Kind::First => Self::First { times: vec![i64::MAX; steps], values: gaps() },
            Kind::Last => Self::Last { times: vec![i64::MIN; steps], values: gaps() },
            Kind::Spread => {
                Self::Spread { spreads: vec![Spread::default(); steps], open: Vec::new() }
            }
            Kind::Values => Self::Values(Gathered::default()),
            Kind::Sketches => Self::Sketches(BTreeMap::new()),
            Kind::Growth => {
                let (increases, nanos) = (vec![0.0; steps], vec![0; steps]);
                Self::Growth { increases, nanos, before: None }
            }
        }
    }

    /// Forgets all results and keeps their memory.
    pub(super) fn clear(&mut self) {
        match self {
            Self::Sums { sums, counts, .. } => {
                sums.fill(-0.0);
                counts.fill(0);
            }
            Self::Min(values) | Self::Max(values) => values.fill(f64::NAN),
            Self::First { times, values } => {
                times.fill(i64::MAX);
                values.fill(f64::NAN);
            }
            Self::Last { times, values } => {
                times.fill(i64::MIN);
                values.fill(f64::NAN);
            }
            Self::Spread { spreads, .. } => spreads.fill(Spread::default()),
            Self::Values(gathered) => gathered.clear(),
            Self::Sketches(all) => all.clear(),
            Self::Growth { increases, nanos, .. } => {
                increases.fill(0.0);
                nanos.fill(0);
            }
        }
    }

    /// Adds the next samples of a step of one series; growth takes them otherwise. Where `exact`,
    /// all samples of the step are whole numbers, and no sum of them is rounded.
    pub(super) fn add_run(&mut self, step: usize, times: &[i64], run: Values<'_>, exact: bool) {
        match (self, run) {
            (Self::Sums { counts, adds: false, .. }, Values::Integers(run)) => {
                counts[step] += run.numbers.len() as u64;
            }
            (Self::Sums { open, .. }, Values::Integers(run)) if exact => {
                open.add_whole(run.sum(), run.numbers.len() as u64);
            }
            (Self::Sums { open, .. }, Values::Integers(run)) => {
                if !open.add_integers(&run) {
                    open.add(&run.values());
                }
            }
            (Self::Sums { open, .. }, Values::Floats(run)) => open.add(run),
            (Self::Min(least), run) => least[step] = lesser(run.least(), least[step]),
            (Self::Max(greatest), run) => greatest[step] = greater(run.greatest(), greatest[step]),
            (this @ Self::First { .. }, run) => {
                if let Some((time, value)) = run.first(times) {
                    this.add_one(step, time, value);
                }
            }
            (this @ Self::Last { .. }, run) => {
                if let Some((time, value)) = run.last(times) {
                    this.add_one(step, time, value);
                }
            }
            (Self::Values(gathered), run) => gathered.add(step, run),
            (Self::Spread { open, .. }, Values::Floats(run)) => open.extend_from_slice(run),
            (Self::Sketches(sketches), Values::Floats(run)) => {
                sketches.entry(step).or_default().merge(&Sketch::of(run));
            }
            // Those that need values are given values.
            (Self::Spread { .. } | Self::Sketches(_) | Self::Growth { .. }, _) => {}
        }
    }

    /// Takes in what one series has in a step: all of it was added.
    pub(super) fn end_run(&mut self, step: usize) {
        match self {
            Self::Sums { sums, counts, open, .. } => {
                let total = open.total();
                sums[step] += total.sum;
                counts[step] += total.count;
                *open = RunningTotal::default();
            }
            Self::Spread { spreads, open } => {
                spreads[step].merge(&kernel::spread(open));
                open.clear();
            }
            _ => {}
        }
    }

    /// Adds the next samples of one series, of any steps and before the grid, to what counters
    /// grew; nothing to anything else.
    pub(super) fn add_growth(&mut self, times: &[i64], values: &[f64], grid: &Grid) {
        if let Self::Growth { increases, nanos, before } = self {
            add_growth(increases, nanos, times, values, grid, before);
        }
    }

    /// Notes that the next samples are of another series.
    pub(super) fn end_series(&mut self) {
        if let Self::Growth { before, .. } = self {
            *before = None;
        }
    }

    /// Adds samples of a step of one series by what is known of them; where values are added up,
    /// sums are exact. `None` is the step of samples before the grid.
    pub(super) fn add_known(&mut self, step: Option<usize>, known: Known<'_>) {
        let Known { stats, first_time, last_time } = known;
        if let Self::Growth { before, .. } = &self {
            let before = *before;
            if let Some(step) = step {
                let bucket = (stats.increase, u64::from(stats.count));
                self.add_grown(step, (first_time, stats.first), last_time, bucket, before);
            }
            if let Self::Growth { before, .. } = self {
                *before = Some((last_time, stats.last));
            }
            return;
        }
        let Some(step) = step else { return };
        match self {
            Self::Sums { counts, adds: false, .. } => counts[step] += u64::from(stats.count),
            Self::Sums { open, .. } => open.add_whole(stats.sum, u64::from(stats.count)),
            Self::Min(_) => self.add_one(step, first_time, stats.min),
            Self::Max(_) => self.add_one(step, first_time, stats.max),
            Self::First { .. } => self.add_one(step, first_time, stats.first),
            Self::Last { .. } => self.add_one(step, last_time, stats.last),
            _ => {}
        }
    }

    /// Adds buckets of one series, in order of time, each of which lies whole in one step, in none,
    /// or before the grid.
    pub(super) fn add_buckets(&mut self, buckets: &[Bucket], grid: &Grid) {
        let mut cursor = Cursor::new(grid);
        for bucket in buckets {
            if let Some(step) = cursor.step_of(bucket.start) {
                self.add_bucket(step, bucket);
            }
            if let Self::Growth { before, .. } = self {
                *before = Some((bucket.last_time, bucket.last));
            }
        }
    }

    fn add_bucket(&mut self, step: usize, bucket: &Bucket) {
        match self {
            Self::Sums { sums, counts, .. } => {
                sums[step] += bucket.sum;
                counts[step] += bucket.count;
            }
            Self::Min(_) => self.add_one(step, bucket.first_time, bucket.min),
            Self::Max(_) => self.add_one(step, bucket.first_time, bucket.max),
            Self::First { .. } => self.add_one(step, bucket.first_time, bucket.first),
            Self::Last { .. } => self.add_one(step, bucket.last_time, bucket.last),
            Self::Growth { before, .. } => {
                let before = *before;
                let first = (bucket.first_time, bucket.first);
                let grown = (bucket.increase, bucket.count);
                self.add_grown(step, first, bucket.last_time, grown, before);
            }
            // Quantiles are not made of buckets, but of their sketches, and deviations of neither.
            Self::Values(_) | Self::Sketches(_) | Self::Spread { .. } => {}
        }
    }

    /// Adds what a counter grew from the sample `before` to the first of some samples, and from
    /// there to their last.
    fn add_grown(
        &mut self,
        step: usize,
        (first_time, first): (i64, f64),
        last_time: i64,
        (increase, count): (f64, u64),
        before: Option<(i64, f64)>,
    ) {
        let Self::Growth { increases, nanos, .. } = self else { return };
        let mut add = |growth: f64, (from, to): (i64, i64)| {
            increases[step] += growth;
            nanos[step] += u128::from(to.abs_diff(from));
        };
        if let Some((time, value)) = before {
            add(growth(value, first), (time, first_time));
        }
        if count > 1 {
            add(increase, (first_time, last_time));
        }
    }

    #[inline]
    fn add_one(&mut self, step: usize, time: i64, value: f64) {
        match self {
            Self::Min(least) => least[step] = lesser(value, least[step]),
            Self::Max(greatest) => greatest[step] = greater(value, greatest[step]),
            Self::First { times, values } if values[step].is_nan() || time < times[step] => {
                (times[step], values[step]) = (time, value);
            }
            Self::Last { times, values } if values[step].is_nan() || times[step] <= time => {
                (times[step], values[step]) = (time, value);
            }
            _ => {}
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
            (Self::Sums { sums, counts, .. }, Self::Sums { sums: more, counts: number, .. }) => {
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
            (Self::Spread { spreads, .. }, Self::Spread { spreads: more, .. }) => {
                spreads.iter_mut().zip(more).for_each(|(spread, more)| spread.merge(&more));
            }
            (Self::Values(gathered), Self::Values(more)) => gathered.merge(more),
            (Self::Sketches(all), Self::Sketches(more)) => {
                for (step, more) in more {
                    all.entry(step).or_default().merge(&more);
                }
            }
            (
                Self::Growth { increases, nanos, .. },
                Self::Growth { increases: more, nanos: more_nanos, .. },
            ) => {
                increases.iter_mut().zip(more).for_each(|(increase, more)| *increase += more);
                nanos.iter_mut().zip(more_nanos).for_each(|(nanos, more)| *nanos += more);
            }
            // Accumulators of one query are of one kind.
            _ => {}
        }
    }

    /// Samples held one by one, or bins of sketches, for the memory limit.
    pub(super) fn held(&self) -> usize {
        match self {
            Self::Values(gathered) => gathered.len(),
            Self::Sketches(all) => {
                all.values().map(|sketch| sketch.bins().len() + SKETCH_BINS).sum()
            }
            _ => 0,
        }
    }

    /// Writes one value per step.
    pub(super) fn write(&mut self, aggregate: Aggregate, out: &mut [f64]) {
        match self {
            Self::Sums { sums, counts, .. } => {
                for ((place, sum), count) in out.iter_mut().zip(sums).zip(counts) {
                    *place = match (aggregate, *count) {
                        (Aggregate::Count, count) => count as f64,
                        (_, 0) => f64::NAN,
                        (Aggregate::Mean, count) => *sum / count as f64,
                        _ => *sum,
                    };
                }
            }
            Self::Min(values)
            | Self::Max(values)
            | Self::First { values, .. }
            | Self::Last { values, .. } => out.copy_from_slice(values),
            Self::Spread { spreads, .. } => {
                out.iter_mut().zip(spreads).for_each(|(place, spread)| *place = spread.deviation());
            }
            Self::Values(gathered) => {
                if let Aggregate::Quantile(rank) = aggregate {
                    gathered.write_quantiles(rank, out);
                }
            }
            Self::Sketches(all) => {
                out.fill(f64::NAN);
                if let Aggregate::SketchQuantile(rank) = aggregate {
                    for (step, sketch) in all {
                        out[*step] = sketch.quantile(rank);
                    }
                }
            }
            Self::Growth { increases, nanos, .. } => {
                let rate = aggregate == Aggregate::Rate;
                for ((place, increase), nanos) in out.iter_mut().zip(increases).zip(nanos) {
                    *place = match rate {
                        // Two numbers of a series are never of one instant.
                        _ if *nanos == 0 => f64::NAN,
                        true => *increase / (*nanos as f64 / 1e9),
                        false => *increase,
                    };
                }
            }
        }
    }
}

fn add_growth(
    increases: &mut [f64],
    nanos: &mut [u128],
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
            increases[step] += growth(value_before, *value);
            nanos[step] += u128::from(time.abs_diff(time_before));
        }
        *before = Some((*time, *value));
    }
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
