//! From a store to verdicts: which hosts there are, their metrics a few hosts at a time, and what
//! the rules say of each.

use std::collections::{BTreeMap, BTreeSet};

use super::argument::{CapacityArg, MetricArg};
use super::{Judged, ZombiesArgs};
use crate::capacity::inventory::{Inventory, Measured};
use crate::capacity::zombie::{HostFacts, HostReducer, RulePack, judge, unit_of};
use crate::error::{Error, Result};
use crate::model::limits::TILE_VALUES_MAX;
use crate::model::{Labels, METRIC_LABEL, MatchOp, Matcher, Selector, Span, Timestamp, Unit};
use crate::query::{Across, Aggregate, Query, answered_from};
use crate::store::Snapshot;

/// A capacity is carried over so long: it changes seldom, and is scraped seldom.
const CAPACITY_FILL: Span = Span::DAY;
/// What is used, beside what was requested, is the mean of so many last days.
const USED_DAYS: i64 = 14;

/// All hosts, and what was judged.
pub(super) struct Found {
    pub(super) now: Timestamp,
    pub(super) from: Timestamp,
    pub(super) hosts: Vec<Judged>,
    /// What each host has and uses of its processors and memory.
    pub(super) measured: Vec<Measured>,
}

/// A metric that was asked for, by the name that the rules give it.
struct Source<'a> {
    name: String,
    metric: &'a MetricArg,
    unit: Option<Unit>,
    /// To the unit that the rules have.
    factor: f64,
    is_capacity: bool,
    /// Of the hosts that have it: all their labels.
    hosts: BTreeMap<String, Vec<(String, String)>>,
}

/// Everything that was asked for.
struct Sources<'a> {
    all: Vec<Source<'a>>,
    /// Capacities that are the same for every host.
    numbers: Vec<(&'static str, f64)>,
}

/// Judges every host that has one of the metrics.
pub(super) fn judge_all(
    args: &ZombiesArgs,
    snapshot: &Snapshot,
    pack: &RulePack,
    inventory: Option<&Inventory>,
) -> Result<Found> {
    let stored = snapshot.range();
    let stored = stored.ok_or_else(|| Error::not_enough_data("the store holds no samples"))?;
    // The end of the step in which the last sample lies.
    let now = args.now.unwrap_or_else(|| stored.end.ceil(args.step));
    let known_from = answered_from(snapshot, args.step).unwrap_or(stored.start);
    let from = args.from.unwrap_or(Timestamp::MIN).max(known_from).floor(Span::DAY);
    if from >= now {
        let what = format!("there are no samples between {from} and {now}");
        return Err(Error::not_enough_data(what));
    }
    // Refused before anything is read, also where there is no host.
    HostReducer::new(pack, now, args.step)?;
    let sources = Sources::of(args, snapshot, pack)?;
    let names: BTreeSet<&String> = sources.all.iter().flat_map(|one| one.hosts.keys()).collect();
    let names: Vec<&String> = names.into_iter().collect();
    if names.is_empty() {
        let what = format!("no series of these metrics has the label {:?}", args.host_label);
        return Err(Error::not_enough_data(what));
    }
    let steps = (now.since(from).nanos() / args.step.nanos()).max(1) as usize;
    let many = (TILE_VALUES_MAX / steps).max(1);
    let reading = Reading { args, snapshot, from, now, steps };
    let mut found = Found { now, from, hosts: Vec::new(), measured: Vec::new() };
    for names in names.chunks(many) {
        let mut rows = reading.rows(&sources, names)?;
        for host in names {
            let rows = rows.remove(host.as_str()).unwrap_or_default();
            let facts = facts(&sources, host, inventory);
            let verdict = reading.judge(pack, &rows, facts, stored.start)?;
            found.measured.extend(reading.measured(host, &rows, &sources, inventory));
            found.hosts.push(Judged { host: (*host).clone(), verdict });
        }
    }
    Ok(found)
}

/// What is known of a host beside its metrics: from its labels, and from the inventory, which goes
/// before them.
fn facts(sources: &Sources<'_>, host: &str, inventory: Option<&Inventory>) -> HostFacts {
    let mut labels: BTreeMap<String, String> = BTreeMap::new();
    for source in &sources.all {
        labels.extend(source.hosts.get(host).into_iter().flatten().cloned());
    }
    let row = inventory.and_then(|inventory| inventory.get(host));
    if let Some(row) = row {
        labels.extend(row.labels.iter().cloned());
        if row.standby {
            labels.insert("standby".to_owned(), "true".to_owned());
        }
    }
    let born = row.and_then(|row| row.purchase_date);
    HostFacts { labels: labels.into_iter().collect(), born }
}

