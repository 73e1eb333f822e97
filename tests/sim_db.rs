//! Promise: the simulated database that other tests stand on behaves as RocksDB does. Random
//! operations run on both; they agree after each, after `kill -9` between any two, and when the end
//! of RocksDB's log is cut off or torn after the last sync, as a power cut would.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use plimsoll::Result;
use plimsoll::db::{Db, RocksDb, WriteSet};

use crate::support::prng::Prng;
use crate::support::sim::{Machine, World};
use crate::support::small::{copy_folder, files};

const FOLDER: &str = "PLIMSOLL_SIM_DB_DIR";
const SEED: &str = "PLIMSOLL_SIM_DB_SEED";
const OPERATIONS: usize = 300;

#[derive(Debug, Clone)]
enum Operation {
    Create(String),
    Drop(String),
    /// Family, key and value; without a value the key is deleted.
    Write(Vec<(String, Vec<u8>, Option<Vec<u8>>)>),
    Sync,
    Flush(Vec<String>),
}

/// Operations as a store makes them: families come and go under new names.
fn operations(seed: u64) -> Vec<Operation> {
    let mut prng = Prng(seed);
    let mut families = vec!["a".to_owned(), "b".to_owned()];
    let mut made = vec![Operation::Create("a".into()), Operation::Create("b".into())];
    for number in 0..OPERATIONS {
        let any = |prng: &mut Prng| families[prng.below(families.len() as u64) as usize].clone();
        made.push(match prng.below(30) {
            0 => {
                let name = format!("head-{number}");
                families.push(name.clone());
                Operation::Create(name)
            }
            1 if families.len() > 2 => {
                let at = 2 + prng.below(families.len() as u64 - 2) as usize;
                Operation::Drop(families.remove(at))
            }
            2..=4 => Operation::Sync,
            5 => Operation::Flush(vec![any(&mut prng), "a".into()]),
            _ => {
                let change = |_| {
                    let key = prng.below(20).to_be_bytes().to_vec();
                    let value = vec![number as u8; prng.below(200) as usize];
                    (any(&mut prng), key, Some(value).filter(|_| !prng.chance(5)))
                };
                Operation::Write((0..=number % 3).map(change).collect())
            }
        });
    }
    made
}

fn carry_out(db: &dyn Db, operation: &Operation) -> Result<()> {
    match operation {
        Operation::Create(name) => db.create_family(name),
        Operation::Drop(name) => db.drop_family(name),
        Operation::Sync => db.sync(),
        Operation::Flush(names) => {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            db.flush(&names)
        }
        Operation::Write(changes) => {
            let mut set = WriteSet::default();
            for (family, key, value) in changes {
                match value {
                    Some(value) => set.put(family, key, value.clone()),
                    None => set.delete(family, key),
                }
            }
            db.write(&set)
        }
    }
}

type Records = BTreeMap<String, BTreeMap<Vec<u8>, Vec<u8>>>;

/// All that a database holds.
fn records(db: &dyn Db) -> Records {
    let mut found = Records::new();
    // RocksDB always has this one, and stores do not use it.
    for name in db.families().into_iter().filter(|name| name != "default") {
        let family: &mut BTreeMap<_, _> = found.entry(name.clone()).or_default();
        db.scan(&name, &mut |key, value| {
            family.insert(key.to_vec(), value.to_vec());
            Ok(())
        })
        .unwrap();
        for (key, value) in family {
            assert_eq!(db.get(&name, key).unwrap().as_ref(), Some(&*value));
        }
    }
    found
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

#[test]
fn both_agree_after_every_operation() {
    for seed in 0..3 {
        let folder = folder();
        let mut real = RocksDb::open(folder.path()).unwrap();
        let simulated = Machine::start(World::default());
        for (at, operation) in operations(seed).iter().enumerate() {
            carry_out(&real, operation).unwrap();
            carry_out(&simulated, operation).unwrap();
            if at % 29 == 0 {
                drop(real);
                real = RocksDb::open(folder.path()).unwrap();
                assert_eq!(records(&real), records(&simulated), "seed {seed}, {at}: {operation:?}");
            }
        }
        for db in [&real as &dyn Db, &simulated] {
            assert!(db.scan("none", &mut |_, _| Ok(())).is_err());
            assert!(db.drop_family("none").is_err() && db.flush(&["none"]).is_err());
            let mut set = WriteSet::default();
            set.put("a", b"k", vec![1]);
            set.put("none", b"k", vec![1]);
            assert!(db.write(&set).is_err());
            assert_eq!(db.get("a", b"k").unwrap(), None, "half of a batch");
        }
    }
}

/// Not a test by itself: the child process of the test below. It ends by being killed.
#[test]
fn child() {
    let (Ok(folder), Ok(seed)) = (std::env::var(FOLDER), std::env::var(SEED)) else { return };
    let db = RocksDb::open(Path::new(&folder)).unwrap();
    for operation in operations(seed.parse().unwrap()) {
        carry_out(&db, &operation).unwrap();
        std::io::stdout().write_all(b"done\n").unwrap();
    }
    std::thread::sleep(Duration::from_mins(1));
}

#[test]
fn a_killed_process_leaves_what_the_simulation_says() {
    let mut prng = Prng(0x7369_6d64);
    let mut between = 0;
    for seed in 0..if crate::support::slow() { 1_000 } else { 30 } {
        let folder = folder();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "sim_db::child", "--nocapture"])
            .env(FOLDER, folder.path())
            .env(SEED, seed.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // After so many operations, wherever it is by then: the signal 9, which no process can see
        // coming.
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let wanted = prng.below(OPERATIONS as u64) as usize;
        let heard = lines.by_ref().filter(|line| line == "done").take(wanted).count();
        std::thread::sleep(Duration::from_micros(prng.below(300)));
        child.kill().unwrap();
        child.wait().unwrap();
        let done = heard + lines.filter(|line| line == "done").count();
        let simulated = Machine::start(World::default());
        let all = operations(seed);
        all[..done].iter().for_each(|operation| carry_out(&simulated, operation).unwrap());
        let found = records(&RocksDb::open(folder.path()).unwrap());
        if found != records(&simulated) {
            // The operation that was under way is there, or not.
            let next = all.get(done).unwrap_or_else(|| panic!("seed {seed}: the end is lost"));
            carry_out(&simulated, next).unwrap();
            assert_eq!(found, records(&simulated), "seed {seed}, killed after {done}");
        }
        between += usize::from(done > 0 && done < all.len());
    }
    println!("{between} killed between two operations");
    assert!(between > 20, "only {between} processes were killed at work");
}

