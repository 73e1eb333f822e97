//! Autocorrelation at all distances at once, by the Fourier transform (Wiener and Khinchin), over
//! the pairs where both values are known.
#![expect(clippy::inline_always, reason = "a loop is vectors only where all of it is in one place")]

use std::f64::consts::PI;

use super::fold::Row;
use crate::kernel::{Loop, widest};

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

/// Makes autocorrelations of rows whose values are known at the same places.
#[derive(Debug)]
pub(super) struct Correlator {
    /// Cosine and sine of the angles of half a circle: one for each of the complex numbers.
    turns: Vec<(f64, f64)>,
    scratch: Spectrum,
    work: Spectrum,
    /// Pairs so many steps apart of which both values are known.
    pairs: Vec<f64>,
}

impl Correlator {
    /// For rows in which values are known where they are in `row`, and distances of up to `lags`
    /// steps.
    pub(super) fn new(row: &Row, lags: usize) -> Self {
        // Room behind the row for the longest distance: nothing wraps around.
        let size = (row.len() + lags + 1).next_power_of_two().max(4);
        let zeros = || Spectrum { re: vec![0.0; size / 2], im: vec![0.0; size / 2] };
        let (scratch, work) = (zeros(), zeros());
        let mut made = Self { turns: turns(size), scratch, work, pairs: Vec::new() };
        made.pairs = if row.whole {
            (0..=lags).map(|lag| row.len().saturating_sub(lag) as f64).collect()
        } else {
            made.transform_products(&row.known);
            (0..=lags).map(|lag| made.product(lag).round()).collect()
        };
        made
    }

    /// `r[k]`, `k` from 0 to the longest distance, of `values` with a mean of 0: the mean product
    /// of values `k` steps apart over the mean square. `values` must be 0 where they are not known.
    /// 0 where there are hardly any pairs.
    pub(super) fn of(&mut self, values: &[f64]) -> Vec<f64> {
        self.transform_products(values);
        let scale = self.product(0) / self.pairs[0];
        let at = |(lag, pairs): (usize, &f64)| {
            let usable = *pairs > PAIRS_MIN && scale > 0.0;
            if usable { self.product(lag) / pairs / scale } else { 0.0 }
        };
        self.pairs.iter().enumerate().map(at).collect()
    }

    /// The sum of products of values `lag` steps apart, of the row that was transformed last.
    fn product(&self, lag: usize) -> f64 {
        let side = if lag.is_multiple_of(2) { &self.work.re } else { &self.work.im };
        side[lag / 2] / (2 * side.len()) as f64
    }

    /// Puts sums of products at all distances into `work`. A transform of half the length serves a
    /// real row: values at even places are its real parts, those at odd places the others.
    fn transform_products(&mut self, row: &[f64]) {
        self.work.re.fill(0.0);
        self.work.im.fill(0.0);
        let places = self.work.re.iter_mut().zip(&mut self.work.im);
        for ((re, im), pair) in places.zip(row.chunks(2)) {
            *re = pair[0];
            *im = pair.get(1).copied().unwrap_or(0.0);
        }
        self.transform();
        self.square();
        self.transform();
    }

    /// From the transform of a row's two halves to that of its products' two halves: both are put
    /// together to the transform of the whole, of which the power is taken, and that is taken
    /// apart. What is so far from either end is done together.
    fn square(&mut self) {
        let half = self.work.re.len();
        let (re, im) = (&mut self.work.re, &mut self.work.im);
        for k in 0..=half / 2 {
            let other = (half - k) % half;
            let (cos, sin) = self.turns[k];
            let (even_re, even_im) = (0.5 * (re[k] + re[other]), 0.5 * (im[k] - im[other]));
            let (odd_re, odd_im) = (0.5 * (im[k] + im[other]), 0.5 * (re[other] - re[k]));
            let (turned_re, turned_im) = (odd_re * cos - odd_im * sin, odd_re * sin + odd_im * cos);
            let here = (even_re + turned_re).powi(2) + (even_im + turned_im).powi(2);
            let there = (even_re - turned_re).powi(2) + (even_im - turned_im).powi(2);
            let (sum, difference) = (here + there, here - there);
            (re[k], im[k]) = (sum - difference * sin, difference * cos);
            (re[other], im[other]) = (sum + difference * sin, difference * cos);
        }
    }

