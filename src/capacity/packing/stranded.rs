//! What of a host nobody can use, since another of its resources is used up.

use super::ROUNDING;
use crate::error::{Error, Result};

/// What of one host is free, and what of that is stranded for more of a demand.
///
/// The host takes `n = min(free / wanted)` more of it. What is then left of each wanted resource is
/// stranded: the one that limits has nothing left. Only whole ones can be placed, so the broken
/// part of `n` is a fragment, of every resource. What is not wanted is free, and neither of them.
///
/// ```
/// use plimsoll::capacity::packing::Stranded;
/// // capacity.md, feature 21: 32 cores and 128 GiB with four of 8 cores and 16 GiB.
/// let stranded = Stranded::of(&[32.0, 128.0], &[32.0, 64.0], &[8.0, 16.0])?;
/// assert_eq!((stranded.fits, stranded.limiting), (0.0, Some(0)));
/// assert_eq!(stranded.stranded, [0.0, 64.0]);
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Stranded {
    /// How many more fit: a whole number.
    pub fits: f64,
    /// The place of the resource that limits them, the first of equal ones.
    pub limiting: Option<usize>,
    /// What is free of each resource.
    pub free: Vec<f64>,
    /// What of that is left when the limiting resource is used up.
    pub stranded: Vec<f64>,
    /// What of that is less than one more needs.
    pub fragment: Vec<f64>,
}

impl Stranded {
    /// Of a host's capacity, what is used of it, and one more demand. What is used over the
    /// capacity leaves nothing free.
    ///
    /// # Errors
    ///
    /// Unless all have as many numbers, finite and 0 or more, and something is wanted.
    pub fn of(capacity: &[f64], used: &[f64], wanted: &[f64]) -> Result<Self> {
        let alike = capacity.len() == used.len() && used.len() == wanted.len();
        let mut all = capacity.iter().chain(used).chain(wanted);
        if !alike || !all.all(|amount| amount.is_finite() && *amount >= 0.0) {
            return Err(Error::invalid(
                "capacity, use and demand have one amount of 0 or more of each resource",
            ));
        }
        if wanted.iter().all(|amount| *amount == 0.0) {
            return Err(Error::invalid(
                "nothing is stranded for a demand of nothing: say what more hosts should carry",
            ));
        }
        let each = capacity.iter().zip(used);
        let free: Vec<f64> = each.map(|(capacity, used)| (capacity - used).max(0.0)).collect();
        let (mut more, mut limiting) = (f64::INFINITY, None);
        for (at, (free, wanted)) in free.iter().zip(wanted).enumerate() {
            if *wanted > 0.0 && free / wanted < more {
                (more, limiting) = (free / wanted, Some(at));
            }
        }
        let fits = (more * (1.0 + ROUNDING)).floor();
        let broken = (more - fits).max(0.0);
        let left = |((free, wanted), capacity): ((&f64, &f64), &f64)| {
            let rest = free - more * wanted;
            // Less than rounding leaves is nothing.
            if *wanted > 0.0 && rest > ROUNDING * capacity { rest } else { 0.0 }
        };
        let stranded = free.iter().zip(wanted).zip(capacity).map(left).collect();
        let fragment = wanted.iter().map(|wanted| broken * wanted).collect();
        Ok(Self { fits, limiting, free, stranded, fragment })
    }
}

/// What of several hosts is stranded.
#[derive(Debug, Clone, PartialEq)]
pub struct Stranding {
    /// Each host.
    pub hosts: Vec<Stranded>,
    /// How many more fit on all hosts.
    pub fits: f64,
    /// What is stranded of each resource.
    pub stranded: Vec<f64>,
    /// That as a share of the capacity of all hosts; nothing of nothing.
    pub shares: Vec<f64>,
}

impl Stranding {
    /// Of each host's capacity and use.
    ///
    /// # Errors
    ///
    /// Those of [`Stranded::of`].
    pub fn of<'a>(
        hosts: impl IntoIterator<Item = (&'a [f64], &'a [f64])>,
        wanted: &[f64],
    ) -> Result<Self> {
        let mut capacities = vec![0.0; wanted.len()];
        let mut all = Self {
            hosts: Vec::new(),
            fits: 0.0,
            stranded: vec![0.0; wanted.len()],
            shares: Vec::new(),
        };
        for (capacity, used) in hosts {
            let host = Stranded::of(capacity, used, wanted)?;
            all.fits += host.fits;
            all.stranded.iter_mut().zip(&host.stranded).for_each(|(sum, one)| *sum += one);
            capacities.iter_mut().zip(capacity).for_each(|(sum, one)| *sum += one);
            all.hosts.push(host);
        }
        let each = all.stranded.iter().zip(&capacities);
        all.shares =
            each.map(|(part, whole)| if *whole > 0.0 { part / whole } else { 0.0 }).collect();
        Ok(all)
    }
}

