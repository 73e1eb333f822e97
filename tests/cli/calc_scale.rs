//! `plimsoll calc usl`, `calc demand` and `calc predict`: the worked examples, as a user asks.

use std::fmt::Write as _;
use std::io::Read;

use serde_json::Value;

use super::user::{FAILED, USAGE, User, golden};
use crate::support::data;

/// SPEC SDM91, as in capacity.md 2.5.
const SPEC_SDM91: &str = "load,throughput\n1,64.9\n18,995.9\n36,1652.4\n72,1853.2\n108,1828.9\n\
                          144,1775.0\n216,1702.2\n";
/// All of raytracer, as in capacity.md 2.5.
const RAYTRACER: &str = "processors,throughput\n1,20\n4,78\n8,130\n12,170\n16,190\n20,200\n24,210\n\
                         28,230\n32,260\n48,280\n64,310\n";

#[track_caller]
fn is(found: &Value, expected: f64, half_digit: f64) {
    let found = found.as_f64().unwrap();
    let near = (found - expected).abs() <= half_digit.max(expected.abs() * 1e-6);
    assert!(near, "found {found}, expected {expected}");
}

#[test]
fn the_law_of_scalability_is_fitted_with_its_intervals() {
    let user = User::new();
    user.write("spec.csv", SPEC_SDM91);
    let asked = "calc usl spec.csv --load 18 --load 300 --throughput 1500 --throughput 2000 \
                 --response 0.02 --efficiency 0.5 --coherency-factor 0.5";
    golden("calc-usl.txt", &user.ok(asked));
    golden("calc-usl.csv", &user.ok(&format!("{asked} --format csv")));
    let facts = &user.json(asked)["facts"];
    is(&facts["contention"], 0.027_728_476, 5e-10);
    is(&facts["coherency"], 1.043_654_8e-4, 5e-12);
    is(&facts["peak_load"], 96.519_56, 5e-6);
    user.write("ray.csv", RAYTRACER);
    let ray = "calc usl ray.csv --load-column processors";
    golden("calc-usl-held.txt", &user.ok(ray));
    is(&user.json(ray)["facts"]["residual_error"], 8.801_75, 5e-6);
    user.fails(
        "calc usl ray.csv",
        "plimsoll: ray.csv:1: no column load; the header has processors, throughput",
    );
    user.write("few.csv", "load,throughput\n1,1\n2,2\n3,3\n3,3.1\n");
    user.fails(
        "calc usl few.csv",
        "plimsoll: not enough data: 3 distinct loads; a law of three parameters with intervals \
         takes 4 or more",
    );
    for (option, amount) in [("--load", "0.0"), ("--throughput", "0.0")] {
        user.fails(
            &format!("{ray} {option} {amount}"),
            &format!("plimsoll: {option} is {amount}: give one above 0, from 1e-60 to 1e60"),
        );
    }
    let missing = user.ends(FAILED, "calc usl nothing.csv");
    assert!(missing.err.starts_with("plimsoll: cannot open nothing.csv: "), "{missing:?}");
}

