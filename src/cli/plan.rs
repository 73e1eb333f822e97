//! The commands `plan`, `study` and `demo`: here the storage arm's frames reach the reasoning arm.

use std::collections::BTreeSet;
use std::io::Write;
use std::num::NonZero;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use super::Outcome;
use super::args::{DemoArgs, OutputFormat, PlanArgs, StudyArgs, StudyCommand};
use super::hosts;
use super::inspect::metrics_of;
use super::laws::laws_of;
use super::output::{Stop, note, to_stdout};
use super::plans::remember;
use super::progress::{Progress, samples_and_rate};
use super::reader;
use super::report::write_page;
use super::zombies::zombies_of;
use crate::capacity::study::{self, Across as LimitAcross, LimitQuery, TableQuery, Within};
use crate::capacity::{MemberLimits, MetricSummary, Plan, Planner, Study};
use crate::demo::{Fleet, FleetOptions, study_toml};
use crate::error::{Error, Result};
use crate::model::{Selector, Span, TimeRange, Timestamp};
use crate::query::{Across, Aggregate, Frames, Query, answered_from};
use crate::report::{self, TextOptions};
use crate::store::{Durability, Snapshot, Store, StoreOptions, StoreStat};

/// In a sum over hosts a value is carried over so many missing steps: a scrape that came a little
/// late is no fall of the sum.
const GROUP_FILL_STEPS: i64 = 3;
/// And over so many times the typical distance of the series' own samples, where that is longer.
const GROUP_FILL_SPACINGS: f64 = 1.5;
/// Samples in the head at which the demo seals.
const HEAD_SAMPLES_MAX: usize = 8_000_000;
/// Memory of the demo's store.
const MEMORY_BYTES_MAX: usize = 512 << 20;

/// Plans the capacity of what a store holds.
pub(super) fn plan(args: &PlanArgs) -> Result<Outcome, Stop> {
    let study = read_study(&args.study)?;
    let snapshot = reader::open(&args.store)?.snapshot()?;
    let planner = planner(&snapshot, &study, &args.study)?;
    let plan = plan_of(&snapshot, planner, &study)?;
    if remember(&plan, args)? {
        print_plan(&plan, args.format, args.all)?;
    }
    say_which_labels_are_absent(&plan);
    say_what_is_rolled_up(&snapshot, &study);
    Ok(Outcome::Done)
}

/// The plan of what a store holds, by a study that names no file.
pub(super) fn plan_by(store: &Path, study: &Study) -> Result<Plan> {
    let snapshot = reader::open(store)?.snapshot()?;
    plan_of(&snapshot, planner(&snapshot, study, Path::new(""))?, study)
}

/// The plan of what a store holds, and the study that it was made by.
pub(super) fn plan_and_study(store: &Path, study_file: &Path) -> Result<(Plan, Study)> {
    let study = read_study(study_file)?;
    let snapshot = reader::open(store)?.snapshot()?;
    let plan = plan_of(&snapshot, planner(&snapshot, &study, study_file)?, &study)?;
    Ok((plan, study))
}

/// The plan of what a store holds, with the days behind it.
pub(super) fn plan_with_history(store: &Path, study_file: &Path) -> Result<Plan> {
    let study = read_study(study_file)?;
    let snapshot = reader::open(store)?.snapshot()?;
    let planner = planner(&snapshot, &study, study_file)?.with_history();
    let plan = plan_of(&snapshot, planner, &study)?;
    say_what_is_rolled_up(&snapshot, &study);
    Ok(plan)
}

/// A planner that knows the hosts of a store and what the study's inventory says of them, told the
/// laws and the zombies where the study asks for them.
fn planner(snapshot: &Snapshot, study: &Study, study_file: &Path) -> Result<Planner> {
    let as_of = as_of(snapshot, study)?;
    let planner = Planner::new(study, as_of)?.with_hosts(hosts::known(snapshot, study)?);
    let planner = planner.with_laws(laws_of(study, snapshot, from(snapshot, study)?, as_of)?);
    let inventory = hosts::inventory(study, study_file)?;
    let planner = match zombies_of(study, study_file, snapshot, inventory.as_ref())? {
        Some(zombies) => planner.with_zombies(zombies),
        None => planner,
    };
    let planner = planner.with_caveats(reader::lacks(&snapshot.loss()));
    let planner = planner.with_caveats(rolled_up(snapshot, study));
    Ok(match inventory {
        Some(inventory) => planner.with_inventory(inventory),
        None => planner,
    })
}

