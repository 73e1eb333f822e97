//! Instants, spans and ranges. All time is nanoseconds since 1970-01-01T00:00:00Z; a range is
//! `[start, end)`.

use std::fmt;
use std::str::FromStr;

use jiff::tz::TimeZone;

use crate::error::{Error, Result};

/// An instant: nanoseconds since the epoch, UTC. Covers the years 1678 to 2262.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    serde::Serialize,
    serde::Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(i64);

/// A length of time in nanoseconds, never negative. That between any two instants is exact, also
/// where it is over the 292 years that an `i64` holds.
///
/// ```
/// use plimsoll::Span;
/// let span: Span = "1h30m".parse()?;
/// assert_eq!(span.nanos(), 5_400_000_000_000);
/// assert_eq!(span.to_string(), "1h30m");
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span(u64);

/// A half-open range of time: `start` is in, `end` is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct TimeRange {
    /// First instant inside.
    pub start: Timestamp,
    /// First instant after.
    pub end: Timestamp,
}

impl Timestamp {
    /// The earliest instant.
    pub const MIN: Self = Self(i64::MIN);
    /// The latest instant.
    pub const MAX: Self = Self(i64::MAX);

    /// From nanoseconds since the epoch.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// From whole seconds since the epoch; saturates at the ends of the range.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000_000))
    }

    /// Nanoseconds since the epoch.
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// This instant plus a span; saturates at [`Timestamp::MAX`].
    #[must_use]
    pub const fn plus(self, span: Span) -> Self {
        Self(self.0.saturating_add_unsigned(span.0))
    }

    /// This instant minus a span; saturates at [`Timestamp::MIN`].
    #[must_use]
    pub const fn minus(self, span: Span) -> Self {
        Self(self.0.saturating_sub_unsigned(span.0))
    }

    /// The span from `earlier` to this instant; zero where `earlier` is later.
    pub const fn since(self, earlier: Self) -> Span {
        Span(if self.0 <= earlier.0 { 0 } else { self.0.abs_diff(earlier.0) })
    }

    /// The last multiple of `step` since the epoch at or before this instant; saturates at
    /// [`Timestamp::MIN`], which is no multiple.
    #[must_use]
    pub const fn floor(self, step: Span) -> Self {
        if step.0 == 0 {
            return self;
        }
        Self(self.0.saturating_sub_unsigned(self.past_multiple(step)))
    }

    /// The first multiple of `step` since the epoch at or after this instant; saturates at
    /// [`Timestamp::MAX`], which is no multiple.
    #[must_use]
    pub const fn ceil(self, step: Span) -> Self {
        if step.0 == 0 {
            return self;
        }
        match self.past_multiple(step) {
            0 => self,
            // Not from the multiple before it, which may be earlier than the earliest instant.
            past => Self(self.0.saturating_add_unsigned(step.0 - past)),
        }
    }

    /// Nanoseconds since the last multiple of `step`, which is not zero.
    const fn past_multiple(self, step: Span) -> u64 {
        if step.0 <= i64::MAX as u64 {
            return self.0.rem_euclid(step.0 as i64) as u64;
        }
        (self.0 as i128).rem_euclid(step.0 as i128) as u64
    }

    /// The calendar date in UTC, as `2013-08-31`.
    pub fn date(self) -> String {
        self.civil().strftime("%Y-%m-%d").to_string()
    }

    pub(super) fn civil(self) -> jiff::Timestamp {
        jiff::Timestamp::from_nanosecond(i128::from(self.0)).unwrap_or_default()
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC, with as many fractional digits as are needed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.civil())
    }
}

impl FromStr for Timestamp {
    type Err = Error;

    /// Reads `2013-08-01`, `2013-08-01T12:00:00Z` or `2013-08-01T12:00:00+02:00`. A time of day
    /// without a zone is refused: guessing one would move every date that follows from it.
    fn from_str(text: &str) -> Result<Self> {
        let instant = match text.parse::<jiff::civil::Date>() {
            Ok(date) if text.len() == 10 => {
                TimeZone::UTC.to_timestamp(date.to_datetime(jiff::civil::Time::midnight()))
            }
            _ => text.parse::<jiff::Timestamp>(),
        };
        let refused = || {
            Error::invalid(format!(
                "{text:?} is not a time; write 2013-08-01, or 2013-08-01T12:00:00Z with its zone"
            ))
        };
        let nanos = instant.map_err(|_| refused())?.as_nanosecond();
        i64::try_from(nanos).map(Self).map_err(|_| {
            let (first, last) = (Self::MIN.date(), Self::MAX.date());
            Error::invalid(format!("{text:?} is out of reach: times are from {first} to {last}"))
        })
    }
}

