//! The command that adds a fleet up: `share`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::Outcome;
use super::args::OutputFormat;
use super::labels_seen::LabelsSeen;
use super::output::{Stop, sheet_to_stdout};
use super::reader;
use super::steps::ranged;
use crate::capacity::sharing::{Coincidence, CoincidentPeak, FleetCoincidence, Pair, Partners};
use crate::error::{Error, Result};
use crate::model::{Frame, Labels, Selector, Span, Timestamp};
use crate::query::{Aggregate, Query};
use crate::report::{Column, Sheet, Value};
use crate::store::Snapshot;

/// The columns of a table of partners.
const PARTNER_COLUMNS: [(&str, &str); 6] = [
    ("load", "load"),
    ("partner", "partner"),
    ("sum_of_peaks", "sum of peaks"),
    ("peak_of_sum", "peak of sum"),
    ("coincidence_factor", "coincidence"),
    ("saving", "saved"),
];

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  plimsoll share --store s cpu_usage_mhz --step 5m --by zone \
    --quantile 0.99\nA step at which a series has no value is in no sum; how many are complete is \
    shown.")]
pub(super) struct ShareArgs {
    /// The store's folder.
    #[arg(long, value_name = "DIR")]
    store: PathBuf,
    /// Which series, all of one metric.
    selector: Selector,
    /// The step over which use is averaged before it is added up.
    #[arg(long, value_name = "SPAN", default_value = "5m")]
    step: Span,
    /// How the samples of a step become one value.
    #[arg(long, value_name = "HOW", default_value = "mean")]
    agg: Aggregate,
    /// A group per combination of values of these labels. Default: all series together only.
    #[arg(long, value_name = "LABELS", value_delimiter = ',')]
    by: Vec<String>,
    /// The quantile that is compared instead of the peak, as in 0.99.
    #[arg(long, value_name = "SHARE", default_value_t = 1.0)]
    quantile: f64,
    /// Carry a series' value over steps without a sample, up to this long.
    #[arg(long, value_name = "SPAN")]
    fill: Option<Span>,
    /// List the best partner of each group, and pair all of them.
    #[arg(long, requires = "by")]
    partners: bool,
    /// Only samples at or after this time.
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// Only samples before this time.
    #[arg(long, value_name = "TIME")]
    to: Option<Timestamp>,
    /// How to write the result.
    #[arg(long, value_enum, default_value = "table")]
    format: OutputFormat,
}

/// Prints what the groups of a fleet need apart and together.
pub(super) fn share(args: &ShareArgs) -> Result<Outcome, Stop> {
    let store = reader::open(&args.store)?;
    let snapshot = store.snapshot()?;
    let query = Query::new(args.selector.clone()).aggregate(args.agg).step(args.step);
    let query = ranged(query.fill(args.fill.unwrap_or_default()), args.from, args.to);
    let mut fleet = None;
    let mut metric = None;
    let mut seen = LabelsSeen::of(&args.by);
    // Tile by tile: what is kept are sums.
    for frame in query.run(&snapshot)? {
        let frame = frame?;
        frame.rows().for_each(|(labels, _)| seen.add(labels));
        if fleet.is_none() {
            fleet = Some(FleetCoincidence::new(frame.steps(), &[args.quantile])?);
        }
        if let Some(fleet) = &mut fleet {
            add(fleet, &frame, args, &mut metric)?;
        }
    }
    let Some((fleet, metric)) = fleet.zip(metric) else {
        let what = format!("no series of {} has samples in this range", args.selector);
        return Err(Error::not_enough_data(what).into());
    };
    sheet_to_stdout(&sheet(args, &snapshot, &fleet, &metric)?, args.format)?;
    seen.note_missing();
    Ok(Outcome::Done)
}

fn add(
    fleet: &mut FleetCoincidence,
    frame: &Frame,
    args: &ShareArgs,
    metric: &mut Option<String>,
) -> Result<()> {
    for (labels, row) in frame.rows() {
        let name = labels.metric();
        if metric.get_or_insert_with(|| name.to_owned()) != name {
            let first = metric.as_deref().unwrap_or_default();
            return Err(Error::invalid(format!(
                "{} selects {first} and {name}, which cannot be added up; select one metric",
                args.selector
            )));
        }
        fleet.add(group(labels, &args.by).as_deref(), row)?;
    }
    Ok(())
}

