//! The command that sizes the hosts of a store by every preset, side by side: `rightsize`.
//!
//! One series after another: its values become samples, the presets' advice is kept, the samples
//! are not.

mod present;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::Outcome;
use super::args::OutputFormat;
use super::output::{Stop, to_stdout};
use super::reader;
use super::sizes::{Amounts, PresetArgs, Sizes, explain};
use super::steps::ranged;
use crate::capacity::rightsizing::{Measure, Preset, PresetOptions, Resource, Usage, UsageSample};
use crate::capacity::zombie::CapacitySource;
use crate::error::{Error, Result};
use crate::model::{Frame, Labels, Selector, Span, Timestamp, Unit};
use crate::query::{Across, Aggregate, Query};
use crate::report::{Column, Sheet, Value};
use crate::store::Snapshot;
use present::{Limits, OFF_AFTER, Presence};

/// Reasons why a host has no advice that are printed; the others are counted.
const REASONS_MAX: usize = 5;
/// Hosts that are switched off and printed; the others are counted.
const OFF_MAX: usize = 20;

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  plimsoll rightsize --store s --cpu cpu_usage_cores --memory \
                        memory_used_bytes --by host --preset plimsoll,vpa,krr")]
pub(super) struct RightsizeArgs {
    /// The store's folder.
    #[arg(long, value_name = "DIR")]
    store: PathBuf,
    /// Which series say what was used of the processor, as in 'cpu{zone="a"}'.
    #[arg(long, value_name = "SELECTOR", required_unless_present = "memory")]
    cpu: Option<Selector>,
    /// Which series say what was used of memory.
    #[arg(long, value_name = "SELECTOR")]
    memory: Option<Selector>,
    /// What hosts have of the processor now: a metric, or a number for all. Tells the change, too.
    #[arg(long, value_name = "SELECTOR|NUMBER", requires = "cpu")]
    cpu_limit: Option<CapacitySource>,
    /// The same for memory; a number is in the unit of its values.
    #[arg(long, value_name = "SELECTOR|NUMBER", requires = "memory")]
    memory_limit: Option<CapacitySource>,
    /// The unit of the processor's values, as cores or MHz, where the store knows none.
    #[arg(long, value_name = "UNIT")]
    cpu_unit: Option<Unit>,
    /// The unit of memory's values, as B or KB, where the store knows none.
    #[arg(long, value_name = "UNIT")]
    memory_unit: Option<Unit>,
    /// One size per combination of these labels, separated by commas; their series are added up.
    #[arg(long, value_name = "LABELS", value_delimiter = ',', default_value = "host")]
    by: Vec<String>,
    /// How the samples of a step become one value for the processor; rate where they count seconds.
    #[arg(long, value_name = "HOW", default_value = "mean")]
    cpu_agg: Aggregate,
    /// The same for memory.
    #[arg(long, value_name = "HOW", default_value = "max")]
    memory_agg: Aggregate,
    /// The length of a step, as in 5m: what is one sample to the presets.
    #[arg(long, value_name = "SPAN", default_value = "5m")]
    step: Span,
    /// Only samples at or after this time.
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// Only samples before this time.
    #[arg(long, value_name = "TIME")]
    to: Option<Timestamp>,
    #[command(flatten)]
    presets: PresetArgs,
    /// How to write the result.
    #[arg(long, value_enum, default_value = "table")]
    format: OutputFormat,
}

/// What is asked of the store for one resource.
struct Question<'a> {
    resource: Resource,
    selector: &'a Selector,
    aggregate: Aggregate,
    units: Units,
}

/// What the values of a resource are in, and how they are printed.
struct Units {
    /// What a value is multiplied with to be cores, bytes, or what it was.
    factor: f64,
    measure: Measure,
    amounts: Amounts,
}

/// All hosts, by their labels.
type Hosts = BTreeMap<Labels, Sizes>;

/// Everything that is printed.
struct Sized<'q> {
    questions: &'q [Question<'q>],
    hosts: Hosts,
    limits: Limits,
    /// Hosts that are left out, for they used nothing since an instant.
    off: (Vec<Labels>, Timestamp),
}

/// Prints what every preset advises for every host.
pub(super) fn rightsize(args: &RightsizeArgs) -> Result<Outcome, Stop> {
    let sheet = sheet(args)?;
    to_stdout(|out| match args.format {
        OutputFormat::Table => sheet.text(out),
        OutputFormat::Json => sheet.json(out),
        OutputFormat::Csv => sheet.csv(out),
    })?;
    Ok(Outcome::Done)
}

