//! The command `bench`: a public benchmark's load goes into a new store, is weighed and timed, and
//! asked its queries.

use std::io::{self, Read, Write};
use std::path::Path;
use std::time::Duration;

use super::Outcome;
use super::args::{BenchArgs, BenchLoad, ReportFormat, StoreForm, TsbsArgs, TsbsLoad};
use super::output::{Stop, json_to_stdout, to_stdout};
use super::progress::Progress;
use super::queries::{Asker, FormReport, ROLLED_UP, refuse_other_store, write_rows};
use super::spent::Spent;
use crate::bench::{CpuOnly, CpuOnlyOptions, FIELDS, START, Scrapes};
use crate::error::{Error, Result};
use crate::ingest::{InfluxOptions, Source, import_influx};
use crate::model::{Batch, Group, SeriesId, Span, Timestamp};
use crate::store::{Durability, Retention, Store, StoreOptions};

/// A store that promises no more than this to be lost by a power cut.
const SYNC_INTERVAL: Duration = Duration::from_secs(1);

/// Runs a benchmark.
pub(super) fn bench(args: &BenchArgs) -> Result<Outcome, Stop> {
    match &args.load {
        BenchLoad::Tsbs(args) => tsbs(args),
        BenchLoad::Agent(args) => super::agent::agent(args),
        BenchLoad::Plan(args) => super::bench_plan::bench_plan(args),
    }
}

/// What was measured.
#[derive(Debug, serde::Serialize)]
struct Report {
    schema_version: u32,
    hosts: usize,
    hours: u32,
    seed: u64,
    samples: u64,
    /// Absent where the store was loaded before.
    #[serde(flatten)]
    load: Option<LoadReport>,
    /// Absent where the store was left as it was sealed.
    #[serde(flatten)]
    compaction: Option<CompactionReport>,
    /// Absent where no rollups were wanted.
    #[serde(flatten)]
    rollup: Option<RollupReport>,
    /// Of each form that was asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    queries: Vec<FormReport>,
}

#[derive(Debug, serde::Serialize)]
struct LoadReport {
    load: TsbsLoad,
    /// Absent where line protocol was loaded, of which the importer makes its own batches.
    #[serde(skip_serializing_if = "Option::is_none")]
    scrapes_per_batch: Option<usize>,
    generation_seconds: f64,
    /// Of appending, sealing and closing, without the generation.
    load_seconds: f64,
    load_samples_per_second: f64,
    /// Processor time of all threads: what one core would need on a machine of its own.
    load_processor_seconds: f64,
    load_samples_per_processor_second: f64,
    sealed: Size,
}

#[derive(Debug, serde::Serialize)]
struct CompactionReport {
    compaction_seconds: f64,
    compaction_samples_per_second: f64,
    compaction_processor_seconds: f64,
    compaction_samples_per_processor_second: f64,
    compacted: Size,
}

#[derive(Debug, serde::Serialize)]
struct RollupReport {
    rollup_span_seconds: f64,
    rollup_seconds: f64,
    buckets: u64,
    /// Of the samples; none if the load ends with a bucket.
    samples_left: u64,
    rolled_up: Size,
}

/// What a closed store weighs, everything included.
#[derive(Debug, serde::Serialize)]
struct Size {
    bytes: u64,
    bytes_per_sample: f64,
}

fn tsbs(args: &TsbsArgs) -> Result<Outcome, Stop> {
    let options = CpuOnlyOptions { seed: args.seed, hosts: args.hosts, hours: args.hours };
    let fleet = CpuOnly::new(options)?;
    if args.loaded {
        refuse_other_store(&fleet, &args.store)?;
    } else {
        refuse_full(&args.store)?;
    }
    let mut asker = Asker::new(&fleet, args)?;
    if let Some(path) = &args.rows {
        write_rows(&fleet, path)?;
    }
    let mut report = if args.loaded {
        ask_loaded(&fleet, args, &mut asker)?
    } else {
        load_and_ask(&fleet, args, &mut asker)?
    };
    if let Some(span) = args.rollup {
        report.rollup = Some(roll_up(&args.store, &fleet, span)?);
        report.queries.extend(asker.ask(ROLLED_UP, &args.store)?);
    }
    match args.format {
        ReportFormat::Json => json_to_stdout(&report)?,
        ReportFormat::Table => to_stdout(|out| report.write(out))?,
    }
    Ok(Outcome::Done)
}