/// The name of a series' group: the values of the labels by which it is grouped.
fn group(labels: &Labels, by: &[String]) -> Option<String> {
    let value = |name: &String| labels.get(name).unwrap_or("-").to_owned();
    (!by.is_empty()).then(|| by.iter().map(value).collect::<Vec<_>>().join(", "))
}

fn sheet(
    args: &ShareArgs,
    snapshot: &Snapshot,
    fleet: &FleetCoincidence,
    metric: &str,
) -> Result<Sheet> {
    let unit = args.agg.unit(snapshot.unit(metric));
    let unit = unit.map_or_else(String::new, |unit| unit.to_string());
    let mut sheet = Sheet::new(format!("{metric}: groups apart and together"));
    let all = fleet.all();
    let steps = all.steps();
    sheet.fact("series", "series", all.series(), "");
    if all.unknown() > 0 {
        sheet.fact("unknown", "series without a value", all.unknown(), "");
    }
    sheet.fact("steps", format!("steps of {}", args.step), steps, "");
    sheet.fact("complete_steps", "steps at which all are known", all.complete_steps(), "");
    sheet.fact("quantile", "quantile", args.quantile, "");
    if let Some(peak) = all.peaks().first() {
        facts_of_all(&mut sheet, peak, &unit);
    }
    if !args.by.is_empty() {
        sheet.fact("groups", "groups", fleet.groups().len(), "");
        // What groups need that share among themselves only.
        let peak = |load: &Coincidence| load.peaks().first().and_then(CoincidentPeak::together);
        let apart: Option<f64> = fleet.groups().map(|(_, load)| peak(load)).sum();
        sheet.fact("sum_of_group_peaks", "groups: sum of their peaks", apart, unit.as_str());
    }
    groups_table(&mut sheet, fleet, args);
    if args.partners {
        partners(&mut sheet, fleet, args.quantile)?;
    }
    if all.complete_steps() < steps {
        sheet.note(
            "The peak of the sum is of the steps at which all are known. At the others, \"at \
             least\" and \"at most\" take a series to be at its own lowest and highest, and \
             partners take a group to be at its highest. The factor and the saving take the peak \
             of the sum, or the bound that it is beyond.",
        );
    }
    Ok(sheet)
}

/// What all series need apart and together, and what the data say of the saving.
fn facts_of_all(sheet: &mut Sheet, peak: &CoincidentPeak, unit: &str) {
    sheet.fact("sum_of_peaks", "all: sum of peaks", peak.sum_of_peaks, unit);
    sheet.fact("peak_of_sum", "all: peak of sum", peak.peak_of_sum, unit);
    sheet.fact("peak_of_sum_at_least", "all: at least", peak.at_least, unit);
    sheet.fact("peak_of_sum_at_most", "all: at most", peak.at_most, unit);
    sheet.fact("coincidence_factor", "all: coincidence factor", peak.factor(), "");
    sheet.fact("saving", "all: saved by sharing", peak.saving(), unit);
    sheet.fact("saving_at_least", "all: saved at least", peak.saving_at_least(), unit);
}

fn groups_table(sheet: &mut Sheet, fleet: &FleetCoincidence, args: &ShareArgs) {
    let heading = if args.by.is_empty() { "group".to_owned() } else { args.by.join(", ") };
    let columns = [
        Column::new("group", heading),
        Column::new("series", "series"),
        Column::new("complete", "complete"),
        Column::new("sum_of_peaks", "sum of peaks"),
        Column::new("peak_of_sum", "peak of sum"),
        Column::new("peak_of_sum_at_least", "at least"),
        Column::new("peak_of_sum_at_most", "at most"),
        Column::new("coincidence_factor", "coincidence"),
    ];
    let table = sheet.table("groups", &columns);
    let mut row = |name: &str, load: &Coincidence| {
        for peak in load.peaks() {
            let complete = load.complete_steps() as f64 / load.steps() as f64;
            let known = load.series() > 0;
            table.row([
                name.into(),
                load.series().into(),
                complete.into(),
                peak.sum_of_peaks.into(),
                peak.peak_of_sum.into(),
                known.then_some(peak.at_least).into(),
                known.then_some(peak.at_most).into(),
                peak.factor().into(),
            ]);
        }
    };
    fleet.groups().for_each(|(name, load)| row(name, load));
    row(&name_of_all(fleet.groups().map(|(name, _)| name)), fleet.all());
}

