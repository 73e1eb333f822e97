//! Postings: for every label name and value the set of series that carry it.

use std::collections::{BTreeMap, HashMap};

use roaring::RoaringBitmap;

use crate::model::{Labels, MatchOp, Matcher, Selector};

#[derive(Debug, Default)]
pub(super) struct Postings {
    all: RoaringBitmap,
    by_name: HashMap<Box<str>, BTreeMap<Box<str>, RoaringBitmap>>,
}

impl Postings {
    pub(super) fn insert(&mut self, id: u32, labels: &Labels) {
        self.all.insert(id);
        for (name, value) in labels.iter() {
            if !self.by_name.contains_key(name) {
                self.by_name.insert(name.into(), BTreeMap::new());
            }
            let Some(values) = self.by_name.get_mut(name) else { continue };
            if let Some(ids) = values.get_mut(value) {
                ids.insert(id);
            } else {
                values.insert(value.into(), RoaringBitmap::from_iter([id]));
            }
        }
    }

    /// The series that meet every condition. Cheap conditions first, so that a pattern over many
    /// values is only reached when something is left.
    pub(super) fn select(&self, selector: &Selector) -> RoaringBitmap {
        let mut matchers: Vec<&Matcher> = selector.matchers().iter().collect();
        matchers.sort_by_key(|m| m.op != MatchOp::Equal);
        let mut found = self.all.clone();
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
        if matcher.op == MatchOp::Equal && !absent_fits {
            match values.and_then(|values| values.get(matcher.value.as_str())) {
                Some(ids) => *found &= ids,
                None => found.clear(),
            }
            return;
        }
        let mut named = RoaringBitmap::new();
        for (value, ids) in values.into_iter().flatten() {
            if matcher.matches(value) != absent_fits {
                named |= ids;
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
        for (id, labels) in series.iter().enumerate() {
            postings.insert(id as u32, labels);
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
            r#"{host!~"a.*"}"#,
            r#"{host!~".+"}"#,
            r#"cpu{host=~".+",zone!="x"}"#,
            r#"{nothing="x"}"#,
            r#"{nothing!="x"}"#,
        ] {
            let selector: Selector = text.parse().unwrap();
            let expected: Vec<u32> =
                (0..24).filter(|id| selector.matches(&series[*id as usize])).collect();
            assert_eq!(postings.select(&selector).iter().collect::<Vec<_>>(), expected, "{text}");
        }
    }
}
