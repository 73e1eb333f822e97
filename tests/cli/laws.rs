//! Promise: a plan tells how far load may go by the laws of its study, from a store in which a law
//! holds its own parameters, to the digits that are printed.

use std::fmt::Write as _;

use super::user::{FAILED, User, golden};

/// 40 days of hours: web-1 and web-2 follow X = 40 N / (1 + 0.05 (N - 1) + 0.001 N (N - 1)) from
/// loads of 2 to 25 and 2 to 48, web-3 never varies, and web-4 has a load alone.
fn with_laws() -> User {
    let user = User::new();
    let law = |load: f64| 40.0 * load / (1.0 + 0.05 * (load - 1.0) + 0.001 * load * (load - 1.0));
    let mut totals = [0.0; 3];
    let mut text = "time,host,connections,requests_total,cpu\n".to_owned();
    for hour in 0..40 * 24_u32 {
        let step = f64::from(hour % 24);
        let loads = [2.0 + step, 2.0 + 2.0 * step, 10.0];
        let day = hour / 24;
        let at = format!("2026-{:02}-{:02}T{:02}:00:00Z", 1 + day / 31, 1 + day % 31, hour % 24);
        for (host, (load, total)) in (1..).zip(loads.iter().zip(&mut totals)) {
            // A counter says at an hour what was done in the hour before.
            *total += 3_600.0 * law(*load);
            let _ = writeln!(text, "{at},web-{host},{load},{total},1");
        }
        let _ = writeln!(text, "{at},web-4,{},,1", loads[0]);
    }
    user.write("laws.csv", &text);
    user.ok("import csv --store s laws.csv");
    user
}

fn study(more: &str) -> String {
    format!(
        "[study]\nname = \"laws\"\nstep = \"1h\"\n\
         [[resource]]\nname = \"cpu\"\nusage = \"cpu\"\nlimit = 8\n\
         [[law]]\nname = \"web serves\"\nload = \"connections\"\n\
         throughput = \"rate(requests_total)\"\n{more}"
    )
}

const PROMISE: &str = "response_max = \"60ms\"\n";

#[test]
fn an_exact_law_is_printed_with_its_parameters() {
    let user = with_laws();
    user.write("study.toml", &study(PROMISE));
    let text = user.ok("plan --store s --study study.toml");
    let at = text.find("HOW FAR LOAD MAY GO").unwrap_or_else(|| panic!("{text}"));
    golden("plan-laws.txt", &text[at..]);
    let plan = user.json("plan --store s --study study.toml");
    let near = |found: &serde_json::Value, expected: f64| {
        let found = found.as_f64().unwrap();
        assert!((found / expected - 1.0).abs() < 1e-6, "{found}, expected {expected}");
    };
    let rows = plan["laws"][0]["rows"].as_array().unwrap();
    assert_eq!((rows.len(), &rows[0]["labels"]["host"]), (2, &"web-2".into()));
    for row in rows {
        near(&row["throughput_of_one"]["value"], 40.0);
        near(&row["contention"]["value"], 0.05);
        near(&row["coherency"]["value"], 0.001);
        // sqrt(0.95 / 0.001), and there 40 N / (1 + 0.05 (N - 1) + 0.95 - 0.001 N).
        let peak = 950.0_f64.sqrt();
        near(&row["peak"]["load"]["value"], peak);
        near(&row["peak"]["throughput"]["value"], 40.0 * peak / (1.9 + 0.049 * peak));
        // N / X(N) = 0.06 where 0.001 N^2 + 0.049 N = 1.45.
        let kept = (0.049_f64.powi(2) + 4.0 * 0.001 * 1.45).sqrt() / 0.002 - 24.5;
        near(&row["promise"]["load"]["value"], kept);
        near(&row["usable_load"], kept);
    }
    near(&rows[0]["highest_load"]["value"], 48.0);
    near(&rows[1]["highest_load"]["value"], 25.0);
    // One number for all: the fleet's loads and throughputs added up.
    user.write("fleet.toml", &study("by = []\n"));
    let plan = user.json("plan --store s --study fleet.toml");
    let row = &plan["laws"][0]["rows"][0];
    assert_eq!(row["labels"], serde_json::json!({}));
    near(&row["highest_load"]["value"], 25.0 + 48.0 + 10.0 + 25.0);
}

#[test]
fn laws_are_explained_and_drawn() {
    let user = with_laws();
    user.write("study.toml", &study(PROMISE));
    golden("explain-law.txt", &user.ok("explain --store s --study study.toml web-2"));
    user.ok("report --store s --study study.toml -o report.html");
    let page = std::fs::read_to_string(user.path("report.html")).unwrap();
    for part in [
        "<h2 id=\"curves\">",
        "web-2 · web serves: throughput",
        "web-2 · web serves: response",
        "slower than 60ms from here",
        "web-2: law web serves",
    ] {
        assert!(page.contains(part), "{part}");
    }
}

#[test]
fn what_is_wrong_or_missing_is_told() {
    let user = with_laws();
    let wrong = study("").replace("rate(requests_total)", "rate(requests_total) in requests");
    user.write("wrong.toml", &wrong);
    let told = user.ends(FAILED, "plan --store s --study wrong.toml").err;
    assert!(
        told.contains("wrong.toml:11: ") && told.contains("leave out \"in requests\""),
        "{told}"
    );
    user.write("nothing.toml", &study("").replace("\"connections\"", "\"sessions\""));
    let text = user.ok("plan --store s --study nothing.toml");
    assert!(text.contains("HOW FAR LOAD MAY GO: web serves\n (no rows: "), "{text}");
    assert!(text.contains("no series of its load was selected"), "{text}");
}
