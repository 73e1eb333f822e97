//! Checks the source's own shape: which room may name which, where each third-party crate lives,
//! and how big a thing may be. The tables below are the rules; `docs/ARCHITECTURE.md` shows the
//! same tables to people, and a check compares the two. `tidy/planted.rs` plants every fault once.

#![expect(clippy::panic, reason = "a failed check panics")]

#[path = "tidy/architecture.rs"]
mod architecture;
#[path = "tidy/links.rs"]
mod links;
#[path = "tidy/planted.rs"]
mod planted;
#[path = "tidy/shape.rs"]
mod shape;
#[path = "tidy/source.rs"]
mod source;

use std::fs;
use std::path::Path;

/// A room, and the rooms it may name. `error` is open to all and names none.
struct Room {
    name: &'static str,
    may_name: &'static [&'static str],
    /// Folders inside that never see each other: only the files beside them join them.
    apart: &'static [&'static str],
}

const fn room(name: &'static str, may_name: &'static [&'static str]) -> Room {
    Room { name, may_name, apart: &[] }
}

/// In the order in which data flows: a room may name only rooms above it, so there is no cycle.
const ROOMS: &[Room] = &[
    room("error", &[]),
    room("model", &[]),
    room("kernel", &["model"]),
    room("codec", &["kernel", "model"]),
    room("fs", &["model"]),
    room("db", &["fs", "model"]),
    room("ingest", &["model"]),
    Room {
        name: "store",
        may_name: &["codec", "db", "fs", "kernel", "model"],
        apart: &["catalog", "head", "segment"],
    },
    room("query", &["codec", "kernel", "model", "store"]),
    room("forecast", &["kernel", "model"]),
    room("capacity", &["forecast", "kernel", "model"]),
    room("report", &["capacity", "forecast", "model"]),
    room("demo", &["model"]),
    room("bench", &["kernel", "model", "query", "store"]),
    room("record", &["model"]),
    room(
        "cli",
        &[
            "bench", "capacity", "demo", "forecast", "ingest", "model", "query", "record",
            "report", "store",
        ],
    ),
];

/// Each third-party crate as code spells it, and the paths below `src` that may name it.
const CRATES: &[(&str, &[&str])] = &[
    ("bincode", &["db/record.rs"]),
    ("clap", &["cli/"]),
    ("comfy_table", &["report/"]),
    ("crc32c", &["db/journal.rs", "db/record.rs", "store/"]),
    (
        "csv",
        &[
            "capacity/events/",
            "capacity/inventory/",
            "capacity/zombie/",
            "cli/",
            "ingest/",
            "report/",
        ],
    ),
    ("indicatif", &["cli/"]),
    ("jiff", &["ingest/", "model/calendar.rs", "model/time.rs", "model/zone.rs"]),
    ("libm", &["kernel/distribution.rs"]),
    ("memmap2", &["fs/map.rs"]),
    ("ndarray", &["forecast/", "model/frame.rs"]),
    (
        "rayon",
        &[
            "bench/readings.rs",
            "capacity/plan",
            "forecast/fleet.rs",
            "forecast/global.rs",
            "forecast/tests.rs",
            "query/group.rs",
            "query/rows.rs",
            "query/scan.rs",
        ],
    ),
    ("regex", &["model/selector.rs"]),
    ("roaring", &["store/catalog/"]),
    ("rocksdb", &["db/rocks.rs"]),
    ("rustix", &["cli/"]),
    (
        "serde",
        &[
            "capacity/",
            "cli/",
            "db/",
            "forecast/",
            "ingest/",
            "model/",
            "query/",
            "report/",
            "store/",
        ],
    ),
    ("serde_json", &["cli/", "report/", "store/plans.rs"]),
    ("signal_hook", &["cli/record.rs"]),
    ("statrs", &["kernel/distribution.rs"]),
    ("thiserror", &["error.rs"]),
    ("toml", &["capacity/", "cli/", "ingest/"]),
    ("xxhash_rust", &["store/segment/"]),
];

/// Crates that only tests and benchmarks may name.
const TEST_CRATES: &[&str] = &["criterion", "proptest", "ruzstd", "tar", "tempfile"];

/// What only some files may do, and the words that do it.
struct Privilege {
    what: &'static str,
    words: &'static [&'static str],
    homes: &'static [&'static str],
    /// Whether tests may do it anywhere.
    free_in_tests: bool,
}

const PRIVILEGES: &[Privilege] = &[
    Privilege {
        what: "uses unsafe code",
        words: &["unsafe"],
        homes: &[
            "fs/map.rs",
            "kernel/avx2.rs",
            "kernel/avx512.rs",
            "kernel/avx512_lists.rs",
            "kernel/simd.rs",
        ],
        free_in_tests: false,
    },
    Privilege {
        what: "reads a clock",
        words: &["Instant::now", "SystemTime"],
        homes: &["cli/", "store/clock.rs"],
        free_in_tests: false,
    },
    Privilege {
        what: "touches files",
        words: &["std::fs", "fs::File"],
        homes: &["cli/", "fs/"],
        free_in_tests: true,
    },
    Privilege {
        what: "reads the process's surroundings",
        words: &["std::env", "std::process"],
        homes: &["cli/", "fs/fault.rs", "main.rs"],
        free_in_tests: true,
    },
    Privilege { what: "opens a socket", words: &["std::net"], homes: &[], free_in_tests: false },
];

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;
const LINE_COLUMNS_MAX: usize = 100;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|why| panic!("cannot read {path}: {why}"))
}

/// Fails with one line for every fault.
fn assert_none(faults: &[String]) {
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn links_of_the_docs_lead_somewhere() {
    let pages = links::pages(root());
    assert!(pages.len() > 10, "only {} pages found", pages.len());
    assert_none(&pages.iter().flat_map(|page| links::faults(root(), page)).collect::<Vec<_>>());
}

#[test]
fn rooms_name_only_rooms_above_them() {
    let sources = source::read_folder(&root().join("src"));
    assert!(sources.len() > 20, "only {} sources found", sources.len());
    let mut faults = architecture::room_faults(&sources);
    faults.extend(architecture::order_faults(ROOMS, &read("src/lib.rs")));
    assert_none(&faults);
}

#[test]
fn crates_and_privileges_stay_at_home() {
    let sources = source::read_folder(&root().join("src"));
    let mut faults = architecture::crate_faults(&sources);
    faults.extend(architecture::privilege_faults(&sources));
    faults.extend(architecture::home_faults(&sources, CRATES, PRIVILEGES));
    faults.extend(architecture::dependency_faults(&read("Cargo.toml")));
    assert_none(&faults);
}

#[test]
fn files_are_alive_documented_and_small() {
    let sources = source::read_folder(&root().join("src"));
    let mut faults = shape::dead_file_faults(&sources);
    faults.extend(shape::room_doc_faults(&sources));
    faults.extend(sources.iter().flat_map(shape::file_faults));
    for folder in ["benches", "fuzz/bodies", "fuzz/fuzz_targets", "tests"] {
        let others = source::read_folder(&root().join(folder));
        faults.extend(others.iter().flat_map(shape::file_faults));
    }
    assert_none(&faults);
}

#[test]
fn the_architecture_page_shows_the_same_tables() {
    assert_none(&architecture::page_faults(&read("docs/ARCHITECTURE.md")));
}
