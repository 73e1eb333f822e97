//! The answers: each question through the library, as its user would ask it.

use std::collections::BTreeMap;

use super::cpu_only::FIELDS;
use super::draw::{Ask, LAST_MINUTES};
use super::host::{HOST_LABEL, metric, name};
use super::queries::Question;
use super::readings::{self, Readings};
use crate::error::Result;
use crate::model::{Frame, Labels, METRIC_LABEL, MatchOp, Matcher, Selector, Span, Timestamp};
use crate::query::{Aggregate, Condition, Query};
use crate::store::Snapshot;

/// What "high" means.
const HIGH: Condition = Condition::Above(90.0);
/// What is asked of the whole fleet at once.
const FLEET_AGGREGATES: [Aggregate; 3] = [Aggregate::Sum, Aggregate::Max, Aggregate::Count];
/// By how much more time is looked through where the last minutes have gaps.
const WIDEN: i64 = 8;

/// What a question was answered with.
#[derive(Debug, Clone)]
pub enum Answer {
    /// Frames of a query.
    Frames(Vec<Frame>),
    /// Whole readings, host by host.
    Readings(Vec<Readings>),
}

impl Question {
    /// Asks a store. Nothing is left to compute later: the answer is all there.
    pub fn answer(self, snapshot: &Snapshot, ask: &Ask) -> Result<Answer> {
        let selector = selector(self.metrics(), &ask.hosts)?;
        let query = Query::new(selector.clone()).from(ask.range.start).to(ask.range.end);
        match self {
            Self::SingleGroupBy { .. } => {
                let query = query.aggregate(Aggregate::Max).step(Span::MINUTE).by([METRIC_LABEL]);
                frames(snapshot, &query)
            }
            Self::MaxAll { .. } => {
                let query = query.aggregate(Aggregate::Max).step(Span::HOUR).by([METRIC_LABEL]);
                frames(snapshot, &query)
            }
            Self::DoubleGroupBy { .. } => {
                // A host has one series of each field, so a row for each series is one for each.
                frames(snapshot, &query.aggregate(Aggregate::Mean).step(Span::HOUR))
            }
            Self::HighCpu { .. } => {
                let found = readings::that_meet(snapshot, &selector, ask.range, (FIELDS[0], HIGH));
                found.map(Answer::Readings)
            }
            Self::LastPoint => readings::last(snapshot, &selector).map(Answer::Readings),
            Self::LastMinutes => last_minutes(snapshot, &selector, ask.range.end),
            Self::FleetByHour => {
                let query = query.aggregates(FLEET_AGGREGATES).step(Span::HOUR).by([""; 0]);
                frames(snapshot, &query)
            }
            Self::FleetP95 => frames(snapshot, &query.aggregate(Aggregate::Quantile(0.95))),
            Self::FleetAllByHour => {
                let query = query.aggregates(FLEET_AGGREGATES).step(Span::HOUR).by([METRIC_LABEL]);
                frames(snapshot, &query.statistics(false))
            }
            Self::FleetByDay => {
                let query = query.aggregates(FLEET_AGGREGATES).step(Span::DAY).by([""; 0]);
                frames(snapshot, &query)
            }
        }
    }

    /// Columns of its [`Table`].
    fn columns(self) -> usize {
        match self {
            Self::FleetByHour | Self::FleetAllByHour | Self::FleetByDay => {
                self.metrics() * FLEET_AGGREGATES.len()
            }
            _ => self.metrics(),
        }
    }
}

/// The first fields of some hosts, or of all.
fn selector(metrics: usize, hosts: &[usize]) -> Result<Selector> {
    let fields: Vec<String> = FIELDS.iter().take(metrics).map(|field| metric(field)).collect();
    let selector = Selector::new(vec![one_of(METRIC_LABEL, &fields)?]);
    if hosts.is_empty() {
        return Ok(selector);
    }
    let hosts: Vec<String> = hosts.iter().map(|host| name(*host)).collect();
    Ok(selector.and(one_of(HOST_LABEL, &hosts)?))
}

/// The names here have no letter that a pattern understands as something else.
fn one_of(label: &str, values: &[String]) -> Result<Matcher> {
    let op = if values.len() == 1 { MatchOp::Equal } else { MatchOp::Matches };
    Matcher::new(label, op, &values.join("|"))
}

fn frames(snapshot: &Snapshot, query: &Query) -> Result<Answer> {
    query.run(snapshot)?.collect::<Result<_>>().map(Answer::Frames)
}

