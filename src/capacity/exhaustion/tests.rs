//! The method against processes whose truth is known. Every number is drawn from a printed seed.

use super::*;
use crate::kernel::Random;
use crate::model::limits::PEAK_DAYS_AHEAD_MAX;

mod gaps;

const DAYS: usize = 90;

/// How many series of each kind are drawn: a thousand in the slow suite, else as many as are quick
/// without optimisation.
fn seeds() -> u64 {
    let quick = if cfg!(debug_assertions) { 60 } else { 120 };
    if std::env::var_os("PLIMSOLL_SLOW").is_some() { 1_000 } else { quick }
}

fn options() -> ExhaustionOptions {
    ExhaustionOptions { horizon_days: 180.0, paths: 200, ..ExhaustionOptions::default() }
}

/// Noise without a trend: `kind` as in [`KINDS`], and "step" and "small step" halfway.
pub(super) fn noise(kind: &str, days: usize, random: &mut Random) -> Vec<f64> {
    let mut level = random.normal() / 0.19_f64.sqrt();
    let one = |day: usize| match kind {
        "white" => random.normal(),
        "memory" => {
            level = 0.9 * level + random.normal();
            level
        }
        "weekly" => [3.0, 3.2, 3.1, 3.0, 2.8, 0.0, -0.4][day % 7] + 0.5 * random.normal(),
        "bursty" => {
            let burst = if random.below(20) == 0 { 8.0 * random.uniform() } else { 0.0 };
            random.normal().abs() + burst
        }
        "month ends" => f64::from(u8::from(day % 30 > 26)) * 6.0 + 0.5 * random.normal(),
        "step" => f64::from(u8::from(2 * day > days)) * 10.0 + random.normal(),
        "small step" => f64::from(u8::from(2 * day > days)) * 3.0 + random.normal(),
        "two steps" => (3 * day / days) as f64 * 6.0 + random.normal(),
        _ => panic!("{kind}?"),
    };
    (0..days).map(one).collect()
}

/// What healthy hosts do.
const KINDS: [&str; 8] =
    ["white", "memory", "weekly", "bursty", "month ends", "step", "small step", "two steps"];

#[test]
fn noise_without_a_trend_yields_few_dates_and_in_a_fleet_next_to_none() {
    for days in [45, DAYS] {
        let mut p_values = Vec::new();
        for kind in KINDS {
            let mut dates = 0;
            for seed in 0..seeds() {
                let mut random = Random::new(seed);
                let noise = noise(kind, days, &mut random);
                let peaks: Vec<f64> = noise.iter().map(|n| 50.0 + 2.0 * n).collect();
                let found = time_to_exhaustion(&peaks, 90.0, &options());
                p_values.extend(found.trend.map(|trend| trend.p_value));
                let dated = matches!(found.outcome, Outcome::Within(_) | Outcome::Already { .. });
                dates += u64::from(dated);
            }
            println!("{kind}, {days} days: {dates} dates of {}", seeds());
            assert!(dates * 20 <= seeds(), "{kind}, {days} days: {dates} dates");
        }
        let hosts = p_values.len();
        let fleet = benjamini_hochberg(&p_values, 0.05).iter().filter(|found| **found).count();
        println!("fleet of {hosts}: {fleet} trends");
        // Hosts whose level just changed have no trend to test.
        assert!(hosts as u64 > seeds() * 6 && fleet * 200 <= hosts, "{fleet} of {hosts}");
    }
}

/// The first day at or after day `DAYS` on which `level + noise` is at or over the line.
fn crossing(values: &[f64], line: f64) -> Option<usize> {
    values.iter().skip(DAYS).position(|value| *value >= line).map(|at| at + 1)
}

