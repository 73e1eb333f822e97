//! A small CSV file with a header line, read by the names of its columns.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::error::{Error, Result};
use crate::model::Timestamp;
use crate::model::limits::{AMOUNT_ASKED, is_amount};

/// A table of more bytes is no small one, and is refused before it fills the memory.
const BYTES_MAX: u64 = 64 << 20;

/// The rows of a file as text, with their lines for errors.
#[derive(Debug)]
pub(super) struct Table {
    origin: String,
    header: Vec<String>,
    rows: Vec<(u64, csv::StringRecord)>,
}

/// A row of a [`Table`], which knows its line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    table: &'a Table,
    line: u64,
    cells: &'a csv::StringRecord,
}

impl Table {
    /// Reads a file, which must have some columns, in any order, each of another name, and a line
    /// below them; it may have other columns. Names and cells lose the space around them; empty
    /// lines are left out.
    pub(super) fn read(path: &Path, required: &[&str]) -> Result<Self> {
        let file = File::open(path).map_err(|why| Error::io("open", path, why))?;
        let mut bytes = Vec::new();
        let read = file.take(BYTES_MAX + 1).read_to_end(&mut bytes);
        read.map_err(|why| Error::io("read", path, why))?;
        if bytes.len() as u64 > BYTES_MAX {
            return Err(Error::Limit {
                what: "the size of a table in bytes",
                value: bytes.len() as u64,
                limit: BYTES_MAX,
                remedy: "split it, or add rows up first",
            });
        }
        let table = Self::parse(&path.display().to_string(), &bytes)?;
        required.iter().try_for_each(|name| table.column(name).map(drop))?;
        Ok(table)
    }

    /// Reads a file that has no other columns than those required and the optional ones.
    pub(super) fn read_exact(path: &Path, required: &[&str], optional: &[&str]) -> Result<Self> {
        let table = Self::read(path, required)?;
        let known = || required.iter().chain(optional);
        if let Some(name) = table.header.iter().find(|name| !known().any(|known| known == name)) {
            let all = known().copied().collect::<Vec<_>>().join(", ");
            return Err(table.error(1, format!("unknown column {name:?}; there are {all}")));
        }
        Ok(table)
    }

    fn parse(origin: &str, bytes: &[u8]) -> Result<Self> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut reader =
            csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(false).from_reader(bytes);
        let broken = |why: &csv::Error| {
            let line = why.position().map_or(1, |start| line_at(bytes, start));
            let what = match why.kind() {
                csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                    format!("{len} cells; the header names {expected_len} columns")
                }
                _ => "no text; write the file as CSV in UTF-8".to_owned(),
            };
            Error::Parse { origin: origin.to_owned(), line, what }
        };
        let header: Vec<String> =
            reader.headers().map_err(|why| broken(&why))?.iter().map(str::to_owned).collect();
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|why| broken(&why))?;
            rows.push((record.position().map_or(1, |start| line_at(bytes, start)), record));
        }
        let table = Self { origin: origin.to_owned(), header, rows };
        for (at, name) in table.header.iter().enumerate() {
            if name.is_empty() || table.find(name) != Some(at) {
                let what = format!("column {} is named {name:?}: give each its own name", at + 1);
                return Err(table.error(1, what));
            }
        }
        if table.rows.is_empty() {
            return Err(table.error(1, "there is no line below the header"));
        }
        Ok(table)
    }

    /// The names of its columns.
    pub(super) fn columns(&self) -> &[String] {
        &self.header
    }

    /// Whether it has a column of this name.
    pub(super) fn has(&self, column: &str) -> bool {
        self.find(column).is_some()
    }

    /// Its rows.
    pub(super) fn rows(&self) -> impl ExactSizeIterator<Item = Row<'_>> {
        self.rows.iter().map(|(line, cells)| Row { table: self, line: *line, cells })
    }

    /// The cells of a column, which may be empty.
    pub(super) fn texts(&self, name: &str) -> Result<Vec<&str>> {
        let column = self.column(name)?;
        Ok(self.rows.iter().map(|(_, row)| row.get(column).unwrap_or_default()).collect())
    }

    /// The numbers of a column, a cell for each row.
    pub(super) fn numbers(&self, name: &str) -> Result<Vec<f64>> {
        self.column(name)?;
        self.rows().map(|row| row.number(name)).collect()
    }

    /// The numbers of a column; NaN where a cell is empty.
    pub(super) fn numbers_or_gaps(&self, name: &str) -> Result<Vec<f64>> {
        self.column(name)?;
        self.rows().map(|row| Ok(row.number_if_any(name)?.unwrap_or(f64::NAN))).collect()
    }

    /// The cells of a column, each understood by `understand`, which says what is wrong.
    pub(super) fn parsed<T>(
        &self,
        name: &str,
        understand: impl Fn(&str) -> std::result::Result<T, &'static str>,
    ) -> Result<Vec<T>> {
        self.column(name)?;
        self.rows().map(|row| row.parsed(name, &understand)).collect()
    }

    /// An error in the header.
    pub(super) fn header_error(&self, what: impl Into<String>) -> Error {
        self.error(1, what)
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.header.iter().position(|column| column == name)
    }

    fn column(&self, name: &str) -> Result<usize> {
        self.find(name).ok_or_else(|| {
            let found = self.header.join(", ").escape_debug().to_string();
            self.error(1, format!("no column {name}; the header has {found}"))
        })
    }

    fn error(&self, line: u64, what: impl Into<String>) -> Error {
        Error::Parse { origin: self.origin.clone(), line, what: what.into() }
    }
}

