//! The arguments of every command: read and checked here, acted on elsewhere.

use std::num::NonZero;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use super::backtest::BacktestArgs;
use super::bench_plan::BenchPlanArgs;
use super::calc::CalcArgs;
use super::decompose::DecomposeArgs;
use super::drivers::StoreDriversArgs;
use super::explain::ExplainArgs;
use super::forecast::ForecastArgs;
use super::plans::{MemoryArgs, PlansArgs};
use super::query::QueryArgs;
use super::report::ReportArgs;
use super::rightsize::RightsizeArgs;
use super::share::ShareArgs;
use super::upkeep::{BackupArgs, RestoreArgs, RetainArgs};
use super::zombies::ZombiesArgs;
use crate::bench::Question;
use crate::error::{Error, Result};
use crate::ingest::{ColumnRule, CsvOptions, PathPattern, TimeForm, TimeUnit};
use crate::model::{Selector, Span, Timestamp, Zone};

/// An embedded time-series capacity store and forecaster: how full the fleet may get, when it will
/// be full, and what to do about it.
#[derive(Debug, Parser)]
#[command(name = "plimsoll", version, arg_required_else_help = true, max_term_width = 100)]
pub(super) struct Args {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Simulate a fleet, store it, and plan its capacity: the main job on made-up data.
    Demo(DemoArgs),
    /// Read exported metrics into a store.
    Import(ImportArgs),
    /// Record what this machine uses, and how much it has, until Ctrl-C.
    Record(RecordArgs),
    /// List the metrics of a store, or its series.
    Ls(ListArgs),
    /// Print numbers about a store: samples, series, segments, bytes on disk, bytes per sample.
    Stat(StoreArgs),
    /// Verify every byte of a store. Exit code 3 where something is wrong.
    Check(StoreArgs),
    /// Merge the segments of a store into one.
    Compact(CompactArgs),
    /// Drop old samples of a store, for ever.
    Retain(RetainArgs),
    /// Copy a store, or what is new in it, beside its writer.
    Backup(BackupArgs),
    /// Make a store from a backup. One that is not whole is refused.
    Restore(RestoreArgs),
    /// Make the lost database of a store anew from its segments, and say what is lost.
    Repair(StoreArgs),
    /// Ask a store for values: which series, over which time, reduced how.
    Query(QueryArgs),
    /// Forecast series, with intervals and the back-test that earns them.
    Forecast(ForecastArgs),
    /// Take series apart into a trend, seasons and what remains: why they look as they do.
    Decompose(DecomposeArgs),
    /// Say what a unit of demand costs each service, and how much demand it carries.
    Drivers(StoreDriversArgs),
    /// Score forecasts, or probabilities of exhaustion, on a store's own past or on files.
    Backtest(BacktestArgs),
    /// Say what runs out first and when, which hosts idle, and which are too large.
    Plan(PlanArgs),
    /// Say where the numbers of a plan's row came from.
    Explain(ExplainArgs),
    /// List the plans that are kept in a store, or score them against what happened since.
    Plans(PlansArgs),
    /// Say how large each host should be, by our rule and by those of others, side by side.
    Rightsize(RightsizeArgs),
    /// Write the plan as one page of HTML with charts, to be mailed, printed and kept.
    Report(ReportArgs),
    /// Make a study file, which says what a plan is about.
    Study(StudyArgs),
    /// Say what the groups of a fleet need together, beside what each needs at its own peak.
    Share(ShareArgs),
    /// Work out a single question of capacity from a few numbers: no store is needed.
    Calc(CalcArgs),
    /// Say which hosts work for nobody, by published rules, and what to do about them.
    Zombies(Box<ZombiesArgs>),
    /// Measure this machine with the load of a public benchmark.
    Bench(BenchArgs),
}

/// How results are written to stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum OutputFormat {
    /// For people.
    Table,
    /// For programs; carries `schema_version`.
    Json,
    /// For spreadsheets.
    Csv,
}

/// How results without a table of values are written to stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ReportFormat {
    /// For people.
    Table,
    /// For programs; carries `schema_version`.
    Json,
}

#[derive(Debug, clap::Args)]
pub(super) struct StoreArgs {
    /// The store's folder.
    #[arg(long, value_name = "DIR")]
    pub(super) store: PathBuf,
    /// How to write the result.
    #[arg(long, value_enum, default_value = "table")]
    pub(super) format: ReportFormat,
}

