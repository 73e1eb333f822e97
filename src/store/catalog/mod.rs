//! The catalog: which series there are, under which labels, and the units of metrics.
//!
//! In: labels, selectors. Out: series ids. Never: a sample, a file, or a head.
//!
//! The database holds one record per series; lookup table and postings are derived from them when
//! a store is opened, so that the two can never disagree.
//!
//! A series takes some 100 bytes of memory, whatever its labels: each distinct pair of a name and
//! a value is kept once, and a series is a list of their numbers. So it is in the database.
//!
//! Series of which nothing is left can be forgotten. What remains is then written anew, as if the
//! others had never been there, but for the numbers of series: these are never given again.

mod numbers;
mod order;
mod postings;

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use postings::Postings;
use roaring::RoaringBitmap;

use crate::db::{Db, WriteSet, record};
use crate::error::{Error, Result};
use crate::fs::fault::planted;
use crate::model::limits::SERIES_MAX;
use crate::model::{Labels, METRIC_LABEL, Selector, SeriesId, Unit};

/// The column family of the catalog.
pub(super) const FAMILY: &str = "catalog";
/// First byte of the key of a series; its id follows, big-endian.
const SERIES_KEY: u8 = b's';
/// First byte of the key of a unit; the metric's name follows.
const UNIT_KEY: u8 = b'u';
/// The key of what is known of series that are forgotten; absent where none is. It sorts before
/// those of series.
const KEPT_KEY: &[u8] = b"n";

/// Series are forgotten where they are at least one in so many.
const UNUSED_PART: usize = 16;

/// All series of a store. Ids count from 0, with gaps where series were forgotten.
#[derive(Debug, Default)]
pub(super) struct Catalog {
    postings: Postings,
    kept: Option<KeptRecord>,
    /// Series by a hash of their labels; where two have the same, the later stands at the next
    /// number that is free.
    ids: HashMap<u64, u32>,
    hasher: RandomState,
    units: BTreeMap<String, Unit>,
    /// The place of each series among all in metric-major order, once it was asked for.
    ranks: OnceLock<Vec<u32>>,
    asked: Mutex<Asked>,
}

/// The series that were asked for, or had samples sealed, since it was last looked for such as can
/// be forgotten.
#[derive(Debug, Default)]
struct Asked {
    ids: RoaringBitmap,
    /// Another catalog is about to take the place of this one: who asks now must ask that.
    is_closed: bool,
}

impl Catalog {
    /// Reads the catalog of a database.
    pub(super) fn load(db: &dyn Db) -> Result<Self> {
        let mut catalog = Self::default();
        db.scan(FAMILY, &mut |key, value| match key.split_first() {
            _ if key == KEPT_KEY => {
                catalog.kept = Some(record::decode(value)?);
                Ok(())
            }
            Some((&SERIES_KEY, id)) => {
                let id = <[u8; 4]>::try_from(id).map(u32::from_be_bytes);
                let id = id.map_err(|_| Error::decode("a series whose key is no number"))?;
                catalog.insert_record(id, &record::decode(value)?)
            }
            Some((&UNIT_KEY, metric)) => {
                let unit: String = record::decode(value)?;
                let metric = String::from_utf8_lossy(metric).into_owned();
                catalog.units.insert(metric, unit.parse()?);
                Ok(())
            }
            _ => Err(Error::decode("an unknown key in the catalog")),
        })?;
        let kept = catalog.kept.unwrap_or_default();
        catalog.postings.skip_to(kept.next);
        let numbers = catalog.postings.numbers();
        let before = numbers.count_below(kept.next);
        let since = numbers.count() as u32 - before;
        if before != kept.count || since != numbers.next() - kept.next {
            return Err(Error::decode("the catalog misses a series"));
        }
        Ok(catalog)
    }

    pub(super) fn len(&self) -> usize {
        self.postings.numbers().count()
    }

    /// Whether a number was given to a series that is not forgotten.
    pub(super) fn has(&self, id: SeriesId) -> bool {
        self.place(id).is_some()
    }

    fn place(&self, id: SeriesId) -> Option<usize> {
        self.postings.numbers().place(id.0)
    }

    /// Notes that samples of series came in: they are not forgotten the next time that some are.
    pub(super) fn note_used(&self, series: &[SeriesId]) {
        self.asked().ids.extend(series.iter().map(|id| id.0));
    }

