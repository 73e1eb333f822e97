//! What is done about a zombie and when: stages by the days since the verdict was first given, and
//! the ledger that keeps these days.

use std::collections::BTreeMap;

use super::verdict::{Grade, Verdict};
use crate::error::{Error, Result};
use crate::model::{Span, Timestamp};

/// One step towards the end of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// Its name.
    pub name: String,
    /// Days since the verdict was first given.
    pub day: u32,
    /// The least grade of evidence that it takes.
    pub grade: Grade,
    /// What is done.
    pub does: String,
    /// How it is undone.
    pub undo: String,
}

/// Where a host stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position<'a> {
    /// Whole days since the verdict was first given.
    pub days: u32,
    /// The stage that it has reached; `None` before the first.
    pub stage: Option<&'a Stage>,
    /// The next stage, and the day on which it begins.
    pub next: Option<(&'a Stage, Timestamp)>,
    /// The next stage is due, but takes a better grade of evidence.
    pub held: bool,
}

/// Where a host stands at `now` whose verdict was first given at `since`. A stage that takes a
/// better grade than the evidence has holds the host where it is.
pub fn stage_at(stages: &[Stage], since: Timestamp, now: Timestamp, grade: Grade) -> Position<'_> {
    let days = now.since(since).days().floor() as u32;
    let reached = |stage: &&Stage| stage.day <= days && grade >= stage.grade;
    let count = stages.iter().take_while(reached).count();
    let next = stages.get(count);
    Position {
        days,
        stage: count.checked_sub(1).and_then(|last| stages.get(last)),
        next: next.map(|stage| (stage, since.plus(Span::from_days(i64::from(stage.day))))),
        held: next.is_some_and(|stage| stage.day <= days),
    }
}

/// The day on which the verdict on each zombie was first given.
///
/// ```
/// use plimsoll::capacity::zombie::{Ledger, Verdict};
/// let mut ledger = Ledger::read("host,since\na,2026-01-05\nb,2026-01-05\n", "ledger.csv")?;
/// let now = "2026-01-20".parse()?;
/// ledger.enter("a", Verdict::Zombie, now);
/// ledger.enter("b", Verdict::InUse, now);
/// ledger.enter("c", Verdict::Zombie, now);
/// assert_eq!(ledger.since("a"), Some("2026-01-05".parse()?));
/// assert_eq!(ledger.since("b"), None, "it came back to life");
/// assert_eq!(ledger.to_csv()?, "host,since\na,2026-01-05T00:00:00Z\nc,2026-01-20T00:00:00Z\n");
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ledger {
    since: BTreeMap<String, Timestamp>,
}

impl Ledger {
    /// Reads the CSV text that [`Ledger::to_csv`] writes.
    ///
    /// # Errors
    ///
    /// [`Error::Parse`] with the line, for another header, a time that is none, or a host that is
    /// there twice.
    pub fn read(text: &str, origin: &str) -> Result<Self> {
        let refused = |line, what| Error::Parse { origin: origin.to_owned(), line, what };
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let headers = reader.headers().map_err(|why| refused(1, why.to_string()))?;
        if headers != ["host", "since"].as_slice() {
            return Err(refused(1, "a ledger's header is host,since".to_owned()));
        }
        let mut since = BTreeMap::new();
        for record in reader.records() {
            let record = record.map_err(|why| {
                refused(why.position().map_or(1, csv::Position::line), why.to_string())
            })?;
            let line = record.position().map_or(1, csv::Position::line);
            let cell = |column: usize| record.get(column).unwrap_or_default();
            let at = cell(1).parse().map_err(|why: Error| refused(line, why.to_string()))?;
            if since.insert(cell(0).to_owned(), at).is_some() {
                return Err(refused(line, format!("{:?} is there twice", cell(0))));
            }
        }
        Ok(Self { since })
    }

    /// Takes a verdict: a zombie keeps its day, or gets this one; a host in use leaves; of one that
    /// is undetermined nothing changes.
    pub fn enter(&mut self, host: &str, verdict: Verdict, now: Timestamp) {
        match verdict {
            Verdict::Zombie => {
                self.since.entry(host.to_owned()).or_insert(now);
            }
            Verdict::InUse => {
                self.since.remove(host);
            }
            Verdict::Undetermined => {}
        }
    }

