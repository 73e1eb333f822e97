//! The command `import`: files in, one after the other, into a store.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::Outcome;
use super::args::{
    CsvArgs, ImportArgs, ImportFormat, ImportInput, InfluxArgs, ReportFormat, ShapeArg,
};
use super::output::{Stop, json_to_stdout, note, to_stdout};
use super::progress::{Progress, samples_and_rate};
use super::reader;
use crate::error::{Error, Result};
use crate::ingest::{
    CsvOptions, ImportReport, InfluxOptions, Shape, Source, host_from_file, import_csv,
    import_influx,
};
use crate::model::{Sink, Timestamp};
use crate::store::{Conflict, Durability, Store, StoreOptions};

/// Samples in the head at which an import seals: larger segments than an agent's, for 16 bytes of
/// memory each.
const HEAD_SAMPLES_MAX: usize = 8_000_000;
/// Memory of an import's store: it is run by a person, and larger segments are better ones.
const MEMORY_BYTES_MAX: usize = 512 << 20;

/// Imports files of one format.
pub(super) fn import(args: &ImportArgs) -> Result<Outcome, Stop> {
    match &args.format {
        ImportFormat::Csv(args) => csv(args),
        ImportFormat::Influx(args) => influx(args),
    }
}

fn csv(args: &CsvArgs) -> Result<Outcome, Stop> {
    let options = csv_options(args)?;
    let labels_of = |path: &Path| match &args.labels_from_path {
        Some(pattern) => pattern.labels(path),
        None if args.host_from_file => Ok(vec![host_from_file(path)?]),
        None => Ok(Vec::new()),
    };
    import_files(&args.input, &labels_of, |source, sink| import_csv(source, &options, sink))
}

fn influx(args: &InfluxArgs) -> Result<Outcome, Stop> {
    let options = InfluxOptions {
        precision: args.precision,
        strict: args.input.strict,
        labels: args.input.labels.clone(),
    };
    let no_labels = |_: &Path| Ok(Vec::new());
    import_files(&args.input, &no_labels, |source, sink| import_influx(source, &options, sink))
}

/// The mapping file's options with the flags on top.
fn csv_options(args: &CsvArgs) -> Result<CsvOptions> {
    let mut options = match &args.mapping {
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|why| Error::io("read", path, why))?;
            CsvOptions::from_toml(&text, &path.display().to_string())?
        }
        None => CsvOptions::default(),
    };
    options.delimiter = args.delimiter.or(options.delimiter);
    options.shape = match args.shape {
        Some(ShapeArg::Wide) => Some(Shape::Wide),
        Some(ShapeArg::Long) => Some(Shape::Long),
        None => options.shape,
    };
    options.time.column = args.time_column.clone().or(options.time.column);
    options.time.form = args.time_unit.or(options.time.form);
    options.time.zone = args.zone.clone().or(options.time.zone);
    options.time.format = args.time_format.clone().or(options.time.format);
    options.columns.extend(args.columns.iter().cloned());
    options.labels.extend(args.input.labels.iter().cloned());
    options.decimal_comma |= args.decimal_comma;
    options.strict = args.input.strict;
    Ok(options)
}

/// Imports one source.
type ImportOne<'a> = dyn Fn(Source<'_>, &mut dyn Sink) -> Result<ImportReport> + 'a;
/// The labels that a file's path gives.
type LabelsOf<'a> = dyn Fn(&Path) -> Result<Vec<(String, String)>> + 'a;

