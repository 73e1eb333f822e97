//! A rule pack as it is written, and the checks that make it one.

use std::collections::BTreeMap;
use std::ops::Range;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error as _};
use toml::{Spanned, Value};

use super::metric::unit_of;
use super::pack::{
    Condition, Level, Needed, Per, Policy, Rule, RulePack, Statistic, Test, WhenMissing,
};
use super::savings::Class;
use super::stage::Stage;
use super::verdict::Grade;
use crate::capacity::study::parse::broken;
use crate::error::{Error, Result};
use crate::model::{Span, Unit};

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    policy: PolicySection,
    #[serde(default)]
    floor: BTreeMap<Spanned<String>, Amount>,
    #[serde(default)]
    metric: BTreeMap<Spanned<String>, Spanned<String>>,
    #[serde(default, rename = "rule")]
    rules: Vec<RuleSection>,
    #[serde(default, rename = "stage")]
    stages: Vec<StageSection>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicySection {
    agreement: Spanned<f64>,
    coverage: Spanned<f64>,
    month: Span,
    quarter: Span,
    silent: Span,
    #[serde(default)]
    keep: Vec<String>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleSection {
    name: Spanned<String>,
    source: String,
    #[serde(default)]
    published: String,
    #[serde(default)]
    reading: String,
    #[serde(default)]
    finding: Class,
    window: Spanned<Span>,
    minimum_age: Option<Span>,
    minimum_data: Option<Span>,
    #[serde(default)]
    except: Vec<String>,
    #[serde(default)]
    missing: WhenMissing,
    #[serde(default, rename = "condition")]
    conditions: Vec<Spanned<ConditionSection>>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct ConditionSection {
    #[serde(default)]
    per: Per,
    share: Option<f64>,
    units: Option<u32>,
    tests: Vec<Spanned<TestSection>>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct TestSection {
    metric: String,
    #[serde(default)]
    statistic: Statistic,
    below: Option<Amount>,
    at_most: Option<Amount>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct StageSection {
    name: String,
    day: Spanned<u32>,
    grade: Grade,
    does: String,
    undo: String,
}

/// A number, or a text that holds one and a unit.
struct Amount(String);

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Integer(number) => Ok(Self(number.to_string())),
            Value::Float(number) => Ok(Self(number.to_string())),
            Value::String(text) => Ok(Self(text)),
            _ => Err(D::Error::custom("write a number, or \"5%\", or \"2 KB/s\"")),
        }
    }
}

/// A text and its name, to turn a place in it into `file:line`.
struct Place<'a> {
    text: &'a str,
    origin: &'a str,
}

impl Place<'_> {
    fn error(&self, at: Range<usize>, what: impl Into<String>) -> Error {
        let before = self.text.get(..at.start).unwrap_or("");
        let line = before.matches('\n').count() as u64 + 1;
        Error::Parse { origin: self.origin.to_owned(), line, what: what.into() }
    }

    fn part(&self, agreement: &Spanned<f64>) -> Result<f64> {
        let part = *agreement.get_ref();
        if (0.0..1.0).contains(&part) {
            return Ok(part);
        }
        Err(self.error(agreement.span(), "agreement is a share from 0 to below 1"))
    }

    fn share(&self, written: &Spanned<f64>, name: &str) -> Result<f64> {
        let share = *written.get_ref();
        if share > 0.0 && share <= 1.0 {
            return Ok(share);
        }
        Err(self.error(written.span(), format!("{name} is a share above 0, up to 1")))
    }
}

