//! What-if scenarios as they are written: changes of demand and of hosts, one after the other.

use toml::Spanned;

use super::checked::{Names, check};
use super::fleet::{Shape, limited, shape_of};
use super::parse::{Place, Text};
use super::{Grouping, Resource};
use crate::error::Result;
use crate::model::{Selector, Timestamp};

/// A scenario: what would be, were all of its changes made.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// The changes, each made to what the ones before it left. Without any it is the plan itself.
    pub changes: Vec<Change>,
}

/// One change.
#[derive(Debug, Clone)]
pub struct Change {
    /// What happens.
    pub kind: ChangeKind,
    /// The hosts that it happens to, by their labels; of hosts that are added, the pool they join.
    pub hosts: Selector,
    /// From when on; `None`: from the plan's own instant.
    pub from: Option<Timestamp>,
    /// Until when; `None`: for good.
    pub until: Option<Timestamp>,
}

impl Change {
    /// Whether it is made at an instant.
    pub(crate) fn holds_at(&self, at: Timestamp) -> bool {
        let begun = self.from.is_none_or(|from| from <= at);
        begun && self.until.is_none_or(|until| at < until)
    }
}

/// What happens.
#[derive(Debug, Clone, PartialEq)]
pub enum ChangeKind {
    /// What the hosts are asked for is multiplied, of some resources: growth, or a saving.
    Demand {
        /// By what; 0: the work ends.
        factor: f64,
        /// Resources by index.
        resources: Vec<usize>,
    },
    /// New hosts join the pools that are named; what is asked for stays as it is.
    Add {
        /// How many join each pool.
        hosts: u64,
        /// Their shape, by index.
        shape: usize,
    },
    /// The hosts leave; their pool goes on to be asked for all that it was.
    Lose,
    /// As many hosts of another shape take the place of each of the hosts.
    Migrate {
        /// How many take the place of one; 1 unless given.
        hosts: f64,
        /// Their shape, by index.
        shape: usize,
        /// By what the work of a host is multiplied there, of the resources that are named.
        factor: f64,
        /// The resources that the factor is of, by index.
        resources: Vec<usize>,
    },
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ScenarioSection {
    name: Spanned<String>,
    #[serde(default, rename = "change")]
    changes: Vec<ChangeSection>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangeSection {
    kind: Spanned<KindWord>,
    factor: Option<Spanned<f64>>,
    resources: Option<Vec<Spanned<String>>>,
    hosts: Option<Spanned<f64>>,
    shape: Option<Spanned<String>>,
    #[serde(rename = "where")]
    filter: Option<Text<Selector>>,
    from: Option<Text<Timestamp>>,
    until: Option<Spanned<Text<Timestamp>>>,
}

#[derive(serde::Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum KindWord {
    Demand,
    Add,
    Retire,
    Lose,
    Migrate,
}

/// What the scenarios refer to.
pub(super) struct Known<'a> {
    pub(super) resources: &'a [Resource],
    pub(super) groups: &'a [Grouping],
    pub(super) shapes: &'a [Shape],
}

/// No change adds more to a pool.
const ADDED_HOSTS_MAX: f64 = 10_000.0;
/// No host is replaced by more.
const REPLACED_BY_MAX: f64 = 1_000.0;
/// A factor beyond this is a slip.
const FACTOR_MAX: f64 = 1e6;

pub(super) fn scenarios(
    sections: Vec<ScenarioSection>,
    known: &Known<'_>,
    place: &Place<'_>,
) -> Result<Vec<Scenario>> {
    let mut names = Names::default();
    let mut scenarios = Vec::with_capacity(sections.len());
    for section in sections {
        names.add(&section.name, "scenario", place)?;
        let what = "scenarios are of pools; give one [[group]] pool = true";
        let pooled = known.groups.iter().any(|group| group.pool);
        check(pooled, section.name.span(), what, place)?;
        let changes = section.changes.into_iter().map(|section| change(section, known, place));
        let changes = changes.collect::<Result<Vec<_>>>()?;
        scenarios.push(Scenario { name: section.name.into_inner(), changes });
    }
    Ok(scenarios)
}

