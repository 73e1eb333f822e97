//! Names of bounded width. Hosts of one kind differ at the end of their names, so that a long name
//! is cut in its middle, and names that would look alike then are left whole.

use std::collections::BTreeMap;

/// Longer names are cut in tables of text, so that one name does not widen every line.
pub(super) const TABLE_CHARS_MAX: usize = 28;

/// Stands for what was cut.
const CUT: char = '…';

/// A name of at most `chars` characters, of which the end keeps as many as the beginning or one
/// more.
pub(super) fn cut_to(name: &str, chars: usize) -> String {
    let count = name.chars().count();
    if count <= chars {
        return name.to_owned();
    }
    let kept = chars.saturating_sub(1);
    let end = kept.div_ceil(2);
    let first = name.chars().take(kept - end);
    first.chain([CUT]).chain(name.chars().skip(count - end)).collect()
}

/// A name for a table of text.
pub(super) fn cut(name: &str) -> String {
    cut_to(name, TABLE_CHARS_MAX)
}

/// Names that stand together, each of at most `chars` characters; whole where another of them would
/// look the same.
pub(super) fn cut_apart<'a>(names: impl IntoIterator<Item = &'a str>, chars: usize) -> Vec<String> {
    let names: Vec<(&str, String)> =
        names.into_iter().map(|name| (name, cut_to(name, chars))).collect();
    // What each looks like, of which name; none where it is that of several.
    let mut looks: BTreeMap<&str, Option<&str>> = BTreeMap::new();
    for (name, cut) in &names {
        let of = looks.entry(cut).or_insert(Some(name));
        *of = of.filter(|other| other == name);
    }
    let shown = |(name, cut): &(&str, String)| match looks.get(cut.as_str()) {
        Some(Some(_)) => cut.clone(),
        _ => (*name).to_owned(),
    };
    names.iter().map(shown).collect()
}

/// Whether a name may have been printed so: as it is, or with something cut from its middle.
pub(super) fn is_printed_as(name: &str, printed: &str) -> bool {
    let is_cut = |(first, end): (&str, &str)| {
        let rest = name.strip_prefix(first).and_then(|rest| rest.strip_suffix(end));
        (!first.is_empty() || !end.is_empty()) && rest.is_some_and(|rest| !rest.is_empty())
    };
    name == printed || printed.split_once(CUT).is_some_and(is_cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_keep_their_ends_and_are_cut_between_characters() {
        assert_eq!(cut_to("äöü", 3), "äöü");
        assert_eq!(cut_to("äöüß", 3), "ä…ß");
        assert_eq!(cut_to("äöüßx", 4), "ä…ßx");
        assert_eq!((cut_to("ab", 1).as_str(), cut_to("ab", 0).as_str()), ("…", "…"));
        assert_eq!(cut(&"x".repeat(4_096)).chars().count(), TABLE_CHARS_MAX);
        assert_eq!(cut("aks-nodepool1-12345678-vmss000003"), "aks-nodepool1…678-vmss000003");
    }

    #[test]
    fn names_that_would_look_alike_are_whole() {
        let (one, other) = ("first-1-of-all-the-hosts-last", "first-2-of-all-the-hosts-last");
        let long = "quite-another-name-that-is-long";
        assert_eq!(cut_apart([one, other, long, "x"], 12), [one, other, "quite…s-long", "x"]);
        assert_eq!(cut_apart([one, one], 12), ["first…s-last"; 2]);
        // A name may look like what another is cut to.
        assert_eq!(cut_apart([one, "first…s-last"], 12), [one, "first…s-last"]);
    }

    #[test]
    fn a_name_is_known_by_what_was_printed_of_it() {
        let name = "aks-nodepool1-12345678-vmss000003";
        for chars in 2..40 {
            assert!(is_printed_as(name, &cut_to(name, chars)), "{chars}");
        }
        for other in ["aks-nodepool1…678-vmss000004", "…", "aks", "", "aks-node…nodepool1"] {
            assert!(!is_printed_as(name, other), "{other}");
        }
        assert!(!is_printed_as("abc", "ab…bc") && !is_printed_as("abc", "a…bc"));
    }
}
