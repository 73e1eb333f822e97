//! What a query may cost, and what it did cost. The time is the store's; no answer depends on it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::error::{Error, Result};
use crate::store::{Amount, Work};

/// What a query may cost at most; `None` is as much as it takes. A query that would cost more is
/// given up, with an error that names the limit.
///
/// ```
/// use plimsoll::query::{Limits, Query};
/// use plimsoll::store::{Store, StoreOptions};
/// use plimsoll::{Batch, Group, Labels};
///
/// let folder = tempfile::tempdir().unwrap();
/// let store = Store::open(folder.path(), StoreOptions::default())?;
/// for host in ["a", "b"] {
///     let cpu = store.series_id(&Labels::new("cpu", [("host", host)])?)?;
///     store.append(&Batch { groups: vec![Group::row(&[cpu], 1_000, &[3.0])] })?;
/// }
/// let limits = Limits { series: Some(1), ..Limits::default() };
/// let refused = Query::new("cpu".parse()?).limits(limits).run(&store.snapshot()?).unwrap_err();
/// assert!(refused.to_string().contains("the number of series of a query is 2"));
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Series that are selected.
    pub series: Option<u64>,
    /// Samples that are decoded.
    pub samples: Option<u64>,
    /// Encoded bytes that are decoded.
    pub bytes: Option<u64>,
    /// Time from the call of [`Query::run`](super::Query::run) to the last frame.
    pub wall: Option<Duration>,
}

/// Ends a query from another thread: its next frame is [`Error::Cancelled`], within the time that
/// a few series take.
///
/// ```
/// use plimsoll::query::{Cancel, Query};
/// use plimsoll::store::{Store, StoreOptions};
/// use plimsoll::{Batch, Error, Group, Labels};
///
/// let folder = tempfile::tempdir().unwrap();
/// let store = Store::open(folder.path(), StoreOptions::default())?;
/// let cpu = store.series_id(&Labels::new("cpu", [("host", "a")])?)?;
/// store.append(&Batch { groups: vec![Group::row(&[cpu], 1_000, &[3.0])] })?;
///
/// let cancel = Cancel::default();
/// let mut frames = Query::new("cpu".parse()?).cancel(&cancel).run(&store.snapshot()?)?;
/// cancel.now();
/// assert!(matches!(frames.next(), Some(Err(Error::Cancelled))));
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

/// What a query has done so far: what it did not look at, what statistics and rollups answered, and
/// what was decoded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Explain {
    /// Series that are selected.
    pub series: u64,
    /// Of these, series of the frames so far.
    pub series_done: u64,
    /// Samples of the selected series in segments and heads, of all time.
    pub stored: Amount,
    /// Of these, what is outside the range of the query and was not looked at; before the last
    /// frame also what is still to come.
    pub outside: Amount,
    /// What statistics say does not meet the query's condition.
    pub pruned: Amount,
    /// What was answered from the statistics of blocks.
    pub statistics: Amount,
    /// What was decoded, or was in memory.
    pub decoded: Amount,
    /// Buckets that answered for rolled-up time.
    pub buckets: u64,
}

/// Watches over one query.
#[derive(Debug)]
pub(super) struct Watch {
    limits: Limits,
    cancel: Cancel,
    started: Duration,
    work: Mutex<Work>,
}

impl Cancel {
    /// Ends all queries that were given this.
    pub fn now(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Watch {
    /// Begins to watch over a query; `now` is time since some fixed moment.
    pub(super) fn new(limits: Limits, cancel: Cancel, now: Duration) -> Self {
        Self { limits, cancel, started: now, work: Mutex::default() }
    }

    /// An error where a query of so many series is one too many.
    pub(super) fn expect_series(&self, series: usize) -> Result<()> {
        let series = series as u64;
        let remedy = "select fewer, or raise the limit (Limits::series, --max-series)";
        within("the number of series of a query", series, self.limits.series, remedy)
    }

    /// An error where a query is to end.
    pub(super) fn check(&self, now: impl FnOnce() -> Duration) -> Result<()> {
        if self.cancel.is_set() {
            return Err(Error::Cancelled);
        }
        let Some(wall) = self.limits.wall else { return Ok(()) };
        let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let taken = now().saturating_sub(self.started);
        if taken <= wall {
            return Ok(());
        }
        let remedy =
            "ask for less time or fewer series, or raise the limit (Limits::wall, --timeout)";
        // A limit below a millisecond is over, too.
        let value = milliseconds(taken).max(milliseconds(wall) + 1);
        within("the time of a query in ms", value, Some(milliseconds(wall)), remedy)
    }

    /// Adds what was done; an error where it has become too much.
    pub(super) fn add(&self, work: Work) -> Result<()> {
        let done = {
            let mut done = self.work.lock().unwrap_or_else(PoisonError::into_inner);
            done.merge(work);
            *done
        };
        let Amount { samples, bytes, .. } = done.decoded;
        let remedy = "ask for less time or fewer series, or raise the limit (Limits::samples, \
                      --max-samples)";
        within("the number of samples that a query decodes", samples, self.limits.samples, remedy)?;
        let remedy =
            "ask for less time or fewer series, or raise the limit (Limits::bytes, --max-bytes)";
        within("the number of bytes that a query decodes", bytes, self.limits.bytes, remedy)
    }

    pub(super) fn work(&self) -> Work {
        *self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn within(what: &'static str, value: u64, limit: Option<u64>, remedy: &'static str) -> Result<()> {
    match limit {
        Some(limit) if value > limit => Err(Error::Limit { what, value, limit, remedy }),
        _ => Ok(()),
    }
}

impl fmt::Display for Explain {
    /// One line for each part.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:12} {} of {}", "series", self.series_done, self.series)?;
        for (name, amount) in [
            ("stored", self.stored),
            ("out of range", self.outside),
            ("pruned", self.pruned),
            ("statistics", self.statistics),
            ("decoded", self.decoded),
        ] {
            let Amount { blocks, samples, bytes } = amount;
            writeln!(f, "{name:12} {samples} samples, {bytes} bytes, {blocks} blocks")?;
        }
        writeln!(f, "{:12} {} buckets", "rolled up", self.buckets)
    }
}
