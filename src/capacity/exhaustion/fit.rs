//! A line through daily peaks, the memory of what is left, and how certain the slope is.

use crate::kernel::{self, Line, student_p, theil_sen};

/// Days of a week: peaks of one weekday are alike.
const WEEK: usize = 7;
/// Weekdays are told apart from so many days on.
const WEEKLY_DAYS_MIN: usize = 28;
/// Residuals are cut at so many robust deviations before their memory is measured.
const CLIP_DEVIATIONS: f64 = 4.0;
/// From this memory on, futures are random walks around the line.
const RANDOM_WALK_MEMORY: f64 = 0.85;
/// One step over a gap in so many says nothing that the others do not.
const GAP_ONE_IN: usize = 10;
/// Halvings in the search for the daily memory: to a ten-thousand-millionth.
const MEMORY_HALVINGS: usize = 33;

/// Peaks as a line and noise with memory, both in the scale of `logarithm`, and a weekly pattern in
/// the unit of the peaks.
#[derive(Debug, Clone)]
pub(super) struct Fit {
    /// Whether the line runs through the logarithms of the peaks.
    logarithm: bool,
    pub(super) line: Line,
    /// What each weekday does to what the line says.
    weekdays: Weekdays,
    /// The number of days, unknown ones included.
    pub(super) days: usize,
    /// The autocorrelation of the residuals of consecutive known days, corrected for its bias: 0 is
    /// white noise, 1 a random walk.
    memory: f64,
    /// The memory of futures, from one day to the next: near 1 it cannot be told from 1, and a
    /// random walk is the safer guess.
    pub(super) future_memory: f64,
    /// What is new on a day: `r(t) - memory * r(t - 1)`, around 0.
    pub(super) innovations: Vec<f64>,
    /// The last residual.
    pub(super) last_residual: f64,
    /// Standard error of the slope, and the degrees of freedom it was found with.
    pub(super) slope_error: f64,
    pub(super) freedom: f64,
    /// Standard error of the slope, were there no memory.
    white_error: f64,
    /// Standard error of the line's middle.
    pub(super) level_error: f64,
    /// Mean step of a day, and its standard error: the slope as a random walk sees it.
    drift: (f64, f64),
    known: usize,
}

/// What a weekday (day index modulo 7) does to a peak.
#[derive(Debug, Clone, Copy)]
enum Weekdays {
    /// Nothing that shows.
    None,
    /// It adds an amount.
    Amounts([f64; WEEK]),
    /// It multiplies: quiet weekends of a growing service grow too.
    Factors([f64; WEEK]),
}

impl Weekdays {
    fn apply(self, value: f64, day: usize) -> f64 {
        match self {
            Self::None => value,
            Self::Amounts(amounts) => value + amounts[day % WEEK],
            Self::Factors(factors) => value * factors[day % WEEK],
        }
    }

    fn remove(self, value: f64, day: usize) -> f64 {
        match self {
            Self::None => value,
            Self::Amounts(amounts) => value - amounts[day % WEEK],
            Self::Factors(factors) => value / factors[day % WEEK],
        }
    }
}

impl Fit {
    /// Fits a line to the peaks of one regime; `None` for fewer than two.
    pub(super) fn steady(peaks: &[f64]) -> Option<Self> {
        Self::best(peaks, false)
    }

    /// Fits a line to the logarithms of the peaks of one regime; `None` for fewer than two.
    pub(super) fn compound(peaks: &[f64]) -> Option<Self> {
        Self::best(peaks, true)
    }

    /// The fit whose weekdays, amounts or factors, are closer to the peaks. The kind that belongs
    /// to the scale comes first: where it shows nothing, the other is not looked for.
    fn best(peaks: &[f64], logarithm: bool) -> Option<Self> {
        let first = Self::in_scale(peaks, logarithm, logarithm)?;
        let positive = peaks.iter().all(|peak| peak.is_nan() || *peak > 0.0);
        if !positive || matches!(first.weekdays, Weekdays::None) {
            return Some(first);
        }
        let second = Self::in_scale(peaks, logarithm, !logarithm)?;
        Some(if second.misfit(peaks) < first.misfit(peaks) { second } else { first })
    }

