//! Promise: compacting a store changes no bit of it and makes it smaller; a series that follows
//! from others of its host is computed from them, and damage to one of those costs it, too, and no
//! other.

use plimsoll::{Batch, Error, Group, SeriesId, Store};

use crate::support::prng::Prng;
use crate::support::small::{self, content, files, labels, replace};

const HOSTS: u32 = 3;
/// Four full blocks and a tail.
const ROWS: i64 = 5_000;
/// What a column of so many values takes that is computed: its statistics, index and padding.
const COMPUTED_BYTES: u64 = 1_200;

/// A store of hosts with percent, capacity and a queue, and megahertz where they are asked for; and
/// the series of the megahertz.
fn fleet(folder: &std::path::Path, with_megahertz: bool) -> (Store, Vec<SeriesId>) {
    let store = small::open(folder);
    let mut prng = Prng(7);
    let mut computed = Vec::new();
    for host in 0..HOSTS {
        // Real clocks: a capacity moves now and then, and a percentage is a mean of 60 readings.
        let clock = 2_599.999_296 * f64::from(1 + host);
        let capacity: Vec<f64> =
            (0..ROWS).map(|row| if row < 3_000 { clock } else { 2.0 * clock }).collect();
        let percent: Vec<f64> = (0..ROWS).map(|_| prng.below(6_000) as f64 / 60.0).collect();
        // Steps that are small as a rule: entropy coding pays.
        let mut step = || f64::from(prng.below(1 << 20).trailing_zeros());
        let mut level = 500.0;
        let queue = std::iter::repeat_with(|| {
            level += step() - step();
            level / 15.0
        });
        let queue: Vec<f64> = queue.take(ROWS as usize).collect();
        let mut series = Vec::new();
        for metric in ["cpu_capacity", "cpu_percent", "queue"] {
            series.push(store.series_id(&labels(metric, host)).unwrap());
        }
        let mut values = [capacity.clone(), percent.clone(), queue].concat();
        if with_megahertz {
            let id = store.series_id(&labels("cpu_mhz", host)).unwrap();
            (computed, series) = ([computed, vec![id]].concat(), [series, vec![id]].concat());
            let mut used: Vec<f64> =
                capacity.iter().zip(&percent).map(|(all, share)| all * share / 100.0).collect();
            // A few readings that were made at another moment.
            used[77] = f64::NAN;
            used[4_990] += 1.0;
            values.extend(used);
        }
        let group = Group { series, times: (0..ROWS).collect(), values };
        store.append(&Batch { groups: vec![group] }).unwrap();
    }
    store.seal().unwrap();
    (store, computed)
}

#[test]
fn what_follows_from_other_series_takes_next_to_nothing() {
    let [with, without] = [true, false].map(|megahertz| {
        let folder = tempfile::tempdir().unwrap();
        let (store, _) = fleet(folder.path(), megahertz);
        let before = content(&store).unwrap();
        let sealed = store.stat().unwrap().segment_bytes;
        let report = store.compact(true).unwrap();
        assert_eq!((report.segments_after, report.bytes_before), (1, sealed));
        assert!(report.bytes_after < sealed, "{report:?}");
        store.close().unwrap();
        let store = Store::open_read_only(folder.path()).unwrap();
        assert!(content(&store).unwrap() == before, "compaction changed a sample");
        assert_eq!(store.check().unwrap().findings, []);
        store.stat().unwrap().segment_bytes
    });
    let computed = u64::from(HOSTS) * COMPUTED_BYTES;
    assert!(with < without + computed, "{with} bytes with, {without} without");
}

#[test]
fn damage_to_a_source_costs_what_is_computed_from_it() {
    let folder = tempfile::tempdir().unwrap();
    let (store, computed) = fleet(folder.path(), true);
    store.compact(true).unwrap();
    let before = content(&store).unwrap();
    store.close().unwrap();
    let [segment] = &files(&folder.path().join("segments"))[..] else { panic!("one segment") };
    let bytes = std::fs::read(segment).unwrap();
    let (mut lost_two, mut lost_one) = (0, 0);
    // Somewhere in each region: a region starts at a multiple of 64 bytes.
    for at in (64..bytes.len()).step_by(8 * 64) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        replace(segment, &damaged);
        let Ok(store) = Store::open_read_only(folder.path()) else { continue };
        let snapshot = store.snapshot().unwrap();
        let (mut lost, mut lost_computed) = (0, 0);
        for id in (0..4 * HOSTS).map(SeriesId) {
            match small::series_content(&snapshot, id) {
                Ok(found) => assert!(found.iter().all(|(key, bits)| before[key] == *bits)),
                Err(Error::Corrupt { .. }) => {
                    lost += 1;
                    lost_computed += usize::from(computed.contains(&id));
                }
                Err(why) => panic!("{why}"),
            }
        }
        // A source and what is computed from it, or one column by itself; or an axis, or all.
        match (lost, lost_computed) {
            (2, 1) => lost_two += 1,
            (1, _) => lost_one += 1,
            _ => {}
        }
    }
    assert!(lost_two > 0 && lost_one > 0, "{lost_two} pairs lost, {lost_one} single series");
}
