//! Entropy coding by a table of states (asymmetric numeral systems in the tabled form, Duda 2013):
//! a symbol that comes in a share p of the values costs `-log2 p` bits, fractions of a bit
//! included.
//!
//! In: symbols below 256, and how often each comes, as weights that sum to [`STATES`]. Out: bits,
//! and from them what the symbols mean.
//! Never: a state outside of the table, whatever the bytes say.
//!
//! Four states take turns, so that four symbols decode at a time. They and the bits are written in
//! the order in which decoding reads them: `| state 0..3 | bits of symbol 0 | bits of symbol 1 ...`

#![warn(clippy::indexing_slicing)]

use crate::codec::pack::mask;
use crate::error::{Error, Result};
use crate::kernel::simd;
use crate::kernel::symbols::{Meaning, STATE_BITS, STATES, Siblings, State, Stream, TURNS};

/// Symbols are spread over the states by this step; it is odd, so it meets each state once.
const STEP: usize = (STATES >> 1) + (STATES >> 3) + 3;
/// How often that step was taken when it meets state 1.
const STEPS_TO_NEXT: usize = steps_to_next();

/// Decodes symbols to states, which know what they mean.
#[derive(Debug, Clone)]
pub(super) struct Decoder {
    states: Box<[State; STATES]>,
}

/// Encodes symbols.
#[derive(Debug, Clone)]
pub(super) struct Encoder {
    /// Per symbol: its weight, and where its states begin in `places`.
    symbols: Vec<(u32, u32)>,
    /// The states of each symbol, in order.
    places: Vec<u16>,
}

const fn steps_to_next() -> usize {
    let mut steps = 1;
    while steps * STEP % STATES != 1 {
        steps += 2;
    }
    steps
}

/// The symbol of each state, in order. Weights sum to [`STATES`].
fn spread(weights: &[u16]) -> impl Iterator<Item = u8> {
    let mut runs = [0_u8; STATES];
    let mut rest = runs.as_mut_slice();
    for (symbol, weight) in weights.iter().enumerate() {
        let Some((run, after)) = rest.split_at_mut_checked(usize::from(*weight)) else { break };
        run.fill(symbol as u8);
        rest = after;
    }
    let symbol = move |state| runs.get(state * STEPS_TO_NEXT % STATES).copied();
    (0..STATES).map(move |state| symbol(state).unwrap_or_default())
}

impl Decoder {
    /// A decoder for symbols with these weights, which sum to [`STATES`], and meanings.
    pub(super) fn new(weights: &[u16], meanings: &[Meaning]) -> Self {
        // Room for each symbol that a byte can be, so that none is out of bounds.
        let mut siblings = [Siblings::default(); 256];
        for (siblings, (weight, meaning)) in siblings.iter_mut().zip(weights.iter().zip(meanings)) {
            *siblings = Siblings::new(*weight, *meaning);
        }
        let mut states = Box::new([State::default(); STATES]);
        for (state, symbol) in states.iter_mut().zip(spread(weights)) {
            if let Some(siblings) = siblings.get_mut(usize::from(symbol)) {
                *state = siblings.next();
            }
        }
        Self { states }
    }

    /// Fills `found` with the states of the symbols at the front of `bytes`.
    pub(super) fn decode(&self, bytes: &mut &[u8], found: &mut [State]) -> Result<()> {
        let stream = simd::decode_symbols(&self.states, Stream::begin(bytes), found);
        let wrong = || Error::decode("coded integers that do not end where they should");
        *bytes = stream.end().ok_or_else(wrong)?;
        Ok(())
    }
}

impl Encoder {
    /// An encoder for symbols with these weights, which sum to [`STATES`].
    pub(super) fn new(weights: &[u16]) -> Self {
        let mut symbols = Vec::with_capacity(weights.len());
        let mut start = 0;
        for weight in weights {
            symbols.push((u32::from(*weight), start));
            start += u32::from(*weight);
        }
        let mut free: Vec<u32> = symbols.iter().map(|(_, start)| *start).collect();
        let mut places = vec![0; STATES];
        for (state, symbol) in spread(weights).enumerate() {
            let Some(free) = free.get_mut(usize::from(symbol)) else { continue };
            if let Some(place) = places.get_mut(*free as usize) {
                *place = state as u16;
            }
            *free += 1;
        }
        Self { symbols, places }
    }

