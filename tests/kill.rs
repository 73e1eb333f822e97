//! Promise: when the process is killed at any moment, each writer's surviving samples are what it
//! sent, from the first that retention left to at least the last that `append` acknowledged,
//! without a hole, and those that were rolled up are in one bucket each; and the store opens again,
//! whole. A child process writes, seals, merges and drops or rolls up until it is killed; the
//! parent holds what came through a pipe against what the store then holds.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{ChildStdout, Command, Stdio};
use std::time::Duration;

use plimsoll::store::{Durability, Retention, Samples, Store, StoreOptions};
use plimsoll::{Batch, Group, Labels, Selector, SeriesId, Span, TimeRange, Timestamp};

use crate::support::prng::Prng;

const WRITERS: usize = 3;
const STEP_NANOS: i64 = 1_000;
/// Samples of a full bucket of each tier.
const TIERS: [i64; 2] = [10, 40];
const FOLDER: &str = "PLIMSOLL_KILL_DIR";
const SEED: &str = "PLIMSOLL_KILL_SEED";

fn options(seed: u64) -> StoreOptions {
    let interval = Durability::Interval(Duration::from_millis(5));
    StoreOptions {
        durability: if seed % 8 < 2 { Durability::Sync } else { interval },
        head_samples_max: 600,
        ..StoreOptions::default()
    }
}

/// Every second store rolls up what it drops.
fn rolls_up(seed: u64) -> bool {
    !seed.is_multiple_of(2)
}

fn instant(counter: i64) -> Timestamp {
    Timestamp::from_nanos(counter * STEP_NANOS)
}

/// Drops samples before a counter, and buckets before half of it.
fn rolled_up(before: i64) -> Retention {
    TIERS.iter().fold(Retention::new(instant(before)), |all, tier| {
        all.rollup(Span::from_nanos(tier * STEP_NANOS), Some(instant(before / 2)))
    })
}

/// The two series of a writer, always appended together.
fn series(store: &Store, writer: usize) -> [SeriesId; 2] {
    ["a", "b"].map(|metric| {
        let labels = Labels::new(metric, [("writer", writer.to_string())]).unwrap();
        store.series_id(&labels).unwrap()
    })
}

/// The counters that a writer's samples carry: equal to their instants, in both series.
fn survivors(store: &Store, writer: usize) -> Vec<i64> {
    let snapshot = store.snapshot().unwrap();
    let mut counters: Vec<Vec<i64>> = Vec::new();
    for metric in ["a", "b"] {
        let selector: Selector = format!("{metric}{{writer=\"{writer}\"}}").parse().unwrap();
        let mut found = Samples::default();
        for id in snapshot.select(&selector) {
            snapshot.scan(id, TimeRange::ALL, &mut found).unwrap();
        }
        for (time, value) in found.times.iter().zip(&found.values) {
            assert_eq!(*time, *value as i64 * STEP_NANOS, "writer {writer}: another's value");
        }
        counters.push(found.values.iter().map(|value| *value as i64).collect());
    }
    assert_eq!(counters[0], counters[1], "writer {writer}: half of a batch");
    counters.remove(0)
}

/// Not a test by itself: the child process of the test below. It ends by being killed.
#[test]
fn child() {
    let (Ok(folder), Ok(seed)) = (std::env::var(FOLDER), std::env::var(SEED)) else { return };
    let seed: u64 = seed.parse().unwrap();
    let store = Store::open(Path::new(&folder), options(seed)).unwrap();
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let store = &store;
            scope.spawn(move || append_for_ever(store, writer));
        }
        let mut prng = Prng(seed);
        loop {
            std::thread::sleep(Duration::from_millis(prng.below(20)));
            match prng.below(8) {
                0..=2 => store.seal().unwrap(),
                3 => drop(store.compact(true).unwrap()),
                4 => {
                    // A writer that has nothing yet is about to begin with 0.
                    let last = |w| survivors(&store, w).last().copied().unwrap_or(0);
                    let kept = (0..WRITERS).map(last);
                    let before = kept.min().unwrap_or(0) / 2;
                    say(&format!("retain 0 {before}"));
                    if rolls_up(seed) {
                        store.retain_with(&rolled_up(before)).unwrap();
                    } else {
                        store.retain(instant(before)).unwrap();
                    }
                }
                5 => store.tick().unwrap(),
                _ => assert_eq!(store.check().unwrap().findings, []),
            }
        }
    });
}

fn append_for_ever(store: &Store, writer: usize) {
    let ids = series(store, writer);
    let first = survivors(store, writer).last().map_or(0, |last| last + 1);
    for counter in first.. {
        let value = counter as f64;
        let row = Group::row(&ids, counter * STEP_NANOS, &[value, value]);
        store.append(&Batch { groups: vec![row] }).unwrap();
        say(&format!("wrote {writer} {counter}"));
    }
}

