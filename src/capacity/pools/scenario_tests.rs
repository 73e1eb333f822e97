//! Scenarios whose end is known by hand: who is left, where they stand, and what that survives.

use super::*;
use crate::capacity::testing;
use crate::capacity::{KnownHost, Plan, Planner, Study, Table};
use crate::model::{Frame, Labels, Span};

/// Equal hosts of 10, less a fifth, in the zones x, y, z of one pool, which does 4 on each.
const ZONES: [(&str, &str); 10] = [
    ("a0", "x"),
    ("a1", "y"),
    ("a2", "z"),
    ("a3", "x"),
    ("a4", "y"),
    ("a5", "z"),
    ("a6", "x"),
    ("a7", "y"),
    ("a8", "z"),
    ("a9", "x"),
];

fn planned(hosts: &[(&str, &str)], each: f64, more: &str) -> Plan {
    let text = format!(
        "[study]\nstep = \"1d\"\n\
         [[resource]]\nname = \"cpu\"\nusage = \"c\"\nlimit = 10\nsafety_margin = 0.2\n\
         [[resource]]\nname = \"memory\"\nusage = \"m\"\nlimit = 10\n\
         [[group]]\nname = \"service\"\nby = [\"service\"]\npool = true\n\
         [[shape]]\nname = \"big\"\nprovides = {{ cpu = 20 }}\n\
         [[shape]]\nname = \"same\"\nprovides = {{ cpu = 10 }}\n{more}"
    );
    let study = Study::parse(&text, "study.toml").unwrap();
    let labels = |pairs: &[(&str, &str)]| Labels::from_pairs(pairs.iter().copied()).unwrap();
    let service = || vec![labels(&[("service", "web")])];
    let known = hosts.iter().map(|(host, zone)| KnownHost {
        labels: labels(&[("host", host), ("service", "web"), ("zone", zone)]),
        price_per_month: None,
    });
    let end = testing::start().plus(Span::from_days(40));
    let mut planner = Planner::new(&study, end).unwrap().with_hosts(known);
    let names: Vec<Labels> = hosts.iter().map(|(host, _)| labels(&[("host", host)])).collect();
    let count = hosts.len() as f64;
    for resource in [0, 1] {
        let frame = |names: Vec<Labels>, value| {
            let values = vec![value; 40 * names.len()];
            Frame::new(testing::start(), Span::DAY, 40, names, values).unwrap()
        };
        let ones = Frame::new(testing::start(), Span::DAY, 1, service(), vec![count]).unwrap();
        planner.add(Table { resource, group: None }, &frame(names.clone(), each), None).unwrap();
        let table = Table { resource, group: Some(0) };
        planner.add(table, &frame(service(), each * count), Some(&ones)).unwrap();
    }
    planner.finish()
}

fn scenario(name: &str, changes: &[&str]) -> String {
    let changes: Vec<String> = changes.iter().map(|change| format!("{{ {change} }}")).collect();
    format!("[[scenario]]\nname = \"{name}\"\nchange = [{}]\n", changes.join(", "))
}

fn found(plan: &Plan) -> &[ScenarioOutcome] {
    &plan.pools.as_ref().unwrap().scenarios
}

/// What each failure leaves, and whether it is survived.
fn left(of: &ScenarioOutcome) -> Vec<(&str, f64, bool)> {
    let failures = of.failures.iter();
    failures.map(|one| (one.failure.as_str(), one.capacity, one.is_survived())).collect()
}

#[test]
fn hosts_that_take_the_place_of_others_fail_like_them() {
    // Ten hosts of 8, or five of 16: two lost leave 48 of them, for 50.
    let text = [
        "[failover]\nlose = [\"2 hosts\", \"zone\"]\nresources = [\"cpu\"]\n".to_owned(),
        scenario("migrated", &["kind = \"migrate\", hosts = 0.5, shape = \"big\""]),
        scenario(
            "replaced",
            &[
                "kind = \"add\", hosts = 5, shape = \"big\"",
                "kind = \"retire\", where = '{host=~\"a.*\"}'",
            ],
        ),
        scenario("split", &["kind = \"migrate\", hosts = 2, shape = \"same\", factor = 2"]),
    ]
    .concat();
    let plan = planned(&ZONES, 5.0, &text);
    let all = found(&plan);
    assert_eq!(left(&all[0])[0], ("2 of 10 hosts", 64.0, true));
    for one in &all[1..3] {
        assert_eq!(left(one)[0], ("2 of 5 hosts", 48.0, false), "{}", one.name);
        assert_eq!((one.hosts, one.rows[0].line), (5.0, 80.0), "{}", one.name);
    }
    // Side by side, two of the four hosts in x become one, and so do the other two; the one between
    // y and z stands in z: 2, 1 and 2.
    let zones: Vec<f64> = left(&all[1])[1..].iter().map(|(_, capacity, _)| *capacity).collect();
    assert_eq!(zones, [48.0, 48.0, 64.0]);
    assert_eq!(left(&all[3])[0], ("2 of 20 hosts", 144.0, true));
    assert_eq!((all[3].hosts, all[3].rows[0].line), (20.0, 160.0));
    assert!((all[3].rows[0].peak - 100.0).abs() < 1e-9, "{}", all[3].rows[0].peak);
    // What the shape does not provide, and nobody multiplies, stays as it is.
    assert!(all.iter().take(2).all(|one| one.rows[1] == all[0].rows[1]));
}

