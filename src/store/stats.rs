//! How a store is doing since it was opened: numbers for an agent to look at every few seconds.
//! None of them needs the disk.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{Store, Writer, read};

/// How a store is doing. What it holds on disk is in [`StoreStat`](super::StoreStat).
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Stats {
    /// Sequence number of the last batch that was acknowledged.
    pub sequence: u64,
    /// Sequence number of the last batch that survives a power cut.
    pub durable_sequence: u64,
    /// Samples that a power cut would cost now.
    pub lag_samples: u64,
    /// How long ago the first of them was acknowledged, in seconds.
    pub lag_seconds: f64,
    /// Samples that are not sealed yet.
    pub head_samples: u64,
    /// Memory that these take, in bytes.
    pub head_memory_bytes: u64,
    /// Live segments, those of rollups included.
    pub segments: u64,
    /// Their bytes.
    pub segment_bytes: u64,
    /// Segments and batches that were found damaged and set aside.
    pub quarantined: u64,
    /// Syncs of the database's log since the store was opened.
    pub syncs: u64,
    /// The time in which 99 of 100 of these syncs were done, in milliseconds, at most a quarter too
    /// high; `None` before the first.
    pub sync_p99_ms: Option<f64>,
    /// Calls that were refused since the store was opened because a limit was met.
    pub limits_hit: u64,
    /// Samples that were refused since then because of their instants.
    pub refused_samples: u64,
    /// Samples that were not taken since then because the store held another value for their
    /// instant.
    pub conflicts: u64,
}

impl Store {
    /// How the store is doing now. Cheap: nothing is read from disk.
    pub fn stats(&self) -> Stats {
        let view = self.view();
        let heads = view.heads.iter().map(|head| {
            let head = read(head);
            (head.samples() as u64, head.memory_bytes() as u64)
        });
        let (head_samples, head_memory_bytes) =
            heads.fold((0, 0), |sum, head| (sum.0 + head.0, sum.1 + head.1));
        let writer = self.writer();
        let Counts { unsynced_samples, unsynced_since, syncs, limits_hit, refused_samples } =
            &writer.counts;
        let lag = unsynced_since.map_or(Duration::ZERO, |t| self.clock.elapsed().saturating_sub(t));
        Stats {
            sequence: writer.next_sequence - 1,
            durable_sequence: writer.durable_sequence,
            lag_samples: *unsynced_samples,
            lag_seconds: lag.as_secs_f64(),
            head_samples,
            head_memory_bytes,
            segments: view.files().count() as u64,
            segment_bytes: view.files().map(|segment| segment.bytes()).sum(),
            quarantined: (view.quarantined.len() + view.lost_batches.len()) as u64,
            syncs: syncs.count(),
            sync_p99_ms: syncs.quantile(0.99).map(|time| time.as_secs_f64() * 1e3),
            limits_hit: *limits_hit,
            refused_samples: *refused_samples,
            conflicts: self.conflicts.load(Ordering::Relaxed),
        }
    }
}

/// What a writer counts.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) unsynced_samples: u64,
    /// When the first of these was appended, by the store's clock.
    pub(super) unsynced_since: Option<Duration>,
    pub(super) syncs: Times,
    pub(super) limits_hit: u64,
    pub(super) refused_samples: u64,
}

impl Writer {
    /// Notes that samples were acknowledged.
    pub(super) fn appended(&mut self, samples: usize, elapsed: Duration) {
        self.next_sequence += 1;
        self.counts.unsynced_samples += samples as u64;
        self.counts.unsynced_since.get_or_insert(elapsed);
    }

    /// Notes that everything appended so far survives a power cut.
    pub(super) fn all_durable(&mut self) {
        self.durable_sequence = self.next_sequence - 1;
        self.counts.unsynced_samples = 0;
        self.counts.unsynced_since = None;
    }
}

/// Buckets to the doubling, so that a quantile is at most a quarter too high.
const STEPS: u32 = 4;
const BUCKETS: usize = 124;

/// How long something took, counted in buckets of microseconds, from 1 µs to over an hour.
#[derive(Debug)]
pub(super) struct Times([u32; BUCKETS]);

impl Default for Times {
    fn default() -> Self {
        Self([0; BUCKETS])
    }
}

impl Times {
    pub(super) fn add(&mut self, time: Duration) {
        let micros = u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
        if let Some(count) = self.0.get_mut(bucket(micros)) {
            *count = count.saturating_add(1);
        }
    }

    fn count(&self) -> u64 {
        self.0.iter().map(|count| u64::from(*count)).sum()
    }

    /// The end of the bucket in which a share of all times is reached.
    fn quantile(&self, share: f64) -> Option<Duration> {
        let count = self.count();
        let rank = ((count as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        for (at, count) in self.0.iter().enumerate() {
            seen += u64::from(*count);
            if seen >= rank {
                return Some(Duration::from_micros(bucket_end(at)));
            }
        }
        None
    }
}

/// Below 4 µs each has its own; from there on, each doubling is cut into four.
fn bucket(micros: u32) -> usize {
    if micros < STEPS {
        return micros as usize;
    }
    let doubling = micros.ilog2();
    let step = (micros >> (doubling - 2)) & (STEPS - 1);
    ((doubling - 1) * STEPS + step) as usize
}

/// The first number of microseconds behind a bucket.
fn bucket_end(bucket: usize) -> u64 {
    let (doubling, step) = (bucket as u64 / u64::from(STEPS), bucket as u64 % u64::from(STEPS));
    if doubling == 0 { step + 1 } else { (u64::from(STEPS) + step + 1) << (doubling - 1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_follow_each_other_and_are_at_most_a_quarter_wide() {
        for micros in (0..5_000).chain([1 << 20, u32::MAX / 3, u32::MAX]) {
            let at = bucket(micros);
            assert!(at < BUCKETS, "{micros}");
            let end = bucket_end(at);
            assert!(u64::from(micros) < end, "{micros} {end}");
            assert!(end <= u64::from(micros).max(1) * 5 / 4 + 1, "{micros} {end}");
            let start = at.checked_sub(1).map_or(0, bucket_end);
            assert!(u64::from(micros) >= start, "{micros} {start}");
        }
    }

    #[test]
    fn quantiles_are_those_of_the_times() {
        let mut times = Times::default();
        assert_eq!(times.quantile(0.99), None);
        (0..99).for_each(|_| times.add(Duration::from_millis(1)));
        times.add(Duration::from_secs(2));
        let micros = |share| times.quantile(share).unwrap().as_micros();
        assert!((1_000..=1_250).contains(&micros(0.99)), "{}", micros(0.99));
        assert!((2_000_000..=2_500_000).contains(&micros(1.0)), "{}", micros(1.0));
        assert_eq!(times.count(), 100);
    }
}
