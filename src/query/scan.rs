//! The scan: rows of series to frames, tile after tile, in parallel over rows and series.

use std::collections::BTreeSet;

use rayon::prelude::*;

use super::group::RowGroup;
use super::reduce::{Accumulator, Combiner, ended_steps, fill_gaps};
use super::rolled::Rolled;
use super::{Across, Aggregate, Grid, Query};
use crate::error::{Error, Result};
use crate::model::limits::{QUANTILE_SAMPLES_MAX, TILE_VALUES_MAX};
use crate::model::{Frame, SeriesId, Span, TimeRange, Timestamp};
use crate::store::{Samples, Snapshot};

/// Series of one row that are reduced side by side before they are merged in order.
const SERIES_AT_ONCE: usize = 16;
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
        let reduced: Result<Vec<Vec<f64>>> =
            rows.par_iter().map(|row| self.row(grid, &row.series)).collect();
        let labels = rows.into_iter().map(|row| row.labels).collect();
        Frame::new(grid.start, grid.step, grid.steps, labels, reduced?.concat())
    }

    fn row(&self, grid: &Grid, series: &[SeriesId]) -> Result<Vec<f64>> {
        match (self.query.across, series) {
            (Some(across), _) => self.combined(grid, series, across),
            (None, [single]) => self.single(grid, *single),
            (None, _) => self.pooled(grid, series),
        }
    }

    /// All samples of the series as if they were one series.
    fn pooled(&self, grid: &Grid, series: &[SeriesId]) -> Result<Vec<f64>> {
        let aggregate = self.query.aggregate;
        let mut whole = Accumulator::new(aggregate, grid.steps);
        for some in series.chunks(SERIES_AT_ONCE) {
            let parts: Result<Vec<Accumulator>> = some
                .par_iter()
                .map(|id| self.accumulate(grid, *id, &mut Samples::default()))
                .collect();
            parts?.into_iter().for_each(|part| whole.merge(part));
            if whole.held() > QUANTILE_SAMPLES_MAX {
                return Err(Error::Limit {
                    what: "the number of samples or bins under one row of quantiles",
                    value: whole.held() as u64,
                    limit: QUANTILE_SAMPLES_MAX as u64,
                    remedy: "take a shorter range, or group by more labels",
                });
            }
        }
        Ok(whole.finish(aggregate, grid.steps))
    }

    /// One value per series and step, then one per step.
    fn combined(&self, grid: &Grid, series: &[SeriesId], across: Across) -> Result<Vec<f64>> {
        let mut whole = Combiner::new(across, grid.steps);
        for some in series.chunks(SERIES_AT_ONCE) {
            let rows: Result<Vec<Vec<f64>>> =
                some.par_iter().map(|id| self.single(grid, *id)).collect();
            rows?.iter().for_each(|row| whole.add(row));
        }
        Ok(whole.finish())
    }

    fn single(&self, grid: &Grid, id: SeriesId) -> Result<Vec<f64>> {
        let mut samples = Samples::default();
        let accumulator = self.accumulate(grid, id, &mut samples)?;
        let mut row = accumulator.finish(self.query.aggregate, grid.steps);
        let fill_steps = self.query.fill.nanos() / grid.step.nanos();
        if fill_steps > 0 {
            let ended = ended_steps(&samples.times, &samples.values, grid);
            fill_gaps(&mut row, fill_steps as usize, &ended);
        }
        Ok(row)
    }

    /// Reduces a series; its raw samples are left in `samples`.
    fn accumulate(&self, grid: &Grid, id: SeriesId, samples: &mut Samples) -> Result<Accumulator> {
        let range = TimeRange { start: first_seen(self.query.aggregate, grid), end: grid.end };
        let mut accumulator = Accumulator::new(self.query.aggregate, grid.steps);
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
        self.snapshot.scan(id, range, samples)?;
        if let Some(keep) = self.query.keep {
            keep.filter(samples);
        }
        accumulator.add(&samples.times, &samples.values, grid, &mut before);
        Ok(accumulator)
    }
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
        let grid = self.grid?;
        let rows_max = (TILE_VALUES_MAX / grid.steps.max(1)).max(1);
        let rows: Vec<RowGroup> = self.rows.by_ref().take(rows_max).collect();
        if rows.is_empty() { None } else { Some(self.frame(&grid, rows)) }
    }
}