#[derive(Debug, clap::Args)]
pub(super) struct ListArgs {
    /// The store's folder.
    #[arg(long, value_name = "DIR")]
    pub(super) store: PathBuf,
    /// Only these series, as in 'cpu{zone="a"}'.
    pub(super) selector: Option<Selector>,
    /// List every series instead of the metrics.
    #[arg(long)]
    pub(super) series: bool,
    /// How to write the result.
    #[arg(long, value_enum, default_value = "table")]
    pub(super) format: ReportFormat,
}

#[derive(Debug, clap::Args)]
pub(super) struct CompactArgs {
    /// The store's folder.
    #[arg(long, value_name = "DIR")]
    pub(super) store: PathBuf,
    /// First drop all samples before this time, for ever.
    #[arg(long, value_name = "TIME")]
    pub(super) drop_before: Option<Timestamp>,
    /// How to write the result.
    #[arg(long, value_enum, default_value = "table")]
    pub(super) format: ReportFormat,
}

#[derive(Debug, clap::Args)]
pub(super) struct ImportArgs {
    #[command(subcommand)]
    pub(super) format: ImportFormat,
}

#[derive(Debug, Subcommand)]
pub(super) enum ImportFormat {
    /// Tables of characters: a column per metric, or a row per sample.
    Csv(CsvArgs),
    /// InfluxDB line protocol.
    Influx(InfluxArgs),
}

/// What every import needs.
#[derive(Debug, clap::Args)]
pub(super) struct ImportInput {
    /// The store's folder; made if it is not there.
    #[arg(long, value_name = "DIR")]
    pub(super) store: PathBuf,
    /// Files, folders (all files below them), or - for standard input.
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// A label for every series, as in site=ams. May be given several times.
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = parse_label)]
    pub(super) labels: Vec<(String, String)>,
    /// The label host is the file's name without its extension.
    #[arg(long, conflicts_with = "labels_from_path")]
    pub(super) host_from_file: bool,
    /// Labels from the end of each file's path, as in '{zone}/{}/{host}.csv'; {} is no label.
    #[arg(long, value_name = "PATTERN")]
    pub(super) labels_from_path: Option<PathPattern>,
    /// Fail at the first bad line or file instead of counting it.
    #[arg(long)]
    pub(super) strict: bool,
    /// How to write the result.
    #[arg(long, value_enum, default_value = "table")]
    pub(super) format: ReportFormat,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Example, one file per host:\n  plimsoll import csv --store s \
                        --host-from-file --time-unit s 2013-7 2013-8\n\
                        The rules for times, missing values and bad lines are in docs/import.md.")]
pub(super) struct CsvArgs {
    #[command(flatten)]
    pub(super) input: ImportInput,
    /// The character between cells, or `tab`. Default: found from the header.
    #[arg(long, value_name = "CHAR", value_parser = CsvOptions::parse_delimiter)]
    pub(super) delimiter: Option<u8>,
    /// Whether a column is a metric, or a row is a sample. Default: found from the header.
    #[arg(long, value_enum)]
    pub(super) shape: Option<ShapeArg>,
    /// The header of the time column. Default: found by its name.
    #[arg(long, value_name = "HEADER")]
    pub(super) time_column: Option<String>,
    /// How times are written: s, ms, us or ns since 1970, or text. Default: found from the first
    /// one, refused where that is ambiguous.
    #[arg(long, value_name = "UNIT")]
    pub(super) time_unit: Option<TimeForm>,
    /// The zone of times without one: UTC, Europe/Berlin, +02:00.
    #[arg(long, value_name = "ZONE")]
    pub(super) zone: Option<Zone>,
    /// How times as text are written, in strptime letters, as in '%d.%m.%Y %H:%M'.
    #[arg(long, value_name = "PATTERN")]
    pub(super) time_format: Option<String>,
    /// What a column is: 'HEADER=METRIC', then any of ',scale=F', ',unit=U', ',label=NAME',
    /// ',drop'. May be given several times.
    #[arg(long = "column", value_name = "RULE")]
    pub(super) columns: Vec<ColumnRule>,
    /// The same options from a TOML file; flags add to it.
    #[arg(long, value_name = "FILE")]
    pub(super) mapping: Option<PathBuf>,
    /// Numbers have a decimal comma.
    #[arg(long)]
    pub(super) decimal_comma: bool,
}

