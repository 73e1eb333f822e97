//! A user at a terminal: a folder of its own, the real binary, and what it printed.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The exit codes that the commands promise.
pub(crate) const DONE: i32 = 0;
pub(crate) const FAILED: i32 = 1;
pub(crate) const USAGE: i32 = 2;
pub(crate) const PROBLEMS: i32 = 3;
pub(crate) const PARTIAL: i32 = 4;

/// What one command did.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A folder in which commands are run.
pub(crate) struct User {
    folder: TempDir,
}

impl User {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, and the folders above it.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
        command.args(line.split_whitespace()).current_dir(self.folder.path());
        command
    }

    /// Runs `plimsoll` with the arguments of `line`, which are parted by spaces.
    pub(crate) fn run(&self, line: &str) -> Run {
        self.run_with_input(line, "")
    }

    pub(crate) fn run_with_input(&self, line: &str, input: &str) -> Run {
        let mut command = self.command(line);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let ended = child.wait_with_output().unwrap();
        Run {
            code: ended.status.code().unwrap(),
            out: String::from_utf8(ended.stdout).unwrap(),
            err: String::from_utf8(ended.stderr).unwrap(),
        }
    }

    /// Runs a command that must end with `code`.
    #[track_caller]
    pub(crate) fn ends(&self, code: i32, line: &str) -> Run {
        let run = self.run(line);
        assert_eq!(run.code, code, "plimsoll {line}: {run:?}");
        run
    }

    /// The output of a command that must succeed.
    #[track_caller]
    pub(crate) fn ok(&self, line: &str) -> String {
        self.ends(DONE, line).out
    }

    /// The JSON of a command that must succeed; every one says its version.
    #[track_caller]
    pub(crate) fn json(&self, line: &str) -> Value {
        self.json_of_version(1, line)
    }

    /// The same, of a form that has changed since.
    #[track_caller]
    pub(crate) fn json_of_version(&self, version: u32, line: &str) -> Value {
        let text = self.ok(&format!("{line} --format json"));
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["schema_version"], version, "plimsoll {line}: {text}");
        value
    }

    /// A command that must fail: nothing on stdout, and this on stderr.
    #[track_caller]
    pub(crate) fn fails(&self, line: &str, message: &str) {
        let run = self.ends(FAILED, line);
        assert_eq!((run.out.as_str(), run.err.trim_end()), ("", message), "plimsoll {line}");
    }

    /// Runs a command whose reader leaves after one line; returns the line, and how it ended.
    pub(crate) fn head(&self, line: &str) -> (String, Run) {
        let mut command = self.command(line);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut reader = BufReader::with_capacity(256, child.stdout.take().unwrap());
        let mut first = String::new();
        reader.read_line(&mut first).unwrap();
        drop(reader);
        let mut err = String::new();
        child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        let code = child.wait().unwrap().code().unwrap();
        (first, Run { code, out: String::new(), err })
    }

    /// The store's segment files, by name, with their bytes.
    pub(crate) fn segments(&self, store: &str) -> Vec<(PathBuf, Vec<u8>)> {
        let entries = fs::read_dir(self.path(store).join("segments")).unwrap();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "seg"));
        paths.sort();
        paths.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
    }
}

/// Compares with a golden file; `UPDATE_GOLDEN=1` rewrites it.
#[track_caller]
pub(crate) fn golden(name: &str, found: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/cli").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, found).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    let pairs = found.lines().zip(expected.lines());
    let differs = pairs.enumerate().find(|(_, (found, expected))| found != expected);
    assert!(
        found == expected,
        "{name} differs (UPDATE_GOLDEN=1 rewrites it) from {differs:?}; found:\n{found}"
    );
}

/// Replaces each number behind `before` by `#`: sizes that every change of a codec moves.
pub(crate) fn mask(text: &str, before: &[&str]) -> String {
    let mut text = text.to_owned();
    for before in before {
        let parts: Vec<&str> = text.split(before).collect();
        let tails = parts[1..].iter().map(|part| {
            let number = part.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
            if number.len() == part.len() { (*part).to_owned() } else { format!("#{number}") }
        });
        let all: Vec<String> = std::iter::once(parts[0].to_owned()).chain(tails).collect();
        text = all.join(before);
    }
    text
}
