//! Brier scores, and whether what is said with 30% comes in 30% of the cases.

use serde::Serialize;

use super::straight::WINDOWS;
use crate::kernel::{self, Random};

const DECILES: usize = 10;
/// The share of draws inside the bands.
const BAND: f64 = 0.95;

/// One line of one series on one day: what was said, and what came.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Case {
    pub(super) host: usize,
    pub(super) origin: usize,
    pub(super) multiple: f64,
    /// The probability that was said.
    pub(super) forecast: f64,
    /// What straight lines through the windows of the past say.
    pub(super) straight: [bool; 2],
    pub(super) reached: bool,
}

/// A number, and between which it lies in 95% of the draws of the hosts. What hit all hosts on one
/// day is in every draw, so that the bands know nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Banded {
    /// Of all hosts.
    pub value: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// How good the forecasts of a set of cases are. The Brier score (1950) is the mean of
/// `(forecast - outcome)^2`, the outcome being 0 or 1.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CaseScore {
    /// Cases: lines, origins and series.
    pub cases: usize,
    /// Hosts with a case.
    pub hosts: usize,
    /// The share of the cases that came true.
    pub base_rate: Banded,
    /// The Brier score of our probabilities.
    pub brier: Banded,
    /// That of the better straight line, which says 0 or 1.
    pub brier_straight: f64,
    /// Days of the past that line goes through; `None` for all.
    pub straight_days: Option<usize>,
    /// `1 - brier / brier_straight`.
    pub skill: Banded,
    /// The same over always saying the base rate, which nobody knows before.
    pub skill_over_base_rate: f64,
    /// The reliability table: forecasts from 0 to 10%, from 10 to 20% ...; only those with cases.
    pub deciles: Vec<Decile>,
}

/// The cases of which about the same was said.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Decile {
    /// Forecasts from this one on.
    pub from: f64,
    /// Cases.
    pub cases: usize,
    /// The mean of what was said.
    pub forecast: f64,
    /// The share that came.
    pub observed: f64,
    /// What came less what was said.
    pub off: Banded,
}

/// Scores cases; `None` where there are none.
pub(super) fn score(cases: &[Case], draws: usize, seed: u64) -> Option<CaseScore> {
    let hosts = by_host(cases);
    let mut all = Sums::default();
    for host in &hosts {
        all.add(host);
    }
    let count = all.count();
    if count == 0.0 {
        return None;
    }
    let window = usize::from(all.straight[1] < all.straight[0]);
    let mut random = Random::new(seed);
    let drawn: Vec<Sums> = (0..draws).map(|_| drawn(&hosts, &mut random)).collect();
    let banded = |figure: &dyn Fn(&Sums) -> f64| {
        let mut figures: Vec<f64> = drawn.iter().map(figure).collect();
        let mut end = |q: f64| kernel::quantile(&mut figures, q);
        let [low, high] = [end((1.0 - BAND) / 2.0), end(f64::midpoint(1.0, BAND))];
        Banded { value: figure(&all), low, high }
    };
    let base_rate = banded(&|sums| sums.reached() / sums.count());
    let of_base_rate = base_rate.value * (1.0 - base_rate.value);
    let deciles = (0..DECILES).filter(|at| all.deciles[*at].cases > 0.0).map(|at| {
        let own = all.deciles[at];
        Decile {
            from: at as f64 / DECILES as f64,
            cases: own.cases as usize,
            forecast: own.forecasts / own.cases,
            observed: own.reached / own.cases,
            off: banded(&|sums| {
                let own = sums.deciles[at];
                (own.reached - own.forecasts) / own.cases
            }),
        }
    });
    Some(CaseScore {
        cases: count as usize,
        hosts: hosts.len(),
        base_rate,
        brier: banded(&|sums| sums.squares / sums.count()),
        brier_straight: all.straight[window] / count,
        straight_days: Some(WINDOWS[window]).filter(|days| *days != usize::MAX),
        skill: banded(&|sums| 1.0 - sums.squares / sums.straight[window]),
        skill_over_base_rate: 1.0 - all.squares / count / of_base_rate,
        deciles: deciles.collect(),
    })
}

/// What all figures are made of, so that a draw of hosts adds up a few numbers of each.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    squares: f64,
    /// Wrong answers of the straight lines.
    straight: [f64; 2],
    deciles: [DecileSums; DECILES],
}

#[derive(Debug, Clone, Copy, Default)]
struct DecileSums {
    cases: f64,
    forecasts: f64,
    reached: f64,
}

impl Sums {
    fn add_case(&mut self, case: &Case) {
        let outcome = f64::from(u8::from(case.reached));
        self.squares += (case.forecast - outcome).powi(2);
        for (wrong, said) in self.straight.iter_mut().zip(case.straight) {
            *wrong += f64::from(u8::from(said != case.reached));
        }
        let at = ((case.forecast * DECILES as f64) as usize).min(DECILES - 1);
        let own = &mut self.deciles[at];
        own.cases += 1.0;
        own.forecasts += case.forecast;
        own.reached += outcome;
    }

    fn add(&mut self, other: &Self) {
        self.squares += other.squares;
        for (wrong, more) in self.straight.iter_mut().zip(other.straight) {
            *wrong += more;
        }
        for (own, more) in self.deciles.iter_mut().zip(&other.deciles) {
            own.cases += more.cases;
            own.forecasts += more.forecasts;
            own.reached += more.reached;
        }
    }

    fn count(&self) -> f64 {
        self.deciles.iter().map(|decile| decile.cases).sum()
    }

    fn reached(&self) -> f64 {
        self.deciles.iter().map(|decile| decile.reached).sum()
    }
}

fn by_host(cases: &[Case]) -> Vec<Sums> {
    let count = cases.iter().map(|case| case.host + 1).max().unwrap_or(0);
    let mut hosts = vec![Sums::default(); count];
    for case in cases {
        hosts[case.host].add_case(case);
    }
    hosts.retain(|host| host.count() > 0.0);
    hosts
}

/// As many hosts, drawn with replacement (Efron, 1979).
fn drawn(hosts: &[Sums], random: &mut Random) -> Sums {
    let mut sums = Sums::default();
    for _ in hosts {
        sums.add(&hosts[random.below(hosts.len())]);
    }
    sums
}
