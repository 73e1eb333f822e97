//! The command `bench agent`: what a store inside a monitoring agent costs in memory. It lives
//! through a span of time as fast as it can, a scrape of all hosts after the other, and watches
//! the anonymous memory of its process meanwhile.

use std::io::{self, Write};
use std::time::Instant;

use super::Outcome;
use super::args::{AgentArgs, ReportFormat};
use super::bench::refuse_full;
use super::output::{Stop, json_to_stdout, to_stdout};
use super::progress::Progress;
use super::rss::{PeakWatch, rss_anon_bytes};
use crate::bench::{CpuOnly, CpuOnlyOptions, FIELDS, Noise, START, Scrape};
use crate::error::Result;
use crate::model::{Batch, Group, SeriesId, Span};
use crate::store::{Store, StoreOptions};

/// What was measured. All memory is anonymous memory of the whole process, in bytes.
#[derive(Debug, serde::Serialize)]
struct Report {
    schema_version: u32,
    series: usize,
    span_seconds: i64,
    samples: u64,
    memory_bytes_max: usize,
    /// Before there was a store: the program itself, and what makes the samples.
    empty_bytes: u64,
    /// What each series took when it was made, before it had a sample.
    bytes_per_series: f64,
    /// The median over the second half of the scrapes.
    steady_bytes: u64,
    /// The most, appending, sealing and merging included.
    peak_bytes: u64,
    /// The most while the store was opened again with what was not sealed yet.
    recovery_peak_bytes: u64,
    recovery_seconds: f64,
    /// Bytes of all segments then.
    segment_bytes: u64,
    /// The most while all segments became one.
    compaction_peak_bytes: u64,
    seconds: f64,
    segments: u64,
}

/// Runs the measurement.
pub(super) fn agent(args: &AgentArgs) -> Result<Outcome, Stop> {
    let hour = Span::HOUR.nanos();
    let hours = u32::try_from(args.span.nanos().saturating_add(hour - 1) / hour).unwrap_or(0);
    let hosts = args.series.div_ceil(FIELDS.len());
    let fleet = CpuOnly::new(CpuOnlyOptions { seed: args.seed, hosts, hours })?;
    refuse_full(&args.store)?;
    let report = measure(&fleet, args)?;
    match args.format {
        ReportFormat::Json => json_to_stdout(&report)?,
        ReportFormat::Table => to_stdout(|out| report.write(out))?,
    }
    Ok(Outcome::Done)
}

fn measure(fleet: &CpuOnly, args: &AgentArgs) -> Result<Report> {
    let mut scrapes = fleet.scrapes();
    let progress = Progress::count(fleet.scrapes_count());
    let options =
        StoreOptions { memory_bytes_max: args.memory_mib << 20, ..StoreOptions::default() };
    let watch = PeakWatch::start()?;
    let empty_bytes = rss_anon_bytes()?;
    let started = Instant::now();
    let store = Store::open(&args.store, options.clone())?;
    let opened_bytes = rss_anon_bytes()?;
    let mut batch = batch_of(fleet, &store)?;
    let series = fleet.hosts().len() * FIELDS.len();
    let bytes_per_series = rss_anon_bytes()?.saturating_sub(opened_bytes) as f64 / series as f64;
    let mut levels = Vec::new();
    let mut noise = args.noise.then(|| Noise::new(args.seed));
    while let Some(scrape) = scrapes.next() {
        if scrape.time.since(START) >= args.span {
            break;
        }
        fill(&mut batch, &scrape, noise.as_mut());
        store.append(&batch)?;
        levels.push(rss_anon_bytes()?);
        progress.add(1);
    }
    let seconds = started.elapsed().as_secs_f64();
    let peak_bytes = watch.take()?;
    let stat = store.stat()?;
    drop(store);
    watch.take()?;
    let reopened = Instant::now();
    let store = Store::open(&args.store, options)?;
    let recovery_seconds = reopened.elapsed().as_secs_f64();
    let recovery_peak_bytes = watch.take()?;
    store.seal()?;
    store.compact(true)?;
    let compaction_peak_bytes = watch.take()?;
    store.close()?;
    progress.finish();
    Ok(Report {
        schema_version: 1,
        series,
        span_seconds: args.span.nanos() / Span::SECOND.nanos(),
        samples: stat.samples,
        memory_bytes_max: args.memory_mib << 20,
        empty_bytes,
        bytes_per_series,
        steady_bytes: steady(&levels),
        peak_bytes,
        recovery_peak_bytes,
        recovery_seconds,
        segment_bytes: stat.segment_bytes,
        compaction_peak_bytes,
        seconds,
        segments: stat.segments,
    })
}

/// A group for each host, without rows yet.
fn batch_of(fleet: &CpuOnly, store: &Store) -> Result<Batch> {
    let mut batch = Batch::default();
    for host in fleet.hosts() {
        let labels = FIELDS.iter().map(|field| store.series_id(&host.labels(field)?));
        let series: Vec<SeriesId> = labels.collect::<Result<_>>()?;
        batch.groups.push(Group { series, ..Group::default() });
    }
    Ok(batch)
}

/// Puts a scrape into the batch, every value with a random fraction if there is to be noise.
fn fill(batch: &mut Batch, scrape: &Scrape<'_>, noise: Option<&mut Noise>) {
    for (group, row) in batch.groups.iter_mut().zip(scrape.rows) {
        group.times.clear();
        group.times.push(scrape.time.nanos());
        group.values.clear();
        group.values.extend_from_slice(row);
    }
    if let Some(noise) = noise {
        batch.groups.iter_mut().for_each(|group| noise.add_to(&mut group.values));
    }
}

/// The median of the second half.
fn steady(levels: &[u64]) -> u64 {
    let mut later = levels.get(levels.len() / 2..).unwrap_or(&[]).to_vec();
    later.sort_unstable();
    later.get(later.len() / 2).copied().unwrap_or(0)
}

impl Report {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let Self { series, samples, seconds, segments, .. } = self;
        let span = Span::from_nanos(self.span_seconds * Span::SECOND.nanos());
        writeln!(out, "{series} series every 10s for {span}: {samples} samples in {seconds:.1} s")?;
        let segment_mib = mib(self.segment_bytes);
        writeln!(out, "segments           {segments} of {segment_mib:.0} MiB in all")?;
        writeln!(out, "opened again in    {:.2} s", self.recovery_seconds)?;
        writeln!(out, "bytes per series   {:.0}", self.bytes_per_series)?;
        let budget = mib(self.memory_bytes_max as u64);
        writeln!(out, "anonymous memory of the process, MiB, of a budget of {budget:.0}")?;
        writeln!(out, "  without a store  {:.1}", mib(self.empty_bytes))?;
        writeln!(out, "  steady           {:.1}", mib(self.steady_bytes))?;
        writeln!(out, "  peak             {:.1}", mib(self.peak_bytes))?;
        writeln!(out, "  recovery peak    {:.1}", mib(self.recovery_peak_bytes))?;
        writeln!(out, "  compaction peak  {:.1}", mib(self.compaction_peak_bytes))
    }
}
