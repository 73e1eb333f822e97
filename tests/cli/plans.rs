//! Promise: a plan that is kept is the plan that was printed; what changed since is told with its
//! reason, and what it said is scored by what came.

use std::fs;
use std::path::PathBuf;

use plimsoll::{Store, StoreOptions};
use serde_json::Value;

use super::user::{DONE, FAILED, PROBLEMS, USAGE, User, golden, mask};
use super::with_store;

/// The line of a disk lies at 400 GB. That of db-1 comes there on 11 February.
fn study(name: &str, as_of: &str, disk: &str) -> String {
    format!(
        "[study]\nname = \"{name}\"\nstep = \"1h\"\nas_of = \"{as_of}\"\n\
         [[resource]]\nname = \"disk\"\nusage = \"disk_used_gb\"\nlimit = {disk}\n\
         unit = \"GB\"\nsafety_margin = 0.2\n\
         [[resource]]\nname = \"cpu\"\nusage = \"cpu_usage_mhz\"\nlimit = \"cpu_capacity_mhz\"\n\
         unit = \"MHz\"\n"
    )
}

/// A user with a store, and a study as of each of these days, as in `02-05.toml`.
fn with_studies() -> User {
    let user = with_store();
    for day in ["02-05", "02-06", "02-12", "02-16"] {
        let text = study("three hosts", &format!("2026-{day}"), "\"disk_capacity_gb\"");
        user.write(&format!("{day}.toml"), &text);
    }
    user
}

fn plan(day: &str) -> String {
    format!("plan --store s --study {day}.toml")
}

fn kept(user: &User) -> Vec<PathBuf> {
    let entries = fs::read_dir(user.path("s/plans")).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    paths
}

#[test]
fn a_kept_plan_is_the_one_that_was_printed() {
    let user = with_studies();
    assert!(user.ok("plans --store s").contains("`plimsoll plan --keep` keeps one"));
    let before = user.json("stat --store s")["disk_bytes"].as_u64().unwrap();
    let printed = user.ok(&plan("02-05"));
    let run = user.ends(DONE, &format!("{} --keep", plan("02-05")));
    assert_eq!(run.out, printed, "it is printed as ever");
    assert!(run.err.starts_with("kept as s/plans/"), "{run:?}");
    let json = user.ok(&format!("{} --format json", plan("02-05")));
    let files = kept(&user);
    assert_eq!(files.len(), 1);
    assert_eq!(fs::read_to_string(&files[0]).unwrap(), json);
    let after = user.json("stat --store s")["disk_bytes"].as_u64().unwrap();
    assert_eq!(after - before, json.len() as u64, "it counts among the store's bytes");
    // Once more is no second one; another instant is.
    user.ok(&format!("{} --keep", plan("02-05")));
    assert_eq!(kept(&user).len(), 1);
    user.ok(&format!("{} --keep", plan("02-12")));
    golden("plans.txt", &mask(&user.ok("plans --store s"), &["bytes  "]));
    golden("plans.csv", &mask(&user.ok("plans --store s --format csv"), &["bytes,"]));
    let list = user.json("plans --store s");
    assert_eq!(list["tables"]["plans"][1]["full"], 1, "{list}");
    let check = user.json("check --store s");
    assert_eq!((&check["files"], &check["findings"]), (&4.into(), &Value::Array(vec![])));
    let dropped = user.json("plans --store s --drop-before 2026-02-06");
    assert_eq!((&dropped["facts"]["dropped"], &dropped["facts"]["kept"]), (&1.into(), &1.into()));
    assert_eq!(user.json("plans --store s")["facts"]["plans"], 1);
}

