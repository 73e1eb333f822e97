//! Zombies: hosts that work for nobody. Published rules as data, and what they say of a host.
//!
//! In: a [`RulePack`] (a TOML text), the metrics of one host after the other, what its owner says
//! of it, and the day. Out: the verdict of each rule with the number that decided it, a verdict of
//! all with the grade of its evidence, the stage of what is done about it, and what it would save.
//! Never: a file, a clock, or a missing metric that is read as zero.
//!
//! `docs/method/zombie.md` has the rules and their sources.
//!
//! ```
//! use plimsoll::capacity::zombie::{HostFacts, HostReducer, RulePack, Verdict, judge};
//! use plimsoll::{Span, Timestamp};
//!
//! let pack = RulePack::published();
//! let (start, days) = (Timestamp::from_seconds(0), 100);
//! let now = start.plus(Span::from_days(days));
//! let idle = vec![0.01; 24 * days as usize];
//! let mut host = HostReducer::new(&pack, now, Span::HOUR)?;
//! host.add(start, &[("cpu_share", &idle), ("cpu_cores", &idle)])?;
//! let found = judge(&pack, &host.finish(), &HostFacts::default());
//! // Cloud Custodian's rule asks for cpu only; all others miss the network.
//! assert_eq!((found.verdict, found.judged, found.agree), (Verdict::Zombie, 1, 1));
//! # Ok::<(), plimsoll::Error>(())
//! ```

mod fleet;
mod history;
mod judge;
mod metric;
mod pack;
mod parse;
mod reduce;
mod rule;
mod savings;
mod source;
mod stage;
mod verdict;

pub use fleet::{Judged, ZombieHost, ZombieReport, ZombieSavings};
pub use history::Recurrence;
pub use judge::judge;
pub use metric::{BUILT_IN, unit_of};
pub use pack::{
    Condition, Level, Needed, Per, Policy, Rule, RulePack, Statistic, Test, WhenMissing,
};
pub use reduce::{HostReducer, HostUse, typical_spacing};
pub use savings::{Claim, Class, ClassSavings, savings};
pub use source::{CapacitySource, HostSources, MetricSource, NamedSource};
pub use stage::{Ledger, Position, Stage, stage_at};
pub use verdict::{ConditionFinding, Grade, HostFacts, HostVerdict, Outcome, RuleVerdict, Verdict};

#[cfg(test)]
mod tests;
