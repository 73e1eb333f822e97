//! Promise: a store takes no more of the disk than it was given; a full disk is an error with a
//! type: reads and retention go on, nothing acknowledged is lost, and appends go on as soon
//! as there is space, without a restart.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use plimsoll::db::{Db, ReopenDb, Visit, WriteSet};
use plimsoll::fs::DiskFs;
use plimsoll::store::{Durability, Retention, Samples, Store, StoreOptions};
use plimsoll::{Batch, Error, Group, Result, SeriesId, Span, TimeRange, Timestamp};

use crate::support::clock::ManualClock;
use crate::support::prng::Prng;
use crate::support::sim::NoLock;
use crate::support::small::{self, content, labels};

const HOSTS: u32 = 8;
const ROWS: i64 = 500;

fn options() -> StoreOptions {
    StoreOptions {
        durability: Durability::Buffered,
        memory_bytes_max: 8 << 20,
        compact_after_seal: true,
        ..small::options()
    }
}

fn folder_bytes(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let bytes = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => folder_bytes(&entry.path()),
        Ok(_) if entry.file_name() == "RESERVE" => 0,
        Ok(meta) => meta.len(),
        // Removed by the database meanwhile.
        Err(_) => 0,
    };
    entries.map(bytes).sum()
}

/// Noise, which takes eight bytes a value in a segment, too.
struct Load {
    prng: Prng,
    ids: Vec<SeriesId>,
    next: i64,
}

impl Load {
    fn new(store: &Store) -> Self {
        let id = |host| store.series_id(&labels("cpu", host)).unwrap();
        Self { prng: Prng(5), ids: (0..HOSTS).map(id).collect(), next: 0 }
    }

    /// Appends some rows of all series; a refused batch is not sent again.
    fn append(&mut self, store: &Store) -> Result<()> {
        let times: Vec<i64> = (self.next..self.next + ROWS).collect();
        let count = times.len() * self.ids.len();
        let noise = |_| (self.prng.next() >> 12) as f64 / (1 + self.prng.next() % 1_000_003) as f64;
        let values = (0..count).map(noise).collect();
        let group = Group { series: self.ids.clone(), times, values };
        store.append(&Batch { groups: vec![group] })?;
        self.next += ROWS;
        Ok(())
    }
}

#[test]
fn a_store_keeps_within_its_quota_and_goes_on_when_samples_are_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let quota = 24 << 20;
    let options = StoreOptions { disk_bytes_max: Some(quota), ..options() };
    let store = Store::open(folder.path(), options.clone()).unwrap();
    let mut load = Load::new(&store);
    let mut before = 0;
    for round in 0..3 {
        let why = loop {
            let appended = load.append(&store);
            let bytes = folder_bytes(folder.path());
            assert!(bytes <= quota, "round {round}: {bytes} bytes after row {}", load.next);
            if let Err(why) = appended {
                break why;
            }
        };
        let said = why.to_string();
        assert!(matches!(why, Error::Limit { .. }) && said.contains("disk_bytes_max"), "{said}");
        assert!(load.next > before + 50_000, "round {round}: full after row {}", load.next);
        assert!(folder_bytes(folder.path()) > quota / 3, "most of the quota can be used");
        let held: i64 = content(&store).unwrap().len() as i64 / i64::from(HOSTS);
        assert_eq!(held, load.next - before, "round {round}");
        // Sealing and checking go on, and so does what makes room.
        store.seal().unwrap();
        assert_eq!(store.check().unwrap().findings, []);
        before = load.next;
        store.retain(Timestamp::from_nanos(before)).unwrap();
    }
    assert!(store.stats().limits_hit >= 3);
    store.close().unwrap();
    let tiny = StoreOptions { disk_bytes_max: Some(1 << 20), ..options };
    assert!(matches!(Store::open(folder.path(), tiny), Err(Error::Invalid { .. })));
}

