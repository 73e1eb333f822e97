//! Integers made small: by reference, delta or delta of delta, then packed in few bits, with what
//! does not fit listed as exceptions.
//!
//! In: up to 1,024 integers. Out: the model's first integers, a reference, one width, packed low
//! bits and a sparse list of high bits. Never: arithmetic that can overflow; all of it wraps, so
//! every integer comes back whatever the model makes of it.

#![warn(clippy::indexing_slicing)]

use super::counted::Counted;
use super::pack::{WIDTH_MAX, bits_of, pack, packed_bytes};
use super::sparse::{self, Sparse};
use super::stream::{EXCEPTIONS, NARROW};
use super::tag::Model;
use super::varint;
use crate::kernel::lanes;
use crate::model::limits::BLOCK_SAMPLES;

/// Values sampled for a first guess at the reference.
const LOW_SAMPLE: usize = 32;
/// One part in this many that a trial reference may cost more for others to be tried.
const RAISE_MARGIN: usize = 20;
/// Values looked at before a model is tried, and how many bits a value it may need more.
const SAMPLE: usize = 32;
const HOPELESS_BITS: u32 = 3;
/// A reference is raised by no less than what a width this much smaller spans.
const RAISE_BITS: u32 = 3;
/// Lanes may take one part in this many, and some bytes, more than integers one after another.
const FILLING_SHARE: usize = 24;
const FILLING_BYTES: usize = 8;
/// One in this many values may lie below the reference, as an exception.
const LOW_SHARE: usize = 16;

/// What exceptions may cost in size to be avoided, see `price_bytes`. Chosen for a random walk by
/// steps of a normal distribution, which decodes in two thirds of the time with a bit more for each
/// integer and no exceptions; noisy columns keep theirs, and grow by 1.4%.
const FIRST_EXCEPTIONS: usize = 24;
const FIRST_PRICE_BYTES: usize = 3;
const LATER_PER_BYTE: usize = 4;

/// How to encode integers, and what it will cost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    pub(super) model: Model,
    reference: i64,
    width: u32,
    /// Encoded bytes, exact to a few.
    pub(super) bytes: usize,
    /// The bytes, and what exceptions cost beside them: plans are chosen by this.
    cost: usize,
}

/// Buffers that are used again from block to block.
#[derive(Debug, Clone, Default)]
pub(super) struct Scratch {
    stream: Vec<i64>,
    lowest: Vec<i64>,
    exceptions: Sparse,
}

/// The best plan of a model, if its reference is the least integer or a sampled low one.
struct Trial {
    plan: Plan,
    counted: Counted,
    /// What the model's first integers take, which is in the plan's bytes.
    first_bytes: usize,
    /// Whether another reference may do better.
    raisable: bool,
}

/// Chooses the model, the reference and the width with the fewest bytes.
pub(super) fn plan(latents: &[i64], scratch: &mut Scratch) -> Plan {
    let mut best: Option<Trial> = None;
    let sampled = Sampled::of(latents);
    for model in [Model::Reference, Model::Delta, Model::DeltaOfDelta] {
        if sampled.as_ref().is_some_and(|sampled| sampled.is_hopeless(model)) {
            continue;
        }
        let before = best.as_ref().map(|trial| trial.plan.model);
        if model == Model::DeltaOfDelta && before.is_some_and(|model| model != Model::Delta) {
            // Where differences do not help, their differences do even less.
            break;
        }
        let trial = Trial::of(model, latents, scratch);
        if best.as_ref().is_none_or(|best| trial.plan.cost < best.plan.cost) {
            best = Some(trial);
        }
    }
    match best {
        Some(best) if best.raisable => best.raise_reference(latents, scratch),
        Some(best) => best.plan,
        None => Plan { model: Model::Reference, reference: 0, width: WIDTH_MAX, bytes: 0, cost: 0 },
    }
}

