//! The real data sets, where they are at hand: `../shared/data` beside the checkout, or the folder
//! that `PLIMSOLL_DATA` names. Elsewhere a test says loudly that it was skipped.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

/// A file of the data sets; `None`, with a shout, where it is missing.
pub(crate) fn file(name: &str) -> Option<File> {
    let folder = std::env::var_os("PLIMSOLL_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data")),
        PathBuf::from,
    );
    let opened = File::open(folder.join(name));
    if opened.is_err() {
        // Past the test harness, which swallows what passing tests print.
        let line = format!("SKIPPED: {name} is not in {}\n", folder.display());
        drop(std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes()));
    }
    opened.ok()
}

/// The decompressed bytes of a file of the data sets.
pub(crate) fn decompressed(name: &str) -> Option<impl Read> {
    Some(ruzstd::decoding::StreamingDecoder::new(file(name)?).unwrap())
}

/// The files of an archive whose name `keep` keeps: name and bytes.
pub(crate) fn unpacked(
    archive: &str,
    keep: impl Fn(&str) -> bool,
) -> Option<Vec<(String, Vec<u8>)>> {
    let mut archive = tar::Archive::new(decompressed(archive)?);
    let mut files = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().display().to_string();
        if entry.header().entry_type().is_file() && keep(&name) {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            files.push((name, bytes));
        }
    }
    Some(files)
}
