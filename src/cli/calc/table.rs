//! A small table of a calculation: a CSV file with a header row and named columns.

use std::path::Path;

use crate::error::{Error, Result};

/// The rows of a CSV file.
pub(super) struct Table {
    origin: String,
    columns: Vec<String>,
    rows: Vec<(u64, csv::StringRecord)>,
}

/// A row of a [`Table`], which knows its line.
pub(super) struct Row<'a> {
    table: &'a Table,
    line: u64,
    cells: &'a csv::StringRecord,
}

impl Table {
    /// Reads a file, which must have some columns, in any order; it may have others.
    pub(super) fn read(path: &Path, required: &[&str]) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|why| Error::io("read", path, why))?;
        let origin = path.display().to_string();
        let mut reader =
            csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
        let fault = |why: &csv::Error| Error::Parse {
            origin: origin.clone(),
            line: why.position().map_or(1, csv::Position::line),
            what: match why.kind() {
                csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                    format!("{len} cells; the header names {expected_len} columns")
                }
                _ => why.to_string(),
            },
        };
        let columns: Vec<String> =
            reader.headers().map_err(|why| fault(&why))?.iter().map(str::to_owned).collect();
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|why| fault(&why))?;
            rows.push((record.position().map_or(1, csv::Position::line), record));
        }
        let table = Self { origin, columns, rows };
        for name in required {
            if table.column(name).is_none() {
                let found = table.columns.join(", ");
                return Err(table.error(1, format!("no column {name}; the header has {found}")));
            }
        }
        Ok(table)
    }

    /// Its rows.
    pub(super) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|(line, cells)| Row { table: self, line: *line, cells })
    }

    /// Where a column stands, if there is one of this name.
    fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }

    fn error(&self, line: u64, what: String) -> Error {
        Error::Parse { origin: self.origin.clone(), line, what }
    }
}

impl Row<'_> {
    /// The text of a column; empty where there is no such column.
    pub(super) fn text(&self, column: &str) -> &str {
        let at = self.table.column(column);
        at.and_then(|at| self.cells.get(at)).unwrap_or("")
    }

    /// The number of a column.
    pub(super) fn number(&self, column: &str) -> Result<f64> {
        let text = self.text(column);
        let number = text.parse().ok().filter(|number: &f64| number.is_finite());
        number.ok_or_else(|| self.error(format!("{column} is {text:?}: write a number")))
    }

    /// An error in this row.
    pub(super) fn error(&self, what: impl Into<String>) -> Error {
        self.table.error(self.line, what.into())
    }
}
