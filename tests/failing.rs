//! Promise: whichever operation of disk or database fails, once or from then on, nothing panics,
//! the error has a type, no success is reported that is none, reads go on, and after a failed sync
//! or write of the database nothing more is written until the store is reopened; and when disk and
//! database work again, the store opens with all that it promised.

use plimsoll::Error;
use plimsoll::store::{Durability, StoreOptions};

use crate::support::failure::live_failing;
use crate::support::life::Life;
use crate::support::sim::{Failure, Machine, Plan, Stop, World};
use crate::support::small::{self, Content, content};

#[test]
fn an_operation_that_fails_is_reported_and_costs_nothing() {
    let failures = [Failure::InputOutput, Failure::NoSpace, Failure::TooManyFiles, Failure::Short];
    let mut lives = vec![Life::scripted(Durability::Sync)];
    lives.extend((0..if crate::support::slow() { 6 } else { 0 }).map(Life::random));
    let mut runs = 0;
    for life in &lives {
        for for_ever in [false, true] {
            for failure in failures {
                let mut at = 1;
                while live_failing(life, Plan { at, failure, for_ever }, at) {
                    at += 1;
                }
                runs += at;
            }
        }
    }
    println!("{runs} runs");
    assert!(runs > 1_000, "only {runs} runs");
}

#[test]
fn a_disk_that_stays_full_does_not_make_the_head_grow_for_ever() {
    let machine = Machine::start(World::default());
    let options = StoreOptions { head_samples_max: 100, ..small::options() };
    let store = machine.open(options.clone()).unwrap();
    machine.fill(true);
    let mut taken = Content::new();
    let mut refused = 0;
    for row in 0..200 {
        match small::append(&store, 0, row, 1) {
            Ok(content) => taken.extend(content),
            Err(Error::Io { source, .. }) => {
                assert_eq!(source.kind(), std::io::ErrorKind::StorageFull);
                refused += 1;
            }
            Err(why) => panic!("{why}"),
        }
    }
    assert!(refused > 50 && store.stat().unwrap().head_samples <= 202, "{refused} refused");
    assert_eq!(content(&store).unwrap(), taken);
    // Room again: writing goes on without reopening.
    machine.fill(false);
    taken.extend(small::append(&store, 0, 200, 1).unwrap());
    assert_eq!(content(&store).unwrap(), taken);
    drop(store);
    let store = Machine::start(machine.world().after(Stop::PowerLoss)).open(options).unwrap();
    store.seal().unwrap();
    assert_eq!(content(&store).unwrap(), taken);
}
