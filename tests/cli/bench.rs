//! `plimsoll bench`: what it prints, and that both ways into the store leave the same in it.

use plimsoll::demo::study_toml_in_steps;
use plimsoll::store::Samples;
use plimsoll::{Selector, Span, Store, TimeRange};

use super::user::{USAGE, User, golden, mask};

const TSBS: &str = "bench tsbs --hosts 3 --hours 2 --runs 0";
/// The same load, and its queries.
const ASKED: &str = "bench tsbs --hosts 3 --hours 2 --runs 2";
const SAMPLES: u64 = 3 * 10 * 720;

/// Every series of a store with its times and the bits of its values, by labels.
fn contents(user: &User, store: &str) -> Vec<(String, Vec<i64>, Vec<u64>)> {
    let store = Store::open_read_only(&user.path(store)).unwrap();
    let snapshot = store.snapshot().unwrap();
    let mut all = Vec::new();
    for id in snapshot.select(&Selector::all()) {
        let mut samples = Samples::default();
        snapshot.scan(id, TimeRange::ALL, &mut samples).unwrap();
        let bits = samples.values.iter().map(|value| value.to_bits()).collect();
        all.push((snapshot.labels(id).unwrap().to_string(), samples.times, bits));
    }
    all.sort();
    all
}

#[test]
fn tsbs_is_loaded_weighed_and_kept() {
    let user = User::new();
    let numbers = ["in ", " s, ", "samples/s, ", "sealed     ", "compacted  ", " bytes, "];
    let text = user.ok(&format!("{TSBS} --store s"));
    golden("bench-tsbs.txt", &mask(&text, &numbers));
    let text = user.ok(&format!("{TSBS} --store t --load influx"));
    golden("bench-tsbs-influx.txt", &mask(&text, &numbers));

    let report = user.json(&format!("{TSBS} --store u --seed 2 --scrapes-per-batch 7"));
    assert_eq!((&report["samples"], &report["seed"]), (&SAMPLES.into(), &2.into()));
    assert_eq!((&report["load"], &report["scrapes_per_batch"]), (&"append".into(), &7.into()));
    for form in ["sealed", "compacted"] {
        let bytes = report[form]["bytes"].as_u64().unwrap();
        let ratio = report[form]["bytes_per_sample"].as_f64().unwrap();
        assert!((ratio - bytes as f64 / SAMPLES as f64).abs() < 1e-9 && ratio > 0.1, "{report}");
    }
    for rate in ["load_samples_per_second", "compaction_samples_per_second"] {
        assert!(report[rate].as_f64().unwrap() > 0.0, "{report}");
    }
    assert!(report.get("queries").is_none(), "{report}");
    // The store stays, closed and sound.
    let stat = user.json("stat --store u");
    assert_eq!((&stat["samples"], &stat["head_samples"]), (&SAMPLES.into(), &0.into()));
    assert_eq!(user.json("check --store u")["findings"].as_array().unwrap().len(), 0);
}

#[test]
fn every_way_of_loading_leaves_the_same_in_the_store() {
    let user = User::new();
    user.ok(&format!("{TSBS} --store a"));
    user.ok(&format!("{TSBS} --store b --load influx"));
    user.ok(&format!("{TSBS} --store c --scrapes-per-batch 1000"));
    user.ok(&format!("{TSBS} --store d --seed 2"));
    let appended = contents(&user, "a");
    assert_eq!(appended.len(), 30);
    assert!(appended.iter().all(|(_, times, values)| times.len() == 720 && values.len() == 720));
    assert!(appended[0].0.starts_with("cpu_usage_guest_nice{arch="), "{}", appended[0].0);
    assert_eq!(appended[0].1[..2], [1_451_606_400_000_000_000, 1_451_606_410_000_000_000]);
    assert!(appended == contents(&user, "b"), "line protocol");
    assert!(appended == contents(&user, "c"), "larger batches");
    assert!(appended != contents(&user, "d"), "another seed");
}

