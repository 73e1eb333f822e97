//! A sink that checks what an importer gives it.

use std::collections::HashSet;

use plimsoll::{Group, Labels, Result, SeriesId, Sink, Unit};

/// Checks what it is given and counts it.
#[derive(Default)]
pub(super) struct Checked {
    series: u32,
    pub(super) samples: u64,
}

impl Sink for Checked {
    fn series(&mut self, labels: &Labels, _: Option<&Unit>) -> Result<SeriesId> {
        assert!(!labels.metric().is_empty());
        self.series += 1;
        Ok(SeriesId(self.series - 1))
    }

    fn group(&mut self, group: &Group) -> Result<()> {
        group.check()?;
        let different: HashSet<_> = group.series.iter().collect();
        assert_eq!(different.len(), group.series.len());
        assert!(group.series.iter().all(|id| id.0 < self.series));
        assert!(group.times.iter().all(|time| *time != i64::MAX));
        assert!(group.values.iter().all(|value| !value.is_nan()));
        self.samples += group.samples() as u64;
        Ok(())
    }
}
