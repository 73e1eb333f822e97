//! The command that says what demand costs: `drivers`, service by service, from a store.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::Outcome;
use super::args::OutputFormat;
use super::forecast::WholeUntil;
use super::labels_seen::LabelsSeen;
use super::output::{Stop, sheet_to_stdout};
use super::reader;
use super::steps::ranged;
use crate::capacity::drivers::{AtLine, DemandModel, Driver, Observations, Verdict};
use crate::capacity::zombie::MetricSource;
use crate::error::{Error, Result};
use crate::model::limits::DRIVER_VALUES_MAX;
use crate::model::{Frame, Labels, METRIC_LABEL, MatchOp, Matcher, Span, Timestamp};
use crate::query::{Across, Aggregate, Query};
use crate::report::{Column, Sheet, SheetTable};
use crate::store::Snapshot;

/// Values from which on a row that only rises is said to.
const RISES_MIN: usize = 16;

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  plimsoll drivers --store s --resource cpu_percent --driver \
                        'rate(http_requests_total)' --by service --limit 100 --margin 0.2")]
pub(super) struct StoreDriversArgs {
    /// The store's folder.
    #[arg(long, value_name = "DIR")]
    store: PathBuf,
    /// The resource's series, as in 'cpu{zone="a"}'; a running total is written rate(SELECTOR).
    #[arg(long, value_name = "SELECTOR", value_parser = source)]
    resource: MetricSource,
    /// The series of a driver: requests, users, orders. Several may be given.
    #[arg(long, value_name = "SELECTOR", required = true, value_parser = source)]
    driver: Vec<MetricSource>,
    /// Labels by which series are joined, as in service: of those that share them, use is averaged
    /// and demand added. By default all labels but the metric.
    #[arg(long, value_name = "LABEL,...", value_delimiter = ',')]
    by: Vec<String>,
    /// The step of the values that are compared.
    #[arg(long, value_name = "SPAN", default_value = "5m")]
    step: Span,
    /// How use of series that share labels is joined: mean, sum or max.
    #[arg(long, value_name = "HOW", default_value = "mean")]
    resource_across: Across,
    /// How demand of series that share labels is joined: sum, mean or max.
    #[arg(long, value_name = "HOW", default_value = "sum")]
    driver_across: Across,
    /// How much of the resource there is: its size, or the use at which waits grow too long.
    #[arg(long, value_name = "AMOUNT")]
    limit: f64,
    /// The share of the limit that is kept free.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    margin: f64,
    /// Only values at or after this time.
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// Only values before this time.
    #[arg(long, value_name = "TIME")]
    to: Option<Timestamp>,
    /// How to write the result.
    #[arg(long, value_enum, default_value = "table")]
    format: OutputFormat,
}

/// Rows of demand by what they are joined by, all on the same steps.
type Demand = BTreeMap<Labels, Vec<f64>>;

