//! `calc pack`: how many hosts a set of demands takes, and what of them nobody can use.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::table::{Row, Table};
use crate::capacity::packing::{
    BoundReason, Item, PackOptions, Packing, Problem, Rules, Shape, mean_demand, pack as packed,
};
use crate::cli::numbers;
use crate::error::{Error, Result};
use crate::model::limits::PACKING_ITEMS_MAX;
use crate::report::{Column, Sheet};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  plimsoll calc pack items.csv --shape cpu=32,memory=128 --exact\n\
    The file of items has a column name and one of each resource; it may have count (so many of\n\
    them) and group (replicas that share no host and are spread over zones). A file of shapes has\n\
    a column name and one of each resource; it may have price."
)]
pub(super) struct PackArgs {
    /// A table of items.
    #[arg(value_name = "ITEMS")]
    items: PathBuf,
    /// What one host has, as in cpu=32,memory=128.
    #[arg(long, value_name = "AMOUNTS", required_unless_present = "shapes")]
    shape: Option<Amounts>,
    /// A table of kinds of hosts, instead of one shape.
    #[arg(long, value_name = "FILE", conflicts_with = "shape")]
    shapes: Option<PathBuf>,
    /// The share of each host that is kept free.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    reserve: f64,
    /// Zones over which replicas of a group are spread.
    #[arg(long, value_name = "N", default_value_t = 1)]
    zones: usize,
    /// Search for the best packing, and prove it, where items are few.
    #[arg(long)]
    exact: bool,
    /// Nodes after which the search gives up. Default: two million, some seconds.
    #[arg(long, value_name = "N", requires = "exact")]
    nodes: Option<u64>,
    /// What more the hosts should carry, for what is stranded, as in cpu=8,memory=16. Default: the
    /// mean item.
    #[arg(long = "for", value_name = "AMOUNTS")]
    wanted: Option<Amounts>,
    /// Print which item goes where.
    #[arg(long)]
    assign: bool,
}

/// Amounts of resources, by name.
#[derive(Debug, Clone, PartialEq)]
struct Amounts(Vec<(String, f64)>);

impl FromStr for Amounts {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut amounts: Vec<(String, f64)> = Vec::new();
        for part in text.split(',') {
            let pair = part.split_once('=');
            let pair = pair.map(|(name, amount)| (name.trim(), numbers::amount(amount)));
            match pair {
                Some((name, Some(amount)))
                    if !name.is_empty() && !amounts.iter().any(|(known, _)| known == name) =>
                {
                    amounts.push((name.to_owned(), amount));
                }
                _ => {
                    return Err(Error::invalid(format!(
                        "{part:?} is no amount of a resource; write each once, as in \
                         cpu=32,memory=128"
                    )));
                }
            }
        }
        Ok(Self(amounts))
    }
}

/// What packing came to.
pub(super) fn pack(args: &PackArgs) -> Result<Sheet> {
    let (resources, shapes, priced) = shapes(args)?;
    let items = items(&args.items, &resources)?;
    let rules = Rules { reserve: args.reserve, zones: args.zones };
    let problem = Problem::new(resources, items, shapes, rules)?;
    let nodes_max = args.nodes.unwrap_or(PackOptions::default().nodes_max);
    let packing = packed(&problem, PackOptions { exact: args.exact, nodes_max })?;
    let mut sheet = Sheet::new("Items on hosts");
    sheet.fact("items", "items", problem.items().len(), "");
    sheet.fact("hosts", "hosts", packing.bins.len(), "");
    sheet.fact("hosts_at_least", "hosts of any packing, at least", packing.lower_bound.bins, "");
    if priced {
        sheet.fact("cost", "cost", packing.cost, "");
        sheet.fact("cost_at_least", "cost of any packing, at least", packing.lower_bound.cost, "");
    }
    let (gap, share) = (packing.gap(), packing.gap_share());
    sheet.fact("gap", "another could save, at most", gap, if priced { "" } else { "hosts" });
    sheet.fact("gap_share", "that, as a share of the bound", share, "");
    sheet.fact("method", "found by", packing.method, "");
    sheet.fact("proven", "proven best", if packing.proven { "yes" } else { "no" }, "");
    if packing.nodes > 0 {
        sheet.fact("nodes", "nodes searched", packing.nodes, "");
    }
    resources_table(&mut sheet, args, &problem, &packing)?;
    shapes_table(&mut sheet, &problem, &packing);
    if args.assign {
        assignment(&mut sheet, &problem, &packing);
    }
    sheet.note(format!("The lower bound follows from {}.", reason(&problem, &packing)));
    if args.exact && !packing.proven {
        sheet.note(format!("The search gave up after {nodes_max} nodes; --nodes allows more."));
    }
    Ok(sheet)
}

fn resources_table(
    sheet: &mut Sheet,
    args: &PackArgs,
    problem: &Problem,
    packing: &Packing,
) -> Result<()> {
    let wanted = if let Some(amounts) = &args.wanted {
        amounts_of(amounts, problem.resources(), "--for")?
    } else {
        let items = problem.items().iter();
        mean_demand(&items.map(|item| (1.0, &item.demand[..])).collect::<Vec<_>>())?
    };
    let stranding = packing.stranded(problem, &wanted)?;
    sheet.fact("fits", "one more, so often it fits", stranding.fits, "");
    let columns = [
        Column::new("resource", "resource"),
        Column::new("used", "used"),
        Column::new("usable", "usable"),
        Column::new("used_share", "used share"),
        Column::new("wanted", "one more takes"),
        Column::new("stranded", "stranded"),
        Column::new("stranded_share", "stranded share"),
    ];
    let shares = packing.used_shares(problem);
    let table = sheet.table("resources", &columns);
    for (at, resource) in problem.resources().iter().enumerate() {
        let used: f64 = packing.bins.iter().map(|bin| bin.load[at]).sum();
        let usable = packing.bins.iter().map(|bin| problem.usable(bin.shape)[at]);
        table.row([
            resource.as_str().into(),
            used.into(),
            usable.sum::<f64>().into(),
            shares[at].into(),
            wanted[at].into(),
            stranding.stranded[at].into(),
            stranding.shares[at].into(),
        ]);
    }
    Ok(())
}

