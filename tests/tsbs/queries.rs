//! Promise: a question of the benchmark is answered as its definition says, from the sealed store
//! and from the compacted one. The answers are computed a second time from the generator's samples,
//! without a store, by plain loops over all of them.

use std::collections::BTreeMap;

use plimsoll::bench::{
    Ask, CpuOnly, CpuOnlyOptions, FIELDS, QUESTIONS, Question, Table, refuse_other,
};
use plimsoll::store::{Durability, Snapshot, Store, StoreOptions};
use plimsoll::{Batch, Group, SeriesId};

const OPTIONS: CpuOnlyOptions = CpuOnlyOptions { seed: 11, hosts: 12, hours: 26 };
const START: i64 = 1_451_606_400;

/// Seconds, host and fields of a reading.
type Row = (i64, i64, [f64; 10]);
/// Seconds and host of a group; -1 for all hosts together.
type Key = (i64, i64);
/// Seconds, host and values of an answer, line after line.
type Lines = Vec<Vec<f64>>;

/// Every reading, in order of time and host.
fn samples(fleet: &CpuOnly) -> Vec<Row> {
    let (mut scrapes, mut rows) = (fleet.scrapes(), Vec::new());
    while let Some(scrape) = scrapes.next() {
        let seconds = scrape.time.nanos() / 1_000_000_000;
        rows.extend((0..).zip(scrape.rows).map(|(host, row)| (seconds, host, *row)));
    }
    rows
}

/// A store of the rows, without those that `keep` refuses.
fn store_of(fleet: &CpuOnly, keep: impl Fn(i64, i64) -> bool) -> (Store, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let options = StoreOptions { durability: Durability::Buffered, ..StoreOptions::default() };
    let store = Store::open(folder.path(), options).unwrap();
    let mut groups: Vec<Group> = Vec::new();
    for host in fleet.hosts() {
        let id = |field: &&str| store.series_id(&host.labels(field).unwrap()).unwrap();
        let series: Vec<SeriesId> = FIELDS.iter().map(id).collect();
        groups.push(Group { series, ..Group::default() });
    }
    let rows = samples(fleet);
    for (host, group) in (0..).zip(&mut groups) {
        let of_host = rows.iter().filter(|row| row.1 == host && keep(row.0, host));
        let of_host: Vec<_> = of_host.collect();
        group.times = of_host.iter().map(|row| row.0 * 1_000_000_000).collect();
        group.values = (0..10).flat_map(|field| of_host.iter().map(move |r| r.2[field])).collect();
    }
    for group in groups.into_iter().filter(|group| !group.times.is_empty()) {
        store.append(&Batch { groups: vec![group] }).unwrap();
    }
    store.seal().unwrap();
    (store, folder)
}

/// What the values of each of the first fields come to.
fn each(rows: &[&Row], fields: usize, to: fn(&[f64]) -> f64) -> Vec<f64> {
    let values = |field| rows.iter().map(|row| row.2[field]).collect::<Vec<f64>>();
    (0..fields).map(|field| to(&values(field))).collect()
}

fn max(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

fn p95(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = 0.95 * (sorted.len() - 1) as f64;
    let (low, part) = (place as usize, place.fract());
    sorted[low] + (sorted[low + 1] - sorted[low]) * part
}

/// A line for each group of rows: its time and its host, and what its rows come to.
fn lines(rows: &[&Row], key: impl Fn(&Row) -> Key, to: impl Fn(&[&Row]) -> Vec<f64>) -> Lines {
    let mut groups: BTreeMap<Key, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        groups.entry(key(row)).or_default().push(row);
    }
    let line = |((time, host), rows): (Key, Vec<&Row>)| {
        [vec![time as f64, host as f64], to(&rows)].concat()
    };
    groups.into_iter().map(line).collect()
}

