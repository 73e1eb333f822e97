//! What is to be packed into what, checked before any work.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::ROUNDING;
use crate::error::{Error, Result};
use crate::model::limits::{PACKING_ITEMS_MAX, PACKING_ZONES_MAX};

/// Items that one error names.
const NAMED_MAX: usize = 5;

/// Something that is to run on one host.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Its name, for people.
    pub name: String,
    /// What it needs of each resource, in the order of [`Problem::resources`].
    pub demand: Vec<f64>,
    /// Replicas of one group never share a bin, and are spread over zones.
    pub group: Option<String>,
}

/// A kind of host.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    /// Its name, for people.
    pub name: String,
    /// What one has of each resource, in the order of [`Problem::resources`].
    pub capacity: Vec<f64>,
    /// What one costs, in any unit of money; where all cost 1 the cost is the number of hosts.
    pub price: f64,
}

/// Rules that every bin keeps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    /// The share of each resource of each bin that is kept free. Default: 0.
    pub reserve: f64,
    /// Zones that bins stand in: of a group of r replicas, no zone has more than r over the number
    /// of zones, rounded up. Default: 1.
    pub zones: usize,
}

impl Default for Rules {
    fn default() -> Self {
        Self { reserve: 0.0, zones: 1 }
    }
}

/// Items, and the shapes that they are to be packed into: every item fits into one of them.
#[derive(Debug, Clone)]
pub struct Problem {
    resources: Vec<String>,
    items: Vec<Item>,
    shapes: Vec<Shape>,
    rules: Rules,
    /// Of each shape: what may be used of it.
    usable: Vec<Vec<f64>>,
    /// Of each item: the number of its group.
    groups: Vec<Option<usize>>,
    /// Of each group: its replicas.
    replicas: Vec<usize>,
}

impl Problem {
    /// Checks what is to be packed into what.
    ///
    /// # Errors
    ///
    /// Without a resource or a shape; where an item or shape has more or fewer numbers than there
    /// are resources, or one that is negative or not finite; where a price is not above 0, the
    /// reserve not in `[0, 1)`, or there is no zone; where there are too many items; and where
    /// items fit into no shape: they are named, with what does not fit.
    pub fn new(
        resources: Vec<String>,
        items: Vec<Item>,
        shapes: Vec<Shape>,
        rules: Rules,
    ) -> Result<Self> {
        check(&resources, &items, &shapes, rules)?;
        let of_shape = |shape: &Shape| -> Vec<f64> {
            shape.capacity.iter().map(|capacity| capacity * (1.0 - rules.reserve)).collect()
        };
        let usable = shapes.iter().map(of_shape).collect();
        let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
        let mut replicas = Vec::new();
        let mut groups = Vec::with_capacity(items.len());
        for item in &items {
            groups.push(item.group.as_deref().map(|group| {
                let next = numbers.len();
                let number = *numbers.entry(group).or_insert(next);
                replicas.resize(replicas.len().max(number + 1), 0);
                replicas[number] += 1;
                number
            }));
        }
        let problem = Self { resources, items, shapes, rules, usable, groups, replicas };
        problem.expect_places()?;
        Ok(problem)
    }

    /// The names of the resources.
    pub fn resources(&self) -> &[String] {
        &self.resources
    }

    /// The items.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// The shapes.
    pub fn shapes(&self) -> &[Shape] {
        &self.shapes
    }

    /// The rules.
    pub fn rules(&self) -> Rules {
        self.rules
    }

    /// What may be used of a shape: its capacity less the reserve.
    pub fn usable(&self, shape: usize) -> &[f64] {
        &self.usable[shape]
    }

    pub(super) fn demand(&self, item: usize) -> &[f64] {
        &self.items[item].demand
    }

    pub(super) fn group(&self, item: usize) -> Option<usize> {
        self.groups[item]
    }

    pub(super) fn groups(&self) -> &[Option<usize>] {
        &self.groups
    }

    /// The replicas of each group.
    pub(super) fn replicas(&self) -> &[usize] {
        &self.replicas
    }

