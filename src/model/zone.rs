//! Time zones: which instants local times are.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

use super::Timestamp;
use crate::error::{Error, Result};

/// A time zone: an IANA name, `UTC`, or an offset.
///
/// ```
/// use plimsoll::Zone;
/// let zone: Zone = "Europe/Berlin".parse()?;
/// assert_eq!(zone.show("2013-07-31T22:00:00Z".parse()?), "2013-08-01T00:00:00+02:00");
/// // A date is its first instant, and a time with an offset is what it is anywhere.
/// assert_eq!(zone.time("2013-08-01")?, "2013-07-31T22:00:00Z".parse()?);
/// assert_eq!(zone.time("2013-08-01T00:00:00Z")?, "2013-08-01".parse()?);
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Self = Self(TimeZone::UTC);

    /// An instant as local time with its offset, as RFC 3339 writes it; in UTC with a `Z`.
    pub fn show(&self, at: Timestamp) -> String {
        if *self == Self::UTC {
            return at.to_string();
        }
        let at = at.civil();
        at.display_with_offset(self.0.to_offset(at)).to_string()
    }

    /// Reads what [`Timestamp`] reads, but a date as its first instant in this zone.
    pub fn time(&self, text: &str) -> Result<Timestamp> {
        let at: Timestamp = text.parse()?;
        match text.parse() {
            Ok(date) if text.len() == 10 => self.start_of(date).ok_or_else(|| {
                Error::invalid(format!("{text} is too late in {self}; write a date before 2262"))
            }),
            _ => Ok(at),
        }
    }

    /// The date that a clock shows at an instant.
    pub(super) fn date(&self, at: Timestamp) -> Date {
        self.0.to_datetime(at.civil()).date()
    }

    /// The first instant at which a clock shows a date, or a later one where it never does:
    /// midnight, or what the clock is set to where there is none. `None` after all of time.
    pub(super) fn start_of(&self, date: Date) -> Option<Timestamp> {
        let midnight = self.0.to_ambiguous_timestamp(date.to_datetime(Time::midnight()));
        let start = match midnight.offset() {
            // The clock passes over midnight where it is set forward.
            AmbiguousOffset::Gap { .. } => {
                let after = midnight.later().ok()?;
                let behind = after.checked_add(jiff::SignedDuration::from_nanos(1)).ok()?;
                self.0.preceding(behind).next().map_or(after, |change| change.timestamp())
            }
            _ => midnight.earlier().ok()?,
        };
        let nanos = start.as_nanosecond().max(i128::from(i64::MIN));
        i64::try_from(nanos).ok().map(Timestamp::from_nanos)
    }

    /// The instant of a local time; `None` where clocks show it twice or never.
    pub(crate) fn only_instant(&self, local: DateTime) -> Option<jiff::Timestamp> {
        self.0.to_ambiguous_timestamp(local).unambiguous().ok()
    }
}

impl fmt::Display for Zone {
    /// A text that reads back as the same zone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.iana_name(), self.0.to_fixed_offset()) {
            (Some(name), _) => f.write_str(name),
            (None, Ok(offset)) => {
                let sign = if offset.is_negative() { '-' } else { '+' };
                let minutes = offset.seconds().abs() / 60;
                write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
            }
            (None, Err(_)) => f.write_str("a zone without a name"),
        }
    }
}

impl FromStr for Zone {
    type Err = Error;

    /// Reads `UTC`, `Europe/Berlin` (any IANA name), `+02:00` or `-0530`.
    fn from_str(text: &str) -> Result<Self> {
        let zone = match text {
            "UTC" | "Z" => Some(TimeZone::UTC),
            _ if text.starts_with(['+', '-']) => offset(text).map(TimeZone::fixed),
            _ => TimeZone::get(text).ok(),
        };
        zone.map(Self).ok_or_else(|| {
            Error::invalid(format!(
                "{text:?} is not a time zone known here; write an IANA name such as \
                 Europe/Berlin, UTC, or an offset such as +02:00"
            ))
        })
    }
}