#[test]
fn throughput_that_falls_or_stands_still_is_told_to_have_no_peak() {
    let user = User::new();
    let note = |rows: &str| {
        user.write("rows.csv", &format!("load,throughput\n{rows}"));
        user.ok("calc usl rows.csv").split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let falls = note("1,10\n2,5\n3,3.4\n4,2.4\n");
    assert!(falls.contains("Throughput only falls, from the least load on, 1."), "{falls}");
    let flat = note("1,10\n2,10.4\n4,9.7\n8,10.3\n16,9.8\n32,10.2\n64,9.9\n");
    assert!(flat.contains(" nor that throughput has a peak"), "{flat}");
    assert!(!flat.contains("only falls"), "{flat}");
}

#[test]
fn the_law_of_cisco_is_the_published_one() {
    // capacity.md 2.5: 32 points, and the first ten of them.
    let Some(mut file) = data::file("usl/cisco.csv") else { return };
    let mut text = String::new();
    file.read_to_string(&mut text).unwrap();
    let user = User::new();
    user.write("cisco.csv", &text);
    let all = user.json(
        "calc usl cisco.csv --load-column concurrency --throughput 11048 --throughput 955 \
         --throughput 12201 --load 35",
    );
    let facts = &all["facts"];
    is(&facts["contention"], 0.026_715_9, 5e-8);
    is(&facts["coherency"], 7.690_939e-4, 5e-10);
    is(&facts["throughput_of_one"], 995.6488, 5e-5);
    is(&facts["peak_load"], 35.57, 5e-3);
    is(&facts["limit_throughput"], 37_268.0, 0.5);
    is(&facts["optimal_load"], 37.43, 5e-3);
    is(&facts["residual_error"], 187.90, 5e-3);
    is(&all["tables"]["loads"][0]["throughput"], 12_341.7, 0.05);
    for (at, load) in [(0, 19.9239), (1, 0.958_069), (2, 29.5690)] {
        is(&all["tables"]["throughputs"][at]["rising_load"], load, 1e-4);
    }
    let ten: String = text.lines().take(11).fold(String::new(), |mut text, line| {
        writeln!(text, "{line}").unwrap();
        text
    });
    user.write("ten.csv", &ten);
    let ten = user.json(
        "calc usl ten.csv --load-column concurrency --response 0.0012 --response 0.0016 \
         --response 0.002",
    );
    is(&ten["facts"]["contention"], 0.017_002_8, 5e-8);
    is(&ten["facts"]["coherency"], 4.465e-4, 5e-8);
    is(&ten["facts"]["throughput_of_one"], 938.379, 5e-4);
    is(&ten["facts"]["peak_load"], 46.92, 5e-3);
    is(&ten["facts"]["peak_throughput"], 16_052.0, 0.5);
    is(&ten["facts"]["residual_error"], 37.88, 5e-3);
    for (at, load) in [(0, 7.230_63), (1, 20.251_07), (2, 29.888_89)] {
        is(&ten["tables"]["responses"][at]["load"], load, 5e-6);
    }
}

/// Hourly use of two hosts with a limit of 100: one is full by day, and what waits is known.
fn hosts() -> String {
    let mut text = "host,used,waiting\n".to_owned();
    for hour in 0_u32..240 {
        let noise = f64::from(hour.wrapping_mul(0x9E37_79B9) >> 22) / 1024.0;
        let day = (std::f64::consts::TAU * f64::from(hour) / 24.0).sin();
        let wanted = 80.0 + 40.0 * day + 20.0 * noise;
        let used = wanted.min(100.0);
        writeln!(text, "db,{used:.3},{:.3}", wanted - used).unwrap();
        writeln!(text, "web,{:.3},0", 0.5 * wanted).unwrap();
    }
    text
}

#[test]
fn demand_is_estimated_for_each_series() {
    let user = User::new();
    user.write("hosts.csv", &hosts());
    let measured = "calc demand hosts.csv --limit 100 --by host --waiting waiting";
    golden("calc-demand-waiting.txt", &user.ok(measured));
    let modelled = "calc demand hosts.csv --limit 100 --by host --period 24";
    golden("calc-demand.txt", &user.ok(modelled));
    let p95 = |line: &str, at: usize| {
        user.json(line)["tables"]["quantiles"][at]["demand"].as_f64().unwrap()
    };
    let (truth, model) = (p95(measured, 1), p95(modelled, 1));
    assert!(truth > 125.0 && (model / truth - 1.0).abs() < 0.05, "{truth} {model}");
    user.write("full.csv", "used\n100\n100\n100\n");
    let full = user.ok("calc demand full.csv --limit 100 --quantile 0.95");
    assert!(full.contains("so much or more"), "{full}");
    user.ends(USAGE, "calc demand hosts.csv --limit 100 --waiting waiting --backlog waiting");
    user.ends(USAGE, "calc demand hosts.csv --limit 100 --throughput used");
    user.fails(
        "calc demand hosts.csv --limit 0",
        "plimsoll: the limit is 0; give the capacity, a number above 0, in the unit of use",
    );
}

#[test]
fn predictions_are_those_of_prometheus_and_zabbix() {
    let user = User::new();
    // capacity.md 2.7, from Prometheus's own tests.
    let values = [0, 10, 20, 30, 40, 0, 10, 20, 30, 40, 50];
    let mut text = "time,value\n".to_owned();
    for (at, value) in values.iter().enumerate() {
        writeln!(text, "{},{value}", at * 300).unwrap();
    }
    user.write("reset.csv", &text);
    let prometheus = "calc predict reset.csv --like prometheus --ahead 1h --line 100";
    golden("calc-predict-prometheus.txt", &user.ok(prometheus));
    is(&user.json(prometheus)["facts"]["predict_linear"], 76.818_181_8, 5e-8);
    let half_open = user.json(&format!("{prometheus} --window 50m"));
    is(&half_open["facts"]["predict_linear"], 70.0, 1e-9);
    let ahead = "calc predict reset.csv --like zabbix --ahead 1h";
    let zabbix = &format!("{ahead} --line 100");
    golden("calc-predict-zabbix.txt", &user.ok(zabbix));
    is(&user.json(zabbix)["facts"]["forecast"], 76.818_181_8, 5e-8);
    golden("calc-predict-never.txt", &user.ok(&format!("{ahead} --line -5")));
    let averaged = user.json(&format!("{zabbix} --fit polynomial2 --mode avg"));
    assert!(averaged["facts"]["forecast"].is_f64());
    user.write("dates.csv", "time,value\n2026-01-20T00:00:00Z,1\n2026-01-20T01:00:00Z,2\n");
    let dates = user.json("calc predict dates.csv --like zabbix --ahead 1h");
    is(&dates["facts"]["forecast"], 3.0, 1e-6);
    user.write("inf.csv", "time,value\n0,1\n60,inf\n120,3\n");
    let infinite = user.json("calc predict inf.csv --like prometheus --ahead 1h");
    assert!(infinite["facts"]["predict_linear"].is_null(), "NaN is null");
    user.fails(
        "calc predict reset.csv --like prometheus --ahead 1h --fit power",
        "plimsoll: Prometheus has a straight line and its value only: leave out --fit and --mode, \
         or ask --like zabbix",
    );
    user.fails(
        "calc predict reset.csv --like zabbix --ahead 1h --fit cubic",
        "plimsoll: cubic is no fit: write linear, polynomial1 to polynomial6, exponential, \
         logarithmic or power",
    );
    user.write("bad.csv", "time,value\n0,1\nsoon,2\n");
    user.fails(
        "calc predict bad.csv --like zabbix --ahead 1h",
        "plimsoll: bad.csv:3: time is \"soon\": write seconds, or a time",
    );
}