    /// How many replicas of a group one zone may have.
    pub(super) fn zone_max(&self, group: usize) -> usize {
        self.replicas[group].div_ceil(self.rules.zones)
    }

    /// Whether a shape holds a load.
    pub(super) fn holds(&self, shape: usize, load: &[f64]) -> bool {
        let mut each = self.usable[shape].iter().zip(load);
        each.all(|(usable, load)| *load <= usable * (1.0 + ROUNDING))
    }

    /// The greatest usable amount of each resource that any shape has.
    pub(super) fn largest(&self) -> Vec<f64> {
        let most = |at: usize| self.usable.iter().map(|usable| usable[at]).fold(0.0, f64::max);
        (0..self.resources.len()).map(most).collect()
    }

    /// # Errors
    ///
    /// Where items fit nowhere.
    fn expect_places(&self) -> Result<()> {
        let shapes = || 0..self.shapes.len();
        let homeless = |item: &&Item| !shapes().any(|shape| self.holds(shape, &item.demand));
        let homeless: Vec<&Item> = self.items.iter().filter(homeless).collect();
        if homeless.is_empty() {
            return Ok(());
        }
        let named = homeless.iter().take(NAMED_MAX).map(|item| self.why_homeless(item));
        let mut what = named.collect::<Vec<_>>().join("; ");
        if homeless.len() > NAMED_MAX {
            let _ = write!(what, "; and {} items more", homeless.len() - NAMED_MAX);
        }
        what.push_str(": give a larger shape, a smaller reserve, or leave them out");
        Err(Error::invalid(what))
    }

    fn why_homeless(&self, item: &Item) -> String {
        let largest = self.largest();
        let each = self.resources.iter().zip(&item.demand).zip(&largest);
        let over = each.filter(|((_, demand), most)| **demand > **most * (1.0 + ROUNDING));
        let over: Vec<String> = over
            .map(|((resource, demand), most)| {
                format!("{demand} of {resource}, and no shape has more than {most} to use")
            })
            .collect();
        let name = &item.name;
        if over.is_empty() {
            return format!("{name} fits into no single shape, though each resource of it would");
        }
        format!("{name} needs {}", over.join(" and "))
    }
}

fn check(resources: &[String], items: &[Item], shapes: &[Shape], rules: Rules) -> Result<()> {
    if resources.is_empty() || shapes.is_empty() {
        return Err(Error::invalid("packing takes at least one resource and one shape of host"));
    }
    if items.len() > PACKING_ITEMS_MAX {
        return Err(Error::Limit {
            what: "the number of items to pack",
            value: items.len() as u64,
            limit: PACKING_ITEMS_MAX as u64,
            remedy: "pack them in parts, as one zone or one cluster after the other",
        });
    }
    let items = items.iter().map(|item| (&item.name, &item.demand));
    let all = items.chain(shapes.iter().map(|shape| (&shape.name, &shape.capacity)));
    for (name, amounts) in all {
        let sound = amounts.iter().all(|amount| amount.is_finite() && *amount >= 0.0);
        if amounts.len() != resources.len() || !sound {
            return Err(Error::invalid(format!(
                "{name} takes an amount of 0 or more of each of {}, not {amounts:?}",
                resources.join(", ")
            )));
        }
    }
    if let Some(shape) = shapes.iter().find(|shape| !(shape.price > 0.0 && shape.price.is_finite()))
    {
        let (name, price) = (&shape.name, shape.price);
        return Err(Error::invalid(format!("{name}: a price is above 0, not {price}")));
    }
    let zones = 1..=PACKING_ZONES_MAX;
    if !(0.0..1.0).contains(&rules.reserve) || !zones.contains(&rules.zones) {
        return Err(Error::invalid(format!(
            "a reserve is a share of 0 or more, below 1, and there are 1 to {PACKING_ZONES_MAX} \
             zones; not {} and {}",
            rules.reserve, rules.zones
        )));
    }
    Ok(())
}