fn sheet(args: &RightsizeArgs) -> Result<Sheet> {
    let options = args.presets.options()?;
    let store = reader::open(&args.store)?;
    let snapshot = store.snapshot()?;
    let mut questions = Vec::new();
    for (resource, selector, aggregate, unit) in [
        (Resource::Cpu, &args.cpu, args.cpu_agg, &args.cpu_unit),
        (Resource::Memory, &args.memory, args.memory_agg, &args.memory_unit),
    ] {
        if let Some(selector) = selector {
            let known = unit_of(&snapshot, selector)?.or_else(|| unit.clone());
            let units = Units::of(known.as_ref(), resource, aggregate)?;
            questions.push(Question { resource, selector, aggregate, units });
        }
    }
    let (mut hosts, mut presence) = (Hosts::new(), Presence::default());
    for question in &questions {
        let mut rows = 0;
        for frame in query(args, question).run(&snapshot)? {
            let frame = frame?;
            rows += frame.len();
            presence.add(&frame);
            size(&frame, question, args, &options, &mut hosts);
        }
        if rows == 0 {
            let what = format!("no series of {} has samples in this range", question.selector);
            return Err(Error::not_enough_data(what));
        }
    }
    let off = presence.off();
    hosts.retain(|labels, _| off.0.binary_search(labels).is_err());
    for sizes in hosts.values_mut() {
        sizes.fit_shapes();
        if !args.presets.explain {
            sizes.forget_steps();
        }
    }
    if hosts.is_empty() {
        let what = format!("every host is switched off: none used anything since {}", off.1);
        return Err(Error::not_enough_data(what));
    }
    if hosts.values().all(|sizes| sizes.advices().next().is_none()) {
        return Err(hosts.into_values().next().unwrap_or_default().into_failure());
    }
    let limits = Limits::read(args, &snapshot, &questions)?;
    Ok(written(args, &Sized { questions: &questions, hosts, limits, off }))
}

fn query(args: &RightsizeArgs, question: &Question<'_>) -> Query {
    let query = Query::new(question.selector.clone())
        .aggregate(question.aggregate)
        .step(args.step)
        .by(args.by.iter().filter(|name| !name.is_empty()).cloned())
        .across(Across::Sum);
    ranged(query, args.from, args.to)
}

/// Sizes the hosts of a tile. What a row says is dropped before the next one.
fn size(
    frame: &Frame,
    question: &Question<'_>,
    args: &RightsizeArgs,
    options: &PresetOptions,
    hosts: &mut Hosts,
) {
    let Units { factor, measure, .. } = question.units;
    let presets = args.presets.chosen();
    for (labels, row) in frame.rows() {
        let sample = |(at, value): (usize, &f64)| UsageSample {
            time: frame.time(at),
            amount: value * factor,
            held_back: 0.0,
        };
        let known = row.iter().enumerate().filter(|(_, value)| !value.is_nan());
        let samples: Vec<UsageSample> = known.map(sample).collect();
        let sizes = hosts.entry(labels.clone()).or_default();
        match Usage::new(question.resource, measure, vec![samples], Vec::new()) {
            Ok(usage) => sizes.add(&usage, &presets, options),
            Err(why) => sizes.fail(question.resource, why),
        }
        if !args.presets.explain {
            // The steps of Crane's sizes go on with a shape; what led to them may be forgotten.
            sizes.forget_steps();
        }
    }
}

/// The unit that all metrics of a selector have, where the store knows it.
fn unit_of(snapshot: &Snapshot, selector: &Selector) -> Result<Option<Unit>> {
    let ids = snapshot.select(selector).into_iter();
    let labels = ids.filter_map(|id| snapshot.labels(id));
    let metrics: BTreeSet<String> = labels.map(|labels| labels.metric().to_owned()).collect();
    let mut units = metrics.iter().map(|metric| snapshot.unit(metric));
    let first = units.next().flatten();
    if units.all(|unit| unit == first) {
        return Ok(first);
    }
    let metrics = metrics.into_iter().collect::<Vec<_>>().join(", ");
    Err(Error::invalid(format!("{metrics} are not of one unit; select those that are")))
}

