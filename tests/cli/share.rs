//! `plimsoll share`: a fleet added up from a store.

use super::user::{User, golden};
use super::with_store;

/// Four hosts in two zones, two of them busy by day and two by night, for two days of hours; one
/// has a gap.
fn with_zones() -> User {
    let user = User::new();
    let mut lines = "time,metric,value,host,zone,service\n".to_owned();
    for hour in 0..48_u64 {
        let time = 1_768_608_000 + hour * 3600;
        let day = if (8..18).contains(&(hour % 24)) { 90 } else { 10 };
        for (host, zone, service, value) in [
            ("a", "north", "shop", day + hour % 3),
            ("b", "north", "batch", 100 - day),
            ("c", "south", "shop", day + hour % 5),
            ("d", "south", "mail", 50 + hour % 2),
        ] {
            if host != "d" || hour != 30 {
                let line = format!("{time},load,{value},{host},{zone},{service}\n");
                lines.push_str(&line);
            }
        }
    }
    user.write("long.csv", &lines);
    user.ok("import csv --store s long.csv");
    user
}

#[test]
fn groups_need_less_together_than_apart() {
    let user = with_zones();
    let by_zone = "share --store s load --step 1h --by zone";
    golden("share.txt", &user.ok(by_zone));
    golden("share.csv", &user.ok(&format!("{by_zone} --format csv")));
    let found = user.json(by_zone);
    let facts = &found["facts"];
    // By hand: a at most 92, b 90, c 94, d 51; in the hour 14 of a day a + b + c + d is most.
    assert_eq!(facts["sum_of_peaks"], 327.0);
    let north = &found["tables"]["groups"][0];
    assert_eq!((&north["group"], &north["series"]), (&"north".into(), &2.into()));
    assert_eq!((&north["sum_of_peaks"], &north["peak_of_sum"]), (&182.0.into(), &102.0.into()));
    let south = &found["tables"]["groups"][1];
    assert!((south["complete"].as_f64().unwrap() - 47.0 / 48.0).abs() < 1e-12);
    golden(
        "share-partners.txt",
        &user.ok("share --store s load --step 1h --by service --partners"),
    );
}

#[test]
fn every_quantile_and_range_may_be_asked_for() {
    let user = with_zones();
    let line = "share --store s load --step 1h --quantile 0.5 --from 2026-01-17 --to 2026-01-18";
    let found = user.json(line);
    assert_eq!((&found["facts"]["steps"], &found["facts"]["series"]), (&24.into(), &4.into()));
    // Without --by there are no groups, only all of them.
    assert_eq!(found["tables"]["groups"].as_array().unwrap().len(), 1);
    assert_eq!(found["facts"]["quantile"], 0.5);
    // The gap of d is on the second day, and is filled where that is asked for.
    assert!(!user.ok(line).contains("no sum"));
    let gap = user.json("share --store s load --step 1h --by zone");
    let filled = user.json("share --store s load --step 1h --by zone --fill 1h");
    let complete = |found: &serde_json::Value| found["tables"]["groups"][2]["complete"].clone();
    assert!(complete(&gap).as_f64().unwrap() < 1.0);
    assert_eq!(complete(&filled), 1.0);
}

#[test]
fn a_saving_is_no_more_than_the_data_allow() {
    let user = User::new();
    // a is at its peak before b comes: together they are known at 20, and were at 110 at least.
    user.write(
        "long.csv",
        "time,metric,value,host\n0,load,100,a\n3600,load,10,a\n3600,load,10,b\n",
    );
    user.ok("import csv --store s --time-unit s long.csv");
    let found = user.json("share --store s load --step 1h");
    let facts = &found["facts"];
    assert_eq!((&facts["steps"], &facts["complete_steps"]), (&2.into(), &1.into()));
    assert_eq!(
        (&facts["peak_of_sum"], &facts["peak_of_sum_at_least"]),
        (&20.0.into(), &110.0.into())
    );
    assert_eq!((&facts["saving"], &facts["saving_at_least"]), (&0.0.into(), &0.0.into()));
    assert_eq!(found["tables"]["groups"][0]["peak_of_sum_at_least"], 110.0);
    let csv = user.ok("share --store s load --step 1h --format csv");
    assert!(csv.contains("\nsaving,0,\nsaving_at_least,0,\n"), "{csv}");
}

#[test]
fn no_label_steers_a_terminal_or_a_spreadsheet() {
    let user = User::new();
    let row = |host: &str| format!("3600,load,10,{host}\n");
    let rows = ["a\u{1b}[31m", "b\u{202e}c"].map(row).concat();
    user.write("long.csv", &format!("time,metric,value,host\n{rows}"));
    user.ok("import csv --store s --time-unit s long.csv");
    for line in [
        "share --store s load --step 1h --by host",
        "share --store s load --step 1h --by host --format csv",
        "query --store s load --step 1h",
        "query --store s load --step 1h --format csv",
    ] {
        let out = user.ok(line);
        assert!(!out.contains(['\u{1b}', '\u{202e}']), "{line}: {out:?}");
        assert!(out.contains("\\u{1b}[31m") && out.contains("\\u{202e}c"), "{line}: {out:?}");
    }
}

#[test]
fn a_label_that_no_series_has_is_told() {
    let user = with_zones();
    let run = user.ends(super::user::DONE, "share --store s load --step 1h --by zone,nosuch");
    assert_eq!(
        run.err,
        "note: no series has the label \"nosuch\", which tells none of them apart\n"
    );
}

#[test]
fn what_cannot_be_added_up_is_refused() {
    let user = with_store();
    let run = user.ends(
        super::user::FAILED,
        "share --store s {__name__=~\"disk_used_gb|cpu_usage_mhz\"} --step 1h",
    );
    assert!(run.err.contains("which cannot be added up; select one metric"), "{run:?}");
    user.fails(
        "share --store s no_such_metric",
        "plimsoll: not enough data: \
         no series of {__name__=\"no_such_metric\"} has samples in this range",
    );
    user.fails(
        "share --store s disk_used_gb --quantile 99",
        "plimsoll: 99 is no quantile of a peak: take a share above 0, up to 1, as in 0.99; 1 is \
         the peak",
    );
}
