//! Any bytes as line protocol: imported or refused, never a panic, and every group that comes out
//! is well formed.

use super::checked::Checked;
use plimsoll::ingest::{InfluxOptions, Source, TimeUnit, import_influx};

pub(crate) fn run(data: &[u8]) {
    let Some((choice, text)) = data.split_first() else { return };
    let precision =
        [Some(TimeUnit::Nanoseconds), Some(TimeUnit::Milliseconds), Some(TimeUnit::Seconds), None];
    let options = InfluxOptions {
        precision: precision[usize::from(choice % 4)],
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