pub(super) fn read_study(path: &Path) -> Result<Study> {
    let text = std::fs::read_to_string(path).map_err(|why| Error::io("read", path, why))?;
    Study::parse(&text, &path.display().to_string())
}

fn say_what_is_rolled_up(snapshot: &Snapshot, study: &Study) {
    for caveat in rolled_up(snapshot, study) {
        note(&format!("note: {caveat}"));
    }
}

/// Where the time that a plan looks at is shorter than it need be: rollups are coarser than the
/// study's steps.
fn rolled_up(snapshot: &Snapshot, study: &Study) -> Vec<String> {
    let steps: BTreeSet<Span> = study.tables().iter().map(|table| table.step).collect();
    let tiers = snapshot.tiers();
    let shorter = steps.into_iter().filter_map(|step| {
        let begins = answered_from(snapshot, step);
        let earlier = |span: Span| answered_from(snapshot, span).filter(|at| Some(*at) < begins);
        let better = tiers.iter().filter_map(|tier| Some((earlier(tier.span)?, tier.span)));
        let (begins, (at, span)) = (begins?, better.min()?);
        Some(format!(
            "in steps of {step} the plan begins at {begins}, for what lies before is rolled up; \
             with step = \"{span}\" it would begin at {at}"
        ))
    });
    shorter.collect()
}

/// Says which labels of the study no series has: a table by them is of one row.
fn say_which_labels_are_absent(plan: &Plan) {
    for table in [&plan.hosts].into_iter().chain(&plan.groups) {
        for label in table.absent_labels() {
            note(&format!(
                "note: no series has the label {label:?}, by which the study tells each {} apart",
                table.name
            ));
        }
    }
}

fn print_plan(plan: &Plan, format: OutputFormat, all: bool) -> Result<(), Stop> {
    let options = if all { TextOptions { rows: None } } else { TextOptions::default() };
    to_stdout(|out| match format {
        OutputFormat::Table => report::text(plan, options, out),
        OutputFormat::Json => report::json(plan, out),
        OutputFormat::Csv => report::csv(plan, out),
    })
}

/// When the store's samples begin and end.
fn stored(snapshot: &Snapshot) -> Result<TimeRange> {
    snapshot.range().ok_or_else(|| Error::not_enough_data("the store holds no samples"))
}

/// The instant that the plan speaks from.
fn as_of(snapshot: &Snapshot, study: &Study) -> Result<Timestamp> {
    let stored = stored(snapshot)?;
    let as_of = study.as_of.unwrap_or(stored.end);
    expect_samples(as_of > stored.start, "as_of", as_of, stored)?;
    Ok(as_of)
}

/// Where what the plan looks at begins.
fn from(snapshot: &Snapshot, study: &Study) -> Result<Timestamp> {
    let stored = stored(snapshot)?;
    let from = study.ignore_before.unwrap_or(Timestamp::MIN).max(stored.start);
    let end = as_of(snapshot, study)?.min(stored.end);
    expect_samples(from < end, "ignore_before", from, TimeRange { end, ..stored })?;
    Ok(from)
}

/// Refuses a study that looks at a time without samples.
fn expect_samples(any: bool, what: &str, at: Timestamp, looked_at: TimeRange) -> Result<()> {
    if any {
        return Ok(());
    }
    let TimeRange { start, end } = looked_at;
    Err(Error::not_enough_data(format!(
        "{what} of the study is {at}, and leaves nothing of the samples from {start} to {end}"
    )))
}

