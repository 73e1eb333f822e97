//! Promise: a store lives in an agent for years. It keeps within its memory, a wrong clock costs no
//! right sample, and its numbers say how it is doing.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use plimsoll::db::RocksDb;
use plimsoll::fs::DiskFs;
use plimsoll::store::{Appended, Durability, Retention, Samples, Store, StoreOptions};
use plimsoll::{Batch, Error, Group, Labels, SeriesId, Sink, Span, TimeRange, Timestamp, Unit};
use rayon::prelude::*;

use crate::support::clock::ManualClock;
use crate::support::sim::NoLock;
use crate::support::small::{labels, options};

/// A store on the real disk whose clocks the test moves.
fn open_under(clock: &Arc<ManualClock>, root: &Path, options: StoreOptions) -> Store {
    std::fs::create_dir_all(root).unwrap();
    let db = Arc::new(RocksDb::open(&root.join("db")).unwrap());
    Store::open_on(root, options, Arc::new(DiskFs), db, clock.clone(), Box::new(NoLock)).unwrap()
}

fn times(store: &Store, id: SeriesId) -> Vec<i64> {
    let mut found = Samples::default();
    store.snapshot().unwrap().scan(id, TimeRange::ALL, &mut found).unwrap();
    found.times.iter().map(|time| time / 1_000_000_000).collect()
}

/// One row of each host, at its own clock's second.
fn scrape(store: &Store, hosts: &[(SeriesId, i64)]) -> Appended {
    let row = |(id, seconds): &(SeriesId, i64)| Group::row(&[*id], seconds * 1_000_000_000, &[1.0]);
    store.append(&Batch { groups: hosts.iter().map(row).collect() }).unwrap()
}

const NOW: i64 = 1_768_608_000;
const TEN_YEARS: i64 = 3_650 * 86_400;

#[test]
fn one_host_with_a_wrong_clock_costs_no_other_host_a_sample() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::default());
    let options = StoreOptions { late_max: Some(Span::DAY), ..options() };
    let store = open_under(&clock, folder.path(), options);
    let [right, wrong] = [0, 1].map(|host| store.series_id(&labels("cpu", host)).unwrap());
    let wrong_clock = |second| match second {
        10..20 => NOW + second + TEN_YEARS,
        20..30 => NOW + second - 3_600,
        30..40 => second,
        _ => NOW + second,
    };
    for second in 0..50 {
        clock.tick(NOW + second);
        let appended = scrape(&store, &[(right, NOW + second), (wrong, wrong_clock(second))]);
        assert_eq!(appended.sequence, second as u64 + 1);
        let refused = (10..20).contains(&second) || (30..40).contains(&second);
        assert_eq!(appended.refused.map(|r| (r.samples, r.group)), refused.then_some((1, 1)));
    }
    let all: Vec<i64> = (NOW..NOW + 50).collect();
    assert_eq!(times(&store, right), all);
    let mut kept: Vec<i64> = (0..50)
        .filter(|s| !(10..20).contains(s) && !(30..40).contains(s))
        .map(wrong_clock)
        .collect();
    kept.sort_unstable();
    assert_eq!(times(&store, wrong), kept);
    assert_eq!(store.stats().refused_samples, 20);
    // A batch of which all is refused takes no sequence number.
    let appended = scrape(&store, &[(wrong, NOW + TEN_YEARS)]);
    assert_eq!(appended.sequence, 50);
    let said = appended.refused.unwrap().to_string();
    assert!(said.contains("1 samples were refused: the first, of group 0, is of 2036-"), "{said}");
    // The window is not part of what is kept: the same samples are there after reopening.
    store.seal().unwrap();
    assert_eq!(times(&store, right), all);
}

#[test]
fn what_is_appended_keeps_the_unit_of_its_metric() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), options()).unwrap();
    let unit = |text: &str| text.parse::<Unit>().unwrap();
    let kept = || store.snapshot().unwrap().unit("cpu").map(|unit| unit.to_string());
    let mut appender = store.appender();
    appender.series(&labels("cpu", 0), None).unwrap();
    assert_eq!((kept(), appender.unit("cpu")), (None, None));
    for (text, host) in [("KB", 0), ("kB", 1)] {
        appender.series(&labels("cpu", host), Some(&unit(text))).unwrap();
        assert_eq!(kept().as_deref(), Some("KB"), "another spelling is no other unit");
    }
    let why = appender.series(&labels("cpu", 2), Some(&unit("MB"))).unwrap_err().to_string();
    assert!(why.starts_with("the metric \"cpu\" is in KB in this store"), "{why}");
    assert_eq!(appender.unit("cpu"), Some(unit("KB")));
    assert_eq!(store.series_id(&labels("cpu", 2)).unwrap(), SeriesId(2), "none was made for it");
    store.set_unit("cpu", &unit("MB")).unwrap();
    assert_eq!(kept().as_deref(), Some("MB"), "an explicit call replaces it");
}

