//! Rows on their way into groups: rows of the same series are gathered, turned into columns, and
//! handed to the sink in an order in which the later line of the file wins.

use crate::error::Result;
use crate::model::limits::GROUP_SAMPLES_MAX;
use crate::model::{Group, Labels, SeriesId, Sink, Unit};

/// Rows of one group: long enough that its fixed cost vanishes, short enough to stay in cache.
const ROWS_MAX: usize = 4_096;
/// Samples that may wait in all groups together: 16 MiB of values and at most as much of times,
/// whatever the number of hosts in a file.
const WAITING_SAMPLES_MAX: usize = 2 << 20;
/// Different sets of series that one family gathers side by side. A family with more is ragged: its
/// values are missing here and there, and its series are gathered one by one from then on, since
/// groups of a row or two would cost more than they share.
const SHAPES_MAX: usize = 64;

/// A number for rows whose series may occur together: those of one host, say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FamilyId(usize);

/// Gathers rows and feeds a sink.
pub(super) struct Collector<'a> {
    sink: &'a mut dyn Sink,
    families: Vec<Family>,
    waiting_samples: usize,
    samples: u64,
    group: Group,
}

#[derive(Default)]
struct Family {
    shapes: Vec<Shape>,
    /// The shape of the last row: most often that of the next one too.
    last: usize,
    /// Whether each series has a shape of its own.
    ragged: bool,
}

/// Rows that have the same series.
struct Shape {
    series: Vec<SeriesId>,
    /// Other shapes of the family that share a series with this one.
    related: Vec<usize>,
    times: Vec<i64>,
    /// Row after row.
    values: Vec<f64>,
    first_nanos: i64,
    last_nanos: i64,
}

impl<'a> Collector<'a> {
    pub(super) fn new(sink: &'a mut dyn Sink) -> Self {
        let group = Group::default();
        Self { sink, families: Vec::new(), waiting_samples: 0, samples: 0, group }
    }

    /// The number of a series in the sink.
    pub(super) fn series(&mut self, labels: &Labels, unit: Option<&Unit>) -> Result<SeriesId> {
        self.sink.series(labels, unit)
    }

    /// The unit of a metric in the sink.
    pub(super) fn unit(&self, metric: &str) -> Option<Unit> {
        self.sink.unit(metric)
    }

    /// A new family. No series may occur in two families.
    pub(super) fn family(&mut self) -> FamilyId {
        self.families.push(Family::default());
        FamilyId(self.families.len() - 1)
    }

    /// Adds one row; `series` and `values` have the same length and no series occurs twice.
    pub(super) fn push(
        &mut self,
        family: FamilyId,
        series: &[SeriesId],
        time_nanos: i64,
        values: &[f64],
    ) -> Result<()> {
        debug_assert_eq!(series.len(), values.len());
        if series.is_empty() {
            return Ok(());
        }
        match self.shape(family, series)? {
            Some(at) => self.push_to(family, at, time_nanos, values)?,
            None => {
                for (id, value) in series.iter().zip(values) {
                    let at = self.single(family, *id);
                    self.push_to(family, at, time_nanos, &[*value])?;
                }
            }
        }
        if self.waiting_samples >= WAITING_SAMPLES_MAX { self.flush_all() } else { Ok(()) }
    }

    fn push_to(
        &mut self,
        family: FamilyId,
        at: usize,
        time_nanos: i64,
        values: &[f64],
    ) -> Result<()> {
        self.settle_order(family, at, time_nanos)?;
        let Some(shape) = self.shape_mut(family, at) else { return Ok(()) };
        shape.times.push(time_nanos);
        shape.values.extend_from_slice(values);
        shape.first_nanos = shape.first_nanos.min(time_nanos);
        shape.last_nanos = shape.last_nanos.max(time_nanos);
        let rows_max = ROWS_MAX.min(GROUP_SAMPLES_MAX / values.len().max(1)).max(1);
        let full = shape.times.len() >= rows_max;
        self.waiting_samples += values.len();
        if full { self.flush(family, at) } else { Ok(()) }
    }

