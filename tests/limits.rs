//! Promise: where the system refuses a write or a file descriptor, to RocksDB or to the store's own
//! files, nothing panics or hangs, the error has a type, and what was acknowledged is there when
//! the store is opened without the limit. A child process works under a limit of its shell until
//! something fails.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output};

use plimsoll::store::{Durability, Samples, Store, StoreOptions};
use plimsoll::{Batch, Error, Group, Labels, Result, Selector, SeriesId, TimeRange};

const FOLDER: &str = "PLIMSOLL_LIMITS_DIR";
/// Batches after which a child ends without a failure.
const BATCHES: i64 = 2_000;

fn options() -> StoreOptions {
    StoreOptions {
        durability: Durability::Sync,
        head_samples_max: 4_000,
        ..StoreOptions::default()
    }
}

fn series(store: &Store) -> Result<Vec<SeriesId>> {
    let of = |host: usize| {
        let labels = Labels::new("cpu", [("host", host.to_string())])?;
        store.series_id(&labels)
    };
    (0..20).map(of).collect()
}

/// Not a test by itself: the child process of the tests below.
#[test]
fn child() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    if let Err(why) = work(Path::new(&folder)) {
        let kind = match why {
            Error::Io { .. } => "io",
            Error::Database { .. } => "database",
            Error::DiskFull { .. } => "disk full",
            Error::Poisoned { .. } => "poisoned",
            _ => "another",
        };
        say(&format!("failed {kind}: {why}"));
    }
}

fn work(folder: &Path) -> Result<()> {
    let store = Store::open(folder, options())?;
    let ids = series(&store)?;
    for counter in 0..BATCHES {
        let values: Vec<f64> = (0..ids.len()).map(|at| value(counter, at)).collect();
        store.append(&Batch { groups: vec![Group::row(&ids, counter, &values)] })?;
        say(&format!("wrote {counter}"));
        if counter % 500 == 499 {
            store.compact(true)?;
        }
    }
    store.close()
}

/// Numbers that take room.
fn value(counter: i64, at: usize) -> f64 {
    let mixed = (counter as u64 * 64 + at as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 29)) as f64
}

fn say(line: &str) {
    std::io::stdout().write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// Runs the child under a limit of the shell; `None` where it came to its end.
fn failed_under(limit: &str) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let ran = run(limit, folder.path());
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success() && !err.contains("panicked"), "{limit}: {out} {err}");
    let acknowledged = out.lines().filter(|line| line.starts_with("wrote ")).count() as i64;
    let failed = out.lines().find_map(|line| line.strip_prefix("failed "));
    assert!(failed.is_some() || acknowledged == BATCHES, "{limit}: {out}");
    // A disk that works again.
    let store = Store::open(folder.path(), options()).unwrap();
    let (snapshot, mut found) = (store.snapshot().unwrap(), Samples::default());
    for (at, id) in series(&store).unwrap().into_iter().enumerate() {
        snapshot.scan(id, TimeRange::ALL, &mut found).unwrap();
        let whole = found.times.len() as i64;
        assert!((acknowledged..=acknowledged + 1).contains(&whole), "{limit}: {whole} samples");
        assert!(found.times.iter().copied().eq(0..whole), "{limit}");
        let values = found.values.iter().zip(0..);
        assert!(values.into_iter().all(|(v, counter)| *v == value(counter, at)), "{limit}");
    }
    assert_eq!(snapshot.select(&Selector::all()).len(), 20);
    drop(snapshot);
    assert_eq!(store.check().unwrap().findings, [], "{limit}");
    failed.map(str::to_owned)
}

fn run(limit: &str, folder: &Path) -> Output {
    let test = std::env::current_exe().unwrap();
    // Without the signal a write beyond the limit is an error, as on a full disk.
    let script = format!("trap '' XFSZ; {limit}; exec \"$0\" --exact limits::child --nocapture");
    Command::new("sh").arg("-c").arg(script).arg(test).env(FOLDER, folder).output().unwrap()
}

#[test]
fn files_that_may_not_grow_lose_nothing_that_was_acknowledged() {
    // Blocks of 512 bytes. RocksDB's log is the first file to meet most of them.
    let more = if crate::support::slow() { (20..900).step_by(4) } else { (24..500).step_by(48) };
    let limits: Vec<u32> = [8, 16].into_iter().chain(more).chain([1 << 20]).collect();
    let failed: Vec<_> = limits.iter().map(|n| failed_under(&format!("ulimit -f {n}"))).collect();
    println!("{limits:?}: {failed:#?}");
    assert!(failed.iter().flatten().count() >= 5, "{failed:?}");
    assert_eq!(failed.last().unwrap(), &None);
    assert!(failed.iter().flatten().all(|why| !why.starts_with("another")), "{failed:?}");
}

#[test]
fn too_few_file_descriptors_lose_nothing_that_was_acknowledged() {
    let limits: Vec<u32> = (6..32).chain([200]).collect();
    let failed: Vec<_> = limits.iter().map(|n| failed_under(&format!("ulimit -n {n}"))).collect();
    println!("{limits:?}: {failed:#?}");
    assert!(failed.iter().flatten().count() >= 5, "{failed:?}");
    assert_eq!(failed.last().unwrap(), &None);
    assert!(failed.iter().flatten().all(|why| !why.starts_with("another")), "{failed:?}");
}
