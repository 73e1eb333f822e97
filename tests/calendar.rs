//! Promise: a query by the calendar has one value for each day, week, month, quarter or year that
//! a clock in its zone shows, whatever was sealed or rolled up. A naive evaluator asks the clock
//! about every sample.

use jiff::tz::TimeZone;
use plimsoll::query::{Aggregate, Query};
use plimsoll::store::{Durability, Retention, Store, StoreOptions};
use plimsoll::{Batch, Calendar, CalendarUnit, Error, Frame, Group, Labels, Span, Timestamp};

use crate::query::naive;
use crate::support::prng::Prng;

const UNITS: [CalendarUnit; 5] = [
    CalendarUnit::Day,
    CalendarUnit::Week,
    CalendarUnit::Month,
    CalendarUnit::Quarter,
    CalendarUnit::Year,
];
const ZONES: [&str; 6] = [
    "UTC",
    "Europe/Berlin",
    "America/Sao_Paulo",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "America/Havana",
];
const HOUR: i64 = 3_600_000_000_000;

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn calendar(text: &str) -> Calendar {
    text.parse().unwrap()
}

/// A store of one series, some of it sealed and the rest in the head.
fn store(samples: &[(i64, f64)], seal_at: usize) -> (Store, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let options = StoreOptions { durability: Durability::Buffered, ..StoreOptions::default() };
    let store = Store::open(folder.path(), options).unwrap();
    let id = store.series_id(&Labels::new("m", [("host", "a")]).unwrap()).unwrap();
    let (sealed, head) = samples.split_at(seal_at);
    for part in [sealed, head] {
        let (times, values) = part.iter().copied().unzip();
        store.append(&Batch { groups: vec![Group { series: vec![id], times, values }] }).unwrap();
        if part.len() == seal_at {
            store.seal().unwrap();
        }
    }
    (store, folder)
}

fn answer(store: &Store, query: &Query) -> Result<Frame, Error> {
    let mut frames = query.run(&store.snapshot()?)?;
    frames.next().unwrap()
}

/// What a clock on the wall calls the step of an instant.
fn on_the_wall(unit: CalendarUnit, zone: &TimeZone, nanos: i64) -> (i16, i16) {
    let day = zone.to_datetime(jiff::Timestamp::from_nanosecond(nanos.into()).unwrap());
    let week = day.date().iso_week_date();
    match unit {
        CalendarUnit::Day => (day.year(), day.day_of_year()),
        CalendarUnit::Week => (week.year(), week.week().into()),
        CalendarUnit::Month => (day.year(), day.month().into()),
        CalendarUnit::Quarter => (day.year(), i16::from(day.month() - 1) / 3),
        CalendarUnit::Year => (day.year(), 0),
    }
}

/// Samples of two years and more, an hour or so apart, with gaps of up to some weeks.
fn two_years(prng: &mut Prng) -> Vec<(i64, f64)> {
    let mut at = time("2017-06-01").nanos() + prng.below(HOUR as u64 * 24 * 60) as i64;
    let mut samples = Vec::new();
    for _ in 0..15_000 {
        at += HOUR / 2 + prng.below(HOUR as u64) as i64;
        if prng.chance(1_500) {
            at += prng.below(HOUR as u64 * 24 * 40) as i64;
        }
        samples.push((at, prng.below(800) as f64 / 8.0));
    }
    samples
}

#[test]
fn each_step_is_what_a_clock_calls_by_one_name() {
    for seed in 0..if crate::support::slow() { 60 } else { 3 } {
        println!("seed {seed}");
        let mut prng = Prng(seed);
        let samples = two_years(&mut prng);
        let (store, _folder) = store(&samples, 1 + prng.below(14_000) as usize);
        for _ in 0..40 {
            ask(&store, &samples, &mut prng);
        }
    }
}

fn ask(store: &Store, samples: &[(i64, f64)], prng: &mut Prng) {
    let unit = UNITS[prng.below(5) as usize];
    let name = ZONES[prng.below(6) as usize];
    let zone = TimeZone::get(name).unwrap();
    let wall = |nanos| on_the_wall(unit, &zone, nanos);
    let aggregates = [Aggregate::Count, Aggregate::Sum, Aggregate::Max, Aggregate::Quantile(0.9)];
    let aggregate = aggregates[prng.below(4) as usize];
    let mut query = Query::new("m".parse().unwrap()).aggregate(aggregate);
    query = query.calendar(Calendar::new(unit, name.parse().unwrap()));
    let (mut from, mut to) = (i64::MIN, i64::MAX);
    if prng.chance(2) {
        from = samples[prng.below(7_000) as usize].0 - prng.below(9 * HOUR as u64) as i64;
        query = query.from(Timestamp::from_nanos(from));
    }
    if prng.chance(2) {
        to = samples[7_000 + prng.below(7_000) as usize].0 + prng.below(9 * HOUR as u64) as i64;
        query = query.to(Timestamp::from_nanos(to));
    }
    let what = format!("{aggregate:?} by {unit} in {name} from {from} to {to}");
    let frame = answer(store, &query).unwrap();
    let inside = |sample: &&(i64, f64)| from <= sample.0 && sample.0 < to;
    let asked: Vec<_> = samples.iter().filter(inside).map(|s| (wall(s.0), *s)).collect();
    let mut counted = 0;
    for (column, value) in frame.row(0).iter().enumerate() {
        let (start, end) = (frame.time(column).nanos(), frame.end(column).nanos());
        assert_eq!(wall(start), wall(end - 1), "{what}");
        assert!(start == from || wall(start - 1) != wall(start), "{what}: {start}");
        assert!(end == to || wall(end) != wall(start), "{what}: {end}");
        let name = wall(start);
        let named: Vec<_> = asked.iter().filter(|s| s.0 == name).map(|s| s.1).collect();
        counted += named.len();
        let expected = naive(aggregate, &named);
        let equal = *value == expected || (value.is_nan() && expected.is_nan());
        assert!(equal, "{what}: {value} is not {expected} from {start}");
    }
    assert_eq!(counted, asked.len(), "{what}: a sample is in no step");
}

