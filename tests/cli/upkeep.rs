//! Promise: what `backup` wrote `restore` gives back word for word, and refuses where it cannot;
//! `repair` brings back what was sealed; `retain` drops what it says.

use std::fs;

use plimsoll::{Store, StoreOptions};

use super::user::{DONE, FAILED, PROBLEMS, User, golden, mask};
use super::{HOURS, with_store};

/// Commands whose output tells all that a store holds.
const LOOKS: [&str; 3] =
    ["ls --series", "ls", "query {host=~\".+\"} --step 1h --agg last --format csv"];

/// What a store shows.
fn shown(user: &User, store: &str) -> String {
    LOOKS.map(|look| user.ok(&format!("{look} --store {store}"))).concat()
}

#[test]
fn a_backup_is_taken_kept_up_and_restored() {
    let user = with_store();
    let masked = |text: &str| mask(text, &["files, "]);
    golden("backup.txt", &masked(&user.ok("backup --store s b")));
    golden("backup-again.txt", &masked(&user.ok("backup --store s b")));
    golden("restore.txt", &masked(&user.ok("restore b --store r")));
    assert_eq!(shown(&user, "r"), shown(&user, "s"));
    let stat = |store: &str| user.json(&format!("stat --store {store}"));
    for field in ["samples", "series", "sequence", "segments", "head_samples"] {
        assert_eq!(stat("r")[field], stat("s")[field], "{field}");
    }
    let report = user.json("backup --store s c");
    let counts =
        ["files", "kept", "linked", "copied", "samples"].map(|name| report[name].as_u64().unwrap());
    assert_eq!(counts, [3, 0, 1, 2, 12 * HOURS]);
    let report = user.json("restore c --store q");
    assert_eq!((&report["samples"], &report["passed_over"]), (&(12 * HOURS).into(), &0.into()));
}

#[test]
fn a_backup_is_taken_beside_a_writer_and_retention_is_not() {
    let user = with_store();
    let store = Store::open_existing(&user.path("s"), StoreOptions::default()).unwrap();
    crate::support::small::append(&store, 0, 0, 7).unwrap();
    assert_eq!(user.json("backup --store s b")["samples"], 12 * HOURS + 14);
    golden("second-writer.txt", &user.ends(FAILED, "retain --store s --keep 1d").err);
    store.close().unwrap();
    user.ok("restore b --store r");
    assert_eq!(shown(&user, "r"), shown(&user, "s"));
}

#[test]
fn a_backup_that_is_not_whole_is_refused() {
    let user = with_store();
    user.ok("backup --store s b");
    user.write("u/UNFINISHED", "");
    user.fails(
        "restore u --store r",
        "plimsoll: the backup in u was never finished; run `plimsoll backup` again",
    );
    user.fails(
        "restore 2026-1 --store r",
        "plimsoll: there is no backup in 2026-1; `plimsoll backup` makes one",
    );
    user.fails(
        "restore b --store s",
        "plimsoll: s is not empty (it holds \"LOCK\"); restore into a new or empty folder",
    );
    user.write("b/labels/notes.txt", "");
    user.fails(
        "restore b --store r",
        "plimsoll: b/labels/notes.txt is no part of the backup; move it away",
    );
    fs::remove_file(user.path("b/labels/notes.txt")).unwrap();
    let segment = "b/segments/0000000000000000.seg";
    let mut bytes = fs::read(user.path(segment)).unwrap();
    fs::remove_file(user.path(segment)).unwrap();
    user.fails(
        "restore b --store r",
        &format!("plimsoll: the backup is not whole: {segment} is missing"),
    );
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(user.path(segment), bytes).unwrap();
    user.fails(
        "restore b --store r",
        &format!(
            "plimsoll: {segment} is damaged at byte 0: its bytes are not those that were written"
        ),
    );
    assert!(!user.path("r").exists(), "a restore that is refused makes nothing");
    // The next backup puts the damaged file right.
    user.ok("backup --store s b");
    user.ok("restore b --store r");
}

#[test]
fn damage_in_a_store_is_named_by_its_backup() {
    let user = with_store();
    let (path, mut bytes) = user.segments("s").remove(0);
    bytes[70] ^= 1;
    crate::support::small::replace(&path, &bytes);
    let run = user.ends(PROBLEMS, "backup --store s b");
    golden("backup-damaged.txt", &mask(&run.out, &["files, "]));
}

