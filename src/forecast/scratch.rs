//! Buffers that are worked in, tile after tile.
//!
//! A tile takes a dozen rows as long as the past, each a quarter of a megabyte at 2,000 steps. If
//! they were freed and made anew for each of a fleet's thousands of tiles, the few numbers that are
//! kept of a tile would come to lie where they had been, and the next tile's would no longer fit
//! there: most of the memory of a large fleet would be such holes.
//!
//! In: nothing. Out: empty buffers with room. Never: more than a bound kept for later.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::kernel::Wide;

/// Rows that kept buffers have room for in all, at most: 32 MiB, what a tile of 90 days of five
/// minutes takes.
const KEPT_ROWS_MAX: usize = 1 << 18;

/// Buffers that models are fitted in: what one is done with, the next one takes.
///
/// ```
/// use plimsoll::forecast::{Fit, Past, Persistence, Scratch, Tile};
/// use plimsoll::kernel::Wide;
/// let mut scratch = Scratch::default();
/// let past = Past::new(&Tile::new(&[&[1.0, 2.0, 3.0]], 1), 1, 3);
/// let mut ahead = [Wide::ZERO; 2];
/// Persistence.fit(&past, &[3], &mut scratch)[0].predict(&mut ahead);
/// assert_eq!(ahead[1].0[0], 3.0);
/// ```
#[derive(Debug, Default)]
pub struct Scratch {
    idle: Vec<Vec<Wide>>,
    /// Those of the last regression on waves: most tiles have the same.
    pub(super) waves: Waves,
}

/// Sines and cosines of some lengths, step by step.
#[derive(Debug, Default)]
pub(super) struct Waves {
    lengths: Vec<f64>,
    steps: usize,
    values: Vec<f64>,
}

impl Scratch {
    /// An empty buffer with room for so many rows.
    pub(super) fn take(&mut self, rows: usize) -> Vec<Wide> {
        // The smallest that has room; or else the largest, which has to grow by the least.
        let room = |at: &usize| self.idle[*at].capacity();
        let (wide, narrow): (Vec<usize>, Vec<usize>) =
            (0..self.idle.len()).partition(|at| room(at) >= rows);
        let best = wide.into_iter().min_by_key(room).or(narrow.into_iter().max_by_key(room));
        let mut buffer = best.map_or_else(Vec::new, |at| self.idle.swap_remove(at));
        buffer.clear();
        buffer.reserve_exact(rows);
        buffer
    }

    /// Takes a buffer back for later.
    pub(super) fn give(&mut self, buffer: Vec<Wide>) {
        let rows = buffer.capacity();
        let kept: usize = self.idle.iter().map(Vec::capacity).sum();
        if rows > 0 && kept + rows <= KEPT_ROWS_MAX {
            self.idle.push(buffer);
        }
    }
}

impl Waves {
    /// Makes ready for `columns` waves of so many steps, of which `value` says the numbers by
    /// column and step; it is asked only where they are not those of before.
    pub(super) fn prepare(
        &mut self,
        (lengths, columns): (&[f64], usize),
        steps: usize,
        value: impl Fn(usize, usize) -> f64,
    ) {
        if self.steps == steps && self.lengths == lengths {
            return;
        }
        self.lengths.clear();
        self.lengths.extend_from_slice(lengths);
        self.steps = steps;
        self.values.clear();
        self.values.reserve_exact(columns * steps);
        for column in 0..columns {
            self.values.extend((0..steps).map(|step| value(column, step)));
        }
    }

    /// The columns.
    pub(super) fn columns(&self) -> impl Iterator<Item = &[f64]> {
        self.values.chunks_exact(self.steps.max(1))
    }
}

/// What the threads of one forecaster lend and share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// As many as there are threads.
    idle: Mutex<Vec<Scratch>>,
    /// Names of models: there are some dozens, and each series has a list of them.
    names: Mutex<BTreeSet<Arc<str>>>,
}

impl Shared {
    /// What `work` makes with a scratch.
    pub(super) fn lend<R>(&self, work: impl FnOnce(&mut Scratch) -> R) -> R {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let found = idle().pop();
        let mut scratch = found.unwrap_or_default();
        let made = work(&mut scratch);
        idle().push(scratch);
        made
    }

    /// The one copy of a name.
    pub(super) fn name(&self, name: &str) -> Arc<str> {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = names.get(name) {
            return Arc::clone(known);
        }
        let new: Arc<str> = name.into();
        names.insert(Arc::clone(&new));
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_empty_and_with_room() {
        let mut scratch = Scratch::default();
        let mut buffer = scratch.take(100);
        buffer.push(Wide::ONE);
        let place = buffer.as_ptr();
        scratch.give(buffer);
        scratch.give(Vec::with_capacity(1_000));
        // The smaller of the two that have room.
        let again = scratch.take(50);
        assert_eq!((again.as_ptr(), again.len()), (place, 0));
        assert!(scratch.take(2_000).capacity() >= 2_000);
        assert!(scratch.idle.is_empty());
    }

    #[test]
    fn no_more_than_a_bound_is_kept() {
        let mut scratch = Scratch::default();
        scratch.give(Vec::new());
        scratch.give(Vec::with_capacity(KEPT_ROWS_MAX + 1));
        assert!(scratch.idle.is_empty());
        for _ in 0..5 {
            scratch.give(Vec::with_capacity(KEPT_ROWS_MAX / 4));
        }
        assert_eq!(scratch.idle.len(), 4);
    }

    #[test]
    fn waves_are_made_anew_only_where_they_are_others() {
        let mut waves = Waves::default();
        waves.prepare((&[5.0], 2), 3, |column, step| (10 * column + step) as f64);
        assert_eq!(waves.columns().collect::<Vec<_>>(), [[0.0, 1.0, 2.0], [10.0, 11.0, 12.0]]);
        waves.prepare((&[5.0], 2), 3, |_, _| panic!("they are the same"));
        for (lengths, steps) in [([5.0], 2), ([6.0], 2)] {
            waves.prepare((&lengths, 2), steps, |_, _| lengths[0]);
            assert_eq!(waves.columns().collect::<Vec<_>>(), [[lengths[0]; 2]; 2]);
        }
        waves.prepare((&[], 0), 3, |_, _| 0.0);
        assert_eq!(waves.columns().count(), 0);
    }

    #[test]
    fn threads_share_names_and_lend_what_others_gave_back() {
        let shared = Shared::default();
        assert!(Arc::ptr_eq(&shared.name("theta"), &shared.name("theta")));
        assert_ne!(shared.name("theta"), shared.name("drift"));
        shared.lend(|scratch| scratch.give(Vec::with_capacity(7)));
        assert_eq!(shared.lend(|scratch| scratch.idle.len()), 1);
        // Two at once are two.
        shared.lend(|_| shared.lend(|second| assert!(second.idle.is_empty())));
        assert_eq!(shared.idle.lock().unwrap().len(), 2);
    }
}