impl Trial {
    fn of(model: Model, latents: &[i64], scratch: &mut Scratch) -> Self {
        let first_bytes = differences(model, latents, &mut scratch.stream);
        let stream = &scratch.stream;
        let counted = Counted::of(stream);
        let low = sampled_low(stream);
        let from_least = width_for(model, &counted, stream, counted.least);
        let from_low = if from_least.is_worth_raising(low) {
            width_for(model, &counted, stream, low)
        } else {
            from_least
        };
        let plan = if from_low.cost < from_least.cost { from_low } else { from_least };
        // A reference that costs clearly more on trial will not do better a little lower.
        let raisable = from_low.cost <= plan.cost + plan.cost / RAISE_MARGIN;
        Self { plan: plan.with(first_bytes), counted, first_bytes, raisable }
    }

    /// Tries references above the minimum, so that a few low values do not widen all the others.
    fn raise_reference(self, latents: &[i64], scratch: &mut Scratch) -> Plan {
        let Self { plan, counted, first_bytes, .. } = self;
        let share = counted.count / LOW_SHARE;
        if share == 0 || plan.width == 0 {
            return plan;
        }
        if !counted.is_near() {
            // Another model may have been tried since.
            differences(plan.model, latents, &mut scratch.stream);
        }
        let skipped = [1 + share / 16, share / 4, share].map(|skipped| skipped.min(share));
        let mut best = plan;
        for reference in counted.lowest(&scratch.stream, skipped, &mut scratch.lowest) {
            if best.is_worth_raising(reference) {
                let plan = width_for(plan.model, &counted, &scratch.stream, reference);
                let plan = plan.with(first_bytes);
                if plan.cost < best.cost {
                    best = plan;
                }
            }
        }
        best
    }
}

/// Bits of a small sample by each model, to leave out those that are not worth a trial.
struct Sampled {
    reference: u32,
    delta: u32,
    delta_of_delta: u32,
}

impl Sampled {
    /// `None` where there are few values.
    fn of(latents: &[i64]) -> Option<Self> {
        let stride = latents.len() / SAMPLE;
        if stride < 3 {
            return None;
        }
        let triples =
            || latents.chunks_exact(stride).take(SAMPLE).filter_map(|some| some.first_chunk::<3>());
        let low = triples().map(|[value, ..]| *value).min().unwrap_or(0);
        let signed = |difference: i64| bits_of(varint::zigzag(difference));
        let mut bits = Self { reference: 0, delta: 0, delta_of_delta: 0 };
        for [value, next, third] in triples() {
            let (delta, after) = (next.wrapping_sub(*value), third.wrapping_sub(*next));
            bits.reference += bits_of(value.wrapping_sub(low) as u64);
            bits.delta += signed(delta);
            bits.delta_of_delta += signed(after.wrapping_sub(delta));
        }
        Some(bits)
    }

    /// Whether a model takes so many bits more than another that it will not be the best.
    fn is_hopeless(&self, model: Model) -> bool {
        let clearly = HOPELESS_BITS * SAMPLE as u32;
        match model {
            Model::Reference => self.reference > self.delta + clearly,
            Model::Delta => self.delta > self.reference + clearly,
            // Differences of independent steps are wider than these by half a bit.
            Model::DeltaOfDelta => self.delta_of_delta > self.delta,
        }
    }
}

impl Plan {
    fn with(self, bytes: usize) -> Self {
        Self { bytes: self.bytes + bytes, cost: self.cost + bytes, ..self }
    }

    /// Whether a higher reference may save bits: one nearer than an eighth of what the width
    /// spans moves few values to a smaller width.
    fn is_worth_raising(&self, reference: i64) -> bool {
        let by = reference.wrapping_sub(self.reference) as u64;
        by > 0 && by.checked_shr(self.width.saturating_sub(RAISE_BITS)).is_some_and(|by| by > 0)
    }
}

/// A low value that is not an outlier: the third lowest of a small sample.
fn sampled_low(stream: &[i64]) -> i64 {
    let stride = (stream.len() / LOW_SAMPLE).max(1);
    let sample = stream.iter().step_by(stride).take(LOW_SAMPLE).copied();
    let (mut first, mut second, mut third) = (i64::MAX, i64::MAX, i64::MAX);
    for value in sample {
        third = third.min(second.max(value));
        second = second.min(first.max(value));
        first = first.min(value);
    }
    if stream.len() < 3 { first } else { third }
}