    /// Sends what is left; how many samples were sent in all.
    pub(super) fn finish(mut self) -> Result<u64> {
        self.flush_all()?;
        Ok(self.samples)
    }

    fn shape_mut(&mut self, family: FamilyId, at: usize) -> Option<&mut Shape> {
        self.families.get_mut(family.0)?.shapes.get_mut(at)
    }

    /// The place of the shape with these series in its family; `None` in a ragged family.
    fn shape(&mut self, family: FamilyId, series: &[SeriesId]) -> Result<Option<usize>> {
        let Some(known) = self.families.get_mut(family.0) else { return Ok(None) };
        if known.ragged {
            return Ok(None);
        }
        if let Some(at) = known.find(known.last, series) {
            return Ok(Some(at));
        }
        if known.shapes.len() < SHAPES_MAX {
            return Ok(Some(known.add(series)));
        }
        self.flush_family(family)?;
        let Some(known) = self.families.get_mut(family.0) else { return Ok(None) };
        known.shapes.clear();
        known.ragged = true;
        Ok(None)
    }

    /// The place of a series in a ragged family, where the next one is most often the next shape.
    fn single(&mut self, family: FamilyId, id: SeriesId) -> usize {
        let Some(known) = self.families.get_mut(family.0) else { return 0 };
        known.find(known.last + 1, &[id]).unwrap_or_else(|| known.add(&[id]))
    }

    /// Keeps the order of the file where it matters. If this row may have a sample at the same
    /// instant and series as a row that waits in another shape, that one is sent first. Rows in
    /// order of time never meet this.
    fn settle_order(&mut self, family: FamilyId, at: usize, time_nanos: i64) -> Result<()> {
        let mut next = 0;
        loop {
            let Some(known) = self.families.get(family.0) else { return Ok(()) };
            let Some(shape) = known.shapes.get(at) else { return Ok(()) };
            let Some(other) = shape.related.get(next).copied() else { return Ok(()) };
            next += 1;
            let meets = |s: &Shape| s.first_nanos <= time_nanos && time_nanos <= s.last_nanos;
            if known.shapes.get(other).is_some_and(meets) {
                self.flush(family, other)?;
            }
        }
    }

    fn flush_all(&mut self) -> Result<()> {
        (0..self.families.len()).try_for_each(|family| self.flush_family(FamilyId(family)))
    }

    fn flush_family(&mut self, family: FamilyId) -> Result<()> {
        let shapes = self.families.get(family.0).map_or(0, |known| known.shapes.len());
        (0..shapes).try_for_each(|at| self.flush(family, at))
    }

    /// Sends the rows of one shape as a group.
    fn flush(&mut self, family: FamilyId, at: usize) -> Result<()> {
        let known = self.families.get_mut(family.0);
        let Some(shape) = known.and_then(|known| known.shapes.get_mut(at)) else { return Ok(()) };
        if shape.times.is_empty() {
            return Ok(());
        }
        let group = &mut self.group;
        group.series.clone_from(&shape.series);
        group.times.clone_from(&shape.times);
        group.values.clear();
        for column in 0..shape.series.len() {
            let cells = shape.values.iter().skip(column).step_by(shape.series.len());
            group.values.extend(cells);
        }
        self.waiting_samples = self.waiting_samples.saturating_sub(group.values.len());
        self.samples += group.values.len() as u64;
        shape.clear();
        self.sink.group(&self.group)
    }
}

impl Family {
    /// The place of the shape with these series, looked for from `start` on, then from the front.
    fn find(&mut self, start: usize, series: &[SeriesId]) -> Option<usize> {
        let fits = |at: &usize| self.shapes.get(*at).is_some_and(|s| s.series == series);
        let at = (start..self.shapes.len()).chain(0..start).find(fits)?;
        self.last = at;
        Some(at)
    }