/// The answer by definition, grouped by the minutes and hours of the clock, as TSBS groups. `rows`
/// are those of the store.
fn naive(question: Question, ask: &Ask, rows: &[Row]) -> Lines {
    let seconds = |nanos: i64| nanos / 1_000_000_000;
    let (start, end) = (seconds(ask.range.start.nanos()), seconds(ask.range.end.nanos()));
    let is_asked = |row: &&Row| {
        let of_host = ask.hosts.is_empty() || ask.hosts.contains(&(row.1 as usize));
        of_host && (start..end).contains(&row.0)
    };
    let asked: Vec<&Row> = rows.iter().filter(is_asked).collect();
    let minute = |row: &Row| (row.0 / 60 * 60, -1);
    let hour = |row: &Row| (row.0 / 3_600 * 3_600, -1);
    let maxima = |fields| move |rows: &[&Row]| each(rows, fields, max);
    match question {
        Question::SingleGroupBy { metrics, .. } => lines(&asked, minute, maxima(metrics)),
        Question::MaxAll { .. } => lines(&asked, hour, maxima(10)),
        Question::DoubleGroupBy { metrics } => {
            lines(&asked, |row| (hour(row).0, row.1), |rows| each(rows, metrics, mean))
        }
        Question::HighCpu { .. } => {
            asked.iter().filter(|row| row.2[0] > 90.0).map(|row| whole(row)).collect()
        }
        Question::LastPoint => {
            let mut last: Vec<&Row> =
                (0..12).filter_map(|host| rows.iter().rfind(|row| row.1 == host)).collect();
            last.sort_by_key(|row| (row.0, row.1));
            last.into_iter().map(whole).collect()
        }
        Question::LastMinutes => {
            let before: Vec<&Row> = rows.iter().filter(|row| row.0 < end).collect();
            let mut all = lines(&before, minute, maxima(1));
            all.split_off(all.len().saturating_sub(5))
        }
        Question::FleetByHour => lines(&asked, hour, three(1)),
        Question::FleetAllByHour => lines(&asked, hour, three(10)),
        Question::FleetByDay => lines(&asked, |row| (row.0 / 86_400 * 86_400, -1), three(1)),
        Question::FleetP95 => lines(&asked, |row| (start, row.1), |rows| each(rows, 1, p95)),
        other => panic!("{other:?} has no definition here"),
    }
}

/// Sum, maximum and number of each of the first fields, field after field.
fn three(fields: usize) -> impl Fn(&[&Row]) -> Vec<f64> {
    move |rows| {
        let sums = each(rows, fields, |values| values.iter().sum());
        let (maxima, count) = (each(rows, fields, max), rows.len() as f64);
        sums.iter().zip(maxima).flat_map(|(sum, max)| [*sum, max, count]).collect()
    }
}

fn whole(row: &Row) -> Vec<f64> {
    [vec![row.0 as f64, row.1 as f64], row.2.to_vec()].concat()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Compares all answers of all questions, and returns how many rows they had.
fn compare(snapshot: &Snapshot, rows: &[Row], form: &str) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for (name, question) in QUESTIONS {
        for (run, ask) in question.draw(OPTIONS, 6).unwrap().iter().enumerate() {
            let Table { columns, numbers } =
                question.answer(snapshot, ask).unwrap().table(question);
            let found: Vec<&[f64]> = numbers.chunks(columns).collect();
            let expected = naive(question, ask, rows);
            let place = format!("{form}, {name}, run {run}: {ask:?}");
            assert_eq!(found.len(), expected.len(), "{place}");
            for (found, expected) in found.iter().zip(&expected) {
                // Sums of whole numbers are exact, so that means are, too.
                assert_eq!(found, expected, "{place}");
            }
            *counts.entry(name).or_default() += found.len();
        }
    }
    counts
}

