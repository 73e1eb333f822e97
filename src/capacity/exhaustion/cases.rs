//! Lines placed over real peaks, from the days before alone, and whether they were reached.
//!
//! A line at a level that is known to be reached makes every case a crossing. These lie over the
//! last known peak by multiples of the usual size of a daily change.

use super::evidence::{changes, median_deviation};

/// How far lines lie over the last peak, in median absolute deviations of the daily change.
pub(super) const MULTIPLES: [f64; 5] = [0.5, 1.0, 2.0, 4.0, 8.0];
/// A line that was not seen to be reached is known not to be only where at most this share of the
/// days is unknown.
const UNKNOWN_SHARE_MAX: f64 = 0.2;

/// The daily peaks of one resource of one host.
#[derive(Debug, Clone, PartialEq)]
pub struct PeakSeries {
    /// The host. Series of one host are not independent, so that hosts are what is resampled.
    pub host: String,
    /// One value per day in order, NaN where a day is not known, in any unit; the same day at the
    /// same index in all series.
    pub peaks: Vec<f64>,
}

/// A line over the last peak.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Line {
    /// Over the last peak, in deviations of the change.
    pub(super) multiple: f64,
    pub(super) at: f64,
}

/// The lines over a past; none where most changes are alike.
pub(super) fn lines(past: &[f64]) -> Vec<Line> {
    let change = median_deviation(&mut changes(past));
    let last = past.iter().copied().rfind(|peak| peak.is_finite());
    match last {
        Some(last) if change > 0.0 => {
            let over = |multiple| Line { multiple, at: last + multiple * change };
            MULTIPLES.into_iter().map(over).collect()
        }
        _ => Vec::new(),
    }
}

/// Whether a line is reached on the days ahead; `None` where too many of them are unknown, whether
/// or not it is, since else only what is reached would be known.
pub(in crate::capacity) fn reached(ahead: &[f64], line: f64) -> Option<bool> {
    let unknown = ahead.iter().filter(|peak| peak.is_nan()).count();
    (unknown as f64 <= UNKNOWN_SHARE_MAX * ahead.len() as f64)
        .then(|| ahead.iter().any(|peak| *peak >= line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_lie_over_the_last_known_peak_by_what_is_usual() {
        // Changes 2, -1, 2, -1, (gap), 3: median 2, distances 0, 3, 0, 3, 1: median 1.
        let past = [10.0, 12.0, 11.0, 13.0, 12.0, f64::NAN, 20.0, 23.0, f64::NAN];
        let found = lines(&past);
        let at: Vec<f64> = found.iter().map(|line| line.at).collect();
        assert_eq!(at, [23.5, 24.0, 25.0, 27.0, 31.0]);
        assert!(lines(&[1.0; 9]).is_empty() && lines(&[f64::NAN; 3]).is_empty());
    }

    #[test]
    fn days_ahead_decide_only_where_most_are_known() {
        let gap = f64::NAN;
        assert_eq!(reached(&[1.0, 2.0, 3.0], 3.0), Some(true));
        assert_eq!(reached(&[1.0, 2.0, 3.0], 3.1), Some(false));
        assert_eq!(reached(&[1.0, 2.0, gap, 0.0, 5.0], 4.0), Some(true));
        assert_eq!(reached(&[1.0, gap, gap, 0.0, 5.0], 4.0), None);
    }
}