fn change(section: ChangeSection, known: &Known<'_>, place: &Place<'_>) -> Result<Change> {
    let word = *section.kind.get_ref();
    refuse_strays(&section, place)?;
    let at = section.kind.span();
    let kind = match word {
        KindWord::Demand => {
            let what = "demand is changed by a factor; write factor = 1.3 for 30% more";
            check(section.factor.is_some(), at, what, place)?;
            ChangeKind::Demand {
                factor: factor(section.factor.as_ref(), 0.0, place)?,
                resources: limited(section.resources.as_deref(), known.resources, place)?,
            }
        }
        KindWord::Add => ChangeKind::Add {
            hosts: whole_hosts(section.hosts.as_ref(), at.clone(), place)?,
            shape: shape_of(section.shape.as_ref(), known.shapes, at, place)?,
        },
        KindWord::Retire | KindWord::Lose => {
            let what = "which hosts? write where = '{zone=\"a\"}'";
            check(section.filter.is_some(), at, what, place)?;
            ChangeKind::Lose
        }
        KindWord::Migrate => ChangeKind::Migrate {
            hosts: replaced_by(section.hosts.as_ref(), place)?,
            shape: shape_of(section.shape.as_ref(), known.shapes, at, place)?,
            factor: factor(section.factor.as_ref(), f64::MIN_POSITIVE, place)?,
            resources: limited(section.resources.as_deref(), known.resources, place)?,
        },
    };
    let (from, until) = (section.from.map(|from| from.0), section.until);
    if let Some(until) = &until {
        let fits = from.is_none_or(|from| from < until.get_ref().0);
        check(fits, until.span(), "until is not after from; write a later date", place)?;
    }
    let hosts = section.filter.map_or_else(Selector::all, |filter| filter.0);
    Ok(Change { kind, hosts, from, until: until.map(|until| until.into_inner().0) })
}

/// Keys that mean nothing for a kind.
fn refuse_strays(section: &ChangeSection, place: &Place<'_>) -> Result<()> {
    let word = *section.kind.get_ref();
    let (factor, hosts, until) = match word {
        KindWord::Demand => (true, false, true),
        KindWord::Add => (false, true, true),
        KindWord::Retire => (false, false, false),
        KindWord::Lose => (false, false, true),
        KindWord::Migrate => (true, true, true),
    };
    let strays = [
        (section.factor.as_ref().map(Spanned::span), factor, "factor"),
        (section.resources.iter().flatten().next().map(Spanned::span), factor, "resources"),
        (section.hosts.as_ref().map(Spanned::span), hosts, "hosts"),
        (section.shape.as_ref().map(Spanned::span), hosts, "shape"),
        (section.until.as_ref().map(Spanned::span), until, "until"),
    ];
    for (at, fits, key) in strays {
        if let Some(at) = at {
            check(fits, at, format!("{key} means nothing to this kind of change; drop it"), place)?;
        }
    }
    Ok(())
}

/// `least` is 0 where work may end.
fn factor(written: Option<&Spanned<f64>>, least: f64, place: &Place<'_>) -> Result<f64> {
    let Some(written) = written else { return Ok(1.0) };
    let factor = *written.get_ref();
    let fits = factor >= least && factor <= FACTOR_MAX;
    let what = "factor is a positive number; write 1.3 for 30% more, 0.8 for 20% less";
    check(fits, written.span(), what, place).map(|()| factor)
}

fn whole_hosts(
    written: Option<&Spanned<f64>>,
    at: std::ops::Range<usize>,
    place: &Place<'_>,
) -> Result<u64> {
    let at = written.map_or(at, Spanned::span);
    let hosts = written.map_or(0.0, |written| *written.get_ref());
    let fits = (1.0..=ADDED_HOSTS_MAX).contains(&hosts) && hosts.fract() == 0.0;
    let what = format!("how many hosts, from 1 to {ADDED_HOSTS_MAX}? write hosts = 4");
    check(fits, at, what, place).map(|()| hosts as u64)
}

