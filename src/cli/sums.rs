//! `forecast --sum-by`: totals and groups beside their members, all adding up.

use std::collections::BTreeMap;

use super::breaks::{Breaks, counts_from, reason};
use super::doubts::{Doubts, Pools};
use super::forecast::{SeriesOutlook, WholeUntil, rehearsed};
use super::taught::Forecasters;
use crate::error::{Error, Result};
use crate::forecast::{MemberSum, Outlook, Tree, add_up, is_alive};
use crate::model::{Frame, Labels, METRIC_LABEL, Timestamp};
use crate::report::CountsFrom;

/// A total or a group.
struct Node {
    labels: Labels,
    parent: Option<usize>,
    sum: MemberSum,
    members: usize,
}

/// A member that has a forecast, and the group right above it.
struct Member {
    labels: Labels,
    counts_from: Option<CountsFrom>,
    outlook: Outlook,
    group: usize,
}

/// A fleet whose series, groups and totals are forecast together. All outlooks are kept.
pub(super) struct Sums<'a> {
    forecasters: &'a Forecasters,
    breaks: &'a Breaks,
    /// Labels by which groups are made, each level inside the one before.
    by: &'a [String],
    whole: WholeUntil,
    members_max: usize,
    nodes: Vec<Node>,
    places: BTreeMap<Labels, usize>,
    members: Vec<Member>,
    /// Series that are no part of a sum's forecast, since they are gone or have none.
    apart: Vec<SeriesOutlook>,
    /// The first step of all rows, and the one after their last.
    range: Option<(Timestamp, Timestamp)>,
    /// Series and sums of which a part of the past does not count.
    cut: usize,
    pools: Pools,
}

impl<'a> Sums<'a> {
    pub(super) fn new(
        forecasters: &'a Forecasters,
        breaks: &'a Breaks,
        by: &'a [String],
        whole: WholeUntil,
        members_max: usize,
    ) -> Self {
        Self {
            forecasters,
            breaks,
            by,
            whole,
            members_max,
            nodes: Vec::new(),
            places: BTreeMap::new(),
            members: Vec::new(),
            apart: Vec::new(),
            range: None,
            cut: 0,
            pools: Pools::default(),
        }
    }

    /// Takes the series of a frame in.
    pub(super) fn add(&mut self, frame: &Frame) -> Result<()> {
        let pools = &mut self.pools;
        let pooled = |metric: &str, one| pools.add(metric, one);
        let whole = self.whole.steps(frame);
        let (outlooks, cut) = rehearsed(frame, whole, self.forecasters, self.breaks, pooled);
        self.cut += cut;
        let horizon = self.forecasters.options().horizon;
        for (row, one) in outlooks.into_iter().enumerate() {
            let SeriesOutlook { labels, start, counts_from, outlook } = one;
            self.range = Some((frame.start(), start));
            let values = &frame.row(row)[..whole];
            match outlook {
                Ok(outlook) => {
                    let group = self.group(&labels, values, true)?;
                    self.members.push(Member { labels, counts_from, outlook, group });
                }
                Err(why) => {
                    // What is gone was part of the sums while it lived.
                    if !is_alive(values, horizon) {
                        self.group(&labels, values, false)?;
                    }
                    let outlook = Err(why);
                    self.apart.push(SeriesOutlook { labels, start, counts_from, outlook });
                }
            }
        }
        if self.members.len() > self.members_max {
            return Err(Error::Limit {
                what: "number of series under sums",
                value: self.members.len() as u64,
                limit: self.members_max as u64,
                remedy: "narrow the selector, or shorten the horizon",
            });
        }
        Ok(())
    }

    /// Adds a row to all groups that it is part of; the innermost one.
    fn group(&mut self, labels: &Labels, row: &[f64], is_member: bool) -> Result<usize> {
        let mut parent = None;
        for depth in 0..=self.by.len() {
            let names = std::iter::once(METRIC_LABEL);
            let names: Vec<&str> =
                names.chain(self.by[..depth].iter().map(String::as_str)).collect();
            let of_group = labels.project(&names);
            let next = self.nodes.len();
            let place = *self.places.entry(of_group.clone()).or_insert(next);
            if place == next {
                let sum = MemberSum::default();
                self.nodes.push(Node { labels: of_group, parent, sum, members: 0 });
            }
            // Without the label the group is the one before.
            if parent != Some(place) {
                self.nodes[place].sum.add(row, is_member);
                self.nodes[place].members += usize::from(is_member);
            }
            parent = Some(place);
        }
        parent.ok_or_else(|| Error::invalid("a series has no metric"))
    }

    /// Forecasts the sums, and makes all add up: totals and groups first, then their members, then
    /// what is apart.
    pub(super) fn finish(mut self) -> Result<(Doubts, Vec<SeriesOutlook>)> {
        // Groups whose members are all gone have no future.
        let alive: Vec<usize> =
            (0..self.nodes.len()).filter(|at| self.nodes[*at].members > 0).collect();
        let mut place_of = vec![None; self.nodes.len()];
        for (place, node) in alive.iter().enumerate() {
            place_of[*node] = Some(place);
        }
        let mut parents = Vec::with_capacity(alive.len() + self.members.len());
        let (mut labels, mut rows) = (Vec::new(), Vec::new());
        for at in &alive {
            let node = &mut self.nodes[*at];
            parents.push(node.parent.and_then(|parent| place_of[parent]));
            labels.push(node.labels.clone());
            rows.push(std::mem::take(&mut node.sum).finish());
        }
        let epoch = Timestamp::from_seconds(0);
        let (first, start) = self.range.unwrap_or((epoch, epoch));
        let rows = labels.iter().zip(&rows);
        let (rows, events): (Vec<&[f64]>, Vec<_>) =
            rows.map(|(labels, row)| self.breaks.cut(labels, first, row)).unzip();
        self.breaks.tell(self.cut + events.iter().flatten().count());
        let mut counted: Vec<Option<CountsFrom>> =
            events.iter().map(|event| event.map(counts_from)).collect();
        let mut outlooks = Vec::with_capacity(parents.len());
        let metrics: Vec<&str> = labels.iter().map(Labels::metric).collect();
        let made = labels.iter().zip(self.forecasters.rehearse(&metrics, &rows)).zip(&events);
        for ((labels, one), event) in made {
            let one =
                one.map_err(|why| Error::invalid(format!("{labels}: {}", reason(&why, *event))))?;
            outlooks.push(self.pools.add(labels.metric(), one));
        }
        for member in self.members {
            parents.push(place_of[member.group]);
            labels.push(member.labels);
            counted.push(member.counts_from);
            outlooks.push(member.outlook);
        }
        if !outlooks.is_empty() {
            add_up(&Tree::new(&parents)?, &mut outlooks)?;
        }
        let all = labels.into_iter().zip(counted).zip(outlooks);
        let all = all.map(|((labels, counts_from), outlook)| SeriesOutlook {
            labels,
            start,
            counts_from,
            outlook: Ok(outlook),
        });
        Ok((self.pools.finish(), all.chain(self.apart).collect()))
    }
}
