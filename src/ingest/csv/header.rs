//! From the header line and the options to a plan: which column is what.

use super::columns::{Header, read_headers};
use super::options::{ColumnRule, CsvOptions, Shape};
use super::roles::Rules;
use super::split::Cells;
use crate::ingest::time::TimeUnit;
use crate::model::{METRIC_LABEL, Unit};

/// Delimiters that are looked for.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// Default names that make a column the time column, a unit at the end aside.
const TIME_NAMES: [&str; 11] = [
    "time",
    "timestamp",
    "ts",
    "date",
    "datetime",
    "date_time",
    "epoch",
    "unix_time",
    "unix_timestamp",
    "unixtime",
    "event_time",
];

/// Which column of a table is what.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) delimiter: u8,
    /// Cells of the header.
    pub(super) width: usize,
    /// The same without those behind the last one that has a name.
    pub(super) named_width: usize,
    pub(super) time: usize,
    pub(super) time_header: String,
    /// The unit that the time column's header names.
    pub(super) time_hint: Option<TimeUnit>,
    /// Label columns with the label's name.
    pub(super) labels: Vec<(usize, String)>,
    pub(super) body: Body,
}

/// The columns that carry samples.
#[derive(Debug)]
pub(super) enum Body {
    Wide(Vec<Metric>),
    Long(LongColumns),
}

/// One metric's column of a wide table.
#[derive(Debug)]
pub(super) struct Metric {
    pub(super) at: usize,
    pub(super) header: String,
    pub(super) name: String,
    pub(super) unit: Option<Unit>,
    pub(super) scale: f64,
}

/// The columns of a long table.
#[derive(Debug)]
pub(super) struct LongColumns {
    pub(super) metric: usize,
    pub(super) value: usize,
    pub(super) value_header: String,
    /// That of metrics of which no rule says more.
    pub(super) unit: Option<Unit>,
    /// What single metrics are.
    pub(super) rules: Vec<ColumnRule>,
}

impl Plan {
    /// Reads the header; `fixed` are the labels that every series gets. An error says what is wrong
    /// and what to do.
    pub(super) fn new(
        line: &mut [u8],
        options: &CsvOptions,
        fixed: &[(String, String)],
    ) -> Result<Self, String> {
        let delimiter = check_text(line).and_then(|()| match options.delimiter {
            Some(delimiter) => Ok(delimiter),
            None => find_delimiter(line),
        })?;
        let mut cells = Cells::default();
        let row = cells.split(line, delimiter).map_err(|refusal| refusal.what)?;
        let text = |at| String::from_utf8_lossy(row.cell(at)).into_owned();
        let width = row.len();
        let mut headers = read_headers((0..width).map(text).collect())?;
        let last = headers.iter().rposition(|header| !header.text.is_empty());
        headers.truncate(last.map_or(0, |last| last + 1));
        let rules = Rules::new(&headers, &options.columns);
        let time = time_column(&headers, &rules, options.time.column.as_deref())?;
        if rules.of(time).is_some() {
            return Err(format!(
                "the column {} is the time column; its rule cannot hold",
                named(&headers, time)
            ));
        }
        let long = rules.long_columns(&headers, time);
        let (labels, body) = match (options.shape, long) {
            (None | Some(Shape::Long), (Some(metric), Some(value))) => {
                rules.long(&headers, time, metric, value)?
            }
            (Some(Shape::Long), (metric, _)) => {
                let (missing, rule) = match metric {
                    None => ("metric", "HEADER,label=__name__"),
                    Some(_) => ("value", "HEADER=value"),
                };
                return Err(format!(
                    "a long table needs a column {missing}; name it with --column '{rule}'; {}",
                    listed(&headers)
                ));
            }
            (None | Some(Shape::Wide), _) => rules.wide(&headers, time)?,
        };
        check_labels(&labels, fixed)?;
        let header = headers.get(time);
        let (time_header, time_hint) =
            header.map(|h| (h.text.clone(), hint(h))).unwrap_or_default();
        let named_width = headers.len();
        Ok(Self { delimiter, width, named_width, time, time_header, time_hint, labels, body })
    }
}

fn check_text(line: &[u8]) -> Result<(), String> {
    if line.starts_with(b"\xFF\xFE") || line.starts_with(b"\xFE\xFF") || line.contains(&0) {
        return Err("the file is UTF-16 or no text; convert it to UTF-8 (iconv -f UTF-16)".into());
    }
    if line.trim_ascii_end().contains(&b'\r') {
        return Err(
            "the file's lines end with a carriage return alone; convert them to line feeds \
                    (tr '\\r' '\\n')"
                .into(),
        );
    }
    std::str::from_utf8(line).map(|_| ()).map_err(|why| {
        format!("the header is not UTF-8 at byte {}; convert the file (iconv)", why.valid_up_to())
    })
}

