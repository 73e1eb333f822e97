//! The algebra of scenarios: changes, made one after the other to the hosts of a pool.

use std::borrow::Cow;

use super::orders::usable;
use super::places::Places;
use super::pool::{Host, Part, Pool};
use crate::capacity::assess::View;
use crate::capacity::study::{Change, ChangeKind, Shape};
use crate::model::Timestamp;

/// No migration leaves more hosts to be looked at one by one; beyond, each stands for several.
const MIGRATED_MAX: f64 = 65_536.0;

/// The hosts of a pool after changes.
#[derive(Debug, Clone)]
pub(super) struct Changed<'a> {
    pub(super) hosts: Vec<Host<'a>>,
    /// What each of them is.
    standing: Vec<Standing>,
    /// Whether each change was made and met the pool.
    pub(super) met: Vec<bool>,
}

/// What a host of a changed pool is.
#[derive(Debug, Clone, Copy)]
struct Standing {
    /// How many hosts it stands for; none for one that was lost, and for a pool of which no host
    /// is known.
    count: f64,
    /// Whether it was lost, so that its work is others', or waits for them.
    has_left: bool,
}

impl<'a> Changed<'a> {
    /// The pool at an instant, after those of the changes that are made by then.
    pub(super) fn at(view: &View, pool: &Pool<'a>, changes: &[Change], at: Timestamp) -> Self {
        let hosts = pool.hosts_or_whole();
        let count = if pool.hosts().is_empty() { 0.0 } else { 1.0 };
        let standing = vec![Standing { count, has_left: false }; hosts.len()];
        let mut changed = Self { hosts, standing, met: Vec::with_capacity(changes.len()) };
        for change in changes {
            let is_met = change.holds_at(at) && changed.make(view, pool, change);
            changed.met.push(is_met);
        }
        changed
    }

    /// Whether any change met the pool.
    pub(super) fn was_met(&self) -> bool {
        self.met.contains(&true)
    }

    /// How many hosts there are.
    pub(super) fn count(&self) -> f64 {
        self.standing.iter().map(|standing| standing.count).sum()
    }

