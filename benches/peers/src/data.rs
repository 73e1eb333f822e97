//! The columns that are compared: the load of TSBS from Plimsoll's generator, and Bitbrains.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use plimsoll::bench::{CpuOnly, CpuOnlyOptions, FIELDS};

use crate::codec::BoxError;
use crate::folder;

/// Columns of one origin.
pub(crate) struct Set {
    pub(crate) name: String,
    pub(crate) columns: Vec<Column>,
}

/// One metric over all hosts.
pub(crate) struct Column {
    pub(crate) name: String,
    /// The values of each host in order of time.
    pub(crate) series: Vec<Vec<f64>>,
}

/// A day of TSBS cpu-only. Its ten fields have one distribution and are one column here.
pub(crate) fn tsbs(hosts: usize) -> Result<Set, BoxError> {
    let options = CpuOnlyOptions { hosts, hours: 24, ..CpuOnlyOptions::default() };
    let fleet = CpuOnly::new(options)?;
    let mut series = vec![Vec::new(); hosts * FIELDS.len()];
    let mut scrapes = fleet.scrapes();
    while let Some(scrape) = scrapes.next() {
        for (values, value) in series.iter_mut().zip(scrape.rows.iter().flatten()) {
            values.push(*value);
        }
    }
    let column = Column { name: "cpu-only".to_owned(), series };
    Ok(Set { name: format!("TSBS, {hosts} hosts, 24 h"), columns: vec![column] })
}

const ARCHIVE: &str = "bitbrains/rnd-2013-8-vm1-200.tar.zst";
const METRICS: [&str; 10] = [
    "cores", "cap_mhz", "cpu_mhz", "cpu_pct", "mem_cap", "mem_kb", "disk_r", "disk_w", "net_r",
    "net_t",
];

/// The columns of Bitbrains but its times, from a folder or an archive; `None` where no path is
/// given and the archive is not at hand.
pub(crate) fn bitbrains(path: Option<&Path>) -> Result<Option<Set>, BoxError> {
    let archive = folder::data().join(ARCHIVE);
    let texts = match path {
        Some(path) if path.is_dir() => from_folder(path)?,
        Some(path) => from_archive(path)?,
        None if archive.exists() => from_archive(&archive)?,
        None => return Ok(None),
    };
    if texts.is_empty() {
        return Err("no CSV file of Bitbrains found".into());
    }
    let mut columns: Vec<Column> = METRICS
        .iter()
        .map(|name| Column { name: (*name).to_owned(), series: Vec::new() })
        .collect();
    for (name, text) in &texts {
        for column in &mut columns {
            column.series.push(Vec::new());
        }
        for (line, row) in text.lines().enumerate().skip(1) {
            read_row(row, &mut columns).map_err(|why| format!("{name}:{}: {why}", line + 1))?;
        }
    }
    Ok(Some(Set { name: format!("Bitbrains, {} VMs", texts.len()), columns }))
}

/// Adds a row's values to the last series of each column.
fn read_row(row: &str, columns: &mut [Column]) -> Result<(), BoxError> {
    // The first cell is the time.
    let mut cells = row.split(';').skip(1);
    for column in columns {
        let cell = cells.next().ok_or("the row is too short")?;
        column.series.last_mut().ok_or("no series")?.push(cell.trim().parse()?);
    }
    Ok(())
}

/// Name and text of each CSV file below a folder, in the order of their names.
fn from_folder(folder: &Path) -> Result<Vec<(String, String)>, BoxError> {
    let mut paths = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()?;
    paths.retain(|path| is_csv(path));
    paths.sort();
    let read = |path: PathBuf| Ok((path.display().to_string(), fs::read_to_string(path)?));
    paths.into_iter().map(read).collect()
}

fn from_archive(path: &Path) -> Result<Vec<(String, String)>, BoxError> {
    let file = File::open(path).map_err(|why| format!("cannot open {}: {why}", path.display()))?;
    let mut archive = tar::Archive::new(zstd::Decoder::new(file)?);
    let mut texts = Vec::new();
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        if is_csv(&path) {
            let mut text = String::new();
            entry.read_to_string(&mut text)?;
            texts.push((path.display().to_string(), text));
        }
    }
    texts.sort();
    Ok(texts)
}

fn is_csv(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "csv")
}
