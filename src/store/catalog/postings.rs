//! Postings: for every label name and value the set of series that carry it, and for every series
//! its names and values.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use roaring::RoaringBitmap;

use super::numbers::Numbers;
use crate::model::{Labels, METRIC_LABEL, MatchOp, Matcher, Selector};

#[derive(Debug, Default)]
pub(super) struct Postings {
    by_name: HashMap<Arc<str>, BTreeMap<Arc<str>, Posting>>,
    /// The distinct pairs of a name and a value, by their numbers.
    pairs: Vec<(Arc<str>, Arc<str>)>,
    /// The numbers of the pairs of all series, series after series, each in the order of names.
    members: Vec<u32>,
    numbers: Numbers,
    /// By the places of the series' numbers.
    series: Vec<Member>,
}

/// The series that carry one pair of a name and a value.
#[derive(Debug)]
struct Posting {
    pair: u32,
    ids: RoaringBitmap,
}

/// Where the pairs of a series stand.
#[derive(Debug, Clone, Copy)]
struct Member {
    /// The end of its stretch of `members`; it begins where that of the series before ends.
    end: u32,
    /// The pair that is its metric.
    metric: u32,
}

/// No pair: the series has no metric.
const NO_PAIR: u32 = u32::MAX;

impl Postings {
    /// The numbers of the series here, in the order in which they came.
    pub(super) fn numbers(&self) -> &Numbers {
        &self.numbers
    }

    /// Leaves out all numbers that are not given yet and below `next`.
    pub(super) fn skip_to(&mut self, next: u32) {
        self.numbers.skip_to(next);
    }

    /// Adds a series under a number that is not below the next one; false where it is.
    pub(super) fn insert(&mut self, id: u32, labels: &Labels) -> bool {
        if !self.numbers.push(id) {
            return false;
        }
        let mut metric = NO_PAIR;
        for (name, value) in labels.iter() {
            let pair = self.insert_pair(id, name, value);
            self.members.push(pair);
            if name == METRIC_LABEL {
                metric = pair;
            }
        }
        self.series.push(Member { end: self.members.len() as u32, metric });
        true
    }

    /// Notes that a series carries a pair, and returns the pair's number.
    fn insert_pair(&mut self, id: u32, name: &str, value: &str) -> u32 {
        let known = self.by_name.get_key_value(name).map(|(name, _)| name.clone());
        let name = known.unwrap_or_else(|| name.into());
        let values = self.by_name.entry(name.clone()).or_default();
        if let Some(posting) = values.get_mut(value) {
            posting.ids.insert(id);
            return posting.pair;
        }
        let (pair, value) = (self.pairs.len() as u32, Arc::<str>::from(value));
        self.pairs.push((name, value.clone()));
        values.insert(value, Posting { pair, ids: RoaringBitmap::from_iter([id]) });
        pair
    }

    /// The names and values of a series, in the order of the names; none where it is not here.
    pub(super) fn labels_of(&self, id: u32) -> impl Iterator<Item = (&str, &str)> + Clone {
        self.members_of(id).iter().filter_map(|pair| self.text(*pair))
    }

    /// Distinct pairs of a name and a value; they are numbered in the order in which they came, and
    /// those of one series in the order of their names.
    pub(super) fn pairs(&self) -> usize {
        self.pairs.len()
    }

    /// The number of a pair.
    pub(super) fn pair(&self, name: &str, value: &str) -> Option<u32> {
        Some(self.by_name.get(name)?.get(value)?.pair)
    }

    /// The name and the value of a pair.
    pub(super) fn text(&self, pair: u32) -> Option<(&str, &str)> {
        self.pairs.get(pair as usize).map(|(name, value)| (&**name, &**value))
    }

    /// The pairs of the series at a place before its metric and after it: what tells its host.
    pub(super) fn members_but_metric(&self, place: usize) -> (&[u32], &[u32]) {
        let (members, metric) = (self.members_at(place), self.metric_at(place));
        match members.iter().position(|pair| *pair == metric) {
            Some(at) => (&members[..at], &members[at + 1..]),
            None => (members, &[]),
        }
    }

    /// The names that are here, as [`Self::members_named`] takes them.
    pub(super) fn names(&self, names: &[String]) -> Vec<&Arc<str>> {
        let known = |name: &String| Some(self.by_name.get_key_value(name.as_str())?.0);
        names.iter().filter_map(known).collect()
    }

    /// The pairs of a series that have one of these names, in the order of all names.
    pub(super) fn members_named(&self, id: u32, names: &[&Arc<str>]) -> impl Iterator<Item = u32> {
        // A name is kept once, so equal names are the same one.
        let is_named = |pair: &u32| {
            let name = self.pairs.get(*pair as usize).map(|(name, _)| name);
            name.is_some_and(|name| names.iter().any(|wanted| Arc::ptr_eq(wanted, name)))
        };
        self.members_of(id).iter().copied().filter(is_named)
    }

    /// The pairs of the series that was added last; none before the first.
    pub(super) fn last(&self) -> &[u32] {
        self.series.len().checked_sub(1).map_or(&[], |place| self.members_at(place))
    }

    fn members_of(&self, id: u32) -> &[u32] {
        self.numbers.place(id).map_or(&[], |place| self.members_at(place))
    }

    fn members_at(&self, place: usize) -> &[u32] {
        let end = |at: usize| self.series.get(at).map(|member| member.end as usize);
        let start = place.checked_sub(1).map_or(Some(0), end);
        let range = start.and_then(|start| Some(start..end(place)?));
        range.and_then(|range| self.members.get(range)).unwrap_or(&[])
    }