#[test]
fn a_store_that_has_lost_a_segment_says_so_and_has_it_again_from_its_backup() {
    let user = super::with_files();
    for month in ["2026-1", "2026-2"] {
        user.ok(&format!("{} {month}", super::IMPORT));
    }
    let before = shown(&user, "s");
    user.ok("backup --store s b");
    user.write("study.toml", &user.ok("study init --store s"));
    let (victim, bytes) = user.segments("s").remove(0);
    for cut in [true, false] {
        fs::remove_file(&victim).unwrap();
        if cut {
            fs::write(&victim, &bytes[..bytes.len() / 2]).unwrap();
        }
        for line in [
            "query --store s disk_used_gb --step 1d",
            "plan --store s --study study.toml",
            "report --store s --study study.toml -o report.html",
            "forecast --store s disk_used_gb --horizon 3d",
            "ls --store s",
            "backup --store s b",
        ] {
            let run = user.ends(DONE, line);
            let said =
                run.err.lines().filter(|line| line.starts_with("note: the store is")).count();
            assert_eq!(said, 1, "plimsoll {line}: {}", run.err);
        }
        let lack = "the store is damaged: every answer lacks 1 segment";
        let page = fs::read_to_string(user.path("report.html")).unwrap();
        assert!(page.contains(lack));
        assert!(user.ok("plan --store s --study study.toml --format json").contains(lack));
        golden("damaged-note.txt", &user.ends(DONE, "ls --store s").err);
        assert_eq!(user.ends(PROBLEMS, "check --store s").err, "");
        let restored = format!("r{cut}");
        user.ok(&format!("restore b --store {restored}"));
        assert_eq!(shown(&user, &restored), before);
    }
    // A writer sets it aside; the backup is then not renewed until someone decides.
    user.ok("compact --store s");
    golden("backup-refused.txt", &user.ends(FAILED, "backup --store s b").err);
    assert_eq!(user.ends(PROBLEMS, "backup --store s c").code, PROBLEMS);
}

#[test]
fn old_samples_are_dropped() {
    let user = with_store();
    let retained = user.ok("retain --store s --keep 10d");
    golden("retain.txt", &mask(&retained, &["segments of ", " of "]));
    let first = user.ok("query --store s disk_used_gb --step 1h --format csv");
    assert!(first.lines().nth(1).unwrap().contains("2026-02-05T23:00:00Z"), "{first}");
    let report = user.json("retain --store s --before 2026-03-01");
    assert_eq!((&report["segments_before"], &report["segments_after"]), (&1.into(), &0.into()));
    assert_eq!(user.ok("retain --store s --keep 1d"), "there are no samples to drop\n");
}

#[test]
fn old_samples_are_rolled_up() {
    let user = with_store();
    let daily = "query --store s disk_used_gb --step 1d --format csv --agg";
    let answers = || {
        ["count", "min", "max", "last", "increase"].map(|agg| user.ok(&format!("{daily} {agg}")))
    };
    let before = answers();
    let retained = user.ok("retain --store s --keep 10d --rollup 1h:20d --rollup 1d");
    golden("retain-rollup.txt", &mask(&retained, &["segments of ", " of "]));
    assert_eq!(answers(), before, "whole days are answered as before");
    golden(
        "stat-rollup.txt",
        &mask(
            &user.ok("stat --store s"),
            &["disk bytes        ", "  in segments     ", "sample  ", "on, "],
        ),
    );
    golden("check-rollup.txt", &mask(&user.ok("check --store s"), &["files, "]));
    let refused = user.ends(FAILED, "query --store s disk_used_gb --step 20m");
    golden("rollup-refused.txt", &refused.err);
    let study = user.ok("study init --store s");
    for (step, said) in [("20m", true), ("1d", false)] {
        let (before, rest) = study.split_once("step = \"").unwrap();
        let (_, after) = rest.split_once('"').unwrap();
        user.write("study.toml", &format!("{before}step = \"{step}\"{after}"));
        let planned = user.ends(0, "plan --store s --study study.toml");
        assert_eq!(planned.err.contains("with step = \"1d\" it would begin at"), said, "{step}");
    }
    let stat = user.json("stat --store s");
    let tiers = stat["rollups"].as_array().unwrap();
    assert_eq!(tiers.iter().map(|tier| &tier["span"]).collect::<Vec<_>>(), ["1h", "1d"]);
    user.ok("backup --store s b");
    user.ok("restore b --store r");
    assert_eq!(user.json("stat --store r")["rollups"], stat["rollups"]);
    fs::remove_dir_all(user.path("s/db")).unwrap();
    golden("repair-rollup.txt", &user.ok("repair --store s"));
    assert_eq!(answers(), before, "and after a repair");
    let wrong = user.ends(FAILED, "retain --store s --keep 1d --rollup 1h --rollup 7h");
    golden("rollup-wrong.txt", &wrong.err);
}

