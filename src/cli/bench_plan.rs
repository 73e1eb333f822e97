//! The command `bench plan`: what a plan of a large fleet takes. The fleet of the demo goes into a
//! new store, which is closed, opened again and planned by the demo's own study.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Outcome;
use super::args::ReportFormat;
use super::bench::refuse_full;
use super::output::{Stop, json_to_stdout, to_stdout};
use super::plan::{plan_by, store_fleet};
use super::rss::{PeakWatch, rss_anon_bytes};
use super::spent::Spent;
use crate::capacity::{Plan, Study};
use crate::demo::{Fleet, FleetOptions, study_toml_in_steps};
use crate::error::{Error, Result};
use crate::model::Span;
use crate::report;

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  plimsoll bench plan --hosts 10000 --store fleet\n\
                        Memory is that of the whole process, watched every millisecond.")]
pub(super) struct BenchPlanArgs {
    /// The store's folder, which must be new or empty; it is kept.
    #[arg(long, value_name = "DIR")]
    store: PathBuf,
    /// Hosts of the fleet, with five resources each.
    #[arg(long, value_name = "N")]
    hosts: usize,
    /// Days of history.
    #[arg(long, value_name = "DAYS", default_value_t = 90)]
    days: u32,
    /// Time between samples, of usages and of limits, and the step of the plan.
    #[arg(long, value_name = "SPAN", default_value = "1h")]
    step: Span,
    /// Another seed is another fleet.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How to write the result.
    #[arg(long, value_enum, default_value = "table")]
    format: ReportFormat,
}

/// What was measured. All memory is anonymous memory of the whole process, in bytes.
#[derive(Debug, serde::Serialize)]
struct Report {
    schema_version: u32,
    hosts: usize,
    days: u32,
    step_seconds: i64,
    seed: u64,
    /// Resources of hosts and of groups: the lines of the plan.
    rows: usize,
    /// Rows of single hosts.
    host_rows: usize,
    samples: u64,
    store_bytes: u64,
    /// Of simulating, appending, sealing and closing.
    write: Taken,
    /// Of opening, reading, planning and closing.
    plan: Taken,
    plan_seconds_per_host: f64,
    plan_processor_seconds_per_host: f64,
    /// Of writing the plan as JSON, to nowhere.
    json: Taken,
    json_bytes: u64,
    /// Before there was a plan, with the store closed: what is left of writing the fleet is in it.
    before_plan_bytes: u64,
}

/// What a part of the work took.
#[derive(Debug, serde::Serialize)]
struct Taken {
    seconds: f64,
    /// Of all threads.
    processor_seconds: f64,
    /// The most memory meanwhile.
    peak_bytes: u64,
}

/// Runs the measurement.
pub(super) fn bench_plan(args: &BenchPlanArgs) -> Result<Outcome, Stop> {
    let fleet = Fleet::new(FleetOptions {
        seed: args.seed,
        hosts: args.hosts,
        days: args.days,
        step: args.step,
        capacity_step: args.step,
        ..FleetOptions::default()
    })?;
    refuse_full(&args.store)?;
    let report = measure(&fleet, args)?;
    match args.format {
        ReportFormat::Json => json_to_stdout(&report)?,
        ReportFormat::Table => to_stdout(|out| report.write(out))?,
    }
    Ok(Outcome::Done)
}

fn measure(fleet: &Fleet, args: &BenchPlanArgs) -> Result<Report> {
    let mut study = Study::parse(&study_toml_in_steps(args.step), "the demo's study")?;
    // The fleet alone is written, and no file beside it.
    study.inventory = None;
    let watch = PeakWatch::start()?;
    let (stat, write) = taken(&watch, || store_fleet(fleet, &args.store))?;
    let before_plan_bytes = rss_anon_bytes()?;
    let (plan, planned) = taken(&watch, || plan_by(&args.store, &study))?;
    let mut bytes = Counter(0);
    let ((), json) = taken(&watch, || {
        report::json(&plan, &mut bytes)
            .map_err(|why| Error::io("write to", Path::new("nowhere"), why))
    })?;
    let hosts = args.hosts;
    let per_host = |seconds: f64| seconds / hosts.max(1) as f64;
    Ok(Report {
        schema_version: 1,
        hosts,
        days: args.days,
        step_seconds: args.step.nanos() / Span::SECOND.nanos(),
        seed: args.seed,
        rows: rows(&plan),
        host_rows: plan.hosts.rows.len(),
        samples: stat.samples,
        store_bytes: stat.disk_bytes,
        write,
        plan_seconds_per_host: per_host(planned.seconds),
        plan_processor_seconds_per_host: per_host(planned.processor_seconds),
        plan: planned,
        json,
        json_bytes: bytes.0,
        before_plan_bytes,
    })
}

/// Lines of a plan, those of groups included.
fn rows(plan: &Plan) -> usize {
    std::iter::once(&plan.hosts).chain(&plan.groups).map(|table| table.rows.len()).sum()
}

/// Does something and measures it.
fn taken<T>(watch: &PeakWatch, work: impl FnOnce() -> Result<T>) -> Result<(T, Taken)> {
    watch.take()?;
    let started = Spent::so_far();
    let done = work()?;
    let Spent { wall, processor } = Spent::so_far().since(started);
    let seconds = |time: Duration| time.as_secs_f64();
    let taken = Taken {
        seconds: seconds(wall),
        processor_seconds: seconds(processor),
        peak_bytes: watch.take()?,
    };
    Ok((done, taken))
}

/// Counts bytes and forgets them.
#[derive(Debug)]
struct Counter(u64);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Report {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let Self { hosts, days, seed, rows, host_rows, samples, .. } = self;
        let step = Span::from_seconds(self.step_seconds);
        writeln!(out, "demo fleet: {hosts} hosts, {days} days in steps of {step}, seed {seed}")?;
        writeln!(out, "rows       {rows}, of which {host_rows} are of single hosts")?;
        writeln!(out, "samples    {samples} in {} bytes", self.store_bytes)?;
        self.write.write("written", out)?;
        self.plan.write("planned", out)?;
        let per_host = self.plan_seconds_per_host * 1e3;
        let processor = self.plan_processor_seconds_per_host * 1e3;
        writeln!(out, "a host     in {per_host:.2} ms, {processor:.2} ms of processor time")?;
        self.json.write("as JSON", out)?;
        writeln!(out, "JSON       {} bytes", self.json_bytes)?;
        let mib = mib(self.before_plan_bytes);
        writeln!(out, "before the plan the process held {mib:.0} MiB")
    }
}

impl Taken {
    fn write(&self, what: &str, out: &mut dyn Write) -> io::Result<()> {
        let Self { seconds, processor_seconds, peak_bytes } = self;
        write!(out, "{what:10} in {seconds:.2} s, {processor_seconds:.2} s of processor time, ")?;
        writeln!(out, "at most {:.0} MiB", mib(*peak_bytes))
    }
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