    fn metric_at(&self, place: usize) -> u32 {
        self.series.get(place).map_or(NO_PAIR, |member| member.metric)
    }

    /// Orders the series at two places by metric, then by all labels. Equal texts have equal
    /// numbers, so few are compared.
    pub(super) fn cmp_metric_major(&self, a: usize, b: usize) -> Ordering {
        let text = |pair: u32| self.pairs.get(pair as usize);
        let (first, second) = (self.metric_at(a), self.metric_at(b));
        if first != second {
            return text(first).map(|pair| &pair.1).cmp(&text(second).map(|pair| &pair.1));
        }
        let (first, second) = (self.members_at(a), self.members_at(b));
        match first.iter().zip(second).find(|(x, y)| x != y) {
            Some((x, y)) => text(*x).cmp(&text(*y)),
            None => first.len().cmp(&second.len()),
        }
    }

    /// The series that meet every condition. Cheap conditions first, so that a pattern over many
    /// values is only reached when something is left.
    pub(super) fn select(&self, selector: &Selector) -> RoaringBitmap {
        let mut matchers: Vec<&Matcher> = selector.matchers().iter().collect();
        matchers.sort_by_key(|m| m.op != MatchOp::Equal);
        let mut found = RoaringBitmap::new();
        for range in self.numbers.ranges() {
            found.insert_range(range);
        }
        for matcher in matchers {
            if found.is_empty() {
                break;
            }
            self.narrow(&mut found, matcher);
        }
        found
    }

    fn narrow(&self, found: &mut RoaringBitmap, matcher: &Matcher) {
        let values = self.by_name.get(matcher.name.as_str());
        // An absent label has the empty value: a condition that the empty value meets is taken the
        // other way round, by removing the series whose value does not meet it.
        let absent_fits = matcher.matches("");
        let mut named = RoaringBitmap::new();
        let is_negative = matches!(matcher.op, MatchOp::NotEqual | MatchOp::NotMatches);
        match matcher.texts() {
            // The texts are the ones that differ from an absent label: they are looked up.
            Some(texts) if is_negative == absent_fits => {
                for text in texts {
                    if let Some(posting) = values.and_then(|values| values.get(text.as_str())) {
                        named |= &posting.ids;
                    }
                }
            }
            _ => {
                for (value, posting) in values.into_iter().flatten() {
                    if matcher.matches(value) != absent_fits {
                        named |= &posting.ids;
                    }
                }
            }
        }
        if absent_fits { *found -= named } else { *found &= named }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn postings_agree_with_matching_one_by_one() {
        let mut series = Vec::new();
        for metric in ["cpu", "mem"] {
            for host in ["a1", "a2", "b1", ""] {
                for zone in ["x", "y", ""] {
                    series.push(Labels::new(metric, [("host", host), ("zone", zone)]).unwrap());
                }
            }
        }
        let mut postings = Postings::default();
        // With a gap, as where series were forgotten.
        let id_of = |at: usize| at as u32 + 3 * u32::from(at >= 10);
        for (at, labels) in series.iter().enumerate() {
            assert!(postings.insert(id_of(at), labels));
        }
        for text in [
            "cpu",
            "{}",
            "none",
            r#"{host="a1"}"#,
            r#"{host=""}"#,
            r#"{host!="a1"}"#,
            r#"{host!=""}"#,
            r#"{host=~"a.*"}"#,
            r#"{host=~"a.*|"}"#,
            r#"{host=~"a1|b1|nope|a1"}"#,
            r#"{host=~"a1|"}"#,
            r#"{host=~""}"#,
            r#"{host!~"a1|b1"}"#,
            r#"{host!~"a1|"}"#,
            r#"{host=~"a1",zone!~"x"}"#,
            r#"{host!~"a.*"}"#,
            r#"{host!~".+"}"#,
            r#"cpu{host=~".+",zone!="x"}"#,
            r#"{nothing="x"}"#,
            r#"{nothing!="x"}"#,
        ] {
            let selector: Selector = text.parse().unwrap();
            let expected: Vec<u32> =
                (0..24).filter(|at| selector.matches(&series[*at])).map(id_of).collect();
            assert_eq!(postings.select(&selector).iter().collect::<Vec<_>>(), expected, "{text}");
        }
    }

    #[test]
    fn series_keep_their_labels_and_their_order() {
        let mut postings = Postings::default();
        let mut series = Vec::new();
        for (metric, pairs) in [
            ("b", &[("host", "a"), ("A", "1")][..]),
            ("a", &[("host", "b")]),
            ("a", &[]),
            ("a", &[("host", "a"), ("zone", "z")]),
            ("a", &[("host", "a")]),
            ("a", &[("A", "1")]),
            ("ab", &[("host", "a")]),
        ] {
            let labels = Labels::new(metric, pairs.iter().copied()).unwrap();
            postings.insert(series.len() as u32, &labels);
            series.push(labels);
        }
        for (a, labels) in series.iter().enumerate() {
            assert!(postings.labels_of(a as u32).eq(labels.iter()), "{labels}");
            for (b, other) in series.iter().enumerate() {
                let expected = labels.cmp_metric_major(other);
                assert_eq!(postings.cmp_metric_major(a, b), expected, "{a} {b}");
            }
        }
        assert_eq!(postings.labels_of(7).count(), 0);
    }
}
