//! Whether a store holds the load that it is taken for.

use std::collections::HashMap;

use super::cpu_only::{CpuOnly, FIELDS, SCRAPE_INTERVAL, START};
use crate::error::{Error, Result};
use crate::model::{Labels, Selector, SeriesId, Span, TimeRange};
use crate::store::{Samples, Snapshot};

/// Refuses a store that was loaded with another size or seed, or with something else. `samples` are
/// those that the store counts. Compared are numbers, time, all labels, and the first value of
/// every series.
pub fn refuse_other(fleet: &CpuOnly, snapshot: &Snapshot, samples: u64) -> Result<()> {
    let other = |what: String| {
        let (hosts, hours, seed) =
            (fleet.options().hosts, fleet.options().hours, fleet.options().seed);
        Err(Error::invalid(format!(
            "the store does not hold the load of {hosts} hosts, {hours} h, seed {seed}: {what}; \
             name the options that it was loaded with"
        )))
    };
    let ids = snapshot.select(&Selector::all());
    let count = fleet.hosts().len() * FIELDS.len();
    if ids.len() != count {
        return other(format!("it has {} series, and not {count}", ids.len()));
    }
    if samples != fleet.samples() {
        return other(format!("it has {samples} samples, and not {}", fleet.samples()));
    }
    let length = (fleet.scrapes_count() as i64 - 1).saturating_mul(SCRAPE_INTERVAL.nanos());
    let end = START.plus(Span::from_nanos(length.saturating_add(1)));
    if snapshot.range() != Some(TimeRange { start: START, end }) {
        return other("its samples are of another time".to_owned());
    }
    match first_difference(fleet, snapshot, &ids)? {
        Some(what) => other(what),
        None => Ok(()),
    }
}

/// Compares the labels and the first values of all series.
fn first_difference(
    fleet: &CpuOnly,
    snapshot: &Snapshot,
    ids: &[SeriesId],
) -> Result<Option<String>> {
    let named = ids.iter().filter_map(|id| Some((snapshot.labels(*id)?, *id)));
    let named: HashMap<Labels, SeriesId> = named.collect();
    let mut scrapes = fleet.scrapes();
    let Some(scrape) = scrapes.next() else { return Ok(None) };
    let range = TimeRange { start: START, end: START.plus(Span::from_nanos(1)) };
    let mut samples = Samples::default();
    for (host, row) in fleet.hosts().iter().zip(scrape.rows) {
        for (field, value) in FIELDS.iter().zip(row) {
            let labels = host.labels(field)?;
            let Some(id) = named.get(&labels) else {
                return Ok(Some(format!("it has no series {labels}")));
            };
            snapshot.scan(*id, range, &mut samples)?;
            if samples.values != [*value] {
                let found = &samples.values;
                return Ok(Some(format!("{labels} begins with {found:?}, and not with {value}")));
            }
        }
    }
    Ok(None)
}
