//! Commands that look at a store or tidy it: `ls`, `stat`, `check`, `compact`.

use std::collections::BTreeMap;
use std::io::Write;

use super::Outcome;
use super::args::{CompactArgs, ListArgs, ReportFormat, StoreArgs};
use super::output::{Stop, json_to_stdout, to_stdout};
use super::reader;
use crate::model::{Labels, Selector, TimeRange, Timestamp, Unit};
use crate::report::visible;
use crate::store::{CheckReport, Snapshot, Store, StoreOptions, StoreStat, Tier};

/// The version of the JSON forms here; raised when a field changes its meaning or goes.
const SCHEMA_VERSION: u32 = 1;
/// Memory of a merge that a person asked for: longer series fit than an agent could merge.
const MEMORY_BYTES_MAX: usize = 512 << 20;

#[derive(serde::Serialize)]
pub(super) struct Versioned<T> {
    schema_version: u32,
    #[serde(flatten)]
    body: T,
}

impl<T> Versioned<T> {
    pub(super) fn new(body: T) -> Self {
        Self { schema_version: SCHEMA_VERSION, body }
    }
}

#[derive(serde::Serialize)]
struct Listing {
    metrics: Vec<Metric>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    series: Vec<BTreeMap<String, String>>,
}

/// A metric, and what its series look like.
#[derive(serde::Serialize)]
pub(super) struct Metric {
    pub(super) name: String,
    pub(super) unit: Option<Unit>,
    pub(super) series: usize,
    pub(super) labels: Vec<String>,
}

/// The metrics of all series of a snapshot, by name.
pub(super) fn metrics_of(snapshot: &Snapshot) -> Vec<Metric> {
    let ids = snapshot.select(&Selector::all());
    let all: Vec<Labels> = ids.into_iter().filter_map(|id| snapshot.labels(id)).collect();
    metrics(&all, |name| snapshot.unit(name))
}

/// Lists metrics, or with `--series` all series.
pub(super) fn ls(args: &ListArgs) -> Result<Outcome, Stop> {
    let store = reader::open(&args.store)?;
    let snapshot = store.snapshot()?;
    let selector = args.selector.clone().unwrap_or_else(Selector::all);
    let ids = snapshot.select(&selector);
    let all: Vec<Labels> = ids.into_iter().filter_map(|id| snapshot.labels(id)).collect();
    let metrics = metrics(&all, |name| snapshot.unit(name));
    if args.format == ReportFormat::Json {
        let pairs = |labels: &Labels| {
            labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
        };
        let series = if args.series { all.iter().map(pairs).collect() } else { Vec::new() };
        json_to_stdout(&Versioned::new(Listing { metrics, series }))?;
        return Ok(Outcome::Done);
    }
    to_stdout(|out| {
        if args.series {
            return all.iter().try_for_each(|labels| writeln!(out, "{labels}"));
        }
        let width = metrics.iter().map(|m| visible(&m.name).len()).max().unwrap_or(0);
        for metric in &metrics {
            let unit = metric.unit.as_ref().map_or("-", Unit::as_str);
            let labels = metric.labels.join(",");
            let (name, unit) = (visible(&metric.name), visible(unit));
            let labels = visible(&labels);
            writeln!(out, "{name:width$}  {unit:>8}  {:>8} series  {{{labels}}}", metric.series)?;
        }
        Ok::<(), std::io::Error>(())
    })?;
    Ok(Outcome::Done)
}

/// The metrics of series, by name, with the names of their labels.
fn metrics(all: &[Labels], unit: impl Fn(&str) -> Option<Unit>) -> Vec<Metric> {
    let mut by_name: BTreeMap<&str, Metric> = BTreeMap::new();
    for labels in all {
        let name = labels.metric();
        let metric = by_name.entry(name).or_insert_with(|| Metric {
            name: name.to_owned(),
            unit: unit(name),
            series: 0,
            labels: Vec::new(),
        });
        metric.series += 1;
        for (label, _) in labels.iter().filter(|(label, _)| *label != crate::model::METRIC_LABEL) {
            if !metric.labels.iter().any(|known| known == label) {
                metric.labels.push(label.to_owned());
            }
        }
    }
    by_name.into_values().collect()
}

