//! Retention without rollups: samples before an instant are gone at once for every query; whole
//! segments leave the disk at once, the rest at the next compaction that touches them.

use std::sync::Arc;

use super::manifest::Edit;
use super::segment::Segment;
use super::{Store, View};
use crate::error::Result;
use crate::fs::fault::unless;
use crate::model::Timestamp;

impl Store {
    /// Drops all samples before `before`. An earlier instant than last time changes nothing: what
    /// is gone does not come back. [`Store::retain_with`] keeps rollups of what it drops.
    pub fn retain(&self, before: Timestamp) -> Result<()> {
        let mut writer = self.writer_for_change()?;
        let mut view = View::clone(&self.view());
        if view.retain_from.is_some_and(|from| from >= before) {
            return Ok(());
        }
        view.retain_from = Some(before);
        let gone: Vec<Arc<Segment>> =
            view.segments.iter().filter(|s| s.footer().range.end <= before).cloned().collect();
        let mut edit = Edit::default();
        unless("retention-not-kept", || edit.put_retain(before))?;
        self.replace(&mut writer, view, &gone, None, edit)
    }
}
