//! `--events`: what a series did before its last migration is not learnt from.
//!
//! In: a list of events, of which some kinds end a regime. Out: the part of a row that counts, and
//! the event that it counts from. Never: an event that lies after the point that is forecast from.

use std::path::PathBuf;

use super::output::note;
use crate::capacity::events::{Event, parse_events};
use crate::error::{Error, Result};
use crate::model::{Labels, Span, Timestamp};
use crate::report::CountsFrom;

/// The word for all kinds.
const ALL_KINDS: &str = "all";

#[derive(Debug, clap::Args)]
pub(super) struct EventArgs {
    /// A list of events, CSV with time, name, kind, service and host: what a series did before the
    /// last one that concerns it is not learnt from, as if --from stood there for it alone.
    #[arg(long, value_name = "FILE")]
    pub(super) events: Option<PathBuf>,
    /// The kinds of events that count; all for every one.
    #[arg(
        long,
        value_name = "KIND,...",
        value_delimiter = ',',
        default_value = "migration,hardware,regime",
        requires = "events"
    )]
    pub(super) event_kinds: Vec<String>,
}

/// Events from which on the pasts of some series count.
#[derive(Debug)]
pub(super) struct Breaks {
    /// In order of time; only those that count.
    events: Vec<Event>,
    step: Span,
}

impl Breaks {
    /// Reads the events that count, for rows of one value per `step`. Without a file there are
    /// none.
    pub(super) fn read(args: &EventArgs, step: Span) -> Result<Self> {
        let Some(path) = &args.events else { return Ok(Self { events: Vec::new(), step }) };
        let text = std::fs::read_to_string(path).map_err(|why| Error::io("read", path, why))?;
        let mut events = parse_events(&text, &path.display().to_string())?;
        let found = events.len();
        let mut others: Vec<String> = events.iter().map(|event| event.kind.clone()).collect();
        events.retain(|event| args.counts(event));
        if events.is_empty() {
            others.sort_unstable();
            others.dedup();
            let (path, kinds) = (path.display(), args.event_kinds.join(", "));
            let others = others.iter().map(|kind| if kind.is_empty() { "none" } else { kind });
            let others = others.collect::<Vec<_>>().join(", ");
            note(&format!(
                "none of the {found} events of {path} is of kind {kinds}, so that all of the past \
                 counts; their kinds are: {others}. --event-kinds says which count"
            ));
        }
        Ok(Self { events, step })
    }

    /// The part of a row that counts, and the event that it counts from: the last one that concerns
    /// a series of these labels and lies in the row or at its end. A step that begins before the
    /// event is before it. `first` is the time of the row's first step.
    pub(super) fn cut<'r>(
        &self,
        labels: &Labels,
        first: Timestamp,
        row: &'r [f64],
    ) -> (&'r [f64], Option<&Event>) {
        let nanos = i128::from(self.step.nanos());
        let end = i128::from(first.nanos()) + nanos * row.len() as i128;
        let known = self.events.partition_point(|event| i128::from(event.time.nanos()) <= end);
        let last = self.events[..known].iter().rfind(|event| event.concerns(labels));
        let Some(event) = last else { return (row, None) };
        let before = i128::from(event.time.nanos()) - i128::from(first.nanos());
        if before <= 0 {
            return (row, None);
        }
        // Rounded up: the first step that begins at the event or after it.
        let start = ((before + nanos - 1) / nanos) as usize;
        (row.get(start..).unwrap_or(&[]), Some(event))
    }

    /// Says how many series are forecast from a part of their past, if events were given.
    pub(super) fn tell(&self, cut: usize) {
        match (self.events.is_empty(), cut) {
            (true, _) => {}
            (false, 0) => note("no event lies in the past of a series: all of it counts"),
            (false, 1) => note("the past of 1 series counts from an event on"),
            (false, cut) => note(&format!("the pasts of {cut} series count from an event on")),
        }
    }
}

impl EventArgs {
    fn counts(&self, event: &Event) -> bool {
        let is = |kind: &String| kind == ALL_KINDS || kind.eq_ignore_ascii_case(&event.kind);
        self.event_kinds.iter().any(is)
    }
}

/// What is told of the event that a past counts from.
pub(super) fn counts_from(event: &Event) -> CountsFrom {
    CountsFrom { time: event.time, event: event.name.clone(), kind: event.kind.clone() }
}

/// Why a series has no forecast, and since when its past counts.
pub(super) fn reason(why: &Error, event: Option<&Event>) -> String {
    match event {
        Some(event) => format!("{why}, and its past counts from {} on: {}", event.time, event.name),
        None => why.to_string(),
    }
}

#[cfg(test)]
impl Breaks {
    /// Those of a list, of which all count, for hourly rows.
    pub(super) fn of(text: &str) -> Self {
        let events = parse_events(text, "events.csv").unwrap_or_default();
        Self { events, step: Span::HOUR }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaks(text: &str) -> Breaks {
        Breaks::of(text)
    }

    /// How many of ten hourly values from 1970-01-01 count, and the event's name.
    fn counted<'a>(breaks: &'a Breaks, host: &str) -> (usize, Option<&'a str>) {
        let labels = Labels::new("cpu", [("host", host)]).unwrap();
        let row: Vec<f64> = (0..10).map(f64::from).collect();
        let (left, event) = breaks.cut(&labels, Timestamp::from_seconds(0), &row);
        // It is the end that counts.
        assert!(left.is_empty() || left.last() == row.last());
        (left.len(), event.map(|event| event.name.as_str()))
    }

    #[test]
    fn the_past_counts_from_the_last_event_of_the_series() {
        let found = breaks(
            "time,name,host\n\
             7200,first,a\n18000,second,a\n21601,inside a step,b\n36000,now,c\n\
             36001,to come,d\n14400,known,d\n0,at the start,e\n",
        );
        assert_eq!(counted(&found, "a"), (5, Some("second")));
        // Hour 6 had begun before.
        assert_eq!(counted(&found, "b"), (3, Some("inside a step")));
        assert_eq!(counted(&found, "c"), (0, Some("now")));
        assert_eq!(counted(&found, "d"), (6, Some("known")));
        assert_eq!(counted(&found, "e"), (10, None));
        assert_eq!(counted(&found, "f"), (10, None));
        assert_eq!(counted(&breaks("time,name\n"), "a"), (10, None));
    }

    #[test]
    fn an_event_without_host_and_service_concerns_all() {
        let found = breaks("time,name,host,service\n3600,all,,\n7200,others,,shop\n");
        assert_eq!(counted(&found, "a"), (9, Some("all")));
    }

    #[test]
    fn kinds_are_told_apart_whatever_their_case() {
        let event = |kind: &str| {
            let text = format!("time,name,kind\n0,x,{kind}\n");
            parse_events(&text, "e.csv").unwrap().remove(0)
        };
        let args = |kinds: &[&str]| EventArgs {
            events: None,
            event_kinds: kinds.iter().map(ToString::to_string).collect(),
        };
        let some = args(&["migration", "hardware"]);
        assert!(some.counts(&event("Migration")) && some.counts(&event("hardware")));
        assert!(!some.counts(&event("deploy")) && !some.counts(&event("")));
        assert!(args(&["all"]).counts(&event("")) && args(&["all"]).counts(&event("deploy")));
    }
}
