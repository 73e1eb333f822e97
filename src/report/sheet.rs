//! An answer on one sheet: named numbers with their units, small tables, and notes. What every
//! calculation prints, so that each has all formats.

use std::io::{self, Write};

use serde_json::{Map, Value as Json, json};

use super::table::{Columns, Kind, prose};
use super::{defused, visible};

/// Digits shown to people; programs get all of them.
const DIGITS: usize = 7;

/// A named cell of a [`Sheet`].
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A number. One that is not finite is shown to people and `null` to programs.
    Number(f64),
    /// A whole number.
    Count(u64),
    /// A word or a sentence.
    Text(String),
    /// Nothing can be said.
    None,
}

/// An answer: facts first, then tables, then notes.
///
/// ```
/// use plimsoll::report::Sheet;
/// let mut sheet = Sheet::new("disk");
/// sheet.fact("days_to_line", "line reached after", 200.0, "days");
/// let mut text = Vec::new();
/// sheet.text(&mut text)?;
/// assert_eq!(String::from_utf8(text).unwrap(), "disk\n line reached after  200  days\n");
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Sheet {
    title: String,
    facts: Vec<Fact>,
    tables: Vec<SheetTable>,
    notes: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
struct Fact {
    key: &'static str,
    name: String,
    value: Value,
    unit: String,
}

/// A table of a [`Sheet`].
#[derive(Debug, Clone, PartialEq)]
pub struct SheetTable {
    key: &'static str,
    columns: Vec<Column>,
    rows: Vec<Vec<Value>>,
}

/// A column of a [`SheetTable`]: its key for programs, which ends in the unit, and its heading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    key: &'static str,
    heading: String,
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        // Adding zero turns the -0 of an empty sum into 0.
        Self::Number(number + 0.0)
    }
}

impl From<u64> for Value {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl From<usize> for Value {
    fn from(count: usize) -> Self {
        Self::Count(count as u64)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::None, Into::into)
    }
}

impl Value {
    fn to_text(&self) -> String {
        match self {
            Self::Number(number) => significant(*number),
            Self::Count(count) => count.to_string(),
            Self::Text(text) => visible(text).into_owned(),
            Self::None => "-".to_owned(),
        }
    }

    fn to_json(&self) -> Json {
        match self {
            Self::Number(number) => json!(number),
            Self::Count(count) => json!(count),
            Self::Text(text) => json!(text),
            Self::None => Json::Null,
        }
    }

    fn to_csv(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Count(count) => count.to_string(),
            Self::Text(text) => defused(text).into_owned(),
            Self::None => String::new(),
        }
    }
}

impl Column {
    /// A column.
    pub fn new(key: &'static str, heading: impl Into<String>) -> Self {
        Self { key, heading: heading.into() }
    }
}

impl SheetTable {
    /// Adds a row, a cell per column.
    ///
    /// # Panics
    ///
    /// Where there are more or fewer cells than columns.
    pub fn row(&mut self, cells: impl IntoIterator<Item = Value>) {
        let cells: Vec<Value> = cells.into_iter().collect();
        assert_eq!(cells.len(), self.columns.len(), "a cell per column of {}", self.key);
        self.rows.push(cells);
    }

    /// Words stand left, numbers right: as the first row says.
    fn kind(&self, column: usize) -> Kind {
        match self.rows.first().and_then(|row| row.get(column)) {
            Some(Value::Text(_)) => Kind::Words,
            _ => Kind::Numbers,
        }
    }
}

