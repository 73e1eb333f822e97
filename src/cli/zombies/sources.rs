//! The metrics that rules are told of, looked up in the store and made to have the rules' units.

use std::collections::{BTreeMap, BTreeSet};

use super::Asked;
use crate::capacity::zombie::{
    CapacitySource, HostSources, MetricSource, NamedSource, RulePack, unit_of,
};
use crate::error::Result;
use crate::model::{Labels, METRIC_LABEL, Unit};
use crate::store::Snapshot;

/// A metric that was asked for, by the name that the rules give it.
pub(super) struct Source<'a> {
    pub(super) name: String,
    pub(super) metric: &'a MetricSource,
    pub(super) unit: Option<Unit>,
    /// To the unit that the rules have.
    pub(super) factor: f64,
    pub(super) is_capacity: bool,
    /// Of the hosts that have it: all their labels.
    pub(super) hosts: BTreeMap<String, Vec<(String, String)>>,
}

/// Everything that was asked for.
pub(super) struct Sources<'a> {
    pub(super) all: Vec<Source<'a>>,
    /// Capacities that are the same for every host.
    pub(super) numbers: Vec<(String, f64)>,
}

/// A metric as it is asked for.
#[derive(Clone, Copy)]
struct Wanted<'w> {
    /// The option or key that names it.
    key: &'w str,
    /// What the rules call it.
    name: &'w str,
    /// The unit that it is converted to, where there is one.
    unit: Option<&'w Unit>,
    is_capacity: bool,
}

impl<'w> Wanted<'w> {
    fn new(key: &'w str, name: &'w str, unit: Option<&'w Unit>) -> Self {
        Self { key, name, unit, is_capacity: false }
    }
}

impl<'a> Sources<'a> {
    pub(super) fn of(asked: &'a Asked<'a>, snapshot: &Snapshot, pack: &RulePack) -> Result<Self> {
        let mut sources = Self { all: Vec::new(), numbers: Vec::new() };
        let mut finder = Finder { asked, snapshot, sources: &mut sources };
        finder.processor()?;
        finder.memory()?;
        let given = asked.sources;
        let rate: Unit = "B/s".parse()?;
        for (key, name, metric) in [
            ("disk_read", "disk_read", &given.disk_read),
            ("disk_write", "disk_write", &given.disk_write),
            ("receive", "received", &given.receive),
            ("send", "sent", &given.send),
        ] {
            if let Some(metric) = metric {
                finder.metric(Wanted::new(key, name, Some(&rate)), metric)?;
            }
        }
        let wanted = Wanted::new("network_capacity", "network_capacity", Some(&rate));
        finder.capacity(wanted, given.network_capacity.as_ref())?;
        for NamedSource { name, metric } in &given.metrics {
            let declared = pack.metrics.iter().find(|(known, _)| known == name);
            let unit = declared.map(|(_, unit)| unit.clone()).or_else(|| unit_of(name));
            let refused = || {
                let what = format!("no rule knows {name}; name its unit under [metric]");
                let of_rules = asked.rule.and_then(|rule| rule.rules.as_deref());
                let place = of_rules.map_or_else(String::new, |file| format!(" of {file}"));
                asked.refused(name, format!("{what}{place}"))
            };
            let unit = unit.ok_or_else(refused)?;
            finder.metric(Wanted::new(name, name, Some(&unit)), metric)?;
        }
        Ok(sources)
    }

    pub(super) fn unit(&self, name: &str) -> Option<Unit> {
        self.all.iter().find(|one| one.name == name).and_then(|one| one.unit.clone())
    }
}

/// Looks metrics up in the store, and makes their units those of the rules.
struct Finder<'a, 'f> {
    asked: &'a Asked<'a>,
    snapshot: &'f Snapshot,
    sources: &'f mut Sources<'a>,
}

