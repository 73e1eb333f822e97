//! Reads source files just far enough for the checks: comments and texts blanked out, `use` trees
//! and relative paths resolved to absolute ones.

#![expect(clippy::unwrap_used, reason = "a failed check panics")]

use std::fs;
use std::path::Path;

/// One source file.
pub(crate) struct Source {
    /// Path below the folder that was read, with `/` separators.
    pub(crate) name: String,
    /// All of it.
    pub(crate) text: String,
    /// `text` with comments, strings and characters blanked out; same length in lines.
    pub(crate) code: String,
}

impl Source {
    pub(crate) fn new(name: &str, text: &str) -> Self {
        Self { name: name.to_owned(), text: text.to_owned(), code: blank(text) }
    }

    /// The code before the file's own tests; none in a file of tests.
    pub(crate) fn code_before_tests(&self) -> &str {
        let file = self.name.rsplit('/').next();
        match file {
            Some("tests.rs" | "testing.rs") => "",
            _ => self.code_before_inner_tests(),
        }
    }

    /// The code before a `mod tests { … }`, inside which `super` is the file itself.
    pub(crate) fn code_before_inner_tests(&self) -> &str {
        self.code.split("\n#[cfg(test)]").next().unwrap_or_default()
    }

    /// The module that the file is: `store/head/mod.rs` is `[store, head]`, `lib.rs` is `[]`.
    pub(crate) fn module(&self) -> Vec<&str> {
        let stem = self.name.strip_suffix(".rs").unwrap_or(&self.name);
        let mut parts: Vec<&str> = stem.split('/').collect();
        if matches!(parts.last(), Some(&("mod" | "lib" | "main"))) {
            parts.pop();
        }
        parts
    }

    /// Every path that begins with `crate`, `super` or `self`, as an absolute one, with its line.
    pub(crate) fn paths(&self) -> Vec<(usize, Vec<String>)> {
        let before_tests = self.code_before_inner_tests().len();
        let mut found = Vec::new();
        for keyword in ["crate", "super", "self"] {
            for (at, _) in words(&self.code, keyword) {
                let before = self.code[..at].trim_end();
                let rest = &self.code[at + keyword.len()..];
                if before.ends_with("::") || !rest.starts_with("::") {
                    continue;
                }
                let mut base: Vec<String> = Vec::new();
                if keyword != "crate" {
                    base.extend(self.module().iter().map(ToString::to_string));
                    // Inside `mod tests` of the same file, `super` is the file itself.
                    if keyword == "super" && at < before_tests {
                        base.pop();
                    }
                }
                let line = self.code[..at].lines().count();
                expand(&base, &rest[2..], &mut |path| found.push((line, path)));
            }
        }
        found
    }
}

/// All `.rs` files below a folder, sorted; none where there is no such folder.
pub(crate) fn read_folder(root: &Path) -> Vec<Source> {
    let (mut sources, mut folders) = (Vec::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                // What a package inside has built is not ours.
                if !path.ends_with("target") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
                sources.push(Source::new(&name, &fs::read_to_string(&path).unwrap()));
            }
        }
    }
    sources.sort_by(|a, b| a.name.cmp(&b.name));
    sources
}

/// The places where `word` stands in `code` as a word of its own (it may contain `::`).
pub(crate) fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = (usize, &'a str)> {
    let inside = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    code.match_indices(word).filter(move |(at, word)| {
        !inside(code[..*at].chars().next_back()) && !inside(code[at + word.len()..].chars().next())
    })
}

/// Walks a path such as `a::{b::c, d}` that follows `base`, and gives every full path to `each`.
/// Returns how much of `text` was read.
fn expand(base: &[String], text: &str, each: &mut dyn FnMut(Vec<String>)) -> usize {
    let mut path = base.to_vec();
    let mut at = 0;
    loop {
        at += text[at..].len() - text[at..].trim_start().len();
        let rest = &text[at..];
        if rest.starts_with('{') {
            at += 1;
            while !text[at..].trim_start().starts_with('}') && !text[at..].trim().is_empty() {
                let read = expand(&path, &text[at..], each);
                at += read;
                match text[at..].find([',', '}']) {
                    Some(end) if text[at + end..].starts_with(',') => at += end + 1,
                    Some(end) => at += end,
                    None => return text.len(),
                }
            }
            return at + text[at..].find('}').map_or(0, |end| end + 1);
        }
        let name: String =
            rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_' || *c == '*').collect();
        at += name.len();
        match name.as_str() {
            "super" => drop(path.pop()),
            "self" | "" => {}
            _ => path.push(name.clone()),
        }
        if name.is_empty() || !text[at..].starts_with("::") {
            each(path);
            return at;
        }
        at += 2;
    }
}

/// Replaces comments and the insides of strings and characters by spaces.
fn blank(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = match chars[at] {
            '/' if chars.get(at + 1) == Some(&'/') => find(&chars, at, "\n"),
            '/' if chars.get(at + 1) == Some(&'*') => end_of_block_comment(&chars, at),
            '"' => end_of_quoted(&chars, at, '"'),
            '\'' => end_of_char(&chars, at),
            'r' if !at.checked_sub(1).is_some_and(|p| is_name(chars[p]) && chars[p] != 'b') => {
                end_of_raw(&chars, at)
            }
            _ => at,
        };
        if end == at {
            out.push(chars[at]);
            at += 1;
        } else {
            out.extend(chars[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    out
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Where `wanted` next begins; the end of the text where it does not.
fn find(chars: &[char], from: usize, wanted: &str) -> usize {
    let wanted: Vec<char> = wanted.chars().collect();
    (from..chars.len()).find(|at| chars[*at..].starts_with(&wanted)).unwrap_or(chars.len())
}

fn end_of_block_comment(chars: &[char], from: usize) -> usize {
    let (mut depth, mut at) = (0, from);
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    at
}

fn end_of_quoted(chars: &[char], from: usize, quote: char) -> usize {
    let mut at = from + 1;
    while at < chars.len() && chars[at] != quote {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

/// A character such as `'x'` or `'\n'`, and not a lifetime.
fn end_of_char(chars: &[char], from: usize) -> usize {
    match (chars.get(from + 1), chars.get(from + 2)) {
        (Some('\\'), _) => end_of_quoted(chars, from, '\''),
        (Some(_), Some('\'')) => from + 3,
        _ => from,
    }
}

/// A raw string such as `r#"…"#`, and not a name that begins with r.
fn end_of_raw(chars: &[char], from: usize) -> usize {
    let hashes = chars[from + 1..].iter().take_while(|c| **c == '#').count();
    if chars.get(from + 1 + hashes) != Some(&'"') {
        return from;
    }
    let closing = format!("\"{}", "#".repeat(hashes));
    (find(chars, from + 2 + hashes, &closing) + closing.len()).min(chars.len())
}
