//! Steps of the calendar: days, weeks, months, quarters and years as clocks in a zone show them.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use jiff::ToSpan;
use jiff::civil::Date;

use super::{Span, TimeRange, Timestamp, Zone};
use crate::error::{Error, Result};

/// A step of the calendar. None is of a fixed length: even a day has 23 or 25 hours where clocks
/// are changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CalendarUnit {
    /// From midnight to midnight.
    Day,
    /// From Monday to Monday, as in ISO 8601.
    Week,
    /// From the first of a month to the first of the next.
    Month,
    /// Three months, from the first of January, April, July or October.
    Quarter,
    /// From the first of January.
    Year,
}

/// Which steps of the calendar, and in which time zone.
///
/// ```
/// use plimsoll::{Calendar, Span, Timestamp};
/// let days: Calendar = "day in Europe/Berlin".parse()?;
/// let noon: Timestamp = "2013-03-31T12:00:00+02:00".parse()?;
/// assert_eq!(days.floor(noon), "2013-03-31T00:00:00+01:00".parse()?);
/// // Summer time began on this day.
/// assert_eq!(days.ceil(noon).since(days.floor(noon)), Span::from_seconds(23 * 3_600));
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    unit: CalendarUnit,
    zone: Zone,
}

/// The steps of a [`Calendar`] in a range; the first and the last are cut short where the range
/// does not begin and end between steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalendarSteps {
    calendar: Calendar,
    /// Ascending: where each step begins, and the end of the last. Two at least.
    edges: Arc<[i64]>,
}

impl Calendar {
    /// The steps of `unit` in `zone`.
    pub fn new(unit: CalendarUnit, zone: Zone) -> Self {
        Self { unit, zone }
    }

    /// Which steps.
    pub fn unit(&self) -> CalendarUnit {
        self.unit
    }

    /// In which time zone.
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// The start of the step in which an instant lies; saturates at [`Timestamp::MIN`].
    #[must_use]
    pub fn floor(&self, at: Timestamp) -> Timestamp {
        self.edges_around(at).take_while(|edge| *edge <= at).last().unwrap_or(at)
    }

    /// The first start of a step at or after an instant; saturates at [`Timestamp::MAX`].
    #[must_use]
    pub fn ceil(&self, at: Timestamp) -> Timestamp {
        self.edges_around(at).find(|edge| *edge >= at).unwrap_or(Timestamp::MAX)
    }

    /// The steps of a range; an error where it holds no instant.
    pub fn steps(&self, range: TimeRange) -> Result<CalendarSteps> {
        if range.span().is_zero() {
            return Err(Error::invalid(format!(
                "a range from {} to {} has no steps; let it end after its start",
                range.start, range.end
            )));
        }
        // No list is too long: all of time has some 214,000 days.
        let inside = self.edges_around(range.start).skip_while(|edge| *edge <= range.start);
        let inside = inside.take_while(|edge| *edge < range.end);
        let edges = std::iter::once(range.start).chain(inside).chain([range.end]);
        let edges = edges.map(Timestamp::nanos).collect();
        Ok(CalendarSteps { calendar: self.clone(), edges })
    }

    /// The starts of steps, ascending; the first is at or before an instant.
    fn edges_around(&self, at: Timestamp) -> impl Iterator<Item = Timestamp> {
        let mut day = Some(self.unit.first_day(self.zone.date(at)));
        let mut last = None;
        std::iter::from_fn(move || {
            // Days that were left out begin where the next one does.
            loop {
                let edge = self.zone.start_of(day?)?;
                day = self.unit.next(day?);
                if last.replace(edge).is_none_or(|last| last < edge) {
                    return Some(edge);
                }
            }
        })
    }
}

impl CalendarUnit {
    const ALL: [Self; 5] = [Self::Day, Self::Week, Self::Month, Self::Quarter, Self::Year];

    const fn word(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Quarter => "quarter",
            Self::Year => "year",
        }
    }

    /// The first day of the step in which a day lies.
    fn first_day(self, day: Date) -> Date {
        let months_in = match self {
            Self::Day => return day,
            Self::Week => {
                let days_in = day.weekday().to_monday_zero_offset();
                return day.checked_sub(i64::from(days_in).days()).unwrap_or(day);
            }
            Self::Month => 0,
            Self::Quarter => (day.month() - 1) % 3,
            Self::Year => day.month() - 1,
        };
        let first = day.first_of_month();
        first.checked_sub(i64::from(months_in).months()).unwrap_or(first)
    }

    /// The first day of the step after one that begins on a day.
    fn next(self, day: Date) -> Option<Date> {
        let length = match self {
            Self::Day => 1.day(),
            Self::Week => 1.week(),
            Self::Month => 1.month(),
            Self::Quarter => 3.months(),
            Self::Year => 1.year(),
        };
        day.checked_add(length).ok()
    }
}

