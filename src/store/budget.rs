//! The memory budget of a store, divided among what takes memory. Each share is a fixed part of
//! the whole, so that one number says what a store costs.
//!
//! | part | share |
//! |---|---|
//! | the head | 3/8 |
//! | RocksDB: unflushed batches, cache | 1/8 and 1/64 |
//! | a tile being sealed or merged, its series and their encoded form | up to 1/4 |
//! | the batch being appended, as the log's record twice | up to 1/4, mostly nothing |
//!
//! The rest is for what grows with the number of series: catalog, and index of each segment.

use crate::error::{Error, Result};

/// The least that is worth a store.
const BYTES_MIN: usize = 8 << 20;
/// Values of a series in one block of a segment: heads with more rows than this make no better
/// segments.
const ROWS_ENOUGH: usize = crate::model::limits::BLOCK_SAMPLES;
/// Samples over which a segment is not merged any more by itself: rewriting it costs more than one
/// file less saves.
const MERGED_SAMPLES_MAX: u64 = 1 << 28;
/// Samples of one batch. It is one database record, held in memory whole by database and log.
const BATCH_SAMPLES_MAX: usize = 4 * crate::model::limits::GROUP_SAMPLES_MAX;

/// A budget in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget(usize);

impl Budget {
    /// An error where it is too small to live on.
    pub(super) fn new(bytes: usize) -> Result<Self> {
        if bytes < BYTES_MIN {
            return Err(Error::invalid(format!(
                "memory_bytes_max is {bytes}; a store needs {BYTES_MIN} at least"
            )));
        }
        Ok(Self(bytes))
    }

    /// What the database may take.
    pub(super) fn database_bytes(self) -> usize {
        self.0 / 8
    }

    /// Whether a head is to be sealed: it has its share, or rows enough for whole blocks.
    pub(super) fn is_full(self, head_bytes: usize, samples: usize, series: usize) -> bool {
        head_bytes >= self.0 / 8 * 3
            || (samples >= self.0 / 64 && samples >= series.saturating_mul(ROWS_ENOUGH))
    }

    /// Samples of one append.
    pub(super) fn batch_samples_max(self) -> usize {
        (self.0 / 64).min(BATCH_SAMPLES_MAX)
    }

    /// Samples that are decoded and encoded together, unless a single series has more. Each takes 8
    /// bytes until its tile is written, and 16 to 48 while its series is encoded.
    pub(super) fn tile_samples(self) -> usize {
        self.0 / 64
    }

    /// Samples of one series that a merge may make: it holds them in memory.
    pub(super) fn series_samples_max(self) -> u64 {
        self.0 as u64 / 64
    }

    /// Samples of a segment that a merge may make by itself: it holds index and statistics, at
    /// least a tenth of a byte for each, and more where series are short.
    pub(super) fn merged_samples_max(self) -> u64 {
        (self.0 as u64).saturating_mul(4).min(MERGED_SAMPLES_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_full_by_its_bytes_or_by_its_rows() {
        let budget = Budget::new(64 << 20).unwrap();
        assert!(budget.is_full(24 << 20, 1, 10_000));
        assert!(!budget.is_full(23 << 20, 2 << 20, 10_000), "210 rows of each");
        assert!(budget.is_full(12 << 20, 1 << 20, 1_000), "1,049 rows of each");
        assert!(!budget.is_full(1 << 20, 100_000, 10), "too few to be worth a file");
        assert!(Budget::new(1 << 20).is_err());
    }
}
