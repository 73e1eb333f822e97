//! Promise: whatever operation of disk or database is the last one before a power cut, and whatever
//! part of the unsynced bytes is lost, the store opens again with every durable sample, no half of
//! a batch and nothing else; and where an operation fails without a crash, the error has a type,
//! reads go on, and after a failed sync nothing more is written.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use plimsoll::store::{Durability, Store, StoreOptions, SystemClock};
use plimsoll::{Batch, Error, Result, Timestamp};

use crate::support::clock::ManualClock;
use crate::support::sim_disk::{Fault, Faults, Loss, NoLock, SimDb, SimFs};
use crate::support::small::{self, Content, content};

#[derive(Debug, Clone, Copy)]
enum Step {
    /// Host, first instant, rows, and what is added to every value.
    Append(u32, i64, i64, f64),
    Seal,
    Compact,
    Retain(i64),
}

/// All that moves files: seals, an overwriting segment, merges, retention with and without whole
/// segments, and a head at the end.
const SCRIPT: [Step; 14] = [
    Step::Append(0, 0, 40, 0.0),
    Step::Append(1, 0, 40, 0.0),
    Step::Seal,
    Step::Append(0, 20, 40, 0.5),
    Step::Seal,
    Step::Append(1, 100, 5, 0.0),
    Step::Compact,
    Step::Append(1, 102, 5, 0.25),
    Step::Seal,
    Step::Retain(60),
    Step::Append(2, 50, 20, 0.0),
    Step::Seal,
    Step::Compact,
    Step::Append(2, 90, 5, 0.0),
];

fn options(durability: Durability) -> StoreOptions {
    StoreOptions { durability, ..small::options() }
}

/// A store on a simulated disk.
struct Machine {
    fs: Arc<SimFs>,
    db: Arc<SimDb>,
}

impl Machine {
    fn start(root: &Path, faults: &Arc<Faults>) -> Self {
        let fs = SimFs::load(root, faults.clone());
        Self { fs, db: SimDb::open(&root.join("db"), faults.clone()) }
    }

    fn open(&self, root: &Path, durability: Durability) -> Result<Store> {
        let clock = Arc::new(SystemClock::default());
        let (fs, db) = (self.fs.clone(), self.db.clone());
        Store::open_on(root, options(durability), fs, db, clock, Box::new(NoLock))
    }

    fn cut_power(self, loss: Loss) {
        self.fs.cut_power(loss);
        self.db.cut_power(loss);
    }
}

/// What the store should hold after each step so far.
struct Expected {
    states: Vec<Content>,
    /// The first state that may survive: what came before it is durable.
    least: usize,
    /// The last batch that was acknowledged.
    sequence: u64,
    retained: i64,
}

impl Expected {
    fn new() -> Self {
        Self { states: vec![Content::new()], least: 0, sequence: 0, retained: 0 }
    }

    /// Carries out a step and notes what it should lead to, whether or not it succeeds.
    fn step(&mut self, store: &Store, step: Step) -> Result<()> {
        let mut next = self.states.last().unwrap().clone();
        let done = match step {
            Step::Append(host, start, rows, salt) => {
                let made = small::group(store, host, start, rows, salt);
                made.and_then(|(group, content)| {
                    // What comes in before the instant of the last retention is not seen.
                    let retained = self.retained;
                    next.extend(content.into_iter().filter(|((_, time), _)| *time >= retained));
                    self.sequence = store.append(&Batch { groups: vec![group] })?.sequence;
                    Ok(())
                })
            }
            Step::Seal => store.seal(),
            Step::Compact => store.compact(true).map(drop),
            Step::Retain(before) => {
                self.retained = before;
                next.retain(|(_, time), _| *time >= before);
                store.retain(Timestamp::from_nanos(before))
            }
        };
        self.states.push(next);
        if done.is_ok() && store.durable_sequence() == self.sequence {
            self.least = self.states.len() - 1;
        }
        done
    }

    fn allows(&self, found: &Content) -> bool {
        self.states[self.least..].contains(found)
    }

