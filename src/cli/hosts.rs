//! What a store and an inventory know of the hosts of a study.

use std::collections::BTreeMap;
use std::path::Path;

use crate::capacity::inventory::Inventory;
use crate::capacity::{KnownHost, Study};
use crate::error::{Error, Result};
use crate::model::{Labels, METRIC_LABEL};
use crate::store::Snapshot;

/// The inventory that a study names, seen from the folder of its file.
pub(super) fn inventory(study: &Study, study_file: &Path) -> Result<Option<Inventory>> {
    let Some(named) = &study.inventory else { return Ok(None) };
    let path = study_file.with_file_name("").join(&named.file);
    let text = std::fs::read_to_string(&path).map_err(|why| Error::io("read", &path, why))?;
    Inventory::read(&text, &path.display().to_string()).map(Some)
}

/// Every host with a usage of the study, and the labels on which all of its series agree.
pub(super) fn known(snapshot: &Snapshot, study: &Study) -> Result<Vec<KnownHost>> {
    // A label with two values says nothing of the host: its disks, its processors.
    let mut hosts: BTreeMap<Labels, BTreeMap<String, Option<String>>> = BTreeMap::new();
    for resource in &study.resources {
        for id in snapshot.select(&resource.usage) {
            let Some(labels) = snapshot.labels(id) else { continue };
            let host = hosts.entry(labels.project(&study.by)).or_default();
            for (name, value) in labels.iter().filter(|(name, _)| *name != METRIC_LABEL) {
                let known = host.entry(name.to_owned());
                let known = known.or_insert_with(|| Some(value.to_owned()));
                if known.as_deref() != Some(value) {
                    *known = None;
                }
            }
        }
    }
    let known = |labels: BTreeMap<String, Option<String>>| {
        let agreed =
            labels.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_deref()?)));
        Ok(KnownHost { labels: Labels::from_pairs(agreed)?, price_per_month: None })
    };
    hosts.into_values().map(known).collect()
}
