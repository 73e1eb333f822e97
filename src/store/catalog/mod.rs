//! The catalog: which series there are, under which labels, and the units of metrics.
//!
//! In: labels, selectors. Out: series ids. Never: a sample, a file, or a head.
//!
//! The database holds one record per series; lookup table and postings are derived from them when
//! a store is opened, so that the two can never disagree.
//!
//! A series takes some 100 bytes of memory, whatever its labels: each distinct pair of a name and
//! a value is kept once, and a series is a list of their numbers. So it is in the database.

mod postings;

use std::cmp::Ordering;
use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;
use std::sync::OnceLock;

use postings::Postings;

use crate::db::{Db, WriteSet, record};
use crate::error::{Error, Result};
use crate::model::limits::SERIES_MAX;
use crate::model::{Labels, Selector, SeriesId, Unit};

/// The column family of the catalog.
pub(super) const FAMILY: &str = "catalog";
/// First byte of the key of a series; its id follows, big-endian.
const SERIES_KEY: u8 = b's';
/// First byte of the key of a unit; the metric's name follows.
const UNIT_KEY: u8 = b'u';

/// All series of a store. Ids count from 0 without gaps.
#[derive(Debug, Default)]
pub(super) struct Catalog {
    postings: Postings,
    /// Series by a hash of their labels; where two have the same, the later stands at the next
    /// number that is free.
    ids: HashMap<u64, u32>,
    hasher: RandomState,
    units: BTreeMap<String, Unit>,
    /// The place of each series among all in metric-major order, once it was asked for.
    ranks: OnceLock<Vec<u32>>,
}

/// The part of all series, as one in so many, from which on all are ranked, to be sorted by that.
const RANKED_PART: usize = 16;

impl Catalog {
    /// Reads the catalog of a database.
    pub(super) fn load(db: &dyn Db) -> Result<Self> {
        let mut catalog = Self::default();
        db.scan(FAMILY, &mut |key, value| match key.split_first() {
            Some((&SERIES_KEY, id)) => {
                let expected = (catalog.len() as u32).to_be_bytes();
                if id != expected {
                    return Err(Error::decode("the catalog misses a series before this one"));
                }
                catalog.insert_record(&record::decode(value)?)
            }
            Some((&UNIT_KEY, metric)) => {
                let unit: String = record::decode(value)?;
                let metric = String::from_utf8_lossy(metric).into_owned();
                catalog.units.insert(metric, unit.parse()?);
                Ok(())
            }
            _ => Err(Error::decode("an unknown key in the catalog")),
        })?;
        Ok(catalog)
    }

