//! From a store to verdicts: which hosts there are, their metrics a few hosts at a time, and what
//! the rules say of each.

use std::collections::{BTreeMap, BTreeSet};

use super::Asked;
use super::sources::{Source, Sources};
use crate::capacity::inventory::{Inventory, Measured};
use crate::capacity::zombie::{
    HostFacts, HostReducer, HostVerdict, Judged, RulePack, Verdict, judge, typical_spacing, unit_of,
};
use crate::error::{Error, Result};
use crate::model::limits::TILE_VALUES_MAX;
use crate::model::{MatchOp, Matcher, Selector, Span, Timestamp};
use crate::query::{Across, Aggregate, Query, answered_from};
use crate::store::Snapshot;

/// A capacity is carried over so long: it changes seldom, and is scraped seldom.
const CAPACITY_FILL: Span = Span::DAY;

/// Steps that divide an hour, in minutes.
const STEPS: [usize; 12] = [1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60];

/// All hosts, and what was judged.
pub(super) struct Found {
    pub(super) now: Timestamp,
    pub(super) from: Timestamp,
    pub(super) hosts: Vec<Judged>,
    /// What each host has and uses of its processors and memory.
    pub(super) measured: Vec<Measured>,
}

/// Judges every host that has one of the metrics.
pub(super) fn judge_all(
    asked: &Asked<'_>,
    snapshot: &Snapshot,
    pack: &RulePack,
    inventory: Option<&Inventory>,
) -> Result<Found> {
    let stored = snapshot.range();
    let stored = stored.ok_or_else(|| Error::not_enough_data("the store holds no samples"))?;
    // The end of the step in which the last sample lies.
    let now = asked.now.unwrap_or_else(|| stored.end.ceil(asked.step));
    let known_from = answered_from(snapshot, asked.step).unwrap_or(stored.start);
    let from = asked.from.unwrap_or(Timestamp::MIN).max(known_from).floor(Span::DAY);
    if from >= now {
        let what = format!("there are no samples between {from} and {now}");
        return Err(Error::not_enough_data(what));
    }
    // Refused before anything is read, also where there is no host.
    HostReducer::new(pack, now, asked.step)?;
    let sources = Sources::of(asked, snapshot, pack)?;
    let names: BTreeSet<&String> = sources.all.iter().flat_map(|one| one.hosts.keys()).collect();
    let names: Vec<&String> = names.into_iter().collect();
    if names.is_empty() {
        let what = format!("no series of these metrics has the label {:?}", asked.host_label);
        return Err(asked.lacking("cpu", what));
    }
    let steps = now.since(from).whole(asked.step).max(1) as usize;
    let many = (TILE_VALUES_MAX / steps).max(1);
    let reading = Reading { asked, snapshot, from, now, steps };
    let mut found = Found { now, from, hosts: Vec::new(), measured: Vec::new() };
    for names in names.chunks(many) {
        let mut rows = reading.rows(&sources, names)?;
        for host in names {
            let rows = rows.remove(host.as_str()).unwrap_or_default();
            let facts = facts(&sources, host, inventory);
            let verdict = reading.judge(pack, &rows, facts, stored.start)?;
            found.measured.extend(reading.measured(host, &rows, &sources, inventory));
            found.hosts.push(Judged { host: (*host).clone(), verdict });
        }
    }
    Ok(found)
}

/// What is known of a host beside its metrics: from its labels, and from the inventory, which goes
/// before them.
fn facts(sources: &Sources<'_>, host: &str, inventory: Option<&Inventory>) -> HostFacts {
    let mut labels: BTreeMap<String, String> = BTreeMap::new();
    for source in &sources.all {
        labels.extend(source.hosts.get(host).into_iter().flatten().cloned());
    }
    let row = inventory.and_then(|inventory| inventory.get(host));
    if let Some(row) = row {
        labels.extend(row.labels.iter().cloned());
        if row.standby {
            labels.insert("standby".to_owned(), "true".to_owned());
        }
    }
    let born = row.and_then(|row| row.purchase_date);
    HostFacts { labels: labels.into_iter().collect(), born }
}

/// The rows of one host, by the name of the metric.
pub(super) type Rows = Vec<(String, Vec<f64>)>;

/// What is read of every host alike.
pub(super) struct Reading<'a> {
    pub(super) asked: &'a Asked<'a>,
    snapshot: &'a Snapshot,
    from: Timestamp,
    now: Timestamp,
    steps: usize,
}

