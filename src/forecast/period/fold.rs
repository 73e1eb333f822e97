//! A row folded at a period: what its cycles have in common, and whether that is more than chance.
//!
//! The level is taken out by a moving mean one period long, so that trends, steps and walks count
//! only by what they do inside a cycle. What is left is an analysis of variance, phases against
//! the rest (Fisher 1925), with the independent values counted by the rest's own memory.

/// Cycles that share one pattern, about: patterns of long rows may change.
const CYCLES_PER_PATTERN: usize = 14;

/// A row of numbers with gaps.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// The values, 0 where there is none.
    pub(super) values: Vec<f64>,
    /// 1 where there is a value, 0 elsewhere.
    pub(super) known: Vec<f64>,
    /// Whether there is a value everywhere.
    pub(super) whole: bool,
}

impl Row {
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// The row less its moving mean of `window` values (the mean of two such windows, one step
    /// apart, where it is even: a cycle of any phase weighs the same). Towards the ends the last
    /// whole window counts.
    pub(super) fn without_level(&self, window: usize) -> Self {
        let last = self.len().saturating_sub(window);
        let sums = running(&self.values);
        let counts = if self.whole { Vec::new() } else { running(&self.known) };
        let total = |sums: &[f64], from: usize| sums[from + window] - sums[from];
        let mut values = vec![0.0; self.len()];
        for (at, value) in values.iter_mut().enumerate() {
            let first = at.saturating_sub(window / 2).min(last);
            let second = at.saturating_sub((window - 1) / 2).min(last);
            let sum = total(&sums, first) + total(&sums, second);
            let count = if self.whole {
                2.0 * window as f64
            } else {
                total(&counts, first) + total(&counts, second)
            };
            if self.whole || self.known[at] > 0.0 {
                *value = self.values[at] - sum / count;
            }
        }
        Self { values, known: self.known.clone(), whole: self.whole }
    }
}

/// Sums of the first 0, 1, 2, ... numbers.
fn running(row: &[f64]) -> Vec<f64> {
    let mut sums = Vec::with_capacity(row.len() + 1);
    let mut sum = 0.0;
    sums.push(sum);
    sums.extend(row.iter().map(|value| {
        sum += value;
        sum
    }));
    sums
}

/// What the cycles of a row have in common.
#[derive(Debug, Clone)]
pub(super) struct Fold {
    /// Steps of a cycle.
    pub(super) period: usize,
    /// The pattern, as long as the row: the mean of each phase over its stretch of cycles.
    pub(super) pattern: Vec<f64>,
    /// The correlation of two values of one phase (Fisher's intraclass correlation): 0 where
    /// cycles have nothing in common, 1 where they are equal.
    pub(super) strength: f64,
    /// The mean square of the pattern, less what chance puts into it.
    pub(super) explained: f64,
    /// Mean squares of phases and of the rest, and their degrees of freedom.
    between: f64,
    within: f64,
    freedom_between: f64,
    freedom_within: f64,
}

impl Fold {
    /// Folds `level`, a row whose level was taken out, at `period`.
    pub(super) fn of(level: &Row, period: usize) -> Self {
        let len = level.len();
        let cycles = (len / period).max(1);
        let patterns = ((cycles + CYCLES_PER_PATTERN / 2) / CYCLES_PER_PATTERN).max(1);
        let stretch = cycles.div_ceil(patterns) * period;
        let mut folding = Folding::new(period, len);
        let mut start = 0;
        while start < len {
            // A rest of less than half a stretch goes with the stretch before it.
            let end = if start + stretch + stretch / 2 >= len { len } else { start + stretch };
            folding.stretch(level, start, end);
            start = end;
        }
        folding.finish()
    }

    /// How many standard deviations the pattern stands above chance. Few cycles, and a rest that
    /// wanders slowly, leave few independent values. Of F by its cube root (Paulson 1942).
    pub(super) fn significance(&self, level: &Row) -> f64 {
        let share = independent_share(level, &self.pattern, self.period);
        let a = 2.0 / (9.0 * (self.freedom_between * share).max(1.0));
        let b = 2.0 / (9.0 * (self.freedom_within * share).max(1.0));
        if self.within <= 0.0 {
            return if self.between > 0.0 { f64::INFINITY } else { 0.0 };
        }
        let root = (self.between / self.within).cbrt();
        ((1.0 - b) * root - (1.0 - a)) / (a + b * root * root).sqrt()
    }
}

