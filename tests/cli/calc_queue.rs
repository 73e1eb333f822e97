//! `plimsoll calc queue`, `network`, `staff` and `knee`: the worked examples, as a user asks.

use super::user::{USAGE, User, golden};

/// The routing of the passport office, as in PDQ's demonstration "passport".
const PASSPORT: &str = r#"
[[station]]
name = "window 1"
[[station]]
name = "window 2"
[[station]]
name = "window 3"
[[station]]
name = "window 4"

[[class]]
name = "applicant"
rate_per_s = 0.004166666666666667
service_s = { "window 1" = 20, "window 2" = 600, "window 3" = 300, "window 4" = 60 }
enter = { "window 1" = 1 }

[class.route]
"window 1" = { "window 2" = 0.3, "window 3" = 0.7 }
"window 2" = { "window 3" = 0.2, "window 4" = 0.8 }
"window 3" = { "window 2" = 0.1, "window 4" = 0.9 }
"#;

/// Allen's example 6.3.4 (1990).
const ALLEN: &str = r#"
[[station]]
name = "processor"
[[station]]
name = "disk 1"
[[station]]
name = "disk 2"

[[class]]
name = "clerks"
population = 5
think_s = 20
service_s = { processor = 0.5, "disk 1" = 0.04, "disk 2" = 0.06 }
[[class]]
name = "engineers"
population = 10
think_s = 30
service_s = { processor = 0.4, "disk 1" = 0.2, "disk 2" = 0.3 }
[[class]]
name = "batch"
population = 5
service_s = { processor = 1.2, "disk 1" = 0.05, "disk 2" = 0.06 }
"#;

#[track_caller]
fn close(value: &serde_json::Value, expected: f64, tolerance: f64) {
    let found = value.as_f64().unwrap();
    assert!((found - expected).abs() <= tolerance, "found {found}, expected {expected}");
}

#[test]
fn queues_of_every_kind_are_worked_out() {
    let user = User::new();
    // capacity.md, 2.6.
    let one = user.json("calc queue --rate 75 --service 0.01");
    close(&one["facts"]["response_mean_s"], 0.04, 1e-12);
    let pool = "calc queue --rate 6 --service 1 --servers 8 --over 1,2";
    golden("calc-queue.txt", &user.ok(pool));
    golden("calc-queue.csv", &user.ok(&format!("{pool} --format csv")));
    let p99 = &user.json(pool)["tables"]["percentiles"][3]["wait_s"];
    close(p99, 1.787_549, 5e-7);
    let fixed = user.json("calc queue --rate 75 --service 0.01 --deterministic");
    close(&fixed["facts"]["wait_mean_s"], 0.015, 1e-12);
    let general = user.json("calc queue --rate 75 --service 0.01 --variation 2");
    close(&general["facts"]["wait_mean_s"], 0.075, 1e-12);
    let users = "calc queue --population 100 --think 300 --service 0.63";
    golden("calc-queue-population.txt", &user.ok(users));
    let split = user.json("calc queue --rate 166.6666667 --service 0.005 --slow-service 0.015");
    close(&split["facts"]["fast_share"], 0.82, 0.005);
}

#[test]
fn a_queue_that_grows_without_end_says_so() {
    let user = User::new();
    golden("calc-queue-saturated.txt", &user.ok("calc queue --rate 120 --service 0.01"));
    user.fails(
        "calc queue --rate 1 --service 0",
        "plimsoll: the service time is 0: give a number from 1e-15 to 1e15",
    );
    user.fails(
        "calc queue --rate 1 --service 0.1 --percentile 95",
        "plimsoll: the level is 95: give a number between 0 and 1, as in 0.95",
    );
    user.fails(
        "calc queue --rate 1 --service 0.1 --servers 2 --deterministic",
        "plimsoll: --deterministic, --variation and --slow-service take one server: leave \
         --servers out",
    );
    user.ends(USAGE, "calc queue --service 1");
    let found = user.json("calc queue --population 100 --think 9 --service 1 --over 1e5,1e12,1e16");
    for over in found["tables"]["over"].as_array().unwrap() {
        close(&over["probability"], 0.0, 0.0);
    }
}

