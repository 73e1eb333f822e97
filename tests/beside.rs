//! Promise: a store that is opened read-only beside its writer shows what was appended before it
//! was opened, in order and without a hole, whatever the writer seals, merges, drops or unlinks
//! meanwhile.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use plimsoll::store::{Samples, Store, StoreOptions};
use plimsoll::{Batch, Group, TimeRange, Timestamp};

use crate::support::StopAtEnd;
use crate::support::small::{append, files, labels, open, options};

#[test]
fn a_reader_beside_a_writer_misses_nothing_that_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let live = StoreOptions {
        durability: plimsoll::store::Durability::Buffered,
        head_samples_max: 40,
        compact_after_seal: true,
        ..options()
    };
    let store = Store::open(folder.path(), live).unwrap();
    let id = store.series_id(&labels("cpu", 0)).unwrap();
    let (written, stop) = (AtomicI64::new(-1), AtomicBool::new(false));
    // What retention was asked to end, and what it has ended.
    let (asked, ended) = (AtomicI64::new(0), AtomicI64::new(0));
    let life = Duration::from_secs(if crate::support::slow() { 120 } else { 4 });
    let reads = std::thread::scope(|scope| {
        scope.spawn(|| {
            for counter in 0.. {
                let row = Group::row(&[id], counter, &[counter as f64]);
                store.append(&Batch { groups: vec![row] }).unwrap();
                written.store(counter, Ordering::SeqCst);
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                if counter % 100 == 0 {
                    let before = (counter - 300).max(0);
                    asked.store(before, Ordering::SeqCst);
                    store.retain(Timestamp::from_nanos(before)).unwrap();
                    ended.store(before, Ordering::SeqCst);
                }
                // At full speed a writer that seals every 40 rows keeps a reader out; now and then
                // it rests, so that readers come in the middle of its work and after it.
                if counter % 400 == 0 {
                    std::thread::sleep(Duration::from_millis(60));
                } else if counter % 7 == 0 {
                    std::thread::sleep(Duration::from_micros(300));
                }
            }
        });
        let (start, mut reads) = (Instant::now(), 0);
        let _stop = StopAtEnd(&stop);
        // A machine with much else to do takes longer to read as often.
        while start.elapsed() < life || (reads < 5 && start.elapsed() < life * 15) {
            let (before, gone) = (written.load(Ordering::SeqCst), ended.load(Ordering::SeqCst));
            // A writer at full speed may keep a reader out: that is an error, never a wrong answer.
            let Ok(reader) = Store::open_read_only(folder.path()) else { continue };
            let mut found = Samples::default();
            reader.snapshot().unwrap().scan(id, TimeRange::ALL, &mut found).unwrap();
            let Some((first, last)) = found.times.first().zip(found.times.last()) else {
                assert_eq!(before, -1, "no samples");
                continue;
            };
            let whole = found.times.iter().copied().eq(*first..=*last);
            assert!(whole, "a hole in {} samples", found.len());
            assert!(*last >= before, "samples up to {last} of {before}");
            let kept = gone..=asked.load(Ordering::SeqCst);
            assert!(kept.contains(first), "samples from {first} on, retention at {kept:?}");
            reads += 1;
        }
        reads
    });
    println!("{reads} reads of {} samples", written.load(Ordering::SeqCst));
    assert!(reads >= 5, "only {reads} reads succeeded");
}

#[test]
fn a_check_takes_no_merge_for_damage() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    for host in 0..3 {
        append(&store, host, 0, 40).unwrap();
        store.seal().unwrap();
    }
    let reader = Store::open_read_only(folder.path()).unwrap();
    store.compact(true).unwrap();
    let report = reader.check().unwrap();
    assert_eq!((report.findings, report.samples), (vec![], 240));
    // A file that is gone and was not replaced is one.
    let reader = Store::open_read_only(folder.path()).unwrap();
    std::fs::remove_file(&files(&folder.path().join("segments"))[0]).unwrap();
    let findings = reader.check().unwrap().findings;
    assert!(findings.len() == 1 && findings[0].what.contains("cannot open"), "{findings:?}");
}

#[test]
fn sealing_frees_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), options()).unwrap();
    let id = store.series_id(&labels("cpu", 0)).unwrap();
    let log_bytes = || -> u64 {
        let files = files(&folder.path().join("db"));
        let logs = files.iter().filter(|file| file.extension() == Some("log".as_ref()));
        // The database deletes files behind our back: one that has gone holds nothing.
        let bytes = |file: &PathBuf| match file.metadata() {
            Ok(metadata) => metadata.len(),
            Err(why) if why.kind() == ErrorKind::NotFound => 0,
            Err(why) => panic!("{}: {why}", file.display()),
        };
        logs.map(bytes).sum()
    };
    let batch_bytes = 16 * 10_000;
    for seal in 0..8 {
        let times: Vec<i64> = (seal * 10_000..(seal + 1) * 10_000).collect();
        let values = times.iter().map(|time| *time as f64).collect();
        let group = Group { series: vec![id], times, values };
        store.append(&Batch { groups: vec![group] }).unwrap();
        store.seal().unwrap();
        let held = log_bytes();
        println!("after seal {seal}: {held} bytes of log");
        assert!(held < 2 * batch_bytes, "{held} bytes of log after seal {seal}");
    }
}