/// Reads and checks a pack.
pub(super) fn pack(text: &str, origin: &str) -> Result<RulePack> {
    let place = Place { text, origin };
    let file: File = toml::from_str(text)
        .map_err(|why| place.error(why.span().unwrap_or(0..0), broken(text, &why)))?;
    let mut metrics: Vec<(String, Unit)> = Vec::new();
    for (name, unit) in file.metric {
        if unit_of(name.get_ref()).is_some() {
            let what = format!("{} is built in, and has its unit", name.get_ref());
            return Err(place.error(name.span(), what));
        }
        let read = unit.get_ref().parse().map_err(|why| wrap(&place, unit.span(), &why))?;
        metrics.push((name.into_inner(), read));
    }
    let unit = |name: &str| unit_of_either(&metrics, name);
    let mut floors = Vec::new();
    for (name, amount) in file.floor {
        let unit = unit(name.get_ref());
        let unit = unit.ok_or_else(|| place.error(name.span(), unknown(name.get_ref())))?;
        let value = amount_in(&amount.0, &unit).map_err(|why| wrap(&place, name.span(), &why))?;
        floors.push((name.into_inner(), value));
    }
    let policy = Policy {
        agreement: place.part(&file.policy.agreement)?,
        coverage: place.share(&file.policy.coverage, "coverage")?,
        month: file.policy.month,
        quarter: file.policy.quarter,
        silent: file.policy.silent,
        keep: file.policy.keep,
    };
    let mut rules: Vec<Rule> = Vec::new();
    for section in file.rules {
        if rules.iter().any(|known| known.name == *section.name.get_ref()) {
            let what = format!("there is another rule {:?}", section.name.get_ref());
            return Err(place.error(section.name.span(), what));
        }
        rules.push(rule(section, &place, &unit)?);
    }
    if rules.is_empty() {
        return Err(place.error(0..0, "a pack needs a [[rule]]"));
    }
    Ok(RulePack { policy, floors, rules, stages: stages(file.stages, &place)?, metrics })
}

fn rule(
    section: RuleSection,
    place: &Place<'_>,
    unit: &impl Fn(&str) -> Option<Unit>,
) -> Result<Rule> {
    let window = *section.window.get_ref();
    if window < Span::HOUR {
        return Err(place.error(section.window.span(), "a window is 1h or longer"));
    }
    if section.conditions.is_empty() {
        let what = format!("rule {:?} needs a [[rule.condition]]", section.name.get_ref());
        return Err(place.error(section.name.span(), what));
    }
    let conditions = section.conditions.into_iter().map(|c| condition(c, window, place, unit));
    Ok(Rule {
        conditions: conditions.collect::<Result<_>>()?,
        name: section.name.into_inner(),
        source: section.source,
        published: section.published,
        reading: section.reading,
        finding: section.finding,
        window,
        minimum_age: section.minimum_age.unwrap_or(window),
        minimum_data: section.minimum_data,
        except: section.except,
        missing: section.missing,
    })
}

fn condition(
    section: Spanned<ConditionSection>,
    window: Span,
    place: &Place<'_>,
    unit: &impl Fn(&str) -> Option<Unit>,
) -> Result<Condition> {
    let (span, section) = (section.span(), section.into_inner());
    let refused = |what: &str| Err(place.error(span.clone(), what));
    if section.per == Per::Day && window < Span::DAY {
        return refused("days take a window of 1d or longer");
    }
    let needed = match (section.per, section.share, section.units) {
        (Per::Window, None, None) => Needed::Share(1.0),
        (Per::Window, ..) => return refused("per = \"window\" is one unit; leave share and units"),
        (_, Some(share), None) if share > 0.0 && share <= 1.0 => Needed::Share(share),
        (_, Some(_), None) => return refused("share is above 0, up to 1"),
        (_, None, Some(units)) if units > 0 => Needed::Units(units),
        _ => return refused("write share = 0.95 of the time, or units = 4 of the window"),
    };
    if section.tests.is_empty() {
        return refused("a condition needs a test");
    }
    let tests = section.tests.into_iter().map(|written| {
        let (span, written) = (written.span(), written.into_inner());
        test(written, section.per, unit).map_err(|why| wrap(place, span, &why))
    });
    Ok(Condition { per: section.per, needed, tests: tests.collect::<Result<_>>()? })
}

