//! Appending: check, write to the database, then to memory; a sync as the durability asks.

use std::sync::{Arc, RwLock};

use super::catalog::Catalog;
use super::head::{Head, wire};
use super::layout::Layout;
use super::options::{Durability, StoreOptions};
use super::window::{self, Appended};
use super::{Store, Writer, read, write};
use crate::db::WriteSet;
use crate::error::{Error, Result};
use crate::fs::fault::{planted, unless};
use crate::model::limits::GROUP_SAMPLES_MAX;
use crate::model::{Batch, Group, Labels, SeriesId, Sink, Span, TimeRange, Timestamp, Unit};

/// What the log adds to a batch, at most: headers of record and blocks.
const RECORD_BYTES: u64 = 256;
/// Samples that an [`Appender`] gathers before it appends.
const APPENDER_SAMPLES: usize = 1 << 16;

impl Store {
    /// The number of a series, made if it is new. It is good for as long as anything of the series
    /// is in the store. A retention or compaction after which nothing is left of a series forgets
    /// it, unless its number was asked for, or samples came under it, since files were last
    /// removed; an append under that number is an error then, and its labels get another.
    pub fn series_id(&self, labels: &Labels) -> Result<SeriesId> {
        if let Some(id) = read(&self.catalog()).ask(labels) {
            return Ok(id);
        }
        let mut writer = self.writer_for_change()?;
        if let Some(id) = read(&self.catalog()).ask(labels) {
            return Ok(id);
        }
        if labels.metric().is_empty() {
            return Err(Error::invalid(format!("{labels} has no metric name")));
        }
        // Texts with their lengths: no record of a series is larger.
        let bytes = labels.iter().map(|(name, value)| 32 + name.len() + value.len()).sum::<usize>();
        self.reserve_for_series(&mut writer, bytes as u64)?;
        let catalog = self.catalog();
        self.guarded(&mut writer, |store| write(&catalog).add(labels, &*store.db))
    }

    /// Sets the unit of a metric; setting it again replaces it, and converts no samples. An
    /// [`Appender`] refuses another unit instead.
    pub fn set_unit(&self, metric: &str, unit: &Unit) -> Result<()> {
        if read(&self.catalog()).unit(metric) == Some(unit) {
            return Ok(());
        }
        let mut writer = self.writer_for_change()?;
        let catalog = self.catalog();
        let mut catalog = write(&catalog);
        self.guarded(&mut writer, |store| catalog.set_unit(metric, unit, &*store.db))
    }

    /// Sets the unit of a metric that has none; one that has another keeps it, as its samples do.
    fn agree_on_unit(&self, metric: &str, unit: &Unit) -> Result<()> {
        if has_unit(&read(&self.catalog()), metric, unit)? {
            return Ok(());
        }
        let mut writer = self.writer_for_change()?;
        let catalog = self.catalog();
        let mut catalog = write(&catalog);
        if has_unit(&catalog, metric, unit)? {
            return Ok(());
        }
        self.guarded(&mut writer, |store| catalog.set_unit(metric, unit, &*store.db))
    }

    /// Appends a batch and returns its sequence number. Rows whose instants the options do not
    /// allow (`ahead_max`), or that lie before the last retention, are left out and reported; all
    /// others are taken, whole or not at all.
    /// The batch is in every snapshot taken from now on. Its durability is that of the store's
    /// options; see [`Store::durable_sequence`]. After a failed write or sync it is not known
    /// whether the batch survives: the store then refuses writes, and reopening it shows what is
    /// there.
    pub fn append(&self, batch: &Batch) -> Result<Appended> {
        let mut writer = self.writer_for_change()?;
        let appended = self.append_with(&mut writer, batch);
        writer.counts.limits_hit += u64::from(matches!(appended, Err(Error::Limit { .. })));
        appended
    }

