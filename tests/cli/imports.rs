//! `plimsoll import`: long tables, line protocol, and what one run has to say of its files.

use super::user::{DONE, User, golden};

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
