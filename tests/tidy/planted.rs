//! Plants every fault once in small made-up sources and demands that its check finds it, and that
//! the clean counterpart passes: a check that cannot fail guards nothing.

use super::source::Source;
use super::{Privilege, ROOMS, architecture, room, shape};

/// Demands exactly one fault, with these words in it.
#[track_caller]
fn assert_one(faults: &[String], words: &str) {
    assert!(matches!(faults, [one] if one.contains(words)), "{words:?} not alone in {faults:?}");
}

#[track_caller]
fn assert_room_fault(name: &str, text: &str, words: &str) {
    assert_one(&architecture::room_faults(&[Source::new(name, text)]), words);
}

#[track_caller]
fn assert_no_room_fault(name: &str, text: &str) {
    assert_eq!(architecture::room_faults(&[Source::new(name, text)]), Vec::<String>::new());
}

#[test]
fn a_forbidden_room_is_found_however_it_is_named() {
    let words = "`forecast` may not name `store`";
    assert_room_fault("forecast/ets.rs", "use crate::store::Store;", words);
    assert_room_fault("forecast/ets.rs", "use crate::{model::Frame, store};", words);
    assert_room_fault(
        "forecast/ets.rs",
        "use crate::{\n    model::{A, B},\n    store::{C},\n};",
        words,
    );
    assert_room_fault("forecast/mod.rs", "fn f() { super::store::open() }", words);
    assert_room_fault("forecast/ets.rs", "fn f() -> crate::store::Store {}", words);
    assert_room_fault("attic/mod.rs", "", "belongs to no room");
    assert_room_fault("error.rs", "use crate::model::Labels;", "`error` may not name `model`");
    assert_no_room_fault("forecast/ets.rs", "use crate::{error::Result, kernel, model::Frame};");
    assert_no_room_fault("forecast/ets.rs", "// crate::store\nconst A: &str = \"crate::store\";");
    assert_no_room_fault(
        "forecast/ets.rs",
        "fn f<'a>(x: &'a str) { g('\"', r#\"crate::store\"#) }",
    );
}

#[test]
fn folders_that_stand_apart_are_kept_apart() {
    let words = "`store/head` may not name `store/segment`";
    assert_room_fault("store/head/wire.rs", "use crate::store::segment::Segment;", words);
    assert_room_fault("store/head/wire.rs", "use crate::store::{layout, segment};", words);
    assert_room_fault("store/head/mod.rs", "use super::segment::Segment;", words);
    assert_room_fault("store/head/wire.rs", "use super::super::layout;", "`super::super`");
    assert_no_room_fault("store/seal.rs", "use super::{head::Head, segment::Segment};");
    assert_no_room_fault("store/head/mod.rs", "use crate::store::layout;\nuse super::samples;");
    let tests = |path| format!("\n#[cfg(test)]\nmod tests {{\n    use {path};\n}}\n");
    for path in ["super::*", "super::segment", "super::super::samples"] {
        assert_no_room_fault("store/head/mod.rs", &tests(path));
    }
    assert_room_fault("store/head/mod.rs", &tests("super::super::segment"), words);
}

#[test]
fn a_table_with_a_way_back_is_found() {
    let rooms = [room("model", &[]), room("store", &["query"]), room("query", &["store"])];
    let library = "mod model;\npub mod store;\npub mod query;\n";
    assert_one(&architecture::order_faults(&rooms, library), "`query` does not stand above");
    let library = "mod error;\npub mod store;\npub mod model;\n";
    assert_one(&architecture::order_faults(&ROOMS[..2], library), "lib.rs lists");
}

#[test]
fn a_home_without_its_crate_is_found() {
    let faults = |text: &str| {
        let crates: &[(&str, &[&str])] = &[("rayon", &["query/rows.rs", "cli/demo"])];
        let privileges = [Privilege {
            what: "reads a clock",
            words: &["SystemTime"],
            homes: &["cli/"],
            free_in_tests: false,
        }];
        let sources = [
            Source::new("query/rows.rs", "use rayon::prelude::*;"),
            Source::new("cli/demo.rs", text),
        ];
        architecture::home_faults(&sources, crates, &privileges)
    };
    assert_one(
        &faults("// rayon::join\nuse std::time::SystemTime;"),
        "nothing in `cli/demo` names",
    );
    assert_one(&faults("use rayon::join;"), "nothing in `cli/` reads a clock");
    assert_eq!(faults("use rayon::join; use std::time::SystemTime;"), Vec::<String>::new());
}

#[test]
fn a_crate_away_from_home_is_found() {
    let faults = |name, text| architecture::crate_faults(&[Source::new(name, text)]);
    for text in ["use rocksdb::DB;", "use rocksdb;", "fn f() { rocksdb::DB::open() }"] {
        assert_one(&faults("store/open.rs", text), "`rocksdb` belongs only");
        assert_eq!(faults("db/rocks.rs", text), Vec::<String>::new());
    }
    let other = "use super::csv::read; mod toml; fn f() { my_rocksdb::x() } // rocksdb::DB";
    assert_eq!(faults("store/open.rs", other), Vec::<String>::new());
    assert_eq!(faults("cli/mod.rs", "mod csv;\nuse csv::Reader;"), Vec::<String>::new());
    assert_one(&faults("model/time.rs", "use proptest::prelude::*;"), "for tests only");
    let tested =
        "fn f() {}\n#[cfg(test)]\nmod tests { use proptest::prelude::*; use toml::Table; }";
    assert_eq!(faults("model/time.rs", tested), Vec::<String>::new());
    assert_eq!(faults("model/tests.rs", "use proptest::prelude::*;"), Vec::<String>::new());
}