/// The rows of one host, by the name of the metric.
type Rows = Vec<(String, Vec<f64>)>;

/// What is read of every host alike.
struct Reading<'a> {
    args: &'a ZombiesArgs,
    snapshot: &'a Snapshot,
    from: Timestamp,
    now: Timestamp,
    steps: usize,
}

impl Reading<'_> {
    fn rows(&self, sources: &Sources<'_>, hosts: &[&String]) -> Result<BTreeMap<String, Rows>> {
        let mut rows: BTreeMap<String, Rows> = BTreeMap::new();
        for source in &sources.all {
            let label = &self.args.host_label;
            let here = || hosts.iter().filter(|host| source.hosts.contains_key(host.as_str()));
            let texts: Vec<String> = here().map(|host| escaped(host)).collect();
            if texts.is_empty() {
                continue;
            }
            let only = Matcher::new(label, MatchOp::Matches, &texts.join("|"))?;
            for frame in
                self.query(source, source.metric.selector.clone().and(only)).run(self.snapshot)?
            {
                let frame = frame?;
                for (labels, row) in frame.rows() {
                    let Some(host) = labels.get(label) else { continue };
                    let row = row.iter().take(self.steps).map(|value| value * source.factor);
                    let row = (source.name.clone(), row.collect());
                    rows.entry(host.to_owned()).or_default().push(row);
                }
            }
            // One that has samples, but none in this time, has the metric nevertheless.
            for host in here() {
                let rows = rows.entry((*host).clone()).or_default();
                if rows.iter().all(|(name, _)| *name != source.name) {
                    rows.push((source.name.clone(), vec![f64::NAN; self.steps]));
                }
            }
        }
        for (name, number) in &sources.numbers {
            for rows in rows.values_mut() {
                rows.push(((*name).to_owned(), vec![*number; self.steps]));
            }
        }
        Ok(rows)
    }

    fn query(&self, source: &Source<'_>, selector: Selector) -> Query {
        let aggregate = if source.metric.is_counter { Aggregate::Rate } else { Aggregate::Mean };
        // Several processors at 50% are at 50% together; several disks add up.
        let is_share = unit_of(&source.name).is_some_and(|unit| unit.as_str() == "ratio");
        let across = if is_share { Across::Mean } else { Across::Sum };
        let query = Query::new(selector)
            .aggregate(aggregate)
            .step(self.args.step)
            .by([self.args.host_label.clone()])
            .across(across)
            .from(self.from)
            .to(self.now);
        if source.is_capacity { query.fill(CAPACITY_FILL) } else { query }
    }

    fn judge(
        &self,
        pack: &RulePack,
        rows: &Rows,
        mut facts: HostFacts,
        store_start: Timestamp,
    ) -> Result<crate::capacity::zombie::HostVerdict> {
        let given: Vec<(&str, &[f64])> =
            rows.iter().map(|(name, row)| (name.as_str(), row.as_slice())).collect();
        let mut reducer = HostReducer::new(pack, self.now, self.args.step)?;
        reducer.add(self.from, &given)?;
        let host = reducer.finish();
        // A host that came while the store was kept is known from its first day.
        let came = host.first().filter(|first| first.since(store_start) > Span::DAY);
        let looked = self.args.from.is_none_or(|from| from <= store_start);
        facts.born = facts.born.or(came.filter(|_| looked));
        Ok(judge(pack, &host, &facts))
    }

    /// What a host has and uses of its processors and memory, in the units of the inventory where
    /// it can be.
    fn measured(
        &self,
        host: &str,
        rows: &Rows,
        sources: &Sources<'_>,
        inventory: Option<&Inventory>,
    ) -> Vec<Measured> {
        let Some(inventory) = inventory else { return Vec::new() };
        let row = |name: &str| rows.iter().find(|(known, _)| known == name).map(|(_, row)| row);
        let used = |name: &str| {
            let last = (USED_DAYS * Span::DAY.nanos() / self.args.step.nanos()) as usize;
            let row = row(name)?;
            let known = row[row.len().saturating_sub(last)..].iter().filter(|v| v.is_finite());
            let (sum, count) = known.fold((0.0, 0.0), |(sum, count), v| (sum + v, count + 1.0));
            (count > 0.0).then(|| sum / count)
        };
        let has = |name: &str| row(name)?.iter().rev().find(|value| value.is_finite()).copied();
        let asked = |resource: &str| {
            let amounts = inventory
                .rows()
                .iter()
                .flat_map(|row| row.requested.iter().chain(&row.provisioned));
            amounts.filter(|one| one.resource == resource).map(|one| one.unit.clone()).next()
        };
        let unit = |name: &str| sources.unit(name);
        let cores: Option<Unit> = "cores".parse().ok();
        let share_of_cores = || Some(used("cpu_share")? * has("cores")?);
        let cpu = [
            (unit("cpu"), used("cpu"), has("cpu_capacity")),
            (cores.clone(), used("cpu_cores").or_else(share_of_cores), has("cores")),
            (
                cores,
                used("cpu").zip(has("cpu_capacity")).zip(has("cores")).map(|((u, c), n)| u / c * n),
                has("cores"),
            ),
        ];
        let memory = [(unit("memory"), used("memory"), has("memory_capacity"))];
        let choose = |resource: &str, candidates: &[(Option<Unit>, Option<f64>, Option<f64>)]| {
            let usable =
                || candidates.iter().filter(|(unit, used, _)| unit.is_some() && used.is_some());
            let fits = |unit: &Option<Unit>| {
                asked(resource)
                    .zip(unit.as_ref())
                    .is_some_and(|(asked, unit)| unit.factor_to(&asked).is_some())
            };
            let (unit, used, provisioned) =
                usable().find(|(unit, ..)| fits(unit)).or_else(|| usable().next())?.clone();
            let (host, resource) = (host.to_owned(), resource.to_owned());
            Some(Measured { host, resource, unit: unit?, provisioned, used })
        };
        [choose("cpu", &cpu), choose("memory", &memory)].into_iter().flatten().collect()
    }
}

