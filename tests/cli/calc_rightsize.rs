//! `plimsoll calc rightsize`: presets side by side from a file, and why they say what they say.

use std::fmt::Write as _;

use super::user::{USAGE, User, golden};

/// 2026-01-05, a Monday, in seconds.
const START: u64 = 1_767_571_200;

/// Two pods for three weeks of hours. Tuesdays are busy; one of the pods ran out of memory once,
/// and was throttled on Tuesdays.
fn usage() -> String {
    let mut text = "time,pod,cpu,memory,oom,throttled,owner\n".to_owned();
    for hour in 0..21 * 24 {
        let (time, busy) = (START + 3_600 * hour, hour / 24 % 7 == 1);
        for pod in ["a", "b"] {
            let cpu = if busy { 1.6 } else { 0.4 } + (hour % 24) as f64 / 100.0;
            let memory = (900 + hour % 24) * 1_048_576;
            let oom = if pod == "b" && hour == 400 { "1073741824" } else { "" };
            let throttled = if pod == "a" && busy { 0.2 } else { 0.0 };
            writeln!(text, "{time},{pod},{cpu},{memory},{oom},{throttled},me").unwrap();
        }
    }
    text
}

#[test]
fn presets_stand_side_by_side() {
    let user = User::new();
    user.write("usage.csv", &usage());
    golden("calc-rightsize.txt", &user.ok("calc rightsize usage.csv"));
    let given = "calc rightsize usage.csv --cpu-request 2 --memory-request 2GiB --preset krr,crane";
    golden("calc-rightsize-current.csv", &user.ok(&format!("{given} --format csv")));

    let json = user.json("calc rightsize usage.csv --preset plimsoll,krr,vpa");
    let rows = json["tables"]["sizes"].as_array().unwrap();
    let request = |resource: &str, preset: &str| {
        let asked =
            |row: &&serde_json::Value| row["resource"] == resource && row["preset"] == preset;
        rows.iter().find(asked).unwrap()["request"].as_f64().unwrap()
    };
    // Ours keeps Tuesdays: the p99 of the 24 hours of one, 1.6 to 1.83, each held back for a fifth.
    let wanted = 1.15 * (1.82 + 0.77 * 0.01) / 0.8;
    assert!((request("cpu", "plimsoll") / wanted - 1.0).abs() < 0.01);
    // The limit that did not do, 1.2 times; KRR 1.25 times.
    assert!((request("memory", "plimsoll") - 1_228.8).abs() < 1e-9);
    assert_eq!(request("memory", "krr"), 1_280.0);
    // VPA has forgotten Tuesday on Sunday night.
    assert!(request("cpu", "vpa") < 0.8, "{rows:?}");
}

#[test]
fn every_number_is_explained() {
    let user = User::new();
    user.write("usage.csv", &usage());
    let explain = "calc rightsize usage.csv --preset plimsoll,vpa,crane --explain";
    golden("calc-rightsize-explain.txt", &user.ok(explain));
    let json = user.json(explain);
    let steps = json["tables"]["steps"].as_array().unwrap();
    // The last step of each request is the request.
    for row in json["tables"]["sizes"].as_array().unwrap() {
        let of = |step: &&serde_json::Value| {
            ["resource", "preset"].iter().all(|key| step[key] == row[key])
                && step["number"] == "request"
        };
        assert_eq!(steps.iter().rfind(of).unwrap()["value"], row["request"]);
    }
}

#[test]
fn an_autoscaled_workload_is_sized_from_its_total() {
    let user = User::new();
    user.write("usage.csv", "time,pod,cpu\n0,a,4\n0,b,4\n3600,a,5\n3600,b,5\n");
    let scaled = "calc rightsize usage.csv --preset plimsoll --autoscaler-target 0.5 --replicas 4";
    let request = user.json(scaled)["tables"]["sizes"][0]["request"].as_f64().unwrap();
    // p99 of 8 and 10 cores, half used, four pods.
    assert!((request / (9.98 / 0.5 / 4.0) - 1.0).abs() < 0.01, "{request}");
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    let user = User::new();
    let fails = |table: &str, options: &str, message: &str| {
        user.write("usage.csv", table);
        user.fails(&format!("calc rightsize usage.csv {options}"), &format!("plimsoll: {message}"));
    };
    for (table, message) in [
        ("time,cpu\n0,1\n60,fast\n", "3: cpu is \"fast\": write a number"),
        ("time,cpu\n0,-1\n", "2: -1 was used; write 0 or more, or nothing"),
        ("when,cpu\n0,1\n", "1: no column time; the header has when, cpu"),
        ("time,cpu,cpu\n0,1,1\n", "1: column 3 is named \"cpu\": give each its own name"),
        (
            "time,cpu,throttled\n0,1,20\n",
            "2: throttled is 20: write a share from 0 to 1, not percent",
        ),
        (
            "time,memory,oom\n0,1,-1\n",
            "2: oom is what it was allowed, in bytes; 0 or nothing if none",
        ),
    ] {
        fails(table, "", &format!("usage.csv:{message}"));
    }
    fails("time,disk\n0,1\n", "", "not enough data: no sample of cpu or memory");
    fails(
        "time,cpu\n0,1\n",
        "--preset krr",
        "not enough data: KRR takes 100 samples over 3h, and there are 1 over 0s",
    );
    fails("time,cpu\n", "", "usage.csv:1: there is no line below the header");
    fails(
        "time,cpu\n0,1\n",
        "--utilisation 70",
        "Kubecost takes a utilisation above 0 and up to 1, as 0.7, not 70",
    );
    let run = user.ends(USAGE, "calc rightsize usage.csv --preset goldilocks");
    assert!(run.err.contains("is no preset; write one of plimsoll, vpa, krr"), "{run:?}");
    let run = user.ends(USAGE, "calc rightsize usage.csv --memory-request 2apples");
    assert!(run.err.contains("is no amount of memory; write 512MiB, 2GB, or bytes"), "{run:?}");
}
