//! The timestamps of line protocol.

use super::line::Fields;
use crate::ingest::report::{Reason, Refusal, Trouble, shown};
use crate::ingest::time::{TimeUnit, epoch_nanos, is_plausible};

/// Reads the timestamps of one file.
#[derive(Debug)]
pub(super) struct Timestamps {
    /// The unit, where it was given.
    given: Option<TimeUnit>,
    /// Whether a timestamp has been read.
    started: bool,
}

impl Timestamps {
    pub(super) fn new(given: Option<TimeUnit>) -> Self {
        Self { given, started: false }
    }

    /// Reads a line to its end before a host or series is made for it, so that a bad line makes
    /// none.
    pub(super) fn check_rest(&mut self, mut fields: Fields<'_>) -> Result<(), Trouble> {
        while fields.next()?.is_some() {}
        self.read(fields.timestamp()).map(|_| ())
    }

    /// Nanoseconds since the epoch.
    pub(super) fn read(&mut self, text: &[u8]) -> Result<i64, Trouble> {
        let nanos = self.nanos(text)?;
        if self.given.is_none() && !is_plausible(nanos) {
            return Err(self.unlikely(text));
        }
        self.started = true;
        Ok(nanos)
    }

    fn nanos(&self, text: &[u8]) -> Result<i64, Refusal> {
        let refused = |what: String| Err(Refusal::new(Reason::Time, what));
        if text.is_empty() {
            return refused("the line has no timestamp; write one behind the fields".to_owned());
        }
        let digits = text.strip_prefix(b"-").unwrap_or(text);
        if !digits.iter().all(u8::is_ascii_digit) {
            return refused(format!(
                "the timestamp {} is no whole number; blanks in names need a backslash",
                shown(text)
            ));
        }
        let unit = self.given.unwrap_or(TimeUnit::Nanoseconds);
        match epoch_nanos(text, unit) {
            Ok(i64::MAX) => {
                refused("the time is the last instant there is, which is reserved".into())
            }
            Ok(nanos) => Ok(nanos),
            Err(why) => refused(format!(
                "the timestamp {} is {why} in {unit}; see --precision",
                shown(text)
            )),
        }
    }

    /// Before the first good timestamp the whole file is in doubt, later only this line is.
    #[cold]
    fn unlikely(&self, text: &[u8]) -> Trouble {
        let text_shown = shown(text);
        if self.started {
            let what = format!(
                "the timestamp {text_shown} is not between 2000 and 2100 in ns; if it is right, \
                 give the precision (--precision ns)"
            );
            return Refusal::new(Reason::Time, what).into();
        }
        Trouble::File(match TimeUnit::plausible(text) {
            Some(unit) => format!(
                "line protocol is in ns unless its writer was told otherwise, but {text_shown} is \
                 a time between 2000 and 2100 only in {unit}; give the precision: --precision \
                 {unit} (or ns)"
            ),
            None => format!(
                "the timestamp {text_shown} is between 2000 and 2100 in no unit, so its unit \
                 cannot be told; give the precision: --precision s (or ms, us, ns)"
            ),
        })
    }
}
