//! Which series make which row.

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::model::{Labels, SeriesId};
use crate::store::Snapshot;

/// One row of the answer: its labels and its series, in metric-major order.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RowGroup {
    pub(super) labels: Labels,
    pub(super) series: Vec<SeriesId>,
}

/// Series whose labels one thread puts together before it looks for more.
const SERIES_IN_TURN: usize = 64;

/// The rows of a query, ordered by their labels. Without `by` every series is a row of its own.
pub(super) fn resolve(
    snapshot: &Snapshot,
    selected: Vec<SeriesId>,
    by: Option<&[String]>,
) -> Result<Vec<RowGroup>> {
    // Labels take longer than a short series: they are put together in parallel.
    let named = |id: SeriesId| {
        let labels = snapshot.labels(id);
        let labels = labels.ok_or_else(|| Error::invalid("a series without labels"))?;
        Ok((id, if let Some(by) = by { labels.project(by) } else { labels }))
    };
    let named = selected.into_par_iter().with_min_len(SERIES_IN_TURN).map(named);
    let named: Vec<(SeriesId, Labels)> = named.collect::<Result<_>>()?;
    if by.is_none() {
        let row = |(id, labels)| RowGroup { labels, series: vec![id] };
        return Ok(named.into_iter().map(row).collect());
    }
    let mut groups: BTreeMap<Labels, Vec<SeriesId>> = BTreeMap::new();
    for (id, labels) in named {
        groups.entry(labels).or_default().push(id);
    }
    Ok(groups.into_iter().map(|(labels, series)| RowGroup { labels, series }).collect())
}