    /// The discrete Fourier transform of `work`, in place of it.
    fn transform(&mut self) {
        let Self { turns, work, scratch, .. } = self;
        widest(Transform { turns, work, scratch });
    }
}

/// The turns of a circle's half whose whole has `size` of them.
fn turns(size: usize) -> Vec<(f64, f64)> {
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
    turns
}

/// The discrete Fourier transform of `work`, in place of it (Stockham's order, 1966: no bits are
/// reversed, and inner loops run over neighbours).
struct Transform<'a> {
    /// Of a circle of twice the length.
    turns: &'a [(f64, f64)],
    work: &'a mut Spectrum,
    scratch: &'a mut Spectrum,
}

impl Loop for Transform<'_> {
    type Output = ();

    #[inline(always)]
    fn run(mut self) {
        let (mut blocks, mut width) = (self.work.re.len() / 2, 1);
        while blocks > 0 {
            if width < WIDTH_WIDE {
                self.narrow(width);
            } else {
                self.wide(blocks, width);
            }
            std::mem::swap(self.work, self.scratch);
            blocks /= 2;
            width *= 2;
        }
    }
}

impl Transform<'_> {
    /// One stage.
    #[inline(always)]
    fn wide(&mut self, blocks: usize, width: usize) {
        let half = self.work.re.len() / 2;
        for block in 0..blocks {
            let from = block * width;
            let (cos, sin) = self.turns[2 * from];
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

    /// One stage whose runs of neighbours are short.
    #[inline(always)]
    fn narrow(&mut self, width: usize) {
        let half = self.work.re.len() / 2;
        let (a_re, b_re) = self.work.re.split_at(half);
        let (a_im, b_im) = self.work.im.split_at(half);
        let (out_re, out_im) = (&mut self.scratch.re, &mut self.scratch.im);
        for at in 0..half {
            let from = at & !(width - 1);
            let (cos, sin) = self.turns[2 * from];
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
#[inline(always)]
fn halves(row: &[f64], from: usize, half: usize, width: usize) -> (&[f64], &[f64]) {
    (&row[from..from + width], &row[from + half..from + half + width])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Random;

    /// A row of which four values in five are known, or all.
    fn row(seed: u64, len: usize, whole: bool) -> Row {
        let mut random = Random::new(seed);
        let mut is_known = || whole || random.uniform() < 0.8;
        let known: Vec<f64> = (0..len).map(|_| f64::from(u8::from(is_known()))).collect();
        let values = known.iter().map(|known| known * random.normal()).collect();
        Row { values, known, whole }
    }

    #[test]
    fn correlations_are_what_the_definition_says() {
        for (seed, len) in [(1, 1), (2, 2), (3, 37), (4, 128), (5, 500)] {
            for whole in [false, true] {
                let row = row(seed, len, whole);
                let lags = len / 2;
                let found = Correlator::new(&row, lags).of(&row.values);
                let sum = |row: &[f64], lag: usize| -> f64 {
                    row.iter().zip(row.iter().skip(lag)).map(|(a, b)| a * b).sum()
                };
                let scale = sum(&row.values, 0) / sum(&row.known, 0);
                assert_eq!(found.len(), lags + 1);
                for (lag, found) in found.iter().enumerate() {
                    let pairs = sum(&row.known, lag);
                    let usable = pairs > 4.0 && scale > 0.0;
                    let expected = if usable { sum(&row.values, lag) / pairs / scale } else { 0.0 };
                    let off = (found - expected).abs();
                    assert!(off < 1e-9, "{len} {whole} {lag}: {found}, not {expected}");
                }
            }
        }
    }
}
