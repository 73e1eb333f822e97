//! Autocorrelation at all distances at once, by the Fourier transform (Wiener and Khinchin), over
//! the pairs where both values are known.

use std::f64::consts::PI;

/// Pairs that an autocorrelation is made from, at least.
const PAIRS_MIN: f64 = 4.0;

/// Turns that are made from each large one.
const TURNS_SMALL: usize = 32;
/// Runs of neighbours below this are too short for a loop of their own.
const WIDTH_WIDE: usize = 8;

/// Complex numbers as two rows, a power of two of them.
#[derive(Debug, Clone)]
struct Spectrum {
    re: Vec<f64>,
    im: Vec<f64>,
}

/// Makes autocorrelations of rows of one length.
#[derive(Debug)]
pub(super) struct Correlator {
    /// Cosine and sine of the angles of the transform's half circle.
    turns: Vec<(f64, f64)>,
    scratch: Spectrum,
    work: Spectrum,
    lags: usize,
}

impl Correlator {
    /// For rows of `len` values, and distances of up to `lags` steps.
    pub(super) fn new(len: usize, lags: usize) -> Self {
        // Room behind the row for the longest distance: nothing wraps around.
        let size = (len + lags + 1).next_power_of_two().max(2);
        let turn = |k: usize| {
            let angle = -2.0 * PI * k as f64 / size as f64;
            (angle.cos(), angle.sin())
        };
        // A turn is a large one and a small one: few sines for many.
        let small: Vec<(f64, f64)> = (0..TURNS_SMALL).map(turn).collect();
        let large = (0..size / 2).step_by(TURNS_SMALL).map(turn);
        let mut turns = Vec::with_capacity(size / 2 + TURNS_SMALL);
        for (cos, sin) in large {
            turns.extend(small.iter().map(|(c, s)| (cos * c - sin * s, cos * s + sin * c)));
        }
        let zeros = || Spectrum { re: vec![0.0; size], im: vec![0.0; size] };
        Self { turns, scratch: zeros(), work: zeros(), lags }
    }

    /// `r[k]`, `k` from 0 to `lags`, of `values` with a mean of 0: the mean product of values `k`
    /// steps apart over the mean square. `values` must be 0 where `known` is 0; `known` is 1
    /// elsewhere. 0 where there are hardly any pairs.
    pub(super) fn of(&mut self, values: &[f64], known: &[f64]) -> Vec<f64> {
        let size = self.work.re.len();
        self.work.re[..values.len()].copy_from_slice(values);
        self.work.im[..known.len()].copy_from_slice(known);
        self.work.re[values.len()..].fill(0.0);
        self.work.im[known.len()..].fill(0.0);
        self.transform();
        // One transform for two real rows: values are its even part, what is known its odd one.
        let (re, im) = (&mut self.work.re, &mut self.work.im);
        for k in 0..=size / 2 {
            let other = (size - k) % size;
            let (a, b, c, d) = (re[k], im[k], re[other], im[other]);
            let power = 0.25 * ((a + c).powi(2) + (b - d).powi(2));
            let power_known = 0.25 * ((b + d).powi(2) + (a - c).powi(2));
            (re[k], im[k]) = (power, power_known);
            (re[other], im[other]) = (power, power_known);
        }
        self.transform();
        let (products, pairs) = (&self.work.re, &self.work.im);
        let scale = products[0] / pairs[0];
        let enough = PAIRS_MIN * size as f64;
        let at = |k: usize| {
            let usable = pairs[k] > enough && scale > 0.0;
            if usable { products[k] / pairs[k] / scale } else { 0.0 }
        };
        (0..=self.lags).map(at).collect()
    }

    /// The discrete Fourier transform of `work`, in place of it (Stockham's order, 1966: no bits
    /// are reversed, and inner loops run over neighbours).
    fn transform(&mut self) {
        let size = self.work.re.len();
        let (mut blocks, mut width) = (size / 2, 1);
        while blocks > 0 {
            if width < WIDTH_WIDE {
                self.narrow(width);
            } else {
                self.wide(blocks, width);
            }
            std::mem::swap(&mut self.work, &mut self.scratch);
            blocks /= 2;
            width *= 2;
        }
    }

    /// One stage of the transform.
    fn wide(&mut self, blocks: usize, width: usize) {
        let half = self.work.re.len() / 2;
        for block in 0..blocks {
            let from = block * width;
            let (cos, sin) = self.turns[from];
            let (a_re, b_re) = halves(&self.work.re, from, half, width);
            let (a_im, b_im) = halves(&self.work.im, from, half, width);
            let out_re = &mut self.scratch.re[2 * from..2 * (from + width)];
            let out_im = &mut self.scratch.im[2 * from..2 * (from + width)];
            let (sum_re, difference_re) = out_re.split_at_mut(width);
            let (sum_im, difference_im) = out_im.split_at_mut(width);
            for q in 0..width {
                let (re, im) = (a_re[q] - b_re[q], a_im[q] - b_im[q]);
                sum_re[q] = a_re[q] + b_re[q];
                sum_im[q] = a_im[q] + b_im[q];
                difference_re[q] = re * cos - im * sin;
                difference_im[q] = re * sin + im * cos;
            }
        }
    }

    /// One stage of the transform whose runs of neighbours are short.
    fn narrow(&mut self, width: usize) {
        let half = self.work.re.len() / 2;
        let (a_re, b_re) = self.work.re.split_at(half);
        let (a_im, b_im) = self.work.im.split_at(half);
        let (out_re, out_im) = (&mut self.scratch.re, &mut self.scratch.im);
        for at in 0..half {
            let from = at & !(width - 1);
            let (cos, sin) = self.turns[from];
            let (re, im) = (a_re[at] - b_re[at], a_im[at] - b_im[at]);
            let to = at + from;
            out_re[to] = a_re[at] + b_re[at];
            out_im[to] = a_im[at] + b_im[at];
            out_re[to + width] = re * cos - im * sin;
            out_im[to + width] = re * sin + im * cos;
        }
    }
}

/// `width` numbers from `from` on, and those half the row further.
fn halves(row: &[f64], from: usize, half: usize, width: usize) -> (&[f64], &[f64]) {
    (&row[from..from + width], &row[from + half..from + half + width])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Random;

    #[test]
    fn the_transform_gives_what_the_definition_gives() {
        for (seed, len) in [(1, 1), (2, 2), (3, 37), (4, 128), (5, 500)] {
            let mut random = Random::new(seed);
            let known: Vec<f64> =
                (0..len).map(|_| f64::from(u8::from(random.uniform() < 0.8))).collect();
            let values: Vec<f64> = known.iter().map(|known| known * random.normal()).collect();
            let lags = len / 2;
            let found = Correlator::new(len, lags).of(&values, &known);
            let sum = |row: &[f64], lag: usize| -> f64 {
                row.iter().zip(row.iter().skip(lag)).map(|(a, b)| a * b).sum()
            };
            let scale = sum(&values, 0) / sum(&known, 0);
            for (lag, found) in found.iter().enumerate() {
                let pairs = sum(&known, lag).round();
                let expected = if pairs > 4.0 { sum(&values, lag) / pairs / scale } else { 0.0 };
                assert!((found - expected).abs() < 1e-9, "{len} {lag}: {found}, not {expected}");
            }
        }
    }
}