/// The shape of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ShapeArg {
    /// A row per instant, a column per metric.
    Wide,
    /// A row per sample, with columns `metric` and `value`; the others are labels.
    Long,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  plimsoll import influx --store s cpu.lp\n\
                        A field becomes the metric measurement_field, tags become labels.")]
pub(super) struct InfluxArgs {
    #[command(flatten)]
    pub(super) input: ImportInput,
    /// The unit of timestamps: ns, us, ms or s. Default: ns, refused outside of 2000 to 2100.
    #[arg(long, value_name = "UNIT")]
    pub(super) precision: Option<TimeUnit>,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  plimsoll record --store s --interval 10s\n\
                        Ctrl-C or SIGTERM ends it; all that was recorded is kept. The metrics and \
                        the rules\nfor devices are in docs/record.md.")]
pub(super) struct RecordArgs {
    /// The store's folder; made if it is not there.
    #[arg(long, value_name = "DIR")]
    pub(super) store: PathBuf,
    /// Time between scrapes, 10ms or more.
    #[arg(long, value_name = "SPAN", default_value = "1s")]
    pub(super) interval: Span,
    /// Stop by itself after this time.
    #[arg(long = "for", value_name = "SPAN")]
    pub(super) duration: Option<Span>,
    /// The label host of every series. Default: the machine's host name.
    #[arg(long, value_name = "NAME")]
    pub(super) host: Option<String>,
}

fn parse_label(text: &str) -> Result<(String, String)> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(Error::invalid(format!("{text:?} is no label; write NAME=VALUE"))),
    }
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  plimsoll study init --store s > study.toml\n  \
                        plimsoll plan --store s --study study.toml --keep\n  \
                        plimsoll plan --store s --study study.toml --diff\n  \
                        plimsoll plan --store s --study study.toml --diff july.json")]
pub(super) struct PlanArgs {
    /// The store's folder.
    #[arg(long, value_name = "DIR")]
    pub(super) store: PathBuf,
    /// The study file; `plimsoll study init` writes one to start from.
    #[arg(long, value_name = "FILE")]
    pub(super) study: PathBuf,
    /// Print every row, not only the worst.
    #[arg(long)]
    pub(super) all: bool,
    #[command(flatten)]
    pub(super) memory: MemoryArgs,
    /// How to write the plan.
    #[arg(long, value_enum, default_value = "table")]
    pub(super) format: OutputFormat,
}

