//! Time and bytes of every codec over one column.
//!
//! A machine is never quiet. So the processor time of this thread is taken, not that of a clock on
//! the wall; and the codecs take turns: a stretch of some 64 blocks is encoded and decoded by each
//! of them in turn, several rounds long, and the median of each codec's rounds counts. A stretch
//! fits the cache; it is decoded once untimed before each time that counts.

use std::hint::black_box;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::codec::{BLOCK, BoxError, Codec};
use crate::data::Column;

/// Whole series are taken until they have this many values together.
const STRETCH: usize = 64 * BLOCK;

/// What a codec needed for a column.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Need {
    pub(crate) bytes: usize,
    pub(crate) encode: Duration,
    pub(crate) decode: Duration,
}

/// Encoded series, and where each block ends and how many values it has.
#[derive(Default)]
struct Encoded {
    bytes: Vec<u8>,
    blocks: Vec<(usize, usize)>,
}

/// Measures all codecs on a column, in their order. A value that comes back different is an error.
pub(crate) fn column(
    column: &Column,
    codecs: &mut [Box<dyn Codec>],
    rounds: usize,
) -> Result<Vec<Need>, BoxError> {
    let mut needs = vec![Need::default(); codecs.len()];
    let mut rest = column.series.as_slice();
    while !rest.is_empty() {
        let mut values = 0;
        let full = rest.iter().position(|series| {
            values += series.len();
            values >= STRETCH
        });
        let (stretch, behind) = rest.split_at(full.map_or(rest.len(), |at| at + 1));
        rest = behind;
        for (need, of_stretch) in needs.iter_mut().zip(measure_stretch(stretch, codecs, rounds)?) {
            need.bytes += of_stretch.bytes;
            need.encode += of_stretch.encode;
            need.decode += of_stretch.decode;
        }
    }
    Ok(needs)
}

fn measure_stretch(
    stretch: &[Vec<f64>],
    codecs: &mut [Box<dyn Codec>],
    rounds: usize,
) -> Result<Vec<Need>, BoxError> {
    let mut encoded: Vec<Encoded> = codecs.iter().map(|_| Encoded::default()).collect();
    let mut times = vec![(Vec::new(), Vec::new()); codecs.len()];
    for round in 0..rounds {
        for ((codec, encoded), (encode, decode)) in
            codecs.iter_mut().zip(&mut encoded).zip(&mut times)
        {
            let codec = &mut **codec;
            encode.push(encode_all(stretch, codec, encoded)?);
            if round == 0 {
                verify(stretch, codec, encoded)?;
            } else {
                decode_all(codec, encoded)?;
            }
            decode.push(decode_all(codec, encoded)?);
        }
    }
    let needs = times.iter_mut().zip(&encoded).map(|((encode, decode), encoded)| Need {
        bytes: encoded.bytes.len(),
        encode: median(encode),
        decode: median(decode),
    });
    Ok(needs.collect())
}

fn encode_all(
    stretch: &[Vec<f64>],
    codec: &mut dyn Codec,
    out: &mut Encoded,
) -> Result<Duration, BoxError> {
    out.bytes.clear();
    out.blocks.clear();
    let started = thread_time();
    for series in stretch {
        codec.start_series();
        for block in series.chunks(codec.block()) {
            codec.encode(black_box(block), &mut out.bytes)?;
            out.blocks.push((out.bytes.len(), block.len()));
        }
    }
    Ok(thread_time().saturating_sub(started))
}

fn decode_all(codec: &mut dyn Codec, encoded: &Encoded) -> Result<Duration, BoxError> {
    let started = thread_time();
    let mut start = 0;
    for &(end, count) in &encoded.blocks {
        black_box(codec.decode(black_box(&encoded.bytes[start..end]), count)?);
        start = end;
    }
    Ok(thread_time().saturating_sub(started))
}

/// Decodes everything and compares it bit for bit.
fn verify(stretch: &[Vec<f64>], codec: &mut dyn Codec, encoded: &Encoded) -> Result<(), BoxError> {
    let block = codec.block();
    let mut expected = stretch.iter().flat_map(|series| series.chunks(block));
    let (mut start, name) = (0, codec.name());
    for &(end, count) in &encoded.blocks {
        let found = codec.decode(&encoded.bytes[start..end], count)?;
        let same = |block: &[f64]| {
            found.len() == block.len()
                && found.iter().zip(block).all(|(a, b)| a.to_bits() == b.to_bits())
        };
        if !expected.next().is_some_and(same) {
            return Err(format!("{name}: a block does not come back bit for bit").into());
        }
        start = end;
    }
    Ok(())
}

/// The processor time that this thread has had.
fn thread_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
