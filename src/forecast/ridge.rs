//! Autoregressions by least squares, with a penalty that keeps lags which are alike apart.
#![expect(clippy::inline_always, reason = "a loop is vectors only where all of it is in one place")]

use super::moments::{Moments, Part};
use super::past::{Scaled, ToValues};
use super::{Fit, Past, Predict, Scale, Scratch};
use crate::kernel::{Loop, Wide, widest};

/// Forecasts leave the range of the past by this share of it, at most.
const LEAVE_MAX: f64 = 0.3;
/// The penalty, as a share of each column's variance: enough to solve by, too little to bend. On
/// rolling origins inside the training part of M4 Hourly larger ones did worse.
const PENALTY: f64 = 1e-5;

/// `y(t) = c + sum b(k) y(t - lag(k)) + sum of waves`, by least squares in which a step counts half
/// as much as one `half_life` later, with a penalty on the `b` (Hoerl and Kennard, 1970). Further
/// steps ahead take forecasts for values, held inside 1.3 times the range of the past.
///
/// One pass over the values serves all origins: their sums of products are prefixes of each other.
/// Costs `columns^2 / 2` multiplications per value.
#[derive(Debug, Clone, PartialEq)]
pub struct Ridge {
    /// A word for the columns.
    pub kind: &'static str,
    /// Lags, in steps. One of 0 would be the value itself, and is left out.
    pub lags: Vec<usize>,
    /// Lengths of waves, in steps; each is regressed on by its sine and cosine. What is no length
    /// is left out.
    pub waves: Vec<f64>,
    /// The scale.
    pub scale: Scale,
    /// Steps.
    pub half_life: usize,
}

#[derive(Debug)]
struct Fitted<'a> {
    lags: Vec<usize>,
    waves: Vec<f64>,
    weights: Vec<Wide>,
    constant: Wide,
    /// The step after the last one learnt.
    next: usize,
    /// The last values, as many as the longest lag.
    tail: &'a [Wide],
    least: Wide,
    greatest: Wide,
    to_values: ToValues,
}

impl Ridge {
    fn columns(&self) -> usize {
        self.lags.len() + 2 * self.waves.len()
    }

    fn longest(&self) -> usize {
        self.lags.iter().copied().max().unwrap_or(0)
    }

    /// With ascending lags, each once, and with columns that can be made alone.
    fn in_order(&self) -> Self {
        let mut found = self.clone();
        found.lags.retain(|lag| *lag > 0);
        found.lags.sort_unstable();
        found.lags.dedup();
        found.waves.retain(|length| length.is_finite() && *length > 0.0);
        found
    }

    /// What each step counts, put into `weights`.
    fn weights(&self, scaled: &Scaled, mut weights: Vec<Wide>) -> Vec<Wide> {
        let tile = &scaled.tile;
        let age = |step: usize| (tile.len() - step) as f64 / self.half_life.max(1) as f64;
        weights.extend((0..tile.len()).map(|step| tile.known(step) * (-age(step)).exp2()));
        weights
    }
}

impl Fit for Ridge {
    fn name(&self) -> String {
        format!("{}ridge({})", self.scale.prefix(), self.kind)
    }

    fn values_min(&self) -> usize {
        self.longest().saturating_add(2 * self.columns() + 4)
    }

    fn fit<'a>(
        &self,
        past: &'a Past,
        origins: &[usize],
        scratch: &mut Scratch,
    ) -> Vec<Box<dyn Predict + 'a>> {
        let model = self.in_order();
        let scaled = past.in_scale(model.scale);
        let rows = scaled.tile.rows();
        let step_weights = model.weights(scaled, scratch.take(rows.len()));
        let mut all_waves = std::mem::take(&mut scratch.waves);
        let wave_columns = 2 * model.waves.len();
        if wave_columns > 0 {
            let columns = (model.waves.as_slice(), wave_columns);
            all_waves.prepare(columns, rows.len(), |at, step| wave(&model.waves, at, step));
        }
        let mut moments = Moments::new(model.columns());
        let mut weighted = scratch.take(rows.len());
        let (mut learnt, mut range) = (model.longest(), Range::default());
        let fitted = origins.iter().map(|&origin| {
            let steps = learnt.min(origin)..origin;
            let lagged = model.lags.iter().map(|lag| &rows[steps.start - lag..steps.end - lag]);
            let columns: Vec<&[Wide]> = lagged.collect();
            let waves = all_waves.columns().take(wave_columns);
            let waves: Vec<&[f64]> = waves.map(|wave| &wave[steps.clone()]).collect();
            let part = Part {
                columns: &columns,
                waves: &waves,
                targets: &rows[steps.clone()],
                weights: &step_weights[steps],
            };
            moments.learn(part, &mut weighted);
            learnt = learnt.max(origin);
            range.widen(rows, origin);
            let (weights, constant) = moments.solve(PENALTY);
            let leave = (range.greatest - range.least) * LEAVE_MAX;
            Box::new(Fitted {
                lags: model.lags.clone(),
                waves: model.waves.clone(),
                weights,
                constant,
                next: origin,
                tail: &rows[origin - model.longest()..origin],
                least: range.least - leave,
                greatest: range.greatest + leave,
                to_values: scaled.to_values(),
            }) as Box<dyn Predict + 'a>
        });
        let fitted = fitted.collect();
        scratch.give(step_weights);
        scratch.give(weighted);
        scratch.waves = all_waves;
        fitted
    }
}

