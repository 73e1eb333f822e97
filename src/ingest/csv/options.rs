//! What a user may say about a table.

use std::str::FromStr;

use crate::error::{Error, Result};
use crate::ingest::time::TimeOptions;
use crate::model::Unit;

/// How a table of characters is to be read. The default finds out what can be found out without
/// guessing: delimiter, shape, time column, and a unit of time that only fits one way.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CsvOptions {
    /// The character between cells; found from the header among `,` `;` `|` and tab where `None`.
    pub delimiter: Option<u8>,
    /// Wide or long; long where `None` and the header has a column `metric` and one `value`.
    pub shape: Option<Shape>,
    /// The time column, its form and its zone.
    pub time: TimeOptions,
    /// What single columns are. For one column the later rule adds to the earlier ones.
    pub columns: Vec<ColumnRule>,
    /// Labels that every series gets, beside those of the [`Source`](crate::ingest::Source).
    pub labels: Vec<(String, String)>,
    /// Whether a comma separates the fraction of numbers.
    pub decimal_comma: bool,
    /// Whether the first bad line ends the import with an error.
    pub strict: bool,
}

/// The shape of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// A row for each instant, a column for each metric.
    Wide,
    /// A row for each sample: a column `metric`, a column `value`, the others are labels.
    Long,
}

/// What one column is, or in a long table what one metric is.
///
/// As text: `HEADER[=METRIC]` and then any of `,scale=F`, `,unit=U`, `,label`, `,label=NAME`,
/// `,drop`.
///
/// ```
/// use plimsoll::ingest::ColumnRule;
/// let rule: ColumnRule = "Memory usage [KB]=memory_used,scale=1000,unit=B".parse()?;
/// assert_eq!(rule.metric.as_deref(), Some("memory_used"));
/// assert_eq!(rule.scale, Some(1000.0));
/// let rule: ColumnRule = "Server,label=host".parse()?;
/// assert_eq!(rule.label.as_deref(), Some("host"));
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ColumnRule {
    /// The header as it stands in the file without blanks around it, or the metric's default name.
    pub column: String,
    /// The metric's name instead of the default one.
    pub metric: Option<String>,
    /// The metric's unit instead of the one in the header.
    pub unit: Option<Unit>,
    /// What values are multiplied by. The unit in the header no longer holds then.
    pub scale: Option<f64>,
    /// The label that the column's cells are values of; an empty text takes the default name.
    pub label: Option<String>,
    /// Whether the column is not read.
    pub drop: bool,
}

impl CsvOptions {
    /// The delimiter that a text names: one ASCII character, or `tab`.
    pub fn parse_delimiter(text: &str) -> Result<u8> {
        match text.as_bytes() {
            b"tab" | b"\\t" => Ok(b'\t'),
            [byte]
                if byte.is_ascii()
                    && !byte.is_ascii_alphanumeric()
                    && !b"\"\r\n".contains(byte) =>
            {
                Ok(*byte)
            }
            _ => Err(Error::invalid(format!(
                "{text:?} is no delimiter; write one character such as , ; | or the word tab"
            ))),
        }
    }
}

impl ColumnRule {
    /// Checks that the parts of the rule go together.
    pub fn check(&self) -> Result<()> {
        let metric = self.metric.is_some() || self.unit.is_some() || self.scale.is_some();
        let kinds = [metric, self.label.is_some(), self.drop];
        let refused = |what: &str| Err(Error::invalid(format!("column {:?}: {what}", self.column)));
        if self.column.is_empty() {
            return refused("a rule needs the header of its column");
        }
        match kinds.into_iter().filter(|kind| *kind).count() {
            0 => return refused("the rule says nothing; give =METRIC, scale, unit, label or drop"),
            1 => {}
            _ => return refused("a column is a metric, a label or dropped; say one of them"),
        }
        if self.metric.as_deref().is_some_and(str::is_empty) {
            return refused("the metric's name is empty");
        }
        if self.scale.is_some_and(|scale| !scale.is_normal()) {
            return refused("the scale must be a number other than zero");
        }
        Ok(())
    }

