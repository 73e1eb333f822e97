//! What a store misses for damage is said once by each command, on stderr, since no answer can show
//! what is not there.

use std::path::Path;

use super::output::note;
use crate::error::Result;
use crate::model::{TimeRange, Timestamp};
use crate::store::{Loss, Store};

/// Opens a store for reading, and says what it misses. `stat` and `check` open it by themselves:
/// they tell it in their output.
pub(super) fn open(folder: &Path) -> Result<Store> {
    let store = Store::open_read_only(folder)?;
    tell_loss(&store, folder)?;
    Ok(store)
}

/// Says what a store misses, if anything. One that is opened for writing may have set it aside just
/// now.
pub(super) fn tell_loss(store: &Store, folder: &Path) -> Result<()> {
    if let Some(lacks) = lacks(&store.snapshot()?.loss()) {
        let folder = folder.display();
        note(&format!("note: {lacks}; `plimsoll check --store {folder}` tells more"));
    }
    Ok(())
}

/// What no answer from a store has, if it misses anything.
pub(super) fn lacks(loss: &Loss) -> Option<String> {
    if *loss == Loss::default() {
        return None;
    }
    let counted = |count, one: &str, more: &str| match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        count => Some(format!("{count} {more}")),
    };
    let segments = counted(loss.segments, "segment", "segments").map(|segments| {
        let samples = counted(loss.samples, "sample", "samples");
        let samples = samples.unwrap_or_else(|| "rollups".to_owned());
        // The range ends just behind the last sample.
        let last = |range: TimeRange| Timestamp::from_nanos(range.end.nanos().saturating_sub(1));
        let within = loss.range.map(|range| format!(" from {} to {}", range.start, last(range)));
        format!("{segments} ({samples}{})", within.unwrap_or_default())
    });
    let batches = counted(loss.batches, "batch of the head", "batches of the head");
    let parts: Vec<String> = segments.into_iter().chain(batches).collect();
    Some(format!("the store is damaged: every answer lacks {}", parts.join(" and ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_counted() {
        let [start, end] = [0, 60_000_000_001].map(Timestamp::from_nanos);
        let range = TimeRange { start, end };
        let said = |loss: Loss| {
            let said = lacks(&loss).unwrap();
            said.split_once("lacks ").unwrap().1.to_owned()
        };
        let one = Loss { segments: 1, samples: 7, range: Some(range), batches: 0 };
        let when = "1970-01-01T00:00:00Z to 1970-01-01T00:01:00Z";
        assert_eq!(said(one), format!("1 segment (7 samples from {when})"));
        let more = Loss { segments: 2, samples: 0, batches: 1, ..one };
        let expected = format!("2 segments (rollups from {when}) and 1 batch of the head");
        assert_eq!(said(more), expected);
        assert_eq!(lacks(&Loss::default()), None);
        assert_eq!(said(Loss { batches: 3, ..Loss::default() }), "3 batches of the head");
    }
}
