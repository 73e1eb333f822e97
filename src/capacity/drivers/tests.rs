//! Simulated truths: planted costs, noise with memory, bursts, and what must not be found.

use super::*;
use crate::kernel::Random;
use crate::model::Timestamp;

/// Noise in which 0.7 of each step is left in the next, with a deviation of 1 per step.
pub(in crate::capacity) struct Noise {
    pub(in crate::capacity) random: Random,
    state: f64,
}

impl Noise {
    pub(in crate::capacity) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let state = random.normal() / (1.0_f64 - 0.49).sqrt();
        Self { random, state }
    }

    pub(in crate::capacity) fn next(&mut self) -> f64 {
        self.state = 0.7 * self.state + self.random.normal();
        self.state
    }

    /// A step's demand: a day of `steps`, and demand of its own, with memory too.
    pub(in crate::capacity) fn demand(&mut self, row: usize, steps: usize) -> f64 {
        let day = (std::f64::consts::TAU * row as f64 / steps as f64).sin();
        (2_000.0 + 1_000.0 * day + 200.0 * self.next()).max(0.0)
    }
}

/// Times 5 minutes apart.
fn times(rows: usize) -> Vec<Timestamp> {
    (0..rows).map(|row| Timestamp::from_seconds(300 * row as i64)).collect()
}

fn fit(resource: &[f64], drivers: &[Vec<f64>]) -> Result<DemandModel, crate::Error> {
    let drivers: Vec<Driver<'_>> =
        drivers.iter().map(|values| Driver { name: "requests", values }).collect();
    DemandModel::fit(&Observations::new(&times(resource.len()), resource, &drivers)?)
}

