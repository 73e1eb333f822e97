//! From the sections of `study.toml` to a checked [`Study`].

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use toml::Spanned;

use super::fleet;
use super::law;
use super::parse::{
    File, GroupSection, IdleSection, KindWord, LimitWord, OverprovisionedSection, Place,
    ResourceSection, Role, Scalar, StudySection, Window,
};
use super::scenario::{self, Known};
use super::slo;
use super::zombie;
use super::{Grouping, IdleRule, Kind, Limit, OverprovisionedRule, Resource, Study, Threshold};
use crate::error::Result;
use crate::model::limits::{AMOUNT_ASKED, is_amount};
use crate::model::{Matcher, Selector, Span};

/// Said of a section where no group is a pool.
const OF_POOLS: &str = "this is of pools, whose hosts take over each other's work; give one \
                        [[group]] pool = true";
/// Ten years: no trend holds longer, and dates stay printable.
const HORIZON_MAX: Span = Span::from_days(3_650);
/// A burst is this many times the idle threshold, where it is not given.
const BURST_OF_BELOW: f64 = 4.0;

pub(super) fn study(file: File, place: &Place<'_>) -> Result<Study> {
    let mut names = Names::default();
    let mut resources = Vec::new();
    for section in file.resources {
        names.add(&section.name, "resource", place)?;
        resources.push(resource(section, place)?);
    }
    let mut names = Names::default();
    let mut groups = Vec::new();
    for section in file.groups {
        names.add(&section.name, "group", place)?;
        groups.push(group(section, &groups, place)?);
    }
    let pooled = groups.iter().any(|group| group.pool);
    let StudySection { name, as_of, ignore_before, seed, horizon, lead_time, step, by, .. } =
        file.study;
    let horizon = span(horizon, Span::from_days(90), HORIZON_MAX, "horizon", place)?;
    let shapes = fleet::shapes(file.shapes, &resources, horizon, place)?;
    let inventory = file.inventory.map(|section| fleet::inventory(section, place)).transpose()?;
    let sections =
        [file.order.as_ref().map(Spanned::span), file.failover.as_ref().map(Spanned::span)];
    sections.into_iter().flatten().try_for_each(|at| check(pooled, at, OF_POOLS, place))?;
    let order = file.order.map(|section| fleet::order(section, &shapes, place)).transpose()?;
    let failover =
        file.failover.map(|section| fleet::failover(section.into_inner(), &resources, place));
    let failover = failover.transpose()?;
    let known = Known { resources: &resources, groups: &groups, shapes: &shapes };
    let scenarios = scenario::scenarios(file.scenarios, &known, place)?;
    let slos = slo::slos(file.slos, &known, place)?;
    let idle = idle(file.idle, &resources, place)?;
    let overprovisioned = overprovisioned(file.overprovisioned, &resources, place)?;
    let by = match by {
        Some(by) => labels(by, false, place)?,
        None => vec!["host".to_owned()],
    };
    let step = step_of(step, place)?;
    let laws = law::laws(file.laws, &by, place)?;
    let zombie = file.zombie;
    let zombie =
        zombie.map(|section| zombie::zombie(section, &by, step, inventory.as_ref(), place));
    Ok(Study {
        name: name.unwrap_or_else(|| "capacity".to_owned()),
        as_of,
        horizon,
        lead_time: lead_time_of(lead_time, horizon, place)?,
        step,
        by,
        ignore_before,
        false_discovery_rate: share(
            file.study.false_discovery_rate,
            0.05,
            "false_discovery_rate",
            place,
        )?,
        seed: seed.unwrap_or(1),
        resources,
        groups,
        inventory,
        shapes,
        order,
        failover,
        scenarios,
        slos,
        laws,
        idle,
        overprovisioned,
        zombie: zombie.transpose()?,
    })
}

/// Names already taken.
#[derive(Default)]
pub(super) struct Names(BTreeSet<String>);

