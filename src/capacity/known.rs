//! What is known of the hosts beside what was measured: their labels, what the inventory says, and
//! what was designed against what is.

use std::collections::BTreeMap;

use super::assess::{Assessed, View};
use super::inventory::{
    By, DesignRow, Inventory, InventoryRow, Measured, Mismatch, designed_versus_actual,
};
use super::study::Shape;
use crate::model::Labels;

/// A host, as its labels and the inventory know it.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownHost {
    /// Its labels: those that all of its series share, and what the inventory adds.
    pub labels: Labels,
    /// What it costs in a month, where that is known.
    pub price_per_month: Option<f64>,
}

/// What the owners asked for, beside what there is and what is used.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DesignReport {
    /// By owner and by service, where the inventory names any and what they asked for.
    pub rows: Vec<(By, DesignRow)>,
    /// Hosts that are in the data or in the inventory only.
    pub mismatch: Mismatch,
    /// Why nothing could be said.
    pub unsaid: Vec<String>,
}

/// Adds what the inventory says of each host to what its series say, which goes before it. The
/// price is the row's own, else that of its shape.
pub(super) fn add_inventory(
    hosts: &mut BTreeMap<Labels, KnownHost>,
    inventory: &Inventory,
    host_label: &str,
    shapes: &[Shape],
) {
    for host in hosts.values_mut() {
        let name = host.labels.get(host_label).unwrap_or_default();
        let Some(row) = inventory.get(name) else { continue };
        let shape = shapes.iter().find(|shape| Some(&shape.name) == row.shape.as_ref());
        let price = row.price_per_month.or(shape.map(|shape| shape.price_per_month));
        host.price_per_month = price.or(host.price_per_month);
        let mut labels: BTreeMap<&str, &str> = told(row).collect();
        labels.extend(host.labels.iter());
        if let Ok(labels) = Labels::from_pairs(labels) {
            host.labels = labels;
        }
    }
}

/// What a row of the inventory says, as labels.
fn told(row: &InventoryRow) -> impl Iterator<Item = (&str, &str)> {
    let named = [
        ("service", &row.service),
        ("owner", &row.owner),
        ("zone", &row.zone),
        ("rack", &row.rack),
        ("shape", &row.shape),
    ];
    let named = named.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
    let others = row.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    named.chain(others).filter(|(name, value)| !name.is_empty() && !value.is_empty())
}

