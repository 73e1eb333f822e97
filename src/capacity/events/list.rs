//! The list of events: what was done when, and to which services and hosts.

use crate::error::{Error, Result};
use crate::model::{Labels, MatchOp, Matcher, Selector, Timestamp};

/// Columns that an event's list must have.
const REQUIRED: [&str; 2] = ["time", "name"];
/// Columns that say whom an event concerns.
const SELECTING: [&str; 2] = ["service", "host"];

/// Something that was done at a time.
#[derive(Debug, Clone)]
pub struct Event {
    /// When it was done. Rows at or after this time are after it.
    pub time: Timestamp,
    /// What people call it.
    pub name: String,
    /// Deploy, migration, hardware: any word, or none.
    pub kind: String,
    /// Which series it concerns.
    pub selector: Selector,
}

impl Event {
    /// Whether it concerns a series of these labels.
    pub fn concerns(&self, labels: &Labels) -> bool {
        self.selector.matches(labels)
    }
}

/// Reads a list of events, in any order: CSV with a header, columns `time` (RFC 3339, or seconds
/// since the epoch) and `name`, and where there are any `kind`, `service` and `host`. The last two
/// are regular expressions, of which plain names are some; an empty cell concerns all.
///
/// ```
/// use plimsoll::Labels;
/// use plimsoll::capacity::events::parse_events;
/// let text = "time,name,service\n2026-03-01T10:00:00Z,v1.2,web\n1772409600,v7,\n";
/// let events = parse_events(text, "events.csv")?;
/// assert_eq!(events[0].name, "v1.2");
/// assert!(!events[0].concerns(&Labels::new("cpu", [("service", "db")])?));
/// assert!(events[1].concerns(&Labels::new("cpu", [("service", "db")])?));
/// let why = parse_events("time,name\nnoon,v1\n", "e.csv").unwrap_err();
/// assert!(why.to_string().starts_with("e.csv:2: time is \"noon\""));
/// # Ok::<(), plimsoll::Error>(())
/// ```
///
/// # Errors
///
/// With `origin`, the name of the text, and the line.
pub fn parse_events(text: &str, origin: &str) -> Result<Vec<Event>> {
    let fault = |line: u64, what: String| Error::Parse { origin: origin.to_owned(), line, what };
    let of_csv = |why: csv::Error| {
        let line = why.position().map_or(1, csv::Position::line);
        fault(line, why.to_string())
    };
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let header = reader.headers().map_err(of_csv)?.clone();
    let place = |name: &str| header.iter().position(|column| column == name);
    if let Some(name) = REQUIRED.iter().find(|name| place(name).is_none()) {
        let found = header.iter().collect::<Vec<_>>().join(", ");
        return Err(fault(1, format!("no column {name}; the header has {found}")));
    }
    let mut events = Vec::new();
    for record in reader.records() {
        let record = record.map_err(of_csv)?;
        let line = record.position().map_or(1, csv::Position::line);
        let cell = |name: &str| place(name).and_then(|at| record.get(at)).unwrap_or("");
        let at = |why: Error| fault(line, why.to_string());
        let mut selector = Selector::all();
        for name in SELECTING {
            if !cell(name).is_empty() {
                let matcher = Matcher::new(name, MatchOp::Matches, cell(name)).map_err(at)?;
                selector = selector.and(matcher);
            }
        }
        events.push(Event {
            time: parse_time(cell("time")).map_err(at)?,
            name: cell("name").to_owned(),
            kind: cell("kind").to_owned(),
            selector,
        });
    }
    events.sort_by_key(|event| event.time);
    Ok(events)
}

/// Reads a time as tables write it: RFC 3339 with its zone, a date, or seconds since the epoch.
///
/// # Errors
///
/// Where it is none of these, and for eight digits that may be a date of a calendar as well.
pub fn parse_time(text: &str) -> Result<Timestamp> {
    let refused = || {
        Error::invalid(format!(
            "time is {text:?}: write 2026-03-01T12:00:00Z, with its zone, or seconds since 1970"
        ))
    };
    let Ok(seconds) = text.parse::<f64>() else {
        return text.parse().map_err(|_| refused());
    };
    if let Some(date) = written_together(text) {
        return Err(Error::invalid(format!(
            "time is {text:?}: write {date} if that is the date, or {text}.0 if these are seconds \
             since 1970"
        )));
    }
    let nanos = (seconds * 1e9).round();
    if !nanos.is_finite() || nanos.abs() >= i64::MAX as f64 {
        return Err(refused());
    }
    Ok(Timestamp::from_nanos(nanos as i64))
}

/// The date that eight digits may be, of a year in which there was monitoring.
fn written_together(text: &str) -> Option<String> {
    if text.len() != 8 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let date = format!("{}-{}-{}", &text[..4], &text[4..6], &text[6..]);
    let is_date =
        (1990..2100).contains(&text[..4].parse().unwrap_or(0)) && date.parse::<Timestamp>().is_ok();
    is_date.then_some(date)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_name_text_and_line() {
        let fails = |text: &str, message: &str| {
            let why = parse_events(text, "e.csv").unwrap_err().to_string();
            assert!(why.starts_with(message), "{why}");
        };
        fails("when,name\n", "e.csv:1: no column time; the header has when, name");
        fails("time,name\n0,a\n,b\n", "e.csv:3: time is \"\"");
        fails("time,name\n1e300,b\n", "e.csv:2: time is \"1e300\"");
        fails("time,name\nnan,b\n", "e.csv:2: time is \"nan\"");
        fails("time,name\n2026-03-01T12:00:00,b\n", "e.csv:2: time is");
        fails("time,name\n0,a,b\n", "e.csv:2:");
        let digits = "e.csv:2: time is \"20260315\": write 2026-03-15 if that is the date, or \
                      20260315.0 if these are seconds since 1970";
        fails("time,name\n20260315,b\n", digits);
        for seconds in ["20260315.0", "20261315", "20260230", "19700101", "2026031"] {
            assert!(parse_time(seconds).is_ok(), "{seconds}");
        }
        fails("time,name,host\n0,a,(\n", "e.csv:2:");
    }

    #[test]
    fn events_are_sorted_and_concern_whom_they_name() {
        let text = "name,host,service,time\nb,web-.*,,86400\na,,shop|till,1970-01-01\n";
        let events = parse_events(text, "e.csv").unwrap();
        assert_eq!(events[0].name, "a");
        let labels =
            |service, host| Labels::new("cpu", [("service", service), ("host", host)]).unwrap();
        assert!(events[0].concerns(&labels("till", "web-1")));
        assert!(!events[0].concerns(&labels("tills", "web-1")));
        assert!(
            events[1].concerns(&labels("x", "web-1")) && !events[1].concerns(&labels("x", "db"))
        );
    }
}