/// Unit letters with their nanoseconds, longest first. A month is no fixed length, so none is here.
const SPAN_UNITS: [(&str, u64); 8] = [
    ("w", 7 * 86_400_000_000_000),
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// One second.
    pub const SECOND: Self = Self(1_000_000_000);
    /// One minute.
    pub const MINUTE: Self = Self(60 * 1_000_000_000);
    /// One hour.
    pub const HOUR: Self = Self(3_600 * 1_000_000_000);
    /// 24 hours.
    pub const DAY: Self = Self(86_400 * 1_000_000_000);
    /// Seven days.
    pub const WEEK: Self = Self(7 * 86_400 * 1_000_000_000);

    /// From nanoseconds; negative ones become zero.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(if nanos < 0 { 0 } else { nanos as u64 })
    }

    /// From whole seconds; saturates.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self::from_nanos(seconds.saturating_mul(1_000_000_000))
    }

    /// From whole days; saturates.
    pub const fn from_days(days: i64) -> Self {
        Self::from_nanos(days.saturating_mul(Self::DAY.0 as i64))
    }

    /// Nanoseconds; `i64::MAX` for a span over 292 years. What is counted or divided by goes by
    /// [`Span::nanos_unsigned`], or by [`Span::whole`].
    pub const fn nanos(self) -> i64 {
        if self.0 > i64::MAX as u64 { i64::MAX } else { self.0 as i64 }
    }

    /// Nanoseconds, all of them.
    pub const fn nanos_unsigned(self) -> u64 {
        self.0
    }

    /// So many of this span, one after another; saturates.
    #[must_use]
    pub const fn times(self, count: usize) -> Self {
        Self(self.0.saturating_mul(count as u64))
    }

    /// How many times `step` lies whole in this span; 0 for a step of no length.
    ///
    /// ```
    /// use plimsoll::{Span, TimeRange};
    /// assert_eq!(Span::DAY.whole(Span::from_seconds(7 * 3_600)), 3);
    /// assert_eq!(TimeRange::ALL.span().whole(Span::DAY), 213_503);
    /// ```
    pub const fn whole(self, step: Self) -> u64 {
        match self.0.checked_div(step.0) {
            Some(count) => count,
            None => 0,
        }
    }

    /// Seconds, with fractions.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// Days of 24 hours, with fractions.
    pub fn days(self) -> f64 {
        self.0 as f64 / Self::DAY.0 as f64
    }

    /// Whether this is no time at all.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl FromStr for Span {
    type Err = Error;

    /// Reads `90s`, `5m`, `1h30m`, `30d`, `2w`, `250ms`.
    fn from_str(text: &str) -> Result<Self> {
        let refused = || {
            Error::invalid(format!(
                "{text:?} is not a length of time; write a number with w, d, h, m, s, ms, us or \
                 ns, as in 5m or 1h30m"
            ))
        };
        let mut rest = text.trim();
        let mut total = 0_u64;
        if rest.is_empty() {
            return Err(refused());
        }
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (number, tail) = rest.split_at(digits);
            let letters = tail.bytes().take_while(u8::is_ascii_alphabetic).count();
            let (unit, tail) = tail.split_at(letters);
            let number: u64 = number.parse().map_err(|_| refused())?;
            let (_, nanos) = SPAN_UNITS.iter().find(|u| u.0 == unit).ok_or_else(refused)?;
            let part = number.checked_mul(*nanos).ok_or_else(refused)?;
            total = total.checked_add(part).ok_or_else(refused)?;
            rest = tail;
        }
        // What is written down is no longer than `i64` nanoseconds, so that `nanos` is all of it.
        i64::try_from(total).map(Self::from_nanos).map_err(|_| refused())
    }
}

impl fmt::Display for Span {
    /// The fewest whole units: `1h30m`, `90d`; `0s` for none. Weeks are printed as days.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.0;
        for (unit, nanos) in SPAN_UNITS.iter().skip(1) {
            if rest >= *nanos {
                write!(f, "{}{unit}", rest / nanos)?;
                rest %= nanos;
            }
        }
        Ok(())
    }
}

impl serde::Serialize for Span {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Reads what can be written down by hand: a span of over 292 years, which only a range of nearly
/// all of time has, is printed and not read back.
impl<'de> serde::Deserialize<'de> for Span {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl TimeRange {
    /// All of time.
    pub const ALL: Self = Self { start: Timestamp::MIN, end: Timestamp::MAX };