impl CalendarSteps {
    /// Which steps, and in which time zone.
    pub fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.edges.len() - 1
    }

    /// Where each begins, and then the end of the last.
    pub fn edges(&self) -> impl Iterator<Item = Timestamp> {
        self.edges.iter().map(|edge| Timestamp::from_nanos(*edge))
    }

    /// Where step `at` begins; after the last step its end.
    pub fn start(&self, at: usize) -> Timestamp {
        let edge = self.edges.get(at).or(self.edges.last());
        Timestamp::from_nanos(edge.copied().unwrap_or_default())
    }

    /// The length of the longest.
    pub fn longest(&self) -> Span {
        let starts = self.edges();
        let lengths = starts.zip(self.edges().skip(1)).map(|(start, end)| end.since(start));
        lengths.max().unwrap_or_default()
    }

    /// [`CalendarSteps::edges`] in nanoseconds since the epoch.
    #[cfg_attr(not(feature = "store"), expect(dead_code, reason = "queries need the store"))]
    pub(crate) fn edges_nanos(&self) -> &[i64] {
        &self.edges
    }
}

impl fmt::Display for CalendarUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for CalendarUnit {
    type Err = Error;

    /// Reads `day`, `week`, `month`, `quarter` or `year`.
    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|unit| unit.word() == text).ok_or_else(|| {
            Error::invalid(format!(
                "{text:?} is no step of the calendar; write day, week, month, quarter or year"
            ))
        })
    }
}

impl fmt::Display for Calendar {
    /// A text that reads back as the same calendar, as `month in Europe/Berlin`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.unit, self.zone)
    }
}

impl FromStr for Calendar {
    type Err = Error;

