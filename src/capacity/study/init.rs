//! A first `study.toml` from what a store holds: usages are paired with their limits by name.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::Selector;
use crate::model::Unit;

/// What a store knows of one metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricSummary {
    /// The metric's name.
    pub name: String,
    /// Its unit, where it was given one.
    pub unit: Option<Unit>,
    /// The names of the labels its series carry.
    pub labels: Vec<String>,
    /// How many series it has.
    pub series: usize,
}

/// Words of a name that say "this is what is used".
const USAGE_WORDS: &[&str] =
    &["usage", "used", "use", "utilization", "utilisation", "consumed", "active", "inuse"];
/// Words of a name that say "this is how much there is".
const CAPACITY_WORDS: &[&str] =
    &["capacity", "provisioned", "total", "limit", "max", "size", "quota", "allocatable"];
/// Words of a name that only repeat its unit.
const UNIT_WORDS: &[&str] = &[
    "mhz", "ghz", "hz", "b", "kb", "mb", "gb", "tb", "kib", "mib", "gib", "tib", "bytes",
    "percent", "pct", "ratio", "cores", "seconds",
];
/// Words that say nothing about which resource it is.
const FILLER_WORDS: &[&str] = &["throughput", "rate"];
/// Words that turn a share of use into its opposite.
const INVERSE_WORDS: &[&str] = &["idle", "free", "available", "avail"];
/// Words of traffic: no limit, but evidence that a host is in use.
const TRAFFIC_WORDS: &[&str] =
    &["received", "transmitted", "receive", "transmit", "recv", "sent", "rx", "tx"];
/// Labels that name a host, the likeliest first.
const HOST_LABELS: &[&str] =
    &["host", "hostname", "instance", "node", "vm", "server", "machine", "pod", "container"];
/// Labels by which hosts are added up.
const GROUP_LABELS: &[&str] =
    &["service", "app", "application", "role", "team", "cluster", "zone", "datacenter", "region"];

/// The label that tells the file systems of a host apart, as exporters spell it.
const MOUNT_LABEL: &str = "mountpoint";

