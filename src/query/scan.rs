//! The scan: rows of series to frames, tile after tile, in parallel over rows and series.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::combine::{Combiner, ended_steps, fill_gaps, typical_spacing};
use super::group::RowGroup;
use super::rank::Ranking;
use super::reduction::Reduction;
use super::walk::{Asked, Walker};
use super::watch::{Explain, Watch};
use super::{Across, Aggregate, Grid, Query};
use crate::error::{Error, Result};
use crate::model::limits::{QUANTILE_SAMPLES_MAX, TILE_VALUES_MAX};
use crate::model::{Frame, Labels, SeriesId, Span, Timestamp};
use crate::store::{Amount, Snapshot};

/// Series of one row that one thread reduces, one after another, before they are merged in order:
/// the same ones whatever the number of threads.
const SERIES_IN_TURN: usize = 16;
/// How many times that many are reduced side by side before the next, at most.
const TURNS_AT_ONCE: usize = 16;
/// Memory that partial results take at once, unless a single one takes more.
const PARTS_BYTES_MAX: usize = 256 << 20;
/// Samples that one thread decodes before another is awake.
const SAMPLES_ALONE: u64 = 1 << 17;
/// How far before its range a counter's "sample before" is looked for, at least.
const COUNTER_LOOKBACK: Span = Span::from_seconds(3_600);
/// The label that tells the rows of several aggregates apart.
pub(super) const AGGREGATE_LABEL: &str = "aggregate";

/// The frames of a query, computed one by one as they are asked for. Each holds at most
/// [`TILE_VALUES_MAX`] values, or the rows of one group.
#[derive(Debug)]
pub struct Frames {
    query: Query,
    snapshot: Snapshot,
    selected: Vec<SeriesId>,
    rows: std::vec::IntoIter<RowGroup>,
    /// None where there is no sample in the range.
    asked: Option<Asked>,
    watch: Watch,
    series_done: u64,
    /// The best rows, once all were computed.
    ranked: Option<std::vec::IntoIter<Frame>>,
}

/// What one thread works with, one series after another.
struct Worker<'a> {
    walker: Walker<'a>,
    /// For the series that are reduced by themselves, from the first such one on.
    reduction: Option<Reduction>,
}

/// The workers of a frame, one for each thread that asks at the same time. They are lent, and not
/// made anew for each piece of work, since they keep the times that series share.
struct Workers<'a> {
    asked: &'a Asked,
    snapshot: &'a Snapshot,
    idle: Mutex<Vec<Worker<'a>>>,
}

impl<'a> Workers<'a> {
    fn new(asked: &'a Asked, snapshot: &'a Snapshot) -> Self {
        Self { asked, snapshot, idle: Mutex::default() }
    }

    /// What `work` makes with a worker.
    fn lend<R>(&self, work: impl FnOnce(&mut Worker<'a>) -> R) -> R {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let found = idle().pop();
        let mut worker = found.unwrap_or_else(|| Worker {
            walker: Walker::new(self.asked, self.snapshot),
            reduction: None,
        });
        let made = work(&mut worker);
        idle().push(worker);
        made
    }
}

impl Frames {
    pub(super) fn new(
        query: Query,
        snapshot: Snapshot,
        rows: Vec<RowGroup>,
        asked: Option<Asked>,
        watch: Watch,
    ) -> Self {
        let selected = rows.iter().flat_map(|row| row.series.iter().copied()).collect();
        let rows = rows.into_iter();
        Self { query, snapshot, selected, rows, asked, watch, series_done: 0, ranked: None }
    }

    /// Rows that are still to come, if each has a value; 0 where there is no sample in the range.
    pub fn rows_left(&self) -> usize {
        if let Some(ranked) = &self.ranked {
            return ranked.as_slice().iter().map(Frame::len).sum();
        }
        let groups = if self.asked.is_some() { self.rows.len() } else { 0 };
        let shown = self.query.rank.map_or(groups, |rank| rank.rows().min(groups));
        shown * self.query.aggregates.len()
    }

