//! Loads put together on hosts by what they need at the same time.

use super::partners::{expect_affordable, filled};
use crate::error::{Error, Result};
use crate::kernel::{add_row, greatest, greatest_sum};

/// How far rounding may take a host over its capacity, as a share of it.
const ROUNDING: f64 = 1e-9;

/// Loads that share a host.
#[derive(Debug, Clone, PartialEq)]
pub struct SharedHost {
    /// The places of the loads, in the order in which they were put there.
    pub loads: Vec<usize>,
    /// The sum of their peaks.
    pub sum_of_peaks: f64,
    /// The peak of their sum: what the host carries at most.
    pub peak_of_sum: f64,
    /// Their sum at each step.
    sums: Vec<f64>,
}

/// Puts loads on as few hosts of one capacity as it finds: the load with the highest peak first,
/// each where it raises the host's peak least, on a new host where it fits nowhere.
///
/// A gap counts as the load's own peak. No set of hosts carries the loads that is smaller than the
/// peak of all together over the capacity, rounded up: that says how good the answer is.
///
/// ```
/// use plimsoll::capacity::sharing::share_hosts;
/// let rows: [&[f64]; 4] = [&[9.0, 1.0], &[8.0, 2.0], &[1.0, 7.0], &[2.0, 8.0]];
/// let hosts = share_hosts(&rows, 10.0)?;
/// // By their peaks no two of them would fit.
/// assert_eq!((hosts.len(), hosts[0].peak_of_sum), (2, 10.0));
/// # Ok::<(), plimsoll::Error>(())
/// ```
///
/// # Errors
///
/// Where a load alone is more than a host carries, has no number or an infinite one; where loads
/// have other time axes, or are too many to try.
pub fn share_hosts(rows: &[&[f64]], capacity: f64) -> Result<Vec<SharedHost>> {
    if !(capacity > 0.0 && capacity.is_finite()) {
        let what = format!("the capacity of a host is above 0, not {capacity}");
        return Err(Error::invalid(what));
    }
    expect_affordable(rows)?;
    let most = capacity * (1.0 + ROUNDING);
    let mut loads = Vec::with_capacity(rows.len());
    for (at, row) in rows.iter().enumerate() {
        let peak = greatest(row);
        if peak > most && peak.is_finite() {
            return Err(Error::invalid(format!(
                "load {at} (counted from 0) peaks at {peak}, over the {capacity} of a host"
            )));
        }
        loads.push((at, peak, filled(at, row)?));
    }
    loads.sort_by(|a, b| b.1.total_cmp(&a.1));
    let mut hosts: Vec<SharedHost> = Vec::new();
    for (at, peak, row) in loads {
        let raised = |host: &SharedHost| greatest_sum(&host.sums, &row);
        let mut best: Option<(usize, f64, f64)> = None;
        for (place, host) in hosts.iter().enumerate() {
            let together = raised(host);
            let rise = together - host.peak_of_sum;
            if together <= most && best.is_none_or(|(_, least, _)| rise < least) {
                best = Some((place, rise, together));
            }
        }
        if let Some((place, _, together)) = best {
            let host = &mut hosts[place];
            host.loads.push(at);
            host.sum_of_peaks += peak;
            host.peak_of_sum = together;
            add_row(&mut host.sums, &row);
        } else {
            let (loads, sums) = (vec![at], row);
            hosts.push(SharedHost { loads, sum_of_peaks: peak, peak_of_sum: peak, sums });
        }
    }
    Ok(hosts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_no_host_carries_is_named() {
        let rows: [&[f64]; 2] = [&[1.0], &[11.0]];
        let why = share_hosts(&rows, 10.0).unwrap_err().to_string();
        assert!(why.contains("load 1 (counted from 0) peaks at 11"), "{why}");
        assert!(share_hosts(&rows, 0.0).is_err());
        let none: [&[f64]; 1] = [&[f64::NAN]];
        assert!(share_hosts(&none, 1.0).is_err());
        assert!(share_hosts(&[], 1.0).unwrap().is_empty());
    }

    proptest! {
        #[test]
        fn no_host_is_overfilled_and_every_load_placed_once(
            rows in prop::collection::vec(prop::collection::vec(0.0..10.0_f64, 6), 1..30),
        ) {
            let slices: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
            let hosts = share_hosts(&slices, 12.0).unwrap();
            let mut placed: Vec<usize> = hosts.iter().flat_map(|host| host.loads.clone()).collect();
            placed.sort_unstable();
            prop_assert_eq!(placed, (0..rows.len()).collect::<Vec<_>>());
            for host in &hosts {
                let at = |step: usize| host.loads.iter().map(|load| rows[*load][step]).sum::<f64>();
                let peak = (0..6).map(at).fold(0.0, f64::max);
                prop_assert!(peak <= 12.0 * (1.0 + 1e-8));
                prop_assert!((peak - host.peak_of_sum).abs() < 1e-9);
                prop_assert!(host.peak_of_sum <= host.sum_of_peaks + 1e-9);
            }
            let all = (0..6).map(|step| rows.iter().map(|row| row[step]).sum::<f64>());
            let least = (all.fold(0.0, f64::max) / 12.0 - 1e-9).ceil() as usize;
            prop_assert!(hosts.len() >= least);
        }
    }
}
