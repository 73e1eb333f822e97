//! Verification of everything a store has on disk, as a list of findings.

use std::sync::Arc;

use super::layout::Layout;
use super::segment::{BUCKET_FIELDS, Segment, label_file};
use super::{Store, View, head, read};
use crate::error::{Error, Result};
use crate::model::SeriesId;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// The file, or the part of the database.
    pub file: String,
    /// What is wrong and what it costs.
    pub what: String,
}

/// The result of verifying a store.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct CheckReport {
    /// Files that were read whole.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Samples that were decoded.
    pub samples: u64,
    /// Buckets of rollups that were decoded.
    pub buckets: u64,
    /// What is wrong; nothing when all is well.
    pub findings: Vec<Finding>,
}

impl Store {
    /// Reads every byte of every segment, label file and head: checksums, structure, order of
    /// times, statistics against samples, labels against the catalog; and every plan that is kept.
    /// Changes nothing.
    pub fn check(&self) -> Result<CheckReport> {
        let view = self.view();
        let (mut report, mut latest) = (CheckReport::default(), view.clone());
        for segment in view.files() {
            report.files += 1;
            report.bytes += segment.bytes();
            let values = match self.check_segment(&view, segment) {
                // A compaction beside this check has replaced it; its bytes are still mapped.
                Err(_) if self.is_replaced(segment, &mut latest)? => segment.verify().unwrap_or(0),
                Err(why) => {
                    report.find(segment.path().display().to_string(), why.to_string());
                    0
                }
                Ok(values) => values,
            };
            if segment.is_rollup() {
                report.buckets += values / BUCKET_FIELDS as u64;
            } else {
                report.samples += values;
            }
        }
        self.check_labels(&mut report)?;
        self.check_heads(&mut report);
        self.check_plans(&mut report)?;
        for (id, lost) in &view.quarantined {
            let of = if lost.rollup { "values of rollups" } else { "samples" };
            let what = format!(
                "set aside: {}; {} {of} from {} to {} are missing",
                lost.why, lost.samples, lost.range.start, lost.range.end
            );
            report.find(format!("segment {id:016x}"), what);
        }
        for (sequence, why) in &view.lost_batches {
            let what = format!("it was damaged ({why}); its samples are missing");
            report.find(format!("batch {sequence} of the head"), what);
        }
        Ok(report)
    }

    /// Whether a segment is part of the store no more. A reader's own view does not change, so that
    /// it looks anew where the `latest` look does not tell.
    fn is_replaced(&self, segment: &Segment, latest: &mut Arc<View>) -> Result<bool> {
        let id = segment.identity().segment_id;
        if latest.names(id) {
            *latest = match self.lock {
                Some(_) => self.view(),
                None => Self::open_read_only(self.layout.root())?.view(),
            };
        }
        Ok(!latest.names(id))
    }

    /// Maps the file anew, so that what is verified is what a later open would see.
    fn check_segment(&self, view: &View, segment: &Segment) -> Result<u64> {
        let path = segment.path();
        let fresh = Segment::open(self.fs.map(path)?, path)?;
        if fresh.footer() != segment.footer() || fresh.identity() != segment.identity() {
            return Err(Error::corrupt(path, 0, "the file was replaced by another"));
        }
        let samples = fresh.verify()?;
        let address = segment.footer().label_file;
        let labels_path = self.layout.label_file(address);
        let named = label_file::decode(&labels_path, &self.fs.map(&labels_path)?, address)?;
        let catalog = read(&view.catalog);
        for (id, labels) in &named {
            if catalog.labels(*id).as_ref() != Some(labels) {
                let what = format!("{labels} is another series in the catalog");
                return Err(Error::corrupt(&labels_path, 0, what));
            }
        }
        let mut series: Vec<SeriesId> = fresh.series().collect();
        series.sort_unstable();
        if !series.iter().eq(named.iter().map(|(id, _)| id)) {
            return Err(Error::corrupt(path, 0, "its series are not those of its label file"));
        }
        Ok(samples)
    }

    fn check_labels(&self, report: &mut CheckReport) -> Result<()> {
        for entry in self.fs.list(&self.layout.labels())? {
            let path = self.layout.labels().join(&entry.name);
            let Some(address) = Layout::label_address(&entry.name) else { continue };
            report.files += 1;
            report.bytes += entry.bytes;
            let decoded =
                self.fs.map(&path).and_then(|bytes| label_file::decode(&path, &bytes, address));
            if let Err(why) = decoded
                && self.fs.list(&self.layout.labels())?.contains(&entry)
            {
                report.find(path.display().to_string(), why.to_string());
            }
        }
        Ok(())
    }

    fn check_heads(&self, report: &mut CheckReport) {
        for head in &self.view().heads {
            let family = Layout::head_family(read(head).epoch);
            let mut samples = 0;
            let scanned = self.db.scan(&family, &mut |_, value| {
                // Damaged batches were found when the store was opened, and are listed below.
                let groups = head::wire::decode(value).unwrap_or_default();
                samples += groups.iter().map(|group| group.samples() as u64).sum::<u64>();
                Ok(())
            });
            report.samples += samples;
            let sealed_meanwhile = !self.db.families().contains(&family);
            if let Err(why) = scanned
                && !sealed_meanwhile
            {
                report.find(family, why.to_string());
            }
        }
    }
}

impl CheckReport {
    pub(super) fn find(&mut self, file: String, what: String) {
        self.findings.push(Finding { file, what });
    }
}
