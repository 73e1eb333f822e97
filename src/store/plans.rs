//! Plans that are kept in a store: the JSON of each in a file of its own, in the folder `plans`.
//!
//! The database knows nothing of them, and no sample depends on them: they are kept, read and
//! dropped beside a writer at work, which neither waits nor notices. Those who keep or drop plans
//! take their turn by a lock in the folder itself. A file is written whole or not at all, and never
//! changed; its name has the instant of the plan, a number that tells a later one of the same
//! instant, and the checksum of its bytes. The name of the study stands inside, never in the name.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Store;
use super::check::CheckReport;
use super::layout::{Layout, PlanFile, PlanName};
use super::open::refuse_missing;
use crate::error::{Error, Result};
use crate::fs::fault::unless;
use crate::fs::{DiskFs, Entry, Fs, Lock, Map};
use crate::model::Timestamp;
use crate::model::limits::PLAN_BYTES_MAX;

/// The plans that are kept in a store.
///
/// ```
/// use plimsoll::store::{Plans, Store, StoreOptions};
///
/// let folder = tempfile::tempdir().unwrap();
/// Store::open(folder.path(), StoreOptions::default())?.close()?;
/// let plans = Plans::of(folder.path())?;
/// let plan = br#"{"schema_version": 1, "study": "fleet", "as_of": "2026-02-01T00:00:00Z"}"#;
/// plans.keep(plan)?;
/// let kept = plans.list()?;
/// assert_eq!(kept[0].as_of, "2026-02-01".parse()?);
/// assert_eq!(&*plans.read(&kept[0])?, plan);
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Plans {
    fs: Arc<dyn Fs>,
    layout: Layout,
}

/// A plan that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptPlanFile {
    /// The instant that the plan speaks from.
    pub as_of: Timestamp,
    /// The file.
    pub path: PathBuf,
    /// Its length.
    pub bytes: u64,
    pub(super) name: PlanName,
}

/// What a plan's JSON must say of itself. The whole text is read for it, so what is no JSON is
/// found.
#[derive(serde::Deserialize)]
struct Header {
    study: String,
    as_of: String,
}

impl Header {
    fn read(bytes: &[u8]) -> Result<(String, Timestamp), String> {
        let header: Self = serde_json::from_slice(bytes).map_err(|why| why.to_string())?;
        let as_of: Timestamp = header.as_of.parse().map_err(|why: Error| why.to_string())?;
        Ok((header.study, as_of))
    }
}

impl Plans {
    /// The plans of the store in a folder, which must be there. Nothing is opened or locked.
    ///
    /// # Errors
    ///
    /// Where there is no store.
    pub fn of(store: &Path) -> Result<Self> {
        refuse_missing(&Layout::new(store))?;
        Ok(Self::on(store, Arc::new(DiskFs)))
    }

    /// [`Plans::of`] on a given disk: for tests that stop it.
    pub fn on(store: &Path, fs: Arc<dyn Fs>) -> Self {
        Self { fs, layout: Layout::new(store) }
    }

    /// The files of all plans, the earliest instant first; of one instant the one kept last comes
    /// last.
    ///
    /// # Errors
    ///
    /// What the disk says.
    pub fn list(&self) -> Result<Vec<KeptPlanFile>> {
        let entries = self.fs.list(&self.layout.plans())?;
        let kept = |entry: &Entry| match Layout::plan_file(&entry.name) {
            PlanFile::Kept(name) => Some(KeptPlanFile {
                as_of: Timestamp::from_nanos(name.as_of),
                path: self.layout.plan(name),
                bytes: entry.bytes,
                name,
            }),
            _ => None,
        };
        let mut found: Vec<KeptPlanFile> = entries.iter().filter_map(kept).collect();
        found.sort_by_key(|plan| plan.name);
        Ok(found)
    }

    /// The JSON of a plan.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] where its bytes are not those that were kept; [`Error::Io`] where it is
    /// gone, since it was replaced or dropped after it was listed.
    pub fn read(&self, plan: &KeptPlanFile) -> Result<Map> {
        let bytes = self.fs.map(&plan.path)?;
        if crc32c::crc32c(&bytes) != plan.name.checksum {
            let what = "the plan's bytes are not those that were kept; remove the file";
            return Err(Error::corrupt(&plan.path, 0, what));
        }
        Ok(bytes)
    }

