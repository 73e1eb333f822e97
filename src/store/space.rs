//! Space on the disk: a quota on everything in the store's folder, a reserve for the day on which
//! the disk is full, and the way on after it.
//!
//! Space is reserved before it is written. What is in the head will be written twice more, into the
//! database's tables and into a segment, so a batch is taken only where that fits as well: a seal
//! never fails for want of space that the store itself has used up.
//!
//! A disk that is full fails a write of the database. Then nothing is unknown: what was
//! acknowledged is in the log before it. The store refuses writes, opens the database again as soon
//! as there is space, compares it with what it should be, and goes on. A failed sync is another
//! matter (`Store::guarded`).

use std::sync::Arc;
use std::time::Duration;

use super::head::Head;
use super::layout::Layout;
use super::manifest::{Edit, Manifest, StoreRecord};
use super::segment::Segment;
use super::stat::folder_bytes;
use super::{Store, Writer, read, recover};
use crate::db::WriteSet;
use crate::error::{Error, Result};

/// For what the database keeps of itself, and for the few records that retention needs.
const CONTROL_BYTES: u64 = 2 << 20;
/// The least quota that a store can live on.
const QUOTA_MIN: u64 = 16 << 20;
/// What a series takes in a segment before its values: labels, index, statistics, padding.
const SERIES_BYTES: u64 = 512;
/// A head that takes less than this share of the quota is not worth a segment to make room.
const HEAD_SHARE: u64 = 16;
/// What a merge or rollups may add to their segment: a label file of the union of their series, and
/// the database's records.
const MERGE_BYTES: u64 = 1 << 20;
/// Time between two attempts to go on after the disk was full.
const ATTEMPT_INTERVAL: Duration = Duration::from_secs(1);
/// Written at a time when the reserve is made.
const CHUNK_BYTES: usize = 64 << 10;

/// What the writer knows of the disk.
#[derive(Debug, Default)]
pub(super) struct Space {
    /// Bytes of all files when they were last looked at.
    measured: u64,
    /// Bytes written to the log since.
    grown: u64,
    /// Whether the reserve is there.
    reserve_held: bool,
    /// Whether a write failed since the disk was full.
    stalled: bool,
    /// When it was last tried to go on, or to make the reserve again.
    tried_at: Option<Duration>,
}

impl Space {
    /// Notes that a write failed since the disk was full.
    pub(super) fn stall(&mut self) {
        self.stalled = true;
    }

    pub(super) fn is_stalled(&self) -> bool {
        self.stalled
    }

    /// Notes that bytes went to the log.
    pub(super) fn grow(&mut self, bytes: u64) {
        self.grown += bytes;
    }

    /// Notes that files came and went: all are looked at before the next reservation.
    pub(super) fn forget(&mut self) {
        self.measured = 0;
    }

    /// Whether it is time to try again. The first attempt is always in time.
    fn try_now(&mut self, elapsed: Duration) -> bool {
        let due = self.tried_at.is_none_or(|at| elapsed.saturating_sub(at) >= ATTEMPT_INTERVAL);
        if due {
            self.tried_at = Some(elapsed);
        }
        due
    }
}

/// What tables and segment of a head may take, with `more` bytes of batches.
fn owed_bytes(head: &Head, more: u64) -> u64 {
    let content = head.memory_bytes() as u64 + more + more / 2;
    content * 2 + head.series_count() as u64 * SERIES_BYTES + CONTROL_BYTES
}

/// What the segment of a head may take.
pub(super) fn segment_bytes(head: &Head) -> u64 {
    head.memory_bytes() as u64 + head.series_count() as u64 * SERIES_BYTES
}

fn out_of_space() -> Error {
    let message = "there was no space for the last write".to_owned();
    Error::DiskFull { action: "go on writing", message }
}

impl Store {
    /// Refuses a quota that no store could live on.
    pub(super) fn check_quota(&self) -> Result<()> {
        match self.options.disk_bytes_max {
            Some(max) if max < QUOTA_MIN => Err(Error::invalid(format!(
                "disk_bytes_max is {max}; a store needs {QUOTA_MIN} at least"
            ))),
            _ => Ok(()),
        }
    }

