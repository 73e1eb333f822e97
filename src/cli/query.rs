//! The command that asks a store: `query`.

use std::io::Write;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use super::Outcome;
use super::args::OutputFormat;
use super::inspect::Versioned;
use super::output::{Stop, json_to_stdout, to_stdout};
use super::reader;
use super::steps::{self, StepArg, TimeArg};
use crate::error::Result;
use crate::model::{Selector, Span, Zone};
use crate::query::{Across, Aggregate, Condition, Frames, Limits, Query};
use crate::report::{write_csv, write_json, write_table};

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  plimsoll query --store s 'cpu_usage_mhz{host=~\"web-.*\"}' \
                        --agg max --step 1h --by zone --from 2013-08-01")]
pub(super) struct QueryArgs {
    /// The store's folder.
    #[arg(long, value_name = "DIR")]
    store: PathBuf,
    /// Which series, as in 'cpu{zone="a",host=~"web-.*"}'; with = != =~ !~.
    selector: Selector,
    /// How the samples of a step become one value: sum, mean, min, max, count, first, last, stddev,
    /// median, increase, rate, or a quantile as p95. sketch-p95 is within 1% of it, and is answered
    /// from rollups of a day or longer too. Several, separated by commas, make a row each.
    #[arg(long, value_name = "HOW", default_value = "mean", value_delimiter = ',')]
    agg: Vec<Aggregate>,
    /// One value per this length of time, as in 5m or 1h, or per day, week, month, quarter or year
    /// of the calendar. Default: one for all.
    #[arg(long, value_name = "STEP")]
    pub(super) step: Option<StepArg>,
    /// The zone whose calendar it is, and whose dates --from and --to are: UTC, Europe/Berlin,
    /// +02:00. Default: UTC.
    #[arg(long, value_name = "ZONE", requires = "step")]
    pub(super) zone: Option<Zone>,
    /// Only samples that meet a condition, as in '> 90'; with > >= < <=.
    #[arg(long = "where", value_name = "CONDITION")]
    keep: Option<Condition>,
    /// One row per combination of these labels, separated by commas; their samples are pooled.
    #[arg(long, value_name = "LABELS", value_delimiter = ',')]
    by: Option<Vec<String>>,
    /// Reduce each series of a row by itself first, then combine: sum, mean, min, max or count.
    #[arg(long, value_name = "HOW", requires = "by")]
    across: Option<Across>,
    /// Carry a value over gaps of up to this length before rows are combined.
    #[arg(long, value_name = "SPAN", requires = "step")]
    fill: Option<Span>,
    /// Only so many rows: those that go highest, the highest first.
    #[arg(long, value_name = "ROWS", conflicts_with = "bottom")]
    top: Option<NonZeroUsize>,
    /// Only so many rows: those that go lowest, the lowest first.
    #[arg(long, value_name = "ROWS")]
    bottom: Option<NonZeroUsize>,
    /// Only samples at or after this time, as in 2013-08-01 or 2013-08-01T12:00:00Z.
    #[arg(long, value_name = "TIME")]
    pub(super) from: Option<TimeArg>,
    /// Only samples before this time.
    #[arg(long, value_name = "TIME")]
    pub(super) to: Option<TimeArg>,
    /// Print what was read instead of the answer: what was out of range, pruned, answered from
    /// statistics and rollups, and decoded.
    #[arg(long)]
    explain: bool,
    /// Decode all samples, also where the statistics of blocks would answer: to measure it.
    #[arg(long)]
    no_statistics: bool,
    /// Give up where more series are selected.
    #[arg(long, value_name = "NUMBER")]
    max_series: Option<u64>,
    /// Give up where more samples are decoded.
    #[arg(long, value_name = "NUMBER")]
    max_samples: Option<u64>,
    /// Give up where more bytes are decoded.
    #[arg(long, value_name = "NUMBER")]
    max_bytes: Option<u64>,
    /// Give up after this time, as in 30s.
    #[arg(long, value_name = "SPAN")]
    timeout: Option<Span>,
    /// How to write the result.
    #[arg(long, value_enum, default_value = "table")]
    format: OutputFormat,
}

/// Prints the answer to a query, or what it took.
pub(super) fn query(args: &QueryArgs) -> Result<Outcome, Stop> {
    let store = reader::open(&args.store)?;
    let frames = of_args(args)?.run(&store.snapshot()?)?;
    if args.explain {
        return explain(args, frames);
    }
    let names = frames.label_names();
    to_stdout(|out| match args.format {
        OutputFormat::Table => write_table(&names, frames, out),
        OutputFormat::Csv => write_csv(&names, frames, out),
        OutputFormat::Json => write_json(frames, out),
    })?;
    Ok(Outcome::Done)
}

fn explain(args: &QueryArgs, mut frames: Frames) -> Result<Outcome, Stop> {
    for frame in frames.by_ref() {
        frame?;
    }
    let explain = frames.explain();
    match args.format {
        OutputFormat::Json => json_to_stdout(&Versioned::new(explain))?,
        OutputFormat::Table | OutputFormat::Csv => to_stdout(|out| write!(out, "{explain}"))?,
    }
    Ok(Outcome::Done)
}

fn of_args(args: &QueryArgs) -> Result<Query> {
    let query = Query::new(args.selector.clone());
    let mut query = query.aggregates(args.agg.iter().copied()).statistics(!args.no_statistics);
    query = query.limits(Limits {
        series: args.max_series,
        samples: args.max_samples,
        bytes: args.max_bytes,
        wall: args.timeout.map(|span| Duration::from_nanos(span.nanos().unsigned_abs())),
    });
    if let Some(keep) = args.keep {
        query = query.keep(keep);
    }
    if let Some(by) = &args.by {
        query = query.by(by.iter().filter(|name| !name.is_empty()).cloned());
    }
    if let Some(across) = args.across {
        query = query.across(across);
    }
    if let Some(fill) = args.fill {
        query = query.fill(fill);
    }
    if let Some(rows) = args.top {
        query = query.top(rows.get());
    }
    if let Some(rows) = args.bottom {
        query = query.bottom(rows.get());
    }
    steps::of_args(query, args)
}