impl Reading<'_> {
    fn rows(&self, sources: &Sources<'_>, hosts: &[&String]) -> Result<BTreeMap<String, Rows>> {
        let mut rows: BTreeMap<String, Rows> = BTreeMap::new();
        for source in &sources.all {
            let label = self.asked.host_label;
            let here = || hosts.iter().filter(|host| source.hosts.contains_key(host.as_str()));
            let texts: Vec<String> = here().map(|host| escaped(host)).collect();
            if texts.is_empty() {
                continue;
            }
            let only = Matcher::new(label, MatchOp::Matches, &texts.join("|"))?;
            for frame in
                self.query(source, source.metric.selector.clone().and(only)).run(self.snapshot)?
            {
                let frame = frame?;
                for (labels, row) in frame.rows() {
                    let Some(host) = labels.get(label) else { continue };
                    let row = row.iter().take(self.steps).map(|value| value * source.factor);
                    let row = (source.name.clone(), row.collect());
                    rows.entry(host.to_owned()).or_default().push(row);
                }
            }
            // One that has samples, but none in this time, has the metric nevertheless.
            for host in here() {
                let rows = rows.entry((*host).clone()).or_default();
                if rows.iter().all(|(name, _)| *name != source.name) {
                    rows.push((source.name.clone(), vec![f64::NAN; self.steps]));
                }
            }
        }
        for (name, number) in &sources.numbers {
            for rows in rows.values_mut() {
                rows.push((name.clone(), vec![*number; self.steps]));
            }
        }
        Ok(rows)
    }

    fn query(&self, source: &Source<'_>, selector: Selector) -> Query {
        let aggregate = if source.metric.is_counter { Aggregate::Rate } else { Aggregate::Mean };
        // Several processors at 50% are at 50% together; several disks add up.
        let is_share = unit_of(&source.name).is_some_and(|unit| unit.as_str() == "ratio");
        let across = if is_share { Across::Mean } else { Across::Sum };
        let query = Query::new(selector)
            .aggregate(aggregate)
            .step(self.asked.step)
            .by([self.asked.host_label.to_owned()])
            .across(across)
            .from(self.from)
            .to(self.now);
        if source.is_capacity { query.fill(CAPACITY_FILL) } else { query }
    }

    fn judge(
        &self,
        pack: &RulePack,
        rows: &Rows,
        mut facts: HostFacts,
        store_start: Timestamp,
    ) -> Result<HostVerdict> {
        let given: Vec<(&str, &[f64])> =
            rows.iter().map(|(name, row)| (name.as_str(), row.as_slice())).collect();
        let mut reducer = HostReducer::new(pack, self.now, self.asked.step)?;
        reducer.add(self.from, &given)?;
        let host = reducer.finish();
        // A host that came while the store was kept is known from its first day.
        let came = host.first().filter(|first| first.since(store_start) > Span::DAY);
        let looked = self.asked.from.is_none_or(|from| from <= store_start);
        facts.born = facts.born.or(came.filter(|_| looked));
        let mut found = judge(pack, &host, &facts);
        if found.verdict == Verdict::Undetermined {
            found.reasons.extend(self.sparse(rows));
        }
        Ok(found)
    }

    /// What is said of a host whose samples lie further apart than steps, so that most of these
    /// have none.
    fn sparse(&self, rows: &Rows) -> Option<String> {
        let step = self.asked.step;
        let is_use = |name: &str| !name.ends_with("_capacity") && name != "cores";
        let used = rows.iter().filter(|(name, _)| is_use(name));
        let spacing = used.filter_map(|(_, row)| typical_spacing(row, step)).min()?;
        if spacing <= step {
            return None;
        }
        let mut longer = STEPS.into_iter().map(|minutes| Span::MINUTE.times(minutes));
        Some(match longer.find(|longer| *longer >= spacing) {
            Some(longer) => {
                let give = self.asked.longer_step(longer);
                format!("its samples lie {spacing} apart, in steps of {step}: {give}")
            }
            None => format!("its samples lie {spacing} apart, and rules ask for one each hour"),
        })
    }
}

/// A text as a regular expression that matches it alone.
fn escaped(text: &str) -> String {
    let special = |c: char| r"\.+*?()|[]{}^$".contains(c);
    text.chars().fold(String::with_capacity(text.len()), |mut pattern, c| {
        if special(c) {
            pattern.push('\\');
        }
        pattern.push(c);
        pattern
    })
}
