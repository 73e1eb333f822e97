//! Whole readings: all fields of a host at the instants that matter, from raw scans.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::cpu_only::FIELDS;
use super::host::{HOST_LABEL, metric};
use crate::error::{Error, Result};
use crate::model::{Labels, Selector, SeriesId, TimeRange, Timestamp};
use crate::query::Condition;
use crate::store::{Samples, SeriesReader, Snapshot};

/// Readings of one host.
#[derive(Debug, Clone, PartialEq)]
pub struct Readings {
    /// The host's name.
    pub host: String,
    /// The instants, in nanoseconds since the epoch, ascending.
    pub times: Vec<i64>,
    /// A value of each field for each of them; NaN where a field has no sample then.
    pub values: Vec<[f64; FIELDS.len()]>,
}

/// The series of a host, in the order of the fields.
#[derive(Debug)]
struct HostSeries {
    host: String,
    fields: [SeriesId; FIELDS.len()],
}

/// The readings of a range at which the first field meets a condition, of every selected host that
/// has one.
pub(super) fn that_meet(
    snapshot: &Snapshot,
    selector: &Selector,
    range: TimeRange,
    condition: Condition,
) -> Result<Vec<Readings>> {
    of_each_host(snapshot, selector, |reader, host| {
        let samples = reader.read(host.fields[0], range)?;
        let pairs = samples.times.iter().zip(&samples.values);
        let found = pairs.filter(|(_, value)| condition.holds(**value));
        let found = found.map(|(time, value)| (*time, *value)).collect();
        complete(reader, host, found)
    })
}

/// The last reading of every selected host that has one.
pub(super) fn last(snapshot: &Snapshot, selector: &Selector) -> Result<Vec<Readings>> {
    let Some(stored) = snapshot.range() else { return Ok(Vec::new()) };
    of_each_host(snapshot, selector, |reader, host| {
        let found = reader.last(host.fields[0], stored)?;
        complete(reader, host, found.into_iter().collect())
    })
}

/// In parallel over hosts, which are in the order of their names; those without a reading are left
/// out.
fn of_each_host(
    snapshot: &Snapshot,
    selector: &Selector,
    of: impl Fn(&mut SeriesReader<'_>, HostSeries) -> Result<Readings> + Send + Sync,
) -> Result<Vec<Readings>> {
    let hosts = hosts(snapshot, selector)?;
    let hosts = hosts.into_par_iter();
    let all = hosts.map_init(|| snapshot.reader(), |reader, host| of(reader, host));
    let mut all = all.collect::<Result<Vec<_>>>()?;
    all.retain(|readings| !readings.times.is_empty());
    Ok(all)
}

fn hosts(snapshot: &Snapshot, selector: &Selector) -> Result<Vec<HostSeries>> {
    let ids = snapshot.select(selector);
    let labels: Vec<Option<Labels>> = ids.par_iter().map(|id| snapshot.labels(*id)).collect();
    let metrics = FIELDS.map(metric);
    let mut hosts: BTreeMap<&str, [Option<SeriesId>; FIELDS.len()]> = BTreeMap::new();
    for (id, labels) in ids.iter().zip(&labels) {
        let Some(labels) = labels else { continue };
        let (host, metric) = (labels.get(HOST_LABEL).unwrap_or(""), labels.metric());
        if let Some(field) = metrics.iter().position(|name| *name == metric) {
            hosts.entry(host).or_default()[field] = Some(*id);
        }
    }
    let whole = |(host, fields): (&str, [Option<SeriesId>; FIELDS.len()])| {
        let found: Vec<SeriesId> = fields.into_iter().flatten().collect();
        let missing = |_| Error::invalid(format!("{host:?} has not all ten fields of the load"));
        Ok(HostSeries { host: host.to_owned(), fields: found.try_into().map_err(missing)? })
    };
    hosts.into_iter().map(whole).collect()
}

/// Adds the other fields to instants and values of the first.
fn complete(
    reader: &mut SeriesReader<'_>,
    host: HostSeries,
    found: Vec<(i64, f64)>,
) -> Result<Readings> {
    let HostSeries { host, fields } = host;
    let times: Vec<i64> = found.iter().map(|(time, _)| *time).collect();
    let row = |(_, value): (i64, f64)| {
        let mut row = [f64::NAN; FIELDS.len()];
        row[0] = value;
        row
    };
    let mut values: Vec<[f64; FIELDS.len()]> = found.into_iter().map(row).collect();
    let (Some(first), Some(last)) = (times.first(), times.last()) else {
        return Ok(Readings { host, times, values });
    };
    let (start, end) = (Timestamp::from_nanos(*first), Timestamp::from_nanos(last + 1));
    for (field, id) in fields.into_iter().enumerate().skip(1) {
        let samples = reader.read(id, TimeRange { start, end })?;
        pick(samples, &times, |row, value| values[row][field] = value);
    }
    Ok(Readings { host, times, values })
}

/// Calls `put` with the value at each of these instants that has one, and the place of the instant.
/// Both are in order of time.
fn pick(samples: &Samples, at: &[i64], mut put: impl FnMut(usize, f64)) {
    let mut rest = samples.times.iter().zip(&samples.values).peekable();
    for (place, time) in at.iter().enumerate() {
        while rest.next_if(|(sampled, _)| *sampled < time).is_some() {}
        if let Some((_, value)) = rest.next_if(|(sampled, _)| *sampled == time) {
            put(place, *value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_picked_at_their_instants_and_nowhere_else() {
        let samples = Samples { times: vec![1, 3, 4, 8], values: vec![0.1, 0.3, 0.4, 0.8] };
        let picked = |at: &[i64]| {
            let mut found = Vec::new();
            pick(&samples, at, |place, value| found.push((place, value)));
            found
        };
        assert_eq!(picked(&[1, 4, 8]), [(0, 0.1), (1, 0.4), (2, 0.8)]);
        assert_eq!(picked(&[0, 2, 3, 5, 9]), [(2, 0.3)]);
        assert_eq!(picked(&[]), []);
    }
}