impl Units {
    /// Cores and bytes, or what can be made bytes, are native.
    fn of(unit: Option<&Unit>, resource: Resource, aggregate: Aggregate) -> Result<Self> {
        let unit = aggregate.unit(unit.cloned());
        let text = unit.as_ref().map_or("", Unit::as_str);
        let factor = match resource {
            // Seconds of a processor in a second are cores.
            Resource::Cpu => ["cores", "core", "s/s"].contains(&text).then_some(1.0),
            Resource::Memory => {
                let bytes = "B".parse()?;
                unit.as_ref().and_then(|unit| unit.factor_to(&bytes))
            }
        };
        Ok(match factor {
            Some(factor) => {
                Self { factor, measure: Measure::Native, amounts: Amounts::native(resource) }
            }
            None => Self {
                factor: 1.0,
                measure: Measure::Other,
                amounts: Amounts { scale: 1.0, unit: text.to_owned() },
            },
        })
    }
}

fn written(args: &RightsizeArgs, sized: &Sized<'_>) -> Sheet {
    let Sized { questions, hosts, limits, off } = sized;
    let presets = args.presets.chosen();
    let mut sheet = Sheet::new(format!("Sizes of {}", args.by.join(" and ")));
    sheet.fact("hosts", args.by.join(", "), hosts.len(), "");
    if !off.0.is_empty() {
        sheet.fact("off", "switched off, left out", off.0.len(), "");
    }
    totals(&mut sheet, &presets, sized);
    let names: BTreeMap<&Labels, String> =
        hosts.keys().map(|labels| (labels, name(labels, &args.by))).collect();
    let mut columns =
        vec![Column::new("host", args.by.join(",")), Column::new("resource", "resource")];
    columns.extend(limits.are_asked_for().then(|| Column::new("now", "now")));
    columns.extend(presets.iter().map(|preset| Column::new(preset.name(), preset.name())));
    columns.extend(limits.are_asked_for().then(|| Column::new("change", "change")));
    columns.push(Column::new("unit", "unit"));
    let table = sheet.table("sizes", &columns);
    for (labels, sizes) in hosts {
        for Question { resource, units, .. } in *questions {
            let request = |preset: &Preset| units.amounts.shown(sizes.request(*resource, *preset));
            let now = limits.of(*resource, labels);
            let first = presets.first().and_then(|preset| sizes.request(*resource, *preset));
            let change = first.zip(now).map(|(advice, now)| advice - now);
            let mut row: Vec<Value> = vec![names[labels].as_str().into(), resource.name().into()];
            row.extend(limits.are_asked_for().then(|| units.amounts.shown(now)));
            row.extend(presets.iter().map(request));
            row.extend(limits.are_asked_for().then(|| units.amounts.shown(change)));
            row.push(units.amounts.unit.as_str().into());
            table.row(row);
        }
    }
    if args.presets.explain {
        let amounts = |resource| {
            let asked = questions.iter().find(|question| question.resource == resource);
            asked.map_or_else(|| Amounts::native(resource), |asked| asked.units.amounts.clone())
        };
        let all = hosts.iter().map(|(labels, sizes)| (Some(names[labels].as_str()), sizes));
        explain(&mut sheet, all, amounts);
    }
    notes_of_presence(&mut sheet, args, sized, &presets);
    notes(&mut sheet, args, questions, hosts, &names);
    sheet
}

/// The sum over the hosts that every preset has a size for: sums of other hosts do not compare.
/// What they have now, and the change, are of those of them whose limit is known.
fn totals(sheet: &mut Sheet, presets: &[Preset], sized: &Sized<'_>) {
    let Sized { questions, hosts, limits, .. } = sized;
    let mut columns = vec![
        Column::new("resource", "resource"),
        Column::new("preset", "preset"),
        Column::new("total", "total"),
    ];
    if limits.are_asked_for() {
        columns.extend([Column::new("now", "now"), Column::new("change", "change")]);
    }
    columns.extend([Column::new("unit", "unit"), Column::new("hosts", "hosts")]);
    let table = sheet.table("totals", &columns);
    for Question { resource, units, .. } in *questions {
        let speaks = |preset: &&Preset| {
            hosts.values().any(|sizes| sizes.request(*resource, **preset).is_some())
        };
        let speaking: Vec<&Preset> = presets.iter().filter(speaks).collect();
        let common = |(_, sizes): &(&Labels, &Sizes)| {
            speaking.iter().all(|preset| sizes.request(*resource, **preset).is_some())
        };
        let compared: Vec<(&Labels, &Sizes)> = hosts.iter().filter(common).collect();
        for preset in &speaking {
            let request = |sizes: &Sizes| sizes.request(*resource, **preset);
            let requests = compared.iter().filter_map(|(_, sizes)| request(sizes));
            let pairs = compared.iter().filter_map(|(labels, sizes)| {
                Some((limits.of(*resource, labels)?, request(sizes)?))
            });
            let pairs: Vec<(f64, f64)> = pairs.collect();
            let sum = |of: fn(&(f64, f64)) -> f64| {
                (!pairs.is_empty()).then(|| pairs.iter().map(of).sum::<f64>())
            };
            let mut row: Vec<Value> = vec![
                resource.name().into(),
                preset.name().into(),
                units.amounts.shown(Some(requests.sum())),
            ];
            if limits.are_asked_for() {
                row.push(units.amounts.shown(sum(|(now, _)| *now)));
                row.push(units.amounts.shown(sum(|(now, advice)| advice - now)));
            }
            row.extend([units.amounts.unit.as_str().into(), compared.len().into()]);
            table.row(row);
        }
    }
}

