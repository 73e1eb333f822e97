//! Front ends: one-to-one maps from values to integers that the data's own arithmetic suggests.
//!
//! In: values. Out: integers, and corrections for the values that the map misses: the difference of
//! the bit patterns, small ones (the last digits of a quotient that was computed on another way)
//! apart from large ones (NaN, infinities, -0.0, strangers). Never: a value that comes back
//! different, since each is mapped back and compared, by the arithmetic that decoding uses.

#![warn(clippy::indexing_slicing)]

use super::dictionary::Entries;
use super::sparse::{Sparse, take, take_byte};
use super::tag::FrontTag;
use super::varint;
use crate::error::{Error, Result};
use crate::kernel::lanes::Arithmetic;
use crate::kernel::lists::Meaning;

/// Bit patterns that differ by up to this are near.
const NEAR_MAX: u64 = 8;
/// Most decimal digits: 10^22 is the largest power of ten that is an f64.
const DIGITS_MAX: u8 = 22;
/// The largest divisor: above it integers are no longer exact as f64.
const DIVISOR_MAX: u64 = 1 << 53;
/// A share is a share of a hundred.
const PERCENT: f64 = 100.0;

/// A front end with its parameters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Front {
    /// The bit pattern itself, ordered as the numbers are.
    Bits,
    /// `k`.
    Integer,
    /// `k / 10^digits`: numbers that were text.
    Decimal { digits: u8 },
    /// `k / divisor`, a whole number: counts over an interval, means of a few readings.
    Quotient { divisor: f64 },
    /// `k * base`: ticks of any size, pages, sectors.
    Multiple { base: f64 },
    /// `k / divisor * whole / 100`: a percentage of a capacity.
    Share { divisor: f64, whole: f64 },
    /// The place in a list of bit patterns.
    Dictionary { entries: Entries },
}

/// A block as integers.
#[derive(Debug, Clone, Default)]
pub(super) struct Mapped {
    pub(super) latents: Vec<i64>,
    /// Small differences of bit patterns, see [`fold_near`].
    pub(super) near: Sparse,
    /// All other differences, with the sign in the lowest bit.
    pub(super) far: Sparse,
}

impl Front {
    pub(super) const fn tag(self) -> FrontTag {
        match self {
            Self::Bits => FrontTag::Bits,
            Self::Integer => FrontTag::Integer,
            Self::Decimal { .. } => FrontTag::Decimal,
            Self::Quotient { .. } => FrontTag::Quotient,
            Self::Multiple { .. } => FrontTag::Multiple,
            Self::Share { .. } => FrontTag::Share,
            Self::Dictionary { .. } => FrontTag::Dictionary,
        }
    }

    /// Appends the parameters.
    pub(super) fn write(self, out: &mut Vec<u8>) {
        match self {
            Self::Bits | Self::Integer => {}
            Self::Decimal { digits } => out.push(digits),
            Self::Quotient { divisor } => varint::write_u64(out, divisor as u64),
            Self::Multiple { base } => out.extend_from_slice(&base.to_le_bytes()),
            Self::Share { divisor, whole } => {
                varint::write_u64(out, divisor as u64);
                out.extend_from_slice(&whole.to_le_bytes());
            }
            Self::Dictionary { entries } => entries.write(out),
        }
    }

    /// Whether values are computed from integers, rather than looked up.
    pub(super) const fn computes(self) -> bool {
        !matches!(self, Self::Bits | Self::Dictionary { .. })
    }

    /// Bytes of the parameters.
    pub(super) fn parameter_bytes(self) -> usize {
        match self {
            Self::Bits | Self::Integer => 0,
            Self::Decimal { .. } => 1,
            Self::Quotient { divisor } => varint::len_u64(divisor as u64),
            Self::Multiple { .. } => 8,
            Self::Share { divisor, .. } => 8 + varint::len_u64(divisor as u64),
            Self::Dictionary { entries } => entries.bytes(),
        }
    }

