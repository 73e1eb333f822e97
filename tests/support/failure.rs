//! A life on a disk and a database that fail, with what must be true all the while and afterwards.

use plimsoll::store::{Finding, Store, StoreOptions};
use plimsoll::{Error, Result};

use super::life::{Expected, Life, Step};
use super::sim::{Machine, Plan, Stop, World};
use super::small::{self, content};

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

/// Lives a life whose n-th operation fails, as a caller would who tries once more, and ends it in
/// every way, once as `seed` decides. Returns false where there are fewer operations.
pub(crate) fn live_failing(life: &Life, plan: Plan, seed: u64) -> bool {
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
                        Step::Append { .. }
                            | Step::Seal
                            | Step::Compact(_)
                            | Step::Retain(_)
                            | Step::RollUp(..)
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
    for stop in [Stop::PowerLoss, Stop::Kill, Stop::PowerCut(seed)] {
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
            let typed = |f: &Finding| f.what.contains("cannot");
            assert!(report.findings.iter().all(typed), "{what}: {:?}", report.findings);
        }
        Err(why) => assert!(is_typed(&why), "{what}: {why}"),
    }
    drop(store.stat());
}
