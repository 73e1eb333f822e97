//! Which hosts of a pool leave, so that most is saved and those who stay survive.
//!
//! In: what each host is worth, how large it is, and whether the others survive without some. Out:
//! the places of those who leave, rising. Never: all of them.

use std::cmp::Reverse;

/// Of up to so many hosts each set is looked at.
const EACH_SET_MAX: usize = 8;
/// So many hosts are tried one by one.
const ONE_BY_ONE_MAX: usize = 32;

/// What is chosen by.
pub(super) struct Choice<S> {
    /// What is saved by each host that leaves.
    pub(super) worth: Vec<f64>,
    /// How much each host carries: of those that are worth the same the smaller is tried first.
    pub(super) sizes: Vec<f64>,
    /// Whether the others survive without some hosts; then they do without fewer of them.
    pub(super) survive: S,
}

impl<S: Fn(&[usize]) -> bool> Choice<S> {
    /// Who leaves. `proposed` says who would, where so many had to stay and nothing were to be
    /// survived: of them as many are taken as survive, then others one by one. Where there are few
    /// hosts no other set saves more.
    pub(super) fn leaving(&self, proposed: impl Fn(usize) -> Option<Vec<usize>>) -> Vec<usize> {
        let hosts = self.worth.len();
        let found = fewest_stay(hosts, |stay| {
            let leaving = proposed(stay)?;
            let survives = leaving.is_empty() || self.is_survived(&leaving);
            Some((leaving, survives))
        });
        let mut best = self.and_others(found.unwrap_or_default());
        if hosts <= ONE_BY_ONE_MAX {
            let other = self.and_others(Vec::new());
            if self.saved(&other) > self.saved(&best) {
                best = other;
            }
        }
        if hosts <= EACH_SET_MAX { self.of_each_set(best) } else { best }
    }

    fn is_survived(&self, leaving: &[usize]) -> bool {
        leaving.len() < self.worth.len() && (self.survive)(leaving)
    }

    fn saved(&self, leaving: &[usize]) -> f64 {
        leaving.iter().map(|at| self.worth[*at]).sum()
    }

    /// Some hosts, and those of the others that may leave besides: the dearest first.
    fn and_others(&self, mut leaving: Vec<usize>) -> Vec<usize> {
        let (worth, sizes) = (&self.worth, &self.sizes);
        let mut others: Vec<usize> =
            (0..worth.len()).filter(|at| leaving.binary_search(at).is_err()).collect();
        others.sort_by(|a, b| {
            worth[*b].total_cmp(&worth[*a]).then_with(|| sizes[*a].total_cmp(&sizes[*b]))
        });
        for at in others.into_iter().take(ONE_BY_ONE_MAX) {
            let place = leaving.partition_point(|other| *other < at);
            leaving.insert(place, at);
            if !self.is_survived(&leaving) {
                leaving.remove(place);
            }
        }
        leaving
    }

    /// The set that saves the most, if any saves more than the one that is given.
    fn of_each_set(&self, best: Vec<usize>) -> Vec<usize> {
        let hosts = self.worth.len();
        // More than what adding up in another order may come to.
        let least = self.saved(&best) * (1.0 + 1e-9);
        let set = |bits: u32| (0..hosts).filter(|at| bits >> at & 1 == 1).collect::<Vec<usize>>();
        let mut sets: Vec<(f64, Vec<usize>)> =
            (1..1_u32 << hosts).map(set).map(|set| (self.saved(&set), set)).collect();
        sets.retain(|(saved, _)| *saved > least);
        sets.sort_by(|a, b| {
            b.0.total_cmp(&a.0).then_with(|| Reverse(a.1.len()).cmp(&Reverse(b.1.len())))
        });
        sets.into_iter().map(|(_, set)| set).find(|set| self.is_survived(set)).unwrap_or(best)
    }
}

