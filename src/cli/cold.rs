//! Cold queries of `bench tsbs`: the first one after a store was opened, when none of its files is
//! in the system's page cache.

use std::fs::File;
use std::hint::black_box;
use std::io::{self, Write};
use std::path::Path;
use std::time::Instant;

use super::reader;
use crate::bench::{Ask, Latency, Question};
use crate::error::{Error, Result};

/// Where Linux counts what a process made it read from disks, by reading and through maps.
const IO: &str = "/proc/self/io";

/// How a question went, each time of a store that was opened for it. Medians of the runs.
#[derive(Debug, serde::Serialize)]
pub(super) struct ColdReport {
    open_ms: f64,
    query_ms: f64,
    open_bytes_read: u64,
    query_bytes_read: u64,
    runs: Vec<ColdRun>,
}

#[derive(Debug, serde::Serialize)]
struct ColdRun {
    open_ms: f64,
    query_ms: f64,
    /// From the disk, what the system read ahead included.
    open_bytes_read: u64,
    query_bytes_read: u64,
}

impl ColdReport {
    /// Asks a closed store, once for each ask.
    pub(super) fn of(question: Question, asks: &[Ask], folder: &Path) -> Result<Self> {
        let runs = asks.iter().map(|ask| ColdRun::of(question, ask, folder));
        let runs: Vec<ColdRun> = runs.collect::<Result<_>>()?;
        let median =
            |of: fn(&ColdRun) -> f64| Latency::of(&runs.iter().map(of).collect::<Vec<_>>()).median;
        Ok(Self {
            open_ms: median(|run| run.open_ms),
            query_ms: median(|run| run.query_ms),
            open_bytes_read: median(|run| run.open_bytes_read as f64) as u64,
            query_bytes_read: median(|run| run.query_bytes_read as f64) as u64,
            runs,
        })
    }

    /// The rest of a line.
    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let Self { open_ms, query_ms, open_bytes_read, query_bytes_read, .. } = self;
        write!(out, "open {open_ms:.3} ms, {open_bytes_read} bytes from disk; ")?;
        writeln!(out, "query {query_ms:.3} ms, {query_bytes_read} bytes from disk")
    }
}

impl ColdRun {
    fn of(question: Question, ask: &Ask, folder: &Path) -> Result<Self> {
        forget(folder)?;
        let before = bytes_read()?;
        let started = Instant::now();
        let store = reader::open(folder)?;
        let snapshot = store.snapshot()?;
        let open_ms = started.elapsed().as_secs_f64() * 1e3;
        let opened = bytes_read()?;
        let started = Instant::now();
        black_box(question.answer(&snapshot, black_box(ask))?);
        let query_ms = started.elapsed().as_secs_f64() * 1e3;
        Ok(Self {
            open_ms,
            query_ms,
            open_bytes_read: opened.saturating_sub(before),
            query_bytes_read: bytes_read()?.saturating_sub(opened),
        })
    }
}

/// Takes the files below a folder out of the page cache. Pages that are not on the disk yet would
/// stay, so they are synced; and so would those that a process has mapped, so the store is closed.
fn forget(folder: &Path) -> Result<()> {
    let failed = |why| Error::io("list", folder, why);
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() {
            forget(&path)?;
        } else {
            let file = File::open(&path).map_err(|why| Error::io("open", &path, why))?;
            file.sync_all().map_err(|why| Error::io("sync", &path, why))?;
            drop_pages(&file).map_err(|why| Error::io("drop the pages of", &path, why))?;
        }
    }
    Ok(())
}

#[cfg(target_os = "linux")]
fn drop_pages(file: &File) -> io::Result<()> {
    Ok(rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed)?)
}

#[cfg(not(target_os = "linux"))]
fn drop_pages(_: &File) -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "this needs Linux"))
}

/// Bytes that this process made the system read from disks so far.
fn bytes_read() -> Result<u64> {
    let text = std::fs::read_to_string(IO).map_err(|why| Error::io("read", Path::new(IO), why))?;
    let bytes = text.lines().find_map(|line| line.strip_prefix("read_bytes:")?.trim().parse().ok());
    bytes.ok_or_else(|| Error::invalid(format!("{IO} does not say read_bytes; this needs Linux")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES: usize = 8 << 20;

    /// Whether files here lie on a disk of Linux, as those of ext4, XFS and Btrfs do: elsewhere, in
    /// memory or beyond a network, there is nothing to drop, or nothing is counted.
    fn is_on_disk(folder: &Path) -> bool {
        let about = rustix::fs::statfs(folder);
        about.is_ok_and(|about| [0xEF53, 0x5846_5342, 0x9123_683E].contains(&(about.f_type as u32)))
    }

    #[test]
    fn what_was_forgotten_is_read_from_the_disk_again() {
        let folder = tempfile::tempdir().unwrap();
        if !is_on_disk(folder.path()) {
            return;
        }
        std::fs::create_dir(folder.path().join("below")).unwrap();
        let path = folder.path().join("below/file");
        std::fs::write(&path, vec![7; BYTES]).unwrap();
        forget(folder.path()).unwrap();
        let before = bytes_read().unwrap();
        assert_eq!(std::fs::read(&path).unwrap().len(), BYTES);
        assert!(bytes_read().unwrap() - before >= BYTES as u64);
    }
}
