//! Rows of which some days are not known: no fewer true dates in their range, no more false ones.

use super::*;

/// Which days are known.
const KNOWN: [&str; 7] =
    ["all", "70%", "50%", "30%", "every other", "two neighbours", "working days"];

/// How many series of each kind are drawn, since there are many kinds.
fn few_seeds(quick: u64) -> u64 {
    if cfg!(debug_assertions) { seeds().min(quick) } else { seeds() }
}

fn with_gaps(known: &str, values: &[f64], random: &mut Random) -> Vec<f64> {
    let mut is_known = |day: usize| match known {
        "all" => true,
        "70%" => random.below(10) < 7,
        "50%" => random.below(10) < 5,
        "30%" => random.below(10) < 3,
        "every other" => day.is_multiple_of(2),
        "two neighbours" => day.is_multiple_of(2) || day == 31,
        "working days" => day % 7 < 5,
        _ => panic!("{known}?"),
    };
    values.iter().enumerate().map(|(day, v)| if is_known(day) { *v } else { f64::NAN }).collect()
}

fn is_dated(peaks: &[f64], line: f64) -> bool {
    matches!(time_to_exhaustion(peaks, line, &options()).outcome, Outcome::Within(_))
}

#[test]
fn noise_of_which_days_are_missing_yields_few_dates() {
    let seeds = few_seeds(15);
    for known in KNOWN {
        for kind in ["white", "memory"] {
            for days in if seeds < 1_000 { &[60][..] } else { &[60, DAYS] } {
                let dates = (0..seeds)
                    .filter(|seed| {
                        let mut random = Random::new(40_000 + seed);
                        let noise = noise(kind, *days, &mut random);
                        let peaks: Vec<f64> = noise.iter().map(|n| 50.0 + 2.0 * n).collect();
                        is_dated(&with_gaps(known, &peaks, &mut random), 90.0)
                    })
                    .count() as u64;
                println!("{known}, {kind}, {days} days: {dates} dates of {seeds}");
                assert!(dates <= 1 + seeds / 50, "{known}, {kind}, {days} days: {dates} dates");
            }
        }
    }
}

#[test]
fn a_climb_from_monday_to_friday_is_no_trend_where_weekends_are_missing() {
    let seeds = few_seeds(40);
    for (known, weekends) in [("all", "at Monday's level"), ("working days", "missing")] {
        for weeks in [3, 4, 5, 9] {
            let dates = (0..seeds)
                .filter(|seed| {
                    let mut random = Random::new(50_000 + seed);
                    let climb =
                        |day: usize| if day % 7 < 5 { 10.0 * (day % 7) as f64 } else { 0.0 };
                    let peaks: Vec<f64> = (0..7 * weeks)
                        .map(|day| 100.0 + climb(day) + 3.0 * random.normal())
                        .collect();
                    is_dated(&with_gaps(known, &peaks, &mut random), 200.0)
                })
                .count() as u64;
            println!("{weeks} weeks, weekends {weekends}: {dates} dates of {seeds}");
            assert!(dates * 40 <= seeds, "{weeks} weeks, weekends {weekends}: {dates} dates");
        }
    }
}

#[test]
fn dates_lie_inside_p10_to_p90_as_often_where_days_are_missing() {
    for (kind, growth) in [("white", 0.3), ("memory", 0.5)] {
        for known in KNOWN {
            let (mut inside, mut dated) = (0_u32, 0_u32);
            for seed in 0..few_seeds(8) {
                let mut random = Random::new(60_000 + seed);
                let noise = noise(kind, 400, &mut random);
                let level = |day: usize| 30.0 + growth * day as f64;
                let values: Vec<f64> = (0..400).map(|day| level(day) + 1.5 * noise[day]).collect();
                let line = level(DAYS + 40);
                let Some(truth) = crossing(&values, line) else { continue };
                if values[..DAYS].iter().any(|value| *value >= line) {
                    continue;
                }
                let peaks = with_gaps(known, &values[..DAYS], &mut random);
                if let Outcome::Within(days) = time_to_exhaustion(&peaks, line, &options()).outcome
                {
                    dated += 1;
                    let low = days.p10_days.unwrap_or(f64::INFINITY);
                    let high = days.p90_days.unwrap_or(f64::INFINITY);
                    inside += u32::from((low..=high).contains(&(truth as f64)));
                }
            }
            println!("{kind}, {known}: {inside} of {dated} dates inside");
            let share = f64::from(inside) / f64::from(dated);
            // Of few all may be.
            let most = if dated > 50 { 0.97 } else { 1.0 };
            assert!((0.5..=most).contains(&share), "{kind}, {known}: {share} inside");
        }
    }
}

#[test]
fn a_line_is_as_near_where_every_other_day_is_known() {
    let mut random = Random::new(11);
    let noise: Vec<f64> = (0..90).map(|_| 100.0 + 10.0 * random.normal()).collect();
    let gaps = with_gaps("every other", &noise, &mut random);
    let within = |peaks: &[f64]| {
        time_to_exhaustion(peaks, 135.0, &options()).probabilities.unwrap().within_30
    };
    let (all, half) = (within(&noise), within(&gaps));
    assert!(all > 0.02 && half > all / 4.0, "{all} {half}");
}