/// Asks the store for every table of the study and plans over the answers.
fn plan_of(snapshot: &Snapshot, mut planner: Planner, study: &Study) -> Result<Plan> {
    let as_of = as_of(snapshot, study)?;
    let from = from(snapshot, study)?;
    // Rollups that are coarser than a table's step cannot be planned from.
    let from_of = |step| from.max(answered_from(snapshot, step).unwrap_or(from));
    let tables = study.tables();
    // The tables of a resource have the same members; those of one are in memory at a time.
    for resource in 0..study.resources.len() {
        let mut members = None;
        for table in tables.iter().filter(|table| table.table.resource == resource) {
            let Some(limit) = &table.limit else { continue };
            let range = (from_of(limit.step), as_of);
            let members = match &mut members {
                Some(members) => members,
                none => none.insert(members_of(snapshot, table, limit, range)?),
            };
            if let Some(limits) = members.by(&table.by)? {
                planner.add_limits(table.table, limits)?;
            }
        }
    }
    for table in tables {
        for usage in usage_frames(snapshot, &table, from_of(table.step), as_of)? {
            planner.add(table.table, &usage?, None)?;
        }
    }
    Ok(planner.finish())
}

pub(super) fn usage_frames(
    snapshot: &Snapshot,
    table: &TableQuery,
    from: Timestamp,
    as_of: Timestamp,
) -> Result<Frames> {
    let aggregate = match table.within {
        Within::Mean => Aggregate::Mean,
        Within::Rate => Aggregate::Rate,
    };
    let query = Query::new(table.usage.clone())
        .aggregate(aggregate)
        .step(table.step)
        .by(table.by.iter().cloned())
        .across(Across::Sum)
        .from(from.floor(table.step))
        .to(as_of.max(from));
    let by_host = table.table.group.is_none();
    let query = if by_host { query } else { filled(query, table.step) };
    query.run(snapshot)
}

/// The same query, for sums over hosts that are not sampled at the same instants.
pub(super) fn filled(query: Query, step: Span) -> Query {
    let steps = Span::from_nanos(GROUP_FILL_STEPS * step.nanos());
    query.fill(steps).fill_spacings(GROUP_FILL_SPACINGS)
}

/// The series of a table's usage and limit, day by day.
fn members_of(
    snapshot: &Snapshot,
    table: &TableQuery,
    limit: &LimitQuery,
    (from, as_of): (Timestamp, Timestamp),
) -> Result<MemberLimits> {
    let by_series = |series: &Selector| {
        Query::new(series.clone())
            .aggregate(Aggregate::Last)
            .step(limit.step)
            .from(from.floor(limit.step))
            .to(as_of.max(from))
            .run(snapshot)
    };
    let mut members = MemberLimits::new(limit.across);
    for usage in by_series(&table.usage)? {
        members.add_usage(&usage?)?;
    }
    if limit.across == LimitAcross::Sum {
        for limits in by_series(&limit.series)? {
            members.add_limit(&limits?)?;
        }
    }
    Ok(members)
}

/// Writes a first study for what a store holds.
pub(super) fn study(args: &StudyArgs) -> Result<Outcome, Stop> {
    let StudyCommand::Init { store } = &args.command;
    let snapshot = reader::open(store)?.snapshot()?;
    let summary = |metric: super::inspect::Metric| MetricSummary {
        name: metric.name,
        unit: metric.unit,
        labels: metric.labels,
        series: metric.series,
    };
    let metrics: Vec<MetricSummary> = metrics_of(&snapshot).into_iter().map(summary).collect();
    if metrics.is_empty() {
        let why = Error::not_enough_data("the store holds no series; import some first");
        return Err(why.into());
    }
    to_stdout(|out| out.write_all(study::init(&metrics).as_bytes()))?;
    Ok(Outcome::Done)
}

