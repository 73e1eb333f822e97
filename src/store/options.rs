//! What may be chosen when a store is opened, and what each choice costs.

use std::time::Duration;

use crate::model::Span;

/// Clocks of a fleet that are kept by NTP are within a second; those that are kept by nobody drift
/// a minute a month.
const AHEAD_MAX: Span = Span::from_seconds(600);

/// When an appended batch is safe from a power cut. At every level it is safe from the end of the
/// process (kill -9, panic) as soon as `append` returns, since the system then has the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Durability {
    /// Safe when it is sealed, or after `Store::sync`. For imports, which can be repeated.
    Buffered,
    /// Safe at most this long after it was appended, provided appends go on or the owner calls
    /// `Store::tick`. One disk sync per interval, whatever the rate.
    Interval(Duration),
    /// Safe when `append` returns. One disk sync per append: 0.1 to 10 ms each.
    Sync,
}

/// Which of two samples counts when a series has two at the same instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Conflict {
    /// The one that was appended later. For live data, where a later word is a correction.
    LastWins,
    /// The one that the store holds already. For imports: importing a file again, renamed or with
    /// its rows in another order, then changes nothing.
    FirstWins,
}

/// Options of a store. `Default` suits a monitoring agent.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    // What the store does.
    /// When appended batches are safe from a power cut. Default: `Interval` of 1 second.
    pub durability: Durability,
    /// Which of two samples of one instant counts. Default: the later one.
    pub conflict: Conflict,
    /// How far ahead of the wall clock a sample may lie. One that lies further ahead is refused and
    /// counted ([`Appended::refused`](super::Appended), [`Stats`](super::Stats)), row by row, and
    /// all other rows of its batch are taken: one host's wrong clock costs no other host a sample.
    /// Default: 10 minutes, for live data. `None` takes any instant from the last retention on: for
    /// imports, and for simulated time.
    pub ahead_max: Option<Span>,
    /// How far behind the wall clock a sample may lie; the same goes for one that lies further
    /// behind. Default: `None`, for late data is stored as well as any other.
    pub late_max: Option<Span>,

    // What it costs.
    /// Memory that the store may take, in bytes: what was appended and is not sealed yet, the
    /// database's buffers, sealing, merging and opening. It does not count what queries return, or
    /// some 100 bytes for each series and 60 for each series of each segment, though the default
    /// leaves room for these with 10,000 series. More makes better segments and fewer merges.
    /// Default: 64 MiB; at least 8 MiB.
    pub memory_bytes_max: usize,
    /// Space that the store may take on disk, in bytes, everything in its folder counted but the
    /// reserve. A batch that would not fit, sealed and all, is refused with
    /// [`Error::Limit`](crate::Error); compaction and retention make room, though rollups take some
    /// first. Default: `None`; at least 16 MiB, and five times what the head may hold is a good
    /// least.
    pub disk_bytes_max: Option<u64>,
    /// Space that is kept for the day on which the disk is full, in bytes, as the file `RESERVE`:
    /// it is given up so that retention works on a full disk, and made again before anything else
    /// is appended. It should hold what the head does. Default: 0, none.
    pub disk_reserve_bytes: u64,
    /// Samples in the head at which it is sealed into a segment, if `memory_bytes_max` does not ask
    /// for it before. Default: 4,000,000.
    pub head_samples_max: usize,
    /// Whether small segments are merged after a seal. Default: yes.
    pub compact_after_seal: bool,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            durability: Durability::Interval(Duration::from_secs(1)),
            conflict: Conflict::LastWins,
            ahead_max: Some(AHEAD_MAX),
            late_max: None,
            memory_bytes_max: 64 << 20,
            disk_bytes_max: None,
            disk_reserve_bytes: 0,
            head_samples_max: 4_000_000,
            compact_after_seal: true,
        }
    }
}
