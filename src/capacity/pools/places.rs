//! Where new hosts of a pool stand: in the zones and racks that it has, evenly.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::pool::Host;
use crate::capacity::assess::View;
use crate::model::Labels;

/// A rack of a zone, with how many hosts stand there, the emptiest at the top of a heap.
type Racks = BinaryHeap<Reverse<(usize, String)>>;

/// The zones of a pool and their racks, with how many hosts stand in each.
#[derive(Debug)]
pub(super) struct Places<'v> {
    /// The names of the two labels.
    labels: (&'v str, &'v str),
    zones: BinaryHeap<Reverse<(usize, String)>>,
    racks: BTreeMap<String, Racks>,
}

impl<'v> Places<'v> {
    /// The places of a pool's hosts, whoever has left since, with those who are present. Of hosts
    /// whose place is not known none is taken where others have one.
    pub(super) fn of<'l>(
        view: &'v View,
        hosts: &[Host<'_>],
        present: impl Iterator<Item = &'l Labels>,
    ) -> Self {
        let mut counts: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
        for host in hosts {
            let (zone, rack) = Self::place_of(view, &host.labels);
            counts.entry(zone).or_default().entry(rack).or_default();
        }
        forget_unknown(&mut counts);
        counts.values_mut().for_each(forget_unknown);
        let mut zones: BTreeMap<String, usize> =
            counts.keys().map(|zone| (zone.clone(), 0)).collect();
        for labels in present {
            let (zone, rack) = Self::place_of(view, labels);
            if let Some(count) = zones.get_mut(&zone) {
                *count += 1;
            }
            if let Some(count) = counts.get_mut(&zone).and_then(|racks| racks.get_mut(&rack)) {
                *count += 1;
            }
        }
        let heap = |counts: BTreeMap<String, usize>| {
            counts.into_iter().map(|(name, count)| Reverse((count, name))).collect()
        };
        Self {
            labels: names(view),
            zones: heap(zones),
            racks: counts.into_iter().map(|(zone, racks)| (zone, heap(racks))).collect(),
        }
    }

    /// The labels of one more host of a pool, which stands in the emptiest rack of the emptiest
    /// zone; those of the pool where it has no places.
    pub(super) fn next<'a>(&mut self, pool: &'a Labels) -> Cow<'a, Labels> {
        let Some(zone) = take(&mut self.zones) else { return Cow::Borrowed(pool) };
        let rack = self.racks.get_mut(&zone).and_then(take).unwrap_or_default();
        let places = [(self.labels.0, zone.as_str()), (self.labels.1, rack.as_str())];
        let known =
            places.into_iter().filter(|(name, at)| !at.is_empty() && pool.get(name).is_none());
        let all = Labels::from_pairs(pool.iter().chain(known));
        all.map_or(Cow::Borrowed(pool), Cow::Owned)
    }

    /// The zone and the rack of a host; empty where they are not known.
    pub(super) fn place_of(view: &View, labels: &Labels) -> (String, String) {
        let (zone, rack) = names(view);
        let of = |name| labels.get(name).unwrap_or_default().to_owned();
        (of(zone), of(rack))
    }
}

/// The labels of zones and racks.
fn names(view: &View) -> (&str, &str) {
    let rule = view.study.failover.as_ref();
    rule.map_or(("zone", "rack"), |rule| (&rule.zone_label, &rule.rack_label))
}

fn forget_unknown<T>(places: &mut BTreeMap<String, T>) {
    if places.len() > 1 {
        places.remove("");
    }
}

/// The emptiest of some places, in which one more stands then.
fn take(places: &mut BinaryHeap<Reverse<(usize, String)>>) -> Option<String> {
    let Reverse((count, name)) = places.pop()?;
    places.push(Reverse((count + 1, name.clone())));
    Some(name)
}
