//! Selectors: which series are meant, in Prometheus' matcher syntax.

use std::fmt;
use std::str::FromStr;

use regex::{Regex, RegexBuilder};

use super::labels::{Labels, METRIC_LABEL};
use super::limits::{REGEX_BYTES_MAX, SELECTOR_BYTES_MAX};
use crate::error::{Error, Result};

/// How a matcher compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatchOp {
    /// `=`: the value is this text. An absent label has the empty value.
    Equal,
    /// `!=`: the value is not this text.
    NotEqual,
    /// `=~`: the whole value matches this pattern.
    Matches,
    /// `!~`: the whole value does not match this pattern.
    NotMatches,
}

/// One condition on one label.
#[derive(Debug, Clone)]
pub struct Matcher {
    /// The label's name.
    pub name: String,
    /// How to compare.
    pub op: MatchOp,
    /// The text or pattern to compare with.
    pub value: String,
    test: Test,
}

/// How a value is compared.
#[derive(Debug, Clone)]
enum Test {
    Text,
    /// With some texts, sorted: a pattern of nothing but these.
    Texts(Vec<String>),
    Pattern(Regex),
}

/// What a pattern understands as something else than itself.
const SPECIAL: &[char] =
    &['\\', '.', '+', '*', '?', '(', ')', '[', ']', '{', '}', '^', '$', '&', '~', '#'];

/// Conditions that a series must meet, all of them.
///
/// ```
/// use plimsoll::{Labels, Selector};
/// let selector: Selector = r#"cpu_mhz{zone="a",host=~"web-.*"}"#.parse()?;
/// assert!(selector.matches(&Labels::new("cpu_mhz", [("host", "web-1"), ("zone", "a")])?));
/// assert!(!selector.matches(&Labels::new("cpu_mhz", [("host", "db-1"), ("zone", "a")])?));
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Selector {
    matchers: Vec<Matcher>,
}

impl Matcher {
    /// A matcher; a pattern that is no regular expression, or too large a one, is an error.
    pub fn new(name: &str, op: MatchOp, value: &str) -> Result<Self> {
        let test = match op {
            MatchOp::Equal | MatchOp::NotEqual => Test::Text,
            // Looked up, and not tried on every value that there is.
            MatchOp::Matches | MatchOp::NotMatches if !value.contains(SPECIAL) => {
                let mut texts: Vec<String> = value.split('|').map(str::to_owned).collect();
                texts.sort_unstable();
                texts.dedup();
                Test::Texts(texts)
            }
            MatchOp::Matches | MatchOp::NotMatches => {
                let built = whole(value);
                Test::Pattern(built.map_err(|why| {
                    Error::invalid(format!("{value:?} is no usable regular expression: {why}"))
                })?)
            }
        };
        Ok(Self { name: name.to_owned(), op, value: value.to_owned(), test })
    }

    /// Whether a label value meets the condition; an absent label has the empty value.
    pub fn matches(&self, value: &str) -> bool {
        let found = match &self.test {
            Test::Text => value == self.value,
            Test::Texts(texts) => texts.binary_search_by(|text| text.as_str().cmp(value)).is_ok(),
            Test::Pattern(pattern) => pattern.is_match(value),
        };
        match self.op {
            MatchOp::Equal | MatchOp::Matches => found,
            MatchOp::NotEqual | MatchOp::NotMatches => !found,
        }
    }

    /// The only texts that it compares with: all other values are alike to it. `None` of a pattern
    /// that is more than alternatives.
    pub fn texts(&self) -> Option<&[String]> {
        match &self.test {
            Test::Text => Some(std::slice::from_ref(&self.value)),
            Test::Texts(texts) => Some(texts),
            Test::Pattern(_) => None,
        }
    }
}

impl Selector {
    /// A selector from its conditions; none at all selects every series.
    pub fn new(matchers: Vec<Matcher>) -> Self {
        Self { matchers }
    }

    /// Every series.
    pub fn all() -> Self {
        Self::new(Vec::new())
    }

    /// All series of one metric.
    pub fn metric(name: &str) -> Self {
        let matcher = Matcher {
            name: METRIC_LABEL.to_owned(),
            op: MatchOp::Equal,
            value: name.to_owned(),
            test: Test::Text,
        };
        Self::new(vec![matcher])
    }