/// The lengths of RocksDB's logs.
fn logs(folder: &Path) -> BTreeMap<String, u64> {
    let logs = files(folder).into_iter().filter(|f| f.extension() == Some("log".as_ref()));
    let length = |log: PathBuf| match log.metadata() {
        // RocksDB removes a log that it needs no more by itself, between the listing and the look.
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => None,
        meta => Some((log.file_name().unwrap().to_string_lossy().into(), meta.unwrap().len())),
    };
    logs.filter_map(length).collect()
}

/// The names of all files, and the length of the list of tables.
fn generation(folder: &Path) -> Vec<(PathBuf, u64)> {
    let is_list = |path: &Path| path.to_string_lossy().contains("MANIFEST");
    let length = |path: &Path| path.metadata().map_or(0, |meta| meta.len());
    let all = files(folder).into_iter();
    all.map(|path| (path.clone(), if is_list(&path) { length(&path) } else { 0 })).collect()
}

/// A copy of a database in use, of whose logs only what was synced is sure.
fn after_power_cut(
    path: &Path,
    synced: &BTreeMap<String, u64>,
    prng: &mut Prng,
) -> tempfile::TempDir {
    let copy = loop {
        let (copy, before) = (folder(), generation(path));
        copy_folder(path, copy.path());
        // RocksDB may merge tables by itself meanwhile.
        if generation(path) == before {
            break copy;
        }
    };
    for (name, length) in logs(copy.path()) {
        let log = copy.path().join(&name);
        let mut bytes = fs::read(&log).unwrap();
        let synced = synced.get(&name).copied().unwrap_or(0);
        let kept = synced + prng.below(length - synced + 1);
        if prng.chance(2) {
            bytes.truncate(kept as usize);
        } else {
            bytes[kept as usize..].fill(0);
        }
        fs::write(&log, bytes).unwrap();
    }
    copy
}

#[test]
fn a_log_cut_after_the_last_sync_leaves_what_the_simulation_says() {
    let mut prng = Prng(3);
    let mut lost = 0;
    for seed in 0..if crate::support::slow() { 40 } else { 4 } {
        let folder = folder();
        let real = RocksDb::open(folder.path()).unwrap();
        let simulated = Machine::start(World::default());
        let mut synced = logs(folder.path());
        for (at, operation) in operations(seed).iter().enumerate() {
            carry_out(&real, operation).unwrap();
            carry_out(&simulated, operation).unwrap();
            // Dropping ends with a flush, which syncs the log before it.
            if matches!(operation, Operation::Sync | Operation::Flush(_) | Operation::Drop(_)) {
                synced = logs(folder.path());
            }
            if !prng.chance(8) {
                continue;
            }
            let copy = after_power_cut(folder.path(), &synced, &mut prng);
            let found = RocksDb::open(copy.path()).unwrap();
            let left = records(&found);
            let world = simulated.world();
            let mut possible = world.databases_after_power_cut().map(Machine::start);
            let agrees = possible.any(|simulated| records(&simulated) == left);
            assert!(agrees, "seed {seed}, {at}: {operation:?}");
            lost += usize::from(left != records(&simulated));
            // What a start has read is durable: its log is not needed any more.
            let again = after_power_cut(copy.path(), &BTreeMap::new(), &mut prng);
            drop(found);
            assert_eq!(records(&RocksDb::open(again.path()).unwrap()), left, "seed {seed}, {at}");
        }
    }
    println!("{lost} cuts lost batches");
    assert!(lost > 20, "only {lost} cuts lost anything");
}
