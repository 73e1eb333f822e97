//! One bucket: what a span of time of one series came to, exactly, and as columns of numbers.

use crate::codec::ValueCache;
use crate::error::Result;
use crate::kernel::{self, Sketch, Total, growth};
use crate::model::{SeriesId, Span, Timestamp};
use crate::store::samples::Samples;
use crate::store::seal::Encoded;
use crate::store::segment::{
    BUCKET_FIELDS, EncodedColumn, EncodedSketches, SketchColumns, number, whole,
};

/// The numbers of one series in one span of time, summarised. NaN samples are no numbers, and a
/// bucket without a number is not kept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    /// Where it starts, in nanoseconds since the epoch: a multiple of its tier's span.
    pub start: i64,
    /// How many numbers there were.
    pub count: u64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// Their sum.
    pub sum: f64,
    /// The earliest.
    pub first: f64,
    /// When that was, in nanoseconds since the epoch.
    pub first_time: i64,
    /// The latest.
    pub last: f64,
    /// When that was, in nanoseconds since the epoch.
    pub last_time: i64,
    /// By how much a counter grew from the earliest to the latest, resets corrected. The step from
    /// the number before the bucket is the reader's to add.
    pub increase: f64,
}

/// Some of the fields of a bucket, in the order of [`Bucket::fields`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BucketFields(u16);

impl BucketFields {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const ALL: Self = Self((1 << BUCKET_FIELDS) - 1);
    pub(crate) const COUNT: Self = Self(1);
    pub(crate) const MIN: Self = Self(1 << 1);
    pub(crate) const MAX: Self = Self(1 << 2);
    pub(crate) const SUM: Self = Self(1 << 3);
    /// The earliest number, and when that was.
    pub(crate) const FIRST: Self = Self(0b11 << 4);
    /// The latest number, and when that was.
    pub(crate) const LAST: Self = Self(0b11 << 6);

    /// These and those.
    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn has(self, field: usize) -> bool {
        self.0 >> field & 1 == 1
    }
}

impl Bucket {
    /// The bucket of all samples of its time, summarised as a query does it, to the last bit; none
    /// where none of them is a number.
    fn of(start: i64, times: &[i64], values: &[f64]) -> Option<Self> {
        let mut numbers = times.iter().zip(values).filter(|(_, value)| !value.is_nan());
        let (first_time, first) = numbers.next()?;
        let (mut last_time, mut last, mut increase) = (first_time, first, 0.0);
        for (time, value) in numbers {
            increase += growth(*last, *value);
            (last_time, last) = (time, value);
        }
        let Total { sum, count } = kernel::total(values);
        Some(Self {
            start,
            count,
            min: kernel::least(values),
            max: kernel::greatest(values),
            sum,
            first: *first,
            first_time: *first_time,
            last: *last,
            last_time: *last_time,
            increase,
        })
    }

    /// Its columns. Instants count from its start.
    fn fields(&self) -> [f64; BUCKET_FIELDS] {
        let since = |time: i64| whole(time.wrapping_sub(self.start));
        [
            whole(self.count as i64),
            self.min,
            self.max,
            self.sum,
            self.first,
            since(self.first_time),
            self.last,
            since(self.last_time),
            self.increase,
        ]
    }

    fn from_fields(start: i64, fields: [f64; BUCKET_FIELDS]) -> Self {
        let [count, min, max, sum, first, first_time, last, last_time, increase] = fields;
        let time = |since: f64| start.wrapping_add(number(since));
        let (first_time, last_time) = (time(first_time), time(last_time));
        let count = number(count) as u64;
        Self { start, count, min, max, sum, first, first_time, last, last_time, increase }
    }
}

/// The buckets of samples, which are in order of time.
pub(super) fn roll_up(samples: &Samples, span: Span, out: &mut Vec<Bucket>) {
    out.clear();
    let (mut times, mut values) = (samples.times.as_slice(), samples.values.as_slice());
    while let Some(time) = times.first() {
        let start = Timestamp::from_nanos(*time).floor(span).nanos();
        let length = times.partition_point(|time| time.saturating_sub(start) < span.nanos());
        let (run_times, run_values);
        (run_times, times) = times.split_at(length);
        (run_values, values) = values.split_at(length);
        out.extend(Bucket::of(start, run_times, run_values));
    }
}

