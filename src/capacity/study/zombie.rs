//! The section `[zombie]`: which series tell a host that works for nobody, and by which rules.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, Error as _};
use toml::{Spanned, Value};

use super::InventoryFile;
use super::parse::{Place, Text};
use crate::capacity::zombie::{
    CapacitySource, HostSources, MetricSource, NamedSource, RulePack, unit_of,
};
use crate::error::{Error, Result};
use crate::model::Span;

/// By which rules, and from which series, hosts are judged that may work for nobody.
#[derive(Debug, Clone)]
pub struct ZombieRule {
    /// Which series say what of a host.
    pub sources: HostSources,
    /// The label that names a host; one of those that tell rows apart.
    pub host_label: String,
    /// The file of the rules, as written; `None` for the published ones.
    pub rules: Option<String>,
    /// Of the published rules, the names of those that count; none for all.
    pub only: Vec<String>,
    /// The file that keeps since when a host is a zombie, as written.
    pub ledger: Option<String>,
    /// The name of the study's text, and the line of each key in it.
    origin: String,
    lines: BTreeMap<String, u64>,
}

/// `[zombie]` as it is written.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ZombieSection {
    cpu: Spanned<Text<MetricSource>>,
    cpu_capacity: Option<Spanned<Capacity>>,
    cores: Option<Spanned<Capacity>>,
    memory: Option<Spanned<Text<MetricSource>>>,
    memory_capacity: Option<Spanned<Capacity>>,
    disk_read: Option<Spanned<Text<MetricSource>>>,
    disk_write: Option<Spanned<Text<MetricSource>>>,
    receive: Option<Spanned<Text<MetricSource>>>,
    send: Option<Spanned<Text<MetricSource>>>,
    network_capacity: Option<Spanned<Capacity>>,
    #[serde(default)]
    metric: BTreeMap<Spanned<String>, Text<MetricSource>>,
    rules: Option<Spanned<String>>,
    #[serde(default)]
    only: Vec<Spanned<String>>,
    host_label: Option<Spanned<String>>,
    ledger: Option<Spanned<String>>,
}

struct Capacity(CapacitySource);

impl<'de> Deserialize<'de> for Capacity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = match Value::deserialize(deserializer)? {
            Value::Integer(number) => number.to_string(),
            Value::Float(number) => number.to_string(),
            Value::String(text) => text,
            _ => return Err(D::Error::custom("write a number, or a selector in quotes")),
        };
        text.parse().map(Self).map_err(D::Error::custom)
    }
}

impl ZombieRule {
    /// An error about one key of the section, with its line.
    pub fn error(&self, key: &str, what: impl Into<String>) -> Error {
        let line = self.lines.get(key).copied().unwrap_or(1);
        Error::Parse { origin: self.origin.clone(), line, what: what.into() }
    }

    /// The published rules, those that were chosen.
    pub fn published(&self) -> RulePack {
        let mut pack = RulePack::published();
        pack.rules.retain(|rule| self.only.is_empty() || self.only.contains(&rule.name));
        pack
    }
}

/// Checks the section against the rest of the study.
pub(super) fn zombie(
    section: ZombieSection,
    by: &[String],
    step: Span,
    inventory: Option<&InventoryFile>,
    place: &Place<'_>,
) -> Result<ZombieRule> {
    let mut lines = BTreeMap::new();
    check_step(step, &section, place)?;
    let host_label = host_label(section.host_label, by, inventory, section.cpu.span(), place)?;
    let only = only(section.only, section.rules.as_ref(), place)?;
    let mut own = Vec::new();
    for (name, Text(metric)) in section.metric {
        let (at, name) = (name.span(), name.into_inner());
        let is_word = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
        if !is_word {
            let what = format!("{name:?} is no name of a metric; write letters, digits and _");
            return Err(place.error(at, what));
        }
        // The unit of any other name stands in the file of the rules, which is read later.
        if section.rules.is_none() && unit_of(&name).is_none() {
            let what = format!("no published rule knows {name}; give rules = \"FILE\" that do");
            return Err(place.error(at, what));
        }
        lines.insert(name.clone(), place.line(&at));
        own.push(NamedSource { name, metric });
    }
    let mut keys = Keys { lines, place };
    let sources = HostSources {
        cpu: keys.metric("cpu", Some(section.cpu)),
        cpu_capacity: keys.capacity("cpu_capacity", section.cpu_capacity),
        cores: keys.capacity("cores", section.cores),
        memory: keys.metric("memory", section.memory),
        memory_capacity: keys.capacity("memory_capacity", section.memory_capacity),
        disk_read: keys.metric("disk_read", section.disk_read),
        disk_write: keys.metric("disk_write", section.disk_write),
        receive: keys.metric("receive", section.receive),
        send: keys.metric("send", section.send),
        network_capacity: keys.capacity("network_capacity", section.network_capacity),
        metrics: own,
    };
    let rules = keys.take("rules", section.rules);
    let ledger = keys.take("ledger", section.ledger);
    let (origin, lines) = (place.origin.to_owned(), keys.lines);
    Ok(ZombieRule { sources, host_label, rules, only, ledger, origin, lines })
}

