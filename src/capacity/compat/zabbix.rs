//! Zabbix: `forecast` and `timeleft`.
//!
//! Times are seconds from the oldest value, which itself stands at a nanosecond, so that it has a
//! logarithm. Exponential and power fits are straight lines through logarithms of the values.

use std::str::FromStr;

use super::TimedValue;
use super::polynomial::Polynomial;
use crate::error::{Error, Result};

/// Where the oldest value stands, in seconds.
const OLDEST_S: f64 = 1e-9;
const DEGREE_MAX: usize = 6;

/// Through what the values are thought to run; with `t` the time from the oldest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fit {
    /// `a + b t`.
    #[default]
    Linear,
    /// A polynomial of this degree, 1 to 6.
    Polynomial(usize),
    /// `a exp(b t)`; takes values above 0.
    Exponential,
    /// `a + b ln t`.
    Logarithmic,
    /// `a t^b`; takes values above 0.
    Power,
}

/// What is asked of the fit between now and the horizon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Its value at the horizon.
    #[default]
    Value,
    /// Its highest value up to there.
    Max,
    /// Its lowest value up to there.
    Min,
    /// The difference of the two.
    Delta,
    /// Its mean up to there.
    Average,
}

impl FromStr for Fit {
    type Err = Error;

    /// As Zabbix spells it: `linear`, `polynomial1` to `polynomial6`, `exponential`, `logarithmic`,
    /// `power`.
    fn from_str(text: &str) -> Result<Self> {
        let degree = |text: &str| {
            let degree = text.strip_prefix("polynomial")?.parse().ok()?;
            (1..=DEGREE_MAX).contains(&degree).then_some(Self::Polynomial(degree))
        };
        match text {
            "linear" => Ok(Self::Linear),
            "exponential" => Ok(Self::Exponential),
            "logarithmic" => Ok(Self::Logarithmic),
            "power" => Ok(Self::Power),
            _ => degree(text).ok_or_else(|| {
                Error::invalid(format!(
                    "{text} is no fit: write linear, polynomial1 to polynomial6, exponential, \
                     logarithmic or power"
                ))
            }),
        }
    }
}

impl FromStr for Mode {
    type Err = Error;

    /// As Zabbix spells it: `value`, `max`, `min`, `delta`, `avg`.
    fn from_str(text: &str) -> Result<Self> {
        match text {
            "value" => Ok(Self::Value),
            "max" => Ok(Self::Max),
            "min" => Ok(Self::Min),
            "delta" => Ok(Self::Delta),
            "avg" => Ok(Self::Average),
            _ => Err(Error::invalid(format!(
                "{text} is no mode: write value, max, min, delta or avg"
            ))),
        }
    }
}

