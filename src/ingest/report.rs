//! What became of an import: counts, and where lines were refused and why.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::error::{Error, Result};

/// How many refused lines, and how many notes, are kept word for word; the rest is counted.
const PROBLEMS_MAX: usize = 100;
/// How many characters of a bad cell are shown.
const SHOWN_CHARACTERS: usize = 40;

/// Why a line was refused, coarse enough to be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// More or fewer cells than the header has.
    Cells,
    /// Quotes that do not close, or text behind a closing quote.
    Quotes,
    /// Bytes that are not UTF-8 text.
    Encoding,
    /// A line beyond the length limit.
    TooLong,
    /// A time that is absent, not readable, ambiguous or out of range.
    Time,
    /// A value that is no number.
    Value,
    /// Labels or a metric name that a series cannot have.
    Label,
    /// Not of the format's form at all.
    Syntax,
}

/// One refused line.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// The file, as the caller named it.
    pub origin: String,
    /// The line, from 1.
    pub line: u64,
    /// Why, as a kind.
    pub reason: Reason,
    /// Why, in words, with what to do.
    pub what: String,
}

/// Something to know of a line that was imported.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Note {
    /// The file, as the caller named it.
    pub origin: String,
    /// The line, from 1.
    pub line: u64,
    /// What it is, in words, with what to do.
    pub what: String,
}

/// The outcome of an import of one file or, after [`merge`](Self::merge), of several.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct ImportReport {
    /// Files read to their end.
    pub files: u64,
    /// Data lines read: neither headers, blank lines nor comments.
    pub lines: u64,
    /// Samples handed to the sink.
    pub samples: u64,
    /// Lines refused. Nothing of a refused line was imported.
    pub rejected: u64,
    /// Values that are marked as missing in good lines (an empty cell, `NaN`, `null`).
    pub missing: u64,
    /// Text fields of line protocol, which are no samples.
    pub skipped_fields: u64,
    /// The first 100 refused lines.
    pub problems: Vec<Problem>,
    /// All refused lines, by reason.
    pub reasons: BTreeMap<Reason, u64>,
    /// Files whose last line was imported though it has no line end, so that it may have been cut.
    pub unended: u64,
    /// The first 100 of these lines.
    pub notes: Vec<Note>,
    /// Rules for metrics of long tables that met none, by the name they give: none in any of the
    /// files, that is.
    pub unmet_rules: BTreeSet<String>,
}

impl ImportReport {
    /// Adds the outcome of further files. Merge in the order of the files to keep the list of
    /// problems in that order.
    pub fn merge(&mut self, other: Self) {
        if self.files == 0 {
            self.unmet_rules = other.unmet_rules;
        } else {
            self.unmet_rules.retain(|rule| other.unmet_rules.contains(rule));
        }
        self.files += other.files;
        self.lines += other.lines;
        self.samples += other.samples;
        self.rejected += other.rejected;
        self.missing += other.missing;
        self.skipped_fields += other.skipped_fields;
        let room = PROBLEMS_MAX.saturating_sub(self.problems.len());
        self.problems.extend(other.problems.into_iter().take(room));
        for (reason, count) in other.reasons {
            *self.reasons.entry(reason).or_default() += count;
        }
        self.unended += other.unended;
        let room = PROBLEMS_MAX.saturating_sub(self.notes.len());
        self.notes.extend(other.notes.into_iter().take(room));
    }
}

impl fmt::Display for Problem {
    /// `file:line: what is wrong`, with control characters escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.origin.escape_debug(), self.line, self.what)
    }
}

impl fmt::Display for Note {
    /// `file:line: what it is`, with control characters escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.origin.escape_debug(), self.line, self.what)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cells => "wrong number of cells",
            Self::Quotes => "broken quotes",
            Self::Encoding => "not UTF-8",
            Self::TooLong => "line too long",
            Self::Time => "unusable time",
            Self::Value => "not a number",
            Self::Label => "unusable label",
            Self::Syntax => "wrong syntax",
        })
    }
}

/// Why one line is refused.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) reason: Reason,
    pub(super) what: String,
}

impl Refusal {
    pub(super) fn new(reason: Reason, what: impl Into<String>) -> Self {
        Self { reason, what: what.into() }
    }
}