/// Prints numbers about a store.
pub(super) fn stat(args: &StoreArgs) -> Result<Outcome, Stop> {
    let stat = Store::open_read_only(&args.store)?.stat()?;
    if args.format == ReportFormat::Json {
        json_to_stdout(&Versioned::new(StatWithRatio {
            bytes_per_sample: bytes_per_sample(&stat),
            stat,
        }))?;
        return Ok(Outcome::Done);
    }
    to_stdout(|out| write_stat(&stat, out))?;
    Ok(Outcome::Done)
}

#[derive(serde::Serialize)]
struct StatWithRatio {
    #[serde(flatten)]
    stat: StoreStat,
    bytes_per_sample: Option<f64>,
}

/// Bytes of all files but those of rollups per sample; `None` without samples.
fn bytes_per_sample(stat: &StoreStat) -> Option<f64> {
    let rollups: u64 = stat.rollups.iter().map(|tier| tier.bytes).sum();
    let bytes = stat.disk_bytes.saturating_sub(rollups);
    (stat.samples > 0).then(|| bytes as f64 / stat.samples as f64)
}

fn write_stat(stat: &StoreStat, out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(out, "samples           {}", stat.samples)?;
    writeln!(out, "  in the head     {}", stat.head_samples)?;
    writeln!(out, "series            {}", stat.series)?;
    writeln!(out, "segments          {}", stat.segments)?;
    writeln!(out, "disk bytes        {}", stat.disk_bytes)?;
    writeln!(out, "  in segments     {}", stat.segment_bytes)?;
    for Tier { span, buckets, files, bytes, range, .. } in &stat.rollups {
        let (name, start) = (format!("rollups of {span}"), range.start);
        writeln!(out, "{name:16}  {buckets} from {start} on, {bytes} bytes in {files} files")?;
    }
    match bytes_per_sample(stat) {
        Some(ratio) => writeln!(out, "bytes per sample  {ratio:.3}")?,
        None => writeln!(out, "bytes per sample  -")?,
    }
    match stat.range {
        Some(TimeRange { start, end }) => {
            let days = end.since(start).days();
            // The range ends just behind the last sample, which is what a person asks for.
            let last = Timestamp::from_nanos(end.nanos().saturating_sub(1));
            writeln!(out, "time              {start} to {last} ({days:.1} days)")?;
        }
        None => writeln!(out, "time              -")?,
    }
    if stat.quarantined > 0 {
        writeln!(out, "set aside         {} damaged segments; see check", stat.quarantined)?;
    }
    Ok(())
}

/// Verifies every byte of a store.
pub(super) fn check(args: &StoreArgs) -> Result<Outcome, Stop> {
    let report: CheckReport = Store::open_read_only(&args.store)?.check()?;
    let clean = report.findings.is_empty();
    if args.format == ReportFormat::Json {
        json_to_stdout(&Versioned::new(&report))?;
    } else {
        to_stdout(|out| {
            for finding in &report.findings {
                writeln!(out, "{}: {}", finding.file, finding.what)?;
            }
            let (files, bytes, samples) = (report.files, report.bytes, report.samples);
            let verdict = match report.findings.len() {
                0 => "nothing is wrong".to_owned(),
                found => format!("{found} findings"),
            };
            let buckets = match report.buckets {
                0 => String::new(),
                buckets => format!(", {buckets} buckets of rollups"),
            };
            let samples = format!("{samples} samples{buckets}");
            writeln!(out, "{files} files, {bytes} bytes, {samples} verified: {verdict}")
        })?;
    }
    Ok(if clean { Outcome::Done } else { Outcome::FoundProblems })
}

/// Seals the head and merges segments into one.
pub(super) fn compact(args: &CompactArgs) -> Result<Outcome, Stop> {
    let options = StoreOptions {
        compact_after_seal: false,
        memory_bytes_max: MEMORY_BYTES_MAX,
        ..StoreOptions::default()
    };
    let store = Store::open_existing(&args.store, options)?;
    reader::tell_loss(&store, &args.store)?;
    if let Some(before) = args.drop_before {
        store.retain(before)?;
    }
    store.seal()?;
    let report = store.compact(true)?;
    store.close()?;
    if args.format == ReportFormat::Json {
        json_to_stdout(&Versioned::new(report))?;
        return Ok(Outcome::Done);
    }
    to_stdout(|out| {
        writeln!(
            out,
            "{} segments of {} bytes became {} of {}",
            report.segments_before, report.bytes_before, report.segments_after, report.bytes_after
        )
    })?;
    Ok(Outcome::Done)
}