impl Names {
    pub(super) fn add(
        &mut self,
        name: &Spanned<String>,
        what: &str,
        place: &Place<'_>,
    ) -> Result<()> {
        let text = name.get_ref();
        let fits = !text.trim().is_empty() && text.len() <= 64;
        let fits = fits && !text.chars().any(char::is_control);
        check(fits, name.span(), "a name has 1 to 64 printable characters", place)?;
        let message = format!("the {what} name {text:?} is taken; names are unique");
        check(self.0.insert(text.clone()), name.span(), message, place)
    }
}

fn resource(section: ResourceSection, place: &Place<'_>) -> Result<Resource> {
    let name = section.name.get_ref().clone();
    let at = section.name.span();
    match (&section.limit, section.role) {
        (None, None | Some(Role::Capacity)) => {
            let what = format!(
                "resource {name:?} has no limit; give limit = a number or a selector, or \
                 role = \"evidence\" if it only tells idle hosts"
            );
            return Err(place.error(at, what));
        }
        (Some(limit), Some(Role::Evidence)) => {
            let what = "a resource with role = \"evidence\" has no limit; drop one of the two";
            return Err(place.error(limit.span(), what));
        }
        _ => {}
    }
    let limit_factor = match (&section.limit_unit, &section.unit) {
        (None, _) => 1.0,
        (Some(from), None) => {
            return Err(place.error(from.span(), "limit_unit needs unit, the unit of the usage"));
        }
        (Some(from), Some(to)) => from.get_ref().0.factor_to(to).ok_or_else(|| {
            let from_text = &from.get_ref().0;
            let what = format!(
                "a limit in {from_text} cannot be compared with a usage in {to}; \
                 use units of one kind, as KB and GiB"
            );
            place.error(from.span(), what)
        })?,
    };
    let filter = section.filter.unwrap_or_else(Selector::all);
    let limit = section.limit.map(|limit| {
        let at = limit.span();
        match limit.into_inner() {
            LimitWord::Number(number) => {
                check(number > 0.0, at.clone(), "a limit is a number above zero", place)?;
                check(is_amount(number), at, AMOUNT_ASKED, place)?;
                Ok(Limit::Number(number))
            }
            LimitWord::Metric(selector) => Ok(Limit::Metric(narrowed(selector, &filter))),
        }
    });
    let margin = section.safety_margin;
    if let Some(margin) = &margin {
        let fits = (0.0..1.0).contains(margin.get_ref());
        let what = "safety_margin is the share of the limit to keep free, from 0 to below 1; \
                    write 0.1 for 10%";
        check(fits, margin.span(), what, place)?;
    }
    Ok(Resource {
        name,
        usage: narrowed(section.usage.0, &filter),
        kind: match section.kind {
            KindWord::Gauge => Kind::Gauge,
            KindWord::Counter => Kind::Counter,
        },
        limit: limit.transpose()?,
        unit: section.unit,
        limit_factor,
        safety_margin: margin.map_or(0.0, Spanned::into_inner),
    })
}

fn narrowed(selector: Selector, filter: &Selector) -> Selector {
    let conditions: &[Matcher] = filter.matchers();
    conditions.iter().cloned().fold(selector, Selector::and)
}

fn group(section: GroupSection, before: &[Grouping], place: &Place<'_>) -> Result<Grouping> {
    let pool = section.pool.as_ref().is_some_and(|pool| *pool.get_ref());
    if let Some(other) = before.iter().find(|group| pool && group.pool) {
        let at = section.pool.map_or(0..0, |pool| pool.span());
        let what = format!("{:?} is the pool already; a study has one", other.name);
        return Err(place.error(at, what));
    }
    Ok(Grouping { name: section.name.into_inner(), by: labels(section.by, true, place)?, pool })
}

