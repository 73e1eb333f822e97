//! In which order series come, and which of them belong together.

use std::cmp::Ordering;
use std::collections::HashMap;

use super::Catalog;
use crate::model::{Labels, SeriesId};

/// The part of all series, as one in so many, from which on all are ranked, to be sorted by that.
const RANKED_PART: usize = 16;

impl Catalog {
    /// Puts series together that share the labels of these names, and orders them by these labels.
    /// Within each, the series keep their order.
    pub(in crate::store) fn group(
        &self,
        series: &[SeriesId],
        names: &[String],
    ) -> Vec<(Labels, Vec<SeriesId>)> {
        let names = self.postings.names(names);
        let mut groups: Vec<(Labels, Vec<SeriesId>)> = Vec::new();
        let mut places: HashMap<Box<[u32]>, usize> = HashMap::new();
        let mut key = Vec::new();
        for id in series {
            key.clear();
            key.extend(self.postings.members_named(id.0, &names));
            if let Some(place) = places.get(&*key) {
                groups[*place].1.push(*id);
                continue;
            }
            let pairs = key.iter().filter_map(|pair| self.postings.text(*pair));
            groups.push((Labels::of_sorted(pairs), vec![*id]));
            places.insert(key.as_slice().into(), places.len());
        }
        groups.sort_by(|a, b| a.0.cmp(&b.0));
        groups
    }

    /// Puts series together that share all labels but the metric, in their order; those of the
    /// first series come first.
    pub(in crate::store) fn siblings(&self, series: &[SeriesId]) -> Vec<Vec<SeriesId>> {
        let mut host_of = vec![None; self.len()];
        let mut sizes: Vec<usize> = Vec::new();
        let mut hosts = HashMap::new();
        for id in series {
            let Some(place) = self.place(*id) else { continue };
            let own = self.postings.members_but_metric(place);
            // The series of one host mostly came one after another: looking beside is cheaper.
            let beside = (place.checked_sub(1))
                .filter(|before| self.postings.members_but_metric(*before) == own)
                .and_then(|before| host_of[before]);
            let host = beside.unwrap_or_else(|| *hosts.entry(own).or_insert(sizes.len()));
            match sizes.get_mut(host) {
                Some(size) => *size += 1,
                None => sizes.push(1),
            }
            host_of[place] = Some(host);
        }
        let mut found: Vec<Vec<SeriesId>> = sizes.into_iter().map(Vec::with_capacity).collect();
        for id in series {
            if let Some(host) = self.place(*id).and_then(|place| host_of[place]) {
                found[host].push(*id);
            }
        }
        found
    }

    /// Sorts series, each of them once, as segments hold them: by metric, then by all labels, as
    /// [`Labels::cmp_metric_major`] does.
    pub(in crate::store) fn sort_metric_major(&self, series: &mut [SeriesId]) {
        let few = series.len() < self.len() / RANKED_PART;
        if (few && self.ranks.get().is_none()) || !series.iter().all(|id| self.has(*id)) {
            series.sort_by(|a, b| self.cmp_metric_major(*a, *b));
            return;
        }
        // Texts are compared once, and not at every seal.
        let ranks = self.ranks.get_or_init(|| self.rank_all());
        let rank = |id: SeriesId| self.place(id).and_then(|place| ranks.get(place));
        if few {
            series.sort_unstable_by_key(|id| rank(*id));
            return;
        }
        // Each to its place among all, of which many are taken.
        let mut ranked = vec![None; self.len()];
        for id in series.iter() {
            if let Some(place) = rank(*id).and_then(|rank| ranked.get_mut(*rank as usize)) {
                *place = Some(*id);
            }
        }
        series.iter_mut().zip(ranked.into_iter().flatten()).for_each(|(to, id)| *to = id);
    }

    /// By place.
    fn rank_all(&self) -> Vec<u32> {
        let mut all: Vec<usize> = (0..self.len()).collect();
        all.sort_by(|a, b| self.postings.cmp_metric_major(*a, *b));
        let mut ranks = vec![0; all.len()];
        for (rank, place) in (0..).zip(all) {
            if let Some(to) = ranks.get_mut(place) {
                *to = rank;
            }
        }
        ranks
    }

    fn cmp_metric_major(&self, a: SeriesId, b: SeriesId) -> Ordering {
        match (self.place(a), self.place(b)) {
            (Some(first), Some(second)) => self.postings.cmp_metric_major(first, second),
            _ => a.cmp(&b),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn groups_share_the_labels_of_some_names() {
        let mut catalog = Catalog::default();
        for (host, zone) in [("b", "x"), ("a", "y"), ("c", ""), ("d", "x")] {
            let labels = Labels::new("cpu", [("host", host), ("zone", zone)]).unwrap();
            catalog.insert(catalog.len() as u32, &labels).unwrap();
        }
        let all: Vec<SeriesId> = (0..4).map(SeriesId).collect();
        for names in
            [&["zone"][..], &["host", "zone"], &[], &["__name__", "none"], &["zone", "zone"]]
        {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            let mut expected: BTreeMap<Labels, Vec<SeriesId>> = BTreeMap::new();
            for id in &all {
                let labels = catalog.labels(*id).unwrap().project(&names);
                expected.entry(labels).or_default().push(*id);
            }
            assert_eq!(catalog.group(&all, &names), expected.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn siblings_differ_in_the_metric_alone() {
        let mut catalog = Catalog::default();
        let labels = |metric: &str, host: &str, zone: &str| {
            Labels::new(metric, [("host", host), ("Zone", zone)]).unwrap()
        };
        for (metric, host, zone) in [
            ("cpu", "a", "z"),
            ("cpu", "b", "z"),
            ("memory", "b", "z"),
            ("memory", "a", "z"),
            ("cpu", "a", "y"),
            ("cpu", "a", ""),
        ] {
            catalog.insert(catalog.len() as u32, &labels(metric, host, zone)).unwrap();
        }
        let all: Vec<SeriesId> = (0..6).map(SeriesId).collect();
        let found = catalog.siblings(&all);
        let expected = [&[0, 3][..], &[1, 2], &[4], &[5]];
        let expected = expected.map(|host| host.iter().copied().map(SeriesId).collect::<Vec<_>>());
        assert_eq!(found, expected);
    }

    #[test]
    fn ranks_sort_as_texts_do() {
        let mut catalog = Catalog::default();
        let add = |catalog: &mut Catalog, at: u32| {
            let host = format!("h{}", at * 7_919 % 101);
            let labels = Labels::new(["b", "a", "c"][at as usize % 3], [("host", host)]);
            catalog.insert(at, &labels.unwrap()).unwrap();
        };
        for count in [40, 60] {
            (catalog.len() as u32..count).for_each(|at| add(&mut catalog, at));
            // Few of them before and after all are ranked, and many.
            for every in [30, 1, 2, 30] {
                let mut some: Vec<SeriesId> = (0..count).step_by(every).map(SeriesId).collect();
                let mut expected = some.clone();
                expected.sort_by(|a, b| catalog.cmp_metric_major(*a, *b));
                catalog.sort_metric_major(&mut some);
                assert_eq!(some, expected);
            }
        }
    }
}
