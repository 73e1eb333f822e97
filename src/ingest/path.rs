//! Labels from the names of files: one file per host is how most tools export.

use std::path::Path;
use std::str::FromStr;

use crate::error::{Error, Result};

/// The label `host` from a file's name without its last extension: `/data/web-1.csv` is `web-1`.
///
/// ```
/// let label = plimsoll::ingest::host_from_file("2013-7/17.csv".as_ref())?;
/// assert_eq!(label, ("host".to_owned(), "17".to_owned()));
/// # Ok::<(), plimsoll::Error>(())
/// ```
pub fn host_from_file(path: &Path) -> Result<(String, String)> {
    let stem = path.file_stem().and_then(|stem| stem.to_str()).ok_or_else(|| {
        Error::invalid(format!("{} has no file name that could be a host", path.display()))
    })?;
    Ok(("host".to_owned(), stem.to_owned()))
}

/// A pattern such as `{zone}/{host}.csv` for the last parts of a path. `{name}` takes at least one
/// character as a label; `{}` takes them as no label at all, for what does not tell series apart
/// (the month in `{}/{host}.csv`).
///
/// ```
/// use plimsoll::ingest::PathPattern;
/// let pattern: PathPattern = "{zone}/{}/{host}.csv".parse()?;
/// let labels = pattern.labels("/data/a/2013-7/web-1.csv".as_ref())?;
/// assert_eq!(labels, [("zone".into(), "a".into()), ("host".into(), "web-1".into())]);
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathPattern {
    text: String,
    parts: Vec<Part>,
}

/// One component of the path: text, then captures that are each followed by text.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    start: String,
    captures: Vec<(String, String)>,
}

impl PathPattern {
    /// The labels of a file; a path that does not fit is an error.
    pub fn labels(&self, path: &Path) -> Result<Vec<(String, String)>> {
        let labels = self.find(path);
        labels.ok_or_else(|| {
            Error::invalid(format!(
                "the path {} does not end as {:?} says; change the pattern or leave the file out",
                path.display(),
                self.text
            ))
        })
    }

    fn find(&self, path: &Path) -> Option<Vec<(String, String)>> {
        let names: Vec<_> = path.iter().collect();
        let names = names.get(names.len().checked_sub(self.parts.len())?..)?;
        let mut labels = Vec::new();
        for (part, name) in self.parts.iter().zip(names) {
            part.find(name.to_str()?, &mut labels)?;
        }
        Some(labels)
    }
}

impl Part {
    fn find(&self, name: &str, labels: &mut Vec<(String, String)>) -> Option<()> {
        let mut rest = name.strip_prefix(self.start.as_str())?;
        let mut captures = self.captures.iter().peekable();
        while let Some((label, behind)) = captures.next() {
            let end = if captures.peek().is_none() {
                rest.strip_suffix(behind.as_str())?.len()
            } else {
                let first = rest.chars().next()?.len_utf8();
                first + rest.get(first..)?.find(behind.as_str())?
            };
            let value = rest.get(..end).filter(|value| !value.is_empty())?;
            if !label.is_empty() {
                labels.push((label.clone(), value.to_owned()));
            }
            rest = rest.get(end + behind.len()..)?;
        }
        rest.is_empty().then_some(())
    }
}

impl FromStr for PathPattern {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refused = || {
            Error::invalid(format!(
                "{text:?} is not a pattern of paths; write labels in braces with text between \
                 them, as in {{zone}}/{{host}}.csv"
            ))
        };
        let parts: Option<Vec<_>> = text.split('/').map(part).collect();
        let parts = parts.ok_or_else(refused)?;
        if parts.iter().all(|part| part.captures.is_empty()) {
            return Err(refused());
        }
        Ok(Self { text: text.to_owned(), parts })
    }
}

fn part(text: &str) -> Option<Part> {
    let mut pieces = text.split('{');
    let start = pieces.next().unwrap_or("").to_owned();
    let mut captures: Vec<(String, String)> = Vec::new();
    for piece in pieces {
        let (label, behind) = piece.split_once('}')?;
        // Two captures side by side: where the first ends cannot be told.
        if captures.last().is_some_and(|(_, between)| between.is_empty()) {
            return None;
        }
        captures.push((label.to_owned(), behind.to_owned()));
    }
    let braced = start.contains('}') || captures.iter().any(|(_, behind)| behind.contains('}'));
    let empty = start.is_empty() && captures.is_empty();
    (!braced && !empty).then_some(Part { start, captures })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn patterns_take_the_last_parts() {
        let pattern: PathPattern = "{}/vm-{zone}-{host}.csv".parse().unwrap();
        let labels = pattern.labels("x/2013-7/vm-a-b-c.csv".as_ref()).unwrap();
        assert_eq!(labels, [("zone".into(), "a".into()), ("host".into(), "b-c".into())]);
        for path in ["vm-a-b.csv", "x/vm-a.csv", "x/vm-a-.csv", "x/vm-a-b.txt", ""] {
            let error = pattern.labels(path.as_ref()).unwrap_err().to_string();
            assert!(error.contains("change the pattern"), "{error}");
        }
        for text in ["", "a.csv", "{a}{b}.csv", "{a", "a}/{b}", "{a}//{b}"] {
            assert!(text.parse::<PathPattern>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_host_is_the_stem() {
        assert_eq!(host_from_file("a/web.1.csv".as_ref()).unwrap().1, "web.1");
        assert!(host_from_file("..".as_ref()).is_err());
    }

    proptest! {
        #[test]
        fn any_pattern_on_any_path(pattern in "[{}/a-b.é]{0,12}", path in "[/a-b.é]{0,12}") {
            if let Ok(pattern) = pattern.parse::<PathPattern>() {
                let _ = pattern.labels(path.as_ref());
            }
        }
    }
}
