//! Which series make which row.

use rayon::prelude::*;

use crate::error::Result;
use crate::model::{Labels, SeriesId};
use crate::store::Snapshot;

/// One row of the answer: its labels and its series, in metric-major order.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RowGroup {
    pub(super) labels: Labels,
    pub(super) series: Vec<SeriesId>,
}

/// Series whose labels one thread puts together before it looks for more.
const SERIES_IN_TURN: usize = 256;

/// The rows of a query, ordered by their labels. Without `by` every series is a row of its own.
pub(super) fn resolve(
    snapshot: &Snapshot,
    selected: &[SeriesId],
    by: Option<&[String]>,
) -> Result<Vec<RowGroup>> {
    if let Some(by) = by {
        let groups = snapshot.group(selected, by).into_iter();
        return Ok(groups.map(|(labels, series)| RowGroup { labels, series }).collect());
    }
    // Labels take longer than a short series: they are put together in parallel.
    let labels = selected.par_chunks(SERIES_IN_TURN).map(|ids| snapshot.labels_of(ids));
    let labels: Vec<Vec<Labels>> = labels.collect::<Result<_>>()?;
    let row = |(labels, id): (Labels, &SeriesId)| RowGroup { labels, series: vec![*id] };
    Ok(labels.into_iter().flatten().zip(selected).map(row).collect())
}
