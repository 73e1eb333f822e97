//! Tables with one series per line: a name, then its values in the order of time, lines of unequal
//! length; the form of the M4 competition's files.

use std::io::BufRead;

use crate::error::{Error, Result};

/// One series of such a table.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesRow {
    /// The first cell.
    pub name: String,
    /// The others; an empty one is NaN, empty ones at the end are none.
    pub values: Vec<f64>,
}

/// Reads a table of such lines below one header line. `origin` names it in errors. A cell that is
/// no number is an error with its line and column.
///
/// ```
/// let text = "\"V1\",\"V2\",\"V3\"\n\"H1\",605,586\n\"H2\",3124,\n";
/// let rows = plimsoll::ingest::read_series_rows(&mut text.as_bytes(), "train.csv")?;
/// assert_eq!((rows[0].name.as_str(), &rows[0].values[..]), ("H1", &[605.0, 586.0][..]));
/// assert_eq!(rows[1].values, [3124.0]);
/// # Ok::<(), plimsoll::Error>(())
/// ```
pub fn read_series_rows(input: &mut dyn BufRead, origin: &str) -> Result<Vec<SeriesRow>> {
    let mut reader = ::csv::ReaderBuilder::new().flexible(true).from_reader(input);
    let refused = |line, what| Error::Parse { origin: origin.to_owned(), line, what };
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|why| {
            let line = why.position().map_or(1, ::csv::Position::line);
            refused(line, why.to_string())
        })?;
        let line = record.position().map_or(1, ::csv::Position::line);
        let mut cells = record.iter();
        let name = cells.next().unwrap_or_default().to_owned();
        let mut values = Vec::with_capacity(record.len().saturating_sub(1));
        for (column, cell) in cells.enumerate() {
            let cell = cell.trim();
            let value = if cell.is_empty() { Ok(f64::NAN) } else { cell.parse() };
            values.push(value.map_err(|_| {
                let what = format!("{cell:?} in column {} is no number", column + 2);
                refused(line, what)
            })?);
        }
        while values.last().is_some_and(|value| value.is_nan()) {
            values.pop();
        }
        rows.push(SeriesRow { name, values });
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_unequal_length_gaps_and_bad_cells() {
        let read = |text: &str| read_series_rows(&mut text.as_bytes(), "t.csv");
        let rows = read("id,1,2,3\na,1,,3\n\"b\",2.5\nc\n").unwrap();
        assert_eq!(rows.len(), 3);
        assert!(rows[0].values[1].is_nan() && rows[0].values[2] == 3.0);
        assert_eq!((rows[1].values.as_slice(), rows[2].values.len()), (&[2.5][..], 0));
        let why = read("id,1,2\na,1,2\nb,x,2\n").unwrap_err().to_string();
        assert!(why.contains("t.csv:3") && why.contains("\"x\" in column 2"), "{why}");
        assert!(read("id,1\n\"a,1\n").is_ok_and(|rows| rows.len() == 1));
    }
}
