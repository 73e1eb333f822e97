//! The numbers of steps, kept one by one for exact quantiles: as integers as long as all are made
//! of integers by one arithmetic, which are found sooner among each other.

use std::ops::Range;

use crate::kernel::{self, Arithmetic, Integers};
use crate::store::Values;

/// Numbers of runs, one run after another.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    runs: Vec<Run>,
    /// What makes numbers of `integers`, where there are any.
    made_by: Option<Arithmetic>,
    integers: Vec<i32>,
    floats: Vec<f64>,
}

/// Numbers of one step that were added together.
#[derive(Debug, Clone, Copy)]
struct Run {
    step: u32,
    length: u32,
    /// The least and the greatest, if they are integers; else [`NONE`].
    range: (i32, i32),
}

/// The range of no integers.
const NONE: (i32, i32) = (i32::MAX, i32::MIN);

impl Gathered {
    pub(super) fn len(&self) -> usize {
        self.integers.len() + self.floats.len()
    }

    pub(super) fn clear(&mut self) {
        self.runs.clear();
        self.made_by = None;
        self.integers.clear();
        self.floats.clear();
    }

    /// Adds the next samples of a step; NaN are left out.
    pub(super) fn add(&mut self, step: usize, run: Values<'_>) {
        let before = self.len();
        let mut range = NONE;
        match run {
            Values::Integers(run) if run.numbers.is_empty() => {}
            Values::Integers(run) => {
                if let Some(found) = self.add_integers(&run) {
                    range = found;
                } else {
                    self.use_floats();
                    run.append_values(&mut self.floats);
                }
            }
            Values::Floats(run) => {
                self.use_floats();
                self.add_numbers(run);
            }
        }
        self.runs.push(Run { step: step as u32, length: (self.len() - before) as u32, range });
    }

    /// Adds integers and tells their range; `None` where they do not fit to those that are here.
    fn add_integers(&mut self, run: &Integers<'_>) -> Option<(i32, i32)> {
        if self.len() > 0 && self.made_by != Some(run.arithmetic) {
            return None;
        }
        let range = run.append_integers(&mut self.integers)?;
        self.made_by = Some(run.arithmetic);
        Some(range)
    }

    fn add_numbers(&mut self, run: &[f64]) {
        let before = self.floats.len();
        self.floats.extend_from_slice(run);
        if run.iter().fold(false, |any, value| any | value.is_nan()) {
            self.floats.truncate(before);
            self.floats.extend(run.iter().filter(|value| !value.is_nan()));
        }
    }

    /// Makes numbers of all integers.
    fn use_floats(&mut self) {
        if let Some(arithmetic) = self.made_by.take() {
            let value = |integer: &i32| arithmetic.value(f64::from(*integer));
            self.floats.extend(self.integers.iter().map(value));
            self.integers.clear();
        }
    }

    /// Adds what was gathered of later series.
    pub(super) fn merge(&mut self, mut later: Self) {
        if self.len() == 0 {
            let runs = std::mem::take(&mut self.runs);
            *self = later;
            self.runs.splice(0..0, runs);
            return;
        }
        if self.made_by != later.made_by {
            self.use_floats();
            later.use_floats();
        }
        self.runs.extend(later.runs);
        self.integers.extend(later.integers);
        self.floats.extend(later.floats);
    }

    /// Writes the quantile of each step; NaN where there is no number.
    pub(super) fn write_quantiles(&mut self, rank: f64, out: &mut [f64]) {
        out.fill(f64::NAN);
        match self.made_by {
            Some(arithmetic) => {
                let value = |integer: i32| arithmetic.value(f64::from(integer));
                each_step(&mut self.integers, &self.runs, |step, range, numbers| {
                    out[step] = kernel::integer_quantile_within(numbers, range, rank, value);
                });
            }
            None => each_step(&mut self.floats, &self.runs, |step, _, floats| {
                out[step] = kernel::quantile(floats, rank);
            }),
        }
    }
}