/// Asks a store as it is.
fn ask_loaded(fleet: &CpuOnly, args: &TsbsArgs, asker: &mut Asker<'_>) -> Result<Report> {
    let queries = asker.ask("as found", &args.store)?.into_iter().collect();
    Ok(Report { queries, ..Report::of(fleet) })
}

/// Loads a store and asks it, in each form that is wanted.
fn load_and_ask(fleet: &CpuOnly, args: &TsbsArgs, asker: &mut Asker<'_>) -> Result<Report> {
    let mut report = Report { load: Some(load_report(fleet, args)?), ..Report::of(fleet) };
    if args.form != StoreForm::Compacted {
        report.queries.extend(asker.ask("sealed", &args.store)?);
    }
    if args.form != StoreForm::Sealed {
        report.compaction = Some(compact(&args.store, fleet.samples())?);
        report.queries.extend(asker.ask("compacted", &args.store)?);
    }
    Ok(report)
}

fn load_report(fleet: &CpuOnly, args: &TsbsArgs) -> Result<LoadReport> {
    let samples = fleet.samples();
    let (generation, spent) = load(fleet, args)?;
    let appended = args.load == TsbsLoad::Append;
    Ok(LoadReport {
        load: args.load,
        scrapes_per_batch: appended.then_some(args.scrapes_per_batch.get()),
        generation_seconds: generation.wall.as_secs_f64(),
        load_seconds: spent.wall.as_secs_f64(),
        load_samples_per_second: rate(samples, spent.wall),
        load_processor_seconds: spent.processor.as_secs_f64(),
        load_samples_per_processor_second: rate(samples, spent.processor),
        sealed: Size::of(&args.store, samples)?,
    })
}

/// Opens the loaded store again and compacts it.
fn compact(folder: &Path, samples: u64) -> Result<CompactionReport> {
    let store = Store::open_existing(folder, store_options())?;
    let found = store.stat()?.samples;
    if found != samples {
        let what = format!("{samples} samples were loaded, the reopened store has {found}");
        return Err(Error::not_enough_data(what));
    }
    let started = Spent::so_far();
    store.compact(true)?;
    store.close()?;
    let spent = Spent::so_far().since(started);
    Ok(CompactionReport {
        compaction_seconds: spent.wall.as_secs_f64(),
        compaction_samples_per_second: rate(samples, spent.wall),
        compaction_processor_seconds: spent.processor.as_secs_f64(),
        compaction_samples_per_processor_second: rate(samples, spent.processor),
        compacted: Size::of(folder, samples)?,
    })
}

/// Makes rollups of the load and drops its samples, up to the last whole bucket.
fn roll_up(folder: &Path, fleet: &CpuOnly, span: Span) -> Result<RollupReport> {
    let length = Span::from_nanos(i64::from(fleet.options().hours) * Span::HOUR.nanos());
    let store = Store::open_existing(folder, store_options())?;
    let started = Spent::so_far();
    let retention = Retention::new(START.plus(length)).rollup(span, None);
    let made = store.retain_with(&retention)?;
    // What is left of segments that have a part of the last bucket only goes when they are merged.
    store.compact(true)?;
    let spent = Spent::so_far().since(started);
    let samples_left = store.stat()?.samples;
    store.close()?;
    Ok(RollupReport {
        rollup_span_seconds: span.nanos() as f64 / 1e9,
        rollup_seconds: spent.wall.as_secs_f64(),
        buckets: made.buckets,
        samples_left,
        rolled_up: Size::of(folder, fleet.samples())?,
    })
}

fn rate(samples: u64, time: Duration) -> f64 {
    samples as f64 / time.as_secs_f64().max(1e-9)
}

fn store_options() -> StoreOptions {
    StoreOptions { durability: Durability::Interval(SYNC_INTERVAL), ..StoreOptions::default() }
}

