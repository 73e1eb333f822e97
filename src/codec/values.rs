//! A block of values: chooses a front end by its bytes, and puts block and bytes together.

#![warn(clippy::indexing_slicing)]

use super::cache::{Usual, ValueCache};
use super::dictionary::Entries;
use super::front::{self, Front, Mapped};
use super::integers::{self, Plan, Scratch};
use super::search;
use super::sparse;
use super::stream::Stream;
use super::tag::{FrontTag, Tag};
use crate::error::{Error, Result};
use crate::kernel::lanes::{Arithmetic, BASE_MAX};
use crate::kernel::simd;
use crate::model::limits::BLOCK_SAMPLES;

/// A block may be as wide as this many bytes a value before its bit patterns are tried as well.
const BITS_WORTH_TRYING: usize = 2;

/// Appends a block of at most 1,024 values, lossless for every bit pattern. A longer slice is
/// written as eight bytes each.
///
/// ```
/// use plimsoll::codec::{ValueCache, decode_values, encode_values};
/// // Counts over 15 seconds.
/// let rates: Vec<f64> = (0..1024).map(|i| f64::from(i % 37) / 15.0).collect();
/// let mut bytes = Vec::new();
/// encode_values(&rates, &mut ValueCache::default(), &mut bytes);
/// assert!(bytes.len() < 1024);
/// let mut found = Vec::new();
/// decode_values(&bytes, 1024, &mut found)?;
/// assert_eq!(found, rates);
/// # Ok::<(), plimsoll::Error>(())
/// ```
pub fn encode_values(values: &[f64], cache: &mut ValueCache, out: &mut Vec<u8>) {
    if values.is_empty() {
        return;
    }
    let start = out.len();
    if values.len() <= BLOCK_SAMPLES {
        let (front, plan) = choose(values, cache);
        encode_mapped(front, &plan, &cache.best, &mut cache.scratch, out);
    }
    let bytes = out.len() - start;
    if bytes == 0 || bytes > 8 * values.len() {
        out.truncate(start);
        out.push(Tag::RAW.to_byte());
        for value in values {
            out.extend_from_slice(&value.to_bits().to_le_bytes());
        }
    }
}

/// Appends exactly `count` values to `out`, from exactly all of `bytes`, or fails and appends none.
pub fn decode_values(bytes: &[u8], count: usize, out: &mut Vec<f64>) -> Result<()> {
    if count == 0 && bytes.is_empty() {
        return Ok(());
    }
    let start = out.len();
    let decoded = decode_block(bytes, count, out);
    if decoded.is_err() {
        out.truncate(start);
    }
    decoded
}

/// The front end with the fewest bytes: the usual one while it holds, else the best of a search.
/// The block as it maps it is then in `cache.best`.
fn choose(values: &[f64], cache: &mut ValueCache) -> (Front, Plan) {
    if let Some(mut usual) = cache.usual {
        let front = usual.front;
        let other =
            !matches!(front, Front::Integer | Front::Multiple { .. } | Front::Dictionary { .. });
        if front != Front::Bits && !(other && search::looks_whole(values)) {
            let (mapped, scratch) = (&mut cache.best, &mut cache.scratch);
            let (plan, bytes) = estimate(front, values, mapped, scratch);
            if usual.holds(bytes, values.len()) {
                cache.usual = Some(usual);
                return (front, plan);
            }
        }
    }
    let mut best: Option<(Front, Plan, usize)> = None;
    let mut candidates = std::mem::take(&mut cache.candidates);
    search::candidates(values, &mut cache.mapped, &mut candidates);
    candidates.extend(cache.usual.map(|usual| usual.front));
    candidates.push(Front::Bits);
    for &front in &candidates {
        let enough = values.len() * BITS_WORTH_TRYING;
        if front == Front::Bits && best.is_some_and(|(_, _, bytes)| bytes < enough) {
            continue;
        }
        let (plan, bytes) = estimate(front, values, &mut cache.mapped, &mut cache.scratch);
        if best.is_none_or(|(_, _, fewest)| bytes < fewest) {
            best = Some((front, plan, bytes));
            std::mem::swap(&mut cache.mapped, &mut cache.best);
        }
    }
    cache.candidates = candidates;
    if let Some((front, plan, bytes)) = best {
        cache.usual = Some(Usual::new(front, bytes, values.len()));
        return (front, plan);
    }
    // Not reached: bit patterns fit everything.
    Front::Bits.map(values, &mut cache.best);
    (Front::Bits, integers::plan(&cache.best.latents, &mut cache.scratch))
}

/// Maps a block and estimates its bytes.
fn estimate(
    front: Front,
    values: &[f64],
    mapped: &mut Mapped,
    scratch: &mut Scratch,
) -> (Plan, usize) {
    front.map(values, mapped);
    let plan = integers::plan(&mapped.latents, scratch);
    let lists = mapped.near.estimate_bytes(values.len()) + mapped.far.estimate_bytes(values.len());
    (plan, 1 + front.parameter_bytes() + lists + plan.bytes)
}