    /// `[start, end)`; an end before the start is an error.
    pub fn new(start: Timestamp, end: Timestamp) -> Result<Self> {
        if end < start {
            return Err(Error::invalid(format!(
                "the range ends at {end}, before its start {start}"
            )));
        }
        Ok(Self { start, end })
    }

    /// Whether `at` lies inside.
    pub fn contains(self, at: Timestamp) -> bool {
        self.start <= at && at < self.end
    }

    /// Whether the two ranges share an instant.
    pub fn overlaps(self, other: Self) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// The span from start to end.
    pub fn span(self) -> Span {
        self.end.since(self.start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_and_print() {
        for (text, nanos, printed) in [
            ("5m", 300_000_000_000, "5m"),
            ("90s", 90_000_000_000, "1m30s"),
            ("2w", 14 * 86_400_000_000_000, "14d"),
            ("250ms", 250_000_000, "250ms"),
        ] {
            let span: Span = text.parse().unwrap();
            assert_eq!((span.nanos(), span.to_string().as_str()), (nanos, printed));
        }
        for text in ["", "5", "m", "5x", "-5m", "1.5h", "99999999999w", "5 m"] {
            assert!(text.parse::<Span>().is_err(), "{text:?} should be refused");
        }
    }

    #[test]
    fn timestamps_read_and_print() {
        let at: Timestamp = "2013-08-01T02:00:00+02:00".parse().unwrap();
        assert_eq!(at.to_string(), "2013-08-01T00:00:00Z");
        assert_eq!(at, "2013-08-01".parse().unwrap());
        assert_eq!(at.date(), "2013-08-01");
        assert!("2013-08-01T00:00:00".parse::<Timestamp>().is_err(), "no zone");
        assert!("yesterday".parse::<Timestamp>().is_err());
        for text in ["2500-01-01", "1677-01-01T00:00:00Z", "2262-04-12"] {
            let why = text.parse::<Timestamp>().unwrap_err().to_string();
            let range = "is out of reach: times are from 1677-09-21 to 2262-04-11";
            assert_eq!(why, format!("{text:?} {range}"));
        }
        assert_eq!(Timestamp::MIN.to_string().get(..4), Some("1677"));
    }

    #[test]
    fn floor_goes_down_before_the_epoch_too() {
        assert_eq!(Timestamp::from_nanos(-1).floor(Span::DAY).nanos(), -Span::DAY.nanos());
        assert_eq!(Timestamp::from_seconds(86_399).floor(Span::DAY).nanos(), 0);
        assert_eq!(Timestamp::from_nanos(-1).ceil(Span::DAY).nanos(), 0);
        assert_eq!(Timestamp::MIN.ceil(Span::DAY).to_string(), "1677-09-22T00:00:00Z");
        assert_eq!(Timestamp::MIN.floor(Span::DAY), Timestamp::MIN);
        assert_eq!(Timestamp::MAX.ceil(Span::DAY), Timestamp::MAX);
    }

    #[test]
    fn a_span_between_any_two_instants_is_exact() {
        let (min, max) = (Timestamp::MIN, Timestamp::MAX);
        let all = TimeRange::ALL.span();
        assert_eq!((all.nanos_unsigned(), all.nanos()), (u64::MAX, i64::MAX));
        assert_eq!((max.since(min), min.since(max)), (all, Span::ZERO));
        assert_eq!((min.plus(all), max.minus(all)), (max, min));
        assert_eq!(max.since(Timestamp::from_nanos(-1)).nanos_unsigned(), 1 << 63);
        assert_eq!(all.whole(Span::from_nanos(1)), u64::MAX);
        assert_eq!((all.whole(all), all.whole(Span::ZERO), Span::DAY.whole(all)), (1, 0, 0));
        assert_eq!(Span::DAY.times(usize::MAX), all);
        assert_eq!(all.seconds(), 2_f64.powi(64) / 1e9);
        assert_eq!(all.to_string(), "213503d23h34m33s709ms551us615ns");
        // A step longer than half of all time.
        let step = max.since(Timestamp::from_nanos(-10));
        assert_eq!(Timestamp::from_nanos(-5).floor(step), min);
        assert_eq!(Timestamp::from_nanos(5).floor(step).nanos(), 0);
        assert_eq!(Timestamp::from_nanos(5).ceil(step), max);
        assert_eq!(Timestamp::from_nanos(-5).ceil(step).nanos(), 0);
    }
}