    /// Maps `values`.
    pub(super) fn map(self, values: &[f64], mapped: &mut Mapped) {
        match self {
            Self::Bits => mapped.fill(values, ordered, from_ordered),
            Self::Integer => mapped.fill(values, |value| value as i64, |k| k as f64),
            Self::Decimal { digits } => quotients(power_of_ten(digits), values, mapped),
            Self::Quotient { divisor } => quotients(divisor, values, mapped),
            Self::Multiple { base } => {
                let back = |k| Arithmetic::Multiple { base }.value(k as f64);
                mapped.fill(values, |value| rounded(value / base), back);
            }
            Self::Share { divisor, whole } => {
                let scale = PERCENT * divisor / whole;
                let back = |k| Arithmetic::Share { divisor, whole }.value(k as f64);
                mapped.fill(values, |value| rounded(value * scale), back);
            }
            Self::Dictionary { entries } => {
                mapped.fill(values, |value| entries.place(value), |place| entries.value(place));
            }
        }
    }
}

/// Takes the parameters of a front end that computes off the front of `bytes`; none for one that
/// does not.
#[inline]
pub(super) fn read_arithmetic(front: FrontTag, bytes: &mut &[u8]) -> Result<Option<Arithmetic>> {
    Ok(Some(match front {
        FrontTag::Raw
        | FrontTag::Bits
        | FrontTag::Dictionary
        | FrontTag::Ticks
        | FrontTag::Coded
        | FrontTag::Derived => return Ok(None),
        FrontTag::Integer => Arithmetic::Whole,
        FrontTag::Decimal => {
            let digits = take_byte(bytes)?;
            if digits > DIGITS_MAX {
                return Err(Error::decode(format!("{digits} decimal digits")));
            }
            Arithmetic::Quotient { divisor: power_of_ten(digits) }
        }
        FrontTag::Quotient => Arithmetic::Quotient { divisor: read_divisor(bytes)? },
        FrontTag::Multiple => Arithmetic::Multiple { base: read_f64(bytes)? },
        FrontTag::Share => {
            Arithmetic::Share { divisor: read_divisor(bytes)?, whole: read_f64(bytes)? }
        }
    }))
}

impl Mapped {
    /// Appends the lists of corrections that there are.
    pub(super) fn write_corrections(&self, out: &mut Vec<u8>) {
        for list in [&self.near, &self.far] {
            if !list.is_empty() {
                list.encode(self.latents.len(), out);
            }
        }
    }

    /// Only the corrections that turn `predicted` into `values`.
    pub(super) fn fill_corrections(&mut self, values: &[f64], predicted: &[f64]) {
        self.latents.clear();
        self.latents.resize(values.len(), 0);
        self.near.clear();
        self.far.clear();
        for (index, (predicted, value)) in predicted.iter().zip(values).enumerate() {
            let difference = bits_between(*predicted, *value);
            if difference.unsigned_abs() > NEAR_MAX {
                self.far.push(index, varint::zigzag(difference));
            } else if difference != 0 {
                self.near.push(index, fold_near(difference));
            }
        }
    }

    /// Integers and corrections of `values`, by a map and its way back.
    #[inline]
    fn fill(
        &mut self,
        values: &[f64],
        to_integer: impl Fn(f64) -> i64,
        to_value: impl Fn(i64) -> f64,
    ) {
        self.latents.clear();
        self.near.clear();
        self.far.clear();
        // What stands in for a value that has no integer: its predecessor, which no model minds.
        let mut usual = values.iter().find(|v| v.is_finite()).map_or(0, |v| to_integer(*v));
        for (index, &value) in values.iter().enumerate() {
            let mut latent = to_integer(value);
            let mut difference = bits_between(to_value(latent), value);
            if difference != 0 {
                if difference.unsigned_abs() <= NEAR_MAX {
                    self.near.push(index, fold_near(difference));
                } else {
                    if !value.is_finite() || latent.unsigned_abs() > DIVISOR_MAX {
                        latent = usual;
                        difference = bits_between(to_value(latent), value);
                    }
                    self.far.push(index, varint::zigzag(difference));
                }
            }
            usual = latent;
            self.latents.push(latent);
        }
    }
}