    fn in_scale(peaks: &[f64], logarithm: bool, factors: bool) -> Option<Self> {
        let peaks: Vec<f64> =
            peaks.iter().map(|v| if v.is_finite() { *v } else { f64::NAN }).collect();
        let days = || peaks.iter().copied().enumerate();
        let mut flat: Vec<f64> = days().map(|(_, peak)| scaled(peak, logarithm)).collect();
        let mut line = theil_sen(&flat)?;
        let known = peaks.iter().filter(|peak| !peak.is_nan()).count();
        let levels: Vec<f64> =
            days().map(|(day, _)| unscaled(line.at(day as f64), logarithm)).collect();
        let mut weekdays = weekdays(&peaks, &levels, known, factors);
        if logarithm && days().any(|(day, peak)| weekdays.remove(peak, day) <= 0.0) {
            weekdays = Weekdays::None;
        }
        if !matches!(weekdays, Weekdays::None) {
            flat =
                days().map(|(day, peak)| scaled(weekdays.remove(peak, day), logarithm)).collect();
            line = theil_sen(&flat)?;
        }
        let residuals: Vec<f64> =
            flat.iter().enumerate().map(|(day, value)| value - line.at(day as f64)).collect();
        let memory = memory(&residuals, known);
        let steps = steps(&residuals);
        let daily_memory = daily_memory(memory, &steps);
        let mut fit = Self {
            logarithm,
            line,
            weekdays,
            days: peaks.len(),
            memory,
            future_memory: if daily_memory >= RANDOM_WALK_MEMORY { 1.0 } else { daily_memory },
            innovations: innovations(&steps, daily_memory),
            last_residual: residuals.iter().copied().rfind(|r| !r.is_nan()).unwrap_or(0.0),
            slope_error: 0.0,
            freedom: 1.0,
            white_error: 0.0,
            level_error: 0.0,
            drift: drift(&self::steps(&flat)),
            known,
        };
        fit.measure_errors(&residuals);
        Some(fit)
    }

    /// A random walk of known drift, at 0 on its last day.
    #[cfg(test)]
    pub(super) fn walk(drift: f64, innovations: Vec<f64>) -> Self {
        let line = Line { intercept: 0.0, slope: drift };
        Self {
            logarithm: false,
            line,
            weekdays: Weekdays::None,
            days: 1,
            memory: 1.0,
            future_memory: 1.0,
            innovations,
            last_residual: 0.0,
            slope_error: 0.0,
            freedom: 1.0,
            white_error: 0.0,
            level_error: 0.0,
            drift: (drift, 0.0),
            known: 1,
        }
    }

    /// Errors of slope and level for noise with memory: those of white noise, times
    /// `sqrt((1 + memory) / (1 - memory))`, with as many degrees of freedom as there are
    /// independent days. For a random walk the mean step is the better bound.
    fn measure_errors(&mut self, residuals: &[f64]) {
        let clipped = clipped(residuals);
        let n = self.known as f64;
        let deviation = (clipped.iter().map(|r| r * r).sum::<f64>() / (n - 2.0).max(1.0)).sqrt();
        let days: Vec<f64> =
            (0..residuals.len()).filter(|d| !residuals[*d].is_nan()).map(|d| d as f64).collect();
        let middle = days.iter().sum::<f64>() / n;
        let spread = days.iter().map(|day| (day - middle).powi(2)).sum::<f64>().sqrt();
        let inflation = ((1.0 + self.memory) / (1.0 - self.memory).max(1e-3)).sqrt();
        self.white_error = deviation / spread.max(f64::MIN_POSITIVE);
        let of_line = self.white_error * inflation;
        self.freedom = (n / (inflation * inflation) - 2.0).max(1.0);
        self.slope_error = of_line.min(self.drift.1);
        self.level_error = deviation * inflation.min(n.sqrt()) / n.sqrt();
    }

    /// How many independent days the known ones are worth.
    pub(super) fn independent_days(&self) -> f64 {
        (self.known as f64 * (1.0 - self.memory) / (1.0 + self.memory)).max(2.0)
    }

    /// How far the fit is from the peaks, on average, in their unit.
    pub(super) fn misfit(&self, peaks: &[f64]) -> f64 {
        self.distances(peaks).into_iter().map(f64::abs).filter(|off| !off.is_nan()).sum()
    }

    /// How far each peak is from the fit, in the unit of the peaks.
    pub(super) fn distances(&self, peaks: &[f64]) -> Vec<f64> {
        let level = |day: usize| self.peak(self.line.at(day as f64), day);
        peaks.iter().enumerate().map(|(day, peak)| peak - level(day)).collect()
    }

    /// The peak of a day on which line and noise are at `value`, in the unit of the peaks.
    pub(super) fn peak(&self, value: f64, day: usize) -> f64 {
        self.weekdays.apply(unscaled(value, self.logarithm), day)
    }

    /// What line and noise must reach on each weekday (day index modulo 7), so that the peak is at
    /// `peak`, in the scale of the fit.
    pub(super) fn marks(&self, peak: f64) -> [f64; WEEK] {
        std::array::from_fn(|weekday| {
            let level = self.weekdays.remove(peak, weekday);
            // A weekday that is there by its amount alone needs nothing more.
            scaled(if self.logarithm { level.max(0.0) } else { level }, self.logarithm)
        })
    }

