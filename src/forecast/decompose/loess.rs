//! Local regression on the places 0, 1, 2, ... (LOESS; Cleveland 1979): a constant or a line
//! through the values of a window, those near counting most.

/// Sums over a window run in so many lanes.
const LANES: usize = 4;

/// A smoother.
#[derive(Debug, Clone)]
pub(super) struct Loess {
    /// Values in a window, odd.
    pub(super) window: usize,
    /// Whether a line is fitted, or a constant.
    linear: bool,
    /// The fit is made at every place so far apart, and runs straight between.
    jump: usize,
    /// Weights by distance of a window around its place.
    middle: Vec<f64>,
}

/// Values, and the weight of each: 0 where there is none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weighted<'a> {
    pub(super) values: &'a [f64],
    pub(super) weights: &'a [f64],
}

impl Loess {
    /// A smoother over windows of `window` values, odd, with a fit at every `jump`-th place.
    pub(super) fn new(window: usize, linear: bool, jump: usize) -> Self {
        let half = window / 2;
        let middle = by_distance(half as f64, 0..window, half as f64);
        Self { window, linear, jump, middle }
    }

    /// Smooths `row` into `out`, which is as long. Where a window has no value on one side of a
    /// place, `out` runs straight over it, or on as it was at the ends of the row. Returns whether
    /// there was any place to fit.
    pub(super) fn smooth(&self, row: Weighted<'_>, out: &mut [f64]) -> bool {
        let len = row.values.len();
        let jump = self.jump.clamp(1, len.saturating_sub(1).max(1));
        let mut before: Option<(usize, f64)> = None;
        let last = len.saturating_sub(1);
        let places = (0..len).step_by(jump).chain((!last.is_multiple_of(jump)).then_some(last));
        for place in places {
            let left = place.saturating_sub(self.window / 2).min(len.saturating_sub(self.window));
            let right = (left + self.window).min(len);
            let Some(here) = self.at(place as f64, row, left, right) else { continue };
            match before {
                None => out[..=place].fill(here),
                Some((from, there)) => straight(&mut out[from..=place], there, here),
            }
            before = Some((place, here));
        }
        if let Some((from, there)) = before {
            out[from..].fill(there);
        }
        before.is_some()
    }

    /// The fit at `x`, which may lie outside of the window, by the values from `left` up to
    /// `right`; `None` where none counts, and for a line where all that count lie on one side, more
    /// than a step away.
    pub(super) fn at(&self, x: f64, row: Weighted<'_>, left: usize, right: usize) -> Option<f64> {
        let len = row.values.len();
        let mut reach = (x - left as f64).max(right as f64 - 1.0 - x);
        // A window that is longer than the row reaches as far as if the row went on.
        reach += (self.window.saturating_sub(len) / 2) as f64;
        let is_middle = right - left == self.window && 2.0 * reach + 1.0 == self.window as f64;
        let own = if is_middle { Vec::new() } else { by_distance(x, left..right, reach) };
        let near = if is_middle { &self.middle } else { &own };
        let (values, weights) = (&row.values[left..right], &row.weights[left..right]);
        let [total, moment, square, sum, product] = sums(values, weights, near, left as f64 - x);
        if total <= 0.0 {
            return None;
        }
        let (mean, center) = (sum / total, moment / total);
        if !self.linear {
            return Some(mean);
        }
        // A line through values on one side leads anywhere.
        let counts = |place: &usize| weights[*place] * near[*place] > 0.0;
        let first = (0..values.len()).find(counts)? + left;
        let last = (0..values.len()).rev().find(counts)? + left;
        if first as f64 > x + 1.0 || (last as f64) < x - 1.0 {
            return None;
        }
        let square = square - total * center * center;
        // Values at one place have no slope.
        let is_spread = (square / total).max(0.0).sqrt() > 0.001 * (len as f64 - 1.0);
        let slope = (product - center * sum) / square;
        Some(if is_spread { mean - center * slope } else { mean })
    }
}

