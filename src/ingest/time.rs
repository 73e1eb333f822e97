//! Times as text: epochs in a unit, or calendar times in a zone. Nothing is guessed where two
//! readings are possible.

use std::fmt;
use std::str::FromStr;

use jiff::ZonedDateTime;
use jiff::civil::{DateTime, Time};
use jiff::fmt::temporal::{Pieces, TimeZoneAnnotation, TimeZoneAnnotationKind};
use jiff::tz::Offset;

use super::report::{Reason, Refusal, Trouble, shown};
use crate::error::{Error, Result};
use crate::model::Zone;

/// The years in which an epoch without a stated unit must lie, in seconds: 2000 to 2100.
const PLAUSIBLE_SECONDS: std::ops::Range<i64> = 946_684_800..4_102_444_800;

/// The unit of an integer epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeUnit {
    /// Seconds.
    Seconds,
    /// Thousandths of a second.
    Milliseconds,
    /// Millionths of a second.
    Microseconds,
    /// Billionths of a second.
    Nanoseconds,
}

/// How times are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeForm {
    /// A number since 1970-01-01T00:00:00Z.
    Epoch(TimeUnit),
    /// Calendar text.
    Text,
}

/// What is known about the times of a table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TimeOptions {
    /// The header of the time column; found by its name where `None`.
    pub column: Option<String>,
    /// How times are written; found from the first one where `None` and only one reading is
    /// possible.
    pub form: Option<TimeForm>,
    /// The zone of calendar times without one; they are refused where `None`.
    pub zone: Option<Zone>,
    /// A pattern of calendar times in `strptime` letters (`%d.%m.%Y %H:%M`), where they are not
    /// written as in RFC 3339 or ISO 8601.
    pub format: Option<String>,
}

impl TimeUnit {
    const ALL: [Self; 4] =
        [Self::Seconds, Self::Milliseconds, Self::Microseconds, Self::Nanoseconds];

    /// Nanoseconds of one.
    pub const fn nanos(self) -> i64 {
        match self {
            Self::Seconds => 1_000_000_000,
            Self::Milliseconds => 1_000_000,
            Self::Microseconds => 1_000,
            Self::Nanoseconds => 1,
        }
    }

    const fn letters(self) -> &'static str {
        match self {
            Self::Seconds => "s",
            Self::Milliseconds => "ms",
            Self::Microseconds => "us",
            Self::Nanoseconds => "ns",
        }
    }

    /// The unit that a word of a header names.
    pub(super) fn from_word(word: &str) -> Option<Self> {
        Some(match word.to_lowercase().as_str() {
            "s" | "sec" | "secs" | "second" | "seconds" => Self::Seconds,
            "ms" | "msec" | "millis" | "millisecond" | "milliseconds" => Self::Milliseconds,
            "us" | "µs" | "usec" | "micros" | "microsecond" | "microseconds" => Self::Microseconds,
            "ns" | "nsec" | "nanos" | "nanosecond" | "nanoseconds" => Self::Nanoseconds,
            _ => return None,
        })
    }

    /// The only unit that puts an epoch into the plausible years; their ranges do not meet.
    pub(super) fn plausible(text: &[u8]) -> Option<Self> {
        let fits = |unit: &Self| epoch_nanos(text, *unit).is_ok_and(is_plausible);
        Self::ALL.into_iter().find(fits)
    }
}

impl fmt::Display for TimeUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.letters())
    }
}

impl FromStr for TimeUnit {
    type Err = Error;

    /// Reads `s`, `ms`, `us` or `ns`.
    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|unit| unit.letters() == text).ok_or_else(|| {
            Error::invalid(format!("{text:?} is not a time unit; write s, ms, us or ns"))
        })
    }
}

impl FromStr for TimeForm {
    type Err = Error;

    /// Reads `s`, `ms`, `us`, `ns` or `text`.
    fn from_str(text: &str) -> Result<Self> {
        if text == "text" {
            return Ok(Self::Text);
        }
        text.parse().map(Self::Epoch).map_err(|_| {
            Error::invalid(format!("{text:?} is not a form of time; write s, ms, us, ns or text"))
        })
    }
}

