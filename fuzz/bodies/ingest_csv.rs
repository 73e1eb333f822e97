//! Any bytes as a table, under options that the first bytes choose: imported or refused, never a
//! panic, and every group that comes out is well formed.

use super::checked::Checked;
use plimsoll::ingest::{CsvOptions, Shape, Source, import_csv};

pub(crate) fn run(data: &[u8]) {
    let Some((choice, rest)) = data.split_first_chunk::<2>() else { return };
    let bit = |at: u8| choice[0] >> at & 1 == 1;
    let mut options = CsvOptions { decimal_comma: bit(0), strict: bit(1), ..Default::default() };
    options.delimiter = bit(2).then_some(choice[1]);
    options.shape = bit(3).then_some(if bit(4) { Shape::Long } else { Shape::Wide });
    let form = ["s", "ms", "text"].get(usize::from(choice[0] >> 5));
    options.time.form = form.and_then(|form| form.parse().ok());
    options.time.zone = bit(1).then(|| "+02:00".parse().ok()).flatten();
    // A mapping file and rules, when the text begins with them.
    let (head, text) = match rest.windows(2).position(|two| two == b"\0\0") {
        Some(at) => (&rest[..at], &rest[at + 2..]),
        None => (&[][..], rest),
    };
    if let Ok(head) = std::str::from_utf8(head) {
        if let Ok(mapping) = CsvOptions::from_toml(head, "mapping") {
            options = mapping;
        }
        options.columns.extend(head.lines().filter_map(|line| line.parse().ok()));
    }
    let mut sink = Checked::default();
    let outcome = import_csv(Source::new(&mut &*text, "fuzz", &[]), &options, &mut sink);
    if let Ok(report) = outcome {
        assert_eq!(report.samples, sink.samples);
        assert!(report.rejected <= report.lines);
    }
}