/// Samples of the load that are there, raw or in buckets.
fn held(store: &Store, load: &Load, spans: &[Span]) -> u64 {
    let snapshot = store.snapshot().unwrap();
    let (mut samples, mut buckets, mut held) = (Samples::default(), Vec::new(), 0);
    for id in &load.ids {
        snapshot.scan(*id, TimeRange::ALL, &mut samples).unwrap();
        held += samples.len() as u64;
        for span in spans {
            snapshot.scan_buckets(*id, *span, TimeRange::ALL, &mut buckets).unwrap();
            held += buckets.iter().map(|bucket| bucket.count).sum::<u64>();
        }
    }
    held
}

/// Runs something beside a look at all files again and again; the most bytes that they had.
fn most_bytes<T>(folder: &Path, run: impl FnOnce() -> T) -> (T, u64) {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut most = 0;
            while !done.load(Ordering::SeqCst) {
                most = folder_bytes(folder).max(most);
            }
            most
        });
        let ran = run();
        done.store(true, Ordering::SeqCst);
        (ran, watcher.join().unwrap().max(folder_bytes(folder)))
    })
}

#[test]
fn rollups_keep_within_the_quota_or_leave_samples_where_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let quota = 24 << 20;
    let options = StoreOptions { disk_bytes_max: Some(quota), ..options() };
    let store = Store::open(folder.path(), options).unwrap();
    let mut load = Load::new(&store);
    while load.next < 80_000 {
        load.append(&store).unwrap();
    }
    store.seal().unwrap();
    let all = load.next as u64 * u64::from(HOSTS);
    // A bucket for each sample takes five times its bytes.
    let spans = [1, 1_000].map(Span::from_nanos);
    let to = |span: Span| Retention::new(Timestamp::from_nanos(80_000)).rollup(span, None);
    let (refused, bytes) = most_bytes(folder.path(), || store.retain_with(&to(spans[0])));
    let said = refused.unwrap_err().to_string();
    assert!(said.contains("retain without rollups or with fewer tiers"), "{said}");
    assert!(bytes <= quota, "{bytes} bytes");
    assert_eq!(held(&store, &load, &spans), all);
    assert_eq!(store.check().unwrap().findings, []);
    // Without rollups it goes on, and with rollups that fit.
    let raw_from = store.snapshot().unwrap().raw_from();
    store.retain(raw_from.plus(Span::from_nanos(500))).unwrap();
    let left = held(&store, &load, &spans);
    assert_eq!(left, all - 500 * u64::from(HOSTS));
    let (done, bytes) = most_bytes(folder.path(), || store.retain_with(&to(spans[1])));
    assert!(done.unwrap().buckets > 0 && bytes <= quota, "{bytes} bytes");
    assert_eq!(held(&store, &load, &spans), left);
}

/// The real database on a disk that is full when the test says so.
#[derive(Debug)]
struct FullDb {
    real: ReopenDb,
    full: AtomicBool,
    /// Whether a write that failed was written nevertheless.
    torn: AtomicBool,
    /// Writes until it is full; it is not where this is 0.
    writes_left: AtomicU64,
}

impl FullDb {
    fn new(real: ReopenDb) -> Self {
        let (full, torn) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { real, full, torn, writes_left: AtomicU64::new(0) }
    }

    fn space(&self) -> Result<()> {
        if self.full.load(Ordering::SeqCst) {
            return Err(Error::DiskFull { action: "write", message: "no space".to_owned() });
        }
        Ok(())
    }
}