    /// Adds a shape and ties it to those that share a series with it.
    fn add(&mut self, series: &[SeriesId]) -> usize {
        let added = self.shapes.len();
        let mut sorted = series.to_vec();
        sorted.sort_unstable();
        let mut related = Vec::new();
        for (at, other) in self.shapes.iter_mut().enumerate() {
            if other.series.iter().any(|id| sorted.binary_search(id).is_ok()) {
                other.related.push(added);
                related.push(at);
            }
        }
        let mut shape = Shape {
            series: series.to_vec(),
            related,
            times: Vec::new(),
            values: Vec::new(),
            first_nanos: 0,
            last_nanos: 0,
        };
        shape.clear();
        self.shapes.push(shape);
        self.last = added;
        added
    }
}

impl Shape {
    fn clear(&mut self) {
        self.times.clear();
        self.values.clear();
        self.first_nanos = i64::MAX;
        self.last_nanos = i64::MIN;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::ingest::testing::Memory;

    fn ids(numbers: &[u32]) -> Vec<SeriesId> {
        numbers.iter().copied().map(SeriesId).collect()
    }

    #[test]
    fn rows_become_columns() {
        let mut sink = Memory::default();
        let mut collector = Collector::new(&mut sink);
        let family = collector.family();
        for row in 0..=ROWS_MAX as i64 {
            let value = row as f64;
            collector.push(family, &ids(&[3, 1]), row, &[value, -value]).unwrap();
        }
        collector.push(family, &[], 5, &[]).unwrap();
        assert_eq!(collector.finish().unwrap(), 2 * (ROWS_MAX as u64 + 1));
        assert_eq!(sink.groups.len(), 2);
        assert_eq!(sink.groups[0].column(1)[7], -7.0);
        assert_eq!(sink.groups[1], Group::row(&ids(&[3, 1]), 4_096, &[4_096.0, -4_096.0]));
    }

    #[test]
    fn what_waits_is_bounded_over_all_families() {
        let mut sink = Memory::default();
        let mut collector = Collector::new(&mut sink);
        let series = ids(&(0..1_000).collect::<Vec<_>>());
        let values = vec![1.0; series.len()];
        for row in 0..2_200 {
            let family = collector.family();
            collector.push(family, &series, row, &values).unwrap();
            assert!(collector.waiting_samples < WAITING_SAMPLES_MAX);
        }
        assert_eq!(collector.finish().unwrap(), 2_200_000);
    }

    #[test]
    fn a_ragged_family_is_gathered_series_by_series() {
        let mut sink = Memory::default();
        let mut collector = Collector::new(&mut sink);
        let family = collector.family();
        let mut expected = BTreeMap::new();
        for row in 1_i64..1_024 {
            let series = ids(&(0..10).filter(|c| row >> c & 1 == 1).collect::<Vec<_>>());
            let values = vec![row as f64; series.len()];
            // Every instant comes twice, the second time with other series.
            collector.push(family, &series, row / 2, &values).unwrap();
            expected.extend(series.iter().map(|id| ((*id, row / 2), row as f64)));
        }
        collector.finish().unwrap();
        assert_eq!(sink.by_id(), expected);
        assert_eq!(sink.groups.len(), SHAPES_MAX + 10);
    }

    proptest! {
        /// Whatever is missing where and in whatever order times come, the last row wins.
        #[test]
        fn the_later_row_wins(
            rows in proptest::collection::vec((0_i64..6, 1_u32..256, 0_usize..2), 0..300)
        ) {
            let mut sink = Memory::default();
            let mut collector = Collector::new(&mut sink);
            let families = [collector.family(), collector.family()];
            let mut expected = BTreeMap::new();
            for (at, (time, mask, family)) in rows.iter().enumerate() {
                let columns = (0..8).filter(|c| mask >> c & 1 == 1);
                let series = ids(&columns.map(|c| c + 8 * *family as u32).collect::<Vec<_>>());
                let values = vec![at as f64; series.len()];
                collector.push(families[*family], &series, *time, &values).unwrap();
                expected.extend(series.iter().map(|id| ((*id, *time), at as f64)));
            }
            collector.finish().unwrap();
            prop_assert_eq!(sink.by_id(), expected);
        }
    }
}
