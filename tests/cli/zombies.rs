//! `plimsoll zombies`: a small fleet of which it is known who works.

use std::fs;

use super::user::{USAGE, User, golden};

/// 2026-01-17T00:00:00Z, in seconds.
const START: u64 = 1_768_608_000;
const HOURS: u64 = 100 * 24;
const HOSTS: [&str; 5] = ["busy-1", "idle-1", "month-1", "standby-1", "young-1"];
const ASK: &str = "zombies --store s --cpu cpu --cpu-capacity cpus --receive net_in --send net_out \
                   --step 1h";

/// One hour of one host: processors in use, of four, and bytes per second in and out.
fn line(host: &str, hour: u64) -> String {
    let (cpu, sent) = match host {
        "busy-1" => (2.0 + (hour % 24) as f64 / 24.0, 250_000),
        // Three hours of work each 30 days, last 20 days ago.
        "month-1" if hour % 720 == 480 || hour % 720 == 481 => (3.5, 9_000_000),
        _ => (0.01, 20),
    };
    format!("{},{cpu},4,15,{sent}\n", START + hour * 3600)
}

fn with_fleet() -> User {
    let user = User::new();
    for host in HOSTS {
        let from = if host == "young-1" { HOURS - 20 } else { 0 };
        let rows: String = (from..HOURS).map(|hour| line(host, hour)).collect();
        user.write(&format!("f/{host}.csv"), &format!("timestamp,cpu,cpus,net_in,net_out\n{rows}"));
    }
    user.ok("import csv --store s --host-from-file --column cpu=cpu,unit=cores \
             --column cpus=cpus,unit=cores --column net_in=net_in,unit=B/s \
             --column net_out=net_out,unit=B/s f");
    user
}

#[test]
fn every_host_has_a_verdict_and_its_reasons() {
    let user = with_fleet();
    golden("zombies.txt", &user.ok(ASK));
    let all = user.json(&format!("{ASK} --all"));
    let hosts = all["tables"]["hosts"].as_array().unwrap();
    let verdict = |name: &str| {
        let host = hosts.iter().find(|host| host["host"] == name).unwrap();
        (host["verdict"].as_str().unwrap().to_owned(), host["grade"].as_str().map(str::to_owned))
    };
    let pair = |verdict: &str, grade: Option<&str>| (verdict.to_owned(), grade.map(str::to_owned));
    assert_eq!(verdict("idle-1"), pair("ZOMBIE", Some("high")));
    // Without an inventory nobody knows that it stands by.
    assert_eq!(verdict("standby-1"), pair("ZOMBIE", Some("high")));
    assert_eq!(verdict("busy-1"), pair("IN USE", None));
    assert_eq!(verdict("month-1"), pair("IN USE", None));
    assert_eq!(
        (all["facts"]["zombies"].as_u64(), all["facts"]["kept"].as_u64()),
        (Some(2), Some(1))
    );
    assert_eq!(all["tables"]["rules"].as_array().unwrap().len(), 9 * HOSTS.len());
}

#[test]
fn the_inventory_names_owners_prices_and_who_stands_by() {
    let user = with_fleet();
    user.write(
        "inventory.csv",
        "host,service,owner,price,standby,requested_cpu_cores\n\
         idle-1,shop,ann,120.5,,8\nstandby-1,shop,ann,120.5,yes,4\nmonth-1,books,bob,80,,4\n\
         ghost-1,shop,bob,10,,2\n",
    );
    user.write("ledger.csv", "host,since\nbusy-1,2026-04-05\nidle-1,2026-04-05\n");
    let ask = format!("{ASK} --inventory inventory.csv --ledger ledger.csv");
    golden("zombies-inventory.txt", &user.ok(&ask));
    golden("zombies-inventory.csv", &user.ok(&format!("{ask} --format csv")));
    // Who works again has left; who is a zombie for the first time has come.
    let ledger = fs::read_to_string(user.path("ledger.csv")).unwrap();
    assert_eq!(ledger, "host,since\nidle-1,2026-04-05T00:00:00Z\n");
    user.write("inventory.csv", "host,price\nidle-1,much\n");
    user.fails(&ask, "plimsoll: inventory.csv:2: price \"much\" is no number from 0 on");
}

#[test]
fn rules_are_printed_changed_and_given_back() {
    let user = with_fleet();
    let text = user.ok("zombies --print-rules");
    assert_eq!(text.matches("[[rule]]").count(), 9);
    user.write("rules.toml", &text.replace("below = \"1000 B/s\"", "below = \"10 B/s\""));
    let changed = user.json(&format!("{ASK} --rules rules.toml"));
    let rules = changed["tables"]["rules"].as_array().unwrap();
    let rule = rules.iter().find(|rule| rule["host"] == "idle-1").unwrap();
    assert_eq!(
        rule["reason"],
        "sent below 10 B/s: 0% of the samples, 95% needed, mean of sent 20 B/s"
    );
    user.write("rules.toml", &text.replace("14d", "fortnight"));
    let run = user.ends(1, &format!("{ASK} --rules rules.toml"));
    assert!(run.err.starts_with("plimsoll: rules.toml:"), "{}", run.err);
    user.ends(USAGE, "zombies --store s");
    user.fails(
        "zombies --store s --cpu cpu --receive cpu",
        "plimsoll: received is in cores, which does not convert to B/s",
    );
    user.fails(
        &format!("{ASK} --metric seats=cpu"),
        "plimsoll: no rule knows seats; name its unit under [metric]",
    );
    user.fails(
        "zombies --store s --cpu nothing",
        "plimsoll: not enough data: no series of {__name__=\"nothing\"}",
    );
}