#[test]
fn dates_of_planted_growth_lie_inside_p10_to_p90_as_often_as_they_should() {
    for (name, kind, growth, curved) in [
        ("steady growth, white noise", "white", 0.3, false),
        ("steady growth, noise with memory", "memory", 0.5, false),
        ("steady growth, weekly", "weekly", 0.3, false),
        ("steady growth, bursty", "bursty", 0.3, false),
        ("compound growth, weekly", "weekly", 0.008, true),
    ] {
        let (mut inside, mut dated, mut all) = (0_u32, 0_u32, 0_u32);
        for seed in 0..seeds() {
            let mut random = Random::new(10_000 + seed);
            let level = |day: usize| {
                let grown = growth * day as f64;
                if curved { 30.0 * grown.exp() } else { 30.0 + grown }
            };
            let noise = noise(kind, 400, &mut random);
            let values: Vec<f64> = (0..400).map(|day| level(day) + 1.5 * noise[day]).collect();
            let line = level(DAYS + 40);
            let Some(truth) = crossing(&values, line) else { continue };
            if values[..DAYS].iter().any(|value| *value >= line) {
                continue;
            }
            all += 1;
            let found = time_to_exhaustion(&values[..DAYS], line, &options());
            if let Outcome::Within(days) = found.outcome {
                dated += 1;
                let low = days.p10_days.unwrap_or(f64::INFINITY);
                let high = days.p90_days.unwrap_or(f64::INFINITY);
                inside += u32::from((low..=high).contains(&(truth as f64)));
            }
        }
        println!("{name}: {inside} of {dated} dates inside, {dated} of {all} dated");
        assert!(dated * 10 >= all * 8, "{name}: only {dated} of {all} dated");
        let share = f64::from(inside) / f64::from(dated);
        // Under a weekly pattern crossings bunch on one weekday, and an interval of 80% that must
        // hold or leave out a whole bunch holds more.
        let most = if kind == "weekly" { 0.975 } else { 0.95 };
        assert!((0.65..=most).contains(&share), "{name}: {share} inside");
    }
}

#[test]
fn a_disk_that_fills_by_random_amounts_is_dated() {
    let (mut inside, mut dated) = (0_u32, 0_u32);
    for seed in 0..seeds() {
        let mut random = Random::new(20_000 + seed);
        let mut level = 100.0;
        let values: Vec<f64> = (0..400)
            .map(|_| {
                level += 1.0 + random.normal();
                level
            })
            .collect();
        let line = values[DAYS - 1] + 40.0;
        let truth = crossing(&values, line).unwrap() as f64;
        if let Outcome::Within(days) = time_to_exhaustion(&values[..DAYS], line, &options()).outcome
        {
            dated += 1;
            let high = days.p90_days.unwrap_or(f64::INFINITY);
            inside += u32::from((days.p10_days.unwrap()..=high).contains(&truth));
        }
    }
    println!("{inside} of {dated} inside");
    assert!(u64::from(dated) * 10 > seeds() * 9);
    assert!((0.65..=0.95).contains(&(f64::from(inside) / f64::from(dated))));
}

#[test]
fn drawn_walks_reach_the_line_as_the_closed_form_says() {
    for deviation in [2.0, 5.0] {
        let closed_form = FirstPassage::new(100.0, 1.0, deviation).unwrap();
        let mut random = Random::new(8);
        // In pairs and of exact size, so that the sample adds no drift and no spread.
        let drawn: Vec<f64> = (0..10_000).map(|_| random.normal()).collect();
        let size = (drawn.iter().map(|new| new * new).sum::<f64>() / drawn.len() as f64).sqrt();
        let scaled = drawn.iter().map(|new| deviation * new / size);
        let innovations = scaled.flat_map(|new| [new, -new]).collect();
        let growth = growth::Growth::steady(fit::Fit::walk(1.0, innovations));
        let options = ExhaustionOptions { paths: 60_000, ..ExhaustionOptions::default() };
        // One look a day sees a line that lies 0.5826 deviations higher (Siegmund, 1985).
        let line = 100.0 - 0.5826 * deviation;
        let passages = paths::first_passages(&growth, &LinePath::new(line), &options);
        for days in [60.0, 80.0, 98.0, 120.0, 150.0] {
            let (drawn, exact) = (passages.share(days), closed_form.within(days));
            assert!((drawn - exact).abs() < 0.01, "{deviation}, {days} d: {drawn} {exact}");
        }
    }
}

