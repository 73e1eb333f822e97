//! Laws of throughput by load: which series tell them, and what was promised.

use std::str::FromStr;

use toml::Spanned;

use super::checked::{Names, check, labels};
use super::parse::{Place, Text};
use crate::capacity::zombie::MetricSource;
use crate::error::{Error, Result};
use crate::model::Span;

/// A law that is fitted to each of its rows.
#[derive(Debug, Clone)]
pub struct LawRule {
    /// Its name.
    pub name: String,
    /// How many users, threads or connections are at work.
    pub load: LawSource,
    /// How much is finished in a second.
    pub throughput: LawSource,
    /// The labels that tell its rows apart; the series of one row are added up.
    pub by: Vec<String>,
    /// Up to which a mean response is promised.
    pub response_max: Option<Span>,
}

/// A metric as it is written, `SELECTOR` or `rate(SELECTOR)`, and what is meant.
#[derive(Debug, Clone)]
pub struct LawSource {
    /// As it is written.
    pub text: String,
    /// The series, and whether their samples are running totals.
    pub metric: MetricSource,
}

impl FromStr for LawSource {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let metric: MetricSource = text.parse()?;
        if let Some(unit) = &metric.unit {
            return Err(Error::invalid(format!(
                "a law takes numbers as they are, a throughput in units per second; leave out \
                 \"in {unit}\""
            )));
        }
        Ok(Self { text: text.trim().to_owned(), metric })
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LawSection {
    name: Spanned<String>,
    load: Text<LawSource>,
    throughput: Text<LawSource>,
    by: Option<Spanned<Vec<String>>>,
    response_max: Option<Spanned<Text<Span>>>,
}

/// Checks the laws; `by` are the labels of the study.
pub(super) fn laws(
    sections: Vec<LawSection>,
    by: &[String],
    place: &Place<'_>,
) -> Result<Vec<LawRule>> {
    let mut names = Names::default();
    let mut rules = Vec::with_capacity(sections.len());
    for section in sections {
        names.add(&section.name, "law", place)?;
        if let Some(most) = &section.response_max {
            let what = "response_max is a length above 0, as \"200ms\"";
            check(most.get_ref().0 > Span::ZERO, most.span(), what, place)?;
        }
        rules.push(LawRule {
            name: section.name.into_inner(),
            load: section.load.0,
            throughput: section.throughput.0,
            by: match section.by {
                Some(by) => labels(by, true, place)?,
                None => by.to_vec(),
            },
            response_max: section.response_max.map(|most| most.into_inner().0),
        });
    }
    Ok(rules)
}

#[cfg(test)]
mod tests {
    use super::super::Study;
    use super::*;

    const HEAD: &str = "[study]\nby = [\"vm\"]\n[[law]]\nname = \"web\"\nload = \"busy\"\n\
                        throughput = 'rate(done_total{code=~\"2..\"})'\n";

    fn parse(text: &str) -> Result<Study> {
        Study::parse(text, "s")
    }

    #[test]
    fn every_key_is_read_and_has_its_default() {
        let study = parse(HEAD).unwrap();
        let law = &study.laws[0];
        assert_eq!((law.name.as_str(), law.by.as_slice()), ("web", &["vm".to_owned()][..]));
        assert_eq!((law.load.text.as_str(), law.load.metric.is_counter), ("busy", false));
        assert_eq!(law.throughput.text, "rate(done_total{code=~\"2..\"})");
        assert!(law.throughput.metric.is_counter && law.response_max.is_none());
        let more = format!("{HEAD}by = []\nresponse_max = \"200ms\"\n");
        let law = &parse(&more).unwrap().laws[0];
        assert_eq!(law.response_max.map(Span::seconds), Some(0.2));
        assert!(law.by.is_empty());
        assert!(parse("").unwrap().laws.is_empty());
    }

    #[test]
    fn mistakes_are_told_with_their_line_and_the_remedy() {
        let again = "[[law]]\nname = \"web\"\nload = \"a\"\nthroughput = \"b\"";
        for (more, line, part) in [
            ("response_max = \"0s\"", 7, "a length above 0, as \"200ms\""),
            ("response_max = 200", 7, "write a text in quotes"),
            ("response_max = \"fast\"", 7, "fast"),
            ("by = [\"vm\", \"vm\"]", 7, "by names a label twice"),
            ("level = 0.9", 7, "unknown field `level`"),
            (again, 8, "the law name \"web\" is taken"),
        ] {
            let error = parse(&format!("{HEAD}{more}\n")).unwrap_err().to_string();
            assert!(error.starts_with(&format!("s:{line}: ")), "{more:?}: {error}");
            assert!(error.contains(part), "{more:?}: {error}");
        }
        for (from, to, line, part) in [
            ("\"web\"", "\" \"", 4, "1 to 64 printable characters"),
            ("\"busy\"", "\"busy{\"", 5, "expected"),
            ("\"busy\"", "\"busy in users\"", 5, "leave out \"in users\""),
            ("\"busy\"", "4", 5, "write a text in quotes"),
            ("load = \"busy\"\n", "", 3, "missing field `load`"),
        ] {
            let error = parse(&HEAD.replace(from, to)).unwrap_err().to_string();
            assert!(error.starts_with(&format!("s:{line}: ")), "{to:?}: {error}");
            assert!(error.contains(part), "{to:?}: {error}");
        }
    }
}
