//! Small tables that calculations take: a header, named columns, and errors that name the line.

use std::fs::File;
use std::path::Path;

use crate::error::{Error, Result};

/// A table of text with a header.
#[derive(Debug)]
pub(super) struct Table {
    origin: String,
    header: Vec<String>,
    rows: Vec<Row>,
}

/// A line of a [`Table`].
#[derive(Debug)]
pub(super) struct Row {
    origin: String,
    line: u64,
    cells: Vec<String>,
}

impl Table {
    /// Reads a file of comma-separated values whose first line names the columns. Blanks around
    /// cells are left out; each line has as many cells as the header.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|why| Error::io("open", path, why))?;
        let origin = path.display().to_string();
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(file);
        let refused = |why: &csv::Error| {
            let line = why.position().map_or(1, csv::Position::line);
            Error::Parse { origin: origin.clone(), line, what: why.to_string() }
        };
        let header = reader.headers().map_err(|why| refused(&why))?;
        // A spreadsheet's mark of UTF-8 is no part of the first name.
        let header: Vec<String> =
            header.iter().map(|name| name.trim_start_matches('\u{feff}').to_owned()).collect();
        for (at, name) in header.iter().enumerate() {
            if name.is_empty() || header[..at].contains(name) {
                let what = format!("column {} is named {name:?}: give each its own name", at + 1);
                return Err(Error::Parse { origin, line: 1, what });
            }
        }
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|why| refused(&why))?;
            let line = record.position().map_or(1, csv::Position::line);
            let cells = record.iter().map(str::to_owned).collect();
            rows.push(Row { origin: origin.clone(), line, cells });
        }
        if rows.is_empty() {
            let what = "there is no line below the header".to_owned();
            return Err(Error::Parse { origin, line: 1, what });
        }
        Ok(Self { origin, header, rows })
    }

    /// The names of the columns.
    pub(super) fn header(&self) -> &[String] {
        &self.header
    }

    /// The lines below the header, at least one.
    pub(super) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Where a column is that may be left out.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.header.iter().position(|column| column == name)
    }

    /// Where a column is that must be there.
    pub(super) fn column(&self, name: &str) -> Result<usize> {
        self.find(name).ok_or_else(|| {
            let header = self.header.join(", ");
            self.refused(format!("there is no column {name:?}; there are {header}"))
        })
    }

    /// An error in the header.
    pub(super) fn refused(&self, what: String) -> Error {
        Error::Parse { origin: self.origin.clone(), line: 1, what }
    }
}

impl Row {
    /// The text of a cell.
    pub(super) fn text(&self, column: usize) -> &str {
        self.cells.get(column).map_or("", String::as_str)
    }

    /// The finite number in a cell.
    pub(super) fn number(&self, column: usize) -> Result<f64> {
        let text = self.text(column);
        let number = text.parse().ok().filter(|number: &f64| number.is_finite());
        number
            .ok_or_else(|| self.refused(format!("{text:?} in column {} is no number", column + 1)))
    }

    /// The finite number in a cell; NaN where it is empty or says `NaN`.
    pub(super) fn number_or_gap(&self, column: usize) -> Result<f64> {
        let text = self.text(column);
        let is_gap = text.is_empty() || text.eq_ignore_ascii_case("nan");
        if is_gap { Ok(f64::NAN) } else { self.number(column) }
    }

    /// An error in this line.
    pub(super) fn refused(&self, what: String) -> Error {
        Error::Parse { origin: self.origin.clone(), line: self.line, what }
    }
}
