//! Small tables from CSV files: a header row, then rows whose cells are found by its names.

use std::fs::File;
use std::path::Path;

use csv::StringRecord;

use crate::error::{Error, Result};
use crate::model::Timestamp;

/// A table, read whole: what `calc` works on is small.
#[derive(Debug)]
pub(super) struct Table {
    origin: String,
    header: StringRecord,
    rows: Vec<StringRecord>,
}

/// A row, and where it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    table: &'a Table,
    cells: &'a StringRecord,
}

impl Table {
    /// Reads a file. Rows have as many cells as the header, and names stand there once.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|why| Error::io("read", path, why))?;
        let origin = path.display().to_string();
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(file);
        let failed = |why: csv::Error| {
            let line = why.position().map_or(1, csv::Position::line);
            Error::Parse { origin: origin.clone(), line, what: why.to_string() }
        };
        let header = reader.headers().map_err(failed)?.clone();
        let rows = reader.records().collect::<Result<_, _>>().map_err(failed)?;
        let table = Self { origin: origin.clone(), header, rows };
        for (at, name) in table.header.iter().enumerate() {
            if table.column(name) != Some(at) {
                let what = format!("column {name:?} stands here twice; name each once");
                return Err(Error::Parse { origin, line: 1, what });
            }
        }
        Ok(table)
    }

    /// Which column has a name, if any.
    pub(super) fn column(&self, name: &str) -> Option<usize> {
        self.header.iter().position(|header| header == name)
    }

    /// Which column has a name that must be there.
    pub(super) fn needed(&self, name: &str) -> Result<usize> {
        self.column(name).ok_or_else(|| {
            let found = self.header.iter().collect::<Vec<_>>().join(", ");
            let what = format!("there is no column {name:?}; the header has {found}");
            Error::Parse { origin: self.origin.clone(), line: 1, what }
        })
    }

    /// The names of all columns.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.header.iter()
    }

    /// The rows, in their order.
    pub(super) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|cells| Row { table: self, cells })
    }
}

impl<'a> Row<'a> {
    /// A cell, without the spaces around it.
    pub(super) fn text(&self, column: usize) -> &'a str {
        self.cells.get(column).unwrap_or_default()
    }

    /// A finite number; `None` where the cell is empty.
    pub(super) fn number(&self, column: usize) -> Result<Option<f64>> {
        let text = self.text(column);
        if text.is_empty() {
            return Ok(None);
        }
        let number = text.parse().ok().filter(|number: &f64| number.is_finite());
        number.map(Some).ok_or_else(|| {
            let name = self.table.header.get(column).unwrap_or_default();
            self.wrong(format!("{name} is {text:?}; write a number, or nothing"))
        })
    }

    /// An instant: a date, a time with its zone, or whole seconds since 1970.
    pub(super) fn time(&self, column: usize) -> Result<Timestamp> {
        let text = self.text(column);
        match text.parse::<i64>() {
            Ok(seconds) => Ok(Timestamp::from_seconds(seconds)),
            Err(_) => text.parse().map_err(|why: Error| self.wrong(why.to_string())),
        }
    }

    /// An error that names the file and the line.
    pub(super) fn wrong(&self, what: impl Into<String>) -> Error {
        let line = self.cells.position().map_or(1, csv::Position::line);
        Error::Parse { origin: self.table.origin.clone(), line, what: what.into() }
    }
}