    /// Keeps a plan: its JSON, with `study` and `as_of`. One that is there of the same study and
    /// instant is replaced. It is on the disk, whole, when this returns; after a stop in between
    /// either the earlier one is there or the new one.
    ///
    /// # Errors
    ///
    /// Where the text is no plan, is larger than [`PLAN_BYTES_MAX`], or another plan is being kept
    /// at the same moment; what the disk says.
    pub fn keep(&self, json: &[u8]) -> Result<KeptPlanFile> {
        check_size(json.len() as u64)?;
        let (study, as_of) = Header::read(json)
            .map_err(|why| Error::invalid(format!("what is to be kept is no plan: {why}")))?;
        self.fs.create_folder(&self.layout.plans())?;
        let _lock = self.lock()?;
        self.remove_leftovers()?;
        let there = self.list()?;
        let number = there.iter().map(|plan| plan.name.number + 1).max().unwrap_or(1);
        let mut same: Vec<&KeptPlanFile> = Vec::new();
        for plan in there.iter().filter(|plan| plan.as_of == as_of) {
            if self.study_of(plan).is_some_and(|other| other == study) {
                same.push(plan);
            }
        }
        let name = PlanName { as_of: as_of.nanos(), number, checksum: crc32c::crc32c(json) };
        let path = self.layout.plan(name);
        self.write(&self.layout.plan_temporary(name), &path, json)?;
        for plan in same {
            self.fs.remove(&plan.path)?;
        }
        self.fs.sync_folder(&self.layout.plans())?;
        Ok(KeptPlanFile { as_of, path, bytes: json.len() as u64, name })
    }

    /// Removes the plans that speak from before an instant, and says how many there were.
    ///
    /// # Errors
    ///
    /// Where a plan is being kept at the same moment; what the disk says.
    pub fn drop_before(&self, before: Timestamp) -> Result<u64> {
        if self.list()?.is_empty() {
            return Ok(0);
        }
        let _lock = self.lock()?;
        let mut dropped = 0;
        for plan in self.list()?.iter().filter(|plan| plan.as_of < before) {
            self.fs.remove(&plan.path)?;
            dropped += 1;
        }
        self.fs.sync_folder(&self.layout.plans())?;
        Ok(dropped)
    }

    /// The study of a plan; `None` where it cannot be read.
    fn study_of(&self, plan: &KeptPlanFile) -> Option<String> {
        let bytes = self.fs.map(&plan.path).ok()?;
        Header::read(&bytes).ok().map(|(study, _)| study)
    }

    fn lock(&self) -> Result<Box<dyn Lock>> {
        self.fs.lock(&self.layout.plans_lock()).map_err(|why| match why {
            Error::Locked { .. } => {
                let folder = self.layout.plans();
                let folder = folder.display();
                Error::invalid(format!("another plan is being kept in {folder}; try again"))
            }
            why => why,
        })
    }

    /// What was begun and stopped; nobody else is at it, for the lock is held.
    fn remove_leftovers(&self) -> Result<()> {
        for entry in self.fs.list(&self.layout.plans())? {
            if matches!(Layout::plan_file(&entry.name), PlanFile::Temporary) {
                self.fs.remove(&self.layout.plans().join(&entry.name))?;
            }
        }
        Ok(())
    }

    fn write(&self, temporary: &Path, path: &Path, bytes: &[u8]) -> Result<()> {
        let mut file = self.fs.create(temporary)?;
        file.append(bytes)?;
        unless("plan-not-synced", || file.sync())?;
        self.fs.rename(temporary, path)?;
        // The new name first, and only then is an earlier plan removed.
        self.fs.sync_folder(&self.layout.plans())
    }

    /// What is wrong with a plan's file.
    pub(super) fn fault(&self, plan: &KeptPlanFile) -> Result<Option<String>> {
        let bytes = match self.read(plan) {
            Err(Error::Corrupt { what, .. }) => return Ok(Some(what)),
            bytes => bytes?,
        };
        Ok(match Header::read(&bytes) {
            Err(why) => Some(format!("it is no plan: {why}")),
            Ok((_, as_of)) if as_of != plan.as_of => {
                Some(format!("it is a plan of {as_of}, and its name says {}", plan.as_of))
            }
            Ok(_) => None,
        })
    }
}

/// An error where a plan is larger than is kept or read.
///
/// # Errors
///
/// [`Error::Limit`].
pub(crate) fn check_size(bytes: u64) -> Result<()> {
    if bytes <= PLAN_BYTES_MAX {
        return Ok(());
    }
    Err(Error::Limit {
        what: "the length of a plan in bytes",
        value: bytes,
        limit: PLAN_BYTES_MAX,
        remedy: "plan parts of the fleet, each by a study of its own",
    })
}

impl Store {
    /// The plans that are kept in this store.
    pub fn plans(&self) -> Plans {
        Plans { fs: Arc::clone(&self.fs), layout: self.layout.clone() }
    }