impl Predict for Fitted<'_> {
    fn predict(&self, out: &mut [Wide]) {
        widest(Iterate { model: self, out });
        self.to_values.apply(out);
    }
}

/// Steps ahead, each from those before.
struct Iterate<'a> {
    model: &'a Fitted<'a>,
    out: &'a mut [Wide],
}

impl Loop for Iterate<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { model, out } = self;
        for step in 0..out.len() {
            let mut value = model.constant;
            for (lag, weight) in model.lags.iter().zip(&model.weights) {
                let before = match step.checked_sub(*lag) {
                    Some(at) => out[at],
                    None => model.tail[model.tail.len() + step - lag],
                };
                value += before * *weight;
            }
            for (column, weight) in model.weights[model.lags.len()..].iter().enumerate() {
                value += *weight * wave(&model.waves, column, model.next + step);
            }
            out[step] = value.max(model.least).min(model.greatest);
        }
    }
}

/// Sine and cosine of each wave, in turn.
fn wave(lengths: &[f64], column: usize, step: usize) -> f64 {
    let angle = std::f64::consts::TAU * (step as f64 / lengths[column / 2]).fract();
    if column.is_multiple_of(2) { angle.sin() } else { angle.cos() }
}

/// The least and the greatest value so far.
#[derive(Debug)]
struct Range {
    least: Wide,
    greatest: Wide,
    steps: usize,
}

impl Default for Range {
    fn default() -> Self {
        let (least, greatest) = (Wide::splat(f64::INFINITY), Wide::splat(f64::NEG_INFINITY));
        Self { least, greatest, steps: 0 }
    }
}