fn idle(section: IdleSection, resources: &[Resource], place: &Place<'_>) -> Result<IdleRule> {
    let below = match section.below {
        Some(below) => thresholds(below, resources, place)?,
        None => default_below(resources),
    };
    let mut burst: Vec<_> = below.iter().filter_map(default_burst).collect();
    for (resource, threshold) in thresholds(section.burst, resources, place)? {
        burst.retain(|(other, _)| *other != resource);
        burst.push((resource, threshold));
    }
    burst.sort_by_key(|(resource, _)| *resource);
    Ok(IdleRule {
        below,
        burst,
        share: share(section.share, 0.95, "share", place)?,
        window: window(section.window, Some(Span::from_days(14)), place)?,
        minimum_age: section.minimum_age.unwrap_or(Span::from_days(7)),
        minimum_coverage: share(section.minimum_coverage, 0.8, "minimum_coverage", place)?,
    })
}

/// CPU under 5% of its limit: the threshold that most published rules share.
fn default_below(resources: &[Resource]) -> Vec<(usize, Threshold)> {
    let is_cpu = |r: &Resource| r.limit.is_some() && r.name.to_ascii_lowercase().contains("cpu");
    let found = resources.iter().enumerate().filter(|(_, r)| is_cpu(r));
    found.map(|(at, _)| (at, Threshold::Share(0.05))).collect()
}

/// Amounts have no default: what is much traffic, only the owner knows.
fn default_burst((resource, below): &(usize, Threshold)) -> Option<(usize, Threshold)> {
    match below {
        Threshold::Share(share) => {
            Some((*resource, Threshold::Share((share * BURST_OF_BELOW).min(1.0))))
        }
        Threshold::Amount(_) => None,
    }
}

fn thresholds(
    written: BTreeMap<Spanned<String>, Scalar>,
    resources: &[Resource],
    place: &Place<'_>,
) -> Result<Vec<(usize, Threshold)>> {
    let mut found = Vec::new();
    for (name, text) in written {
        let at = name.span();
        let index = index_of(&name, resources, place)?;
        let resource = &resources[index];
        let threshold = Threshold::read(&text.0, resource.unit.as_ref())
            .map_err(|why| place.error(at.clone(), why.to_string()))?;
        let measurable = resource.limit.is_some() || matches!(threshold, Threshold::Amount(_));
        let what = format!(
            "{name} has no limit to take a share of; write an amount",
            name = name.get_ref()
        );
        check(measurable, at, what, place)?;
        found.push((index, threshold));
    }
    found.sort_by_key(|(index, _)| *index);
    Ok(found)
}

pub(super) fn index_of(
    name: &Spanned<String>,
    all: &[Resource],
    place: &Place<'_>,
) -> Result<usize> {
    let text = name.get_ref();
    all.iter().position(|r| r.name == *text).ok_or_else(|| {
        let known: Vec<_> = all.iter().map(|r| r.name.as_str()).collect();
        let what = format!("no resource is named {text:?}; there are: {}", known.join(", "));
        place.error(name.span(), what)
    })
}

fn overprovisioned(
    section: OverprovisionedSection,
    resources: &[Resource],
    place: &Place<'_>,
) -> Result<OverprovisionedRule> {
    let limited = |index: &usize| resources[*index].limit.is_some();
    let mut judged = Vec::new();
    match section.resources {
        None => judged.extend((0..resources.len()).filter(limited)),
        Some(names) => {
            for name in &names {
                let index = index_of(name, resources, place)?;
                let what = "a resource without a limit cannot be over-provisioned; drop it";
                check(limited(&index), name.span(), what, place)?;
                judged.push(index);
            }
        }
    }
    Ok(OverprovisionedRule {
        resources: judged,
        quantile: share(section.quantile, 0.995, "quantile", place)?,
        below: share(section.below, 0.5, "below", place)?,
        headroom: match section.headroom {
            Some(headroom) => {
                let fits = (0.0..1.0).contains(headroom.get_ref());
                let what = "headroom is the share of the new limit left free, from 0 to below 1";
                check(fits, headroom.span(), what, place)?;
                headroom.into_inner()
            }
            None => 0.2,
        },
        window: window(section.window, None, place)?,
        minimum_age: section.minimum_age.unwrap_or(Span::from_days(14)),
    })
}

