//! Retention without rollups: samples before an instant are gone at once for every query; whole
//! segments leave the disk at once, the rest at the next compaction that touches them.

use std::sync::Arc;

use super::manifest::Edit;
use super::segment::Segment;
use super::{Store, View, Writer};
use crate::error::{Error, Result};
use crate::fs::fault::unless;
use crate::model::Timestamp;

impl Store {
    /// Drops all samples before `before`, and refuses those that are appended later
    /// ([`Appended::refused`](super::Appended)). An earlier instant than last time changes nothing:
    /// what is gone does not come back. An instant after the newest sample and after now is an
    /// error. [`Store::retain_with`] keeps rollups of what it drops.
    pub fn retain(&self, before: Timestamp) -> Result<()> {
        let mut writer = self.writer_for_change()?;
        let mut view = View::clone(&self.view());
        if view.retain_from.is_some_and(|from| from >= before) {
            return Ok(());
        }
        self.check_instant(&mut writer, before)?;
        view.retain_from = Some(before);
        let gone: Vec<Arc<Segment>> =
            view.segments.iter().filter(|s| s.footer().range.end <= before).cloned().collect();
        let mut edit = Edit::default();
        unless("retention-not-kept", || edit.put_retain(before))?;
        self.replace(&mut writer, view, &gone, None, edit)?;
        if gone.is_empty() { Ok(()) } else { self.forget_unused(&mut writer) }
    }

    /// Refuses an instant after the newest sample and after now: until then the store would refuse
    /// all that is appended.
    pub(super) fn check_instant(&self, writer: &mut Writer, before: Timestamp) -> Result<()> {
        let now = writer.wall.now(self.clock.now(), self.clock.elapsed());
        let newest = self.snapshot()?.range().map(|range| range.end);
        if before <= now || newest.is_some_and(|end| before <= end) {
            return Ok(());
        }
        Err(Error::invalid(format!(
            "samples before {before} cannot be dropped: that is later than now ({now}) and than \
             all that is stored, and until then the store would refuse every sample; take an \
             earlier time"
        )))
    }
}
