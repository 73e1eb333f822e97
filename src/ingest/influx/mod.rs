//! Influx line protocol: `measurement,tag=a field=1,other=2i timestamp`.

mod line;
mod timestamps;

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use super::collect::{Collector, FamilyId};
use super::lines::{Lines, Source};
use super::report::{ImportReport, Ledger, Reason, Refusal, Trouble};
use super::time::TimeUnit;
use crate::error::Result;
use crate::model::{Labels, METRIC_LABEL, SeriesId, Sink};
use line::{ESCAPED, Parts, Value, read_key, split, unescape};
use timestamps::Timestamps;

/// How line protocol is to be read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InfluxOptions {
    /// The unit of timestamps. Where `None`, they are nanoseconds, as writers make them that were
    /// not told otherwise, and must lie in the years 2000 to 2100.
    pub precision: Option<TimeUnit>,
    /// Labels that every series gets, beside its tags and those of the [`Source`].
    pub labels: Vec<(String, String)>,
    /// Whether the first bad line ends the import with an error.
    pub strict: bool,
}

/// Imports one file of line protocol. The metric of a field is `measurement_field`, tags are
/// labels, integers become the nearest double, truth values 1 and 0; text fields are counted and
/// skipped. A line without a timestamp is refused, as there is no clock here. A file whose first
/// timestamp has no likely reading in nanoseconds is an [`Error::Parse`](crate::Error::Parse)
/// before any sample of it is imported, unless the precision is given.
///
/// Linear time. Memory: 16 MiB of waiting samples, one line of at most 1 MiB, and the names of the
/// series of the file. Several threads may import different files. A bad line is counted in the
/// report, or is the error in a `strict` import; samples of the lines before it may have been
/// handed to the sink by then.
pub fn import_influx(
    source: Source<'_>,
    options: &InfluxOptions,
    sink: &mut dyn Sink,
) -> Result<ImportReport> {
    let mut ledger = Ledger::new(source.origin, options.strict);
    let fixed: Vec<_> = source.labels.iter().chain(&options.labels).cloned().collect();
    let mut lines = Lines::new(source);
    let mut reader = Reader {
        collector: Collector::new(sink),
        timestamps: Timestamps::new(options.precision),
        fixed,
        by_key: HashMap::new(),
        by_labels: HashMap::new(),
        hosts: Vec::new(),
        owners: HashMap::new(),
        row: Row::default(),
    };
    while let Some(line) = lines.next()? {
        let (number, unended) = (line.number, line.unended);
        let outcome = match line.text.map(|text| text.trim_ascii()) {
            Some([] | [b'#', ..]) => continue,
            Some(text) => reader.line(text, number),
            None => Err(Refusal::new(Reason::TooLong, "the line is longer than 1 MiB").into()),
        };
        let taken = outcome.is_ok();
        ledger.line(number, outcome)?;
        if taken {
            ledger.report.missing += reader.row.missing;
            ledger.report.skipped_fields += reader.row.texts;
        }
        if taken && unended {
            ledger.unended(number);
        }
    }
    ledger.report.samples = reader.collector.finish()?;
    Ok(ledger.report)
}

struct Reader<'a> {
    collector: Collector<'a>,
    timestamps: Timestamps,
    fixed: Vec<(String, String)>,
    /// Measurement and tags as they stand in the file, so that labels are built once.
    by_key: HashMap<Box<[u8]>, usize>,
    /// The same, sorted: tags in another order are the same host.
    by_labels: HashMap<Labels, usize>,
    hosts: Vec<Host>,
    owners: HashMap<SeriesId, Owner>,
    row: Row,
}

/// The host that a series is of, and the line that it was first met in.
struct Owner {
    host: usize,
    line: u64,
}

/// What has one measurement and one set of tags.
struct Host {
    /// The measurement as the metric, and the tags.
    labels: Labels,
    family: FamilyId,
    fields: Vec<(Box<[u8]>, SeriesId)>,
    by_name: HashMap<Box<[u8]>, usize>,
}

/// The line at hand; kept between lines for its memory.
#[derive(Default)]
struct Row {
    series: Vec<SeriesId>,
    values: Vec<f64>,
    sorted: Vec<SeriesId>,
    missing: u64,
    texts: u64,
}