    fn append_with(&self, writer: &mut Writer, batch: &Batch) -> Result<Appended> {
        self.check_batch(batch)?;
        let cut = self.window(writer).and_then(|window| window::cut(batch, window));
        let Some((kept, refused)) = cut else {
            let sequence = self.append_checked(writer, batch)?;
            return Ok(Appended { sequence, refused: None });
        };
        let sequence = if kept.groups.is_empty() {
            writer.next_sequence - 1
        } else {
            self.append_checked(writer, &kept)?
        };
        writer.counts.refused_samples += refused.samples;
        Ok(Appended { sequence, refused: Some(refused) })
    }

    /// The instants that are taken now; `None` where all are.
    fn window(&self, writer: &mut Writer) -> Option<TimeRange> {
        let StoreOptions { ahead_max, late_max, .. } = &self.options;
        // What was dropped does not come back, and to take it would be to lose it unseen.
        let retain_from = self.view().retain_from;
        if ahead_max.is_none() && late_max.is_none() && retain_from.is_none() {
            return None;
        }
        let now = writer.wall.now(self.clock.now(), self.clock.elapsed());
        let tick = Span::from_nanos(1);
        let late = late_max.map_or(Timestamp::MIN, |late| now.minus(late));
        Some(TimeRange {
            start: retain_from.map_or(late, |from| from.max(late)),
            end: ahead_max.map_or(Timestamp::MAX, |ahead| now.plus(ahead).plus(tick)),
        })
    }

    fn append_checked(&self, writer: &mut Writer, batch: &Batch) -> Result<u64> {
        let record = wire::encode(&batch.groups);
        let bytes = record.len() as u64 + RECORD_BYTES;
        self.keep_reserve(writer)?;
        self.reserve_for_batch(writer, bytes)?;
        let head = self.head_with_room(writer)?;
        let sequence = writer.next_sequence;
        let epoch = read(&head).epoch;
        let mut set = WriteSet::default();
        set.put(&Layout::head_family(epoch), &sequence.to_be_bytes(), record);
        self.guarded(writer, |store| unless("batch-not-logged", || store.db.write(&set)))?;
        writer.space.grow(bytes);
        writer.appended(batch.groups.iter().map(Group::samples).sum(), self.clock.elapsed());
        {
            let mut head = write(&head);
            for group in &batch.groups {
                head.append(group);
            }
        }
        self.sync_if_due(writer)?;
        Ok(sequence)
    }

    /// The head to append to. A full one is sealed first: where that fails, on a full disk say,
    /// nothing of the batch is taken and memory stays bounded.
    fn head_with_room(&self, writer: &mut Writer) -> Result<Arc<RwLock<Head>>> {
        let current = || match self.view().heads.last() {
            Some(head) => Ok(head.clone()),
            None => Err(Error::invalid("the store has no head to append to")),
        };
        let head = current()?;
        if !self.is_full(&read(&head)) {
            return Ok(head);
        }
        self.seal_with(writer)?;
        current()
    }

    fn is_full(&self, head: &Head) -> bool {
        head.samples() >= self.options.head_samples_max
            || self.budget.is_full(head.memory_bytes(), head.samples(), head.series_count())
    }

    /// The sequence number of the last batch that survives a power cut.
    pub fn durable_sequence(&self) -> u64 {
        self.writer().durable_sequence
    }

    /// Samples that were not taken since the store was opened because it held another value for
    /// their instant (`Conflict::FirstWins`).
    pub fn conflicts(&self) -> u64 {
        self.conflicts.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Waits until everything appended so far survives a power cut.
    pub fn sync(&self) -> Result<()> {
        let mut writer = self.writer_for_change()?;
        self.sync_with(&mut writer)
    }

    /// Syncs if the interval of `Durability::Interval` has passed. Appending does this by itself;
    /// the owner of a store that may fall idle calls this now and then.
    pub fn tick(&self) -> Result<()> {
        let mut writer = self.writer_for_change()?;
        self.sync_if_due(&mut writer)
    }

    /// A sink for importers, which appends in larger batches. Call [`Appender::finish`].
    pub fn appender(&self) -> Appender<'_> {
        Appender { store: self, batch: Batch::default(), samples: 0 }
    }