#[test]
fn a_privilege_taken_is_found() {
    let faults = |name, text| architecture::privilege_faults(&[Source::new(name, text)]);
    assert_one(&faults("codec/mod.rs", "fn f() { unsafe { g() } }"), "uses unsafe code");
    assert_eq!(faults("codec/mod.rs", "#![deny(unsafe_code)]"), Vec::<String>::new());
    assert_one(&faults("store/seal.rs", "let t = Instant::now();"), "reads a clock");
    assert_one(&faults("demo/mod.rs", "use std::time::SystemTime;"), "reads a clock");
    assert_eq!(faults("store/clock.rs", "Instant::now()"), Vec::<String>::new());
    assert_one(&faults("report/html.rs", "use std::fs;"), "touches files");
    assert_one(&faults("store/open.rs", "std::env::var(x)"), "surroundings");
    let tested = "\n#[cfg(test)]\nmod tests { fn f() { std::fs::read(x); Instant::now() } }";
    assert_one(&faults("report/html.rs", tested), "reads a clock");
    assert_eq!(faults("report/testing.rs", "use std::fs;"), Vec::<String>::new());
    assert_one(&faults("cli/serve.rs", "use std::net::TcpListener;"), "opens a socket");
}

#[test]
fn a_dependency_without_home_or_comment_is_found() {
    let manifest = super::read("Cargo.toml");
    let add = |line: &str| manifest.replace("[dependencies]\n", &format!("[dependencies]\n{line}"));
    let faults = architecture::dependency_faults(&add("# Async runtime.\ntokio = \"1\"\n"));
    assert_one(&faults, "sorted and equal");
    let manifest_for_tests = manifest
        .replace("[dev-dependencies]\n", "[dev-dependencies]\n# Another.\nquickcheck = \"1\"\n");
    assert_one(&architecture::dependency_faults(&manifest_for_tests), "quickcheck");
    let bare = manifest.replace("# The matrix inside `Frame`.\n", "\n");
    assert_ne!(bare, manifest);
    assert_one(&architecture::dependency_faults(&bare), "no comment on the job of `ndarray`");
}

#[test]
fn a_page_that_says_otherwise_is_found() {
    let page = super::read("docs/ARCHITECTURE.md");
    let other = page.replace("| `demo` | model |", "| `demo` | model, store |");
    assert_ne!(other, page);
    assert_one(&architecture::page_faults(&other), "must be these");
}

#[test]
fn a_shapeless_file_is_found() {
    let faults = |text: &str| shape::file_faults(&Source::new("model/a.rs", text));
    assert_one(&faults("fn f() {}\n"), "without a `//!` doc");
    let long = format!("//! Doc.\n{}", "const A: u8 = 1;\n".repeat(500));
    assert_one(&faults(&long), "501 lines before its tests");
    let tested = format!("//! Doc.\n#[cfg(test)]\nmod tests {{\n{}}}\n", "\n".repeat(600));
    assert_eq!(faults(&tested), Vec::<String>::new());
    assert_one(&faults(&format!("//! {}\n", "x".repeat(97))), "over 100 columns");
    assert_eq!(faults(&format!("//! https://{}\n", "x".repeat(97))), Vec::<String>::new());
    assert_one(&faults("//! Doc.\n// FIXME later\n"), "leftover \"FIXME\"");
    let lines = |count| format!("//! D.\nfn f(\n) -> u8 {{\n{}}}\n", "    g();\n".repeat(count));
    assert_one(&faults(&lines(68)), "`f` has 71 lines");
    assert_eq!(faults(&lines(67)), Vec::<String>::new());
}

#[test]
fn a_dropped_matches_is_found() {
    let faults = |body: &str| {
        shape::file_faults(&Source::new("model/a.rs", &format!("//! D.\nfn f() {{ {body} }}\n")))
    };
    for body in ["matches!(x, Err(_));", "g();\n    matches!(\n    x,\n    Err(..)\n    );"] {
        assert_one(&faults(body), "drops the result of `matches!`");
    }
    for body in ["assert!(matches!(x, Err(_)));", "let y = matches!(x, 1);", "matches!(x, 1)"] {
        assert_eq!(faults(body), Vec::<String>::new(), "{body}");
    }
}

#[test]
fn a_dead_file_is_found() {
    let library = Source::new("lib.rs", "pub mod store;\n");
    let door = Source::new("store/mod.rs", "mod open;\n// mod tiered;\n");
    let open = Source::new("store/open.rs", "");
    let tiered = Source::new("store/tiered.rs", "");
    let faults = shape::dead_file_faults(&[library, door, open, tiered]);
    assert_one(&faults, "store/tiered.rs: dead file");
}

#[test]
fn a_door_without_words_is_found() {
    let doc = "//! In: a. Out: b. Never: c.\n";
    let doors = |store: &str| {
        let names = ROOMS.iter().map(|room| room.name).filter(|name| *name != "error");
        let door = |name| if name == "store" { store.to_owned() } else { doc.to_owned() };
        names.map(|name| Source::new(&format!("{name}/mod.rs"), &door(name))).collect::<Vec<_>>()
    };
    assert_eq!(shape::room_doc_faults(&doors(doc)), Vec::<String>::new());
    assert_one(&shape::room_doc_faults(&doors("//! In: a. Out: b.\n")), "\"Never:\"");
}

#[test]
fn a_dead_link_is_found() {
    let root = crate::root();
    let faults = |text: &str| {
        let page = crate::links::Page { path: root.join("README.md"), text: text.into() };
        crate::links::faults(root, &page)
    };
    assert_one(&faults("[gone](docs/GONE.md#top) [here](docs/DESIGN.md)"), "no file docs/GONE.md");
    assert_eq!(faults("[away](https://example.org) [below](#below)"), Vec::<String>::new());
}