/// A fold in the making.
struct Folding {
    period: usize,
    pattern: Vec<f64>,
    sums: Vec<f64>,
    counts: Vec<f64>,
    squares_between: f64,
    squares: f64,
    squares_phases: f64,
    values: f64,
    phases: f64,
    stretches: f64,
}

impl Folding {
    fn new(period: usize, len: usize) -> Self {
        Self {
            period,
            pattern: vec![0.0; len],
            sums: vec![0.0; period],
            counts: vec![0.0; period],
            squares_between: 0.0,
            squares: 0.0,
            squares_phases: 0.0,
            values: 0.0,
            phases: 0.0,
            stretches: 0.0,
        }
    }

    /// Adds the values from `start` to `end`.
    fn stretch(&mut self, level: &Row, start: usize, end: usize) {
        self.sums.fill(0.0);
        self.counts.fill(0.0);
        let (values, known) = (&level.values[start..end], &level.known[start..end]);
        for (values, known) in values.chunks(self.period).zip(known.chunks(self.period)) {
            for (sum, value) in self.sums.iter_mut().zip(values) {
                *sum += value;
            }
            for (count, known) in self.counts.iter_mut().zip(known) {
                *count += known;
            }
        }
        let (mut sum, mut count) = (0.0, 0.0);
        for (phase, n) in self.sums.iter().zip(&self.counts).filter(|(_, n)| **n > 0.0) {
            self.squares_phases += phase * phase / n;
            self.phases += 1.0;
            sum += phase;
            count += n;
        }
        if count == 0.0 {
            return;
        }
        self.squares_between -= sum * sum / count;
        self.values += count;
        self.stretches += 1.0;
        let pattern = &mut self.pattern[start..end];
        for pattern in pattern.chunks_mut(self.period) {
            for (value, (sum, count)) in pattern.iter_mut().zip(self.sums.iter().zip(&self.counts))
            {
                *value = sum / count.max(1.0);
            }
        }
        self.squares += values.iter().map(|value| value * value).sum::<f64>();
    }

    fn finish(mut self) -> Fold {
        self.squares_between += self.squares_phases;
        let freedom_between = (self.phases - self.stretches).max(1.0);
        let freedom_within = (self.values - self.phases).max(1.0);
        let between = self.squares_between / freedom_between;
        let within = (self.squares - self.squares_phases).max(0.0) / freedom_within;
        let per_phase = self.values / self.phases.max(1.0);
        let scale = between + (per_phase - 1.0) * within;
        let excess = between - within;
        Fold {
            period: self.period,
            pattern: self.pattern,
            strength: if scale > 0.0 { excess / scale } else { 0.0 },
            explained: excess.max(0.0) * freedom_between / self.values.max(1.0),
            between,
            within,
            freedom_between,
            freedom_within,
        }
    }
}

/// The share of values that are independent, by the memory of the rest inside half a period:
/// `1 / (1 + 2 (r(1)^2 + r(2)^2 + ...))`, its `r` taken at distances that grow, straight between.
fn independent_share(level: &Row, pattern: &[f64], period: usize) -> f64 {
    let rest = level.values.iter().zip(pattern).zip(&level.known);
    let rest: Vec<f64> = rest.map(|((value, pattern), known)| (value - pattern) * known).collect();
    let product = |lag: usize| -> f64 {
        rest.iter().zip(rest.get(lag..).unwrap_or(&[])).map(|(a, b)| a * b).sum()
    };
    let square = product(0);
    if square <= 0.0 {
        return 1.0;
    }
    let (mut sum, mut lag, mut last) = (0.0, 1, None);
    while lag <= (period / 2).max(1) {
        let here = (product(lag) / square).powi(2);
        sum += match last {
            None => here,
            Some((before, there)) => (lag - before) as f64 * f64::midpoint(there, here),
        };
        last = Some((lag, here));
        lag += lag.div_ceil(2);
    }
    1.0 / (1.0 + 2.0 * sum)
}
