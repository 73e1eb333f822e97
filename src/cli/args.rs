//! The arguments of every command: read and checked here, acted on elsewhere.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use crate::model::{Selector, Span, Timestamp};
use crate::query::{Across, Aggregate};

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
    /// List the metrics of a store, or its series.
    Ls(ListArgs),
    /// Print numbers about a store: samples, series, segments, bytes on disk, bytes per sample.
    Stat(StoreArgs),
    /// Verify every byte of a store. Exit code 3 where something is wrong.
    Check(StoreArgs),
    /// Merge the segments of a store into one.
    Compact(CompactArgs),
    /// Ask a store for values: which series, over which time, reduced how.
    Query(QueryArgs),
    /// Forecast series, with intervals and the back-test that earns them.
    Forecast(ForecastArgs),
    /// Say what runs out first and when, which hosts idle, and which are too large.
    Plan(PlanArgs),
    /// Make a study file, which says what a plan is about.
    Study(StudyArgs),
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
#[command(after_help = "Example:\n  plimsoll query --store s 'cpu_usage_mhz{host=~\"web-.*\"}' \
                        --agg max --step 1h --by zone --from 2013-08-01")]
pub(super) struct QueryArgs {
    /// The store's folder.
    #[arg(long, value_name = "DIR")]
    pub(super) store: PathBuf,
    /// Which series, as in 'cpu{zone="a",host=~"web-.*"}'; with = != =~ !~.
    pub(super) selector: Selector,
    /// How the samples of a step become one value: sum, mean, min, max, count, last, median,
    /// increase, rate, or a quantile as p95.
    #[arg(long, value_name = "HOW", default_value = "mean")]
    pub(super) agg: Aggregate,
    /// One value per this length of time, as in 5m or 1h. Default: one for all.
    #[arg(long, value_name = "SPAN")]
    pub(super) step: Option<Span>,
    /// One row per combination of these labels, separated by commas; their samples are pooled.
    #[arg(long, value_name = "LABELS", value_delimiter = ',')]
    pub(super) by: Option<Vec<String>>,
    /// Reduce each series of a row by itself first, then combine: sum, mean, min, max or count.
    #[arg(long, value_name = "HOW", requires = "by")]
    pub(super) across: Option<Across>,
    /// Carry a value over gaps of up to this length before rows are combined.
    #[arg(long, value_name = "SPAN", requires = "step")]
    pub(super) fill: Option<Span>,
    /// Only samples at or after this time, as in 2013-08-01 or 2013-08-01T12:00:00Z.
    #[arg(long, value_name = "TIME")]
    pub(super) from: Option<Timestamp>,
    /// Only samples before this time.
    #[arg(long, value_name = "TIME")]
    pub(super) to: Option<Timestamp>,
    /// How to write the result.
    #[arg(long, value_enum, default_value = "table")]
    pub(super) format: OutputFormat,
}

#[derive(Debug, clap::Args)]
pub(super) struct ForecastArgs {
    /// The store's folder.
    #[arg(long, value_name = "DIR")]
    pub(super) store: PathBuf,
    /// Which series.
    pub(super) selector: Selector,
    /// How far to look ahead.
    #[arg(long, value_name = "SPAN", default_value = "7d")]
    pub(super) horizon: Span,
    /// The step of history and forecast.
    #[arg(long, value_name = "SPAN", default_value = "1h")]
    pub(super) step: Span,
    /// How the samples of a step become one value.
    #[arg(long, value_name = "HOW", default_value = "mean")]
    pub(super) agg: Aggregate,
    /// The share of values that should fall inside the interval.
    #[arg(long, value_name = "SHARE", default_value_t = 0.8)]
    pub(super) coverage: f64,
    /// Only history at or after this time.
    #[arg(long, value_name = "TIME")]
    pub(super) from: Option<Timestamp>,
    /// Only history before this time.
    #[arg(long, value_name = "TIME")]
    pub(super) to: Option<Timestamp>,
    /// How to write the result.
    #[arg(long, value_enum, default_value = "table")]
    pub(super) format: OutputFormat,
}
