//! Designed against actual: what was requested, what is provisioned, and what is used.

use std::collections::{BTreeMap, BTreeSet};

use super::read::{Amount, Inventory, InventoryRow};
use crate::error::{Error, Result};
use crate::model::Unit;

/// What the hosts are added up by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Who answers for them.
    Owner,
    /// What they serve.
    Service,
}

/// What was measured of one resource of a host.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// The host.
    pub host: String,
    /// The resource, as in the column `requested_cpu_cores`: `cpu`.
    pub resource: String,
    /// The unit of both amounts.
    pub unit: Unit,
    /// How much the host has; it goes before what the inventory says. `None` if not measured.
    pub provisioned: Option<f64>,
    /// How much it uses. `None` if not measured.
    pub used: Option<f64>,
}

/// One resource of one owner or service.
#[derive(Debug, Clone, PartialEq)]
pub struct DesignRow {
    /// The owner or service; `None` for hosts that have none.
    pub group: Option<String>,
    /// The resource.
    pub resource: String,
    /// The unit of all amounts.
    pub unit: Unit,
    /// Hosts with any amount of it.
    pub hosts: usize,
    /// What was asked for, over the hosts that say so.
    pub requested: Option<f64>,
    /// What they have, over the hosts of which it is known.
    pub provisioned: Option<f64>,
    /// What they use, over the hosts of which it is known.
    pub used: Option<f64>,
    /// Used of provisioned, over the hosts of which both are known.
    pub used_of_provisioned: Option<f64>,
    /// Used of requested, over the hosts of which both are known.
    pub used_of_requested: Option<f64>,
    /// What is used and what there is, over the hosts of which both are known.
    pub both_used_and_provisioned: Option<(f64, f64)>,
    /// What is used and what was asked for, over the hosts of which both are known.
    pub both_used_and_requested: Option<(f64, f64)>,
}

/// A sum of what is known.
#[derive(Debug, Clone, Copy, Default)]
struct Sum(Option<f64>);

/// The sums of one group and resource, in the unit that came first.
struct Sums {
    unit: Unit,
    hosts: usize,
    requested: Sum,
    provisioned: Sum,
    used: Sum,
    used_where_provisioned: Sum,
    provisioned_where_used: Sum,
    used_where_requested: Sum,
    requested_where_used: Sum,
}

/// What was requested, provisioned and used per owner or service, in the order of their names;
/// hosts that are measured and have no row count to no group. Amounts of one resource are told in
/// the unit of the first that is met.
///
/// # Errors
///
/// Where amounts of one resource are in units that do not convert.
///
/// ```
/// use plimsoll::capacity::inventory::{By, Inventory, Measured, designed_versus_actual};
/// let text = "host,owner,requested_memory_gib\na,ann,64\nb,ann,32\n";
/// let inventory = Inventory::read(text, "inventory.csv")?;
/// let measured = |host: &str, used| Measured {
///     host: host.to_owned(),
///     resource: "memory".to_owned(),
///     unit: "MiB".parse().unwrap(),
///     provisioned: Some(65_536.0),
///     used: Some(used),
/// };
/// let measured = [measured("a", 8_192.0), measured("b", 16_384.0)];
/// let rows = designed_versus_actual(&inventory, &measured, By::Owner)?;
/// assert_eq!((rows[0].requested, rows[0].provisioned), (Some(96.0), Some(128.0)));
/// assert_eq!((rows[0].used, rows[0].used_of_requested), (Some(24.0), Some(0.25)));
/// # Ok::<(), plimsoll::Error>(())
/// ```
pub fn designed_versus_actual(
    inventory: &Inventory,
    measured: &[Measured],
    by: By,
) -> Result<Vec<DesignRow>> {
    let mut actual: BTreeMap<(&str, &str), &Measured> = BTreeMap::new();
    for one in measured {
        actual.insert((one.host.as_str(), one.resource.as_str()), one);
    }
    let none = InventoryRow::default();
    let hosts: BTreeSet<&str> = measured.iter().map(|one| one.host.as_str()).collect();
    let strays = hosts.iter().filter(|host| inventory.get(host).is_none());
    let all = inventory.rows().iter().map(|row| (row.host.as_str(), row));
    let mut groups: BTreeMap<(Option<&str>, &str), Sums> = BTreeMap::new();
    for (host, row) in all.chain(strays.map(|host| (*host, &none))) {
        let group = match by {
            By::Owner => row.owner.as_deref(),
            By::Service => row.service.as_deref(),
        };
        let asked = row.requested.iter().chain(&row.provisioned).map(|one| one.resource.as_str());
        let used = actual.range((host, "")..).take_while(|((other, _), _)| *other == host);
        let resources: BTreeSet<&str> =
            asked.chain(used.map(|((_, resource), _)| *resource)).collect();
        for resource in resources {
            let measured = actual.get(&(host, resource)).copied();
            let of = |amounts: &'_ [Amount]| {
                amounts.iter().find(|one| one.resource == resource).cloned()
            };
            let (requested, provisioned) = (of(&row.requested), of(&row.provisioned));
            let units = [requested.as_ref(), provisioned.as_ref()].into_iter().flatten();
            let first = units.map(|one| &one.unit).chain(measured.map(|one| &one.unit)).next();
            let Some(unit) = first else { continue };
            let sums = groups.entry((group, resource)).or_insert_with(|| Sums::new(unit.clone()));
            sums.add(resource, requested, provisioned, measured)?;
        }
    }
    Ok(groups.into_iter().map(|((group, resource), sums)| sums.row(group, resource)).collect())
}