/// What was designed against what is, over the rows by host: what they have is their limit, what
/// they use the mean of the last week.
pub(super) fn designs(
    view: &View,
    rows: &[Assessed],
    inventory: &Inventory,
    host_label: &str,
) -> DesignReport {
    let by_host = || rows.iter().filter(|assessed| assessed.table.group.is_none());
    // A host is in the data whatever is known of its units.
    let hosts = by_host().filter_map(|assessed| assessed.row.labels.get(host_label));
    let measured = by_host().filter_map(|assessed| {
        let row = &assessed.row;
        Some(Measured {
            host: row.labels.get(host_label)?.to_owned(),
            resource: view.study.resources[assessed.table.resource].name.clone(),
            unit: row.unit.clone()?,
            provisioned: row.limit,
            used: Some(assessed.mean_week).filter(|mean| mean.is_finite()),
        })
    });
    let measured: Vec<Measured> = measured.collect();
    let mut report =
        DesignReport { mismatch: inventory.mismatch(hosts), ..DesignReport::default() };
    for by in [By::Owner, By::Service] {
        match designed_versus_actual(inventory, &measured, by) {
            // Where nobody asked for anything there is no design, and without an owner, or
            // without a service, nothing to tell apart.
            Ok(rows)
                if rows.iter().any(|row| row.group.is_some())
                    && rows.iter().any(|row| row.requested.is_some()) =>
            {
                report.rows.extend(rows.into_iter().map(|row| (by, row)));
            }
            Ok(_) => {}
            Err(why) => {
                let why = why.to_string();
                if !report.unsaid.contains(&why) {
                    report.unsaid.push(why);
                }
            }
        }
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_go_before_the_inventory_and_its_price_before_that_of_the_shape() {
        let text = "host,zone,rack,shape,price,team\na,z1,r1,large,,blue\nb,z2,,large,7,\nc,,,,,\n";
        let inventory = Inventory::read(text, "hosts.csv").unwrap();
        let labels = |pairs: &[(&str, &str)]| Labels::from_pairs(pairs.iter().copied()).unwrap();
        let known =
            |pairs: &[(&str, &str)]| KnownHost { labels: labels(pairs), price_per_month: None };
        let mut hosts = BTreeMap::from([
            (labels(&[("host", "a")]), known(&[("host", "a"), ("zone", "measured")])),
            (labels(&[("host", "b")]), known(&[("host", "b")])),
            (labels(&[("host", "c")]), known(&[("host", "c")])),
            (labels(&[("host", "d")]), known(&[("host", "d")])),
        ]);
        let shape = Shape {
            name: "large".into(),
            price_per_month: 3.0,
            lead_time: None,
            provides: vec![(0, 1.0)],
        };
        add_inventory(&mut hosts, &inventory, "host", &[shape]);
        let found: Vec<&KnownHost> = hosts.values().collect();
        let expected = labels(&[
            ("host", "a"),
            ("zone", "measured"),
            ("rack", "r1"),
            ("shape", "large"),
            ("team", "blue"),
        ]);
        assert_eq!((&found[0].labels, found[0].price_per_month), (&expected, Some(3.0)));
        let expected = labels(&[("host", "b"), ("zone", "z2"), ("shape", "large")]);
        assert_eq!((&found[1].labels, found[1].price_per_month), (&expected, Some(7.0)));
        assert_eq!(found[2], &known(&[("host", "c")]));
        assert_eq!(found[3], &known(&[("host", "d")]));
    }

    #[test]
    fn what_was_asked_for_stands_beside_what_is_used() {
        let plan = crate::capacity::testing::plan_with_inventory(
            "host,owner,requested_memory_gb\nweb-01,ann,32\nweb-02,ann,32\nnobody,ann,\n",
        );
        let design = plan.design.unwrap();
        let named = design.rows.iter().filter(|(_, row)| row.group.as_deref() == Some("ann"));
        let (by, memory) = named.clone().find(|(_, row)| row.resource == "memory").unwrap();
        assert_eq!(*by, By::Owner);
        // 64 GB were asked for, twice 16 are there, twice 9.4 or so are used.
        let in_gb = memory.unit.factor_to(&"GB".parse().unwrap()).unwrap();
        assert!((memory.requested.unwrap() * in_gb - 64.0).abs() < 1e-9);
        assert!((memory.provisioned.unwrap() * in_gb - 32.0).abs() < 1e-9);
        let used = memory.used_of_requested.unwrap();
        assert!((0.28..0.31).contains(&used), "{used}");
        assert_eq!(design.mismatch.without_data, ["nobody"]);
        assert_eq!(design.mismatch.without_row.len(), 28);
        assert!(design.unsaid.is_empty() && named.count() >= 1);
    }

    #[test]
    fn a_host_without_units_is_in_the_data() {
        use crate::capacity::{Planner, Study, Table};
        use crate::model::{Frame, Span, Timestamp};
        let text = "[study]\nstep = \"1h\"\n\
                    [[resource]]\nname = \"cpu\"\nusage = \"c\"\nlimit = 4\n";
        let study = Study::parse(text, "study.toml").unwrap();
        let start = Timestamp::from_seconds(0);
        let host = vec![Labels::from_pairs([("host", "a")]).unwrap()];
        let usage = Frame::new(start, Span::HOUR, 48, host, vec![1.0; 48]).unwrap();
        let mut planner = Planner::new(&study, start.plus(Span::from_days(2))).unwrap();
        planner.add(Table { resource: 0, group: None }, &usage, None).unwrap();
        let inventory = Inventory::read("host,price\na,1\nb,1\n", "hosts.csv").unwrap();
        let design = planner.with_inventory(inventory).finish().design.unwrap();
        assert_eq!(design.mismatch.without_data, ["b"]);
        assert!(design.mismatch.without_row.is_empty());
    }
}