#[test]
fn queries_are_asked_of_both_forms_and_of_a_store_that_was_loaded() {
    let user = User::new();
    let numbers = ["in ", " s, ", "samples/s, ", "sealed     ", "compacted  ", " bytes, "];
    let numbers = [&numbers[..], &["median ", "p95 ", "samples at "]].concat();
    let text = user.ok(&format!("{ASKED} --store s"));
    golden("bench-tsbs-queries.txt", &mask(&text, &numbers));
    let text = user.ok(&format!("{ASKED} --store s --loaded --queries lastpoint"));
    golden("bench-tsbs-loaded.txt", &mask(&text, &numbers));

    // A sealed store stays sealed; both forms answer the same.
    let report = user.json(&format!("{ASKED} --store t --form sealed --answers t.bin --rows r"));
    assert!(report.get("compacted").is_none() && report["queries"].as_array().unwrap().len() == 1);
    user.json(&format!("{ASKED} --store s --loaded --answers s.bin"));
    let read = |name: &str| std::fs::read(user.path(name)).unwrap();
    assert!(read("s.bin") == read("t.bin"));
    let mut numbers = 0;
    for query in report["queries"][0]["queries"].as_array().unwrap() {
        let runs = query["runs"].as_array().unwrap();
        assert_eq!(runs.len(), 2);
        for run in runs {
            let number = |value: &serde_json::Value| value.as_u64().unwrap() as usize;
            numbers += number(&run["table"]["rows"]) * number(&run["table"]["columns"]);
            assert!(run["milliseconds"].as_f64().unwrap() > 0.0, "{run}");
        }
    }
    assert_eq!(read("t.bin").len(), 8 * numbers);
    // The file of samples has those of the store.
    let rows = read("r");
    assert_eq!(rows.len() as u64, SAMPLES);
    let series = contents(&user, "t").into_iter().find(|(labels, ..)| {
        labels.starts_with("cpu_usage_system{") && labels.contains("hostname=\"host_1\"")
    });
    let expected: Vec<u8> = series.unwrap().2.iter().map(|b| f64::from_bits(*b) as u8).collect();
    assert!(rows.chunks(30).map(|scrape| scrape[11]).eq(expected));
}

#[test]
fn cold_queries_are_opened_and_asked_run_by_run() {
    let user = User::new();
    let cold = "--cold --queries lastpoint,single-groupby-5-1-1";
    let text = user.ok(&format!("{ASKED} --store s --form sealed {cold}"));
    let numbers = ["in ", " s, ", "samples/s, ", "sealed     ", " bytes, ", "median ", "p95 "];
    let numbers = [&numbers[..], &["samples at ", "open ", "ms, ", "query "]].concat();
    golden("bench-tsbs-cold.txt", &mask(&text, &numbers));
    let report = user.json(&format!("{ASKED} --store s --loaded {cold}"));
    for query in report["queries"][0]["queries"].as_array().unwrap() {
        let cold = &query["cold"];
        let runs = cold["runs"].as_array().unwrap();
        assert_eq!(runs.len(), 2, "{query}");
        for of in runs.iter().chain([cold]) {
            assert!(of["open_ms"].as_f64() > Some(0.0) && of["query_ms"].as_f64() > Some(0.0));
            assert!(of["open_bytes_read"].is_u64() && of["query_bytes_read"].is_u64(), "{of}");
        }
    }
    let report = user.json(&format!("{ASKED} --store s --loaded"));
    assert!(report["queries"][0]["queries"][0].get("cold").is_none());
}

#[test]
fn rollups_answer_what_samples_did_and_are_all_that_is_left() {
    let user = User::new();
    // An hour of the second day stays as samples where buckets are of a day.
    let load = "bench tsbs --hosts 2 --hours 25 --form sealed";
    let report =
        user.json(&format!("{load} --queries fleet-by-day --runs 2 --store s --rollup 1d"));
    assert_eq!((&report["buckets"], &report["samples_left"]), (&20.into(), &7_200.into()));
    let forms = report["queries"].as_array().unwrap();
    let names: Vec<_> = forms.iter().map(|form| form["form"].as_str().unwrap()).collect();
    assert_eq!(names, ["sealed", "rolled up"]);
    assert!(forms.iter().all(|form| form["queries"][0]["samples"] == 2 * 8_640));
    let explain = "query --store s cpu_usage_user --step 1d --agg max --to 2016-01-02 --explain";
    let explain = user.json(explain);
    assert_eq!(explain["decoded"]["samples"], 0, "{explain}");

    user.ok(&format!("{load} --runs 0 --store t"));
    let loaded = "bench tsbs --hosts 2 --hours 25 --loaded --runs 1 --store t";
    let text = user.ok(&format!("{loaded} --rollup 1h"));
    assert!(text.contains(", 500 buckets, 0 samples are left\nrolled up  "), "{text}");
    let refused = |more: &str| user.ends(1, &format!("{load} --store u {more}")).err;
    assert!(refused("--rollup 7d").contains("no day is made of whole buckets of 7d"));
    assert!(refused("--rollup 0s").contains("no day is made of whole buckets of 0s"));
    let other = refused("--rollup 1d --queries lastpoint");
    assert!(other.contains("rollups are there to ask fleet-by-day of them"), "{other}");
    assert!(!user.path("u").exists());
}