impl<'a> Finder<'a, '_> {
    fn processor(&mut self) -> Result<()> {
        let HostSources { cpu, cpu_capacity, cores, .. } = self.asked.sources;
        let Some(cpu) = cpu else { return Ok(()) };
        let unit = self.unit("cpu", cpu)?;
        let converts = |to: &str| -> Result<bool> {
            let to: Unit = to.parse()?;
            Ok(unit.as_ref().is_some_and(|unit| unit.factor_to(&to).is_some()))
        };
        let of_cores = Wanted::new("cores", "cores", None);
        if converts("ratio")? {
            let share = unit_of("cpu_share");
            self.metric(Wanted::new("cpu", "cpu_share", share.as_ref()), cpu)?;
            return self.capacity(of_cores, cores.as_ref());
        }
        if converts("cores")? {
            self.metric(Wanted::new("cpu", "cpu_cores", None), cpu)?;
            return match cpu_capacity {
                Some(_) => {
                    let wanted = Wanted::new("cpu_capacity", "cores", None);
                    self.capacity(wanted, cpu_capacity.as_ref())
                }
                None => self.capacity(of_cores, cores.as_ref()),
            };
        }
        if cpu_capacity.is_none() {
            let shown = unit.as_ref().map_or("no unit", Unit::as_str);
            let (cpu, capacity) = (self.asked.name("cpu"), self.asked.name("cpu_capacity"));
            let what = format!("{cpu} is in {shown}; give {capacity}, or write '... in cores'");
            return Err(self.asked.refused("cpu", what));
        }
        self.metric(Wanted::new("cpu", "cpu", unit.as_ref()), cpu)?;
        let wanted = Wanted::new("cpu_capacity", "cpu_capacity", unit.as_ref());
        self.capacity(wanted, cpu_capacity.as_ref())?;
        self.capacity(of_cores, cores.as_ref())
    }

    fn memory(&mut self) -> Result<()> {
        let HostSources { memory, memory_capacity, .. } = self.asked.sources;
        let Some(memory) = memory else { return Ok(()) };
        let unit = self.unit("memory", memory)?;
        let share = unit_of("memory_share");
        let is_share =
            unit.as_ref().zip(share.as_ref()).is_some_and(|(a, b)| a.factor_to(b).is_some());
        if is_share {
            return self.metric(Wanted::new("memory", "memory_share", share.as_ref()), memory);
        }
        self.metric(Wanted::new("memory", "memory", unit.as_ref()), memory)?;
        let wanted = Wanted::new("memory_capacity", "memory_capacity", unit.as_ref());
        self.capacity(wanted, memory_capacity.as_ref())
    }

    fn capacity(&mut self, wanted: Wanted<'_>, capacity: Option<&'a CapacitySource>) -> Result<()> {
        match capacity {
            None => Ok(()),
            Some(CapacitySource::Number(number)) => {
                self.sources.numbers.push((wanted.name.to_owned(), *number));
                Ok(())
            }
            Some(CapacitySource::Metric(metric)) => {
                self.metric(Wanted { is_capacity: true, ..wanted }, metric)
            }
        }
    }

    fn metric(&mut self, wanted: Wanted<'_>, metric: &'a MetricSource) -> Result<()> {
        let Wanted { key, name, unit, is_capacity } = wanted;
        let refused = |what| self.asked.refused(key, what);
        if self.sources.all.iter().any(|one| one.name == name) {
            return Err(refused(format!("{name} was given twice")));
        }
        let found = self.unit(key, metric)?;
        let factor = match (&found, unit) {
            (_, None) => 1.0,
            (Some(found), Some(unit)) => found.factor_to(unit).ok_or_else(|| {
                refused(format!("{name} is in {found}, which does not convert to {unit}"))
            })?,
            (None, Some(unit)) => {
                let what = format!("the metric for {name} has no unit; write '... in {unit}'");
                return Err(refused(what));
            }
        };
        let label = self.asked.host_label;
        let mut hosts: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
        for labels in self.series(metric) {
            let Some(host) = labels.get(label) else { continue };
            let others = labels.iter().filter(|(name, _)| *name != METRIC_LABEL && *name != label);
            let others = others.map(|(name, value)| (name.to_owned(), value.to_owned()));
            hosts.entry(host.to_owned()).or_default().extend(others);
        }
        let (name, unit) = (name.to_owned(), unit.cloned().or(found));
        self.sources.all.push(Source { name, metric, unit, factor, is_capacity, hosts });
        Ok(())
    }

    fn series(&self, metric: &MetricSource) -> impl Iterator<Item = Labels> {
        let ids = self.snapshot.select(&metric.selector);
        ids.into_iter().filter_map(|id| self.snapshot.labels(id))
    }

    /// The unit of a metric: as written, or as stored; of a counter, that of its rate.
    fn unit(&self, key: &str, metric: &MetricSource) -> Result<Option<Unit>> {
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
                return Err(self.asked.lacking(key, what));
            }
            [unit] => unit.clone(),
            _ => {
                let what = format!("{} has metrics in several units", metric.selector);
                return Err(self.asked.refused(key, what));
            }
        };
        match unit {
            // Seconds of a processor per second are processors.
            Some(unit) if metric.is_counter && unit.as_str() == "s" => "cores".parse().map(Some),
            Some(unit) if metric.is_counter => Ok(Some(unit.per_second())),
            unit => Ok(unit),
        }
    }
}
