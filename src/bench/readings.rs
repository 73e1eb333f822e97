//! Whole readings of the hosts: all fields at the instants that matter.

use rayon::prelude::*;

use super::cpu_only::FIELDS;
use super::host::{HOST_LABEL, metric};
use crate::error::{Error, Result};
use crate::model::{Selector, SeriesId, TimeRange};
use crate::query::{Condition, RowReader, Rows, last_points};
use crate::store::Snapshot;

/// Readings of one host.
#[derive(Debug, Clone, PartialEq)]
pub struct Readings {
    /// The host's name.
    pub host: String,
    /// Values of each field, in the order of their names.
    pub rows: Rows,
}

/// A host's series, in the order of the names of their metrics.
type HostSeries = Vec<SeriesId>;

/// The readings of a range at which a field meets a condition, of every selected host that has one.
pub(super) fn that_meet(
    snapshot: &Snapshot,
    selector: &Selector,
    range: TimeRange,
    (field, condition): (&str, Condition),
) -> Result<Vec<Readings>> {
    let place = place_of(field);
    let hosts = hosts(snapshot, selector)?;
    let hosts = hosts.into_par_iter();
    let readings = hosts.map_init(
        || RowReader::new(snapshot),
        |reader, mut series| {
            let host = name_of(snapshot, &series)?;
            // The field that is looked at goes first, and then back to its place.
            series[..=place].rotate_right(1);
            let mut rows = reader.read(&series, range, Some(condition))?;
            rows.values.chunks_mut(FIELDS.len()).for_each(|row| row[..=place].rotate_left(1));
            Ok(Readings { host, rows })
        },
    );
    let mut readings = readings.collect::<Result<Vec<_>>>()?;
    readings.retain(|readings| !readings.rows.times.is_empty());
    Ok(readings)
}

/// The last reading of every selected host that has one: where its fields end at different
/// instants, that of the last one.
pub(super) fn last(snapshot: &Snapshot, selector: &Selector) -> Result<Vec<Readings>> {
    let Some(stored) = snapshot.range() else { return Ok(Vec::new()) };
    let series = snapshot.select(selector);
    let points = last_points(snapshot, &series, stored)?;
    let hosts = snapshot.siblings(&series);
    let mut points_of = vec![None; series.iter().map(|id| id.0 as usize + 1).max().unwrap_or(0)];
    series.iter().zip(points).for_each(|(id, point)| points_of[id.0 as usize] = point);
    let reading = |series: &HostSeries| -> Result<Option<Readings>> {
        expect_all(series)?;
        let points = || series.iter().map(|id| points_of[id.0 as usize]);
        let Some(last) = points().flatten().map(|(time, _)| time).max() else { return Ok(None) };
        let value = |point: Option<(i64, f64)>| match point {
            Some((time, value)) if time == last => value,
            _ => f64::NAN,
        };
        let rows = Rows { times: vec![last], values: points().map(value).collect() };
        Ok(Some(Readings { host: name_of(snapshot, series)?, rows }))
    };
    let readings: Vec<_> = hosts.par_iter().with_min_len(64).map(reading).collect::<Result<_>>()?;
    Ok(readings.into_iter().flatten().collect())
}

/// The place of a field among the names of the metrics.
pub(super) fn place_of(field: &str) -> usize {
    let name = metric(field);
    FIELDS.iter().filter(|other| metric(other) < name).count()
}

/// The series of each host, which must have all fields.
fn hosts(snapshot: &Snapshot, selector: &Selector) -> Result<Vec<HostSeries>> {
    let hosts = snapshot.siblings(&snapshot.select(selector));
    hosts.iter().try_for_each(|series| expect_all(series))?;
    Ok(hosts)
}

fn expect_all(series: &[SeriesId]) -> Result<()> {
    if series.len() == FIELDS.len() {
        return Ok(());
    }
    let (found, all) = (series.len(), FIELDS.len());
    Err(Error::invalid(format!("a host has {found} of the {all} fields of the load")))
}

fn name_of(snapshot: &Snapshot, series: &[SeriesId]) -> Result<String> {
    let name = series.first().and_then(|id| snapshot.label(*id, HOST_LABEL));
    name.ok_or_else(|| Error::invalid("a series without a host"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_have_their_places_by_name() {
        let mut names = FIELDS.map(metric);
        names.sort();
        for field in FIELDS {
            assert_eq!(names[place_of(field)], metric(field));
        }
    }
}