/// Reads the cells of one file's time column.
#[derive(Debug)]
pub(super) struct Clock<'a> {
    options: &'a TimeOptions,
    header: &'a str,
    /// The unit that the header names.
    hint: Option<TimeUnit>,
    form: Option<TimeForm>,
    /// Whether the form was found from the first time rather than given.
    found: bool,
    /// Whether a time has been read.
    started: bool,
    /// The last calendar time and its instant: long tables repeat it row after row.
    last: (Vec<u8>, i64),
}

impl<'a> Clock<'a> {
    pub(super) fn new(
        options: &'a TimeOptions,
        header: &'a str,
        hint: Option<TimeUnit>,
    ) -> Result<Self> {
        let form = match (&options.format, options.form) {
            (Some(_), Some(TimeForm::Epoch(unit))) => {
                return Err(Error::invalid(format!(
                    "a time format is for calendar times and a unit ({unit}) for numbers; give one"
                )));
            }
            (Some(_), _) => Some(TimeForm::Text),
            (None, form) => form,
        };
        Ok(Self {
            options,
            header,
            hint,
            form,
            found: false,
            started: false,
            last: (Vec::new(), 0),
        })
    }

    /// Nanoseconds since the epoch.
    pub(super) fn read(&mut self, cell: &[u8]) -> Result<i64, Trouble> {
        if !self.last.0.is_empty() && self.last.0 == cell {
            return Ok(self.last.1);
        }
        let form = match self.form {
            Some(form) => form,
            None => self.find_form(cell)?,
        };
        let nanos = match form {
            TimeForm::Text => self.calendar_nanos(cell)?,
            TimeForm::Epoch(unit) => epoch_nanos(cell, unit).map_err(|why| {
                refused(format!("the time {} does not read in {unit}: {why}", shown(cell)))
            })?,
        };
        if self.found && form != TimeForm::Text && !is_plausible(nanos) {
            return Err(refused(format!(
                "the time {} is not between 2000 and 2100 in the unit of the first line; if it is \
                 right, give the unit (--time-unit)",
                shown(cell)
            ))
            .into());
        }
        if nanos == i64::MAX {
            return Err(refused("the time is the last instant there is, which is reserved").into());
        }
        self.form = Some(form);
        self.started = true;
        if form == TimeForm::Text {
            self.last.0.clear();
            self.last.0.extend_from_slice(cell);
            self.last.1 = nanos;
        }
        Ok(nanos)
    }

    /// The form of the first time, if it has only one reading.
    fn find_form(&mut self, cell: &[u8]) -> Result<TimeForm, Trouble> {
        let digits = cell.strip_prefix(b"-").unwrap_or(cell);
        self.found = true;
        if digits.is_empty() || !digits.iter().all(|b| b.is_ascii_digit() || *b == b'.') {
            return Ok(TimeForm::Text);
        }
        let header = shown(self.header.as_bytes());
        let time = shown(cell);
        let remedy = "give the unit: --time-unit s (or ms, us, ns), or `unit` under [time] in the \
                      mapping file";
        match (TimeUnit::plausible(cell), self.hint) {
            (Some(unit), None) => Ok(TimeForm::Epoch(unit)),
            (Some(unit), Some(hint)) if unit == hint => Ok(TimeForm::Epoch(unit)),
            (Some(unit), Some(hint)) => Err(Trouble::File(format!(
                "the header {header} says {hint}, but {time} is a time between 2000 and 2100 only \
                 in {unit}; {remedy}"
            ))),
            (None, _) => Err(Trouble::File(format!(
                "the time {time} is between 2000 and 2100 in no unit, so its unit cannot be told; \
                 {remedy}"
            ))),
        }
    }

    fn calendar_nanos(&self, cell: &[u8]) -> Result<i64, Trouble> {
        let unreadable = || {
            let wanted = match &self.options.format {
                Some(format) => format!("the pattern {format:?}"),
                None if cell.contains(&b'[') => "a time in a zone known here, with the offset of \
                                                 that zone or none"
                    .to_owned(),
                None => "2013-08-01T12:00:00Z or 2013-08-01 12:00:00; another form needs \
                         --time-format"
                    .to_owned(),
            };
            refused(format!("the time {} does not read as {wanted}", shown(cell)))
        };
        let text = std::str::from_utf8(cell).map_err(|_| unreadable())?;
        let read = match &self.options.format {
            Some(format) => patterned(format, text),
            None => standard(text),
        };
        let instant = match read.ok_or_else(unreadable)? {
            Calendar::Instant(instant) => instant,
            Calendar::Local(local, Some(zone)) => only_instant(&zone, local, text)?,
            Calendar::Local(local, None) => self.localize(local, text)?,
        };
        i64::try_from(instant.as_nanosecond())
            .map_err(|_| refused(format!("the time {text:?} is outside 1678 to 2262")).into())
    }