#[test]
fn of_broken_hosts_whole_ones_are_left_and_the_sum_stays() {
    let text = [
        "[failover]\nlose = [\"1 host\"]\nresources = [\"cpu\"]\n".to_owned(),
        scenario("fewer", &["kind = \"migrate\", hosts = 0.25, shape = \"big\""]),
        scenario("one", &["kind = \"migrate\", hosts = 0.01, shape = \"big\""]),
        scenario("alike", &["kind = \"migrate\", shape = \"same\""]),
    ]
    .concat();
    let plan = planned(&ZONES, 1.0, &text);
    let all = found(&plan);
    // Two and a half of 16 are three of 13.3; a tenth of one is one.
    assert_eq!((all[1].hosts, all[1].rows[0].line), (2.5, 40.0));
    let (failure, capacity, holds) = left(&all[1])[0];
    assert_eq!((failure, holds), ("1 of 3 hosts", true));
    assert!((capacity - 80.0 / 3.0).abs() < 1e-9, "{capacity}");
    assert_eq!(left(&all[2])[0].0, "1 of 1 host");
    assert!((all[2].rows[0].line - 1.6).abs() < 1e-9);
    // The same hosts again change nothing, whatever the order of the sum.
    assert_eq!(all[3].rows, all[0].rows);
}

#[test]
fn new_hosts_stand_where_the_fewest_do_and_fail_with_them() {
    // x and y carry 8 each, and together 12: neither is enough for both. A third host joins x.
    let two = [("a", "x"), ("b", "y")];
    let text = [
        "[failover]\nlose = [\"zone\"]\nresources = [\"cpu\"]\n".to_owned(),
        scenario("one more", &["kind = \"add\", hosts = 1, shape = \"same\""]),
        scenario("two more", &["kind = \"add\", hosts = 2, shape = \"same\""]),
        scenario(
            "all anew",
            &[
                "kind = \"retire\", where = '{host=~\".*\"}'",
                "kind = \"add\", hosts = 2, shape = \"same\"",
            ],
        ),
    ]
    .concat();
    let plan = planned(&two, 6.0, &text);
    let all = found(&plan);
    let before = vec![("zone x", 8.0, false), ("zone y", 8.0, false)];
    assert_eq!(left(&all[0]), before);
    assert_eq!(left(&all[1]), [("zone x", 8.0, false), ("zone y", 16.0, true)]);
    assert_eq!(left(&all[2]), [("zone x", 16.0, true), ("zone y", 16.0, true)]);
    assert_eq!(left(&all[3]), before);
    // Without a zone of its own a pool has none to give.
    let nowhere = planned(&[("a", ""), ("b", "")], 6.0, &text);
    assert!(found(&nowhere).iter().all(|one| one.failures.is_empty()));
}

#[test]
fn a_pool_of_which_nobody_is_left_survives_nothing() {
    let text = [
        "[failover]\nlose = [\"1 host\", \"zone\"]\nresources = [\"cpu\"]\n".to_owned(),
        scenario("left alone", &["kind = \"retire\", where = '{service=\"web\"}'"]),
        scenario(
            "ended",
            &["kind = \"demand\", factor = 0", "kind = \"retire\", where = '{service=\"web\"}'"],
        ),
    ]
    .concat();
    let plan = planned(&ZONES, 4.0, &text);
    let all = found(&plan);
    assert_eq!((all[0].failures_lost, all[0].failures.len()), (Some(0), 4));
    let alone = &all[1];
    assert_eq!((alone.failures_lost, alone.worst_used_share), (Some(4), Some(f64::INFINITY)));
    let nobody =
        |one: &PoolFailure| (one.demand.round(), one.capacity, one.lost_hosts) == (40.0, 0.0, 0);
    assert!(alone.failures.iter().all(nobody), "{:?}", alone.failures);
    // Without work there is nothing to survive.
    assert_eq!((all[2].failures_lost, all[2].worst_used_share), (Some(0), None));
}