    /// Makes sure that a segment made of others fits, which stands beside them for a while.
    pub(super) fn reserve_for_merge(
        &self,
        writer: &mut Writer,
        parts: &[Arc<Segment>],
    ) -> Result<()> {
        let bytes: u64 = parts.iter().map(|segment| segment.bytes()).sum();
        self.reserve(writer, bytes + bytes / 4 + MERGE_BYTES)
    }

    /// Makes sure that `bytes` more fit into the quota.
    pub(super) fn reserve(&self, writer: &mut Writer, bytes: u64) -> Result<()> {
        let Some(max) = self.options.disk_bytes_max else { return Ok(()) };
        if writer.space.measured + writer.space.grown + bytes <= max && writer.space.measured > 0 {
            return Ok(());
        }
        self.measure(writer)?;
        let value = writer.space.measured + bytes;
        if value <= max {
            return Ok(());
        }
        Err(Error::Limit {
            what: "the disk space in bytes that the store would need",
            value,
            limit: max,
            remedy: "drop old samples (`Store::retain`), or raise `disk_bytes_max`",
        })
    }

    /// Bytes that the next file of rollups may have; `None` without a quota.
    pub(super) fn room_for_rollup(&self, writer: &mut Writer) -> Result<Option<u64>> {
        let Some(max) = self.options.disk_bytes_max else { return Ok(None) };
        self.measure(writer)?;
        // What is in the head must fit beside it, as ever.
        let owed: u64 = self.view().heads.iter().map(|head| owed_bytes(&read(head), 0)).sum();
        Ok(Some(max.saturating_sub(writer.space.measured + owed + MERGE_BYTES)))
    }

    /// Looks at all files.
    fn measure(&self, writer: &mut Writer) -> Result<()> {
        let reserve = self.fs.list(self.layout.root())?;
        let reserve = reserve.iter().find(|entry| entry.name == Layout::RESERVE);
        let all = folder_bytes(&*self.fs, self.layout.root())?;
        // The reserve is space that is kept, not space that is used.
        writer.space.measured = all.saturating_sub(reserve.map_or(0, |entry| entry.bytes));
        writer.space.grown = 0;
        Ok(())
    }

    /// Makes sure that a batch of `bytes` fits, and all that will come of it.
    pub(super) fn reserve_for_batch(&self, writer: &mut Writer, bytes: u64) -> Result<()> {
        self.reserve_beside_head(writer, |head| bytes + owed_bytes(head, bytes))
    }

    /// Makes sure that a new series fits: its record in log and table.
    pub(super) fn reserve_for_series(&self, writer: &mut Writer, bytes: u64) -> Result<()> {
        self.reserve_beside_head(writer, |head| bytes * 2 + owed_bytes(head, 0))?;
        writer.space.grow(bytes * 2);
        Ok(())
    }

    /// Makes sure that what is needed beside the head fits. A head that stands in the way is
    /// sealed, for a segment is smaller.
    fn reserve_beside_head(&self, writer: &mut Writer, need: impl Fn(&Head) -> u64) -> Result<()> {
        let Some(max) = self.options.disk_bytes_max else { return Ok(()) };
        let Some(head) = self.view().heads.last().cloned() else { return Ok(()) };
        let (needed, head_bytes) = (need(&read(&head)), read(&head).memory_bytes());
        match self.reserve(writer, needed) {
            Err(Error::Limit { .. }) if head_bytes as u64 >= max / HEAD_SHARE => {
                self.seal_with(writer)?;
                let sealed = self.view().heads.last().map_or(0, |head| need(&read(head)));
                self.reserve(writer, sealed)
            }
            fits => fits,
        }
    }

