//! Small tables that a calculation reads: CSV with a header row, one thing per row.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::str::FromStr;

use crate::error::{Error, Result};

/// A table of more bytes is no small one, and is refused before it fills the memory.
const BYTES_MAX: u64 = 64 << 20;

/// A table whose columns are known by name.
#[derive(Debug)]
pub(super) struct Table {
    origin: String,
    columns: Vec<String>,
    rows: Vec<(u64, Vec<String>)>,
}

/// One row of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    table: &'a Table,
    line: u64,
    cells: &'a [String],
}

impl Table {
    /// Reads a file, or standard input where the path is `-`. It must have the required columns and
    /// no others than those and the optional ones, in any order. Lines that begin with `#` are
    /// comments.
    ///
    /// # Errors
    ///
    /// With file and line: a column that is missing, unknown or there twice, a row with more or
    /// fewer cells than columns. Where there is no row, and where there are too many.
    pub(super) fn read(path: &Path, required: &[&str], optional: &[&str]) -> Result<Self> {
        let origin = path.display().to_string();
        if origin == "-" {
            return Self::parse(io::stdin().lock(), "stdin", required, optional);
        }
        let file = File::open(path).map_err(|why| Error::io("open", path, why))?;
        Self::parse(file, &origin, required, optional)
    }

    fn parse(text: impl Read, origin: &str, required: &[&str], optional: &[&str]) -> Result<Self> {
        let text = whole(text, origin)?;
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .comment(Some(b'#'))
            .trim(csv::Trim::All)
            .from_reader(text.as_bytes());
        let (mut columns, mut rows) = (Vec::new(), Vec::new());
        for record in reader.records() {
            let record = record.map_err(|why| {
                let line = why.position().map_or(0, csv::Position::line);
                parse_error(origin, line, why.to_string())
            })?;
            let line = record.position().map_or(0, |position| line_of(&text, position));
            let cells: Vec<String> = record.iter().map(str::to_owned).collect();
            if columns.is_empty() {
                columns = named(cells, origin, line, required, optional)?;
            } else if cells.len() == columns.len() {
                rows.push((line, cells));
            } else {
                let what = format!("{} cells in {} columns", cells.len(), columns.len());
                return Err(parse_error(origin, line, what));
            }
        }
        if rows.is_empty() {
            let what = format!(
                "{origin} has no row: give a header with {} and a row for each",
                required.join(", ")
            );
            return Err(Error::not_enough_data(what));
        }
        Ok(Self { origin: origin.to_owned(), columns, rows })
    }

    /// The rows, in their order.
    pub(super) fn rows(&self) -> impl ExactSizeIterator<Item = Row<'_>> {
        self.rows.iter().map(|(line, cells)| Row { table: self, line: *line, cells })
    }

    /// Whether there is such a column.
    pub(super) fn has(&self, column: &str) -> bool {
        self.columns.iter().any(|name| name == column)
    }
}

impl<'a> Row<'a> {
    /// The words in a column; none where it is not there.
    pub(super) fn text(self, column: &str) -> &'a str {
        let at = self.table.columns.iter().position(|name| name == column);
        at.map_or("", |at| self.cells[at].as_str())
    }

    /// The number in a column.
    pub(super) fn number(self, column: &str) -> Result<f64> {
        self.number_if_any(column)?
            .ok_or_else(|| self.fail(format!("{column} is empty: give a number")))
    }

    /// The number in a column; `None` where the cell is empty or the column is not there.
    pub(super) fn number_if_any(self, column: &str) -> Result<Option<f64>> {
        let text = self.text(column);
        if text.is_empty() {
            return Ok(None);
        }
        match f64::from_str(text).ok().filter(|number| number.is_finite()) {
            Some(number) => Ok(Some(number)),
            None => Err(self.fail(format!("{column} {text:?} is no number"))),
        }
    }

    /// An error in this row.
    pub(super) fn fail(self, what: impl Into<String>) -> Error {
        parse_error(&self.table.origin, self.line, what)
    }

    /// Gives an error that knows no line this row's.
    pub(super) fn at<T>(self, outcome: Result<T>) -> Result<T> {
        outcome.map_err(|why| match why {
            Error::Invalid { what } => self.fail(what),
            other => other,
        })
    }

    /// The row's line in its file.
    pub(super) fn line(self) -> u64 {
        self.line
    }
}

