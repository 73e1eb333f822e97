//! What can be said of a host, and of what it is said.

use super::history::Recurrence;
use super::savings::Class;
use crate::model::{Span, Timestamp};

/// What is said of a host, by one rule or by all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Verdict {
    /// It works for nobody.
    Zombie,
    /// It cannot be said.
    #[default]
    Undetermined,
    /// It works, or is kept on purpose.
    InUse,
}

/// How strong the evidence against a zombie is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    /// One rule only, or rules that differ, or a history that could hide a monthly job.
    Low,
    /// Neither low nor high.
    Fair,
    /// Three rules or more, all agree, on evidence of two kinds, over a quarter or a whole life.
    High,
}

/// What the owner says of a host.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HostFacts {
    /// Its labels: name and value. An empty value, `0`, `no`, `none`, `false` and `-` say no.
    pub labels: Vec<(String, String)>,
    /// Since when it is there. Default: not known.
    pub born: Option<Timestamp>,
}

/// Whether a condition holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It holds.
    Met,
    /// It does not, whatever is not known.
    Failed,
    /// It cannot be said, and why.
    Unknown(String),
}

/// What was measured for one condition.
#[derive(Debug, Clone, PartialEq)]
pub struct ConditionFinding {
    /// The tests in words: `cpu_share below 5%`.
    pub tests: String,
    /// Whether it holds.
    pub outcome: Outcome,
    /// The share of the units of time in which it held, or their number, or the statistic of the
    /// window; `None` without data.
    pub measured: Option<f64>,
    /// What it is held against.
    pub needed: f64,
    /// Both in words: `96.9% of the samples, 97% needed`.
    pub words: String,
}

/// What one rule says of a host.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleVerdict {
    /// The index of the rule.
    pub rule: usize,
    /// What it says.
    pub verdict: Verdict,
    /// What decided it.
    pub reason: String,
    /// One for each condition.
    pub conditions: Vec<ConditionFinding>,
    /// Work that comes less often than the window of the rule is long.
    pub recurrence: Recurrence,
}

/// What all rules together say of a host.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HostVerdict {
    /// What they say.
    pub verdict: Verdict,
    /// Of a zombie: why it is not needed; of a host in use: whether it is too large.
    pub class: Option<Class>,
    /// Of a zombie: how strong the evidence is.
    pub grade: Option<Grade>,
    /// It would be a zombie but for a label, or for a regular job that comes seldom.
    pub kept: bool,
    /// Rules that say it is a zombie.
    pub agree: usize,
    /// Rules that could say.
    pub judged: usize,
    /// How long its history is.
    pub known: Span,
    /// Of a zombie: since when no day was busier than those on which the verdict rests, to so many
    /// rules as make it one.
    pub quiet_since: Option<Timestamp>,
    /// What decided the verdict and the grade.
    pub reasons: Vec<String>,
    /// One for each rule.
    pub rules: Vec<RuleVerdict>,
}

impl Verdict {
    /// The verdict in capitals, as rules print it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Zombie => "ZOMBIE",
            Self::Undetermined => "UNDETERMINED",
            Self::InUse => "IN USE",
        }
    }
}

impl RuleVerdict {
    /// Whether all its conditions hold, and only a regular job speaks against it.
    pub(super) fn is_kept_for_its_job(&self) -> bool {
        let holds = self.conditions.iter().all(|found| found.outcome == Outcome::Met);
        let regular = matches!(self.recurrence, Recurrence::Regular { .. });
        self.verdict == Verdict::InUse && holds && regular
    }
}

impl Grade {
    /// The grade in a word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Fair => "fair",
            Self::High => "high",
        }
    }
}

impl HostFacts {
    /// The first of the labels that is set.
    pub(super) fn set<'n>(&self, names: &'n [String]) -> Option<&'n str> {
        let says_no = |value: &str| {
            let value = value.trim().to_ascii_lowercase();
            matches!(value.as_str(), "" | "0" | "no" | "none" | "false" | "-")
        };
        let is_set = |name: &&String| {
            self.labels.iter().any(|(label, value)| label == *name && !says_no(value))
        };
        names.iter().find(is_set).map(String::as_str)
    }
}
