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
    assert_eq!(
        ledger,
        "host,since,seen,stage\nidle-1,2026-04-05T00:00:00Z,2026-04-27T00:00:00Z,warn\n"
    );
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

#[test]
fn a_host_that_worked_between_two_looks_starts_anew() {
    let user = User::new();
    // Idle for 35 days, at work for 70, idle again.
    let line = |hour: u64| {
        let works = (35..105).contains(&(hour / 24));
        let (cpu, net) = if works { (2.0, 1_000_000) } else { (0.01, 20) };
        format!("{},{cpu},4,{net},{net}\n", START + hour * 3600)
    };
    let rows: String = (0..125 * 24).map(line).collect();
    user.write("f/reborn.csv", &format!("timestamp,cpu,cpus,net_in,net_out\n{rows}"));
    user.write("f/=1+1.csv", &format!("timestamp,cpu,cpus,net_in,net_out\n{rows}"));
    user.ok("import csv --store s --host-from-file --column cpu=cpu,unit=cores \
             --column cpus=cpus,unit=cores --column net_in=net_in,unit=B/s \
             --column net_out=net_out,unit=B/s f");
    let look = |now: &str| {
        let found = user.json(&format!("{ASK} --ledger ledger.csv --now {now}"));
        let hosts = found["tables"]["hosts"].as_array().unwrap().clone();
        let of = |key: &str| hosts.iter().map(|one| one[key].to_string()).collect::<Vec<_>>();
        (of("since"), of("stage"))
    };
    let both = |text: &str| vec![format!("{text:?}"); 2];
    assert_eq!(look("2026-02-16"), (both("2026-02-16"), both("wait")));
    assert_eq!(look("2026-05-22"), (both("2026-05-22"), both("wait")), "not stopped");
    // A name that a spreadsheet would run is not run, and read back as it is.
    let ledger = fs::read_to_string(user.path("ledger.csv")).unwrap();
    assert!(ledger.contains("\n'=1+1,2026-05-22T00:00:00Z,2026-05-22T00:00:00Z,\n"), "{ledger}");
}

#[test]
fn samples_that_lie_further_apart_than_steps_are_told() {
    let user = with_fleet();
    let found = user.json(&ASK.replace(" --step 1h", ""));
    let hosts = found["tables"]["hosts"].as_array().unwrap();
    let idle = hosts.iter().find(|host| host["host"] == "idle-1").unwrap();
    assert_eq!(idle["verdict"], "UNDETERMINED");
    let reason = idle["reason"].as_str().unwrap();
    let why = "its samples lie 1h apart, in steps of 5m: give --step 1h";
    assert!(reason.ends_with(why), "{reason}");
    user.write("st/study.toml", &format!("{}{SECTION}", RESOURCE.replace("1h", "5m")));
    let plan = user.ok(PLAN);
    assert!(plan.contains("set step = \"1h\" under [study]"), "{plan}");
}

const RESOURCE: &str = "[study]\nstep = \"1h\"\n[[resource]]\nname = \"cpu\"\nusage = \"cpu\"\n\
                        limit = \"cpus\"\nunit = \"cores\"\n";
const SECTION: &str = "[zombie]\ncpu = \"cpu\"\ncpu_capacity = \"cpus\"\nreceive = \"net_in\"\n\
                       send = \"net_out\"\n";
const PLAN: &str = "plan --store s --study st/study.toml";