/// `forecast(/host/key, period, horizon, fit, mode)`, evaluated at `now_s` over `samples` (those of
/// the period, in any order).
///
/// One sample alone is its own forecast, and has a delta of 0. A forecast too large for a number is
/// infinite; Zabbix prints 1.797e308 there.
///
/// ```
/// use plimsoll::capacity::compat::TimedValue;
/// use plimsoll::capacity::compat::zabbix::{Fit, Mode, forecast, timeleft};
/// let samples = [(0.0, 10.0), (60.0, 12.0), (120.0, 14.0)]
///     .map(|(time_s, value)| TimedValue { time_s, value });
/// let at_hour = forecast(&samples, 120.0, 3600.0, Fit::Linear, Mode::Value)?;
/// assert!((at_hour - 134.0).abs() < 1e-6);
/// assert!((timeleft(&samples, 120.0, 20.0, Fit::Linear)?.unwrap() - 180.0).abs() < 1e-6);
/// assert_eq!(timeleft(&samples, 120.0, 5.0, Fit::Linear)?, None);
/// # Ok::<(), plimsoll::Error>(())
/// ```
///
/// # Errors
///
/// No sample; a time or value that is not finite; too few distinct times for the fit; values of 0
/// or less where logarithms are needed; a horizon that is negative; `now_s` before the oldest
/// sample; a fit that has no value there.
pub fn forecast(
    samples: &[TimedValue],
    now_s: f64,
    horizon_s: f64,
    fit: Fit,
    mode: Mode,
) -> Result<f64> {
    if !(horizon_s.is_finite() && horizon_s >= 0.0) {
        let found = format!("the horizon is {horizon_s} s");
        return Err(Error::invalid(format!("{found}; give 0 or more seconds")));
    }
    check(samples, now_s)?;
    if let [only] = samples {
        return Ok(if mode == Mode::Delta { 0.0 } else { only.value });
    }
    let curve = Curve::fit(samples, fit)?;
    let from = now_s - oldest(samples) + OLDEST_S;
    let to = from + horizon_s;
    let found = match mode {
        Mode::Value => curve.value(to),
        Mode::Max => curve.extremes(from, to).1,
        Mode::Min => curve.extremes(from, to).0,
        Mode::Delta => {
            let (low, high) = curve.extremes(from, to);
            high - low
        }
        Mode::Average if horizon_s == 0.0 => curve.value(to),
        Mode::Average => curve.mean(from, to),
    };
    if found.is_nan() {
        return Err(Error::not_enough_data(
            "the fit has no value at the horizon; take another fit",
        ));
    }
    Ok(found)
}

/// `timeleft(/host/key, period, threshold, fit)`: how many seconds after `now_s` the fit first has
/// the value `threshold`; 0 where it has it now.
///
/// `None` where it never has: a crossing of the past, however near, does not count. Zabbix prints
/// 1.797e308 there, which is no time; we print none.
///
/// # Errors
///
/// As [`forecast`].
pub fn timeleft(
    samples: &[TimedValue],
    now_s: f64,
    threshold: f64,
    fit: Fit,
) -> Result<Option<f64>> {
    if !threshold.is_finite() {
        let found = format!("the threshold is {threshold}");
        return Err(Error::invalid(format!("{found}; give a finite number")));
    }
    check(samples, now_s)?;
    if let [only] = samples {
        return Ok((only.value == threshold).then_some(0.0));
    }
    let curve = Curve::fit(samples, fit)?;
    let now = now_s - oldest(samples) + OLDEST_S;
    if curve.value(now) == threshold {
        return Ok(Some(0.0));
    }
    Ok(curve.first_after(now, threshold).filter(|left| left.is_finite() && *left >= 0.0))
}

/// A fitted curve.
enum Curve {
    Polynomial(Polynomial),
    /// `level + slope x`, with `x` the time or its logarithm, and the logarithm of the value or
    /// the value itself.
    Line {
        level: f64,
        slope: f64,
        by_log_time: bool,
        of_log_value: bool,
    },
}

impl Curve {
    fn fit(samples: &[TimedValue], fit: Fit) -> Result<Self> {
        let oldest = oldest(samples);
        let times: Vec<f64> =
            samples.iter().map(|sample| sample.time_s - oldest + OLDEST_S).collect();
        let values: Vec<f64> = samples.iter().map(|sample| sample.value).collect();
        let degree = if let Fit::Polynomial(degree) = fit { degree } else { 1 };
        if !(1..=DEGREE_MAX).contains(&degree) {
            let found = format!("a polynomial of degree {degree}");
            return Err(Error::invalid(format!("{found}; give a degree of 1 to {DEGREE_MAX}")));
        }
        let (by_log_time, of_log_value) = match fit {
            Fit::Linear | Fit::Polynomial(_) => {
                let fitted = Polynomial::fit(&times, &values, degree);
                return fitted.map(Self::Polynomial).ok_or_else(|| too_few(degree));
            }
            Fit::Exponential => (false, true),
            Fit::Logarithmic => (true, false),
            Fit::Power => (true, true),
        };
        if of_log_value && let Some(bad) = values.iter().find(|value| **value <= 0.0) {
            return Err(Error::invalid(format!(
                "the value {bad} has no logarithm: exponential and power fits take values above \
                 0; take a linear one"
            )));
        }
        let log = |values: Vec<f64>, wanted: bool| -> Vec<f64> {
            values.into_iter().map(|value| if wanted { value.ln() } else { value }).collect()
        };
        let (times, values) = (log(times, by_log_time), log(values, of_log_value));
        let line = Polynomial::fit(&times, &values, 1).ok_or_else(|| too_few(1))?;
        let (level, slope) = (line.value(0.0), line.value(1.0) - line.value(0.0));
        Ok(Self::Line { level, slope, by_log_time, of_log_value })
    }

