//! The scan: rows of series to frames, tile after tile, in parallel over rows and series.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::combine::{Combiner, ended_steps, fill_gaps};
use super::group::RowGroup;
use super::reduce::Accumulator;
use super::rolled::Rolled;
use super::{Across, Aggregate, Grid, Query};
use crate::error::{Error, Result};
use crate::model::limits::{QUANTILE_SAMPLES_MAX, TILE_VALUES_MAX};
use crate::model::{Frame, SeriesId, Span, TimeRange, Timestamp};
use crate::store::{Samples, SeriesReader, Snapshot};

/// Series of one row that one thread reduces, one after another, before they are merged in order:
/// the same ones whatever the number of threads.
const SERIES_IN_TURN: usize = 16;
/// How many times that many are reduced side by side before the next: partial results take memory.
const TURNS_AT_ONCE: usize = 16;
/// How far before its range a counter's "sample before" is looked for, at least.
const COUNTER_LOOKBACK: Span = Span::from_seconds(3_600);

/// The frames of a query, computed one by one as they are asked for. Each holds at most
/// [`TILE_VALUES_MAX`] values, or one row.
#[derive(Debug)]
pub struct Frames {
    query: Query,
    snapshot: Snapshot,
    rows: std::vec::IntoIter<RowGroup>,
    grid: Option<Grid>,
    rolled: Rolled,
}

impl Frames {
    pub(super) fn new(
        query: Query,
        snapshot: Snapshot,
        rows: Vec<RowGroup>,
        grid: Option<Grid>,
        rolled: Rolled,
    ) -> Self {
        Self { query, snapshot, rows: rows.into_iter(), grid, rolled }
    }

    /// Rows that are still to come; 0 where there is no sample in the range.
    pub fn rows_left(&self) -> usize {
        if self.grid.is_some() { self.rows.len() } else { 0 }
    }