/// Appends `latents` as planned for them.
pub(super) fn encode(plan: &Plan, latents: &[i64], scratch: &mut Scratch, out: &mut Vec<u8>) {
    differences(plan.model, latents, &mut scratch.stream);
    write_firsts(plan.model, latents, out);
    varint::write_i64(out, plan.reference);
    let narrow = is_narrow(plan, latents);
    let stream = &mut scratch.stream;
    if narrow {
        // A block of lanes has a number for each integer: none at first, that is, the reference.
        let lacking = latents.len() - stream.len();
        stream.splice(..0, std::iter::repeat_n(plan.reference, lacking));
        stream.resize(lanes::padded(latents.len()), plan.reference);
        to_lanes(stream);
    }
    let exceptions = &mut scratch.exceptions;
    exceptions.clear();
    for (index, value) in stream.iter().enumerate() {
        let high = high_bits(value.wrapping_sub(plan.reference), plan.width);
        if high != 0 {
            exceptions.push(index, varint::zigzag(high));
        }
    }
    let flag = if exceptions.is_empty() { 0 } else { EXCEPTIONS };
    let low = stream.iter().map(|value| value.wrapping_sub(plan.reference) as u64);
    if narrow {
        out.push(plan.width as u8 | flag | NARROW);
        let mut block = [0; BLOCK_SAMPLES];
        block.iter_mut().zip(low).for_each(|(slot, low)| *slot = low as u32);
        lanes::pack(block.get(..stream.len()).unwrap_or_default(), plan.width, out);
    } else {
        out.push(plan.width as u8 | flag);
        pack(low, plan.width, out);
    }
    if !exceptions.is_empty() {
        exceptions.encode(stream.len(), out);
    }
}

/// Appends the integers that a model starts with.
pub(super) fn write_firsts(model: Model, latents: &[i64], out: &mut Vec<u8>) {
    match (model, latents) {
        (Model::Delta, [first, ..]) | (Model::DeltaOfDelta, [first]) => {
            varint::write_i64(out, *first);
        }
        (Model::DeltaOfDelta, [first, second, ..]) => {
            varint::write_i64(out, *first);
            varint::write_i64(out, second.wrapping_sub(*first));
        }
        _ => {}
    }
}

/// Puts a block in the order of lanes.
fn to_lanes(stream: &mut [i64]) {
    let mut block = [0; BLOCK_SAMPLES];
    for (index, value) in stream.iter().enumerate() {
        if let Some(slot) = block.get_mut(lanes::place(index)) {
            *slot = *value;
        }
    }
    stream.copy_from_slice(block.get(..stream.len()).unwrap_or_default());
}

/// Whether a block is written in lanes, which keep 32 bits of each integer, and may have to be
/// filled up.
fn is_narrow(plan: &Plan, latents: &[i64]) -> bool {
    let base = match (plan.model, latents) {
        (Model::Delta | Model::DeltaOfDelta, [first, ..]) => *first,
        _ => plan.reference,
    };
    let fits = |latent: &i64| i32::try_from(latent.wrapping_sub(base)).is_ok();
    let count = latents.len();
    let packed = packed_bytes(count, plan.width);
    let filled = lanes::packed_bytes(count, plan.width);
    plan.width <= lanes::WIDTH_MAX
        && filled <= packed + packed / FILLING_SHARE + FILLING_BYTES
        && base.unsigned_abs() <= lanes::BASE_MAX
        && latents.iter().all(fits)
}

/// What packing leaves of a difference: everything above its lowest `width` bits, signed.
#[inline]
fn high_bits(difference: i64, width: u32) -> i64 {
    difference.checked_shr(width).unwrap_or(0)
}