/// The last minutes with a sample before an instant. They are looked for from the end, so that the
/// days before them are not read.
fn last_minutes(snapshot: &Snapshot, selector: &Selector, end: Timestamp) -> Result<Answer> {
    let Some(stored) = snapshot.range() else { return Ok(Answer::Frames(Vec::new())) };
    let mut minutes = LAST_MINUTES as i64;
    loop {
        let span = Span::from_nanos(minutes.saturating_mul(Span::MINUTE.nanos()));
        let start = end.minus(span);
        let query = Query::new(selector.clone()).from(start).to(end).by([""; 0]);
        let query = query.aggregate(Aggregate::Max).step(Span::MINUTE);
        let mut found = Vec::new();
        for frame in query.run(snapshot)? {
            found.extend(last_steps(&frame?, LAST_MINUTES)?);
        }
        let enough = |frame: &Frame| {
            frame.row(0).iter().filter(|value| !value.is_nan()).count() == LAST_MINUTES
        };
        if start <= stored.start || found.iter().any(enough) {
            return Ok(Answer::Frames(found));
        }
        minutes = minutes.saturating_mul(WIDEN);
    }
}

/// The end of the only row of a frame of minutes, from the first of its last `count` numbers on.
fn last_steps(frame: &Frame, count: usize) -> Result<Option<Frame>> {
    let row = frame.row(0);
    let numbers = row.iter().enumerate().rev().filter(|(_, value)| !value.is_nan());
    let Some((first, _)) = numbers.take(count).last() else { return Ok(None) };
    let values = row[first..].to_vec();
    let labels = vec![frame.labels(0).clone()];
    Frame::new(frame.time(first), Span::MINUTE, values.len(), labels, values).map(Some)
}

/// An answer in one form whatever was asked, to be compared with others.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Numbers of each row: seconds since the epoch, the host's number or -1 for several, and the
    /// values, NaN where there is none.
    pub columns: usize,
    /// Row after row, in order of time and host. Rows of nothing are left out.
    pub numbers: Vec<f64>,
}

impl Answer {
    /// How many numbers it has.
    pub fn values(&self) -> u64 {
        let values: usize = match self {
            Self::Frames(frames) => frames.iter().map(|frame| frame.values().len()).sum(),
            Self::Readings(hosts) => hosts.iter().map(|host| host.rows.values.len()).sum(),
        };
        values as u64
    }

    /// The answer to a question as a table.
    pub fn table(&self, question: Question) -> Table {
        let columns = question.columns();
        let places = FIELDS.map(readings::place_of);
        let mut rows: BTreeMap<(i64, i64), Vec<f64>> = BTreeMap::new();
        let mut put = |time: Timestamp, host: i64, column: usize, value: f64| {
            let row = rows.entry((time.nanos(), host)).or_insert_with(|| vec![f64::NAN; columns]);
            if let Some(place) = row.get_mut(column) {
                *place = value;
            }
        };
        match self {
            Self::Frames(frames) => frames.iter().for_each(|frame| {
                for (labels, row) in frame.rows() {
                    let column = column_of(labels);
                    for (step, value) in row.iter().enumerate() {
                        put(frame.time(step), number_of(labels.get(HOST_LABEL)), column, *value);
                    }
                }
            }),
            Self::Readings(hosts) => hosts.iter().for_each(|Readings { host, rows }| {
                let number = number_of(Some(host));
                for (time, values) in rows.times.iter().zip(rows.values.chunks(FIELDS.len())) {
                    let time = Timestamp::from_nanos(*time);
                    for (column, place) in places.iter().enumerate() {
                        put(time, number, column, values[*place]);
                    }
                }
            }),
        }
        rows.retain(|_, values| values.iter().any(|value| !value.is_nan()));
        let of = |((time, host), values): ((i64, i64), Vec<f64>)| {
            [time as f64 / 1e9, host as f64].into_iter().chain(values)
        };
        Table { columns: 2 + columns, numbers: rows.into_iter().flat_map(of).collect() }
    }
}

/// The column of a row's values: field after field, each with its aggregates if there are several.
fn column_of(labels: &Labels) -> usize {
    let field = field_of(labels).unwrap_or(0);
    aggregate_of(labels).map_or(field, |place| FLEET_AGGREGATES.len() * field + place)
}

/// The place of the field whose metric a row is of.
fn field_of(labels: &Labels) -> Option<usize> {
    FIELDS.iter().position(|field| metric(field) == labels.metric())
}

/// The place of the aggregate that a row is of, where several were asked for.
fn aggregate_of(labels: &Labels) -> Option<usize> {
    let name = labels.get("aggregate")?;
    FLEET_AGGREGATES.iter().position(|aggregate| aggregate.to_string() == name)
}

fn number_of(host: Option<&str>) -> i64 {
    let digits = host.and_then(|host| host.rsplit('_').next());
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(-1)
}