#[test]
fn every_question_is_answered_as_its_definition_says() {
    let fleet = CpuOnly::new(OPTIONS).unwrap();
    let rows = samples(&fleet);
    let (store, _folder) = store_of(&fleet, |_, _| true);
    let snapshot = store.snapshot().unwrap();
    refuse_other(&fleet, &snapshot, fleet.samples()).unwrap();
    let counts = compare(&snapshot, &rows, "sealed");
    for (name, expected) in [
        ("single-groupby-5-8-1", 6 * 60),
        ("cpu-max-all-8", 6 * 8),
        ("double-groupby-all", 6 * 12 * 12),
        ("groupby-orderby-limit", 6 * 5),
        ("lastpoint", 6 * 12),
        ("fleet-by-hour", 6 * 24),
        ("fleet-p95", 6 * 12),
        ("fleet-all-by-hour", 6 * 24),
        ("fleet-by-day", 6),
    ] {
        assert_eq!(counts[name], expected, "{name}");
    }
    assert!(counts["high-cpu-1"] > 0 && counts["high-cpu-all"] > counts["high-cpu-1"]);
    store.compact(true).unwrap();
    assert_eq!(compare(&store.snapshot().unwrap(), &rows, "compacted"), counts);
}

/// What is looked for from the end is found before gaps, however long.
#[test]
fn last_points_and_last_minutes_are_found_before_gaps() {
    let fleet = CpuOnly::new(OPTIONS).unwrap();
    // Hosts end one after the other, the first with its first sample and one without any.
    let kept = |time: i64, host: i64| match host {
        0 => time == START,
        1 => false,
        _ => time < START + host * 7_000 && time % 3_600 < 600,
    };
    let (store, _folder) = store_of(&fleet, kept);
    let rows: Vec<Row> = samples(&fleet).into_iter().filter(|row| kept(row.0, row.1)).collect();
    let snapshot = store.snapshot().unwrap();
    for name in ["lastpoint", "groupby-orderby-limit"] {
        let question: Question = name.parse().unwrap();
        for ask in question.draw(OPTIONS, 40).unwrap() {
            let Table { columns, numbers } =
                question.answer(&snapshot, &ask).unwrap().table(question);
            let found: Vec<&[f64]> = numbers.chunks(columns).collect();
            assert_eq!(found, naive(question, &ask, &rows), "{name}: {ask:?}");
            assert!(!found.is_empty());
        }
    }
}

#[test]
fn another_load_is_refused() {
    let fleet = CpuOnly::new(CpuOnlyOptions { hosts: 2, hours: 1, ..OPTIONS }).unwrap();
    let (store, _folder) = store_of(&fleet, |_, _| true);
    let snapshot = store.snapshot().unwrap();
    refuse_other(&fleet, &snapshot, 7_200).unwrap();
    let refused = |seed, hosts, hours, samples| {
        let other = CpuOnly::new(CpuOnlyOptions { seed, hosts, hours }).unwrap();
        refuse_other(&other, &snapshot, samples).unwrap_err().to_string()
    };
    assert_eq!(
        refused(11, 3, 1, 7_200),
        "the store does not hold the load of 3 hosts, 1 h, seed 11: it has 20 series, and not 30; \
         name the options that it was loaded with"
    );
    assert!(refused(11, 2, 2, 7_200).contains("it has 7200 samples, and not 14400"));
    assert!(refused(11, 2, 1, 7_199).contains("it has 7199 samples, and not 7200"));
    // Counts are right, and time is not.
    assert!(refused(11, 2, 2, 14_400).contains("its samples are of another time"));
    assert!(refused(12, 2, 1, 7_200).contains("it has no series cpu_usage_user{arch="));
    // Only a value differs.
    let id = store.series_id(&fleet.hosts()[1].labels("usage_irq").unwrap()).unwrap();
    let row = Group::row(&[id], START * 1_000_000_000, &[101.0]);
    store.append(&Batch { groups: vec![row] }).unwrap();
    let why = refuse_other(&fleet, &store.snapshot().unwrap(), 7_200).unwrap_err().to_string();
    assert!(why.contains("begins with [101.0], and not with"), "{why}");
}