/// Reads `+hh`, `+hhmm` or `+hh:mm`.
fn offset(text: &str) -> Option<Offset> {
    let (sign, digits) = text.split_at_checked(1)?;
    let (hours, minutes) = digits.split_at_checked(2)?;
    let minutes = minutes.strip_prefix(':').unwrap_or(minutes);
    let number = |text: &str| {
        let good = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
        text.parse::<i32>().ok().filter(|_| good)
    };
    let minutes = if digits.len() == 2 { 0 } else { number(minutes).filter(|m| *m < 60)? };
    let seconds = number(hours)? * 3_600 + minutes * 60;
    Offset::from_seconds(if sign == "-" { -seconds } else { seconds }).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn zones_read_and_print_or_say_what_to_write() {
        for (text, seconds, printed) in [
            ("+02:00", 7_200, "+02:00"),
            ("-0530", -19_800, "-05:30"),
            ("+01", 3_600, "+01:00"),
            ("-00", 0, "UTC"),
        ] {
            let zone: Zone = text.parse().unwrap();
            assert_eq!(zone, Zone(TimeZone::fixed(Offset::from_seconds(seconds).unwrap())));
            assert_eq!(zone.to_string(), printed);
            assert_eq!(printed.parse::<Zone>().unwrap(), zone);
        }
        for text in ["UTC", "Europe/Berlin", "America/St_Johns", "CET"] {
            assert_eq!(text.parse::<Zone>().unwrap().to_string(), text);
        }
        assert_eq!("UTC".parse::<Zone>().unwrap(), Zone::UTC);
        for text in ["", "+", "+1", "+1:00", "+01:60", "+01:0", "+99:00", "Mars", "+-1:00", "+é1"]
        {
            let error = text.parse::<Zone>().unwrap_err().to_string();
            assert!(error.contains("write an IANA name"), "{error}");
        }
    }

    #[test]
    fn times_are_shown_and_read_as_clocks_show_them() {
        for (zone, instant, shown) in [
            ("UTC", "2013-08-01T00:00:00Z", "2013-08-01T00:00:00Z"),
            ("Europe/London", "2013-01-01T00:00:00Z", "2013-01-01T00:00:00+00:00"),
            ("Asia/Kolkata", "2013-08-01T00:00:00.5Z", "2013-08-01T05:30:00.5+05:30"),
            ("-03:00", "2013-08-01T00:00:00Z", "2013-07-31T21:00:00-03:00"),
        ] {
            let zone: Zone = zone.parse().unwrap();
            let at: Timestamp = instant.parse().unwrap();
            assert_eq!(zone.show(at), shown);
            assert_eq!(zone.time(shown).unwrap(), at);
        }
        let berlin: Zone = "Europe/Berlin".parse().unwrap();
        assert_eq!(berlin.time("2013-01-01").unwrap(), "2012-12-31T23:00:00Z".parse().unwrap());
        assert!(berlin.time("2013-01-01T00:00:00").is_err(), "which offset?");
        assert!(berlin.time("2013-1-1").is_err());
        let west: Zone = "-12:00".parse().unwrap();
        assert!(west.time("2262-04-11").unwrap() > Timestamp::MAX.floor(crate::Span::DAY));
        assert_eq!(west.time("2262-04-12").is_err(), "2262-04-12".parse::<Timestamp>().is_err());
    }

    #[test]
    fn a_day_begins_when_a_clock_first_shows_it() {
        for (zone, date, first) in [
            ("Europe/Berlin", "2013-03-31", "2013-03-31T00:00:00+01:00"),
            // Set forward at midnight, and half an hour before it.
            ("America/Sao_Paulo", "2018-11-04", "2018-11-04T01:00:00-02:00"),
            ("America/Toronto", "1919-03-31", "1919-03-31T00:30:00-04:00"),
            // Set back from one to midnight, and from a minute past it to the day before.
            ("America/Havana", "2023-11-05", "2023-11-05T00:00:00-04:00"),
            ("America/St_Johns", "2006-10-29", "2006-10-29T00:00:00-02:30"),
            // A day that never was.
            ("Pacific/Apia", "2011-12-30", "2011-12-31T00:00:00+14:00"),
        ] {
            let zone: Zone = zone.parse().unwrap();
            let start = zone.start_of(date.parse().unwrap()).unwrap();
            assert_eq!(zone.show(start), first);
            assert!(zone.date(start.minus(crate::Span::from_nanos(1))) < date.parse().unwrap());
        }
    }

    proptest! {
        #[test]
        fn any_zone_is_read_or_refused(text in "[-+0-9.:TZ /]{0,30}") {
            let _ = text.parse::<Zone>();
        }
    }
}
