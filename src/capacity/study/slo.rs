//! Service level objectives of pools: how much of the time more may be asked for than their hosts
//! carry.

use toml::Spanned;

use super::checked::{Names, check, index_of, span};
use super::fleet::shape_named;
use super::parse::{Place, Text};
use super::scenario::Known;
use crate::capacity::budget::{Availability, Slo};
use crate::error::Result;
use crate::model::{METRIC_LABEL, Selector, Span};

/// The objective of some pools, as an error budget.
#[derive(Debug, Clone)]
pub struct SloRule {
    /// Its name.
    pub name: String,
    /// The pools that it is of, by their labels.
    pub pools: Selector,
    /// The resource that must suffice, by index.
    pub resource: usize,
    /// The objective and its period: the budget.
    pub slo: Slo,
    /// The period, from the plan's instant on.
    pub period: Span,
    /// The shape whose hosts are counted, by index; `None`: hosts like the pool's own on average.
    pub shape: Option<usize>,
    /// How each host fails, on its own.
    pub availability: Availability,
    /// The burn rate up to which hosts may leave: 1 lets them spend the whole budget.
    pub burn_rate_max: f64,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SloSection {
    name: Spanned<String>,
    #[serde(rename = "where")]
    filter: Option<Spanned<Text<Selector>>>,
    resource: Spanned<String>,
    objective: Spanned<f64>,
    period: Option<Spanned<Span>>,
    shape: Option<Spanned<String>>,
    host_mtbf: Option<Spanned<Span>>,
    host_repair: Option<Spanned<Span>>,
    burn_rate_max: Option<Spanned<f64>>,
}

/// A year: what grows is not known further ahead.
const PERIOD_MAX: Span = Span::from_days(366);

pub(super) fn slos(
    sections: Vec<SloSection>,
    known: &Known<'_>,
    place: &Place<'_>,
) -> Result<Vec<SloRule>> {
    let mut names = Names::default();
    let mut rules = Vec::with_capacity(sections.len());
    for section in sections {
        names.add(&section.name, "slo", place)?;
        rules.push(slo(section, known, place)?);
    }
    Ok(rules)
}

fn slo(section: SloSection, known: &Known<'_>, place: &Place<'_>) -> Result<SloRule> {
    let pools = pools(section.filter, section.name.span(), known, place)?;
    let resource = index_of(&section.resource, known.resources, place)?;
    let what = "a resource without a limit cannot be too little; name one that has a limit";
    let limited = known.resources[resource].limit.is_some();
    check(limited, section.resource.span(), what, place)?;
    let period = span(section.period, Span::from_days(30), PERIOD_MAX, "period", place)?;
    let slo = Slo::new(*section.objective.get_ref(), period.days());
    let slo = slo.map_err(|why| place.error(section.objective.span(), why.to_string()))?;
    let burn_rate_max = section.burn_rate_max.as_ref().map_or(1.0, |rate| *rate.get_ref());
    if let Some(written) = &section.burn_rate_max {
        let fits = burn_rate_max.is_finite() && burn_rate_max > 0.0;
        let what = "burn_rate_max is a number above 0; write 1 to spend the whole budget, 0.5 half";
        check(fits, written.span(), what, place)?;
    }
    Ok(SloRule {
        name: section.name.into_inner(),
        pools,
        resource,
        slo,
        period,
        shape: shape(section.shape.as_ref(), resource, known, place)?,
        availability: availability(section.host_mtbf, section.host_repair, place)?,
        burn_rate_max,
    })
}

/// Which pools; a label that pools do not have would never match.
fn pools(
    filter: Option<Spanned<Text<Selector>>>,
    at: std::ops::Range<usize>,
    known: &Known<'_>,
    place: &Place<'_>,
) -> Result<Selector> {
    let Some(group) = known.groups.iter().find(|group| group.pool) else {
        let what = "an slo is of pools, whose hosts take over each other's work; give one \
                    [[group]] pool = true";
        return Err(place.error(at, what));
    };
    let Some(filter) = filter else { return Ok(Selector::all()) };
    let at = filter.span();
    let selector = filter.into_inner().0;
    for matcher in selector.matchers() {
        let name = &matcher.name;
        let what = if name == METRIC_LABEL {
            "pools have no metric; write only their labels, as '{service=\"web\"}'".to_owned()
        } else {
            let known = if group.by.is_empty() {
                "there is one pool, of all hosts: leave `where` out".to_owned()
            } else {
                format!("they have: {}", group.by.join(", "))
            };
            format!("pools have no label {name:?}; {known}")
        };
        check(group.by.contains(name), at.clone(), what, place)?;
    }
    Ok(selector)
}

/// The shape that is named, or the only one, if it brings the resource.
fn shape(
    name: Option<&Spanned<String>>,
    resource: usize,
    known: &Known<'_>,
    place: &Place<'_>,
) -> Result<Option<usize>> {
    let brings = |shape: usize| {
        known.shapes[shape].provides.iter().any(|(provided, _)| *provided == resource)
    };
    let Some(name) = name else {
        return Ok(Some(0).filter(|only| known.shapes.len() == 1 && brings(*only)));
    };
    let shape = shape_named(name, known.shapes, place)?;
    let of = &known.resources[resource].name;
    let what = format!("this shape brings no {of}; add it to its provides, or name another");
    check(brings(shape), name.span(), what, place)?;
    Ok(Some(shape))
}

fn availability(
    mtbf: Option<Spanned<Span>>,
    repair: Option<Spanned<Span>>,
    place: &Place<'_>,
) -> Result<Availability> {
    let (mtbf, repair) = match (mtbf, repair) {
        (None, None) => return Ok(Availability::always()),
        (Some(mtbf), Some(repair)) => (mtbf, repair),
        (Some(alone), None) => {
            let what = "host_mtbf needs host_repair, how long a host is away; write \"8h\"";
            return Err(place.error(alone.span(), what));
        }
        (None, Some(alone)) => {
            let what = "host_repair needs host_mtbf, how long a host runs between failures; write \
                        \"90d\"";
            return Err(place.error(alone.span(), what));
        }
    };
    let hours = |span: &Spanned<Span>| span.get_ref().days() * 24.0;
    let found = Availability::new(hours(&mtbf), hours(&repair));
    found.map_err(|why| place.error(mtbf.span(), why.to_string()))
}

#[cfg(test)]
mod tests {
    use super::super::Study;
    use super::*;