    /// Adds what a later rule says; a new kind (metric, label, dropped) replaces the old one.
    pub(super) fn add(&mut self, later: &Self) {
        if later.drop || later.label.is_some() || self.drop || self.label.is_some() {
            *self = later.clone();
            return;
        }
        self.metric = later.metric.clone().or(self.metric.take());
        self.unit = later.unit.clone().or(self.unit.take());
        self.scale = later.scale.or(self.scale);
    }
}

impl FromStr for ColumnRule {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut parts = text.split(',').map(str::trim);
        let head = parts.next().unwrap_or("");
        let (column, metric) = match head.split_once('=') {
            Some((column, metric)) => (column.trim(), Some(metric.trim().to_owned())),
            None => (head, None),
        };
        let mut rule = Self { column: column.to_owned(), metric, ..Self::default() };
        for part in parts {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            match key.trim() {
                "drop" if value.is_empty() => rule.drop = true,
                "label" => rule.label = Some(value.trim().to_owned()),
                "unit" => rule.unit = Some(value.parse()?),
                "scale" => {
                    let scale = value.trim().parse();
                    rule.scale = Some(scale.map_err(|_| {
                        Error::invalid(format!("{text:?}: the scale {value:?} is no number"))
                    })?);
                }
                _ => {
                    return Err(Error::invalid(format!(
                        "{text:?}: {part:?} is not understood; write HEADER=METRIC, then scale=F, \
                         unit=U, label=NAME or drop, separated by commas (a header with commas or \
                         = needs a mapping file)"
                    )));
                }
            }
        }
        rule.check()?;
        Ok(rule)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_read_or_say_what_is_wrong() {
        let rule: ColumnRule = " CPU usage [MHZ] = cpu_mhz , unit=MHz".parse().unwrap();
        assert_eq!(
            (rule.column.as_str(), rule.metric.as_deref()),
            ("CPU usage [MHZ]", Some("cpu_mhz"))
        );
        assert_eq!(rule.unit, Some("MHz".parse().unwrap()));
        assert!("notes,drop".parse::<ColumnRule>().unwrap().drop);
        assert_eq!("zone,label".parse::<ColumnRule>().unwrap().label.as_deref(), Some(""));
        for (text, part) in [
            ("", "needs the header"),
            ("a", "says nothing"),
            ("a=", "name is empty"),
            ("a=b,drop", "say one"),
            ("a,label=x,unit=s", "say one"),
            ("a,scale=x", "no number"),
            ("a,scale=0", "other than zero"),
            ("a,scale=nan", "other than zero"),
            ("a,unit=", "is not a unit"),
            ("a,size=3", "is not understood"),
        ] {
            let error = text.parse::<ColumnRule>().unwrap_err().to_string();
            assert!(error.contains(part), "{text:?}: {error}");
        }
    }

    #[test]
    fn later_rules_add_to_earlier_ones() {
        let rule = |text: &str| text.parse::<ColumnRule>().unwrap();
        let mut first = rule("a=x,scale=2");
        first.add(&rule("a,unit=B"));
        assert_eq!(first, rule("a=x,scale=2,unit=B"));
        first.add(&rule("a,drop"));
        assert_eq!(first, rule("a,drop"));
        first.add(&rule("a=y"));
        assert_eq!(first, rule("a=y"));
    }

    #[test]
    fn delimiters() {
        assert_eq!(CsvOptions::parse_delimiter("tab").unwrap(), b'\t');
        assert_eq!(CsvOptions::parse_delimiter(";").unwrap(), b';');
        for text in ["", "ab", "é", "\"", "a", "1"] {
            assert!(CsvOptions::parse_delimiter(text).is_err(), "{text:?}");
        }
    }
}