impl Reader<'_> {
    fn line(&mut self, text: &[u8], number: u64) -> Result<(), Trouble> {
        let mut parts = split(text)?;
        let at = match self.by_key.get(parts.key) {
            Some(at) => *at,
            None => self.add_host(&parts)?,
        };
        let Some(host) = self.hosts.get_mut(at) else { return Ok(()) };
        let row = &mut self.row;
        row.clear();
        // Fields most often come in the order of the line before.
        let (mut expected, mut in_order) = (0, true);
        while let Some((name, value)) = parts.fields.next()? {
            let value = match value {
                Value::Number(value) => value,
                Value::Missing => {
                    row.missing += 1;
                    continue;
                }
                Value::Text => {
                    row.texts += 1;
                    continue;
                }
            };
            let as_expected = host.fields.get(expected).is_some_and(|(known, _)| **known == *name);
            let found = if as_expected {
                expected
            } else if let Some(found) = host.by_name.get(name) {
                *found
            } else {
                self.timestamps.check_rest(parts.fields)?;
                let (labels, id) = host.series(name, &mut self.collector)?;
                let owner = self.owners.entry(id).or_insert(Owner { host: at, line: number });
                if owner.host != at {
                    return Err(taken(&labels, owner.line).into());
                }
                host.add_field(name, id)
            };
            in_order &= found >= expected;
            expected = found + 1;
            let Some((_, id)) = host.fields.get(found) else { continue };
            row.series.push(*id);
            row.values.push(value);
        }
        if !in_order {
            row.check_unique()?;
        }
        let nanos = self.timestamps.read(parts.fields.timestamp())?;
        Ok(self.collector.push(host.family, &row.series, nanos, &row.values)?)
    }

    /// The place of the host of a line that is new at least in how its tags are written.
    fn add_host(&mut self, parts: &Parts<'_>) -> Result<usize, Trouble> {
        self.timestamps.check_rest(parts.fields)?;
        let (measurement, tags) = read_key(parts.key)?;
        let labels = Labels::new(&measurement, self.fixed.iter().cloned().chain(tags));
        let labels = labels.map_err(|why| Refusal::new(Reason::Label, why.to_string()))?;
        let at = self.by_labels.get(&labels).copied().unwrap_or(self.hosts.len());
        if at == self.hosts.len() {
            self.by_labels.insert(labels.clone(), at);
            let family = self.collector.family();
            self.hosts.push(Host { labels, family, fields: Vec::new(), by_name: HashMap::new() });
        }
        self.by_key.insert(parts.key.into(), at);
        Ok(at)
    }
}

impl Host {
    /// The series of a field that the host did not have so far.
    fn series(
        &self,
        name: &[u8],
        collector: &mut Collector<'_>,
    ) -> Result<(Labels, SeriesId), Trouble> {
        let metric = format!("{}_{}", self.labels.metric(), unescape(name, ESCAPED)?);
        let tags = self.labels.iter().filter(|(name, _)| *name != METRIC_LABEL);
        let labels = Labels::new(&metric, tags);
        let labels = labels.map_err(|why| Refusal::new(Reason::Label, why.to_string()))?;
        let id = collector.series(&labels, None)?;
        Ok((labels, id))
    }

    fn add_field(&mut self, name: &[u8], id: SeriesId) -> usize {
        let at = self.fields.len();
        self.fields.push((name.into(), id));
        self.by_name.insert(name.into(), at);
        at
    }
}

/// Measurement and field together may be one metric of two: `a_b` with `c`, and `a` with `b_c`.
#[cold]
fn taken(labels: &Labels, line: u64) -> Refusal {
    let what = format!(
        "another measurement and field are the series {labels} since line {line}; rename one of \
         the two in the export, or leave it out"
    );
    Refusal::new(Reason::Label, what)
}

impl Row {
    fn clear(&mut self) {
        self.series.clear();
        self.values.clear();
        self.missing = 0;
        self.texts = 0;
    }

    /// Refuses a line that has a field twice.
    fn check_unique(&mut self) -> Result<(), Refusal> {
        self.sorted.clone_from(&self.series);
        self.sorted.sort_unstable();
        let twice = self.sorted.windows(2).any(|two| two.first() == two.last());
        if twice {
            return Err(Refusal::new(Reason::Syntax, "the line has a field twice; keep one"));
        }
        Ok(())
    }
}
