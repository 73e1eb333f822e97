//! `plimsoll bench`: what it prints, and that both ways into the store leave the same in it.

use plimsoll::store::Samples;
use plimsoll::{Selector, Store, TimeRange};

use super::user::{USAGE, User, golden, mask};

const TSBS: &str = "bench tsbs --hosts 3 --hours 2";
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