/// Calls `then` with all that is of one step and the range of its integers, step after step.
fn each_step<T: Copy>(
    all: &mut [T],
    runs: &[Run],
    mut then: impl FnMut(usize, (i32, i32), &mut [T]),
) {
    if runs.is_sorted_by_key(|run| run.step) {
        let mut rest = all;
        for of_step in runs.chunk_by(|a, b| a.step == b.step) {
            let length: usize = of_step.iter().map(|run| run.length as usize).sum();
            let (numbers, behind) = rest.split_at_mut(length);
            then(of_step[0].step as usize, range_of(of_step.iter()), numbers);
            rest = behind;
        }
        return;
    }
    // Runs of several series: those of one step are brought together.
    let mut start = 0;
    let mut placed: Vec<(&Run, Range<usize>)> = Vec::with_capacity(runs.len());
    for run in runs {
        placed.push((run, start..start + run.length as usize));
        start += run.length as usize;
    }
    placed.sort_by_key(|(run, _)| run.step);
    let mut together = Vec::new();
    for of_step in placed.chunk_by(|a, b| a.0.step == b.0.step) {
        together.clear();
        for (_, numbers) in of_step {
            together.extend_from_slice(&all[numbers.clone()]);
        }
        let range = range_of(of_step.iter().map(|(run, _)| *run));
        then(of_step[0].0.step as usize, range, &mut together);
    }
}

fn range_of<'a>(runs: impl Iterator<Item = &'a Run>) -> (i32, i32) {
    runs.fold(NONE, |(least, greatest), run| (least.min(run.range.0), greatest.max(run.range.1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Runs of one step each: their step, how they are given, and their numbers.
    type Given = (usize, usize, Vec<i32>);

    fn runs() -> impl Strategy<Value = Vec<Given>> {
        prop::collection::vec((0..4_usize, 0..4_usize, prop::collection::vec(-9..99, 0..20)), 0..9)
    }

    /// The same runs as integers of one arithmetic that all fit, as they mostly come.
    fn alike(runs: Vec<Given>) -> Vec<Given> {
        runs.into_iter().map(|(step, _, numbers)| (step % 3, 0, numbers)).collect()
    }

    /// Adds a run as it is given, and its values to those of its step.
    fn add((step, form, numbers): &Given, to: &mut Gathered, values: &mut [Vec<f64>; 4]) {
        let arithmetic = [Arithmetic::Whole, Arithmetic::Quotient { divisor: 8.0 }][form % 2];
        let base = if *step == 3 { i64::from(i32::MAX) - 50 } else { 1_000 };
        let integers = Integers { arithmetic, base, numbers };
        let mut floats = Vec::new();
        integers.append_values(&mut floats);
        values[*step].extend(&floats);
        if *form == 2 {
            floats.insert(floats.len() / 2, f64::NAN);
            to.add(*step, Values::Floats(&floats));
        } else {
            to.add(*step, Values::Integers(integers));
        }
    }

    proptest! {
        #[test]
        fn quantiles_are_those_of_all_numbers_however_they_are_given(
            first in runs(),
            second in runs(),
            are_alike in any::<bool>(),
            rank in 0.0..=1.0,
        ) {
            let (first, second) =
                if are_alike { (alike(first), alike(second)) } else { (first, second) };
            let mut values: [Vec<f64>; 4] = Default::default();
            let (mut gathered, mut later) = (Gathered::default(), Gathered::default());
            for run in &first {
                add(run, &mut gathered, &mut values);
            }
            for run in &second {
                add(run, &mut later, &mut values);
            }
            gathered.merge(later);
            let count: usize = values.iter().map(Vec::len).sum();
            prop_assert_eq!(gathered.len(), count);
            let mut found = [1.0; 4];
            gathered.write_quantiles(rank, &mut found);
            let expected = values.map(|mut values| kernel::quantile(&mut values, rank));
            prop_assert_eq!(found.map(f64::to_bits), expected.map(f64::to_bits));
        }
    }
}
