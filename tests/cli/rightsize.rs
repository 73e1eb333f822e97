//! `plimsoll rightsize`: the hosts of a store, by every preset.

use std::fmt::Write as _;

use super::user::{USAGE, User, golden};
use super::with_store;

/// 2026-01-05, a Monday, in seconds.
const START: u64 = 1_767_571_200;
/// How many half hours there are.
const END: u64 = 21 * 48;

/// Three hosts for three weeks of half hours: one busy once a week, one always the same, one that
/// came two hours ago.
fn with_hosts() -> User {
    let user = User::new();
    for (host, half_hours) in [("batch-1", 0..END), ("web-1", 0..END), ("new-1", END - 4..END)] {
        let mut text = "timestamp,cpu_used_cores,memory_used_bytes\n".to_owned();
        for at in half_hours {
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
fn hosts_that_are_off_get_no_advice() {
    let user = with_hosts();
    // Off for three days to the half hour, and for half an hour more; one of them says zero.
    for (host, off) in [("weekend-1", 3 * 48), ("off-1", 3 * 48 + 1), ("zero-1", 200)] {
        let mut text = "timestamp,cpu_used_cores,cpu_cores,cpu_mhz\n".to_owned();
        for at in 0..END {
            let is_off = at + off >= END;
            if is_off && host != "zero-1" {
                continue;
            }
            let cpu = if is_off { 0.0 } else { 1.0 };
            let limit = if at < 48 { 8 } else { 4 };
            writeln!(text, "{},{cpu},{limit},9000", START + 1_800 * at).unwrap();
        }
        user.write(&format!("{host}.csv"), &text);
    }
    user.ok(
        "import csv --store s --host-from-file --column cpu_used_cores=cpu_used_cores,unit=cores \
             --column cpu_cores=cpu_cores,unit=cores \
             --column cpu_mhz=cpu_mhz,unit=MHz weekend-1.csv off-1.csv zero-1.csv",
    );
    let ask = "rightsize --store s --cpu cpu_used_cores --step 30m --preset plimsoll,vpa";
    golden("rightsize-off.txt", &user.ok(&format!("{ask} --cpu-limit cpu_cores")));
    let json = user.json(&format!("{ask} --cpu-limit cpu_cores"));
    assert_eq!(json["facts"]["off"], 2);
    let rows = json["tables"]["sizes"].as_array().unwrap();
    let names: Vec<&str> = rows.iter().map(|row| row["host"].as_str().unwrap()).collect();
    assert_eq!(names, ["batch-1", "new-1", "web-1", "weekend-1"]);
    let weekend = &rows[3];
    assert_eq!((&weekend["now"], rows[0]["now"].is_null()), (&4.0.into(), true));
    let change = weekend["plimsoll"].as_f64().unwrap() - 4.0;
    assert_eq!(weekend["change"].as_f64(), Some(change));
    assert_eq!(json["tables"]["totals"][0]["change"].as_f64(), Some(change));
    // A number is what all have.
    let all = user.json(&format!("{ask} --cpu-limit 2"));
    assert_eq!(all["tables"]["sizes"][0]["now"], 2.0);
    let none = user.json(ask);
    assert!(none["tables"]["sizes"][0].get("now").is_none());
    // On the day after its last use it was not off.
    let then = user.json(&format!("{ask} --to 2026-01-24"));
    assert!(then["facts"].get("off").is_none(), "{then}");
    user.fails(
        &format!("{ask} --cpu-limit cpu_mhz"),
        "plimsoll: --cpu-limit is in MHz and the cpu in cores, which cannot be compared; select a \
         limit in cores, or write 'SELECTOR in UNIT'",
    );
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