#[test]
fn the_agents_own_clock_may_be_set_and_right_samples_go_on_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::default());
    let store = open_under(&clock, folder.path(), options());
    let id = store.series_id(&labels("cpu", 0)).unwrap();
    // The agent stamps with its own clock: right, an hour back, right, ten years ahead, right.
    let says = |second: i64| match second {
        10..20 => NOW + second - 3_600,
        30..40 => NOW + second + TEN_YEARS,
        _ => NOW + second,
    };
    for second in 0..50 {
        clock.tick(says(second));
        let refused = scrape(&store, &[(id, says(second))]).refused;
        assert_eq!(refused.is_some(), (30..40).contains(&second), "second {second}: {refused:?}");
    }
    assert_eq!(times(&store, id).last(), Some(&(NOW + 49)));
    assert_eq!((times(&store, id).len(), store.stats().refused_samples), (40, 10));
    drop(store);
    // An import takes its window from the data.
    let any = StoreOptions { ahead_max: None, ..options() };
    let store = open_under(&clock, folder.path(), any);
    assert_eq!(scrape(&store, &[(id, NOW + TEN_YEARS)]).refused, None);
    assert_eq!(times(&store, id).last(), Some(&(NOW + TEN_YEARS)));
}

#[test]
fn what_retention_dropped_is_refused_and_counted_when_it_comes_again() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::default());
    clock.tick(NOW);
    let any = StoreOptions { ahead_max: None, ..options() };
    let store = open_under(&clock, folder.path(), any.clone());
    let [a, b] = [0, 1].map(|host| store.series_id(&labels("cpu", host)).unwrap());
    for second in 0..10 {
        scrape(&store, &[(a, NOW + second), (b, NOW + second)]);
    }
    let at = |second: i64| Timestamp::from_seconds(NOW + second);
    // What is in the head by then is dropped, and what comes later is refused.
    store.retain(at(5)).unwrap();
    let kept: Vec<i64> = (NOW + 5..NOW + 10).collect();
    let assert_refuses = |store: &Store, sequence: u64| {
        let appended = scrape(store, &[(a, NOW + 3), (b, NOW + 7)]);
        assert_eq!(appended.sequence, sequence + 1);
        let refused = appended.refused.unwrap();
        assert_eq!((refused.samples, refused.group, refused.window.start), (1, 0, at(5)));
        let appended = scrape(store, &[(b, NOW + 4)]);
        assert_eq!((appended.sequence, appended.refused.unwrap().samples), (sequence + 1, 1));
        assert_eq!(store.stats().refused_samples, 2);
        assert_eq!((times(store, a), times(store, b)), (kept.clone(), kept.clone()));
    };
    assert_refuses(&store, 10);
    drop(store);
    let store = open_under(&clock, folder.path(), any);
    assert_refuses(&store, 11);
    store.seal().unwrap();
    assert_eq!((times(&store, a), times(&store, b)), (kept.clone(), kept));
}

#[test]
fn a_retention_to_an_instant_after_all_samples_and_after_now_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::default());
    clock.tick(NOW);
    let store = open_under(&clock, folder.path(), options());
    let id = store.series_id(&labels("cpu", 0)).unwrap();
    let at = |second: i64| Timestamp::from_seconds(NOW + second);
    let refused = |second: i64| {
        let rolled = Retention::new(at(second)).rollup(Span::SECOND, None);
        for done in [store.retain(at(second)), store.retain_with(&rolled).map(drop)] {
            let said = done.unwrap_err().to_string();
            assert!(said.contains("the store would refuse every sample"), "{said}");
        }
        scrape(&store, &[(id, NOW + 9)]);
        assert_eq!(times(&store, id), [NOW + 9]);
    };
    refused(1);
    // Later than now and not than what is stored; then later than that and not than now.
    store.retain(at(9)).unwrap();
    refused(10);
    clock.tick(NOW + 10);
    store.retain(at(10)).unwrap();
    assert_eq!(times(&store, id), [0; 0]);
}