    /// The number of a series, which is then not forgotten the next time that some are; `None`
    /// where it is not here, or another catalog is about to take the place of this one.
    pub(super) fn ask(&self, labels: &Labels) -> Option<SeriesId> {
        let id = self.id(labels)?;
        let mut asked = self.asked();
        asked.ids.insert(id.0);
        (!asked.is_closed).then_some(id)
    }

    fn asked(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn id(&self, labels: &Labels) -> Option<SeriesId> {
        let mut key = self.hasher.hash_one(labels);
        while let Some(id) = self.ids.get(&key) {
            if self.postings.labels_of(*id).eq(labels.iter()) {
                return Some(SeriesId(*id));
            }
            key = key.wrapping_add(1);
        }
        None
    }

    /// The labels of a series, made anew; `None` for a number that was never given, or whose
    /// series is forgotten.
    pub(super) fn labels(&self, id: SeriesId) -> Option<Labels> {
        self.has(id).then(|| Labels::of_sorted(self.pairs(id)))
    }

    /// The value of a label of a series; `None` where it has none.
    pub(super) fn label(&self, id: SeriesId, name: &str) -> Option<&str> {
        self.pairs(id).find(|(own, _)| *own == name).map(|(_, value)| value)
    }

    /// The names and values of a series, in the order of the names.
    pub(super) fn pairs(&self, id: SeriesId) -> impl Iterator<Item = (&str, &str)> + Clone {
        self.postings.labels_of(id.0)
    }

    pub(super) fn unit(&self, metric: &str) -> Option<&Unit> {
        self.units.get(metric)
    }

    /// Adds a series that is not there yet, first to the database, then here.
    pub(super) fn add(&mut self, labels: &Labels, db: &dyn Db) -> Result<SeriesId> {
        if labels.metric().is_empty() {
            return Err(Error::invalid(format!("{labels} has no metric name; give it __name__")));
        }
        if self.len() >= SERIES_MAX {
            return Err(Error::Limit {
                what: "the number of series",
                value: self.len() as u64 + 1,
                limit: SERIES_MAX as u64,
                remedy: "drop labels that change with every sample, or use another store",
            });
        }
        let id = self.postings.numbers().next();
        if id == u32::MAX {
            return Err(Error::Limit {
                what: "the number of series that there ever were",
                value: u64::from(id) + 1,
                limit: u64::from(id),
                remedy: "use another store",
            });
        }
        let mut batch = WriteSet::default();
        self.put_record(id, labels, &mut batch)?;
        db.write(&batch)?;
        self.insert(id, labels)?;
        self.asked().ids.insert(id);
        Ok(SeriesId(id))
    }

    /// Adds a series under a number that is not below the next one here, and its record to a batch.
    pub(super) fn put(
        &mut self,
        id: SeriesId,
        labels: &Labels,
        batch: &mut WriteSet,
    ) -> Result<()> {
        self.put_record(id.0, labels, batch)?;
        self.insert(id.0, labels)
    }

    /// Notes, here and in a batch, that no number below `next` is given again, where that is to be
    /// noted.
    pub(super) fn put_kept(&mut self, next: u32, batch: &mut WriteSet) -> Result<()> {
        self.postings.skip_to(next);
        let (next, count) = (self.postings.numbers().next(), self.len() as u32);
        self.kept = (count < next).then_some(KeptRecord { next, count });
        match &self.kept {
            Some(kept) => batch.put(FAMILY, KEPT_KEY, record::encode(kept)?),
            None => batch.delete(FAMILY, KEPT_KEY),
        }
        Ok(())
    }

    /// Whether series were forgotten: builds that know only version 1 cannot read it.
    pub(super) fn has_forgotten(&self) -> bool {
        self.kept.is_some()
    }

    /// The catalog without the series that are neither held by anything nor were used since this
    /// was last done, and into `batch` what makes the database the same; `None` where these are
    /// fewer than one in [`UNUSED_PART`], for all others are written anew. From then on this one
    /// does not answer who asks, until it is told that it stays.
    pub(super) fn without_unused(
        &self,
        held: impl Iterator<Item = SeriesId>,
        batch: &mut WriteSet,
    ) -> Result<Option<Self>> {
        let mut used: RoaringBitmap = held.map(|id| id.0).collect();
        let mut asked = self.asked();
        used |= &asked.ids;
        let ids = || self.postings.numbers().ranges().flatten();
        let unused = ids().filter(|id| !used.contains(*id)).count();
        if unused * UNUSED_PART < self.len().max(1) {
            asked.ids.clear();
            return Ok(None);
        }
        asked.is_closed = true;
        drop(asked);
        self.written_anew(|id| used.contains(id), batch).map(Some)
    }

    /// Nothing takes its place: it answers who asks.
    pub(super) fn stay(&self) {
        self.asked().is_closed = false;
    }

    /// The catalog of some of the series; the records of all go into a batch.
    fn written_anew(&self, stays: impl Fn(u32) -> bool, batch: &mut WriteSet) -> Result<Self> {
        let mut left = Self::default();
        for id in self.postings.numbers().ranges().flatten() {
            if stays(id) {
                left.put(SeriesId(id), &Labels::of_sorted(self.pairs(SeriesId(id))), batch)?;
            } else {
                batch.delete(FAMILY, &series_key(id));
            }
        }
        left.put_kept(self.postings.numbers().next(), batch)?;
        // A metric may be in another unit when it comes again.
        for (metric, unit) in &self.units {
            let has = |catalog: &Self| catalog.postings.pair(METRIC_LABEL, metric).is_some();
            if has(self) && !has(&left) {
                batch.delete(FAMILY, &unit_key(metric));
            } else {
                put_unit(batch, metric, unit)?;
                left.units.insert(metric.clone(), unit.clone());
            }
        }
        Ok(left)
    }

    /// Undoes in the database what was reported as failed and may be there all the same: the record
    /// of a new series, or that series were forgotten.
    pub(super) fn undo_refused(&self, db: &dyn Db, batch: &mut WriteSet) -> Result<()> {
        let kept = db.get(FAMILY, KEPT_KEY)?;
        let kept: Option<KeptRecord> = kept.map(|value| record::decode(&value)).transpose()?;
        if kept != self.kept && !planted("refused-forgetting-stays") {
            self.written_anew(|_| true, batch)?;
        }
        let key = series_key(self.postings.numbers().next());
        if db.get(FAMILY, &key)?.is_some() {
            batch.delete(FAMILY, &key);
        }
        Ok(())
    }

    /// Sets the unit of a metric.
    pub(super) fn set_unit(&mut self, metric: &str, unit: &Unit, db: &dyn Db) -> Result<()> {
        let mut batch = WriteSet::default();
        put_unit(&mut batch, metric, unit)?;
        db.write(&batch)?;
        self.units.insert(metric.to_owned(), unit.clone());
        Ok(())
    }

    /// The selected series, metric-major.
    pub(super) fn select(&self, selector: &Selector) -> Vec<SeriesId> {
        let selected = self.postings.select(selector);
        let mut found: Vec<SeriesId> = selected.iter().map(SeriesId).collect();
        self.sort_metric_major(&mut found);
        found
    }

    /// Sets the record of the next series.
    fn put_record(&self, id: u32, labels: &Labels, batch: &mut WriteSet) -> Result<()> {
        let mut record = SeriesRecord::default();
        let before = self.postings.last();
        let mut known = Vec::new();
        for (name, value) in labels.iter() {
            match self.postings.pair(name, value) {
                Some(pair) => known.push(pair),
                None => record.fresh.push((name.into(), value.into())),
            }
        }
        record.exchanged.extend(before.iter().filter(|pair| !known.contains(pair)));
        record.exchanged.extend(known.iter().filter(|pair| !before.contains(pair)));
        batch.put(FAMILY, &series_key(id), record::encode(&record)?);
        Ok(())
    }

    /// Adds the next series as its record says.
    fn insert_record(&mut self, id: u32, record: &SeriesRecord) -> Result<()> {
        let before = self.postings.last();
        let kept = before.iter().filter(|pair| !record.exchanged.contains(pair));
        let come = record.exchanged.iter().filter(|pair| !before.contains(pair));
        let pair_of = |pair: &u32| {
            let pair = self.postings.text(*pair);
            pair.ok_or_else(|| Error::decode("a label that is not there"))
        };
        let known: Vec<(&str, &str)> = kept.chain(come).map(pair_of).collect::<Result<_>>()?;
        let pairs = self.postings.pairs() + record.fresh.len();
        let fresh = record.fresh.iter().map(|(name, value)| (&**name, &**value));
        let labels = Labels::from_pairs(known.into_iter().chain(fresh))?;
        self.insert(id, &labels)?;
        if self.postings.pairs() == pairs {
            return Ok(());
        }
        Err(Error::decode("a label that is new twice"))
    }

    /// Adds a series under a number that is not below the next one.
    fn insert(&mut self, id: u32, labels: &Labels) -> Result<()> {
        if !self.postings.insert(id, labels) {
            return Err(Error::decode(format!("series {id} stands after a later one")));
        }
        let mut key = self.hasher.hash_one(labels);
        while self.ids.contains_key(&key) {
            key = key.wrapping_add(1);
        }
        self.ids.insert(key, id);
        self.ranks.take();
        Ok(())
    }
}

/// What is kept of a series: in what its labels differ from those of the series before, which is
/// mostly the metric alone.
#[derive(Debug, Default, serde::Serialize, serde::Deserialize)]
struct SeriesRecord {
    /// Pairs of a name and a value that no series before has, in the order of the names. They get
    /// the next numbers.
    fresh: Vec<(Box<str>, Box<str>)>,
    /// The numbers of other pairs that either this series has or the one before.
    exchanged: Vec<u32>,
}

/// What is kept of series that are forgotten.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct KeptRecord {
    /// Numbers below it are not given again; from it on they count without gaps.
    next: u32,
    /// How many of the numbers below it are those of series.
    count: u32,
}