pub(super) fn check(
    fits: bool,
    at: Range<usize>,
    what: impl Into<String>,
    place: &Place<'_>,
) -> Result<()> {
    if fits { Ok(()) } else { Err(place.error(at, what)) }
}

/// A share above 0, up to 1.
pub(super) fn share(
    written: Option<Spanned<f64>>,
    default: f64,
    name: &str,
    place: &Place<'_>,
) -> Result<f64> {
    let Some(written) = written else { return Ok(default) };
    let value = *written.get_ref();
    let what = format!("{name} is a share above 0, up to 1; write {default}");
    check(value > 0.0 && value <= 1.0, written.span(), what, place).map(|()| value)
}

pub(super) fn span(
    written: Option<Spanned<Span>>,
    default: Span,
    most: Span,
    name: &str,
    place: &Place<'_>,
) -> Result<Span> {
    let Some(written) = written else { return Ok(default) };
    let value = *written.get_ref();
    let what = format!("{name} is from 1d to {most}; write {default}");
    check(value >= Span::DAY && value <= most, written.span(), what, place).map(|()| value)
}

fn lead_time_of(written: Option<Spanned<Span>>, horizon: Span, place: &Place<'_>) -> Result<Span> {
    let Some(written) = written else { return Ok(Span::from_days(30).min(horizon)) };
    check_lead_time(&written, "lead_time", horizon, place)?;
    Ok(written.into_inner())
}

/// What runs out within the lead time is seen in time only where the horizon reaches as far.
pub(super) fn check_lead_time(
    written: &Spanned<Span>,
    of: &str,
    horizon: Span,
    place: &Place<'_>,
) -> Result<()> {
    let value = *written.get_ref();
    let what = format!("{of}, {value}, is over the horizon of {horizon}; raise the horizon");
    check(value <= horizon, written.span(), what, place)
}

fn step_of(written: Option<Spanned<Span>>, place: &Place<'_>) -> Result<Span> {
    let Some(written) = written else { return Ok(Span::from_seconds(300)) };
    let value = *written.get_ref();
    let fits = value >= Span::SECOND && Span::DAY.nanos() % value.nanos() == 0;
    let what = "step must divide a day and be 1s or longer; write 5m";
    check(fits, written.span(), what, place).map(|()| value)
}

fn window(
    written: Option<Spanned<Window>>,
    default: Option<Span>,
    place: &Place<'_>,
) -> Result<Option<Span>> {
    let Some(written) = written else { return Ok(default) };
    let Window(value) = *written.get_ref();
    let fits = value.is_none_or(|value| value >= Span::DAY);
    check(fits, written.span(), "window is 1d or longer, or \"all\"", place).map(|()| value)
}

