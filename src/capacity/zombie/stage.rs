//! What is done about a zombie and when: stages by the days since the verdict was first given, and
//! the ledger that keeps these days.
//!
//! In: verdicts, and the ledger of the time before. Out: where each host stands. Never: a host that
//! skips a stage, or is held to the days of an idleness that has ended since.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::verdict::{Grade, HostVerdict, Verdict};
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

/// The day on which the verdict on each zombie was first given, and what was said of it last.
///
/// ```
/// use plimsoll::capacity::zombie::{HostVerdict, Ledger, RulePack, Verdict};
/// let stages = RulePack::published().stages;
/// let found = |verdict| HostVerdict { verdict, ..HostVerdict::default() };
/// let mut ledger = Ledger::read("host,since\na,2026-01-05\nb,2026-01-05\n", "ledger.csv")?;
/// let now = "2026-01-20".parse()?;
/// ledger.enter("a", &found(Verdict::Zombie), &stages, now);
/// ledger.enter("b", &found(Verdict::InUse), &stages, now);
/// ledger.enter("c", &found(Verdict::Zombie), &stages, now);
/// assert_eq!(ledger.since("a"), Some("2026-01-05".parse()?));
/// assert_eq!(ledger.since("b"), None, "it came back to life");
/// assert_eq!(
///     ledger.to_csv()?,
///     "host,since,seen,stage\n\
///      a,2026-01-05T00:00:00Z,2026-01-20T00:00:00Z,notify\n\
///      c,2026-01-20T00:00:00Z,2026-01-20T00:00:00Z,\n"
/// );
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ledger {
    hosts: BTreeMap<String, Entry>,
}

/// What is kept of a zombie.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    /// From here its days count.
    since: Timestamp,
    /// When it was last called a zombie; `None` where a ledger without this was read.
    seen: Option<Timestamp>,
    /// The stage that it had reached then; empty before the first.
    stage: String,
}

/// The header of a ledger; one that was written by hand may end after the second.
const HEADER: [&str; 4] = ["host", "since", "seen", "stage"];

impl Ledger {
    /// Reads the CSV text that [`Ledger::to_csv`] writes, or one with its first two columns.
    ///
    /// # Errors
    ///
    /// [`Error::Parse`] with the line, for another header, a time that is none, or a host that is
    /// there twice.
    pub fn read(text: &str, origin: &str) -> Result<Self> {
        let refused = |line, what| Error::Parse { origin: origin.to_owned(), line, what };
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let headers = reader.headers().map_err(|why| refused(1, why.to_string()))?;
        if headers != HEADER.as_slice() && headers != HEADER[..2] {
            let what = "a ledger's header is host,since or host,since,seen,stage";
            return Err(refused(1, what.to_owned()));
        }
        let mut hosts = BTreeMap::new();
        for record in reader.records() {
            let record = record.map_err(|why| {
                refused(why.position().map_or(1, csv::Position::line), why.to_string())
            })?;
            let line = record.position().map_or(1, csv::Position::line);
            let cell = |column: usize| record.get(column).unwrap_or_default();
            let time =
                |text: &str| text.parse().map_err(|why: Error| refused(line, why.to_string()));
            let entry = Entry {
                since: time(cell(1))?,
                seen: Some(cell(2)).filter(|text| !text.is_empty()).map(time).transpose()?,
                stage: armed(cell(3)).to_owned(),
            };
            let host = armed(cell(0));
            if hosts.insert(host.to_owned(), entry).is_some() {
                return Err(refused(line, format!("{host:?} is there twice")));
            }
        }
        Ok(Self { hosts })
    }