    /// The conditions.
    pub fn matchers(&self) -> &[Matcher] {
        &self.matchers
    }

    /// The same selector with one more condition.
    #[must_use]
    pub fn and(mut self, matcher: Matcher) -> Self {
        self.matchers.push(matcher);
        self
    }

    /// Whether a series is selected.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.matchers.iter().all(|m| m.matches(labels.get(&m.name).unwrap_or("")))
    }
}

impl fmt::Display for MatchOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Matches => "=~",
            Self::NotMatches => "!~",
        })
    }
}

impl fmt::Display for Selector {
    /// A text that reads back as the same selector.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (at, m) in self.matchers.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            write!(f, "{comma}{}{}{}", quoted_name(&m.name), m.op, quote(&m.value))?;
        }
        f.write_str("}")
    }
}

/// A pattern that matches whole texts.
fn whole(pattern: &str) -> std::result::Result<Regex, regex::Error> {
    let build = |pattern: &str| RegexBuilder::new(pattern).size_limit(REGEX_BYTES_MAX).build();
    // Alone first: it must not close the group that it is put into.
    build(pattern)?;
    build(&format!("^(?s:{pattern})$")).or_else(|why| {
        // A comment at its end (`(?x)`) takes our parenthesis in, unless its line ends before.
        build(&format!("^(?s:{pattern}\n)$")).map_err(|_| why)
    })
}

fn quoted_name(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_:.-/".contains(c);
    if !name.is_empty() && name.chars().all(plain) { name.to_owned() } else { quote(name) }
}

fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            _ => out.push(c),
        }
    }
    out.push('"');
    out
}

impl FromStr for Selector {
    type Err = Error;

    /// Reads `metric`, `metric{name="value",...}` or `{name="value",...}` with `=`, `!=`, `=~`,
    /// `!~`; values in double quotes with `\"`, `\\`, `\n`, `\t`.
    fn from_str(text: &str) -> Result<Self> {
        if text.len() > SELECTOR_BYTES_MAX {
            return Err(Error::Limit {
                what: "the length of a selector in bytes",
                value: text.len() as u64,
                limit: SELECTOR_BYTES_MAX as u64,
                remedy: "select by a common label instead of listing names",
            });
        }
        Parser { text, at: 0 }.selector()
    }
}