    /// Opens the store on the real disk and looks.
    fn compare(&self, root: &Path, what: &str) {
        let reader = Store::open(root, options(Durability::Sync));
        let store = reader.unwrap_or_else(|why| panic!("{what}: {why}"));
        let found = content(&store).unwrap();
        assert!(
            self.allows(&found),
            "{what}: {} samples, expected one of {:?}",
            found.len(),
            self.states[self.least..].iter().map(Content::len).collect::<Vec<_>>()
        );
        assert_eq!(store.check().unwrap().findings, [], "{what}");
        assert_eq!(small::files(&root.join("quarantine")), [] as [std::path::PathBuf; 0], "{what}");
        let left = small::files(&root.join("segments")).len() as u64;
        assert_eq!(left, store.stat().unwrap().segments, "{what}: files that nobody needs");
        // Life goes on.
        let mut next = found;
        next.extend(small::append(&store, 3, 60, 3).unwrap());
        store.seal().unwrap();
        store.compact(true).unwrap();
        assert_eq!(content(&store).unwrap(), next, "{what}");
    }
}

/// A folder in memory where there is one: the simulated disk decides what is durable.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// Runs the script until the n-th operation, cuts the power there, and again during recovery if
/// asked for. Returns false when the script ends before.
fn crash_at(at: u64, loss: Loss, durability: Durability, again_at: Option<u64>) -> bool {
    let what = format!("operation {at}, {loss:?} lost, {durability:?}, again at {again_at:?}");
    let folder = folder();
    let faults = Faults::new(at, Fault::Crash);
    let machine = Machine::start(folder.path(), &faults);
    let mut expected = Expected::new();
    if let Ok(store) = machine.open(folder.path(), durability) {
        for step in SCRIPT {
            if expected.step(&store, step).is_err() {
                break;
            }
        }
        let found = content(&store).unwrap();
        assert!(expected.states.contains(&found), "{what}: reads end with the writes");
    }
    machine.cut_power(loss);
    if let Some(again_at) = again_at {
        let machine = Machine::start(folder.path(), &Faults::new(again_at, Fault::Crash));
        drop(machine.open(folder.path(), durability));
        machine.cut_power(loss);
    }
    expected.compare(folder.path(), &what);
    faults.reached()
}

#[test]
fn a_power_cut_at_every_operation_loses_nothing_durable() {
    let mut at = 1;
    while crash_at(at, Loss::Everything, Durability::Sync, None) {
        at += 1;
    }
    println!("{at} operations");
    assert!(at > 100, "only {at} operations");
}

#[test]
fn a_power_cut_that_loses_any_part_loses_nothing_durable() {
    let seeds = if crate::support::slow() { 50 } else { 1 };
    for seed in 0..seeds {
        let mut at = 1 + seed % 2;
        loop {
            let loss = Loss::Some(seed * 10_000 + at);
            let durability = if at % 3 == 0 { Durability::Sync } else { Durability::Buffered };
            if !crash_at(at, loss, durability, None) {
                break;
            }
            at += if crate::support::slow() { 1 } else { 2 };
        }
    }
}

#[test]
fn a_second_power_cut_during_recovery_loses_nothing_durable() {
    let stride = if crate::support::slow() { 1 } else { 5 };
    let mut at = 3;
    loop {
        let loss = [Loss::Everything, Loss::Nothing, Loss::Some(at)][at as usize % 3];
        let again_at = 1 + at * 7 % 23;
        if !crash_at(at, loss, Durability::Sync, Some(again_at)) {
            break;
        }
        at += stride;
    }
}

#[test]
fn an_interval_is_kept_by_appends_and_by_ticks() {
    let folder = folder();
    let machine = Machine::start(folder.path(), &Faults::new(u64::MAX, Fault::Crash));
    let clock = Arc::new(ManualClock::default());
    let options = options(Durability::Interval(Duration::from_secs(1)));
    let (fs, db) = (machine.fs.clone(), machine.db.clone());
    let store =
        Store::open_on(folder.path(), options, fs, db, clock.clone(), Box::new(NoLock)).unwrap();
    let mut durable = Content::new();
    let append = |row| small::append(&store, 0, row, 1).unwrap();
    durable.extend(append(0));
    assert_eq!(store.durable_sequence(), 0, "the interval has not passed");
    clock.set_elapsed_ms(1_000);
    durable.extend(append(1));
    assert_eq!(store.durable_sequence(), 2, "the append that ends it syncs");
    durable.extend(append(2));
    clock.set_elapsed_ms(1_999);
    store.tick().unwrap();
    assert_eq!(store.durable_sequence(), 2, "a tick in between does not");
    clock.set_elapsed_ms(2_000);
    store.tick().unwrap();
    assert_eq!(store.durable_sequence(), 3, "an idle store is synced by a tick");
    append(3);
    drop(store);
    machine.cut_power(Loss::Everything);
    assert_eq!(content(&small::open(folder.path())).unwrap(), durable);
}