    /// Makes the reserve unless it is there. An error where the disk has no room for it.
    pub(super) fn keep_reserve(&self, writer: &mut Writer) -> Result<()> {
        let bytes = self.options.disk_reserve_bytes;
        if writer.space.reserve_held || bytes == 0 {
            return Ok(());
        }
        if !writer.space.try_now(self.clock.elapsed()) {
            return Err(out_of_space());
        }
        let path = self.layout.reserve();
        let there = self.fs.list(self.layout.root())?;
        let fits = |name: &str, length| name == Layout::RESERVE && length == bytes;
        if !there.iter().any(|entry| fits(&entry.name, entry.bytes)) {
            self.fs.remove(&path)?;
            self.write_reserve(bytes).inspect_err(|_| drop(self.fs.remove(&path)))?;
        }
        writer.space.reserve_held = true;
        Ok(())
    }

    /// Bytes that no file system can leave out or make smaller.
    fn write_reserve(&self, bytes: u64) -> Result<()> {
        let mut file = self.fs.create(&self.layout.reserve())?;
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut chunk = Vec::with_capacity(CHUNK_BYTES);
        let mut left = bytes;
        while left > 0 {
            chunk.clear();
            while chunk.len() < CHUNK_BYTES {
                // Xorshift: Marsaglia, "Xorshift RNGs", 2003.
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                chunk.extend_from_slice(&state.to_le_bytes());
            }
            chunk.truncate(usize::try_from(left).unwrap_or(CHUNK_BYTES).min(CHUNK_BYTES));
            file.append(&chunk)?;
            left -= chunk.len() as u64;
        }
        file.sync()
    }

    /// Goes on after the disk was full: the reserve makes room, the database is opened again and
    /// compared, and what the failed step left behind is removed.
    pub(super) fn resume(&self, writer: &mut Writer) -> Result<()> {
        if !writer.space.try_now(self.clock.elapsed()) {
            return Err(out_of_space());
        }
        self.fs.remove(&self.layout.reserve())?;
        writer.space.reserve_held = false;
        self.db.reopen()?;
        if let Err(why) = self.compare_reopened(writer) {
            // What is full is full; anything else says that more was lost than space.
            if !why.is_out_of_space() {
                writer.poison = Some(why.to_string());
            }
            return Err(why);
        }
        writer.space.stalled = false;
        writer.space.tried_at = None;
        Ok(())
    }

    /// Whether the database says what this store knows, and nothing of what it refused.
    fn compare_reopened(&self, writer: &Writer) -> Result<()> {
        let database = self.layout.database();
        let other = |what: &str| Error::corrupt(&database, 0, what);
        let mut manifest = Manifest::load(&*self.db, &database)?;
        let view = self.view();
        let mut files: Vec<u64> = view.files().map(|file| file.identity().segment_id).collect();
        let mut named: Vec<u64> = manifest.segments.iter().map(|(id, _)| *id).collect();
        files.sort_unstable();
        named.sort_unstable();
        let epochs = view.heads.iter().map(|head| read(head).epoch);
        let same = named == files
            && manifest.epochs.iter().map(|(epoch, _)| *epoch).eq(epochs)
            && manifest.retain_from == view.retain_from
            && manifest.expired == view.expired;
        if !same {
            return Err(other("opened again after the disk was full, its manifest is another"));
        }
        let mut refused = WriteSet::default();
        if let Some(head) = view.heads.last() {
            let (epoch, samples) = (read(head).epoch, read(head).samples());
            let family = Layout::head_family(epoch);
            let last = (writer.next_sequence - 1).to_be_bytes();
            if samples > 0 && self.db.get(&family, &last)?.is_none() {
                return Err(other("opened again after the disk was full, it misses a batch"));
            }
            let next = writer.next_sequence.to_be_bytes();
            if self.db.get(&family, &next)?.is_some() {
                refused.delete(&family, &next);
            }
        }
        let catalog = read(&view.catalog);
        catalog.undo_refused(&*self.db, &mut refused)?;
        let version = StoreRecord::new(self.store_id, catalog.has_forgotten());
        if manifest.store.as_ref().is_none_or(|noted| noted.version != version.version) {
            let mut edit = Edit { batch: refused };
            edit.put_store(&version)?;
            refused = edit.batch;
        }
        drop(catalog);
        if !refused.changes().is_empty() {
            self.db.write(&refused)?;
        }
        recover::reconcile(&self.layout, &*self.fs, &*self.db, &mut manifest, self.store_id)?;
        Ok(())
    }
}
