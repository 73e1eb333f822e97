//! Numbers about a store.

use std::path::Path;

use super::snapshot::around;
use super::{Snapshot, Store, Tier, View, read};
use crate::error::Result;
use crate::fs::Fs;
use crate::model::TimeRange;

/// Numbers about a store at one moment.
#[derive(Debug, Clone, serde::Serialize)]
pub struct StoreStat {
    /// Samples in segments and heads. One that a later segment overrides counts until the two are
    /// merged.
    pub samples: u64,
    /// Of these, samples in heads.
    pub head_samples: u64,
    /// Memory that the heads' samples take, in bytes.
    pub head_memory_bytes: u64,
    /// Series, those without a sample yet included.
    pub series: u64,
    /// Live segments of samples.
    pub segments: u64,
    /// Bytes of all files of the store.
    pub disk_bytes: u64,
    /// Of these, bytes of live segments of samples.
    pub segment_bytes: u64,
    /// From the first sample, or the first bucket of rollups, to 1 ns after the last.
    pub range: Option<TimeRange>,
    /// The tiers of rollups, the finest first.
    pub rollups: Vec<Tier>,
    /// Segments and head batches that were found damaged and set aside.
    pub quarantined: u64,
    /// Sequence number of the last appended batch.
    pub sequence: u64,
    /// Sequence number of the last batch that survives a power cut.
    pub durable_sequence: u64,
}

/// What a store misses since it was found damaged or missing: no answer has it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Loss {
    /// Segments, those of rollups included.
    pub segments: u64,
    /// The samples of these segments; buckets of rollups are not counted.
    pub samples: u64,
    /// From the first of their samples, or of their buckets, to 1 ns after the last.
    pub range: Option<TimeRange>,
    /// Batches of heads, of which it is not known how many samples they had.
    pub batches: u64,
}

impl Snapshot {
    /// What is missing in this view for damage.
    pub fn loss(&self) -> Loss {
        let View { quarantined, lost_batches, .. } = &*self.view;
        let mut loss = Loss { batches: lost_batches.len() as u64, ..Loss::default() };
        for (_, lost) in quarantined {
            loss.segments += 1;
            loss.samples += if lost.rollup { 0 } else { lost.samples };
            loss.range = Some(loss.range.map_or(lost.range, |range| around(range, lost.range)));
        }
        loss
    }
}

impl Store {
    /// Numbers about the store now.
    pub fn stat(&self) -> Result<StoreStat> {
        let view = self.view();
        let heads: Vec<_> = view.heads.iter().map(|head| read(head)).collect();
        let head_samples: u64 = heads.iter().map(|head| head.samples() as u64).sum();
        let head_memory_bytes = heads.iter().map(|head| head.memory_bytes() as u64).sum();
        drop(heads);
        let sealed: u64 = view.segments.iter().map(|s| s.footer().samples).sum();
        let (sequence, durable_sequence) = {
            let writer = self.writer();
            (writer.next_sequence - 1, writer.durable_sequence)
        };
        let snapshot = self.snapshot()?;
        Ok(StoreStat {
            samples: sealed + head_samples,
            head_samples,
            head_memory_bytes,
            series: read(&self.catalog()).len() as u64,
            segments: view.segments.len() as u64,
            disk_bytes: folder_bytes(&*self.fs, self.layout.root())?,
            segment_bytes: view.segments.iter().map(|s| s.bytes()).sum(),
            range: snapshot.range(),
            rollups: snapshot.tiers(),
            quarantined: (view.quarantined.len() + view.lost_batches.len()) as u64,
            sequence,
            durable_sequence,
        })
    }
}

/// Bytes of all files below a folder.
pub(super) fn folder_bytes(fs: &dyn Fs, folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs.list(folder)? {
        bytes += entry.bytes;
        if entry.folder {
            bytes += folder_bytes(fs, &folder.join(&entry.name))?;
        }
    }
    Ok(bytes)
}
