//! What is regressed: the use of a resource and its drivers on one time axis.

use crate::error::{Error, Result};
use crate::model::Timestamp;
use crate::model::limits::{AMOUNT_SIZES, DRIVERS_MAX};

/// A driver: what people or other programs ask of a service.
#[derive(Debug, Clone, Copy)]
pub struct Driver<'a> {
    /// Its name, for messages.
    pub name: &'a str,
    /// Demand per row, 0 or more; NaN where it is not known.
    pub values: &'a [f64],
}

/// Rows on one time axis: what a resource was used for, and by what demand.
#[derive(Debug, Clone)]
pub struct Observations<'a> {
    times: &'a [Timestamp],
    resource: &'a [f64],
    drivers: Vec<Driver<'a>>,
}

impl<'a> Observations<'a> {
    /// Rows in ascending order of time, with any number of drivers.
    ///
    /// # Errors
    ///
    /// Where lengths differ, times do not ascend, a number is infinite or too large to be squared
    /// and summed ([`AMOUNT_SIZES`]), demand is below 0, or there are too many drivers.
    pub fn new(
        times: &'a [Timestamp],
        resource: &'a [f64],
        drivers: &[Driver<'a>],
    ) -> Result<Self> {
        if drivers.len() > DRIVERS_MAX {
            return Err(Error::Limit {
                what: "the number of drivers",
                value: drivers.len() as u64,
                limit: DRIVERS_MAX as u64,
                remedy: "keep those that say most",
            });
        }
        let mut pairs = times.iter().zip(times.iter().skip(1));
        if let Some((earlier, later)) = pairs.find(|(earlier, later)| earlier >= later) {
            let what = format!("row {later} does not follow {earlier}; sort rows by time");
            return Err(Error::invalid(what));
        }
        check("the resource", times, resource, f64::MIN)?;
        drivers.iter().try_for_each(|driver| check(driver.name, times, driver.values, 0.0))?;
        Ok(Self { times, resource, drivers: drivers.to_vec() })
    }

    /// The time of each row.
    pub fn times(&self) -> &'a [Timestamp] {
        self.times
    }

    /// The use of the resource, row by row.
    pub fn resource(&self) -> &'a [f64] {
        self.resource
    }

    /// The drivers.
    pub fn drivers(&self) -> &[Driver<'a>] {
        &self.drivers
    }

    /// The rows of `[start, end)`.
    #[must_use]
    pub fn between(&self, start: Timestamp, end: Timestamp) -> Self {
        let from = self.times.partition_point(|time| *time < start);
        let to = self.times.partition_point(|time| *time < end).max(from);
        let part = |values: &'a [f64]| values.get(from..to).unwrap_or(&[]);
        let driver =
            |driver: &Driver<'a>| Driver { name: driver.name, values: part(driver.values) };
        Self {
            times: self.times.get(from..to).unwrap_or(&[]),
            resource: part(self.resource),
            drivers: self.drivers.iter().map(driver).collect(),
        }
    }

    /// The rows of which everything is known.
    pub(in crate::capacity) fn known(&self) -> Vec<usize> {
        let is_known = |row: &usize| {
            let drivers = self.drivers.iter().all(|driver| !driver.values[*row].is_nan());
            drivers && !self.resource[*row].is_nan()
        };
        (0..self.times.len()).filter(is_known).collect()
    }
}

fn check(name: &str, times: &[Timestamp], values: &[f64], least: f64) -> Result<()> {
    if values.len() != times.len() {
        let (values, times) = (values.len(), times.len());
        let what = format!("{name} has {values} values for {times} times; give one for each");
        return Err(Error::invalid(what));
    }
    let is_huge = |value: f64| value.abs() > *AMOUNT_SIZES.end();
    let is_wrong = |value: &f64| is_huge(*value) || *value < least;
    let Some(row) = values.iter().position(is_wrong) else { return Ok(()) };
    let (value, time) = (values[row], times[row]);
    let asked = match value {
        _ if value.is_infinite() => "write a finite number",
        _ if is_huge(value) => "that is more than 1e60, write it in another unit",
        _ => "demand is 0 or more",
    };
    Err(Error::invalid(format!("{name} is {value} at {time}: {asked}, or leave it out")))
}