impl Db for FullDb {
    fn families(&self) -> Vec<String> {
        self.real.families()
    }
    fn create_family(&self, name: &str) -> Result<()> {
        self.space()?;
        self.real.create_family(name)
    }
    fn drop_family(&self, name: &str) -> Result<()> {
        self.space()?;
        self.real.drop_family(name)
    }
    fn get(&self, family: &str, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.real.get(family, key)
    }
    fn write(&self, batch: &WriteSet) -> Result<()> {
        let left = self.writes_left.load(Ordering::SeqCst);
        self.writes_left.store(left.saturating_sub(1), Ordering::SeqCst);
        if left == 1 {
            self.full.store(true, Ordering::SeqCst);
        }
        if self.full.load(Ordering::SeqCst) && self.torn.load(Ordering::SeqCst) {
            self.real.write(batch)?;
        }
        self.space()?;
        self.real.write(batch)
    }
    fn sync(&self) -> Result<()> {
        self.real.sync()
    }
    fn scan(&self, family: &str, visit: &mut Visit<'_>) -> Result<()> {
        self.real.scan(family, visit)
    }
    fn flush(&self, families: &[&str]) -> Result<()> {
        self.space()?;
        self.real.flush(families)
    }
    fn shrink(&self, family: &str) -> Result<()> {
        self.space()?;
        self.real.shrink(family)
    }
    fn reopen(&self) -> Result<()> {
        self.space()?;
        self.real.reopen()
    }
}

#[test]
fn writes_go_on_without_a_restart_once_there_is_space_again() {
    for torn in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let real = ReopenDb::open(&folder.path().join("db"), 1 << 20).unwrap();
        let db = FullDb::new(real);
        let (db, clock) = (Arc::new(db), Arc::new(ManualClock::default()));
        let (root, fs, options) = (folder.path(), Arc::new(DiskFs), small::options());
        let (handle, time) = (db.clone(), clock.clone());
        let store = Store::open_on(root, options, fs, handle, time, Box::new(NoLock)).unwrap();
        let mut taken = small::append(&store, 0, 0, 40).unwrap();
        store.seal().unwrap();
        taken.extend(small::append(&store, 1, 0, 40).unwrap());
        for (round, step) in ["append", "series", "seal", "retain"].into_iter().enumerate() {
            let start = 100 * (1 + round as i64);
            let attempt = || match step {
                "append" => small::append(&store, 0, start, 5).map(drop),
                "series" => small::append(&store, 2, start, 5).map(drop),
                "seal" => store.seal(),
                _ => store.retain(Timestamp::from_nanos(1)),
            };
            db.full.store(true, Ordering::SeqCst);
            // A manifest that was changed though it was reported as full is not gone on with.
            db.torn.store(torn && round < 2, Ordering::SeqCst);
            for _ in 0..3 {
                let why = attempt().unwrap_err();
                assert!(matches!(why, Error::DiskFull { .. }), "{step}: {why}");
                assert_eq!(content(&store).unwrap(), taken, "{step}: reads go on");
                clock.tick(0);
            }
            db.full.store(false, Ordering::SeqCst);
            db.torn.store(false, Ordering::SeqCst);
            taken.extend(small::append(&store, 0, start + 50, 5).unwrap());
            assert_eq!(content(&store).unwrap(), taken, "{step}: it goes on");
            attempt().unwrap();
            taken = content(&store).unwrap();
        }
        assert_eq!(store.stats().limits_hit, 0);
        drop((store, db));
        let store = small::open(folder.path());
        assert_eq!(content(&store).unwrap(), taken);
        assert_eq!(store.check().unwrap().findings, []);
        let left = small::files(&folder.path().join("segments")).len() as u64;
        assert_eq!(left, store.stat().unwrap().segments, "files that nobody needs");
    }
}

/// A store in which all series but those of host 1 are to be forgotten by the next retention.
fn with_forgettable_series(root: &Path, clock: &Arc<ManualClock>) -> (Arc<FullDb>, Store) {
    let store = small::open(root);
    for (host, start) in [(0, 0), (2, 0), (1, 100)] {
        small::append(&store, host, start, 5).unwrap();
        store.seal().unwrap();
    }
    store.close().unwrap();
    let db = Arc::new(FullDb::new(ReopenDb::open(&root.join("db"), 1 << 20).unwrap()));
    let (fs, options) = (Arc::new(DiskFs), small::options());
    let (handle, time) = (db.clone(), clock.clone());
    let store = Store::open_on(root, options, fs, handle, time, Box::new(NoLock)).unwrap();
    (db, store)
}

