//! Planted periods are found, and series that have none yield none.

use std::f64::consts::TAU;

use super::*;
use crate::kernel::Random;

/// Series of each kind: a few in the suite, a thousand with `PLIMSOLL_SLOW`.
fn seeds(few: u64) -> u64 {
    if std::env::var_os("PLIMSOLL_SLOW").is_some() { 1_000 } else { few }
}

/// Series without any period.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Noise {
    White,
    /// Each value keeps that share of the one before.
    Memory(f64),
    Walk,
    /// A fiftieth of the values is far above.
    Bursts,
    /// Bursts that fade.
    Fading,
    /// A level that changes now and then.
    Steps,
    Parabola,
}

const NOISES: [Noise; 8] = [
    Noise::White,
    Noise::Memory(0.5),
    Noise::Memory(0.9),
    Noise::Walk,
    Noise::Bursts,
    Noise::Fading,
    Noise::Steps,
    Noise::Parabola,
];

fn noise(kind: Noise, len: usize, seed: u64) -> Vec<f64> {
    let mut random = Random::new(seed);
    let mut level = 0.0;
    let mut value = |at: usize| {
        let new = random.normal();
        let is_rare = |random: &mut Random, share: f64| random.uniform() < share;
        match kind {
            Noise::Memory(share) => {
                level = share * level + new;
                level
            }
            Noise::Walk => {
                level += new;
                level
            }
            Noise::Bursts if is_rare(&mut random, 0.02) => new + 30.0 * random.uniform(),
            Noise::White | Noise::Bursts => new,
            Noise::Fading => {
                level *= 0.8;
                if is_rare(&mut random, 0.02) {
                    level += 20.0 * random.uniform();
                }
                new + level
            }
            Noise::Steps => {
                if is_rare(&mut random, 0.005) {
                    level = 10.0 * random.normal();
                }
                new + level
            }
            Noise::Parabola => new + 100.0 * (at as f64 / len as f64 - 0.3).powi(2),
        }
    };
    (0..len).map(&mut value).collect()
}

/// A pattern of mean 0 and variance 1: a wave, a wave with a harmonic, or an on and off.
fn pattern(period: usize, random: &mut Random) -> Vec<f64> {
    let (shift, second) = (random.uniform(), random.uniform());
    let (kind, duty) = (random.below(3), 0.3 + 0.4 * random.uniform());
    let at = |step: usize| {
        let phase = step as f64 / period as f64 + shift;
        let wave = (TAU * phase).sin();
        match kind {
            0 => wave,
            1 => wave + 0.5 * (2.0 * TAU * (phase + second)).sin(),
            _ => f64::from(u8::from(phase.fract() < duty)),
        }
    };
    let raw: Vec<f64> = (0..period).map(at).collect();
    let mean = raw.iter().sum::<f64>() / period as f64;
    let square = raw.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / period as f64;
    raw.iter().map(|value| (value - mean) / square.sqrt()).collect()
}

/// What else is in a series with periods.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Dirt {
    None,
    Memory,
    Walk,
    Trend,
    Shift,
    Gaps,
    Bursts,
}

/// `periods` with a variance of 1 each, noise of a variance of 0.5, and dirt.
fn planted(periods: &[usize], dirt: Dirt, len: usize, seed: u64) -> Vec<f64> {
    let mut random = Random::new(seed);
    let patterns: Vec<Vec<f64>> =
        periods.iter().map(|period| pattern(*period, &mut random)).collect();
    let (kind, scale) = match dirt {
        Dirt::Memory => (Noise::Memory(0.9), 0.3),
        Dirt::Walk => (Noise::Walk, 0.2),
        _ => (Noise::White, 0.7),
    };
    let noise = noise(kind, len, seed + 1_000_000);
    let value = |(step, noise): (usize, f64)| {
        let periodic: f64 = patterns.iter().map(|pattern| pattern[step % pattern.len()]).sum();
        let here = periodic + scale * noise;
        let share = step as f64 / len as f64;
        match dirt {
            Dirt::Trend => here + 10.0 * share,
            Dirt::Shift => here + if share > 0.4 { 4.0 } else { 0.0 },
            Dirt::Gaps if step % 97 < 10 || random.uniform() < 0.1 => f64::NAN,
            Dirt::Bursts if random.uniform() < 0.01 => here + 20.0,
            _ => here,
        }
    };
    noise.into_iter().enumerate().map(value).collect()
}

#[test]
fn noise_of_all_kinds_has_no_period() {
    let count = seeds(100);
    for len in [100, 336, 720, 2_016] {
        // The longest takes its time without the optimiser.
        let count = if len > 1_000 { count / 4 } else { count };
        for kind in NOISES {
            let found: Vec<Vec<usize>> = (0..count)
                .map(|seed| detect_periods(&noise(kind, len, seed), Span::HOUR))
                .filter(|found| !found.is_empty())
                .collect();
            let share = found.len() as f64 / count as f64;
            println!("{len} {kind:?}: {:.1}%", 100.0 * share);
            assert!(share <= 0.02, "{len} {kind:?}: {share} of {count}: {found:?}");
        }
    }
}

