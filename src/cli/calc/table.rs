//! A small CSV file with a header line, read by the names of its columns.

use std::path::Path;

use crate::error::{Error, Result};

/// The rows of a file as text, with their lines for errors.
#[derive(Debug)]
pub(super) struct Table {
    origin: String,
    header: Vec<String>,
    rows: Vec<(u64, csv::StringRecord)>,
}

impl Table {
    /// Reads a file. Names and cells lose the space around them; empty lines are left out.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|why| Error::io("read", path, why))?;
        Self::parse(&path.display().to_string(), &bytes)
    }

    fn parse(origin: &str, bytes: &[u8]) -> Result<Self> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut reader =
            csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(false).from_reader(bytes);
        let broken = |why: &csv::Error| {
            let line = why.position().map_or(1, csv::Position::line);
            let what = match why.kind() {
                csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                    format!("{len} cells under a header of {expected_len}; give one for each name")
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
            rows.push((record.position().map_or(0, csv::Position::line), record));
        }
        Ok(Self { origin: origin.to_owned(), header, rows })
    }

    /// The cells of a column, which may be empty.
    pub(super) fn texts(&self, name: &str) -> Result<Vec<&str>> {
        let column = self.column(name)?;
        Ok(self.rows.iter().map(|(_, row)| row.get(column).unwrap_or_default()).collect())
    }

    /// The numbers of a column, a cell for each row.
    pub(super) fn numbers(&self, name: &str) -> Result<Vec<f64>> {
        self.parsed(name, |text| number(text).ok_or("is no number"))
    }

    /// The numbers of a column; NaN where a cell is empty.
    pub(super) fn numbers_or_gaps(&self, name: &str) -> Result<Vec<f64>> {
        self.parsed(name, |text| {
            if text.is_empty() { Ok(f64::NAN) } else { number(text).ok_or("is no number") }
        })
    }

    /// The cells of a column, each understood by `understand`, which says what is wrong.
    pub(super) fn parsed<T>(
        &self,
        name: &str,
        understand: impl Fn(&str) -> std::result::Result<T, &'static str>,
    ) -> Result<Vec<T>> {
        let column = self.column(name)?;
        let cell = |(line, row): &(u64, csv::StringRecord)| {
            let text = row.get(column).unwrap_or_default();
            understand(text).map_err(|wrong| Error::Parse {
                origin: self.origin.clone(),
                line: *line,
                what: format!("{name} '{}' {wrong}", text.escape_debug()),
            })
        };
        self.rows.iter().map(cell).collect()
    }

    fn column(&self, name: &str) -> Result<usize> {
        let mut places = (0..self.header.len()).filter(|at| self.header[*at] == name);
        let wrong = |what: String| Error::Parse { origin: self.origin.clone(), line: 1, what };
        match (places.next(), places.next()) {
            (Some(place), None) => Ok(place),
            (Some(_), Some(_)) => Err(wrong(format!("two columns are named {name}; rename one"))),
            (None, _) => Err(wrong(format!(
                "no column is named {name}; there are: {}",
                self.header.join(", ").escape_debug()
            ))),
        }
    }
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
    }

    #[test]
    fn faults_are_named_with_their_line() {
        let says = |found: Result<Vec<f64>>, what: &str| {
            assert_eq!(found.unwrap_err().to_string(), what);
        };
        let text = "a,b,b\n1,2,3\n\nx,,inf\n";
        says(table(text).numbers("a"), "a.csv:4: a 'x' is no number");
        says(table(text).numbers("c"), "a.csv:1: no column is named c; there are: a, b, b");
        says(table(text).numbers("b"), "a.csv:1: two columns are named b; rename one");
        says(table("a\n \"\"\n").numbers("a"), "a.csv:2: a '' is no number");
        says(table("a\ninf\n").numbers_or_gaps("a"), "a.csv:2: a 'inf' is no number");
        let why = Table::parse("a.csv", b"a,b\n1,2\n3\n").unwrap_err().to_string();
        assert_eq!(why, "a.csv:3: 1 cells under a header of 2; give one for each name");
        assert!(Table::parse("a.csv", b"a\n\xff\n").is_err());
        assert!(table("").numbers("a").is_err());
    }
}
