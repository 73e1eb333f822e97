//! Links between the pages of the documentation.

use std::path::{Path, PathBuf};

/// A page: where it is, and its text.
pub(super) struct Page {
    pub(super) path: PathBuf,
    pub(super) text: String,
}

/// All pages of the project: those at its root and below `docs`.
pub(super) fn pages(root: &Path) -> Vec<Page> {
    let mut folders = vec![root.join("docs")];
    let mut paths = files(root).0;
    while let Some(folder) = folders.pop() {
        let (pages, below) = files(&folder);
        paths.extend(pages);
        folders.extend(below);
    }
    let read = |path: PathBuf| Page { text: super::read(&path.to_string_lossy()), path };
    paths.into_iter().map(read).collect()
}

/// The pages and the folders in a folder.
fn files(folder: &Path) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let (folders, files): (Vec<PathBuf>, Vec<PathBuf>) =
        entries.map(|entry| entry.path()).partition(|path| path.is_dir());
    (
        files.into_iter().filter(|path| path.extension().is_some_and(|e| e == "md")).collect(),
        folders,
    )
}

/// One line for every link to a file that is not there.
pub(super) fn faults(root: &Path, page: &Page) -> Vec<String> {
    let targets = page.text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
    let local = targets.filter(|target| !target.is_empty() && !target.contains("://"));
    let folder = page.path.parent().unwrap_or(root);
    let dead = local.filter(|target| !folder.join(target).exists());
    dead.map(|target| format!("{}: no file {target}", page.path.display())).collect()
}
