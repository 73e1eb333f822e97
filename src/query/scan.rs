//! The scan: rows of series to frames, tile after tile, in parallel over rows and series.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::combine::{Combiner, ended_steps, fill_gaps};
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
/// How many times that many are reduced side by side before the next: partial results take memory.
const TURNS_AT_ONCE: usize = 16;
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

/// What one thread works with.
struct Worker<'a> {
    walker: Walker<'a>,
    reduction: Reduction,
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
        let row = |worker: &mut Worker<'_>, (out, row): (&mut [f64], &RowGroup)| {
            self.row(asked, &row.series, worker, out)
        };
        if self.is_small(asked, rows.iter().map(|row| row.series.len()).sum()) {
            let mut worker = self.worker(asked);
            values.chunks_mut(width).zip(&rows).try_for_each(|work| row(&mut worker, work))?;
        } else {
            let work = values.par_chunks_mut(width).zip(rows.par_iter());
            work.try_for_each_init(|| self.worker(asked), row)?;
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

    fn worker<'a>(&'a self, asked: &'a Asked) -> Worker<'a> {
        let reduction = Reduction::new(&asked.plan, asked.grid.steps);
        Worker { walker: Walker::new(asked, &self.snapshot), reduction }
    }

    /// Whether so many series are done before other threads would be awake.
    fn is_small(&self, asked: &Asked, series: usize) -> bool {
        (series as u64).saturating_mul(asked.samples_max) <= SAMPLES_ALONE
    }

    fn row(
        &self,
        asked: &Asked,
        series: &[SeriesId],
        worker: &mut Worker<'_>,
        out: &mut [f64],
    ) -> Result<()> {
        match (self.query.across, series) {
            (Some(across), _) => self.combined(asked, series, across, out),
            (None, [single]) => self.single(asked, *single, worker, out),
            (None, _) => self.pooled(asked, series, out),
        }
    }

    /// All samples of the series as if they were one series.
    fn pooled(&self, asked: &Asked, series: &[SeriesId], out: &mut [f64]) -> Result<()> {
        let mut whole = Reduction::new(&asked.plan, asked.grid.steps);
        for some in series.chunks(SERIES_IN_TURN * TURNS_AT_ONCE) {
            // Of all parts together, so that memory is bounded before they are merged.
            let held = AtomicUsize::new(whole.held());
            let turn = |worker: &mut Worker<'_>, ids: &[SeriesId]| {
                let mut part = Reduction::new(&asked.plan, asked.grid.steps);
                for id in ids {
                    let before = part.held();
                    self.add(&mut worker.walker, *id, &mut part)?;
                    let more = part.held().saturating_sub(before);
                    expect_room(held.fetch_add(more, Ordering::Relaxed).saturating_add(more))?;
                }
                Ok(part)
            };
            let parts = self.in_turns(asked, some, turn)?;
            parts.into_iter().for_each(|part| whole.merge(part));
            expect_room(whole.held())?;
        }
        whole.write(&asked.plan, out);
        Ok(())
    }

    /// One value per series and step, then one per step.
    fn combined(
        &self,
        asked: &Asked,
        series: &[SeriesId],
        across: Across,
        out: &mut [f64],
    ) -> Result<()> {
        let mut whole = Combiner::new(across, out.len());
        for some in series.chunks(SERIES_IN_TURN * TURNS_AT_ONCE) {
            let turn = |worker: &mut Worker<'_>, ids: &[SeriesId]| {
                let mut part = Combiner::new(across, out.len());
                let mut row = vec![f64::NAN; out.len()];
                for id in ids {
                    self.single(asked, *id, worker, &mut row)?;
                    part.add(&row);
                }
                Ok(part)
            };
            let parts = self.in_turns(asked, some, turn)?;
            parts.iter().for_each(|part| whole.merge(part));
        }
        out.copy_from_slice(&whole.finish());
        Ok(())
    }

    /// What `turn` makes of every so many series, in order.
    fn in_turns<T: Send>(
        &self,
        asked: &Asked,
        series: &[SeriesId],
        turn: impl Fn(&mut Worker<'_>, &[SeriesId]) -> Result<T> + Sync + Send,
    ) -> Result<Vec<T>> {
        if self.is_small(asked, series.len()) {
            let mut worker = self.worker(asked);
            return series.chunks(SERIES_IN_TURN).map(|ids| turn(&mut worker, ids)).collect();
        }
        let turns = series.par_chunks(SERIES_IN_TURN);
        turns.map_init(|| self.worker(asked), turn).collect()
    }

    fn single(
        &self,
        asked: &Asked,
        id: SeriesId,
        worker: &mut Worker<'_>,
        out: &mut [f64],
    ) -> Result<()> {
        let Worker { walker, reduction } = worker;
        reduction.clear();
        let fill_steps = self.query.fill.nanos() / asked.grid.step.nanos();
        if fill_steps == 0 {
            self.add(walker, id, reduction)?;
            reduction.write(&asked.plan, out);
            return Ok(());
        }
        self.watch.check(|| self.snapshot.elapsed())?;
        let samples = walker.add_whole(id, reduction)?;
        let ended = ended_steps(&samples.times, &samples.values, &asked.grid);
        self.watch.add(walker.take_work())?;
        reduction.write(&asked.plan, out);
        let rows = out.chunks_mut(asked.grid.steps);
        rows.for_each(|row| fill_gaps(row, fill_steps as usize, &ended));
        Ok(())
    }

    /// Adds a series, within the limits of the query.
    fn add(&self, walker: &mut Walker<'_>, id: SeriesId, to: &mut Reduction) -> Result<()> {
        self.watch.check(|| self.snapshot.elapsed())?;
        walker.add(id, to)?;
        self.watch.add(walker.take_work())
    }
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