/// A counter, with a sample every half hour for 50 days around the start of summer time.
fn counter() -> Vec<(i64, f64)> {
    let start = time("2013-03-01").nanos();
    (0..50 * 48).map(|at| (start + at * HOUR / 2, (at % 1_000) as f64)).collect()
}

const AGGREGATES: [Aggregate; 8] = [
    Aggregate::Sum,
    Aggregate::Mean,
    Aggregate::Min,
    Aggregate::Max,
    Aggregate::Count,
    Aggregate::First,
    Aggregate::Last,
    Aggregate::Increase,
];

#[test]
fn rolled_up_time_answers_as_its_samples_did_where_no_edge_cuts_a_bucket() {
    let samples = counter();
    let (store, _folder) = store(&samples, 2_000);
    let query = Query::new("m".parse().unwrap());
    let ask = |aggregate: Aggregate, steps: &str| {
        answer(&store, &query.clone().aggregate(aggregate).calendar(calendar(steps)))
    };
    let by = ["day in Europe/Berlin", "week in America/New_York", "month", "quarter", "day"];
    let before: Vec<Vec<f64>> = by
        .iter()
        .flat_map(|by| AGGREGATES.map(|how| ask(how, by).unwrap().row(0).to_vec()))
        .collect();
    let raw_from = time("2013-04-12");
    let retention = Retention::new(raw_from).rollup(Span::HOUR, None).rollup(Span::DAY, None);
    store.retain_with(&retention).unwrap();
    let after: Vec<Vec<f64>> = by
        .iter()
        .flat_map(|by| AGGREGATES.map(|how| ask(how, by).unwrap().row(0).to_vec()))
        .collect();
    assert_eq!(after, before);
    // 48 half hours, but for those that clocks leave out.
    let days = ask(Aggregate::Count, "day in Europe/Berlin").unwrap();
    assert_eq!(days.time(30), time("2013-03-31T00:00:00+01:00"));
    assert_eq!(days.row(0)[29..32], [48.0, 46.0, 48.0]);
    // Half an hour past the hour is no edge of an hour.
    let error = ask(Aggregate::Max, "day in Asia/Kolkata").unwrap_err().to_string();
    assert!(error.contains("midnight in Asia/Kolkata"), "{error}");
    let later = query.clone().calendar(calendar("day in Asia/Kolkata")).from(raw_from);
    assert!(answer(&store, &later).is_ok());
}

#[test]
fn buckets_of_a_day_are_of_utc() {
    let samples = counter();
    let (store, _folder) = store(&samples, 2_000);
    let ask = |how: &str, by: &str| {
        let query = Query::new("m".parse().unwrap()).aggregate(how.parse().unwrap());
        answer(&store, &query.calendar(calendar(by)))
    };
    let before = ["max", "sketch-p95"].map(|how| ask(how, "month").unwrap().row(0).to_vec());
    let retention = Retention::new(time("2013-04-12")).rollup(Span::DAY, None);
    store.retain_with(&retention).unwrap();
    let after = ["max", "sketch-p95"].map(|how| ask(how, "month").unwrap().row(0).to_vec());
    assert_eq!(after, before);
    for how in ["max", "sketch-p95", "increase"] {
        let error = ask(how, "day in Europe/Berlin").unwrap_err().to_string();
        assert!(error.contains("midnight in Europe/Berlin"), "{how}: {error}");
    }
    assert!(ask("p95", "month").is_err());
}

#[test]
fn a_step_of_the_calendar_without_samples_is_a_gap_and_is_not_filled() {
    let at = |text: &str| time(text).nanos();
    let samples = [(at("2013-01-31T23:59:59Z"), 1.0), (at("2013-04-01"), 2.0)];
    let (store, _folder) = store(&samples, 1);
    let query = Query::new("m".parse().unwrap()).calendar(calendar("month"));
    let frame = answer(&store, &query).unwrap();
    let row = frame.row(0);
    assert!((row[0], row[3]) == (1.0, 2.0) && row[1].is_nan() && row[2].is_nan(), "{row:?}");
    assert_eq!((frame.start(), frame.end(3)), (time("2013-01-01"), time("2013-05-01")));
    assert_eq!(frame.step(), None);
    let error = answer(&store, &query.clone().fill(Span::WEEK)).unwrap_err().to_string();
    assert!(error.contains("month in UTC"), "{error}");
    let equal = answer(&store, &query.step(Span::DAY)).unwrap();
    assert_eq!((equal.step(), equal.steps()), (Some(Span::DAY), 61));
}