/// Simulates a fleet, stores it by the way any agent would, and plans it from the reopened store.
pub(super) fn demo(args: &DemoArgs) -> Result<Outcome, Stop> {
    let fleet = Fleet::new(FleetOptions {
        seed: args.seed,
        hosts: args.hosts,
        days: args.days,
        ..FleetOptions::default()
    })?;
    let (store_folder, study_file) = (args.folder.join("store"), args.folder.join("study.toml"));
    clear_earlier_demo(&args.folder, &store_folder)?;
    let text = study_toml();
    std::fs::create_dir_all(&args.folder)
        .and_then(|()| std::fs::write(args.folder.join("hosts.csv"), fleet.inventory()))
        .and_then(|()| std::fs::write(&study_file, &text))
        .map_err(|why| Error::io("write", &study_file, why))?;
    write_fleet(&fleet, &store_folder)?;
    let plan = plan_with_history(&store_folder, &study_file)?;
    print_plan(&plan, OutputFormat::Table, false)?;
    if !args.no_report {
        write_page(&plan, &args.report)?;
        note(&format!(
            "\nThe plan as a page with charts is in {}; open it in a browser.",
            args.report.display()
        ));
    }
    let (store, study) = (store_folder.display(), study_file.display());
    note(&format!(
        "\nThe store and the study are kept; look around with\n  \
         plimsoll plan --store {store} --study {study} --all\n  \
         plimsoll query --store {store} 'disk_used_bytes' --agg max --step 1d --by service"
    ));
    Ok(Outcome::Done)
}

/// Removes the store of an earlier demo; a folder with anything else in it is left alone.
fn clear_earlier_demo(folder: &Path, store: &Path) -> Result<()> {
    let entries = match std::fs::read_dir(folder) {
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(|why| Error::io("list", folder, why))?,
    };
    for entry in entries {
        let name = entry.map_err(|why| Error::io("list", folder, why))?.file_name();
        if name != "store" && name != "study.toml" && name != "hosts.csv" {
            return Err(Error::invalid(format!(
                "{} holds {}, which no demo wrote; name another folder with --folder",
                folder.display(),
                name.display()
            )));
        }
    }
    if store.exists() {
        // The lock says that nobody else is at work in it.
        Store::open_existing(store, StoreOptions::default())?.close()?;
        std::fs::remove_dir_all(store).map_err(|why| Error::io("remove", store, why))?;
    }
    Ok(())
}

/// Writes the fleet into a new store, and says so.
fn write_fleet(fleet: &Fleet, folder: &Path) -> Result<()> {
    let started = Instant::now();
    let stat = store_fleet(fleet, folder)?;
    note(&format!(
        "{} hosts simulated and stored: {}, {:.2} bytes per sample",
        fleet.hosts().len(),
        samples_and_rate(stat.samples, started.elapsed()),
        stat.disk_bytes as f64 / stat.samples.max(1) as f64
    ));
    Ok(())
}

/// Appends the fleet's samples, host after host, on every core; then seals and closes the store.
pub(super) fn store_fleet(fleet: &Fleet, folder: &Path) -> Result<StoreStat> {
    let options = StoreOptions {
        durability: Durability::Buffered,
        head_samples_max: HEAD_SAMPLES_MAX,
        memory_bytes_max: MEMORY_BYTES_MAX,
        ahead_max: None,
        ..StoreOptions::default()
    };
    let store = Store::open(folder, options)?;
    let hosts = fleet.hosts().len();
    let progress = Progress::count(hosts as u64);
    let next = AtomicUsize::new(0);
    let failure = Mutex::new(None);
    let work = || {
        loop {
            let host = next.fetch_add(1, Ordering::Relaxed);
            if host >= hosts {
                return;
            }
            let mut appender = store.appender();
            let written = fleet.write_host(host, &mut appender).and_then(|()| appender.finish());
            if let Err(why) = written {
                next.store(hosts, Ordering::Relaxed);
                failure.lock().unwrap_or_else(std::sync::PoisonError::into_inner).replace(why);
                return;
            }
            progress.add(1);
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    if let Some(why) = failure.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
        return Err(why);
    }
    store.seal()?;
    let stat = store.stat()?;
    store.close()?;
    progress.finish();
    Ok(stat)
}
