//! Simulated demand whose P95 is known, clipped at its capacity (capacity.md, feature 15).

use super::*;
use crate::kernel::{Random, quantile};

const LIMIT: f64 = 100.0;
const TRUE_P95: f64 = 130.0;
const HOURS: usize = 24 * 60;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Normal,
    Lognormal,
    Seasonal,
    SeasonalLognormal,
}

const KINDS: [Kind; 4] = [Kind::Normal, Kind::Lognormal, Kind::Seasonal, Kind::SeasonalLognormal];

impl Kind {
    fn period(self) -> Option<usize> {
        matches!(self, Self::Seasonal | Self::SeasonalLognormal).then_some(24)
    }
}

/// Hourly demands, of which P95 is 130.
fn demands(kind: Kind, seed: u64) -> Vec<f64> {
    let mut random = Random::new(seed);
    let mut demands: Vec<f64> = (0..HOURS)
        .map(|hour| {
            let day = (std::f64::consts::TAU * hour as f64 / 24.0).sin();
            let normal = random.normal();
            match kind {
                Kind::Normal => (80.0 + 25.0 * normal).max(1.0),
                Kind::Lognormal => (4.2 + 0.35 * normal).exp(),
                Kind::Seasonal => (75.0 + 25.0 * day + 12.0 * normal).max(1.0),
                Kind::SeasonalLognormal => (4.1 + 0.3 * day + 0.2 * normal).exp(),
            }
        })
        .collect();
    let scale = TRUE_P95 / quantile(&mut demands.clone(), 0.95);
    for demand in &mut demands {
        *demand *= scale;
    }
    demands
}

fn clipped(demands: &[f64]) -> Vec<f64> {
    demands.iter().map(|demand| demand.min(LIMIT)).collect()
}

/// The P95 of demand is within 5% of the true one, and that of use is the limit.
#[track_caller]
fn finds_it(
    used: &[f64],
    evidence: Evidence<'_>,
    options: &SaturationOptions,
) -> (DemandEstimate, DemandQuantile) {
    let estimate = DemandEstimate::of(used, evidence, options).unwrap();
    let found = estimate.quantile(0.95).unwrap();
    let off = found.demand.value() / TRUE_P95 - 1.0;
    assert!(off.abs() < 0.05, "{found:?}");
    (estimate, found)
}

fn each(test: impl Fn(Kind, u64, &[f64], &[f64])) {
    for kind in KINDS {
        for seed in 0..5 {
            let demands = demands(kind, seed);
            let used = clipped(&demands);
            assert_eq!(quantile(&mut used.clone(), 0.95), LIMIT, "plain P95 is the limit");
            test(kind, seed, &demands, &used);
        }
    }
}

#[test]
fn littles_law_finds_the_demand() {
    each(|_, seed, demands, used| {
        // A request takes 40 ms of one unit; behind the limit it takes as much longer.
        let mut random = Random::new(seed + 100);
        let throughput: Vec<f64> = used.iter().map(|used| used / 0.04).collect();
        let noisy = |(demand, rate): (&f64, &f64)| demand / rate * (1.0 + 0.05 * random.normal());
        let response: Vec<f64> = demands.iter().zip(&throughput).map(noisy).collect();
        let evidence = Evidence::LittlesLaw { throughput: &throughput, response: &response };
        let (_, found) = finds_it(used, evidence, &SaturationOptions::with_limit(LIMIT));
        assert_eq!(found.basis, Basis::Evidence);
        assert!(found.doubts.is_empty());
    });
}

#[test]
fn what_waits_is_demanded() {
    each(|_, _, demands, used| {
        let waiting: Vec<f64> =
            demands.iter().zip(used).map(|(demand, used)| demand - used).collect();
        let options = SaturationOptions::with_limit(LIMIT);
        let (_, found) = finds_it(used, Evidence::Waiting(&waiting), &options);
        assert!((found.demand.value() / TRUE_P95 - 1.0).abs() < 1e-9);
        let share: Vec<f64> = demands.iter().zip(used).map(|(d, used)| 1.0 - used / d).collect();
        let (_, found) = finds_it(used, Evidence::WaitShare(&share), &options);
        assert!((found.demand.value() / TRUE_P95 - 1.0).abs() < 1e-9);
    });
}

#[test]
fn a_backlog_that_is_carried_over_gives_back_each_demand() {
    each(|_, _, demands, _| {
        let (mut left, mut used, mut backlog) = (0.0, Vec::new(), Vec::new());
        for demand in demands {
            let work: f64 = demand + left;
            used.push(work.min(LIMIT));
            left = work - work.min(LIMIT);
            backlog.push(left);
        }
        let options = SaturationOptions::with_limit(LIMIT);
        let estimate = DemandEstimate::of(&used, Evidence::Backlog(&backlog), &options).unwrap();
        for (found, demand) in estimate.demands().iter().zip(demands).skip(1) {
            assert!((found.value() - demand).abs() < 1e-6, "{found:?} {demand}");
        }
    });
}

