//! Promise: whatever operation of disk or database is the last one before the process or the power
//! ends, and whatever part of the unsynced bytes is lost, torn or written out of order, the store
//! opens again with every durable sample, no half of a batch and nothing else; and the same when
//! the start after that is stopped again, three times over.

use std::path::Path;
use std::time::Duration;

use plimsoll::store::{Durability, Store, StoreOptions};

use crate::support::life::{Life, Lived, Moment, PACE};
use crate::support::prng::Prng;
use crate::support::sim::{Machine, ROOT, Stop, World};
use crate::support::small::{self, Content, content};

/// Every operation of a life is the last one before this many losses, beside the two plain ones.
const LOSSES: u64 = 10;

/// What a machine that starts from a world finds, and the store on it, which is whole.
fn opened(world: World, options: &StoreOptions, what: &dyn Fn() -> String) -> (Machine, Store) {
    let machine = Machine::start(world);
    let store = machine.open(options.clone()).unwrap_or_else(|why| panic!("{}: {why}", what()));
    assert_whole(&machine, &store, what);
    (machine, store)
}

/// Nothing is damaged, set aside or left over.
fn assert_whole(machine: &Machine, store: &Store, what: &dyn Fn() -> String) {
    assert_eq!(store.check().unwrap().findings, [], "{}", what());
    let world = machine.world();
    let files = |folder| world.files(&Path::new(ROOT).join(folder));
    assert_eq!(files("quarantine"), [] as [std::path::PathBuf; 0], "{}", what());
    let stat = store.stat().unwrap();
    let live = stat.segments + stat.rollups.iter().map(|tier| tier.files).sum::<u64>();
    assert_eq!(files("segments").len() as u64, live, "{}: files nobody needs", what());
}

/// Starts from what a stop left, and holds what is there against what may be.
fn compare(lived: &Lived, moment: &Moment, left: World, goes_on: bool, what: &dyn Fn() -> String) {
    let (_, store) = opened(left, &lived.options, what);
    let found = small::fingerprint(&store).unwrap();
    let allowed = &lived.states[moment.least..=moment.most];
    assert!(
        allowed.iter().any(|state| state.fingerprint == found),
        "{}: {} samples, expected one of {:?}",
        what(),
        content(&store).unwrap().len(),
        allowed.iter().map(|state| state.content.len()).collect::<Vec<_>>()
    );
    if goes_on {
        let mut next = content(&store).unwrap();
        next.extend(small::append(&store, 7, 500 * PACE, 3).unwrap());
        store.seal().unwrap();
        store.compact(true).unwrap();
        assert_eq!(content(&store).unwrap(), next, "{}", what());
    }
}

fn stops(seed: u64) -> impl Iterator<Item = Stop> {
    let cuts = (0..LOSSES).map(move |loss| Stop::PowerCut(seed * LOSSES + loss));
    [Stop::Kill, Stop::PowerLoss].into_iter().chain(cuts)
}

/// Ends a life at every operation in every way, and returns how often that was.
fn end_everywhere(life: &Life, name: &str) -> u64 {
    let lived = life.record();
    let mut images = 0;
    for (at, moment) in (0..).zip(&lived.moments) {
        for stop in stops(at) {
            let what = || format!("{name}, {stop:?} at operation {at}");
            compare(&lived, moment, moment.world.after(stop), images % 16 == 0, &what);
            images += 1;
        }
    }
    images
}

#[test]
fn a_power_cut_at_every_operation_loses_nothing_durable() {
    let mut images = 0;
    for durability in [Durability::Sync, Durability::Buffered] {
        images += end_everywhere(&Life::scripted(durability), &format!("script, {durability:?}"));
    }
    let (first, lives) = if crate::support::slow() { (100, 200) } else { (0, 6) };
    for seed in first..first + lives {
        images += end_everywhere(&Life::random(seed), &format!("life {seed}"));
    }
    println!("{images} images");
    let least = if crate::support::slow() { 500_000 } else { 20_000 };
    assert!(images > least, "only {images} images");
}

/// Stops a start again and again, `depth` times, at any operation: what the first start would have
/// found is found. Returns how many worlds were opened.
fn stop_again(
    world: &World,
    options: &StoreOptions,
    fingerprint: u64,
    depth: u32,
    prng: &mut Prng,
    what: &dyn Fn() -> String,
) -> u64 {
    let machine = Machine::start_recording(world.clone());
    drop(machine.open(options.clone()).unwrap());
    let mut images = 0;
    // Stopped before the database was opened, it is as it was left.
    for (at, moment) in machine.take_moments().into_iter().enumerate().skip(1) {
        for stop in [Stop::Kill, Stop::PowerLoss, Stop::PowerCut(prng.next())] {
            let what = || format!("{}, then {stop:?} at operation {at}", what());
            let left = moment.after(stop);
            let (machine, store) = opened(left.clone(), options, &what);
            assert_eq!(small::fingerprint(&store).unwrap(), fingerprint, "{}", what());
            drop((machine, store));
            images += 1;
            // One in so many, or each depth would have fifty times as many as the one before.
            if depth > 1 && prng.chance(8) {
                images += stop_again(&left, options, fingerprint, depth - 1, prng, &what);
            }
        }
    }
    images
}

#[test]
fn stopping_the_next_starts_too_loses_nothing_durable() {
    let mut images = 0;
    let mut prng = Prng(7);
    let (lives, one_in) = if crate::support::slow() { (20, 2) } else { (3, 12) };
    for seed in 0..lives {
        let lived = Life::random(1_000 + seed).record();
        for (at, moment) in lived.moments.iter().enumerate() {
            if !prng.chance(one_in) {
                continue;
            }
            let stop = [Stop::Kill, Stop::PowerLoss, Stop::PowerCut(prng.next())][at % 3];
            let what = || format!("life {seed}, {stop:?} at operation {at}");
            let left = moment.world.after(stop);
            let (_, store) = opened(left.clone(), &lived.options, &what);
            let found = small::fingerprint(&store).unwrap();
            images += stop_again(&left, &lived.options, found, 3, &mut prng, &what);
        }
    }
    println!("{images} images");
    let least = if crate::support::slow() { 500_000 } else { 30_000 };
    assert!(images > least, "only {images} images");
}

#[test]
fn an_interval_is_kept_by_appends_and_by_ticks() {
    let machine = Machine::start(World::default());
    let durability = Durability::Interval(Duration::from_secs(1));
    let store = machine.open(StoreOptions { durability, ..small::options() }).unwrap();
    let mut durable = Content::new();
    let append = |row| small::append(&store, 0, row, 1).unwrap();
    durable.extend(append(0));
    assert_eq!(store.durable_sequence(), 0, "the interval has not passed");
    machine.advance(Duration::from_secs(1));
    durable.extend(append(1));
    assert_eq!(store.durable_sequence(), 2, "the append that ends it syncs");
    durable.extend(append(2));
    machine.advance(Duration::from_millis(999));
    store.tick().unwrap();
    assert_eq!(store.durable_sequence(), 2, "a tick in between does not");
    machine.advance(Duration::from_millis(1));
    store.tick().unwrap();
    assert_eq!(store.durable_sequence(), 3, "an idle store is synced by a tick");
    append(3);
    drop(store);
    let (_, store) =
        opened(machine.world().after(Stop::PowerLoss), &small::options(), &String::new);
    assert_eq!(content(&store).unwrap(), durable);
}
