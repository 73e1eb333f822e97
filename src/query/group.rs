//! Which series make which row.

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::model::{Labels, Selector, SeriesId};
use crate::store::Snapshot;

/// One row of the answer: its labels and its series, in metric-major order.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RowGroup {
    pub(super) labels: Labels,
    pub(super) series: Vec<SeriesId>,
}

/// The rows of a query, ordered by their labels. Without `by` every series is a row of its own.
pub(super) fn resolve(
    snapshot: &Snapshot,
    selector: &Selector,
    by: Option<&[String]>,
) -> Result<Vec<RowGroup>> {
    let mut named = Vec::new();
    for id in snapshot.select(selector) {
        let labels = snapshot.labels(id);
        named.push((id, labels.ok_or_else(|| Error::invalid("a series without labels"))?));
    }
    let Some(by) = by else {
        let row = |(id, labels)| RowGroup { labels, series: vec![id] };
        return Ok(named.into_iter().map(row).collect());
    };
    let mut groups: BTreeMap<Labels, Vec<SeriesId>> = BTreeMap::new();
    for (id, labels) in named {
        groups.entry(labels.project(by)).or_default().push(id);
    }
    Ok(groups.into_iter().map(|(labels, series)| RowGroup { labels, series }).collect())
}