    /// Reads every plan that is kept.
    pub(super) fn check_plans(&self, report: &mut CheckReport) -> Result<()> {
        let plans = self.plans();
        for plan in plans.list()? {
            report.files += 1;
            report.bytes += plan.bytes;
            let fault = match plans.fault(&plan) {
                // It was replaced or dropped beside this check.
                Err(_) if !plans.list()?.contains(&plan) => continue,
                Err(why) => Some(why.to_string()),
                Ok(fault) => fault,
            };
            if let Some(what) = fault {
                report.find(plan.path.display().to_string(), what);
            }
        }
        let folder = self.layout.plans();
        for entry in self.fs.list(&folder)? {
            if matches!(Layout::plan_file(&entry.name), PlanFile::Foreign) {
                let what = "no plan of this store has such a name; `plan --keep` makes them";
                report.find(folder.join(&entry.name).display().to_string(), what.to_owned());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(study: &str, as_of: &str, more: &str) -> String {
        format!(r#"{{"schema_version":1,"study":"{study}","as_of":"{as_of}","x":"{more}"}}"#)
    }

    fn store() -> (tempfile::TempDir, Plans) {
        let folder = tempfile::tempdir().unwrap();
        let plans = Plans::on(folder.path(), Arc::new(DiskFs));
        (folder, plans)
    }

    fn texts(plans: &Plans) -> Vec<String> {
        let text = |plan| String::from_utf8(plans.read(plan).unwrap().to_vec()).unwrap();
        plans.list().unwrap().iter().map(text).collect()
    }

    #[test]
    fn one_plan_is_kept_of_each_study_and_instant() {
        let (_folder, plans) = store();
        let kept = [
            plan("../a", "2026-02-01", "1"),
            plan("b", "2026-02-01", "2"),
            plan("../a", "2025-12-01T12:00:00Z", "3"),
            plan("../a", "1960-01-01", "4"),
        ];
        for text in &kept {
            plans.keep(text.as_bytes()).unwrap();
        }
        assert_eq!(texts(&plans), [&kept[3], &kept[2], &kept[0], &kept[1]].map(String::clone));
        let again = plan("../a", "2026-02-01T00:00:00Z", "5");
        plans.keep(again.as_bytes()).unwrap();
        assert_eq!(texts(&plans), [&kept[3], &kept[2], &kept[1], &again].map(String::clone));
        // The same bytes again, too.
        plans.keep(again.as_bytes()).unwrap();
        assert_eq!(texts(&plans).len(), 4);
        assert_eq!(plans.drop_before("2026-02-01".parse().unwrap()).unwrap(), 2);
        assert_eq!(texts(&plans), [&kept[1], &again].map(String::clone));
    }

    #[test]
    fn what_is_no_plan_is_not_kept() {
        let (folder, plans) = store();
        for text in ["", "{}", "[1]", r#"{"study":"a"}"#, &plan("a", "soon", "")] {
            let refused = plans.keep(text.as_bytes()).unwrap_err();
            assert!(refused.to_string().starts_with("what is to be kept is no plan"), "{refused}");
        }
        let half = plan("a", "2026-02-01", "1");
        assert!(plans.keep(&half.as_bytes()[..half.len() - 1]).is_err());
        assert!(!folder.path().join("plans").exists());
    }

    #[test]
    fn who_keeps_a_plan_keeps_others_out_and_tidies_up_after_one_that_stopped() {
        let (folder, plans) = store();
        let text = plan("a", "2026-02-01", "1");
        let kept = plans.keep(text.as_bytes()).unwrap();
        let held = plans.lock().unwrap();
        let refused = plans.keep(text.as_bytes()).unwrap_err();
        assert!(refused.to_string().contains("another plan is being kept"), "{refused}");
        drop(held);
        let left = kept.path.with_extension("tmp");
        std::fs::write(&left, "half").unwrap();
        plans.keep(plan("a", "2026-03-01", "1").as_bytes()).unwrap();
        assert!(!left.exists() && kept.path.exists());
        assert_eq!(std::fs::read_dir(folder.path().join("plans")).unwrap().count(), 3);
    }

    #[test]
    fn what_is_whole_and_no_plan_is_found() {
        let (folder, plans) = store();
        std::fs::create_dir(folder.path().join("plans")).unwrap();
        let text = plan("a", "2026-02-01", "1");
        for (text, says) in [
            (&text[..text.len() - 1], "it is no plan: EOF"),
            ("{}", "it is no plan: missing field"),
            (&text, "and its name says 1970-01-01T00:00:00Z"),
        ] {
            let name = PlanName { as_of: 0, number: 1, checksum: crc32c::crc32c(text.as_bytes()) };
            std::fs::write(plans.layout.plan(name), text).unwrap();
            let found = plans.list().unwrap().remove(0);
            let fault = plans.fault(&found).unwrap().unwrap();
            assert!(fault.contains(says), "{fault}");
            std::fs::remove_file(&found.path).unwrap();
        }
    }

    #[test]
    fn every_flipped_bit_is_found() {
        let (_folder, plans) = store();
        let text = plan("a", "2026-02-01", "1");
        let kept = plans.keep(text.as_bytes()).unwrap();
        assert_eq!(plans.fault(&kept).unwrap(), None);
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1;
            std::fs::remove_file(&kept.path).unwrap();
            std::fs::write(&kept.path, bytes).unwrap();
            assert!(plans.fault(&kept).unwrap().is_some(), "byte {at}");
            assert!(matches!(plans.read(&kept), Err(Error::Corrupt { .. })), "byte {at}");
        }
    }
}