/// The weights of places around `x`: `(1 - (distance / reach)^3)^3`.
fn by_distance(x: f64, places: std::ops::Range<usize>, reach: f64) -> Vec<f64> {
    let weight = |place: usize| {
        let share = (place as f64 - x).abs() / reach;
        let rest = (1.0 - share * share * share).max(0.0);
        // Where there is one place only it counts.
        if reach > 0.0 { rest * rest * rest } else { 1.0 }
    };
    places.map(weight).collect()
}

/// Sums over a window of the weight, times the distance `d` from the fit's place, times `d^2`,
/// times the value, and times both; `d` of the first value is `start`.
fn sums(values: &[f64], weights: &[f64], near: &[f64], start: f64) -> [f64; 5] {
    let mut sums = [[0.0; LANES]; 5];
    let mut d: [f64; LANES] = std::array::from_fn(|lane| start + lane as f64);
    let mut add = |values: &[f64], weights: &[f64], near: &[f64]| {
        for (lane, value) in values.iter().enumerate() {
            let weight = weights[lane] * near[lane];
            let (far, sum) = (weight * d[lane], weight * value);
            sums[0][lane] += weight;
            sums[1][lane] += far;
            sums[2][lane] += far * d[lane];
            sums[3][lane] += sum;
            sums[4][lane] += sum * d[lane];
            d[lane] += LANES as f64;
        }
    };
    let values = values.chunks(LANES);
    for ((values, weights), near) in values.zip(weights.chunks(LANES)).zip(near.chunks(LANES)) {
        add(values, weights, near);
    }
    sums.map(|lanes| lanes.iter().sum())
}

/// Fills `out` with a straight line from `first` to `last`.
pub(super) fn straight(out: &mut [f64], first: f64, last: f64) {
    let steps = out.len().saturating_sub(1).max(1) as f64;
    for (at, value) in out.iter_mut().enumerate() {
        *value = first + (last - first) * (at as f64 / steps);
    }
    if let Some(value) = out.last_mut() {
        *value = last;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn smoothed(loess: &Loess, values: &[f64]) -> Vec<f64> {
        let weights: Vec<f64> =
            values.iter().map(|value| f64::from(u8::from(!value.is_nan()))).collect();
        let values: Vec<f64> =
            values.iter().map(|value| if value.is_nan() { 0.0 } else { *value }).collect();
        let mut out = vec![f64::NAN; values.len()];
        assert!(loess.smooth(Weighted { values: &values, weights: &weights }, &mut out));
        out
    }

    #[test]
    fn a_line_stays_a_line_over_gaps_and_jumps() {
        let mut values: Vec<f64> = (0..60).map(|at| 3.0 - 0.25 * f64::from(at)).collect();
        let line = values.clone();
        values[20..24].fill(f64::NAN);
        values[58] = f64::NAN;
        for (window, jump) in [(7, 1), (11, 2), (99, 7), (5, 59)] {
            let found = smoothed(&Loess::new(window, true, jump), &values);
            for (found, line) in found.iter().zip(&line) {
                assert!((found - line).abs() < 1e-12, "{window} {jump}: {found}, not {line}");
            }
        }
    }

    #[test]
    fn a_gap_as_long_as_the_window_is_crossed_straight() {
        let mut values = vec![1.0; 10];
        values.extend([f64::NAN; 9]);
        values.extend([11.0; 10]);
        let found = smoothed(&Loess::new(7, true, 1), &values);
        for (at, found) in (10..19).zip(&found[10..19]) {
            let expected = 1.0 + 10.0 * f64::from(at - 10) / 8.0;
            assert!((found - expected).abs() < 1e-12, "{at}: {found}");
        }
        let mut ended = vec![2.0; 20];
        ended[12..].fill(f64::NAN);
        let found = smoothed(&Loess::new(5, true, 1), &ended);
        assert!(found.iter().all(|value| (value - 2.0).abs() < 1e-12), "{found:?}");
        let none = Weighted { values: &[0.0; 4], weights: &[0.0; 4] };
        assert!(!Loess::new(5, true, 1).smooth(none, &mut [0.0; 4]));
    }
}
