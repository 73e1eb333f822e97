//! What an event did: the windows before and after it, compared.

use super::list::Event;
use super::pattern::without_pattern;
use crate::capacity::drivers::{Bound, COVERAGE, Design, Observations, ROWS_MIN, Regression};
use crate::error::{Error, Result};
use crate::kernel::{student_factor, student_p};
use crate::model::{Span, Timestamp};

/// How events are looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct EventOptions {
    /// How far the windows reach, at most: to the next event, or this far. Longer ones see smaller
    /// changes, and take slow changes for the event's.
    pub window: Span,
    /// How long after an event nothing is counted: caches warm up, hosts restart. Default: no time.
    pub settle: Span,
}

/// A number with its interval of [`COVERAGE`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The estimate.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// A number before and after an event.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    /// Before.
    pub before: Estimate,
    /// After.
    pub after: Estimate,
    /// After less before.
    pub difference: Estimate,
    /// The difference as a share of what was before; `None` where that is not above 0.
    pub share: Option<f64>,
    /// The probability of so large a difference where there is none.
    pub p_value: f64,
}

/// What an event did to a series.
#[derive(Debug, Clone, PartialEq)]
pub struct EventEffect {
    /// The event, as an index into the list.
    pub event: usize,
    /// Rows before and after.
    pub rows: [usize; 2],
    /// Resource per unit of the driver; of several, what their mean demand costs. `None` without a
    /// driver.
    pub cost: Option<Change>,
    /// Use at one demand, the mean of both windows; without a driver, use less the pattern of the
    /// day.
    pub used: Change,
    /// The probability that chance alone changes cost or use so much: with a driver twice the
    /// smaller of their two (Bonferroni).
    pub p_value: f64,
}

/// A number of one window, its variance and the degrees of freedom of that.
#[derive(Debug, Clone, Copy)]
struct Uncertain {
    value: f64,
    variance: f64,
    freedom: f64,
}

impl Default for EventOptions {
    fn default() -> Self {
        Self { window: Span::WEEK, settle: Span::ZERO }
    }
}

/// The effect of each event, in their order, or the reason why none can be told. `events` are those
/// that concern the series, sorted by time.
///
/// # Errors
///
/// Where the window is no time, or events are not sorted.
pub fn event_effects(
    observations: &Observations<'_>,
    events: &[&Event],
    options: &EventOptions,
) -> Result<Vec<Result<EventEffect, String>>> {
    if options.window.is_zero() || options.settle >= options.window {
        let (window, settle) = (options.window, options.settle);
        let what = format!("a window of {window} with {settle} to settle: take a longer one");
        return Err(Error::invalid(what));
    }
    if events.windows(2).any(|pair| pair[0].time > pair[1].time) {
        return Err(Error::invalid("events are not sorted by time"));
    }
    let one = |(at, event): (usize, &&Event)| {
        let earlier =
            at.checked_sub(1).map_or(Timestamp::MIN, |at| events[at].time.plus(options.settle));
        let later = events.get(at + 1).map_or(Timestamp::MAX, |event| event.time);
        let start = event.time.minus(options.window).max(earlier);
        let end = event.time.plus(options.window).min(later);
        let before = observations.between(start, event.time);
        let after = observations.between(event.time.plus(options.settle), end);
        compare(at, &before, &after)
    };
    Ok(events.iter().enumerate().map(one).collect())
}

fn compare(
    event: usize,
    before: &Observations<'_>,
    after: &Observations<'_>,
) -> Result<EventEffect, String> {
    let known = [before.known(), after.known()];
    let rows = [known[0].len(), known[1].len()];
    let needed = ROWS_MIN + 2 * before.drivers().len();
    let sides = ["before it, back to the event before", "after it, up to the next event"];
    for (rows, side) in rows.iter().zip(sides) {
        if *rows < needed {
            return Err(format!("{rows} rows {side}; {needed} are needed"));
        }
    }
    if before.drivers().is_empty() {
        let used = shift(before, &known[0], after, &known[1])?;
        return Ok(EventEffect { event, rows, cost: None, used, p_value: used.p_value });
    }
    let (cost, used) = costs(before, &known[0], after, &known[1])?;
    let p_value = (2.0 * cost.p_value.min(used.p_value)).min(1.0);
    Ok(EventEffect { event, rows, cost: Some(cost), used, p_value })
}