impl<'a> Sources<'a> {
    fn of(args: &'a ZombiesArgs, snapshot: &Snapshot, pack: &RulePack) -> Result<Self> {
        let mut sources = Self { all: Vec::new(), numbers: Vec::new() };
        let mut finder = Finder { args, snapshot, sources: &mut sources };
        finder.processor()?;
        finder.memory()?;
        for (name, metric) in [
            ("disk_read", &args.disk_read),
            ("disk_write", &args.disk_write),
            ("received", &args.receive),
            ("sent", &args.send),
        ] {
            if let Some(metric) = metric {
                finder.metric(name, metric, Some(&"B/s".parse()?), false)?;
            }
        }
        finder.capacity(
            "network_capacity",
            args.network_capacity.as_ref(),
            Some(&"B/s".parse()?),
        )?;
        for own in &args.metrics {
            let declared = pack.metrics.iter().find(|(name, _)| *name == own.name);
            let unit = declared.map(|(_, unit)| unit.clone()).or_else(|| unit_of(&own.name));
            let refused = || {
                let name = &own.name;
                Error::invalid(format!("no rule knows {name}; name its unit under [metric]"))
            };
            let unit = unit.ok_or_else(refused)?;
            finder.metric(&own.name, &own.metric, Some(&unit), false)?;
        }
        Ok(sources)
    }

    fn unit(&self, name: &str) -> Option<Unit> {
        self.all.iter().find(|one| one.name == name).and_then(|one| one.unit.clone())
    }
}

/// Looks metrics up in the store, and makes their units those of the rules.
struct Finder<'a, 'f> {
    args: &'a ZombiesArgs,
    snapshot: &'f Snapshot,
    sources: &'f mut Sources<'a>,
}

