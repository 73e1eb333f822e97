//! The manifest: the one place that says which segments and head epochs belong to a store. Every
//! change is one synced batch; what is not named here does not count.

use std::collections::BTreeMap;
use std::path::Path;

use crate::db::{Db, WriteSet, record};
use crate::error::{Error, Result};
use crate::model::limits::NUMBER_MAX;
use crate::model::{TimeRange, Timestamp};
use crate::store::options::Conflict;
use crate::store::segment::Segment;

/// The column family of the manifest.
pub(super) const FAMILY: &str = "manifest";
/// The latest version of the store's layout as a whole.
pub(super) const STORE_VERSION: u32 = 2;
/// The version of a store whose series count without gaps: what the first builds read.
const VERSION_WITHOUT_GAPS: u32 = 1;

const STORE_KEY: &[u8] = b"store";
const COUNTERS_KEY: &[u8] = b"counters";
const RETAIN_KEY: &[u8] = b"retain";
const EPOCH_PREFIX: &[u8] = b"epoch/";
const SEGMENT_PREFIX: &[u8] = b"segment/";
const TIER_PREFIX: &[u8] = b"tier/";
const DROP_PREFIX: &[u8] = b"drop/";
const QUARANTINE_PREFIX: &[u8] = b"quarantine/";
const LOST_BATCH_PREFIX: &[u8] = b"lost-batch/";

/// All that the manifest says.
#[derive(Debug, Default)]
pub(super) struct Manifest {
    pub(super) store: Option<StoreRecord>,
    pub(super) counters: Counters,
    /// Samples before this instant are gone.
    pub(super) retain_from: Option<Timestamp>,
    /// Buckets of the tier of a span (in nanoseconds) before this instant are gone.
    pub(super) expired: BTreeMap<i64, Timestamp>,
    pub(super) epochs: Vec<(u64, EpochRecord)>,
    pub(super) segments: Vec<(u64, SegmentRecord)>,
    /// Segments whose files are to be unlinked.
    pub(super) drops: Vec<u64>,
    pub(super) quarantined: Vec<(u64, QuarantineRecord)>,
    /// Head batches that were found damaged, by sequence number, and why.
    pub(super) lost_batches: Vec<(u64, String)>,
}

/// Who the store is.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(super) struct StoreRecord {
    pub(super) version: u32,
    pub(super) store_id: u128,
}

/// Numbers that are never given twice.
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub(super) struct Counters {
    pub(super) next_epoch: u64,
    pub(super) next_segment: u64,
    /// The sequence number of the last batch before the newest epoch.
    pub(super) last_sequence: u64,
}

impl StoreRecord {
    /// A store is of the earliest version that has a place for all of it, so that builds which know
    /// no later one read it.
    pub(super) fn new(store_id: u128, has_forgotten: bool) -> Self {
        let version = if has_forgotten { STORE_VERSION } else { VERSION_WITHOUT_GAPS };
        Self { version, store_id }
    }
}

impl Counters {
    fn decode(value: &[u8]) -> Result<Self> {
        let counters: Self = record::decode(value)?;
        let Self { next_epoch, next_segment, last_sequence } = counters;
        match next_epoch.max(next_segment).max(last_sequence) {
            0..=NUMBER_MAX => Ok(counters),
            number => Err(Error::decode(format!("a counter that stands at {number}"))),
        }
    }
}

/// A head epoch whose batches are in the database.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(super) struct EpochRecord {
    pub(super) conflict: Conflict,
}

/// A live segment.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct SegmentRecord {
    pub(super) order: u64,
    pub(super) file_bytes: u64,
    pub(super) samples: u64,
    pub(super) range: TimeRange,
    pub(super) label_file: u128,
    /// Whether these are rollups.
    pub(super) rollup: bool,
}

impl SegmentRecord {
    pub(super) fn of(segment: &Segment) -> Self {
        let footer = segment.footer();
        Self {
            order: footer.order,
            file_bytes: segment.bytes(),
            samples: footer.samples,
            range: footer.range,
            label_file: footer.label_file,
            rollup: segment.is_rollup(),
        }
    }
}

/// A segment that was found damaged and set aside.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(super) struct QuarantineRecord {
    pub(super) why: String,
    pub(super) samples: u64,
    pub(super) range: TimeRange,
    /// Whether these are rollups.
    pub(super) rollup: bool,
}

impl Manifest {
    /// Reads the manifest of the database in the folder `path`. The version comes first: a newer
    /// one may have records that this build does not know.
    pub(super) fn load(db: &dyn Db, path: &Path) -> Result<Self> {
        let store = db.get(FAMILY, STORE_KEY)?;
        let store: Option<StoreRecord> =
            store.map(|value| record::decode(&value)).transpose().map_err(|e| e.at(path, 0))?;
        if let Some(store) = store {
            Error::expect_version(path, store.version, STORE_VERSION)?;
        }
        let mut manifest = Self::default();
        let read = db.scan(FAMILY, &mut |key, value| manifest.read(key, value));
        read.map_err(|e| e.at(path, 0))?;
        manifest.segments.sort_by_key(|(_, segment)| segment.order);
        Ok(manifest)
    }