#[test]
fn a_change_that_changes_nothing_is_told() {
    let text = [
        scenario(
            "slips",
            &[
                "kind = \"demand\", factor = 3, where = '{service=\"wbe\"}'",
                "kind = \"add\", hosts = 1, shape = \"same\", where = '{host=\"a1\"}'",
                "kind = \"demand\", factor = 2, from = 2030-01-01",
                "kind = \"demand\", factor = 2, until = 2026-01-01",
                "kind = \"demand\", factor = 2, from = 2026-04-01, until = 2026-04-02",
                "kind = \"retire\", where = '{host=\"a1\"}'",
                "kind = \"demand\", factor = 2, where = '{host=\"a1\"}'",
            ],
        ),
        scenario("sound", &["kind = \"demand\", factor = 3, where = '{service=\"web\"}'"]),
    ]
    .concat();
    let plan = planned(&ZONES, 1.0, &text);
    let unmet = |at: usize| -> Vec<(usize, &str)> {
        found(&plan)[at].unmet.iter().map(|one| (one.change, one.why.as_str())).collect()
    };
    let never = "it does not hold on any day up to the horizon";
    let expected = [
        (1, "no host of a pool has the labels {service=\"wbe\"}"),
        (2, "no pool has the labels {host=\"a1\"}"),
        (3, never),
        (4, never),
        (7, "no host of a pool has the labels {host=\"a1\"}"),
    ];
    assert_eq!(unmet(1), expected);
    assert!(unmet(0).is_empty() && unmet(2).is_empty());
    let note = |change: usize, why: &str| {
        let what = format!("what change {change} of a scenario does: {why}");
        plan.notes.iter().any(|note| note.what == what && note.examples == ["slips"])
    };
    assert!(expected.iter().all(|(change, why)| note(*change, why)), "{:?}", plan.notes);
}

#[test]
fn demand_of_a_resource_that_no_pool_has_changes_nothing() {
    let text = [
        "[[resource]]\nname = \"disk\"\nusage = \"d\"\nlimit = 10\n".to_owned(),
        scenario(
            "slips",
            &[
                "kind = \"demand\", factor = 3, resources = [\"disk\"]",
                "kind = \"demand\", factor = 3, resources = [\"disk\", \"cpu\"]",
            ],
        ),
    ]
    .concat();
    let plan = planned(&ZONES, 1.0, &text);
    let why = "no host of a pool whose disk is known has the labels {}";
    let expected = UnmetChange { change: 1, why: why.to_owned() };
    assert_eq!(found(&plan)[1].unmet, [expected]);
}

#[test]
fn work_of_a_resource_that_nobody_is_left_to_carry_is_lost() {
    let text = [
        "[failover]\nlose = [\"1 host\"]\nresources = [\"cpu\", \"memory\"]\n".to_owned(),
        scenario(
            "cpu only",
            &[
                "kind = \"add\", hosts = 12, shape = \"same\"",
                "kind = \"retire\", where = '{host=~\"a.*\"}'",
            ],
        ),
    ]
    .concat();
    let plan = planned(&ZONES, 4.0, &text);
    let [as_it_is, without] = found(&plan) else { panic!() };
    assert_eq!((as_it_is.failures_lost, without.failures_lost), (Some(0), Some(1)));
    let failure = &without.failures[0];
    let found = (failure.resource.as_str(), failure.demand.round(), failure.capacity);
    assert_eq!(found, ("memory", 40.0, 0.0));
}

#[test]
fn demand_changes_while_nobody_is_there_to_carry_it() {
    let lost = "kind = \"lose\", where = '{host=~\"a.*\"}'";
    let twice = "kind = \"demand\", factor = 2";
    let back = "kind = \"add\", hosts = 20, shape = \"same\"";
    let text = scenario("later", &[lost, twice, back]) + &scenario("before", &[twice, lost, back]);
    let plan = planned(&ZONES, 4.0, &text);
    let [_, later, before] = found(&plan) else { panic!() };
    let cpu = |of: &ScenarioOutcome| {
        of.rows.iter().find(|row| row.resource == "cpu").unwrap().peak.round()
    };
    assert_eq!((cpu(later), cpu(before)), (80.0, 80.0));
    assert_eq!((later.unmet.len(), before.unmet.len()), (0, 0));
}