impl<'a> Finder<'a, '_> {
    fn processor(&mut self) -> Result<()> {
        let args = self.args;
        let Some(cpu) = &args.cpu else { return Ok(()) };
        let unit = self.unit(cpu)?;
        let converts = |to: &str| -> Result<bool> {
            let to: Unit = to.parse()?;
            Ok(unit.as_ref().is_some_and(|unit| unit.factor_to(&to).is_some()))
        };
        if converts("ratio")? {
            self.metric("cpu_share", cpu, unit_of("cpu_share").as_ref(), false)?;
            return self.capacity("cores", args.cores.as_ref(), None);
        }
        if converts("cores")? {
            self.metric("cpu_cores", cpu, None, false)?;
            let cores = args.cpu_capacity.as_ref().or(args.cores.as_ref());
            return self.capacity("cores", cores, None);
        }
        if args.cpu_capacity.is_none() {
            let shown = unit.as_ref().map_or("no unit", Unit::as_str);
            let what = format!("--cpu is in {shown}; give --cpu-capacity, or write '... in cores'");
            return Err(Error::invalid(what));
        }
        self.metric("cpu", cpu, unit.as_ref(), false)?;
        self.capacity("cpu_capacity", args.cpu_capacity.as_ref(), unit.as_ref())?;
        self.capacity("cores", args.cores.as_ref(), None)
    }

    fn memory(&mut self) -> Result<()> {
        let args = self.args;
        let Some(memory) = &args.memory else { return Ok(()) };
        let unit = self.unit(memory)?;
        let share = unit_of("memory_share");
        let is_share =
            unit.as_ref().zip(share.as_ref()).is_some_and(|(a, b)| a.factor_to(b).is_some());
        if is_share {
            return self.metric("memory_share", memory, share.as_ref(), false);
        }
        self.metric("memory", memory, unit.as_ref(), false)?;
        self.capacity("memory_capacity", args.memory_capacity.as_ref(), unit.as_ref())
    }

    fn capacity(
        &mut self,
        name: &'static str,
        capacity: Option<&'a CapacityArg>,
        unit: Option<&Unit>,
    ) -> Result<()> {
        match capacity {
            None => {}
            Some(CapacityArg::Number(number)) => self.sources.numbers.push((name, *number)),
            Some(CapacityArg::Metric(metric)) => self.metric(name, metric, unit, true)?,
        }
        Ok(())
    }

    /// Adds a metric, to be converted to `unit` where there is one.
    fn metric(
        &mut self,
        name: &str,
        metric: &'a MetricArg,
        unit: Option<&Unit>,
        is_capacity: bool,
    ) -> Result<()> {
        if self.sources.all.iter().any(|one| one.name == name) {
            return Err(Error::invalid(format!("{name} was given twice")));
        }
        let found = self.unit(metric)?;
        let factor = match (&found, unit) {
            (_, None) => 1.0,
            (Some(found), Some(unit)) => found.factor_to(unit).ok_or_else(|| {
                Error::invalid(format!("{name} is in {found}, which does not convert to {unit}"))
            })?,
            (None, Some(unit)) => {
                let what = format!("the metric for {name} has no unit; write '... in {unit}'");
                return Err(Error::invalid(what));
            }
        };
        let label = &self.args.host_label;
        let mut hosts: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
        for labels in self.series(metric) {
            let Some(host) = labels.get(label) else { continue };
            let others = labels.iter().filter(|(name, _)| *name != METRIC_LABEL && name != label);
            let others = others.map(|(name, value)| (name.to_owned(), value.to_owned()));
            hosts.entry(host.to_owned()).or_default().extend(others);
        }
        let (name, unit) = (name.to_owned(), unit.cloned().or(found));
        self.sources.all.push(Source { name, metric, unit, factor, is_capacity, hosts });
        Ok(())
    }

    fn series(&self, metric: &MetricArg) -> impl Iterator<Item = Labels> {
        let ids = self.snapshot.select(&metric.selector);
        ids.into_iter().filter_map(|id| self.snapshot.labels(id))
    }

    /// The unit of a metric: as written, or as stored; of a counter, that of its rate.
    fn unit(&self, metric: &MetricArg) -> Result<Option<Unit>> {
        if metric.unit.is_some() {
            return Ok(metric.unit.clone());
        }
        let names: BTreeSet<String> =
            self.series(metric).map(|labels| labels.metric().to_owned()).collect();
        let mut units: Vec<Option<Unit>> =
            names.iter().map(|name| self.snapshot.unit(name)).collect();
        units.dedup();
        let unit = match units.as_slice() {
            [] => {
                let what = format!("no series of {}", metric.selector);
                return Err(Error::not_enough_data(what));
            }
            [unit] => unit.clone(),
            _ => {
                let what = format!("{} has metrics in several units", metric.selector);
                return Err(Error::invalid(what));
            }
        };
        match unit {
            // Seconds of a processor per second are processors.
            Some(unit) if metric.is_counter && unit.as_str() == "s" => "cores".parse().map(Some),
            Some(unit) if metric.is_counter => format!("{unit}/s").parse().map(Some),
            unit => Ok(unit),
        }
    }
}

/// A text as a regular expression that matches it alone.
fn escaped(text: &str) -> String {
    let special = |c: char| r"\.+*?()|[]{}^$".contains(c);
    text.chars().fold(String::with_capacity(text.len()), |mut pattern, c| {
        if special(c) {
            pattern.push('\\');
        }
        pattern.push(c);
        pattern
    })
}
