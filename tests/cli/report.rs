//! Promise: `report` writes one whole page or leaves the old one, says the same every time, and
//! asks for nothing.

use std::fmt::Write as _;
use std::fs;

use super::user::{FAILED, User};
use super::with_store;

const STUDY: &str = "[study]\nname = \"three hosts\"\nstep = \"1h\"\n\
    [[resource]]\nname = \"disk\"\nusage = \"disk_used_gb\"\nlimit = \"disk_capacity_gb\"\n\
    unit = \"GB\"\n\
    [[resource]]\nname = \"cpu\"\nusage = \"cpu_usage_mhz\"\nlimit = \"cpu_capacity_mhz\"\n\
    unit = \"MHz\"\n\
    [idle.below]\ncpu = \"5%\"\n";

const REPORT: &str = "report --store s --study study.toml";

/// The names in the user's folder.
fn names(user: &User) -> Vec<String> {
    let entries = fs::read_dir(user.path(".")).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

#[test]
fn the_plan_is_a_page_of_its_own() {
    let user = with_store();
    user.write("study.toml", STUDY);
    let before = names(&user);
    let run = user.ends(0, &format!("{REPORT} -o report.html"));
    assert!(run.out.is_empty() && run.err.starts_with("report.html: "), "{run:?}");
    let page = fs::read_to_string(user.path("report.html")).unwrap();
    for part in [
        "<title>Capacity plan: three hosts</title>",
        "default-src 'none'",
        "db-1 · disk",
        "<h2 id=\"runs-out\">",
        "<h2 id=\"headroom\">",
        "<h2 id=\"reclaim\">",
        "<h2 id=\"why\">",
        "</html>\n",
    ] {
        assert!(page.contains(part), "{part}");
    }
    // The dates are those of the plan.
    let plan = user.json("plan --store s --study study.toml");
    let first = &plan["hosts"]["rows"][0];
    assert_eq!((&first["labels"]["host"], &first["resource"]), (&"db-1".into(), &"disk".into()));
    assert!(page.contains(first["full"]["p50"].as_str().unwrap()));
    // Nothing else was left, and the same question has the same answer.
    user.ok(&format!("{REPORT} --output again.html"));
    assert!(page == fs::read_to_string(user.path("again.html")).unwrap());
    let mut after = before;
    after.extend(["again.html".to_owned(), "report.html".to_owned()]);
    after.sort_unstable();
    assert_eq!(names(&user), after);
}

#[test]
fn what_fails_leaves_the_old_page() {
    let user = with_store();
    user.write("report.html", "the old one");
    user.write("study.toml", "[study]\nnonsense = 1\n");
    let refused = user.ends(FAILED, &format!("{REPORT} -o report.html"));
    assert!(refused.err.contains("study.toml:2: unknown field `nonsense`"), "{refused:?}");
    user.write("study.toml", STUDY);
    let before = names(&user);
    for (target, says) in [
        ("s", "s is not a file; name the file to write, as in -o report.html"),
        ("/dev/null", "/dev/null is not a file; name the file to write, as in -o report.html"),
        ("no/such/folder/report.html", "no/such/folder"),
    ] {
        let refused = user.ends(FAILED, &format!("{REPORT} -o {target}"));
        assert!(refused.err.contains(says), "{target}: {refused:?}");
    }
    assert_eq!(names(&user), before);
    assert_eq!(fs::read_to_string(user.path("report.html")).unwrap(), "the old one");
    user.ok(&format!("{REPORT} -o report.html"));
    assert!(fs::read_to_string(user.path("report.html")).unwrap().starts_with("<!doctype html>"));
}

#[test]
fn hostile_labels_stay_words() {
    let user = User::new();
    let host = "</script><script>alert(1)</script>";
    let mut rows = String::from("timestamp,metric,value,host\n");
    for hour in 0..24 * 40 {
        let at = 1_768_608_000 + hour * 3_600;
        writeln!(rows, "{at},disk_used_gb,{},{host}", 100 + hour / 4).unwrap();
    }
    user.write("long.csv", &rows);
    user.ok("import csv --store s --time-unit s long.csv");
    let study =
        "[[resource]]\nname = \"<b>disk\"\nusage = \"disk_used_gb\"\nlimit = 400\nunit = \"GB\"\n";
    user.write("study.toml", study);
    user.ok(&format!("{REPORT} -o report.html"));
    let page = fs::read_to_string(user.path("report.html")).unwrap();
    assert_eq!(page.matches("<script").count(), 1);
    assert!(
        page.contains("&lt;/script&gt;&lt;script&gt;alert(1)") && page.contains("&lt;b&gt;disk")
    );
}
