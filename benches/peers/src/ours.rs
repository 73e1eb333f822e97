//! Plimsoll's forms of a block. The one file to change when the codec's interface does.

use plimsoll::codec::varint::{read_u64, write_u64};
use plimsoll::codec::{ColumnDecoder, ValueCache, decode_values, encode_cold, encode_values};

use crate::codec::{BLOCK, BoxError, Codec};

/// Every form that is compared.
pub(crate) fn forms() -> Vec<Box<dyn Codec>> {
    vec![Box::new(Sealed::default()), Box::new(Compacted::default())]
}

/// A block as sealing writes it: one cache for a series, as in the store.
#[derive(Default)]
struct Sealed {
    cache: ValueCache,
    values: Vec<f64>,
}

impl Codec for Sealed {
    fn name(&self) -> &'static str {
        "plimsoll"
    }

    fn start_series(&mut self) {
        self.cache = ValueCache::default();
    }

    fn encode(&mut self, values: &[f64], out: &mut Vec<u8>) -> Result<(), BoxError> {
        encode_values(values, &mut self.cache, out);
        Ok(())
    }

    fn decode(&mut self, bytes: &[u8], count: usize) -> Result<&[f64], BoxError> {
        self.values.clear();
        decode_values(bytes, count, &mut self.values)?;
        Ok(&self.values)
    }
}

/// A series as compaction writes it: a header, the lengths of its blocks, and the blocks, each of
/// which can be read alone with the header. The decoder is made anew for every series, as in the
/// store.
#[derive(Default)]
struct Compacted {
    cache: ValueCache,
    values: Vec<f64>,
}

impl Codec for Compacted {
    fn name(&self) -> &'static str {
        "compacted"
    }

    fn block(&self) -> usize {
        usize::MAX
    }

    fn start_series(&mut self) {
        self.cache = ValueCache::default();
    }

    fn encode(&mut self, values: &[f64], out: &mut Vec<u8>) -> Result<(), BoxError> {
        let column = encode_cold(values, &mut self.cache);
        write_u64(out, column.header.len() as u64);
        for bytes in &column.block_bytes {
            write_u64(out, u64::from(*bytes));
        }
        out.extend_from_slice(&column.header);
        out.extend_from_slice(&column.blocks);
        Ok(())
    }

    fn decode(&mut self, mut bytes: &[u8], count: usize) -> Result<&[f64], BoxError> {
        self.values.clear();
        let header_bytes = usize::try_from(read_u64(&mut bytes)?)?;
        let mut lengths = Vec::with_capacity(count.div_ceil(BLOCK));
        for _ in 0..count.div_ceil(BLOCK) {
            lengths.push(usize::try_from(read_u64(&mut bytes)?)?);
        }
        let cut = || BoxError::from("a column that ends too early");
        let (header, mut rest) = bytes.split_at_checked(header_bytes).ok_or_else(cut)?;
        let mut decoder = ColumnDecoder::new(header)?;
        for (at, length) in lengths.into_iter().enumerate() {
            let (block, tail) = rest.split_at_checked(length).ok_or_else(cut)?;
            decoder.decode_block(block, (count - at * BLOCK).min(BLOCK), &mut self.values)?;
            rest = tail;
        }
        Ok(&self.values)
    }
}
