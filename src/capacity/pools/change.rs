//! The algebra of scenarios: changes, made one after the other to the hosts of a pool.

use super::orders::usable;
use super::pool::{Host, Part, Pool};
use crate::capacity::assess::View;
use crate::capacity::study::{Change, ChangeKind};
use crate::model::Timestamp;

/// The hosts of a pool after changes.
#[derive(Debug, Clone)]
pub(super) struct Changed<'a> {
    pub(super) hosts: Vec<Host<'a>>,
    /// How many hosts each of them stands for.
    counts: Vec<f64>,
    /// Whether any change met the pool.
    pub(super) was_met: bool,
}

impl<'a> Changed<'a> {
    /// The pool at an instant, after those of the changes that are made by then.
    pub(super) fn at(view: &View, pool: &Pool<'a>, changes: &[Change], at: Timestamp) -> Self {
        let hosts = pool.hosts_or_whole();
        // A pool of which no host is known counts as none.
        let one = if pool.hosts().is_empty() { 0.0 } else { 1.0 };
        let counts = vec![one; hosts.len()];
        let mut changed = Self { hosts, counts, was_met: false };
        let made = |change: &&Change| {
            let begun = change.from.is_none_or(|from| from <= at);
            begun && change.until.is_none_or(|until| at < until)
        };
        for change in changes.iter().filter(made) {
            changed.make(view, pool, change);
        }
        changed
    }

    /// How many hosts there are.
    pub(super) fn count(&self) -> f64 {
        self.counts.iter().sum()
    }

    fn make(&mut self, view: &View, pool: &Pool<'a>, change: &Change) {
        let met: Vec<usize> = (0..self.hosts.len())
            .filter(|at| self.counts[*at] > 0.0 || pool.hosts().is_empty())
            .filter(|at| change.hosts.matches(self.hosts[*at].labels))
            .collect();
        match &change.kind {
            ChangeKind::Demand { factor, resources } => {
                self.multiply(pool, &met, *factor, resources);
            }
            ChangeKind::Add { hosts, shape } => {
                if change.hosts.matches(pool.labels) {
                    self.add(view, pool, *hosts, *shape);
                }
            }
            ChangeKind::Lose => self.lose(&met),
            ChangeKind::Migrate { hosts, shape, factor, resources } => {
                let shape = &view.study.shapes[*shape];
                for at in &met {
                    for (part, one) in self.hosts[*at].parts.iter_mut().zip(&pool.resources) {
                        // What the shape says nothing of stays as it is.
                        if let Some(usable) = usable(view, shape, one.resource) {
                            part.line = usable * hosts;
                        }
                    }
                    self.counts[*at] = *hosts;
                    self.hosts[*at].price_per_month = Some(shape.price_per_month * hosts);
                }
                self.multiply(pool, &met, *factor, resources);
            }
        }
        self.was_met |= !met.is_empty();
    }

    fn multiply(&mut self, pool: &Pool<'_>, met: &[usize], factor: f64, resources: &[usize]) {
        for at in met {
            for (part, one) in self.hosts[*at].parts.iter_mut().zip(&pool.resources) {
                if resources.contains(&one.resource) {
                    part.share *= factor;
                }
            }
        }
    }

    fn add(&mut self, view: &View, pool: &Pool<'a>, hosts: u64, shape: usize) {
        let shape = &view.study.shapes[shape];
        let part = |resource| Part {
            line: usable(view, shape, resource).unwrap_or(0.0),
            share: 0.0,
            is_full: false,
        };
        let parts: Vec<Part> = pool.resources.iter().map(|one| part(one.resource)).collect();
        let price_per_month = Some(shape.price_per_month);
        for _ in 0..hosts {
            self.hosts.push(Host { labels: pool.labels, price_per_month, parts: parts.clone() });
            self.counts.push(1.0);
        }
        self.was_met |= hosts > 0;
    }

    /// The hosts leave, and their work goes to the others in proportion to what these may carry;
    /// where no other is left, it stays, with nobody to carry it.
    fn lose(&mut self, met: &[usize]) {
        let resources = self.hosts.first().map_or(0, |host| host.parts.len());
        let left: Vec<usize> =
            (0..self.hosts.len()).filter(|at| met.binary_search(at).is_err()).collect();
        for one in 0..resources {
            let work: f64 = met.iter().map(|at| self.hosts[*at].parts[one].share).sum();
            let lines: f64 = left.iter().map(|at| self.hosts[*at].parts[one].line).sum();
            for at in met {
                self.hosts[*at].parts[one].line = 0.0;
            }
            if lines > 0.0 {
                for at in met {
                    self.hosts[*at].parts[one].share = 0.0;
                }
                for at in &left {
                    let part = &mut self.hosts[*at].parts[one];
                    part.share += work * part.line / lines;
                }
            }
        }
        for at in met {
            self.counts[*at] = 0.0;
        }
    }
}
