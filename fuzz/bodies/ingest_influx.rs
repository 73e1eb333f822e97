//! Any bytes as line protocol: imported or refused, never a panic, and every group that comes out
//! is well formed.

use std::collections::HashSet;

use plimsoll::ingest::{InfluxOptions, Source, TimeUnit, import_influx};
use plimsoll::{Group, Labels, Result, SeriesId, Sink, Unit};

/// Checks what it is given and counts it.
#[derive(Default)]
struct Checked {
    series: u32,
    samples: u64,
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

pub(crate) fn run(data: &[u8]) {
    let Some((choice, text)) = data.split_first() else { return };
    let precision = [TimeUnit::Nanoseconds, TimeUnit::Milliseconds, TimeUnit::Seconds];
    let options = InfluxOptions {
        precision: precision[usize::from(choice % 3)],
        strict: choice & 0x80 != 0,
        ..Default::default()
    };
    let mut sink = Checked::default();
    let outcome = import_influx(Source::new(&mut &*text, "fuzz", &[]), &options, &mut sink);
    if let Ok(report) = outcome {
        assert_eq!(report.samples, sink.samples);
        assert!(report.rejected <= report.lines);
    }
}