/// What a metric is good for in a study.
enum Part<'a> {
    /// A usage with the metric that limits it.
    Paired { limit: &'a MetricSummary },
    /// A share of a whole.
    Share { whole: f64 },
    /// Traffic.
    Evidence { below: &'static str },
    /// The limit of some usage: named there.
    Limit,
    /// A usage with no known limit, and why.
    Unknown(&'static str),
}

/// A commented `study.toml` for a store that holds these metrics. What it says is a guess from
/// names; it always reads back as a valid [`Study`](super::Study).
pub fn init(metrics: &[MetricSummary]) -> String {
    let mut metrics: Vec<&MetricSummary> = metrics.iter().collect();
    metrics.sort_by(|a, b| a.name.cmp(&b.name));
    metrics.dedup_by(|a, b| a.name == b.name);
    let labels: BTreeSet<&str> =
        metrics.iter().flat_map(|m| m.labels.iter().map(String::as_str)).collect();
    let parts: Vec<_> = metrics.iter().map(|metric| part(metric, &metrics)).collect();
    let names = resource_names(&metrics, &parts);

    let mut out = header(&labels);
    let mut evidence = Vec::new();
    let mut limited = None;
    let mut unknown = String::new();
    for ((metric, part), name) in metrics.iter().zip(&parts).zip(&names) {
        match part {
            Part::Limit => {}
            Part::Unknown(why) => {
                let _ = writeln!(unknown, "#   {}: {why}", comment(&metric.name));
            }
            _ => out.push_str(&resource(metric, part, name)),
        }
        if matches!(part, Part::Paired { .. } | Part::Share { .. }) {
            limited.get_or_insert_with(|| name.clone());
        }
        match part {
            Part::Evidence { below } => evidence.push((name.clone(), *below)),
            Part::Paired { .. } | Part::Share { .. } if name.contains("cpu") => {
                evidence.push((name.clone(), "5%"));
            }
            _ => {}
        }
    }
    out.push_str(&left_over(&unknown));
    out.push_str(&groups(&labels));
    out.push_str(&pools(limited.as_deref()));
    out.push_str(&rules(&evidence));
    out
}

fn host_label<'a>(labels: &BTreeSet<&str>) -> &'a str {
    HOST_LABELS.iter().find(|label| labels.contains(**label)).unwrap_or(&"host")
}

fn header(labels: &BTreeSet<&str>) -> String {
    let by = host_label(labels);
    format!(
        "# A capacity study, guessed from the names of the metrics in the store.\n\
         # Check each pair of usage and limit; docs/study.md explains every key.\n\n\
         [study]\n\
         name = \"capacity\"\n\
         horizon = \"90d\"      # how far ahead dates are given\n\
         lead_time = \"30d\"    # from ordering capacity to having it\n\
         step = \"5m\"          # usage is averaged per step; a peak is the highest such mean\n\
         by = [{}]        # the labels that tell hosts apart\n\
         # as_of = 2013-08-31            # default: the last sample\n\
         # ignore_before = 2013-07-15    # a migration, a launch: older data misleads\n",
        quote(by)
    )
}

fn resource(metric: &MetricSummary, part: &Part<'_>, name: &str) -> String {
    let mut out = format!(
        "\n[[resource]]            # {} series\nname = {}\nusage = {}\n",
        metric.series,
        quote(name),
        quote(&selector(&metric.name))
    );
    match part {
        Part::Paired { limit } => {
            let _ = writeln!(out, "limit = {}", quote(&selector(&limit.name)));
            if let (Some(unit), Some(from)) = (&metric.unit, &limit.unit)
                && unit != from
            {
                let _ = writeln!(out, "limit_unit = {}", quote(from.as_str()));
            }
        }
        Part::Share { whole } => {
            let _ = writeln!(out, "limit = {whole}");
        }
        _ => out
            .push_str("role = \"evidence\"       # no limit; it tells idle hosts from busy ones\n"),
    }
    if let Some(unit) = &metric.unit {
        let _ = writeln!(out, "unit = {}", quote(unit.as_str()));
    }
    if !matches!(part, Part::Evidence { .. }) {
        out.push_str("safety_margin = 0.1     # the share of the limit to keep free\n");
    }
    out
}

fn left_over(unknown: &str) -> String {
    if unknown.is_empty() {
        return String::new();
    }
    format!(
        "\n# Not in the study, with the reason. To add one, give it a limit (number or metric):\n\
         #\n{unknown}#\n\
         # [[resource]]\n# name = \"requests\"\n# usage = \"requests_total\"\n\
         # kind = \"counter\"        # a running total: its increase per second is the usage\n\
         # limit = 1200.0\n# unit = \"requests/s\"\n"
    )
}

fn groups(labels: &BTreeSet<&str>) -> String {
    let mut out = String::from("\n# Tables that add up hosts by a label.\n");
    let mut found = GROUP_LABELS.iter().filter(|label| labels.contains(**label)).peekable();
    if found.peek().is_none() {
        out.push_str("# [[group]]\n# name = \"service\"\n# by = [\"service\"]\n");
    }
    for label in found {
        let _ = write!(out, "[[group]]\nname = {0}\nby = [{0}]\n", quote(label));
    }
    if labels.contains(MOUNT_LABEL) {
        let host = host_label(labels);
        let _ = write!(
            out,
            "# A row per file system: in a host's sum a full one hides behind an empty one.\n\
             [[group]]\nname = \"file systems\"\nby = [{}, {}]\n",
            quote(host),
            quote(MOUNT_LABEL)
        );
    }
    out
}

/// What takes a pool, commented out: prices, shapes and scenarios cannot be guessed. `resource` is
/// one with a limit.
fn pools(resource: Option<&str>) -> String {
    let Some(resource) = resource else { return String::new() };
    format!(
        "
# For orders in whole hosts, failures and scenarios: write `pool = true` into the group whose
# hosts can take over each other's work, and take the \"#: \" off what follows.
#: [inventory]            # owner, zone, rack, price of each host: docs/inventory.md
#: file = \"hosts.csv\"
#: [[shape]]              # a size that hosts are bought in
#: name = \"standard\"
#: price = 240            # a month
#: provides = {{ {} = 16 }} # in the unit of the resource
#: [order]
#: risk = 0.1             # how likely an order may come too late
#: review = \"30d\"        # from one order to the next
#: [failover]
#: lose = [\"1 host\"]     # also \"2 hosts\", \"rack\", \"zone\"
#: [[scenario]]
#: name = \"a third more\"
#: change = [{{ kind = \"demand\", factor = 1.33 }}]
",
        quote(resource)
    )
}

fn rules(evidence: &[(String, &str)]) -> String {
    let mut out = String::from(
        "\n# A host is idle when every resource below is under its threshold for `share` of the\n\
         # steps of `window`, and no hour of the data was a burst. Missing data is never idle.\n\
         [idle]\nshare = 0.95\nwindow = \"14d\"\nminimum_age = \"7d\"\n[idle.below]\n",
    );
    for (name, below) in evidence {
        let _ = writeln!(out, "{} = {}", quote(name), quote(below));
    }
    out.push_str(
        "\n# Over-provisioned: the quantile of the step means is under `below` of the limit. What\n\
         # could be reclaimed leaves `headroom` of the new limit free.\n\
         [overprovisioned]\nquantile = 0.995\nbelow = 0.5\nheadroom = 0.2\n",
    );
    out
}

fn part<'a>(metric: &MetricSummary, all: &[&'a MetricSummary]) -> Part<'a> {
    let words = words(&metric.name);
    let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    let pairs = |other: &&&MetricSummary| is_limit_of(other, metric);
    if let Some(limit) = all.iter().find(pairs) {
        return Part::Paired { limit };
    }
    if has(CAPACITY_WORDS) && all.iter().any(|other| is_limit_of(metric, other)) {
        return Part::Limit;
    }
    if let Some(below) = traffic_below(metric, &words) {
        return Part::Evidence { below };
    }
    let Some(whole) = whole(metric, &words) else {
        return Part::Unknown("no limit known: give a number");
    };
    if has(INVERSE_WORDS) {
        return Part::Unknown("it measures what is free, not what is used");
    }
    let stem = stem(&words);
    let in_amounts = |other: &&&MetricSummary| {
        self::stem(&self::words(&other.name)) == stem
            && all.iter().any(|limit| is_limit_of(limit, other))
    };
    match all.iter().find(in_amounts) {
        Some(_) => Part::Unknown("the same resource is above as an amount with its limit"),
        None => Part::Share { whole },
    }
}

