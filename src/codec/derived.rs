//! A column that is computed from others of the same host: percent times capacity, total less free.
//!
//! In: values, and what a formula makes of the columns it names. Out: the few corrections that make
//! them equal bit for bit. Never: a formula that is trusted: what it misses is corrected, and where
//! it misses much the packed block is shorter and taken.

#![warn(clippy::indexing_slicing)]

use super::column::EncodedColumn;
use super::front::Mapped;
use super::sparse::take_byte;
use super::tag::{FrontTag, Model, Tag};
use super::values::{correct, decode_block};
use super::{ValueCache, encode_values};
use crate::error::{Error, Result};
use crate::model::limits::BLOCK_SAMPLES;

/// How one column follows from one or two others, each computed from left to right.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Formula {
    /// `a * constant`
    Scaled(f64),
    /// `a / constant`
    Divided(f64),
    /// `a + b`
    Sum,
    /// `a - b`
    Difference,
    /// `a * b / constant`
    Product(f64),
    /// `a / b * constant`
    Ratio(f64),
    /// `a * constant / b`
    Share(f64),
}

impl Formula {
    /// How many columns it takes: 1 or 2.
    pub fn sources(self) -> usize {
        match self {
            Self::Scaled(_) | Self::Divided(_) => 1,
            _ => 2,
        }
    }

    /// What it makes of one value each; `b` is not looked at where it takes one. A result that is
    /// no number is 0, since processors differ in the bits of those.
    #[inline]
    pub fn apply(self, a: f64, b: f64) -> f64 {
        let value = match self {
            Self::Scaled(constant) => a * constant,
            Self::Divided(constant) => a / constant,
            Self::Sum => a + b,
            Self::Difference => a - b,
            Self::Product(constant) => a * b / constant,
            Self::Ratio(constant) => a / b * constant,
            Self::Share(constant) => a * constant / b,
        };
        if value.is_nan() { 0.0 } else { value }
    }

    fn parts(self) -> (u8, Option<f64>) {
        match self {
            Self::Scaled(constant) => (0, Some(constant)),
            Self::Divided(constant) => (1, Some(constant)),
            Self::Sum => (2, None),
            Self::Difference => (3, None),
            Self::Product(constant) => (4, Some(constant)),
            Self::Ratio(constant) => (5, Some(constant)),
            Self::Share(constant) => (6, Some(constant)),
        }
    }

    /// The header of a column that follows by it.
    fn header(self) -> Vec<u8> {
        let (number, constant) = self.parts();
        let mut header = vec![number];
        header.extend(constant.into_iter().flat_map(f64::to_le_bytes));
        header
    }

    /// The formula in the header of a derived column.
    pub fn from_header(mut header: &[u8]) -> Result<Self> {
        let number = take_byte(&mut header)?;
        let constant = header.first_chunk().map_or(f64::NAN, |bytes| f64::from_le_bytes(*bytes));
        let formula = match number {
            0 => Self::Scaled(constant),
            1 => Self::Divided(constant),
            2 => Self::Sum,
            3 => Self::Difference,
            4 => Self::Product(constant),
            5 => Self::Ratio(constant),
            6 => Self::Share(constant),
            _ => return Err(Error::decode(format!("unknown formula {number}"))),
        };
        let bytes = if formula.parts().1.is_some() { 8 } else { 0 };
        if header.len() != bytes {
            return Err(Error::decode("a formula's header of the wrong length"));
        }
        Ok(formula)
    }
}

/// Encodes a column as what `formula` makes of the columns `a` and `b`, of the same length (`b` is
/// empty for a formula that takes one), and corrections.
pub fn encode_derived(
    values: &[f64],
    formula: Formula,
    a: &[f64],
    b: &[f64],
    cache: &mut ValueCache,
) -> EncodedColumn {
    let mut column = EncodedColumn { header: formula.header(), ..EncodedColumn::default() };
    let (mut mapped, mut derived, mut packed) = (Mapped::default(), Vec::new(), Vec::new());
    for (at, block) in values.chunks(BLOCK_SAMPLES).enumerate() {
        let places = at * BLOCK_SAMPLES..at * BLOCK_SAMPLES + block.len();
        let source = |column: &'_ [f64]| column.get(places.clone()).unwrap_or(&[]).to_vec();
        mapped.fill_corrections(block, &predict(formula, &source(a), &source(b)));
        derived.clear();
        let (near, far) = (!mapped.near.is_empty(), !mapped.far.is_empty());
        derived
            .push(Tag { near, far, ..Tag::plain(FrontTag::Derived, Model::Reference) }.to_byte());
        mapped.write_corrections(&mut derived);
        packed.clear();
        // What is short already cannot become much shorter.
        if derived.len() > 1 + block.len() / 16 {
            encode_values(block, cache, &mut packed);
        }
        let shorter = packed.is_empty() || derived.len() < packed.len();
        column.push(|out| out.extend_from_slice(if shorter { &derived } else { &packed }));
    }
    column
}