/// Takes keys, and remembers where they stand.
struct Keys<'p> {
    lines: BTreeMap<String, u64>,
    place: &'p Place<'p>,
}

impl Keys<'_> {
    fn take<T>(&mut self, key: &str, written: Option<Spanned<T>>) -> Option<T> {
        let written = written?;
        self.lines.insert(key.to_owned(), self.place.line(&written.span()));
        Some(written.into_inner())
    }

    fn metric(
        &mut self,
        key: &str,
        written: Option<Spanned<Text<MetricSource>>>,
    ) -> Option<MetricSource> {
        self.take(key, written).map(|text| text.0)
    }

    fn capacity(
        &mut self,
        key: &str,
        written: Option<Spanned<Capacity>>,
    ) -> Option<CapacitySource> {
        self.take(key, written).map(|capacity| capacity.0)
    }
}

fn check_step(step: Span, section: &ZombieSection, place: &Place<'_>) -> Result<()> {
    if Span::HOUR.nanos() % step.nanos() == 0 {
        return Ok(());
    }
    let what = format!(
        "the rules of [zombie] need steps that divide an hour, and the study's are of {step}; \
         write step = \"1h\" or less under [study]"
    );
    Err(place.error(section.cpu.span(), what))
}

/// The label that names a host: as written, or that of the inventory, or the first of the study.
fn host_label(
    written: Option<Spanned<String>>,
    by: &[String],
    inventory: Option<&InventoryFile>,
    at: Range<usize>,
    place: &Place<'_>,
) -> Result<String> {
    let of_inventory = inventory.and_then(|inventory| inventory.host_label.clone());
    let Some(written) = written else {
        let first = || by.first().cloned().unwrap_or_default();
        let label = of_inventory.unwrap_or_else(first);
        if by.contains(&label) {
            return Ok(label);
        }
        let what = format!("hosts go by {label:?} in [inventory]; add it to by under [study]");
        return Err(place.error(at, what));
    };
    let label = written.get_ref();
    if !by.contains(label) {
        let by = by.join(", ");
        let what = format!("host_label is one of the labels that tell rows apart: {by}");
        return Err(place.error(written.span(), what));
    }
    if let Some(other) = of_inventory.filter(|other| other != label) {
        let what = format!("hosts go by {other:?} in [inventory]; name the same label in both");
        return Err(place.error(written.span(), what));
    }
    Ok(written.into_inner())
}

