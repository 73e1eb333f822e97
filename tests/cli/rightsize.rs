//! `plimsoll rightsize`: the hosts of a store, by every preset.

use std::fmt::Write as _;

use super::user::{USAGE, User, golden};
use super::with_store;

/// 2026-01-05, a Monday, in seconds.
const START: u64 = 1_767_571_200;

/// Three hosts for three weeks of half hours: one busy once a week, one always the same, one that
/// was there for two hours.
fn with_hosts() -> User {
    let user = User::new();
    for (host, half_hours) in [("batch-1", 21 * 48), ("web-1", 21 * 48), ("new-1", 4)] {
        let mut text = "timestamp,cpu_used_cores,memory_used_bytes\n".to_owned();
        for at in 0..half_hours {
            let (time, busy) = (START + 1_800 * at, at / 48 % 7 == 1 && host == "batch-1");
            let cpu = if busy { 6.0 } else { 0.5 } + (at % 48) as f64 / 480.0;
            let memory = 2_000_000_000 + 10_000_000 * (at % 48);
            writeln!(text, "{time},{cpu},{memory}").unwrap();
        }
        user.write(&format!("{host}.csv"), &text);
    }
    // Of memory the store is told no unit.
    user.ok(
        "import csv --store s --host-from-file --column cpu_used_cores=cpu_used_cores,unit=cores \
         batch-1.csv web-1.csv new-1.csv",
    );
    user
}

const BOTH: &str = "rightsize --store s --cpu cpu_used_cores --memory memory_used_bytes \
                    --memory-unit B --step 30m";

#[test]
fn hosts_stand_side_by_side_with_totals() {
    let user = with_hosts();
    golden("rightsize.txt", &user.ok(BOTH));
    golden("rightsize.csv", &user.ok(&format!("{BOTH} --preset plimsoll,vpa --format csv")));
    let json = user.json(&format!("{BOTH} --preset plimsoll,vpa,krr --explain"));
    let rows = json["tables"]["sizes"].as_array().unwrap();
    assert_eq!(rows.len(), 6);
    let batch = &rows[0];
    assert_eq!((&batch["host"], &batch["resource"]), (&"batch-1".into(), &"cpu".into()));
    // Ours keeps the day of the week that VPA has forgotten.
    assert!(batch["plimsoll"].as_f64().unwrap() > 6.9 && batch["vpa"].as_f64().unwrap() < 1.0);
    // A host of two hours has no advice of KRR, so no total counts it.
    assert!(rows[2]["krr"].is_null() && rows[2]["plimsoll"].is_number());
    let total = &json["tables"]["totals"][0];
    assert_eq!((&total["preset"], &total["hosts"]), (&"plimsoll".into(), &2.into()));
    let steps = json["tables"]["steps"].as_array().unwrap();
    assert!(steps.iter().any(|step| step["host"] == "batch-1" && step["number"] == "high"));
}

#[test]
fn part_of_the_time_and_other_labels_may_be_asked_for() {
    let user = with_hosts();
    let one = user.json(&format!("{BOTH} --by __name__ --preset kubecost"));
    let peak = one["tables"]["sizes"][0]["kubecost"].as_f64().unwrap();
    // Both large hosts together, at the end of a busy day.
    assert!((peak - (6.0 + 0.5 + 2.0 * 47.0 / 480.0) / 0.7).abs() < 1e-9, "{peak}");
    let quiet = user.json(&format!("{BOTH} --preset kubecost --from 2026-01-14 --to 2026-01-20"));
    let peak = quiet["tables"]["sizes"][0]["kubecost"].as_f64().unwrap();
    assert!((peak - (0.5 + 47.0 / 480.0) / 0.7).abs() < 1e-9, "{peak}");
}

#[test]
fn units_that_are_not_cores_or_bytes_are_named() {
    let user = with_store();
    let mhz = "rightsize --store s --cpu cpu_usage_mhz --cpu-unit MHz --memory disk_used_gb";
    let mhz = format!("{mhz} --step 1h");
    golden("rightsize-mhz.txt", &user.ok(&mhz));
    let none = user.ends(USAGE, "rightsize --store s");
    assert!(none.err.contains("--cpu"), "{none:?}");
    user.fails(
        "rightsize --store s --cpu no_such_metric",
        "plimsoll: not enough data: no series of {__name__=\"no_such_metric\"} has samples in this \
         range",
    );
}

#[test]
fn metrics_of_two_units_are_not_added_up() {
    let user = with_hosts();
    user.fails(
        r#"rightsize --store s --cpu {__name__=~"cpu_used_cores|memory_used_bytes"}"#,
        "plimsoll: cpu_used_cores, memory_used_bytes are not of one unit; select those that are",
    );
}