/// Writes the model's differences to `stream`; returns the bytes that its first integers take.
pub(super) fn differences(model: Model, latents: &[i64], stream: &mut Vec<i64>) -> usize {
    stream.clear();
    let pairs = latents.iter().zip(latents.iter().skip(1));
    match (model, latents) {
        (Model::Reference, _) => {
            stream.extend_from_slice(latents);
            0
        }
        (Model::Delta, _) | (_, [] | [_]) => {
            stream.extend(pairs.map(|(before, value)| value.wrapping_sub(*before)));
            signed_bytes(latents.first().copied().unwrap_or(0))
        }
        (Model::DeltaOfDelta, [first, second, ..]) => {
            let triples = pairs.zip(latents.iter().skip(2));
            stream.extend(
                triples.map(|((a, b), c)| c.wrapping_sub(*b).wrapping_sub(b.wrapping_sub(*a))),
            );
            signed_bytes(*first) + signed_bytes(second.wrapping_sub(*first))
        }
    }
}

const fn signed_bytes(value: i64) -> usize {
    varint::len_u64(varint::zigzag(value))
}

/// The width with the fewest bytes: low bits of all values and the exceptions that it leaves.
/// `stream` is what was counted, unless that is near.
fn width_for(model: Model, counted: &Counted, stream: &[i64], reference: i64) -> Plan {
    let (needing, samples) = (counted.widths(stream, reference), counted.count);
    let header_bytes = signed_bytes(reference) + 1;
    let (bytes, cost) = (usize::MAX, usize::MAX);
    let mut best = Plan { model, reference, width: WIDTH_MAX, bytes, cost };
    // From the widest down, each width adds those that need just more to the exceptions.
    let mut exceptions = needing.below();
    let mut bits_above = exceptions * needing.below_width() as usize;
    for width in (0..=needing.widest()).rev() {
        // Wider blocks are slow by themselves.
        let price = if width <= lanes::WIDTH_MAX { price_bytes(exceptions) } else { 0 };
        let mut bytes = header_bytes + packed_bytes(samples, width);
        let least = match exceptions {
            0 => bytes,
            _ => bytes + sparse::least_bytes(samples, exceptions) + price,
        };
        if exceptions > 0 && least <= best.cost {
            // The widest of them get room of their own, so the mean width counts: with a bit for
            // the sign and a few for those somewhat above the mean.
            let mean_width = ((bits_above / exceptions) as u32).saturating_sub(width);
            let high_width = (mean_width + 4).min(needing.widest() - width + 1);
            bytes += sparse::estimate_bytes(samples, exceptions, high_width);
        }
        let cost = bytes + price;
        if least <= best.cost && cost <= best.cost {
            best = Plan { width, bytes, cost, ..best };
        }
        let count = needing.above(width);
        exceptions += count;
        bits_above += count * width as usize;
    }
    debug_assert!(exceptions == samples);
    best
}

/// What exceptions cost beside their bytes: the time in which they are put in their places, in the
/// bytes that it is worth. The first few cost most: a list stalls a loop that is done with a block
/// in the time that some eighty exceptions take.
const fn price_bytes(exceptions: usize) -> usize {
    let first = if exceptions < FIRST_EXCEPTIONS { exceptions } else { FIRST_EXCEPTIONS };
    first * FIRST_PRICE_BYTES + exceptions / LATER_PER_BYTE
}

#[cfg(test)]
mod tests {
    use super::super::stream::Stream;
    use super::*;
    use proptest::prelude::*;

    fn decode(bytes: &mut &[u8], model: Model, count: usize) -> Vec<i64> {
        let stream = Stream::read(bytes, model, count).unwrap();
        stream.decode(bytes, <[i64]>::to_vec).unwrap()
    }

    /// Encodes, checks that it comes back and that the estimate holds; the model, width and bytes.
    fn round_trip(latents: &[i64]) -> (Model, u32, usize) {
        let mut scratch = Scratch::default();
        let plan = plan(latents, &mut scratch);
        let mut bytes = Vec::new();
        encode(&plan, latents, &mut scratch, &mut bytes);
        let mut rest = bytes.as_slice();
        let found = decode(&mut rest, plan.model, latents.len());
        assert!(rest.is_empty());
        assert_eq!(found, latents);
        let slack = 8 + bytes.len() / 4;
        assert!(plan.bytes.abs_diff(bytes.len()) <= slack, "{} {}", plan.bytes, bytes.len());
        (plan.model, plan.width, bytes.len())
    }

