//! A rule pack: when a host counts as a zombie, what is done about it, and how sure one has to be.

use super::parse;
use super::savings::Class;
use super::stage::Stage;
use crate::error::Result;
use crate::model::{Span, Unit};

/// The published rules, as they are printed.
const PUBLISHED: &str = include_str!("rules.toml");

/// Rules and stages, as read from a TOML text. Every field has been checked: metrics are known,
/// units convert, shares lie in `(0, 1]`, names are unique, stages ascend.
///
/// ```
/// use plimsoll::capacity::zombie::RulePack;
/// let pack = RulePack::published();
/// assert_eq!((pack.rules.len(), pack.stages.len()), (9, 4));
/// let mistake = RulePack::parse("[[rule]]\nname = 'mine'\nsorce = ''", "rules.toml").unwrap_err();
/// assert!(mistake.to_string().starts_with("rules.toml:3: unknown field `sorce`"));
/// ```
#[derive(Debug, Clone)]
pub struct RulePack {
    /// What holds for all rules.
    pub policy: Policy,
    /// What is taken off a metric before anything is compared, in the metric's unit.
    pub floors: Vec<(String, f64)>,
    /// Metrics beside those that are built in, and their units.
    pub metrics: Vec<(String, Unit)>,
    /// The rules, in the order of the text.
    pub rules: Vec<Rule>,
    /// What is done about a zombie, in the order of time.
    pub stages: Vec<Stage>,
}

/// What holds for all rules.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// A host is a zombie where more than this share of the rules that can judge it say so.
    pub agreement: f64,
    /// The share of a window, an hour or a day that must have data.
    pub coverage: f64,
    /// Known history that shows a job of each month.
    pub month: Span,
    /// Known history that shows a job of each quarter.
    pub quarter: Span,
    /// A host without samples for longer is off, gone, or without its agent.
    pub silent: Span,
    /// Labels that keep a host whatever it uses.
    pub keep: Vec<String>,
}

/// One rule: what must hold of a host, and for how long.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Its name in every table.
    pub name: String,
    /// Who published it.
    pub source: String,
    /// What was published.
    pub published: String,
    /// What had to be decided where the source says no more.
    pub reading: String,
    /// What a host is that meets it.
    pub finding: Class,
    /// How far back from now it looks.
    pub window: Span,
    /// Younger hosts are not judged.
    pub minimum_age: Span,
    /// Time with data that it takes, in place of [`Policy::coverage`].
    pub minimum_data: Option<Span>,
    /// It does not speak of hosts with one of these labels.
    pub except: Vec<String>,
    /// What becomes of a test whose metric the host does not have.
    pub missing: WhenMissing,
    /// All must hold.
    pub conditions: Vec<Condition>,
}

/// What becomes of a test whose metric the host does not have. It never counts as zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WhenMissing {
    /// The rule cannot tell, unless the rest shows that the host is in use.
    #[default]
    Undetermined,
    /// The rule goes by its other tests.
    Skip,
}

/// Tests that must hold together, in so many units of time.
#[derive(Debug, Clone)]
pub struct Condition {
    /// The unit of time that is looked at.
    pub per: Per,
    /// In how many of them.
    pub needed: Needed,
    /// What must hold in such a unit, all at once.
    pub tests: Vec<Test>,
}

/// A unit of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Per {
    /// A step of the metrics.
    #[default]
    Sample,
    /// A UTC hour.
    Hour,
    /// A UTC day.
    Day,
    /// The whole window at once.
    Window,
}

/// In how many units of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Needed {
    /// At least this share of those with data.
    Share(f64),
    /// At least so many.
    Units(u32),
}

/// A statistic of a metric, held against a level.
#[derive(Debug, Clone, PartialEq)]
pub struct Test {
    /// The metric.
    pub metric: String,
    /// What the steps of a unit of time come to.
    pub statistic: Statistic,
    /// The level.
    pub level: Level,
}

/// What the steps of a unit of time come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Statistic {
    /// Their mean.
    #[default]
    Mean,
    /// The highest.
    Max,
    /// Of a rate: its mean times the length of the unit of time, so bytes of bytes per second.
    Sum,
}

/// What must not be reached.
#[derive(Debug, Clone, PartialEq)]
pub struct Level {
    /// The level, in `unit`.
    pub value: f64,
    /// Whether the level itself is still low: "at most", not "below".
    pub including: bool,
    /// The unit of the statistic.
    pub unit: Unit,
}

impl RulePack {
    /// Reads a pack; `origin` names the text in errors, which carry the line and the remedy.
    ///
    /// # Errors
    ///
    /// [`Error::Parse`](crate::Error::Parse) for an unknown key, a value out of its range, an
    /// unknown metric, a unit that does not convert, or a name that is there twice.
    pub fn parse(text: &str, origin: &str) -> Result<Self> {
        parse::pack(text, origin)
    }

    /// The text of the nine published rules, to be printed, copied and changed.
    pub const fn published_text() -> &'static str {
        PUBLISHED
    }

    /// The nine published rules.
    ///
    /// # Panics
    ///
    /// Never: that the text is valid is a test.
    pub fn published() -> Self {
        #[expect(clippy::expect_used, reason = "a test reads the same text")]
        parse::pack(PUBLISHED, "the published rules").expect("the published rules are valid")
    }
}

impl Level {
    /// Whether a value is low.
    pub fn holds(&self, value: f64) -> bool {
        if self.including { value <= self.value } else { value < self.value }
    }
}

impl Per {
    /// The length of such a unit of time in `window`, by steps of `step`.
    pub fn span(self, window: Span, step: Span) -> Span {
        match self {
            Self::Sample => step,
            Self::Hour => Span::HOUR,
            Self::Day => Span::DAY,
            Self::Window => window,
        }
    }

    /// Such units, for people.
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Sample => "samples",
            Self::Hour => "hours",
            Self::Day => "days",
            Self::Window => "the window",
        }
    }
}
