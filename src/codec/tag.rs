//! The first byte of every encoded block, the only place where these numbers are written down.
//!
//! In and out: one byte. Never: a tag with two meanings; a number, once given, is never given
//! again, and one that is not given is refused.
//!
//! ```text
//!    7     6     5   4     3   2   1   0
//! +-----+------+---------+---------------+
//! | far | near |  model  |   front end   |
//! +-----+------+---------+---------------+
//! ```

#![warn(clippy::indexing_slicing)]

use crate::error::{Error, Result};

const FRONT_MASK: u8 = 0b0000_1111;
const MODEL_SHIFT: u32 = 4;
const MODEL_MASK: u8 = 0b0011_0000;
/// A list of small corrections follows.
const NEAR: u8 = 0b0100_0000;
/// A list of large corrections follows.
const FAR: u8 = 0b1000_0000;

/// How values or times become integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum FrontTag {
    /// Eight bytes a value, nothing else.
    Raw = 0,
    /// The bit pattern, ordered as the numbers are.
    Bits = 1,
    /// `k`.
    Integer = 2,
    /// `k / 10^digits`.
    Decimal = 3,
    /// `k / divisor`.
    Quotient = 4,
    /// `k * base`.
    Multiple = 5,
    /// `k / divisor * whole / 100`.
    Share = 6,
    /// The place in a list of a few distinct bit patterns.
    Dictionary = 7,
    /// Times: differences from the first over a common divisor.
    Ticks = 8,
    /// Front end, model and table of bins are in the column's header.
    Coded = 9,
    /// What the column's formula makes of other columns.
    Derived = 10,
}

/// How integers become small.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Model {
    /// Differences from one reference.
    Reference = 0,
    /// Differences from the integer before.
    Delta = 1,
    /// Differences of differences.
    DeltaOfDelta = 2,
}

/// A block's first byte, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tag {
    pub(super) front: FrontTag,
    pub(super) model: Model,
    pub(super) near: bool,
    pub(super) far: bool,
}

impl Tag {
    /// A block of eight bytes a value.
    pub(super) const RAW: Self = Self::plain(FrontTag::Raw, Model::Reference);

    /// A tag without lists.
    pub(super) const fn plain(front: FrontTag, model: Model) -> Self {
        Self { front, model, near: false, far: false }
    }

    pub(super) fn to_byte(self) -> u8 {
        let flag = |set: bool, bit: u8| if set { bit } else { 0 };
        (self.front as u8)
            | ((self.model as u8) << MODEL_SHIFT)
            | flag(self.near, NEAR)
            | flag(self.far, FAR)
    }

    /// Takes the tag off the front of `bytes`.
    #[inline]
    pub(super) fn read(bytes: &mut &[u8]) -> Result<Self> {
        let Some((&byte, rest)) = bytes.split_first() else {
            return Err(Error::decode("a block without bytes"));
        };
        *bytes = rest;
        let front = match byte & FRONT_MASK {
            0 => FrontTag::Raw,
            1 => FrontTag::Bits,
            2 => FrontTag::Integer,
            3 => FrontTag::Decimal,
            4 => FrontTag::Quotient,
            5 => FrontTag::Multiple,
            6 => FrontTag::Share,
            7 => FrontTag::Dictionary,
            8 => FrontTag::Ticks,
            9 => FrontTag::Coded,
            10 => FrontTag::Derived,
            _ => return Err(unknown(byte)),
        };
        let model = match (byte & MODEL_MASK) >> MODEL_SHIFT {
            0 => Model::Reference,
            1 => Model::Delta,
            2 => Model::DeltaOfDelta,
            _ => return Err(unknown(byte)),
        };
        let (near, far) = (byte & NEAR != 0, byte & FAR != 0);
        let tag = Self { front, model, near, far };
        let exact = matches!(front, FrontTag::Raw | FrontTag::Bits | FrontTag::Ticks);
        let modelled = !matches!(front, FrontTag::Raw | FrontTag::Derived);
        if (exact && (near || far)) || (!modelled && model != Model::Reference) {
            return Err(unknown(byte));
        }
        Ok(tag)
    }
}

fn unknown(byte: u8) -> Error {
    Error::decode(format!("unknown block tag {byte:#04x}; was it written by a newer version?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_one_tag_or_refused() {
        let mut known = 0;
        for byte in 0..=u8::MAX {
            if let Ok(tag) = Tag::read(&mut [byte].as_slice()) {
                assert_eq!(tag.to_byte(), byte);
                known += 1;
            }
        }
        // Raw; bits and ticks with 3 models; seven others with 3 models and 4 sets of lists;
        // derived ones with 4 sets of lists.
        assert_eq!(known, 1 + 2 * 3 + 7 * 3 * 4 + 4);
        assert!(Tag::read(&mut [].as_slice()).is_err());
    }
}