    /// Reads `month`, which is in UTC, or `month in Europe/Berlin`.
    fn from_str(text: &str) -> Result<Self> {
        let (unit, zone) = match text.split_once(" in ") {
            Some((unit, zone)) => (unit, zone.parse()?),
            None => (text, Zone::UTC),
        };
        Ok(Self::new(unit.parse()?, zone))
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// The local starts of the steps of a range, and its end.
    fn edges(calendar: &str, start: &str, end: &str) -> Vec<String> {
        let calendar: Calendar = calendar.parse().unwrap();
        let steps = calendar.steps(TimeRange { start: at(start), end: at(end) }).unwrap();
        steps.edges().map(|edge| calendar.zone().show(edge)).collect()
    }

    fn hours(calendar: &str, start: &str, end: &str) -> Vec<f64> {
        let calendar: Calendar = calendar.parse().unwrap();
        let (start, end) = (calendar.floor(at(start)), calendar.ceil(at(end)));
        let steps = calendar.steps(TimeRange { start, end }).unwrap();
        (0..steps.count())
            .map(|step| steps.start(step + 1).since(steps.start(step)).seconds() / 3_600.0)
            .collect()
    }

    #[test]
    fn days_have_23_or_25_hours_where_clocks_change() {
        let days = |zone: &str, from, to| hours(&format!("day in {zone}"), from, to);
        assert_eq!(days("Europe/Berlin", "2013-03-30", "2013-04-01"), [24.0, 23.0, 24.0]);
        assert_eq!(days("Europe/Berlin", "2013-10-26", "2013-10-28"), [24.0, 25.0, 24.0]);
        // By half an hour; and at midnight, which does not exist then.
        let howe = days("Australia/Lord_Howe", "2013-10-05T14:00:00Z", "2013-10-05T15:00:00Z");
        assert_eq!(howe, [23.5]);
        let paulo = days("America/Sao_Paulo", "2018-11-03T12:00:00Z", "2018-11-05T02:00:00Z");
        assert_eq!(paulo, [24.0, 23.0]);
        // The 30th of December 2011 was left out: the 29th is followed by the 31st.
        let apia = days("Pacific/Apia", "2011-12-29T12:00:00Z", "2011-12-31T09:00:00Z");
        assert_eq!(apia, [24.0, 24.0]);
        assert_eq!(days("UTC", "2013-03-30", "2013-04-01"), [24.0, 24.0]);
    }

    #[test]
    fn edges_are_local_midnights_and_the_range_cuts_the_first_and_the_last() {
        assert_eq!(
            edges("month in Asia/Kolkata", "2013-11-30T18:00:00Z", "2014-01-02"),
            [
                "2013-11-30T23:30:00+05:30",
                "2013-12-01T00:00:00+05:30",
                "2014-01-01T00:00:00+05:30",
                "2014-01-02T05:30:00+05:30",
            ]
        );
        assert_eq!(
            edges("quarter", "2012-12-31", "2013-10-01"),
            ["2012-12-31", "2013-01-01", "2013-04-01", "2013-07-01", "2013-10-01"]
                .map(|date| format!("{date}T00:00:00Z"))
        );
        assert_eq!(
            edges("year in Europe/Berlin", "2011-12-31T23:00:00Z", "2013-06-01"),
            ["2012-01-01T00:00:00+01:00", "2013-01-01T00:00:00+01:00", "2013-06-01T02:00:00+02:00"]
        );
        // ISO week 1 of 2013 began on the last day of 2012.
        assert_eq!(
            edges("week", "2012-12-30", "2013-01-08"),
            ["2012-12-30", "2012-12-31", "2013-01-07", "2013-01-08"]
                .map(|date| format!("{date}T00:00:00Z"))
        );
        let none = TimeRange { start: at("2013-01-01"), end: at("2013-01-01") };
        assert!(Calendar::new(CalendarUnit::Day, Zone::UTC).steps(none).is_err());
    }

    #[test]
    fn months_have_their_own_lengths() {
        let months = hours("month", "2011-12-15", "2012-04-01");
        assert_eq!(months, [31, 31, 29, 31].map(|days| f64::from(days) * 24.0));
        let quarters = hours("quarter in Europe/Berlin", "2013-02-01", "2013-12-01");
        let expected = [90.0 * 24.0 - 1.0, 91.0 * 24.0, 92.0 * 24.0, 92.0 * 24.0 + 1.0];
        assert_eq!(quarters, expected);
    }

    #[test]
    fn a_clock_that_shows_the_day_before_once_more_begins_no_step_again() {
        // One minute past midnight of the 29th it was set back to 23:01 of the 28th.
        let days: Calendar = "day in America/St_Johns".parse().unwrap();
        let start = at("2006-10-29T00:00:00-02:30");
        for minutes in [0, 1, 30, 61] {
            let later = start.plus(Span::from_seconds(minutes * 60));
            assert_eq!(days.floor(later), start, "{minutes} minutes after midnight");
        }
        let before = start.minus(Span::from_nanos(1));
        assert_eq!(days.floor(before), at("2006-10-28T00:00:00-02:30"));
        assert_eq!(days.ceil(before), start);
    }

    #[test]
    fn all_of_time_has_steps() {
        for text in ["year in Asia/Tokyo", "day in America/New_York", "week"] {
            let calendar: Calendar = text.parse().unwrap();
            let steps = calendar.steps(TimeRange::ALL).unwrap();
            assert!(steps.edges().is_sorted_by(|a, b| a < b), "{text}");
            assert!((585..214_000).contains(&steps.count()), "{text} {}", steps.count());
            assert_eq!(calendar.floor(Timestamp::MIN), Timestamp::MIN);
            assert_eq!(calendar.ceil(Timestamp::MAX), Timestamp::MAX);
            assert_eq!(steps.start(usize::MAX), Timestamp::MAX);
        }
    }

    #[test]
    fn calendars_read_and_print_or_say_what_to_write() {
        for text in ["day in UTC", "month in Europe/Berlin", "week in +05:30"] {
            assert_eq!(text.parse::<Calendar>().unwrap().to_string(), text);
        }
        assert_eq!("month".parse::<Calendar>().unwrap().to_string(), "month in UTC");
        for (text, words) in [
            ("months", "write day, week, month, quarter or year"),
            ("", "write day, week, month, quarter or year"),
            ("month in Mars", "\"Mars\" is not a time zone known here"),
            ("month in ", "write an IANA name"),
            ("1d in UTC", "is no step of the calendar"),
        ] {
            let error = text.parse::<Calendar>().unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    /// The step of an instant as a clock and a calendar on the wall tell it.
    fn on_the_wall(unit: CalendarUnit, zone: &TimeZone, at: Timestamp) -> (i16, i16) {
        let day = zone.to_datetime(jiff::Timestamp::from_nanosecond(at.nanos().into()).unwrap());
        let week = day.date().iso_week_date();
        match unit {
            CalendarUnit::Day => (day.year(), day.day_of_year()),
            CalendarUnit::Week => (week.year(), week.week().into()),
            CalendarUnit::Month => (day.year(), day.month().into()),
            CalendarUnit::Quarter => (day.year(), i16::from(day.month() - 1) / 3),
            CalendarUnit::Year => (day.year(), 0),
        }
    }

    proptest! {
        /// Zones with every kind of change of their clocks but those over midnight.
        #[test]
        fn a_step_is_what_a_clock_calls_by_one_name(
            seconds in -1_500_000_000_i64..4_000_000_000, nanos in 0_i64..1_000_000_000,
            unit in proptest::sample::select(CalendarUnit::ALL.to_vec()),
            name in proptest::sample::select(vec![
                "UTC", "Europe/Berlin", "America/Sao_Paulo", "Asia/Kolkata", "America/Havana",
                "Australia/Lord_Howe", "Pacific/Apia", "Pacific/Chatham", "Asia/Beirut",
            ]),
        ) {
            let calendar = Calendar::new(unit, name.parse().unwrap());
            let zone = TimeZone::get(name).unwrap();
            let wall = |at| on_the_wall(unit, &zone, at);
            let at = Timestamp::from_nanos(seconds * 1_000_000_000 + nanos);
            let (start, next) = (calendar.floor(at), calendar.ceil(at.plus(Span::from_nanos(1))));
            let just = Span::from_nanos(1);
            prop_assert!(start <= at && at < next);
            prop_assert_eq!(wall(start), wall(at));
            prop_assert_eq!(wall(next.minus(just)), wall(at));
            prop_assert_ne!(wall(start.minus(just)), wall(at));
            prop_assert_ne!(wall(next), wall(at));
            prop_assert_eq!(calendar.ceil(start), start);
        }
    }
}