fn only(
    written: Vec<Spanned<String>>,
    rules: Option<&Spanned<String>>,
    place: &Place<'_>,
) -> Result<Vec<String>> {
    let published = RulePack::published();
    let mut names = BTreeSet::new();
    for name in &written {
        let text = name.get_ref();
        if rules.is_some() {
            let what = "only chooses among the published rules; take the others out of the file";
            return Err(place.error(name.span(), what));
        }
        if published.rules.iter().all(|rule| rule.name != *text) {
            let known: Vec<&str> = published.rules.iter().map(|rule| rule.name.as_str()).collect();
            let what =
                format!("no published rule is named {text:?}; there are: {}", known.join(", "));
            return Err(place.error(name.span(), what));
        }
        if !names.insert(text) {
            return Err(place.error(name.span(), format!("{text:?} is there twice; drop one")));
        }
    }
    Ok(written.into_iter().map(Spanned::into_inner).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capacity::Study;

    const HEAD: &str = "[zombie]\ncpu = \"cpu\"\n";

    fn parse(text: &str) -> Result<ZombieRule> {
        Study::parse(text, "s.toml").map(|study| study.zombie.unwrap())
    }

    #[test]
    fn every_key_is_read() {
        let rule = parse(
            "[study]\nby = [\"vm\", \"zone\"]\n[inventory]\nfile = \"hosts.csv\"\n\
             host_label = \"zone\"\n[zombie]\ncpu = 'rate(cpu{mode=\"user\"}) in cores'\n\
             cpu_capacity = 8\ncores = \"n\"\nmemory = \"m\"\nmemory_capacity = 1.5\n\
             disk_read = \"r\"\ndisk_write = \"w\"\nreceive = \"i\"\nsend = \"o in B/s\"\n\
             network_capacity = \"c\"\nmetric = { seats = \"seats\" }\nrules = \"r.toml\"\n\
             ledger = \"l.csv\"\n",
        )
        .unwrap();
        let cpu = rule.sources.cpu.clone().unwrap();
        assert_eq!((cpu.is_counter, cpu.unit.unwrap().as_str()), (true, "cores"));
        assert!(matches!(rule.sources.cpu_capacity, Some(CapacitySource::Number(8.0))));
        assert!(matches!(rule.sources.memory_capacity, Some(CapacitySource::Number(1.5))));
        assert!(matches!(rule.sources.network_capacity, Some(CapacitySource::Metric(_))));
        assert_eq!(rule.sources.metrics[0].name, "seats");
        assert_eq!(
            (rule.rules.as_deref(), rule.ledger.as_deref()),
            (Some("r.toml"), Some("l.csv"))
        );
        assert_eq!(rule.host_label, "zone", "as the inventory has it");
        // Each key's own line, for what only the store can tell.
        assert!(rule.error("send", "x").to_string().starts_with("s.toml:15: x"));
        assert!(rule.error("seats", "x").to_string().starts_with("s.toml:17: x"));
    }

    #[test]
    fn without_a_word_all_published_rules_count() {
        assert!(Study::parse("", "s.toml").unwrap().zombie.is_none());
        let all = parse(HEAD).unwrap();
        assert_eq!((all.host_label.as_str(), all.published().rules.len()), ("host", 9));
        let two = format!("{HEAD}only = [\"koomey-comatose\", \"google-idle-vm\"]\n");
        let names: Vec<String> =
            parse(&two).unwrap().published().rules.into_iter().map(|rule| rule.name).collect();
        assert_eq!(names, ["google-idle-vm", "koomey-comatose"], "in the order of the rules");
    }

    #[test]
    fn mistakes_name_the_line_and_the_remedy() {
        for (text, line, part) in [
            ("[zombie]\nsend = \"x\"\n", 1, "missing field `cpu`"),
            ("HEADcpus = 4\n", 3, "unknown field `cpus`"),
            ("HEADcores = 0\n", 3, "a number above 0"),
            ("HEADcores = true\n", 3, "write a number, or a selector in quotes"),
            ("HEADsend = \"a{\"\n", 3, "expected"),
            ("HEADsend = 5\n", 3, "write a text in quotes"),
            ("HEADmetric = { \"a b\" = \"x\" }\n", 3, "no name of a metric; write letters"),
            ("HEADmetric = { seats = \"x\" }\n", 3, "no published rule knows seats; give rules"),
            ("HEADonly = [\"mine\"]\n", 3, "there are: google-idle-vm, bmc-helix-idle"),
            ("HEADonly = [\n\"koomey-comatose\",\n\"koomey-comatose\"]\n", 5, "twice; drop one"),
            ("HEADrules = \"r\"\nonly = [\"koomey-comatose\"]\n", 4, "out of the file"),
            ("HEADhost_label = \"vm\"\n", 3, "that tell rows apart: host"),
            (
                "[study]\nby = [\"a\", \"b\"]\n[inventory]\nfile = \"f\"\nhost_label = \"b\"\n\
                 HEADhost_label = \"a\"\n",
                8,
                "hosts go by \"b\" in [inventory]; name the same",
            ),
            ("[study]\nstep = \"2h\"\nHEAD", 4, "write step = \"1h\" or less under [study]"),
            ("[inventory]\nfile = \" \"\n", 2, "write file = \"hosts.csv\""),
            (
                "[inventory]\nfile = \"f\"\nhost_label = \"x\"\nHEAD",
                5,
                "in [inventory]; add it to by",
            ),
        ] {
            let text = text.replace("HEAD", HEAD);
            let error = Study::parse(&text, "s.toml").unwrap_err().to_string();
            let place = format!("s.toml:{line}: ");
            assert!(error.starts_with(&place) && error.contains(part), "{text}\n{error}");
        }
    }
}
