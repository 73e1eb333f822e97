//! Promise: no sample is dropped into no bucket, whatever tiers are asked for and when.

use plimsoll::query::{Aggregate, Query};
use plimsoll::store::{Retention, Store};
use plimsoll::{Error, Selector, Span, Timestamp};

use super::{answer, assert_whole, long_series, options, short_series, tiers};

const FIVE_MINUTES: Span = Span::from_seconds(300);
const HOUR: i64 = 3_600;

fn to(seconds: i64) -> Retention {
    Retention::new(Timestamp::from_seconds(seconds))
}

/// Samples of each step, those in buckets included.
fn counts(store: &Store, step: Span) -> Vec<f64> {
    let query = Query::new(Selector::metric("cpu")).step(step).aggregate(Aggregate::Count);
    answer(store, &query.from(Timestamp::from_seconds(0))).unwrap()
}

fn starts(store: &Store) -> Vec<(Span, i64)> {
    let start = |range: plimsoll::TimeRange| range.start.nanos() / 1_000_000_000;
    tiers(store).into_iter().map(|tier| (tier.span, start(tier.range))).collect()
}

#[test]
fn what_lies_before_the_first_bucket_of_a_later_tier_goes_into_the_tier_that_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = long_series(folder.path());
    let before = counts(&store, Span::HOUR);
    // Up to 2:05, then in hours only, and a long series takes several steps.
    store.retain_with(&to(2 * HOUR + 300).rollup(FIVE_MINUTES, None)).unwrap();
    let report = store.retain_with(&to(10 * HOUR).rollup(Span::HOUR, None)).unwrap();
    assert_eq!(report.buckets, 11 + 7);
    assert_eq!(counts(&store, Span::HOUR), before);
    assert_eq!(starts(&store), [(FIVE_MINUTES, 0), (Span::HOUR, 3 * HOUR)]);
    assert_eq!(tiers(&store)[0].range.end, Timestamp::from_seconds(3 * HOUR));
    // The same again changes nothing; two coarser ones at once begin each with its own.
    assert_eq!(store.retain_with(&to(10 * HOUR).rollup(Span::HOUR, None)).unwrap().buckets, 0);
    let (two, six) = (Span::from_seconds(2 * HOUR), Span::from_seconds(6 * HOUR));
    store.retain_with(&to(11 * HOUR).rollup(Span::HOUR, None)).unwrap();
    store.retain_with(&to(18 * HOUR).rollup(two, None).rollup(six, None)).unwrap();
    assert_eq!(starts(&store)[2..], [(two, 12 * HOUR), (six, 12 * HOUR)]);
    assert_eq!(counts(&store, six).iter().sum::<f64>(), 70_000.0);
    store.compact(true).unwrap();
    assert_whole(&store, folder.path());
    // The files alone tell as much.
    store.seal().unwrap();
    store.close().unwrap();
    std::fs::remove_dir_all(folder.path().join("db")).unwrap();
    assert_eq!(Store::rebuild(folder.path()).unwrap().set_aside, []);
    store = Store::open(folder.path(), options()).unwrap();
    assert_eq!(counts(&store, six).iter().sum::<f64>(), 70_000.0);
}

#[test]
fn a_tier_whose_buckets_went_to_the_end_of_another_takes_what_comes_next() {
    let folder = tempfile::tempdir().unwrap();
    let store = long_series(folder.path());
    let before = counts(&store, Span::HOUR);
    // Minutes go up to 5:30, and hours end at 4:00: the minutes from there on are yet to be made.
    let minutes = Some(Timestamp::from_seconds(5 * HOUR + 1_800));
    let hours = Span::from_seconds(2 * HOUR);
    let both = to(5 * HOUR + 2_000).rollup(Span::MINUTE, minutes).rollup(hours, None);
    store.retain_with(&both).unwrap();
    assert_eq!(starts(&store), [(hours, 0)]);
    store.retain_with(&to(6 * HOUR).rollup(Span::MINUTE, None)).unwrap();
    assert_eq!(starts(&store), [(Span::MINUTE, 4 * HOUR), (hours, 0)]);
    assert_eq!(counts(&store, hours).iter().sum::<f64>(), before.iter().sum::<f64>());
}

#[test]
fn a_tier_that_would_never_hold_a_bucket_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = long_series(folder.path());
    let later = Some(Timestamp::from_seconds(4 * HOUR));
    let asked = to(3 * HOUR).rollup(FIVE_MINUTES, later).rollup(Span::HOUR, None);
    let said = store.retain_with(&asked).unwrap_err().to_string();
    assert!(said.contains("the tier would never hold a bucket"), "{said}");
    assert_eq!(counts(&store, Span::DAY), [70_000.0]);
    assert_eq!(tiers(&store), []);
}

#[test]
fn samples_before_the_earliest_bucket_are_named_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let earliest = i64::MIN / 1_000_000_000;
    let store = short_series(folder.path(), &[earliest, 60, 90_000]);
    let asked = to(86_400).rollup(Span::HOUR, None).rollup(Span::DAY, None);
    let Err(Error::Invalid { what }) = store.retain_with(&asked) else { panic!("was rolled up") };
    assert!(what.contains("there are samples before 1677-09-22T00:00:00Z"), "{what}");
    store.retain("1677-09-22".parse().unwrap()).unwrap();
    assert_eq!(store.retain_with(&asked).unwrap().buckets, 2);
    assert_eq!(counts(&store, Span::DAY), [1.0, 1.0]);
}
