//! The steps of a query: one for all of its time, of equal length, or of a calendar.

use crate::error::{Error, Result};
use crate::model::limits::QUERY_STEPS_MAX;
use crate::model::{Calendar, CalendarSteps, Frame, Labels, Span, TimeRange, Timestamp};

/// What a query has one value for.
#[derive(Debug, Clone)]
pub(super) enum Step {
    All,
    Equal(Span),
    Calendar(Calendar),
}

/// The steps of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Grid {
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
    /// The length of every step, or of the longest of a calendar.
    pub(super) step: Span,
    pub(super) steps: usize,
    pub(super) calendar: Option<CalendarSteps>,
}

impl Grid {
    /// The steps between two instants, where these are given, of what is stored; none where there
    /// is no sample in the range.
    pub(super) fn new(
        step: &Step,
        (start, end): (Option<Timestamp>, Option<Timestamp>),
        stored: Option<TimeRange>,
    ) -> Result<Option<Self>> {
        let Some(stored) = stored else { return Ok(None) };
        let (first, past) = match step {
            Step::All => (stored.start, stored.end),
            Step::Equal(step) if step.is_zero() => {
                return Err(Error::invalid("a step of no length; write 5m or 1h"));
            }
            Step::Equal(step) => (stored.start.floor(*step), stored.end),
            Step::Calendar(calendar) => (calendar.floor(stored.start), calendar.ceil(stored.end)),
        };
        let (start, end) = (start.unwrap_or(first), end.unwrap_or(past));
        let range = TimeRange::new(start, end)?;
        if range.span().is_zero() {
            return Ok(None);
        }
        let (step, calendar) = match step {
            Step::All => (range.span(), None),
            Step::Equal(step) => (*step, None),
            Step::Calendar(calendar) => {
                let steps = calendar.steps(range)?;
                (steps.longest(), Some(steps))
            }
        };
        let steps = match &calendar {
            Some(steps) => steps.count(),
            None => (range.span().nanos() as u64).div_ceil(step.nanos() as u64) as usize,
        };
        if steps > QUERY_STEPS_MAX {
            return Err(Error::Limit {
                what: "the number of steps of a query",
                value: steps as u64,
                limit: QUERY_STEPS_MAX as u64,
                remedy: "take a longer step or a shorter range",
            });
        }
        Ok(Some(Self { start, end, step, steps, calendar }))
    }

    /// The starts of a calendar's steps and the end of the last, in nanoseconds.
    pub(super) fn edges(&self) -> Option<&[i64]> {
        self.calendar.as_ref().map(CalendarSteps::edges_nanos)
    }

    /// A frame of these steps.
    pub(super) fn frame(&self, labels: Vec<Labels>, values: Vec<f64>) -> Result<Frame> {
        match &self.calendar {
            Some(steps) => Frame::by_calendar(steps.clone(), labels, values),
            None => Frame::new(self.start, self.step, self.steps, labels, values),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Query;
    use super::*;
    use crate::model::Selector;

    fn grid_of(query: &Query, stored: Option<TimeRange>) -> Result<Option<Grid>> {
        Grid::new(&query.step, (query.start, query.end), stored)
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn steps_follow_the_range_asked_for_or_whole_steps_since_the_epoch() {
        let stored = Some(TimeRange { start: at(3_700), end: at(11_000) });
        let query = Query::new(Selector::all()).step(Span::HOUR);
        let grid = grid_of(&query, stored).unwrap().unwrap();
        assert_eq!((grid.start, grid.steps), (at(3_600), 3));
        let grid = grid_of(&query.clone().from(at(4_000)).to(at(4_001)), stored).unwrap().unwrap();
        assert_eq!((grid.start, grid.end, grid.steps), (at(4_000), at(4_001), 1));
        assert!(grid_of(&query.clone().from(at(5)).to(at(4)), stored).is_err());
        assert!(grid_of(&query.clone().step(Span::from_nanos(1)), stored).is_err());
        assert_eq!(grid_of(&query, None).unwrap(), None);
    }

    #[test]
    fn steps_of_a_calendar_are_whole_but_where_the_range_cuts_them() {
        let time = |text: &str| text.parse::<Timestamp>().unwrap();
        let (first, past) = (time("2013-01-31T23:30:00Z"), time("2013-03-31T22:00:00.000000001Z"));
        let stored = Some(TimeRange { start: first, end: past });
        let query = Query::new(Selector::all()).step(Span::HOUR);
        let query = query.calendar("month in Europe/Berlin".parse().unwrap());
        let grid = grid_of(&query, stored).unwrap().unwrap();
        assert_eq!(grid.start, time("2013-02-01T00:00:00+01:00"));
        assert_eq!(grid.end, time("2013-05-01T00:00:00+02:00"));
        // March is the longest, but for an hour.
        assert_eq!((grid.steps, grid.step), (3, Span::from_seconds((31 * 24 - 1) * 3_600)));
        let (from, to) = (time("2013-02-15"), time("2013-03-20"));
        let grid = grid_of(&query.clone().from(from).to(to), stored).unwrap().unwrap();
        assert_eq!((grid.start, grid.end, grid.steps), (from, to, 2));
        assert_eq!(grid_of(&query.clone().from(to).to(to), stored).unwrap(), None);
        assert!(grid_of(&query.clone().from(to).to(from), stored).is_err());
        // The last call says which steps.
        let grid = grid_of(&query.step(Span::from_days(30)), stored).unwrap().unwrap();
        assert_eq!((grid.calendar, grid.step), (None, Span::from_days(30)));
    }
}