#[test]
fn pressure_says_how_far_above_the_limit_demand_is() {
    each(|kind, seed, demands, _| {
        // Inside an hour demand varies by 15; the hour shows its mean use and how long it was full.
        let mut random = Random::new(seed + 7);
        let (mut used, mut pressure) = (Vec::new(), Vec::new());
        for demand in demands {
            let (mut sum, mut full) = (0.0, 0);
            for _ in 0..120 {
                let now = demand + 15.0 * random.normal();
                sum += now.clamp(0.0, LIMIT);
                full += i32::from(now > LIMIT);
            }
            used.push(sum / 120.0);
            pressure.push(f64::from(full) / 120.0);
        }
        let options =
            SaturationOptions { period: kind.period(), ..SaturationOptions::with_limit(LIMIT) };
        finds_it(&used, Evidence::Pressure(&pressure), &options);
    });
}

#[test]
fn clipped_use_alone_is_modelled() {
    each(|kind, seed, _, used| {
        let options =
            SaturationOptions { period: kind.period(), ..SaturationOptions::with_limit(LIMIT) };
        let (estimate, found) = finds_it(used, Evidence::UseAlone, &options);
        assert_eq!(found.basis, Basis::Model);
        assert!(found.doubts.is_empty(), "{kind:?} {seed} {found:?}");
        // What lies below the limit needs no model.
        let median = estimate.quantile(0.5).unwrap();
        assert_eq!(median.basis, Basis::Measured);
        assert_eq!(median.demand, Demand::Known(quantile(&mut used.to_vec(), 0.5)));
        let share = used.iter().filter(|used| **used >= 99.0).count() as f64 / HOURS as f64;
        assert_eq!(estimate.saturated_share(), share);
        assert!(share > 0.15, "{share}");
    });
}

#[test]
fn without_saturation_the_estimate_is_the_plain_quantile() {
    let mut random = Random::new(11);
    let mut used: Vec<f64> = (0..500).map(|_| 40.0 + 8.0 * random.normal()).collect();
    used[7] = f64::NAN;
    let other: Vec<f64> = (0..500).map(|_| random.uniform() * 0.09).collect();
    let options = SaturationOptions { period: Some(24), ..SaturationOptions::with_limit(LIMIT) };
    for evidence in [
        Evidence::UseAlone,
        Evidence::LittlesLaw { throughput: &other, response: &other },
        Evidence::Waiting(&other),
        Evidence::Backlog(&other),
        Evidence::WaitShare(&other),
        Evidence::Pressure(&other),
    ] {
        let estimate = DemandEstimate::of(&used, evidence, &options).unwrap();
        assert_eq!((estimate.intervals(), estimate.saturated()), (499, 0));
        for level in [0.01, 0.5, 0.9, 0.95, 0.999] {
            let found = estimate.quantile(level).unwrap();
            let plain = quantile(&mut used.clone(), level);
            assert_eq!(found.demand, Demand::Known(plain), "{evidence:?}");
            assert_eq!(estimate.used_quantile(level), plain);
            assert_eq!((found.basis, found.doubts.len()), (Basis::Measured, 0));
        }
    }
}

