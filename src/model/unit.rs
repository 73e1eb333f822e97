//! Units of measurement: enough to compare a usage with its limit and to print both for people.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// The unit of a metric, as written by its owner ("MHz", "KB", "KB/s", "%", "cores").
///
/// Units of one family convert: `KB` to `GiB`, `MHz` to `GHz`, `%` to `ratio`. Any other text is a
/// unit of its own and converts to itself only.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Unit(Box<str>);

/// What a known unit measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Bytes,
    Hertz,
    Ratio,
    Seconds,
}

/// Known units: text, family, how many base units one is. `KB` is 1,000 bytes and `KiB` 1,024.
const KNOWN: [(&str, Family, f64); 24] = [
    ("B", Family::Bytes, 1.0),
    ("KB", Family::Bytes, 1e3),
    ("kB", Family::Bytes, 1e3),
    ("MB", Family::Bytes, 1e6),
    ("GB", Family::Bytes, 1e9),
    ("TB", Family::Bytes, 1e12),
    ("PB", Family::Bytes, 1e15),
    ("KiB", Family::Bytes, 1_024.0),
    ("MiB", Family::Bytes, 1_048_576.0),
    ("GiB", Family::Bytes, 1_073_741_824.0),
    ("TiB", Family::Bytes, 1_099_511_627_776.0),
    ("bytes", Family::Bytes, 1.0),
    ("Hz", Family::Hertz, 1.0),
    ("kHz", Family::Hertz, 1e3),
    ("MHz", Family::Hertz, 1e6),
    ("MHZ", Family::Hertz, 1e6),
    ("GHz", Family::Hertz, 1e9),
    ("THz", Family::Hertz, 1e12),
    ("ratio", Family::Ratio, 1.0),
    ("%", Family::Ratio, 0.01),
    ("percent", Family::Ratio, 0.01),
    ("s", Family::Seconds, 1.0),
    ("ms", Family::Seconds, 1e-3),
    ("us", Family::Seconds, 1e-6),
];

/// Steps for printing, largest first, for families that are scaled for people.
const PRINTED: [(Family, &str, f64); 11] = [
    (Family::Bytes, "PB", 1e15),
    (Family::Bytes, "TB", 1e12),
    (Family::Bytes, "GB", 1e9),
    (Family::Bytes, "MB", 1e6),
    (Family::Bytes, "KB", 1e3),
    (Family::Bytes, "B", 1.0),
    (Family::Hertz, "THz", 1e12),
    (Family::Hertz, "GHz", 1e9),
    (Family::Hertz, "MHz", 1e6),
    (Family::Hertz, "kHz", 1e3),
    (Family::Hertz, "Hz", 1.0),
];

impl Unit {
    /// The text as its owner wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What to multiply a value in this unit by to get it in `other`; `None` where the two measure
    /// different things.
    ///
    /// ```
    /// use plimsoll::Unit;
    /// let (kb, gib): (Unit, Unit) = ("KB".parse()?, "GiB".parse()?);
    /// assert_eq!(kb.factor_to(&gib), Some(1e3 / 1_073_741_824.0));
    /// assert_eq!(kb.factor_to(&"MHz".parse()?), None);
    /// # Ok::<(), plimsoll::Error>(())
    /// ```
    pub fn factor_to(&self, other: &Self) -> Option<f64> {
        if self == other {
            return Some(1.0);
        }
        let (from, from_rate) = self.split();
        let (to, to_rate) = other.split();
        let (from, to) = (known(from)?, known(to)?);
        (from.0 == to.0 && from_rate == to_rate).then(|| from.1 / to.1)
    }

    /// Whether values in the two mean the same, however they are written.
    ///
    /// ```
    /// use plimsoll::Unit;
    /// let (kb, same, mb): (Unit, Unit, Unit) = ("KB".parse()?, "kB".parse()?, "MB".parse()?);
    /// assert!(kb.is_same_as(&same) && !kb.is_same_as(&mb));
    /// # Ok::<(), plimsoll::Error>(())
    /// ```
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.factor_to(other) == Some(1.0)
    }

    /// The unit of what a total in this unit grows by in a second.
    ///
    /// ```
    /// let mb: plimsoll::Unit = "MB".parse()?;
    /// assert_eq!(mb.per_second().show(332.0), "332 MB/s");
    /// # Ok::<(), plimsoll::Error>(())
    /// ```
    #[must_use]
    pub fn per_second(&self) -> Self {
        Self(format!("{}/s", self.0).into())
    }

    /// A value in this unit for people: three significant digits, the unit scaled to fit.
    ///
    /// ```
    /// let kb: plimsoll::Unit = "KB".parse()?;
    /// assert_eq!(kb.show(8_218_624.0), "8.22 GB");
    /// # Ok::<(), plimsoll::Error>(())
    /// ```
    pub fn show(&self, value: f64) -> String {
        let (base, rate) = self.split();
        let rate = if rate { "/s" } else { "" };
        // A size that only its owner's unit can tell stays in it.
        let told = |(_, factor): &(Family, f64)| (value * factor).is_finite() || !value.is_finite();
        if let Some((family, factor)) = known(base).filter(told) {
            let amount = value * factor;
            // A shade below the step, so that what rounds to 1,000 of one is 1 of the next.
            let scaled = || PRINTED.iter().filter(|p| p.0 == family);
            let fits = |p: &&(Family, &str, f64)| amount.abs() >= p.2 * 0.9995;
            // What is below every step is told in the smallest; zero in the step that is nearest to
            // its owner's, so that no GiB stands beside GB.
            let own = |p: &&(Family, &str, f64)| amount == 0.0 && factor >= p.2;
            let small = || scaled().next_back();
            if let Some((_, text, step)) =
                scaled().find(fits).or_else(|| scaled().find(own)).or_else(small)
            {
                return format!("{} {text}{rate}", three_digits(amount / step));
            }
            if family == Family::Ratio {
                return format!("{}%{rate}", three_digits(amount * 100.0));
            }
        }
        format!("{} {}", three_digits(value), self.0).trim_end().to_owned()
    }

    /// The unit without a trailing `/s`, and whether there was one.
    fn split(&self) -> (&str, bool) {
        match self.0.strip_suffix("/s") {
            Some(base) => (base, true),
            None => (&self.0, false),
        }
    }
}