#[test]
fn planted_periods_are_found_whatever_else_is_there() {
    let count = seeds(12);
    // Each with the share of series that must have exactly these, on clean noise and otherwise.
    for (periods, len) in [
        (&[7][..], 100),
        (&[24], 720),
        (&[30], 720),
        (&[37], 720),
        (&[168], 720),
        (&[144], 2_016),
        (&[24, 168], 1_008),
        (&[24, 60], 720),
        (&[5, 24], 720),
    ] {
        for dirt in [
            Dirt::None,
            Dirt::Memory,
            Dirt::Walk,
            Dirt::Trend,
            Dirt::Shift,
            Dirt::Gaps,
            Dirt::Bursts,
        ] {
            let right = (0..count).filter(|seed| {
                let mut found = detect_periods(&planted(periods, dirt, len, *seed), Span::HOUR);
                found.sort_unstable();
                found == periods
            });
            let share = right.count() as f64 / count as f64;
            println!("{periods:?} in {len}, {dirt:?}: {:.0}%", 100.0 * share);
            // A walk moves as far in a long cycle as the pattern does; two patterns and bursts in
            // one are the hardest.
            let expected = match dirt {
                Dirt::Walk if periods.iter().any(|period| *period > 100) => 0.0,
                Dirt::Bursts if periods.len() > 1 => 0.5,
                Dirt::Walk | Dirt::Bursts | Dirt::Shift | Dirt::Memory => 0.8,
                _ => 0.95,
            };
            assert!(share >= expected, "{periods:?} in {len}, {dirt:?}: {share}");
        }
    }
}

#[test]
fn finer_steps_have_their_days_and_weeks() {
    for (seconds, len) in [(600, 4_032), (300, 8_064), (60, 30_240)] {
        let (day, week) = (86_400 / seconds, 7 * 86_400 / seconds);
        let step = Span::from_seconds(seconds as i64);
        let found = detect_periods(&planted(&[day, week], Dirt::Gaps, len, 5), step);
        assert!(found == [week, day] || found == [day, week], "{found:?} of {day} and {week}");
    }
    // A job once an hour, a minute long: a spike in one of sixty values.
    let mut random = Random::new(8);
    let spike = |at: usize| if at % 60 == 7 { 10.0 } else { 0.0 };
    let spikes: Vec<f64> = (0..4_320).map(|at| spike(at) + 0.7 * random.normal()).collect();
    assert_eq!(detect_periods(&spikes, Span::from_seconds(60)), [60]);
}

fn hours(value: impl Fn(usize) -> f64) -> Vec<f64> {
    let mut random = Random::new(11);
    (0..24 * 42).map(|hour| value(hour) + random.normal()).collect()
}

#[test]
fn what_counts_as_a_period_of_its_own() {
    let wave = |hour: usize, period: f64| (hour as f64 * TAU / period).sin();
    let busy = |hour: usize| f64::from(u8::from(hour / 24 % 7 < 5));
    for (name, values, expected) in [
        ("equal days are no week", hours(|h| 3.0 * wave(h, 24.0)), vec![24]),
        ("half a day", hours(|h| 3.0 * wave(h, 12.0)), vec![12]),
        (
            "a harmonic is no half day",
            hours(|h| 3.0 * wave(h, 24.0) + 3.0 * wave(h, 12.0)),
            vec![24],
        ),
        (
            "half a day that says more than the day",
            hours(|h| 3.0 * wave(h, 24.0) + 9.0 * wave(h, 12.0)),
            vec![24, 12],
        ),
        ("weekdays alone", hours(|h| 6.0 * busy(h)), vec![168]),
        (
            "weekdays that say more than the day",
            hours(|h| 9.0 * busy(h) + 3.0 * wave(h, 24.0)),
            vec![168, 24],
        ),
        (
            "a weak week of the days that are known",
            hours(|h| 1.5 * busy(h) + 3.0 * wave(h, 24.0)),
            vec![24, 168],
        ),
        ("two alike", hours(|h| 3.0 * wave(h, 24.0) + 3.0 * wave(h, 60.0)), vec![24, 60]),
        (
            "a strong harmonic of a length of its own",
            hours(|h| 3.0 * wave(h, 20.0) + 4.8 * wave(h, 10.0)),
            vec![20],
        ),
        (
            "a day that comes and goes",
            hours(|h| (8.0 + 7.0 * wave(h, 200.0)) * wave(h, 24.0)),
            vec![24],
        ),
        ("a slope", hours(|h| 0.1 * h as f64), vec![]),
        ("a slow wave", hours(|h| 9.0 * wave(h, 700.0)), vec![]),
        ("a day that grows", hours(|h| (1.0 + 0.01 * h as f64) * wave(h, 24.0)), vec![24]),
        ("30.4 steps", hours(|h| 3.0 * wave(h, 30.4)), vec![30]),
    ] {
        assert_eq!(detect_periods(&values, Span::HOUR), expected, "{name}");
    }
}

#[test]
fn odd_input_has_no_period() {
    let nan = f64::NAN;
    // A line whose rounding comes again every three steps.
    let lines: Vec<f64> = (0..500).map(|at| 1e15 + f64::from(at) / 3.0).collect();
    for values in [&[][..], &[1.0], &[nan; 50], &[1.0; 100], &[0.0; 100], &lines] {
        assert!(detect_periods(values, Span::from_seconds(7)).is_empty(), "{values:?}");
    }
    // Squares of these are no numbers.
    for vast in [1e308, 1e160] {
        let noise: Vec<f64> =
            noise(Noise::White, 300, 6).iter().map(|value| vast * value.clamp(-1.0, 1.0)).collect();
        assert!(detect_periods(&noise, Span::HOUR).is_empty());
    }
    let mut values = vec![nan; 1_000];
    values[0] = 1.0;
    values[999] = f64::INFINITY;
    assert!(detect_periods(&values, Span::HOUR).is_empty());
    // Of a very long series the end is looked at.
    let long: Vec<f64> = (0..POINTS_MAX + 50_000)
        .map(|at| if at < 50_000 { 1e6 } else { f64::from(u8::from(at % 60 < 30)) })
        .collect();
    assert_eq!(detect_periods(&long, Span::from_seconds(7)), [60]);
}