    fn localize(&self, local: DateTime, text: &str) -> Result<jiff::Timestamp, Trouble> {
        let Some(zone) = &self.options.zone else {
            let what = format!(
                "the time {text:?} has no zone; give it: --zone UTC (or Europe/Berlin, +02:00), or \
                 `zone` under [time] in the mapping file"
            );
            // Before the first good time the whole file is in doubt, later only this line is.
            let in_doubt = !self.started;
            return Err(if in_doubt { Trouble::File(what) } else { refused(what).into() });
        };
        Ok(only_instant(zone, local, text)?)
    }
}

/// The instant of a local time, which must be there once.
fn only_instant(zone: &Zone, local: DateTime, text: &str) -> Result<jiff::Timestamp, Refusal> {
    zone.only_instant(local).ok_or_else(|| {
        refused(format!(
            "the time {text:?} occurs twice or never in its zone, as its clocks change then; \
             export times in UTC"
        ))
    })
}

/// A calendar time.
enum Calendar {
    /// With its offset.
    Instant(jiff::Timestamp),
    /// Local time, with the zone that the text names, if any.
    Local(DateTime, Option<Zone>),
}

/// Reads RFC 3339 or ISO 8601, also with a zone in brackets, as in RFC 9557. What a text says of
/// its zone is never passed over: where it does not fit together, there is no reading.
fn standard(text: &str) -> Option<Calendar> {
    let in_utc = [" UTC", " GMT"].iter().find_map(|suffix| text.strip_suffix(suffix));
    if in_utc.is_none()
        && !text.contains('[')
        && let Ok(instant) = text.parse()
    {
        return Some(Calendar::Instant(instant));
    }
    let pieces = Pieces::parse(in_utc.unwrap_or(text)).ok()?;
    let local = pieces.date().to_datetime(pieces.time().unwrap_or(Time::midnight()));
    let (offset, zone) = (pieces.to_numeric_offset(), zone_of(&pieces).ok()?);
    match (in_utc, offset, zone) {
        (Some(_), None | Some(Offset::UTC), None) => Some(Calendar::Local(local, Some(Zone::UTC))),
        (None, None, zone) => Some(Calendar::Local(local, zone)),
        (None, Some(offset), None) => Some(Calendar::Instant(offset.to_timestamp(local).ok()?)),
        // An offset that is not the zone's at that time is refused by the parser.
        (None, Some(_), Some(_)) => {
            let zoned: ZonedDateTime = text.parse().ok()?;
            Some(Calendar::Instant(zoned.timestamp()))
        }
        _ => None,
    }
}

/// The zone in brackets behind a time, if there is one; an error where it is not known.
fn zone_of(pieces: &Pieces<'_>) -> Result<Option<Zone>> {
    let zone = |annotation: &TimeZoneAnnotation<'_>| match annotation.kind() {
        TimeZoneAnnotationKind::Named(name) => name.as_str().parse(),
        TimeZoneAnnotationKind::Offset(offset) => offset.to_string().parse(),
        _ => Err(Error::invalid("a zone of another kind")),
    };
    pieces.time_zone_annotation().map(zone).transpose()
}

/// Reads a text by a pattern, which may take an offset (`%z`) or the name of a zone (`%Q`).
fn patterned(format: &str, text: &str) -> Option<Calendar> {
    let parts = jiff::fmt::strtime::parse(format, text).ok()?;
    match (parts.offset(), parts.iana_time_zone()) {
        (None, None) => match parts.to_timestamp() {
            Ok(instant) => Some(Calendar::Instant(instant)),
            Err(_) => Some(Calendar::Local(parts.to_datetime().ok()?, None)),
        },
        (None, Some(zone)) => {
            Some(Calendar::Local(parts.to_datetime().ok()?, Some(zone.parse().ok()?)))
        }
        (Some(_), None) => parts.to_timestamp().ok().map(Calendar::Instant),
        (Some(_), Some(_)) => {
            parts.to_zoned_datetime().ok().map(|zoned| Calendar::Instant(zoned.timestamp()))
        }
    }
}

