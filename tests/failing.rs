//! Promise: whichever operation of disk or database fails, once or from then on, nothing panics,
//! the error has a type, no success is reported that is none, reads go on, and after a failed sync
//! or write of the database nothing more is written until the store is reopened; and when disk and
//! database work again, the store opens with all that it promised.

use plimsoll::store::{Durability, Store, StoreOptions};
use plimsoll::{Error, Result};

use crate::support::life::{Expected, Life, Step};
use crate::support::sim::{Failure, Machine, Plan, Stop, World};
use crate::support::small::{self, Content, content};

fn is_typed(why: &Error) -> bool {
    matches!(why, Error::Io { .. } | Error::Database { .. })
}

/// Whether steps are refused since an earlier failure.
#[derive(Default)]
struct Refusing(bool);

impl Refusing {
    /// Holds the outcome of a step against what must come of it.
    fn see(&mut self, done: &Result<()>, machine: &Machine, step: Step, what: &str) {
        if let Err(why) = done {
            let poisoned = matches!(why, Error::Poisoned { .. });
            assert!(is_typed(why) || poisoned && self.0, "{what}: {step:?}: {why}");
        }
        // A tick that has nothing to sync, or a retention that changes nothing, may be no write.
        let writes = !matches!(step, Step::Reopen(..) | Step::Tick(..));
        if self.0 && writes {
            assert!(matches!(done, Err(Error::Poisoned { .. })), "{what}: {step:?}: {done:?}");
        }
        let fatal = machine.take_fatal();
        assert!(!fatal || done.is_err(), "{what}: {step:?} succeeds with a failed sync or batch");
        self.0 |= fatal;
        // A poisoned store closes with an error, and is opened again all the same.
        self.0 &= !matches!(step, Step::Reopen(..));
    }
}

/// Lives a life whose n-th operation fails, as a caller would who tries once more. Returns false
/// where there are fewer operations.
fn fail_at(life: &Life, plan: Plan) -> bool {
    let what = format!("{plan:?}");
    let machine = Machine::start_failing(World::default(), plan);
    let mut expected = Expected::new(&life.options);
    let mut refusing = Refusing::default();
    let mut store = open_twice(&machine, &life.options, &what);
    machine.take_fatal();
    for step in &life.steps {
        if store.is_none() {
            break;
        }
        for _ in 0..2 {
            let done = expected.step(&machine, &mut store, *step);
            refusing.see(&done, &machine, *step, &what);
            if store.is_none() && matches!(step, Step::Reopen(..)) {
                store = open_twice(&machine, &expected.options, &what);
                machine.take_fatal();
                break;
            }
            if done.is_ok() {
                break;
            }
            assert!(
                !plan.for_ever
                    || refusing.0
                    || matches!(
                        step,
                        Step::Append { .. } | Step::Seal | Step::Compact(_) | Step::Retain(_)
                    ),
                "{what}: {step:?}"
            );
        }
        if let Some(store) = &store {
            look(store, &expected, &what);
        }
    }
    let reached = machine.operations() >= plan.at;
    drop(store);
    for stop in [Stop::PowerLoss, Stop::Kill] {
        let machine = Machine::start(machine.world().after(stop));
        let store = machine.open(expected.options.clone());
        let store = store.unwrap_or_else(|why| panic!("{what}, {stop:?}: {why}"));
        let found = small::fingerprint(&store).unwrap();
        let allowed = &expected.states[expected.least..];
        assert!(
            allowed.iter().any(|state| state.fingerprint == found),
            "{what}, {stop:?}: {} samples, expected one of {:?}",
            content(&store).unwrap().len(),
            allowed.iter().map(|state| state.content.len()).collect::<Vec<_>>()
        );
        assert_eq!(store.check().unwrap().findings, [], "{what}, {stop:?}");
    }
    reached
}

fn open_twice(machine: &Machine, options: &StoreOptions, what: &str) -> Option<Store> {
    let opened = machine.open(options.clone()).or_else(|why| {
        assert!(is_typed(&why), "{what}: opening: {why}");
        machine.open(options.clone())
    });
    opened.inspect_err(|why| assert!(is_typed(why), "{what}: opening: {why}")).ok()
}

/// Reads go on, and what cannot be read is said.
fn look(store: &Store, expected: &Expected, what: &str) {
    assert_eq!(small::fingerprint(store).unwrap(), expected.last().fingerprint, "{what}");
    match store.check() {
        Ok(report) => {
            let typed = |f: &plimsoll::store::Finding| f.what.contains("cannot");
            assert!(report.findings.iter().all(typed), "{what}: {:?}", report.findings);
        }
        Err(why) => assert!(is_typed(&why), "{what}: {why}"),
    }
    drop(store.stat());
}

#[test]
fn an_operation_that_fails_is_reported_and_costs_nothing() {
    let failures = [Failure::InputOutput, Failure::NoSpace, Failure::TooManyFiles, Failure::Short];
    let mut lives = vec![Life::scripted(Durability::Sync)];
    lives.extend((0..if crate::support::slow() { 20 } else { 0 }).map(Life::random));
    let mut runs = 0;
    for life in &lives {
        for for_ever in [false, true] {
            for failure in failures {
                let mut at = 1;
                while fail_at(life, Plan { at, failure, for_ever }) {
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
