//! Promise: the command does what its help says. The real binary is run as a user would run it, on
//! a small fleet, and what it prints is compared word for word.

mod bench;
mod budgets;
mod calc;
mod calc_budget;
mod calc_drivers;
mod calc_edges;
mod calc_failover;
mod calc_gap;
mod calc_hardware;
mod calc_numbers;
mod calc_options;
mod calc_order;
mod calc_pack;
mod calc_queue;
mod calc_remaining;
mod calc_rightsize;
mod calc_scale;
mod calc_share;
mod forecasts;
mod groups;
mod imports;
mod laws;
mod plans;
mod pools;
mod queries;
mod report;
mod rightsize;
mod share;
mod upkeep;
pub(crate) mod user;
mod zombies;

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use plimsoll::{Store, StoreOptions};
use user::{DONE, FAILED, PARTIAL, PROBLEMS, USAGE, User, golden, mask};

/// 2026-01-17T00:00:00Z, in seconds.
const START: u64 = 1_768_608_000;
/// Hours of history, half of them in January, half in February.
const HOURS: u64 = 30 * 24;
const HEADER: &str = "timestamp,cpu_usage_mhz,cpu_capacity_mhz,disk_used_gb,disk_capacity_gb\n";

/// A small number that looks like noise and is always the same.
fn noise(hour: u64, below: u64) -> u64 {
    (hour.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33) % below
}

/// One hour of one host: a disk that fills, one that does not, and a host that does nothing.
fn line(host: &str, hour: u64) -> String {
    let (cpu, disk) = match host {
        "db-1" => (800 + 100 * (hour % 24) + noise(hour, 50), 300 + hour / 6 + noise(hour, 3)),
        "web-1" => (1200 + 60 * (hour % 24) + noise(hour, 90), 120 + noise(hour, 2)),
        _ => (4 + noise(hour, 2), 20),
    };
    format!("{},{cpu},8000,{disk},500\n", START + hour * 3600)
}

const HOSTS: [&str; 3] = ["db-1", "web-1", "old-1"];
/// January's half and February's half.
const MONTHS: [(&str, std::ops::Range<u64>); 2] =
    [("2026-1", 0..HOURS / 2), ("2026-2", HOURS / 2..HOURS)];
const IMPORT: &str = "import csv --store s --host-from-file";

/// A user with one file per host and month, and nothing imported.
fn with_files() -> User {
    let user = User::new();
    for (month, hours) in MONTHS {
        for host in HOSTS {
            let rows: String = hours.clone().map(|hour| line(host, hour)).collect();
            user.write(&format!("{month}/{host}.csv"), &format!("{HEADER}{rows}"));
        }
    }
    user
}

/// A user with both months in the store `s`.
fn with_store() -> User {
    let user = with_files();
    user.ok(&format!("{IMPORT} 2026-1 2026-2"));
    user
}

