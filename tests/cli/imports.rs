//! `plimsoll import`: long tables, line protocol, and what one run has to say of its files.

use serde_json::Value;

use super::user::{DONE, FAILED, PARTIAL, Run, User, golden, mask};

#[test]
fn long_tables_and_line_protocol_are_imported() {
    let user = User::new();
    user.write(
        "long.csv",
        "time,metric,value,host,zone\n\
         2026-01-17T00:00:00Z,load,0.5,a,north\n\
         2026-01-17T00:05:00Z,load,0.75,a,north\n\
         2026-01-17T00:00:00Z,load,1,b,south\n\
         2026-01-17T00:00:00Z,memory_used_bytes,1024,a,north\n\
         2026-01-17T00:05:00Z,memory_used_bytes,,a,north\n",
    );
    golden("import-long.txt", &user.ok("import csv --store s --label site=ams long.csv"));
    let protocol = "cpu,host=c usage=12.5,state=\"up\" 1768608000\n\
                    cpu,host=c usage=13 1768608300\n";
    user.write("cpu.lp", protocol);
    golden("import-influx.txt", &user.ok("import influx --store s --precision s cpu.lp"));
    golden("ls-mixed.txt", &user.ok("ls --store s --series"));
    golden("query-mixed.csv", &user.ok("query --store s {host=~\".\"} --format csv"));

    // Standard input is a file as any other; all of this is stored already.
    let run = user.run_with_input("import influx --store s --precision s -", protocol);
    assert_eq!(run.code, DONE, "{run:?}");
    assert_eq!(user.json("stat --store s")["samples"], 6);
    let again = user.json("import influx --store s --precision s cpu.lp");
    let counts = ["files", "lines", "samples", "rejected", "skipped_fields", "conflicts"];
    assert_eq!(counts.map(|name| again[name].as_u64().unwrap()), [1, 2, 2, 0, 1, 0]);
}

#[test]
fn files_of_several_hosts_under_one_name_are_told_in_the_same_run() {
    let user = User::new();
    for (host, value) in [("a", 1), ("b", 2)] {
        user.write(&format!("{host}.csv"), &format!("time,cpu\n1767225600,{value}\n"));
    }
    let report = user.json("import csv --store s --time-unit s a.csv b.csv");
    assert_eq!((&report["samples"], &report["conflicts"]), (&2.into(), &1.into()));
    assert_eq!(user.json("stat --store s")["samples"], 1);
}

/// A run's report, whatever its exit code.
fn report(run: &Run) -> Value {
    serde_json::from_str(&run.out).unwrap()
}

#[test]
fn a_file_in_another_unit_is_refused_and_the_unit_stays() {
    let user = User::new();
    let rows = "1400000000,1\n1400000300,2\n";
    user.write("u1.csv", &format!("time,Memory usage [KB]\n{rows}"));
    user.write("u2.csv", &format!("time,Memory usage [MB]\n{rows}"));
    let import = "import csv --store s --host-from-file";
    let run = user.ends(PARTIAL, &format!("{import} u1.csv u2.csv --format json"));
    let found = report(&run);
    assert_eq!((&found["files"], &found["files_refused"]), (&1.into(), &1.into()));
    golden("refused-units.txt", &user.ends(FAILED, &format!("{import} u2.csv")).err);
    assert!(user.ok("ls --store s").contains("KB"), "the unit stays");
    assert_eq!(user.json("stat --store s")["samples"], 2);
    user.write("m.toml", "[columns.memory_usage]\nscale = 1000\nunit = \"KB\"\n");
    user.ok(&format!("{import} --mapping m.toml u2.csv"));
    let last = user.ok("query --store s memory_usage --agg last --format csv");
    assert!(last.contains("u2") && last.trim_end().ends_with("2000"), "{last}");
}