#[test]
fn a_model_that_is_not_to_be_trusted_says_so() {
    let ask = |used: &[f64]| {
        let options = SaturationOptions::with_limit(LIMIT);
        let estimate = DemandEstimate::of(used, Evidence::UseAlone, &options).unwrap();
        estimate.quantile(0.95).unwrap()
    };
    let mut random = Random::new(4);
    // Two kinds of hours, far apart: neither shape has them.
    let two: Vec<f64> = (0..1000)
        .map(|hour| {
            let mean = if hour % 2 == 0 { 20.0 } else { 95.0 };
            (mean + 5.0 * random.normal()).min(LIMIT)
        })
        .collect();
    let found = ask(&two);
    assert!(found.doubts.iter().any(|doubt| matches!(doubt, Doubt::OtherShape(_))), "{found:?}");
    // Nearly always full.
    let full: Vec<f64> = (0..1000).map(|_| (120.0 + 20.0 * random.normal()).min(LIMIT)).collect();
    let found = ask(&full);
    assert!(found.doubts.iter().any(|doubt| matches!(doubt, Doubt::MuchUnknown(_))), "{found:?}");
    // Few: nothing tells a normal from a lognormal tail.
    let few: Vec<f64> = (0..40).map(|_| (80.0 + 25.0 * random.normal()).min(LIMIT)).collect();
    let found = ask(&few);
    assert!(found.doubts.iter().any(|doubt| matches!(doubt, Doubt::FewKnown(_))), "{found:?}");
    // By day always full: how high a day goes, the nights do not say.
    let days: Vec<f64> = (0..240)
        .map(|hour| {
            let day = (std::f64::consts::TAU * f64::from(hour) / 24.0).sin();
            (90.0 + 60.0 * day + 15.0 * day.powi(2) + 3.0 * random.normal()).min(LIMIT)
        })
        .collect();
    let options = SaturationOptions { period: Some(24), ..SaturationOptions::with_limit(LIMIT) };
    let estimate = DemandEstimate::of(&days, Evidence::UseAlone, &options).unwrap();
    assert!(!estimate.quantile(0.95).unwrap().doubts.is_empty());
    // Always full: there is a bound, and no number is made up.
    let found = ask(&[LIMIT; 100]);
    assert_eq!((found.demand, found.basis), (Demand::AtLeast(LIMIT), Basis::Bound));
    assert_eq!(found.doubts, [Doubt::NoModel]);
    let texts = [
        Doubt::FewKnown(3),
        Doubt::MuchUnknown(0.5),
        Doubt::OtherShape(0.1),
        Doubt::Rival(120.0),
        Doubt::NoModel,
    ]
    .map(|doubt| doubt.to_string());
    assert!(texts.iter().all(|text| text.len() > 20));
}

#[test]
fn evidence_that_is_missing_leaves_a_bound() {
    let mut used: Vec<f64> = (0..200).map(f64::from).map(|at| 40.0 + at * 0.2).collect();
    used.extend([LIMIT; 20]);
    let mut waiting = vec![0.0; 220];
    waiting[200..].fill(12.0);
    waiting[219] = f64::NAN;
    let options = SaturationOptions::with_limit(LIMIT);
    let estimate = DemandEstimate::of(&used, Evidence::Waiting(&waiting), &options).unwrap();
    assert_eq!(estimate.demands()[218], Demand::Known(112.0));
    assert_eq!(estimate.demands()[219], Demand::AtLeast(LIMIT));
    assert_eq!(estimate.quantile(0.99).unwrap().basis, Basis::Model);
    assert_eq!(estimate.quantile(0.5).unwrap().basis, Basis::Measured);
    waiting[219] = 15.0;
    let estimate = DemandEstimate::of(&used, Evidence::Waiting(&waiting), &options).unwrap();
    let p95 = estimate.quantile(0.95).unwrap();
    assert_eq!((p95.demand, p95.basis), (Demand::Known(112.0), Basis::Evidence));
    let share = vec![1.0; 220];
    let estimate = DemandEstimate::of(&used, Evidence::WaitShare(&share), &options).unwrap();
    assert_eq!(estimate.demands()[210], Demand::AtLeast(LIMIT), "it waited all the time");
}

#[test]
fn bad_input_is_named() {
    let used = [50.0, 100.0, 100.0];
    let says = |evidence: Evidence<'_>, options: SaturationOptions, text: &str| {
        let why = DemandEstimate::of(&used, evidence, &options).unwrap_err().to_string();
        assert!(why.contains(text), "{why}");
    };
    let options = SaturationOptions::with_limit(LIMIT);
    says(Evidence::Waiting(&[1.0]), options, "1 values of waiting beside 3 of use");
    says(Evidence::Waiting(&[1.0, -1.0, 0.0]), options, "sample 2: the waiting is -1");
    says(Evidence::Pressure(&[0.1, 0.2, 1.5]), options, "sample 3: the pressure is 1.5");
    let law = Evidence::LittlesLaw { throughput: &[1.0; 3], response: &[1.0; 3] };
    says(law, options, "1 intervals below saturation");
    says(Evidence::UseAlone, SaturationOptions::with_limit(0.0), "the limit is 0");
    says(Evidence::UseAlone, SaturationOptions { near: 1.5, ..options }, "near is 1.5");
    says(Evidence::UseAlone, SaturationOptions { period: Some(1), ..options }, "a season takes 2");
    for used in [&[][..], &[f64::NAN], &[-1.0], &[f64::INFINITY]] {
        assert!(DemandEstimate::of(used, Evidence::UseAlone, &options).is_err(), "{used:?}");
    }
    let estimate = DemandEstimate::of(&used, Evidence::UseAlone, &options).unwrap();
    for level in [0.0, 1.0, f64::NAN] {
        assert!(estimate.quantile(level).is_err());
    }
}