    /// Appends symbols, each of which has a weight. `steps` is a buffer.
    pub(super) fn encode(&self, symbols: &[u8], steps: &mut Vec<(u16, u8)>, out: &mut Vec<u8>) {
        let mut turns = [0_u32; TURNS];
        steps.clear();
        for (at, symbol) in symbols.iter().enumerate().rev() {
            let (weight, start) = self.symbols.get(usize::from(*symbol)).copied().unwrap_or((1, 0));
            let Some(turn) = turns.get_mut(at % TURNS) else { continue };
            let state = *turn + STATES as u32;
            let most = STATE_BITS - weight.ilog2();
            let bits = if state >> most < weight { most - 1 } else { most };
            steps.push(((state & mask(bits) as u32) as u16, bits as u8));
            let place = start + (state >> bits) - weight;
            *turn = u32::from(self.places.get(place as usize).copied().unwrap_or_default());
        }
        let mut writer = BitWriter::new(out);
        for turn in turns {
            writer.push(u64::from(turn), STATE_BITS);
        }
        for (low, bits) in steps.iter().rev() {
            writer.push(u64::from(*low), u32::from(*bits));
        }
        writer.finish();
    }
}

/// Appends bits, the lowest first.
pub(super) struct BitWriter<'a> {
    out: &'a mut Vec<u8>,
    waiting: u64,
    used: u32,
}

impl<'a> BitWriter<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, waiting: 0, used: 0 }
    }

    /// Appends the lowest `width` bits, at most 57.
    pub(super) fn push(&mut self, value: u64, width: u32) {
        self.waiting |= (value & mask(width)) << self.used;
        self.used += width;
        while self.used >= 8 {
            self.out.push(self.waiting as u8);
            self.waiting >>= 8;
            self.used -= 8;
        }
    }

    /// Fills up the last byte with zeros.
    pub(super) fn finish(self) {
        if self.used > 0 {
            self.out.push(self.waiting as u8);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Random;

    /// Weights by a law of the index; each symbol has one at least.
    fn weights(count: usize, law: impl Fn(usize) -> f64) -> Vec<u16> {
        let shares: Vec<f64> = (0..count).map(law).collect();
        let sum: f64 = shares.iter().sum();
        let room = (STATES - count) as f64;
        let mut weights: Vec<u16> = shares.iter().map(|p| 1 + (p / sum * room) as u16).collect();
        weights[0] += (STATES - weights.iter().map(|w| *w as usize).sum::<usize>()) as u16;
        weights
    }

    fn meanings(count: usize) -> Vec<Meaning> {
        (0..count).map(|at| Meaning { offset_bits: 0, low: 1_000 + at as u32 }).collect()
    }

    #[test]
    fn symbols_come_back_and_cost_their_entropy() {
        for (count, law) in [(1, 1.0), (2, 0.1), (7, 0.5), (40, 0.9), (256, 0.99)] {
            let weights = weights(count, |at| f64::powi(law, at as i32));
            let mut of_state = Vec::new();
            for (symbol, weight) in weights.iter().enumerate() {
                of_state.extend(std::iter::repeat_n(symbol as u8, *weight as usize));
            }
            let entropy: f64 =
                weights.iter().map(|w| f64::from(*w) / STATES as f64).map(|p| -p * p.log2()).sum();
            let mut random = Random::new(count as u64);
            for samples in [0, 1, 3, 4, 1_023, 1_024] {
                let symbols: Vec<u8> =
                    (0..samples).map(|_| of_state[random.below(STATES)]).collect();
                let mut bytes = vec![9];
                Encoder::new(&weights).encode(&symbols, &mut Vec::new(), &mut bytes);
                let states = TURNS as f64 * f64::from(STATE_BITS);
                let most = states + 1.08 * entropy * samples as f64 + 60.0;
                assert!((bytes.len() as f64 - 1.0) * 8.0 <= most, "{count} {samples}");
                bytes.push(77);
                let decoder = Decoder::new(&weights, &meanings(count));
                let mut found = vec![State::default(); samples];
                let mut rest = &bytes[1..];
                decoder.decode(&mut rest, &mut found).unwrap();
                let meant = symbols.iter().map(|symbol| 1_000 + u32::from(*symbol));
                assert!(found.iter().map(|state| state.meaning().low).eq(meant));
                assert_eq!(rest, [77]);
                bytes.pop();
                if samples > 20 && count > 1 {
                    bytes.truncate(bytes.len() / 2);
                    assert!(decoder.decode(&mut &bytes[1..], &mut found).is_err());
                }
            }
        }
    }

    #[test]
    fn no_bytes_lead_out_of_the_table() {
        let decoder = Decoder::new(&weights(9, |at| 1.0 / (at + 1) as f64), &meanings(9));
        let mut random = Random::new(3);
        let mut refused = 0;
        for _ in 0..200 {
            let bytes: Vec<u8> = (0..600).map(|_| random.below(256) as u8).collect();
            let mut found = vec![State::default(); 1_024];
            refused += u32::from(decoder.decode(&mut bytes.as_slice(), &mut found).is_err());
            assert!(found.iter().all(|state| (1_000..1_009).contains(&state.meaning().low)));
        }
        assert_eq!(refused, 200);
    }
}
