//! Query results for people (table), for spreadsheets (CSV) and for programs (JSON).

use std::io::{self, Write};

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde::ser::{Serialize, SerializeMap, SerializeStruct, Serializer};

use super::{defused, visible};
use crate::error::Result;
use crate::model::{CalendarSteps, Frame, Labels, METRIC_LABEL, Timestamp};

/// Lines after which a table for people is cut; the other forms are always whole.
const TABLE_LINES_MAX: usize = 500;
/// The heading of the column of [`METRIC_LABEL`].
const METRIC_HEADING: &str = "metric";
/// The version of the JSON form; raised when a field changes its meaning or goes.
const SCHEMA_VERSION: u32 = 1;

/// What goes wrong while frames are written: the query, or the output.
#[derive(Debug)]
pub enum FramesError {
    /// The query failed.
    Query(crate::Error),
    /// The output took no more.
    Output(io::Error),
}

impl From<crate::Error> for FramesError {
    fn from(why: crate::Error) -> Self {
        Self::Query(why)
    }
}

impl From<io::Error> for FramesError {
    fn from(why: io::Error) -> Self {
        Self::Output(why)
    }
}

impl From<::csv::Error> for FramesError {
    fn from(why: ::csv::Error) -> Self {
        Self::Output(why.into())
    }
}

impl From<serde_json::Error> for FramesError {
    fn from(why: serde_json::Error) -> Self {
        Self::Output(why.into())
    }
}

/// Writes a table: a line per series and step with a value, a column per label. Times are in UTC,
/// or where steps are those of a calendar in its zone. Gaps are left out; a long table is cut and
/// says so.
pub fn write_table(
    label_names: &[String],
    frames: impl Iterator<Item = Result<Frame>>,
    out: &mut dyn Write,
) -> Result<(), FramesError> {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    let headings = headings(label_names, &["time", "value"]);
    table.set_header(headings.iter().map(|name| visible(name)));
    if let Some(column) = table.column_mut(label_names.len() + 1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let (mut lines, mut left_out) = (0, 0_u64);
    for frame in frames {
        let frame = frame?;
        for (labels, row) in frame.rows() {
            for (step, value) in row.iter().enumerate().filter(|(_, value)| !value.is_nan()) {
                if lines == TABLE_LINES_MAX {
                    left_out += 1;
                    continue;
                }
                lines += 1;
                let cells = label_names.iter().map(|name| shown_value(labels, name));
                let time = shown_time(&frame, frame.time(step));
                table.add_row(cells.chain([time, number(*value)]));
            }
        }
    }
    if lines == 0 {
        writeln!(out, "no samples in this range")?;
        return Ok(());
    }
    for line in table.lines() {
        writeln!(out, "{}", line.trim_end())?;
    }
    if left_out > 0 {
        writeln!(out, "... and {left_out} more; --format csv or json writes them all")?;
    }
    Ok(())
}

/// Writes CSV: a line per series and step with a value, a column per label, times in RFC 3339 (in
/// UTC, or where steps are those of a calendar in its zone) and in nanoseconds since the epoch.
/// Gaps are left out. Of a label whose name another column has, the heading begins with `label_`. A
/// text that a spreadsheet would run as a formula is preceded by an apostrophe.
pub fn write_csv(
    label_names: &[String],
    frames: impl Iterator<Item = Result<Frame>>,
    out: &mut dyn Write,
) -> Result<(), FramesError> {
    let mut writer = ::csv::Writer::from_writer(out);
    let headings = headings(label_names, &["time", "time_nanos", "value"]);
    writer.write_record(headings.iter().map(|name| defused(name).into_owned()))?;
    for frame in frames {
        let frame = frame?;
        for (labels, row) in frame.rows() {
            let own: Vec<_> = label_names
                .iter()
                .map(|name| defused(labels.get(name).unwrap_or("")).into_owned())
                .collect();
            for (step, value) in row.iter().enumerate().filter(|(_, value)| !value.is_nan()) {
                let time = frame.time(step);
                own.iter().try_for_each(|cell| writer.write_field(cell))?;
                writer.write_field(shown_time(&frame, time))?;
                writer.write_field(time.nanos().to_string())?;
                writer.write_field(number(*value))?;
                writer.write_record(None::<&[u8]>)?;
            }
        }
    }
    writer.flush()?;
    Ok(())
}

/// Writes JSON: `{"schema_version", "series": [{"labels", "start", "step_seconds", "values"}]}`,
/// with `null` where there is no value. Series are written as they are computed.
///
/// Where steps are those of a calendar they have no `step_seconds`, and before `series` comes
/// `"calendar": {"unit", "zone", "edges"}`: where each step of every series begins, in local time
/// with its offset, and then the end of the last.
pub fn write_json(
    frames: impl Iterator<Item = Result<Frame>>,
    out: &mut dyn Write,
) -> Result<(), FramesError> {
    let mut frames = frames.peekable();
    write!(out, "{{\"schema_version\":{SCHEMA_VERSION},")?;
    if let Some(Ok(first)) = frames.peek()
        && let Some(steps) = first.calendar()
    {
        write!(out, "\"calendar\":")?;
        serde_json::to_writer(&mut *out, &JsonCalendar(steps))?;
        write!(out, ",")?;
    }
    write!(out, "\"series\":[")?;
    let mut separator = "\n";
    for frame in frames {
        let frame = frame?;
        for (labels, values) in frame.rows() {
            out.write_all(separator.as_bytes())?;
            serde_json::to_writer(&mut *out, &JsonRow { frame: &frame, labels, values })?;
            separator = ",\n";
        }
    }
    writeln!(out, "\n]}}")?;
    Ok(())
}

struct JsonRow<'a> {
    frame: &'a Frame,
    labels: &'a Labels,
    values: &'a [f64],
}