/// What a mix of demands needs on average, each with its weight: stranding for a mix is that for
/// its mean.
///
/// ```
/// use plimsoll::capacity::packing::mean_demand;
/// // Three small ones for each large one.
/// assert_eq!(mean_demand(&[(3.0, &[1.0, 4.0]), (1.0, &[5.0, 8.0])])?, [2.0, 5.0]);
/// # Ok::<(), plimsoll::Error>(())
/// ```
///
/// # Errors
///
/// Unless weights are 0 or more, one of them above 0, and demands have as many numbers each.
pub fn mean_demand(mix: &[(f64, &[f64])]) -> Result<Vec<f64>> {
    let resources = mix.first().map_or(0, |(_, demand)| demand.len());
    let whole: f64 = mix.iter().map(|(weight, _)| weight).sum();
    let sound = |(weight, demand): &(f64, &[f64])| *weight >= 0.0 && demand.len() == resources;
    if !(whole > 0.0 && whole.is_finite() && mix.iter().all(sound)) {
        return Err(Error::invalid(
            "a mix takes weights of 0 or more, one above 0, and demands of the same resources",
        ));
    }
    let mean = |at: usize| mix.iter().map(|(weight, demand)| weight * demand[at]).sum::<f64>();
    Ok((0..resources).map(|at| mean(at) / whole).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn memory_is_stranded_where_cores_are_sold_out() {
        // capacity.md, feature 21: 64 GiB (50%) for any shape that needs cpu.
        let used = [4.0 * 8.0, 4.0 * 16.0];
        for wanted in [[8.0, 16.0], [1.0, 0.5], [0.001, 100.0]] {
            let host = (&[32.0, 128.0][..], &used[..]);
            let all = Stranding::of([host, host], &wanted).unwrap();
            assert_eq!((all.fits, &all.stranded[..]), (0.0, &[0.0, 128.0][..]));
            assert_eq!(all.shares, [0.0, 0.5]);
        }
        // What needs no cpu strands none of it.
        let memory = Stranded::of(&[32.0, 128.0], &used, &[0.0, 16.0]).unwrap();
        assert_eq!((memory.fits, memory.limiting), (4.0, Some(1)));
        assert_eq!(memory.stranded, [0.0, 0.0]);
    }

    #[test]
    fn a_broken_part_is_a_fragment_and_not_stranded() {
        // Room for 1.5 of (2, 2), beside 1 of memory that no cpu is left for.
        let host = Stranded::of(&[10.0, 10.0], &[7.0, 6.0], &[2.0, 2.0]).unwrap();
        assert_eq!((host.fits, host.limiting), (1.0, Some(0)));
        assert_eq!((&host.stranded[..], &host.fragment[..]), (&[0.0, 1.0][..], &[1.0, 1.0][..]));
        let over = Stranded::of(&[1.0, 1.0], &[2.0, 0.0], &[1.0, 1.0]).unwrap();
        assert_eq!((&over.free[..], &over.stranded[..]), (&[0.0, 1.0][..], &[0.0, 1.0][..]));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        assert!(Stranded::of(&[1.0], &[0.0], &[0.0]).is_err());
        assert!(Stranded::of(&[1.0], &[0.0, 1.0], &[1.0]).is_err());
        assert!(Stranded::of(&[1.0], &[f64::NAN], &[1.0]).is_err());
        assert!(mean_demand(&[]).is_err() && mean_demand(&[(0.0, &[1.0])]).is_err());
        assert!(mean_demand(&[(1.0, &[1.0]), (1.0, &[1.0, 2.0])]).is_err());
    }

    proptest! {
        #[test]
        fn free_is_what_fits_what_is_stranded_and_fragments(
            host in prop::collection::vec((1.0..100.0_f64, 0.0..1.0_f64, 0.1..20.0_f64), 1..4),
        ) {
            let capacity: Vec<f64> = host.iter().map(|one| one.0).collect();
            let used: Vec<f64> = host.iter().map(|one| one.0 * one.1).collect();
            let wanted: Vec<f64> = host.iter().map(|one| one.2).collect();
            let found = Stranded::of(&capacity, &used, &wanted).unwrap();
            for (at, wanted) in wanted.iter().enumerate() {
                let parts = found.fits * wanted + found.stranded[at] + found.fragment[at];
                prop_assert!((found.free[at] - parts).abs() < 1e-6);
            }
            prop_assert!(found.stranded[found.limiting.unwrap()].abs() < 1e-9);
        }
    }
}
