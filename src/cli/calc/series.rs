//! Rows on one time axis from a CSV file: a column of times, and columns of numbers.

use std::path::Path;

use super::table::{Row, Table};
use crate::capacity::drivers::{Driver, Observations};
use crate::capacity::events::parse_time;
use crate::error::{Error, Result};
use crate::model::Timestamp;

/// The columns that a calculation asked for, ascending in time.
#[derive(Default)]
pub(super) struct SeriesTable {
    times: Vec<Timestamp>,
    resource: Vec<f64>,
    drivers: Vec<Vec<f64>>,
}

/// The columns to read.
pub(super) struct SeriesColumns<'a> {
    pub(super) time: &'a str,
    pub(super) resource: &'a str,
    pub(super) drivers: &'a [String],
    /// The column whose words part the rows.
    pub(super) by: Option<&'a str>,
}

impl SeriesTable {
    /// Reads a file, a table for each word of the column that parts the rows, sorted by the words.
    pub(super) fn read(path: &Path, columns: &SeriesColumns<'_>) -> Result<Vec<(String, Self)>> {
        let mut required = vec![columns.time, columns.resource];
        required.extend(columns.drivers.iter().map(String::as_str));
        required.extend(columns.by);
        let table = Table::read(path, &required)?;
        let mut parts = std::collections::BTreeMap::<String, Self>::new();
        for row in table.rows() {
            let word = columns.by.map_or("", |by| row.text(by));
            let part = parts.entry(word.to_owned()).or_default();
            part.add(&row, columns)?;
        }
        if parts.is_empty() {
            let what = format!("{} has a header and no rows", path.display());
            return Err(Error::not_enough_data(what));
        }
        Ok(parts.into_iter().collect())
    }

    fn add(&mut self, row: &Row<'_>, columns: &SeriesColumns<'_>) -> Result<()> {
        let time = parse_time(row.text(columns.time)).map_err(|why| row.error(why.to_string()))?;
        if self.times.last().is_some_and(|last| *last >= time) {
            return Err(row.error(format!("{time} does not follow the row before; sort by time")));
        }
        self.times.push(time);
        self.resource.push(number(row, columns.resource, f64::MIN)?);
        self.drivers.resize_with(columns.drivers.len(), Vec::new);
        for (values, name) in self.drivers.iter_mut().zip(columns.drivers) {
            values.push(number(row, name, 0.0)?);
        }
        Ok(())
    }

    /// What is regressed. `names` are those of the drivers.
    pub(super) fn observations<'a>(&'a self, names: &'a [String]) -> Result<Observations<'a>> {
        let pairs = names.iter().zip(&self.drivers);
        let drivers: Vec<Driver<'a>> =
            pairs.map(|(name, values)| Driver { name, values }).collect();
        Observations::new(&self.times, &self.resource, &drivers)
    }
}

/// A number, or NaN where the cell is empty.
fn number(row: &Row<'_>, column: &str, least: f64) -> Result<f64> {
    let text = row.text(column);
    if text.is_empty() || text.eq_ignore_ascii_case("nan") {
        return Ok(f64::NAN);
    }
    let number = row.number(column)?;
    if number < least {
        return Err(row.error(format!("{column} is {number}: demand is 0 or more")));
    }
    Ok(number)
}