    /// The names of all labels of the rows to come, sorted: the columns of a table of them.
    pub fn label_names(&self) -> Vec<String> {
        let rows = self.rows.as_slice().iter();
        let names = rows.flat_map(|row| row.labels.iter().map(|(name, _)| name));
        let several = self.query.aggregates.len() > 1;
        let names = names.chain(several.then_some(AGGREGATE_LABEL));
        names.map(ToOwned::to_owned).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// What was done so far.
    ///
    /// ```
    /// use plimsoll::query::{Aggregate, Query};
    /// use plimsoll::store::{Store, StoreOptions};
    /// use plimsoll::{Batch, Group, Labels};
    ///
    /// let folder = tempfile::tempdir().unwrap();
    /// let store = Store::open(folder.path(), StoreOptions::default())?;
    /// let cpu = store.series_id(&Labels::new("cpu", [("host", "web-1")])?)?;
    /// let times: Vec<i64> = (0..100_000).map(|at| at * 1_000_000_000).collect();
    /// let values = (0..100_000).map(|at| f64::from(at % 60)).collect();
    /// store.append(&Batch { groups: vec![Group { series: vec![cpu], times, values }] })?;
    /// store.seal()?;
    ///
    /// let query = Query::new("cpu".parse()?).aggregate(Aggregate::Max);
    /// let mut frames = query.run(&store.snapshot()?)?;
    /// assert_eq!(frames.next().unwrap()?.row(0), [59.0]);
    /// let explain = frames.explain();
    /// assert_eq!((explain.stored.samples, explain.statistics.samples), (100_000, 100_000));
    /// assert_eq!(explain.decoded.samples, 0);
    /// # Ok::<(), plimsoll::Error>(())
    /// ```
    pub fn explain(&self) -> Explain {
        let work = self.watch.work();
        let mut stored = Amount::default();
        self.selected.iter().for_each(|id| stored.merge(self.snapshot.stored(*id)));
        let mut outside = stored;
        for seen in [work.pruned, work.statistics, work.decoded] {
            outside.blocks = outside.blocks.saturating_sub(seen.blocks);
            outside.samples = outside.samples.saturating_sub(seen.samples);
            outside.bytes = outside.bytes.saturating_sub(seen.bytes);
        }
        Explain {
            series: self.selected.len() as u64,
            series_done: self.series_done,
            stored,
            outside,
            pruned: work.pruned,
            statistics: work.statistics,
            decoded: work.decoded,
            buckets: work.buckets,
        }
    }

    /// The next rows, as many as a frame has room for; none after the last.
    fn next_frame(&mut self) -> Option<Result<Frame>> {
        let asked = self.asked.as_ref()?;
        let width = asked.grid.steps * self.query.aggregates.len();
        let rows_max = (TILE_VALUES_MAX / width.max(1)).max(1);
        let rows: Vec<RowGroup> = self.rows.by_ref().take(rows_max).collect();
        if rows.is_empty() {
            return None;
        }
        let series: usize = rows.iter().map(|row| row.series.len()).sum();
        let frame = self.frame(asked, rows, width);
        self.series_done += series as u64;
        Some(frame)
    }

    fn frame(&self, asked: &Asked, rows: Vec<RowGroup>, width: usize) -> Result<Frame> {
        let mut values = vec![f64::NAN; rows.len() * width];
        let workers = Workers::new(asked, &self.snapshot);
        let some = |(out, rows): (&mut [f64], &[RowGroup])| {
            let mut each = out.chunks_mut(width).zip(rows);
            each.try_for_each(|(out, row)| self.row(&workers, &row.series, out))
        };
        if is_small(asked, rows.iter().map(|row| row.series.len()).sum()) {
            some((&mut values, &rows))?;
        } else {
            let turns = values.par_chunks_mut(width * SERIES_IN_TURN);
            turns.zip(rows.par_chunks(SERIES_IN_TURN)).try_for_each(some)?;
        }
        let mut labels = Vec::with_capacity(rows.len() * self.query.aggregates.len());
        rows.into_iter().try_for_each(|row| self.push_labels(row.labels, &mut labels))?;
        asked.grid.frame(labels, values)
    }

    /// Appends the labels of each row that a group becomes.
    fn push_labels(&self, labels: Labels, out: &mut Vec<Labels>) -> Result<()> {
        let aggregates = &self.query.aggregates;
        if aggregates.len() == 1 {
            out.push(labels);
            return Ok(());
        }
        if labels.get(AGGREGATE_LABEL).is_some() {
            return Err(Error::invalid(format!(
                "{labels} has a label {AGGREGATE_LABEL:?}, by which the rows of several aggregates \
                 are told apart; ask for one aggregate, or group by other labels"
            )));
        }
        for aggregate in aggregates {
            let aggregate = aggregate.to_string();
            let pairs = labels.iter().chain([(AGGREGATE_LABEL, &*aggregate)]);
            out.push(Labels::from_pairs(pairs)?);
        }
        Ok(())
    }

    fn row(&self, workers: &Workers<'_>, series: &[SeriesId], out: &mut [f64]) -> Result<()> {
        match (self.query.across, series) {
            (Some(across), _) => self.combined(workers, series, across, out),
            (None, [single]) => workers.lend(|worker| self.single(worker, *single, out)),
            (None, _) => self.pooled(workers, series, out),
        }
    }

    /// All samples of the series as if they were one series.
    fn pooled(&self, workers: &Workers<'_>, series: &[SeriesId], out: &mut [f64]) -> Result<()> {
        let Asked { plan, grid, .. } = workers.asked;
        let mut whole = Reduction::new(plan, grid.steps);
        let turns = turns_at_once(grid.steps * plan.bytes_per_step());
        for some in series.chunks(SERIES_IN_TURN * turns) {
            // Of all parts together, so that memory is bounded before they are merged.
            let held = AtomicUsize::new(whole.held());
            let parts = in_turns(workers, some, |worker, ids| {
                let mut part = Reduction::new(plan, grid.steps);
                for id in ids {
                    let before = part.held();
                    self.add(&mut worker.walker, *id, &mut part)?;
                    let more = part.held().saturating_sub(before);
                    expect_room(held.fetch_add(more, Ordering::Relaxed).saturating_add(more))?;
                }
                Ok(part)
            })?;
            for part in parts {
                whole.merge(part);
            }
            expect_room(whole.held())?;
        }
        whole.write(plan, out);
        Ok(())
    }

    /// One value per series and step, then one per step.
    fn combined(
        &self,
        workers: &Workers<'_>,
        series: &[SeriesId],
        across: Across,
        out: &mut [f64],
    ) -> Result<()> {
        let mut whole = Combiner::new(across, out.len());
        // A series' own reduction and row, too.
        let Asked { plan, grid, .. } = workers.asked;
        let own = grid.steps * plan.bytes_per_step() + size_of_val(out);
        let turns = turns_at_once(own + out.len() * Combiner::BYTES_PER_STEP);
        for some in series.chunks(SERIES_IN_TURN * turns) {
            let parts = in_turns(workers, some, |worker, ids| {
                let mut part = Combiner::new(across, out.len());
                let mut row = vec![f64::NAN; out.len()];
                for id in ids {
                    self.single(worker, *id, &mut row)?;
                    part.add(&row);
                }
                Ok(part)
            })?;
            for part in &parts {
                whole.merge(part);
            }
        }
        out.copy_from_slice(&whole.finish());
        Ok(())
    }

    fn single(&self, worker: &mut Worker<'_>, id: SeriesId, out: &mut [f64]) -> Result<()> {
        let Worker { walker, reduction } = worker;
        let Asked { plan, grid, .. } = walker.asked();
        let reduction = match reduction {
            Some(used) => {
                used.clear();
                used
            }
            None => reduction.insert(Reduction::new(plan, grid.steps)),
        };
        let fill_steps = self.query.fill.whole(grid.step);
        if fill_steps == 0 {
            self.add(walker, id, reduction)?;
            reduction.write(plan, out);
            return Ok(());
        }
        self.watch.check(|| self.snapshot.elapsed())?;
        let samples = walker.add_whole(id, reduction)?;
        let ended = ended_steps(&samples.times, &samples.values, grid);
        self.watch.add(walker.take_work())?;
        reduction.write(plan, out);
        for row in out.chunks_mut(grid.steps) {
            let own_steps = match self.query.fill_spacings {
                0.0 => 0,
                spacings => (spacings * typical_spacing(row)) as usize,
            };
            fill_gaps(row, own_steps.max(fill_steps as usize), &ended);
        }
        Ok(())
    }

    /// Adds a series, within the limits of the query.
    fn add(&self, walker: &mut Walker<'_>, id: SeriesId, to: &mut Reduction) -> Result<()> {
        self.watch.check(|| self.snapshot.elapsed())?;
        walker.add(id, to)?;
        self.watch.add(walker.take_work())
    }
}

/// How many turns are reduced side by side, given the memory that the results of each take. It
/// changes no bit of an answer: they are merged one after another, in order.
fn turns_at_once(bytes: usize) -> usize {
    (PARTS_BYTES_MAX / bytes.max(1)).clamp(1, TURNS_AT_ONCE)
}

/// Whether so many series are done before other threads would be awake.
fn is_small(asked: &Asked, series: usize) -> bool {
    (series as u64).saturating_mul(asked.samples_max) <= SAMPLES_ALONE
}

/// What `turn` makes of every so many series, in order.
fn in_turns<'a, T: Send>(
    workers: &Workers<'a>,
    series: &[SeriesId],
    turn: impl Fn(&mut Worker<'a>, &[SeriesId]) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let turn = |ids| workers.lend(|worker| turn(worker, ids));
    if is_small(workers.asked, series.len()) {
        return series.chunks(SERIES_IN_TURN).map(turn).collect();
    }
    series.par_chunks(SERIES_IN_TURN).map(turn).collect()
}

fn expect_room(held: usize) -> Result<()> {
    if held <= QUANTILE_SAMPLES_MAX {
        return Ok(());
    }
    Err(Error::Limit {
        what: "the number of samples or bins under one row of quantiles",
        value: held as u64,
        limit: QUANTILE_SAMPLES_MAX as u64,
        remedy: "take a shorter range, or group by more labels",
    })
}

/// The first instant that matters to a grid: for a counter that of its "sample before".
pub(super) fn first_seen(aggregates: &[Aggregate], grid: &Grid) -> Timestamp {
    let counts = |aggregate: &Aggregate| matches!(aggregate, Aggregate::Increase | Aggregate::Rate);
    let counter = aggregates.iter().any(counts);
    let lookback = if counter { COUNTER_LOOKBACK.max(grid.step) } else { Span::default() };
    grid.start.minus(lookback)
}

impl Iterator for Frames {
    type Item = Result<Frame>;