fn test(section: TestSection, per: Per, unit: impl Fn(&str) -> Option<Unit>) -> Result<Test> {
    let TestSection { metric, statistic, below, at_most } = section;
    let unit = unit(&metric).ok_or_else(|| Error::invalid(unknown(&metric)))?;
    let unit = match statistic {
        Statistic::Mean | Statistic::Max => unit,
        Statistic::Sum if per == Per::Sample => {
            return Err(Error::invalid("a sum is taken per hour, day or window"));
        }
        Statistic::Sum => {
            unit.as_str().strip_suffix("/s").unwrap_or_default().parse().map_err(|_| {
                Error::invalid(format!("a sum is taken of a rate, and {metric} is in {unit}"))
            })?
        }
    };
    let (amount, including) = match (below, at_most) {
        (Some(amount), None) => (amount, false),
        (None, Some(amount)) => (amount, true),
        _ => return Err(Error::invalid("a test needs below or at_most, and not both")),
    };
    let value = amount_in(&amount.0, &unit)?;
    Ok(Test { metric, statistic, level: Level { value, including, unit } })
}

fn stages(sections: Vec<StageSection>, place: &Place<'_>) -> Result<Vec<Stage>> {
    let mut stages: Vec<Stage> = Vec::new();
    for StageSection { name, day, grade, does, undo } in sections {
        let last = stages.last();
        if last.is_some_and(|last| last.day >= *day.get_ref() || last.grade > grade) {
            let what = "a later stage has a later day, and takes no lower grade";
            return Err(place.error(day.span(), what));
        }
        if undo.trim().is_empty() {
            return Err(place.error(day.span(), "say how the stage is undone"));
        }
        stages.push(Stage { name, day: day.into_inner(), grade, does, undo });
    }
    Ok(stages)
}

fn unit_of_either(metrics: &[(String, Unit)], name: &str) -> Option<Unit> {
    let own = metrics.iter().find(|(known, _)| known == name);
    own.map(|(_, unit)| unit.clone()).or_else(|| unit_of(name))
}

fn unknown(metric: &str) -> String {
    let known: Vec<&str> = super::metric::BUILT_IN.iter().map(|(name, _)| *name).collect();
    let known = known.join(", ");
    format!("{metric:?} is no metric: give its unit under [metric], or write one of {known}")
}

fn wrap(place: &Place<'_>, at: Range<usize>, why: &Error) -> Error {
    place.error(at, why.to_string())
}

