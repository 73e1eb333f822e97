//! The straight line that is to be beaten: what `predict_linear` says.

/// Days of the past that the line is put through: all, and the last week.
pub(super) const WINDOWS: [usize; 2] = [usize::MAX, 7];

/// Whether a least squares line through each window of the past is at or over the mark on one of
/// the days ahead. Its end is a yes or a no: a line has no probability. It starts from the fitted
/// line, and not from the last peak, as Prometheus does.
pub(super) fn reaches(past: &[f64], mark: f64, days: usize) -> [bool; 2] {
    WINDOWS.map(|window| {
        let window = &past[past.len().saturating_sub(window)..];
        let Some((level, slope)) = least_squares(window) else { return false };
        let at = |ahead: usize| level + slope * (window.len() - 1 + ahead) as f64;
        at(1).max(at(days)) >= mark
    })
}

/// Level at the first day, and slope; `None` for fewer than two known days.
fn least_squares(values: &[f64]) -> Option<(f64, f64)> {
    let known = || values.iter().enumerate().filter(|(_, value)| value.is_finite());
    let count = known().count() as f64;
    let mean_day = known().map(|(day, _)| day as f64).sum::<f64>() / count;
    let mean = known().map(|(_, value)| value).sum::<f64>() / count;
    let spread = known().map(|(day, _)| (day as f64 - mean_day).powi(2)).sum::<f64>();
    let together = known().map(|(day, value)| (day as f64 - mean_day) * (value - mean));
    let slope = together.sum::<f64>() / spread;
    (count >= 2.0).then_some((mean - slope * mean_day, slope))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_that_of_prometheus() {
        // promql/testdata/functions.test: 0 10 20 30 40 0 10 20 30 40 50, every 5 minutes:
        // 38.6363636 at 3000 s, 76.8181818 an hour later; the latter in steps of 300 s.
        let values = [0.0, 10.0, 20.0, 30.0, 40.0, 0.0, 10.0, 20.0, 30.0, 40.0, 50.0];
        let (level, slope) = least_squares(&values).unwrap();
        assert!((level - 6.818_181_8).abs() < 1e-6);
        assert!((level + 10.0 * slope - 38.636_363_6).abs() < 1e-6);
        assert!(reaches(&values, 76.8, 12)[0] && !reaches(&values, 76.9, 12)[0]);
        // The last seven values: mean 190 / 7, slope 130 / 28, so 50.36 two days ahead; all: 45.0.
        assert_eq!(reaches(&values, 50.3, 2), [false, true]);
        assert_eq!(reaches(&values, 50.4, 2), [false, false]);
        // A falling line is highest on the first day ahead.
        assert_eq!(reaches(&[5.0, 4.0, 3.0], 2.0, 30), [true, true]);
        assert_eq!(reaches(&[5.0, f64::NAN], 2.0, 30), [false, false]);
    }
}