#[test]
fn no_name_of_a_study_becomes_a_path() {
    let user = with_store();
    let name = "../../../evil\\u001b[31m";
    user.write("evil.toml", &study(name, "2026-02-05", "500"));
    user.ok(&format!("{} --keep", plan("evil")));
    let files = kept(&user);
    assert_eq!(files.len(), 1);
    let stem = files[0].file_stem().unwrap().to_str().unwrap();
    assert!(stem.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-'), "{stem}");
    let list = user.ok("plans --store s");
    assert!(list.contains("../../../evil") && !list.contains('\u{1b}'), "{list}");
}

#[test]
fn what_changed_is_told_with_its_reason() {
    let user = with_studies();
    user.fails(
        &format!("{} --diff", plan("02-12")),
        "plimsoll: no plan of study \"three hosts\" from before 2026-02-12T00:00:00Z is kept in s; \
         keep one with `plimsoll plan --keep`, or name a file: --diff FILE",
    );
    user.write("mailed.json", &user.ok(&format!("{} --format json", plan("02-05"))));
    for day in ["02-05", "02-16"] {
        user.ok(&format!("{} --keep", plan(day)));
    }
    // The later one that is kept is none from before.
    let diff = user.ok(&format!("{} --diff", plan("02-12")));
    golden("plan-diff.txt", &diff);
    assert_eq!(user.ok(&format!("{} --diff mailed.json", plan("02-12"))), diff);
    golden("plan-diff.csv", &user.ok(&format!("{} --diff --format csv", plan("02-12"))));
    let changes = user.json(&format!("{} --diff", plan("02-12")));
    assert_eq!(changes["facts"]["newly_full"], 1);
    let first = &changes["tables"]["changes"][0];
    assert_eq!((&first["change"], &first["row"]), (&"newly_full".into(), &"db-1".into()));
    assert_eq!(first["reasons"], "as_forecast");
    // Compared and kept in one go: the next one is compared with it.
    user.ok(&format!("{} --diff --keep", plan("02-12")));
    assert_eq!(kept(&user).len(), 3);
    let since = user.json(&format!("{} --diff", plan("02-16")));
    assert_eq!(since["facts"]["as_of_before"], "2026-02-12T00:00:00Z");
    // A larger disk for all.
    user.write("larger.toml", &study("three hosts", "2026-02-16", "1000"));
    let larger = user.ok(&format!("{} --diff", plan("larger")));
    golden("plan-diff-larger.txt", &larger);
    assert!(larger.contains("the limit rose from 500 GB to 1.00 TB"), "{larger}");
    let same = user.json(&format!("{} --diff mailed.json", plan("02-05")));
    assert_eq!(same["facts"]["unchanged"], 6, "{same}");
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let user = with_studies();
    let json = user.ok(&format!("{} --format json", plan("02-12")));
    user.write("later.json", &json);
    user.write("newer.json", &json.replacen("\"schema_version\": 1", "\"schema_version\": 2", 1));
    user.write("half.json", &json[..json.len() / 2]);
    user.write("other.json", "{\"schema_version\": 1, \"facts\": {}}");
    let diff = |file: &str| format!("{} --diff {file}", plan("02-05"));
    user.fails(
        &diff("later.json"),
        "plimsoll: the plan in later.json is of 2026-02-12T00:00:00Z, after this one of \
         2026-02-05T00:00:00Z; compare the later with the earlier",
    );
    user.fails(
        &diff("newer.json"),
        "plimsoll: newer.json has format version 2; this build reads 1 to 1: use a newer plimsoll",
    );
    for (file, says) in [
        ("half.json", "it is no plan (EOF"),
        ("other.json", "other.json:1: it is no plan (missing field `study`"),
        ("none.json", "cannot read none.json"),
    ] {
        let run = user.ends(FAILED, &diff(file));
        assert!(run.out.is_empty() && run.err.contains(says), "{run:?}");
    }
    assert!(!user.path("s/plans").exists(), "who only reads makes nothing");
    for line in ["plans --store s --score", "plans --store s --study 02-05.toml", "plans"] {
        user.ends(USAGE, line);
    }
    let run = user.ends(FAILED, "plans --store nowhere");
    golden("missing-store.txt", &run.err);
}

#[test]
fn plans_are_scored_by_what_came() {
    let user = with_studies();
    let score = "plans --store s --score --study 02-16.toml";
    user.fails(
        score,
        "plimsoll: not enough data: of the 0 plans that are kept none is of study \"three hosts\"; \
         keep one with `plimsoll plan --keep`",
    );
    for day in ["02-05", "02-06", "02-12"] {
        user.ok(&format!("{} --keep", plan(day)));
    }
    golden("plans-score.txt", &user.ok(score));
    golden("plans-score.csv", &user.ok(&format!("{score} --format csv")));
    let scores = user.json(score);
    // From 5 and from 6 February on seven days end on the 11th and 12th; of db-1's disk alone the
    // line was reached. The days from the 12th on are not over, and none has thirty.
    let week = &scores["tables"]["scores"][0];
    let figures = ["within_days", "plans", "cases", "reached"].map(|key| week[key].as_u64());
    assert_eq!(figures, [7, 2, 12, 2].map(Some), "{scores}");
    let dates = &scores["tables"]["intervals"][0];
    assert_eq!((&dates["dates"], &dates["held"]), (&2.into(), &2.into()), "{scores}");
}

#[test]
fn a_score_says_what_it_left_out_and_why() {
    let user = with_studies();
    for day in ["02-05", "02-06"] {
        user.ok(&format!("{} --keep", plan(day)));
    }
    let text = study("three hosts", "2026-02-16", "\"disk_capacity_gb\"");
    user.write("daily.toml", &text.replace("step = \"1h\"", "step = \"1d\""));
    let score = "plans --store s --score --study";
    let daily = user.json(&format!("{score} daily.toml"));
    let facts = |found: &Value| ["plans", "other_step"].map(|key| found["facts"][key].as_u64());
    assert_eq!(facts(&daily), [Some(0), Some(2)], "{daily}");
    assert_eq!(facts(&user.json(&format!("{score} 02-16.toml"))), [Some(2), Some(0)]);
    let said = user.ok(&format!("{score} daily.toml"));
    assert!(said.contains("Nothing could be scored: plans are of another step."), "{said}");
    let diff = user.ok("plan --store s --study daily.toml --diff");
    assert!(diff.contains("The step changed from 1h to 1d."), "{diff}");
    // Names that the plans do not know.
    let renamed = text.replace("\"disk\"", "\"volume\"").replace("\"cpu\"", "\"cores\"");
    user.write("renamed.toml", &renamed);
    let said = user.ok(&format!("{score} renamed.toml"));
    assert!(said.contains("Nothing could be scored: rows are without usage"), "{said}");
    assert!(!said.contains("7 days old"), "{said}");
}

#[test]
fn a_plan_is_kept_beside_a_writer() {
    let user = with_studies();
    let store = Store::open_existing(&user.path("s"), StoreOptions::default()).unwrap();
    user.ok(&format!("{} --keep", plan("02-05")));
    crate::support::small::append(&store, 0, 0, 7).unwrap();
    assert_eq!(store.plans().list().unwrap().len(), 1);
    assert_eq!(store.check().unwrap().findings, []);
    store.close().unwrap();
    // Opened anew for writing, it leaves the plans alone.
    Store::open_existing(&user.path("s"), StoreOptions::default()).unwrap().close().unwrap();
    assert_eq!(user.json("plans --store s")["facts"]["plans"], 1);
}

#[test]
fn backup_restore_and_repair_keep_the_plans() {
    let user = with_studies();
    for day in ["02-05", "02-12"] {
        user.ok(&format!("{} --keep", plan(day)));
    }
    let plans = user.ok("plans --store s");
    let report = user.json("backup --store s b");
    assert_eq!((&report["files"], &report["linked"]), (&5.into(), &3.into()), "{report}");
    let report = user.json("backup --store s b");
    assert_eq!((&report["kept"], &report["copied"]), (&4.into(), &1.into()), "{report}");
    user.ok("restore b --store r");
    assert_eq!(user.ok("plans --store r"), plans);
    assert_eq!(user.run("check --store r").code, DONE);
    fs::remove_dir_all(user.path("r/db")).unwrap();
    user.ok("repair --store r");
    assert_eq!(user.ok("plans --store r"), plans);
    // What is broken is found, named, and passed over.
    let path = kept(&user).remove(0);
    let text = fs::read_to_string(&path).unwrap();
    crate::support::small::replace(&path, &text.as_bytes()[..text.len() / 2]);
    let name = path.file_name().unwrap().to_str().unwrap();
    let run = user.ends(PROBLEMS, "check --store s");
    assert!(run.out.lines().next().unwrap().contains(name), "{run:?}");
    let run = user.ends(DONE, "plans --store s");
    assert!(run.err.contains("is damaged") && run.out.contains("2026-02-12"), "{run:?}");
    // The whole one in the backup stays; a backup elsewhere takes it as it is, and says so.
    user.ok("backup --store s b");
    user.ok("restore b --store q");
    assert_eq!(user.ok("plans --store q"), plans);
    let run = user.ends(PROBLEMS, "backup --store s c");
    assert!(run.out.contains(name), "{run:?}");
    user.write("s/plans/mine.json", "{}");
    let run = user.ends(PROBLEMS, "check --store s");
    assert!(run.out.contains("mine.json"), "{run:?}");
}
