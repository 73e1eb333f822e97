//! Columns of numbers to bytes and back, in blocks of at most 1,024, lossless for every bit
//! pattern.
//!
//! In: a block of `f64` values or of `i64` times. Out: bytes, for which the block's length has to
//! be kept elsewhere. Never: a number that comes back different, a panic or a large allocation on
//! bytes that were damaged, or state that decoding depends on. `docs/format/codec.md` has the
//! bytes.
//!
//! # The contract of a codec
//! A block goes through two stages, each with alternatives that compete by size:
//! 1. a *front end* ([`front`]) maps values to integers, with corrections for those it misses;
//! 2. a *model* ([`integers`]) makes the integers small and packs them, with exceptions for those
//!    that stay large.
//!
//! Each alternative first estimates its bytes for the block, or declines; the one with the fewest
//! encodes; its number in the block's [`tag`] says how to decode. Numbers of tags are never given
//! again, so old blocks stay readable when alternatives join. Estimates may be wrong by a few
//! bytes: they choose, nothing else.
//!
//! Searching a front end's parameters costs more than using them, so a [`ValueCache`] carries them
//! from block to block and a search is repeated only when they do clearly worse.

#![warn(clippy::indexing_slicing)]

mod cache;
mod cold;
mod column;
mod counted;
mod derived;
mod dictionary;
mod formula;
mod front;
mod integers;
mod multiple;
mod pack;
mod search;
mod sparse;
mod stats;
mod stream;
mod tag;
mod times;
mod values;
pub mod varint;

pub use cache::ValueCache;
pub use column::{ColumnDecoder, EncodedColumn, encode_cold, encode_sealed};
pub use derived::{Formula, decode_derived, encode_derived};
pub use formula::find_formula;
pub use stats::BlockStats;
pub use times::{decode_times, encode_times};
pub use values::{Made, decode_values, encode_values};

use crate::error::{Error, Result};

/// The first `count` places of a block.
fn block_of(block: &mut [i64], count: usize) -> Result<&mut [i64]> {
    let longest = block.len();
    block
        .get_mut(..count)
        .filter(|block| !block.is_empty())
        .ok_or_else(|| Error::decode(format!("a block of {count} values; 1 to {longest} can be")))
}

/// `count` words of eight bytes, no more and no less.
fn raw_words(bytes: &[u8], count: usize) -> Result<&[[u8; 8]]> {
    let (words, rest) = bytes.as_chunks();
    if words.len() != count || !rest.is_empty() {
        let found = bytes.len();
        return Err(Error::decode(format!("{found} bytes for {count} values of eight bytes")));
    }
    Ok(words)
}

fn expect_end(rest: &[u8]) -> Result<()> {
    if rest.is_empty() {
        return Ok(());
    }
    Err(Error::decode(format!("{} bytes after the end of a block", rest.len())))
}

#[cfg(test)]
mod tests;