/// The difference of two bit patterns, wrapping.
#[inline]
fn bits_between(from: f64, to: f64) -> i64 {
    to.to_bits().wrapping_sub(from.to_bits()) as i64
}

/// Folds a small difference, never 0, into few bits: -1, 1, -2 become 0, 1, 2.
fn fold_near(difference: i64) -> u64 {
    varint::zigzag(difference).wrapping_sub(1)
}

/// What a near correction's number means: the inverse of [`fold_near`].
pub(super) const NEAR: Meaning = Meaning { is_folded: true, more: 1, shift: 0 };
/// What a far correction's number means.
pub(super) const FAR: Meaning = Meaning { is_folded: true, more: 0, shift: 0 };

/// Bit patterns as integers that are ordered as the numbers are.
#[inline]
fn ordered(value: f64) -> i64 {
    flip_negative(value.to_bits() as i64)
}

#[inline]
pub(super) fn from_ordered(latent: i64) -> f64 {
    f64::from_bits(flip_negative(latent) as u64)
}

/// Turns the magnitude of negative numbers around; its own inverse.
#[inline]
const fn flip_negative(bits: i64) -> i64 {
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

/// The nearest integer, halves away from zero; 0 for NaN, the ends of the range beyond them.
#[inline]
fn rounded(value: f64) -> i64 {
    (value + 0.5_f64.copysign(value)) as i64
}

fn quotients(divisor: f64, values: &[f64], mapped: &mut Mapped) {
    let back = |k| Arithmetic::Quotient { divisor }.value(k as f64);
    mapped.fill(values, |value| rounded(value * divisor), back);
}

/// 10^digits, exact.
pub(super) fn power_of_ten(digits: u8) -> f64 {
    (0..digits).fold(1.0, |power, _| power * 10.0)
}

#[inline]
fn read_divisor(bytes: &mut &[u8]) -> Result<f64> {
    let divisor = varint::read_u64(bytes)?;
    if divisor == 0 || divisor > DIVISOR_MAX {
        return Err(Error::decode(format!("divisor {divisor}")));
    }
    Ok(divisor as f64)
}

#[inline]
fn read_f64(bytes: &mut &[u8]) -> Result<f64> {
    let word = take(bytes, 8)?.first_chunk().copied().unwrap_or_default();
    Ok(f64::from_le_bytes(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::lists::Slot;
    use proptest::prelude::*;

    #[test]
    fn powers_of_ten_are_exact() {
        for digits in 0..=DIGITS_MAX {
            let text = format!("1e{digits}");
            assert_eq!(power_of_ten(digits).to_bits(), text.parse::<f64>().unwrap().to_bits());
        }
    }

    #[test]
    fn small_differences_fold_to_few_bits() {
        let differences = [-1, 1, -2, 2, -8, 8];
        assert_eq!(differences.map(fold_near), [0, 1, 2, 3, 14, 15]);
        assert_eq!(differences.map(fold_near).map(|near| NEAR.of(near) as i64), differences);
    }

    proptest! {
        #[test]
        fn bits_keep_their_order(a: f64, b: f64) {
            prop_assert_eq!(from_ordered(ordered(a)).to_bits(), a.to_bits());
            prop_assert_eq!(ordered(a).cmp(&ordered(b)), a.total_cmp(&b));
        }

        #[test]
        fn corrections_lead_from_any_value_to_any_other(a: u64, b: u64) {
            let (mut a, b) = (f64::from_bits(a), f64::from_bits(b));
            a.add(FAR.of(varint::zigzag(bits_between(a, b))));
            prop_assert_eq!(a.to_bits(), b.to_bits());
        }
    }
}