#[test]
fn queries_of_another_load_or_of_too_small_a_one_are_refused() {
    let user = User::new();
    user.ok(&format!("{TSBS} --store s --form sealed"));
    let message = "plimsoll: the store does not hold the load of 3 hosts, 2 h, seed 2: it has no";
    let run = user.ends(1, &format!("{ASKED} --store s --loaded --seed 2"));
    assert!(run.err.starts_with(message), "{}", run.err);
    let message = "plimsoll: high-cpu-all asks for 1 hosts and 12 h, more than the load has";
    user.fails(&format!("{ASKED} --store s --loaded --queries high-cpu-all"), message);
    let run = user.ends(USAGE, &format!("{ASKED} --store s --loaded --queries sum"));
    assert!(run.err.contains("there are single-groupby-1-1-1, "), "{}", run.err);
    user.ends(USAGE, &format!("{ASKED} --store s --loaded --form sealed"));
    user.ends(USAGE, &format!("{ASKED} --store s --loaded --load influx"));
}

#[test]
fn a_folder_with_anything_in_it_is_refused() {
    let user = User::new();
    user.write("full/notes.txt", "mine");
    let message = "plimsoll: full is not empty; name a new folder with --store";
    user.fails(&format!("{TSBS} --store full"), message);
    assert_eq!(std::fs::read_dir(user.path("full")).unwrap().count(), 1);
    let message = "plimsoll: a fleet has 1 to 100000 hosts, not 0";
    user.fails("bench tsbs --hosts 0 --hours 1 --store s", message);
    assert!(!user.path("s").exists());
    user.ends(USAGE, &format!("{TSBS} --store s --scrapes-per-batch 0"));
    user.ends(USAGE, "bench tsbs --store s");
}

#[test]
fn a_fleet_is_written_and_planned_as_by_the_other_commands() {
    let user = User::new();
    let load = "bench plan --hosts 4 --days 20 --step 6h";
    let text = user.ok(&format!("{load} --store s"));
    let numbers = ["in ", " s, ", " ms, ", "at most ", "held ", "JSON       "];
    golden("bench-plan.txt", &mask(&text, &numbers));

    let report = user.json(&format!("{load} --seed 2 --store t"));
    let study = study_toml_in_steps(Span::from_seconds(6 * 3_600));
    let (before, after) = study.split_once("[inventory]\nfile = \"hosts.csv\"\n").unwrap();
    user.write("study.toml", &format!("{before}{after}"));
    let plan = user.ok("plan --store t --study study.toml --format json");
    assert_eq!(report["json_bytes"], plan.len());
    let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
    assert_eq!((&report["host_rows"], &report["seed"]), (&plan["summary"]["rows"], &2.into()));
    assert_eq!(report["samples"], user.json("stat --store t")["samples"]);
    for part in ["write", "plan", "json"] {
        assert!(report[part]["peak_bytes"].as_u64().unwrap() > 1 << 20, "{report}");
        assert!(report[part]["seconds"].as_f64().unwrap() > 0.0, "{report}");
    }
    let message = "plimsoll: t is not empty; name a new folder with --store";
    user.fails(&format!("{load} --store t"), message);
    let message = "plimsoll: a fleet has 1 to 100000 hosts, not 0";
    user.fails("bench plan --hosts 0 --store u", message);
    let message = "plimsoll: a day is no multiple of the step 7h; write 10s to 1d";
    user.fails("bench plan --hosts 1 --step 7h --store u", message);
    assert!(!user.path("u").exists());
}
