//! Numbers as text: correctly rounded, with a shortcut for the short ones that exports are made of.

/// What a cell holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number {
    Value(f64),
    /// No sample: empty, or one of [`MISSING`].
    Missing,
    Bad,
}

/// Texts that mean "no sample", in any case; an empty cell and any spelling of NaN do as well.
const MISSING: [&str; 5] = ["-", "na", "n/a", "null", "none"];

/// Powers of ten up to the longest fraction that [`short_decimal`] takes. All are exact doubles.
const POWERS_OF_TEN: [f64; 18] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17,
];

/// The longest text, sign aside, whose digits fit 64 bits without a check.
const SHORT_BYTES: usize = 18;

/// Reads a trimmed cell. Bit-identical to the standard library's parse for every number; a decimal
/// number beyond the range of doubles is bad rather than infinite.
pub(super) fn read(text: &[u8]) -> Number {
    match short_decimal(text) {
        Some(value) => Number::Value(value),
        None => read_any(text),
    }
}

/// As [`read`], where a comma separates the fraction. A point is bad then: `1.234` may mean either.
pub(super) fn read_decimal_comma(text: &[u8]) -> Number {
    let Some(comma) = text.iter().position(|b| *b == b',') else {
        return if text.contains(&b'.') { Number::Bad } else { read(text) };
    };
    let mut copy = [0; 64];
    let Some(copy) = copy.get_mut(..text.len()).filter(|_| !text.contains(&b'.')) else {
        return Number::Bad;
    };
    copy.copy_from_slice(text);
    if let Some(byte) = copy.get_mut(comma) {
        *byte = b'.';
    }
    read(copy)
}

#[cold]
fn read_any(text: &[u8]) -> Number {
    let Ok(text) = std::str::from_utf8(text) else { return Number::Bad };
    match text.parse::<f64>() {
        Ok(value) if value.is_nan() => Number::Missing,
        Ok(value) if value.is_infinite() && !text.contains(['i', 'I']) => Number::Bad,
        Ok(value) => Number::Value(value),
        Err(_) if text.is_empty() => Number::Missing,
        Err(_) if MISSING.iter().any(|m| m.eq_ignore_ascii_case(text)) => Number::Missing,
        Err(_) => Number::Bad,
    }
}

/// The value of `-?digits[.digits]` where digits and power of ten are both exact doubles, so that
/// their quotient is rounded once and hence correctly (Clinger, "How to read floating point numbers
/// accurately", 1990). `None` for anything else.
fn short_decimal(text: &[u8]) -> Option<f64> {
    let (negative, digits) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        _ => (false, text),
    };
    if digits.len() > SHORT_BYTES {
        return None;
    }
    let mut mantissa = 0_u64;
    let mut point = None;
    for (at, byte) in digits.iter().enumerate() {
        match byte {
            b'0'..=b'9' => mantissa = mantissa * 10 + u64::from(byte - b'0'),
            b'.' if point.is_none() => point = Some(at + 1),
            _ => return None,
        }
    }
    let fraction = point.map_or(0, |behind| digits.len() - behind);
    let count = digits.len() - usize::from(point.is_some());
    if count == 0 || mantissa > 1 << f64::MANTISSA_DIGITS {
        return None;
    }
    let size = mantissa as f64 / POWERS_OF_TEN.get(fraction)?;
    Some(if negative { -size } else { size })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bits(number: Number) -> Option<u64> {
        match number {
            Number::Value(value) => Some(value.to_bits()),
            _ => None,
        }
    }

    #[test]
    fn rules_of_cells() {
        for text in ["", "-", "NA", "n/a", "NaN", "nan", "-NaN", "null", "NULL", "None"] {
            assert_eq!(read(text.as_bytes()), Number::Missing, "{text:?}");
        }
        for text in ["--", ".", "1.2.3", "1,5", "0x10", "1e999", "12%", "1 2", "e5", "\u{661}"] {
            assert_eq!(read(text.as_bytes()), Number::Bad, "{text:?}");
        }
        for (text, value) in [
            ("0", 0.0),
            ("+1", 1.0),
            ("1.", 1.0),
            (".5", 0.5),
            ("1E3", 1_000.0),
            ("9007199254740993", 9_007_199_254_740_992.0),
            ("-Inf", f64::NEG_INFINITY),
            ("00000000000000000000001.5", 1.5),
        ] {
            assert_eq!(read(text.as_bytes()), Number::Value(value), "{text:?}");
        }
        assert_eq!(bits(read(b"-0.0")), Some((-0.0_f64).to_bits()));
    }

    #[test]
    fn a_decimal_comma_rules_out_the_point() {
        assert_eq!(read_decimal_comma(b"-1,25"), Number::Value(-1.25));
        assert_eq!(read_decimal_comma(b"12"), Number::Value(12.0));
        assert_eq!(read_decimal_comma(b"null"), Number::Missing);
        for text in ["1.5", "1.234,5", "1,2,3", &"1,".repeat(40)] {
            assert_eq!(read_decimal_comma(text.as_bytes()), Number::Bad, "{text:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_096))]

        #[test]
        fn short_numbers_are_bit_identical(text in r"-?[0-9]{0,19}(\.[0-9]{0,19})?") {
            let expected = text.parse::<f64>().ok().map(f64::to_bits);
            prop_assert_eq!(bits(read(text.as_bytes())), expected);
            if let Some(value) = short_decimal(text.as_bytes()) {
                prop_assert_eq!(Some(value.to_bits()), expected);
            }
        }

        #[test]
        fn every_double_reads_back(pattern in any::<u64>()) {
            let value = f64::from_bits(pattern);
            let expected = (!value.is_nan()).then(|| value.to_bits());
            for text in [format!("{value}"), format!("{value:e}")] {
                prop_assert_eq!(bits(read(text.as_bytes())), expected);
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(text in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = (read(&text), read_decimal_comma(&text));
        }
    }
}