pub(super) fn labels(
    written: Spanned<Vec<String>>,
    none: bool,
    place: &Place<'_>,
) -> Result<Vec<String>> {
    let at = written.span();
    let labels = written.into_inner();
    let what = "by names the labels that tell rows apart; write by = [\"host\"]";
    check(none || !labels.is_empty(), at.clone(), what, place)?;
    let unique: BTreeSet<_> = labels.iter().collect();
    let fits = unique.len() == labels.len() && labels.iter().all(|label| !label.is_empty());
    check(fits, at, "by names a label twice, or an empty one", place)?;
    Ok(labels)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;

    const DISK: &str = "[[resource]]\nname = \"disk\"\nusage = \"disk_used\"\nunit = \"KB\"\n";

    const EVERY_KEY: &str = r#"
[study]
name = "fleet"
as_of = 2013-08-31
horizon = "180d"
lead_time = "45d"
step = "1h"
by = ["vm"]
ignore_before = "2013-07-15T00:00:00+02:00"
false_discovery_rate = 0.1
seed = 7
[[resource]]
name = "cpu"
usage = 'cpu_usage{zone="a"}'
limit = "cpu_capacity"
unit = "MHz"
limit_unit = "GHz"
safety_margin = 0.2
where = '{host=~"web.*"}'
[[resource]]
name = "net"
kind = "counter"
usage = "bytes_total"
unit = "B/s"
role = "evidence"
[[group]]
name = "service"
by = ["service", "zone"]
[[group]]
name = "fleet"
by = []
[idle]
share = 0.97
window = "all"
minimum_age = "5d"
minimum_coverage = 0.8
below = { cpu = "3%", net = "2 KB/s" }
burst = { cpu = "50%" }
[overprovisioned]
resources = ["cpu"]
quantile = 1
below = 0.4
headroom = 0.3
window = "30d"
minimum_age = "20d"
"#;

    fn parse(text: &str) -> Result<Study> {
        Study::parse(text, "s.toml")
    }

    #[test]
    fn every_key_is_read() {
        let study = parse(EVERY_KEY).unwrap();
        let time = |text: &str| text.parse::<Timestamp>().ok();
        assert_eq!((study.name.as_str(), study.seed), ("fleet", 7));
        assert_eq!(study.as_of, time("2013-08-31"));
        assert_eq!(study.ignore_before, time("2013-07-14T22:00:00Z"));
        assert_eq!(study.horizon, Span::from_days(180));
        assert_eq!(study.lead_time, Span::from_days(45));
        assert_eq!((study.step, study.by.as_slice()), (Span::HOUR, ["vm".to_owned()].as_slice()));
        let cpu = &study.resources[0];
        assert_eq!(cpu.usage.to_string(), r#"{__name__="cpu_usage",zone="a",host=~"web.*"}"#);
        let Some(Limit::Metric(limit)) = &cpu.limit else { panic!("{:?}", cpu.limit) };
        assert_eq!(limit.to_string(), r#"{__name__="cpu_capacity",host=~"web.*"}"#);
        assert_eq!((cpu.limit_factor, cpu.safety_margin), (1_000.0, 0.2));
        assert_eq!(study.resources[1].kind, Kind::Counter);
        assert!(study.resources[1].limit.is_none());
        assert_eq!((study.groups[0].by.len(), study.groups[1].by.len()), (2, 0));
        let idle = &study.idle;
        assert_eq!(idle.below, [(0, Threshold::Share(0.03)), (1, Threshold::Amount(2_000.0))]);
        assert_eq!(idle.burst, [(0, Threshold::Share(0.5))]);
        assert_eq!((idle.share, idle.window, idle.minimum_coverage), (0.97, None, 0.8));
        let over = &study.overprovisioned;
        assert_eq!((over.quantile, over.below, over.headroom), (1.0, 0.4, 0.3));
        assert_eq!(over.window, Some(Span::from_days(30)));
        assert_eq!(study.tables().len(), 2 + 1 + 1, "evidence has no table of groups");
    }

    #[test]
    fn defaults_where_sections_are_left_out() {
        let study = parse(
            "[[resource]]\nname = \"cpu\"\nusage = \"u\"\nlimit = 100\nunit = \"%\"\n\
             [[resource]]\nname = \"disk\"\nusage = \"d\"\nlimit = \"t\"\n",
        )
        .unwrap();
        assert_eq!(study.by, ["host"]);
        assert_eq!((study.horizon, study.lead_time), (Span::from_days(90), Span::from_days(30)));
        assert_eq!(study.idle.below, [(0, Threshold::Share(0.05))]);
        assert_eq!(study.idle.burst, [(0, Threshold::Share(0.2))]);
        assert_eq!(study.overprovisioned.resources, [0, 1]);
        assert!(parse("").unwrap().resources.is_empty());
        let none = parse("[idle]\nbelow = {}\n[overprovisioned]\nresources = []\n").unwrap();
        assert!(none.idle.below.is_empty() && none.overprovisioned.resources.is_empty());
    }

    #[test]
    fn mistakes_name_the_line_and_the_remedy() {
        for (text, line, part) in [
            ("[study\n", 1, "unclosed"),
            ("[studi]\n", 1, "unknown field `studi`, expected one of `study`"),
            ("[study]\nhorizon = 90\n", 2, "horizon: invalid type"),
            ("DISKlimit = 1\nsafety_margin = \"x\"\n", 6, "\"x\", expected a number"),
            ("DISKlimit = 1\nsafety_margin = \"x\"\n", 6, "6: safety_margin: "),
            ("[study]\nseed = -1\n", 2, "seed: "),
            ("[study]\nseed = 1.5\n", 2, "expected a whole number from 0 on"),
            ("[study]\nhorizon = \"90\"\n", 2, "write a number with w, d, h"),
            ("[study]\nhorizon = \"5h\"\n", 2, "horizon is from 1d to 3650d; write 90d"),
            (
                "[study]\nlead_time = \"99999d\"\n",
                2,
                "lead_time, 99999d, is over the horizon of 90d",
            ),
            ("[study]\nstep = \"7m\"\n", 2, "step must divide a day"),
            ("[study]\nas_of = \"soon\"\n", 2, "write 2013-08-01"),
            ("[study]\n\nas_of = 2013-08-31T00:00:00\n", 3, "with its zone"),
            ("[study]\nby = []\n", 2, "by = [\"host\"]"),
            ("[study]\nby = [\"a\", \"a\"]\n", 2, "twice"),
            ("[study]\nfalse_discovery_rate = 5.0\n", 2, "write 0.05"),
            ("[[resource]]\nusage = \"d\"\n", 1, "missing field `name`"),
            ("[[resource]]\nname = \"disk\"\nusage = \"d{\"\nlimit = 1\n", 3, "expected"),
            ("DISK", 2, "give limit = a number or a selector, or role = \"evidence\""),
            ("DISKlimit = 0\n", 5, "a number above zero"),
            ("DISKlimit = true\n", 5, "write a number, or a selector in quotes"),
            ("DISKlimit = nan\n", 5, "a number above zero"),
            ("DISKlimit = inf\n", 5, "from 1e-60 to 1e60"),
            ("DISKlimit = 1e-300\n", 5, "from 1e-60 to 1e60"),
            ("DISKlimit = 1\nrole = \"evidence\"\n", 5, "drop one of the two"),
            ("DISKlimit = 1\nrole = \"spare\"\n", 6, "expected `capacity` or `evidence`"),
            ("DISKlimit = 1\nkind = \"rate\"\n", 6, "expected `gauge` or `counter`"),
            ("DISKlimit = 1\nlimit_unit = \"MHz\"\n", 6, "use units of one kind"),
            ("DISKlimit = 1\nsafety_margin = 10\n", 6, "write 0.1 for 10%"),
            ("DISKlimit = 1\nsafety_margin = 1.0\n", 6, "write 0.1 for 10%"),
            ("DISKlimit = 1\nlimt = 2\n", 6, "unknown field `limt`"),
            ("DISKlimit = 1\nDISKlimit = 1\n", 7, "the resource name \"disk\" is taken"),
            ("DISKlimit = 1\n[idle.below]\ncpu = \"5%\"\n", 7, "there are: disk"),
            ("DISKlimit = 1\n[idle.below]\ndisk = \"5 MHz\"\n", 7, "write the amount in KB"),
            ("DISKlimit = 1\n[idle]\nshare = 95.0\n", 7, "write 0.95"),
            ("DISKlimit = 1\n[idle]\nwindow = \"1h\"\n", 7, "1d or longer, or \"all\""),
            ("DISKlimit = 1\n[overprovisioned]\nheadroom = 1.0\n", 7, "below 1"),
            ("DISKlimit = 1\n[overprovisioned]\nresources = [\"ram\"]\n", 7, "there are: disk"),
            ("[[group]]\nname = \"\\u0007\"\nby = []\n", 2, "printable"),
        ] {
            let text = text.replace("DISK", DISK);
            let error = parse(&text).unwrap_err().to_string();
            let place = format!("s.toml:{line}: ");
            assert!(error.starts_with(&place) && error.contains(part), "{text}\n{error}");
            assert!(!error.contains('\n'), "one line: {error}");
        }
    }
}