    /// Takes a verdict: a zombie keeps its day, or gets this one, also where it worked since it was
    /// last seen; a host in use leaves; of one that is undetermined nothing changes.
    ///
    /// A zombie that was last told of one stage goes on with the next one, however long ago that
    /// was: its day is then as if that stage began now.
    pub fn enter(&mut self, host: &str, found: &HostVerdict, stages: &[Stage], now: Timestamp) {
        match found.verdict {
            Verdict::Zombie => {
                let known = self.hosts.remove(host).filter(|entry| !entry.worked_since(found));
                let new = || Entry { since: now, seen: None, stage: String::new() };
                let mut entry = known.unwrap_or_else(new);
                entry.go_on(stages, found.grade.unwrap_or(Grade::Low), now);
                self.hosts.insert(host.to_owned(), entry);
            }
            Verdict::InUse => {
                self.hosts.remove(host);
            }
            Verdict::Undetermined => {}
        }
    }

    /// From when on the days of a host count.
    pub fn since(&self, host: &str) -> Option<Timestamp> {
        self.hosts.get(host).map(|entry| entry.since)
    }

    /// The ledger as CSV, to be kept until the next time.
    ///
    /// # Errors
    ///
    /// What the writer returns; to memory it has none.
    pub fn to_csv(&self) -> Result<String> {
        let refused = |why: &dyn std::fmt::Display| Error::invalid(format!("ledger: {why}"));
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(HEADER).map_err(|why| refused(&why))?;
        for (host, Entry { since, seen, stage }) in &self.hosts {
            let seen = seen.map_or_else(String::new, |seen| seen.to_string());
            let row = [&*defused(host), &since.to_string(), &seen, &*defused(stage)];
            writer.write_record(row).map_err(|why| refused(&why))?;
        }
        let bytes = writer.into_inner().map_err(|why| refused(&why))?;
        String::from_utf8(bytes).map_err(|why| refused(&why))
    }
}

impl Entry {
    /// Whether the host worked after it was last called a zombie.
    fn worked_since(&self, found: &HostVerdict) -> bool {
        found.quiet_since.is_some_and(|quiet| quiet > self.seen.unwrap_or(self.since))
    }

    fn go_on(&mut self, stages: &[Stage], grade: Grade, now: Timestamp) {
        let number = |name: &str| stages.iter().position(|stage| stage.name == name);
        let reached = |since| {
            let stage = stage_at(stages, since, now, grade).stage;
            stage.and_then(|stage| number(&stage.name))
        };
        let told = number(&self.stage).map_or(0, |told| told + 1);
        if self.seen.is_some() && reached(self.since).is_some_and(|reached| reached > told) {
            self.since = now.minus(Span::from_days(i64::from(stages[told].day)));
        }
        self.stage = reached(self.since).map_or_else(String::new, |at| stages[at].name.clone());
        self.seen = Some(now);
    }
}

/// What a spreadsheet would run as a formula (OWASP, CSV injection), and the apostrophe itself, so
/// that each text is read back as it was.
const ARMED: [char; 8] = ['=', '+', '-', '@', '\t', '\r', '\n', '\''];

