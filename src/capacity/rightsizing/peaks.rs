//! One peak of memory per interval, and what is needed where memory ran out: how the Kubernetes VPA
//! recommender counts memory.

use super::{Histogram, OomBump};
use crate::model::{Span, Timestamp};

/// The peak of one pod's memory in the interval at hand. Each interval puts one value into a
/// histogram, which is taken out again where a higher one comes.
///
/// ```
/// use plimsoll::capacity::rightsizing::{Buckets, Histogram, OomBump, PeakWindow};
/// use plimsoll::{Span, Timestamp};
/// let mut histogram = Histogram::new(Buckets::linear(5_000.0, 1.0)?);
/// let mut peaks = PeakWindow::new(Span::DAY);
/// let start = Timestamp::from_seconds(0);
/// peaks.record(&mut histogram, start, 3_000.0);
/// let bump = OomBump { added_bytes_min: 100.0, ..OomBump::default() };
/// // The peak is known to be above what it was allowed, so that counts.
/// assert!(peaks.out_of_memory(&mut histogram, start, 1_000.0, &bump));
/// assert_eq!(peaks.peak(), 3_600.0);
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct PeakWindow {
    interval: Span,
    /// The end of the interval at hand, which is also the time of its value in the histogram.
    end: Option<Timestamp>,
    newest: Option<Timestamp>,
    /// The peak of what was used.
    used: f64,
    /// The peak of what would have been needed.
    needed: f64,
}

impl PeakWindow {
    /// The first interval begins with the first value.
    pub fn new(interval: Span) -> Self {
        Self { interval, end: None, newest: None, used: 0.0, needed: 0.0 }
    }

    /// The peak of the interval at hand, what would have been needed included.
    pub fn peak(&self) -> f64 {
        self.used.max(self.needed)
    }

    /// Takes a sample, in bytes. One that is older than the newest is discarded: false.
    pub fn record(&mut self, histogram: &mut Histogram, time: Timestamp, used: f64) -> bool {
        if self.newest.is_some_and(|newest| time < newest) {
            return false;
        }
        if self.raise(histogram, time, used) {
            self.used = used;
        }
        true
    }

    /// Takes that memory ran out where so much was allowed, in bytes. What is needed rests on that
    /// and on the peak of what was used, never on what was needed before, so repeats do not
    /// compound. An event more than an interval older than the newest value is discarded: false.
    pub fn out_of_memory(
        &mut self,
        histogram: &mut Histogram,
        time: Timestamp,
        allowed: f64,
        bump: &OomBump,
    ) -> bool {
        if self.newest.is_some_and(|newest| time < newest.minus(self.interval)) {
            return false;
        }
        let needed = bump.needed(allowed.max(self.used));
        if self.raise(histogram, time, needed) {
            self.needed = needed;
        }
        true
    }

    /// Puts a value into the histogram if it is the highest of its interval.
    fn raise(&mut self, histogram: &mut Histogram, time: Timestamp, amount: f64) -> bool {
        self.newest = Some(self.newest.map_or(time, |newest| newest.max(time)));
        let end = *self.end.get_or_insert(time);
        if time < end {
            let before = self.peak();
            if amount <= before {
                return false;
            }
            histogram.subtract(before, f64::from(u8::from(before > 0.0)), end);
        } else {
            let whole = time.since(end).whole(self.interval) as usize;
            self.end = Some(end.plus(self.interval.times(whole.saturating_add(1))));
            (self.used, self.needed) = (0.0, 0.0);
        }
        histogram.add(amount, 1.0, self.end.unwrap_or(time));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capacity::rightsizing::Buckets;

    const START: Timestamp = Timestamp::from_seconds(1_492_536_905);
    const MIB: f64 = 1_048_576.0;

    struct Pod {
        histogram: Histogram,
        peaks: PeakWindow,
    }

    impl Pod {
        fn new() -> Self {
            let buckets = Buckets::linear(10_000.0, 1.0).unwrap();
            Self { histogram: Histogram::new(buckets), peaks: PeakWindow::new(Span::DAY) }
        }

        fn uses(&mut self, hour: i64, mib: f64) -> bool {
            let (histogram, time) = (&mut self.histogram, hours(hour));
            let taken = self.peaks.record(histogram, time, mib * MIB);
            taken && self.peaks.peak() >= mib * MIB
        }

        fn runs_out(&mut self, at: Timestamp, mib: f64) -> bool {
            self.peaks.out_of_memory(&mut self.histogram, at, mib * MIB, &OomBump::default())
        }

        fn peak_mib(&self) -> f64 {
            self.peaks.peak() / MIB
        }
    }

    fn hours(hour: i64) -> Timestamp {
        START
            .plus(Span::from_seconds(hour.max(0) * 3_600))
            .minus(Span::from_seconds(-hour.min(0) * 3_600))
    }

    /// VPA's own unit tests (capacity.md, 2.1).
    #[test]
    fn bumps_are_those_of_vpa_and_do_not_compound() {
        for (allowed, needed) in [(1_000.0, 1_200.0), (1.0, 101.0)] {
            let mut pod = Pod::new();
            assert!(pod.runs_out(START, allowed));
            assert_eq!(pod.peak_mib(), needed);
        }
        let mut pod = Pod::new();
        for allowed in [1_000.0, 999.0, 999.0, 999.0, 1_000.0] {
            assert!(pod.runs_out(START, allowed));
            assert_eq!(pod.peak_mib(), 1_200.0);
        }
        let mut known = Pod::new();
        assert!(known.uses(0, 3_000.0));
        assert!(known.runs_out(START, 1_000.0));
        assert_eq!(known.peak_mib(), 3_600.0);
        // A new interval, and the peak of the one before still counts.
        let mut pod = Pod::new();
        assert!(pod.uses(0, 2_000.0));
        assert!(pod.runs_out(hours(48), 1_000.0));
        assert_eq!(pod.peak_mib(), 2_400.0);
    }

    #[test]
    fn old_events_are_discarded_and_those_at_an_edge_are_not() {
        let mut pod = Pod::new();
        assert!(pod.uses(0, 1_000.0));
        assert!(!pod.runs_out(hours(-30), 1_000.0));
        assert_eq!(pod.peak_mib(), 1_000.0);
        // VPA issue 8548: the next interval has begun, and the event is a second older than that.
        assert!(pod.uses(24, 900.0));
        assert!(pod.runs_out(hours(24).minus(Span::SECOND), 1_000.0));
        assert_eq!(pod.peak_mib(), 1_200.0);
        assert!(!pod.uses(23, 5_000.0));
    }

    #[test]
    fn an_interval_leaves_one_value() {
        let buckets = Buckets::linear(10.0, 1.0).unwrap();
        let mut histogram = Histogram::new(buckets);
        let mut peaks = PeakWindow::new(Span::DAY);
        for (hour, used) in [(0, 3.0), (1, 5.0), (2, 4.0), (30, 2.0), (31, 1.0)] {
            peaks.record(&mut histogram, hours(hour), used);
        }
        let kept = [0.5, 0.51].map(|share| histogram.percentile(share).unwrap().value);
        assert_eq!(kept, [3.0, 6.0]);
        assert_eq!(histogram.checkpoint().total_weight, 2.0);
    }
}
