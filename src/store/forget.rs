//! Forgetting: a series of which neither a sample nor a bucket is left takes no memory and no space
//! any more. Its number is never given again.

use std::sync::{Arc, RwLock};

use super::catalog::{self, Catalog};
use super::manifest::{Edit, StoreRecord};
use super::{Store, View, Writer, read};
use crate::error::{Error, Result};
use crate::fs::Turn;
use crate::fs::fault::planted;
use crate::model::SeriesId;

/// What the database's log adds to a record, at most.
const RECORD_BYTES: usize = 64;

impl Store {
    /// The numbers of all files: where they are others than before, series may have gone.
    pub(super) fn file_ids(&self) -> Vec<u64> {
        self.view().files().map(|file| file.identity().segment_id).collect()
    }

    /// Forgets the series that no file and no head holds, and that were neither asked for nor
    /// sealed since this was last done: an agent that goes on may drop all that it has. It is worth
    /// its while where files came or went.
    pub(super) fn forget_unused(&self, writer: &mut Writer) -> Result<()> {
        let view = self.view();
        match self.write_without_unused(writer, &view) {
            Ok(None) => Ok(()),
            Ok(Some(left)) => {
                let left = Arc::new(RwLock::new(left));
                self.publish(View { catalog: left, ..View::clone(&view) });
                writer.space.forget();
                let _turn = self.fs.take_turn(self.layout.root(), Turn::Change);
                self.guarded(writer, |store| store.db.shrink(catalog::FAMILY))
            }
            Err(why) => {
                read(&view.catalog).stay();
                // Nobody asked for it: it waits until there is room.
                if matches!(why, Error::Limit { .. }) { Ok(()) } else { Err(why) }
            }
        }
    }

    /// Catalog and version go in one batch, after that which took the last samples out. Which of
    /// the two catalogs survives a stop does not matter: nothing names the series between them.
    fn write_without_unused(&self, writer: &mut Writer, view: &View) -> Result<Option<Catalog>> {
        let mut edit = Edit::default();
        let held = series_of(view).into_iter();
        let Some(left) = read(&view.catalog).without_unused(held, &mut edit.batch)? else {
            return Ok(None);
        };
        edit.put_store(&StoreRecord::new(self.store_id, left.has_forgotten()))?;
        let changes = edit.batch.changes().iter();
        let sizes =
            changes.map(|change| change.key.len() + change.value.as_ref().map_or(0, Vec::len));
        let bytes: usize = sizes.map(|size| size + RECORD_BYTES).sum();
        // In the log and in a table.
        self.reserve(writer, bytes as u64 * 2)?;
        self.guarded(writer, |store| store.db.write(&edit.batch))?;
        Ok(Some(left))
    }
}

/// The series of files and heads.
fn series_of(view: &View) -> Vec<SeriesId> {
    let mut held: Vec<SeriesId> = Vec::new();
    for file in view.files() {
        if file.is_rollup() && planted("rolled-up-series-forgotten") {
            continue;
        }
        held.extend(file.series());
        held.sort_unstable();
        held.dedup();
    }
    view.heads.iter().for_each(|head| held.extend(read(head).series()));
    held
}