fn known(text: &str) -> Option<(Family, f64)> {
    KNOWN.iter().find(|k| k.0 == text).map(|k| (k.1, k.2))
}

/// From this size on a number has an exponent: its digits would fill the line and say no more.
const EXPONENT_MIN: f64 = 1e15;

/// Three significant digits, thousands written out up to a size that no line has room for; what
/// would round to 0.000 is a bound.
fn three_digits(value: f64) -> String {
    let size = value.abs();
    if (EXPONENT_MIN..f64::INFINITY).contains(&size) {
        return format!("{value:.2e}");
    }
    if size > 0.0 && size < 0.0005 {
        return if value > 0.0 { "<0.001" } else { ">-0.001" }.to_owned();
    }
    let decimals = match size {
        s if s >= 99.95 || s == 0.0 => 0,
        s if s >= 9.995 => 1,
        s if s >= 0.9995 => 2,
        _ => 3,
    };
    format!("{value:.decimals$}")
}

impl serde::Serialize for Unit {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl FromStr for Unit {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim();
        if text.is_empty() || text.len() > 32 || text.chars().any(char::is_control) {
            return Err(Error::invalid(format!(
                "{text:?} is not a unit; write 1 to 32 characters, as in KB, MHz, % or requests/s"
            )));
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(text: &str) -> Unit {
        text.parse().unwrap()
    }

    #[test]
    fn conversion_within_a_family_only() {
        assert_eq!(unit("%").factor_to(&unit("ratio")), Some(0.01));
        assert_eq!(unit("KB/s").factor_to(&unit("MB/s")), Some(1e-3));
        assert_eq!(unit("KB/s").factor_to(&unit("MB")), None);
        assert_eq!(unit("cores").factor_to(&unit("cores")), Some(1.0));
        assert_eq!(unit("cores").factor_to(&unit("apples")), None);
    }

    #[test]
    fn printing_picks_the_step() {
        for (text, value, shown) in [
            ("KB", 999.6, "1.00 MB"),
            ("MHz", 5_851.998_9, "5.85 GHz"),
            ("%", 37.25, "37.2%"),
            ("ratio", 0.5, "50.0%"),
            ("cores", 16.0, "16.0 cores"),
            ("KB/s", 0.0, "0 KB/s"),
            ("GiB", 0.0, "0 GB"),
            ("MHZ", 0.0, "0 MHz"),
            ("bytes", 0.0, "0 B"),
            ("cores", 0.0, "0 cores"),
            ("cores", 1e308, "1.00e308 cores"),
            ("GiB", -1e308, "-1.00e308 GiB"),
            ("KB/s", 0.000_843, "0.843 B/s"),
            ("KB/s", 0.000_000_4, "<0.001 B/s"),
            ("KB", -0.000_000_4, ">-0.001 B"),
            ("MHz", 0.000_000_5, "0.500 Hz"),
            ("cores", 0.000_4, "<0.001 cores"),
            ("requests/s", 41_000.0, "41000 requests/s"),
            ("ratio/s", 0.5, "50.0%/s"),
        ] {
            assert_eq!(unit(text).show(value), shown);
        }
    }

    #[test]
    fn growth_is_per_second() {
        for (text, value, shown) in [
            ("MB", 332.0, "332 MB/s"),
            ("%", 0.25, "0.250%/s"),
            ("s", 0.5, "0.500 s/s"),
            ("a unit as long as a unit may be", 1.0, "1.00 a unit as long as a unit may be/s"),
            ("KB/s", 1.0, "1.00 KB/s/s"),
        ] {
            assert_eq!(unit(text).per_second().show(value), shown);
        }
    }
}
