//! Open networks: work comes from outside, passes through, and leaves (Jackson networks).

use super::{NetworkSolution, Station, StationKind, Work, check, solution};
use crate::capacity::queueing::{LongRun, amount, erlang};
use crate::error::Result;

/// A class of work that comes from outside.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenClass {
    /// Its name, for messages.
    pub name: String,
    /// Jobs that arrive per second.
    pub arrival_rate_per_s: f64,
    /// What a job does at each station, in their order.
    pub work: Vec<Work>,
}

/// Why an open network does not settle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NetworkSaturation {
    /// The busiest station, as an index: the bottleneck.
    pub station: usize,
    /// The share of its servers' time that is asked for: 1 or more.
    pub utilisation: f64,
    /// All arrival rates must be multiplied by less than this.
    pub rate_factor_max: f64,
}

/// What an open network of several classes comes to.
///
/// Each station is as if alone (Jackson 1957; Baskett and others 1975): with `a` the servers' worth
/// of work of all classes and `C` Erlang's delay formula, a demand `D` takes `D (1 + C / (c - a))`;
/// with one server `D / (1 - u)`.
///
/// ```
/// use plimsoll::capacity::queueing::{OpenClass, Station, StationKind, Work, solve_open};
/// let kind = StationKind::Queue { servers: 1 };
/// let stations = [Station { name: "disk".into(), kind }];
/// let work = vec![Work { visits: 2.0, service_s: 0.005 }];
/// let class = OpenClass { name: "read".into(), arrival_rate_per_s: 75.0, work };
/// let solved = solve_open(&stations, &[class])?.steady().unwrap();
/// assert!((solved.classes[0].response_mean_s - 0.04).abs() < 1e-12);
/// # Ok::<(), plimsoll::Error>(())
/// ```
///
/// # Errors
///
/// Unless every class has work at every station, of amounts of 0 or more, and stations have
/// servers.
pub fn solve_open(
    stations: &[Station],
    classes: &[OpenClass],
) -> Result<LongRun<NetworkSolution, NetworkSaturation>> {
    check(stations, classes.iter().map(|class| (class.name.as_str(), class.work.as_slice())))?;
    for class in classes {
        let what = format!("the arrival rate of class {}", class.name);
        amount(&what, class.arrival_rate_per_s)?;
    }
    let offered = |station: usize| -> f64 {
        classes.iter().map(|class| class.arrival_rate_per_s * class.work[station].demand_s()).sum()
    };
    // How much longer than its demand a job stays.
    let mut stretches = Vec::with_capacity(stations.len());
    let mut busiest: Option<NetworkSaturation> = None;
    for (index, station) in stations.iter().enumerate() {
        let StationKind::Queue { servers } = station.kind else {
            stretches.push(1.0);
            continue;
        };
        let offered = offered(index);
        let utilisation = offered / servers as f64;
        if utilisation >= busiest.map_or(1.0, |busiest| busiest.utilisation) {
            let rate_factor_max = 1.0 / utilisation;
            busiest = Some(NetworkSaturation { station: index, utilisation, rate_factor_max });
        }
        let free = servers as f64 - offered;
        // Of a saturated station nothing is used below.
        stretches.push(if free > 0.0 { 1.0 + erlang::delay(servers, offered) / free } else { 1.0 });
    }
    if let Some(saturation) = busiest {
        return Ok(LongRun::Saturated(saturation));
    }
    let solved = classes.iter().map(|class| {
        let residences = class.work.iter().zip(&stretches);
        let residences = residences.map(|(work, stretch)| work.demand_s() * stretch).collect();
        (class.arrival_rate_per_s, class.work.clone(), residences)
    });
    Ok(LongRun::Steady(solution(stations, solved)))
}