#[derive(Debug, clap::Args)]
pub(super) struct StudyArgs {
    #[command(subcommand)]
    pub(super) command: StudyCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum StudyCommand {
    /// Write a commented study file from what a store holds, to stdout.
    Init {
        /// The store's folder.
        #[arg(long, value_name = "DIR")]
        store: PathBuf,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct DemoArgs {
    /// Hosts of the simulated fleet.
    #[arg(long, default_value_t = 200)]
    pub(super) hosts: usize,
    /// Days of history.
    #[arg(long, default_value_t = 90)]
    pub(super) days: u32,
    /// Another seed is another fleet.
    #[arg(long, default_value_t = 1)]
    pub(super) seed: u64,
    /// The folder of the demo's store and study; must be new or empty, or an earlier demo's.
    #[arg(long, value_name = "DIR", default_value = "plimsoll-demo")]
    pub(super) folder: PathBuf,
    /// Where the plan is written to as a page, too; an earlier file of that name is replaced.
    #[arg(long, value_name = "FILE", default_value = "plimsoll-report.html")]
    pub(super) report: PathBuf,
    /// Write no page.
    #[arg(long, conflicts_with = "report")]
    pub(super) no_report: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct BenchArgs {
    #[command(subcommand)]
    pub(super) load: BenchLoad,
}

#[derive(Debug, Subcommand)]
pub(super) enum BenchLoad {
    /// TSBS cpu-only: ten whole numbers of each host every ten seconds, each a random walk.
    Tsbs(TsbsArgs),
    /// The memory of an agent that keeps the TSBS cpu-only load, one scrape right after the other.
    Agent(AgentArgs),
    /// A plan of a large fleet, simulated as by `demo`: what it takes in time and in memory.
    Plan(BenchPlanArgs),
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  plimsoll bench agent --series 10000 --for 24h --store agent\n\
                        The figures are of the whole process, what makes the samples included.")]
pub(super) struct AgentArgs {
    /// The store's folder, which must be new or empty; it is kept.
    #[arg(long, value_name = "DIR")]
    pub(super) store: PathBuf,
    /// Series, ten of each host.
    #[arg(long, value_name = "N")]
    pub(super) series: usize,
    /// The span of the samples, one of each series every ten seconds.
    #[arg(long = "for", value_name = "SPAN", default_value = "24h")]
    pub(super) span: Span,
    /// The store's memory budget in MiB.
    #[arg(long, value_name = "MIB", default_value_t = 64)]
    pub(super) memory_mib: usize,
    /// Another seed is another fleet.
    #[arg(long, default_value_t = 1)]
    pub(super) seed: u64,
    /// Give every value a random fraction, so that it takes eight bytes as nearly no real one does.
    #[arg(long)]
    pub(super) noise: bool,
    /// How to write the result.
    #[arg(long, value_enum, default_value = "table")]
    pub(super) format: ReportFormat,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  plimsoll bench tsbs --hosts 1000 --hours 24 --store tsbs\n\
                        Rates are those of all cores the process may use; \
                        `taskset -c 0 plimsoll ...` gives it one.")]
pub(super) struct TsbsArgs {
    /// The store's folder, which must be new or empty unless --loaded is given; it is kept.
    #[arg(long, value_name = "DIR")]
    pub(super) store: PathBuf,
    /// Load nothing: only ask a store that was loaded before, with the same hosts, hours and seed.
    #[arg(long, conflicts_with_all = ["load", "scrapes_per_batch", "form"])]
    pub(super) loaded: bool,
    /// Hosts of the fleet, with ten series each.
    #[arg(long, value_name = "N")]
    pub(super) hosts: usize,
    /// Hours of samples, 3,600 of each host an hour.
    #[arg(long, value_name = "H")]
    pub(super) hours: u32,
    /// Another seed is another fleet.
    #[arg(long, default_value_t = 1)]
    pub(super) seed: u64,
    /// How the samples reach the store.
    #[arg(long, value_enum, default_value = "append")]
    pub(super) load: TsbsLoad,
    /// Scrapes of all hosts that are appended at a time.
    #[arg(long, value_name = "N", default_value_t = NonZero::<usize>::MIN)]
    pub(super) scrapes_per_batch: NonZero<usize>,
    /// The form of the store that is asked. After `sealed` the store is not compacted.
    #[arg(long, value_enum, default_value = "both")]
    pub(super) form: StoreForm,
    /// Ask only these, as in lastpoint,high-cpu-1. Default: all that the load is large enough for.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(super) queries: Option<Vec<Question>>,
    /// How often each query is asked and timed, each time for other hosts and another time; 0 for
    /// no queries.
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(super) runs: u16,
    /// Ask each query of a cold store too, as often again: opened anew for every run, with none of
    /// its files in the system's page cache. Needs Linux.
    #[arg(long)]
    pub(super) cold: bool,
    /// In the end make rollups in buckets of this length of the whole load, drop its samples, for
    /// ever, and ask fleet-by-day of the buckets.
    #[arg(long, value_name = "SPAN")]
    pub(super) rollup: Option<Span>,
    /// Write the answers to a file, to be compared with others'.
    #[arg(long, value_name = "FILE")]
    pub(super) answers: Option<PathBuf>,
    /// Write the samples to a file, to be loaded elsewhere: a byte each, in the order of time,
    /// host and field.
    #[arg(long, value_name = "FILE")]
    pub(super) rows: Option<PathBuf>,
    /// How to write the result.
    #[arg(long, value_enum, default_value = "table")]
    pub(super) format: ReportFormat,
}

/// The forms in which a benchmark asks its store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum StoreForm {
    /// As it was sealed, for quick reading.
    Sealed,
    /// As it was compacted, for the least bytes.
    Compacted,
    /// One after the other.
    Both,
}

/// How the samples of a benchmark reach the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum TsbsLoad {
    /// As batches through the library, as an agent does.
    Append,
    /// As line protocol through the importer, from memory.
    Influx,
}