impl<'a> Row<'a> {
    /// The text of a column; empty where there is no such column.
    pub(super) fn text(self, column: &str) -> &'a str {
        let at = self.table.find(column);
        at.and_then(|at| self.cells.get(at)).unwrap_or_default()
    }

    /// The number of a column.
    pub(super) fn number(self, column: &str) -> Result<f64> {
        self.parsed(column, |text| match number(text) {
            Some(number) if is_amount(number) => Ok(number),
            Some(_) => Err(AMOUNT_ASKED),
            None => Err("write a number"),
        })
    }

    /// The number of a column, `None` where the cell is empty or says NaN, or there is no such
    /// column.
    pub(super) fn number_if_any(self, column: &str) -> Result<Option<f64>> {
        let text = self.text(column);
        let is_gap = text.is_empty() || text.eq_ignore_ascii_case("nan");
        if is_gap { Ok(None) } else { self.number(column).map(Some) }
    }

    /// The numbers of all columns but the first, NaN where a cell is empty or says so.
    pub(super) fn numbers_or_gaps(self) -> Result<Vec<f64>> {
        let others = self.table.header.iter().skip(1);
        others.map(|name| Ok(self.number_if_any(name)?.unwrap_or(f64::NAN))).collect()
    }

    /// The time in a column: RFC 3339, or seconds since 1970.
    pub(super) fn time(self, column: &str) -> Result<Timestamp> {
        self.parsed(column, |text| {
            let whole = text.parse().ok().map(Timestamp::from_seconds);
            let parted = || number(text).map(|part| Timestamp::from_nanos((part * 1e9) as i64));
            let time = whole.or_else(parted).or_else(|| text.parse().ok());
            time.ok_or("write seconds since 1970, or a time as in 2026-01-20T12:00:00Z")
        })
    }

    /// Its line in the file.
    pub(super) fn line(self) -> u64 {
        self.line
    }

    /// Gives an error that knows no line this row's.
    pub(super) fn at<T>(self, outcome: Result<T>) -> Result<T> {
        outcome.map_err(|why| match why {
            Error::Invalid { what } => self.error(what),
            other => other,
        })
    }

    /// An error in this row.
    pub(super) fn error(self, what: impl Into<String>) -> Error {
        self.table.error(self.line, what)
    }

    fn parsed<T>(
        self,
        column: &str,
        understand: impl Fn(&str) -> std::result::Result<T, &'static str>,
    ) -> Result<T> {
        let text = self.text(column);
        understand(text).map_err(|wrong| self.error(format!("{column} is {text:?}: {wrong}")))
    }
}

/// The line of a record. It begins after the empty lines before it, which the reader counts in.
fn line_at(bytes: &[u8], start: &csv::Position) -> u64 {
    let (before, rest) = bytes.split_at((start.byte() as usize).min(bytes.len()));
    let empty = rest.iter().take_while(|byte| matches!(byte, b'\n' | b'\r'));
    let ends = before.iter().chain(empty).filter(|byte| **byte == b'\n').count();
    ends as u64 + 1
}

/// A finite number.
fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Table {
        Table::parse("a.csv", text.as_bytes()).unwrap()
    }

    #[test]
    fn columns_are_found_by_name() {
        let table = table("\u{feff}host, load ,x\na,1,\n\nb, 2.5 ,3\n");
        assert_eq!(table.texts("host").unwrap(), ["a", "b"]);
        assert_eq!(table.numbers("load").unwrap(), [1.0, 2.5]);
        let gaps = table.numbers_or_gaps("x").unwrap();
        assert!(gaps[0].is_nan() && gaps[1] == 3.0);
        let row = table.rows().next().unwrap();
        assert_eq!((row.text("host"), row.text("y"), row.line()), ("a", "", 2));
        assert_eq!(row.number_if_any("x").unwrap(), None);
        assert_eq!(row.time("load").unwrap(), Timestamp::from_seconds(1));
        assert!(table.has("x") && !table.has("y"));
    }

    #[test]
    fn faults_are_named_with_their_line() {
        let says = |found: Result<Vec<f64>>, what: &str| {
            assert_eq!(found.unwrap_err().to_string(), what);
        };
        let text = "a,b,c\n1,2,3\n\nx,,inf\n";
        says(table(text).numbers("a"), "a.csv:4: a is \"x\": write a number");
        says(table(text).numbers("d"), "a.csv:1: no column d; the header has a, b, c");
        says(table("a\n\"\"\n").numbers("a"), "a.csv:2: a is \"\": write a number");
        says(table("a\ninf\n").numbers_or_gaps("a"), "a.csv:2: a is \"inf\": write a number");
        for number in ["1e300", "-1e61", "5e-324"] {
            says(
                table(&format!("a\n{number}\n")).numbers("a"),
                &format!("a.csv:2: a is \"{number}\": {AMOUNT_ASKED}"),
            );
        }
        let refused = |bytes: &[u8]| Table::parse("a.csv", bytes).unwrap_err().to_string();
        let twice = "a.csv:1: column 3 is named \"b\": give each its own name";
        assert_eq!(refused(b"a,b,b\n1,2,3\n"), twice);
        assert_eq!(refused(b"a,b\n"), "a.csv:1: there is no line below the header");
        let short = "a.csv:3: 1 cells; the header names 2 columns";
        assert_eq!(refused(b"a,b\n1,2\n3\n"), short);
        assert!(Table::parse("a.csv", b"a\n\xff\n").is_err());
        assert!(Table::parse("a.csv", b"").is_err());
    }
}