    fn sync_if_due(&self, writer: &mut Writer) -> Result<()> {
        let due = match self.options.durability {
            Durability::Buffered => false,
            Durability::Interval(interval) => {
                writer.durable_sequence + 1 < writer.next_sequence
                    && self.clock.elapsed().saturating_sub(writer.synced_at) >= interval
                    && !planted("interval-not-kept")
            }
            Durability::Sync => true,
        };
        if due { self.sync_with(writer) } else { Ok(()) }
    }

    pub(super) fn sync_with(&self, writer: &mut Writer) -> Result<()> {
        self.sync_log(writer, |store| unless("acknowledged-before-sync", || store.db.sync()))?;
        writer.all_durable();
        writer.synced_at = self.clock.elapsed();
        Ok(())
    }

    fn check_batch(&self, batch: &Batch) -> Result<()> {
        let catalog = self.catalog();
        let catalog = read(&catalog);
        let samples: usize = batch.groups.iter().map(Group::samples).sum();
        if samples > self.budget.batch_samples_max() {
            return Err(Error::Limit {
                what: "the number of samples in one batch",
                value: samples as u64,
                limit: self.budget.batch_samples_max() as u64,
                remedy: "append it in smaller batches, or raise `memory_bytes_max`",
            });
        }
        for group in &batch.groups {
            group.check()?;
            if group.series.is_empty() != group.times.is_empty() {
                return Err(Error::invalid("a group has rows or series but no samples"));
            }
            if let Some(id) = group.series.iter().find(|id| !catalog.has(**id)) {
                return Err(Error::invalid(format!(
                    "series {} is not in this store, or was forgotten with its last sample; get \
                     its number from series_id",
                    id.0
                )));
            }
            if group.times.contains(&i64::MAX) {
                return Err(Error::invalid("the last instant of all cannot carry a sample"));
            }
            check_unique(&group.series)?;
        }
        Ok(())
    }
}

fn check_unique(series: &[SeriesId]) -> Result<()> {
    if series.is_sorted_by(|a, b| a < b) {
        return Ok(());
    }
    let mut sorted = series.to_vec();
    sorted.sort_unstable();
    match sorted.windows(2).find(|two| two.first() == two.last()) {
        Some(_) => Err(Error::invalid("a group names a series twice")),
        None => Ok(()),
    }
}

/// Whether a metric has this unit, however written; an error where it has another one.
fn has_unit(catalog: &Catalog, metric: &str, unit: &Unit) -> Result<bool> {
    match catalog.unit(metric) {
        None => Ok(false),
        Some(known) if known.is_same_as(unit) => Ok(true),
        Some(known) => Err(Error::invalid(format!(
            "the metric {metric:?} is in {known} in this store and cannot be in {unit} too; \
             convert the values to {known}, or give the metric another name"
        ))),
    }
}

/// Gathers groups and appends them to a store in larger batches.
#[derive(Debug)]
pub struct Appender<'a> {
    store: &'a Store,
    batch: Batch,
    samples: usize,
}

impl Appender<'_> {
    /// Appends what is left. Dropping an appender without it loses up to a batch.
    pub fn finish(mut self) -> Result<()> {
        self.flush()
    }

    fn flush(&mut self) -> Result<()> {
        if self.samples > 0 {
            self.store.append(&self.batch)?;
            self.batch.groups.clear();
            self.samples = 0;
        }
        Ok(())
    }
}

impl Sink for Appender<'_> {
    fn series(&mut self, labels: &Labels, unit: Option<&Unit>) -> Result<SeriesId> {
        if let Some(unit) = unit {
            self.store.agree_on_unit(labels.metric(), unit)?;
        }
        self.store.series_id(labels)
    }

    fn unit(&self, metric: &str) -> Option<Unit> {
        read(&self.store.catalog()).unit(metric).cloned()
    }

    fn group(&mut self, group: &Group) -> Result<()> {
        if group.samples() > GROUP_SAMPLES_MAX {
            return group.check();
        }
        // A batch must stay within the store's budget, though a group may be larger than many.
        if self.samples + group.samples() > self.store.budget.batch_samples_max() {
            self.flush()?;
        }
        self.samples += group.samples();
        self.batch.groups.push(group.clone());
        if self.samples >= APPENDER_SAMPLES { self.flush() } else { Ok(()) }
    }
}