fn line_of(model: &DemandModel, line: f64) -> LineDemand {
    match model.at_line(line).unwrap() {
        AtLine::Demand(demand) => demand,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_exact_line_by_hand() {
    // use = 10 + x / 2, x to 80: at 60 for x = 100; 12 hosts at 80 * 1.3 are 12.48 of such.
    let x: Vec<f64> = (0..81).map(f64::from).collect();
    let used: Vec<f64> = x.iter().map(|x| 10.0 + x / 2.0).collect();
    let model = fit(&used, &[x]).unwrap();
    assert!((model.idle.estimate - 10.0).abs() < 1e-9 && !model.idle.held_at_zero);
    assert!((model.costs[0].estimate - 0.5).abs() < 1e-9);
    assert!((model.r_squared.unwrap() - 1.0).abs() < 1e-9);
    // Mean use 10 + 20, of which 10 idle.
    assert!((model.idle_share.unwrap() - 1.0 / 3.0).abs() < 1e-9);
    assert!((model.use_at(&[4.0]) - 12.0).abs() < 1e-9 && model.use_at(&[]).is_nan());
    assert_eq!(model.shape.verdict, Verdict::Straight);
    let at_line = line_of(&model, 60.0);
    assert!((at_line.demand(0, 0.5).unwrap() - 100.0).abs() < 1e-6);
    assert!((at_line.seen_max(0) - 80.0).abs() < 1e-9 && at_line.is_beyond_seen());
    let needed = at_line.hosts_needed(12, 0.3).unwrap();
    assert_eq!((needed.low, needed.middle, needed.high), (13, 13, Some(13)));
    assert_eq!(at_line.hosts_needed(12, 0.25).unwrap().middle, 12);
    assert!(!line_of(&model, 45.0).is_beyond_seen());
    assert!(matches!(model.at_line(9.0).unwrap(), AtLine::IdleOver));
    assert!(model.at_line(f64::NAN).is_err());
    for (hosts, growth) in [(0, 0.1), (3, -1.0), (3, f64::NAN)] {
        assert!(at_line.hosts_needed(hosts, growth).is_err());
    }
}

#[test]
fn of_use_that_never_changed_no_share_is_explained() {
    let x: Vec<f64> = (0..400).map(|row| 1.7 * f64::from(row % 24)).collect();
    // 7.3 is no sum of powers of two: the mean of many is off by a bit.
    for used in [0.0, 7.3, 8.0] {
        let model = fit(&vec![used; 400], std::slice::from_ref(&x)).unwrap();
        assert_eq!(model.r_squared, None, "{used}");
        assert!((model.idle.estimate - used).abs() < 1e-9, "{model:?}");
        let idle = (used > 0.0).then_some(1.0);
        assert_eq!(model.idle_share.map(|share| (1e9 * share).round() / 1e9), idle, "{used}");
    }
    // What changes by a millionth has changed.
    let used: Vec<f64> = x.iter().map(|x| 7.3 * (1.0 + 1e-7 * x)).collect();
    assert!(fit(&used, &[x]).unwrap().r_squared.is_some());
}

#[test]
fn intervals_hold_the_planted_truth() {
    // 200 seeds, noise of memory 0.7, every second one with bursts.
    let (rows, mut held) = (600, [0; 3]);
    for seed in 0..200 {
        let (mut demand, mut noise) = (Noise::new(seed), Noise::new(seed + 1_000));
        let x: Vec<f64> = (0..rows).map(|row| demand.demand(row, 288)).collect();
        let used: Vec<f64> = x
            .iter()
            .map(|x| {
                let bursts = seed % 2 == 1 && noise.random.uniform() < 0.01;
                12.0 + 0.01 * x + noise.next() + if bursts { 30.0 } else { 0.0 }
            })
            .collect();
        let model = fit(&used, &[x]).unwrap();
        let holds = |one: &Coefficient, truth: f64| one.low <= truth && truth <= one.high;
        held[0] += usize::from(holds(&model.idle, 12.0));
        held[1] += usize::from(holds(&model.costs[0], 0.01));
        // 12 + 0.01 x = 80 at 6,800.
        let line = line_of(&model, 80.0);
        let (low, high) = (line.demand(0, 0.025).unwrap(), line.demand(0, 0.975).unwrap());
        held[2] += usize::from(low <= 6_800.0 && 6_800.0 <= high);
        assert!((line.demand(0, 0.5).unwrap() / 6_800.0 - 1.0).abs() < 0.2);
    }
    // 90% to 98% of 200.
    assert!(held.iter().all(|held| (180..=196).contains(held)), "{held:?}");
}

#[test]
fn two_drivers_are_told_apart_and_a_third_costs_nothing() {
    let (rows, mut held, mut found) = (864, [0; 2], 0);
    for seed in 0..40 {
        let mut noise = Noise::new(seed);
        let x: Vec<Vec<f64>> = (0..3)
            .map(|driver| {
                let mut demand = Noise::new(seed * 3 + driver + 5_000);
                let shift = 60 * driver as usize;
                (0..rows).map(|row| demand.demand(row + shift, 288)).collect()
            })
            .collect();
        let used: Vec<f64> =
            (0..rows).map(|row| 0.01 * x[0][row] + 0.03 * x[1][row] + noise.next()).collect();
        let model = fit(&used, &x).unwrap();
        assert!(!model.is_collinear() && model.unseen_days.unwrap().parts == 3);
        for (held, (cost, truth)) in held.iter_mut().zip(model.costs.iter().zip([0.01, 0.03])) {
            *held += usize::from(cost.low <= truth && truth <= cost.high);
        }
        found += usize::from(model.costs[2].low > 0.0);
        assert!(model.idle.low < 0.5 && model.idle.estimate >= 0.0);
        // All drivers together, in the proportion of their means.
        let line = line_of(&model, 160.0);
        let demand: Vec<f64> = (0..3).map(|at| line.demand(at, 0.5).unwrap()).collect();
        assert!((model.use_at(&demand) - 160.0).abs() < 1e-6);
    }
    assert!(held.iter().all(|held| *held >= 36) && found <= 3, "{held:?} {found}");
}

#[test]
fn a_bend_is_seen_and_a_straight_line_is_not_bent() {
    let of = |seed: u64, bend: f64| {
        let (mut demand, mut noise) = (Noise::new(seed), Noise::new(seed + 77));
        let x: Vec<f64> = (0..864).map(|row| demand.demand(row, 288)).collect();
        let used: Vec<f64> = x
            .iter()
            .map(|x| 5.0 + 0.01 * x + bend * (x - 2_600.0).max(0.0) + noise.next())
            .collect();
        fit(&used, &[x]).unwrap().shape
    };
    let up = (0..20).filter(|seed| of(*seed, 0.02).verdict == Verdict::BendsUp).count();
    let down = (0..20).filter(|seed| of(*seed, -0.009).verdict == Verdict::BendsDown).count();
    let straight = (0..200).filter(|seed| of(*seed, 0.0).verdict == Verdict::Straight).count();
    assert!(up == 20 && down >= 18 && straight >= 190, "{up} {down} {straight}");
}

#[test]
fn use_that_comes_to_a_ceiling_promises_no_hosts() {
    let of = |seed: u64, ceiling: f64| {
        let (mut demand, mut noise) = (Noise::new(seed), Noise::new(seed + 55));
        let x: Vec<f64> = (0..864).map(|row| demand.demand(row, 288)).collect();
        let used: Vec<f64> =
            x.iter().map(|x| (10.0 + 0.02 * x).min(ceiling) + 0.3 * noise.next()).collect();
        fit(&used, &[x]).unwrap()
    };
    for seed in 0..10 {
        // Use goes to 74; from 60 on, or from 55, it can be no more.
        for ceiling in [60.0, 55.0] {
            let cut = of(seed, ceiling);
            assert!(cut.shape.is_cut_off, "{seed} {ceiling}: {:?}", cut.shape);
            assert!(matches!(cut.at_line(80.0).unwrap(), AtLine::CutOff));
        }
        let free = of(seed, 1_000.0);
        assert!(!free.shape.is_cut_off);
        assert!(line_of(&free, 80.0).hosts_needed(10, 0.3).unwrap().high.is_some());
    }
}

#[test]
fn a_pattern_of_the_day_that_is_no_demand_is_reported() {
    let of = |seed: u64, nightly: f64| {
        let (mut demand, mut noise) = (Noise::new(seed), Noise::new(seed + 99));
        let x: Vec<f64> = (0..2_016).map(|row| demand.demand(row, 288)).collect();
        let job = |row: usize| nightly * (std::f64::consts::TAU * row as f64 / 288.0).sin();
        let used: Vec<f64> = x
            .iter()
            .enumerate()
            .map(|(row, x)| 30.0 + 0.01 * x + job(row) + noise.next())
            .collect();
        fit(&used, &[x]).unwrap()
    };
    let planted = of(1, 8.0);
    let differences = planted.day_differences.unwrap();
    // Twice the cost by the plain fit, nearly the truth by the differences.
    assert!(planted.costs[0].estimate > 0.015 && differences.disagree, "{differences:?}");
    assert!((differences.costs[0] - 0.01).abs() < 0.002, "{differences:?}");
    let disagree = |seed: &u64| of(*seed, 0.0).day_differences.unwrap().disagree;
    assert!((0..20).filter(disagree).count() <= 1);
}

#[test]
fn costs_are_never_below_zero() {
    // Use that falls with demand: the cost is held at 0, and no demand brings it to the line.
    let x: Vec<f64> = (0..96).map(|row| f64::from(row % 24)).collect();
    let used: Vec<f64> = (0..96).map(|row| 50.0 - x[row] + (row * 7 % 5) as f64).collect();
    let model = fit(&used, &[x]).unwrap();
    let cost = model.costs[0];
    assert!(cost.estimate == 0.0 && cost.held_at_zero && cost.low == 0.0, "{cost:?}");
    assert!(matches!(model.at_line(100.0).unwrap(), AtLine::NoCost));
    // Nothing known makes a row unknown, and no more.
    let x: Vec<f64> = (0..96).map(|row| if row == 5 { f64::NAN } else { f64::from(row) }).collect();
    let used: Vec<f64> =
        (0..96).map(|row| if row == 9 { f64::NAN } else { f64::from(row) }).collect();
    assert_eq!(fit(&used, &[x]).unwrap().rows, 94);
}

#[test]
fn bad_input_is_refused_with_its_reason() {
    let x: Vec<f64> = (0..40).map(f64::from).collect();
    let fails = |used: &[f64], drivers: &[Vec<f64>], message: &str| {
        let why = fit(used, drivers).unwrap_err().to_string();
        assert!(why.contains(message), "{why}");
    };
    fails(&x, &[], "at least one driver");
    fails(&x, &[vec![3.0; 40]], "requests does not vary");
    fails(&x, &[x.clone(), x.iter().map(|x| 2.0 * x + 1.0).collect()], "one follows from");
    fails(&x[..17], &[x[..17].to_vec()], "17 rows have a number");
    fails(&x, &[x[..39].to_vec()], "39 values for 40 times");
    fails(&x, &[x.iter().map(|x| x - 1.0).collect()], "demand is 0 or more");
    fails(&[f64::INFINITY; 40], std::slice::from_ref(&x), "write a finite number");
    fails(&[1e300; 40], std::slice::from_ref(&x), "more than 1e60, write it in another unit");
    fails(&x, &vec![x.clone(); 9], "number of drivers is 9");
    let back = [Timestamp::from_seconds(2), Timestamp::from_seconds(2)];
    assert!(Observations::new(&back, &[1.0, 2.0], &[]).is_err());
    // Whatever the scale, nothing is infinite that is not said to be.
    for scale in [1e-9, 1e12] {
        let used: Vec<f64> = x.iter().map(|x| scale * (x + f64::from(*x as u8 % 3))).collect();
        let model = fit(&used, std::slice::from_ref(&x)).unwrap();
        assert!((model.costs[0].estimate / scale - 1.0).abs() < 0.1, "{scale}");
    }
    let zero = fit(&[0.0; 40], &[x]).unwrap();
    assert_eq!((zero.costs[0].estimate, zero.idle.estimate), (0.0, 0.0));
}
