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
    /// The steps between two instants, where these are given, of what is stored; none where the
    /// range holds no instant. Two that are given in the wrong order are an error.
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
        if let (Some(start), Some(end)) = (start, end) {
            TimeRange::new(start, end)?;
        }
        // Where one end alone is given, what is stored may all lie on its other side.
        let range = TimeRange { start: start.unwrap_or(first), end: end.unwrap_or(past) };
        if range.start >= range.end {
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
            None => range.span().nanos_unsigned().div_ceil(step.nanos_unsigned()) as usize,
        };
        if steps > QUERY_STEPS_MAX {
            return Err(Error::Limit {
                what: "the number of steps of a query",
                value: steps as u64,
                limit: QUERY_STEPS_MAX as u64,
                remedy: "take a longer step or a shorter range",
            });
        }
        Ok(Some(Self { start: range.start, end: range.end, step, steps, calendar }))
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
    use super::super::steps::Cursor;
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
    fn one_end_beyond_what_is_stored_leaves_no_step() {
        let stored = Some(TimeRange { start: at(3_700), end: at(11_000) });
        for query in [
            Query::new(Selector::all()),
            Query::new(Selector::all()).step(Span::HOUR),
            Query::new(Selector::all()).calendar("day".parse().unwrap()),
        ] {
            assert_eq!(grid_of(&query.clone().from(at(900_000_000)), stored).unwrap(), None);
            assert_eq!(grid_of(&query.clone().to(at(-900_000_000)), stored).unwrap(), None);
            assert!(grid_of(&query.from(at(900_000_000)).to(at(5)), stored).is_err());
        }
    }

    #[test]
    fn steps_are_counted_over_all_of_time() {
        let (first, last) = (Timestamp::MIN, Timestamp::from_nanos(i64::MAX - 1));
        let stored = Some(TimeRange { start: first, end: Timestamp::MAX });
        let query = Query::new(Selector::all());
        let days = TimeRange::ALL.span().whole(Span::DAY) as usize;
        let longest = Span::from_nanos(i64::MAX);
        for (query, steps) in [
            (query.clone(), 1),
            (query.clone().step(Span::DAY), days + 1),
            (query.clone().step(longest), 3),
            (query.clone().from(Timestamp::from_nanos(-2)).step(longest), 2),
            (query.clone().calendar("day in Asia/Tokyo".parse().unwrap()), days + 2),
            (query.clone().calendar("year".parse().unwrap()), 586),
        ] {
            let grid = grid_of(&query, stored).unwrap().unwrap();
            assert_eq!(grid.steps, steps, "{query:?}");
            let mut cursor = Cursor::new(&grid);
            assert_eq!(cursor.step_of(grid.start.nanos()), Some(0));
            assert_eq!(cursor.step_of(last.nanos()), Some(grid.steps - 1));
            let frame = grid.frame(Vec::new(), Vec::new()).unwrap();
            assert_eq!((frame.time(0), frame.end(grid.steps - 1)), (grid.start, grid.end));
        }
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
