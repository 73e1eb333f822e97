//! `plimsoll calc` at the edges: what was cut off, what never was, and what cannot be.

use std::fmt::Write as _;

use super::user::{FAILED, User};

/// Hours from 14 November 2023 on, and a row for each.
fn hourly(header: &str, hours: u64, row: impl Fn(u64) -> String) -> String {
    let mut text = format!("{header}\n");
    for hour in 0..hours {
        writeln!(text, "{},{}", 1_699_920_000 + 3_600 * hour, row(hour)).unwrap();
    }
    text
}

#[test]
fn a_quantile_next_to_what_was_cut_off_is_a_bound() {
    let user = User::new();
    user.write("used.csv", "used\n10\n10\n10\n10\n10\n10\n10\n10\n10\n100\n");
    let ask = "calc demand used.csv --limit 100 --quantile 0.8 --quantile 0.9";
    let found = user.json(ask)["tables"]["quantiles"].clone();
    assert_eq!((&found[0]["basis"], &found[0]["trusted"]), (&"measured".into(), &"yes".into()));
    assert_eq!(found[0]["demand"], 10.0);
    // One in ten is 100 or more, nobody knows how much.
    assert_eq!(found[1]["basis"], "bound", "{found}");
}

#[test]
fn a_throughput_that_is_only_passed_on_the_way_down_is_found() {
    let user = User::new();
    let mut text = "load,throughput\n".to_owned();
    for load in [1.0, 2.0, 4.0, 8.0, 16.0, 32.0] {
        let throughput = 10.0 * load / (load + 0.02 * load * (load - 1.0));
        writeln!(text, "{load},{throughput}").unwrap();
    }
    user.write("law.csv", &text);
    let found = user.json("calc usl law.csv --throughput 8")["tables"]["throughputs"][0].clone();
    assert!(found["rising_load"].is_null(), "{found}");
    // 10 / (1 + 0.02 (N - 1)) = 8.
    let falling = found["falling_load"].as_f64().unwrap();
    assert!((falling - 13.5).abs() < 1e-6, "{found}");
}

#[test]
fn history_before_the_first_use_is_of_another_regime() {
    let user = User::new();
    let used = |hour: u64| if hour < 240 { "0" } else { "60" }.to_owned();
    user.write("use.csv", &hourly("time,cpu", 480, used));
    user.write("events.csv", "time,name\n1700784000,up\n");
    let found = user.json("calc events use.csv events.csv --resource cpu")["tables"].clone();
    assert_eq!(found["events"][0]["found"], "dearer", "{found}");
    assert_eq!(found["regime_breaks"][0]["event"], "up", "{found}");
    assert!(found["regime_breaks"][0]["share"].is_null(), "endless: {found}");
}

#[test]
fn few_of_many_kinds_leave_and_those_that_save_the_most() {
    let user = User::new();
    let mut text = "host,price_per_month,resource,capacity,used,reclaimable\n".to_owned();
    for host in 0..21 {
        writeln!(text, "h{host},{},cpu,10,0,0", 100 + host).unwrap();
    }
    text.push_str("big,1000,cpu,1000,0,0\n");
    user.write("hosts.csv", &text);
    let found = user.json("calc savings hosts.csv --hosts-min 21");
    assert_eq!(found["facts"]["savings"], 1000.0, "{found}");
    assert_eq!(found["facts"]["savings_without_reclaim"], 1000.0, "{found}");
}

#[test]
fn a_low_target_of_an_autoscaler_keeps_its_number_of_pods() {
    let user = User::new();
    user.write("use.csv", &hourly("time,cpu", 240, |hour| format!("{}", 1.0 + (hour % 24) as f64)));
    let ask = "calc rightsize use.csv --preset plimsoll --autoscaler-target 0.3 --replicas 3";
    let found = user.json(ask)["tables"]["sizes"][0].clone();
    let request = found["request"].as_f64().unwrap();
    assert!(request > 20.0 / 0.3 / 3.0 && request < 24.0 / 0.3 / 3.0 + 0.1, "{found}");
}

#[test]
fn what_takes_too_long_or_cannot_be_counted_is_refused() {
    let user = User::new();
    let mut network = String::new();
    for station in 0..14 {
        writeln!(network, "[[station]]\nname = \"s{station}\"\nservers = 200").unwrap();
    }
    let served: Vec<String> = (0..14).map(|station| format!("s{station} = 0.1")).collect();
    let served = served.join(", ");
    network.push_str("[[class]]\nname = \"c\"\npopulation = 1000\nthink_s = 1.0\n");
    writeln!(network, "service_s = {{ {served} }}").unwrap();
    user.write("network.toml", &network);
    let said = user.ends(FAILED, "calc network network.toml").err;
    assert!(said.contains("that exact mean value analysis looks at"), "{said}");
    let driven = |hour: u64| format!("{},{}", 50 + hour % 24, 100 + 2 * (hour % 24));
    user.write("use.csv", &hourly("time,cpu,requests", 480, driven));
    let ask = "calc drivers use.csv --resource cpu --driver requests --limit 100 --hosts 10 \
               --growth 1e40%";
    let said = user.ends(FAILED, ask).err;
    assert!(said.contains("more hosts than can be counted: check the limit"), "{said}");
}

#[test]
fn alerts_that_cannot_fire_are_left_out() {
    let user = User::new();
    let alerts = |ask: &str| user.json(ask)["tables"]["alerts"].as_array().unwrap().len();
    assert_eq!(alerts("calc budget --objective 99.9%"), 3);
    // Of a day, no three; and nothing burns 14.4 times as fast as half of all requests.
    assert_eq!(alerts("calc budget --objective 99% --period-days 1"), 2);
    assert_eq!(alerts("calc budget --objective 50%"), 1);
    let said = user.ok("calc budget --objective 50%");
    assert!(said.contains("2 of the workbook's alerts cannot fire"), "{said}");
}