#[test]
fn stats_say_what_a_power_cut_would_cost_and_what_was_refused() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::default());
    let durability = Durability::Interval(Duration::from_secs(1_000));
    let options = StoreOptions { durability, memory_bytes_max: 8 << 20, ..options() };
    let store = open_under(&clock, folder.path(), options);
    let [a, b] = [0, 1].map(|host| store.series_id(&labels("cpu", host)).unwrap());
    let before = store.stats();
    assert_eq!((before.lag_samples, before.sequence, before.head_samples), (0, 0, 0));
    for second in 0..3 {
        clock.tick(NOW + second);
        scrape(&store, &[(a, NOW + second), (b, NOW + second)]);
    }
    let stats = store.stats();
    assert_eq!((stats.sequence, stats.durable_sequence), (3, 0));
    assert_eq!((stats.lag_samples, stats.lag_seconds), (6, 2.0));
    assert_eq!((stats.head_samples, stats.segments), (6, 0));
    store.sync().unwrap();
    let stats = store.stats();
    assert_eq!((stats.durable_sequence, stats.lag_samples, stats.lag_seconds), (3, 0, 0.0));
    assert_eq!(stats.syncs, before.syncs + 1);
    assert!(stats.sync_p99_ms.is_some());
    store.seal().unwrap();
    let stats = store.stats();
    assert_eq!((stats.head_samples, stats.segments, stats.limits_hit), (0, 1, 0));
    assert!(stats.segment_bytes > 0);
    let rows = 1 << 18;
    let large = Group { series: vec![a], times: (0..rows).collect(), values: vec![1.0; 1 << 18] };
    let refused = store.append(&Batch { groups: vec![large] }).unwrap_err();
    assert!(matches!(refused, Error::Limit { .. }), "{refused}");
    assert_eq!(store.stats().limits_hit, 1);
}

/// Tasks of a rayon pool append while one of them seals: the thread that seals must not be given
/// another of these tasks to run, for that one would wait for the store, and so for itself.
#[test]
fn appending_from_rayon_tasks_does_not_wait_for_itself() {
    let (done, ended) = channel();
    std::thread::spawn(move || {
        let folder = tempfile::tempdir().unwrap();
        let options = StoreOptions { head_samples_max: 1_000, ..options() };
        let options =
            StoreOptions { durability: Durability::Buffered, compact_after_seal: true, ..options };
        let store = Store::open(folder.path(), options).unwrap();
        let ids: Vec<SeriesId> =
            (0..64).map(|host| store.series_id(&labels("cpu", host)).unwrap()).collect();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        pool.install(|| {
            (0..2_000_i64).into_par_iter().for_each(|row| {
                let group = Group::row(&ids, row, &[row as f64; 64]);
                store.append(&Batch { groups: vec![group] }).unwrap();
            });
        });
        let found = ids.iter().map(|id| times(&store, *id).len()).sum::<usize>();
        done.send(found).unwrap();
    });
    let found = ended
        .recv_timeout(Duration::from_mins(5))
        .unwrap_or_else(|why| panic!("it waits for itself: {why}"));
    assert_eq!(found, 64 * 2_000);
}

/// Anonymous memory of a whole process that keeps a fleet, as `plimsoll bench agent` measures it.
#[cfg(all(feature = "cli", target_os = "linux"))]
#[test]
fn an_agent_keeps_within_its_memory() {
    let user = crate::cli::user::User::new();
    let mib = |report: &serde_json::Value, what: &str| {
        report[what].as_u64().unwrap() as f64 / f64::from(1 << 20)
    };
    for (series, span, steady, peak) in [(10_000, "4h", 48.0, 64.0), (1_000, "12h", 24.0, 32.0)] {
        let folder = format!("agent-{series}");
        let report =
            user.json(&format!("bench agent --series {series} --for {span} --store {folder}"));
        println!("{report}");
        assert!(report["segments"].as_u64().unwrap() > 0, "nothing was sealed: {report}");
        assert!(mib(&report, "steady_bytes") <= steady, "{report}");
        assert!(mib(&report, "peak_bytes") <= peak, "{report}");
        assert!(mib(&report, "recovery_peak_bytes") <= peak, "{report}");
        assert!(mib(&report, "compaction_peak_bytes") <= peak, "{report}");
        assert!(report["bytes_per_series"].as_f64().unwrap() <= 400.0, "{report}");
    }
}

/// A series that nobody appends to any more is in no head after a seal.
#[test]
fn an_inactive_host_costs_no_head_memory_after_a_seal() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), options()).unwrap();
    let host = |host: usize| {
        let of = |metric| Labels::new(metric, [("host", format!("{host}"))]).unwrap();
        ["cpu", "mem"].map(|metric| store.series_id(&of(metric)).unwrap())
    };
    let groups = (0..500).map(|at| Group::row(&host(at), 1, &[1.0, 2.0])).collect();
    store.append(&Batch { groups }).unwrap();
    let busy = store.stats().head_memory_bytes;
    store.seal().unwrap();
    assert_eq!(store.stats().head_memory_bytes, 0);
    store.append(&Batch { groups: vec![Group::row(&host(7), 2, &[1.0, 2.0])] }).unwrap();
    assert!(store.stats().head_memory_bytes * 100 < busy);
}