    fn value(&self, time: f64) -> f64 {
        match self {
            Self::Polynomial(polynomial) => polynomial.value(time),
            Self::Line { level, slope, by_log_time, of_log_value } => {
                let value = level + slope * if *by_log_time { time.ln() } else { time };
                if *of_log_value { value.exp() } else { value }
            }
        }
    }

    /// The lowest and the highest value between two times.
    fn extremes(&self, from: f64, to: f64) -> (f64, f64) {
        let mut times = vec![from, to];
        if let Self::Polynomial(polynomial) = self {
            times.extend(polynomial.turns(from, to));
        }
        let values = times.into_iter().map(|time| self.value(time));
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        })
    }

    /// The mean between two times, in closed form.
    fn mean(&self, from: f64, to: f64) -> f64 {
        let (left, right, span) = (self.value(from), self.value(to), to - from);
        match self {
            Self::Polynomial(polynomial) => polynomial.mean(from, to),
            Self::Line { slope, by_log_time: false, .. } if *slope == 0.0 => left,
            Self::Line { slope, by_log_time: false, .. } => (right - left) / (slope * span),
            Self::Line { slope, of_log_value: false, .. } => {
                right + slope * ((to / from).ln() * from / span - 1.0)
            }
            Self::Line { level, slope, .. } if *slope == -1.0 => {
                level.exp() * (to / from).ln() / span
            }
            Self::Line { slope, .. } => (right * to - left * from) / (span * (slope + 1.0)),
        }
    }

    /// How long after `now` the curve first has a value.
    fn first_after(&self, now: f64, level_wanted: f64) -> Option<f64> {
        match self {
            Self::Polynomial(polynomial) => polynomial.first_after(now, level_wanted),
            Self::Line { level, slope, by_log_time, of_log_value } => {
                let wanted = if *of_log_value { level_wanted.ln() } else { level_wanted };
                let place = (wanted - level) / slope;
                let time = if *by_log_time { place.exp() } else { place };
                (time >= now).then_some(time - now)
            }
        }
    }
}

fn oldest(samples: &[TimedValue]) -> f64 {
    samples.iter().map(|sample| sample.time_s).fold(f64::INFINITY, f64::min)
}

fn check(samples: &[TimedValue], now_s: f64) -> Result<()> {
    if samples.is_empty() {
        return Err(Error::not_enough_data("no sample in the period"));
    }
    for (row, sample) in (1..).zip(samples) {
        if !(sample.time_s.is_finite() && sample.value.is_finite()) {
            return Err(Error::invalid(format!(
                "sample {row}: {} at {} s; leave out what was not measured",
                sample.value, sample.time_s
            )));
        }
    }
    if !(now_s.is_finite() && now_s >= oldest(samples)) {
        let found = format!("now is {now_s} s, before the oldest sample");
        return Err(Error::invalid(format!("{found}; give a later time")));
    }
    Ok(())
}

