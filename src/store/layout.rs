//! Names inside a store's folder. Only numbers become names, never a label.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::model::limits::NUMBER_MAX;

/// The folder of a store.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    root: PathBuf,
}

/// What a file in `segments/` is, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SegmentFile {
    /// Left behind by a seal or compaction that did not finish.
    Temporary,
    /// A sealed segment.
    Sealed(u64),
    /// Nothing of ours.
    Foreign,
}

/// The name of a plan that is kept: names sort by the instant, then by the number.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub(super) struct PlanName {
    /// The instant that the plan speaks from, in nanoseconds since 1970.
    pub(super) as_of: i64,
    /// Later ones have higher numbers.
    pub(super) number: u64,
    /// CRC32C of the file's bytes.
    pub(super) checksum: u32,
}

/// What a file in `plans/` is, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PlanFile {
    /// Being written, or left behind by what stopped.
    Temporary,
    /// A plan.
    Kept(PlanName),
    /// Held by who keeps a plan.
    Lock,
    /// Nothing of ours.
    Foreign,
}

impl Layout {
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.root.join("LOCK")
    }

    pub(super) fn database(&self) -> PathBuf {
        self.root.join("db")
    }

    /// The database of a restore that is at work, or was stopped: there is no store yet.
    pub(super) fn restoring(&self) -> PathBuf {
        self.root.join("db.restoring")
    }

    /// Space that is given up when the disk is full.
    pub(super) const RESERVE: &'static str = "RESERVE";

    pub(super) fn reserve(&self) -> PathBuf {
        self.root.join(Self::RESERVE)
    }

    pub(super) fn segments(&self) -> PathBuf {
        self.root.join("segments")
    }

    pub(super) fn segment(&self, id: u64) -> PathBuf {
        self.segments().join(format!("{id:016x}.seg"))
    }

    pub(super) fn segment_temporary(&self, id: u64) -> PathBuf {
        self.segments().join(format!("{id:016x}.tmp"))
    }

    pub(super) fn labels(&self) -> PathBuf {
        self.root.join("labels")
    }

    pub(super) fn label_file(&self, address: u128) -> PathBuf {
        self.labels().join(format!("{address:032x}.lbl"))
    }

    pub(super) fn label_temporary(&self, address: u128) -> PathBuf {
        self.labels().join(format!("{address:032x}.tmp"))
    }

    pub(super) fn quarantine(&self) -> PathBuf {
        self.root.join("quarantine")
    }

    pub(super) fn plans(&self) -> PathBuf {
        self.root.join("plans")
    }

    pub(super) fn plans_lock(&self) -> PathBuf {
        self.plans().join("LOCK")
    }

    pub(super) fn plan(&self, name: PlanName) -> PathBuf {
        self.plans().join(format!("{name}.json"))
    }

    pub(super) fn plan_temporary(&self, name: PlanName) -> PathBuf {
        self.plans().join(format!("{name}.tmp"))
    }

    pub(super) fn plan_file(name: &str) -> PlanFile {
        let Some((stem, extension)) = name.split_once('.') else {
            return if name == "LOCK" { PlanFile::Lock } else { PlanFile::Foreign };
        };
        match (PlanName::read(stem), extension) {
            (Some(name), "json") => PlanFile::Kept(name),
            (Some(_), "tmp") => PlanFile::Temporary,
            _ => PlanFile::Foreign,
        }
    }

    /// The database's family of a head epoch.
    pub(super) fn head_family(epoch: u64) -> String {
        format!("head-{epoch:016x}")
    }

    /// The epoch of a family; `None` for other families.
    pub(super) fn epoch_of(family: &str) -> Option<u64> {
        u64::from_str_radix(family.strip_prefix("head-")?, 16).ok()
    }

    pub(super) fn segment_file(name: &str) -> SegmentFile {
        match Self::numbered(name) {
            Some((_, "tmp")) => SegmentFile::Temporary,
            Some((id, "seg")) => SegmentFile::Sealed(id),
            _ => SegmentFile::Foreign,
        }
    }

    /// The number and the extension of a file that is named by a number in use.
    pub(super) fn numbered(name: &str) -> Option<(u64, &str)> {
        let (stem, extension) = name.split_once('.')?;
        let number = Some(stem).filter(|stem| is_hex(stem, 16))?;
        let number = u64::from_str_radix(number, 16).ok().filter(|number| *number <= NUMBER_MAX)?;
        Some((number, extension))
    }

    /// The content address in a label file's name; `None` for other files.
    pub(super) fn label_address(name: &str) -> Option<u128> {
        let stem = name.strip_suffix(".lbl").filter(|stem| is_hex(stem, 32))?;
        u128::from_str_radix(stem, 16).ok()
    }

    /// Whether a file in `labels/` was left behind by a seal that did not finish.
    pub(super) fn is_label_temporary(name: &str) -> bool {
        name.strip_suffix(".tmp").is_some_and(|stem| is_hex(stem, 32))
    }
}

/// The instant is shifted so that names sort as instants do, those before 1970 too.
impl fmt::Display for PlanName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let as_of = (self.as_of as u64) ^ (1 << 63);
        write!(f, "{as_of:016x}-{:016x}-{:08x}", self.number, self.checksum)
    }
}

impl PlanName {
    fn read(stem: &str) -> Option<Self> {
        let mut parts = stem.split('-');
        let mut number = |digits| {
            let part = parts.next().filter(|part| is_hex(part, digits))?;
            u64::from_str_radix(part, 16).ok()
        };
        let as_of = (number(16)? ^ (1 << 63)) as i64;
        let name = Self { as_of, number: number(16)?, checksum: u32::try_from(number(8)?).ok()? };
        (parts.next().is_none() && name.number <= NUMBER_MAX).then_some(name)
    }
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_others_are_foreign() {
        assert_eq!(Layout::segment_file("00000000000000ff.seg"), SegmentFile::Sealed(255));
        assert_eq!(Layout::segment_file("00000000000000ff.tmp"), SegmentFile::Temporary);
        for name in
            ["ff.seg", "ffffffffffffffff.seg", "00000000000000FF.seg", "notes.txt", "0.seg.bak"]
        {
            assert_eq!(Layout::segment_file(name), SegmentFile::Foreign, "{name}");
        }
        let name = PlanName { as_of: -5, number: 7, checksum: 0xabc };
        let (layout, text) =
            (Layout::new(Path::new("s")), "7ffffffffffffffb-0000000000000007-00000abc");
        assert_eq!(layout.plan(name), Path::new("s/plans").join(format!("{text}.json")));
        assert_eq!(Layout::plan_file(&format!("{text}.json")), PlanFile::Kept(name));
        assert_eq!(Layout::plan_file(&format!("{text}.tmp")), PlanFile::Temporary);
        assert_eq!(Layout::plan_file("LOCK"), PlanFile::Lock);
        for name in [
            "plan.json",
            "7ffffffffffffffb-0000000000000007.json",
            "7ffffffffffffffb-ffffffffffffffff-00000abc.json",
            "7ffffffffffffffb-0000000000000007-00000abc-00.json",
            "7ffffffffffffffb-0000000000000007-00000ABC.json",
            "7ffffffffffffffb-0000000000000007-00000abc.json.bak",
        ] {
            assert_eq!(Layout::plan_file(name), PlanFile::Foreign, "{name}");
        }
        assert_eq!(Layout::epoch_of(&Layout::head_family(7)), Some(7));
        assert_eq!(Layout::epoch_of("catalog"), None);
    }
}