#[test]
fn a_file_that_cannot_be_read_does_not_stop_the_others() {
    let user = User::new();
    let good = "timestamp,cpu\n1768608000,1\n1768608300,2\n";
    for name in ["in/a.csv", "in/d.csv"] {
        user.write(name, good);
    }
    user.write("in/b.csv", "");
    user.write("in/c.csv", "timestamp,cpu\n1768,1\n");
    let import = "import csv --store s --host-from-file in nothing.csv";
    let run = user.ends(PARTIAL, import);
    golden("import-files.txt", &run.out);
    golden("import-files-errors.txt", &mask(&run.err, &["samples, "]));
    assert_eq!(user.json("stat --store s")["samples"], 4);
    let found = report(&user.ends(PARTIAL, &format!("{import} --format json")));
    assert_eq!((&found["files"], &found["files_refused"]), (&2.into(), &3.into()));
    let [empty, unclear, absent] = [0, 1, 2].map(|at| &found["refused_files"][at]);
    assert_eq!((&empty["origin"], &empty["line"]), (&"in/b.csv".into(), &1.into()));
    assert_eq!((&unclear["origin"], &unclear["line"]), (&"in/c.csv".into(), &2.into()));
    assert_eq!((&absent["origin"], &absent["line"]), (&"nothing.csv".into(), &Value::Null));
    assert_eq!(found["stopped"], Value::Null);

    // None at all is a failure.
    let run = user.ends(FAILED, "import csv --store t in/b.csv in/c.csv");
    assert!(
        run.err
            .ends_with("plimsoll: none of the 2 files could be imported; the reasons are above\n")
    );
}

#[test]
fn a_strict_import_says_where_it_stopped_and_what_it_did_not_read() {
    let user = User::new();
    for name in ["a.csv", "c.csv", "d.csv"] {
        user.write(name, "timestamp,cpu\n1768608000,1\n1768608300,2\n");
    }
    user.write("b.csv", "timestamp,cpu\n1768608000,1\nsoon,2\n");
    let import = "import csv --strict --host-from-file a.csv b.csv c.csv d.csv";
    let run = user.ends(FAILED, &format!("{import} --store s"));
    golden("import-strict-files.txt", &run.out);
    golden("import-strict-files-errors.txt", &mask(&run.err, &["samples, "]));
    let found = report(&user.ends(FAILED, &format!("{import} --store t --format json")));
    let stopped = serde_json::json!({"origin": "b.csv", "not_read": 2, "next": "c.csv"});
    assert_eq!(found["stopped"], stopped);
    assert_eq!(found["files"], 1);
    // What was read before it is sealed as always.
    assert_eq!(user.segments("s").len(), 1);
}

#[test]
fn what_an_import_passed_over_is_noted() {
    let user = User::new();
    user.write("a.csv", "time,metric,value\n1400000000,cpu,1\n1400000060,cpu,987");
    user.write("b.csv", "time,metric,value\n1400000000,mem,1\n");
    let rules = "--column cpu,unit=% --column mem,unit=KB --column Cpu,scale=100";
    let import = format!("import csv --store s --host-from-file {rules} a.csv b.csv");
    let run = user.ends(DONE, &import);
    golden("import-notes.txt", &mask(&run.err, &["samples, "]));
    let found = user.json(&import);
    assert_eq!((&found["unended"], &found["notes"][0]["line"]), (&1.into(), &3.into()));
    assert_eq!(found["unmet_rules"], serde_json::json!(["Cpu"]));
}

#[test]
fn line_protocol_takes_labels_from_names_and_its_precision_is_not_guessed() {
    let user = User::new();
    for (name, host) in [("lp/web-1.lp", 1), ("lp/web-2.lp", 2)] {
        user.write(name, &format!("cpu usage={host} 1768608000\n"));
    }
    let import = "import influx --store s --host-from-file";
    golden("refused-precision.txt", &user.ends(FAILED, &format!("{import} lp/web-1.lp")).err);
    user.ok(&format!("{import} --precision s lp"));
    let listed = user.ok("ls --store s --series");
    assert!(listed.contains("web-1") && listed.contains("web-2"), "{listed}");
    user.ok("import influx --store t --precision s --labels-from-path {zone}/{host}.lp lp");
    assert!(user.ok("ls --store t --series").contains("zone=\"lp\""));
}