/// The delimiter that occurs most outside of quotes. One that follows another one directly, as the
/// tab in `a;<tab>b`, is padding.
fn find_delimiter(line: &[u8]) -> Result<u8, String> {
    let mut counts = [0_usize; DELIMITERS.len()];
    let (mut quoted, mut last) = (false, None);
    for byte in line {
        quoted ^= *byte == b'"';
        let found = DELIMITERS.iter().position(|d| d == byte).filter(|_| !quoted);
        if let Some(count) = found.and_then(|at| counts.get_mut(at)) {
            *count += usize::from(last.is_none_or(|last| last == *byte));
        }
        if *byte != b' ' && !(*byte == b'\t' && last.is_some_and(|last| last != b'\t')) {
            last = found.map(|_| *byte);
        }
    }
    let most = counts.into_iter().max().unwrap_or(0);
    let mut found = DELIMITERS.iter().zip(counts).filter(|(_, count)| *count == most);
    match (most, found.next(), found.next()) {
        (1.., Some((delimiter, _)), None) => Ok(*delimiter),
        (0, ..) => Err("the header has one column only, for none of , ; | and tab is in it; give \
                        the delimiter (--delimiter)"
            .into()),
        _ => Err("the header has as many of one delimiter as of another; give the delimiter \
                  (--delimiter)"
            .into()),
    }
}

/// The unit of time that a header names: in brackets, or as its last word (`timestamp_ms`).
fn hint(header: &Header) -> Option<TimeUnit> {
    let in_brackets = header.unit.as_ref().map(Unit::as_str);
    let last_word = header.name.rsplit_once('_').map(|(_, word)| word);
    [in_brackets, last_word].into_iter().flatten().find_map(TimeUnit::from_word)
}

fn is_time(header: &Header) -> bool {
    let name = header.name.as_str();
    let base = name.rsplit_once('_').filter(|(_, word)| TimeUnit::from_word(word).is_some());
    TIME_NAMES.contains(&name) || base.is_some_and(|(base, _)| TIME_NAMES.contains(&base))
}

/// The place of the time column: the one that is named, or the only one whose name says so, or else
/// a first column without a name, as pandas writes an index.
fn time_column(
    headers: &[Header],
    rules: &Rules<'_>,
    wanted: Option<&str>,
) -> Result<usize, String> {
    if let Some(wanted) = wanted {
        return find(headers, wanted.trim())
            .ok_or_else(|| format!("there is no time column {wanted:?}; {}", listed(headers)));
    }
    let free = |at: &usize| rules.of(*at).is_none();
    let mut found =
        (0..headers.len()).filter(|at| headers.get(*at).is_some_and(is_time)).filter(free);
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one),
        (Some(one), Some(other)) => Err(format!(
            "both {} and {} look like the time column; give it (--time-column) and drop the other",
            named(headers, one),
            named(headers, other)
        )),
        (None, _) if headers.first().is_some_and(|h| h.text.is_empty()) => Ok(0),
        (None, _) => Err(format!(
            "no column looks like the time; give it (--time-column), or the delimiter if the \
             header is split wrongly; {}",
            listed(headers)
        )),
    }
}

/// The column with this header, or else with this default name.
pub(super) fn find(headers: &[Header], wanted: &str) -> Option<usize> {
    let by_text = headers.iter().position(|header| header.text == wanted);
    by_text.or_else(|| {
        let mut found = headers.iter().enumerate().filter(|(_, h)| h.name == wanted);
        found.next().map(|(at, _)| at).filter(|_| found.next().is_none())
    })
}

fn named(headers: &[Header], at: usize) -> String {
    headers.get(at).map_or_else(String::new, |header| format!("{:?}", header.text))
}

/// The headers, for a message.
pub(super) fn listed(headers: &[Header]) -> String {
    let texts: Vec<_> = headers.iter().take(20).map(|h| format!("{:?}", h.text)).collect();
    let more = if headers.len() > 20 { ", ..." } else { "" };
    format!("the header has {}{more}", texts.join(", "))
}

fn check_labels(labels: &[(usize, String)], fixed: &[(String, String)]) -> Result<(), String> {
    let mut names: Vec<_> = labels.iter().map(|(_, name)| name.as_str()).collect();
    names.extend(fixed.iter().map(|(name, _)| name.as_str()));
    names.sort_unstable();
    if let Some(name) = names.iter().find(|name| name.is_empty() || **name == METRIC_LABEL) {
        return Err(format!("{name:?} cannot be the name of a label here; name it otherwise"));
    }
    match names.windows(2).find(|two| two.first() == two.last()) {
        Some(two) => Err(format!(
            "the label {:?} is given twice, by columns, by the file's path or by options; drop or \
             rename one",
            two.first().copied().unwrap_or_default()
        )),
        None => Ok(()),
    }
}
