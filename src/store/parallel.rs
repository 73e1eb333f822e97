//! A loop over series on all cores, for sealing and merging.
//!
//! Plain threads that live as long as the loop, not rayon: whoever waits inside a rayon loop may be
//! given another task of its pool to run meanwhile, and where that task appends to the store that
//! is being sealed, it would wait for itself.

use std::num::NonZero;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::{Error, Result};

/// What `work` makes of each item, in the order of the items; or the first error.
pub(super) fn map<T: Sync, R: Send>(
    items: &[T],
    work: impl Fn(&T) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let threads = cores().min(items.len());
    if threads < 2 {
        return items.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let run = || {
        let mut made = Vec::new();
        while let at = next.fetch_add(1, Ordering::Relaxed)
            && let Some(item) = items.get(at)
        {
            let one = work(item);
            if one.is_err() {
                // Nobody needs the rest.
                next.store(items.len(), Ordering::Relaxed);
            }
            made.push((at, one));
        }
        made
    };
    let mut all = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(run)).collect();
        let mut all = run();
        for other in others {
            match other.join() {
                Ok(made) => all.extend(made),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        all
    });
    all.sort_unstable_by_key(|(at, _)| *at);
    let made: Vec<R> = all.into_iter().map(|(_, one)| one).collect::<Result<_>>()?;
    if made.len() == items.len() {
        Ok(made)
    } else {
        Err(Error::invalid("a loop that ended early"))
    }
}

/// Asked for once: the system reads several files for its answer.
fn cores() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| std::thread::available_parallelism().map_or(1, NonZero::get))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_and_an_error_ends_the_loop() {
        let items: Vec<u64> = (0..1_000).collect();
        let doubled = map(&items, |item| Ok(item * 2)).unwrap();
        assert!(doubled.iter().copied().eq((0..1_000).map(|item| item * 2)));
        let done = AtomicUsize::new(0);
        let failed = map(&items, |item| {
            done.fetch_add(1, Ordering::Relaxed);
            if *item == 3 { Err(Error::invalid("three")) } else { Ok(()) }
        });
        assert_eq!(failed.unwrap_err().to_string(), "three");
        assert!(done.into_inner() < 1_000);
        assert_eq!(map(&[] as &[u64], |_| Ok(())).unwrap(), []);
    }
}
