//! A sink in memory, for the tests of this room.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::model::{Group, Labels, SeriesId, Sink, Unit};

/// Keeps everything; a series asked for twice gets the same number.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) series: Vec<(Labels, Option<Unit>)>,
    pub(super) groups: Vec<Group>,
}

impl Memory {
    /// The samples that a store would hold: on equal series and instant the later one.
    pub(super) fn by_id(&self) -> BTreeMap<(SeriesId, i64), f64> {
        let mut samples = BTreeMap::new();
        for group in &self.groups {
            for (c, id) in group.series.iter().enumerate() {
                let column = group.times.iter().zip(group.column(c));
                samples.extend(column.map(|(time, value)| ((*id, *time), *value)));
            }
        }
        samples
    }

    /// The same, with labels as printed and values as bits.
    pub(super) fn samples(&self) -> BTreeMap<(String, i64), u64> {
        let named = |((id, time), value): ((SeriesId, i64), f64)| {
            ((self.series[id.0 as usize].0.to_string(), time), value.to_bits())
        };
        self.by_id().into_iter().map(named).collect()
    }

    /// Samples as `labels @ seconds = value`, one a line, sorted.
    pub(super) fn print(&self) -> Vec<String> {
        let line = |((labels, time), bits): ((String, i64), u64)| {
            format!("{labels} @ {} = {}", time as f64 / 1e9, f64::from_bits(bits))
        };
        self.samples().into_iter().map(line).collect()
    }
}

impl Sink for Memory {
    fn series(&mut self, labels: &Labels, unit: Option<&Unit>) -> Result<SeriesId> {
        let known = self.series.iter().position(|s| s.0 == *labels);
        let at = known.unwrap_or_else(|| {
            self.series.push((labels.clone(), unit.cloned()));
            self.series.len() - 1
        });
        Ok(SeriesId(at as u32))
    }

    fn unit(&self, metric: &str) -> Option<Unit> {
        self.series.iter().find(|s| s.0.metric() == metric)?.1.clone()
    }

    fn group(&mut self, group: &Group) -> Result<()> {
        group.check()?;
        let mut ids = group.series.clone();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), group.series.len(), "a series twice in one group");
        self.groups.push(group.clone());
        Ok(())
    }
}