impl Sheet {
    /// An empty sheet.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), facts: Vec::new(), tables: Vec::new(), notes: Vec::new() }
    }

    /// Adds a number: its key for programs, which ends in the unit where there is one, its name for
    /// people, the number, and its unit (or nothing).
    pub fn fact(
        &mut self,
        key: &'static str,
        name: impl Into<String>,
        value: impl Into<Value>,
        unit: impl Into<String>,
    ) {
        let (name, value, unit) = (name.into(), value.into(), unit.into());
        self.facts.push(Fact { key, name, value, unit });
    }

    /// Adds a table, and gives it to be filled.
    pub fn table(&mut self, key: &'static str, columns: &[Column]) -> &mut SheetTable {
        self.tables.push(SheetTable { key, columns: columns.to_vec(), rows: Vec::new() });
        let last = self.tables.len() - 1;
        &mut self.tables[last]
    }

    /// Adds a sentence: what the numbers rest on, or what could not be said.
    pub fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// Writes the sheet for people.
    ///
    /// # Errors
    ///
    /// What `out` returns.
    pub fn text(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "{}", visible(&self.title))?;
        if !self.facts.is_empty() {
            let mut table = Columns::bare(vec![Kind::Words, Kind::Numbers, Kind::Words]);
            for fact in &self.facts {
                let [name, unit] = [&fact.name, &fact.unit].map(|text| visible(text).into_owned());
                table.row(&[name, fact.value.to_text(), unit]);
            }
            table.write(out)?;
        }
        for table in &self.tables {
            writeln!(out)?;
            let headings: Vec<_> =
                table.columns.iter().map(|column| visible(&column.heading)).collect();
            let headings = headings.iter().enumerate();
            let headings: Vec<_> =
                headings.map(|(at, heading)| (heading.as_ref(), table.kind(at))).collect();
            let mut shown = Columns::new(&headings);
            for row in &table.rows {
                shown.row(&row.iter().map(Value::to_text).collect::<Vec<_>>());
            }
            shown.write(out)?;
        }
        if !self.notes.is_empty() {
            writeln!(out)?;
        }
        self.notes.iter().try_for_each(|note| prose(&visible(note), out))
    }

    /// Writes the sheet for programs: `schema_version`, `title`, `facts`, `tables`, `notes`.
    ///
    /// # Errors
    ///
    /// What `out` returns.
    pub fn json(&self, out: &mut impl Write) -> io::Result<()> {
        let facts: Map<String, Json> =
            self.facts.iter().map(|fact| (fact.key.to_owned(), fact.value.to_json())).collect();
        let object = |table: &SheetTable, row: &[Value]| -> Json {
            let keys = table.columns.iter().map(|column| column.key.to_owned());
            Json::Object(keys.zip(row.iter().map(Value::to_json)).collect())
        };
        let rows = |table: &SheetTable| -> Json {
            table.rows.iter().map(|row| object(table, row)).collect()
        };
        let tables: Map<String, Json> =
            self.tables.iter().map(|table| (table.key.to_owned(), rows(table))).collect();
        let whole = json!({
            "schema_version": 1,
            "title": self.title,
            "facts": facts,
            "tables": tables,
            "notes": self.notes,
        });
        serde_json::to_writer_pretty(&mut *out, &whole)?;
        writeln!(out)
    }

    /// Writes the sheet for spreadsheets: the facts as `name,value,unit`, then each table with its
    /// own heading, an empty line between them.
    ///
    /// # Errors
    ///
    /// What `out` returns.
    pub fn csv(&self, out: &mut impl Write) -> io::Result<()> {
        let mut blocks: Vec<Vec<Vec<String>>> = Vec::new();
        if !self.facts.is_empty() {
            let heading = ["name", "value", "unit"].map(str::to_owned).to_vec();
            let line = |fact: &Fact| {
                vec![fact.key.to_owned(), fact.value.to_csv(), defused(&fact.unit).into_owned()]
            };
            blocks.push(std::iter::once(heading).chain(self.facts.iter().map(line)).collect());
        }
        for table in &self.tables {
            let heading = table.columns.iter().map(|column| column.key.to_owned()).collect();
            let line = |row: &Vec<Value>| row.iter().map(Value::to_csv).collect();
            blocks.push(std::iter::once(heading).chain(table.rows.iter().map(line)).collect());
        }
        for (at, block) in blocks.iter().enumerate() {
            if at > 0 {
                writeln!(out)?;
            }
            let mut writer = csv::Writer::from_writer(&mut *out);
            block.iter().try_for_each(|line| writer.write_record(line))?;
            writer.flush()?;
        }
        Ok(())
    }
}

/// A number with seven significant digits, and no zeros at its end; with an exponent where it is
/// very large or very small.
pub(super) fn significant(number: f64) -> String {
    rounded(number, DIGITS)
}

/// The same with so many significant digits, at least one.
pub(super) fn rounded(number: f64, count: usize) -> String {
    if number == 0.0 || !number.is_finite() {
        // Adding zero turns -0 into 0.
        return format!("{}", number + 0.0);
    }
    let short = format!("{number:.*e}", count.saturating_sub(1));
    let Some((digits, exponent)) = short.split_once('e') else { return short };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trimmed = |digits: &str| {
        let whole = if digits.contains('.') { digits.trim_end_matches('0') } else { digits };
        whole.trim_end_matches('.').to_owned()
    };
    if !(-5..15).contains(&exponent) {
        return format!("{}e{exponent}", trimmed(digits));
    }
    let decimals = (count as i32 - 1 - exponent).max(0) as usize;
    trimmed(&format!("{number:.decimals$}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet() -> Sheet {
        let mut sheet = Sheet::new("an \u{1b}answer");
        sheet.fact("share", "how busy", 0.75, "");
        sheet.fact("hosts", "hosts", 4_u64, "");
        sheet.fact("limit_s", "limit", None::<f64>, "s");
        let columns = [Column::new("host", "host"), Column::new("demand_mhz", "demand, MHz")];
        let table = sheet.table("hosts", &columns);
        table.row(["=1+1".into(), 1234.5.into()]);
        table.row(["\u{202e}b".into(), f64::NAN.into()]);
        sheet.note("One \u{1b}note.");
        sheet
    }

    fn written(write: impl Fn(&Sheet, &mut Vec<u8>) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        write(&sheet(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn people_see_seven_digits_and_no_control_characters() {
        let text = written(Sheet::text);
        let expected = "an \\u{1b}answer\n how busy  0.75\n hosts        4\n limit        -  s\n\n \
                        host       demand, MHz\n =1+1            1234.5\n \
                        \\u{202e}b          NaN\n\n One \\u{1b}note.\n";
        assert_eq!(text, expected);
        for (number, shown) in [
            (0.016_949_152_542_372_9, "0.01694915"),
            (89.995_233_123, "89.99523"),
            (1_009_951_000.0, "1009951000"),
            (1.043_654_8e-9, "1.043655e-9"),
            (3e20, "3e20"),
            (-0.0, "0"),
            (120.0, "120"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(significant(number), shown);
        }
    }

    #[test]
    fn programs_get_all_digits_and_null_for_what_is_not_known() {
        let json: Json = serde_json::from_str(&written(Sheet::json)).unwrap();
        assert_eq!(json["facts"], json!({"share": 0.75, "hosts": 4, "limit_s": null}));
        assert_eq!(json["tables"]["hosts"][1], json!({"host": "\u{202e}b", "demand_mhz": null}));
        assert_eq!(json["schema_version"], 1);
    }

    #[test]
    fn spreadsheets_run_no_formula() {
        let csv = written(Sheet::csv);
        let expected = "name,value,unit\nshare,0.75,\nhosts,4,\nlimit_s,,s\n\n\
                        host,demand_mhz\n'=1+1,1234.5\n\\u{202e}b,NaN\n";
        assert_eq!(csv, expected);
    }
}