#[test]
fn what_was_dropped_and_comes_again_is_counted_and_said() {
    let user = with_store();
    user.ok("retain --store s --before 2026-02-01");
    let before = shown(&user, "s");
    let again = user.ok("import csv --store s --host-from-file 2026-1");
    let said = "refused   4320 samples lie before 2026-02-01T00:00:00Z, to where retention has \
                dropped all, and were left out\n";
    assert!(again.ends_with(said), "{again}");
    let report = user.json("import csv --store s --host-from-file 2026-1 2026-2");
    assert_eq!((&report["refused"], &report["conflicts"]), (&4_320.into(), &0.into()));
    assert_eq!(shown(&user, "s"), before);
}

#[test]
fn a_retention_that_would_keep_less_than_it_says_is_refused() {
    let user = with_store();
    let before = shown(&user, "s");
    for (options, says) in [
        ("--before 2250-01-01", "plimsoll: samples before 2250-01-01T00:00:00Z cannot be dropped"),
        ("--keep 0s", "plimsoll: --keep 0s keeps nothing; take a longer span"),
        ("--keep 2d --rollup 5m:0s", "plimsoll: --rollup 5m:0s keeps nothing; take a longer span"),
        ("--keep 2d --rollup 5m:1d", "plimsoll: --rollup 5m:1d keeps no bucket: samples are"),
        ("--keep 2d --rollup 1d:49h --rollup 2d", "plimsoll: --rollup 1d:2d1h keeps no bucket"),
        ("--before 2026-01-20 --rollup 5m:20d", "plimsoll: --rollup 5m:20d keeps no bucket"),
    ] {
        let run = user.ends(FAILED, &format!("retain --store s {options}"));
        assert!(run.err.starts_with(says), "{options}: {}", run.err);
        assert_eq!(shown(&user, "s"), before, "{options}");
    }
    user.ok("retain --store s --keep 2d --rollup 5m:49h --rollup 1d");
}

#[test]
fn a_coarser_tier_that_is_asked_for_later_costs_no_sample() {
    let user = with_store();
    let count = "query --store s disk_used_gb --step 1d --agg count --format csv";
    let before = user.ok(count);
    user.ok("retain --store s --before 2026-01-20T05:00:00Z --rollup 1h");
    user.ok("retain --store s --before 2026-02-01 --rollup 1d");
    assert_eq!(user.ok(count), before);
    let none = user.ok("retain --store s --before 2026-02-01 --rollup 1d");
    assert!(none.contains("\n0 buckets of rollups were made of them\n"), "{none}");
}

#[test]
fn a_store_without_its_database_is_repaired() {
    let user = with_store();
    user.ok("retain --store s --before 2026-02-01");
    user.ok("compact --store s");
    let before = shown(&user, "s");
    user.fails("repair --store s", "plimsoll: the database of s is there; nothing to rebuild");
    assert_eq!(user.ends(FAILED, "repair --store nowhere").out, "");
    fs::remove_dir_all(user.path("s/db")).unwrap();
    let run = user.ends(FAILED, "import csv --store s --host-from-file 2026-1");
    golden("repair-needed.txt", &run.err);
    golden("repair.txt", &user.ok("repair --store s"));
    assert_eq!(shown(&user, "s"), before);
    assert_eq!(user.run("check --store s").code, DONE);
}