/// What can end the reading of a line: the line is bad, or the whole import has to stop.
#[derive(Debug)]
pub(super) enum Trouble {
    Line(Refusal),
    /// The file cannot be read on; the text becomes an error with file and line.
    File(String),
    /// The sink or the operating system failed.
    Stop(Error),
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        Self::Line(refusal)
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Stop(error)
    }
}

/// A bad cell or line for a message: quoted, escaped and cut.
pub(super) fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    if text.chars().nth(SHOWN_CHARACTERS).is_none() {
        return format!("{text:?}");
    }
    format!("{:?}...", text.chars().take(SHOWN_CHARACTERS).collect::<String>())
}

/// Keeps the report of one file and decides whether a bad line ends it.
#[derive(Debug)]
pub(super) struct Ledger {
    pub(super) report: ImportReport,
    origin: String,
    strict: bool,
}

impl Ledger {
    pub(super) fn new(origin: &str, strict: bool) -> Self {
        let report = ImportReport { files: 1, ..ImportReport::default() };
        Self { report, origin: origin.to_owned(), strict }
    }

    /// Counts one data line and what became of it.
    pub(super) fn line(&mut self, line: u64, outcome: Result<(), Trouble>) -> Result<()> {
        self.report.lines += 1;
        let refusal = match outcome {
            Ok(()) => return Ok(()),
            Err(Trouble::Line(refusal)) => refusal,
            Err(Trouble::File(what)) => return Err(self.error(line, what)),
            Err(Trouble::Stop(error)) => return Err(error),
        };
        if self.strict {
            return Err(self.error(line, refusal.what));
        }
        self.report.rejected += 1;
        *self.report.reasons.entry(refusal.reason).or_default() += 1;
        if self.report.problems.len() < PROBLEMS_MAX {
            let (origin, Refusal { reason, what }) = (self.origin.clone(), refusal);
            self.report.problems.push(Problem { origin, line, reason, what });
        }
        Ok(())
    }

    /// Notes that the last line was imported though the file ends without a line end. Most such
    /// files are whole; in one that is not, the line may be cut within a number and still read.
    pub(super) fn unended(&mut self, line: u64) {
        self.report.unended += 1;
        let what = "the last line has no line end: if the file was still being written, its last \
                    number may be cut, and what is stored stays; import a file when it is complete";
        let (origin, what) = (self.origin.clone(), what.to_owned());
        self.report.notes.push(Note { origin, line, what });
    }

    /// An error at a line of this file.
    pub(super) fn error(&self, line: u64, what: impl Into<String>) -> Error {
        Error::Parse { origin: self.origin.clone(), line, what: what.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(ledger: &mut Ledger, line: u64, reason: Reason) -> Result<()> {
        ledger.line(line, Err(Refusal::new(reason, format!("line {line}")).into()))
    }

    #[test]
    fn the_list_is_bounded_and_the_counts_are_not() {
        let mut ledger = Ledger::new("a.csv", false);
        for line in 1..=150 {
            refused(&mut ledger, line, Reason::Value).unwrap();
        }
        let mut total = ledger.report;
        let mut other = Ledger::new("b.csv", false);
        refused(&mut other, 7, Reason::Time).unwrap();
        total.merge(other.report.clone());
        assert_eq!((total.files, total.lines, total.rejected), (2, 151, 151));
        assert_eq!(total.problems.len(), PROBLEMS_MAX);
        assert_eq!(total.problems[99].to_string(), "a.csv:100: line 100");
        assert_eq!(total.reasons[&Reason::Value] + total.reasons[&Reason::Time], 151);
        let mut first = ImportReport::default();
        first.merge(other.report);
        assert_eq!(first.problems[0].to_string(), "b.csv:7: line 7");
    }

    #[test]
    fn strict_makes_the_first_bad_line_an_error() {
        let mut ledger = Ledger::new("a.csv", true);
        ledger.line(2, Ok(())).unwrap();
        let error = refused(&mut ledger, 3, Reason::Cells).unwrap_err();
        assert_eq!(error.to_string(), "a.csv:3: line 3");
    }

    #[test]
    fn what_is_shown_is_short_and_harmless() {
        assert_eq!(shown(b"a\x1b[2J"), r#""a\u{1b}[2J""#);
        assert_eq!(shown(&[b'x'; 41]), format!("\"{}\"...", "x".repeat(40)));
        assert_eq!(shown(&[b'x'; 40]), format!("\"{}\"", "x".repeat(40)));
    }
}