fn shapes_table(sheet: &mut Sheet, problem: &Problem, packing: &Packing) {
    let columns = [
        Column::new("shape", "shape"),
        Column::new("price", "price"),
        Column::new("hosts", "hosts"),
    ];
    let table = sheet.table("shapes", &columns);
    for (at, shape) in problem.shapes().iter().enumerate() {
        let hosts = packing.bins.iter().filter(|bin| bin.shape == at).count();
        table.row([shape.name.as_str().into(), shape.price.into(), hosts.into()]);
    }
}

fn assignment(sheet: &mut Sheet, problem: &Problem, packing: &Packing) {
    let columns = [
        Column::new("host", "host"),
        Column::new("shape", "shape"),
        Column::new("zone", "zone"),
        Column::new("item", "item"),
        Column::new("count", "count"),
    ];
    let table = sheet.table("assignment", &columns);
    for (at, bin) in packing.bins.iter().enumerate() {
        let mut names: Vec<&str> =
            bin.items.iter().map(|item| problem.items()[*item].name.as_str()).collect();
        names.sort_unstable();
        for equal in names.chunk_by(|a, b| a == b) {
            table.row([
                (at + 1).into(),
                problem.shapes()[bin.shape].name.as_str().into(),
                (bin.zone + 1).into(),
                equal[0].into(),
                equal.len().into(),
            ]);
        }
    }
}

fn reason(problem: &Problem, packing: &Packing) -> String {
    let resource = |at: usize| &problem.resources()[at];
    match packing.lower_bound.reason {
        BoundReason::Sum(at) => format!("the sum of {}", resource(at)),
        BoundReason::Large(at) => format!("items too large in {} to share a host", resource(at)),
        BoundReason::Dual(at) => {
            format!("items just over a half, a third or such of a host's {}", resource(at))
        }
        BoundReason::Apart => "items of which no two go together".to_owned(),
        _ => "the cheapest shape for each item".to_owned(),
    }
}

/// Resources, shapes, and whether they have prices of their own.
fn shapes(args: &PackArgs) -> Result<(Vec<String>, Vec<Shape>, bool)> {
    let Some(file) = &args.shapes else {
        let Some(Amounts(amounts)) = &args.shape else {
            return Err(Error::invalid("give a --shape of host, or a file of --shapes"));
        };
        let (resources, capacity) = amounts.iter().cloned().unzip();
        let shape = Shape { name: "host".to_owned(), capacity, price: 1.0 };
        return Ok((resources, vec![shape], false));
    };
    let table = Table::read(file, &["name"])?;
    let priced = table.has("price");
    let resources = table.columns().iter().filter(|name| *name != "name" && *name != "price");
    let resources: Vec<String> = resources.cloned().collect();
    let shape = |row: Row<'_>| -> Result<Shape> {
        Ok(Shape {
            name: row.text("name").to_owned(),
            capacity: amounts_in(&row, &resources)?,
            price: if priced { row.number("price")? } else { 1.0 },
        })
    };
    let shapes = table.rows().map(shape).collect::<Result<_>>()?;
    Ok((resources, shapes, priced))
}

/// The amount of each resource in a row.
fn amounts_in(row: &Row<'_>, resources: &[String]) -> Result<Vec<f64>> {
    resources.iter().map(|resource| row.number(resource)).collect()
}

fn items(file: &Path, resources: &[String]) -> Result<Vec<Item>> {
    let names = resources.iter().map(String::as_str);
    let required: Vec<&str> = std::iter::once("name").chain(names).collect();
    let table = Table::read(file, &required)?;
    let is_known =
        |column: &str| required.contains(&column) || ["count", "group"].contains(&column);
    if let Some(column) = table.columns().iter().find(|column| !is_known(column)) {
        let resources = resources.join(", ");
        let what = format!("column {column:?} is no resource of a host: these are {resources}");
        return Err(table.header_error(what));
    }
    let counted = table.has("count");
    let mut items: Vec<Item> = Vec::new();
    for row in table.rows() {
        let group = row.text("group");
        let item = Item {
            name: row.text("name").to_owned(),
            demand: amounts_in(&row, resources)?,
            group: (!group.is_empty()).then(|| group.to_owned()),
        };
        let copies = if counted { row.number("count")? } else { 1.0 };
        if copies < 0.0 || copies.fract() != 0.0 {
            return Err(row.error(format!("{copies} is no count: give a whole number")));
        }
        // One over the limit is enough for the error that says so.
        let room = (PACKING_ITEMS_MAX + 1).saturating_sub(items.len());
        items.extend(std::iter::repeat_n(item, (copies as usize).min(room)));
    }
    if items.is_empty() {
        return Err(table.header_error("there is no item to pack: each count is 0"));
    }
    Ok(items)
}

fn amounts_of(amounts: &Amounts, resources: &[String], option: &str) -> Result<Vec<f64>> {
    let named = resources.join(", ");
    if let Some((other, _)) = amounts.0.iter().find(|(name, _)| !resources.contains(name)) {
        return Err(Error::invalid(format!("{option}: {other} is no resource; these are {named}")));
    }
    let amount = |resource: &String| {
        let found = amounts.0.iter().find(|(name, _)| name == resource);
        found.map_or(0.0, |(_, amount)| *amount)
    };
    Ok(resources.iter().map(amount).collect())
}