#[test]
fn a_line_without_noise_is_reached_on_its_day() {
    let peaks: Vec<f64> = (0..60).map(|day| 400.0 + 2.5 * f64::from(day)).collect();
    // 59 days on from 400: 240 days in all to 1,000.
    let found = time_to_exhaustion(&peaks, 1_000.0, &ExhaustionOptions::default());
    let Outcome::Within(days) = found.outcome else { panic!("{found:?}") };
    assert_eq!((days.p10_days, days.p90_days), (Some(181.0), Some(181.0)));
    assert_eq!((days.within_90, days.never), (0.0, 0.0));
    let backtest = found.backtest.unwrap();
    assert!(backtest.mase < 1e-9 && backtest.origins == 8, "{backtest:?}");
    // capacity.md feature 4: 50 + 0.1 t + 20 sin(day); its peaks are 70 + 0.1 t, over 80 at 100 d.
    let peaks: Vec<f64> = (0..60).map(|day| 70.0 + 0.1 * f64::from(day)).collect();
    let Outcome::Within(days) =
        time_to_exhaustion(&peaks, 80.0, &ExhaustionOptions::default()).outcome
    else {
        panic!()
    };
    assert!((59.0 + days.p50_days.unwrap() - 100.0).abs() <= 1.0);
}

#[test]
fn shares_of_30_and_90_days_are_told_whatever_the_horizon() {
    let peaks: Vec<f64> = (0..60).map(|day| 50.0 + 0.5 * f64::from(day)).collect();
    let told = |horizon_days| {
        let options = ExhaustionOptions { horizon_days, ..options() };
        // 21 days on from 79.5.
        let found = time_to_exhaustion(&peaks, 90.0, &options);
        let Outcome::Within(days) = found.outcome else { panic!("{found:?}") };
        let told = found.probabilities.unwrap();
        assert_eq!((told.within_30, told.within_90), (days.within_30, days.within_90));
        (days.p50_days, days.within_7, days.within_30, days.within_90, days.never)
    };
    assert_eq!(told(14.0), (None, 0.0, 1.0, 1.0, 1.0));
    assert_eq!(told(30.0), (Some(21.0), 0.0, 1.0, 1.0, 0.0));
}

#[test]
fn words_where_words_are_due() {
    let outcome = |peaks: &[f64], line: f64| time_to_exhaustion(peaks, line, &options()).outcome;
    let flat: Vec<f64> = (0..60).map(|day| 50.0 + f64::from(day * 7 % 5)).collect();
    assert_eq!(outcome(&flat, 90.0), Outcome::NoTrend);
    assert!(matches!(outcome(&flat[..10], 90.0), Outcome::NotEnoughData { .. }));
    assert!(matches!(outcome(&flat, f64::NAN), Outcome::NotEnoughData { .. }));
    assert!(matches!(outcome(&[], 1.0), Outcome::NotEnoughData { .. }));
    assert_eq!(outcome(&[7.0; 30], 7.5), Outcome::NoTrend);
    let falling: Vec<f64> = flat.iter().enumerate().map(|(day, v)| v - day as f64).collect();
    assert_eq!(outcome(&falling, 90.0), Outcome::Never);

    let mut full = flat.clone();
    full[55..].fill(95.0);
    assert_eq!(outcome(&full, 90.0), Outcome::Already { since_day: 55 });
    let mut burst = flat.clone();
    burst[59] = 95.0;
    assert!(!matches!(outcome(&burst, 90.0), Outcome::Already { .. }));
    // Weekdays over, weekends under, for ever: already, even on a Sunday.
    let weekly: Vec<f64> = (0..70).map(|day| if day % 7 < 5 { 95.0 } else { 20.0 }).collect();
    assert_eq!(outcome(&weekly, 90.0), Outcome::Already { since_day: 0 });

    let mut step = flat.clone();
    step[52..].iter_mut().for_each(|peak| *peak += 30.0);
    let Outcome::NotEnoughData { what } = outcome(&step, 95.0) else { panic!() };
    assert!(what.contains("changed 8 days ago"), "{what}");
    let mut step = flat;
    step[30..].iter_mut().for_each(|peak| *peak += 30.0);
    assert_eq!(outcome(&step, 95.0), Outcome::NoTrend);
}