    pub(super) fn len(&self) -> usize {
        self.postings.series()
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

    /// The labels of a series, made anew; `None` for a number that was never given.
    pub(super) fn labels(&self, id: SeriesId) -> Option<Labels> {
        if id.0 as usize >= self.len() {
            return None;
        }
        Some(Labels::of_sorted(self.pairs(id)))
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
        let id = SeriesId(self.len() as u32);
        let mut batch = WriteSet::default();
        self.put_record(labels, &mut batch)?;
        db.write(&batch)?;
        self.insert(labels);
        Ok(id)
    }

    /// Adds the next series here, and its record to a batch.
    pub(super) fn put(&mut self, labels: &Labels, batch: &mut WriteSet) -> Result<()> {
        self.put_record(labels, batch)?;
        self.insert(labels);
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

    /// Puts series together that share the labels of these names, and orders them by these labels.
    /// Within each, the series keep their order.
    pub(super) fn group(
        &self,
        series: &[SeriesId],
        names: &[String],
    ) -> Vec<(Labels, Vec<SeriesId>)> {
        let names = self.postings.names(names);
        let mut groups: Vec<(Labels, Vec<SeriesId>)> = Vec::new();
        let mut places: HashMap<Box<[u32]>, usize> = HashMap::new();
        let mut key = Vec::new();
        for id in series {
            key.clear();
            key.extend(self.postings.members_named(id.0, &names));
            if let Some(place) = places.get(&*key) {
                groups[*place].1.push(*id);
                continue;
            }
            let pairs = key.iter().filter_map(|pair| self.postings.text(*pair));
            groups.push((Labels::of_sorted(pairs), vec![*id]));
            places.insert(key.as_slice().into(), places.len());
        }
        groups.sort_by(|a, b| a.0.cmp(&b.0));
        groups
    }

    /// Puts series together that share all labels but the metric, in their order; those of the
    /// first series come first.
    pub(super) fn siblings(&self, series: &[SeriesId]) -> Vec<Vec<SeriesId>> {
        let end = series.iter().map(|id| id.0 as usize + 1).max().unwrap_or(0);
        let mut host_of = vec![None; end];
        let mut sizes: Vec<usize> = Vec::new();
        let mut hosts = HashMap::new();
        for id in series {
            let own = self.postings.members_but_metric(id.0);
            // The series of one host mostly came one after another: looking beside is cheaper.
            let beside = (id.0.checked_sub(1))
                .filter(|before| self.postings.members_but_metric(*before) == own)
                .and_then(|before| host_of[before as usize]);
            let host = beside.unwrap_or_else(|| *hosts.entry(own).or_insert(sizes.len()));
            match sizes.get_mut(host) {
                Some(size) => *size += 1,
                None => sizes.push(1),
            }
            host_of[id.0 as usize] = Some(host);
        }
        let mut found: Vec<Vec<SeriesId>> = sizes.into_iter().map(Vec::with_capacity).collect();
        for id in series {
            if let Some(host) = host_of[id.0 as usize] {
                found[host].push(*id);
            }
        }
        found
    }

    /// Sorts series, each of them once, as segments hold them: by metric, then by all labels, as
    /// [`Labels::cmp_metric_major`] does.
    pub(super) fn sort_metric_major(&self, series: &mut [SeriesId]) {
        let known = |id: &SeriesId| (id.0 as usize) < self.len();
        let few = series.len() < self.len() / RANKED_PART;
        if (few && self.ranks.get().is_none()) || !series.iter().all(known) {
            series.sort_by(|a, b| self.cmp_metric_major(*a, *b));
            return;
        }
        // Texts are compared once, and not at every seal.
        let ranks = self.ranks.get_or_init(|| self.rank_all());
        if few {
            series.sort_unstable_by_key(|id| ranks.get(id.0 as usize));
            return;
        }
        // Each to its place among all, of which many are taken.
        let mut places = vec![None; self.len()];
        for id in series.iter() {
            places[ranks[id.0 as usize] as usize] = Some(*id);
        }
        series.iter_mut().zip(places.into_iter().flatten()).for_each(|(to, id)| *to = id);
    }

    fn rank_all(&self) -> Vec<u32> {
        let mut all: Vec<u32> = (0..self.len() as u32).collect();
        all.sort_by(|a, b| self.postings.cmp_metric_major(*a, *b));
        let mut ranks = vec![0; all.len()];
        for (rank, id) in (0..).zip(all) {
            if let Some(place) = ranks.get_mut(id as usize) {
                *place = rank;
            }
        }
        ranks
    }

    fn cmp_metric_major(&self, a: SeriesId, b: SeriesId) -> Ordering {
        let known = |id: SeriesId| (id.0 as usize) < self.len();
        if known(a) && known(b) { self.postings.cmp_metric_major(a.0, b.0) } else { a.cmp(&b) }
    }

    /// Sets the record of the next series.
    fn put_record(&self, labels: &Labels, batch: &mut WriteSet) -> Result<()> {
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
        let mut key = vec![SERIES_KEY];
        key.extend_from_slice(&(self.len() as u32).to_be_bytes());
        batch.put(FAMILY, &key, record::encode(&record)?);
        Ok(())
    }

    /// Adds the next series as its record says.
    fn insert_record(&mut self, record: &SeriesRecord) -> Result<()> {
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
        self.insert(&labels);
        if self.postings.pairs() == pairs {
            return Ok(());
        }
        Err(Error::decode("a label that is new twice"))
    }

    fn insert(&mut self, labels: &Labels) {
        let id = self.len() as u32;
        let mut key = self.hasher.hash_one(labels);
        while self.ids.contains_key(&key) {
            key = key.wrapping_add(1);
        }
        self.ids.insert(key, id);
        self.postings.insert(labels);
        self.ranks.take();
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

/// Sets the record of a unit.
pub(super) fn put_unit(batch: &mut WriteSet, metric: &str, unit: &Unit) -> Result<()> {
    let mut key = vec![UNIT_KEY];
    key.extend_from_slice(metric.as_bytes());
    batch.put(FAMILY, &key, record::encode(&unit.as_str())?);
    Ok(())
}

/// Deletes the record of the series with number `len`, which the catalog does not know: its write
/// was reported as failed.
pub(super) fn forget_from(len: usize, db: &dyn Db, batch: &mut WriteSet) -> Result<()> {
    let mut key = vec![SERIES_KEY];
    key.extend_from_slice(&(len as u32).to_be_bytes());
    if db.get(FAMILY, &key)?.is_some() {
        batch.delete(FAMILY, &key);
    }
    Ok(())
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
            written.put(series, &mut batch).unwrap();
        }
        for (id, change) in batch.changes().iter().enumerate() {
            read.insert_record(&record::decode(change.value.as_deref().unwrap()).unwrap()).unwrap();
            assert_eq!(read.labels(SeriesId(id as u32)).as_ref(), Some(&all[id]));
        }
        let bytes = |at: usize| batch.changes()[at].value.as_ref().unwrap().len();
        // Version and checksum, no new pair, the two metrics.
        assert_eq!(bytes(5), 5 + 1 + 3);
    }

    #[test]
    fn groups_share_the_labels_of_some_names() {
        let mut catalog = Catalog::default();
        for (host, zone) in [("b", "x"), ("a", "y"), ("c", ""), ("d", "x")] {
            catalog.insert(&Labels::new("cpu", [("host", host), ("zone", zone)]).unwrap());
        }
        let all: Vec<SeriesId> = (0..4).map(SeriesId).collect();
        for names in
            [&["zone"][..], &["host", "zone"], &[], &["__name__", "none"], &["zone", "zone"]]
        {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            let mut expected: BTreeMap<Labels, Vec<SeriesId>> = BTreeMap::new();
            for id in &all {
                let labels = catalog.labels(*id).unwrap().project(&names);
                expected.entry(labels).or_default().push(*id);
            }
            assert_eq!(catalog.group(&all, &names), expected.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn siblings_differ_in_the_metric_alone() {
        let mut catalog = Catalog::default();
        let labels = |metric: &str, host: &str, zone: &str| {
            Labels::new(metric, [("host", host), ("Zone", zone)]).unwrap()
        };
        for (metric, host, zone) in [
            ("cpu", "a", "z"),
            ("cpu", "b", "z"),
            ("memory", "b", "z"),
            ("memory", "a", "z"),
            ("cpu", "a", "y"),
            ("cpu", "a", ""),
        ] {
            catalog.insert(&labels(metric, host, zone));
        }
        let all: Vec<SeriesId> = (0..6).map(SeriesId).collect();
        let found = catalog.siblings(&all);
        let expected = [&[0, 3][..], &[1, 2], &[4], &[5]];
        let expected = expected.map(|host| host.iter().copied().map(SeriesId).collect::<Vec<_>>());
        assert_eq!(found, expected);
    }

    #[test]
    fn ranks_sort_as_texts_do() {
        let mut catalog = Catalog::default();
        let add = |catalog: &mut Catalog, at: u32| {
            let host = format!("h{}", at * 7_919 % 101);
            let labels = Labels::new(["b", "a", "c"][at as usize % 3], [("host", host)]);
            catalog.insert(&labels.unwrap());
        };
        for count in [40, 60] {
            (catalog.len() as u32..count).for_each(|at| add(&mut catalog, at));
            // Few of them before and after all are ranked, and many.
            for every in [30, 1, 2, 30] {
                let mut some: Vec<SeriesId> = (0..count).step_by(every).map(SeriesId).collect();
                let mut expected = some.clone();
                expected.sort_by(|a, b| catalog.cmp_metric_major(*a, *b));
                catalog.sort_metric_major(&mut some);
                assert_eq!(some, expected);
            }
        }
    }

    #[test]
    fn a_record_that_does_not_fit_is_damage() {
        let fresh = |name: &str| SeriesRecord {
            fresh: vec![("__name__".into(), "cpu".into()), (name.into(), "a".into())],
            exchanged: vec![],
        };
        let mut catalog = Catalog::default();
        catalog.insert_record(&fresh("host")).unwrap();
        for (exchanged, new) in [(vec![7], None), (vec![], Some("host"))] {
            let record = SeriesRecord { exchanged, ..new.map(fresh).unwrap_or_default() };
            assert!(catalog.insert_record(&record).is_err(), "{record:?}");
        }
    }
}
