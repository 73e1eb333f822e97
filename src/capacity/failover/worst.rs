//! Which k hosts are the worst to lose.

use super::fleet::{Fleet, Loss, Spread};
use crate::error::{Error, Result};
use crate::model::limits::FAILOVER_STEPS_MAX;

/// The worst loss of so many hosts.
#[derive(Debug, Clone, PartialEq)]
pub struct WorstLoss {
    /// What it is. Of several that are as bad, one.
    pub loss: Loss,
    /// How many sets of hosts were tried, where each was; `None` where there were too many, and the
    /// spread's rule was followed, which finds the same.
    pub sets_tried: Option<u64>,
}

impl Fleet {
    /// The worst loss of `count` hosts: every set is tried where sets times hosts
    /// are at most [`FAILOVER_STEPS_MAX`]; else by [`Self::worst_by_rule`].
    ///
    /// # Errors
    ///
    /// Where there are not so many hosts.
    pub fn worst_loss(&self, count: usize, spread: Spread) -> Result<WorstLoss> {
        let sets = self.check(count).map(|()| combinations(self.hosts().len(), count))?;
        let hosts = self.hosts().len() as u64;
        match sets.filter(|sets| sets.saturating_mul(hosts) <= FAILOVER_STEPS_MAX) {
            Some(sets) => {
                Ok(WorstLoss { loss: self.worst_of_all(count, spread), sets_tried: Some(sets) })
            }
            None => Ok(WorstLoss { loss: self.worst_by_rule(count, spread)?, sets_tried: None }),
        }
    }

    /// The worst loss of `count` hosts by a rule that is exact:
    ///
    /// * `Free`: the largest hosts. What is to be carried stays the same; least capacity is left.
    /// * `WithinZone`: the largest hosts of one zone. A zone is fuller the more of it is lost, and
    ///   no zone is touched by another's loss; so all losses go to one, and each zone is tried.
    /// * `ByCapacity`: the fullest survivor has `u / c` of its own and `L / R` taken over, the lost
    ///   work over the capacity that remains. The set with the largest `L / R` is found by
    ///   Dinkelbach's method (1967); if it takes away the fullest hosts, each of these is also
    ///   tried as a survivor.
    ///
    /// # Errors
    ///
    /// Where there are not so many hosts.
    pub fn worst_by_rule(&self, count: usize, spread: Spread) -> Result<Loss> {
        self.check(count)?;
        Ok(match spread {
            Spread::Free => self.loss(&self.largest(count, |_| true), spread),
            Spread::WithinZone => self.worst_within_zones(count),
            Spread::ByCapacity => self.worst_by_capacity(count),
        })
    }

    fn check(&self, count: usize) -> Result<()> {
        let hosts = self.hosts().len();
        if count <= hosts {
            return Ok(());
        }
        Err(Error::invalid(format!("of {hosts} hosts, {count} cannot be lost: ask for fewer")))
    }

    /// Tries all sets.
    fn worst_of_all(&self, count: usize, spread: Spread) -> Loss {
        let hosts = self.hosts().len();
        let mut set: Vec<usize> = (0..count).collect();
        let mut worst = self.loss(&set, spread);
        loop {
            // The last member that can still move up; those behind it follow it closely.
            let Some(moves) = (0..count).rev().find(|at| set[*at] < hosts - count + at) else {
                return worst;
            };
            set[moves] += 1;
            for at in moves + 1..count {
                set[at] = set[at - 1] + 1;
            }
            let loss = self.loss(&set, spread);
            if loss.badness() > worst.badness() {
                worst = loss;
            }
        }
    }

    /// The largest hosts among some.
    fn largest(&self, count: usize, among: impl Fn(usize) -> bool) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.hosts().len()).filter(|at| among(*at)).collect();
        let capacity = |at: usize| self.hosts()[at].capacity;
        order.sort_by(|a, b| capacity(*b).total_cmp(&capacity(*a)));
        order.truncate(count);
        order
    }

    fn worst_within_zones(&self, count: usize) -> Loss {
        let spread = Spread::WithinZone;
        let mut zones: Vec<&str> = self.hosts().iter().map(|host| host.zone.as_str()).collect();
        zones.sort_unstable();
        zones.dedup();
        let losses = zones.into_iter().map(|zone| {
            let mut lost = self.largest(count, |at| self.hosts()[at].zone == zone);
            // A zone that is smaller than the loss takes others along.
            let others = self.largest(count - lost.len(), |at| self.hosts()[at].zone != zone);
            lost.extend(others);
            self.loss(&lost, spread)
        });
        let worst = losses.max_by(|a, b| a.badness().total_cmp(&b.badness()));
        worst.unwrap_or_else(|| self.loss(&[], spread))
    }

    fn worst_by_capacity(&self, count: usize) -> Loss {
        let hosts = self.hosts();
        if count == hosts.len() {
            return self.loss(&(0..count).collect::<Vec<_>>(), Spread::ByCapacity);
        }
        let own = |at: &usize| hosts[*at].used / hosts[*at].capacity;
        let mut order: Vec<usize> = (0..hosts.len()).collect();
        order.sort_by(|a, b| own(b).total_cmp(&own(a)));
        let mut worst = self.loss(&self.most_taken_over(count, None), Spread::ByCapacity);
        let taken_away = worst.hosts.clone();
        // Fuller than the fullest survivor are only those that this set takes away.
        for kept in order.into_iter().take_while(|at| taken_away.contains(at)) {
            let lost = self.most_taken_over(count, Some(kept));
            let loss = self.loss(&lost, Spread::ByCapacity);
            if loss.badness() > worst.badness() {
                worst = loss;
            }
        }
        worst
    }

    /// The hosts whose loss leaves the most lost work per remaining capacity, one of them kept.
    fn most_taken_over(&self, count: usize, kept: Option<usize>) -> Vec<usize> {
        let hosts = self.hosts();
        let ratio = |lost: &[usize]| -> f64 {
            let mut gone = vec![false; hosts.len()];
            for at in lost {
                gone[*at] = true;
            }
            let used: f64 = lost.iter().map(|at| hosts[*at].used).sum();
            let left = hosts.iter().zip(&gone).filter(|(_, gone)| !**gone);
            used / left.map(|(host, _)| host.capacity).sum::<f64>()
        };
        let best_for = |price: f64| -> Vec<usize> {
            let worth = |at: &usize| hosts[*at].used + price * hosts[*at].capacity;
            let mut order: Vec<usize> = (0..hosts.len()).filter(|at| Some(*at) != kept).collect();
            order.sort_by(|a, b| worth(b).total_cmp(&worth(a)));
            order.truncate(count);
            order
        };
        let mut best = best_for(0.0);
        // Each round finds a better set, of which there are finitely many; or the same.
        loop {
            let next = best_for(ratio(&best));
            if ratio(&next) <= ratio(&best) {
                return best;
            }
            best = next;
        }
    }
}

/// How many sets of `count` of `hosts` there are; `None` where they are beyond counting.
fn combinations(hosts: usize, count: usize) -> Option<u64> {
    let count = count.min(hosts - count);
    (0..count).try_fold(1_u64, |sets, at| {
        sets.checked_mul((hosts - at) as u64).map(|product| product / (at as u64 + 1))
    })
}