/// Whether the names of the two differ only in "used" against "how much there is".
fn is_limit_of(limit: &MetricSummary, usage: &MetricSummary) -> bool {
    let (limit_words, usage_words) = (words(&limit.name), words(&usage.name));
    let has = |words: &[String], list: &[&str]| words.iter().any(|w| list.contains(&w.as_str()));
    let convertible = match (&usage.unit, &limit.unit) {
        (Some(usage), Some(limit)) => limit.factor_to(usage).is_some(),
        _ => whole(usage, &usage_words).is_none() && whole(limit, &limit_words).is_none(),
    };
    convertible
        && has(&limit_words, CAPACITY_WORDS)
        && !has(&limit_words, USAGE_WORDS)
        && !has(&usage_words, CAPACITY_WORDS)
        && (has(&usage_words, USAGE_WORDS) || extends(&limit_words, &usage_words))
        && stem(&limit_words) == stem(&usage_words)
        && whole(usage, &usage_words).is_none()
}

/// Whether a name is another one and a word of capacity more: `cpu_mhz_limit` and `cpu_mhz`.
fn extends(limit: &[String], usage: &[String]) -> bool {
    let without: Vec<&String> =
        limit.iter().filter(|word| !CAPACITY_WORDS.contains(&word.as_str())).collect();
    without.len() < limit.len() && without.iter().copied().eq(usage)
}

/// The whole of a share: 100 for percent, 1 for a ratio.
fn whole(metric: &MetricSummary, words: &[String]) -> Option<f64> {
    let word = |text: &str| words.iter().any(|word| word == text);
    match metric.unit.as_ref().map(Unit::as_str) {
        Some("%" | "percent") => Some(100.0),
        Some("ratio") => Some(1.0),
        None if word("percent") || word("pct") => Some(100.0),
        None if word("ratio") => Some(1.0),
        _ => None,
    }
}

