//! The catalog: which series there are, under which labels, and the units of metrics.
//!
//! In: labels, selectors. Out: series ids. Never: a sample, a file, or a head.
//!
//! The database holds one record per series; lookup table and postings are derived from them when
//! a store is opened, so that the two can never disagree.

mod postings;

use std::collections::{BTreeMap, HashMap};

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
    labels: Vec<Labels>,
    ids: HashMap<Labels, SeriesId>,
    postings: Postings,
    units: BTreeMap<String, Unit>,
}

impl Catalog {
    /// Reads the catalog of a database.
    pub(super) fn load(db: &dyn Db) -> Result<Self> {
        let mut catalog = Self::default();
        db.scan(FAMILY, &mut |key, value| match key.split_first() {
            Some((&SERIES_KEY, id)) => {
                let changes: Vec<(Box<str>, Box<str>)> = record::decode(value)?;
                let expected = (catalog.labels.len() as u32).to_be_bytes();
                if id != expected {
                    return Err(Error::decode("the catalog misses a series before this one"));
                }
                catalog.insert(changed(catalog.labels.last(), changes)?);
                Ok(())
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
        self.labels.len()
    }

    pub(super) fn id(&self, labels: &Labels) -> Option<SeriesId> {
        self.ids.get(labels).copied()
    }

    pub(super) fn labels(&self, id: SeriesId) -> Option<&Labels> {
        self.labels.get(id.0 as usize)
    }

    pub(super) fn unit(&self, metric: &str) -> Option<&Unit> {
        self.units.get(metric)
    }

    /// Adds a series that is not there yet, first to the database, then here.
    pub(super) fn add(&mut self, labels: &Labels, db: &dyn Db) -> Result<SeriesId> {
        if labels.metric().is_empty() {
            return Err(Error::invalid(format!("{labels} has no metric name; give it __name__")));
        }
        if self.labels.len() >= SERIES_MAX {
            return Err(Error::Limit {
                what: "the number of series",
                value: self.labels.len() as u64 + 1,
                limit: SERIES_MAX as u64,
                remedy: "drop labels that change with every sample, or use another store",
            });
        }
        let id = SeriesId(self.labels.len() as u32);
        let mut batch = WriteSet::default();
        put_series(&mut batch, id, labels, self.labels.last())?;
        db.write(&batch)?;
        self.insert(labels.clone());
        Ok(id)
    }

    /// Sets the unit of a metric.
    pub(super) fn set_unit(&mut self, metric: &str, unit: &Unit, db: &dyn Db) -> Result<()> {
        let mut key = vec![UNIT_KEY];
        key.extend_from_slice(metric.as_bytes());
        let mut batch = WriteSet::default();
        batch.put(FAMILY, &key, record::encode(&unit.as_str())?);
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

    /// Sorts series as segments hold them: by metric, then by all labels.
    pub(super) fn sort_metric_major(&self, series: &mut [SeriesId]) {
        series.sort_by(|a, b| match (self.labels(*a), self.labels(*b)) {
            (Some(a), Some(b)) => a.cmp_metric_major(b),
            _ => a.cmp(b),
        });
    }

    fn insert(&mut self, labels: Labels) {
        let id = SeriesId(self.labels.len() as u32);
        self.postings.insert(id.0, &labels);
        self.ids.insert(labels.clone(), id);
        self.labels.push(labels);
    }
}

/// Sets the record of a series: what its labels change in those of the series before, which mostly
/// differ in the metric alone. An empty value stands for a label that is gone.
pub(super) fn put_series(
    batch: &mut WriteSet,
    id: SeriesId,
    labels: &Labels,
    before: Option<&Labels>,
) -> Result<()> {
    let get = |name: &str| before.and_then(|before| before.get(name));
    let mut changes: Vec<(&str, &str)> =
        labels.iter().filter(|(name, value)| get(name) != Some(value)).collect();
    let gone = before.into_iter().flat_map(Labels::iter).map(|(name, _)| name);
    changes.extend(gone.filter(|name| labels.get(name).is_none()).map(|name| (name, "")));
    let mut key = vec![SERIES_KEY];
    key.extend_from_slice(&id.0.to_be_bytes());
    batch.put(FAMILY, &key, record::encode(&changes)?);
    Ok(())
}

/// The labels that a record makes of those of the series before.
fn changed(before: Option<&Labels>, changes: Vec<(Box<str>, Box<str>)>) -> Result<Labels> {
    let kept = before.into_iter().flat_map(Labels::iter);
    let kept = kept.filter(|(name, _)| !changes.iter().any(|(changed, _)| &**changed == *name));
    let mut pairs: Vec<(Box<str>, Box<str>)> =
        kept.map(|(name, value)| (name.into(), value.into())).collect();
    pairs.extend(changes);
    Labels::from_pairs(pairs)
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
        ];
        let mut batch = WriteSet::default();
        for (id, series) in all.iter().enumerate() {
            let before = id.checked_sub(1).and_then(|before| all.get(before));
            put_series(&mut batch, SeriesId(id as u32), series, before).unwrap();
        }
        let mut before: Option<Labels> = None;
        for (change, expected) in batch.changes().iter().zip(&all) {
            let changes: Vec<(Box<str>, Box<str>)> =
                record::decode(change.value.as_deref().unwrap()).unwrap();
            let found = changed(before.as_ref(), changes).unwrap();
            assert_eq!(&found, expected);
            before = Some(found);
        }
        let bytes = |at: usize| batch.changes()[at].value.as_ref().unwrap().len();
        assert!(bytes(1) < bytes(0) / 2, "{} {}", bytes(0), bytes(1));
    }
}
