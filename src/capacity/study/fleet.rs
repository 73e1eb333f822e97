//! What is known of the fleet beside its metrics: the inventory, the shapes hosts are bought in,
//! how they are ordered, and which failures they are to survive.

use std::collections::BTreeMap;
use std::ops::Range;
use std::str::FromStr;

use toml::Spanned;

use super::checked::{Names, check, check_lead_time, index_of};
use super::in_time::{self, InTimeRule, Keys, ServersWord};
use super::parse::{Place, Scalar};
use super::{Resource, Threshold};
use crate::capacity::failover::Spread;
use crate::capacity::order::{HOSTS_MAX, ShortageCosts};
use crate::error::{Error, Result};
use crate::model::Span;
use crate::model::limits::{AMOUNT_ASKED, is_amount};

/// Where the inventory is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InventoryFile {
    /// Its path, from the folder of the study's file.
    pub file: String,
    /// The label whose values are its hosts; the first of the study's `by` where it is not given.
    pub host_label: Option<String>,
}

/// A size that hosts are bought in.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    /// Its name.
    pub name: String,
    /// What one costs in a month, power included, in the currency of the study.
    pub price_per_month: f64,
    /// From ordering one to having it; that of the study where it is not given.
    pub lead_time: Option<Span>,
    /// What one brings: resources by index, in their units; at least one, each above 0.
    pub provides: Vec<(usize, f64)>,
}

/// How hosts are ordered.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderRule {
    /// The shape that is ordered, by index.
    pub shape: usize,
    /// The probability with which an order may come too late.
    pub risk: f64,
    /// From one order to the next: so long an order has to last.
    pub review: Span,
    /// What a unit too few and a unit too many cost.
    pub costs: ShortageCosts,
    /// Hosts come in multiples of this.
    pub lot_hosts: u64,
    /// What an order of one pool may cost in a month; `None`: as much as is needed.
    pub budget_per_month: Option<f64>,
}

/// Which failures the fleet is to survive.
#[derive(Debug, Clone, PartialEq)]
pub struct FailoverRule {
    /// What is lost at once; each is looked at alone.
    pub lose: Vec<Lost>,
    /// Where the work of the lost goes.
    pub spread: Spread,
    /// The resources whose work moves to other hosts, by index.
    pub resources: Vec<usize>,
    /// The label that names a host's zone.
    pub zone_label: String,
    /// The label that names a host's rack.
    pub rack_label: String,
    /// By when those who are left are to answer; `None`: it is enough that they carry the work.
    pub in_time: Option<InTimeRule>,
}