impl Serialize for JsonRow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut row = serializer.serialize_struct("series", 4)?;
        row.serialize_field("labels", &JsonLabels(self.labels))?;
        row.serialize_field("start", &shown_time(self.frame, self.frame.start()))?;
        match self.frame.step() {
            Some(step) => row.serialize_field("step_seconds", &step.seconds())?,
            None => row.skip_field("step_seconds")?,
        }
        // serde_json writes NaN and infinities as null.
        row.serialize_field("values", self.values)?;
        row.end()
    }
}

struct JsonCalendar<'a>(&'a CalendarSteps);

impl Serialize for JsonCalendar<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (unit, zone) = (self.0.calendar().unit(), self.0.calendar().zone());
        let edges: Vec<String> = self.0.edges().map(|edge| zone.show(edge)).collect();
        let mut calendar = serializer.serialize_struct("calendar", 3)?;
        calendar.serialize_field("unit", &unit.to_string())?;
        calendar.serialize_field("zone", &zone.to_string())?;
        calendar.serialize_field("edges", &edges)?;
        calendar.end()
    }
}

struct JsonLabels<'a>(&'a Labels);

impl Serialize for JsonLabels<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self.0.iter() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

fn shown_time(frame: &Frame, time: Timestamp) -> String {
    match frame.calendar() {
        Some(steps) => steps.calendar().zone().show(time),
        None => time.to_string(),
    }
}

/// The shortest text that reads back as the same number.
fn number(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-5..1e16).contains(&size) {
        format!("{value:e}")
    } else {
        format!("{value}")
    }
}

/// The headings of the columns: of the labels, and then those that are fixed. A label that has the
/// name of another column is told from it by `label_` before its name.
fn headings(label_names: &[String], fixed: &[&str]) -> Vec<String> {
    let has_metric = label_names.iter().any(|name| name == METRIC_LABEL);
    let is_taken = |name: &str| fixed.contains(&name) || (has_metric && name == METRIC_HEADING);
    let of_label = |name: &String| {
        if name == METRIC_LABEL {
            return METRIC_HEADING.to_owned();
        }
        let mut heading = name.clone();
        while is_taken(&heading) || (heading != *name && label_names.contains(&heading)) {
            heading.insert_str(0, "label_");
        }
        heading
    };
    let fixed = fixed.iter().map(|name| (*name).to_owned());
    label_names.iter().map(of_label).chain(fixed).collect()
}