#[test]
fn probabilities_stand_beside_every_outcome() {
    let found = |peaks: &[f64], line: f64| time_to_exhaustion(peaks, line, &options());
    let in_order = |p: Probabilities| {
        let rising = [0.0, p.within_7, p.within_30, p.within_90, 1.0 - p.never, 1.0];
        assert!(rising.windows(2).all(|two| two[0] <= two[1] + 1e-12), "{p:?}");
        p
    };
    let mut random = Random::new(2);
    let flat: Vec<f64> = (0..60).map(|_| 50.0 + random.normal()).collect();
    let near = found(&flat, 51.5);
    assert_eq!(near.outcome, Outcome::NoTrend);
    // 6.7% of the days are over 51.5: 38% of the weeks have one. Real series are not so forgetful,
    // and none of the last days were over it.
    let (near, far) = (near.probabilities.unwrap(), found(&flat, 70.0).probabilities.unwrap());
    assert!((0.1..0.6).contains(&in_order(near).within_7), "{near:?}");
    assert!(in_order(far).within_7 < 0.03, "{far:?}");
    for line in [f64::NEG_INFINITY, f64::INFINITY] {
        in_order(found(&flat, line).probabilities.unwrap());
    }
    assert_eq!(found(&flat[..6], 51.0).probabilities, None);
    assert!(found(&flat[..7], 51.0).probabilities.is_some());
    assert_eq!(found(&flat, f64::NAN).probabilities, None);
    // A series that never moved is not known to move.
    let still = found(&[7.0; 30], 7.5).probabilities.unwrap();
    assert!(in_order(still).within_90 < 1e-4, "{still:?}");

    let full: Vec<f64> = flat.iter().map(|peak| peak + 20.0).collect();
    let full = found(&full, 69.0);
    assert!(matches!(full.outcome, Outcome::Already { .. }));
    assert!(in_order(full.probabilities.unwrap()).within_7 > 0.8);
    let step: Vec<f64> =
        flat.iter().enumerate().map(|(day, v)| if day < 52 { *v } else { v + 30.0 }).collect();
    let step = found(&step, 85.0);
    assert!(matches!(step.outcome, Outcome::NotEnoughData { .. }));
    in_order(step.probabilities.unwrap());

    // A clear trend counts for all of it: its futures reach the line after 52 days.
    let disk: Vec<f64> = (0..60).map(|day| 2.0 * f64::from(day) + random.normal()).collect();
    let disk = found(&disk, 222.0);
    assert!(matches!(disk.outcome, Outcome::Within(_)));
    let disk = in_order(disk.probabilities.unwrap());
    assert!(disk.within_30 < 1e-6 && disk.within_90 > 1.0 - 1e-6, "{disk:?}");
    let falling: Vec<f64> = flat.iter().enumerate().map(|(day, v)| v - day as f64).collect();
    let falling = found(&falling, 60.0);
    assert_eq!(falling.outcome, Outcome::Never);
    assert!(in_order(falling.probabilities.unwrap()).within_90 < 1e-6);
}

#[test]
fn of_the_dates_of_a_mixed_fleet_few_are_false() {
    let (mut p_values, mut dated, mut false_of_kind) = (Vec::new(), Vec::new(), Vec::new());
    // One host in three grows, by a deviation of its noise in four days.
    for (kind, growth) in ["white", "memory", "weekly", "bursty", "white", "weekly"]
        .into_iter()
        .zip([0, 0, 0, 0, 1, 1])
    {
        let mut false_dates = 0;
        for seed in 0..seeds() {
            let mut random = Random::new(30_000 + 7 * seed + growth);
            let noise = noise(kind, DAYS, &mut random).into_iter().enumerate();
            let slope = 0.5 * growth as f64;
            let peaks: Vec<f64> =
                noise.map(|(day, n)| 50.0 + 2.0 * n + slope * day as f64).collect();
            let found = time_to_exhaustion(&peaks, 130.0, &options());
            let dates = matches!(found.outcome, Outcome::Within(_) | Outcome::Already { .. });
            false_dates += u64::from(dates && growth == 0);
            if let Some(trend) = found.trend {
                p_values.push(trend.p_value);
                dated.push((dates, growth == 0));
            }
        }
        false_of_kind.push(false_dates);
    }
    println!("false dates of {} each: {false_of_kind:?}", seeds());
    assert!(false_of_kind.iter().all(|count| count * 20 <= seeds()), "{false_of_kind:?}");
    let kept = benjamini_hochberg(&p_values, 0.05).into_iter().zip(dated);
    let dates: Vec<bool> =
        kept.filter(|(kept, (dates, _))| *kept && *dates).map(|d| d.1.1).collect();
    let false_dates = dates.iter().filter(|is_false| **is_false).count();
    println!("{false_dates} of {} dates are false", dates.len());
    assert!(dates.len() as u64 * 10 >= 2 * seeds() * 8, "{} dates", dates.len());
    assert!(false_dates * 20 <= dates.len(), "{false_dates} of {}", dates.len());
}