/// What is in the folder already would be weighed as well.
pub(super) fn refuse_full(folder: &Path) -> Result<()> {
    match std::fs::read_dir(folder) {
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(why) => Err(Error::io("list", folder, why)),
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(Error::invalid(format!(
                "{} is not empty; name a new folder with --store",
                folder.display()
            ))),
        },
    }
}

/// Loads a new store, seals and closes it. Returns the time that generating took, and the time of
/// everything else.
fn load(fleet: &CpuOnly, args: &TsbsArgs) -> Result<(Spent, Spent)> {
    let store = Store::open(&args.store, store_options())?;
    let progress = Progress::count(fleet.scrapes_count());
    let mut source = Generator::new(fleet, &progress);
    let started = Spent::so_far();
    match args.load {
        TsbsLoad::Append => append(&mut source, &store, args.scrapes_per_batch.get())?,
        TsbsLoad::Influx => import(&mut source, &store)?,
    }
    store.seal()?;
    store.close()?;
    let all = Spent::so_far().since(started);
    progress.finish();
    Ok((source.spent, all.since(source.spent)))
}

/// The load as it is made, stretch after stretch, and the time that making it took.
struct Generator<'a> {
    fleet: &'a CpuOnly,
    scrapes: Scrapes,
    progress: &'a Progress,
    spent: Spent,
    times: Vec<Timestamp>,
    /// Rows of all hosts, scrape after scrape.
    rows: Vec<[f64; FIELDS.len()]>,
    text: Vec<u8>,
    /// What of the text was read.
    read: usize,
}

impl<'a> Generator<'a> {
    fn new(fleet: &'a CpuOnly, progress: &'a Progress) -> Self {
        Self {
            fleet,
            scrapes: fleet.scrapes(),
            progress,
            spent: Spent::default(),
            times: Vec::new(),
            rows: Vec::new(),
            text: Vec::new(),
            read: 0,
        }
    }

    /// Makes the rows of up to `count` scrapes; fewer at the end.
    fn make_rows(&mut self, count: usize) {
        let started = Spent::so_far();
        self.times.clear();
        self.rows.clear();
        while self.times.len() < count
            && let Some(scrape) = self.scrapes.next()
        {
            self.times.push(scrape.time);
            self.rows.extend_from_slice(scrape.rows);
        }
        self.progress.add(self.times.len() as u64);
        self.spent.add(Spent::so_far().since(started));
    }

    /// Makes the lines of one scrape; none behind the last.
    fn make_text(&mut self) {
        let started = Spent::so_far();
        self.text.clear();
        self.read = 0;
        if let Some(scrape) = self.scrapes.next() {
            self.fleet.write_lines(&scrape, &mut self.text);
            self.progress.add(1);
        }
        self.spent.add(Spent::so_far().since(started));
    }
}

impl Read for Generator<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.read == self.text.len() {
            self.make_text();
        }
        let mut rest = self.text.get(self.read..).unwrap_or(&[]);
        let count = rest.read(into)?;
        self.read += count;
        Ok(count)
    }
}

/// Appends as an agent of the fleet would: a group for each host, all hosts in one batch, whose
/// memory is used again.
fn append(source: &mut Generator<'_>, store: &Store, scrapes_per_batch: usize) -> Result<()> {
    let hosts = source.fleet.hosts();
    let mut batch = Batch::default();
    for host in hosts {
        let labels = FIELDS.iter().map(|field| store.series_id(&host.labels(field)?));
        let series: Vec<SeriesId> = labels.collect::<Result<_>>()?;
        batch.groups.push(Group { series, ..Group::default() });
    }
    loop {
        source.make_rows(scrapes_per_batch);
        if source.times.is_empty() {
            return Ok(());
        }
        // To put rows into a batch is the agent's own work.
        let started = Spent::so_far();
        for (host, group) in batch.groups.iter_mut().enumerate() {
            group.times.clear();
            group.times.extend(source.times.iter().map(|time| time.nanos()));
            group.values.clear();
            for column in 0..FIELDS.len() {
                let row = |scrape: usize| source.rows[scrape * hosts.len() + host];
                group.values.extend((0..source.times.len()).map(|scrape| row(scrape)[column]));
            }
        }
        source.spent.add(Spent::so_far().since(started));
        store.append(&batch)?;
    }
}

