//! How a file is made: documented, alive, small, without leftovers.

use super::source::{Source, words};
use super::{FILE_LINES_MAX, FUNCTION_LINES_MAX, LINE_COLUMNS_MAX, ROOMS};

/// Words of unfinished work, and folders of one machine.
const LEFTOVERS: &[&str] = &[
    "FIXME",
    "TODO",
    "XXX",
    "for now,",
    "placeholder",
    "todo!",
    "unimplemented!",
    "#[ignore",
    "/home/",
    "/root/",
    "/work/",
];

pub(crate) fn file_faults(source: &Source) -> Vec<String> {
    let mut faults = Vec::new();
    if !source.text.starts_with("//!") && !source.text.starts_with("#![doc") {
        faults.push("starts without a `//!` doc".to_owned());
    }
    let lines = source.code_before_tests().lines().count();
    if lines > FILE_LINES_MAX {
        faults.push(format!("{lines} lines before its tests, over {FILE_LINES_MAX}"));
    }
    faults.extend(line_faults(source));
    faults.extend(long_functions(&source.code));
    faults.extend(dropped_matches(&source.code));
    faults.iter().map(|fault| format!("{}: {fault}", source.name)).collect()
}

fn line_faults(source: &Source) -> Vec<String> {
    let mut faults = Vec::new();
    // The checks themselves must spell what they look for.
    let spells = source.name.starts_with("tidy/");
    for (number, line) in (1..).zip(source.text.lines()) {
        if line.chars().count() > LINE_COLUMNS_MAX && !line.contains("://") {
            faults.push(format!("line {number} is over {LINE_COLUMNS_MAX} columns"));
        }
        if let Some(word) = LEFTOVERS.iter().find(|word| !spells && line.contains(**word)) {
            faults.push(format!("line {number} has a leftover {word:?}"));
        }
    }
    faults
}

/// Functions are counted from their `fn` to their closing brace.
fn long_functions(code: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for (at, _) in words(code, "fn") {
        let rest = &code[at..];
        let name: String = rest[2..]
            .trim_start()
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect();
        let body = rest.find(['{', ';']).filter(|open| rest[*open..].starts_with('{'));
        let (Some(open), false) = (body, name.is_empty()) else { continue };
        let lines = rest[..closing(rest, open, '{', '}')].lines().count();
        if lines > FUNCTION_LINES_MAX {
            faults.push(format!("`{name}` has {lines} lines, over {FUNCTION_LINES_MAX}"));
        }
    }
    faults
}

/// Where the bracket that opens at `open` closes, one past it.
fn closing(code: &str, open: usize, opens: char, closes: char) -> usize {
    let mut depth = 0;
    for (at, c) in code[open..].char_indices() {
        if c == opens {
            depth += 1;
        } else if c == closes {
            depth -= 1;
            if depth == 0 {
                return open + at + 1;
            }
        }
    }
    code.len()
}

/// A `matches!` that stands as a statement of its own tests nothing.
fn dropped_matches(code: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for (at, word) in words(code, "matches") {
        let open = at + word.len() + 1;
        let before = code[..at].trim_end().chars().next_back();
        if !code[at..].starts_with("matches!(") || !matches!(before, Some(';' | '{' | '}')) {
            continue;
        }
        if code[closing(code, open, '(', ')')..].trim_start().starts_with(';') {
            let line = code[..at].lines().count();
            faults.push(format!("line {line} drops the result of `matches!`"));
        }
    }
    faults
}

/// The compiler does not see a file that no `mod` line names.
pub(crate) fn dead_file_faults(sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for source in sources {
        let module = source.module();
        let Some((stem, parents)) = module.split_last() else { continue };
        let owners: Vec<String> = match parents {
            [] => vec!["lib.rs".to_owned(), "main.rs".to_owned()],
            _ => vec![format!("{}/mod.rs", parents.join("/")), format!("{}.rs", parents.join("/"))],
        };
        let item = format!("mod {stem};");
        let named = sources
            .iter()
            .filter(|owner| owners.contains(&owner.name))
            .any(|owner| owner.code.lines().any(|line| line.trim_end().ends_with(&item)));
        if !named {
            faults.push(format!("{}: dead file, no `mod` line names it", source.name));
        }
    }
    faults
}

/// A room says at its door what enters, what leaves, and what never happens inside.
pub(crate) fn room_doc_faults(sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for room in ROOMS.iter().filter(|room| room.name != "error") {
        let door = format!("{}/mod.rs", room.name);
        let Some(source) = sources.iter().find(|source| source.name == door) else {
            faults.push(format!("{door}: the room has no door"));
            continue;
        };
        let doc: String = source.text.lines().take_while(|line| line.starts_with("//!")).collect();
        for word in ["In:", "Out:", "Never:"] {
            if !doc.contains(word) {
                faults.push(format!("{door}: its doc does not say {word:?}"));
            }
        }
    }
    faults
}