    /// When the verdict on a host was first given.
    pub fn since(&self, host: &str) -> Option<Timestamp> {
        self.since.get(host).copied()
    }

    /// The ledger as CSV, to be kept until the next time.
    ///
    /// # Errors
    ///
    /// What the writer returns; to memory it has none.
    pub fn to_csv(&self) -> Result<String> {
        let refused = |why: &dyn std::fmt::Display| Error::invalid(format!("ledger: {why}"));
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(["host", "since"]).map_err(|why| refused(&why))?;
        for (host, since) in &self.since {
            let row = [host.as_str(), &since.to_string()];
            writer.write_record(row).map_err(|why| refused(&why))?;
        }
        let bytes = writer.into_inner().map_err(|why| refused(&why))?;
        String::from_utf8(bytes).map_err(|why| refused(&why))
    }
}

#[cfg(test)]
mod tests {
    use super::super::RulePack;
    use super::*;

    fn day(days: i64) -> Timestamp {
        Timestamp::from_seconds(0).plus(Span::from_days(days))
    }

    #[test]
    fn stages_begin_on_their_days() {
        // capacity.md, feature 25: notify 14, warn 21, stop 26, delete 28.
        let stages = RulePack::published().stages;
        for (days, name, next) in [
            (0, None, Some(("notify", 14))),
            (13, None, Some(("notify", 14))),
            (14, Some("notify"), Some(("warn", 21))),
            (20, Some("notify"), Some(("warn", 21))),
            (21, Some("warn"), Some(("stop", 26))),
            (26, Some("stop"), Some(("delete", 28))),
            (28, Some("delete"), None),
            (400, Some("delete"), None),
        ] {
            let found = stage_at(&stages, day(100), day(100 + days), Grade::High);
            assert_eq!(found.stage.map(|stage| stage.name.as_str()), name, "day {days}");
            let after = found.next.map(|(stage, at)| (stage.name.as_str(), at));
            assert_eq!(after, next.map(|(name, days)| (name, day(100 + days))));
            assert_eq!((found.days, found.held), (days as u32, false));
        }
        assert!(stages.iter().all(|stage| !stage.undo.is_empty() && !stage.does.is_empty()));
        // A clock that went back.
        assert_eq!(stage_at(&stages, day(9), day(3), Grade::High).days, 0);
        assert_eq!(stage_at(&[], day(0), day(99), Grade::High).next, None);
    }

    #[test]
    fn poor_evidence_holds_a_host() {
        let stages = RulePack::published().stages;
        for (grade, name, waits_for) in [
            (Grade::Low, "warn", Some("stop")),
            (Grade::Fair, "stop", Some("delete")),
            (Grade::High, "delete", None),
        ] {
            let found = stage_at(&stages, day(0), day(90), grade);
            assert_eq!(found.stage.map(|stage| stage.name.as_str()), Some(name));
            assert_eq!(found.next.map(|(stage, _)| stage.name.as_str()), waits_for);
            assert_eq!(found.held, waits_for.is_some());
        }
    }

    #[test]
    fn a_ledger_keeps_the_first_day_and_forgets_who_works_again() {
        let mut ledger = Ledger::default();
        ledger.enter("a", Verdict::Zombie, day(1));
        ledger.enter("a", Verdict::Zombie, day(9));
        ledger.enter("a", Verdict::Undetermined, day(10));
        ledger.enter("b", Verdict::Undetermined, day(10));
        assert_eq!((ledger.since("a"), ledger.since("b")), (Some(day(1)), None));
        let again = Ledger::read(&ledger.to_csv().unwrap(), "l.csv").unwrap();
        assert_eq!(again, ledger);
        // Back to life, and idle anew: from the start.
        ledger.enter("a", Verdict::InUse, day(11));
        ledger.enter("a", Verdict::Zombie, day(12));
        assert_eq!(ledger.since("a"), Some(day(12)));
        for (text, why) in [
            ("host,day\n", "l.csv:1: a ledger's header is host,since"),
            ("host,since\na,x\n", "l.csv:2: \"x\" is not a time"),
            ("host,since\na,2026-01-01\na,2026-01-01\n", "l.csv:3: \"a\" is there twice"),
            ("host,since\na\n", "l.csv:2: CSV error"),
        ] {
            let found = Ledger::read(text, "l.csv").unwrap_err().to_string();
            assert!(found.starts_with(why), "{found}");
        }
    }
}