    /// `SplitMix64` of the index, below a power of two.
    fn noise(index: i64, below: i64) -> i64 {
        let z = (index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) as i64 & (below - 1)
    }

    #[test]
    fn each_model_has_its_data() {
        let constant = vec![7; 1024];
        assert_eq!(round_trip(&constant), (Model::Reference, 0, 2));
        let noisy: Vec<i64> = (0..1024).map(|i| 1000 + noise(i, 16)).collect();
        assert_eq!(round_trip(&noisy), (Model::Reference, 4, 2 + 1 + 512));
        let linear: Vec<i64> = (0..1024).map(|i| 1000 + 300 * i).collect();
        assert_eq!(round_trip(&linear), (Model::Delta, 0, 2 + 2 + 1));
        let parabola: Vec<i64> = (0..1024).map(|i| i * i).collect();
        assert_eq!(round_trip(&parabola), (Model::DeltaOfDelta, 0, 1 + 1 + 1 + 1));
    }

    #[test]
    fn outliers_do_not_touch_their_neighbours() {
        let mut values: Vec<i64> = (0..1024).map(|i| 1000 + noise(i, 16)).collect();
        let (_, _, clean) = round_trip(&values);
        values[100] = i64::MAX;
        values[200] = i64::MIN;
        values[300] = 0;
        let (model, width, bytes) = round_trip(&values);
        assert_eq!((model, width), (Model::Reference, 4));
        assert!(bytes < clean + 50, "{bytes} {clean}");
    }

    #[test]
    fn steps_cost_as_many_entries_as_there_are_steps() {
        let values: Vec<i64> = (0..1024).map(|i| noise(i / 40, 1 << 30)).collect();
        let (model, width, bytes) = round_trip(&values);
        assert_eq!((model, width), (Model::Delta, 0));
        assert!(bytes < 26 * 7, "{bytes}");
    }

    #[test]
    #[cfg_attr(miri, ignore = "hours in an interpreter; parts of it are run by others")]
    fn blocks_are_in_lanes_where_32_bits_tell_their_integers_apart() {
        let narrow = |values: &[i64]| {
            let mut scratch = Scratch::default();
            let plan = plan(values, &mut scratch);
            round_trip(values);
            is_narrow(&plan, values)
        };
        let around = |base: i64| (0..1024).map(|i| base + noise(i, 1 << 20)).collect::<Vec<_>>();
        assert!(
            narrow(&around(0)) && narrow(&around(-5)) && narrow(&around((1 << 50) - (1 << 20)))
        );
        assert!(!narrow(&around((1 << 50) + 1)) && !narrow(&around(-(1 << 50) - (1 << 20))));
        // Shorter ones too, unless filling them up takes much.
        assert!(narrow(&around(0)[1..]) && narrow(&around(0)[..500]));
        assert!(!narrow(&around(0)[..33]));
        let mut far = around(0);
        far[500] = (1 << 31) + (1 << 20);
        assert!(!narrow(&far));
        far[500] = (1 << 31) - 1;
        assert!(narrow(&far));
    }

    proptest! {
        #[test]
        fn every_integer_comes_back(
            values in prop::collection::vec(any::<i64>(), 1..300),
            shift in 0_u32..64,
            outlier: i64,
            full: bool,
        ) {
            let count = if full { BLOCK_SAMPLES } else { values.len() };
            let mut values: Vec<i64> =
                values.iter().cycle().take(count).map(|value| value >> shift).collect();
            values[0] = outlier;
            let mut scratch = Scratch::default();
            let best = plan(&values, &mut scratch);
            for (model, width) in [
                (best.model, best.width),
                (Model::Reference, 0),
                (Model::Delta, 13),
                (Model::DeltaOfDelta, 5),
                (Model::DeltaOfDelta, 63),
                (Model::Delta, 64),
            ] {
                let plan = Plan { model, width, ..best };
                let mut bytes = Vec::new();
                encode(&plan, &values, &mut scratch, &mut bytes);
                let found = decode(&mut bytes.as_slice(), model, values.len());
                prop_assert_eq!(&found, &values);
            }
        }
    }
}