/// A regression on each window: the cost of a unit, and use at the mean demand of both.
fn costs(
    before: &Observations<'_>,
    known_before: &[usize],
    after: &Observations<'_>,
    known_after: &[usize],
) -> Result<(Change, Change), String> {
    let design = |part: &Observations<'_>, known: &[usize]| {
        let of = |values: &[f64]| known.iter().map(|row| values[*row]).collect::<Vec<f64>>();
        let columns = part.drivers().iter().map(|driver| of(driver.values)).collect();
        Design::with_constant(columns, of(part.resource()))
    };
    let (before, after) = (design(before, known_before), design(after, known_after));
    let rows = (known_before.len() + known_after.len()) as f64;
    let sums = before.columns.iter().zip(&after.columns).skip(1);
    let means: Vec<f64> =
        sums.map(|(a, b)| (a.iter().sum::<f64>() + b.iter().sum::<f64>()) / rows).collect();
    let fit = |design: &Design, side: &str| {
        let failed = |_| format!("demand does not vary enough {side} it to tell a cost");
        Regression::fit(design, Bound::Free).map_err(failed)
    };
    let (before, after) = (fit(&before, "before")?, fit(&after, "after")?);
    let with = |constant: f64, parts: &[f64]| {
        let weights: Vec<f64> = std::iter::once(constant).chain(parts.iter().copied()).collect();
        Change::between(uncertain(&before, &weights), uncertain(&after, &weights))
    };
    let cost = if means.len() == 1 { with(0.0, &[1.0]) } else { with(0.0, &means) };
    Ok((cost, with(1.0, &means)))
}

/// The mean of each window, less the pattern of the day.
fn shift(
    before: &Observations<'_>,
    known_before: &[usize],
    after: &Observations<'_>,
    known_after: &[usize],
) -> Result<Change, String> {
    let rows = |part: &Observations<'_>, known: &[usize]| -> Vec<(Timestamp, f64)> {
        known.iter().map(|row| (part.times()[*row], part.resource()[*row])).collect()
    };
    let found = without_pattern(&rows(before, known_before), &rows(after, known_after));
    let found = found.ok_or("no hour of the day is known both before and after it")?;
    let mean = |values: Vec<f64>, inflation: f64| {
        if values.len() < ROWS_MIN {
            return Err(format!("{} rows share their hour of the day with others", values.len()));
        }
        let design = Design::with_constant(Vec::new(), values);
        let fit = Regression::fit(&design, Bound::Free).map_err(|why| why.to_string())?;
        let mut mean = uncertain(&fit, &[1.0]);
        mean.value += found.level;
        mean.variance *= inflation;
        Ok(mean)
    };
    let [first, second] = found.inflation;
    Ok(Change::between(mean(found.before, first)?, mean(found.after, second)?))
}

fn uncertain(fit: &Regression, weights: &[f64]) -> Uncertain {
    let (value, error) = fit.sum(weights);
    Uncertain { value, variance: error * error, freedom: fit.freedom }
}

impl Change {
    /// The windows are taken for independent; degrees of freedom after Welch (1947).
    fn between(before: Uncertain, after: Uncertain) -> Self {
        let variance = before.variance + after.variance;
        let share = |of: Uncertain| of.variance * of.variance / of.freedom;
        let shares = share(before) + share(after);
        let freedom = if shares > 0.0 { variance * variance / shares } else { 1.0 };
        let value = after.value - before.value;
        let p_value = match value {
            0.0 => 1.0,
            _ if variance == 0.0 => 0.0,
            _ => student_p(value / variance.sqrt(), freedom),
        };
        Self {
            before: before.estimate(),
            after: after.estimate(),
            difference: Uncertain { value, variance, freedom }.estimate(),
            share: (before.value > 0.0).then(|| value / before.value),
            p_value,
        }
    }
}

impl Uncertain {
    fn estimate(self) -> Estimate {
        let half = student_factor(1.0 - COVERAGE, self.freedom) * self.variance.sqrt();
        Estimate { value: self.value, low: self.value - half, high: self.value + half }
    }
}