/// One line to the parent, in one system call.
fn say(line: &str) {
    std::io::stdout().write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// What the parent heard.
#[derive(Default)]
struct Heard {
    acknowledged: [Option<i64>; WRITERS],
    retained: i64,
    lines: u64,
    /// Buckets that were looked at.
    buckets: usize,
    rolls: bool,
}

impl Heard {
    fn listen(&mut self, words: ChildStdout) {
        let mut input = BufReader::new(words);
        let mut line = String::new();
        while input.read_line(&mut line).unwrap() > 0 && line.ends_with('\n') {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                ["wrote", writer, counter] => {
                    let writer: usize = writer.parse().unwrap();
                    self.acknowledged[writer] = Some(counter.parse().unwrap());
                    self.lines += 1;
                }
                ["retain", _, before] => self.retained = before.parse().unwrap(),
                // What the test harness itself prints.
                _ => {}
            }
            line.clear();
        }
    }

    fn compare(&self, store: &Store) {
        for (writer, acknowledged) in self.acknowledged.iter().enumerate() {
            let found = survivors(store, writer);
            if let (Some(first), Some(last)) = (found.first(), found.last()) {
                let whole = found.iter().copied().eq(*first..=*last);
                assert!(whole, "writer {writer}: a hole in {found:?}");
                assert!(*first <= self.retained, "writer {writer} starts at {first} only");
            }
            assert!(
                found.last() >= acknowledged.as_ref(),
                "writer {writer}: {acknowledged:?} was acknowledged, {:?} is the last",
                found.last()
            );
        }
    }

    /// Buckets lie one after another, each with all of its samples, up to the first raw one.
    fn compare_rolled(&mut self, store: &Store) {
        self.rolls = true;
        let snapshot = store.snapshot().unwrap();
        let raw_from = snapshot.raw_from().nanos().max(0) / STEP_NANOS;
        for writer in 0..WRITERS {
            let raw = survivors(store, writer);
            assert!(raw_from == 0 || raw.first() == Some(&raw_from), "writer {writer}: {raw:?}");
            let selector: Selector = format!("{{writer=\"{writer}\"}}").parse().unwrap();
            for (id, tier) in
                snapshot.select(&selector).into_iter().flat_map(|id| TIERS.map(|t| (id, t)))
            {
                let span = Span::from_nanos(tier * STEP_NANOS);
                let mut found = Vec::new();
                snapshot.scan_buckets(id, span, TimeRange::ALL, &mut found).unwrap();
                self.buckets += found.len();
                let first = found.first().map_or(raw_from, |bucket| bucket.start / STEP_NANOS);
                assert!(first <= self.retained / 2 / tier * tier, "the first is {first}");
                let whole = (first..raw_from).step_by(tier as usize).map(|first| {
                    let last = first + tier - 1;
                    let sum = (first + last) as f64 / 2.0 * tier as f64;
                    (first * STEP_NANOS, tier as u64, first as f64, last as f64, sum)
                });
                let found = found.iter().map(|b| (b.start, b.count, b.min, b.max, b.sum));
                let (found, whole): (Vec<_>, Vec<_>) = (found.collect(), whole.collect());
                assert_eq!(found, whole, "writer {writer}, tier {tier}, raw from {raw_from}");
            }
        }
    }
}

#[test]
fn acknowledged_samples_survive_kill_9() {
    let rounds = if crate::support::slow() { 10_000 } else { 200 };
    let stores = [(); 2].map(|()| (tempfile::tempdir().unwrap(), Heard::default()));
    let [mut dropping, mut rolling] = stores;
    // On a busy machine lives are too short to get far: then there are more, and longer ones.
    let is_enough =
        |heard: &Heard, rolls: bool| heard.lines > 1_000 && (!rolls || heard.buckets > 1_000);
    let mut prng = Prng(0x6b69_6c6c);
    println!("seed {}", prng.0);
    for round in 0..10 * rounds {
        if round >= rounds && is_enough(&dropping.1, false) && is_enough(&rolling.1, true) {
            break;
        }
        let (folder, heard) = if rolls_up(round) { &mut rolling } else { &mut dropping };
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kill::child", "--nocapture"])
            .env(FOLDER, folder.path())
            .env(SEED, round.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let life = Duration::from_micros(prng.below(100_000 * (1 + round / rounds)));
        let words = child.stdout.take().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| heard.listen(words));
            std::thread::sleep(life);
            // The signal 9, which no process can see coming.
            child.kill().unwrap();
        });
        let ended = child.wait_with_output().unwrap();
        assert!(
            !String::from_utf8_lossy(&ended.stderr).contains("panicked"),
            "round {round}: {}",
            String::from_utf8_lossy(&ended.stderr)
        );
        let store = Store::open(folder.path(), options(1)).unwrap();
        heard.compare(&store);
        if rolls_up(round) {
            heard.compare_rolled(&store);
        }
        assert_eq!(store.check().unwrap().findings, [], "round {round}");
        if round % 50 >= 48 {
            let stat = store.stat().unwrap();
            println!("round {round}: {} acknowledged, {stat:?}", heard.lines);
        }
    }
    for (_, heard) in [dropping, rolling] {
        assert!(heard.lines > 1_000, "only {} appends: the test tests nothing", heard.lines);
        assert_eq!(heard.buckets > 1_000, heard.rolls, "{} buckets", heard.buckets);
    }
}