impl Range {
    fn widen(&mut self, rows: &[Wide], to: usize) {
        for row in &rows[self.steps..to] {
            self.least = self.least.min(*row);
            self.greatest = self.greatest.max(*row);
        }
        self.steps = to;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::Tile;
    use crate::forecast::tests::{assert_near, noise, of_lane, predicted, predicted_from};

    fn ridge(lags: &[usize], scale: Scale, half_life: usize) -> Ridge {
        Ridge { kind: "test", lags: lags.to_vec(), waves: Vec::new(), scale, half_life }
    }

    /// `A x = b` by elimination with row exchanges.
    fn eliminated(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Vec<f64> {
        let count = b.len();
        for at in 0..count {
            let pivot = (at..count).max_by(|i, j| a[*i][at].abs().total_cmp(&a[*j][at].abs()));
            a.swap(at, pivot.unwrap());
            b.swap(at, pivot.unwrap());
            for row in at + 1..count {
                let share = a[row][at] / a[at][at];
                let taken: Vec<f64> = a[at].iter().map(|value| share * value).collect();
                a[row].iter_mut().zip(taken).for_each(|(value, taken)| *value -= taken);
                b[row] -= share * b[at];
            }
        }
        for at in (0..count).rev() {
            let known: f64 = (at + 1..count).map(|column| a[at][column] * b[column]).sum();
            b[at] = (b[at] - known) / a[at][at];
        }
        b
    }

    /// The columns that explain the value of a step, the constant last.
    fn columns(model: &Ridge, values: &[f64], step: usize) -> Vec<f64> {
        let lagged = model.lags.iter().map(|lag| values[step - lag]);
        let angles = model.waves.iter().map(|wave| std::f64::consts::TAU * step as f64 / wave);
        lagged.chain(angles.flat_map(|angle| [angle.sin(), angle.cos()])).chain([1.0]).collect()
    }

    /// The same by the normal equations, one series, one step and one column at a time.
    fn naive(model: &Ridge, values: &[f64], known: &[bool], ahead: usize) -> Vec<f64> {
        let count = model.columns() + 1;
        let (mut a, mut b) = (vec![vec![0.0; count]; count], vec![0.0; count]);
        for step in model.longest()..values.len() {
            let age = (values.len() - step) as f64 / model.half_life as f64;
            let weight = if known[step] { (-age).exp2() } else { 0.0 };
            let x = columns(model, values, step);
            for i in 0..count {
                b[i] += weight * x[i] * values[step];
                for j in 0..count {
                    a[i][j] += weight * x[i] * x[j];
                }
            }
        }
        let total = a[count - 1][count - 1];
        for (at, row) in a[..count - 1].iter_mut().enumerate() {
            row[at] += PENALTY * (row[at] - row[count - 1].powi(2) / total);
        }
        let weights = eliminated(a, b);
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let greatest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let leave = LEAVE_MAX * (greatest - least);
        let mut all = values.to_vec();
        for step in values.len()..values.len() + ahead {
            let value: f64 =
                columns(model, &all, step).iter().zip(&weights).map(|(x, w)| x * w).sum();
            all.push(value.clamp(least - leave, greatest + leave));
        }
        all.split_off(values.len())
    }

    #[test]
    fn processes_without_noise_go_on() {
        // An oscillation around 50 that hardly fades: y = c + 2 r cos(w) y(-1) - r^2 y(-2).
        let (turn, fade) = (0.4_f64, 0.999_f64);
        let (first, second) = (2.0 * fade * turn.cos(), -fade * fade);
        let mut values = vec![60.0, 62.0];
        for step in 2..330 {
            let next = 50.0 * (1.0 - first - second) + first * values[step - 1];
            values.push(next + second * values[step - 2]);
        }
        let found = predicted(&ridge(&[1, 2], Scale::Level, 1_000), &values[..300], 30);
        assert_near(&found, &values[300..], 0.05);
        // Seven parts the last value of the phase, and three the one before.
        let mut values: Vec<f64> = (0..24).map(|step| f64::from(step * step % 13)).collect();
        for step in 24..148 {
            values.push(0.7 * values[step - 12] + 0.3 * values[step - 24]);
        }
        let found = predicted(&ridge(&[12, 24], Scale::Level, 1_000), &values[..120], 28);
        assert_near(&found, &values[120..], 0.01);
        // Growth by 1% a step is a constant in the logarithm's differences.
        let values: Vec<f64> = (0..220).map(|step| 3.0 * 1.01_f64.powi(step)).collect();
        let found = predicted(&ridge(&[1], Scale::Log, 1_000), &values[..200], 20);
        for (a, b) in found.iter().zip(&values[200..]) {
            assert!((a / b - 1.0).abs() < 1e-3, "{a} {b}");
        }
    }

    #[test]
    fn a_wave_of_any_length_goes_on() {
        let wave = |step: usize| 10.0 + 4.0 * (step as f64 / 17.3 * std::f64::consts::TAU).sin();
        let values: Vec<f64> = (0..140).map(wave).collect();
        let model = Ridge { waves: vec![17.3], ..ridge(&[], Scale::Level, 500) };
        assert_near(&predicted(&model, &values[..100], 40), &values[100..], 1e-3);
    }

    #[test]
    fn lanes_give_what_the_normal_equations_give() {
        let mut models = vec![ridge(&[1, 2, 5], Scale::Level, 40), ridge(&[1, 12], Scale::Log, 90)];
        models.push(Ridge { waves: vec![12.0, 6.0], ..models[0].clone() });
        for (seed, model) in models.iter().enumerate() {
            let numbers = |lane| noise(10 * seed as u64 + lane, 150).into_iter().enumerate();
            let mut series: Vec<Vec<f64>> = (0..3)
                .map(|lane| numbers(lane).map(|(t, z)| 30.0 + (t % 12) as f64 + z).collect())
                .collect();
            series[1][70..80].fill(f64::NAN);
            let rows: Vec<&[f64]> = series.iter().map(Vec::as_slice).collect();
            let past = Past::new(&Tile::new(&rows, 12), 12, 150);
            let scaled = past.in_scale(model.scale);
            let mut found = vec![Wide::ZERO; 20];
            model.fit(&past, &[150], &mut Scratch::default())[0].predict(&mut found);
            for (lane, measured) in series.iter().enumerate() {
                let known: Vec<bool> = measured.iter().map(|value| value.is_finite()).collect();
                let values = of_lane(scaled.tile.rows(), lane);
                let expected = naive(model, &values, &known, 20);
                let mut expected: Vec<Wide> = expected.into_iter().map(Wide::splat).collect();
                scaled.to_values().apply(&mut expected);
                assert_near(&of_lane(&found, lane), &of_lane(&expected, lane), 1e-7);
            }
        }
    }

    #[test]
    fn one_pass_over_many_origins_gives_the_bits_of_each_alone() {
        let values: Vec<f64> = noise(4, 120).iter().map(|z| 20.0 + z).collect();
        let model = Ridge { waves: vec![8.0], ..ridge(&[1, 3], Scale::Level, 30) };
        let past = Past::new(&Tile::new(&[&values], 1), 1, 80);
        let of =
            |origins: &[usize]| crate::forecast::tests::wide_forecasts(&model, &past, origins, 9);
        let all = of(&[80, 95, 120]);
        assert_eq!(of(&[80])[0], all[0]);
        assert_eq!(of(&[80, 95])[1], all[1]);
        // Sums that were added up in other parts differ by rounding alone.
        assert_near(&of_lane(&of(&[95])[0], 0), &of_lane(&all[1], 0), 1e-9);
    }

    #[test]
    fn forecasts_stay_near_the_range_of_the_past_of_their_origin() {
        let mut values: Vec<f64> = (0..60).map(|step| 1.2_f64.powi(step)).collect();
        let greatest = values[39];
        values[50] = 1e9;
        let found = predicted_from(&ridge(&[1], Scale::Level, 50), &values, 1, &[40], 200);
        let limit = greatest + LEAVE_MAX * (greatest - 1.0);
        assert!(found[0].iter().all(|value| *value <= limit * (1.0 + 1e-12)), "{limit}");
        assert!((found[0][199] / limit - 1.0).abs() < 1e-9, "it grows up to there");
    }
}