    /// What the line alone comes to on a day, in the unit of the peaks.
    pub(super) fn level(&self, day: f64) -> f64 {
        unscaled(self.line.at(day), self.logarithm)
    }

    /// Growth per day at the last day, in the unit of the peaks.
    pub(super) fn slope_per_day(&self) -> f64 {
        let last = self.days.saturating_sub(1) as f64;
        if self.logarithm { self.line.at(last).exp() * self.line.slope } else { self.line.slope }
    }

    /// The probability of so steep a slope where there is none. Two tests are made: of the line,
    /// against noise with memory, and of the mean step, against a random walk; the better one
    /// counts, at double its price. The memory itself is known only within its standard error, so
    /// the probability is averaged over it (Gauss and Hermite, three points).
    pub(super) fn p_value(&self) -> f64 {
        let n = self.known as f64;
        let drift = slope_p(self.drift.0, self.drift.1, n - 2.0);
        let at = |memory: f64| (2.0 * self.line_p(memory).min(drift)).min(1.0);
        let reach = 3.0_f64.sqrt() * ((1.0 - self.memory * self.memory) / n + 4.0 / (n * n)).sqrt();
        let ends = at((self.memory - reach).max(0.0)) + at((self.memory + reach).min(1.0));
        ends / 6.0 + at(self.memory) * 2.0 / 3.0
    }

    /// The test of the line's slope for noise of this memory; 1 where it leaves no two independent
    /// days.
    fn line_p(&self, memory: f64) -> f64 {
        let inflation = (1.0 + memory) / (1.0 - memory).max(1e-3);
        let freedom = self.known as f64 / inflation - 2.0;
        if freedom < 1.0 {
            return 1.0;
        }
        slope_p(self.line.slope, self.white_error * inflation.sqrt(), freedom)
    }
}

fn slope_p(slope: f64, error: f64, freedom: f64) -> f64 {
    if slope == 0.0 { 1.0 } else { student_p(slope / error, freedom) }
}

/// A peak in the scale of a fit.
fn scaled(peak: f64, logarithm: bool) -> f64 {
    if logarithm { peak.ln() } else { peak }
}

/// A value in the scale of a fit as a peak.
fn unscaled(value: f64, logarithm: bool) -> f64 {
    if logarithm { value.exp() } else { value }
}

/// What each weekday does to the level, in the median; nothing where there are too few weeks, or
/// where weekdays do not explain clearly more than chance would.
fn weekdays(peaks: &[f64], levels: &[f64], known: usize, factors: bool) -> Weekdays {
    if known < WEEKLY_DAYS_MIN || (factors && levels.iter().any(|level| *level <= 0.0)) {
        return Weekdays::None;
    }
    let of_day = |(peak, level): (&f64, &f64)| if factors { peak / level } else { peak - level };
    let each: Vec<f64> = peaks.iter().zip(levels).map(of_day).collect();
    let mut pattern = [if factors { 1.0 } else { 0.0 }; WEEK];
    for (weekday, place) in pattern.iter_mut().enumerate() {
        let mut own: Vec<f64> = each.iter().skip(weekday).step_by(WEEK).copied().collect();
        let middle = kernel::median(&mut own);
        if middle.is_finite() && (!factors || middle > 0.0) {
            *place = middle;
        }
    }
    let found = if factors { Weekdays::Factors(pattern) } else { Weekdays::Amounts(pattern) };
    let off = |weekdays: Weekdays| {
        let days = peaks.iter().zip(levels).enumerate();
        mean_size(&days.map(|(day, (p, l))| p - weekdays.apply(*l, day)).collect::<Vec<f64>>())
    };
    let (before, after) = (off(Weekdays::None), off(found));
    // Seven free medians shrink pure noise by about 7 / n; ask for clearly more than that.
    let gain = 1.0 - after / before;
    if before > 0.0 && gain > 0.1 + 7.0 / known as f64 { found } else { Weekdays::None }
}

fn mean_size(values: &[f64]) -> f64 {
    let known = values.iter().filter(|value| !value.is_nan());
    let (sum, count) = known.fold((0.0, 0), |(sum, count), v| (sum + v.abs(), count + 1));
    sum / f64::from(count.max(1))
}

/// Residuals without the gaps, cut at a few robust deviations: one burst is no memory.
fn clipped(residuals: &[f64]) -> Vec<f64> {
    let known: Vec<f64> = residuals.iter().copied().filter(|r| !r.is_nan()).collect();
    let deviation = kernel::robust_deviation(&mut known.clone());
    if deviation == 0.0 {
        return known;
    }
    let bound = CLIP_DEVIATIONS * deviation;
    known.into_iter().map(|r| r.clamp(-bound, bound)).collect()
}