    fn read(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        match key {
            STORE_KEY => self.store = Some(record::decode(value)?),
            COUNTERS_KEY => self.counters = Counters::decode(value)?,
            RETAIN_KEY => self.retain_from = Some(record::decode(value)?),
            _ => {
                if let Some(id) = id_after(EPOCH_PREFIX, key) {
                    self.epochs.push((id, record::decode(value)?));
                } else if let Some(id) = id_after(SEGMENT_PREFIX, key) {
                    self.segments.push((id, record::decode(value)?));
                } else if let Some(span) = id_after(TIER_PREFIX, key) {
                    let span = i64::try_from(span).ok().filter(|span| *span > 0);
                    let span = span.ok_or_else(|| Error::decode("a tier of no length"))?;
                    self.expired.insert(span, record::decode(value)?);
                } else if let Some(id) = id_after(DROP_PREFIX, key) {
                    self.drops.push(id);
                } else if let Some(id) = id_after(QUARANTINE_PREFIX, key) {
                    self.quarantined.push((id, record::decode(value)?));
                } else if let Some(sequence) = id_after(LOST_BATCH_PREFIX, key) {
                    self.lost_batches.push((sequence, record::decode(value)?));
                } else {
                    let key = String::from_utf8_lossy(key);
                    return Err(Error::decode(format!("an unknown key in the manifest: {key:?}")));
                }
            }
        }
        Ok(())
    }
}

/// A change of the manifest in the making.
#[derive(Debug, Default)]
pub(super) struct Edit {
    pub(super) batch: WriteSet,
}

impl Edit {
    pub(super) fn put_store(&mut self, store: &StoreRecord) -> Result<()> {
        self.put(STORE_KEY, store)
    }

    pub(super) fn put_counters(&mut self, counters: &Counters) -> Result<()> {
        self.put(COUNTERS_KEY, counters)
    }

    pub(super) fn put_retain(&mut self, from: Timestamp) -> Result<()> {
        self.put(RETAIN_KEY, &from)
    }

    pub(super) fn put_expired(&mut self, span_nanos: i64, before: Timestamp) -> Result<()> {
        self.put(&key(TIER_PREFIX, span_nanos.unsigned_abs()), &before)
    }

    pub(super) fn put_epoch(&mut self, id: u64, epoch: &EpochRecord) -> Result<()> {
        self.put(&key(EPOCH_PREFIX, id), epoch)
    }

    pub(super) fn delete_epoch(&mut self, id: u64) {
        self.batch.delete(FAMILY, &key(EPOCH_PREFIX, id));
    }

    pub(super) fn put_segment(&mut self, id: u64, segment: &SegmentRecord) -> Result<()> {
        self.put(&key(SEGMENT_PREFIX, id), segment)
    }

    /// Takes a segment out and remembers that its file is to be unlinked.
    pub(super) fn drop_segment(&mut self, id: u64) -> Result<()> {
        self.batch.delete(FAMILY, &key(SEGMENT_PREFIX, id));
        self.put(&key(DROP_PREFIX, id), &())
    }

    /// Forgets a segment whose file is gone.
    pub(super) fn forget_drop(&mut self, id: u64) {
        self.batch.delete(FAMILY, &key(DROP_PREFIX, id));
    }

    /// Takes a damaged segment out and remembers what is lost.
    pub(super) fn quarantine(&mut self, id: u64, record: &QuarantineRecord) -> Result<()> {
        self.batch.delete(FAMILY, &key(SEGMENT_PREFIX, id));
        let (key, value) = quarantine_entry(id, record)?;
        self.batch.put(FAMILY, &key, value);
        Ok(())
    }

    /// Remembers a head batch that was found damaged.
    pub(super) fn lose_batch(&mut self, sequence: u64, why: &str) -> Result<()> {
        self.put(&key(LOST_BATCH_PREFIX, sequence), &why)
    }

    fn put<T: serde::Serialize>(&mut self, key: &[u8], value: &T) -> Result<()> {
        self.batch.put(FAMILY, key, record::encode(value)?);
        Ok(())
    }
}

/// The segment that a key of the manifest stands for; `None` for other keys.
pub(super) fn segment_of(key: &[u8]) -> Option<u64> {
    id_after(SEGMENT_PREFIX, key)
}

/// Key and value that remember what is lost with a segment.
pub(super) fn quarantine_entry(id: u64, record: &QuarantineRecord) -> Result<(Vec<u8>, Vec<u8>)> {
    Ok((key(QUARANTINE_PREFIX, id), record::encode(record)?))
}

/// Keys sort by number: ids are big-endian.
fn key(prefix: &[u8], id: u64) -> Vec<u8> {
    [prefix, &id.to_be_bytes()].concat()
}

fn id_after(prefix: &[u8], key: &[u8]) -> Option<u64> {
    let id = key.strip_prefix(prefix)?;
    Some(u64::from_be_bytes(id.try_into().ok()?))
}
