//! What is saved where hosts go away: each host is counted once.

use std::collections::BTreeMap;

/// Why a host, or a part of it, is not needed. The first is ranked highest, and a host that is in
/// several classes counts in the highest one only (as in vRealize Operations, capacity.md 2.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// It is off.
    PoweredOff,
    /// Only its snapshots are in the way.
    Snapshot,
    /// It runs, and does nothing.
    #[default]
    Idle,
    /// It works, and a smaller one would do.
    Oversized,
}

/// A host that is said to be not needed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Claim<'a> {
    /// Its name.
    pub host: &'a str,
    /// Why.
    pub class: Class,
    /// What is saved in a month once it is gone, in the inventory's currency; `None` if not known.
    pub price_per_month: Option<f64>,
}

/// What one class comes to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClassSavings {
    /// The class.
    pub class: Class,
    /// Hosts that count in it.
    pub hosts: usize,
    /// The sum of their prices per month, of those that are known.
    pub price_per_month: f64,
    /// Hosts whose price is not known.
    pub unpriced: usize,
}

impl Class {
    /// The class in a word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PoweredOff => "powered off",
            Self::Snapshot => "snapshot",
            Self::Idle => "idle",
            Self::Oversized => "oversized",
        }
    }
}

/// What the claims come to, by class, the highest first; classes without a host are left out.
///
/// ```
/// use plimsoll::capacity::zombie::{Claim, Class, savings};
/// let claim = |host, class, price| Claim { host, class, price_per_month: Some(price) };
/// let found = savings(&[
///     claim("a", Class::Oversized, 40.0),
///     claim("a", Class::Idle, 100.0),
///     claim("b", Class::Oversized, 25.0),
/// ]);
/// assert_eq!((found[0].class, found[0].hosts, found[0].price_per_month), (Class::Idle, 1, 100.0));
/// assert_eq!((found[1].class, found[1].price_per_month), (Class::Oversized, 25.0));
/// ```
pub fn savings(claims: &[Claim<'_>]) -> Vec<ClassSavings> {
    let mut highest: BTreeMap<&str, &Claim<'_>> = BTreeMap::new();
    for claim in claims {
        let kept = highest.entry(claim.host).or_insert(claim);
        if claim.class < kept.class {
            *kept = claim;
        }
    }
    let mut found: BTreeMap<Class, ClassSavings> = BTreeMap::new();
    for claim in highest.values() {
        let none = ClassSavings { class: claim.class, hosts: 0, price_per_month: 0.0, unpriced: 0 };
        let one = found.entry(claim.class).or_insert(none);
        one.hosts += 1;
        one.price_per_month += claim.price_per_month.unwrap_or(0.0);
        one.unpriced += usize::from(claim.price_per_month.is_none());
    }
    found.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_counts_once_in_its_highest_class() {
        // capacity.md 2.8: powered off before snapshot before idle.
        let claim = |host, class, price_per_month| Claim { host, class, price_per_month };
        let found = savings(&[
            claim("a", Class::Idle, Some(10.0)),
            claim("a", Class::PoweredOff, Some(3.0)),
            claim("a", Class::Snapshot, Some(1.0)),
            claim("a", Class::PoweredOff, Some(3.0)),
            claim("b", Class::Snapshot, None),
            claim("b", Class::Idle, Some(10.0)),
            claim("c", Class::Idle, Some(20.0)),
        ]);
        let of = |class, hosts, price_per_month, unpriced| ClassSavings {
            class,
            hosts,
            price_per_month,
            unpriced,
        };
        let expected = [
            of(Class::PoweredOff, 1, 3.0, 0),
            of(Class::Snapshot, 1, 0.0, 1),
            of(Class::Idle, 1, 20.0, 0),
        ];
        assert_eq!(found, expected);
        assert_eq!(savings(&[]), []);
    }
}
