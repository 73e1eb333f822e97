//! Promise: rows that add hosts up add up all of them, however they are sampled, and say what they
//! could not.

use std::fmt::Write as _;

use serde_json::Value;

use super::user::User;

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
fn hosts_sampled_seldom_and_not_together_are_added_up_whole() {
    let user = store(&["a", "b"], 1_800, |_, _| true);
    let row = zone(&user);
    assert_eq!(row["limit"], 200.0);
    assert!(row["peak"]["value"].as_f64().unwrap() > 100.0, "{row}");
}
