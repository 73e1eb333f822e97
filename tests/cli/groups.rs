//! Promise: rows that add hosts up add up all of them, however they are sampled, and say what they
//! could not.

use std::fmt::Write as _;

use serde_json::Value;

use super::user::{FAILED, User};

/// 2026-01-17T00:00:00Z, in seconds.
const START: u64 = 1_768_608_000;
const DAYS: u64 = 20;
const STUDY: &str = "[[resource]]\nname = \"mem\"\nusage = \"used\"\nlimit = \"lim\"\n\
                     [[group]]\nname = \"zone\"\nby = [\"zone\"]\n";

/// Hosts of zone z, each sampled every hour and so many seconds after the last, over 20 days and
/// the instant after; `lim` says on which hours there is a limit of 100.
fn store(hosts: &[&str], apart: u64, lim: impl Fn(&str, u64) -> bool) -> User {
    let user = User::new();
    let mut lines = "time,metric,value,host,zone\n".to_owned();
    for hour in 0..=DAYS * 24 {
        for (at, host) in (0..).zip(hosts) {
            let time = START + hour * 3600 + at * apart;
            if time > START + DAYS * 86_400 {
                continue;
            }
            let used = 50.0 + ((hour * hour * (at + 3)) % 17) as f64 / 10.0;
            writeln!(lines, "{time},used,{used},{host},z").unwrap();
            if lim(host, hour) {
                writeln!(lines, "{time},lim,100,{host},z").unwrap();
            }
        }
    }
    user.write("long.csv", &lines);
    user.ok("import csv --store s --time-unit s long.csv");
    user.write("study.toml", STUDY);
    user
}

/// The one row of the zone.
fn zone(user: &User) -> Value {
    user.json("plan --store s --study study.toml")["groups"][0]["rows"][0].clone()
}

#[test]
fn a_day_that_has_just_begun_does_not_fill_a_zone() {
    // Of four hosts 15 seconds apart only one was sampled at the last midnight.
    let user = store(&["a", "b", "c", "d"], 15, |_, _| true);
    let row = zone(&user);
    assert_eq!((&row["limit"], &row["limit_change"]), (&400.0.into(), &Value::Null));
    assert_eq!(row["outcome"], "no_trend");
    user.write("study.toml", &STUDY.replace("\"lim\"", "100"));
    assert_eq!(zone(&user)["limit"], 400.0, "a number holds for each of them");
}

#[test]
fn a_limit_that_was_told_once_counts_for_as_long_as_its_host_is_used() {
    let user = store(&["a", "b"], 15, |host, hour| host == "a" || hour == 0);
    assert_eq!(zone(&user)["limit"], 200.0);
}

#[test]
fn hosts_sampled_seldom_and_not_together_are_added_up_whole() {
    let user = store(&["a", "b"], 1_800, |_, _| true);
    let row = zone(&user);
    assert_eq!(row["limit"], 200.0);
    assert!(row["peak"]["value"].as_f64().unwrap() > 100.0, "{row}");
}

#[test]
fn what_is_missing_is_named() {
    let user = store(&["a", "b"], 0, |host, _| host == "a");
    let misspelt = "\n[[resource]]\nname = \"disk\"\nusage = \"dsk\"\nlimit = 1\n";
    user.write("study.toml", &format!("{STUDY}{misspelt}"));
    let text = user.ok("plan --store s --study study.toml --all");
    for said in [
        "1  anything of a resource: no series of its usage was selected (disk)",
        "1  the headroom of a row: this is in its usage, and has no limit (b of z: mem)",
    ] {
        assert!(text.contains(said), "{text}");
    }
}

#[test]
fn a_time_outside_of_the_data_is_an_error() {
    let user = store(&["a"], 0, |_, _| true);
    for line in ["as_of = 2020-01-01", "ignore_before = 2027-01-01"] {
        user.write("study.toml", &format!("[study]\n{line}\n{STUDY}"));
        let said = user.ends(FAILED, "plan --store s --study study.toml").err;
        assert!(said.contains("2026-01-17T00:00:00Z to 2026-02-06"), "{said}");
        assert!(said.contains(line.split_once(' ').unwrap().0), "{said}");
    }
}