#[test]
fn networks_are_read_from_a_file() {
    let user = User::new();
    user.write("passport.toml", PASSPORT);
    golden("calc-network-open.txt", &user.ok("calc network passport.toml"));
    let passport = user.json("calc network passport.toml");
    // capacity.md, 2.6.
    close(&passport["tables"]["classes"][0]["response_mean_s"], 11_738.18, 5e-3);
    user.write("allen.toml", ALLEN);
    golden("calc-network-closed.txt", &user.ok("calc network allen.toml"));
    let allen = user.json("calc network allen.toml");
    close(&allen["tables"]["classes"][2]["response_mean_s"], 7.733_8, 5e-5);
    user.write("busy.toml", &PASSPORT.replace("0.004166666666666667", "0.005"));
    golden("calc-network-saturated.txt", &user.ok("calc network busy.toml"));
}

#[test]
fn faults_of_a_network_name_file_and_line() {
    let user = User::new();
    let fails = |text: &str, message: &str| {
        user.write("n.toml", text);
        user.fails("calc network n.toml", &format!("plimsoll: n.toml:{message}"));
    };
    fails(
        &ALLEN.replace(
            "\"disk 2\" = 0.06 }\n[[class]]\nname = \"engineers\"",
            "\"dsk\" = 1 }\n[[class]]\nname = \"engineers\"",
        ),
        "13: no station dsk; there are processor, disk 1, disk 2",
    );
    fails(
        &ALLEN.replace("think_s = 30\n", "rate_per_s = 1\n"),
        "15: class engineers is open with rate_per_s, or closed with population and think_s: give \
         one of the two",
    );
    fails(
        &ALLEN.replace("population = 10\nthink_s = 30\n", "rate_per_s = 1\n"),
        "15: some classes are open and some closed: ask about them apart",
    );
    fails(
        &PASSPORT.replace("\"window 4\" = 0.9", "\"window 1\" = 0.95"),
        "17: from station 3, routing is given as probabilities that add up to at most 1; they add \
         up to 1.05",
    );
    fails(
        &PASSPORT.replace("window 2\"\n", "window 1\"\n"),
        "5: there are two stations window 1: rename one",
    );
}

#[test]
fn servers_are_counted_for_a_quality_of_service() {
    let user = User::new();
    // capacity.md, feature 12.
    golden("calc-staff.txt", &user.ok("calc staff --rate 10 --wait-probability 0.01"));
    let large = user.json("calc staff --rate 1000 --wait-probability 0.2");
    assert_eq!(large["facts"]["servers"], 1034);
    let headroom = user.json("calc staff --servers 64 --wait-probability 0.3");
    close(&headroom["facts"]["headroom"], 0.102_5, 5e-5);
    let mean = user.json("calc staff --rate 50 --service 2 --wait-mean 0.1");
    assert!(mean["facts"]["wait_mean_s"].as_f64().unwrap() <= 0.1);
    let over = "calc staff --rate 50 --service 2 --wait-over 1 --share 0.01";
    assert!(user.json(over)["facts"]["servers"].as_u64().unwrap() > 100);
    user.fails(
        "calc staff --rate 10",
        "plimsoll: say how long work may wait: --wait-probability, --wait-mean or --wait-over",
    );
}

#[test]
fn the_knee_is_told_for_a_target() {
    let user = User::new();
    // capacity.md, feature 14.
    golden("calc-knee.txt", &user.ok("calc knee"));
    let p95 = user.json("calc knee --servers 4 --times 4 --percentile 0.95");
    assert!(p95["tables"]["knees"][0]["utilisation"].as_f64().unwrap() < 0.8);
    user.fails(
        "calc knee --times 1",
        "plimsoll: a response of 1 service times is out of reach: idle servers take 1.000000; ask \
         for more",
    );
}