/// The columns of a header, checked.
fn named(
    cells: Vec<String>,
    origin: &str,
    line: u64,
    required: &[&str],
    optional: &[&str],
) -> Result<Vec<String>> {
    // Spreadsheets begin a file with a byte order mark.
    let strip = |name: String| name.trim_start_matches('\u{feff}').trim().to_owned();
    let columns: Vec<String> = cells.into_iter().map(strip).collect();
    let known = || required.iter().chain(optional);
    for (at, column) in columns.iter().enumerate() {
        if !known().any(|name| name == column) {
            let all = known().copied().collect::<Vec<_>>().join(", ");
            let what = format!("unknown column {column:?}; there are {all}");
            return Err(parse_error(origin, line, what));
        }
        if columns[..at].contains(column) {
            let what = format!("column {column:?} is there twice");
            return Err(parse_error(origin, line, what));
        }
    }
    match required.iter().find(|name| !columns.iter().any(|column| column == *name)) {
        Some(missing) => {
            Err(parse_error(origin, line, format!("column {missing:?} is missing: add it")))
        }
        None => Ok(columns),
    }
}

/// All of a small text.
fn whole(text: impl Read, origin: &str) -> Result<String> {
    let mut bytes = Vec::new();
    let read = text.take(BYTES_MAX + 1).read_to_end(&mut bytes);
    read.map_err(|why| Error::io("read", Path::new(origin), why))?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(Error::Limit {
            what: "the size of a table in bytes",
            value: bytes.len() as u64,
            limit: BYTES_MAX,
            remedy: "split it, or add rows up first",
        });
    }
    String::from_utf8(bytes).map_err(|why| {
        let good = &why.as_bytes()[..why.utf8_error().valid_up_to()];
        let line = good.split(|byte| *byte == b'\n').count() as u64;
        parse_error(origin, line, "it is no UTF-8: save the table as UTF-8")
    })
}

/// The line of a record. The reader's own is that after the record before: comments and empty lines
/// lie between.
fn line_of(text: &str, position: &csv::Position) -> u64 {
    let rest = usize::try_from(position.byte()).ok().and_then(|byte| text.get(byte..));
    let between = rest.unwrap_or_default().lines();
    let skipped = between.take_while(|line| line.is_empty() || line.starts_with('#')).count();
    position.line() + skipped as u64
}

fn parse_error(origin: &str, line: u64, what: impl Into<String>) -> Error {
    Error::Parse { origin: origin.to_owned(), line, what: what.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Result<Table> {
        Table::parse(text.as_bytes(), "t.csv", &["name", "used"], &["price"])
    }

    #[test]
    fn columns_are_known_by_name_and_cells_by_line() {
        let text = "\u{feff}used, name ,price\n# a comment\n1.5,a,\n\n2,\"b, c\",3\n";
        for text in [text.to_owned(), text.replace('\n', "\r\n")] {
            let table = table(&text).unwrap();
            let lines: Vec<u64> = table.rows().map(Row::line).collect();
            assert_eq!(lines, [3, 5], "{text:?}");
        }
        let table = table(text).unwrap();
        let rows: Vec<Row> = table.rows().collect();
        assert_eq!((rows[0].text("name"), rows[1].text("name")), ("a", "b, c"));
        assert_eq!(rows[0].number("used").unwrap(), 1.5);
        assert_eq!(rows[0].number_if_any("price").unwrap(), None);
        assert_eq!(rows[1].number_if_any("price").unwrap(), Some(3.0));
        assert!(table.has("price") && !table.has("prize"));
        let why = rows[0].number("price").unwrap_err().to_string();
        assert_eq!(why, "t.csv:3: price is empty: give a number");
        let why = rows[1].at::<()>(Err(Error::invalid("no"))).unwrap_err().to_string();
        assert_eq!(why, "t.csv:5: no");
    }

    #[test]
    fn faults_say_where_they_are() {
        for (text, says) in [
            ("", "not enough data: t.csv has no row"),
            ("name,used\n", "not enough data: t.csv has no row"),
            ("name\na\n", "t.csv:1: column \"used\" is missing"),
            ("name,used,prize\na,1,2\n", "t.csv:1: unknown column \"prize\"; there are name, used"),
            ("name,used,name\na,1,b\n", "t.csv:1: column \"name\" is there twice"),
            ("name,used\na,1\nb\n", "t.csv:3: 1 cells in 2 columns"),
        ] {
            let why = table(text).unwrap_err().to_string();
            assert!(why.starts_with(says), "{text:?}: {why}");
        }
        for number in ["many", "inf", "1,5"] {
            let table = table(&format!("name,used\na,\"{number}\"\n")).unwrap();
            let why = table.rows().next().unwrap().number("used").unwrap_err().to_string();
            assert_eq!(why, format!("t.csv:2: used {number:?} is no number"));
        }
        let unreadable = Table::parse(&b"name,used\n\xff,1\n"[..], "t.csv", &["name"], &["used"]);
        assert!(unreadable.unwrap_err().to_string().starts_with("t.csv:2: it is no UTF-8"));
        let endless = Table::parse(io::repeat(b'a'), "t.csv", &["name"], &[]).unwrap_err();
        assert!(endless.to_string().contains("over the limit of 67108864"), "{endless}");
    }
}
