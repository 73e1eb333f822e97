//! What became of an import of several files, as a report.

use std::io;
use std::path::{Path, PathBuf};

use super::Outcome;
use super::args::ReportFormat;
use super::output::{Stop, json_to_stdout, note, to_stdout};
use crate::error::{Error, Result};
use crate::ingest::ImportReport;
use crate::model::Timestamp;
use crate::store::Store;

/// How many refused files are kept by name; the rest is counted.
const REFUSED_FILES_MAX: usize = 100;
/// How many notes are shown to a person; the JSON report has more.
const NOTES_SHOWN: usize = 10;

/// The files that were read, those that were not, and what the store did not take.
#[derive(Debug, Default, serde::Serialize)]
pub(super) struct Imported {
    #[serde(flatten)]
    pub(super) report: ImportReport,
    /// Files refused as a whole.
    files_refused: u64,
    /// The first 100 of them.
    refused_files: Vec<RefusedFile>,
    /// Where the import stopped before its end.
    stopped: Option<Stopped>,
    /// Samples that differ from the one that is stored at their instant.
    conflicts: u64,
    /// Samples before `retained_from`.
    refused: u64,
    #[serde(skip)]
    retained_from: Option<Timestamp>,
}

/// A file of which nothing was imported, or of which not all could be read.
#[derive(Debug, serde::Serialize)]
struct RefusedFile {
    origin: String,
    /// `None` where it could not be opened or read.
    line: Option<u64>,
    what: String,
}

/// A file that ended the import.
#[derive(Debug, serde::Serialize)]
struct Stopped {
    origin: String,
    /// Files after it, which were not read.
    not_read: usize,
    /// The first of them.
    next: Option<String>,
}

#[derive(serde::Serialize)]
struct Versioned<'a> {
    schema_version: u32,
    #[serde(flatten)]
    imported: &'a Imported,
}

impl Imported {
    /// Notes a file that was refused.
    pub(super) fn refuse(&mut self, path: &Path, why: &Error) {
        self.files_refused += 1;
        if self.refused_files.len() == REFUSED_FILES_MAX {
            return;
        }
        let (line, what) = match why {
            Error::Parse { line, what, .. } => (Some(*line), what.clone()),
            _ => (None, why.to_string()),
        };
        self.refused_files.push(RefusedFile { origin: path.display().to_string(), line, what });
    }

    /// Notes the file that ended the import, and those that were not read.
    pub(super) fn stop(&mut self, path: &Path, rest: &[PathBuf]) {
        self.stopped = Some(Stopped {
            origin: path.display().to_string(),
            not_read: rest.len(),
            next: rest.first().map(|path| path.display().to_string()),
        });
    }

    /// Asks the store what it did not take.
    pub(super) fn ask(&mut self, store: &Store) {
        self.conflicts = store.conflicts();
        self.refused = store.stats().refused_samples;
        self.retained_from = store.snapshot().map(|snapshot| snapshot.raw_from()).ok();
    }

    /// How an import ended in which nothing failed but files.
    pub(super) fn outcome(&self, files: usize) -> Result<Outcome, Stop> {
        if self.report.files == 0 {
            let what =
                format!("none of the {files} files could be imported; the reasons are above");
            return Err(Error::invalid(what).into());
        }
        let partial = self.report.rejected > 0 || self.files_refused > 0;
        Ok(if partial { Outcome::Partial } else { Outcome::Done })
    }

    pub(super) fn print(&self, format: ReportFormat) -> Result<(), Stop> {
        if format == ReportFormat::Json {
            return json_to_stdout(&Versioned { schema_version: 1, imported: self });
        }
        self.print_notes();
        to_stdout(|out| self.write(out))
    }

    fn print_notes(&self) {
        let report = &self.report;
        let more = |count: u64, shown: usize, what: &str| {
            if count > shown as u64 {
                note(&format!("... and {} more {what}", count - shown as u64));
            }
        };
        for problem in &report.problems {
            note(&problem.to_string());
        }
        more(report.rejected, report.problems.len(), "rejected lines");
        for RefusedFile { origin, line, what } in &self.refused_files {
            let line = line.map(|line| format!(":{line}")).unwrap_or_default();
            note(&format!("{}{line}: not imported: {what}", origin.escape_debug()));
        }
        more(self.files_refused, self.refused_files.len(), "files that were not imported");
        let notes = report.notes.iter().take(NOTES_SHOWN);
        for line in notes.clone() {
            note(&line.to_string());
        }
        more(report.unended, notes.len(), "files whose last line has no line end");
        for rule in &report.unmet_rules {
            note(&format!(
                "the rule for {rule:?} met no column and no metric; it takes a header, or a metric \
                 as it stands in the cells"
            ));
        }
        if let Some(Stopped { origin, not_read, next }) = &self.stopped {
            let rest = next.as_ref().map(|next| format!(", from {next} on")).unwrap_or_default();
            note(&format!(
                "stopped in {origin}; {} files before it were imported, {not_read} after it were \
                 not read{rest}",
                report.files
            ));
        }
    }

    fn write(&self, out: &mut dyn io::Write) -> io::Result<()> {
        let report = &self.report;
        writeln!(out, "files     {}", report.files)?;
        if self.files_refused > 0 {
            writeln!(out, "unread    {} files were refused as a whole", self.files_refused)?;
        }
        writeln!(out, "lines     {}", report.lines)?;
        writeln!(out, "samples   {}", report.samples)?;
        writeln!(out, "missing   {}", report.missing)?;
        writeln!(out, "rejected  {}", report.rejected)?;
        for (reason, count) in &report.reasons {
            writeln!(out, "  {reason}: {count}")?;
        }
        if report.skipped_fields > 0 {
            writeln!(out, "skipped   {} text fields, which are no samples", report.skipped_fields)?;
        }
        if self.refused > 0 {
            let from = self.retained_from.map(|from| format!(" {from},")).unwrap_or_default();
            writeln!(
                out,
                "refused   {} samples lie before{from} to where retention has dropped all, and \
                 were left out",
                self.refused
            )?;
        }
        if self.conflicts > 0 {
            writeln!(
                out,
                "conflicts {} samples differ from the one stored at their instant and were left \
                 out; do several hosts share their labels (--host-from-file)?",
                self.conflicts
            )?;
        }
        Ok(())
    }
}
