//! `study.toml` as it is written: sections and keys, before they are checked against each other.

use std::collections::BTreeMap;
use std::ops::Range;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error as _};
use toml::{Spanned, Value};

use super::fleet::{FailoverSection, InventorySection, OrderSection, ShapeSection};
use super::law::LawSection;
use super::scenario::ScenarioSection;
use super::slo::SloSection;
use super::zombie::ZombieSection;
use crate::error::{Error, Result};
use crate::model::{Selector, Span, Timestamp, Unit};

/// A text and its name, to turn a place in it into `file:line`.
pub(super) struct Place<'a> {
    pub(super) text: &'a str,
    pub(super) origin: &'a str,
}

impl Place<'_> {
    /// An error at a place of the text.
    pub(super) fn error(&self, at: Range<usize>, what: impl Into<String>) -> Error {
        Error::Parse { origin: self.origin.to_owned(), line: self.line(&at), what: what.into() }
    }

    /// The line of a place, from 1.
    pub(super) fn line(&self, at: &Range<usize>) -> u64 {
        let before = self.text.get(..at.start).unwrap_or("");
        before.matches('\n').count() as u64 + 1
    }
}

/// The whole file.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    #[serde(default)]
    pub(super) study: StudySection,
    #[serde(default, rename = "resource")]
    pub(super) resources: Vec<ResourceSection>,
    #[serde(default, rename = "group")]
    pub(super) groups: Vec<GroupSection>,
    pub(super) inventory: Option<InventorySection>,
    #[serde(default, rename = "shape")]
    pub(super) shapes: Vec<ShapeSection>,
    pub(super) order: Option<Spanned<OrderSection>>,
    pub(super) failover: Option<Spanned<FailoverSection>>,
    #[serde(default, rename = "scenario")]
    pub(super) scenarios: Vec<ScenarioSection>,
    #[serde(default, rename = "slo")]
    pub(super) slos: Vec<SloSection>,
    #[serde(default, rename = "law")]
    pub(super) laws: Vec<LawSection>,
    #[serde(default)]
    pub(super) idle: IdleSection,
    #[serde(default)]
    pub(super) overprovisioned: OverprovisionedSection,
    pub(super) zombie: Option<ZombieSection>,
}

#[derive(serde::Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct StudySection {
    pub(super) name: Option<String>,
    #[serde(deserialize_with = "written")]
    pub(super) as_of: Option<Timestamp>,
    pub(super) horizon: Option<Spanned<Span>>,
    pub(super) lead_time: Option<Spanned<Span>>,
    pub(super) step: Option<Spanned<Span>>,
    pub(super) by: Option<Spanned<Vec<String>>>,
    #[serde(deserialize_with = "written")]
    pub(super) ignore_before: Option<Timestamp>,
    pub(super) false_discovery_rate: Option<Spanned<f64>>,
    pub(super) seed: Option<u64>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ResourceSection {
    pub(super) name: Spanned<String>,
    pub(super) usage: Text<Selector>,
    #[serde(default)]
    pub(super) kind: KindWord,
    pub(super) limit: Option<Spanned<LimitWord>>,
    #[serde(default, deserialize_with = "written")]
    pub(super) unit: Option<Unit>,
    pub(super) limit_unit: Option<Spanned<Text<Unit>>>,
    pub(super) safety_margin: Option<Spanned<f64>>,
    #[serde(default, rename = "where", deserialize_with = "written")]
    pub(super) filter: Option<Selector>,
    #[serde(default)]
    pub(super) role: Option<Role>,
}

#[derive(serde::Deserialize, Default, Clone, Copy)]
#[serde(rename_all = "lowercase")]
pub(super) enum KindWord {
    #[default]
    Gauge,
    Counter,
}

#[derive(serde::Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Role {
    Capacity,
    Evidence,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GroupSection {
    pub(super) name: Spanned<String>,
    pub(super) by: Spanned<Vec<String>>,
    pub(super) pool: Option<Spanned<bool>>,
}

#[derive(serde::Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct IdleSection {
    pub(super) below: Option<BTreeMap<Spanned<String>, Scalar>>,
    pub(super) burst: BTreeMap<Spanned<String>, Scalar>,
    pub(super) share: Option<Spanned<f64>>,
    pub(super) window: Option<Spanned<Window>>,
    pub(super) minimum_age: Option<Span>,
    pub(super) minimum_coverage: Option<Spanned<f64>>,
}

#[derive(serde::Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct OverprovisionedSection {
    pub(super) resources: Option<Vec<Spanned<String>>>,
    pub(super) quantile: Option<Spanned<f64>>,
    pub(super) below: Option<Spanned<f64>>,
    pub(super) headroom: Option<Spanned<f64>>,
    pub(super) window: Option<Spanned<Window>>,
    pub(super) minimum_age: Option<Span>,
}

/// A limit as written.
pub(super) enum LimitWord {
    Number(f64),
    Metric(Selector),
}

impl<'de> Deserialize<'de> for LimitWord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Integer(number) => Ok(Self::Number(number as f64)),
            Value::Float(number) => Ok(Self::Number(number)),
            Value::String(text) => text.parse().map(Self::Metric).map_err(D::Error::custom),
            _ => Err(D::Error::custom("write a number, or a selector in quotes")),
        }
    }
}

/// How far back: a length of time, or `"all"`.
#[derive(Clone, Copy)]
pub(super) struct Window(pub(super) Option<Span>);

impl<'de> Deserialize<'de> for Window {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.as_str() {
            "all" => Ok(Self(None)),
            text => text.parse().map(|span| Self(Some(span))).map_err(D::Error::custom),
        }
    }
}

/// A number, or a text that holds one and a unit.
pub(super) struct Scalar(pub(super) String);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Integer(number) => Ok(Self(number.to_string())),
            Value::Float(number) => Ok(Self(number.to_string())),
            Value::String(text) => Ok(Self(text)),
            _ => Err(D::Error::custom("write \"5%\" of the limit, \"2 KB/s\", or a number")),
        }
    }
}

/// A value that is written as text.
pub(super) struct Text<T>(pub(super) T);

impl<'de, T: FromStr<Err = Error>> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = match Value::deserialize(deserializer)? {
            Value::String(text) => text,
            // A date may stand without quotes.
            Value::Datetime(date) => date.to_string(),
            _ => return Err(D::Error::custom("write a text in quotes")),
        };
        text.parse().map(Self).map_err(D::Error::custom)
    }
}

fn written<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err = Error>,
{
    Text::deserialize(deserializer).map(|text| Some(text.0))
}

/// Reads the sections and keys.
pub(super) fn file(text: &str, origin: &str) -> Result<File> {
    let place = Place { text, origin };
    toml::from_str(text).map_err(|why| place.error(why.span().unwrap_or(0..0), broken(text, &why)))
}

/// What is wrong with a text, in words for people, with the key whose value it is.
pub(in crate::capacity) fn broken(text: &str, why: &toml::de::Error) -> String {
    let message = why
        .message()
        .replace('\n', " ")
        .replace("expected f64", "expected a number")
        .replace("expected u64", "expected a whole number from 0 on")
        .replace("u64 value was too large", "the number is too large");
    let before = why.span().and_then(|at| text.get(..at.start)).unwrap_or("").trim_end();
    let key = before.strip_suffix('=').map(str::trim_end);
    let key = key.and_then(|before| before.rsplit([' ', '\t', '\n', '{', ',']).next());
    match key {
        Some(key) => format!("{key}: {message}"),
        None => message,
    }
}
