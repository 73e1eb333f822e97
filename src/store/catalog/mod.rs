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
                let pairs: Vec<(Box<str>, Box<str>)> = record::decode(value)?;
                let expected = (catalog.labels.len() as u32).to_be_bytes();
                if id != expected {
                    return Err(Error::decode("the catalog misses a series before this one"));
                }
                catalog.insert(Labels::from_pairs(pairs)?);
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
        put_series(&mut batch, id, labels)?;
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

/// Sets the record of a series.
pub(super) fn put_series(batch: &mut WriteSet, id: SeriesId, labels: &Labels) -> Result<()> {
    let pairs: Vec<(&str, &str)> = labels.iter().collect();
    let mut key = vec![SERIES_KEY];
    key.extend_from_slice(&id.0.to_be_bytes());
    batch.put(FAMILY, &key, record::encode(&pairs)?);
    Ok(())
}