/// Imports the lines as those of one file.
fn import(source: &mut Generator<'_>, store: &Store) -> Result<()> {
    let mut appender = store.appender();
    let options = InfluxOptions { strict: true, ..InfluxOptions::default() };
    import_influx(Source::new(source, "tsbs", &[]), &options, &mut appender)?;
    appender.finish()
}

impl Size {
    fn of(store: &Path, samples: u64) -> Result<Self> {
        let bytes = file_bytes(store)?;
        Ok(Self { bytes, bytes_per_sample: bytes as f64 / samples.max(1) as f64 })
    }

    fn write(&self, form: &str, out: &mut dyn Write) -> io::Result<()> {
        let Self { bytes, bytes_per_sample } = self;
        writeln!(out, "{form:10} {bytes} bytes, {bytes_per_sample:.3} bytes per sample")
    }
}

/// Bytes of all files below a folder.
fn file_bytes(folder: &Path) -> Result<u64> {
    let failed = |why| Error::io("list", folder, why);
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let about = entry.metadata().map_err(failed)?;
        bytes += if about.is_dir() { file_bytes(&entry.path())? } else { about.len() };
    }
    Ok(bytes)
}

impl Report {
    /// Of a fleet of which nothing was measured yet.
    fn of(fleet: &CpuOnly) -> Self {
        let CpuOnlyOptions { seed, hosts, hours } = fleet.options();
        Self {
            schema_version: 1,
            hosts,
            hours,
            seed,
            samples: fleet.samples(),
            load: None,
            compaction: None,
            rollup: None,
            queries: Vec::new(),
        }
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let Self { hosts, hours, seed, .. } = *self;
        let load = match self.load.as_ref().map(|load| load.scrapes_per_batch) {
            None => "loaded before".to_owned(),
            Some(Some(count)) => format!("appended, scrapes per batch: {count}"),
            Some(None) => "imported from line protocol".to_owned(),
        };
        writeln!(out, "TSBS cpu-only: {hosts} hosts, {hours} h, seed {seed}, {load}")?;
        writeln!(out, "samples    {}", self.samples)?;
        if let Some(load) = &self.load {
            load.write(out)?;
        }
        if let Some(compaction) = &self.compaction {
            compaction.write(out)?;
        }
        if let Some(rollup) = &self.rollup {
            rollup.write(out)?;
        }
        self.queries.iter().try_for_each(|form| form.write(out))?;
        self.queries.first().map_or(Ok(()), |form| form.write_left_out(out))
    }
}

impl LoadReport {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let seconds = self.generation_seconds;
        writeln!(out, "generated  in {seconds:.2} s, which is no part of the load")?;
        let (rate, core) = (self.load_samples_per_second, self.load_samples_per_processor_second);
        write_rate(out, "loaded", self.load_seconds, rate, core)?;
        self.sealed.write("sealed", out)
    }
}

impl CompactionReport {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let rate = self.compaction_samples_per_second;
        let core = self.compaction_samples_per_processor_second;
        write_rate(out, "compaction", self.compaction_seconds, rate, core)?;
        self.compacted.write("compacted", out)
    }
}

impl RollupReport {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let Self { rollup_seconds, buckets, samples_left, .. } = self;
        write!(out, "rollups    in {rollup_seconds:.2} s, {buckets} buckets, ")?;
        writeln!(out, "{samples_left} samples are left")?;
        self.rolled_up.write(ROLLED_UP, out)
    }
}

/// One line: how long something took, and how many samples that is a second.
fn write_rate(
    out: &mut dyn Write,
    what: &str,
    seconds: f64,
    rate: f64,
    rate_per_core: f64,
) -> io::Result<()> {
    let (rate, core) = (rate / 1e6, rate_per_core / 1e6);
    writeln!(out, "{what:10} in {seconds:.2} s, {rate:.1} M samples/s, {core:.1} M per core")
}