    /// The names of all labels of the rows to come, sorted: the columns of a table of them.
    pub fn label_names(&self) -> Vec<String> {
        let rows = self.rows.as_slice().iter();
        let names = rows.flat_map(|row| row.labels.iter().map(|(name, _)| name));
        names.map(ToOwned::to_owned).collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn frame(&self, grid: &Grid, rows: Vec<RowGroup>) -> Result<Frame> {
        let row = |reader: &mut _, row: &RowGroup| self.row(grid, &row.series, reader);
        let rows_of = rows.par_iter().map_init(|| self.snapshot.reader(), row);
        let reduced: Result<Vec<Vec<f64>>> = rows_of.collect();
        let labels = rows.into_iter().map(|row| row.labels).collect();
        grid.frame(labels, reduced?.concat())
    }

    fn row(
        &self,
        grid: &Grid,
        series: &[SeriesId],
        reader: &mut SeriesReader<'_>,
    ) -> Result<Vec<f64>> {
        match (self.query.across, series) {
            (Some(across), _) => self.combined(grid, series, across),
            (None, [single]) => self.single(grid, *single, reader),
            (None, _) => self.pooled(grid, series),
        }
    }

    /// All samples of the series as if they were one series.
    fn pooled(&self, grid: &Grid, series: &[SeriesId]) -> Result<Vec<f64>> {
        let aggregate = self.query.aggregate;
        let mut whole = Accumulator::new(aggregate, grid.steps);
        for some in series.chunks(SERIES_IN_TURN * TURNS_AT_ONCE) {
            // Of all parts together, so that memory is bounded before they are merged.
            let held = AtomicUsize::new(whole.held());
            let parts = self.in_turns(some, |reader, ids| {
                let mut part = Accumulator::new(aggregate, grid.steps);
                for id in ids {
                    let before = part.held();
                    self.add_series(grid, *id, reader, &mut part)?;
                    let more = part.held().saturating_sub(before);
                    expect_room(held.fetch_add(more, Ordering::Relaxed).saturating_add(more))?;
                }
                Ok(part)
            });
            parts?.into_iter().for_each(|part| whole.merge(part));
            expect_room(whole.held())?;
        }
        Ok(whole.finish(aggregate, grid.steps))
    }

    /// One value per series and step, then one per step.
    fn combined(&self, grid: &Grid, series: &[SeriesId], across: Across) -> Result<Vec<f64>> {
        let mut whole = Combiner::new(across, grid.steps);
        for some in series.chunks(SERIES_IN_TURN * TURNS_AT_ONCE) {
            let parts = self.in_turns(some, |reader, ids| {
                let mut part = Combiner::new(across, grid.steps);
                for id in ids {
                    part.add(&self.single(grid, *id, reader)?);
                }
                Ok(part)
            });
            parts?.iter().for_each(|part| whole.merge(part));
        }
        Ok(whole.finish())
    }

    /// What `reduce` makes of every so many series, in order.
    fn in_turns<T: Send>(
        &self,
        series: &[SeriesId],
        reduce: impl Fn(&mut SeriesReader<'_>, &[SeriesId]) -> Result<T> + Sync + Send,
    ) -> Result<Vec<T>> {
        let turns = series.par_chunks(SERIES_IN_TURN);
        turns.map_init(|| self.snapshot.reader(), |reader, ids| reduce(reader, ids)).collect()
    }

    fn single(&self, grid: &Grid, id: SeriesId, reader: &mut SeriesReader<'_>) -> Result<Vec<f64>> {
        let mut accumulator = Accumulator::new(self.query.aggregate, grid.steps);
        let samples = self.add_series(grid, id, reader, &mut accumulator)?;
        let mut row = accumulator.finish(self.query.aggregate, grid.steps);
        let fill_steps = self.query.fill.nanos() / grid.step.nanos();
        if fill_steps > 0 {
            let ended = ended_steps(&samples.times, &samples.values, grid);
            fill_gaps(&mut row, fill_steps as usize, &ended);
        }
        Ok(row)
    }

    /// Adds a series to an accumulator; returns its raw samples.
    fn add_series<'r>(
        &self,
        grid: &Grid,
        id: SeriesId,
        reader: &'r mut SeriesReader<'_>,
        accumulator: &mut Accumulator,
    ) -> Result<Cow<'r, Samples>> {
        let range = TimeRange { start: first_seen(self.query.aggregate, grid), end: grid.end };
        let mut before = None;
        let mut buckets = Vec::new();
        for (span, part) in &self.rolled.parts {
            if matches!(self.query.aggregate, Aggregate::SketchQuantile(_)) {
                let add = |start, sketch: &_| accumulator.add_sketch(start, sketch, grid);
                self.snapshot.scan_sketches(id, *span, *part, add)?;
                continue;
            }
            self.snapshot.scan_buckets(id, *span, *part, &mut buckets)?;
            buckets.retain(|bucket| bucket.last_time >= range.start.nanos());
            accumulator.add_buckets(&buckets, grid, &mut before);
        }
        let mut samples = Cow::Borrowed(reader.read(id, range)?);
        if let Some(keep) = self.query.keep {
            keep.filter(samples.to_mut());
        }
        accumulator.add(&samples.times, &samples.values, grid, &mut before);
        Ok(samples)
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
pub(super) fn first_seen(aggregate: Aggregate, grid: &Grid) -> Timestamp {
    let counter = matches!(aggregate, Aggregate::Increase | Aggregate::Rate);
    let lookback = if counter { COUNTER_LOOKBACK.max(grid.step) } else { Span::default() };
    grid.start.minus(lookback)
}

impl Iterator for Frames {
    type Item = Result<Frame>;

    fn next(&mut self) -> Option<Self::Item> {
        let grid = self.grid.clone()?;
        let rows_max = (TILE_VALUES_MAX / grid.steps.max(1)).max(1);
        let rows: Vec<RowGroup> = self.rows.by_ref().take(rows_max).collect();
        if rows.is_empty() { None } else { Some(self.frame(&grid, rows)) }
    }
}