#[test]
fn a_sawtooth_that_is_cleaned_up_below_the_line_has_no_date() {
    for seed in 0..50 {
        let mut random = Random::new(seed);
        let phase = random.below(25);
        let peaks: Vec<f64> = (0..DAYS)
            .map(|day| 40.0 + ((day + phase) % 25) as f64 + 0.3 * random.normal())
            .collect();
        let found = time_to_exhaustion(&peaks, 80.0, &options());
        assert!(!matches!(found.outcome, Outcome::Within(_)), "seed {seed}: {found:?}");
        // Teeth that reach the line count since the last cleanup: capacity.md, feature 5.
        let since = (DAYS - 1 + phase) % 25;
        if (15..22).contains(&since) {
            let found = time_to_exhaustion(&peaks, 63.5, &options());
            let trend = found.trend.unwrap();
            assert_eq!(trend.regime_start_day, DAYS - 1 - since, "seed {seed}");
            assert!((trend.slope_per_day - 1.0).abs() < 0.05, "seed {seed}: {trend:?}");
            let Outcome::Within(days) = found.outcome else { panic!("seed {seed}: {found:?}") };
            let truth = 23.5 - since as f64;
            assert!((days.p50_days.unwrap() - truth).abs() <= 1.5, "seed {seed}: {days:?}");
        }
    }
}

#[test]
fn a_single_incident_dates_nothing() {
    let mut random = Random::new(12);
    let mut peaks: Vec<f64> =
        (0..62).map(|day| 5.0 + 0.03 * f64::from(day) + 0.4 * random.normal()).collect();
    peaks[52] = 98.0;
    let found = time_to_exhaustion(&peaks, 99.0, &options());
    let Outcome::Within(days) = found.outcome else { panic!("{found:?}") };
    assert_eq!((days.p10_days, days.never), (None, 1.0));
}

#[test]
fn the_same_seed_gives_the_same_bits() {
    let mut random = Random::new(3);
    let peaks: Vec<f64> = (0..60).map(|day| f64::from(day) + random.normal()).collect();
    let run = || format!("{:?}", time_to_exhaustion(&peaks, 90.0, &options()));
    assert_eq!(run(), run());
}

#[test]
fn the_example_of_the_docs() {
    // docs/method/exhaustion.md: 90 days of a service that grows by 0.3% a day under noise.
    let mut random = Random::new(1);
    let peaks: Vec<f64> =
        (0..90).map(|day| 30.0 + 0.3 * f64::from(day) + 1.5 * random.normal()).collect();
    let found = time_to_exhaustion(&peaks, 75.0, &ExhaustionOptions::default());
    let trend = found.trend.unwrap();
    assert!((trend.slope_per_day - 0.2984).abs() < 5e-5 && trend.p_value < 1e-20, "{trend:?}");
    let Outcome::Within(days) = found.outcome else { panic!() };
    let dates = (days.p10_days, days.p50_days, days.p90_days);
    assert_eq!(dates, (Some(53.0), Some(58.0), Some(63.0)));
    let probabilities = found.probabilities.unwrap();
    let within = [probabilities.within_7, probabilities.within_30, probabilities.within_90];
    assert!(within[..2].iter().all(|within| *within < 1e-9) && within[2] > 1.0 - 1e-9);
    let backtest = found.backtest.unwrap();
    assert_eq!(backtest.origins, 8);
    assert!((backtest.mase - 0.80).abs() < 5e-3 && (backtest.coverage - 0.77).abs() < 5e-3);
}

