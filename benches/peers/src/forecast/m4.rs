//! The hourly series of the M4 competition, and their true next two days.

use std::fs::File;
use std::io::Read;

use crate::folder;
use crate::method::{BoxError, HORIZON};

/// A series.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    /// `H1` to `H414`.
    pub(crate) name: String,
    /// What is learnt from.
    pub(crate) past: Vec<f64>,
    /// What came next.
    pub(crate) future: Vec<f64>,
}

/// All series in the order of the archive.
pub(crate) fn hourly() -> Result<Vec<Series>, BoxError> {
    let (train, test) = (rows("Hourly-train")?, rows("Hourly-test")?);
    if train.len() != test.len() {
        let (train, test) = (train.len(), test.len());
        return Err(format!("{train} series to learn from and {test} to test with").into());
    }
    let mut all = Vec::with_capacity(train.len());
    for ((name, past), (other, future)) in train.into_iter().zip(test) {
        if name != other || future.len() != HORIZON {
            return Err(format!("{name}: its test is {other} of {} values", future.len()).into());
        }
        all.push(Series { name, past, future });
    }
    Ok(all)
}

/// Name and values of each line but the first.
fn rows(of: &str) -> Result<Vec<(String, Vec<f64>)>, BoxError> {
    let path = folder::data().join("m4").join(format!("{of}.csv.zst"));
    let file = File::open(&path).map_err(|why| {
        format!("NOTHING IS COMPARED: cannot open {} of M4 Hourly: {why}", path.display())
    })?;
    let mut text = String::new();
    zstd::Decoder::new(file)?.read_to_string(&mut text)?;
    let lines = text.lines().enumerate().skip(1);
    lines
        .map(|(line, row)| {
            read_row(row).map_err(|why| format!("{}:{}: {why}", path.display(), line + 1).into())
        })
        .collect()
}

/// Cells are quoted, and empty after the last value.
fn read_row(row: &str) -> Result<(String, Vec<f64>), BoxError> {
    let mut cells = row.split(',').map(|cell| cell.trim().trim_matches('"'));
    let name = cells.next().unwrap_or_default().to_owned();
    let values = cells.take_while(|cell| !cell.is_empty()).map(str::parse);
    Ok((name, values.collect::<Result<_, _>>()?))
}