#[test]
fn a_plan_tells_the_zombies_that_the_command_tells() {
    let user = with_fleet();
    user.write("st/study.toml", &format!("{RESOURCE}{SECTION}"));
    golden("plan-zombies.txt", &user.ok(PLAN));
    let names = |found: &serde_json::Value, key: &str| {
        let hosts = found.as_array().unwrap().iter();
        hosts.map(|host| host[key].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let plan = user.json(PLAN);
    let told = user.json(&format!("{ASK} --all"));
    let hosts = told["tables"]["hosts"].as_array().unwrap();
    let zombies = hosts.iter().filter(|host| host["verdict"] == "ZOMBIE").cloned().collect();
    assert_eq!(names(&plan["zombies"]["hosts"], "host"), names(&zombies, "host"));
    assert_eq!(names(&plan["zombies"]["kept"], "host"), ["month-1"]);
    assert_eq!(names(&plan["zombies"]["undetermined"], "host"), ["young-1"]);
    let said = plan["zombies"]["hosts"][0]["said_by"].as_array().unwrap();
    let rules = told["tables"]["rules"].as_array().unwrap();
    let of_host =
        |rule: &&serde_json::Value| rule["host"] == "idle-1" && rule["verdict"] == "ZOMBIE";
    let expected: Vec<_> = rules.iter().filter(of_host).collect();
    assert!(!said.is_empty() && said.len() == expected.len());
    for (said, rule) in said.iter().zip(expected) {
        assert_eq!((&said["rule"], &said["why"]), (&rule["rule"], &rule["reason"]));
    }
    // One list: the study's own rule finds nothing, and no zombie is too large as well; nor is a
    // host that is kept for what it does once a month.
    assert!(plan["idle"]["hosts"].as_array().unwrap().is_empty());
    assert!(plan["overprovisioned"]["rows"].as_array().unwrap().is_empty());
    user.write("st/study.toml", RESOURCE);
    let own = user.json(PLAN);
    assert!(own.get("zombies").is_none() && own["idle"]["hosts"].as_array().unwrap().len() == 2);
    user.write("st/study.toml", &format!("{RESOURCE}{SECTION}only = [\"koomey-comatose\"]\n"));
    let koomey = user.json(PLAN);
    assert_eq!(koomey["zombies"]["rules"], serde_json::json!(["koomey-comatose"]));
    assert!(koomey["zombies"]["hosts"].as_array().unwrap().is_empty());
}

#[test]
fn a_plan_reads_inventory_ledger_and_rules_beside_its_study() {
    let user = with_fleet();
    user.write(
        "st/hosts.csv",
        "host,owner,price,standby\nidle-1,ann,120.5,\nstandby-1,ann,9,yes\n",
    );
    user.write("st/ledger.csv", "host,since\nidle-1,2026-04-05\n");
    let study =
        format!("{RESOURCE}[inventory]\nfile = \"hosts.csv\"\n{SECTION}ledger = \"ledger.csv\"\n");
    user.write("st/study.toml", &study);
    golden("plan-zombies-inventory.txt", &user.ok(PLAN));
    let zombies = user.json(PLAN)["zombies"].clone();
    let host = &zombies["hosts"][0];
    assert_eq!((&host["owner"], &host["price_per_month"]), (&"ann".into(), &120.5.into()));
    assert_eq!((&host["since"], &host["stage"]), (&"2026-04-05".into(), &"warn".into()));
    assert_eq!(host["stages"][3]["on"], "2026-05-03");
    assert_eq!(zombies["savings"]["price_per_month"], 120.5);
    user.ok("report --store s --study st/study.toml -o zombies.html");
    let page = fs::read_to_string(user.path("zombies.html")).unwrap();
    for part in ["Zombies: 1 of 5 hosts", "google-idle-vm, aws-trusted", "save 120.50 a month"] {
        assert!(page.contains(part), "{part}");
    }
    let text = user.ok("zombies --print-rules");
    user.write("st/rules.toml", &text.replace("below = \"1000 B/s\"", "below = \"10 B/s\""));
    user.write("st/study.toml", &format!("{study}rules = \"rules.toml\"\n"));
    let said = user.json(PLAN)["zombies"]["hosts"][0]["said_by"].clone();
    assert!(said.as_array().unwrap().iter().all(|one| one["rule"] != "google-idle-vm"), "{said}");
    user.write("st/rules.toml", "[policy]\n");
    let run = user.ends(1, PLAN);
    assert!(run.err.starts_with("plimsoll: st/rules.toml:1: "), "{}", run.err);
}

#[test]
fn what_a_study_asks_of_the_store_in_vain_has_its_line() {
    let user = with_fleet();
    for (section, why) in [
        ("[zombie]\ncpu = \"none\"\n", "10: no series of {__name__=\"none\"}; `plimsoll ls` lists"),
        (
            "[zombie]\ncpu = \"cpu\"\nsend = \"cpu\"\n",
            "11: sent is in cores, which does not convert",
        ),
        (
            "[zombie]\ncpu = \"net_in\"\n",
            "10: cpu is in B/s; give cpu_capacity, or write '... in cores'",
        ),
    ] {
        user.write("st/study.toml", &format!("{RESOURCE}\n{section}"));
        let run = user.ends(1, PLAN);
        let expected = format!("plimsoll: st/study.toml:{why}");
        assert!(run.err.starts_with(&expected), "{}\n{expected}", run.err);
    }
}
