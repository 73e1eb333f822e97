//! Steps and times of a query as they are written: lengths and words of the calendar, instants and
//! dates.

use std::str::FromStr;

use super::query::QueryArgs;
use crate::error::{Error, Result};
use crate::model::{Calendar, CalendarUnit, Span, Timestamp, Zone};
use crate::query::Query;

/// What there is one value for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StepArg {
    /// A length of time.
    Equal(Span),
    /// A step of the calendar.
    Calendar(CalendarUnit),
}

/// A time, which is still to be read in a zone if it is a date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TimeArg(String);

impl TimeArg {
    fn read(&self, zone: &Zone) -> Result<Timestamp> {
        zone.time(&self.0)
    }
}

impl FromStr for StepArg {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if let Ok(unit) = text.parse() {
            return Ok(Self::Calendar(unit));
        }
        text.parse().map(Self::Equal).map_err(|_| {
            Error::invalid(format!(
                "{text:?} is no step; write a length of time as in 5m or 1h30m, or day, week, \
                 month, quarter or year"
            ))
        })
    }
}

impl FromStr for TimeArg {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        text.parse::<Timestamp>().map(|_| Self(text.to_owned()))
    }
}

/// A query of samples from one time and before another, where they are given.
pub(super) fn ranged(query: Query, from: Option<Timestamp>, to: Option<Timestamp>) -> Query {
    let query = if let Some(start) = from { query.from(start) } else { query };
    if let Some(end) = to { query.to(end) } else { query }
}

/// The range and the steps of a query.
pub(super) fn of_args(mut query: Query, args: &QueryArgs) -> Result<Query> {
    let zone = args.zone.clone().unwrap_or(Zone::UTC);
    if let Some(start) = &args.from {
        query = query.from(start.read(&zone)?);
    }
    if let Some(end) = &args.to {
        query = query.to(end.read(&zone)?);
    }
    match args.step {
        Some(StepArg::Equal(step)) if args.zone.is_some() => Err(Error::invalid(format!(
            "steps of {step} are the same in every zone; leave --zone out, or write --step day, \
             week, month, quarter or year"
        ))),
        Some(StepArg::Equal(step)) => Ok(query.step(step)),
        Some(StepArg::Calendar(unit)) => Ok(query.calendar(Calendar::new(unit, zone))),
        None => Ok(query),
    }
}