/// Sets the record of a unit.
pub(super) fn put_unit(batch: &mut WriteSet, metric: &str, unit: &Unit) -> Result<()> {
    batch.put(FAMILY, &unit_key(metric), record::encode(&unit.as_str())?);
    Ok(())
}

fn unit_key(metric: &str) -> Vec<u8> {
    let mut key = vec![UNIT_KEY];
    key.extend_from_slice(metric.as_bytes());
    key
}

fn series_key(id: u32) -> Vec<u8> {
    let mut key = vec![SERIES_KEY];
    key.extend_from_slice(&id.to_be_bytes());
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_hold_what_changes() {
        let labels = |metric: &str, pairs: &[(&str, &str)]| {
            Labels::new(metric, pairs.iter().copied()).unwrap()
        };
        let all = [
            labels("cpu", &[("host", "a"), ("rack", "1"), ("zone", "z")]),
            labels("memory", &[("host", "a"), ("rack", "1"), ("zone", "z")]),
            labels("cpu", &[("host", "b"), ("zone", "z")]),
            labels("cpu", &[("az", "q"), ("host", "b"), ("zone", "z")]),
            labels("cpu", &[("host", "b"), ("zone", "z")]),
            labels("memory", &[("host", "b"), ("zone", "z")]),
        ];
        let (mut written, mut read) = (Catalog::default(), Catalog::default());
        let mut batch = WriteSet::default();
        for series in &all {
            let id = written.len() as u32;
            written.put_record(id, series, &mut batch).unwrap();
            written.insert(id, series).unwrap();
        }
        for (id, change) in batch.changes().iter().enumerate() {
            let record = record::decode(change.value.as_deref().unwrap()).unwrap();
            read.insert_record(id as u32, &record).unwrap();
            assert_eq!(read.labels(SeriesId(id as u32)).as_ref(), Some(&all[id]));
        }
        let bytes = |at: usize| batch.changes()[at].value.as_ref().unwrap().len();
        // Version and checksum, no new pair, the two metrics.
        assert_eq!(bytes(5), 5 + 1 + 3);
    }

    #[test]
    fn a_record_that_does_not_fit_is_damage() {
        let fresh = |name: &str| SeriesRecord {
            fresh: vec![("__name__".into(), "cpu".into()), (name.into(), "a".into())],
            exchanged: vec![],
        };
        let mut catalog = Catalog::default();
        catalog.insert_record(0, &fresh("host")).unwrap();
        for (exchanged, new) in [(vec![7], None), (vec![], Some("host"))] {
            let record = SeriesRecord { exchanged, ..new.map(fresh).unwrap_or_default() };
            assert!(catalog.insert_record(1, &record).is_err(), "{record:?}");
        }
    }
}