/// Who is left out, and what the change is of.
fn notes_of_presence(
    sheet: &mut Sheet,
    args: &RightsizeArgs,
    sized: &Sized<'_>,
    presets: &[Preset],
) {
    let (off, since) = &sized.off;
    if !off.is_empty() {
        let names: Vec<String> =
            off.iter().take(OFF_MAX).map(|labels| name(labels, &args.by)).collect();
        let others = off.len() - names.len();
        let more = if others > 0 { format!(" and {others} more") } else { String::new() };
        sheet.note(format!(
            "Left out as switched off, for they used nothing in the last {OFF_AFTER}, since \
             {since}: {}{more}.",
            names.join(", ")
        ));
    }
    let Some(first) = presets.first().filter(|_| sized.limits.are_asked_for()) else { return };
    sheet.note(format!(
        "Now is the last known limit. The change of a host is the advice of {} less that.",
        first.name()
    ));
    for Question { resource, .. } in sized.questions {
        let is_unknown = |labels: &&Labels| sized.limits.of(*resource, labels).is_none();
        let unknown = sized.hosts.keys().filter(is_unknown).count();
        if unknown > 0 && unknown < sized.hosts.len() {
            let name = resource.name();
            sheet.note(format!("Of {unknown} hosts no {name} limit is known; no change has them."));
        }
    }
}

fn notes(
    sheet: &mut Sheet,
    args: &RightsizeArgs,
    questions: &[Question<'_>],
    hosts: &Hosts,
    names: &BTreeMap<&Labels, String>,
) {
    let step = args.step;
    sheet.note(format!(
        "A sample is a step of {step}: of the processor its {}, of memory its {}. What is shorter \
         is not seen.",
        args.cpu_agg, args.memory_agg
    ));
    sheet.note("Totals are of the hosts that every preset with any advice has advice for.");
    for Question { resource, units, .. } in questions {
        if units.measure == Measure::Other {
            let unit = match units.amounts.unit.as_str() {
                "" => format!("has no unit in the store, and --{}-unit none", resource.name()),
                unit => format!("is in {unit}"),
            };
            let native = resource_unit(*resource);
            sheet.note(format!(
                "The {} {unit}: floors, roundings and shapes, which are made for {native}, do not \
                 apply, and histograms have their buckets from 1/100,000 of the highest value to \
                 it.",
                resource.name()
            ));
        }
    }
    let mut reasons = hosts.iter().flat_map(|(labels, sizes)| {
        let name = &names[labels];
        let said = move |(resource, preset, why): &(Resource, Option<Preset>, Error)| {
            let preset = preset.map_or("all presets", Preset::name);
            format!("{name}, {}, {preset}: {why}.", resource.name())
        };
        sizes.failures().iter().map(said)
    });
    reasons.by_ref().take(REASONS_MAX).for_each(|reason| sheet.note(reason));
    let others = reasons.count();
    if others > 0 {
        sheet.note(format!("And {others} more without advice, for reasons as these."));
    }
}

fn resource_unit(resource: Resource) -> &'static str {
    match resource {
        Resource::Cpu => "cores",
        Resource::Memory => "bytes",
    }
}

/// The values of the labels that tell hosts apart.
fn name(labels: &Labels, by: &[String]) -> String {
    let values: Vec<&str> = by.iter().map(|name| labels.get(name).unwrap_or_default()).collect();
    values.join(",")
}