    const HEAD: &str = r#"
[[resource]]
name = "cpu"
usage = "c"
limit = 8
[[resource]]
name = "net"
usage = "n"
role = "evidence"
[[group]]
name = "service"
by = ["service"]
pool = true
[[shape]]
name = "large"
price = 100
provides = { cpu = 16 }
"#;

    fn parse(more: &str) -> Result<Study> {
        Study::parse(&format!("{HEAD}[[slo]]\nname = \"web\"\nresource = \"cpu\"\n{more}"), "s")
    }

    #[test]
    fn every_key_is_read_and_has_its_default() {
        let study = parse(
            "objective = 0.999\nperiod = \"28d\"\nwhere = '{service=~\"web|api\"}'\n\
             shape = \"large\"\nhost_mtbf = \"90d\"\nhost_repair = \"8h\"\nburn_rate_max = 0.5\n",
        );
        let rule = &study.unwrap().slos[0];
        // 0.001 of 40,320 minutes.
        assert!((rule.slo.budget_minutes() - 40.32).abs() < 1e-9);
        assert!((rule.availability.up() - 2_160.0 / 2_168.0).abs() < 1e-12);
        assert_eq!((rule.resource, rule.shape, rule.burn_rate_max), (0, Some(0), 0.5));
        let labels = |service| crate::model::Labels::from_pairs([("service", service)]).unwrap();
        assert!(rule.pools.matches(&labels("api")) && !rule.pools.matches(&labels("db")));
        let rule = &parse("objective = 0.99\n").unwrap().slos[0];
        assert_eq!((rule.period, rule.shape), (Span::from_days(30), Some(0)));
        assert_eq!((rule.availability.up(), rule.burn_rate_max), (1.0, 1.0));
        assert!(rule.pools.matches(&labels("db")));
        let two = "objective = 0.99\n[[shape]]\nname = \"b\"\nprovides = { cpu = 1 }\n";
        assert_eq!(parse(two).unwrap().slos[0].shape, None);
    }

    #[test]
    fn mistakes_are_told_with_their_line_and_the_remedy() {
        for (more, line, part) in [
            ("objective = 1", 21, "1 leaves no budget"),
            ("objective = 99.9", 21, "give a share between 0 and 1"),
            ("objective = 0.9\nperiod = \"1h\"", 22, "period is from 1d to 366d; write 30d"),
            ("objective = 0.9\nshape = \"tiny\"", 22, "no shape is named \"tiny\"; there are"),
            ("objective = 0.9\nwhere = '{zone=\"a\"}'", 22, "no label \"zone\"; they have: ser"),
            ("objective = 0.9\nwhere = 'cpu{service=\"a\"}'", 22, "pools have no metric"),
            ("objective = 0.9\nhost_mtbf = \"90d\"", 22, "host_mtbf needs host_repair"),
            ("objective = 0.9\nhost_repair = \"8h\"", 22, "host_repair needs host_mtbf"),
            ("objective = 0.9\nburn_rate_max = 0", 22, "burn_rate_max is a number above 0"),
            ("objective = 0.9\nbudget = 5", 22, "unknown field `budget`"),
            (
                "objective = 0.9\n[[slo]]\nname = \"web\"\nresource = \"cpu\"\nobjective = 0.9",
                23,
                "is taken",
            ),
            (
                "objective = 0.9\n[[slo]]\nname = \"b\"\nresource = \"net\"\nobjective = 0.9",
                24,
                "a resource without a limit",
            ),
            (
                "objective = 0.9\nshape = \"b\"\n[[resource]]\nname = \"d\"\nusage = \"d\"\n\
                 limit = 1\n[[shape]]\nname = \"b\"\nprovides = { d = 1 }",
                22,
                "this shape brings no cpu",
            ),
        ] {
            let error = parse(more).unwrap_err().to_string();
            assert!(error.starts_with(&format!("s:{line}: ")), "{more:?}: {error}");
            assert!(error.contains(part), "{more:?}: {error}");
        }
        let of_all = HEAD.replace("by = [\"service\"]", "by = []");
        let slo = "[[slo]]\nname = \"web\"\nresource = \"cpu\"\nobjective = 0.9\n\
                   where = '{service=\"web\"}'\n";
        let error = Study::parse(&(of_all + slo), "s").unwrap_err().to_string();
        assert!(error.ends_with("there is one pool, of all hosts: leave `where` out"), "{error}");
        let alone = HEAD.replace("pool = true", "");
        let slo = "[[slo]]\nname = \"web\"\nresource = \"cpu\"\nobjective = 0.9\n";
        let error = Study::parse(&(alone + slo), "s").unwrap_err().to_string();
        assert!(error.contains("[[group]] pool = true"), "{error}");
    }
}