/// Prints what a unit of each driver costs each service, and how much demand is carried.
pub(super) fn drivers(args: &StoreDriversArgs) -> Result<Outcome, Stop> {
    if !(args.limit.is_finite() && (0.0..1.0).contains(&args.margin)) {
        return Err(Error::invalid("--limit is an amount, --margin a share below 1").into());
    }
    let store = reader::open(&args.store)?;
    let snapshot = store.snapshot()?;
    let mut seen = LabelsSeen::of(&args.by);
    let mut held = 0;
    let demand = args.driver.iter().map(|driver| demand(args, &snapshot, driver, &mut held));
    let demand: Vec<Demand> = demand.collect::<Result<_>>()?;
    demand.iter().flat_map(BTreeMap::keys).for_each(|labels| seen.add(labels));
    let names: Vec<String> = args.driver.iter().map(name_of).collect();
    let mut sheet = Sheet::new("Demand drivers");
    let line = args.limit * (1.0 - args.margin);
    sheet.fact("line", "the line: limit less margin", line, "");
    let (mut services, mut reasons) = (0_usize, Vec::new());
    let mut only_rises = false;
    let whole_until = WholeUntil::of(&snapshot, args.to);
    let table = sheet.table("drivers", &columns());
    for frame in ask(args, &args.resource, args.resource_across).run(&snapshot)? {
        let frame = frame?;
        let whole = whole_until.steps(&frame);
        let times: Vec<Timestamp> = frame.times().take(whole).collect();
        for (labels, used) in frame.rows() {
            services += 1;
            seen.add(labels);
            let labels = labels.without(&[METRIC_LABEL]);
            let used = used.get(..whole).unwrap_or(&[]);
            only_rises |= rises_only(used);
            match fit(&labels, &times, used, &demand, &names) {
                Ok(model) => add(table, &labels, &model, line)?,
                Err(why) => reasons.push(format!("{}: {why}.", service_of(&labels))),
            }
        }
    }
    if services == 0 {
        let what = format!("no series of {} has samples in this range", args.resource.selector);
        return Err(Error::not_enough_data(what).into());
    }
    sheet.fact("services", "rows of use, joined", services, "");
    sheet.fact("without_model", "of which without a model", reasons.len(), "");
    for reason in reasons {
        sheet.note(reason);
    }
    let rises = demand.iter().map(|rows| rows.values().any(|row| rises_only(row)));
    let taken = args.driver.iter().zip(rises).chain([(&args.resource, only_rises)]);
    taken.filter_map(|(source, rises)| raw_total(source, rises)).for_each(|said| sheet.note(said));
    sheet.note("Robust regression (Huber); intervals know that noise has a memory.");
    sheet_to_stdout(&sheet, args.format)?;
    seen.note_missing();
    Ok(Outcome::Done)
}

/// A metric, `SELECTOR` or `rate(SELECTOR)`: a cost is in the units that the store has.
fn source(text: &str) -> Result<MetricSource> {
    let source: MetricSource = text.parse()?;
    match &source.unit {
        None => Ok(source),
        Some(unit) => Err(Error::invalid(format!(
            "a cost takes numbers as they are; leave out \"in {unit}\""
        ))),
    }
}

/// Whether a row never falls and rises at all, as running totals do.
fn rises_only(row: &[f64]) -> bool {
    let known: Vec<f64> = row.iter().copied().filter(|value| !value.is_nan()).collect();
    known.len() >= RISES_MIN && known.is_sorted() && known.first() < known.last()
}

/// What is said of a running total that was taken as it is.
fn raw_total(source: &MetricSource, rises: bool) -> Option<String> {
    let named = |matcher: &Matcher| {
        matcher.name == METRIC_LABEL
            && matcher.op == MatchOp::Equal
            && matcher.value.ends_with("_total")
    };
    let why = match source.is_counter {
        false if rises => "only rises",
        false if source.selector.matchers().iter().any(named) => "is named as a running total is",
        _ => return None,
    };
    let name = name_of(source);
    Some(format!(
        "{name} {why}, and was taken as it is: the level of a running total is no demand and no \
         use. If it is one, write rate({name}).",
    ))
}

fn ask(args: &StoreDriversArgs, source: &MetricSource, across: Across) -> Query {
    let aggregate = if source.is_counter { Aggregate::Rate } else { Aggregate::Mean };
    let query = Query::new(source.selector.clone()).aggregate(aggregate).step(args.step);
    let query = ranged(query, args.from, args.to);
    if args.by.is_empty() { query } else { query.by(args.by.clone()).across(across) }
}

/// A driver's rows, by their labels without the metric.
fn demand(
    args: &StoreDriversArgs,
    snapshot: &Snapshot,
    driver: &MetricSource,
    held: &mut usize,
) -> Result<Demand> {
    let mut demand = Demand::new();
    for frame in ask(args, driver, args.driver_across).run(snapshot)? {
        let frame: Frame = frame?;
        *held += frame.len() * frame.steps();
        if *held > DRIVER_VALUES_MAX {
            return Err(Error::Limit {
                what: "the number of values of drivers",
                value: *held as u64,
                limit: DRIVER_VALUES_MAX as u64,
                remedy: "narrow the selectors or the range, or take a longer step",
            });
        }
        for (labels, row) in frame.rows() {
            let labels = labels.without(&[METRIC_LABEL]);
            if demand.insert(labels.clone(), row.to_vec()).is_some() {
                let what = format!(
                    "two series of {} are {labels}; narrow it, or give --by",
                    driver.selector
                );
                return Err(Error::invalid(what));
            }
        }
    }
    if demand.is_empty() {
        let what = format!("no series of {} has samples in this range", driver.selector);
        return Err(Error::not_enough_data(what));
    }
    Ok(demand)
}