/// A cursor over the selector's text; `at` always lies on a character boundary.
struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl Parser<'_> {
    fn selector(&mut self) -> Result<Selector> {
        let mut matchers = Vec::new();
        self.skip_space();
        if let Some(metric) = self.word() {
            matchers.push(Matcher::new(METRIC_LABEL, MatchOp::Equal, &metric)?);
        }
        self.skip_space();
        if self.take("{") {
            self.matchers(&mut matchers)?;
        } else if matchers.is_empty() {
            return Err(self.refused("a metric name or `{`"));
        }
        self.skip_space();
        if self.at < self.text.len() {
            return Err(self.refused("the end"));
        }
        Ok(Selector::new(matchers))
    }

    fn matchers(&mut self, matchers: &mut Vec<Matcher>) -> Result<()> {
        loop {
            self.skip_space();
            if self.take("}") {
                return Ok(());
            }
            let name = if self.peek() == Some('"') {
                self.quoted()?
            } else {
                self.word().ok_or_else(|| self.refused("a label name or `}`"))?
            };
            self.skip_space();
            let op = self.op()?;
            self.skip_space();
            let value = self.quoted()?;
            matchers.push(Matcher::new(&name, op, &value)?);
            self.skip_space();
            if !self.take(",") && self.peek() != Some('}') {
                return Err(self.refused("`,` or `}`"));
            }
        }
    }

    fn op(&mut self) -> Result<MatchOp> {
        let ops = [MatchOp::Matches, MatchOp::NotMatches, MatchOp::NotEqual, MatchOp::Equal];
        let found = ops.into_iter().find(|op| self.take(&op.to_string()));
        found.ok_or_else(|| self.refused("one of = != =~ !~"))
    }

    fn quoted(&mut self) -> Result<String> {
        if !self.take("\"") {
            return Err(self.refused("a value in double quotes"));
        }
        let mut out = String::new();
        loop {
            let c = self.next().ok_or_else(|| self.refused("a closing quote"))?;
            match c {
                '"' => return Ok(out),
                '\\' => match self.next() {
                    Some('n') => out.push('\n'),
                    Some('t') => out.push('\t'),
                    Some(c @ ('"' | '\\')) => out.push(c),
                    // Other escapes are left as they are: `\.` and `\d` belong to the pattern.
                    Some(c) => out.extend(['\\', c]),
                    None => return Err(self.refused("a closing quote")),
                },
                _ => out.push(c),
            }
        }
    }

    fn word(&mut self) -> Option<String> {
        let rest = self.text.get(self.at..)?;
        let end = rest
            .find(|c: char| !(c.is_alphanumeric() || "_:.-/".contains(c)))
            .unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).filter(|word| !word.is_empty()).map(ToOwned::to_owned)
    }

    fn peek(&self) -> Option<char> {
        self.text.get(self.at..)?.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.text.get(self.at..).is_some_and(|rest| rest.starts_with(token));
        if found {
            self.at += token.len();
        }
        found
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.next();
        }
    }

    fn refused(&self, wanted: &str) -> Error {
        Error::invalid(format!(
            "selector {:?}: expected {wanted} at byte {}; write \
             metric{{label=\"value\"}} with =, !=, =~ or !~",
            self.text, self.at
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels() -> Labels {
        Labels::new("cpu", [("host", "web-1"), ("zone", "a")]).unwrap()
    }

    #[test]
    fn matching_follows_prometheus() {
        for (text, expected) in [
            ("cpu", true),
            ("mem", false),
            (r#"{zone="a"}"#, true),
            (r#"cpu{zone!="a"}"#, false),
            (r#"cpu{host=~"web-.*"}"#, true),
            (r#"cpu{host=~"web"}"#, false),
            (r#"cpu{host!~"db.*", }"#, true),
            (r#"cpu{rack=""}"#, true),
            (r#"cpu{rack!=""}"#, false),
            (r#"{__name__=~"c.u"}"#, true),
            (r#" cpu { zone = "a" } "#, true),
            ("{}", true),
        ] {
            let selector: Selector = text.parse().unwrap();
            assert_eq!(selector.matches(&labels()), expected, "{text}");
        }
    }

    #[test]
    fn what_is_printed_reads_back() {
        for text in [r#"cpu{a="q\"u\\o\nte",b!~"\d+"}"#, "{}", r#"{"odd name"="x"}"#] {
            let once: Selector = text.parse().unwrap();
            let twice: Selector = once.to_string().parse().unwrap();
            assert_eq!(once.to_string(), twice.to_string());
            assert_eq!(once.matchers().len(), twice.matchers().len());
        }
    }

    #[test]
    fn bad_selectors_say_where() {
        for text in [
            "",
            "cpu{",
            "cpu{a}",
            "cpu{a=b}",
            "cpu{a=\"b\"",
            "cpu{a=~\"(\"}",
            "cpu}",
            "cpu{a=\"b\" c=\"d\"}",
        ] {
            let error = text.parse::<Selector>().unwrap_err().to_string();
            assert!(error.contains("byte") || error.contains("regular"), "{error}");
        }
    }

    #[test]
    fn a_pattern_is_one_expression_of_its_own() {
        let pattern = |value: &str| Matcher::new("a", MatchOp::Matches, value);
        for value in ["a)|(?:b", "a)(b", ")", "a)|(b"] {
            let refused = pattern(value).unwrap_err().to_string();
            assert!(refused.contains("no usable regular expression"), "{value}: {refused}");
        }
        // The end of a comment is the end of the pattern.
        let commented = pattern("(?x)a b # c").unwrap();
        assert!(commented.matches("ab") && !commented.matches("ab # c") && !commented.matches("b"));
        let commented = pattern("(?x)a # c)|(b").unwrap();
        assert!(commented.matches("a") && !commented.matches("b") && !commented.matches("ab"));
        let line = pattern("a.\n").unwrap();
        assert!(line.matches("ab\n") && line.matches("a\n\n") && !line.matches("ab"));
        let either = pattern("a.*|b").unwrap();
        assert!(either.matches("axx") && either.matches("b") && !either.matches("bx"));
    }
}