    fn next(&mut self) -> Option<Self::Item> {
        let Some(rank) = self.query.rank else { return self.next_frame() };
        if self.ranked.is_none() {
            let mut ranking = Ranking::new(rank, self.query.aggregates.len());
            while let Some(frame) = self.next_frame() {
                match frame {
                    Ok(frame) => ranking.add(&frame),
                    Err(why) => return Some(Err(why)),
                }
            }
            match ranking.frames(self.asked.as_ref().map(|asked| &asked.grid)) {
                Ok(frames) => self.ranked = Some(frames.into_iter()),
                Err(why) => return Some(Err(why)),
            }
        }
        self.ranked.as_mut()?.next().map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::limits::QUERY_STEPS_MAX;
    use crate::query::reduction::Plan;

    #[test]
    fn partial_results_stay_within_their_memory_or_come_one_by_one() {
        let all = [
            Aggregate::Max,
            Aggregate::Min,
            Aggregate::Mean,
            Aggregate::First,
            Aggregate::Last,
            Aggregate::StdDev,
            Aggregate::Rate,
        ];
        for count in 1..=all.len() {
            let of_step = Plan::new(&all[..count]).bytes_per_step();
            for steps in [1, 1_000, 100_000, 2_160_000, QUERY_STEPS_MAX] {
                let (bytes, turns) = (steps * of_step, turns_at_once(steps * of_step));
                assert!((1..=TURNS_AT_ONCE).contains(&turns));
                assert!(turns == 1 || turns * bytes <= PARTS_BYTES_MAX, "{count} {steps}");
                assert!(steps > 100_000 || turns == TURNS_AT_ONCE, "{count} {steps}");
            }
            assert!(QUERY_STEPS_MAX * of_step <= 2 * PARTS_BYTES_MAX, "one takes {of_step}");
        }
    }
}