/// The lag-1 autocorrelation of residuals from a line, corrected for what the line takes out of it:
/// `(2 + 4 memory) / n` of the true memory (Kendall 1954; Marriott and Pope 1954, with a trend
/// fitted), solved for that. Gaps are skipped: it is what `n` known days are worth that counts.
fn memory(residuals: &[f64], known: usize) -> f64 {
    let values = clipped(residuals);
    let power: f64 = values.iter().map(|r| r * r).sum();
    if power == 0.0 {
        return 0.0;
    }
    let product: f64 = values.iter().zip(values.iter().skip(1)).map(|(a, b)| a * b).sum();
    let raw = product / power;
    let n = known as f64;
    ((raw + 2.0 / n) / (1.0 - 4.0 / n)).clamp(0.0, 1.0)
}

/// From a known value to the next one.
#[derive(Debug, Clone, Copy)]
struct Step {
    from: f64,
    to: f64,
    /// 1, and one more for each unknown day between the two.
    days: i32,
}

/// The steps of all known values, but for those over gaps where these are few.
fn steps(values: &[f64]) -> Vec<Step> {
    let known: Vec<(usize, f64)> =
        values.iter().copied().enumerate().filter(|(_, value)| !value.is_nan()).collect();
    let pairs = known.iter().zip(known.iter().skip(1));
    let step = |((day, from), (next, to)): (&(usize, f64), &(usize, f64))| Step {
        from: *from,
        to: *to,
        days: i32::try_from(next - day).unwrap_or(i32::MAX),
    };
    let mut steps: Vec<Step> = pairs.map(step).collect();
    let over_gaps = steps.iter().filter(|step| step.days > 1).count();
    if over_gaps * GAP_ONE_IN <= steps.len() {
        steps.retain(|step| step.days == 1);
    }
    steps
}

/// The memory from one day to the next, of the memory from one known day to the next: that of which
/// the mean of `daily^days` over the steps is `memory`.
fn daily_memory(memory: f64, steps: &[Step]) -> f64 {
    if memory <= 0.0 || memory >= 1.0 || steps.iter().all(|step| step.days == 1) {
        return memory;
    }
    let mean_of = |daily: f64| {
        steps.iter().map(|step| daily.powi(step.days)).sum::<f64>() / steps.len() as f64
    };
    let (mut low, mut high) = (memory, 1.0);
    for _ in 0..MEMORY_HALVINGS {
        let middle = 0.5 * (low + high);
        *(if mean_of(middle) < memory { &mut low } else { &mut high }) = middle;
    }
    high
}

/// What is new on a day, centred. What is new in a step over `k` days has the variance of a day's
/// times `1 + memory^2 + ... + memory^(2 k - 2)`, and is divided by the root of that.
fn innovations(steps: &[Step], memory: f64) -> Vec<f64> {
    let of_day = |step: &Step| {
        let spread = (0..step.days).map(|day| memory.powi(day).powi(2)).sum::<f64>().sqrt();
        (step.to - memory.powi(step.days) * step.from) / spread
    };
    let mut found: Vec<f64> = steps.iter().map(of_day).collect();
    let n = found.len() as f64;
    let mean = found.iter().sum::<f64>() / n.max(1.0);
    // A line and a memory were fitted: what is left is a little too small.
    let widen = (n / (n - 3.0).max(1.0)).sqrt();
    for innovation in &mut found {
        *innovation = (*innovation - mean) * widen;
    }
    found
}

/// Mean step of a day and its standard error, were the values a random walk: a step over `k` days
/// is `k` times the mean, and has `k` times the variance of a day's.
fn drift(steps: &[Step]) -> (f64, f64) {
    let n = steps.len() as f64;
    let rise = |step: &Step| step.to - step.from;
    let days = steps.iter().map(|step| f64::from(step.days)).sum::<f64>().max(1.0);
    let mean = steps.iter().map(rise).sum::<f64>() / days;
    let square = |step: &Step| {
        let days = f64::from(step.days);
        (rise(step) - days * mean).powi(2) / days
    };
    let variance = steps.iter().map(square).sum::<f64>() / (n - 1.0).max(1.0);
    // Each as the step of one day that is as far from the mean, in deviations.
    let of_day = |step: &Step| {
        let days = f64::from(step.days);
        (rise(step) - (days - days.sqrt()) * mean) / days.sqrt()
    };
    // Steps that are nearly all alike hide rare large ones from the plain deviation of few days.
    let mut alike: Vec<f64> = steps.iter().map(of_day).collect();
    let deviation = variance.sqrt().max(kernel::robust_deviation(&mut alike));
    (mean, deviation / days.sqrt())
}