/// The idle threshold of traffic: what Google Cloud's recommender uses, in bytes per second.
fn traffic_below(metric: &MetricSummary, words: &[String]) -> Option<&'static str> {
    let bytes_per_second: Unit = "B/s".parse().ok()?;
    metric.unit.as_ref()?.factor_to(&bytes_per_second)?;
    let word = words.iter().find(|word| TRAFFIC_WORDS.contains(&word.as_str()))?;
    let sent = ["transmitted", "transmit", "sent", "tx"].contains(&word.as_str());
    Some(if sent { "1 KB/s" } else { "2 KB/s" })
}

fn words(name: &str) -> Vec<String> {
    let parts = name.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty());
    parts.map(str::to_lowercase).collect()
}

/// The words that name the resource itself.
fn stem(words: &[String]) -> Vec<&str> {
    let is_role = |word: &&str| {
        !USAGE_WORDS.contains(word) && !CAPACITY_WORDS.contains(word) && !UNIT_WORDS.contains(word)
    };
    words.iter().map(String::as_str).filter(is_role).collect()
}

fn short_name(name: &str) -> String {
    let words = words(name);
    let mut stem = stem(&words);
    stem.retain(|word| !FILLER_WORDS.contains(word));
    stem.join(" ")
}

/// Short where that is unique, the metric's own name where it is not.
fn resource_names(metrics: &[&MetricSummary], parts: &[Part<'_>]) -> Vec<String> {
    let short: Vec<String> = metrics.iter().map(|m| short_name(&m.name)).collect();
    let listed = |at: usize| !matches!(parts[at], Part::Limit | Part::Unknown(_));
    let mut taken = BTreeSet::new();
    let mut names = Vec::new();
    for (at, metric) in metrics.iter().enumerate() {
        let alone = |name: &str| {
            (0..metrics.len()).filter(|other| listed(*other) && short[*other] == name).count() == 1
        };
        let mut name = short[at].clone();
        if name.is_empty() || name.len() > 64 || !alone(&name) {
            name = metric.name.chars().filter(|c| !c.is_control()).take(16).collect();
        }
        while name.trim().is_empty() || (listed(at) && taken.contains(&name)) {
            name = format!("resource {}", taken.len() + 1 + at);
        }
        if listed(at) {
            taken.insert(name.clone());
        }
        names.push(name);
    }
    names
}

/// A selector of one metric: its bare name where that reads back.
fn selector(name: &str) -> String {
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if plain && !name.is_empty() { name.to_owned() } else { Selector::metric(name).to_string() }
}

/// A TOML basic string.
fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A name inside a comment, which ends at the first line break.
fn comment(name: &str) -> String {
    name.escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::super::{Limit, Study};
    use super::*;
    use proptest::prelude::*;

    fn metric(name: &str, unit: &str) -> MetricSummary {
        let labels = vec!["host".to_owned(), "service".to_owned()];
        MetricSummary { name: name.to_owned(), unit: unit.parse().ok(), labels, series: 200 }
    }

    fn bitbrains() -> Vec<MetricSummary> {
        [
            ("cpu_cores", ""),
            ("cpu_capacity_provisioned_mhz", "MHz"),
            ("cpu_usage_mhz", "MHz"),
            ("cpu_usage_percent", "%"),
            ("memory_capacity_provisioned", "KB"),
            ("memory_usage", "KB"),
            ("disk_read_throughput", "KB/s"),
            ("network_received_throughput", "KB/s"),
            ("network_transmitted_throughput", "KB/s"),
        ]
        .map(|(name, unit)| metric(name, unit))
        .to_vec()
    }

    fn pairs(study: &Study) -> Vec<(String, String)> {
        let limit = |r: &super::super::Resource| match &r.limit {
            Some(Limit::Number(number)) => number.to_string(),
            Some(Limit::Metric(selector)) => selector.matchers()[0].value.clone(),
            None => "evidence".to_owned(),
        };
        study.resources.iter().map(|r| (r.name.clone(), limit(r))).collect()
    }

    #[test]
    fn file_systems_have_a_table_of_their_own() {
        let labels = vec!["instance".to_owned(), "mountpoint".to_owned()];
        let disk = |name| MetricSummary { labels: labels.clone(), ..metric(name, "B") };
        let text = init(&[disk("disk_used_bytes"), disk("disk_size_bytes")]);
        let study = Study::parse(&text, "study.toml").unwrap();
        assert_eq!(study.groups.len(), 1, "{text}");
        assert_eq!(study.groups[0].by, ["instance", "mountpoint"]);
    }

    #[test]
    fn real_machines_pair_as_an_analyst_would() {
        let text = init(&bitbrains());
        let study = Study::parse(&text, "study.toml").unwrap();
        let expected = [
            ("cpu", "cpu_capacity_provisioned_mhz"),
            ("memory", "memory_capacity_provisioned"),
            ("network received", "evidence"),
            ("network transmitted", "evidence"),
        ];
        let expected = expected.map(|(a, b)| (a.to_owned(), b.to_owned()));
        assert_eq!(pairs(&study), expected);
        assert_eq!(study.groups[0].by, ["service"]);
        assert_eq!(study.idle.below.len(), 3);
        assert!(text.contains("#   cpu_cores: no limit known: give a number"), "{text}");
        assert!(text.contains("#   cpu_usage_percent: the same resource is above"), "{text}");
    }

    #[test]
    fn what_is_commented_out_is_a_study_too() {
        let text = init(&bitbrains());
        let text = text
            .replace("\n#: ", "\n")
            .replace("by = [\"service\"]", "by = [\"service\"]\npool = true");
        let study = Study::parse(&text, "study.toml").unwrap();
        assert_eq!((study.shapes.len(), study.scenarios.len()), (1, 1), "{text}");
        assert_eq!(study.shapes[0].provides, [(0, 16.0)]);
        assert!(study.order.is_some() && study.failover.is_some() && study.inventory.is_some());
    }

    #[test]
    fn pairs_by_name() {
        for (usage, usage_unit, limit, limit_unit, expected) in [
            ("disk_used", "GB", "disk_total", "GB", "disk_total"),
            ("disk_used", "GB", "disk_size", "TiB", "disk_size"),
            ("mem_used_bytes", "", "mem_limit_bytes", "", "mem_limit_bytes"),
            ("cpu_mhz", "MHz", "cpu_mhz_limit", "MHz", "cpu_mhz_limit"),
            ("memory_kb", "KB", "memory_kb_limit", "KB", "memory_kb_limit"),
            ("cpu_mhz", "MHz", "gpu_mhz_limit", "MHz", ""),
            ("disk_used", "GB", "disk_total", "MHz", ""),
            ("disk_used", "GB", "memory_total", "GB", ""),
            ("cpu_used_percent", "", "memory_total", "GB", "100"),
            ("cpu_utilization", "ratio", "memory_total", "GB", "1"),
            ("cpu_idle", "%", "memory_total", "GB", ""),
        ] {
            let text = init(&[metric(usage, usage_unit), metric(limit, limit_unit)]);
            let study = Study::parse(&text, "study.toml").unwrap();
            let found = pairs(&study).first().map(|pair| pair.1.clone()).unwrap_or_default();
            assert_eq!(found, expected, "{usage}");
        }
    }

    proptest! {
        #[test]
        fn whatever_the_names_it_reads_back(
            names in prop::collection::vec(
                "\\PC{0,12}|[a-z_]{1,9}_(used|total)|(?s:.){0,6}",
                0..12,
            ),
            units in prop::collection::vec("(%|KB|GiB|MHz|KB/s|apples|)", 12),
        ) {
            let metrics: Vec<_> =
                names.iter().zip(&units).map(|(name, unit)| metric(name, unit)).collect();
            let text = init(&metrics);
            let study = Study::parse(&text, "study.toml");
            prop_assert!(study.is_ok(), "{}\n{text}", study.unwrap_err());
        }
    }
}