/// Reads `5%`, `2 KB/s` or `300`, and converts it to `unit`.
pub(super) fn amount_in(text: &str, unit: &Unit) -> Result<f64> {
    let text = text.trim();
    let digits = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, written) = text.split_at(digits);
    let number = f64::from_str(number).ok().filter(|number| number.is_finite());
    let number = number.ok_or_else(|| {
        Error::invalid(format!("{text:?} is no amount; write a number, or \"5%\", or \"2 KB/s\""))
    })?;
    match written.trim() {
        "" => Ok(number),
        // Divided, so that 5% is the number that 0.05 is.
        "%" if unit.as_str() == "ratio" => Ok(number / 100.0),
        written => {
            let from: Unit = written.parse()?;
            let factor = from.factor_to(unit);
            factor.map(|factor| number * factor).ok_or_else(|| {
                Error::invalid(format!("{text:?} does not convert to {unit}, the unit here"))
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = "[policy]\nagreement = 0.5\ncoverage = 0.8\nmonth = \"32d\"\n\
                          quarter = \"93d\"\nsilent = \"1d\"\n";
    const RULE: &str = "[[rule]]\nname = \"mine\"\nsource = \"us\"\nwindow = \"14d\"\n";

    #[test]
    fn a_pack_of_ones_own_is_read() {
        let text = format!(
            "{POLICY}[metric]\nconnections = \"connections\"\n[floor]\nreceived = \"0.3 KB/s\"\n\
             {RULE}missing = \"skip\"\nfinding = \"powered_off\"\n\
             [[rule.condition]]\nper = \"day\"\n\
             units = 7\ntests = [{{ metric = \"connections\", at_most = 0 }}]\n"
        );
        let pack = RulePack::parse(&text, "rules.toml").unwrap();
        assert_eq!(pack.floors, [("received".to_owned(), 300.0)]);
        let rule = &pack.rules[0];
        assert_eq!((rule.missing, rule.finding), (WhenMissing::Skip, Class::PoweredOff));
        assert_eq!((rule.minimum_age, rule.window), (Span::from_days(14), Span::from_days(14)));
        assert_eq!(rule.conditions[0].needed, Needed::Units(7));
        assert!(rule.conditions[0].tests[0].level.holds(0.0));
        assert!(pack.stages.is_empty());
    }

    #[test]
    fn mistakes_are_told_with_their_line() {
        let condition =
            |condition: &str| format!("{POLICY}{RULE}[[rule.condition]]\n{condition}\n");
        let test = |test: &str| condition(&format!("share = 1.0\ntests = [{{ {test} }}]"));
        let stage = "[[stage]]\nname = \"a\"\ngrade = \"low\"\ndoes = \"\"\nundo = \"u\"\nday = ";
        let good = test("metric = \"sent\", below = 1");
        for (text, line, what) in [
            (POLICY.replace("0.5", "1.0"), 2, "agreement is a share from 0 to below 1"),
            (POLICY.replace("0.8", "0.0"), 3, "coverage is a share above 0, up to 1"),
            (
                POLICY.replace("0.8", "\"x\""),
                3,
                "coverage: invalid type: string \"x\", expected a n",
            ),
            (POLICY.to_owned(), 1, "a pack needs a [[rule]]"),
            (format!("{POLICY}{RULE}"), 8, "rule \"mine\" needs a [[rule.condition]]"),
            (good.replace("14d", "59m"), 10, "a window is 1h or longer"),
            (format!("{good}{RULE}"), 15, "there is another rule \"mine\""),
            (format!("{POLICY}[floor]\nsend = 1\n{RULE}"), 8, "\"send\" is no metric"),
            (format!("{POLICY}[metric]\nsent = \"B\"\n{RULE}"), 8, "sent is built in"),
            (test("metric = \"sent\""), 13, "a test needs below or at_most, and not both"),
            (test("metric = \"sent\", below = \"1 MHz\""), 13, "\"1 MHz\" does not convert to B/s"),
            (test("metric = \"sent\", below = \"-1\""), 13, "\"-1\" is no amount"),
            (test("metric = \"cpu_share\", statistic = \"sum\", below = 1"), 13, "a sum is taken"),
            (condition("share = 2.0\ntests = []"), 11, "share is above 0, up to 1"),
            (condition("tests = []"), 11, "write share = 0.95 of the time"),
            (condition("share = 1.0\ntests = []"), 11, "a condition needs a test"),
            (
                condition("per = \"window\"\nunits = 1\ntests = []"),
                11,
                "per = \"window\" is one unit",
            ),
            (format!("{good}{stage}9\n{stage}9\n"), 25, "a later stage has a later day"),
            (format!("{good}{}3\n", stage.replace("\"u\"", "\" \"")), 19, "say how the stage"),
        ] {
            let found = RulePack::parse(&text, "rules.toml").unwrap_err().to_string();
            let expected = format!("rules.toml:{line}: {what}");
            assert!(found.starts_with(&expected), "{found}, not {expected} in\n{text}");
        }
    }

    #[test]
    fn amounts_are_the_numbers_that_they_say() {
        let ratio: Unit = "ratio".parse().unwrap();
        for (text, value) in [("5%", 0.05), ("97%", 0.97), ("0.03", 0.03), (" 99.5 % ", 0.995)] {
            assert_eq!(amount_in(text, &ratio).unwrap(), value);
        }
        assert_eq!(amount_in("5 MB", &"B".parse().unwrap()).unwrap(), 5e6);
        assert_eq!(amount_in("0.03 cores", &"cores".parse().unwrap()).unwrap(), 0.03);
    }
}