/// A text for a cell, which no spreadsheet runs.
fn defused(text: &str) -> Cow<'_, str> {
    if text.starts_with(ARMED) { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

/// The text that a cell was made of.
fn armed(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|text| text.starts_with(ARMED)).unwrap_or(cell)
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

    fn zombie(quiet_since: i64, grade: Grade) -> HostVerdict {
        HostVerdict {
            verdict: Verdict::Zombie,
            grade: Some(grade),
            quiet_since: Some(day(quiet_since)),
            ..HostVerdict::default()
        }
    }

    fn found(verdict: Verdict) -> HostVerdict {
        HostVerdict { verdict, ..zombie(0, Grade::High) }
    }

    #[test]
    fn a_ledger_keeps_the_first_day_and_forgets_who_works_again() {
        let stages = RulePack::published().stages;
        let mut ledger = Ledger::default();
        let mut enter =
            |host: &str, verdict, at| ledger.enter(host, &found(verdict), &stages, day(at));
        enter("a", Verdict::Zombie, 1);
        enter("a", Verdict::Zombie, 9);
        enter("a", Verdict::Undetermined, 10);
        enter("b", Verdict::Undetermined, 10);
        assert_eq!((ledger.since("a"), ledger.since("b")), (Some(day(1)), None));
        let again = Ledger::read(&ledger.to_csv().unwrap(), "l.csv").unwrap();
        assert_eq!(again, ledger);
        // Back to life, and idle anew: from the start.
        ledger.enter("a", &found(Verdict::InUse), &stages, day(11));
        ledger.enter("a", &found(Verdict::Zombie), &stages, day(12));
        assert_eq!(ledger.since("a"), Some(day(12)));
        for (text, why) in [
            ("host,day\n", "l.csv:1: a ledger's header is host,since"),
            ("host,since,seen\n", "l.csv:1: a ledger's header is host,since"),
            ("host,since\na,x\n", "l.csv:2: \"x\" is not a time"),
            ("host,since,seen,stage\na,2026-01-01,x,\n", "l.csv:2: \"x\" is not a time"),
            ("host,since\na,2026-01-01\na,2026-01-01\n", "l.csv:3: \"a\" is there twice"),
            ("host,since\na\n", "l.csv:2: CSV error"),
        ] {
            let found = Ledger::read(text, "l.csv").unwrap_err().to_string();
            assert!(found.starts_with(why), "{found}");
        }
    }

    #[test]
    fn who_worked_between_two_looks_starts_anew() {
        let stages = RulePack::published().stages;
        let at = |ledger: &str, quiet: i64, now: i64| {
            let mut ledger = Ledger::read(ledger, "l.csv").unwrap();
            ledger.enter("a", &zombie(quiet, Grade::High), &stages, day(now));
            (ledger.since("a"), ledger.hosts["a"].stage.clone())
        };
        // Seen on day 30; worked until day 105, and idle for twenty days.
        let seen = "host,since,seen,stage\na,1970-01-20,1970-01-31,\n";
        assert_eq!(at(seen, 105, 125), (Some(day(125)), String::new()));
        // What it did before it was seen last was judged then.
        assert_eq!(at(seen, 25, 34), (Some(day(19)), "notify".to_owned()));
        // A ledger that does not say when: since its day.
        assert_eq!(at("host,since\na,1970-01-31\n", 105, 125), (Some(day(125)), String::new()));
        let days = (Some(day(30)), "delete".to_owned());
        assert_eq!(at("host,since\na,1970-01-31\n", 30, 125), days, "nothing was told of it");
    }

    #[test]
    fn no_stage_is_skipped_however_seldom_one_looks() {
        let stages = RulePack::published().stages;
        let mut ledger = Ledger::default();
        let mut look = |now: i64, grade: Grade| {
            ledger.enter("a", &zombie(0, grade), &stages, day(now));
            let since = ledger.since("a").unwrap();
            let position = stage_at(&stages, since, day(now), grade);
            position.stage.map_or("wait", |stage| stage.name.as_str()).to_owned()
        };
        let looks = [(0, "wait"), (95, "notify"), (95, "notify"), (101, "notify"), (102, "warn")];
        for (now, stage) in looks {
            assert_eq!(look(now, Grade::High), stage, "day {now}");
        }
        // Held for want of evidence, then not: one by one as well.
        assert_eq!((look(180, Grade::Low), look(181, Grade::High)), ("warn".into(), "stop".into()));
        assert_eq!(
            (look(182, Grade::High), look(183, Grade::High)),
            ("stop".into(), "delete".into())
        );
    }

    #[test]
    fn a_ledger_runs_no_formula_and_is_read_back_as_it_was() {
        let stages = RulePack::published().stages;
        let names = [
            "=HYPERLINK(\"http://x\",\"y\")",
            "+1",
            "-2",
            "@A1",
            "'=1",
            "''",
            "'a",
            "a",
            "\t=1",
            "",
        ];
        let mut ledger = Ledger::default();
        for name in names {
            ledger.enter(name, &found(Verdict::Zombie), &stages, day(1));
        }
        let text = ledger.to_csv().unwrap();
        assert_eq!(Ledger::read(&text, "l.csv").unwrap(), ledger);
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        for record in reader.records() {
            let cell = record.unwrap()[0].to_owned();
            assert!(!cell.starts_with(['=', '+', '-', '@', '\t']), "{cell}");
        }
    }
}