/// Runs the script with one failing operation, then goes on as a caller would who tries again.
fn fail_at(at: u64, kind: ErrorKind) -> bool {
    let what = format!("operation {at} fails with {kind:?}");
    let folder = folder();
    let faults = Faults::new(at, Fault::Error(kind));
    let machine = Machine::start(folder.path(), &faults);
    let mut expected = Expected::new();
    if let Ok(store) = machine.open(folder.path(), Durability::Sync) {
        for step in SCRIPT {
            let Err(why) = expected.step(&store, step) else { continue };
            let typed = matches!(why, Error::Io { .. } | Error::Database { .. });
            assert!(typed, "{what}: {why}");
            let found = content(&store).unwrap();
            assert!(expected.allows(&found), "{what}: reads are wrong after {step:?}");
            let again = expected.step(&store, step);
            if faults.fatal.load(Ordering::SeqCst) {
                let refused = matches!(again, Err(Error::Poisoned { .. }));
                assert!(refused, "{what}: {again:?} after {why}");
                break;
            }
            again.unwrap_or_else(|why| panic!("{what}: {step:?} again: {why}"));
        }
    }
    machine.cut_power(Loss::Everything);
    expected.compare(folder.path(), &what);
    faults.reached()
}

#[test]
fn an_operation_that_fails_is_reported_and_costs_nothing() {
    let mut at = 1;
    loop {
        let kind = if at % 2 == 0 { ErrorKind::StorageFull } else { ErrorKind::Other };
        if !fail_at(at, kind) {
            break;
        }
        at += 1;
    }
}

#[test]
fn a_disk_that_stays_full_does_not_make_the_head_grow_for_ever() {
    let folder = folder();
    let full = Faults::new(u64::MAX, Fault::Crash);
    let machine = Machine::start(folder.path(), &full);
    let clock = Arc::new(SystemClock::default());
    let options = StoreOptions { head_samples_max: 100, ..small::options() };
    let broken = Arc::new(FullDisk(machine.fs.clone()));
    let store =
        Store::open_on(folder.path(), options, broken, machine.db.clone(), clock, Box::new(NoLock))
            .unwrap();
    let mut taken = Content::new();
    let mut refused = 0;
    for row in 0..200 {
        match small::append(&store, 0, row, 1) {
            Ok(content) => taken.extend(content),
            Err(Error::Io { source, .. }) => {
                assert_eq!(source.kind(), ErrorKind::StorageFull);
                refused += 1;
            }
            Err(why) => panic!("{why}"),
        }
    }
    assert!(refused > 50 && store.stat().unwrap().head_samples <= 202, "{refused} refused");
    assert_eq!(content(&store).unwrap(), taken);
    drop(store);
    machine.cut_power(Loss::Everything);
    let store = small::open(folder.path());
    store.seal().unwrap();
    assert_eq!(content(&store).unwrap(), taken);
}

/// A disk on which no file can be made.
#[derive(Debug)]
struct FullDisk(Arc<SimFs>);

impl plimsoll::fs::Fs for FullDisk {
    fn create(&self, path: &Path) -> Result<Box<dyn plimsoll::fs::AppendFile>> {
        Err(Error::io("create", path, ErrorKind::StorageFull.into()))
    }
    fn map(&self, path: &Path) -> Result<plimsoll::fs::Map> {
        self.0.map(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        self.0.rename(from, to)
    }
    fn remove(&self, path: &Path) -> Result<()> {
        self.0.remove(path)
    }
    fn sync_folder(&self, path: &Path) -> Result<()> {
        self.0.sync_folder(path)
    }
    fn create_folder(&self, path: &Path) -> Result<()> {
        self.0.create_folder(path)
    }
    fn list(&self, path: &Path) -> Result<Vec<plimsoll::fs::Entry>> {
        self.0.list(path)
    }
    fn lock(&self, path: &Path) -> Result<Box<dyn plimsoll::fs::Lock>> {
        self.0.lock(path)
    }
}
