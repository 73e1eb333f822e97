//! Promise: the demo's plan finds what was planted in its fleet, and nothing else. The command is
//! run as a user would run it, and its plan is marked against the fleet's truth.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Stdio};

use plimsoll::demo::{Fleet, FleetOptions, Truth};
use serde_json::Value;

const SEEDS: u64 = 5;
const SEEDS_SLOW: u64 = 20;

/// What was found over all seeds.
#[derive(Default)]
struct Marks {
    planted: usize,
    dated: usize,
    inside: usize,
    /// Parameters of laws, and those whose interval holds them.
    parameters: usize,
    held: usize,
}

fn plimsoll(arguments: &[&str], folder: &Path) -> Vec<u8> {
    let run = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{arguments:?}: {errors}");
    run.stdout
}

fn host(row: &Value) -> String {
    row["labels"]["host"].as_str().unwrap().to_owned()
}

fn mark(seed: u64, marks: &mut Marks) {
    let folder = tempfile::tempdir().unwrap();
    let text = plimsoll(&["demo", "--seed", &seed.to_string(), "--no-report"], folder.path());
    assert!(String::from_utf8(text).unwrap().contains("WHAT RUNS OUT, worst first"));
    let (store, study) = ("plimsoll-demo/store", "plimsoll-demo/study.toml");
    let json =
        plimsoll(&["plan", "--store", store, "--study", study, "--format", "json"], folder.path());
    let plan: Value = serde_json::from_slice(&json).unwrap();
    let truth = Fleet::new(FleetOptions { seed, ..FleetOptions::default() }).unwrap().truth();

    let rows = plan["hosts"]["rows"].as_array().unwrap();
    let by_name: BTreeMap<(String, &str), &Value> =
        rows.iter().map(|row| ((host(row), row["resource"].as_str().unwrap()), row)).collect();
    let mut planted_rows = BTreeSet::new();
    for planted in &truth.exhaustion {
        planted_rows.insert((planted.host.clone(), planted.resource));
        let row = by_name[&(planted.host.clone(), planted.resource)];
        let date = planted.date.date();
        if date.as_str() > "2026-12-05" {
            continue; // Beyond the horizon of 90 days.
        }
        marks.planted += 1;
        let day = |name: &str| row["full"][name].as_str().unwrap_or("9999").to_owned();
        let dated = row["outcome"] == "within";
        let inside = dated && day("p10") <= date && date <= day("p90");
        marks.dated += usize::from(dated);
        marks.inside += usize::from(inside);
        println!(
            "seed {seed}: {} {} full {date}: {} {} / {} / {}{}",
            planted.host,
            planted.resource,
            row["outcome"],
            day("p10"),
            day("p50"),
            day("p90"),
            if inside { "" } else { "  OUTSIDE" }
        );
    }

    let idle: BTreeSet<String> =
        plan["idle"]["hosts"].as_array().unwrap().iter().map(host).collect();
    let zombies: BTreeSet<String> = truth.zombies.iter().cloned().collect();
    assert_eq!(idle, zombies, "seed {seed}: idle hosts, and zombies");

    // No other row is full or has a date, those of hosts with something planted elsewhere included.
    let others = by_name.iter().filter(|(row, _)| !planted_rows.contains(row));
    for (_, row) in others {
        let alarm = row["outcome"] == "already" || row["full"]["p10"].is_string();
        assert!(!alarm, "seed {seed}: an alarm where nothing was planted: {row}");
    }

    let large = plan["overprovisioned"]["rows"].as_array().unwrap();
    let large: BTreeSet<String> = large.iter().map(host).collect();
    for name in &truth.over_provisioned {
        assert!(large.contains(name), "seed {seed}: {name} is over-provisioned; found {large:?}");
    }
    let planted =
        |name: &&String| truth.over_provisioned.contains(name) || truth.zombies.contains(name);
    let surplus: Vec<&String> = large.iter().filter(|name| !planted(name)).collect();
    assert!(surplus.is_empty(), "seed {seed}: {surplus:?} are no larger than their work");
    mark_laws(seed, &plan["laws"][0], &truth, marks);
}

/// Marks the law of each web server: all that serve have one, and of zombies it is said why not.
fn mark_laws(seed: u64, law: &Value, truth: &Truth, marks: &mut Marks) {
    let rows = law["rows"].as_array().unwrap();
    let rows: BTreeMap<String, &Value> = rows.iter().map(|row| (host(row), row)).collect();
    assert_eq!(rows.len(), truth.laws.len());
    for (name, planted) in &truth.laws {
        let row = rows[name];
        for (parameter, planted, near) in [
            ("throughput_of_one", planted.throughput_of_one, 0.05),
            ("contention", planted.contention, 0.5),
            ("coherency", planted.coherency, 0.5),
        ] {
            let found = &row[parameter];
            let number = |key: &str| found[key].as_f64();
            let value = number("value").unwrap();
            // A host that is too large sees too little load to tell how the law bends far above.
            let is_large = truth.over_provisioned.contains(name);
            let is_near = (value / planted - 1.0).abs() < near;
            assert!(is_large || is_near, "seed {seed}: {name} {parameter} {planted}: {found}");
            // What is held at its bound has no interval.
            let (Some(low), Some(high)) = (number("low"), number("high")) else { continue };
            marks.parameters += 1;
            marks.held += usize::from(low <= planted && planted <= high);
        }
        let used = row["used_share"].as_f64().unwrap();
        assert!((0.1..1.0).contains(&used), "seed {seed}: {name}: {row}");
    }
    let unsaid: BTreeSet<String> = law["unsaid"].as_array().unwrap().iter().map(host).collect();
    let zombies = truth.zombies.iter().filter(|name| name.starts_with("web-"));
    assert_eq!(unsaid, zombies.cloned().collect());
}

#[test]
fn the_plan_finds_what_was_planted() {
    let mut marks = Marks::default();
    let seeds = if crate::support::slow() { SEEDS_SLOW } else { SEEDS };
    for seed in 1..=seeds {
        mark(seed, &mut marks);
    }
    let Marks { planted, dated, inside, parameters, held } = marks;
    println!("{planted} planted, {dated} dated, {inside} inside P10 to P90");
    println!("{held} of {parameters} parameters of laws inside their intervals of 95%");
    assert!(dated * 20 >= planted * 19, "only {dated} of {planted} have a date");
    let share = inside as f64 / planted as f64;
    assert!((0.65..=0.95).contains(&share), "{share} of the planted dates inside P10 to P90");
    let share = held as f64 / parameters as f64;
    assert!((0.9..1.0).contains(&share), "{share} of the laws' parameters inside their intervals");
}

#[test]
fn the_demo_leaves_a_page_where_it_is_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let small = ["demo", "--hosts", "20", "--days", "40"];
    plimsoll(&small, folder.path());
    let page = std::fs::read(folder.path().join("plimsoll-report.html")).unwrap();
    assert!(page.starts_with(b"<!doctype html>"));
    plimsoll(&[&small[..], &["--report", "other.html"]].concat(), folder.path());
    assert!(std::fs::read(folder.path().join("other.html")).unwrap() == page);
    std::fs::remove_file(folder.path().join("plimsoll-report.html")).unwrap();
    plimsoll(&[&small[..], &["--no-report"]].concat(), folder.path());
    assert!(!folder.path().join("plimsoll-report.html").exists());
}
