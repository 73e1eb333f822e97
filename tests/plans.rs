//! Promise: a plan that is kept is there whole or not at all, wherever keeping it is stopped; and a
//! backup that is stopped has the plans of the one before, or all.

use std::path::Path;
use std::sync::Arc;

use plimsoll::db::Db;
use plimsoll::store::{Plans, Store};

use crate::support::sim::{Failure, Machine, Plan, ROOT, Stop, World};
use crate::support::small::{append, options};

const BACKUP: &str = "/backup";

/// A plan's text, long enough that a cut would show.
fn plan(study: &str, as_of: &str, more: &str) -> String {
    let more = more.repeat(500);
    format!(r#"{{"schema_version":1,"study":"{study}","as_of":"{as_of}","more":"{more}"}}"#)
}

fn plans_of(machine: &Machine) -> Plans {
    Plans::on(Path::new(ROOT), Arc::new(machine.clone()))
}

/// The texts of all plans that are there; of one instant and study the last one counts.
fn texts(machine: &Machine) -> Vec<String> {
    let plans = plans_of(machine);
    let mut found: Vec<String> = Vec::new();
    for file in plans.list().unwrap() {
        let text = String::from_utf8(plans.read(&file).unwrap().to_vec()).unwrap();
        let head = |text: &str| text.split("more").next().unwrap().to_owned();
        found.retain(|other| head(other) != head(&text));
        found.push(text);
    }
    found
}

fn stops(at: u64) -> impl Iterator<Item = Stop> {
    let cuts = (0..10).map(move |n| Stop::PowerCut(at * 10 + n));
    [Stop::Kill, Stop::PowerLoss].into_iter().chain(cuts)
}

#[test]
fn a_plan_is_kept_whole_or_not_at_all() {
    let machine = Machine::start_recording(World::default());
    machine.open(options()).unwrap();
    let plans = plans_of(&machine);
    let [other, first, second] = [
        plan("b", "2026-02-01T00:00:00Z", "x"),
        plan("a", "2026-02-01T00:00:00Z", "y"),
        plan("a", "2026-02-01T00:00:00Z", "z"),
    ];
    plans.keep(other.as_bytes()).unwrap();
    let begun = machine.moments();
    plans.keep(first.as_bytes()).unwrap();
    let replaced = machine.moments();
    plans.keep(second.as_bytes()).unwrap();
    let done = machine.moments();
    let mut moments = machine.take_moments();
    moments.push(machine.world());
    let mut images = 0;
    for (at, moment) in moments.iter().enumerate().skip(begun) {
        for stop in stops(at as u64) {
            let machine = Machine::start(moment.after(stop));
            let found = texts(&machine);
            let what = || format!("{stop:?} at operation {at}");
            let is = |texts: &[&String]| found.iter().eq(texts.iter().copied());
            let allowed = match at {
                _ if at <= replaced => is(&[&other]) || is(&[&other, &first]),
                _ if at < done => is(&[&other, &first]) || is(&[&other, &second]),
                _ => is(&[&other, &second]),
            };
            assert!(allowed, "{}: {} plans", what(), found.len());
            assert!(at != replaced || is(&[&other, &first]), "{}: not durable", what());
            // The next one tidies up, and whoever keeps it again has it.
            plans_of(&machine).keep(second.as_bytes()).unwrap();
            assert_eq!(texts(&machine), [other.clone(), second.clone()], "{}", what());
            let files = machine.world().files(&Path::new(ROOT).join("plans"));
            assert_eq!(files.len(), 2, "{}: {files:?}", what());
            images += 1;
        }
    }
    assert!(images > 100, "{images}");
}

#[test]
fn a_plan_that_cannot_be_kept_leaves_the_one_before() {
    let machine = Machine::start(World::default());
    machine.open(options()).unwrap();
    let first = plan("a", "2026-02-01T00:00:00Z", "y");
    plans_of(&machine).keep(first.as_bytes()).unwrap();
    let world = machine.world();
    let second = plan("a", "2026-02-01T00:00:00Z", "z");
    let mut failed = 0;
    for at in 1..100 {
        let failing = Plan { at, failure: Failure::NoSpace, for_ever: false };
        let machine = Machine::start_failing(world.clone(), failing);
        let kept = plans_of(&machine).keep(second.as_bytes());
        let world = machine.world();
        let found = texts(&Machine::start(world));
        match kept {
            Ok(_) => {
                assert_eq!(found, std::slice::from_ref(&second));
                if failed + 3 < at {
                    break;
                }
            }
            Err(why) => {
                failed += 1;
                assert!(found == [first.clone()] || found == [second.clone()], "{at}: {why}");
            }
        }
    }
    assert!(failed > 5, "{failed}");
}

#[test]
fn a_backup_takes_plans_along_wherever_it_is_stopped() {
    let machine = Machine::start_recording(World::default());
    let store = machine.open(options()).unwrap();
    append(&store, 0, 0, 5).unwrap();
    let [first, second] =
        ["2026-02-01", "2026-03-01"].map(|day| plan("a", &format!("{day}T00:00:00Z"), "x"));
    store.plans().keep(first.as_bytes()).unwrap();
    let report = store.backup(Path::new(BACKUP)).unwrap();
    assert_eq!((report.linked, report.copied), (1, 1), "{report:?}");
    store.plans().keep(second.as_bytes()).unwrap();
    let begun = machine.moments();
    let report = store.backup(Path::new(BACKUP)).unwrap();
    assert_eq!((report.kept, report.linked, report.copied), (1, 1, 1), "{report:?}");
    let done = machine.moments();
    // Dropped in the store, dropped in the next backup.
    store.plans().drop_before("2026-02-15".parse().unwrap()).unwrap();
    store.backup(Path::new(BACKUP)).unwrap();
    assert_eq!(machine.world().files(&Path::new(BACKUP).join("plans")).len(), 1);
    for (at, moment) in machine.take_moments().iter().enumerate().take(done + 1).skip(begun) {
        for stop in stops(at as u64) {
            let stopped = moment.after(stop);
            let mut elsewhere = World::default();
            for folder in ["", "segments", "labels", "plans"] {
                for path in stopped.files(&Path::new(BACKUP).join(folder)) {
                    elsewhere.put(&path, Some(stopped.bytes(&path).unwrap().to_vec()));
                }
            }
            let machine = Machine::start(elsewhere);
            let open = |path: &Path| {
                machine.put(path, Vec::new());
                Ok(Box::new(machine.clone()) as Box<dyn Db>)
            };
            Store::restore_on(&machine, &open, Path::new(BACKUP), Path::new(ROOT)).unwrap();
            let found = texts(&machine);
            let both = [first.clone(), second.clone()];
            let allowed = found == both || at < done && found == both[..1];
            assert!(allowed, "{stop:?} at operation {at}: {} plans", found.len());
        }
    }
}