#[test]
fn wide_tables_are_imported_listed_and_measured() {
    let user = with_files();
    golden("import-wide.txt", &user.ok(&format!("{IMPORT} 2026-1 2026-2")));
    golden("ls.txt", &user.ok("ls --store s"));
    golden("ls-series.txt", &user.ok("ls --store s --series"));
    golden("ls-selected.txt", &user.ok(r#"ls --store s --series {host="db-1"}"#));
    let stat = user.ok("stat --store s");
    golden("stat.txt", &mask(&stat, &["disk bytes        ", "  in segments     ", "sample  "]));
    let check = user.ok("check --store s");
    golden("check.txt", &mask(&check, &["files, "]));

    let ls = user.json("ls --store s --series");
    assert_eq!(ls["metrics"].as_array().unwrap().len(), 4);
    assert_eq!(ls["series"].as_array().unwrap().len(), 12);
    let stat = user.json("stat --store s");
    assert_eq!((&stat["samples"], &stat["series"]), (&(12 * HOURS).into(), &12.into()));
    let disk = stat["disk_bytes"].as_f64().unwrap();
    let ratio = disk / (12 * HOURS) as f64;
    assert!((stat["bytes_per_sample"].as_f64().unwrap() - ratio).abs() < 1e-9);
    let check = user.json("check --store s");
    assert_eq!(check["findings"].as_array().unwrap().len(), 0);
    assert_eq!(check["samples"], 12 * HOURS);
}

#[test]
fn queries_are_printed_in_every_format() {
    let user = with_store();
    let daily = "query --store s disk_used_gb --agg max --step 1d --to 2026-01-20";
    golden("query.txt", &user.ok(daily));
    golden("query.csv", &user.ok(&format!("{daily} --format csv")));
    golden("query.json", &user.ok(&format!("{daily} --format json")));
    user.json(daily);
    let sum = "query --store s cpu_usage_mhz --by metric --across sum --agg mean --step 5d";
    golden("query-sum.txt", &user.ok(sum));
    let busy = user.ok("query --store s cpu_usage_mhz --where >2000 --agg count --format csv");
    let above = |host| {
        let cpu = |hour| line(host, hour).split(',').nth(1).unwrap().parse::<u64>().unwrap();
        (0..HOURS).filter(|hour| cpu(*hour) > 2_000).count().to_string()
    };
    let counts: Vec<&str> =
        busy.lines().skip(1).map(|row| row.rsplit(',').next().unwrap()).collect();
    assert_eq!(counts, ["db-1", "old-1", "web-1"].map(above));
    assert!(counts[0] > "0" && counts[1] == "0", "{counts:?}");
    golden("query-p95.txt", &user.ok("query --store s cpu_usage_mhz --agg p95"));
    golden("query-nothing.txt", &user.ok("query --store s no_such_metric"));
    let several = "query --store s cpu_usage_mhz --agg max,p95,count --top 2";
    golden("query-top.txt", &user.ok(several));
    let hosts = user.ok("query --store s cpu_usage_mhz --agg max --bottom 2 --format csv");
    assert!(hosts.lines().nth(1).unwrap().contains("old-1"), "{hosts}");
}

#[test]
fn what_a_query_read_is_accounted_for_and_limited() {
    let user = with_store();
    let query = "query --store s cpu_usage_mhz --agg stddev";
    let explain = user.json(&format!("{query} --explain"));
    let samples = |part: &str| explain[part]["samples"].as_u64().unwrap();
    assert_eq!(explain["series_done"], 3);
    assert_eq!(samples("decoded"), 3 * HOURS);
    assert_eq!(samples("stored"), samples("decoded") + samples("outside"));
    let text = user.ok(&format!("{query} --explain"));
    assert!(text.starts_with("series       3 of 3\nstored       "), "{text}");
    for (limit, says) in [
        ("--max-series 2", "the number of series of a query is 3, over the limit of 2"),
        ("--max-samples 10", "--max-samples"),
        ("--max-bytes 10", "--max-bytes"),
        ("--timeout 0s", "--timeout"),
    ] {
        let refused = user.ends(FAILED, &format!("{query} {limit}"));
        assert!(refused.err.contains(says), "{limit}: {refused:?}");
    }
    user.ok(&format!("{query} --max-series 3 --max-samples 100000 --timeout 1h"));
}

#[test]
fn steps_of_the_calendar_are_those_of_a_zone() {
    let user = with_store();
    let monthly = "query --store s disk_used_gb --agg max --step month --zone Europe/Berlin";
    golden("query-month.txt", &user.ok(monthly));
    golden("query-month.csv", &user.ok(&format!("{monthly} --format csv")));
    golden("query-month.json", &user.ok(&format!("{monthly} --format json")));
    user.json(monthly);
    // A date is midnight in the zone, so that no day is cut.
    let days = "query --store s cpu_usage_mhz{host=\"db-1\"} --agg count --step day";
    let range = "--from 2026-01-20 --to 2026-01-22";
    golden("query-days.txt", &user.ok(&format!("{days} --zone Asia/Kolkata {range}")));
    let weeks = user.json("query --store s cpu_usage_mhz --agg count --step week");
    assert_eq!(weeks["calendar"]["unit"], "week");
    assert_eq!(weeks["calendar"]["zone"], "UTC");
    assert_eq!(weeks["calendar"]["edges"][0], "2026-01-12T00:00:00Z");
    user.fails(
        "query --store s cpu_usage_mhz --step 1h --zone Europe/Berlin",
        "plimsoll: steps of 1h are the same in every zone; leave --zone out, or write --step day, \
         week, month, quarter or year",
    );
    user.fails(
        "query --store s cpu_usage_mhz --step day --fill 2d",
        "plimsoll: fill carries values over steps of one length, and a day in UTC is none; ask \
         without it, or in steps of a length, as 1d",
    );
    let run = user.ends(USAGE, "query --store s cpu_usage_mhz --step day --zone Mars");
    assert!(run.err.contains("write an IANA name such as Europe/Berlin"), "{run:?}");
    let run = user.ends(USAGE, "query --store s cpu_usage_mhz --step monthly");
    assert!(run.err.contains("or day, week, month, quarter or year"), "{run:?}");
}

#[test]
fn selectors_match_with_all_four_operators() {
    let user = with_store();
    for (selector, hosts) in [
        (r#"disk_used_gb{host="db-1"}"#, vec!["db-1"]),
        (r#"disk_used_gb{host!="db-1"}"#, vec!["old-1", "web-1"]),
        (r#"disk_used_gb{host=~"(web|db)-.*"}"#, vec!["db-1", "web-1"]),
        (r#"disk_used_gb{host!~"(web|db)-.*"}"#, vec!["old-1"]),
        (r#"disk_used_gb{host=~"b-1"}"#, vec![]),
        (r#"disk_used_gb{host!="old-1",host!~"web-.*"}"#, vec!["db-1"]),
    ] {
        let expected: String = hosts.iter().fold(String::new(), |mut text, host| {
            writeln!(text, "disk_used_gb{{host=\"{host}\"}}").unwrap();
            text
        });
        assert_eq!(user.ok(&format!("ls --store s --series {selector}")), expected, "{selector}");
        let table = user.ok(&format!("query --store s --format csv {selector}"));
        let found = table.lines().skip(1).count();
        assert_eq!(found, hosts.len(), "{selector}: {table}");
    }
}

#[test]
fn a_study_is_begun_and_planned() {
    let user = with_store();
    let study = user.ok("study init --store s");
    golden("study.toml", &study);
    user.write("study.toml", &study);
    let plan = "plan --store s --study study.toml";
    golden("plan.txt", &user.ok(&format!("{plan} --all")));
    golden("plan.csv", &user.ok(&format!("{plan} --format csv")));
    golden("plan.json", &user.ok(&format!("{plan} --format json")));
    let plan = user.json(plan);
    let rows = plan["hosts"]["rows"].as_array().unwrap();
    let full: Vec<&str> = rows
        .iter()
        .filter(|row| row["outcome"] == "within")
        .map(|row| row["labels"]["host"].as_str().unwrap())
        .collect();
    assert_eq!(full, ["db-1"], "the disk that fills, and no other");
    let idle = plan["idle"]["hosts"].as_array().unwrap();
    assert_eq!(idle.len(), 1, "{idle:?}");
    assert_eq!(idle[0]["labels"]["host"], "old-1");
}

#[test]
fn compaction_changes_no_answer() {
    let user = with_files();
    user.ok(&format!("{IMPORT} 2026-1"));
    user.ok(&format!("{IMPORT} 2026-2"));
    let query = "query --store s {host=~\".+\"} --step 1d --format csv";
    let before = user.ok(query);
    let report = user.ok("compact --store s");
    golden("compact.txt", &mask(&report, &["segments of ", "became 1 of "]));
    assert_eq!(user.ok(query), before);
    assert_eq!(user.segments("s").len(), 1);

    user.ok("compact --store s --drop-before 2026-02-01");
    let january = user.ok("query --store s disk_used_gb --to 2026-02-01 --format csv");
    assert_eq!(january.lines().count(), 1, "{january}");
}

#[test]
fn what_is_dropped_leaves_the_disk_when_segments_merge() {
    let user = with_files();
    user.ok(&format!("{IMPORT} 2026-1"));
    user.ok(&format!("{IMPORT} 2026-2"));
    let report = user.json("compact --store s --drop-before 2026-01-27");
    assert_eq!((&report["segments_before"], &report["segments_after"]), (&2.into(), &1.into()));
    assert!(report["bytes_after"].as_u64() < report["bytes_before"].as_u64(), "{report}");
    assert_eq!(user.json("stat --store s")["samples"], 12 * (HOURS - 10 * 24));
    let range = user.ok("stat --store s");
    assert!(range.contains("2026-01-27T00:00:00Z to 2026-02-15T23:00:00Z (20.0 days)"), "{range}");
}

#[test]
fn importing_again_changes_nothing() {
    let user = with_store();
    let (samples, segments) = (user.json("stat --store s")["samples"].clone(), user.segments("s"));
    assert!(!segments.is_empty());

    let same = |what: &str| {
        assert_eq!(user.json("stat --store s")["samples"], samples, "{what}");
        assert!(user.segments("s") == segments, "{what}: a segment has changed");
    };
    user.ok(&format!("{IMPORT} 2026-1 2026-2"));
    same("the same files");
    for (month, hours) in MONTHS {
        for host in HOSTS {
            let rows: String = hours.clone().rev().map(|hour| line(host, hour)).collect();
            user.write(&format!("copy/{host}/{month}-again.csv"), &format!("{HEADER}{rows}"));
        }
    }
    let report = user.json("import csv --store s --labels-from-path {host}/{}.csv copy");
    assert_eq!(report["conflicts"], 0);
    same("renamed, with the rows reversed");
}

#[test]
fn months_may_come_in_any_order() {
    let user = with_store();
    let reversed = with_files();
    reversed.ok(&format!("{IMPORT} 2026-2"));
    reversed.ok(&format!("{IMPORT} 2026-1"));
    for query in [
        "query --store s {host=~\".+\"} --step 1h --agg last --format csv",
        "query --store s {host=~\".+\"} --step 7d --agg p95 --by metric --format csv",
        "query --store s {host=~\".+\"} --agg increase --format json",
    ] {
        let expected = user.ok(query);
        assert!(expected.lines().count() > 4, "{expected}");
        assert_eq!(reversed.ok(query), expected, "{query}");
    }
}

#[test]
fn bad_lines_are_counted_and_named() {
    let user = User::new();
    user.write(
        "web-1.csv",
        "timestamp,cpu\n1768608000,1\n1768608300,many\n1768608600,3,4\nsoon,5\n1768609200,6\n",
    );
    let run = user.ends(PARTIAL, "import csv --store s web-1.csv --label host=web-1");
    golden("import-partial.txt", &run.out);
    golden("import-partial-errors.txt", &mask(&run.err, &["samples, "]));
    assert_eq!(user.json("stat --store s")["samples"], 2, "the good lines");
    let run = user.ends(PARTIAL, "import csv --store s web-1.csv --label host=a --format json");
    let report: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!((&report["rejected"], &report["problems"][0]["line"]), (&3.into(), &3.into()));

    let strict = user.ends(FAILED, "import csv --store t web-1.csv --label host=web-1 --strict");
    golden("import-strict-errors.txt", &strict.err);
    assert_eq!(strict.out, "");
}

#[test]
fn values_that_differ_are_conflicts_and_the_first_stays() {
    let user = User::new();
    user.write("a.csv", "timestamp,cpu\n1768608000,1\n1768608300,2\n");
    user.write("b.csv", "timestamp,cpu\n1768608000,1\n1768608300,3\n");
    user.ok("import csv --store s --label host=x a.csv");
    golden("import-conflicts.txt", &user.ok("import csv --store s --label host=x b.csv"));
    let last = user.ok("query --store s cpu --agg last --format csv");
    assert!(last.trim_end().ends_with(",2"), "{last}");
}

#[test]
fn what_can_be_read_in_two_ways_is_refused_with_the_remedy() {
    let user = User::new();
    for (name, text) in [
        ("unit", "Timestamp [ms];cpu\n1768608000;1\n"),
        ("number", "timestamp,cpu\n1768,1\n"),
        ("zone", "time,cpu\n2026-01-17 00:00:00,1\n"),
    ] {
        user.write(&format!("{name}.csv"), text);
        let run = user.ends(FAILED, &format!("import csv --store {name} {name}.csv"));
        assert_eq!(run.out, "");
        golden(&format!("refused-{name}.txt"), &run.err);
    }
    let count = |name: &str, remedy: &str| {
        user.ok(&format!("import csv --store {name} {name}.csv {remedy}"));
        let stat = user.json(&format!("stat --store {name}"));
        (stat["samples"].clone(), user.ok(&format!("stat --store {name}")))
    };
    for (name, remedy) in
        [("unit", "--time-unit s"), ("number", "--time-unit s"), ("zone", "--zone +02:00")]
    {
        let (samples, text) = count(name, remedy);
        assert_eq!(samples, 1, "{name}");
        let time = match name {
            "unit" => "2026-01-17T00:00:00",
            "number" => "1970-01-01T00:29:28",
            _ => "2026-01-16T22:00:00",
        };
        assert!(text.contains(time), "{text}");
    }
}

#[test]
fn a_missing_store_or_file_fails_with_its_name() {
    let user = with_files();
    for command in [
        "ls",
        "stat",
        "check",
        "compact",
        "query cpu",
        "forecast cpu",
        "study init",
        "backup b",
        "retain --keep 1d",
    ] {
        let run = user.ends(FAILED, &format!("{command} --store nowhere"));
        assert_eq!(run.out, "", "{command}");
        golden("missing-store.txt", &run.err);
    }
    assert!(!user.path("nowhere").exists(), "a command that reads makes no store");
    let run = user.ends(FAILED, "import csv --store t nothing.csv");
    golden("missing-file.txt", &run.err);
    let run = user.ends(FAILED, "plan --store t --study nothing.toml");
    golden("missing-study.txt", &run.err);
}

#[test]
fn wrong_usage_is_code_2_and_help_is_code_0() {
    let user = User::new();
    for line in [
        "",
        "frobnicate",
        "stat",
        "query --store s",
        "query --store s cpu{host=",
        "query --store s cpu --agg p101",
        "query --store s cpu --across sum",
        "query --store s cpu --where 90",
        "query --store s cpu --from yesterday",
        "query --store s cpu --zone UTC",
        "import csv --store s",
        "import csv --store s --label host a.csv",
        "import csv --store s --host-from-file --labels-from-path {host}.csv a.csv",
        "stat --store s --format csv",
        "retain --store s",
        "retain --store s --keep 1d --before 2026-01-20",
        "restore --store s",
    ] {
        let run = user.ends(USAGE, line);
        assert_eq!(run.out, "", "plimsoll {line}");
        assert!(run.err.contains("Usage: plimsoll") || run.err.contains("--help"), "{run:?}");
    }
    for line in ["--help", "--version", "query --help", "import csv --help"] {
        let run = user.ends(DONE, line);
        assert!(run.out.contains("plimsoll") && run.err.is_empty(), "{run:?}");
    }
}

#[test]
fn a_flipped_byte_is_found_and_named() {
    let user = with_store();
    let (path, mut bytes) = user.segments("s").remove(0);
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&path, bytes).unwrap();
    let run = user.ends(PROBLEMS, "check --store s");
    let name = path.file_name().unwrap().to_str().unwrap();
    assert!(run.out.lines().next().unwrap().contains(name), "{run:?}");
    assert!(run.out.trim_end().ends_with("verified: 1 findings"), "{run:?}");
    let run = user.ends(PROBLEMS, "check --store s --format json");
    let report: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(report["schema_version"], 1);
    assert!(report["findings"][0]["file"].as_str().unwrap().contains(name), "{report}");
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let user = with_store();
    for format in ["csv", "json"] {
        // Far more than a pipe holds.
        let line =
            format!("query --store s {{host=~\".+\"}} --step 10m --fill 1h --format {format}");
        let whole = user.ok(&line);
        assert!(whole.len() > 300_000, "{}", whole.len());
        let (first, run) = user.head(&line);
        assert!(whole.starts_with(&first) && !first.is_empty(), "{first}");
        assert_eq!((run.code, run.err.as_str()), (DONE, ""), "{format}");
    }
}

#[test]
fn a_second_writer_is_refused_and_a_reader_is_not() {
    let user = with_store();
    let store = Store::open_existing(&user.path("s"), StoreOptions::default()).unwrap();
    for line in [&format!("{IMPORT} 2026-1"), "compact --store s"] {
        let run = user.ends(FAILED, line);
        assert_eq!(run.out, "");
        golden("second-writer.txt", &run.err);
    }
    assert_eq!(user.json("stat --store s")["samples"], 12 * HOURS);
    store.close().unwrap();
    user.ok("compact --store s");
}