fn encode_mapped(
    front: Front,
    plan: &Plan,
    mapped: &Mapped,
    scratch: &mut Scratch,
    out: &mut Vec<u8>,
) {
    let near = !mapped.near.is_empty();
    let far = !mapped.far.is_empty();
    out.push(Tag { near, far, ..Tag::plain(front.tag(), plan.model) }.to_byte());
    front.write(out);
    integers::encode(plan, &mapped.latents, scratch, out);
    mapped.write_corrections(out);
}

/// How values are made of integers: by this arithmetic, each of the base and a number, as in
/// [`Integers`](crate::kernel::Integers).
#[derive(Debug, Clone, Copy)]
pub struct Made {
    /// What makes values of integers.
    pub arithmetic: Arithmetic,
    /// What all integers have in common.
    pub base: i64,
}

pub(super) fn decode_block(bytes: &[u8], count: usize, out: &mut Vec<f64>) -> Result<()> {
    let mut rest = bytes;
    let tag = Tag::read(&mut rest)?;
    if tag.front == FrontTag::Raw {
        let words = super::raw_words(rest, count)?.iter();
        out.extend(words.map(|word| f64::from_bits(u64::from_le_bytes(*word))));
        return Ok(());
    }
    let start = out.len();
    match front::read_arithmetic(tag.front, &mut rest)? {
        Some(arithmetic) => {
            let stream = Stream::read(&mut rest, tag.model, count)?;
            if stream.is_narrow() {
                stream.append_values(&mut rest, arithmetic, out)?;
            } else {
                let value = |k: &i64| arithmetic.value(*k as f64);
                stream.decode(&mut rest, |integers| out.extend(integers.iter().map(value)))?;
            }
        }
        None => look_up(tag, &mut rest, count, out)?,
    }
    correct(tag, rest, out.get_mut(start..).unwrap_or_default())
}

/// Appends the integers of a block that `wanted` arithmetic makes values of; `None`, and nothing
/// appended, of any other block.
pub(super) fn decode_integers(
    mut bytes: &[u8],
    count: usize,
    wanted: impl Fn(Arithmetic) -> bool,
    out: &mut Vec<i32>,
) -> Result<Option<Made>> {
    let rest = &mut bytes;
    let tag = Tag::read(rest)?;
    if tag.near || tag.far {
        return Ok(None);
    }
    let Some(arithmetic) = front::read_arithmetic(tag.front, rest)?.filter(|a| wanted(*a)) else {
        return Ok(None);
    };
    let stream = Stream::read(rest, tag.model, count)?;
    let base = if stream.is_narrow() {
        stream.append_integers(rest, out)?;
        Some(stream.base())
    } else {
        stream.decode(rest, |integers| append_near(integers, out))?
    };
    super::expect_end(rest)?;
    Ok(base.map(|base| Made { arithmetic, base }))
}

/// Appends integers without the first, which is returned; `None`, and nothing appended, where they
/// are too far from each other.
fn append_near(integers: &[i64], out: &mut Vec<i32>) -> Option<i64> {
    let base = *integers.first()?;
    let near = |integer: &i64| i32::try_from(integer.wrapping_sub(base)).is_ok();
    if base.unsigned_abs() > BASE_MAX || !integers.iter().all(near) {
        return None;
    }
    out.extend(integers.iter().map(|integer| integer.wrapping_sub(base) as i32));
    Some(base)
}

/// Which magnitude no integer of a block exceeds, where it is made of whole numbers alone that are
/// near each other.
pub(super) fn whole_max(mut bytes: &[u8], count: usize) -> Result<Option<u64>> {
    let tag = Tag::read(&mut bytes)?;
    if tag.near || tag.far || tag.front != FrontTag::Integer {
        return Ok(None);
    }
    Ok(Stream::read(&mut bytes, tag.model, count)?.magnitude_max())
}

/// Corrects a block by the lists that the tag announces, which are exactly all of `rest`.
pub(super) fn correct(tag: Tag, mut rest: &[u8], block: &mut [f64]) -> Result<()> {
    for (is_there, meaning) in [(tag.near, front::NEAR), (tag.far, front::FAR)] {
        if is_there {
            sparse::add_to(&mut rest, meaning, block, simd::add_to_patterns)?;
        }
    }
    super::expect_end(rest)
}

/// Appends values that are bit patterns, or places in a list of them.
fn look_up(tag: Tag, bytes: &mut &[u8], count: usize, out: &mut Vec<f64>) -> Result<()> {
    let entries = match tag.front {
        FrontTag::Ticks => {
            return Err(Error::decode("a block of times where values are expected"));
        }
        FrontTag::Coded | FrontTag::Derived => {
            return Err(Error::decode("a block that needs its column's header"));
        }
        FrontTag::Dictionary => Some(Entries::read(bytes)?),
        _ => None,
    };
    let stream = Stream::read(bytes, tag.model, count)?;
    stream.decode(bytes, |integers| {
        let Some(entries) = &entries else {
            out.extend(integers.iter().map(|k| front::from_ordered(*k)));
            return Ok(());
        };
        entries.check(integers)?;
        out.extend(integers.iter().map(|place| entries.value(*place)));
        Ok(())
    })?
}
