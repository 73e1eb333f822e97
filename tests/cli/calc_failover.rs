//! `plimsoll calc failover`: the worked examples, and a fleet from a file.

use super::user::{User, golden};

const FLEET: &str = "\
host,capacity,used,zone,rack
a-1,64,40,east,1
a-2,64,36,east,1
a-3,32,10,east,2
b-1,64,30,west,1
b-2,32,20,west,1
b-3,32,12,west,2
c-1,96,50,north,1
";

#[test]
fn equal_hosts_are_counted_and_timed() {
    let user = User::new();
    // capacity.md, feature 10.
    let four = "calc failover --hosts 4 --used 0.8 --lose 1 --response 1.45";
    golden("calc-failover.txt", &user.ok(four));
    let facts = &user.json(four)["facts"];
    assert!((facts["used_share_after"].as_f64().unwrap() - 1.066_667).abs() < 5e-7);
    assert!((facts["highest_utilisation"].as_f64().unwrap() - 0.501_51).abs() < 5e-6);
    // On the line is under it, whatever rounding says.
    for (asked, lost) in
        [("10 --used 0.81 --lose 1 --line 0.9", 1), ("12 --used 0.525 --lose 3 --line 0.7", 3)]
    {
        let facts = &user.json(&format!("calc failover --hosts {asked}"))["facts"];
        assert_eq!((&facts["holds"], &facts["most_lost"]), (&"yes".into(), &lost.into()));
    }
    let twelve = user.json("calc failover --hosts 12 --lose 2");
    let share = twelve["facts"]["highest_used_share"].as_f64().unwrap();
    assert!((share - 0.833_3).abs() < 5e-5);
    user.fails(
        "calc failover --hosts 3 --lose 3",
        "plimsoll: of 3 hosts, 3 cannot be lost: at least 1 must be left",
    );
    user.fails(
        "calc failover --hosts 3 --line 1.5",
        "plimsoll: --line is 1.5: give a share above 0 and up to 1, as in 0.9",
    );
}

#[test]
fn a_fleet_is_read_from_a_file() {
    let user = User::new();
    user.write("fleet.csv", FLEET);
    golden("calc-failover-fleet.txt", &user.ok("calc failover --fleet fleet.csv --lose 2"));
    let line = "calc failover --fleet fleet.csv --lose 1 --spread";
    let zone = user.json(&format!("{line} zone"));
    // All of north is one host: its work has nowhere to go.
    assert_eq!(zone["facts"]["used_share_after"], serde_json::Value::Null);
    assert_eq!(zone["facts"]["worst_hosts"], "c-1");
    golden("calc-failover-capacity.txt", &user.ok(&format!("{line} capacity --line 0.9")));
}

#[test]
fn faults_of_a_fleet_name_file_and_line() {
    let user = User::new();
    let fails = |text: &str, line: &str, message: &str| {
        user.write("fleet.csv", text);
        user.fails(line, &format!("plimsoll: fleet.csv:{message}"));
    };
    let twice = format!("{FLEET}a-1,64,0,west,1\n");
    fails(&twice, "calc failover --fleet fleet.csv", "9: a-1 is there twice: give each host once");
    fails(
        &FLEET.replace("20,west", "20,"),
        "calc failover --fleet fleet.csv --spread within_zone",
        "6: b-2 has no zone: --spread within_zone takes one of each",
    );
    let line = "calc failover --fleet fleet.csv";
    fails(&FLEET.replace("32,10", "32,ten"), line, "4: used is \"ten\": write a number");
    let size = "4: used is \"1e308\": amounts are 0, or of a size from 1e-60 to 1e60; write \
                it in another unit";
    fails(&FLEET.replace("32,10", "32,1e308"), line, size);
    fails(
        &FLEET.replace("b-2,32", "b-2,0"),
        line,
        "6: host b-2 has capacity 0 and uses 20: give a capacity above 0 and a use of 0 or more",
    );
    fails("host,size\na,1\n", line, "1: no column capacity; the header has host, size");
    fails("host,capacity,used\na,1\n", line, "2: 2 cells; the header names 3 columns");
    let zone = format!("{line} --spread zone");
    fails(
        "host,capacity,used\na,1,0\n",
        &zone,
        "1: no column zone; the header has host, capacity, used",
    );
}