impl Sum {
    fn add(&mut self, value: Option<f64>) {
        if let Some(value) = value {
            self.0 = Some(self.0.unwrap_or(0.0) + value);
        }
    }

    fn of(self, whole: Self) -> Option<f64> {
        let whole = whole.0.filter(|whole| *whole > 0.0)?;
        Some(self.0? / whole)
    }
}

impl Sums {
    fn new(unit: Unit) -> Self {
        let none = Sum::default();
        Self {
            unit,
            hosts: 0,
            requested: none,
            provisioned: none,
            used: none,
            used_where_provisioned: none,
            provisioned_where_used: none,
            used_where_requested: none,
            requested_where_used: none,
        }
    }

    fn add(
        &mut self,
        resource: &str,
        requested: Option<Amount>,
        provisioned: Option<Amount>,
        measured: Option<&Measured>,
    ) -> Result<()> {
        let convert = |value: f64, unit: &Unit| {
            let factor = unit.factor_to(&self.unit).ok_or_else(|| {
                let what = format!("{resource} is in {unit} here and in {} there", self.unit);
                Error::invalid(format!("{what}, which do not convert; name one of them anew"))
            });
            factor.map(|factor| value * factor)
        };
        let written = |amount: Option<Amount>| {
            amount.map(|amount| convert(amount.value, &amount.unit)).transpose()
        };
        let found = |of: fn(&Measured) -> Option<f64>| {
            measured.and_then(|one| Some(convert(of(one)?, &one.unit))).transpose()
        };
        let (requested, inventoried) = (written(requested)?, written(provisioned)?);
        let provisioned = found(|one| one.provisioned)?.or(inventoried);
        let used = found(|one| one.used)?;
        self.hosts += 1;
        self.requested.add(requested);
        self.provisioned.add(provisioned);
        self.used.add(used);
        self.used_where_provisioned.add(provisioned.and(used));
        self.provisioned_where_used.add(used.and(provisioned));
        self.used_where_requested.add(requested.and(used));
        self.requested_where_used.add(used.and(requested));
        Ok(())
    }

    fn row(self, group: Option<&str>, resource: &str) -> DesignRow {
        DesignRow {
            group: group.map(str::to_owned),
            resource: resource.to_owned(),
            unit: self.unit,
            hosts: self.hosts,
            requested: self.requested.0,
            provisioned: self.provisioned.0,
            used: self.used.0,
            used_of_provisioned: self.used_where_provisioned.of(self.provisioned_where_used),
            used_of_requested: self.used_where_requested.of(self.requested_where_used),
            both_used_and_provisioned: self
                .used_where_provisioned
                .0
                .zip(self.provisioned_where_used.0),
            both_used_and_requested: self.used_where_requested.0.zip(self.requested_where_used.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(host: &str, provisioned: Option<f64>, used: Option<f64>) -> Measured {
        let unit = "cores".parse().unwrap();
        Measured { host: host.to_owned(), resource: "cpu".to_owned(), unit, provisioned, used }
    }

    #[test]
    fn shares_are_of_hosts_of_which_both_are_known() {
        let text = "host,owner,service,requested_cpu_cores,provisioned_cpu_cores\n\
                    a,ann,shop,4,8\nb,ann,shop,4,\nc,ann,mail,,8\nd,bob,mail,2,2\n";
        let inventory = Inventory::read(text, "i.csv").unwrap();
        // What was measured goes before what is written: a has 16. b uses something, of what is
        // not known. x has no row.
        let found = [
            measured("a", Some(16.0), Some(2.0)),
            measured("b", None, Some(1.0)),
            measured("c", None, None),
            measured("x", Some(4.0), Some(1.0)),
        ];
        let rows = designed_versus_actual(&inventory, &found, By::Owner).unwrap();
        let names: Vec<Option<&str>> = rows.iter().map(|row| row.group.as_deref()).collect();
        assert_eq!(names, [None, Some("ann"), Some("bob")]);
        let ann = &rows[1];
        assert_eq!((ann.hosts, ann.requested, ann.provisioned), (3, Some(8.0), Some(24.0)));
        assert_eq!((ann.used, ann.used_of_provisioned), (Some(3.0), Some(0.125)));
        assert_eq!(ann.used_of_requested, Some(0.375));
        assert_eq!((rows[2].used, rows[2].used_of_provisioned), (None, None));
        assert_eq!((rows[0].hosts, rows[0].used_of_provisioned), (1, Some(0.25)));
        let services = designed_versus_actual(&inventory, &found, By::Service).unwrap();
        let shown: Vec<_> =
            services.iter().map(|row| (row.group.as_deref(), row.requested)).collect();
        assert_eq!(shown, [(None, None), (Some("mail"), Some(2.0)), (Some("shop"), Some(8.0))]);
    }

    #[test]
    fn units_must_convert() {
        let text = "host,requested_cpu_ghz\na,4\n";
        let inventory = Inventory::read(text, "i.csv").unwrap();
        let found = [measured("a", Some(1.0), None)];
        let why = designed_versus_actual(&inventory, &found, By::Owner).unwrap_err().to_string();
        assert!(why.starts_with("cpu is in cores here and in GHz there"), "{why}");
        let mut found = found;
        found[0].unit = "MHz".parse().unwrap();
        found[0].provisioned = Some(8_000.0);
        let rows = designed_versus_actual(&inventory, &found, By::Owner).unwrap();
        assert_eq!(rows[0].provisioned, Some(8.0));
    }
}