/// The name of the row of all series, which is that of no group.
fn name_of_all<'a>(groups: impl Iterator<Item = &'a str>) -> String {
    let groups: BTreeSet<&str> = groups.collect();
    let mut name = "(all)".to_owned();
    while groups.contains(name.as_str()) {
        name = format!("({name})");
    }
    name
}

fn partners(sheet: &mut Sheet, fleet: &FleetCoincidence, quantile: f64) -> Result<()> {
    let sums = fleet.groups().map(|(name, load)| (name, load.sums()));
    // A group that is nowhere complete has no sum to compare.
    let known = sums.filter(|(_, sums)| sums.iter().any(|sum| !sum.is_nan()));
    let (names, sums): (Vec<&str>, Vec<Vec<f64>>) = known.unzip();
    let rows: Vec<&[f64]> = sums.iter().map(Vec::as_slice).collect();
    partner_tables(sheet, &names, &Partners::find(&rows, quantile)?);
    Ok(())
}

/// Adds the best partner of each load, and all of them in pairs.
pub(super) fn partner_tables(sheet: &mut Sheet, names: &[&str], partners: &Partners) {
    let row = |one: usize, pair: &Pair| -> [Value; 6] {
        let other = if pair.first == one { pair.second } else { pair.first };
        [
            names[one].into(),
            names[other].into(),
            pair.sum_of_peaks.into(),
            pair.peak_of_sum.into(),
            pair.factor().into(),
            pair.saving().into(),
        ]
    };
    let columns = PARTNER_COLUMNS.map(|(key, heading)| Column::new(key, heading));
    let table = sheet.table("partners", &columns);
    for at in 0..names.len() {
        if let Some(pair) = partners.best(at) {
            table.row(row(at, &pair));
        }
    }
    let pairing = partners.pairing();
    let table = sheet.table("pairing", &columns);
    pairing.pairs.iter().for_each(|pair| table.row(row(pair.first, pair)));
    sheet.fact("pairing_saving", "saved in pairs", pairing.saving, "");
    let at_most = pairing.saving_at_most;
    sheet.fact("pairing_saving_at_most", "saved by any pairs, at most", at_most, "");
}

/// Adds a table of what loads need at each quantile.
pub(super) fn peaks_table(sheet: &mut Sheet, peaks: &[CoincidentPeak]) {
    let columns = [
        Column::new("quantile", "quantile"),
        Column::new("sum_of_peaks", "sum of peaks"),
        Column::new("peak_of_sum", "peak of sum"),
        Column::new("peak_of_sum_at_least", "at least"),
        Column::new("peak_of_sum_at_most", "at most"),
        Column::new("coincidence_factor", "coincidence"),
        Column::new("diversity_factor", "diversity"),
        Column::new("saving", "saved"),
        Column::new("saving_at_least", "saved at least"),
    ];
    let table = sheet.table("peaks", &columns);
    for peak in peaks {
        table.row([
            peak.level.into(),
            peak.sum_of_peaks.into(),
            peak.peak_of_sum.into(),
            peak.at_least.into(),
            peak.at_most.into(),
            peak.factor().into(),
            peak.diversity().into(),
            peak.saving().into(),
            peak.saving_at_least().into(),
        ]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_row_of_all_has_a_name_of_its_own() {
        let name = |groups: &[&str]| name_of_all(groups.iter().copied());
        assert_eq!(name(&[]), "(all)");
        assert_eq!(name(&["all", "web"]), "(all)");
        assert_eq!(name(&["(all)", "((all))"]), "(((all)))");
    }
}