fn fit(
    labels: &Labels,
    times: &[Timestamp],
    used: &[f64],
    demand: &[Demand],
    names: &[String],
) -> Result<DemandModel> {
    let mut drivers = Vec::with_capacity(names.len());
    for (rows, name) in demand.iter().zip(names) {
        let values = rows.get(labels).and_then(|row| row.get(..times.len()));
        let none = || Error::not_enough_data(format!("{name} has no series of these labels"));
        drivers.push(Driver { name, values: values.ok_or_else(none)? });
    }
    DemandModel::fit(&Observations::new(times, used, &drivers)?)
}

fn columns() -> [Column; 12] {
    [
        Column::new("service", "service"),
        Column::new("driver", "driver"),
        Column::new("cost", "cost per unit"),
        Column::new("cost_low", "low"),
        Column::new("cost_high", "high"),
        Column::new("idle", "idle use"),
        Column::new("r_squared", "R2"),
        Column::new("at_line_p2_5", "at the line: P2.5"),
        Column::new("at_line_p50", "P50"),
        Column::new("at_line_p97_5", "P97.5"),
        Column::new("seen_max", "largest seen"),
        Column::new("remarks", "remarks"),
    ]
}

fn add(table: &mut SheetTable, labels: &Labels, model: &DemandModel, line: f64) -> Result<()> {
    let at_line = model.at_line(line)?;
    let remarks = remarks(model, &at_line);
    let demand = if let AtLine::Demand(demand) = at_line { Some(demand) } else { None };
    for (at, (name, cost)) in model.drivers.iter().zip(&model.costs).enumerate() {
        let level = |level| demand.as_ref().and_then(|demand| demand.demand(at, level));
        table.row([
            service_of(labels).into(),
            name.clone().into(),
            cost.estimate.into(),
            cost.low.into(),
            cost.high.into(),
            model.idle.estimate.into(),
            model.r_squared.into(),
            level(0.025).into(),
            level(0.5).into(),
            level(0.975).into(),
            demand.as_ref().map(|demand| demand.seen_max(at)).into(),
            remarks.clone().into(),
        ]);
    }
    Ok(())
}

/// What is to be known before the numbers are used.
fn remarks(model: &DemandModel, at_line: &AtLine) -> String {
    let day = model.day_differences.as_ref().is_some_and(|other| other.disagree);
    let said = [
        (model.r_squared.is_none(), "use never changed: it has no R2"),
        (matches!(at_line, AtLine::IdleOver), "idle use is over the line"),
        (matches!(at_line, AtLine::NoCost), "use does not grow with demand"),
        (matches!(at_line, AtLine::CutOff), "a ceiling: see calc demand"),
        (
            matches!(at_line, AtLine::Demand(demand) if demand.is_beyond_seen()),
            "the line is beyond all demand seen",
        ),
        (model.shape.verdict == Verdict::BendsUp, "use bends upward: do not extrapolate"),
        (model.shape.verdict == Verdict::BendsDown, "use bends downward"),
        (model.is_collinear(), "drivers move together"),
        (day, "day differences disagree"),
    ];
    let said: Vec<&str> = said.iter().filter(|one| one.0).map(|one| one.1).collect();
    said.join("; ")
}

/// A metric by its name alone, where nothing else is asked for.
fn name_of(source: &MetricSource) -> String {
    let name = match source.selector.matchers() {
        [only] if only.name == METRIC_LABEL && only.op == MatchOp::Equal => only.value.clone(),
        _ => source.selector.to_string(),
    };
    if source.is_counter { format!("rate({name})") } else { name }
}

/// Labels without quotes, as in `service=web, zone=a`.
fn service_of(labels: &Labels) -> String {
    let pairs: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    if pairs.is_empty() { "all".to_owned() } else { pairs.join(", ") }
}
