//! The mapping file: the options of a table, written down once as TOML.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::options::{ColumnRule, CsvOptions, Shape};
use crate::error::{Error, Result};
use crate::ingest::time::TimeOptions;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mapping {
    delimiter: Option<toml::Spanned<String>>,
    shape: Option<Shape>,
    #[serde(default)]
    decimal_comma: bool,
    #[serde(default)]
    time: Time,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    columns: BTreeMap<String, toml::Spanned<Column>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Time {
    column: Option<String>,
    unit: Option<toml::Spanned<String>>,
    zone: Option<toml::Spanned<String>>,
    format: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Column {
    metric: Option<String>,
    unit: Option<String>,
    scale: Option<f64>,
    label: Option<String>,
    #[serde(default)]
    drop: bool,
}

impl CsvOptions {
    /// Reads a mapping file; `origin` is its name. Errors name the line.
    ///
    /// ```
    /// use plimsoll::ingest::CsvOptions;
    /// let text = r#"
    /// delimiter = ";"
    /// [time]
    /// unit = "s"
    /// [columns."CPU usage [MHZ]"]
    /// metric = "cpu_mhz"
    /// "#;
    /// let options = CsvOptions::from_toml(text, "bitbrains.toml")?;
    /// assert_eq!(options.columns[0].metric.as_deref(), Some("cpu_mhz"));
    /// # Ok::<(), plimsoll::Error>(())
    /// ```
    pub fn from_toml(text: &str, origin: &str) -> Result<Self> {
        let at = |offset: usize, what: String| {
            let before = text.as_bytes().iter().take(offset);
            let line = 1 + before.filter(|b| **b == b'\n').count() as u64;
            Error::Parse { origin: origin.to_owned(), line, what }
        };
        let mapping: Mapping = toml::from_str(text).map_err(|why| {
            let what = why.message().replace('\n', " ");
            at(
                why.span().map_or(0, |s| s.start),
                format!("{what}; see docs/import.md for the keys"),
            )
        })?;
        let delimiter = mapping.delimiter.map(|text| {
            let place = text.span().start;
            Self::parse_delimiter(text.get_ref()).map_err(|why| at(place, why.to_string()))
        });
        Ok(Self {
            delimiter: delimiter.transpose()?,
            shape: mapping.shape,
            time: mapping.time.options(&at)?,
            columns: columns(mapping.columns, &at)?,
            labels: mapping.labels.into_iter().collect(),
            decimal_comma: mapping.decimal_comma,
            strict: false,
        })
    }
}

impl Time {
    fn options(self, at: &dyn Fn(usize, String) -> Error) -> Result<TimeOptions> {
        Ok(TimeOptions {
            column: self.column,
            form: parsed(self.unit.as_ref(), at)?,
            zone: parsed(self.zone.as_ref(), at)?,
            format: self.format,
        })
    }
}

/// The value of a text that has a place in the file.
fn parsed<T: std::str::FromStr<Err = Error>>(
    text: Option<&toml::Spanned<String>>,
    at: &dyn Fn(usize, String) -> Error,
) -> Result<Option<T>> {
    let Some(text) = text else { return Ok(None) };
    text.get_ref().parse().map(Some).map_err(|why: Error| at(text.span().start, why.to_string()))
}

fn columns(
    columns: BTreeMap<String, toml::Spanned<Column>>,
    at: &dyn Fn(usize, String) -> Error,
) -> Result<Vec<ColumnRule>> {
    let rule = |(name, column): (String, toml::Spanned<Column>)| {
        let start = column.span().start;
        let Column { metric, unit, scale, label, drop } = column.into_inner();
        let unit = unit.map(|unit| unit.parse()).transpose();
        let refused = |why: Error| at(start, why.to_string());
        let unit = unit.map_err(refused)?;
        let rule = ColumnRule { column: name.trim().to_owned(), metric, unit, scale, label, drop };
        rule.check().map_err(refused)?;
        Ok(rule)
    };
    columns.into_iter().map(rule).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::time::{TimeForm, TimeUnit};

    #[test]
    fn every_key() {
        let text = r#"
            delimiter = "tab"
            shape = "long"
            decimal_comma = true
            [time]
            column = "when"
            unit = "ms"
            zone = "+01:00"
            [labels]
            site = "ams"
            [columns."CPU [MHZ]"]
            metric = "cpu"
            unit = "MHz"
            scale = 2
            [columns.server]
            label = "host"
            [columns.notes]
            drop = true
        "#;
        let options = CsvOptions::from_toml(text, "m.toml").unwrap();
        let rules = ["CPU [MHZ]=cpu,scale=2,unit=MHz", "notes,drop", "server,label=host"];
        let expected = CsvOptions {
            delimiter: Some(b'\t'),
            shape: Some(Shape::Long),
            time: TimeOptions {
                column: Some("when".into()),
                form: Some(TimeForm::Epoch(TimeUnit::Milliseconds)),
                zone: Some("+01:00".parse().unwrap()),
                format: None,
            },
            columns: rules.map(|rule| rule.parse().unwrap()).to_vec(),
            labels: vec![("site".into(), "ams".into())],
            decimal_comma: true,
            strict: false,
        };
        assert_eq!(options, expected);
        assert_eq!(CsvOptions::from_toml("", "m.toml").unwrap(), CsvOptions::default());
    }

    #[test]
    fn errors_name_the_line() {
        for (text, start) in [
            ("shape = \"wide\"\nhost = 1", "m.toml:2: unknown field `host`"),
            ("\n\n[time]\nunit = \"h\"", "m.toml:4: \"h\" is not a form of time"),
            ("[time]\nzone = \"Mars\"", "m.toml:2: \"Mars\" is not a time zone"),
            ("\ndelimiter = \"::\"", "m.toml:2: \"::\" is no delimiter"),
            ("[columns.a]\ndrop = true\n[columns.b]\nscale = 0", "m.toml:3: column \"b\""),
            ("[columns.a]\nunits = \"s\"", "m.toml:2: unknown field `units`"),
            ("shape = \"round\"", "m.toml:1: unknown variant `round`"),
            ("a = = 1", "m.toml:1: "),
        ] {
            let error = CsvOptions::from_toml(text, "m.toml").unwrap_err().to_string();
            assert!(error.starts_with(start), "{error}");
        }
    }
}