/// A label's value without characters that steer a terminal.
fn shown_value(labels: &Labels, name: &str) -> String {
    visible(labels.get(name).unwrap_or("")).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Calendar, Span, TimeRange};

    fn frames() -> impl Iterator<Item = Result<Frame>> {
        let labels = vec![
            Labels::new("cpu", [("host", "=cmd()"), ("zone", "a")]).unwrap(),
            Labels::new("cpu", [("host", "w\x1b[31m")]).unwrap(),
        ];
        let values = vec![1.5, f64::NAN, 1e300, -0.25];
        let frame = Frame::new(Timestamp::from_seconds(0), Span::HOUR, 2, labels, values);
        std::iter::once(frame)
    }

    fn written(write: impl FnOnce(&[String], &mut dyn Write) -> Result<(), FramesError>) -> String {
        let names = ["__name__", "host", "zone"].map(ToOwned::to_owned);
        let mut out = Vec::new();
        write(&names, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn no_two_columns_have_one_heading() {
        let of = |names: &[&str], fixed: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            headings(&names, fixed).join(" ")
        };
        let csv = ["time", "time_nanos", "value"];
        assert_eq!(
            of(&["__name__", "metric", "time", "time_nanos", "value"], &csv),
            "metric label_metric label_time label_time_nanos label_value time time_nanos value"
        );
        // Without a column of the metric the name is free, as is `time_nanos` in a table.
        assert_eq!(of(&["metric", "time_nanos"], &["time"]), "metric time_nanos time");
        let twice = of(&["label_time", "time"], &csv);
        assert_eq!(twice, "label_time label_label_time time time_nanos value");
    }

    #[test]
    fn csv_has_a_line_per_value_and_no_formula() {
        let expected = "metric,host,zone,time,time_nanos,value\n\
             cpu,'=cmd(),a,1970-01-01T00:00:00Z,0,1.5\n\
             cpu,w\\u{1b}[31m,,1970-01-01T00:00:00Z,0,1e300\n\
             cpu,w\\u{1b}[31m,,1970-01-01T01:00:00Z,3600000000000,-0.25\n";
        assert_eq!(written(|names, out| write_csv(names, frames(), out)), expected);
    }

    #[test]
    fn json_reads_back_and_gaps_are_null() {
        let text = written(|_, out| write_json(frames(), out));
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["schema_version"], 1);
        assert_eq!(json["series"][0]["labels"]["host"], "=cmd()");
        assert_eq!(json["series"][0]["values"], serde_json::json!([1.5, null]));
        assert_eq!(json["series"][1]["step_seconds"], 3600.0);
    }

    #[test]
    fn steps_of_a_calendar_are_written_in_local_time() {
        let months: Calendar = "month in Europe/Berlin".parse().unwrap();
        let (start, end) = ("2013-10-15T12:00:00Z", "2013-12-01T00:00:00+01:00");
        let range = TimeRange { start: start.parse().unwrap(), end: end.parse().unwrap() };
        let frame = || {
            let labels = vec![Labels::new("cpu", [("host", "a")]).unwrap()];
            let steps = months.steps(range).unwrap();
            std::iter::once(Frame::by_calendar(steps, labels, vec![1.0, 2.5]))
        };
        let csv = written(|_, out| write_csv(&["host".to_owned()], frame(), out));
        assert_eq!(
            csv,
            "host,time,time_nanos,value\n\
             a,2013-10-15T14:00:00+02:00,1381838400000000000,1\n\
             a,2013-11-01T00:00:00+01:00,1383260400000000000,2.5\n"
        );
        let json = written(|_, out| write_json(frame(), out));
        assert_eq!(
            json,
            "{\"schema_version\":1,\"calendar\":{\"unit\":\"month\",\"zone\":\"Europe/Berlin\",\
             \"edges\":[\"2013-10-15T14:00:00+02:00\",\"2013-11-01T00:00:00+01:00\",\
             \"2013-12-01T00:00:00+01:00\"]},\"series\":[\n{\"labels\":{\"__name__\":\"cpu\",\
             \"host\":\"a\"},\"start\":\"2013-10-15T14:00:00+02:00\",\"values\":[1.0,2.5]}\n]}\n"
        );
        let table = written(|_, out| write_table(&["host".to_owned()], frame(), out));
        assert!(table.contains("2013-11-01T00:00:00+01:00"), "{table}");
    }

    #[test]
    fn a_table_shows_values_and_never_steers_the_terminal() {
        let text = written(|names, out| write_table(names, frames(), out));
        assert!(!text.contains('\x1b') && text.contains("\\u{1b}"), "{text}");
        assert_eq!(text.lines().count(), 4, "{text}");
        let none = written(|names, out| write_table(names, std::iter::empty(), out));
        assert_eq!(none, "no samples in this range\n");
    }
}