/// Replaces `out` with the sketches of the buckets that were made of samples.
pub(super) fn sketch(samples: &Samples, buckets: &[Bucket], out: &mut SketchColumns) {
    out.clear();
    let mut numbers = samples.values.iter().copied().filter(|value| !value.is_nan());
    let mut values = Vec::new();
    for bucket in buckets {
        values.clear();
        values.extend(numbers.by_ref().take(bucket.count as usize));
        out.push(&Sketch::of(&values));
    }
}

/// The buckets of one series and perhaps their sketches, ready to be written.
pub(super) fn encode(
    id: SeriesId,
    buckets: &[Bucket],
    sketches: Option<&SketchColumns>,
    cold: bool,
    cache: &mut ValueCache,
) -> Result<Encoded> {
    let column = |field: usize| {
        // Computed again for each column: a copy of all would double the memory.
        let values = buckets.iter().filter_map(|bucket| bucket.fields().get(field).copied());
        let values: Vec<f64> = values.collect();
        if cold {
            EncodedColumn::cold(&values, cache)
        } else {
            EncodedColumn::sealed(&values, cache)
        }
    };
    let columns = (0..BUCKET_FIELDS).map(column).collect::<Result<_>>()?;
    let sketches =
        sketches.map(|sketches| EncodedSketches::of(sketches, cold, cache)).transpose()?;
    let times = buckets.iter().map(|bucket| bucket.start).collect();
    Ok(Encoded { id, times, columns, sketches })
}

/// Columns of buckets, as a segment decodes them; their memory is used again.
#[derive(Debug, Default)]
pub(super) struct Columns {
    pub(super) starts: Vec<i64>,
    pub(super) fields: [Vec<f64>; BUCKET_FIELDS],
}

impl Columns {
    /// Adds the buckets to those in `out`.
    pub(super) fn append_to(&self, out: &mut Vec<Bucket>) {
        let bucket = |(at, start): (usize, &i64)| {
            let field = |column: &Vec<f64>| column.get(at).copied().unwrap_or(f64::NAN);
            Bucket::from_fields(*start, self.fields.each_ref().map(field))
        };
        out.extend(self.starts.iter().enumerate().map(bucket));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_that_are_centuries_apart_are_of_two_buckets() {
        let (first, last) = (-5_000_000_000_000_000_000, 5_000_000_000_000_000_000);
        let samples = Samples { times: vec![first, last], values: vec![1.0, 2.0] };
        let mut buckets = vec![];
        roll_up(&samples, Span::DAY, &mut buckets);
        assert_eq!(buckets.iter().map(|bucket| bucket.count).collect::<Vec<_>>(), [1, 1]);
    }

    #[test]
    fn a_bucket_holds_its_numbers_and_comes_back_from_its_fields() {
        let samples = Samples {
            times: vec![-7, -1, 0, 3, 4, 9, 31],
            values: vec![1.0, f64::NAN, f64::NAN, 5.0, 9.0, 2.0, -0.0],
        };
        let mut buckets = vec![];
        roll_up(&samples, Span::from_nanos(10), &mut buckets);
        let starts: Vec<i64> = buckets.iter().map(|bucket| bucket.start).collect();
        assert_eq!(starts, [-10, 0, 30]);
        let middle = Bucket {
            start: 0,
            count: 3,
            min: 2.0,
            max: 9.0,
            sum: 16.0,
            first: 5.0,
            first_time: 3,
            last: 2.0,
            last_time: 9,
            // From 5 to 9, then a reset to 0 that has come to 2.
            increase: 6.0,
        };
        assert_eq!(buckets[1], middle);
        for bucket in buckets {
            assert_eq!(Bucket::from_fields(bucket.start, bucket.fields()), bucket);
        }
        let named = [
            (BucketFields::COUNT, whole(3)),
            (BucketFields::MIN, 2.0),
            (BucketFields::MAX, 9.0),
            (BucketFields::SUM, 16.0),
            (BucketFields::FIRST, 5.0),
            (BucketFields::LAST, 2.0),
        ];
        for (name, value) in named {
            let at = (0..BUCKET_FIELDS).find(|at| name.has(*at)).unwrap();
            assert_eq!(middle.fields()[at], value);
        }
        assert!((0..BUCKET_FIELDS).all(|at| BucketFields::ALL.has(at)));
    }
}
