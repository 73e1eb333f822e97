//! Who may name whom: rooms, folders inside rooms, third-party crates, privileges; and whether the
//! page for people says the same.

use super::source::{Source, words};
use super::{CRATES, PRIVILEGES, Privilege, ROOMS, Room, TEST_CRATES};

/// Modules that are no rooms: the crate's root and the command's entry.
const ROOTS: &[&str] = &["lib.rs", "main.rs"];

pub(crate) fn room_faults(sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for source in sources.iter().filter(|source| !ROOTS.contains(&source.name.as_str())) {
        let module = source.module();
        let Some(room) = ROOMS.iter().find(|room| Some(&room.name) == module.first()) else {
            faults.push(format!("{}: belongs to no room of ROOMS", source.name));
            continue;
        };
        for (line, path) in source.paths() {
            let place = format!("{}:{line}", source.name);
            let Some(other) = path.first() else { continue };
            let known = ROOMS.iter().any(|room| room.name == other);
            let allowed = other == room.name || other == "error";
            if known && !allowed && !room.may_name.contains(&other.as_str()) {
                faults.push(format!("{place}: `{}` may not name `{other}`", room.name));
            }
            if let (Some(own), Some(met)) = (module.get(1), path.get(1))
                && other == room.name
                && own != met
                && room.apart.contains(own)
                && room.apart.contains(&met.as_str())
            {
                let name = room.name;
                faults.push(format!("{place}: `{name}/{own}` may not name `{name}/{met}`"));
            }
        }
        let code = source.code_before_inner_tests();
        if let Some((at, _)) = words(code, "super::super").next() {
            let line = source.code[..at].lines().count();
            faults.push(format!("{}:{line}: `super::super`; begin at `crate`", source.name));
        }
    }
    faults
}

/// Whether the table itself has no way to a cycle, and `lib.rs` lists the rooms in its order.
pub(crate) fn order_faults(rooms: &[Room], library: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for (at, room) in rooms.iter().enumerate() {
        for name in room.may_name {
            if !rooms[..at].iter().any(|above| above.name == *name) {
                faults.push(format!("ROOMS: `{name}` does not stand above `{}`", room.name));
            }
        }
    }
    let library = Source::new("lib.rs", library);
    let listed: Vec<&str> = library
        .code
        .lines()
        .filter_map(|line| line.trim().strip_suffix(';')?.split_once("mod ").map(|(_, name)| name))
        .collect();
    let expected: Vec<&str> = rooms.iter().map(|room| room.name).collect();
    if listed != expected {
        faults.push(format!("lib.rs lists {listed:?}, ROOMS {expected:?}"));
    }
    faults
}

pub(crate) fn crate_faults(sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for source in sources.iter().filter(|source| !ROOTS.contains(&source.name.as_str())) {
        for (name, homes) in CRATES {
            // A module of ours may be called like a crate: `mod csv;` in ingest.
            let code = source.code_before_tests();
            let ours = code.contains(&format!("mod {name};"));
            if !ours && names_crate(code, name) && !is_at_home(source, homes) {
                faults.push(format!("{}: `{name}` belongs only in {homes:?}", source.name));
            }
        }
        for name in TEST_CRATES {
            if names_crate(source.code_before_tests(), name) {
                faults.push(format!("{}: `{name}` is for tests only", source.name));
            }
        }
    }
    faults
}

/// Whether code has `name::` or `use name;` as the beginning of a path.
fn names_crate(code: &str, name: &str) -> bool {
    words(code, name).any(|(at, _)| {
        let (before, after) = (code[..at].trim_end(), &code[at + name.len()..]);
        let begins = !before.ends_with("::") && !before.ends_with('.');
        begins && (after.starts_with("::") || before.ends_with("use") && after.starts_with(';'))
    })
}

fn is_at_home(source: &Source, homes: &[&str]) -> bool {
    homes.iter().any(|home| source.name.starts_with(home))
}

pub(crate) fn privilege_faults(sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for source in sources {
        for Privilege { what, words: by, homes, free_in_tests } in PRIVILEGES {
            let code = if *free_in_tests { source.code_before_tests() } else { &source.code };
            let used = by.iter().any(|word| words(code, word).next().is_some());
            if used && !is_at_home(source, homes) {
                faults.push(format!("{}: {what}; only {homes:?} may", source.name));
            }
        }
    }
    faults
}

/// Homes in which nobody uses what they are allowed to.
pub(crate) fn home_faults(
    sources: &[Source],
    crates: &[(&str, &[&str])],
    privileges: &[Privilege],
) -> Vec<String> {
    let mut faults = Vec::new();
    let in_home = |home: &str, uses: &dyn Fn(&str) -> bool| {
        sources.iter().any(|source| source.name.starts_with(home) && uses(&source.code))
    };
    for (name, homes) in crates {
        for home in *homes {
            if !in_home(home, &|code| names_crate(code, name)) {
                faults.push(format!("CRATES: nothing in `{home}` names `{name}`"));
            }
        }
    }
    for Privilege { what, words: by, homes, .. } in privileges {
        for home in *homes {
            if !in_home(home, &|code| by.iter().any(|word| words(code, word).next().is_some())) {
                faults.push(format!("PRIVILEGES: nothing in `{home}` {what}"));
            }
        }
    }
    faults
}

/// Whether every dependency of the manifest has its home in `CRATES`, and a comment on its job.
pub(crate) fn dependency_faults(manifest: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let (mut names, mut tests_only) = (Vec::new(), Vec::new());
    let mut section = "";
    let mut comment = "";
    let mut last = "";
    for line in manifest.lines() {
        if line.starts_with('[') {
            section = line;
        } else if let Some((name, _)) = line.split_once(" = ")
            && section.ends_with("dependencies]")
        {
            // One comment may speak of the next two.
            if !last.starts_with('#') && words(comment, name).next().is_none() {
                faults.push(format!("Cargo.toml: no comment on the job of `{name}`"));
            }
            match section {
                "[dependencies]" => names.push(name.replace('-', "_")),
                _ => tests_only.push(name),
            }
        }
        if line.starts_with('#') {
            comment = line;
        }
        last = line;
    }
    let homes: Vec<&str> = CRATES.iter().map(|(name, _)| *name).collect();
    if tests_only.iter().any(|name| !TEST_CRATES.contains(name)) {
        faults
            .push(format!("Cargo.toml has {tests_only:?} for tests, TEST_CRATES {TEST_CRATES:?}"));
    }
    if names != homes {
        faults.push(format!("Cargo.toml has {names:?}, CRATES {homes:?}: sorted and equal"));
    }
    faults
}

/// The page's two tables must be these.
pub(crate) fn page_faults(page: &str) -> Vec<String> {
    let list = |names: &[&str]| {
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    };
    let rooms = ROOMS.iter().map(|room| format!("| `{}` | {} |", room.name, list(room.may_name)));
    let crates = CRATES.iter().map(|(name, homes)| format!("| `{name}` | {} |", list(homes)));
    let expected: Vec<String> = rooms.chain(crates).collect();
    let found: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
    if found == expected {
        return Vec::new();
    }
    vec![format!(
        "docs/ARCHITECTURE.md: the rows that begin with \"| `\" must be these:\n{}",
        expected.join("\n")
    )]
}