/// Appends exactly `count` values to `out`, from exactly all of `bytes` and the same block of the
/// columns that `formula` takes, or fails and appends none.
pub fn decode_derived(
    bytes: &[u8],
    formula: Formula,
    a: &[f64],
    b: &[f64],
    out: &mut Vec<f64>,
) -> Result<()> {
    let start = out.len();
    let mut rest = bytes;
    let tag = Tag::read(&mut rest)?;
    let decoded = if tag.front == FrontTag::Derived {
        out.extend(predict(formula, a, b));
        correct(tag, rest, out.get_mut(start..).unwrap_or_default())
    } else {
        decode_block(bytes, a.len(), out)
    };
    if decoded.is_err() {
        out.truncate(start);
    }
    decoded
}

fn predict(formula: Formula, a: &[f64], b: &[f64]) -> Vec<f64> {
    if formula.sources() == 1 {
        return a.iter().map(|a| formula.apply(*a, 0.0)).collect();
    }
    a.iter().zip(b).map(|(a, b)| formula.apply(*a, *b)).collect()
}

#[cfg(test)]
impl Formula {
    /// One of each.
    pub(super) const EACH: [Self; 7] = [
        Self::Scaled(1_024.0),
        Self::Divided(60.0),
        Self::Sum,
        Self::Difference,
        Self::Product(100.0),
        Self::Ratio(100.0),
        Self::Share(100.0),
    ];
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::EncodedColumn;
    use crate::kernel::Random;

    fn decode(column: &EncodedColumn, a: &[f64], b: &[f64]) -> Result<Vec<f64>> {
        let formula = Formula::from_header(&column.header)?;
        let mut found = Vec::new();
        for (at, (a, b)) in a.chunks(BLOCK_SAMPLES).zip(b.chunks(BLOCK_SAMPLES)).enumerate() {
            let b = if formula.sources() == 1 { &[] } else { b };
            decode_derived(column.block(at), formula, a, b, &mut found)?;
        }
        Ok(found)
    }

    #[test]
    fn a_computed_column_costs_next_to_nothing_and_strangers_cost_themselves() {
        let mut random = Random::new(4);
        let mut draw = || -> Vec<f64> { (0..2_500).map(|_| random.uniform() * 100.0).collect() };
        let (mut a, b) = (draw(), draw());
        a[77] = f64::NAN;
        for formula in Formula::EACH {
            let mut values: Vec<f64> =
                a.iter().zip(&b).map(|(a, b)| formula.apply(*a, *b)).collect();
            let given = if formula.sources() == 1 { &[][..] } else { &b };
            let mut cache = ValueCache::default();
            let exact = encode_derived(&values, formula, &a, given, &mut cache);
            assert!(exact.bytes() <= 12, "{formula:?}");
            values[5] = values[5].next_up();
            values[6] = 1e300;
            values[7] = f64::from_bits(0xfff8_0000_0000_0001);
            let off = encode_derived(&values, formula, &a, given, &mut cache);
            assert!(off.bytes() < exact.bytes() + 40, "{formula:?}");
            let found = decode(&off, &a, &b).unwrap();
            assert!(found.iter().map(|v| v.to_bits()).eq(values.iter().map(|v| v.to_bits())));
        }
    }

    #[test]
    fn where_the_formula_fails_the_block_is_packed() {
        let mut random = Random::new(5);
        let a: Vec<f64> = (0..2_048).map(|_| random.uniform()).collect();
        let mut values: Vec<f64> = a.iter().map(|a| a * 8.0).collect();
        values[1_024..].fill(3.0);
        let scaled = Formula::Scaled(8.0);
        let column = encode_derived(&values, scaled, &a, &[], &mut ValueCache::default());
        assert!(column.bytes() < 40, "{}", column.bytes());
        assert_eq!(decode(&column, &a, &a).unwrap(), values);
    }

    #[test]
    fn damaged_headers_are_refused() {
        for header in [&[][..], &[7], &[0], &[2, 0], &[0, 1, 2, 3, 4, 5, 6, 7]] {
            assert!(Formula::from_header(header).is_err(), "{header:?}");
        }
        for formula in Formula::EACH {
            assert_eq!(Formula::from_header(&formula.header()).unwrap(), formula);
        }
    }
}
