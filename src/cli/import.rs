//! The command `import`: files in, one after the other, into a store.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::Outcome;
use super::args::{CsvArgs, ImportArgs, ImportFormat, ImportInput, InfluxArgs, ShapeArg};
use super::imported::Imported;
use super::output::{Stop, note};
use super::progress::{Progress, samples_and_rate};
use super::reader;
use crate::error::{Error, Result};
use crate::ingest::{
    CsvOptions, ImportReport, InfluxOptions, Shape, Source, host_from_file, import_csv,
    import_influx,
};
use crate::model::Sink;
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
    import_files(&args.input, &|source, sink| import_csv(source, &options, sink))
}

fn influx(args: &InfluxArgs) -> Result<Outcome, Stop> {
    let options = InfluxOptions {
        precision: args.precision,
        strict: args.input.strict,
        labels: args.input.labels.clone(),
    };
    import_files(&args.input, &|source, sink| import_influx(source, &options, sink))
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

fn import_files(input: &ImportInput, import_one: &ImportOne<'_>) -> Result<Outcome, Stop> {
    let files = expand(&input.files)?;
    let store = open(&input.store)?;
    reader::tell_loss(&store, &input.store)?;
    let total = files.iter().filter_map(|file| std::fs::metadata(file).ok()).map(|m| m.len()).sum();
    let progress = Progress::bytes(total);
    let mut imported = Imported::default();
    let mut ended = read_files(&files, input, &store, import_one, &progress, &mut imported);
    // What was read before a file that ends the import stays, so it is sealed as well; a store that
    // failed is left as it is.
    if !matches!(ended, Err(Failure::Store(_))) {
        ended = store.seal().map_err(Failure::Store).and(ended);
    }
    imported.ask(&store);
    if !matches!(ended, Err(Failure::Store(_))) {
        ended = store.close().map_err(Failure::Store).and(ended);
    }
    let speed = samples_and_rate(imported.report.samples, progress.finish());
    match ended {
        Err(failure) if files.len() == 1 => return Err(failure.into_error().into()),
        _ => note(&format!("{} files, {speed}", imported.report.files)),
    }
    imported.print(input.format)?;
    ended.map_err(Failure::into_error)?;
    imported.outcome(files.len())
}

fn open(folder: &Path) -> Result<Store> {
    // An import can be repeated, so it needs no sync before the seal at its end; and what is
    // stored stays, so that repeating it changes nothing.
    let options = StoreOptions {
        durability: Durability::Buffered,
        conflict: Conflict::FirstWins,
        head_samples_max: HEAD_SAMPLES_MAX,
        memory_bytes_max: MEMORY_BYTES_MAX,
        ahead_max: None,
        ..StoreOptions::default()
    };
    Store::open(folder, options)
}

/// Why a file was not imported.
enum Failure {
    /// The file cannot be read, or not in one way only.
    File(Error),
    /// The store took it no longer, or what was asked for cannot be done to any file.
    Store(Error),
}

impl Failure {
    fn into_error(self) -> Error {
        match self {
            Self::File(why) | Self::Store(why) => why,
        }
    }
}

/// Reads one file after the other. A refused one does not stop the others, but where it is the only
/// one, or the import is strict.
fn read_files(
    files: &[PathBuf],
    input: &ImportInput,
    store: &Store,
    import_one: &ImportOne<'_>,
    progress: &Progress,
    imported: &mut Imported,
) -> Result<(), Failure> {
    for (at, path) in files.iter().enumerate() {
        let labels = labels_of(input, path).map_err(Failure::File);
        let read =
            labels.and_then(|labels| import_file(path, &labels, store, import_one, progress));
        match read {
            Ok(report) => imported.report.merge(report),
            Err(Failure::File(why)) if files.len() > 1 && !input.strict => {
                imported.refuse(path, &why);
            }
            Err(failure) => {
                imported.stop(path, files.get(at + 1..).unwrap_or(&[]));
                return Err(failure);
            }
        }
        progress.samples(imported.report.samples);
    }
    Ok(())
}

/// The labels that a file's path gives.
fn labels_of(input: &ImportInput, path: &Path) -> Result<Vec<(String, String)>> {
    match &input.labels_from_path {
        Some(pattern) => pattern.labels(path),
        None if input.host_from_file => Ok(vec![host_from_file(path)?]),
        None => Ok(Vec::new()),
    }
}

fn import_file(
    path: &Path,
    labels: &[(String, String)],
    store: &Store,
    import_one: &ImportOne<'_>,
    progress: &Progress,
) -> Result<ImportReport, Failure> {
    let mut input: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        let opened = File::open(path).map_err(|why| Error::io("open", path, why));
        Box::new(opened.map_err(Failure::File)?)
    };
    let origin = path.display().to_string();
    let mut on_bytes = |bytes| progress.add(bytes);
    let source =
        Source { input: &mut *input, origin: &origin, labels, on_bytes: Some(&mut on_bytes) };
    let mut appender = store.appender();
    let report = import_one(source, &mut appender).map_err(|why| match &why {
        Error::Parse { .. } => Failure::File(why),
        Error::Io { path: of, .. } if of.as_path() == path => Failure::File(why),
        _ => Failure::Store(why),
    })?;
    appender.finish().map_err(Failure::Store)?;
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