fn refused(what: impl Into<String>) -> Refusal {
    Refusal::new(Reason::Time, what)
}

/// Whether an instant lies in the years 2000 to 2100, as one must whose unit was not stated.
pub(super) fn is_plausible(nanos: i64) -> bool {
    PLAUSIBLE_SECONDS.contains(&nanos.div_euclid(1_000_000_000))
}

/// The exact nanoseconds of an epoch written as `-?digits[.digits]`.
pub(super) fn epoch_nanos(text: &[u8], unit: TimeUnit) -> Result<i64, &'static str> {
    const RANGE: &str = "outside 1678 to 2262";
    const FORM: &str = "write digits only";
    let (negative, mut rest) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        _ => (false, text),
    };
    if rest.is_empty() {
        return Err("it is empty");
    }
    let mut nanos = 0_i64;
    while let Some((digit @ b'0'..=b'9', behind)) = rest.split_first() {
        let more = nanos.checked_mul(10).and_then(|n| n.checked_add(i64::from(digit - b'0')));
        nanos = more.ok_or(RANGE)?;
        rest = behind;
    }
    nanos = nanos.checked_mul(unit.nanos()).ok_or(RANGE)?;
    let fraction = match rest.split_first() {
        None => &[][..],
        Some((b'.', fraction)) if rest.len() < text.len() => fraction,
        Some(_) => return Err(FORM),
    };
    let mut weight = unit.nanos();
    for byte in fraction {
        let digit = byte.checked_sub(b'0').filter(|d| *d < 10).ok_or(FORM)?;
        weight /= 10;
        if weight == 0 && digit != 0 {
            return Err("it is finer than a nanosecond");
        }
        nanos = nanos.checked_add(i64::from(digit) * weight).ok_or(RANGE)?;
    }
    Ok(if negative { -nanos } else { nanos })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn forms_read_or_say_what_to_write() {
        assert_eq!("us".parse::<TimeForm>().unwrap(), TimeForm::Epoch(TimeUnit::Microseconds));
        assert!("h".parse::<TimeForm>().unwrap_err().to_string().contains("s, ms, us, ns or text"));
        assert!("text".parse::<TimeUnit>().unwrap_err().to_string().contains("s, ms, us or ns"));
    }

    #[test]
    fn no_number_fits_two_units() {
        for seconds in [PLAUSIBLE_SECONDS.start, PLAUSIBLE_SECONDS.end - 1] {
            for unit in TimeUnit::ALL {
                let number = seconds * (1_000_000_000 / unit.nanos());
                assert_eq!(TimeUnit::plausible(number.to_string().as_bytes()), Some(unit));
            }
        }
        for text in ["0", "20140402", "946684799", "4102444800", "-1400000000"] {
            assert_eq!(TimeUnit::plausible(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        /// Against whole-number arithmetic in 128 bits.
        #[test]
        fn epochs_are_exact(
            whole in -20_000_000_000_i64..20_000_000_000, fraction in "[0-9]{0,12}",
            unit in proptest::sample::select(TimeUnit::ALL.to_vec())
        ) {
            let point = if fraction.is_empty() { "" } else { "." };
            let text = format!("{whole}{point}{fraction}");
            let tail: i128 = format!("0{fraction}").parse().unwrap();
            let scale = 10_i128.pow(fraction.len() as u32);
            let size = (i128::from(whole.unsigned_abs()) * scale + tail) * i128::from(unit.nanos());
            let nanos = size / scale * if whole < 0 { -1 } else { 1 };
            let exact = size % scale == 0 && i64::try_from(nanos).is_ok();
            let expected = exact.then_some(nanos as i64);
            prop_assert_eq!(epoch_nanos(text.as_bytes(), unit).ok(), expected);
        }

        #[test]
        fn any_time_is_read_or_refused(text in "[-+0-9.:TZ /]{0,30}") {
            let _ = epoch_nanos(text.as_bytes(), TimeUnit::Seconds);
        }
    }
}
