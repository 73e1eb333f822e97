//! What one block teaches about the next: the front end that was best, and what it cost.

use super::front::{Front, Mapped};
use super::integers::Scratch;

/// Blocks after which a front end is searched for again although the old one does well.
const BLOCKS_BETWEEN_SEARCHES: u32 = 32;

/// A front end that needs more bytes than this for a value is never taken on trust.
const BYTES_WORTH_A_SEARCH: f64 = 3.0;

/// Parameters carried on from earlier, similar blocks, and buffers used again. A cache changes how
/// many bytes a block takes and how fast they are found, never what comes back. Equal values and
/// equal caches give equal bytes.
#[derive(Debug, Clone, Default)]
pub struct ValueCache {
    pub(super) usual: Option<Usual>,
    pub(super) scratch: Scratch,
    pub(super) mapped: Mapped,
    /// The best of a search so far.
    pub(super) best: Mapped,
    pub(super) candidates: Vec<Front>,
}

/// The front end of the block before.
#[derive(Debug, Clone, Copy)]
pub(super) struct Usual {
    pub(super) front: Front,
    /// What a value cost when it was searched for.
    bytes_per_value: f64,
    blocks: u32,
}

impl Usual {
    pub(super) fn new(front: Front, bytes: usize, values: usize) -> Self {
        Self { front, bytes_per_value: bytes as f64 / values.max(1) as f64, blocks: 0 }
    }

    /// Whether `bytes` for a block are still as expected: not a third more, some slack for headers.
    pub(super) fn holds(&mut self, bytes: usize, values: usize) -> bool {
        self.blocks += 1;
        let expected = self.bytes_per_value * values as f64;
        let worth_a_search = self.bytes_per_value > BYTES_WORTH_A_SEARCH;
        !worth_a_search
            && self.blocks < BLOCKS_BETWEEN_SEARCHES
            && (bytes as f64) < expected * 1.25 + 16.0
    }
}
