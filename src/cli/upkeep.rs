//! Commands that keep a store over the years: `backup`, `restore`, `repair`, `retain`.

use std::io::Write;
use std::path::PathBuf;
use std::str::FromStr;

use super::Outcome;
use super::args::{ReportFormat, StoreArgs};
use super::inspect::Versioned;
use super::output::{Stop, json_to_stdout, to_stdout};
use super::reader;
use crate::error::Error;
use crate::model::{Span, TimeRange, Timestamp};
use crate::store::{RetainReport, Retention, Store, StoreOptions, Tier};

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  plimsoll backup --store s /mnt/backup/s\n\
                        A writer may be at work beside. Run again with the same target, it copies \
                        only what is new.\nWhat is in a backup and what is not: docs/backup.md.")]
pub(super) struct BackupArgs {
    /// The store's folder.
    #[arg(long, value_name = "DIR")]
    store: PathBuf,
    /// The backup's folder: new, empty, or an earlier backup of the same store.
    #[arg(value_name = "TARGET")]
    target: PathBuf,
    /// How to write the result.
    #[arg(long, value_enum, default_value = "table")]
    format: ReportFormat,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  plimsoll restore /mnt/backup/s --store again")]
pub(super) struct RestoreArgs {
    /// The backup's folder.
    #[arg(value_name = "BACKUP")]
    backup: PathBuf,
    /// The store's folder, which must be new or empty.
    #[arg(long, value_name = "DIR")]
    store: PathBuf,
    /// How to write the result.
    #[arg(long, value_enum, default_value = "table")]
    format: ReportFormat,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  plimsoll retain --store s --keep 400d\n  \
                        plimsoll retain --store s --keep 30d --rollup 5m:90d --rollup 1h:400d \
                        --rollup 1d\n\
                        Gone for ever but for the rollups: of each bucket count, smallest, \
                        largest, sum, latest, and\nthe increase of a counter; of \
                        a day or longer a sketch besides, for sketch-p95.\nWith them --keep and \
                        --before keep a little more, up to a whole bucket of the\nlongest. Whole \
                        segments leave the disk at once, the rest when segments are merged;\n\
                        `plimsoll compact` merges them now.")]
pub(super) struct RetainArgs {
    /// The store's folder.
    #[arg(long, value_name = "DIR")]
    store: PathBuf,
    #[command(flatten)]
    bound: Bound,
    /// Keep rollups of what is dropped, in buckets of this length, and of these only the newest of
    /// that span: 5m:90d, or 1d for all. Repeat it for more tiers, whose lengths divide each other.
    #[arg(long, value_name = "SPAN[:KEEP]")]
    rollup: Vec<Tiered>,
    /// How to write the result.
    #[arg(long, value_enum, default_value = "table")]
    format: ReportFormat,
}

/// Where retention ends: one of the two.
#[derive(Debug, Clone, Copy, clap::Args)]
#[group(required = true, multiple = false)]
struct Bound {
    /// Drop all samples before this time, as in 2013-08-01 or 2013-08-01T12:00:00Z.
    #[arg(long, value_name = "TIME")]
    before: Option<Timestamp>,
    /// Keep this length of time up to the store's newest sample, as in 400d.
    #[arg(long, value_name = "SPAN")]
    keep: Option<Span>,
}

/// A tier of rollups: the length of its buckets, and how long they are kept.
#[derive(Debug, Clone, Copy)]
struct Tiered {
    span: Span,
    keep: Option<Span>,
}

impl FromStr for Tiered {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (span, keep) = match text.split_once(':') {
            Some((span, keep)) => (span, Some(keep.parse()?)),
            None => (text, None),
        };
        Ok(Self { span: span.parse()?, keep })
    }
}

/// Copies a store, beside its writer if there is one.
pub(super) fn backup(args: &BackupArgs) -> Result<Outcome, Stop> {
    let report = reader::open(&args.store)?.backup(&args.target)?;
    let clean = report.damaged.is_empty();
    if args.format == ReportFormat::Json {
        json_to_stdout(&Versioned::new(&report))?;
    } else {
        to_stdout(|out| {
            for finding in &report.damaged {
                writeln!(out, "{}: {}", finding.file, finding.what)?;
            }
            let (files, bytes) = (report.files, report.bytes);
            writeln!(out, "{} samples of {} series", report.samples, report.series)?;
            write!(out, "{files} files, {bytes} bytes: {} were there, ", report.kept)?;
            write!(out, "{} linked, {} copied", report.linked, report.copied)?;
            match report.damaged.len() {
                0 => writeln!(out),
                found => writeln!(out, "; {found} damaged in the store and so in the backup"),
            }
        })?;
    }
    Ok(if clean { Outcome::Done } else { Outcome::FoundProblems })
}

/// Makes a store from a backup.
pub(super) fn restore(args: &RestoreArgs) -> Result<Outcome, Stop> {
    let report = Store::restore(&args.backup, &args.store)?;
    if args.format == ReportFormat::Json {
        json_to_stdout(&Versioned::new(report))?;
        return Ok(Outcome::Done);
    }
    to_stdout(|out| {
        writeln!(out, "{} samples of {} series", report.samples, report.series)?;
        write!(out, "{} files, {} bytes verified and restored", report.files, report.bytes)?;
        match report.passed_over {
            0 => writeln!(out),
            left => writeln!(out, "; {left} files of a later, unfinished backup passed over"),
        }
    })?;
    Ok(Outcome::Done)
}

/// Makes the database of a store anew from its segments.
pub(super) fn repair(args: &StoreArgs) -> Result<Outcome, Stop> {
    let report = Store::rebuild(&args.store)?;
    if args.format == ReportFormat::Json {
        json_to_stdout(&Versioned::new(&report))?;
        return Ok(Outcome::Done);
    }
    to_stdout(|out| {
        for (name, why) in &report.set_aside {
            writeln!(out, "set aside: {name}: {why}")?;
        }
        let (segments, samples, series) = (report.segments, report.samples, report.series);
        writeln!(out, "{samples} samples of {series} series in {segments} segments are back")?;
        if report.rollups > 0 {
            writeln!(out, "rollups in {} segments are back", report.rollups)?;
        }
        for lost in &report.lost {
            writeln!(out, "lost, if there were any: {lost}")?;
        }
        Ok::<(), std::io::Error>(())
    })?;
    Ok(Outcome::Done)
}

#[derive(serde::Serialize)]
struct Retained {
    /// Samples before this instant are gone.
    before: Option<Timestamp>,
    /// Buckets of rollups that were made.
    buckets: u64,
    /// All tiers of rollups that there are now.
    rollups: Vec<Tier>,
    segments_before: u64,
    segments_after: u64,
    bytes_before: u64,
    bytes_after: u64,
}

/// Drops old samples.
pub(super) fn retain(args: &RetainArgs) -> Result<Outcome, Stop> {
    let store = Store::open_existing(&args.store, StoreOptions::default())?;
    reader::tell_loss(&store, &args.store)?;
    let stat = store.stat()?;
    let before = match (args.bound.before, args.bound.keep, stat.range) {
        (Some(before), ..) => Some(before),
        // Measured from the data, not from the clock: a study of last year's export is kept as
        // well as an agent's store whose clock is wrong.
        (None, Some(keep), Some(range)) => Some(start_of(range.end, keep, "--keep ")?),
        _ => None,
    };
    let mut report = RetainReport { before, buckets: 0 };
    if let Some(before) = before {
        report = store.retain_with(&retention(args, before, stat.range)?)?;
    }
    let after = store.stat()?;
    store.close()?;
    let retained = Retained {
        before: report.before,
        buckets: report.buckets,
        rollups: after.rollups,
        segments_before: stat.segments,
        segments_after: after.segments,
        bytes_before: stat.segment_bytes,
        bytes_after: after.segment_bytes,
    };
    if args.format == ReportFormat::Json {
        json_to_stdout(&Versioned::new(retained))?;
        return Ok(Outcome::Done);
    }
    to_stdout(|out| {
        let Some(before) = retained.before else {
            return writeln!(out, "there are no samples to drop");
        };
        writeln!(out, "samples before {before} are gone")?;
        if retained.buckets > 0 || !args.rollup.is_empty() {
            writeln!(out, "{} buckets of rollups were made of them", retained.buckets)?;
        }
        let Retained { segments_before, segments_after, bytes_before, bytes_after, .. } = retained;
        write!(out, "{segments_before} segments of {bytes_before} bytes became ")?;
        writeln!(out, "{segments_after} of {bytes_after}")
    })?;
    Ok(Outcome::Done)
}

/// What is dropped, and what is kept of it.
fn retention(
    args: &RetainArgs,
    before: Timestamp,
    stored: Option<TimeRange>,
) -> Result<Retention, Error> {
    let mut retention = Retention::new(before);
    for Tiered { span, keep } in &args.rollup {
        let gone = match (keep, stored) {
            (Some(keep), Some(stored)) => {
                let option = format!("--rollup {span}:");
                let gone = start_of(stored.end, *keep, &option)?;
                // Else it would hold a bucket at some times of day, or never.
                if gone.plus(*span) > before {
                    return Err(Error::invalid(format!(
                        "{option}{keep} keeps no bucket: samples are rolled up before {before}, \
                         and buckets dropped before {gone}; keep them at least {span} longer than \
                         samples, or for ever: --rollup {span}"
                    )));
                }
                Some(gone)
            }
            _ => None,
        };
        retention = retention.rollup(*span, gone);
    }
    Ok(retention)
}

/// The instant `keep` before the newest sample, which lies 1 ns before `end`. `option` is what
/// stands before the span on the command line.
fn start_of(end: Timestamp, keep: Span, option: &str) -> Result<Timestamp, Error> {
    if keep.is_zero() {
        return Err(Error::invalid(format!("{option}{keep} keeps nothing; take a longer span")));
    }
    Ok(Timestamp::from_nanos(end.nanos().saturating_sub(1).saturating_sub(keep.nanos())))
}