fn too_few(degree: usize) -> Error {
    Error::not_enough_data(format!(
        "the fit takes samples of {} or more distinct times",
        degree + 1
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Random;

    fn samples(count: u32, value: impl Fn(f64) -> f64) -> Vec<TimedValue> {
        let at = |at: u32| {
            let time_s = 60.0 * f64::from(at);
            TimedValue { time_s: 1.8e9 + time_s, value: value(time_s + OLDEST_S) }
        };
        (0..count).map(at).collect()
    }

    const NOW: f64 = 1.8e9 + 1140.0;

    /// A curve that each fit can follow to the last digit, and that fit.
    type Case = (Fit, fn(f64) -> f64);
    const CURVES: [Case; 7] = [
        (Fit::Linear, |t| 5.0 + 0.01 * t),
        (Fit::Polynomial(1), |t| 9.0 - 0.002 * t),
        (Fit::Polynomial(3), |t| 4.0 + 1e-2 * t - 3e-5 * t * t + 1e-8 * t * t * t),
        (Fit::Polynomial(6), |t| 1.0 + (t / 900.0).powi(6) - 2.0 * (t / 700.0).powi(5)),
        (Fit::Exponential, |t| 3.0 * (0.001 * t).exp()),
        (Fit::Logarithmic, |t| 40.0 + 2.0 * t.ln()),
        (Fit::Power, |t| 2.0 * t.powf(0.4)),
    ];

    #[test]
    fn curves_that_a_fit_can_follow_are_followed() {
        for (fit, curve) in CURVES {
            let samples = samples(20, curve);
            let ask = |mode| forecast(&samples, NOW, 600.0, fit, mode).unwrap();
            let near = |found: f64, expected: f64| {
                // Times of this century are known to a quarter of a microsecond.
                assert!((found / expected - 1.0).abs() < 1e-6, "{fit:?}: {found} {expected}");
            };
            near(ask(Mode::Value), curve(1740.0));
            let steps = (0..=60_000).map(|at| curve(1140.0 + 0.01 * f64::from(at)));
            let (low, high, sum) = steps
                .fold((f64::MAX, f64::MIN, 0.0), |(low, high, sum), value| {
                    (value.min(low), value.max(high), sum + value)
                });
            near(ask(Mode::Max), high);
            near(ask(Mode::Min), low);
            near(ask(Mode::Delta), high - low);
            let ends = 0.5 * (curve(1140.0) + curve(1740.0));
            near(ask(Mode::Average), (sum - ends) / 60_000.0);
            let now = forecast(&samples, NOW, 0.0, fit, Mode::Average).unwrap();
            near(now, curve(1140.0));
            assert_eq!(forecast(&samples, NOW, 0.0, fit, Mode::Delta).unwrap(), 0.0);
        }
    }

    #[test]
    fn time_left_is_to_the_next_crossing() {
        for (fit, curve) in CURVES {
            let samples = samples(20, curve);
            let wanted = curve(1500.0);
            let left = timeleft(&samples, NOW, wanted, fit).unwrap().unwrap();
            // The curve may come by that value before.
            let found = curve(1140.0 + left);
            assert!((found - wanted).abs() < 1e-5 * wanted.abs().max(1.0), "{fit:?} {left}");
            assert!(left > 0.0 && left < 360.0 + 1e-3, "{fit:?} {left}");
        }
    }

    #[test]
    fn what_is_past_or_never_comes_has_no_time() {
        // Up to a top at t = 1800 and down again: seen from 1140 s.
        let hill = samples(20, |t| 100.0 - (t - 1800.0).powi(2) * 1e-4);
        let left = |threshold: f64, now: f64| {
            timeleft(&hill, 1.8e9 + now, threshold, Fit::Polynomial(2)).unwrap()
        };
        assert!((left(99.0, 1140.0).unwrap() - 560.0).abs() < 1e-2, "the rising side");
        assert!((left(99.0, 1750.0).unwrap() - 150.0).abs() < 1e-2, "the falling side is next");
        assert_eq!(left(101.0, 1140.0), None);
        assert_eq!(left(99.0, 2000.0), None, "both crossings are past");
        let line = samples(20, |t| 10.0 + 0.1 * t);
        for fit in [Fit::Linear, Fit::Polynomial(1)] {
            // 1 s ago is past, however near.
            assert_eq!(timeleft(&line, NOW, 123.9, fit).unwrap(), None);
            assert!(timeleft(&line, NOW, 124.1, fit).unwrap().is_some());
        }
        let flat = samples(20, |_| 7.0);
        for fit in [Fit::Linear, Fit::Exponential, Fit::Logarithmic, Fit::Power] {
            assert_eq!(timeleft(&flat, NOW, 8.0, fit).unwrap(), None, "{fit:?}");
            assert_eq!(timeleft(&flat, NOW, -8.0, fit).unwrap(), None, "{fit:?}");
        }
        assert_eq!(timeleft(&flat, NOW, 7.0, Fit::Linear).unwrap(), Some(0.0));
    }

    #[test]
    fn one_sample_is_its_own_forecast() {
        let one = samples(1, |_| 7.0);
        assert_eq!(forecast(&one, NOW, 60.0, Fit::Power, Mode::Max).unwrap(), 7.0);
        assert_eq!(forecast(&one, NOW, 60.0, Fit::Linear, Mode::Delta).unwrap(), 0.0);
        assert_eq!(timeleft(&one, NOW, 7.0, Fit::Linear).unwrap(), Some(0.0));
        assert_eq!(timeleft(&one, NOW, 8.0, Fit::Linear).unwrap(), None);
    }

    #[test]
    fn least_squares_are_those_of_the_normal_equations() {
        let mut random = Random::new(5);
        let noisy: Vec<TimedValue> = (0..30)
            .map(|at| TimedValue { time_s: f64::from(at), value: 50.0 + 4.0 * random.normal() })
            .collect();
        let n = noisy.len() as f64;
        let mean = |of: &dyn Fn(&TimedValue) -> f64| noisy.iter().map(of).sum::<f64>() / n;
        let (time, value) = (mean(&|s| s.time_s), mean(&|s| s.value));
        let both = mean(&|s| (s.time_s - time) * (s.value - value));
        let slope = both / mean(&|s| (s.time_s - time).powi(2));
        let found = forecast(&noisy, 29.0, 71.0, Fit::Linear, Mode::Value).unwrap();
        assert!((found - (value + slope * (100.0 - time))).abs() < 1e-8, "{found}");
    }

    #[test]
    fn bad_questions_are_refused() {
        let line = samples(5, |t| 10.0 - 0.1 * t);
        for (fit, says) in [
            (Fit::Exponential, "has no logarithm"),
            (Fit::Power, "has no logarithm"),
            (Fit::Polynomial(5), "6 or more distinct times"),
            (Fit::Polynomial(7), "degree of 1 to 6"),
            (Fit::Polynomial(0), "degree of 1 to 6"),
        ] {
            let why = forecast(&line, NOW, 60.0, fit, Mode::Value).unwrap_err().to_string();
            assert!(why.contains(says), "{why}");
            assert!(timeleft(&line, NOW, 60.0, fit).is_err());
        }
        for (now, horizon) in [(1.7e9, 60.0), (f64::NAN, 60.0), (NOW, -1.0), (NOW, f64::NAN)] {
            assert!(forecast(&line, now, horizon, Fit::Linear, Mode::Value).is_err());
        }
        assert!(forecast(&[], NOW, 60.0, Fit::Linear, Mode::Value).is_err());
        let broken = [TimedValue { time_s: 0.0, value: f64::INFINITY }];
        assert!(timeleft(&broken, NOW, 1.0, Fit::Linear).is_err());
        assert!(timeleft(&line, NOW, f64::NAN, Fit::Linear).is_err());
        let huge = samples(20, |t| (0.1 * t).exp());
        let found = forecast(&huge, NOW, 1e6, Fit::Exponential, Mode::Value).unwrap();
        assert_eq!(found, f64::INFINITY, "and no sentinel");
        for text in ["polynomial0", "polynomial7", "polynomial", "cubic", ""] {
            assert!(text.parse::<Fit>().is_err(), "{text}");
        }
        assert_eq!("polynomial4".parse::<Fit>().unwrap(), Fit::Polynomial(4));
        assert!("mean".parse::<Mode>().is_err());
        assert_eq!("avg".parse::<Mode>().unwrap(), Mode::Average);
    }
}