    /// Makes one more change, and says whether it meets the pool.
    fn make(&mut self, view: &View, pool: &Pool<'a>, change: &Change) -> bool {
        // Demand may change while nobody is there to carry it.
        let is_demand = matches!(change.kind, ChangeKind::Demand { .. });
        let waits = |at: usize| self.hosts[at].parts.iter().any(|part| part.share > 0.0);
        let met: Vec<usize> = (0..self.hosts.len())
            .filter(|at| !self.standing[*at].has_left || (is_demand && waits(*at)))
            .filter(|at| change.hosts.matches(&self.hosts[*at].labels))
            .collect();
        let is_met = match &change.kind {
            ChangeKind::Add { .. } => change.hosts.matches(pool.labels),
            ChangeKind::Demand { resources, .. } => !met.is_empty() && pool.has_any(resources),
            ChangeKind::Lose | ChangeKind::Migrate { .. } => !met.is_empty(),
        };
        match &change.kind {
            _ if !is_met => {}
            ChangeKind::Demand { factor, resources } => {
                self.multiply(pool, &met, *factor, resources);
            }
            ChangeKind::Add { hosts, shape } => self.add(view, pool, *hosts, *shape),
            ChangeKind::Lose => self.lose(&met),
            ChangeKind::Migrate { hosts, shape, factor, resources } => {
                self.multiply(pool, &met, *factor, resources);
                self.replace(view, pool, &met, *hosts, *shape);
            }
        }
        is_met
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

    /// New hosts, each in the place of the pool that has the fewest by then.
    fn add(&mut self, view: &View, pool: &Pool<'a>, hosts: u64, shape: usize) {
        let shape = &view.study.shapes[shape];
        let part = |resource| Part {
            line: usable(view, shape, resource).unwrap_or(0.0),
            share: 0.0,
            is_full: false,
        };
        let parts: Vec<Part> = pool.resources.iter().map(|one| part(one.resource)).collect();
        let price_per_month = Some(shape.price_per_month);
        let all = self.hosts.iter().zip(&self.standing);
        let present = all.filter(|(_, standing)| standing.count > 0.0);
        let mut places =
            Places::of(view, pool.hosts(), present.map(|(host, _)| host.labels.as_ref()));
        for _ in 0..hosts {
            let labels = places.next(pool.labels);
            self.hosts.push(Host { labels, price_per_month, parts: parts.clone() });
            self.standing.push(Standing { count: 1.0, has_left: false });
        }
        self.take_over();
    }

    /// Hosts of a shape take the place of others, zone by zone and rack by rack: laid side by side,
    /// each takes over those that it covers, and stands where the middle one of them did. There are
    /// whole ones of them, of a size that keeps what all of them together may carry.
    fn replace(&mut self, view: &View, pool: &Pool<'a>, met: &[usize], each_by: f64, shape: usize) {
        let shape = &view.study.shapes[shape];
        let stood = |at: &usize| self.standing[*at].count;
        // A pool of which no host is known is replaced as one.
        let stood = |at: &usize| if stood(at) > 0.0 { stood(at) } else { 1.0 };
        let exact = met.iter().map(stood).sum::<f64>() * each_by;
        let count = exact.round().clamp(1.0, MIGRATED_MAX) as usize;
        let mut old: Vec<Host<'a>> = met.iter().map(|at| self.hosts[*at].clone()).collect();
        old.sort_by_cached_key(|host| Places::place_of(view, &host.labels));
        let mut at = 0..self.hosts.len();
        self.hosts.retain(|_| at.next().is_some_and(|at| met.binary_search(&at).is_err()));
        let mut at = 0..self.standing.len();
        self.standing.retain(|_| at.next().is_some_and(|at| met.binary_search(&at).is_err()));
        let size = exact / count as f64;
        for index in 0..count {
            let host = replacement(view, pool, &old, (index, count), shape, size);
            self.hosts.push(host);
            self.standing.push(Standing { count: size, has_left: false });
        }
    }

    /// The hosts leave, and their work goes to the others.
    fn lose(&mut self, met: &[usize]) {
        for at in met {
            self.hosts[*at].parts.iter_mut().for_each(|part| part.line = 0.0);
            self.standing[*at] = Standing { count: 0.0, has_left: true };
        }
        self.take_over();
    }

    /// The work of those who have left goes to those who have not, in proportion to what these may
    /// carry; where nobody is left, it stays, until somebody comes.
    fn take_over(&mut self) {
        let resources = self.hosts.first().map_or(0, |host| host.parts.len());
        for one in 0..resources {
            let lines: f64 = self.hosts.iter().map(|host| host.parts[one].line).sum();
            if lines <= 0.0 {
                continue;
            }
            let mut work = 0.0;
            let all = self.hosts.iter_mut().zip(&self.standing);
            for (host, _) in all.filter(|(_, standing)| standing.has_left) {
                work += std::mem::take(&mut host.parts[one].share);
            }
            if work > 0.0 {
                for host in &mut self.hosts {
                    let part = &mut host.parts[one];
                    part.share += work * part.line / lines;
                }
            }
        }
    }
}

/// One of `count` hosts that take the place of others: what it covers of them, side by side, is its
/// work, and of what the shape does not provide its capacity, too.
fn replacement<'a>(
    view: &View,
    pool: &Pool<'a>,
    old: &[Host<'a>],
    (index, count): (usize, usize),
    shape: &Shape,
    size: f64,
) -> Host<'a> {
    let (from, until) = (index * old.len(), (index + 1) * old.len());
    let first = from / count;
    let covered = first..until.div_ceil(count);
    // Of each the part that lies between, in shares of `count`.
    let of = |at: usize| {
        let (begin, end) = ((at * count).max(from), ((at + 1) * count).min(until));
        end.saturating_sub(begin) as f64 / count as f64
    };
    let part = |resource: usize| {
        let covered = || covered.clone().map(|at| (&old[at].parts[resource], of(at)));
        let usable = usable(view, shape, pool.resources[resource].resource);
        Part {
            // What the shape says nothing of stays as it is.
            line: usable.map_or_else(
                || covered().map(|(part, share)| part.line * share).sum(),
                |usable| usable * size,
            ),
            share: covered().map(|(part, share)| part.share * share).sum(),
            is_full: covered().any(|(part, share)| part.is_full && share > 0.0),
        }
    };
    let middle = usize::midpoint(from, until) / count;
    Host {
        labels: Cow::clone(&old[middle].labels),
        price_per_month: Some(shape.price_per_month * size),
        parts: (0..pool.resources.len()).map(part).collect(),
    }
}