fn import_files(
    input: &ImportInput,
    labels_of: &LabelsOf<'_>,
    import_one: impl Fn(Source<'_>, &mut dyn Sink) -> Result<ImportReport>,
) -> Result<Outcome, Stop> {
    let files = expand(&input.files)?;
    // An import can be repeated, so it needs no sync before the seal at its end; and what is
    // stored stays, so that repeating it changes nothing.
    let store = Store::open(
        &input.store,
        StoreOptions {
            durability: Durability::Buffered,
            conflict: Conflict::FirstWins,
            head_samples_max: HEAD_SAMPLES_MAX,
            memory_bytes_max: MEMORY_BYTES_MAX,
            ahead_max: None,
            ..StoreOptions::default()
        },
    )?;
    reader::tell_loss(&store, &input.store)?;
    let total = files.iter().filter_map(|file| std::fs::metadata(file).ok()).map(|m| m.len()).sum();
    let progress = Progress::bytes(total);
    let mut report = ImportReport::default();
    for path in &files {
        let labels = labels_of(path)?;
        report.merge(import_file(path, &labels, &store, &import_one, &progress)?);
        progress.samples(report.samples);
    }
    store.seal()?;
    let kept = Kept {
        conflicts: store.conflicts(),
        refused: store.stats().refused_samples,
        retained_from: store.snapshot()?.raw_from(),
    };
    store.close()?;
    let speed = samples_and_rate(report.samples, progress.finish());
    note(&format!("{} files, {speed}", report.files));
    print_report(&report, &kept, input.format)?;
    Ok(if report.rejected > 0 { Outcome::Partial } else { Outcome::Done })
}

fn import_file(
    path: &Path,
    labels: &[(String, String)],
    store: &Store,
    import_one: &ImportOne<'_>,
    progress: &Progress,
) -> Result<ImportReport> {
    let mut input: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(path).map_err(|why| Error::io("open", path, why))?)
    };
    let origin = path.display().to_string();
    let mut on_bytes = |bytes| progress.add(bytes);
    let source =
        Source { input: &mut *input, origin: &origin, labels, on_bytes: Some(&mut on_bytes) };
    let mut appender = store.appender();
    let report = import_one(source, &mut appender)?;
    appender.finish()?;
    Ok(report)
}

/// Folders become the files below them, in the order of their names.
fn expand(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let before = files.len();
            below(path, &mut files)?;
            if files.len() == before {
                return Err(Error::invalid(format!("there are no files in {}", path.display())));
            }
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

fn below(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let failed = |why| Error::io("list", folder, why);
    let entries: io::Result<Vec<_>> = std::fs::read_dir(folder).map_err(failed)?.collect();
    let mut paths: Vec<PathBuf> =
        entries.map_err(failed)?.iter().map(std::fs::DirEntry::path).collect();
    paths.sort();
    for path in paths {
        let hidden = path.file_name().is_some_and(|n| n.as_encoded_bytes().starts_with(b"."));
        if hidden {
            continue;
        }
        if path.is_dir() {
            below(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// What the store did not take of the samples.
#[derive(Debug, serde::Serialize)]
struct Kept {
    conflicts: u64,
    /// Samples before `retained_from`.
    refused: u64,
    #[serde(skip)]
    retained_from: Timestamp,
}

#[derive(serde::Serialize)]
struct ReportJson<'a> {
    schema_version: u32,
    #[serde(flatten)]
    report: &'a ImportReport,
    #[serde(flatten)]
    kept: &'a Kept,
}

fn print_report(report: &ImportReport, kept: &Kept, format: ReportFormat) -> Result<(), Stop> {
    if format == ReportFormat::Json {
        return json_to_stdout(&ReportJson { schema_version: 1, report, kept });
    }
    for problem in &report.problems {
        note(&problem.to_string());
    }
    let shown = report.problems.len() as u64;
    if report.rejected > shown {
        note(&format!("... and {} more rejected lines", report.rejected - shown));
    }
    to_stdout(|out| write_report(report, kept, out))
}

fn write_report(report: &ImportReport, kept: &Kept, out: &mut dyn io::Write) -> io::Result<()> {
    let Kept { conflicts, refused, retained_from } = kept;
    writeln!(out, "files     {}", report.files)?;
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
    if *refused > 0 {
        writeln!(
            out,
            "refused   {refused} samples lie before {retained_from}, to where retention has \
             dropped all, and were left out"
        )?;
    }
    if *conflicts > 0 {
        writeln!(
            out,
            "conflicts {conflicts} samples differ from the one stored at their instant and were \
             left out; do several hosts share their labels (--host-from-file)?"
        )?;
    }
    Ok(())
}
