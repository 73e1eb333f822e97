//! Promise: a study with a pool is told what to order, who could leave, what breaks and what would
//! be; and every number can be explained.

use std::fmt::Write as _;

use super::user::{FAILED, User, golden};

/// 60 days of hours of six hosts: four of the shop grow by half a core a day together, two of the
/// mail are half empty. The inventory has zone, owner and price.
fn with_services() -> User {
    let user = User::new();
    let mut lines = "time,metric,value,host,service\n".to_owned();
    for hour in 0..60 * 24_u64 {
        let time = 1_768_608_000 + hour * 3600;
        let (day, busy) = (hour / 24, (8..18).contains(&(hour % 24)));
        for at in 1..=4_u64 {
            // In thousandths of a core: 3 by day, growing by an eighth a day, and some noise.
            let level = if busy { 3_000 + 125 * day } else { 1_000 + 40 * day };
            let milli = level + (hour * hour * (at + 2)) % 97;
            writeln!(lines, "{time},cpu,{milli}e-3,shop-{at},shop").unwrap();
        }
        for at in 1..=3_u64 {
            let milli = 2_000 + (hour * (at + 4)) % 89;
            writeln!(lines, "{time},cpu,{milli}e-3,mail-{at},mail").unwrap();
        }
    }
    user.write("long.csv", &lines);
    user.ok("import csv --store s long.csv");
    user.write(
        "hosts.csv",
        "host,owner,zone,price,requested_cpu_cores\n\
         shop-1,ann,a,100,12\nshop-2,ann,b,100,12\nshop-3,ann,a,100,12\nshop-4,ann,b,100,12\n\
         mail-1,bob,a,80,16\nmail-2,bob,b,80,16\nmail-3,bob,b,80,16\n",
    );
    user.write("study.toml", STUDY);
    user
}

const STUDY: &str = r#"
[study]
name = "two services"
step = "1h"
horizon = "120d"
lead_time = "14d"

[inventory]
file = "hosts.csv"

[[resource]]
name = "cpu"
usage = "cpu"
limit = 16
unit = "cores"
safety_margin = 0.25

[[group]]
name = "service"
by = ["service"]
pool = true

[[shape]]
name = "standard"
price = 110
provides = { cpu = "16 cores" }

[order]
review = "30d"

[failover]
lose = ["1 host", "zone"]

[[scenario]]
name = "half as much again"
change = [{ kind = "demand", factor = 1.5, where = '{service="shop"}', from = 2026-04-01 }]

[[scenario]]
name = "mail leaves zone b"
change = [{ kind = "retire", where = '{service="mail",zone="b"}' }]
"#;

const PLAN: &str = "plan --store s --study study.toml";

#[test]
fn pools_are_ordered_for_and_fail_and_change() {
    let user = with_services();
    golden("plan-pools.txt", &user.ok(PLAN));
    let plan = user.json(PLAN);
    let pools = &plan["pools"];
    let order = &pools["orders"][0];
    assert_eq!(
        (&order["labels"]["service"], &order["shape"]),
        (&"shop".into(), &"standard".into())
    );
    // 4 hosts carry 12 cores each. Of the shop 4 * (3 + 0.125 * 59 + 0.09) = 41.9 were used on the
    // last day; it grows by half a core a day and is full in 12 days, before an order could come.
    // That arrives on day 14 and lasts until day 44: 63.9 cores, two hosts more.
    assert_eq!((&order["overdue"], &order["hosts"]), (&true.into(), &2.into()));
    assert_eq!(order["cost_per_month"], 220.0);
    let target = order["resources"][0]["target"].as_f64().unwrap();
    assert!((63.0..65.0).contains(&target), "{target}");
    // Of three mail hosts one carries it all, with zones a and b one of each is left.
    let leave = &pools["could_leave"][0];
    assert_eq!((&leave["labels"]["service"], &leave["hosts"]), (&"mail".into(), &3.into()));
    assert_eq!(
        (leave["leaving"].as_array().unwrap().len(), &leave["saved_per_month"]),
        (1, &80.0.into())
    );
    let failures = pools["failures"].as_array().unwrap();
    let zone = failures.iter().find(|one| one["failure"] == "zone a" && one["resource"] == "cpu");
    assert_eq!(zone.unwrap()["holds"], false);
    let scenarios = pools["scenarios"].as_array().unwrap();
    assert_eq!((&scenarios[0]["name"], scenarios.len()), (&"as it is".into(), 3));
    assert_eq!((&scenarios[0]["hosts"], &scenarios[2]["hosts"]), (&7.0.into(), &5.0.into()));
    assert!(scenarios[1]["ordered_hosts"].as_u64() > scenarios[0]["ordered_hosts"].as_u64());
    let design = plan["design"]["rows"].as_array().unwrap();
    let bob = design.iter().find(|row| row["name"] == "bob").unwrap();
    assert_eq!((&bob["requested"], &bob["provisioned"]), (&48.0.into(), &48.0.into()));
    // The same question has the same answer.
    assert_eq!(user.ok(PLAN), user.ok(PLAN));
    user.ok("report --store s --study study.toml -o r.html");
    let page = std::fs::read_to_string(user.path("r.html")).unwrap();
    for part in ["2 × standard", "What breaks under which failure", "Scenarios side by side"] {
        assert!(page.contains(part), "{part}");
    }
}

#[test]
fn every_number_can_be_explained() {
    let user = with_services();
    golden("explain.txt", &user.ok("explain --store s --study study.toml shop"));
    let found = user.json("explain --store s --study study.toml mail-1 cpu");
    assert_eq!(found["tables"]["sentences"][0]["subject"], "host mail-1: cpu");
    let refused = user.ends(FAILED, "explain --store s --study study.toml mail-");
    assert!(refused.err.contains("nothing named \"mail-\"; there are: mail-1, mail-2, mail-3"));
    let refused = user.ends(FAILED, "explain --store s --study study.toml mail-1 disk");
    assert!(refused.err.contains("\"mail-1\" with \"disk\"; it has cpu"), "{refused:?}");
}

#[test]
fn mistakes_in_study_and_inventory_name_their_line() {
    let user = with_services();
    user.write("study.toml", &STUDY.replace("provides = { cpu", "provides = { gpu"));
    let refused = user.ends(FAILED, PLAN);
    assert!(refused.err.contains("study.toml:26: no resource is named \"gpu\""), "{refused:?}");
    user.write("study.toml", STUDY);
    user.write("hosts.csv", "host,price\nshop-1,-4\n");
    let refused = user.ends(FAILED, PLAN);
    assert!(
        refused.err.contains("hosts.csv:2: price \"-4\" is no number from 0 on"),
        "{refused:?}"
    );
    user.write("study.toml", &STUDY.replace("hosts.csv", "none.csv"));
    assert!(user.ends(FAILED, PLAN).err.contains("none.csv"));
}
