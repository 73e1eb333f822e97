//! `plimsoll calc remaining`: the worked examples, as a user would ask for them.

use super::user::{USAGE, User, golden};

#[test]
fn the_most_constrained_resource_and_the_breach_are_named() {
    let user = User::new();
    // capacity.md, 2.8 and feature 9: 42% and 30%; days 81, 5, 200 and none, buffer 30.
    user.write(
        "pool.csv",
        "resource,capacity,reserve,demand,days\n\
         cpu,100,10,48,81\n\
         memory,100,10,60,5\n\
         disk,40000,0,20000,200\n\
         network,10,1,2,\n",
    );
    let text = user.ok("calc remaining pool.csv");
    golden("calc-remaining.txt", &text);
    let answer = user.json("calc remaining pool.csv");
    let rows = &answer["tables"]["resources"];
    assert_eq!(
        (&rows[0]["remaining_percent"], &rows[1]["remaining_percent"]),
        (&42.0.into(), &30.0.into())
    );
    assert_eq!(answer["facts"]["breaches"], "memory");
    assert_eq!(answer["facts"]["time_remaining_days"], 5.0);
    let patient = user.json("calc remaining pool.csv --provisioning-buffer-days 5");
    assert!(patient["facts"]["breaches"].is_null());
}

#[test]
fn buffers_and_headroom_say_what_is_required() {
    let user = User::new();
    // capacity.md, 2.4: 8 hosts of 8 processors at 13.2%; 20 GiB on each of 8 disks.
    user.write(
        "cluster.csv",
        "resource,capacity,demand\ncpu,64,8.448\ndisk,13968,160\nlicences,10,4\n",
    );
    let buffers = "--buffer cpu:desired:2 --buffer compute:desired:1.5 --buffer storage:desired:4";
    let ask = format!("calc remaining cluster.csv --processors 8 {buffers}");
    golden("calc-remaining-buffers.csv", &user.ok(&format!("{ask} --format csv")));
    let answer = user.json(&ask);
    let rows = &answer["tables"]["resources"];
    assert_eq!(rows[0]["required"].as_f64().unwrap().ceil(), 36.0);
    assert_eq!(rows[1]["required"], 640.0);
    assert!(rows[2]["required"].is_null());
    let kept = user.json(&format!("{ask} --buffer compute:preserve"));
    assert_eq!(kept["tables"]["resources"][0]["required"], 64.0);
    let run = user.ends(USAGE, "calc remaining cluster.csv --buffer disk:desired");
    assert!(run.err.contains("write component:intent:factor"), "{run:?}");
}

#[test]
fn faults_say_the_line() {
    let user = User::new();
    user.write("bad.csv", "resource,capacity,demand\ncpu,64,8\ndisk,0,1\n");
    user.fails(
        "calc remaining bad.csv",
        "plimsoll: bad.csv:3: disk: capacity 0, reserve 0, demand 1: give a capacity above 0, and \
         a reserve and a demand of 0 or more",
    );
    user.write("twice.csv", "resource,capacity,demand\ncpu,64,8\ncpu,64,9\n");
    user.fails(
        "calc remaining twice.csv",
        "plimsoll: twice.csv:3: cpu is there twice: give each resource once",
    );
    user.write("words.csv", "resource,capacity,demand\ncpu,64,much\n");
    user.fails(
        "calc remaining words.csv",
        "plimsoll: words.csv:2: demand is \"much\": write a number",
    );
}
