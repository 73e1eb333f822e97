//! Who is asked to leave, who is not and why, and what that saves where not every price is known.

use crate::capacity::testing;
use crate::capacity::{KnownHost, Plan, Planner, Study, Table};
use crate::model::{Frame, Labels, Span};

const DAYS: usize = 60;

/// A host of a service with its limit and its price; NaN is not known.
type Host = (&'static str, &'static str, f64, f64);

/// Hosts that are asked for as much as `of` says of a day.
fn planned(hosts: &[Host], label: &str, more: &str, of: impl Fn(usize) -> f64) -> Plan {
    let text = format!(
        "[study]\nstep = \"1d\"\n\
         [[resource]]\nname = \"cpu\"\nusage = \"c\"\nlimit = \"l\"\n\
         [[group]]\nname = \"service\"\nby = [\"service\"]\npool = true\n{more}"
    );
    let study = Study::parse(&text, "study.toml").unwrap();
    let labels = |pairs: &[(&str, &str)]| Labels::from_pairs(pairs.iter().copied()).unwrap();
    let known = hosts.iter().map(|(host, service, _, price)| KnownHost {
        labels: labels(&[("host", host), ("service", service)]),
        price_per_month: Some(*price).filter(|price| !price.is_nan()),
    });
    let end = testing::start().plus(Span::from_days(DAYS as i64));
    let mut planner = Planner::new(&study, end).unwrap().with_hosts(known);
    let frame = |names: Vec<Labels>, factor: f64| {
        let rows = names.iter().flat_map(|_| (0..DAYS).map(|day| of(day) * factor));
        let rows: Vec<f64> = rows.collect();
        Frame::new(testing::start(), Span::DAY, DAYS, names, rows).unwrap()
    };
    let limits = |names: Vec<Labels>, limits: Vec<f64>| {
        Frame::new(testing::start(), Span::from_days(DAYS as i64), 1, names, limits).unwrap()
    };
    let names = || hosts.iter().map(|(host, ..)| labels(&[("host", host)])).collect();
    let each = limits(names(), hosts.iter().map(|(_, _, limit, _)| *limit).collect());
    let table = Table { resource: 0, group: None };
    planner.add(table, &frame(names(), 1.0), Some(&each)).unwrap();
    let mut services: Vec<&str> = hosts.iter().map(|(_, service, ..)| *service).collect();
    services.sort_unstable();
    services.dedup();
    for service in services {
        let of_it = || hosts.iter().filter(|(_, of, ..)| *of == service);
        let sum: f64 = of_it().map(|(_, _, limit, _)| limit).filter(|one| !one.is_nan()).sum();
        let pairs = [(label, service)];
        let row = || vec![if label.is_empty() { labels(&[]) } else { labels(&pairs) }];
        let table = Table { resource: 0, group: Some(0) };
        let usage = frame(row(), of_it().count() as f64);
        planner.add(table, &usage, Some(&limits(row(), vec![sum]))).unwrap();
    }
    planner.finish()
}

fn flat(day: usize) -> f64 {
    1.0 + 0.1 * ((day * day) % 7) as f64
}

#[test]
fn every_pool_that_is_not_asked_is_told_with_the_reason() {
    let nan = f64::NAN;
    let hosts = [
        ("a1", "a", 10.0, nan),
        ("a2", "a", 10.0, nan),
        ("b1", "b", 10.0, nan),
        ("c1", "c", 10.0, nan),
        ("c2", "c", nan, nan),
        ("c3", "c", 10.0, nan),
        ("d1", "d", 1.0, nan),
        ("d2", "d", 1.0, nan),
    ];
    let plan = planned(&hosts, "service", "", flat);
    let pools = plan.pools.unwrap();
    let kept: Vec<(&str, Option<&str>, &str)> = pools
        .kept
        .iter()
        .map(|one| (one.pool.as_str(), one.resource.as_deref(), one.why.as_str()))
        .collect();
    let unknown = "the cpu limit of 1 of its 3 hosts is not known";
    let expected = [
        ("c", Some("cpu"), unknown),
        ("d", Some("cpu"), "cpu is full"),
        ("b", None, "it has one host"),
    ];
    assert_eq!(kept, expected);
    assert_eq!((pools.leaves.len(), pools.leaves[0].name.as_str()), (1, "a"));
    // What grows, and is not full within the horizon, has no date.
    let slow = |day: usize| flat(day) + 0.05 * day as f64;
    let hosts = [("a1", "a", 900.0, nan), ("a2", "a", 900.0, nan)];
    let pools = planned(&hosts, "service", "", slow).pools.unwrap();
    let why = "cpu grows, though not up to its line within the horizon";
    assert_eq!(pools.kept[0].why, why);
    let hosts = [("a1", "a", 6.0, nan), ("a2", "a", 6.0, nan)];
    assert_eq!(planned(&hosts, "service", "", slow).pools.unwrap().kept[0].why, "cpu has a date");
}

#[test]
fn a_host_without_a_price_is_not_what_saves_the_most() {
    let nan = f64::NAN;
    let leaving = |hosts: &[Host]| {
        let mut pools = planned(hosts, "service", "", flat).pools.unwrap();
        let leave = pools.leaves.remove(0);
        (leave.leaving.clone(), leave.saved_per_month, leave.unpriced())
    };
    // The peaks add up to 4.2 of 6: one host leaves. A price that is below 1 is still one.
    let three = |b, c| [("a", "x", 2.0, nan), ("b", "x", 2.0, b), ("c", "x", 2.0, c)];
    let fit =
        |hosts: [Host; 3]| hosts.map(|(host, of, limit, price)| (host, of, limit + 0.5, price));
    assert_eq!(leaving(&fit(three(0.2, 0.5))), (vec!["c".to_owned()], Some(0.5), 0));
    assert_eq!(leaving(&fit(three(nan, 0.5))), (vec!["c".to_owned()], Some(0.5), 0));
    assert_eq!(leaving(&fit(three(nan, nan))).1, None);
    // Of two that leave, the price of one is known.
    let wide = [("a", "x", 9.0, nan), ("b", "x", 9.0, 7.0), ("c", "x", 9.0, nan)];
    let (names, saved, unpriced) = leaving(&wide);
    assert_eq!((names.len(), saved, unpriced), (2, Some(7.0), 1));
}

#[test]
fn hosts_without_the_label_of_a_pool_are_none() {
    let buying = "[[shape]]\nname = \"large\"\nprovides = { cpu = 8 }\n[order]\n\
                  [failover]\nlose = [\"1 host\"]\n";
    let hosts = [("a1", "a", 1.0, f64::NAN), ("a2", "a", 1.0, f64::NAN)];
    // As it is, the pool is full and hosts are ordered; where only an inventory has the label, all
    // hosts are one row.
    assert_eq!(planned(&hosts, "service", buying, flat).pools.unwrap().orders.len(), 1);
    let plan = planned(&hosts, "", buying, flat);
    let pools = plan.pools.as_ref().unwrap();
    assert!(pools.orders.is_empty() && pools.kept.is_empty() && pools.leaves.is_empty());
    let [(what, name)] = &pools.unsaid[..] else { panic!("{:?}", pools.unsaid) };
    assert_eq!(name, "(no service)");
    assert!(what.contains("hosts without the label \"service\" are no pool"), "{what}");
    assert!(what.contains("the inventory has it, but only labels of series make pools"), "{what}");
}
