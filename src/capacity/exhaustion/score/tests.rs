//! Scores against forecasts whose worth is known.

use super::reliability::{Case, score};
use super::*;
use crate::capacity::exhaustion::tests::noise;
use crate::kernel::Random;

fn case(host: usize, forecast: f64, reached: bool) -> Case {
    Case { host, origin: 20, multiple: 1.0, forecast, straight: [false, true], reached }
}

#[test]
fn brier_skill_and_reliability_are_those_reckoned_by_hand() {
    // Of five times 80% four came, of four times 25% one: as good as said.
    let said = [(0.8, [true, true, true, true, false]), (0.25, [false, true, false, false, false])];
    let cases = said.map(|(forecast, came)| came.map(|reached| case(0, forecast, reached)));
    let mut cases = cases.concat();
    cases.pop();
    let found = score(&cases, 50, 1).unwrap();
    // 4 * 0.2^2 + 0.8^2 + 3 * 0.25^2 + 0.75^2 = 1.55, of nine.
    assert!((found.brier.value - 1.55 / 9.0).abs() < 1e-12);
    assert!((found.base_rate.value - 5.0 / 9.0).abs() < 1e-12);
    // "No" was wrong five times, "yes" four: the second line is the better one, over 7 days.
    assert!((found.brier_straight - 4.0 / 9.0).abs() < 1e-12);
    assert_eq!(found.straight_days, Some(7));
    assert!((found.skill.value - (1.0 - 1.55 / 4.0)).abs() < 1e-12);
    assert!((found.skill_over_base_rate - (1.0 - 1.55 / 9.0 / (20.0 / 81.0))).abs() < 1e-12);
    let deciles = found.deciles.iter().map(|decile| {
        assert!(decile.off.value.abs() < 1e-12);
        (decile.from, decile.cases, decile.forecast, decile.observed)
    });
    assert_eq!(deciles.collect::<Vec<_>>(), [(0.2, 4, 0.25, 0.25), (0.8, 5, 0.8, 0.8)]);
    assert_eq!((found.cases, found.hosts), (9, 1));
    assert_eq!(score(&[], 50, 1), None);
}

#[test]
fn bands_are_as_wide_as_hosts_differ() {
    let hosts = |shares: &[usize]| -> Vec<Case> {
        let of = |(host, share): (usize, &usize)| -> Vec<Case> {
            (0..10).map(|at| case(host, 0.5, at < *share)).collect()
        };
        shares.iter().enumerate().flat_map(of).collect()
    };
    let alike = score(&hosts(&[5; 40]), 200, 1).unwrap().deciles[0].off;
    assert_eq!((alike.low, alike.value, alike.high), (0.0, 0.0, 0.0));
    // Half of the hosts always, half never: the share of 40 draws has deviation sqrt(1/4 / 40).
    let apart = [[0; 20], [10; 20]].concat();
    let apart = score(&hosts(&apart), 2_000, 1).unwrap().deciles[0].off;
    let wide = 1.96 * (0.25_f64 / 40.0).sqrt();
    assert!((apart.high - wide).abs() < 0.03 && (apart.low + wide).abs() < 0.03, "{apart:?}");
}

#[test]
fn what_is_said_as_it_comes_is_calibrated() {
    let mut random = Random::new(7);
    let cases: Vec<Case> = (0..40_000)
        .map(|at| {
            let forecast = random.uniform();
            case(at % 100, forecast, random.uniform() < forecast)
        })
        .collect();
    let found = score(&cases, 200, 1).unwrap();
    // The mean of p (1 - p) over p in [0, 1] is 1/6.
    assert!((found.brier.value - 1.0 / 6.0).abs() < 0.005, "{:?}", found.brier);
    assert_eq!(found.deciles.len(), 10);
    for decile in &found.deciles {
        assert!(decile.off.value.abs() < 0.025, "{decile:?}");
        assert!(decile.off.low < decile.off.value && decile.off.value < decile.off.high);
    }
}

/// A fleet of noise without a trend, as in the tests of the dates; hosts of four resources.
fn fleet(kinds: &[&str], series: usize, days: usize, seed: u64) -> Vec<PeakSeries> {
    let mut random = Random::new(seed);
    (0..series)
        .map(|at| PeakSeries {
            host: format!("host-{}", at / 4),
            peaks: noise(kinds[at % kinds.len()], days, &mut random),
        })
        .collect()
}

#[test]
fn nothing_from_after_an_origin_is_known_at_it() {
    let before = fleet(&["white", "memory"], 12, 40, 3);
    let mut after = before.clone();
    for series in &mut after {
        series.peaks[30..].iter_mut().for_each(|peak| *peak = 30.0 - 2.0 * *peak);
    }
    let options = ScoreOptions {
        horizons_days: vec![7],
        origin_first: 30,
        origin_last: 30,
        draws: 1,
        ..ScoreOptions::default()
    };
    let said = |fleet: &[PeakSeries]| {
        let all = score_exhaustion(fleet, &options).horizons[0].all.clone().unwrap();
        let deciles = all.deciles.iter().map(|decile| (decile.cases, decile.forecast.to_bits()));
        (deciles.collect::<Vec<_>>(), all.base_rate.value)
    };
    let (before, after) = (said(&before), said(&after));
    assert_eq!(before.0, after.0);
    assert_ne!(before.1, after.1);
}

#[test]
fn sets_in_which_nearly_all_comes_true_are_not_scored() {
    let cases = |shares: [usize; 5]| -> Vec<Case> {
        let of = |(multiple, share): (&f64, usize)| -> Vec<Case> {
            (0..10).map(|at| Case { multiple: *multiple, ..case(0, 0.5, at < share) }).collect()
        };
        cases::MULTIPLES.iter().zip(shares).flat_map(of).collect()
    };
    assert_eq!(scored_multiples(&cases([9, 8, 7, 5, 3])), cases::MULTIPLES);
    assert_eq!(scored_multiples(&cases([10, 10, 9, 7, 6])), [1.0, 2.0, 4.0, 8.0]);
    assert_eq!(scored_multiples(&cases([6, 3, 0, 0, 0])), [0.5, 1.0, 2.0, 4.0]);
    assert!(scored_multiples(&cases([10; 5])).is_empty());
}

#[test]
fn a_fleet_of_noise_is_calibrated_within_five_points_and_beats_the_straight_line() {
    let quick = if cfg!(debug_assertions) { 120 } else { 400 };
    let series = if std::env::var_os("PLIMSOLL_SLOW").is_some() { 1_200 } else { quick };
    let fleet = fleet(&["white", "memory", "weekly", "bursty"], series, 120, 11);
    let options = ScoreOptions { origin_first: 60, origin_step: 10, ..ScoreOptions::default() };
    for horizon in score_exhaustion(&fleet, &options).horizons {
        let scored = horizon.scored.unwrap();
        println!("{} days: {:?} {:?}", horizon.horizon_days, scored.base_rate, scored.skill);
        let mut all_off = 0.0;
        for decile in &scored.deciles {
            println!("  {decile:?}");
            all_off += decile.off.value.abs() * decile.cases as f64 / scored.cases as f64;
            // A decile that its few hosts leave open by more than its bands is not known to be off.
            let off = decile.off.low.max(-decile.off.high);
            assert!(horizon.horizon_days > 7 || off <= 0.05, "{decile:?}");
        }
        assert!(all_off <= 0.05, "{all_off}");
        assert!(scored.skill.value >= 0.3, "{:?}", scored.skill);
    }
}