#[test]
fn what_is_not_known_has_no_date_and_no_probability() {
    let nan = f64::NAN;
    for (level, slope, line) in [(nan, 1.0, 2.0), (1.0, nan, 2.0), (1.0, 1.0, nan)] {
        assert_eq!(days_to_line(level, slope, line), None);
        assert_eq!(periods_to_line(level, slope, line), None);
    }
    let peaks: Vec<f64> = (0..60).map(|day| f64::from(day) + f64::from(day % 3)).collect();
    let options = ExhaustionOptions { horizon_days: nan, ..options() };
    // Neither where a trend leads to the line nor where it is reached.
    for line in [90.0, 10.0] {
        let found = time_to_exhaustion(&peaks, line, &options);
        assert!(matches!(found.outcome, Outcome::NotEnoughData { .. }), "{found:?}");
        assert_eq!(found.probabilities, None);
    }
}

#[test]
fn peaks_as_large_as_numbers_go_are_refused() {
    let peaks: Vec<f64> =
        (0..60).map(|day| if day % 2 == 0 { 1.7e308 } else { -1.7e308 }).collect();
    let found = time_to_exhaustion(&peaks, 1e308, &options());
    assert!(matches!(found.outcome, Outcome::NotEnoughData { .. }), "{found:?}");
    assert_eq!(fan(&peaks, 30, &options()), Fan::default());
    let steps: Vec<f64> = (0..60)
        .map(|day| if day < 30 { -1.7e308 } else { 1e308 + 1e306 * f64::from(day) })
        .collect();
    let found = time_to_exhaustion(&steps, 1.7e308, &options());
    assert!(matches!(found.outcome, Outcome::NotEnoughData { .. }), "{found:?}");
}

#[test]
fn a_fan_ends_after_a_century() {
    let peaks: Vec<f64> = (0..60).map(|day| f64::from(day) + f64::from(day % 3)).collect();
    let options = ExhaustionOptions { paths: 2, ..options() };
    assert_eq!(fan(&peaks, usize::MAX, &options).ahead.len(), PEAK_DAYS_AHEAD_MAX);
}

#[test]
fn options_that_nothing_can_be_found_by_are_refused() {
    let peaks: Vec<f64> = (0..60).map(|day| f64::from(day) + f64::from(day % 3)).collect();
    let found = |options: &ExhaustionOptions| time_to_exhaustion(&peaks, 90.0, options);
    assert!(matches!(found(&options()).outcome, Outcome::Within(_)));
    for horizon_days in [-1.0, f64::INFINITY, f64::NEG_INFINITY] {
        let found = found(&ExhaustionOptions { horizon_days, ..options() });
        assert!(matches!(found.outcome, Outcome::NotEnoughData { .. }), "{found:?}");
    }
    let unsure = ExhaustionOptions { significance: f64::NAN, ..options() };
    assert!(matches!(found(&unsure).outcome, Outcome::NotEnoughData { .. }));
    assert!(fan(&peaks, 7, &unsure).ahead.is_empty());
}

#[test]
fn no_number_of_futures_or_days_is_too_large_or_too_small() {
    let peaks: Vec<f64> = (0..60).map(|day| f64::from(day) + f64::from(day % 3)).collect();
    // Reached on the next days, so that even the most futures are soon drawn.
    let line = LinePath::new(62.5);
    for (paths, drawn) in [(usize::MAX, PATHS_MAX), (0, 1)] {
        let options = ExhaustionOptions { paths, ..options() };
        let found = time_to_exhaustion(&peaks, line.today(), &options);
        assert!(matches!(found.outcome, Outcome::Within(_)), "{found:?}");
        let next = fan(&peaks, 1, &options).ahead[0];
        assert!((58.0..64.0).contains(&next.p50), "{next:?}");
        for trend_stands in [true, false] {
            let outlook = Outlook::new(&peaks, trend_stands, &options);
            assert_eq!(outlook.passage_days(&line).len(), drawn);
        }
    }
    let options = ExhaustionOptions { paths: 2, ..options() };
    let outlook = Outlook::new(&peaks, true, &options);
    let [never, far] =
        [usize::MAX, PEAK_DAYS_AHEAD_MAX].map(|day| outlook.weekly_peaks_on(day, &line));
    assert_eq!((never.len(), &never), (2, &far));
}

#[test]
fn peaks_without_an_end_are_not_known() {
    let mut peaks: Vec<f64> = (0..60).map(|day| 50.0 + f64::from(day * 7 % 5)).collect();
    peaks[57..].fill(f64::INFINITY);
    assert_eq!(time_to_exhaustion(&peaks, 90.0, &options()).outcome, Outcome::NoTrend);
}