#[test]
fn series_are_forgotten_or_not_where_the_disk_is_full_meanwhile() {
    for torn in [false, true] {
        let mut went_on = 0;
        for writes in 1.. {
            let (folder, clock) = (tempfile::tempdir().unwrap(), Arc::new(ManualClock::default()));
            let (db, store) = with_forgettable_series(folder.path(), &clock);
            db.writes_left.store(writes, Ordering::SeqCst);
            db.torn.store(torn, Ordering::SeqCst);
            let Err(why) = store.retain(Timestamp::from_nanos(50)) else { break };
            assert!(matches!(why, Error::DiskFull { .. }), "{why}");
            db.full.store(false, Ordering::SeqCst);
            // What else a retention writes is the manifest, which is not gone on with.
            let Ok(mut taken) = small::append(&store, 7, 200, 5) else { continue };
            went_on += 1;
            taken.extend(small::append(&store, 0, 300, 5).unwrap());
            taken.extend(small::append(&store, 1, 100, 5).unwrap());
            let expect = |store: &Store| {
                let mut held = content(store).unwrap();
                held.retain(|(_, time), _| *time >= 50);
                assert_eq!(held, taken, "write {writes}, torn: {torn}");
                assert_eq!(store.check().unwrap().findings, []);
            };
            expect(&store);
            drop((store, db));
            expect(&small::open(folder.path()));
        }
        assert!(went_on > 0, "torn: {torn}");
    }
}

/// A real file system of some 64 MiB, to be filled: `PLIMSOLL_SMALL_DISK` names a folder on it.
#[test]
fn a_full_disk_costs_nothing_and_retention_works_on_it() {
    let Some(disk) = std::env::var_os("PLIMSOLL_SMALL_DISK").map(PathBuf::from) else {
        println!("skipped: PLIMSOLL_SMALL_DISK names no small file system");
        return;
    };
    let (root, ballast) = (disk.join("store"), disk.join("ballast"));
    std::fs::write(&ballast, vec![1; 16 << 20]).unwrap();
    let options = StoreOptions { disk_reserve_bytes: 8 << 20, ..options() };
    let store = Store::open(&root, options).unwrap();
    let mut load = Load::new(&store);
    let rows = |store: &Store| content(store).unwrap().len() as i64 / i64::from(HOSTS);
    let until_full = |load: &mut Load| {
        let mut refused = 0;
        while refused < 20 {
            match load.append(&store) {
                Ok(()) => refused = 0,
                Err(why) => {
                    assert!(why.is_out_of_space(), "{why}");
                    refused += 1;
                }
            }
        }
    };
    until_full(&mut load);
    println!("full after row {}", load.next);
    assert_eq!(rows(&store), load.next, "all that was acknowledged is read");
    // Others stay where they are; dropping half makes room, on the full disk.
    let before = load.next / 2;
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    store.retain(Timestamp::from_nanos(before)).unwrap();
    assert_eq!(rows(&store), load.next - before);
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    load.append(&store).unwrap();
    until_full(&mut load);
    println!("full again after row {}", load.next);
    // Or others make room.
    std::fs::remove_file(&ballast).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    let full_at = load.next;
    (0..10).for_each(|_| load.append(&store).unwrap());
    assert!(load.next > full_at);
    assert_eq!(rows(&store), load.next - before);
    assert_eq!(store.check().unwrap().findings, []);
    store.close().unwrap();
    let store = Store::open(&root, options_again()).unwrap();
    assert_eq!(rows(&store), load.next - before);
}

fn options_again() -> StoreOptions {
    StoreOptions { disk_reserve_bytes: 8 << 20, ..options() }
}