/// What is lost at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// So many hosts, those whose loss is worst.
    Hosts(usize),
    /// A whole rack.
    Rack,
    /// A whole zone.
    Zone,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InventorySection {
    file: Spanned<String>,
    host_label: Option<String>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ShapeSection {
    name: Spanned<String>,
    price: Option<Spanned<f64>>,
    power_watts: Option<Spanned<f64>>,
    price_per_kwh: Option<Spanned<f64>>,
    pue: Option<Spanned<f64>>,
    lead_time: Option<Spanned<Span>>,
    provides: BTreeMap<Spanned<String>, Scalar>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OrderSection {
    shape: Option<Spanned<String>>,
    risk: Option<Spanned<f64>>,
    review: Option<Span>,
    shortage_cost: Option<Spanned<f64>>,
    surplus_cost: Option<Spanned<f64>>,
    lot: Option<Spanned<u64>>,
    budget: Option<Spanned<f64>>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FailoverSection {
    lose: Spanned<Vec<Spanned<String>>>,
    #[serde(default)]
    spread: SpreadWord,
    resources: Option<Vec<Spanned<String>>>,
    zone_label: Option<String>,
    rack_label: Option<String>,
    response_times_max: Option<Spanned<f64>>,
    servers_per_host: Option<Spanned<ServersWord>>,
    latency_resource: Option<Spanned<String>>,
}

#[derive(serde::Deserialize, Default, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum SpreadWord {
    #[default]
    Free,
    WithinZone,
    ByCapacity,
}

impl FromStr for Lost {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let hosts = text.split_once(' ').filter(|(_, word)| matches!(*word, "host" | "hosts"));
        match (text, hosts.and_then(|(count, _)| count.parse().ok())) {
            ("rack", _) => Ok(Self::Rack),
            ("zone", _) => Ok(Self::Zone),
            (_, Some(count)) if count > 0 => Ok(Self::Hosts(count)),
            _ => Err(Error::invalid(format!(
                "{text:?} is nothing to lose; write \"1 host\", \"2 hosts\", \"rack\" or \"zone\""
            ))),
        }
    }
}

/// Hours of a month, over which the power of a shape is paid.
const HOURS_PER_MONTH: f64 = crate::capacity::cost::HOURS_PER_MONTH;

pub(super) fn inventory(section: InventorySection, place: &Place<'_>) -> Result<InventoryFile> {
    let at = section.file.span();
    let file = section.file.into_inner();
    check(
        !file.trim().is_empty(),
        at,
        "file names the inventory; write file = \"hosts.csv\"",
        place,
    )?;
    Ok(InventoryFile { file, host_label: section.host_label })
}

pub(super) fn shapes(
    sections: Vec<ShapeSection>,
    resources: &[Resource],
    horizon: Span,
    place: &Place<'_>,
) -> Result<Vec<Shape>> {
    let mut names = Names::default();
    let mut shapes = Vec::with_capacity(sections.len());
    for section in sections {
        names.add(&section.name, "shape", place)?;
        if let Some(lead_time) = &section.lead_time {
            let of = format!("lead_time of \"{}\"", section.name.get_ref());
            check_lead_time(lead_time, &of, horizon, place)?;
        }
        shapes.push(shape(section, resources, place)?);
    }
    Ok(shapes)
}

fn shape(section: ShapeSection, resources: &[Resource], place: &Place<'_>) -> Result<Shape> {
    let at = section.name.span();
    let money = |written: &Option<Spanned<f64>>, name: &str, least: f64| {
        let Some(written) = written else { return Ok(least) };
        let number = *written.get_ref();
        let what = format!("{name} is a number of {least} or more");
        check(number >= least && number.is_finite(), written.span(), what, place)?;
        check(is_amount(number), written.span(), AMOUNT_ASKED, place).map(|()| number)
    };
    let watts = money(&section.power_watts, "power_watts", 0.0)?;
    let per_kwh = money(&section.price_per_kwh, "price_per_kwh", 0.0)?;
    let pue = money(&section.pue, "pue", 1.0)?;
    let power = watts / 1_000.0 * pue * HOURS_PER_MONTH * per_kwh;
    let mut provides = Vec::new();
    for (name, text) in section.provides {
        let index = index_of(&name, resources, place)?;
        let resource = &resources[index];
        let refused = |why: String| place.error(name.span(), why);
        let what = "a resource without a limit cannot run out; drop it";
        check(resource.limit.is_some(), name.span(), what, place)?;
        let amount = Threshold::read(&text.0, resource.unit.as_ref());
        match amount.map_err(|why| refused(why.to_string()))? {
            Threshold::Amount(amount) if amount > 0.0 => provides.push((index, amount)),
            _ => return Err(refused("a shape provides an amount above 0, as \"64 GiB\"".into())),
        }
    }
    let what = "a shape provides something; write provides = { cpu = \"16 cores\" }";
    check(!provides.is_empty(), at, what, place)?;
    provides.sort_by_key(|(index, _)| *index);
    Ok(Shape {
        name: section.name.into_inner(),
        price_per_month: money(&section.price, "price", 0.0)? + power,
        lead_time: section.lead_time.map(Spanned::into_inner),
        provides,
    })
}

/// The shape of a name, or the only one.
pub(super) fn shape_of(
    name: Option<&Spanned<String>>,
    shapes: &[Shape],
    at: Range<usize>,
    place: &Place<'_>,
) -> Result<usize> {
    let names = || shapes.iter().map(|shape| shape.name.as_str()).collect::<Vec<_>>().join(", ");
    let Some(name) = name else {
        let what = if shapes.is_empty() {
            "there is no [[shape]] to order; add one with name, price and provides".to_owned()
        } else {
            format!("which shape? write shape = one of: {}", names())
        };
        return if shapes.len() == 1 { Ok(0) } else { Err(place.error(at, what)) };
    };
    shape_named(name, shapes, place)
}

/// The shape of a name.
pub(super) fn shape_named(
    name: &Spanned<String>,
    shapes: &[Shape],
    place: &Place<'_>,
) -> Result<usize> {
    shapes.iter().position(|shape| shape.name == *name.get_ref()).ok_or_else(|| {
        let all: Vec<&str> = shapes.iter().map(|shape| shape.name.as_str()).collect();
        let known = if all.is_empty() { "no [[shape]]".to_owned() } else { all.join(", ") };
        let what = format!("no shape is named {:?}; there are: {known}", name.get_ref());
        place.error(name.span(), what)
    })
}

pub(super) fn order(
    section: Spanned<OrderSection>,
    shapes: &[Shape],
    place: &Place<'_>,
) -> Result<OrderRule> {
    let at = section.span();
    let section = section.into_inner();
    let shape = shape_of(section.shape.as_ref(), shapes, at.clone(), place)?;
    let cost = |written: &Option<Spanned<f64>>, default| {
        written.as_ref().map_or(default, |written| *written.get_ref())
    };
    let (short, surplus) = (cost(&section.shortage_cost, 9.0), cost(&section.surplus_cost, 1.0));
    let written = section.shortage_cost.as_ref().or(section.surplus_cost.as_ref());
    let at = written.map_or(at, Spanned::span);
    let costs = ShortageCosts::new(short, surplus);
    let costs = costs.map_err(|why| place.error(at, why.to_string()))?;
    let risk = section.risk.as_ref().map_or(0.1, |written| *written.get_ref());
    if let Some(written) = &section.risk {
        let what = "risk is a share above 0 and below 1; write 0.1";
        check(risk > 0.0 && risk < 1.0, written.span(), what, place)?;
    }
    let lot_hosts = section.lot.as_ref().map_or(1, |lot| *lot.get_ref());
    if let Some(lot) = &section.lot {
        let what = format!("lot is a number of hosts from 1 to {HOSTS_MAX}");
        check((1..=HOSTS_MAX).contains(&lot_hosts), lot.span(), what, place)?;
    }
    if let Some(budget) = &section.budget {
        let fits = budget.get_ref().is_finite() && *budget.get_ref() >= 0.0;
        check(fits, budget.span(), "budget is an amount of 0 or more, a month", place)?;
    }
    Ok(OrderRule {
        shape,
        risk,
        review: section.review.unwrap_or(Span::from_days(30)),
        costs,
        lot_hosts,
        budget_per_month: section.budget.map(Spanned::into_inner),
    })
}

pub(super) fn failover(
    section: FailoverSection,
    resources: &[Resource],
    place: &Place<'_>,
) -> Result<FailoverRule> {
    let what = "lose names what is lost at once; write lose = [\"1 host\", \"zone\"]";
    check(!section.lose.get_ref().is_empty(), section.lose.span(), what, place)?;
    let mut lose = Vec::new();
    for written in section.lose.into_inner() {
        let lost = written.get_ref().parse::<Lost>();
        let lost = lost.map_err(|why| place.error(written.span(), why.to_string()))?;
        check(!lose.contains(&lost), written.span(), "this is named twice", place)?;
        lose.push(lost);
    }
    let moved = limited(section.resources.as_deref(), resources, place)?;
    let keys = Keys {
        response_times_max: section.response_times_max.as_ref(),
        servers_per_host: section.servers_per_host.as_ref(),
        latency_resource: section.latency_resource.as_ref(),
    };
    Ok(FailoverRule {
        in_time: in_time::rule(&keys, &moved, resources, place)?,
        lose,
        spread: match section.spread {
            SpreadWord::Free => Spread::Free,
            SpreadWord::WithinZone => Spread::WithinZone,
            SpreadWord::ByCapacity => Spread::ByCapacity,
        },
        resources: moved,
        zone_label: section.zone_label.unwrap_or_else(|| "zone".to_owned()),
        rack_label: section.rack_label.unwrap_or_else(|| "rack".to_owned()),
    })
}

/// The resources that were named, or all; those with a limit.
pub(super) fn limited(
    names: Option<&[Spanned<String>]>,
    resources: &[Resource],
    place: &Place<'_>,
) -> Result<Vec<usize>> {
    let Some(names) = names else {
        let all = resources.iter().enumerate();
        return Ok(all.filter(|(_, one)| one.limit.is_some()).map(|(index, _)| index).collect());
    };
    let mut found = Vec::new();
    for name in names {
        let index = index_of(name, resources, place)?;
        let what = "a resource without a limit cannot run out; drop it";
        check(resources[index].limit.is_some(), name.span(), what, place)?;
        check(!found.contains(&index), name.span(), "this resource is named twice", place)?;
        found.push(index);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::super::Study;
    use super::*;

    const RESOURCES: &str = r#"
[[resource]]
name = "cpu"
usage = "c"
limit = 8
unit = "cores"
[[resource]]
name = "memory"
usage = "m"
limit = 64
unit = "GB"
[[resource]]
name = "net"
usage = "n"
role = "evidence"
"#;
    const POOL: &str = "[[group]]\nname = \"service\"\nby = [\"service\"]\npool = true\n";
    const SHAPE: &str = "[[shape]]\nname = \"large\"\nprice = 100\n\
                         provides = { cpu = 16, memory = \"131072 MB\" }\n";
    const EVERY_KEY: &str = r#"
[[shape]]
name = "small"
price = 50
power_watts = 200
price_per_kwh = 0.1
pue = 1.5
lead_time = "6w"
provides = { cpu = "8 cores" }
[inventory]
file = "hosts.csv"
host_label = "vm"
[order]
shape = "small"
risk = 0.05
review = "60d"
shortage_cost = 99
surplus_cost = 2
lot = 4
budget = 5000
[failover]
lose = ["2 hosts", "rack", "zone"]
spread = "by_capacity"
resources = ["cpu"]
zone_label = "dc"
rack_label = "row"
"#;

    fn parse(more: &str) -> Result<Study> {
        Study::parse(&format!("{RESOURCES}{POOL}{SHAPE}{more}"), "s.toml")
    }

    #[test]
    fn every_key_is_read() {
        let study = parse(EVERY_KEY).unwrap();
        assert!(study.groups[0].pool);
        assert_eq!(study.shapes[0].provides, [(0, 16.0), (1, 131.072)]);
        let small = &study.shapes[1];
        // 0.2 kW * 1.5 * 730 h * 0.1.
        assert!((small.price_per_month - 71.9).abs() < 1e-9);
        assert_eq!(small.lead_time, Some(Span::from_days(42)));
        assert_eq!(study.host_label(), "vm");
        let order = study.order.unwrap();
        assert_eq!((order.shape, order.risk, order.lot_hosts), (1, 0.05, 4));
        assert_eq!((order.review, order.budget_per_month), (Span::from_days(60), Some(5_000.0)));
        assert!((order.costs.critical_ratio() - 99.0 / 101.0).abs() < 1e-12);
        let failover = study.failover.unwrap();
        assert_eq!(failover.lose, [Lost::Hosts(2), Lost::Rack, Lost::Zone]);
        assert_eq!((failover.spread, failover.resources), (Spread::ByCapacity, vec![0]));
        assert_eq!((failover.zone_label, failover.rack_label), ("dc".into(), "row".into()));
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        let study = parse("[order]\n[failover]\nlose = [\"1 host\"]\n").unwrap();
        let order = study.order.as_ref().unwrap();
        assert_eq!((order.shape, order.risk, order.review), (0, 0.1, Span::from_days(30)));
        assert!((order.costs.critical_ratio() - 0.9).abs() < 1e-12);
        let failover = study.failover.as_ref().unwrap();
        assert_eq!((failover.spread, &failover.resources), (Spread::Free, &vec![0, 1]));
        assert_eq!((study.host_label(), failover.zone_label.as_str()), ("host", "zone"));
    }

    #[test]
    fn a_shape_may_take_as_long_to_come_as_the_study_looks_ahead() {
        let slow = "[[shape]]\nname = \"slow\"\nlead_time = \"200d\"\nprovides = { cpu = 1 }\n";
        let found = |horizon: &str| parse(&format!("{slow}[study]\nhorizon = \"{horizon}\"\n"));
        assert_eq!(found("200d").unwrap().shapes[1].lead_time, Some(Span::from_days(200)));
        let error = found("199d").unwrap_err().to_string();
        assert!(
            error.contains("lead_time of \"slow\", 200d, is over the horizon of 199d"),
            "{error}"
        );
    }

    #[test]
    fn mistakes_are_told_with_their_line_and_the_remedy() {
        for (more, line, part) in [
            ("[[shape]]\nname = \"large\"\nprovides = { cpu = 1 }", 25, "is taken"),
            (
                "[[shape]]\nname = \"x\"\nprice = 1e308\nprovides = { cpu = 1 }",
                26,
                "from 1e-60 to 1e60",
            ),
            ("[[shape]]\nname = \"x\"\nprovides = {}", 25, "a shape provides something"),
            ("[[shape]]\nname = \"x\"\nprovides = { net = 1 }", 26, "without a limit"),
            ("[[shape]]\nname = \"x\"\nprovides = { gpu = 1 }", 26, "no resource is named \"gpu\""),
            ("[[shape]]\nname = \"x\"\nprovides = { cpu = \"5%\" }", 26, "an amount above 0"),
            ("[[shape]]\nname = \"x\"\nprovides = { cpu = \"1 GB\" }", 26, "cannot be compared"),
            (
                "[[shape]]\nname = \"x\"\nprice = -1\nprovides = { cpu = 1 }",
                26,
                "price is a number",
            ),
            (
                "[[shape]]\nname = \"x\"\nprovides = { cpu = 1 }\nlead_time = \"91d\"",
                27,
                "lead_time of \"x\", 91d, is over the horizon of 90d; raise the horizon",
            ),
            ("[order]\nshape = \"tiny\"", 25, "no shape is named \"tiny\"; there are: large"),
            ("[order]\nrisk = 1", 25, "risk is a share above 0 and below 1"),
            ("[order]\nrisk = 0", 25, "risk is a share above 0 and below 1"),
            ("[order]\nlot = 0", 25, "lot is a number of hosts"),
            ("[order]\nbudget = -5", 25, "budget is an amount"),
            ("[order]\nshortage_cost = -1", 25, "cost"),
            ("[order]\nbuget = 5", 25, "unknown field `buget`"),
            ("[failover]\nlose = []", 25, "lose names what is lost"),
            ("[failover]\nlose = [\"planet\"]", 25, "is nothing to lose"),
            ("[failover]\nlose = [\"0 hosts\"]", 25, "is nothing to lose"),
            ("[failover]\nlose = [\"zone\", \"zone\"]", 25, "named twice"),
            ("[failover]\nlose = [\"zone\"]\nresources = [\"net\"]", 26, "without a limit"),
            ("[inventory]\nfile = \"\"", 25, "file names"),
            (
                "[[group]]\nname = \"z\"\nby = [\"z\"]\npool = true",
                27,
                "\"service\" is the pool already",
            ),
        ] {
            let error = parse(more).unwrap_err().to_string();
            assert!(error.starts_with(&format!("s.toml:{line}: ")), "{more:?}: {error}");
            assert!(error.contains(part), "{more:?}: {error}");
        }
        let alone = |more: &str| Study::parse(&format!("{RESOURCES}{more}"), "s.toml");
        for more in ["[failover]\nlose = [\"zone\"]\n", "[[scenario]]\nname = \"x\"\n"] {
            let error = alone(more).unwrap_err().to_string();
            assert!(error.contains("[[group]] pool = true"), "{error}");
        }
        let error = alone(&format!("{POOL}[order]\n")).unwrap_err().to_string();
        assert!(error.contains("there is no [[shape]] to order"), "{error}");
    }
}