fn replaced_by(written: Option<&Spanned<f64>>, place: &Place<'_>) -> Result<f64> {
    let Some(written) = written else { return Ok(1.0) };
    let hosts = *written.get_ref();
    let fits = hosts > 0.0 && hosts <= REPLACED_BY_MAX;
    let what = format!(
        "hosts is how many take the place of one, up to {REPLACED_BY_MAX}; write 1, or 0.5 for one \
         in place of two"
    );
    check(fits, written.span(), what, place).map(|()| hosts)
}

#[cfg(test)]
mod tests {
    use super::super::Study;
    use super::*;

    const HEAD: &str = "[[resource]]\nname = \"cpu\"\nusage = \"c\"\nlimit = 8\nunit = \"cores\"\n\
                        [[resource]]\nname = \"memory\"\nusage = \"m\"\nlimit = 64\n\
                        [[group]]\nname = \"service\"\nby = [\"service\"]\npool = true\n\
                        [[shape]]\nname = \"large\"\nprovides = { cpu = 16 }\n\
                        [[scenario]]\nname = \"s\"\n";

    fn parse(change: &str) -> Result<Study> {
        Study::parse(&format!("{HEAD}change = [{{ {change} }}]\n"), "s.toml")
    }

    #[test]
    fn every_kind_of_change_is_read() {
        let kind = |change: &str| parse(change).unwrap().scenarios[0].changes[0].kind.clone();
        let all = vec![0, 1];
        let demand = ChangeKind::Demand { factor: 1.3, resources: vec![1] };
        assert_eq!(kind("kind = \"demand\", factor = 1.3, resources = [\"memory\"]"), demand);
        let add = ChangeKind::Add { hosts: 4, shape: 0 };
        assert_eq!(kind("kind = \"add\", hosts = 4"), add);
        for word in ["retire", "lose"] {
            let change = format!("kind = \"{word}\", where = '{{zone=\"a\"}}'");
            assert_eq!(kind(&change), ChangeKind::Lose);
        }
        let migrate = ChangeKind::Migrate { hosts: 0.5, shape: 0, factor: 1.0, resources: all };
        assert_eq!(kind("kind = \"migrate\", hosts = 0.5, shape = \"large\""), migrate);
        let study = parse(
            "kind = \"demand\", factor = 2, where = '{zone=\"a\"}', from = 2026-05-01, \
             until = 2026-06-01",
        )
        .unwrap();
        let change = &study.scenarios[0].changes[0];
        assert_eq!(change.hosts.to_string(), "{zone=\"a\"}");
        assert_eq!(
            (change.from, change.until),
            ("2026-05-01".parse().ok(), "2026-06-01".parse().ok())
        );
    }

    #[test]
    fn mistakes_are_told_with_the_remedy() {
        for (change, part) in [
            ("kind = \"demand\"", "write factor = 1.3"),
            ("kind = \"demand\", factor = -1", "factor is a positive number"),
            ("kind = \"demand\", factor = 2, hosts = 3", "hosts means nothing to this kind"),
            ("kind = \"demand\", factor = 2, resources = [\"gpu\"]", "no resource is named"),
            ("kind = \"add\"", "write hosts = 4"),
            ("kind = \"add\", hosts = 1.5", "write hosts = 4"),
            ("kind = \"add\", hosts = 20000", "how many hosts, from 1 to 10000? write hosts = 4"),
            ("kind = \"add\", hosts = 1, shape = \"tiny\"", "no shape is named \"tiny\""),
            ("kind = \"lose\"", "which hosts? write where"),
            ("kind = \"retire\", where = 'x', until = 2026-01-01", "until means nothing"),
            ("kind = \"migrate\", hosts = -1", "how many take the place"),
            ("kind = \"vanish\"", "unknown variant `vanish`"),
            (
                "kind = \"demand\", factor = 2, from = 2026-06-01, until = 2026-05-01",
                "until is not after from; write a later date",
            ),
        ] {
            let error = parse(change).unwrap_err().to_string();
            assert!(error.starts_with("s.toml:19: ") && error.contains(part), "{change}: {error}");
        }
        let twice = format!("{HEAD}[[scenario]]\nname = \"s\"\n");
        let error = Study::parse(&twice, "s.toml").unwrap_err().to_string();
        assert!(error.contains("the scenario name \"s\" is taken"), "{error}");
    }
}