/// Who leaves where the fewest stay that survive. `leaving` says who leaves where at least so many
/// stay, and whether the others survive that. A large pool is not asked for every number: steps are
/// doubled until one survives, and then halved. What survives with fewer is taken to do so with
/// more.
fn fewest_stay(
    hosts: usize,
    leaving: impl Fn(usize) -> Option<(Vec<usize>, bool)>,
) -> Option<Vec<usize>> {
    let (mut found, survives) = leaving(1)?;
    if survives {
        return Some(found);
    }
    // So many stay and do not survive; with all of them nobody leaves.
    let (mut failed, mut step) = (hosts - found.len(), 1);
    let mut enough = hosts;
    found.clear();
    while enough - failed > 1 {
        let doubled = failed.saturating_add(step);
        let stay = if doubled < enough { doubled } else { usize::midpoint(failed, enough) };
        let (leaves, survives) = leaving(stay)?;
        let stayed = hosts - leaves.len();
        if survives {
            // From here on steps are halved.
            (found, enough, step) = (leaves, stay, hosts);
        } else {
            (failed, step) = (stayed.max(stay), step.saturating_mul(2));
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Lines that carry a peak, also without the largest of them.
    fn without_the_largest(lines: &[f64], peak: f64) -> impl Fn(&[usize]) -> bool {
        move |leaving| {
            let stay = lines.iter().enumerate().filter(|(at, _)| !leaving.contains(at));
            let largest = stay.clone().map(|(_, line)| *line).fold(0.0, f64::max);
            stay.map(|(_, line)| line).sum::<f64>() - largest >= peak
        }
    }

    #[test]
    fn hosts_leave_whose_leaving_is_survived_though_others_would_save_as_much() {
        // Without failures a large host would leave, and the small ones could not spare another.
        let lines = [8.0, 8.0, 8.0, 32.0, 32.0];
        for more in [0, 8] {
            // Beyond a few hosts not every set is looked at.
            let worth = [vec![100.0; 3], vec![200.0; 2], vec![1.0; more]].concat();
            let sizes = [lines.as_slice(), &vec![0.0; more]].concat();
            let survive = without_the_largest(&sizes, 35.9);
            let choice = Choice { worth, sizes: sizes.clone(), survive };
            let found = choice.leaving(|stay| (stay < 5 + more).then(|| vec![3]));
            let small: Vec<usize> = found.iter().copied().filter(|at| *at < 5).collect();
            assert_eq!((small.len(), found.len()), (2, 2 + more), "{found:?}");
            assert!(small.iter().all(|at| *at < 3));
        }
    }

    #[test]
    fn of_a_few_hosts_no_other_set_saves_more() {
        // 60 and 50 save more than 100 does, with which neither could leave.
        let choice = Choice {
            worth: vec![100.0, 60.0, 50.0, 10.0],
            sizes: vec![0.0; 4],
            survive: |leaving: &[usize]| {
                leaving.len() <= 2 && !(leaving.contains(&0) && leaving.len() > 1)
            },
        };
        assert_eq!(choice.leaving(|_| Some(vec![0])), [1, 2]);
        let nobody =
            Choice { worth: vec![1.0; 3], sizes: vec![1.0; 3], survive: |_: &[usize]| false };
        assert_eq!(nobody.leaving(|_| Some(vec![0])), [0_usize; 0]);
    }

    #[test]
    fn somebody_stays() {
        for hosts in [2, 20] {
            let (worth, sizes) = (vec![1.0; hosts], vec![1.0; hosts]);
            let choice = Choice { worth, sizes, survive: |_: &[usize]| true };
            let found = choice.leaving(|stay| Some((stay..hosts).collect()));
            assert_eq!(found.len(), hosts - 1);
        }
    }

    #[test]
    fn the_fewest_that_survive_are_found_in_few_steps() {
        for hosts in [2, 3, 10, 4_000] {
            // What fits lets `fit` stay; of those, `enough` survive.
            for (fit, enough) in [(1, 1), (1, 2), (1, hosts / 2 + 1), (hosts / 3 + 1, hosts - 1)] {
                let asked = Cell::new(0_u32);
                let found = fewest_stay(hosts, |stay| {
                    asked.set(asked.get() + 1);
                    let stay = stay.max(fit);
                    Some(((0..hosts - stay).collect(), stay >= enough || stay == hosts))
                });
                let expected = hosts - enough.max(fit);
                assert_eq!(found.unwrap().len(), expected, "{hosts} hosts, {fit}, {enough}");
                assert!(asked.get() <= 2 * hosts.ilog2() + 2, "{} of {hosts}", asked.get());
            }
            // With nobody left to lose, nobody leaves.
            let never = fewest_stay(hosts, |stay| Some(((stay..hosts).collect(), stay == hosts)));
            assert_eq!(never, Some(Vec::new()));
        }
        assert_eq!(fewest_stay(5, |_| None), None);
    }
}
