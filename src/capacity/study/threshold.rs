//! Thresholds: "5%" of a limit, or an amount.

use std::str::FromStr;

use super::show;
use crate::error::{Error, Result};
use crate::model::Unit;
use crate::model::limits::is_amount;

/// A level of usage to compare with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Threshold {
    /// A share of the limit, 1 for all of it.
    Share(f64),
    /// An amount in the unit of the resource.
    Amount(f64),
}

impl Threshold {
    /// The level in the unit of the usage; `None` where it is a share of an unknown limit.
    pub fn level(self, limit: Option<f64>) -> Option<f64> {
        match self {
            Self::Share(share) => limit.map(|limit| share * limit),
            Self::Amount(amount) => Some(amount),
        }
    }

    /// The threshold for people, with the unit of its resource.
    pub fn show(self, unit: Option<&Unit>) -> String {
        match self {
            Self::Share(share) => format!("{}% of its limit", trim(share * 100.0)),
            Self::Amount(amount) => show(unit, amount),
        }
    }

    /// Reads `5%` (of the limit), `2 KB/s` (converted to `unit`) or `300` (in `unit`).
    pub(super) fn read(text: &str, unit: Option<&Unit>) -> Result<Self> {
        let text = text.trim();
        let digits = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
        let (number, written) = text.split_at(digits);
        let number = f64::from_str(number).map_err(|_| refused(text))?;
        if !is_amount(number) {
            return Err(refused(text));
        }
        match written.trim() {
            "" => Ok(Self::Amount(number)),
            "%" if number <= 100.0 => Ok(Self::Share(number / 100.0)),
            "%" => Err(Error::invalid(format!("{text:?} is more than the whole limit"))),
            written => {
                let from: Unit = written.parse()?;
                let Some(to) = unit else {
                    return Err(Error::invalid(format!(
                        "{text:?} has a unit and its resource has none; give the resource a unit"
                    )));
                };
                let factor = from.factor_to(to).ok_or_else(|| {
                    Error::invalid(format!(
                        "{text:?} cannot be compared with a usage in {to}; write the amount in {to}"
                    ))
                })?;
                Ok(Self::Amount(number * factor))
            }
        }
    }
}

fn refused(text: &str) -> Error {
    Error::invalid(format!(
        "{text:?} is no threshold; write \"5%\" of the limit, \"2 KB/s\", or a number"
    ))
}

/// At most one decimal, none where it is zero.
fn trim(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_read_and_print() {
        let unit: Unit = "B/s".parse().unwrap();
        for (text, expected, shown) in [
            ("5%", Threshold::Share(0.05), "5% of its limit"),
            ("2.5 %", Threshold::Share(0.025), "2.5% of its limit"),
            ("2 KB/s", Threshold::Amount(2_000.0), "2.00 KB/s"),
            ("300", Threshold::Amount(300.0), "300 B/s"),
        ] {
            let found = Threshold::read(text, Some(&unit)).unwrap();
            assert_eq!((found, found.show(Some(&unit)).as_str()), (expected, shown));
        }
        for text in ["", "%", "x", "-1", "150%", "2 MHz", "1.2.3", "1e9999"] {
            assert!(Threshold::read(text, Some(&unit)).is_err(), "{text:?}");
        }
        assert!(Threshold::read("2 KB/s", None).unwrap_err().to_string().contains("give the"));
    }
}
