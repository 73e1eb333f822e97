//! What a header says of its column: the metric's default name and its unit.

use std::collections::HashMap;

use crate::model::Unit;

/// One header.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Header {
    /// As it stands in the file, without blanks around it.
    pub(super) text: String,
    /// The default name of the metric or label; unique in the table, or empty for an empty header.
    pub(super) name: String,
    /// The unit in brackets at the end.
    pub(super) unit: Option<Unit>,
}

/// Names the headers: lower-case snake case without the unit. Where two headers differ in their
/// units only (`CPU usage [MHZ]`, `CPU usage [%]`), the names end in the units. `Err` names two
/// headers that cannot be told apart.
pub(super) fn read_headers(texts: Vec<String>) -> Result<Vec<Header>, String> {
    let mut places = HashMap::new();
    for (at, text) in texts.iter().enumerate().filter(|(_, text)| !text.is_empty()) {
        if let Some(first) = places.insert(text, at) {
            return Err(format!(
                "columns {} and {} have the same header {text:?}; rename one in the file",
                first + 1,
                at + 1
            ));
        }
    }
    let mut headers: Vec<_> = texts.into_iter().map(read_header).collect();
    let mut counts: HashMap<String, usize> = HashMap::new();
    for header in headers.iter().filter(|header| !header.name.is_empty()) {
        *counts.entry(header.name.clone()).or_default() += 1;
    }
    for header in &mut headers {
        if counts.get(&header.name).is_some_and(|count| *count > 1)
            && let Some(unit) = &header.unit
        {
            header.name = snake_case(&format!("{} {}", header.name, spoken(unit)));
        }
    }
    Ok(headers)
}

fn read_header(text: String) -> Header {
    let (base, unit) = split_unit(&text);
    let name = match (snake_case(base), &unit) {
        (name, Some(unit)) if name.is_empty() => snake_case(spoken(unit)),
        (name, _) if name.is_empty() => snake_case(spoken_sign(&text)),
        (name, _) => name,
    };
    Header { text, name, unit }
}

/// A header without the unit in `[...]` or `(...)` at its end, and the unit.
fn split_unit(text: &str) -> (&str, Option<Unit>) {
    for (open, close) in [('[', ']'), ('(', ')')] {
        let inner = text.strip_suffix(close).and_then(|rest| rest.rsplit_once(open));
        if let Some((base, unit)) = inner
            && let Ok(unit) = unit.parse()
        {
            return (base.trim_end(), Some(unit));
        }
    }
    (text, None)
}

fn spoken(unit: &Unit) -> &str {
    spoken_sign(unit.as_str())
}

fn spoken_sign(text: &str) -> &str {
    if text == "%" { "percent" } else { text }
}

/// Lower case, with one `_` for each run of other characters than letters and digits. A word also
/// begins at a capital between lower-case letters (`readBytes`, `CPUUtilization`); two of these are
/// needed, so that `MHz` and `kB` stay whole.
pub(super) fn snake_case(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let lower =
        |at: Option<usize>| at.and_then(|at| characters.get(at)).is_some_and(|c| c.is_lowercase());
    let mut name = String::new();
    for (at, c) in characters.iter().enumerate() {
        let before = lower(at.checked_sub(1)) && lower(at.checked_sub(2));
        let behind = lower(Some(at + 1)) && lower(Some(at + 2));
        let word = c.is_uppercase() && (before || behind);
        if (word || !c.is_alphanumeric()) && !name.is_empty() && !name.ends_with('_') {
            name.push('_');
        }
        if c.is_alphanumeric() {
            name.extend(c.to_lowercase());
        }
    }
    name.truncate(name.trim_end_matches('_').len());
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_snake_case() {
        for (text, name) in [
            ("CPU cores", "cpu_cores"),
            ("CPUUtilization", "cpu_utilization"),
            ("readBytes", "read_bytes"),
            ("usage MHz", "usage_mhz"),
            ("size kB", "size_kb"),
            ("  a--b  ", "a_b"),
            ("node_load1", "node_load1"),
            ("Größe", "größe"),
            ("%", ""),
        ] {
            assert_eq!(snake_case(text), name, "{text:?}");
        }
    }

    fn named(texts: &[&str]) -> Vec<(String, Option<String>)> {
        let headers = read_headers(texts.iter().map(|t| (*t).to_owned()).collect()).unwrap();
        headers.into_iter().map(|h| (h.name, h.unit.map(|u| u.to_string()))).collect()
    }

    #[test]
    fn units_leave_the_name_unless_they_tell_columns_apart() {
        let some = |unit: &str| Some(unit.to_owned());
        assert_eq!(
            named(&[
                "CPU usage [MHZ]",
                "CPU usage [%]",
                "Disk read (MB/s)",
                "[KB]",
                "a[]",
                "",
                "%"
            ]),
            [
                ("cpu_usage_mhz".into(), some("MHZ")),
                ("cpu_usage_percent".into(), some("%")),
                ("disk_read".into(), some("MB/s")),
                ("kb".into(), some("KB")),
                ("a".into(), None),
                (String::new(), None),
                ("percent".into(), None),
            ]
        );
    }

    /// Some tables have a column for each of many thousand sensors.
    #[test]
    fn many_headers_take_time_in_proportion() {
        let texts = (0..200_000).map(|at| format!("sensor {at} [KB]")).collect();
        assert_eq!(read_headers(texts).unwrap().len(), 200_000);
    }

    #[test]
    fn equal_headers_are_refused() {
        let error = read_headers(vec!["a".into(), "b".into(), "a".into()]).unwrap_err();
        assert!(error.starts_with("columns 1 and 3 have the same header \"a\""), "{error}");
    }
}
